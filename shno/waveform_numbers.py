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
    **dict.fromkeys(("time", "times", "start", "stop", "width", "period", "duration", "interval"), "s"),
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
        given["interpolation"] = dict(enumerate(INTERPOLATIONS))[given["interpolation"]]
    return KINDS[kind](**given)


def _below(path):
    """The path of a component with a name in place of its index."""
    index, _, rest = path.partition(".")
    return f"_{index}.{rest}" if rest else f"_{index}"


def tabulated(drive, clock, steps):
    """The drive with each callable replaced by its table at the stages of a run's steps, of which a breakpoint that
    all oscillators share makes two parts (`plan.Clock` tells the steps' times).

    A step that is divided for some oscillators only has the three stages of the whole; parts of it interpolate.
    """
    times = _shared_breakpoints(drive, clock, steps)
    stages = _stages(clock, steps, times)
    middles = np.repeat(stages[:, 1:2], 3, axis=1)

    def table(value):
        if isinstance(value, tuple):
            return tuple(map(table, value))
        if isinstance(value, Function):
            return Tabulated(value.at(stages, middles), clock.dt, clock.at(0), times)
        if isinstance(value, waveforms.Sum | waveforms.Product):
            return type(value)(table(value.a), table(value.b))
        return value

    return replace(drive, **{name: table(value) for name, value in drive.parts.items()})


def _shared_breakpoints(drive, clock, steps):
    """The breakpoints that all oscillators share in a run, sorted; those on the grid of its steps are put there."""
    start, stop, times = clock.at(0), clock.at(steps), [np.empty(0)]
    for kinks in (kinks for wave in drive.waveforms for kinks in wave._kinks(start, stop)):
        first, last = (bound(kinks, axis=tuple(range(1, kinks.ndim))) for bound in (np.min, np.max))
        times.append(first[first == last])
    times = np.concatenate(times)
    place = clock.place(times)
    times = np.unique(np.where(place % 1 == 0, clock.at(place), times))
    return times[(times > start) & (times < stop)]


def _stages(clock, steps, times):
    """Start, middle and end of each step, or part of one that times divide, as a run takes them: (steps + k, 3), s."""
    whole = clock.stages(0, steps)
    edges = np.sort(np.concatenate([whole[:, 0], whole[-1:, 2], times]))
    parts = np.stack([edges[:-1], (edges[:-1] + edges[1:]) / 2, edges[1:]], axis=1)
    before, within = np.searchsorted(times, whole[:, 0], "right"), np.searchsorted(times, whole[:, 2], "left")
    undivided = before == within
    parts[(np.arange(steps) + before)[undivided]] = whole[undivided]
    return parts
