"""The layer in torch.compile: one operation, no break of the graph, values and gradients those of the model uncompiled.

Gradients are compared bit for bit in double precision: nothing is computed in another order.
"""

import copy
import gc
import logging
import pickle
import weakref

import pytest
import torch
from neuron_helpers import drives
from torch import nn

from neuromorph import SHNOLayer, adapters

N, SMALL = 4, {"n_steps": 3, "neural_step": 0.1e-9, "dt": 2e-12, "reset_fraction": 0.3, "truncate": None}
pytestmark = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # torch's, as it traces


@pytest.fixture(autouse=True)
def _nothing_compiled(monkeypatch):
    """torch compiles the same code no more than 8 times, and counts those of other tests. It keeps a log, at length."""
    monkeypatch.setattr(logging.getLogger("torch.__trace"), "disabled", True)
    torch._dynamo.reset()


class Model(nn.Module):
    """What stands before and after a layer in practice."""

    def __init__(self, layer=SHNOLayer, **settings):
        super().__init__()
        torch.manual_seed(3)
        self.into = nn.Sequential(nn.Linear(6, N), nn.BatchNorm1d(N))
        self.layer, self.head = layer(N, **SMALL | settings), nn.Linear(N, 2)

    def forward(self, x, state=None):
        output, state = self.layer(2 + 2 * self.into(x), state)
        return self.head(output if output.ndim == 2 else output.mean(0)), state


def compiled(module, backend="aot_eager"):
    return torch.compile(module, backend=backend, fullgraph=True)


def images(batch):
    return drives(batch, 6, dtype=torch.float64)


def passed(call, model, x, state=None):
    """Output, state and gradients of a pass."""
    model.zero_grad()
    x = x.clone().requires_grad_()
    output, state = call(x, state)
    (output.square().sum() + (state.m * torch.arange(3.0, dtype=x.dtype)).sum()).backward()
    return [output, *state.detach(), x.grad, *(each.grad for each in model.parameters())]


def test_a_compiled_model_is_the_same_model_at_any_size_of_the_batch():
    model, other = Model().double(), Model().double()
    call = compiled(other)
    for batch in (5, 7, 128, 3):  # from the second on with the size left open
        expected, got = passed(model, model, images(batch)), passed(call, other, images(batch))
        assert expected[6].abs().min() > 0 and all(map(torch.equal, got, expected))


def test_a_compiled_model_goes_on_from_its_state_with_a_single_image():
    model, other = Model().double().eval(), Model().double().eval()
    call, x = compiled(other), images(1)
    state = model(x)[1].detach()
    expected = passed(model, model, x, state)
    assert all(map(torch.equal, passed(call, other, x, state), expected))
    assert not torch.equal(expected[0], model(x)[0])


@pytest.mark.parametrize("read_out", ["count", "envelope", "m", "latency"])
def test_each_read_out_is_compiled(read_out):
    layer, weight = SHNOLayer(N, **SMALL, read_out=read_out), drives(3, 2, N, dtype=torch.float64)
    x, results = drives(3, 2, N, dtype=torch.float64), []
    for call in (layer, compiled(layer)):
        each = x.clone().requires_grad_()
        output, state = call(each)
        ((weight * output).sum() + state.m.sum()).backward()
        results.append([output, *state, each.grad])
    assert results[0][-1].abs().sum() > 0 and all(map(torch.equal, *results))


@pytest.mark.parametrize("kind", [adapters.SHNOCell, adapters.SHNONode, adapters.SHNOLeaky])
def test_the_adapters_are_compiled_and_go_on_from_their_state(kind):
    settings = {name: SMALL[name] for name in ("neural_step", "dt", "reset_fraction")}
    neuron, other = kind(N, **settings), kind(N, **settings)
    call, x = compiled(other, "eager"), drives(12, 3, N, low=0.0, high=8.0)  # 8 is torch's limit of compilations
    stateful = kind is adapters.SHNOCell
    expected, got = [], []
    for run, out in ((neuron, expected), (call, got)):
        state = ()
        for each in x:
            spikes = run(each, *state)
            spikes, state = (spikes[0], (spikes[1],) if stateful else ()) if isinstance(spikes, tuple) else (spikes, ())
            out.append(spikes)
    assert 0 < torch.stack(expected).mean() < 1 and torch.equal(torch.stack(got), torch.stack(expected))


def test_a_compiled_layer_under_autocast_and_in_half_precision():
    linear, layer = nn.Linear(6, N), SHNOLayer(N, **SMALL)
    results = []
    for call in (layer, compiled(layer)):
        linear.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            spikes, state = call(6 * linear(torch.ones(2, 6)))
        spikes.sum().backward()
        results.append((spikes, *state, linear.weight.grad))
    assert results[0][0].dtype == results[0][1].dtype == torch.float32
    assert all(map(torch.equal, *results))


def test_what_the_layer_refuses_it_refuses_when_compiled():
    call, x = compiled(SHNOLayer(N, **SMALL), "eager"), drives(2, N)
    with pytest.raises(ValueError, match=r"^x must be \(batch, 4\) .* not empty, .* got \(0, 4\)"):
        call(x[:0])
    with pytest.raises(ValueError, match=r"^x must be \(batch, 4\) .* got \(2, 3\)"):
        call(x[:, :3])
    with pytest.raises(ValueError, match=r"^x must be finite, got NaN or infinity"):
        call(x / 0)
    with pytest.raises(ValueError, match=r"^state\.m must be .* = \(2, 4, 3\), got \(1, 4, 3\)"):
        call(x, SHNOLayer(N, **SMALL).initial_state(1, x))


# ---- one operation --------------------------------------------------------------------------------------------------


def test_the_graph_holds_the_layer_once():
    graphs = []

    def keep(graph, _):
        graphs.append(graph)
        return graph

    torch.compile(Model(), backend=keep, fullgraph=True)(images(5).float())
    assert len(graphs) == 1 and str(graphs[0].code).count("neuromorph.passage(") == 1


def test_the_operation_keeps_to_the_rules_of_torch():
    layer = SHNOLayer(N, **SMALL)
    x, state = drives(2, N, dtype=torch.float64), layer.initial_state(2, torch.zeros(0, dtype=torch.float64))
    for given in ([], [each.clone() for each in state]):
        arguments = (layer.number, x.clone().requires_grad_(), given, [])
        torch.library.opcheck(torch.ops.neuromorph.passage.default, arguments)


class Counting(SHNOLayer):
    """A layer that counts, has a parameter and starts elsewhere each time, as one with noise does."""

    def __init__(self, n, **settings):
        super().__init__(n, **settings)
        self.register_buffer("calls", torch.zeros(2))
        self.scale = nn.Parameter(torch.tensor(1.5))

    def initial_state(self, batch, like):
        state = super().initial_state(batch, like)
        self.calls[0] += 1
        m = state.m + 0.01 * self.calls[0].to(like)
        return state._replace(m=nn.functional.normalize(m, dim=-1))

    def _integrate(self, a_DL, state):
        self.calls[1] += 1
        return super()._integrate(a_DL * self.scale, state)


@pytest.mark.parametrize("backend", ["eager", "aot_eager_decomp_partition"])  # the second merges what occurs twice
def test_a_layer_that_counts_is_called_as_often_and_its_parameters_have_gradients(backend):
    model, other = Model(Counting, read_out="m").double(), Model(Counting, read_out="m").double()
    x, results = images(5), []
    for network, wrap in ((model, lambda f: f), (other, lambda f: torch.compile(f, backend=backend, fullgraph=True))):
        both = wrap(lambda x, network=network: (network(x)[0], network(x)[0]))(x)
        assert not torch.equal(*both)  # each from a start of its own
        (both[0] + 2 * both[1]).sum().backward()
        results.append([*both, network.layer.scale.grad, network.layer.calls])
    assert results[0][2] != 0 and results[0][3].tolist() == [2, 2]
    for one, same in zip(*results, strict=True):  # what that backend takes apart it rounds otherwise
        assert torch.allclose(same, one, rtol=1e-9, atol=1e-12)


def test_a_parameter_that_takes_no_part_has_a_gradient_of_zero():
    layer = SHNOLayer(N, **SMALL)
    layer.idle = nn.Parameter(torch.ones(2))
    compiled(layer)(drives(2, N))[0].sum().backward()
    assert torch.equal(layer.idle.grad, torch.zeros(2))


# ---- its number -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_copy_is_compiled_for_itself(twin):
    layer = SHNOLayer(N, **SMALL)
    other = twin(layer)
    other.reset_mode = "none"
    assert other.number != layer.number
    x = drives(5, 2, N, low=4.0, high=8.0)
    expected = [each(x)[1].m for each in (layer, other)]
    assert not torch.equal(*expected)
    assert all(torch.equal(compiled(each)(x)[1].m, m) for each, m in zip((layer, other), expected, strict=True))


def test_a_compiled_layer_is_collected_after_use():
    layer = SHNOLayer(N, **SMALL)
    alive = weakref.ref(layer)
    compiled(layer)(drives(2, N))
    del layer
    torch._dynamo.reset()
    gc.collect()
    assert alive() is None


def test_the_layer_compiled_in_place_runs_its_hooks_once():
    layer, x, seen = SHNOLayer(N, **SMALL), drives(2, N), []
    expected = layer(x)[0]
    layer.register_forward_hook(lambda *_: seen.append(1))
    layer.compile(backend="eager")
    assert torch.equal(layer(x)[0], expected) and len(seen) == 1
