import json

import numpy as np
import pytest
from matplotlib.image import imread

import shno
from neuromorph import plots

CONFIG = {"model": "hybrid", "dataset": "digits", "classes": 4, "seed": 7, "epochs": 4}
LAYER = {"threshold": 0.7, "rearm": 0.35, "neural_step": 5e-10, "n_steps": 6}
RECORDED = {"labels": [0, 1, 2], "predictions": [0, 1, 3]}
TURNS = 2.5 * np.arange(15).reshape(3, 5)  # of m over the run, (images, neurons)
KINDS = {"accuracy.png", "raster.png", "traces.png"}


def epoch(number, phase):
    """The record of an epoch, as training writes it."""
    losses = {"loss": 1 / number, "auxiliary_loss": 2 / number, "held_out_loss": 1.5 / number}
    accuracies = {"train_accuracy": 1 - 0.1 / number**2, "held_out_accuracy": 0.9, "held_out_auxiliary_accuracy": 0.8}
    return {"epoch": number, "phase": phase, **losses, **accuracies, "spike_rate": 0.2, "dead": 0.1, "saturated": 0.0}


def metrics(**changes):
    """The content of metrics.json."""
    phases = ("warm-up", "main", "main", "fine-tuning")
    epochs = [epoch(number, phase) for number, phase in enumerate(phases, start=1)]
    accuracies = {"test_accuracy": 0.91, "test_auxiliary_accuracy": 0.8, "twin_test_accuracy": 0.93}
    spiking = {"spike_rate": 0.2, "dead": 0.1, "saturated": 0.0}
    return accuracies | spiking | {"selected_epoch": 3, "recorded": RECORDED, "epochs": epochs} | changes


def trajectory(turns=TURNS):
    """A run of 3 ns in which m turns so often about x, starting at z: a spike a turn."""
    t = 5e-12 * np.arange(601)
    angle = 2 * np.pi * np.multiply.outer(t / t[-1], turns)
    m = np.stack([np.zeros_like(angle), np.sin(angle), np.cos(angle)], axis=-1)
    return shno.Trajectory(t, m, shno.Oscillator(Ms=8e5, alpha=0.02), shno.Drive(I=0.0), dt=5e-12)


def write(folder, *, config=None, metrics=None, run=None):
    """A run folder of these parts; what is None is left out."""
    for name, record in (("config", config), ("metrics", metrics)):
        if record is not None:
            (folder / f"{name}.json").write_text(json.dumps(record))
    if run is not None:
        run.save(folder / "trajectories.h5")
    return folder


def spiking(folder, **changes):
    """A whole run folder, some parts of it changed."""
    return write(folder, **{"config": CONFIG | {"layer": LAYER}, "metrics": metrics(), "run": trajectory()} | changes)


def drawn(axes):
    """How many spikes these axes show."""
    return sum(len(line.get_xdata()) for ax in axes for line in ax.lines if line.get_gid() == "spikes")


def test_a_spiking_run_gives_three_small_png_files_and_nothing_else(tmp_path):
    paths = plots.plot_run(spiking(tmp_path))
    assert paths == [tmp_path / "figures" / name for name in sorted(KINDS)]
    assert {path.name for path in (tmp_path / "figures").iterdir()} == KINDS
    for path in paths:
        assert path.read_bytes().startswith(b"\x89PNG\r\n")
        assert path.stat().st_size < 200e3
        assert imread(path).std() > 0.02  # not blank


@pytest.mark.parametrize("layer", [{}, {"layer": None}])
def test_the_relu_twin_has_accuracy_alone(tmp_path, layer):
    unknown = dict.fromkeys(("twin_test_accuracy", "spike_rate", "dead", "saturated"))
    epochs = [record | dict.fromkeys(plots.style.FRACTIONS) for record in metrics()["epochs"]]
    folder = write(tmp_path, config=CONFIG | layer, metrics=metrics(**unknown, recorded=None, epochs=epochs))
    assert [path.name for path in plots.plot_run(str(folder))] == ["accuracy.png"]


def test_a_run_that_looked_every_few_iterations_shows_them(tmp_path):
    looks = [{"iteration": 50 * k, "loss": 2 / k, "test_accuracy": 1 - 0.3 / k} for k in range(1, 8)]
    folder = write(tmp_path, config=CONFIG | {"model": "csnn"}, metrics=metrics(iterations=looks))
    assert [path.name for path in plots.plot_run(folder)] == ["accuracy.png", "iterations.png"]
    figure = plots.training.iterations_figure(CONFIG, metrics(iterations=looks))
    line = figure.axes[0].lines[0]
    assert list(line.get_xdata()) == [50 * k for k in range(1, 8)]
    np.testing.assert_allclose(line.get_ydata(), [100 - 30 / k for k in range(1, 8)], rtol=1e-12)  # the same numbers


def test_drawing_again_replaces_the_figures(tmp_path):
    first = plots.plot_run(write(tmp_path, config=CONFIG, metrics=metrics()))[0]
    before = first.read_bytes()
    assert plots.plot_run(tmp_path)[0].read_bytes() == before  # the same input, the same bytes
    plots.plot_run(write(tmp_path, metrics=metrics(test_accuracy=0.5)))
    assert first.read_bytes() != before


def test_the_raster_and_its_rate_hold_every_spike_of_the_analysis():
    run, config = trajectory(), CONFIG | {"layer": LAYER}
    found = sum(map(len, shno.analysis.spike_times(run, threshold=0.7, rearm=0.35)))
    assert found == np.ceil(TURNS - 1 / 8).sum()  # m_y = sin(angle) passes 0.7 just before an eighth of each turn
    axes = plots.layer.raster_figure(config, metrics(), run, plots.layer.spikes_of(run, LAYER)).axes
    rates = [patch.get_data().values for ax in axes for patch in ax.patches]
    assert drawn(axes) == found
    assert np.sum(rates) * run.m.shape[2] == pytest.approx(found, rel=1e-12)
    assert [rate.shape for rate in rates] == [(6,)] * 3  # 3 ns in neural steps of 0.5 ns


def test_a_raster_shows_the_neurons_that_spike_when_they_spike():
    run = trajectory(np.array([[0.0, 1.0, 3.0]]))
    recorded = metrics(recorded={"labels": [4], "predictions": [4]})
    figure = plots.layer.raster_figure(CONFIG | {"layer": LAYER}, recorded, run, plots.layer.spikes_of(run, LAYER))
    (line,) = (line for line in figure.axes[0].lines if line.get_gid() == "spikes")
    first = np.arcsin(0.7) / (2 * np.pi) * 3  # ns, of one turn in 3 ns
    error = 0.005**2 / 8 * 2 * np.pi * 0.7 / np.sqrt(1 - 0.7**2)  # ns, of a chord: h^2 y''/8y'
    assert list(line.get_ydata()) == [1, 2, 2, 2]
    np.testing.assert_allclose(line.get_xdata(), [first, *(first / 3 + np.arange(3))], rtol=0, atol=error)


def test_titles_give_label_and_prediction():
    run = trajectory()
    figure = plots.layer.raster_figure(CONFIG | {"layer": LAYER}, metrics(), run, plots.layer.spikes_of(run, LAYER))
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert titles == ["digit 0, read as 0", "digit 1, read as 1", "digit 2, read as 3"]


def test_traces_show_busy_and_silent_neurons_of_a_right_and_a_wrong_image():
    run = trajectory(np.array([[9.0, 0.0, 4.0, 1.0, 9.0], [1.0] * 5, [5.0, 0.0, 4.0, 1.0, 9.0]]))
    figure = plots.layer.traces_figure(CONFIG | {"layer": LAYER}, metrics(), run, plots.layer.spikes_of(run, LAYER))
    right = [ax.get_title(loc="right") for ax in figure.axes]
    assert [title.split()[1] for title in right[::2]] == ["4,", "0,", "2,", "1,"]  # 18, 14, 8 and 0 spikes
    assert [ax.get_title(loc="left") for ax in figure.axes[:2]] == ["digit 0, read as 0", "digit 2, read as 3"]
    assert drawn(figure.axes) == 18 + 14 + 8 + 0


def test_accuracies_near_100_percent_are_drawn_apart_and_all_are_inside():
    epochs = [epoch(1, "main") | {"train_accuracy": 1.0, "held_out_accuracy": 0.99, "held_out_auxiliary_accuracy": 0.8}]
    figure = plots.training.accuracy_figure(CONFIG, metrics(epochs=epochs, selected_epoch=1))
    figure.draw_without_rendering()
    upper = figure.axes[0]
    heights = upper.transAxes.inverted().transform(upper.transData.transform([(1, 80), (1, 99), (1, 100)]))[:, 1]
    assert 0 < heights[0] < heights[1] < heights[2] <= 1
    assert heights[2] - heights[1] > 0.15  # 1 % of accuracy, more than a seventh of the axis


def test_text_is_never_cut_at_the_edge_of_a_figure():
    run, config = trajectory(), CONFIG | {"layer": LAYER}
    spikes = plots.layer.spikes_of(run, LAYER)
    for figure in (
        plots.training.accuracy_figure(config, metrics()),
        plots.layer.raster_figure(config, metrics(), run, spikes),
        plots.layer.traces_figure(config, metrics(), run, spikes),
    ):
        figure.draw_without_rendering()
        box = figure.get_tightbbox()  # inches
        assert box.x0 >= 0 and box.y0 >= 0
        assert box.x1 <= figure.get_figwidth() and box.y1 <= figure.get_figheight()


@pytest.mark.parametrize("missing", ["config.json", "metrics.json", "trajectories.h5"])
def test_a_missing_file_is_named_and_nothing_is_drawn(tmp_path, missing):
    (spiking(tmp_path) / missing).unlink()
    with pytest.raises(FileNotFoundError, match=missing) as error:
        plots.plot_run(tmp_path)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "figures").exists()


@pytest.mark.parametrize("damaged", ["config.json", "metrics.json", "trajectories.h5"])
@pytest.mark.parametrize("content", [b"", b"\xff\x00\n{", b"[1, 2]"])
def test_a_damaged_file_is_named(tmp_path, damaged, content):
    (spiking(tmp_path) / damaged).write_bytes(content)
    with pytest.raises(ValueError, match=damaged) as error:
        plots.plot_run(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"config": CONFIG | {"layer": {"rearm": 0.3}}}, "threshold must be int or float, got None"),
        ({"config": CONFIG | {"layer": LAYER | {"neural_step": 0.0}}}, "neural_step must be in"),
        ({"config": CONFIG | {"layer": LAYER | {"rearm": 0.8}}}, "rearm must be <= threshold"),
        ({"config": CONFIG | {"seed": "seven"}}, "seed must be int, got 'seven'"),
        ({"metrics": metrics(test_accuracy=None)}, "test_accuracy must be int or float, got None"),
        ({"metrics": metrics(epochs=[])}, "selected_epoch must be one of the 0 epochs, got 3"),
        ({"metrics": metrics(epochs=[{"epoch": 1, "phase": 2}])}, "phase must be str or NoneType, got 2"),
        ({"metrics": metrics(iterations=[{"iteration": 50}])}, "test_accuracy must be int or float, got None"),
        ({"metrics": metrics(selected_epoch=9)}, "selected_epoch must be one of the 4 epochs, got 9"),
        ({"metrics": metrics(recorded=None)}, "labels must be list, got None"),
        ({"metrics": metrics(recorded={"labels": [1], "predictions": [1]})}, "m must be .* for 1 labels"),
        ({"run": trajectory(TURNS[0])}, "m must be"),
    ],
)
def test_parts_that_do_not_fit_are_refused_in_one_line(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message) as error:
        plots.plot_run(spiking(tmp_path, **changes))
    assert "\n" not in str(error.value)
    assert not (tmp_path / "figures").exists()


def test_a_failed_write_leaves_no_partial_file(tmp_path):
    folder = write(tmp_path, config=CONFIG, metrics=metrics())
    (folder / "figures" / "accuracy.png").mkdir(parents=True)
    with pytest.raises(OSError, match=r"accuracy\.png"):
        plots.plot_run(folder)
    assert [path.name for path in (folder / "figures").iterdir()] == ["accuracy.png"]
