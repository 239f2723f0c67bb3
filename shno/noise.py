"""Noise that is not Brown's: 1/f and telegraph noise, frozen offsets, noise that an array shares; all as waveforms.

A user adds them to a drive or multiplies it with them, so that frequency and amplitude follow through the equation of
motion: `Drive(I=I0 * (1 + flicker(...)))`, `Drive(..., dKu=Ku * flicker(...))`. Each is sampled at start + k interval
by the exact law of the process for that interval, from its stationary state on.

Sample k of realisation i is a function of (seed, i, k): a batch is its members and a longer noise continues a shorter
one, bit for bit. `realisation` is one number (one noise for a whole batch) or an array (each oscillator its own). Two
noises of one kind with equal seed and realisation are the same noise: independent ones have seeds of their own, or one
of them is `shared`. Spectra are one-sided, in unit^2/Hz, of the continuous process: sampled, they fold at 1/(2
interval).
"""

from math import ceil, exp, expm1, log, sqrt

import numpy as np
from scipy.signal import lfilter

from shno.checks import as_array, as_number, check_finite, check_values, complaint, shown
from shno.philox import COMMON, FLICKER, TELEGRAPH, draw, normals, philox, place, split
from shno.sampled import Sampled
from shno.waveform import Waveform

# Number q of a stream is sample k of a term, q = 2^43 term + k; flicker noise has many terms.
TERM_SHIFT = 43
OU_TERM, OFFSET_TERM, TELEGRAPH_TERM, FLICKER_TERM = 0, 1, 2, 16
LARGEST_RATIO = 3.0  # of neighbouring rates: the spectrum ripples by 4 exp(-pi^2/ln 3) = 0.05 %
LARGEST_SIZE = 1 << 26  # numbers in a waveform: half a gigabyte
BLOCK = 1 << 18  # numbers drawn at a time
LARGEST = 1e60  # of any number: a product of several must not overflow


def flicker_rms(h, *, f_low, f_high):
    """Rms of 1/f noise in a band, (h ln(f_high/f_low))^(1/2).

    h : unit^2                S(f) = h/f, one-sided: the power density at 1 Hz times 1 Hz
    f_low, f_high : Hz        ends of the band, f_low < f_high
    Returns : unit            of the shape of h
    Raises : TypeError, ValueError
    Source : the integral of h/f
    """
    f_low, f_high = _checked_band(f_low, f_high)
    h = _bounded("h", h, "in [0, 1e60]", lambda x: (x >= 0) & (x <= LARGEST))
    return np.sqrt(np.asarray(h) * (log(f_high) - log(f_low)))[()]


def flicker(rms, *, f_low, f_high, duration, interval, seed, realisation=0, shared=False, start=0.0,
            interpolation="hold"):  # fmt: skip
    """1/f noise: S(f) = h/f between f_low and f_high, flat below and 1/f^2 above; rms^2 = h ln(f_high/f_low).

    A sum of Ornstein-Uhlenbeck processes of equal variance s^2 and rates lambda_k = 2 pi f_low r^(k + 1/2), r <= 3, up
    to 2 pi f_high, so that S(f) = s^2/(f ln r). The ends are rounded: f S(f)/h = (2/pi)(atan(f_high/f) -
    atan(f_low/f)), a half at either end, to 0.02 near the ends and 0.001 elsewhere. What is slow against the duration
    is an offset, frozen in a run.

    rms : unit                in all, number or array (broadcast with realisation); `flicker_rms` gives it from h
    f_low, f_high : Hz        numbers, 0 < f_low < f_high
    duration, interval : s    of the noise, and between its samples
    seed : integer            in [0, 2^64)
    realisation : integers    in [0, 2^32)
    shared : bool             a stream of its own, for noise that an array has in common
    start : s                 time of the first sample
    interpolation : "hold" | "linear"   between the samples; lines lower the variance between them
    Returns : Sampled         of ceil(duration/interval) + 1 samples
    Raises : TypeError, ValueError
    Source : McWhorter, Semiconductor Surface Physics (1957) p. 207; Dutta, Horn, Rev. Mod. Phys. 53, 497 (1981) [K]
    """
    f_low, f_high = _checked_band(f_low, f_high)
    terms = max(1, ceil((log(f_high) - log(f_low)) / log(LARGEST_RATIO)))
    step = (log(f_high) - log(f_low)) / terms  # ln r
    rms = _amplitude("rms", rms)
    stream = _Stream({"rms": rms}, duration, interval, seed, realisation, COMMON if _flag(shared) else FLICKER)
    total = 0.0
    for k in range(terms):  # added one by one: the order, and so the bits, do not depend on the batch
        rate = 2 * np.pi * exp(log(f_low) + (k + 0.5) * step)
        total = total + _relaxing(stream.normals(FLICKER_TERM + k), rate * stream.interval)
    return Sampled(rms / sqrt(terms) * total, stream.interval, start, interpolation)


def ornstein_uhlenbeck(rms, *, rate, duration, interval, seed, realisation=0, shared=False, start=0.0,
                       interpolation="hold"):  # fmt: skip
    """Noise of one correlation time, <x(0) x(t)> = rms^2 exp(-rate |t|); S(f) = 4 rms^2 rate/(rate^2 + (2 pi f)^2).

    rms : unit                number or array, broadcast with realisation
    rate : 1/s                one number; the correlation time is 1/rate
    duration, interval, seed, realisation, shared, start, interpolation   as of `flicker`
    Returns : Sampled         of ceil(duration/interval) + 1 samples
    Raises : TypeError, ValueError
    Source : Uhlenbeck, Ornstein, Phys. Rev. 36, 823 (1930); exact update: Gillespie, Phys. Rev. E 54, 2084 (1996) [K]
    """
    rate = as_number("rate", rate, "in (0, 1e60] 1/s", lambda x: (x > 0) & (x <= LARGEST), "One over a time.")
    rms = _amplitude("rms", rms)
    stream = _Stream({"rms": rms}, duration, interval, seed, realisation, COMMON if _flag(shared) else FLICKER)
    values = _relaxing(stream.normals(OU_TERM), rate * stream.interval)
    return Sampled(rms * values, stream.interval, start, interpolation)


def telegraph(amplitude, *, dwell_up, dwell_down, duration, interval, seed, realisation=0, shared=False, start=0.0):
    """Telegraph noise: +amplitude for times of mean dwell_up, -amplitude for times of mean dwell_down, both
    exponential.

    Mean amplitude (u - d)/(u + d) and variance v = 4 amplitude^2 u d/(u + d)^2 of the dwell times u, d; about the mean
    S(f) = 4 v rate/(rate^2 + (2 pi f)^2), rate = 1/u + 1/d. Hops fall on the samples, with the exact probabilities of
    an interval: dwell times come out right where they are long against it.

    amplitude : unit          number or array
    dwell_up, dwell_down : s  numbers or arrays; broadcast with amplitude and realisation
    duration, interval, seed, realisation, shared, start   as of `flicker`
    Returns : Sampled         held, of ceil(duration/interval) + 1 samples
    Raises : TypeError, ValueError
    Source : Machlup, J. Appl. Phys. 25, 341 (1954)
    """
    parts = {"amplitude": _amplitude("amplitude", amplitude)}
    for name, value in (("dwell_up", dwell_up), ("dwell_down", dwell_down)):
        parts[name] = np.asarray(_bounded(name, value, "in [1e-30, 1e30] s", lambda x: (x >= 1e-30) & (x <= 1e30)))
    amplitude, up, down = parts.values()
    stream = _Stream(parts, duration, interval, seed, realisation, COMMON if _flag(shared) else TELEGRAPH)
    u = stream.uniforms(TELEGRAPH_TERM)
    share, turns = up / (up + down), stream.interval * (1 / up + 1 / down)
    go_up, stay_up = -share * np.expm1(-turns), share + (1 - share) * np.exp(-turns)  # go_up <= stay_up
    is_up, decided = u < go_up, (u < go_up) | (u >= stay_up)  # else the state stays
    is_up[0], decided[0] = u[0] < share, True
    k = np.arange(len(u)).reshape(-1, *(1,) * (u.ndim - 1))
    latest = np.maximum.accumulate(np.where(decided, k, 0), axis=0)
    return Sampled(np.where(np.take_along_axis(is_up, latest, axis=0), amplitude, -amplitude), stream.interval, start)


def offset(sd, *, seed, realisation=0, shared=False):
    """A frozen offset, sd times a standard normal number: what 1/f noise slower than a run is to that run.

    sd : unit                 number or array; `flicker_rms` gives it for a band below 1/duration
    seed, realisation, shared as of `flicker`
    Returns : number or array of the shape that sd and realisation broadcast to
    Raises : TypeError, ValueError
    """
    sd = _amplitude("sd", sd)
    purpose = COMMON if _flag(shared) else FLICKER
    number = draw(seed, OFFSET_TERM << TERM_SHIFT, realisation, purpose=purpose)
    _together(sd=sd, realisation=number)
    return sd * number


def common_mode(private, common, rho):
    """Noise with a part that all have in common, x_i = rho^(1/2) common + (1 - rho)^(1/2) private_i.

    With independent parts of equal variance (common drawn with shared=True) two of them have the correlation rho.
    private, common : waveforms, numbers or arrays   the common one of fewer axes, or axes of length 1
    rho : 1, in [0, 1]        number or array
    Returns : waveform, or number or array where both are
    Raises : TypeError, ValueError
    """
    rho = _bounded("rho", rho, "in [0, 1]", lambda x: (x >= 0) & (x <= 1))
    parts = {"private": private, "common": common}
    for name, part in parts.items():
        if not isinstance(part, Waveform):
            parts[name] = _bounded(name, part, "at most 1e60 in size", lambda x: np.abs(x) <= LARGEST)
    _together(rho=rho, **parts)
    return np.sqrt(rho) * parts["common"] + np.sqrt(1 - np.asarray(rho))[()] * parts["private"]


class _Stream:
    """The random numbers of a noise, (n, *batch) at a time; its arguments are checked here."""

    def __init__(self, parts, duration, interval, seed, realisation, purpose):
        rule = "in [1e-30, 1e30] s", lambda x: (x >= 1e-30) & (x <= 1e30), "In seconds."
        duration, self.interval = as_number("duration", duration, *rule), as_number("interval", interval, *rule)
        draw(seed, 0, realisation, purpose=purpose)  # checks seed and realisation
        self.batch = _together(**parts, realisation=realisation)
        self.n = ceil(duration / self.interval * (1 - 1e-12)) + 1
        size = self.n * int(np.prod(self.batch))
        if not 1 <= size <= LARGEST_SIZE:
            remedy = "Take a longer interval, or fewer realisations a call."
            name = f"duration/interval x {', '.join((*parts, 'realisation'))}"
            raise ValueError(complaint(name, f"of 1 to {LARGEST_SIZE} numbers", size, remedy))
        self.key, self.purpose = split(int(seed)), purpose
        self.realisation = np.broadcast_to(np.asarray(realisation, dtype=np.uint64), self.batch).ravel()

    def normals(self, term):
        """Standard normal numbers 0 ... n - 1 of a term, those of `philox.draw`: (n, *batch)."""
        return self._numbers(term, lambda words: normals(words, np.empty(0)), 4)

    def uniforms(self, term):
        """Uniform numbers 0 ... n - 1 of a term, of two words each, as 32 bits are coarse beside rare events."""
        return self._numbers(term, lambda words: (_uniform(words[0], words[1]), _uniform(words[2], words[3])), 2)

    def _numbers(self, term, of_words, per_call):
        """All the numbers of each call of the generator, in blocks of calls."""
        out = np.empty((-(-self.n // per_call), per_call, len(self.realisation)))
        block = max(1, BLOCK // out[0].size)
        for first in range(0, len(out), block):
            rows = out[first : first + block]
            call = np.arange(first, first + len(rows), dtype=np.uint64) + np.uint64(term << TERM_SHIFT - 2)
            call, realisation = (x.ravel() for x in np.broadcast_arrays(call[:, None], self.realisation))
            words = philox(place(call, realisation, np.zeros(1, np.uint64), self.purpose), self.key)
            for k, number in enumerate(of_words(words)):
                rows[:, k] = number.reshape(len(rows), -1)
        return out.reshape(-1, *self.batch)[: self.n]


def _uniform(high, low):
    """A number in (0, 1] of two words, (high + (low + 1/2)/2^32)/2^32."""
    return (high.astype(np.float64) + (low.astype(np.float64) + 0.5) / 2**32) / 2**32


def _relaxing(normal, turns):
    """The Ornstein-Uhlenbeck process of variance 1 at steps of `turns` = rate x interval, along the first axis:
    x <- x exp(-turns) + (1 - exp(-2 turns))^(1/2) n, exact for any step."""
    pushed = sqrt(-expm1(-2 * turns)) * normal
    pushed[0] = normal[0]  # from the stationary state
    return lfilter([1.0], [1.0, -exp(-turns)], pushed, axis=0)


def _checked_band(f_low, f_high):
    """Both as floats; TypeError, ValueError unless 0 < f_low < f_high."""
    rule = "in [1e-30, 1e30] Hz", lambda x: (x >= 1e-30) & (x <= 1e30), "In hertz."
    f_low, f_high = as_number("f_low", f_low, *rule), as_number("f_high", f_high, *rule)
    check_values("f_high", f_high, f"above f_low = {f_low:.6g} Hz", lambda x: x > f_low, "They end the band.")
    return f_low, f_high


def _bounded(name, value, rule, allowed):
    """A number or array that is allowed; NaN and infinity never are."""
    value = as_array(name, value)
    check_finite(name, value)
    check_values(name, value, rule, allowed, "One number, or one an oscillator.")
    return value


def _amplitude(name, value):
    """An rms, sd or amplitude: ten of it are a number that a waveform takes."""
    return _bounded(name, value, "in [0, 1e59]", lambda x: (x >= 0) & (x <= LARGEST / 10))


def _flag(shared):
    """shared; TypeError unless it is True or False."""
    if not isinstance(shared, bool):
        raise TypeError(complaint("shared", "True or False", shown(shared), "Does an array have it in common?"))
    return shared


def _together(**parts):
    """The shape that the parts broadcast to; ValueError naming them where they do not."""
    shapes = {name: part.shape if isinstance(part, Waveform) else np.shape(part) for name, part in parts.items()}
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        got = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(complaint(" and ".join(shapes), "of shapes that broadcast", got, "Add axes of 1.")) from None
