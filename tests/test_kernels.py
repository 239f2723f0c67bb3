import threading

import numpy as np
import pytest

from shno import Drive, Oscillator, kernels
from shno.kernels import NARROW, WIDE, is_constant, lay_out, leaves, place_leaves, run_blocks, trajectory_kernel
from shno.llgs import right_hand_side
from shno.parameters import arguments, parameters, reduced_step
from shno.solvers import rk4
from shno.vector import dot, normalise

DT, M0 = 1e-12, np.array([0.48, 0.6, -0.64])


def tree_of(n):
    """Arguments (h, torque parameters, field parameters) of n oscillators, every term on."""
    rng = np.random.default_rng(4)
    oscillator = Oscillator(
        Ms=rng.uniform(5e5, 1e6, n),
        alpha=0.03,
        demag=(0.1, 0.2, 0.7),
        Ku=1e5,
        easy_axis=(0.6, -0.48, 0.64),
        field_like=-0.3,
        p=(0.36, 0.8, -0.48),
    )
    values = parameters(oscillator, Drive(a_DL=rng.uniform(-8e-3, 8e-3, n), B_ext=(0.05, -0.13, 0.21)))
    return (reduced_step(values, DT), *arguments(values))


def advance(tree, n, steps, padding=None):
    """Final m (3, n) and the norm's worst error by the kernel; `padding` fills the lanes past n."""
    layout, rows, shared = lay_out(tree, (n,), np.float64)
    width = rows.shape[1]
    m = np.repeat(M0[:, None], width, axis=1)
    if padding is not None:
        rows[:, n:], m[:, n:] = padding
    saved, deviation = np.empty((1, 3, width)), np.full(width, np.nan)
    run_blocks(trajectory_kernel, width, layout, m, rows, shared, saved, steps, deviation)
    assert np.array_equal(saved[0, :, :n], m[:, :n])
    return m[:, :n], deviation[:n]


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
    layout, rows, shared = place_leaves(tree, 2)
    assert len(rows) == 2 and rows[0] is a and rows[1] is Ms  # one for each oscillator
    assert shared == [h, 0.02, 0.1, 0.2, 0.6, 0.8] and all(type(each) is float for each in shared)  # one for all
    assert layout.tree == (2, (3, 0, None, (0.0, 1.0, -1.0)), ((4, 0.0, 5), 1, (6, 1.0, 7)))
    assert [type(leaf) for leaf in leaves(layout.tree)].count(float) == 5  # a place is an int, a constant a float
    assert layout.n_free == 0 and layout.component == 0


def test_a_leaf_given_twice_has_one_place():
    a, b = np.array([0.25, 0.5]), 0.75
    layout, rows, shared = place_leaves((0.17, (a, b), (a, b, 1.0)), 2)
    assert layout.tree[1] == layout.tree[2][:2]
    assert value_of(layout, (1, 0), rows, shared) is a and value_of(layout, (1, 1), rows, shared) == b
    assert value_of(layout, (0,), rows, shared) == 0.17 and value_of(layout, (2, 2), rows, shared) == 1.0


def test_differentiable_leaves_are_the_first_rows_even_where_they_are_constants():
    alpha, zero, one, other = 0.02, np.array(0.0), np.array(1.0), np.array([2.0, 3.0])
    tree = (0.17, (alpha, zero, None, (one, 0.0, other)))
    layout, rows, shared = place_leaves(tree, 100, lambda leaf: leaf is zero or leaf is one, 2)
    assert layout.n_free == 2 and rows[0] is zero and rows[1] is one and rows[2] is other
    assert layout.tree == (3, (4, 0, None, (1, 0.0, 2))) and shared == [0.17, 0.02]
    assert layout.component == 2


@pytest.mark.parametrize(("n", "lanes"), [(1, NARROW), (16, NARROW), (17, WIDE), (64, WIDE), (65, WIDE), (1000, WIDE)])
def test_few_oscillators_run_in_narrow_blocks(n, lanes):
    assert place_leaves((0.5,), n)[0].lanes == lanes


@pytest.mark.parametrize(("batch", "width"), [((2,), 16), ((5, 3), 16), ((17,), 64), ((5, 13), 128)])
def test_rows_are_padded_to_whole_blocks_by_the_last_oscillator(batch, width):
    n = int(np.prod(batch))
    a, scalar = np.arange(n).reshape(batch) + 0.25, 0.75
    layout, rows, shared = lay_out((scalar, (a, 1.0)), batch, np.float32)
    assert rows.shape == (1, width) and rows.dtype == shared.dtype == np.float32
    assert layout.tree == (1, (0, 1.0)) and shared.tolist() == [0.75]
    assert np.array_equal(rows[0, :n], a.ravel()) and np.all(rows[0, n:] == n - 0.75)


@pytest.mark.parametrize("batch", [(), (1,), (1, 1)])
def test_one_oscillator_has_shared_numbers_only(batch):
    layout, rows, shared = lay_out((0.75, (np.full(batch, 0.25), 1.0)), batch, np.float64)
    assert rows.shape == (0, 16) and shared.tolist() == [0.75, 0.25] and layout.tree == (0, (1, 1.0))


def test_a_parameter_is_broadcast_in_c_order():
    _, rows, _ = lay_out((np.array([[1.5], [2.5]]), np.array([3.5, 4.5, 5.5])), (2, 3), np.float64)
    assert rows[0, :6].tolist() == [1.5, 1.5, 1.5, 2.5, 2.5, 2.5] and rows[1, :6].tolist() == [3.5, 4.5, 5.5] * 2


def test_the_kernel_is_the_python_step_compiled():
    """The same source twice: contracted multiply-adds and another root leave rounding only."""
    n, steps = 5, 200
    h, torque, field = tree_of(n)
    m, deviation = advance((h, torque, field), n, steps)
    state, worst = tuple(np.repeat(M0[:, None], n, axis=1)), 0.0
    for _ in range(steps):
        y = rk4(right_hand_side, state, h, torque, field)
        worst = np.maximum(worst, np.abs(dot(y, y) - 1))
        state = normalise(y)
    np.testing.assert_allclose(m, np.stack(state), rtol=0, atol=1e-12, equal_nan=False)
    np.testing.assert_allclose(deviation, worst, rtol=1e-3, atol=1e-15, equal_nan=False)  # of order 1e-10: cancellation


def test_padded_lanes_do_not_change_results():
    n = 5
    plain, _ = advance(tree_of(n), n, 100)
    rows = np.random.default_rng(5).uniform(0.1, 1, (len(lay_out(tree_of(n), (n,), np.float64)[1]), 1))
    padded, _ = advance(tree_of(n), n, 100, padding=(rows, np.array([[0.0], [0.0], [1.0]])))
    assert np.array_equal(plain, padded)  # lanes do not meet


def test_nan_in_one_lane_stays_there():
    n = 5
    plain, _ = advance(tree_of(n), n, 100)
    padded, _ = advance(tree_of(n), n, 100, padding=(np.nan, np.nan))
    assert np.array_equal(plain, padded)


@pytest.mark.parametrize("threads", ["1", "2", "5"])
@pytest.mark.parametrize("blocks", [1, 2, 3, 7])
def test_every_block_is_run_once_whatever_the_threads(monkeypatch, threads, blocks):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    layout, done, lock = place_leaves((0.5,), 1)[0], [], threading.Lock()

    def kernel(first, last, given, *arguments):
        assert given is layout and arguments == ("a", "b") and first < last
        with lock:
            done.extend(range(first, last))

    run_blocks(kernel, blocks * layout.lanes, layout, "a", "b")
    assert sorted(done) == list(range(blocks))


def test_an_error_in_a_thread_is_raised(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")

    def kernel(first, last, *arguments):
        if first > 0:
            raise ArithmeticError(f"block {first}")

    layout = place_leaves((0.5,), 1)[0]
    with pytest.raises(ArithmeticError, match="block 1"):
        run_blocks(kernel, 2 * layout.lanes, layout)


@pytest.mark.parametrize(("wanted", "expected"), [("1", 1), ("7", 7), ("0", None), ("many", None), ("", None)])
def test_the_thread_count_is_read_at_every_call(monkeypatch, wanted, expected):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    default = kernels.thread_count()
    assert default >= 1
    monkeypatch.setenv("OMP_NUM_THREADS", wanted)
    assert kernels.thread_count() == (expected or default)
