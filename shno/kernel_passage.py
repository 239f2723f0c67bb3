"""The kernels of `integrate`: LLGS at drives held one after another, and its exact adjoint.

Forward: for each held drive n_steps of RK4, with the peak and the upward crossings of one component watched at every
step; then the reset of those that crossed. Backward: the drives in reverse; m is stored once a drive, the path under it
is computed again from there, a long one in parts of PART steps, so that memory does not grow with n_steps; then it is
walked in reverse by `rk4_vjp` and `right_hand_side_vjp`. The cotangent of the peak enters at the step of the peak, that
of the crossing's time on both sides of the crossing. Thermal noise is a function of its counter: it is drawn in the
forward pass, again on the way to the end and once more on the way back.
"""

import numpy as np
from numba import njit

from shno.kernel_cache import cached
from shno.kernel_drives import copy, enter, hold, hold_vjp, pick, reset, reset_vjp
from shno.kernel_philox import prepare_noise
from shno.kernel_registers import in_kernel
from shno.kernels import (
    ADJOINT_ROWS,
    FLAGS,
    aligned,
    deposit,
    gather,
    gather_parameters,
    lanes,
    load_at,
    project,
    read,
    scatter,
    write,
)
from shno.llgs import right_hand_side, right_hand_side_vjp
from shno.solvers import rk4, rk4_vjp
from shno.vector import normalise_vjp, number

PART = 256  # steps whose states are kept at a time; a longer drive is computed once more, in parts


@in_kernel
def advance_lane(layout, y, parameters, noise, i):
    """One step of lane i; returns the watched component before and after it, and the norm's error."""
    h, *constant = load_at(layout, parameters, noise, noise, i, 0)
    before = read(layout, y, i)
    after, error = project(rk4(right_hand_side, before, h, constant, constant, constant))
    write(layout, y, i, after)
    return before[layout.component], after[layout.component], error


@in_kernel
def again(layout, y, parameters, noise, i):
    """The step of lane i without projection, and the watched component before and after it."""
    h, *constant = load_at(layout, parameters, noise, noise, i, 0)
    before = read(layout, y, i)
    raw = rk4(right_hand_side, before, h, constant, constant, constant)
    return raw, before[layout.component], project(raw)[0][layout.component]


@in_kernel
def step_back(layout, y, parameters, noise, raw, lane, at_end, at_start, i):
    """The cotangent of the state of lane i after a step becomes that before it, where further cotangents of the watched
    component enter; those of the parameters are deposited.
    """
    h, *constant = load_at(layout, parameters, noise, noise, i, 0)
    bar = normalise_vjp(raw, entered(layout, read(layout, lane, i), at_end))
    bar, h_bar, bars = rk4_vjp(right_hand_side, right_hand_side_vjp, read(layout, y, i), bar, h, *constant)
    write(layout, lane, i, entered(layout, bar, at_start))
    deposit(layout, lane, i, layout.tree, (h_bar, *bars))


def entered(layout, w, cotangent):
    """w with the cotangent of the watched component added."""
    return tuple(x + cotangent if k == layout.component else x for k, x in enumerate(w))


@njit(inline="always")
def advance(layout, parameters, noise, buffer, group, source, sigma, lane, n_steps, drive, first, limits):
    """Advance a block through the steps of one drive; returns the group of noise that is in the buffer.

    lane : rows of lanes     m (3), largest value, crossings, the first crossing's step (-1: none), the component before
                             and after it, whether armed, norm error. One array, so that the compiler has few pointers
                             to tell apart: with more the loop is not vectorised, 10 times slower
    """
    width, (threshold, rearm) = lanes(layout), limits
    zero, one, two = number(0.0, threshold), number(1.0, threshold), number(2.0, threshold)
    for i in range(width):
        lane[3 * width + i], lane[4 * width + i], lane[5 * width + i] = -two, zero, -one
        lane[6 * width + i], lane[7 * width + i] = zero, one
    for step in range(n_steps):
        group = prepare_noise(layout, noise, buffer, group, source, sigma, drive * n_steps + step, first)
        for i in range(width):
            before, after, error = advance_lane(layout, lane, parameters, noise, i)
            armed, crossings = lane[8 * width + i], lane[4 * width + i]
            crossed = armed if after >= threshold else zero
            is_first = crossed > crossings
            lane[5 * width + i] = step if is_first else lane[5 * width + i]
            lane[6 * width + i] = before if is_first else lane[6 * width + i]
            lane[7 * width + i] = after if is_first else lane[7 * width + i]
            lane[8 * width + i] = one if after < rearm else armed - crossed
            lane[4 * width + i] = crossings + crossed
            lane[3 * width + i], lane[9 * width + i] = max(lane[3 * width + i], after), max(lane[9 * width + i], error)
    return group


@cached
@njit(nogil=True, fastmath=FLAGS, error_model="numpy")
def passage_kernel(
    first, last, layout, m, held, rows, shared, rest, source, n_steps, limits, after, path, found, factors, carried
):
    """Advance blocks first ... last from m (3, n) through the held drives (k, h, n), watching one component.

    rest : (3, n)                 where a reset turns m
    source : of the noise         (seed, realisations (n,), deviation (n,) in T, number of the first step)
    limits                        (threshold, rearm)
    after                         what follows a crossing: (fraction of the reset, drives that are weakened, factor)
    path : (k, 3, n)              m after each drive and its reset
    found : (k, 4, n)             largest value, crossings, step of the first crossing, and its time in steps (-1: none)
    factors : (k, n)              of each drive: 1, or that of a weakened one
    carried : (3, n)              in place: whether the next crossing counts, 0 or 1; weakened drives that are left;
                                  norm error
    """
    width, (fraction, weakened, weak) = lanes(layout), after
    zero, one = number(0.0, weak), number(1.0, weak)
    lane, left, factor = aligned(10 * width, m.dtype), aligned(width, m.dtype), aligned(width, m.dtype)
    picked = np.empty(width, np.int64)
    parameters = aligned((held.shape[1] + rows.shape[0] + shared.shape[0]) * width, m.dtype)
    noise, buffer = aligned(3 * width, m.dtype), (aligned(12 * width, m.dtype), aligned(12 * width, np.uint32))
    for block in range(first, last):
        start = block * width
        group, sigma = -1, source[2][start : start + width]
        gather_parameters(parameters[held.shape[1] * width :], rows, shared, start, width)
        gather(lane, m, start, width)
        for i in range(width):
            lane[8 * width + i], left[i], lane[9 * width + i] = carried[0, start + i], carried[1, start + i], zero
        for k in range(held.shape[0]):
            for i in range(width):
                factor[i] = weak if left[i] > 0 else one
            hold(parameters, held[k], factor, start, width)
            group = advance(layout, parameters, noise, buffer, group, source, sigma, lane, n_steps, k, start, limits)
            for i in range(width):
                opened, below, above = lane[5 * width + i], lane[6 * width + i], lane[7 * width + i]
                time = opened + (limits[0] - below) / (above - below)
                lane[6 * width + i] = time if opened >= zero else -one
                left[i] = weakened if lane[4 * width + i] > zero else max(left[i] - one, zero)
            scatter(lane[3 * width :], found[k], start, width)
            for i in range(width):
                factors[k, start + i] = factor[i]
            if fraction > 0:
                reset(lane, rest, fraction, picked, pick(picked, lane[4 * width : 5 * width]), start, width)
            scatter(lane, path[k], start, width)
        for i in range(width):
            carried[0, start + i], carried[1, start + i] = lane[8 * width + i], left[i]
            carried[2, start + i] = lane[9 * width + i]


@njit(inline="always")
def retrace(layout, parameters, noises, group, path, lane, stretch):
    """So many steps of a drive again, from its step `begin` on, whose draw is number `drawn`: `path` gets the state
    before each, lane's rows 0-2 that after the last, rows 4 and 5 the peak and its step.
    """
    width, (noise, buffer, source, sigma), (n_steps, begin, drawn, first) = lanes(layout), noises, stretch
    for step in range(n_steps):
        for i in range(3 * width):
            path[3 * width * step + i] = lane[i]
        group = prepare_noise(layout, noise, buffer, group, source, sigma, drawn + step, first)
        for i in range(width):
            _, after, _ = advance_lane(layout, lane, parameters, noise, i)
            lane[5 * width + i] = begin + step if after > lane[4 * width + i] else lane[5 * width + i]
            lane[4 * width + i] = max(lane[4 * width + i], after)
    return group


@njit(inline="always")
def walk_back(layout, parameters, noises, path, lane, stretch, threshold):
    """Reverse mode through the steps of `retrace`, with the state before each in `path`: w, lane's first three rows,
    from their end to their start.
    """
    width, zero, group = lanes(layout), number(0.0, lane[0]), -1
    (noise, buffer, source, sigma), (n_steps, begin, drawn, first) = noises, stretch
    for step in range(n_steps - 1, -1, -1):
        group = prepare_noise(layout, noise, buffer, group, source, sigma, drawn + step, first)
        y = path[3 * width * step : 3 * width * (step + 1)]
        for i in range(width):
            raw, before, after = again(layout, y, parameters, noise, i)
            is_peak, is_first = lane[5 * width + i] == begin + step, lane[7 * width + i] == begin + step
            rise = after - before
            slope = lane[6 * width + i] / (rise * rise) if is_first else zero
            entering = (lane[3 * width + i] if is_peak else zero) - slope * (threshold - before)
            step_back(layout, y, parameters, noise, raw, lane, entering, slope * (threshold - after), i)


@njit(inline="always")
def there_and_back(layout, parameters, noises, steps, starts, lane, w, after, n_steps, drive, first, threshold):
    """w, the cotangent of m after a drive and its reset, becomes that of m at its start, which lane's first rows hold.

    after     (cotangent of m after the reset, to be added (3, n), rest, fraction, lanes that were reset, how many)
    """
    (path_bar, rest, fraction, picked, crossed), width = after, lanes(layout)
    parts, group = -(-n_steps // PART), -1
    length = -(-n_steps // parts)
    for turn in range(2 * parts - 1):  # part after part to the end, and back
        part = min(turn, 2 * parts - 2 - turn)
        begin = part * length
        stretch = (min(length, n_steps - begin), begin, drive * n_steps + begin, first)
        if turn < parts - 1:
            copy(starts[3 * width * part :], lane, 3 * width)
        if turn >= parts:
            copy(lane, starts[3 * width * part :], 3 * width)
        group = retrace(layout, parameters, noises, group, steps, lane, stretch)
        if turn == parts - 1:
            enter(w, path_bar, first, width)
            reset_vjp(w, lane, rest, fraction, picked, crossed, first, width)
        if turn >= parts - 1:
            copy(lane, w, 3 * width)
            walk_back(layout, parameters, noises, steps, lane, stretch, threshold)
            copy(w, lane, 3 * width)
            group = -1


@cached
@njit(nogil=True, fastmath=FLAGS, error_model="numpy")
def adjoint_kernel(
    first, last, layout, m, held, rows, shared, rest, source, n_steps, threshold, fraction, truncate, path, found,
    factors, path_bar, peak_bar, time_bar, m_bar, held_bar, rows_bar,
):  # fmt: skip
    """Cotangents m_bar (3, n), held_bar (k, h, n) and rows_bar (n_free - h, n) of blocks first ... last, for those of
    path (k, 3, n), of the peaks (k, n) and of the times of the first crossings (k, n).

    truncate                      w is dropped at the start of every so many drives
    """
    width, n_held, n_free = lanes(layout), held.shape[1], held.shape[1] + rows_bar.shape[0]
    parameters = aligned((n_held + rows.shape[0] + shared.shape[0]) * width, m.dtype)
    parts = -(-n_steps // PART)
    length, picked = -(-n_steps // parts), np.empty(width, np.int64)
    steps, starts = aligned(length * 3 * width, m.dtype), aligned(parts * 3 * width, m.dtype)
    noise, w = aligned(3 * width, m.dtype), aligned(3 * width, m.dtype)
    buffer = (aligned(12 * width, m.dtype), aligned(12 * width, np.uint32))
    # One array, so that the compiler has few pointers to tell apart: m or its cotangent w (3), cotangent of the peak,
    # peak, its step, cotangent of the crossing's time, its step, cotangents of the free rows. With more arrays the
    # loops are not vectorised: 10 times slower.
    lane = aligned((ADJOINT_ROWS + n_free) * width, m.dtype)
    bars = lane[ADJOINT_ROWS * width :]
    for block in range(first, last):
        start = block * width
        sigma = source[2][start : start + width]
        gather_parameters(parameters[held.shape[1] * width :], rows, shared, start, width)
        lane[:], w[:] = 0, 0
        for k in range(held.shape[0] - 1, -1, -1):
            gather(lane, path[k - 1] if k > 0 else m, start, width)
            hold(parameters, held[k], factors[k, start : start + width], start, width)
            for i in range(width):
                lane[3 * width + i], lane[4 * width + i] = peak_bar[k, start + i], -2
                lane[6 * width + i], lane[7 * width + i] = time_bar[k, start + i], found[k, 2, start + i]
            crossed = pick(picked, found[k, 1, start : start + width]) if fraction > 0 else 0
            after = (path_bar[k], rest, fraction, picked, crossed)
            noises = (noise, buffer, source, sigma)
            there_and_back(layout, parameters, noises, steps, starts, lane, w, after, n_steps, k, start, threshold)
            hold_vjp(bars, held_bar[k], factors[k, start : start + width], start, width)
            kept = number(0.0 if k > 0 and k % truncate == 0 else 1.0, w[0])
            for i in range(3 * width):
                w[i] *= kept
        scatter(lane, m_bar, start, width)
        scatter(bars[n_held * width :], rows_bar, start, width)
