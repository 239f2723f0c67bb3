"""The line of a spectrum: its frequency and its power.

A *line* is what `frequency` reports. Its frequency is the centroid of the power around the strongest peak,

    f0 = (integral of f S(f) df) / (integral of S(f) df)  over |f - f0| < f0/3, solved by iteration,

with S from a Hann window squared, whose side lobes fall as 1/f^5: the error for a pure precession of N periods is below
2e-5 f0 at N = 8, 1e-8 f0 at N = 14, 1e-11 f0 at N = 28. With noise it is the line's middle, not one of its speckles.
Source of the window: Harris, Proc. IEEE 66, 51 (1978), the cosine-power family.
"""

import numpy as np
from scipy import signal

from shno.analysis.door import COMPONENTS, FLOOR, PERIODS, by_lanes, part, plain
from shno.analysis.spectra import periodogram

BAND = 1 / 3  # half width of the band over f0: no harmonic and no subharmonic lies inside
NARROW = 1 / 8  # rms width over f0: white noise fills the band, 0.19; a Lorentzian of quality 20 has 0.07
SUSTAINED = 0.95  # amplitude in the second half over that in the first
ITERATIONS = 20  # of the centroid: a line needs 3, a speckled one more


def frequency(run, *, component="all", discard=None):
    """Frequency of the line, the centroid of the power around the strongest peak; NaN where there is no line.

    There is no line where, in the analysed time T,
    - m rests: its rms in the band |f - f0| < f0/3 is below 1e-6;
    - m drifts or relaxes, or T is short: fewer than 8 periods, f0 < 8/T;
    - m is noise: the power in the band has an rms width above f0/8; a Lorentzian passes from a quality of about 7 on;
    - m rings down: at temperature 0, the line's amplitude falls by more than 5 % from the first half to the second.
    Growing oscillations count, and so do those that a temperature sustains.

    run : Trajectory        with more than two saved states a period; a faster line appears at a wrong frequency
    component : "x" | "y" | "z" | "all"
    discard : s             left out at the start; None leaves out the first half, where the transient is
    Returns : (*batch,), Hz, >= 0 or NaN; a float for a single oscillator
    Raises : ValueError for an unknown component or a discard outside the run
    """
    return plain(lines(run, component, discard)[0])


def power(run, *, component="all", discard=None):
    """Power of the line, P = integral of S(f) df over |f - f0| < f0/3; NaN where there is no line.

    A precession m_x = A cos(2 pi f0 t) has P = A^2/2 in component "x", to 1e-5 from 14 periods on. Harmonics and the
    noise outside the band do not count.

    run, component, discard     as in `frequency`
    Returns : (*batch,), 1 (the variance of m in the line); a float for a single oscillator
    Raises : ValueError for an unknown component or a discard outside the run
    """
    return plain(lines(run, component, discard)[1])


def lines(run, component, discard):
    """Frequency and power of the line of every oscillator: (2, *batch)."""
    m = part(run, component, discard)
    if len(m) <= 2 * PERIODS:
        return np.full((2, *m.shape[1:-1]), np.nan)
    return by_lanes(lambda lanes: _line(lanes[..., COMPONENTS[component]], run), m)


def _line_density(m, run):
    """Density of m about its mean under a squared Hann window, summed over components: f (k,), S (k, oscillators).

    The mean has the window's weights, so that it leaks into no other frequency.
    """
    window = signal.windows.hann(len(m), sym=False) ** 2
    m = m - np.tensordot(window / window.sum(), m, axes=1)
    f, S = periodogram(m, run, window, False)
    return f, S.sum(axis=-1)


def _line(m, run):
    """Frequency and power of the line of m (n, oscillators, components), NaN where there is none: (2, oscillators)."""
    f, S = _line_density(m, run)
    f, lowest = f[:, None], PERIODS * f[1]
    f0 = f[np.argmax(np.where(f >= lowest, S, 0), axis=0), 0]
    with np.errstate(invalid="ignore"):  # 0/0 where m is exactly at rest
        for _ in range(ITERATIONS):
            power = _band(f, f0) * S
            f0 = (f * power).sum(axis=0) / power.sum(axis=0)
        width = np.sqrt(((f - f0) ** 2 * power).sum(axis=0) / power.sum(axis=0))
    rms = np.sqrt(power.sum(axis=0) * f[1])
    line = (rms >= FLOOR) & (f0 >= lowest) & (width <= NARROW * f0)
    if run.temperature == 0 and line.any():
        line &= _amplitude(m[-(len(m) // 2) :], f0, run) >= SUSTAINED * _amplitude(m[: len(m) // 2], f0, run)
    return np.where(line, [f0, rms**2], np.nan)


def _band(f, f0):
    """Weights (k, oscillators) of the band |f - f0| < f0/3; a bin on its edge counts in part, for a smooth centroid."""
    return np.clip((BAND * f0 - np.abs(f - f0)) / f[1] + 0.5, 0, 1)


def _amplitude(m, f0, run):
    """The rms of m in the band around f0: (oscillators,)."""
    f, S = _line_density(m, run)
    return np.sqrt((_band(f[:, None], f0) * S).sum(axis=0) * f[1])
