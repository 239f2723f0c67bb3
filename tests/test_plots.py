import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from shno import Drive, Oscillator, Sampled, Sine, Trajectory, plots


def trajectory(n=4001, f=9.96e9, amplitude=0.5, dt=1e-12):
    """m turning about z; at rest when the amplitude is 0."""
    t = dt * np.arange(n)
    x, y = amplitude * np.cos(2 * np.pi * f * t), amplitude * np.sin(2 * np.pi * f * t)
    m = np.stack([x, y, np.sqrt(1 - x**2 - y**2)], axis=-1)
    drive = Drive(I=0.2e-3, B_ext=(-0.0633, 0.1567, 0.3625))
    return Trajectory(t, m, Oscillator(Ms=1.05e6, alpha=0.025, Ku=0.6e6), drive, dt=dt, versions="shno")


def noise(n):
    """The busiest orbit there is: a random walk on the sphere."""
    walk = np.cumsum(np.random.default_rng(1).normal(size=(n, 3)), axis=0)
    return replace(trajectory(n), m=walk / np.linalg.norm(walk, axis=1, keepdims=True))


def batch():
    """Two by three oscillators that differ in current, alpha and p."""
    one = trajectory()
    p = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    oscillator = replace(one.oscillator, alpha=np.array([[0.01], [0.02]]), p=p)
    m = np.broadcast_to(one.m[:, None, None], (len(one.t), 2, 3, 3))
    drive = replace(one.drive, I=np.array([1e-4, 2e-4, 3e-4]))
    return replace(one, m=m, oscillator=oscillator, drive=drive)


RUNS = {
    "one": trajectory(),
    "long": trajectory(n=200_001),
    "at rest": trajectory(amplitude=0.0),
    "two states": trajectory(n=2),
    "noise": noise(20_001),
    "float32": replace(trajectory(), m=trajectory().m.astype(np.float32)),
    "batch": batch(),
}


@pytest.mark.parametrize("name", RUNS)
def test_figure_is_small_and_not_blank(name, tmp_path):
    path = tmp_path / "run.png"
    plots.plot(RUNS[name], path)
    assert path.stat().st_size < 200_000
    image = imread(path)
    height, width, _ = image.shape
    for panel in np.array_split(np.arange(width), 3):
        assert image[: height // 2, panel, :3].std() > 0.01  # something is drawn in each third
    assert [file.name for file in tmp_path.iterdir()] == ["run.png"]


@pytest.mark.parametrize(("ending", "magic"), [("pdf", b"%PDF"), ("svg", b"<?xml"), ("PNG", b"\x89PNG")])
def test_the_ending_chooses_the_format(ending, magic, tmp_path):
    path = tmp_path / f"run.{ending}"
    plots.plot(RUNS["one"], str(path))
    assert path.read_bytes().startswith(magic)


def test_caption_holds_every_parameter_off_its_default_and_the_first_of_a_batch(tmp_path):
    path = tmp_path / "run.svg"
    plots.plot(RUNS["batch"], path)
    text = path.read_text().replace("\N{NO-BREAK SPACE}", " ")
    first = ("Oscillator 0 of 6", "I = 0.0001 A", "alpha = 0.01", "p = (0, 0, 1)")
    for part in (*first, "0.1567, 0.3625) T", "Ms = 1.05e+06 A/m", "4000 steps of 1 ps"):
        assert part in text


def test_caption_describes_waveforms_of_the_first_of_a_batch(tmp_path):
    samples, sine = Sampled(np.arange(24.0).reshape(4, 2, 3), 2.0), Sine(0.5, 5.0, 0.25)
    amplitudes = Sine(np.array([[0.25], [0.5]]), 3.0) * np.array([7.0, 8.0, 9.0])
    drive = Drive(a_DL=samples, B_ext=(0.125, sine, 0.0), V_gate=amplitudes)
    path = tmp_path / "run.svg"
    plots.plot(replace(RUNS["batch"], drive=drive), path)
    text = path.read_text().replace("\N{NO-BREAK SPACE}", " ")
    assert "B_ext = (0.125, Sine(0.5, 5, 0.25), 0) T" in text
    assert "a_DL = Sampled(0 to 18, 2, 0, hold) T" in text
    assert "V_gate = Product(Sine(0.25, 3, 0), 7) V" in text


def test_caption_names_noise_and_heat(tmp_path):
    oscillator = replace(
        RUNS["one"].oscillator, R=300.0, R_th=8e5, C_th=1e-16, further_axes=[[0, 0.6, 0.8]], further_Ku=[2e4]
    )
    path = tmp_path / "run.svg"
    plots.plot(replace(RUNS["one"], oscillator=oscillator, temperature=290.0, seed=11, T=np.full(4001, 290.0)), path)
    text = path.read_text().replace("\N{NO-BREAK SPACE}", " ")
    for part in (
        "temperature 290 K, seed 11",
        "R_th = 800000 K/W",
        "further_axes = (0, 0.6, 0.8)",
        "further_Ku = (20000)",
    ):
        assert part in text


def test_the_line_that_is_found_is_marked(tmp_path):
    for name, label in (("one", "f = 9.9600 GHz"), ("at rest", "no line")):
        path = tmp_path / "run.svg"
        plots.plot(RUNS[name], path)
        assert label in path.read_text()


def test_the_whole_trace_fits_into_its_band():
    x, y = np.arange(50_000.0), np.random.default_rng(2).normal(size=50_000)
    ax = Figure().add_subplot()
    plots._draw_trace(ax, x, y, "black")
    (band,) = ax.collections
    drawn = band.get_paths()[0].vertices[:, 1]
    assert drawn.max() == y.max() and drawn.min() == y.min()


def test_an_unwritable_path_gives_one_line_and_leaves_nothing(tmp_path):
    with pytest.raises(OSError, match=r"absent.run\.png cannot be written: No such file or directory\. Use a folder"):
        plots.plot(RUNS["one"], tmp_path / "absent" / "run.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OSError, match=r"folder\.png cannot be written: Is a directory"):
        plots.plot(RUNS["one"], tmp_path / "folder.png")
    with pytest.raises(ValueError, match=r"path must be a file name ending in \.png, \.pdf, \.svg, got .*run\.txt"):
        plots.plot(RUNS["one"], tmp_path / "run.txt")
    assert [file.name for file in tmp_path.iterdir()] == ["folder.png"]


def test_a_figure_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "run.png"
    path.write_text("old")

    def full_disk(*arguments, **keywords):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(plots, "imsave", full_disk)
    with pytest.raises(OSError, match="No space left on device"):
        plots.plot(RUNS["one"], path)
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_pyplot_is_not_imported(tmp_path):
    script = (
        "import sys, numpy as np, shno; t = np.arange(3) * 1e-12; m = np.eye(3);"
        "run = shno.Trajectory(t, m, shno.Oscillator(Ms=8e5, alpha=0.02), shno.Drive(I=0.0), dt=1e-12);"
        f"shno.plots.plot(run, {str(tmp_path / 'run.png')!r});"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=60)
