"""Ferromagnetic resonance: frequency and linewidth against field, the response to a small rf field, absorption.

Small deviations from the driven equilibrium obey d(dm)/dt = J dm + F b, with the Jacobian J of dm/dt and F its
derivative by the field. The modes are the eigenvalues of J; a field b exp(-i omega t) makes dm = chi b exp(-i omega t).
"""

from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline

from shno.checks import check_values
from shno.constants import mu_0
from shno.experiments._drive import (
    FIELD,
    FREQUENCY,
    batch_of,
    check_nouns,
    drive_of,
    number,
    numbers,
    swept,
    unit_vector,
    with_field,
)
from shno.llgs import right_hand_side
from shno.parameters import arguments, parameters
from shno.stability import COMPLEX_STEP, eigenvalues, equilibrium


class Resonance(NamedTuple):
    """Ferromagnetic resonance at each of a number of fields.

    B : (..., 3), T                 applied field
    m : (*batch, 3)                 the equilibrium about which m turns
    frequency, linewidth : (*batch), Hz
    """

    B: np.ndarray
    m: np.ndarray
    frequency: np.ndarray
    linewidth: np.ndarray


class Absorption(NamedTuple):
    """Absorption at one frequency while the field is swept.

    B : (n,), T                     applied field along its direction
    f : Hz
    absorption : (n, *batch)        chi'', dimensionless
    resonance_field : (*batch), T   where the absorption is largest
    linewidth : (*batch), T         full width at half maximum; NaN where the sweep does not hold both halves
    """

    B: np.ndarray
    f: float
    absorption: np.ndarray
    resonance_field: np.ndarray
    linewidth: np.ndarray


def fmr(oscillator, B, *, drive=None):
    """Resonance against field, f = |Im lambda| / (2 pi) and full width at half maximum -(Re lambda_1 + Re lambda_2) /
    (2 pi), with the eigenvalues lambda of the Jacobian at the driven equilibrium.

    With a current in `drive` the linewidth shrinks to zero at the threshold. An overdamped mode has frequency 0.

    oscillator : Oscillator
    B : (..., 3), T     fields; they and the oscillator broadcast to the batch
    drive : Drive       current and gate voltage that act beside the field (its own B_ext is not used); None for none
    Returns : Resonance
    Raises : TypeError, ValueError; IntegrationError where there is no equilibrium
    Source : Smit and Beljers, Philips Res. Rep. 10, 113 (1955), with damping and torque.  Exact for small angles; the
        linewidth is that of the power spectrum of a ringdown, for lines narrower than their frequency.
    """
    drive = drive_of(drive)
    check_nouns(oscillator, drive)
    B = numbers("B", B, FIELD, vector=True)
    drive = with_field(drive, B).at(0.0)
    modes = eigenvalues(oscillator, drive)
    frequency = np.abs(modes.imag).max(axis=-1) / (2 * np.pi)
    return Resonance(B, equilibrium(oscillator, drive, driven=True), frequency, -modes.real.sum(axis=-1) / (2 * np.pi))


def susceptibility(oscillator, drive, f):
    """Response of the driven equilibrium to a small field b: m = m_eq + Re[chi b exp(-2 pi i f t)], chi = (-2 pi i f -
    J)^-1 F with J and F the derivatives of dm/dt by m and by the field.

    oscillator, drive : Oscillator, Drive   waveforms count at t = 0
    f : Hz                                  a number or an array that broadcasts to the batch
    Returns : (*batch, 3, 3), 1/T, complex; Im (h . chi . h) > 0 where a damped oscillator absorbs a field along h
    Raises : TypeError, ValueError; IntegrationError where there is no equilibrium at this current
    Source : linearised LLGS equation.  Exact for small b; at and beyond the threshold it is no stationary response.
    """
    check_nouns(oscillator, drive)
    f = numbers("f", f, FREQUENCY)
    drive = drive.at(0.0)
    values, m = parameters(oscillator, drive), equilibrium(oscillator, drive, driven=True)
    B = np.broadcast_to(np.asarray(drive.B_ext), m.shape)
    by_m, by_B = [], []
    for step in 1j * COMPLEX_STEP * np.eye(3):
        by_m.append(_rate(m + step, values).imag / COMPLEX_STEP)
        by_B.append(_rate(m, values | {"B_ext": B + step}).imag / COMPLEX_STEP)
    J, F = np.stack(by_m, axis=-1), np.stack(by_B, axis=-1)  # (*batch, 3, 3)
    return np.linalg.solve(-2j * np.pi * f[..., None, None] * np.eye(3) - J, F + 0j)


def _rate(m, values):
    """dm/dt at m (*batch, 3), 1/s."""
    T = right_hand_side(tuple(np.moveaxis(m, -1, 0)), *arguments(values))
    reduced = np.asarray(values["gamma"] / (1 + np.asarray(values["alpha"]) ** 2))
    return reduced[..., None] * np.stack(np.broadcast_arrays(*T), axis=-1)


def absorption(oscillator, B, f, *, along, rf_along, drive=None):
    """Absorption of a small rf field of fixed frequency while the field is swept, chi'' = mu_0 Ms Im(h . chi . h), its
    maximum and its full width at half maximum, from a cubic spline through the points.

    oscillator : Oscillator
    B : (n,), T             increasing; steps of a tenth of the linewidth leave 1e-4 of it
    f : Hz                  of the rf field
    along : (3,)            unit vector of the field that is swept
    rf_along : (3,)         unit vector h of the rf field; across the magnetisation, usually
    drive : Drive           current and gate voltage beside the field; None for none
    Returns : Absorption
    Raises : TypeError, ValueError; IntegrationError where there is no equilibrium
    Source : `susceptibility`.  The width is 4 pi alpha f / gamma to first order in alpha, for m along the field.
    """
    drive = drive_of(drive)
    check_nouns(oscillator, drive)
    f = number("f", f, FREQUENCY)
    along, h = unit_vector("along", along), unit_vector("rf_along", rf_along)
    batch = batch_of(oscillator, with_field(drive, along))
    B = swept("B", B, FIELD)
    check_values("step of B", np.diff(B), "> 0", lambda x: x > 0, "Give the fields in increasing order.")
    fields = swept("B", B, FIELD, batch)[..., None] * along
    chi = susceptibility(oscillator, with_field(drive, fields), f)
    absorbed = mu_0 * np.asarray(oscillator.Ms) * np.einsum("i,...ij,j->...", h, chi, h).imag
    peaks = np.array([_peak(B, curve) for curve in absorbed.reshape(len(B), -1).T])
    centre, width = peaks.T.reshape(2, *absorbed.shape[1:])
    return Absorption(B, f, absorbed, centre[()], width[()])


def _peak(x, y):
    """Place and full width at half maximum of the highest peak of y(x); NaN for what does not lie inside."""
    spline = CubicSpline(x, y) if len(x) > 3 else None
    if spline is None:
        return np.nan, np.nan
    flat = spline.derivative().roots(extrapolate=False)
    if not len(flat) or not np.isfinite(flat).all():
        return np.nan, np.nan
    centre = flat[np.argmax(spline(flat))]
    halves = CubicSpline(x, y - spline(centre) / 2).roots(extrapolate=False)
    below, above = halves[halves < centre], halves[halves > centre]
    return centre, above.min() - below.max() if len(below) and len(above) else np.nan
