"""The result of a run: `Trajectory`, m(t) and all that is needed to repeat it."""

from dataclasses import dataclass, field, fields

import numpy as np

from shno import hdf5, lock
from shno.checks import (
    as_integers,
    as_number,
    as_path,
    as_whole,
    check_choice,
    check_finite,
    check_kind,
    check_values,
    complaint,
    equal_fields,
    shown,
)
from shno.drive import UNITS as DRIVE_UNITS
from shno.drive import Drive
from shno.oscillator import UNITS as OSCILLATOR_UNITS
from shno.oscillator import Oscillator
from shno.plan import clock
from shno.sampled import Function
from shno.stored import Stored
from shno.waveform_numbers import tabulated, waveform_numbers, waveforms_of_numbers

KNOWN = {
    "solver": ("rk4", "heun", "reference"),
    "executor": ("compiled", "torch", "scipy"),
    "dtype": ("float64", "float32"),
}
ARRAYS = {"T": "K", "realisation": "1"}
SETTINGS = (
    *("dt", "t0", "save_every", "solver", "executor", "dtype", "temperature", "seed", "versions", "noise_dt"),
    *("command_line", "wall_time"),
)
OF_THE_FILE = ("states", "device", "compression", "rows", "exact")


@dataclass(frozen=True, eq=False)
class Trajectory:
    """m(t) of one oscillator or a batch, with everything that repeats the run.

    t : (n_saved,), s              t[0] = t0, the state before the first step
    m : (n_saved, *batch, 3)       unit magnetisation, numpy
    oscillator, drive              what was simulated
    dt, t0 : s; save_every         the solver's step, the start, steps between saved states
    solver, executor, dtype        "rk4" | "reference"; "compiled" | "torch" | "scipy"; "float64" | "float32"
    temperature : K; seed          of the surroundings, and of the noise; 0 and None for a deterministic run
    noise_dt : s; realisation      as given to `simulate`; None for its defaults
    T : (n_saved, *batch), K       of the oscillator, where Joule heating is on; else None
    versions                       of the libraries that made it
    command_line; wall_time : s    of the process that made it, where they are known; equal runs may differ in them
    A run that is in a file, `load(path, lazy=True)`, has t, m and T as `stored.Stored`: read when indexed.
    Raises : TypeError, ValueError for a setting that no run has
    """

    t: np.ndarray
    m: np.ndarray
    oscillator: Oscillator
    drive: Drive
    dt: float
    t0: float = 0.0
    save_every: int = 1
    solver: str = "rk4"
    executor: str = "compiled"
    dtype: str = "float64"
    temperature: float = 0.0
    seed: int | None = None
    versions: str = ""
    noise_dt: float | None = None
    realisation: np.ndarray | None = None
    T: np.ndarray | None = None
    command_line: str = field(default="", compare=False)
    wall_time: float | None = field(default=None, compare=False)

    __eq__ = equal_fields
    __hash__ = None

    def __post_init__(self):
        """Check the settings and the kinds; whoever reads t and m checks their shapes and values."""
        for name in ("t", "m") if self.T is None else ("t", "m", "T"):
            value = getattr(self, name)
            if not isinstance(value, np.ndarray | Stored) or (name == "T" and value.dtype.kind != "f"):
                raise TypeError(complaint(name, "a numpy array of numbers", shown(value), "simulate gives one."))
        if self.T is not None and self.T.shape != self.m.shape[:-1]:
            raise ValueError(complaint("T", "of m's shape without its last axis", f"shape {self.T.shape}", "In K."))
        check_kind("oscillator", self.oscillator, Oscillator, "It is what was simulated.")
        check_kind("drive", self.drive, Drive, "It is what was applied.")
        for name in ("dt", "t0", "temperature", *(() if self.noise_dt is None else ("noise_dt",))):
            object.__setattr__(self, name, as_number(name, getattr(self, name)))
        check_values("dt", self.dt, "in (0, 1e60] s", lambda x: (x > 0) & (x <= 1e60), "The solver's step.")
        check_values("t0", self.t0, "within +-1e60 s", lambda x: np.abs(x) <= 1e60, "Time of the first state.")
        check_values("temperature", self.temperature, "in [0, 1e5] K", lambda x: (x >= 0) & (x <= 1e5), "In kelvin.")
        object.__setattr__(self, "save_every", as_whole("save_every", self.save_every, 1, 1 << 40, "Steps."))
        for name, known in KNOWN.items():
            check_choice(name, getattr(self, name), known)
        if self.seed is not None:
            seed = as_integers("seed", self.seed, 64, "None for a deterministic run.", single=True)
            object.__setattr__(self, "seed", int(seed))
        if self.realisation is not None:
            realisation = as_integers("realisation", self.realisation, 32, "As given to simulate.").astype(np.int64)
            object.__setattr__(self, "realisation", realisation)
        if not isinstance(self.versions, str):
            raise TypeError(complaint("versions", "a string", shown(self.versions), "simulate writes it."))

    def save(self, path):
        """Write to an HDF5 file (`shno.load` reads it back equal); beside first, then renamed.

        Raises : TypeError, ValueError for what is no path; OSError with one line when it cannot be written, or when a
        run is being streamed to it
        """
        path = as_path("path", path)
        lock.check_free(path)
        groups, settings = self.content((len(self.t) - 1) * self.save_every)
        hdf5.write(path, t=self.t, m=self.m, groups=groups, attributes=settings)

    def to_xarray(self):
        """The run as an xarray.Dataset: m (and T) over named dimensions with units, the settings as attributes.

        Raises : ModuleNotFoundError with one line where xarray is not installed
        """
        try:
            import xarray
        except ModuleNotFoundError:
            raise ModuleNotFoundError("to_xarray needs xarray: pip install 'shno-neuromorph[xarray]'") from None
        names = hdf5.batch_names(self.m.shape[1:-1])
        coordinates = {name: np.arange(n) for name, n in zip(names, self.m.shape[1:-1], strict=True)}
        coordinates |= {"time": ("time", self.t[:], {"units": "s"}), "component": ["x", "y", "z"]}
        data = {"m": (("time", *names, "component"), self.m[:], {"units": "1", "long_name": "unit magnetisation"})}
        if self.T is not None:
            data["T"] = (("time", *names), self.T[:], {"units": "K"})
        settings = {name: getattr(self, name) for name in SETTINGS}
        return xarray.Dataset(data, coordinates, {k: v for k, v in settings.items() if v not in (None, "")})

    def content(self, steps):
        """All but the states, as `hdf5` writes it: groups, attributes. A callable becomes its table over the steps."""
        groups = {
            "oscillator": _described(self.oscillator, OSCILLATOR_UNITS),
            "drive": _described(self._stored_drive(steps), DRIVE_UNITS),
            "run": {
                name: (getattr(self, name), unit) for name, unit in ARRAYS.items() if getattr(self, name) is not None
            },
        }
        given = {name: getattr(self, name) for name in SETTINGS}
        return groups, {name: value for name, value in given.items() if value not in (None, "")}

    def _stored_drive(self, steps):
        """The drive with each callable as the table that the run's steps saw."""
        if not any(isinstance(leaf, Function) for wave in self.drive.waveforms for leaf in wave.leaves()):
            return self.drive
        return tabulated(self.drive, clock(self.t0, self.dt), steps)


def _described(record, units):
    """The fields of an Oscillator or a Drive as {name: (value, unit)}; a waveform as its tree of numbers."""
    described = {}
    for entry in fields(record):
        value = getattr(record, entry.name)
        if isinstance(value, tuple):
            parts = {f"{entry.name}.{k}": part for k, part in enumerate(value)}
        else:
            parts = {entry.name: value}
        for name, part in parts.items():
            described |= waveform_numbers(name, part, units[entry.name])
    return described


def _drive(group):
    """The Drive of a file's group; the inverse of `_described`."""
    return Drive(**waveforms_of_numbers(group))


def load(path, *, lazy=False):
    """Read a Trajectory that `Trajectory.save` or `simulate(..., out=path)` wrote; one that is being written, or was
    killed, as far as it is whole.

    lazy : whether the states stay in the file, to be read when they are indexed
    Raises : TypeError for what is no path; FileNotFoundError, PermissionError; ValueError when the file is not ours,
    damaged or of another layout version
    """
    return read_with(path, lazy)[0]


def read_with(path, lazy):
    """`load`, and {name: value} of what a streamed file says besides: states in all, device, start, exact state ..."""
    if not isinstance(lazy, bool):
        raise TypeError(complaint("lazy", "True or False", shown(lazy), "True leaves the states in the file."))
    t, m, groups, attributes = hdf5.read(as_path("path", path), lazy=lazy)
    about = {name: attributes.pop(name) for name in OF_THE_FILE if name in attributes}
    try:
        run = groups.get("run", {})
        about |= {name: run.pop(name) for name in ("m0", "T_start") if name in run}
        if "realisation" in run:
            run["realisation"] = np.asarray(run["realisation"]).astype(np.int64)
        if "T" in run and not lazy:
            run["T"] = run["T"].astype(m.dtype)
        if not lazy:
            check_finite("t", t), check_finite("m", m), check_finite("T", run.get("T", 0.0))
        parts = Oscillator(**groups["oscillator"]), _drive(groups["drive"])
        return Trajectory(t, m, *parts, **attributes, **run), about
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(f"{path} does not hold a valid run: {error}") from None
