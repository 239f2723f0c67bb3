import numpy as np
import pytest
import torch
from PIL import Image

from neuromorph import images, prediction, runs
from neuromorph.__main__ import main
from neuromorph.models import Prediction, build
from neuromorph.prediction import figure_paths, predict_run
from neuromorph.prediction_plots import prediction_figure

CONFIG = {"model": "hybrid", "dataset": "digits", "classes": 2, "steps": None}


@pytest.fixture
def stored(monkeypatch, folder):
    """The model that `load_run` gives, and its config, which a test may change."""
    torch.manual_seed(0)
    model, config = build("hybrid", classes=2).eval(), dict(CONFIG)
    model.class_names = ["zero", "one"]
    monkeypatch.setattr(runs, "load_run", lambda path: (model, config), raising=False)
    return model, config


def draw(path, *, ground=0, size=28):
    """An image of a bar on a dark or bright ground."""
    pixels = np.full((size, size), ground, np.uint8)
    pixels[size // 4 : 3 * size // 4, size // 2 - size // 10 : size // 2 + size // 10] = 255 - ground
    Image.fromarray(pixels).save(path)
    return str(path)


class Blind(torch.nn.Module):
    """Remembers what it was shown; class 1 has logit ln 3."""

    def __init__(self, spikes=None):
        super().__init__()
        self.weight, self.shown = torch.nn.Parameter(torch.zeros(1)), []
        self.class_names = ["cat", "dog"]
        self.spikes = {} if spikes is None else spikes

    def forward(self, images, numbers=None, record=False):
        self.shown.append((images, numbers))
        return Prediction(torch.log(torch.tensor([[1.0, 3.0]])), None, self.spikes, {})


@pytest.fixture
def blind(monkeypatch, folder):
    model, config = Blind(), dict(CONFIG)
    monkeypatch.setattr(runs, "load_run", lambda path: (model, config), raising=False)
    return model, config


def test_an_answer_is_the_network_s_for_that_image_alone(stored, folder):
    model, _ = stored
    a, b = draw(folder / "a.png"), draw(folder / "b.png", size=200)
    answers = predict_run("run", [a, b])
    with torch.no_grad():
        expected = model(images.read_image(b)[None] / 255).logits[0].double().softmax(0)
    assert answers[1].confidences == pytest.approx(expected.tolist())
    assert answers[1].label == expected.argmax() and answers[1].confidence == max(answers[1].confidences)
    assert predict_run("run", [b])[0] == answers[1] and answers[1].figure is None


def test_confidence_is_the_softmax_and_each_image_the_first_presentation(blind, folder):
    model, _ = blind
    answers = predict_run("run", [draw(folder / "a.png"), draw(folder / "b.png")])
    assert [answer.confidences for answer in answers] == [pytest.approx([0.25, 0.75])] * 2
    assert answers[0][1:4] == (1, "dog", pytest.approx(0.75))
    assert [numbers.tolist() for _, numbers in model.shown] == [[0], [0]]


@pytest.mark.parametrize(
    ("dataset", "ground", "invert", "inverted"),
    [
        ("digits", 255, "auto", True),
        ("digits", 0, "auto", False),
        ("folder", 255, "auto", False),
        ("folder", 255, "yes", True),
        ("mnist", 255, "no", False),
        ("fashion-mnist", 0, "yes", True),
    ],
)
def test_dark_ink_is_turned_for_networks_that_know_light_ink_only(blind, folder, dataset, ground, invert, inverted):
    model, config = blind
    config["dataset"] = dataset
    (answer,) = predict_run("run", [draw(folder / "a.png", ground=ground)], invert=invert)
    assert answer.inverted == inverted
    shown = model.shown[0][0][0]
    edge = 255 - ground if inverted else ground
    assert shown[0, 0] * 255 == edge and shown[14, 14] * 255 == 255 - edge


def test_the_command_says_a_line_and_draws_a_figure_an_image(stored, folder, capsys):
    (folder / "more").mkdir()
    names = [draw(folder / "a.png"), draw(folder / "more" / "a.png", ground=255, size=64)]
    assert main(["predict", "run", *names, "--out", "drawn", "--device", "cpu"]) == 0
    output = capsys.readouterr()
    answers = predict_run("run", names)
    files = ["drawn/a.png", "drawn/a-2.png"]
    assert output.err == ""
    assert output.out.splitlines() == [
        f"{names[0]}: {answers[0].name} ({answers[0].confidence:.1%})   {files[0]}",
        f"{names[1]}: {answers[1].name} ({answers[1].confidence:.1%}, inverted)   {files[1]}",
    ]
    assert sorted(str(path.relative_to(folder)) for path in (folder / "drawn").iterdir()) == sorted(files)
    assert all((folder / file).read_bytes().startswith(b"\x89PNG\r\n") for file in files)


def test_event_files_are_for_networks_of_events(blind, folder):
    model, config = blind
    (folder / "a.bin").write_bytes(bytes([10, 20, 0x80, 0, 5, 11, 20, 0, 1, 5]))
    with pytest.raises(ValueError, match=r"a\.bin must be an image for a network that was trained on images"):
        predict_run("run", ["a.bin"])
    config |= {"dataset": "n-mnist", "steps": 4}
    (answer,) = predict_run("run", ["a.bin"], out="drawn")
    shown = model.shown[0][0]
    assert shown.shape == (1, 4, 28, 28) and shown.nonzero().tolist() == [[0, 0, 17, 7], [0, 3, 17, 8]]
    assert answer.figure == "drawn/a.png"


def test_figures_of_one_name_do_not_overwrite_each_other():
    names = [path.name for path in figure_paths(["a.png", "b/a.jpg", "a-2.png", "c/a.bmp"], "out")]
    assert len(set(names)) == 4 and names[:2] == ["a.png", "a-2.png"]
    assert figure_paths(["a.png"], None) == [None]


@pytest.mark.parametrize("name", ["missing", "corrupt", "directory"])
def test_a_bad_image_is_one_line_and_nothing_is_written(stored, folder, capsys, name):
    good = draw(folder / "good.png")
    (folder / "corrupt.png").write_bytes(b"\x89PNG\r\n\x1a\n of no use")
    (folder / "directory.png").mkdir()
    before = sorted(folder.rglob("*"))
    assert main(["predict", "run", good, f"{name}.png"]) == 2
    output = capsys.readouterr()
    assert output.out == "" and output.err.count("\n") == 1 and f"{name}.png" in output.err
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("run",), "required: image"),
        (("run", "a.png", "--invert", "maybe"), "invert must be one of auto, yes, no, got 'maybe'"),
        (("run", "a.png", "--device", "tpu"), "device must be one of"),
        (("run", "a.png", "--out", "file"), "file"),
    ],
)
def test_what_cannot_be_is_one_line(stored, folder, capsys, words, text):
    draw(folder / "a.png")
    (folder / "file").write_text("kept")
    assert main(["predict", *words]) == 2
    output = capsys.readouterr()
    assert output.out == "" and output.err.count("\n") == 1 and text in output.err
    assert (folder / "file").read_text() == "kept"


# ---- the figure -----------------------------------------------------------------------------------------------------


def drawn(spikes, classes=3):
    confidences = np.eye(classes)[1] * 0.7 + 0.3 / classes
    names = [f"class {k}" for k in range(classes)]
    return prediction_figure(np.zeros((28, 28)), spikes, confidences, names, about="about")


def test_a_raster_holds_each_spike_and_shades_the_answer_where_neurons_are_classes():
    spikes = (np.random.default_rng(1).random((12, 3)) < 0.3).astype(float)
    figure = drawn(spikes)
    raster = figure.axes[1]
    (marks,) = [line for line in raster.lines if line.get_gid() == "spikes"]
    found = sorted(zip(*marks.get_data(), strict=True))
    assert found == sorted((step + 1, neuron) for step, neuron in zip(*np.nonzero(spikes), strict=True))
    (shade,) = [patch for patch in raster.patches if patch.get_gid() == "answer"]
    assert (shade.get_y(), shade.get_height()) == (0.5, 1)
    assert figure.axes[0].get_title() == "class 1, 80.0%"


def test_other_neurons_are_not_taken_for_classes_and_without_spikes_there_is_no_raster():
    assert [patch.get_gid() for patch in drawn(np.ones((5, 60))).axes[1].patches] == []
    figure = drawn(None)
    assert len(figure.axes) == 2
    heights = [bar.get_width() for bar in figure.axes[1].patches]
    assert heights == pytest.approx([10, 80, 10])
    assert prediction.EVENTS == ".bin"
