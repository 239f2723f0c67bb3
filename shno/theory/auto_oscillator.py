"""The nonlinear auto-oscillator in closed form: power, growth, latency, linewidth.

    dc/dt = -i omega(p) c - Gamma (1 + Q p) c + zeta Gamma (1 - p) c + noise,   p = |c|^2,   omega = omega_0 + N p

zeta   1     current over its threshold, signed  Gamma  1/s   damping rate, half the resonance's angular linewidth
Q      1     nonlinear damping, > -1             N      rad/s nonlinear shift, see `resonance`
D_n    1/s   noise power, <f f*> = 2 D_n delta; the noise changes <p> at the rate 2 D_n
Source of all: Slavin and Tiberkevich, IEEE Trans. Magn. 45, 1875 (2009) [K].
"""

import numpy as np

from shno.checks import check_values
from shno.theory._domain import OSCILLATING, POSITIVE, checked

BELOW = ("< 1", lambda x: x < 1, "zeta is the current over its threshold; this holds below.")


@checked(zeta=(">= 1", lambda x: x >= 1, "Below its threshold the oscillator rests."))
def oscillation_power(zeta, Q):
    """Power of the free-running oscillator, p0 = (zeta - 1)/(zeta + Q).

    zeta, Q : 1     zeta >= 1
    Returns : 1
    Source : as the module.  Exact in the model without noise.
    """
    return (zeta - 1) / (zeta + Q)


@checked()
def power_growth_rate(zeta, Gamma):
    """Rate at which a small power grows, 2 Gamma (zeta - 1); near p0 a deviation of p decays at the same rate.

    zeta : 1
    Gamma : 1/s
    Returns : 1/s; negative below threshold: the power decays, as after a pulse
    Source : as the module.  Exact in the model for p << p0, and for |p - p0| << p0.
    """
    return 2 * Gamma * (zeta - 1)


@checked(zeta=OSCILLATING, p_i=POSITIVE)
def growth_time(p_i, p_th, zeta, Gamma, Q):
    """Time in which the power grows from p_i to p_th, ln[p_th (p0 - p_i) / (p_i (p0 - p_th))] / [2 Gamma (zeta - 1)].

    p_i, p_th : 1       0 < p_i <= p_th < p0 = `oscillation_power`
    zeta, Q : 1         zeta > 1
    Gamma : 1/s
    Returns : s
    Source : logistic growth of the power, as the module.  Exact in the model without noise.
    """
    p0 = oscillation_power(zeta, Q)
    check_values("p_th / p0", p_th / p0, "< 1", lambda x: x < 1, "p0 = (zeta - 1)/(zeta + Q) is the final power.")
    check_values("p_i / p_th", p_i / p_th, "<= 1", lambda x: x <= 1, "The power grows from p_i to p_th.")
    return (np.log(p_th) - np.log(p_i) + np.log((p0 - p_i) / (p0 - p_th))) / power_growth_rate(zeta, Gamma)


@checked(zeta=OSCILLATING, p_i=POSITIVE)
def latency(p_i, zeta, Gamma, Q):
    """Time in which the power grows from p_i to half of its final value, ln(p0/p_i - 1) / [2 Gamma (zeta - 1)].

    p_i : 1             for example the thermal power before the pulse; below p0/2
    zeta, Q : 1         zeta > 1
    Gamma : 1/s
    Returns : s
    Source : `growth_time`.  Exact in the model without noise.
    """
    p0 = oscillation_power(zeta, Q)
    check_values("2 p_i / p0", 2 * p_i / p0, "<= 1", lambda x: x <= 1, "p0 = (zeta - 1)/(zeta + Q) is the final power.")
    return np.log(p0 / p_i - 1) / power_growth_rate(zeta, Gamma)


@checked(zeta=OSCILLATING)
def latency_jitter(zeta, Gamma):
    """Standard deviation of the latency from thermal power, (pi/sqrt 6) / [2 Gamma (zeta - 1)].

    zeta : 1            > 1
    Gamma : 1/s
    Returns : s
    Source : the logarithm of an exponentially distributed p_i has variance pi^2/6 [D].  Valid for p_i << p0.
    """
    return np.pi / np.sqrt(6) / power_growth_rate(zeta, Gamma)


@checked()
def nonlinear_coupling(zeta, Gamma, Q, N):
    """Dimensionless nonlinear shift: noise of the amplitude adds nu^2 to that of the phase, nu = N/[Gamma (zeta + Q)].

    zeta, Q : 1
    Gamma, N : 1/s, rad/s
    Returns : 1, N p0 over the rate at which the amplitude relaxes, Gamma (zeta - 1)
    Source : as the module.  Valid above threshold.
    """
    check_values("zeta + Q", zeta + Q, "> 0", lambda x: x > 0, "Nonlinear damping must bound the power.")
    return N / (Gamma * (zeta + Q))


@checked(zeta=OSCILLATING)
def linewidth_above_threshold(zeta, Gamma, Q, N, D_n):
    """Full width at half maximum of the generated line, (1 + nu^2) D_n / (2 pi p0), nu = `nonlinear_coupling`.

    zeta, Q : 1         zeta > 1
    Gamma, N, D_n : 1/s, rad/s, 1/s
    Returns : Hz
    Source : Kim, Tiberkevich and Slavin, Phys. Rev. Lett. 100, 017207 (2008).  Valid for D_n << Gamma (zeta - 1) p0,
        and a line narrower than the rate at which amplitudes relax.
    """
    return (1 + nonlinear_coupling(zeta, Gamma, Q, N) ** 2) * D_n / (2 * np.pi * oscillation_power(zeta, Q))


@checked(zeta=BELOW)
def linewidth_below_threshold(zeta, Gamma):
    """Full width at half maximum of the thermal line, 2 Gamma (1 - zeta) / (2 pi).

    zeta : 1            < 1
    Gamma : 1/s
    Returns : Hz; c decorrelates at pi times this, Gamma (1 - zeta)
    Source : Kim, Tiberkevich and Slavin, Phys. Rev. Lett. 100, 017207 (2008).  Valid for small power.
    """
    return Gamma * (1 - zeta) / np.pi


@checked(zeta=BELOW)
def power_below_threshold(zeta, Gamma, D_n):
    """Mean thermal power, <p> = D_n / [Gamma (1 - zeta)].

    zeta : 1            < 1
    Gamma, D_n : 1/s
    Returns : 1
    Source : as the module.  Valid for (Q + zeta) <p> << 1 - zeta.
    """
    return D_n / (Gamma * (1 - zeta))
