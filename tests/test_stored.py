"""Arrays that stay in their file index like the numpy arrays that they hold."""

import h5py
import numpy as np
import pytest

from shno import stored
from shno.stored import Stored

ROWS, IN_FILE = 50, 57  # the last rows in the file are not part of the array
X = np.random.default_rng(1).normal(size=(IN_FILE, 4, 3))
INDICES = [
    *[(), ..., 0, -1, 7, np.int64(3), np.s_[3:7], np.s_[::7], np.s_[::-3], np.s_[40:90:2, :, ::-1], np.s_[7:7]],
    *[np.s_[:, 0], np.s_[..., 2], np.s_[5, ..., 1], np.s_[-1, 2, 1], np.s_[[1, 5, 3]], np.arange(ROWS) % 2 == 0],
]


@pytest.fixture
def x(tmp_path, monkeypatch):
    """X[:ROWS] in a file, read two rows at a time."""
    monkeypatch.setattr(stored, "BLOCK", 2 * X[0].nbytes)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = X
    return Stored(str(tmp_path / "x.h5"), "x", (ROWS, 4, 3), X.dtype)


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_an_index_gives_what_numpy_gives(x, index):
    found, expected = x[index], X[:ROWS][index]
    assert type(found) is type(expected) and np.shape(found) == np.shape(expected) and np.array_equal(found, expected)


def test_all_of_it_is_an_array_where_numpy_wants_one(x):
    expected = X[:ROWS]
    assert np.array_equal(np.asarray(x), expected) and np.asarray(x, np.float32).dtype == np.float32
    assert np.array_equal(2 * x + 1, 2 * expected + 1) and np.array_equal(np.diff(x, axis=0), np.diff(expected, axis=0))
    assert np.array_equal(np.stack(list(x)), expected)
    assert (x.shape, x.ndim, x.size, x.nbytes, len(x)) == ((ROWS, 4, 3), 3, 600, 4800, ROWS)


def test_extremes_are_those_of_what_is_there(x):
    assert (x.min(), x.max()) == (X[:ROWS].min(), X[:ROWS].max())
    assert np.array_equal(x.max(axis=0), X[:ROWS].max(axis=0)) and np.array_equal(x.min(axis=0), X[:ROWS].min(axis=0))


@pytest.mark.parametrize("index", [ROWS, -ROWS - 1])
def test_a_row_that_is_not_there_is_an_index_error(x, index):
    with pytest.raises(IndexError):
        x[index]


def test_a_file_that_is_gone_is_told(x, tmp_path):
    (tmp_path / "x.h5").unlink()
    with pytest.raises(OSError, match=r"x\.h5"):
        x[0]
