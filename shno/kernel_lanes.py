"""How a kernel gets its physics: pure functions run once while it is compiled, on registers in place of numbers.

A function of numbers and of nested tuples of them (`rk4`, `right_hand_side` ...) is written into the kernel as it
stands, operation by operation: every call inlined, every branch on a None or a Layout taken in Python. `lanewise`
writes the loop over a block's lanes too, some lanes at once as a vector: two of the processor's registers long, so that
the latency of the one's instructions hides behind the other's. Only loops over blocks and steps are Numba's to type and
to compile; were every function Numba's, it would type each, optimise it with all that it calls and emit it: twice as
long and more.
"""

import inspect
from functools import partial
from math import gcd

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.core.cgutils import create_struct_proxy, for_range, unpack_tuple
from numba.extending import intrinsic

from shno.kernel_registers import Register, Word

INDEX = ir.IntType(64)
LINE = 64  # bytes of a cache line
REGISTER = 512 if get_host_cpu_features().get("avx512f") else 256  # bits


def lanewise(function, registers=2):
    """A function as a kernel calls it for all lanes of a block.

    function : function(layout, ..., i) is given the Layout itself, contiguous arrays (Block), numbers that all lanes
               share (Register; Word if unsigned), signed integers to index arrays with, and the vector's first lane i;
               it returns nothing. The kernel's call is without i
    registers : of the processor, that a vector of the widest numbers fills
    """
    return _looped(function, registers, 1, lambda builder, values, body: body())


def rowwise(function):
    """The same for all rows of a block: function(layout, count, ..., row, i), row below the signed integer `count`; the
    kernel's call is without row and i.
    """

    def rows(builder, values, body):
        with for_range(builder, values[1], intp=INDEX) as loop:
            body(loop.index)

    return _looped(function, 2, 2, rows)


def _looped(function, registers, inner, outer):
    """The intrinsic of a function whose last `inner` parameters are indices; outer(builder, values, body) writes the
    loop around that over lanes.
    """

    def typed(context, layout, *kinds):
        width = layout.layout.lanes
        widest = max((real.bitwidth for real in _reals(kinds)), default=INDEX.width)
        lanes = gcd(width, registers * REGISTER // widest)

        def code(context, builder, signature, values):
            _align_stack(builder.function)
            pairs = zip(kinds, values[1:], strict=True)
            inside = partial(function, layout.layout, *(_given(context, builder, *pair, lanes) for pair in pairs))
            outer(builder, values, lambda *row: _loop(builder, width, lanes, partial(inside, *row)))
            return context.get_dummy_value()

        return types.none(layout, *kinds), code

    return _intrinsic(typed, function, list(inspect.signature(function).parameters.values())[:-inner])


def _align_stack(function):
    """Let a function's spilled vectors lie on cache lines.

    That there are any LLVM learns when it is too late to align the stack, and by chance they then straddle two lines in
    three processes of four: up to a tenth of the speed.
    """
    function.attributes.alignstack = LINE
    function.attributes.add("nounwind")  # llvmlite writes an alignment beside other attributes only


def _intrinsic(typed, function, parameters):
    """Numba's intrinsic of `typed`, with the function's name, docstring and so many of its parameters."""
    first = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    typed.__signature__ = inspect.Signature([first, *parameters])
    typed.__name__, typed.__doc__ = function.__name__, function.__doc__
    return intrinsic(typed)


def _loop(builder, width, lanes, body):
    """for i in range(0, width, lanes): body(i)."""
    if lanes == width:
        return body(INDEX(0))
    before, inside, after = builder.block, *(builder.append_basic_block(name) for name in ("lanes", "after"))
    builder.branch(inside)
    builder.position_at_end(inside)
    i = builder.phi(INDEX)
    body(i)
    following = builder.add(i, INDEX(lanes), flags=["nuw", "nsw"])
    i.add_incoming(INDEX(0), before)
    i.add_incoming(following, inside)
    builder.cbranch(builder.icmp_unsigned("<", following, INDEX(width)), inside, after)
    builder.position_at_end(after)


class Block:
    """An array in a kernel while it is compiled: block[k, ..., i] is element k + ... + i and the following ones, of the
    other lanes; block[k, ..., None] is one number for all.
    """

    def __init__(self, builder, data, element, lanes, length=None):
        """data, element, length : of llvmlite, the address of the first element, the type of all and the length of a
        row; lanes of a vector.
        """
        self.builder, self.data, self.element, self.lanes, self.length = builder, data, element, lanes, length

    def row(self, number, length=None):
        """A row as a Block; of a flat array, where rows have a given length."""
        number, length = (INDEX(x) if isinstance(x, int) else x for x in (number, length or self.length))
        start = self.builder.mul(number, length, flags=["nsw"])
        data = self.builder.gep(self.data, [start], inbounds=True)
        return Block(self.builder, data, self.element, self.lanes)

    def place(self, at):
        """The address of an element."""
        fixed = sum(part for part in at if isinstance(part, int))
        index = INDEX(fixed)
        for part in at:
            if part is not None and not isinstance(part, int):
                index = self.builder.add(index, part, flags=["nsw"])
        return self.builder.gep(self.data, [index], inbounds=True)

    def __getitem__(self, at):
        """Read."""
        place = self.place(at)
        if at[-1] is None:
            return Register(self.builder, _broadcast(self.builder, self.builder.load(place), self.lanes))
        place = self.builder.bitcast(place, ir.VectorType(self.element, self.lanes).as_pointer())
        value = self.builder.load(place, align=_bytes(self.element))
        if isinstance(self.element, ir.IntType):
            return Word(self.builder, value).wide(INDEX.width)
        return Register(self.builder, value)

    def __setitem__(self, at, number):
        """Write, rounded to the array's precision."""
        kind = ir.VectorType(self.element, self.lanes)
        value = ir.Constant(kind, number) if isinstance(number, int | float) else number.value
        if value.type != kind:
            value = getattr(self.builder, "trunc" if isinstance(number, Word) else "fptrunc")(value, kind)
        self.builder.store(value, self.builder.bitcast(self.place(at), kind.as_pointer()), align=_bytes(self.element))


def _bytes(element):
    return {"float": 4, "double": 8}.get(str(element)) or element.width // 8


def _broadcast(builder, value, lanes):
    """The number in each lane; without lanes by itself."""
    if lanes:
        none = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
        alone = builder.insert_element(none, value, ir.IntType(32)(0))
        value = builder.shuffle_vector(alone, none, ir.Constant(ir.VectorType(ir.IntType(32), lanes), 0))
    return value


def _reals(kinds):
    """The floating-point types among types: of numbers, in tuples, and of elements of arrays."""
    for kind in kinds:
        element = getattr(kind, "dtype", kind)
        if isinstance(kind, types.BaseTuple):
            yield from _reals(kind)
        elif isinstance(element, types.Float):
            yield element


def _given(context, builder, kind, value, lanes=0):
    """What a function is given for a value of a Numba type."""
    if isinstance(kind, types.BaseTuple):
        parts = zip(kind, unpack_tuple(builder, value, len(kind)), strict=True)
        return tuple(_given(context, builder, *part, lanes) for part in parts)
    if isinstance(kind, types.Array):
        if kind.layout != "C" or kind.ndim > 2:
            raise TypeError(f"an array given to a function on lanes must be contiguous, of one or two axes, got {kind}")
        array = create_struct_proxy(kind)(context, builder, value)
        length = builder.extract_value(array.shape, kind.ndim - 1)
        return Block(builder, array.data, context.get_data_type(kind.dtype), lanes, length)
    if isinstance(kind, types.Float):
        return Register(builder, _broadcast(builder, value, lanes))
    if isinstance(kind, types.Integer) and not kind.signed:
        return Word(builder, _broadcast(builder, value, lanes))
    return value if isinstance(kind, types.Integer) else None
