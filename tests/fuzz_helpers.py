"""Hostile arguments, and what a public function may do with them: return, or raise an error that names one of them."""

import inspect
import re
from datetime import date
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, scalar_dtypes

import shno

LARGEST = float(np.finfo(float).max)


class Unspeakable:
    """Neither a number nor printable."""

    def __repr__(self):
        raise RuntimeError("no name")


WRONG_KINDS = (
    *(None, "five", b"five", "", "a\0b", 1j, True, {}, {"x": 1.0}, {1.0}, ["a", "b"], [None], (), [[1.0], [2.0, 3.0]]),
    *(object(), Unspeakable(), date(2024, 2, 29), Fraction(1, 2), np.datetime64("2024-02-29"), iter([1.0])),
    *(shno.Constant(1.0), np.array(["a"]), np.array([1.0, None]), np.array([True, False]), np.ones(2, complex)),
    *(np.zeros(2, [("x", float)]), torch.ones(3, requires_grad=True), torch.ones(3, dtype=torch.bfloat16)),
    *(torch.ones(3, device="meta"), np.array([1, 2], object), [True, False], np.array(None)),
)
NUMBERS = (
    *(np.nan, np.inf, -np.inf, LARGEST, -LARGEST, 1e200, 1e155, 1e60, 1e30, 1e-30, 1e-155, 5e-324, -5e-324, -1e-200),
    *(0, 0.0, -0.0, 1, -1, 2, 0.5, -1e-3, 1e3, 1e12, 10**400, -(10**400), 10**5000, 2**63, 2**64, 10**30, 10**12),
    *(
        10**9,
        np.float32(0.1),
        np.float16(6e4),
        np.longdouble("1e4000"),
        np.int8(-128),
        np.uint64(2**64 - 1),
        np.int64(3),
    ),
)
ARRAYS = (
    *([], np.empty((0, 3)), np.empty((2, 0)), np.float64([1.0, np.nan]), [1e200, 0.0, 0.0], [1, 10**400], [0, 0, 1]),
    *(np.array(1.0), np.ones(1), np.ones(2), np.ones(3), np.ones(5), np.ones((3, 3)), np.ones((7, 2, 3)), np.arange(4)),
    *(np.float32([0.0, 0.0, 1.0]), np.full(3, np.inf), np.zeros(3), np.eye(3), np.eye(3)[1], range(3), torch.ones(3)),
    *(np.full(3, LARGEST), np.full((2, 3), -1e200), np.full(3, 5e-324), np.ones((1,) * 40), np.ones((1,) * 12)),
)
HOSTILE = (*WRONG_KINDS, *NUMBERS, *ARRAYS)


def replacements(keywords):
    """Hostile values for one or two of these parameters, by name."""
    names = st.lists(st.sampled_from(sorted(keywords)), min_size=1, max_size=2, unique=True)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: hostile() for name in chosen}))


def hostile():
    """One hostile value, of the lists above or of hypothesis' own."""
    small = array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
    return st.one_of(st.sampled_from(HOSTILE), st.floats(), st.integers(), arrays(scalar_dtypes(), small))


class Call(NamedTuple):
    """A function, a valid value of each of its parameters, and what else an error may name."""

    name: str
    function: object
    keywords: dict
    finite: bool = False  # whether what it returns is finite, whatever it accepts
    also: tuple = ()

    def check(self, replaced):
        """AssertionError unless the call with these values returns, or raises an error that names one of them."""
        try:
            returned = self.function(**self.keywords | replaced)
        except (TypeError, ValueError) as error:
            named = any(names(str(error), name) for name in (*replaced, *self.also))
            assert named, f"{self.name}: {type(error).__name__}: {error}"
            assert len(str(error)) < 1000, self.name
        except shno.IntegrationError:
            assert replaced, f"{self.name} fails as it is"
        except OSError:  # the folders of the valid calls do not exist
            assert "path" in self.keywords or "m" in self.keywords, self.name
        else:
            assert not self.finite or is_finite(returned), self.name


def names(text, name):
    """Whether an error's text has the name for a word; one that is an article or a unit as well, before " must "."""
    where = text.partition(" must ")[0] if name in ("a", "s") else text
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", where) is not None


def is_finite(returned):
    """Whether all the numbers of what was returned are finite."""
    if isinstance(returned, shno.Trajectory):
        returned = (returned.t, returned.m)
    parts = (np.asarray(part) for part in (returned if isinstance(returned, tuple) else (returned,)))
    return all(np.isfinite(part).all() for part in parts if part.dtype.kind in "fc")


def call(name, function, /, *, finite=False, also=(), **given):
    """The Call with these values, and the defaults of the other parameters."""
    parameters = inspect.signature(function).parameters.values()
    defaults = {each.name: each.default for each in parameters if each.default is not each.empty}
    return Call(name, function, defaults | given, finite, also)


def calls(module, functions, values, *, finite=False, **special):
    """A Call of each of these functions: a parameter has the value in special[function], in values, or its default."""
    for name in functions:
        function = getattr(module, name)
        given = {each: values[each] for each in inspect.signature(function).parameters if each in values}
        word = f"{module.__name__.removeprefix('shno.')}.{name}"
        yield call(word, function, finite=finite, **(given | special.get(name, {})))
