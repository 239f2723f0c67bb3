"""Power spectral density of m about its mean, S(f) in 1/Hz since m has no unit, one-sided.

Its integral over f >= 0 is the variance of m. Component "all" adds the densities of the three components: that sum does
not depend on the axes. `spectrum` resolves best; `welch` averages segments, and scatters less.
"""

import numpy as np
from scipy import signal

from shno.analysis.door import COMPONENTS, choice, interval, part, positive
from shno.checks import complaint


def spectrum(run, *, component="all", discard=0.0):
    """Power spectral density of m about its mean, one-sided, in one Hann window over the whole time: resolution 1.5/T.

    run : Trajectory
    component : "x" | "y" | "z" | "all"     "all" is the sum of the three
    discard : s                             left out at the start, a transient
    Returns : frequency (k,), Hz; density (k, *batch), 1/Hz, with integral = variance of m
    Raises : ValueError for an unknown component or a discard outside the run
    """
    m = part(run, component, discard)
    density = 0.0
    for axis in COMPONENTS[component]:
        f, S = periodogram(m[..., axis], run, "hann", "constant")
        density = density + S
    return f, density


def welch(run, *, segment, component="all", discard=0.0):
    """Power spectral density of m, averaged over Hann segments that overlap by half: S = mean_k |FFT_k|^2 / norm.

    K = 2 T/segment - 1 segments leave a relative standard deviation of sqrt((1 + 1/18) / K) = 1.03/sqrt(K) at every
    frequency that noise fills, and a resolution of 1.5/segment. Of a batch of realisations take the mean of S as well.

    run : Trajectory
    segment : s                             length of a segment, in the analysed time
    component : "x" | "y" | "z" | "all"     "all" is the sum of the three
    discard : s                             left out at the start, a transient
    Returns : frequency (k,), Hz; density (k, *batch), 1/Hz
    Raises : TypeError, ValueError for an unknown component, a discard or a segment outside the run
    Source : Welch, IEEE Trans. Audio Electroacoust. 15, 70 (1967)
    """
    choice("component", component, COMPONENTS, '"all" is the sum of the three.')
    m = part(run, component, discard, least=2)
    n = segment_length(segment, interval(run), len(m))
    density = 0.0
    for axis in COMPONENTS[component]:
        f, S = averaged_density(m[..., axis], interval(run), n)
        density = density + S
    return f, density


def segment_length(segment, step, n):
    """Samples in a segment of so many seconds, in [2, n]."""
    segment = positive("segment", segment)
    if not 1.5 * step <= segment <= (n + 0.5) * step:
        rule = f"in [{2 * step:.6g}, {n * step:.6g}] s"
        raise ValueError(complaint("segment", rule, f"{segment:.6g}", "It holds 2 or more of the analysed states."))
    return round(segment / step)


def averaged_density(values, step, n):
    """Welch's one-sided density of values (time, ...) every `step` seconds, n a segment: f (k,), S (k, ...)."""
    values = values.astype(np.float64)
    values = values - values.mean(axis=0)  # of the whole: the mean of each segment would take power off the lowest bin
    return signal.welch(values, 1 / step, "hann", n, detrend=False, axis=0)


def periodogram(values, run, window, detrend):
    """One-sided power spectral density along axis 0, in float64: f (k,), S (k, ...)."""
    return signal.periodogram(values.astype(np.float64), 1 / interval(run), window, detrend=detrend, axis=0)
