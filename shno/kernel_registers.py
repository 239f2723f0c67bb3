"""How a kernel gets its physics: pure functions run once while it is compiled, on registers in place of numbers.

Arithmetic on a `Register` writes the instruction for it into the kernel, so that a function of numbers and of nested
tuples of them (`rk4`, `right_hand_side` ...) is written out as it stands, operation by operation: every call inlined,
every branch on a None or a Layout taken in Python. Only the loops around it are Numba's to type and to compile; were
every function Numba's, it would type each, optimise it with all that it calls and emit it: twice as long and more.
"""

import inspect
from functools import reduce

from llvmlite import ir
from numba import types
from numba.core.cgutils import create_struct_proxy, unpack_tuple
from numba.extending import intrinsic

# Minimax polynomials in the relative error on [0, 1/4], the constant term first: sin(pi a / 2) / a, cos(pi a / 2) in
# a^2; errors 3.3e-18 and 5.6e-17.
SINE_64 = (
    1.5707963267948966,
    -0.6459640975062443,
    0.07969262624603957,
    -0.004681754132282457,
    0.00016044115029191622,
    -3.598641755244711e-06,
    5.633721100202825e-08,
)
COSINE_64 = (
    0.9999999999999999,
    -1.2337005501361489,
    0.2536695078997531,
    -0.020863480733058607,
    0.0009192599355802688,
    -2.5200084137320835e-05,
    4.6546176616413115e-07,
)


def _operator(operation):
    """The methods for this o x and x o this of an operation on two numbers."""
    return (lambda self, x: self.write(operation, self, x)), (lambda self, x: self.write(operation, x, self))


class Register:
    """A number in a kernel while it is compiled: arithmetic on it writes instructions."""

    __add__, __radd__ = _operator("fadd")
    __sub__, __rsub__ = _operator("fsub")
    __mul__, __rmul__ = _operator("fmul")
    __truediv__, __rtruediv__ = _operator("fdiv")

    def __init__(self, builder, value):
        """builder, value : of llvmlite; the value is a floating-point number."""
        self.builder, self.value = builder, value

    def value_of(self, number):
        """The value of a register, or of a plain number in this one's precision."""
        return number.value if isinstance(number, Register) else ir.Constant(self.value.type, float(number))

    def write(self, operation, *numbers):
        """The register that the operation leaves its result in."""
        return Register(self.builder, getattr(self.builder, operation)(*map(self.value_of, numbers)))

    def call(self, name, *numbers):
        """The same of a function of LLVM's."""
        real = self.value.type
        kind = ir.FunctionType(real, [real] * len(numbers))
        function = self.builder.module.declare_intrinsic(f"llvm.{name}", [real], kind)
        return Register(self.builder, self.builder.call(function, [self.value_of(x) for x in numbers]))

    def __neg__(self):
        """With the flags of the kernel, which its own instruction would not get."""
        return -0.0 - self

    def __abs__(self):
        """Without its sign."""
        return self.call("fabs", self)

    def __pow__(self, x):
        """To a power; the half one as a root."""
        return self.call("sqrt", self) if x == 0.5 else self.call("pow", self, x)

    def __lt__(self, x):
        """A truth that `select` decides by."""
        return Register(self.builder, self.builder.fcmp_ordered("<", self.value, self.value_of(x)))

    def select(self, a, b):
        """a where this is true, b elsewhere; one of them a register."""
        like = a if isinstance(a, Register) else b
        return Register(self.builder, self.builder.select(self.value, like.value_of(a), like.value_of(b)))

    def floor(self):
        """The largest whole number not above this."""
        return self.call("floor", self)

    def sine(self):
        """sin(2 pi x) of x turns in float64, without branches and calls."""
        nearest = (4.0 * self + 0.5).floor()
        a, half = 4.0 * self - nearest, (0.5 * nearest).floor()  # quarter turns in [-1/2, 1/2], half turns before them
        size = (nearest - 2.0 * half).positive().select(_horner(a * a, COSINE_64), a * _horner(a * a, SINE_64))
        return (half - 2.0 * (0.5 * half).floor()).positive().select(-size, size)

    def positive(self):
        """Whether above zero, for `select`."""
        return Register(self.builder, self.builder.fcmp_ordered(">", self.value, self.value_of(0.0)))

    def cos(self):
        """Of an angle in rad."""
        return self.call("cos", self)

    def sin(self):
        """Of an angle in rad."""
        return self.call("sin", self)

    def atan2(self, x):
        """The angle in rad of the point (x, this)."""
        return self.call("atan2", self, x)


def _horner(x, coefficients):
    """The polynomial c0 + x (c1 + ...), each sum rounded once on every processor that can."""
    return reduce(lambda tail, c: x.call("fmuladd", x, tail, c), reversed(coefficients))


class Block:
    """A flat array in a kernel while it is compiled: block[k, i] is element k + i, k a plain number."""

    def __init__(self, builder, data, real):
        """data, real : of llvmlite, the address of the first element and the type of all."""
        self.builder, self.data, self.real = builder, data, real

    def place(self, k, i):
        """The address of element k + i, i a value of llvmlite or zero. Neither wraps around: the loop needs no test."""
        k = ir.Constant(ir.IntType(64), k)
        index = self.builder.add(i, k, flags=["nsw"]) if i else k
        return self.builder.gep(self.data, [index], inbounds=True)

    def __getitem__(self, at):
        """Read."""
        return Register(self.builder, self.builder.load(self.place(*at)))

    def __setitem__(self, at, number):
        """Write, rounded to the array's precision."""
        value = number.value if number.value.type == self.real else self.builder.fptrunc(number.value, self.real)
        self.builder.store(value, self.place(*at))


class _StandIn(Register):
    """What stands for a Register, or a Block, where only the shape of a result is asked for."""

    def __init__(self):
        super().__init__(None, None)

    def write(self, *_):
        return self

    call = select = sine = write

    def __lt__(self, x):
        return self

    def __getitem__(self, at):
        return self

    def __setitem__(self, at, number):
        pass


def in_kernel(function):
    """A pure function as a kernel calls it, written out where it is called: an intrinsic of Numba.

    function : of numbers (Register), nested tuples of them, None, flat arrays (Block), whole numbers (to index these
               with) and Layouts, each as it is; returns a tree of numbers of one precision and None
    """

    def typed(context, *kinds):
        real = next(_reals(kinds))
        result = _type_of(function(*map(_stand_in, kinds)), real)

        def code(context, builder, signature, values):
            given = (_given(context, builder, *pair) for pair in zip(kinds, values, strict=True))
            return _packed(context, builder, result, function(*given), context.get_value_type(real))

        return result(*kinds), code

    first = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    typed.__signature__ = inspect.Signature([first, *inspect.signature(function).parameters.values()])
    typed.__name__, typed.__doc__ = function.__name__, function.__doc__
    return intrinsic(typed)


def _reals(kinds):
    """The floating-point types among types: of numbers, in tuples, and of elements of arrays."""
    for kind in kinds:
        element = getattr(kind, "dtype", kind)
        if isinstance(kind, types.BaseTuple):
            yield from _reals(kind)
        elif isinstance(element, types.Float):
            yield element


def _stand_in(kind):
    """What a function gets for a value of a Numba type while its result is typed."""
    if isinstance(kind, types.BaseTuple):
        return tuple(map(_stand_in, kind))
    return _StandIn() if isinstance(kind, types.Array | types.Float) else getattr(kind, "layout", None)


def _given(context, builder, kind, value):
    """What it gets for the value itself."""
    if isinstance(kind, types.BaseTuple):
        parts = zip(kind, unpack_tuple(builder, value, len(kind)), strict=True)
        return tuple(_given(context, builder, *part) for part in parts)
    if isinstance(kind, types.Array):
        data = create_struct_proxy(kind)(context, builder, value).data
        return Block(builder, data, context.get_data_type(kind.dtype))
    if isinstance(kind, types.Float):
        return Register(builder, value)
    return value if isinstance(kind, types.Integer) else getattr(kind, "layout", None)


def _type_of(result, real):
    """The Numba type of a tree of numbers and None."""
    if isinstance(result, tuple):
        return types.BaseTuple.from_types(tuple(_type_of(part, real) for part in result))
    return types.none if result is None else real


def _packed(context, builder, kind, result, real):
    """A tree of numbers and None as a value of its Numba type."""
    if isinstance(result, tuple):
        parts = zip(kind, result, strict=True)
        return context.make_tuple(builder, kind, [_packed(context, builder, *part, real) for part in parts])
    if result is None:
        return context.get_dummy_value()
    return result.value if isinstance(result, Register) else ir.Constant(real, float(result))
