"""N7: on its cone an oscillator's phase diffuses 1 + 1/alpha^2 times as fast as by the direct kicks: its linewidth."""

import numpy as np

import shno
from shno import theory
from shno.analysis import linewidth
from validation import GAMMA
from validation.claim import Claim
from validation.figure import BLUE, LINE, POINTS, VERMILION, panels, save
from validation.langevin import MS, SIGMAS, VOLUME, axial

ROWS = ("N7",)
T, B, M, ALPHA, A_DL = 2.0, 0.1, 0.8, 0.1, 40e-3  # K; T along z; T of a film; damping; T
MAGNET, DT = {"Ms": MS, "volume": VOLUME}, 1e-12
C, F = theory.perpendicular_cone(A_DL, B, -M, ALPHA, GAMMA)  # 0.625, 11.21 GHz
RATE = theory.cone_relaxation_rate(C, -M, ALPHA, GAMMA)  # 8.5e9 1/s
TEN_TURNS = round(10 / F / DT)  # steps, 7.6 relaxation times; saved so rarely, m seems to stand still
QUARTER_MORE = round(2.25 / F / DT)  # steps; saved so rarely, m seems to turn once in four: at 1.25 GHz
SAVES = 27
OPEN = {"ms": 7.5, "mfc": "none"}


def simulate(temperature, n, *, saves, every, seed):
    """The Trajectory of n oscillators from 10 relaxation times after a start on the cone on."""
    oscillator = shno.Oscillator(Ms=MS, alpha=ALPHA, gamma=GAMMA, volume=VOLUME, p=(0, 0, 1), demag=axial(M))
    drive, settling = shno.Drive(a_DL=A_DL, B_ext=(0, 0, B)), round(10 / RATE / DT)
    settings = {"temperature": temperature, "seed": seed, "realisation": np.arange(n), "dt": DT, "dtype": "float32"}
    m0 = (np.sqrt(1 - C**2), 0, C)
    first = shno.simulate(oscillator, drive, m0=m0, duration=settling * DT, save_every=settling, **settings)
    duration = saves * every * DT
    return shno.simulate(
        *(oscillator, drive), m0=first.m[-1], t0=first.t[-1], duration=duration, save_every=every, **settings
    )


def spread(run):
    """Variance of the phase that was gained at each saved time, (saved,), rad^2."""
    t = run.t - run.t[0]
    phase = np.arctan2(run.m[..., 1], run.m[..., 0], dtype=float) + 2 * np.pi * F * t[:, None]  # m turns clockwise
    return np.var(np.unwrap(phase - phase[0], axis=0), axis=1)


def exact_spread(t, temperature):
    """That of small noise, D t + D/alpha^2 [t - (1 - exp(-t RATE))/RATE]: kicks, and m_z that the frequency follows."""
    total = theory.cone_phase_diffusion(C, ALPHA, temperature, **MAGNET, gamma=GAMMA)
    direct = total / (1 + 1 / ALPHA**2)
    return direct * t + (total - direct) * (t + np.expm1(-RATE * t) / RATE)


def by_diffusion(run):
    """FWHM and its standard error, Hz, by steps of the phase of ten turns."""
    return linewidth(run, lag=TEN_TURNS * DT, realisations=0, axis=(0, 0, 1), discard=0)


def by_lorentzian(temperature, n, *, seed):
    """FWHM and its standard error, Hz, of a Lorentzian fitted to the spectra of n oscillators, 4 segments of 3/FWHM."""
    width = theory.cone_linewidth(C, ALPHA, temperature, **MAGNET, gamma=GAMMA)
    saves = round(12 / width / (QUARTER_MORE * DT))
    run = simulate(temperature, n, saves=saves, every=QUARTER_MORE, seed=seed)
    return linewidth(run, method="lorentzian", segment=saves // 4 * QUARTER_MORE * DT, realisations=0, discard=0)


def diffusion_claims(ids, n, *, seed):
    """Spread of the phase, variance of m_z and linewidth of n oscillators at 2 K."""
    run = simulate(T, n, saves=SAVES, every=TEN_TURNS, seed=seed)
    t, m_z = run.t[-1] - run.t[0], run.m[1:, :, 2].astype(float)
    width, error = by_diffusion(run)
    return [
        Claim(
            ids[0],
            f"<dphi^2> in {t * 1e9:.2f} ns, m_z 0.625, alpha 0.1, 2 K, RK4 1 ps, float32, {n} runs; tol.: 4 sqrt(2/n)",
            "small noise",
            exact_spread(t, T),
            spread(run)[-1],
            SIGMAS * np.sqrt(2 / n),
            unit="rad^2",
        ),
        Claim(
            ids[1],
            f"variance of m_z x 1e7, {SAVES} times of these runs, 7.6 relaxation times apart; tol.: 4 sqrt(2/n)",
            "k_B T/(Ms V M)",
            theory.cone_variance(-M, T, **MAGNET) * 1e7,
            np.mean((m_z - m_z.mean()) ** 2) * 1e7,
            SIGMAS * np.sqrt(2 / m_z.size),
        ),
        Claim(
            ids[2],
            "FWHM by the diffusion of their phase; tolerance: 4 of its standard errors",
            "Silva and Keller (2010)",
            theory.cone_linewidth(C, ALPHA, T, **MAGNET, gamma=GAMMA) / 1e6,
            width / 1e6,
            SIGMAS * error / 1e6,
            "absolute",
            "MHz",
        ),
    ]


def lorentzian_claim(row, n, *, seed):
    """The linewidth of the spectrum at 20 K."""
    width, error = by_lorentzian(10 * T, n, seed=seed)
    return Claim(
        row,
        f"FWHM of a Lorentzian fitted to the spectra of {n} runs of 1.9 us, 20 K; tolerance: 4 of its standard errors",
        "Silva and Keller (2010)",
        theory.cone_linewidth(C, ALPHA, 10 * T, **MAGNET, gamma=GAMMA) / 1e6,
        width / 1e6,
        SIGMAS * error / 1e6,
        "absolute",
        "MHz",
    )


def claims(figures):
    """Diffusion of the phase, width of m_z, and the linewidth by phase and by spectrum."""
    if figures:
        draw(figures)
    return [*diffusion_claims(("N7a", "N7b", "N7c"), 20_000, seed=7), lorentzian_claim("N7d", 64, seed=8)]


def full_claims(figures):
    """The same with errors a third as large."""
    return [*diffusion_claims(("N7e", "N7f", "N7g"), 200_000, seed=17), lorentzian_claim("N7h", 640, seed=18)]


def draw(folder):
    """Spread of the phase over time from kicks to diffusion, the linewidth against temperature, and its ratio."""
    temperatures = np.array([2, 5, 10, 20, 50, 100, 200])
    phases = [by_diffusion(simulate(at, 4000, saves=SAVES, every=TEN_TURNS, seed=at)) for at in temperatures]
    hot = temperatures[temperatures >= 20]
    spectra = [by_lorentzian(at, 256, seed=1000 + at) for at in hot]
    line = np.geomspace(1.5, 280, 100)
    caption = (
        "p = +z, $a_{DL}$ = 40 mT, B = 0.1 T, film of 0.8 T, $\\alpha$ = 0.1: $m_z$ = 0.625, 11.21 GHz; $M_sV$ = "
        "$4\\times10^{-17}$ A m$^2$; RK4, dt = 1 ps; left 20000 runs, right 4000 (phase) and 256 (spectrum)"
    )
    figure, axes = panels(3, caption)
    draw_spread(axes[0])
    closed = [theory.cone_linewidth(C, ALPHA, at, **MAGNET, gamma=GAMMA) for at in (line, temperatures, hot)]
    axes[1].plot(line, closed[0] / 1e6, label="small noise", **LINE)
    axes[2].axhline(1, label="small noise", **LINE)
    methods = (
        ("diffusion of the phase", "o", VERMILION, temperatures, closed[1], np.array(phases)),
        ("Lorentzian", "s", "black", hot, closed[2], np.array(spectra)),
    )
    for label, marker, color, at, expected, measured in methods:
        style = POINTS | {"marker": marker, "color": color, "label": label} | ({} if marker == "o" else OPEN)
        axes[1].plot(at, measured[:, 0] / 1e6, **style)
        axes[2].errorbar(at, measured[:, 0] / expected, measured[:, 1] / expected, lw=1, **style)
    axes[1].set(xscale="log", yscale="log", ylabel="FWHM (MHz)", title="Linewidth")
    axes[2].set(xscale="log", ylim=(0.9, 1.1), ylabel="FWHM / closed form", title="Ratio")
    for ax in axes[1:]:
        ax.set_xlabel("Temperature (K)")
    save(figure, folder, "phase_diffusion")


def draw_spread(ax):
    """<dphi^2>/t at 2 K from a hundredth of the relaxation time to 200 of them."""
    early = simulate(T, 20_000, saves=50, every=1, seed=40)
    late = simulate(T, 20_000, saves=300, every=80, seed=41)
    line = np.geomspace(1e-12, 25e-9, 200)
    ax.plot(line * 1e9, exact_spread(line, T) / line, label="small noise", **LINE)
    saved = ((early, [1, 2, 4, 8, 16, 32], None), (late, [1, 2, 3, 5, 8, 14, 25, 50, 100, 200, 300], "simulated"))
    for run, picked, label in saved:
        t, values = (run.t - run.t[0])[picked], spread(run)[picked]
        ax.errorbar(t * 1e9, values / t, np.sqrt(2 / 20_000) * values / t, lw=1, label=label, **POINTS)
    total = theory.cone_phase_diffusion(C, ALPHA, T, **MAGNET, gamma=GAMMA)
    for level, text in ((total, "$\\times(1 + 1/\\alpha^2)$"), (total / (1 + 1 / ALPHA**2), "direct kicks")):
        ax.axhline(level, color=BLUE, lw=0.8, ls=":")
        ax.annotate(text, (3e-3, level), (0, 4), textcoords="offset points", size=9)
    ax.axvline(1e9 / RATE, color="black", lw=0.8, ls=":")
    ax.annotate("$1/\\lambda_c$", (1e9 / RATE, 1.3e5), (3, 0), textcoords="offset points", size=9)
    ax.set(xscale="log", yscale="log", xlabel="Time (ns)", ylabel="$\\langle\\Delta\\phi^2\\rangle / t$ (rad$^2$/s)")
    ax.set(title="Phase at 2 K", ylim=(3e4, 7e6))
