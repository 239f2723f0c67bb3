"""Closed forms of locking: to a signal, of two, of many.

The oscillator is that of `perpendicular_cone`, whose phase constants are exact to first order in the coupling: its
phase answers a field 1/alpha times more than a free precession would, since nu = 1/alpha.
"""

import numpy as np

from shno.constants import gamma
from shno.theory._domain import DAMPED, INSIDE, NOT_NEGATIVE, POSITIVE, checked


@checked(b=NOT_NEGATIVE, c=INSIDE, alpha=DAMPED)
def injection_half_range(b, c, alpha, gamma=gamma):
    """Half of the range in which a rotating in-plane field locks the cone, gamma b / (2 pi alpha sqrt(1 - c^2)).

    b : T       amplitude, turning in the sense of m. A linearly polarised field holds half of it: pass half
    c : 1       m_z on the cone, in (-1, 1)
    alpha : 1   > 0
    Returns : Hz, the largest detuning of signal from free-running frequency
    Source : Adler, Proc. IRE 34, 351 (1946), for the cone [D].  Valid to first order in b, and where the detuning is
        small against the rate at which the cone relaxes.
    """
    return gamma * b / (2 * np.pi * alpha * np.sqrt((1 - c) * (1 + c)))


@checked(half_range=NOT_NEGATIVE)
def beat_frequency(detuning, half_range):
    """Frequency at which an unlocked oscillator's phase slips, sqrt(detuning^2 - half_range^2); 0 where it is locked.

    detuning, half_range : both in Hz, or both in rad/s
    Returns : in their unit
    Source : Adler, Proc. IRE 34, 351 (1946).  Valid where the detuning is small against the amplitude's relaxation.
    """
    beyond = np.abs(detuning) - half_range
    return np.sqrt(np.maximum(beyond, 0.0)) * np.sqrt(np.abs(detuning) + half_range)


@checked(absent=True)
def locked_phase(detuning, half_range):
    """Stable phase of dpsi/dt = detuning - half_range sin psi: arcsin(detuning/half_range), or pi less that.

    detuning, half_range : both in one unit, signed; a negative half_range locks the mirrored phase
    Returns : rad, in [-pi/2, pi/2] for half_range > 0 and in [pi/2, 3 pi/2] for half_range < 0; NaN where unlocked.
        With the signal's frequency less the oscillator's as detuning, psi is how far the signal is ahead
    Source : Adler, Proc. IRE 34, 351 (1946).  Exact for that equation.
    """
    return _stable_phase(detuning, half_range)


@checked(absent=True)
def parametric_locked_phases(detuning, half_range):
    """The two stable phases under a signal at 2f, of dpsi/dt = detuning - half_range sin 2 psi: psi and psi + pi.

    detuning, half_range : both in one unit, signed
    Returns : psi, psi + pi in rad; NaN where unlocked
    Source : Urazhdin et al., Phys. Rev. Lett. 105, 104101 (2010) [K].  Exact for that equation; equally likely.
    """
    psi = _stable_phase(detuning, half_range) / 2
    return psi, psi + np.pi


@checked()
def mutual_locking_edge(b_c):
    """Difference of two oscillators' torques up to which they lock, 2 |b_c|.

    b_c : T     field b_c m_j that each feels from the other
    Returns : T
    Source : Slavin and Tiberkevich, Phys. Rev. B 74, 104401 (2006) [K], for cones [D].  Valid to first order in b_c.
    """
    return 2 * np.abs(b_c)


@checked(absent=True)
def mutual_locked_phase(da, b_c):
    """Phase between two locked oscillators, sin psi = da / (2 b_c); in phase for b_c > 0, in antiphase for b_c < 0.

    da : T      difference of their torques
    b_c : T     field b_c m_j that each feels from the other, not 0
    Returns : rad, near 0 for b_c > 0 and near pi for b_c < 0; NaN where unlocked
    Source : dpsi/dt = (gamma/alpha)(da - 2 b_c sin psi) [D].  Valid to first order in b_c.
    """
    return _stable_phase(da, 2 * b_c)


@checked(density=POSITIVE)
def kuramoto_onset(density):
    """Coupling at which many oscillators start to lock, K_c = 2 / (pi g(0)).

    density : s     g(0), the density of angular frequencies at their centre; their distribution even, one-humped
    Returns : 1/s, of dphi_i/dt = omega_i + (K/n) sum_j sin(phi_j - phi_i)
    Source : Kuramoto, Chemical Oscillations, Waves, and Turbulence (1984) [K].  Exact for n -> infinity.
    """
    return 2 / (np.pi * density)


@checked(sigma=POSITIVE)
def kuramoto_onset_gaussian(sigma):
    """`kuramoto_onset` of a Gaussian spread, K_c = sqrt(8/pi) sigma.

    sigma : rad/s   standard deviation of the angular frequencies
    Returns : 1/s
    Source : Kuramoto (1984) [K].  Exact for n -> infinity.
    """
    return np.sqrt(8 / np.pi) * sigma


@checked(half_width=POSITIVE)
def kuramoto_onset_lorentzian(half_width):
    """`kuramoto_onset` of a Lorentzian spread, K_c = 2 half_width.

    half_width : rad/s      half width at half maximum of the angular frequencies
    Returns : 1/s
    Source : Kuramoto (1984) [K].  Exact for n -> infinity.
    """
    return 2 * half_width


@checked(K=POSITIVE, half_width=POSITIVE)
def kuramoto_order(K, half_width):
    """Order parameter of a Lorentzian spread, r = sqrt(1 - K_c/K), 0 below the onset K_c = 2 half_width.

    K : 1/s
    half_width : rad/s      half width at half maximum of the angular frequencies
    Returns : 1, in [0, 1)
    Source : Kuramoto (1984) [K].  Exact for n -> infinity.
    """
    return np.sqrt(np.maximum(1 - 2 * half_width / K, 0.0))


@checked(alpha=DAMPED)
def kuramoto_coupling(b_c, n, alpha, gamma=gamma):
    """Kuramoto's K of n cones, each coupled to every other by a field b_c m_j, K = n gamma b_c / alpha.

    b_c : T
    n : 1
    alpha : 1       > 0
    Returns : 1/s
    Source : the phase equation of `injection_half_range`, summed [D].  Valid to first order in n b_c.
    """
    return n * gamma * b_c / alpha


@checked(linewidth=NOT_NEGATIVE)
def array_linewidth(linewidth, n):
    """Linewidth of n oscillators that are locked together and have independent noise, that of one over n.

    linewidth : Hz, of one
    Returns : Hz
    Source : Zahedinejad et al., Nat. Nanotechnol. 15, 47 (2020).  Valid for equal oscillators, wholly locked.
    """
    return linewidth / n


@checked(density=NOT_NEGATIVE)
def array_peak_power(density, n):
    """Peak power of n locked oscillators, n^2 times that of one: n times the power, in a line n times narrower.

    density : W/Hz, the spectral density of one at its peak
    Returns : W/Hz
    Source : Zahedinejad et al., Nat. Nanotechnol. 15, 47 (2020).  Valid for equal oscillators, wholly locked, each
        delivering its power to a matched load.
    """
    return n**2 * density


def _stable_phase(detuning, half_range):
    psi = np.arcsin(detuning / half_range)
    return np.where(half_range > 0, psi, np.pi - psi)[()]
