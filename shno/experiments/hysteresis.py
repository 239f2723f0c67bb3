"""Hysteresis: m along a field that goes from +B_max to -B_max and back, slowly or in a given time."""

from functools import partial
from typing import NamedTuple

import numpy as np

from shno.checks import complaint, shown
from shno.experiments._drive import (
    FIELD_SIZE,
    SECONDS,
    batch_of,
    check_nouns,
    drive_of,
    number,
    unit_vectors,
    whole,
    with_current,
    with_field,
)
from shno.parameters import arguments, parameters
from shno.simulate import simulate
from shno.stability import descend, equilibrium
from shno.waveforms import Ramp

BISECTIONS = 30  # of the step in which m . d changes sign: 1e-9 of it is left


class Hysteresis(NamedTuple):
    """A loop: the field goes down from B_max to -B_max and up again.

    B : (n,), T                         along the direction d
    m : (n, *batch, 3)
    m_along : (n, *batch)               m . d
    coercivity, bias : (*batch), T      half the difference and half the sum of the fields at which m . d first changes
                                        sign on the way up and on the way down; NaN where it does not
    remanence : (*batch)                m . d at B = 0 on the way down
    """

    B: np.ndarray
    m: np.ndarray
    m_along: np.ndarray
    coercivity: np.ndarray
    bias: np.ndarray
    remanence: np.ndarray


def hysteresis(oscillator, directions, B_max, *, steps, drive=None, progress=None):
    """Quasi-static loop: at each field m is the energy minimum that descent from the previous one reaches.

    A minimum is followed until the field at which it vanishes. Inside the step in which m . d changes sign that field
    is found by bisection, so that coercivity and bias do not have the error of a step.

    oscillator : Oscillator
    directions : (..., 3)   unit vectors d; they and the oscillator broadcast to the batch
    B_max : T               beyond all switching fields
    steps : whole number    from B_max to -B_max; a step that is too long can miss a minimum on the way
    drive : Drive           gate voltage (its current and field are not used); None for none
    progress                called as progress(fields done, fields in all)
    Returns : Hysteresis with n = 2 steps + 1
    Raises : TypeError, ValueError; IntegrationError where there is no equilibrium at B_max
    Source : Stoner and Wohlfarth, Phil. Trans. R. Soc. A 240, 599 (1948).  Valid at temperature 0.
    """
    drive = drive_of(drive)
    check_nouns(oscillator, drive)
    d, B_max = unit_vectors("directions", directions), number("B_max", B_max, FIELD_SIZE)
    steps = whole("steps", steps)
    if progress is not None and not callable(progress):
        raise TypeError(complaint("progress", "a function of two numbers", shown(progress), "None for none."))
    drive = with_current(drive, 0.0).at(0.0)
    follow = partial(_minimum, oscillator, drive, d)
    down = np.linspace(B_max, -B_max, steps + 1)
    B = np.concatenate([down, down[-2::-1]])
    batch = batch_of(oscillator, with_field(drive, d))
    m = [np.broadcast_to(equilibrium(oscillator, with_field(drive, B_max * d)), (*batch, 3))]
    for each in B[1:]:
        m.append(follow(each, m[-1]))
        if progress is not None:
            progress(len(m), len(B))
    m = np.stack(m)
    m_along = np.sum(m * d, axis=-1)
    on_way_down = _reversal(follow, d, down, m[: steps + 1])
    on_way_up = _reversal(follow, d, down[::-1], m[steps:])
    remanence = np.sum(follow(0.0, m[np.flatnonzero(down >= 0)[-1]]) * d, axis=-1)
    return Hysteresis(B, m, m_along, (on_way_up - on_way_down) / 2, (on_way_up + on_way_down) / 2, remanence)


def swept_hysteresis(oscillator, directions, B_max, *, duration, dt, drive=None, **settings):
    """Loop in a given time: the LLGS equation under B(t) = B_max d, to -B_max d in half of the duration and back.

    The loop is wider the faster the field goes; with a damping below about 0.1, m can also switch before its minimum
    vanishes, by precession. At temperature 0 and with d along a symmetry axis m waits on the saddle: tilt d.

    oscillator : Oscillator
    directions : (..., 3)   unit vectors d; they and the oscillator broadcast to the batch
    B_max : T               beyond all switching fields
    duration, dt : s        of the whole loop, and of a step
    drive : Drive           current and gate voltage that act meanwhile (its field is not used); None for none
    settings                further arguments of `simulate`: temperature and seed, save_every, progress, ...
    Returns : Hysteresis at the saved times; its fields of reversal and its remanence are interpolated linearly
    Raises : TypeError, ValueError, IntegrationError, as `simulate`
    """
    drive = drive_of(drive)
    check_nouns(oscillator, drive)
    d, B_max = unit_vectors("directions", directions), number("B_max", B_max, FIELD_SIZE)
    duration = number("duration", duration, SECONDS)
    sweep = Ramp(B_max, -B_max, 0.0, duration / 2) + Ramp(0.0, 2 * B_max, duration / 2, duration)
    B_ext = tuple(sweep * d[..., k] if np.any(d[..., k]) else 0.0 for k in range(3))
    run = simulate(oscillator, with_field(drive, B_ext), duration=duration, dt=dt, **settings)
    B = B_max * np.interp(run.t, [0.0, duration / 2, duration], [1.0, -1.0, 1.0])
    m_along = np.sum(run.m * d, axis=-1)
    turn = int(np.argmin(B)) + 1
    on_way_down, on_way_up = _interpolated(B[:turn], m_along[:turn]), _interpolated(B[turn - 1 :], m_along[turn - 1 :])
    at_zero = [np.interp(0.0, -B[:turn], curve) for curve in m_along[:turn].reshape(turn, -1).T]
    remanence = np.reshape(at_zero, m_along.shape[1:])[()]
    return Hysteresis(B, run.m, m_along, (on_way_up - on_way_down) / 2, (on_way_up + on_way_down) / 2, remanence)


def _minimum(oscillator, drive, d, B, m):
    """The energy minimum that descent from m (*batch, 3) reaches at the field B d, B a number or (*batch), T."""
    values = parameters(oscillator, with_field(drive, np.asarray(B)[..., None] * d))
    return descend(m, arguments(values)[1])


def _first_reversal(m_along):
    """Index of the first point of (n, *batch) whose sign is not that of the first one, and whether there is one."""
    other = np.sign(m_along) != np.sign(m_along[0])
    return np.maximum(np.argmax(other, axis=0), 1), other.any(axis=0)


def _reversal(follow, d, B, m):
    """The field in a branch B (n,), m (n, *batch, 3) at which m . d first changes sign, T; NaN where it does not."""
    first, reverses = _first_reversal(np.sum(m * d, axis=-1))
    before, after = B[first - 1], B[first]
    sign = np.sign(np.sum(m[0] * d, axis=-1))
    m = np.take_along_axis(m, (first - 1)[None, ..., None], axis=0)[0]
    for _ in range(BISECTIONS):
        middle = (before + after) / 2
        there = follow(middle, m)
        stays = np.sign(np.sum(there * d, axis=-1)) == sign
        m = np.where(stays[..., None], there, m)
        before, after = np.where(stays, middle, before), np.where(stays, after, middle)
    return np.where(reverses, (before + after) / 2, np.nan)[()]


def _interpolated(B, m_along):
    """The same from the points of a branch alone, B (n,), m_along (n, *batch), on straight lines between them."""
    first, reverses = _first_reversal(m_along)
    y0, y1 = (np.take_along_axis(m_along, k[None], axis=0)[0] for k in (first - 1, first))
    share = np.where(reverses, y0 / np.where(y0 == y1, 1.0, y0 - y1), 0.0)
    return np.where(reverses, B[first - 1] + share * (B[first] - B[first - 1]), np.nan)[()]
