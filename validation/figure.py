"""The look of every figure: closed form as a line, simulation as points, parameters below."""

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from shno.plots import save_figure

BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#B4B4B4"  # Okabe and Ito (2008)
LINE = {"color": BLUE, "lw": 1.4}
POINTS = {"color": VERMILION, "ls": "none", "marker": "o", "ms": 4.5, "mfc": "white"}
DPI = 150


def panels(n, caption):
    """A figure of n panels side by side with a caption; returns it and a list of its axes."""
    figure = Figure(figsize=(1 + 4.3 * n, 3.7), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = list(figure.subplots(1, n, squeeze=False)[0])
    for ax in axes:
        ax.grid(color=GREY, lw=0.3)
    figure.supxlabel(caption, fontsize=8)
    return figure, axes


def ticks(ax, values):
    """The x axis labelled at these values only."""
    ax.set_xticks(values, [f"{value:g}" for value in values])
    ax.set_xticks([], minor=True)


def save(figure, folder, name):
    """Write folder/name.png; every panel that names its curves gets a legend."""
    for ax in figure.axes:
        if ax.get_legend_handles_labels()[0]:
            ax.legend(fontsize=8, frameon=False)
    save_figure(figure, folder / f"{name}.png")
