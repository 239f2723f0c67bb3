"""What a saved run, or a sweep, says of itself, line by line."""

import os

import numpy as np

from shno import drive, hdf5, oscillator, sweep_reading, sweep_result, trajectory
from shno.command import printable

PIECE = 2**22  # numbers looked at at a time


def info(path):
    """The settings and parameters of the run, or of the sweep, in a file, a list of lines.

    Raises : as of `load` and `load_sweep`
    """
    return _sweep(path) if sweep_reading.is_sweep(path) else _run(path)


def _run(path):
    """The lines of a run."""
    run, about = trajectory.read_with(path, lazy=True)
    batch = run.m.shape[1:-1]
    count = f"{np.prod(batch)} oscillators in a batch {batch}" if batch else "1 oscillator"
    n, states = len(run.t), about.get("states", len(run.t))
    part = "" if n == states else f" of {states}: `shno resume` finishes it"
    lines = [f"{path} ({os.path.getsize(path) / 1e6:.2f} MB): {n} states of {count}{part}"]
    lines += [f"  {'t':<12} {run.t[0] * 1e9:g} to {run.t[-1] * 1e9:g} ns, shape {run.t.shape}"] if n else []
    lines += [f"  {'m':<12} shape {run.m.shape}, {run.m.dtype}"]
    if run.T is not None and n:
        lines += [f"  {'T':<12} shape {run.T.shape}, {run.T.min():.6g} to {run.T.max():.6g} K"]
    lines += _fields("settings", run, dict.fromkeys(trajectory.SETTINGS, "1") | hdf5.SETTING_UNITS)
    return lines + _fields("oscillator", run.oscillator, oscillator.UNITS) + _fields("drive", run.drive, drive.UNITS)


def _sweep(path):
    """The lines of a sweep."""
    sweep = sweep_result.load_sweep(path)
    each = f", {sweep.realisations} realisations each" if sweep.realisations > 1 else ""
    part = "" if sweep.finished == 1 else f", {100 * sweep.finished:.3g} % finished"
    size = f"{os.path.getsize(path) / 1e6:.2f} MB"
    lines = [f"{path} ({size}): sweep of {shape_text(sweep)} points{each}{part}", "axes"]
    lines += [f"  {name:<18} {_range(name, values, sweep.units)}" for name, values in sweep.axes.items()]
    lines += ["values"]
    for name, values in sweep.values.items():
        text = f"{_range(name, values, sweep.units)}; {values.size - known(values)[0]} of {values.size} are NaN"
        lines += [f"  {name:<18} {text}", f"  {'':<18} over {', '.join(sweep.dimensions[name])}"]
    told = {"reducer": sweep.reducer} | sweep.settings | {"versions": sweep.versions}
    told |= {"command_line": sweep.command_line} if sweep.command_line else {}
    units = hdf5.SETTING_UNITS | {"duration": "s"}
    told = {name: f"{_plain(value)} {units.get(name, '')}" for name, value in told.items() if value is not None}
    lines += ["settings", *(f"  {name:<18} {text}".rstrip() for name, text in told.items())]
    lines += _fields("oscillator", sweep.oscillator, oscillator.UNITS)
    return lines + _fields("drive", sweep.drive, drive.UNITS)


def shape_text(sweep):
    """The number of points along each axis of a grid, or in a list."""
    return " x ".join(str(len(x)) for x in sweep.axes.values() if sweep.mode == "grid") or str(sweep.points)


def known(values):
    """How many numbers of an array are finite, the smallest and the largest of them (NaN where there is none)."""
    flat, count, low, high = values.reshape(-1), 0, np.inf, -np.inf
    for first in range(0, flat.size, PIECE):
        part = flat[first : first + PIECE]
        part = part[np.isfinite(part)]
        if part.size:
            count, low, high = count + part.size, min(low, part.min()), max(high, part.max())
    return (count, low, high) if count else (0, np.nan, np.nan)


def _range(name, values, units):
    """Shape and range of an array, with its unit."""
    count, low, high = known(values)
    unit = "" if units[name] in (None, "1") else f" {units[name]}"
    return f"{values.shape}" + (f", {low:.6g} to {high:.6g}{unit}" if count else "")


def _plain(value):
    """A setting as text on one line."""
    return f"{value:.9g}" if isinstance(value, float) else printable(str(value))


def _fields(title, record, units):
    """One line a field: name, value, unit; what is None and a vector at its default are left out."""
    lines = [title]
    for name, unit in units.items():
        value, default = getattr(record, name), getattr(type(record), name, None)
        if value is not None and not _is_same(value, default):
            lines.append(f"  {name:<12} {value_text(value)}{'' if unit == '1' else f' {unit}'}")
    return lines


def _is_same(value, default):
    """Whether a field of an Oscillator or Drive is at its default, other than a number or name of the settings."""
    return np.ndim(value) > 0 and np.shape(value) == np.shape(default) and np.all(np.equal(value, default))


def value_text(value):
    """A number, a name, a vector, an array's shape and range, or a waveform in short."""
    if hasattr(value, "summary"):
        return value.summary
    if isinstance(value, tuple):
        return f"({', '.join(map(value_text, value))})"
    if np.ndim(value) == 0:
        return printable(str(value)) if isinstance(value, str | int) else f"{value:.9g}"
    if np.shape(value) == (3,):
        return f"({', '.join(f'{x:.9g}' for x in value)})"
    return f"array {np.shape(value)}, {np.min(value):.6g} to {np.max(value):.6g}"


def drive_text(applied):
    """Current and field of a Drive of numbers, in mA and mT."""
    name, value = applied.current
    scale, unit = {"I": (1e3, "mA"), "J": (1.0, "A/m^2"), "a_DL": (1e3, "mT")}[name]
    return f"{name} = {value * scale:.6g} {unit}, B_ext = ({', '.join(f'{1e3 * B:.6g}' for B in applied.B_ext)}) mT"
