"""What PyTorch expects of a module, asked of snn.Leaky and of ours: an expected failure is a defect of its library."""

import copy
import gc
import pickle
import weakref

import pytest
import snntorch as snn
import torch
from convention_helpers import BATCH, NEURONS, STEPS, N, each_neuron, inputs, make, network, spikes_of
from neuron_helpers import pickled, saved_and_loaded
from torch import nn
from torch.utils.checkpoint import checkpoint

# What snnTorch 1.0 does instead, and how the test that asks for it fails.
COPIES = "the state keeps its history of gradients, which deepcopy refuses", RuntimeError
CLOSURES = "the surrogate is a closure, which pickle refuses", (AttributeError, pickle.PicklingError)
SINGLE = "the spike is cast to float32", AssertionError
FOR_EVER = "a class-level list holds every layer", AssertionError
SHALLOW = "utils.reset looks at direct children only", AssertionError
ALL = "utils.reset resets the layers of all networks", AssertionError
SILENT = "an empty batch passes without a word", pytest.fail.Exception


@pytest.fixture(autouse=True)
def _snntorchs_list():
    """snnTorch's list of layers as it was: it would keep those of a test."""
    before = list(snn.SpikingNeuron.instances)
    yield
    snn.SpikingNeuron.instances[:] = before


def used(name):
    """A neuron after a forward and a backward pass, and its spikes from rest."""
    neuron = make(name)
    x = inputs().requires_grad_()
    spikes = spikes_of(neuron, x)
    spikes.sum().backward()
    assert 0 < spikes.sum() < spikes.numel() and x.grad.abs().sum() > 0
    return neuron, spikes.detach()


# ---- copies ---------------------------------------------------------------------------------------------------------


@each_neuron()
def test_a_new_neuron_is_deepcopied(name):
    neuron = make(name)
    assert torch.equal(spikes_of(copy.deepcopy(neuron), inputs()), spikes_of(neuron, inputs()))


@each_neuron(snn_Leaky=COPIES)
def test_a_neuron_is_deepcopied_after_a_forward_pass_with_gradient(name):
    neuron, spikes = used(name)
    other = copy.deepcopy(neuron)
    expected = spikes_of(neuron, inputs())  # both go on from the same state
    assert torch.equal(spikes_of(other, inputs()), expected)
    NEURONS[name].reset(nn.Sequential(other))
    assert torch.equal(spikes_of(other, inputs()), spikes)


@each_neuron(snn_Leaky=CLOSURES)
@pytest.mark.parametrize("twin", [pickled, saved_and_loaded])
def test_a_used_neuron_is_pickled_and_saved_whole(name, twin):
    neuron, _ = used(name)
    other = twin(neuron)
    assert torch.equal(spikes_of(other, inputs()), spikes_of(neuron, inputs()))


@each_neuron()
def test_a_copy_is_its_own(name):
    neuron = make(name)
    other = copy.deepcopy(neuron)
    spikes = spikes_of(make(name), inputs())
    spikes_of(other, 2 * inputs())
    assert torch.equal(spikes_of(neuron, inputs()), spikes)


@each_neuron()
def test_state_dict_round_trip(name):
    model, other = network(make(name)), network(make(name))
    nn.init.constant_(other[0].weight, 0.4)
    missing = other.load_state_dict(model.state_dict())
    x = torch.rand(STEPS, BATCH, 6, generator=torch.Generator().manual_seed(1))
    assert not missing.missing_keys and not missing.unexpected_keys
    assert torch.equal(spikes_of(other[1], other[0](x)), spikes_of(model[1], model[0](x)))


@each_neuron()
def test_a_state_dict_holds_no_state_of_the_moment(name):
    neuron, _ = used(name)
    shapes = {key: value.shape for key, value in neuron.state_dict().items()}
    assert shapes == {key: value.shape for key, value in make(name).state_dict().items()}


# ---- precision ------------------------------------------------------------------------------------------------------


@each_neuron()
def test_single_precision_is_kept(name):
    x = inputs().requires_grad_()
    spikes = spikes_of(make(name), x)
    spikes.sum().backward()
    assert spikes.dtype == x.grad.dtype == torch.float32


@each_neuron(snn_Leaky=SINGLE)
def test_double_precision_is_kept(name):
    x = inputs(dtype=torch.float64).requires_grad_()
    spikes = spikes_of(make(name), x)
    spikes.sum().backward()
    assert spikes.dtype == x.grad.dtype == torch.float64


@each_neuron()
@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_autocast_is_safe(name, half):
    model = network(make(name))
    x = torch.rand(STEPS, BATCH, 6, generator=torch.Generator().manual_seed(1))
    with torch.autocast("cpu", dtype=half):
        spikes = spikes_of(model[1], model[0](x))
    spikes.sum().backward()
    assert 0 < spikes.sum() and set(spikes.unique().tolist()) <= {0.0, 1.0}
    assert model[0].weight.grad.isfinite().all() and model[0].weight.grad.abs().sum() > 0


@each_neuron()
def test_a_module_cast_to_bfloat16_still_spikes_in_zero_and_one(name):
    neuron = make(name).to(torch.bfloat16)
    spikes = spikes_of(neuron, inputs().to(torch.bfloat16))
    assert set(spikes.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(spikes.float(), spikes_of(make(name), inputs().to(torch.bfloat16)).float())


# ---- state and life -------------------------------------------------------------------------------------------------


@each_neuron()
def test_two_neurons_share_no_state(name):
    one, other = make(name), make(name)
    spikes = spikes_of(make(name), inputs())
    spikes_of(other, 2 * inputs())
    assert torch.equal(spikes_of(one, inputs()), spikes)


@each_neuron(snn_Leaky=FOR_EVER)
def test_a_neuron_is_collected_after_use(name):
    neuron, _ = used(name)
    alive = weakref.ref(neuron)
    del neuron
    gc.collect()
    assert alive() is None


@each_neuron()
def test_a_direct_child_is_reset(name):
    model = network(used(name)[0])
    NEURONS[name].reset(model)
    assert torch.equal(spikes_of(model[1], inputs()), spikes_of(make(name), inputs()))


@each_neuron(snn_Leaky=SHALLOW)
def test_a_nested_neuron_is_reset(name):
    neuron, spikes = used(name)
    NEURONS[name].reset(nn.Sequential(nn.Flatten(), nn.Sequential(nn.Identity(), nn.Sequential(neuron))))
    assert torch.equal(spikes_of(neuron, inputs()), spikes)


@each_neuron(snn_Leaky=ALL)
def test_a_reset_leaves_other_networks_alone(name):
    neuron, like = used(name)[0], used(name)[0]
    goes_on = spikes_of(like, inputs())
    NEURONS[name].reset(network(make(name)))
    assert torch.equal(spikes_of(neuron, inputs()), goes_on)


@each_neuron()
def test_without_a_reset_the_neuron_goes_on(name):
    neuron, like = used(name)[0], used(name)[0]
    assert torch.equal(spikes_of(neuron, inputs()), spikes_of(like, inputs()))


@pytest.mark.parametrize("name", ["SHNOLayer", "SHNONode"])
def test_reset_and_detach_are_methods_that_return_nothing(name):
    neuron, spikes = used(name)
    assert neuron.detach() is None and neuron.reset() is None
    assert torch.equal(spikes_of(neuron, inputs()), spikes)


# ---- batches --------------------------------------------------------------------------------------------------------


@each_neuron()
def test_batches_of_several_sizes_in_one_session(name):
    neuron = make(name)
    for batch in (3, 1, 2, 3):
        NEURONS[name].reset(nn.Sequential(neuron))
        assert torch.equal(spikes_of(neuron, inputs(batch=batch)), spikes_of(make(name), inputs(batch=batch)))


@each_neuron()
def test_batch_equals_loop(name):
    neuron, x = make(name), inputs()
    together = spikes_of(neuron, x)
    for k in range(BATCH):
        assert torch.equal(spikes_of(make(name), x[:, k : k + 1]), together[:, k : k + 1])


@each_neuron(snn_Leaky=SILENT)
def test_an_empty_batch_is_refused(name):
    with pytest.raises(ValueError, match="not empty"):
        spikes_of(make(name), torch.zeros(STEPS, 0, N))


# ---- training at large ----------------------------------------------------------------------------------------------


@each_neuron()
def test_checkpointed_gradients_are_the_same(name):
    model, x = network(make(name)), torch.rand(STEPS, BATCH, 6, generator=torch.Generator().manual_seed(1))
    weights = inputs()

    def run(x):
        NEURONS[name].reset(model)  # a recomputation starts where the first computation did
        return (weights * spikes_of(model[1], model[0](x))).sum()

    gradients = []
    for call in (run, lambda x: checkpoint(run, x, use_reentrant=False)):
        model.zero_grad()
        call(x).backward()
        gradients.append(model[0].weight.grad.clone())
    assert gradients[0].abs().sum() > 0 and torch.equal(*gradients)  # the same arithmetic


@pytest.fixture(scope="module")
def _process_group(tmp_path_factory):
    file = tmp_path_factory.mktemp("gloo") / "store"
    torch.distributed.init_process_group("gloo", init_method=f"file://{file}", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")  # torch's own, of its start
@each_neuron()
def test_distributed_data_parallel_gives_the_same_gradients(name, _process_group):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = network(make(name))

        def forward(self, x):
            return spikes_of(self.inner[1], self.inner[0](x))

    x, gradients = torch.rand(STEPS, BATCH, 6, generator=torch.Generator().manual_seed(1)), []
    for wrap in (nn.Identity(), nn.parallel.DistributedDataParallel):
        model = Model()
        parallel = wrap(model)
        parallel(x).sum().backward()
        gradients.append(model.inner[0].weight.grad)
    assert gradients[0].abs().sum() > 0 and torch.equal(*gradients)  # of one process: its own
