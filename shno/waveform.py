"""What every waveform can do: be evaluated, name its breakpoints, be added and multiplied."""

from dataclasses import dataclass, fields

import numpy as np

from shno.checks import as_array, check_finite, check_values, complaint, equal_fields

LARGEST = 1e60  # of any number: a product of several must not overflow
SMALLEST = 1e-60


class Waveform:
    """A function of time; `+`, `-` and `*` with numbers, arrays and other waveforms give waveforms.

    shape : tuple       of its value at one time: its batch
    """

    __array_ufunc__ = None  # an array to the left of an operator leaves it to the waveform

    def at(self, t, inside=None):
        """The value at time t, with `inside` (t by default) telling the side of each breakpoint.

        t, inside : s           numbers or arrays; inside is one number, or of the shape of t
        Returns : (*shape of t, *shape of the waveform)
        Raises : TypeError, ValueError where a time is not a finite number, or the shapes differ
        """
        t = checked("t", t)
        inside = t if inside is None else checked("inside", inside)
        if np.shape(inside) not in ((), np.shape(t)):
            got = f"shape {np.shape(inside)} beside {np.shape(t)}"
            raise ValueError(complaint("inside", "one number or of the shape of t", got, "Each tells its t's side."))
        return self._at(t, inside)

    def _at(self, t, inside):
        """The same, unchecked."""
        t = np.asarray(t)
        inside = np.broadcast_to(inside, t.shape)
        columns = (np.reshape(x, (-1, *(1,) * len(self.shape))) for x in (t, inside))
        values = np.broadcast_to(self._evaluate(*columns), (t.size, *self.shape))
        return values.reshape((*t.shape, *self.shape))[()]

    def _evaluate(self, t, inside):
        """The values at times (k, 1, ...), with as many axes of length 1 as the batch has or more: (k, *batch)."""
        raise NotImplementedError

    @property
    def summary(self):
        """The waveform on one line: its kind, and each parameter or its range."""
        return f"{type(self).__name__}({', '.join(_short(getattr(self, field.name)) for field in fields(self))})"

    def breakpoints(self, start, stop):
        """The times of all jumps and kinks between start and stop (s), ends excluded; sorted, over the whole batch."""
        start, stop = one_number("start", start), one_number("stop", stop)
        times = np.unique(np.concatenate([np.empty(0), *map(np.ravel, self._kinks(start, stop))]))
        return times[(times > start) & (times < stop)]

    def _kinks(self, start, stop):
        """Arrays of times (k, *batch), among them every breakpoint between start and stop; the batch may be ()."""
        return iter(())

    def leaves(self):
        """The waveforms that this one is made of: itself, or the parts of a sum or product."""
        return (self,)

    def __add__(self, other):
        """self + other."""
        return Sum(self, other)

    __radd__ = __add__

    def __mul__(self, other):
        """self other."""
        return Product(self, other)

    __rmul__ = __mul__

    def __neg__(self):
        """- self."""
        return Product(self, -1.0)

    def __sub__(self, other):
        """self - other."""
        return Sum(self, -other if isinstance(other, Waveform) else -as_array("Sum operand", other))

    def __rsub__(self, other):
        """other - self."""
        return Sum(-self, other)


@dataclass(frozen=True, eq=False)
class _Pair(Waveform):
    """Two waveforms, numbers or arrays, combined."""

    a: Waveform | float | np.ndarray
    b: Waveform | float | np.ndarray

    def __post_init__(self):
        """Convert numbers and check."""
        for name in ("a", "b"):
            value = getattr(self, name)
            if not isinstance(value, Waveform):
                object.__setattr__(self, name, checked(f"{type(self).__name__} operand", value))
        _ = self.shape

    __eq__ = equal_fields
    __hash__ = None

    @property
    def shape(self):
        """Broadcast shape of the two; ValueError where they do not broadcast."""
        shapes = [x.shape if isinstance(x, Waveform) else np.shape(x) for x in (self.a, self.b)]
        try:
            return np.broadcast_shapes(*shapes)
        except ValueError:
            got = f"shapes {shapes[0]} and {shapes[1]}"
            raise ValueError(complaint("operands", "of shapes that broadcast", got, "Add axes of length 1.")) from None

    def _kinks(self, start, stop):
        for part in (self.a, self.b):
            if isinstance(part, Waveform):
                yield from part._kinks(start, stop)

    def leaves(self):
        """The waveforms that this one is made of."""
        return tuple(leaf for part in (self.a, self.b) if isinstance(part, Waveform) for leaf in part.leaves())

    def _values(self, t, inside):
        return (x._evaluate(t, inside) if isinstance(x, Waveform) else x for x in (self.a, self.b))


@dataclass(frozen=True, eq=False)
class Sum(_Pair):
    """a + b, waveforms, numbers or arrays."""

    def _evaluate(self, t, inside):
        a, b = self._values(t, inside)
        return a + b


@dataclass(frozen=True, eq=False)
class Product(_Pair):
    """a b, waveforms, numbers or arrays."""

    def _evaluate(self, t, inside):
        a, b = self._values(t, inside)
        return a * b


def _short(value):
    """A parameter of a waveform, or the range of an array, to six digits."""
    if isinstance(value, Waveform):
        return value.summary
    if isinstance(value, np.ndarray) and value.size > 1:
        return f"{value.min():.6g} to {value.max():.6g}"
    if isinstance(value, float | np.ndarray):
        return f"{np.asarray(value).item():.6g}" if np.size(value) else "none"
    return getattr(value, "__name__", str(value))


def spread(values, axes):
    """Values (k, *own shape) with axes of length 1 put in after the first, to `axes` in all: a batch broadcasts."""
    return values.reshape((len(values), *(1,) * (axes - values.ndim), *values.shape[1:]))


def checked(name, value):
    """A number, or a read-only float64 array, finite and at most LARGEST; TypeError, ValueError for anything else."""
    value = as_array(name, value)
    check_finite(name, value)
    check_values(name, value, f"at most {LARGEST:g} in size", lambda x: np.abs(x) <= LARGEST, "SI units are expected.")
    return value


def one_number(name, value):
    """The same, a single number."""
    value = checked(name, value)
    if np.ndim(value):
        raise TypeError(complaint(name, "one number", f"shape {np.shape(value)}", "It is one for the whole batch."))
    return value


def check_span(name, value, remedy):
    """ValueError unless a time or another span is above 0, and so large that a quotient does not overflow."""
    check_values(name, value, "> 0", lambda x: x > 0, remedy)
    check_values(name, value, f"at least {SMALLEST:g}", lambda x: x >= SMALLEST, remedy)
