"""What a network does for an image: spikes, sparsity, operations; its size and confusion matrix. Names of NeuroBench.

Counted in one pass over a data set, by forward hooks on the layers with weights, on ReLUs and on oscillators:
synaptic operations    one for each input that is not 0 and each weight that is not 0 which it meets ("Effective"): an
    accumulate (AC) in a layer all of whose inputs are 0 or 1 over the whole data set, else a multiply-accumulate
    (MAC); and one for each input and weight ("Dense"). A layer that sees the same input in each step works once, and
    is counted once. Normalisations (at inference they are part of the weights before them), pooling, biases and the
    weights over time are not counted.
membrane updates       one for each leaky neuron and step; the oscillators' state is their magnetisation, which nobody
    computes
activation sparsity    share of zeros in what spiking neurons and ReLUs put out
Source : Yik et al., NeuroBench, Nat. Commun. 16, 1545 (2025); github.com/NeuroBench/neurobench
"""

from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.functional import conv2d

from neuromorph.activity import SATURATED
from neuromorph.datasets import batches
from neuromorph.models import ReLUNeurons
from neuromorph.neuron import SHNOLayer


class Firing(NamedTuple):
    """How neurons fire over a data set.

    spike_rate : 1       neural steps with a spike / (neurons x neural steps x images)
    dead : 1             fraction of neurons without a spike
    saturated : 1        fraction with a spike in more than 95 % of their neural steps
    neurons, steps : int
    """

    spike_rate: float
    dead: float
    saturated: float
    neurons: int
    steps: int


class SynapticOperations(NamedTuple):
    """Synaptic operations an image: those that count, multiply-accumulates and accumulates, and all there could be."""

    Effective_MACs: float
    Effective_ACs: float
    Dense: float


class Workload(NamedTuple):
    """What a network does, over a data set.

    images : int
    accuracy, auxiliary_accuracy : 1   of the main head; of the auxiliary one, None without
    confusion : (classes, classes), int64    rows are true classes, columns answers
    firing : dict                      {layer: Firing}, in order of depth; {} where nothing spikes
    total : Firing | None              of all layers' neurons together
    activation_sparsity : 1 | None     None where there is neither a spike nor a ReLU
    synaptic_operations : SynapticOperations   an image
    membrane_updates : float           an image
    """

    images: int
    accuracy: float
    auxiliary_accuracy: float | None
    confusion: torch.Tensor
    firing: dict
    total: Firing | None
    activation_sparsity: float | None
    synaptic_operations: SynapticOperations
    membrane_updates: float


def footprint(model):
    """Bytes of a model's parameters and buffers."""
    return sum(each.numel() * each.element_size() for each in (*model.parameters(), *model.buffers()))


def confusion_matrix(labels, answers, classes):
    """How often images of class i (rows) were taken for class j (columns).

    labels, answers : (n,) int64 tensors in [0, classes)
    Returns : (classes, classes) int64
    Raises : ValueError for another class, or another number of answers
    """
    if labels.shape != answers.shape:
        got = f"{len(answers)} for {len(labels)} labels"
        raise ValueError(f"answers must be one for each label, got {got}. They go in pairs.")
    for name, each in (("labels", labels), ("answers", answers)):
        if len(each) and not 0 <= int(each.min()) <= int(each.max()) < classes:
            got = f"{int(each.min())} to {int(each.max())}"
            raise ValueError(f"{name} must be in [0, {classes - 1}], got {got}. Correct the number of classes.")
    return torch.bincount(labels * classes + answers, minlength=classes**2).reshape(classes, classes)


@torch.no_grad()
def workload(model, split, *, batch_size=128, progress=None):
    """Everything that is counted, in one pass: a `Workload`. The model is in evaluation mode afterwards.

    model : called as model(images, numbers) -> models.Prediction; number k is that of image k of the split
    split : datasets.Split
    progress : callable     progress(images done, images in all)
    Raises : ValueError for an empty split
    """
    if not len(split):
        raise ValueError("split must hold an image, got none. Choose other data.")
    model.eval()
    tally, answers, beside = _Tally(), [], []
    with _watched(model, tally):
        for images, labels in batches(split, batch_size):
            done = tally.images
            numbers = torch.arange(done, done + len(labels), device=labels.device)
            prediction = model(images, numbers)
            tally.batch(prediction, len(labels))
            answers.append(prediction.logits.argmax(1))
            beside += [] if prediction.auxiliary is None else [prediction.auxiliary.argmax(1)]
            if progress is not None:
                progress(tally.images, len(split))
    labels, answers, classes = split.labels.cpu(), torch.cat(answers).cpu(), prediction.logits.shape[1]
    confusion = confusion_matrix(labels, answers, classes)
    auxiliary = (torch.cat(beside).cpu() == labels).double().mean().item() if beside else None
    return Workload(len(split), confusion.trace().item() / len(split), auxiliary, confusion, *tally.results())


def firing_of(counts, looked, steps):
    """The Firing of neurons that spiked in `counts` of the `looked` neural steps x images of each; counts any shape."""
    share = counts.flatten().double() / looked
    means = (each.double().mean().item() for each in (share, share == 0, share > SATURATED))
    return Firing(*means, len(share), steps)


def operations(layer, x):
    """(effective, dense) synaptic operations of a Linear or Conv2d on its input x, for all items together."""
    weights = layer.weight != 0
    if isinstance(layer, nn.Linear):
        used = (x != 0).reshape(-1, layer.in_features).sum(0)
        return int(used.cpu() @ weights.sum(0).cpu()), x.numel() * layer.out_features
    call = (None, layer.stride, layer.padding, layer.dilation, layer.groups)
    like = layer.weight.dtype

    def summed(present):  # over the outputs of each group, before the convolution: as many terms, less work
        return present.to(like).unflatten(0, (layer.groups, -1)).sum(1)

    def total(present, weights):  # an item's products in like's precision, their sum in float64
        return int(conv2d(present.to(like), summed(weights), *call).flatten(1).sum(1).cpu().double().sum())

    return total(x != 0, weights), total(torch.ones_like(x[:1]), torch.ones_like(weights)) * len(x)


class _Tally:
    """Counts over the batches so far."""

    def __init__(self):
        self.images, self.spikes, self.steps, self.shapes = 0, {}, {}, {}
        self.layers = {}  # layer -> [effective operations, all of them, whether its inputs are all 0 or 1]
        self.zeros = self.activations = self.of_oscillators = 0

    def connection(self, layer, inputs, _):
        """After a layer with weights."""
        x = inputs[0].detach()
        effective, dense = operations(layer, x)
        seen = self.layers.setdefault(layer, [0, 0, True])
        seen[0] += effective
        seen[1] += dense
        seen[2] = seen[2] and bool(((x == 0) | (x == 1)).all())

    def activation(self, _, __, output):
        """After a ReLU."""
        self.zero(output[0] if isinstance(output, tuple) else output)

    def oscillators(self, _, __, output):
        """After an SHNO layer: (steps, batch, n)."""
        self.of_oscillators += output[0].numel()

    def zero(self, values):
        self.zeros += values.numel() - int(values.count_nonzero())
        self.activations += values.numel()

    def batch(self, prediction, images):
        """After a batch."""
        self.images += images
        for name, spikes in prediction.spikes.items():
            self.spikes[name] = self.spikes.get(name, 0) + (spikes > 0).sum((0, 1)).cpu()
            self.steps[name] = len(spikes)
            self.zero(spikes)

    def results(self):
        """The fields of a Workload from `firing` on."""
        firing = {k: firing_of(n, self.images * self.steps[k], self.steps[k]) for k, n in self.spikes.items()}
        sums = [sum(n for n, _, binary in self.layers.values() if binary == which) for which in (False, True)]
        operations = SynapticOperations(*(n / self.images for n in (*sums, sum(n for _, n, _ in self.layers.values()))))
        updates = self.images * sum(each.neurons * each.steps for each in firing.values()) - self.of_oscillators
        sparsity = self.zeros / self.activations if self.activations else None
        return firing, together(firing), sparsity, operations, updates / self.images


def together(firing):
    """The Firing of all layers' neurons as one: a neuron counts for as many as its neural steps in the rate."""
    if not firing:
        return None
    neurons = sum(each.neurons for each in firing.values())
    looked = sum(each.neurons * each.steps for each in firing.values())
    rate = sum(each.spike_rate * each.neurons * each.steps for each in firing.values()) / looked
    dead, saturated = (
        sum(getattr(each, name) * each.neurons for each in firing.values()) / neurons for name in ("dead", "saturated")
    )
    return Firing(rate, dead, saturated, neurons, max(each.steps for each in firing.values()))


@contextmanager
def _watched(model, tally):
    """Hooks of a tally on a model's layers, for as long as this lasts."""
    watches = (
        ((nn.Linear, nn.Conv2d), tally.connection),
        ((nn.ReLU, ReLUNeurons), tally.activation),
        (SHNOLayer, tally.oscillators),
    )
    hooks = [
        module.register_forward_hook(watch)
        for module in model.modules()
        for kinds, watch in watches
        if isinstance(module, kinds)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
