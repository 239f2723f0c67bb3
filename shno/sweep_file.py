"""The file of a sweep: labelled arrays that are filled block by block. Knows arrays and dicts, not `Sweep`.

    /                       attributes: format = "shno sweep", layout_version = 1, mode ("grid" | "points"), reducer,
                            reducer_settings, settings (JSON, of `simulate`), config (TOML), command_line, versions,
                            definition (sha256 of all that decides the values), runs, block (runs), checksum (CRC-32 of
                            all but the data)
    /alpha, /B_ext.z ...    the values of an axis, units; a dimension scale in a grid. The axis of a vector is numbered,
                            its components stand beside it as /B_ext.x ... In a list of points all are (point,)
    /point, /realisation    numbers, where there are points or more than one realisation
    /frequency ...          what was computed, (axes..., [realisation,] own...), with units; NaN until it is
    /time, /component       scales of a reducer's own axes
    /parameters/...         the oscillator and the drive around which it sweeps, as in the file of a trajectory
    /blocks/checksum        (blocks,) uint64: CRC-32 of a finished block, 2^64 - 1 of one that is not
    /blocks/wall_time       s, of all processes that wrote

The file is made whole, with its space reserved and every byte that is not yet known 0xff, which is NaN; then renamed
into its place. From there on HDF5 does not write: a block goes to the place of its runs (rows in C order), and then its
checksum. So a killed process, or a failed machine, leaves a file that every program opens; a block whose checksum does
not fit is computed again. It may be read while it is written (with HDF5_USE_FILE_LOCKING=FALSE or without).
"""

import fcntl
import io
import os
import secrets
import time
import zlib
from contextlib import suppress

import h5py
import numpy as np

from shno import sweep_reading
from shno.hdf5 import describe
from shno.sweep_reading import FORMAT, LAYOUT_VERSION

LIBRARY = ("v108", "v108")  # metadata with checksums, and no mark of an open file that a kill would leave behind
SLACK = 2**20  # bytes for HDF5's own metadata
PIECE = 2**24  # bytes written at a time


def create(path, *, scales, data, runs, block, parameters, attributes):
    """Make the file of a sweep in which nothing is computed yet.

    scales : {name: (dimensions, array, unit)}      a name that is its own dimension is a scale; of one dimension
    data : {name: (dimensions, shape, dtype, unit)} the leading axes are those of the runs, in C order
    runs, block : int                               in all, and in a block
    parameters : {group: {name: (value, unit)}}; attributes : {name: number or text}
    Raises : OSError with one line; `path` is whole or untouched
    """
    path = os.path.realpath(path)
    size = sum(int(np.prod(shape)) * np.dtype(dtype).itemsize for _, shape, dtype, _ in data.values())
    size += sum(np.asarray(array).size * 64 for _, array, _ in scales.values()) + 8 * (runs // block + 1)
    partial = f"{path}.{secrets.token_hex(4)}.partial"
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            raise OSError("it exists and is not a file")
        with open(partial, "xb") as file:
            _reserve(file, size + SLACK)
        with open(partial, "r+b", buffering=0) as raw, h5py.File(_Prepared(raw), "w", libver=LIBRARY) as file:
            _fill(file, scales, data, -(-runs // block), parameters, attributes | {"runs": runs, "block": block})
        os.replace(partial, path)
    except OSError as error:
        remedy = f"Use a folder that exists, that you may write to and that has {size // 10**6 + 2} MB free."
        raise OSError(f"{path} cannot be written: {error.strerror or error}. {remedy}") from None
    finally:
        with suppress(OSError):
            os.remove(partial)


class Writer:
    """A sweep's file, open for its blocks; a second writer is refused."""

    def __init__(self, path):
        """Open and lock the file."""
        self.path, self.started = path, time.monotonic()
        with sweep_reading.opened(path) as file:
            self.names = file.attrs["variables"].decode().split()
            self.places = {name: file[name].id.get_offset() for name in self.names}
            self.checksum = file["blocks/checksum"].id.get_offset()
            self.wall_time, self.block = file["blocks/wall_time"].id.get_offset(), int(file.attrs["block"])
            self.before = np.nan_to_num(file["blocks/wall_time"][()])
        self.file = _locked(path)

    def close(self):
        """Close the file, which drops the lock."""
        os.close(self.file)

    def write(self, first, values):
        """Put the values {name: (n, ...)} of the block that begins at the run `first` in their place.

        Raises : OSError with one line; what was written before stays
        """
        try:
            total = 0
            for name in self.names:
                rows = np.ascontiguousarray(values[name])
                row = rows.nbytes // len(rows)
                data = memoryview(rows.reshape(-1).view(np.uint8))
                self._put(data, self.places[name] + first * row)
                total = zlib.crc32(data, total)
            elapsed = np.array(self.before + time.monotonic() - self.started)
            self._put(memoryview(elapsed.tobytes()), self.wall_time)
            self._put(memoryview(np.uint64(total).tobytes()), self.checksum + 8 * (first // self.block))
        except OSError as error:
            remedy = "What was finished is kept: make room and resume."
            raise OSError(f"{self.path} cannot be written: {error.strerror or error}. {remedy}") from None

    def _put(self, data, place):
        """Write all bytes at a place of the file."""
        while len(data):
            done = os.pwrite(self.file, data[:PIECE], place)
            data, place = data[done:], place + done


def is_being_written(path):
    """Whether another process writes the file."""
    try:
        check_free(path)
    except OSError:
        return True
    return False


def check_free(path):
    """OSError where another process writes the file."""
    if os.path.isfile(path) and os.access(path, os.W_OK):
        os.close(_locked(path))


def _locked(path):
    """The file, open for writing by this process alone; OSError where another one writes it."""
    try:
        file = os.open(path, os.O_RDWR)
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror}. Use a file that you may write.") from None
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # not flock, which HDF5's readers would heed
    except OSError:
        os.close(file)
        raise OSError(f"{path} is being written by another process. Wait for it, or use another file.") from None
    return file


class _Prepared(io.RawIOBase):
    """A file of reserved space that HDF5 takes for an empty one; all that it hands over is written, or it is told."""

    def __init__(self, raw):
        self.raw, self.end = raw, 0

    def seek(self, offset, whence=os.SEEK_SET):
        return self.raw.seek(offset + (self.end if whence == os.SEEK_END else 0), whence % os.SEEK_END)

    def tell(self):
        return self.raw.tell()

    def truncate(self, size=None):
        self.end = size
        return self.raw.truncate(size)

    def readinto(self, buffer):
        return self.raw.readinto(buffer)

    def write(self, data):
        data = memoryview(data).cast("B")
        n = len(data)
        while len(data):
            data = data[self.raw.write(data) :]
        self.end = max(self.end, self.raw.tell())
        return n


def _reserve(file, size):
    """Write so many bytes 0xff: the space is there before hours are spent on what goes into it."""
    piece = b"\xff" * min(size, PIECE)
    for start in range(0, size, PIECE):
        file.write(piece[: size - start])


def _fill(file, scales, data, blocks, parameters, attributes):
    """The layout of the module's docstring, in the open file."""
    numbers = {group: {name: value for name, (value, _) in each.items()} for group, each in parameters.items()}
    attributes = attributes | {"checksum": sweep_reading.seal(attributes, scales, numbers)}
    describe(file, format=FORMAT, layout_version=LAYOUT_VERSION, variables=" ".join(data), **attributes)
    for name, (dimensions, array, unit) in scales.items():
        array = np.asarray(array)
        file[name] = array.tolist() if array.dtype.kind == "U" else array
        describe(file[name], **({} if unit is None else {"units": unit}))
        if dimensions == (name,):
            file[name].make_scale(name)
    beside = " ".join(name for name, (dimensions, *_) in scales.items() if dimensions != (name,))
    for name, (_, shape, dtype, unit) in data.items():
        _empty(file, name, shape, dtype)
        describe(file[name], **({"coordinates": beside} if beside else {}))  # as the CF conventions name them
        describe(file[name], **({} if unit is None else {"units": unit}))
    for name, (dimensions, *_) in (*scales.items(), *data.items()):
        describe(file[name], dimensions=" ".join(dimensions))
        for axis, dimension in enumerate(dimensions):
            if dimensions != (name,):
                file[name].dims[axis].attach_scale(file[dimension])
    _empty(file, "blocks/checksum", (blocks,), np.uint64)
    _empty(file, "blocks/wall_time", (), np.float64)
    describe(file["blocks/wall_time"], units="s")
    for group, members in parameters.items():
        for name, (value, unit) in members.items():
            file[f"parameters/{group}/{name}"] = np.asarray(value, dtype=np.float64)
            describe(file[f"parameters/{group}/{name}"], units=unit)


def _empty(file, name, shape, dtype):
    """A dataset in one piece whose place in the file is known and not written to."""
    how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    how.set_layout(h5py.h5d.CONTIGUOUS)
    how.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    how.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    group = file.require_group(name.rpartition("/")[0] or "/")
    kind = h5py.h5t.py_create(np.dtype(dtype))
    h5py.h5d.create(group.id, name.rpartition("/")[2].encode(), kind, h5py.h5s.create_simple(shape) if shape
                    else h5py.h5s.create(h5py.h5s.SCALAR), how)  # fmt: skip
