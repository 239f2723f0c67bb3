"""Dynamic scaling: a running gain of the input of each neuron that keeps it neither dead nor saturated."""

import math

import torch
from torch import nn

from neuromorph.bounded import Bounded, checked_bounds, checked_number


class RunningGain(nn.Module):
    """A gain of each neuron, steered to a wanted spike rate: y = gain x, log gain <- log gain + eta (target - rate).

    A layer that holds one (`SHNOLayer(n, input_gain=...)`) counts its spikes in training, and moves the gain when a new
    sequence begins, a call without a state: within a sequence the gain is the same for all steps, however they are
    split over calls, and for what torch.utils.checkpoint computes again. Where a state is carried over without end,
    call `move`. In evaluation the gain is frozen and nothing is counted. An integral controller: stable while eta
    times the slope d rate / d log gain is below 2.
    A gain has no say over a neuron whose inputs are all <= 0: normalise their mean before, as BatchNorm does.

    n : int                       neurons
    target : in (0, 1)            wanted neural steps with a spike / neural steps. Inputs of mean 0 reach 0.5 at most
    eta : in (0, 2]               step of the controller
    bounds : (low, high)          of the gain; the layer's clip is a sensible end
    scale : (low, high) or None   bounds of a learnable factor on top, 1 at the start. The controller takes back what it
                                  does to the rate, unless the gain is frozen: `gain.eval()`
    In the state_dict: log_gain, and what was counted since. Under DistributedDataParallel the first process's counts.
    Raises : TypeError, ValueError
    Source : Turrigiano, Cell 135, 422 (2008), synaptic scaling to a firing rate; the controller is the plainest one.
    """

    def __init__(self, n, *, target=0.3, eta=0.5, bounds=(1 / 16, 16.0), scale=None):
        """A gain of 1 for all."""
        super().__init__()
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise ValueError(f"n must be a whole number >= 1, got {n!r}. 60 is usual.")
        self.n = n
        self.target = checked_number("target", target, "in (0, 1)", lambda x: 0 < x < 1, "0.3 is usual.")
        self.eta = checked_number("eta", eta, "in (0, 2]", lambda x: 0 < x <= 2, "0.5 is usual.")
        low, high = checked_bounds("bounds", bounds)
        if not 0 < low < 1 < high:
            raise ValueError(f"bounds must be positive, with 1 between them, got {bounds!r}. The gain starts at 1.")
        self.bounds = (low, high)
        self.scale = None if scale is None else Bounded(torch.ones(n), *checked_bounds("scale", scale), "scale")
        if scale is not None and not 0 < self.scale.low:
            raise ValueError(f"scale must be bounds > 0, got {scale!r}. A negative one turns an input round.")
        self.register_buffer("log_gain", torch.zeros(n))
        self.register_buffer("spiked", torch.zeros(n, dtype=torch.int64))
        self.register_buffer("looked", torch.zeros((), dtype=torch.int64))

    @property
    def gain(self):
        """The whole factor now, (n,)."""
        return self.log_gain.exp() if self.scale is None else self.log_gain.exp() * self.scale()

    def forward(self, x):
        """gain x, in the shape and dtype of x (..., n); ValueError for another shape."""
        self._check("x", x)
        return x * self.gain.to(x)

    @torch.no_grad()
    def count(self, spikes):
        """Add the neural steps with a spike, in training; spikes (..., n), above 0 where there is one; ValueError."""
        self._check("spikes", spikes)
        if self.training:
            self.spiked += (spikes > 0).reshape(-1, self.n).sum(0)
            self.looked += spikes.numel() // self.n

    @torch.no_grad()
    def move(self):
        """One step of the controller from what was counted, in training; a layer calls it when a sequence begins."""
        if not self.training or _in_backward():
            return
        rate = (self.spiked / self.looked.clamp(min=1)).to(self.log_gain)
        moved = (self.log_gain + self.eta * (self.target - rate)).clamp(*map(math.log, self.bounds))
        self.log_gain.copy_(torch.where(self.looked > 0, moved, self.log_gain))
        self.spiked.zero_()
        self.looked.zero_()

    def _check(self, name, x):
        if not isinstance(x, torch.Tensor) or x.shape[-1:] != (self.n,):
            got = tuple(x.shape) if isinstance(x, torch.Tensor) else f"a {type(x).__name__}"
            raise ValueError(f"{name} must be a tensor (..., {self.n}), got {got}. Neurons are the last axis.")

    def extra_repr(self):
        """Settings, for print(model)."""
        return f"{self.n}, target={self.target:g}, eta={self.eta:g}, bounds=({self.bounds[0]:g}, {self.bounds[1]:g})"


def _in_backward():
    """Whether a backward pass calls, as torch.utils.checkpoint does to compute again: with the same gain."""
    return not torch.compiler.is_compiling() and torch._C._current_graph_task_id() != -1
