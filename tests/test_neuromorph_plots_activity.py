import json

import numpy as np
import pytest
from activity_helpers import CONFIG, METRICS, Network, split
from matplotlib.image import imread

from neuromorph import plots
from neuromorph.plots import activity, files
from neuromorph.record import record_activity

ABOUT = "temporal-snn, seed 7. "


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run's folder with activity.npz."""
    folder = tmp_path_factory.mktemp("run")
    record_activity(Network(), split(), 3, folder / "activity.npz")
    for name, content in (("config", CONFIG), ("metrics", METRICS)):
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def arrays(folder):
    return files.read_activity(folder / "activity.npz")


def spikes_in(ax):
    """(x, y) of every tick of a raster."""
    return [point for line in ax.lines if line.get_gid() == "spikes" for point in zip(*line.get_data(), strict=True)]


def test_a_run_with_activity_gets_its_figures_small_and_not_blank(folder):
    paths = plots.plot_run(folder)
    assert [path.stem for path in paths] == ["accuracy", "output", "hidden", "membranes", "encoding"]
    for path in paths:
        assert path.stat().st_size < 200e3
        assert imread(path).std() > 0.02


def test_the_output_raster_holds_every_spike_of_the_misread_image_and_shades_its_class(arrays):
    wrong = int(np.flatnonzero(arrays["labels"] != arrays["predictions"])[0])
    figure = activity.output_figure(CONFIG, arrays, ABOUT)
    picture, raster, counts = figure.axes
    steps, neurons = np.nonzero(arrays["spikes_1"][:, wrong])
    assert sorted(spikes_in(raster)) == sorted(zip(steps, neurons, strict=True))
    shade = next(patch for patch in raster.patches if patch.get_label().startswith("true class"))
    label = arrays["labels"][wrong]
    assert (shade.get_y(), shade.get_height()) == (label - 0.5, 1)
    assert [bar.get_width() for bar in counts.patches] == list(arrays["spikes_1"][:, wrong].sum(0))
    assert picture.get_title() == f"digit {label}, read as {arrays['predictions'][wrong]}"
    np.testing.assert_array_equal(picture.images[0].get_array(), arrays["images"][wrong])


def test_the_first_image_is_shown_where_none_is_misread(arrays):
    figure = activity.output_figure(CONFIG, arrays | {"predictions": arrays["labels"]}, ABOUT)
    assert figure.axes[0].get_title() == "digit 0, read as 0"
    assert len(figure.axes[1].patches) == 1  # the true class alone


def test_hidden_rasters_hold_every_spike_kept_and_say_how_many_of_how_many(arrays):
    figure = activity.hidden_figure(CONFIG, arrays, ABOUT, [0])
    rasters, rates = figure.axes[:3], figure.axes[3:]
    for image, (raster, rate) in enumerate(zip(rasters, rates, strict=True)):
        steps, neurons = np.nonzero(arrays["spikes_0"][:, image])
        assert sorted(spikes_in(raster)) == sorted(zip(steps, neurons, strict=True))
        values = rate.patches[0].get_data().values
        np.testing.assert_allclose(values, arrays["spikes_0"][:, image].mean(1), rtol=1e-12)
    assert rasters[0].get_ylabel() == "hidden\nneuron (256 of 4 x 9 x 9)"


def test_membranes_stand_beside_their_threshold_and_spikes(arrays):
    figure = activity.membranes_figure(CONFIG, arrays, ABOUT)
    busiest = figure.axes[0]
    trace, threshold, spikes = busiest.lines
    np.testing.assert_array_equal(trace.get_ydata(), arrays["membranes_0"][:, 0, 0])
    assert threshold.get_ydata()[0] == 1.0
    np.testing.assert_array_equal(spikes.get_xdata(), np.flatnonzero(arrays["spikes_of_traced_0"][:, 0, 0]))
    assert any(ax.get_ylabel() == "$V$ (1)" for ax in figure.axes)


def test_a_magnetisation_is_called_one(arrays):
    figure = activity.membranes_figure(CONFIG, arrays | {"quantities": np.array(["m_y", "m_y"])}, ABOUT)
    assert any(ax.get_ylabel() == "$m_y$" for ax in figure.axes)


def test_the_heat_map_is_the_mean_rate_and_the_raster_goes_from_dark_to_bright(arrays):
    figure = activity.encoding_figure(CONFIG, arrays, ABOUT)
    heats = [ax for ax in figure.axes if ax.images and ax.images[0].get_cmap().name == "viridis"]
    assert len(heats) == 3
    for image, heat in enumerate(heats):
        np.testing.assert_allclose(heat.images[0].get_array(), arrays["encoded"][:, image].mean(0), rtol=1e-12)
    pixels = activity.inked(arrays["images"][0])
    greys = arrays["images"][0].ravel()[pixels].astype(int)
    assert len(pixels) == activity.PIXELS and (np.diff(greys) >= 0).all() and greys[0] > 0
    raster = next(ax for ax in figure.axes if ax.get_ylabel() == "Grey of the pixel")
    steps, rows = np.nonzero(arrays["encoded"][:, 0].reshape(12, -1)[:, pixels])
    assert sorted(spikes_in(raster)) == sorted(zip(steps, rows, strict=True))


def test_an_image_without_ink_is_drawn_too():
    assert len(activity.inked(np.zeros((28, 28), np.uint8))) == activity.PIXELS


def test_only_what_the_file_holds_is_drawn(arrays):
    without = {name: array for name, array in arrays.items() if name != "encoded" and "membranes" not in name}
    assert set(activity.figures(CONFIG, METRICS, without)) == {"output", "hidden"}
    wide = without | {"shapes": np.array(["4 x 9 x 9", "60"])}  # the last layer has no neuron a class
    assert set(activity.figures(CONFIG, METRICS, wide)) == {"hidden"}


def test_classes_that_are_no_digits_are_not_called_digits(arrays):
    figure = activity.output_figure(CONFIG | {"dataset": "fashion-mnist"}, arrays, ABOUT)
    assert figure.axes[0].get_title().startswith("class ")
    assert figure.axes[1].get_ylabel() == "Output neuron (class)"


def test_text_is_never_cut_at_the_edge(arrays):
    for name, figure in activity.figures(CONFIG, METRICS, arrays).items():
        figure.draw_without_rendering()
        box = figure.get_tightbbox()  # inches
        assert box.x0 >= 0 and box.y0 >= 0, name
        assert box.x1 <= figure.get_figwidth() and box.y1 <= figure.get_figheight(), name
