"""The orbit of m: its centre, its axis and the sense of its turns.

    centre  c = sum_i w_i m_i                         axis  n || sum_i w_i (m_i - c) x (m_i+1 - c)

The axis is that of the area which m - c sweeps, right for flat, bent and pulsed orbits alike, where the direction of
mean m and the normal of a fitted plane each fail for some. It points to the side of mean m, c . n > 0, so that a free
precession, dm/dt = -gamma m x B, turns in the positive sense, and one that a torque holds against the field in the
negative. Weights w: a Hann window squared, so that the number of turns need not be whole.
"""

from typing import NamedTuple

import numpy as np

from shno.analysis.door import FLOOR, weights
from shno.checks import as_array, check_finite, check_unit_vectors, complaint

SENSE = 1e-6  # area over the largest area of the same path, 1 for a circle: less is a line to and fro
ALONG = 0.01  # |c . n|, the part of mean m along the axis, that decides its side; noise decides below


class Orbit(NamedTuple):
    """Orbits of k oscillators: centre (k, 3), axis (k, 3), rms distance from the centre (k,), turning (k,) or not."""

    centre: np.ndarray
    axis: np.ndarray
    rms: np.ndarray
    turning: np.ndarray


def orbit(m):
    """The Orbit of m (n, k, 3). One that does not turn (at rest, or to and fro) has the direction of mean m as axis."""
    w, w_step = weights(len(m)), weights(len(m) - 1)
    centre = np.tensordot(w, m, axes=1)  # (k, 3)
    d = m - centre
    distance = np.linalg.norm(d, axis=-1)  # (n, k)
    rms = np.sqrt(w @ distance**2)
    area = np.tensordot(w_step, np.cross(d[:-1], d[1:]), axes=1)  # (k, 3)
    largest = w_step @ (distance[:-1] * np.linalg.norm(np.diff(d, axis=0), axis=-1))
    turning = (rms >= FLOOR) & (np.linalg.norm(area, axis=-1) > SENSE * largest)
    axis = np.where(turning[:, None], directions(area), directions(centre))
    along = (axis * centre).sum(axis=-1)
    main = np.take_along_axis(axis, np.abs(axis).argmax(axis=-1)[:, None], axis=-1)[:, 0]
    side = np.where(np.abs(along) >= ALONG, along, main)
    return Orbit(centre, np.where(side < 0, -1, 1)[:, None] * axis, rms, turning)


def directions(v):
    """Unit vectors along v (k, 3); NaN for zero."""
    length = np.linalg.norm(v, axis=-1, keepdims=True)
    return v / np.where(length > 0, length, np.nan)


def plane(axis):
    """Unit vectors e1, e2 (k, 3) with e1 x e2 = axis; about z they are x and y, about x y and z, about y z and x."""
    k = np.abs(axis).argmax(axis=-1)
    e1 = np.eye(3)[(k + 1) % 3]
    e1 = directions(e1 - (e1 * axis).sum(axis=-1, keepdims=True) * axis)
    return e1, np.cross(axis, e1)


def checked_axis(axis, batch):
    """Unit vectors (oscillators, 3) for a batch, from one axis or one for each."""
    axis = as_array("axis", axis, vector=True)
    check_finite("axis", axis)
    check_unit_vectors("axis", axis)
    try:
        return np.broadcast_to(axis, (*batch, 3)).reshape(-1, 3)
    except ValueError:
        rule = f"(3,) or fit the batch, {(*batch, 3)}"
        raise ValueError(
            complaint("axis", rule, f"shape {axis.shape}", "Give one axis, or one an oscillator.")
        ) from None
