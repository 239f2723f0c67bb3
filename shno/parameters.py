"""An Oscillator and a Drive as the arguments of the right-hand side: names looked up by the signatures of `torque`
and `effective_field`.

A new field term names its parameters in `effective_field`; an `Oscillator` or `Drive` field of the same name is
found here without a change.
"""

from inspect import signature

import numpy as np

from shno.checks import complaint
from shno.drive import Drive
from shno.fields import effective_field
from shno.llgs import damping_like_amplitude, torque
from shno.oscillator import VECTORS

TORQUE = tuple(signature(torque).parameters)[2:]  # after m, B
FIELD = tuple(signature(effective_field).parameters)[1:]  # after m
VECTOR_NAMES = {*VECTORS, "B_ext", "m"}
SWITCHED_OFF_BY_ZERO = ("Ku", "demag", "field_like")


def a_DL(oscillator, drive):
    """Damping-like torque amplitude of a drive on an oscillator, T: given, or from J, or from I with J = shunt I /
    (width t_HM).

    Raises : ValueError where a current needs a thickness or a width that the oscillator does not give
    """
    name, value = drive.current
    if name == "a_DL" or not np.any(value):  # no current is no torque, whatever the thickness
        return value
    for needed in ("thickness",) if name == "J" else ("thickness", "width", "t_HM"):
        if getattr(oscillator, needed) is None:
            raise ValueError(
                complaint(
                    needed, f"given where {name} becomes a torque", None, "Set it in Oscillator, or drive with a_DL."
                )
            )
    J = value if name == "J" else oscillator.shunt * value / (oscillator.width * oscillator.t_HM)
    return damping_like_amplitude(J, oscillator.theta_SH, oscillator.Ms, oscillator.thickness)


def parameters(oscillator, drive):
    """All that the right-hand side needs, by name, SI; a term that is zero everywhere is None (off).

    Returns : {"gamma", "a_DL", "field_like", and every name in TORQUE and FIELD but a_FL: number or array (vectors:
    (..., 3)), or None}
    """
    values = {"gamma": oscillator.gamma, "a_DL": a_DL(oscillator, drive), "field_like": oscillator.field_like}
    for name in (*TORQUE, *FIELD):
        if name not in values and name != "a_FL":
            values[name] = getattr(drive if name in Drive.__dataclass_fields__ else oscillator, name)
    return values | {name: None for name in SWITCHED_OFF_BY_ZERO if not np.any(values[name])}


def batch_shape(values):
    """Broadcast shape of all parameters (and m), () for one oscillator; ValueError where they do not broadcast."""
    shapes = {
        name: np.shape(v)[:-1] if name in VECTOR_NAMES else np.shape(v) for name, v in values.items() if v is not None
    }
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items() if shape)
        raise ValueError(
            f"oscillator and drive must broadcast to one batch shape, got {listed}. Add axes of length 1."
        ) from None


def arguments(values):
    """(torque parameters, field parameters) in the order of the signatures; a vector becomes its tuple of components.

    values : as `parameters` gives them, numbers, arrays or tensors; a_FL = field_like a_DL
    """
    field_like = values["field_like"]
    values = values | {"a_FL": None if field_like is None else field_like * values["a_DL"]}
    return tuple(tuple(_components(name, values[name]) for name in names) for names in (TORQUE, FIELD))


def reduced_step(values, dt):
    """The solver's step h = gamma dt / (1 + alpha^2), 1/T."""
    return values["gamma"] * dt / (1 + values["alpha"] ** 2)


def _components(name, value):
    if value is None or name not in VECTOR_NAMES:
        return value
    return tuple(value[..., k] for k in range(3))
