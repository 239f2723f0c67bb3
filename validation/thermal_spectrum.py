"""N5: thermal precession in a well has the spectrum that its resonance dissipates, as Callen and Welton require."""

from functools import partial
from itertools import pairwise

import numpy as np

import shno
from shno import theory
from shno.constants import k_B
from validation import GAMMA
from validation.claim import Claim
from validation.figure import BLUE, LINE, POINTS, VERMILION, panels, save
from validation.langevin import B1, B2, MS, SIGMAS, VOLUME, axial

ROWS = ("N5",)
ALPHA, MAGNET = 0.02, {"Ms": MS, "volume": VOLUME}
F0 = theory.resonance_frequency(B1, B2, GAMMA)
WIDTH = theory.resonance_linewidth(B1, B2, ALPHA, GAMMA)
DT, EVERY = 0.5e-12, 10  # s; steps between saved states
LEFT_OUT = 2e-9  # s at the start; the amplitude relaxes in 0.5 ns
SPREAD = 1 + 2 * (4 / 9 + 1 / 36)  # variance of a mean over bins times their number: Hann's window correlates them
BANDS = ((0.5, 5), (5, 8), (8, F0 / 1e9), (F0 / 1e9, 9.7), (9.7, 13), (13, 30))  # GHz


def density(temperature, averages, duration, *, seed):
    """f (k,), Hz, and the densities of u = m_y and v = m_z (k,), 1/Hz, averaged over so many magnets."""
    magnet = shno.Oscillator(Ms=MS, alpha=ALPHA, gamma=GAMMA, volume=VOLUME, demag=axial(B2 - B1))
    settings = {"temperature": temperature, "seed": seed, "realisation": np.arange(averages), "dtype": "float32"}
    drive = shno.Drive(a_DL=0.0, B_ext=(B1, 0, 0))
    run = shno.simulate(magnet, drive, duration=duration + LEFT_OUT, dt=DT, save_every=EVERY, **settings)
    f, _ = parts = shno.analysis.spectrum(run, component="y", discard=LEFT_OUT)
    return f, parts[1].mean(axis=1), shno.analysis.spectrum(run, component="z", discard=LEFT_OUT)[1].mean(axis=1)


def sampled(f, along, across, temperature):
    """The closed form as samples of a field held over steps show it: folded at their rate, and over sinc^2.

    A held field drives an integrator, which m is well above its resonance, by 1/(2 - 2 cos w dt) instead of 1/(w dt)^2:
    1/sinc^2 more. Below, where that is not so, it is 1: the two differ from the linear recurrence by less than 1e-3.
    """
    folded = np.abs(f + (np.arange(EVERY) - EVERY // 2)[:, None] / (EVERY * DT))
    closed = theory.thermal_spectrum(folded, along, across, ALPHA, temperature, **MAGNET, gamma=GAMMA)
    return np.sum(closed / np.sinc(folded * DT) ** 2, axis=0)


def ratios(f, densities, temperature, bands, averages):
    """Mean density over the closed form in bands (Hz), for u and v (2, bands), and the standard errors (bands,)."""
    over = [S / sampled(f, *B, temperature) for S, B in zip(densities, ((B1, B2), (B2, B1)), strict=True)]
    inside = [(f >= low) & (f < high) for low, high in bands]
    errors = [np.sqrt(SPREAD / (np.sum(band) * averages)) for band in inside]
    return np.array([[each[band].mean() for band in inside] for each in over]), np.array(errors)


def closed_claims():
    """The closed form is the fluctuation-dissipation theorem's, and its integral the variance."""
    spectrum = partial(theory.thermal_spectrum, alpha=ALPHA, temperature=300.0, **MAGNET, gamma=GAMMA)

    def dissipation(f, along, across):
        chi = theory.susceptibility(f, along, across, ALPHA, GAMMA)
        return 4 * k_B * 300.0 * chi.imag / (2 * np.pi * f * MS * VOLUME)

    f = np.geomspace(1e6, 1e12, 200)
    theta, weights = np.polynomial.legendre.leggauss(700)
    half_turn = np.pi / 4 * (theta + 1)  # f = F0 tan(half_turn)
    area = np.pi / 4 * np.sum(weights * spectrum(F0 * np.tan(half_turn), B1, B2) * F0 / np.cos(half_turn) ** 2)
    source = "4 k_B T Im chi/(w Ms V)"
    apart = [spectrum(f, *B) / dissipation(f, *B) - 1 for B in ((B1, B2), (B2, B1))]
    return [
        Claim(
            "N5a",
            "density of u x 1e12 at the resonance, 8.862 GHz, alpha 0.02, stiffness 0.1 and 1 T, 300 K",
            source,
            dissipation(F0, B1, B2) * 1e12,
            spectrum(F0, B1, B2) * 1e12,
            1e-12,
            unit="/Hz",
        ),
        Claim(
            "N5b", "the same of u and v, 1 MHz to 1 THz, relative", source, 0.0, np.abs(apart).max(), 1e-12, "absolute"
        ),
        Claim(
            "N5c",
            "its integral over all frequencies x 1e3",
            "k_B T/(Ms V B1)",
            theory.well_variance(B1, 300.0, **MAGNET) * 1e3,
            area * 1e3,
            1e-9,
        ),
    ]


def claims(figures):
    """The closed form, and the density of 400 simulated magnets at the resonance."""
    if figures:
        draw(figures)
    f, *densities = density(300.0, 400, 50e-9, seed=5)
    means, _ = ratios(f, densities, 300.0, [(F0 - WIDTH / 2, F0 + WIDTH / 2)], 400)
    statement = "mean density of {} over the closed form, |f - f0| < 308 MHz, 300 K, 400 averages, RK4 0.5 ps, float32"
    return [
        *closed_claims(),
        *(Claim(f"N5{'de'[k]}", statement.format("uv"[k]), "closed form", 1.0, means[k, 0], 0.05) for k in range(2)),
    ]


def full_claims(figures):
    """The density in bands at 30 K, where the well is a parabola to 1e-4, within 4 standard errors."""
    averages, parts = 400, 10
    each = [density(30.0, averages, 100e-9, seed=50 + k) for k in range(parts)]
    f, *densities = np.mean(each, axis=0)
    means, errors = ratios(f, densities, 30.0, 1e9 * np.array(BANDS), averages * parts)
    bands = ", ".join(f"{low:.3g}-{high:.3g}" for low, high in BANDS)
    return [
        Claim(
            f"N5{'fg'[k]}",
            f"density of {'uv'[k]} over the closed form - 1, in standard errors of {errors.min():.1%} to "
            f"{errors.max():.1%}, {bands} GHz, 30 K, {averages * parts} averages",
            "closed form",
            np.zeros(len(BANDS)),
            (means[k] - 1) / errors,
            SIGMAS,
            "absolute",
        )
        for k in range(2)
    ]


def draw(folder):
    """Density of both components against frequency, and its ratio to the closed form."""
    temperature, averages = 30.0, 1600
    parts = [density(temperature, averages // 4, 50e-9, seed=70 + k) for k in range(4)]
    f, *densities = np.mean(parts, axis=0)
    edges = np.concatenate([np.arange(0.5, 7, 1), np.arange(7, 11, 0.25), np.arange(11, 21.5, 1)]) * 1e9
    bands = list(pairwise(edges))
    means, errors = ratios(f, densities, temperature, bands, averages)
    middles, line = (edges[1:] + edges[:-1]) / 2, np.linspace(0.1e9, 21e9, 600)
    caption = (
        "$\\alpha$ = 0.02, stiffness 0.1 T (u) and 1 T (v), $M_s$ = 0.8 MA/m, $V$ = 5$\\times10^{-23}$ m$^3$, 30 K, "
        "RK4, dt = 0.5 ps, 1600 averages of 50 ns; bars: one standard error"
    )
    figure, (left, right) = panels(2, caption)
    right.axhline(1, label="closed form", **LINE)
    for k, (color, marker, across) in enumerate(((VERMILION, "o", (B1, B2)), (BLUE, "s", (B2, B1)))):
        closed = partial(theory.thermal_spectrum, B1=across[0], B2=across[1], alpha=ALPHA, temperature=temperature)
        curve, there = (closed(at, **MAGNET, gamma=GAMMA) for at in (line, middles))
        style = POINTS | {"color": color, "marker": marker, "ms": 4}
        left.plot(line / 1e9, curve, color=color, lw=1.4, label=f"{'uv'[k]}: closed form")
        left.plot(middles / 1e9, means[k] * there, label=f"{'uv'[k]}: simulated", **style)
        right.errorbar(middles / 1e9, means[k], errors, label=f"{'uv'[k]}: simulated", lw=1, **style)
    left.set(yscale="log", xlabel="Frequency (GHz)", ylabel="Density (1/Hz)", title="Thermal precession")
    right.set(ylim=(0.96, 1.04), xlabel="Frequency (GHz)", ylabel="Density / closed form", title="Ratio")
    save(figure, folder, "thermal_spectrum")
