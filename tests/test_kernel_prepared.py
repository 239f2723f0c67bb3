"""What is made of parameters alone is computed once a block: the same numbers, by fewer instructions a step."""

import numpy as np
import pytest
from numba import njit
from simulate_helpers import batch, waving

import shno
from shno.compiled import Compiled
from shno.kernel_lanes import lanewise
from shno.kernel_prepared import Known, Prepared, parameter_rows, places_of
from shno.kernel_registers import FLAGS, Register, simplified
from shno.kernel_trajectory import places
from shno.layout import Layout
from shno.parameters import arguments, parameters, reduced_step
from shno.plan import Plan, clock

LAYOUT = Layout((0, ("(W0 * R2)", 1), None), 0, 16)
SEEN = {}


def polynomial(rows, x):
    """(a b - 2)^(1/2) x + a (b + x) + 0 x + (1 x - 0): a and b in rows 0 and 2."""
    a, b = rows[0, None], rows[2 * LAYOUT.lanes, None]
    return (a * b - 2.0) ** 0.5 * x + a * (b + x) + 0.0 * x + (1.0 * x - 0.0)


def used(block, rows, i):
    SEEN["made"] = polynomial(rows, block[0, i])
    SEEN["known"] = rows[0, i] * rows[LAYOUT.lanes, i] - 3.0


@lanewise
def prepare(layout, rows, i):
    prepared = Prepared(rows, layout, places_of(layout, used), i)
    for key, row in prepared.places.items():
        if not isinstance(key, str):
            rows[row * layout.lanes, i] = prepared.make(key)


@lanewise
def evaluate(layout, out, rows, x, i):
    out[0, i] = polynomial(Prepared(rows, layout, places_of(layout, used), i), x[0, i])


@njit(fastmath=FLAGS, error_model="numpy")
def run(layout, out, rows, x):
    prepare(layout, rows)
    evaluate(layout, out, rows, x)


def test_what_meets_a_changing_number_has_a_row_and_nothing_else_has():
    found = places_of(LAYOUT, used)
    root = ("llvm.sqrt", ("fsub", ("fmul", "R0", "R2"), 2.0))
    assert found == {"R0": 0, "R1": 1, "R2": 2, root: 3}  # a and b are loaded as they are, a b - 3 never is
    assert isinstance(SEEN["known"], Known) and not isinstance(SEEN["made"], Known)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_prepared_numbers_are_the_numbers(dtype):
    rng = np.random.default_rng(3)
    rows = np.zeros((4, LAYOUT.lanes), dtype)
    rows[:3] = 2.0 + rng.random((3, LAYOUT.lanes))
    x, out = rng.random(LAYOUT.lanes).astype(dtype), np.empty(LAYOUT.lanes, dtype)
    run(LAYOUT, out, rows.ravel(), x)
    a, b = np.float64(rows[0]), np.float64(rows[2])
    expected = np.sqrt(a * b - 2) * x + a * (b + x) + x
    np.testing.assert_allclose(out, expected, rtol=6 * np.finfo(dtype).eps, equal_nan=False)  # some six operations
    np.testing.assert_allclose(rows[3], np.sqrt(a * b - 2), rtol=3 * np.finfo(dtype).eps, equal_nan=False)


def test_zeros_and_ones_write_no_instruction():
    x = object.__new__(Register)
    assert simplified("fmul", 0.0, x) == simplified("fmul", x, 0) == 0.0
    assert all(simplified(o, x, n) is x for o, n in (("fmul", 1.0), ("fdiv", 1.0), ("fadd", 0.0), ("fsub", 0.0)))
    assert simplified("fmul", 1.0, x) is x and simplified("fadd", 0.0, x) is x
    assert simplified("fsub", 0.0, x) is None and simplified("fdiv", 1.0, x) is None  # -x and 1/x
    assert simplified("fadd", x, 1.0) is None and simplified("fmul", x, x) is None


def run_of(oscillator, drive):
    values = parameters(oscillator, drive)
    tree = (reduced_step(values, 1e-12), *arguments(values))
    return Compiled(Plan(tree, np.ones((3, 20)), (20,), "float64", "cpu", "rk4", clock(0.0, 1e-12), None, []))


@pytest.mark.parametrize("system", [batch(20), waving(20)])
def test_every_parameter_that_is_laid_out_has_its_row(system):
    run = run_of(*system)
    laid_out = len(run.rows) + len(run.shared)
    assert laid_out > 10 and len(parameter_rows(run.layout)) == laid_out
    assert list(places(run.layout).values()) == list(range(len(places(run.layout))))


def test_an_anisotropy_is_divided_by_ms_once():
    drive = shno.Drive(a_DL=np.linspace(0, 1e-3, 20), B_ext=(0, 0, 0.1))
    oscillator = shno.Oscillator(Ms=1e6, alpha=0.01, Ku=2e5, easy_axis=(0.6, 0, 0.8))
    made = [key for key in places(run_of(oscillator, drive).layout) if not isinstance(key, str)]
    assert any(key[0] == "fdiv" for key in made)  # 2 Ku / Ms
    assert any(key[0] == "fmul" and 0.5 in key for key in made)  # h / 2
