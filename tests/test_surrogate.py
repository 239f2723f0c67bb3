import copy
import math
import pickle

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from neuromorph import SHNOLayer
from neuromorph.surrogate import (
    Arctan,
    FastSigmoid,
    LeakySpikeOperator,
    Sigmoid,
    Smooth,
    SparseFastSigmoid,
    SpikeRateEscape,
    StraightThrough,
    Triangular,
)

U = torch.linspace(-1.7, 1.7, 35, dtype=torch.float64)  # holds 0 and no other special point


def fast(u, slope):
    return 1 / (1 + slope * abs(u)) ** 2


def logistic(u, slope):
    return slope * math.exp(-slope * u) / (1 + math.exp(-slope * u)) ** 2


# Each surrogate beside its stated gradient at a number u, written anew.
FORMULAS = {
    FastSigmoid(): lambda u: fast(u, 5),
    FastSigmoid(slope=25.0): lambda u: fast(u, 25),
    SparseFastSigmoid(): lambda u: fast(u, 25) if u > -0.5 else 0,
    SparseFastSigmoid(slope=3.0, B=0.25): lambda u: fast(u, 3) if u > 0.25 else 0,
    Arctan(): lambda u: 1 / (1 + (math.pi * u) ** 2),
    Arctan(slope=0.5): lambda u: 0.25 / (1 + (math.pi * u / 4) ** 2),
    Sigmoid(): lambda u: logistic(u, 25),
    Sigmoid(slope=3.0): lambda u: logistic(u, 3),
    Triangular(): lambda u: max(0, 1 - abs(u)),
    Triangular(width=0.4): lambda u: max(0, 1 - abs(u) / 0.4) / 0.4,
    StraightThrough(): lambda u: 1,
    SpikeRateEscape(): lambda u: 25 * math.exp(-abs(u - 1)),
    SpikeRateEscape(beta=2.0, slope=0.7): lambda u: 0.7 * math.exp(-2 * abs(u - 1)),
    LeakySpikeOperator(): lambda u: 1 if u >= 0 else 0.1,
    LeakySpikeOperator(slope=0.3): lambda u: 1 if u >= 0 else 0.3,
}
# And the smooth step whose derivative it is, where it is one.
STEPS = {
    FastSigmoid(): lambda u: u / (1 + 5 * abs(u)),
    Arctan(slope=0.5): lambda u: math.atan(math.pi * u / 4) / math.pi,
    Sigmoid(slope=3.0): lambda u: 1 / (1 + math.exp(-3 * u)),
    Smooth(slope=3.0): lambda u: 1 / (1 + math.exp(-3 * u)),
    LeakySpikeOperator(): lambda u: u if u >= 0 else 0.1 * u,
    StraightThrough(): lambda u: u,
}

each = pytest.mark.parametrize("surrogate", FORMULAS, ids=str)
even = pytest.mark.parametrize("surrogate", [FastSigmoid(), Arctan(), Arctan(slope=0.5), Sigmoid(), Triangular()])


@each
def test_forward_is_the_spikes_that_are_given_whatever_u_is(surrogate):
    spikes = torch.arange(len(U)) % 3 == 0  # on both sides of the threshold
    assert torch.equal(surrogate(U, spikes), spikes.double())


@each
def test_forward_keeps_a_count_of_spikes(surrogate):
    counts = torch.arange(len(U))
    assert torch.equal(surrogate(U, counts), counts.double())


@each
def test_without_given_spikes_forward_is_the_step(surrogate):
    assert torch.equal(surrogate(U), (U >= 0).double())
    assert surrogate(torch.zeros(1)).item() == 1  # at the threshold it fires


@each
@pytest.mark.parametrize("given", [True, False])
def test_backward_is_the_stated_formula(surrogate, given):
    u, weights = U.clone().requires_grad_(), torch.linspace(-2, 3, len(U), dtype=torch.float64)
    spikes = (torch.arange(len(U)) % 2).bool() if given else None
    (weights * surrogate(u, spikes)).sum().backward()
    expected = torch.tensor([float(FORMULAS[surrogate](x)) for x in U.tolist()], dtype=torch.float64)
    assert torch.allclose(u.grad, weights * expected, rtol=1e-12, atol=0)  # identity, float64
    assert torch.allclose(surrogate.gradient(U), expected, rtol=1e-12, atol=0)
    assert expected.abs().max() > 0


@pytest.mark.parametrize("surrogate", STEPS, ids=str)
@pytest.mark.parametrize(("low", "high"), [(-1.7, -0.2), (-0.6, 0.3), (0.1, 0.9)])
def test_gradient_integrates_to_the_step_that_it_smooths(surrogate, low, high):
    points = [0] if low < 0 < high else None  # kinks and jumps are at the threshold
    area = quad(lambda u: surrogate.gradient(torch.tensor(u, dtype=torch.float64)).item(), low, high, points=points)[0]
    step = STEPS[surrogate]
    assert area == pytest.approx(step(high) - step(low), rel=1e-10)  # quadrature, float64


@pytest.mark.parametrize("surrogate", [Arctan(), Arctan(slope=0.5), Sigmoid(slope=3.0), Triangular(), Triangular(0.4)])
def test_the_smoothed_step_is_of_height_one(surrogate):
    def gradient(u):
        return surrogate.gradient(torch.tensor(u, dtype=torch.float64)).item()

    assert 2 * quad(gradient, 0, np.inf)[0] == pytest.approx(1, rel=1e-8)  # quadrature


@even
def test_gradient_is_even_and_falls_on_both_sides(surrogate):
    gradient = surrogate.gradient(U)
    assert torch.allclose(gradient, gradient.flip(0), rtol=1e-12, atol=1e-15)  # identity; linspace is even to rounding
    assert (gradient[(U >= 0) & (U < 1)].diff() < 0).all() and (gradient >= 0).all()


@pytest.mark.parametrize("kind", [FastSigmoid, SparseFastSigmoid])
def test_gradient_is_one_at_the_threshold(kind):
    assert kind().gradient(torch.zeros(())).item() == 1


@pytest.mark.parametrize("kind", [FastSigmoid, Arctan, Sigmoid, Smooth])
def test_a_larger_slope_is_narrower(kind):
    u = torch.tensor([-0.5, 0.3, 2.0])
    wide, narrow = kind(slope=3.0), kind(slope=8.0)
    assert (narrow.gradient(u) / narrow.gradient(0 * u) < wide.gradient(u) / wide.gradient(0 * u)).all()


@each
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_and_shape_are_kept_forward_and_backward(surrogate, dtype):
    u = torch.randn(4, 3, dtype=dtype, generator=torch.Generator().manual_seed(0)).requires_grad_()
    spikes = surrogate(u, torch.ones(4, 3, dtype=torch.bool))
    spikes.sum().backward()
    assert spikes.dtype == u.grad.dtype == surrogate.gradient(u.detach()).dtype == dtype
    assert spikes.shape == u.grad.shape == (4, 3)


@pytest.mark.parametrize("surrogate", [*FORMULAS, Smooth()], ids=str)
def test_far_from_the_threshold_gradients_stay_finite(surrogate):
    u = torch.tensor([-1e4, -100.0, 0.0, 100.0, 1e4])
    assert surrogate.gradient(u).isfinite().all()


@pytest.mark.parametrize("surrogate", [*FORMULAS, Smooth()], ids=str)
def test_copies_and_pickles_are_equal_and_work(surrogate):
    u = U.clone().requires_grad_()
    surrogate(u).sum().backward()
    for other in (copy.copy(surrogate), copy.deepcopy(surrogate), pickle.loads(pickle.dumps(surrogate))):
        v = U.clone().requires_grad_()
        other(v).sum().backward()
        assert other == surrogate and torch.equal(v.grad, u.grad)


def test_a_surrogate_cannot_be_changed_by_accident():
    with pytest.raises(AttributeError):
        FastSigmoid().slope = 1.0


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: FastSigmoid(slope=0), ValueError),
        (lambda: Arctan(slope=-1.0), ValueError),
        (lambda: Sigmoid(slope=math.nan), ValueError),
        (lambda: SpikeRateEscape(slope=math.inf), ValueError),
        (lambda: LeakySpikeOperator(slope="0.1"), TypeError),
        (lambda: FastSigmoid(slope=True), TypeError),
        (lambda: SpikeRateEscape(slope=torch.ones(1)), TypeError),
    ],
)
def test_a_setting_without_a_gradient_is_named(make, error):
    with pytest.raises(error, match=r"^slope must be a number in \(0, 1e\+06\], got .+\. 1 to 25 is usual\.$"):
        make()


def test_a_window_of_the_sparse_surrogate_may_lie_on_either_side_but_not_nowhere():
    assert SparseFastSigmoid(B=0) == SparseFastSigmoid(B=0.0) and SparseFastSigmoid(B=-1).B == -1.0
    with pytest.raises(ValueError, match=r"^B must be a number in \[-1e\+06, 1e\+06\], got nan"):
        SparseFastSigmoid(B=math.nan)


def test_what_is_no_tensor_or_of_another_shape_is_refused():
    with pytest.raises(TypeError, match=r"^u must be a floating-point tensor, got a int\."):
        FastSigmoid()(3)
    with pytest.raises(TypeError, match=r"^u must be a floating-point tensor, got a Tensor\."):
        FastSigmoid()(torch.arange(3))
    for wrong in (torch.ones(2), 1):
        with pytest.raises(ValueError, match=r"^spikes must be a tensor of the shape of u, got a "):
            FastSigmoid()(torch.ones(3), wrong)


# ---- smooth ---------------------------------------------------------------------------------------------------------


def test_smooth_is_a_sigmoid_whatever_the_physics_found():
    u = U.clone().requires_grad_()
    value = Smooth(slope=3.0)(u, torch.ones(len(U), dtype=torch.bool))
    value.sum().backward()
    assert torch.equal(value, torch.sigmoid(3 * U))
    assert torch.allclose(u.grad, Smooth(slope=3.0).gradient(U), rtol=1e-12, atol=0)  # identity, float64


def test_smooth_checks_the_gradients_of_a_whole_layer_by_finite_differences():
    settings = {"neural_step": 0.3e-9, "truncate": None, "reset_fraction": 0.3}
    layer = SHNOLayer(2, surrogate=Smooth(slope=2.0), **settings)
    x = torch.tensor([[[0.4, 2.1]], [[1.3, 0.9]], [[2.6, 3.3]]], dtype=torch.float64, requires_grad=True)
    spikes = SHNOLayer(2, **settings)(x)[0]
    assert 0 < spikes[:-1].sum() < spikes[:-1].numel()  # with resets on the way, and without
    assert torch.autograd.gradcheck(lambda x: layer(x)[0], x, eps=1e-6, atol=1e-7, rtol=1e-5)  # central differences
