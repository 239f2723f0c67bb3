"""What is applied: a current, as I, J or the torque a_DL itself, and a field B_ext; constant in time."""

from dataclasses import dataclass

import numpy as np

from shno.checks import as_array, check_finite, equal_fields

UNITS = {"I": "A", "J": "A/m^2", "a_DL": "T", "B_ext": "T"}
CURRENTS = ("I", "J", "a_DL")


@dataclass(frozen=True, eq=False)
class Drive:
    """The applied current and field; numbers or arrays, SI units, constant in time.

    I : A             total current; J = shunt I / (width t_HM) flows in the heavy metal
    J : A/m^2         current density in the heavy metal
    a_DL : T          damping-like torque amplitude itself
    B_ext : T         applied field, (..., 3)
    Raises : TypeError unless exactly one of I, J, a_DL is given; ValueError for NaN or infinity
    """

    I: float | np.ndarray | None = None
    J: float | np.ndarray | None = None
    a_DL: float | np.ndarray | None = None
    B_ext: tuple | np.ndarray = (0.0, 0.0, 0.0)

    def __post_init__(self):
        """Convert to float or a read-only float64 array and check."""
        given = [name for name in CURRENTS if getattr(self, name) is not None]
        if len(given) != 1:
            got = " and ".join(given) or "none of them"
            raise TypeError(f"Drive must be given exactly one of I (A), J (A/m^2), a_DL (T), got {got}. Use I=0.0 for no current.")
        for name in (*given, "B_ext"):
            value = as_array(name, getattr(self, name), vector=name == "B_ext")
            check_finite(name, value)
            object.__setattr__(self, name, value)

    __eq__ = equal_fields
    __hash__ = None

    @property
    def current(self):
        """The name and value of the one that was given: ("I", ampere), ("J", A/m^2) or ("a_DL", tesla)."""
        return next((name, getattr(self, name)) for name in CURRENTS if getattr(self, name) is not None)
