import numpy as np
import pytest
import torch

from shno.solvers import rk4, rk4_vjp

IDENTITY = {"rtol": 1e-12, "atol": 1e-14, "equal_nan": False}  # two derivations in float64; the numbers are of order 1


def nonlinear(y, rate):
    """y' = rate (-y0^2, y0 y1, cos y2): from (1, 1, 0), y = (1/(1+s), 1+s, 2 atan tanh(s/2)) at s = rate t."""
    return (-rate * y[0] * y[0], rate * y[0] * y[1], rate * np.cos(y[2]))


def solution(s):
    return np.array([1 / (1 + s), 1 + s, 2 * np.arctan(np.tanh(s / 2))])


def solve(f, y, h, n, *parameters):
    for _ in range(n):
        y = rk4(f, y, h, *parameters)
    return np.array(y)


def test_rk4_converges_at_order_4():
    rate, duration, steps = 1.3, 1.0, np.array([20, 40, 80, 160])
    ends = [solve(nonlinear, (1.0, 1.0, 0.0), duration / n, n, rate) for n in steps]
    errors = np.abs(np.array(ends) - solution(rate * duration))
    slopes = -np.diff(np.log2(errors), axis=0)  # for every component
    assert np.all(np.abs(slopes[-1] - 4) < 0.15), slopes  # the tail; the first steps are not yet asymptotic


def test_rk4_of_a_linear_equation_is_the_exponential_to_fourth_order():
    A, y, h = np.random.default_rng(6).normal(size=(3, 3)), np.array([0.3, -1.1, 0.7]), 0.37
    series = sum(np.linalg.matrix_power(h * A, k) @ y / [1, 1, 2, 6, 24][k] for k in range(5))
    np.testing.assert_allclose(rk4(lambda v: tuple(A @ v), y, h), series, **IDENTITY)


def test_rk4_evaluates_four_times_where_it_says():
    """Stages at y, y + h/2 k1, y + h/2 k2, y + h k3; weights 1, 2, 2, 1 over 6: slopes 1, 2, 4, 8 are told apart."""
    places, slopes = [], iter([1.0, 2.0, 4.0, 8.0])

    def f(y):
        places.append(y[0])
        k = next(slopes)
        return (k, -k, 0.5 * k)

    h = 0.25
    result = rk4(f, (10.0, 20.0, 30.0), h)
    assert places == [10.0, 10.0 + h / 2, 10.0 + h, 10.0 + 4 * h]
    np.testing.assert_allclose(result, np.array([10.0, 20.0, 30.0]) + h / 6 * 21 * np.array([1, -1, 0.5]), **IDENTITY)


def test_a_step_backwards_undoes_a_step_to_its_order():
    y = (1.0, 1.0, 0.5)
    errors = [np.abs(np.subtract(rk4(nonlinear, rk4(nonlinear, y, h, 1.3), -h, 1.3), y)).max() for h in (0.1, 0.05)]
    assert np.log2(errors[0] / errors[1]) > 4.85  # local error h^5; the leading terms may cancel to h^6


def test_arrays_give_what_numbers_give():
    y, h, rate = np.random.default_rng(7).uniform(0.2, 1, (3, 9)), np.linspace(0.01, 0.1, 9), np.linspace(-1, 2, 9)
    together = np.stack(rk4(nonlinear, tuple(y), h, rate))
    for k in range(9):
        # the same arithmetic; numpy's cosine of an array and of a number may differ in the last bit
        np.testing.assert_allclose(together[:, k], rk4(nonlinear, y[:, k], h[k], rate[k]), rtol=1e-15, equal_nan=False)


def test_float32_stays_float32():
    y = tuple(np.ones((3, 4), np.float32))
    assert all(part.dtype == np.float32 for part in rk4(lambda v: (v[1], v[2], v[0]), y, np.float32(0.1)))
    tensors = tuple(torch.ones(3, 4))
    assert all(part.dtype == torch.float32 for part in rk4(lambda v: (v[1], v[2], v[0]), tensors, 0.1))


# The vector-Jacobian product, for a right-hand side that is not the magnet's and has a nested tuple of parameters.


def rigid_body(y, inertia, torque):
    """Euler's equations with a torque and a drag: y' = (a y1 y2, b y2 y0, c y0 y1) + torque - drag y."""
    (a, b, c), (t, drag) = inertia, torque
    return (a * y[1] * y[2] + t - drag * y[0], b * y[2] * y[0] - drag * y[1] ** 2, c * y[0] * y[1] - t * y[2])


def rigid_body_vjp(y, w, inertia, torque):
    """By autograd itself: what is tested is rk4_vjp's bookkeeping."""
    with torch.enable_grad():
        leaves = [x.detach().requires_grad_() for x in (*y, *inertia, *torque)]
        y0, y1, y2, *parameters = leaves
        outputs = rigid_body((y0, y1, y2), tuple(parameters[:3]), tuple(parameters[3:]))
        bars = torch.autograd.grad(outputs, leaves, w)
    return bars[:3], (bars[3:6], bars[6:])


def test_rk4_vjp_is_autograd_for_y_h_and_parameters():
    rng = np.random.default_rng(8)
    leaves = [torch.tensor(x, requires_grad=True) for x in rng.normal(size=(9, 6))]
    w = tuple(torch.tensor(x) for x in rng.normal(size=(3, 6)))
    y, h, inertia, torque = tuple(leaves[:3]), leaves[3], tuple(leaves[4:7]), tuple(leaves[7:])
    expected = torch.autograd.grad(rk4(rigid_body, y, 0.2 * h, inertia, torque), leaves, w)
    with torch.no_grad():
        y_bar, h_bar, (inertia_bar, torque_bar) = rk4_vjp(rigid_body, rigid_body_vjp, y, w, 0.2 * h, inertia, torque)
    for bar, autograd in zip((*y_bar, 0.2 * h_bar, *inertia_bar, *torque_bar), expected, strict=True):
        assert torch.all(autograd != 0)
        np.testing.assert_allclose(bar, autograd, **IDENTITY)


@pytest.mark.parametrize("h", [0.0, 0.3])
def test_rk4_vjp_of_a_free_motion_is_the_identity(h):
    f, f_vjp = lambda y: (1.0, 2.0, 3.0), lambda y, w: ((0.0, 0.0, 0.0), ())
    y_bar, h_bar, _ = rk4_vjp(f, f_vjp, (0.1, 0.2, 0.3), (5.0, 7.0, 11.0), h)
    assert y_bar == (5.0, 7.0, 11.0)  # w + 0
    assert h_bar == pytest.approx(5 * 1 + 7 * 2 + 11 * 3, rel=1e-14)
