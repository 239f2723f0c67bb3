"""Closed forms at a temperature: equilibrium, the Fokker-Planck operator, noise on a cone."""

import numpy as np
import pytest
from test_theory_precession import GAMMA, gilbert

from shno import theory
from shno.constants import gamma, k_B, mu_0

MAGNET = {"temperature": 300.0, "Ms": 8e5, "volume": 5e-23}


def test_brown_s_field_is_the_same_in_either_form_of_the_equation():
    """With g' the strength is alpha/(1 + alpha^2) k_B T/(g' Ms V); alpha is large, so that a mistake shows."""
    alpha, dt = 0.5, 1e-12
    rate = theory.explicit_gamma(alpha)
    explicit = np.sqrt(2 * alpha / (1 + alpha**2) * k_B * 300 / (mu_0 * rate * 5e-23 * 8e5 * dt) / mu_0)  # A/m
    assert theory.thermal_field(alpha, **MAGNET, dt=dt) / mu_0 == pytest.approx(explicit, rel=1e-13)


def test_brown_s_field_scales_as_white_noise_does():
    one = theory.thermal_field(0.1, **MAGNET, dt=1e-12)
    assert theory.thermal_field(0.1, **MAGNET, dt=4e-12) == pytest.approx(one / 2, rel=1e-14)
    assert theory.thermal_field(0.4, **MAGNET, dt=1e-12) == pytest.approx(2 * one, rel=1e-14)
    assert theory.thermal_field(0.1, **MAGNET | {"temperature": 0.0}, dt=1e-12) == 0


def test_m_diffuses_as_brown_s_field_makes_it():
    """Both terms of the explicit equation are driven: D_m = g'^2 (1 + alpha^2) D_B."""
    alpha = 0.5
    D_B, D_m = theory.thermal_field_diffusion(alpha, **MAGNET), theory.rotational_diffusion(alpha, **MAGNET)
    assert D_m == pytest.approx(theory.explicit_gamma(alpha) ** 2 * (1 + alpha**2) * D_B, rel=1e-13)
    tau_N = 8e5 * 5e-23 * (1 + alpha**2) / (2 * alpha * gamma * k_B * 300)
    assert D_m == pytest.approx(1 / (2 * tau_N), rel=1e-13)


@pytest.mark.parametrize("x", [1e-3, 0.4, 0.999999, 1.000001, 7.0, 60.0])
def test_langevin_is_boltzmann_s_mean(x):
    z, weight = np.polynomial.legendre.leggauss(100)
    weight = weight * np.exp(x * (z - 1))
    assert theory.langevin(x) == pytest.approx(weight @ z / weight.sum(), rel=1e-11)  # 1e-3 loses three digits


def test_langevin_is_odd_linear_at_weak_and_saturated_at_strong_fields():
    x = np.array([0.0, 1e-12, 0.3, 4.0, 1e300])
    assert theory.langevin(-x).tolist() == (-theory.langevin(x)).tolist()  # the same arithmetic
    assert theory.langevin(x[:2]) == pytest.approx(x[:2] / 3, rel=1e-14)
    assert theory.langevin(1e300) == 1


def legendre_eigenvalue(s, degrees=61):
    """The lowest odd eigenvalue of -L f = -[(1 - x^2) f']' - 2 s x (1 - x^2) f' on Legendre polynomials."""
    l = np.arange(degrees)
    slope = np.zeros((degrees, degrees))  # column l: (1 - x^2) P_l' = l (l + 1)/(2 l + 1) (P_{l-1} - P_{l+1})
    times_x = np.zeros((degrees, degrees))  # x P_l = [(l + 1) P_{l+1} + l P_{l-1}]/(2 l + 1)
    slope[l[1:] - 1, l[1:]], slope[l[1:], l[:-1]] = (l * (l + 1) / (2 * l + 1))[1:], -(l * (l + 1) / (2 * l + 1))[:-1]
    times_x[l[1:], l[:-1]], times_x[l[1:] - 1, l[1:]] = ((l + 1) / (2 * l + 1))[:-1], (l / (2 * l + 1))[1:]
    operator = np.diag(l * (l + 1.0)) - 2 * s * times_x @ slope
    return np.linalg.eigvals(operator[1::2, 1::2]).real.min()


@pytest.mark.parametrize("s", [0.0, 0.01, 1.0, 4.2, 9.0])
def test_the_reversal_rate_is_the_eigenvalue_on_another_basis(s):
    """The matrix loses the digits that the barrier takes: 61^2 rounding/lambda is 1e-10 at s = 9."""
    assert theory.neel_brown_eigenvalue(s) == pytest.approx(legendre_eigenvalue(s), rel=1e-9)


def test_free_rotation_decays_at_twice_the_diffusion_constant():
    assert theory.neel_brown_eigenvalue(0.0) == pytest.approx(2.0, rel=1e-12)


def test_brown_s_asymptote_is_approached_as_the_barrier_grows():
    s = np.array([5.0, 10, 20, 40, 70, 100])
    excess = theory.brown_asymptote(s) / theory.neel_brown_eigenvalue(s) - 1
    assert (np.diff(excess) < 0).all()
    assert (s * excess)[-1] == pytest.approx(1.0, rel=0.03)  # 1/s, and the next order is 2.5/s of it
    assert (np.diff(s * excess)[1:] < 0).all()


def test_the_reversal_rate_of_a_batch_falls_with_the_barrier():
    s = np.linspace(0, 30, 12).reshape(3, 4)
    rates = theory.neel_brown_eigenvalue(s)
    assert rates.shape == (3, 4)
    assert (np.diff(rates.ravel()) < 0).all()


def test_the_barrier_is_the_energy_between_easy_and_hard_direction():
    Ku, Ms = 2e4, 8e5
    s = theory.anisotropy_barrier(2 * Ku / Ms, 300.0, Ms, 5e-23)
    assert s == pytest.approx(Ku * 5e-23 / (k_B * 300), rel=1e-14)


def test_a_well_is_as_wide_as_equipartition_says():
    u2 = theory.well_variance(0.1, **MAGNET)
    assert 8e5 * 5e-23 * 0.1 * u2 / 2 == pytest.approx(k_B * 300 / 2, rel=1e-14)


def test_noise_on_the_cone_is_that_of_its_linearised_equation():
    """dc = -lambda dc dt + noise, dphi = w'(c) dc dt + noise, of strength 2 D_m (1 - c^2) and 2 D_m/(1 - c^2)."""
    a, B, Bk, alpha, h = 40e-3, 0.1, -0.8, 0.1, 1e-5
    c, _ = theory.perpendicular_cone(a, B, Bk, alpha)

    def turning(c):
        m = np.sqrt(1 - c**2), 0.0, c
        return gilbert(m, (0.0, 0.0, B + Bk * c), alpha, a)[1] / m[0]

    rate, slope = theory.cone_relaxation_rate(c, Bk, alpha, GAMMA), (turning(c + h) - turning(c - h)) / (2 * h)
    D_m, sin2 = theory.rotational_diffusion(alpha, **MAGNET, gamma=GAMMA), 1 - c**2
    assert theory.cone_variance(Bk, **MAGNET) == pytest.approx(D_m * sin2 / rate, rel=1e-13)
    spread = 2 * D_m / sin2 + (slope / rate) ** 2 * 2 * D_m * sin2
    assert theory.cone_phase_diffusion(c, alpha, **MAGNET, gamma=GAMMA) == pytest.approx(spread, rel=1e-8)  # h^2
    assert theory.cone_linewidth(c, alpha, **MAGNET, gamma=GAMMA) == pytest.approx(spread / (2 * np.pi), rel=1e-8)


def test_the_cone_s_line_is_linear_in_temperature_and_inverse_in_damping_and_volume():
    one = theory.cone_linewidth(0.6, 0.02, **MAGNET)
    assert theory.cone_linewidth(0.6, 0.02, **MAGNET | {"temperature": 600.0}) == pytest.approx(2 * one, rel=1e-13)
    assert theory.cone_linewidth(0.6, 0.04, **MAGNET) == pytest.approx(one / 2, rel=1e-13)
    assert theory.cone_linewidth(-0.6, 0.02, **MAGNET | {"volume": 1e-22}) == pytest.approx(one / 2, rel=1e-13)
