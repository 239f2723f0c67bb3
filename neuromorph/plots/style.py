"""What the figures share: colours, an axis for accuracies near 100 %, titles and captions.

Nothing global is touched: no pyplot, no choice of backend, no style.
"""

import textwrap

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

BLUE, VERMILION, SKY, GREEN = "#0072B2", "#D55E00", "#56B4E9", "#006B54"  # Okabe and Ito (2008), the green darker
ORANGE, PURPLE, BLACK = "#E69F00", "#B1558A", "#000000"
GREY, LIGHT, SHADES = "#808080", "#C4C4C4", ("#EEEEEE", "#FFFFFF")
DPI = 150
TICKS = (0, 20, 50, 70, 80, 90, 95, 97, 98, 99, 99.5, 99.8, 100)  # %
END = 100.3  # %, where the logarithmic axis of accuracy would end: 100 % is still on it
DIGITS = ("digits", "mnist", "n-mnist")  # data sets the classes of which are digits
LINES = (  # of models: told apart by line and marker where colours are grey
    (BLUE, "-", "o"),
    (VERMILION, "--", "^"),
    (GREEN, "-.", "s"),
    (ORANGE, ":", "D"),
    (PURPLE, (0, (5, 1, 1, 1)), "v"),
    (SKY, (0, (3, 1)), "P"),
    (BLACK, (0, (1, 1)), "X"),
    (GREY, "-", "<"),
    ("#5C4A00", (0, (8, 2)), ">"),
)

FRACTIONS = {"test_accuracy": "test accuracy {:.4g} %", "spike_rate": "spikes in {:.3g} % of neural steps"}
FRACTIONS |= {"dead": "{:.3g} % of neurons dead", "saturated": "{:.3g} % saturated"}


def figure_of(width, height):
    """An empty figure of so many inches."""
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained")


def stretch(ax, *, values=None, axis="y", margin=0.0):
    """An axis of accuracy, %, logarithmic in the error, so that 99 and 99.5 % are as far apart as 80 and 90 %.

    values      that it must show; None: those of the lines
    margin      room below the smallest, as a part of its error
    Returns : the value at which the axis begins
    """
    if values is None:
        values = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in ax.lines])
    lowest = END - (END - np.nanmin(values)) * (1 + margin)
    bottom = max((tick for tick in TICKS if tick < lowest), default=TICKS[0])
    top = min((tick for tick in TICKS if tick >= np.nanmax(values)), default=TICKS[-1])
    functions = (lambda y: -np.log10(np.maximum(END - y, 1e-3)), lambda y: END - 10**-y)
    ticks = TICKS[TICKS.index(bottom) : TICKS.index(top) + 1]
    getattr(ax, f"set_{axis}scale")("function", functions=functions)
    label = "Accuracy (%), stretched near 100"
    ax.set(**{f"{axis}lim": (bottom, top + 0.1), f"{axis}label": label, f"{axis}ticks": ticks})
    drawn = getattr(ax, f"{axis}axis")
    drawn.set_major_formatter("{x:g}")
    drawn.set_minor_locator(NullLocator())
    return bottom


def plain(ax):
    """Only two sides of the frame, and a light grid behind."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color=LIGHT, lw=0.4)
    ax.set_axisbelow(True)


def name_of(config, label):
    """What a class is called: "digit 3", or "class 3" where the data set holds no digits."""
    return f"{'digit' if config['dataset'] in DIGITS else 'class'} {label}"


def title(ax, config, label, prediction, **place):
    """An image's label and prediction; a wrong one stands out."""
    wrong = {"color": VERMILION, "fontweight": "bold"} if label != prediction else {}
    ax.set_title(f"{name_of(config, label)}, read as {prediction}", fontsize=9, **wrong, **place)


def of_run(config, metrics):
    """A run in a sentence or two: model, data set, seed, epochs, the selected checkpoint, and what a spike is."""
    selected = [text.format(100 * metrics[name]) for name, text in FRACTIONS.items() if metrics.get(name) is not None]
    text = (
        f"{config['model']} on {config['dataset']}, {config['classes']} classes, seed {config['seed']}, "
        f"{config['epochs']} epochs; epoch {metrics['selected_epoch']} selected: {', '.join(selected)}. "
    )
    if config.get("layer") is not None:
        threshold, rearm, step = (config["layer"][name] for name in ("threshold", "rearm", "neural_step"))
        text += f"Spike: $m_y$ upwards through {threshold:g}, re-armed below {rearm:g}; neural step {step * 1e9:g} ns. "
    return text


def caption(figure, text):
    """The text below the figure, wrapped to its width."""
    lines = textwrap.wrap(text, int(18 * figure.get_figwidth()), break_on_hyphens=False)
    figure.supxlabel("\n".join(lines), fontsize=7.5, x=0.01, ha="left", linespacing=1.5)
