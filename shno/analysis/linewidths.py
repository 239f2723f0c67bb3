"""The width of a line, FWHM in Hz, from the diffusion of the phase or from a Lorentzian fit to the spectrum.

White frequency noise makes the phase a random walk, <dphi^2> = s t at long times t, and the line a Lorentzian of

    FWHM = s / (2 pi)

Amplitude fluctuations that relax at a rate lambda drive the frequency of a nonlinear oscillator: then <dphi^2> rises as
s (t - (1 - exp(-lambda t))/lambda), and the line is a Lorentzian only if 2 pi FWHM << lambda. Where the frequency
wanders more slowly than that, as with 1/f noise, the line is a Gaussian of FWHM = 2.355 x the rms of the frequency: no
Lorentzian fits it, and phase diffusion, a property of long times, finds another number, which grows with the lag.
Where the two methods differ, the line is no Lorentzian.
Source : Demir, Mehrotra and Roychowdhury, IEEE Trans. Circuits Syst. I 47, 655 (2000) (white noise);
Kim, Slavin and Tiberkevich, Phys. Rev. Lett. 100, 017207 (2008) (the nonlinear oscillator);
Keller et al., Phys. Rev. B 82, 054416 (2010) (1/f noise and the Gaussian).
"""

import numpy as np

from shno.analysis.door import choice, ensemble_axis, interval, plain, positive, times
from shno.analysis.lorentz import lorentzian
from shno.analysis.phases import phase
from shno.checks import complaint

SEGMENTS = 4  # steps of phase one after another, at least: their slope takes pairs
INCREMENTS = 400  # steps of phase in all, where no lag is given: 12 % of standard error


def linewidth(run, *, method="phase-diffusion", **settings):
    """Width of the line, FWHM in Hz, with its standard error: s / (2 pi) of <dphi^2> = s t, or that of a Lorentzian.

    run : Trajectory
    method : "phase-diffusion" | "lorentzian"       `phase_diffusion` or `lorentzian`
    settings                                        of that function, by name
    Returns : FWHM, standard error, both in Hz, (*batch,)
    Raises : TypeError, ValueError for an unknown method or setting, and as the two functions do
    """
    methods = {"phase-diffusion": phase_diffusion, "lorentzian": lorentzian}
    return methods[choice("method", method, methods, "They are two functions of shno.analysis.")](run, **settings)


def phase_diffusion(run, *, lag=None, realisations=None, axis=None, component=None, discard=None):
    """Width of the line from the diffusion of the phase, FWHM = s / (2 pi) with <dphi^2> = s t at long t.

    The phase is that of `phase`, the estimate that of `diffusion`. The lag must be long against the relaxation of the
    amplitude, lag >= 5/lambda, which the default cannot know; the number of steps of phase decides the error, so that
    many realisations of a short run do as well as one long run.

    run : Trajectory        with a temperature, or another noise
    lag, realisations       as in `diffusion`; realisations is an axis of the batch
    axis, component         as in `phase`
    discard : s             left out at the start; None leaves out the first half, where the transient is
    Returns : FWHM, standard error, both in Hz, (*batch,) without the axis of realisations; NaN where m does not turn;
        floats where nothing is left of the batch. Without noise the FWHM is zero to rounding, of either sign.
    Raises : as `phase` and `diffusion`
    """
    phi = phase(run, axis=axis, component=component, discard=discard)
    return _diffusion(phi, interval(run), lag, realisations)


def diffusion(t, phase, *, lag=None, realisations=None):
    """Width of the line whose phase is given, FWHM = [<dphi^2>(2 lag) - <dphi^2>(lag)] / (2 pi lag).

    With D_k = phi(t_k + lag) - phi(t_k) - mean, one after another, this is (<D_k^2> + 2 <D_k D_k+1>) / (2 pi lag): the
    slope at long times, free of the offset that a relaxing amplitude or a noisy reading of the phase leaves in
    <dphi^2>(lag)/lag. The mean is that over the realisations, else that over time; its degrees of freedom are counted.
    Standard error, for N steps D that scatter independently: sqrt(2/N + 4/N') <D^2> / (2 pi lag), with N' pairs.

    t : (n,), s             in equal steps
    phase : (n, *batch), rad, unwrapped
    lag : s                 of a step; at most a quarter of the time. None takes 1/M of it, M = max(4, 400/realisations)
    realisations            axis of the batch whose members are realisations of one oscillator; None takes each member
                            on its own, and time for the realisations
    Returns : FWHM, standard error, both in Hz, (*batch,) without that axis
    Raises : TypeError, ValueError for times, a lag or an axis that do not fit
    """
    step, phase = times(t, "phase", phase, SEGMENTS + 1)
    return _diffusion(phase, step, lag, realisations)


def _diffusion(phi, step, lag, realisations):
    """FWHM and standard error of phases phi (n, *batch) every `step` seconds."""
    if realisations is None:
        phi = phi[:, None]
    else:
        phi = np.moveaxis(phi, ensemble_axis(realisations, phi.shape[1:]) + 1, 1)
    n = phi.shape[1]  # phi (time, realisations, *others)
    stride = _stride(lag, step, len(phi) - 1, n)
    D = np.diff(phi[::stride], axis=0)
    steps, pairs = n * len(D), n * (len(D) - 1)
    D = D - D.mean(axis=1 if n > 1 else 0, keepdims=True)
    freedom = 1 - 1 / n if n > 1 else 1 - 3 / len(D)  # of a mean over time, which correlates the pairs as well
    variance = (D**2).mean(axis=(0, 1)) / freedom
    per_lag = variance + 2 * (D[1:] * D[:-1]).mean(axis=(0, 1)) / freedom
    scale = 2 * np.pi * stride * step
    return plain(per_lag / scale), plain(np.sqrt(2 / steps + 4 / pairs) * variance / scale)


def _stride(lag, step, intervals, n):
    """Saved states in a lag, at most a quarter of all intervals."""
    most = intervals // SEGMENTS
    if most < 1:
        raise ValueError(complaint("run.t", f"more than {SEGMENTS} states long", intervals + 1, "Discard less."))
    if lag is None:
        return min(most, max(1, intervals // max(SEGMENTS, -(-INCREMENTS // n))))
    lag = positive("lag", lag)
    if not 0.5 * step <= lag <= (most + 0.5) * step:
        rule = f"in [{step:.6g}, {most * step:.6g}] s"
        raise ValueError(complaint("lag", rule, f"{lag:.6g}", "The time must hold four lags."))
    return max(1, round(lag / step))
