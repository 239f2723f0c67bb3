"""A Trajectory is saved and loaded as an equal one."""

from dataclasses import fields, replace

import h5py
import numpy as np
import pytest
from simulate_helpers import ALL_TERMS, DRIVE, M0, batch, same, waving

from shno import Constant, Function, Oscillator, Sampled, Sine, Step, Tabulated, Trajectory, load, simulate
from shno.drive import Drive

HEATED = {"width": 1e-7, "t_HM": 5e-9, "T_int": 0.8, "lambda_sf": 1.5e-9, "rho_HM": 2e-6, "rho_F": 8e-7, "R": 300.0}
HEATED |= {"beta_R": 1e-3, "R_th": 8e5, "C_th": 1e-16, "curie_temperature": 1100.0, "Ku_exponent": 2.2}


def trajectory(*shape, dtype="float64", **settings):
    """A run that was not run: random numbers in every field."""
    rng = np.random.default_rng(3)
    m = rng.normal(size=(30, *shape, 3))
    m /= np.linalg.norm(m, axis=-1, keepdims=True)
    oscillator = replace(ALL_TERMS, **HEATED | {"Ms": rng.uniform(5e5, 1e6, shape)})
    drive = Drive(
        I=rng.uniform(0, 1e-3, shape), B_ext=rng.normal(size=(*shape, 3)), V_gate=0.3, dKu=rng.normal(size=shape)
    )
    settings = {"T": rng.uniform(300, 400, (30, *shape)).astype(dtype)} | settings
    return Trajectory(np.arange(30) * 1e-12, m.astype(dtype), oscillator, drive, dt=1e-12, dtype=dtype, **settings)


def saved_and_loaded(run, tmp_path):
    run.save(tmp_path / "run.h5")
    return load(tmp_path / "run.h5")


def test_every_field_of_the_oscillator_is_given_here():
    """Nothing is at its default, so that a field that is not stored would show."""
    oscillator = trajectory().oscillator
    for field in fields(Oscillator):
        assert not np.array_equal(getattr(oscillator, field.name), field.default), field.name


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_load_gives_back_an_equal_trajectory(tmp_path, shape, dtype):
    settings = {"t0": 3e-9, "save_every": 2, "temperature": 300.0, "seed": 2**64 - 1, "versions": "numpy 2.4"}
    realisation = np.arange(np.prod(shape, dtype=int)).reshape(shape) + 2**32 - 7
    run = trajectory(*shape, dtype=dtype, **settings, noise_dt=5e-13, realisation=realisation)
    run.save(tmp_path / "run.h5")
    assert load(tmp_path / "run.h5") == run
    assert load(str(tmp_path / "run.h5")) == run


def test_what_was_not_given_comes_back_as_none(tmp_path):
    t, m = np.array([0.0]), np.array([[0.0, 0.0, 1.0]])
    run = Trajectory(t, m, Oscillator(Ms=1e6, alpha=0.1), Drive(a_DL=0.01), dt=1e-12)
    loaded = saved_and_loaded(run, tmp_path)
    assert loaded == run
    assert (loaded.seed, loaded.oscillator.width, loaded.drive.I) == (None, None, None)
    assert (loaded.T, loaded.realisation, loaded.noise_dt, loaded.oscillator.further_axes) == (None, None, None, None)


def test_volume_and_shunt_are_still_derived_in_a_loaded_run(tmp_path):
    """They follow the other fields when these are replaced, as in the run that was saved."""
    run = trajectory(4)
    loaded = saved_and_loaded(run, tmp_path)
    for change in ({"width": 2e-7}, {"t_HM": 8e-9}):
        assert replace(loaded.oscillator, **change) == replace(run.oscillator, **change)


WAVES = {
    "nested": Drive(I=2.0 * (Sine(1e-3, 5e9, 0.1) + Step(0.0, 1e-4, 1e-9)) * Constant(0.5) - 1e-5),
    "components": Drive(J=1e11, B_ext=(0.1, Sine(1e-3, 5e9), Sampled([0.1, 0.2], 1e-9, 2e-9, "linear"))),
    "gates": Drive(a_DL=1e-3, V_gate=Sampled([0.1, 0.2], 1e-9), dKu=Tabulated(np.ones((4, 3, 2)), 1e-12, 1e-9)),
    "batch": Drive(a_DL=np.array([[1.0], [2.0]]) * Sine(np.array([1e-3, 2e-3, 3e-3]), 5e9)),
    "samples of a batch": Drive(a_DL=Sampled(np.arange(24.0).reshape(4, 2, 3), 1e-9)),
}


@pytest.mark.parametrize("name", WAVES)
def test_waveforms_come_back_equal(tmp_path, name):
    run = replace(trajectory(), drive=WAVES[name])
    loaded = saved_and_loaded(run, tmp_path)
    assert loaded == run and loaded.drive == WAVES[name]


@pytest.mark.parametrize("t0", [0.0, 0.3e-9])
def test_every_kind_of_waveform_runs_on_from_a_file_to_the_same_bits(tmp_path, t0):
    """A callable comes back as the table that the run's steps saw."""
    oscillator, drive = waving(3)
    keywords = {"duration": 100e-12, "dt": 1e-12, "m0": M0, "t0": t0}
    run = simulate(oscillator, drive, **keywords, save_every=5)
    loaded = saved_and_loaded(run, tmp_path)
    assert not any(isinstance(leaf, Function) for wave in loaded.drive.waveforms for leaf in wave.leaves())
    again = simulate(loaded.oscillator, loaded.drive, **keywords, save_every=5)
    assert same(again.m, run.m)


def test_a_heated_thermal_run_comes_back_equal_and_repeats_itself(tmp_path):
    oscillator = replace(ALL_TERMS, **HEATED)
    drive = replace(DRIVE, a_DL=None, I=3e-4 * (1 + 0.2 * Sine(1.0, 5e9)))
    keywords = {"duration": 50e-12, "dt": 1e-12, "temperature": 300.0, "seed": 2**63 + 1, "noise_dt": 0.5e-12}
    run = simulate(oscillator, drive, **keywords, realisation=np.array([5, 8]))
    loaded = saved_and_loaded(run, tmp_path)
    assert loaded == run and loaded.T.shape == (51, 2) and loaded.seed == 2**63 + 1
    given = {name: getattr(loaded, name) for name in ("dt", "temperature", "seed", "noise_dt", "realisation")}
    assert simulate(loaded.oscillator, loaded.drive, duration=50e-12, m0=loaded.m[0], **given) == run


def test_a_batch_of_every_term_comes_back_equal(tmp_path):
    run = simulate(*batch(3), duration=5e-12, dt=1e-12, m0=M0)
    assert saved_and_loaded(run, tmp_path) == run


@pytest.mark.parametrize(
    "change",
    [{"seed": 6}, {"dt": 2e-12}, {"solver": "reference"}, {"T": None}, {"noise_dt": 1e-13}, {"realisation": 3}],
)
def test_equality_sees_every_setting(change):
    values = {"seed": 5} | change
    assert Trajectory(**(trajectory().__dict__ | values)) != trajectory(seed=5)


def test_equality_sees_one_bit_of_m():
    run, other = trajectory(4), trajectory(4)
    other.m[3, 2, 1] = np.nextafter(other.m[3, 2, 1], 2)
    assert run != other


def test_saving_again_replaces_the_file(tmp_path):
    trajectory(4).save(tmp_path / "run.h5")
    trajectory().save(tmp_path / "run.h5")
    assert load(tmp_path / "run.h5") == trajectory()


@pytest.mark.parametrize(
    ("group", "name", "value", "message"),
    [
        ("oscillator", "alpha", -0.5, "alpha must be in"),
        ("oscillator", "mass", 1.0, "mass"),
        ("oscillator", "Ms", None, "Ms"),
        ("drive", "J", 1e12, "exactly one of"),
        ("drive", "V_gate.Spline.knot", 1.0, "Spline"),
        ("drive", "V_gate.Sine.amplitude", 1.0, "frequency"),
        ("drive", "V_gate.Ramp.slope", 1.0, "slope"),
        ("drive", "V_gate.__class__.mro", 1.0, "__class__"),
        ("drive", "V_gate", np.nan, "V_gate must be finite"),
        ("run", "speed", 1.0, "speed"),
    ],
)
def test_file_with_an_impossible_run_is_refused(tmp_path, group, name, value, message):
    path = tmp_path / "run.h5"
    trajectory().save(path)
    with h5py.File(path, "r+", libver=("earliest", "latest")) as file:
        members = file["parameters"][group]
        if name in members:
            del members[name]
        if value is not None:
            members[name] = value
    with pytest.raises(ValueError, match=message) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path} does not hold a valid run")
