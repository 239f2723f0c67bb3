"""Hybrids trained for a moment on the digits 0 to 3, in either regime, and the drives that test images make in them."""

from functools import cache

import torch
from torch.nn.functional import cross_entropy

from neuromorph import datasets, models
from neuromorph.regimes import regime
from neuromorph.training import GRADIENT_NORM, evaluate

CLASSES, IMAGES, BATCH, RATE, AUXILIARY = 4, 640, 32, 5e-3, 0.4
EPOCHS = 4
RECIPE = f"{IMAGES} images of the digits 0 to {CLASSES - 1}, {EPOCHS} epochs of AdamW, {RATE:g} falling to 0"


@cache
def digits():
    """(training images drawn once, all test images), Splits."""
    data = datasets.load("digits", classes=CLASSES)
    return data.train[torch.randperm(len(data.train), generator=torch.Generator().manual_seed(1))[:IMAGES]], data.test


def settings_of(name, **changes):
    """A regime's settings without the number of neural steps, which is the hybrid's own."""
    return {key: value for key, value in regime(name).items() if key != "n_steps"} | changes


def train(neurons, seed, epochs=EPOCHS):
    """The hybrid on these neurons from the weights of a seed, trained; it evaluates."""
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = models.Hybrid(neurons, CLASSES).train()
        optimiser, order = torch.optim.AdamW(model.parameters(), lr=RATE), torch.Generator().manual_seed(seed)
        fall = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.02, epochs * IMAGES // BATCH)
        for _ in range(epochs):
            for images, labels in datasets.batches(digits()[0], BATCH, generator=order):
                prediction = model(images)
                loss = cross_entropy(prediction.logits, labels)
                loss = loss + AUXILIARY * cross_entropy(prediction.auxiliary, labels)
                optimiser.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_NORM)
                optimiser.step()
                fall.step()
    return model.eval()


@cache
def trained(name, seed=0):
    """The hybrid in a regime's own settings, trained."""
    return train(models.SHNONeurons(**settings_of(name)), seed)


def accuracy(model):
    """The main head's share of all test images."""
    return evaluate(model, digits()[1])["accuracy"]


@torch.no_grad()
def real_drives(name, count):
    """Inputs (15, count, 60), in units of the critical torque, that the first `count` of shuffled test images make."""
    test = digits()[1]
    chosen = torch.randperm(len(test), generator=torch.Generator().manual_seed(2))[:count]
    return trained(name).drive(test.images[chosen]).double()
