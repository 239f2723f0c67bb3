"""Waveforms as named numbers and back, for files: `I.Sum.a.Sine.amplitude = 1e-3` is data, no pickle, no code.

A name is the path through the waveform: a Drive field (a component of B_ext has its index), then kind and field.
"""

from dataclasses import fields, replace

import numpy as np

from shno import waveforms
from shno.sampled import INTERPOLATIONS, Function, Tabulated
from shno.waveform import Waveform

KINDS = {name: getattr(waveforms, name) for name in waveforms.__all__ if name != "Function"}
UNITS = {
    **dict.fromkeys(("time", "start", "stop", "width", "period", "duration", "interval"), "s"),
    **dict.fromkeys(("frequency", "f_start", "f_stop"), "Hz"),
    **dict.fromkeys(("count", "interpolation"), "1"),
    "phase": "rad",
}


def waveform_numbers(name, value, unit):
    """{path: (number or array, unit)} of a parameter that may be a waveform; nothing where it is None."""
    if value is None:
        return {}
    if not isinstance(value, Waveform):
        return {name: (value, unit)}
    found, kind = {}, type(value).__name__
    for field in fields(value):
        part = getattr(value, field.name)
        if field.name == "interpolation":
            part = float(INTERPOLATIONS.index(part))
        within = UNITS.get(field.name, "1" if kind == "Product" and field.name == "b" else unit)
        found |= waveform_numbers(f"{name}.{kind}.{field.name}", part, within)
    return found


def waveforms_of_numbers(numbers):
    """{name: number, array, waveform or a tuple of three} from {path: number or array}.

    Raises : ValueError, TypeError, KeyError where a path names no waveform, or not all that it needs
    """
    values, trees = {}, {}
    for path, number in numbers.items():
        name, _, rest = path.partition(".")
        if rest:
            trees.setdefault(name, {})[rest] = number
        else:
            values[name] = number
    return values | {name: _grown(tree) for name, tree in trees.items()}


def _grown(tree):
    """The waveform, or the three components, that paths below one name describe."""
    heads = {path.partition(".")[0] for path in tree}
    if heads == {"0", "1", "2"}:
        inner = waveforms_of_numbers({_below(path): number for path, number in tree.items()})
        return tuple(inner[f"_{k}"] for k in range(3))
    if len(heads) != 1 or not heads <= set(KINDS):
        raise ValueError(f"a waveform must be one of {', '.join(KINDS)}, got {', '.join(sorted(heads))}")
    (kind,) = heads
    given = waveforms_of_numbers({path.partition(".")[2]: number for path, number in tree.items()})
    if "interpolation" in given:
        given["interpolation"] = INTERPOLATIONS[int(given["interpolation"])]
    return KINDS[kind](**given)


def _below(path):
    """The path of a component with a name in place of its index."""
    index, _, rest = path.partition(".")
    return f"_{index}.{rest}" if rest else f"_{index}"


def tabulated(drive, times, interval):
    """The drive with each callable replaced by its table at the stages (n, 3) of a run's steps."""

    def table(value):
        if isinstance(value, tuple):
            return tuple(map(table, value))
        if isinstance(value, Function):
            middles = np.repeat(times[:, 1:2], 3, axis=1)
            return Tabulated(value.at(times, middles), interval, float(times[0, 0]))
        if isinstance(value, waveforms.Sum | waveforms.Product):
            return type(value)(table(value.a), table(value.b))
        return value

    return replace(drive, **{name: table(value) for name, value in drive.parts.items()})
