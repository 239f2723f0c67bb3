"""Equilibrium, eigenmodes of the Jacobian, threshold: linear stability of the LLGS equation.

The right-hand side is a polynomial in m, so that complex steps give its derivatives to rounding: dT/dx = Im T(x + i
h) / h.
"""

import numpy as np

from shno.checks import IntegrationError
from shno.fields import effective_field
from shno.llgs import right_hand_side
from shno.parameters import arguments, batch_shape, parameters

COMPLEX_STEP = 1e-30  # no cancellation occurs in a complex step
RESIDUAL = 1e-11  # of a fixed point, relative to the size of the field there


def equilibrium(oscillator, drive, *, driven=False):
    """The stationary m nearest to B_ext: m x B_eff = 0, the energy minimum that steepest descent from B_ext reaches.

    driven : False      at zero current;  True: the fixed point T(m) = 0 of the full torque, followed from there as
                        the current rises
    Returns : (*batch, 3)
    Raises : IntegrationError where no fixed point is found: with a current, the oscillator has none there
    """
    values = parameters(oscillator, drive)
    batch = batch_shape(values)
    _, field = arguments(values)
    B_ext = np.broadcast_to(np.asarray(drive.B_ext), (*batch, 3))
    axis = np.broadcast_to(np.asarray(oscillator.easy_axis), (*batch, 3))
    start = np.where(np.linalg.norm(B_ext, axis=-1, keepdims=True) > 0, B_ext, axis)
    m = _descend(
        _unit(_unit(start) + 1e-3 * np.array([0.6, 0.5, 0.4])), field
    )  # off every symmetry axis: a saddle must not hold it
    for share in (0.0, *np.linspace(0, 1, 21)[1:]) if driven else (0.0,):
        m = _newton(m, values | {"a_DL": share * np.asarray(values["a_DL"])})
    return m


def eigenvalues(oscillator, drive):
    """Eigenvalues of the Jacobian of dm/dt at the driven equilibrium: growth rate + i angular frequency, 1/s; shape
    (*batch, 2).

    Raises : IntegrationError where there is no equilibrium at this current
    """
    values = parameters(oscillator, drive)
    m = equilibrium(oscillator, drive, driven=True)
    jacobian, _ = _jacobian(m, values)
    rate = np.asarray(values["gamma"] / (1 + np.asarray(values["alpha"]) ** 2))
    return np.linalg.eigvals(jacobian) * rate[..., None]


def critical_torque(oscillator, drive):
    """Threshold of auto-oscillation: the a_DL (T, signed) at which the driven equilibrium loses its stability, trace
    of the Jacobian 0.

    The current of `drive` is not used. The collinear case is a_c = alpha (B1 + B2) / 2; here the equilibrium's shift
    is followed.
    Returns : (*batch,), T
    """
    values = parameters(oscillator, drive)
    m = equilibrium(oscillator, drive)
    along = np.sum(m * np.asarray(oscillator.p), axis=-1)
    a = np.trace(_jacobian(m, values | {"a_DL": 0.0})[0], axis1=-2, axis2=-1) / (
        2 * along
    )  # a_c to first order, destabilising sign

    def growth(a):
        tilted = _newton(m, values | {"a_DL": a})
        return np.trace(_jacobian(tilted, values | {"a_DL": a})[0], axis1=-2, axis2=-1)

    previous, before = 0.98 * a, growth(0.98 * a)
    for _ in range(50):  # secant: growth is smooth and nearly linear in a
        now = growth(a)
        slope = np.where(now == before, 1.0, (now - before) / np.where(a == previous, 1.0, a - previous))
        previous, before, a = a, now, a - np.where(now == before, 0.0, now / slope)
        if np.all(np.abs(a - previous) <= 1e-15 + 1e-14 * np.abs(a)):
            break
    return a


def _components(m):
    return tuple(np.moveaxis(m, -1, 0))


def _stack(components):
    return np.stack(np.broadcast_arrays(*components), axis=-1)


def _unit(m):
    return m / np.linalg.norm(m, axis=-1, keepdims=True)


def _tangent(m):
    """Two unit vectors perpendicular to m, right-handed with it, as columns: (*batch, 3, 2)."""
    helper = np.where(np.abs(m[..., :1]) < 0.7, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    u = _unit(np.cross(helper, m))
    return np.stack([u, np.cross(m, u)], axis=-1)


def _descend(m, field):
    """Steepest descent of the energy: m <- unit(m + step B_perp); the step is half the stiffest direction's limit."""
    curvature = [
        np.abs(_stack(effective_field(_components(np.broadcast_to(e, m.shape)), *field))).max() for e in np.eye(3)
    ]
    step = 0.5 / max(*curvature, 1e-12)
    for _ in range(5000):
        B = _stack(effective_field(_components(m), *field))
        turn = B - np.sum(B * m, axis=-1, keepdims=True) * m
        if np.abs(turn).max() * step < 1e-7:
            break
        m = _unit(m + step * turn)
    return m


def _jacobian(m, values):
    """dT/dm in the tangent plane at m (*batch, 2, 2), and the tangent vectors (*batch, 3, 2)."""
    plane = _tangent(m)
    columns = []
    for k in range(2):
        shifted = _components(m + 1j * COMPLEX_STEP * plane[..., k])
        slope = _stack(right_hand_side(shifted, *arguments(values))).imag / COMPLEX_STEP
        columns.append(np.einsum("...ca,...c->...a", plane, slope))
    return np.stack(columns, axis=-1), plane


def _newton(m, values):
    """The zero of T(m) near m, by Newton's method in the tangent plane."""
    size = np.linalg.norm(_stack(effective_field(_components(m), *arguments(values)[1])), axis=-1) + np.abs(
        values["a_DL"]
    )
    for _ in range(60):
        T = _stack(right_hand_side(_components(m), *arguments(values)))
        residual = np.linalg.norm(T, axis=-1)
        if np.all(residual <= 1e-16 * size):
            break
        jacobian, plane = _jacobian(m, values)
        shift = -np.einsum("...ab,...b->...a", np.linalg.pinv(jacobian), np.einsum("...ca,...c->...a", plane, T))
        shift *= np.minimum(1.0, 0.2 / np.maximum(np.linalg.norm(shift, axis=-1, keepdims=True), 1e-300))
        m = _unit(m + np.einsum("...ca,...a->...c", plane, shift))
    if np.any(residual > RESIDUAL * size):
        worst = int(np.argmax(np.ravel(residual / size)))
        raise IntegrationError(
            f"no equilibrium found: {np.ravel(residual)[worst]:.2g} T is left at index {worst} of {residual.size}. "
            "With a current, the oscillator may have none there; lower it, or give m0."
        )
    return m


def effective_rotation(m, values):
    """|B_eff(m)| + |a_DL|, T: the field that turns m, for the step guard; shape (*batch,)."""
    B = _stack(effective_field(_components(m), *arguments(values)[1]))
    return np.linalg.norm(B, axis=-1) + np.abs(values["a_DL"])
