"""Sweeps: a run is the same bits whatever block, list or cluster it is in, and equals a call of `simulate`."""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest

import shno
from shno import Drive, Oscillator, Sine, simulate, sweep
from shno.analysis import amplitude, frequency, linewidth, spike_times
from shno.experiments import critical_current
from shno.sweep_points import points_of

U = np.array([0.36, 0.48, 0.8])
NOMINAL = Oscillator(
    Ms=8.1e5, alpha=0.03, thickness=1.6e-9, width=8e-8, demag=(0.1, 0.2, 0.7), Ku=1e5, easy_axis=U, field_like=-0.3,
    theta_SH=-0.2, p=(0.36, 0.8, -0.48), t_HM=5e-9,
)  # fmt: skip
DRIVE = Drive(I=1e-4, B_ext=0.2 * U)
SHORT = {"duration": 4e-11, "dt": 1e-12}
NOISY = SHORT | {"temperature": 300.0, "seed": 5}
M0 = (0.48, 0.6, -0.64)
AXES = {
    "Ku": [0.0, 1e5, 2e5],
    "I": [0.0, 1e-4, 3e-4],
    "B_ext.magnitude": [0.1, 0.2],
}  # first a block without anisotropy


def final(oscillator, drive, realisation=None, **settings):
    """m at the end of one run."""
    return simulate(oscillator, drive, realisation=realisation, **settings).m[-1]


@pytest.mark.parametrize("settings", [SHORT, NOISY, NOISY | {"m0": M0}, NOISY | {"executor": "torch"}])
def test_blocks_of_any_size_give_the_same_bits(settings):
    keywords = settings | {"reducer": "final_state", "realisations": 45}  # 810 runs, 256 a grain
    whole, *parts = (sweep(NOMINAL, DRIVE, AXES, **keywords, block=block) for block in (None, 1, 600, 810))
    assert whole["final_state"].shape == (3, 3, 2, 45, 3) and np.isfinite(whole["final_state"]).all()
    assert all(np.array_equal(whole["final_state"], part["final_state"]) for part in parts)
    assert np.ptp(whole["final_state"][..., 0], axis=3).min() > 0 or "temperature" not in settings


@pytest.mark.parametrize(("name", "values"), [("Lambda", [1.0, 1.4]), ("Kc", [0.0, 1e4]), ("Ku2", [0.0, 1e4])])
def test_a_block_with_a_term_off_is_the_same_bits_as_in_a_larger_one(name, values):
    """Alone, it would run a shorter program, that differs by 8e-15 after 300 steps."""
    axes = {name: values, "I": np.linspace(1e-4, 2e-4, 256)}
    keywords = SHORT | {"duration": 3e-10, "reducer": "final_state", "m0": M0}
    whole, parts = (sweep(NOMINAL, DRIVE, axes, **keywords, block=block)["final_state"] for block in (512, 256))
    assert np.array_equal(whole, parts)


@pytest.mark.parametrize("reducer", ["amplitude", "frequency"])
def test_what_an_analysis_makes_of_a_run_does_not_depend_on_its_block(reducer):
    keywords = NOISY | {"duration": 1e-9, "reducer": reducer, "reducer_settings": {"discard": 0.0}, "realisations": 20}
    axes = {"I": [1e-4, 3e-4], "alpha": np.linspace(0.01, 0.05, 8)}  # 320 runs
    whole, small = (sweep(NOMINAL, DRIVE, axes, **keywords, block=block) for block in (1000, 256))
    assert np.array_equal(whole[reducer], small[reducer], equal_nan=True) and np.isfinite(whole[reducer]).any()


def test_a_grid_is_a_loop_of_simulate_calls():
    """Bit for bit, since the same start is given, no value switches a term off, and each run keeps its number."""
    axes = {"alpha": [0.02, 0.05], "p": [(0.0, 0.6, 0.8), (0.36, 0.8, -0.48)], "J": [1e11, 2e11], "B_ext.y": [0.1, 0.3]}
    got = sweep(NOMINAL, DRIVE, axes, reducer="final_state", realisations=3, m0=M0, **NOISY)["final_state"]
    assert got.shape == (2, 2, 2, 2, 3, 3)
    for number, (a, p, j, b, k) in enumerate(np.ndindex(got.shape[:-1])):
        oscillator = replace(NOMINAL, alpha=axes["alpha"][a], p=axes["p"][p])
        drive = Drive(J=axes["J"][j], B_ext=(DRIVE.B_ext[0], axes["B_ext.y"][b], DRIVE.B_ext[2]))
        assert np.array_equal(got[a, p, j, b, k], final(oscillator, drive, number, m0=M0, **NOISY))


def test_the_start_is_that_of_simulate():
    """To rounding: the search for the equilibrium goes on until all in its company have arrived."""
    got = sweep(NOMINAL, DRIVE, {"B_ext": [0.1 * U, (0.1, 0.2, 0.3)]}, reducer="trajectory", **NOISY)["m"]
    for k, B in enumerate((0.1 * U, (0.1, 0.2, 0.3))):
        run = simulate(NOMINAL, replace(DRIVE, B_ext=B), realisation=k, **NOISY)
        assert np.abs(got[k] - run.m).max() < 1e-12  # 40 steps


def test_points_are_the_grid_flattened():
    grid = sweep(NOMINAL, DRIVE, AXES, reducer="final_state", realisations=2, **NOISY)
    values = np.meshgrid(*AXES.values(), indexing="ij")
    listed = {name: value.ravel() for name, value in zip(AXES, values, strict=True)}
    points = sweep(NOMINAL, DRIVE, listed, reducer="final_state", realisations=2, mode="points", **NOISY)
    assert points["final_state"].shape == (18, 2, 3) and points.dimensions["final_state"][0] == "point"
    assert np.array_equal(points["final_state"], grid["final_state"].reshape(18, 2, 3))


def test_arguments_of_the_call_are_axes_too():
    axes = {"duration": [1e-11, 3e-11], "temperature": [0.0, 300.0], "seed": [1, 2], "dt": [5e-13, 1e-12]}
    got = sweep(NOMINAL, DRIVE, axes, reducer="final_state", m0=M0, duration=1.0, dt=1.0)["final_state"]
    for number, (n, T, s, d) in enumerate(np.ndindex(2, 2, 2, 2)):
        settings = {"duration": axes["duration"][n], "dt": axes["dt"][d], "m0": M0}
        noise = {"temperature": 300.0, "seed": axes["seed"][s]} if T else {}
        assert np.array_equal(got[n, T, s, d], final(NOMINAL, DRIVE, number, **settings, **noise))


def test_a_start_and_a_waveform_are_axes_too():
    drive = Drive(I=Sine(1e-4, 5e9), B_ext=(0.1, Sine(1e-3, 1e9, 0.3), 0.3))
    starts = [(0.0, 0.6, 0.8), (0.6, 0.0, -0.8)]
    axes = {"I.Sine.frequency": [2e9, 9e9], "B_ext.y.Sine.amplitude": [1e-2, 3e-2], "B_ext.z": [0.2, 0.4], "m0": starts}
    got = sweep(NOMINAL, drive, axes, reducer="final_state", **SHORT)
    assert got.units["I.Sine.frequency"] == "Hz" and got.units["B_ext.y.Sine.amplitude"] == "T"
    for i, a, z, s in np.ndindex(2, 2, 2, 2):
        wave = Sine(axes["B_ext.y.Sine.amplitude"][a], 1e9, 0.3)
        one = Drive(I=Sine(1e-4, axes["I.Sine.frequency"][i]), B_ext=(0.1, wave, axes["B_ext.z"][z]))
        assert np.abs(got["final_state"][i, a, z, s] - final(NOMINAL, one, m0=starts[s], **SHORT)).max() < 1e-13


def test_each_reducer_is_its_analysis():
    keywords, I = {"duration": 3e-9, "dt": 1e-12, "save_every": 5, "m0": M0}, np.array([1e-4, 4e-4])
    noise, given = {"temperature": 300.0, "seed": 5}, {"threshold": 0.5, "rearm": 0.2}
    run = simulate(NOMINAL, replace(DRIVE, I=I), **keywords, **noise)

    def reduced(reducer, **reducer_settings):
        return sweep(NOMINAL, DRIVE, {"I": I}, reducer=reducer, reducer_settings=reducer_settings, **keywords, **noise)

    assert np.array_equal(reduced("frequency", discard=0.0)["frequency"], frequency(run, discard=0.0), equal_nan=True)
    assert np.array_equal(reduced("amplitude", discard=1e-9)["amplitude"], amplitude(run, discard=1e-9))
    width = reduced("linewidth")
    assert np.array_equal([width["linewidth"], width["linewidth_error"]], linewidth(run), equal_nan=True)
    assert width.units["linewidth"] == "Hz"
    counts = [len(times) for times in spike_times(run, **given)]
    assert reduced("spike_count", **given)["spike_count"].tolist() == counts and max(counts) > 3
    states = reduced("trajectory")
    assert np.array_equal(states["m"], run.m.transpose(1, 0, 2)) and np.allclose(states["time"], run.t, rtol=1e-12)
    threshold = reduced("threshold")
    assert threshold.units["threshold"] == "A"
    assert np.allclose(threshold["threshold"], critical_current(NOMINAL, DRIVE), rtol=1e-12)
    own = reduced(lambda run: {"end": run.m[-1, :, 2], "first": run.m[:2].transpose(1, 0, 2)})
    assert np.array_equal(own["end"], run.m[-1, :, 2]) and np.array_equal(own["first"], run.m[:2].transpose(1, 0, 2))
    assert own.dimensions == {"end": ("I",), "first": ("I", "first_0", "first_1")}


def test_progress_tells_the_runs_done(tmp_path):
    told, keywords = [], NOISY | {"reducer": "final_state", "realisations": 200, "block": 256}
    sweep(NOMINAL, DRIVE, {"I": [0.0, 1e-4, 2e-4]}, progress=lambda *now: told.append(now), **keywords)
    assert told == [(0, 600), (256, 600), (512, 600), (600, 600)]


def test_a_cluster_that_loses_a_worker_gives_the_same_bits():
    distributed = pytest.importorskip("distributed")
    keywords = NOISY | {"reducer": "final_state", "realisations": 80, "block": 256}
    alone, told = sweep(NOMINAL, DRIVE, AXES, **keywords), []
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50}
    with distributed.LocalCluster(**settings) as cluster, distributed.Client(cluster) as client:

        def progress(done, total):
            if done and not told:  # while others are under way
                os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
            if done:
                told.append(done)

        assert sweep(NOMINAL, DRIVE, AXES, scheduler=client, progress=progress, **keywords) == alone
    assert len(told) == 6 and told[-1] == 1440


@pytest.mark.parametrize(
    ("axes", "more", "text"),
    [
        ({"alpa": [0.1]}, {}, "got 'alpa'. Did you mean alpha?"),
        ({"B_ext.w": [0.1]}, {}, "Did you mean B_ext."),
        ({"alpha": []}, {}, "axis alpha must be of shape"),
        ({"alpha": [0.1, np.nan]}, {}, "axis alpha must be finite, got nan at index 1 of 2"),
        ({"alpha": [0.1, 1.2]}, {}, "alpha must be in [0, 1), got 1.2 at index 1 of 2"),
        ({"alpha": "many"}, {}, "axis alpha must be a number"),
        ({"p": [0.0, 1.0, 0.0]}, {}, "axis p must be of shape (n, 3)"),
        ({"I": [1e-4], "J": [1e11]}, {}, "axes must be of different things, got I and J"),
        ({"B_ext.x": [0.1], "B_ext.magnitude": [0.1]}, {}, "axes must be of different things"),
        ({"I": [1e-4, 2e-4], "alpha": [0.1]}, {"mode": "points"}, "of one length where mode is 'points'"),
        ({}, {}, "axes must be a dict"),
        ({"I": [1e-4]}, {"mode": "list"}, "mode must be one of grid, points"),
        ({"I": [1e-4]}, {"reducer": "frequncy"}, "reducer must be one of frequency"),
        ({"I": [1e-4]}, {"reducer": "spike_count"}, "reducer_settings must be what the reducer takes"),
        ({"I": [1e-4]}, {"reducer": "trajectory", "reducer_settings": {"discard": 1}}, "reducer_settings must be"),
        ({"I": [1e-4]}, {"reducer": lambda run: run.m}, "value, which reducer returns, must be of shape (1, ...)"),
        ({"I": [1e-4]}, {"reducer": lambda run: "x"}, "what reducer returns must be numbers"),
        ({"I": [1e-4], "duration": [1e-12, 2e-12]}, {"reducer": "trajectory"}, "other than trajectory"),
        ({"I": [1e-4]}, {"realisations": 0}, "realisations must be a whole number"),
        ({"I": [1e-4]}, {"block": 0}, "block must be a whole number"),
        ({"I": [1e-4]}, {"temperature": 300.0}, "seed must be an integer where there is thermal noise"),
        ({"I": [1e-4]}, {"duration": 1.5e-12}, "duration must be a multiple of dt"),
        ({"I": [1e-4]}, {"realisation": 3}, "settings must be arguments of simulate"),
        ({"I": [1e-4]}, {"m0": [M0, M0]}, "m0 must be one for all runs"),
        ({"I": [1e-4]}, {"resume": True}, "resume must be"),
        ({"I": [1e-4]}, {"scheduler": "locale"}, "scheduler must be"),
        ({"I": [1e-4]}, {"scheduler": "local:0"}, "scheduler must be"),
        ({"I": [1e-4]}, {"progress": 3}, "progress must be callable"),
        ({"seed": [1.5]}, {"temperature": 300.0}, "axis seed must be of whole numbers"),
    ],
)
def test_a_bad_call_gives_one_clear_line(axes, more, text):
    with pytest.raises((TypeError, ValueError)) as caught:
        sweep(NOMINAL, DRIVE, axes, **(SHORT | {"reducer": "final_state"} | more))
    assert text in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(("mode", "alpha"), [("grid", [0.02, 0.03]), ("points", [0.02, 0.03, 0.03])])
def test_a_step_that_a_point_at_the_ends_refuses_is_told_before_anything_is_computed(mode, alpha):
    told, axes = [], {"B_ext.x": [0.1, 50.0, 0.2], "alpha": alpha}
    match = r"dt must turn m by at most 0.2 rad .* \(at B_ext.x = 50(\.0)?, alpha = 0.0[23]\)$"
    keywords = SHORT | {"reducer": "final_state", "mode": mode, "progress": lambda *now: told.append(now)}
    with pytest.raises(ValueError, match=match):
        sweep(NOMINAL, DRIVE, axes, **keywords)
    assert told == []


def test_the_ends_of_axes_are_looked_at_together_where_they_are_few():
    def corners(is_grid, *axes):
        names = ("alpha", "Ku", "width", "thickness", "I", "B_ext.z", "t_HM")
        values = dict(zip(names, axes, strict=False))
        points = points_of(NOMINAL, DRIVE, values, is_grid=is_grid, realisations=2)
        return points.corners().tolist()

    assert corners(True, [0.2, 0.1, 0.3], [0.0, 2.0]) == [4, 6, 8, 10]  # of 6 points with 2 runs each
    assert corners(False, [0.2, 0.1, 0.3, 0.2], [0.0, 2.0, 1.0, 3.0]) == [0, 2, 4, 6]
    some = corners(True, *([1e-9 * k for k in (1, 2, 3)] for _ in range(7)))
    assert some == sorted(2 * place for place in [0, *(2 * 3**k for k in range(7))])


def test_a_failing_block_is_told_with_its_place():
    def fails(run):
        raise ValueError("no")

    with pytest.raises(ValueError, match=r"^no \(in runs 0 to 1, which begin at alpha = 0.1\)$"):
        sweep(NOMINAL, DRIVE, {"alpha": [0.1, 0.2]}, reducer=fails, **SHORT)


def test_a_sweep_is_around_a_single_oscillator():
    for records in ((replace(NOMINAL, alpha=[0.1, 0.2]), DRIVE), (NOMINAL, replace(DRIVE, I=[1e-4, 2e-4]))):
        with pytest.raises(ValueError, match="oscillator, drive must be single"):
            sweep(*records, {"Ku": [0.0]}, reducer="final_state", **SHORT)


def test_without_dask_a_scheduler_is_refused_in_one_line(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(OSError, match="Dask is not installed"):
        sweep(NOMINAL, DRIVE, {"I": [1e-4]}, reducer="final_state", scheduler="local", **SHORT)


def test_a_public_name_is_a_function():
    assert callable(shno.sweep) and callable(shno.load_sweep) and shno.Sweep.__name__ == "Sweep"
