"""The compiled passes of `lif` over all steps: membranes as rows (steps, n), blocks of neurons shared over threads.

The time loop is inside a block and the lane loop inside that, so that a block's state stays in the caches. No
multiplication is fused with a sum: a membrane has the same bits as in a loop of torch's operations.
"""

from math import pi
from typing import NamedTuple

from numba.extending import register_jitable

from shno import kernel_cache

SUBTRACT, ZERO, NONE, DECAY = range(4)  # what a kernel does after a spike; DECAY: V + (x - V) / tau, reset to 0
GIVEN, FAST_SIGMOID, ARCTAN = range(3)  # the surrogate's gradient: given, or its formula in `surrogate`, spelt here


class Blocks(NamedTuple):
    """How many neurons a block has."""

    lanes: int


@kernel_cache.compiled(__file__)
def forward(first, last, blocks, mode, x, keep, threshold, start, tau, membranes, spikes):
    """Membranes and spikes (steps, n) of blocks of neurons; x (steps, n), or (1, n) held; the other rows (n)."""
    steps, n = membranes.shape
    one, zero = x.dtype.type(1), x.dtype.type(0)
    for block in range(first, last):
        a, b = block * blocks.lanes, min(n, (block + 1) * blocks.lanes)
        beta, limit = keep[a:b], threshold[a:b]
        for t in range(steps):
            given = x[t if len(x) > 1 else 0, a:b]
            v = membranes[t - 1, a:b] if t else start[a:b]
            after, spike = membranes[t, a:b], spikes[t, a:b]
            if mode == SUBTRACT:
                for j in range(b - a):
                    after[j] = beta[j] * v[j] + given[j] - (limit[j] if v[j] > limit[j] else zero)
            elif mode == ZERO:
                for j in range(b - a):
                    after[j] = beta[j] * (zero if v[j] > limit[j] else v[j]) + given[j]
            elif mode == NONE:
                for j in range(b - a):
                    after[j] = beta[j] * v[j] + given[j]
            else:
                for j in range(b - a):
                    left = zero if v[j] >= limit[j] else v[j]
                    after[j] = left + (given[j] - left) / tau
            for j in range(b - a):
                fired = (after[j] > limit[j]) | ((mode == DECAY) & (after[j] == limit[j]))
                spike[j] = one if fired else zero


@register_jitable
def formula(kind, steepness, membranes, limit, slope):
    """A surrogate's gradient at membranes - limit, into slope."""
    one, half, half_pi = steepness.dtype.type(1), steepness.dtype.type(0.5), steepness.dtype.type(pi / 2)
    k = steepness[0]
    if kind == FAST_SIGMOID:
        for j in range(len(slope)):
            w = one + k * abs(membranes[j] - limit[j])
            slope[j] = one / (w * w)
    else:
        for j in range(len(slope)):
            w = half_pi * k * (membranes[j] - limit[j])
            slope[j] = half * k / (one + w * w)


@kernel_cache.compiled(__file__)
def backward(a, b, first, last, settings, slope, arrays):
    """What the loss feels of the inputs of neurons a to b in steps first to last, the last one first.

    settings : (mode, keep, threshold, start (n), gain, membranes (steps, n), held, kind, steepness)
        gain of x; held: x is; kind and slope of the surrogate
    slope (last - first, b - a)       its gradient where that is given, or else room for a row of it
    arrays : (spikes_bar, membranes_bar, carry, found, keep_bar, threshold_bar)
        spikes_bar, membranes_bar (steps, n)   dL/ds, dL/dV, or empty
        carry (n)                     what later steps pass on to V of step last - 1; then what these pass on
        found (steps, n)              dL/dx; (1, n) where x is held: added to
        keep_bar, threshold_bar (n)   added to, or empty
    """
    mode, keep, threshold, initial, gain, membranes, held, kind, steepness = settings
    spikes_bar, membranes_bar, carry, found, keep_bar, threshold_bar = arrays
    one, zero = keep.dtype.type(1), keep.dtype.type(0)
    soft, hard = one if mode == SUBTRACT else zero, one if mode == ZERO or mode == DECAY else zero
    beta, limit, e = keep[a:b], threshold[a:b], carry[a:b]
    for t in range(last - 1, first - 1, -1):
        v, out = membranes[t - 1, a:b] if t else initial[a:b], found[0 if held else t, a:b]
        if len(spikes_bar):
            s, g = spikes_bar[t, a:b], slope[0 if kind else t - first]
            if kind:
                formula(kind, steepness, membranes[t, a:b], limit, g)
            for j in range(b - a):
                e[j] += s[j] * g[j]
            if len(threshold_bar):
                l = threshold_bar[a:b]
                for j in range(b - a):
                    l[j] -= s[j] * g[j]
        if len(membranes_bar):
            s = membranes_bar[t, a:b]
            for j in range(b - a):
                e[j] += s[j]
        if len(keep_bar):
            k, l = keep_bar[a:b], threshold_bar[a:b]
            for j in range(b - a):
                reset = one if (v[j] > limit[j]) | ((mode == DECAY) & (v[j] == limit[j])) else zero
                k[j] += e[j] * v[j] * (one - hard * reset)
                l[j] -= e[j] * soft * reset
        for j in range(b - a):
            reset = one if (v[j] > limit[j]) | ((mode == DECAY) & (v[j] == limit[j])) else zero
            out[j] = gain * e[j] + (out[j] if held else zero)
            e[j] *= beta[j] * (one - hard * reset)
