"""RK4 agrees with the witness, the same physics derived a second way (implicit Gilbert form), to its own error."""

import numpy as np

import shno
from validation.claim import Claim
from validation.measure import every_term_on

ROWS = ()
N, DURATION, DT = 8, 1e-9, 0.2e-12
EVERY = 500  # steps between compared states
RTOL, ATOL = 1e-12, 1e-14  # asked of the witness


def claims(figures):
    """RK4's error by halving dt; RK4 - witness; and RK4 extrapolated to dt = 0 - witness, in the witness's tolerances.

    A tolerance is atol + rtol |m| with |m| = 1, the vector's length: a component near zero errs as the others.
    """
    oscillator, drive, m0 = every_term_on(N, seed=2)
    saved = {"duration": DURATION, "m0": m0}
    coarse, fine = (shno.simulate(oscillator, drive, dt=DT / k, save_every=EVERY * k, **saved).m for k in (1, 2))
    witness = shno.simulate(oscillator, drive, dt=EVERY * DT, solver="reference", rtol=RTOL, atol=ATOL, **saved).m
    own_error = np.abs(coarse - fine).max() * 16 / 15  # leading order: O(dt) of itself more
    extrapolated = fine + (fine - coarse) / 15
    difference, tolerances = np.abs(coarse - witness).max(), np.abs(extrapolated - witness).max() / (ATOL + RTOL)
    setting, extrapolation = f"every term on, {N} oscillators, 1 ns", f"in tolerances of the witness, rtol {RTOL:g}"
    return [
        Claim("W1", f"m: RK4's error by halving dt = 0.2 ps, {setting}", "by dt", 1e-8, own_error, how="at most"),
        Claim("W2", "m: RK4 - witness, largest difference", "RK4's error", own_error, difference, 0.1),
        Claim("W3", f"the same at dt -> 0, {extrapolation}", "implicit Gilbert form", 10.0, tolerances, how="at most"),
    ]
