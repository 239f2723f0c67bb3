"""D5: the ferromagnetic resonance of a film in an in-plane field is Kittel's, as an eigenvalue and as a ringdown."""

from functools import partial

import numpy as np

import shno
from shno.theory import kittel_frequency
from validation import GAMMA
from validation.claim import Claim
from validation.figure import LINE, POINTS, panels, save

ROWS = ("D5",)
B, M = 0.1, 1.0  # T
TILT = np.radians(0.1)  # in the plane: the frequency shifts by 2e-7 of itself, as the amplitude squared


def film():
    """A film without damping, M = mu_0 Ms = 1 T."""
    return shno.Oscillator(Ms=M / shno.constants.mu_0, alpha=0.0, gamma=GAMMA, demag=(0, 0, 1))


def along_x(B):
    """No current, and a field along x for every element of B: (*batch, 3)."""
    return shno.Drive(a_DL=0.0, B_ext=np.multiply.outer(B, (1.0, 0.0, 0.0)))


def ringdown(B):
    """Frequency of the simulated small precession in each field, Hz."""
    m0 = (np.cos(TILT), np.sin(TILT), 0.0)
    run = shno.simulate(film(), along_x(B), duration=20e-9, dt=1e-12, m0=m0)
    return shno.analysis.frequency(run, component="y", discard=0.0)


def claims(figures):
    """The frequency from the eigenvalue of the numerical Jacobian and from RK4."""
    eigenvalue = np.abs(shno.eigenvalues(film(), along_x(B)).imag).max() / (2 * np.pi)
    if figures:
        draw(figures)
    in_GHz = partial(Claim, source="Kittel (1948)", expected=kittel_frequency(B, M, gamma=GAMMA) / 1e9, unit="GHz")
    return [
        in_GHz(
            "D5a",
            "resonance of a film, 0.1 T in its plane, mu_0 Ms 1 T: eigenvalue",
            measured=eigenvalue / 1e9,
            tolerance=1e-9,
        ),
        in_GHz(
            "D5b",
            "film, 0.1 T in its plane, mu_0 Ms 1 T: ringdown from 0.1 deg, RK4 1 ps",
            measured=ringdown(B) / 1e9,
            tolerance=1e-6,
        ),
    ]


def draw(folder):
    """Frequency against field."""
    fields, line = np.linspace(0.02, 0.3, 8), np.linspace(0, 0.32, 200)
    simulated = ringdown(fields)
    figure, (left, right) = panels(2, "film, $\\mu_0 M_s$ = 1 T, $\\alpha$ = 0, from 0.1 deg; RK4, dt = 1 ps, 20 ns")
    left.plot(line * 1e3, kittel_frequency(line, M, gamma=GAMMA) / 1e9, label="Kittel", **LINE)
    left.plot(fields * 1e3, simulated / 1e9, label="RK4 ringdown", **POINTS)
    left.set(xlabel="In-plane field (mT)", ylabel="Frequency (GHz)", title="Ferromagnetic resonance")
    right.semilogy(fields * 1e3, np.abs(simulated / kittel_frequency(fields, M, gamma=GAMMA) - 1), **POINTS)
    right.set(xlabel="In-plane field (mT)", ylabel="Relative difference", title="RK4 - Kittel")
    save(figure, folder, "kittel")
