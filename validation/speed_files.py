"""Streaming to a file, against plain h5py that writes the same bytes from memory, and against the computation alone.

Plain h5py: a dataset of the whole shape for m and one for the times, in the chunks of ours, without checksums, filled
chunk by chunk; closed, not flushed between. Before each measurement the disk's queue is emptied; every file is removed.
"""

import os
import shutil
import tempfile
from contextlib import contextmanager
from functools import lru_cache, partial
from importlib import import_module
from statistics import median
from unittest.mock import patch

import h5py
import numpy as np

import shno
from shno import compiled, origin
from validation.speed_system import DT, ROUNDS, NotRun, Row, agree, interleaved, neurons, ratio, seconds

SIZES = {"one": (1, 20_000_000, "float64"), "many": (10_000, 5000, "float32")}  # oscillators, steps, dtype: 640, 600 MB
ROOM = 4e9  # bytes of the disk that must be free


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


def plain(path, run, chunks):
    """Seconds in which plain h5py writes t and m of a run in memory, in chunks of so many states."""

    def write():
        with h5py.File(path, "w") as file:
            for name, values in (("m", run.m), ("time", run.t)):
                file.create_dataset(name, values.shape, values.dtype, chunks=(chunks, *values.shape[1:]))
            for first in range(0, len(run.t), chunks):
                file["m"][first : first + chunks] = run.m[first : first + chunks]
                file["time"][first : first + chunks] = run.t[first : first + chunks]

    return alone(path, write)


def alone(path, write):
    """Seconds of a call that writes a file, which is removed."""
    os.sync()
    spent = seconds(write)
    os.remove(path)
    return spent


def warm(sides):
    """Times of the sides, after a round that is not counted: memory that the system has not given out is slow."""
    interleaved(sides, 1)
    return interleaved(sides, 2 * ROUNDS)


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
    """In place of the kernel's call: states that are there already, of the run in memory."""
    m = case(name)[1].m
    states = np.ascontiguousarray(np.moveaxis(m.reshape(len(m), -1, 3), 1, 2))

    def advance(self, first, saves, every):
        return states[first + 1 : first + 1 + saves]

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
    """In place of a run's memory or file: its states are computed and dropped."""

    def __init__(self, *_):
        """Nothing to prepare."""

    keep = __exit__ = trajectory = __init__

    def __enter__(self):
        """Nothing to open."""
        return self


def computed(run, threads):
    """Seconds of the computation alone."""
    with patch.object(import_module("shno.simulate"), "_states", Nowhere):
        return seconds(run, threads=threads)


def slowing(name, threads):
    """Seconds that the file adds to the computation, over those in which plain h5py writes it."""
    run, given = case(name)
    with folder() as place:
        path = os.path.join(place, "run.h5")
        chunks = checked(path, run, given)
        times = warm(
            {
                "computed": lambda: computed(run, threads),
                "streamed": lambda: alone(path, lambda: run(out=path, threads=threads)),
                "plain": lambda: plain(path, given, chunks),
            }
        )
    added = [(a - b) / c for a, b, c in zip(times["streamed"], times["computed"], times["plain"], strict=True)]
    words = ", ".join(f"{side} {median(spent):.2g} s" for side, spent in times.items())
    return median(added), f"{origin.machine()}; {words}; bits that differ: 0"


def rows():
    """Throughput, and what the file costs a run."""
    sizes = {
        name: f"{n} oscillator{'s' * (n > 1)}, {steps} states, {dtype}" for name, (n, steps, dtype) in SIZES.items()
    }
    what, cost = (
        "simulate(out=) of states that cost nothing against plain h5py",
        "time that out= adds to the computation, over plain h5py's",
    )
    table = []
    for (fast, slow), (name, size), threads in zip(("ab", "cd"), sizes.items(), (1, None), strict=True):
        used = f"{size}, {'all threads' if threads is None else 'one thread'}"
        table += [Row(f"S13{fast}", f"{what}, {size}", 0.8, partial(throughput, name))]
        table += [Row(f"S13{slow}", f"{cost}, {used}", 1.0, partial(slowing, name, threads), how="at most")]
    return tuple(table)
