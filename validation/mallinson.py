"""D2: damped precession about a field follows Mallinson's closed form, in sense and in damping."""

import numpy as np

import shno
from shno.theory import mallinson
from validation import GAMMA
from validation.claim import Claim
from validation.figure import LINE, POINTS, panels, save
from validation.measure import SPHERE

ROWS = ("D2",)
B, ALPHA, THETA0 = 0.5, 0.02, np.radians(170)  # T along +z; damping; rad, at phi = 0
END = 2e-9  # s: 176 rad of precession, m turned from 170 to 37 degrees


def exact(t):
    """m (n, 3) of the closed form at the times t."""
    theta, phi = mallinson(t, THETA0, B, ALPHA, GAMMA)
    return np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=-1)


def simulate(dt, **settings):
    """The Trajectory of the same m from t = 0 to 2 ns."""
    oscillator = shno.Oscillator(Ms=1e4, alpha=ALPHA, gamma=GAMMA, demag=SPHERE)
    drive = shno.Drive(a_DL=0.0, B_ext=(0, 0, B))
    return shno.simulate(oscillator, drive, duration=END, dt=dt, m0=exact(np.zeros(1))[0], **settings)


def claims(figures):
    """m after 2 ns by RK4, and at 1 and 2 ns by the reference."""
    rk4 = simulate(1e-12)
    reference = simulate(END / 2, solver="reference")
    if figures:
        draw(figures, rk4)
    source = "Mallinson (2000)"
    half, end = exact(reference.t)[1:]
    setting = "0.5 T, alpha 0.02, from 170 deg"
    return [
        Claim("D2a", f"m after 2 ns in {setting}, RK4 1 ps", source, end, rk4.m[-1], 6e-5, "absolute"),
        Claim("D2b", "m after 1 ns by the reference", source, half, reference.m[1], 1e-8, "absolute"),
        Claim("D2c", "m after 2 ns by the reference", source, end, reference.m[2], 1e-8, "absolute"),
    ]


def draw(folder, run):
    """m_z(t), and the error of m."""
    t_ns = run.t * 1e9
    figure, (left, right) = panels(2, "B = 0.5 T, $\\alpha$ = 0.02, from 170 deg to the field; RK4, dt = 1 ps, float64")
    left.plot(t_ns, exact(run.t)[:, 2], label="Mallinson", **LINE)
    left.plot(t_ns[::100], run.m[::100, 2], label="RK4", **POINTS)
    left.set(xlabel="Time (ns)", ylabel="$m_z$", title="Damped precession")
    right.semilogy(t_ns[1:], np.abs(run.m - exact(run.t)).max(axis=1)[1:], **LINE)
    right.set(xlabel="Time (ns)", ylabel="Largest error of a component of m", title="RK4 - Mallinson")
    save(figure, folder, "mallinson")
