"""What a sweep would take: points, steps, memory, disk, and the time from a short measurement."""

import time
from dataclasses import replace

import numpy as np

from shno.sweep import longest, planned
from shno.sweep_block import OWN

RUNS, FEW, MANY = 512, 20, 400  # runs of the measurement at most, steps of its two parts (the second grows)
ENOUGH = 0.1  # s that the second part must take more
FIXED = 20_000  # bytes of a file without values


def estimate(oscillator, drive, axes, **keywords):
    """Lines that say what `sweep` would take; the arguments are its own. A few hundred steps are simulated.

    The time is that of the integration, from its measured rate, and of the starting states; what the reducer takes
    comes on top.
    Raises : TypeError, ValueError, naming the parameter
    """
    work, block, _ = planned(oscillator, drive, axes, **keywords)
    states, steps = longest(work)
    runs, points = work.points.runs, work.points.runs // work.points.realisations
    size = min(block, runs)
    shape = " x ".join(map(str, work.points.shape))
    lines = [
        f"points: {shape}{f' = {points}' if ' ' in shape else ''}, {work.points.realisations} realisations each",
        f"steps: {steps} a run, {runs * steps:.4g} in all; {states} states saved a run",
        f"blocks: {-(-runs // block)} of {size} runs; memory: {_bytes(2 * 24 * states * size)} a block",
        f"disk: {_disk(work, states)}",
    ]
    if work.reducer == "threshold":
        return [*lines, "time: nothing is integrated"]
    overhead, each = _measured(work, min(RUNS, block, runs))
    rate = f"measured: {1 / each:.3g} oscillator steps a second, {1e3 * overhead:.3g} ms a run to start it"
    return [*lines, f"time: about {_duration(runs * (overhead + each * steps))} here and without the reducer ({rate})"]


def _measured(work, runs):
    """Seconds a run that its start takes, and seconds an oscillator step, from runs long enough to tell."""
    _seconds(work, runs, FEW)  # compiles
    begin, count = _seconds(work, runs, FEW)
    many, most = MANY, begin
    while most < begin + ENOUGH:
        many *= 4
        most, count = _seconds(work, runs, many)
    each = (most - begin) / (many - FEW) / count
    return max(begin / count - FEW * each, 0.0), each


def _seconds(work, runs, steps):
    """Seconds that so many steps of some runs take, and of how many."""
    settings = work.settings | {"save_every": steps, "duration": steps * work.settings["dt"]}
    short = replace(work, settings=settings)
    numbers, some = short.points.groups(np.arange(runs))[0]
    numbers = {name: value for name, value in numbers.items() if name not in ("duration", "dt")}
    begun = time.perf_counter()
    short._run(numbers, some)
    return time.perf_counter() - begun, len(some)


def _disk(work, states):
    """The size of the file."""
    if not isinstance(work.reducer, str):
        return "known when the reducer has made its first values"
    own = {"component": 3, "time": states}
    numbers = np.prod([own[name] for name in OWN.get("m" if work.reducer == "trajectory" else work.reducer, ())])
    numbers *= 2 if work.reducer == "linewidth" else 1
    return _bytes(8 * work.points.runs * numbers + FIXED)


def _bytes(n):
    unit, scale = next((pair for pair in (("GB", 1e9), ("MB", 1e6)) if n >= pair[1]), ("kB", 1e3))
    return f"{n / scale:.3g} {unit}"


def _duration(seconds):
    if seconds < 120:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.3g} min" if seconds < 7200 else f"{seconds / 3600:.3g} h"
