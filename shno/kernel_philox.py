"""The normal generator compiled for the CPU: `philox` and `thermal` inlined by Numba into SIMD lanes.

The words come from the one source in `philox`. Only `radius` and `cos_sin` are written anew: logarithm, cosine and sine
as polynomials without branches and without calls of a library, so that LLVM vectorises the whole draw.
"""

from functools import cache, reduce
from math import log
from typing import NamedTuple

import numpy as np
from llvmlite.ir import FunctionType
from numba import njit, types
from numba.extending import intrinsic, overload, register_jitable

from shno import philox, thermal
from shno.kernels import FLAGS, INLINED

# `multiply_add` says where sums are fused: left to the compiler, a lane and a remainder would differ in the last bit.
EXACT = {**INLINED, "fastmath": False}

# Minimax polynomials in the relative error, by Remez exchange with 60 digits, the constant term first:
# -2 ln(1 - t) / t on [0, 1/2]; sin(pi a / 2) / a and cos(pi a / 2) in a^2 on [0, 1/4]. Errors of the exact polynomials:
# 3.5e-9, 3.2e-9, 5.6e-11 in float32 and 4.1e-17, 3.3e-18, 5.6e-17 in float64, all below the rounding.
LOGARITHM_32 = (
    1.9999999929247172,
    1.0000027543352852,
    0.6664907755029066,
    0.5043237833673347,
    0.3465839388471434,
    0.7067201941743582,
    -1.2669845124804486,
    4.093533826424168,
    -5.105292115222138,
    3.5512937523777377,
)
LOGARITHM_64 = (
    2.0,
    1.000000000000128,
    0.6666666666331735,
    0.5000000034767534,
    0.39999980943460384,
    0.33333970318526635,
    0.2855728538292767,
    0.25220450973581976,
    0.19717992217120914,
    0.41270396202090676,
    -1.1924370962168913,
    6.991142022566019,
    -26.010484809625467,
    77.46980949973855,
    -174.57985634178945,
    296.758579010819,
    -366.90555987465524,
    313.4818747900302,
    -165.8397813532072,
    41.63953255977416,
)
SINE_32 = (
    1.5707963217084375,
    -0.6459634602357697,
    0.07968003278013285,
    -0.0046016578931506,
)
SINE_64 = (
    1.5707963267948966,
    -0.6459640975062443,
    0.07969262624603957,
    -0.004681754132282457,
    0.00016044115029191622,
    -3.598641755244711e-06,
    5.633721100202825e-08,
)
COSINE_32 = (
    0.9999999999439411,
    -1.2337005395650005,
    0.25366918259956156,
    -0.02085993604641476,
    0.000903363007728781,
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


class Format(NamedTuple):
    """A binary floating-point format as Numba types: its bits, and the polynomials for its precision."""

    real: types.Float
    word: types.Integer  # as wide as real
    fraction: int  # bits of the fraction
    half: int  # the exponent field of numbers in [1/2, 1)
    logarithm: tuple
    sine: tuple
    cosine: tuple


FORMATS = {
    types.float32: Format(types.float32, types.uint32, 23, 126, LOGARITHM_32, SINE_32, COSINE_32),
    types.float64: Format(types.float64, types.uint64, 52, 1022, LOGARITHM_64, SINE_64, COSINE_64),
}


@intrinsic
def reinterpret(context, value, kind):
    """The bits of `value` as a number of type `kind`, inside a kernel."""

    def code(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))

    return kind.dtype(value, kind), code


@intrinsic
def multiply_add(context, a, b, c):
    """a b + c, rounded once on every processor that can, inside a kernel."""

    def code(context, builder, signature, arguments):
        real = arguments[0].type
        fused = builder.module.declare_intrinsic("llvm.fmuladd", [real], FunctionType(real, 3 * [real]))
        return builder.call(fused, arguments)

    return a(a, b, c), code


@cache
def polynomial(real, coefficients):
    """Horner's rule with these coefficients in the type `real`, spelt out for the compiler: x -> c0 + x (c1 + ...)."""
    terms = [f"real({c!r})" for c in coefficients]
    rule = reduce(lambda tail, c: f"multiply_add(x, {tail}, {c})", reversed(terms))
    return register_jitable(**EXACT)(eval(f"lambda x: {rule}", {"real": real, "multiply_add": multiply_add}))


@overload(philox.radius, jit_options=EXACT)
def _radius(word, like):
    real, bits, fraction, half = FORMATS[like][:4]
    logarithm, int32 = polynomial(real, FORMATS[like].logarithm), types.int32
    low_bits, middle, exponent_of_one = 2**fraction - 1, half << fraction, half + 32
    two_ln2 = 2 * log(2.0)

    def radius(word, like):
        x = real(int32(word)) + real(0.5)  # 2^32 u, and for u > 1/2 the accurate 2^32 (u - 1) < 0
        pattern = reinterpret(x if x > real(0) else real(2.0**31), bits)
        significand = reinterpret(bits((pattern & bits(low_bits)) | bits(middle)), real)  # in [1/2, 1)
        t = real(1) - significand if x > real(0) else x * real(-(2.0**-32))
        halvings = real(exponent_of_one) - real(int32(pattern >> bits(fraction)))  # u = (1 - t) 2^-halvings
        return np.sqrt(multiply_add(t, logarithm(t), halvings * real(two_ln2)))  # a sum of positive terms

    return radius


@overload(philox.cos_sin, jit_options=EXACT)
def _cos_sin(word, like):
    real = like
    sine, cosine = polynomial(real, FORMATS[like].sine), polynomial(real, FORMATS[like].cosine)
    int32, uint32 = types.int32, types.uint32

    def cos_sin(word, like):
        quarter = uint32(uint32(word) + uint32(2**29)) >> uint32(30)
        a = real(int32(uint32(word) << uint32(2))) * real(2.0**-32)  # quarter turns in [-1/2, 1/2)
        square = a * a
        s, c = a * sine(square), cosine(square)
        is_odd = (quarter & uint32(1)) != uint32(0)
        x, y = s if is_odd else c, c if is_odd else s
        x_negative, y_negative = (quarter + uint32(1)) & uint32(2), quarter & uint32(2)
        return -x if x_negative != uint32(0) else x, -y if y_negative != uint32(0) else y

    return cos_sin


for _function in (
    *(philox.philox, philox.split, philox.place, philox.box_muller, philox.normals),
    *(thermal.thermal_words, thermal.thermal_block),
):
    register_jitable(**INLINED)(_function)


def lane(values, i):
    """Element i of an array, or the one number of all lanes, as a 64-bit word, inside a kernel."""


@overload(lane, jit_options=INLINED)
def _lane(values, i):
    uint64 = types.uint64
    if isinstance(values, types.Array):
        return lambda values, i: uint64(values[i])
    return lambda values, i: uint64(values)


@register_jitable(**INLINED)
def draw_block(buffer, words, seed, realisations, group, width, oscillators=0):
    """Fill a buffer with the thermal normals of steps 4 group ... 4 group + 3, inside a kernel.

    buffer, words : float, uint32 (12 width)   for the normals, and for the words that they are made of; component c of
                                          step 4 group + s and lane i goes to [(3 s + c) width + i]. A loop over lanes
                                          for each of the two keeps its constants in registers: half as fast again
    seed : integer in [0, 2^64)
    realisations : integers (width)       in [0, 2^32); fastest where they are as wide as the buffer's numbers
    group : integer                       step // 4
    width : integer                       lanes; a compile-time constant where speed matters
    oscillators : integer or (width)      in [0, 2^24)
    """
    seed, group = np.uint64(seed), np.uint64(group)
    for i in range(width):
        drawn = thermal.thermal_words(seed, group, lane(realisations, i), lane(oscillators, i))
        for k in range(12):
            words[k * width + i] = drawn[k]
    for pair in range(6):
        for i in range(width):
            first, second = 2 * pair * width + i, (2 * pair + 1) * width + i
            buffer[first], buffer[second] = philox.box_muller(words[first], words[second], buffer[0])


@cache
def drawer(width):
    """`draw_block` of so many lanes as a function of its own, (buffer, words, seed, realisations, group): inlined into
    a large kernel its loops are not vectorised. It is compiled once, not for each layout.
    """

    @njit(nogil=True, fastmath=FLAGS, error_model="numpy")
    def draw(buffer, words, seed, realisations, group):
        draw_block(buffer, words, seed, realisations, group, width)

    return draw


def prepare_noise(layout, noise, buffer, group, source, sigma, step, first):
    """Put the thermal field of a step into `noise`, if the layout has any: the sum of its draws, times sigma; in a
    kernel.

    noise : float (3 width)                       the field
    buffer : float, uint32 (12 width)             the normals of a group of four draws, and their words
    group : integer                               the one that is in `buffer`, -1: none
    source : (seed, realisations (n,), any, number of the first draw of step 0, ...)
    sigma : T (width)                             deviation of a draw over the number of draws a step
    step : integer                                in any order; fastest one by one, up or down
    first : integer                               the block's first oscillator of the n
    Returns : the group that is there now
    """


@overload(prepare_noise, jit_options=INLINED)
def _prepare_noise(layout, noise, buffer, group, source, sigma, step, first):
    width, draws, draw_group = layout.layout.lanes, layout.layout.draws, drawer(layout.layout.lanes)
    if not draws:
        return lambda layout, noise, buffer, group, source, sigma, step, first: group

    def one(layout, noise, buffer, group, source, sigma, step, first):
        normals, words = buffer
        draw = source[3] + step
        if draw >> 2 != group:
            group = draw >> 2
            draw_group(normals, words, source[0], source[1][first : first + width], group)
        offset = 3 * width * (draw & 3)
        for c in range(3):
            drawn, B = normals[offset + c * width : offset + (c + 1) * width], noise[c * width : (c + 1) * width]
            for i in range(width):
                B[i] = sigma[i] * drawn[i]
        return group

    def several(layout, noise, buffer, group, source, sigma, step, first):
        normals, words = buffer
        noise[:] = 0
        for draw in range(draws):
            number_of_draw = source[3] + step * draws + draw
            if number_of_draw >> 2 != group:
                group = number_of_draw >> 2
                draw_group(normals, words, source[0], source[1][first : first + width], group)
            offset = 3 * width * (number_of_draw & 3)
            for k in range(3 * width):
                noise[k] += normals[offset + k]
        for c in range(3):
            for i in range(width):
                noise[c * width + i] *= sigma[i]
        return group

    return one if draws == 1 else several
