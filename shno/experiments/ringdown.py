"""Ringdown: m is tilted off its equilibrium and left alone; frequency and linewidth are read from how it comes back."""

from typing import NamedTuple

import numpy as np

from shno.experiments._drive import check_nouns, number
from shno.simulate import simulate
from shno.stability import equilibrium

ANGLE = ("in (0, 1.5] rad", lambda x: (x > 0) & (x <= 1.5), "In radian; 1e-3 stays linear to 1e-6.")


class Ringdown(NamedTuple):
    """A ringdown and what is read from it.

    t : (n,), s
    deviation : (n, *batch, 2)      components of m - m_eq along two axes across m_eq
    frequency, linewidth : (*batch), Hz     linewidth < 0: the oscillation grows
    """

    t: np.ndarray
    deviation: np.ndarray
    frequency: np.ndarray
    linewidth: np.ndarray


def ringdown(oscillator, drive, *, angle, duration, dt, **settings):
    """Frequency and linewidth of a simulated ringdown: the modes exp(lambda t) of the 2 x 2 matrix P that best takes
    each saved deviation to the next, f = |Im lambda| / (2 pi), full width at half maximum = -tr(ln P)/(2 pi t_step).

    oscillator, drive : Oscillator, Drive   the equilibrium is the driven one at t = 0
    angle : rad             of the tilt; the result is off the small-angle limit by about angle^2
    duration, dt : s        at least a period, with more than two saved states a period
    settings                further arguments of `simulate`: save_every, executor, progress, ...
    Returns : Ringdown
    Raises : TypeError, ValueError, IntegrationError, as `simulate`; ValueError for a temperature
    Source : Schmid, J. Fluid Mech. 656, 5 (2010), dynamic mode decomposition.  Exact for small angles.
    """
    check_nouns(oscillator, drive)
    angle = number("angle", angle, ANGLE)
    m_eq = equilibrium(oscillator, drive.at(0.0), driven=True)
    u = _across(m_eq)
    v = np.cross(m_eq, u)
    m0 = np.cos(angle) * m_eq + np.sin(angle) * u
    run = simulate(oscillator, drive, duration=duration, dt=dt, m0=m0, **settings)
    deviation = np.stack([np.sum(run.m * axis, axis=-1) for axis in (u, v)], axis=-1)  # (n, *batch, 2)
    before, after = deviation[:-1], deviation[1:]
    gram = np.einsum("n...i,n...j->...ij", before, before)
    P = np.einsum("n...i,n...j->...ij", after, before) @ np.linalg.inv(gram)
    step = run.dt * run.save_every
    modes = np.log(np.linalg.eigvals(P) + 0j) / step  # (*batch, 2), 1/s
    frequency = np.abs(modes.imag).max(axis=-1) / (2 * np.pi)
    return Ringdown(run.t, deviation, frequency, -modes.real.sum(axis=-1) / (2 * np.pi))


def _across(m):
    """A unit vector perpendicular to each m (..., 3)."""
    helper = np.where(np.abs(m[..., :1]) < 0.7, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    u = np.cross(helper, m)
    return u / np.linalg.norm(u, axis=-1, keepdims=True)
