import copy

import pytest
import torch
from torch import nn

from neuromorph import datasets, hybrid, models, training

CLASSES = 4


def images(n, seed=0):
    return torch.rand(n, 28, 28, generator=torch.Generator().manual_seed(seed))


def built(name, classes=CLASSES, seed=0):
    """A model with seeded weights, in evaluation mode."""
    torch.manual_seed(seed)
    return models.build(name, classes=classes).eval()


class Given(nn.Module):
    """In place of the neurons: these spikes and this final value, whatever the drive."""

    def __init__(self, spikes, final):
        super().__init__()
        self.spikes, self.final = spikes, final

    def forward(self, x):
        return self.spikes, self.final


def given(n=6, seed=0):
    """Spikes (15, n, 60) of 0 and 1, a final value (n, 60), seeded."""
    generator = torch.Generator().manual_seed(seed)
    spikes = torch.rand(models.N_STEPS, n, models.NEURONS, generator=generator) < 0.3
    return spikes.float(), 2 * torch.rand(n, models.NEURONS, generator=generator) - 1


DENSE = ("hybrid", "hybrid-relu", "hybrid-lif")
each = pytest.mark.parametrize("name", DENSE)


@each
def test_network_is_the_one_that_is_stated(name):
    model = built(name)
    linear = [(m.in_features, m.out_features) for m in model.modules() if isinstance(m, nn.Linear)]
    assert linear == [(784, 256), (256, 128), (128, 60), (60, 60), (60, CLASSES), (60, CLASSES)]
    assert [m.p for m in model.modules() if isinstance(m, nn.Dropout)] == [0.2, 0.3]
    assert [m.num_features for m in model.modules() if isinstance(m, nn.BatchNorm1d)] == [60]
    assert (models.N_STEPS, models.NEURONS) == (15, 60)


@pytest.mark.parametrize("classes", [2, 10])
@pytest.mark.parametrize("name", models.TWINS["hybrid"])
def test_twins_have_the_same_parameters_and_the_same_first_weights(name, classes):
    hybrid, twin = built("hybrid", classes), built(name, classes)
    assert sum(p.numel() for p in hybrid.parameters()) == sum(p.numel() for p in twin.parameters())
    ours, theirs = hybrid.state_dict(), twin.state_dict()
    assert ours.keys() - theirs.keys() == {"neurons.layer.inferences", "neurons.layer.chip"}  # of the layer, no weights
    assert theirs and all(torch.equal(ours[key], theirs[key]) for key in theirs)


@each
@pytest.mark.parametrize("classes", [2, 10])
def test_prediction_has_logits_of_both_heads_and_spikes_time_first(name, classes):
    prediction = built(name, classes)(images(5))
    assert prediction.logits.shape == prediction.auxiliary.shape == (5, classes)
    assert {layer: spikes.shape for layer, spikes in prediction.spikes.items()} == (
        {} if name == "hybrid-relu" else {"neurons": (15, 5, 60)}
    )
    assert prediction.membranes == {}


def test_spikes_are_0_or_1_and_the_relu_twin_is_rectified():
    x = 10 * images(8)  # brighter, so that an untrained network drives its neurons
    for name in ("hybrid", "hybrid-lif"):
        assert built(name)(x).spikes["neurons"].unique().tolist() == [0, 1]
    twin = built("hybrid-relu")
    made, final = twin.neurons(twin.drive(x))
    assert torch.equal(made, twin.drive(x).relu()) and torch.equal(final, made[-1])


@pytest.mark.parametrize("name", [*DENSE, "hybrid-csnn"])
def test_a_recorded_prediction_is_the_same_and_has_the_membranes_of_every_step(name):
    model, x = built(name), 10 * images(3)
    with torch.no_grad():
        plain, recorded = model(x), model(x, record=True)
        assert torch.equal(plain.logits, recorded.logits)  # exact: the same arithmetic
        assert torch.equal(plain.auxiliary, recorded.auxiliary)
        if name == "hybrid-relu":
            assert recorded.membranes == {}
            return
        assert recorded.membranes["neurons"].shape == (15, 3, 60)
        _, final = model.neurons(model.drive(x))
    assert torch.equal(recorded.membranes["neurons"][-1], final)


def test_the_convolutional_front_has_32_and_64_channels():
    model = built("hybrid-csnn", 10)
    found = [(m.in_channels, m.out_channels, m.kernel_size) for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert found == [(1, 32, (3, 3)), (32, 64, (3, 3))]
    assert model.drive(images(2)).shape == (15, 2, 60)


def test_spike_trains_reach_the_neurons_step_by_step():
    torch.manual_seed(0)
    model = models.build("hybrid-lif", classes=3, encoding="bernoulli", steps=6).eval()
    numbers = torch.tensor([7, 3])
    x, shown = images(2), model.encoded(images(2), numbers)
    with torch.no_grad():
        modulation = 1 + model.strength @ model.waves
        expected = torch.stack([modulation[t] * model.encoder(shown[t]) for t in range(6)])
        assert torch.allclose(model.drive(x, numbers), expected, rtol=1e-4, atol=1e-5)  # float32 products
    assert not torch.equal(expected[0], expected[1])


def test_drive_is_the_encoding_modulated_on_a_fast_and_a_slow_scale():
    model, x = built("hybrid"), images(3)
    code = model.encoder(x)
    with torch.no_grad():
        model.strength.zero_()
        assert torch.equal(model.drive(x), code.expand(15, 3, 60))  # exact: times 1
        for k, period in enumerate((hybrid.FAST, hybrid.SLOW)):
            model.strength.copy_(torch.eye(2)[k])
            factor = 1 + torch.sin(2 * torch.pi * torch.arange(15) / period)
            assert torch.allclose(model.drive(x), factor[:, None, None] * code, rtol=1e-5, atol=1e-6)  # float32
    assert hybrid.FAST < hybrid.SLOW <= models.N_STEPS


def test_late_spikes_count_more():
    assert (built("hybrid").time_weights.diff() > 0).all()


@each
def test_all_parameters_learn_from_both_heads(name):
    model = built(name).train()
    prediction = model(10 * images(8))
    (prediction.logits.square().sum() + prediction.auxiliary.square().sum()).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


# ---- no back door ---------------------------------------------------------------------------------------------------


def test_main_head_sees_spikes_only():
    model, (spikes, final) = built("hybrid"), given()
    final.requires_grad_()
    model.neurons = Given(spikes, final)
    logits = model(images(6)).logits
    grad = torch.autograd.grad(logits.sum(), final, allow_unused=True)[0]
    assert grad is None
    model.neurons = Given(spikes, -final.detach())
    assert torch.equal(model(images(6)).logits, logits)  # exact: m_y does not enter
    model.neurons = Given(1 - spikes, final.detach())
    assert not torch.allclose(model(images(6)).logits, logits)


def test_main_head_sees_the_image_through_the_spikes_alone():
    model, (spikes, final) = built("hybrid"), given()
    model.neurons = Given(spikes, final)
    assert torch.equal(model(images(6, seed=1)).logits, model(images(6, seed=2)).logits)


def test_main_head_sees_the_weighted_count_of_each_neuron():
    model, (spikes, final) = built("hybrid"), given()
    model.neurons = Given(spikes, final)
    counts = sum(w * s for w, s in zip(model.time_weights, spikes, strict=True))
    assert torch.allclose(model(images(6)).logits, model.main(counts), rtol=1e-4, atol=1e-6)  # float32, order of a sum


def test_auxiliary_head_sees_the_final_m_y_alone():
    model, (spikes, final) = built("hybrid"), given()
    model.neurons = Given(spikes, final)
    auxiliary = model(images(6)).auxiliary
    model.neurons = Given(0 * spikes, final)
    assert torch.equal(model(images(6)).auxiliary, auxiliary)
    model.neurons = Given(spikes, -final)
    assert not torch.allclose(model(images(6)).auxiliary, auxiliary)


def test_auxiliary_head_of_the_hybrid_is_given_m_y_at_the_end():
    model, x = built("hybrid"), images(3)
    prediction = model(x)
    _, state = model.neurons.layer(model.drive(x))
    assert torch.equal(prediction.auxiliary, model.auxiliary(state.m[..., 1]))  # same arithmetic


@pytest.fixture(scope="module")
def trained():
    """A hybrid that tells 0 from 1, its test images (balanced) and its predictions of them."""
    data = datasets.load("digits", classes=2)
    few, test = data.train[torch.arange(0, 2000, 10)], data.test
    torch.manual_seed(0)
    model = models.build("hybrid", classes=2)
    optimiser, generator = torch.optim.AdamW(model.parameters(), lr=2e-3), torch.Generator().manual_seed(0)
    for _ in range(2):
        training.train_epoch(model, few, optimiser, batch_size=20, auxiliary=0.4, generator=generator)
    with torch.no_grad():
        return model, test, model.eval()(test.images)


def test_without_its_spikes_a_trained_main_head_is_at_chance(trained):
    model, test, prediction = trained

    def accuracy(spikes):
        with torch.no_grad():
            blind = copy.copy(model)
            blind._modules = model._modules | {"neurons": Given(spikes, torch.zeros(len(test), 60))}
            return (blind(test.images).logits.argmax(1) == test.labels).double().mean().item()

    order = torch.randperm(len(test), generator=torch.Generator().manual_seed(1))
    assert torch.bincount(test.labels).tolist() == [400, 400]
    spikes = prediction.spikes["neurons"]
    assert accuracy(spikes) > 0.95
    assert accuracy(torch.zeros_like(spikes)) == 0.5  # exact: one answer for all, the classes are balanced
    # shuffled over images: N = 800, standard error 0.5 / 800^0.5 = 0.018
    assert abs(accuracy(spikes[:, order]) - 0.5) < 4 * 0.018


# ---- names, seeds, copies -------------------------------------------------------------------------------------------


@each
def test_a_seed_gives_the_same_bits_and_another_seed_others(name):
    x = images(4)
    first, again, other = (built(name, seed=seed)(x) for seed in (1, 1, 2))
    assert torch.equal(first.logits, again.logits) and torch.equal(first.auxiliary, again.auxiliary)
    assert not torch.equal(first.auxiliary, other.auxiliary)


@each
def test_an_image_is_judged_alike_in_any_batch(name):
    model, x = built(name), images(9)
    whole = model(x).logits
    alone = torch.cat([model(x[k : k + 1]).logits for k in range(9)])
    assert torch.allclose(whole, alone, rtol=1e-4, atol=1e-5)  # float32 products sum in another order


@each
def test_copies_after_a_backward_pass_predict_alike(name):
    model, x = built(name), images(4)
    logits = model(x).logits
    logits.sum().backward()
    assert torch.equal(copy.deepcopy(model)(x).logits, logits)
    other = built(name, seed=5)
    other.load_state_dict(model.state_dict())
    assert torch.equal(other(x).logits, logits)
