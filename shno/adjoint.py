"""Training through the step: its exact adjoint as compiled kernels, and the autograd function that `integrate` uses.

Forward: n_steps of RK4 at a held drive, the peak and the upward crossings of one component watched at every step.
Backward: the path of a block is computed again from its start (m is stored once a call, so memory does not grow with
n_steps), then walked in reverse by `rk4_vjp` and `right_hand_side_vjp`, the cotangent of the peak entering at the
step of the peak. Thermal noise is a function of its counter: it is drawn in the forward pass, again on the way to the
end and once more on the way back. Elsewhere than on the CPU: plain torch with autograd.
"""

import numpy as np
import torch
from numba import njit
from numba.extending import overload, register_jitable
from torch.autograd.function import once_differentiable

from shno.kernel_cache import cached
from shno.kernel_philox import prepare_noise
from shno.kernels import (
    ADJOINT_ROWS,
    FLAGS,
    INLINED,
    deposit,
    gather,
    gather_parameters,
    lanes,
    load_at,
    project,
    scatter,
)
from shno.layout import NOISE, place_leaves
from shno.llgs import right_hand_side, right_hand_side_vjp
from shno.solvers import rk4, rk4_vjp
from shno.threads import run_blocks
from shno.vector import normalise_vjp, number


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
def passage_kernel(
    first, last, layout, m, rows, shared, source, n_steps, threshold, rearm, end, ready, peak, count, time, deviation
):
    """Advance blocks first ... last from m (3, n) to end (3, n), watching one component.

    source : of the noise                 (seed, realisations (n,), deviation (n,) in T, number of the first step)
    ready : (n,)                          whether the next crossing counts, 0 or 1; in place
    peak, count, time, deviation : (n,)   largest value, crossings, first crossing in steps (-1: none), norm error
    """
    width = lanes(layout)
    zero, one = number(0.0, threshold), number(1.0, threshold)
    y, parameters = np.empty(3 * width, m.dtype), np.empty((rows.shape[0] + shared.shape[0]) * width, m.dtype)
    armed, crossings, highest, worst = np.empty((4, width), m.dtype)
    noise, buffer = np.empty(3 * width, m.dtype), (np.empty(12 * width, m.dtype), np.empty(12 * width, np.uint32))
    opened, below, above = np.empty((3, width), m.dtype)  # the first crossing: its step, the component before and after
    for block in range(first, last):
        group, sigma = -1, source[2][block * width : (block + 1) * width]
        gather_parameters(parameters, rows, shared, block * width, width)
        gather(y, m, block * width, width)
        armed[:] = ready[block * width : (block + 1) * width]
        crossings[:], highest[:], worst[:], opened[:], below[:], above[:] = 0, -2, 0, -1, 0, 1
        for step in range(n_steps):
            group = prepare_noise(layout, noise, buffer, group, source, sigma, step, block * width)
            for i in range(width):
                h, torque_parameters, field_parameters = load_at(layout, parameters, noise, noise, i, 0)
                held = (torque_parameters, field_parameters)
                state = (y[i], y[width + i], y[2 * width + i])
                before = watched(layout, state)
                state, error = project(rk4(right_hand_side, state, h, held, held, held))
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
            ready[n], peak[n], count[n], deviation[n] = armed[i], highest[i], crossings[i], worst[i]
            time[n] = opened[i] + (threshold - below[i]) / (above[i] - below[i]) if opened[i] >= 0 else -one


@register_jitable(**INLINED)
def walk_back(layout, parameters, noise, buffer, group, source, sigma, path, lane, n_steps, block):
    """Reverse mode through the steps of one block: w, lane's first three rows, from the end of `path` to its start."""
    width, zero = lanes(layout), number(0.0, lane[0])
    for step in range(n_steps - 1, -1, -1):
        group = prepare_noise(layout, noise, buffer, group, source, sigma, step, block * width)
        y = path[3 * width * step : 3 * width * (step + 1)]
        for i in range(width):
            h, torque_parameters, field_parameters = load_at(layout, parameters, noise, noise, i, 0)
            state = (y[i], y[width + i], y[2 * width + i])
            entering = lane[3 * width + i] if lane[5 * width + i] == step else zero
            bar = entered(layout, (lane[i], lane[width + i], lane[2 * width + i]), entering)
            held = (torque_parameters, field_parameters)
            bar = normalise_vjp(rk4(right_hand_side, state, h, held, held, held), bar)
            bar, h_bar, parameter_bars = rk4_vjp(
                right_hand_side, right_hand_side_vjp, state, bar, h, torque_parameters, field_parameters
            )
            lane[i], lane[width + i], lane[2 * width + i] = bar
            deposit(layout, lane, (h_bar, parameter_bars[0], parameter_bars[1]), i)


@cached
@njit(nogil=True, fastmath=FLAGS, error_model="numpy")
def adjoint_kernel(first, last, layout, m, rows, shared, source, n_steps, end_bar, peak_bar, m_bar, rows_bar):
    """Cotangents m_bar (3, n) and rows_bar (n_free, n) of blocks first ... last, for those of end and peak."""
    width, n_free = lanes(layout), rows_bar.shape[0]
    parameters, path = (
        np.empty((rows.shape[0] + shared.shape[0]) * width, m.dtype),
        np.empty(n_steps * 3 * width, m.dtype),
    )
    noise, buffer = np.empty(3 * width, m.dtype), (np.empty(12 * width, m.dtype), np.empty(12 * width, np.uint32))
    # One array, so that the compiler has few pointers to tell apart: m or its cotangent w (3), cotangent of the peak,
    # peak, its step, cotangents of the free rows. With more arrays the loops are not vectorised: 10 times slower.
    lane = np.empty((ADJOINT_ROWS + n_free) * width, m.dtype)
    bars = lane[ADJOINT_ROWS * width :]
    for block in range(first, last):
        group, sigma = -1, source[2][block * width : (block + 1) * width]
        gather_parameters(parameters, rows, shared, block * width, width)
        gather(lane, m, block * width, width)
        lane[3 * width : 4 * width] = peak_bar[block * width : (block + 1) * width]
        lane[4 * width : 5 * width], lane[5 * width :] = -2, 0
        for step in range(n_steps):
            path[3 * width * step : 3 * width * (step + 1)] = lane[: 3 * width]
            group = prepare_noise(layout, noise, buffer, group, source, sigma, step, block * width)
            for i in range(width):
                h, torque_parameters, field_parameters = load_at(layout, parameters, noise, noise, i, 0)
                state = (lane[i], lane[width + i], lane[2 * width + i])
                held = (torque_parameters, field_parameters)
                state, _ = project(rk4(right_hand_side, state, h, held, held, held))
                lane[i], lane[width + i], lane[2 * width + i] = state
                after = watched(layout, state)
                lane[5 * width + i] = step if after > lane[4 * width + i] else lane[5 * width + i]
                lane[4 * width + i] = max(lane[4 * width + i], after)
        gather(lane, end_bar, block * width, width)
        walk_back(layout, parameters, noise, buffer, group, source, sigma, path, lane, n_steps, block)
        scatter(lane, m_bar, block * width, width)
        scatter(bars, rows_bar, block * width, width)


class _Passage(torch.autograd.Function):
    """The two kernels as one differentiable operation on (3, n) and (n_rows, n); n a whole number of blocks."""

    @staticmethod
    def forward(ctx, m, rows, fixed, armed, layout, n_steps, threshold, rearm):
        scalar = fixed[0].dtype.type
        end, per_lane = torch.empty_like(m), m.new_empty(5, m.shape[1])
        per_lane[0] = armed
        inputs = (m.numpy(), rows.numpy(), *fixed, n_steps, scalar(threshold), scalar(rearm))
        run_blocks(passage_kernel, m.shape[1], layout, *inputs, end.numpy(), *per_lane.numpy())
        ctx.save_for_backward(m, rows)
        ctx.layout, ctx.fixed, ctx.n_steps = layout, fixed, n_steps
        armed, peak, *rest = per_lane.unbind()
        ctx.mark_non_differentiable(armed, *rest)
        return end, peak, armed, *rest

    @staticmethod
    @once_differentiable
    def backward(ctx, end_bar, peak_bar, *_):
        m, rows = ctx.saved_tensors
        m_bar, rows_bar = torch.empty_like(m), torch.zeros_like(rows)
        free_bar = rows_bar[: ctx.layout.n_free]
        inputs = (m.numpy(), rows.numpy(), *ctx.fixed, ctx.n_steps)
        cotangents = (end_bar.contiguous(), peak_bar.contiguous(), m_bar, free_bar)
        run_blocks(adjoint_kernel, m.shape[1], ctx.layout, *inputs, *(x.numpy() for x in cotangents))
        return m_bar, rows_bar, None, None, None, None, None, None


def compiled_passage(tree, m, armed, noise, n_steps, component, threshold, rearm):
    """The passage of `integrate` on the CPU: rows are packed, padded to whole blocks and given to the kernels.

    tree                     (h, torque parameters, field parameters): tensors; m (*batch, 3), armed (*batch,) bool
    noise                    None, or (seed, realisations (*batch,), deviation (*batch,), number of the first step)
    Returns : m_end (*batch, 3), then (*batch,) each: peak, armed, count, time in steps (-1: none), norm error
    """
    batch, draws = m.shape[:-1], int(noise is not None)
    n = batch.numel()
    if draws:
        tree = (*tree[:2], (*tree[2][:-1], NOISE))  # B_thermal is the last field parameter
    layout, leaves, shared, _ = place_leaves(
        tree, n, is_free=lambda leaf: leaf.requires_grad, component=component, draws=draws
    )
    rows = [leaf.expand(batch).reshape(n) for leaf in leaves]
    rows = torch.stack(rows) if rows else m.new_empty(0, n)
    columns, armed = m.reshape(n, 3).T, armed.reshape(n).to(m)
    missing = -n % layout.lanes
    if missing:
        rows, columns = (torch.cat([x, x[:, -1:].expand(-1, missing)], dim=1) for x in (rows, columns))
        armed = torch.nn.functional.pad(armed, (0, missing))
    shared = np.array(shared, str(m.dtype).removeprefix("torch."))
    fixed = (shared, _source(noise, missing, shared.dtype))
    results = _Passage.apply(columns.contiguous(), rows.contiguous(), fixed, armed, layout, n_steps, threshold, rearm)
    end, *per_lane = (x[..., :n] for x in results)
    return end.T.reshape(m.shape), *(x.reshape(batch) for x in per_lane)


def _source(noise, missing, dtype):
    """The noise as the kernels take it, without noise in padded oscillators; no numbers where there is none."""
    seed, realisations, deviation, first = (0, (), (), 0) if noise is None else noise
    numbers = (np.asarray(realisations, np.uint32).ravel(), np.asarray(deviation, dtype).ravel())
    return np.uint64(seed), *(np.pad(x, (0, missing)) for x in numbers), first
