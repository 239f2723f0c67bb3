import numpy as np
import pytest
from matplotlib.image import imread
from results_helpers import FRACTIONS, courses, results, run

from neuromorph import plots
from neuromorph.comparison import summary
from neuromorph.plots import fields, models

STDP = {"neurons": 12, "steps": 50, "epochs": 1, "seed": 3, "images": 90, "labelled": 10, "tested": 40, "classes": 4}
STDP |= {"dataset": "digits", "test_accuracy": 0.8, "untrained": 0.3, "untrained_at_rest": 0.25}


def learnt():
    """Arrays of stdp.npz: neuron k has a large weight at pixel 30 k and is of class (3 - k) mod 4; one silent."""
    weights = np.full((784, 12), 0.01)
    weights[30 * np.arange(12), np.arange(12)] = 1.0
    assigned = (3 - np.arange(12)) % 4
    assigned[5] = -1
    return {"weights": weights, "untrained_weights": np.full((784, 12), 0.05), "assigned": assigned}


def with_energy():
    content = results()
    for k, model in enumerate(content["models"].values()):
        model["energy"] = summary([1e-9 * 10**k] * 3)
    return content


def all_figures():
    content = with_energy()
    figures = models.comparison_figures(content, courses(content))
    figures["fields"] = fields.fields_figure(STDP, learnt())
    return figures


def test_every_figure_is_small_not_blank_and_no_text_is_cut(tmp_path):
    figures = all_figures()
    assert set(figures) == {"accuracies", "training", "iterations", "energy", "fields"}
    for path in plots.save(figures, tmp_path):
        assert path.stat().st_size < 200e3
        assert imread(path).std() > 0.02
    for name, figure in figures.items():
        box = figure.get_tightbbox()  # inches
        assert box.x0 >= 0 and box.y0 >= 0, name
        assert box.x1 <= figure.get_figwidth() and box.y1 <= figure.get_figheight(), name


def test_bars_end_at_the_mean_and_every_seed_is_a_point():
    ax = models.accuracies_figure(results()).axes[0]
    ends = [bar.get_x() + bar.get_width() for bar in ax.patches]
    np.testing.assert_allclose(ends, [100 * np.mean(each) for each in FRACTIONS.values()], rtol=1e-12)
    seeds = [line.get_xdata() for line in ax.lines if line.get_gid() == "seeds"]
    np.testing.assert_allclose(seeds, [100 * np.array(each) for each in FRACTIONS.values()], rtol=1e-12)
    assert [label.get_text() for label in ax.get_yticklabels()] == list(FRACTIONS)
    texts = [text.get_text() for text in ax.texts]
    assert texts[0] == "97.10 ± 0.10 %"  # 97.0, 97.2, 97.1: by hand


def test_an_original_of_other_images_is_hollow():
    marks = [line for line in models.accuracies_figure(results()).axes[0].lines if line.get_gid() == "original"]
    found = {line.get_xdata()[0]: line.get_markerfacecolor() for line in marks}
    assert found == {98.0: models.VERMILION, 98.8: "white"}


def test_one_seed_has_no_spread_and_no_figure_fails_on_it():
    content = results(seeds=1)
    figures = models.comparison_figures(content, courses(content))
    assert set(figures) == {"accuracies", "training", "iterations"}
    assert figures["accuracies"].axes[0].texts[0].get_text() == "97.00 %"


def test_training_curves_are_means_over_the_seeds():
    content = results()
    left, right = models.training_figure(content, courses(content)).axes
    assert [line.get_label() for line in left.lines] == list(FRACTIONS)
    np.testing.assert_allclose(left.lines[0].get_ydata(), 1 / np.arange(1, 6) + 0.1, rtol=1e-12)  # seeds 0, 1, 2
    last = 100 * (np.mean(FRACTIONS["csnn"]) - 0.002 - 0.01)
    assert right.lines[3].get_ydata()[-1] == pytest.approx(last, rel=1e-12)


def test_every_model_has_its_own_line_and_marker():
    """Told apart where colours are grey."""
    styles = models.LINES
    assert len({marker for _, _, marker in styles}) == len(styles) >= 9
    assert len({str(line) for _, line, _ in styles}) >= len(styles) - 1


def test_runs_of_unequal_length_are_cut_to_the_shortest():
    content = results(seeds=2)
    uneven = courses(content)
    uneven["ann"][1]["epochs"] = uneven["ann"][1]["epochs"][:3]
    line = models.training_figure(content, uneven).axes[0].lines[2]
    assert list(line.get_xdata()) == [1, 2, 3]


def test_energy_stands_in_nanojoule_under_its_accuracy():
    ax = models.energy_figure(with_energy()).axes[0]
    found = [(each.lines[0].get_xdata()[0], each.lines[0].get_ydata()[0]) for each in ax.containers]
    np.testing.assert_allclose([x for x, _ in found], [1, 10, 100, 1000], rtol=1e-12)
    np.testing.assert_allclose([y for _, y in found], [100 * np.mean(each) for each in FRACTIONS.values()], rtol=1e-12)
    assert ax.get_xlabel() == "Energy of one image (nJ)"


def test_receptive_fields_are_ordered_by_class_and_named():
    after = fields.fields_figure(STDP, learnt()).axes[0]
    assert [text.get_text() for text in after.texts] == ["-", *"000", *"111", *"22", *"333"]
    sheet = np.asarray(after.images[0].get_array())
    row, column = divmod(30 * 5, 28)  # the silent neuron is number 5, and comes first
    assert sheet[row, column] == 1.0 and sheet[0, 0] == 0.01


def test_names_of_models_at_one_place_do_not_cover_each_other():
    content = with_energy()
    for model in content["models"].values():
        model["energy"], model["test_accuracy"] = summary([3e-9]), summary([0.98])
    figure = models.energy_figure(content)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) == 4
    assert not any(one.overlaps(other) for k, one in enumerate(boxes) for other in boxes[:k])
    inside = figure.axes[0].get_window_extent()
    assert all(box.x0 > inside.x0 and box.x1 < inside.x1 for box in boxes)


def test_a_run_of_the_helper_has_every_column():
    from neuromorph.comparison import COLUMNS

    assert set(COLUMNS) < set(run(0, 0.9))
