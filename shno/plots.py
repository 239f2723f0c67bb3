"""Figures of a trajectory: m(t), the orbit on the unit sphere, the spectrum. Units here are ns, GHz, mT and mA.

Nothing global is touched: no pyplot, no backend is chosen, no style is set. Long runs are decimated to what a pixel shows.
"""

import os
import textwrap
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from secrets import token_hex

import numpy as np
from matplotlib.figure import Figure

from shno.analysis import frequency, spectrum
from shno.checks import complaint
from shno.oscillator import UNITS

BLUE, VERMILION, GREEN, GREY = "#0072B2", "#D55E00", "#006B54", "#B4B4B4"  # Okabe and Ito (2008), the green darker
KINDS = (".png", ".pdf", ".svg")
COLUMNS = 400  # of a decimated line, about one a pixel
ORBIT = 2500  # saved states at the start, and as many at the end, that are drawn on the sphere
SMALLEST_SPAN = 0.02  # of the axes of m: rounding does not fill them
DECADES = 10  # of the spectrum that are shown
HARMONICS = 4.5  # times f0 is the end of the frequency axis
CAPTION = 205  # characters a line


def plot(run, path):
    """Draw m(t), the orbit on the sphere and the spectrum of the second half, with the parameters below, in less than 200 kB.

    run : Trajectory        of a batch, the first oscillator is drawn
    path                    ends in .png, .pdf or .svg; written beside first, then renamed
    Raises : ValueError for another ending; OSError with one line when it cannot be written
    """
    path = Path(path)
    if path.suffix.lower() not in KINDS:
        raise ValueError(complaint("path", f"a file ending in {', '.join(KINDS)}", path, "The ending chooses the format."))
    batch = run.m.shape[1:-1]
    run = replace(run, m=run.m.reshape(len(run.t), -1, 3)[:, 0], oscillator=_first(run.oscillator), drive=_first(run.drive))
    figure = Figure(figsize=(12.5, 4.8), dpi=150, layout="constrained")
    grid = figure.add_gridspec(3, 3, width_ratios=(1.15, 1, 1))
    _draw_components([figure.add_subplot(grid[row, 0]) for row in range(3)], run)
    _draw_orbit(figure.add_subplot(grid[:, 1], projection="3d"), run)
    _draw_spectrum(figure.add_subplot(grid[:, 2]), run)
    figure.supxlabel(_caption(run, batch), fontsize=7.5, x=0.01, ha="left", linespacing=1.5)
    _write(figure, path)


def _first(record):
    """The Oscillator or Drive of the first element of the batch."""
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    vectors = ("demag", "easy_axis", "p", "B_ext")
    firsts = {name: np.reshape(value, (-1, 3) if name in vectors else -1)[0] for name, value in values.items() if value is not None}
    return replace(record, **firsts)


def _draw_components(axes, run):
    """m_x, m_y and m_z against time, one strip each, all to the same scale."""
    t_ns, middle = run.t * 1e9, (run.m.max(axis=0) + run.m.min(axis=0)) / 2
    half = 0.55 * max(np.ptp(run.m, axis=0).max(), SMALLEST_SPAN)
    for k, (ax, name, colour) in enumerate(zip(axes, "xyz", (BLUE, VERMILION, GREEN), strict=True)):
        ax.plot(*_decimated(t_ns, run.m[:, k]), color=colour, lw=0.8)
        ax.set(ylabel=f"$m_{name}$", ylim=(middle[k] - half, middle[k] + half), xmargin=0)
        ax.tick_params(labelbottom=name == "z")
        ax.grid(color=GREY, lw=0.3)
    axes[0].set_title("Magnetisation", fontsize=10)
    axes[2].set_xlabel("Time (ns)")


def _decimated(x, y):
    """Lowest and highest point of each of COLUMNS stretches, in order: drawn, the same picture as all points."""
    if len(x) <= 4 * COLUMNS:
        return x, y
    stretches = np.array_split(np.arange(len(x)), COLUMNS)
    kept = [part[index] for part in stretches for index in sorted((y[part].argmin(), y[part].argmax()))]
    return x[kept], y[kept]


def _draw_orbit(ax, run):
    """The orbit on the unit sphere, its beginning light and its end dark, seen along the axis about which it turns."""
    tail = min(len(run.t) // 2, ORBIT)
    head = min(len(run.t) - tail, ORBIT)
    longitude, latitude = np.linspace(0, 2 * np.pi, 13), np.linspace(-np.pi / 2, np.pi / 2, 49)[:, None]
    sphere = (np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude) + 0 * longitude)
    ax.plot_wireframe(*sphere, rstride=8, cstride=1, color=GREY, lw=0.35)
    for end, name in zip(1.25 * np.eye(3), "xyz", strict=True):
        ax.plot(*np.outer(end, (0.8, 1)), color="black", lw=0.8)
        ax.text(*(1.08 * end), name, ha="center", va="center", fontsize=9)
    step = run.dt * run.save_every * 1e9
    ax.plot(*run.m[:head].T, color=VERMILION, lw=0.5, ls="--", label=f"first {head * step:.3g} ns")
    ax.plot(*run.m[len(run.t) - tail :].T, color=BLUE, lw=0.9, label=f"last {tail * step:.3g} ns")
    ax.plot(*run.m[0], "o", ms=5, mfc="white", mec="black", ls="none", label="start")
    ax.plot(*run.m[-1], "s", ms=5, color="black", ls="none", label="end")
    elevation, azimuth = _view(np.concatenate([run.m[:head], run.m[len(run.t) - tail :]]))
    ax.view_init(elevation, azimuth)
    ax.set(xlim=(-0.8, 0.8), ylim=(-0.8, 0.8), zlim=(-0.8, 0.8), box_aspect=(1, 1, 1))
    ax.set_axis_off()
    ax.set_title("Orbit on the unit sphere", fontsize=10)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0.02), ncols=4, fontsize=8, frameon=False, columnspacing=1, handlelength=1.6)


def _view(m):
    """Elevation and azimuth in degrees, 25 from the axis along which m varies least (the mean of m where it rests)."""
    mean = m.mean(axis=0)
    spread = np.cov(m.T) - 1e-9 * np.outer(mean, mean)
    axis = np.linalg.eigh(spread)[1][:, 0]
    axis = axis if axis @ mean >= 0 else -axis
    return np.degrees(np.arcsin(axis[2])).clip(-35, 60), np.degrees(np.arctan2(axis[1], axis[0])) + 25


def _draw_spectrum(ax, run):
    """Power spectral density of the second half, all components, and its line."""
    half = (run.t[-1] - run.t[0]) / 2
    f, density = spectrum(run, discard=half)
    f0 = frequency(run)
    f_GHz, density = f[1:] / 1e9, density[1:] * 1e9
    shown = f_GHz <= (HARMONICS * f0 / 1e9 if f0 > 0 else 50)
    f_GHz, density = f_GHz[shown], density[shown]
    peak = max(density.max(initial=0), 1e-30)
    ax.semilogy(*_decimated(f_GHz, np.maximum(density, 1e-3 * peak / 10**DECADES)), color="black", lw=0.8)
    label = f"f = {f0 / 1e9:.4f} GHz" if f0 > 0 else "no line"
    ax.axvline(f0 / 1e9, color=VERMILION, lw=1, ls="--", label=label)
    ax.set(xlabel="Frequency (GHz)", ylabel="Power spectral density (1/GHz)", ylim=(peak / 10**DECADES, 5 * peak), xmargin=0)
    ax.set_title(f"Spectrum of m, last {half * 1e9:.3g} ns", fontsize=10)
    ax.grid(color=GREY, lw=0.3)
    ax.legend(loc="upper right", fontsize=9, handlelength=1.6 if f0 > 0 else 0)


def _caption(run, batch):
    """How the run was made, in two or three lines."""
    name, value = run.drive.current
    current = f"{name} = " + {"I": f"{value * 1e3:.6g} mA", "J": f"{value:.6g} A/m²", "a_DL": f"{value * 1e3:.6g} mT"}[name]
    field = ", ".join(f"{1e3 * B:.6g}" for B in run.drive.B_ext)
    seed = "" if run.seed is None else f", seed {run.seed}"
    steps = (len(run.t) - 1) * run.save_every
    which = f"Oscillator 0 of {np.prod(batch)}: " if batch else ""
    first = (
        f"{which}{current}, B_ext = ({field}) mT, temperature {run.temperature:g} K{seed}; "
        f"{run.solver} ({run.executor}, {run.dtype}), {steps} steps of {run.dt * 1e12:.6g} ps, saved every {run.save_every}; {run.versions}"
    )
    values = ((name, getattr(run.oscillator, name), unit) for name, unit in UNITS.items())
    parts = [f"{name} = {_text(value)}{'' if unit == '1' else f' {unit}'}" for name, value, unit in values if value is not None]
    return "\n".join(textwrap.wrap(first, CAPTION) + textwrap.wrap(", ".join(parts), CAPTION))


def _text(value):
    """A number, or a vector in parentheses, to six digits."""
    return f"({', '.join(f'{x:.6g}' for x in value)})" if np.ndim(value) else f"{value:.6g}"


def _write(figure, path):
    """Save beside `path` and rename, so that `path` is whole or untouched."""
    partial = path.with_name(f"{path.name}.{token_hex(4)}.partial")
    try:
        figure.savefig(partial, format=path.suffix[1:].lower())
        os.replace(partial, path)
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())
        raise OSError(f"{path} cannot be written: {reason}. Use a folder that exists and that you may write to.") from None
    finally:
        with suppress(OSError):
            partial.unlink()
