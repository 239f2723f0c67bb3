"""The models, by name. Every model takes images (batch, 28, 28) and returns a `Prediction`.

hybrid       Linear 784-256, ReLU, Dropout, Linear 256-128, ReLU, Linear 128-60, BatchNorm, 60 oscillators over 15
             neural steps; the main head
             reads the weighted spike counts, the auxiliary head the final m_y
hybrid-relu  its twin: the same network and parameter count, a ReLU in place of the oscillators
"""

from math import pi
from typing import NamedTuple

import torch
from torch import nn

from neuromorph.neuron import SHNOLayer

PIXELS = 28 * 28
NEURONS = 60
N_STEPS = 15
FAST, SLOW = 3, 15  # periods of the drive's modulation, in neural steps


class Prediction(NamedTuple):
    """What a model says of a batch.

    logits : (batch, classes)            of the main head, which sees spikes only
    auxiliary : (batch, classes)         of the auxiliary head, which sees the final m_y; kept apart
    spikes : (steps, batch, neurons)     or the ReLU twin's activations
    """

    logits: torch.Tensor
    auxiliary: torch.Tensor
    spikes: torch.Tensor


class ReLUNeurons(nn.Module):
    """The twin of the SHNO layer: x (steps, batch, n) -> (relu(x), relu(x) of the last step)."""

    def forward(self, x):
        """Activations at every step, and the last ones for the auxiliary head."""
        y = torch.relu(x)
        return y, y[-1]


class SHNONeurons(nn.Module):
    """The SHNO layer as the hybrid uses it: x (steps, batch, n) in units of a_c -> (spikes, final m_y (batch, n))."""

    def __init__(self, **settings):
        """Settings go to SHNOLayer."""
        super().__init__()
        self.layer = SHNOLayer(NEURONS, n_steps=N_STEPS, **settings)

    def forward(self, x):
        """Spikes at every neural step, and m_y at the end for the auxiliary head."""
        spikes, state = self.layer(x)
        return spikes, state.m[..., 1]


class Hybrid(nn.Module):
    """Dense network - oscillators - two heads; `neurons` is the only part in which twins differ.

    neurons : module (steps, batch, 60) -> (spikes (steps, batch, 60), final value (batch, 60))
    """

    def __init__(self, neurons, classes):
        """All parameters from torch's global generator."""
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Flatten(),
            nn.Linear(PIXELS, 256),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(256, 128),
            nn.ReLU(),
            nn.Linear(128, NEURONS),
            nn.BatchNorm1d(NEURONS),
        )
        self.strength = nn.Parameter(torch.tensor([0.1, 0.1]))  # of the drive's fast and slow modulation
        self.neurons = neurons
        self.time_weights = nn.Parameter(torch.linspace(0.5, 1.5, N_STEPS) / N_STEPS)  # late spikes count more
        self.main = nn.Sequential(nn.Linear(NEURONS, NEURONS), nn.ReLU(), nn.Dropout(0.3), nn.Linear(NEURONS, classes))
        self.auxiliary = nn.Linear(NEURONS, classes)
        steps = torch.arange(N_STEPS)
        self.register_buffer(
            "waves", torch.stack([torch.sin(2 * pi * steps / period) for period in (FAST, SLOW)]), persistent=False
        )

    def drive(self, images):
        """Input of the neurons: x (1 + strength . waves), (steps, batch, 60), in units of the critical torque."""
        modulation = 1 + self.strength @ self.waves
        return modulation[:, None, None] * self.encoder(images)

    def forward(self, images):
        """Images (batch, 28, 28) in [0, 1] -> Prediction."""
        spikes, final = self.neurons(self.drive(images))
        counts = torch.einsum("t,tbn->bn", self.time_weights, spikes)
        return Prediction(self.main(counts), self.auxiliary(final), spikes)


TWINS = {"hybrid": "hybrid-relu"}
NAMES = ("hybrid", "hybrid-relu")


def build(name, *, classes):
    """The model of that name for so many classes, initialised from torch's global generator.

    Raises : ValueError, naming the known models
    """
    if name not in NAMES:
        raise ValueError(f"model must be one of {', '.join(NAMES)}, got {name!r}.")
    return Hybrid(SHNONeurons() if name == "hybrid" else ReLUNeurons(), classes)
