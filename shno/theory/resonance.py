"""Closed forms of small angles: resonance, its damping and linewidth, its shift with amplitude, its parametric pumping.

B1 and B2 are the stiffness fields of an equilibrium: its energy is (Ms V/2)(B1 u^2 + B2 v^2) for small deviations u, v.
A film with its field in the plane and along the easy axis has B1 = B + Bk (in the plane) and B2 = B1 + M.
"""

import numpy as np

from shno.checks import check_values
from shno.constants import gamma, mu_0
from shno.theory._domain import NOT_NEGATIVE, POSITIVE, checked, stiffness
from shno.theory.precession import explicit_gamma

BISECTIONS = 60  # of an angle below 2: to 2e-18


@checked()
def resonance_frequency(B1, B2, gamma=gamma):
    """Ferromagnetic resonance about an energy minimum, f = gamma/(2 pi) sqrt(B1 B2).

    B1, B2 : T      stiffness fields, >= 0
    Returns : Hz
    Source : Smit and Beljers, Philips Res. Rep. 10, 113 (1955) [K].  Valid for small angles and alpha = 0.
    """
    return _frequency(B1, B2, gamma)


@checked()
def kittel_frequency(B, M, Bk=0.0, gamma=gamma):
    """Ferromagnetic resonance of a film, field in its plane, f = gamma/(2 pi) sqrt((B + Bk)(B + Bk + M)).

    B : T       in the plane, along m and along the easy axis of Bk
    M : T
    Bk : T      in-plane uniaxial anisotropy; with B along its hard axis use kittel_frequency(B - Bk, M + Bk)
    Returns : Hz
    Raises : ValueError unless B + Bk >= 0 and B + Bk + M >= 0
    Source : Kittel, Phys. Rev. 73, 155 (1948).  Valid for small angles and alpha = 0.
    """
    return _frequency(stiffness("B + Bk", B + Bk), stiffness("B + Bk + M", B + Bk + M), gamma)


@checked()
def kittel_frequency_perpendicular(B, M, gamma=gamma):
    """Ferromagnetic resonance of a film, field along its normal, f = gamma (B - M) / (2 pi).

    B, M : T
    Returns : Hz
    Raises : ValueError unless B >= M: m along the field
    Source : Kittel, Phys. Rev. 73, 155 (1948).  Valid for small angles, alpha = 0.
    """
    return gamma / (2 * np.pi) * stiffness("B - M", B - M)


@checked()
def kittel_frequency_ellipsoid(B, Ms, demag, gamma=gamma):
    """Ferromagnetic resonance of an ellipsoid, f = gamma/(2 pi) sqrt([B + (Ny - Nx) mu_0 Ms][B + (Nz - Nx) mu_0 Ms]).

    B : T               along x, as m
    Ms : A/m
    demag : (..., 3)    demagnetising factors Nx, Ny, Nz along the principal axes x, y, z, trace 1
    Returns : Hz
    Raises : ValueError unless both brackets are >= 0
    Source : Kittel, Phys. Rev. 73, 155 (1948).  Valid for small angles and alpha = 0.
    """
    trace = np.sum(demag, axis=-1)
    check_values("trace of demag", trace, "1", lambda x: np.abs(x - 1) < 1e-6, "A thin film has (0, 0, 1).")
    B1 = B + (demag[..., 1] - demag[..., 0]) * mu_0 * Ms
    B2 = B + (demag[..., 2] - demag[..., 0]) * mu_0 * Ms
    B1, B2 = stiffness("B + (Ny - Nx) mu_0 Ms of demag", B1), stiffness("B + (Nz - Nx) mu_0 Ms of demag", B2)
    return _frequency(B1, B2, gamma)


@checked(B=("> 0", POSITIVE[1], "Without a field m lies anywhere in the plane."))
def oblique_equilibrium(B, elevation, M):
    """Elevation of m in a film under an oblique field: the minimum of B sin(elevation - theta) = (M/2) sin 2 theta.

    B : T               > 0
    elevation : rad     of the field, from the film's plane, in [0, pi/2]
    M : T               negative with the easy axis along the normal
    Returns : rad, in [0, pi/2], theta <= elevation for M >= 0
    Source : torque balance of the Zeeman and the demagnetising energy, by bisection.  Exact.
    """
    low, high = np.where(M >= 0, 0.0, elevation), np.where(M >= 0, elevation, np.pi / 2)
    low, high, B, M, psi = np.broadcast_arrays(low, high, B, M, elevation)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        below = B * np.sin(psi - middle) > M / 2 * np.sin(2 * middle)
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return ((low + high) / 2)[()]


@checked(B=POSITIVE)
def oblique_stiffness(B, elevation, M):
    """Stiffness fields in an oblique field, B1 = B cos d - M sin^2 theta, B2 = B cos d + M cos 2 theta.

    d = elevation - theta is the angle between field and m; arguments as of `oblique_equilibrium`, which gives theta.
    Returns : B1 (in the plane), B2 (towards the normal), T
    Source : second derivatives of the energy at its minimum.  Exact.
    """
    theta = oblique_equilibrium(B, elevation, M)
    along = B * np.cos(elevation - theta)
    B1, B2 = along - M * np.sin(theta) ** 2, along + M * np.cos(2 * theta)
    return np.maximum(B1, 0.0), np.maximum(B2, 0.0)  # at a minimum only rounding is negative


@checked(B=POSITIVE)
def kittel_frequency_oblique(B, elevation, M, gamma=gamma):
    """Ferromagnetic resonance of a film in an oblique field, f = gamma/(2 pi) sqrt(B1 B2) of `oblique_stiffness`.

    B : T               > 0
    elevation : rad     of the field, from the film's plane, in [0, pi/2]
    M : T
    Returns : Hz
    Source : Smit and Beljers, Philips Res. Rep. 10, 113 (1955) [K].  Valid for small angles and alpha = 0.
    """
    return _frequency(*oblique_stiffness(B, elevation, M), gamma)


@checked()
def ringdown_eigenvalue(B1, B2, alpha, gamma=gamma):
    """Small deviations go as exp(lambda t), lambda = g' [-alpha S + i sqrt((1 + alpha^2) B1 B2 - alpha^2 S^2)].

    S = (B1 + B2)/2
    B1, B2 : T      stiffness fields, >= 0
    Returns : complex, 1/s: -(decay rate) + i omega; the slower of two real ones where the motion is overdamped
    Source : Jacobian of the explicit LLG equation [D].  Exact for small angles.
    """
    mean = (B1 + B2) / 2
    radicand = (1 + alpha**2) * B1 * B2 - (alpha * mean) ** 2
    return explicit_gamma(alpha, gamma) * (-alpha * mean + 1j * np.sqrt(radicand + 0j).conj())


@checked()
def resonance_linewidth(B1, B2, alpha, gamma=gamma):
    """Full width at half maximum in frequency of a small ringdown's power spectrum, alpha g' (B1 + B2) / (2 pi).

    B1, B2 : T      stiffness fields
    Returns : Hz    the amplitude decays at pi times this
    Source : real part of `ringdown_eigenvalue`.  Valid for a line much narrower than its frequency.
    """
    return alpha * explicit_gamma(alpha, gamma) * (B1 + B2) / (2 * np.pi)


@checked(f=NOT_NEGATIVE)
def field_linewidth(f, alpha, gamma=gamma):
    """Full width at half maximum in field of the resonance absorbed at a fixed frequency, dB = 4 pi alpha f / gamma.

    f : Hz          >= 0
    Returns : T
    Source : Gilbert, IEEE Trans. Magn. 40, 3443 (2004) [K].  Valid to first order in alpha, field along m.
    """
    return 4 * np.pi * alpha * f / gamma


@checked()
def nonlinear_shift_action(B, M, gamma=gamma):
    """Shift of the angular frequency of a film with in-plane field, N = d omega/dp = -gamma M (B + M/4)/(B + M).

    p is the canonical action: the solid angle that m encircles over 4 pi.
    B, M : T        B along m, in the plane
    Returns : rad/s for p = 1
    Source : expansion of the energy in the action [D]; Krivosik and Patton, Phys. Rev. B 82, 184428 (2010) [K].
        Valid for p -> 0 and alpha = 0.
    """
    return -gamma * M * (stiffness("B", B) + M / 4) / stiffness("B + M", B + M)


@checked()
def nonlinear_shift_power(B, M, gamma=gamma):
    """As `nonlinear_shift_action`, N = -w_H w_M (w_H + w_M/4) / [w_0 (w_H + w_M/2)], for another measure of amplitude.

    p is the power of Slavin and Tiberkevich: the mean of (1 - m.x)/2 over the period, x along m_eq. It is
    (w_H + w_M/2)/w_0 times the action. w_H = gamma B, w_M = gamma M, w_0^2 = w_H (w_H + w_M).
    B, M : T        B along m, in the plane
    Returns : rad/s for p = 1
    Source : Slavin and Tiberkevich, IEEE Trans. Magn. 45, 1875 (2009) [K].  Valid for p -> 0 and alpha = 0.
    """
    B1, B2 = stiffness("B", B), stiffness("B + M", B + M)
    return -gamma * M * (B + M / 4) * np.sqrt(B1 / B2) / ((B1 + B2) / 2)


@checked()
def parametric_threshold(B1, B2, alpha):
    """Field along m at twice the resonance that makes it grow, b = 2 alpha (B1 + B2) sqrt(B1 B2)/|B2 - B1|.

    B1, B2 : T      stiffness fields, unequal: circular precession is not pumped
    Returns : T, the amplitude of b cos(4 pi f t)
    Source : parallel pumping, Schloemann, Green and Milano, J. Appl. Phys. 31, S386 (1960) [K].
        Valid to first order in alpha.
    """
    return 2 * alpha * (B1 + B2) * np.sqrt(B1 * B2) / np.abs(B2 - B1)


def _frequency(B1, B2, gamma):
    return gamma / (2 * np.pi) * np.sqrt(B1 * B2)
