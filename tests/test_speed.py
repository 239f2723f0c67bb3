"""The speed family: its rows, how they fail, and that what is counted is what is there. Nothing is timed."""

import sys
from functools import partial
from itertools import count

import numpy as np
import pytest

from shno import origin
from validation import __main__ as validation
from validation import speed, speed_peak, speed_scaling, speed_system
from validation.claim import Claim
from validation.speed_system import NotRun, Row, interleaved, neurons, ratio

TABLE = {  # what the family must print: id: (bound, how, peers)
    "S1a": (75, "at least", ()),
    "S1b": (5, "at least", ("jax",)),
    "S1c": (10, "at least", ("jax", "diffrax")),
    "S2": (100, "at least", ("cmtj",)),
    "S3": (5, "at least", ("cmtj",)),
    "S4a": (0.6, "at least", ()),
    "S4b": (1, "at most", ()),
    "S4c": (0.95, "at least", ()),
    "S5a": (0.4, "at least", ()),
    "S5b": (0.25, "at least", ()),
    "S6a": (60, "at least", ("cmtj",)),
    "S6b": (40, "at least", ("cmtj",)),
    "S7a": (40, "at least", ()),
    "S7b": (40, "at least", ()),
    "S7c": (20, "at least", ("torchdiffeq",)),
    "S7d": (20, "at least", ("torchdiffeq",)),
    "S8a": (5, "at most", ()),
    "S8b": (5, "at most", ()),
    "S9a": (1, "absolute", ()),
    "S9b": (1, "absolute", ()),
    "S9c": (1.2, "at most", ()),
    "S10": (0.5, "at least", ()),
    "S11a": (1.2, "at most", ()),
    "S11b": (1.0, "at most", ()),
    "S12a": (5, "at least", ()),
    "S12b": (4, "at least", ()),
    "S12c": (2, "at least", ()),
    "S12d": (3, "at most", ()),
    "S12e": (6, "at most", ()),
    **{f"S12{k}": (1, "at least", ()) for k in "fgh"},
    "S13a": (0.8, "at least", ()),
    "S13b": (1.0, "at most", ()),
    "S13c": (0.8, "at least", ()),
    "S13d": (1.0, "at most", ()),
    "S14a": (5, "at most", ()),
    "S14b": (5, "at most", ()),
    "S14c": (5, "at most", ()),
}
LOOP = """
.outer:
	vmovups	(%rax), %zmm0
.inner:
	vfmadd213ps	%zmm2, %zmm1, %zmm0
	vmulps	%zmm1, %zmm1, %zmm3
	vaddss	%xmm1, %xmm1, %xmm3
	vandps	%zmm1, %zmm1, %zmm3
	vrsqrt14ps	%zmm0, %zmm4
	jne	.inner
	vaddps	%zmm1, %zmm1, %zmm3
	jb	.outer
	jmp	.after
.after:
	ret
"""


def test_the_table_has_every_row_with_its_bound():
    rows = [row for theme in speed.THEMES for row in speed.rows_of(theme)]
    assert {row.id: (row.bound, row.how, row.needs) for row in rows} == TABLE and len(rows) == len(TABLE)
    assert {f"S{speed.number(row.id)}" for row in rows} == set(speed.ROWS)
    assert all(row.tolerance == (0.03 if row.how == "absolute" else 0) for row in rows)


def test_operations_are_counted_once_and_constants_cost_nothing():
    book = speed_peak.Operations()
    a, b = book.number("given", "a"), book.number("given", "b")
    assert 0.0 * a == 0.0 and 1.0 * a is a and a + 0.0 is a and a * -1.0 is -a
    assert -1.0 * (-1.0 * a) is a
    assert a * b is a * b and a - b is a - b
    abs(a * b + a - 2.0 * b)
    assert (book.count("sum"), book.count("product")) == (3, 2)  # a - b, + a, - 2 b; a b, 2 b


def test_a_step_has_the_operations_of_the_equation():
    """By hand, a torque: field and its combinations 2 sums, 2 x 3 + 1 in both cross products; 9 products or more."""
    sums, products = speed_peak.operations(neurons(2))
    combined = 7 * 3 + 3  # RK4's sums of a component, |m|^2 and its error
    assert 4 * 7 <= sums - combined <= 4 * 12 and 4 * 9 <= products <= 4 * 20


def test_arithmetic_of_the_innermost_loop_is_counted_by_vector():
    (loop,) = speed_peak.innermost(LOOP)
    assert loop[0].startswith(".inner")
    assert speed_peak.arithmetic(loop) == (3, 16)  # fused, product, estimate: no scalars, nothing outside
    assert speed_peak.arithmetic(loop * 2) == (3, 16)  # unrolled: two sizes
    assert speed_peak.arithmetic(["	vmulps	%zmm1, %zmm1, %zmm3"]) == (0, 0)


def test_instructions_of_the_kernel_are_at_least_the_equations():
    try:
        found, lanes = speed_peak.instructions()
    except NotRun as reason:
        pytest.skip(str(reason))
    sums, products = speed_peak.operations(neurons(2))
    assert max(sums, products) <= found <= sums + products + speed_peak.WATCHED and lanes in (4, 8, 16)


def test_chains_are_multiply_adds():
    y = np.arange(speed_peak.CHAINS * speed_peak.WIDTH, dtype=np.float32)
    speed_peak.chains()(y, np.float32(1.0), np.float32(0.5), 3)
    assert np.array_equal(y - np.arange(len(y)), np.full(len(y), 0.5 * 3 * speed_peak.LINKS))


def test_a_small_batch_fills_whole_vectors():
    for n in (1, 2, 33):
        (_, drive, m0), steps, slots, cores = speed_scaling.batch(n)
        assert len(m0) == n == np.size(drive.a_DL) and steps * slots >= 0.9 * speed_scaling.WORK_EACH
        assert slots >= max(n, speed_scaling.NARROW) and slots % speed_scaling.NARROW == 0 and cores >= 1


def test_memory_grows_by_at_least_what_is_saved():
    if not speed_scaling.STATUS.exists():
        pytest.skip("memory is read from /proc")
    growth, size = speed_scaling.grown_afresh(1000, 4000)
    assert size == 1000 * 4001 * 3 * 8 and growth > 0.8 * size  # some of it was freed before


def test_sides_are_measured_in_turns_and_ratios_are_of_each_round():
    ticks, seen = count(1), []

    def side(name):
        seen.append(name)
        return next(ticks)

    times = interleaved({name: partial(side, name) for name in "ab"}, rounds=3)
    assert seen == list("ababab") and times == {"a": [1, 3, 5], "b": [2, 4, 6]}
    assert ratio(times, "b", "a") == 4 / 3
    assert speed_system.best({"slow": lambda: 2.0, "fast": lambda: 1.0}) == "fast"


def test_unlike_things_are_not_compared():
    assert speed_system.agree("x", 0.5, 1.0) == 0.5
    for bad in (2.0, np.nan):
        with pytest.raises(ArithmeticError, match="x must differ by at most 1"):
            speed_system.agree("x", bad, 1.0)


def test_a_row_that_raises_is_broken_and_one_without_its_peer_is_not_run():
    def fail():
        raise RuntimeError("no\nclock")

    broken = speed.measured(Row("S1", "a row", 1.0, fail))
    assert broken.broken and "RuntimeError: no clock" in broken.statement
    absent = speed.measured(Row("S1", "a row", 1.0, lambda: (2.0, ""), ("no_such_peer",)))
    assert absent.verdict.startswith("not run: no_such_peer is not installed")
    assert not absent.holds and not absent.broken
    assert speed.measured(Row("S1", "a row", 1.0, lambda: (2.0, "words"))).holds


def test_a_theme_that_cannot_be_imported_is_one_broken_row(monkeypatch):
    monkeypatch.setitem(sys.modules, "validation.speed_peak", None)
    (row,) = speed.rows_of("speed_peak")
    assert speed.measured(row).broken


@pytest.mark.parametrize(("measured", "code"), ((2.0, 3), (0.0, 1)))
def test_what_is_not_run_neither_holds_nor_breaks(monkeypatch, capsys, measured, code):
    rows = [
        Claim("X1", "one", "bound", 1.0, measured, how="at least"),
        Claim("X2", "two", "bound", 1.0, np.nan, how="at least", not_run="no peer"),
    ]
    monkeypatch.setattr(speed, "claims", lambda figures, _: rows)
    assert validation.main(["speed"]) == code
    title, *_, second, _, summary = capsys.readouterr().out.splitlines()
    assert origin.machine() in title and second.endswith("not run: no peer")
    assert summary == f"{int(measured > 1)} of 2 hold, 1 not run"


def test_a_row_is_measured_without_the_others(monkeypatch, capsys):
    done = []

    def row(name):
        return Row(name, name, 1.0, lambda: (done.append(name) or 2.0, "words"))

    monkeypatch.setattr(speed, "THEMES", ("one",))
    monkeypatch.setattr(speed, "rows_of", lambda theme: [row(name) for name in ("S10", "S1b", "S1a", "S2", "S12a")])
    assert validation.main(["s1", "S12"]) == 0
    assert done == ["S1a", "S1b", "S12a"] and "3 of 3 hold" in capsys.readouterr().out


def test_speed_is_measured_only_when_it_is_named():
    alone = {name for name, module in validation.MODULES.items() if module.alone}
    assert "speed" in alone and set(validation._wanted(["speed"])) == {"speed"}
    assert set(validation._wanted([])) == set(validation.NAMES) - alone


def test_a_figure_of_the_ratios_is_drawn(monkeypatch, tmp_path):
    monkeypatch.setattr(speed_scaling, "rates", lambda: {1: [2e-9], 100: [1e-9]})
    rows = [Claim(name, "", "", 2.0, 4.0, how=how) for name, how in (("S1a", "at least"), ("S10", "at least"))]
    speed.draw(tmp_path, [*rows, Claim("S9", "", "", 1.0, 1.0), Claim("S8", "", "", 1.0, np.nan, how="at most")])
    assert 5e3 < (tmp_path / "speed.png").stat().st_size < 200e3
