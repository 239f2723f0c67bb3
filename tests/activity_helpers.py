"""A small spiking network as models are asked to be, and what the figures' files hold of a run."""

from types import SimpleNamespace

import torch
from torch import nn

from neuromorph.datasets import Split

CONFIG = {"model": "temporal-snn", "dataset": "digits", "classes": 3, "seed": 7, "epochs": 2, "batch_size": 32}
METRICS = {"test_accuracy": 0.91, "selected_epoch": 2, "spike_rate": 0.2, "dead": 0.1, "saturated": 0.0}
METRICS["epochs"] = [
    {"epoch": k, "phase": "main", "loss": 1 / k, "train_accuracy": 0.8, "held_out_accuracy": 0.9, "seconds": 2.0}
    for k in (1, 2)
]


class Leaky(nn.Module):
    """V <- 0.9 V + x - z, z = 1 at V > 1 one step before."""

    def __init__(self, threshold=1.0):
        super().__init__()
        self.threshold = threshold

    def forward(self, x):
        membrane, membranes = torch.zeros_like(x[0]), []
        for now in x:
            membrane = 0.9 * membrane + now - (membrane > self.threshold).to(x)
            membranes.append(membrane)
        membranes = torch.stack(membranes)
        return (membranes > self.threshold).to(x), membranes


class Network(nn.Module):
    """784 - (4 x 9 x 9) - 3, two layers of `Leaky`; a pixel spikes where it exceeds a fixed pattern in time."""

    steps, classes = 12, 3

    def __init__(self, encoding="rate"):
        super().__init__()
        torch.manual_seed(3)
        self.encoding = encoding
        self.first, self.second = nn.Linear(784, 324), nn.Linear(324, 3)
        self.hidden, self.output = Leaky(), Leaky(0.5)

    def encoded(self, images, numbers=None):
        if self.encoding == "direct":
            return images.expand(self.steps, *images.shape)
        levels = torch.linspace(0.05, 0.95, self.steps)[:, None, None, None]
        return (images[None] > levels).to(images)

    def forward(self, images, numbers=None, record=False):
        x = self.encoded(images, numbers).flatten(2)
        spikes, membranes = self.hidden(4 * self.first(x).unflatten(2, (4, 9, 9)))
        out, last = self.output(4 * self.second(spikes.flatten(2)))
        kept = {"hidden": membranes, "output": last} if record else {}
        of_layers = {"hidden": spikes, "output": out}
        return SimpleNamespace(logits=out.sum(0), auxiliary=None, spikes=of_layers, membranes=kept)


def split(classes=3, each=2):
    """`each` images of every class, labels in turns, from the last class to the first."""
    labels = torch.arange(classes).flip(0).repeat(each)
    images = torch.rand(len(labels), 28, 28, generator=torch.Generator().manual_seed(5))
    return Split((255 * images).round() / 255, labels)
