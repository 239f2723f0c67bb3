"""The file: what is in it, that it comes back bit for bit, and that a bad one gives one clear line."""

import os
import shutil
from contextlib import contextmanager

import h5py
import numpy as np
import pytest
import xarray
from hdf5_helpers import GROUPS, SETTINGS, T, magnetisation, with_temperatures, written

from shno import hdf5


@pytest.fixture
def path(tmp_path):
    return written(tmp_path / "run.h5")


@contextmanager
def edited(path):
    """The file, open for a planted fault; its strict library version is dropped for the edit."""
    with h5py.File(path, "r+", libver=("earliest", "latest")) as file:
        yield file


def refusal(path):
    """The one line with which `read` refuses the file."""
    with pytest.raises(ValueError, match="cannot be read") as caught:
        hdf5.read(path)
    text = str(caught.value)
    assert text.startswith(f"{path} cannot be read: ") and "\n" not in text
    return text


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("batch", [(), (1,), (5,), (2, 3), (2, 1, 3), (0,)])
def test_everything_comes_back_bit_for_bit(tmp_path, batch, dtype):
    m = magnetisation(*batch, dtype=dtype)
    if m.size:
        m[-1, ..., :2] = np.nan, -0.0
    given = with_temperatures(*batch)
    hdf5.write(tmp_path / "run.h5", t=T, m=m, groups=given, attributes=SETTINGS)
    t, m_read, groups, attributes = hdf5.read(tmp_path / "run.h5")
    assert t.tobytes() == T.tobytes()
    assert m_read.tobytes() == m.tobytes() and m_read.dtype == dtype and m_read.shape == m.shape
    assert attributes == SETTINGS and [type(attributes[k]) for k in SETTINGS] == [type(v) for v in SETTINGS.values()]
    for group, parameters in given.items():
        assert groups[group].keys() == parameters.keys()
        for name, (value, _) in parameters.items():
            assert type(groups[group][name]) is type(value)
            assert np.array_equal(groups[group][name], value)


def test_long_run_is_stored_in_chunks_without_much_padding(tmp_path):
    m = np.zeros((50_001, 5, 3))
    hdf5.write(tmp_path / "run.h5", t=np.arange(50_001.0), m=m, groups=GROUPS, attributes={})
    assert os.path.getsize(tmp_path / "run.h5") < 1.05 * m.nbytes + 8 * 50_001


def test_layout_opens_with_plain_h5py(path):
    with h5py.File(path, "r") as file:
        assert dict(file.attrs)["layout_version"] == 3
        assert file.attrs["format"].decode() == "shno trajectory"
        assert file.attrs["dt"] == 1e-12 and file.attrs["dt_units"].decode() == "s"
        assert file["time"].attrs["units"].decode() == "s" and file["m"].attrs["units"].decode() == "1"
        assert [axis.label for axis in file["m"].dims] == ["time", "oscillator", "component"]
        assert [axis[0].name for axis in file["m"].dims] == ["/time", "/oscillator", "/component"]
        assert file["parameters/oscillator/Ms"][()] == 8e5
        assert file["parameters/oscillator/Ms"].attrs["units"].decode() == "A/m"
        assert file["parameters/drive/B_ext"].attrs["units"].decode() == "T"
        assert file["parameters/drive/I.Step.before"][()] == 1e-3
        assert file["parameters/run/T"].attrs["units"].decode() == "K" and file["parameters/run/T"].shape == (40, 2)


@pytest.mark.parametrize(("batch", "names"), [((), []), ((2,), ["oscillator"]), ((2, 3), ["batch_0", "batch_1"])])
def test_layout_opens_with_xarray(tmp_path, batch, names):
    m = magnetisation(*batch)
    hdf5.write(tmp_path / "run.h5", t=T, m=m, groups=GROUPS, attributes=SETTINGS)
    with xarray.open_dataset(tmp_path / "run.h5", engine="h5netcdf") as data:
        assert data.m.dims == ("time", *names, "component")
        assert set(data.coords) == {"time", *names, "component"}
        assert np.array_equal(data.time, T) and np.array_equal(data.m, m)
        assert list(data.component.values) == ["x", "y", "z"]
        assert data.attrs["solver"] == "rk4" and data.time.attrs["units"] == "s"
        assert float(data.m.isel(time=3).sel(component="z").values.flat[-1]) == m[3, ..., 2].flat[-1]


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.h5 does not exist"):
        hdf5.read(tmp_path / "none.h5")


@pytest.mark.parametrize("content", [b"", b"t,m\n0,1\n" * 100])
def test_file_of_another_kind(tmp_path, content):
    (tmp_path / "run.h5").write_bytes(content)
    assert "not an HDF5 file" in refusal(tmp_path / "run.h5")


def test_folder(tmp_path):
    assert "not a file" in refusal(tmp_path)


def test_hdf5_file_that_is_not_ours(tmp_path):
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        file["time"] = T
        file.attrs["title"] = "text of variable length"
        file.attrs["format"] = "something else"
    assert "not a shno trajectory" in refusal(path)


@pytest.mark.parametrize("version", [0, 1, 4, "3"])
def test_other_layout_version(path, version):
    with edited(path) as file:
        file.attrs["layout_version"] = version
    assert "layout_version must be 3" in refusal(path)


def test_the_layout_before_this_one_is_still_read(path):
    with edited(path) as file:
        file.move("time", "t")
        file.attrs["layout_version"] = 2
    t, m, _, _ = hdf5.read(path)
    assert np.array_equal(t, T) and np.array_equal(m, magnetisation(2))


def test_temperatures_of_another_shape_are_named(path):
    with edited(path) as file:
        del file["parameters/run/T"]
        file["parameters/run/T"] = np.zeros((40, 3))
    assert "T must have m's shape without its last axis" in refusal(path)


def test_file_cut_anywhere_is_refused(path, tmp_path):
    content = path.read_bytes()
    for size in np.linspace(1, len(content) - 1, 60, dtype=int):
        (tmp_path / "cut.h5").write_bytes(content[:size])
        assert "cut.h5" in refusal(tmp_path / "cut.h5")


@pytest.mark.parametrize("name", ["time", "m", "parameters", *(f"parameters/{group}" for group in GROUPS)])
def test_missing_part_is_named(path, name):
    with edited(path) as file:
        del file[name]
    assert f"/{name} is missing" in refusal(path)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("m", np.zeros((39, 3))),
        ("m", np.zeros((40, 2))),
        ("m", np.zeros(40)),
        ("m", 1.0),
        ("time", np.zeros((40, 1))),
        ("time", T.astype(np.float32)),
        ("m", np.zeros((40, 3), dtype=np.float16)),
        ("m", np.zeros((40, 3), dtype=int)),
        ("time", "text"),
        ("parameters/oscillator/Ms", "8e5"),
        ("parameters/oscillator/Ms", h5py.Empty("f8")),
    ],
)
def test_wrong_shape_or_type_is_named(path, name, data):
    with edited(path) as file:
        del file[name]
        file[name] = data
    assert " must " in refusal(path) and name in refusal(path)


def test_group_in_the_place_of_a_dataset(path):
    with edited(path) as file:
        del file["m"]
        file.create_group("m/inside")
    assert "/m must be a dataset, got a group" in refusal(path)


@pytest.mark.parametrize("name", ["m", "parameters", "parameters/oscillator", "parameters/oscillator/Ms"])
@pytest.mark.parametrize("link", [h5py.SoftLink("/time"), h5py.ExternalLink("other.h5", "/time")])
def test_links_are_not_followed(path, tmp_path, name, link):
    shutil.copy(path, tmp_path / "other.h5")
    with edited(path) as file:
        del file[name]
        file[name] = link
    assert f"/{name} is a link" in refusal(path)


def test_data_in_another_file_is_not_followed(path, tmp_path):
    shutil.copy(path, tmp_path / "other.h5")
    virtual = h5py.VirtualLayout(shape=(40, 2, 3), dtype="f8")
    virtual[:] = h5py.VirtualSource(tmp_path / "other.h5", "m", shape=(40, 2, 3))
    with edited(path) as file:
        del file["m"], file["time"]
        file.create_virtual_dataset("m", virtual)
        file.create_dataset("time", shape=(40,), dtype="f8", external=[(tmp_path / "raw", 0, 320)])
    assert "/time lies in another file" in refusal(path)
    with edited(path) as file:
        del file["time"]
        file["time"] = T
    assert "/m lies in another file" in refusal(path)


def test_absurd_size_is_refused_before_reading(path):
    with edited(path) as file:
        del file["m"]
        file.create_dataset("m", shape=(40, 10**12, 3), dtype="f8", chunks=(1, 100, 3))
    assert "/m claims 960000000000000 bytes in a file that" in refusal(path)


def test_setting_of_another_kind_is_named(path):
    with edited(path) as file:
        file.attrs["dt"] = [1.0, 2.0]
    assert "attribute dt must be a number or a string" in refusal(path)
