"""Where a kernel finds its parameters: rows, shared numbers, constants, waveforms."""

import numpy as np
import pytest

from shno.layout import NARROW, SINGLE, WIDE, is_constant, leaves, place_leaves, spread_rows
from shno.waveforms import Sampled, Sine, Step


def test_leaves_are_taken_in_order():
    assert list(leaves((1, (2, None, (3,)), ((4, 5),)))) == [1, 2, None, 3, 4, 5]


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, -0.0, np.float64(1), np.array(0.0)])
def test_axes_and_zeros_are_constants(value):
    assert is_constant(value)


@pytest.mark.parametrize(
    "value", [0.5, 2.0, 1 + 1e-15, np.array([0.0, 1.0]), np.array([0.5]), np.array([[2.0]]), np.zeros(2)]
)
def test_other_numbers_and_batches_are_no_constants(value):
    assert not is_constant(value)


def value_of(layout, path, rows, shared):
    """What a kernel reads for the leaf at a path of the tree: a constant, a row or a shared number."""
    leaf = layout.tree
    for k in path:
        leaf = leaf[k]
    return leaf if not isinstance(leaf, int) else [*rows, *shared][leaf]


def test_leaves_are_placed_as_rows_shared_numbers_constants_or_nothing():
    h, a, Ms, tilt = 0.17, np.array([1e-3, 2e-3]), np.array([[8e5], [9e5]]), np.array([0.6])
    tree = (h, (0.02, a, None, (0.0, 1.0, -1.0)), ((0.1, 0.0, 0.2), Ms, (tilt, np.array([1.0]), 0.8)))
    layout, rows, shared, waves = place_leaves(tree, 2)
    assert len(rows) == 2 and rows[0] is a and rows[1] is Ms  # one for each oscillator
    assert shared == [h, 0.02, 0.1, 0.2, 0.6, 0.8] and all(type(each) is float for each in shared)  # one for all
    assert layout.tree == (2, (3, 0, None, (0.0, 1.0, -1.0)), ((4, 0.0, 5), 1, (6, 1.0, 7)))
    assert [type(leaf) for leaf in leaves(layout.tree)].count(float) == 5  # a place is an int, a constant a float
    assert layout.n_free == 0 and layout.component == 0 and waves == []


def test_a_leaf_given_twice_has_one_place():
    a, b = np.array([0.25, 0.5]), 0.75
    layout, rows, shared, _ = place_leaves((0.17, (a, b), (a, b, 1.0)), 2)
    assert layout.tree[1] == layout.tree[2][:2]
    assert value_of(layout, (1, 0), rows, shared) is a and value_of(layout, (1, 1), rows, shared) == b
    assert value_of(layout, (0,), rows, shared) == 0.17 and value_of(layout, (2, 2), rows, shared) == 1.0


def test_differentiable_leaves_are_the_first_rows_even_where_they_are_constants():
    alpha, zero, one, other = 0.02, np.array(0.0), np.array(1.0), np.array([2.0, 3.0])
    tree = (0.17, (alpha, zero, None, (one, 0.0, other)))
    layout, rows, shared, _ = place_leaves(tree, 100, lambda leaf: leaf is zero or leaf is one, component=2)
    assert layout.n_free == 2 and rows[0] is zero and rows[1] is one and rows[2] is other
    assert layout.tree == (3, (4, 0, None, (1, 0.0, 2))) and shared == [0.17, 0.02]
    assert layout.component == 2


@pytest.mark.parametrize(
    ("n", "lanes"), [(1, NARROW), (2, NARROW), (16, NARROW), (17, WIDE), (64, WIDE), (65, WIDE), (1000, WIDE)]
)
def test_few_oscillators_run_in_narrow_blocks(n, lanes):
    assert place_leaves((0.5,), n)[0].lanes == lanes
    assert place_leaves((0.5,), n, narrowest=SINGLE)[0].lanes == (SINGLE if n == 1 else lanes)


@pytest.mark.parametrize(("batch", "width"), [((2,), 16), ((5, 3), 16), ((17,), 64), ((5, 13), 128)])
def test_rows_are_padded_by_the_last_oscillator(batch, width):
    n = int(np.prod(batch))
    rows = spread_rows([np.arange(n).reshape(batch) + 0.25, 0.75], batch, width, np.float32)
    assert rows.shape == (2, width) and rows.dtype == np.float32
    assert np.array_equal(rows[0, :n], np.arange(n) + 0.25) and np.all(rows[0, n:] == n - 0.75)
    assert np.all(rows[1] == 0.75)


@pytest.mark.parametrize("batch", [(), (1,), (1, 1)])
def test_one_oscillator_has_shared_numbers_only(batch):
    layout, rows, shared, _ = place_leaves((0.75, (np.full(batch, 0.25), 1.0)), 1)
    assert rows == [] and shared == [0.75, 0.25] and layout.tree == (0, (1, 1.0))
    assert spread_rows(rows, batch, 16, np.float64).shape == (0, 16)


def test_a_parameter_is_broadcast_in_c_order():
    rows = spread_rows([np.array([[1.5], [2.5]]), np.array([3.5, 4.5, 5.5])], (2, 3), 16, np.float64)
    assert rows[0, :6].tolist() == [1.5, 1.5, 1.5, 2.5, 2.5, 2.5] and rows[1, :6].tolist() == [3.5, 4.5, 5.5] * 2


def test_waveforms_are_numbered_and_their_sums_and_products_spelt_out():
    sine, step, samples = Sine(2.0, 1e9), Step(0.1, 0.2, 1e-9), Sampled([0.5, 0.7], 1e-9)
    array = np.array([0.25, 0.5])
    tree = (0.17, (sine, 0.5 * sine + step), (array * samples, None, sine))
    layout, rows, shared, waves = place_leaves(tree, 2, solver="heun", draws=4)
    assert [row.tolist() for row in rows] == [[0.25, 0.5]] and shared == [0.17, 0.5]  # waveforms' own: not here
    assert len(waves) == 3 and waves[0] is sine and waves[1] is step and waves[2] is samples  # each once
    assert layout.tree == (1, ("W0", "((W0 * R2) + W1)"), ("(W2 * R0)", None, "W0"))
    assert (layout.solver, layout.draws, layout.waves) == ("heun", 4, ())


def test_a_factor_of_0_or_1_is_compiled_in_and_noise_is_left_alone():
    sine = Sine(2.0, 1e9)
    layout, rows, shared, _ = place_leaves((0.17, (sine * -1.0, sine * 0.0), ("N0", "N1", "N2")), 3)
    assert layout.tree == (0, ("(W0 * C(-1.0))", "(W0 * C(0.0))"), ("N0", "N1", "N2"))
    assert rows == [] and shared == [0.17]
