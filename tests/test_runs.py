import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import shno
from neuromorph import configuration, models, plots, runs, training
from neuromorph.datasets import Dataset, Split

CONFIG = {
    "model": "hybrid",
    "dataset": "digits",
    "data_dir": None,
    "classes": 2,
    "epochs": 1,
    "batch_size": 18,
    "seed": 3,
}
TWIN = CONFIG | {"model": "hybrid-relu", "epochs": 2}


@pytest.fixture(scope="module")
def trained(digits, tmp_path_factory):
    """Folder and metrics of a hybrid trained for an epoch, its twin beside it."""
    folder = tmp_path_factory.mktemp("runs") / "deep" / "hybrid"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "load", lambda name, *, data_dir, classes: digits)
        return folder, runs.run_with_twin(CONFIG, folder)


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())


def read(path):
    return json.loads(path.read_text())


def rebuilt(folder):
    """The model of a run's folder, from its checkpoint alone."""
    return runs.load_run(folder / "checkpoint.pt")[0]


def read_config(config):
    """What config.json holds of a run of these choices."""
    return configuration.resolved(config) | {"layer": None}


def timeless(metrics):
    """Metrics without the seconds of each epoch."""
    epochs = [{name: value for name, value in epoch.items() if name != "seconds"} for epoch in metrics["epochs"]]
    return metrics | {"epochs": epochs}


def test_a_run_writes_its_files_and_nothing_half_written(trained):
    folder, _ = trained
    own = ["activity.npz", "checkpoint.pt", "config.json", "last.pt", "metrics.csv", "metrics.json"]
    assert files(folder) == sorted([*own, "trajectories.h5", *(f"twin/{name}" for name in own)])


def test_config_is_enough_to_repeat_the_run(trained):
    folder, _ = trained
    config = read(folder / "config.json")
    assert CONFIG.items() <= config.items()
    layer = models.build("hybrid", classes=2).neurons.layer
    for name, value in config["layer"].items():
        if name == "oscillator":
            assert shno.preset(value) == layer.oscillator
        else:
            attribute = {"reset": "reset_mode"}.get(name, name)  # `reset` is a method
            assert value == (repr(layer.surrogate) if name == "surrogate" else getattr(layer, attribute))
    for name in ("threshold", "rearm", "neural_step", "n_steps", "dt"):
        assert name in config["layer"]
    assert read(folder / "twin" / "config.json")["model"] == "hybrid-relu"


def test_metrics_hold_what_a_run_promises(trained):
    folder, metrics = trained
    stored = read(folder / "metrics.json")
    assert stored == metrics
    assert stored["test_accuracy"] * 80 == pytest.approx(round(stored["test_accuracy"] * 80), abs=1e-9)  # of 80 images
    assert stored["twin_test_accuracy"] == read(folder / "twin" / "metrics.json")["test_accuracy"]
    assert stored["selected_epoch"] == 1 and len(stored["epochs"]) == CONFIG["epochs"]
    names = {"loss", "auxiliary_loss", "held_out_loss", "train_accuracy", "held_out_accuracy", "spike_rate", "seconds"}
    for epoch in stored["epochs"]:
        assert names | {"epoch", "phase", "held_out_auxiliary_accuracy", "dead", "saturated"} == epoch.keys()
        assert all(np.isfinite(epoch[name]) for name in names)
    for name in ("spike_rate", "dead", "saturated", "test_auxiliary_accuracy"):
        assert 0 <= stored[name] <= 1
    assert stored["spike_rate"] > 0


def test_the_twin_has_no_spikes_and_no_trajectories(trained):
    folder, _ = trained
    twin = read(folder / "twin" / "metrics.json")
    assert twin["spike_rate"] is twin["dead"] is twin["saturated"] is twin["twin_test_accuracy"] is None
    assert all(epoch["spike_rate"] is None for epoch in twin["epochs"])
    assert twin["recorded"] is None and read(folder / "twin" / "config.json")["layer"] is None


def test_checkpoint_gives_the_test_accuracy_again(trained, digits):
    folder, metrics = trained
    tested = training.evaluate(rebuilt(folder), digits.test)
    assert tested["accuracy"] == metrics["test_accuracy"]  # exact: the same weights and arithmetic
    assert {name: tested[name] for name in ("spike_rate", "dead", "saturated")} == {
        name: metrics[name] for name in ("spike_rate", "dead", "saturated")
    }
    twin = training.evaluate(rebuilt(folder / "twin"), digits.test)
    assert twin["accuracy"] == metrics["twin_test_accuracy"]


def test_trajectories_are_of_the_first_test_image_of_each_class(trained, digits):
    folder, metrics = trained
    run = shno.load(folder / "trajectories.h5")
    assert metrics["recorded"]["labels"] == [0, 1]
    first = torch.stack([digits.test.images[digits.test.labels == label][0] for label in (0, 1)])
    model = rebuilt(folder).eval()
    with torch.no_grad():
        prediction = model(first)
    assert metrics["recorded"]["predictions"] == prediction.logits.argmax(1).tolist()
    assert run.m.shape == (len(run.t), 2, 60, 3) and run.t[-1] == pytest.approx(15 * 0.5e-9, rel=1e-12)
    layer = model.neurons.layer
    times = shno.analysis.spike_times(run, threshold=layer.threshold, rearm=layer.rearm)
    edges = layer.neural_step * np.arange(16)
    spikes = np.stack([np.histogram(each, edges)[0] > 0 for each in times], axis=1).reshape(15, 2, 60)
    assert np.array_equal(spikes, prediction.spikes["neurons"].numpy())  # the file shows the spikes that were judged


def test_trajectories_open_with_xarray_alone(trained):
    xarray = pytest.importorskip("xarray")
    folder, _ = trained
    run = shno.load(folder / "trajectories.h5")
    with xarray.open_dataset(folder / "trajectories.h5", engine="h5netcdf") as file:
        assert file["m"].shape == run.m.shape and np.array_equal(file["m"], run.m)
        assert np.array_equal(file["time"], run.t) and file["time"].attrs["units"] == "s"


def test_figures_can_be_drawn_from_the_folder(trained, tmp_path):
    folder = shutil.copytree(trained[0], tmp_path / "copy")
    drawn = ["accuracy", "raster", "traces", "hidden", "membranes"]
    assert [path.stem for path in plots.plot_run(folder)] == drawn
    assert [path.name for path in plots.plot_run(folder / "twin")] == ["accuracy.png"]


def test_a_seed_repeats_a_run_and_another_does_not(few, tmp_path):
    one = runs.run(TWIN, tmp_path / "one")
    torch.manual_seed(99)
    two = runs.run(TWIN, tmp_path / "two")
    other = runs.run(TWIN | {"seed": 4}, tmp_path / "other")
    assert timeless(one) == timeless(two) != timeless(other)
    first, second = (rebuilt(tmp_path / name).state_dict() for name in ("one", "two"))
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_test_images_decide_nothing(digits, few, monkeypatch, tmp_path):
    one = runs.run(TWIN, tmp_path / "one")
    swapped = Dataset("digits", 2, digits.train, Split(digits.test.images, 1 - digits.test.labels))
    monkeypatch.setattr(runs, "load", lambda name, *, data_dir, classes: swapped)
    two = runs.run(TWIN, tmp_path / "two")
    assert timeless(one)["epochs"] == timeless(two)["epochs"] and one["selected_epoch"] == two["selected_epoch"]
    first, second = (rebuilt(tmp_path / name).state_dict() for name in ("one", "two"))
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert one["test_accuracy"] > 0.9 and two["test_accuracy"] == pytest.approx(1 - one["test_accuracy"], abs=1e-12)


def test_test_images_are_looked_at_once_and_held_out_images_are_no_training_images(few, monkeypatch, tmp_path):
    seen, trained_on = [], []
    evaluate, train_epoch = training.evaluate, training.train_epoch

    def watched(model, split, **settings):
        seen.append(split)
        return evaluate(model, split, **settings)

    def watched_epoch(model, split, *arguments, **settings):
        trained_on.append(split)
        return train_epoch(model, split, *arguments, **settings)

    for module in (runs, training):
        monkeypatch.setattr(module, "evaluate", watched)
    monkeypatch.setattr(training, "train_epoch", watched_epoch)
    runs.run(TWIN, tmp_path)
    assert [split is few.test for split in seen] == [False, False, True]  # after the last epoch
    held_out, trained = seen[0], trained_on[0]
    assert len(held_out) + len(trained) == len(few.train)
    both = torch.cat([held_out.images, trained.images]).flatten(1)
    assert torch.equal(both.unique(dim=0), few.train.images.flatten(1).unique(dim=0))  # no image twice, none left out


def test_progress_is_reported_by_batch_and_by_epoch(few, tmp_path):
    images, epochs = [], []
    runs.run_with_twin(
        CONFIG | {"model": "hybrid-relu"},
        tmp_path,
        on_batch=lambda *done: images.append(done),
        on_epoch=lambda model, record, best: epochs.append((model, record["epoch"], best)),
    )
    assert images[-1] == (180, 180) and epochs == [("hybrid-relu", 1, True)]  # a tenth of the 200 is held out
    assert not (tmp_path / "twin").exists()  # it is the twin


@pytest.mark.parametrize("below", ["file", "file/run"])
def test_a_folder_that_cannot_be_made_is_one_line_before_training(few, monkeypatch, tmp_path, below):
    (tmp_path / "file").write_text("kept")
    monkeypatch.setattr(runs, "fit", lambda *_, **__: pytest.fail("training began"))
    with pytest.raises(OSError, match="out must be a folder that can be written to") as caught:
        runs.run(TWIN, tmp_path / below)
    assert "\n" not in str(caught.value) and str(tmp_path / below) in str(caught.value)
    assert (tmp_path / "file").read_text() == "kept" and files(tmp_path) == ["file"]


@pytest.mark.parametrize("wrong", [{"dataset": "letters"}, {"classes": 1}, {"dataset": "mnist"}, {"model": "hybird"}])
def test_bad_choices_are_found_before_anything_is_written(wrong, tmp_path):
    with pytest.raises((ValueError, OSError)):
        runs.run(CONFIG | wrong, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_interrupted_run_leaves_no_result_and_nothing_half_written(few, tmp_path):
    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runs.run(TWIN, tmp_path, on_epoch=stop)
    assert files(tmp_path) == ["config.json", "last.pt", "metrics.csv"]


@pytest.mark.parametrize("config", [TWIN, CONFIG], ids=lambda config: config["model"])
def test_a_killed_run_that_is_resumed_ends_with_the_same_bits(few, config, tmp_path):
    """Weights, optimiser, dropout and shuffling go on where they were: the same operations in the same order."""

    def stop(model, record, best):
        if record["epoch"] == 1:
            raise KeyboardInterrupt

    config = config | {"epochs": 3}
    whole = runs.run(config, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        runs.run(config, tmp_path / "killed", on_epoch=stop)
    resumed = runs.run(config, tmp_path / "killed", resume=True)
    one, other = (torch.load(tmp_path / name / "last.pt", weights_only=True)["model"] for name in ("whole", "killed"))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert [epoch["epoch"] for epoch in resumed["epochs"]] == [1, 2, 3]
    assert resumed["test_accuracy"] == whole["test_accuracy"] and resumed["selected_epoch"] == whole["selected_epoch"]


def test_resume_before_the_first_state_starts_anew_and_a_damaged_state_is_one_clear_line(few, tmp_path):
    runs.prepare(tmp_path, read_config(TWIN), resume=False)  # killed in its first epoch, while it wrote
    (tmp_path / ".last.pt.1.part").write_bytes(b"half")
    runs.run(TWIN, tmp_path, resume=True)
    assert ".last.pt.1.part" not in files(tmp_path)
    (tmp_path / "last.pt").write_bytes(b"not a state")
    with pytest.raises(ValueError, match=r"^.*last.pt must be the state of a run, got \w+\. Train without --resume\.$"):
        runs.run(TWIN, tmp_path, resume=True)


def test_the_state_of_another_model_is_not_resumed(few, tmp_path):
    runs.run(TWIN | {"model": "ann"}, tmp_path / "ann")
    runs.prepare(tmp_path / "twin", read_config(TWIN), resume=False)
    (tmp_path / "twin" / "last.pt").write_bytes((tmp_path / "ann" / "last.pt").read_bytes())
    with pytest.raises(
        ValueError, match=r"^last.pt must be the state of a training of this model, got another's"
    ) as error:
        runs.run(TWIN, tmp_path / "twin", resume=True)
    assert "\n" not in str(error.value)


def test_nothing_to_resume_is_one_clear_line(few, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"out must hold a run to resume, got .* without config.json"):
        runs.run(TWIN, tmp_path / "new", resume=True)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("existing", [None, "old"])
def test_a_write_that_fails_leaves_the_old_file_and_no_part(tmp_path, existing):
    path = tmp_path / "metrics.json"
    if existing:
        path.write_text(existing)

    def fail(beside):
        beside.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        runs.write_beside(path, fail)
    assert files(tmp_path) == (["metrics.json"] if existing else [])
    assert not existing or path.read_text() == existing
