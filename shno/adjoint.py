"""Training through the step: `integrate`, differentiable, and its exact adjoint as compiled kernels.

Forward: n_steps of RK4 at a held drive, the peak and the upward crossings of one component watched at every step.
Backward: the path of a block is computed again from its start (m is stored once a call, so memory does not grow with
n_steps), then walked in reverse by `rk4_vjp` and `right_hand_side_vjp`, the cotangent of the peak entering at the
step of the peak. Elsewhere than on the CPU: plain torch with autograd.
"""

from typing import NamedTuple

import numpy as np
import torch
from numba import njit
from numba.extending import overload
from torch.autograd.function import once_differentiable

from shno.checks import IntegrationError, complaint
from shno.kernel_cache import cached
from shno.kernels import (
    ADJOINT_ROWS,
    FLAGS,
    INLINED,
    deposit,
    gather,
    lanes,
    load,
    place_leaves,
    project,
    run_blocks,
    scatter,
)
from shno.llgs import right_hand_side, right_hand_side_vjp
from shno.parameters import arguments, batch_shape, reduced_step
from shno.solvers import rk4, rk4_vjp
from shno.vector import dot, normalise, normalise_vjp, number

LARGEST_NORM_ERROR = 2e-4  # of |m|^2 before projection: 1e-4 of |m|


class Passage(NamedTuple):
    """What `integrate` returns; time first nowhere, batch everywhere.

    m_end : (*batch, 3)            at the end of the last step; differentiable
    m_peak : (*batch,)             largest value of the watched component after any step; differentiable
    crossings : (*batch,), int64   upward crossings of the threshold, each after re-arming
    crossing_time : (*batch,), s   of the first one, interpolated, from the start of the call; NaN where there is none
    """

    m_end: torch.Tensor
    m_peak: torch.Tensor
    crossings: torch.Tensor
    crossing_time: torch.Tensor


def watched(layout, state):
    """The component of m that the layout watches, inside a kernel."""


@overload(watched, jit_options=INLINED)
def _watched(layout, state):
    k = layout.layout.component
    return lambda layout, state: state[k]


def entered(layout, w, cotangent):
    """w with the cotangent of the watched component added, inside a kernel."""


@overload(entered, jit_options=INLINED)
def _entered(layout, w, cotangent):
    parts = ", ".join(f"w[{k}]" + " + cotangent" * (k == layout.layout.component) for k in range(3))
    return eval(f"lambda layout, w, cotangent: ({parts})")


@cached
@njit(nogil=True, fastmath=FLAGS, error_model="numpy")
def passage_kernel(first, last, layout, m, rows, n_steps, threshold, rearm, end, peak, count, time, deviation):
    """Advance blocks first ... last from m (3, n) to end (3, n), watching one component.

    peak, count, time, deviation : (n,)   largest value, crossings, first crossing in steps (-1: none), norm error
    """
    width = lanes(layout)
    zero, one = number(0.0, threshold), number(1.0, threshold)
    y, parameters = np.empty(3 * width, m.dtype), np.empty(rows.shape[0] * width, m.dtype)
    armed, crossings, highest, worst = np.empty((4, width), m.dtype)
    opened, below, above = np.empty((3, width), m.dtype)  # the first crossing: its step, the component before and after
    for block in range(first, last):
        gather(parameters, rows, block * width, width)
        gather(y, m, block * width, width)
        for i in range(width):
            armed[i] = one if watched(layout, (y[i], y[width + i], y[2 * width + i])) < threshold else zero
        crossings[:], highest[:], worst[:], opened[:], below[:], above[:] = 0, -2, 0, -1, 0, 1
        for step in range(n_steps):
            for i in range(width):
                h, torque_parameters, field_parameters = load(layout, parameters, i)
                state = (y[i], y[width + i], y[2 * width + i])
                before = watched(layout, state)
                state, error = project(rk4(right_hand_side, state, h, torque_parameters, field_parameters))
                y[i], y[width + i], y[2 * width + i] = state
                after = watched(layout, state)
                crossed = armed[i] if after >= threshold else zero
                is_first = crossed > crossings[i]
                opened[i] = step if is_first else opened[i]
                below[i] = before if is_first else below[i]
                above[i] = after if is_first else above[i]
                armed[i] = one if after < rearm else armed[i] - crossed
                crossings[i] += crossed
                highest[i], worst[i] = max(highest[i], after), max(worst[i], error)
        scatter(y, end, block * width, width)
        for i in range(width):
            n = block * width + i
            peak[n], count[n], deviation[n] = highest[i], crossings[i], worst[i]
            time[n] = opened[i] + (threshold - below[i]) / (above[i] - below[i]) if opened[i] >= 0 else -one


@cached
@njit(nogil=True, fastmath=FLAGS, error_model="numpy")
def adjoint_kernel(first, last, layout, m, rows, n_steps, end_bar, peak_bar, m_bar, rows_bar):
    """Cotangents m_bar (3, n) and rows_bar (n_free, n) of blocks first ... last, for those of end and peak."""
    width, n_free = lanes(layout), rows_bar.shape[0]
    zero = number(0.0, m[0, 0])
    parameters, path = np.empty(rows.shape[0] * width, m.dtype), np.empty(n_steps * 3 * width, m.dtype)
    # One array, so that the compiler has few pointers to tell apart: m or its cotangent w (3), cotangent of the peak,
    # peak, its step, cotangents of the free rows. With more arrays the loops are not vectorised: 10 times slower.
    lane = np.empty((ADJOINT_ROWS + n_free) * width, m.dtype)
    bars = lane[ADJOINT_ROWS * width :]
    for block in range(first, last):
        gather(parameters, rows, block * width, width)
        gather(lane, m, block * width, width)
        lane[3 * width : 4 * width] = peak_bar[block * width : (block + 1) * width]
        lane[4 * width : 5 * width], lane[5 * width :] = -2, 0
        for step in range(n_steps):
            path[3 * width * step : 3 * width * (step + 1)] = lane[: 3 * width]
            for i in range(width):
                h, torque_parameters, field_parameters = load(layout, parameters, i)
                state = (lane[i], lane[width + i], lane[2 * width + i])
                state, _ = project(rk4(right_hand_side, state, h, torque_parameters, field_parameters))
                lane[i], lane[width + i], lane[2 * width + i] = state
                after = watched(layout, state)
                lane[5 * width + i] = step if after > lane[4 * width + i] else lane[5 * width + i]
                lane[4 * width + i] = max(lane[4 * width + i], after)
        gather(lane, end_bar, block * width, width)
        for step in range(n_steps - 1, -1, -1):
            y = path[3 * width * step : 3 * width * (step + 1)]
            for i in range(width):
                h, torque_parameters, field_parameters = load(layout, parameters, i)
                state = (y[i], y[width + i], y[2 * width + i])
                entering = lane[3 * width + i] if lane[5 * width + i] == step else zero
                bar = entered(layout, (lane[i], lane[width + i], lane[2 * width + i]), entering)
                bar = normalise_vjp(rk4(right_hand_side, state, h, torque_parameters, field_parameters), bar)
                bar, h_bar, parameter_bars = rk4_vjp(
                    right_hand_side, right_hand_side_vjp, state, bar, h, torque_parameters, field_parameters
                )
                lane[i], lane[width + i], lane[2 * width + i] = bar
                deposit(layout, lane, (h_bar, parameter_bars[0], parameter_bars[1]), i)
        scatter(lane, m_bar, block * width, width)
        scatter(bars, rows_bar, block * width, width)


class _Passage(torch.autograd.Function):
    """The two kernels as one differentiable operation on (3, n) and (n_rows, n); n a whole number of blocks."""

    @staticmethod
    def forward(ctx, m, rows, layout, n_steps, threshold, rearm):
        scalar = np.dtype(str(m.dtype).removeprefix("torch.")).type
        end, per_lane = torch.empty_like(m), m.new_empty(4, m.shape[1])
        inputs = (m.numpy(), rows.numpy(), n_steps, scalar(threshold), scalar(rearm))
        run_blocks(passage_kernel, m.shape[1], layout, *inputs, end.numpy(), *per_lane.numpy())
        ctx.save_for_backward(m, rows)
        ctx.layout, ctx.n_steps = layout, n_steps
        peak, *rest = per_lane.unbind()
        ctx.mark_non_differentiable(*rest)
        return end, peak, *rest

    @staticmethod
    @once_differentiable
    def backward(ctx, end_bar, peak_bar, *_):
        m, rows = ctx.saved_tensors
        m_bar, free_bar = torch.empty_like(m), m.new_empty(ctx.layout.n_free, m.shape[1])
        cotangents = (end_bar.contiguous().numpy(), peak_bar.contiguous().numpy())
        run_blocks(
            adjoint_kernel,
            m.shape[1],
            ctx.layout,
            m.numpy(),
            rows.numpy(),
            ctx.n_steps,
            *cotangents,
            m_bar.numpy(),
            free_bar.numpy(),
        )
        rows_bar = torch.zeros_like(rows) if ctx.layout.n_free < len(rows) else free_bar
        rows_bar[: ctx.layout.n_free] = free_bar
        return m_bar, rows_bar, None, None, None, None


def _compiled_passage(tree, m, n_steps, component, threshold, rearm):
    """`integrate` on the CPU: rows are packed, padded to whole blocks and given to the kernels; m (*batch, 3)."""
    batch = m.shape[:-1]
    n = batch.numel()
    layout, leaves = place_leaves(
        tree, n, is_free=lambda leaf: isinstance(leaf, torch.Tensor) and leaf.requires_grad, component=component
    )
    rows = (
        torch.stack([torch.as_tensor(leaf, dtype=m.dtype).expand(batch).reshape(n) for leaf in leaves])
        if leaves
        else m.new_empty(0, n)
    )
    columns = m.reshape(n, 3).T
    missing = -n % layout.lanes
    if missing:
        rows, columns = (torch.cat([x, x[:, -1:].expand(-1, missing)], dim=1) for x in (rows, columns))
    results = _Passage.apply(columns.contiguous(), rows.contiguous(), layout, n_steps, threshold, rearm)
    end, peak, count, time, deviation = (x[..., :n] for x in results)
    return end.T.reshape(m.shape), *(x.reshape(batch) for x in (peak, count, time, deviation))


def _eager_passage(tree, m, n_steps, component, threshold, rearm):
    """`integrate` by plain torch and autograd, on any device: the same definition, written out."""
    state, armed = m.unbind(-1), m[..., component] < threshold
    peak, worst = torch.full_like(state[0], -2), torch.zeros_like(state[0])
    count, time = torch.zeros_like(peak), torch.full_like(peak, -1)
    for step in range(n_steps):
        before, y = state[component], rk4(right_hand_side, state, *tree)
        worst = torch.maximum(worst, (dot(y, y).detach() - 1).abs())
        state = normalise(y)
        after = state[component]
        crossed = armed & (after >= threshold)
        opening = crossed & (count == 0)
        time = torch.where(opening, step + (threshold - before.detach()) / (after - before).detach(), time)
        count = count + crossed
        armed = (armed & ~crossed) | (after < rearm)
        peak = torch.where(after > peak, after, peak)
    return torch.stack(state, dim=-1), peak, count, time, worst


def integrate(parameters, m, a_DL, *, dt, n_steps, component, threshold, rearm, executor="auto"):
    """n_steps of LLGS at a held drive, differentiable; upward crossings of `threshold` by one component of m are
    found inside.

    parameters : dict           as `shno.parameters` gives them: numbers, arrays or tensors; those that require a
                                gradient get one
    m : (*batch, 3) tensor      unit magnetisation at the start
    a_DL : T, tensor            damping-like torque, broadcast to the batch; replaces the one in `parameters`
    dt : s; n_steps             RK4's step; gamma |B| dt <= 0.2
    component : 0, 1 or 2       the one that is watched
    threshold, rearm            a crossing counts when the component was below `rearm` since the last one; a call
                                starts armed where it is
                                below `threshold`
    executor : "auto" | "compiled" | "torch"   compiled on the CPU, eager torch elsewhere
    Returns : Passage(m_end, m_peak, crossings, crossing_time); gradients flow through m_end and m_peak
    Raises : ValueError, IntegrationError when | |m| - 1 | exceeds 1e-4 before projection
    """
    if m.shape[-1:] != (3,) or not m.is_floating_point():
        raise ValueError(
            complaint("m", "a floating-point tensor (..., 3)", f"{m.dtype} {tuple(m.shape)}", "xyz is the last axis.")
        )
    if component not in (0, 1, 2) or not rearm <= threshold or n_steps < 1:
        got = f"component {component}, rearm {rearm}, threshold {threshold}, n_steps {n_steps}"
        raise ValueError(
            complaint("component, rearm, n_steps", "0, 1 or 2, at most threshold, at least 1", got, "Correct the call.")
        )
    values = {name: _as_tensor(value, m) for name, value in (parameters | {"a_DL": a_DL}).items()}
    batch = torch.broadcast_shapes(m.shape[:-1], batch_shape(values))
    tree = (reduced_step(values, dt), *arguments(values))
    compiled = executor == "compiled" or (executor == "auto" and m.device.type == "cpu")
    passage = _compiled_passage if compiled else _eager_passage
    end, peak, count, time, deviation = passage(tree, m.expand(*batch, 3), n_steps, component, threshold, rearm)
    if not bool((deviation <= LARGEST_NORM_ERROR).all()):
        worst = float(deviation.max()) / 2
        raise IntegrationError(
            f"| |m| - 1 | reached {worst:.2g} within {n_steps} steps of {dt:.3g} s: m turns too far in one. "
            f"Use dt <= {dt / 2:.3g} s."
        )
    return Passage(end, peak, count.long(), torch.where(time >= 0, time * dt, torch.nan))


def _as_tensor(value, like):
    """Numbers and arrays as tensors on the device and in the precision of `like`; None and gradients are kept."""
    if value is None:
        return None
    return torch.as_tensor(
        np.array(value) if isinstance(value, np.ndarray) else value, dtype=like.dtype, device=like.device
    )
