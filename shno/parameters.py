"""An Oscillator and a Drive as the arguments of the right-hand side: names looked up by the signatures of `torque`
and `effective_field`.

A new field term names its parameters in `effective_field`; an `Oscillator` or `Drive` field of the same name is
found here without a change.
"""

from collections.abc import Mapping
from inspect import signature

import numpy as np

from shno.checks import check_kind, check_values, complaint, shown
from shno.drive import Drive
from shno.fields import effective_field
from shno.geometry import spin_diffusion_factor
from shno.heating import HEAT
from shno.llgs import damping_like_amplitude, torque
from shno.oscillator import TRAILING, Oscillator
from shno.waveform import Waveform

TORQUE = tuple(signature(torque).parameters)[2:-1]  # after m, B; B_thermal is a field parameter
FIELD = tuple(signature(effective_field).parameters)[1:]  # after m
Q_NL = TORQUE.index("Q_nl")
TRAILING_AXES = TRAILING | {"B_ext": 1, "B_thermal": 1, "m": 1, "m0": 1}
SWITCHED_OFF_BY_ZERO = (
    *("Ku", "Ku2", "demag", "demag_off_diagonal", "field_like", "vcma", "Kc", "B_bias", "J_iec", "oersted", "Q_nl"),
)
OF_THE_DRIVE = ("B_ext", "V_gate")
MAY_BE_NONE = {*SWITCHED_OFF_BY_ZERO, "J", "torque_per_J", "further", "B_thermal", "Lambda", "thickness"}
SMALLEST_TORQUE = 1e-100  # T m^2/A: one over it is still a number


def check_nouns(oscillator, drive):
    """TypeError unless they are an Oscillator and a Drive."""
    check_kind("oscillator", oscillator, Oscillator, "shno.preset(name) gives one.")
    check_kind("drive", drive, Drive, "shno.operating_point(name) gives one.")


def torque_per_current_density(oscillator):
    """a_DL / J in T m^2/A: hbar theta_DL / (2 e Ms t_F), theta_DL = theta_SH T_int (1 - sech(t_HM / lambda_sf)).

    Raises : ValueError where thickness, or t_HM with lambda_sf > 0, is not given
    """
    _need(oscillator, "thickness", why="a current becomes a torque")
    efficiency = oscillator.theta_SH * oscillator.T_int
    if np.any(oscillator.lambda_sf):
        _need(oscillator, "t_HM", why="lambda_sf is")
        efficiency = efficiency * spin_diffusion_factor(oscillator.t_HM, oscillator.lambda_sf)
    return damping_like_amplitude(1.0, efficiency, oscillator.Ms, oscillator.thickness)


def current_density(oscillator, drive):
    """Current density in the heavy metal, A/m^2: given, J = shunt I / (width t_HM), or the one that makes a_DL.

    Raises : ValueError where a size or an efficiency that this needs is not given
    """
    name, value = drive.current
    if name == "J" or _is_off(value):
        return value
    if name == "I":
        _need(oscillator, "width", "t_HM", why="I becomes a current density")
        return value * (oscillator.shunt / (oscillator.width * oscillator.t_HM))
    per_J, rule = torque_per_current_density(oscillator), "other than 0 where the current follows from a_DL"
    remedy = "Drive with I or J, or leave oersted at 0."
    check_values("theta_SH", oscillator.theta_SH, rule, lambda x: np.abs(per_J) > SMALLEST_TORQUE, remedy)
    return value * (1 / per_J)


def a_DL(oscillator, drive):
    """Damping-like torque amplitude of a drive on an oscillator, T: given, or from J, or from I with J = shunt I /
    (width t_HM).

    Raises : ValueError where a current needs a thickness or a width that the oscillator does not give
    """
    name, value = drive.current
    if name == "a_DL" or _is_off(value):  # no current is no torque, whatever the thickness
        return value
    return current_density(oscillator, drive) * torque_per_current_density(oscillator)


def parameters(oscillator, drive):
    """All that the right-hand side needs, by name, SI; a term that is off everywhere is None.

    Returns : {"gamma", "a_DL", "field_like", "torque_per_J", and every name in TORQUE and FIELD but a_FL: number, array
    (vectors: (..., 3)) or Waveform, or None}
    """
    check_nouns(oscillator, drive)
    has_oersted = np.any(oscillator.oersted)
    values = {
        "gamma": oscillator.gamma,
        "a_DL": a_DL(oscillator, drive),
        "field_like": oscillator.field_like,
        "J": current_density(oscillator, drive) if has_oersted else None,
        "torque_per_J": torque_per_current_density(oscillator) if has_oersted else None,
        "further": _further(oscillator),
        "B_thermal": None,
        "Ku": oscillator.Ku if _is_off(drive.dKu) else oscillator.Ku + drive.dKu,
        "Lambda": None if np.all(np.equal(oscillator.Lambda, 1.0)) else oscillator.Lambda,
    }
    for name in (*TORQUE, *FIELD):
        if name not in values and name != "a_FL":
            values[name] = getattr(drive if name in OF_THE_DRIVE else oscillator, name)
    values |= {name: None for name in SWITCHED_OFF_BY_ZERO if _is_off(values[name])}
    if values["J_iec"] is not None:
        _need(oscillator, "thickness", why="J_iec is")
    if _is_off(values["V_gate"]):
        values["vcma"] = None
    return values


def check_parameters(values):
    """TypeError, ValueError unless values holds each name that `parameters` gives, with None only where that does."""
    if not isinstance(values, Mapping):
        raise TypeError(complaint("parameters", "what shno.parameters gives", shown(values), "It is a dict."))
    for name in ("gamma", "field_like", *(name for name in (*TORQUE, *FIELD) if name not in ("a_DL", "a_FL"))):
        if name not in values or (values[name] is None and name not in MAY_BE_NONE):
            raise ValueError(complaint(f"{name} of parameters", "given", None, "shno.parameters gives each name."))
    for name, with_it in (("thickness", "J_iec"), ("J", "oersted"), ("torque_per_J", "J")):
        if values.get(with_it) is not None and values.get(name) is None:
            raise ValueError(complaint(f"{name} of parameters", f"given where {with_it} is", None, "See Oscillator."))


def with_torque(values, a_DL):
    """The parameters at another a_DL, T, and at the current density that makes it where an Oersted field follows it."""
    current = {} if values.get("J") is None else {"J": a_DL / values["torque_per_J"]}
    return values | {"a_DL": a_DL} | current


def heat_parameters(oscillator, drive, temperature):
    """The arguments of Joule heating in the order of `heating.HEAT`, or None where it is off (R_th is None).

    temperature : K     of the surroundings
    Raises : ValueError where R, C_th or a current in ampere is missing, or the surroundings are above the Curie point
    """
    if oscillator.R_th is None:
        return None
    _need(oscillator, "R", "C_th", why="R_th is")
    name, value = drive.current
    if name != "I":
        raise ValueError(complaint("drive", "one by I where R_th is given", name, "Joule heating is I^2 R."))
    Tc = oscillator.curie_temperature
    if Tc is not None and np.any(np.asarray(Tc) <= temperature):
        raise ValueError(complaint("curie_temperature", f"> temperature = {temperature} K", np.min(Tc), "In K."))
    rate = oscillator.gamma / (1 + oscillator.alpha**2)
    values = {"I": value, "T0": temperature, "rate": rate}
    return tuple(values[name] if name in values else getattr(oscillator, name) for name in HEAT)


def batch_shape(values):
    """Broadcast shape of all parameters (and m), () for one oscillator.

    values : dict       as `parameters` gives them
    Raises : TypeError where it is none; ValueError where they do not broadcast
    """
    if not isinstance(values, Mapping):
        raise TypeError(complaint("values", "what shno.parameters gives", shown(values), "It is a dict."))
    shapes = {name: _shape(name, value) for name, value in values.items() if value is not None}
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items() if shape)
        raise ValueError(
            f"oscillator and drive must broadcast to one batch shape, got {listed}. Add axes of length 1."
        ) from None


def arguments(values):
    """(torque parameters, field parameters) in the order of the signatures; a vector becomes its tuple of components.

    values : as `parameters` gives them, numbers, arrays, tensors or waveforms; a_FL = field_like a_DL
    """
    field_like = values["field_like"]
    values = values | {"a_FL": None if field_like is None else field_like * values["a_DL"]}
    return tuple(tuple(_components(name, values[name]) for name in names) for names in (TORQUE, FIELD))


def reduced_step(values, dt):
    """The solver's step h = gamma dt / (1 + alpha^2), 1/T."""
    return values["gamma"] * dt / (1 + values["alpha"] ** 2)


def _further(oscillator):
    """The further axes as a tuple of (Ku, Ku2, axis), or None."""
    if oscillator.further_axes is None:
        return None
    n = oscillator.further_axes.shape[-2]
    constants = (oscillator.further_Ku, oscillator.further_Ku2)
    first, second = (np.zeros(n) if x is None else x for x in constants)
    return tuple((first[..., k], second[..., k], oscillator.further_axes[..., k, :]) for k in range(n)) or None


def _is_off(value):
    return not isinstance(value, Waveform) and not np.any(value)


def _need(oscillator, *names, why):
    for name in names:
        if getattr(oscillator, name) is None:
            remedy = "Set it in Oscillator, or drive with a_DL."
            raise ValueError(complaint(name, f"given where {why}", None, remedy))


def _shape(name, value):
    """The batch shape of one parameter."""
    if isinstance(value, tuple):  # components, further axes
        own = ("Ku", "Ku2", "easy_axis") if name == "further" else ("", "", "")
        parts = (part if name == "further" else (part,) for part in value)
        shapes = [_shape(inner, x) for part in parts for inner, x in zip(own, part, strict=False)]
        return np.broadcast_shapes(*shapes)
    shape, own = value.shape if isinstance(value, Waveform) else np.shape(value), TRAILING_AXES.get(name, 0)
    if len(shape) < own:
        raise ValueError(complaint(name, f"an array of {own} axes or more", f"shape {shape}", "See shno.parameters."))
    return shape[: len(shape) - own]


def _components(name, value):
    if name == "further" and value is not None:
        return tuple((Ku, Ku2, _components("easy_axis", axis)) for Ku, Ku2, axis in value)
    axes = TRAILING_AXES.get(name, 0)
    if value is None or isinstance(value, tuple) or not axes:
        return value
    if axes == 2:
        return tuple(_components("easy_axis", value[..., k, :]) for k in range(value.shape[-2]))
    return tuple(value[..., k] for k in range(3))
