"""Functions on the lanes of a block: what they write is what numpy computes, whatever the number of lanes."""

import numpy as np
import pytest
from numba import njit
from numba.core.errors import TypingError

import shno.kernels  # noqa: F401  (which knows the type of a Layout)
from shno.kernel_lanes import lanewise, rowwise
from shno.kernel_registers import FLAGS, interleaved
from shno.layout import Layout

WIDTHS = (1, 7, 16, 64)


def of_numbers(x, a):
    """Every operation of a Register, none of them with another in one rounding."""
    return ((x > a).select(x, -a), x.maximum(a), abs(x), x.floor(), x**0.5, x.equals(3.0).select(a, 0.0), 2.0 / x)


@lanewise
def operate(layout, out, x, a, i):
    for k, value in enumerate(of_numbers(x[0, i], a)):
        out[k * layout.lanes, i] = value


@lanewise
def sines(layout, out, turns, i):
    out[0, i] = turns[0, i].sine()


@lanewise
def mix(layout, out, words, key, i):
    word = words[0, i]
    out[0, i] = ((word * 0xD2511F53 & 0xFFFFFFFFFFFF) >> 16) ^ (key + 1 | word << 3)


@rowwise
def weighed(layout, count, out, rows, first, weights, row, i):
    out.row(row, layout.lanes)[0, i] = rows.row(row)[first, i] * weights.row(row, 1)[0, None]


@lanewise
def woven(layout, out, components, i):
    for k, part in enumerate(interleaved(*(components[j * layout.lanes, i] for j in range(3)))):
        out[k * out.lanes, i, i, i] = part


@njit
def run_woven(layout, out, components):
    woven(layout, out, components)


@njit(fastmath=FLAGS, error_model="numpy")
def run(layout, out, x, a):
    operate(layout, out, x, a)


def test_spilled_vectors_lie_on_cache_lines():
    layout, numbers = Layout((), 0, 64), np.ones(64)
    run_sines(layout, numbers.copy(), numbers)
    (code,) = run_sines.inspect_llvm().values()
    assert "alignstack=64" in code


@njit
def run_sines(layout, out, turns):
    sines(layout, out, turns)


@njit
def run_mix(layout, out, words, key):
    mix(layout, out, words, key)


@njit
def run_weighed(layout, out, rows, first, weights):
    weighed(layout, rows.shape[0], out, rows, first, weights)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", WIDTHS)
def test_operations_are_those_of_numpy(width, dtype):
    x, a = np.random.default_rng(1).uniform(0.1, 5.0, width).astype(dtype), dtype(1.3)
    x[0], out = 3.0, np.empty((7, width), dtype)
    run(Layout((), 0, width), out.ravel(), x, a)
    zero = dtype(0)
    expected = (np.where(x > a, x, -a), np.maximum(x, a), x, np.floor(x), np.sqrt(x), np.where(x == 3, a, zero), 2 / x)
    np.testing.assert_allclose(out, expected, rtol=2 * np.finfo(dtype).eps)  # a root or quotient may be off by a place


@pytest.mark.parametrize("width", WIDTHS)
def test_sines_of_turns_are_accurate_to_rounding(width):
    turns = np.linspace(-3.0, 3.0, 64 * width).reshape(64, width)
    out = np.empty_like(turns)
    for given, found in zip(turns, out, strict=True):
        run_sines(Layout((), 0, width), found, given)
    assert np.abs(out - np.sin(2 * np.pi * turns)).max() < 5e-15  # numpy's own, of angles rounded at up to 19 rad


@pytest.mark.parametrize("width", WIDTHS)
def test_words_wrap_around_as_in_numpy(width):
    words = np.random.default_rng(2).integers(0, 2**32, width, dtype=np.uint32)
    out, w, key = np.empty(width, np.uint32), words.astype(np.uint64), np.uint64(2**63 + 12345)
    run_mix(Layout((), 0, width), out, words, key)
    product = (w * np.uint64(0xD2511F53) & np.uint64(0xFFFFFFFFFFFF)) >> np.uint64(16)
    assert np.array_equal(out, (product ^ (key + np.uint64(1) | w << np.uint64(3))).astype(np.uint32))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", WIDTHS)
def test_vectors_are_woven_into_rows_of_three(width, dtype):
    components, out = np.random.default_rng(4).normal(size=(3, width)).astype(dtype), np.empty((width, 3), dtype)
    run_woven(Layout((), 0, width), out, components.ravel())
    assert np.array_equal(out, components.T)


@pytest.mark.parametrize("rows", [0, 1, 5])
@pytest.mark.parametrize("width", WIDTHS)
def test_rows_are_those_of_the_array(rows, width):
    array, weights = np.random.default_rng(3).normal(size=(rows, 3 * width)), np.arange(1.0, rows + 1)
    out = np.full(rows * width, np.nan)
    run_weighed(Layout((), 0, width), out, array, width, weights)
    assert np.array_equal(out.reshape(rows, width), array[:, width : 2 * width] * weights[:, None])


def test_an_array_with_gaps_is_refused():
    x = np.zeros(32)[::2]
    with pytest.raises((TypeError, TypingError), match="must be contiguous"):
        run_sines(Layout((), 0, 16), np.zeros(16), x)
