"""How a layer's neurons spike: rate, dead and saturated neurons, and a warning that names their fractions."""

import warnings
from math import nan
from typing import NamedTuple

import torch
from torch import nn

SATURATED = 0.95  # of a neuron's neural steps
LOOKS = 1000  # neural steps of a neuron, over all images, before its silence is worth a warning
FRACTION = 0.1  # of the neurons, dead or saturated, that is


class ActivityWarning(UserWarning):
    """Many neurons of a layer are dead or saturated: they carry no information, or get no gradient."""


class Report(NamedTuple):
    """The spikes of a layer over all it was called with since the last `train()` or `eval()`; NaN where it was not.

    spike_rate : 1       neural steps with a spike / (neurons x neural steps x images)
    dead : 1             fraction of neurons without a spike
    saturated : 1        fraction with a spike in more than 95 % of their neural steps
    looked : int         neural steps x images of each neuron
    """

    spike_rate: float
    dead: float
    saturated: float
    looked: int


class Activity(nn.Module):
    """Counts of the neural steps with a spike, per neuron, since the last `train()` or `eval()`.

    `train()` and `eval()` of any model around it close what was looked at: an epoch of training, an evaluation. If that
    was at least 1000 neural steps x images, and a tenth of the neurons were dead or saturated, they warn once with an
    `ActivityWarning`; then the counts begin anew. `report` tells at any time.
    The counts change nothing that the layer puts out. They are no buffers: not saved, and each process has its own.
    n : int      neurons
    """

    def __init__(self, n):
        """Nothing looked at."""
        super().__init__()
        self.n = n
        self._begin()

    def _begin(self):
        self.spiked, self.looked = torch.zeros(self.n, dtype=torch.int64), 0

    @torch.no_grad()
    def count(self, spikes):
        """Add the spikes (steps, batch, n) of a call, above 0 where there is one."""
        spiked = (spikes > 0).sum((0, 1))
        self.spiked = self.spiked.to(spiked.device) + spiked
        self.looked += spikes.shape[0] * spikes.shape[1]

    def report(self):
        """Spike rate, dead and saturated fractions so far: a Report."""
        if not self.looked:
            return Report(nan, nan, nan, 0)
        share = self.spiked.cpu().double() / self.looked
        means = (x.double().mean().item() for x in (share, share == 0, share > SATURATED))
        return Report(*means, self.looked)

    def train(self, mode=True):
        """Warn of what was looked at, and begin anew."""
        seen = self.report()
        if seen.looked >= LOOKS and max(seen.dead, seen.saturated) >= FRACTION:
            warnings.warn(ActivityWarning(_said(seen, self.training, self.n)), stacklevel=3)
        self._begin()
        return super().train(mode)


def _said(seen, training, n):
    """The text of the warning."""
    remedies = ["a larger input or bias, or a RunningGain"] if seen.dead >= FRACTION else []
    remedies += ["a smaller input, or a RunningGain"] if seen.saturated >= FRACTION else []
    return (
        f"{seen.dead:.1%} of {n} neurons are dead (no spike) and {seen.saturated:.1%} saturated (a spike in more than "
        f"{SATURATED:.0%} of their neural steps) over {seen.looked} neural steps x images of "
        f"{'training' if training else 'evaluation'}. What helps: {'; '.join(remedies)}."
    )
