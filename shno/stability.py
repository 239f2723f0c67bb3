"""Equilibrium, eigenmodes of the Jacobian, threshold: linear stability of the LLGS equation.

The right-hand side is a polynomial in m, so that complex steps give its derivatives to rounding: dT/dx = Im T(x + i
h) / h.
"""

import numpy as np

from shno.checks import IntegrationError, as_number, common_shape, complaint, shown
from shno.constants import k_B
from shno.fields import effective_field, effective_field_vjp
from shno.llgs import damping_like, right_hand_side
from shno.parameters import arguments, batch_shape, parameters, with_torque
from shno.philox import WELL, draw
from shno.vector import cross, dot, normalise

COMPLEX_STEP = 1e-30  # no cancellation occurs in a complex step
RESIDUAL = 1e-11  # of a fixed point, relative to the size of the field there
LONGEST_TURN = 0.2  # rad an iteration
BLOCK = 8192  # oscillators at a time: what is computed on the way stays in the cache, five times as fast
FLAT = 1e-10  # of the stiffest direction: one along which a ring of fixed points has no slope is not followed
TEMPERATURE = ("in [0, 1e5] K", lambda x: (x >= 0) & (x <= 1e5), "In kelvin.")


def equilibrium(oscillator, drive, *, driven=False):
    """The stationary m nearest to B_ext: m x B_eff = 0, the energy minimum that descent from B_ext reaches.

    driven : False      at zero current
             True       the fixed point T(m) = 0 of the full torque, followed from there as the current rises
    Returns : (*batch, 3)
    Raises : TypeError; IntegrationError where no fixed point is found: with a current, the oscillator has none there
    """
    if not isinstance(driven, bool):
        raise TypeError(complaint("driven", "True or False", shown(driven), "Does the current act?"))
    values = parameters(oscillator, drive)
    if not drive.is_constant:
        raise ValueError(complaint("drive", "constant in time", "a waveform in it", "Take drive.at(t)."))
    batch = batch_shape(values)
    B_ext = np.broadcast_to(np.asarray(drive.B_ext), (*batch, 3))
    axis = np.broadcast_to(np.asarray(oscillator.easy_axis), (*batch, 3))
    start = np.where(np.linalg.norm(B_ext, axis=-1, keepdims=True) > 0, B_ext, axis)
    aside = 1e-3 * np.array([0.6, 0.5, 0.4])  # off every symmetry axis: a saddle must not hold it
    m = descend(_unit(_unit(start) + aside), arguments(_at_share(values, 0.0))[1])
    for share in (0.0, *np.linspace(0, 1, 21)[1:]) if driven else (0.0,):
        m = _settled(*_newton(m, _at_share(values, share)))
    return m


def _at_share(values, share):
    """The parameters at a share of the current: its torque, and its Oersted field where there is one."""
    current = {name: share * np.asarray(values[name]) for name in ("a_DL", "J") if values[name] is not None}
    return values | current


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
    """Threshold of auto-oscillation: the a_DL (T, signed) at which the trace of the driven equilibrium's Jacobian is 0.

    The current of `drive` is not used. The collinear case is a_c = alpha (B1 + B2) / 2; here the equilibrium's shift
    is followed.
    Returns : (*batch,), T; NaN where there is none: the equilibrium vanishes or turns unstable without oscillating
    """
    values = parameters(oscillator, drive)
    m = equilibrium(oscillator, drive)
    along = np.sum(m * np.asarray(oscillator.p), axis=-1)
    with np.errstate(all="ignore"):  # where p is perpendicular to m, or the secant leaves for infinity: NaN
        damping = _growth(m, values, np.zeros(np.shape(along)))[0]
        a = damping / (2 * along)  # to first order, of the destabilising sign
        previous, before = 0.98 * a, _growth(m, values, 0.98 * a)[0]
        for _ in range(50):  # secant: growth is smooth and nearly linear in a
            now, oscillates = _growth(m, values, a)
            done = (now == before) | (np.abs(a - previous) <= 1e-14 * np.abs(a))
            if np.all(done | np.isnan(now)):
                break
            step = np.where(done, 0.0, now * (a - previous) / np.where(done, 1.0, now - before))
            previous, before, a = np.where(done, previous, a), np.where(done, before, now), a - step
        return np.where(oscillates & (np.abs(now) <= 1e-9 * np.abs(damping)), a, np.nan)[()]


def _growth(m, values, a):
    """Trace of the Jacobian at the equilibrium that a (T) shifts m to, NaN where there is none; is it a spiral?"""
    usable = np.isfinite(a)
    values = with_torque(values, np.where(usable, a, 0.0))
    m, left = _newton(m, values)
    jacobian, _ = _jacobian(m, values)
    trace = np.where(usable & (left <= RESIDUAL), np.trace(jacobian, axis1=-2, axis2=-1), np.nan)
    return trace, np.linalg.det(jacobian) > 0


def _components(m):
    return tuple(np.moveaxis(m, -1, 0))


def _stack(components):
    return np.stack(np.broadcast_arrays(*components), axis=-1)


def _unit(m):
    return m / np.linalg.norm(m, axis=-1, keepdims=True)


def _tangent(m):
    """Two unit vectors perpendicular to m, right-handed with it, as columns: (*batch, 3, 2)."""
    return np.stack([_stack(axis) for axis in _tangents(_components(m))], axis=-1)


def _tangents(m):
    """The two of `_tangent` by components: u along x cross m, or along y cross m where m is near x, and m cross u."""
    x, y, z = m
    aside = np.abs(x) < 0.7
    u = normalise((np.where(aside, 0.0, z), np.where(aside, -z, 0.0), np.where(aside, y, -x)))
    return u, cross(m, u)


def descend(m, field):
    """Descent of the energy: Newton's step with the Hessian's eigenvalues taken positive, which leaves saddles.

    The gradient in the tangent plane is -B, the Hessian -dB/dm + (m . B); both in tesla (energy density over Ms).
    """
    for _ in range(300):
        plane = _tangent(m)
        B = _stack(effective_field(_components(m), *field))
        gradient = -np.einsum("...ca,...c->...a", plane, B)
        curvature, modes = np.linalg.eigh(_hessian(m, plane, field))
        size = np.linalg.norm(B, axis=-1, keepdims=True) + np.abs(curvature).max(axis=-1, keepdims=True)
        along = np.einsum("...ba,...b->...a", modes, gradient)
        on_saddle = (np.linalg.norm(gradient, axis=-1, keepdims=True) < 1e-9 * size) & (curvature < -1e-9 * size)
        along = np.where(on_saddle, LONGEST_TURN * size, along)  # off the saddle, whatever the gradient says there
        if np.all(np.abs(along) <= 1e-12 * size):
            break
        turn = -along / np.maximum(np.abs(curvature), 1e-6 * size)
        turn *= np.minimum(1.0, LONGEST_TURN / np.maximum(np.linalg.norm(turn, axis=-1, keepdims=True), 1e-300))
        m = _unit(m + np.einsum("...ca,...ab,...b->...c", plane, modes, turn))
    return m


def _hessian(m, plane, field):
    """Second derivatives of the energy over Ms in the tangent plane at m, T: (*batch, 2, 2), symmetric."""
    plane = tuple(map(_components, np.moveaxis(plane, -1, 0)))
    _, (first, mixed, second) = _curvatures(_components(m), plane, field)
    return np.stack([_stack((first, mixed)), _stack((mixed, second))], axis=-1)


def _curvatures(m, plane, field):
    """B, T, and the elements 11, 12 and 22 of `_hessian`, m . B - dB/dm, by components."""
    B = effective_field(m, *field)
    slopes = [effective_field_vjp(m, axis, *field)[0] for axis in plane]  # dB/dm has an energy: it is symmetric
    along = dot(m, B)
    return B, (along - dot(plane[0], slopes[0]), -dot(plane[0], slopes[1]), along - dot(plane[1], slopes[1]))


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
    """The zero of T(m) near m, by Newton's method in the tangent plane, and the torque left over the field's size.

    Each m stays where rounding alone is left: its torque, below RESIDUAL, no longer halves.
    """
    B = _stack(effective_field(_components(m), *arguments(values)[1]))
    stiffness = np.abs(_jacobian(m, values)[0]).max(axis=(-2, -1))  # where B vanishes: a tilted film
    size = np.linalg.norm(B, axis=-1) + np.abs(values["a_DL"]) + stiffness + np.finfo(float).tiny
    before, done = np.inf, False
    for _ in range(60):
        T = _stack(right_hand_side(_components(m), *arguments(values)))
        left = np.linalg.norm(T, axis=-1) / size
        done = done | (left <= 1e-16) | ((left <= RESIDUAL) & (left > before / 2))
        if np.all(done):
            break
        before = left
        jacobian, plane = _jacobian(m, values)
        torque = np.einsum("...ca,...c->...a", plane, T)
        usable = np.isfinite(jacobian).all(axis=(-2, -1), keepdims=True)
        inverse = np.linalg.pinv(np.where(usable, jacobian, 0.0), rcond=FLAT)  # of NaN there is none: left stays NaN
        shift = -np.einsum("...ab,...b->...a", inverse, torque)
        shift *= np.minimum(1.0, LONGEST_TURN / np.maximum(np.linalg.norm(shift, axis=-1, keepdims=True), 1e-300))
        m = np.where(done[..., None], m, _unit(m + np.einsum("...ca,...a->...c", plane, shift)))
    return m, left


def _settled(m, left):
    """The fixed point m; IntegrationError where a torque is left."""
    if np.all(left <= RESIDUAL):
        return m
    worst = int(np.argmax(np.ravel(left)))
    raise IntegrationError(
        f"no equilibrium found: a torque of {np.ravel(left)[worst]:.2g} of the field is left at index {worst} of "
        f"{np.size(left)}. With a current, the oscillator may have none there; lower it, or give m0."
    )


def turning_field(m, values):
    """The field that turns m, T, for the step guard: the larger of the net one and of the linear precession about m.

    Net: |B_eff| + |a_DL| + |a_FL|. Linear: the geometric mean of the energy's curvatures at m over Ms; at rest gamma
    times it is the linear frequency. A field along m that turns with it (the demagnetising field of a sphere) has no
    part in it, one that stiffens one direction (of a film in its plane) has.
    m : (*batch, 3)
    Returns : (*batch,)
    """
    m, torque = _components(m), [values[name] for name in ("a_DL", "field_like", "p", "Lambda")]
    torque[2] = _components(np.asarray(torque[2]))
    given, n = (m, tuple(torque), arguments(values)[1]), np.shape(m[0])[-1] if np.ndim(m[0]) else 1
    parts = [_turning_field(*_columns(given, slice(k, k + BLOCK), n)) for k in range(0, n, BLOCK)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)


def _turning_field(m, torque, field):
    """`turning_field` by components."""
    a_DL, field_like, p, Lambda = torque
    B, (first, mixed, second) = _curvatures(m, _tangents(m), field)
    net = np.sqrt(dot(B, B)) + np.abs(damping_like(m, a_DL, p, Lambda))
    net = net if field_like is None else net + np.abs(a_DL * field_like)
    return np.maximum(net, np.sqrt(np.abs(first * second - mixed * mixed)))


def _columns(tree, columns, n):
    """The parts of a tree of arguments at some of the last axis, which is n long or, where all are alike, 1."""
    if isinstance(tree, tuple):
        return tuple(_columns(part, columns, n) for part in tree)
    return tree[..., columns] if n > 1 and isinstance(tree, np.ndarray) and tree.shape[-1:] == (n,) else tree


def thermal_state(oscillator, drive, temperature, seed, realisation):
    """A draw from the thermal well of the equilibrium: normal displacements of variance k_B T / (Ms V kappa) along the
    two principal axes of the energy, kappa (T) its curvature there over Ms; (*batch, 3).

    temperature : K, in [0, 1e5]
    seed : integer in [0, 2^64); realisation : (*batch) integers    of the noise stream that the draw is taken from
    Raises : TypeError, ValueError; IntegrationError where no equilibrium is found
    Source : equipartition in the harmonic well.  Wells shallower than k_B T are cut at a displacement of variance 1.
    """
    values = parameters(oscillator, drive)
    normal = np.stack([draw(seed, q, realisation, purpose=WELL) for q in (0, 1)], axis=-1)
    as_number("temperature", temperature, *TEMPERATURE)
    if oscillator.volume is None:
        raise ValueError(complaint("volume", "given where there is thermal noise", None, "Set it in Oscillator."))
    m = equilibrium(oscillator, drive)
    m = np.broadcast_to(m, (*common_shape({"realisation": normal.shape[:-1], "the batch": m.shape[:-1]}), 3))
    curvature, axes = _principal_axes(m, arguments(_at_share(values, 0.0))[1])
    scale = k_B * temperature / (np.asarray(oscillator.Ms) * oscillator.volume)
    variance = np.minimum(scale[..., None] / np.maximum(curvature, np.finfo(float).tiny), 1.0)
    return _unit(m + np.einsum("...ca,...a->...c", axes, np.sqrt(variance) * normal))


def _principal_axes(m, field):
    """Curvatures (*batch, 2) of the energy over Ms in the tangent plane at m, T, and their axes (*batch, 3, 2)."""
    plane = _tangent(m)
    curvature, modes = np.linalg.eigh(_hessian(m, plane, field))
    return curvature, np.einsum("...ca,...ab->...cb", plane, modes)
