"""Runs under waveforms: the stages of a step, breakpoints on and off the grid, tables, batches, chunks."""

from dataclasses import replace

import numpy as np
import pytest
from simulate_helpers import ALL_TERMS, DRIVE, M0, batch, member, same, waving

from shno import Drive, Function, Pulse, Ramp, Sampled, Step, compiled, eager, simulate

DT, T0 = 1e-12, 0.3e-9
WAVING = {"duration": 200 * DT, "dt": DT, "m0": M0, "t0": T0}


@pytest.mark.parametrize("settings", [{}, {"executor": "torch"}, {"save_every": 4}, {"dtype": "float32"}])
def test_a_sampled_current_is_its_runs_joined(settings):
    values, oscillator = [5e-3, -7e-3, 2e-3], replace(ALL_TERMS, Ms=np.array([8.1e5, 7e5]))
    keywords = {"dt": DT, **settings}
    drive = replace(DRIVE, a_DL=Sampled(values, 0.04e-9))
    whole = simulate(oscillator, drive, duration=0.1e-9, m0=M0, **keywords)  # the last sample is cut short
    m, parts = np.broadcast_to(np.array(M0), (2, 3)), []
    for value, duration in zip(values, (0.04e-9, 0.04e-9, 0.02e-9), strict=True):
        part = simulate(oscillator, replace(DRIVE, a_DL=value), duration=duration, m0=m, **keywords).m
        parts.append(part if not parts else part[1:])
        m = part[-1]
    if "dtype" not in settings:
        assert same(whole.m, np.concatenate(parts))
    else:  # a product of a waveform is rounded in float32, one of numbers in float64: 100 steps of 6e-8
        np.testing.assert_allclose(whole.m, np.concatenate(parts), rtol=0, atol=3e-6, equal_nan=False)


def test_the_last_sample_is_held_and_samples_past_the_end_are_not_used():
    keywords = {"duration": 0.1e-9, "dt": DT, "m0": M0}
    short = simulate(ALL_TERMS, replace(DRIVE, a_DL=Sampled([5e-3, -7e-3], 0.04e-9)), **keywords)
    held = simulate(ALL_TERMS, replace(DRIVE, a_DL=Sampled([5e-3, -7e-3, -7e-3, 1.0, 1.0], 0.04e-9)), **keywords)
    assert same(short.m, held.m)


@pytest.mark.parametrize("executor", ["compiled", "torch"])
def test_a_sample_per_oscillator_is_a_batch(executor):
    values = np.array([[5e-3, 1e-3, -2e-3], [-7e-3, 4e-3, 3e-3]])  # (samples, batch)
    keywords = {"duration": 0.1e-9, "dt": DT, "m0": M0, "executor": executor}
    together = simulate(ALL_TERMS, replace(DRIVE, a_DL=Sampled(values, 0.04e-9)), **keywords)
    assert together.m.shape == (101, 3, 3)
    for k in range(3):
        one = simulate(ALL_TERMS, replace(DRIVE, a_DL=Sampled(values[:, k], 0.04e-9)), **keywords)
        assert same(together.m[:, k], one.m)


# Breakpoints off the grid.

JUMPS = {
    "step": lambda at: Step(-4e-3, 9e-3, at),
    "samples": lambda at: Sampled([-4e-3, 9e-3], 40 * DT, at - 40 * DT),
    "function": lambda at: Function(lambda t: -4e-3 if t < at else 9e-3, times=(at,)),
}


@pytest.mark.parametrize("kind", JUMPS)
@pytest.mark.parametrize(("executor", "solver"), [("compiled", "rk4"), ("torch", "rk4"), ("compiled", "heun")])
def test_a_breakpoint_off_the_grid_divides_the_step(kind, executor, solver):
    """A jump 0.3 of the way through a step: that step is one of 0.3 dt and one of 0.7 dt."""
    dt, keywords = 0.5 * DT, {"executor": executor, "solver": solver}
    drive = replace(DRIVE, a_DL=JUMPS[kind](37.3 * dt))
    whole = simulate(ALL_TERMS, drive, duration=60 * dt, dt=dt, m0=M0, **keywords).m
    m, parts = M0, []
    for a_DL, steps, share in ((-4e-3, 37, 1.0), (-4e-3, 1, 0.3), (9e-3, 1, 0.7), (9e-3, 22, 1.0)):
        held = replace(DRIVE, a_DL=a_DL)
        parts.append(simulate(ALL_TERMS, held, duration=steps * share * dt, dt=share * dt, m0=m, **keywords).m[1:])
        m = parts[-1][-1]
    expected = np.concatenate([[M0], parts[0], parts[2], parts[3]])
    np.testing.assert_allclose(whole, expected, rtol=0, atol=1e-13, equal_nan=False)  # rounding of 60 steps
    undivided = simulate(ALL_TERMS, replace(DRIVE, a_DL=JUMPS[kind](37 * dt)), duration=60 * dt, dt=dt, m0=M0).m
    assert np.abs(whole - undivided).max() > 1e-5  # a third of a step of 13 mT


def test_several_breakpoints_divide_one_step_and_coinciding_ones_once():
    """Of three waveforms: at 0.25, 0.5 and 0.5 of the step."""
    quarter, half = (20.25 * DT, 20.5 * DT)
    drive = replace(DRIVE, a_DL=Step(-4e-3, 9e-3, half), V_gate=Step(0.3, -2.0, quarter), dKu=Step(9e3, -9e3, half))
    whole = simulate(ALL_TERMS, drive, duration=30 * DT, dt=DT, m0=M0).m
    fine = simulate(ALL_TERMS, drive, duration=30 * DT, dt=DT / 4, m0=M0, save_every=4).m
    start = fine[20]  # before the divided step whole steps and quarters differ by rk4's error alone
    one = simulate(ALL_TERMS, drive, duration=DT, dt=DT, m0=start, t0=20 * DT).m[-1]
    m = start
    for at, share in ((20.0, 0.25), (20.25, 0.25), (20.5, 0.5)):
        held = drive.at(at * DT, (at + 0.1) * DT)
        m = simulate(ALL_TERMS, held, duration=share * DT, dt=share * DT, m0=m).m[-1]
    np.testing.assert_allclose(one, m, rtol=0, atol=1e-14, equal_nan=False)
    assert np.abs(whole - fine).max() < 1e-5


def kinked(n):
    """A batch under waveforms with jumps and kinks of its own at times off every grid."""
    oscillator, drive = batch(n)
    times = np.linspace(31.37, 83.19, n) * DT
    ramp, pulses = Ramp(-0.1, 0.2, times, times + 43.7 * DT), Pulse(0.2, 13.21 * DT, 9.43 * DT, 23.3 * DT, 3)
    a_DL = drive.a_DL * Step(1.0, -1.5, 41.77 * DT)
    return oscillator, replace(drive, a_DL=a_DL, B_ext=(ramp, pulses, 0.2), V_gate=Step(0.7, -0.9, times))


def test_jumps_and_kinks_off_the_grid_keep_order_4():
    keywords = {"duration": 100 * DT, "m0": M0}
    witness = simulate(*kinked(3), **keywords, dt=10 * DT, solver="reference").m
    errors = []
    for parts in (1, 2, 4):
        run = simulate(*kinked(3), **keywords, dt=DT / parts, save_every=10 * parts)
        errors.append(np.abs(run.m - witness).max())
    slopes = -np.diff(np.log2(errors))
    assert errors[2] < 1e-8 and slopes[-1] == pytest.approx(4, abs=0.25), (errors, slopes)


# However it is run.


@pytest.mark.parametrize("off", [0.0, 0.37])
def test_torch_equals_the_compiled_kernel_under_every_kind_of_waveform(off):
    runs = [simulate(*waving(4, off=off), **WAVING, executor=each) for each in ("compiled", "torch")]
    np.testing.assert_allclose(runs[1].m, runs[0].m, rtol=0, atol=1e-12, equal_nan=False)  # two orders of rounding


@pytest.mark.parametrize("off", [0.0, 0.37])
def test_a_batch_equals_the_loop_under_every_kind_of_waveform(off):
    oscillator, drive = waving(20, off=off)
    together = simulate(oscillator, drive, **WAVING, save_every=50)
    for k in (0, 7, 19):
        one = simulate(member(oscillator, k), member(drive, k), **WAVING, save_every=50)
        assert same(together.m[:, k], one.m)  # whatever breakpoints the others have


@pytest.mark.parametrize("executor", ["compiled", "torch"])
def test_saving_more_often_changes_nothing_under_waveforms(executor):
    keywords = WAVING | {"duration": 100 * DT, "executor": executor}
    often = simulate(*waving(3, off=0.37), **keywords)
    for save_every in (4, 100):
        seldom = simulate(*waving(3, off=0.37), **keywords, save_every=save_every)
        assert same(seldom.m, often.m[::save_every]) and same(seldom.t, often.t[::save_every])


@pytest.mark.parametrize("save_every", [1, 20])
def test_how_a_run_under_waveforms_is_cut_into_chunks_changes_nothing(monkeypatch, save_every):
    whole = simulate(*waving(3, off=0.37), **WAVING, save_every=save_every).m
    monkeypatch.setitem(simulate.__globals__, "CHUNK", 3 * 3 * 7)
    assert same(simulate(*waving(3, off=0.37), **WAVING, save_every=save_every).m, whole)


@pytest.mark.parametrize(("module", "executor"), [(compiled, "compiled"), (eager, "torch")])
@pytest.mark.parametrize("save_every", [1, 100])
def test_tables_of_waveforms_stay_within_their_size(monkeypatch, module, executor, save_every):
    """However seldom a state is saved, no more steps are laid out at a time than the limit allows."""
    keywords, sizes = WAVING | {"duration": 100 * DT, "executor": executor, "save_every": save_every}, []
    whole = simulate(*waving(3), **keywords).m
    kind = {"compiled": module.__dict__.get("Compiled"), "torch": module.__dict__.get("Eager")}[executor]
    advance = kind.advance

    def counted(self, first, every, m, T):
        sizes.append(len(m) * every)
        advance(self, first, every, m, T)

    monkeypatch.setattr(kind, "advance", counted)
    monkeypatch.setattr(module, "TABLE", 1500)
    assert same(simulate(*waving(3), **keywords).m, whole)
    assert sum(sizes) == 100 and max(sizes) < 50


def test_a_run_that_goes_on_from_a_saved_state_gives_the_same_bits():
    whole = simulate(*waving(3, off=0.37), **WAVING)
    for first in (1, 57, 150):
        keywords = WAVING | {"m0": whole.m[first], "t0": whole.t[first], "duration": (200 - first) * DT}
        rest = simulate(*waving(3, off=0.37), **keywords)
        assert same(rest.t, whole.t[first:]) and same(rest.m, whole.m[first:])


@pytest.mark.parametrize("settings", [{}, {"executor": "torch"}, {"solver": "reference"}, {"save_every": 10}])
@pytest.mark.parametrize("last", [0.02e-9, 0.0595e-9])
def test_progress_rises_and_ends_at_the_end(settings, last):
    """Also where the last step is a divided one."""
    calls = []
    drive = Drive(a_DL=Sampled([1e-3, 3e-3, -2e-3], 0.02e-9) * Step(1.0, 2.0, last), B_ext=DRIVE.B_ext)
    keywords = {"duration": 0.06e-9, "dt": DT, "m0": M0} | settings
    simulate(ALL_TERMS, drive, **keywords, progress=lambda *done: calls.append(done))
    assert calls == sorted(calls) and calls[-1] == (60, 60) and all(n == 60 for _, n in calls)


HEATED = {"t_HM": 5e-9, "R": 300.0, "beta_R": 1e-3, "R_th": 8e5, "C_th": 1e-16, "curie_temperature": 1100.0}


@pytest.mark.parametrize("heated", [False, True])
@pytest.mark.parametrize("at", [37.0, 37.3])
def test_executors_agree_on_noise_that_follows_the_state_through_a_divided_step(heated, at):
    """Its deviation follows the damping that grows with the motion, or the temperature."""
    oscillator = replace(ALL_TERMS, width=8e-8, Q_nl=3.0, **HEATED if heated else {})
    given = {"a_DL": None, "I": Step(-4e-4, 8e-4, at * DT)} if heated else {"a_DL": Step(-4e-3, 2e-2, at * DT)}
    noise = {"temperature": 300.0, "seed": 1, "duration": 60 * DT, "dt": DT, "m0": M0}
    runs = [simulate(oscillator, replace(DRIVE, **given), **noise, executor=each) for each in ("compiled", "torch")]
    np.testing.assert_allclose(runs[1].m, runs[0].m, rtol=0, atol=1e-12, equal_nan=False)  # two orders of rounding
    if heated:
        np.testing.assert_allclose(runs[1].T, runs[0].T, rtol=1e-13, equal_nan=False)
