"""The result of a run: `Trajectory`, m(t) and all that is needed to repeat it."""

from dataclasses import dataclass, fields

import numpy as np

from shno import hdf5
from shno.checks import equal_fields
from shno.drive import UNITS as DRIVE_UNITS
from shno.drive import Drive, Sampled
from shno.oscillator import UNITS as OSCILLATOR_UNITS
from shno.oscillator import Oscillator

SETTINGS = ("dt", "t0", "save_every", "solver", "executor", "dtype", "temperature", "seed", "versions")


@dataclass(frozen=True, eq=False)
class Trajectory:
    """m(t) of one oscillator or a batch, with everything that repeats the run.

    t : (n_saved,), s              t[0] = t0, the state before the first step
    m : (n_saved, *batch, 3)       unit magnetisation, numpy
    oscillator, drive              what was simulated
    dt, t0 : s; save_every         the solver's step, the start, steps between saved states
    solver, executor, dtype        "rk4" | "reference"; "compiled" | "torch" | "scipy"; "float64" | "float32"
    temperature : K; seed          0 and None for a deterministic run
    versions                       of the libraries that made it
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

    __eq__ = equal_fields
    __hash__ = None

    def save(self, path):
        """Write to an HDF5 file (`shno.load` reads it back equal); beside first, then renamed.

        Raises : OSError with one line when the path cannot be written
        """
        groups = {
            "oscillator": _described(self.oscillator, OSCILLATOR_UNITS),
            "drive": _described(self.drive, DRIVE_UNITS),
        }
        settings = {name: getattr(self, name) for name in SETTINGS if getattr(self, name) is not None}
        hdf5.write(path, t=self.t, m=self.m, groups=groups, attributes=settings)


def _described(record, units):
    """The fields of an Oscillator or a Drive as {name: (value, unit)}; a waveform gives its samples and interval."""
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    described = {}
    for name, value in values.items():
        if isinstance(value, Sampled):
            described |= {name: (value.values, units[name]), f"{name}_interval": (value.interval, "s")}
        elif value is not None:
            described[name] = (value, units[name])
    return described


def _drive(group):
    """The Drive of a file's group; the inverse of `_described`."""
    waveforms = {name.removesuffix("_interval"): value for name, value in group.items() if name.endswith("_interval")}
    group = {name: value for name, value in group.items() if not name.endswith("_interval")}
    return Drive(**group | {name: Sampled(group[name], interval) for name, interval in waveforms.items()})


def load(path):
    """Read a Trajectory that `Trajectory.save` wrote.

    Raises : FileNotFoundError; ValueError when the file is not ours, damaged or of another layout version
    """
    t, m, groups, attributes = hdf5.read(path)
    try:
        return Trajectory(t, m, Oscillator(**groups["oscillator"]), _drive(groups["drive"]), **attributes)
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(f"{path} does not hold a valid run: {error}") from None
