"""What a recipe and a command line choose: losses, early stopping, looks at test images, presentations."""

import pytest
import torch
from snntorch import functional
from torch import nn

from neuromorph import datasets, models, training
from neuromorph.base import Prediction
from neuromorph.datasets import Split
from neuromorph.recipes import Recipe, at, factor, recipe_of


@pytest.fixture(scope="module")
def few():
    """Training and held-out images of three digits."""
    digits = datasets.load("digits", classes=3).train
    return digits[torch.arange(0, 3000, 10)], digits[torch.arange(5, 3000, 30)]


def fitted(few, name="ann", *, recipe=None, **settings):
    torch.manual_seed(0)
    model = models.build(name, classes=3, steps=1 if name == "ann" else 3)
    usual = {"epochs": 2, "batch_size": 50, "seed": 0}
    return model, training.fit(model, *few, recipe=recipe or recipe_of(name), **usual | settings)


def test_the_rate_loss_is_snntorch_s():
    generator = torch.Generator().manual_seed(0)
    spikes = (torch.rand(7, 5, 3, generator=generator) < 0.4).float().requires_grad_()
    labels = torch.tensor([0, 2, 1, 1, 0])
    model = nn.Module()
    model.loss = "rate"
    ours = training.main_loss(
        model, Prediction(spikes.sum(0), None, {"hidden": spikes[..., :2], "out": spikes}, {}), labels
    )
    theirs = functional.ce_rate_loss()(spikes, labels)
    assert torch.allclose(ours, theirs, rtol=1e-6)  # float32, another order of the sum
    grads = [torch.autograd.grad(loss, spikes)[0] for loss in (ours, theirs)]
    assert torch.allclose(*grads, rtol=1e-5, atol=1e-8)


def test_training_stops_after_so_many_epochs_without_a_better_one(few, monkeypatch):
    scores = iter([0.5, 0.6, 0.6, 0.4, 0.9, 0.9])

    def scored(model, split, **_):
        others = dict.fromkeys(("auxiliary_accuracy", "spike_rate", "dead", "saturated"))
        return {"loss": 1.0, "accuracy": next(scores)} | others

    monkeypatch.setattr(training, "evaluate", scored)
    _, history = fitted(few, epochs=6, patience=2)
    assert len(history["records"]) == 4 and history["selected"] == 2


def test_looks_at_test_images_come_as_often_as_stated_and_change_nothing(few):
    looked = few[1][:20]
    recipe = Recipe(phases=at(1e-3), watch=4)
    model, history = fitted(few, recipe=recipe, watched=looked)
    assert [each["iteration"] for each in history["iterations"]] == [4, 8, 12]  # 6 iterations an epoch
    assert [each["epoch"] for each in history["iterations"]] == [1, 2, 2]
    assert all(
        each.keys() == {"iteration", "epoch", "loss", "test_loss", "test_accuracy"} for each in history["iterations"]
    )
    other, blind = fitted(few, recipe=recipe)
    assert blind["iterations"] == []
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in model.state_dict().items())


def test_every_presentation_has_its_own_number(few, monkeypatch):
    seen, n = [], len(few[0])
    forward = models.Model.encoded

    def watched(self, images, numbers=None):
        seen.extend(numbers.tolist())
        return forward(self, images, numbers)

    monkeypatch.setattr(models.Model, "encoded", watched)
    fitted(few, "temporal-snn")
    held = len(few[1])
    assert sorted(seen[:n]) == list(range(n, 2 * n)) and seen[n : n + held] == list(range(held))
    assert sorted(seen[n + held : 2 * n + held]) == list(range(2 * n, 3 * n))


def test_the_learning_rate_is_the_schedule_s_at_every_iteration(few, monkeypatch):
    rates, step = [], torch.optim.AdamW.step

    def watched(self, *args, **kwargs):
        rates.append(self.param_groups[0]["lr"])
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.AdamW, "step", watched)
    fitted(few)
    top = recipe_of("ann").phases[0].rate
    assert rates == [top * factor("one-cycle", (k // 6 + k % 6 / 6) / 2) for k in range(12)]


def test_bytes_are_shown_as_fractions_and_films_as_they_are():
    still = Split(torch.full((3, 28, 28), 51, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64))
    film = Split(torch.ones(3, 4, 28, 28, dtype=torch.uint8), still.labels)
    index = torch.tensor([2, 0])
    assert torch.equal(training.shown(still, index), torch.full((2, 28, 28), 0.2))
    assert torch.equal(training.shown(film, index), torch.ones(2, 4, 28, 28))


def test_a_film_moves_as_a_whole(few):
    still = few[0].images[:20]
    film = still[:, None].expand(20, 3, 28, 28)
    moved = training.augment(film, torch.Generator().manual_seed(1))
    alone = training.augment(still, torch.Generator().manual_seed(1))
    assert all(torch.allclose(moved[:, k], alone, atol=1e-6) for k in range(3))  # float32 interpolation


def test_the_spike_rate_of_each_layer_is_reported(few):
    model = fitted(few, "csnn")[0]
    found = training.evaluate(model, few[1])
    assert list(found["spike_rates"]) == ["conv1", "conv2", "dense", "output"]
    with torch.no_grad():
        prediction = model(few[1].images, torch.arange(len(few[1])))
    for name, rate in found["spike_rates"].items():
        assert rate == pytest.approx(prediction.spikes[name].double().mean().item(), rel=1e-12)  # counts
    everything = torch.cat([spikes.flatten() for spikes in prediction.spikes.values()])
    assert found["spike_rate"] == pytest.approx(everything.double().mean().item(), rel=1e-9)
