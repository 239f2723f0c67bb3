import json
import subprocess
import sys

import pytest
import torch

from neuromorph import datasets, evaluation, metrics, runs
from neuromorph.__main__ import main
from neuromorph.evaluation import energy_text, evaluate_run, lines
from neuromorph.models import build

CONFIG = {"dataset": "digits", "data_dir": None, "classes": 2}


@pytest.fixture
def stored(digits, monkeypatch, folder):
    """Checkpoints of any model by their name: what `load_run` gives; and the data of every run."""

    def load_run(path):
        if path not in ("hybrid", "hybrid-relu"):
            raise ValueError(f"checkpoint must be a run, got '{path}'. Train first.")
        torch.manual_seed(0)
        return build(path, classes=2).eval(), CONFIG | {"model": path}

    asked = []

    def load(name, **choices):
        asked.append({"name": name, **choices})
        return datasets.Dataset(name, 2, digits.train, digits.test, ("zero", "one"))

    monkeypatch.setattr(runs, "load_run", load_run, raising=False)
    monkeypatch.setattr(datasets, "load", load)
    return asked


@pytest.fixture
def complaint(capsys, folder, stored):
    """A function that runs a command that must fail, and gives back its one line; nothing may stay behind."""

    def run(*words):
        assert main([str(word) for word in words]) == 2
        output = capsys.readouterr()
        assert output.out == "" and output.err.startswith("neuromorph: ") and output.err.count("\n") == 1
        assert list(folder.iterdir()) == []
        return output.err

    return run


def test_a_result_is_what_one_pass_over_the_test_images_counts(stored, digits):
    result = evaluate_run("hybrid", batch_size=32)
    torch.manual_seed(0)
    model = build("hybrid", classes=2)
    work = metrics.workload(model, digits.test)
    assert result["accuracy"] == work.accuracy == runs.evaluate(model, digits.test)["accuracy"]
    assert result["confusion"] == work.confusion.tolist() and result["images"] == len(digits.test)
    assert result["synaptic_operations"] == work.synaptic_operations._asdict()
    assert result["firing"] == work.total._asdict() and list(result["layers"]) == list(work.firing)
    assert result["footprint_bytes"] == metrics.footprint(model)
    energy = result["energy_J"]
    assert 0 < energy["oscillators"] < energy["digital"] < energy["dense"] and energy["memory"] > 0
    assert result["class_names"] == ["zero", "one"] and result["conditions"] == []
    assert stored == [{"name": "digits", "data_dir": None, "classes": 2, "steps": None}]


def test_other_data_are_taken_where_they_are_asked_for(stored):
    assert evaluate_run("hybrid-relu", dataset="mnist", data_dir="there")["dataset"] == "mnist"
    evaluate_run("hybrid-relu", data_dir="moved")
    assert [(each["name"], each["data_dir"]) for each in stored] == [("mnist", "there"), ("digits", "moved")]


def test_the_command_tells_and_writes_the_same(stored, folder, capsys):
    words = ("--temperature-K", "77", "--spread", "0.02", "--chips", "2", "--batch-size", "40", "--seed", "3")
    assert main(["evaluate", "hybrid", *words, "--device", "cpu", "--out", "all.json"]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    result = json.loads((folder / "all.json").read_text())
    assert [path.name for path in folder.iterdir()] == ["all.json"]  # and nothing half-written
    again = evaluate_run("hybrid", batch_size=40, temperatures=[77.0], spreads=[0.02], chips=2, seed=3)
    assert result == json.loads(json.dumps(again))
    assert output.out.splitlines() == lines(result)
    conditions = [(each["temperature"], each["spread"], each["chips"]) for each in result["conditions"]]
    assert conditions == [(0, 0, 1), (0, 0.02, 2), (77, 0, 1), (77, 0.02, 2)]


def test_the_lines_hold_the_numbers_and_what_they_rest_on(stored, capsys):
    assert main(["evaluate", "hybrid"]) == 0
    text = capsys.readouterr().out
    result = evaluate_run("hybrid")
    assert text.splitlines()[-1].startswith(f"test accuracy {result['accuracy']:.2%}   (auxiliary head ")
    for each in result["assumptions"]:
        assert f"assumed: {each['name']} {each['value']:.3g} {each['unit']} ({each['source']})" in text
    assert all(limit in text for limit in (*result["limits"], result["bound"], "Horowitz", "beta-tungsten"))
    (a, b), (c, d) = result["confusion"]
    rows = [line.split() for line in text.splitlines()[2:4]]
    assert rows == [["zero", *(str(n or ".") for n in (a, b))], ["one", *(str(n or ".") for n in (c, d))]]


def test_a_network_without_spikes_is_told_without_them(stored, capsys):
    assert main(["evaluate", "hybrid-relu"]) == 0
    text = capsys.readouterr().out
    assert "spike" not in text and "oscillators" not in text and "activation sparsity" in text


def test_chips_alone_mean_a_tenth(stored, monkeypatch):
    asked = {}
    monkeypatch.setattr(evaluation, "evaluate_run", lambda checkpoint, **choices: asked.update(choices))
    monkeypatch.setattr(evaluation, "lines", lambda result: [])
    for words, expected in (
        ((), ([], 20)),
        (("--chips", "5"), ([0.1], 5)),
        (("--spread", "0.05", "0.1"), ([0.05, 0.1], 20)),
    ):
        assert main(["evaluate", "hybrid", *words]) == 0
        assert (asked["spreads"], asked["chips"]) == expected


def test_energies_have_prefixes():
    values = (2.3e-7, 1.13e-6, 1e-3, 2.0, 1.5e-13, 3e-17, 0.0)
    assert [energy_text(each) for each in values] == [
        "230 nJ", "1.13 uJ", "1 mJ", "2 J", "150 fJ", "0.03 fJ", "0 fJ",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("nothing",), "checkpoint must be a run, got 'nothing'"),
        (("hybrid-relu", "--spread", "0.1"), "model must have oscillators to be warm or to differ"),
        (("hybrid-relu", "--temperature-K", "300"), "model must have oscillators"),
        (("hybrid", "--temperature-K", "-5"), "temperature must be in [0, 100000] K, got -5"),
        (("hybrid", "--spread", "0.1", "--chips", "1"), "chips must be at least 2, got 1"),
        (("hybrid-relu", "--batch-size", "0"), "batch_size must be at least 1, got 0"),
        (("hybrid-relu", "--out", "absent/all.json"), "out must be a file in a folder that exists"),
        (("hybrid-relu", "--device", "cud"), "device must be one of auto, cpu, cuda, mps"),
        (("hybrid-relu", "--batch-size", "many"), "invalid int value: 'many'"),
        ((), "required: checkpoint"),
    ],
)
def test_what_cannot_be_is_one_line(complaint, words, text):
    assert text in complaint("evaluate", *words)


def test_a_device_that_is_not_there_is_one_line(complaint, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "device must be one that this machine has, got 'cuda'" in complaint(
        "evaluate", "hybrid-relu", "--device", "cuda"
    )


def test_unknown_data_are_one_line(folder, monkeypatch, capsys):
    found = (build("hybrid-relu", classes=2), CONFIG | {"model": "hybrid-relu"})
    monkeypatch.setattr(runs, "load_run", lambda path: found, raising=False)
    assert main(["evaluate", "run", "--dataset", "fashon-mnist", "--data-dir", "."]) == 2
    assert "Did you mean 'fashion-mnist'?" in capsys.readouterr().err


def test_a_trained_run_is_evaluated_to_the_accuracy_that_it_was_tested_with(few, folder, monkeypatch, capsys):
    monkeypatch.setattr(datasets, "load", lambda name, **choices: few)
    assert main(["train", "poisson-snn", "--classes", "2", "--epochs", "1", "--steps", "10", "--out", "run"]) == 0
    tested = json.loads((folder / "run" / "metrics.json").read_text())
    for path in ("run", "run/checkpoint.pt"):
        result = evaluate_run(path, batch_size=7)
        assert result["accuracy"] == tested["test_accuracy"]  # whatever the batch size: each image has its own trains
        assert result["firing"]["spike_rate"] == pytest.approx(tested["spike_rate"], rel=1e-12)
    capsys.readouterr()
    (folder / "foreign.pt").write_bytes(b"no checkpoint")
    for path in ("foreign.pt", "absent.pt"):
        for command in (("evaluate", path), ("predict", path, "a.png")):
            assert main(list(command)) == 2
            output = capsys.readouterr()
            assert output.out == "" and output.err.count("\n") == 1 and path in output.err


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_help_imports_nothing_heavy(command):
    script = f"import sys; from neuromorph.__main__ import main; main(['{command}', '--help']); print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    text, modules = result.stdout.rstrip("\n").rsplit("\n", 1)
    assert not {"torch", "numba", "matplotlib", "numpy", "PIL", "tqdm"} & set(modules.split())
    assert text.startswith(f"usage: neuromorph {command}") and result.stderr == ""
