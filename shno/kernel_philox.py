"""The normal generator compiled for the CPU, on vectors of lanes.

The words come from the one source in `philox`. Only `radius` and `cos_sin` are written anew: logarithm, cosine and sine
as polynomials without branches and without calls of a library. `horner` says where sums are fused: left to the
compiler, one layout and another would differ in the last bit.
"""

from functools import cache, partial
from math import log
from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit
from numba.extending import intrinsic, overload, register_jitable

from shno import philox
from shno.kernel_lanes import lanewise
from shno.kernel_registers import COSINE_64, FLAGS, SINE_64, horner, pattern
from shno.kernels import INLINED, LayoutType, clear
from shno.layout import Layout

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
    """A binary floating-point format: its bits, and the polynomials for its precision."""

    width: int
    fraction: int  # bits of the fraction
    half: int  # the exponent field of numbers in [1/2, 1)
    logarithm: tuple
    sine: tuple
    cosine: tuple


FORMATS = {
    ir.FloatType(): Format(32, 23, 126, LOGARITHM_32, SINE_32, COSINE_32),
    ir.DoubleType(): Format(64, 52, 1022, LOGARITHM_64, SINE_64, COSINE_64),
}


def radius(word, real):
    """`philox.radius` of a Word, in a type of llvmlite."""
    form = FORMATS[real]
    x = word.signed(real) + 0.5  # 2^32 u, and for u > 1/2 the accurate 2^32 (u - 1) < 0
    bits = pattern((x > 0.0).select(x, 2.0**31))
    significand = (bits & (2**form.fraction - 1) | form.half << form.fraction).bits(real)  # in [1/2, 1)
    t = (x > 0.0).select(1.0 - significand, x * -(2.0**-32))
    halvings = float(form.half + 32) - (bits >> form.fraction).signed(real)  # u = (1 - t) 2^-halvings
    return t.call("fmuladd", t, horner(t, form.logarithm), halvings * (2 * log(2.0))) ** 0.5  # of positive terms


def cos_sin(word, real):
    """`philox.cos_sin` of a Word, in a type of llvmlite."""
    form = FORMATS[real]
    turned = word.wide(32) + 2**29  # its two highest bits are the quarter
    a = (word.wide(32) << 2).signed(real) * 2.0**-32  # quarter turns in [-1/2, 1/2)
    s, c = a * horner(a * a, form.sine), horner(a * a, form.cosine)
    is_odd, left = turned.is_set(2**30), form.width - 32
    x_sign, y_sign = ((sign & 2**31).wide(form.width) << left for sign in (turned + 2**30, turned))
    return tuple(
        (pattern(size) ^ sign).bits(real)
        for size, sign in ((is_odd.select(s, c), x_sign), (is_odd.select(c, s), y_sign))
    )


def box_muller(radial, angular, real):
    """`philox.box_muller` of two Words, in a type of llvmlite."""
    r, (x, y) = radius(radial, real), cos_sin(angular, real)
    return r * x, r * y


for _function in (philox.philox, philox.split, philox.place):
    register_jitable(**INLINED)(_function)


@intrinsic(prefer_literal=True)
def stretched(context, layout, rows):
    """A Layout of nothing but so many rows of lanes, a literal number, for one loop over all of them; in a kernel."""
    result = LayoutType(Layout((), 0, rows.literal_value * layout.layout.lanes))
    return result(layout, rows), lambda context, *_: context.get_dummy_value()


@partial(lanewise, registers=8)
def draw_words(layout, words, radial, angular, call, realisations, seed, i):
    """The four words of a call of the thermal stream of each lane, two of radii and two of angles."""
    stream = realisations[0, i], 0, philox.THERMAL
    w0, w1, w2, w3 = philox.philox(philox.place(call, *stream), philox.split(seed))
    words[radial, i], words[radial, layout.lanes, i] = w0, w2
    words[angular, i], words[angular, layout.lanes, i] = w1, w3


@partial(lanewise, registers=4)
def draw_normals(layout, normals, words, i):
    """The Box-Muller pairs of words that are as many lanes apart as the layout has."""
    pair = box_muller(words[0, i], words[layout.lanes, i], normals.element)
    normals[0, i], normals[layout.lanes, i] = pair


@cache
def drawer(width):
    """A function that fills a buffer with the thermal normals of steps 4 group ... 4 group + 3, in so many lanes.

    draw(block, pairs, buffer, words, seed, realisations, group)
    block, pairs : Layouts of width and of 6 width lanes, as `stretched` makes them
    buffer, words : float, uint32 (12 width)   for the normals, and for the words that they are made of, both in the
                                          order of `place_of_normal`. A loop over lanes for the words and one over all
                                          pairs for the normals keep their constants in registers; inlined into a large
                                          kernel they would not. It is compiled once, not for each layout
    seed : integer in [0, 2^64)
    realisations : integers (width)       in [0, 2^32)
    group : integer                       step // 4
    """

    @njit(nogil=True, fastmath=FLAGS, error_model="numpy", forceinline=False, no_cfunc_wrapper=True)
    def draw(block, pairs, buffer, words, seed, realisations, group):
        for call in range(3):
            number = np.uint64(3) * np.uint64(group) + np.uint64(call)
            draw_words(block, words, 2 * call * width, (2 * call + 6) * width, number, realisations, seed)
        draw_normals(pairs, buffer, words)

    return draw


@register_jitable(**INLINED)
def place_of_normal(n, width):
    """Where normal number n = 3 s + c (component c of step 4 group + s) of lane 0 stands in a buffer (12 width)."""
    return ((n & 1) * 6 + (n >> 1)) * width


@lanewise
def take_normals(layout, field, normals, x, y, z, sigma, first, i):
    """To the field (3 rows): the normals of three rows, times sigma."""
    for k, place in enumerate((x, y, z)):
        field[k * layout.lanes, i] = sigma[first, i] * normals[place, i]


@lanewise
def add_normals(layout, field, normals, x, y, z, i):
    """Add the normals of three rows to the field (3 rows)."""
    for k, place in enumerate((x, y, z)):
        field[k * layout.lanes, i] = field[k * layout.lanes, i] + normals[place, i]


@lanewise
def scale_field(layout, field, sigma, first, i):
    """The field (3 rows) times sigma."""
    for k in range(3):
        field[k * layout.lanes, i] = field[k * layout.lanes, i] * sigma[first, i]


def prepare_noise(layout, noise, buffer, group, source, step, first):
    """Put the thermal field of a step into `noise`, if the layout has any: the sum of its draws, times sigma; in a
    kernel.

    noise : float (3 width)                       the field
    buffer : float, uint32 (12 width)             the normals of a group of four draws, and their words
    group : integer                               the one that is in `buffer`, -1: none
    source : (seed, realisations (n,), sigma (n,), number of the first draw of step 0, ...); sigma in T, the deviation
             of a draw over the number of draws a step
    step : integer                                in any order; fastest one by one, up or down
    first : integer                               the block's first oscillator of the n
    Returns : the group that is there now
    """


@overload(prepare_noise, jit_options=INLINED)
def _prepare_noise(layout, noise, buffer, group, source, step, first):
    width, draws, draw_group = layout.layout.lanes, layout.layout.draws, drawer(layout.layout.lanes)
    if not draws:
        return lambda layout, noise, buffer, group, source, step, first: group

    @register_jitable(**INLINED)
    def refill(layout, buffer, group, source, number, first):
        if number >> 2 != group:
            realisations = source[1][first : first + width]
            draw_group(stretched(layout, 1), stretched(layout, 6), *buffer, source[0], realisations, number >> 2)
        return number >> 2

    @register_jitable(**INLINED)
    def places(number):
        n = 3 * (number & 3)
        return place_of_normal(n, width), place_of_normal(n + 1, width), place_of_normal(n + 2, width)

    def one(layout, noise, buffer, group, source, step, first):
        number = source[3] + step
        group = refill(layout, buffer, group, source, number, first)
        take_normals(layout, noise, buffer[0], *places(number), source[2], first)
        return group

    def several(layout, noise, buffer, group, source, step, first):
        clear(layout, 3, noise)
        for number in range(source[3] + step * draws, source[3] + (step + 1) * draws):
            group = refill(layout, buffer, group, source, number, first)
            add_normals(layout, noise, buffer[0], *places(number))
        scale_field(layout, noise, source[2], first)
        return group

    return one if draws == 1 else several
