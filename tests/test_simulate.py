from dataclasses import replace

import numpy as np
import pytest
from simulate_helpers import ALL_TERMS, DRIVE, M0, SHORT, batch, same

import shno
from shno import simulate

# Time and saving.


@pytest.mark.parametrize("save_every", [1, 5])
def test_time_is_counted_in_steps_and_never_summed(save_every):
    n = save_every * np.arange(300 // save_every + 1)
    run = simulate(ALL_TERMS, DRIVE, **SHORT, t0=2.3e-9, save_every=save_every)
    assert same(run.t, 1e-12 * (2300 + n))  # a multiple of dt: steps are counted from t = 0
    assert run.m.shape == (300 // save_every + 1, 3) and run.t0 == run.t[0]
    off = simulate(ALL_TERMS, DRIVE, **SHORT, t0=2.3004e-9, save_every=save_every)
    np.testing.assert_allclose(off.t, 2.3004e-9 + 1e-12 * n, rtol=1e-15)
    assert same(off.m, run.m)
    rest = simulate(ALL_TERMS, DRIVE, **SHORT, t0=off.t[20], save_every=save_every)
    assert same(rest.t[: 300 // save_every - 19], off.t[20:])  # from any time of a grid on, the same grid


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


# Executors, precision, solvers.


@pytest.mark.parametrize("solver", ["rk4", "heun"])
def test_torch_equals_the_compiled_kernel(solver):
    keywords = SHORT | {"dt": 0.5e-12, "solver": solver}
    compiled, eager = (simulate(*batch(5), **keywords, executor=each) for each in ("compiled", "torch"))
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


@pytest.mark.parametrize(("solver", "order", "largest"), [("rk4", 4, 1e-7), ("heun", 2, 2e-3)])
def test_a_solver_converges_to_the_reference_at_its_order(solver, order, largest):
    oscillator, drive = batch(2)
    keywords = {"duration": 0.3e-9, "m0": M0}
    witness = simulate(oscillator, drive, **keywords, dt=10e-12, solver="reference")
    errors = []
    for dt in (0.5e-12, 0.25e-12):
        run = simulate(oscillator, drive, **keywords, dt=dt, solver=solver, save_every=round(10e-12 / dt))
        errors.append(np.abs(run.m - witness.m).max())
    # (w dt)^4/120 and (w dt)^2/6 of a phase of some 40 rad, at w dt = 0.02
    assert errors[1] < largest and np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.25)


NOISY = {"temperature": 300.0, "seed": 5, "noise_dt": 0.5e-12, "realisation": 7}


@pytest.mark.parametrize("noise", [{}, NOISY])
def test_the_run_records_what_repeats_it(noise):
    oscillator = replace(ALL_TERMS, width=1e-7)
    run = simulate(oscillator, DRIVE, **SHORT, dtype="float32", save_every=3, t0=1e-9, **noise)
    assert (run.oscillator, run.drive) == (oscillator, DRIVE)
    assert (run.dt, run.t0, run.save_every, run.solver, run.executor) == (1e-12, 1e-9, 3, "rk4", "compiled")
    assert run.dtype == "float32" and shno.__version__ in run.versions
    for name, default in (("temperature", 0.0), ("seed", None), ("noise_dt", None), ("realisation", None)):
        assert getattr(run, name) == noise.get(name, default)
    again = simulate(
        run.oscillator,
        run.drive,
        duration=run.t[-1] - run.t[0],
        m0=run.m[0],
        **{name: getattr(run, name) for name in ("dt", "t0", "dtype", "save_every", *NOISY)},
    )
    assert again == run


def test_the_run_records_its_executor_and_its_solver():
    keywords = SHORT | {"duration": 0.02e-9}
    assert simulate(ALL_TERMS, DRIVE, **keywords, executor="torch").executor == "torch"
    assert simulate(ALL_TERMS, DRIVE, **keywords, solver="reference").solver == "reference"


@pytest.mark.parametrize("executor", ["compiled", "torch"])
def test_a_temperature_with_a_seed_moves_the_run_and_repeats_it(executor):
    oscillator = replace(ALL_TERMS, width=1e-7)
    keywords = SHORT | {"duration": 0.05e-9, "executor": executor}
    cold = simulate(oscillator, DRIVE, **keywords).m[-1]
    first, again, other = (simulate(oscillator, DRIVE, **keywords, temperature=300.0, seed=k).m[-1] for k in (1, 1, 2))
    assert same(first, again)
    assert np.abs(first - cold).max() > 1e-4 < np.abs(first - other).max()


def test_the_inputs_are_left_as_they_were():
    oscillator, drive = batch(3)
    m0 = np.tile(M0, (3, 1))
    before = m0.copy()
    simulate(oscillator, drive, duration=0.02e-9, dt=1e-12, m0=m0)
    assert (oscillator, drive) == batch(3) and same(m0, before)
