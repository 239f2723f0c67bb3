"""The files of runs and sweeps in programs that know nothing of this one: the netCDF library, and the HDF5 tools."""

import shutil
import subprocess

import netCDF4
import numpy as np
import pytest

import shno
from validation import damage

RUNS = {"a-saved-run": damage.saved, "a-streamed-run": damage.streamed}
SWEEPS = {"a-sweep": damage.swept, "an-unfinished-sweep": damage.unfinished}
h5dump = pytest.mark.skipif(shutil.which("h5dump") is None, reason="h5dump is not installed")


def dumped(path, name, dtype="f8"):
    """The numbers of a dataset as h5dump writes them."""
    out = path.with_suffix(".bin")
    words = ["h5dump", "-d", name, "-b", "LE", "-o", str(out), str(path)]
    subprocess.run(words, check=True, capture_output=True)
    return np.fromfile(out, dtype)


@pytest.mark.parametrize("kind", RUNS)
def test_netcdf_reads_a_run_with_its_dimensions_and_units(kind, tmp_path):
    path = tmp_path / "run.h5"
    RUNS[kind](path)
    run = shno.load(path)
    with netCDF4.Dataset(path) as file:
        m, time = file["m"], file["time"]
        assert m.dimensions == ("time", "oscillator", "component") and (m.units, time.units) == ("1", "s")
        assert np.array_equal(m[:], run.m) and np.array_equal(time[:], run.t)
        assert list(file["component"][:]) == ["x", "y", "z"] and np.array_equal(file["parameters/run/T"][:], run.T)
        assert file["parameters/oscillator/Ms"][...] == run.oscillator.Ms
        assert file["parameters/oscillator/Ms"].units == "A/m" and file.dt == run.dt and file.solver == "rk4"


@pytest.mark.parametrize("kind", SWEEPS)
def test_netcdf_reads_a_sweep_with_its_dimensions_and_units(kind, tmp_path):
    path = tmp_path / "sweep.h5"
    SWEEPS[kind](path)
    sweep = shno.load_sweep(path)
    with netCDF4.Dataset(path) as file:
        state = file["final_state"]
        assert state.dimensions == ("I", "B_ext", "realisation", "component") and file["I"].units == "A"
        known = np.isfinite(sweep["final_state"])
        assert np.array_equal(state[:][known], sweep["final_state"][known]) and 0 < known.mean()
        assert np.array_equal(file["I"][:], sweep["I"]) and np.array_equal(file["B_ext.y"][:], sweep["B_ext"][:, 1])
        assert file["parameters/oscillator/Ms"][...] == sweep.oscillator.Ms


@h5dump
@pytest.mark.parametrize("kind", RUNS)
def test_h5dump_reads_a_run(kind, tmp_path):
    path = tmp_path / "run.h5"
    RUNS[kind](path)
    run = shno.load(path)
    assert np.array_equal(dumped(path, "/m"), run.m.ravel()) and np.array_equal(dumped(path, "/time"), run.t)
    header = subprocess.run(["h5dump", "-H", str(path)], capture_output=True, text=True, check=True).stdout
    assert 'DATASET "component"' in header and "H5T_CPLX" not in header


@h5dump
def test_h5dump_reads_a_sweep(tmp_path):
    path = tmp_path / "sweep.h5"
    damage.swept(path)
    sweep = shno.load_sweep(path)
    assert np.array_equal(dumped(path, "/final_state"), sweep["final_state"].ravel())
    assert np.array_equal(dumped(path, "/I"), sweep["I"])


@h5dump
def test_h5dump_reads_a_killed_run_whose_mark_of_a_writer_is_cleared(tmp_path):
    """It refuses the file as it is: every state that is whole is in a copy that h5clear has gone over."""
    path, copy = tmp_path / "run.h5", tmp_path / "copy.h5"
    damage.killed(path)
    run = shno.load(path)
    assert subprocess.run(["h5dump", "-H", str(path)], capture_output=True).returncode
    shutil.copy(path, copy)
    subprocess.run(["h5clear", "-s", "--increment=0", str(copy)], check=True)
    assert len(run.t) > 500 and np.array_equal(dumped(copy, "/m")[: run.m.size], run.m.ravel())
    assert np.array_equal(dumped(copy, "/time")[: len(run.t)], run.t)
    with netCDF4.Dataset(copy) as file:
        assert np.array_equal(file["m"][: len(run.t)], run.m)
