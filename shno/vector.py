"""Vectors as tuples (x, y, z) of numbers, numpy arrays or tensors: one source for every executor.

Nothing here indexes an array, branches on data or allocates, so the same functions run in Python, on tensors and on the
registers of a kernel. What differs between those worlds is a method of the number: `cos`, `sin`, `atan2`.
"""

from functools import reduce

import numpy as np

SMALLEST_SQUARE = 1e-12  # of the sine of an angle: at zero the gradient of a rotation stays finite


def number(value, like):
    """A constant in the precision of `like`: value.

    value : number      a Python float
    like : number, array or tensor
    Returns : number    Python scalars do not widen an array or a tensor; a compiled kernel converts to the type of
                        `like`
    """
    return value


def reciprocal_sqrt(x):
    """x^(-1/2) for a positive x, any unit."""
    return 1 / x**0.5


def cosine_sine(angle):
    """(cos, sin) of an angle in rad."""
    return (angle.cos(), angle.sin()) if hasattr(angle, "cos") else (np.cos(angle), np.sin(angle))


def arctangent(y, x):
    """The angle in rad of the point (x, y), in (-pi, pi]."""
    return y.atan2(x) if hasattr(y, "atan2") else np.arctan2(y, x)


def add(a, b):
    """a + b, by component, of equal length (a state has 3 components, or 4)."""
    return tuple(x + y for x, y in zip(a, b, strict=True))


def scale(s, a):
    """s a, a number times a vector of any length."""
    return tuple(s * x for x in a)


def dot(a, b):
    """a . b."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a, b):
    """a x b, right-handed."""
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def add_cross(a, b, c):
    """a + b x c, in the order in which each product joins a sum: an instruction for each, where one does both."""
    return (
        a[0] + b[1] * c[2] - b[2] * c[1],
        a[1] + b[2] * c[0] - b[0] * c[2],
        a[2] + b[0] * c[1] - b[1] * c[0],
    )


def normalise(a):
    """a / |a|; a must not be zero."""
    return scale(reciprocal_sqrt(dot(a, a)), a)


def normalise_vjp(a, w):
    """Cotangent of a for the cotangent w of n = a / |a|: (w - (w . n) n) / |a|."""
    r = reciprocal_sqrt(dot(a, a))
    n = scale(r, a)
    return scale(r, add(w, scale(-dot(w, n), n)))


def shortening(a):
    """c = 1/|a| - 1 of nearly a unit vector, and e = |a|^2 - 1: c = (1 + e)^(-1/2) - 1 = -e/2 + 3 e^2/8 - 5 e^3/16.

    What is left out, 35 e^4/128, is below rounding for every step that is not refused: |e| <= 2e-4.
    """
    e = dot(a, a) - number(1.0, a[0])
    return e * (number(-1 / 2, e) + e * (number(3 / 8, e) + e * number(-5 / 16, e))), e


def project(y):
    """A step's end with its first three components, nearly a unit vector, made one; and | |m|^2 - 1 | before that.

    m = y + c y, as 1 + c would be rounded like 1: a bias that makes errors of float32 four times as large after 4000
    steps.
    """
    c, e = shortening(y)
    return (*add(y[:3], scale(c, y[:3])), *y[3:]), abs(e)


def project_vjp(y, w):
    """Cotangent of y for the cotangent w of the unit vector n that `project` makes of it: (w - (w . n) n) / |y|."""
    c, _ = shortening(y)
    n = add(y, scale(c, y))
    across = add(w, scale(-dot(w, n), n))
    return add(across, scale(c, across))


def rotate_towards(m, target, fraction):
    """m turned towards the target by a fraction f of the angle theta between them: cos(f theta) m + sin(f theta) t,
    with t the unit vector perpendicular to m towards the target.

    m, target : (x, y, z)   unit vectors
    fraction : 1            in [0, 1]; 1 is the target
    Returns : (x, y, z), of length 1; opposite to the target m stays, as no plane is told
    """
    aside, rise, _, cosine, sine = _turn(m, target, fraction)
    return normalise(add(scale(cosine, m), scale(sine * rise, aside)))


def rotate_towards_vjp(m, w, target, fraction):
    """Cotangent of m for the cotangent w of `rotate_towards`."""
    aside, rise, along, cosine, sine = _turn(m, target, fraction)
    w = normalise_vjp(add(scale(cosine, m), scale(sine * rise, aside)), w)
    angle_bar = fraction * (cosine * rise * dot(w, aside) - sine * dot(w, m))
    across = number(1.0, rise) / rise  # sin theta, as along is cos theta
    square = across * across + along * along
    across_bar = angle_bar * along / square - sine * rise * rise * dot(w, aside)
    aside_bar = add(scale(sine * rise, w), scale(across_bar * rise, aside))
    along_bar = -angle_bar * across / square - dot(m, aside_bar)
    return add(add(scale(cosine, w), scale(-along, aside_bar)), scale(along_bar, target))


def _turn(m, target, fraction):
    """The target's part perpendicular to m, one over its length, the part along m, and cos and sin of the turn."""
    along = dot(m, target)
    aside = add(target, scale(-along, m))
    square = dot(aside, aside) + number(SMALLEST_SQUARE, along)
    rise = reciprocal_sqrt(square)
    cosine, sine = cosine_sine(fraction * arctangent(square * rise, along))
    return aside, rise, along, cosine, sine


def accumulate(a, b):
    """The sum of two equal trees (nested tuples) of cotangents."""
    if isinstance(a, tuple):
        return tuple(accumulate(x, y) for x, y in zip(a, b, strict=True))
    return a + b


def total(trees):
    """The sum of one or more equal trees (vectors, numbers, nested tuples): ((a + b) + c) + ..."""
    return reduce(accumulate, trees)


def each(function, terms, *arguments):
    """The tuple of function(term, *arguments) for each term of a tuple; None is a tuple of no terms."""
    return () if terms is None else tuple(function(term, *arguments) for term in terms)
