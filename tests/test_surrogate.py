import copy
import math
import pickle

import pytest
import torch

from neuromorph import Arctan, FastSigmoid

SURROGATES = [FastSigmoid(), FastSigmoid(slope=25.0), Arctan(), Arctan(slope=0.5)]
U = torch.linspace(-1.7, 1.7, 35, dtype=torch.float64)  # holds 0 and no other special point

each = pytest.mark.parametrize("surrogate", SURROGATES, ids=str)


def formula(surrogate, u):
    """The stated gradient at a number u, written anew."""
    if isinstance(surrogate, FastSigmoid):
        return 1 / (1 + surrogate.slope * abs(u)) ** 2
    return 1 / (1 + (math.pi * surrogate.slope * u / 2) ** 2)


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
    expected = torch.tensor([formula(surrogate, x) for x in U.tolist()], dtype=torch.float64)
    assert torch.allclose(u.grad, weights * expected, rtol=1e-12, atol=0)  # identity, float64
    assert torch.allclose(surrogate.gradient(U), expected, rtol=1e-12, atol=0)


@each
def test_gradient_is_one_at_the_threshold_even_and_falls_on_both_sides(surrogate):
    gradient = surrogate.gradient(U)
    assert surrogate.gradient(torch.zeros(())).item() == 1
    assert torch.allclose(gradient, gradient.flip(0), rtol=1e-12, atol=0)  # identity; linspace is even to rounding
    assert (gradient[U >= 0].diff() < 0).all() and (gradient > 0).all()


@pytest.mark.parametrize("kind", [FastSigmoid, Arctan])
def test_a_larger_slope_is_narrower(kind):
    u = torch.tensor([-0.5, 0.01, 2.0])
    assert (kind(slope=4.0).gradient(u) < kind(slope=1.0).gradient(u)).all()


@each
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_and_shape_are_kept_forward_and_backward(surrogate, dtype):
    u = torch.randn(4, 3, dtype=dtype, generator=torch.Generator().manual_seed(0)).requires_grad_()
    spikes = surrogate(u, torch.ones(4, 3, dtype=torch.bool))
    spikes.sum().backward()
    assert spikes.dtype == u.grad.dtype == dtype and spikes.shape == u.grad.shape == (4, 3)


@each
def test_copies_and_pickles_are_equal_and_work(surrogate):
    u = U.clone().requires_grad_()
    surrogate(u).sum().backward()
    for other in (copy.deepcopy(surrogate), pickle.loads(pickle.dumps(surrogate))):
        v = U.clone().requires_grad_()
        other(v).sum().backward()
        assert other == surrogate and torch.equal(v.grad, u.grad)


def test_a_surrogate_cannot_be_changed_by_accident():
    with pytest.raises(AttributeError):
        FastSigmoid().slope = 1.0
