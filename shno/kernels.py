"""What every kernel is made of: the type of a Layout, where a lane's numbers are, blocks of lanes.

An oscillator's numbers are read from `rows`, an array (n_rows, n); a `Layout` says at compile time which row each
parameter is, which are constants (0, 1 or -1: axes and switched-off components cost nothing), which change with time
and which are None (absent). Blocks of `lanes` oscillators are advanced with the time loop outside and the lane loop
inside; blocks are shared over threads, and the last one is padded, so that an oscillator's result is the same bits
whatever the batch's size, chunks and threads (a parameter that is compiled in because the whole batch shares it may
change the last bit).
A lane's step is straight-line code (`kernel_registers`), so that LLVM runs the lane loop as vectors. What a kernel
calls besides is inlined into its source (`inline="always"`), as whatever Numba compiles for itself is optimised and
emitted twice. No NaN is assumed inside (`nnan`): a failed step is looked for outside.
"""

import numpy as np
from numba import njit, types
from numba.extending import NativeValue, models, overload, register_jitable, register_model, typeof_impl, unbox

from shno import vector
from shno.layout import Layout
from shno.vector import dot, reciprocal_sqrt, scale

FLAGS = {"contract", "nsz", "nnan", "ninf", "arcp", "afn"}
INLINED = {"forceinline": True, "fastmath": FLAGS, "error_model": "numpy", "no_cfunc_wrapper": True, "_nrt": False}
ADJOINT_ROWS = 8  # rows of the adjoint's scratch before the cotangents of the free rows


class LayoutType(types.Opaque):
    """The Numba type of one Layout: its name is its value, so each layout is its own specialisation."""

    def __init__(self, layout):
        """Keep the layout where overloads can read it."""
        self.layout = layout
        super().__init__(name=repr(layout))


typeof_impl.register(Layout)(lambda value, context: LayoutType(value))
register_model(LayoutType)(models.OpaqueModel)
unbox(LayoutType)(lambda typ, obj, c: NativeValue(c.context.get_dummy_value()))


@overload(vector.number, jit_options=INLINED)
def _number(value, like):
    real = like
    return lambda value, like: real(value)


def lanes(layout):
    """The layout's lane count as a compile-time constant, inside a kernel."""


@overload(lanes, jit_options=INLINED)
def _lanes(layout):
    value = layout.layout.lanes
    return lambda layout: value


class _Numbers(dict):
    """The numbers that a leaf may name, each read once: rows R, waveforms W and components of the noise N of lane i."""

    def __init__(self, layout, rows, waves, noise, i, stage):
        super().__init__(C=float)
        self.layout, self.i = layout, i
        self.sources = {"R": (rows, 0), "W": (waves, stage * len(layout.waves)), "N": (noise, 0)}

    def __missing__(self, name):
        block, first = self.sources[name[0]]
        self[name] = block[(first + int(name[1:])) * self.layout.lanes, self.i]
        return self[name]


def load_at(layout, rows, waves, noise, i, stage):
    """The arguments (h, torque parameters, field parameters[, heat parameters]) of lane i from blocks of rows, at
    stage 0, 1 or 2 of a step (start, middle, end).
    """
    return _valued(layout.tree, _Numbers(layout, rows, waves, noise, i, stage))


def _valued(leaf, numbers):
    if isinstance(leaf, tuple):
        return tuple(_valued(part, numbers) for part in leaf)
    if isinstance(leaf, str):
        return eval(leaf, {}, numbers)
    return numbers[f"R{leaf}"] if isinstance(leaf, int) else leaf


def deposit(layout, scratch, i, leaf, bar):
    """Add the cotangent of a tree of leaves to those of the differentiable ones, lane i of the adjoint's scratch."""
    if isinstance(leaf, tuple):
        for part in zip(leaf, bar, strict=True):
            deposit(layout, scratch, i, *part)
    elif isinstance(leaf, int) and leaf < layout.n_free:
        place = (leaf + ADJOINT_ROWS) * layout.lanes, i
        scratch[place] = scratch[place] + bar


def read(layout, block, i, count=3):
    """The vector in the first rows of lane i."""
    return tuple(block[k * layout.lanes, i] for k in range(count))


def write(layout, block, i, vector):
    """Put a vector into the first rows of lane i."""
    for k, component in enumerate(vector):
        block[k * layout.lanes, i] = component


def project(y):
    """y with its first three components made a unit vector, and | |m|^2 - 1 | before projection."""
    square = dot(y, y)
    return (*scale(reciprocal_sqrt(square), y[:3]), *y[3:]), abs(square - 1.0)


@register_jitable(forceinline=True, no_cfunc_wrapper=True)
def aligned(n, dtype):
    """An empty array of n numbers that starts at a cache line, 64 bytes: no vector is then loaded from two."""
    room = np.empty(n + 64, dtype)
    skipped = (-room.ctypes.data % 64) // room.itemsize
    return room[skipped : skipped + n]


@njit(inline="always")
def gather(block, array, first, width):
    """Copy columns first ... first + width of array (k, n) to a flat block (k x width)."""
    for k in range(array.shape[0]):
        row = array[k, first : first + width]  # its indices from 0 on need no test of their sign: they are vectorised
        for i in range(width):
            block[k * width + i] = row[i]


@njit(inline="always")
def gather_parameters(block, rows, shared, first, width):
    """Fill a block of parameters: columns first ... first + width of rows (k, n), then each shared number."""
    gather(block, rows, first, width)
    for k in range(shared.shape[0]):
        for i in range(width):
            block[(rows.shape[0] + k) * width + i] = shared[k]


@njit(inline="always")
def scatter(block, array, first, width):
    """Copy a flat block (k x width) to columns first ... first + width of array (k, n), as far as there are."""
    for k in range(array.shape[0]):
        row = array[k, first : first + width]
        for i in range(len(row)):
            row[i] = block[k * width + i]
