"""Spikes and membranes of a model for single images, from activity.npz: what goes in, through, and out."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from neuromorph.plots.style import (
    BLUE,
    LIGHT,
    SKY,
    VERMILION,
    caption,
    figure_of,
    name_of,
    of_run,
    title,
)

COLUMNS = 3  # images at most beside each other
LAYERS = 4  # at most below each other, the last ones
STEPS = 50  # at most in the traces
PIXELS = 40  # at most in the raster of an encoding


def figures(config, metrics, activity):
    """{name: Figure} of what the arrays hold: output (last layer, one neuron a class), hidden, membranes, encoding.

    activity : dict of arrays       as `neuromorph.plots.files.read_activity` reads it
    """
    layers, about = len(activity["layers"]), of_run(config, metrics)
    classes = activity["logits"].shape[1]
    to_classes = layers > 0 and activity["shapes"][-1] == str(classes)
    drawn = {}
    if to_classes:
        drawn["output"] = output_figure(config, activity, about)
    if layers > to_classes:
        drawn["hidden"] = hidden_figure(config, activity, about, range(layers - to_classes))
    if any(f"membranes_{k}" in activity for k in range(layers)):
        drawn["membranes"] = membranes_figure(config, activity, about)
    if "encoded" in activity:
        drawn["encoding"] = encoding_figure(config, activity, about)
    return drawn


def shown_images(activity):
    """Indices of up to three images: the first, the first misread one where there is one, and others in order."""
    misread = np.flatnonzero(activity["labels"] != activity["predictions"])
    order = [0, *misread[:1], *range(1, len(activity["labels"]))]
    return sorted(list(dict.fromkeys(int(k) for k in order))[:COLUMNS])


def output_figure(config, activity, about):
    """The image, the spikes of the output neurons with the true class shaded, and their counts; for one image.

    The image is the first misread one where there is one, else the first.
    """
    misread = np.flatnonzero(activity["labels"] != activity["predictions"])
    image = int(misread[0]) if len(misread) else 0
    label, prediction = int(activity["labels"][image]), int(activity["predictions"][image])
    spikes = activity[f"spikes_{len(activity['layers']) - 1}"][:, image]  # (steps, classes)
    classes = spikes.shape[1]
    figure = figure_of(9.5, 3.9)
    picture, raster, counts = figure.subplots(1, 3, width_ratios=(1.15, 3, 1))
    _draw_image(picture, activity["images"][image])
    title(picture, config, label, prediction)
    raster.axhspan(label - 0.5, label + 0.5, color=SKY, alpha=0.35, lw=0, label=f"true class, {label}")
    if prediction != label:
        edge = {"fc": "none", "ec": VERMILION, "ls": "--", "lw": 1.2}
        raster.axhspan(prediction - 0.5, prediction + 0.5, **edge, label=f"read as {prediction}")
    _draw_spikes(raster, spikes, size=min(11, 130 / classes))
    raster.set(xlabel="Time step", ylabel=f"Output neuron ({name_of(config, '').strip()})", yticks=range(classes))
    raster.legend(loc="lower left", bbox_to_anchor=(0, 1.0), fontsize=8.5, frameon=False, ncols=2)
    colours = [BLUE if k == label else VERMILION if k == prediction else LIGHT for k in range(classes)]
    bars = counts.barh(range(classes), spikes.sum(axis=0), color=colours, ec="black", lw=0.5)
    counts.bar_label(bars, fontsize=8, padding=2)
    counts.set(xlabel="Spikes", yticks=[], ylim=raster.get_ylim(), xlim=(0, 1.25 * max(1, spikes.sum(axis=0).max())))
    counts.spines[["top", "right"]].set_visible(False)
    which = "The first misread image" if len(misread) else "The first image"
    caption(figure, f"{about}{which} of those recorded, one of each class; {len(spikes)} time steps.")
    return figure


def hidden_figure(config, activity, about, layers):
    """Rasters of the hidden layers, a row each, for up to three images; below each the rate in each step."""
    layers, images = list(layers)[-LAYERS:], shown_images(activity)
    figure = figure_of(max(2.9 * len(images) + 1, 6), 2.6 * len(layers) + 0.9)
    shape = (2 * len(layers), len(images))
    axes = figure.subplots(*shape, sharex=True, squeeze=False, height_ratios=(4, 1.2) * len(layers))
    for k, rasters, rates in zip(layers, axes[::2], axes[1::2], strict=True):
        spikes, whole = activity[f"spikes_{k}"], activity["shapes"][k]
        highest = max(1e-9, max(spikes[:, image].mean(axis=1).max() for image in images))
        for raster, rate, image in zip(rasters, rates, images, strict=True):
            _draw_spikes(raster, spikes[:, image], size=np.clip(130 / spikes.shape[2], 0.9, 5))
            rate.stairs(spikes[:, image].mean(axis=1), np.arange(len(spikes) + 1) - 0.5, fill=True, color=SKY)
            rate.set_ylim(0, 1.55 * highest)
            whole_rate = f"{activity[f'rates_{k}'][image]:.3g}"
            rate.text(0.99, 0.93, f"mean {whole_rate}", transform=rate.transAxes, ha="right", va="top", fontsize=7.5)
        kept = "" if np.prod([int(n) for n in whole.split(" x ")]) == spikes.shape[2] else f"{spikes.shape[2]} of "
        rasters[0].set_ylabel(f"{activity['layers'][k]}\nneuron ({kept}{whole})", fontsize=9)
        rates[0].set_ylabel("Rate\n(1/step)", fontsize=9)
    for ax, image in zip(axes[0], images, strict=True):
        title(ax, config, int(activity["labels"][image]), int(activity["predictions"][image]))
    for ax in axes[-1]:
        ax.set_xlabel("Time step")
    for ax in axes[:, 1:].ravel():
        ax.tick_params(labelleft=False)
    figure.align_ylabels()
    more = "Rate: spikes per neuron and time step of the neurons shown, its mean of the whole layer over all steps."
    caption(figure, about + more)
    return figure


def membranes_figure(config, activity, about):
    """The membrane (m_y of an SHNO layer, at the end of each neural step) of neurons from busy to silent, a column
    a layer, for one image; the threshold dashed, spikes as points.
    """
    layers = [k for k in range(len(activity["layers"])) if f"membranes_{k}" in activity][-LAYERS:]
    image, rows = shown_images(activity)[0], 4
    figure = figure_of(max(3.3 * len(layers) + 0.8, 6.5), 1.25 * rows + 1.3)
    axes = figure.subplots(rows, len(layers), sharex=True, squeeze=False)
    for column, k in zip(axes.T, layers, strict=True):
        membranes, spikes = (activity[f"{name}_{k}"][:STEPS, image] for name in ("membranes", "spikes_of_traced"))
        traced, threshold = activity[f"traced_{k}"], activity["thresholds"][k]
        chosen = np.unique(np.linspace(0, len(traced) - 1, rows).round().astype(int))
        for ax, j in zip(column, chosen, strict=False):
            _draw_membrane(ax, membranes[:, j], spikes[:, j], threshold, activity["quantities"][k])
            ax.set_title(f"neuron {traced[j]}, spikes: {spikes[:, j].sum()}", fontsize=8, loc="right", pad=3)
        for ax in column[len(chosen) :]:
            ax.set_axis_off()
        label = r"$m_y$" if activity["quantities"][k] == "m_y" else "$V$ (1)"
        column[len(chosen) // 2].set_ylabel(label)
        column[0].annotate(activity["layers"][k], (0, 1), (0, 16), "axes fraction", "offset points", fontsize=9)
        column[len(chosen) - 1].set_xlabel("Time step")
        column[len(chosen) - 1].tick_params(labelbottom=True)
    entries = axes[0, 0].get_legend_handles_labels()
    figure.legend(*entries, loc="outside upper center", ncols=3, fontsize=9, frameon=False)
    label, prediction = int(activity["labels"][image]), int(activity["predictions"][image])
    at = "Neurons from the busiest to the most silent over all images recorded; values at the end of each step. "
    caption(figure, f"{about}{name_of(config, label).capitalize()}, read as {prediction}. {at}")
    return figure


def encoding_figure(config, activity, about):
    """The image, the mean rate of its spike trains as a heat map, and trains of pixels from bright to dark, a row an
    image.
    """
    images, encoded = shown_images(activity), activity["encoded"]  # (steps, n, 28, 28)
    figure = figure_of(9.5, 2.3 * len(images) + 0.7)
    axes = figure.subplots(len(images), 3, squeeze=False, width_ratios=(1, 1.2, 2.6))
    highest = max(1e-9, max(encoded[:, image].mean(axis=0).max() for image in images))
    for (picture, heat, raster), image in zip(axes, images, strict=True):
        _draw_image(picture, activity["images"][image])
        drawn = heat.imshow(encoded[:, image].mean(axis=0), cmap="viridis", vmin=0, vmax=highest)
        heat.set(xticks=[], yticks=[])
        figure.colorbar(drawn, ax=heat, label="Mean rate (1/step)", shrink=0.9)
        pixels = inked(activity["images"][image])
        _draw_spikes(raster, encoded[:, image].reshape(len(encoded), -1)[:, pixels], size=130 / PIXELS)
        ends = activity["images"][image].ravel()[pixels[[0, -1]]] / 255
        raster.set_yticks([0, len(pixels) - 1], [f"{end:.2g}" for end in ends])
        raster.set_ylabel("Grey of the pixel")
        picture.set_ylabel(name_of(config, int(activity["labels"][image])), fontsize=9)
    for ax, name in zip(axes[0], ("image", "mean rate", f"spikes of {PIXELS} pixels with ink"), strict=True):
        ax.set_title(name, fontsize=9)
    axes[-1, 2].set_xlabel("Time step")
    density = f"{encoded.mean():.3g} spikes per pixel and step over all images recorded. "
    caption(figure, f"Encoding: {activity['encoding']}, {len(encoded)} steps; {density}{about}")
    return figure


def inked(image):
    """Indices of the pixels to draw, evenly over those with ink from the darkest grey to the brightest."""
    grey = image.ravel().astype(int)
    order = np.argsort(grey, kind="stable")[(grey == 0).sum() :]
    order = order if len(order) else np.arange(grey.size)
    return order[np.linspace(0, len(order) - 1, min(PIXELS, len(order))).round().astype(int)]


def _draw_image(ax, image):
    ax.imshow(image, cmap="gray_r", vmin=0, vmax=255, interpolation="nearest")
    ax.set(xticks=[], yticks=[])


def _draw_spikes(ax, spikes, *, size):
    """A tick for each neuron and step with a spike; spikes (steps, neurons)."""
    steps, neurons = np.nonzero(spikes)
    ax.plot(steps, neurons, "|", ms=size, mew=np.clip(40 / len(spikes), 0.8, 2), color="black", gid="spikes")
    ax.set(xlim=(-0.7, len(spikes) - 0.3), ylim=(-0.7, spikes.shape[1] - 0.3))
    ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def _draw_membrane(ax, membrane, spikes, threshold, quantity):
    """One neuron's membrane against time, its threshold, and a point on top of each step with a spike."""
    label = "$m_y$" if quantity == "m_y" else "membrane $V$"
    ax.plot(membrane, color=BLUE, lw=1.1, marker=".", ms=3, label=label)
    if np.isfinite(threshold):
        ax.axhline(threshold, color=VERMILION, lw=1, ls="--", label="threshold")
    at, dot = np.flatnonzero(spikes), {"marker": "v", "ms": 4.5, "mfc": VERMILION, "mec": "white", "mew": 0.5}
    ax.plot(
        at, np.full(len(at), 0.93), **dot, ls="none", transform=ax.get_xaxis_transform(), label="spike", gid="spikes"
    )
    ax.margins(y=0.18)
    ax.set_xlim(-0.7, len(membrane) - 0.3)
    ax.yaxis.set_major_locator(MaxNLocator(3))
    ax.grid(color=LIGHT, lw=0.4)
