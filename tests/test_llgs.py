"""The torque against the Gilbert equation, solved here as a 3x3 system, and against the laws that it obeys."""

import numpy as np
import pytest
import torch

from shno.constants import e, hbar
from shno.llgs import damping_like_amplitude, right_hand_side, right_hand_side_vjp, torque, torque_vjp

IDENTITY = {"rtol": 1e-12, "atol": 1e-14, "equal_nan": False}  # two derivations in float64; torques are of order 1 T


def unit(x):
    return np.asarray(x) / np.linalg.norm(x)


# No component is zero, no two are equal, and alpha is large: a factor (1 + alpha^2) or a cross term alpha a_FL shows.
M, W = unit([0.3, -0.5, 0.8]), np.array([0.7, 1.1, 0.4])
FIELD = np.array([0.4, -1.3, 0.9])
ALPHA, A_DL, A_FL, P = 0.35, 0.61, -0.43, unit([-0.4, 0.7, 0.2])
B_EXT, MS, DEMAG = np.array([0.05, -0.13, 0.21]), 8.1e5, np.array([0.11, 0.24, 0.65])
KU, AXIS = 3.7e5, unit([0.6, -0.2, 0.5])


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
        explicit = np.array(torque(m, B, alpha, a_DL, a_FL, p)) / (1 + alpha**2)
        np.testing.assert_allclose(explicit, gilbert_rate(m, B, alpha, a_DL, a_FL, p), **IDENTITY)


def test_the_field_like_torque_is_a_field_along_p():
    by_field = torque(M, FIELD + A_FL * P, ALPHA, A_DL, None, P)
    T = torque(M, FIELD, ALPHA, A_DL, A_FL, P)
    np.testing.assert_allclose(T, by_field, rtol=1e-14, equal_nan=False)  # summed in another order


def test_an_absent_field_like_torque_is_zero():
    absent = torque(M, FIELD, ALPHA, A_DL, None, P)
    assert np.array_equal(absent, torque(M, FIELD, ALPHA, A_DL, 0.0, P))  # B + 0 is B


def test_the_damping_like_torque_drives_towards_p():
    """Without a field d(m . p)/dt = g' a_DL (1 - (m . p)^2), for either sign and any alpha."""
    for a_DL in (A_DL, -A_DL):
        T = torque(M, np.zeros(3), ALPHA, a_DL, None, P)
        np.testing.assert_allclose(T @ P, a_DL * (1 - (M @ P) ** 2), **IDENTITY)


def test_m_turns_right_handed_about_the_field_and_damping_turns_it_towards_the_field():
    """The rate is +gamma B about the field (from x to y for B along z); energy falls as B . T = alpha |m x B|^2."""
    T = np.array(torque(unit([1.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0]), ALPHA, 0.0, None, P))
    np.testing.assert_allclose(T, [-ALPHA / 2, np.sqrt(0.5), ALPHA / 2], **IDENTITY)
    T = np.array(torque(M, FIELD, ALPHA, 0.0, None, P))
    np.testing.assert_allclose(T @ FIELD, ALPHA * np.sum(np.cross(M, FIELD) ** 2), **IDENTITY)


def test_the_torque_is_perpendicular_to_m():
    for m, B, p in np.random.default_rng(4).normal(size=(50, 3, 3)):
        T = np.array(torque(unit(m), B, ALPHA, A_DL, A_FL, unit(p)))
        assert abs(T @ unit(m)) <= 1e-15 * max(1, np.linalg.norm(T))  # rounding of three products


def test_turning_all_vectors_turns_the_torque():
    R = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]
    R *= np.sign(np.linalg.det(R))
    turned = torque(R @ M, R @ FIELD, ALPHA, A_DL, A_FL, R @ P)
    np.testing.assert_allclose(turned, R @ torque(M, FIELD, ALPHA, A_DL, A_FL, P), **IDENTITY)


def test_the_torque_is_linear_in_fields_and_amplitudes():
    twice = torque(M, 2 * FIELD, ALPHA, 2 * A_DL, 2 * A_FL, P)
    assert np.array_equal(twice, 2 * np.array(torque(M, FIELD, ALPHA, A_DL, A_FL, P)))  # a power of 2 is exact


def test_reversing_p_and_the_current_changes_nothing():
    reversed_ = torque(M, FIELD, ALPHA, -A_DL, -A_FL, -P)
    assert np.array_equal(reversed_, torque(M, FIELD, ALPHA, A_DL, A_FL, P))  # only the product enters


def leaves(*values):
    return [torch.tensor(np.asarray(value), dtype=torch.float64, requires_grad=True) for value in values]


def as_components(value):
    return value.unbind(0) if value.ndim else value


def assert_equal_trees(bars, expected, given):
    for bar, autograd, value in zip(bars, expected, given, strict=True):
        size = np.abs(value.detach().numpy()).max()  # derivatives in T: that with respect to Ms is 1e-6 of it
        assert np.abs(size * autograd.numpy()).max() > 1e-2
        np.testing.assert_allclose(size * np.asarray(bar), size * autograd, **IDENTITY)


@pytest.mark.parametrize("a_FL", [A_FL, None])
def test_the_vjp_of_the_torque_is_autograd_for_every_argument(a_FL):
    inputs = leaves(M, FIELD, ALPHA, A_DL, *([] if a_FL is None else [a_FL]), P)
    m, B, alpha, a_DL, *a_FL_leaf, p = map(as_components, inputs)
    T = torque(m, B, alpha, a_DL, *(a_FL_leaf or [None]), p)
    expected = torch.autograd.grad(torch.stack(T), inputs, torch.tensor(W))
    m_bar, B_bar, bars = torque_vjp(M, W, FIELD, ALPHA, A_DL, a_FL, P)
    assert a_FL is not None or bars[2] == 0
    bars = [bar for k, bar in enumerate(bars) if k != 2 or a_FL is not None]
    assert_equal_trees([m_bar, B_bar, *bars], expected, inputs)


@pytest.mark.parametrize("a_FL", [A_FL, None])
@pytest.mark.parametrize(("demag", "Ku"), [(DEMAG, KU), (DEMAG, None), (None, KU)])
def test_the_vjp_of_the_right_hand_side_is_autograd_for_every_argument(a_FL, demag, Ku):
    given = [M, ALPHA, A_DL, a_FL, P, B_EXT, MS, demag, Ku, AXIS]
    inputs = [None if value is None else leaves(value)[0] for value in given]
    m, *rest = (None if value is None else as_components(value) for value in inputs)
    T = right_hand_side(m, rest[:4], rest[4:])
    used = [k for k, value in enumerate(given) if value is not None and not (Ku is None and k == 9)]
    expected = torch.autograd.grad(torch.stack(T), [inputs[k] for k in used], torch.tensor(W), allow_unused=True)
    m_bar, (torque_bars, field_bars) = right_hand_side_vjp(M, W, (ALPHA, A_DL, a_FL, P), (B_EXT, MS, demag, Ku, AXIS))
    bars = [m_bar, *torque_bars, *field_bars]
    assert_equal_trees([bars[k] for k in used], expected, [inputs[k] for k in used])
    for k in set(range(len(given))) - set(used):
        assert not np.any(bars[k])


def test_the_right_hand_side_is_the_torque_in_the_sum_of_the_fields():
    T = right_hand_side(M, (ALPHA, A_DL, A_FL, P), (B_EXT, MS, DEMAG, KU, AXIS))
    B = B_EXT - 4e-7 * np.pi * MS * DEMAG * M + 2 * KU / MS * (M @ AXIS) * AXIS
    by_hand = (1 + ALPHA**2) * gilbert_rate(M, B, ALPHA, A_DL, A_FL, P)
    np.testing.assert_allclose(T, by_hand, rtol=1e-8, equal_nan=False)  # mu_0 differs from 4 pi 1e-7 by 1.3e-10


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
