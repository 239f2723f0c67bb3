"""What a layer can put out, and the drive after a spike, from the definitions."""

import numpy as np
import pytest
import torch
from neuron_helpers import A_C, drives, passage

import shno
from neuromorph import SHNOLayer
from neuromorph.regimes import REGIMES, input_range, regime
from validation import spiking

N, STEPS = 6, 5
X = drives(STEPS, 3, N, low=-0.5, high=6.0, dtype=torch.float64)


def read(read_out, x=X, **settings):
    layer = SHNOLayer(N, read_out=read_out, **settings)
    return layer(x)[0]


def test_every_read_out_is_of_the_same_passage():
    layer = SHNOLayer(N)
    spike, count, envelope, m = (read(name) for name in ("spike", "count", "envelope", "m"))
    state = layer.initial_state(3, X)
    for k, x in enumerate(X):
        found = passage(state.m, x, 0.5e-9, 2e-12)
        if k == 0:
            assert torch.equal(count[k], found.crossings.double())
            torch.testing.assert_close(envelope[k], found.m_peak, rtol=0, atol=1e-12)  # a torque rounded otherwise
        _, state = layer.step(x, state)
        assert torch.equal(m[k], state.m[..., 1])
    assert torch.equal(spike, (count > 0).double()) and count.max() >= 2
    assert (envelope[spike > 0] >= 0.7).all() and (envelope[spike == 0] < 0.7).any()


def test_latency_is_the_time_of_the_first_spike_in_neural_steps():
    x = torch.tensor([[0.0, 0.3, 1.0, 2.0, 4.0, 8.0]], dtype=torch.float64)
    layer = SHNOLayer(N, read_out="latency", n_steps=4, reset="none")
    latency, _ = layer(x)
    drive = shno.Drive(a_DL=A_C * (0.8 + x[0].numpy()), B_ext=layer.bias.B_ext)
    run = shno.simulate(layer.oscillator, drive, duration=2e-9, dt=2e-12, m0=layer.rest[0].numpy())
    times = shno.analysis.spike_times(run, threshold=0.7, rearm=0.35, component="y")
    expected = [each[0] / 0.5e-9 if len(each) else 4.0 for each in times]
    assert latency.shape == (1, N) and expected[0] == 4.0 and max(expected[2:]) < 2
    np.testing.assert_allclose(latency[0], expected, rtol=0, atol=1e-9)


def test_latency_has_an_exact_gradient_where_there_is_a_spike_and_the_surrogate_s_where_there_is_none():
    layer = SHNOLayer(N, read_out="latency", n_steps=4, truncate=None)
    x = torch.tensor([[-0.5, 0.0, 1.0, 2.0, 4.0, 8.0]], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(layer(x)[0].sum(), x)
    assert (slope[0, 2:] < 0).all()  # more input, an earlier spike
    # a silent neuron's best peak: that it be higher is what the surrogate asks for
    above = SHNOLayer(N, read_out="envelope", n_steps=4, truncate=None)(x)[0].amax(dim=0) - layer.threshold
    (rise,) = torch.autograd.grad(above.sum(), x)
    silent = -layer.surrogate.gradient(above.detach()) * rise
    torch.testing.assert_close(slope[0, :2], silent[0, :2], rtol=1e-12, atol=0)
    step = 1e-6
    ends = [layer(x.detach() + sign * step)[0] for sign in (1, -1)]
    np.testing.assert_allclose(slope[0, 2:], ((ends[0] - ends[1]) / (2 * step))[0, 2:], rtol=1e-6)
    assert torch.equal(ends[0][0, :2], torch.full((2,), 4.0, dtype=torch.float64))


def test_a_refractory_neuron_has_its_drive_switched_off_after_a_spike():
    """At 4 a_c a neuron spikes in every neural step; with the drive off for two it cannot before the third."""
    x = torch.full((9, 1, 1), 4.0, dtype=torch.float64)
    always = SHNOLayer(1, reset="none")(x)[0].flatten().tolist()
    resting = SHNOLayer(1, reset="hard", refractory=2)(x)[0].flatten().tolist()
    assert always == [1.0] * 9
    gaps = np.diff(np.flatnonzero(resting))
    assert len(gaps) >= 2 and gaps.min() >= 3


def test_a_refractory_step_is_carried_from_call_to_call():
    layer, x = SHNOLayer(N, refractory=1, refractory_factor=-0.2), X
    whole, end = layer(x)
    state, parts = None, []
    for piece in x.split((1, 3, 1)):
        spikes, state = layer(piece, state)
        parts.append(spikes)
    assert torch.equal(whole, torch.cat(parts)) and all(map(torch.equal, end, state))
    assert not torch.equal(whole, SHNOLayer(N)(x)[0])


@pytest.mark.parametrize("name", REGIMES)
def test_the_layer_in_a_regime_spikes_as_the_passages_one_by_one_do(name):
    low, high = input_range(name)
    x = np.random.default_rng(3).uniform(low - 0.3, min(high, 6), (15, 40))
    expected, _ = spiking.spikes(name, x)
    spikes, _ = SHNOLayer(40, **regime(name))(torch.as_tensor(x)[:, None])
    assert np.array_equal(spikes[:, 0].numpy(), expected > 0) and 0.02 < spikes.mean() < 0.98
