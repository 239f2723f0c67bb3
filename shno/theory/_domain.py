"""The door of the closed forms: `checked` converts a function's arguments and checks each one by its name.

A name in RULES is the same quantity, with the same range, in every closed form; any other must be finite.
"""

from functools import wraps
from inspect import signature

import numpy as np

from shno.checks import as_array, check_finite, check_unit_vectors, check_values, complaint

POSITIVE = ("> 0", lambda x: x > 0, "The closed form has no meaning there.")
NOT_NEGATIVE = (">= 0", lambda x: x >= 0, "The closed form has no meaning there.")
DAMPED = ("in (0, 1)", lambda x: (x > 0) & (x < 1), "Gilbert damping; without it there is no such state.")
INSIDE = ("in (-1, 1)", lambda x: np.abs(x) < 1, "It is m_z on a cone; at a pole there is no azimuth.")
OSCILLATING = ("> 1", lambda x: x > 1, "zeta is the current over its threshold; there is no oscillation below.")
WHOLE = (">= 1 and whole", lambda x: (x >= 1) & (x == np.round(x)), "It counts oscillators.")

RULES = {  # name: (rule, test, what to do)
    "alpha": ("in [0, 1)", lambda x: (x >= 0) & (x < 1), "Gilbert damping is dimensionless."),
    "gamma": ("> 0", POSITIVE[1], "Gyromagnetic ratio in rad/(s T), about 1.76e11."),
    "B1": (">= 0", NOT_NEGATIVE[1], "A stiffness field, T; below zero m is at no minimum of the energy."),
    "B2": (">= 0", NOT_NEGATIVE[1], "A stiffness field, T; below zero m is at no minimum of the energy."),
    "temperature": (">= 0", NOT_NEGATIVE[1], "Absolute temperature in K."),
    "Ms": ("> 0", POSITIVE[1], "Saturation magnetisation in A/m, about 1e5 to 2e6."),
    "volume": ("> 0", POSITIVE[1], "Volume in m^3."),
    "thickness": ("> 0", POSITIVE[1], "Thickness of the magnetic layer in m."),
    "dt": ("> 0", POSITIVE[1], "Time step in s."),
    "theta0": ("in [0, pi]", lambda x: (x >= 0) & (x <= np.pi), "Polar angle in rad."),
    "theta": ("in [0, pi]", lambda x: (x >= 0) & (x <= np.pi), "Polar angle in rad."),
    "elevation": ("in [0, pi/2]", lambda x: (x >= 0) & (x <= np.pi / 2), "In rad, from the film's plane."),
    "c": ("in [-1, 1]", lambda x: np.abs(x) <= 1, "It is m_z on a cone."),
    "Gamma": ("> 0", POSITIVE[1], "Damping rate in 1/s, half the angular linewidth of the resonance."),
    "Q": ("> -1", lambda x: x > -1, "Nonlinear damping, dimensionless, about 1 to 3."),
    "D_n": (">= 0", NOT_NEGATIVE[1], "Noise power in 1/s."),
    "n": WHOLE,
}
VECTORS = ("m", "B_eff", "demag")
UNIT_VECTORS = ("m",)


def checked(*, absent=False, **rules):
    """Decorator: numbers or arrays become float64, are checked by name (`rules` before RULES) and must broadcast.

    absent : NaN in the result means that there is no such state; otherwise a result that is not finite is an error
    Raises, from the decorated function : TypeError, ValueError, each naming the parameter
    """

    def decorate(function):
        expected = signature(function)

        @wraps(function)
        def closed_form(*args, **kwargs):
            given = expected.bind(*args, **kwargs)
            given.apply_defaults()
            with np.errstate(all="ignore"):  # what leaves the range of float64 is refused in the last line
                values = {name: _value(name, value, rules.get(name)) for name, value in given.arguments.items()}
                _check_shapes(values)
                result = function(**values)
                _check_result(function.__name__, values, result, np.isinf if absent else lambda x: ~np.isfinite(x))
            return result

        return closed_form

    return decorate


def stiffness(name, value):
    """The value, a stiffness field in T, after checking that it is not negative: m must be at an energy minimum."""
    check_values(name, value, *RULES["B1"])
    return value


def _value(name, value, rule):
    value = as_array(name, value, vector=name in VECTORS)
    check_finite(name, value)
    if rule or name in RULES:
        check_values(name, value, *(rule or RULES[name]))
    if name in UNIT_VECTORS:
        check_unit_vectors(name, value)
    return np.float64(value) if np.ndim(value) == 0 else value  # unlike float, it divides by zero to infinity


def _check_shapes(values):
    shapes = {name: np.shape(value)[:-1] if name in VECTORS else np.shape(value) for name, value in values.items()}
    try:
        np.broadcast_shapes(*shapes.values())
    except ValueError:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items() if shape)
        raise ValueError(
            f"{', '.join(shapes)} must broadcast to one shape, got {listed}. Add axes of length 1."
        ) from None


def _check_result(function, values, result, bad):
    for part in result if isinstance(result, tuple) else (result,):
        if np.any(bad(part)):
            index = None if np.ndim(part) == 0 else int(np.flatnonzero(bad(part))[0])
            got = f"{np.ravel(part)[index or 0]:.6g}"
            remedy = "The arguments are outside the formula's range of validity, or of float64."
            raise ValueError(complaint(f"{function}({', '.join(values)})", "finite", got, remedy, index, np.size(part)))
