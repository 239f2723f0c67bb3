"""Closed forms of locking against the LLGS equation itself, and Kuramoto's against his self-consistency."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import fsolve
from test_theory_precession import GAMMA, gilbert

from shno import theory

A, B, M, ALPHA = 20e-3, 0.1, 0.8, 0.05  # T, T, T, 1


def velocity(c, phi, a, b):
    """dc/dt and dphi/dt, 1/s, of a cone at m_z = c and azimuth phi in an added field b (3,)."""
    s = np.sqrt(1 - c**2)
    m = s * np.cos(phi), s * np.sin(phi), c
    x, y, z = gilbert(m, (b[0], b[1], B - M * c + b[2]), ALPHA, a)
    return z, (m[0] * y - m[1] * x) / s**2


def phase_in_a_rotating_field(detuning, b, guess):
    """Azimuth psi of a turning field ahead of m; the field turns by `detuning` (rad/s) more than the free cone."""
    c0, f = theory.perpendicular_cone(A, B, -M, ALPHA, GAMMA)

    def residual(unknown):
        c, psi = unknown
        still, turning = velocity(c, -psi, A, (b, 0.0, 0.0))
        return [still / 1e9, (turning - (-2 * np.pi * f + detuning)) / 1e9]

    return fsolve(residual, (c0, guess), xtol=1e-13)[1]


def phase_of_two(da, b_c, guess):
    """Phase between two coupled cones whose torques differ by da, and the angular frequency that they share."""
    c0, f = theory.perpendicular_cone(A, B, -M, ALPHA, GAMMA)

    def unit(c, phi):
        return np.array([np.sqrt(1 - c**2) * np.cos(phi), np.sqrt(1 - c**2) * np.sin(phi), c])

    def residual(unknown):
        c1, c2, psi, w = unknown
        first = velocity(c1, 0.0, A + da / 2, b_c * unit(c2, psi))
        second = velocity(c2, psi, A - da / 2, b_c * unit(c1, 0.0))
        return np.array([first[0], second[0], first[1] - w * 1e9, second[1] - w * 1e9]) / 1e9

    return fsolve(residual, (c0, c0, guess, -2 * np.pi * f / 1e9), xtol=1e-13)[2]


def test_a_rotating_field_shifts_the_phase_by_adler_s_arcsine():
    b = 1e-6  # small: the next order is b/(alpha M) of it, 3e-5
    half_range = 2 * np.pi * theory.injection_half_range(b, theory.perpendicular_cone(A, B, -M, ALPHA)[0], ALPHA, GAMMA)
    for share in (-0.9, -0.3, 0.5, 0.9):  # dpsi/dt = detuning - half_range sin(psi): m follows the field in phase
        expected = theory.locked_phase(share, 1.0)
        assert phase_in_a_rotating_field(share * half_range, b, 0.9 * expected) == pytest.approx(expected, rel=1e-3)


def test_beats_are_slower_by_what_the_phase_lingers():
    """The time of a slip is the integral of dpsi/(detuning - half_range sin psi)."""
    for detuning in (1.05, -1.5, 3.0):
        time = quad(lambda psi, w=detuning: 1 / abs(w - np.sin(psi)), 0, 2 * np.pi, limit=200)[0]
        assert theory.beat_frequency(detuning, 1.0) == pytest.approx(2 * np.pi / time, rel=1e-8)
    assert theory.beat_frequency([-1.0, 0.3, 1.0], 1.0).tolist() == [0, 0, 0]
    assert theory.beat_frequency(1e9, 0.0) == pytest.approx(1e9, rel=1e-15)


@pytest.mark.parametrize("half_range", [1.0, -2.0])
def test_the_locked_phase_is_the_stable_rest_of_adler_s_equation(half_range):
    detuning = half_range * np.array([-0.95, -0.2, 0.0, 0.4, 0.99])
    psi = theory.locked_phase(detuning, half_range)
    assert half_range * np.sin(psi) == pytest.approx(detuning, abs=1e-15)
    assert (half_range * np.cos(psi) > 0).all()
    assert np.isnan(theory.locked_phase([1.01 * half_range, -1.01 * half_range], half_range)).all()
    assert np.isnan(theory.locked_phase(0.1, 0.0))


def test_a_signal_at_twice_the_frequency_locks_two_phases_half_a_turn_apart():
    detuning = np.array([-0.8, 0.0, 0.5])
    first, second = theory.parametric_locked_phases(detuning, 1.0)
    assert second - first == pytest.approx([np.pi] * 3, rel=1e-15)
    for psi in (first, second):
        assert np.sin(2 * psi) == pytest.approx(detuning, abs=1e-15)
        assert (np.cos(2 * psi) > 0).all()  # stable


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_two_coupled_cones_stand_at_the_closed_form_s_phase(share):
    b_c = 1e-5  # the next order is b_c/(alpha M), 2.5e-4
    for sign in (1, -1):
        da = 2 * share * b_c
        expected = theory.mutual_locked_phase(da, sign * b_c)
        phase = phase_of_two(da, sign * b_c, expected + 0.1)
        assert phase == pytest.approx(expected, abs=2e-3)


def test_two_cones_lock_up_to_the_edge_in_phase_or_in_antiphase():
    edge = theory.mutual_locking_edge([0.1e-3, -0.1e-3])
    assert edge == pytest.approx([0.2e-3, 0.2e-3], rel=1e-15)
    assert theory.mutual_locked_phase(0.0, [0.1e-3, -0.1e-3]) == pytest.approx([0.0, np.pi], rel=1e-15)
    for b_c in (0.1e-3, -0.1e-3):
        inside, outside = theory.mutual_locked_phase([0.999 * 0.2e-3, 1.001 * 0.2e-3], b_c)
        assert np.isfinite(inside)
        assert np.isnan(outside)


def test_two_oscillators_in_kuramoto_s_model_lock_where_two_cones_do():
    """Their angular frequencies gamma a/alpha may differ by K of n = 2."""
    da, gamma = theory.mutual_locking_edge(0.1e-3), 1.8e11
    assert gamma * da / ALPHA == pytest.approx(theory.kuramoto_coupling(0.1e-3, 2, ALPHA, gamma), rel=1e-14)


def gaussian(w, sigma):
    return np.exp(-((w / sigma) ** 2) / 2) / (np.sqrt(2 * np.pi) * sigma)


def lorentzian(w, half_width):
    return half_width / (np.pi * (w**2 + half_width**2))


def consistent(K, r, density, width):
    """Kuramoto's K integral of cos^2(psi) g(K r sin(psi)), which is 1 where r is his order parameter."""
    return K * quad(lambda psi: np.cos(psi) ** 2 * density(K * r * np.sin(psi), width), -np.pi / 2, np.pi / 2)[0]


def test_kuramoto_s_onset_is_where_a_first_order_appears():
    """The next term is g''(0)/g(0) (K r)^2/8, 1e-8 at r = 1e-4."""
    gauss, lorentz = theory.kuramoto_onset_gaussian(3.0), theory.kuramoto_onset_lorentzian(3.0)
    assert consistent(gauss, 1e-4, gaussian, 3.0) == pytest.approx(1.0, rel=1e-7)
    assert consistent(lorentz, 1e-4, lorentzian, 3.0) == pytest.approx(1.0, rel=1e-7)
    assert theory.kuramoto_onset(gaussian(0.0, 3.0)) == pytest.approx(gauss, rel=1e-14)
    assert theory.kuramoto_onset(lorentzian(0.0, 3.0)) == pytest.approx(lorentz, rel=1e-14)


def test_kuramoto_s_order_is_self_consistent_above_and_zero_below_the_onset():
    for K in (6.5, 12.0, 100.0):
        assert consistent(K, theory.kuramoto_order(K, 3.0), lorentzian, 3.0) == pytest.approx(1.0, rel=1e-9)
    assert theory.kuramoto_order([1.0, 6.0], 3.0).tolist() == [0, 0]


def test_an_array_of_n_has_n_times_the_power_in_an_n_times_narrower_line():
    n = np.array([1, 2, 21])
    linewidth, peak = theory.array_linewidth(1e6, n), theory.array_peak_power(2e-12, n)
    assert linewidth * peak == pytest.approx(n * 2e-6, rel=1e-14)
    assert peak == pytest.approx(2e-12 * n**2, rel=1e-14)
