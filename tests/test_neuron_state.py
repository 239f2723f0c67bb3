import copy
import gc
import weakref

import numpy as np
import pytest
import torch
from neuron_helpers import drives, pickled, saved_and_loaded

import shno
from neuromorph import SHNOLayer, models
from validation.spike_steps import matched


def test_a_held_input_is_the_same_input_at_each_step():
    layer, x = SHNOLayer(4, n_steps=6), drives(5, 4)
    spikes, state = layer(x)
    again, after = layer(x.expand(6, 5, 4))
    assert spikes.shape == (6, 5, 4) and state.m.shape == (5, 4, 3)
    assert torch.equal(spikes, again) and torch.equal(state.m, after.m)  # same arithmetic


@pytest.mark.parametrize("reset", ["soft", "hard", "none"])
def test_two_calls_with_the_state_handed_over_are_one(reset):
    layer, x = SHNOLayer(4, reset=reset, truncate=None), drives(9, 5, 4)
    whole, end = layer(x)
    first, state = layer(x[:4])
    second, state = layer(x[4:], state)
    assert torch.equal(torch.cat([first, second]), whole) and torch.equal(state.m, end.m)  # same arithmetic


def test_gradients_pass_from_call_to_call_with_the_state():
    layer, weights = SHNOLayer(4, truncate=None), drives(5, 4, 3, seed=9)
    x = drives(4, 5, 4, low=-0.7, dtype=torch.float64)  # below -0.8 the drive is clipped
    gradients = []
    for cut in (None, 2):
        each = x.clone().requires_grad_()
        state = None
        for part in (each,) if cut is None else (each[:cut], each[cut:]):
            _, state = layer(part, state)
        (weights * state.m).sum().backward()
        gradients.append(each.grad)
    assert gradients[0].abs().min() > 0
    assert torch.allclose(*gradients, rtol=1e-12, atol=0)  # identity, float64


def test_batch_equals_loop():
    layer, x = SHNOLayer(4), drives(6, 70, 4)  # 280 oscillators: several blocks and a padded one
    spikes, state = layer(x)
    for k in (0, 33, 69):
        alone, after = layer(x[:, k : k + 1])
        assert torch.equal(alone[:, 0], spikes[:, k]) and torch.equal(after.m[0], state.m[k])  # each lane is its own


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_precision_of_the_input_is_kept(dtype):
    x = drives(2, 3).to(dtype).requires_grad_()
    spikes, state = SHNOLayer(3, n_steps=2)(x)
    spikes.sum().backward()
    assert spikes.dtype == state.m.dtype == x.grad.dtype == dtype


def test_single_precision_gives_the_spikes_of_double():
    layer, x = SHNOLayer(8), drives(15, 20, 8)
    assert matched(layer(x)[0], layer(x.double())[0]) >= 0.99


def test_autocast_leaves_the_magnetisation_in_single_precision():
    linear, layer = torch.nn.Linear(5, 3), SHNOLayer(3, n_steps=2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        spikes, state = layer(linear(torch.ones(2, 5)))
    spikes.float().sum().backward()
    assert state.m.dtype == torch.float32 and linear.weight.grad.isfinite().all()


def test_each_neuron_may_be_its_own_oscillator():
    alpha = np.array([0.08, 0.09, 0.1])
    device = {"Ms": 636620.0, "demag": (1.0, 0.0, 0.0), "p": (-1.0, 0.0, 0.0)}
    x = drives(5, 2, 3, low=1.0, dtype=torch.float64)
    spikes, state = SHNOLayer(3, oscillator=shno.Oscillator(alpha=alpha, **device))(x)
    for k in range(3):
        alone, after = SHNOLayer(1, oscillator=shno.Oscillator(alpha=alpha[k], **device))(x[..., k : k + 1])
        assert torch.equal(alone[..., 0], spikes[..., k])
        assert torch.allclose(after.m[:, 0], state.m[:, k], rtol=0, atol=1e-9)  # rounding, grown over 2.5 ns


def test_the_layer_holds_nothing_between_calls():
    layer, x = SHNOLayer(3), drives(5, 2, 3)
    before = {name: value.clone() for name, value in layer.named_buffers()}
    first, second = layer(x)[0], layer(x)[0]
    assert torch.equal(first, second)
    assert all(torch.equal(value, before[name]) for name, value in layer.named_buffers())


# ---- PyTorch's conventions ------------------------------------------------------------------------------------------


@pytest.fixture
def used():
    """A layer after a forward and backward pass, its input and its spikes."""
    layer, x = SHNOLayer(3, n_steps=4, reset_fraction=0.3), drives(2, 3).requires_grad_()
    spikes, _ = layer(x)
    spikes.sum().backward()
    return layer, x, spikes


@pytest.mark.parametrize("twin", [copy.deepcopy, pickled, saved_and_loaded])
def test_a_copy_spikes_alike_and_is_its_own(used, twin):
    layer, x, spikes = used
    other = twin(layer)
    assert torch.equal(other(x)[0], spikes) and repr(other) == repr(layer)
    other.rest.zero_()
    assert torch.equal(layer(x)[0], spikes)


def test_state_dict_round_trip():
    torch.manual_seed(0)
    model, other = models.build("hybrid", classes=3), models.build("hybrid", classes=3)
    other.load_state_dict(model.state_dict())
    x = torch.rand(2, 28, 28)
    assert torch.equal(other.eval()(x).logits, model.eval()(x).logits)
    layer = SHNOLayer(3)
    assert layer.load_state_dict(SHNOLayer(3).state_dict()).missing_keys == []


def test_two_layers_share_nothing():
    one, other = SHNOLayer(3), SHNOLayer(3)
    x = drives(2, 3)
    spikes = other(x)[0]
    one.rest.zero_()
    one.parameters_of_device.clear()
    assert torch.equal(other(x)[0], spikes)


def test_a_layer_is_collected_after_use():
    layer, x = SHNOLayer(3, n_steps=4), drives(2, 3).requires_grad_()
    alive = weakref.ref(layer)
    spikes, _ = layer(x)
    del layer
    gc.collect()
    assert alive() is None  # though its spikes live on
    spikes.sum().backward()
    assert x.grad.isfinite().all()
