"""Fixtures that several test files use."""

import pytest


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def few_digits():
    """A few hundred images of the digits 0 and 1: 180 to train on, 20 held out, 80 to test."""
    import torch

    from neuromorph import datasets

    whole = datasets.load("digits", classes=2)
    train, test = whole.train[torch.arange(0, 2000, 10)], whole.test[torch.arange(0, 800, 10)]
    return datasets.Dataset("digits", 2, train, test)


@pytest.fixture(scope="session")
def digits():
    """`few_digits`, read once."""
    return few_digits()


@pytest.fixture
def few(digits, monkeypatch):
    """Every run reads these images."""
    from neuromorph import runs

    monkeypatch.setattr(runs, "load", lambda name, *, data_dir, classes: digits)
    return digits


@pytest.fixture
def complaint(capsys, folder):
    """A function that runs a command of `shno` that must fail, and gives back its one line; nothing may stay behind."""
    from shno.__main__ import main

    def run(*words):
        before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        assert main([str(word) for word in words]) == 2
        output = capsys.readouterr()
        assert output.out == "" and output.err.startswith("shno: ") and output.err.count("\n") == 1
        assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
        return output.err

    return run
