"""What the kernels of a passage do between held drives: the next drive, the reset of those that crossed; and backwards.

A block is a flat array of rows of lanes: components of m or of its cotangent, or parameters.
"""

from numba import njit

from shno.kernel_registers import in_kernel
from shno.vector import number, rotate_towards, rotate_towards_vjp

turn, turn_vjp = in_kernel(rotate_towards), in_kernel(rotate_towards_vjp)


@njit(inline="always")
def hold(block, held, factor, first, width):
    """Put the drive of columns first ... first + width, held (h, n) times each lane's factor, into a block."""
    for k in range(held.shape[0]):
        row = held[k, first : first + width]
        for i in range(width):
            block[k * width + i] = factor[i] * row[i]


@njit(inline="always")
def hold_vjp(bars, held_bar, factor, first, width):
    """Cotangents of the held drive from those of the block's parameters, which become zero for the drive before."""
    for k in range(held_bar.shape[0]):
        row = held_bar[k, first : first + width]
        for i in range(width):
            row[i] = factor[i] * bars[k * width + i]
            bars[k * width + i] = 0


@njit(inline="always")
def pick(picked, crossed):
    """Put the lanes that crossed into `picked`, in order; returns how many.

    A loop over all lanes is run as vectors or not, as addresses happen to lie, and rounds a reset's angles otherwise.
    """
    count = 0
    for i in range(len(picked)):
        picked[count] = i
        count += 1 if crossed[i] > 0 else 0
    return count


@njit(inline="always")
def copy(to, source, count):
    """Copy the first `count` numbers of a block to another."""
    for i in range(count):
        to[i] = source[i]


@njit(inline="always")
def enter(w, path_bar, first, width):
    """Add the cotangent of m after a drive, columns first ... first + width of path_bar (3, n), to w."""
    for c in range(3):
        row = path_bar[c, first : first + width]
        for i in range(width):
            w[c * width + i] += row[i]


@njit(inline="always")
def reset(y, rest, fraction, picked, count, first, width):
    """Turn m of the picked lanes towards rest (3, n) by a fraction of the angle; 1: set it there."""
    for k in range(count):
        i = picked[k]
        target = (rest[0, first + i], rest[1, first + i], rest[2, first + i])
        turned = turn((y[i], y[width + i], y[2 * width + i]), target, fraction)
        for_all = fraction == 1
        y[i] = target[0] if for_all else turned[0]
        y[width + i] = target[1] if for_all else turned[1]
        y[2 * width + i] = target[2] if for_all else turned[2]


@njit(inline="always")
def reset_vjp(w, y, rest, fraction, picked, count, first, width):
    """w, the cotangent of m after the reset of the picked lanes, becomes that before it, where m was y."""
    for k in range(count):
        i = picked[k]
        target = (rest[0, first + i], rest[1, first + i], rest[2, first + i])
        m, bar = (y[i], y[width + i], y[2 * width + i]), (w[i], w[width + i], w[2 * width + i])
        bar = turn_vjp(m, bar, target, fraction)
        left = number(0.0 if fraction == 1 else 1.0, w[0])
        w[i], w[width + i], w[2 * width + i] = left * bar[0], left * bar[1], left * bar[2]
