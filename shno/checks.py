"""Checks at the door. Every complaint reads "{name} must be {rule}, got {value} [at index i of n]. {what to do}"."""

import os
from dataclasses import fields

import numpy as np

LONGEST = 80  # characters of a value in an error's text
MOST_AXES = 16  # of an array: numpy's functions take 32 at least, and some are added
LARGEST_FLOAT = float(np.finfo(np.float64).max)


def complaint(name, rule, value, remedy, index=None, n=None):
    """The text of an error: name and rule, the offending value, its place in an array of n, and what to do."""
    where = "" if index is None else f" at index {index} of {n}"
    return f"{name} must be {rule}, got {value}{where}. {remedy}"


def shown(value):
    """A value of any kind in an error's text: on one line, and short."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # an object's repr may raise anything; an integer of more than 4300 digits has none
        text = f"a {type(value).__name__}"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def as_array(name, value, *, vector=False, single=False):
    """A float64 array (read-only) or a float from a number, sequence or array; TypeError for any other kind.

    vector : the last axis must be x, y, z
    single : one number
    """
    array = _array_of(value)
    if array.dtype == object and all(type(x) in (int, float) for x in array.flat):  # with an integer above 2^64
        try:
            array = array.astype(np.float64)
        except OverflowError:
            rule, remedy = f"at most {LARGEST_FLOAT:.2g} in size", "SI units are expected."
            raise ValueError(complaint(name, rule, shown(value), remedy)) from None
    if array.dtype.kind not in "fiu" or (single and array.ndim):
        kind = "a number" if single else "a number or an array of numbers"
        kind = "three numbers or an array (..., 3)" if vector else kind
        remedy = "It is one for the whole batch." if single else "Waveforms and other kinds are not accepted here."
        raise TypeError(complaint(name, kind, shown(value), remedy))
    _check_axes(name, array)
    with np.errstate(over="ignore"):  # of a wider float: infinity, which no rule allows
        array = array.astype(np.float64)  # a copy
    if vector and (array.ndim == 0 or array.shape[-1] != 3):
        raise ValueError(
            complaint(name, "a vector with x, y, z on its last axis", f"shape {array.shape}", "Use (..., 3).")
        )
    array.flags.writeable = False
    return array if array.ndim else float(array)


def _array_of(value):
    """value as numpy has it; None in an array where it has no array for it, as for a ragged sequence."""
    try:
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError):  # what an array of another library raises, too
        return np.array(None)


def _check_axes(name, array):
    """ValueError where an array has more axes than the code below can handle."""
    if array.ndim > MOST_AXES:
        raise ValueError(complaint(name, f"of at most {MOST_AXES} axes", array.ndim, "Drop those of length 1."))


def as_number(name, value, *rule):
    """One number as a float; TypeError for any other kind, ValueError unless it keeps the rule of `check_values`."""
    number = as_array(name, value, single=True)
    if rule:
        check_values(name, number, *rule)
    return number


def as_integers(name, value, bits, remedy, *, single=False):
    """Integers in [0, 2^bits), as an array of uint64; TypeError or ValueError otherwise."""
    rule, array = f"in [0, 2^{bits})", _array_of(value)
    if array.dtype == object and isinstance(value, int):
        raise ValueError(complaint(name, rule, f"an integer of {value.bit_length()} bits", remedy))
    if array.dtype.kind not in "iu" or (single and array.ndim):
        raise TypeError(complaint(name, "an integer" if single else "integers", shown(value), remedy))
    _check_axes(name, array)
    check_values(name, array, rule, lambda x: (x >= 0) & (x < 2**bits), remedy)
    return array.astype(np.uint64)


def as_whole(name, value, low, high, remedy):
    """One whole number in [low, high] as an int; TypeError for any other kind, ValueError outside."""
    rule = f"a whole number in [{low}, {high}]"
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise TypeError(complaint(name, rule, shown(value), remedy))
    if not low <= value <= high:
        raise ValueError(complaint(name, rule, shown(value), remedy))
    return int(value)


def as_path(name, value):
    """A file's path as a string; TypeError for what is none, ValueError where no file can have it."""
    if not isinstance(value, str | os.PathLike) or not isinstance(os.fspath(value), str):
        raise TypeError(complaint(name, "a string or a Path", shown(value), "Name a file."))
    path = os.fspath(value)
    try:
        possible = path and b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        possible = False
    if not possible:
        raise ValueError(complaint(name, "a name that a file can have", shown(value), "Name a file."))
    return path


def arrays_of_one_shape(**parameters):
    """Arrays of one shape from name=(value, rule of `check_values`); TypeError and ValueError name the parameter."""
    arrays = {name: as_array(name, value) for name, (value, _) in parameters.items()}
    for name, (_, rule) in parameters.items():
        check_values(name, arrays[name], *rule)
    common_shape({name: np.shape(array) for name, array in arrays.items()})
    return np.broadcast_arrays(*arrays.values())


def common_shape(shapes, of="arrays"):
    """The shape that {name: shape} broadcast to; ValueError, naming them, where there is none."""
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        rule, listed = (
            f"{of} that broadcast to one shape",
            ", ".join(f"{name} {shape}" for name, shape in shapes.items()),
        )
        raise ValueError(complaint(", ".join(shapes), rule, listed, "Add axes of length 1.")) from None


def check_kind(name, value, kind, remedy):
    """TypeError unless the value is of that class."""
    if not isinstance(value, kind):
        raise TypeError(complaint(name, f"a shno.{kind.__name__}", shown(value), remedy))


def check_choice(name, value, known, remedy="Choose one of these."):
    """ValueError unless the value is one of the known strings."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(complaint(name, f"one of {', '.join(known)}", shown(value), remedy))
    return value


def check_values(name, value, rule, allowed, remedy):
    """ValueError unless allowed(value) holds for every element; the first offender is named by its index."""
    array = np.asarray(value)
    with np.errstate(all="ignore"):  # of huge numbers: what comes out is not allowed
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
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        if np.all(np.abs(np.einsum("...i,...i", value, value) - 1) < 1.9e-6):  # a tenth of the time of lengths
            return
        length = np.hypot.reduce(value, axis=-1)  # unlike a sum of squares, of huge components as well
    remedy = f"Normalise {name}, for example with numpy.linalg.norm."
    check_values(f"|{name}|", length, "1", lambda x: np.abs(x - 1) < 1e-6, remedy)


def equal(a, b):
    """Whether two values (numbers, arrays, strings, None) are the same, bit for bit, NaN being equal to NaN."""
    if a is None or b is None or isinstance(a, str) or isinstance(b, str):
        return a is b or (type(a) is type(b) and a == b)
    if isinstance(a, tuple) or isinstance(b, tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(equal, a, b))
    if hasattr(a, "__dataclass_fields__"):
        return a == b
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def equal_fields(a, b):
    """Whether two dataclass instances of one class have equal fields; arrays compare by value."""
    return type(a) is type(b) and all(
        x == y if hasattr(x, "__dataclass_fields__") else equal(x, y)
        for x, y in ((getattr(a, f.name), getattr(b, f.name)) for f in fields(a) if f.compare)
    )


class IntegrationError(RuntimeError):
    """A solve that failed: the message names the step, the time and the remedy."""
