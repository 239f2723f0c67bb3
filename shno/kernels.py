"""The same step, compiled for the CPU: the functions of `vector`, `fields`, `llgs` and `solvers`, inlined by Numba
into SIMD lanes.

An oscillator's numbers are read from `rows`, an array (n_rows, n); a `Layout` says at compile time which row each
parameter is, which are constants (0, 1 or -1: axes and switched-off components cost nothing) and which are None
(absent). Blocks of `lanes` oscillators are advanced with the time loop outside and the lane loop inside; blocks are
shared over threads, and the last one is padded, so that an oscillator's result is the same bits whatever the batch's
size, chunks and threads (a parameter that is compiled in because the whole batch shares it may change the last bit).
`forceinline` is what lets LLVM vectorise through rk4: without it the step is a scalar call, 30 times slower. No NaN is
assumed inside (`nnan`): a failed step is looked for outside.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numba import njit, types
from numba.extending import NativeValue, models, overload, register_jitable, register_model, typeof_impl, unbox

from shno import fields, llgs, solvers, vector
from shno.kernel_cache import cached
from shno.llgs import right_hand_side
from shno.solvers import rk4
from shno.vector import dot, reciprocal_sqrt, scale

FLAGS = {"contract", "nsz", "nnan", "ninf", "arcp", "afn"}
INLINED = {"forceinline": True, "fastmath": FLAGS, "error_model": "numpy"}
PRIMITIVES = ("number", "reciprocal_sqrt", "accumulate")
ADJOINT_ROWS = 6  # rows of the adjoint's scratch before the cotangents of the free rows
WIDE, NARROW = 64, 16  # lanes a block: throughput, and the latency of a few oscillators (float64: 0.5 of the wide rate)


@dataclass(frozen=True)
class Layout:
    """Where each parameter is found, known at compile time.

    tree : nested tuple    the arguments (h, torque parameters, field parameters); a leaf is a row (int), a constant
                           (float) or None
    n_free : int           the first n_free rows are differentiable
    lanes : int            oscillators a block
    component : int        of m that is watched for crossings
    """

    tree: tuple
    n_free: int
    lanes: int
    component: int = 0


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


@overload(vector.accumulate, jit_options=INLINED)
def _accumulate(a, b):
    if isinstance(a, types.BaseTuple):
        parts = "".join(f"accumulate(a[{k}], b[{k}])," for k in range(len(a)))
        return _written(f"lambda a, b: ({parts})", accumulate=vector.accumulate)
    return (lambda a, b: a + b) if isinstance(a, types.Float) else None


for _module in (vector, fields, llgs, solvers):
    for _name, _function in list(vars(_module).items()):
        if getattr(_function, "__module__", None) == _module.__name__ and _name not in PRIMITIVES:
            register_jitable(**INLINED)(_function)


def _written(source, **names):
    """A function from one line of source: how a tuple of known length is spelt out for the compiler."""
    return eval(source, names)


def lanes(layout):
    """The layout's lane count as a compile-time constant, inside a kernel."""


def load(layout, rows, i):
    """The arguments (h, torque parameters, field parameters) of lane i from one block of rows, inside a kernel."""


def deposit(layout, grads, bars, i):
    """Add the cotangents of the differentiable leaves to lane i of the adjoint's scratch, inside a kernel."""


@overload(lanes, jit_options=INLINED)
def _lanes(layout):
    value = layout.layout.lanes
    return lambda layout: value


@overload(load, jit_options=INLINED)
def _load(layout, rows, i):
    def spell(leaf):
        if isinstance(leaf, tuple):
            return "(" + "".join(spell(part) + ", " for part in leaf) + ")"
        if isinstance(leaf, int):
            return f"rows[{leaf * layout.layout.lanes} + i]"
        return "None" if leaf is None else f"real({leaf})"

    return _written(f"lambda layout, rows, i: {spell(layout.layout.tree)}", real=rows.dtype)


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
    """The unit vector along y, and | |y|^2 - 1 | before projection."""
    square = dot(y, y)
    return scale(reciprocal_sqrt(square), y), abs(square - 1)


@register_jitable(**INLINED)
def gather(block, array, first, width):
    """Copy columns first ... first + width of array (k, n) to a flat block (k x width)."""
    for k in range(array.shape[0]):
        for i in range(width):
            block[k * width + i] = array[k, first + i]


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
        for i in range(min(width, array.shape[1] - first)):
            array[k, first + i] = block[k * width + i]


@cached
@njit(nogil=True, fastmath=FLAGS, error_model="numpy")
def trajectory_kernel(first, last, layout, m, rows, shared, saved, save_every, deviation):
    """Advance blocks first ... last: m (3, n) in place, every save_every-th state into saved (n_saved, 3, n).

    saved holds the real oscillators, m, rows and deviation (the norm's worst error) the padded ones.
    """
    width = lanes(layout)
    y = np.empty(3 * width, m.dtype)
    parameters = np.empty((rows.shape[0] + shared.shape[0]) * width, m.dtype)
    worst = np.empty(width, m.dtype)
    for block in range(first, last):
        gather_parameters(parameters, rows, shared, block * width, width)
        gather(y, m, block * width, width)
        worst[:] = 0
        for k in range(saved.shape[0]):
            for _ in range(save_every):
                for i in range(width):
                    h, torque_parameters, field_parameters = load(layout, parameters, i)
                    state = (y[i], y[width + i], y[2 * width + i])
                    state, error = project(rk4(right_hand_side, state, h, torque_parameters, field_parameters))
                    y[i], y[width + i], y[2 * width + i] = state
                    worst[i] = max(worst[i], error)
            scatter(y, saved[k], block * width, width)
        scatter(y, m, block * width, width)
        deviation[block * width : (block + 1) * width] = worst


def leaves(tree):
    """The leaves of a nested tuple, in order."""
    if isinstance(tree, tuple):
        for part in tree:
            yield from leaves(part)
    else:
        yield tree


def is_shared(leaf):
    """Whether a parameter is one number for all oscillators."""
    return (leaf.numel() if hasattr(leaf, "numel") else np.size(leaf)) == 1  # a tensor's, or an array's or number's


def is_constant(leaf):
    """Whether a parameter is compiled in: 0, 1 or -1 for all oscillators (axes, film factors, no current)."""
    return is_shared(leaf) and as_number(leaf) in (0.0, 1.0, -1.0)


def as_number(leaf):
    """The value of a shared parameter as a Python float."""
    return float(leaf.item() if hasattr(leaf, "item") else leaf)


def place_leaves(tree, n, is_free=lambda leaf: False, component=0):
    """The Layout of arguments (h, torque parameters, field parameters) for n oscillators, and where their values go.

    is_free(leaf) : differentiable, hence always a row
    Returns : Layout, the leaves that are rows (free ones first), the numbers that are shared
    """
    present = [leaf for leaf in leaves(tree) if leaf is not None]
    fixed = [leaf for leaf in present if not is_free(leaf) and not is_constant(leaf)]
    shared = [leaf for leaf in fixed if is_shared(leaf)]
    rows = [leaf for leaf in present if is_free(leaf)] + [leaf for leaf in fixed if not is_shared(leaf)]
    place = {id(leaf): row for row, leaf in enumerate(rows + shared)}

    def spell(leaf):
        if isinstance(leaf, tuple):
            return tuple(spell(part) for part in leaf)
        return None if leaf is None else place[id(leaf)] if id(leaf) in place else as_number(leaf)

    n_free = sum(map(is_free, present))
    layout = Layout(spell(tree), n_free, NARROW if n <= NARROW else WIDE, component)
    return layout, rows, [as_number(leaf) for leaf in shared]


def lay_out(tree, batch, dtype):
    """The Layout of numpy arguments for a batch, its rows (n_rows, n padded to whole blocks) and its shared numbers."""
    n = max(int(np.prod(batch)), 1)
    layout, leaves_of_rows, shared = place_leaves(tree, n)
    rows = np.empty((len(leaves_of_rows), -(-n // layout.lanes) * layout.lanes), dtype)
    for row, leaf in zip(rows, leaves_of_rows, strict=True):
        row[:n] = np.broadcast_to(leaf, batch).ravel()
        row[n:] = row[n - 1]
    return layout, rows, np.array(shared, dtype)


@cache
def _pool(process):
    return ThreadPoolExecutor(max(thread_count() - 1, 1), thread_name_prefix="shno")


def thread_count():
    """Threads for the kernels: OMP_NUM_THREADS where set, else the processors that this process may use."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_blocks(kernel, n, layout, *arguments):
    """Call kernel(first, last, layout, *arguments) over all blocks of n padded oscillators, shared over threads."""
    blocks = n // layout.lanes
    threads = min(thread_count(), blocks)
    if threads <= 1:
        kernel(0, blocks, layout, *arguments)
        return
    edges = np.linspace(0, blocks, threads + 1).astype(int).tolist()
    pool = _pool(os.getpid())  # a forked process makes its own threads
    futures = [pool.submit(kernel, a, b, layout, *arguments) for a, b in pairwise(edges[1:])]
    kernel(edges[0], edges[1], layout, *arguments)
    for future in futures:
        future.result()
