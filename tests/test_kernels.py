"""The compiled run is the Python step, and lanes do not meet."""

from dataclasses import replace

import numpy as np
import pytest
from simulate_helpers import M0, batch, waving

from shno import Sine
from shno.compiled import Compiled
from shno.heating import heated_right_hand_side
from shno.llgs import right_hand_side
from shno.parameters import arguments, heat_parameters, parameters, reduced_step
from shno.plan import Plan, clock
from shno.solvers import heun, rk4
from shno.vector import dot, reciprocal_sqrt, scale

N, DT, T0 = 5, 1e-12, 0.3e-9  # dt and the start of `waving`
SOLVERS = {"rk4": rk4, "heun": heun}
HEAT = {"thickness": 1.6e-9, "width": 1e-7, "t_HM": 5e-9, "R": 300.0, "beta_R": 1e-3, "R_th": 8e5, "C_th": 1e-16}


def plan_of(oscillator, drive, solver="rk4", temperature=0.0):
    """A run of N oscillators without noise."""
    values, heat = parameters(oscillator, drive), heat_parameters(oscillator, drive, temperature)
    tree = (reduced_step(values, DT), *arguments(values), *(() if heat is None else (heat,)))
    start = np.repeat(np.array(M0)[:, None], N, axis=1)
    if heat is not None:
        start = np.concatenate([start, np.full((1, N), temperature)])
    return Plan(tree, start, (N,), "float64", "cpu", solver, clock(T0, DT), None, [])


def by_python(oscillator, drive, solver, steps, temperature=0.0):
    """The state after the steps, and the norm's worst error, straight from the definition of a step."""
    y, worst, time = tuple(plan_of(oscillator, drive, solver, temperature).start), 0.0, clock(T0, DT)
    for step in range(steps):
        t, stages = time.at(step), []
        for at in (t, t + DT / 2, t + DT):
            now = drive.at(at, t + DT / 2)
            values, heat = parameters(oscillator, now), heat_parameters(oscillator, now, temperature)
            stages.append((*arguments(values), *(() if heat is None else (heat,))))
        function = right_hand_side if len(y) == 3 else heated_right_hand_side
        y = SOLVERS[solver](function, y, reduced_step(values, DT), *stages)
        worst = np.maximum(worst, np.abs(dot(y, y) - 1))
        y = (*scale(reciprocal_sqrt(dot(y, y)), y[:3]), *y[3:])
    return np.stack(y), worst


def assert_is_the_python_step(oscillator, drive, solver="rk4", steps=200, temperature=0.0):
    """The same source twice: contracted multiply-adds and another root leave rounding only."""
    run = Compiled(plan_of(oscillator, drive, solver, temperature))
    m, T = np.empty((2, N, 3)), np.empty((2, N)) if len(run.state) == 4 else None
    run.advance(0, steps // 2, m, T)
    expected, worst = by_python(oscillator, drive, solver, steps, temperature)
    saved = np.vstack([m[1].T, *([] if T is None else [T[1]])])
    assert np.array_equal(saved, run.current())
    np.testing.assert_allclose(saved[:3], expected[:3], rtol=0, atol=1e-12, equal_nan=False)
    np.testing.assert_allclose(saved[3:], expected[3:], rtol=1e-12, equal_nan=False)
    # of order 1e-10: cancellation; the kernel's is that of the call, here of all steps
    np.testing.assert_allclose(run.deviation[:N], worst, rtol=1e-3, atol=1e-15, equal_nan=False)


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_kernel_is_the_python_step_compiled(solver):
    assert_is_the_python_step(*batch(N), solver)


@pytest.mark.parametrize("solver", SOLVERS)
def test_waveforms_are_evaluated_at_the_stages_of_every_step(solver):
    oscillator, drive = waving(N)
    assert_is_the_python_step(oscillator, drive, solver)
    held = by_python(oscillator, drive.at(T0), solver, 200)[0]
    assert np.all(np.abs(by_python(oscillator, drive, solver, 200)[0] - held).max(axis=0) > 0.01)  # they act


def test_the_heated_kernel_is_the_heated_python_step():
    oscillator, drive = batch(N)
    oscillator = replace(oscillator, **HEAT, curie_temperature=np.linspace(700.0, 1100.0, N), Ku_exponent=2.2)
    drive = replace(drive, a_DL=None, I=np.linspace(-3e-4, 5e-4, N) * (1.0 + Sine(0.3, 5e9)))
    assert_is_the_python_step(oscillator, drive, temperature=300.0)
    T = by_python(oscillator, drive, "rk4", 200, 300.0)[0][3]
    assert np.all(T > 300.5) and np.ptp(T) > 5  # K


def after(run):
    """m (N, 3) after 100 steps."""
    m = np.empty((1, N, 3))
    run.advance(0, 100, m, None)
    return m[0]


@pytest.mark.parametrize("filling", [0.37, np.nan])
def test_padded_lanes_do_not_change_results(filling):
    """Whatever fills the lanes past the last oscillator: other numbers, or NaN."""
    plain, filled = (Compiled(plan_of(*waving(N))) for _ in range(2))
    for array in (filled.rows, filled.state, filled.wave_rows):
        assert array.shape[1] == 16
        array[:, N:] = filling
    assert np.array_equal(after(plain), after(filled))
    assert np.array_equal(plain.deviation[:N], filled.deviation[:N]) and not np.isnan(plain.current()).any()


def test_nan_in_one_oscillator_stays_there():
    plain, spoilt = (Compiled(plan_of(*waving(N))) for _ in range(2))
    spoilt.state[:, 2] = np.nan
    others = [0, 1, 3, 4]
    assert np.array_equal(after(plain)[others], after(spoilt)[others])
