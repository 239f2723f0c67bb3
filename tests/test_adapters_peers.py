"""The layer among the tools of SpikingJelly and Norse, and what the exporters to NIR make of it."""

import pickle
import warnings

import pytest
import torch
from convention_helpers import BATCH, SMALL, STEPS, N, inputs
from torch import nn

from neuromorph import SHNOLayer, adapters
from neuromorph.adapters import SHNOCell, SHNOLeaky, SHNONode

EXPECTED = SHNOLayer(N, **SMALL)(inputs())[0]


def library(name):
    """A library that the extra `peers` installs, without the warnings of its own start."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)


def weighted(net):
    """The network with seeded positive weights, that make its neurons spike."""
    generator = torch.Generator().manual_seed(3)
    for parameter in net.parameters():
        nn.init.uniform_(parameter, 0.0, 1.2, generator=generator)
    return net


# ---- SpikingJelly ---------------------------------------------------------------------------------------------------


@pytest.fixture
def functional():
    return library("spikingjelly.activation_based.functional")


@pytest.fixture
def jelly():
    return library("spikingjelly.activation_based.layer")


def test_single_steps_and_a_sequence_are_the_same():
    node = SHNONode(N, **SMALL)
    single = torch.stack([node(x) for x in inputs()])
    node.reset()
    node.step_mode = "m"
    assert torch.equal(single, EXPECTED) and torch.equal(node(inputs()), EXPECTED)


def test_spikingjelly_resets_detaches_and_sets_the_mode_at_any_depth(functional):
    node = SHNONode(N, **SMALL)
    net = nn.Sequential(nn.Identity(), nn.Sequential(node))
    functional.set_step_mode(net, "m")
    assert node.step_mode == "m"
    x = inputs().requires_grad_()
    assert torch.equal(net(x), EXPECTED) and node.state.m.requires_grad
    functional.detach_net(net)
    assert not node.state.m.requires_grad and not torch.equal(net(inputs()), EXPECTED)
    functional.reset_net(net)
    assert torch.equal(net(inputs()), EXPECTED)


def test_spikingjellys_multi_step_forward_and_layers_take_it(functional, jelly):
    node = SHNONode(N, **SMALL)
    assert torch.equal(functional.multi_step_forward(inputs(), node), EXPECTED)
    net = weighted(nn.Sequential(jelly.Linear(6, N), SHNONode(N, **SMALL)))
    functional.set_step_mode(net, "m")
    x = torch.rand(STEPS, BATCH, 6, generator=torch.Generator().manual_seed(1))
    spikes = net(x)
    spikes.sum().backward()
    assert 0 < spikes.sum() < spikes.numel() and net[0].weight.grad.abs().sum() > 0


def test_spikingjellys_reset_and_detach_of_a_network_with_the_layer_itself_do_it_no_harm(functional):
    net = nn.Sequential(nn.Linear(6, N), SHNOLayer(N, **SMALL))
    before = net[1](inputs())[0]
    functional.reset_net(net)
    functional.detach_net(net)
    assert torch.equal(net[1](inputs())[0], before)


def test_a_node_is_checked():
    with pytest.raises(ValueError, match=r"^step_mode must be one of s, m, got 'multi'"):
        SHNONode(N, step_mode="multi")
    node = SHNONode(N, **SMALL)
    with pytest.raises(ValueError, match=r"^x must be \(batch, n\) in step_mode 's', got \(5, 3, 4\)"):
        node(inputs())
    node(inputs()[0])
    with pytest.raises(ValueError, match=r"^x must be a batch of 3, got 2\. reset\(\) before another size"):
        node(inputs(batch=2)[0])


def test_a_used_node_is_pickled_with_its_state():
    node = SHNONode(N, **SMALL)
    node(inputs()[0].requires_grad_())
    other = pickle.loads(pickle.dumps(node))
    assert torch.equal(other(inputs()[1]), node(inputs()[1])) and other.state.m.shape == (BATCH, N, 3)


def test_our_reset_reaches_a_node():
    node = SHNONode(N, **SMALL)
    node(inputs()[0])
    adapters.reset(nn.Sequential(nn.Sequential(node)))
    assert node.state is None


@pytest.mark.parametrize("kind", [SHNOLayer, SHNOCell, SHNONode])
def test_our_reset_reaches_the_layer_within(kind, monkeypatch):
    calls = []
    monkeypatch.setattr(SHNOLayer, "reset", lambda layer: calls.append(layer))
    neuron = kind(N, **SMALL)
    adapters.reset(nn.Sequential(nn.Sequential(neuron)))
    assert calls == [getattr(neuron, "layer", neuron)]


# ---- Norse ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def norse():
    return library("norse.torch")


def test_norse_sequences_the_layer_with_its_state(norse):
    net = norse.SequentialState(norse.Lift(nn.Identity()), SHNOLayer(N, **SMALL))
    assert net.stateful_layers == [False, True]
    spikes, states = net(inputs())
    assert torch.equal(spikes, EXPECTED)
    first, states = net(inputs()[:3])
    second, _ = net(inputs()[3:], states)
    assert torch.equal(torch.cat([first, second]), SHNOLayer(N, **SMALL)(inputs())[0])


def test_norse_lifts_the_cell_over_time(norse):
    spikes, state = norse.Lift(SHNOCell(N, **SMALL))(inputs())
    assert torch.equal(spikes, EXPECTED)
    assert torch.equal(state.m, SHNOLayer(N, **SMALL)(inputs())[1].m)


def test_a_loop_over_norses_sequence_of_cells_learns(norse):
    net, state, count = weighted(norse.SequentialState(nn.Linear(6, N), SHNOCell(N, **SMALL))), None, 0.0
    for x in torch.rand(STEPS, BATCH, 6, generator=torch.Generator().manual_seed(1)):
        spikes, state = net(x, state)
        count = count + spikes
    count.sum().backward()
    assert 0 < count.sum() < STEPS * count.numel() and net[0].weight.grad.abs().sum() > 0


def test_a_cell_takes_one_step_only():
    with pytest.raises(ValueError, match=r"^x must be of shape \(batch, 4\), got \(5, 3, 4\)"):
        SHNOCell(N, **SMALL)(inputs())


# ---- NIR ------------------------------------------------------------------------------------------------------------

REFUSAL = r"module must be one that NIR has a primitive for .+, got {}\. Export the layers around it"


@pytest.mark.parametrize("kind", [SHNOLayer, SHNOCell, SHNONode, SHNOLeaky])
def test_nirtorch_is_refused_an_oscillator_by_name(kind):
    nirtorch = library("nirtorch")
    net = nn.Sequential(nn.Linear(6, N), kind(N, **SMALL))
    with pytest.raises(TypeError, match=REFUSAL.format(kind.__name__)):
        nirtorch.torch_to_nir(net, {kind: adapters.nir_node})


@pytest.mark.filterwarnings("ignore")  # nirtorch's own
def test_snntorchs_exporter_does_not_take_it_for_a_leaky_neuron():
    export = library("snntorch.export_nir")
    net = nn.Sequential(nn.Linear(6, N), SHNOLeaky(init_hidden=True, **SMALL))
    with pytest.raises(AttributeError, match=REFUSAL.format("SHNOLeaky")):
        export.export_to_nir(net, torch.rand(1, 6), ignore_dims=[0])
    with pytest.raises(AttributeError, match=REFUSAL.format("SHNOLeaky")):
        export._extract_snntorch_module(net[1])


@pytest.mark.filterwarnings("ignore")
def test_norses_exporter_cannot_write_a_graph_without_it(norse, tmp_path):
    nir = library("nir")
    net = norse.SequentialState(nn.Linear(6, N), SHNOLayer(N, **SMALL))
    graph = norse.to_nir(net, torch.rand(1, 6))
    assert graph.nodes["1"] is None and ("0", "1") in graph.edges  # a gap, that is seen
    with pytest.raises(AttributeError, match="NoneType"):
        nir.write(tmp_path / "net.nir", graph)
