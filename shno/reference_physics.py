"""The physics of the witness: one energy density, its complex-step derivative, and the implicit Gilbert equation.

    (1 - alpha(m) [m]x) dm/dt = -gamma m x ( B + a_DL(m) m x p + a_FL p ),    B = -(1/Ms) de/dm

[m]x is the matrix of m x; the 3x3 system is solved as it stands. A damping that grows with the motion, alpha(m) =
alpha (1 + Q_nl |dm/dt|^2 / (gamma mu_0 Ms)^2), is the root of that equation in the number alpha(m). One oscillator at
a time: numbers and vectors, no batch. Nothing here is shared with `fields` and `llgs`, so that agreement proves
something.
Source: Gilbert, IEEE Trans. Magn. 40, 3443 (2004); complex step: Squire and Trapp, SIAM Rev. 40, 110 (1998);
nonlinear damping: Tiberkevich and Slavin, Phys. Rev. B 75, 014440 (2007).
"""

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from shno.constants import e, hbar, mu_0
from shno.drive import CURRENTS
from shno.oscillator import TRAILING, UNITS

COMPLEX_STEP = 1e-30  # no subtraction, so no cancellation: its square only has to vanish beside 1
ROUNDING = 4 * np.finfo(float).eps  # the least relative tolerance that brentq takes
ONE = np.eye(3)


class Energy(NamedTuple):
    """The arguments of `energy` after m: one oscillator at one time and temperature.

    Ms : A/m                  saturation magnetisation
    B : (3,), T               the sum of all fields that do not depend on m
    exchange : (3,), J/m^3    interlayer exchange, (J_iec / t_F) m_fixed
    N : (3, 3)                demagnetising tensor, symmetric
    axes, Ku, Ku2 : (k, 3), (k,), (k,), J/m^3    uniaxial anisotropies
    Kc, cubic_axes : J/m^3, (3, 3)    cubic anisotropy; one axis a row
    """

    Ms: float
    B: np.ndarray
    exchange: np.ndarray
    N: np.ndarray
    axes: np.ndarray
    Ku: np.ndarray
    Ku2: np.ndarray
    Kc: float
    cubic_axes: np.ndarray


def energy(m, Ms, B, exchange, N, axes, Ku, Ku2, Kc, cubic_axes):
    """Energy density of all terms, with c = m . a along the axes u_k and a_i:

    e = -Ms m . B - m . exchange + (mu_0 Ms^2 / 2) m . N . m - sum_k [Ku_k (m . u_k)^2 + Ku2_k (m . u_k)^4]
        + Kc (c1^2 c2^2 + c2^2 c3^2 + c3^2 c1^2)

    m : (..., 3)            unit magnetisation; may be complex
    Ms, ...                 as in `Energy`
    Returns : (...), J/m^3
    Source : Coey, Magnetism and Magnetic Materials (2010).  Valid for a macrospin.
    """
    uniaxial, cubic = (m @ axes.T) ** 2, (m @ cubic_axes.T) ** 2
    x, y, z = cubic[..., 0], cubic[..., 1], cubic[..., 2]
    linear = -m @ (Ms * B + exchange)
    shape = mu_0 * Ms**2 / 2 * ((m @ N) * m).sum(axis=-1)
    return linear + shape - uniaxial @ Ku - uniaxial**2 @ Ku2 + Kc * (x * y + y * z + z * x)


def field(m, terms):
    """Effective field, B = -(1/Ms) de/dm, (3,) in T, by one complex step along each axis; exact to rounding."""
    return -energy(m + 1j * COMPLEX_STEP * ONE, *terms).imag / (COMPLEX_STEP * terms.Ms)


def rate(m, terms, *, alpha, gamma, p, a_DL=0.0, a_FL=0.0, Lambda=1.0, Q_nl=0.0, B_noise=0.0):
    """dm/dt from the implicit Gilbert form in the module's docstring.

    m, p : (3,)             unit vectors
    terms : Energy
    alpha, Q_nl : 1         Gilbert damping and its growth with the motion
    gamma : rad/(s T)
    a_DL, a_FL : T          damping-like torque (for Lambda = 1) and field-like torque
    Lambda : 1              asymmetry, a_DL(m) = 2 a_DL / ((1 + m . p) + (1 - m . p) / Lambda^2)
    B_noise : (3,), T       white noise: it turns m, but alpha(m) is that of the motion without it
    Returns : (3,), 1/s
    Source : asymmetry: Slonczewski, J. Magn. Magn. Mater. 247, 324 (2002).
    """
    mx = cross_matrix(m)
    along = m @ p
    a_DL = 2 * a_DL / (1 + along + (1 - along) / Lambda**2)
    still = -gamma * mx @ (field(m, terms) + a_DL * mx @ p + a_FL * p)
    noisy = still - gamma * mx @ (B_noise * np.ones(3))
    if not np.isfinite(noisy).all():  # for the caller to see: no equation can be solved with it
        return noisy

    def motion(damping, torque):
        """dm/dt under a given damping."""
        return np.linalg.solve(ONE - damping * mx, torque)

    def grown(damping):
        """The damping that the motion under a given damping asks for; falls as that one grows."""
        return alpha * (1 + Q_nl * np.sum((motion(damping, still) / (gamma * mu_0 * terms.Ms)) ** 2))

    most = grown(alpha) if alpha * Q_nl else alpha
    if most == alpha or not np.isfinite(most):
        return motion(most, noisy)
    most *= 1 + 1e-9  # beyond its rounding, so that the root lies between the two
    grown_damping = brentq(lambda damping: damping - grown(damping), alpha, most, xtol=1e-300, rtol=ROUNDING)
    return motion(grown_damping, noisy)


def cross_matrix(a):
    """[a]x, the matrix (3, 3) for which [a]x b = a x b."""
    x, y, z = a.tolist()
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])


def of_batch(value, batch, index, trailing=0):
    """The part of a value (..., trailing axes) that belongs to one member of the batch; None stays None."""
    if value is None or np.ndim(value) == trailing:
        return value
    shape = np.shape(value)
    return np.broadcast_to(value, (*batch, *shape[len(shape) - trailing :]))[index]


def member(oscillator, drive, batch, index, *, T0, noise):
    """One oscillator of a batch, its fields as numbers and small arrays, with all that acts on it.

    T0 : (*batch), K; noise : (*batch, n_cells, 3), T
    Returns : a namespace; besides the fields `heated`, T0, noise (n_cells, 3), N (3, 3), axes (k, 3), three cubic_axes,
    theta_DL = theta_SH T_int (1 - sech(t_HM / lambda_sf)), and `applied(t, inside)`, the drive's values, with
    `constant` telling whether they change
    Source : spin diffusion: Liu et al., Phys. Rev. Lett. 106, 036601 (2011).
    """
    one = SimpleNamespace(
        **{name: of_batch(getattr(oscillator, name), batch, index, TRAILING.get(name, 0)) for name in UNITS},
        **{"T0": of_batch(T0, batch, index), "noise": of_batch(noise, batch, index, 2)},
        **{"heated": oscillator.R_th is not None, "constant": drive.is_constant},
        applied=lambda t, inside: {
            name: of_batch(value, batch, index, int(name == "B_ext")) for name, value in drive.values(t, inside).items()
        },
    )
    yz, zx, xy = one.demag_off_diagonal
    one.N = np.diag(one.demag) + np.array([[0, xy, zx], [xy, 0, yz], [zx, yz, 0]])
    further = np.empty((0, 3)) if one.further_axes is None else one.further_axes
    none = np.zeros(len(further))
    one.further_Ku, one.further_Ku2 = (none if K is None else K for K in (one.further_Ku, one.further_Ku2))
    one.axes = np.vstack([one.easy_axis, further])
    one.cubic_axes = np.vstack([one.cubic_axes, cross_matrix(one.cubic_axes[0]) @ one.cubic_axes[1]])
    one.theta_DL = one.theta_SH * one.T_int
    if one.lambda_sf and one.t_HM is not None:  # whatever asks for theta_DL asks for t_HM
        decay = one.t_HM / one.lambda_sf  # 1 - sech x = (1 - exp(-x))^2 / (1 + exp(-2 x))
        one.theta_DL *= np.expm1(-decay) ** 2 / (1 + np.exp(-2 * decay))
    return one


def current_density_and_torque(one, name, value, Ms):
    """J in the heavy metal and a_DL = hbar theta_DL J / (2 e Ms t_F); from I, J = shunt I / (width t_HM).

    The spin current hbar theta_DL J / (2 e) per area is taken up by the moment per area Ms t_F.
    one                     as `member` gives it
    name, value             "I", "J" or "a_DL" and its value, A, A/m^2 or T
    Ms : A/m
    Returns : J (A/m^2; 0.0 where nothing asks for it), a_DL (T)
    """
    if value == 0:  # no current, no torque: no thickness is needed
        return 0.0, 0.0
    carries = bool(np.any(one.oersted))
    if name == "a_DL":
        return (value * 2 * e * Ms * one.thickness / (hbar * one.theta_DL) if carries else 0.0), value
    if not (carries or one.theta_DL):
        return 0.0, 0.0
    J = value if name == "J" else one.shunt * value / (one.width * one.t_HM)
    return J, hbar * one.theta_DL * J / (2 * e * Ms * one.thickness) if one.theta_DL else 0.0


def magnetisation_ratio(T, T0, curie_temperature):
    """Ms(T) / Ms(T0) = (1 - (T/Tc)^(3/2)) / (1 - (T0/Tc)^(3/2)), Bloch's law.

    T, T0, curie_temperature : K    NaN where T is not in [0, Tc)
    Source : Bloch, Z. Phys. 61, 206 (1930).
    """
    if not 0 <= T < curie_temperature:
        return np.nan
    return (1 - (T / curie_temperature) ** 1.5) / (1 - (T0 / curie_temperature) ** 1.5)


def heating_rate(one, current, T):
    """dT/dt from C_th dT/dt = I^2 R (1 + beta_R (T - T0)) - (T - T0) / R_th.

    one                     as `member` gives it
    current : A
    T : K
    Returns : K/s
    """
    power = current**2 * one.R * (1 + one.beta_R * (T - one.T0))  # W
    return (power - (T - one.T0) / one.R_th) / one.C_th


def conditions(one, values, B_noise, T=None):
    """The energy and the torques of one oscillator under the drive's values at one time.

    one                     as `member` gives it
    values                  {"I" or "J" or "a_DL", "B_ext", "V_gate", "dKu"}: numbers, and a vector (3,)
    B_noise : (3,), T
    T : K                   None where the oscillator is not heated
    Returns : (terms, {keywords}), the arguments of `rate` after m
    """
    ratio = 1.0
    if T is not None and one.curie_temperature is not None:
        ratio = magnetisation_ratio(T, one.T0, one.curie_temperature)
    Ms, softer = one.Ms * ratio, ratio**one.Ku_exponent
    name = next(name for name in CURRENTS if name in values)
    J, a_DL = current_density_and_torque(one, name, values[name], Ms)
    Ku = one.Ku + values["dKu"] + one.vcma * values["V_gate"]
    terms = Energy(
        Ms=Ms,
        B=values["B_ext"] + one.B_bias + one.oersted * J,
        exchange=one.J_iec / one.thickness * one.m_fixed if one.J_iec else np.zeros(3),
        N=one.N,
        axes=one.axes,
        Ku=softer * np.array([Ku, *one.further_Ku]),
        Ku2=softer * np.array([one.Ku2, *one.further_Ku2]),
        Kc=softer * one.Kc,
        cubic_axes=one.cubic_axes,
    )
    constants = {name: getattr(one, name) for name in ("alpha", "gamma", "p", "Lambda", "Q_nl")}
    return terms, constants | {"a_DL": a_DL, "a_FL": one.field_like * a_DL, "B_noise": B_noise}
