import copy
import pickle

import numpy as np
import pytest
import torch
from neuron_helpers import drives

from neuromorph import RunningGain, SHNOLayer

SHORT = {"n_steps": 3, "neural_step": 0.5e-9, "dt": 2e-12}
SCALES = torch.tensor([0.02, 0.1, 1.0, 12.0])  # of the inputs: dead, dead, graded, saturated


def inputs(batch=24, seed=0):
    """Positive inputs of four neurons whose sizes differ by 600."""
    return SCALES * drives(batch, 4, low=0.5, high=1.5, seed=seed)


def layer_with(gain, **more):
    return SHNOLayer(4, input_gain=gain, **(SHORT | more))


def test_dead_and_saturated_neurons_reach_the_target():
    layer = layer_with(RunningGain(4, eta=1.0, bounds=(0.01, 100.0)))
    with torch.no_grad():
        first = layer(inputs())[0].mean((0, 1))
        for k in range(40):
            layer(inputs(seed=k))
        layer.eval()
        rate = torch.stack([layer(inputs(seed=100 + k))[0].mean((0, 1)) for k in range(4)]).mean(0)
    assert first[0] == first[1] == 0 and first[3] > 0.95  # as the test wants them
    assert torch.allclose(rate, torch.full((4,), 0.3), rtol=0, atol=0.06)  # 288 neural steps: 2 standard deviations
    effective = layer.input_gain.gain * SCALES
    assert effective.max() / effective.min() < 1.4  # one response: each ends at the same drive


def test_one_step_is_that_of_the_controller():
    gain = RunningGain(2, target=0.25, eta=0.8)
    spikes = torch.zeros(4, 5, 2)
    spikes[:2, :, 1] = 3.0  # a count; half of the neural steps have one
    gain.count(spikes)
    gain.move()
    assert np.allclose(gain.log_gain, [0.8 * 0.25, 0.8 * (0.25 - 0.5)], rtol=1e-6)  # float32
    gain.move()  # nothing was counted since
    assert np.allclose(gain.log_gain, [0.2, -0.2], rtol=1e-6)


def test_the_gain_stays_within_its_bounds():
    gain = RunningGain(2, bounds=(0.5, 3.0), eta=2.0)
    for _ in range(20):
        gain.count(torch.tensor([[[0.0, 1.0]]]))
        gain.move()
    assert np.allclose(gain.gain, [3.0, 0.5], rtol=1e-6)


def test_within_a_sequence_the_gain_does_not_move_however_it_is_split():
    x = inputs().expand(4, -1, -1)
    whole, steps = layer_with(RunningGain(4)), layer_with(RunningGain(4))
    for _ in range(2):
        expected, _ = whole(x)
        state, found = None, []
        for each in x:
            spikes, state = steps(each[None], state)
            found.append(spikes)
    assert torch.equal(torch.cat(found), expected)
    assert torch.equal(whole.input_gain.gain, steps.input_gain.gain)
    assert (whole.input_gain.gain != 1).any()  # it moved between the two


def test_evaluation_freezes_the_gain_and_counts_nothing():
    layer = layer_with(RunningGain(4))
    layer(inputs())
    before = copy.deepcopy(layer.input_gain.state_dict())
    layer.eval()
    layer(inputs())
    layer(inputs())
    assert all(torch.equal(before[name], value) for name, value in layer.input_gain.state_dict().items())


def test_a_memory_report_moves_nothing():
    layer = layer_with(RunningGain(4))
    layer(inputs())
    before = copy.deepcopy(layer.input_gain.state_dict())
    layer.memory_report(2)
    assert all(torch.equal(before[name], value) for name, value in layer.input_gain.state_dict().items())
    assert layer.report().looked == 24 * 3


def test_checkpointed_gradients_are_those_of_the_plain_call():
    """The forward that is computed again in the backward pass must see the same gain."""
    gradients = []
    for checkpointed in (False, True):
        layer = layer_with(RunningGain(4))
        layer(inputs())  # what was counted here moves the gain at the next sequence
        x = inputs(seed=1).requires_grad_()
        if checkpointed:
            spikes = torch.utils.checkpoint.checkpoint(lambda x, layer=layer: layer(x)[0], x, use_reentrant=False)
        else:
            spikes, _ = layer(x)
        spikes.sum().backward()
        gradients.append(x.grad)
        moved = layer.input_gain.gain
    assert (moved != 1).any()
    assert torch.equal(*gradients)


def test_the_learnable_scale_has_a_gradient_and_keeps_its_bounds():
    layer = layer_with(RunningGain(4, scale=(0.5, 2.0)))
    assert torch.allclose(layer.input_gain.gain, torch.ones(4), rtol=1e-6)  # float32
    layer(inputs())[0].sum().backward()
    raw = layer.input_gain.scale.raw
    assert (raw.grad[1:3] != 0).all()
    with torch.no_grad():
        raw.fill_(1e6)
    assert torch.equal(layer.input_gain.gain, torch.full((4,), 2.0))
    assert list(RunningGain(4).parameters()) == []


def test_a_gain_is_saved_copied_and_pickled():
    layer = layer_with(RunningGain(4))
    layer(inputs())
    layer(inputs())[0].sum()
    other = layer_with(RunningGain(4))
    other.load_state_dict(layer.state_dict())
    for each in (other, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(each.eval()(inputs())[0], layer.eval()(inputs())[0])
        assert torch.equal(each.input_gain.gain, layer.input_gain.gain)


def test_the_dtype_of_the_input_is_kept():
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        assert RunningGain(4)(inputs().to(dtype)).dtype == dtype


@pytest.mark.parametrize(
    "call",
    [
        lambda: RunningGain(0),
        lambda: RunningGain(2, target=1.0),
        lambda: RunningGain(2, target=float("nan")),
        lambda: RunningGain(2, eta=0.0),
        lambda: RunningGain(2, eta=3.0),
        lambda: RunningGain(2, bounds=(2.0, 3.0)),
        lambda: RunningGain(2, bounds=(-1.0, 3.0)),
        lambda: RunningGain(2, scale=(-1.0, 3.0)),
        lambda: RunningGain(2, scale=(1.5, 3.0)),
        lambda: RunningGain(2)(torch.zeros(4, 3)),
        lambda: RunningGain(2).count(torch.zeros(4, 3)),
        lambda: SHNOLayer(4, input_gain=RunningGain(3), **SHORT),
    ],
)
def test_wrong_values_are_refused(call):
    with pytest.raises(ValueError, match=r"must be"):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: RunningGain(2, target="high"),
        lambda: RunningGain(2, eta=None),
        lambda: RunningGain(2, bounds=3.0),
        lambda: SHNOLayer(4, input_gain=2.0, **SHORT),
    ],
)
def test_wrong_kinds_are_refused(call):
    with pytest.raises(TypeError, match=r"must be"):
        call()
