"""N6: a uniaxial magnet forgets its side at the lowest eigenvalue of Brown's Fokker-Planck operator, at any barrier."""

import numpy as np

import shno
from shno import theory
from shno.constants import k_B
from validation import GAMMA
from validation.claim import Claim
from validation.figure import BLUE, LINE, POINTS, panels, save
from validation.langevin import SIGMAS, SPIN, T
from validation.measure import SPHERE

ROWS = ("N6",)
ALPHA, DT = 0.1, 10e-12  # s; gamma sigma_B dt = 0.043, and for barriers up to 10 k_B T the field turns m by 0.2 rad
D_M = theory.rotational_diffusion(ALPHA, **SPIN, gamma=GAMMA)
START = 0.6 / D_M  # s: from a pole, the next odd mode, 11.5 D_m or faster, then adds less than 2e-4 to the rate
SAVES = 20


def decay(s, n, *, seed):
    """t from START on (SAVES + 1,), s, one lifetime long, and m_z (SAVES + 1, n) of n spins that started at m_z = 1.

    s : barrier over k_B T
    """
    Ku = s * k_B * T / SPIN["volume"]
    magnet = shno.Oscillator(Ms=SPIN["Ms"], volume=SPIN["volume"], alpha=ALPHA, gamma=GAMMA, demag=SPHERE, Ku=Ku)
    drive, n_first = shno.Drive(a_DL=0.0, B_ext=(0, 0, 0)), round(START / DT)
    every = round(1 / (theory.neel_brown_eigenvalue(s) * D_M) / SAVES / DT)
    settings = {"temperature": T, "seed": seed, "realisation": np.arange(n), "dt": DT, "dtype": "float32"}
    first = shno.simulate(magnet, drive, m0=(0, 0, 1), duration=n_first * DT, save_every=n_first, **settings)
    run = shno.simulate(
        *(magnet, drive), m0=first.m[-1], t0=first.t[-1], duration=SAVES * every * DT, save_every=every, **settings
    )
    return run.t, run.m[..., 2].astype(float)


def rate(t, m_z):
    """Rate at which <m_z> decays from the first to the last time, 1/s, and its standard error by the n spins."""
    first, last = m_z[0], m_z[-1]
    left = last.mean() / first.mean()
    error = np.std(last - left * first) / np.sqrt(len(first)) / first.mean()
    return -np.log(left) / (t[-1] - t[0]), error / left / (t[-1] - t[0])


def rate_claim(row, s, n, *, seed):
    """The Claim of the rate at a barrier of s k_B T, in 1/us, and the rate with its error in 1/s."""
    measured, error = rate(*decay(s, n, seed=seed))
    exact = theory.neel_brown_eigenvalue(s) * D_M
    claim = Claim(
        row,
        f"rate at which <m_z> decays, barrier {s:g} k_B T, alpha 0.1, RK4 10 ps, float32, {n} spins; tol.: 4 sigma",
        "eigenvalue",
        exact / 1e6,
        measured / 1e6,
        SIGMAS * error / 1e6,
        "absolute",
        unit="/us",
    )
    return claim, measured, error


def claims(figures):
    """The rate at two low barriers, and how far Brown's asymptote is from it."""
    if figures:
        draw(figures)
    two, _, _ = rate_claim("N6a", 2, 200_000, seed=2)
    three, measured, error = rate_claim("N6b", 3, 200_000, seed=3)
    asymptote = theory.brown_asymptote(3) * D_M
    misses = Claim(
        "N6c",
        f"Brown's asymptote less that rate at 3 k_B T ({asymptote / measured - 1:+.0%}), in standard errors",
        "not valid at s = 3",
        10.0,
        (asymptote - measured) / error,
        how="at least",
    )
    return [two, three, misses]


def full_claims(figures):
    """The rate with smaller errors, and at higher barriers."""
    ensembles = ((2, 1_000_000), (3, 1_000_000), (5, 200_000), (8, 30_000), (10, 8000))
    return [rate_claim(f"N6{'defgh'[k]}", s, n, seed=10 + k)[0] for k, (s, n) in enumerate(ensembles)]


def draw(folder):
    """<m_z> against time at three barriers, the rate against the barrier, and the rate over the exact one."""
    caption = (
        "no field, $\\alpha$ = 0.1, $M_s V$ = $8\\times10^{-19}$ A m$^2$, 300 K, RK4, dt = 10 ps, start at $m_z$ = 1, "
        "a lifetime long; 100000 spins (20000 for $s$ > 5); bars: one standard error"
    )
    figure, axes = panels(3, caption)
    barriers = np.array([1, 2, 3, 4, 5, 6, 8])
    decays = [decay(s, 100_000 if s <= 5 else 20_000, seed=30 + k) for k, s in enumerate(barriers)]
    rates, errors = np.array([rate(*each) for each in decays]).T / D_M
    draw_decays(axes[0], {s: decays[s - 1] for s in (1, 2, 3)})
    line = np.linspace(0.02, 10, 200)
    exact, asymptote = theory.neel_brown_eigenvalue(line), theory.brown_asymptote(line)
    axes[1].plot(line, exact, label="exact eigenvalue", **LINE)
    axes[1].plot(line, asymptote, label="Brown's asymptote", color=BLUE, lw=1.2, ls="--")
    axes[1].errorbar(barriers, rates, errors, label="simulated", **POINTS)
    axes[1].set(yscale="log", ylim=(1e-3, 5), ylabel="Rate / $D_m$", title="Rate of forgetting")
    exact_there = theory.neel_brown_eigenvalue(barriers.astype(float))
    axes[2].axhline(1, label="exact eigenvalue", **LINE)
    axes[2].plot(line, asymptote / exact, label="Brown's asymptote", color=BLUE, lw=1.2, ls="--")
    axes[2].errorbar(barriers, rates / exact_there, errors / exact_there, label="simulated", lw=1, **POINTS)
    at_3 = theory.brown_asymptote(3.0) / theory.neel_brown_eigenvalue(3.0)
    axes[2].annotate(f"{at_3 - 1:+.0%}", (3, at_3), (-7, 3), textcoords="offset points", ha="right")
    axes[2].plot(3, at_3, color=BLUE, marker="o", ms=3)
    axes[2].set(ylim=(0.85, 1.4), ylabel="Rate / exact rate", title="Where the asymptote holds")
    for ax in axes[1:]:
        ax.set_xlabel("Barrier $s = K_u V / k_B T$")
    save(figure, folder, "neel_brown")


def draw_decays(ax, decays):
    """<m_z> of each barrier with the exponential of the exact rate through its first point."""
    for s, (t, m_z) in decays.items():
        mean, first = m_z.mean(axis=1), s == 1
        line = mean[0] * np.exp(-theory.neel_brown_eigenvalue(s) * D_M * (t - t[0]))
        ax.plot(t * 1e9, line, label="exact eigenvalue" if first else None, **LINE)
        ax.plot(t * 1e9, mean, label="simulated" if first else None, **POINTS)
        ax.annotate(f"s = {s}", (t[-1] * 1e9, mean[-1]), (4, 0), textcoords="offset points", va="center", size=9)
    levels = (0.15, 0.2, 0.3, 0.4, 0.5, 0.7)
    ax.set_yscale("log")
    ax.set_yticks(levels, [f"{level:g}" for level in levels])
    ax.set_yticks([], minor=True)
    ax.set(xlim=(5, 34), xlabel="Time (ns)", ylabel="$\\langle m_z \\rangle$", title="Decay from $m_z$ = 1")
