import pickle
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from shno import Drive, Sampled


@pytest.mark.parametrize("name", ["I", "J", "a_DL"])
def test_one_current_is_given(name):
    drive = Drive(**{name: -2.5}, B_ext=(0.1, 0.2, 0.3))
    assert drive.current == (name, -2.5) and drive.B_ext.tolist() == [0.1, 0.2, 0.3]
    assert Drive(**{name: 0.0}).current == (name, 0.0)  # zero is given, too
    assert Drive(**{name: 0.0}).B_ext.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("given", "got"),
    [
        ({}, "none of them"),
        ({"I": 1e-3, "J": 1e11}, "I and J"),
        ({"J": 0.0, "a_DL": 0.0}, "J and a_DL"),
        ({"I": 0.0, "J": 0.0, "a_DL": 0.0}, "I and J and a_DL"),
        ({"I": Sampled([1.0], 1e-9), "J": 1e11}, "I and J"),
    ],
)
def test_exactly_one_current_is_given(given, got):
    with pytest.raises(
        TypeError, match=rf"^Drive must be given exactly one of I \(A\), J \(A/m\^2\), a_DL \(T\), got {got}\. "
    ):
        Drive(**given)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_are_refused(bad):
    for name in ("I", "J", "a_DL"):
        with pytest.raises(ValueError, match=rf"^{name} must be finite, got {bad} at index 1 of 2"):
            Drive(**{name: [0.0, bad]})
    with pytest.raises(ValueError, match=rf"^B_ext must be finite, got {bad} at index 2 of 3"):
        Drive(I=0.0, B_ext=(0, 0, bad))
    with pytest.raises(ValueError, match=rf"^values must be finite, got {bad} at index 1 of 2"):
        Sampled([0.0, bad], 1e-9)


def test_a_wrong_kind_is_refused():
    for given in ({"I": "1 mA"}, {"J": {}}, {"a_DL": object()}, {"I": 0.0, "B_ext": Sampled([1.0], 1e-9)}):
        with pytest.raises(TypeError, match=r" must be (a number|three numbers) or an array"):
            Drive(**given)
    for B_ext in (0.1, (0.1, 0.2)):
        with pytest.raises(ValueError, match=r"^B_ext must be a vector with x, y, z on its last axis"):
            Drive(I=0.0, B_ext=B_ext)


def test_a_drive_does_not_change():
    values = np.array([1.0, 2.0])
    drive, sampled = Drive(a_DL=values, B_ext=np.eye(3)), Sampled(values, 1e-9)
    values[0] = 7
    assert drive.a_DL[0] == sampled.values[0] == 1.0
    for array in (drive.a_DL, drive.B_ext, sampled.values):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(FrozenInstanceError):
        drive.I = 1.0
    with pytest.raises(TypeError, match="unhashable"):
        hash(drive)


def test_drives_are_equal_by_value():
    for drive in (
        Drive(I=1e-3, B_ext=(0, 0.1, 0)),
        Drive(J=np.array([1e11, 2e11])),
        Drive(a_DL=Sampled([1e-3, 2e-3], 1e-9)),
    ):
        assert drive == replace(drive) == pickle.loads(pickle.dumps(drive))
        assert drive != replace(drive, B_ext=(0, 0.2, 0))
    assert Drive(I=1.0) != Drive(J=1.0)
    assert Drive(I=Sampled([1.0, 2.0], 1e-9)) != Drive(I=Sampled([1.0, 2.0], 2e-9))
    assert Drive(I=Sampled([1.0, 2.0], 1e-9)) != Drive(I=Sampled([1.0, 3.0], 1e-9))


def test_a_constant_drive_is_one_endless_piece():
    drive = Drive(I=1e-3, B_ext=(0, 0.1, 0))
    assert drive.pieces() == [(drive, np.inf)]


def test_a_sampled_drive_is_a_piece_for_every_sample_and_the_last_does_not_end():
    values = np.array([[1e-3, 2e-3], [3e-3, 4e-3], [5e-3, 6e-3]])  # (samples, batch)
    pieces = Drive(I=Sampled(values, 2e-9), B_ext=(0, 0.1, 0)).pieces()
    assert [length for _, length in pieces] == [2e-9, 2e-9, np.inf]
    for (piece, _), sample in zip(pieces, values, strict=True):
        assert piece == Drive(I=sample, B_ext=(0, 0.1, 0))


@pytest.mark.parametrize("interval", [0.0, -1e-9, np.nan])
def test_the_interval_of_samples_is_positive(interval):
    with pytest.raises(ValueError, match=r"^interval must be > 0, got "):
        Sampled([1.0, 2.0], interval)


@pytest.mark.parametrize("values", [1.0, []])
def test_samples_have_a_time_axis(values):
    with pytest.raises(ValueError, match=r"^number of samples must be >= 1, got 0\. "):
        Sampled(values, 1e-9)
