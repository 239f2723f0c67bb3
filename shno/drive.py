"""What is applied: a current (as I, J or the torque a_DL itself; a number or a waveform) and a field B_ext."""

from dataclasses import dataclass, replace

import numpy as np

from shno.checks import as_array, check_finite, check_values, equal_fields

UNITS = {"I": "A", "J": "A/m^2", "a_DL": "T", "B_ext": "T"}
CURRENTS = ("I", "J", "a_DL")


@dataclass(frozen=True, eq=False)
class Sampled:
    """A waveform held between its samples: values[k] from t0 + k interval on, the last one to the end.

    values : (n_samples, *batch)   in the unit of what it drives
    interval : s                   a multiple of the saved time step
    Raises : TypeError, ValueError
    """

    values: np.ndarray
    interval: float

    def __post_init__(self):
        """Convert to a read-only float64 array and check."""
        values = as_array("values", self.values)
        check_values(
            "number of samples", np.ndim(values) and len(values), ">= 1", lambda n: n >= 1, "Time is the first axis."
        )
        check_finite("values", values)
        check_values("interval", self.interval, "> 0", lambda x: x > 0, "Time between samples, s.")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "interval", float(self.interval))

    __eq__ = equal_fields
    __hash__ = None


@dataclass(frozen=True, eq=False)
class Drive:
    """The applied current and field; numbers or arrays, SI units; the current also a Sampled waveform.

    I : A             total current; J = shunt I / (width t_HM) flows in the heavy metal
    J : A/m^2         current density in the heavy metal
    a_DL : T          damping-like torque amplitude itself
    B_ext : T         applied field, (..., 3)
    Raises : TypeError unless exactly one of I, J, a_DL is given; ValueError for NaN or infinity
    """

    I: float | np.ndarray | Sampled | None = None
    J: float | np.ndarray | Sampled | None = None
    a_DL: float | np.ndarray | Sampled | None = None
    B_ext: tuple | np.ndarray = (0.0, 0.0, 0.0)

    def __post_init__(self):
        """Convert to float or a read-only float64 array and check."""
        given = [name for name in CURRENTS if getattr(self, name) is not None]
        if len(given) != 1:
            got = " and ".join(given) or "none of them"
            raise TypeError(
                f"Drive must be given exactly one of I (A), J (A/m^2), a_DL (T), got {got}. Use I=0.0 for no current."
            )
        for name in (*given, "B_ext"):
            if isinstance(getattr(self, name), Sampled) and name in CURRENTS:
                continue
            value = as_array(name, getattr(self, name), vector=name == "B_ext")
            check_finite(name, value)
            object.__setattr__(self, name, value)

    __eq__ = equal_fields
    __hash__ = None

    @property
    def current(self):
        """The name and value of the one that was given: ("I", ampere), ("J", A/m^2) or ("a_DL", tesla)."""
        return next((name, getattr(self, name)) for name in CURRENTS if getattr(self, name) is not None)

    def pieces(self):
        """The drive as pieces of constant current: [(Drive, duration in s)], the last one without end (infinity)."""
        name, value = self.current
        if not isinstance(value, Sampled):
            return [(self, np.inf)]
        ends = [value.interval] * (len(value.values) - 1) + [np.inf]
        return [(replace(self, **{name: sample}), length) for sample, length in zip(value.values, ends, strict=True)]
