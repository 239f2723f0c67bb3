"""Thermal reversal of a uniaxial magnet (Neel, Brown): the exact rate from the Fokker-Planck operator, and its limit.

The probability density W of x = m_z, at s = barrier/(k_B T), obeys dW/dt = D_m d/dx [(1 - x^2)(dW/dx - 2 s x W)].
"""

from functools import cache

import numpy as np
from numpy.polynomial import legendre

from shno.checks import IntegrationError
from shno.constants import k_B
from shno.theory._domain import NOT_NEGATIVE, checked

NODES = 64  # Gauss-Legendre; 48 agree to 1e-12 up to s = 100, 32 to 3e-8
PRECISION = 1e-12  # of the bracket around the eigenvalue
ITERATIONS = 60  # the next odd eigenvalue is at least 6 times as large: 16 are enough


@checked(Bk=NOT_NEGATIVE)
def anisotropy_barrier(Bk, temperature, Ms, volume):
    """Height of the barrier between the two minima of a uniaxial magnet, s = Ku V / (k_B T) = Ms V Bk / (2 k_B T).

    Bk : T                  2 Ku / Ms, >= 0
    temperature : K         > 0
    Ms, volume : A/m, m^3
    Returns : 1, in units of k_B T
    Source : energy -(Ms V Bk/2)(m . u)^2.  Exact without a field.
    """
    return Ms * volume * Bk / (2 * k_B * temperature)


@checked(s=("in [0, 100]", lambda x: (x >= 0) & (x <= 100), "Ku V/(k_B T); beyond, `brown_asymptote` is within 1 %."))
def neel_brown_eigenvalue(s):
    """Rate at which the mean of m_z decays, the lowest eigenvalue lambda_1 of the Fokker-Planck operator.

    The eigenfunction f = W exp(-s x^2) of a decaying mode obeys -[(1 - x^2) exp(s x^2) f']' = lambda exp(s x^2) f; the
    slowest is odd. Solved as f = lambda G f with the inverse G of the operator on (0, 1): its kernel is positive, so
    nothing cancels where lambda is exp(-s), and min f/Gf <= lambda_1 <= max f/Gf at each step (Collatz).
    s : 1       `anisotropy_barrier`, in [0, 100]
    Returns : 1, in units of D_m = `rotational_diffusion`; a minimum is left at half of it
    Source : Brown, Phys. Rev. 130, 1677 (1963).  Exact (to 1e-12) without field and torque, whatever alpha.
    """
    x, up, down = _nodes()
    s = np.asarray(s)[..., None]  # (..., nodes)
    weight = np.exp(s * (x**2 - 1))
    f = np.broadcast_to(x, weight.shape)
    for _ in range(ITERATIONS):
        inverse = np.exp(-s * x**2) / (1 - x**2) * ((weight * f) @ down)
        inverse = inverse @ up  # exp(-s) G f
        low, high = (f / inverse).min(axis=-1), (f / inverse).max(axis=-1)
        if np.all(high - low <= PRECISION * low):
            return (np.exp(-s[..., 0]) * (low + high) / 2)[()]
        f = inverse / inverse[..., -1:]
    raise IntegrationError(f"The eigenvalue at s = {s.ravel()} is not found within {ITERATIONS} iterations.")


@checked(s=NOT_NEGATIVE)
def brown_asymptote(s):
    """Limit of `neel_brown_eigenvalue` for a high barrier, (4/sqrt pi) s^(3/2) exp(-s).

    s : 1       `anisotropy_barrier`
    Returns : 1, in units of D_m = `rotational_diffusion`
    Source : Brown, Phys. Rev. 130, 1677 (1963).  Valid for s >> 1: 24 % high at s = 3, 12 % at 10, then 1/s.
    """
    return 4 / np.sqrt(np.pi) * s**1.5 * np.exp(-s)


@cache
def _nodes():
    """Gauss-Legendre nodes x on (0, 1); g @ up is the integral of g from 0 to each x, g @ down that from x to 1."""
    t, weights = legendre.leggauss(NODES)
    degree = np.arange(NODES)
    coefficients = (degree + 0.5)[:, None] * legendre.legvander(t, NODES - 1).T * weights  # (degree, node) of values
    values = legendre.legvander(t, NODES)
    integral = np.empty((NODES, NODES))  # (node, degree): of P_k from -1 to t
    integral[:, 0] = t + 1
    integral[:, 1:] = (values[:, 2:] - values[:, :-2]) / (2 * degree[1:] + 1)
    up = (integral @ coefficients).T / 2
    return (t + 1) / 2, up, weights[:, None] / 2 - up
