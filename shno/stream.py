"""A run's file while it is written: chunk after chunk by a thread of its own, readable and whole at every moment.

All objects are made first, then HDF5's single-writer mode begins and the file gets its name. A chunk is written once,
never again; m before its time, each flushed: what is in the file is what was computed up to the last chunk, wherever
the process is killed. Space on the disk is reserved before HDF5 writes, since it does not survive a disk that fails
under it. A lock beside the file keeps a second writer away. The run puts its states into chunks while the thread writes
others.
"""

import contextlib
import os
import queue
import secrets
import threading
from time import perf_counter

import h5py
import numpy as np

from shno import hdf5
from shno.chunk import SEAL, Chunk
from shno.lock import locked
from shno.stored import Stored

CHUNK = 1 << 22  # bytes, at most
MARGIN = 1 << 21  # bytes reserved beyond a chunk: HDF5's own, and a file's end
AHEAD = 1 << 25  # bytes that wait for the writer, at most: about what a run hands over at once
STEPS = 1 << 24  # oscillator steps that a chunk may take, a second of computing at most: what a kill may cost
TRUE_END = slice(28, 36)  # of an HDF5 superblock, version 3: where the file ends


class Stream:
    """Appends states to an HDF5 file of the layout of `hdf5`, from where `room` has them put.

    path                     an older file there is replaced when the new one is ready for its first state
    states                   how many there will be
    m : (0, *batch, 3), T : (0, *batch) or None   empty arrays of the precision of the file
    exact                    arrays m, T where there are temperatures, and t to go on from, in the precision of the
                             run where that is another: then the last ones of a chunk are kept so as well
    steps                    oscillator steps between two states: a chunk takes at most STEPS, unless a state does
    rows                     states of a chunk, where it is not to be chosen
    groups, attributes       as of `hdf5.write`
    compression              None, "gzip" or "lzf"
    copied                   series m, T where there are temperatures, and t, whose states are the first of the file
    It has : `stored`, those series as they will be read from the file; `elapsed`, s from its making to the last chunk
    Raises : OSError with one line: the folder, the disk, or another writer
    """

    def __init__(self, path, *, states, m, T=None, exact=None, steps=1, rows=None, groups, attributes, compression=None,
                 copied=None):  # fmt: skip
        """Make the file, ready for its first state."""
        self.path, self.began, self.elapsed = os.path.realpath(path), perf_counter(), 0.0
        self.states, self.written, self.filled, self.error = states, 0, 0, None
        self.compression, self.ready = compression, queue.SimpleQueue()
        fitting = CHUNK // max(1, m.dtype.itemsize * int(np.prod(m.shape[1:])))
        self.rows = rows or max(1, min(fitting, STEPS // steps, states))
        partial = f"{self.path}.{secrets.token_hex(4)}.partial"
        groups = groups if T is None else groups | {"run": groups.get("run", {}) | {"T": (T, "K")}}
        with _told(self.path):
            self.lock = locked(self.path)
            try:
                self.file = h5py.File(partial, "w", libver=hdf5.LIBRARY)
                self.reserved = os.open(partial, os.O_RDWR)
                settings = {"rows": self.rows, "compression": compression, "exact": exact}
                hdf5.fill(self.file, np.empty(0), m, groups, attributes | {"states": states}, **settings)
                self.file.create_dataset("wall_time", data=0.0).attrs["units"] = np.bytes_("s")
                self.wall_time = self.file["wall_time"].id.get_offset()
                names = ("m", *([] if T is None else [hdf5.SERIES]), "time")
                self.series = [self.file[name] for name in names]
                self.stored = [Stored(self.path, x.name, (states, *x.shape[1:]), x.dtype) for x in self.series]
                self.exact = [self.file[hdf5.EXACT][name] for name in (hdf5.EXACT_NAMES[len(exact)] if exact else ())]
                self.file.swmr_mode = True
                os.posix_fallocate(self.reserved, os.fstat(self.reserved).st_size, MARGIN)
                self.wide = [np.empty((self.rows, *x.shape), x.dtype) for x in (exact or ())[:-1]]
                self.free = self._chunks()
                self.chunks = self.free.get()
                self._copy(copied, exact)
                os.replace(partial, self.path)
            except BaseException:
                self._let_go()
                with contextlib.suppress(OSError):
                    os.remove(partial)
                raise
        self.thread = threading.Thread(target=self._write_all, daemon=True)
        self.thread.start()

    def room(self, most):
        """Where the next states are to be put, `most` of them or fewer: m (k, *batch, 3), T (k, *batch) where there are
        temperatures, in the precision of the run. Raises : OSError of an earlier chunk.
        """
        self._raise()
        arrays = self.wide or [chunk.values for chunk in self.chunks[: len(self.series) - 1]]
        return [each[self.filled : self.filled + most] for each in arrays]

    def fill(self, t):
        """The states of the times t (k,) are there."""
        part = slice(self.filled, self.filled + len(t))
        for chunk, values in zip(self.chunks, self.wide, strict=False):
            chunk.values[part] = values[part]
        self.chunks[len(self.series) - 1].values[part] = t
        self.filled += len(t)
        if self.filled == self.rows:
            self._note(self.chunks, [*(each[-1] for each in self.wide), t[-1]])
            self._hand_over()

    def close(self, complete=True):
        """Write what waits, if the run is complete, and close the file. Raises : OSError with one line."""
        if self.file is None:
            return
        if complete and self.error is None and self.filled:
            self._hand_over()
        self.ready.put(None)
        self.thread.join()
        self._let_go()
        if complete:
            self._raise()

    def _chunks(self):
        """Chunks to be filled, in sets: of all series, and the exact states where there are some. They take turns, so
        that a run soon has the memory that it will have.
        """
        shapes = [((self.rows, *each.shape[1:]), each.dtype) for each in self.series]
        shapes += [((1, *each.shape[1:]), each.dtype) for each in self.exact]
        size, free = sum(SEAL + int(np.prod(shape)) * dtype.itemsize for shape, dtype in shapes), queue.SimpleQueue()
        for _ in range(max(2, min(AHEAD // size, -(-self.states // self.rows)))):
            free.put([Chunk(shape, dtype) for shape, dtype in shapes])
        return free

    def _copy(self, copied, exact):
        """Write the whole chunks of these series; what is left begins a chunk: their file is about to go."""
        if copied is None:
            return
        self._note(self.chunks, exact)
        for first in range(0, len(copied[-1]), self.rows):
            n = min(self.rows, len(copied[-1]) - first)
            for chunk, values in zip(self.chunks, copied, strict=False):
                chunk.values[:n] = values[first : first + n]
            if n == self.rows:
                self._write(self.chunks, n)
            else:
                self.filled = n

    def _note(self, chunks, state):
        """The last state of the chunks in the precision of the run, where that is kept."""
        for chunk, values in zip(chunks[len(self.series) :], state or (), strict=False):
            chunk.values[0] = values

    def _hand_over(self):
        """Give the writer the chunks, and take others."""
        self.ready.put((self.chunks, self.filled))
        self.chunks, self.filled = self.free.get(), 0

    def _raise(self):
        if self.error is not None:
            raise self.error

    def _write_all(self):
        """The writer's thread: chunk by chunk until there is no more; after an error the rest is dropped."""
        while (handed := self.ready.get()) is not None:
            if self.error is None:
                try:
                    with _told(self.path):
                        self._write(*handed)
                except Exception as error:  # raised in the run's thread
                    self.error = error
            self.free.put(handed[0])

    def _write(self, chunks, n):
        """n states of the chunks: the times last, so that a state that has a time is whole."""
        size, place = sum(len(each.bytes) for each in chunks), (self.written // self.rows) % 2
        end = os.fstat(self.reserved).st_size
        os.posix_fallocate(self.reserved, end, size + size // 64)  # beyond the margin, which HDF5 is writing in
        for data, chunk in zip(self.exact if n == self.rows else (), chunks[len(self.series) :], strict=False):
            _put(data, place, chunk)
        for data, chunk in zip(self.series, chunks, strict=False):
            data.resize(self.written + n, axis=0)
            if self.compression is None:
                chunk.values[n:] = np.nan
                _put(data, self.written, chunk)
            else:
                data[self.written :] = chunk.values[:n]
                data.flush()
        self.written += n
        self.elapsed = perf_counter() - self.began
        os.pwrite(self.reserved, np.float64(self.elapsed).tobytes(), self.wall_time)

    def _let_go(self):
        """Close the file, give back what was reserved, and the lock."""
        file, self.file = getattr(self, "file", None), None
        if file is not None:
            file.close()
        if (reserved := getattr(self, "reserved", None)) is not None:
            end = int.from_bytes(os.pread(reserved, TRUE_END.stop, 0)[TRUE_END], "little")
            if end:
                os.ftruncate(reserved, end)
            os.close(reserved)
        os.remove(f"{self.path}.lock")
        os.close(self.lock)


def _put(data, row, chunk):
    """Write a chunk, from this row of its dataset on, as it is."""
    data.id.write_direct_chunk((row, *(0 for _ in data.shape[1:])), chunk.sealed())
    data.flush()


@contextlib.contextmanager
def _told(path):
    """What goes wrong with a file as one line."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        remedy = "What was written before is kept." if os.path.exists(path) else "Use a folder that you may write to."
        raise OSError(f"{path} cannot be written: {reason}. {remedy}") from None
