"""Leaky integrate-and-fire neurons, fused over time: one pass forward and one backward over all steps.

leaky         V_t = beta V_{t-1} + x_t, less what a spike of the step before takes away (`reset`): the threshold, all
              of V_{t-1}, or nothing; a spike where V_t > threshold. snnTorch's `snn.Leaky`, bit for bit
poisson_lif   V_t = V + (x_t - V) / tau, V = V_{t-1}, or 0 after a spike; a spike where V_t >= threshold

No gradient flows through a reset, as in snnTorch, so that the backward pass is linear in what arrives:
e_t = dL/dV_t + dL/ds_t gradient(V_t - threshold) + keep (1 - fully reset) e_{t+1}. It keeps the membranes alone.
On the CPU, in float32 and float64, compiled kernels take it; the loop in plain torch serves the rest (other devices and
precisions, and `Smooth`, whose spikes are no step) and is what the kernels are tested against.
Source : Eshraghian et al., Proc. IEEE 111, 1016 (2023).
"""

from math import isfinite
from numbers import Real
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.autograd.function import once_differentiable

from neuromorph import lif_kernels
from neuromorph.surrogate import Arctan, FastSigmoid, Surrogate, as_surrogate
from shno import threads

RESETS = SUBTRACT, ZERO, NONE = ("subtract", "zero", "none")
KINDS = {FastSigmoid: lif_kernels.FAST_SIGMOID, Arctan: lif_kernels.ARCTAN}
LANES = 4096  # neurons a block: its rows of a step stay in the caches of a core
PIECE = (1 << 15) - 1  # membranes whose surrogate gradient is held at once: torch leaves so few to the calling thread


class Neuron(NamedTuple):
    """What a LIF neuron does, in numbers that a kernel takes.

    keep : (*shape) or (batch, *shape)        share of V that is left after a step
    threshold : (*shape) or (batch, *shape)
    tau : float       V + (x - V) / tau in place of keep V + x; 0: the latter
    reset : str       of RESETS
    """

    keep: torch.Tensor
    threshold: torch.Tensor
    tau: float
    reset: str

    def fired(self, mem):
        """Where a membrane is above the threshold, bool."""
        return mem >= self.threshold if self.tau else mem > self.threshold

    def advanced(self, mem, x, spikes):
        """The membrane after a step; `spikes` of the one before."""
        if self.tau:
            mem = mem * (1 - spikes)
            return mem + (x - mem) / self.tau
        if self.reset == ZERO:
            mem = mem * (1 - spikes)
        mem = self.keep * mem + x
        return mem - spikes * self.threshold if self.reset == SUBTRACT else mem


def leaky(x, *, beta, threshold=1.0, reset=SUBTRACT, surrogate="atan", mem=None, steps=None):
    """LIF neurons as `snn.Leaky`: V_t = beta V_{t-1} + x_t, reset a step after its spike, no gradient through it.

    x : (steps, batch, *shape)          or (batch, *shape), held for so many `steps`: its gradient is summed inside
    beta : number or tensor             broadcast against (batch, *shape), clamped to [0, 1]; a gradient if it wants
                                        one. A number is rounded to torch's default precision, float32, as snnTorch does
    threshold : number or tensor        likewise, not clamped
    reset : "subtract", "zero" or "none"
    surrogate                           as `as_surrogate` takes it
    mem : (batch, *shape)               V before the first step; None: 0
    Returns : (spikes, membranes)       (steps, batch, *shape) each, in x's dtype; membranes before their reset
    Raises : TypeError, ValueError
    Source : snnTorch 1.0, snntorch/_neurons/leaky.py
    """
    if reset not in RESETS:
        raise ValueError(f"reset must be one of {', '.join(RESETS)}, got {reset!r}. Choose one of these.")
    _check_input(x, steps)
    default = torch.get_default_dtype()
    keep = _setting("beta", beta, x, steps, default).clamp(0, 1)
    neuron = Neuron(keep, _setting("threshold", threshold, x, steps, default), 0.0, reset)
    return _scan(neuron, x, as_surrogate(surrogate), mem, steps)


def poisson_lif(x, *, tau, threshold=1.0, surrogate="fast_sigmoid", mem=None, steps=None):
    """LIF neurons V <- V + (x - V) / tau, a spike where V >= threshold, which resets V to 0.

    tau : number >= 1                   time constant, in steps
    x, threshold, surrogate, mem, steps, Returns, Raises : as of `leaky`
    Source : Gerstner et al., Neuronal Dynamics (2014), eq. 1.5, by an Euler step
    """
    if not isinstance(tau, Real) or isinstance(tau, bool):
        raise TypeError(f"tau must be a number >= 1, got {tau!r}. 2 to 20 steps are usual.")
    if not 1 <= tau < float("inf"):
        raise ValueError(f"tau must be a number >= 1, got {tau!r}. 2 to 20 steps are usual.")
    _check_input(x, steps)
    neuron = Neuron(x.new_tensor(1 - 1 / tau), _setting("threshold", threshold, x, steps, x.dtype), float(tau), ZERO)
    return _scan(neuron, x, as_surrogate(surrogate), mem, steps)


class Leaky(nn.Module):
    """`leaky` as a layer, `snn.Leaky` over all steps at once: forward(x, mem=None, steps=None) -> (spikes, membranes).

    beta, threshold : number or tensor   a parameter if it is learnt, a buffer if it is a tensor
    """

    def __init__(self, beta=0.9, *, threshold=1.0, reset=SUBTRACT, surrogate="atan", learn_beta=False,
                 learn_threshold=False):  # fmt: skip
        """Nothing is random."""
        super().__init__()
        _hold(self, "beta", beta, learn_beta)
        _hold(self, "threshold", threshold, learn_threshold)
        self.reset, self.surrogate = reset, as_surrogate(surrogate)

    def forward(self, x, mem=None, steps=None):
        """x (steps, batch, *shape), or (batch, *shape) held for `steps` -> (spikes, membranes)."""
        settings = {"beta": self.beta, "threshold": self.threshold, "reset": self.reset}
        return leaky(x, **settings, surrogate=self.surrogate, mem=mem, steps=steps)

    def extra_repr(self):
        """Settings, for print(model)."""
        return f"reset={self.reset!r}, surrogate={self.surrogate}"


class PoissonLIF(nn.Module):
    """`poisson_lif` as a layer: forward(x, mem=None, steps=None) -> (spikes, membranes)."""

    def __init__(self, tau=2.0, *, threshold=1.0, surrogate="fast_sigmoid", learn_threshold=False):
        """Nothing is random."""
        super().__init__()
        _hold(self, "threshold", threshold, learn_threshold)
        self.tau, self.surrogate = tau, as_surrogate(surrogate)

    def forward(self, x, mem=None, steps=None):
        """x (steps, batch, *shape), or (batch, *shape) held for `steps` -> (spikes, membranes)."""
        settings = {"tau": self.tau, "threshold": self.threshold, "surrogate": self.surrogate}
        return poisson_lif(x, **settings, mem=mem, steps=steps)

    def extra_repr(self):
        """Settings, for print(model)."""
        return f"tau={self.tau}, surrogate={self.surrogate}"


def _check_input(x, steps):
    """TypeError or ValueError unless x is floating-point, (steps, batch, ...) or held for a number of steps."""
    if not isinstance(x, torch.Tensor) or not x.is_floating_point():
        got = getattr(x, "dtype", type(x).__name__)
        raise TypeError(f"x must be a floating-point tensor, got {got}. It is the input current.")
    if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int) or steps < 1):
        raise ValueError(f"steps must be a whole number >= 1 or None, got {steps!r}. It is for how long x is held.")
    if x.ndim < (2 if steps is None else 1) or (steps is None and len(x) == 0):
        rule = "(steps, batch, ...) with a step at least" if steps is None else "(batch, ...)"
        raise ValueError(f"x must be {rule}, got {tuple(x.shape)}. Time is the first axis.")


def _setting(name, value, x, steps, precision):
    """A tensor, or a number in this precision, as a tensor like x that broadcasts against a step of it; or an error."""
    if isinstance(value, bool) or not isinstance(value, Real | torch.Tensor):
        raise TypeError(f"{name} must be a number or a tensor, got {value!r}. It may be one for each neuron.")
    if not isinstance(value, torch.Tensor):
        if not isfinite(value):
            raise ValueError(f"{name} must be finite, got {value!r}. It may be one for each neuron.")
        value = torch.tensor(float(value), dtype=precision)
    value, shape = value.to(x), x.shape[steps is None :]
    try:
        fits = torch.broadcast_shapes(value.shape, shape) == shape
    except RuntimeError:
        fits = False
    if not fits:
        got = f"{tuple(value.shape)}. The neurons are the last axes."
        raise ValueError(f"{name} must broadcast against a step {tuple(shape)}, got {got}")
    return value


def _hold(module, name, value, learnt):
    """Keep a setting as the module's parameter, buffer or number."""
    if learnt:
        module.register_parameter(name, nn.Parameter(torch.as_tensor(value, dtype=torch.get_default_dtype())))
    elif isinstance(value, torch.Tensor):
        module.register_buffer(name, value)
    else:
        setattr(module, name, value)


def _scan(neuron, x, surrogate, mem, steps):
    """(spikes, membranes) of all steps, by the kernels where they can."""
    shape = x.shape[steps is None :]
    start = x.new_zeros(shape) if mem is None else mem
    if not isinstance(start, torch.Tensor) or start.shape != shape or start.dtype != x.dtype:
        got = f"a {type(mem).__name__} {tuple(getattr(mem, 'shape', ()))}. None starts from 0."
        raise ValueError(f"mem must be None or {x.dtype} {tuple(shape)}, got {got}")
    is_step = type(surrogate).__call__ is Surrogate.__call__
    if is_step and x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64) and x.numel():
        return _fused(neuron, x, surrogate, start, steps)
    return loop(neuron, x if steps is None else x.expand(steps, *shape), surrogate, start)


def _fused(neuron, x, surrogate, start, steps):
    """`_Fused` with the axes in the order of x's memory, that of channels last too, so that nothing is copied."""
    lead, shape = int(steps is None), start.shape
    order = sorted(range(len(shape)), key=lambda axis: -x.stride(axis + lead))
    back = [0, *(1 + order.index(axis) for axis in range(len(shape)))]
    x = x.permute(0, *(1 + axis for axis in order)) if lead else x.permute(order)
    rows = (each.expand(shape).permute(order) for each in (neuron.keep, neuron.threshold, start))
    found = _Fused.apply(x, *rows, neuron.tau, neuron.reset, surrogate, steps)
    return tuple(each.permute(back) for each in found)


def loop(neuron, x, surrogate, mem):
    """(spikes, membranes) by torch's operations, one step after another; x (steps, batch, *shape), any device."""
    spikes, membranes, fired = [], [], surrogate(mem - neuron.threshold, neuron.fired(mem)).detach()
    for given in x:
        mem = neuron.advanced(mem, given, fired)
        spike = surrogate(mem - neuron.threshold, neuron.fired(mem))
        spikes.append(spike), membranes.append(mem)
        fired = spike.detach()
    return torch.stack(spikes), torch.stack(membranes)


class _Fused(torch.autograd.Function):
    """`loop` by the kernels: (x, keep (batch, *shape), threshold likewise, start, settings) -> (spikes, membranes)."""

    @staticmethod
    def forward(ctx, x, keep, threshold, start, tau, reset, surrogate, steps):
        ctx.mode = lif_kernels.DECAY if tau else RESETS.index(reset)
        ctx.tau, ctx.surrogate, ctx.held = tau, surrogate, steps is not None
        ctx.set_materialize_grads(False)
        n, total = start.numel(), steps or len(x)
        spikes, membranes = (_large(x, total, n) for _ in range(2))
        rows = [_rows(each, n) for each in (keep, threshold, start)]
        arguments = (_rows(x, -1, n), *rows, rows[0].dtype.type(tau), membranes.numpy(), spikes.numpy())
        threads.run_blocks(lif_kernels.forward, *_blocks(n), ctx.mode, *arguments)
        spikes, membranes = (each.view(total, *start.shape) for each in (spikes, membranes))
        ctx.save_for_backward(membranes, keep, threshold, start)
        return spikes, membranes

    @staticmethod
    @once_differentiable
    def backward(ctx, spikes_bar, membranes_bar):
        membranes, keep, threshold, start = ctx.saved_tensors
        n, learns = start.numel(), any(ctx.needs_input_grad[1:3])
        found = membranes.new_zeros(1, n) if ctx.held else _large(start, len(membranes), n)
        carry, *learnt = (membranes.new_zeros(size) for size in (n, n * learns, n * learns))
        given = [_rows(membranes[:0] if x is None else x, -1, n) for x in (spikes_bar, membranes_bar)]
        rows = [_rows(each, n) for each in (keep, threshold, start)]
        gain = rows[0].dtype.type(1 / ctx.tau if ctx.tau else 1)
        kind, steepness = KINDS.get(type(ctx.surrogate), 0), getattr(ctx.surrogate, "slope", 1.0)
        settings = (ctx.mode, *rows, gain, _rows(membranes, -1, n), ctx.held, kind, np.full(1, steepness, gain.dtype))
        arrays = (*given, *(each.numpy() for each in (carry, found, *learnt)))
        threads.run_blocks(_backward, *_blocks(n), ctx.surrogate, settings, arrays)
        shape = start.shape if ctx.held else membranes.shape
        learnt = [each.view(start.shape) if learns else None for each in learnt]
        return found.view(shape), *learnt, carry.view(start.shape), None, None, None, None


@torch.no_grad()
def _backward(first, last, blocks, surrogate, settings, arrays):
    """The backward pass of blocks; torch finds a surrogate's gradient in pieces, if the kernel has no formula of it."""
    threshold, membranes, kind, spikes_bar = settings[2], settings[5], settings[7], arrays[0]
    total, n = membranes.shape
    for block in range(first, last):
        a, b = block * blocks.lanes, min(n, (block + 1) * blocks.lanes)
        steps, limit = total if kind else max(1, PIECE // (b - a)), torch.from_numpy(threshold[a:b])
        for end in range(total, 0, -steps):
            start, slope = max(0, end - steps), np.empty((1, b - a), threshold.dtype)
            if len(spikes_bar) and not kind:
                slope = _rows(surrogate.gradient(torch.from_numpy(membranes[start:end, a:b]) - limit))
            lif_kernels.backward(a, b, start, end, settings, slope, arrays)


def _blocks(n):
    """n neurons in whole blocks, and their Blocks."""
    return -(-n // LANES) * LANES, lif_kernels.Blocks(LANES)


def _large(x, *shape):
    """An empty tensor of x's precision, in large pages where there are some: numpy asks for them, torch does not."""
    return torch.from_numpy(np.empty(shape, x.detach()[:0].numpy().dtype))


def _rows(x, *shape):
    """A tensor's values as numpy's contiguous array of this shape; a view where that can be."""
    return x.detach().contiguous().numpy().reshape(shape or x.shape)
