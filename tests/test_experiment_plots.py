"""Figures of experiments: of results that are made up here, so that nothing is simulated."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.image import imread

from shno import experiment_plots as plots
from shno import experiments

RNG = np.random.default_rng(3)
F, I = np.linspace(0, 20e9, 2001), np.linspace(0.05e-3, 0.25e-3, 40)
B = np.linspace(0.01, 0.2, 30)[:, None] * np.array([0.6, 0.0, 0.8])
LINE = 10e9 + 20e12 * np.clip(I - 0.12e-3, 0, None)  # Hz


def density(centres):
    """Lorentzians on noise: (frequency, centre)."""
    return (1e-9 / (1 + ((F[:, None] - centres) / 0.1e9) ** 2)) * RNG.exponential(size=(len(F), len(centres)))


def same(value):
    return np.full(len(I), value)


MAP = experiments.SpectralMap(F, "I", I, density(LINE), I, same(0.12e-3), same(10e9))
FIELD_MAP = experiments.SpectralMap(
    *(F, "B_ext", B, density(40e9 * B[:, 0])[..., None].repeat(2, axis=2), np.full((30, 2), 1e-4)),
    *(np.linspace(0.5e-4, 2e-4, 30)[:, None].repeat(2, axis=1), 40e9 * B[:, :1].repeat(2, axis=1)),
)
SWEEP = experiments.CurrentSweep(I, "I", 0.12e-3, np.where(I > 0.12e-3, LINE, np.nan), I / I[-1], None, None)
THERMAL = SWEEP._replace(linewidth=same(50e6), error=same(5e6))
MANY = experiments.CurrentSweep(
    *(I, "J", np.full(9, 0.1e-3), LINE[:, None] * np.linspace(1, 1.2, 9), np.ones((40, 9)), None, None)
)
DETUNING = np.linspace(-0.3e9, 0.3e9, 31)[:, None]
LOCKED = np.abs(DETUNING) < np.linspace(0, 0.2e9, 11)
TONGUE = experiments.LockingMap(
    *(12e9 + DETUNING[:, 0], np.linspace(0, 4e-5, 11), "I", 1, np.float64(12e9)),
    *(
        12e9 - np.where(LOCKED, DETUNING, 0),
        np.where(LOCKED, 0, DETUNING),
        LOCKED,
        np.full(11, 12e9),
        np.full(11, 12e9),
    ),
)
ANGLE = np.linspace(0, 2 * np.pi, 81)
LOOP = experiments.Hysteresis(
    *(0.1 * np.cos(ANGLE), np.zeros((81, 2, 3)), np.stack([np.cos(ANGLE + 0.3), np.cos(ANGLE + 0.9)], axis=-1)),
    *(np.array([0.02, 0.05]), np.zeros(2), np.array([0.9, 0.5])),
)
FMR = experiments.Resonance(B, B, 40e9 * B[:, 0], 1e9 * B[:, 0] + 2e8)
DIAGRAM = experiments.PhaseDiagram(
    I, "a_DL", B, RNG.integers(0, 5, (40, 30)), np.full((40, 30), np.nan), np.linspace(0.1e-3, 0.2e-3, 30)
)
LORENTZIAN = experiments.Lorentzian(*np.array([[9e9, 9.2e9], [4e8, 5e8], [1e-6, 2e-6], [5e-7, 1e-7], [0, 0]]))
DIODE_F = np.linspace(8e9, 10e9, 31)
DIODE = experiments.SpinDiode(DIODE_F, np.stack([LORENTZIAN.at(f) for f in DIODE_F]), LORENTZIAN)

FIGURES = {
    "map": (plots.plot_spectral_map, MAP),
    "field map": (plots.plot_spectral_map, FIELD_MAP),
    "map at rest": (plots.plot_spectral_map, MAP._replace(density=0 * MAP.density)),
    "sweep": (plots.plot_frequency_against_current, SWEEP),
    "thermal sweep": (plots.plot_frequency_against_current, THERMAL),
    "nine sweeps": (plots.plot_frequency_against_current, MANY),
    "tongue": (plots.plot_locking_map, TONGUE),
    "loop": (plots.plot_hysteresis, LOOP),
    "fmr": (plots.plot_fmr, FMR),
    "diagram": (plots.plot_phase_diagram, DIAGRAM),
    "diode": (plots.plot_spin_diode, DIODE),
    "diode without a line": (plots.plot_spin_diode, DIODE._replace(line=None)),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figure_is_small_and_not_blank(name, tmp_path):
    draw, result = FIGURES[name]
    draw(result, tmp_path / "figure.png", title="made up")
    assert (tmp_path / "figure.png").stat().st_size < 200_000
    assert imread(tmp_path / "figure.png")[..., :3].std() > 0.02
    assert [file.name for file in tmp_path.iterdir()] == ["figure.png"]


def text_of(draw, result, tmp_path, **how):
    path = tmp_path / "figure.svg"
    draw(result, path, **how)
    return path.read_text()


def axes_of(monkeypatch, draw, result, **how):
    """The axes that are drawn, with nothing written."""
    figures = []
    monkeypatch.setattr(plots, "save_figure", lambda figure, path: figures.append(figure))
    draw(result, "figure.png", **how)
    return figures[0].axes


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("map", ["Current (mA)", "Frequency (GHz)", "threshold", "linear resonance", "dB of its maximum"]),
        ("field map", ["Field (mT)", "threshold"]),
        ("sweep", ["Current (mA)", "Frequency (GHz)", "threshold"]),
        ("thermal sweep", ["Linewidth, FWHM (MHz)"]),
        ("tongue", ["Frequency of the signal (GHz)", "Signal: current (mA)", "Beat frequency (MHz)"]),
        ("loop", ["Field (mT)", "coercivity 20 mT", "coercivity 50 mT"]),
        ("fmr", ["Field (mT)", "Linewidth, FWHM (MHz)"]),
        ("diagram", ["Field (mT)", *experiments.STATES]),
        ("diode", ["Rectified voltage", "9.000 GHz, width 400 MHz", "9.200 GHz, width 500 MHz"]),
    ],
)
def test_axes_and_curves_are_named_with_units(name, texts, tmp_path):
    text = text_of(*FIGURES[name], tmp_path, title="what it is")
    for part in (*texts, "what it is"):
        assert part in text, part


def test_the_threshold_stands_where_the_current_reaches_it(monkeypatch):
    ax = axes_of(monkeypatch, plots.plot_spectral_map, MAP)[0]
    assert ax.lines[1].get_xdata()[0] == pytest.approx(0.12)  # mA
    ax = axes_of(monkeypatch, plots.plot_spectral_map, FIELD_MAP)[0]
    assert ax.lines[1].get_xdata()[0] == pytest.approx(10 + 190 / 3)  # mT: a third of the way up from 0.5 to 2


def test_a_narrow_line_survives_the_coarser_map(monkeypatch):
    """A figure has some hundred rows: each shows the largest density of its group."""
    S = np.full((60_001, 2), 1e-15)
    S[30_001] = 1.0
    fine = MAP._replace(frequency=np.linspace(0, 20e9, 60_001), density=S, values=I[:2], current=I[:2])
    fine = fine._replace(threshold=same(1.0)[:2], resonance=same(10e9)[:2])
    mesh = axes_of(monkeypatch, plots.plot_spectral_map, fine)[0].collections[0]
    assert mesh.get_array().shape[0] < 1200 and mesh.get_array().max() == 0


def test_the_frequency_axis_is_as_wanted(monkeypatch):
    ax = axes_of(monkeypatch, plots.plot_spectral_map, MAP, f_range=(8e9, 15e9))[0]
    assert ax.get_ylim() == (8, 15)


def test_labels_name_the_curves(tmp_path):
    text = text_of(plots.plot_hysteresis, LOOP, tmp_path, labels=["30 deg", "60 deg"])
    assert "30 deg: coercivity 20 mT" in text
    assert "easy axis" in text_of(plots.plot_fmr, FMR, tmp_path, labels=["easy axis"])


def test_a_curve_without_a_label_is_drawn_too(tmp_path):
    text = text_of(plots.plot_hysteresis, LOOP, tmp_path, labels=["30 deg"])
    assert "30 deg: coercivity 20 mT" in text and "coercivity 50 mT" in text


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda path: plots.plot_fmr(MAP, path), TypeError, "result must be a Resonance, got SpectralMap"),
        (lambda path: plots.plot_frequency_against_current(None, path), TypeError, "result must be a CurrentSweep"),
        (lambda path: plots.plot_fmr(FMR, "x.txt"), ValueError, "path must be a file name ending"),
        (lambda path: plots.plot_fmr(FMR, path, labels="x"), TypeError, "labels"),
        (lambda path: plots.plot_spectral_map(MAP, path, f_range=(2e9, 1e9)), ValueError, "f_range"),
        (lambda path: plots.plot_spectral_map(MAP, path, f_range=(1e9, 1.001e9)), ValueError, "f_range"),
        (lambda path: plots.plot_spectral_map(MAP, path, f_range="x"), TypeError, "f_range"),
        (lambda path: plots.plot_phase_diagram(DIAGRAM._replace(current=I[:1]), path), ValueError, "current"),
    ],
)
def test_bad_calls_name_the_parameter(call, error, match, tmp_path):
    with pytest.raises(error, match=match):
        call(tmp_path / "figure.png")
    assert not list(tmp_path.iterdir())


def test_pyplot_is_not_imported():
    script = "import sys, shno.experiment_plots; assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=60)


def test_experiments_do_not_import_matplotlib():
    script = "import sys, shno.experiments; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=60)
