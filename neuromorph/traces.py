"""Leaky traces: what a signal was, remembered over several time constants, for the layer after it."""

import math

import torch
from torch import nn

from neuromorph.bounded import Bounded, checked_bounds

BLOCK = 128  # steps of one product: its matrix grows with the square
SHORTEST, LONGEST = 1e-2, 1e6  # neural steps; the decay of a step is 0 and 1 in float32 beyond
HALF = (torch.float16, torch.bfloat16)


class Traces(nn.Module):
    """Traces of spikes, of m_y or of any signal s, tr <- tr exp(-1/tau) + s: forward(s, state=None) -> (traces, state).

    One neural step adds s whole; a constant s ends at s / (1 - exp(-1/tau)).
    time_constants : (k,) numbers, neural steps   tau, one or several, for all neurons
    learnable : bool                              whether log tau is a parameter, within the bounds
    bounds : (low, high), neural steps            of a learnable tau
    Raises : TypeError, ValueError
    Source : Gerstner and Kistler, Spiking Neuron Models (2002), section 10.2.  Exact, whatever the split over calls.
    """

    def __init__(self, time_constants, *, learnable=False, bounds=(0.1, 1000.0)):
        """Check; nothing is random."""
        super().__init__()
        rule = f"one or more numbers in [{SHORTEST:g}, {LONGEST:g}]"
        remedy = "They are in neural steps; (2.0, 8.0) is usual."
        try:
            tau = torch.as_tensor(time_constants, dtype=torch.float64).reshape(-1)
        except (TypeError, ValueError, RuntimeError, OverflowError):
            raise TypeError(f"time_constants must be {rule}, got {time_constants!r}. {remedy}") from None
        if len(tau) == 0 or not bool(((tau >= SHORTEST) & (tau <= LONGEST)).all()):
            raise ValueError(f"time_constants must be {rule}, got {time_constants!r}. {remedy}")
        if not isinstance(learnable, bool):
            raise TypeError(f"learnable must be True or False, got {learnable!r}. The bounds have their own argument.")
        low, high = _checked_bounds(bounds)
        self.k = len(tau)
        self.log_tau = Bounded(tau.log(), math.log(low), math.log(high), "log of time_constants") if learnable else None
        self.register_buffer("fixed", None if learnable else tau.to(torch.get_default_dtype()))

    @property
    def time_constants(self):
        """tau now, (k,), neural steps."""
        return self.fixed if self.log_tau is None else self.log_tau().exp()

    def initial_state(self, like):
        """No memory: zeros (batch, n, k) for the signal of one step, `like` (batch, n)."""
        return like.new_zeros(*like.shape, self.k)

    def forward(self, s, state=None):
        """The traces after each step.

        s : (steps, batch, n)        time first
        state : (batch, n, k)        of the call before, or None: zeros
        Returns : traces (steps, batch, n, k), state: the last ones; `traces.flatten(-2)` is the input of a Linear(n k)
        Raises : TypeError, ValueError
        """
        if not isinstance(s, torch.Tensor) or not s.is_floating_point():
            raise TypeError(f"s must be a floating-point tensor, got a {type(s).__name__}. The layer puts out one.")
        if s.ndim < 1 or s.numel() == 0:
            raise ValueError(
                f"s must be (steps, batch, n) and not empty, got {tuple(s.shape)}. Time is the first axis."
            )
        s = s.float() if s.dtype in HALF else s
        state = self.initial_state(s[0]) if state is None else state.to(s)
        if state.shape != (*s.shape[1:], self.k):
            expected, got = (*s.shape[1:], self.k), tuple(state.shape)
            raise ValueError(f"state must be of shape {expected}, got {got}. A state belongs to its batch.")
        rate, pieces = 1 / self.time_constants.to(s), []
        for block in s.split(BLOCK):
            pieces.append(self._block(block, state, rate))
            state = pieces[-1][-1]
        return torch.cat(pieces), state

    def _block(self, s, state, rate):
        """traces[t] = sum over t' <= t of exp(-(t - t') rate) s[t'] + exp(-(t + 1) rate) state, one product each."""
        t = torch.arange(len(s), device=s.device)
        past = t[:, None] - t
        decay = torch.exp(-past.clamp(min=0) * rate[:, None, None]).tril()  # (k, t, t')
        left = torch.exp(-(t[:, None] + 1) * rate)  # (t, k)
        added = torch.einsum("kij,j...->i...k", decay, s)
        return added + left.reshape(len(s), *(1,) * (s.ndim - 1), self.k) * state


def _checked_bounds(bounds):
    """low, high as floats; TypeError, ValueError."""
    low, high = checked_bounds("bounds", bounds)
    if low < SHORTEST or high > LONGEST:
        rule = f"in [{SHORTEST:g}, {LONGEST:g}]"
        raise ValueError(f"bounds must be {rule}, got ({low:g}, {high:g}). They are in neural steps.")
    return low, high
