import numpy as np
import pytest
import torch

from shno.solvers import heun, rk4, rk4_vjp

IDENTITY = {"rtol": 1e-12, "atol": 1e-14, "equal_nan": False}  # two derivations in float64; the numbers are of order 1


def nonlinear(y, rate):
    """y' = rate (-y0^2, y0 y1, cos y2): from (1, 1, 0), y = (1/(1+s), 1+s, 2 atan tanh(s/2)) at s = rate t."""
    return (-rate * y[0] * y[0], rate * y[0] * y[1], rate * np.cos(y[2]))


def solution(s):
    return np.array([1 / (1 + s), 1 + s, 2 * np.arctan(np.tanh(s / 2))])


def held(step, f, y, h, *parameters):
    """A step with parameters that do not change within it."""
    return step(f, y, h, parameters, parameters, parameters)


def solve(step, f, y, h, n, *parameters):
    for _ in range(n):
        y = held(step, f, y, h, *parameters)
    return np.array(y)


def driven(y, g):
    """y' = (g y1, -g y0, g^2 y2), g changing with time: a turn by its integral, growth by that of its square."""
    return (g * y[1], -g * y[0], g * g * y[2])


def solve_driven(step, y, n):
    """y at t = 1 for g = 1 + sin(3 t), each stage of a step with the g of its time."""

    def at(t):
        return (1 + np.sin(3 * t),)

    h = 1 / n
    for k in range(n):
        y = step(driven, y, h, at(k * h), at((k + 0.5) * h), at((k + 1) * h))
    return np.array(y)


def driven_solution():
    """From (0.6, 0.8, 1) at t = 0: the integrals of g and g^2 to t = 1."""
    angle = 1 + (1 - np.cos(3)) / 3
    growth = 1.5 + 2 * (1 - np.cos(3)) / 3 - np.sin(6) / 12
    c, s = np.cos(angle), np.sin(angle)
    return np.array([0.6 * c + 0.8 * s, 0.8 * c - 0.6 * s, np.exp(growth)])


@pytest.mark.parametrize(("step", "order"), [(rk4, 4), (heun, 2)])
def test_a_step_converges_at_its_order(step, order):
    rate, duration, steps = 1.3, 1.0, np.array([20, 40, 80, 160])
    ends = [solve(step, nonlinear, (1.0, 1.0, 0.0), duration / n, n, rate) for n in steps]
    errors = np.abs(np.array(ends) - solution(rate * duration))
    slopes = -np.diff(np.log2(errors), axis=0)  # for every component
    assert np.all(np.abs(slopes[-1] - order) < 0.15), slopes  # the tail; the first steps are not yet asymptotic


@pytest.mark.parametrize(("step", "order"), [(rk4, 4), (heun, 2)])
def test_a_step_keeps_its_order_where_the_equation_changes_with_time(step, order):
    errors = [np.abs(solve_driven(step, (0.6, 0.8, 1.0), n) - driven_solution()) for n in (40, 80, 160, 320)]
    slopes = -np.diff(np.log2(errors), axis=0)
    assert np.all(np.abs(slopes[-1] - order) < 0.15), slopes


@pytest.mark.parametrize(
    ("step", "growth"), [(heun, lambda x: x**4 / 8), (rk4, lambda x: -(x**6) / 144)], ids=["heun", "rk4"]
)
def test_a_rotation_grows_with_heun_and_shrinks_with_rk4(step, growth):
    """|y| of y' = w (y1, -y0, 0) over a step of x = w h, to leading order; the next is x^2 times smaller."""
    for x in (0.05, 0.1):
        y = held(step, lambda y: (y[1], -y[0], 0 * y[2]), (0.6, 0.8, 0.3), x)
        assert np.hypot(y[0], y[1]) - 1 == pytest.approx(growth(x), rel=x**2, abs=3e-16)  # two roundings
        assert y[2] == 0.3


def test_a_step_of_a_linear_equation_is_the_exponential_to_its_order():
    A, y, h = np.random.default_rng(6).normal(size=(3, 3)), np.array([0.3, -1.1, 0.7]), 0.37
    series = sum(np.linalg.matrix_power(h * A, k) @ y / [1, 1, 2, 6, 24][k] for k in range(5))
    np.testing.assert_allclose(held(rk4, lambda v: tuple(A @ v), y, h), series, **IDENTITY)
    linear = held(heun, lambda v: tuple(A @ v), y, h)
    np.testing.assert_allclose(linear, y + h * A @ y + h**2 / 2 * A @ A @ y, **IDENTITY)


def stages(step, slopes, h=0.25):
    """Where and when a step evaluates a right-hand side that returns these slopes in turn, and its result."""
    seen, slopes = [], iter(slopes)

    def f(y, when):
        seen.append((y[0], when))
        k = next(slopes)
        return (k, -k, 0.5 * k)

    result = step(f, (10.0, 20.0, 30.0), h, ("start",), ("middle",), ("end",))
    return seen, np.subtract(result, (10.0, 20.0, 30.0)) / h * [1, -1, 2]


def test_rk4_evaluates_four_times_where_and_when_it_says():
    """Stages at y, y + h/2 k1, y + h/2 k2, y + h k3; weights 1, 2, 2, 1 over 6: slopes 1, 2, 4, 8 are told apart."""
    h, (seen, slope) = 0.25, stages(rk4, [1.0, 2.0, 4.0, 8.0])
    assert seen == [(10.0, "start"), (10 + h / 2, "middle"), (10 + h, "middle"), (10 + 4 * h, "end")]
    np.testing.assert_allclose(slope, np.full(3, 21 / 6), rtol=1e-13, equal_nan=False)  # of 30 + 0.4: 1e-14 of rounding


def test_heun_evaluates_twice_where_and_when_it_says():
    """Stages at y and y + h k1; weights 1, 1 over 2."""
    seen, slope = stages(heun, [1.0, 4.0])
    assert seen == [(10.0, "start"), (10.25, "end")]
    np.testing.assert_allclose(slope, np.full(3, 2.5), rtol=1e-13, equal_nan=False)


def test_a_step_backwards_undoes_a_step_to_its_order():
    y = (1.0, 1.0, 0.5)
    for step, order in ((rk4, 4), (heun, 2)):
        backs = [held(step, nonlinear, held(step, nonlinear, y, h, 1.3), -h, 1.3) for h in (0.1, 0.05)]
        errors = [np.abs(np.subtract(back, y)).max() for back in backs]
        assert np.log2(errors[0] / errors[1]) > order + 0.85  # local error h^(order + 1); leading terms may cancel


def test_arrays_give_what_numbers_give():
    y, h, rate = np.random.default_rng(7).uniform(0.2, 1, (3, 9)), np.linspace(0.01, 0.1, 9), np.linspace(-1, 2, 9)
    for step in (rk4, heun):
        together = np.stack(held(step, nonlinear, tuple(y), h, rate))
        for k in range(9):
            # the same arithmetic; numpy's cosine of an array and of a number may differ in the last bit
            alone = held(step, nonlinear, y[:, k], h[k], rate[k])
            np.testing.assert_allclose(together[:, k], alone, rtol=1e-15, equal_nan=False)


def test_a_state_may_have_any_number_of_components():
    y = held(rk4, lambda v: (v[1], -v[0], 0.5 * v[2], -v[3], 1.0), (0.0, 1.0, 2.0, 3.0, 4.0), 0.01)
    exact = (np.sin(0.01), np.cos(0.01), 2 * np.exp(0.005), 3 * np.exp(-0.01), 4.01)
    np.testing.assert_allclose(y, exact, rtol=0, atol=3e-12, equal_nan=False)  # h^5 / 120 of 3


@pytest.mark.parametrize("step", [rk4, heun])
def test_float32_stays_float32(step):
    y = tuple(np.ones((3, 4), np.float32))
    assert all(part.dtype == np.float32 for part in held(step, lambda v: (v[1], v[2], v[0]), y, np.float32(0.1)))
    tensors = tuple(torch.ones(3, 4))
    assert all(part.dtype == torch.float32 for part in held(step, lambda v: (v[1], v[2], v[0]), tensors, 0.1))


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
    expected = torch.autograd.grad(held(rk4, rigid_body, y, 0.2 * h, inertia, torque), leaves, w)
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
