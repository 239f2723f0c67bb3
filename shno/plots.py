"""Figures of a trajectory: m(t), the orbit on the unit sphere, the spectrum.

Nothing global is touched: no pyplot, no choice of backend, no style. Long runs are decimated to what a pixel shows.
"""

import os
import textwrap
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from secrets import token_hex

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imsave

from shno.analysis import frequency, spectrum
from shno.analysis.door import check_run
from shno.checks import as_path, complaint, shown
from shno.drive import UNITS as DRIVE_UNITS
from shno.oscillator import TRAILING
from shno.oscillator import UNITS as OSCILLATOR_UNITS
from shno.sampled import Function, Sampled, Tabulated
from shno.waveform import Waveform

BLUE, VERMILION, GREEN, GREY = "#0072B2", "#D55E00", "#006B54", "#B4B4B4"  # Okabe and Ito (2008), the green darker
DPI = 150
KINDS = (".png", ".pdf", ".svg")
COLUMNS = 400  # of a decimated line, about one a pixel
ORBIT = 2500  # saved states at the start, and as many at the end, that are drawn on the sphere
SMALLEST_SPAN = 0.02  # of the axes of m: rounding does not fill them
DECADES = 10  # of the spectrum that are shown
HARMONICS = 4.5  # times f0 is the end of the frequency axis
DARK = 50e9  # Hz, its end where there is no line
CAPTION = 210  # characters a line


def plot(run, path):
    """Draw m(t), the orbit on the sphere and the spectrum of the second half, all parameters below; a PNG below 200 kB.

    run : Trajectory        of a batch, the first oscillator is drawn
    path                    ends in .png, .pdf or .svg; written beside first, then renamed
    Raises : TypeError, ValueError for what is no run, no path or another ending; OSError with one line when it cannot
        be written
    """
    check_run(run)
    path = figure_path(path)
    batch, m = run.m.shape[1:-1], run.m.reshape(len(run.t), -1, 3)[:, 0]
    run = replace(run, m=m, T=None, oscillator=_first(run.oscillator), drive=_first(run.drive))
    figure = Figure(figsize=(12.5, 4.8), dpi=DPI, layout="constrained")
    grid = figure.add_gridspec(3, 3, width_ratios=(1.15, 1, 1))
    strips = [figure.add_subplot(grid[row, 0]) for row in range(3)]
    figure.align_ylabels(strips)
    _draw_components(strips, run)
    _draw_orbit(figure.add_subplot(grid[:, 1], projection="3d"), run)
    _draw_spectrum(figure.add_subplot(grid[:, 2]), run)
    figure.supxlabel(_caption(run, batch), fontsize=7.5, x=0.01, ha="left", linespacing=1.5)
    save_figure(figure, path)


def figure_path(path):
    """The Path of a figure from a string or Path.

    Raises : TypeError, ValueError for what is no path or ends in none of .png, .pdf and .svg
    """
    path = Path(as_path("path", path))
    if path.suffix.lower() not in KINDS:
        rule = f"a file name ending in {', '.join(KINDS)}"
        raise ValueError(complaint("path", rule, repr(str(path)), "The ending chooses the format."))
    return path


def drawable(name, text):
    """A text that a figure can show; `name` is what an error calls it.

    Raises : TypeError for another kind; ValueError for control characters or a formula ($...$) that is none
    """
    if not isinstance(text, str):
        raise TypeError(complaint(name, "a text", shown(text), "It is written into the figure."))
    printable = all(line.isprintable() for line in text.split("\n"))
    try:
        Figure().text(0, 0, text if printable else "").get_window_extent()
    except ValueError:
        printable = False
    if not printable:
        remedy = "Leave out control characters; a $ begins a formula."
        raise ValueError(complaint(name, "a text that can be drawn", shown(text), remedy))
    return text


def _first(record):
    """The Oscillator or Drive of the first element of the batch."""
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return replace(record, **{name: _first_value(name, value) for name, value in values.items() if value is not None})


def _first_value(name, value):
    """The first element of a batch of numbers, vectors or waveforms."""
    if isinstance(value, tuple):
        return tuple(_first_value("", part) for part in value)
    if isinstance(value, Sampled | Tabulated):
        own = value.values.ndim - len(value.shape)  # axes of time
        return replace(value, values=value.values.reshape(*value.values.shape[:own], -1)[..., 0])
    if isinstance(value, Function):
        return value
    if isinstance(value, Waveform):
        parts = {field.name: getattr(value, field.name) for field in fields(value)}
        return replace(value, **{key: _first_value("", part) for key, part in parts.items()})
    own = TRAILING.get(name, int(name == "B_ext"))
    shape = np.shape(value)
    return np.reshape(value, (-1, *shape[len(shape) - own :]))[0]


def _draw_components(axes, run):
    """m_x, m_y and m_z against time, one strip each, all to the same scale."""
    t_ns, middle = run.t * 1e9, (run.m.max(axis=0) + run.m.min(axis=0)) / 2
    half = 0.55 * max(np.ptp(run.m, axis=0).max(), SMALLEST_SPAN)
    for k, (ax, name, colour) in enumerate(zip(axes, "xyz", (BLUE, VERMILION, GREEN), strict=True)):
        _draw_trace(ax, t_ns, run.m[:, k], colour)
        ax.set(ylabel=f"$m_{name}$", xlim=t_ns[[0, -1]], ylim=(middle[k] - half, middle[k] + half))
        ax.tick_params(labelbottom=name == "z")
        ax.grid(color=GREY, lw=0.3)
    axes[0].set_title("Magnetisation", fontsize=10)
    axes[2].set_xlabel("Time (ns)")


def _draw_trace(ax, x, y, colour):
    """The line y(x); a long one as the band between its lowest and highest values, which looks the same."""
    if len(x) <= 20 * COLUMNS:
        ax.plot(x, y, color=colour, lw=0.8)
        return
    edges = np.linspace(0, len(x), COLUMNS, endpoint=False, dtype=int)
    low, high = np.minimum.reduceat(y, edges), np.maximum.reduceat(y, edges)
    low, high = np.minimum(low[:-1], low[1:]), np.maximum(high[:-1], high[1:])  # two stretches: no beat with the period
    ax.fill_between(x[edges[1:]], low, high, color=colour, lw=0.6)


def _draw_orbit(ax, run):
    """The orbit on the unit sphere, its beginning dashed and its end solid."""
    tail = min(len(run.t) // 2, ORBIT)
    head = min(len(run.t) - tail, ORBIT)
    first, last = run.m[:head], run.m[len(run.t) - max(tail, 1) :]
    _draw_sphere(ax)
    step = run.dt * run.save_every * 1e9
    ax.plot(*first.T, color=VERMILION, lw=0.5, ls="--", label=f"first {head * step:.3g} ns")
    ax.plot(*last.T, color=BLUE, lw=0.9, label=f"last {tail * step:.3g} ns")
    ax.plot(*run.m[0], "o", ms=5, mfc="white", mec="black", ls="none", label="start")
    ax.plot(*run.m[-1], "s", ms=5, color="black", ls="none", label="end")
    ax.view_init(*_view(last))
    ax.set(xlim=(-0.85, 0.85), ylim=(-0.85, 0.85), zlim=(-0.85, 0.85), box_aspect=(1, 1, 1))
    ax.set_axis_off()
    ax.set_title("Orbit on the unit sphere", fontsize=10)
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.04), "ncols": 4, "columnspacing": 1}
    ax.legend(**below, fontsize=8, frameon=False, handlelength=1.6)


def _draw_sphere(ax):
    """Meridians and parallels every 30 degrees, and the ends of the axes."""
    turn, zero = np.linspace(0, 2 * np.pi, 61), np.zeros(61)
    for angle in np.radians(np.arange(0, 180, 30)):
        ax.plot(np.cos(angle) * np.cos(turn), np.sin(angle) * np.cos(turn), np.sin(turn), color=GREY, lw=0.35)
    for angle in np.radians(np.arange(-60, 61, 30)):
        ax.plot(np.cos(angle) * np.cos(turn), np.cos(angle) * np.sin(turn), np.sin(angle) + zero, color=GREY, lw=0.35)
    for end, name in zip(np.eye(3), "xyz", strict=True):
        ax.plot(*np.outer(end, (1, 1.2)), color="black", lw=0.8)
        ax.text(*(1.3 * end), name, ha="center", va="center", fontsize=9)


def _view(m):
    """Elevation and azimuth, degrees: 25 beside the axis about which m turns (of least variance); at rest, beside m."""
    mean = m.mean(axis=0)
    spread = (m - mean).T @ (m - mean) / len(m) - 1e-9 * np.outer(mean, mean)
    axis = np.linalg.eigh(spread)[1][:, 0]
    axis = -axis if axis @ mean < 0 else axis
    axis = -axis if axis[2] < -0.3 else axis  # from below, left and right seem exchanged
    return np.degrees(np.arcsin(axis[2])).clip(10, 60), np.degrees(np.arctan2(axis[1], axis[0])) + 25


def _draw_spectrum(ax, run):
    """Power spectral density of the second half, all components, and its line."""
    half = (run.t[-1] - run.t[0]) / 2
    f, density = spectrum(run, discard=half)
    f0 = frequency(run)
    end = min(f[-1], HARMONICS * f0 if f0 > 0 else DARK) or 1.0
    shown = (f > 0) & (f <= end)
    f_GHz, density = f[shown] / 1e9, density[shown] * 1e9
    peak = max(density.max(initial=0), 1e-30)
    ax.set_yscale("log")
    _draw_trace(ax, f_GHz, np.maximum(density, 1e-3 * peak / 10**DECADES), "black")
    label = f"f = {f0 / 1e9:.4f} GHz" if f0 > 0 else "no line"
    ax.axvline(f0 / 1e9, color=VERMILION, lw=1, ls="--", label=label)
    ax.set(xlabel="Frequency (GHz)", ylabel="Power spectral density (1/GHz)")
    ax.set(xlim=(0, end / 1e9), ylim=(peak / 10**DECADES, 5 * peak))
    ax.set_title(f"Spectrum of m, last {half * 1e9:.3g} ns", fontsize=10)
    ax.grid(color=GREY, lw=0.3)
    ax.legend(loc="upper right", fontsize=9, handlelength=1.6 if f0 > 0 else 0)


def _caption(run, batch):
    """All parameters and how the run was made, wrapped."""
    how = (
        f"{f'Oscillator 0 of {np.prod(batch)}. ' if batch else ''}{run.solver} ({run.executor}, {run.dtype}), "
        f"{(len(run.t) - 1) * run.save_every} steps of {run.dt * 1e12:.6g} ps, saved every {run.save_every}, "
        f"temperature {run.temperature:g} K{'' if run.seed is None else f', seed {run.seed}'}; "
        f"{ascii(run.versions)[1:-1]}"
    )
    what = "; ".join((_listed(run.drive, DRIVE_UNITS), _listed(run.oscillator, OSCILLATOR_UNITS)))
    return "\n".join(line for text in (how, what) for line in textwrap.wrap(text, CAPTION, break_on_hyphens=False))


def _listed(record, units):
    """The fields of an Oscillator or a Drive that are not at their defaults, each kept on one line."""
    parts = []
    for field in fields(record):
        value, unit = getattr(record, field.name), units[field.name]
        if value is not None and not (np.shape(value) == np.shape(field.default) and np.all(value == field.default)):
            parts.append(f"{field.name} = {_text(value)}{'' if unit == '1' else f' {unit}'}")
    return ", ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts)


def _text(value):
    """A number, a vector in parentheses or a waveform in short, to six digits."""
    if isinstance(value, Waveform):
        return value.summary
    if isinstance(value, tuple):
        return f"({', '.join(_text(part) for part in value)})"
    return f"({', '.join(f'{x:.6g}' for x in np.ravel(value))})" if np.ndim(value) else f"{value:.6g}"


def save_figure(figure, path, *, exact=False):
    """Save beside `path` and rename: `path` is whole or untouched. A PNG gets 16 levels a colour, to halve its size.

    figure : matplotlib Figure
    exact : bool    all levels, for a map of values, in which fewer would be seen as steps
    path            ends in .png, .pdf or .svg
    Raises : TypeError, ValueError for what is no figure, no path or another ending; OSError with one line when it
        cannot be written
    """
    if not isinstance(figure, Figure):
        raise TypeError(complaint("figure", "a matplotlib Figure", shown(figure), "See matplotlib.figure."))
    if not isinstance(exact, bool):
        raise TypeError(complaint("exact", "True or False", shown(exact), "False takes 16 levels a colour."))
    path, step = figure_path(path), 1 if exact else 17
    kind = path.suffix[1:].lower()
    partial = path.with_name(f"{path.name}.{token_hex(4)}.partial")
    try:
        if kind == "png":
            canvas = FigureCanvasAgg(figure)
            canvas.draw()
            pixels = np.asarray(canvas.buffer_rgba())[..., :3]
            imsave(partial, np.round(pixels / step).astype(np.uint8) * step, format=kind, dpi=DPI)
        else:
            figure.savefig(partial, format=kind)
        os.replace(partial, path)
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())
        remedy = "Use a folder that exists and that you may write to."
        raise OSError(f"{path} cannot be written: {reason}. {remedy}") from None
    finally:
        with suppress(OSError):
            partial.unlink()
