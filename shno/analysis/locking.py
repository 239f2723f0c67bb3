"""Locking to a reference: does the oscillator keep the phase of cos(2 pi f t), or does it slip?

    psi(t) = s phi(t) - 2 pi f t            s = +-1, the sense of the oscillator's turns

phi is the phase of `phase`, t the run's own time, in which a drive is written. In lock psi stays; out of lock it slips
turn by turn, on average at the beat frequency. A drive at k times the oscillator's frequency has the reference
f = f_drive / k.
Source : Adler, Proc. IRE 34, 351 (1946); Pikovsky, Rosenblum and Kurths, Synchronization (2001), chapter 7.
"""

import numpy as np

from shno.analysis.door import PERIODS, interval, number, plain, weights
from shno.analysis.phases import phase, slope
from shno.checks import as_array, check_values, complaint


def is_locked(run, f, *, tolerance=np.pi, axis=None, component=None, discard=None):
    """Whether the phase difference stays, |psi - <psi>| < tolerance throughout, psi averaged over periods of f.

    Half a turn to each side is the default: one slip breaks the lock. A beat slower than 1/T, one over the analysed
    time, passes for a lock.

    run : Trajectory
    f : number or (*batch,), Hz     the reference, between 8/T and half the rate of the saved states
    tolerance : rad                 in (0, pi]; a smaller one asks for a tighter lock and finds slower drifts
    axis, component                 as in `phase`
    discard : s                     left out at the start; None leaves out the first half, where the transient is
    Returns : (*batch,), bool; False where m does not turn
    Raises : TypeError, ValueError for a frequency or a tolerance out of range, and as `phase`
    """
    tolerance = number("tolerance", tolerance, "in (0, pi]", lambda x: (x > 0) & (x <= np.pi), "It is an angle in rad.")
    psi, f = _difference(run, f, axis, component, discard)
    batch, psi = psi.shape[1:], psi.reshape(len(psi), -1)
    periods = np.maximum(1, np.rint(1 / (np.ravel(f) * interval(run)))).astype(int)
    slow = (_moving_mean(each, n) for each, n in zip(psi.T, periods, strict=True))
    return plain(np.array([np.abs(each - each.mean()).max() < tolerance for each in slow]).reshape(batch))


def locking_phase(run, f, *, tolerance=np.pi, axis=None, component=None, discard=None):
    """Phase by which the oscillator leads cos(2 pi f t) in lock, the circular mean arg <exp(i psi)>; NaN out of lock.

    It counts from e1 of `phase`: zero where m . e1 is largest as the reference is, or the component's own maximum.

    run, f, tolerance, axis, component, discard     as in `is_locked`
    Returns : (*batch,), rad, in [-pi, pi]
    Raises : as `is_locked`
    """
    locked = is_locked(run, f, tolerance=tolerance, axis=axis, component=component, discard=discard)
    psi, _ = _difference(run, f, axis, component, discard)
    return plain(np.where(locked, np.angle(np.tensordot(weights(len(psi)), np.exp(1j * psi), axes=1)), np.nan))


def beat_frequency(run, f, *, axis=None, component=None, discard=None):
    """Mean beat frequency, <dpsi/dt> / (2 pi): how far the oscillator's frequency lies above the reference.

    The mean has the weights of a Hann window squared: with n > 3 slips in the analysed time its error is below 3/n^5 of
    the beat, whole beats or not.

    run, f, axis, component, discard        as in `is_locked`
    Returns : (*batch,), Hz, signed; NaN where m does not turn
    Raises : as `is_locked`
    """
    psi, _ = _difference(run, f, axis, component, discard)
    return plain(slope(psi, interval(run)) / (2 * np.pi))


def _difference(run, f, axis, component, discard):
    """psi (n, *batch), rad, and the reference f (*batch,)."""
    phi = phase(run, axis=axis, component=component, discard=discard)
    t = run.t[len(run.t) - len(phi) :]
    f = _reference(f, phi.shape[1:], interval(run), len(phi))
    sense = np.sign(slope(phi, interval(run)))
    return sense * phi - 2 * np.pi * np.multiply.outer(t, f), f


def _reference(f, batch, step, n):
    """Reference frequencies (*batch,) between 8/T and the Nyquist frequency."""
    f = np.asarray(as_array("f", f))
    low, high = PERIODS / (step * (n - 1)), 0.5 / step
    rule = f"in [{low:.6g}, {high:.6g}] Hz"
    remedy = "The analysed time holds 8 periods or more, and each 2 saved states or more."
    check_values("f", f, rule, lambda x: (low <= x) & (x <= high), remedy)
    try:
        return np.broadcast_to(f, batch)
    except ValueError:
        fits = "one number or an array that fits the batch"
        raise ValueError(complaint("f", f"{fits} {batch}", f"shape {f.shape}", "It is one reference each.")) from None


def _moving_mean(values, n):
    """Mean of n neighbours of values (time,)."""
    total = np.cumsum(np.append(0.0, values))
    return (total[n:] - total[:-n]) / n
