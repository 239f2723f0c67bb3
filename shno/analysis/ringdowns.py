"""Ringdown: frequency and decay rate of an oscillation that dies away, or grows, about an equilibrium."""

import numpy as np

from shno.analysis.door import FLOOR, by_lanes, interval, part, plain

SAMPLES = 32  # a period that are fitted, means of what was saved
EXPLAINED = 0.9  # of the variance of m, at least
TURNS = 2  # in the time, at least: an exponential over one turn fits a switching, too
OVERDAMPED = 2.0  # decay rate over omega: what dies in a twelfth of a period is no oscillation


def ringdown(run, *, discard=0.0):
    """Frequency and decay rate of m = c + exp(-Gamma t) [a cos(2 pi f t) + b sin(2 pi f t)], by least squares.

    c, a and b are vectors: any orbit about the equilibrium, circular or elliptical. A growing oscillation has a
    negative rate. The line of a thermally excited one has FWHM = Gamma/pi.

    run : Trajectory
    discard : s         left out at the start, where the amplitude is too large to be linear; None: the first half
    Returns : f, Hz, and Gamma, 1/s, of the amplitude; each (*batch,), or a float for a single oscillator. NaN where m
        is at rest (rms below 1e-6), does not oscillate twice in the time or decays within a radian or two, or
        where the fit explains less than nine tenths of its variance: leave out a long tail of noise
    Raises : TypeError, ValueError for a discard outside the run or that leaves fewer than 16 states
    Source : Golub and Pereyra, SIAM J. Numer. Anal. 10, 413 (1973) (separable least squares).  Valid for small angles:
        errors of 1e-6 for an exact decay, of the order of the angle squared for a real one.
    """
    m = part(run, "all", discard, least=16)
    f, rate = by_lanes(lambda lanes: np.array([_fit(m, interval(run)) for m in lanes.swapaxes(0, 1)]).T, m)
    return plain(f), plain(rate)


def _fit(m, step):
    """Frequency and rate of one oscillator's m (n, 3), NaN where there is no ringdown."""
    from scipy.optimize import least_squares

    m = m - m.mean(axis=0)
    rms = np.sqrt((m**2).sum(axis=-1).mean())
    if rms < FLOOR:
        return np.nan, np.nan
    spectrum = (np.abs(np.fft.rfft(m, axis=0)) ** 2).sum(axis=-1)
    f = max(1, spectrum.argmax()) / (len(m) * step)
    stride = max(1, int(1 / (SAMPLES * f * step)))
    m, step = _block_means(m, stride) / rms, stride * step
    T, t = step * (len(m) - 1), np.linspace(0, 1, len(m))

    def misfit(theta):
        return _rest(m, t, *theta).ravel()

    fit = least_squares(misfit, _poles(m, f, step) * T, method="lm", xtol=1e-12, ftol=1e-12, gtol=1e-12)
    rate, omega = fit.x[0] / T, abs(fit.x[1]) / T
    explained = 1 - 2 * fit.cost / ((m - m.mean(axis=0)) ** 2).sum()
    good = omega * T > 2 * np.pi * TURNS and rate < OVERDAMPED * omega and explained > EXPLAINED
    return (omega / (2 * np.pi), rate) if good else (np.nan, np.nan)


def _block_means(m, length):
    """Means of m (n, 3) over blocks of so many states: those of an exponential are one, of the same rate."""
    return m[: len(m) // length * length].reshape(-1, length, 3).mean(axis=1)


def _rest(m, t, rate, omega):
    """What c + exp(-rate t) (a cos + b sin), with its best c, a and b, leaves of m (n, 3)."""
    decay = np.exp(-rate * (t if rate > 0 else t - 1))  # at most 1
    basis = np.stack([np.ones_like(t), decay * np.cos(omega * t), decay * np.sin(omega * t)], axis=-1)
    q, _ = np.linalg.qr(basis)
    return m - q @ (q.T @ m)


def _poles(m, f, step):
    """Rate and omega, 1/s, by linear prediction: x(t) = p1 x(t - h) + p2 x(t - 2h) + const, h a quarter of a period.

    Source : Kumaresan and Tufts, IEEE Trans. Acoust. 30, 833 (1982), order 2.  A start for the fit: noise biases it.
    """
    h = max(1, round(1 / (4 * f * step)))
    guess = np.array([0.0, 2 * np.pi * f])
    if len(m) <= 2 * h + 2:
        return guess
    x = [each - each.mean(axis=0) for each in (m[2 * h :], m[h:-h], m[: -2 * h])]
    p, *_ = np.linalg.lstsq(np.stack([x[1].ravel(), x[2].ravel()], axis=-1), x[0].ravel(), rcond=None)
    pole = np.roots([1, -p[0], -p[1]])[0]
    if not (np.iscomplex(pole) and np.abs(pole) > 0):
        return guess
    return np.array([-np.log(np.abs(pole)), np.abs(np.angle(pole))]) / (h * step)
