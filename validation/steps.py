"""Steps to compare the product's with, for dm/ds = Omega(m) x m: Euler's, and three that turn m and so keep its length.

Omega = D + m x C with D and C of `shno.llgs`: its part along m does not change dm/ds, but it decides how far these
steps are from the truth. s = gamma t/(1 + alpha^2) in 1/T, Omega in T. `SCHEMES` holds them beside the product's own.
"""

import numpy as np

from shno.fields import effective_field
from shno.llgs import right_hand_side
from shno.parameters import arguments, parameters, reduced_step
from shno.solvers import heun, rk4
from shno.vector import add, cross, dot, normalise, scale

SAME = 1e-16  # of a component: where the iteration of the implicit step ends


def rotation(m, torque_parameters, field_parameters):
    """Omega(m) of a constant damping without asymmetry, D + m x C; Omega x m is `llgs.right_hand_side`.

    m : (x, y, z)       of any length: the implicit midpoint lies inside the sphere
    Returns : (x, y, z), T
    Source : `shno.llgs`, its docstring.
    """
    alpha, a_DL, a_FL, p, *_ = torque_parameters
    B, a_FL = effective_field(m, *field_parameters), 0.0 if a_FL is None else a_FL
    D = add(B, scale(a_FL - alpha * a_DL, p))
    C = add(scale(alpha, B), scale(a_DL + alpha * a_FL, p))
    return add(D, cross(m, C))


def euler(f, y, h, start, *_):
    """One step of Euler, y + h f(y); order 1; arguments as of `shno.solvers.rk4`."""
    return add(y, scale(h, f(y, *start)))


def depondt_mertens(Omega, m, h):
    """One step of Depondt and Mertens: m turned by h Omega(m), then by h times the mean of Omega at both ends.

    Source : Depondt and Mertens, J. Phys.: Condens. Matter 21, 336005 (2009) [K].  Order 2; exact for a constant Omega.
    """
    first = Omega(m)
    last = Omega(turned(m, scale(h, first)))
    return turned(m, scale(h / 2, add(first, last)))


def semi_implicit(Omega, m, h):
    """One semi-implicit step: the midpoint rule with Omega at the middle of m and a first guess; two Cayley turns.

    Source : Mentink et al., J. Phys.: Condens. Matter 22, 176001 (2010), the scheme SIB.  Order 2.
    """
    guess = cayley(m, scale(h / 2, Omega(m)))
    return cayley(m, scale(h / 2, Omega(middle(m, guess))))


def implicit_midpoint(Omega, m, h):
    """One step of the implicit midpoint rule, m' = m + h Omega((m + m')/2) x (m + m')/2, iterated to rounding.

    Without damping and torque it conserves an energy quadratic in m to rounding.
    Source : d'Aquino, Serpico and Miano, J. Comput. Phys. 209, 730 (2005) [K].  Order 2.
    """
    after = m
    for _ in range(100):
        before, after = after, cayley(m, scale(h / 2, Omega(middle(m, after))))
        if max(abs(a - b) for a, b in zip(after, before, strict=True)) <= SAME:
            break
    return after


def turned(m, v):
    """m turned about the axis v by |v| rad (Rodrigues)."""
    angle = np.sqrt(dot(v, v))
    s, c = np.sinc(angle / np.pi), np.sinc(angle / (2 * np.pi)) ** 2 / 2  # sin(a)/a and (1 - cos a)/a^2
    across = cross(v, m)
    return add(m, add(scale(s, across), scale(c, cross(v, across))))


def cayley(m, v):
    """The solution m' of m' - m = v x (m + m'): a turn about v by 2 arctan|v|."""
    across = cross(v, m)
    return add(m, scale(2 / (1 + dot(v, v)), add(across, cross(v, across))))


def middle(a, b):
    """(a + b)/2."""
    return scale(0.5, add(a, b))


def projected(scheme):
    """A scheme over any right-hand side as step(m, h, parameters) of the LLGS equation, projected onto |m| = 1."""
    return lambda m, h, tree: normalise(scheme(right_hand_side, m, h, tree, tree, tree))


def turning(scheme):
    """A scheme that turns m about Omega as step(m, h, parameters)."""
    return lambda m, h, tree: scheme(lambda m: rotation(m, *tree), m, h)


EXPLICIT = {"Euler": euler, "Heun": heun, "RK4": rk4}
TURNING = {
    "Depondt-Mertens": depondt_mertens,
    "semi-implicit": semi_implicit,
    "implicit midpoint": implicit_midpoint,
}
SCHEMES = {name: projected(scheme) for name, scheme in EXPLICIT.items()}
SCHEMES |= {name: turning(scheme) for name, scheme in TURNING.items()}


def advanced(name, oscillator, drive, m, *, dt, n):
    """m (3,) after n steps of a scheme, in plain numbers."""
    values = parameters(oscillator, drive)
    h, tree = float(reduced_step(values, dt)), _numbers(arguments(values))
    m = tuple(map(float, m))
    for _ in range(n):
        m = SCHEMES[name](m, h, tree)
    return np.array(m)


def _numbers(leaf):
    if isinstance(leaf, tuple):
        return tuple(map(_numbers, leaf))
    return None if leaf is None else float(leaf)


def order(dts, errors):
    """Slope of log(error) against log(dt), least squares."""
    return np.polyfit(np.log(dts), np.log(errors), 1)[0]
