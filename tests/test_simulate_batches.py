from dataclasses import replace

import numpy as np
import pytest
from simulate_helpers import ALL_TERMS, DRIVE, M0, SHORT, P, batch, member, same

from shno import simulate, threads


@pytest.mark.parametrize("n", [1, 2, 17, 64, 65, 200])
def test_a_batch_equals_the_loop(n):
    oscillator, drive = batch(n)
    together = simulate(oscillator, drive, **SHORT, save_every=100)
    assert together.m.shape == (4, n, 3)
    for k in {0, 1, 15, 16, 17, 63, 64, n // 2, n - 1} & set(range(n)):
        one = simulate(member(oscillator, k), member(drive, k), **SHORT, save_every=100)
        assert same(together.m[:, k], one.m)  # the same operations in the same order, whatever lane they run in


@pytest.mark.parametrize(
    "special",
    [
        {"Ku": 0.0, "field_like": 0.0, "a_DL": 0.0},
        {"p": (0.0, -1.0, 0.0), "demag": (0.0, 0.0, 1.0)},
        {"B_ext": (0.1, -0.2, 0.0), "easy_axis": (0.0, 0.0, 1.0)},
        {"Ku2": 0.0, "further_Ku": (0.0, 0.0), "Kc": 0.0, "vcma": 0.0, "J_iec": 0.0, "Lambda": 1.0, "Q_nl": 0.0},
        {"oersted": (0.0, 0.0, 0.0), "B_bias": (0.0, 0.0, 0.0), "demag_off_diagonal": (0.0, 0.0, 0.0), "dKu": 0.0},
    ],
)
def test_a_batch_equals_the_loop_where_a_member_has_a_term_off_or_lies_along_an_axis(special):
    """Alone, such a member runs a shorter program, with its constants compiled in: the last bit may differ."""
    oscillator, drive = batch(20)
    for name, value in special.items():
        record = drive if hasattr(drive, name) else oscillator
        values = np.array(getattr(record, name))
        values[1] = value
        oscillator, drive = (replace(x, **{name: values}) if x is record else x for x in (oscillator, drive))
    together = simulate(oscillator, drive, **SHORT, save_every=100)
    alone = simulate(member(oscillator, 1), member(drive, 1), **SHORT, save_every=100)
    assert np.abs(together.m[:, 1] - alone.m).max() < 1e-13  # 300 steps of rounding, 1.1e-16 each


def test_what_is_shared_may_be_given_once_or_for_each():
    once = simulate(ALL_TERMS, replace(DRIVE, a_DL=np.array([1e-3, 5e-3, 9e-3])), **SHORT)
    each = replace(ALL_TERMS, Ms=np.full(3, ALL_TERMS.Ms), p=np.tile(P, (3, 1)))
    assert same(once.m, simulate(each, replace(DRIVE, a_DL=np.array([1e-3, 5e-3, 9e-3])), **SHORT).m)


def test_axes_broadcast_and_m0_may_add_some():
    oscillator = replace(ALL_TERMS, Ms=np.array([7e5, 8e5]).reshape(2, 1))
    drive = replace(DRIVE, B_ext=np.array([[0.05, -0.13, 0.21], [0.1, 0.1, 0.1], [-0.2, 0.1, 0.03]]))
    m0 = np.array([[[M0]], [[(0.0, 0.6, 0.8)]]])  # (2, 1, 1, 3)
    run = simulate(oscillator, drive, duration=0.05e-9, dt=1e-12, m0=m0)
    assert run.m.shape == (51, 2, 2, 3, 3)
    for i, j, k in np.ndindex(2, 2, 3):
        one = simulate(
            replace(ALL_TERMS, Ms=oscillator.Ms[j, 0]),
            replace(DRIVE, B_ext=drive.B_ext[k]),
            duration=0.05e-9,
            dt=1e-12,
            m0=m0[i, 0, 0],
        )
        assert same(run.m[:, i, j, k], one.m)


@pytest.mark.parametrize("shape", [(1,), (1, 1)])
@pytest.mark.parametrize("executor", ["compiled", "torch"])
def test_a_batch_of_one_keeps_its_axes(shape, executor):
    keywords = SHORT | {"duration": 0.02e-9, "executor": executor}
    run = simulate(replace(ALL_TERMS, Ms=np.full(shape, ALL_TERMS.Ms)), DRIVE, **keywords)
    assert run.m.shape == (21, *shape, 3)
    assert same(run.m.reshape(21, 3), simulate(ALL_TERMS, DRIVE, **keywords).m)


def test_an_empty_batch_is_refused():
    with pytest.raises(ValueError, match=r" must "):
        simulate(replace(ALL_TERMS, Ms=np.empty(0)), DRIVE, **SHORT)


def test_the_thread_count_changes_nothing(monkeypatch):
    runs = []
    for count in ("1", "2", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", count)
        assert threads.thread_count() == int(count)
        runs.append(simulate(*batch(300), **SHORT, save_every=100).m)
    assert same(runs[0], runs[1]) and same(runs[0], runs[2])
