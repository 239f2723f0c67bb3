"""What `shno info`, `plot`, `export` and `resume` make of the file of a sweep."""

import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.image import imread

import shno
from shno import export, sweep_reading
from shno.__main__ import main
from shno.plots_sweep import plot_sweep
from validation.damage import undo, unfinished

OSCILLATOR, POINT = shno.preset("w-cofeb-pma"), shno.operating_point("w-cofeb-pma")
SHORT = {"duration": 2e-11, "dt": 1e-12, "temperature": 300.0, "seed": 1}
AXES = {"I": [1e-4, 2e-4, 3e-4], "B_ext": [(0.0, 0.1, 0.3), (0.1, 0.2, 0.3)]}


@pytest.fixture
def states(folder):
    """A sweep of vectors over vectors, with realisations, in states.h5."""
    return shno.sweep(OSCILLATOR, POINT, AXES, reducer="final_state", realisations=2, out="states.h5", **SHORT)


@pytest.fixture
def numbers(folder):
    """A list of points with a number each, in numbers.h5."""
    axes = {"I": [1e-4, 2e-4, 3e-4], "alpha": [0.01, 0.02, 0.03]}
    return shno.sweep(OSCILLATOR, POINT, axes, mode="points", reducer="amplitude", out="numbers.h5", **SHORT)


def test_info_says_what_is_in_a_sweep(states, numbers, capsys):
    assert main(["info", "states.h5"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[0].endswith("sweep of 3 x 2 points, 2 realisations each")
    for line in ("I (3,), 0.0001 to 0.0003 A", "B_ext (2, 3), 0 to 0.3 T", "duration 2e-11 s", "reducer final_state"):
        assert line in lines
    assert "over I, B_ext, realisation, component" in lines and f"Ms {OSCILLATOR.Ms:.9g} A/m" in lines
    assert any(line.startswith("final_state (3, 2, 2, 3)") and line.endswith("; 0 of 36 are NaN") for line in lines)
    assert main(["info", "numbers.h5"]) == 0
    assert "sweep of 3 points\n" in capsys.readouterr().out


def test_plot_draws_a_sweep(numbers, capsys, complaint, states):
    assert main(["plot", "numbers.h5", "--out", "figure.png"]) == 0
    assert capsys.readouterr().out.startswith("written: figure.png (") and imread("figure.png").std() > 0.05
    assert "sweep must be over one or two axes" in complaint("plot", "states.h5", "--out", "x.png")


def test_plot_follows_a_sweep_until_its_writer_ends(numbers):
    """It draws while another process holds the file; the first figure is there before that one is let go."""
    hold = "from shno.sweep_file import Writer; w = Writer('numbers.h5'); print(1, flush=True); input()"
    held = subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    held.stdout.readline()
    words = [sys.executable, "-m", "shno", "plot", "numbers.h5", "--out", "x.png", "--follow"]
    following = subprocess.Popen(words, stdout=subprocess.PIPE)
    while following.poll() is None and not os.path.exists("x.png"):
        time.sleep(0.05)
    assert following.poll() is None
    held.communicate(b"\n")
    assert following.communicate(timeout=60)[0].startswith(b"written: x.png") and following.returncode == 0


def test_a_sweep_is_exported_as_a_table_of_its_runs(states, capsys):
    assert main(["export", "states.h5", "states.csv"]) == 0
    with open("states.csv") as file:
        names = file.readline().strip().split(",")
    table = dict(zip(names, np.loadtxt("states.csv", delimiter=",", skiprows=1).T, strict=True))
    assert names == ["I_A", "B_ext_x_T", "B_ext_y_T", "B_ext_z_T", "realisation",
                     *(f"final_state_{part}" for part in "xyz")]  # fmt: skip
    for row, (i, b, k) in enumerate(np.ndindex(3, 2, 2)):
        assert table["I_A"][row] == AXES["I"][i] and table["realisation"][row] == k
        assert tuple(table[f"B_ext_{part}_T"][row] for part in "xyz") == AXES["B_ext"][b]
        found = [table[f"final_state_{part}"][row] for part in "xyz"]
        assert np.array_equal(found, states["final_state"][i, b, k])


def test_a_format_alone_is_written_beside_the_file(states, capsys):
    assert main(["export", "states.h5", "--npz"]) == 0 and main(["export", "states.h5", "other.npz"]) == 0
    one, other = (np.load(name) for name in ("states.npz", "other.npz"))
    assert set(one) == set(other) and all(np.array_equal(one[name], other[name], equal_nan=True) for name in one)
    capsys.readouterr()
    for words, got in (([], "neither"), (["x.csv", "--csv"], "both")):
        assert main(["export", "states.h5", *words]) == 2
        assert f"out must be a file to write, or one of --csv, --npz, --wav, got {got}." in capsys.readouterr().err


def test_a_list_of_points_is_exported_as_its_lines(numbers):
    export.export(numbers, "numbers.csv")
    table = np.loadtxt("numbers.csv", delimiter=",", skiprows=1)
    assert np.array_equal(table, np.stack([numbers["I"], numbers["alpha"], numbers["amplitude"]], axis=1))


def test_a_sweep_is_exported_as_arrays_by_their_names(states):
    assert main(["export", "states.h5", "states.npz"]) == 0
    with np.load("states.npz") as found:
        assert set(found) == {"I", "B_ext", "realisation", "final_state"}
        assert all(np.array_equal(found[name], states[name]) for name in found)
    awkward = replace(states, values={"file": states["final_state"]}, units=states.units | {"file": None})
    export.export(awkward, "awkward.npz")
    with np.load("awkward.npz") as found:
        assert np.array_equal(found["file"], states["final_state"])


def test_large_values_stay_in_the_file_until_they_are_looked_at(states, monkeypatch, capsys):
    monkeypatch.setattr(sweep_reading, "LARGE", 100)
    undo("states.h5", 0)
    part = shno.load_sweep("states.h5")
    assert isinstance(part["final_state"], np.memmap) and np.isnan(part["final_state"]).all()
    again = shno.sweep(OSCILLATOR, POINT, AXES, reducer="final_state", realisations=2, out="states.h5", resume=True,
                       **SHORT)  # fmt: skip
    assert again == states and isinstance(again["final_state"], np.memmap)
    again["final_state"][:] = 0.0
    assert shno.load_sweep("states.h5") == states
    assert main(["info", "states.h5"]) == 0 and "0 of 36 are NaN" in capsys.readouterr().out


def test_a_line_without_values_says_so_over_the_whole_axis(tmp_path):
    empty = shno.sweep(OSCILLATOR, POINT, {"I": [1e-4, 3e-4]}, reducer="frequency", duration=2e-11, dt=1e-12)
    assert np.isnan(empty["frequency"]).all()
    plot_sweep(empty, tmp_path / "empty.svg")
    assert "no point has a value" in (tmp_path / "empty.svg").read_text()


def test_what_makes_no_sense_is_refused_in_one_line(states, folder, complaint, monkeypatch):
    assert "ends in .csv, .npz, got 'x.wav'. By its ending the format is chosen. Only a run" in complaint(
        "export", "states.h5", "x.wav"
    )
    monkeypatch.setattr(export, "MOST_COLUMNS", 2)
    assert "B_ext must be at most 2 numbers a run in .csv, got 3. Write .npz." in complaint(
        "export", "states.h5", "x.csv"
    )


def test_resume_says_how_a_sweep_goes_on(folder, complaint, capsys, states):
    assert "states.h5 is a sweep that is finished" in complaint("resume", "states.h5")
    unfinished("half.h5")
    assert "half.h5 is a sweep, 50 % finished" in complaint("resume", "half.h5")
    assert "`shno.sweep` with resume=True" in complaint("resume", "half.h5")
    words = ["sweep", "--preset", "w-cofeb-pma", "--duration-ns", "0.02", "--dt-ps", "1", "--reducer", "final_state"]
    words += ["--axis", "I_mA=0:0.2:512", "--block", "256", "--out", "two.h5"]
    assert main(words) == 0
    whole = shno.load_sweep("two.h5")
    assert capsys.readouterr().err == ""
    undo("two.h5", 1)
    advice = complaint("resume", "two.h5")
    assert f"`shno {' '.join(words)} --resume`" in advice
    refusal = "out must be a file that may be replaced, got two.h5, 50 % of a sweep. Resume it"
    assert refusal in complaint(*words)
    assert main([*words, "--resume"]) == 0
    assert shno.load_sweep("two.h5") == whole
