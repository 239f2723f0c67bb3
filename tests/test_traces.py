import copy
import pickle

import numpy as np
import pytest
import torch
from neuron_helpers import drives

from neuromorph import SHNOLayer, Traces

TAU = (0.5, 2.0, 30.0)


def signal(steps=7, batch=2, n=3, dtype=torch.float64):
    return drives(steps, batch, n, dtype=dtype)


def by_definition(s, tau, start=0.0):
    """tr <- tr exp(-1/tau) + s, one step and one time constant after another."""
    found = np.zeros((*s.shape, len(tau)))
    for j, each in enumerate(tau):
        trace = np.zeros(s.shape[1:]) + start
        for k in range(len(s)):
            trace = trace * np.exp(-1 / each) + s[k]
            found[k, ..., j] = trace
    return found


@pytest.mark.parametrize("steps", [1, 7, 300])  # 300: several products
def test_traces_are_those_of_the_definition(steps):
    s = signal(steps)
    traces, state = Traces(TAU).double()(s)
    assert np.allclose(
        traces, by_definition(s.numpy(), np.float64(TAU)), rtol=1e-6, atol=1e-6
    )  # tau is kept in float32
    assert torch.equal(state, traces[-1])
    learnt = Traces(TAU, learnable=True).double()
    assert np.allclose(learnt(s)[0].detach(), by_definition(s.numpy(), learnt.time_constants.tolist()), rtol=1e-12)


def test_a_constant_signal_ends_at_its_sum():
    traces, _ = Traces(TAU)(torch.full((400, 1, 1), 2.0))
    expected = 2 / (1 - np.exp(-1 / np.array(TAU)))
    assert np.allclose(traces[-1, 0, 0], expected, rtol=1e-5)  # float32, and exp(-400 / 30) is left


@pytest.mark.parametrize("split", [(1,) * 9, (4, 5), (8, 1)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_traces_do_not_depend_on_the_split_over_calls(split, dtype, tolerance):
    s, traces = signal(9, dtype=dtype), Traces(TAU).to(dtype)
    whole, pieces, state = traces(s)[0], [], None
    for part in s.split(split):
        piece, state = traces(part, state)
        pieces.append(piece)
    assert whole.dtype == dtype
    assert torch.allclose(torch.cat(pieces), whole, rtol=tolerance, atol=tolerance)


def test_gradients_equal_finite_differences():
    traces = Traces(TAU, learnable=True).double()
    s = signal(6).requires_grad_()
    state = drives(2, 3, 3, seed=4, dtype=torch.float64).requires_grad_()
    raw = traces.log_tau.raw

    def function(s, state, raw):
        return torch.func.functional_call(traces, {"log_tau.raw": raw}, (s, state))

    assert torch.autograd.gradcheck(function, (s, state, raw.detach().requires_grad_()))


def test_learnable_time_constants_start_where_asked_and_stay_within_bounds():
    traces = Traces(TAU, learnable=True, bounds=(0.2, 50.0))
    assert np.allclose(traces.time_constants.detach(), TAU, rtol=1e-5)  # a float32 logit of a logarithm
    for raw in (-1e9, 1e9):
        with torch.no_grad():
            traces.log_tau.raw.fill_(raw)
        ends = traces.time_constants.detach().numpy()
        assert np.allclose(ends, 0.2 if raw < 0 else 50.0, rtol=1e-5)
    assert [name for name, _ in Traces(TAU).named_parameters()] == []


def test_a_time_constant_is_learnt_from_traces_made_with_another():
    s, wanted = signal(20, 4), Traces([4.0]).double()
    learnt = Traces([1.5], learnable=True).double()
    optimiser = torch.optim.Adam(learnt.parameters(), lr=0.1)
    for _ in range(150):
        optimiser.zero_grad()
        (learnt(s)[0] - wanted(s)[0]).square().mean().backward()
        optimiser.step()
    assert learnt.time_constants.item() == pytest.approx(4.0, rel=1e-3)


def test_spikes_and_m_y_of_a_layer_reach_the_next_as_traces():
    layer = SHNOLayer(3, n_steps=4, neural_step=0.1e-9)
    head = torch.nn.Linear(3 * len(TAU), 2)
    for read_out in ("spike", "m"):
        layer.read_out, x = read_out, drives(2, 3, low=2.0, high=5.0).requires_grad_()
        traces, _ = Traces(TAU)(layer(x)[0])
        out = head(traces.flatten(-2))
        assert out.shape == (4, 2, 2)
        out.sum().backward()
        assert (x.grad != 0).any()


def test_half_precision_is_traced_in_float32():
    assert Traces(TAU)(signal(dtype=torch.float32).bfloat16())[0].dtype == torch.float32


@pytest.mark.parametrize("learnable", [True, False])
def test_traces_are_saved_copied_and_pickled(learnable):
    traces = Traces(TAU, learnable=learnable)
    s = signal(dtype=torch.float32).requires_grad_()
    expected, _ = traces(s)
    other = Traces((1.0, 3.0, 9.0), learnable=learnable)
    other.load_state_dict(traces.state_dict())
    for each in (other, copy.deepcopy(traces), pickle.loads(pickle.dumps(traces))):
        assert torch.equal(each(s)[0], expected)


@pytest.mark.parametrize(
    "call",
    [
        lambda: Traces([]),
        lambda: Traces([0.0]),
        lambda: Traces([-1.0]),
        lambda: Traces([float("nan")]),
        lambda: Traces([1e9]),
        lambda: Traces([2.0], learnable=True, bounds=(3.0, 4.0)),
        lambda: Traces([2.0], bounds=(4.0, 3.0)),
        lambda: Traces([2.0], bounds=(0.0, 3.0)),
        lambda: Traces([2.0])(torch.zeros(0, 2, 3)),
        lambda: Traces([2.0])(torch.zeros(4, 2, 3), torch.zeros(2, 3, 2)),
    ],
)
def test_wrong_values_are_refused(call):
    with pytest.raises(ValueError, match=r"must be"):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: Traces("slow"),
        lambda: Traces(None),
        lambda: Traces([2.0], learnable=1),
        lambda: Traces([2.0], bounds=3.0),
        lambda: Traces([2.0])(np.zeros((4, 2, 3))),
        lambda: Traces([2.0])(torch.zeros(4, 2, 3, dtype=torch.int64)),
    ],
)
def test_wrong_kinds_are_refused(call):
    with pytest.raises(TypeError, match=r"must be"):
        call()
