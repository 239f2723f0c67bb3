import copy
import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from neuromorph import datasets, models, training
from neuromorph.datasets import Split
from neuromorph.models import Prediction
from neuromorph.recipes import PHASES, recipe_of


@pytest.fixture(scope="module")
def few():
    """Training and held-out images of three digits."""
    digits = datasets.load("digits", classes=3).train
    return digits[:600], digits[600:800]


def twin(seed=0, classes=3):
    torch.manual_seed(seed)
    return models.build("hybrid-relu", classes=classes)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


# ---- augmentation ---------------------------------------------------------------------------------------------------


def test_augmented_images_keep_shape_precision_and_range(few):
    images = few[0].images[:200]
    out = training.augment(images, generator())
    assert out.shape == images.shape and out.dtype == images.dtype
    assert out.min() >= 0 and out.max() <= 1
    assert (out - images).abs().amax((1, 2)).min() > 0.1  # each one is changed
    assert torch.equal(training.augment(torch.zeros(3, 28, 28), generator()), torch.zeros(3, 28, 28))


def test_augmentation_is_a_function_of_its_generator(few):
    images = few[0].images[:50]
    first = training.augment(images, generator(3))
    torch.manual_seed(99)
    assert torch.equal(training.augment(images, generator(3)), first)
    assert not torch.equal(training.augment(images, generator(4)), first)


def test_augmentation_differs_from_image_to_image_and_moves_a_blob_as_far_as_stated():
    axis = torch.arange(28) - 13.5
    blob = torch.exp(-(axis[:, None] ** 2 + axis**2) / 8)
    out = training.augment(blob.expand(500, 28, 28), generator())
    mass = out.sum((1, 2))
    place = torch.stack([(out.sum(2) * axis).sum(1) / mass, (out.sum(1) * axis).sum(1) / mass], 1)
    # 2 pixels along each axis of the unturned and unscaled image: 2 sqrt 2 / 0.9 = 3.14
    assert 2 < place.norm(dim=1).max() < 2 * math.sqrt(2) / (1 - training.ZOOM) + 0.01
    assert (place.abs().mean(0) > 0.5).all() and (place.mean(0).abs() < 4 * 2 / math.sqrt(3 * 500)).all()  # N = 500
    area = mass / blob.sum()  # grows as 1 / zoom^2
    assert 1.1**-2 - 0.01 < area.min() < 0.9 and 1.1 < area.max() < 0.9**-2 + 0.01


# ---- an epoch -------------------------------------------------------------------------------------------------------


def test_training_lowers_the_loss_and_finds_the_digits(few):
    model = twin()
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3)
    settings = {"batch_size": 32, "auxiliary": 0.4, "generator": generator()}
    before = training.evaluate(model, few[1])
    records = [training.train_epoch(model, few[0], optimiser, **settings) for _ in range(3)]
    after = training.evaluate(model, few[1])
    assert records[-1]["loss"] < records[0]["loss"] and records[-1]["auxiliary_loss"] < records[0]["auxiliary_loss"]
    assert after["loss"] < 0.5 * before["loss"] and after["accuracy"] > 0.85 > 0.7 > before["accuracy"]
    assert records[-1]["train_accuracy"] > records[0]["train_accuracy"]


class Readable(nn.Module):
    """Logits proportional to the first pixels of an image, the other head's twice as large; one weight."""

    def __init__(self, classes=3):
        super().__init__()
        self.weight, self.classes = nn.Parameter(torch.ones(())), classes

    def forward(self, images, numbers=None):
        logits = self.weight * images[:, 0, : self.classes]
        return Prediction(logits, 2 * logits, {}, {})


def test_an_epoch_reports_means_over_images_whatever_the_batches(few, monkeypatch):
    monkeypatch.setattr(training, "augment", lambda images, generator: images)
    split = Split(torch.rand(50, 28, 28, generator=generator(1)), few[0].labels[:50])
    expected = Readable()(split.images)
    for batch_size in (50, 16, 7):  # the last batch of 16 holds 2, of 7 holds one: left out
        model, seen = Readable(), []
        still = torch.optim.SGD(model.parameters(), lr=0.0)
        settings = {"batch_size": batch_size, "auxiliary": 0.4, "generator": generator()}
        result = training.train_epoch(
            model, split, still, **settings, progress=lambda *done, seen=seen: seen.append(done)
        )
        assert seen[-1] == (50 - (batch_size == 7), 50)
        if batch_size != 7:
            assert result == pytest.approx(  # float32
                {
                    "loss": cross_entropy(expected.logits, split.labels).item(),
                    "auxiliary_loss": cross_entropy(expected.auxiliary, split.labels).item(),
                    "train_accuracy": (expected.logits.argmax(1) == split.labels).double().mean().item(),
                },
                rel=1e-5,
            )


@pytest.mark.parametrize("auxiliary", [0.0, 0.7])
def test_the_loss_is_main_plus_auxiliary_times_its_weight(few, monkeypatch, auxiliary):
    monkeypatch.setattr(training, "augment", lambda images, generator: images)
    split, model = Split(torch.rand(20, 28, 28, generator=generator(1)), few[0].labels[:20]), Readable()
    prediction = model(split.images)
    loss = cross_entropy(prediction.logits, split.labels)
    loss = loss + auxiliary * cross_entropy(prediction.auxiliary, split.labels)
    slope = torch.autograd.grad(loss, model.weight)[0].item()
    assert 0 < abs(slope) < training.GRADIENT_NORM  # not clipped
    step = torch.optim.SGD(model.parameters(), lr=1.0)
    training.train_epoch(model, split, step, batch_size=20, auxiliary=auxiliary, generator=generator())
    assert 1 - model.weight.item() == pytest.approx(slope, rel=1e-4)  # float32


def test_a_long_gradient_is_clipped(few, monkeypatch):
    monkeypatch.setattr(training, "augment", lambda images, generator: 1e3 * images)
    split, model = Split(torch.rand(20, 28, 28, generator=generator(1)), few[0].labels[:20]), Readable()
    step = torch.optim.SGD(model.parameters(), lr=1.0)
    training.train_epoch(model, split, step, batch_size=20, auxiliary=0.0, generator=generator())
    assert abs(1 - model.weight.item()) == pytest.approx(training.GRADIENT_NORM, rel=1e-3)


# ---- evaluation -----------------------------------------------------------------------------------------------------


class Stub(nn.Module):
    """Spikes, logits and auxiliary logits as given for each image; an image's first pixel is its number."""

    def __init__(self, spikes, logits, auxiliary, *, spiking=True):
        super().__init__()
        self.spikes, self.logits, self.auxiliary = spikes, logits, auxiliary
        if spiking:
            self.threshold = 0.7

    def forward(self, images, numbers=None):
        number = images[:, 0, 0].long()
        spikes = {"neurons": self.spikes[:, number]} if hasattr(self, "threshold") else {}
        return Prediction(self.logits[number], self.auxiliary[number], spikes, {})


def numbered(labels):
    labels = torch.tensor(labels)
    return Split(torch.arange(len(labels)).float()[:, None, None].expand(-1, 28, 28), labels)


def spikes_of(shares, steps=20, images=10):
    """(steps, images, neurons) of 0 and 1: neuron k spikes in this share of all its neural steps, the last first."""
    spikes = torch.zeros(images * steps, len(shares))
    for k, share in enumerate(shares):
        spikes[round((1 - share) * images * steps) :, k] = 1
    return spikes.view(images, steps, len(shares)).transpose(0, 1)


@pytest.mark.parametrize("batch_size", [1, 3, 10, 256])
def test_spike_rate_dead_and_saturated_are_as_defined(batch_size):
    shares = [0.0, 0.005, 0.5, 0.95, 0.955, 1.0, 0.0, 0.1]  # of 200: one spike is not dead, 95 % is not saturated
    model = Stub(spikes_of(shares), torch.zeros(10, 2), torch.zeros(10, 2))
    result = training.evaluate(model, numbered(10 * [0]), batch_size=batch_size)
    assert result["spike_rate"] == pytest.approx(sum(shares) / 8, rel=1e-12)  # counts, float64
    assert (result["dead"], result["saturated"]) == (2 / 8, 2 / 8)


@pytest.mark.parametrize("batch_size", [1, 4, 256])
def test_loss_and_accuracies_are_means_over_images(batch_size):
    logits = torch.tensor([[2.0, 0.0], [0.0, 3.0], [1.0, 0.0], [0.0, 1.0], [0.5, 0.0]])
    labels = [0, 1, 0, 0, 1]  # three of five right
    auxiliary = torch.tensor([[0.0, 1.0]]).expand(5, 2)  # always 1: two of five right
    model = Stub(spikes_of([0.5], 15, 5), logits, auxiliary)
    result = training.evaluate(model, numbered(labels), batch_size=batch_size)
    assert (result["accuracy"], result["auxiliary_accuracy"]) == (0.6, 0.4)
    assert result["loss"] == pytest.approx(cross_entropy(logits, torch.tensor(labels)).item(), rel=1e-6)  # float32


def test_a_model_that_does_not_spike_has_no_spike_rate():
    model = Stub(spikes_of([0.5]), torch.zeros(10, 2), torch.zeros(10, 2), spiking=False)
    result = training.evaluate(model, numbered(10 * [0]))
    assert result["spike_rate"] is result["dead"] is result["saturated"] is None and result["spike_rates"] == {}
    assert not training.is_spiking(twin()) and training.is_spiking(models.build("hybrid", classes=2))


def test_evaluation_changes_no_weight_and_no_running_mean(few):
    model = twin().train()
    before = copy.deepcopy(model.state_dict())
    first = training.evaluate(model, few[1])
    assert training.evaluate(model, few[1]) == first  # no dropout, no batch statistics
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


# ---- a training -----------------------------------------------------------------------------------------------------


def fitted(few, *, seed=0, epochs=3, model=None, on_epoch=None):
    model, recipe = twin(seed) if model is None else model, recipe_of("hybrid")
    settings = {"epochs": epochs, "batch_size": 64, "seed": seed, "on_epoch": on_epoch}
    history = training.fit(model, *few, recipe=recipe, **settings)
    return model, history["records"], history["selected"]


@pytest.mark.parametrize(
    ("scores", "selected"),  # of each epoch: held-out accuracy and loss
    [
        ([(0.5, 1.0), (0.9, 0.5), (0.7, 0.1)], 2),  # the best accuracy, not the last and not the lowest loss
        ([(0.9, 0.5), (0.9, 0.4), (0.9, 0.6)], 2),  # then the lowest loss
        ([(0.9, 0.5), (0.9, 0.5), (0.8, 0.5)], 1),  # then the first
        ([(0.1, 9.0), (0.2, 9.0), (0.3, 9.0)], 3),
    ],
)
def test_fit_leaves_the_weights_of_the_epoch_that_is_best_on_held_out_images(few, monkeypatch, scores, selected):
    coming = iter(scores)

    def scored(model, split, **_):
        assert split is few[1]  # selection sees the held-out images and no others
        accuracy, loss = next(coming)
        spiking = dict.fromkeys(("auxiliary_accuracy", "spike_rate", "dead", "saturated"))
        return {"loss": loss, "accuracy": accuracy} | spiking

    monkeypatch.setattr(training, "evaluate", scored)
    model, weights, best = twin(), [], []

    def keep(record, is_best, state):
        weights.append(copy.deepcopy(model.state_dict()))
        best.append(is_best)

    _, records, chosen = fitted(few, model=model, on_epoch=keep)
    assert chosen == selected and [record["epoch"] for record in records] == [1, 2, 3]
    assert all(torch.equal(value, weights[selected - 1][name]) for name, value in model.state_dict().items())
    assert [k for k, flag in enumerate(best, start=1) if flag][-1] == selected
    assert [record["held_out_accuracy"] for record in records] == [accuracy for accuracy, _ in scores]


def test_selected_epoch_scores_as_its_record_says(few):
    model, records, selected = fitted(few)
    held = training.evaluate(model, few[1])
    assert held["accuracy"] == records[selected - 1]["held_out_accuracy"]
    assert held["loss"] == records[selected - 1]["held_out_loss"]
    assert held["accuracy"] == max(record["held_out_accuracy"] for record in records)


def test_each_epoch_is_trained_at_its_phases_rate_and_weight(few, monkeypatch):
    seen = []

    def stand_in(model, split, optimiser, *, auxiliary, rate, **_):
        assert split is few[0]
        seen.append((rate(0.5), auxiliary))
        return {"loss": 1.0, "auxiliary_loss": 1.0, "train_accuracy": 0.5}

    monkeypatch.setattr(training, "train_epoch", stand_in)
    _, records, _ = fitted(few, epochs=4)
    warm, main, fine = PHASES
    assert seen == [(phase.rate, phase.auxiliary) for phase in (warm, main, main, fine)]
    assert [record["phase"] for record in records] == ["warm-up", "main", "main", "fine-tuning"]


def test_a_seed_gives_the_same_weights_and_another_seed_others(few):
    (first, one, _), (again, two, _) = fitted(few), fitted(few)
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in first.state_dict().items())
    timeless = [[{name: value for name, value in r.items() if name != "seconds"} for r in each] for each in (one, two)]
    assert timeless[0] == timeless[1]
    shuffled, *_ = fitted(few, seed=1, model=twin(seed=0))  # the same first weights in another order of images
    assert not torch.equal(shuffled.auxiliary.weight, first.auxiliary.weight)


def test_a_record_of_an_epoch_holds_what_a_run_promises(few):
    record = fitted(few, epochs=1)[1][0]
    own = {"epoch", "phase", "seconds", "loss", "auxiliary_loss", "train_accuracy", "spike_rate", "dead", "saturated"}
    own |= {"held_out_loss", "held_out_accuracy", "held_out_auxiliary_accuracy"}
    assert record.keys() == own and record["seconds"] > 0
