import math
from dataclasses import replace

import numpy as np
import pytest

import shno
from shno import Drive, IntegrationError, Oscillator, Sampled, kernels, simulate
from shno.constants import mu_0

AXIS, P = np.array([0.6, -0.48, 0.64]), np.array([0.36, 0.8, -0.48])
# Every term is on and no component is a constant that could be compiled in.
ALL_TERMS = Oscillator(
    Ms=8.1e5, alpha=0.03, gamma=1.9e11, demag=(0.1, 0.2, 0.7), Ku=1e5, easy_axis=AXIS, field_like=-0.3, p=P
)
DRIVE = Drive(a_DL=6e-3, B_ext=(0.05, -0.13, 0.21))
M0 = (0.48, 0.6, -0.64)
SHORT = {"duration": 0.3e-9, "dt": 1e-12, "m0": M0}


def batch(n, seed=3):
    """Oscillators and drives (n,), each parameter of its own."""
    rng = np.random.default_rng(seed)
    p, axis = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in rng.normal(size=(2, n, 3)))
    N = rng.uniform(0.1, 1, (n, 3))
    oscillator = Oscillator(
        Ms=rng.uniform(5e5, 1e6, n),
        alpha=rng.uniform(0.01, 0.1, n),
        gamma=rng.uniform(1.7e11, 1.9e11, n),
        demag=N / N.sum(axis=-1, keepdims=True),
        Ku=rng.uniform(-1e5, 2e5, n),
        easy_axis=axis,
        field_like=rng.uniform(-0.3, 0.3, n),
        p=p,
    )
    return oscillator, Drive(a_DL=rng.uniform(-8e-3, 8e-3, n), B_ext=rng.uniform(-0.2, 0.2, (n, 3)))


def member(record, k):
    """The k-th of a batch (n,), as a record of its own."""
    values = {name: getattr(record, name) for name in record.__dataclass_fields__}
    vectors = ("demag", "easy_axis", "p", "B_ext")
    return type(record)(**{n: v[k] if np.ndim(v) > (n in vectors) else v for n, v in values.items()})


def same(a, b):
    """Equal bit for bit, without a NaN."""
    return a.dtype == b.dtype and np.array_equal(a, b)


# What is refused, and how.


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"duration": 1.0005e-9},
            ValueError,
            r"^duration must be a multiple of dt, got 1\.0005e-09 s at .* Use 1e-09 s\.",
        ),
        ({"duration": 0.4e-12}, ValueError, r"^duration must be a multiple of dt, .* Use 1e-12 s\."),
        ({"duration": 0.0}, ValueError, r"^duration must be > 0, got 0"),
        ({"duration": -1e-9}, ValueError, r"^duration must be > 0, got -1e-09"),
        ({"duration": math.nan}, ValueError, r"^duration must be finite, got nan"),
        ({"duration": math.inf}, ValueError, r"^duration must be finite, got inf"),
        ({"duration": "1 ns"}, TypeError, r"^duration must be a number, got '1 ns'"),
        ({"dt": 0.0}, ValueError, r"^dt must be > 0, got 0"),
        ({"dt": -1e-12}, ValueError, r"^dt must be > 0, got -1e-12"),
        ({"dt": math.nan}, ValueError, r"^dt must be finite, got nan"),
        ({"dt": [1e-12]}, TypeError, r"^dt must be a number, got \[1e-12\]"),
        ({"t0": math.nan}, ValueError, r"^t0 must be finite, got nan"),
        ({"temperature": 300.0}, ValueError, r"^temperature must be 0"),
        ({"temperature": 300.0, "seed": 1}, ValueError, r"^temperature must be 0"),
        ({"seed": 1}, ValueError, r"^\w+ must be .*[Ss]eed|^seed must be None"),
        ({"solver": "euler"}, ValueError, r"^solver must be one of rk4, reference, got 'euler'\."),
        ({"executor": "numpy"}, ValueError, r"^executor must be one of auto, compiled, torch, got 'numpy'\."),
        ({"dtype": "float16"}, ValueError, r"^dtype must be one of float64, float32, got 'float16'\."),
        ({"device": "abacus"}, ValueError, r"^device must be "),
        ({"executor": "compiled", "device": "cuda"}, ValueError, r"^executor must be torch on a device other than"),
        ({"save_every": 7}, ValueError, r"^save_every must be a whole number that divides the 1000 steps, got 7\."),
        ({"save_every": 0}, ValueError, r"^save_every must be a whole number"),
        ({"save_every": -1}, ValueError, r"^save_every must be a whole number"),
        ({"save_every": 2.0}, ValueError, r"^save_every must be a whole number"),
        ({"save_every": 2000}, ValueError, r"^save_every must be a whole number"),
        ({"m0": (0.0, 0.0, 2.0)}, ValueError, r"^\|m0\| must be 1, got 2\. Normalise m0"),
        ({"m0": (0.0, 0.0, 0.0)}, ValueError, r"^\|m0\| must be 1, got 0\."),
        ({"m0": (0.0, math.nan, 1.0)}, ValueError, r"^m0 must be finite, got nan at index 1 of 3"),
        ({"m0": (0.0, 1.0)}, ValueError, r"^m0 must be a vector with x, y, z on its last axis, got shape \(2,\)"),
        ({"m0": "up"}, TypeError, r"^m0 must be three numbers"),
    ],
)
def test_a_bad_call_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        simulate(ALL_TERMS, DRIVE, **{"duration": 1e-9, "dt": 1e-12, "m0": M0} | change)


@pytest.mark.parametrize("given", [("w-cofeb-pma", DRIVE), (ALL_TERMS, 1e-3), (DRIVE, ALL_TERMS)])
def test_what_is_no_oscillator_or_no_drive_is_a_type_error(given):
    with pytest.raises(TypeError, match=r"^(oscillator|drive) must be "):
        simulate(*given, **SHORT)


def test_a_swallowed_keyword_is_an_error():
    with pytest.raises(TypeError, match="stepsize"):
        simulate(ALL_TERMS, DRIVE, **SHORT, stepsize=1e-12)


def test_what_does_not_broadcast_is_refused():
    with pytest.raises(ValueError, match=r"broadcast"):
        simulate(batch(2)[0], batch(3)[1], **SHORT)
    with pytest.raises(ValueError, match=r"broadcast"):
        simulate(*batch(2), duration=1e-12, dt=1e-12, m0=np.eye(3))


@pytest.mark.parametrize("B", [0.02, 0.0214, 0.0571, 0.0637, 0.093, 0.3, 1.7, 9.0, 200.0])
def test_a_step_too_large_is_refused_with_one_that_is_accepted(B):
    soft = replace(ALL_TERMS, Ms=8e3, Ku=1.0)  # a few mT beside B
    drive, dt = Drive(a_DL=1e-6, B_ext=B * AXIS), 1 / (1.9e11 * B)
    with pytest.raises(
        ValueError, match=r"^dt must turn m by at most 0\.2 rad a step, got .* Use dt <= .* s\.$"
    ) as caught:
        simulate(soft, drive, duration=2 * dt, dt=dt, m0=M0)
    usable = float(str(caught.value).split("Use dt <= ")[1].removesuffix(" s."))
    assert usable * 1.9e11 * (B + mu_0 * 8e3) > 0.18  # and not much smaller than need be
    assert simulate(soft, drive, duration=2 * usable, dt=usable, m0=M0).m.shape == (3, 3)


def test_the_offender_of_a_batch_is_named():
    drive = Drive(a_DL=0.0, B_ext=np.array([[0.0, 0, 0.1], [0, 0, 0.1], [0, 0, 5.0]]))
    with pytest.raises(ValueError, match=r"at \|B\| = .* T at index 2 of 3\. Use dt <= "):
        simulate(ALL_TERMS, drive, **SHORT)


def test_the_step_guard_sees_the_field_like_torque_as_the_field_that_it_is():
    by_torque = replace(ALL_TERMS, field_like=100.0), Drive(a_DL=0.02, B_ext=(0.05, -0.13, 0.21))
    by_field = replace(ALL_TERMS, field_like=0.0), Drive(a_DL=0.02, B_ext=np.array([0.05, -0.13, 0.21]) + 2 * P)
    for oscillator, drive in (by_torque, by_field):  # 2 T turn m by 0.38 rad a step
        with pytest.raises(ValueError, match=r"^dt must turn m by at most"):
            simulate(oscillator, drive, **SHORT)


def test_the_step_guard_looks_at_the_whole_waveform_before_the_first_step():
    steps = []
    drive = Drive(a_DL=Sampled([1e-3, 1e-3, 5.0], 0.1e-9), B_ext=DRIVE.B_ext)
    with pytest.raises(ValueError, match=r"^dt must turn m by at most"):
        simulate(ALL_TERMS, drive, **SHORT, progress=lambda *done: steps.append(done))
    assert steps == []


@pytest.mark.parametrize("executor", ["compiled", "torch"])
@pytest.mark.parametrize("save_every", [1, 300])
def test_a_solve_that_fails_says_so_wherever_it_did(executor, save_every):
    """Across its easy axis m feels no field, and the guard sees none; on its way to the axis it turns too far."""
    oscillator = replace(ALL_TERMS, alpha=0.5, Ku=4.0 * ALL_TERMS.Ms / 2, demag=(1 / 3, 1 / 3, 1 / 3))
    drive, keywords = Drive(a_DL=1e-9, B_ext=0.1 * AXIS), {"m0": (0.8, 0.36, -0.48), "save_every": save_every}
    assert abs(np.dot(keywords["m0"], AXIS)) < 1e-15
    with pytest.raises(
        IntegrationError, match=r"reached .* before step \d+, .* s after the start: .* Use dt <= 1e-12 s\.$"
    ):
        simulate(oscillator, drive, duration=0.6e-9, dt=2e-12, **keywords, executor=executor)
    assert simulate(oscillator, drive, duration=0.6e-9, dt=0.5e-12, **keywords).m[-1] @ AXIS > 0.99


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


# Batches.


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
    ],
)
def test_a_batch_equals_the_loop_where_a_member_has_a_term_off_or_lies_along_an_axis(special):
    """Alone, such a member runs a shorter program, with its constants compiled in: the last bit may differ."""
    oscillator, drive = batch(20)
    for name, value in special.items():
        record = drive if name in ("a_DL", "B_ext") else oscillator
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
    for threads in ("1", "2", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        assert kernels.thread_count() == int(threads)
        runs.append(simulate(*batch(300), **SHORT, save_every=100).m)
    assert same(runs[0], runs[1]) and same(runs[0], runs[2])


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


# Physics that needs no closed form.


def energy(m, oscillator, drive):
    """Energy density over Ms, T: -m . B - (Ku/Ms) (m . u)^2 + (mu_0 Ms/2) m . N . m."""
    anisotropy = oscillator.Ku / oscillator.Ms * (m @ oscillator.easy_axis) ** 2
    return mu_0 * oscillator.Ms / 2 * m**2 @ oscillator.demag - anisotropy - m @ drive.B_ext


NONE = 1e-200  # as good as zero, but not compiled away: the kernel is that of the other tests


def test_without_a_current_energy_falls_at_every_step():
    still = replace(DRIVE, a_DL=NONE)
    e = energy(simulate(ALL_TERMS, still, duration=1.5e-9, dt=1e-12, m0=M0).m, ALL_TERMS, still)
    assert np.all(np.diff(e) < 0) and e[0] - e[-1] > 0.1


def test_without_damping_or_current_energy_is_conserved():
    oscillator, still = replace(ALL_TERMS, alpha=NONE), replace(DRIVE, a_DL=NONE)
    drifts = []
    for dt in (0.5e-12, 0.25e-12):
        e = energy(simulate(oscillator, still, duration=1e-9, dt=dt, m0=M0).m, oscillator, still)
        drifts.append(np.abs(e - e[0]).max())
    assert drifts[1] < 1e-8  # T, of 0.6: numerical damping (w dt)^5/144 at w dt = 0.03, over 100 rad
    assert np.log2(drifts[0] / drifts[1]) == pytest.approx(5, abs=0.15)


def test_energy_lost_is_the_damping_s_work():
    """The balance de/dt = -alpha g' |m x B_eff|^2, e over Ms, integrated by Simpson's rule over the saved path."""
    still, dt = replace(DRIVE, a_DL=NONE), 0.25e-12
    m = simulate(ALL_TERMS, still, duration=1e-9, dt=dt, m0=M0).m
    Ms, axis = ALL_TERMS.Ms, ALL_TERMS.easy_axis
    B = still.B_ext - mu_0 * Ms * ALL_TERMS.demag * m + 2 * ALL_TERMS.Ku / Ms * np.outer(m @ axis, axis)
    power = ALL_TERMS.alpha * ALL_TERMS.gamma / (1 + ALL_TERMS.alpha**2) * np.sum(np.cross(m, B) ** 2, axis=-1)
    work = dt / 3 * (power[0] + power[-1] + 4 * power[1:-1:2].sum() + 2 * power[2:-1:2].sum())
    e = energy(m, ALL_TERMS, still)
    assert work == pytest.approx(e[0] - e[-1], rel=1e-7) and work > 0.1  # both of order 4 in w dt = 0.03


def test_by_default_m_starts_a_degree_from_equilibrium():
    run = simulate(*batch(4), duration=1e-12, dt=1e-12)
    rest = shno.equilibrium(*batch(4))
    angle = np.degrees(np.arccos(np.sum(run.m[0] * rest, axis=-1)))
    assert angle == pytest.approx(1.0, rel=1e-6)
    assert np.all(np.any(run.m[1] != run.m[0], axis=-1))


def test_turning_everything_about_the_film_s_normal_turns_the_run():
    c, s = np.cos(0.7), np.sin(0.7)
    R = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    film = replace(ALL_TERMS, demag=(0.15, 0.15, 0.7))
    turned = replace(film, easy_axis=R @ AXIS, p=R @ P)
    one = simulate(film, DRIVE, **SHORT).m
    two = simulate(turned, replace(DRIVE, B_ext=R @ DRIVE.B_ext), duration=0.3e-9, dt=1e-12, m0=R @ M0).m
    np.testing.assert_allclose(one @ R.T, two, rtol=0, atol=1e-12, equal_nan=False)


def test_time_is_measured_in_gamma():
    """Twice the gyromagnetic ratio at half the step gives the same states: only gamma dt enters."""
    one = simulate(ALL_TERMS, DRIVE, **SHORT).m
    fast = replace(ALL_TERMS, gamma=2 * ALL_TERMS.gamma)
    assert same(one, simulate(fast, DRIVE, duration=0.15e-9, dt=0.5e-12, m0=M0).m)  # powers of 2 are exact


def test_without_a_current_the_spin_hall_angle_is_of_no_consequence():
    with_angle = replace(ALL_TERMS, theta_SH=0.4, thickness=2e-9)
    still = replace(DRIVE, a_DL=None, J=0.0)
    assert same(simulate(with_angle, still, **SHORT).m, simulate(ALL_TERMS, replace(DRIVE, a_DL=0.0), **SHORT).m)
