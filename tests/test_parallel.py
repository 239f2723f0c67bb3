"""Two processes of torchrun against one, at the same global batch; without torchrun nothing happens."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from parallel_helpers import CASES, WORDS, trained
from torch import nn

from neuromorph import parallel

HERE = Path(__file__).parent


def launched(*words, cwd):
    """torchrun with two processes; its output."""
    paths = [str(HERE.parent), str(HERE), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", *map(str, words)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The folder in which two processes worked, and what they printed."""
    folder = tmp_path_factory.mktemp("parallel")
    made = launched(HERE / "parallel_helpers.py", folder, cwd=folder)
    assert made.returncode == 0, made.stderr
    return folder, made.stdout


@pytest.mark.parametrize("name", CASES)
def test_two_processes_train_to_the_weights_of_one(two, digits, name):
    one, other = trained(name, digits.train), torch.load(two[0] / "two.pt", weights_only=True)[name]
    assert one["weights"].keys() == other["weights"].keys()
    for key, value in one["weights"].items():
        # float64; Adam divides by the size of a gradient, which makes the rounding of one that is nearly 0 larger
        assert torch.allclose(value, other["weights"][key], rtol=1e-7, atol=1e-8), key
    known = {key: value for key, value in one["record"].items() if value is not None}
    assert known == pytest.approx({key: other["record"][key] for key in known}, rel=1e-9)


def test_the_command_line_writes_and_prints_once_and_as_one_process(two, few, folder):
    from neuromorph.__main__ import main

    lines = two[1].splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == ["hybrid-relu epoch  1 (main)", "results in run"]
    assert len(lines) == 3 and lines[2].startswith("test accuracy")
    assert main(WORDS) == 0
    here, there = (json.loads((place / "run" / "metrics.json").read_text()) for place in (folder, two[0]))
    assert (here["processes"], there["processes"]) == (1, 2)
    assert there["test_loss"] == pytest.approx(here["test_loss"], rel=1e-3)  # float32, after Adam's divisions
    configs = [(place / "run" / "config.json").read_text() for place in (folder, two[0])]
    assert configs[0] == configs[1]


# ---- one process ----------------------------------------------------------------------------------------------------


def test_without_torchrun_there_is_one_process_and_nothing_changes():
    parallel.begin(torch.device("cpu"))
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    kinds = [type(module) for module in model]
    assert parallel.world() == 1 and parallel.is_first() and parallel.share(7) == slice(0, 7)
    assert parallel.joined(model) is model and [type(module) for module in model] == kinds
    model(torch.randn(5, 3)).sum().backward()
    before = [p.grad.clone() for p in model.parameters()]
    parallel.sum_gradients(model)
    assert all(torch.equal(p.grad, grad) for p, grad in zip(model.parameters(), before, strict=True))
    assert torch.equal(parallel.total(torch.ones(2)), torch.ones(2))


@pytest.mark.parametrize("world", [2, 3, 5])
@pytest.mark.parametrize("n", [5, 6, 51, 128])
def test_shares_are_all_rows_once_and_never_empty(monkeypatch, world, n):
    monkeypatch.setattr(parallel, "world", lambda: world)
    rows = []
    for rank in range(world):
        monkeypatch.setattr(parallel.distributed, "get_rank", lambda rank=rank: rank)
        share = list(range(n))[parallel.share(n)]
        assert n // world <= len(share) <= n // world + 1
        rows += share
    assert rows == list(range(n))
