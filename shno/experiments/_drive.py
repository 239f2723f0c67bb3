"""What every experiment does to its oscillator and drive: check them, exchange the current or the field, and put the
axes that are swept in front of the batch.
"""

from dataclasses import replace

import numpy as np

from shno.checks import as_array, as_whole, check_finite, check_unit_vectors, check_values, complaint, shown
from shno.drive import Drive
from shno.oscillator import Oscillator
from shno.parameters import batch_shape, parameters

MOST = 1_000_000  # that is counted: steps of a field, realisations

# (rule, test, what to do)
SECONDS = ("in [1e-18, 1e3] s", lambda x: (x >= 1e-18) & (x <= 1e3), "Give it in seconds.")
FREQUENCY = ("in [1, 1e15] Hz", lambda x: (x >= 1) & (x <= 1e15), "Give it in hertz: 9 GHz is 9e9.")
FIELD = ("within +-1e6 T", lambda x: np.abs(x) <= 1e6, "Give it in tesla: 100 mT is 0.1.")
FIELD_SIZE = ("in (0, 1e6] T", lambda x: (x > 0) & (x <= 1e6), FIELD[2])
CURRENT = ("within +-1e60", lambda x: np.abs(x) <= 1e60, "In the unit of the drive's own current: A, A/m^2 or T.")
AMPLITUDE = ("in [0, 1e60]", lambda x: (x >= 0) & (x <= 1e60), "It is the amplitude of a sine.")
RESISTANCE = ("within +-1e15 ohm", lambda x: np.abs(x) <= 1e15, "Resistance in ohm.")


def check_nouns(oscillator, drive):
    """TypeError unless they are an Oscillator and a Drive."""
    for name, value, kind in (("oscillator", oscillator, Oscillator), ("drive", drive, Drive)):
        if not isinstance(value, kind):
            raise TypeError(complaint(name, f"a shno.{kind.__name__}", shown(value), "shno.preset(name) gives one."))


def drive_of(drive):
    """The drive that was given; one without a current where it is None. Its field is exchanged later."""
    return Drive(a_DL=0.0) if drive is None else drive


def batch_of(oscillator, drive):
    """Broadcast shape of an oscillator and a drive."""
    return np.broadcast_shapes(oscillator.shape, batch_shape(parameters(oscillator, drive)))


def swept(name, values, rule, batch=(), *, vector=False):
    """Values that are swept, (n,) or vectors (n, 3), with as many axes of length 1 after n as the batch has.

    Raises : TypeError, ValueError where they are no list of finite numbers or break the rule
    """
    values = numbers(name, values, rule, vector=vector)
    if values.ndim != 1 + vector:
        shape = "(n, 3)" if vector else "(n,)"
        raise ValueError(complaint(name, f"of shape {shape}", f"shape {values.shape}", "It is what is swept."))
    return values.reshape(len(values), *(1,) * len(batch), *values.shape[1:])


def numbers(name, values, rule, *, vector=False):
    """A number, an array of them or of vectors, that are finite and keep a rule; TypeError, ValueError otherwise."""
    values = np.asarray(as_array(name, values, vector=vector))
    _check_not_empty(name, values)
    check_finite(name, values)
    check_values(name, values, *rule)
    return values


def _check_not_empty(name, values):
    """ValueError for an array without elements."""
    if not values.size:
        raise ValueError(complaint(name, "not empty", f"shape {values.shape}", "Give one or more."))


def number(name, value, rule):
    """A single number that keeps a rule; TypeError, ValueError otherwise."""
    value = numbers(name, value, rule)
    if value.ndim:
        raise ValueError(complaint(name, "one number", f"shape {value.shape}", "It holds for the whole batch."))
    return float(value)


def whole(name, value, least=2):
    """A whole number, at least `least`; TypeError, ValueError otherwise."""
    return as_whole(name, value, least, MOST, "It counts.")


def unit_vectors(name, value):
    """Unit vectors (..., 3); TypeError, ValueError otherwise."""
    value = np.asarray(as_array(name, value, vector=True))
    _check_not_empty(name, value)
    check_finite(name, value)
    check_unit_vectors(name, value)
    return value


def unit_vector(name, value):
    """One unit vector (3,); TypeError, ValueError otherwise."""
    value = unit_vectors(name, value)
    if value.ndim > 1:
        raise ValueError(complaint(name, "one vector of three numbers", f"shape {value.shape}", "It holds for all."))
    return value


def ensemble(realisations, batch):
    """The `realisation` of `simulate` for so many runs with a noise of their own, in front of the batch; {} for one."""
    n = whole("realisations", realisations, least=1)
    return {"realisation": np.arange(n * int(np.prod(batch))).reshape(n, *batch)} if n > 1 else {}


def with_current(drive, value):
    """The drive with its I, J or a_DL exchanged, in its own unit."""
    return replace(drive, **{drive.current[0]: value})


def with_field(drive, B):
    """The drive with its B_ext (T) exchanged."""
    return replace(drive, B_ext=B)
