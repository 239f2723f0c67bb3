"""Numba's cache on disk, made safe: keyed on every source that a kernel is compiled from, one file a specialisation.

Numba itself watches only the file of the compiled function, so that a changed equation in `llgs` would run old
machine code, and its index lets two processes that compile different specialisations at once file one's code under
the other's name. Here a file's name is the hash of sources, signature, processor and Numba version, and the
signature is stored and compared as well.
"""

import contextlib
import hashlib
import os
import pickle
import warnings
from functools import cache
from pathlib import Path

import numba
from numba.core.caching import FunctionCache

SOURCES = (
    *("constants", "vector", "anisotropy", "fields", "llgs", "heating", "local_noise", "waveforms", "philox"),
    *(
        "solvers",
        "layout",
        "kernel_registers",
        "kernel_lanes",
        "kernels",
        "kernel_prepared",
        "kernel_philox",
        "kernel_trajectory",
        "kernel_drives",
        "kernel_passage",
    ),
)


@cache
def source_stamp(*others):
    """A hash of the sources that kernels are compiled from, and of other files."""
    folder = Path(__file__).parent
    paths = (*(folder / f"{name}.py" for name in SOURCES), *map(Path, others))
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]


class _Files:
    """One file a specialisation in `folder`: the interface that Numba's Cache expects of its index and data files."""

    def __init__(self, folder, name, sources=()):
        self.folder, self.name, self.sources = Path(folder), name, sources

    def _path(self, key):
        digest = hashlib.sha256(f"{key!r} {numba.__version__}".encode()).hexdigest()[:24]
        return self.folder / f"{self.name}.{source_stamp(*self.sources)}.{digest}.nbc"

    def load(self, key):
        with contextlib.suppress(Exception):  # a spoilt file raises anything; it is compiled anew
            stored, data = pickle.loads(self._path(key).read_bytes())
            return data if stored == repr(key) else None

    def save(self, key, data):
        path = self._path(key)
        beside = path.with_suffix(f".{os.getpid()}.part")
        try:
            beside.write_bytes(pickle.dumps((repr(key), data)))
            beside.replace(path)
            for old in self.folder.glob(f"{self.name}.*.nbc"):
                if f".{source_stamp(*self.sources)}." not in old.name:
                    old.unlink(missing_ok=True)
        except OSError as error:
            _warn(error)
        finally:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)

    def flush(self):
        for path in self.folder.glob(f"{self.name}.*.nbc"):
            path.unlink(missing_ok=True)


class _SafeCache(FunctionCache):
    def __init__(self, function, *sources):
        super().__init__(function)
        self._cache_file = _Files(self.cache_path, self._impl.filename_base, sources)


def cached(dispatcher, *sources):
    """Turn on the disk cache of a jitted function; without a folder to write to, each process compiles anew.

    sources : paths   of the files outside of this package that it is compiled from
    """
    try:
        dispatcher._cache = _SafeCache(dispatcher.py_func, *sources)
    except RuntimeError:  # Numba's word for "no folder can be written": a slower start, the same results
        _warn("no folder can be written")
    return dispatcher


def compiled(*sources):
    """The decorator of a kernel: compiled, without the interpreter's lock, kept on disk.

    sources : paths   as in `cached`
    """
    return lambda function: cached(numba.njit(nogil=True, error_model="numpy")(function), *sources)


@cache
def _warn(why):
    """Once a process: what is compiled will be compiled again in the next one."""
    warnings.warn(
        f"compiled kernels are not kept: {why}. Set NUMBA_CACHE_DIR to a folder that can be written.", stacklevel=3
    )
