"""The file of a sweep: everything comes back, every program opens it, and a kill, a full disk or damage loses nothing
that was finished.
"""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace

import h5py
import numpy as np
import pytest
import xarray
from test_sweep import DRIVE, M0, NOISY, NOMINAL, U

from shno import Drive, Sine, load_sweep, sweep, sweep_file, sweep_reading

AXES = {"I": [1e-4, 2e-4, 3e-4], "B_ext": [0.1 * U, 0.2 * U]}
KEYWORDS = NOISY | {"reducer": "final_state", "realisations": 100, "block": 256, "m0": M0}  # 600 runs, 3 blocks


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "sweep.h5"
    sweep(NOMINAL, DRIVE, AXES, out=path, **KEYWORDS)
    return path


@contextmanager
def largest_file(size):
    """No file may grow beyond so many bytes: a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def places(path, name):
    """Where the numbers of a dataset lie."""
    with h5py.File(path) as file:
        return file[name].id.get_offset()


@pytest.mark.parametrize(
    ("axes", "more"),
    [
        (AXES, {}),
        ({"p": [(0.36, 0.8, -0.48), (0.0, 0.6, 0.8)], "temperature": [300.0, 310.0]}, {"mode": "points"}),
        ({"I.Sine.frequency": [2e9, 3e9]}, {"reducer": "trajectory", "realisations": 1, "dtype": "float32"}),
        ({"seed": [3, 4]}, {"reducer": "amplitude", "reducer_settings": {"discard": 1e-11}, "realisations": 2}),
    ],
)
def test_a_file_comes_back_as_the_sweep_in_memory(tmp_path, axes, more):
    drive = Drive(I=Sine(1e-4, 5e9), B_ext=(0.1, 0.2, Sine(0.1, 1e9))) if "I.Sine.frequency" in axes else DRIVE
    keywords = KEYWORDS | more
    kept = sweep(NOMINAL, drive, axes, **keywords)
    assert sweep(NOMINAL, drive, axes, out=tmp_path / "sweep.h5", **keywords) == kept
    kept.save(tmp_path / "saved.h5")
    loaded = load_sweep(tmp_path / "saved.h5")
    assert loaded == kept and loaded.finished == 1.0 and loaded.versions == kept.versions
    assert loaded.oscillator == NOMINAL and loaded.drive == drive
    other = replace(loaded, values={name: value + 1 for name, value in loaded.values.items()})
    assert other != kept


def test_xarray_and_h5py_see_named_dimensions_with_units(path, tmp_path):
    result = load_sweep(path)
    with xarray.open_dataset(path, engine="h5netcdf") as data:
        assert data.final_state.dims == ("I", "B_ext", "realisation", "component")
        assert data.I.attrs["units"] == "A" and data["B_ext.z"].attrs["units"] == "T"
        assert data.component.values.tolist() == ["x", "y", "z"]
        assert np.array_equal(data.final_state, result["final_state"])
        mean = data.final_state.sel(I=2e-4, B_ext=1, component="z").mean("realisation")
        assert mean == result["final_state"][1, 1, :, 2].mean()
        assert xarray.Dataset.equals(data, result.to_xarray())
    with h5py.File(path) as file:
        assert [dim[0].name for dim in file["final_state"].dims] == ["/I", "/B_ext", "/realisation", "/component"]
        assert json.loads(file.attrs["settings"])["duration"] == 4e-11
        assert file["parameters/oscillator/Ms"][()] == NOMINAL.Ms
        assert file["parameters/oscillator/Ms"].attrs["units"] == b"A/m"


def test_without_xarray_one_line_says_so(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(OSError, match="xarray is not installed"):
        load_sweep(path).to_xarray()


def test_resuming_computes_what_is_missing_and_no_more(path):
    whole, told = path.read_bytes(), []
    result = load_sweep(path)
    place, row = places(path, "final_state"), 3 * 8
    with open(path, "r+b") as file:
        file.seek(places(path, "blocks/checksum"))
        file.write(b"\xff" * 8)  # block 0 was not finished
        file.seek(place + 300 * row)
        file.write(b"\0")  # block 1 is torn
    with pytest.raises(ValueError, match="block 1 is damaged; to resume the sweep computes it again"):
        load_sweep(path)
    again = sweep(NOMINAL, DRIVE, AXES, out=path, resume=True, progress=lambda *x: told.append(x), **KEYWORDS)
    assert again == result and told == [(88, 600), (344, 600), (600, 600)]
    time_place = places(path, "blocks/wall_time")
    now = path.read_bytes()
    assert now[:time_place] == whole[:time_place] and now[time_place + 8 :] == whole[time_place + 8 :]


def test_what_is_not_finished_is_nan(path):
    with open(path, "r+b") as file:
        file.seek(places(path, "blocks/checksum") + 16)
        file.write(b"\xff" * 8)
    part = load_sweep(path)
    rows = part["final_state"].reshape(600, 3)
    assert part.finished == 2 / 3 and np.isnan(rows[512:]).all() and np.isfinite(rows[:512]).all()


def test_resuming_begins_where_there_is_no_file(tmp_path, path):
    begun = sweep(NOMINAL, DRIVE, AXES, out=tmp_path / "new.h5", resume=True, **KEYWORDS)
    assert begun == load_sweep(path)


@pytest.mark.parametrize(
    "other", [{"seed": 6}, {"duration": 5e-11}, {"reducer": lambda run: run.m[-1]}, {"realisations": 99}, {"m0": U}]
)
def test_another_sweep_s_file_is_not_resumed(path, other):
    before = path.read_bytes()
    with pytest.raises(ValueError, match="out must be the file of this sweep where it is resumed"):
        sweep(NOMINAL, DRIVE, AXES, out=path, resume=True, **(KEYWORDS | other))
    assert path.read_bytes() == before


SCRIPT = """
import sys, time
sys.path.insert(0, {tests!r})
from test_sweep import DRIVE, NOMINAL
from test_sweep_file import AXES, KEYWORDS
from shno import sweep
def progress(done, total):
    print(done, flush=True)
    time.sleep(0.05)
sweep(NOMINAL, DRIVE, AXES, out={path!r}, resume=True, progress=progress, **(KEYWORDS | dict(realisations=400)))
"""


def test_a_killed_sweep_goes_on_to_the_same_bytes(tmp_path):
    """Two kills, at moments of a seeded draw."""
    keywords, rng = KEYWORDS | {"realisations": 400}, np.random.default_rng(3)
    whole = sweep(NOMINAL, DRIVE, AXES, **keywords)
    out, before = tmp_path / "sweep.h5", 0
    script = SCRIPT.format(tests=os.path.dirname(__file__), path=str(out))
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        for _ in range(2):  # what was done before, and a block
            done = int(process.stdout.readline())
        time.sleep(rng.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        part = load_sweep(out)
        rows = np.isfinite(part["final_state"]).reshape(2400, 3).all(axis=1)
        assert rows.sum() >= done > before
        assert np.array_equal(part["final_state"].reshape(2400, 3)[rows], whole["final_state"].reshape(2400, 3)[rows])
        before = done
    assert sweep(NOMINAL, DRIVE, AXES, out=out, resume=True, **keywords) == whole


def test_a_second_writer_is_refused_and_readers_are_not(path):
    script = f"import sys; from shno.sweep_file import Writer; w = Writer({str(path)!r}); print(1, flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    process.stdout.readline()
    for resume in (True, False):
        with pytest.raises(OSError, match=r"is being written by another process"):
            sweep(NOMINAL, DRIVE, AXES, out=path, resume=resume, **KEYWORDS)
    assert load_sweep(path).finished == 1.0
    with h5py.File(path) as file, xarray.open_dataset(path, engine="h5netcdf") as data:
        assert file["final_state"].shape == data.final_state.shape
    process.communicate(b"\n")


def test_a_full_disk_is_one_line_and_keeps_what_was_there(tmp_path, path):
    with largest_file(2**20), pytest.raises(OSError, match=r"new.h5 cannot be written: File too large\. Use a folder"):
        sweep(NOMINAL, DRIVE, AXES, out=tmp_path / "new.h5", **KEYWORDS)
    assert [each.name for each in tmp_path.iterdir()] == ["sweep.h5"]
    before = path.read_bytes()
    writer = sweep_file.Writer(path)
    with largest_file(2**12), pytest.raises(OSError, match=r"cannot be written: .*What was finished is kept"):
        writer.write(512, {"final_state": np.zeros((88, 3))})
    writer.close()
    assert path.read_bytes() == before


def test_a_missing_folder_is_found_before_anything_is_computed(tmp_path):
    told = []
    with pytest.raises(OSError, match="no such folder"):
        sweep(NOMINAL, DRIVE, AXES, out=tmp_path / "no" / "x.h5", progress=lambda *x: told.append(x), **KEYWORDS)
    with pytest.raises(OSError, match="it is a folder"):
        sweep(NOMINAL, DRIVE, AXES, out=tmp_path, **KEYWORDS)
    assert told == []


def refusal(path):
    """The one line with which `load_sweep` refuses the file."""
    with pytest.raises((ValueError, OSError)) as caught:
        load_sweep(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    return str(caught.value)


def test_hostile_files_are_refused_in_one_line(path, tmp_path):
    assert "does not exist" in refusal(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("not a file of ours")
    assert "not an HDF5 file" in refusal(tmp_path / "text.h5")
    (tmp_path / "short.h5").write_bytes(path.read_bytes()[:5000])
    refusal(tmp_path / "short.h5")
    edits = {
        "link": lambda file: file.__setitem__("I", h5py.ExternalLink("/etc/passwd", "/x")),
        "soft": lambda file: file.__setitem__("I", h5py.SoftLink("/B_ext")),
        "huge": lambda file: file.create_dataset("I", (2**40,), "f8", chunks=(2**20,)),
        "kind": lambda file: file.create_group("I"),
        "text": lambda file: file.create_dataset("I", data=["a", "b"]),
    }
    for name, edit in edits.items():
        shutil.copy(path, tmp_path / f"{name}.h5")
        with h5py.File(tmp_path / f"{name}.h5", "r+") as file:
            del file["I"]
            edit(file)
        refusal(tmp_path / f"{name}.h5")
    for name, value in {"format": "other", "layout_version": 9, "runs": -1, "settings": "[", "axes": "nothing"}.items():
        with h5py.File(path, "r+") as file:
            kept = file.attrs[name]
            file.attrs[name] = np.bytes_(value) if isinstance(value, str) else value
        refusal(path)
        with h5py.File(path, "r+") as file:
            file.attrs[name] = kept
    assert sweep_reading.FORMAT in "shno sweep"
