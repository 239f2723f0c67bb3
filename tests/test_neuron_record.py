import numpy as np
import pytest
import torch
from neuron_helpers import A_C, drives, passage, rotate_towards, spikes_of

import shno
from neuromorph import SHNOLayer
from neuromorph.record import record


@pytest.fixture(scope="module")
def recorded():
    """A layer, its input (6, 3, 5), spikes and state after each neural step, and the record of all RK4 steps."""
    layer, x = SHNOLayer(5), drives(6, 3, 5)
    state, states, spikes = None, [], []
    for each in x:
        spike, state = layer(each[None], state)
        states.append(state.m)
        spikes.append(spike[0])
    return layer, x, torch.stack(spikes), torch.stack(states), record(layer, x, save_every=1)


def test_record_holds_the_layers_states_at_the_ends_of_neural_steps_before_their_reset(recorded):
    layer, _, spikes, states, run = recorded
    assert run.m.shape == (6 * 250 + 1, 3, 5, 3) and run.m.dtype == np.float32 and 0 < spikes.mean() < 1
    assert np.array_equal(run.m[0], layer.rest.float().expand(3, 5, 3))
    ends = torch.from_numpy(run.m[250::250])
    after = torch.where(spikes[..., None] > 0, rotate_towards(ends, layer.rest.float(), layer.reset_fraction), ends)
    assert torch.allclose(after, states, rtol=0, atol=1e-5)  # 250 float32 steps by another kernel
    assert np.allclose(run.t, 2e-12 * np.arange(1501), rtol=1e-12, atol=0)


def test_record_holds_the_layers_path_inside_a_neural_step(recorded):
    _, x, _, states, run = recorded
    inside = passage(states[2], x[3], 100 * 2e-12, 2e-12).m_end
    assert np.allclose(run.m[3 * 250 + 100], inside, rtol=0, atol=1e-5)  # 100 float32 steps by another kernel


def test_record_saves_any_share_of_the_same_path(recorded):
    layer, x, _, _, run = recorded
    few = record(layer, x, save_every=25)
    assert np.array_equal(few.m, run.m[::25]) and np.allclose(few.t, run.t[::25], rtol=1e-12, atol=0)


@pytest.mark.parametrize("save_every", [1, 5])
@pytest.mark.parametrize("reset", ["soft", "hard", "none"])
def test_spike_times_of_a_record_are_the_layers_spikes_step_by_step(reset, save_every):
    layer, x = SHNOLayer(20, reset=reset, read_out="count"), drives(10, 10, 20)
    spikes, _ = layer(x)
    assert spikes.sum() > 500
    assert np.array_equal(spikes_of(record(layer, x, save_every=save_every), layer, 10), spikes)


def test_record_saves_and_loads_equal(recorded, tmp_path):
    run = recorded[-1]
    run.save(tmp_path / "run.h5")
    assert shno.load(tmp_path / "run.h5") == run


def test_record_names_the_torque_of_each_neural_step(recorded):
    layer, x, _, _, run = recorded
    torque = run.drive.a_DL
    assert torque.interval == layer.neural_step and torque.values.shape == (6, 3, 5)
    assert np.allclose(torque.values, A_C * np.clip(0.8 + x.numpy(), 0, 16), rtol=1e-6, atol=1e-9)  # x is float32
    assert run.oscillator == layer.oscillator and run.drive.B_ext == pytest.approx(layer.bias.B_ext, abs=0)
