from dataclasses import replace

import numpy as np
import pytest
from simulate_helpers import ALL_TERMS, DRIVE

from shno import Drive, Oscillator, Sine, parameters
from shno.constants import e, hbar
from shno.parameters import (
    FIELD,
    HEAT,
    TORQUE,
    a_DL,
    arguments,
    batch_shape,
    current_density,
    heat_parameters,
    reduced_step,
    torque_per_current_density,
)

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


def test_i_j_and_a_dl_of_one_current_are_one_current_density():
    J = 0.7 * 2.3e-4 / (1.2e-7 * 5e-9)
    for drive in (Drive(I=2.3e-4), Drive(J=J), Drive(a_DL=J * torque_per_current_density(OSCILLATOR))):
        assert current_density(OSCILLATOR, drive) == pytest.approx(J, rel=1e-14)


def test_the_efficiency_is_the_spin_hall_angle_times_transparency_and_what_diffuses():
    """theta_DL = theta_SH T_int (1 - sech(t_HM / lambda_sf)), and theta_SH itself without these two."""
    full, J = a_DL(OSCILLATOR, Drive(J=1e11)), Drive(J=1e11)
    assert a_DL(replace(OSCILLATOR, T_int=0.6), J) == pytest.approx(0.6 * full, rel=1e-14)
    lambda_sf = np.array([0.0, 1e-9, 2e-9, 5e-8])
    shares = 1 - 1 / np.cosh(5e-9 / np.array([1e-30, 1e-9, 2e-9, 5e-8]).clip(1e-11))
    torques = a_DL(replace(OSCILLATOR, T_int=0.6, lambda_sf=lambda_sf), J)
    np.testing.assert_allclose(torques, 0.6 * full * shares, rtol=1e-12, equal_nan=False)
    with pytest.raises(ValueError, match=r"^t_HM must be given where lambda_sf is"):
        a_DL(replace(OSCILLATOR, lambda_sf=1e-9, t_HM=None, shunt=0.7), J)


def test_a_torque_broadcasts_over_oscillators_and_currents():
    oscillator = Oscillator(Ms=np.array([[6e5], [8e5]]), alpha=0.02, thickness=3e-9, theta_SH=0.1)
    torques = a_DL(oscillator, Drive(J=np.array([1e11, 2e11, 3e11])))
    assert torques.shape == (2, 3)
    np.testing.assert_allclose(torques / torques[0, 0], np.outer([1, 0.75], [1, 2, 3]), rtol=1e-14, equal_nan=False)


@pytest.mark.parametrize(
    ("given", "drive", "missing"),
    [
        ({}, Drive(J=1e11), "thickness must be given where a current becomes a torque"),
        ({"thickness": 3e-9}, Drive(I=1e-3), "width must be given where I becomes a current density"),
        ({"thickness": 3e-9, "width": 1e-7}, Drive(I=1e-3), "t_HM must be given where I becomes a current density"),
        ({"thickness": 3e-9}, Drive(I=Sine(1e-3, 5e9)), "width must be given where I becomes a current density"),
    ],
)
def test_what_a_current_needs_is_asked_for(given, drive, missing):
    with pytest.raises(ValueError, match=rf"^{missing}, got None\. "):
        a_DL(Oscillator(8e5, 0.02, **given), drive)


@pytest.mark.parametrize(
    ("given", "drive", "complaint"),
    [
        ({"J_iec": 1e-5}, Drive(a_DL=0.0), r"^thickness must be given where J_iec is, got None"),
        ({"oersted": (0, 0, 1e-14), "thickness": 3e-9}, Drive(a_DL=1e-3), r"^theta_SH must be other than 0 where the"),
        ({"oersted": (0, 0, 1e-14)}, Drive(J=1e11), r"^thickness must be given where a current becomes a torque"),
        ({"oersted": (0, 0, 1e-14), "thickness": 3e-9}, Drive(I=1e-3), r"^width must be given where I becomes a curr"),
    ],
)
def test_what_a_term_needs_is_asked_for(given, drive, complaint):
    with pytest.raises(ValueError, match=complaint):
        parameters(Oscillator(8e5, 0.02, **given), drive)


def test_a_torque_given_needs_nothing():
    assert a_DL(Oscillator(8e5, 0.02), Drive(a_DL=2e-3)) == 2e-3


def test_parameters_are_named_and_in_si():
    values = parameters(OSCILLATOR, Drive(a_DL=4e-3, B_ext=B_EXT))
    assert set(values) == {"gamma", "field_like", "torque_per_J", *TORQUE, *FIELD} - {"a_FL"}
    assert values["gamma"] == 1.9e11 and values["a_DL"] == 4e-3 and values["Ms"] == 8.1e5
    assert values["B_ext"].tolist() == list(B_EXT) and values["demag"].tolist() == [0.1, 0.2, 0.7]


def test_with_every_term_on_only_the_thermal_field_is_none():
    values = parameters(ALL_TERMS, DRIVE)
    assert [name for name, value in values.items() if value is None] == ["B_thermal"]
    assert values["Ku"] == ALL_TERMS.Ku + DRIVE.dKu and values["V_gate"] == DRIVE.V_gate
    assert values["a_DL"] == pytest.approx(values["J"] * values["torque_per_J"], rel=1e-14)
    for k, (Ku, Ku2, axis) in enumerate(values["further"]):
        assert (Ku, Ku2) == (ALL_TERMS.further_Ku[k], ALL_TERMS.further_Ku2[k])
        assert np.array_equal(axis, ALL_TERMS.further_axes[k])


OFF = {"Ku": 0.0, "Ku2": 0.0, "demag_off_diagonal": (0.0, 0.0, 0.0), "Kc": 0.0, "B_bias": (0.0, 0.0, 0.0), "J_iec": 0.0}
OFF |= {"oersted": (0.0, 0.0, 0.0), "vcma": 0.0, "field_like": 0.0, "Lambda": 1.0, "Q_nl": 0.0}


@pytest.mark.parametrize("name", OFF)
def test_a_term_that_is_off_everywhere_is_none(name):
    still = replace(DRIVE, dKu=0.0)
    assert parameters(replace(ALL_TERMS, **{name: OFF[name]}), still)[name] is None
    both = np.array([OFF[name], getattr(ALL_TERMS, name)])
    assert np.array_equal(parameters(replace(ALL_TERMS, **{name: both}), still)[name], both)


def test_further_axes_and_a_gate_without_a_voltage_are_off():
    none = {"further_axes": None, "further_Ku": None, "further_Ku2": None}
    assert parameters(replace(ALL_TERMS, **none), DRIVE)["further"] is None
    assert parameters(ALL_TERMS, replace(DRIVE, V_gate=0.0))["vcma"] is None
    only = parameters(replace(ALL_TERMS, further_Ku=None), DRIVE)["further"]
    assert [(Ku, Ku2) for Ku, Ku2, _ in only] == [(0.0, 1e4), (0.0, 1.5e4)]


def test_a_waveform_is_never_off_and_keeps_its_batch():
    wave = Sine(np.array([0.0, 1.0]), 5e9)
    values = parameters(ALL_TERMS, Drive(a_DL=1e-3 * wave, B_ext=(0.0, wave, 0.1), V_gate=wave, dKu=wave))
    assert values["V_gate"] is wave and values["B_ext"][1] is wave and batch_shape(values) == (2,)
    for name in ("a_DL", "J", "Ku"):
        at = values[name].at(0.1e-9)
        held = parameters(ALL_TERMS, Drive(a_DL=1e-3 * wave.at(0.1e-9), dKu=wave.at(0.1e-9)))[name]
        np.testing.assert_allclose(at, held, rtol=1e-14, equal_nan=False)


def test_heat_has_its_parameters_in_the_order_of_its_equation_or_is_off():
    heated = replace(OSCILLATOR, R=300.0, beta_R=1e-3, R_th=8e5, C_th=1e-16, curie_temperature=1100.0, Ku_exponent=2.2)
    assert HEAT == ("I", "R", "beta_R", "R_th", "C_th", "T0", "curie_temperature", "Ku_exponent", "rate")
    rate = 1.9e11 / (1 + 0.03**2)
    assert heat_parameters(heated, Drive(I=2e-4), 290.0) == (2e-4, 300.0, 1e-3, 8e5, 1e-16, 290.0, 1100.0, 2.2, rate)
    assert heat_parameters(OSCILLATOR, Drive(I=2e-4), 290.0) is None
    for change, drive, complaint in (
        ({"R": None}, Drive(I=2e-4), r"^R must be given where R_th is"),
        ({"C_th": None}, Drive(I=2e-4), r"^C_th must be given where R_th is"),
        ({}, Drive(J=1e11), r"^drive must be one by I where R_th is given, got J\."),
        ({"curie_temperature": [1100.0, 280.0]}, Drive(I=2e-4), r"^curie_temperature must be > temperature = 290"),
    ):
        with pytest.raises(ValueError, match=complaint):
            heat_parameters(replace(heated, **change), drive, 290.0)


def test_arguments_stand_in_the_order_of_the_signatures():
    torque, field = arguments(parameters(OSCILLATOR, Drive(a_DL=4e-3, B_ext=B_EXT)))
    assert TORQUE == ("alpha", "a_DL", "a_FL", "p", "Lambda", "Q_nl", "Ms")
    assert FIELD[:7] == ("B_ext", "Ms", "demag", "demag_off_diagonal", "Ku", "Ku2", "easy_axis")
    assert FIELD[7:14] == ("V_gate", "vcma", "further", "Kc", "cubic_axes", "B_bias", "J_iec")
    assert FIELD[14:] == ("thickness", "m_fixed", "J", "oersted", "B_thermal")
    assert torque == (0.03, 4e-3, 0.25 * 4e-3, (0, 0.8, 0.6), None, None, 8.1e5)
    assert field[:7] == (B_EXT, 8.1e5, (0.1, 0.2, 0.7), None, 3e5, None, (0.6, 0, 0.8))
    assert field[8] is field[9] is field[10] is field[12] is field[13] is field[17] is field[18] is None


def test_vectors_and_axes_become_components():
    torque, field = arguments(parameters(ALL_TERMS, DRIVE))
    torque, field = dict(zip(TORQUE, torque, strict=True)), dict(zip(FIELD, field, strict=True))
    assert torque["p"] == tuple(ALL_TERMS.p) and field["oersted"] == tuple(ALL_TERMS.oersted)
    assert field["cubic_axes"] == tuple(map(tuple, ALL_TERMS.cubic_axes))
    assert [axis for _, _, axis in field["further"]] == [tuple(axis) for axis in ALL_TERMS.further_axes]


def test_an_absent_field_like_torque_has_no_amplitude():
    torque, field = arguments(parameters(Oscillator(8e5, 0.02), Drive(a_DL=4e-3)))
    assert torque[2] is None and field[4] is None


def test_the_batch_is_the_broadcast_of_oscillator_and_drive():
    oscillator = Oscillator(np.full(80, 8e5), 0.02)
    values = parameters(oscillator, Drive(a_DL=np.zeros((100, 1)), B_ext=np.zeros((80, 3))))
    assert batch_shape(values) == (100, 80)
    assert batch_shape(parameters(Oscillator(8e5, 0.02), Drive(a_DL=0.0))) == ()


def test_what_does_not_broadcast_is_listed():
    values = parameters(Oscillator(np.full(2, 8e5), 0.02), Drive(a_DL=np.ones(3), B_ext=np.ones((4, 3))))
    with pytest.raises(ValueError, match=r"to one batch shape, got a_DL \(3,\), Ms \(2,\), B_ext \(4,\)\. "):
        batch_shape(values)


def test_the_reduced_step_is_gamma_dt_over_one_plus_alpha_squared():
    values = {"gamma": 2e11, "alpha": np.array([0.0, 0.5])}
    np.testing.assert_allclose(reduced_step(values, 1e-12), [0.2, 0.2 / 1.25], rtol=1e-15, equal_nan=False)
