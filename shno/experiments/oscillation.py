"""Auto-oscillation against current: frequency, amplitude, linewidth."""

from typing import NamedTuple

import numpy as np

from shno.analysis import frequency
from shno.experiments._drive import CURRENT, batch_of, check_nouns, swept, with_current
from shno.experiments.threshold import critical_current
from shno.simulate import simulate


class CurrentSweep(NamedTuple):
    """An oscillator against its current.

    current : (n,)                      in the unit of `name`: "I" A | "J" A/m^2 | "a_DL" T
    threshold : (*batch)                critical current; NaN where there is none
    frequency : (n, *batch), Hz         NaN where there is no line
    amplitude : (n, *batch)             rms of |m - <m>|: the sine of the cone's half angle where m turns in a circle
    linewidth : (n, *batch), Hz         full width at half maximum; None at temperature 0
    """

    current: np.ndarray
    name: str
    threshold: np.ndarray
    frequency: np.ndarray
    amplitude: np.ndarray
    linewidth: np.ndarray | None


def frequency_against_current(oscillator, drive, currents, *, duration, dt, **settings):
    """TODO"""
    check_nouns(oscillator, drive)
    batch = batch_of(oscillator, with_current(drive, 0.0))
    currents = swept("currents", currents, CURRENT, batch)
    run = simulate(oscillator, with_current(drive, currents), duration=duration, dt=dt, **settings)
    threshold = np.broadcast_to(critical_current(oscillator, drive), batch)
    half = run.m[len(run.t) // 2 :]
    return CurrentSweep(
        currents.reshape(-1), drive.current[0], threshold, frequency(run), np.sqrt(half.var(axis=0).sum(axis=-1)), None
    )
