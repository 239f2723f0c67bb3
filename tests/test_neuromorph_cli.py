import json
import subprocess
import sys

import pytest
import torch

import shno
from neuromorph import plots, runs
from neuromorph.__main__ import main

HYBRID = ("train", "hybrid", "--classes", "2", "--epochs", "1", "--batch-size", "18", "--seed", "3")
TWIN = ("train", "hybrid-relu", "--classes", "2", "--epochs", "1", "--batch-size", "18")


@pytest.fixture
def complaint(capsys, folder):
    """A function that runs a command that must fail, and gives back its one line; nothing may stay behind."""

    def run(*words):
        before = sorted(folder.rglob("*"))
        assert main([str(word) for word in words]) == 2
        output = capsys.readouterr()
        assert output.out == "" and output.err.startswith("neuromorph: ") and output.err.count("\n") == 1
        assert sorted(folder.rglob("*")) == before
        return output.err

    return run


def test_a_training_of_the_hybrid_leaves_a_whole_folder_and_ends_with_both_accuracies(few, folder, capsys):
    assert main([*HYBRID, "--out", "runs/one"]) == 0
    output = capsys.readouterr()
    assert output.err == ""  # quiet in a pipe: no bar
    run = folder / "runs" / "one"
    own = {"config.json", "metrics.json", "metrics.csv", "checkpoint.pt", "last.pt"}
    own |= {"activity.npz", "figures", "figures/accuracy.png"}
    drawn = {f"figures/{name}.png" for name in ("raster", "traces", "hidden", "membranes")}
    spiking = {"trajectories.h5"} | drawn
    names = {str(path.relative_to(run)) for path in run.rglob("*")}
    twin = {f"twin/{name}" for name in own}
    assert own | spiking | {"twin"} <= names <= own | spiking | {"twin"} | twin  # and nothing half-written
    assert {f"twin/{name}" for name in ("config.json", "metrics.json", "checkpoint.pt")} <= names

    metrics, config = (json.loads((run / f"{name}.json").read_text()) for name in ("metrics", "config"))
    given = {"model": "hybrid", "dataset": "digits", "data_dir": None, "classes": 2, "epochs": 1, "batch_size": 18}
    assert (given | {"seed": 3}).items() <= config.items()
    assert shno.load(run / "trajectories.h5").m.shape[1:] == (2, 60, 3)
    assert torch.load(run / "checkpoint.pt", weights_only=True)["config"]["seed"] == 3
    for path in (run / "figures").iterdir():
        assert path.read_bytes().startswith(b"\x89PNG\r\n")

    lines = output.out.splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == ["hybrid epoch  1 (main)", "hybrid-relu epoch  1 (main)"]
    assert lines[2] == "results in runs/one"
    assert lines[3].startswith(f"spike rate {metrics['spike_rate']:.1%}, dead neurons {metrics['dead']:.1%}")
    accuracies = f"{metrics['test_accuracy']:.2%}   (ReLU twin {metrics['twin_test_accuracy']:.2%})"
    assert lines[4:] == [f"test accuracy {accuracies}"]


def test_a_training_of_the_twin_alone_needs_no_oscillators(few, folder, capsys):
    assert main([*TWIN, "--out", "run"]) == 0
    output = capsys.readouterr()
    assert output.err == "" and "spike rate" not in output.out and "ReLU twin" not in output.out
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    expected = (
        "config.json",
        "metrics.json",
        "metrics.csv",
        "checkpoint.pt",
        "last.pt",
        "activity.npz",
        "figures/accuracy.png",
    )
    assert names == {f"run/{name}" for name in expected}
    (folder / "run" / "figures" / "accuracy.png").unlink()
    assert main(["plot", "run"]) == 0  # draws it again
    assert capsys.readouterr().out.split() == ["run/figures/accuracy.png"]
    assert (folder / "run" / "figures" / "accuracy.png").is_file()


def test_without_twin_means_without(few, folder, capsys, monkeypatch):
    monkeypatch.setattr(runs, "run_with_twin", lambda *_, **__: pytest.fail("a twin was trained"))
    monkeypatch.setattr(plots, "plot_run", lambda folder: [])
    assert main([*TWIN, "--no-twin"]) == 0
    assert "results in runs/hybrid-relu" in capsys.readouterr().out  # the default folder
    assert not (folder / "runs" / "latest" / "twin").exists()


def test_a_bar_moves_on_a_terminal(few, folder, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(plots, "plot_run", lambda folder: [])
    assert main([*TWIN, "--out", "run"]) == 0
    output = capsys.readouterr()
    assert "images" in output.err and "hybrid-relu epoch  1" in output.out


DATA = [
    (("--dataset", "letters"), "dataset must be one of digits, mnist, fashion-mnist, folder, n-mnist, got 'letters'"),
    (("--dataset", "mnist", "--data-dir", "/nowhere"), "data_dir must be an existing folder, got '/nowhere'"),
    (("--dataset", "mnist"), "data_dir must be a folder for mnist, got None"),
    (("--data-dir", "/nowhere"), "data_dir must be an existing folder, got '/nowhere'"),
    (("--classes", "11"), "classes must be in [2, 10], got 11"),
]


@pytest.mark.parametrize(("words", "text"), DATA)
def test_bad_data_is_one_line(complaint, words, text):
    assert text in complaint(*TWIN, "--out", "run", *words)


WORDS = [
    (("train", "hybird"), "got 'hybird'. Did you mean 'hybrid'?"),
    (("train", "temporal"), "got 'temporal'. Did you mean 'temporal-snn'?"),
    ((*TWIN, "--recipe", "orignal"), "got 'orignal'. Did you mean 'original'?"),
    ((*TWIN, "--encoding", "latncy"), "got 'latncy'. Did you mean 'latency'?"),
    ((*TWIN, "--device", "gpu"), "device must be one of auto, cpu, cuda, mps, got 'gpu'"),
    ((*TWIN, "--classes", "1"), "classes must be in [2, 2147483648], got 1"),
    ((*TWIN, "--epochs", "0"), "epochs must be in [1, 2147483648], got 0"),
    ((*TWIN, "--epochs", "ten"), "'ten'"),
    ((*TWIN, "--batch-size", "1"), "batch_size must be in [2, 2147483648], got 1"),
    ((*TWIN, "--steps", "0"), "steps must be in [1, 2147483648], got 0"),
    ((*TWIN, "--patience", "0"), "patience must be in [1, 2147483648], got 0"),
    ((*TWIN, "--seed", "0.5"), "'0.5'"),
    ((*TWIN, "--seed", "-1"), "seed must be in [0, 4294967295], got -1"),
    ((*TWIN, "--temperature", "nan"), "temperature must be in [0, 2000] K, got nan"),
    ((*TWIN, "--spread", "2"), "spread must be in [0, 0.5], got 2.0"),
    ((*TWIN, "--temperature", "300"), "settings of oscillators must be for hybrid and hybrid-csnn, got noise"),
    ((*TWIN, "--resume"), "out must hold a run to resume, got 'runs/hybrid-relu' without config.json"),
    ((*TWIN, "--config", "none.toml"), "config must be a .toml file or a run's config.json, got 'none.toml'"),
    ((*TWIN, "--epoch", "1", "--oscillators", "4"), "--oscillators"),
    (("train",), "model must be given, or a config with one"),
    ((), "required: command"),
    (("fly",), "invalid choice: 'fly'"),
    (("plot",), "required: folder"),
]


@pytest.mark.parametrize(("words", "text"), WORDS)
def test_words_that_make_no_call_are_one_line(few, complaint, words, text):
    assert text in complaint(*words)


@pytest.mark.parametrize("out", ["file", "file/run", "file/deep/run"])
def test_a_folder_that_cannot_be_written_is_one_line_before_training(few, complaint, folder, monkeypatch, out):
    (folder / "file").write_text("kept")
    monkeypatch.setattr(runs, "fit", lambda *_, **__: pytest.fail("training began"))
    assert f"out must be a folder that can be written to, got '{out}'" in complaint(*TWIN, "--out", out)
    assert (folder / "file").read_text() == "kept"


def test_plot_of_no_run_is_one_line(complaint, folder):
    assert "config.json must be a file that training wrote" in complaint("plot", "/nowhere")
    (folder / "empty").mkdir()
    assert "config.json must be a file that training wrote" in complaint("plot", "empty")


def test_a_failed_solve_is_one_line(few, complaint, monkeypatch):
    def fail(*_, **__):
        raise shno.IntegrationError("m left\nthe sphere")

    monkeypatch.setattr(runs, "run_with_twin", fail)
    assert complaint(*HYBRID, "--out", "run") == "neuromorph: m left the sphere\n"


def test_an_interrupt_is_one_line_and_130(few, folder, capsys, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "fit", interrupt)
    assert main([*HYBRID, "--out", "run"]) == 130
    assert capsys.readouterr().err == "neuromorph: interrupted\n"
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["config.json"]


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["plot", "--help"]])
def test_help_imports_nothing_heavy(words):
    heavy = {"torch", "numba", "matplotlib", "scipy", "numpy", "h5py", "tqdm", "torchvision"}
    script = f"import sys; from neuromorph.__main__ import main; assert main({words}) == 0; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    text, modules = result.stdout.rstrip("\n").rsplit("\n", 1)
    assert not heavy & set(modules.split())
    assert text.startswith("usage: neuromorph") and result.stderr == ""


def test_help_names_the_commands_and_every_model(capsys):
    assert main(["train", "--help"]) == 0
    from neuromorph import models

    text = capsys.readouterr().out
    assert all(name in text for name in models.NAMES)
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in ("train", "plot"))
