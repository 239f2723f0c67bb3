"""What the command lines share: a complaint is one line on standard error, and the exit codes are the same.

0 done; 1 a claim that does not hold (validation); 2 a bad call; 130 interrupted. Only light modules
are imported here, so that --help answers at once.
"""

import argparse
import contextlib
import ctypes
import os
import sys

SPINS = "10000"  # some 20 us: torch's idle threads are back at once for its next operation, and out of the kernels' way
MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1  # glibc's malloc.h
KEPT = 2**31 - 1  # bytes: the largest that mallopt takes


def keep_memory():
    """Let memory that is freed serve the next array, by glibc; other C libraries are left as they are.

    It would give arrays of some 10 MB and more back to the system and get new pages for the next ones, which costs a
    training iteration of a spiking network half of its time.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        for parameter in MMAP_THRESHOLD, TRIM_THRESHOLD:
            mallopt(parameter, KEPT)


class Parser(argparse.ArgumentParser):
    """An argument parser that raises its complaint, to be shown as every other one."""

    def error(self, message):
        """Raise what argparse complains about as a ValueError."""
        raise ValueError(f"{message}. See `{self.prog} --help`.")


def say(*lines):
    """Print lines for the user of a command line, at once."""
    print(*lines, sep="\n", flush=True)


def printable(text):
    """A text, perhaps from a file, on one line and without what a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def run(name, command, argv=None):
    """Call command(words) and turn what goes wrong into one line and an exit code.

    name     of the program, before each complaint
    command  a function of the words of the command line that returns an exit code, or None for 0
    argv     the words; sys.argv[1:] by default
    Returns : the exit code
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)  # read when torch is imported
    try:
        code = command(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
        return code or 0
    except SystemExit as done:  # --help
        return done.code
    except BrokenPipeError:  # the reader, `head` for one, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130
    except (OSError, ValueError, TypeError, MemoryError, RuntimeError) as error:  # IntegrationError is a RuntimeError
        named = isinstance(error, OSError) and error.filename is not None and error.strerror
        text = f"{error.filename}: {error.strerror}" if named else str(error)
        print(f"{name}: {printable(text) or type(error).__name__}", file=sys.stderr)
        return 2
