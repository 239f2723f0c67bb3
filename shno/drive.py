"""What is applied: a current (as I, J or the torque a_DL itself), a field, a gate voltage; numbers or waveforms."""

from dataclasses import dataclass, replace

import numpy as np

from shno.checks import as_array, check_finite, check_values, complaint, equal_fields
from shno.sampled import Function, Sampled
from shno.waveform import LARGEST, Product, Sum, Waveform, checked, one_number

UNITS = {"I": "A", "J": "A/m^2", "a_DL": "T", "B_ext": "T", "V_gate": "V", "dKu": "J/m^3"}
CURRENTS = ("I", "J", "a_DL")


@dataclass(frozen=True, eq=False)
class Drive:
    """The applied current, field and gate voltage; numbers, arrays, waveforms (`waveforms`) or callables of the time.

    I : A             total current; J = shunt I / (width t_HM) flows in the heavy metal
    J : A/m^2         current density in the heavy metal
    a_DL : T          damping-like torque amplitude itself (for Lambda = 1)
    B_ext : T         applied field: (..., 3), or three of numbers, arrays, waveforms and callables
    V_gate : V        gate voltage; the oscillator's vcma makes it a change of Ku
    dKu : J/m^3       change of Ku itself: noise of the anisotropy
    Raises : TypeError unless exactly one of I, J, a_DL is given; ValueError for NaN or infinity
    """

    I: float | np.ndarray | Waveform | None = None
    J: float | np.ndarray | Waveform | None = None
    a_DL: float | np.ndarray | Waveform | None = None
    B_ext: tuple | np.ndarray = (0.0, 0.0, 0.0)
    V_gate: float | np.ndarray | Waveform = 0.0
    dKu: float | np.ndarray | Waveform = 0.0

    def __post_init__(self):
        """Convert to float, a read-only float64 array or a waveform, and check."""
        given = [name for name in CURRENTS if getattr(self, name) is not None]
        if len(given) != 1:
            got = " and ".join(given) or "none of them"
            raise TypeError(
                f"Drive must be given exactly one of I (A), J (A/m^2), a_DL (T), got {got}. Use I=0.0 for no current."
            )
        values = {name: _checked(name, getattr(self, name)) for name in (*given, "V_gate", "dKu")}
        known = []
        for name, value in (values | {"B_ext": _checked_field(self.B_ext)}).items():
            object.__setattr__(self, name, _shared(value, known))

    __eq__ = equal_fields
    __hash__ = None

    @property
    def current(self):
        """The name and value of the one that was given: ("I", ampere), ("J", A/m^2) or ("a_DL", tesla)."""
        return next((name, getattr(self, name)) for name in CURRENTS if getattr(self, name) is not None)

    @property
    def parts(self):
        """{name: value} of current, V_gate and dKu, and B_ext as its three components or as an array (..., 3)."""
        return dict([self.current], B_ext=self.B_ext, V_gate=self.V_gate, dKu=self.dKu)

    @property
    def waveforms(self):
        """Every waveform in it."""
        values = [value for name, value in self.parts.items() if name != "B_ext"]
        values += self.B_ext if isinstance(self.B_ext, tuple) else ()
        return [value for value in values if isinstance(value, Waveform)]

    @property
    def is_constant(self):
        """Whether nothing in it changes with time."""
        return not self.waveforms

    def breakpoints(self, start, stop):
        """Times of all jumps and kinks between start and stop (s), over all waveforms and the whole batch; sorted."""
        start, stop = one_number("start", start), one_number("stop", stop)
        return np.unique(np.concatenate([np.empty(0), *(w.breakpoints(start, stop) for w in self.waveforms)]))

    def values(self, t, inside=None):
        """{name: number or array} at time t, unchecked; B_ext (..., 3). `inside` tells the side of a jump."""
        now = {name: _at(value, t, inside) for name, value in self.parts.items() if name != "B_ext"}
        B = self.B_ext
        if isinstance(B, tuple):
            B = np.stack(np.broadcast_arrays(*(_at(part, t, inside) for part in B)), axis=-1)
        return now | {"B_ext": B}

    def at(self, t, inside=None):
        """The constant Drive at time t (s); `inside` tells the side of a jump."""
        t, inside = one_number("t", t), None if inside is None else one_number("inside", inside)
        return self if self.is_constant else replace(self, **self.values(t, inside))


def _at(value, t, inside):
    return value._at(t, t if inside is None else inside) if isinstance(value, Waveform) else value


def _shared(value, known):
    """The same value, with one object for all equal waveforms and parts of them: they are evaluated once.

    So a drive runs the same program, to the last bit, whether its waveforms were shared or made one by one.
    """
    if isinstance(value, tuple):
        return tuple(_shared(part, known) for part in value)
    if not isinstance(value, Waveform):
        return value
    if isinstance(value, Sum | Product):
        a, b = _shared(value.a, known), _shared(value.b, known)
        value = value if a is value.a and b is value.b else type(value)(a, b)
    same = next((wave for wave in known if wave is value or wave == value), value)
    if same is value:
        known.append(value)
    return same


def _checked(name, value):
    """A current, voltage or anisotropy as float, read-only array or waveform."""
    if isinstance(value, Waveform):
        return value
    value = _function(name, value) if callable(value) else checked(name, value)
    return _not_empty(name, value)


def _not_empty(name, value):
    """The value; ValueError where it holds no number."""
    if np.size(value) == 0:
        raise ValueError(complaint(name, "not empty", f"shape {np.shape(value)}", "Give one number or more."))
    return value


def _function(name, value):
    """A callable as a waveform; TypeError, ValueError, naming the field, where it is no function of the time."""
    try:
        return Function(value)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from error
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _checked_field(B):
    """B_ext as an array (..., 3), or as a tuple of three components where one of them is a waveform."""
    if isinstance(B, Waveform) or callable(B):
        B = _components(_function("B_ext", B) if not isinstance(B, Waveform) else B)
    is_three = isinstance(B, tuple | list) and len(B) == 3
    if is_three and any(isinstance(part, Waveform) or callable(part) for part in B):
        return tuple(_checked(f"B_ext[{k}]", part) for k, part in enumerate(B))
    B = as_array("B_ext", B, vector=True)
    check_finite("B_ext", B)
    check_values("B_ext", B, f"at most {LARGEST:g} in size", lambda x: np.abs(x) <= LARGEST, "In tesla.")
    return _not_empty("B_ext", B)


def _components(wave):
    """A waveform of vectors (samples or a callable) as three waveforms."""
    if not wave.shape or wave.shape[-1] != 3 or not isinstance(wave, Sampled | Function):
        kinds = "three components, or a Sampled or callable of vectors (..., 3)"
        remedy = "For example B_ext=(0.0, shno.Sine(1e-3, 5e9), 0.1)."
        raise ValueError(complaint("B_ext", kinds, f"{type(wave).__name__} of shape {wave.shape}", remedy))
    if isinstance(wave, Sampled):
        return tuple(replace(wave, values=wave.values[..., k]) for k in range(3))
    return tuple(Function(lambda t, k=k: np.asarray(wave.function(t))[..., k], wave.times) for k in range(3))
