"""What an evaluation found: the confusion matrix, and accuracy under temperature and fabrication spread."""

import numpy as np

from neuromorph.plots.style import LINES, caption, figure_of, plain, stretch


def confusion_figure(counts, about, *, names=None):
    """The confusion matrix: rows are true classes, columns what they were read as; counts in the cells.

    counts : (K, K) integers
    about : text            the caption
    names : K texts, of the classes; their numbers for None
    """
    counts = np.asarray(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    classes, names = len(counts), names or [str(k) for k in range(len(counts))]
    size = 0.48 * classes + 2.2
    figure = figure_of(max(size + 0.9, 5.4), size + 0.3)
    ax = figure.subplots()
    drawn = ax.imshow(100 * shares**0.5, cmap="Blues", vmin=0, vmax=100)
    for (true, read), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[true, read] > 0.35 else "black"
            ax.text(read, true, count, ha="center", va="center", fontsize=8, color=colour)
    turned = {"rotation": 45, "ha": "right"} if max(map(len, names)) > 3 else {}
    ax.set_xticks(range(classes), names, **turned)
    ax.set_yticks(range(classes), names)
    ax.set(xlabel="Read as", ylabel="True class")
    bar = figure.colorbar(drawn, ax=ax, label="Share of the true class (%)", shrink=0.85)
    bar.set_ticks([100 * (share / 100) ** 0.5 for share in (0, 1, 5, 20, 50, 100)], labels=[0, 1, 5, 20, 50, 100])
    right = np.trace(counts) / max(counts.sum(), 1)
    caption(figure, f"{about}{counts.sum()} images, {100 * right:.2f} % right; empty cells are 0.")
    return figure


def evaluation_figures(config, result):
    """{name: Figure} of an evaluation: confusion and, where conditions were asked for, conditions.

    result : dict       as `neuromorph.plots.files.read_evaluation` reads it
    """
    about = f"{config['model']} trained on {config['dataset']}, seed {config['seed']}, tested on {result['dataset']}. "
    drawn = {"confusion": confusion_figure(result["confusion"], about, names=result["class_names"])}
    panels = panels_of({trained(config): result["conditions"]})
    return drawn | ({"conditions": conditions_figure(panels, about)} if panels else {})


def trained(config):
    """Under what a run was trained, in words."""
    spread = config.get("spread") or 0
    apart = f"spread {100 * spread:g} %" if spread else "no spread"
    return f"trained at {config.get('temperature') or 0:g} K, {apart}"


def panels_of(runs):
    """The panels of `conditions_figure`: accuracy against temperature, at no and at the largest spread, and the other
    way round; those that vary.

    runs : {under what it was trained: conditions, each {"temperature", "spread", "mean", "sd", "worst"}}
    """
    axes = {"Temperature (K)": ("temperature", 1, "spread", "spread {:.0%}")}
    axes["Spread of the constants (%)"] = ("spread", 100, "temperature", "{:g} K")
    panels = {}
    for label, (along, factor, fixed, text) in axes.items():
        lines = {}
        for name, found in runs.items():
            for value in sorted({0, max((each[fixed] for each in found), default=0)}):
                points = [each | {"x": factor * each[along]} for each in found if each[fixed] == value]
                at = "" if all(each[fixed] == 0 for each in found) else f"; {text.format(value)}"
                if len(points) > 1:
                    lines[name + at] = sorted(points, key=lambda point: point["x"])
        if lines:
            panels[label] = lines
    return panels


def conditions_figure(panels, about):
    """Accuracy under what a device meets: a panel a condition, a line a training; chips' range shaded.

    panels : {label of the axis with its unit: {name of the training: [point, ...]}}
        point : {"x", "mean", "sd" or None, "worst" or None}, accuracies as fractions
    about : text            the caption
    """
    figure = figure_of(max(4.6 * len(panels), 6.5), 4.6)
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    points = [point for lines in panels.values() for each in lines.values() for point in each]
    values = [100 * (point.get("worst") or point["mean"]) for point in points]
    values += [min(100, 100 * (point["mean"] + (point.get("sd") or 0))) for point in points]
    for ax, (label, lines) in zip(axes, panels.items(), strict=True):
        for (name, each), (colour, line, marker) in zip(lines.items(), LINES, strict=False):
            x, y = (np.array([point[key] for point in each], dtype=float) for key in ("x", "mean"))
            sd, worst = (np.array([point.get(key) for point in each], dtype=float) for key in ("sd", "worst"))
            style = {"color": colour, "ls": line, "marker": marker, "ms": 5, "lw": 1.5, "capsize": 3}
            ax.errorbar(x, 100 * y, yerr=None if np.isnan(sd).all() else 100 * np.nan_to_num(sd), label=name, **style)
            ax.plot(x, 100 * worst, color=colour, marker="_", ms=9, mew=1.6, ls="none", gid="worst")
        stretch(ax, values=values, margin=0.8)  # room for the legend
        ax.set(xlabel=label, ylabel="Test accuracy (%), stretched near 100" if ax is axes[0] else "")
        plain(ax)
        ax.legend(loc="lower left", fontsize=8, frameon=False, handlelength=3)
    caption(figure, f"{about}Points and bars: mean and standard deviation over chips; dashes: the worst chip.")
    return figure
