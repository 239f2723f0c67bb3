"""RK4 agrees with the witness, which derives the same physics a second way (implicit Gilbert form, scipy), to RK4's own error."""

import numpy as np

import shno
from validation.claim import Claim
from validation.measure import every_term_on

N, DURATION, DT = 8, 1e-9, 0.05e-12  # in 0.8 T: w T (w dt)^4/120 = 3e-9 after 1 ns
EVERY = 2000  # steps between compared states
RTOL, ATOL = 1e-10, 1e-12  # asked of the witness


def claims(figures):
    """RK4's error from halving dt; RK4 - witness; and the two runs of RK4 extrapolated to dt = 0, in the witness's tolerances."""
    oscillator, drive, m0 = every_term_on(N, seed=2)
    saved = {"duration": DURATION, "m0": m0}
    coarse, fine = (shno.simulate(oscillator, drive, dt=DT / k, save_every=EVERY * k, **saved).m for k in (1, 2))
    witness = shno.simulate(oscillator, drive, dt=EVERY * DT, solver="reference", rtol=RTOL, atol=ATOL, **saved).m
    own_error = np.abs(coarse - fine).max() * 16 / 15
    extrapolated = fine + (fine - coarse) / 15
    tolerances = np.abs(extrapolated - witness) / (ATOL + RTOL * np.abs(witness))
    setting = f"all terms on, {N} oscillators, 1 ns, dt = 0.05 ps"
    return [
        Claim("W1", f"RK4's error by halving dt, {setting}", "bound chosen", 1e-8, own_error, how="at most"),
        Claim("W2", f"RK4 - witness, {setting}: largest difference of m", "implicit Gilbert form", 0.0, np.abs(coarse - witness).max(), 1e-8,
              "absolute"),
        Claim("W3", "the same with RK4 extrapolated to dt = 0, in units of atol + rtol |m|", "implicit Gilbert form", 10.0, tolerances.max(),
              how="at most"),
    ]
