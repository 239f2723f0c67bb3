"""Vectors as tuples (x, y, z) of numbers, numpy arrays or tensors: one source for every executor.

Nothing here indexes an array, branches on data or allocates, so the same functions run in Python, on tensors and
inside compiled kernels. The primitives that differ between those worlds are overloaded by `kernels`: `number`,
`reciprocal_sqrt`, and those that run over tuples of any length, `add`, `scale`, `accumulate`, `total` and `each`.
"""

from functools import reduce


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


def normalise(a):
    """a / |a|; a must not be zero."""
    return scale(reciprocal_sqrt(dot(a, a)), a)


def normalise_vjp(a, w):
    """Cotangent of a for the cotangent w of n = a / |a|: (w - (w . n) n) / |a|."""
    r = reciprocal_sqrt(dot(a, a))
    n = scale(r, a)
    return scale(r, add(w, scale(-dot(w, n), n)))


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
