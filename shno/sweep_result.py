"""The result of a sweep: `Sweep`, labelled arrays and all that is needed to repeat it."""

import hashlib
import json
import os
import platform
from dataclasses import dataclass, fields

import h5py
import numpy as np

from shno import __version__, sweep_file, sweep_reading
from shno.checks import as_path, complaint, equal_fields
from shno.drive import UNITS as DRIVE_UNITS
from shno.drive import Drive
from shno.oscillator import UNITS as OSCILLATOR_UNITS
from shno.oscillator import Oscillator
from shno.sweep_checks import check_sweep
from shno.sweep_points import OWN_AXES
from shno.waveform_numbers import waveform_numbers, waveforms_of_numbers

RESERVED = {"time", "component", "point", "realisation", "parameters", "blocks"}


@dataclass(frozen=True, eq=False)
class Sweep:
    """Values over the axes of a sweep, with everything that repeats it. sweep["frequency"] is one of its arrays.

    axes : {name: (n,) or (n, ...)}     SI; their grid, or (mode "points") the points one by one
    values : {name: array}              (*axes, [realisations,] ...), or (points, [realisations,] ...); NaN where a
                                        point is not computed, and where there is no line, no threshold ...
    units : {name: unit}                of axes and values; None where it is not known
    dimensions : {name: names}          of each array of values
    scales : {name: (n,)}               of the dimensions that are no axis: realisation, time (s) ...
    mode, realisations                  "grid" | "points", number at each point
    reducer, settings                   what made the values of a run; the settings of `simulate`
    oscillator, drive                   around which it sweeps
    finished : 1                        share of its blocks that are computed
    config, command_line, versions      the TOML and the words that it was called by, where there were any
    """

    axes: dict
    values: dict
    units: dict
    dimensions: dict
    scales: dict
    mode: str
    realisations: int
    reducer: str
    settings: dict
    oscillator: Oscillator
    drive: Drive
    finished: float = 1.0
    config: str = ""
    command_line: str = ""
    versions: str = ""

    def __eq__(self, other):
        """Whether all is equal, arrays by value, NaN to NaN; how it was called and by which versions is no part."""
        if not isinstance(other, Sweep):
            return NotImplemented
        told = ("config", "command_line", "versions", "oscillator", "drive")
        mine, its = ({f.name: getattr(x, f.name) for f in fields(x) if f.name not in told} for x in (self, other))
        records = equal_fields(self.oscillator, other.oscillator) and equal_fields(self.drive, other.drive)
        return records and _equal(mine, its)

    __hash__ = None

    def __getitem__(self, name):
        """The array of values, or the axis, of that name."""
        known = self.values | self.axes | self.scales
        if name not in known:
            raise KeyError(f"{name} is none of {', '.join(known)}")
        return known[name]

    def to_xarray(self):
        """The sweep as an xarray.Dataset: values over coordinates, with units in their attributes.

        Raises : OSError where xarray is not installed
        """
        try:
            import xarray
        except ImportError:
            raise OSError("xarray is not installed. Install shno-neuromorph[xarray].") from None
        scales, data = self._arrays()
        named = {name: {} if unit is None else {"units": unit} for name, (_, _, unit) in (scales | data).items()}
        coordinates = {name: (dims, array, named[name]) for name, (dims, array, _) in scales.items()}
        values = {name: (dims, array, named[name]) for name, (dims, array, _) in data.items()}
        about = {"reducer": self.reducer, "mode": self.mode, "settings": json.dumps(self.settings)}
        return xarray.Dataset(values, coordinates, about | {"versions": self.versions})

    def save(self, path):
        """Write to an HDF5 file (`load_sweep` reads it back equal); beside first, then renamed.

        Raises : TypeError, ValueError for what is no path; OSError with one line when it cannot be written
        """
        path, (_, data) = as_path("path", path), self._arrays()
        shapes = {name: (dims, array.shape, array.dtype, unit) for name, (dims, array, unit) in data.items()}
        runs = self.runs
        prepare(path, self, shapes, runs, "")
        writer = sweep_file.Writer(path)
        writer.write(0, {name: array.reshape(runs, -1) for name, (_, array, _) in data.items()})
        writer.close()

    @property
    def runs(self):
        """Runs in all, those of every point and realisation."""
        shape = [len(x) for x in self.axes.values()]
        return int(np.prod(shape if self.mode == "grid" else shape[:1])) * self.realisations

    @property
    def points(self):
        """Points in all, whatever the realisations."""
        return self.runs // self.realisations

    def _arrays(self):
        """Scales and values as {name: (dimensions, array, unit)}."""
        data = {name: (self.dimensions[name], array, self.units[name]) for name, array in self.values.items()}
        return scales_of(self), data


def prepare(path, sweep, data, block, definition):
    """Make the file of a sweep whose values are {name: (dimensions, shape, dtype, unit)}, none of them computed."""
    texts = {name: getattr(sweep, name) for name in ("mode", "reducer", "config", "command_line", "versions")}
    attributes = texts | {"settings": json.dumps(sweep.settings), "reducer_settings": "{}", "definition": definition}
    parameters = {
        "oscillator": described(sweep.oscillator, OSCILLATOR_UNITS),
        "drive": described(sweep.drive, DRIVE_UNITS),
    }
    attributes |= {"realisations": sweep.realisations, "axes": " ".join(sweep.axes)}
    made = {"scales": scales_of(sweep), "data": data, "parameters": parameters, "attributes": attributes}
    sweep_file.create(path, runs=sweep.runs, block=block, **made)


def load_sweep(path):
    """Read a Sweep that `shno.sweep` or `Sweep.save` wrote, also while it is written. Values of 256 MB or more stay in
    the file until they are looked at.

    Raises : TypeError for what is no path; FileNotFoundError, PermissionError; ValueError when the file is not ours,
    damaged or of another layout version
    """
    path = as_path("path", path)
    attributes, scales, data, parameters, _, finished = sweep_reading.read(path)
    try:
        names = attributes["axes"].split()
        axes = {name: _axis(name, scales) for name in names}
        units = {name: _unit(name, scales) for name in names} | {name: unit for name, (_, _, unit) in data.items()}
        known = {part for name in names for part in (name, *_parts(name, axes[name]))} | {"point"}
        told = {name: attributes[name] for name in ("mode", "reducer", "config", "command_line", "versions")}
        sweep = Sweep(
            axes, {name: array for name, (_, array, _) in data.items()}, units,
            {name: dimensions for name, (dimensions, _, _) in data.items()},
            {name: array for name, (_, array, _) in scales.items() if name not in known},
            realisations=attributes["realisations"], settings=json.loads(attributes["settings"]),
            oscillator=Oscillator(**parameters["oscillator"]), drive=Drive(**waveforms_of_numbers(parameters["drive"])),
            finished=finished, **told,
        )  # fmt: skip
        check_sweep(sweep)
        return sweep
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path} does not hold a valid sweep: {reason}") from None


def scales_of(sweep):
    """The coordinates of a sweep: {name: (dimensions, array, unit)}."""
    is_grid, scales = sweep.mode == "grid", {}
    if not is_grid:
        scales["point"] = (("point",), np.arange(len(next(iter(sweep.axes.values())))), "1")
    for name, values in sweep.axes.items():
        along = (name if is_grid else "point",)
        if values.ndim == 1:
            scales[name] = (along, values, sweep.units[name])
            continue
        if is_grid:
            scales[name] = (along, np.arange(len(values)), "1")
        flat = values.reshape(len(values), -1).T
        parts = zip(_parts(name, values), flat, strict=True)
        scales |= {part: (along, np.ascontiguousarray(column), sweep.units[name]) for part, column in parts}
    units = {"time": "s", "realisation": "1"}
    scales |= {name: ((name,), array, units.get(name, "1")) for name, array in sweep.scales.items()}
    if any("component" in names for names in sweep.dimensions.values()):
        scales["component"] = (("component",), np.array(["x", "y", "z"]), None)
    return scales


def described(record, units):
    """The fields of an Oscillator or a Drive as {path: (number or array, unit)}; None is left out."""
    numbers = {}
    for field in fields(record):
        value = getattr(record, field.name)
        for part, inner in enumerate(value) if isinstance(value, tuple) else ((None, value),):
            name = field.name if part is None else f"{field.name}.{part}"
            numbers |= waveform_numbers(name, inner, units[field.name])
    return numbers


def definition_of(sweep, reducer, given):
    """A text that is the same for two sweeps if, and only if, their values are.

    reducer : str           that tells it from others; given : dict, its keywords
    """
    digest = hashlib.sha256()
    texts = [sweep.mode, sweep.realisations, reducer, repr(sorted(given.items())), list(sweep.axes)]
    digest.update(json.dumps([*texts, sweep.settings], sort_keys=True).encode())
    records = ((sweep.oscillator, OSCILLATOR_UNITS), (sweep.drive, DRIVE_UNITS))
    numbers = [(name, value) for record in records for name, (value, _) in sorted(described(*record).items())]
    for name, values in (*sweep.axes.items(), *numbers):
        values = np.ascontiguousarray(values, dtype=np.float64)
        digest.update(f"{name} {values.shape}".encode() + values.tobytes())
    return digest.hexdigest()


def versions():
    """The libraries that make a sweep."""
    return f"shno {__version__}, numpy {np.__version__}, h5py {h5py.__version__}, python {platform.python_version()}"


def check_names(axes, values):
    """ValueError where a name would stand for two things in the file."""
    for name in values:
        if name in RESERVED or any(name == axis or axis.startswith(f"{name}.") for axis in axes):
            remedy = "Let the reducer return a dict with another name."
            raise ValueError(complaint(f"{name}, which reducer returns,", "a name that is free", name, remedy))


def check_folder(path):
    """OSError unless a file can be made there: found out before a long run, not after it."""
    folder = os.path.dirname(os.path.realpath(path))
    if os.path.isdir(path):
        raise OSError(f"{path} cannot be written: it is a folder. Give a file name.")
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise OSError(f"{path} cannot be written: no such folder. Use one that exists and that you may write to.")


def check_replaceable(path):
    """ValueError where a file holds a sweep that is not finished: what there is of it would be lost."""
    if sweep_reading.is_sweep(path) and (share := sweep_reading.progress(path)[1].mean()) < 1:
        got = f"{path}, {100 * share:.3g} % of a sweep"
        raise ValueError(complaint("out", "a file that may be replaced", got, "Resume it, remove it, or name another."))


def check_memory(runs, values):
    """ValueError unless the values of all runs fit into the memory of this machine."""
    size = sum(value[:1].nbytes for value in values.values()) * runs
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if size > memory:
        rule, got = (
            f"given where the values do not fit into memory, {memory / 1e9:.3g} GB",
            f"None for {size / 1e9:.3g} GB",
        )
        raise ValueError(complaint("out", rule, got, "They are then written block by block."))


def _parts(name, values):
    """What the numbers of a vector axis are called."""
    if values.ndim == 1:
        return []
    if values.ndim == 2 and values.shape[1] == 3 and OWN_AXES[name] == 1:
        return [f"{name}.{part}" for part in "xyz"]
    return [f"{name}.{k}" for k in range(values[0].size)]


def _axis(name, scales):
    """The values of an axis from the scales of a file."""
    if f"{name}.x" in scales:
        return np.stack([scales[f"{name}.{part}"][1] for part in "xyz"], axis=-1)
    if f"{name}.0" in scales:
        flat = np.stack([scales[f"{name}.{k}"][1] for k in range(len(scales)) if f"{name}.{k}" in scales], axis=-1)
        own = {"further_axes": (-1, 3), "cubic_axes": (2, 3)}.get(name, (-1,))
        return flat.reshape(len(flat), *own)
    return scales[name][1]


def _unit(name, scales):
    """The unit of an axis from the scales of a file."""
    return next(scales[part][2] for part in (f"{name}.x", f"{name}.0", name) if part in scales)


def _equal(a, b):
    """Whether dicts of arrays, numbers and texts are equal, arrays by value and NaN to NaN."""
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(_equal(a[name], b[name]) for name in a)
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)
    return a == b
