"""Checks at the door. Every complaint reads "{name} must be {rule}, got {value} [at index i of n]. {what to do}"."""

import numpy as np


def complaint(name, rule, value, remedy, index=None, n=None):
    """The text of an error: name and rule, the offending value, its place in an array of n, and what to do."""
    where = "" if index is None else f" at index {index} of {n}"
    return f"{name} must be {rule}, got {value}{where}. {remedy}"


def as_array(name, value, *, vector=False):
    """A float64 array (read-only) or a float from a number, sequence or array; TypeError for any other kind.

    vector : the last axis must be x, y, z
    """
    try:
        array = np.asarray(value)
    except ValueError:  # a ragged sequence
        array = np.array(None)
    if array.dtype.kind not in "fiu":
        kind = "three numbers or an array (..., 3)" if vector else "a number or an array of numbers"
        raise TypeError(complaint(name, kind, repr(value), "Waveforms and other kinds are not accepted here."))
    array = array.astype(np.float64)  # a copy
    if vector and (array.ndim == 0 or array.shape[-1] != 3):
        raise ValueError(
            complaint(name, "a vector with x, y, z on its last axis", f"shape {array.shape}", "Use (..., 3).")
        )
    array.flags.writeable = False
    return array if array.ndim else float(array)


def check_values(name, value, rule, allowed, remedy):
    """ValueError unless allowed(value) holds for every element; the first offender is named by its index."""
    array = np.asarray(value)
    bad = ~np.asarray(allowed(array))
    if not bad.any():
        return
    if array.ndim == 0:
        raise ValueError(complaint(name, rule, f"{array:.6g}", remedy))
    index = int(np.flatnonzero(bad.ravel())[0])
    raise ValueError(complaint(name, rule, f"{array.ravel()[index]:.6g}", remedy, index, array.size))


def check_finite(name, value, remedy="NaN and infinity are not physical values."):
    """ValueError when an element is NaN or infinite."""
    check_values(name, value, "finite", np.isfinite, remedy)


def check_unit_vectors(name, value):
    """ValueError unless every vector on the last axis has length 1 to 1e-6."""
    length = np.linalg.norm(value, axis=-1)
    check_values(
        f"|{name}|",
        length,
        "1",
        lambda x: np.abs(x - 1) < 1e-6,
        f"Normalise {name}, for example with numpy.linalg.norm.",
    )


def equal(a, b):
    """Whether two values (numbers, arrays, strings, None) are the same, bit for bit, NaN being equal to NaN."""
    if a is None or b is None or isinstance(a, str) or isinstance(b, str):
        return a is b or (type(a) is type(b) and a == b)
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def equal_fields(a, b):
    """Whether two dataclass instances of one class have equal fields; arrays compare by value."""
    return type(a) is type(b) and all(
        x == y if hasattr(x, "__dataclass_fields__") else equal(x, y)
        for x, y in ((getattr(a, name), getattr(b, name)) for name in a.__dataclass_fields__)
    )


class IntegrationError(RuntimeError):
    """A solve that failed: the message names the step, the time and the remedy."""
