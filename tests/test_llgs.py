"""The torque against the Gilbert equation, solved here as a 3x3 system, and against the laws that it obeys."""

import numpy as np
import pytest
from field_helpers import (
    FIELD,
    IDENTITY,
    SWITCHES,
    TORQUE,
    M,
    W,
    assert_is_autograd,
    field_of,
    idle,
    off,
    rotation,
    unit,
)

from shno.constants import e, hbar
from shno.llgs import (
    damping_like_amplitude,
    linear_torque,
    linear_torque_vjp,
    right_hand_side,
    right_hand_side_vjp,
    torque,
)

B_EFF = np.array([0.4, -1.3, 0.9])
LINEAR = ALPHA, A_DL, A_FL, P = tuple(TORQUE[name] for name in ("alpha", "a_DL", "a_FL", "p"))  # alpha is large


def cross_matrix(a):
    return np.cross(a, np.eye(3)).T  # its columns are a x x, a x y, a x z


def gilbert_rate(m, B, alpha, a_DL, a_FL, p):
    """Rate dm/dt over gamma, from (1 - alpha [m]x) dm/dt = -m x B + a_DL m x (p x m) - a_FL m x p."""
    known = -np.cross(m, B) + a_DL * np.cross(m, np.cross(p, m)) - a_FL * np.cross(m, p)
    return np.linalg.solve(np.eye(3) - alpha * cross_matrix(m), known)


@pytest.mark.parametrize("alpha", [0.0, 0.02, ALPHA, 0.95])
@pytest.mark.parametrize("a_DL", [A_DL, -A_DL, 0.0])
@pytest.mark.parametrize("a_FL", [A_FL, -A_FL, 0.0])
def test_the_explicit_form_solves_the_gilbert_equation(alpha, a_DL, a_FL):
    rng = np.random.default_rng(3)
    for m, B, p in rng.normal(size=(20, 3, 3)):
        m, p = unit(m), unit(p)
        explicit = np.array(linear_torque(m, B, alpha, a_DL, a_FL, p)) / (1 + alpha**2)
        np.testing.assert_allclose(explicit, gilbert_rate(m, B, alpha, a_DL, a_FL, p), **IDENTITY)


def test_the_field_like_torque_is_a_field_along_p():
    by_field = linear_torque(M, B_EFF + A_FL * P, ALPHA, A_DL, None, P)
    T = linear_torque(M, B_EFF, *LINEAR)
    np.testing.assert_allclose(T, by_field, rtol=1e-14, equal_nan=False)  # summed in another order


def test_an_absent_field_like_torque_is_zero():
    absent = linear_torque(M, B_EFF, ALPHA, A_DL, None, P)
    assert np.array_equal(absent, linear_torque(M, B_EFF, ALPHA, A_DL, 0.0, P))  # B + 0 is B


def test_the_damping_like_torque_drives_towards_p():
    """Without a field d(m . p)/dt = g' a_DL (1 - (m . p)^2), for either sign and any alpha."""
    for a_DL in (A_DL, -A_DL):
        T = linear_torque(M, np.zeros(3), ALPHA, a_DL, None, P)
        np.testing.assert_allclose(T @ P, a_DL * (1 - (M @ P) ** 2), **IDENTITY)


def test_m_turns_right_handed_about_the_field_and_damping_turns_it_towards_the_field():
    """The rate is +gamma B about the field (from x to y for B along z); energy falls as B . T = alpha |m x B|^2."""
    T = np.array(linear_torque(unit([1.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0]), ALPHA, 0.0, None, P))
    np.testing.assert_allclose(T, [-ALPHA / 2, np.sqrt(0.5), ALPHA / 2], **IDENTITY)
    T = np.array(linear_torque(M, B_EFF, ALPHA, 0.0, None, P))
    np.testing.assert_allclose(T @ B_EFF, ALPHA * np.sum(np.cross(M, B_EFF) ** 2), **IDENTITY)


def test_the_torque_is_perpendicular_to_m():
    for m, B, p in np.random.default_rng(4).normal(size=(50, 3, 3)):
        T = np.array(linear_torque(unit(m), B, ALPHA, A_DL, A_FL, unit(p)))
        assert abs(T @ unit(m)) <= 1e-15 * max(1, np.linalg.norm(T))  # rounding of three products


def test_turning_all_vectors_turns_the_torque():
    R = rotation(5)
    turned = linear_torque(R @ M, R @ B_EFF, ALPHA, A_DL, A_FL, R @ P)
    np.testing.assert_allclose(turned, R @ linear_torque(M, B_EFF, *LINEAR), **IDENTITY)


def test_the_torque_is_linear_in_fields_and_amplitudes():
    twice = linear_torque(M, 2 * B_EFF, ALPHA, 2 * A_DL, 2 * A_FL, P)
    assert np.array_equal(twice, 2 * np.array(linear_torque(M, B_EFF, *LINEAR)))  # a power of 2 is exact


def test_reversing_p_and_the_current_changes_nothing():
    reversed_ = linear_torque(M, B_EFF, ALPHA, -A_DL, -A_FL, -P)
    assert np.array_equal(reversed_, linear_torque(M, B_EFF, *LINEAR))  # only the product enters


@pytest.mark.parametrize("a_FL", [A_FL, None])
def test_the_vjp_of_the_linear_torque_is_autograd_for_every_argument(a_FL):
    given = (M, B_EFF, ALPHA, A_DL, a_FL, P)
    m_bar, B_bar, bars = linear_torque_vjp(M, W, *given[1:])
    assert_is_autograd(linear_torque, given, (m_bar, B_bar, *bars))


ALL_ON, PLAIN = tuple(TORQUE.values()), tuple((TORQUE | off(["Lambda", "Q_nl"])).values())


def right_hand_side_of(m, *given):
    """The right-hand side of parameters in one row."""
    return right_hand_side(m, given[: len(TORQUE)], given[len(TORQUE) :])


@pytest.mark.parametrize("torque_parameters", [ALL_ON, PLAIN])
@pytest.mark.parametrize("absent", [(), *((switch,) for switch in SWITCHES), SWITCHES])
def test_the_vjp_of_the_right_hand_side_is_autograd_for_every_argument(torque_parameters, absent):
    field_parameters = tuple((FIELD | off(absent)).values())
    m_bar, (torque_bars, field_bars) = right_hand_side_vjp(M, W, torque_parameters, field_parameters)
    given, bars = (M, *torque_parameters, *field_parameters), (m_bar, *torque_bars, *field_bars)
    unused = idle(absent) if torque_parameters is ALL_ON else (*idle(absent), TORQUE["Ms"])
    assert_is_autograd(right_hand_side_of, given, bars, unused=unused)


def test_the_right_hand_side_is_the_torque_in_the_sum_of_the_fields():
    T = right_hand_side(M, PLAIN, tuple(FIELD.values()))
    by_hand = (1 + ALPHA**2) * gilbert_rate(M, field_of(M, ["B_ext", *SWITCHES]), *LINEAR)
    np.testing.assert_allclose(T, by_hand, **IDENTITY)


def test_without_options_the_torque_is_the_linear_one():
    assert torque(M, B_EFF, *PLAIN) == linear_torque(M, B_EFF, *LINEAR)


@pytest.mark.parametrize(
    ("theta_SH", "J", "Ms", "thickness", "expected"),
    [(0.08, 1e12, 6e5, 5e-9, 8.776159421e-3), (0.41, 5e11, 9.5e5, 1.4e-9, 50.72686131e-3)],  # printed to ten digits
)
def test_damping_like_amplitude_of_known_devices(theta_SH, J, Ms, thickness, expected):
    assert damping_like_amplitude(J, theta_SH, Ms, thickness) == pytest.approx(expected, rel=1e-9)


def test_damping_like_amplitude_is_the_spin_current_over_the_moment():
    """Spin angular momentum hbar/2 an electron, times theta_SH, taken up by the moment Ms t_F per area."""
    J, theta_SH, Ms, thickness = 3e11, -0.21, 7e5, 3e-9
    a_DL = damping_like_amplitude(J, theta_SH, Ms, thickness)
    assert a_DL * Ms * thickness == pytest.approx(hbar / 2 * theta_SH * J / e, rel=1e-12)
    assert damping_like_amplitude(-J, theta_SH, Ms, thickness) == -a_DL
    assert damping_like_amplitude(J, -theta_SH, Ms, thickness) == -a_DL
