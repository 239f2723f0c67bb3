import os
import re
import subprocess
import sys
from dataclasses import replace

import h5py
import numpy as np
import pytest

import shno
from shno.__main__ import main
from shno.drive import Sampled

SIMULATE = ("simulate", "--preset", "w-cofeb-pma", "--duration-ns", "1", "--dt-ps", "1")


def test_simulate_info_and_plot_work_together(folder, capsys):
    assert main([*SIMULATE, "--current-mA", "0.2", "--duration-ns", "4", "--out", "run.h5"]) == 0
    output = capsys.readouterr()
    assert output.err == ""  # no progress bar in a pipe
    lines = output.out.splitlines()
    assert lines[0] == "w-cofeb-pma: I = 0.2 mA, B_ext = (-63.33, 156.74, 362.52) mT, temperature 0 K"
    assert lines[1] == "rk4 (compiled): 4000 steps of 1 ps, 4001 states saved"
    run = shno.load("run.h5")
    assert lines[2].startswith(f"frequency in the second half: {shno.analysis.frequency(run) / 1e9:.6f} GHz; ")
    assert lines[2].endswith("resolve up to 500 GHz")
    assert lines[3].startswith("written: run.h5 (")

    assert main(["info", "run.h5"]) == 0
    text = capsys.readouterr().out
    assert "4001 states of 1 oscillator" in text
    for part in ("Ms           1050000 A/m", "I            0.0002 A", "dt           1e-12 s"):
        assert part in text
    assert main(["plot", "run.h5", "--out", "run.png"]) == 0
    assert capsys.readouterr().out.startswith("written: run.png (")
    assert sorted(path.name for path in folder.iterdir()) == ["run.h5", "run.png"]


def test_twenty_nanoseconds_at_one_picosecond_are_20000_steps(folder):
    assert main([*SIMULATE, "--duration-ns", "20", "--save-every", "100", "--out", "run.h5"]) == 0
    run = shno.load("run.h5")
    assert len(run.t) == 201 and run.save_every == 100 and run.t[-1] == pytest.approx(20e-9, rel=1e-12)


def test_a_file_may_have_half_the_digits(folder, capsys):
    noise = ("--temperature-K", "300", "--seed", "7")
    for name, words in (("long.h5", ()), ("short.h5", ("--out-dtype", "float32"))):
        assert main([*SIMULATE, *noise, *words, "--out", name]) == 0
    long, short = shno.load("long.h5"), shno.load("short.h5")
    assert short.dtype == "float64" and short.m.dtype == np.float32
    assert np.array_equal(short.m, long.m.astype(np.float32)) and np.array_equal(short.t, long.t)
    assert os.path.getsize("long.h5") - os.path.getsize("short.h5") > 11_000  # of 1001 states, each 12 bytes less
    capsys.readouterr()
    assert main(["info", "short.h5"]) == 0 and "m            shape (1001, 3), float32" in capsys.readouterr().out


def test_the_operating_point_holds_where_no_flag_is_given(folder):
    point = shno.operating_point("w-cofeb-pma")
    assert main([*SIMULATE, "--out", "default.h5"]) == 0
    assert shno.load("default.h5").drive == point
    assert main([*SIMULATE, "--current-mA", "0.1", "--out", "current.h5"]) == 0
    assert shno.load("current.h5").drive == shno.Drive(I=0.1 * 1e-3, B_ext=point.B_ext)
    assert main([*SIMULATE, "--B-mT", "10,20,400", "--out", "field.h5"]) == 0
    drive = shno.load("field.h5").drive
    assert drive.I == point.I and np.allclose(drive.B_ext, [0.01, 0.02, 0.4], rtol=1e-15)


@pytest.mark.parametrize("words", [("--B-mT", "-63,-1.5,362"), ("--B-mT=-63,-1.5,362",)])
def test_vectors_and_numbers_may_begin_with_a_minus(words, folder):
    m0 = ("--m0", "-.6,0,-0.8")
    assert main([*SIMULATE, *words, *m0, "--current-mA", "-0.1", "--solver", "reference", "--out", "run.h5"]) == 0
    run = shno.load("run.h5")
    assert np.allclose(run.drive.B_ext, [-0.063, -0.0015, 0.362], rtol=1e-15) and run.drive.I == -0.1 * 1e-3
    assert np.array_equal(run.m[0], [-0.6, 0, -0.8]) and run.solver == "reference"


def test_info_describes_a_batch(folder, capsys):
    point = shno.operating_point("w-cofeb-pma")
    drive = shno.Drive(I=np.array([[1e-4], [2e-4]]), B_ext=np.stack([point.B_ext] * 3))
    shno.simulate(shno.preset("w-cofeb-pma"), drive, duration=1e-11, dt=1e-12).save("batch.h5")
    assert main(["info", "batch.h5"]) == 0
    text = capsys.readouterr().out
    assert "11 states of 6 oscillators in a batch (2, 3)" in text
    assert "I            array (2, 1), 0.0001 to 0.0002 A" in text
    assert "B_ext        array (3, 3), -0.06333 to 0.36252 T" in text


def test_info_describes_waveforms(folder, capsys):
    drive = shno.Drive(
        I=Sampled([1e-4, 2e-4], 5e-12), B_ext=(0.1, shno.Sine(1e-3, 5e9), 0.3), V_gate=shno.Step(0, 1, 0)
    )
    shno.simulate(shno.preset("w-cofeb-pma"), drive, duration=1e-11, dt=1e-12).save("run.h5")
    assert main(["info", "run.h5"]) == 0
    text = capsys.readouterr().out
    assert "I            Sampled(0.0001 to 0.0002, 5e-12, 0, hold) A" in text
    assert "B_ext        (0.1, Sine(0.001, 5e+09, 0), 0.3) T" in text and "V_gate       Step(0, 1, 0) V" in text


def test_info_describes_a_heated_run(folder, capsys):
    oscillator = replace(shno.preset("w-cofeb-pma"), R=300.0, R_th=8e5, C_th=1e-16)
    drive = replace(shno.operating_point("w-cofeb-pma"), I=np.array([1e-4, 2e-4]))
    keywords = {"duration": 1e-11, "dt": 1e-12, "temperature": 300.0, "seed": 1}
    run = shno.simulate(oscillator, drive, **keywords)
    run.save("run.h5")
    assert main(["info", "run.h5"]) == 0
    text = capsys.readouterr().out
    assert f"T            shape (11, 2), 300 to {run.T.max():.6g} K" in text and run.T.max() > 300.1
    assert "R_th         800000 K/W" in text and "temperature  300 K" in text


@pytest.mark.parametrize("words", [(), ("--solver", "heun"), ("--executor", "torch", "--duration-ns", "0.1")])
def test_a_temperature_comes_with_a_seed(words, folder, capsys, complaint):
    noise = ("--temperature-K", "300", "--seed", "7")
    assert main([*SIMULATE, "--dt-ps", "0.5", *words, *noise, "--out", "run.h5"]) == 0
    assert "temperature 300 K" in capsys.readouterr().out
    run = shno.load("run.h5")
    assert (run.temperature, run.seed) == (300.0, 7)
    assert (run.solver, run.executor) == (
        "heun" if "heun" in words else "rk4",
        "torch" if "torch" in words else "compiled",
    )
    assert main([*SIMULATE, "--dt-ps", "0.5", *words, *noise, "--out", "again.h5"]) == 0
    assert shno.load("again.h5") == run
    capsys.readouterr()
    assert "seed must be an integer where there is thermal noise" in complaint(*SIMULATE, *noise[:2], "--out", "no.h5")
    assert "seed must be None at T = 0" in complaint(*SIMULATE, *noise[2:], "--out", "no.h5")


def test_presets_lists_all_with_point_and_the_source_of_every_number(capsys):
    from shno.presets import PRESETS

    assert main(["presets"]) == 0
    text = capsys.readouterr().out
    for name, preset in PRESETS.items():
        assert f"{name}\n    {preset.summary}\n    operating point: " in text
        for number, source in preset.sources.items():
            assert re.search(rf"\b{number} = [^\n]*: {re.escape(source)}", text), (name, number)


def test_bad_calls_of_simulate_give_one_line(complaint):
    out = ("--out", "run.h5")
    assert "preset must be one of w-cofeb-pma, nife-pt-oblique" in complaint(*SIMULATE, "--preset", "w-cofeb", *out)
    assert "dt must turn m by at most 0.2 rad a step" in complaint(*SIMULATE, "--dt-ps", "10", *out)
    assert "duration must be a multiple of dt" in complaint(*SIMULATE, "--dt-ps", "0.7", *out)
    assert "I must be finite, got nan" in complaint(*SIMULATE, "--current-mA", "nan", *out)
    assert "B_ext must be finite, got nan" in complaint(*SIMULATE, "--B-mT", "0,nan,1", *out)
    assert "dt must be" in complaint(*SIMULATE, "--dt-ps", "nan", *out)
    assert "dt must be in [1e-20, 1e-3] s, got -1e-12" in complaint(*SIMULATE, "--dt-ps", "-1", *out)
    assert "save_every must be" in complaint(*SIMULATE, "--save-every", "7", *out)
    assert "|m0| must be 1" in complaint(*SIMULATE, "--m0", "1,1,0", *out)


def test_words_that_make_no_call_give_one_line(complaint):
    assert "required: command" in complaint()
    assert "invalid choice: 'fly'" in complaint("fly")
    assert "required: --dt-ps" in complaint("simulate", "--preset", "nife-w", "--duration-ns", "1", "--out", "run.h5")
    assert "must be three numbers x,y,z, got '1,2'" in complaint(*SIMULATE, "--B-mT", "1,2", "--out", "run.h5")
    assert "unrecognized arguments: --current" in complaint(*SIMULATE, "--current", "1", "--out", "run.h5")
    assert "invalid float value: 'fast'" in complaint(*SIMULATE, "--dt-ps", "fast", "--out", "run.h5")


def test_an_output_that_cannot_be_written_is_found_before_the_run(complaint, folder, monkeypatch):
    (folder / "taken").mkdir()
    monkeypatch.setattr(shno, "simulate", lambda *arguments, **keywords: pytest.fail("the run was started"))
    assert "absent/run.h5 cannot be written: No such file" in complaint(*SIMULATE, "--out", "absent/run.h5")
    assert "taken cannot be written: it is a folder" in complaint(*SIMULATE, "--out", "taken")
    assert list((folder / "taken").iterdir()) == []


@pytest.mark.parametrize("command", [("info",), ("plot", "--out", "run.png")])
def test_bad_files_give_one_line(command, complaint, folder):
    point = shno.operating_point("w-cofeb-pma")
    shno.simulate(shno.preset("w-cofeb-pma"), point, duration=1e-10, dt=1e-12).save("run.h5")
    whole = (folder / "run.h5").read_bytes()
    (folder / "half.h5").write_bytes(whole[: len(whole) // 2])
    (folder / "text.h5").write_text("no HDF5 file")
    with h5py.File("other.h5", "w") as file:
        file["m"] = np.zeros(3)
    for name in ("half.h5", "text.h5", "other.h5"):
        assert f"{name} cannot be read: " in complaint(*command, name)
    assert "absent.h5 does not exist" in complaint(*command, "absent.h5")


def test_a_figure_that_cannot_be_written_gives_one_line(complaint):
    point = shno.operating_point("w-cofeb-pma")
    shno.simulate(shno.preset("w-cofeb-pma"), point, duration=1e-10, dt=1e-12).save("run.h5")
    assert "absent/run.png cannot be written" in complaint("plot", "run.h5", "--out", "absent/run.png")
    assert "path must be a file name ending in .png" in complaint("plot", "run.h5", "--out", "run.txt")


ERRORS = [
    (shno.IntegrationError("m left\nthe sphere"), "m left the sphere"),
    (MemoryError(), "MemoryError"),
    (OSError(28, "Disk full", "run.h5"), "run.h5: Disk full"),
]


@pytest.mark.parametrize(("error", "line"), ERRORS)
def test_errors_during_the_run_give_one_line(error, line, complaint, monkeypatch):
    def fail(*arguments, **keywords):
        raise error

    monkeypatch.setattr(shno, "simulate", fail)
    assert complaint(*SIMULATE, "--out", "run.h5") == f"shno: {line}\n"


def test_an_interrupt_gives_one_line_and_130(folder, capsys, monkeypatch):
    def interrupt(*arguments, **keywords):
        raise KeyboardInterrupt

    monkeypatch.setattr(shno, "simulate", interrupt)
    assert main([*SIMULATE, "--out", "run.h5"]) == 130
    assert capsys.readouterr().err == "shno: interrupted\n" and list(folder.iterdir()) == []


def test_a_bar_moves_on_a_terminal(folder, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main([*SIMULATE, "--out", "run.h5"]) == 0
    assert "1.00k/1.00k" in capsys.readouterr().err


def test_validate_says_where_validation_is_absent(complaint, monkeypatch):
    for module in ("validation", "validation.__main__"):
        monkeypatch.setitem(sys.modules, module, None)
    assert "validation is not installed" in complaint("validate")


def test_help_imports_nothing_heavy():
    heavy = {"torch", "numba", "matplotlib", "scipy", "numpy", "h5py", "tqdm"}
    script = "import sys; from shno.__main__ import main; assert main(['--help']) == 0; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    text, modules = result.stdout.rstrip("\n").rsplit("\n", 1)
    assert not heavy & set(modules.split())
    for command in ("presets", "simulate", "info", "plot", "validate"):
        assert command in text


def test_a_closed_pipe_is_no_error():
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "shno", "presets"]
    result = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(write)
    assert result.returncode == 0 and result.stderr == ""
