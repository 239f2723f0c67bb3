"""What a saved run says of itself, line by line."""

import os

import numpy as np

from shno import drive, hdf5, oscillator, trajectory


def info(path):
    """The settings and parameters of the run in a file, a list of lines."""
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
        return value if isinstance(value, str | int) else f"{value:.9g}"
    if np.shape(value) == (3,):
        return f"({', '.join(f'{x:.9g}' for x in value)})"
    return f"array {np.shape(value)}, {np.min(value):.6g} to {np.max(value):.6g}"


def drive_text(applied):
    """Current and field of a Drive of numbers, in mA and mT."""
    name, value = applied.current
    scale, unit = {"I": (1e3, "mA"), "J": (1.0, "A/m^2"), "a_DL": (1e3, "mT")}[name]
    return f"{name} = {value * scale:.6g} {unit}, B_ext = ({', '.join(f'{1e3 * B:.6g}' for B in applied.B_ext)}) mT"
