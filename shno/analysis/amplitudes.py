"""How far m precesses: rms amplitude, cone angle, and the envelope that a burst neuron reads."""

import numpy as np
from scipy import signal

from shno.analysis.door import by_lanes, check_run, interval, part, plain, positive, times, weights
from shno.analysis.orbits import checked_axis, orbit
from shno.checks import complaint


def amplitude(run, *, discard=None):
    """Amplitude of the precession, the rms distance of m from its mean, A = sqrt(<|m - <m>|^2>).

    A circular precession at the angle theta to its axis has A = sin theta; an ellipse of half axes a and b on the
    sphere has sqrt((a^2 + b^2) / 2) as long as both are small. Means have the weights of a Hann window squared.

    run : Trajectory
    discard : s         left out at the start; None leaves out the first half, where the transient is
    Returns : (*batch,), 1; a float for a single oscillator
    Raises : TypeError, ValueError for a discard outside the run or that leaves fewer than 3 states
    """
    m = part(run, "all", discard, least=3)
    return plain(by_lanes(lambda lanes: orbit(lanes).rms, m))


def cone_angle(run, *, axis=None, discard=None):
    """Cone angle of the precession, the rms angle between m and the axis, sqrt(<theta^2>).

    run : Trajectory
    axis : (3,) or (*batch, 3), unit vector     None is the orbit's axis, on the side of mean m; mean m itself where
                                                m does not turn
    discard : s         left out at the start; None leaves out the first half, where the transient is
    Returns : (*batch,), rad, in [0, pi]; a float for a single oscillator
    Raises : TypeError, ValueError for an axis that is no unit vector or does not fit the batch, or a discard outside
        the run or that leaves fewer than 3 states
    """
    m = part(run, "all", discard, least=3)
    return plain(by_lanes(_cone_angle, m, _axes(axis, m)))


def envelope(run, tau, *, axis=None, discard=0.0):
    """Low-passed power of the precession, tau ds/dt = |m_perp|^2 - s, |m_perp| = |axis x m|: a burst neuron's state.

    run : Trajectory
    tau : s             time constant of the filter
    axis : (3,) or (*batch, 3), unit vector     None is the orbit's axis, mean m where m does not turn; for a neuron
                                                that rests and bursts give its rest direction
    discard : s         left out at the start; None leaves out the first half
    Returns : (n, *batch), 1, in [0, 1], for the last n saved states; s = |m_perp|^2 in the first of them
    Raises : TypeError, ValueError for a tau that is not positive, an axis that is no unit vector or does not fit the
        batch, or a discard outside the run or that leaves fewer than 3 states
    """
    check_run(run)
    ratio = _ratio(interval(run), tau)
    m = part(run, "all", discard, least=3)
    return by_lanes(lambda lanes, axes: _low_pass(_transverse(lanes, axes) ** 2, ratio), m, _axes(axis, m))


def low_pass(t, values, tau):
    """First-order low-pass of a signal, tau ds/dt = x - s with s = x at the start, exact for x linear between samples.

    t : (n,), s         in equal steps, n >= 2
    values : (n, ...)   the signal x
    tau : s             time constant
    Returns : (n, ...)
    Raises : TypeError, ValueError for what is not finite or not in equal steps, or a tau that is not positive
    """
    step, values = times(t, "values", values, least=2)
    return _low_pass(values, _ratio(step, tau))


def _ratio(step, tau):
    """Step over time constant, checked."""
    tau = positive("tau", tau)
    if not 1e-12 * tau <= step <= 1e12 * tau:
        rule = f"within a factor 1e12 of the {step:.6g} s between samples"
        raise ValueError(complaint("tau", rule, f"{tau:.6g}", "It is a time in seconds."))
    return step / tau


def _low_pass(x, ratio):
    """The filter's exact step: s_i+1 = q s_i + b0 x_i+1 + b1 x_i, q = exp(-ratio), for x linear over the step."""
    q, mean = np.exp(-ratio), -np.expm1(-ratio) / ratio  # mean of exp(-x) over the step
    b0, b1 = 1 - mean, mean - q
    return signal.lfilter([b0, b1], [1, -q], x, axis=0, zi=(1 - b0) * x[:1])[0]


def _axes(axis, m):
    """Axes (oscillators, 3); NaN stands for the orbit's own."""
    if axis is None:
        return np.full((m[0, ..., 0].size, 3), np.nan)
    return checked_axis(axis, m.shape[1:-1])


def _transverse(m, axes):
    """|axis x m| (n, k) for m (n, k, 3)."""
    axes = np.where(np.isnan(axes), orbit(m).axis, axes)
    return np.linalg.norm(np.cross(axes, m), axis=-1)


def _cone_angle(m, axes):
    axes = np.where(np.isnan(axes), orbit(m).axis, axes)
    angle = np.arctan2(np.linalg.norm(np.cross(axes, m), axis=-1), (axes * m).sum(axis=-1))
    return np.sqrt(weights(len(m)) @ angle**2)
