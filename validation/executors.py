"""Torch and the compiled kernel run the same RK4: equal to rounding, every term on and every oscillator its own."""

import numpy as np

import shno
from validation.claim import Claim
from validation.measure import every_term_on

ROWS = ()
N, STEPS, DT = 100, 1000, 0.5e-12


def claims(figures):
    """The largest difference of a component of m at any saved time."""
    oscillator, drive, m0 = every_term_on(N)
    settings = {"duration": STEPS * DT, "dt": DT, "m0": m0, "save_every": 50}
    compiled, torch = (
        shno.simulate(oscillator, drive, executor=executor, **settings).m for executor in ("compiled", "torch")
    )
    statement = f"m: torch RK4 - compiled kernel, every term on, {N} oscillators, {STEPS} steps, float64"
    return [Claim("E1", statement, "the same arithmetic", 0.0, np.abs(compiled - torch).max(), 1e-12, "absolute")]
