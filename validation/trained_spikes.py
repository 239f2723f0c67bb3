"""Spikes converge through a trained network's inputs, the drives that test images make; rasters and traces of them."""

import numpy as np
import torch

from neuromorph.record import record
from neuromorph.regimes import REGIMES
from validation.claim import Claim
from validation.figure import BLUE, GREY, VERMILION, panels, save
from validation.spike_steps import converged
from validation.spiking import SETTINGS
from validation.trained import CLASSES, RECIPE, accuracy, digits, real_drives, trained
from validation.transfer_figures import ORANGE

ROWS = ()
COLD, ROOM = ("P9", "B12"), ("P10", "B13")
IMAGES = {0.0: 10, 300.0: 20}  # test images whose drives are taken at each temperature
FEW = 5  # neural steps with a spike of the neuron that is drawn beside the busiest
WELL = 0.85  # of the test images: what a network that was trained reads; a guess reads 0.25


def claims(figures):
    """None are quick: a network is trained first."""
    return []


def full_claims(figures):
    """Both regimes, without noise and at room temperature."""
    rows = []
    for k, name in enumerate(REGIMES):
        what = f"accuracy on {len(digits()[1])} test images, {name}, {RECIPE}; chance {1 / CLASSES:g}"
        rows.append(Claim(f"{COLD[k]}c", what, "trained", WELL, accuracy(trained(name)), how="at least"))
        for temperature, ids in ((0.0, COLD), (300.0, ROOM)):
            images = IMAGES[temperature]
            x = real_drives(name, images).flatten(1).numpy()
            what = f"{name}, trained as in {COLD[k]}c, {images} test images x 60"
            rows += converged(ids[k], name, x, temperature, what)
    if figures:
        draw_raster(figures)
        draw_traces(figures)
    return sorted(rows, key=lambda row: row.id)


def first_of_each():
    """Indices of the first test image of each digit."""
    return [int((digits()[1].labels == label).nonzero()[0]) for label in range(CLASSES)]


@torch.no_grad()
def passages(name, images):
    """(x, Sequence) of the trained layer under the drives of images, no noise."""
    layer, x = trained(name).neurons.layer, trained(name).drive(images)
    return x, layer._integrate(layer.drive(x), layer.initial_state(len(images), x))[0]


def draw_raster(folder):
    """Each spike's first crossing in its neural step, a neuron a line, for the first test image of each digit."""
    chosen = first_of_each()
    for name in REGIMES:
        s, (_, passage) = SETTINGS[name], passages(name, digits()[1].images[chosen])
        starts = s["neural_step"] * np.arange(s["n_steps"])
        times = (passage.crossing_time + torch.as_tensor(starts).to(passage.m)[:, None, None]).numpy() * 1e9
        read = trained(name)(digits()[1].images[chosen]).logits.argmax(1).tolist()
        caption = (
            f"{name}, 0 K; one mark a neural step with a spike, at its first crossing; light lines: neural steps. "
        )
        figure, axes = panels(CLASSES, f"{caption}Hybrid trained on {RECIPE}; seed 0")
        for k, ax in enumerate(axes):
            ax.grid(visible=False)
            ax.vlines(starts * 1e9, -1, 60, color=GREY, lw=0.4)
            step, neuron = np.nonzero(np.isfinite(times[:, k]))
            ax.plot(times[step, k, neuron], neuron, "|", ms=4, mew=1.0, color=BLUE)
            ax.set(xlabel="Time (ns)", ylim=(-1, 60), xlim=(0, s["n_steps"] * s["neural_step"] * 1e9))
            ax.set_title(f"digit {k}, read as {read[k]}, {len(step)} spikes", fontsize=9)
        axes[0].set_ylabel("Neuron")
        save(figure, folder, f"raster_{name.replace('-', '_')}")


def draw_traces(folder):
    """The watched component of m of a busy neuron and of one with a few spikes, its spikes and resets marked."""
    caption = f"First test image of digit 0, 0 K, hybrid trained on {RECIPE}; seed 0; light lines: neural steps"
    for name in REGIMES:
        figure, axes = panels(2, caption)
        x, passage = passages(name, digits()[1].images[first_of_each()[:1]])
        run = record(trained(name).neurons.layer, x)
        spiked = (passage.crossings[:, 0] > 0).sum(0)
        for ax, neuron in zip(axes, (int(spiked.argmax()), int((spiked - FEW).abs().argmin())), strict=True):
            draw_trace(ax, name, run, passage, neuron)
            ax.set_title(f"{name}, neuron {neuron}, spikes in {int(spiked[neuron])} of {len(x)} steps", fontsize=9)
        save(figure, folder, f"traces_{name.replace('-', '_')}")


def draw_trace(ax, name, run, passage, neuron):
    """One neuron: the component in time, first crossings as points, the jump of each reset from before to after."""
    s = SETTINGS[name]
    component, step = s["component"], s["neural_step"] * 1e9
    m, per = run.m[:, 0, neuron, component], (len(run.t) - 1) // s["n_steps"]
    spiked = (passage.crossings[:, 0, neuron] > 0).numpy()
    times = (passage.crossing_time[:, 0, neuron].numpy() * 1e9 + step * np.arange(len(spiked)))[spiked]
    ends, after = m[per::per][spiked], passage.m[:, 0, neuron, component].numpy()[spiked]
    at = step * (1 + np.flatnonzero(spiked))
    ax.grid(visible=False)
    ax.vlines(step * np.arange(s["n_steps"]), 0, 1, transform=ax.get_xaxis_transform(), color=GREY, lw=0.4)
    ax.plot(run.t * 1e9, m, color=BLUE, lw=0.8)
    ax.axhline(s["rearm"], color="black", lw=0.8, ls=":")
    ax.axhline(s["threshold"], color="black", lw=0.8, ls="--", label="threshold; dotted: re-arming")
    ax.plot(times, np.full(len(times), s["threshold"]), "o", ms=4, color=VERMILION, label="spike", zorder=4)
    ax.vlines(at, ends, after, color="black", lw=2.2, zorder=3)
    ax.plot(at, after, "v", ms=5, color=ORANGE, mec="black", mew=0.7, zorder=4, label="after a reset; bar: its jump")
    low, high = m.min(), m.max()
    ax.set(xlabel="Time (ns)", ylabel=f"$m_{'xyz'[component]}$", xlim=(0, run.t[-1] * 1e9))
    ax.set_ylim(low - 0.05 * (high - low), high + 0.45 * (high - low))  # room for the legend
