"""What a trajectory says: power spectral density, frequency of the line, spike times.

S(f) is the power spectral density of m about its mean, in 1/Hz since m has no unit, one-sided: its integral over f >= 0
is the variance of m. Component "all" adds the densities of the three components: that sum does not depend on the axes.

A *line* is what `frequency` reports. Its frequency is the centroid of the power around the strongest peak,

    f0 = (integral of f S(f) df) / (integral of S(f) df)  over |f - f0| < f0/3, solved by iteration,

with S from a Hann window squared, whose side lobes fall as 1/f^5: the error for a pure precession of N periods is below
2e-5 f0 at N = 8, 1e-8 f0 at N = 14, 1e-11 f0 at N = 28. With noise it is the line's middle, not one of its speckles.
Source of the window: Harris, Proc. IEEE 66, 51 (1978), the cosine-power family.
"""

import numpy as np
from scipy import signal

from shno.checks import complaint

COMPONENTS = {"x": [0], "y": [1], "z": [2], "all": [0, 1, 2]}
FLOOR = 1e-6  # rms of m in the band; ten times what rounding to float32 leaves on a magnetisation at rest
PERIODS = 8  # fewer in the analysed time, and the window's main lobe (3/T to each side) fills the band
BAND = 1 / 3  # half width of the band over f0: no harmonic and no subharmonic lies inside
NARROW = 1 / 8  # rms width over f0: white noise fills the band, 0.19; a Lorentzian of quality 20 has 0.07
SUSTAINED = 0.95  # amplitude in the second half over that in the first
ITERATIONS = 20  # of the centroid: a line needs 3, a speckled one more
CHUNK = 2**21  # numbers analysed at a time: 16 MB


def spectrum(run, *, component="all", discard=0.0):
    """Power spectral density of m about its mean, one-sided, in one Hann window over the whole time: resolution 1.5/T.

    run : Trajectory
    component : "x" | "y" | "z" | "all"     "all" is the sum of the three
    discard : s                             left out at the start, a transient
    Returns : frequency (k,), Hz; density (k, *batch), 1/Hz, with integral = variance of m
    Raises : ValueError for an unknown component or a discard outside the run
    """
    m = _part(run, component, discard)
    density = 0.0
    for axis in COMPONENTS[component]:
        f, S = _density(m[..., axis], run, "hann", "constant")
        density = density + S
    return f, density


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
    m = _part(run, component, (run.t[-1] - run.t[0]) / 2 if discard is None else discard)
    n, *batch = m.shape[:-1]
    m = m.reshape(n, -1, 3)  # (n, oscillators, 3)
    f0 = np.full(m.shape[1], np.nan)
    width = max(1, CHUNK // n)
    for start in range(0, f0.size if n > 2 * PERIODS else 0, width):
        lanes = slice(start, start + width)
        f0[lanes] = _line(m[:, lanes, COMPONENTS[component]], run)
    return f0.reshape(batch) if batch else float(f0[0])


def spike_times(run, *, threshold, rearm, component="y"):
    """Times at which a component of m crosses a threshold upwards, interpolated linearly between saved states.

    After a spike, and after a start at or above `threshold`, a value below `rearm` must come before the next spike.

    run : Trajectory
    threshold, rearm : 1    rearm <= threshold; the default neuron has 0.7 and 0.35 of m_y
    component : "x" | "y" | "z"
    Returns : (spikes,), s, for a single oscillator; for a batch their list, oscillators in C order
    Raises : ValueError for an unknown component or rearm > threshold
    """
    if component not in ("x", "y", "z"):
        raise ValueError(complaint("component", "one of x, y, z", repr(component), "Spikes come from one component."))
    if not rearm <= threshold:
        rule = f"<= threshold = {threshold:.6g}"
        raise ValueError(complaint("rearm", rule, f"{rearm:.6g}", "m re-arms below the level that it crosses."))
    m = run.m[..., COMPONENTS[component][0]].reshape(len(run.t), -1)  # (n, oscillators)
    times = [_upward_crossings(run.t, values, threshold, rearm) for values in m.T]
    return times if run.m.ndim > 2 else times[0]


def _part(run, component, discard):
    """m of the run without its first `discard` seconds, (n, *batch, 3), after checking both arguments."""
    if component not in COMPONENTS:
        rule = f"one of {', '.join(COMPONENTS)}"
        raise ValueError(complaint("component", rule, repr(component), '"all" is the sum of the three.'))
    duration = run.t[-1] - run.t[0]
    if not 0 <= discard <= duration:
        remedy = "It is the time in seconds that is left out at the start."
        raise ValueError(complaint("discard", f"in [0, {duration:.6g}] s", f"{discard:.6g}", remedy))
    return run.m[np.searchsorted(run.t, run.t[0] + discard) :]


def _density(values, run, window, detrend):
    """One-sided power spectral density along axis 0, in float64: f (k,), S (k, ...)."""
    rate = 1 / (run.dt * run.save_every)
    return signal.periodogram(values.astype(np.float64), rate, window, detrend=detrend, axis=0)


def _line_density(m, run):
    """Density of m about its mean under a squared Hann window, summed over components: f (k,), S (k, oscillators).

    The mean has the window's weights, so that it leaks into no other frequency.
    """
    window = signal.windows.hann(len(m), sym=False) ** 2
    m = m - np.tensordot(window / window.sum(), m, axes=1)
    f, S = _density(m, run, window, False)
    return f, S.sum(axis=-1)


def _line(m, run):
    """Frequency of the line of m (n, oscillators, components), NaN where there is none: (oscillators,)."""
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
    return np.where(line, f0, np.nan)


def _band(f, f0):
    """Weights (k, oscillators) of the band |f - f0| < f0/3; a bin on its edge counts in part, for a smooth centroid."""
    return np.clip((BAND * f0 - np.abs(f - f0)) / f[1] + 0.5, 0, 1)


def _amplitude(m, f0, run):
    """The rms of m in the band around f0: (oscillators,)."""
    f, S = _line_density(m, run)
    return np.sqrt((_band(f[:, None], f0) * S).sum(axis=0) * f[1])


def _upward_crossings(t, values, threshold, rearm):
    """Interpolated times of the armed upward crossings of one oscillator's values (n,)."""
    state = np.where(values >= threshold, 1, np.where(values < rearm, -1, 0))
    state[0] = 1 if values[0] >= threshold else -1
    last = np.maximum.accumulate(np.where(state != 0, np.arange(len(state)), 0))
    held = state[last]  # the state of a Schmitt trigger: 1 fired, -1 armed
    after = 1 + np.flatnonzero((held[1:] == 1) & (held[:-1] == -1))
    before = after - 1
    rise = (threshold - values[before]) / (values[after] - values[before])
    return t[before] + rise * (t[after] - t[before])
