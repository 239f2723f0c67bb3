"""Files of runs and of sweeps, damaged at random in thousands of ways: refused in one line, or read as they were.

Bits are flipped, bytes blown over, or the end is cut off.

`python -m validation.damage KIND FIRST LAST SEED FOLDER` reads the damaged files FIRST ... LAST - 1 of a good one in a
process of its own, which may crash, hang or run out of memory; `measured` starts it, and starts it again behind a file
that ended it.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

import shno
from shno import sweep_file
from validation.claim import Claim

ROWS = ()
ALONE = True  # ten minutes
COUNT, SEED = 4000, 17
MEMORY, PATIENCE = 2**30, 20  # bytes over those at the start, and s, for one file
POINT = shno.operating_point("w-cofeb-pma")
HEATED = replace(shno.preset("w-cofeb-pma"), R=300.0, R_th=8e5, C_th=1e-16)
DRIVE = shno.Drive(I=shno.Sine(np.array([1e-4, 2e-4]), 1e9), B_ext=POINT.B_ext)
NOISE = {"dt": 1e-12, "temperature": 300.0, "seed": 1}
AXES = {"I": [1e-4, 2e-4, 3e-4], "B_ext": [(0.0, 0.1, 0.3), (0.0, 0.2, 0.3)]}
CUT = "import sys; from validation import damage; damage.cut_short(sys.argv[1])"
UNFINISHED = b"\xff" * 8
READING = ("-m", "validation.damage")


def claims(figures):
    """Every kind of file."""
    with tempfile.TemporaryDirectory() as folder:
        found = {kind: measured(kind, COUNT, SEED, folder) for kind in KINDS}
    what = "damaged at random: refused in one line, or read as it was"
    rows = []
    for k, (kind, each) in enumerate(found.items(), 1):
        told = f"refused {each['refused']}, wrong: {'; '.join(each['wrong'][:3]) or 'none'}"
        text, right = f"{COUNT} copies of {kind.replace('-', ' ')}, {what} ({told})", each["refused"] + each["same"]
        rows.append(Claim(f"HF{k}", text, "all", COUNT, right, how="absolute"))
    return rows


def measured(kind, count, seed, folder):
    """What became of so many damaged copies of a good file: {"same": n, "refused": n, "wrong": [text]}."""
    KINDS[kind](f"{folder}/{kind}.h5")
    environment = os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), environment.get("PYTHONPATH", "")])
    total, wrong, first, ended = Counter(), [], 0, None
    while first < count:
        words = [kind, str(first), str(count), str(seed), str(folder)]
        made = subprocess.run([sys.executable, *READING, *words], env=environment, capture_output=True, text=True)
        told = [json.loads(line) for line in made.stdout.splitlines()]
        total.update(each for each in told if each in ("same", "refused"))
        wrong += [f"{first + k}: {each}" for k, each in enumerate(told) if each not in ("same", "refused")]
        first += len(told)
        again, ended = first == ended, first
        if again:  # for the second time: it was no stall of the machine
            wrong.append(f"{first}: the process ended with {made.returncode} {made.stderr[-300:]}")
            first, ended = first + 1, None
    return {"same": total["same"], "refused": total["refused"], "wrong": wrong}


def saved(path):
    """A run that was saved whole: heated, driven by a waveform, thermal."""
    shno.simulate(HEATED, DRIVE, duration=1e-10, **NOISE).save(path)


def streamed(path):
    """The same, streamed and compressed."""
    shno.simulate(HEATED, DRIVE, duration=1e-10, **NOISE, out=path, compression="gzip")


def killed(path):
    """The same, whose process was killed while it streamed."""
    subprocess.run([sys.executable, "-c", CUT, path], check=False)


def cut_short(path):
    """Stream a run in small chunks and kill this process in the middle of it."""
    from shno import stream

    def end(done, total):
        if done > total // 2:
            os.kill(os.getpid(), signal.SIGKILL)

    stream.CHUNK, stream.AHEAD = 2**11, 1  # two chunks at most wait for the writer
    shno.simulate(HEATED, DRIVE, duration=2e-9, **NOISE, out=path, progress=end)


def swept(path):
    """A thermal sweep of 6 points and 50 realisations in 2 blocks."""
    sweeping = {"duration": 2e-11, **NOISE, "reducer": "final_state", "realisations": 50, "block": 256}
    shno.sweep(shno.preset("w-cofeb-pma"), POINT, AXES, **sweeping, out=path, config="x = 1\n")


def unfinished(path):
    """The same, without its second block."""
    swept(path)
    undo(path, 1)


def undo(path, block):
    """Mark a block of a sweep's file as one that is not finished."""
    writer = sweep_file.Writer(path)
    writer.close()
    with open(path, "r+b") as file:
        file.seek(writer.checksum + 8 * block)
        file.write(UNFINISHED)


KINDS = {
    "a-saved-run": saved,
    "a-streamed-run": streamed,
    "a-killed-run": killed,
    "a-sweep": swept,
    "an-unfinished-sweep": unfinished,
}


def damaged(content, written, rng):
    """The bytes of a good file, damaged in one of five ways; half of them where it is `written`, places (n,)."""
    content, anywhere = bytearray(content), int(rng.integers(len(content)))
    place = anywhere if rng.random() < 0.5 else int(rng.choice(written))
    run = slice(place, min(place + int(rng.integers(1, 64)), len(content)))
    n, how = run.stop - run.start, rng.integers(5)
    if how < 2:  # a bit
        content[place] ^= 1 << rng.integers(8)
    elif how == 2:
        content[run] = rng.bytes(n)
    elif how == 3:
        content[run] = bytes([rng.choice([0, 255])]) * n
    else:
        del content[place:]
    return bytes(content)


def outcome(path, sound, is_cut=False):
    """ "same", "refused", or what went wrong, of one file, read in every way.

    is_cut : whether it is a part of a killed run's file: it may have fewer states
    """
    if is_cut:
        sound = first_of(sound, path)
    readers = (shno.load_sweep,) if isinstance(sound, shno.Sweep) else (shno.load, lazily)
    found = {_outcome(reader, path, sound) for reader in readers}
    wrong = found - {"same", "refused"}
    return "; ".join(sorted(wrong)) if wrong else "refused" if "refused" in found else "same"


def first_of(run, path):
    """As many states of a run as are found in a file that can be read."""
    try:
        n = len(shno.load(path, lazy=True).t)
    except (ValueError, OSError):
        n = 0
    return replace(run, t=run.t[:n], m=run.m[:n], T=run.T[:n])


def lazily(path):
    """A run of which everything is read by pieces."""
    run = shno.load(path, lazy=True)
    return replace(run, t=run.t[:], m=run.m[:], T=run.T[:])


def _outcome(reader, path, sound):
    try:
        found = reader(path)
    except (ValueError, OSError) as error:
        is_clear = "\n" not in str(error) and str(path) in str(error)
        return "refused" if is_clear else f"not a clear line: {error!r}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "same" if found == sound else f"read as something else by {reader.__name__}"


def main(words):
    """Read the damaged files and print what became of each, one JSON text a line."""
    kind, first, last, seed, folder = words[0], int(words[1]), int(words[2]), int(words[3]), words[4]
    path, place = f"{folder}/{kind}.h5", f"{folder}/damaged-{kind}.h5"
    content = Path(path).read_bytes()
    written = np.flatnonzero(np.frombuffer(content, np.uint8))
    sound = shno.load_sweep(path) if "sweep" in kind else shno.load(path)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, resource.RLIM_INFINITY))
    for k in range(first, last):
        copy = damaged(content, written, np.random.default_rng((seed, k)))
        Path(place).write_bytes(copy)
        signal.alarm(PATIENCE)  # ends the process
        told = outcome(place, sound, kind == "a-killed-run" and len(copy) < len(content))
        signal.alarm(0)
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
