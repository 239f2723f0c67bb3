"""T5: under a perpendicular polariser m settles on the cone B + Bk m_z + a/alpha = 0, turning at gamma a/alpha."""

from functools import partial

import numpy as np

import shno
from shno.theory import perpendicular_cone
from validation import GAMMA
from validation.claim import Claim
from validation.figure import LINE, POINTS, panels, save
from validation.measure import azimuthal_frequency

ROWS = ("T5",)
B, M, ALPHA = 0.1, 0.8, 0.02  # T along z; T of a film, Bk = -M; damping
TORQUES = np.array([4e-3, 8e-3, 12e-3])  # T
DT = 1e-12
NEXT_ORDER = 1.01  # of RK4's error: the next term is at most 0.36 x^2 of it, 0.4 % at 12 mT


def simulate(a, m_z, *, duration, dt, alpha=ALPHA, **settings):
    """The Trajectory of a film under each torque a, from each m_z in the x-z plane."""
    oscillator = shno.Oscillator(Ms=M / shno.constants.mu_0, alpha=alpha, gamma=GAMMA, p=(0, 0, 1))
    m0 = np.stack([np.sqrt(1 - m_z**2), 0 * m_z, m_z], axis=-1)
    return shno.simulate(oscillator, shno.Drive(a_DL=a, B_ext=(0, 0, B)), duration=duration, dt=dt, m0=m0, **settings)


def settled(a):
    """m_z and signed frequency by RK4 from 0.05 off the cone: settles 50 ns, 33 relaxation times at 12 mT."""
    c, _ = perpendicular_cone(a, B, -M, ALPHA, GAMMA)
    run = simulate(a, c - 0.05, duration=100e-9, dt=DT, save_every=20)
    return run.m[-1, :, 2], azimuthal_frequency(run, discard=50e-9)


def rk4_errors(c, f):
    """(Shift of m_z, relative error of the frequency) of RK4 on the cone, to leading order.

    In a rotation by x = w dt a step, the phase lags by x^5/120 and |m_perp| shrinks by x^6/144. Projection makes of the
    second a drive of m_z towards the axis, which the damping balances at another m_z, and there w is another.
    """
    x = 2 * np.pi * f * DT
    drive = c * x**5 / (144 * ALPHA)
    return drive * (1 + ALPHA**2) * 2 * np.pi * f / (GAMMA * M), drive - x**4 / 120


def by_heun():
    """T5e: Heun's frequency, 4 ns from the cone: x^2/6 early, and m_z off as it grows by x^4/8 a step."""
    a, alpha = 40e-3, 0.1
    c, f = perpendicular_cone(a, B, -M, alpha, GAMMA)
    x = 2 * np.pi * f * DT
    run = simulate(np.array([a]), np.array([c]), duration=8e-9, dt=DT, alpha=alpha, solver="heun")
    expected, measured = x**2 / 6 - c * x**3 / (8 * alpha), azimuthal_frequency(run, discard=4e-9)[0] / -f - 1
    statement = "relative frequency error of Heun 1 ps at 40 mT, alpha 0.1"
    return Claim("T5e", statement, "x^2/6 - c x^3/(8 alpha)", expected, measured, 0.01)


def claims(figures):
    """m_z and frequency by the reference on the cone, by RK4 settling onto it, and by Heun."""
    c, f = perpendicular_cone(TORQUES, B, -M, ALPHA, GAMMA)
    reference = simulate(TORQUES, c, duration=5e-9, dt=20e-12, solver="reference", rtol=1e-12, atol=1e-14)
    m_z, turning = settled(TORQUES)
    c_error, f_error = rk4_errors(c, f)
    if figures:
        draw(figures)
    cosine = partial(Claim, source="B + Bk c + a/alpha = 0", expected=c, how="absolute")
    return [
        cosine(
            "T5a",
            "m_z of the cone at a = 4, 8, 12 mT, after 5 ns by the reference",
            measured=reference.m[-1, :, 2],
            tolerance=1e-9,
        ),
        Claim(
            "T5b",
            "its frequency, negative as phi decreases, by the reference",
            "-gamma a / 2 pi alpha",
            -f / 1e9,
            azimuthal_frequency(reference) / 1e9,
            1e-9,
            unit="GHz",
        ),
        cosine(
            "T5c",
            "m_z that RK4 1 ps settles on from 0.05 off; tolerance: its predicted shift",
            measured=m_z,
            tolerance=NEXT_ORDER * np.abs(c_error).max(),
        ),
        Claim(
            "T5d",
            "relative frequency error of RK4 1 ps, x = w dt",
            "c x^5/(144 alpha) - x^4/120",
            f_error,
            turning / -f - 1,
            NEXT_ORDER - 1,
        ),
        by_heun(),
    ]


def draw(folder):
    """m_z and frequency against torque."""
    a, line = np.linspace(1e-3, 13e-3, 13), np.linspace(0, 14e-3, 100)
    (c, f), (m_z, turning) = perpendicular_cone(line, B, -M, ALPHA, GAMMA), settled(a)
    caption = "film, M = 0.8 T, B = 0.1 T along its normal, $\\alpha$ = 0.02, p = +z; RK4, dt = 1 ps, 100 ns"
    figure, (left, right) = panels(2, caption)
    left.plot(line * 1e3, c, label="closed form", **LINE)
    left.plot(a * 1e3, m_z, label="RK4", **POINTS)
    left.set(xlabel="Damping-like torque (mT)", ylabel="$m_z$", title="Cone")
    right.plot(line * 1e3, f / 1e9, label="$\\gamma a/(2\\pi\\alpha)$", **LINE)
    right.plot(a * 1e3, -turning / 1e9, label="RK4", **POINTS)
    right.set(xlabel="Damping-like torque (mT)", ylabel="Frequency (GHz)", title="Precession, $\\phi$ decreasing")
    save(figure, folder, "cone")
