"""T1: a film with the spin polarisation opposite to m starts to oscillate at a_c = alpha (B + M/2)."""

import numpy as np

import shno
from shno.llgs import damping_like_amplitude
from shno.theory import collinear_threshold, critical_current_density, threshold_frequency
from validation import GAMMA
from validation.claim import Claim
from validation.figure import LINE, POINTS, panels, save

ROWS = ("T1",)
B, M, ALPHA, THETA_SH, THICKNESS = 0.1, 1.0, 0.02, 0.08, 5e-9
MS = M / shno.constants.mu_0
A_C = collinear_threshold(B, M, 0.0, ALPHA)
FILM = shno.Oscillator(Ms=MS, alpha=ALPHA, gamma=GAMMA, thickness=THICKNESS, theta_SH=THETA_SH, p=(-1, 0, 0))
GAMMA_PRIME = GAMMA / (1 + ALPHA**2)


def driven(a):
    """The torque a (T) in a field along x."""
    return shno.Drive(a_DL=a, B_ext=(B, 0, 0))


def growth_rate(a, duration):
    """Growth rate of a small precession under each torque, 1/s: half the slope of log(B1 m_y^2 + B2 m_z^2)."""
    tilt = np.radians(0.1)
    m0 = (np.cos(tilt), np.sin(tilt), 0.0)
    run = shno.simulate(FILM, driven(a), duration=duration, dt=1e-12, m0=m0, save_every=5)
    energy = B * run.m[..., 1] ** 2 + (B + M) * run.m[..., 2] ** 2
    return np.polyfit(run.t, np.log(energy), 1)[0] / 2


def threshold_in_time():
    """Where the growth rate passes zero on the line through 0.999 and 1.001 a_c, T; between them if it changes sign."""
    a = A_C * np.array([0.999, 1.001])
    low, high = growth_rate(a, 20e-9)
    return a[0] - low * (a[1] - a[0]) / (high - low)


def claims(figures):
    """Threshold torque, current density and frequency."""
    eigenvalue = shno.eigenvalues(FILM, driven(A_C))
    damping = ALPHA * GAMMA_PRIME * (B + M / 2)  # decay rate without current
    a_c = shno.critical_torque(FILM, driven(0.0))
    J_c = a_c / damping_like_amplitude(1.0, THETA_SH, MS, THICKNESS)
    J_expected = critical_current_density(A_C, THETA_SH, MS, THICKNESS)
    f_c = np.abs(eigenvalue.imag).max() / (2 * np.pi)
    f_expected = threshold_frequency(B, M, 0.0, ALPHA, GAMMA)
    if figures:
        draw(figures)
    exact = "alpha (B + M/2)"
    return [
        Claim(
            "T1a",
            "threshold, film, 0.1 T in its plane, mu_0 Ms 1 T, alpha 0.02",
            exact,
            A_C * 1e3,
            a_c * 1e3,
            1e-9,
            unit="mT",
        ),
        Claim(
            "T1b",
            "growth rate at that torque, over the decay rate without current",
            "trace of the Jacobian",
            0.0,
            np.abs(eigenvalue.real).max() / damping,
            1e-9,
            "absolute",
        ),
        Claim("T1c", "frequency at threshold", "det of the Jacobian", f_expected / 1e9, f_c / 1e9, 1e-9, unit="GHz"),
        Claim(
            "T1d",
            "critical current density, 5 nm, theta_SH 0.08",
            "2 e Ms t a_c/hbar theta",
            J_expected,
            J_c,
            1e-9,
            unit="A/m^2",
        ),
        Claim(
            "T1e",
            "where growth changes sign between 0.999 and 1.001 a_c, RK4 1 ps, 20 ns",
            exact,
            A_C * 1e3,
            threshold_in_time() * 1e3,
            1e-3,
            unit="mT",
        ),
    ]


def draw(folder):
    """Growth rate against torque."""
    a = A_C * np.linspace(0, 1.5, 13)
    figure, (ax,) = panels(1, "film, B = 0.1 T, $\\mu_0 M_s$ = 1 T, $\\alpha$ = 0.02, p = -m; RK4, dt = 1 ps, 2 ns")
    ax.axhline(0, color="black", lw=0.6)
    ax.plot(a * 1e3, GAMMA_PRIME * (a - A_C) / 1e9, label="$\\gamma'(a - a_c)$", **LINE)
    ax.plot(a * 1e3, growth_rate(a, 2e-9) / 1e9, label="RK4", **POINTS)
    ax.set(xlabel="Damping-like torque (mT)", ylabel="Growth rate (1/ns)", title="Threshold of auto-oscillation")
    save(figure, folder, "threshold")
