"""Phase noise: the one-sided spectral density of the phase, S_phi(f) in rad^2/Hz at an offset f from the line.

    S_phi = S_f / f^2                       S_f one-sided density of the frequency, Hz^2/Hz
    S_phi = h0 / f^2 + h_-1 / f^3           white and flicker frequency noise; white alone has the FWHM pi h0
    L(f) = 10 log10(S_phi / 2)              single sideband, dBc/Hz

Source : IEEE Std 1139 (definitions); Rubiola, Phase Noise and Frequency Stability in Oscillators (2009), chapter 1.
"""

import numpy as np

from shno.analysis.door import interval, times
from shno.analysis.phases import phase
from shno.analysis.spectra import averaged_density, segment_length
from shno.checks import as_array, check_values


def phase_noise(run, *, segment, axis=None, component=None, discard=None):
    """Phase noise of the precession, S_phi(f), one-sided, averaged over Hann segments that overlap by half.

    Harmonics of the orbit stand in it as lines at multiples of its frequency. K = 2 T/segment - 1 segments leave a
    relative standard deviation of 1.03/sqrt(K).

    run : Trajectory
    segment : s         length of a segment, in the analysed time; its inverse is the lowest offset
    axis, component     as in `phase`
    discard : s         left out at the start; None leaves out the first half, where the transient is
    Returns : offset frequency (k,), Hz, above zero; S_phi (k, *batch), rad^2/Hz, NaN where m does not turn
    Raises : TypeError, ValueError for a segment outside the analysed time, and as `phase`
    """
    phi = phase(run, axis=axis, component=component, discard=discard)
    return _phase_density(phi, interval(run), segment)


def phase_density(t, phase, *, segment):
    """One-sided spectral density of a phase, S_phi(f), from that of its steps, S_phi = S_dphi / (4 sin^2(pi f dt)).

    The steps of a diffusing phase are white: no window has to hold back the 1/f^2 at low frequencies.

    t : (n,), s         in equal steps, n >= 3
    phase : (n, *batch), rad, unwrapped
    segment : s         length of a segment
    Returns : offset frequency (k,), Hz, above zero; S_phi (k, *batch), rad^2/Hz
    Raises : TypeError, ValueError for times or a segment that do not fit
    """
    step, phase = times(t, "phase", phase, least=3)
    return _phase_density(phase, step, segment)


def single_sideband(S_phi):
    """Single-sideband phase noise, L = 10 log10(S_phi / 2), dBc/Hz.

    S_phi : rad^2/Hz, one-sided, positive or NaN; a number or an array
    Returns : dBc/Hz, of the same shape
    Raises : TypeError, ValueError for what is not positive
    Source : IEEE Std 1139.  The power of a sideband over that of the line as long as the integral of S_phi above f is
        below 0.1 rad^2.
    """
    S_phi = as_array("S_phi", S_phi)
    rule = "positive, at least 1e-300, and finite"
    check_values("S_phi", S_phi, rule, lambda x: ~((x < 1e-300) | (x == np.inf)), "It is a density.")
    return 10 * np.log10(S_phi / 2)


def _phase_density(phi, step, segment):
    dphi = np.diff(phi, axis=0)
    f, S = averaged_density(dphi, step, segment_length(segment, step, len(dphi)))
    f, S = f[1:], S[1:]
    return f, S / (4 * np.sin(np.pi * f * step) ** 2).reshape(-1, *[1] * (S.ndim - 1))
