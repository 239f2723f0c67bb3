"""Torch and the compiled kernel run the same RK4: equal to rounding, with every field term on and every oscillator its own."""

import numpy as np

import shno
from validation.claim import Claim
from validation.measure import every_term_on

N, STEPS = 100, 1000


def claims(figures):
    """The largest difference of a component of m at any saved time."""
    oscillator, drive, m0 = every_term_on(N)
    compiled, torch = (
        shno.simulate(oscillator, drive, duration=STEPS * 0.5e-12, dt=0.5e-12, m0=m0, executor=executor, save_every=50).m
        for executor in ("compiled", "torch")
    )
    statement = f"torch RK4 - compiled kernel, all terms on, {N} oscillators, {STEPS} steps of 0.5 ps, float64: largest difference of m"
    return [Claim("E1", statement, "the same arithmetic", 0.0, np.abs(compiled - torch).max(), 1e-12, "absolute")]
