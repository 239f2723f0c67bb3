"""Training iterations of the spiking classifiers: ours, fused over time, against the plain loop over its steps.

The plain sides are written as one writes them: for each step the layers one after another, `snn.Leaky` or the LIF
equation in torch, spikes from `spikegen.rate` or a comparison with uniform numbers. Ours are neuromorph's models:
dense and convolutional parts once over all steps and images (the first convolution of `csnn`, whose image is held,
once over images), as sums over those inputs that spike (`sparse`), `lif` in between and Bernoulli trains from
`encoding`. Both train the same weights by the original recipe on the same digits, with the cross-entropy of the read-
out, in float32 with the same precision setting of products, "medium": oneDNN's kernels in place of MKL's, at float32
accuracy on the processors measured. What differs is summation order, so that agreement is looked at in float64, where
no spike flips: the loss and its gradient on the same trains.
"""

from contextlib import contextmanager
from functools import cache, partial
from statistics import median
from time import perf_counter

import snntorch as snn
import torch
from snntorch import spikegen, surrogate
from torch import nn
from torch.nn.functional import cross_entropy

from neuromorph import baselines, datasets, models
from neuromorph.base import Prediction
from neuromorph.encoding import encode
from neuromorph.lif import Leaky
from neuromorph.recipes import recipe_of
from neuromorph.surrogate import as_surrogate
from shno import command
from validation import speed_training
from validation.speed_system import Row, agree, interleaved, ratio

BATCH, STEPS, BETA = 128, 100, 0.9
AGREEMENT = 1e-9  # relative, float64: rounding through 100 steps
ENCODING = {"temporal-snn": "bernoulli", "poisson-snn": "bernoulli", "csnn": "direct"}
CHECKED = {"temporal-snn": (16, 20), "poisson-snn": (16, 20), "csnn": (4, 5)}  # batch and steps of that check
FIRING = 6.0  # times the initial weights: in that check every layer fires


@cache
def data(batch=BATCH):
    """The first digits and their labels."""
    split = datasets.load("digits").train[torch.arange(0, 10 * batch, 10)]
    return split.images, split.labels


class Plain(nn.Module):
    """Blocks and neurons in a loop over steps; neurons (x, mem) -> (spikes, mem); read_out as of the model."""

    def __init__(self, blocks, neurons, read_out):
        """Both in order of depth."""
        super().__init__()
        self.blocks, self.neurons, self.read_out = nn.ModuleList(blocks), nn.ModuleList(neurons), read_out

    def forward(self, trains):
        """trains (steps, batch, *) -> Prediction."""
        state, found = [None] * len(self.neurons), []
        for x in trains:
            for k, (block, neuron) in enumerate(zip(self.blocks, self.neurons, strict=True)):
                x = block(x)
                x, state[k] = neuron(x, torch.zeros_like(x) if state[k] is None else state[k])
            found.append((x, state[-1]))
        spikes, membranes = (torch.stack(each) for each in zip(*found, strict=True))
        logits = spikes.sum(0) if self.read_out == "count" else membranes.mean(0)
        return Prediction(logits, None, {"output": spikes}, {})


class _Fires(torch.autograd.Function):
    """The plain own surrogate of `poisson-snn`: step forward, fast sigmoid backward."""

    @staticmethod
    def forward(ctx, u, slope):
        ctx.save_for_backward(u)
        ctx.slope = slope
        return (u >= 0).to(u)

    @staticmethod
    def backward(ctx, spikes_bar):
        (u,) = ctx.saved_tensors
        return spikes_bar / (1 + ctx.slope * u.abs()) ** 2, None


class PlainLIF(nn.Module):
    """V <- V + (I - V) / tau, threshold 1, reset to 0: (I, V) -> (spikes, V)."""

    def __init__(self, tau, slope):
        """tau in steps; slope of the surrogate."""
        super().__init__()
        self.tau, self.slope = tau, slope

    def forward(self, current, V):
        """A step."""
        V = V + (current - V) / self.tau
        spikes = _Fires.apply(V - 1.0, self.slope)
        return spikes, V * (1 - spikes.detach())


def build(name, fused):
    """The model of that name with the weights of seed 0, or as the plain loop; the original recipe."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        ours = models.build(name, recipe="original", encoding=ENCODING[name], steps=STEPS)
    if fused:
        return ours
    recipe = recipe_of(name, "original")
    if name == "poisson-snn":
        neurons = [PlainLIF(recipe.tau, recipe.slope) for _ in ours.blocks]
    else:
        grad = getattr(surrogate, recipe.surrogate)(recipe.slope)
        neurons = [snn.Leaky(recipe.beta, threshold=recipe.threshold, spike_grad=grad) for _ in ours.blocks]
    return Plain(ours.blocks.to(memory_format=torch.contiguous_format).values(), neurons, ours.read_out)


def trains(name, images, steps):
    """What the plain loop sees at each step."""
    if name == "csnn":
        return ((images - baselines.MEAN) / baselines.SD).expand(steps, *images.shape)
    if name == "temporal-snn":
        return spikegen.rate(images, num_steps=steps)
    return torch.stack([(torch.rand_like(images) < images).to(images) for _ in range(steps)])


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
            shown = images if self.fused else trains(self.name, images, STEPS)
            loss = cross_entropy(self.model(shown).logits, labels)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
            return perf_counter() - start


def found(name, fused):
    """Spike counts, loss and its gradients in float64, on trains that both sides share and weights that fire."""
    batch, steps = CHECKED[name]
    images, labels = (each[:batch] for each in data())
    model = build(name, fused).double()
    model.steps = steps
    with torch.no_grad():
        for parameter in model.blocks.parameters():
            parameter *= FIRING
    for neuron in model.neurons:
        if isinstance(neuron, snn.Leaky):  # snnTorch's own surrogates round spikes and their gradients to float32
            recipe = recipe_of(name, "original")
            neuron.spike_grad = as_surrogate(recipe.surrogate, slope=recipe.slope)
    if name == "csnn":
        shown = images.double() if fused else trains(name, images.double(), steps)
    else:
        shown = encode(images, encoding="bernoulli", steps=steps).double()
        shown = shown.transpose(0, 1) if fused else shown  # a film
    said = model(shown)
    loss = cross_entropy(said.logits, labels)
    return said.spikes["output"].sum().detach(), loss.detach(), *torch.autograd.grad(loss, list(model.parameters()))


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
