"""Figures of both regimes: spikes of a held input, and the latency of the first, with thermal spread and theory."""

import numpy as np

from validation import envelope
from validation.figure import GREY, LINE, POINTS, panels, save
from validation.spiking import BIAS, SETTINGS, held
from validation.turning import overdamped_rate, pendulum

ROOM, RUNS = 300.0, 60  # K; realisations of an error bar
GREEN, ORANGE = "#009E73", "#E69F00"  # Okabe and Ito (2008)
BARS = {"ls": "none", "marker": "s", "ms": 3.5, "mfc": "white", "elinewidth": 0.9, "capsize": 1.5}
CAPTION = f"RK4; bars: standard deviation over {RUNS} runs"


def bars(ax, x, values, label, color=GREEN):
    """Mean and standard deviation over the runs, values (n, runs)."""
    ax.errorbar(x, values.mean(1), values.std(1), label=label, color=color, **BARS)


def mark(ax, name, x):
    """The panel of inputs x, with the threshold and the clip, and the drive in all in its own unit on top."""
    s = SETTINGS[name]
    unit, label = s["critical_torque"] * 1e3, "Total torque (mT)"
    if s["bias"].I is not None:
        unit, label = s["bias"].I / BIAS[name] * 1e3, "Total current in the heavy metal (mA)"
    for drive in (1, s["clip"]):
        if drive - BIAS[name] <= x[-1]:
            ax.axvline(drive - BIAS[name], color="black", lw=0.8, ls="--")
    ax.axvspan(x[0], 1 - BIAS[name], color=GREY, alpha=0.25, lw=0)
    ax.set_xlim(x[0], x[-1])
    above = ax.secondary_xaxis(
        "top", functions=(lambda x: (x + BIAS[name]) * unit, lambda top: top / unit - BIAS[name])
    )
    above.set_xlabel(label, fontsize=8)
    above.tick_params(labelsize=8)


def draw_counts(folder):
    """Spikes of an input held for the layer's 15 neural steps against the input."""
    figure, axes = panels(3, f"{CAPTION}; dashed: threshold and clip of the drive; grey: below threshold")
    slip, burst = (s["n_steps"] * s["neural_step"] for s in SETTINGS.values())
    for ax, x in zip(axes, (np.arange(-0.8, 17.3, 0.9), np.arange(-0.8, 2.41, 0.1)), strict=False):
        _, crossings, _ = held("phase-slip", x)
        warm, warm_crossings, _ = held("phase-slip", x, RUNS, temperature=ROOM)
        line = np.linspace(1 - BIAS["phase-slip"], x[-1], 500)
        ax.plot(line, overdamped_rate(line) * slip, label="overdamped pendulum", **LINE)
        ax.plot(x, crossings[:, 0], label="count, 0 K", **POINTS)
        bars(ax, x, warm_crossings, "count, 300 K")
        bars(ax, x, warm, "spike (0/1 a step), 300 K", ORANGE)
        ax.set(xlabel="Input on top of 0.8 $a_c$ ($a_c$)", ylabel="Spikes in 15 neural steps (7.5 ns)")
        mark(ax, "phase-slip", x)
    axes[0].set_title("Phase-slip neuron")
    axes[1].set_title("Phase-slip neuron, onset")
    x = np.arange(-0.5, 1.21, 0.05)
    spiked, _, _ = held("burst", x)
    warm, _, _ = held("burst", x, RUNS, temperature=ROOM)
    line = np.linspace(x[0], SETTINGS["burst"]["clip"] - BIAS["burst"], 200)
    axes[2].plot(line, envelope.rate(line) * burst, label="$\\Gamma(\\zeta-1)\\,/\\,\\ln 4$", **LINE)
    axes[2].plot(x, spiked[:, 0], label="spike, 0 K", **POINTS)
    bars(axes[2], x, warm, "spike, 300 K")
    axes[2].set(xlabel="Input on top of 0.9 $I_c$ ($I_c$)", ylabel="Spikes in 15 neural steps (15 ns)")
    axes[2].set_title("Burst neuron")
    mark(axes[2], "burst", x)
    save(figure, folder, "transfer")


def draw_latencies(folder):
    """Time of the first spike after the input is switched on."""
    figure, axes = panels(2, f"{CAPTION}; input switched on at t = 0, at 300 K from a thermal state; no reset")
    x = np.geomspace(0.25, 15, 22)
    line = np.geomspace(0.25, 15, 200)
    axes[0].plot(line, pendulum(line, duration=5e-9) * 1e9, label="pendulum with inertia", **LINE)
    latencies(axes[0], "phase-slip", x, 60)
    axes[0].set(xscale="log", xlabel="Input on top of 0.8 $a_c$ ($a_c$)", title="Phase-slip neuron")
    x, line = np.linspace(0.2, 1.0, 17), np.linspace(0.16, 1.0, 200)
    axes[1].plot(line, envelope.latency(line, 0) * 1e9, label="0 K: $\\ln(p_{th}/K)\\,/\\,2\\Gamma(\\zeta-1)$", **LINE)
    warm = envelope.latency(line, ROOM) * 1e9
    axes[1].plot(line, warm, label="300 K: thermal power, kick", color=GREEN, lw=1.4)
    latencies(axes[1], "burst", x, 60)
    axes[1].set(xlabel="Input on top of 0.9 $I_c$ ($I_c$)", title="Burst neuron")
    save(figure, folder, "transfer_latency")


def latencies(ax, name, x, steps):
    """Points at 0 K and bars at 300 K of a latency, on a logarithmic axis."""
    _, _, cold = held(name, x, steps=steps, reset=False)
    _, _, warm = held(name, x, RUNS, steps=steps, temperature=ROOM, reset=False)
    ax.plot(x, np.where(np.isfinite(cold[:, 0]), cold[:, 0], np.nan) * 1e9, label="0 K", **POINTS)
    mean, spread = warm.mean(1) * 1e9, warm.std(1) * 1e9
    down = np.minimum(spread, 0.9 * mean)  # on a logarithmic axis a bar must not reach 0
    ax.errorbar(x, mean, (down, spread), label="300 K", color=GREEN, **BARS)
    ax.set(yscale="log", ylabel="Latency (ns)")
