"""Figures of the results of `experiments`: each takes one result and writes one file.

Nothing global is touched: no pyplot, no choice of backend, no style. Colours are told apart by the colour-blind and in
grey; of a batch, a figure draws at most the first eight curves or the first map.
"""

from pathlib import Path

import numpy as np
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure

from shno.checks import complaint
from shno.experiments import STATES, Lorentzian
from shno.plots import BLUE, DPI, GREEN, GREY, KINDS, VERMILION, save_figure

AXES = {  # of what is swept: label, and what turns SI into its unit
    "I": ("Current (mA)", 1e3),
    "J": ("Current density (10$^{11}$ A/m$^2$)", 1e-11),
    "a_DL": ("Damping-like torque $a_{DL}$ (mT)", 1e3),
    "B_ext": ("Field (mT)", 1e3),
}
SIZE = (6.4, 4.4)  # inches
ROWS = 600  # of a map: about one a pixel
DECIBELS = 50  # of a spectral map that are shown
CURVES = 8
STYLES = [(colour, style, mark) for style, mark in (("-", "o"), ("--", "s")) for colour in (BLUE, VERMILION, GREEN, "black")]
STATE_COLOURS = ("#F4F4F4", "#BDBDBD", "#56B4E9", "#0A4A7A", "#D55E00")


def _figure(path, title, rows=1):
    """A figure with one column of axes, its file's name checked."""
    path = Path(path)
    if path.suffix.lower() not in KINDS:
        rule = f"a file name ending in {', '.join(KINDS)}"
        raise ValueError(complaint("path", rule, path, "The ending chooses the format."))
    figure = Figure(figsize=(SIZE[0], SIZE[1] * (0.55 + 0.45 * rows)), dpi=DPI, layout="constrained")
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    if title:
        figure.suptitle(title, fontsize=9)
    return path, figure, axes


def plot_spectral_map(result, path, *, title="", f_range=None):
    """Power spectral density in dB of its maximum: frequency over current or field.

    The threshold is a vertical line, the linear resonance without current a dashed one.

    result : experiments.SpectralMap
    path : str or Path      ends in .png, .pdf or .svg
    title : str             what was simulated
    f_range : (Hz, Hz)      of the frequency axis; None for up to 1.5 times the highest line
    Raises : ValueError for another ending; OSError with one line when it cannot be written
    """
    path, figure, (ax,) = _figure(path, title)
    label, unit = AXES[result.swept]
    x = unit * _coordinate(result.values)
    density, resonance, current, threshold = (
        _first(part, axes) for part, axes in zip(result[3:4] + result[6:7] + result[4:6], (2, 1, 1, 1), strict=True)
    )
    strongest = result.frequency[np.argmax(density, axis=0)]
    low, high = f_range or (0.0, min(1.5 * max(strongest.max(), resonance.max()), result.frequency[-1]))
    shown = (result.frequency >= low) & (result.frequency <= high)
    f, density = _coarser(result.frequency[shown] / 1e9, density[shown])
    level = 10 * np.log10(np.maximum(density / density.max(), 10 ** (-DECIBELS / 10 - 1)))
    image = ax.pcolormesh(x, f, level, cmap="viridis", vmin=-DECIBELS, vmax=0, shading="nearest", rasterized=True)
    figure.colorbar(image, ax=ax, label="Power spectral density (dB of its maximum)", extend="min")
    ax.plot(x, resonance / 1e9, color="white", lw=1.3, ls="--", label="linear resonance, no current")
    for k, crossing in enumerate(_crossings(x, current - threshold)):
        ax.axvline(crossing, color="white", lw=1.3, label="threshold" if k == 0 else None)
    ax.set(xlabel=label, ylabel="Frequency (GHz)", xlim=(x.min(), x.max()), ylim=(low / 1e9, high / 1e9))
    _legend_above(ax)
    save_figure(figure, path)


def plot_frequency_against_current(result, path, *, title=""):
    """Frequency, amplitude and, where it was measured, linewidth against current; the threshold as a vertical line.

    result : experiments.CurrentSweep
    path : str or Path      ends in .png, .pdf or .svg
    title : str             what was simulated
    Raises : ValueError for another ending; OSError with one line when it cannot be written
    """
    panels = [("Frequency (GHz)", result.frequency, 1e-9), ("Amplitude, rms of m", result.amplitude, 1.0)]
    if result.linewidth is not None:
        panels.append(("Linewidth, FWHM (MHz)", result.linewidth, 1e-6))
    path, figure, axes = _figure(path, title, rows=len(panels))
    label, unit = AXES[result.name]
    for ax, (name, values, scale) in zip(axes, panels, strict=True):
        for curve, style in _curves(values):
            ax.plot(unit * result.current, scale * curve, **style)
        for k, threshold in enumerate(np.ravel(result.threshold)[:CURVES]):
            ax.axvline(unit * threshold, color="black", lw=0.9, ls=":", label="threshold" if k == 0 else None)
        ax.set_ylabel(name)
        ax.grid(color=GREY, lw=0.3)
    if result.linewidth is not None:
        axes[-1].set_yscale("log")
    axes[0].legend(fontsize=8)
    axes[-1].set_xlabel(label)
    save_figure(figure, path)


def plot_locking_map(result, path, *, title=""):
    """Where a signal locks (dark), and elsewhere the beat frequency: amplitude over frequency of the signal.

    result : experiments.LockingMap     with two frequencies and two amplitudes or more
    path : str or Path                  ends in .png, .pdf or .svg
    title : str                         what was simulated
    Raises : ValueError for another ending; OSError with one line when it cannot be written
    """
    path, figure, (ax,) = _figure(path, title)
    label, unit = AXES[result.name]
    f, amplitude = result.f_inj / 1e9, unit * result.amplitude
    beat, locked = (np.reshape(part, (len(f), len(amplitude), -1))[..., 0].T for part in (result.beat, result.locked))
    image = ax.pcolormesh(f, amplitude, np.ma.array(beat / 1e6, mask=locked), cmap="viridis", shading="nearest")
    ax.set_facecolor("black")
    figure.colorbar(image, ax=ax, label="Beat frequency (MHz); black: locked")
    free = np.ravel(result.free_frequency)[0] * result.harmonic / 1e9
    ax.axvline(free, color="white", lw=1.3, ls="--", label="free-running")
    ax.set(xlabel="Frequency of the signal (GHz)", ylabel=label, xlim=(f.min(), f.max()))
    _legend_above(ax)
    save_figure(figure, path)


def plot_hysteresis(result, path, *, title=""):
    """m along the field against the field, a curve a direction.

    result : experiments.Hysteresis
    path : str or Path      ends in .png, .pdf or .svg
    title : str             what was simulated
    Raises : ValueError for another ending; OSError with one line when it cannot be written
    """
    path, figure, (ax,) = _figure(path, title)
    B_c = np.ravel(result.coercivity)
    for k, (curve, style) in enumerate(_curves(result.m_along)):
        ax.plot(1e3 * result.B, curve, **style | {"marker": "", "label": f"coercivity {1e3 * B_c[k]:.3g} mT"})
    for zero in (ax.axvline, ax.axhline):
        zero(0, color="black", lw=0.6)
    ax.set(xlabel="Field (mT)", ylabel="m along the field", xlim=(-1e3 * result.B.max(), 1e3 * result.B.max()))
    ax.grid(color=GREY, lw=0.3)
    ax.legend(fontsize=8)
    save_figure(figure, path)


def plot_fmr(result, path, *, title=""):
    """Resonance frequency and linewidth against field.

    result : experiments.Resonance      of fields (n, ..., 3), drawn against their component along the largest
    path : str or Path                  ends in .png, .pdf or .svg
    title : str                         what was simulated
    Raises : ValueError for another ending; OSError with one line when it cannot be written
    """
    path, figure, axes = _figure(path, title, rows=2)
    for ax, name, values, scale in zip(axes, ("Frequency (GHz)", "Linewidth, FWHM (MHz)"), result[2:], (1e-9, 1e-6), strict=True):
        for curve, style in _curves(values):
            ax.plot(1e3 * _coordinate(np.reshape(result.B, (len(result.B), -1, 3))[:, 0]), scale * curve, **style | {"marker": ""})
        ax.set_ylabel(name)
        ax.set_ylim(bottom=0)
        ax.grid(color=GREY, lw=0.3)
    axes[-1].set_xlabel("Field (mT)")
    save_figure(figure, path)


def plot_phase_diagram(result, path, *, title=""):
    """The kind of motion: field over current, with the threshold as a line.

    result : experiments.PhaseDiagram   with two currents and two fields or more
    path : str or Path                  ends in .png, .pdf or .svg
    title : str                         what was simulated
    Raises : ValueError for another ending; OSError with one line when it cannot be written
    """
    path, figure, (ax,) = _figure(path, title)
    label, unit = AXES[result.name]
    current, B_mT = unit * result.current, 1e3 * _coordinate(result.B)
    colours, levels = ListedColormap(STATE_COLOURS), np.arange(len(STATES) + 1) - 0.5
    norm = BoundaryNorm(levels, len(STATES))
    image = ax.pcolormesh(current, B_mT, _first(result.state, 2).T, cmap=colours, norm=norm, shading="nearest")
    bar = figure.colorbar(image, ax=ax, ticks=range(len(STATES)))
    bar.ax.set_yticklabels(STATES)
    ax.plot(unit * _first(result.threshold, 1), B_mT, color="black", lw=1.2, ls="--", label="threshold")
    ax.set(xlabel=label, ylabel="Field (mT)", xlim=(current.min(), current.max()), ylim=(B_mT.min(), B_mT.max()))
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), fontsize=8, frameon=False)
    save_figure(figure, path)


def plot_spin_diode(result, path, *, title=""):
    """Rectified voltage against frequency, with the line that was fitted.

    result : experiments.SpinDiode
    path : str or Path      ends in .png, .pdf or .svg
    title : str             what was simulated
    Raises : ValueError for another ending; OSError with one line when it cannot be written
    """
    path, figure, (ax,) = _figure(path, title)
    f = np.linspace(result.frequency[0], result.frequency[-1], 400)
    for k, (curve, style) in enumerate(_curves(result.voltage)):
        ax.plot(result.frequency / 1e9, 1e6 * curve, **style | {"ls": "none"})
        if result.line is not None:
            line = Lorentzian(*(np.ravel(part)[k] for part in result.line))
            label = f"{line.centre / 1e9:.3f} GHz, width {line.width / 1e6:.0f} MHz"
            ax.plot(f / 1e9, 1e6 * line.at(f), **style | {"marker": "", "label": label})
    ax.set(xlabel="Frequency (GHz)", ylabel="Rectified voltage (uV)")
    ax.grid(color=GREY, lw=0.3)
    ax.legend(fontsize=8)
    save_figure(figure, path)


def _legend_above(ax):
    """A legend of white lines, above the axes."""
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, fontsize=8, facecolor="#444444", labelcolor="white")


def _coordinate(values):
    """What is swept as numbers (n,): fields (n, 3) become their component along the largest of them."""
    if values.ndim == 1:
        return values
    size = np.linalg.norm(values, axis=-1)
    return values @ (values[size.argmax()] / (size.max() or 1.0))


def _first(values, axes):
    """The first of the batch, whose axes follow the first `axes`."""
    return values.reshape(*values.shape[:axes], -1)[..., 0]


def _curves(values):
    """The first few curves of values (n, *batch), each with its style."""
    curves = values.reshape(len(values), -1).T[:CURVES]
    for curve, (colour, style, mark) in zip(curves, STYLES, strict=False):
        yield curve, {"color": colour, "ls": style, "marker": mark, "ms": 3, "lw": 1.1}


def _crossings(x, y):
    """Where y(x) changes sign, on straight lines between the points."""
    k = np.flatnonzero(np.diff(np.sign(y)) != 0)
    return x[k] - y[k] * (x[k + 1] - x[k]) / (y[k + 1] - y[k])


def _coarser(f, density):
    """At most ROWS rows: the largest density of each group of rows."""
    group = max(1, len(f) // ROWS)
    n = len(f) // group * group
    return f[:n].reshape(-1, group).mean(axis=1), density[:n].reshape(-1, group, density.shape[1]).max(axis=1)
