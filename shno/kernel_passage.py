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
from shno.kernel_drives import copy_vector, enter, hold, hold_vjp, pick, reset, reset_vjp
from shno.kernel_lanes import lanewise
from shno.kernel_philox import prepare_noise
from shno.kernel_registers import FLAGS
from shno.kernels import (
    ADJOINT_ROWS,
    aligned,
    clear,
    copy_lanes,
    deposit,
    fill_lanes,
    gather,
    gather_parameters,
    lanes,
    load_at,
    read,
    scatter,
    write,
)
from shno.llgs import right_hand_side, right_hand_side_vjp
from shno.solvers import rk4, rk4_vjp
from shno.vector import number, project, project_vjp

# Rows of a block in the forward pass, after m (3): the watched component's largest value, its crossings, the first
# one's step (-1: none), the component before and after it, whether the next counts, the norm's error.
PEAK, CROSSINGS, OPENED, BELOW, ABOVE, ARMED, ERROR = range(3, 10)
PART = 256  # steps whose states are kept at a time; a longer drive is computed once more, in parts


@lanewise
def begin(layout, lane, i):
    """No crossing yet in this drive."""
    width = layout.lanes
    lane[PEAK * width, i], lane[CROSSINGS * width, i], lane[OPENED * width, i] = -2.0, 0.0, -1.0
    lane[BELOW * width, i], lane[ABOVE * width, i] = 0.0, 1.0


@lanewise
def advance(layout, lane, parameters, noise, step, threshold, rearm, i):
    """One step, numbered in its drive; the watched component's peak and upward crossings are followed."""
    before, after, error = stepped(layout, lane, parameters, noise, i)
    peak, crossings, opened, below, above, armed, worst = (lane[k * layout.lanes, i] for k in range(PEAK, ERROR + 1))
    crossed = (after >= threshold).select(armed, 0.0)
    is_first = crossed > crossings
    now = (
        after.maximum(peak),
        crossings + crossed,
        is_first.select(step, opened),
        is_first.select(before, below),
        is_first.select(after, above),
        (after < rearm).select(1.0, armed - crossed),
        error.maximum(worst),
    )
    write(layout, lane, PEAK * layout.lanes, i, vector=now)


def stepped(layout, lane, parameters, noise, i):
    """One step of m; the watched component before and after it, and the norm's error."""
    h, *constant = load_at(layout, parameters, noise, noise, i, 0)
    before = read(layout, lane, i)
    after, error = project(rk4(right_hand_side, before, h, constant, constant, constant))
    write(layout, lane, i, vector=after)
    return before[layout.component], after[layout.component], error


@lanewise
def end(layout, lane, left, threshold, weakened, i):
    """The time of the first crossing takes a row's place; drives that are still weakened."""
    opened, below, above = (lane[k * layout.lanes, i] for k in (OPENED, BELOW, ABOVE))
    time = opened + (threshold - below) / (above - below)
    lane[BELOW * layout.lanes, i] = (opened >= 0.0).select(time, -1.0)
    fewer = (left[0, i] - 1.0).maximum(0.0)
    left[0, i] = (lane[CROSSINGS * layout.lanes, i] > 0.0).select(weakened, fewer)


@lanewise
def weaken(layout, factor, left, weak, i):
    """The factor of the next drive."""
    factor[0, i] = (left[0, i] > 0.0).select(weak, 1.0)


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
    lane, left, factor = aligned((ERROR + 1) * width, m.dtype), aligned(width, m.dtype), aligned(width, m.dtype)
    picked = aligned(width, np.int64)
    parameters = aligned((held.shape[1] + rows.shape[0] + shared.shape[0]) * width, m.dtype)
    noise, buffer = aligned(3 * width, m.dtype), (aligned(12 * width, m.dtype), aligned(12 * width, np.uint32))
    for block in range(first, last):
        start, group = block * width, -1
        gather_parameters(layout, parameters[held.shape[1] * width :], rows, shared, start)
        gather(layout, 3, lane, m, start)
        copy_lanes(layout, lane, ARMED * width, carried[0], start)
        copy_lanes(layout, left, 0, carried[1], start)
        fill_lanes(layout, lane, ERROR * width, number(0.0, weak))
        for k in range(held.shape[0]):
            weaken(layout, factor, left, weak)
            hold(layout, held.shape[1], parameters, held[k], start, factor)
            begin(layout, lane)
            for step in range(n_steps):
                group = prepare_noise(layout, noise, buffer, group, source, k * n_steps + step, start)
                advance(layout, lane, parameters, noise, number(step, weak), *limits)
            end(layout, lane, left, limits[0], weakened)
            scatter(layout, 4, lane[PEAK * width :], found[k], start)
            copy_lanes(layout, factors[k], start, factor, 0)
            if fraction > 0:
                reset(layout, lane, rest, fraction, picked, pick(picked, lane, CROSSINGS * width), start)
            scatter(layout, 3, lane, path[k], start)
        copy_lanes(layout, carried[0], start, lane, ARMED * width)
        copy_lanes(layout, carried[1], start, left, 0)
        copy_lanes(layout, carried[2], start, lane, ERROR * width)


@lanewise
def trace(layout, path, at, lane, parameters, noise, step, i):
    """One step again: path[at ...] gets the state before it, lane the state after it, its peak and the peak's step."""
    write(layout, path, at, i, vector=read(layout, lane, i))
    _, after, _ = stepped(layout, lane, parameters, noise, i)
    peak, its_step = lane[4 * layout.lanes, i], lane[5 * layout.lanes, i]
    is_higher = after > peak
    lane[4 * layout.lanes, i], lane[5 * layout.lanes, i] = (
        is_higher.select(after, peak),
        is_higher.select(step, its_step),
    )


@lanewise
def walk(layout, path, at, lane, parameters, noise, step, threshold, i):
    """One step of the adjoint: w, lane's first rows, becomes that before the step, where the state was path[at ...].

    The cotangent of the peak enters at the step of the peak, that of the crossing's time on both sides of the crossing;
    those of the parameters are deposited.
    """
    h, *constant = load_at(layout, parameters, noise, noise, i, 0)
    y = read(layout, path, at, i)
    raw = rk4(right_hand_side, y, h, constant, constant, constant)
    before, after = y[layout.component], project(raw)[0][layout.component]
    peak_bar, _, its_step, time_bar, opened = (lane[k * layout.lanes, i] for k in range(3, ADJOINT_ROWS))
    rise = after - before
    slope = opened.equals(step).select(time_bar / (rise * rise), 0.0)
    at_end = its_step.equals(step).select(peak_bar, 0.0) - slope * (threshold - before)
    bar = project_vjp(raw, entered(layout, read(layout, lane, i), at_end))
    bar, h_bar, bars = rk4_vjp(right_hand_side, right_hand_side_vjp, y, bar, h, *constant)
    write(layout, lane, i, vector=entered(layout, bar, slope * (threshold - after)))
    deposit(layout, lane, i, layout.tree, (h_bar, *bars))


def entered(layout, w, cotangent):
    """w with the cotangent of the watched component added."""
    return tuple(x + cotangent if k == layout.component else x for k, x in enumerate(w))


@lanewise
def aim(layout, lane, peak_bar, time_bar, opened, first, i):
    """What a drive's walk back needs besides w: the cotangents of peak and crossing, and the crossing's step."""
    width = layout.lanes
    lane[3 * width, i], lane[4 * width, i] = peak_bar[first, i], -2.0
    lane[6 * width, i], lane[7 * width, i] = time_bar[first, i], opened[first, i]


@njit(inline="always")
def retrace(layout, parameters, noises, group, path, lane, stretch):
    """So many steps of a drive again, from its step `begin` on, whose draw is number `drawn`: `path` gets the state
    before each, lane's rows 0-2 that after the last, rows 4 and 5 the peak and its step.
    """
    width, (noise, buffer, source), (n_steps, begin, drawn, first) = lanes(layout), noises, stretch
    for step in range(n_steps):
        group = prepare_noise(layout, noise, buffer, group, source, drawn + step, first)
        trace(layout, path, 3 * width * step, lane, parameters, noise, number(begin + step, lane[0]))
    return group


@njit(inline="always")
def walk_back(layout, parameters, noises, path, lane, stretch, threshold):
    """Reverse mode through the steps of `retrace`, with the state before each in `path`: w, lane's first three rows,
    from their end to their start.
    """
    width, group, (noise, buffer, source), (n_steps, begin, drawn, first) = lanes(layout), -1, noises, stretch
    for step in range(n_steps - 1, -1, -1):
        group = prepare_noise(layout, noise, buffer, group, source, drawn + step, first)
        walk(layout, path, 3 * width * step, lane, parameters, noise, number(begin + step, lane[0]), threshold)


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
            copy_vector(layout, starts, 3 * width * part, lane, 0)
        if turn >= parts:
            copy_vector(layout, lane, 0, starts, 3 * width * part)
        group = retrace(layout, parameters, noises, group, steps, lane, stretch)
        if turn == parts - 1:
            enter(layout, 3, w, path_bar, first)
            reset_vjp(layout, w, lane, rest, fraction, picked, crossed, first)
        if turn >= parts - 1:
            copy_vector(layout, lane, 0, w, 0)
            walk_back(layout, parameters, noises, steps, lane, stretch, threshold)
            copy_vector(layout, w, 0, lane, 0)
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
    length, picked = -(-n_steps // parts), aligned(width, np.int64)
    steps, starts = aligned(length * 3 * width, m.dtype), aligned(parts * 3 * width, m.dtype)
    noise, w = aligned(3 * width, m.dtype), aligned(3 * width, m.dtype)
    buffer = (aligned(12 * width, m.dtype), aligned(12 * width, np.uint32))
    # m or its cotangent w (3), cotangent of the peak, peak, its step, cotangent of the crossing's time, its step,
    # cotangents of the free rows
    lane = aligned((ADJOINT_ROWS + n_free) * width, m.dtype)
    bars = lane[ADJOINT_ROWS * width :]
    for block in range(first, last):
        start = block * width
        gather_parameters(layout, parameters[held.shape[1] * width :], rows, shared, start)
        clear(layout, ADJOINT_ROWS + n_free, lane)
        clear(layout, 3, w)
        for k in range(held.shape[0] - 1, -1, -1):
            gather(layout, 3, lane, path[k - 1] if k > 0 else m, start)
            factor = factors[k, start : start + width]
            hold(layout, held.shape[1], parameters, held[k], start, factor)
            aim(layout, lane, peak_bar[k], time_bar[k], found[k, 2], start)
            crossed = pick(picked, found[k, 1], start) if fraction > 0 else 0
            after = (path_bar[k], rest, fraction, picked, crossed)
            noises = (noise, buffer, source)
            there_and_back(layout, parameters, noises, steps, starts, lane, w, after, n_steps, k, start, threshold)
            hold_vjp(layout, n_held, bars, held_bar[k], start, factor)
            if k > 0 and k % truncate == 0:
                clear(layout, 3, w)
        scatter(layout, 3, lane, m_bar, start)
        scatter(layout, rows_bar.shape[0], bars[n_held * width :], rows_bar, start)
