"""Spike-timing-dependent plasticity: one layer that learns without labels, and what its neurons then tell of a digit.

Each image is shown as Bernoulli spike trains s_i(t), i a pixel. Neuron j integrates them and leaks,

    v_j <- v_j exp(-1/tau) + sum_i w_ij s_i - g sum_{k != j} z_k,        spike z_j = 1 at v_j >= theta_0 + theta_j

and v_j goes back to 0 at a spike; of several neurons that pass at once the one furthest above its threshold spikes, and
its spike takes g from the others, which go no lower than -g (lateral inhibition). The threshold of a neuron that spikes
grows, theta_j += theta_plus, and is slowly forgotten (homoeostasis). The rule is pair-based, with exponential traces,
set to 1 by a spike, x_i of the pixels and y_j of the neurons (nearest neighbours; a coincidence counts in both):

    w_ij += rate z_j x_i (1 - w_ij) - depression s_i y_j w_ij

and each neuron's weights are scaled to one sum. A batch of images is shown to the same weights; the changes of its
images are averaged and applied at its end.
Source : Diehl and Cook, Unsupervised learning of digit recognition using spike-timing-dependent plasticity, Frontiers
in Computational Neuroscience 9, 99 (2015); batches: Saunders et al., Minibatch processing for speed-up and scalability
of spiking neural network simulation, arXiv 1909.02549.
"""

from dataclasses import asdict, dataclass, replace
from math import exp
from pathlib import Path
from typing import NamedTuple

from shno import command

PIXELS = 28 * 28
BATCH = 16  # images that are shown to the same weights
LABELLED, TESTED = 1 << 30, 1 << 31  # numbers of their presentations begin here: none is one of the learning


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The constants of the layer and its rule; times are in steps.

    Found by a search on the digits: learnt from 6,000 training images, judged on 3,000 others.
    """

    peak: float = 0.6  # probability of a spike of a white pixel in a step
    membrane: float = 50.0  # tau
    trace: float = 5.0  # time constant of x and y
    threshold: float = 7.5  # theta_0
    growth: float = 0.1  # theta_plus
    forget: float = 2e6  # time constant of theta
    inhibition: float = 55.0  # g
    rate: float = 0.02  # of potentiation
    depression: float = 0.02
    total: float = 30.0  # sum of a neuron's weights


class Layer(NamedTuple):
    """weights : (784, neurons) in [0, 1];  theta : (neurons,), how far each threshold has grown."""

    weights: object
    theta: object


def initial_layer(neurons, *, rule, seed):
    """A Layer of random weights, uniform, scaled to the rule's total; thresholds not grown."""
    import torch

    weights = torch.rand(PIXELS, neurons, generator=torch.Generator().manual_seed(seed))
    return Layer(_scaled(weights, rule.total), torch.zeros(neurons))


def present(layer, spikes, *, rule):
    """Show spike trains to a layer whose weights stand still while its thresholds grow.

    spikes : (steps, batch, 784)
    Returns : z (steps, batch, neurons) of 0 and 1, at most one neuron a step and image; theta (neurons,) afterwards
    """
    import torch

    currents = spikes @ layer.weights  # (steps, batch, neurons)
    v, theta, z = torch.zeros_like(currents[0]), layer.theta, torch.zeros_like(currents)
    leak, forget, rows = exp(-1 / rule.membrane), exp(-1 / rule.forget) if rule.growth else 1.0, torch.arange(len(v))
    for t, current in enumerate(currents):
        v = leak * v + current
        above, winner = (v - theta).max(dim=1)
        fires = (above >= rule.threshold).to(v)
        z[t, rows, winner] = fires
        v = (v - rule.inhibition * fires[:, None]).clamp_(min=-rule.inhibition) * (1 - z[t])
        theta = theta * forget + rule.growth * z[t].sum(dim=0)
    return z, theta


def traces(spikes, time_constant):
    """Exponential trace of spikes, 1 at a spike and times exp(-1/tau) a step after it; of the shape of spikes."""
    import torch

    decay, result = exp(-1 / time_constant), torch.empty_like(spikes)
    trace = torch.zeros_like(spikes[0])
    for t, now in enumerate(spikes):
        trace = torch.maximum(decay * trace, now)
        result[t] = trace
    return result


def learn(layer, spikes, *, rule):
    """The Layer after a batch: presented, its weights changed by the rule and scaled again.

    spikes : (steps, batch, 784)
    """
    z, theta = present(layer, spikes, rule=rule)
    batch, w = spikes.shape[1], layer.weights
    post, pre = z.flatten(0, 1), spikes.flatten(0, 1)  # (steps x batch, ...)
    potentiation = traces(spikes, rule.trace).flatten(0, 1).T @ post  # sum of x_i z_j
    depression = pre.T @ traces(z, rule.trace).flatten(0, 1)  # sum of s_i y_j
    change = rule.rate * potentiation * (1 - w) - rule.depression * depression * w
    return Layer(_scaled((w + change / batch).clamp(0, 1), rule.total), theta)


def _scaled(weights, total):
    return weights * (total / weights.sum(dim=0, keepdim=True))


def encoded(images, numbers, *, rule, steps, seed):
    """Bernoulli spike trains of images (batch, 28, 28), of which a white pixel spikes at the rule's peak rate.

    numbers : (batch,) integers       which presentation of which image; the trains depend on them and the seed alone
    Returns : (steps, batch, 784)
    """
    from neuromorph.encoding import encode

    return encode(rule.peak * images, encoding="bernoulli", steps=steps, seed=seed, numbers=numbers).flatten(2)


def train(layer, images, *, rule, steps, seed, epochs=1, progress=None):
    """The Layer after so many passes over the shuffled images (n, 28, 28); labels are not asked for.

    progress : called as progress(images shown, in all)
    """
    import torch

    generator, n, shown = torch.Generator().manual_seed(seed), len(images), 0
    for epoch in range(epochs):
        for chosen in torch.randperm(n, generator=generator).split(BATCH):
            spikes = encoded(images[chosen], epoch * n + chosen, rule=rule, steps=steps, seed=seed)
            layer, shown = learn(layer, spikes, rule=rule), shown + len(chosen)
            if progress is not None:
                progress(shown, epochs * n)
    return layer


def responses(layer, images, *, rule, steps, seed, first):
    """Spikes of each neuron for each image, (n, neurons), with all thresholds as they are.

    first : integer       number of the first image's presentation
    """
    import torch

    still, counts = replace(rule, growth=0.0), []
    for start in range(0, len(images), 200):
        part = images[start : start + 200]
        numbers = first + start + torch.arange(len(part))
        spikes = encoded(part, numbers, rule=rule, steps=steps, seed=seed)
        counts.append(present(layer, spikes, rule=still)[0].sum(dim=0))
    return torch.cat(counts)


def assign(counts, labels, classes):
    """The class to which each neuron responds most, by its mean over the images of a class; -1 for a silent neuron.

    counts : (n, neurons);  labels : (n,)
    """
    import torch

    member = torch.nn.functional.one_hot(labels, classes).to(counts)
    means = member.T @ counts / member.sum(dim=0).clamp(min=1)[:, None]  # (classes, neurons)
    return torch.where(means.sum(dim=0) > 0, means.argmax(dim=0), -1)


def read_out(counts, assigned, classes):
    """The class whose neurons spike most on average, (n,); -1 for an image at which no assigned neuron spikes."""
    import torch

    member = torch.nn.functional.one_hot(assigned.clamp(min=0), classes).to(counts) * (assigned >= 0)[:, None]
    means = counts @ member / member.sum(dim=0).clamp(min=1)  # (n, classes)
    return torch.where(means.sum(dim=1) > 0, means.argmax(dim=1), -1)


def accuracy(layer, labelled, tested, classes, **shown):
    """Fraction of the tested Split that is read right, neurons being assigned on the labelled Split; and assigned."""
    assigned = assign(responses(layer, labelled.images, first=LABELLED, **shown), labelled.labels, classes)
    found = read_out(responses(layer, tested.images, first=TESTED, **shown), assigned, classes)
    return (found == tested.labels).double().mean().item(), assigned


def demonstrate(folder, *, neurons=225, steps=100, epochs=1, seed=0, rule=None, data=None, progress=None):
    """Learn the digits without labels, read the layer out, write stdp.json and stdp.npz into a folder.

    Neurons are assigned to classes on held-out training images; the test images are looked at once. Two controls keep
    the random weights: one whose thresholds grow over the same images, one whose thresholds do not.
    data : Dataset              None: the digits in the package
    Returns : the content of stdp.json: test_accuracy, untrained (thresholds grown), untrained_at_rest, and settings
    """
    import numpy as np

    from neuromorph.datasets import held_out_split, load
    from neuromorph.runs import write_beside, write_json

    rule, data = rule or Rule(), data or load("digits")
    training, labelled = held_out_split(data.train, seed=seed)
    shown = {"rule": rule, "steps": steps, "seed": seed}
    random = initial_layer(neurons, rule=rule, seed=seed)
    trained = train(random, training.images, epochs=epochs, progress=progress, **shown)
    frozen = {**shown, "rule": replace(rule, rate=0.0, depression=0.0)}
    grown = train(random, training.images, epochs=epochs, **frozen)
    judged = [accuracy(each, labelled, data.test, data.classes, **shown) for each in (trained, grown, random)]
    result = dict(zip(("test_accuracy", "untrained", "untrained_at_rest"), (each[0] for each in judged), strict=True))
    result |= {"neurons": neurons, "steps": steps, "epochs": epochs, "seed": seed, "dataset": data.name}
    result |= {"classes": data.classes, "images": len(training), "labelled": len(labelled), "tested": len(data.test)}
    result |= {"batch": BATCH, "rule": asdict(rule)}
    arrays = {"weights": trained.weights, "theta": trained.theta, "assigned": judged[0][1]}
    arrays |= {"untrained_weights": random.weights}
    arrays = {name: np.asarray(value) for name, value in arrays.items()}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)

    def save(path):
        with path.open("wb") as file:
            np.savez_compressed(file, **arrays)

    write_beside(folder / "stdp.npz", save)
    write_json(folder / "stdp.json", result)
    return result


def add_arguments(commands):
    """Add `neuromorph stdp` to the subparsers."""
    about = "learn the digits in the package without labels, by spike timing (a demonstration, a minute)"
    parser = commands.add_parser("stdp", help=about, description=about)
    parser.add_argument("--neurons", type=int, default=225, help="of the layer (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=100, help="that an image is shown (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=1, help="passes over the images (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of weights, order and spikes (default: %(default)s)")
    parser.add_argument("--out", default="runs/stdp", help="folder of the results (default: %(default)s)")
    parser.set_defaults(command=run)


def run(arguments, say=command.say):
    """The command `neuromorph stdp`: demonstrate, draw the receptive fields, say the accuracies."""
    for name in ("neurons", "steps", "epochs"):
        if getattr(arguments, name) < 1:
            raise ValueError(f"{name} must be at least 1, got {getattr(arguments, name)}. 225 neurons take a minute.")
    settings = {name: getattr(arguments, name) for name in ("neurons", "steps", "epochs", "seed")}
    result = demonstrate(arguments.out, **settings)
    from neuromorph import plots

    for path in plots.plot_stdp(arguments.out):
        say(path)
    say(
        f"test accuracy {result['test_accuracy']:.2%} by labels of {result['labelled']} held-out images; with random "
        f"weights {result['untrained']:.2%}, thresholds not grown {result['untrained_at_rest']:.2%}"
    )
