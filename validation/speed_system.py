"""What every measurement of speed shares: the oscillators, the clock, and what the kernels were called with."""

from dataclasses import dataclass
from statistics import median
from time import perf_counter
from unittest.mock import patch

import numpy as np

import shno

DT = 1e-12  # s
ROUNDS = 5
MOST_TORQUE = 40e-3  # T: m turns by 0.09 rad a step of DT
ADVANCE = {"executor": "compiled", "dtype": "float32"}


class NotRun(Exception):
    """Why a row is not measured on this machine."""


@dataclass(frozen=True)
class Row:
    """A row to be measured.

    id, statement        what is claimed
    bound, how           as `expected` and `how` of a Claim
    measure              () -> (number, what it was measured with, in words); raises NotRun where it is not run
    needs                packages without which it is not run
    """

    id: str
    statement: str
    bound: float
    measure: object
    needs: tuple = ()
    how: str = "at least"
    tolerance: float = 0.0
    unit: str = ""


def neurons(n):
    """(oscillator, drive, m0 (n, 3)) of n easy-plane neurons (field, easy plane, damping-like torque), each under its
    own torque.
    """
    phi = np.linspace(0.0, 2 * np.pi, n)
    m0 = np.stack([0.1 + 0 * phi, np.sqrt(0.99) * np.cos(phi), np.sqrt(0.99) * np.sin(phi)], axis=-1)
    drive = shno.Drive(a_DL=np.linspace(0.0, MOST_TORQUE, n), B_ext=(0, 0, 2.5e-3))
    return shno.preset("easy-plane-neuron"), drive, m0


def advanced(system, steps, *, dt=DT, **settings):
    """The state (n, 3) of a system (oscillator, drive, m0) after so many steps, through the front door."""
    oscillator, drive, m0 = system
    settings = {**ADVANCE, "save_every": steps, **settings}
    return shno.simulate(oscillator, drive, duration=steps * dt, dt=dt, m0=m0, **settings).m[-1]


def reference(system, duration):
    """The state (n, 3) at the end by steps a quarter as long in float64: errors 256 times smaller."""
    return advanced(system, round(4 * duration / DT), dt=DT / 4, dtype="float64")


def rms(a, b):
    """Root mean square of |a - b| over oscillators."""
    return float(np.sqrt(np.mean(np.sum((np.asarray(a, float) - b) ** 2, axis=-1))))


def seconds(call, *arguments, **settings):
    """Wall time of one call."""
    start = perf_counter()
    call(*arguments, **settings)
    return perf_counter() - start


def interleaved(sides, rounds=ROUNDS):
    """{name: seconds of each round}; in each round every side is measured once, in turns. sides : {name: () -> s}."""
    times = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            times[name].append(side())
    return times


def ratio(times, over, under):
    """Median over rounds of one side's time over another's."""
    return median(a / b for a, b in zip(times[over], times[under], strict=True))


def best(variants):
    """The name of the fastest side; each is run once before it is timed once."""
    for variant in variants.values():
        variant()
    return min(variants, key=lambda name: variants[name]())


def agree(what, difference, limit):
    """The difference; ArithmeticError where it is above the limit, for then unlike things would be compared."""
    if not difference <= limit:
        raise ArithmeticError(f"{what} must differ by at most {limit:.2g}, got {difference:.2g}. They are not alike.")
    return difference


def kernel_call(run):
    """(kernel, its arguments) of the compiled kernel's first call in run()."""
    from shno import compiled

    calls, run_blocks = [], compiled.run_blocks

    def noted(kernel, n, layout, *arguments, **settings):
        calls.append((kernel, (0, n // layout.lanes, layout, *arguments)))
        return run_blocks(kernel, n, layout, *arguments, **settings)

    with patch.object(compiled, "run_blocks", noted):
        run()
    return calls[0]
