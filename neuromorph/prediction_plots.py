"""The figure of a prediction: the image, the spikes of the last layer, and what the network thinks of each class."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from neuromorph.plots.style import BLUE, LIGHT, SKY, caption, figure_of


def prediction_figure(image, spikes, confidences, names, *, about):
    """The image as the network saw it, the raster of its last spiking layer, and its confidences; the answer marked.

    image : (28, 28)            0 to 255, or spikes of an event file added over time
    spikes : (steps, neurons) or None    of the last spiking layer; without it there is no raster
    confidences : (classes,)    of each class, adding to 1
    names : texts, of the classes
    about : text                below the figure
    Where the last layer has a neuron for each class, the answer's is shaded in the raster.
    """
    classes, answer = len(names), int(np.argmax(confidences))
    columns = 2 if spikes is None else 3
    height = max(3.4, 0.24 * classes + 1.2)
    figure = figure_of(9.5 if columns == 3 else 6.5, height)
    axes = figure.subplots(1, columns, width_ratios=(1.1, 3, 1.3) if columns == 3 else (1.1, 1.6))
    axes[0].imshow(image, cmap="gray", vmin=0, vmax=max(1, np.max(image)), interpolation="nearest")
    axes[0].set(xticks=[], yticks=[])
    axes[0].set_title(f"{names[answer]}, {confidences[answer]:.1%}", fontsize=11, fontweight="bold")
    if spikes is not None:
        _draw_raster(axes[1], spikes, names if spikes.shape[1] == classes else None, answer)
    colours = [BLUE if k == answer else LIGHT for k in range(classes)]
    bars = axes[-1].barh(range(classes), 100 * np.asarray(confidences), color=colours, ec="black", lw=0.5)
    axes[-1].bar_label(bars, [f"{100 * c:.1f}" for c in confidences], fontsize=8, padding=2)
    axes[-1].set(xlabel="Confidence (%)", xlim=(0, 125), xticks=(0, 50, 100), ylim=(-0.7, classes - 0.3))
    axes[-1].set_yticks(range(classes), names, fontsize=8.5)
    axes[-1].spines[["top", "right"]].set_visible(False)
    caption(figure, about)
    return figure


def _draw_raster(ax, spikes, names, answer):
    """A tick for each spike, neuron against step; of neurons that are classes, the answer's row is shaded."""
    steps, neurons = np.nonzero(spikes)
    size = np.clip(180 / spikes.shape[1], 1, 10)  # points; the axes are about 180 high
    ax.plot(steps + 1, neurons, "|", ms=size, mew=0.9, color="black", gid="spikes")
    ax.set(xlabel="Neural step", ylabel="Neuron of the last spiking layer")
    ax.set(xlim=(0.3, len(spikes) + 0.7), ylim=(-0.7, spikes.shape[1] - 0.3))
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    if names is not None:
        ax.axhspan(answer - 0.5, answer + 0.5, color=SKY, alpha=0.35, lw=0, gid="answer")
        ax.set(ylabel="Class of the output neuron")
        ax.set_yticks(range(len(names)), names, fontsize=8.5)
