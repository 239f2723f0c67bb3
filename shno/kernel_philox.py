"""The normal generator compiled for the CPU: `philox` inlined by Numba into SIMD lanes.

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

from shno import philox
from shno.kernel_registers import COSINE_64, SINE_64
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
COSINE_32 = (
    0.9999999999439411,
    -1.2337005395650005,
    0.25366918259956156,
    -0.02085993604641476,
    0.000903363007728781,
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
    int32, uint32, bits = types.int32, types.uint32, FORMATS[like].word
    left = bits.bitwidth - 32

    def cos_sin(word, like):
        turned = uint32(uint32(word) + uint32(2**29))  # its two highest bits are the quarter
        a = real(int32(uint32(word) << uint32(2))) * real(2.0**-32)  # quarter turns in [-1/2, 1/2)
        square = a * a
        s, c = a * sine(square), cosine(square)
        is_odd = uint32(turned & uint32(2**30)) != uint32(0)
        x, y = s if is_odd else c, c if is_odd else s
        x_sign = bits(bits(uint32(turned + uint32(2**30)) & uint32(2**31)) << bits(left))
        y_sign = bits(bits(turned & uint32(2**31)) << bits(left))
        return reinterpret(bits(reinterpret(x, bits) ^ x_sign), real), reinterpret(
            bits(reinterpret(y, bits) ^ y_sign), real
        )

    return cos_sin


for _function in (philox.philox, philox.split, philox.place, philox.box_muller, philox.normals):
    register_jitable(**INLINED)(_function)


@cache
def drawer(width):
    """A function that fills a buffer with the thermal normals of steps 4 group ... 4 group + 3, in so many lanes.

    draw(buffer, words, seed, realisations, group, oscillator)
    buffer, words : float, uint32 (12 width)   for the normals, and for the words that they are made of, both in the
                                          order of `place_of_normal`. A loop over lanes for the words and one over all
                                          pairs for the normals keep their constants in registers; inlined into a large
                                          kernel they would not. It is compiled once, not for each layout
    seed : integer in [0, 2^64)
    realisations : integers (width)       in [0, 2^32)
    group : integer                       step // 4
    oscillator : integer                  in [0, 2^24)
    """

    @njit(nogil=True, fastmath=FLAGS, error_model="numpy", forceinline=False, no_cfunc_wrapper=True)
    def draw(buffer, words, seed, realisations, group, oscillator):
        half = words.shape[0] // 2  # not 6 width: a loop of known length is unrolled, its constants loaded every turn
        first, key = np.uint64(3) * np.uint64(group), philox.split(np.uint64(seed))
        for call in range(words.shape[0] // (4 * width)):
            radial, angular = 2 * call * width, (2 * call + 6) * width
            for i in range(width):
                stream = np.uint64(realisations[i]), np.uint64(oscillator), philox.THERMAL
                w0, w1, w2, w3 = philox.philox(philox.place(first + np.uint64(call), *stream), key)
                words[radial + i], words[radial + width + i] = w0, w2
                words[angular + i], words[angular + width + i] = w1, w3
        for i in range(half):
            buffer[i], buffer[half + i] = philox.box_muller(words[i], words[half + i], buffer[0])

    return draw


@register_jitable(**INLINED)
def place_of_normal(n, width):
    """Where normal number n = 3 s + c (component c of step 4 group + s) of lane 0 stands in a buffer (12 width)."""
    return ((n & 1) * 6 + (n >> 1)) * width


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
            draw_group(normals, words, source[0], source[1][first : first + width], group, 0)
        for c in range(3):
            place = place_of_normal(3 * (draw & 3) + c, width)
            drawn, B = normals[place : place + width], noise[c * width : (c + 1) * width]
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
                draw_group(normals, words, source[0], source[1][first : first + width], group, 0)
            for c in range(3):
                place = place_of_normal(3 * (number_of_draw & 3) + c, width)
                for i in range(width):
                    noise[c * width + i] += normals[place + i]
        for c in range(3):
            for i in range(width):
                noise[c * width + i] *= sigma[i]
        return group

    return one if draws == 1 else several
