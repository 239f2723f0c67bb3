"""Closed forms of large angles without torque: precession, damping, switching by a field."""

import numpy as np

from shno.constants import gamma
from shno.theory._domain import checked

BETWEEN_POLES = ("in (0, pi)", lambda x: (x > 0) & (x < np.pi), "Polar angle in rad; at a pole m stays for ever.")


@checked()
def explicit_gamma(alpha, gamma=gamma):
    """Gyromagnetic ratio of the explicit (Landau-Lifshitz) form, g' = gamma / (1 + alpha^2).

    alpha : 1
    Returns : rad/(s T)
    Source : Gilbert, IEEE Trans. Magn. 40, 3443 (2004) [K].  Exact.
    """
    return gamma / (1 + alpha**2)


@checked()
def larmor_frequency(B, gamma=gamma):
    """Larmor frequency, f = gamma B / (2 pi), at any angle to the field.

    B : T
    Returns : Hz
    Source : Larmor, Phil. Mag. 44, 503 (1897).  Valid for a field alone and alpha = 0.
    """
    return gamma * B / (2 * np.pi)


@checked()
def mallinson(t, theta0, B, alpha, gamma=gamma):
    """Damped precession about a field, tan(theta/2) = tan(theta0/2) exp(-alpha g' B t), phi = g' B t.

    t : s
    theta0 : rad        angle between m and the field at t = 0, where phi = 0
    B : T               along +z, the only field
    gamma : rad/(s T)   g' = gamma / (1 + alpha^2)
    Returns : theta, phi in rad; the azimuth phi increases
    Source : Mallinson, IEEE Trans. Magn. 36, 1976 (2000).  Exact.
    """
    rate = explicit_gamma(alpha, gamma) * B
    return 2 * np.arctan(np.tan(theta0 / 2) * np.exp(-alpha * rate * t)), rate * t


@checked(theta0=BETWEEN_POLES, theta1=BETWEEN_POLES)
def mallinson_time(theta0, theta1, B, alpha, gamma=gamma):
    """Time that a field needs to turn m from theta0 to theta1, t = ln[tan(theta0/2) / tan(theta1/2)] / (alpha g' B).

    theta0, theta1 : rad    angles to the field, in (0, pi)
    B : T                   the only field
    alpha : 1               > 0
    Returns : s; negative where m was at theta1 before
    Source : Mallinson, IEEE Trans. Magn. 36, 1976 (2000).  Exact.
    """
    rate = alpha * explicit_gamma(alpha, gamma) * B
    return (np.log(np.tan(theta0 / 2)) - np.log(np.tan(theta1 / 2))) / rate


@checked()
def cone_frequency(c, B, M, gamma=gamma):
    """Precession of a film's magnetisation on the cone m_z = c, f = gamma (B - M c) / (2 pi), field along the normal.

    c : 1       m_z, in [-1, 1]
    B, M : T    M is -Bk of an axis along z
    Returns : Hz, negative where the azimuth decreases
    Source : m x (B - M m_z) z [D].  Exact at any angle for alpha = 0 and no torque.
    """
    return gamma * (B - M * c) / (2 * np.pi)


@checked()
def energy_dissipation_rate(m, B_eff, alpha, Ms, volume, gamma=gamma):
    """Rate of change of the energy by damping, dE/dt = -alpha g' Ms V |m x B_eff|^2 = -(alpha/gamma) Ms V |dm/dt|^2.

    m : unit vector (..., 3)
    B_eff : (..., 3), T
    Ms, volume : A/m, m^3
    Returns : (...), W, <= 0
    Source : Gilbert, IEEE Trans. Magn. 40, 3443 (2004) [K].  Exact for a constant applied field and no torque.
    """
    torque = np.cross(m, B_eff)
    return -alpha * explicit_gamma(alpha, gamma) * Ms * volume * np.sum(torque**2, axis=-1)


@checked()
def stoner_wohlfarth_switching_field(psi):
    """Field at which a uniaxial particle's minimum vanishes, h = (|cos psi|^(2/3) + |sin psi|^(2/3))^(-3/2).

    psi : rad       angle between the field's line and the easy axis
    Returns : 1, in units of the anisotropy field Bk
    Source : Stoner and Wohlfarth, Phil. Trans. R. Soc. A 240, 599 (1948).  Exact for a slow field at temperature 0;
        with alpha below 0.1 a fast field may switch earlier, by precession.
    """
    return (np.cbrt(np.cos(psi)) ** 2 + np.cbrt(np.sin(psi)) ** 2) ** -1.5


@checked()
def stoner_wohlfarth_coercivity(psi):
    """Field at which m passes through perpendicular to it: h_sw up to 45 deg from the easy axis, |sin 2 psi|/2 beyond.

    psi : rad       angle between the field's line and the easy axis
    Returns : 1, in units of the anisotropy field Bk
    Source : Stoner and Wohlfarth, Phil. Trans. R. Soc. A 240, 599 (1948).  Exact for a slow field at temperature 0.
    """
    near = np.abs(np.cos(psi)) >= np.abs(np.sin(psi))
    return np.where(near, stoner_wohlfarth_switching_field(psi), np.abs(np.sin(2 * psi)) / 2)[()]
