"""Training iterations of the spiking classifiers: ours, fused over time, against the plain loop over its steps.

The plain sides are written as one writes them: for each step the layers one after another, `snn.Leaky` or the LIF
equation in torch, spikes from `spikegen.rate` or a comparison with uniform numbers, the models' losses. Ours has the
dense and convolutional parts once over all steps and images (the first convolution of `csnn`, whose image is held, once
over images), `lif` in between and Bernoulli trains from `encoding`. Both train the same weights on the same digits in
float32 with the same precision setting of products, "medium": oneDNN's kernels in place of MKL's, at float32 accuracy
on the processors measured. What differs is summation order, so that agreement is looked at in float64, where no spike
flips: the loss and its gradient on the same trains.
"""

from contextlib import contextmanager
from functools import cache, partial
from itertools import pairwise
from statistics import median
from time import perf_counter

import snntorch as snn
import torch
from snntorch import spikegen, surrogate
from torch import nn
from torch.nn.functional import cross_entropy

from neuromorph import datasets, models
from neuromorph.encoding import encode
from neuromorph.lif import Leaky, PoissonLIF
from neuromorph.surrogate import Arctan, FastSigmoid
from shno import command
from validation import speed_training
from validation.speed_system import Row, agree, interleaved, ratio

BATCH, STEPS, BETA, TAU = 128, 100, 0.9, 2.0
AGREEMENT = 1e-9  # relative, float64: rounding through 100 steps
CHECKED = {"temporal-snn": (16, 20), "poisson-snn": (16, 20), "csnn": (4, 5)}  # batch and steps of that check
FIRING = 6.0  # times the initial weights: in that check every layer fires
SLOPE = 25.0  # of csnn's surrogate
SURROGATES = {"temporal-snn": Arctan(), "csnn": FastSigmoid(SLOPE)}  # snnTorch's default is its atan


@cache
def data(batch=BATCH):
    """The first digits and their labels."""
    split = datasets.load("digits").train[torch.arange(0, 10 * batch, 10)]
    return split.images, split.labels


class Plain(nn.Module):
    """Stages (synapses, neurons) in a loop over steps; neurons (x, mem) -> (spikes, mem).

    Returns of forward : (spikes, membranes) of the last stage, (steps, batch, classes)
    """

    def __init__(self, synapses, neurons):
        """Both in order of depth."""
        super().__init__()
        self.synapses, self.neurons = nn.ModuleList(synapses), nn.ModuleList(neurons)

    def forward(self, trains):
        """trains (steps, batch, *)."""
        state, found = [None] * len(self.neurons), []
        for x in trains:
            for k, (synapse, neuron) in enumerate(zip(self.synapses, self.neurons, strict=True)):
                x = synapse(x)
                x, state[k] = neuron(x, torch.zeros_like(x) if state[k] is None else state[k])
            found.append((x, state[-1]))
        return tuple(torch.stack(each) for each in zip(*found, strict=True))


class Fused(nn.Module):
    """The same stages, each over all steps at once; `held`: the first stage sees the same image at each step."""

    def __init__(self, synapses, neurons, held):
        """Both in order of depth."""
        super().__init__()
        self.synapses, self.neurons, self.held = nn.ModuleList(synapses), nn.ModuleList(neurons), held

    def forward(self, trains):
        """trains (steps, batch, *), the same at each step where it is held."""
        stages, steps = list(zip(self.synapses, self.neurons, strict=True)), len(trains)
        if self.held:
            (synapse, neuron), *stages = stages
            trains, _ = neuron(synapse(trains[0]), steps=steps)
        for synapse, neuron in stages:
            trains, membranes = neuron(synapse(trains.flatten(0, 1)).unflatten(0, trains.shape[:2]))
        return trains, membranes


class _Fires(torch.autograd.Function):
    """The plain own surrogate of `poisson-snn`: step forward, fast sigmoid backward."""

    @staticmethod
    def forward(ctx, u):
        ctx.save_for_backward(u)
        return (u >= 0).to(u)

    @staticmethod
    def backward(ctx, spikes_bar):
        (u,) = ctx.saved_tensors
        return spikes_bar / (1 + 5.0 * u.abs()) ** 2


class PlainLIF(nn.Module):
    """V <- V + (I - V) / tau, threshold 1, reset to 0: (I, V) -> (spikes, V)."""

    def forward(self, current, V):
        """A step."""
        V = V + (current - V) / TAU
        spikes = _Fires.apply(V - 1.0)
        return spikes, V * (1 - spikes.detach())


def dense(*widths):
    """Linear layers of these widths; the first takes images of any shape."""
    layers = [nn.Linear(a, b) for a, b in pairwise(widths)]
    return [nn.Sequential(nn.Flatten(), layers[0]), *layers[1:]]


def convolutions():
    """The synapses of `csnn`."""
    first = nn.Sequential(nn.Unflatten(1, (1, 28)), nn.Conv2d(1, 32, 3, padding=1), nn.MaxPool2d(2))
    second = nn.Sequential(nn.Conv2d(32, 64, 3, padding=1), nn.MaxPool2d(2))
    return [first, second, nn.Sequential(nn.Flatten(), nn.Linear(3136, 512)), nn.Linear(512, 10)]


def build(name, fused):
    """The network of that name with the weights of seed 0, fused or as the plain loop."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        widths = {"temporal-snn": (784, 256, 128, 10), "poisson-snn": (784, 128, 10)}
        synapses = convolutions() if name == "csnn" else dense(*widths[name])
    if name == "poisson-snn":
        neurons = [PoissonLIF(TAU) if fused else PlainLIF() for _ in synapses]
    elif fused:
        neurons = [Leaky(BETA, surrogate=SURROGATES[name]) for _ in synapses]
    else:
        grad = surrogate.fast_sigmoid(SLOPE) if name == "csnn" else None
        neurons = [snn.Leaky(BETA, spike_grad=grad) for _ in synapses]
    if not fused:
        return Plain(synapses, neurons)
    return Fused(synapses, neurons, name == "csnn").to(memory_format=torch.channels_last)


def trains(name, images, steps, fused):
    """What the network sees at each step."""
    if name == "csnn":
        return ((images - 0.1307) / 0.3081).expand(steps, *images.shape)
    if fused:
        return encode(images, encoding="bernoulli", steps=steps)
    if name == "temporal-snn":
        return spikegen.rate(images, num_steps=steps)
    return torch.stack([(torch.rand_like(images) < images).to(images) for _ in range(steps)])


def loss_of(name, spikes, membranes, labels):
    """The loss of the table: on the mean membrane, the spike counts, or the spike rate."""
    return cross_entropy(
        {"temporal-snn": membranes.mean(0), "poisson-snn": spikes.sum(0)}.get(name, spikes.mean(0)), labels
    )


class Training:
    """Training iterations of a network: calling it takes one and returns its seconds."""

    def __init__(self, name, fused):
        """The network with an optimiser of its own."""
        self.name, self.fused, self.model = name, fused, build(name, fused)
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=1e-4, fused=fused)

    def __call__(self):
        """Encoding, forward, loss, backward, optimiser's step."""
        images, labels = data()
        with torch.random.fork_rng(devices=[]):
            start = perf_counter()
            loss = loss_of(self.name, *self.model(trains(self.name, images, STEPS, self.fused)), labels)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
            return perf_counter() - start


def found(name, fused):
    """Spike counts, loss and its gradients in float64, on trains that both sides share and weights that fire."""
    batch, steps = CHECKED[name]
    images, labels = (each[:batch] for each in data())
    shown, model = trains(name, images, steps, True).double(), build(name, fused).double()
    with torch.no_grad():
        for parameter in model.synapses.parameters():
            parameter *= FIRING
    for neuron in model.neurons:
        if isinstance(neuron, snn.Leaky):
            neuron.spike_grad = SURROGATES[name]  # snnTorch's own round spikes and their gradients to float32
    spikes, membranes = model(shown)
    loss = loss_of(name, spikes, membranes, labels)
    return spikes.sum().detach(), loss.detach(), *torch.autograd.grad(loss, list(model.parameters()))


def difference(name):
    """The largest between the sides, each quantity's over its largest element; NaN where nothing fires or learns."""
    pairs = zip(found(name, True), found(name, False), strict=True)
    return float(torch.stack([(ours - plain).abs().max() / plain.abs().max() for ours, plain in pairs]).max())


@contextmanager
def medium():
    """Products at the precision that both sides have, in memory that both sides keep, as the command line does."""
    command.keep_memory()
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def timed(sides):
    """The sides' times of 3 rounds, after one that is not counted."""
    with medium():
        for side in sides.values():
            side()
        return interleaved(sides, rounds=3)


def against(name):
    """Time of the plain iteration over ours."""
    error = agree("spikes, losses and gradients", difference(name), AGREEMENT)
    times = timed({"plain": Training(name, False), "ours": Training(name, True)})
    spent = f"{median(times['plain']):.3g} s, ours {median(times['ours']):.3g} s"
    return ratio(times, "plain", "ours"), f"{spent}; spikes, losses and gradients in float64 differ by {error:.1e}"


class Twin(nn.Module):
    """The hybrid's oscillators replaced by LIF neurons: x (steps, batch, n) -> (spikes, last membrane)."""

    def __init__(self, fused):
        """By `lif`, or by snn.Leaky in a loop."""
        super().__init__()
        self.fused, self.neuron = fused, Leaky(BETA) if fused else snn.Leaky(BETA)

    def forward(self, x):
        """All steps."""
        if self.fused:
            spikes, membranes = self.neuron(x)
            return spikes, membranes[-1]
        mem, spikes = torch.zeros_like(x[0]), []
        for given in x:
            spike, mem = self.neuron(given, mem)
            spikes.append(spike)
        return torch.stack(spikes), mem


def against_twin(fused):
    """Time of an iteration of the hybrid over that of its LIF twin, at 20 RK4 steps a neural step."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        twin = speed_training.Training(models.Hybrid(Twin(fused), speed_training.CLASSES).train())
    short, long = (speed_training.Training(speed_training.hybrid(models.N_STEPS, k)) for k in speed_training.RK4_STEPS)
    times = timed({"hybrid": short, "long": long, "twin": twin})
    words = f"{median(times['hybrid']):.3g} s, its twin {median(times['twin']):.3g} s"
    return ratio(
        times, "hybrid", "twin"
    ), f"{words}; at x {speed_training.RK4_STEPS[1]}: {ratio(times, 'long', 'twin'):.3g}"


def rows():
    """The three classifiers, and the hybrid against its twins."""
    what = f"training iteration, batch {BATCH}, {STEPS} steps, float32, against the plain loop over steps"
    bounds = {"temporal-snn": 5.0, "poisson-snn": 4.0, "csnn": 2.0}
    table = [
        Row(f"S12{k}", f"{name} {what}", bound, partial(against, name))
        for k, (name, bound) in zip("abc", bounds.items(), strict=True)
    ]
    size = f"{models.N_STEPS} x {speed_training.RK4_STEPS[0]} RK4 steps"
    twins = (("d", False, 3.0, "snn.Leaky in a loop"), ("e", True, 6.0, "our fused LIF"))
    for k, fused, bound, kind in twins:
        statement = (
            f"hybrid training iteration, batch {speed_training.BATCH}, {size}, over that of its twin with {kind}"
        )
        table.append(Row(f"S12{k}", statement, bound, partial(against_twin, fused), how="at most"))
    return tuple(table)
