"""Hostile arguments, and what a public function may do with them."""

import inspect
import re
from datetime import date
from fractions import Fraction
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import shno

LARGEST = float(np.finfo(float).max)


class Unspeakable:
    """Neither a number nor printable."""

    def __repr__(self):
        raise RuntimeError("no name")


WRONG_KINDS = (
    *(None, "five", b"five", "", 1j, True, {}, {"x": 1.0}, {1.0}, ["a", "b"], [None], (), [[1.0], [2.0, 3.0]], lambda: 1.0),
    *(object(), Unspeakable(), float, date(2024, 2, 29), Fraction(1, 2), np.datetime64("2024-02-29"), iter([1.0])),
    *(shno.Constant(1.0), np.array(["a"]), np.array([1.0, None]), np.array([True, False]), np.ones(2, complex)),
    *(np.zeros(2, [("x", float)]), torch.ones(3, requires_grad=True), torch.ones(3, dtype=torch.bfloat16)),
    *(torch.ones(3, device="meta"), np.array([1, 2], object), [True, False]),
)
NUMBERS = (
    *(np.nan, np.inf, -np.inf, LARGEST, -LARGEST, 1e308, -1e308, 1e200, 1e155, 1e60, 1e30, 1e-30, 1e-155, 5e-324, -5e-324),
    *(0, 0.0, -0.0, 1, -1, 2, 0.5, -1e-3, 10**400, -(10**400), 10**5000, 2**63, 2**64, 10**30, 10**12, 10**9),
    *(np.float32(0.1), np.float16(6e4), np.longdouble("1e4000"), np.int8(-128), np.uint64(2**64 - 1)),
)
ARRAYS = (
    *([], np.empty((0, 3)), np.empty((2, 0)), np.float64([1.0, np.nan]), [1e200, 0.0, 0.0], [1, 10**400], [0, 0, 1]),
    *(np.array(1.0), np.ones(1), np.ones(2), np.ones(3), np.ones(5), np.ones((3, 3)), np.ones((7, 2, 3)), np.arange(4)),
    *(np.float32([0.0, 0.0, 1.0]), np.full(3, np.inf), np.zeros(3), np.eye(3), np.eye(3)[1], range(3), torch.ones(3)),
    *(np.full(3, LARGEST), np.full((2, 3), -1e200), np.full(3, 5e-324), np.ones((1,) * 32)),
)
HOSTILE = (*WRONG_KINDS, *NUMBERS, *ARRAYS)
