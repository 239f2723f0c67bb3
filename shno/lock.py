"""One writer a file: a lock beside the file, which the system lets go when the process ends, however it ends."""

import os


def locked(path):
    """Take the lock of a file; its descriptor, to be closed. Raises : BlockingIOError where another process has it"""
    import fcntl

    name = f"{path}.lock"
    while True:
        lock = os.open(name, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise BlockingIOError(0, "another run is writing it") from None
        if os.path.exists(name) and os.path.samestat(os.stat(name), os.fstat(lock)):
            return lock
        os.close(lock)  # who had it has removed it since


def is_being_written(path):
    """Whether a process that lives is streaming a run to this file."""
    path = os.path.realpath(path)
    if not os.path.exists(f"{path}.lock"):
        return False
    try:
        os.close(locked(path))
    except BlockingIOError:
        return True
    return False


def check_free(path):
    """OSError with one line where a run is being streamed to this file."""
    if is_being_written(path):
        raise OSError(f"{path} cannot be written: another run is writing it. Wait for it, or use another file.")
