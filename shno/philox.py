"""Normal numbers as a pure function of who asks for them: the Philox4x32-10 generator and the Box-Muller transform.

A generator without state: 128 counter bits and 64 key bits give four 32-bit words. Number q of a stream is word
q % 4 of call q // 4, so that a batch, a chunk or a resumed run draws what the whole run would have drawn:

    counter = (low and high word of q // 4, realisation, oscillator + 2^24 purpose),  key = (low, high word of seed)

One source serves numpy (uint64), torch (int64) and compiled kernels (vectors of 64 bits): a word is a 32-bit value in
a 64-bit integer, products wrap around and every shift is masked. Two primitives of the normals have polynomials of
their own in kernels, in `kernel_philox`: `radius` and `cos_sin`. The words are the same bits everywhere; the normals
agree to rounding.
Source : Salmon, Moraes, Dror, Shaw, Parallel random numbers: as easy as 1, 2, 3, Proc. SC 2011; Box, Muller, Ann.
Math. Stat. 29, 610 (1958).  Uniforms have 32 bits in float32 and float64 alike, so |n| <= (66 ln 2)^(1/2) = 6.764:
a normal number is larger once in 7e10 draws.
"""

from typing import Final

import numpy as np

from shno.checks import as_integers, common_shape
from shno.vector import number

MASK: Final = 0xFFFFFFFF
ROUNDS: Final = 10
MULTIPLIERS: Final = (0xD2511F53, 0xCD9E8D57)
WEYL: Final = (0x9E3779B9, 0xBB67AE85)  # added to the key after each round: the golden ratio and 3^(1/2) - 1
PURPOSE_SHIFT: Final = 24

THERMAL: Final = 0  # Brown's field, q = 3 step + component
WELL: Final = 1  # the initial state
FLICKER: Final = 2  # 1/f noise
TELEGRAPH: Final = 3  # random telegraph noise
COMMON: Final = 4  # noise that a whole array shares
SAMPLE: Final = 5  # fabrication spreads


def philox(counter, key):
    """Four random words of a counter and a key, Philox4x32-10: ten rounds of two 32 x 32 -> 64 bit products.

    counter : (c0, c1, c2, c3)    words, 32-bit values in 64-bit integers, arrays or tensors that broadcast
    key : (k0, k1)                words
    Returns : (w0, w1, w2, w3)    words
    Source : Salmon et al., Proc. SC 2011; its known answers are those of the library Random123
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    mask, half = number(MASK, c2), number(32, c2)
    a, b = number(MULTIPLIERS[0], c2), number(MULTIPLIERS[1], c2)
    for _ in range(ROUNDS):  # the upper halves of c1 and c3 are kept: what follows from them is masked
        p, q = c0 & mask, c2 & mask
        p *= a
        q *= b
        c0, c2 = c1 ^ q >> half, c3 ^ p >> half
        c0 ^= k0
        c2 ^= k1
        c1, c3 = q, p
        k0, k1 = (k0 + number(WEYL[0], c2)) & mask, (k1 + number(WEYL[1], c2)) & mask
    return c0 & mask, c1 & mask, c2 & mask, c3 & mask


def split(value):
    """Low and high word of a 64-bit integer, (value mod 2^32, value / 2^32)."""
    return value & number(MASK, value), value >> number(32, value)


def place(call, realisation, oscillator, purpose):
    """The counter of one call: (low word, high word of call, realisation, oscillator + 2^24 purpose)."""
    low, high = split(call)
    shift = number(PURPOSE_SHIFT, oscillator)
    return low, high, realisation, oscillator | number(purpose, oscillator) << shift


def as_real(word, like):
    """A 64-bit integer, read as signed, in the float type of `like` (numpy or torch)."""
    return word.to(like) if hasattr(word, "to") else word.astype(np.int64).astype(like.dtype)


def radius(word, like):
    """Length of a vector of two standard normals, r = (-2 ln u)^(1/2) for u = (word + 1/2) / 2^32.

    word : 32-bit value           in a 64-bit integer array or tensor
    like : array or tensor        of the float type wanted
    Returns : float, in [2^-16, 6.764]; as -ln u = ln(1 + (1 - u) / u), with 1 - u from the complement of the word, it
              keeps its relative accuracy where u rounds to 1
    """
    odds, below = as_real(MASK - word, like), as_real(word, like)
    odds += 0.5
    below += 0.5
    odds /= below  # (1 - u) / u
    odds = odds.log1p() if hasattr(odds, "log1p") else np.log1p(odds)
    odds *= 2.0
    return odds**0.5


def cos_sin(word, like):
    """Cosine and sine of an angle in turns, word / 2^32.

    word : 32-bit value           in a 64-bit integer array or tensor
    like : array or tensor        of the float type wanted
    Returns : (cosine, sine); the nearest quarter turn is taken off in integers, so that both keep their relative
              accuracy near their zeros
    """
    quarter = (word + 2**29) >> 30  # 0 ... 4
    angle = as_real(word - (quarter << 30), like)
    angle *= 2.0 * np.pi / 2**32  # in [-pi/4, pi/4)
    sign, y = as_real(1 - (quarter & 2), like), as_real(quarter & 1, like)
    y *= sign
    x = sign - y  # x, y: cosine and sine of the quarters, 0, 1 or -1
    cosine = angle.cos() if hasattr(angle, "cos") else np.cos(angle)
    sine = angle.sin() if hasattr(angle, "sin") else np.sin(angle)
    across = cosine * y
    cosine *= x
    cosine -= sine * y
    sine *= x
    sine += across
    return cosine, sine


def box_muller(radial, angular, like):
    """Two independent standard normals of two words, r (cos a, sin a)."""
    r = radius(radial, like)
    cosine, sine = cos_sin(angular, like)
    return r * cosine, r * sine


def normals(words, like):
    """Four independent standard normals of four words: the Box-Muller pairs of (w0, w1) and (w2, w3).

    words : (w0, w1, w2, w3)      32-bit values in 64-bit integer arrays or tensors
    like : array or tensor        of the float type (and device) wanted
    Returns : (n0, n1, n2, n3), |n| <= 6.764
    Source : Box, Muller, Ann. Math. Stat. 29, 610 (1958)
    """
    n0, n1 = box_muller(words[0], words[1], like)
    n2, n3 = box_muller(words[2], words[3], like)
    return n0, n1, n2, n3


def draw(seed, q, realisation, *, oscillator=0, purpose=THERMAL):
    """Standard normal numbers q of streams (seed, realisation, oscillator, purpose).

    seed : integer in [0, 2^64)
    q : integer(s) in [0, 2^63)              place in the stream
    realisation : integer(s) in [0, 2^32)
    oscillator : integer(s) in [0, 2^24)
    purpose : THERMAL, WELL, FLICKER, TELEGRAPH, COMMON or SAMPLE: each is a stream of its own
    Returns : float64, the shape that q, realisation and oscillator broadcast to; a number depends on nothing else
    Raises : TypeError, ValueError naming the parameter
    Source : the module's
    """
    which, words, shape = _words(seed, q, realisation, oscillator, purpose)
    radial, angular = np.where(which < 2, words[0], words[2]), np.where(which < 2, words[1], words[3])
    return np.where(which % 2 == 0, *box_muller(radial, angular, np.empty(0))).reshape(shape)[()]


def uniforms(seed, q, realisation, *, oscillator=0, purpose=THERMAL):
    """Uniform numbers q of streams (seed, realisation, oscillator, purpose), (word + 1/2) / 2^32 in (0, 1).

    Arguments and errors are those of `draw`; a stream's uniforms and normals come from the same words, so that one
    stream should serve one of them.
    Returns : float64, the shape that q, realisation and oscillator broadcast to
    """
    which, words, shape = _words(seed, q, realisation, oscillator, purpose)
    return ((np.choose(which, words).astype(np.float64) + 0.5) / 2**32).reshape(shape)[()]


def _words(seed, q, realisation, oscillator, purpose):
    """Which of the four words is asked for, the words and the shape; all arguments are checked."""
    key = split(int(_integers("seed", seed, 64, single=True)))
    purpose = int(_integers("purpose", purpose, 8, single=True))
    q, realisation = _integers("q", q, 63), _integers("realisation", realisation, 32)
    oscillator = _integers("oscillator", oscillator, PURPOSE_SHIFT)
    shape = common_shape({"q": q.shape, "realisation": realisation.shape, "oscillator": oscillator.shape})
    q, realisation, oscillator = (np.ravel(np.broadcast_to(array, shape)) for array in (q, realisation, oscillator))
    words = philox(place(q >> 2, realisation, oscillator, purpose), key)
    return (q & 3).astype(np.intp), words, shape


def _integers(name, value, bits, *, single=False):
    return as_integers(name, value, bits, "A stream of random numbers is named by such integers.", single=single)
