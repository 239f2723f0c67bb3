"""Thresholds against closed forms; B, M and Bk are flux densities in tesla."""

from dataclasses import replace

import numpy as np
import pytest
from simulate_helpers import member
from stability_helpers import GAMMA, IDENTITY, film, frequency, spread_batch, unit

from shno import Drive, IntegrationError, Oscillator, critical_torque, eigenvalues, equilibrium
from shno.constants import e, hbar


def test_the_collinear_threshold_is_exact():
    """For p against m, a_c = alpha (B + Bk + M/2), where f = (gamma/2 pi) sqrt[(B1 B2 + a_c^2)/(1 + alpha^2)]."""
    B, Bk, M, alpha = 0.1, 0.03, 1.0, 0.02
    oscillator = film(M, alpha, Bk, p=(-1.0, 0.0, 0.0))
    a_c = critical_torque(oscillator, Drive(a_DL=0.0, B_ext=(B, 0.0, 0.0)))
    assert a_c == pytest.approx(alpha * (B + Bk + M / 2), **IDENTITY)
    modes = eigenvalues(oscillator, Drive(a_DL=a_c, B_ext=(B, 0.0, 0.0)))
    assert np.all(np.abs(modes.real) < 1e-9 * np.abs(modes.imag))
    B1, B2 = B + Bk, B + Bk + M
    expected = GAMMA / (2 * np.pi) * np.sqrt((B1 * B2 + a_c**2) / (1 + alpha**2))
    assert np.abs(modes.imag) / (2 * np.pi) == pytest.approx(expected, **IDENTITY)


def test_the_collinear_threshold_of_the_table():
    oscillator = film(1.0, 0.02, thickness=5e-9, theta_SH=0.08, p=(-1.0, 0.0, 0.0))
    a_c = critical_torque(oscillator, Drive(a_DL=0.0, B_ext=(0.1, 0.0, 0.0)))
    assert a_c == pytest.approx(12e-3, **IDENTITY)
    J_c = 2 * e * oscillator.Ms * 5e-9 * a_c / (hbar * 0.08)
    assert J_c == pytest.approx(1.813491933e12, rel=1e-9)
    f_c = frequency(oscillator, (0.1, 0.0, 0.0), a_c)
    assert f_c == pytest.approx(9.299047136e9, abs=6)


def test_the_perpendicular_threshold_is_exact():
    """Along z with Bk along z: a_c = alpha (B + Bk)."""
    oscillator = Oscillator(Ms=8e5, alpha=0.02, demag=(1 / 3, 1 / 3, 1 / 3), Ku=0.3 * 8e5 / 2, p=(0.0, 0.0, -1.0))
    assert critical_torque(oscillator, Drive(a_DL=0.0, B_ext=(0.0, 0.0, 0.1))) == pytest.approx(8e-3, **IDENTITY)


@pytest.mark.parametrize("p", [(-1.0, 0.0, 0.0), (1.0, 0.0, 0.0), (-0.8, 0.6, 0.0), (0.5, 0.5, np.sqrt(0.5))])
def test_the_threshold_torque_is_against_the_equilibrium(p):
    oscillator, drive = film(1.0, 0.02, p=p), Drive(a_DL=0.0, B_ext=(0.1, 0.0, 0.0))
    a_c = critical_torque(oscillator, drive)
    assert a_c * np.dot(p, equilibrium(oscillator, drive)) < 0
    growths = [eigenvalues(oscillator, Drive(a_DL=x * a_c, B_ext=(0.1, 0.0, 0.0))).real.max() for x in (0.999, 1.001)]
    assert growths[0] < 0 < growths[1]


def test_thresholds_are_proportional_to_damping_when_collinear():
    oscillator = film(0.9, np.array([0.005, 0.01, 0.04]), p=(-1.0, 0.0, 0.0))
    a_c = critical_torque(oscillator, Drive(a_DL=0.0, B_ext=(0.1, 0.0, 0.0)))
    np.testing.assert_allclose(a_c / oscillator.alpha, 0.1 + 0.45, rtol=1e-9, equal_nan=False)


def threshold_or_nan(oscillator, drive):
    try:
        return float(critical_torque(oscillator, drive))
    except IntegrationError:
        return np.nan


def test_there_is_no_threshold_where_p_is_perpendicular_to_m():
    """The torque then neither damps nor undamps: what comes back is NaN or IntegrationError, never a number."""
    drive = Drive(a_DL=0.0, B_ext=(0.1, 0.0, 0.0))
    assert np.isnan(threshold_or_nan(film(1.0, 0.02, p=(0.0, 1.0, 0.0)), drive))
    assert np.isnan(threshold_or_nan(film(1.0, 0.02, p=(1e-17, 1.0, 0.0)), drive))  # where it is rounding that is left


def test_a_threshold_is_a_zero_of_the_growth_or_it_is_not_given():
    oscillator, drive = spread_batch(40, seed=1)
    aside = np.cross(oscillator.p, oscillator.easy_axis)  # p anywhere: for some no threshold exists
    for k in range(40):
        one = replace(member(oscillator, k), p=unit(aside[k] + 0.2 * oscillator.p[k]))
        a_c = threshold_or_nan(one, member(drive, k))
        if np.isfinite(a_c):
            modes = eigenvalues(one, replace(member(drive, k), a_DL=a_c))
            assert abs(modes.real.sum()) < 1e-9 * np.abs(modes).sum(), k


def test_asymmetry_lowers_the_collinear_threshold_by_its_square():
    """Against p the torque is Lambda^2 as large, and its slope there does not count: m x p = 0."""
    B, Bk, M, alpha, Lambda = 0.1, 0.03, 1.0, 0.02, np.array([1.0, 1.2, 2.0])
    oscillator = film(M, alpha, Bk, p=(-1.0, 0.0, 0.0), Lambda=Lambda)
    a_c = critical_torque(oscillator, Drive(a_DL=0.0, B_ext=(B, 0.0, 0.0)))
    np.testing.assert_allclose(a_c * Lambda**2, alpha * (B + Bk + M / 2), rtol=1e-9, equal_nan=False)


def test_the_oersted_field_of_the_threshold_is_that_of_its_own_current():
    """The current of the drive is not used; that of the threshold is."""
    oscillator, drive = spread_batch(6)
    oscillator = replace(oscillator, theta_SH=0.2, oersted=(6e-15, -1e-14, 1.6e-14))
    a_c = critical_torque(oscillator, drive)
    np.testing.assert_allclose(a_c, critical_torque(oscillator, replace(drive, a_DL=0.0)), rtol=1e-9, equal_nan=False)
    modes = eigenvalues(oscillator, replace(drive, a_DL=a_c))
    assert np.all(np.abs(modes.real.sum(axis=-1)) < 1e-9 * np.abs(modes).sum(axis=-1))
