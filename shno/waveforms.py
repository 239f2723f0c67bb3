"""Waveforms: a current, a field component or a gate voltage as a function of time; sums and products of them.

A waveform jumps or kinks at its breakpoints and is smooth between them. `at(t, inside)` evaluates the smooth formula at
t and lets the time `inside` decide on which side of each breakpoint this is: a step from t to t + dt takes the middle
of the step for `inside`, so that its last stage sees the left limit of a jump at t + dt (the right one would cost RK4
three orders). Every parameter is a number or an array; arrays broadcast to the batch. Times are absolute, in s.

The formulas below are plain arithmetic on numbers and arrays, and on the registers of the compiled kernels, which bring
their own `select`, `floor` and `sine`.
"""

from dataclasses import dataclass, fields

import numpy as np

from shno.checks import check_values, complaint, equal_fields
from shno.sampled import Function, Sampled, Tabulated
from shno.waveform import Product, Sum, Waveform, check_span, checked

__all__ = ["Chirp", "Constant", "Function", "Product", "Pulse", "Ramp", "Sampled", "Sine", "Step", "Sum", "Tabulated"]
MOST_PULSES = 10_000_000  # in a run, over the batch


def choose(condition, a, b):
    """a where the condition holds, b elsewhere."""
    return condition.select(a, b) if hasattr(condition, "select") else np.where(condition, a, b)


def floor(x):
    """The largest whole number not above x."""
    return x.floor() if hasattr(x, "floor") else np.floor(x)


def sine(turns):
    """sin(2 pi turns), reduced to half a turn first: as exact at 1e6 turns as the argument is."""
    return turns.sine() if hasattr(turns, "sine") else np.sin(2 * np.pi * (turns - floor(turns + 0.5)))


def constant_value(t, inside, value):
    """value."""
    return value


def step_value(t, inside, before, after, time):
    """before until `time`, after from then on."""
    return choose(inside < time, before, after)


def ramp_value(t, inside, before, after, start, stop):
    """Linear from before at `start` to after at `stop`, held outside."""
    slope = (after - before) / (stop - start)
    return choose(inside < start, before, choose(inside < stop, before + slope * (t - start), after))


def pulse_value(t, inside, amplitude, start, width, period, count):
    """amplitude for `width` from start + k period on, k = 0 ... count - 1; zero elsewhere."""
    nearest = floor((inside - start) / period + 0.5)
    k = choose(inside < start + nearest * period, nearest - 1, nearest)  # by the times that are its breakpoints
    k = choose(k < 0, 0 * k, choose(k < count, k, count - 1))
    opens = start + k * period
    return choose(inside < opens, 0 * amplitude, choose(inside < opens + width, amplitude, 0 * amplitude))


def sine_value(t, inside, amplitude, frequency, phase):
    """amplitude sin(2 pi frequency t + phase)."""
    return amplitude * sine(frequency * t + phase * (1 / (2 * np.pi)))


def chirp_value(t, inside, amplitude, f_start, f_stop, duration, start, phase):
    """A sine whose frequency goes linearly from f_start to f_stop in `duration` from `start`, and is held outside."""
    s = t - start
    swept = f_start * s + (f_stop - f_start) / (2 * duration) * s * s
    held = (f_start - f_stop) / 2 * duration + f_stop * s
    turns = choose(inside < start, f_start * s, choose(inside < start + duration, swept, held))
    return amplitude * sine(turns + phase * (1 / (2 * np.pi)))


@dataclass(frozen=True, eq=False)
class Formula(Waveform):
    """A waveform given by one of the formulas above and its parameters, numbers or arrays; each kind is one of them."""

    formula = None
    positive = ()

    def __post_init__(self):
        """Convert to float or a read-only float64 array and check."""
        for field in fields(self):
            value = checked(field.name, getattr(self, field.name))
            if field.name in self.positive:
                check_span(field.name, value, f"It is a parameter of {type(self).__name__}.")
            object.__setattr__(self, field.name, value)
        _ = self.shape

    __eq__ = equal_fields
    __hash__ = None

    @property
    def parameters(self):
        """The formula's parameters in their order."""
        return tuple(getattr(self, field.name) for field in fields(self))

    @property
    def shape(self):
        """Broadcast shape of the parameters; ValueError where they do not broadcast."""
        try:
            return np.broadcast_shapes(*map(np.shape, self.parameters))
        except ValueError:
            listed = ", ".join(f"{field.name} {np.shape(getattr(self, field.name))}" for field in fields(self))
            rule = "parameters that broadcast to one shape"
            raise ValueError(complaint(type(self).__name__, rule, listed, "Add axes of length 1.")) from None

    def _evaluate(self, t, inside):
        return type(self).formula(t, inside, *self.parameters)


@dataclass(frozen=True, eq=False)
class Constant(Formula):
    """The same value at all times."""

    value: float | np.ndarray
    formula = staticmethod(constant_value)


@dataclass(frozen=True, eq=False)
class Step(Formula):
    """A jump at `time` (s), from `before` to `after`."""

    before: float | np.ndarray
    after: float | np.ndarray
    time: float | np.ndarray
    formula = staticmethod(step_value)

    def _kinks(self, start, stop):
        yield np.asarray(self.time)[None]


@dataclass(frozen=True, eq=False)
class Ramp(Formula):
    """Linear from `before` at time `start` to `after` at `stop` (s, start < stop), held outside."""

    before: float | np.ndarray
    after: float | np.ndarray
    start: float | np.ndarray
    stop: float | np.ndarray
    formula = staticmethod(ramp_value)

    def __post_init__(self):
        """Check as every formula, and that time runs forward."""
        super().__post_init__()
        check_span("stop - start", np.subtract(self.stop, self.start), "A ramp ends after it starts.")

    def _kinks(self, start, stop):
        yield np.asarray(self.start)[None]
        yield np.asarray(self.stop)[None]


@dataclass(frozen=True, eq=False)
class Pulse(Formula):
    """Pulses of `amplitude` and `width` (s): one at `start`, or a train of `count`, one every `period` (s).

    count : whole number >= 1     a train without end: a large count
    period : s                    > 0, and at least `width` where count > 1
    """

    amplitude: float | np.ndarray
    start: float | np.ndarray
    width: float | np.ndarray
    period: float | np.ndarray = 1.0
    count: float | np.ndarray = 1.0
    formula = staticmethod(pulse_value)
    positive = ("width", "period")

    def __post_init__(self):
        """Check as every formula, and that pulses are counted and do not overlap."""
        super().__post_init__()
        check_values("count", self.count, "a whole number >= 1", lambda x: (x >= 1) & (x % 1 == 0), "Pulses in all.")
        gap = np.where(np.asarray(self.count) > 1, np.subtract(self.period, self.width), 0.0)
        check_values("period - width", gap, ">= 0 in a train", lambda x: x >= 0, "Pulses do not overlap.")

    def _kinks(self, start, stop):
        first = np.min(np.floor((start - np.add(self.start, self.width)) / self.period))
        last = np.max(np.ceil(np.subtract(stop, self.start) / self.period))
        first, last = max(first, 0.0), min(last, np.max(self.count) - 1)
        n, remedy = max(last - first + 1, 0.0), "Lengthen the period or shorten the time from start to stop."
        rule = f"at most {MOST_PULSES} in a run"
        check_values("pulses", n * np.prod(self.shape), rule, lambda x: x <= MOST_PULSES, remedy)
        k = (first + np.arange(n)).reshape(-1, *(1,) * len(self.shape))
        opens = self.start + np.minimum(k, np.subtract(self.count, 1.0)) * self.period
        yield opens
        yield opens + self.width


@dataclass(frozen=True, eq=False)
class Sine(Formula):
    """amplitude sin(2 pi frequency t + phase); frequency in Hz, phase in rad."""

    amplitude: float | np.ndarray
    frequency: float | np.ndarray
    phase: float | np.ndarray = 0.0
    formula = staticmethod(sine_value)


@dataclass(frozen=True, eq=False)
class Chirp(Formula):
    """A sine whose frequency (Hz) goes linearly from f_start to f_stop in `duration` (s) from `start` (s) on."""

    amplitude: float | np.ndarray
    f_start: float | np.ndarray
    f_stop: float | np.ndarray
    duration: float | np.ndarray
    start: float | np.ndarray = 0.0
    phase: float | np.ndarray = 0.0
    formula = staticmethod(chirp_value)
    positive = ("duration",)

    def _kinks(self, start, stop):
        yield np.asarray(self.start)[None]
        yield np.asarray(self.start + self.duration)[None]
