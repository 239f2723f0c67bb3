"""Maps: the spectrum against current or field, the kind of motion against current and field."""

from typing import NamedTuple

import numpy as np

from shno.analysis import frequency, phase_frequency, spectrum
from shno.checks import complaint, shown
from shno.experiments._drive import (
    CURRENT,
    FIELD,
    batch_of,
    check_nouns,
    ensemble,
    swept,
    unit_vector,
    with_current,
    with_field,
)
from shno.experiments.resonance import fmr
from shno.experiments.threshold import critical_current
from shno.simulate import simulate
from shno.stability import equilibrium

STATES = ("rest", "switched", "in-plane", "out-of-plane", "irregular")
AT_REST = 1e-6  # rms of m about its mean
FALLING = 0.95  # rms of the last quarter over that of the third: less is a motion that ends
TURNS = 0.5  # round the normal a period: from here on out of the plane


class SpectralMap(NamedTuple):
    """Power spectral density against frequency and current, or frequency and field.

    frequency : (k,), Hz
    swept : "I" | "J" | "a_DL" | "B_ext"
    values : (n,), or (n, 3) for fields; A, A/m^2 or T
    density : (k, n, *batch), 1/Hz      of m, the sum of its components or one of them
    current, threshold : (n, *batch)    at each point, in the drive's own unit; NaN where there is no threshold
    resonance : (n, *batch), Hz         linear frequency without current
    """

    frequency: np.ndarray
    swept: str
    values: np.ndarray
    density: np.ndarray
    current: np.ndarray
    threshold: np.ndarray
    resonance: np.ndarray


class PhaseDiagram(NamedTuple):
    """The kind of motion against current and field.

    current : (n,)                  in the unit of `name`: "I" A | "J" A/m^2 | "a_DL" T
    B : (k, 3), T
    state : (n, k, *batch)          index into STATES
    frequency : (n, k, *batch), Hz  NaN where there is no line
    threshold : (k, *batch)         current at which the oscillation starts; NaN where there is none
    """

    current: np.ndarray
    name: str
    B: np.ndarray
    state: np.ndarray
    frequency: np.ndarray
    threshold: np.ndarray


def spectral_map(oscillator, drive, *, duration, dt, discard, currents=None, fields=None, component="all",
                 realisations=1, **settings):  # fmt: skip
    """Power spectral density of m against frequency and current, or frequency and field, in one simulation.

    oscillator, drive : Oscillator, Drive   what is not swept is held
    duration, dt, discard : s       of the run, of a step, left out at the start; resolution 1.5/(duration - discard)
    currents : (n,)                 in the drive's own unit, or
    fields : (n, 3), T              exactly one of the two
    component : "x" | "y" | "z" | "all"     of m
    realisations : whole number     independent runs whose densities are averaged; more than 1 only with noise
    settings                        further arguments of `simulate`: temperature and seed, save_every, progress, ...
    Returns : SpectralMap
    Raises : TypeError, ValueError, IntegrationError, as `simulate`
    Source : the measurement of Demidov et al., Nat. Mater. 11, 1028 (2012).
    """
    check_nouns(oscillator, drive)
    if (currents is None) == (fields is None):
        raise TypeError(complaint("currents, fields", "one of them", "both or none", "Sweep one, hold the other."))
    what, drive, values = _swept_drive(oscillator, drive, currents, fields)
    batch = batch_of(oscillator, drive)
    run = simulate(oscillator, drive, duration=duration, dt=dt, **settings, **ensemble(realisations, batch))
    f, density = spectrum(run, component=component, discard=discard)
    density = density.mean(axis=1) if realisations > 1 else density
    held = drive.at(0.0)
    threshold = np.broadcast_to(critical_current(oscillator, held), batch)
    resonance = fmr(oscillator, held.B_ext, drive=with_current(held, 0.0)).frequency
    current = np.broadcast_to(held.current[1], batch)
    return SpectralMap(f, what, values, density, current, threshold, np.broadcast_to(resonance, batch))


def _swept_drive(oscillator, drive, currents, fields):
    """What is swept, the drive with its axis in front of the batch, and the values as given."""
    if currents is not None:
        batch = batch_of(oscillator, with_current(drive, 0.0))
        values = swept("currents", currents, CURRENT, batch)
        return drive.current[0], with_current(drive, values), values.reshape(-1)
    values = swept("fields", fields, FIELD, vector=True)
    batch = batch_of(oscillator, with_field(drive, values[0]))
    B = swept("fields", fields, FIELD, batch, vector=True)
    return "B_ext", with_field(drive, B), values


def phase_diagram(oscillator, drive, currents, fields, *, duration, dt, normal=(0.0, 0.0, 1.0), **settings):
    """The kind of motion, its frequency and the threshold against current and field, in one simulation at temperature
    0; each run starts 1 degree off the equilibrium without current.

    The second half of the run decides; STATES names the kinds.
    - rest, switched: m does not move, or its rms about the mean falls by more than 5 % from the third to the last
      quarter; less, or more, than 90 degrees from the equilibrium without current
    - out-of-plane, in-plane: a line (`analysis.frequency`); m turns round `normal` once a period, or it does not
    - irregular: it moves on without a line, or with fewer than 8 periods in the second half
    oscillator, drive : Oscillator, Drive   the drive's own current and field are exchanged
    currents : (n,)         in the drive's own unit
    fields : (k, 3), T
    duration, dt : s        of the run and of a step; transients last about 1/(pi linewidth |1 - I/I_c|)
    normal : (3,)           unit vector of the hard axis
    settings                further arguments of `simulate`: save_every, executor, progress, ...
    Returns : PhaseDiagram
    Raises : TypeError, ValueError, IntegrationError, as `simulate`
    Source : the diagrams of Kiselev et al., Nature 425, 380 (2003).
    """
    check_nouns(oscillator, drive)
    if settings.get("temperature", 0):
        got = shown(settings["temperature"])
        raise ValueError(complaint("temperature", "0 for a phase diagram", got, "Noise leaves nothing at rest."))
    normal = unit_vector("normal", normal)
    B = swept("fields", fields, FIELD, vector=True)
    batch = batch_of(oscillator, with_field(with_current(drive, 0.0), B[0]))
    fields = swept("fields", fields, FIELD, batch, vector=True)
    drive = with_field(drive, fields)
    currents = swept("currents", currents, CURRENT, (1, *batch))
    run = simulate(oscillator, with_current(drive, currents), duration=duration, dt=dt, **settings)
    f = frequency(run)
    state = _states(run, f, equilibrium(oscillator, with_current(drive, 0.0).at(0.0)), normal)
    threshold = np.broadcast_to(critical_current(oscillator, drive), (len(B), *batch))
    return PhaseDiagram(currents.reshape(-1), drive.current[0], B, state, f, threshold)


def _states(run, f, m_eq, normal):
    """Index into STATES for each of the batch."""
    half = run.m[len(run.t) // 2 :]
    third, last = (np.sqrt(part.var(axis=0).sum(axis=-1)) for part in np.array_split(half, [len(half) // 2]))
    ends = (last < AT_REST) | ((last < FALLING * third) & np.isnan(f))
    back = np.sum(half[-1] * m_eq, axis=-1) >= 0
    turns = np.nan_to_num(np.abs(phase_frequency(run, axis=normal)))
    kinds = [ends & back, ends & ~back, turns < TURNS * f, turns >= TURNS * f]
    return np.select(kinds, [0, 1, 2, 3], default=4)
