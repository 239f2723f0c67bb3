"""The points of a sweep: which number an axis stands for, and the oscillator and the drive of any of the runs.

An axis is named after what it varies, and its values are SI:

    alpha, Ku, I, J, a_DL, V_gate ...   a field of the `Oscillator` or the `Drive`; a current takes the place of the
                                        drive's own
    p, easy_axis, B_ext, m0 ...         a vector as a whole, values (n, 3)
    B_ext.z, p.x ...                    one component of a vector, the others held
    B_ext.magnitude                     its length, T, the direction held
    I.Sine.frequency, B_ext.x.Sine.phase ...   a number of a waveform
    temperature, duration, dt, noise_dt, seed   of the call of `simulate`

Runs are numbered point x realisations + realisation; in a grid the last axis varies fastest. The number of a run is
also that of its noise stream, so that neither blocks nor workers change the noise of any.
"""

from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import product
from math import prod

import numpy as np

from shno.checks import as_array, check_finite, check_unit_vectors, complaint, shown
from shno.drive import CURRENTS, Drive
from shno.drive import UNITS as DRIVE_UNITS
from shno.oscillator import TRAILING, VECTORS, Oscillator
from shno.oscillator import UNITS as OSCILLATOR_UNITS
from shno.waveform_numbers import waveform_numbers, waveforms_of_numbers

RUN_UNITS = {"temperature": "K", "duration": "s", "dt": "s", "noise_dt": "s", "seed": "1"}  # one a call of simulate
UNITS = OSCILLATOR_UNITS | DRIVE_UNITS | RUN_UNITS | {"m0": "1"}
OWN_AXES = TRAILING | {"B_ext": 1, "m0": 1}
COMPONENTS = {"x": 0, "y": 1, "z": 2}
LARGEST = 2**32  # runs: the noise streams of one seed
MOST_CROSSED = 6  # axes of whose ends all combinations are looked at
LARGEST_SEED = 2**53  # of an axis: its values are float64


@dataclass(frozen=True)
class Axis:
    """One axis: the field that it varies, the part of it ("" for all), its unit and its values (n,) or (n, ...)."""

    name: str
    field: str
    part: str
    unit: str
    values: np.ndarray


@dataclass(frozen=True)
class Points:
    """All points of a sweep around an oscillator and a drive, each with so many realisations.

    axes : tuple of Axis    a grid of all their values, or a list of points where the values go together
    """

    oscillator: Oscillator
    drive: Drive
    axes: tuple
    is_grid: bool
    realisations: int

    @property
    def shape(self):
        """One number an axis in a grid; the number of points in a list."""
        return tuple(len(axis.values) for axis in (self.axes if self.is_grid else self.axes[:1]))

    @property
    def runs(self):
        """Runs in all."""
        return prod(self.shape) * self.realisations

    def corners(self):
        """The first runs, sorted, where each axis is at its smallest or its largest value, one after the other: in a
        grid of few axes at all of their combinations.
        """
        ends = [{int(size.argmin()), int(size.argmax())} for size in (_sizes(axis) for axis in self.axes)]
        if not self.is_grid:
            points = sorted(set().union(*ends))
        elif len(ends) <= MOST_CROSSED:
            points = [np.ravel_multi_index(place, self.shape) for place in product(*ends)]
        else:
            places = [[min(each) for each in ends] for _ in range(1 + len(ends))]
            for axis, each in enumerate(ends):
                places[axis][axis] = max(each)
            points = [np.ravel_multi_index(place, self.shape) for place in places]
        return np.unique(points) * self.realisations

    def values(self, runs):
        """{name: values (n, ...)} of the axes at runs (n,)."""
        point = np.asarray(runs) // self.realisations
        places = np.unravel_index(point, self.shape) if self.is_grid else (point,) * len(self.axes)
        return {axis.name: axis.values[place] for axis, place in zip(self.axes, places, strict=True)}

    def records(self, runs):
        """The Oscillator and the Drive of runs (n,), as batches (n,)."""
        return self._with(self.values(runs))

    def groups(self, runs):
        """Runs that one call of simulate can take together: [({name: number} of the call, runs (k,))]."""
        names = [axis.name for axis in self.axes if axis.field in RUN_UNITS]
        if not names:
            return [({}, runs)]
        values = self.values(runs)
        rows, which = np.unique(np.stack([values[name] for name in names], axis=1), axis=0, return_inverse=True)
        which = np.ravel(which)
        return [(dict(zip(names, row.tolist(), strict=True)), runs[which == k]) for k, row in enumerate(rows)]

    def guests(self, call, runs):
        """A few more runs with these numbers of the call, where an axis switches a term off for all of some runs: in
        their company every block runs the same program, to the last bit.
        """
        values = self.values(runs)
        off = [axis for axis in self.axes if axis.field not in RUN_UNITS and not _is_on(axis, values[axis.name]).any()]
        found = {self._first(call | {axis.name: None}) for axis in off}
        return np.array(sorted(found - {None}), dtype=np.int64)

    def _first(self, wanted):
        """The first run whose axes have the wanted numbers; None stands for any that switches something on."""
        masks = []
        for axis in self.axes:
            if axis.name not in wanted:
                masks.append(np.ones(len(axis.values), bool))
            elif wanted[axis.name] is None:
                masks.append(_is_on(axis, axis.values))
            else:
                masks.append(axis.values == wanted[axis.name])
        if not self.is_grid:
            masks = [np.logical_and.reduce(masks)]
        if not all(mask.any() for mask in masks):
            return None
        return int(np.ravel_multi_index([int(mask.argmax()) for mask in masks], self.shape)) * self.realisations

    def _with(self, values):
        """The records with the axes at these values."""
        oscillator, parts = {}, dict(self.drive.parts)
        for axis in self.axes:
            new = values[axis.name]
            if axis.field in OSCILLATOR_UNITS:
                held = oscillator.get(axis.field, getattr(self.oscillator, axis.field))
                oscillator[axis.field] = _component(held, axis.part, new) if axis.part else new
            elif axis.field in CURRENTS and not axis.part:
                parts = {axis.field: new} | {name: part for name, part in parts.items() if name not in CURRENTS}
            elif axis.field in DRIVE_UNITS:
                parts[axis.field] = _part(parts[axis.field], axis, new)
        return replace(self.oscillator, **oscillator), Drive(**parts)


def points_of(oscillator, drive, axes, *, is_grid, realisations):
    """The Points of named axes, all of it checked.

    Raises : TypeError, ValueError, naming the axis
    """
    for name, record, kind in (("oscillator", oscillator, Oscillator), ("drive", drive, Drive)):
        if not isinstance(record, kind):
            raise TypeError(complaint(name, f"a shno.{kind.__name__}", shown(record), "shno.preset(name) gives one."))
    if oscillator.shape or any(np.ndim(x) for name, x in drive.parts.items() if name != "B_ext"):
        raise ValueError(complaint("oscillator, drive", "single", "arrays", "What varies is an axis."))
    if not isinstance(axes, dict) or not axes:
        raise TypeError(complaint("axes", "a dict {name: values}, not empty", shown(axes), 'For example {"I": ...}.'))
    axes = tuple(_axis(name, values, drive) for name, values in axes.items())
    _check_apart(axes, drive)
    if not is_grid and len({len(axis.values) for axis in axes}) > 1:
        got = ", ".join(f"{axis.name} {len(axis.values)}" for axis in axes)
        raise ValueError(complaint("axes", "of one length where mode is 'points'", got, "Or take mode='grid'."))
    points = Points(oscillator, drive, axes, is_grid, realisations)
    if points.runs > LARGEST:
        raise ValueError(complaint("axes", "of at most 2^32 runs in all", points.runs, "Divide the sweep."))
    for k, axis in enumerate(axes):  # each value is checked by the records, in a grid beside the others' first ones
        if is_grid or k == 0:
            points._with({each.name: each.values if each is axis or not is_grid else each.values[:1] for each in axes})
    return points


def names_of(drive):
    """{name: unit} of all axes that there are for a drive, waveforms' numbers included."""
    names = dict(UNITS)
    for field in {*VECTORS, "B_ext"}:
        if OWN_AXES[field] == 1:
            names |= {f"{field}.{part}": UNITS[field] for part in COMPONENTS}
    names["B_ext.magnitude"] = "T"
    for field, value in drive.parts.items():
        numbers = {}
        for part, inner in zip(COMPONENTS, value, strict=True) if isinstance(value, tuple) else (("", value),):
            numbers |= waveform_numbers(f"{field}.{part}".rstrip("."), inner, UNITS[field])
        names |= {name: unit for name, (number, unit) in numbers.items() if np.ndim(number) == 0}
    return names


def _axis(name, values, drive):
    """The axis of that name; ValueError where there is none, or its values do not fit."""
    names = names_of(drive)
    if name not in names:
        near = get_close_matches(name, names, n=1, cutoff=0.4) if isinstance(name, str) else ()
        remedy = f"Did you mean {near[0]}?" if near else "It is a field of the oscillator, the drive or the call."
        raise ValueError(complaint("axes", "named after what they vary", shown(name), remedy))
    label = f"axis {name}"
    values = np.asarray(as_array(label, values))
    field, _, part = name.partition(".")
    own = 0 if part else OWN_AXES.get(field, 0)
    if values.ndim != 1 + own or values.size == 0 or (own and field not in ("further_Ku", "further_Ku2")
                                                      and values.shape[-1] != 3):  # fmt: skip
        shape = "(n,)" if not own else "(n, 3)" if own == 1 else "(n, k, 3)"
        raise ValueError(complaint(label, f"of shape {shape}, not empty", f"shape {values.shape}", "One row a value."))
    check_finite(label, values)
    if field == "m0":
        check_unit_vectors("m0", values)
    if field == "seed" and not np.all((values == np.round(values)) & (values >= 0) & (values < LARGEST_SEED)):
        raise ValueError(complaint(label, "of whole numbers in [0, 2^53)", shown(values), "Seeds of the noise."))
    if field == "B_ext" and part == "magnitude" and (isinstance(drive.B_ext, tuple) or not np.any(drive.B_ext)):
        raise ValueError(complaint("B_ext of drive", "constant and not 0", "none such", "Its direction is held."))
    return Axis(name, field, part, names[name], values)


def _check_apart(axes, drive):
    """ValueError where two axes vary the same thing, or one a part of what another exchanges."""
    for k, first in enumerate(axes):
        for second in axes[k + 1 :]:
            alike = first.field == second.field or {first.field, second.field} <= set(CURRENTS)
            if alike and not (first.part and second.part and "magnitude" not in (first.part, second.part)):
                got, remedy = f"{first.name} and {second.name}", "Vary its parts, or the whole."
                raise ValueError(complaint("axes", "of different things", got, remedy))


def _sizes(axis):
    """What the values of an axis are compared by, (n,): numbers, or the length of vectors."""
    return axis.values if axis.values.ndim == 1 else np.linalg.norm(axis.values.reshape(len(axis.values), -1), axis=1)


def _is_on(axis, values):
    """Whether values (n, ...) of an axis switch something on: (n,)."""
    return (values.reshape(len(values), -1) != (1.0 if axis.field == "Lambda" else 0.0)).any(axis=1)


def _component(vectors, part, new):
    """Vectors (3,) or (n, 3) with one component exchanged for values (n,)."""
    vectors = np.array(np.broadcast_to(vectors, (len(new), 3)))
    vectors[:, COMPONENTS[part]] = new
    return vectors


def _part(held, axis, new):
    """A field of a drive with a component, its length, or a number of its waveform exchanged; all of it without one."""
    head, _, rest = axis.part.partition(".")
    if not head:
        return new
    if head == "magnitude":
        return new[:, None] * (held / np.linalg.norm(held))
    if head not in COMPONENTS:
        return _with_number(held, axis.part, new)
    if not rest and not isinstance(held, tuple):
        return _component(held, head, new)
    k = COMPONENTS[head]
    return (*held[:k], _with_number(held[k], rest, new) if rest else new, *held[k + 1 :])


def _with_number(wave, path, new):
    """A waveform with one of its numbers exchanged for values (n,)."""
    numbers = {name: number for name, (number, _) in waveform_numbers("wave", wave, "1").items()}
    return waveforms_of_numbers(numbers | {f"wave.{path}": new})["wave"]
