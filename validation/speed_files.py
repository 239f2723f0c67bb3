"""Streaming to a file, against plain h5py that writes the same bytes from memory, and against the computation alone.

Plain h5py: a dataset of the whole shape for m and one for the times, in the chunks of ours, without checksums, filled
chunk by chunk, from memory or between the kernel's calls; closed, not flushed between. A virtual machine gives back
what has been free for two seconds or so, and whoever writes next waits for it. So each measurement follows a pause in
which it has done so; then as much as a file has is written and removed, and memory for the file is at hand.
"""

import os
import shutil
import tempfile
from contextlib import contextmanager
from functools import lru_cache, partial
from importlib import import_module
from statistics import median
from time import sleep
from unittest.mock import patch

import h5py
import numpy as np

import shno
from shno import compiled, origin
from validation.speed_system import DT, ROUNDS, NotRun, Row, agree, interleaved, neurons, ratio, seconds

SIZES = {"one": (1, 10_000_000, "float64"), "many": (10_000, 2500, "float32")}  # oscillators, steps, dtype: 320, 300 MB
ROOM = 4e9  # bytes of the disk that must be free
PAUSE = 3.0  # s
LARGEST, NOTHING = 350e6, bytes(1 << 22)  # bytes: more than a file has; that are written at once


@lru_cache(1)  # one is large
def case(name):
    """(the run of a size as a function of the settings of its file, what it gives in memory)."""
    n, steps, dtype = SIZES[name]
    oscillator, drive, m0 = neurons(n)
    if n == 1:
        drive, m0 = shno.Drive(a_DL=20e-3, B_ext=drive.B_ext), m0[0]
    run = partial(shno.simulate, oscillator, drive, duration=steps * DT, dt=DT, m0=m0, dtype=dtype)
    return run, run()


@contextmanager
def folder():
    """A folder for the files; NotRun where the disk has no room for them."""
    with tempfile.TemporaryDirectory() as place:
        if shutil.disk_usage(place).free < ROOM:
            raise NotRun(f"{ROOM / 1e9:g} GB must be free where files are made")
        yield place


def datasets(file, shape, dtype, rows):
    """Make that of m and that of the times, in chunks of so many states."""
    file.create_dataset("m", shape, dtype, chunks=(rows, *shape[1:]))
    file.create_dataset("time", shape[:1], np.float64, chunks=(rows,))


def plain(path, run, chunks):
    """Seconds in which plain h5py writes t and m of a run in memory, in chunks of so many states."""

    def write():
        with h5py.File(path, "w") as file:
            datasets(file, run.m.shape, run.m.dtype, chunks)
            for first in range(0, len(run.t), chunks):
                file["m"][first : first + chunks] = run.m[first : first + chunks]
                file["time"][first : first + chunks] = run.t[first : first + chunks]

    return alone(path, write)


def alone(path, write):
    """Seconds of a call that writes a file, which is removed."""
    os.sync()
    sleep(PAUSE)
    with open(path, "wb", buffering=0) as file:
        for _ in range(int(LARGEST) // len(NOTHING)):
            file.write(NOTHING)
    os.remove(path)
    spent = seconds(write)
    os.remove(path)
    return spent


def warm(sides):
    """Times of the sides, after a round that is not counted: memory that the system has not given out is slow."""
    interleaved(sides, 1)
    return interleaved(sides, ROUNDS)


def checked(path, run, given):
    """States a chunk of the file of a run; ArithmeticError where it differs from the run in memory."""
    run(out=path)
    with h5py.File(path) as file:
        chunks, difference = file["m"].chunks[0], 0.0
        for first in range(0, len(given.t), chunks):
            part = slice(first, first + chunks)
            difference = max(
                difference, np.abs(file["m"][part] - given.m[part]).max(), np.ptp(file["time"][part] - given.t[part])
            )
    os.remove(path)
    agree("the file and the run in memory", difference, 0.0)
    return chunks


def ready(name):
    """In place of the kernel's call: states that are there already, of the run in memory, are copied."""
    states = case(name)[1].m

    def advance(self, first, every, m, T):
        m[:] = states[first + 1 : first + 1 + len(m)]

    return patch.object(compiled.Compiled, "advance", advance)


def throughput(name):
    """Bytes a second of simulate(out=) whose states cost nothing, over those of plain h5py."""
    run, given = case(name)
    with folder() as place:
        path = os.path.join(place, "run.h5")
        chunks = checked(path, run, given)
        with ready(name):
            checked(path, run, given)
            sides = {
                "streamed": lambda: alone(path, lambda: run(out=path)),
                "plain": lambda: plain(path, given, chunks),
            }
            times = warm(sides)
    size = (given.m.nbytes + given.t.nbytes) / 1e9
    rates = " against ".join(f"{size / median(times[side]):.2g}" for side in ("streamed", "plain"))
    return ratio(times, "plain", "streamed"), f"{origin.machine()}; {rates} GB/s; bits that differ: 0"


class Nowhere:
    """In place of a run's memory or file: its states are computed and dropped, a chunk of the file after another."""

    def __init__(self, rows, out, run, n, clock, m0, *_):
        """rows : of a chunk; then what `simulate` gives"""
        self.m, self.rows, self.n = np.empty((rows, *m0.shape), m0.dtype), rows, n
        self.m[0] = m0

    def room(self, first, most):
        """For states to be computed."""
        return self.m[first % self.rows :][:most], None

    def filled(self, *_):
        """Nothing is kept."""

    __exit__ = trajectory = filled

    def __enter__(self):
        """Nothing to open."""
        return self


class Plainly(Nowhere):
    """The same, but plain h5py writes each chunk when it is full, before the computation goes on."""

    def __init__(self, rows, out, run, n, clock, m0, *_):
        """Make the file."""
        super().__init__(rows, out, run, n, clock, m0)
        self.times, self.file = lambda *part: clock.at(run.save_every * np.arange(*part)), h5py.File(out, "w")
        datasets(self.file, (n, *m0.shape), m0.dtype, rows)

    def filled(self, first, count):
        """A full chunk, or the last one, is written."""
        stop = first + count
        if stop % self.rows == 0 or stop == self.n:
            start = (stop - 1) // self.rows * self.rows
            self.file["m"][start:stop], self.file["time"][start:stop] = self.m[: stop - start], self.times(start, stop)

    def __exit__(self, *_):
        """Close it."""
        self.file.close()


def within(states, run, **settings):
    """Seconds of a run whose states go there."""
    with patch.object(import_module("shno.simulate"), "_states", states):
        return seconds(run, **settings)


def slowing(name, threads):
    """Seconds that the file adds to the computation, over those that it adds where plain h5py writes it."""
    run, given = case(name)
    run = partial(run, threads=threads)
    with folder() as place:
        path = os.path.join(place, "run.h5")
        rows = checked(path, run, given)
        times = warm(
            {
                "computed": lambda: within(partial(Nowhere, rows), run),
                "streamed": lambda: alone(path, lambda: run(out=path)),
                "plain": lambda: alone(path, lambda: within(partial(Plainly, rows), run, out=path)),
            }
        )
    added = [(a - b) / (c - b) for a, b, c in zip(times["streamed"], times["computed"], times["plain"], strict=True)]
    words = ", ".join(f"{side} {median(spent):.2g} s" for side, spent in times.items())
    return median(added), f"{origin.machine()}; {words}; bits that differ: 0"


def rows():
    """Throughput, and what the file costs a run."""
    sizes = {
        name: f"{n} oscillator{'s' * (n > 1)}, {steps} states, {dtype}" for name, (n, steps, dtype) in SIZES.items()
    }
    what, cost = (
        "simulate(out=) of states that cost nothing against plain h5py",
        "time that out= adds to the computation, over what plain h5py adds that writes each chunk in between",
    )
    table = []
    for (fast, slow), (name, size), threads in zip(("ab", "cd"), sizes.items(), (1, None), strict=True):
        used = f"{size}, {'all threads' if threads is None else 'one thread'}"
        table += [Row(f"S13{fast}", f"{what}, {size}", 0.8, partial(throughput, name))]
        table += [Row(f"S13{slow}", f"{cost}, {used}", 1.0, partial(slowing, name, threads), how="at most")]
    return tuple(table)
