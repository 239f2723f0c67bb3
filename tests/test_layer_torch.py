"""The layer in what surrounds it in torch: autocast, checkpoints, processes, devices, batch sizes, splits of time."""

import functools
import multiprocessing

import pytest
import torch
from neuron_helpers import drives
from torch import nn
from torch.utils.checkpoint import checkpoint

import shno
from neuromorph import SHNOLayer
from neuromorph.neuron import State
from neuromorph.surrogate import Smooth

N, SMALL = 4, {"n_steps": 3, "neural_step": 0.1e-9, "dt": 2e-12, "reset_fraction": 0.3, "truncate": None}
DOUBLE = {"dtype": torch.float64}


def outputs(layer, x, state=None):
    """Output, m at the end and gradient of a pass."""
    x = x.clone().requires_grad_()
    output, state = layer(x, state)
    (drives(*output.shape, seed=1).to(output) * output).sum().add(
        (drives(N, 3, seed=2).to(x) * state.m).sum()
    ).backward()
    return [output.detach(), state.m.detach(), x.grad]


def network():
    torch.manual_seed(4)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, N)).double(), SHNOLayer(N, **SMALL, read_out="m")


# ---- gradients ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reset", ["soft", "none"])
def test_gradcheck_through_a_smooth_surrogate(reset):
    """The whole chain by finite differences; none of the spikes is near its threshold."""
    settings = SMALL | {"neural_step": 0.2e-9, "reset": reset}
    layer, hard = SHNOLayer(2, **settings, surrogate=Smooth()), SHNOLayer(2, **settings)
    x = drives(2, 3, 2, low=0.5, high=6.0, **DOUBLE).requires_grad_()
    assert 0 < hard(x)[0].mean() < 1

    def run(x, m):
        start = layer.initial_state(3, x)._replace(m=nn.functional.normalize(m, dim=-1))
        spikes, state = layer(x, start)
        return spikes, state.m

    start = layer.initial_state(3, x).m + 0.05 * drives(3, 2, 3, **DOUBLE)
    assert torch.autograd.gradcheck(run, (x, start.requires_grad_()), eps=1e-7, atol=1e-5, rtol=1e-4)  # truncation of
    # the differences, of states that turn by radians


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_checkpointed_in_chunks_of_time_is_the_whole(use_reentrant):
    layer, x = SHNOLayer(N, **SMALL), drives(6, 5, N, low=0.0, high=8.0, **DOUBLE)
    whole, gradients = [], []

    def step(x, *state):  # torch's re-entrant checkpoint sees tensors, and none within a tuple
        spikes, state = layer(x, State(*state))
        return spikes, *state

    for split in (False, True):
        each, state, pieces = x.clone().requires_grad_(), layer.initial_state(5, x), []
        for part in each.split(2) if split else [each]:
            run = functools.partial(checkpoint, step, use_reentrant=use_reentrant) if split else step
            spikes, *state = run(part, *state)
            pieces.append(spikes)
        spikes = torch.cat(pieces)
        (drives(6, 5, N, seed=1) * spikes).sum().add((drives(N, 3, seed=2) * state[0]).sum()).backward()
        whole.append(spikes.detach()), gradients.append(each.grad)
    assert 0 < whole[0].mean() < 1 and torch.equal(*whole)
    assert gradients[0].abs().min() > 0
    assert torch.allclose(*gradients, rtol=1e-12, atol=1e-12 * gradients[0].abs().max())  # double precision


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_under_autocast_m_and_spikes_stay_in_single_precision(dtype):
    linear, layer = nn.Linear(6, N), SHNOLayer(N, **SMALL)
    with torch.autocast("cpu", dtype=dtype):
        half = 6 * linear(torch.ones(2, 6))
        spikes, state = layer(half)
    assert half.dtype == dtype and spikes.dtype == state.m.dtype == torch.float32
    expected, end = layer(half.detach().float())
    assert torch.equal(spikes, expected) and torch.equal(state.m, end.m)  # autocast changes nothing inside
    spikes.sum().backward()
    assert linear.weight.grad.isfinite().all() and linear.weight.grad.abs().sum() > 0


# ---- batches --------------------------------------------------------------------------------------------------------


def test_sizes_of_batches_change_within_a_session():
    layer, x = SHNOLayer(N, **SMALL), drives(128, N, low=0.0, high=8.0, **DOUBLE)
    whole = outputs(layer, x)
    for size in (1, 7, 128, 3, 1):
        spikes, m, _ = outputs(layer, x[:size])
        assert torch.equal(spikes, whole[0][:, :size]) and torch.equal(m, whole[1][:size])


@pytest.mark.parametrize("shape", [(0, N), (3, 0, N), (0, 2, N)])
def test_an_empty_last_batch_is_refused(shape):
    with pytest.raises(ValueError, match=r"^x must be \(batch, 4\) or \(steps, batch, 4\) and not empty"):
        SHNOLayer(N, **SMALL)(torch.zeros(shape))


# ---- time -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_any_split_of_time_is_one_call(dtype, tolerance):
    layer, steps = SHNOLayer(N, **SMALL, refractory=1, refractory_factor=0.5), 9
    x = drives(steps, 5, N, low=0.0, high=8.0).to(dtype)
    whole, end = layer(x)
    assert 0 < whole.mean() < 1
    generator = torch.Generator().manual_seed(6)
    cuts = [list(range(1, steps)), *(_split(steps, generator) for _ in range(6))]
    for cut in cuts:
        state, pieces = None, []
        for part in x.tensor_split(cut):
            spikes, state = layer(part, state)
            pieces.append(spikes)
        assert torch.equal(torch.cat(pieces), whole), cut
        assert (state.m - end.m).abs().max() <= tolerance and torch.equal(state.armed, end.armed)
        assert torch.equal(state.remaining, end.remaining)


def _split(steps, generator):
    inside = torch.rand(steps - 1, generator=generator) < 0.4
    return (1 + inside.nonzero().flatten()).tolist()


def test_gradients_of_any_split_of_time_are_those_of_one_call():
    layer, x = SHNOLayer(N, **SMALL), drives(6, 5, N, low=0.0, high=8.0, **DOUBLE)
    expected = outputs(layer, x)[2]
    for cut in ([1, 2, 3, 4, 5], [2, 5], [1], [3]):

        def split(x, state, cut=cut):
            pieces = []
            for part in x.tensor_split(cut):
                spikes, state = layer(part, state)
                pieces.append(spikes)
            return torch.cat(pieces), state

        got = outputs(split, x)[2]
        assert torch.allclose(got, expected, rtol=1e-12, atol=1e-12 * expected.abs().max()), cut


def test_step_by_step_is_the_sequence():
    layer, x = SHNOLayer(N, **SMALL), drives(5, 3, N, low=0.0, high=8.0, **DOUBLE)
    state, pieces = layer.initial_state(3, x), []
    for each in x:
        spikes, state = layer.step(each, state)
        pieces.append(spikes)
    whole, end = layer(x)
    assert torch.equal(torch.stack(pieces), whole) and torch.equal(state.m, end.m)  # same arithmetic


# ---- devices --------------------------------------------------------------------------------------------------------


@pytest.fixture
def by_torch(monkeypatch):
    """The path that is taken off the CPU, on the CPU."""
    path = functools.partial(shno.integrate_sequence, executor="torch")
    return lambda: monkeypatch.setattr(shno, "integrate_sequence", path)


@pytest.mark.parametrize("read_out", ["spike", "envelope", "latency"])
def test_the_path_of_other_devices_is_that_of_the_cpu(read_out, by_torch):
    layer = SHNOLayer(N, **SMALL | {"truncate": 2}, read_out=read_out, refractory=1, refractory_factor=0.5)
    x = drives(4, 3, N, low=0.0, high=8.0, **DOUBLE)
    expected = outputs(layer, x)
    by_torch()
    for one, other in zip(outputs(layer, x), expected, strict=True):
        assert torch.allclose(one, other, rtol=1e-12, atol=1e-12 * float(other.abs().max()))  # double precision


@pytest.mark.parametrize("path", ["compiled", "torch"])
def test_no_tensor_is_made_on_a_device_of_torchs_choice(path, by_torch):
    """What names no device is made on the default one, here one that holds no numbers."""
    layer, x = SHNOLayer(N, **SMALL), drives(2, N, low=0.0, high=8.0, **DOUBLE)
    if path == "torch":
        by_torch()
    expected = outputs(layer, x)
    weights = drives(N, 3, seed=2, **DOUBLE)
    with torch.device("meta"):
        each = x.clone().requires_grad_()
        spikes, state = layer(each)
        (spikes.sum() + (weights * state.m).sum()).backward()
    assert torch.equal(spikes, expected[0]) and torch.equal(state.m, expected[1]) and each.grad.isfinite().all()


@pytest.mark.parametrize("read_out", ["spike", "latency"])
def test_on_the_meta_device_shapes_are_found_and_nothing_is_computed(read_out):
    layer = SHNOLayer(N, **SMALL, read_out=read_out).to("meta")
    for x in (drives(2, N), drives(5, 2, N, **DOUBLE)):
        expected, end = layer(x)
        output, state = layer(x.to("meta"))
        for one, other in zip((output, *state), (expected, *end), strict=True):
            assert one.is_meta and one.shape == other.shape and one.dtype == other.dtype


def test_the_state_follows_the_input_in_device_and_precision():
    layer, x = SHNOLayer(N, **SMALL), drives(2, N, **DOUBLE)
    _, state = layer(x)
    assert layer(x.float(), state)[1].m.dtype == torch.float32
    assert all(each.is_meta for each in layer(x.to("meta"), state)[1])


# ---- nothing hidden -------------------------------------------------------------------------------------------------


def test_reset_and_detach_of_the_layer_change_nothing_that_it_returns():
    layer, x = SHNOLayer(N, **SMALL), drives(2, N, low=0.0, high=8.0)
    expected = outputs(layer, x)
    assert layer.reset() is None and layer.detach() is None
    assert all(map(torch.equal, outputs(layer, x), expected)) and layer.reset_mode == "soft"


def test_a_detached_state_is_the_same_state_without_history():
    layer, x = SHNOLayer(N, **SMALL), drives(2, N, **DOUBLE).requires_grad_()
    _, state = layer(x)
    detached = state.detach()
    assert state.m.requires_grad and not any(each.requires_grad for each in detached)
    assert type(detached) is type(state) and all(map(torch.equal, detached, state))


# ---- processes ------------------------------------------------------------------------------------------------------


class Loss(nn.Module):
    def __init__(self):
        super().__init__()
        self.into, self.layer = network()

    def forward(self, x):
        spikes, state = self.layer(3 * self.into(x))
        return (spikes.sum(0).square().sum(-1) + state.m[..., 2].sum(-1)).mean()


def parallel_gradients(rank, processes, store, images):
    """Gradients of one of several processes, each with its share of the images."""
    torch.distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=processes)
    try:
        model = nn.parallel.DistributedDataParallel(Loss())
        model(images.chunk(processes)[rank]).backward()
        return [each.grad for each in model.parameters()]
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")  # torch's own, of its start
@pytest.mark.parametrize("processes", [1, 2])
def test_gradients_of_several_processes_are_those_of_the_whole_batch(processes, tmp_path):
    images, model = drives(6, 6, **DOUBLE), Loss()
    model(images).backward()
    context = multiprocessing.get_context("spawn")
    arguments = (processes, f"file://{tmp_path / 'store'}", images)
    others = [context.Process(target=parallel_gradients, args=(rank, *arguments)) for rank in range(1, processes)]
    for other in others:
        other.start()
    gradients = parallel_gradients(0, *arguments)
    for other in others:
        other.join()
    assert all(other.exitcode == 0 for other in others)
    for each, gradient in zip(model.parameters(), gradients, strict=True):
        assert each.grad.abs().sum() > 0
        assert torch.allclose(gradient, each.grad, rtol=1e-9, atol=1e-12)  # another order of the sum over images
