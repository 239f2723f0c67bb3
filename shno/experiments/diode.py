"""Spin-torque resonance: the voltage that a microwave current rectifies in its own oscillating resistance."""

from typing import NamedTuple

import numpy as np

from shno.analysis.door import part, weights
from shno.checks import complaint, shown
from shno.experiments._drive import (
    AMPLITUDE,
    FREQUENCY,
    RESISTANCE,
    batch_of,
    check_nouns,
    numbers,
    swept,
    with_current,
)
from shno.experiments.lorentzian import Lorentzian, fit_lorentzian
from shno.simulate import simulate
from shno.stability import equilibrium
from shno.waveforms import Sine


class SpinDiode(NamedTuple):
    """Rectified voltage against frequency.

    frequency : (n,), Hz
    voltage : (n, *batch), V
    line : Lorentzian       fitted to it: centre and width in Hz, (*batch); None for fewer than six frequencies
    """

    frequency: np.ndarray
    voltage: np.ndarray
    line: Lorentzian | None


def spin_diode(oscillator, drive, frequencies, I_rf, *, resistance, duration, discard, dt, **settings):
    """Rectified voltage V = <I_rf sin(2 pi f t) R(m(t))> against frequency: spin-torque ferromagnetic resonance.

    The current is that of the drive with the sine added to it, m starts at the equilibrium of the drive alone. The mean
    has the weights of a Hann window squared, so that the analysed time need not be a whole number of periods.

    oscillator, drive : Oscillator, Drive by I     the drive's I is the direct current
    frequencies : (n,), Hz
    I_rf : A                    amplitude of the microwave current in the device; a number or an array for the batch
    resistance : callable       m (..., 3) -> ohm (...), for example
                                `lambda m: shno.readout.amr(m, R_perp=300.0, dR=1.0, j=(1.0, 0.0, 0.0))`
    duration, discard, dt : s   of the run; at its start, 5 / (pi linewidth) or more until m follows; of a step
    settings                    further arguments of `simulate`: save_every, temperature and seed, progress, ...
    Returns : SpinDiode
    Raises : TypeError, ValueError, IntegrationError, as `simulate`
    Source : Liu et al., Phys. Rev. Lett. 106, 036601 (2011); Sankey et al., Nat. Phys. 4, 67 (2008).
    """
    check_nouns(oscillator, drive)
    if drive.current[0] != "I":
        raise ValueError(complaint("drive", "one by I", drive.current[0], "A voltage is that of a current in ampere."))
    if not callable(resistance):
        raise TypeError(complaint("resistance", "a function of m", shown(resistance), "See shno.readout."))
    I_rf = numbers("I_rf", I_rf, AMPLITUDE)
    f = swept("frequencies", frequencies, FREQUENCY, batch_of(oscillator, with_current(drive, drive.I + 0 * I_rf)))
    rf = Sine(I_rf, f)
    m0 = equilibrium(oscillator, drive.at(0.0), driven=True)
    run = simulate(oscillator, with_current(drive, drive.I + rf), duration=duration, dt=dt, m0=m0, **settings)
    m = part(run, "all", discard, least=3)
    R = numbers("resistance(m)", resistance(m), RESISTANCE)
    voltage = _covariance(rf.at(run.t[-len(m) :]), _of_each(R, m))
    f = f.reshape(-1)
    return SpinDiode(f, voltage, fit_lorentzian(f, voltage) if len(f) >= 6 else None)


def _of_each(R, m):
    """Resistances R of the states m (n, *batch, 3), with all its axes; ValueError where it does not have them."""
    try:
        return np.broadcast_to(R, m.shape[:-1])
    except ValueError:
        got = f"shape {R.shape} of m {m.shape}"
        raise ValueError(complaint("resistance(m)", "(...) for m (..., 3)", got, "See shno.readout.")) from None


def _covariance(a, b):
    """Mean over axis 0 of a b less the product of their means, with the weights of a Hann window squared."""
    w = weights(len(b))
    return np.tensordot(w, (a - np.tensordot(w, a, axes=1)) * (b - np.tensordot(w, b, axes=1)), axes=1)
