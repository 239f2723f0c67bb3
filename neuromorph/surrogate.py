"""The spike, a step, and surrogates for its gradient: each states the formula of its gradient with respect to u =
m_peak - threshold.

A surrogate is called as surrogate(u, spikes): forward the 0/1 spikes that the physics found (by default u >= 0),
backward gradient(u). They are plain frozen records, so that a layer that holds one can be copied and pickled.
"""

from dataclasses import dataclass
from math import pi

import torch


class _Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx, u, spikes, gradient):
        ctx.save_for_backward(u)
        ctx.gradient = gradient
        return spikes.to(u.dtype)

    @staticmethod
    def backward(ctx, spikes_bar):
        (u,) = ctx.saved_tensors
        return spikes_bar * ctx.gradient(u), None, None


@dataclass(frozen=True)
class FastSigmoid:
    """Gradient 1 / (1 + slope |u|)^2. Source: Zenke and Ganguli, Neural Comput. 30, 1514 (2018).

    slope : 1   the larger, the narrower the surrogate
    """

    slope: float = 5.0

    def gradient(self, u):
        """1 / (1 + slope |u|)^2."""
        return (1 + self.slope * u.abs()) ** -2

    def __call__(self, u, spikes=None):
        """0/1 spikes in the dtype of u, with this gradient; u (...), spikes (...) bool or None for u >= 0."""
        return _Step.apply(u, u >= 0 if spikes is None else spikes, self.gradient)


@dataclass(frozen=True)
class Arctan:
    """Gradient 1 / (1 + (pi slope u / 2)^2). Source: Fang et al., ICCV (2021).

    slope : 1   the larger, the narrower the surrogate
    """

    slope: float = 2.0

    def gradient(self, u):
        """1 / (1 + (pi slope u / 2)^2)."""
        return 1 / (1 + (pi / 2 * self.slope * u) ** 2)

    def __call__(self, u, spikes=None):
        """0/1 spikes in the dtype of u, with this gradient; u (...), spikes (...) bool or None for u >= 0."""
        return _Step.apply(u, u >= 0 if spikes is None else spikes, self.gradient)
