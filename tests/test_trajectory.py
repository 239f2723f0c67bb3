"""A Trajectory is saved and loaded as an equal one."""

import h5py
import numpy as np
import pytest

from shno.drive import Drive
from shno.oscillator import Oscillator
from shno.trajectory import Trajectory, load


def trajectory(*batch, dtype="float64", **settings):
    rng = np.random.default_rng(3)
    m = rng.normal(size=(30, *batch, 3))
    m /= np.linalg.norm(m, axis=-1, keepdims=True)
    oscillator = Oscillator(
        Ms=rng.uniform(5e5, 1e6, batch), alpha=0.02, thickness=1.7e-9, width=rng.uniform(1e-7, 2e-7, batch),
        Ku=6e5, theta_SH=-0.6, field_like=1 / 3, p=(0, 1, 0), t_HM=5e-9, shunt=0.4,
    )  # fmt: skip
    drive = Drive(I=rng.uniform(0, 1e-3, batch), B_ext=rng.normal(size=(*batch, 3)))
    return Trajectory(np.arange(30) * 1e-12, m.astype(dtype), oscillator, drive, dt=1e-12, dtype=dtype, **settings)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("batch", [(), (4,), (2, 3)])
def test_load_gives_back_an_equal_trajectory(tmp_path, batch, dtype):
    run = trajectory(*batch, dtype=dtype, t0=3e-9, save_every=2, temperature=300.0, seed=5, versions="numpy 2.4")
    run.save(tmp_path / "run.h5")
    assert load(tmp_path / "run.h5") == run
    assert load(str(tmp_path / "run.h5")) == run


def test_what_was_not_given_comes_back_as_none(tmp_path):
    t, m = np.array([0.0]), np.array([[0.0, 0.0, 1.0]])
    run = Trajectory(t, m, Oscillator(Ms=1e6, alpha=0.1), Drive(a_DL=0.01), dt=1e-12)
    run.save(tmp_path / "run.h5")
    loaded = load(tmp_path / "run.h5")
    assert loaded == run
    assert (loaded.seed, loaded.oscillator.width, loaded.drive.I) == (None, None, None)


@pytest.mark.parametrize("change", [{"seed": 6}, {"dt": 2e-12}, {"solver": "reference"}])
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
