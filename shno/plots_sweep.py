"""Figures of a sweep: a line over one axis, a map over two, points where the sweep is a list of them.

Where the axes are the current and the field, the threshold of the theory (`experiments.critical_current`) is drawn.
Nothing global is touched: no pyplot, no choice of backend, no style.
"""

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from shno.checks import check_choice, check_kind, complaint
from shno.experiments import critical_current
from shno.plots import BLUE, DPI, GREY, VERMILION, drawable, figure_path, save_figure
from shno.sweep_points import points_of
from shno.sweep_result import Sweep

SIZE = (6.4, 4.4)  # inches
LABELS = {  # of axes and values: label, and what turns SI into its unit
    "I": ("Current (mA)", 1e3),
    "J": ("Current density (10$^{11}$ A/m$^2$)", 1e-11),
    "a_DL": ("Damping-like torque $a_{DL}$ (mT)", 1e3),
    "B_ext": ("Field number", 1.0),
    "B_ext.magnitude": ("Field (mT)", 1e3),
    "temperature": ("Temperature (K)", 1.0),
    "alpha": ("Damping alpha", 1.0),
    "frequency": ("Frequency (GHz)", 1e-9),
    "linewidth": ("Linewidth, FWHM (MHz)", 1e-6),
    "amplitude": ("Amplitude, rms of m", 1.0),
    "power": ("Power of the line", 1.0),
    "spike_count": ("Spikes a run", 1.0),
} | {f"B_ext.{part}": (f"Field along {part} (mT)", 1e3) for part in "xyz"}
CURRENTS, FIELDS = ("I", "J", "a_DL"), ("B_ext.magnitude", "B_ext.x", "B_ext.y", "B_ext.z")
FINE = 201  # points of a threshold line


def can_draw(sweep):
    """Whether there is a figure for a Sweep: one or two axes of numbers, and values of one number a run."""
    if not isinstance(sweep, Sweep) or not sweep.values:
        return False
    own = sweep.dimensions[_first(sweep)]
    axes = (len(sweep.axes) if sweep.mode == "grid" else 1) + (sweep.realisations > 1)
    return len(sweep.axes) in (1, 2) and len(own) == axes


def plot_sweep(sweep, path, *, title="", name=None):
    """Values over the axes: a line with its scatter over realisations, a map, or points; the threshold where it fits.

    sweep : Sweep
    path : str or Path      ends in .png, .pdf or .svg
    title : str
    name : str              of the values; None for the first
    Raises : TypeError, ValueError for what is no sweep, or has no figure; OSError with one line when it cannot be
        written
    """
    check_kind("sweep", sweep, Sweep, "shno.sweep and shno.load_sweep give one.")
    path = figure_path(path)
    if not can_draw(sweep):
        got, remedy = f"axes {', '.join(sweep.axes)}", "Select with to_xarray, or draw by hand."
        raise ValueError(complaint("sweep", "over one or two axes, with a number a run", got, remedy))
    name = _first(sweep) if name is None else name
    check_choice("name", name, tuple(sweep.values), "It is what is drawn.")
    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
    ax = figure.subplots()
    if drawable("title", title):
        figure.suptitle(title, fontsize=9)
    label, unit = _label(name, sweep.units[name])
    values = unit * sweep.values[name]
    if len(sweep.axes) == 1:
        _line(ax, sweep, values, label)
    else:
        _map(figure, ax, sweep, values, label)
    if not np.isfinite(values).any():
        ax.text(0.5, 0.5, "no point has a value", transform=ax.transAxes, ha="center", va="center")
    figure.supxlabel(_caption(sweep), fontsize=7, x=0.01, ha="left")
    save_figure(figure, path, exact=len(sweep.axes) == 2)


def threshold_line(sweep):
    """The threshold of the theory for a sweep over current and field: field (k,), T, and current (k,), or None.

    sweep : Sweep
    Raises : TypeError for what is no sweep
    """
    check_kind("sweep", sweep, Sweep, "shno.sweep and shno.load_sweep give one.")
    names = list(sweep.axes)
    current = [name for name in names if name in CURRENTS]
    field = [name for name in names if name in FIELDS]
    if len(names) != 2 or len(current) != 1 or len(field) != 1:
        return None
    B = np.linspace(sweep.axes[field[0]].min(), sweep.axes[field[0]].max(), FINE)
    points = points_of(sweep.oscillator, sweep.drive, {current[0]: [1.0], field[0]: B}, is_grid=True, realisations=1)
    return B, np.broadcast_to(critical_current(*points.records(np.arange(FINE))), B.shape)


def _line(ax, sweep, values, label):
    """Values over one axis: mean and standard deviation over realisations."""
    (name,) = sweep.axes
    x, xlabel = _coordinate(sweep, name)
    order = np.argsort(x, kind="stable")
    if sweep.realisations > 1:
        known = np.ma.masked_invalid(values)
        mean, spread = known.mean(axis=1).filled(np.nan), known.std(axis=1).filled(np.nan)
        style = {"color": BLUE, "ecolor": GREY, "fmt": "o-", "ms": 3, "lw": 0.8, "elinewidth": 1.0}
        ax.errorbar(x[order], mean[order], spread[order], **style, label=f"mean and sd of {sweep.realisations}")
        ax.legend(fontsize=8, frameon=False)
    else:
        ax.plot(x[order], values[order], "o-", color=BLUE, ms=3, lw=0.8)
    if name in CURRENTS:
        _, unit = _label(name, sweep.units[name])
        threshold = unit * critical_current(sweep.oscillator, _driven(sweep.drive, name))
        if x.min() <= threshold <= x.max():
            ax.axvline(threshold, color=VERMILION, lw=1.2, ls="--", label="threshold, theory")
            ax.legend(fontsize=8, frameon=False)
    if np.ptp(x) > 0:  # all of it, whatever has no value
        ax.set_xlim(x.min() - 0.04 * np.ptp(x), x.max() + 0.04 * np.ptp(x))
    ax.set(xlabel=xlabel, ylabel=label)
    ax.grid(color=GREY, lw=0.3)


def _map(figure, ax, sweep, values, label):
    """Values over two axes: the first to the right, the second upwards."""
    first, second = sweep.axes
    (x, xlabel), (y, ylabel) = (_coordinate(sweep, name) for name in (first, second))
    if sweep.realisations > 1:
        values, label = np.ma.masked_invalid(values).mean(axis=-1).filled(np.nan), f"{label}, mean"
    if sweep.mode == "grid":
        order = np.argsort(x, kind="stable"), np.argsort(y, kind="stable")
        values = values[np.ix_(*order)].T
        shading = "nearest"
        image = ax.pcolormesh(x[order[0]], y[order[1]], values, cmap="viridis", shading=shading, rasterized=True)
    else:
        image = ax.scatter(x, y, c=values, s=12, cmap="viridis", rasterized=True)
    ax.set_facecolor("#F4F4F4")  # where there is no value
    figure.colorbar(image, ax=ax, label=label)
    line = threshold_line(sweep)
    if line is not None:
        current, field = (name for names in (CURRENTS, FIELDS) for name in (first, second) if name in names)
        along = {field: line[0], current: line[1]}
        x, y = (_label(name, sweep.units[name])[1] * along[name] for name in (first, second))
        limits = ax.get_xlim(), ax.get_ylim()
        ax.plot(x, y, color="white", lw=3)
        ax.plot(x, y, color="black", lw=1.3, ls="--", label="threshold, theory")
        ax.set(xlim=limits[0], ylim=limits[1])
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), fontsize=8, frameon=False)
    ax.set(xlabel=xlabel, ylabel=ylabel)


def _driven(drive, name):
    """The drive with its current given in that way."""
    return replace(drive, **(dict.fromkeys(CURRENTS) | {name: 0.0}))


def _coordinate(sweep, name):
    """The values of an axis in the unit of its label, and the label; the vectors of one are numbered."""
    values = sweep.axes[name]
    if values.ndim > 1:
        return np.arange(len(values), dtype=float), f"{name}, number"
    label, unit = _label(name, sweep.units[name])
    return unit * values, label


def _label(name, unit):
    """The label of an axis or of values, and what turns SI into its unit."""
    if name in LABELS:
        return LABELS[name]
    if name == "threshold":
        return {"A": ("Threshold (mA)", 1e3), "T": ("Threshold (mT)", 1e3)}.get(unit, (f"Threshold ({unit})", 1.0))
    return (name if unit in (None, "1") else f"{name} ({unit})"), 1.0


def _first(sweep):
    """The name of the first values."""
    return next(iter(sweep.values))


def _caption(sweep):
    """How the runs were made."""
    settings = sweep.settings
    text = f"{sweep.reducer}; {1e9 * settings['duration']:.6g} ns at {1e12 * settings['dt']:.6g} ps"
    noise = f", {settings['temperature']:.6g} K, seed {settings['seed']}" if settings.get("seed") is not None else ""
    return f"{text}{noise}; {sweep.versions}"
