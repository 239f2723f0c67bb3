"""Numbers in a kernel while it is compiled: arithmetic on a `Register` writes the instruction for it.

A register holds one number, or a vector with one number for each of some lanes: the same text serves both.
"""

from functools import reduce

from llvmlite import ir
from numba.core.cgutils import get_or_insert_function

FLAGS = {"contract", "nsz", "nnan", "ninf", "arcp", "afn"}  # of every sum and product; a failed step is seen outside

NEUTRAL = {"fadd": 0.0, "fsub": 0.0, "fmul": 1.0, "fdiv": 1.0}  # second operands that change nothing

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


def simplified(operation, a, b):
    """What an operation gives where an operand is 0 or 1, without an instruction: a number or a register; else None."""
    plain = [x for x in (a, b) if isinstance(x, int | float)]
    if operation == "fmul" and 0.0 in plain:
        return 0.0
    if b in plain and b == NEUTRAL.get(operation):
        return a
    if a in plain and a == NEUTRAL.get(operation) and operation in ("fadd", "fmul"):
        return b
    return None


def _operator(operation):
    """The methods for this o x and x o this of an operation on two numbers."""
    return (lambda self, x: self.write(operation, self, x)), (lambda self, x: self.write(operation, x, self))


class Register:
    """A number, or one for each of some lanes, in a kernel while it is compiled: arithmetic writes instructions."""

    __add__, __radd__ = _operator("fadd")
    __sub__, __rsub__ = _operator("fsub")
    __mul__, __rmul__ = _operator("fmul")
    __truediv__, __rtruediv__ = _operator("fdiv")

    flags = ()  # of the instructions; Numba gives its own, those of the kernel, to whatever has none

    def __init__(self, builder, value):
        """builder, value : of llvmlite; the value is a floating-point number or a vector of them, or truths."""
        self.builder, self.value = builder, value

    def of(self, value):
        """A register of the same kind."""
        return type(self)(self.builder, value)

    def value_of(self, number):
        """The value of a register, or of a plain number in this one's precision."""
        return number.value if isinstance(number, Register) else ir.Constant(self.value.type, float(number))

    def write(self, operation, *numbers):
        """The register that the operation leaves its result in; without one what it is in any case: 0 x, 1 x, x + 0."""
        simple = None if self.flags else simplified(operation, *numbers)
        if simple is not None:
            return simple
        return self.of(getattr(self.builder, operation)(*map(self.value_of, numbers), flags=self.flags))

    def call(self, name, *numbers):
        """The same of a function of LLVM's."""
        real = self.value.type
        lanes, element = ("", real) if not isinstance(real, ir.VectorType) else (f"v{real.count}", real.element)
        kind = ir.FunctionType(real, [real] * len(numbers))
        name = f"llvm.{name}.{lanes}{element.intrinsic_name}"
        function = get_or_insert_function(self.builder.module, kind, name)
        flags = self.flags or (FLAGS if lanes else ())  # Numba gives none to calls on vectors
        return self.of(self.builder.call(function, [*map(self.value_of, numbers)], fastmath=flags))

    def compare(self, how, x):
        """A truth that `select` decides by."""
        return self.of(self.builder.fcmp_ordered(how, self.value, self.value_of(x), flags=self.flags))

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
        """Whether below x."""
        return self.compare("<", x)

    def __gt__(self, x):
        """Whether above x."""
        return self.compare(">", x)

    def __ge__(self, x):
        """Whether at or above x."""
        return self.compare(">=", x)

    def equals(self, x):
        """Whether the same number."""
        return self.compare("==", x)

    def select(self, a, b):
        """a where this is true, b elsewhere; one of them a register."""
        like = a if isinstance(a, Register) else b
        return self.of(self.builder.select(self.value, like.value_of(a), like.value_of(b)))

    def maximum(self, x):
        """The larger one."""
        return (self > x).select(self, x)

    def shuffled(self, x, places):
        """The numbers at these places among this one's and then x's."""
        places = ir.Constant(ir.VectorType(ir.IntType(32), len(places)), places)
        return self.of(self.builder.shuffle_vector(self.value, x.value, places))

    def floor(self):
        """The largest whole number not above this."""
        return self.call("floor", self)

    def sine(self):
        """sin(2 pi x) of x turns in float64, without branches and calls."""
        nearest = (4.0 * self + 0.5).floor()
        a, half = 4.0 * self - nearest, (0.5 * nearest).floor()  # quarter turns in [-1/2, 1/2], half turns before them
        size = (nearest - 2.0 * half > 0.0).select(horner(a * a, COSINE_64), a * horner(a * a, SINE_64))
        return (half - 2.0 * (0.5 * half).floor() > 0.0).select(-size, size)

    def cos(self):
        """Of an angle in rad."""
        return self.call("cos", self)

    def sin(self):
        """Of an angle in rad."""
        return self.call("sin", self)

    def atan2(self, x):
        """The angle in rad of the point (x, this)."""
        return self.call("atan2", self, x)


def interleaved(x, y, z):
    """x0 y0 z0 x1 y1 ... of three registers, in three: each is picked from two, then from that and the third."""
    n, found = x.value.type.count, []
    for part in range(3):
        places = [divmod(part * n + k, 3) for k in range(n)]  # (lane, register)
        first = x.shuffled(y, [lane + n * (register == 1) for lane, register in places])
        found.append(first.shuffled(z, [lane + n if register == 2 else k for k, (lane, register) in enumerate(places)]))
    return found


class Exact(Register):
    """A number whose sums and products are rounded one by one, as they are written."""

    flags = ("nnan",)  # that it is a number lets nothing be rounded otherwise


class Word:
    """An integer of 32 or 64 bits for each of some lanes; sums and products wrap around."""

    __add__, __radd__ = _operator("add")
    __mul__, __rmul__ = _operator("mul")
    __and__, __rand__ = _operator("and_")
    __or__, __ror__ = _operator("or_")
    __xor__, __rxor__ = _operator("xor")
    __lshift__, __rshift__ = _operator("shl")[0], _operator("lshr")[0]

    def __init__(self, builder, value):
        """builder, value : of llvmlite."""
        self.builder, self.value = builder, value

    def value_of(self, number):
        """The value of a word, or of a whole number as wide as this one."""
        return number.value if isinstance(number, Word) else ir.Constant(self.value.type, int(number))

    def write(self, operation, *numbers):
        """The word that the operation leaves its result in."""
        return Word(self.builder, getattr(self.builder, operation)(*map(self.value_of, numbers)))

    def wide(self, bits):
        """The low bits, as many as that."""
        count, now = self.value.type.count, self.value.type.element.width
        cast = self.builder.trunc if bits < now else self.builder.zext
        return self if bits == now else Word(self.builder, cast(self.value, ir.VectorType(ir.IntType(bits), count)))

    def signed(self, real):
        """The low 32 bits, read as signed, as a number of a type of llvmlite."""
        kind = ir.VectorType(real, self.value.type.count)
        return Exact(self.builder, self.builder.sitofp(self.wide(32).value, kind))

    def bits(self, real):
        """The number of a type of llvmlite that these are the bits of."""
        return Exact(self.builder, self.builder.bitcast(self.value, ir.VectorType(real, self.value.type.count)))

    def is_set(self, bit):
        """A truth that `select` decides by: whether the word has the bit, 2^n."""
        none = ir.Constant(self.value.type, 0)
        return Exact(self.builder, self.builder.icmp_unsigned("!=", (self & bit).value, none))


def pattern(number):
    """The bits of a number as a word."""
    width = {"float": 32, "double": 64}[str(number.value.type.element)]
    kind = ir.VectorType(ir.IntType(width), number.value.type.count)
    return Word(number.builder, number.builder.bitcast(number.value, kind))


def horner(x, coefficients):
    """The polynomial c0 + x (c1 + ...), each sum rounded once on every processor that can."""
    return reduce(lambda tail, c: x.call("fmuladd", x, tail, c), reversed(coefficients))
