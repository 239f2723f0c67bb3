"""Figures of a training run, from the files in its folder and never from a live model.

    config.json        model, dataset, classes, seed, epochs; layer: threshold, rearm, neural_step
    metrics.json       accuracies as fractions, losses, phases; labels and predictions of the recorded images
    trajectories.h5    shno.Trajectory, m (n, images, neurons, 3) of those images
The ReLU twin has no layer and no trajectories. A spike is what `shno.analysis.spike_times` finds in m.
Nothing global is touched: no pyplot, no choice of backend, no style.
"""

import json
import textwrap
from itertools import groupby
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

import shno

BLUE, VERMILION, SKY, GREEN = "#0072B2", "#D55E00", "#56B4E9", "#006B54"  # Okabe and Ito (2008), the green darker
GREY, LIGHT, SHADES = "#808080", "#C4C4C4", ("#EEEEEE", "#FFFFFF")
DPI = 150
PANELS = 10  # images at most in the raster, five a row
STRIPS, STEPS = 4, 20  # neurons and neural steps at most in the traces
TICKS = (0, 20, 50, 80, 90, 95, 98, 99, 99.5, 99.8, 100)  # %
END = 100.3  # %, where the logarithmic axis of accuracy would end: 100 % is still on it

CURVES = ((GREY, "-", "o"), (BLUE, "-", "s"), (VERMILION, "--", "^"))  # of each of the following
ACCURACIES = {
    "train_accuracy": "training",
    "held_out_accuracy": "held out",
    "held_out_auxiliary_accuracy": "held out, auxiliary head",
}
LOSSES = {"loss": "training", "held_out_loss": "held out", "auxiliary_loss": "training, auxiliary head"}
FRACTIONS = {"test_accuracy": "test accuracy {:.4g} %", "spike_rate": "spikes in {:.3g} % of neural steps"}
FRACTIONS |= {"dead": "{:.3g} % of neurons dead", "saturated": "{:.3g} % saturated"}

TEXT, LIST, INTEGER, NUMBER, OPTIONAL = (str,), (list,), (int,), (int, float), (int, float, type(None))
CONFIG = {"model": TEXT, "dataset": TEXT, "classes": INTEGER, "seed": INTEGER, "epochs": INTEGER}
LAYER = {"threshold": NUMBER, "rearm": NUMBER, "neural_step": NUMBER}
METRICS = dict.fromkeys((*FRACTIONS, "twin_test_accuracy"), OPTIONAL)
METRICS |= {"test_accuracy": NUMBER, "selected_epoch": INTEGER, "epochs": LIST}
EPOCH = {"epoch": INTEGER, "phase": TEXT} | dict.fromkeys((*ACCURACIES, *LOSSES), OPTIONAL)
RECORDED = {"labels": LIST, "predictions": LIST}


def plot_run(folder):
    """Draw a run into folder/figures: accuracy.png and, where there are spiking neurons, raster.png and traces.png.

    folder          holds config.json, metrics.json and, unless it is of the ReLU twin, trajectories.h5
    Returns : list of pathlib.Path, PNG files, each written beside first, then renamed
    Raises : FileNotFoundError, ValueError (missing, damaged) or OSError (not writable), with one line
    """
    folder = Path(folder)
    config, metrics = _read(folder / "config.json", CONFIG), _read(folder / "metrics.json", METRICS)
    numbers = [_checked(folder / "metrics.json", epoch, EPOCH)["epoch"] for epoch in metrics["epochs"]]
    if metrics["selected_epoch"] not in numbers:
        rule = f"selected_epoch must be one of the {len(numbers)} epochs, got {metrics['selected_epoch']}"
        raise ValueError(f"{folder / 'metrics.json'}: {rule}. Train again.")
    run = _load_run(folder, config, metrics) if config.get("layer") is not None else None
    figures = {"accuracy.png": _accuracy_figure(config, metrics)}
    if run is not None:
        spikes = _spikes(run, config["layer"])
        figures["raster.png"] = _raster_figure(config, metrics, run, spikes)
        figures["traces.png"] = _traces_figure(config, metrics, run, spikes)
    paths = {folder / "figures" / name: figure for name, figure in figures.items()}
    (folder / "figures").mkdir(exist_ok=True)
    for path, figure in paths.items():
        shno.plots.save_figure(figure, path)
    return list(paths)


def _read(path, kinds):
    """The object in a JSON file, checked."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} must be a file that training wrote, got none. Check the folder.")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} must be a JSON file, got a damaged one ({error}). Train again.") from None
    return _checked(path, record, kinds)


def _checked(path, record, kinds):
    """`record`, a dict with every name in `kinds`, of one of its types; ValueError otherwise."""
    for name, types in kinds.items():
        value = record.get(name) if isinstance(record, dict) else None
        if not isinstance(value, types):
            rule = " or ".join(kind.__name__ for kind in types)
            raise ValueError(f"{path}: {name} must be {rule}, got {value!r:.40}. Train again.")
    return record


def _load_run(folder, config, metrics):
    """The Trajectory, m (n, images, neurons, 3); ValueError unless the other two files agree with it."""
    step = _checked(folder / "config.json", config["layer"], LAYER)["neural_step"]
    recorded = _checked(folder / "metrics.json", metrics.get("recorded"), RECORDED)
    path, labels, predictions = folder / "trajectories.h5", len(recorded["labels"]), len(recorded["predictions"])
    run = shno.load(path)
    if run.m.ndim != 4 or 0 in run.m.shape or not run.m.shape[1] == labels == predictions:
        rule = f"(n, images, neurons, 3) for {labels} labels and {predictions} predictions"
        raise ValueError(f"{path}: m must be {rule}, got {run.m.shape}. Train again.")
    duration = run.t[-1] - run.t[0]
    if not 0 < step <= 1.001 * duration:
        raise ValueError(f"{path}: neural_step must be in (0, {duration:.3g}] s, got {step:.3g} s. Train again.")
    return run


def _spikes(run, layer):
    """Spike times by image and neuron: list (images) of lists (neurons) of arrays, s."""
    times = shno.analysis.spike_times(run, threshold=layer["threshold"], rearm=layer["rearm"], component="y")
    images, neurons = run.m.shape[1:3]
    return [times[image * neurons : (image + 1) * neurons] for image in range(images)]


def _step_edges(run, config):
    """Ends of the neural steps, s; they cover the whole run."""
    step, duration = config["layer"]["neural_step"], run.t[-1] - run.t[0]
    return run.t[0] + step * np.arange(np.ceil(duration / step - 1e-6) + 1)


def _accuracy_figure(config, metrics):
    """Accuracy and loss against epoch; phases in shades, the selected epoch and its test accuracy marked."""
    figure = Figure(figsize=(9, 6), dpi=DPI, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    _draw_phases(upper, lower, metrics["epochs"])
    _draw_curves(upper, metrics["epochs"], ACCURACIES, 100)
    _draw_test(upper, metrics)
    _draw_curves(lower, metrics["epochs"], LOSSES, 1)
    _stretch(upper)
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
    _caption(figure, config, metrics)
    return figure


def _draw_phases(upper, lower, epochs):
    """A shade for each phase, its name above the upper axes."""
    for k, (phase, group) in enumerate(groupby(epochs, key=lambda epoch: epoch["phase"])):
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


def _stretch(ax):
    """An axis of accuracy, %, logarithmic in the error, so that 99 and 99.5 % are as far apart as 80 and 90 %."""
    values = np.concatenate([line.get_ydata() for line in ax.lines])
    below = [tick for tick in TICKS if tick < np.nanmin(values)]
    above = [tick for tick in TICKS if tick >= np.nanmax(values)]
    bottom, top = max(below, default=TICKS[0]), min(above, default=TICKS[-1])
    ax.set_yscale("function", functions=(lambda y: -np.log10(np.maximum(END - y, 1e-3)), lambda y: END - 10**-y))
    ax.set(ylim=(bottom, top + 0.1), ylabel="Accuracy (%), stretched near 100")
    ax.set_yticks(TICKS[TICKS.index(bottom) : TICKS.index(top) + 1])
    ax.yaxis.set_major_formatter("{x:g}")


def _raster_figure(config, metrics, run, spikes):
    """One panel an image: its spikes, neuron against time, above the population's rate in each neural step."""
    shown = min(len(spikes), PANELS)
    rows = -(-shown // 5)
    columns = -(-shown // rows)
    figure = Figure(figsize=(max(2.5 * columns + 0.6, 5.5), 2.9 * rows + 0.6), dpi=DPI, layout="constrained")
    axes = figure.subplots(2 * rows, columns, sharex=True, sharey="row", squeeze=False, height_ratios=(3, 1) * rows)
    rasters, rates, edges = axes[::2].ravel(), axes[1::2].ravel(), _step_edges(run, config)
    for k in range(shown):
        _draw_raster(rasters[k], rates[k], spikes[k], edges)
        _title(rasters[k], metrics["recorded"], k)
    for ax in rates[max(0, shown - columns) : shown]:
        ax.tick_params(labelbottom=True)
        ax.set_xlabel("Time (ns)")
    for ax in (*rasters[shown:], *rates[shown:]):
        ax.set_axis_off()
    highest = max(rate.dataLim.y1 for rate in rates[:shown])
    for raster, rate in zip(rasters[::columns], rates[::columns], strict=True):
        raster.set_ylabel("Neuron")
        rate.set(ylabel="Rate\n(1/step)", ylim=(0, 1.15 * highest or 1))
    figure.align_ylabels()
    more = f" The first {shown} of {len(spikes)} images." if shown < len(spikes) else ""
    _caption(figure, config, metrics, f"Rate: spikes per neuron per neural step.{more}")
    return figure


def _draw_raster(raster, rate, trains, edges):
    """A tick for each spike of each neuron's train of times, s, and below it the rate in each neural step."""
    times, neurons = np.concatenate(trains), np.repeat(np.arange(len(trains)), [len(times) for times in trains])
    size = np.clip(130 / len(trains), 1.5, 6)  # points; a panel is about 130 high
    raster.vlines(edges * 1e9, 0, 1, transform=raster.get_xaxis_transform(), color=LIGHT, lw=0.4)
    raster.plot(times * 1e9, neurons, "|", ms=size, mew=0.9, color="black", gid="spikes")
    raster.set(xlim=edges[[0, -1]] * 1e9, ylim=(-0.7, len(trains) - 0.3))
    raster.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    rate.stairs(np.histogram(times, edges)[0] / len(trains), edges * 1e9, fill=True, color=SKY)


def _traces_figure(config, metrics, run, spikes):
    """m_y(t) of neurons from busy to silent, for the first image and the first misread one (or the second)."""
    labels, predictions = metrics["recorded"]["labels"], metrics["recorded"]["predictions"]
    images = [0, *sorted(range(1, len(labels)), key=lambda k: labels[k] == predictions[k])[:1]]
    edges = _step_edges(run, config)[: STEPS + 1]
    spikes = [[times[times <= edges[-1]] for times in trains] for trains in spikes]
    counts = sum(np.array([len(times) for times in spikes[image]]) for image in images)
    even = np.linspace(counts.max(), counts.min(), STRIPS)
    neurons = list(dict.fromkeys(np.abs(counts[:, None] - even).argmin(axis=0)))  # the nearest to each, once
    figure = Figure(figsize=(max(4.4 * len(images), 6), 1.3 * len(neurons) + 1.1), dpi=DPI, layout="constrained")
    axes = figure.subplots(len(neurons), len(images), sharex=True, sharey=True, squeeze=False)
    for row, neuron in zip(axes, neurons, strict=True):
        for ax, image in zip(row, images, strict=True):
            _draw_trace(ax, run.t, run.m[:, image, neuron, 1], spikes[image][neuron], config["layer"], edges)
            ax.set_title(f"neuron {neuron}, spikes: {len(spikes[image][neuron])}", fontsize=8.5, loc="right", pad=3)
        row[0].set_ylabel("$m_y$")
    for column, image in zip(axes.T, images, strict=True):
        _title(column[0], metrics["recorded"], image, loc="left")
        column[-1].set_xlabel("Time (ns)")
    entries = axes[0, 0].get_legend_handles_labels()
    figure.legend(*entries, loc="outside upper center", ncols=5, fontsize=9, frameon=False)
    _caption(figure, config, metrics, f"The first {len(edges) - 1} neural steps.")
    return figure


def _draw_trace(ax, t, m_y, times, layer, edges):
    """m_y(t), its spikes (s) as points on the threshold, the neural steps as light lines."""
    threshold, rearm = layer["threshold"], layer["rearm"]
    ax.plot(t * 1e9, m_y, color=BLUE, lw=1, label="$m_y$")
    ax.axhline(threshold, color=VERMILION, lw=1, ls="--", label=f"threshold, {threshold:g}")
    ax.axhline(rearm, color=GREEN, lw=1, ls=":", label=f"re-arming, {rearm:g}")
    dot = {"marker": "o", "ms": 5, "mfc": VERMILION, "mec": "white", "mew": 0.7, "ls": "none", "zorder": 5}
    ax.plot(times * 1e9, np.full(len(times), threshold), **dot, label="spike", gid="spikes")
    ax.vlines(edges * 1e9, 0, 1, transform=ax.get_xaxis_transform(), color=LIGHT, lw=0.6, zorder=0, label="neural step")
    ax.set(xlim=edges[[0, -1]] * 1e9, ylim=(-1.15, 1.15), yticks=(-1, 0, 1))


def _title(ax, recorded, image, **place):
    """An image's label and prediction; a wrong one stands out."""
    label, prediction = recorded["labels"][image], recorded["predictions"][image]
    wrong = {"color": VERMILION, "fontweight": "bold"} if label != prediction else {}
    ax.set_title(f"digit {label}, read as {prediction}", fontsize=9, **wrong, **place)


def _caption(figure, config, metrics, more=""):
    """Model, data set, seed, epochs and the selected checkpoint below the figure, wrapped."""
    selected = [text.format(100 * metrics[name]) for name, text in FRACTIONS.items() if metrics.get(name) is not None]
    text = (
        f"{config['model']} on {config['dataset']}, {config['classes']} classes, seed {config['seed']}, "
        f"{config['epochs']} epochs; epoch {metrics['selected_epoch']} selected: {', '.join(selected)}. "
    )
    if config.get("layer") is not None:
        threshold, rearm, step = (config["layer"][name] for name in LAYER)
        text += f"Spike: $m_y$ upwards through {threshold:g}, re-armed below {rearm:g}; neural step {step * 1e9:g} ns. "
    lines = textwrap.wrap(text + more, int(18 * figure.get_figwidth()), break_on_hyphens=False)
    figure.supxlabel("\n".join(lines), fontsize=7.5, x=0.01, ha="left", linespacing=1.5)
