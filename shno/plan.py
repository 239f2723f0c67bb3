"""A run on a grid of time steps, as both fast executors need it: arguments, clock, noise, divided steps."""

from dataclasses import dataclass
from itertools import groupby
from math import prod

import numpy as np

from shno.waveform import Product, Sum, Waveform, spread

ON_GRID = 1e-6  # of a step: a breakpoint so close to the grid lies on it


@dataclass(frozen=True)
class Clock:
    """Time as origin + (first + n) dt, never a running sum; a run that goes on from a saved time keeps the same clock.

    origin, dt : s; first : the number of the run's first step on this clock
    """

    origin: float
    first: int
    dt: float

    def at(self, n):
        """Time at the start of step n of the run, s."""
        return self.origin + self.dt * (self.first + np.asarray(n))

    def stages(self, first, steps):
        """Start, middle and end of `steps` steps: (steps, 3), s."""
        return self.at(np.arange(first, first + steps)[:, None] + np.array([0.0, 0.5, 1.0]))

    def place(self, t):
        """The step of the run in which a time lies, and how far: a whole number where it lies on the grid."""
        place = (np.asarray(t) - self.origin) / self.dt - self.first
        nearest = np.round(place)
        return np.where(np.abs(place - nearest) <= ON_GRID, nearest, place)


def clock(t0, dt):
    """The Clock of a run that starts at t0, which is rounded to ON_GRID dt: the same from any time of its grid on."""
    first, part = divmod(round(t0 / dt / ON_GRID), round(1 / ON_GRID))
    return Clock(part * ON_GRID * dt, first, dt)


@dataclass(frozen=True, eq=False)
class Noise:
    """Brown's field: a step adds `draws` draws, numbered from first_draw on, each of `deviation` / draws.

    seed : integer; realisation : (n,) integers; deviation : number or array over the batch, T
    energy : number or array over the batch, T   k_B T / (Ms V)
    """

    seed: int
    realisation: np.ndarray
    deviation: float | np.ndarray
    energy: float | np.ndarray
    draws: int
    first_draw: int


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything that a fast executor needs.

    tree : (h, torque parameters, field parameters[, heat parameters])   numbers, arrays, waveforms, None
    start : (3 or 4, n)     the state at the start, oscillators in C order
    batch, dtype, device, solver, clock; noise : Noise | None
    threads : whole number or None     of the compiled executor, at most
    splits : [(step, lanes (k,), edges (j + 1, k))]   steps that breakpoints divide into j, for some of the oscillators
    """

    tree: tuple
    start: np.ndarray
    batch: tuple
    dtype: str
    device: str
    solver: str
    clock: Clock
    noise: Noise | None
    splits: list
    threads: int | None = None

    @property
    def n(self):
        """Oscillators in all."""
        return max(prod(self.batch), 1)


def waveforms_in(tree):
    """The waveforms of a tree of arguments that are not sums or products, each once."""
    if isinstance(tree, tuple):
        return list({id(wave): wave for part in tree for wave in waveforms_in(part)}.values())
    return list(tree.leaves()) if isinstance(tree, Waveform) else []


def splits(tree, clock, steps, batch):
    """The steps that a breakpoint off the grid divides: [(step, lanes (k,), edges (j + 1, k) in s)], by step.

    Oscillators whose step is divided into the same number of parts come together; the others take the whole step, so
    that an oscillator's result does not depend on the breakpoints of its neighbours.
    """
    found, lane = set(), np.arange(max(prod(batch), 1)).reshape(batch)
    for kinks in (kinks for wave in waveforms_in(tree) for kinks in wave._kinks(clock.at(0), clock.at(steps))):
        kinks = spread(kinks, 1 + len(batch))
        place = clock.place(kinks)
        off = (place % 1 != 0) & (place > 0) & (place < steps)
        few = off.any(axis=tuple(range(1, off.ndim)))
        off, *numbers = np.broadcast_arrays(off[few], np.floor(place[few]).astype(int), lane, kinks[few])
        found |= set(zip(*(x[off].tolist() for x in numbers), strict=True))
    return _grouped(sorted(found), clock)


def _grouped(found, clock):
    """(step, lane, time) in order as (step, lanes, edges)."""
    divided = {}
    for (step, lane), group in groupby(found, key=lambda x: x[:2]):
        inner = [time for _, _, time in group]
        inner = [a for a, b in zip(inner, [*inner[1:], np.inf], strict=True) if b - a > ON_GRID * clock.dt]
        edges = (float(clock.at(step)), *inner, float(clock.at(step + 1)))
        divided.setdefault((step, len(edges)), []).append((lane, edges))
    return [
        (step, np.array([lane for lane, _ in parts]), np.array([edges for _, edges in parts]).T)
        for (step, _), parts in sorted(divided.items())
    ]


def at_stage(leaf, stages, picked):
    """A leaf of the arguments at one stage, for some oscillators: `stages` maps a waveform's id to its value there.

    picked(value) : a number, array or tensor as the executor wants it
    """
    if isinstance(leaf, tuple):
        return tuple(at_stage(part, stages, picked) for part in leaf)
    if isinstance(leaf, Sum | Product):
        a, b = at_stage(leaf.a, stages, picked), at_stage(leaf.b, stages, picked)
        return a + b if isinstance(leaf, Sum) else a * b
    if isinstance(leaf, Waveform):
        return stages[id(leaf)]
    return None if leaf is None else picked(leaf)
