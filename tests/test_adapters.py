"""SHNOLeaky among snnTorch's own tools, and against the layer with its explicit state."""

import copy
import gc
import pickle

import matplotlib
import pytest
import snntorch as snn
import snntorch.functional as SF
import snntorch.surrogate as theirs
import torch
from convention_helpers import BATCH, SMALL, STEPS, N, inputs
from snntorch import utils
from torch import nn

from neuromorph import SHNOLayer, adapters
from neuromorph.adapters import SHNOLeaky
from neuromorph.surrogate import Arctan, FastSigmoid

matplotlib.use("Agg")


def looped(lif, x):
    """Spikes and m_y of each step, mem handed on as in snnTorch's loops."""
    mem, spikes, mems = lif.reset_mem(), [], []
    for each in x:
        spike, mem = lif(each, mem)
        spikes.append(spike)
        mems.append(mem)
    return torch.stack(spikes), torch.stack(mems)


# ---- the physics is the layer's -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, N])
@pytest.mark.parametrize("truncate", [None, 1, 2])
def test_a_loop_is_the_sequence_in_spikes_state_and_gradient(n, truncate):
    settings, weights = {**SMALL, "truncate": truncate}, inputs(dtype=torch.float64) - 1
    a, b = (inputs(dtype=torch.float64).requires_grad_() for _ in range(2))
    spikes, state = SHNOLayer(N, **settings)(a)
    lif = SHNOLeaky(n, **settings)
    looped(lif, 2 * inputs()[:3])  # what came before its reset is forgotten, an unfinished block as well
    stepped, mems = looped(lif, b)
    (weights * spikes).sum().backward()
    (weights * stepped).sum().backward()
    assert torch.equal(stepped, spikes) and torch.equal(mems[-1], state.m[..., 1])  # the same arithmetic
    assert a.grad.abs().max() > 0 and torch.equal(a.grad, b.grad)


def test_the_state_has_the_shape_of_the_input_whatever_it_is():
    lif = SHNOLeaky(**SMALL)
    x = inputs().reshape(STEPS, 1, BATCH, 2, 2)
    spikes, mems = looped(lif, x)
    assert spikes.shape == mems.shape == x.shape
    assert lif.mx.shape == lif.my.shape == lif.mz.shape == x.shape[1:]
    length = lif.mx**2 + lif.my**2 + lif.mz**2
    assert torch.allclose(length, torch.ones_like(length), rtol=1e-5)  # float32
    assert torch.equal(spikes.reshape(STEPS, BATCH, N), looped(SHNOLeaky(**SMALL), inputs())[0])


def test_mem_is_the_tensor_my_and_owns_its_memory():
    lif = SHNOLeaky(**SMALL)
    _, mem = lif(inputs()[0].requires_grad_())
    assert mem is lif.mem is lif.my and not mem._is_view() and mem.requires_grad


def test_mem_passed_back_goes_on_and_anything_else_starts_at_rest():
    x = inputs()
    first, _ = looped(SHNOLeaky(**SMALL), x)
    for other in (torch.zeros(BATCH, N), lambda lif: lif.mem.clone()):
        lif = SHNOLeaky(**SMALL)
        looped(lif, x)
        lif.mem = other(lif) if callable(other) else other
        assert torch.equal(lif.mem, lif.layer.rest[0, 1].float().expand(BATCH, N))
        assert torch.equal(torch.stack([lif(each)[0] for each in x]), first)


def test_detaching_mem_detaches_the_whole_state():
    lif, x = SHNOLeaky(truncate=None, **SMALL), inputs(steps=2).requires_grad_()
    lif(x[0])
    lif.mem.detach_()
    assert lif.mx.requires_grad  # until the next step, which asks what has become of my
    spikes, _ = lif(x[1])
    spikes.sum().backward()
    assert x.grad[0].abs().sum() == 0 and x.grad[1].abs().sum() > 0


@pytest.mark.parametrize(
    ("spike_grad", "expected"),
    [(None, FastSigmoid()), ("atan", Arctan()), (FastSigmoid(slope=9.0), FastSigmoid(slope=9.0))],
)
def test_spike_grad_is_a_name_or_a_surrogate(spike_grad, expected):
    assert SHNOLeaky(spike_grad=spike_grad, **SMALL).spike_grad == expected


def test_spike_grad_takes_snntorchs_callables():
    gradients = []
    for spike_grad in (theirs.atan(alpha=3.0), Arctan(slope=3.0), Arctan(slope=1.0)):
        x = inputs(dtype=torch.float64).requires_grad_()
        looped(SHNOLeaky(spike_grad=spike_grad, **SMALL), x)[0].sum().backward()
        gradients.append(x.grad)
    assert torch.allclose(*gradients[:2], rtol=1e-12, atol=0)  # identity, float64
    assert not torch.allclose(*gradients[1:], rtol=0.1)
    lif = SHNOLeaky(spike_grad=theirs.fast_sigmoid(slope=25), **SMALL)
    assert pickle.loads(pickle.dumps(lif)).spike_grad.gradient(torch.ones(1)) == pytest.approx(1 / 26**2)


def test_each_neuron_of_the_last_axis_may_be_its_own():
    with pytest.raises(
        ValueError, match=r"^input_ must be a tensor of shape \(\.\.\., 4\) and not empty, got \(2, 3\)"
    ):
        SHNOLeaky(4, **SMALL)(torch.ones(2, 3))
    with pytest.raises(TypeError, match=r"^mem must be a floating-point tensor of the input's shape, got \(2, 3\)"):
        SHNOLeaky(4, **SMALL).mem = torch.ones(2, 3)


@pytest.mark.parametrize("wrong", [torch.zeros(0, 4), [1.0], None])
def test_what_is_no_input_is_refused(wrong):
    with pytest.raises(ValueError, match=r"^input_ must be a tensor of any shape and not empty, got "):
        SHNOLeaky(**SMALL)(wrong)


def test_settings_are_checked():
    with pytest.raises(TypeError, match=r"^init_hidden must be True or False, got 1"):
        SHNOLeaky(init_hidden=1)
    with pytest.raises(TypeError, match="beta"):
        SHNOLeaky(beta=0.9)
    with pytest.raises(TypeError, match=r"^mem must not be passed where init_hidden is True"):
        SHNOLeaky(init_hidden=True, **SMALL)(torch.ones(2, 3), torch.zeros(2, 3))


# ---- snnTorch's tools -----------------------------------------------------------------------------------------------


def classifier():
    torch.manual_seed(0)
    last = SHNOLeaky(init_hidden=True, output=True, **SMALL)
    net = nn.Sequential(nn.Linear(6, 8), SHNOLeaky(init_hidden=True, **SMALL), nn.Linear(8, 3), last)
    for layer in (net[0], net[2]):
        nn.init.uniform_(layer.weight, 0.0, 1.5)
    return net


def shown(net, x):
    utils.reset(net)
    return torch.stack([net(x)[0] for _ in range(STEPS)])


IMAGES = torch.rand(BATCH, 6, generator=torch.Generator().manual_seed(2))
LABELS = torch.tensor([0, 2, 1])


def test_utils_reset_and_the_final_layer_check_see_it():
    net = classifier()
    first = shown(net, IMAGES)
    assert 0 < first.sum() < first.numel()
    assert torch.equal(shown(net, IMAGES), first) and utils._final_layer_check(net) == 2
    utils.reset(net)
    assert not net[1].my.requires_grad and not net[3].mz.requires_grad


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_utils_reset_reaches_a_copy_as_well(twin):
    net = classifier()
    first = shown(net, IMAGES)
    other = twin(net)
    other(IMAGES)
    assert torch.equal(shown(other, IMAGES), first)


def test_utils_reset_survives_layers_that_are_gone():
    gone = [SHNOLeaky(**SMALL) for _ in range(3)]
    listed = list(snn.SpikingNeuron.instances)
    del gone
    gc.collect()
    net = classifier()
    assert len(snn.SpikingNeuron.instances) <= len(listed) - 3 + 2
    snn.SpikingNeuron.instances[:0] = listed  # as one who keeps the list and puts it back
    shown(net, IMAGES)


def test_our_reset_reaches_snntorchs_neurons_at_any_depth_and_no_others():
    inside, outside = (snn.Leaky(beta=0.5, init_hidden=True) for _ in range(2))
    inside(torch.ones(2)), outside(torch.ones(2))
    adapters.reset(nn.Sequential(nn.Sequential(inside)))
    assert inside.mem.sum() == 0 and outside.mem.sum() == 2
    with pytest.raises(TypeError, match=r"^net must be a torch\.nn\.Module, got 3"):
        adapters.reset(3)


@pytest.mark.parametrize("loss", [SF.ce_rate_loss(), SF.ce_count_loss(), SF.mse_count_loss(0.8, 0.2)], ids=type)
def test_a_loss_of_snntorchs_falls_in_training(loss):
    net, losses = classifier(), []
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(12):
        value = loss(shown(net, IMAGES), LABELS)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())
    assert net[0].weight.grad.abs().sum() > 0 and min(losses[-3:]) < losses[0]


def test_a_loss_on_the_membrane_and_the_accuracies_take_its_records():
    net = classifier()
    utils.reset(net)
    pairs = [net(IMAGES) for _ in range(STEPS)]
    spikes, mems = (torch.stack(each) for each in zip(*pairs, strict=True))
    SF.ce_max_membrane_loss()(mems, LABELS).backward()
    assert net[0].weight.grad.isfinite().all()
    assert 0 <= SF.accuracy_rate(spikes, LABELS) <= 1


def test_ce_rate_loss_cannot_fall_below_its_floor_on_single_spikes():
    perfect = nn.functional.one_hot(torch.arange(10), 10).float().expand(STEPS, 10, 10)
    assert SF.ce_rate_loss()(perfect, torch.arange(10)).item() == pytest.approx(1.461, abs=1e-3)


def test_spikeplot_draws_its_spikes_and_traces():
    plt, splt = pytest.importorskip("matplotlib.pyplot"), pytest.importorskip("snntorch.spikeplot")
    spikes, mems = looped(SHNOLeaky(**SMALL), inputs())
    _, axes = plt.subplots()
    splt.raster(spikes[:, 0], axes)
    assert len(axes.collections) == 1
    splt.traces(mems[:, 0], spk=spikes[:, 0], dim=(2, 2))
    plt.close("all")
