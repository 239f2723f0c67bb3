"""Injection locking: an oscillator that runs freely, and a signal that is then switched on."""

from numbers import Number
from typing import NamedTuple

import numpy as np

from shno.analysis import beat_frequency, is_locked, phase_frequency
from shno.analysis.door import PERIODS
from shno.checks import as_whole, check_values, complaint, shown
from shno.experiments._drive import (
    AMPLITUDE,
    FREQUENCY,
    SECONDS,
    batch_of,
    check_nouns,
    number,
    swept,
    whole,
    with_current,
    with_field,
)
from shno.simulate import simulate
from shno.waveforms import Sine


class LockingMap(NamedTuple):
    """Where a signal locks an oscillator.

    f_inj : (n,), Hz                    frequency of the signal
    amplitude : (k,)                    of the signal, in the unit of `name`: "I" A | "J" A/m^2 | "a_DL", "B_ext" T
    harmonic : whole number             the oscillator is compared with f_inj / harmonic
    free_frequency : (*batch), Hz       without a signal
    frequency : (n, k, *batch), Hz      mean number of turns a second
    beat : (n, k, *batch), Hz           frequency - f_inj / harmonic; 0 where it is locked
    locked : (n, k, *batch)             bool
    lowest, highest : (k, *batch), Hz   ends of the range of f_inj that locks; NaN where none does
    """

    f_inj: np.ndarray
    amplitude: np.ndarray
    name: str
    harmonic: int
    free_frequency: np.ndarray
    frequency: np.ndarray
    beat: np.ndarray
    locked: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray


def injection_locking(oscillator, drive, f_inj, amplitudes, *, duration, discard, dt, field=None, harmonic=1,
                      **settings):  # fmt: skip
    """Map of locking over frequency and amplitude of a signal (Arnold tongue), and the beat where it does not lock.

    The oscillator first runs freely for `duration`; its last state is where each run with a signal starts. Locked is
    what `analysis.is_locked` finds: a beat slower than one over the analysed time passes for it.

    oscillator, drive : Oscillator, Drive   oscillating at the drive, which does not change in time
    f_inj : (n,), Hz            frequencies of the signal
    amplitudes : (k,)           of a current, in the drive's own unit, added to it, or of a field in T
    duration, discard, dt : s   of each of the two runs; left out at their start; of a step
    field : (3,)                polarisation e of a field b Re[e exp(-2 pi i f t)] as the signal, real or complex; None
                                for a current. (1, 0, 0) is linear, (1, 1j, 0) turns counter-clockwise about +z
    harmonic : whole number     1; 2 for an injection near twice the frequency
    settings                    further arguments of `simulate`: save_every, temperature and seed, progress, ...
    Returns : LockingMap
    Raises : TypeError, ValueError, IntegrationError, as `simulate`
    Source : Adler, Proc. IRE 34, 351 (1946); Urazhdin et al., Phys. Rev. Lett. 105, 104101 (2010).
    """
    check_nouns(oscillator, drive)
    if not drive.is_constant:
        raise ValueError(complaint("drive", "constant in time", "a waveform", "The signal is added to it."))
    batch, harmonic = batch_of(oscillator, drive), whole("harmonic", harmonic, least=1)
    amplitude = swept("amplitudes", amplitudes, AMPLITUDE, batch)
    f = swept("f_inj", f_inj, FREQUENCY, (1, *batch))
    signal = _with_signal(drive, f, amplitude, field)
    duration, dt = number("duration", duration, SECONDS), number("dt", dt, SECONDS)
    _check_frequencies(f, harmonic, duration, discard, dt, settings.get("save_every", 1))
    settings |= {"duration": duration, "dt": dt}
    free = simulate(oscillator, drive, m0=settings.pop("m0", None), **settings)
    run = simulate(oscillator, signal, m0=free.m[-1], **settings)
    reference = np.broadcast_to(f / harmonic, run.m.shape[1:-1])
    locked = np.asarray(is_locked(run, reference, discard=discard))
    beat = np.where(locked, 0.0, beat_frequency(run, reference, discard=discard))
    free_frequency = np.abs(phase_frequency(free, discard=discard))
    lowest, highest = (np.where(locked, f, wrong) for wrong in (np.inf, -np.inf))
    none = ~locked.any(axis=0)
    name = drive.current[0] if field is None else "B_ext"
    return LockingMap(
        *(f.reshape(-1), amplitude.reshape(-1), name, harmonic),
        *(free_frequency, reference + beat, beat, locked),
        *(np.where(none, np.nan, lowest.min(axis=0)), np.where(none, np.nan, highest.max(axis=0))),
    )


def _check_frequencies(f, harmonic, duration, discard, dt, save_every):
    """ValueError unless f / harmonic has eight periods in the analysed time and two saved states a period."""
    rule = f"in [0, {duration:.6g}) s, less than the duration"
    discard = number("discard", discard, (rule, lambda x: (x >= 0) & (x < duration), "It is left out of each run."))
    interval = dt * as_whole("save_every", save_every, 1, 1 << 40, "It counts steps.")
    analysed = interval * max(1, round(duration / interval) - np.ceil(discard / interval - 1e-9))
    low, high = PERIODS * harmonic / analysed, harmonic / (2 * interval)
    remedy = "duration - discard holds 8 periods of f_inj / harmonic or more, each with 2 states, dt save_every apart."
    allowed = (low * (1 - 1e-9), high * (1 + 1e-9))
    check_values("f_inj", f, f"in [{low:.6g}, {high:.6g}] Hz", lambda x: (x >= allowed[0]) & (x <= allowed[1]), remedy)


def _with_signal(drive, f, amplitude, field):
    """The drive with a sine of current, or of field with polarisation `field`, added."""
    if field is None:
        return with_current(drive, drive.current[1] + Sine(amplitude, f))
    parts = list(field) if np.iterable(field) else [field]
    if not all(isinstance(part, Number) for part in parts):
        raise TypeError(complaint("field", "three real or complex numbers", shown(field), "A polarisation."))
    if len(parts) != 3 or not 0 < max(map(abs, parts)) <= 1e6 or not all(map(np.isfinite, parts)):
        raise ValueError(complaint("field", "three numbers up to 1e6, not all 0", shown(field), "A polarisation."))
    B = np.asarray(drive.B_ext)
    sines = (Sine(abs(part) * amplitude, f, np.pi / 2 - np.angle(part)) if part else 0.0 for part in parts)
    return with_field(drive, tuple(B[..., k] + sine for k, sine in enumerate(sines)))
