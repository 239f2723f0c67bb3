"""Experiments that a laboratory does first, each one broadcast simulation: they return arrays and draw nothing.

What is swept stands in front of the oscillator's and the drive's own batch. `shno.experiment_plots` draws the results.
"""

from shno.experiments.diode import SpinDiode, spin_diode
from shno.experiments.hysteresis import Hysteresis, hysteresis, swept_hysteresis
from shno.experiments.locking import LockingMap, injection_locking
from shno.experiments.lorentzian import Lorentzian, fit_lorentzian
from shno.experiments.maps import STATES, PhaseDiagram, SpectralMap, phase_diagram, spectral_map
from shno.experiments.oscillation import CurrentSweep, frequency_against_current
from shno.experiments.resonance import Absorption, Resonance, absorption, fmr, susceptibility
from shno.experiments.ringdown import Ringdown, ringdown
from shno.experiments.threshold import critical_current

__all__ = [
    "STATES",
    "Absorption",
    "CurrentSweep",
    "Hysteresis",
    "LockingMap",
    "Lorentzian",
    "PhaseDiagram",
    "Resonance",
    "Ringdown",
    "SpectralMap",
    "SpinDiode",
    "absorption",
    "critical_current",
    "fit_lorentzian",
    "fmr",
    "frequency_against_current",
    "hysteresis",
    "injection_locking",
    "phase_diagram",
    "ringdown",
    "spectral_map",
    "spin_diode",
    "susceptibility",
    "swept_hysteresis",
]
