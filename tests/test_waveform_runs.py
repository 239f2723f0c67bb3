"""Runs under waveforms against the witness, continued, stored and repeated; and the guard that looks at waveforms."""

from dataclasses import replace

import numpy as np
import pytest
from simulate_helpers import AXIS, M0, P, same

from shno import Chirp, Drive, Function, Oscillator, Pulse, Ramp, Sampled, Step, load, parameters, simulate
from shno.guard import check_turn
from shno.plan import clock

PS = 1e-12
KINDS = ("step", "ramp", "train", "function", "samples", "line", "chirp")
QUANTITIES = {"I": 2e-3, "B_x": 0.04, "B_y": 0.05, "B_z": 0.06, "V_gate": 0.7, "dKu": 1.5e4}  # each turns m as 0.05 T
LANES = [(kind, [*QUANTITIES][(k + shift) % 6]) for k, kind in enumerate(KINDS) for shift in (0, 3)]
OSCILLATOR = Oscillator(
    Ms=5e5, alpha=np.linspace(0.02, 0.04, len(LANES)), gamma=1.9e11, demag=(0.1, 0.2, 0.7), Ku=5e4, easy_axis=AXIS,
    field_like=-0.3, p=P, theta_SH=0.3, thickness=2e-9, width=150e-9, t_HM=5e-9, vcma=2e4,
)  # fmt: skip


ONE = replace(OSCILLATOR, alpha=0.03)


def jumping(jump):
    return lambda t: np.cos(4e10 * t) * (1.0 if t < jump else -0.7)


def wave_of(kind, at, size):
    """A waveform of a kind, with its kinks at some of the times at (7,), s, in order."""
    return {
        "step": lambda: Step(0.0, size, at[3]),
        "ramp": lambda: Ramp(0.0, size, at[1], at[5]),
        "train": lambda: Pulse(size, at[0], at[2] - at[0], at[3] - at[0], 2),
        "function": lambda: size * Function(jumping(at[4]), [at[4]]),
        "samples": lambda: size * Sampled([0.0, 0.8, -0.6, 0.3], at[2] - at[0], at[1]),
        "line": lambda: size * Sampled([0.0, 0.8, -0.6, 0.3], at[2] - at[0], at[1], "linear"),
        "chirp": lambda: Chirp(size, 8e9, 3e10, at[6] - at[1], at[1], 0.2),
    }[kind]()


def steady(current):
    """Every quantity at its steady value: one for I, or for a_DL."""
    others = {"B_x": 0.05, "B_y": -0.13, "B_z": 0.21, "V_gate": 0.2, "dKu": 0.0}
    return {"I": 1e-3} | others if current == "I" else {"a_DL": 6e-3} | others


def drive_of(values):
    """The Drive of quantities by name."""
    values = dict(values)
    return Drive(B_ext=tuple(values.pop(f"B_{c}") for c in "xyz"), **values)


def driven(at, current="I"):
    """A batch in which one quantity of each oscillator follows one kind of waveform."""
    wave = sum((wave_of(kind, at, np.array([float(kind == lane) for lane, _ in LANES])) for kind in KINDS), 0.0)
    values = steady(current)
    if current == "a_DL":
        return drive_of(values | {"a_DL": values["a_DL"] + 0.03 * wave})
    sizes = {name: size * np.array([float(name == lane) for _, lane in LANES]) for name, size in QUANTITIES.items()}
    return drive_of({name: value + sizes[name] * wave for name, value in values.items()})


def witness(at, current):
    """m (9, lane, 3) by the witness, each oscillator alone with its one waveform."""
    paths = []
    for k, (kind, quantity) in enumerate(LANES):
        values, size = steady(current), QUANTITIES[quantity]
        name, size = ("a_DL", 0.03) if current == "a_DL" else (quantity, size)
        drive = drive_of(values | {name: values[name] + size * wave_of(kind, at, 1.0)})
        settings = {"dt": 4 * PS, "solver": "reference", "rtol": 1e-12, "atol": 1e-14}
        paths.append(simulate(replace(OSCILLATOR, alpha=OSCILLATOR.alpha[k]), drive, **RUN, **settings).m)
    return np.stack(paths, axis=1)


ON_GRID = np.array([3, 5, 8, 12, 17, 19, 26]) * PS
OFF_GRID = np.array([3.37, 5.11, 8.83, 12.29, 17.61, 19.47, 26.73]) * PS
RUN = {"duration": 32 * PS, "m0": M0}


@pytest.mark.parametrize("times", [ON_GRID, OFF_GRID], ids=["on_grid", "off_grid"])
@pytest.mark.parametrize(("current", "executors"), [("I", ("compiled", "torch")), ("a_DL", ("compiled",))])
def test_rk4_keeps_order_4_through_every_kind_of_jump_and_kink(times, current, executors):
    """Each oscillator of its own: a step across a jump, or one that sees its wrong side, would leave order 1."""
    expected = witness(times, current)
    still = simulate(OSCILLATOR, drive_of(steady(current)), **RUN, dt=4 * PS, solver="reference").m
    moved = np.abs(expected - still).max(axis=(0, 2))
    assert moved.min() > 5e-3, dict(zip(LANES, moved, strict=True))  # no lane is without its waveform
    for executor in executors:
        errors = []
        for n in (4, 8):
            settings = {"dt": PS / n, "save_every": 4 * n, "executor": executor}
            run = simulate(OSCILLATOR, driven(times, current), **RUN, **settings)
            errors.append(np.abs(run.m - expected).max(axis=(0, 2)))
        slopes = np.log2(errors[0] / errors[1])
        assert max(errors[1]) < 2e-9 and np.abs(slopes - 4).max() < 0.15, dict(zip(LANES, slopes, strict=True))


def test_executors_evaluate_every_kind_of_waveform_alike():
    """In each oscillator one kind alone, so that none can hide another."""
    runs = [simulate(OSCILLATOR, driven(OFF_GRID), **RUN, dt=PS / 4, executor=each) for each in ("compiled", "torch")]
    np.testing.assert_allclose(runs[1].m, runs[0].m, rtol=0, atol=1e-12, equal_nan=False)  # two orders of rounding


def test_an_oscillator_s_steps_are_divided_at_its_own_breakpoints():
    """Each pulse has another width, one of them on the grid: whatever the others have, its path is the same bits."""
    widths, keywords = np.array([3.3, 4.9, 5.0, 7.7, 7.8]) * PS, {**RUN, "dt": PS, "executor": "torch"}

    def path(width):
        return simulate(ONE, Drive(a_DL=6e-3 + Pulse(0.03, 2.6 * PS, width, 9.1 * PS, 3)), **keywords).m

    together = path(widths)
    assert np.abs(np.diff(together[-1], axis=0)).min() > 1e-5
    for k, width in enumerate(widths):
        assert same(together[:, k], path(width))


@pytest.mark.parametrize(
    ("executor", "t0"), [("compiled", 0.0), ("compiled", -3.21 * PS), ("compiled", 1.17 * PS), ("torch", 1.17 * PS)]
)
def test_a_run_goes_on_from_a_saved_time_wherever_its_grid_lies(executor, t0):
    keywords = RUN | {"dt": PS / 2, "executor": executor}
    whole = simulate(OSCILLATOR, driven(OFF_GRID), **keywords, t0=t0)
    assert whole.t[0] == pytest.approx(t0, abs=1e-6 * PS)
    for first in (7, 8, 40):
        keywords |= {"duration": (64 - first) * PS / 2, "m0": whole.m[first], "t0": whole.t[first]}
        rest = simulate(OSCILLATOR, driven(OFF_GRID), **keywords)
        assert same(rest.m, whole.m[first:]) and same(rest.t, whole.t[first:])


@pytest.mark.parametrize(
    ("executor", "t0"), [("compiled", 0.0), ("compiled", 0.5 * PS), ("compiled", 0.37 * PS), ("torch", 0.37 * PS)]
)
def test_a_stored_run_is_repeated_bit_for_bit(folder, executor, t0):
    """The waveforms come back as they were, the callable as its table, which has the jump that the run saw."""
    drive, keywords = driven(OFF_GRID), RUN | {"dt": PS / 2, "executor": executor, "save_every": 4}
    run = simulate(OSCILLATOR, drive, **keywords, t0=t0)
    run.save("run.h5")
    stored = load("run.h5")
    assert same(stored.m, run.m) and (stored.t0, stored.dt, stored.save_every) == (run.t0, run.dt, 4)
    assert simulate(stored.oscillator, stored.drive, **keywords, t0=stored.t0) == replace(stored, drive=stored.drive)
    stored.save("again.h5")  # a table is data: it is stored as it is
    assert load("again.h5") == stored
    summary = stored.drive.I.summary
    assert summary.replace("Tabulated", "Function").count("Function") == drive.I.summary.count("Function") == 1
    assert [type(leaf) for leaf in stored.drive.V_gate.leaves() if "T" not in type(leaf).__name__] == [
        type(leaf) for leaf in drive.V_gate.leaves() if not isinstance(leaf, Function)
    ]


def test_a_drive_without_a_callable_comes_back_equal(folder):
    drive = Drive(
        I=1e-3 * Step(0.0, 1.0, ON_GRID[2]) * Pulse(0.5, ON_GRID[0], PS, 4 * PS, 3) + 1e-4,
        B_ext=(0.05, Ramp(-0.1, 0.2, 0.0, ON_GRID[3]), 0.21),
        V_gate=Sampled([0.5, -0.5], 9 * PS, interpolation="linear"),
    )
    simulate(OSCILLATOR, drive, **RUN, dt=PS, executor="torch").save("run.h5")
    assert load("run.h5").drive == drive


# The clock.


@pytest.mark.parametrize("t0", [0.0, 2.3e-9, -0.4e-12, 0.37e-12, 1 / 3 * 1e-12, 5.0000004e-12, 1e-6 + 0.7e-12])
def test_the_clock_is_the_same_from_any_of_its_times_on(t0):
    ticks = clock(t0, PS)
    assert ticks.at(0) == pytest.approx(t0, abs=1e-6 * PS)
    for n in (1, 2, 77, 1_000_000):
        later = clock(float(ticks.at(n)), PS)
        assert (later.origin, later.first) == (ticks.origin, ticks.first + n)
        assert same(later.stages(0, 3), ticks.stages(n, 3))


def test_a_place_on_the_grid_is_a_whole_number():
    ticks = clock(0.37e-12, PS)
    assert ticks.place([ticks.at(3), ticks.at(3) + 4e-19, ticks.at(1_000_000)]).tolist() == [3, 3, 1_000_000]
    assert ticks.place(ticks.at(3) + 1e-15) == pytest.approx(3.001, abs=1e-9)


# The guard.


def guarded(wave, *, steps=10_000, dt=PS, oscillator=ONE, solver="rk4"):
    drive = Drive(I=0.0, B_ext=(0.05, -0.13, wave))
    m0 = np.broadcast_to(M0, (*np.broadcast_shapes(wave.shape, oscillator.shape), 3))
    check_turn(m0, parameters(oscillator, drive), clock(0.0, dt), steps, solver)


def test_the_guard_takes_no_line_beyond_its_piece():
    """1e4 samples of 30 mT: a line prolonged over the pieces that are left out would be of many tesla."""
    samples = 0.03 * np.random.default_rng(1).normal(size=10_001)
    assert guarded(Sampled(samples, PS, interpolation="linear")) is None  # and no ValueError


@pytest.mark.parametrize("interpolation", ["hold", "linear"])
def test_the_guard_finds_one_sample_of_thousands(interpolation):
    samples = np.zeros(4000)
    samples[2731] = 2.0
    with pytest.raises(
        ValueError, match=r"^dt must turn m by at most 0\.2 rad a step, got 0\.\d+ at \|B\| = \d\.\d+ T\."
    ):
        guarded(Sampled(samples, PS, interpolation=interpolation))


def test_the_guard_names_the_oscillator_of_a_waveform_and_a_step_that_is_accepted():
    pulses = Pulse([[0.1], [2.0]], 3e-9, 0.1e-12, 1e-9, np.array([1, 2, 3])) + 0.1
    with pytest.raises(ValueError, match=r" at index 3 of 6\. Use dt <= ") as caught:
        guarded(pulses)
    usable = float(str(caught.value).split("Use dt <= ")[1].removesuffix(" s."))
    guarded(pulses, dt=usable)
    with pytest.raises(ValueError, match=r"^dt must turn m"):
        guarded(pulses, dt=1.1 * usable)


def test_heun_is_kept_from_false_damping_and_needs_some():
    still = Step(0.85, 0.85, 0.0)
    with pytest.raises(ValueError, match=r"Heun's anti-damping \(turn\)\^3/8 must stay below alpha/100; rk4") as caught:
        guarded(still, dt=0.9 * PS, solver="heun")
    usable = float(str(caught.value).split("Use dt <= ")[1].split(" s.")[0])
    guarded(still, dt=usable, solver="heun")
    guarded(still, dt=0.9 * PS)
    for alpha in (0.0, np.array([0.1, 0.0])):
        with pytest.raises(ValueError, match=r"^alpha must be > 0 with solver='heun', got 0.* use rk4"):
            guarded(still, dt=1e-15, oscillator=replace(ONE, alpha=alpha), solver="heun")
