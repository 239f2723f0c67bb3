"""Operations of a processor's vector unit that the compiler does not find by itself, for the kernels of `sparse`.

add_rows     numbers in registers, to which rows of a table are added, as a list says
differs      which of 64 numbers are not a constant, as the bits of an integer
listed       the places of an integer's set bits, as a list

In LLVM's own words, on vectors of any processor; numpy arrays are flat and contiguous.
Source : LLVM Language Reference, llvm.experimental.vector.compress
"""

from functools import reduce

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

BYTES = 64  # of a vector register, at most; LLVM makes do with shorter ones
REGISTERS = 16  # for sums
FUSED = ("contract",)  # a product and its sum may be one instruction
LANE, SHORT, INT64 = ir.IntType(32), ir.IntType(16), ir.IntType(64)
LANES = BYTES // 4  # places that `listed` writes at once


def adder(width):
    """The operation out[at:at + width] += sum_i values[i] table[base + stride index[i]:... + width], first <= i < last.

    out, table and values of one precision; values may be None: all 1. Every other row goes to sums of their own where
    registers suffice, so that one need not wait for the one before.
    """

    @intrinsic
    def add_rows(typing, out, at, table, base, stride, index, values, first, last):
        signature = types.void(out, types.int64, table, *[types.int64] * 2, index, values, *[types.int64] * 2)

        def codegen(context, builder, signature, arguments):
            _, at, _, base, stride, _, _, first, last = arguments
            to = [_pointer(context, builder, signature.args[k], arguments[k]) for k in (0, 2, 5)]
            factors = None if values is types.none else _pointer(context, builder, values, arguments[6])
            rows = _Rows(builder, context.get_value_type(out.dtype), width, to[1], base, stride, to[2], factors)
            kept = rows.pieces(builder.gep(to[0], [at]))
            sums = [[cgutils.alloca_once_value(builder, rows.load(each)) for each in kept]]
            if 2 * len(kept) <= REGISTERS:
                sums.append([cgutils.alloca_once_value(builder, rows.zero) for _ in kept])
            n, one = builder.sub(last, first), ir.Constant(INT64, 1)
            with cgutils.for_range(builder, builder.ashr(n, one)) as loop:
                i = builder.add(first, builder.shl(loop.index, one))
                rows.add(i, sums[0])
                rows.add(builder.add(i, one), sums[-1])
            with builder.if_then(builder.trunc(n, ir.IntType(1))):
                rows.add(builder.sub(last, one), sums[0])
            for *parts, each in zip(*sums, kept, strict=True):
                builder.store(reduce(builder.fadd, map(builder.load, parts)), each, align=rows.aligned)

        return signature, codegen

    return add_rows


class _Rows:
    """Rows of a table as vectors, which are added to sums."""

    def __init__(self, builder, element, width, table, base, stride, index, factors):
        """Pointers to the table, to which of its rows, and to their factors, or None; a row is `width` elements."""
        self.aligned = 8 if isinstance(element, ir.DoubleType) else 4
        self.builder, self.width, self.lanes = builder, width, BYTES // self.aligned
        self.vector = ir.VectorType(element, self.lanes)
        self.zero = ir.Constant(self.vector, [0.0] * self.lanes)
        self.table, self.base, self.stride, self.index, self.factors = table, base, stride, index, factors

    def pieces(self, start):
        """Pointers to the vectors of a row."""
        parts = [self.builder.gep(start, [ir.Constant(INT64, k)]) for k in range(0, self.width, self.lanes)]
        return [self.builder.bitcast(each, self.vector.as_pointer()) for each in parts]

    def load(self, piece):
        """A vector."""
        return self.builder.load(piece, align=self.aligned)

    def add(self, i, sums):
        """Row i of the list to the sums."""
        builder = self.builder
        row = builder.zext(builder.load(builder.gep(self.index, [i])), INT64)
        start = builder.gep(self.table, [builder.add(self.base, builder.mul(row, self.stride))])
        added = [self.load(each) for each in self.pieces(start)]
        if self.factors is not None:
            factor = _splat(builder, builder.load(builder.gep(self.factors, [i])), self.vector)
            added = [builder.fmul(factor, each, flags=FUSED) for each in added]
        for total, each in zip(sums, added, strict=True):
            builder.store(builder.fadd(builder.load(total), each, flags=FUSED), total)


def comparer(constant):
    """The operation: of x[at:at + 64] an integer with bit k set where element k is not the constant."""

    @intrinsic
    def differs(typing, x, at):
        def codegen(context, builder, signature, arguments):
            vector = ir.VectorType(context.get_value_type(x.dtype), 64)
            start = builder.gep(_pointer(context, builder, x, arguments[0]), [arguments[1]])
            values = builder.load(builder.bitcast(start, vector.as_pointer()), align=x.dtype.bitwidth // 8)
            return builder.bitcast(builder.fcmp_unordered("!=", values, ir.Constant(vector, [constant] * 64)), INT64)

        return types.uint64(x, types.int64), codegen

    return differs


def lister(bits):
    """The operation: list offset + the places of the lowest `bits` bits of a word that are set, in index from place k
    on, and return the place after them. The 16 places from there on are overwritten.
    """

    @intrinsic
    def listed(typing, word, offset, k, index):
        def codegen(context, builder, signature, arguments):
            word, offset, k, _ = arguments
            vector, mask = ir.VectorType(LANE, LANES), ir.VectorType(ir.IntType(1), LANES)
            kind = ir.FunctionType(vector, [vector, mask, vector])
            compress = cgutils.get_or_insert_function(builder.module, kind, "llvm.experimental.vector.compress.v16i32")
            start, offset = _pointer(context, builder, index, arguments[3]), builder.trunc(offset, LANE)
            for first in range(0, bits, LANES):
                chosen = builder.trunc(builder.lshr(word, ir.Constant(INT64, first)), SHORT)
                places = ir.Constant(vector, [first + j for j in range(LANES)])
                places = builder.add(places, _splat(builder, offset, vector))
                set_ = builder.bitcast(chosen, mask)
                packed = builder.call(compress, [places, set_, ir.Constant(vector, ir.Undefined)])
                builder.store(packed, builder.bitcast(builder.gep(start, [k]), vector.as_pointer()), align=4)
                k = builder.add(k, builder.zext(builder.ctpop(chosen), INT64))
            return k

        return types.int64(types.uint64, types.int64, types.int64, index), codegen

    return listed


def _pointer(context, builder, kind, array):
    """To the first element of an array."""
    return context.make_array(kind)(context, builder, array).data


def _splat(builder, value, vector):
    """A vector of equal elements."""
    nothing, places = ir.Constant(vector, ir.Undefined), ir.VectorType(LANE, vector.count)
    one = builder.insert_element(nothing, value, ir.Constant(LANE, 0))
    return builder.shuffle_vector(one, nothing, ir.Constant(places, [0] * vector.count))
