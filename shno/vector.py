"""Vectors as tuples (x, y, z) of numbers, numpy arrays or tensors: one source for every executor.

Nothing here indexes an array, branches on data or allocates, so the same functions run in Python, on tensors and
inside compiled kernels. Two primitives differ between those worlds and are overloaded by `kernels`: `number` and
`reciprocal_sqrt`.
"""


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
    """a + b, by component."""
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2])


def scale(s, a):
    """s a, a number times a vector."""
    return (s * a[0], s * a[1], s * a[2])


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
