import json

import numpy as np
import pytest
from activity_helpers import CONFIG, METRICS
from matplotlib.image import imread

from neuromorph import plots
from neuromorph.__main__ import main
from neuromorph.plots import evaluation

POINTS = [{"x": x, "mean": 0.98 - 0.0001 * x, "sd": 0.002, "worst": 0.97 - 0.0001 * x} for x in (0, 150, 300)]
PANELS = {
    "Temperature (K)": {"trained at 0 K": POINTS, "trained at 300 K": POINTS[::-1]},
    "Spread of the parameters (%)": {"trained at 0 K": POINTS[:2]},
}
COUNTS = np.array([[5, 2, 0], [0, 7, 0], [1, 0, 6]])
NAMES = ["zero", "one", "two"]


def condition(temperature, spread, mean):
    """One of `neuromorph evaluate`."""
    sd = 0.002 if spread else None
    return {"temperature": temperature, "spread": spread, "chips": 20, "mean": mean, "sd": sd, "worst": mean - 0.01}


GRID = [condition(T, s, 0.98 - T / 3e4 - s / 4) for T in (300.0, 0, 150) for s in (0, 0.1)]


def write(folder, *, conditions=GRID, config=CONFIG, **changes):
    """A run's folder with an evaluation."""
    folder.mkdir(exist_ok=True)
    result = {"model": "hybrid", "dataset": "digits", "confusion": COUNTS.tolist(), "class_names": NAMES}
    result |= {"conditions": conditions} | changes
    for name, content in (("config", config), ("metrics", METRICS), ("evaluation", result)):
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def test_a_run_that_was_evaluated_gets_confusion_and_conditions(tmp_path):
    paths = plots.plot_run(write(tmp_path))
    assert [path.stem for path in paths] == ["accuracy", "confusion", "conditions"]
    for path in paths:
        assert path.stat().st_size < 200e3
        assert imread(path).std() > 0.02
    assert [path.stem for path in plots.plot_run(write(tmp_path, conditions=[]))] == ["accuracy", "confusion"]


def test_text_is_never_cut_at_the_edge():
    panels = evaluation.panels_of({"trained at 0 K, no spread": GRID, "trained at 300 K, spread 10 %": GRID})
    many = evaluation.confusion_figure(np.eye(10, dtype=int) * 95, "hybrid, seed 0. ")
    drawn = (many, evaluation.confusion_figure(COUNTS, "", names=NAMES), evaluation.conditions_figure(panels, ""))
    for figure in drawn:
        figure.draw_without_rendering()
        box = figure.get_tightbbox()  # inches
        assert box.x0 >= 0 and box.y0 >= 0
        assert box.x1 <= figure.get_figwidth() and box.y1 <= figure.get_figheight()


def test_the_confusion_matrix_has_true_classes_as_rows():
    ax = evaluation.confusion_figure(COUNTS, "").axes[0]
    cells = {text.get_position(): text.get_text() for text in ax.texts}
    assert cells == {(0, 0): "5", (1, 0): "2", (1, 1): "7", (0, 2): "1", (2, 2): "6"}  # (column, row)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Read as", "True class")
    assert "21 images, 85.71 % right" in evaluation.confusion_figure(COUNTS, "").get_supxlabel()


def test_conditions_show_mean_deviation_and_worst_chip():
    figure = evaluation.conditions_figure(PANELS, "")
    ax = figure.axes[0]
    assert ax.get_xlabel() == "Temperature (K)" and figure.axes[1].get_xlabel() == "Spread of the parameters (%)"
    line, _, (bars,) = ax.containers[0].lines
    np.testing.assert_allclose(line.get_ydata(), [98, 96.5, 95], rtol=1e-12)
    np.testing.assert_allclose(bars.get_segments()[0][:, 1], [97.8, 98.2], rtol=1e-12)
    worst = next(line for line in ax.lines if line.get_gid() == "worst")
    np.testing.assert_allclose(worst.get_ydata(), [97, 95.5, 94], rtol=1e-12)


def test_a_condition_without_chips_is_a_line_alone():
    points = [{"x": x, "mean": 0.9, "sd": None, "worst": None} for x in (0, 300)]
    figure = evaluation.conditions_figure({"Temperature (K)": {"hybrid": points}}, "")
    figure.draw_without_rendering()
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), [90, 90])


def test_panels_hold_what_varies_at_none_and_at_the_largest_of_the_other():
    panels = evaluation.panels_of({"trained": GRID})
    assert list(panels) == ["Temperature (K)", "Spread of the constants (%)"]
    warm = panels["Temperature (K)"]
    assert list(warm) == ["trained; spread 0%", "trained; spread 10%"]
    assert [point["x"] for point in warm["trained; spread 0%"]] == [0, 150, 300]
    apart = panels["Spread of the constants (%)"]["trained; 300 K"]
    assert [(point["x"], point["mean"]) for point in apart] == [(0, pytest.approx(0.97)), (10, pytest.approx(0.945))]


def test_what_does_not_vary_has_no_panel():
    alone = [condition(T, 0, 0.9) for T in (0, 300)]
    assert list(evaluation.panels_of({"trained": alone})) == ["Temperature (K)"]
    assert list(evaluation.panels_of({"trained": alone})["Temperature (K)"]) == ["trained"]
    assert evaluation.panels_of({"trained": alone[:1]}) == {}


def test_runs_with_and_without_variability_are_drawn_beside_each_other(tmp_path):
    plain = write(tmp_path / "plain")
    aware = write(tmp_path / "aware", config=CONFIG | {"temperature": 300.0, "spread": 0.1})
    path = plots.plot_conditions([plain, aware], tmp_path / "both.png")
    assert path.stat().st_size < 200e3 and imread(path).std() > 0.02
    assert evaluation.trained(CONFIG | {"temperature": 300.0, "spread": 0.1}) == "trained at 300 K, spread 10 %"
    assert evaluation.trained(CONFIG) == "trained at 0 K, no spread"
    with pytest.raises(ValueError, match="folders must be differently trained runs"):
        plots.plot_conditions([plain, plain], tmp_path / "both.png")


def test_the_command_line_draws_several_folders_and_their_conditions_together(tmp_path, capsys):
    plain = write(tmp_path / "plain")
    aware = write(tmp_path / "aware", config=CONFIG | {"spread": 0.1})
    assert main(["plot", str(plain), str(aware), "--conditions", str(tmp_path / "both.png")]) == 0
    paths = capsys.readouterr().out.split()
    assert len(paths) == 7 and paths[-1] == str(tmp_path / "both.png")
    assert main(["plot", str(plain), "--conditions", str(tmp_path / "both.txt")]) == 2
    assert "file name ending in .png" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"confusion": [[1, 2]]}, "confusion must be counts, a row for each of 3 classes"),
        ({"confusion": [[1, 2, "x"]] * 3}, "confusion must be counts"),
        ({"class_names": None}, "class_names must be list"),
        ({"conditions": [{"temperature": 0}]}, "spread must be int or float"),
    ],
)
def test_an_evaluation_that_does_not_fit_is_one_line(tmp_path, changes, text):
    with pytest.raises(ValueError, match=rf"evaluation\.json: {text}") as error:
        plots.plot_run(write(tmp_path, **changes))
    assert "\n" not in str(error.value)
