"""The burst neuron in closed form: its power grows from that of a kick and of the thermal well, and is quenched.

m rests at its bias; a step of the drive moves the equilibrium away and leaves m on an ellipse about it. All powers are
the square of the ellipse's half width in m_x: of the kick K, and in the mean P of the thermal motion; both grow at
2 Gamma (zeta - 1).
"""

import numpy as np
from scipy.special import exp1

import shno
from neuromorph.regimes import regime
from shno import theory
from shno.constants import k_B, mu_0

NEURON = regime("burst")
FILM, A_C, B_EXT = NEURON["oscillator"], NEURON["critical_torque"], np.asarray(NEURON["bias"].B_ext)
BIAS = float(shno.parameters(FILM, NEURON["bias"])["a_DL"]) / A_C
SIZE, ELEVATION, AZIMUTH = np.linalg.norm(B_EXT), np.arcsin(B_EXT[2] / np.linalg.norm(B_EXT)), np.arctan2(*B_EXT[1::-1])
EASE = 2 * FILM.Ku / FILM.Ms  # T, of the anisotropy along the normal
M = mu_0 * FILM.Ms - EASE
THETA = theory.oblique_equilibrium(SIZE, ELEVATION, M)
STIFFNESS = np.array(theory.oblique_stiffness(SIZE, ELEVATION, M))
GAMMA = -theory.ringdown_eigenvalue(*STIFFNESS, FILM.alpha, FILM.gamma).real
AXES = np.array(  # of the ellipse: in the plane, and towards the normal
    [
        [-np.sin(AZIMUTH), np.cos(AZIMUTH), 0],
        [-np.sin(THETA) * np.cos(AZIMUTH), -np.sin(THETA) * np.sin(AZIMUTH), np.cos(THETA)],
    ]
)
COMPLIANCE = np.sum(AXES[:, NEURON["component"]] ** 2 / STIFFNESS)  # 1/T, of the watched component


def rest(zeta):
    """The driven equilibrium at each total drive zeta (in I_c), (..., 3)."""
    return shno.equilibrium(FILM, shno.Drive(a_DL=A_C * np.asarray(zeta), B_ext=B_EXT), driven=True)


def power(m, zeta):
    """Half width of the ellipse on which m (..., 3) turns about the equilibrium at zeta, in m_x, squared."""
    return COMPLIANCE * np.sum(STIFFNESS * ((m - rest(zeta)) @ AXES.T) ** 2, axis=-1)


def growth(zeta):
    """Rate at which the power grows, 2 Gamma (zeta - 1), 1/s."""
    return theory.power_growth_rate(zeta, GAMMA)


def thermal_variance(temperature):
    """Variance of m_x in the well without current, k_B T / (Ms V) (e_1^2 / B_1 + e_2^2 / B_2)."""
    return k_B * temperature / (FILM.Ms * FILM.volume) * COMPLIANCE


def latency(x, temperature):
    """Mean time after which the power of a step x (I_c) on top of the bias reaches the threshold, s.

    p grows as |c + kick|^2 exp(2 Gamma (zeta - 1) t) with c complex normal of mean power P, that of the rest at the
    bias and of the noise while it grows; <ln |c + kick|^2> = ln K + E_1(K/P).
    """
    zeta = BIAS + x
    K = power(rest(BIAS), zeta)
    reach = NEURON["threshold"] - rest(zeta)[..., NEURON["component"]]
    mean = np.log(K)
    if temperature:
        mean = mean + exp1(K / (2 * thermal_variance(temperature) * (1 / (1 - BIAS) + 1 / (zeta - 1))))
    return (2 * np.log(reach) - mean) / growth(zeta)


def rate(x):
    """Spikes a second at a held input x: what the power gains over what a reset takes, -2 ln(1 - fraction)."""
    return np.maximum(growth(BIAS + x), 0) / (-2 * np.log1p(-NEURON["reset_fraction"]))
