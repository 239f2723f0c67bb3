"""What was fabricated: the `Oscillator`, a frozen record of SI numbers or arrays (a batch), checked once."""

from dataclasses import dataclass, fields

import numpy as np

from shno.checks import as_array, check_finite, check_unit_vectors, check_values, equal_fields
from shno.constants import gamma as gamma_free_electron

VECTORS = ("demag", "easy_axis", "p")
UNITS = {
    "Ms": "A/m",
    "alpha": "1",
    "gamma": "rad/(s T)",
    "thickness": "m",
    "width": "m",
    "volume": "m^3",
    "demag": "1",
    "Ku": "J/m^3",
    "easy_axis": "1",
    "theta_SH": "1",
    "field_like": "1",
    "p": "1",
    "t_HM": "m",
    "shunt": "1",
}


def _positive(x):
    return x > 0


RULES = {  # name: (rule, test, what to do)
    "Ms": ("> 0", _positive, "Saturation magnetisation in A/m, about 1e5 to 2e6."),
    "alpha": ("in [0, 1)", lambda x: (x >= 0) & (x < 1), "Gilbert damping is dimensionless."),
    "gamma": ("> 0", _positive, "Gyromagnetic ratio in rad/(s T), about 1.76e11."),
    "thickness": ("> 0", _positive, "Thickness of the magnetic layer in m."),
    "width": ("> 0", _positive, "Width of the constriction in m."),
    "volume": ("> 0", _positive, "Mode volume in m^3."),
    "t_HM": ("> 0", _positive, "Thickness of the heavy metal in m."),
    "shunt": ("in (0, 1]", lambda x: (x > 0) & (x <= 1), "Share of the current that flows in the heavy metal."),
}


@dataclass(frozen=True, eq=False)
class Oscillator:
    """A spin Hall nano-oscillator as a macrospin; every field a number or an array, SI units; arrays broadcast to a
    batch.

    Ms : A/m                 saturation magnetisation
    alpha : 1                Gilbert damping, in [0, 1)
    gamma : rad/(s T)        gyromagnetic ratio; the free electron's by default
    thickness, width : m     magnetic layer, constriction; needed where a current becomes a torque
    volume : m^3             mode volume; width^2 x thickness by default (None where those are not given)
    demag : (..., 3)         demagnetising factors along x, y, z, trace 1; a film by default
    Ku, easy_axis : J/m^3, unit vector (..., 3)   uniaxial anisotropy; Ku > 0 makes the axis easy
    theta_SH : 1             damping-like efficiency, signed
    field_like : 1           a_FL / a_DL
    p : unit vector (..., 3) spin polarisation n x j
    t_HM, shunt : m, 1       heavy-metal thickness, share of the current in it
    Raises : TypeError (wrong kind), ValueError (wrong value), naming the field, the value and its index
    """

    Ms: float | np.ndarray
    alpha: float | np.ndarray
    gamma: float | np.ndarray = gamma_free_electron
    thickness: float | np.ndarray | None = None
    width: float | np.ndarray | None = None
    volume: float | np.ndarray | None = None
    demag: tuple | np.ndarray = (0.0, 0.0, 1.0)
    Ku: float | np.ndarray = 0.0
    easy_axis: tuple | np.ndarray = (0.0, 0.0, 1.0)
    theta_SH: float | np.ndarray = 0.0
    field_like: float | np.ndarray = 0.0
    p: tuple | np.ndarray = (0.0, 1.0, 0.0)
    t_HM: float | np.ndarray | None = None
    shunt: float | np.ndarray = 1.0

    def __post_init__(self):
        """Convert every field to float or a read-only float64 array, check it, and derive the default volume."""
        if self.volume is None and self.width is not None and self.thickness is not None:
            width, thickness = as_array("width", self.width), as_array("thickness", self.thickness)
            object.__setattr__(self, "volume", width**2 * thickness)
        for field in fields(self):
            name, value = field.name, getattr(self, field.name)
            if value is None and field.default is None:
                continue
            value = as_array(name, value, vector=name in VECTORS)
            check_finite(name, value)
            if name in RULES:
                rule, test, remedy = RULES[name]
                check_values(name, value, rule, test, remedy)
            object.__setattr__(self, name, value)
        check_unit_vectors("easy_axis", self.easy_axis)
        check_unit_vectors("p", self.p)
        trace = np.sum(self.demag, axis=-1)
        check_values(
            "trace of demag",
            trace,
            "1",
            lambda x: np.abs(x - 1) < 1e-6,
            "A thin film has (0, 0, 1), a sphere 1/3 each.",
        )
        _ = self.shape

    __eq__ = equal_fields
    __hash__ = None

    @property
    def shape(self):
        """Broadcast shape of all fields, () for a single oscillator; ValueError where they do not broadcast."""
        shapes = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                shapes[field.name] = np.shape(value)[:-1] if field.name in VECTORS else np.shape(value)
        try:
            return np.broadcast_shapes(*shapes.values())
        except ValueError:
            listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items() if shape)
            raise ValueError(
                f"Oscillator fields must broadcast to one batch shape, got {listed}. Add axes of length 1."
            ) from None
