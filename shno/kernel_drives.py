"""What the kernels of a passage do between held drives: the next drive, the reset of those that crossed; and backwards.

A block is a flat array of rows of lanes: components of m or of its cotangent, or parameters.
"""

from numba import njit

from shno.kernel_lanes import lanewise, rowwise
from shno.kernels import lanes, one_lane
from shno.vector import rotate_towards, rotate_towards_vjp


@rowwise
def hold(layout, count, block, held, first, factor, row, i):
    """Put the drives of a block's columns of held (h, n), from the first on, times each lane's factor, into a block."""
    block.row(row, layout.lanes)[0, i] = factor[0, i] * held.row(row)[first, i]


@rowwise
def hold_vjp(layout, count, bars, held_bar, first, factor, row, i):
    """Cotangents of the held drives from those of the block's parameters, which become zero for the drive before."""
    of_row = bars.row(row, layout.lanes)
    held_bar.row(row)[first, i] = factor[0, i] * of_row[0, i]
    of_row[0, i] = 0.0


@njit(inline="always")
def pick(picked, crossings, first):
    """Put the lanes that crossed into `picked`, in order; returns how many.

    crossings : of each lane, from element `first` on.  Few cross: the angles of a reset are not worked out for all.
    """
    count = 0
    for i in range(len(picked)):
        picked[count] = i
        count += 1 if crossings[first + i] > 0 else 0
    return count


@lanewise
def copy_vector(layout, to, at, source, place, i):
    """Three rows of lanes: to[at ...] = source[place ...]."""
    for k in range(3):
        to[at, k * layout.lanes, i] = source[place, k * layout.lanes, i]


@rowwise
def enter(layout, count, w, path_bar, first, row, i):
    """Add the cotangent of m after a drive, columns of path_bar (3, n) from the first on, to w."""
    of_row = w.row(row, layout.lanes)
    of_row[0, i] = of_row[0, i] + path_bar.row(row)[first, i]


@lanewise
def turn(layout, y, width, at, rest, first, fraction, i):
    """Turn m of lane `at`, in rows so wide, towards rest by a fraction of the angle; 1: set it there."""
    m, target = read_rows(y, width, at, i), read_rows(rest, None, at, first, i)
    turned = rotate_towards(m, target, fraction)
    for k in range(3):
        y.row(k, width)[at, i] = fraction.equals(1.0).select(target[k], turned[k])


@lanewise
def turn_vjp(layout, w, y, width, at, rest, first, fraction, i):
    """w, the cotangent of m after the turn, becomes that before it, where m was y."""
    m, bar, target = read_rows(y, width, at, i), read_rows(w, width, at, i), read_rows(rest, None, at, first, i)
    bar = rotate_towards_vjp(m, bar, target, fraction)
    for k in range(3):
        w.row(k, width)[at, i] = fraction.equals(1.0).select(0.0, bar[k])


def read_rows(rows, width, *at):
    """The vector in three rows, so wide if the array is flat."""
    return tuple(rows.row(k, width)[at] for k in range(3))


@njit(inline="always")
def reset(layout, y, rest, fraction, picked, count, first):
    """Turn m of the picked lanes towards rest (3, n) by a fraction of the angle; 1: set it there."""
    for k in range(count):
        turn(one_lane(layout), y, lanes(layout), picked[k], rest, first, fraction)


@njit(inline="always")
def reset_vjp(layout, w, y, rest, fraction, picked, count, first):
    """w, the cotangent of m after the reset of the picked lanes, becomes that before it, where m was y."""
    for k in range(count):
        turn_vjp(one_lane(layout), w, y, lanes(layout), picked[k], rest, first, fraction)
