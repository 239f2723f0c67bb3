"""Waveforms given by numbers: samples, from an array or a CSV file, or any Python callable and the table made of it."""

from dataclasses import dataclass

import numpy as np

from shno.checks import as_path, check_choice, check_finite, check_values, complaint, equal_fields, shown
from shno.waveform import LARGEST, Waveform, check_span, checked, one_number, spread

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
        values = checked("values", self.values)
        check_values(
            "number of samples",
            np.ndim(values) and len(values),
            ">= 1",
            lambda n: n >= 1,
            "Time is the first axis. Give values (n, ...).",
        )
        object.__setattr__(self, "values", values)
        _check_grid(self, "Time between samples, s.")
        check_choice("interpolation", self.interpolation, INTERPOLATIONS)

    __eq__ = equal_fields
    __hash__ = None

    @classmethod
    def from_csv(cls, path, *, interpolation="linear"):
        """Read a CSV file: the first column is time in s on an even grid, each further column one of the batch.

        A first line of names and lines that begin with # are passed over.
        Returns : Sampled, its batch () for one column of values, (n,) for n
        Raises : TypeError, FileNotFoundError; ValueError where it is not such a table
        """
        rows = np.array(_numbers(as_path("path", path)))
        if rows.ndim != 2 or rows.shape[0] < 2 or rows.shape[1] < 2:
            raise ValueError(
                f"{path} must hold two columns and two lines or more, got shape {rows.shape}. Time is first."
            )
        check_finite(f"every number in {path}", rows, "Rows and columns are counted through.")
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
        k, axes, last = _place(inside, self.start, self.interval), t.ndim, len(self.values) - 1
        index = np.clip(k, 0, last).reshape(len(k)).astype(int)
        here = spread(self.values[index], axes)
        if self.interpolation == "hold":
            return here
        following = spread(self.values[np.minimum(index + 1, last)], axes)
        return here + np.where(k < 0, 0.0, (t - self.start) / self.interval - k) * (following - here)

    def _kinks(self, start, stop):
        first = max(0.0, np.floor((start - self.start) / self.interval))
        last = min(len(self.values) - 1.0, np.ceil((stop - self.start) / self.interval))
        k = np.arange(first, last + 1) if first <= last else np.empty(0)
        yield (self.start + self.interval * k).reshape(-1, *(1,) * len(self.shape))


def _check_grid(wave, remedy):
    """Convert a waveform's interval and start to floats; TypeError, ValueError where they are none."""
    for name in ("interval", "start"):
        object.__setattr__(wave, name, one_number(name, getattr(wave, name)))
    check_span("interval", wave.interval, remedy)


def _place(t, start, interval):
    """The number of the cell start + k interval <= t, by those very times: a whole float, -1 and below before all."""
    nearest = np.floor((t - start) / interval + 0.5)
    return nearest - (t < start + interval * nearest)


def _numbers(path):
    """The rows of numbers of a CSV file."""
    with open(path, encoding="utf-8", errors="replace") as file:
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
    Raises : TypeError, ValueError; `at` where the callable gives no number, or another shape than at t = 0
    """

    function: object
    times: tuple | np.ndarray = ()

    def __post_init__(self):
        """Check the callable by its value at time zero, which also tells the shape."""
        if not callable(self.function):
            remedy = "It is called with the time in s."
            raise TypeError(complaint("function", "callable", shown(self.function), remedy))
        object.__setattr__(self, "times", _checked_times(self.times))
        object.__setattr__(self, "shape", np.shape(self._value(0.0)))

    __eq__ = equal_fields
    __hash__ = None

    def _value(self, t):
        name = f"value of {getattr(self.function, '__name__', 'the waveform')} at t = {t:.6g} s"
        try:
            value = self.function(t)
        except TypeError as error:
            rule, got = "callable with one number, the time in s", shown(self.function)
            raise TypeError(complaint("function", rule, got, f"{error}.")) from error
        value = checked(name, value)
        shape = getattr(self, "shape", np.shape(value))
        if np.shape(value) != shape:
            got = f"shape {np.shape(value)}"
            raise ValueError(complaint(name, f"of shape {shape}, as at t = 0", got, "A batch keeps its shape."))
        return value

    def _evaluate(self, t, inside):
        axes, (t, inside) = t.ndim, (x.reshape(len(x)) for x in (t, inside))
        edges = np.concatenate([[-10 * LARGEST], self.times, [10 * LARGEST]])
        k = np.searchsorted(edges, inside, side="right")
        (low, above), (high, below) = ((edges[n], _aside(edges[n], inside)) for n in (k - 1, k))
        t = np.clip(t, low + above, high - below)  # within the smooth piece, though rounding put t on its end
        return spread(np.array([self._value(float(x)) for x in t]).reshape(len(t), *self.shape), axes)

    def _kinks(self, start, stop):
        yield self.times.reshape(-1, *(1,) * len(self.shape))


def _checked_times(times):
    """Times as a sorted array (n,)."""
    times = np.atleast_1d(checked("times", times))
    if times.ndim != 1:
        raise ValueError(complaint("times", "of shape (n,)", f"shape {times.shape}", "They are those of the batch."))
    times = np.sort(times)
    times.flags.writeable = False
    return times


def _aside(edge, inside):
    """A time by which to stay off an edge: far above rounding, far below a step."""
    return 1e-9 * np.abs(inside - edge) + 4 * np.spacing(np.abs(edge))


@dataclass(frozen=True, eq=False)
class Tabulated(Waveform):
    """A table at the stages of a run's steps: values[n] at start + n interval, half a step later, and a step later.

    values : (n_pieces, 3, *batch)   between its points a parabola; before the first and after the last piece held
    interval, start : s
    times : (k,), s         where a step is divided in pieces, each of which has its three values: jumps and kinks
    Raises : TypeError, ValueError
    """

    values: np.ndarray
    interval: float
    start: float = 0.0
    times: tuple | np.ndarray = ()

    def __post_init__(self):
        """Convert to a read-only float64 array and check."""
        values = checked("values", self.values)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "times", _checked_times(self.times))
        shape = np.shape(values)
        if len(shape) < 2 or shape[1] != 3 or shape[0] <= len(self.times):
            rule = "of shape (n_steps, 3, ...), and one piece more for each of the times"
            raise ValueError(complaint("values", rule, f"shape {shape}", "A piece has 3 stages."))
        _check_grid(self, "The solver's step, s.")
        stop = self.start + self.interval * (shape[0] - len(self.times))
        rule = f"in the table, from {self.start:.6g} s to {stop:.6g} s"
        check_values(
            "times", self.times, rule, lambda x: (x >= self.start) & (x <= stop), "It follows from start and interval."
        )

    __eq__ = equal_fields
    __hash__ = None

    @property
    def shape(self):
        """Shape of one value."""
        return self.values.shape[2:]

    def _evaluate(self, t, inside):
        axes, (t, inside) = t.ndim, (x.reshape(len(x)) for x in (t, inside))
        n = np.clip(_place(inside, self.start, self.interval), 0, len(self.values) - len(self.times) - 1)
        k = np.searchsorted(self.times, inside, side="right")
        edges = np.concatenate([[-LARGEST], self.times, [LARGEST]])
        low = np.maximum(self.start + self.interval * n, edges[k])
        high = np.minimum(self.start + self.interval * (n + 1), edges[k + 1])
        x = np.clip((t - low) / np.where(high > low, high - low, self.interval), 0.0, 1.0)
        x = np.where(np.abs(2 * x - np.round(2 * x)) < 1e-6, np.round(2 * x) / 2, x)  # at a stage: the stored value
        weights = np.stack([(2 * x - 1) * (x - 1), 4 * x * (1 - x), x * (2 * x - 1)])
        piece = n.astype(int) + k
        return spread(np.einsum("sn,ns...->n...", weights, self.values[piece]), axes)

    def _kinks(self, start, stop):
        yield self.times.reshape(-1, *(1,) * len(self.shape))
