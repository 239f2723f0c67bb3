"""Resonance, its response and its ringdown against closed forms; B, M and Bk are flux densities in tesla."""

from dataclasses import replace

import numpy as np
import pytest
from simulate_helpers import batch, member
from stability_helpers import GAMMA, IDENTITY, film

import shno
from shno import Drive, critical_torque, equilibrium, experiments, theory

X = np.array([1.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("B", "M", "Bk", "expected"),
    [
        (0.1 * X, 1.0, 0.0, theory.kittel_frequency(0.1, 1.0, gamma=GAMMA)),
        (0.1 * X, 0.8, 0.02, theory.kittel_frequency(0.1, 0.8, 0.02, gamma=GAMMA)),
        ((0.0, 0.1, 0.0), 0.8, 0.02, theory.kittel_frequency(0.1 - 0.02, 0.82, gamma=GAMMA)),  # along its hard axis
        ((0.0, 0.0, 1.5), 1.0, 0.0, theory.kittel_frequency_perpendicular(1.5, 1.0, gamma=GAMMA)),
        (
            (0.7 * np.cos(1.4), 0.0, 0.7 * np.sin(1.4)),
            *(0.72, 0.0, theory.kittel_frequency_oblique(0.7, 1.4, 0.72, gamma=GAMMA)),
        ),
    ],
)
def test_frequencies_are_kittel_s(B, M, Bk, expected):
    assert experiments.fmr(film(M, Bk=Bk), B).frequency == pytest.approx(expected, **IDENTITY)


def test_the_linewidth_is_that_of_the_stiffness_fields():
    B, M, alpha = np.array([0.05, 0.1, 0.3]), 1.0, 0.02
    line = experiments.fmr(film(M, alpha), B[:, None] * X)
    np.testing.assert_allclose(line.linewidth, theory.resonance_linewidth(B, B + M, alpha, GAMMA), rtol=1e-9)
    np.testing.assert_allclose(
        line.frequency, theory.ringdown_eigenvalue(B, B + M, alpha, GAMMA).imag / (2 * np.pi), rtol=1e-9
    )


def test_the_linewidth_vanishes_at_the_threshold():
    oscillator, B = film(0.9, 0.02, Bk=0.01, p=(-0.8, 0.6, 0.0), field_like=0.2), (0.1, 0.03, 0.05)
    a_c = critical_torque(oscillator, Drive(a_DL=0.0, B_ext=B))
    line = experiments.fmr(oscillator, B, drive=Drive(a_DL=np.array([0.0, 0.5, 1.0, 1.1]) * a_c))
    assert np.all(np.diff(line.linewidth) < 0)
    assert abs(line.linewidth[2]) < 1e-9 * line.linewidth[0]  # a zero of the same trace


def test_a_batch_of_resonances_is_a_loop():
    oscillator, drive = batch(3)
    many = experiments.fmr(oscillator, drive.B_ext)
    for k in range(3):
        one = experiments.fmr(member(oscillator, k), drive.B_ext[k])
        for name in ("m", "frequency", "linewidth"):
            np.testing.assert_allclose(getattr(many, name)[k], getattr(one, name), rtol=1e-9, atol=1e-12)


def test_the_static_susceptibility_is_the_slope_of_the_equilibrium():
    """At a frequency far below the resonance m follows: chi b = dm_eq/dB b, also with a torque."""
    oscillator = film(0.9, 0.05, Bk=0.04, p=(0.0, 0.8, 0.6), field_like=0.2)
    B, a, b = np.array([0.1, 0.03, 0.05]), 4e-3, 1e-6

    def settled(shift):
        return equilibrium(oscillator, Drive(a_DL=a, B_ext=B + shift), driven=True)

    chi = experiments.susceptibility(oscillator, Drive(a_DL=a, B_ext=B), 1.0)
    for k, step in enumerate(b * np.eye(3)):
        slope = (settled(step) - settled(-step)) / (2 * b)
        assert np.abs(slope).max() > 0.3
        np.testing.assert_allclose(chi[:, k], slope, atol=1e-5)  # equilibria to 1e-11 over b, b^2 / B^3


def test_the_response_of_a_film_is_the_closed_form():
    B, M, alpha, f = 0.1, 0.9, 0.03, np.array([2e9, 8.7e9, 9.2e9, 20e9])
    chi = experiments.susceptibility(film(M, alpha), Drive(a_DL=0.0, B_ext=B * X), f)
    expected = theory.susceptibility(f, B, B + M, alpha, GAMMA)
    np.testing.assert_allclose(chi[:, 1, 1], expected, rtol=1e-9)


def test_an_oscillator_without_a_current_absorbs_any_field():
    oscillator, drive = batch(5)
    chi = experiments.susceptibility(oscillator, Drive(a_DL=0.0, B_ext=drive.B_ext), 7e9)
    h = np.random.default_rng(1).normal(size=(5, 3))
    assert np.einsum("ki,nij,kj->nk", h, chi, h).imag.min() > 0


def test_the_field_linewidth_is_proportional_to_damping_and_frequency():
    """FWHM of chi''(B) = 4 pi alpha f / gamma + O(alpha^3), f at 0.1 T; the maximum at Kittel's field."""
    f, alpha = theory.kittel_frequency(0.1, 1.0, gamma=GAMMA), np.array([0.005, 0.01, 0.02])
    line = experiments.absorption(film(1.0, alpha), np.linspace(0.05, 0.15, 201), f, along=X, rf_along=(0.0, 1.0, 0.0))
    assert line.absorption.shape == (201, 3)
    np.testing.assert_allclose(line.linewidth, theory.field_linewidth(f, alpha, GAMMA), rtol=1e-3)  # first order
    np.testing.assert_allclose(line.resonance_field, 0.1, rtol=1e-3)
    chi = theory.susceptibility(f, 0.1, 1.1, 0.01, GAMMA)  # of M = 1 T
    assert line.absorption[:, 1].max() == pytest.approx(chi.imag, rel=1e-3)  # 0.1 T is on the grid


def test_a_sweep_that_misses_the_line_has_no_width():
    line = experiments.absorption(film(1.0, 0.02), np.linspace(0.2, 0.3, 20), 9.3e9, along=X, rf_along=(0, 1, 0))
    assert np.isnan(line.linewidth)


@pytest.mark.parametrize("angle", [1e-3, 4e-2])
def test_a_ringdown_has_the_eigenvalue_to_the_square_of_its_angle(angle):
    oscillator, drive = shno.preset("w-cofeb-pma"), replace(shno.operating_point("w-cofeb-pma"), I=0.05e-3)
    exact = experiments.fmr(oscillator, drive.B_ext, drive=drive)
    line = experiments.ringdown(oscillator, drive, angle=angle, duration=3e-9, dt=1e-12)
    assert line.run.m.shape == (3001, 3)
    for measured, expected in ((line.frequency, exact.frequency), (line.linewidth, exact.linewidth)):
        assert abs(measured / expected - 1) < angle**2  # nonlinear terms; the solver's error is 1e-7


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda o: experiments.fmr(o, np.nan * X), ValueError, "B must be finite"),
        (lambda o: experiments.fmr(o, (1e9, 0.0, 0.0)), ValueError, "B must be within"),
        (lambda o: experiments.fmr("film", X), TypeError, "oscillator must be"),
        (lambda o: experiments.susceptibility(o, Drive(a_DL=0.0), 0.0), ValueError, "f must be in"),
        (lambda o: experiments.absorption(o, [0.2, 0.1], 9e9, along=X, rf_along=X), ValueError, "step of B"),
        (lambda o: experiments.absorption(o, [0.1], 9e9, along=2 * X, rf_along=X), ValueError, "along"),
        (lambda o: experiments.absorption(o, [0.1], [9e9], along=X, rf_along=X), ValueError, "f must be one number"),
        (lambda o: experiments.ringdown(o, 1.0, angle=0.1, duration=1e-9, dt=1e-12), TypeError, "drive must be"),
        (lambda o: experiments.ringdown(o, Drive(a_DL=0.0), angle=3, duration=1e-9, dt=1e-12), ValueError, "angle"),
        (lambda o: experiments.fit_lorentzian([1.0, 2.0], [1.0, 2.0]), ValueError, "x, y must be"),
    ],
)
def test_bad_calls_name_the_parameter(call, error, match):
    with pytest.raises(error, match=match):
        call(film(1.0, 0.02))
