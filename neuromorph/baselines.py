"""The baselines: dense, convolutional and Poisson-coded networks, of leaky integrate-and-fire neurons or of ReLU.

ann              784-256-128-K, ReLU
single-step-snn  784-256-128-K, a leaky neuron after each, one step: the last membrane is the logits
temporal-snn     the same over time, on spike trains: the last membrane averaged over time is the logits
csnn             Conv 1-32 3x3, MaxPool 2, LIF, Conv 32-64 3x3, MaxPool 2, LIF, Linear 3136-512, LIF, Linear 512-K, LIF:
                 spike counts
poisson-snn      784-128-K on spike trains, V <- V + (I - V) / tau: spike counts
"""

from itertools import pairwise

import torch
from torch import nn

from neuromorph.base import Model, Prediction, over_time, widened
from neuromorph.lif import Leaky, PoissonLIF
from neuromorph.sparse import SpikeConvPool, SpikeLinear
from neuromorph.surrogate import as_surrogate

MEAN, SD = 0.1307, 0.3081  # of the pixels of MNIST
WIDTHS = (28 * 28, 256, 128)


class Ann(Model):
    """784-256-128-K with ReLU; time and encoding have no meaning for it."""

    def __init__(self, *, classes, steps=1, encoding="direct", seed=0, recipe):
        """All parameters from torch's global generator."""
        super().__init__(classes=classes, steps=steps, encoding=encoding, seed=seed, loss=recipe.loss)
        widths = (*WIDTHS, classes)
        dense = [nn.Linear(*pair) for pair in pairwise(widths)]
        self.layers = nn.Sequential(nn.Flatten(), dense[0], nn.ReLU(), dense[1], nn.ReLU(), dense[2])

    def said(self, images, numbers, record):
        """The mean over steps of what it says of each."""
        return Prediction(over_time(self.layers, self.encoded(images, numbers)).mean(0), None, {}, {})


class Spiking(Model):
    """Blocks of ordinary layers, each followed by spiking neurons over all time steps.

    blocks : {name: module}, neurons : {name: module x (steps, ...) -> (spikes, membranes)}, of the same names
    read_out : "count" of spikes, or "membrane": the mean over time
    """

    def __init__(self, blocks, neurons, *, read_out, recipe, normalise=False, **choices):
        """Take over the parts."""
        super().__init__(loss=recipe.loss, **choices)
        self.blocks, self.neurons = nn.ModuleDict(blocks), nn.ModuleDict(neurons)
        self.read_out, self.gain, self.normalise = read_out, recipe.gain, normalise

    def said(self, images, numbers, record):
        """Block by block, each over all steps."""
        x, spikes, membranes = self.encoded(images, numbers), {}, {}
        if self.normalise and self.encoding == "direct" and images.ndim == 3:
            x = x.sub(MEAN).div(SD) if x.stride(0) else ((x[0] - MEAN) / SD).expand(x.shape)
        for name, block in self.blocks.items():
            x, mem = scanned(block, self.neurons[name], x)
            spikes[name] = x
            if record:
                membranes[name] = mem
        logits = x.sum(0) if self.read_out == "count" else mem.mean(0)
        return Prediction(self.gain * logits, None, spikes, membranes)


def scanned(block, neurons, x):
    """(spikes, membranes) of a block and its neurons over x (steps, batch, *shape); one and the same step passes the
    block once and is held, so that its gradient is summed over steps where it arises. No membrane is in bfloat16.
    """
    held = x.stride(0) == 0
    y = widened(block(x[0]) if held else over_time(block, x))
    return neurons(y, steps=len(x)) if held else neurons(y)


def leaky_of(recipe):
    """Leaky neurons as the recipe has them."""
    surrogate = as_surrogate(recipe.surrogate, slope=recipe.slope)
    return Leaky(recipe.beta, threshold=recipe.threshold, surrogate=surrogate)


def dense_snn(*, recipe, classes, **choices):
    """784-256-128-K with leaky neurons after each, read by the last membrane."""
    widths, names = (*WIDTHS, classes), ("hidden1", "hidden2", "output")
    blocks = {name: SpikeLinear(*pair) for name, pair in zip(names, pairwise(widths), strict=True)}
    blocks["hidden1"] = nn.Sequential(nn.Flatten(), blocks["hidden1"])
    neurons = {name: leaky_of(recipe) for name in names}
    return Spiking(blocks, neurons, read_out="membrane", recipe=recipe, classes=classes, **choices)


def csnn(*, recipe, classes, **choices):
    """The convolutional network, read by its spike counts."""
    blocks = {
        "conv1": nn.Sequential(nn.Unflatten(1, (1, 28)), nn.Conv2d(1, 32, 3, padding=1), nn.MaxPool2d(2)),
        "conv2": SpikeConvPool(32),
        "dense": nn.Sequential(nn.Flatten(), SpikeLinear(64 * 7 * 7, 512)),
        "output": nn.Linear(512, classes),
    }
    neurons = {name: leaky_of(recipe) for name in blocks}
    model = Spiking(blocks, neurons, read_out="count", recipe=recipe, classes=classes, normalise=True, **choices)
    return model.to(memory_format=torch.channels_last)  # pooling takes an eighth of the time, forward and backward


def poisson_snn(*, recipe, classes, **choices):
    """784-128-K of neurons V <- V + (I - V) / tau, read by spike counts."""
    blocks = {"hidden": nn.Sequential(nn.Flatten(), SpikeLinear(28 * 28, 128)), "output": nn.Linear(128, classes)}
    surrogate = as_surrogate(recipe.surrogate, slope=recipe.slope)
    neurons = {name: PoissonLIF(recipe.tau, threshold=recipe.threshold, surrogate=surrogate) for name in blocks}
    return Spiking(blocks, neurons, read_out="count", recipe=recipe, classes=classes, **choices)
