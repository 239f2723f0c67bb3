"""The options of the torque: the angular factor of a spin-transfer torque, and the damping that grows with the rate.

The witness of both is the Gilbert equation with |dm/dt| in its own damping, solved here as a root in one number around
a 3x3 system.
"""

import numpy as np
import pytest
import torch
from field_helpers import IDENTITY, NOISE, TORQUE, M, W, assert_is_autograd, mapped, off, rotation, unit
from scipy.optimize import brentq

from shno import llgs
from shno.constants import mu_0

B_EFF = np.array([0.4, -1.3, 0.9])
ALPHA, A_DL, A_FL, P, LAMBDA, Q_NL, MS = TORQUE.values()


def gilbert_rate(m, B, alpha, a_DL, a_FL, p, Lambda, Q_nl, Ms):
    """Rate v = dm/dt over gamma, from v - alpha(v) m x v = -m x B + a(m) m x (p x m) - a_FL m x p, alpha(v) = alpha
    (1 + Q_nl |v|^2/(mu_0 Ms)^2), and that damping."""
    amplitude = a_DL * 2 * Lambda**2 / ((Lambda**2 + 1) + (Lambda**2 - 1) * (m @ p))
    known = -np.cross(m, B) + amplitude * np.cross(m, np.cross(p, m)) - a_FL * np.cross(m, p)
    cross = np.cross(m, np.eye(3)).T

    def rate(damping):
        return np.linalg.solve(np.eye(3) - damping * cross, known)

    def excess(damping):
        return alpha * (1 + Q_nl * np.sum(rate(damping) ** 2) / (mu_0 * Ms) ** 2) - damping

    damping = brentq(excess, alpha, 1.01 * (alpha + excess(alpha)), xtol=1e-15, rtol=1e-15)
    return rate(damping), damping


@pytest.mark.parametrize("alpha", [0.02, ALPHA])
@pytest.mark.parametrize("Lambda", [1.0, LAMBDA, 3.0])
@pytest.mark.parametrize("Q_nl", [0.0, Q_NL, 4.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_torque_with_its_options_solves_the_gilbert_equation(alpha, Lambda, Q_nl, sign):
    rng = np.random.default_rng(6)
    for m, B, p in rng.normal(size=(10, 3, 3)):
        given = unit(m), B / 2, alpha, sign * A_DL, A_FL, unit(p), Lambda, Q_nl, MS
        explicit = np.array(llgs.torque(*given)) / (1 + alpha**2)
        rate, damping = gilbert_rate(*given)
        np.testing.assert_allclose(explicit, rate, **IDENTITY)
        amplitude = llgs.damping_like(given[0], sign * A_DL, given[5], Lambda)
        at_m = llgs.nonlinear_damping(*given[:3], amplitude, A_FL, given[5], Q_nl, MS)
        np.testing.assert_allclose(at_m, damping, **IDENTITY)


@pytest.mark.parametrize(("option", "neutral"), [("Lambda", 1.0), ("Q_nl", 0.0), ("a_FL", 0.0)])
def test_an_option_that_is_none_equals_its_neutral_value(option, neutral):
    T = llgs.torque(M, B_EFF, **TORQUE | off([option]))
    np.testing.assert_allclose(T, llgs.torque(M, B_EFF, **TORQUE | {option: neutral}), rtol=1e-14, equal_nan=False)


def test_options_that_are_none_leave_amplitude_and_damping_alone():
    assert llgs.damping_like(M, A_DL, P, None) is A_DL
    assert llgs.nonlinear_damping(M, B_EFF, ALPHA, A_DL, A_FL, P, None, MS) is ALPHA


@pytest.mark.parametrize(("along", "expected"), [(1, 8.227649457e-3), (0, 11.39213002e-3), (-1, 18.51221128e-3)])
def test_a_spin_transfer_torque_of_a_known_device(along, expected):
    """J = 1e11 A/m^2, P = 0.4, Lambda = 1.5 on 2 nm of 8e5 A/m; printed to ten digits."""
    m = np.array([np.sqrt(1 - along**2), 0.0, along])
    a_DL = llgs.damping_like_amplitude(1e11, 0.4, 8e5, 2e-9)
    at_m = llgs.damping_like(m, a_DL, np.array([0.0, 0.0, 1.0]), 1.5)
    assert at_m == pytest.approx(expected, rel=1e-9)


def test_the_angular_factor_is_that_of_a_tunnel_junction():
    """2 Lambda^2/((Lambda^2 + 1) + (Lambda^2 - 1) c) = (1 + lam)/(1 + lam c), lam = (Lambda^2 - 1)/(Lambda^2 + 1)."""
    lam = (LAMBDA**2 - 1) / (LAMBDA**2 + 1)
    for m in np.random.default_rng(7).normal(size=(20, 3)):
        m = unit(m)
        factor = llgs.slonczewski_factor(m, P, LAMBDA)
        assert 1 <= factor <= LAMBDA**2
        assert factor == pytest.approx((1 + lam) / (1 + lam * (m @ P)), rel=1e-14)


def test_the_angular_factor_reaches_its_ends_whatever_the_asymmetry():
    for Lambda in (1.0, 1.5, 1e3, 1e30):
        assert llgs.slonczewski_factor(P, P, Lambda) == pytest.approx(1, rel=1e-12)
        z = np.array([0.0, 0.0, 1.0])
        assert llgs.slonczewski_factor(-z, z, Lambda) == pytest.approx(Lambda**2, rel=1e-12)


def test_the_field_like_torque_has_no_angular_factor():
    T = [np.array(llgs.torque(M, B_EFF, **TORQUE | {"Q_nl": None, "Lambda": L, "a_DL": 0.0})) for L in (1.0, 3.0)]
    assert np.array_equal(*T)


def test_energy_is_lost_at_the_rate_of_the_damping_at_that_rate():
    """Without torques B . v = alpha(m) |v|^2, alpha(m) = alpha (1 + Q_nl |v|^2/(mu_0 Ms)^2): the definition."""
    v = np.array(llgs.torque(M, B_EFF, ALPHA, 0.0, None, P, None, Q_NL, MS)) / (1 + ALPHA**2)
    alpha_m = ALPHA * (1 + Q_NL * (v @ v) / (mu_0 * MS) ** 2)
    np.testing.assert_allclose(B_EFF @ v, alpha_m * (v @ v), **IDENTITY)
    assert alpha_m > 1.3 * ALPHA


def damping_at(xi, alpha, Q_nl):
    """Computed damping at a rate xi: the field is at a right angle to m, of the size that makes this rate."""
    size = mu_0 * MS * np.sqrt(xi * (1 + alpha**2 * (1 + Q_nl * xi) ** 2))
    m, B = np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])
    B = tuple(size * x for x in B)
    return llgs.nonlinear_damping(m, B, alpha, 0.0, None, m, Q_nl, MS)


def test_the_newton_steps_are_enough():
    """For any rate with Q_nl xi <= 3 and any alpha up to 0.5, and up to 1."""
    alpha = np.concatenate([np.logspace(-6, -2, 9), np.linspace(0.02, 0.99, 98)])[:, None, None]
    along = np.concatenate([np.logspace(-9, -1, 33), np.linspace(0.1, 3, 291)])[:, None]  # Q_nl xi
    Q_nl = np.array([1e-3, 0.5, 3.0, 100.0])
    computed = damping_at(along / Q_nl, alpha, Q_nl)
    exact = alpha * (1 + along)
    np.testing.assert_allclose(computed / exact, np.ones_like(exact * Q_nl), rtol=1e-14, equal_nan=False)


def test_at_rest_the_damping_is_linear():
    for Q_nl in (0.0, Q_NL, 1e3):
        assert llgs.nonlinear_damping(M, 0.7 * M, ALPHA, 0.0, None, P, Q_nl, MS) == pytest.approx(ALPHA, rel=1e-14)


def test_the_damping_grows_with_the_rate_and_slows_it():
    xi = np.linspace(0.01, 2, 50)
    assert np.all(np.diff(damping_at(xi, ALPHA, Q_NL)) > 0)
    slow, fast = (np.linalg.norm(llgs.torque(M, B_EFF, ALPHA, 0.0, None, P, None, Q_nl, MS)) for Q_nl in (Q_NL, None))
    assert slow < fast


def test_the_torque_with_its_options_is_perpendicular_to_m_and_turns_with_the_frame():
    T = np.array(llgs.torque(M, B_EFF, **TORQUE))
    assert abs(T @ M) <= 1e-15  # rounding of three products
    R = rotation(9)
    np.testing.assert_allclose(llgs.torque(R @ M, R @ B_EFF, **TORQUE | {"p": R @ P}), R @ T, **IDENTITY)


def test_white_noise_turns_m_but_has_no_say_in_the_damping():
    """The Gilbert equation with all of B, at the alpha(m) of the motion without the noise."""
    noise, given = NOISE["B_thermal"], (ALPHA, A_DL, A_FL, P, LAMBDA, Q_NL, MS)
    _, damping = gilbert_rate(M, B_EFF - noise, *given)
    rate, _ = gilbert_rate(M, B_EFF, damping, *given[1:5], 0.0, MS)
    np.testing.assert_allclose(np.array(llgs.torque(M, B_EFF, *given, noise)) / (1 + ALPHA**2), rate, **IDENTITY)
    assert np.abs(np.array(llgs.torque(M, B_EFF, *given)) / (1 + ALPHA**2) - rate).max() > 1e-3


def test_batches_of_arrays_give_what_numbers_give():
    rng = np.random.default_rng(10)
    given = mapped(lambda x: x * rng.uniform(0.8, 1.2, 5), (M, B_EFF, *TORQUE.values()))
    T, through = np.stack(llgs.torque(*given)), llgs.torque_vjp(given[0], tuple(W), *given[1:])
    for k in range(5):
        alone = mapped(lambda x: x[k], given)  # noqa: B023
        np.testing.assert_allclose(T[:, k], llgs.torque(*alone), rtol=1e-14)  # a vector's power may round otherwise
        m_bar, B_bar, bars = llgs.torque_vjp(alone[0], tuple(W), *alone[1:])
        np.testing.assert_allclose([x[k] for x in through[0]], m_bar, **IDENTITY)
        np.testing.assert_allclose([x[k] for x in through[1]], B_bar, **IDENTITY)
        assert through[2][0][k] == pytest.approx(bars[0], rel=1e-12)


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
def test_float32_stays_float32(kind):
    given = mapped(lambda x: kind(np.full(1, x, np.float32)), (M, B_EFF, *TORQUE.values()))
    T, exact = llgs.torque(*given), llgs.torque(M, B_EFF, *TORQUE.values())
    assert {x.dtype for x in T} == {given[0][0].dtype}
    np.testing.assert_allclose(np.ravel(np.stack([np.asarray(x) for x in T])), exact, rtol=2e-6)  # some 30 roundings


# Vector-Jacobian products: for every argument, against autograd.

OPTIONS = [(), ("Lambda",), ("Q_nl",), ("a_FL",), ("a_FL", "Q_nl"), ("Lambda", "Q_nl"), ("a_FL", "Lambda", "Q_nl")]


@pytest.mark.parametrize("absent", OPTIONS)
def test_the_vjp_of_the_torque_is_autograd_for_every_argument(absent):
    given = tuple((TORQUE | NOISE | off(absent)).values())
    m_bar, B_bar, bars = llgs.torque_vjp(M, W, B_EFF, *given)
    unused = (MS, *NOISE["B_thermal"]) if "Q_nl" in absent else ()
    assert_is_autograd(llgs.torque, (M, B_EFF, *given), (m_bar, B_bar, *bars), unused=unused)


@pytest.mark.parametrize("a_FL", [A_FL, None])
def test_the_vjp_of_the_nonlinear_damping_is_autograd_for_every_argument(a_FL):
    def alone(*given):
        return (llgs.nonlinear_damping(*given),)

    given = (M, B_EFF, ALPHA, A_DL, a_FL, P, Q_NL, MS)
    m_bar, B_bar, bars = llgs.nonlinear_damping_vjp(M, 0.7, *given[1:])
    assert_is_autograd(alone, given, (m_bar, B_bar, *bars), w=0.7)


def test_the_vjp_of_a_linear_damping_passes_the_cotangent_on():
    m_bar, B_bar, bars = llgs.nonlinear_damping_vjp(M, 0.7, B_EFF, ALPHA, A_DL, A_FL, P, None, MS)
    assert bars[0] == 0.7
    assert not np.any([*m_bar, *B_bar, *bars[1:3], *bars[3], *bars[4:]])


@pytest.mark.parametrize("Lambda", [LAMBDA, None])
def test_the_vjp_of_the_angular_factor_is_autograd_for_every_argument(Lambda):
    def alone(*given):
        return (llgs.damping_like(*given),)

    bars = llgs.damping_like_vjp(M, 0.7, A_DL, P, Lambda)
    assert_is_autograd(alone, (M, A_DL, P, Lambda), bars, w=0.7, unused=(*M, *P) if Lambda is None else ())


def test_the_vjp_at_alpha_zero_is_finite():
    """Without damping the growth of the damping changes nothing but its own derivative."""
    m_bar, B_bar, bars = llgs.torque_vjp(M, W, B_EFF, **TORQUE | {"alpha": 0.0})
    linear = llgs.torque_vjp(M, W, B_EFF, **TORQUE | {"alpha": 0.0, "Q_nl": None})
    np.testing.assert_allclose([m_bar, B_bar], linear[:2], **IDENTITY)
    assert bars[5] == 0 and abs(bars[0] - linear[2][0]) > 0.1
