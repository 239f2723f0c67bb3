import pickle
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from shno import Drive, Function, Ramp, Sampled, Sine, Step


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
    for name in ("I", "J", "a_DL", "V_gate", "dKu"):
        with pytest.raises(ValueError, match=rf"^{name} must be finite, got {bad} at index 1 of 2"):
            Drive(**({"I": 0.0} if name in ("V_gate", "dKu") else {}) | {name: [0.0, bad]})
    with pytest.raises(ValueError, match=rf"^B_ext\[0\] must be finite, got {bad}"):
        Drive(I=0.0, B_ext=(bad, Sine(0.1, 5e9), 0.0))
    with pytest.raises(ValueError, match=rf"^B_ext must be finite, got {bad} at index 2 of 3"):
        Drive(I=0.0, B_ext=(0, 0, bad))
    with pytest.raises(ValueError, match=rf"^values must be finite, got {bad} at index 1 of 2"):
        Sampled([0.0, bad], 1e-9)


def test_a_wrong_kind_is_refused():
    for given in ({"I": "1 mA"}, {"J": {}}, {"a_DL": object()}, {"I": 0.0, "V_gate": "1 V"}, {"I": 0.0, "B_ext": "x"}):
        with pytest.raises(TypeError, match=r" must be (a number|three numbers) or an array"):
            Drive(**given)
    for B_ext in (Sampled([1.0], 1e-9), lambda t: t, Sine(1.0, 1e9), Sampled(np.ones((4, 2)), 1e-9)):
        with pytest.raises(ValueError, match=r"^B_ext must be three components, or a Sampled or callable of vectors"):
            Drive(I=0.0, B_ext=B_ext)
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
        Drive(a_DL=1e-3, B_ext=(0.1, 2.0 * Sine(0.1, 5e9), 0.0), V_gate=Step(0.0, 1.0, 1e-9)),
    ):
        assert drive == replace(drive) == pickle.loads(pickle.dumps(drive))
        assert drive != replace(drive, B_ext=(0, 0.2, 0))
    assert Drive(I=1.0) != Drive(J=1.0)
    assert Drive(I=Sampled([1.0, 2.0], 1e-9)) != Drive(I=Sampled([1.0, 2.0], 2e-9))
    assert Drive(I=Sampled([1.0, 2.0], 1e-9)) != Drive(I=Sampled([1.0, 3.0], 1e-9))


def test_a_constant_drive_is_itself_at_all_times():
    drive = Drive(I=1e-3, B_ext=(0, 0.1, 0), V_gate=0.3, dKu=1e3)
    assert drive.is_constant and drive.at(3e-9) is drive and drive.waveforms == []
    assert drive.breakpoints(0.0, 1.0).shape == (0,)
    values = drive.values(1e-9)
    assert values.pop("B_ext").tolist() == [0, 0.1, 0] and values == {"I": 1e-3, "V_gate": 0.3, "dKu": 1e3}


def test_a_drive_at_a_time_is_the_constant_drive_of_its_values_there():
    samples = Sampled(np.array([[1e-3, 2e-3], [3e-3, 4e-3], [5e-3, 6e-3]]), 2e-9)  # (samples, batch)
    drive = Drive(I=samples, B_ext=(0.1, Sine(0.2, 1e9), 0.3), V_gate=Ramp(0.0, 1.0, 1e-9, 5e-9), dKu=7.0)
    assert not drive.is_constant and len(drive.waveforms) == 3
    at = drive.at(3.25e-9)
    expected = Drive(I=[3e-3, 4e-3], B_ext=(0.1, 0.2, 0.3), V_gate=0.5625, dKu=7.0)
    assert at.is_constant and at.I.tolist() == expected.I.tolist() and at.dKu == 7.0
    np.testing.assert_allclose(at.B_ext, expected.B_ext, rtol=1e-14)
    assert at.V_gate == pytest.approx(0.5625, rel=1e-14)


def test_a_jump_is_seen_from_the_side_that_is_asked_for():
    drive = Drive(a_DL=Step(1e-3, 2e-3, 1e-9), B_ext=(0.0, 0.0, Step(0.1, 0.2, 1e-9)))
    for inside, a_DL, B in ((0.5e-9, 1e-3, 0.1), (1.5e-9, 2e-3, 0.2), (None, 2e-3, 0.2)):
        at = drive.at(1e-9, inside)
        assert (at.a_DL, at.B_ext.tolist()) == (a_DL, [0, 0, B])


def test_breakpoints_are_those_of_all_waveforms_and_of_the_whole_batch():
    drive = Drive(
        a_DL=Step(0.0, 1e-3, [1e-9, 2e-9]), B_ext=(0.0, Ramp(0.0, 0.1, 2e-9, 3e-9), Sampled([0.1, 0.2], 1.5e-9))
    )
    assert drive.breakpoints(0.0, 1.0).tolist() == [1e-9, 1.5e-9, 2e-9, 3e-9]
    assert drive.breakpoints(1e-9, 2e-9).tolist() == [1.5e-9]  # the ends are not among them


@pytest.mark.parametrize("B", [Sampled([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], 1e-9), lambda t: np.array([1, 2, 3]) * t])
def test_a_field_may_be_a_waveform_of_vectors(B):
    drive = Drive(a_DL=0.0, B_ext=B)
    assert isinstance(drive.B_ext, tuple) and len(drive.B_ext) == 3
    for t in (0.0, 1.3e-9):
        assert drive.at(t).B_ext.tolist() == (B.at(t) if isinstance(B, Sampled) else B(t)).tolist()


def test_a_callable_is_a_waveform():
    drive = Drive(I=lambda t: 2e6 * t, B_ext=(0.0, lambda t: 1e8 * t, 0.1), V_gate=lambda t: [t, 2 * t])
    assert all(isinstance(wave, Function) for wave in drive.waveforms)
    at = drive.at(1e-9)
    assert (at.I, at.B_ext.tolist(), at.V_gate.tolist()) == (2e-3, [0, 0.1, 0.1], [1e-9, 2e-9])


@pytest.mark.parametrize("interval", [0.0, -1e-9, np.nan])
def test_the_interval_of_samples_is_positive(interval):
    with pytest.raises(ValueError, match=r"^interval must be (> 0|finite), got "):
        Sampled([1.0, 2.0], interval)


@pytest.mark.parametrize("values", [1.0, []])
def test_samples_have_a_time_axis(values):
    with pytest.raises(ValueError, match=r"^number of samples must be >= 1, got 0\. "):
        Sampled(values, 1e-9)
