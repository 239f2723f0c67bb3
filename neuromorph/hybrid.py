"""The hybrids: a network drives 60 neurons over 15 neural steps, two heads read them.

Twins differ in the neurons only: a module (steps, batch, 60) -> (spikes (steps, batch, 60), final value (batch, 60)),
whose `recorded` gives the values of all steps instead of the final ones.
"""

from inspect import signature
from math import pi
from re import fullmatch

import torch
from torch import nn

import shno
from neuromorph.base import Model, Prediction, widened
from neuromorph.chips import Variability
from neuromorph.lif import Leaky
from neuromorph.neuron import SHNOLayer
from neuromorph.noise import Noise
from neuromorph.read_out import read
from neuromorph.surrogate import NAMES, as_surrogate

PIXELS = 28 * 28
NEURONS = 60
N_STEPS = 15
FAST, SLOW = 3, 15  # periods of the drive's modulation, in neural steps
VARIED = ("Ms", "alpha", "thickness", "width")  # of an oscillator that is driven by a torque
MY = 1  # component of m
OSCILLATOR = "easy-plane-neuron"


class ReLUNeurons(nn.Module):
    """The twin of the SHNO layer: x (steps, batch, n) -> (relu(x), relu(x) of the last step)."""

    spiking = False

    def forward(self, x):
        """Activations at every step, and the last ones for the auxiliary head."""
        y = torch.relu(x)
        return y, y[-1]

    def recorded(self, x):
        """The activations twice."""
        y = torch.relu(x)
        return y, y


class LIFNeurons(nn.Module):
    """The twin with leaky integrate-and-fire neurons: x (steps, batch, n) -> (spikes, final membranes (batch, n))."""

    spiking = True

    def __init__(self, **settings):
        """Settings go to lif.Leaky."""
        super().__init__()
        self.layer = Leaky(**settings)

    def forward(self, x):
        """Spikes at every step, and the membranes at the end for the auxiliary head."""
        spikes, membranes = self.layer(x)
        return spikes, membranes[-1]

    def recorded(self, x):
        """Spikes and membranes at every step."""
        return self.layer(x)


class SHNONeurons(nn.Module):
    """The SHNO layer as the hybrid uses it: x (steps, batch, n) in units of a_c -> (spikes, final m_y (batch, n))."""

    spiking = True

    def __init__(self, *, steps=N_STEPS, **settings):
        """Settings go to SHNOLayer, a regime's too; the steps are the network's."""
        super().__init__()
        self.layer = SHNOLayer(NEURONS, **settings | {"n_steps": steps})

    def forward(self, x):
        """Spikes at every neural step, and m_y at the end for the auxiliary head."""
        spikes, state = self.layer(x)
        return spikes, state.m[..., MY]

    def recorded(self, x):
        """Spikes, and m_y at the end of every neural step."""
        passage, _ = self.layer._integrate(*self.layer._held(x, None))
        return read(self.layer, passage), passage.m[..., MY]


def dense_front(dropout=0.2):
    """Linear 784-256, ReLU, Dropout, Linear 256-128, ReLU, Linear 128-60, BatchNorm."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(PIXELS, 256),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(256, 128),
        nn.ReLU(),
        nn.Linear(128, NEURONS),
        nn.BatchNorm1d(NEURONS),
    )


def convolutional_front(dropout=0.2):
    """Twice Conv 3x3, BatchNorm, ReLU, MaxPool 2, with 32 and 64 channels; Dropout, Linear 3136-60, BatchNorm."""
    blocks = []
    for inputs, channels in ((1, 32), (32, 64)):
        convolution = nn.Conv2d(inputs, channels, 3, padding=1, bias=False)
        blocks += [convolution, nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(2)]
    dense = nn.Linear(64 * 7 * 7, NEURONS)
    return nn.Sequential(
        nn.Unflatten(1, (1, 28)), *blocks, nn.Flatten(), nn.Dropout(dropout), dense, nn.BatchNorm1d(NEURONS)
    )


class Hybrid(Model):
    """Front - neurons - two heads; `neurons` is the only part in which twins differ.

    neurons : module (steps, batch, 60) -> (spikes (steps, batch, 60), final value (batch, 60))
    front : module (batch, 28, 28) -> (batch, 60); the dense one by default
    """

    def __init__(self, neurons, classes, *, front=None, steps=N_STEPS, encoding="direct", seed=0):
        """All parameters from torch's global generator."""
        super().__init__(classes=classes, steps=steps, encoding=encoding, seed=seed)
        self.encoder = dense_front() if front is None else front
        self.strength = nn.Parameter(torch.tensor([0.1, 0.1]))  # of the drive's fast and slow modulation
        self.neurons = neurons
        self.time_weights = nn.Parameter(torch.linspace(0.5, 1.5, steps) / steps)  # late spikes count more
        self.main = nn.Sequential(nn.Linear(NEURONS, NEURONS), nn.ReLU(), nn.Dropout(0.3), nn.Linear(NEURONS, classes))
        self.auxiliary = nn.Linear(NEURONS, classes)
        times = torch.arange(steps)
        self.register_buffer(
            "waves", torch.stack([torch.sin(2 * pi * times / period) for period in (FAST, SLOW)]), persistent=False
        )

    def drive(self, images, numbers=None):
        """Input of the neurons: x (1 + strength . waves), (steps, batch, 60), in units of the critical torque."""
        x = self.encoded(images, numbers)
        if x.stride(0) == 0:
            code = self.encoder(x[0])
        else:  # an image's steps stay together, so that in data-parallel training a process's rows are one piece
            code = self.encoder(x.transpose(0, 1).flatten(0, 1)).unflatten(0, (x.shape[1], len(x))).transpose(0, 1)
        modulation = 1 + self.strength @ self.waves
        return widened(modulation[:, None, None] * code)

    def said(self, images, numbers, record):
        """Front, neurons, heads."""
        x = self.drive(images, numbers)
        made, final = self.neurons.recorded(x) if record else self.neurons(x)
        membranes, final = ({"neurons": final}, final[-1]) if record else ({}, final)
        counts = torch.einsum("t,tbn->bn", self.time_weights, made)
        spikes = {"neurons": made} if getattr(self.neurons, "spiking", True) else {}
        return Prediction(self.main(counts), self.auxiliary(final), spikes, membranes if spikes else {})


def disturbed(temperature, spread, seed):
    """Settings of an SHNOLayer whose oscillators are warm and differ: none where both are 0.

    temperature : K             Brown's field
    spread : 1                  relative standard deviation of Ms, alpha, thickness and width, each device's own; in
                                training a chip an epoch
    """
    settings = {}
    if temperature:
        settings["noise"] = Noise(temperature=temperature, seed=seed)
    if spread:
        settings["variability"] = Variability(spread=dict.fromkeys(VARIED, spread), resample="epoch", chip=seed)
    return settings


def layer_of(model):
    """The SHNO layer of a model, or None."""
    return next((module for module in model.modules() if isinstance(module, SHNOLayer)), None)


def layer_settings(model):
    """What decides the dynamics of the model's SHNO layer, for config.json and the figures; None without one.

    `models.build` takes it back, or a part of it.
    """
    layer = layer_of(model)
    if layer is None:
        return None
    names = ("threshold", "rearm", "neural_step", "n_steps", "dt", "clip", "reset_fraction", "detach_reset")
    names += ("truncate", "critical_torque")
    own = layer.nominal == shno.preset(OSCILLATOR)
    return {name: getattr(layer, name) for name in names} | {
        "reset": layer.reset_mode,
        "surrogate": repr(layer.surrogate),
        "oscillator": OSCILLATOR if own else "of its own",
    }


def given_settings(record, steps):
    """The settings of an SHNOLayer that a record as of `layer_settings` holds, or a part of one; ValueError."""
    settings = dict(record)
    if settings.pop("n_steps", steps) != steps:
        raise ValueError(f"n_steps of the layer must be the steps of the model, {steps}, got {record['n_steps']!r}.")
    if settings.pop("oscillator", OSCILLATOR) != OSCILLATOR:
        raise ValueError(f"oscillator of the layer must be {OSCILLATOR!r}, got {record['oscillator']!r:.60}.")
    if isinstance(settings.get("surrogate"), str):
        settings["surrogate"] = _surrogate(settings["surrogate"])
    unknown = [name for name in settings if name not in signature(SHNOLayer).parameters]
    if unknown:
        raise ValueError(f"settings of the layer must be those of SHNOLayer, got {unknown[0]!r}. Rename or drop it.")
    return settings


def _surrogate(text):
    """The surrogate of a name, or of what one prints: "fast_sigmoid", "FastSigmoid(slope=5.0)"; ValueError."""
    printed = fullmatch(r"(\w+)\((.*)\)", text)
    if not printed:
        return as_surrogate(text)
    names = {record.__name__: name for name, record in NAMES.items()}
    pairs = [part.partition("=")[::2] for part in printed[2].split(", ") if part]
    try:
        return as_surrogate(names[printed[1]], **{name: float(value) for name, value in pairs})
    except (KeyError, TypeError, ValueError):
        rule = "a name or what a surrogate prints"
        raise ValueError(f"surrogate must be {rule}, got {text!r:.60}. 'FastSigmoid(slope=5.0)' is one.") from None
