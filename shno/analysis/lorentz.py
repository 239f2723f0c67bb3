"""A Lorentzian line fitted to an averaged spectrum.

    S(f) = P (Gamma / 2 pi) / [(f - f0)^2 + (Gamma/2)^2] + B        P power, f0 centre, Gamma FWHM, B background

A segment of length T under a Hann window shows this line broadened. What is fitted is what such segments show on
average, the Fourier transform of exp(-pi Gamma t) times the window's autocorrelation r(x), x = t/T,

    S(f) = 2 P T Re integral_0^1 r(x) exp(-s x) dx + B,     s = T (pi Gamma + 2 pi i (f - f0))
    r(x) = (1 - x) (2/3 + cos(2 pi x) / 3) + sin(2 pi x) / (2 pi)

so that a segment need not be long against 1/Gamma. r(x) is the self-convolution of the window, sin^2(pi x).
"""

import numpy as np

from shno.analysis.door import COMPONENTS, ensemble_axis, interval, part, plain
from shno.analysis.line import BAND, lines
from shno.analysis.spectra import averaged_density, segment_length
from shno.checks import complaint

SEGMENTS = 16  # of the analysed time, where no segment is given: 31, overlapping by half
FEWEST = 4  # segments: the logarithm of S scatters alike from there on
WINGS = 5  # FWHM to each side that are fitted: S falls to 1 %, and further out a line seldom is a Lorentzian
FEWEST_BINS = 6  # to each side: more than there are parameters
NARROWEST = 0.3  # FWHM times segment: less is not resolved
MISFIT = 0.5  # rms of log S about the fit, apart from noise: more is another shape, as a Gaussian
ROUNDS = 3  # of fitting within the wings of the last fit
NEIGHBOURS = 35 / 18  # bins that scatter as one, 1 + 2 (4/9 + 1/36), for the Hann window
OVERLAP = 19 / 18  # segments that overlap by half, over those that scatter as one: 1 + 2 (1/36)


def lorentzian(run, *, segment=None, realisations=None, component="all", discard=None):
    """Width of the line from a Lorentzian fitted to Welch's spectrum, FWHM = Gamma, least squares of log S.

    Fitted are power, centre, width and a background within 5 FWHM of the centre, the window's broadening included. The
    standard error counts how the bins scatter, sqrt(1/K) each for K segments times realisations, and their correlation;
    it is too large by up to a third.

    run : Trajectory        with a temperature, or another noise
    segment : s             None takes 1/16 of the analysed time, which holds at least 4. A line narrower than
                            0.3/segment is not resolved; 3/FWHM or more is best
    realisations            axis of the batch whose members are realisations of one oscillator, to be averaged; or None
    component : "x" | "y" | "z" | "all"
    discard : s             left out at the start; None leaves out the first half, where the transient is
    Returns : FWHM, standard error, both in Hz, (*batch,) without the axis of realisations; floats where nothing is left
        of it. NaN where there is no line (see `frequency`: its quality must exceed about 7), where it is not resolved,
        or where it is no Lorentzian: log S lies 0.5 (rms) off the fit
    Raises : TypeError, ValueError for a segment, an axis, a component or a discard that does not fit the run
    """
    m = part(run, component, discard, least=4 * FEWEST)
    n = _segment(segment, interval(run), len(m))
    S = 0.0
    for axis in COMPONENTS[component]:
        f, density = averaged_density(m[..., axis], interval(run), n)
        S = S + density
    (f0, P), count = lines(run, component, discard), _segments(len(m), n) / OVERLAP
    if realisations is not None:
        axis = ensemble_axis(realisations, S.shape[1:])
        f0, P, S, count = f0.mean(axis), P.mean(axis), S.mean(axis + 1), count * S.shape[axis + 1]
    each = zip(S.reshape(len(f), -1).T, np.ravel(f0), np.ravel(P), strict=True)
    fits = np.array([_fit(f, density, *line, n * interval(run), count) for density, *line in each])
    return tuple(plain(values.reshape(S.shape[1:])) for values in fits.T)


def _segment(segment, step, n):
    """Samples in a segment, of n samples in all."""
    samples = n // SEGMENTS if segment is None else segment_length(segment, step, n)
    if not FEWEST <= samples <= n // FEWEST:
        rule = f"in [{FEWEST * step:.6g}, {n // FEWEST * step:.6g}] s"
        raise ValueError(complaint("segment", rule, f"{samples * step:.6g}", "The time must hold four segments."))
    return samples


def _segments(n, samples):
    """How many segments overlapping by half fit into n samples."""
    return 1 + (n - samples) // (samples - samples // 2)


def _fit(f, S, f0, P, T, count):
    """FWHM of the line around f0 and its standard error, from `count` independent segments of length T."""
    from scipy.optimize import least_squares

    band = S[np.abs(f - f0) < BAND * f0]  # empty where there is no line
    if band.size == 0 or band.min() <= 0:
        return np.nan, np.nan
    centre, width = f0, 2 * P / (np.pi * band.max())
    for _ in range(ROUNDS):
        near = np.abs(f - centre) < min(max(WINGS * width, FEWEST_BINS / T), BAND * f0)
        offset, peak = (f[near] - f0) * T, 1 / (1 + np.pi * width * T)
        theta = np.array([np.log(P), (centre - f0) * T, np.log(width * T), 0.0])
        if near.sum() <= 2 * len(theta):
            return np.nan, np.nan

        def misfit(theta, offset=offset, S=S[near]):
            return np.log(S) - np.log(np.maximum(_model(theta, offset, T), 1e-300))

        limits = np.array([50, BAND * f0 * T, 5, peak])  # a logarithm, bins, a logarithm, and a peak
        fit = least_squares(misfit, theta, bounds=(theta - limits, theta + limits), x_scale="jac")
        centre, width = f0 + fit.x[1] / T, np.exp(fit.x[2]) / T
    variance = NEIGHBOURS / (count - 0.5) * np.linalg.pinv(fit.jac.T @ fit.jac)[2, 2]  # trigamma(K) is 1/(K - 1/2)
    resolved = fit.success and width * T >= NARROWEST and width < BAND * f0
    good = resolved and (fit.fun**2).mean() <= MISFIT**2 + 2 / count
    return (width, width * np.sqrt(variance)) if good else (np.nan, np.nan)


def _model(theta, offset, T):
    """Broadened line and background at the offsets (f - f0) T, for theta = log P, centre, log(FWHM T), background."""
    s = np.pi * np.exp(theta[2]) + 2j * np.pi * (offset - theta[1])
    return 2 * T * np.exp(theta[0]) * (broadened(s).real + theta[3])


def broadened(s):
    """integral_0^1 r(x) exp(-s x) dx of the Hann window's autocorrelation r; s complex, away from 0 and +-2 pi i."""
    (ramp, _), (ramp_up, flat_up), (ramp_down, flat_down) = (
        _ramp_and_flat(z) for z in (s, s - 2j * np.pi, s + 2j * np.pi)
    )
    return 2 / 3 * ramp + (ramp_up + ramp_down) / 6 + (flat_up - flat_down) / (4j * np.pi)


def _ramp_and_flat(s):
    """Integrals over x in [0, 1] of (1 - x) exp(-s x) and of exp(-s x)."""
    flat = (1 - np.exp(-s)) / s
    return (1 - flat) / s, flat
