import csv
import json
import shlex
import sys
from argparse import ArgumentParser
from types import SimpleNamespace

import pytest

from neuromorph import comparison, plots, runs
from neuromorph.comparison import compare

SETTINGS = {"classes": 2, "epochs": 2, "batch_size": 60}
FILES = {"comparison.json", "results.json", "results.csv", "report.md", "hybrid-relu", "figures"}


def trained(folder):
    """Two seeds of the twin, trained for two epochs."""
    return compare(folder, ["hybrid-relu"], [0, 1], **SETTINGS)


def written(config, folder, **_):
    """What a training of these models would leave: a finished run, its accuracy told by model and seed."""
    accuracy = 0.9 + 0.01 * config["seed"] + 0.05 * (config["model"] == "hybrid-relu")
    epochs = [{"epoch": k, "phase": "main", "loss": 1 / k, "seconds": 2.0 * k} for k in (1, 2)]
    epochs = [epoch | {"held_out_accuracy": 0.8 + 0.02 * epoch["epoch"], "train_accuracy": 0.85} for epoch in epochs]
    metrics = {"test_accuracy": accuracy, "selected_epoch": 2, "epochs": epochs, "spike_rate": None}
    folder.mkdir(parents=True)
    runs.write_json(folder / "config.json", {"epochs": 2} | config | {"layer": None})
    runs.write_json(folder / "metrics.json", metrics)
    return metrics


@pytest.fixture
def drawn(monkeypatch):
    """Runs are written, not trained, and only the comparison is drawn."""
    monkeypatch.setattr(runs, "run", written)
    monkeypatch.setattr(plots, "plot_run", lambda folder: [])


@pytest.fixture
def untrained(drawn, monkeypatch):
    """Neither is the comparison."""
    monkeypatch.setattr(plots, "plot_comparison", lambda folder: [])


def test_a_comparison_trains_every_seed_and_writes_what_they_found(few, tmp_path):
    seen = []
    results = compare(
        tmp_path, ["hybrid-relu"], [0, 1], on_run=lambda *run: seen.append((run[0], run[1], run[3])), **SETTINGS
    )
    assert {path.name for path in tmp_path.iterdir()} == FILES
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {"accuracies.png", "training.png"}
    assert seen == [("hybrid-relu", 0, False), ("hybrid-relu", 1, False)]
    found = [json.loads((tmp_path / f"hybrid-relu/seed-{k}/metrics.json").read_text()) for k in (0, 1)]
    accuracy = results["models"]["hybrid-relu"]["test_accuracy"]
    assert accuracy["values"] == [each["test_accuracy"] for each in found]
    assert json.loads((tmp_path / "results.json").read_text()) == results
    assert (tmp_path / "hybrid-relu/seed-0/figures/accuracy.png").is_file()


def test_finished_runs_are_taken_and_not_trained_again(few, tmp_path, monkeypatch):
    trained(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in ("results.json", "results.csv", "report.md")}
    monkeypatch.setattr(runs, "run", lambda *_, **__: pytest.fail("trained again"))
    seen = []
    compare(tmp_path, ["hybrid-relu"], [0, 1], on_run=lambda *run: seen.append(run[3]), **SETTINGS)
    assert seen == [True, True]
    assert before == {name: (tmp_path / name).read_bytes() for name in before}


def test_a_killed_comparison_goes_on_to_the_same_numbers(few, tmp_path):
    def kill(model, record, best):
        if record["epoch"] == 1:
            raise KeyboardInterrupt

    whole, killed = trained(tmp_path / "whole"), tmp_path / "killed"
    with pytest.raises(KeyboardInterrupt):
        compare(killed, ["hybrid-relu"], [0, 1], on_epoch=kill, **SETTINGS)
    assert (killed / "hybrid-relu/seed-0/last.pt").is_file()
    with pytest.raises(ValueError, match=r"out must hold no unfinished run, got .*seed-0.* --resume"):
        trained(killed)
    seen = []
    settings = SETTINGS | {"resume": True, "on_epoch": lambda model, record, best: seen.append(record["epoch"])}
    again = compare(killed, ["hybrid-relu"], [0, 1], **settings)
    assert seen == [2, 1, 2]  # the first run from where it was
    for name in ("test_accuracy", "last_loss", "selected_epoch"):
        assert again["models"]["hybrid-relu"][name] == whole["models"]["hybrid-relu"][name]


def test_results_are_means_and_deviations_over_the_seeds(untrained, tmp_path):
    results = compare(tmp_path, ["hybrid", "hybrid-relu"], [0, 1, 2])
    accuracy = results["models"]["hybrid"]["test_accuracy"]
    assert accuracy["values"] == pytest.approx([0.90, 0.91, 0.92], rel=1e-12)
    assert accuracy["mean"] == pytest.approx(0.91, rel=1e-12) and accuracy["sd"] == pytest.approx(0.01, rel=1e-12)
    model = results["models"]["hybrid-relu"]
    assert model["spike_rate"] is None and model["original"] is None
    assert model["seconds_per_epoch"]["mean"] == 3.0 and model["held_out_accuracy"]["mean"] == pytest.approx(0.84)
    assert model["first_held_out_accuracy"]["mean"] == pytest.approx(0.82)
    assert model["first_loss"]["mean"] == 1.0 and model["last_loss"]["mean"] == 0.5


def test_the_original_counts_where_images_and_classes_are_its_own(untrained, tmp_path):
    four = compare(tmp_path / "4", ["hybrid"], [0], dataset="digits", classes=4)
    ten = compare(tmp_path / "10", ["hybrid"], [0], dataset="digits", classes=10)
    assert four["models"]["hybrid"]["original"]["comparable"] is True
    assert ten["models"]["hybrid"]["original"]["comparable"] is False


def test_the_csv_has_a_line_a_run(untrained, tmp_path):
    compare(tmp_path, ["hybrid", "hybrid-relu"], [0, 3])
    with (tmp_path / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["model"], row["seed"]) for row in rows] == [
        (model, seed) for model in ("hybrid", "hybrid-relu") for seed in "03"
    ]
    assert float(rows[1]["test_accuracy"]) == pytest.approx(0.93) and rows[0]["spike_rate"] == ""


def test_seeds_and_models_can_join_later(untrained, tmp_path):
    compare(tmp_path, ["hybrid"], [0])
    seen = []
    results = compare(tmp_path, ["hybrid", "hybrid-relu"], [0, 1], on_run=lambda *run: seen.append(run[3]))
    assert seen == [True, False, False, False] and set(results["models"]) == {"hybrid", "hybrid-relu"}


def test_what_is_not_chosen_is_left_to_the_run(tmp_path, monkeypatch):
    configs = []
    for name in ("plot_run", "plot_comparison"):
        monkeypatch.setattr(plots, name, lambda folder: [])
    monkeypatch.setattr(runs, "run", lambda config, folder, **_: configs.append(config) or written(config, folder))
    compare(tmp_path, ["hybrid"], [5], recipe="original")
    assert configs[0].items() >= {"model": "hybrid", "seed": 5, "recipe": "original", "classes": 10}.items()
    assert not {"epochs", "batch_size"} & configs[0].keys()


def test_an_evaluation_brings_the_energy(drawn, tmp_path):
    def evaluate(folder):
        joules = {"oscillators": 1e-9, "digital": 2e-9, "memory": 1.0}
        assumptions = [{"name": "an addition", "value": 1e-13, "unit": "J", "source": "..."}]
        runs.write_json(folder / "evaluation.json", {"energy_J": joules, "assumptions": assumptions})

    results = compare(tmp_path, ["hybrid"], [0, 1], evaluate=evaluate)
    assert results["models"]["hybrid"]["energy"]["mean"] == pytest.approx(3e-9)
    assert results["energy_assumptions"].endswith("memory traffic left out; constants: an addition 1e-13 J.")
    assert (tmp_path / "figures/energy.png").is_file() and "`hybrid` 3 nJ. Oscillators" in (
        tmp_path / "report.md"
    ).read_text()


BAD = [
    ({"models": ["hybird"]}, r"models must be one of hybrid, .*, got 'hybird'. Did you mean 'hybrid'\?"),
    ({"models": []}, "models must be"),
    ({"models": ["hybrid", "hybrid"]}, "models must be different"),
    ({"seeds": []}, "seeds must be"),
    ({"seeds": [1, 1]}, "seeds must be different"),
]


@pytest.mark.parametrize(("change", "text"), BAD)
def test_a_bad_call_writes_nothing(tmp_path, change, text):
    call = {"models": ["hybrid"], "seeds": [0]} | change
    with pytest.raises(ValueError, match=text):
        compare(tmp_path / "out", call["models"], call["seeds"])
    assert not list(tmp_path.iterdir())


def test_other_settings_in_the_same_folder_are_refused(untrained, tmp_path):
    compare(tmp_path, ["hybrid"], [0])
    with pytest.raises(ValueError, match=r"out must be a new folder or one of the same settings"):
        compare(tmp_path, ["hybrid"], [0], epochs=3)
    (tmp_path / "comparison.json").unlink()
    with pytest.raises(ValueError, match=r"out must hold runs of these settings, got .* with classes 10 instead of 4"):
        compare(tmp_path, ["hybrid"], [0], classes=4)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(OSError, match="out must be a folder that can be written to"):
        compare(tmp_path / "file" / "out", ["hybrid"], [0])


def test_the_command_line_ends_with_the_table_and_can_be_repeated(untrained, tmp_path, monkeypatch):
    evaluated = []
    evaluation = SimpleNamespace(evaluate_run=lambda folder, **given: evaluated.append((folder, given)))
    monkeypatch.setitem(sys.modules, "neuromorph.evaluation", evaluation)
    parser = ArgumentParser()
    comparison.add_arguments(parser.add_subparsers())
    out = str(tmp_path / "a b")
    words = ["compare", "--models", "hybrid", "hybrid-relu", "--seeds", "2", "--epochs", "3", "--out", out]
    arguments, lines = parser.parse_args(words), []
    arguments.command(arguments, say=lines.append)
    assert lines[0] == "hybrid seed 0: test accuracy 90.00%" and lines[-1] == f"results in {out}"
    assert lines[-2].splitlines()[2].startswith("| `hybrid` | 90.50 ± 0.71 |")
    assert len(evaluated) == 4 and evaluated[0][1]["out"] == evaluated[0][0] / "evaluation.json"
    repeated = comparison.command_of(arguments)
    assert repeated.startswith("neuromorph compare --models hybrid hybrid-relu --dataset digits --classes 10 --seeds 2")
    assert vars(parser.parse_args(shlex.split(repeated)[1:])) == vars(arguments)
    with pytest.raises(ValueError, match="seeds must be at least 1, got 0"):
        comparison.run(parser.parse_args(["compare", "--seeds", "0"]))


def test_plotting_a_comparison_again_gives_the_same_figures(drawn, tmp_path):
    compare(tmp_path, ["hybrid", "hybrid-relu"], [0, 1])
    before = {path: path.read_bytes() for path in (tmp_path / "figures").iterdir()}
    assert set(plots.plot(tmp_path)) == set(before)
    assert {path: path.read_bytes() for path in before} == before
    (tmp_path / "results.json").write_text('{"dataset": "digits"}')
    with pytest.raises(ValueError, match=r"results\.json: classes must be int, got None"):
        plots.plot(tmp_path)
