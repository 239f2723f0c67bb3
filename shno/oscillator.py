"""What was fabricated: the `Oscillator`, a frozen record of SI numbers or arrays (a batch), checked once."""

from dataclasses import dataclass, fields
from weakref import WeakValueDictionary

import numpy as np

from shno.checks import as_array, check_finite, check_unit_vectors, check_values, complaint, equal_fields
from shno.constants import gamma as gamma_free_electron

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
    "demag_off_diagonal": "1",
    "Ku2": "J/m^3",
    "further_axes": "1",
    "further_Ku": "J/m^3",
    "further_Ku2": "J/m^3",
    "Kc": "J/m^3",
    "cubic_axes": "1",
    "B_bias": "T",
    "J_iec": "J/m^2",
    "m_fixed": "1",
    "oersted": "T m^2/A",
    "vcma": "J/(m^3 V)",
    "T_int": "1",
    "lambda_sf": "m",
    "rho_HM": "ohm m",
    "rho_F": "ohm m",
    "Lambda": "1",
    "Q_nl": "1",
    "R": "ohm",
    "beta_R": "1/K",
    "R_th": "K/W",
    "C_th": "J/K",
    "curie_temperature": "K",
    "Ku_exponent": "1",
}
TRAILING = {  # axes of a field that are its own; those before are the batch's
    "demag": 1,
    "demag_off_diagonal": 1,
    "easy_axis": 1,
    "p": 1,
    "B_bias": 1,
    "m_fixed": 1,
    "oersted": 1,
    "further_axes": 2,
    "further_Ku": 1,
    "further_Ku2": 1,
    "cubic_axes": 2,
}
VECTORS = tuple(name for name in TRAILING if name not in ("further_Ku", "further_Ku2"))  # the last axis is x, y, z
UNIT_VECTORS = ("easy_axis", "p", "m_fixed", "further_axes", "cubic_axes")


def _positive(x):
    return x > 0


def _not_negative(x):
    return x >= 0


RULES = {  # name: (rule, test, what to do)
    "Ms": ("> 0", _positive, "Saturation magnetisation in A/m, about 1e5 to 2e6."),
    "alpha": ("in [0, 1)", lambda x: (x >= 0) & (x < 1), "Gilbert damping is dimensionless."),
    "gamma": ("> 0", _positive, "Gyromagnetic ratio in rad/(s T), about 1.76e11."),
    "thickness": ("> 0", _positive, "Thickness of the magnetic layer in m."),
    "width": ("> 0", _positive, "Width of the constriction in m."),
    "volume": ("> 0", _positive, "Mode volume in m^3."),
    "t_HM": ("> 0", _positive, "Thickness of the heavy metal in m."),
    "shunt": ("in (0, 1]", lambda x: (x > 0) & (x <= 1), "Share of the current that flows in the heavy metal."),
    "T_int": ("in (0, 1]", lambda x: (x > 0) & (x <= 1), "Transparency of the interface to spins."),
    "lambda_sf": (">= 0", _not_negative, "Spin diffusion length of the heavy metal in m; 0 for the full effect."),
    "rho_HM": ("> 0", _positive, "Resistivity of the heavy metal in ohm m."),
    "rho_F": ("> 0", _positive, "Resistivity of the magnetic layer in ohm m."),
    "Lambda": (">= 1", lambda x: x >= 1, "Slonczewski's asymmetry; 1 for a torque that does not depend on the angle."),
    "Q_nl": (">= 0", _not_negative, "Nonlinear damping grows with the amplitude."),
    "R": ("> 0", _positive, "Resistance of the constriction in ohm."),
    "R_th": ("> 0", _positive, "Thermal resistance in K/W, about 8e3 (8 K/mW) for a nano-constriction."),
    "C_th": ("> 0", _positive, "Heat capacity in J/K; the time constant is R_th C_th, about 1e-9 to 1e-8 s."),
    "curie_temperature": ("> 0", _positive, "In K; None for an Ms that does not change with temperature."),
    "Ku_exponent": (">= 0", _not_negative, "K ~ Ms^n with n of about 2 to 3."),
}
LARGEST = 1e60  # of any number, and of one over a positive one: a product of several must not overflow
SMALLEST = 1e-60


SHUNTED = ("rho_HM", "rho_F", "t_HM", "thickness")  # what the share of the current in the heavy metal follows from


class _DerivedNumber(float):
    """A number computed from other fields: `dataclasses.replace` hands it back, and it is then computed anew."""


_DERIVED_ARRAYS = WeakValueDictionary()  # the same for arrays, by identity


@dataclass(frozen=True, eq=False)
class Oscillator:
    """A spin Hall nano-oscillator as a macrospin; every field a number or an array, SI units; arrays broadcast to a
    batch. Each term beyond the first three lines is off by default.

    Ms : A/m                 saturation magnetisation (with heating: at the ambient temperature, as Ku and R)
    alpha, Q_nl : 1          Gilbert damping, in [0, 1); its growth alpha (1 + Q_nl |dm/dt|^2 / (gamma mu_0 Ms)^2)
    gamma : rad/(s T)        gyromagnetic ratio; the free electron's by default
    thickness, width : m     magnetic layer, constriction; needed where a current becomes a torque
    volume : m^3             mode volume; width^2 x thickness by default (None where those are not given)
    demag : (..., 3)         demagnetising factors N_xx, N_yy, N_zz, trace 1; a film by default
    demag_off_diagonal : (..., 3)   N_yz, N_zx, N_xy of a body that does not stand along the axes
    Ku, Ku2, easy_axis : J/m^3, J/m^3, unit vector (..., 3)   e = -Ku (m . u)^2 - Ku2 (m . u)^4; Ku > 0: easy axis
    further_axes, further_Ku, further_Ku2 : (..., k, 3), (..., k), (..., k)   k more of these
    Kc, cubic_axes : J/m^3, (..., 2, 3)   cubic anisotropy; the first two of three perpendicular axes
    B_bias : (..., 3), T     exchange bias
    J_iec, m_fixed : J/m^2, unit vector (..., 3)   interlayer exchange to a fixed layer; J_iec > 0 aligns
    oersted : (..., 3), T m^2/A   Oersted field over the current density in the heavy metal (`geometry` gives it)
    vcma : J/(m^3 V)         change of Ku with the gate voltage
    theta_SH, T_int, lambda_sf : 1, 1, m   efficiency theta_SH T_int (1 - sech(t_HM / lambda_sf)), signed
    field_like : 1           a_FL / a_DL
    p : unit vector (..., 3) spin polarisation n x j (`geometry.polarisation`)
    Lambda : 1               asymmetry of a spin-transfer torque, a_DL 2 Lambda^2/((Lambda^2+1) + (Lambda^2-1) m . p)
    t_HM, shunt : m, 1       heavy-metal thickness, share of the current in it (from rho_HM, rho_F where given)
    rho_HM, rho_F : ohm m    resistivities of the two layers
    R, beta_R, R_th, C_th : ohm, 1/K, K/W, J/K   Joule heating, C_th dT/dt = I^2 R(T) - (T - T0)/R_th
    curie_temperature, Ku_exponent : K, 1   Ms ~ 1 - (T/Tc)^(3/2), anisotropies ~ Ms^n, while it is heated
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
    shunt: float | np.ndarray | None = None
    demag_off_diagonal: tuple | np.ndarray = (0.0, 0.0, 0.0)
    Ku2: float | np.ndarray = 0.0
    further_axes: tuple | np.ndarray | None = None
    further_Ku: tuple | np.ndarray | None = None
    further_Ku2: tuple | np.ndarray | None = None
    Kc: float | np.ndarray = 0.0
    cubic_axes: tuple | np.ndarray = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    B_bias: tuple | np.ndarray = (0.0, 0.0, 0.0)
    J_iec: float | np.ndarray = 0.0
    m_fixed: tuple | np.ndarray = (0.0, 0.0, 1.0)
    oersted: tuple | np.ndarray = (0.0, 0.0, 0.0)
    vcma: float | np.ndarray = 0.0
    T_int: float | np.ndarray = 1.0
    lambda_sf: float | np.ndarray = 0.0
    rho_HM: float | np.ndarray | None = None
    rho_F: float | np.ndarray | None = None
    Lambda: float | np.ndarray = 1.0
    Q_nl: float | np.ndarray = 0.0
    R: float | np.ndarray | None = None
    beta_R: float | np.ndarray = 0.0
    R_th: float | np.ndarray | None = None
    C_th: float | np.ndarray | None = None
    curie_temperature: float | np.ndarray | None = None
    Ku_exponent: float | np.ndarray = 3.0

    def __post_init__(self):
        """Convert every field to float or a read-only float64 array, check it, and derive volume and shunt."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, _DerivedNumber) or _DERIVED_ARRAYS.get(id(value)) is value is not None:
                object.__setattr__(self, field.name, None)
            elif value is not None or field.default is not None:
                object.__setattr__(self, field.name, _checked(field.name, value))
        _check_axes(self)
        _ = self.shape
        self._derive()

    def __setstate__(self, state):
        """Copies and unpickled oscillators know which of their values were derived."""
        self.__dict__.update(state)
        self._derive()

    def _derive(self):
        """Volume and shunt where they are not given; one that equals what is derived counts as derived."""
        volume = shunt = None
        if self.width is not None and self.thickness is not None:
            volume = self.width**2 * self.thickness
        if self.shunt is None or all(getattr(self, name) is not None for name in SHUNTED):
            shunt = _share_in_heavy_metal(self)
        elif self.rho_HM is None and self.rho_F is None:
            shunt = 1.0
        for name, value in (("volume", volume), ("shunt", shunt)):
            given = getattr(self, name)
            if value is not None and (given is None or np.array_equal(given, value)):
                object.__setattr__(self, name, _derived(value))

    __eq__ = equal_fields
    __hash__ = None

    @property
    def shape(self):
        """Broadcast shape of all fields, () for a single oscillator; ValueError where they do not broadcast."""
        shapes = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                shape = np.shape(value)
                shapes[field.name] = shape[: len(shape) - TRAILING.get(field.name, 0)]
        try:
            return np.broadcast_shapes(*shapes.values())
        except ValueError:
            listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items() if shape)
            raise ValueError(
                f"Oscillator fields must broadcast to one batch shape, got {listed}. Add axes of length 1."
            ) from None


def _checked(name, value):
    """A field as float or read-only array, its kind, shape and values checked."""
    value = as_array(name, value, vector=name in VECTORS)
    if np.ndim(value) < TRAILING.get(name, 0) or (name == "cubic_axes" and np.shape(value)[-2] != 2):
        shape = {"cubic_axes": "(..., 2, 3)", "further_axes": "(..., k, 3)"}.get(name, "(..., k)")
        raise ValueError(complaint(name, f"of shape {shape}", f"shape {np.shape(value)}", "One row an axis."))
    if np.size(value) == 0 and not name.startswith("further"):
        raise ValueError(complaint(name, "not empty", f"shape {np.shape(value)}", "Give one number or more."))
    check_finite(name, value)
    check_values(name, value, f"at most {LARGEST:g} in size", lambda x: np.abs(x) <= LARGEST, "SI units are expected.")
    if name in RULES:
        check_values(name, value, *RULES[name])
        if RULES[name][1] is _positive:
            rule = f"at least {SMALLEST:g}"
            check_values(name, value, rule, lambda x: x >= SMALLEST, "SI units are expected.")
    return value


def _check_axes(oscillator):
    """Unit vectors, right angles and a trace of 1; further axes and their constants in equal number."""
    for name in UNIT_VECTORS:
        if getattr(oscillator, name) is not None:
            check_unit_vectors(name, getattr(oscillator, name))
    remedy = "A thin film has (0, 0, 1), a sphere 1/3 each."
    check_values("trace of demag", np.sum(oscillator.demag, axis=-1), "1", lambda x: np.abs(x - 1) < 1e-6, remedy)
    first, second = np.moveaxis(oscillator.cubic_axes, -2, 0)
    along = np.sum(first * second, axis=-1)
    check_values("product of cubic_axes", along, "0", lambda x: np.abs(x) < 1e-6, "The axes are perpendicular.")
    constants = [x for x in (oscillator.further_Ku, oscillator.further_Ku2) if x is not None]
    n = 0 if oscillator.further_axes is None else oscillator.further_axes.shape[-2]
    if any(x.shape[-1] != n for x in constants) or (n and not constants):
        got = f"{n} further_axes and {' and '.join(str(x.shape[-1]) for x in constants) or 'no'} constants"
        raise ValueError(complaint("further_Ku, further_Ku2", "one number a further axis", got, "Give (..., k)."))


def _derived(value):
    """A computed value, marked as such."""
    if not np.ndim(value):
        return _DerivedNumber(value)
    value.flags.writeable = False
    _DERIVED_ARRAYS[id(value)] = value
    return value


def _share_in_heavy_metal(oscillator):
    """Share of the current in the heavy metal, parallel conductors of resistivities rho; 1 where they are not given."""
    if oscillator.rho_HM is None and oscillator.rho_F is None:
        return 1.0
    for name in SHUNTED:
        if getattr(oscillator, name) is None:
            rule = "given where shunt follows from resistivities, rho_HM and rho_F"
            raise ValueError(complaint(name, rule, None, "Or give shunt."))
    in_metal, in_magnet = oscillator.t_HM / oscillator.rho_HM, oscillator.thickness / oscillator.rho_F
    return in_metal / (in_metal + in_magnet)
