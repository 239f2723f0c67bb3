"""Both regimes of the spiking layer, spikes and latency against the drive: closed forms, and the thermal spread."""

import numpy as np

import shno
from shno import theory
from validation import envelope
from validation.claim import Claim
from validation.spiking import BIAS, SETTINGS, held, rest, spikes
from validation.transfer_figures import ROOM, RUNS, draw_counts, draw_latencies
from validation.turning import pendulum, strong_rate, turning_rate

ROWS = ()
SIGMAS = 4.0  # standard errors of a statistical tolerance
PULLED = np.array([4.0, 8.0, 12.0, 15.0])  # a_c in all
STEPPED = np.array([1.0, 2, 3, 4, 6, 8, 12])  # a_c on top of the bias
INPUTS = np.linspace(0.3, 1.0, 8)  # I_c on top of the bias
RANGE = np.linspace(-0.5, 1.0, 31)
STATED = (0.0, 0.4, 0.9, 1.2, 1.5, 1.9)  # zeta


def growth_rate(zeta):
    """Growth rate of the power of a small precession at each drive (in I_c), over 2 Gamma, in 2 ns."""
    film, field = envelope.FILM, envelope.B_EXT
    m0 = envelope.rest(zeta) + 2e-3 * envelope.AXES[0]
    m0 /= np.linalg.norm(m0, axis=-1, keepdims=True)
    drive = shno.Drive(a_DL=envelope.A_C * zeta, B_ext=field)
    run = shno.simulate(film, drive, duration=2e-9, dt=1e-12, m0=m0, save_every=5)
    return np.polyfit(run.t, np.log(envelope.power(run.m, zeta)), 1)[0] / (2 * envelope.GAMMA)


def slip_claims():
    """Onset at a_c, turns a second far above it, latency of a pendulum with inertia."""
    x = 0.2 + np.arange(-10, 11) / 1000
    _, crossings, _ = held("phase-slip", x, steps=120, reset=False)
    _, _, first = held("phase-slip", STEPPED, steps=5, reset=False)
    return [
        Claim(
            "P4",
            "smallest drive that spikes within 60 ns, of 0.99, 0.991 ... 1.01 a_c in all",
            "a_c = B",
            1.0,
            BIAS["phase-slip"] + x[crossings[:, 0] > 0].min(),
            2e-3,
            "absolute",
            "a_c",
        ),
        Claim(
            "P5",
            f"turns a second at {listed(PULLED)} a_c in all, 10 ns; limit of a strong drive",
            "gamma a/(2 pi alpha)",
            strong_rate(PULLED) / 1e9,
            turning_rate(PULLED) / 1e9,
            0.01,
            unit="1/ns",
        ),
        Claim(
            "P6",
            f"latency at {listed(STEPPED)} a_c; 2.5 %: m leaves the plane",
            "pendulum with inertia",
            pendulum(STEPPED) * 1e9,
            first[:, 0] * 1e9,
            0.025,
            unit="ns",
        ),
    ]


def burst_claims():
    """Growth, threshold, latency, rate and their order at T = 0."""
    near = 1 + np.array([-0.01, 0.01])
    low, high = growth_rate(near)
    _, _, first = held("burst", INPUTS, reset=False)
    trains, _ = spikes("burst", np.tile(INPUTS, (80, 1)))
    counts, _, _ = held("burst", RANGE)
    zeta = np.array(STATED)
    return [
        Claim(
            "B1",
            f"growth of the power over 2 Gamma at zeta = {listed(zeta)}; 1 %: the current shifts m",
            "zeta - 1",
            zeta - 1,
            growth_rate(zeta),
            0.01,
        ),
        Claim(
            "B2",
            "zeta where growth changes sign, between 0.99 and 1.01",
            "critical_torque",
            1.0,
            near[0] - low * (near[1] - near[0]) / (high - low),
            1e-3,
            "absolute",
        ),
        Claim(
            "B3",
            f"latency at {listed(INPUTS)} I_c on top of 0.9, T = 0; tolerance: a period",
            "ln(p_th/K)/[2 Gamma (zeta - 1)]",
            envelope.latency(INPUTS, 0) * 1e9,
            first[:, 0] * 1e9,
            0.1,
            "absolute",
            "ns",
        ),
        Claim(
            "B4",
            "spikes a neural step at these, steps 21 to 80, T = 0; tolerance: 2 spikes",
            "Gamma (zeta - 1)/ln 4",
            envelope.rate(INPUTS) * SETTINGS["burst"]["neural_step"],
            (trains[20:] > 0).mean(0),
            2 / 60,
            "absolute",
        ),
        Claim(
            "B5",
            "smallest rise of the count in 15 neural steps from one input to the next, -0.5 (0.05) 1 I_c, T = 0",
            "graded, never falling",
            0,
            np.diff(counts[:, 0]).min(),
            how="at least",
        ),
    ]


def claims(figures):
    """Both regimes without noise."""
    if figures:
        draw_counts(figures)
        draw_latencies(figures)
    return slip_claims() + burst_claims()


def full_claims(figures):
    """The burst neuron at 300 K."""
    n, x, step = 4000, np.array([0.4, 0.5, 0.6]), SETTINGS["burst"]["neural_step"]
    _, _, first = held("burst", x, n, steps=20, temperature=ROOM, reset=False)
    jitter, jitter_error = theory.latency_jitter(BIAS["burst"] + x, envelope.GAMMA), SIGMAS * np.sqrt(1.1 / n)
    trains, _ = spikes("burst", np.tile(np.repeat(INPUTS, RUNS), (80, 1)), temperature=ROOM, seed=2)
    quiet, _, _ = held("burst", np.zeros(1), 1000, steps=20, temperature=ROOM, seed=3)
    rms = np.sqrt(envelope.thermal_variance(ROOM) / (1 - BIAS["burst"]))
    above = SETTINGS["burst"]["threshold"] - float(rest("burst")[SETTINGS["burst"]["component"]])
    return [
        Claim(
            "B6",
            f"mean latency at {listed(x)} I_c, 300 K, {n} runs; tol.: a period and 4 standard errors",
            "Gaussian start, Slavin-Tiberkevich",
            envelope.latency(x, ROOM) * 1e9,
            first.mean(1) * 1e9,
            0.1 + SIGMAS * jitter.max() * 1e9 / np.sqrt(n),
            "absolute",
            "ns",
        ),
        Claim(
            "B7",
            "standard deviation of these latencies; tolerance: 4 standard errors",
            "pi/sqrt 6/[2 Gamma (zeta - 1)]",
            jitter * 1e9,
            first.std(1) * 1e9,
            jitter_error,
            unit="ns",
        ),
        Claim(
            "B8",
            f"spikes a neural step at {listed(INPUTS)} I_c, 300 K, {RUNS} runs, steps 21 to 80; tolerance as B4",
            "Gamma (zeta - 1)/ln 4",
            envelope.rate(INPUTS) * step,
            (trains[20:] > 0).mean(0).reshape(len(INPUTS), RUNS).mean(1),
            2 / 60,
            "absolute",
        ),
        Claim(
            "B9a",
            "threshold above rest over the thermal rms of m_x at the bias, 300 K",
            "clear of noise",
            4.0,
            above / rms,
            how="at least",
        ),
        Claim(
            "B9b",
            "spikes a neural step at zero input, 300 K, 20000 neural steps",
            "clear of noise",
            1e-3,
            quiet.mean() / 20,
            how="at most",
        ),
    ]


def listed(numbers):
    """Numbers for a statement."""
    return ", ".join(f"{number:g}" for number in numbers)
