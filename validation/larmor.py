"""D1: in a field alone m precesses at the Larmor frequency, at any angle to the field; RK4 lags by (w dt)^4/120."""

from functools import partial

import numpy as np

import shno
from shno.theory import larmor_frequency
from validation import GAMMA
from validation.claim import Claim
from validation.figure import LINE, POINTS, panels, save, ticks
from validation.measure import SPHERE, azimuthal_frequency

ROWS = ("D1",)
B = 0.1  # T, along +z
ANGLES = np.radians((1, 30, 60, 90, 120, 150, 179))
SAMPLING = 32e-12  # s between saved states: 11 a period
FURTHER_ORDERS = 1.01  # of (w dt)^4/120: the next term is 0.36 (w dt)^2 of it, 1e-4 at 1 ps; rounding is 1e-5 of it


def frequency(angles, *, duration, dt, **settings):
    """Signed frequency at each angle to the field, simulated without damping."""
    oscillator = shno.Oscillator(Ms=1e4, alpha=0.0, gamma=GAMMA, demag=SPHERE)
    drive = shno.Drive(a_DL=0.0, B_ext=(0, 0, B))
    m0 = np.stack([np.sin(angles), 0 * angles, np.cos(angles)], axis=-1)
    return azimuthal_frequency(shno.simulate(oscillator, drive, duration=duration, dt=dt, m0=m0, **settings))


def lag(dt):
    """Relative lag of RK4 on a rotation, (w dt)^4/120: the phase of 1 + ix - x^2/2 - ix^3/6 + x^4/24 is x - x^5/120."""
    return (GAMMA * B * dt) ** 4 / 120


def claims(figures):
    """Frequency by RK4 and by the reference; phi increases about the field."""
    f, dt = larmor_frequency(B, GAMMA), 1e-12
    rk4 = frequency(ANGLES, duration=32e-9, dt=dt, save_every=round(SAMPLING / dt))
    reference = frequency(ANGLES[::3], duration=12.8e-9, dt=SAMPLING, solver="reference", rtol=1e-12, atol=1e-14)
    if figures:
        draw(figures)
    in_GHz = partial(Claim, source="gamma B / 2 pi", expected=f / 1e9, unit="GHz")
    return [
        in_GHz(
            "D1a",
            "Larmor frequency at 0.1 T, 7 angles from 1 to 179 deg, RK4: (w dt)^4/120",
            measured=rk4 / 1e9,
            tolerance=FURTHER_ORDERS * lag(dt),
        ),
        in_GHz("D1b", "the same by the reference, 1, 90 and 179 deg", measured=reference / 1e9, tolerance=1e-10),
    ]


def draw(folder):
    """The frequency error against the step."""
    dt_ps, angle = np.array([0.5, 1, 2, 4, 8]), np.radians([60.0])
    f = [frequency(angle, duration=32e-9, dt=x * 1e-12, save_every=round(32 / x))[0] for x in dt_ps]
    errors = 1 - np.array(f) / larmor_frequency(B, GAMMA)
    figure, (ax,) = panels(1, "B = 0.1 T, $\\alpha$ = 0, 60 deg to the field, 90 periods, float64")
    ax.loglog(dt_ps, lag(dt_ps * 1e-12), label="$(\\omega\\,dt)^4/120$", **LINE)
    ax.loglog(dt_ps, errors, label="RK4", **POINTS)
    ax.set(xlabel="Time step (ps)", ylabel="Relative lag of the frequency", title="Larmor precession")
    ticks(ax, dt_ps)
    save(figure, folder, "larmor")
