"""Closed forms with a torque, and of the auto-oscillator: limits, and the equations that they solve."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import minimize_scalar
from test_theory_precession import GAMMA, gilbert

from shno import Drive, critical_torque, eigenvalues, equilibrium, operating_point, preset, theory

MODEL = {"zeta": 1.7, "Gamma": 3e8, "Q": 2.5}


def cone_rates(c, a, B, Bk, alpha):
    """dc/dt and dphi/dt at m_z = c under the LLGS equation with p = z, 1/s."""
    m = np.sqrt(1 - c**2), 0.0, c
    _, y, z = gilbert(m, (0.0, 0.0, B + Bk * c), alpha, a)
    return z, y / m[0]


def test_anisotropy_acts_on_the_threshold_as_field():
    for f in (theory.collinear_threshold, theory.threshold_frequency):
        assert f(0.1, 0.8, 0.02, 0.03) == pytest.approx(f(0.12, 0.8, 0.0, 0.03), rel=1e-14)
    assert theory.perpendicular_threshold(0.1, 0.3, 0.02) == pytest.approx(theory.perpendicular_threshold(0.4, 0, 0.02))


def test_threshold_frequency_is_kittel_without_damping():
    f = theory.kittel_frequency(0.1, 0.8, 0.02)
    assert theory.threshold_frequency(0.1, 0.8, 0.02, 0.0) == pytest.approx(f, rel=1e-14)


def test_the_noncollinear_threshold_is_the_collinear_one_along_m():
    for projection in (1.0, -1.0):
        a_c = theory.noncollinear_threshold(0.12, 0.92, 0.03, projection)
        assert a_c == pytest.approx(theory.collinear_threshold(0.1, 0.8, 0.02, 0.03), rel=1e-14)
    tilted = theory.noncollinear_threshold(0.12, 0.92, 0.03, 0.5)
    assert tilted == pytest.approx(2 * a_c, rel=1e-14)


@pytest.mark.parametrize(
    ("name", "excess"), [("nife-pt-in-plane", 0.0004), ("w-cofeb-pma", 0.008), ("nife-pt-oblique", 0.032)]
)
def test_the_noncollinear_threshold_is_high_by_what_it_says(name, excess):
    """Against the exact eigenvalue: 0.04, 0.8 and 3.2 %, to the digits printed."""
    oscillator, drive = preset(name), operating_point(name)
    at_rest = Drive(a_DL=0.0, B_ext=drive.B_ext)
    rate = -eigenvalues(oscillator, at_rest).real[0] / theory.explicit_gamma(oscillator.alpha, oscillator.gamma)
    p_dot_m = equilibrium(oscillator, at_rest) @ np.array(oscillator.p)
    total = 2 * rate / oscillator.alpha  # B1 + B2
    a_c = theory.noncollinear_threshold(total / 2, total / 2, oscillator.alpha, p_dot_m)
    assert a_c / abs(critical_torque(oscillator, at_rest)) - 1 == pytest.approx(
        excess, abs=5.1e-5 if excess < 1e-3 else 5.1e-4
    )


@pytest.mark.parametrize("b", [0.0, 0.03, 0.3, 0.9])
def test_the_perpendicular_switching_torque_is_the_largest_that_a_tilt_balances(b):
    """m turns in the plane of B and the normal: there a = cos(theta) (Bk sin(theta) - B)."""
    Bk = 0.4
    balanced = minimize_scalar(lambda x: -np.cos(x) * Bk * (np.sin(x) - b), (0.5, 1.0), options={"xtol": 1e-10})
    assert theory.perpendicular_switching_torque(b * Bk, Bk) == pytest.approx(-balanced.fun, rel=1e-13)


def test_the_perpendicular_switching_torque_falls_linearly_to_first_order():
    b = np.array([1e-3, 2e-3, 4e-3])
    left = theory.perpendicular_switching_torque(0.3 * b, 0.3) - (0.15 - 0.3 * b / np.sqrt(2))
    assert left[1:] / left[:-1] == pytest.approx(4, rel=5e-3)  # of second order
    assert theory.perpendicular_switching_torque(0.3, 0.3) == 0


def test_reversing_torque_and_field_mirrors_the_cone():
    (c, f), (c_reversed, f_reversed) = (theory.perpendicular_cone(s * 8e-3, s * 0.1, -0.8, 0.02) for s in (1, -1))
    assert (c_reversed, f_reversed) == (-c, f)  # the same arithmetic


def test_no_cone_beyond_the_poles():
    c, _ = theory.perpendicular_cone(np.array([-19e-3, 13e-3, 15e-3]), 0.1, -0.8, 0.02)
    assert c[1] == pytest.approx(0.9375)
    assert np.isnan(c[[0, 2]]).all()
    assert np.isnan(theory.perpendicular_cone(8e-3, 0.1, 0.0, 0.02)[0])


def test_m_stays_on_the_cone_turns_at_its_frequency_and_returns_to_it_at_its_rate():
    a, B, Bk, alpha = 8e-3, 0.1, -0.8, 0.3
    c, f = theory.perpendicular_cone(a, B, Bk, alpha, GAMMA)
    still, turning = cone_rates(c, a, B, Bk, alpha)
    assert still == pytest.approx(0.0, abs=1e-14 * abs(turning))
    assert turning == pytest.approx(-2 * np.pi * f, rel=1e-14)
    h = 1e-5
    slope = (cone_rates(c + h, a, B, Bk, alpha)[0] - cone_rates(c - h, a, B, Bk, alpha)[0]) / (2 * h)
    assert theory.cone_relaxation_rate(c, Bk, alpha, GAMMA) == pytest.approx(-slope, rel=1e-8)  # h^2
    assert theory.cone_relaxation_rate(c, -Bk, alpha) < 0


@pytest.mark.parametrize("wells", [1, 2])
def test_the_pendulum_slips_above_its_depinning_and_stops_below_its_retrapping_torque(wells):
    """Time in units of 1/(gamma sqrt(M B)): phi'' + alpha sqrt(M/B) phi' = [a - (B/wells) sin(wells phi)]/B."""
    B, M, alpha = 1e-3, 0.9, 0.04 / 30
    friction = alpha * np.sqrt(M / B)  # 0.04: the retrapping torque is of first order in it

    def slips(a, phi0, velocity):
        def rates(_, y):
            return [y[1], a / B - np.sin(wells * y[0]) / wells - friction * y[1]]

        return solve_ivp(rates, (0, 250), (phi0, velocity), "DOP853", rtol=1e-7).y[0, -1] * wells / (2 * np.pi)

    a_c, a_r = theory.depinning_torque(B, wells), theory.retrapping_torque(B, M, alpha, wells)
    assert slips(0.999 * a_c, np.pi / 2 / wells, 0.0) < 0.5 < 20 < slips(1.001 * a_c, np.pi / 2 / wells, 0.0)
    fast = 2.2 / wells  # above the separatrix; below the retrapping torque friction needs 50 to bring it there
    assert slips(0.98 * a_r, 0.0, fast) < 15 < 25 < slips(1.02 * a_r, 0.0, fast)


def test_the_power_grows_as_the_logistic_curve():
    zeta, Gamma, Q = MODEL["zeta"], MODEL["Gamma"], MODEL["Q"]
    t = theory.growth_time(1e-4, 0.1, **MODEL)
    run = solve_ivp(
        lambda _, p: -2 * Gamma * (1 + Q * p) * p + 2 * zeta * Gamma * (1 - p) * p,
        (0, t),
        [1e-4],
        "DOP853",
        rtol=1e-11,
        atol=0,
    )
    assert run.y[0, -1] == pytest.approx(0.1, rel=1e-9)
    p0 = theory.oscillation_power(zeta, Q)
    assert -Gamma * (1 + Q * p0) + zeta * Gamma * (1 - p0) == pytest.approx(0.0, abs=1e-15 * Gamma)


def test_growth_times_add_and_the_latency_is_one():
    whole = theory.growth_time(1e-4, 0.1, **MODEL)
    parts = theory.growth_time(1e-4, 0.03, **MODEL) + theory.growth_time(0.03, 0.1, **MODEL)
    assert parts == pytest.approx(whole, rel=1e-13)
    half = theory.oscillation_power(MODEL["zeta"], MODEL["Q"]) / 2
    assert theory.latency(1e-4, **MODEL) == pytest.approx(theory.growth_time(1e-4, half, **MODEL), rel=1e-13)


def test_the_jitter_is_the_spread_of_latencies_from_thermal_powers():
    """4e5 draws: the deviation of a deviation, for the log of an exponential, is sqrt(4.4/4 n) = 0.17 %; 4 of them."""
    p_i = 1e-9 * np.random.default_rng(2).exponential(size=400_000)
    spread = theory.latency(p_i, **MODEL).std()
    assert spread == pytest.approx(theory.latency_jitter(MODEL["zeta"], MODEL["Gamma"]), rel=7e-3)


def test_the_line_is_broad_at_the_threshold_and_narrow_away_from_it():
    above = theory.linewidth_above_threshold([1.0001, 1.001, 1.01, 3], 3e8, 2.5, -4e9, 2e4)
    assert above[:-1] / above[1:] == pytest.approx([10, 10, above[2] / above[3]], rel=0.01)  # 1/(zeta - 1)
    below = theory.linewidth_below_threshold([0.0, 0.9, 0.99], 3e8)
    assert below == pytest.approx(below[0] * np.array([1, 0.1, 0.01]), rel=1e-12)
    power = theory.power_below_threshold([0.0, 0.9, 0.99], 3e8, 2e4)
    assert power * below == pytest.approx(2e4 / np.pi, rel=1e-12)


def test_a_quench_is_faster_with_reversed_current():
    assert theory.power_growth_rate([0.5, 0.0, -1.0], 1e9) == pytest.approx([-1e9, -2e9, -4e9], rel=1e-14)


def test_without_nonlinear_shift_the_line_is_that_of_phase_noise_alone():
    p0 = theory.oscillation_power(MODEL["zeta"], MODEL["Q"])
    alone = theory.linewidth_above_threshold(**MODEL, N=0.0, D_n=2e4)
    assert alone == pytest.approx(2e4 / p0 / (2 * np.pi), rel=1e-14)
    nu = theory.nonlinear_coupling(**MODEL, N=5e9)
    assert theory.linewidth_above_threshold(**MODEL, N=5e9, D_n=2e4) == pytest.approx(alone * (1 + nu**2), rel=1e-14)
    assert nu == pytest.approx(5e9 * p0 / (theory.power_growth_rate(MODEL["zeta"], MODEL["Gamma"]) / 2), rel=1e-14)
