"""The current at which an oscillator starts to oscillate."""

import numpy as np

from shno.experiments._drive import check_nouns, with_current
from shno.parameters import a_DL
from shno.stability import critical_torque

ITERATIONS = 60  # with an Oersted field: each one gains the digits that it is small by, about two


def critical_current(oscillator, drive):
    """Threshold of auto-oscillation, I_c = a_c / (da_DL/dI), with a_c of `critical_torque`.

    Where there is an Oersted field, a_c depends on the current that makes it: I = a_c(I) / (da_DL/dI) is then solved by
    iteration.

    oscillator, drive : Oscillator, Drive   the value of the current is not used; waveforms count at t = 0
    Returns : (*batch,), in the unit of the drive's own current (A for I, A/m^2 for J, T for a_DL), signed: the
              direction that oscillates. NaN where there is no threshold
    Raises : TypeError, ValueError; IntegrationError where there is no equilibrium without a current
    Source : eigenvalues of the linearised LLGS equation.  Exact for a macrospin at T = 0.
    """
    check_nouns(oscillator, drive)
    drive = with_current(drive, 0.0).at(0.0)
    per_unit = np.asarray(a_DL(oscillator, with_current(drive, 1.0)))
    current = np.asarray(_current(oscillator, drive, per_unit))
    if not np.any(oscillator.oersted):
        return current[()]
    for _ in range(ITERATIONS):
        known = np.nan_to_num(current)
        following = _current(oscillator, with_current(drive, known), per_unit)
        moved, current = np.abs(following - current), np.asarray(following)
        if np.all((moved <= 1e-13 * np.abs(current)) | np.isnan(current)):
            break
    return np.where(moved <= 1e-9 * np.abs(current), current, np.nan)[()]


def _current(oscillator, drive, per_unit):
    """The current that makes the critical torque at the Oersted field of the drive's current."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # without a spin Hall effect: NaN
        current = critical_torque(oscillator, drive) / per_unit
    return np.where(np.isfinite(current), current, np.nan)
