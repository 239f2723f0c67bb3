"""Arrays that stay in their HDF5 file: read slice by slice, so that a run larger than memory can be looked at."""

import ctypes
import os
from contextlib import contextmanager

import h5py
import numpy as np
from h5py._objects import phil

BLOCK = 1 << 25  # bytes read at a time
ATTEMPTS = 24  # at metadata that a writer may be writing: the pauses double from 1 ns, 17 ms in all


def opened(path):
    """An HDF5 file, open for reading; one that is being written, or whose writer was killed, as its readers may."""
    try:
        return h5py.File(path, "r")
    except OSError as error:
        if "already open for write" not in str(error):
            raise
        access, flags = h5py.h5p.create(h5py.h5p.FILE_ACCESS), h5py.h5f.ACC_RDONLY | h5py.h5f.ACC_SWMR_READ
        with phil:  # HDF5 would try 100 times, for ever where the file is damaged; h5py does not know of it
            attempt = ctypes.PyDLL(h5py.h5p.__file__).H5Pset_metadata_read_attempts
            attempt(ctypes.c_int64(access.id), ctypes.c_uint(ATTEMPTS))
        return h5py.File(h5py.h5f.open(os.fsencode(path), flags, fapl=access))


def is_closed(path):
    """Whether an HDF5 file was closed by who wrote it, as opposed to killed, or still at it."""
    try:
        h5py.File(path, "r").close()
    except OSError:
        return False
    return True


class Stored(np.lib.mixins.NDArrayOperatorsMixin):
    """The first shape[0] rows of a dataset, as an array that is read when it is indexed, by numpy's rules.

    path, name            file and dataset
    shape, dtype          of what is there; `ndim`, `size`, `nbytes`, `len` follow
    x[index]              a numpy array. The first axis is read in blocks, so that x[:, 0] or x[::1000] of a long run
                          needs little memory; so do min and max. Arithmetic and numpy.asarray(x) read all
    Raises : OSError with one line where the file is gone or damaged; ValueError where it holds NaN or infinity
    """

    def __init__(self, path, name, shape, dtype):
        """Nothing is read yet."""
        self.path, self.name, self.shape, self.dtype = path, name, tuple(shape), np.dtype(dtype)

    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: int(np.prod(self.shape)))
    nbytes = property(lambda self: self.size * self.dtype.itemsize)

    def __len__(self):
        """Rows."""
        return self.shape[0]

    def __array__(self, dtype=None, copy=None):
        """All of it; numpy asks."""
        return self[()].astype(self.dtype if dtype is None else dtype, copy=False)

    def __array_ufunc__(self, ufunc, method, *inputs, **settings):
        """Arithmetic, by numpy on all of it."""
        inputs = [np.asarray(x) if isinstance(x, Stored) else x for x in inputs]
        return getattr(ufunc, method)(*inputs, **settings)

    def min(self, axis=None):
        """Smallest of all, or along the first axis (0)."""
        return np.min([block.min(axis=axis) for block in self._blocks()], axis=axis)

    def max(self, axis=None):
        """Largest of all, or along the first axis (0)."""
        return np.max([block.max(axis=axis) for block in self._blocks()], axis=axis)

    def __iter__(self):
        """Row by row, read in blocks."""
        for block in self._blocks():
            yield from block

    def __repr__(self):
        """Shape, type and place."""
        return f"<{self.name} of {self.path}: {self.shape}, {self.dtype}, read when indexed>"

    def _blocks(self):
        """All of it, block by block."""
        return (self[first : first + self._rows()] for first in range(0, len(self), self._rows()))

    def _rows(self):
        """Rows of a block."""
        return max(1, BLOCK // max(1, int(np.prod(self.shape[1:])) * self.dtype.itemsize))

    def __getitem__(self, index):
        """What numpy gives for this index."""
        index = index if isinstance(index, tuple) else (index,)
        whole = not index or index[0] is Ellipsis
        first, rest = (slice(None), index) if whole else (index[0], index[1:])
        if not isinstance(first, slice | int | np.integer):
            return self[()][index]
        rest = rest if whole else (slice(None), *rest)
        with _told(self.path), opened(self.path) as file:
            data = file[self.name]
            if not isinstance(first, slice):
                row = range(len(self))[int(first)]  # IndexError as of a list
                return _finite(data, row, row + 1)[rest][0]
            wanted = range(len(self))[first]
            if not len(wanted):
                return np.empty((0, *self.shape[1:]), self.dtype)[rest]
            step = max(1, self._rows() // abs(wanted.step))
            parts = [wanted[k : k + step] for k in range(0, len(wanted), step)]
            return np.concatenate([_rows(data, part)[rest] for part in parts])


@contextmanager
def _told(path):
    """What goes wrong with a file as one line."""
    try:
        yield
    except (OSError, RuntimeError, KeyError) as error:
        reason = " ".join(str(error).split()).strip("'\". ")
        raise OSError(f"{path} cannot be read: {reason}. Restore a copy or run the simulation again.") from None


def _rows(data, wanted):
    """The rows of a dataset that a range names."""
    rows = _finite(data, min(wanted[0], wanted[-1]), max(wanted[0], wanted[-1]) + 1)
    return rows[:: wanted.step] if wanted.step > 0 else rows[::-1][:: -wanted.step]


def _finite(data, first, last):
    """Rows first ... last - 1 of a dataset; ValueError where they are no numbers of a run."""
    rows = data[first:last]
    if not np.all(np.isfinite(rows)):
        name = f"{data.name} of {data.file.filename}"
        raise ValueError(f"{name} must be finite, got NaN or infinity in rows {first} to {last - 1}. No run has these.")
    return rows
