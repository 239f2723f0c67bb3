from dataclasses import replace

import numpy as np
import pytest
from simulate_helpers import ALL_TERMS, DRIVE, M0, SHORT, batch, same

import shno
from shno import Drive, Sampled, simulate

# Time, saving and pieces.


def test_time_is_t0_plus_n_dt():
    for save_every in (1, 5):
        run = simulate(ALL_TERMS, DRIVE, **SHORT, t0=2.3e-9, save_every=save_every)
        n = save_every * np.arange(300 // save_every + 1)
        assert same(run.t, 2.3e-9 + n * 1e-12)
    assert run.m.shape == (61, 3) and run.t[0] == 2.3e-9


def test_the_state_at_the_start_is_saved_first():
    assert same(simulate(ALL_TERMS, DRIVE, **SHORT).m[0], np.array(M0))


@pytest.mark.parametrize("executor", ["compiled", "torch"])
def test_saving_more_often_changes_nothing(executor):
    keywords = SHORT | {"duration": 0.06e-9, "executor": executor}
    often = simulate(*batch(3), **keywords)
    for save_every in (2, 5, 60):
        seldom = simulate(*batch(3), **keywords, save_every=save_every)
        assert same(seldom.m, often.m[::save_every]) and same(seldom.t, often.t[::save_every])


def test_how_a_long_run_is_cut_into_chunks_changes_nothing(monkeypatch):
    whole, calls = simulate(*batch(3), **SHORT, save_every=2), []
    monkeypatch.setitem(simulate.__globals__, "CHUNK", 3 * 3 * 40)
    pieces = simulate(*batch(3), **SHORT, save_every=2, progress=lambda *done: calls.append(done))
    assert same(pieces.m, whole.m)
    assert len(calls) == 4 and calls[-1] == (300, 300)


@pytest.mark.parametrize("settings", [{}, {"executor": "torch"}, {"solver": "reference"}, {"save_every": 10}])
def test_progress_rises_and_ends_at_the_end(settings):
    calls = []
    drive = Drive(a_DL=Sampled([1e-3, 3e-3, -2e-3], 0.02e-9), B_ext=DRIVE.B_ext)
    keywords = SHORT | {"duration": 0.06e-9} | settings
    simulate(ALL_TERMS, drive, **keywords, progress=lambda *done: calls.append(done))
    assert calls == sorted(calls) and calls[-1] == (60, 60) and all(n == 60 for _, n in calls)


@pytest.mark.parametrize("settings", [{}, {"executor": "torch"}, {"save_every": 4}, {"dtype": "float32"}])
def test_a_sampled_current_is_its_runs_joined(settings):
    values, oscillator = [5e-3, -7e-3, 0.0], replace(ALL_TERMS, Ms=np.array([8.1e5, 7e5]))
    keywords = {"dt": 1e-12, **settings}
    drive = replace(DRIVE, a_DL=Sampled(values, 0.04e-9))
    whole = simulate(oscillator, drive, duration=0.1e-9, m0=M0, **keywords)  # the last sample is cut short
    m, parts = np.broadcast_to(np.array(M0), (2, 3)), []
    for value, duration in zip(values, (0.04e-9, 0.04e-9, 0.02e-9), strict=True):
        part = simulate(oscillator, replace(DRIVE, a_DL=value), duration=duration, m0=m, **keywords).m
        parts.append(part if not parts else part[1:])
        m = part[-1]
    assert same(whole.m, np.concatenate(parts))


def test_the_last_sample_is_held_and_samples_past_the_end_are_not_used():
    keywords = {"duration": 0.1e-9, "dt": 1e-12, "m0": M0}
    short = simulate(ALL_TERMS, replace(DRIVE, a_DL=Sampled([5e-3, -7e-3], 0.04e-9)), **keywords)
    held = simulate(ALL_TERMS, replace(DRIVE, a_DL=Sampled([5e-3, -7e-3, -7e-3, 1.0, 1.0], 0.04e-9)), **keywords)
    assert same(short.m, held.m)


def test_a_sample_per_oscillator_is_a_batch():
    values = np.array([[5e-3, 1e-3, -2e-3], [-7e-3, 4e-3, 3e-3]])  # (samples, batch)
    keywords = {"duration": 0.1e-9, "dt": 1e-12, "m0": M0}
    together = simulate(ALL_TERMS, replace(DRIVE, a_DL=Sampled(values, 0.04e-9)), **keywords)
    assert together.m.shape == (101, 3, 3)
    for k in range(3):
        one = simulate(ALL_TERMS, replace(DRIVE, a_DL=Sampled(values[:, k], 0.04e-9)), **keywords)
        assert same(together.m[:, k], one.m)


@pytest.mark.parametrize(("interval", "save_every"), [(0.0405e-9, 1), (0.04e-9, 3)])
def test_a_change_of_current_falls_on_a_saved_time(interval, save_every):
    drive = replace(DRIVE, a_DL=Sampled([1e-3, 2e-3], interval))
    with pytest.raises(ValueError, match=r"^interval of the Sampled current must be a multiple of save_every dt = "):
        simulate(ALL_TERMS, drive, duration=0.12e-9, dt=1e-12, m0=M0, save_every=save_every)


# Executors, precision, solvers.


def test_torch_equals_the_compiled_kernel():
    compiled, eager = (simulate(*batch(5), **SHORT, executor=each) for each in ("compiled", "torch"))
    np.testing.assert_allclose(eager.m, compiled.m, rtol=0, atol=1e-12, equal_nan=False)  # two orders of rounding


@pytest.mark.parametrize("executor", ["compiled", "torch"])
def test_float32_stays_near_float64(executor):
    keywords = {"duration": 1e-9 if executor == "compiled" else 0.2e-9, "dt": 1e-12, "m0": M0, "executor": executor}
    double, single = (simulate(*batch(5), **keywords, dtype=dtype) for dtype in ("float64", "float32"))
    assert single.m.dtype == np.float32 and single.t.dtype == np.float64
    np.testing.assert_allclose(single.m, double.m, rtol=0, atol=1e-4, equal_nan=False)  # 1000 steps of 6e-8 and drift
    assert not np.array_equal(single.m, double.m.astype(np.float32))


@pytest.mark.parametrize(("dtype", "rounding"), [("float64", 4.5e-16), ("float32", 2e-7)])
def test_m_stays_on_the_sphere(dtype, rounding):
    run = simulate(*batch(5), duration=2e-9, dt=1e-12, m0=M0, dtype=dtype)
    length = np.linalg.norm(run.m[1:].astype(np.float64), axis=-1)
    assert np.abs(length - 1).max() <= rounding  # rounding of three components and of the root, not growing in time


def test_the_reference_agrees_with_rk4():
    oscillator, drive = batch(2)
    keywords = {"duration": 0.3e-9, "m0": M0}
    witness = simulate(oscillator, drive, **keywords, dt=10e-12, solver="reference")
    errors = []
    for dt in (1e-12, 0.5e-12):
        run = simulate(oscillator, drive, **keywords, dt=dt, save_every=round(10e-12 / dt))
        errors.append(np.abs(run.m - witness.m).max())
    assert errors[1] < 1e-7  # (w dt)^4/120 of a phase of some 40 rad, at w dt = 0.02
    assert np.log2(errors[0] / errors[1]) == pytest.approx(4, abs=0.25)  # what is left is rk4's own error, of order 4


def test_the_run_records_what_repeats_it():
    run = simulate(ALL_TERMS, DRIVE, **SHORT, dtype="float32", save_every=3, t0=1e-9)
    assert (run.oscillator, run.drive) == (ALL_TERMS, DRIVE)
    assert (run.dt, run.t0, run.save_every, run.solver, run.executor) == (1e-12, 1e-9, 3, "rk4", "compiled")
    assert (run.dtype, run.temperature, run.seed) == ("float32", 0.0, None) and shno.__version__ in run.versions
    again = simulate(
        run.oscillator,
        run.drive,
        duration=run.t[-1] - run.t[0],
        dt=run.dt,
        m0=run.m[0],
        t0=run.t0,
        dtype=run.dtype,
        save_every=run.save_every,
    )
    assert again == run
    assert simulate(ALL_TERMS, DRIVE, **SHORT, executor="torch").executor == "torch"
    assert simulate(ALL_TERMS, DRIVE, **SHORT, solver="reference").solver == "reference"


def test_the_inputs_are_left_as_they_were():
    oscillator, drive = batch(3)
    m0 = np.tile(M0, (3, 1))
    before = m0.copy()
    simulate(oscillator, drive, duration=0.02e-9, dt=1e-12, m0=m0)
    assert (oscillator, drive) == batch(3) and same(m0, before)
