"""The SHNO layer of a run, from its trajectory: rasters of the spikes that `shno.analysis.spike_times` finds in m, and
m_y(t).
"""

import numpy as np
from matplotlib.ticker import MaxNLocator

import shno
from neuromorph.plots.style import BLUE, GREEN, LIGHT, SKY, VERMILION, caption, figure_of, of_run, title

PANELS = 10  # images at most in the raster, five a row
STRIPS, STEPS = 4, 20  # neurons and neural steps at most in the traces


def spikes_of(run, layer):
    """Spike times by image and neuron: list (images) of lists (neurons) of arrays, s."""
    times = shno.analysis.spike_times(run, threshold=layer["threshold"], rearm=layer["rearm"], component="y")
    images, neurons = run.m.shape[1:3]
    return [times[image * neurons : (image + 1) * neurons] for image in range(images)]


def step_edges(run, config):
    """Ends of the neural steps, s; they cover the whole run."""
    step, duration = config["layer"]["neural_step"], run.t[-1] - run.t[0]
    return run.t[0] + step * np.arange(np.ceil(duration / step - 1e-6) + 1)


def raster_figure(config, metrics, run, spikes):
    """One panel an image: its spikes, neuron against time, above the population's rate in each neural step."""
    shown, (labels, predictions) = min(len(spikes), PANELS), _recorded(metrics)
    rows = -(-shown // 5)
    columns = -(-shown // rows)
    figure = figure_of(max(2.5 * columns + 0.6, 5.5), 2.9 * rows + 0.6)
    axes = figure.subplots(2 * rows, columns, sharex=True, sharey="row", squeeze=False, height_ratios=(3, 1) * rows)
    rasters, rates, edges = axes[::2].ravel(), axes[1::2].ravel(), step_edges(run, config)
    for k in range(shown):
        _draw_raster(rasters[k], rates[k], spikes[k], edges)
        title(rasters[k], config, labels[k], predictions[k])
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
    caption(figure, of_run(config, metrics) + f"Rate: spikes per neuron per neural step.{more}")
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


def traces_figure(config, metrics, run, spikes):
    """m_y(t) of neurons from busy to silent, for the first image and the first misread one (or the second)."""
    labels, predictions = _recorded(metrics)
    images = [0, *sorted(range(1, len(labels)), key=lambda k: labels[k] == predictions[k])[:1]]
    edges = step_edges(run, config)[: STEPS + 1]
    spikes = [[times[times <= edges[-1]] for times in trains] for trains in spikes]
    counts = sum(np.array([len(times) for times in spikes[image]]) for image in images)
    even = np.linspace(counts.max(), counts.min(), STRIPS)
    neurons = list(dict.fromkeys(np.abs(counts[:, None] - even).argmin(axis=0)))  # the nearest to each, once
    figure = figure_of(max(4.4 * len(images), 6), 1.3 * len(neurons) + 1.1)
    axes = figure.subplots(len(neurons), len(images), sharex=True, sharey=True, squeeze=False)
    for row, neuron in zip(axes, neurons, strict=True):
        for ax, image in zip(row, images, strict=True):
            _draw_trace(ax, run.t, run.m[:, image, neuron, 1], spikes[image][neuron], config["layer"], edges)
            ax.set_title(f"neuron {neuron}, spikes: {len(spikes[image][neuron])}", fontsize=8.5, loc="right", pad=3)
        row[0].set_ylabel("$m_y$")
    for column, image in zip(axes.T, images, strict=True):
        title(column[0], config, labels[image], predictions[image], loc="left")
        column[-1].set_xlabel("Time (ns)")
    entries = axes[0, 0].get_legend_handles_labels()
    figure.legend(*entries, loc="outside upper center", ncols=5, fontsize=9, frameon=False)
    caption(figure, of_run(config, metrics) + f"The first {len(edges) - 1} neural steps.")
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


def _recorded(metrics):
    return metrics["recorded"]["labels"], metrics["recorded"]["predictions"]
