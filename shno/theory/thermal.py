"""Closed forms at a temperature: Brown's field, equilibrium, the spectrum of a well, noise on a cone.

The thermal field b is white: <b_i(t) b_j(t')> = 2 D_B delta_ij delta(t - t'). It acts wherever B_eff does.
"""

import numpy as np

from shno.constants import gamma, k_B
from shno.theory._domain import DAMPED, INSIDE, NOT_NEGATIVE, POSITIVE, checked
from shno.theory.precession import explicit_gamma


@checked()
def thermal_field_diffusion(alpha, temperature, Ms, volume, gamma=gamma):
    """Strength of Brown's thermal field, D_B = alpha k_B T / (gamma Ms V).

    alpha : 1
    temperature : K         of the magnet
    Ms, volume : A/m, m^3
    gamma : rad/(s T)       of the Gilbert form
    Returns : T^2 s
    Source : Brown, Phys. Rev. 130, 1677 (1963).  Exact: with it, equilibrium is Boltzmann's; no torque enters.
    """
    return alpha * k_B * temperature / (gamma * Ms * volume)


@checked()
def thermal_field(alpha, temperature, Ms, volume, dt, gamma=gamma):
    """Standard deviation of Brown's field held over a step, per component, sigma_B = sqrt(2 D_B / dt).

    dt : s; the other arguments as of `thermal_field_diffusion`
    Returns : T; over mu_0 it is A/m
    Source : Brown, Phys. Rev. 130, 1677 (1963).  Valid for gamma sigma_B dt << 1.
    """
    return np.sqrt(2 * thermal_field_diffusion(alpha, temperature, Ms, volume, gamma) / dt)


@checked()
def rotational_diffusion(alpha, temperature, Ms, volume, gamma=gamma):
    """Diffusion constant of m on the sphere, D_m = alpha g' k_B T / (Ms V) = 1/(2 tau_N).

    Arguments as of `thermal_field_diffusion`; g' = gamma/(1 + alpha^2); tau_N is Brown's free relaxation time.
    Returns : 1/s
    Source : Brown, Phys. Rev. 130, 1677 (1963).  Exact.
    """
    return alpha * explicit_gamma(alpha, gamma) * k_B * temperature / (Ms * volume)


FRACTIONS = range(19, 1, -2)  # 19, 17, ... 3: for |x| <= 1 the tenth is below rounding


@checked()
def langevin(x):
    """Mean of m . B/|B| in a field alone, L(x) = coth x - 1/x.

    x : 1       Ms V B / (k_B T)
    Returns : 1, in (-1, 1)
    Source : Langevin, Ann. Chim. Phys. 5, 70 (1905) [K].  Exact in equilibrium, whatever alpha.
    """
    near, far = np.clip(x, -1, 1), np.where(np.abs(x) > 1, x, 1.0)
    fraction = 0.0
    for odd in FRACTIONS:  # x/(3 + x^2/(5 + x^2/(7 + ...))): no cancellation
        fraction = near / (odd + near * fraction)
    return np.where(np.abs(x) > 1, 1 / np.tanh(far) - 1 / far, fraction)[()]


@checked(B1=POSITIVE)
def well_variance(B1, temperature, Ms, volume):
    """Variance of a small deviation u of m from its equilibrium, <u^2> = k_B T / (Ms V B1).

    B1 : T                  stiffness field along u, > 0; for the other direction v pass B2
    temperature : K
    Ms, volume : A/m, m^3
    Returns : 1
    Source : equipartition.  Valid for <u^2> << 1: the well's anharmonicity adds a relative <u^2> or so.
    """
    return k_B * temperature / (Ms * volume * B1)


@checked(f=NOT_NEGATIVE)
def susceptibility(f, B1, B2, alpha, gamma=gamma):
    """Response u/b to a field b exp(-i w t) along u, chi = g' [(1 + alpha^2) g' B2 - i alpha w] / D, complex.

    D = (1 + alpha^2) g'^2 B1 B2 - w^2 - i alpha w g' (B1 + B2), w = 2 pi f
    f : Hz          >= 0
    B1, B2 : T      stiffness fields along u and across
    Returns : complex, 1/T; Im chi >= 0 is absorption
    Source : linearised LLG equation [D]; Polder, Phil. Mag. 40, 99 (1949) [K].  Exact for small angles.
    """
    rate, w = explicit_gamma(alpha, gamma), 2 * np.pi * f
    return rate * ((1 + alpha**2) * rate * B2 - 1j * alpha * w) / _denominator(w, B1, B2, alpha, rate)


@checked(f=NOT_NEGATIVE)
def thermal_spectrum(f, B1, B2, alpha, temperature, Ms, volume, gamma=gamma):
    """Power spectral density of the thermal u, one-sided, 4 D_B g'^2 [(1 + a^2)^2 g'^2 B2^2 + (1 + a^2) w^2]/|D|^2.

    a = alpha, w = 2 pi f, D and the arguments as of `susceptibility` and `thermal_field_diffusion`
    Returns : 1/Hz; its integral over f >= 0 is `well_variance`. The two-sided density in w is half of it
    Source : response of u to the components of Brown's field along u and across [D]; by the fluctuation-dissipation
        theorem it is 4 k_B T Im chi / (w Ms V), Callen and Welton, Phys. Rev. 83, 34 (1951).  Exact for small angles.
    """
    D_B = thermal_field_diffusion(alpha, temperature, Ms, volume, gamma)
    rate, w = explicit_gamma(alpha, gamma), 2 * np.pi * f
    response = (1 + alpha**2) ** 2 * (rate * B2) ** 2 + (1 + alpha**2) * w**2
    return 4 * D_B * rate**2 * response / np.abs(_denominator(w, B1, B2, alpha, rate)) ** 2


def _denominator(w, B1, B2, alpha, rate):
    return (1 + alpha**2) * rate**2 * B1 * B2 - w**2 - 1j * alpha * w * rate * (B1 + B2)


@checked(c=INSIDE, alpha=DAMPED)
def cone_phase_diffusion(c, alpha, temperature, Ms, volume, gamma=gamma):
    """Spread of the phase on the cone of `perpendicular_cone`, <dphi^2>/t = [2 D_m/(1 - c^2)] (1 + 1/alpha^2).

    c : 1                   m_z on the cone, in (-1, 1)
    alpha : 1               > 0
    temperature : K
    Ms, volume : A/m, m^3
    Returns : rad^2/s; 1/alpha = nu is the noise that comes by way of the amplitude
    Source : Silva and Keller, IEEE Trans. Magn. 46, 3555 (2010).  Exact for small noise, at times above 1/lambda_c.
    """
    D_m = rotational_diffusion(alpha, temperature, Ms, volume, gamma)
    return 2 * D_m / ((1 - c) * (1 + c)) * (1 + 1 / alpha**2)


@checked(c=INSIDE, alpha=DAMPED)
def cone_linewidth(c, alpha, temperature, Ms, volume, gamma=gamma):
    """Full width at half maximum of the line on the cone, gamma k_B T / [pi alpha Ms V (1 - c^2)].

    Arguments as of `cone_phase_diffusion`, which is 2 pi times this.
    Returns : Hz
    Source : Silva and Keller, IEEE Trans. Magn. 46, 3555 (2010).  Valid, and Lorentzian, for 2 pi times it << lambda_c.
    """
    return cone_phase_diffusion(c, alpha, temperature, Ms, volume, gamma) / (2 * np.pi)


@checked(Bk=("< 0", lambda x: x < 0, "Only then is the cone stable; -M for a film."))
def cone_variance(Bk, temperature, Ms, volume):
    """Variance of m_z on the cone of `perpendicular_cone`, D_m (1 - c^2)/lambda_c = k_B T / (Ms V |Bk|).

    Bk : T                  along z, < 0; -M for a film
    temperature : K
    Ms, volume : A/m, m^3
    Returns : 1
    Source : Ornstein-Uhlenbeck process of m_z about c [D].  Exact for small noise; B, a, alpha and c do not enter.
    """
    return k_B * temperature / (Ms * volume * np.abs(Bk))
