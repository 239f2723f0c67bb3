"""Ringdown: m is tilted off its equilibrium and left alone; frequency and linewidth are read from how it comes back."""

from typing import NamedTuple

import numpy as np

from shno.analysis import ringdown as decay
from shno.experiments._drive import check_nouns, number
from shno.simulate import simulate
from shno.stability import equilibrium
from shno.trajectory import Trajectory

ANGLE = ("in (0, 1.5] rad", lambda x: (x > 0) & (x <= 1.5), "In radian; 1e-3 is off the linear limit by 1e-6 or so.")


class Ringdown(NamedTuple):
    """A ringdown and what is read from it.

    run : Trajectory
    frequency, linewidth : (*batch), Hz     linewidth < 0: the oscillation grows; NaN for what is no ringdown
    """

    run: Trajectory
    frequency: np.ndarray
    linewidth: np.ndarray


def ringdown(oscillator, drive, *, angle, duration, dt, **settings):
    """Frequency and linewidth of a simulated ringdown, FWHM = Gamma/pi with the decay rate Gamma of
    `analysis.ringdown`.

    oscillator, drive : Oscillator, Drive   the equilibrium is the driven one at t = 0
    angle : rad             of the tilt; the result is off the small-angle limit by about angle^2
    duration, dt : s        some periods, and of a step
    settings                further arguments of `simulate`: save_every, executor, progress, ...
    Returns : Ringdown
    Raises : TypeError, ValueError, IntegrationError, as `simulate`
    """
    check_nouns(oscillator, drive)
    angle = number("angle", angle, ANGLE)
    m_eq = equilibrium(oscillator, drive.at(0.0), driven=True)
    m0 = np.cos(angle) * m_eq + np.sin(angle) * _across(m_eq)
    run = simulate(oscillator, drive, duration=duration, dt=dt, m0=m0, **settings)
    frequency, rate = decay(run)
    return Ringdown(run, frequency, rate / np.pi)


def _across(m):
    """A unit vector perpendicular to each m (..., 3)."""
    helper = np.where(np.abs(m[..., :1]) < 0.7, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    u = np.cross(helper, m)
    return u / np.linalg.norm(u, axis=-1, keepdims=True)
