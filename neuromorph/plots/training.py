"""How a run went: accuracy and loss against epoch, and against iteration where the run kept that."""

from itertools import groupby

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from neuromorph.plots.files import ACCURACIES, LOSSES
from neuromorph.plots.style import (
    BLUE,
    GREEN,
    GREY,
    LIGHT,
    SHADES,
    VERMILION,
    caption,
    figure_of,
    of_run,
    stretch,
)

CURVES = ((GREY, "-", "o"), (BLUE, "-", "s"), (VERMILION, "--", "^"))  # of each of the accuracies and losses


def accuracy_figure(config, metrics):
    """Accuracy and loss against epoch; phases in shades, the selected epoch and its test accuracy marked."""
    figure = figure_of(9, 6)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    _draw_phases(upper, lower, metrics["epochs"])
    _draw_curves(upper, metrics["epochs"], ACCURACIES, 100)
    _draw_test(upper, metrics)
    _draw_curves(lower, metrics["epochs"], LOSSES, 1)
    stretch(upper)
    losses = [epoch.get(name) or 0 for epoch in metrics["epochs"] for name in LOSSES]
    losses = [loss for loss in losses if 0 < loss < np.inf] or [1.0]
    lower.set_yscale("log")
    lower.set(xlabel="Epoch", ylabel="Cross-entropy (nat)")
    lower.set_ylim(min(losses) / 1.6, max(losses) * 1.6)  # holds one tick or more
    lower.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    lower.yaxis.set_major_formatter("{x:g}")
    lower.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    for ax in (upper, lower):
        ax.axvline(metrics["selected_epoch"], color="black", lw=0.9, ls=":", zorder=1, label="selected epoch")
        ax.yaxis.set_minor_locator(NullLocator())
        ax.grid(color=LIGHT, lw=0.4)
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.02), fontsize=9, frameon=False, handlelength=2.6)
    figure.align_ylabels()
    caption(figure, of_run(config, metrics))
    return figure


def _draw_phases(upper, lower, epochs):
    """A shade for each phase, its name above the upper axes."""
    for k, (phase, group) in enumerate(groupby(epochs, key=lambda epoch: epoch["phase"] or "")):
        numbers = [epoch["epoch"] for epoch in group]
        begin, end = numbers[0] - 0.5, numbers[-1] + 0.5
        for ax in (upper, lower):
            ax.axvspan(begin, end, color=SHADES[k % 2], lw=0, zorder=0)
        upper.annotate(phase, (begin, 1), (2, 4), ("data", "axes fraction"), "offset points", fontsize=9)
    upper.set_xlim(epochs[0]["epoch"] - 0.5, end)


def _draw_curves(ax, epochs, curves, factor):
    """Every curve that has a value, times `factor`, against epoch."""
    x = [epoch["epoch"] for epoch in epochs]
    for (name, label), (colour, line, marker) in zip(curves.items(), CURVES, strict=True):
        y = factor * np.array([epoch.get(name) for epoch in epochs], dtype=float)  # None becomes NaN
        if np.isfinite(y).any():
            ax.plot(x, y, color=colour, lw=1.3, ls=line, marker=marker, ms=3.5, markevery=1 + len(x) // 40, label=label)


def _draw_test(ax, metrics):
    """The selected checkpoint's test accuracy as a star, the ReLU twin's as a line."""
    test, twin = 100 * metrics["test_accuracy"], metrics.get("twin_test_accuracy")
    star = {"marker": "*", "ms": 13, "mfc": "black", "mec": "white", "ls": "none", "zorder": 5}
    ax.plot(metrics["selected_epoch"], test, **star, label=f"test, {test:.2f} %")
    if twin is not None:
        ax.axhline(100 * twin, color=GREEN, lw=1.2, ls=(0, (6, 2, 1, 2)), label=f"ReLU twin's test, {100 * twin:.2f} %")


def iterations_figure(config, metrics):
    """Test accuracy and training loss against iteration, of a run that looked every few iterations."""
    figure = figure_of(8.5, 5)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    draw_iterations(upper, metrics, color=BLUE, ls="-", marker="o", label="test, the same images each time")
    upper.axhline(100 * metrics["test_accuracy"], color=GREEN, lw=1.2, ls="--", label="selected checkpoint, all images")
    stretch(upper)
    x = [each["iteration"] for each in metrics["iterations"]]
    lower.plot(x, [each.get("loss") for each in metrics["iterations"]], color=GREY, lw=1.3, marker=".", ms=4)
    lower.set(xlabel="Iteration", ylabel="Training loss")
    for ax in (upper, lower):
        ax.yaxis.set_minor_locator(NullLocator())
        ax.grid(color=LIGHT, lw=0.4)
    upper.legend(loc="lower right", fontsize=9, frameon=False)
    figure.align_ylabels()
    caption(figure, of_run(config, metrics) + f"Batch size {config.get('batch_size')}.")
    return figure


def draw_iterations(ax, metrics, **style):
    """A run's test accuracy, %, against iteration."""
    x = [each["iteration"] for each in metrics["iterations"]]
    y = [100 * each["test_accuracy"] for each in metrics["iterations"]]
    ax.plot(x, y, lw=1.3, ms=3.5, markevery=1 + len(x) // 40, **style)
