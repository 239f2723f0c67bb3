"""Closed forms of the numerical error: explicit Runge-Kutta steps of a rotation, strong orders with noise.

A rotation by x = w dt rad a step multiplies m_x + i m_y by exp(ix); a scheme of order p = 1 (Euler), 2 (Heun) or 4
(classical RK4) by the truncated series R = sum_{k<=p} (ix)^k/k!. Without cancellation,

    R exp(-ix) = 1 - exp(-ix) sum_{k>p} (ix)^k/k!
"""

from math import factorial

import numpy as np

from shno.theory._domain import checked

TERMS = 30  # of the series: 3^31/31! is 8e-20
ROTATION = ("in (0, 3]", lambda x: (x > 0) & (x <= 3), "Rotation a step, w dt, in rad; RK4 is stable below 2.83.")
ORDER = ("1, 2 or 4", lambda p: (p == 1) | (p == 2) | (p == 4), "Euler is of order 1, Heun of 2, RK4 of 4.")
COMPONENTS = ("0, 1, 2 or 3", lambda n: np.isin(n, (0, 1, 2, 3)), "It counts the components of the noise.")


def _excess(x, order):
    """R exp(-ix) - 1, complex."""
    powers = [np.where(k > order, (1j * x) ** k / factorial(k), 0) for k in range(1, TERMS + 1)]
    return -np.exp(-1j * x) * sum(powers[::-1])  # smallest first


@checked(x=ROTATION, order=ORDER)
def step_growth(x, order):
    """Relative growth of |m_perp| in a step, |R| - 1: -x^6/144 (RK4), x^4/8 (Heun), x^2/2 (Euler) to leading order.

    x : rad             rotation in a step, w dt, in (0, 3]
    order : 1 | 2 | 4   Euler, Heun, RK4
    Returns : 1
    Source : Hairer and Wanner, Solving Ordinary Differential Equations II (1996), section IV.2 [K].  Exact for a
        constant field.
    """
    excess = _excess(x, order)
    return np.expm1(np.log1p(2 * excess.real + np.abs(excess) ** 2) / 2)


@checked(x=ROTATION, order=ORDER)
def step_phase_error(x, order):
    """Phase gained in a step beyond x, arg R - x: -x^5/120 (RK4), x^3/6 (Heun), -x^3/3 (Euler) to leading order.

    x : rad             rotation in a step, w dt, in (0, 3]
    order : 1 | 2 | 4   Euler, Heun, RK4
    Returns : rad; over x it is the relative error of the frequency
    Source : as `step_growth`.  Exact for a constant field.
    """
    excess = _excess(x, order)
    return np.arctan2(excess.imag, 1 + excess.real)


@checked(x=ROTATION, order=ORDER)
def numerical_damping(x, theta, order):
    """Damping that a step with projection onto |m| = 1 adds to alpha, (1 - |R|) cos(theta)/x.

    To leading order x^5 cos(theta)/144 (RK4), -x^3 cos(theta)/8 (Heun), -x cos(theta)/2 (Euler): the last two drive m
    away from the field.
    x : rad             rotation in a step, w dt, in (0, 3]
    theta : rad         angle of m to the field, in [0, pi]
    order : 1 | 2 | 4   Euler, Heun, RK4
    Returns : 1
    Source : projection multiplies tan(theta) by |R|, which turns m by (|R| - 1) sin(theta) cos(theta); damping turns
        it by -alpha x sin(theta) [D].  Valid for ||R| - 1| << 1.
    """
    return -step_growth(x, order) * np.cos(theta) / x


@checked(components=COMPONENTS, order=ORDER)
def strong_order(components, order):
    """Order at which paths converge under multiplicative noise, dt^(1/2) for 2 or 3 components, dt^1 for 1, dt^p for 0.

    components : 0..3   independent components of the thermal field; two or more rotations do not commute
    order : 1 | 2 | 4   p of the scheme without noise
    Returns : 1
    Source : Ruemelin, SIAM J. Numer. Anal. 19, 604 (1982); Clark and Cameron (1980) [K].  Valid as dt -> 0; with
        small noise the order p is seen before.
    """
    return np.select([components == 0, components == 1], [order, np.minimum(order, 1.0)], 0.5)[()]
