"""Closed forms of the numerical error, against the steps themselves."""

import numpy as np
import pytest

from shno import theory
from shno.solvers import heun, rk4

LEADING = {1: (1 / 2, 2, -1 / 3, 3), 2: (1 / 8, 4, 1 / 6, 3), 4: (-1 / 144, 6, -1 / 120, 5)}  # growth, phase error


def euler(f, y, h, *_):
    return tuple(a + h * b for a, b in zip(y, f(y), strict=True))


STEPS = {1: euler, 2: heun, 4: rk4}
NOTHING = ((), (), ())  # no parameters at the stages


def turn(m):
    """Unit rotation about z."""
    return -m[1], m[0], 0.0 * m[2]


@pytest.mark.parametrize("order", STEPS)
@pytest.mark.parametrize("x", [0.1, 0.7, 2.0])
def test_growth_and_phase_error_are_those_of_a_step(order, x):
    m = STEPS[order](turn, (1.0, 0.0, 0.3), x, *NOTHING)
    assert theory.step_growth(x, order) == pytest.approx(np.hypot(m[0], m[1]) - 1, abs=1e-15)
    error = np.angle((m[0] + 1j * m[1]) * np.exp(-1j * x))
    assert theory.step_phase_error(x, order) == pytest.approx(error, abs=1e-15)
    assert m[2] == 0.3


@pytest.mark.parametrize("order", STEPS)
def test_small_steps_err_to_the_leading_order(order):
    """Where a step itself drowns in rounding: x^6/144 is 7e-21 at x = 1e-3; the next order is x^2."""
    growth, power, phase, phase_power = LEADING[order]
    assert theory.step_growth(1e-3, order) == pytest.approx(growth * 1e-3**power, rel=1e-6)
    assert theory.step_phase_error(1e-3, order) == pytest.approx(phase * 1e-3**phase_power, rel=1e-6)


def test_rk4_s_growth_is_its_stability_polynomial_s():
    """|R|^2 = 1 - x^6/72 + x^8/576: RK4 is stable up to sqrt 8."""
    x = np.array([0.05, 0.3, 1.0, 2.5])
    assert (1 + theory.step_growth(x, 4)) ** 2 == pytest.approx(1 - x**6 / 72 + x**8 / 576, rel=1e-14)
    assert theory.step_growth(np.sqrt(8), 4) == pytest.approx(0.0, abs=1e-13)
    assert theory.step_growth(2.82, 4) < 0 < theory.step_growth(2.83, 4)


@pytest.mark.parametrize(
    ("order", "x", "damping"),
    [
        *[(4, x, d) for x, d in ((0.1, 4.910e-8), (0.2, 1.571e-6), (0.3, 1.193e-5))],
        *[(2, x, d) for x, d in ((0.1, -8.84e-5), (0.2, -7.07e-4), (0.3, -2.39e-3))],
    ],
)
def test_numerical_damping_is_what_the_leading_order_predicts(order, x, damping):
    """Printed to leading order, from independent code; the next is x^2/8 of it, and half a digit was rounded."""
    exact = theory.numerical_damping(x, np.pi / 4, order)
    assert exact == pytest.approx(damping, rel=x**2 / 8 + 3e-3 * (order == 2) + 5e-4)


@pytest.mark.parametrize(("x", "measured"), [(0.1, 4.904e-8), (0.2, 1.564e-6)])
def test_numerical_damping_of_rk4_is_what_was_measured(x, measured):
    assert theory.numerical_damping(x, np.pi / 4, 4) == pytest.approx(measured, rel=4e-4)  # 3 digits and a half


@pytest.mark.parametrize("order", STEPS)
def test_projected_steps_relax_like_a_damped_magnet(order):
    """In a step to theta', Mallinson's alpha x is ln[tan(theta/2)/tan(theta'/2)]; to first order in |R| - 1."""
    theta, x = 0.8, {1: 1e-3, 2: 0.02, 4: 0.2}[order]
    m = STEPS[order](turn, (np.sin(theta), 0.0, np.cos(theta)), x, *NOTHING)
    after = np.arctan2(np.hypot(m[0], m[1]), m[2])
    alpha = np.log(np.tan(theta / 2) / np.tan(after / 2)) / x
    assert theory.numerical_damping(x, theta, order) == pytest.approx(alpha, rel=1e-5)
    assert np.sign(alpha) == (1 if order == 4 else -1)
    assert theory.numerical_damping(x, np.pi - theta, order) == pytest.approx(-alpha, rel=1e-5)


# At 10 and 20 GHz, m along the field: dt in ps, RK4 df/f and damping, Heun df/f and damping, Euler damping
STEP_TABLE = [
    (10e9, 0.5e-12, 8e-9, 2e-10, 1.6e-4, -4e-6, -0.016),
    (10e9, 1e-12, 1.3e-7, 7e-9, 6.6e-4, -3.1e-5, -0.031),
    (10e9, 2e-12, 2.1e-6, 2.2e-7, 2.6e-3, -2.5e-4, -0.063),
    (10e9, 5e-12, 8e-5, 2.1e-5, 1.6e-2, -3.9e-3, -0.157),
    (20e9, 2e-12, 3.3e-5, 7e-6, 1e-2, -2.0e-3, -0.126),
]


@pytest.mark.parametrize("row", STEP_TABLE, ids=[f"{row[0]:g} Hz {row[1]:g} s" for row in STEP_TABLE])
def test_the_choice_of_step_is_as_printed(row):
    """One or two digits, to leading order: a tenth of each covers rounding and the next order, x^2/8."""
    f, dt, rk4_frequency, rk4_damping, heun_frequency, heun_damping, euler_damping = row
    x = 2 * np.pi * f * dt
    assert -theory.step_phase_error(x, 4) / x == pytest.approx(rk4_frequency, rel=0.1)
    assert theory.step_phase_error(x, 2) / x == pytest.approx(heun_frequency, rel=0.1)
    dampings = theory.numerical_damping(x, 0.0, np.array([4, 2, 1]))
    assert dampings == pytest.approx([rk4_damping, heun_damping, euler_damping], rel=0.1)


def noisy_end(increments):
    """m after Heun steps of dm = m x dW (Stratonovich), (paths, 3), from increments (steps, paths, 3)."""
    m = np.broadcast_to(np.array([0.6, 0.0, 0.8]), increments.shape[1:])
    for dW in increments:
        k1 = np.cross(m, dW)
        m = m + (k1 + np.cross(m + k1, dW)) / 2
        m = m / np.linalg.norm(m, axis=-1, keepdims=True)
    return m


@pytest.mark.parametrize("components", [1, 2, 3])
def test_paths_under_noise_converge_at_the_strong_order(components):
    """400 paths over a time in which m turns by 0.5 rad: the slope of 4 halvings is known to about 0.05."""
    increments = np.zeros((1024, 400, 3))
    shape = (1024, 400, components)
    increments[..., :components] = np.random.default_rng(5).normal(scale=0.5 / np.sqrt(1024), size=shape)
    ends = [noisy_end(increments.reshape(1024 // k, k, 400, 3).sum(axis=1)) for k in (1, 16, 32, 64, 128)]
    errors = [np.sqrt(np.mean((end - ends[0]) ** 2)) for end in ends[1:]]
    order = np.polyfit(np.log([16, 32, 64, 128]), np.log(errors), 1)[0]
    assert order == pytest.approx(theory.strong_order(components, 2), abs=0.15)
