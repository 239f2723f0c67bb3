"""Auto-oscillation against current: frequency, amplitude, linewidth."""

from typing import NamedTuple

import numpy as np

from shno.analysis import amplitude, frequency, linewidth
from shno.analysis.door import part
from shno.experiments._drive import CURRENT, batch_of, check_nouns, ensemble, swept, with_current
from shno.experiments.threshold import critical_current
from shno.simulate import simulate

CENTRE = 0.2  # of the rms radius of an orbit, drawn as a circle: nearer to its centre the phase means little
SHARE = 2e-4  # of the time there, from which on it slips too often to diffuse


class CurrentSweep(NamedTuple):
    """An oscillator against its current.

    current : (n,)                      in the unit of `name`: "I" A | "J" A/m^2 | "a_DL" T
    threshold : (*batch)                critical current; NaN where there is none
    frequency : (n, *batch), Hz         NaN where there is no line
    amplitude : (n, *batch)             `analysis.amplitude`, the sine of the cone angle of a circular precession
    linewidth, error : (n, *batch), Hz  full width at half maximum and its standard error; None at temperature 0, NaN
                                        below the threshold and where the phase slips
    """

    current: np.ndarray
    name: str
    threshold: np.ndarray
    frequency: np.ndarray
    amplitude: np.ndarray
    linewidth: np.ndarray | None
    error: np.ndarray | None


def frequency_against_current(oscillator, drive, currents, *, duration, dt, discard=None, realisations=1, lag=None,
                              **settings):  # fmt: skip
    """Frequency, amplitude and, at a temperature, linewidth against current, beside the threshold.

    Frequency and amplitude are means over the realisations; the linewidth is that of the diffusion of their phases. It
    is NaN below the threshold (there it is the one of `fmr` with the current in its drive), and where noise often takes
    m to the centre of its orbit, so that the phase slips. A transient that is not discarded widens the line.

    oscillator, drive : Oscillator, Drive   the value of the drive's current is exchanged
    currents : (n,)                 in the drive's own unit
    duration, dt, discard : s       of the run, of a step; left out at the start, None for half. A start 1 degree off
                                    the equilibrium takes about 4/(pi linewidth |I/I_c - 1|) to grow
    realisations : whole number     runs with a noise of their own at each current; about 100 give a linewidth to 10 %
    lag : s                         as in `analysis.phase_diffusion`: long against the amplitude's relaxation
    settings                        further arguments of `simulate`: temperature and seed, save_every, progress, ...
    Returns : CurrentSweep
    Raises : TypeError, ValueError, IntegrationError, as `simulate`
    Source : the measurement of Demidov et al., Nat. Mater. 11, 1028 (2012).
    """
    check_nouns(oscillator, drive)
    batch = batch_of(oscillator, with_current(drive, 0.0))
    currents = swept("currents", currents, CURRENT, batch)
    threshold = np.broadcast_to(critical_current(oscillator, drive), batch)[()]
    noise = ensemble(realisations, (len(currents), *batch))
    run = simulate(oscillator, with_current(drive, currents), duration=duration, dt=dt, **settings, **noise)
    f, A = (np.asarray(measure(run, discard=discard)) for measure in (frequency, amplitude))
    width = error = None
    if run.temperature > 0:
        width, error = linewidth(run, realisations=0 if realisations > 1 else None, lag=lag, discard=discard)
        none = _below(currents, threshold) | _slips(run, discard, realisations)
        width, error = (np.where(none, np.nan, each) for each in (width, error))
    if realisations > 1:
        f, A = f.mean(axis=0), A.mean(axis=0)
    return CurrentSweep(currents.reshape(-1), drive.current[0], threshold, f, A, width, error)


def _below(currents, threshold):
    """Whether a current is below the threshold; False where there is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return currents / threshold < 1


def _slips(run, discard, realisations):
    """Whether m is near the centre of its orbit too often for the phase to be one, over all realisations."""
    m = part(run, "all", discard, least=3)
    m = m - m.mean(axis=0)
    variance, axes = np.linalg.eigh(np.einsum("n...i,n...j->...ij", m, m) / len(m))  # ascending
    squares = np.einsum("n...i,...ij->n...j", m, axes[..., 1:]) ** 2 / np.maximum(
        variance[..., 1:], np.finfo(float).tiny
    )
    share = (squares.sum(axis=-1) < 2 * CENTRE**2).mean(axis=0)
    return (share.mean(axis=0) if realisations > 1 else share) > SHARE
