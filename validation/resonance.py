"""D6-D11: ferromagnetic resonance for every direction of field and axis, its ringdown and its linewidth in field."""

from functools import partial

import numpy as np
from scipy.interpolate import CubicSpline

import shno
from shno.theory import (
    field_linewidth,
    kittel_frequency,
    kittel_frequency_ellipsoid,
    kittel_frequency_oblique,
    kittel_frequency_perpendicular,
    oblique_equilibrium,
    resonance_linewidth,
    ringdown_eigenvalue,
    susceptibility,
)
from validation import GAMMA
from validation.claim import Claim
from validation.figure import BLUE, LINE, POINTS, VERMILION, panels, save

ROWS = ("D6", "D7", "D8", "D9", "D10", "D11")
TILT = np.radians(0.03)  # of a ringdown: out of plane it shifts the frequency by M TILT^2/2 (B - M), 3e-7 of itself
OBLIQUE = 0.7, np.radians(80), 0.72  # T, rad from the plane, T
B, M, ALPHA = 0.1, 1.0, 0.02  # T, T, damping of D10 and D11
FITTED = (
    ("reference", {"solver": "reference"}),
    ("compiled", {}),
    ("torch", {"executor": "torch", "duration": 2e-9, "dt": 2e-12}),
)
RF, PERIODS, PHASES = 1e-5, 80, 100  # T of the rf field of D11; periods simulated; steps of each
SWEEP = np.linspace(-1.5, 1.5, 61)  # fields of D11 about the resonance, in linewidths


def film(M, alpha=0.0, Bk=0.0, easy_axis=(1, 0, 0)):
    """A film, M = mu_0 Ms and an anisotropy field Bk in its plane, T."""
    Ms = M / shno.constants.mu_0
    return shno.Oscillator(Ms=Ms, alpha=alpha, gamma=GAMMA, Ku=Bk * Ms / 2, easy_axis=easy_axis)


def ellipsoid():
    """Semi-axes of 50, 25 and 2.5 nm along x, y, z."""
    return shno.Oscillator(Ms=8e5, alpha=0.0, gamma=GAMMA, demag=shno.geometry.ellipsoid_demag(50e-9, 25e-9, 2.5e-9))


def in_field(B):
    """No current, a constant field B (T)."""
    return shno.Drive(a_DL=0.0, B_ext=B)


def at_elevation(B, elevation):
    """A field in the x-z plane, so far from the film's plane: (..., 3), T."""
    return np.stack([B * np.cos(elevation), 0 * B, B * np.sin(elevation)], axis=-1)


def by_eigenvalue(oscillator, B):
    """Frequency of the Jacobian's eigenvalue, Hz."""
    return shno.experiments.fmr(oscillator, B).frequency


def by_ringdown(oscillator, B):
    """Frequency of a simulated precession from TILT along y, Hz."""
    m = shno.equilibrium(oscillator, in_field(B))
    m0 = np.cos(TILT) * m + np.sin(TILT) * np.array([0.0, 1.0, 0.0])
    run = shno.simulate(oscillator, in_field(B), duration=20e-9, dt=0.5e-12, m0=m0, save_every=10)
    return shno.analysis.frequency(run, component="y", discard=0.0)


def frequencies():
    """D6 to D9: eigenvalue and ringdown, RK4 lagging by (w dt)^4/120 < 4e-8."""
    along_x, hard = (0.1, 0, 0), {"Bk": 0.02, "easy_axis": (0, 1, 0)}
    demag = ellipsoid().demag
    cases = (  # row, letters, what, source, closed form, oscillator, field, tolerance of the eigenvalue
        ("D6", "ab", "film of 1 T, 1.5 T along its normal", "Kittel (1948)",
         kittel_frequency_perpendicular(1.5, 1.0, GAMMA), film(1.0), (0, 0, 1.5), 1e-9),
        ("D7", "ab", "ellipsoid 50:25:2.5 nm, Ms 800 kA/m, 50 mT along it", "Kittel (1948), Osborn (1945)",
         kittel_frequency_ellipsoid(0.05, 8e5, demag, GAMMA), ellipsoid(), (0.05, 0, 0), 1e-9),
        ("D8", "ab", "film of 0.8 T, 0.1 T along the easy axis, Bk 20 mT", "Kittel (1948)",
         kittel_frequency(0.1, 0.8, 0.02, GAMMA), film(0.8, Bk=0.02), along_x, 1e-9),
        ("D8", "cd", "the same along the hard axis", "Kittel (1948)",
         kittel_frequency(0.1 - 0.02, 0.8 + 0.02, gamma=GAMMA), film(0.8, **hard), along_x, 1e-9),
        ("D9", "ab", "film of 0.72 T, 0.7 T at 80 deg elevation", "Smit and Beljers (1955)",
         kittel_frequency_oblique(*OBLIQUE, GAMMA), film(OBLIQUE[2]), at_elevation(*OBLIQUE[:2]), 1e-8),
    )  # fmt: skip
    rows = []
    for row, letters, what, source, f, oscillator, field, tolerance in cases:
        in_GHz = partial(Claim, source=source, expected=f / 1e9, unit="GHz")
        measured = [by(oscillator, field) / 1e9 for by in (by_eigenvalue, by_ringdown)]
        rows += [
            in_GHz(row + letters[0], f"{what}: eigenvalue", measured=measured[0], tolerance=tolerance),
            in_GHz(row + letters[1], f"{what}: ringdown, RK4 0.5 ps", measured=measured[1], tolerance=1e-6),
        ]
    elevation = np.degrees(oblique_equilibrium(*OBLIQUE))
    m = shno.equilibrium(film(OBLIQUE[2]), in_field(at_elevation(*OBLIQUE[:2])))
    measured = np.degrees(np.arctan2(m[2], m[0]))
    rows.append(Claim("D9c", "elevation of m there", "torque balance", elevation, measured, 1e-8, unit="deg"))
    return rows


def decaying(**settings):
    """The Trajectory of D10 from 1 mrad along y, 6 ns: 12 decay times."""
    settings = {"duration": 6e-9, "dt": 1e-12, "m0": (np.cos(1e-3), np.sin(1e-3), 0)} | settings
    return shno.simulate(film(M, ALPHA), in_field((B, 0, 0)), **settings)


def power_linewidth(run):
    """Full width at half maximum of the power spectrum of the turning sqrt(B1) m_y + i sqrt(B2) m_z from t = 0, Hz."""
    turning = np.sqrt(B) * run.m[:, 1] + 1j * np.sqrt(B + M) * run.m[:, 2]
    turning[0] /= 2  # trapezoidal rule; at the end nothing is left
    f = np.linspace(8e9, 10.6e9, 2601)
    power = np.abs(np.exp(-2j * np.pi * np.multiply.outer(f, run.t)) @ turning) ** 2
    low, high = CubicSpline(f, power - power.max() / 2).roots(extrapolate=False)
    return high - low


def decay():
    """D10: eigenvalue, fits to traces, and the width of the spectrum."""
    expected = ringdown_eigenvalue(B, B + M, ALPHA, GAMMA)
    rate, f, width = -expected.real, expected.imag / (2e9 * np.pi), resonance_linewidth(B, B + M, ALPHA, GAMMA) / 1e6
    modes = shno.eigenvalues(film(M, ALPHA), in_field((B, 0, 0)))
    eigenvalue = modes[np.argmax(modes.imag)]
    runs = [decaying(**settings) for _, settings in FITTED]
    fits = np.array([shno.analysis.ringdown(run) for run in runs])
    names = ", ".join(name for name, _ in FITTED)
    exact, n = "Jacobian", len(runs)
    return [
        Claim("D10a", "decay rate, film of 1 T, 0.1 T in its plane, alpha 0.02: eigenvalue", exact, rate,
              -eigenvalue.real, 1e-9, unit="1/s"),
        Claim("D10b", "frequency: eigenvalue", exact, f, eigenvalue.imag / (2e9 * np.pi), 1e-9, unit="GHz"),
        Claim("D10c", f"decay rate fitted to a trace: {names}", exact, [rate] * n, fits[:, 1], 1e-3,
              unit="1/s"),
        Claim("D10d", f"frequency fitted: {names}", exact, [f] * n, fits[:, 0] / 1e9, 1e-3, unit="GHz"),
        Claim("D10e", "full width of its power spectrum: reference, compiled", "decay rate/pi", [width] * 2,
              [power_linewidth(run) / 1e6 for run in runs[:2]], 1e-3, unit="MHz"),
    ]  # fmt: skip


def absorption(fields, f):
    """Absorption chi'' (1/T) of a small rf field along y of frequency f at each field along x, from its out-of-phase
    response over the last ten periods; the transient has died to 1e-8."""
    step = 1 / (PHASES * f)
    drive = in_field((fields, shno.Sine(RF, f, np.pi / 2), 0.0))
    settings = {"duration": PERIODS * PHASES * step, "dt": step, "m0": (1, 0, 0), "save_every": PHASES // 10}
    run = shno.simulate(film(M, ALPHA), drive, **settings)
    last = slice(-100, None)
    return 2 / RF * np.mean(np.sin(2 * np.pi * f * run.t[last, None]) * run.m[last, :, 1], axis=0)


def full_width(x, y):
    """Full width at half maximum of the curve y(x), by a spline."""
    spline = CubicSpline(x, y)
    peaks = spline.derivative().roots(extrapolate=False)
    low, high = CubicSpline(x, y - spline(peaks).max() / 2).roots(extrapolate=False)
    return high - low


def field_sweep():
    """D11: the width in field of simulated absorption, and the absorption itself."""
    f = kittel_frequency(B, M, gamma=GAMMA)
    width = field_linewidth(f, ALPHA, GAMMA)
    fields = B + width * SWEEP
    measured, response = absorption(fields, f), susceptibility(f, fields, fields + M, ALPHA, GAMMA).imag
    linear = shno.experiments.absorption(
        film(M, ALPHA), fields, f, along=(1.0, 0.0, 0.0), rf_along=(0.0, 1.0, 0.0)
    ).linewidth
    statement = "field linewidth at 9.295 GHz, alpha 0.02: simulated with 10 uT rf, RK4; linear response"
    largest = np.abs(measured - response).max() / response.max()
    return [
        Claim("D11a", statement, "2 alpha w/gamma", [width * 1e3] * 2, np.array([full_width(fields, measured), linear])
              * 1e3, 1e-3, unit="mT"),
        Claim("D11b", "chi'' of 61 fields: simulated - linear response, over its peak", "Polder (1949)", 0.0, largest,
              1e-4, "absolute"),
    ]  # fmt: skip


def claims(figures):
    """All of the six rows."""
    if figures:
        draw(figures)
    return [*frequencies(), *decay(), *field_sweep()]


def draw(folder):
    """Resonance against field in several directions, a ringdown, absorption against field."""
    caption = (
        "film, $\\mu_0M_s$ = 1 T; left: $\\alpha$ = 0, RK4 0.5 ps, from 0.03 deg; middle and right: $\\alpha$ = 0.02, "
        "0.1 T in the plane, from 1 mrad; rf 10 $\\mu$T at 9.295 GHz"
    )
    figure, axes = panels(3, caption)
    _draw_resonance(axes[0])
    _draw_ringdown(axes[1])
    _draw_absorption(axes[2])
    save(figure, folder, "resonance")


def _draw_resonance(ax):
    line, looks = np.linspace(1e-3, 1.6, 400), ((0, "-", "o"), (45, "--", "s"), (80, "-.", "^"), (90, ":", "D"))
    for degrees, style, marker in looks:
        elevation = np.radians(degrees)
        fields = np.linspace(0.1, 1.6, 16)[10 * (degrees == 90) :]  # below 1 T along the normal no direction is stiff
        f = by_ringdown(film(1.0), at_elevation(fields, elevation))
        ax.plot(line, kittel_frequency_oblique(line, elevation, 1.0, GAMMA) / 1e9, **LINE | {"ls": style})
        ax.plot(fields, f / 1e9, label=f"RK4, {degrees} deg", **POINTS | {"marker": marker})
    ax.set(xlabel="Field (T); lines: closed form", ylabel="Frequency (GHz)", title="Resonance by the field's elevation")


def _draw_ringdown(ax):
    run, expected = decaying(), ringdown_eigenvalue(B, B + M, ALPHA, GAMMA)
    t = run.t[:2501]
    envelope = np.exp(expected.real * t)
    ax.plot(t * 1e9, envelope, t * 1e9, -envelope, color=BLUE, ls="--", lw=1.0)
    ax.plot([], [], color=BLUE, ls="--", lw=1.0, label="$\\exp(-\\Gamma t)$")
    ax.plot(t * 1e9, run.m[:2501, 1] * 1e3, color=VERMILION, lw=0.9, label="RK4 1 ps")
    ax.set(xlabel="Time (ns)", ylabel="$m_y$ ($10^{-3}$)", title="Ringdown")


def _draw_absorption(ax):
    f = kittel_frequency(B, M, gamma=GAMMA)
    fields, line = (B + field_linewidth(f, ALPHA, GAMMA) * x for x in (SWEEP[::3], np.linspace(-1.5, 1.5, 400)))
    ax.plot(line * 1e3, susceptibility(f, line, line + M, ALPHA, GAMMA).imag, label="linear response", **LINE)
    ax.plot(fields * 1e3, absorption(fields, f), label="RK4", **POINTS)
    ax.set(xlabel="In-plane field (mT)", ylabel="Absorption $\\chi''$ (1/T)", title="Field sweep: width 13.27 mT")
