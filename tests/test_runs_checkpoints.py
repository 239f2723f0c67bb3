"""Checkpoints of every model, and what is said of files that are none."""

import json
import pickle

import pytest
import torch

from neuromorph import configuration, models, plots, runs, tensorboard, training
from neuromorph.__main__ import main

SMALL = {"classes": 2, "epochs": 1, "batch_size": 60, "seed": 3}
STEPS = {"ann": 1, "single-step-snn": 1, "csnn": 3, "temporal-snn": 6, "poisson-snn": 6}


@pytest.mark.parametrize("name", models.NAMES)
def test_a_checkpoint_of_every_model_gives_its_test_accuracy_again(few, tmp_path, name):
    settings = {"layer": {"neural_step": 0.1e-9}} if name in ("hybrid", "hybrid-csnn") else {}
    metrics = runs.run({"model": name, "steps": STEPS.get(name, 4), **SMALL, **settings}, tmp_path)
    model, config = runs.load_run(tmp_path)
    assert not model.training and model.name == name
    assert config == json.loads((tmp_path / "config.json").read_text()) | {"layer": config["layer"]}
    again = training.evaluate(model, few.test)
    assert again["accuracy"] == metrics["test_accuracy"]  # exact: the same weights and arithmetic
    assert again["spike_rates"] == metrics["spike_rates"]
    assert (metrics["spike_rates"] == {}) == (name in ("ann", "hybrid-relu"))
    assert (tmp_path / "trajectories.h5").exists() == (name in ("hybrid", "hybrid-csnn"))
    header, *rows = (tmp_path / "metrics.csv").read_text().splitlines()
    assert len(rows) == 1 and header.split(",") == list(metrics["epochs"][0])
    assert bool(metrics["iterations"]) == (name == "csnn" and len(few.train) / 60 > 50)


@pytest.mark.parametrize("name", ["hybrid-lif", "hybrid"])
def test_the_config_of_a_run_repeats_it_to_the_same_bytes(few, folder, capsys, monkeypatch, name):
    monkeypatch.setattr(plots, "plot_run", lambda folder: [])
    flags = ("--classes", "2", "--epochs", "2", "--batch-size", "60", "--encoding", "bernoulli", "--steps", "3")
    assert main(["train", name, *flags, "--seed", "5", "--no-twin", "--out", "one"]) == 0
    assert main(["train", "--config", "one/config.json", "--no-twin", "--out", "two"]) == 0
    assert main(["train", name, "--config", "one", "--seed", "6", "--no-twin", "--out", "three"]) == 0
    one, two, three = ((folder / name / "checkpoint.pt").read_bytes() for name in ("one", "two", "three"))
    assert one == two != three
    assert (folder / "one" / "config.json").read_text() == (folder / "two" / "config.json").read_text()
    assert json.loads((folder / "three" / "config.json").read_text())["seed"] == 6
    capsys.readouterr()


def test_a_run_of_a_version_with_fewer_choices_is_resumed(few, tmp_path):
    config = {"model": "hybrid-relu", **SMALL}
    runs.run(config, tmp_path)
    path = tmp_path / "config.json"
    written = path.read_text()
    older = {name: x for name, x in json.loads(written).items() if name != "precision"}
    path.write_text(json.dumps(older))
    runs.run(config, tmp_path, resume=True)
    assert path.read_text() == written
    path.write_text(json.dumps(older | {"precision": "bfloat16"}))
    with pytest.raises(ValueError, match="of another run"):
        runs.run(config, tmp_path, resume=True)


def test_a_checkpoint_knows_the_names_of_its_classes(few, tmp_path):
    runs.run({"model": "ann", **SMALL}, tmp_path)
    names = runs.load_run(tmp_path)[0].class_names
    assert names == list(few.class_names[:2])
    path = tmp_path / "checkpoint.pt"
    stored = torch.load(path, weights_only=True)
    torch.save(stored | {"class_names": None}, path)
    assert runs.load_run(tmp_path)[0].class_names == ["0", "1"]
    assert "class_names must be 2 texts" in complaint(stored | {"class_names": ["one"]}, path)


def test_settings_of_the_layer_come_from_a_file(few, folder, capsys, monkeypatch):
    monkeypatch.setattr(plots, "plot_run", lambda folder: [])
    (folder / "run.toml").write_text(
        'model = "hybrid"\nclasses = 2\nepochs = 1\nsteps = 3\n[layer]\nreset = "hard"\ndt = 1e-12\n'
    )
    assert main(["train", "--config", "run.toml", "--no-twin", "--out", "run"]) == 0
    layer = models.layer_of(runs.load_run(folder / "run")[0])
    assert (layer.reset_mode, layer.dt, layer.n_steps) == ("hard", 1e-12, 3)
    capsys.readouterr()


def complaint(content, path):
    """The one line with which a file of such content is refused."""
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(ValueError, match="checkpoint") as caught:
        runs.load_run(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    return str(caught.value)


def test_a_foreign_or_damaged_checkpoint_is_one_line(few, tmp_path):
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(FileNotFoundError, match=r"checkpoint must be a run's folder or its checkpoint\.pt"):
        runs.load_run(tmp_path)
    runs.run({"model": "ann", **SMALL}, tmp_path)
    whole = path.read_bytes()
    stored = torch.load(path, weights_only=True)
    for cut in (0, 10, len(whole) // 2, len(whole) - 10):
        assert "must be a checkpoint" in complaint(whole[:cut], path)
    assert "something else" in complaint({"state": torch.zeros(3)}, path)
    assert "something else" in complaint([1, 2], path)
    assert "of another model" in complaint(stored | {"config": stored["config"] | {"model": "csnn"}}, path)
    assert "of another model" in complaint(stored | {"config": {"model": "none"}}, path)
    assert "of another model" in complaint(stored | {"config": {}}, path)
    assert "of another model" in complaint(stored | {"config": stored["config"] | {"classes": 4}}, path)


class Crafted:
    def __reduce__(self):
        return exec, ("raise SystemExit('code in the file ran')",)


def test_a_crafted_checkpoint_runs_no_code(tmp_path):
    text = complaint({"config": Crafted(), "model": {}}, tmp_path / "checkpoint.pt")
    assert "must be a checkpoint" in text
    assert "must be a checkpoint" in complaint(pickle.dumps(Crafted()), tmp_path / "checkpoint.pt")


def test_tensorboard_has_every_number_of_every_epoch_and_says_where_it_is_missing(few, folder, capsys, monkeypatch):
    pytest.importorskip("tensorboard")
    words = ["train", "ann", "--epochs", "2", "--classes", "2", "--tensorboard", "--out"]
    assert main([*words, "run"]) == 0
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "run" / "tensorboard")).Reload()
    metrics = json.loads((folder / "run" / "metrics.json").read_text())
    found = [each.value for each in events.Scalars("ann/loss")]
    assert found == pytest.approx([epoch["loss"] for epoch in metrics["epochs"]], rel=1e-6)  # kept as float32
    monkeypatch.setattr(tensorboard, "find_spec", lambda name: None)
    capsys.readouterr()
    assert main([*words, "other"]) == 2
    assert "--tensorboard needs the extra tensorboard: pip install" in capsys.readouterr().err
    assert not (folder / "other").exists()


def test_a_config_that_is_resolved_is_what_the_file_says(few, tmp_path):
    runs.run({"model": "hybrid-relu", **SMALL}, tmp_path)
    stored = json.loads((tmp_path / "config.json").read_text())
    assert configuration.resolved(stored) | {"layer": None} == stored
