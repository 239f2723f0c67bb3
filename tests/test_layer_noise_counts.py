import copy
import io
import pickle

import numpy as np
import pytest
import torch
from layer_noise_helpers import ALL, SHORT, added, layer_of, same
from neuron_helpers import drives
from torch.utils.checkpoint import checkpoint

from neuromorph import Noise, SHNOLayer
from neuromorph.adapters import SHNOCell, SHNOLeaky
from neuromorph.noise import EVALUATION
from neuromorph.record import record

PARTS = ("temperature", "offset", "common", "correlated")


def test_batch_equals_loop():
    layer, x = layer_of(), drives(6, 4)
    whole, end = layer(x)
    loop = layer_of()
    for k, size in ((0, 1), (1, 3), (4, 2)):
        spikes, state = loop(x[k : k + size])
        assert torch.equal(spikes, whole[:, k : k + size])
        assert same(state, [each[k : k + size] for each in end])
    assert layer.inferences.tolist() == loop.inferences.tolist() == [6, 0]


def test_any_split_of_time_is_one_long_call():
    x = drives(7, 5, 4)
    whole, end = layer_of()(x)
    for cuts in ((3,), (1, 2, 5), range(1, 7)):
        layer, state, pieces = layer_of(), None, []
        for part in torch.tensor_split(x, tuple(cuts)):
            spikes, state = layer(part, state)
            pieces.append(spikes)
        assert torch.equal(torch.cat(pieces), whole) and same(state, end)
        assert layer.inferences[0] == 5  # a call that goes on begins none


@pytest.mark.parametrize("start", [65536 - 2, 3 * 65536 - 1, (1 << 38) - 3])
def test_batch_equals_loop_where_the_inferences_outgrow_a_realisation(start):
    x, gradients = drives(5, 4, low=1.5, dtype=torch.float64), []  # not below 0 in all: clipped
    for sizes in ((5,), (1, 1, 1, 1, 1)):
        layer, inputs = layer_of(), x.clone().requires_grad_()
        layer.inferences[0] = start
        pieces = [layer(each)[1].m for each in inputs.split(sizes)]
        m = torch.cat(pieces)
        m[..., 0].sum().backward()
        gradients.append((m.detach(), inputs.grad))
    assert same(*gradients) and gradients[0][1].abs().min() > 0


def test_no_inference_repeats_another():
    numbers = (0, 1, 65536, 65537, 1 << 32, EVALUATION, EVALUATION + 65536)
    layer = layer_of()
    state = layer.initial_state(len(numbers), torch.zeros(1))
    state = state._replace(inference=torch.tensor(numbers))
    m = layer(torch.zeros(len(numbers), 4), state)[1].m
    for k in range(len(numbers)):
        assert (m[k] != m[:k]).all(dim=-1).all()


def test_a_seed_that_is_used_up_says_so():
    layer = layer_of()
    layer.inferences[0] = EVALUATION - 3
    layer(drives(3, 4))
    with pytest.raises(ValueError, match=r"inferences must be at most 2\^39, got .* another seed"):
        layer(drives(1, 4))
    state = layer.initial_state(0, torch.zeros(1))
    endless = type(state)(torch.ones(1, 4, 3), *(torch.zeros(1, 4).bool(), torch.zeros(1, 4).long()),
                          torch.zeros(1).long(), torch.tensor([2**36 // 50]))  # fmt: skip
    with pytest.raises(ValueError, match=r"an inference must be at most 2\^36 steps"):
        layer(drives(1, 4), endless)


def test_a_neuron_hears_the_same_noise_whatever_the_number_of_neurons():
    for part, atol in (("offset", 0), ("common", 0), ("correlated", 1e-6)):  # that one's factor is rounded
        noise = Noise(**{part: 1.0}, length=3.0, seed=4)
        few, many = added(noise, 5, 2, 18), added(noise, 5, 2, 41)
        assert np.allclose(few, many[..., :18], rtol=0, atol=atol)
    m = [layer_of(n, offset=0.0, common=0.0, correlated=0.0)(torch.zeros(3, n))[1].m[:, :18] for n in (18, 41)]
    assert torch.equal(*m)


def test_a_seed_repeats_the_noise_and_another_does_not():
    x = drives(3, 4)
    m = [layer_of(seed=seed)(x)[1].m for seed in (7, 7, 8)]
    assert torch.equal(m[0], m[1]) and (m[0] != m[2]).all()


def test_single_precision_hears_the_noise_of_double():
    x = drives(3, 4)
    single, double = layer_of()(x)[1].m, layer_of()(x.double())[1].m
    assert torch.allclose(single.double(), double, rtol=0, atol=1e-4)  # 150 steps, a turn at most


# ---- switches and counts --------------------------------------------------------------------------------------------


def test_noise_of_size_zero_is_no_noise():
    x = drives(3, 4).requires_grad_()
    results = []
    for noise in (None, Noise(), Noise(seed=3)):
        spikes, state = SHNOLayer(4, **SHORT, noise=noise)(x)
        results.append((spikes, state.m, torch.autograd.grad(spikes.sum() + state.m.sum(), x)[0]))
    assert same(results[0], results[1]) and same(results[0], results[2])


def test_noise_is_switched_by_the_mode():
    x, quiet = drives(3, 4), SHNOLayer(4, **SHORT)
    plain = quiet(x)[1].m
    for switch, noisy_mode in (("evaluate", True), ("train", False)):
        layer = layer_of(**{switch: False})
        assert torch.equal(layer.train(not noisy_mode)(x)[1].m, plain)
        assert (layer.train(noisy_mode)(x)[1].m != plain).all()


@pytest.mark.parametrize("part", PARTS)
def test_each_part_is_switched_by_itself(part):
    x = drives(3, 4)
    others = tuple(each for each in PARTS if each != part)
    off = layer_of(evaluate=others).eval()(x)[1].m
    without = layer_of(**{part: 0.0}).eval()(x)[1].m
    assert torch.equal(off, without) and (off != layer_of().eval()(x)[1].m).all()


def test_evaluation_begins_anew_and_leaves_the_training_alone():
    x, layer = drives(4, 3, 4), layer_of()
    first = layer.eval()(x[0])[1].m
    later = layer(x[0])[1].m
    assert (first != later).all() and torch.equal(layer.eval()(x[0])[1].m, first)
    layer.train()
    trained = [layer(x[k])[1].m for k in (0, 1)]
    layer.eval()(x[0])
    layer.train()
    trained.append(layer(x[2])[1].m)
    plain = layer_of()
    assert same(trained, [plain(x[k])[1].m for k in range(3)])
    assert (trained[0] != first).all()  # nothing that was trained on


def test_a_resumed_training_goes_on_with_the_noise():
    x, layer = drives(3, 2, 4), layer_of()
    layer(x[0])
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    resumed = layer_of()
    resumed.load_state_dict(torch.load(file))
    assert torch.equal(resumed(x[1])[1].m, layer(x[1])[1].m)
    SHNOLayer(4, **SHORT).load_state_dict(layer.state_dict())  # with noise or without: the same state_dict


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_copy_hears_the_same_noise(twin):
    layer, x = layer_of(positions=np.eye(4)), drives(3, 4)
    layer(x)
    other = twin(layer)
    assert other.noise == layer.noise and torch.equal(layer(x)[1].m, other(x)[1].m)


def test_what_is_computed_twice_with_a_state_is_the_same():
    layer, gradients = layer_of(), []
    state = layer.initial_state(3, torch.zeros(1))
    for run in (lambda x: layer(x, state)[1].m, lambda x: checkpoint(lambda y: layer(y, state)[1].m, x,
                                                                     use_reentrant=False)):  # fmt: skip
        x = drives(3, 4, low=0.0).requires_grad_()
        run(x)[..., 0].sum().backward()
        gradients.append(x.grad)
    assert torch.equal(*gradients)


def test_adapters_count_an_inference_from_reset_to_reset_and_go_on_between():
    noise, x = Noise(**ALL), drives(4, 3, 4)
    whole = layer_of()(x)[1]
    leaky, cell = SHNOLeaky(4, neural_step=0.1e-9, noise=noise), SHNOCell(4, neural_step=0.1e-9, noise=noise)
    state = mem = None
    for each in x:
        _, mem = leaky(each, mem)
        _, state = cell(each, state)
    assert torch.equal(mem, whole.m[..., 1]) and same(state, whole)
    leaky.reset_mem()
    leaky(x[0])
    assert leaky.layer.inferences[0] == 6


def test_a_record_is_the_path_of_the_noisy_layer():
    layer, x = SHNOLayer(3, neural_step=0.1e-9, noise=Noise(**ALL), refractory=1), drives(4, 2, 3, high=14.0)
    run = record(layer, x, save_every=10)
    layer.inferences.zero_()
    state = layer.initial_state(2, x)
    for k in range(4):
        spikes, state = layer.step(x[k], state)
        quiet = (spikes == 0).numpy()
        assert np.array_equal(run.m[10 * (k + 1) // 2][quiet], state.m.numpy()[quiet]) and quiet.any()
    assert run.temperature == 300.0 and run.seed == 7 and run.m.shape == (21, 2, 3, 3)
