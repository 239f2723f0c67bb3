"""A write that fails leaves the old file and nothing else."""

import os
import resource
from contextlib import contextmanager

import numpy as np
import pytest
from hdf5_helpers import GROUPS, SETTINGS, T, magnetisation, written

from shno import hdf5


@pytest.fixture
def path(tmp_path):
    return written(tmp_path / "run.h5")


@contextmanager
def full_disk():
    """No file may grow past 20 kB: a write fails in the middle, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_write_that_fails_leaves_the_old_file_and_nothing_else(path):
    before = path.read_bytes()
    big = np.zeros((len(T), 1000, 3))
    message = r"run\.h5 cannot be written: File too large\. Use a folder .* 1 MB free\.$"
    with pytest.raises(OSError, match=message), full_disk():
        hdf5.write(path, t=T, m=big, groups=GROUPS, attributes=SETTINGS)
    assert os.listdir(path.parent) == ["run.h5"]
    assert path.read_bytes() == before


def test_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        hdf5.write(tmp_path / "run.h5", t=T, m=magnetisation(), groups=GROUPS, attributes=SETTINGS)
    assert os.listdir(tmp_path) == []


def test_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    cases = {".": "not a file", "none/run.h5": "No such file or directory", "file/run.h5": "Not a directory"}
    for name, reason in cases.items():
        path = tmp_path / name
        with pytest.raises(OSError, match=reason) as caught:
            hdf5.write(path, t=T, m=magnetisation(), groups=GROUPS, attributes=SETTINGS)
        assert str(caught.value).startswith(f"{path} cannot be written: ") and "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == ["file"]


def test_link_to_a_file_is_written_through(path):
    link = path.with_name("link.h5")
    link.symlink_to(path)
    hdf5.write(link, t=T, m=magnetisation(), groups=GROUPS, attributes=SETTINGS)
    assert link.is_symlink() and hdf5.read(path)[1].shape == (40, 3)


@pytest.mark.parametrize(("t", "m"), [(T, np.zeros((39, 3))), (T, np.zeros((40, 2))), (T, np.zeros((40, 3), int))])
def test_wrong_shape_is_not_written(tmp_path, t, m):
    with pytest.raises(ValueError, match=r"t must .* and m "):
        hdf5.write(tmp_path / "run.h5", t=t, m=m, groups={}, attributes={})
    assert os.listdir(tmp_path) == []
