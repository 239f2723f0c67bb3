"""The command `shno sweep`, by flags and by TOML, and its figure."""

import json
import os
import pty
import subprocess
import sys
import termios
import tomllib
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.image import imread

import shno
from shno import experiments, load_sweep
from shno.__main__ import main
from shno.plots_sweep import can_draw, plot_sweep, threshold_line
from shno.sweep_config import as_toml, axis_of

FLAGS = ("sweep", "--preset", "w-cofeb-pma", "--duration-ns", "0.1", "--dt-ps", "1", "--reducer", "amplitude")
OSCILLATOR, POINT = shno.preset("w-cofeb-pma"), shno.operating_point("w-cofeb-pma")
SHORT = {"duration": 0.1 * 1e-9, "dt": 1e-12, "reducer": "amplitude"}
TOML = """
preset = "w-cofeb-pma"
duration-ns = 0.1
dt-ps = 1
temperature-K = 300
seed = 7
reducer = "amplitude"
realisations = 2
save-every = 2
out = "sweep.h5"
[axes]
I_mA = "0.1:0.3:3"
B_mT = [200, 400]
[oscillator]
alpha = 0.03
[reducer-settings]
discard = 2e-11
[settings]
solver = "heun"
"""


def test_flags_are_the_call(folder, capsys):
    words = ("--axis", "I_mA=0.1:0.3:3", "--axis", "B_mT=200,400", "--out", "sweep.h5")
    assert main([*FLAGS, *words]) == 0
    output = capsys.readouterr()
    assert output.err == ""  # no progress bar in a pipe
    lines = output.out.splitlines()
    assert lines[0] == "w-cofeb-pma: 3 x 2 points, 6 runs; axes I, B_ext.magnitude"
    assert lines[1].startswith("amplitude: ") and lines[1].endswith(", 0 of 6 are NaN")
    assert lines[2].startswith("written: sweep.h5 (") and lines[3].startswith("written: sweep.png (")
    axes = {"I": np.linspace(0.1, 0.3, 3) * 1e-3, "B_ext.magnitude": np.array([200.0, 400.0]) * 1e-3}
    result = load_sweep("sweep.h5")
    assert result == shno.sweep(OSCILLATOR, POINT, axes, **SHORT)
    assert result.command_line == " ".join(["shno", *FLAGS, *words])
    assert imread("sweep.png").shape[2] == 4 and os.path.getsize("sweep.png") < 2e5
    assert tomllib.loads(result.config)["axes"] == {"I_mA": "0.1:0.3:3", "B_mT": "200,400"}


def test_a_toml_file_is_the_call_and_the_file_keeps_it(folder, capsys):
    (folder / "sweep.toml").write_text(TOML)
    assert main(["sweep", "sweep.toml", "--figure", "none"]) == 0
    assert not (folder / "sweep.png").exists()
    result = load_sweep("sweep.h5")
    axes = {"I": np.linspace(0.1, 0.3, 3) * 1e-3, "B_ext.magnitude": np.array([200.0, 400.0]) * 1e-3}
    keywords = {"temperature": 300.0, "seed": 7, "realisations": 2, "save_every": 2, "solver": "heun"}
    oscillator, given = replace(OSCILLATOR, alpha=0.03), {"discard": 2e-11}
    assert result == shno.sweep(oscillator, POINT, axes, reducer_settings=given, **SHORT, **keywords)
    assert tomllib.loads(result.config) == tomllib.loads(TOML) | {"figure": "none"}
    (folder / "again.toml").write_text(result.config)
    assert main(["sweep", "again.toml", "--out", "again.h5"]) == 0
    assert load_sweep("again.h5") == result
    assert main(["sweep", "again.toml", "--out", "again.h5", "--seed", "8"]) == 0  # a flag goes before the file
    assert load_sweep("again.h5").settings["seed"] == 8
    capsys.readouterr()


def test_a_dry_run_says_what_it_takes_and_writes_nothing(folder, capsys):
    assert main([*FLAGS, "--axis", "I_mA=0:1:50", "--axis", "alpha=0.01,0.02", "--realisations", "3", "--dry-run"]) == 0
    text = capsys.readouterr().out
    assert "points: 50 x 2 = 100, 3 realisations each" in text
    assert "steps: 100 a run, 3e+04 in all; 101 states saved a run" in text
    for word in ("blocks: ", "memory: ", "disk: ", "time: about ", "oscillator steps a second"):
        assert word in text
    assert list(folder.iterdir()) == []


def test_a_sweep_is_resumed(folder, capsys):
    words = [*FLAGS, "--axis", "I_mA=0.1,0.2", "--out", "sweep.h5"]
    assert main([*words, "--resume"]) == 0
    before = (folder / "sweep.h5").read_bytes()
    assert main([*words, "--resume"]) == 0
    assert (folder / "sweep.h5").read_bytes() == before
    capsys.readouterr()


@pytest.mark.parametrize(
    ("name", "values", "axis", "si"),
    [
        ("I_mA", "0.2", "I", 0.2e-3),
        ("I", "2e-4", "I", 2e-4),
        ("B_mT", "100", "B_ext.magnitude", 0.1),
        ("B_T.z", "0.1", "B_ext.z", 0.1),
        ("B_ext.x", "-0.1", "B_ext.x", -0.1),
        ("B_ext_mT.x", "-100", "B_ext.x", -0.1),
        ("temperature_K", "300", "temperature", 300.0),
        ("width_nm", "80", "width", 8e-8),
        ("dt_fs", "500", "dt", 5e-13),
        ("a_DL_mT", "3", "a_DL", 3e-3),
        ("Ku_MJ/m^3", "0.5", "Ku", 5e5),
        ("alpha", "0.02", "alpha", 0.02),
    ],
)
def test_an_axis_has_its_unit_in_its_name(name, values, axis, si):
    got, values = axis_of(name, values, POINT)
    assert got == axis and values.shape == (1,) and np.isclose(values[0], si, rtol=1e-15)


def test_an_axis_of_vectors_and_of_a_waveform_s_number():
    got, values = axis_of("B_mT", [[1.0, 2.0, 3.0]], POINT)
    assert got == "B_ext" and np.allclose(values, [[1e-3, 2e-3, 3e-3]])
    drive = replace(POINT, I=shno.Sine(1e-4, 5e9))
    assert axis_of("I_GHz.Sine.frequency", "1:2:2", drive)[1].tolist() == [1e9, 2e9]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--axis", "I_mA=0:1:3"), "--out must be given"),
        (("--out", "x.h5"), "--axis must be given once or more"),
        (("--axis", "I_mB=1", "--out", "x.h5"), "axis I_mB must be in A, with or without a prefix, got 'mB'"),
        (("--axis", "alpa=1", "--out", "x.h5"), "got 'alpa'. Did you mean alpha?"),
        (("--axis", "I_mA=", "--out", "x.h5"), "--axis must be NAME=VALUES"),
        (("--axis", "I_mA=a,b", "--out", "x.h5"), "I_mA must be numbers, got 'a'"),
        (("--axis", "I_mA=0:1:0", "--out", "x.h5"), "Count is 1 or more"),
        (("--axis", "I_mA=nan", "--out", "x.h5"), "axis I must be finite"),
        (("--axis", "I_mA=1", "--axis", "I=1", "--out", "x.h5"), "axis I must be given once"),
        (("--axis", "alpha=2", "--out", "x.h5"), "alpha must be in [0, 1)"),
        (("--axis", "I_mA=1", "--out", "no/x.h5"), "no such folder"),
        (("--axis", "I_mA=1", "--reducer", "frequncy", "--out", "x.h5"), "reducer must be one of"),
        (("--axis", "I_mA=1", "--temperature-K", "300", "--out", "x.h5"), "seed must be an integer"),
        (("--axis", "I_mA=1", "--figure", "x.doc", "--out", "x.h5"), "ending in .png"),
        (("--axis", "I_mA=1", "--scheduler", "x", "--out", "x.h5"), "scheduler must be"),
        (("--axis", "I_mA=1", "--B-mT", "1,2", "--out", "x.h5"), "--B-mT must be three numbers"),
        (("missing.toml",), "missing.toml"),
    ],
)
def test_a_bad_call_is_one_line(words, text, complaint):
    assert text in complaint(*FLAGS, *words)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("preset = ", "must be TOML"),
        ("presett = 'x'", "Did you mean preset?"),
        ("axes = 3", "axes in sweep.toml must be a table"),
        ("preset = 3", "preset in sweep.toml must be a text"),
        (TOML.replace("0.1\n", "'x'\n"), "duration-ns must be a number"),
        (TOML.replace("alpha", "alpa"), "alpa must be a field of Oscillator"),
        (TOML.replace("solver", "solvr"), "settings must be arguments of simulate"),
        (TOML.replace("[200, 400]", "['x']"), "axis B_mT must be numbers"),
        (TOML.replace("seed = 7", ""), "seed must be an integer"),
    ],
)
def test_a_bad_file_is_one_line(text, said, folder, complaint):
    (folder / "sweep.toml").write_text(text)
    assert said in complaint("sweep", "sweep.toml")


def test_another_sweep_s_file_is_not_resumed(folder, complaint, capsys):
    assert main([*FLAGS, "--axis", "I_mA=0.1,0.2", "--out", "x.h5", "--figure", "none"]) == 0
    capsys.readouterr()
    assert "of this sweep where it is resumed" in complaint(*FLAGS, "--axis", "I_mA=0.1", "--out", "x.h5", "--resume")


def test_a_terminal_sees_the_time_left(folder):
    words = [sys.executable, "-m", "shno", *FLAGS, "--axis", "I_mA=0.1,0.2", "--out", "x.h5", "--figure", "none"]
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, 100))
    subprocess.run(words, stderr=theirs, stdout=subprocess.DEVNULL, check=True)
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "2.00/2.00 [" in shown and "runs/s]" in shown


def test_help_answers_without_loading_what_computes():
    script = "import sys; from shno.__main__ import main; main(['sweep', '--help']); print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "--axis NAME=VALUES" in result.stdout
    assert not {"numpy", "numba", "torch", "h5py", "dask", "tomllib"} & set(result.stdout.split())


def test_toml_comes_back():
    told = {"preset": 'a "b" \\ µ', "seed": 3, "x": 1e-12, "y": True, "axes": {"B_mT.x": [1, 2.5], "I": "0:1:2"}}
    assert tomllib.loads(as_toml(told)) == told


def test_the_threshold_line_is_that_of_the_theory():
    axes = {"B_ext.magnitude": [0.2, 0.4], "I": [1e-4, 2e-4]}
    result = shno.sweep(OSCILLATOR, POINT, axes, **SHORT)
    B, current = threshold_line(result)
    direction = POINT.B_ext / np.linalg.norm(POINT.B_ext)
    for k in (0, 77, 200):
        expected = experiments.critical_current(OSCILLATOR, replace(POINT, B_ext=B[k] * direction))
        assert np.isclose(current[k], expected, rtol=1e-9)
    assert B[0] == 0.2 and B[-1] == 0.4 and all(a < b for a, b in pairwise(current))
    assert threshold_line(shno.sweep(OSCILLATOR, POINT, {"I": [1e-4]}, **SHORT)) is None


def test_figures_of_a_line_a_map_and_points(tmp_path):
    noise = {"temperature": 300.0, "seed": 1, "realisations": 3}
    axes = {"I": [1e-4, 3e-4, 2e-4], "temperature": [100.0, 300.0, 200.0]}
    results = [
        shno.sweep(OSCILLATOR, POINT, {"I": [1e-4, 3e-4, 2e-4]}, **SHORT, **noise),
        shno.sweep(OSCILLATOR, POINT, {"J": [1e11, 2e11]}, **SHORT),
        shno.sweep(OSCILLATOR, POINT, {"B_ext": [(0.1, 0.0, 0.3), (0.2, 0.0, 0.3)]}, **SHORT),
        shno.sweep(OSCILLATOR, POINT, axes, **SHORT, **noise),
        shno.sweep(OSCILLATOR, POINT, axes, mode="points", **SHORT, **noise),
    ]
    for k, result in enumerate(results):
        plot_sweep(result, tmp_path / f"{k}.png", title="a title")
        assert imread(tmp_path / f"{k}.png").std() > 0.05
    shapes = shno.sweep(OSCILLATOR, POINT, {"I": [1e-4]}, **(SHORT | {"reducer": "final_state"}))
    assert not can_draw(shapes) and not can_draw(None)
    with pytest.raises(ValueError, match="sweep must be over one or two axes"):
        plot_sweep(shapes, tmp_path / "x.png")
    for bad in ({"sweep": 3}, {"path": "x.doc"}, {"name": "none"}, {"title": 3}):
        with pytest.raises((TypeError, ValueError)):
            plot_sweep(**({"sweep": results[0], "path": tmp_path / "x.png"} | bad))
    assert json.loads(results[0].to_xarray().attrs["settings"])["seed"] == 1
