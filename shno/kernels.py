"""What every kernel is made of: the type of a Layout, where a lane's numbers are, blocks of lanes.

An oscillator's numbers are read from `rows`, an array (n_rows, n); a `Layout` says at compile time which row each
parameter is, which are constants (0, 1 or -1: axes and switched-off components cost nothing), which change with time
and which are None (absent). Blocks of `lanes` oscillators are advanced with the time loop outside and the lane loop
inside; blocks are shared over threads, and the last one is padded, so that an oscillator's result is the same bits
whatever the batch's size, chunks and threads (a parameter that is compiled in because the whole batch shares it may
change the last bit).
What is done to all lanes is written out as vectors (`kernel_lanes`). What a kernel calls besides is inlined into its
source (`inline="always"`), as whatever Numba compiles for itself is optimised and emitted twice. No NaN is assumed
inside (`nnan`): a failed step is looked for outside.
"""

from dataclasses import replace

from numba import njit, types
from numba.extending import NativeValue, intrinsic, models, overload, register_model, typeof_impl, unbox
from numba.np.arrayobj import populate_array

from shno import vector
from shno.kernel_lanes import LINE, lanewise, rowwise
from shno.kernel_registers import FLAGS
from shno.layout import Layout

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


@intrinsic
def one_lane(context, layout):
    """The same layout with one lane a block, inside a kernel: what is done to all lanes is then done to one."""
    alone = LayoutType(replace(layout.layout, lanes=1))
    return alone(layout), lambda context, *_: context.get_dummy_value()


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


def read(layout, block, *at, count=3):
    """The vector in so many rows of lanes, the first at a place, of lane i: at is (place, i), or (i,) for place 0."""
    return tuple(block[k * layout.lanes, *at] for k in range(count))


def write(layout, block, *at, vector):
    """Put a vector there."""
    for k, component in enumerate(vector):
        block[k * layout.lanes, *at] = component


@intrinsic
def aligned(context, n, dtype):
    """An empty array of n numbers that starts at a cache line: no vector is then loaded from two. Inside a kernel."""
    kind = types.Array(dtype.dtype, 1, "C")

    def code(context, builder, signature, arguments):
        size = context.get_abi_sizeof(context.get_data_type(kind.dtype))
        room = context.nrt.meminfo_alloc_aligned(builder, builder.mul(arguments[0], arguments[0].type(size)), LINE)
        array = context.make_array(kind)(context, builder)
        data = builder.bitcast(context.nrt.meminfo_data(builder, room), array.data.type)
        populate_array(array, data, [arguments[0]], [arguments[0].type(size)], size, room)
        return array._getvalue()

    return kind(n, dtype), code


@lanewise
def copy_lanes(layout, to, at, source, first, i):
    """One row of lanes: to[at ...] = source[first ...]."""
    to[at, i] = source[first, i]


@lanewise
def fill_lanes(layout, to, at, number, i):
    """The same number in one row of lanes: to[at ...]."""
    to[at, i] = number


@rowwise
def clear(layout, count, block, row, i):
    """Zero in the first rows of a flat block (k x lanes)."""
    block.row(row, layout.lanes)[0, i] = 0.0


@rowwise
def gather(layout, count, block, array, first, row, i):
    """Copy a block's columns of array (k, n), from the first on, to a flat block (k x lanes)."""
    block.row(row, layout.lanes)[0, i] = array.row(row)[first, i]


@rowwise
def scatter(layout, count, block, array, first, row, i):
    """Copy a flat block (k x lanes) to columns of array (k, n), from the first on."""
    array.row(row)[first, i] = block.row(row, layout.lanes)[0, i]


@rowwise
def spread(layout, count, block, numbers, row, i):
    """Fill each row of a flat block (k x lanes) with a number (k,)."""
    block.row(row, layout.lanes)[0, i] = numbers.row(row, 1)[0, None]


@njit(inline="always")
def gather_parameters(layout, block, rows, shared, first):
    """Fill a block of parameters: a block's columns of rows (k, n), then each shared number."""
    gather(layout, rows.shape[0], block, rows, first)
    spread(layout, shared.shape[0], block[rows.shape[0] * lanes(layout) :], shared)
