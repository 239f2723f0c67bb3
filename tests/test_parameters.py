import numpy as np
import pytest

from shno import Drive, Oscillator, parameters
from shno.constants import e, hbar
from shno.parameters import FIELD, TORQUE, a_DL, arguments, batch_shape, reduced_step

OSCILLATOR = Oscillator(
    Ms=8.1e5,
    alpha=0.03,
    gamma=1.9e11,
    thickness=3e-9,
    width=1.2e-7,
    t_HM=5e-9,
    shunt=0.7,
    theta_SH=-0.3,
    field_like=0.25,
    demag=(0.1, 0.2, 0.7),
    Ku=3e5,
    easy_axis=(0.6, 0, 0.8),
    p=(0, 0.8, 0.6),
)
B_EXT = (0.05, -0.13, 0.21)


def test_i_j_and_a_dl_of_one_current_are_one_torque():
    I = 2.3e-4
    J = 0.7 * I / (1.2e-7 * 5e-9)
    amplitude = hbar * -0.3 * J / (2 * e * 8.1e5 * 3e-9)
    for drive in (Drive(I=I), Drive(J=J), Drive(a_DL=amplitude)):
        assert a_DL(OSCILLATOR, drive) == pytest.approx(amplitude, rel=1e-14)  # a few roundings


def test_a_torque_broadcasts_over_oscillators_and_currents():
    oscillator = Oscillator(Ms=np.array([[6e5], [8e5]]), alpha=0.02, thickness=3e-9, theta_SH=0.1)
    torques = a_DL(oscillator, Drive(J=np.array([1e11, 2e11, 3e11])))
    assert torques.shape == (2, 3)
    np.testing.assert_allclose(torques / torques[0, 0], np.outer([1, 0.75], [1, 2, 3]), rtol=1e-14, equal_nan=False)


@pytest.mark.parametrize(
    ("given", "drive", "missing"),
    [
        ({}, Drive(J=1e11), "thickness"),
        ({"thickness": 3e-9}, Drive(I=1e-3), "width"),
        ({"thickness": 3e-9, "width": 1e-7}, Drive(I=1e-3), "t_HM"),
    ],
)
def test_what_a_current_needs_is_asked_for(given, drive, missing):
    with pytest.raises(ValueError, match=rf"^{missing} must be given where [IJ] becomes a torque, got None\. "):
        a_DL(Oscillator(8e5, 0.02, **given), drive)


def test_a_torque_given_needs_nothing():
    assert a_DL(Oscillator(8e5, 0.02), Drive(a_DL=2e-3)) == 2e-3


def test_parameters_are_named_and_in_si():
    values = parameters(OSCILLATOR, Drive(a_DL=4e-3, B_ext=B_EXT))
    assert set(values) == {"gamma", "field_like", *TORQUE, *FIELD} - {"a_FL"}
    assert values["gamma"] == 1.9e11 and values["a_DL"] == 4e-3 and values["Ms"] == 8.1e5
    assert values["B_ext"].tolist() == list(B_EXT) and values["demag"].tolist() == [0.1, 0.2, 0.7]


@pytest.mark.parametrize(("name", "zero"), [("Ku", 0.0), ("field_like", 0.0)])
def test_a_term_that_is_zero_everywhere_is_off(name, zero):
    fields = {"Ms": 8e5, "alpha": 0.02, "Ku": 1e5, "field_like": 0.1}
    assert parameters(Oscillator(**fields | {name: zero}), Drive(a_DL=0.0))[name] is None
    somewhere = parameters(Oscillator(**fields | {name: np.array([zero, 0.3])}), Drive(a_DL=0.0))[name]
    assert somewhere.tolist() == [zero, 0.3]


def test_arguments_stand_in_the_order_of_the_signatures():
    values = parameters(OSCILLATOR, Drive(a_DL=4e-3, B_ext=B_EXT))
    torque, field = arguments(values)
    assert TORQUE == ("alpha", "a_DL", "a_FL", "p") and FIELD == ("B_ext", "Ms", "demag", "Ku", "easy_axis")
    assert torque == (0.03, 4e-3, 0.25 * 4e-3, (0, 0.8, 0.6))
    assert field == (B_EXT, 8.1e5, (0.1, 0.2, 0.7), 3e5, (0.6, 0, 0.8))


def test_an_absent_field_like_torque_has_no_amplitude():
    torque, field = arguments(parameters(Oscillator(8e5, 0.02), Drive(a_DL=4e-3)))
    assert torque[2] is None and field[3] is None


def test_the_batch_is_the_broadcast_of_oscillator_and_drive():
    oscillator = Oscillator(np.full(80, 8e5), 0.02)
    values = parameters(oscillator, Drive(a_DL=np.zeros((100, 1)), B_ext=np.zeros((80, 3))))
    assert batch_shape(values) == (100, 80)
    assert batch_shape(parameters(Oscillator(8e5, 0.02), Drive(a_DL=0.0))) == ()


def test_what_does_not_broadcast_is_listed():
    values = parameters(Oscillator(np.full(2, 8e5), 0.02), Drive(a_DL=np.ones(3), B_ext=np.ones((4, 3))))
    with pytest.raises(ValueError, match=r"to one batch shape, got a_DL \(3,\), B_ext \(4,\), Ms \(2,\)\. "):
        batch_shape(values)


def test_the_reduced_step_is_gamma_dt_over_one_plus_alpha_squared():
    values = {"gamma": 2e11, "alpha": np.array([0.0, 0.5])}
    np.testing.assert_allclose(reduced_step(values, 1e-12), [0.2, 0.2 / 1.25], rtol=1e-15, equal_nan=False)
