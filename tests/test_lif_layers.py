"""The LIF layers and what surrounds the kernels: losses that look at a part, other precisions, errors."""

import copy
import pickle

import pytest
import torch

from neuromorph import lif
from neuromorph.surrogate import as_surrogate
from neuromorph.training import is_spiking

LAYERS = (lambda **settings: lif.Leaky(0.8, **settings), lambda **settings: lif.PoissonLIF(3.0, **settings))


def currents(*shape, precision=torch.float64):
    generator = torch.Generator().manual_seed(5)
    return (torch.randn(*shape, generator=generator, dtype=torch.float64) + 0.4).to(precision).requires_grad_()


@pytest.mark.parametrize("part", (0, 1))
def test_a_loss_that_sees_only_spikes_or_only_membranes_has_the_loop_s_gradient(part):
    """Also where the gradient that arrives is one number for all, and where a part of the steps is looked at."""
    x, surrogate = currents(12, 3, 5), as_surrogate("atan")
    keep, threshold = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (0.7, 0.9))
    neuron = lif.Neuron(keep, threshold, 0.0, "subtract")
    loop = lif.loop(neuron, x, surrogate, torch.zeros_like(x[0]))
    fused = lif.leaky(x, beta=keep, threshold=threshold, surrogate=surrogate)
    for look in (torch.sum, torch.mean, lambda y: y[4].square().sum(), lambda y: (y[-3:] * x[:3].detach()).sum()):
        wanted = [x, threshold]
        found, expected = (torch.autograd.grad(look(y[part]), wanted, retain_graph=True, allow_unused=True)
                           for y in (fused, loop))  # fmt: skip
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a, torch.zeros_like(a) if b is None else b, rtol=1e-10, atol=1e-12)


def test_no_gradient_reaches_what_wants_none():
    x = currents(6, 2, 3)
    spikes, membranes = lif.leaky(x.detach(), beta=0.9)
    assert not spikes.requires_grad and not membranes.requires_grad
    with torch.no_grad():
        assert not lif.leaky(x, beta=0.9)[0].requires_grad


def test_half_precision_is_the_loop_in_its_own_precision():
    x = currents(6, 2, 3, precision=torch.bfloat16)
    spikes, membranes = lif.leaky(x, beta=0.5)
    assert spikes.dtype == membranes.dtype == torch.bfloat16 and spikes.any()
    assert torch.autograd.grad(spikes.sum(), x)[0].abs().sum() > 0


def test_shapes_are_known_without_values():
    spikes, membranes = lif.leaky(torch.empty(6, 2, 3, device="meta"), beta=0.9)
    assert spikes.shape == membranes.shape == (6, 2, 3) and spikes.is_meta


@pytest.mark.parametrize("make", LAYERS)
def test_a_layer_is_its_function_and_spiking(make):
    layer, x = make(threshold=0.6, surrogate="fast_sigmoid"), currents(9, 2, 4)
    settings = {"threshold": 0.6, "surrogate": "fast_sigmoid"}
    own = (
        lif.leaky(x, beta=0.8, **settings) if isinstance(layer, lif.Leaky) else lif.poisson_lif(x, tau=3.0, **settings)
    )
    assert all(torch.equal(a, b) for a, b in zip(layer(x), own, strict=True))
    first = layer(x[:4])
    assert torch.equal(layer(x[4:], first[1][-1])[1], own[1][4:])
    assert is_spiking(torch.nn.Sequential(layer)) and not list(layer.parameters())


@pytest.mark.parametrize("make", LAYERS)
def test_a_layer_with_a_learnt_threshold_copies_pickles_and_saves(make):
    layer, x = make(learn_threshold=True), currents(9, 2, 4, precision=torch.float32)
    layer(x)[0].sum().backward()
    assert layer.threshold.grad.abs() > 0
    with torch.no_grad():
        layer.threshold.fill_(0.4)
    loaded = make(learn_threshold=True)
    loaded.load_state_dict(layer.state_dict())
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), loaded):
        assert torch.equal(other(x)[0], layer(x)[0]) and not torch.equal(make()(x)[0], layer(x)[0])


def test_a_beta_for_each_neuron_is_a_buffer_or_a_parameter():
    beta = torch.linspace(0.1, 0.9, 4)
    assert set(lif.Leaky(beta).state_dict()) == {"beta"}
    assert [name for name, _ in lif.Leaky(beta, learn_beta=True).named_parameters()] == ["beta"]


X = torch.zeros(3, 2, 4)
BAD = (
    (lambda: lif.leaky(X, beta=0.9, reset="soft"), ValueError, "reset must be one of subtract, zero, none"),
    (lambda: lif.leaky(X.int(), beta=0.9), TypeError, "x must be a floating-point tensor"),
    (lambda: lif.leaky([1.0], beta=0.9), TypeError, "x must be a floating-point tensor"),
    (lambda: lif.leaky(X[:0], beta=0.9), ValueError, "x must be"),
    (lambda: lif.leaky(X[0, 0], beta=0.9), ValueError, "x must be"),
    (lambda: lif.leaky(X, beta="0.9"), TypeError, "beta must be a number or a tensor"),
    (lambda: lif.leaky(X, beta=torch.zeros(5)), ValueError, "beta must broadcast"),
    (lambda: lif.leaky(X, beta=torch.zeros(3, 2, 4)), ValueError, "beta must broadcast"),
    (lambda: lif.leaky(X, beta=0.9, threshold=True), TypeError, "threshold must be a number"),
    (lambda: lif.leaky(X, beta=0.9, threshold=float("nan")), ValueError, "threshold must be finite"),
    (lambda: lif.leaky(X, beta=0.9, mem=torch.zeros(2, 5)), ValueError, "mem must be"),
    (lambda: lif.leaky(X, beta=0.9, mem=X[0].double()), ValueError, "mem must be"),
    (lambda: lif.leaky(X, beta=0.9, steps=0), ValueError, "steps must be"),
    (lambda: lif.leaky(X, beta=0.9, steps=2.0), ValueError, "steps must be"),
    (lambda: lif.leaky(X, beta=0.9, surrogate="fast"), ValueError, "surrogate must be one of"),
    (lambda: lif.poisson_lif(X, tau=0.5), ValueError, "tau must be"),
    (lambda: lif.poisson_lif(X, tau=float("nan")), ValueError, "tau must be"),
    (lambda: lif.poisson_lif(X, tau=None), TypeError, "tau must be"),
)


@pytest.mark.parametrize("call, kind, words", BAD)
def test_a_bad_argument_is_refused_by_name(call, kind, words):
    with pytest.raises(kind, match=words):
        call()
