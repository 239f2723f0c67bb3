"""The analysis of simulated oscillators whose frequency, rate and width have a closed form."""

import numpy as np
import pytest

from shno import Drive, Oscillator, Sine, simulate
from shno.analysis import (
    amplitude,
    beat_frequency,
    cone_angle,
    frequency,
    is_locked,
    locking_phase,
    phase_diffusion,
    phase_frequency,
    ringdown,
    transient,
)
from shno.constants import gamma, k_B, mu_0

PERPENDICULAR = {"Ms": 0.8 / mu_0, "p": (0, 0, 1.0)}  # a film, B along its normal: an axisymmetric oscillator


def steady_cone(a_DL, alpha, B=0.1, M=0.8):
    """cos(theta) and signed frequency of the axisymmetric oscillator, exact: B - M c + a/alpha = 0, f = gamma a/alpha.

    The torque turns m about +z against the field's sense: f is negative.
    """
    return (B + a_DL / alpha) / M, -gamma * a_DL / (2 * np.pi * alpha)


def test_a_ferromagnetic_resonance_rings_down_as_linearised():
    alpha, B1, B2 = 0.02, np.array([0.1, 0.2]), np.array([1.1, 1.2])  # in-plane field, M = 1 T
    oscillator = Oscillator(Ms=1 / mu_0, alpha=alpha)
    B = np.stack([B1, 0 * B1, 0 * B1], axis=-1)
    tilt = np.radians(0.1)
    m0 = (np.cos(tilt), np.sin(tilt), 0.0)
    run = simulate(oscillator, Drive(I=0.0, B_ext=B), duration=8e-9, dt=1e-12, m0=m0)
    f, rate = ringdown(run)
    g = gamma / (1 + alpha**2)
    omega = g * np.sqrt((1 + alpha**2) * B1 * B2 - alpha**2 * (B1 + B2) ** 2 / 4)
    assert np.allclose(f, omega / (2 * np.pi), rtol=1e-5)  # the angle squared, 3e-6
    assert np.allclose(rate, g * alpha * (B1 + B2) / 2, rtol=1e-4)  # and over the decay of one period
    assert transient(run) * rate == pytest.approx([5, 5], abs=1.2)  # five time constants; a block of 5 turns is 1.1


def test_a_steady_cone_has_its_signed_frequency_and_angle():
    a = np.array([4e-3, 8e-3, 12e-3])
    c, f = steady_cone(a, 0.02)
    assert np.allclose(c, [0.375, 0.625, 0.875])
    m0 = np.stack([np.sqrt(1 - c**2), 0 * c, c], axis=-1)
    oscillator = Oscillator(alpha=0.02, **PERPENDICULAR)
    run = simulate(oscillator, Drive(a_DL=a, B_ext=(0, 0, 0.1)), duration=5e-9, dt=0.5e-12, m0=m0)
    found = phase_frequency(run, discard=0.0)
    assert np.allclose(found, f, rtol=3e-7)  # RK4 damps: (omega dt)^5 c/144 over alpha is 1e-7 at 17 GHz
    assert np.allclose(np.abs(found), frequency(run, discard=0.0), rtol=1e-6)  # other weights of a settling cone
    assert np.allclose(np.cos(cone_angle(run)), c, rtol=1e-6)
    assert np.allclose(amplitude(run), np.sqrt(1 - c**2), rtol=1e-6)


def test_a_thermal_line_has_the_width_of_its_phase_diffusion():
    alpha, a, T, volume, n = 0.1, 0.04, 2.0, 5e-23, 256
    c, f = steady_cone(a, alpha)
    oscillator = Oscillator(alpha=alpha, volume=volume, **PERPENDICULAR)
    m0 = np.broadcast_to([np.sqrt(1 - c**2), 0, c], (n, 3))
    run = simulate(oscillator, Drive(a_DL=a, B_ext=(0, 0, 0.1)), duration=12e-9, dt=2e-12, m0=m0, temperature=T,
                   seed=7, save_every=5)  # fmt: skip
    expected = gamma * k_B * T / (np.pi * alpha * oscillator.Ms * volume * (1 - c**2))  # 0.635 MHz
    relaxation = alpha * gamma / (1 + alpha**2) * 0.8 * (1 - c**2)  # of the cone's angle: 8.5e9 1/s
    found, error = phase_diffusion(run, lag=6 / relaxation, realisations=0, axis=(0, 0, 1.0), discard=2e-9)
    assert error < 0.05 * expected
    assert abs(found - expected) < 4 * error
    mean = phase_frequency(run, axis=(0, 0, 1.0))
    deviation = np.sqrt(35 / 18 * expected / (2 * np.pi * 6e-9) / n)
    assert abs(mean.mean() - f) < 4 * deviation + 3e-6 * abs(f)  # and (omega dt)^4/120 of the solver


def test_an_injected_field_locks_within_adlers_range():
    alpha, a, b = 0.05, 20e-3, 0.2e-3
    c, f = steady_cone(a, alpha)
    half = gamma * b / (alpha * np.sqrt(1 - c**2)) / (2 * np.pi)  # for a field that turns with m
    assert half == pytest.approx(143.602679e6, rel=1e-8)
    ratio = np.array([0.0, 0.5, -0.5, 0.9, -0.9, 1.2, -1.2, 1.5, -1.5])
    reference = abs(f) - ratio * half
    field = (Sine(b, reference, np.pi / 2), Sine(-b, reference), 0.1)  # turns in the negative sense, as m does
    oscillator = Oscillator(alpha=alpha, **PERPENDICULAR)
    m0 = (np.sqrt(1 - c**2), 0.0, c)
    run = simulate(oscillator, Drive(a_DL=a, B_ext=field), duration=160e-9, dt=2e-12, m0=m0, save_every=10)
    locked = np.abs(ratio) < 1
    assert np.array_equal(is_locked(run, reference), locked)
    beat, psi = beat_frequency(run, reference), locking_phase(run, reference)
    assert np.allclose(beat[locked], 0, atol=1e3)
    assert np.array_equal(np.isnan(psi), ~locked)
    # first order in b; the cone follows the beat, odd in the detuning: the mean of both signs is even
    lead = psi[locked] - psi[0]
    assert lead[[1, 3]] == pytest.approx(np.arcsin([0.5, 0.9]), rel=0.03)
    assert (np.sin(lead[[1, 3]]) - np.sin(lead[[2, 4]])) / 2 == pytest.approx([0.5, 0.9], rel=0.01)
    slips = (beat[[5, 7]] - beat[[6, 8]]) / 2 / half
    assert slips == pytest.approx(np.sqrt(ratio[[5, 7]] ** 2 - 1), rel=0.03)
