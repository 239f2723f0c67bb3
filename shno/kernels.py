"""How the physics is compiled for the CPU: the functions of `vector`, `fields`, `llgs`, `solvers` ..., inlined by Numba
into SIMD lanes.

An oscillator's numbers are read from `rows`, an array (n_rows, n); a `Layout` says at compile time which row each
parameter is, which are constants (0, 1 or -1: axes and switched-off components cost nothing), which change with time
and which are None (absent). Blocks of `lanes` oscillators are advanced with the time loop outside and the lane loop
inside; blocks are shared over threads, and the last one is padded, so that an oscillator's result is the same bits
whatever the batch's size, chunks and threads (a parameter that is compiled in because the whole batch shares it may
change the last bit).
`forceinline` is what lets LLVM vectorise through rk4: without it the step is a scalar call, 30 times slower. No NaN is
assumed inside (`nnan`): a failed step is looked for outside.
"""

import re

import numpy as np
from numba import types
from numba.extending import NativeValue, models, overload, register_jitable, register_model, typeof_impl, unbox

from shno import anisotropy, fields, heating, llgs, solvers, vector
from shno.layout import Layout
from shno.vector import dot, number, reciprocal_sqrt

FLAGS = {"contract", "nsz", "nnan", "ninf", "arcp", "afn"}
INLINED = {"forceinline": True, "fastmath": FLAGS, "error_model": "numpy", "no_cfunc_wrapper": True, "_nrt": False}
PRIMITIVES = ("number", "reciprocal_sqrt", "cosine_sine", "arctangent", "accumulate", "add", "scale", "total", "each")
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


@overload(vector.reciprocal_sqrt, jit_options=INLINED)
def _reciprocal_sqrt(x):
    one = x(1)
    return lambda x: one / np.sqrt(x)


@overload(vector.cosine_sine, jit_options=INLINED)
def _cosine_sine(angle):
    return lambda angle: (np.cos(angle), np.sin(angle))


@overload(vector.arctangent, jit_options=INLINED)
def _arctangent(y, x):
    return lambda y, x: np.arctan2(y, x)


@overload(vector.accumulate, jit_options=INLINED)
def _accumulate(a, b):
    if isinstance(a, types.BaseTuple):
        parts = "".join(f"accumulate(a[{k}], b[{k}])," for k in range(len(a)))
        return _written(f"lambda a, b: ({parts})", accumulate=vector.accumulate)
    return (lambda a, b: a + b) if isinstance(a, types.Float) else None


@overload(vector.add, jit_options=INLINED)
def _add(a, b):
    return _written(f"lambda a, b: ({''.join(f'a[{k}] + b[{k}],' for k in range(len(a)))})")


@overload(vector.scale, jit_options=INLINED)
def _scale(s, a):
    return _written(f"lambda s, a: ({''.join(f's * a[{k}],' for k in range(len(a)))})")


@overload(vector.total, jit_options=INLINED)
def _total(trees):
    spelt = "trees[0]"
    for k in range(1, len(trees)):
        spelt = f"accumulate({spelt}, trees[{k}])"
    return _written(f"lambda trees: {spelt}", accumulate=vector.accumulate)


@overload(vector.each, jit_options=INLINED)
def _each(function, terms, *arguments):
    given = "".join(f", arguments[{k}]" for k in range(len(arguments)))
    n = 0 if isinstance(terms, types.NoneType) else len(terms)
    parts = "".join(f"function(terms[{k}]{given})," for k in range(n))
    return _written(f"lambda function, terms, *arguments: ({parts})")


for _module in (vector, anisotropy, fields, llgs, heating, solvers):
    for _name, _function in list(vars(_module).items()):
        if getattr(_function, "__module__", None) == _module.__name__ and _name not in PRIMITIVES:
            register_jitable(**INLINED)(_function)


def _written(source, **names):
    """A function from one line of source: how a tuple of known length is spelt out for the compiler."""
    return eval(source, names)


def lanes(layout):
    """The layout's lane count as a compile-time constant, inside a kernel."""


def load_at(layout, rows, waves, noise, i, stage):
    """The arguments (h, torque parameters, field parameters) of lane i from one block of rows, at stage 0, 1 or 2 of a
    step (start, middle, end), inside a kernel.
    """


def deposit(layout, grads, bars, i):
    """Add the cotangents of the differentiable leaves to lane i of the adjoint's scratch, inside a kernel."""


@overload(lanes, jit_options=INLINED)
def _lanes(layout):
    value = layout.layout.lanes
    return lambda layout: value


def _spell(layout, leaf):
    """A leaf of the layout's tree as a line of source."""
    if isinstance(leaf, tuple):
        return "(" + "".join(_spell(layout, part) + ", " for part in leaf) + ")"
    if leaf is None or isinstance(leaf, float):
        return "None" if leaf is None else f"real({leaf})"
    text = re.sub(r"C\(([^)]*)\)", r"real(\1)", f"R{leaf}" if isinstance(leaf, int) else leaf)
    text = re.sub(r"N(\d+)", lambda x: f"noise[{int(x[1]) * layout.lanes} + i]", text)
    text = re.sub(r"W(\d+)", rf"waves[(stage * {len(layout.waves)} + \1) * {layout.lanes} + i]", text)
    return re.sub(r"R(\d+)", lambda x: f"rows[{int(x[1]) * layout.lanes} + i]", text)


@overload(load_at, jit_options=INLINED)
def _load_at(layout, rows, waves, noise, i, stage):
    source = f"lambda layout, rows, waves, noise, i, stage: {_spell(layout.layout, layout.layout.tree)}"
    return _written(source, real=rows.dtype)


@overload(deposit, jit_options=INLINED)
def _deposit(layout, grads, bars, i):
    lines = []

    def spell(leaf, bar):
        if isinstance(leaf, tuple):
            for k, part in enumerate(leaf):
                spell(part, f"{bar}[{k}]")
        elif isinstance(leaf, int) and leaf < layout.layout.n_free:
            lines.append(f"    grads[{(leaf + ADJOINT_ROWS) * layout.layout.lanes} + i] += {bar}\n")

    spell(layout.layout.tree, "bars")
    names = {}
    exec("def deposit(layout, grads, bars, i):\n" + "".join(lines) + "    return\n", names)
    return names["deposit"]


@register_jitable(**INLINED)
def project(y):
    """y with its first three components made a unit vector, and | |m|^2 - 1 | before projection."""
    square = dot(y, y)
    r = reciprocal_sqrt(square)
    return (r * y[0], r * y[1], r * y[2], *y[3:]), abs(square - number(1.0, square))


@register_jitable(forceinline=True, no_cfunc_wrapper=True)
def aligned(n, dtype):
    """An empty array of n numbers that starts at a cache line, 64 bytes: no vector is then loaded from two."""
    room = np.empty(n + 64, dtype)
    skipped = (-room.ctypes.data % 64) // room.itemsize
    return room[skipped : skipped + n]


@register_jitable(**INLINED)
def gather(block, array, first, width):
    """Copy columns first ... first + width of array (k, n) to a flat block (k x width)."""
    for k in range(array.shape[0]):
        row = array[k, first : first + width]  # its indices from 0 on need no test of their sign: they are vectorised
        for i in range(width):
            block[k * width + i] = row[i]


@register_jitable(**INLINED)
def gather_parameters(block, rows, shared, first, width):
    """Fill a block of parameters: columns first ... first + width of rows (k, n), then each shared number."""
    gather(block, rows, first, width)
    for k in range(shared.shape[0]):
        for i in range(width):
            block[(rows.shape[0] + k) * width + i] = shared[k]


@register_jitable(**INLINED)
def scatter(block, array, first, width):
    """Copy a flat block (k x width) to columns first ... first + width of array (k, n), as far as there are."""
    for k in range(array.shape[0]):
        row = array[k, first : first + width]
        for i in range(len(row)):
            row[i] = block[k * width + i]
