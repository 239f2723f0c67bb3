"""Closed forms with a damping-like torque: thresholds, switching, the cone of a perpendicular polariser, pinning.

a is the amplitude a_DL, T, of gamma a m x (p x m); thresholds are magnitudes: p is antiparallel to m, or a negative.
"""

import numpy as np

from shno.checks import check_values
from shno.constants import e, gamma, hbar
from shno.theory._domain import DAMPED, NOT_NEGATIVE, POSITIVE, checked, stiffness
from shno.theory.precession import explicit_gamma

NOT_ZERO = ("other than 0", lambda x: x != 0, "Without it there is no torque.")
PROJECTION = ("in [-1, 1] and not 0", lambda x: (np.abs(x) <= 1) & (x != 0), "It is p . m_eq; at 0 p does not damp m.")
WELLS = ("1 or 2", lambda x: (x == 1) | (x == 2), "A field makes one well a turn, a uniaxial anisotropy two.")


@checked(p_dot_m=PROJECTION)
def noncollinear_threshold(B1, B2, alpha, p_dot_m):
    """Torque at which an equilibrium starts to oscillate, a_c = alpha (B1 + B2) / (2 |p . m_eq|).

    B1, B2 : T      stiffness fields of the equilibrium m_eq, >= 0
    p_dot_m : 1     projection of the polarisation on m_eq, in [-1, 1], not 0
    Returns : T
    Source : Slavin and Tiberkevich, IEEE Trans. Magn. 45, 1875 (2009) [K].  Exact where p is collinear with m_eq;
        else the torque shifts m_eq: 0.04 % off 30 deg away in the plane, 3 % at 80 deg elevation.
    """
    return alpha * (B1 + B2) / (2 * np.abs(p_dot_m))


@checked()
def collinear_threshold(B, M, Bk, alpha):
    """Torque at which a film with in-plane field starts to oscillate, a_c = alpha (B1 + B2)/2 = alpha (B + Bk + M/2).

    B, M, Bk : T    field in the plane, along m and the easy axis; stiffness fields B1 = B + Bk, B2 = B1 + M
    Returns : T     for p antiparallel to m
    Raises : ValueError unless B1 >= 0 and B2 >= 0
    Source : Sun, Phys. Rev. B 62, 570 (2000).  Exact: the trace of the Jacobian is zero there.
    """
    return alpha * (stiffness("B + Bk", B + Bk) + stiffness("B + Bk + M", B + Bk + M)) / 2


@checked()
def perpendicular_threshold(B, Bk, alpha):
    """Torque at which m along the easy axis and the field starts to oscillate, a_c = alpha (B + Bk).

    B, Bk : T       along z, as m; Bk = 2 Ku/Ms - mu_0 Ms for a film
    Returns : T     for p antiparallel to m
    Raises : ValueError unless B + Bk >= 0
    Source : Sun, Phys. Rev. B 62, 570 (2000).  Exact, as there.
    """
    return alpha * stiffness("B + Bk", B + Bk)


@checked()
def threshold_frequency(B, M, Bk, alpha, gamma=gamma):
    """Frequency at `collinear_threshold`, f = gamma/(2 pi) sqrt((B1 B2 + a_c^2)/(1 + alpha^2)).

    B, M, Bk : T    as there, B1 = B + Bk, B2 = B1 + M
    Returns : Hz
    Source : the determinant of the Jacobian at a_c, where its trace is zero.  Exact for small angles.
    """
    a_c = collinear_threshold(B, M, Bk, alpha)
    return gamma / (2 * np.pi) * np.sqrt(((B + Bk) * (B + Bk + M) + a_c**2) / (1 + alpha**2))


@checked(theta_SH=NOT_ZERO)
def critical_current_density(a_c, theta_SH, Ms, thickness):
    """Current density whose damping-like torque is a_c, J_c = 2 e Ms t_F a_c / (hbar theta_SH).

    a_c : T
    theta_SH : 1            damping-like efficiency, signed, not 0
    Ms, thickness : A/m, m  of the magnetic layer
    Returns : A/m^2, in the heavy metal
    Source : Liu et al., Phys. Rev. Lett. 106, 036601 (2011).  Exact: it defines the efficiency.
    """
    return 2 * e * Ms * thickness * a_c / (hbar * theta_SH)


@checked(B=NOT_NEGATIVE, Bk=POSITIVE)
def perpendicular_switching_torque(B, Bk):
    """Torque that switches a perpendicular magnet, a = Bk sqrt[(8 + 20 b^2 - b^4 - b (8 + b^2)^(3/2))/32], b = B/Bk.

    B : T       in the plane, along the current: perpendicular to p, which is in the plane too; in [0, Bk]
    Bk : T      > 0, along the normal
    Returns : T; about Bk/2 - B/sqrt(2)
    Source : Lee, Lee, Min and Lee, Appl. Phys. Lett. 102, 112410 (2013).  Exact for a slow torque (a saddle and the
        minimum merge); with alpha below 0.03 m may switch earlier, by precession.
    """
    b = B / Bk
    check_values("B / Bk", b, "<= 1", lambda x: x <= 1, "Above it the field alone holds m in the plane.")
    radicand = 8 + 20 * b**2 - b**4 - b * (8 + b**2) ** 1.5
    return Bk * np.sqrt(np.maximum(radicand, 0.0) / 32)  # 0 at b = 1, but for rounding


@checked(absent=True, alpha=DAMPED)
def perpendicular_cone(a, B, Bk, alpha, gamma=gamma):
    """Steady cone of a polariser p = +z: B + Bk c + a/alpha = 0 for c = m_z, f = gamma |a| / (2 pi alpha).

    a : T       phi decreases for a > 0
    B : T       along z
    Bk : T      along z; -M for a film. The cone is stable for Bk < 0
    Returns : c, f in Hz; c is NaN where |c| > 1: no cone
    Source : dm_z/dt = g' (1 - m_z^2) [alpha (B + Bk m_z) + a] of LLGS vanishes.  Exact; B and Bk do not enter f.
    """
    c = -(B + a / alpha) / Bk
    return np.where(np.abs(c) <= 1, c, np.nan)[()], gamma * np.abs(a) / (2 * np.pi * alpha)


@checked()
def cone_relaxation_rate(c, Bk, alpha, gamma=gamma):
    """Rate at which m_z returns to the cone of `perpendicular_cone`, lambda_c = -alpha g' Bk (1 - c^2).

    c : 1       m_z on the cone
    Bk : T      along z; -M for a film
    Returns : 1/s; positive for Bk < 0, negative where the cone is unstable
    Source : derivative of dm_z/dt there [D].  Exact for small deviations.
    """
    return -alpha * explicit_gamma(alpha, gamma) * Bk * (1 - c**2)


@checked(B=NOT_NEGATIVE, wells=WELLS)
def depinning_torque(B, wells=1):
    """Torque that starts m turning in an easy plane, p along the plane's normal, a_c = B/wells.

    B : T           pinning field: an applied field (wells = 1) or a uniaxial anisotropy field Bk (wells = 2)
    wells : 1 | 2   energy minima a turn
    Returns : T
    Source : the pendulum phi''/(gamma M) + alpha phi' = gamma [a - (B/wells) sin(wells phi)] [D].  Exact for a torque
        that rises slowly; a sudden one may do with less.
    """
    return B / wells


@checked(B=NOT_NEGATIVE, M=NOT_NEGATIVE, wells=WELLS)
def retrapping_torque(B, M, alpha, wells=1):
    """Torque at which m, once turning in an easy plane, stops again, a_r = 4 alpha sqrt(M B) / (pi wells).

    B : T           pinning field, as of `depinning_torque`
    M : T           hardness of the plane, B << M
    wells : 1 | 2   energy minima a turn
    Returns : T; where it exceeds the depinning torque, m stops there
    Source : work of the torque against damping along the separatrix, Stewart-McCumber; Guckenheimer and Holmes,
        Nonlinear Oscillations (1983), section 4.6 [K].  Valid to first order in alpha, for a_r < a_c.
    """
    return 4 * alpha * np.sqrt(M * B) / (np.pi * wells)
