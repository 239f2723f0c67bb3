"""Figures of the results of `experiments`: each takes one result and writes one file.

Nothing global is touched: no pyplot, no choice of backend, no style. Colours are told apart by the colour-blind and in
grey; of a batch, a figure draws at most the first eight curves or the first map.
"""

import numpy as np
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure

from shno.checks import as_array, complaint, shown
from shno.experiments import (
    STATES,
    CurrentSweep,
    Hysteresis,
    LockingMap,
    Lorentzian,
    PhaseDiagram,
    Resonance,
    SpectralMap,
    SpinDiode,
)
from shno.plots import BLUE, DPI, GREEN, GREY, VERMILION, drawable, figure_path, save_figure

AXES = {  # of what is swept: label, and what turns SI into its unit
    "I": ("Current (mA)", 1e3),
    "J": ("Current density (10$^{11}$ A/m$^2$)", 1e-11),
    "a_DL": ("Damping-like torque $a_{DL}$ (mT)", 1e3),
    "B_ext": ("Field (mT)", 1e3),
}
WIDTH, HEIGHT, ROW = 6.4, 4.4, 2.2  # inches: of a figure with one row of axes, and of each further row
ROWS = 600  # of a map: about one a pixel
DECIBELS = 50  # of a spectral map that are shown
CURVES = 8
COLOURS, LINES = (BLUE, VERMILION, GREEN, "black"), (("-", "o"), ("--", "s"))
STATE_COLOURS = ("#F4F4F4", "#BDBDBD", "#56B4E9", "#0A4A7A", "#D55E00")


def plot_spectral_map(result, path, *, title="", f_range=None):
    """Power spectral density in dB of its maximum: frequency over current or field.

    The threshold is a vertical line, the linear resonance without current a dashed one.

    result : experiments.SpectralMap
    path : str or Path      ends in .png, .pdf or .svg
    title : str             what was simulated
    f_range : (Hz, Hz)      of the frequency axis; None for up to 1.5 times the highest line
    Raises : TypeError, ValueError; OSError with one line when it cannot be written
    """
    path, figure, (ax,) = _figure(result, SpectralMap, path, title)
    label, unit = AXES[result.swept]
    x = unit * _grid("values", _coordinate(result.values))
    density, resonance = _first(result.density, 2), _first(result.resonance, 1)
    low, high = _f_range(f_range, result.frequency, density, resonance)
    inside = (result.frequency >= low) & (result.frequency <= high)
    f, density = _coarser(_grid("frequencies in f_range", result.frequency[inside]) / 1e9, density[inside])
    level = 10 * np.log10(np.maximum(density / (density.max() or 1.0), 10 ** (-DECIBELS / 10 - 1)))
    image = ax.pcolormesh(x, f, level, cmap="viridis", vmin=-DECIBELS, vmax=0, shading="nearest", rasterized=True)
    figure.colorbar(image, ax=ax, label="Power spectral density (dB of its maximum)", extend="min")
    ax.plot(x, resonance / 1e9, color="white", lw=1.3, ls="--", label="linear resonance, no current")
    for k, crossing in enumerate(_crossings(x, _first(result.current - result.threshold, 1))):
        ax.axvline(crossing, color="white", lw=1.3, label="threshold" if k == 0 else None)
    ax.set(xlabel=label, ylabel="Frequency (GHz)", xlim=(x.min(), x.max()), ylim=(low / 1e9, high / 1e9))
    _legend_above(ax)
    save_figure(figure, path)


def plot_frequency_against_current(result, path, *, title=""):
    """Frequency, amplitude and, where it was measured, linewidth against current; the threshold as a vertical line.

    result : experiments.CurrentSweep
    path : str or Path      ends in .png, .pdf or .svg
    title : str             what was simulated
    Raises : TypeError, ValueError; OSError with one line when it cannot be written
    """
    rows = 2 if getattr(result, "linewidth", None) is None else 3
    path, figure, axes = _figure(result, CurrentSweep, path, title, rows)
    label, unit = AXES[result.name]
    panels = [("Frequency (GHz)", result.frequency, 1e-9), ("Amplitude, rms of m", result.amplitude, 1.0)]
    panels += [("Linewidth, FWHM (MHz)", result.linewidth, 1e-6)]
    for ax, (name, values, scale) in zip(axes, panels, strict=False):
        for curve, style in _curves(values):
            ax.plot(unit * result.current, scale * curve, **style)
        for k, threshold in enumerate(np.unique(result.threshold)[:CURVES]):
            ax.axvline(unit * threshold, color="black", lw=0.9, ls=":", label=None if k else "threshold")
        ax.set_ylabel(name)
        ax.grid(color=GREY, lw=0.3)
    for (errors, style), (curve, _) in zip(_curves(result.error), _curves(result.linewidth), strict=True):
        axes[2].errorbar(unit * result.current, 1e-6 * curve, 1e-6 * errors, fmt="none", ecolor=style["color"], lw=0.8)
    for ax in axes[1:]:
        ax.set_ylim(bottom=0)
    axes[0].legend(fontsize=8)
    axes[-1].set_xlabel(label)
    save_figure(figure, path)


def plot_locking_map(result, path, *, title=""):
    """Where a signal locks (black), and elsewhere the beat frequency: amplitude over frequency of the signal.

    result : experiments.LockingMap     with two frequencies and two amplitudes or more
    path : str or Path                  ends in .png, .pdf or .svg
    title : str                         what was simulated
    Raises : TypeError, ValueError; OSError with one line when it cannot be written
    """
    path, figure, (ax,) = _figure(result, LockingMap, path, title)
    label, unit = AXES[result.name]
    f, amplitude = _grid("f_inj", result.f_inj) / 1e9, unit * _grid("amplitude", result.amplitude)
    beat_MHz, locked = (_first(part, 2).T for part in (np.abs(result.beat) / 1e6, result.locked))
    image = ax.pcolormesh(f, amplitude, np.ma.array(beat_MHz, mask=locked), cmap="viridis", shading="nearest", vmin=0)
    ax.set_facecolor("black")
    figure.colorbar(image, ax=ax, label="Beat frequency (MHz); black: locked")
    free = np.ravel(result.free_frequency)[0] * result.harmonic / 1e9
    ax.axvline(free, color="white", lw=1.3, ls="--", label="free-running")
    ax.set(xlabel="Frequency of the signal (GHz)", ylabel=f"Signal: {label[0].lower()}{label[1:]}")
    ax.set(xlim=(f.min(), f.max()), ylim=(amplitude.min(), amplitude.max()))
    _legend_above(ax)
    save_figure(figure, path)


def plot_hysteresis(result, path, *, title="", labels=None):
    """m along the field against the field, a curve a direction.

    result : experiments.Hysteresis
    path : str or Path      ends in .png, .pdf or .svg
    title : str             what was simulated
    labels : texts          of the curves, to stand before their coercivities; None for none
    Raises : TypeError, ValueError; OSError with one line when it cannot be written
    """
    path, figure, (ax,) = _figure(result, Hysteresis, path, title)
    B_c = np.ravel(result.coercivity)
    texts = [f"coercivity {1e3 * each:.3g} mT" for each in B_c]
    for k, label in enumerate(_texts(labels)[: len(texts)]):
        texts[k] = f"{label}: {texts[k]}"
    for (curve, style), text in zip(_curves(result.m_along), texts, strict=False):
        ax.plot(1e3 * result.B, curve, **style | {"marker": "", "label": text})
    for zero in (ax.axvline, ax.axhline):
        zero(0, color="black", lw=0.6)
    ax.set(xlabel="Field (mT)", ylabel="m along the field", xlim=(-1e3 * result.B.max(), 1e3 * result.B.max()))
    ax.grid(color=GREY, lw=0.3)
    ax.legend(fontsize=8, loc="lower right")
    save_figure(figure, path)


def plot_fmr(result, path, *, title="", labels=None):
    """Resonance frequency and linewidth against field.

    result : experiments.Resonance      of fields (n, ..., 3), drawn against their component along the largest
    path : str or Path                  ends in .png, .pdf or .svg
    title : str                         what was simulated
    labels : texts                      of the curves; None for none
    Raises : TypeError, ValueError; OSError with one line when it cannot be written
    """
    path, figure, axes = _figure(result, Resonance, path, title, rows=2)
    texts = _texts(labels)
    B_mT = 1e3 * _coordinate(np.reshape(result.B, (len(result.B), -1, 3))[:, 0])
    panels = (("Frequency (GHz)", result.frequency, 1e-9), ("Linewidth, FWHM (MHz)", result.linewidth, 1e-6))
    for ax, (name, values, scale) in zip(axes, panels, strict=True):
        for (curve, style), text in zip(_curves(values), [*texts, *[None] * CURVES], strict=False):
            ax.plot(B_mT, scale * curve, **style | {"marker": "", "label": text})
        ax.set_ylabel(name)
        ax.set_ylim(bottom=0)
        ax.grid(color=GREY, lw=0.3)
    axes[-1].set_xlabel("Field (mT)")
    if texts:
        axes[0].legend(fontsize=8)
    save_figure(figure, path)


def plot_phase_diagram(result, path, *, title=""):
    """The kind of motion: field over current, with the threshold as a line.

    result : experiments.PhaseDiagram   with two currents and two fields or more
    path : str or Path                  ends in .png, .pdf or .svg
    title : str                         what was simulated
    Raises : TypeError, ValueError; OSError with one line when it cannot be written
    """
    path, figure, (ax,) = _figure(result, PhaseDiagram, path, title)
    label, unit = AXES[result.name]
    current, B_mT = unit * _grid("current", result.current), 1e3 * _grid("B", _coordinate(result.B))
    colours = ListedColormap(STATE_COLOURS)
    norm = BoundaryNorm(np.arange(len(STATES) + 1) - 0.5, len(STATES))
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
    Raises : TypeError, ValueError; OSError with one line when it cannot be written
    """
    path, figure, (ax,) = _figure(result, SpinDiode, path, title)
    f = np.linspace(result.frequency[0], result.frequency[-1], 400)
    for k, (curve, style) in enumerate(_curves(result.voltage)):
        ax.plot(result.frequency / 1e9, 1e6 * curve, **style | {"ls": "none"})
        if result.line is not None:
            line = Lorentzian(*(np.ravel(part)[k] for part in result.line))
            label = f"{line.centre / 1e9:.3f} GHz, width {line.width / 1e6:.0f} MHz"
            ax.plot(f / 1e9, 1e6 * line.at(f), **style | {"marker": "", "label": label})
            ax.legend(fontsize=8)
    ax.set(xlabel="Frequency (GHz)", ylabel="Rectified voltage (\N{MICRO SIGN}V)")
    ax.grid(color=GREY, lw=0.3)
    save_figure(figure, path)


def _figure(result, kind, path, title, rows=1):
    """The path, a figure and its axes, one below the other; TypeError, ValueError for another result or ending."""
    if not isinstance(result, kind):
        got = type(result).__name__
        raise TypeError(complaint("result", f"a {kind.__name__}", got, "shno.experiments gives one."))
    path = figure_path(path)
    figure = Figure(figsize=(WIDTH, HEIGHT + ROW * (rows - 1)), dpi=DPI, layout="constrained")
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    if drawable("title", title):
        figure.suptitle(title, fontsize=9)
    return path, figure, axes


def _texts(labels):
    """Labels as a list of texts, none for None; TypeError, ValueError otherwise."""
    if labels is None:
        return []
    if not isinstance(labels, list | tuple):
        raise TypeError(complaint("labels", "a list of texts", shown(labels), "One a curve."))
    for label in labels:
        if drawable("labels", label)[:1] in ("", "_"):
            raise ValueError(complaint("labels", "texts that do not begin with _", shown(label), "One a curve."))
    return labels


def _legend_above(ax):
    """A legend of white lines, above the axes."""
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, fontsize=8, facecolor="#444444", labelcolor="white")


def _grid(name, values):
    """Values along one axis of a map, two or more."""
    if len(values) < 2:
        raise ValueError(complaint(name, "two or more numbers", len(values), "A map has an extent."))
    return values


def _f_range(f_range, f, density, resonance):
    """Ends of the frequency axis, Hz."""
    if f_range is None:
        return 0.0, min(1.5 * max(f[np.argmax(density, axis=0)].max(), resonance.max()), f[-1])
    ends = np.asarray(as_array("f_range", f_range))
    if ends.shape != (2,) or not 0 <= ends[0] < ends[1] < np.inf:
        raise ValueError(complaint("f_range", "two increasing frequencies", shown(f_range), "In hertz: (8e9, 15e9)."))
    return ends


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
    """The first few curves of values (n, *batch), each with its style; none for None."""
    curves = () if values is None else values.reshape(len(values), -1).T[:CURVES]
    for k, curve in enumerate(curves):
        line, mark = LINES[k // len(COLOURS)]
        yield curve, {"color": COLOURS[k % len(COLOURS)], "ls": line, "marker": mark, "ms": 3, "lw": 1.1}


def _crossings(x, y):
    """Where y(x) changes sign, on straight lines between the points."""
    k = np.flatnonzero(np.diff(np.sign(y)) != 0)
    k = k[np.isfinite(y[k]) & np.isfinite(y[k + 1])]
    return np.unique(x[k] - y[k] * (x[k + 1] - x[k]) / (y[k + 1] - y[k]))


def _coarser(f, density):
    """At most 2 ROWS - 1 rows: the largest density of each group of rows."""
    group = max(1, len(f) // ROWS)
    n = len(f) // group * group
    return f[:n].reshape(-1, group).mean(axis=1), density[:n].reshape(-1, group, density.shape[1]).max(axis=1)
