"""Waveforms given by numbers: samples, from an array or a CSV file, or any Python callable and the table made of it."""

from dataclasses import dataclass

import numpy as np

from shno.checks import as_array, check_finite, check_values, complaint, equal_fields
from shno.waveform import Waveform, spread

INTERPOLATIONS = ("hold", "linear")
UNEVEN = 1e-6  # of the interval: how far times in a file may lie off an even grid


@dataclass(frozen=True, eq=False)
class Sampled(Waveform):
    """Samples at start + k interval: each held until the next ("hold"), or joined by lines ("linear").

    values : (n_samples, *batch)   in the unit of what it drives; the first holds before, the last after the samples
    interval, start : s
    interpolation : "hold" | "linear"
    Raises : TypeError, ValueError
    """

    values: np.ndarray
    interval: float
    start: float = 0.0
    interpolation: str = "hold"

    def __post_init__(self):
        """Convert to a read-only float64 array and check."""
        values = as_array("values", self.values)
        check_values(
            "number of samples", np.ndim(values) and len(values), ">= 1", lambda n: n >= 1, "Time is the first axis."
        )
        check_finite("values", values)
        for name in ("interval", "start"):
            value = as_array(name, getattr(self, name))
            if np.ndim(value):
                raise TypeError(complaint(name, "one number", f"shape {np.shape(value)}", "It is one for all samples."))
            check_finite(name, value)
            object.__setattr__(self, name, value)
        check_values("interval", self.interval, "> 0", lambda x: x > 0, "Time between samples, s.")
        if self.interpolation not in INTERPOLATIONS:
            known = f"one of {', '.join(INTERPOLATIONS)}"
            raise ValueError(complaint("interpolation", known, repr(self.interpolation), "Choose one of these."))
        object.__setattr__(self, "values", values)

    __eq__ = equal_fields
    __hash__ = None

    @classmethod
    def from_csv(cls, path, *, interpolation="linear"):
        """Read a CSV file: the first column is time in s on an even grid, each further column one of the batch.

        A first line of names and lines that begin with # are passed over.
        Returns : Sampled, its batch () for one column of values, (n,) for n
        Raises : FileNotFoundError; ValueError where it is not such a table
        """
        rows = np.array(_numbers(path))
        if rows.ndim != 2 or rows.shape[0] < 2 or rows.shape[1] < 2:
            raise ValueError(
                f"{path} must hold two columns and two lines or more, got shape {rows.shape}. Time is first."
            )
        t, values = rows[:, 0], rows[:, 1:]
        interval = (t[-1] - t[0]) / (len(t) - 1)
        off = np.abs(t - t[0] - interval * np.arange(len(t)))
        remedy = "Interpolate it to an even grid first."
        limit = UNEVEN * abs(interval)
        check_values(f"time off an even grid in {path}", off, f"at most {limit:.2g} s", lambda x: x <= limit, remedy)
        return cls(values[:, 0] if values.shape[1] == 1 else values, interval, t[0], interpolation)

    @property
    def shape(self):
        """Shape of one sample."""
        return self.values.shape[1:]

    def _evaluate(self, t, inside):
        steps = (inside - self.start) / self.interval
        k = np.clip(np.floor(steps), 0, len(self.values) - 1)
        index = k.reshape(len(k)).astype(int)
        here = spread(self.values[index], t)
        if self.interpolation == "hold":
            return here
        following = spread(self.values[np.minimum(index + 1, len(self.values) - 1)], t)
        return here + np.where(steps < 0, 0.0, (t - self.start) / self.interval - k) * (following - here)

    def _kinks(self, start, stop):
        first = max(0, int(np.floor((start - self.start) / self.interval)))
        last = min(len(self.values) - 1, int(np.ceil((stop - self.start) / self.interval)))
        return iter(self.start + self.interval * np.arange(first, last + 1))


def _numbers(path):
    """The rows of numbers of a CSV file."""
    with open(path, encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    rows, header = [], True
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        try:
            rows.append([float(word) for word in line.split(",")])
        except ValueError:
            if not header:
                raise ValueError(
                    f"line {number} of {path} must hold numbers, got {line!r}. Commas part them."
                ) from None
        header = False
    if len({len(row) for row in rows}) > 1:
        raise ValueError(f"{path} must hold as many columns in every line, got several numbers. Fill the gaps.")
    return rows


@dataclass(frozen=True, eq=False)
class Function(Waveform):
    """Any Python callable of the time in s, tabulated at the stages of the solver's steps.

    function : callable         function(t) -> number or array of the batch's shape
    times : (n,), s             where it jumps or kinks: there it is taken from the side of the step
    """

    function: object
    times: tuple | np.ndarray = ()

    def __post_init__(self):
        """Check the callable by its value at time zero, which also tells the shape."""
        if not callable(self.function):
            remedy = "It is called with the time in s."
            raise TypeError(complaint("function", "callable", repr(self.function), remedy))
        times = np.atleast_1d(as_array("times", self.times)) if np.size(self.times) else np.empty(0)
        check_finite("times", times)
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "shape", np.shape(self._value(0.0)))

    __eq__ = equal_fields
    __hash__ = None

    def _value(self, t):
        value = as_array(
            f"the value of {getattr(self.function, '__name__', 'the waveform')}({t:.6g})", self.function(t)
        )
        check_finite("waveform's value", value, f"The callable gave it at t = {t:.6g} s.")
        return value

    def _evaluate(self, t, inside):
        column, (t, inside) = t, (x.reshape(len(x)) for x in (t, inside))
        for jump in self.times:  # within rounding of a jump: from the side of `inside`
            near = np.abs(t - jump) <= 1e-9 * np.abs(inside - jump)
            t = np.where(near, np.nextafter(jump, np.where(inside > jump, np.inf, -np.inf)), t)
        return spread(np.array([self._value(float(x)) for x in t]), column)

    def _kinks(self, start, stop):
        return iter(self.times)


@dataclass(frozen=True, eq=False)
class Tabulated(Waveform):
    """A table at the stages of a run's steps: values[n] at start + n interval, half a step later, and a step later.

    values : (n_steps, 3, *batch)   between its points a parabola a step; before the first and after the last step held
    interval, start : s
    """

    values: np.ndarray
    interval: float
    start: float = 0.0

    def __post_init__(self):
        """Convert to a read-only float64 array and check."""
        values = as_array("values", self.values)
        if np.ndim(values) < 2 or values.shape[1] != 3 or not len(values):
            raise ValueError(
                complaint("values", "of shape (n_steps, 3, ...)", f"shape {np.shape(values)}", "3 stages.")
            )
        check_finite("values", values)
        check_values("interval", self.interval, "> 0", lambda x: x > 0, "The solver's step, s.")
        check_finite("start", self.start)
        object.__setattr__(self, "values", values)

    __eq__ = equal_fields
    __hash__ = None

    @property
    def shape(self):
        """Shape of one value."""
        return self.values.shape[2:]

    def _evaluate(self, t, inside):
        column, (t, inside) = t, (x.reshape(len(x)) for x in (t, inside))
        n = np.clip(np.floor((inside - self.start) / self.interval), 0, len(self.values) - 1).astype(int)
        x = np.clip((t - self.start) / self.interval - n, 0.0, 1.0)
        x = np.where(np.abs(2 * x - np.round(2 * x)) < 1e-6, np.round(2 * x) / 2, x)  # at a stage: the stored value
        weights = np.stack([(2 * x - 1) * (x - 1), 4 * x * (1 - x), x * (2 * x - 1)])
        return spread(np.einsum("sn,ns...->n...", weights, self.values[n]), column)
