"""Closed forms that simulations are held against, each with its source. Numbers or arrays, SI; B, M, Bk and a in tesla.

B  : applied field                   M : mu_0 Meff, the effective magnetisation of a film (film normal z)
Bk : anisotropy field 2 Ku / Ms      a : damping-like torque amplitude a_DL, as in `llgs`
Signs are those of dm/dt = -gamma m x B + alpha m x dm/dt + gamma a m x (p x m) with gamma > 0.
"""

import numpy as np

from shno.constants import e, gamma, hbar


def larmor_frequency(B, gamma=gamma):
    """Larmor frequency, f = gamma B / (2 pi), at any angle to the field.

    B : T
    Returns : Hz
    Source : Larmor, Phil. Mag. 44, 503 (1897).  Valid for a field alone and alpha = 0.
    """
    return gamma * B / (2 * np.pi)


def mallinson(t, theta0, B, alpha, gamma=gamma):
    """Damped precession about a field, tan(theta/2) = tan(theta0/2) exp(-alpha g' B t), phi = g' B t.

    t : s
    theta0 : rad        angle between m and the field at t = 0, where phi = 0
    B : T               along +z, the only field
    gamma : rad/(s T)   g' = gamma / (1 + alpha^2)
    Returns : theta, phi in rad; the azimuth phi increases
    Source : Mallinson, IEEE Trans. Magn. 36, 1976 (2000).
    """
    rate = gamma / (1 + alpha**2) * B
    return 2 * np.arctan(np.tan(theta0 / 2) * np.exp(-alpha * rate * t)), rate * t


def kittel_frequency(B, M, Bk=0.0, gamma=gamma):
    """Ferromagnetic resonance of a film, field in its plane, f = gamma/(2 pi) sqrt((B + Bk)(B + Bk + M)).

    B : T       in the plane, along m and along the easy axis of Bk
    M : T
    Bk : T      in-plane uniaxial anisotropy; with B along its hard axis use kittel_frequency(B - Bk, M + Bk)
    Returns : Hz
    Source : Kittel, Phys. Rev. 73, 155 (1948).  Valid for small angles, alpha = 0 and B + Bk >= 0.
    """
    return gamma / (2 * np.pi) * np.sqrt((B + Bk) * (B + Bk + M))


def kittel_frequency_perpendicular(B, M, gamma=gamma):
    """Ferromagnetic resonance of a film, field along its normal, f = gamma (B - M) / (2 pi).

    B, M : T
    Returns : Hz
    Source : Kittel, Phys. Rev. 73, 155 (1948).  Valid for small angles, alpha = 0, B > M: m along the field.
    """
    return larmor_frequency(B - M, gamma)


def collinear_threshold(B, M, Bk, alpha):
    """Torque at which a film with in-plane field starts to oscillate, a_c = alpha (B1 + B2)/2 = alpha (B + Bk + M/2).

    B, M, Bk : T    field in the plane, along m and the easy axis; stiffness fields B1 = B + Bk, B2 = B1 + M
    Returns : T     for p antiparallel to m; exact: the trace of the Jacobian is zero there
    Source : Sun, Phys. Rev. B 62, 570 (2000).
    """
    return alpha * (B + Bk + M / 2)


def threshold_frequency(B, M, Bk, alpha, gamma=gamma):
    """Frequency at `collinear_threshold`, f = gamma/(2 pi) sqrt((B1 B2 + a_c^2)/(1 + alpha^2)).

    B, M, Bk : T    as there, B1 = B + Bk, B2 = B1 + M
    Returns : Hz
    Source : the determinant of the Jacobian at a_c, where its trace is zero.  Exact for small angles.
    """
    a_c = collinear_threshold(B, M, Bk, alpha)
    return gamma / (2 * np.pi) * np.sqrt(((B + Bk) * (B + Bk + M) + a_c**2) / (1 + alpha**2))


def critical_current_density(a_c, theta_SH, Ms, thickness):
    """Current density whose damping-like torque is a_c, J_c = 2 e Ms t_F a_c / (hbar theta_SH).

    a_c : T
    theta_SH : 1            damping-like efficiency, signed
    Ms, thickness : A/m, m  of the magnetic layer
    Returns : A/m^2, in the heavy metal
    Source : Liu et al., Phys. Rev. Lett. 106, 036601 (2011).
    """
    return 2 * e * Ms * thickness * a_c / (hbar * theta_SH)


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
