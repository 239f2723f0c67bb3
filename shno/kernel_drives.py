"""What the kernels of a passage do between held drives: the next drive, the reset of those that crossed; and backwards.

A block is a flat array of rows of lanes: components of m or of its cotangent, or parameters.
"""

from numba import njit

from shno.kernel_lanes import in_kernel, lanewise, rowwise
from shno.kernels import lanes
from shno.vector import number, rotate_towards, rotate_towards_vjp

turn, turn_vjp = in_kernel(rotate_towards), in_kernel(rotate_towards_vjp)


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


@njit(inline="always")
def reset(layout, y, rest, fraction, picked, count, first):
    """Turn m of the picked lanes towards rest (3, n) by a fraction of the angle; 1: set it there."""
    width = lanes(layout)
    for k in range(count):
        i = picked[k]
        target = (rest[0, first + i], rest[1, first + i], rest[2, first + i])
        turned = turn((y[i], y[width + i], y[2 * width + i]), target, fraction)
        for_all = fraction == 1
        y[i] = target[0] if for_all else turned[0]
        y[width + i] = target[1] if for_all else turned[1]
        y[2 * width + i] = target[2] if for_all else turned[2]


@njit(inline="always")
def reset_vjp(layout, w, y, rest, fraction, picked, count, first):
    """w, the cotangent of m after the reset of the picked lanes, becomes that before it, where m was y."""
    width = lanes(layout)
    for k in range(count):
        i = picked[k]
        target = (rest[0, first + i], rest[1, first + i], rest[2, first + i])
        m, bar = (y[i], y[width + i], y[2 * width + i]), (w[i], w[width + i], w[2 * width + i])
        bar = turn_vjp(m, bar, target, fraction)
        left = number(0.0 if fraction == 1 else 1.0, w[0])
        w[i], w[width + i], w[2 * width + i] = left * bar[0], left * bar[1], left * bar[2]
