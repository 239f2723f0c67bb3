"""Models beside each other, from the results of a comparison: accuracy, the course of training, energy.

    results : {"dataset", "classes", "seeds", "models"}; models : {name: {"test_accuracy": {"mean", "sd", "values"},
    "original": {"accuracy", "comparable"} or None, "energy": {"mean", ...} in J an image or None, ...}}
    courses : {name: [metrics of a seed, ...]}           each as in metrics.json
All accuracies are fractions.
"""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from neuromorph.plots.style import DPI, LIGHT, LINES, SKY, VERMILION, caption, figure_of, plain, stretch

SPIKELESS = ("ann", "hybrid-relu")
REMARK = "The originals picked their best test epoch; ours is selected on held-out training images and tested once. "
POINT = {"marker": "o", "ms": 4, "mfc": "white", "mec": "black", "mew": 0.8, "ls": "none"}
DIAMOND = {"marker": "D", "ms": 7, "mec": VERMILION, "mew": 1.5, "ls": "none"}


def comparison_figures(results, courses):
    """{name: Figure}: accuracies, training, iterations (of runs that kept them), energy (of models that have one)."""
    drawn = {"accuracies": accuracies_figure(results), "training": training_figure(results, courses)}
    kept = {name: runs for name, runs in courses.items() if any(each.get("iterations") for each in runs)}
    if kept:
        drawn["iterations"] = iterations_figure(results, kept)
    if any(model.get("energy") for model in results["models"].values()):
        drawn["energy"] = energy_figure(results)
    return drawn


def accuracies_figure(results):
    """A bar for each model, its mean test accuracy, the spread of its seeds, the original's figure as a diamond."""
    models, positions = results["models"], np.arange(len(results["models"]))[::-1]
    means = np.array([100 * model["test_accuracy"]["mean"] for model in models.values()])
    originals = {y: model["original"] for y, model in zip(positions, models.values(), strict=True)}
    originals = {y: original for y, original in originals.items() if original}
    figure = figure_of(9, 0.5 * len(models) + 2.2)
    ax = figure.subplots()
    values = [100 * value for model in models.values() for value in model["test_accuracy"]["values"]]
    values += [100 * original["accuracy"] for original in originals.values()]
    left = stretch(ax, values=values, axis="x", margin=0.3)
    colours = [LIGHT if name in SPIKELESS else SKY for name in models]
    ax.barh(positions, means - left, left=left, height=0.62, color=colours, ec="black", lw=0.6)
    for y, model in zip(positions, models.values(), strict=True):
        _draw_seeds(ax, y, model["test_accuracy"])
    for y, original in originals.items():
        face = VERMILION if original["comparable"] else "white"
        ax.plot(100 * original["accuracy"], y, **DIAMOND, mfc=face, zorder=6, gid="original")
    ax.set_yticks(positions, list(models))
    ax.set(ylim=(-0.6, len(models) - 0.4), xlabel="Test accuracy (%), stretched near 100")
    plain(ax)
    ax.grid(visible=False, axis="y")
    figure.legend(handles=_entries(originals), loc="outside upper center", ncols=3, fontsize=8.5, frameon=False)
    text = f"Bars begin at {left:g} %: means over the seeds, written with their standard deviation. "
    caption(figure, _of(results) + text + (REMARK if originals else ""))
    return figure


def _draw_seeds(ax, y, accuracy):
    """The seeds as points on a line from the smallest to the largest; mean and deviation as text, right of the axes."""
    values = [100 * value for value in accuracy["values"]]
    ax.plot([min(values), max(values)], [y, y], color="black", lw=1.2, zorder=4)
    ax.plot(values, [y] * len(values), **POINT, zorder=5, gid="seeds")
    spread = "" if accuracy["sd"] is None else f" ± {100 * accuracy['sd']:.2f}"
    place = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "va": "center", "fontsize": 9}
    ax.annotate(f"{100 * accuracy['mean']:.2f}{spread} %", (1, y), (6, 0), **place)


def _entries(originals):
    """Legend: what the bars and marks are."""
    handles = [Patch(fc=SKY, ec="black", label="spiking"), Patch(fc=LIGHT, ec="black", label="without spikes")]
    handles.append(Line2D([], [], **POINT, label="a seed"))
    for comparable, label in ((True, "the original's figure"), (False, "the original's, on other images")):
        if any(each["comparable"] is comparable for each in originals.values()):
            handles.append(Line2D([], [], **DIAMOND, mfc=VERMILION if comparable else "white", label=label))
    return handles


def training_figure(results, courses):
    """Training loss and held-out accuracy against epoch, all models: mean over the seeds and their range."""
    figure = figure_of(10.5, 4.9)
    left, right = figure.subplots(1, 2)
    for (name, runs), (colour, line, marker) in zip(courses.items(), _styles(len(courses)), strict=True):
        style = {"color": colour, "ls": line, "marker": marker, "label": name}
        _draw_course(left, [[epoch["loss"] for epoch in run["epochs"]] for run in runs], style)
        _draw_course(right, [[100 * epoch["held_out_accuracy"] for epoch in run["epochs"]] for run in runs], style)
    left.set(yscale="log", ylabel="Training loss (nat)", xlabel="Epoch")
    left.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    left.yaxis.set_major_formatter("{x:g}")
    left.yaxis.set_minor_formatter(NullFormatter())
    stretch(right, margin=0.1)
    right.set(xlabel="Epoch", ylabel="Held-out accuracy (%), stretched near 100")
    for ax in (left, right):
        plain(ax)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    entries = left.get_legend_handles_labels()
    figure.legend(*entries, loc="outside upper center", ncols=5, fontsize=9, frameon=False, handlelength=3.2)
    text = "Means over the seeds, their range shaded. Losses of different read-outs are not on one scale. "
    caption(figure, _of(results) + text)
    return figure


def _styles(count):
    """So many of LINES, from the beginning again where they are used up."""
    return [LINES[k % len(LINES)] for k in range(count)]


def _draw_course(ax, rows, style):
    """The mean of the rows (one a seed; cut to the shortest) against epoch, and their range."""
    rows = np.array([row[: min(map(len, rows))] for row in rows], dtype=float)
    x = np.arange(1, rows.shape[1] + 1)
    ax.plot(x, rows.mean(axis=0), lw=1.4, ms=4, markevery=1 + len(x) // 12, **style)
    ax.fill_between(x, rows.min(axis=0), rows.max(axis=0), color=style["color"], alpha=0.15, lw=0)


def iterations_figure(results, courses):
    """Test accuracy against iteration, of the models that kept it; a line a seed."""
    figure = figure_of(8, 4.2)
    ax = figure.subplots()
    for (name, runs), (colour, line, marker) in zip(courses.items(), _styles(len(courses)), strict=True):
        for k, run in enumerate(each for each in runs if each.get("iterations")):
            x = [each["iteration"] for each in run["iterations"]]
            y = [100 * each["test_accuracy"] for each in run["iterations"]]
            style = {"color": colour, "ls": line, "marker": marker, "label": None if k else name}
            ax.plot(x, y, lw=1.2, ms=3.5, markevery=1 + len(x) // 25, **style)
    stretch(ax)
    ax.set(xlabel="Iteration", ylabel="Test accuracy (%), stretched near 100")
    plain(ax)
    ax.legend(loc="lower right", fontsize=9, frameon=False)
    caption(figure, _of(results) + "A line a seed; the same test images each time; nothing is selected by them.")
    return figure


def energy_figure(results):
    """Test accuracy against the energy of one image, a mark with its name for each model that has one."""
    models = {name: model for name, model in results["models"].items() if model.get("energy")}
    figure = figure_of(8.5, 5)
    ax = figure.subplots()
    for model, (colour, _, marker) in zip(models.values(), _styles(len(models)), strict=True):
        energy, accuracy = 1e9 * model["energy"]["mean"], model["test_accuracy"]
        bar = None if accuracy["sd"] is None else 100 * accuracy["sd"]
        style = {"color": colour, "ecolor": colour, "mec": "black", "mew": 0.6, "ms": 9, "capsize": 3}
        ax.errorbar(energy, 100 * accuracy["mean"], yerr=bar, fmt=marker, **style)
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    ax.set_xlim(low / 4, high * 4)  # room for the names
    stretch(ax, values=[100 * model["test_accuracy"]["mean"] for model in models.values()], margin=0.4)
    ax.set(xlabel="Energy of one image (nJ)", ylabel="Test accuracy (%), stretched near 100")
    plain(ax)
    text = f"Means over the seeds; bars: one standard deviation. {results.get('energy_assumptions') or ''}"
    caption(figure, _of(results) + text)
    _name_points(
        ax, {name: (1e9 * m["energy"]["mean"], 100 * m["test_accuracy"]["mean"]) for name, m in models.items()}
    )
    return figure


def _name_points(ax, points):
    """Write each name beside its point (x, y), where it covers no other point and no other name."""
    ax.figure.draw_without_rendering()  # settles the layout
    places = [(dx, dy) for dy in (5, -13, 16, -24, 27, -35) for dx in (9, -9)]  # points of the type
    dots = {name: 72 / DPI * ax.transData.transform(point) for name, point in points.items()}
    boxes = [(x - 5, y - 5, x + 5, y + 5) for x, y in dots.values()]
    for name, (x, y) in sorted(dots.items(), key=lambda item: -item[1][0]):  # the rightmost has its name at the right
        width = 5.4 * len(name)  # of 9 points' type
        around = {(dx, dy): (x + dx - width * (dx < 0), y + dy) for dx, dy in places}
        around = {place: (left, low, left + width, low + 9) for place, (left, low) in around.items()}
        free = [place for place, box in around.items() if not any(_overlap(box, other) for other in boxes)]
        (dx, dy), side = (free or places)[0], {True: "right", False: "left"}
        boxes.append(around[dx, dy])
        ax.annotate(name, points[name], (dx, dy), textcoords="offset points", fontsize=9, ha=side[dx < 0])


def _overlap(one, other):
    """Whether two boxes (left, low, right, high) share a point."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _of(results):
    """Data set, classes, seeds and settings in a sentence."""
    seeds = ", ".join(map(str, results["seeds"]))
    given = ", ".join(f"{name} {value}" for name, value in results.get("settings", {}).items() if value is not None)
    plural = "s" if len(results["seeds"]) > 1 else ""
    return f"{results['dataset']}, {results['classes']} classes, seed{plural} {seeds}{'; ' * bool(given)}{given}. "
