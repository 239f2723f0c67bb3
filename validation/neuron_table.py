"""The easy-plane neuron spikes as tabulated: count and latency after a pulse, count under a held drive."""

import numpy as np

import shno
from validation.claim import Claim
from validation.figure import LINE, POINTS, panels, save

ROWS = ()
NAME = "easy-plane-neuron"
PULSE, DURATION = 0.5e-9, 7.5e-9  # s
A_C = 2.5e-3  # T, the depinning torque, equal to the pinning field
PULSED = {0.5: 0, 1: 1, 2: 1, 3: 2, 4: 2, 6: 3, 8: 4, 12: 6}  # drive on top of the bias in a_c: spikes
LATENCY_NS = {1: 0.63, 2: 0.35, 3: 0.26, 4: 0.22, 6: 0.17, 8: 0.14, 12: 0.11}
HELD = {0.1: 0, 0.19: 0, 0.3: 3, 0.5: 6, 1: 10, 2: 18, 4: 31, 8: 57, 12: 83, 15: 102, 18: 6}
SOURCE = "independent code"


def spikes(drives, dt, *, pulsed):
    """Spike times (s) of a neuron that rests at its bias, for each drive on top of it, pulsed or held."""
    oscillator, bias = shno.preset(NAME), shno.operating_point(NAME)
    rest = shno.equilibrium(oscillator, bias, driven=True)
    driven = bias.a_DL + A_C * np.asarray(drives, float)
    waveform = [driven, np.full_like(driven, bias.a_DL)] if pulsed else [driven]
    drive = shno.Drive(a_DL=shno.Sampled(np.array(waveform), PULSE), B_ext=bias.B_ext)
    run = shno.simulate(oscillator, drive, duration=DURATION, dt=dt, m0=rest)
    return shno.analysis.spike_times(run, threshold=0.7, rearm=0.35, component="y")


def claims(figures):
    """Counts are exact; latencies are tabulated to 0.01 ns, hence 0.005 ns and 1 ps for their interpolation."""
    rows, listed = [], [", ".join(f"{drive:g}" for drive in drives) for drives in (PULSED, LATENCY_NS, HELD)]
    expected = [list(numbers.values()) for numbers in (PULSED, LATENCY_NS, HELD)]
    for part, dt in zip("ab", (2e-12, 0.5e-12), strict=True):
        step = f"dt = {dt * 1e12:g} ps"
        pulsed, held = spikes(list(PULSED), dt, pulsed=True), spikes(list(HELD), dt, pulsed=False)
        first = [times[0] * 1e9 if len(times) else np.nan for times in pulsed[-len(LATENCY_NS) :]]
        rows += [
            Claim(
                f"P1{part}",
                f"spikes from a 0.5 ns pulse of {listed[0]} a_c, {step}",
                SOURCE,
                expected[0],
                [len(times) for times in pulsed],
                0.0,
                "absolute",
            ),
            Claim(
                f"P2{part}",
                f"latency of the first for {listed[1]} a_c, {step}",
                SOURCE,
                expected[1],
                first,
                0.006,
                "absolute",
                "ns",
            ),
            Claim(
                f"P3{part}",
                f"spikes in 7.5 ns of {listed[2]} a_c held, {step}",
                SOURCE,
                expected[2],
                [len(times) for times in held],
                0.0,
                "absolute",
            ),
        ]
    if figures:
        draw(figures)
    return rows


def draw(folder):
    """Spike rate against drive, and the rate of an overdamped pendulum, (gamma / 2 pi alpha) sqrt(a^2 - a_c^2)."""
    oscillator, bias = shno.preset(NAME), shno.operating_point(NAME)
    drives, line = np.arange(0, 20.1, 0.5), np.linspace(0.2, 20, 400)
    counts = [len(times) for times in spikes(drives, 1e-12, pulsed=False)]
    a = bias.a_DL + A_C * line
    rate = oscillator.gamma / (2 * np.pi * oscillator.alpha) * np.sqrt(np.maximum(a**2 - A_C**2, 0))
    figure, (ax,) = panels(1, "easy-plane neuron, bias 0.8 $a_c$, held for 7.5 ns; RK4, dt = 1 ps")
    ax.plot(line, rate / 1e9, label="overdamped pendulum", **LINE)
    ax.plot(drives, np.array(counts) / DURATION / 1e9, label="RK4, spikes / 7.5 ns", **POINTS)
    ax.axvline(16 - 0.8, color="black", lw=0.8, ls="--", label="clip of the layer")
    ax.set(xlabel="Drive on top of the bias ($a_c$)", ylabel="Spike rate (1/ns)", title="Phase-slip neuron")
    save(figure, folder, "neuron_table")
