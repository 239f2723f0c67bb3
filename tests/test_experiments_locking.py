"""Signals: injection locking against Adler's law, rectification against the linear response."""

from dataclasses import replace

import numpy as np
import pytest
from stability_helpers import GAMMA, film

import shno
from shno import Drive, equilibrium, experiments, readout, theory
from shno.experiments.locking import _with_signal
from shno.llgs import right_hand_side
from shno.parameters import a_DL, arguments, parameters

CONE, CONE_DRIVE = film(0.8, 0.05, p=(0.0, 0.0, 1.0)), Drive(a_DL=20e-3, B_ext=(0.0, 0.0, 0.1))  # m_z = 0.625
DIODE = replace(shno.preset("nife-pt-in-plane"), field_like=0.3)
DIODE_DRIVE, DIODE_F = replace(shno.operating_point("nife-pt-in-plane"), I=0.3e-3), np.linspace(6.5e9, 10.5e9, 33)


def test_the_locking_range_is_adler_s():
    """Linear field b: half range gamma (b/2) / (2 pi alpha sin theta), proportional to b; the beat outside."""
    b = np.array([0.2e-3, 0.4e-3])
    c, f0 = theory.perpendicular_cone(20e-3, 0.1, -0.8, 0.05, GAMMA)
    half = theory.injection_half_range(b / 2, c, 0.05, GAMMA)
    detuning = np.array([-3.0, -2.1, -1.9, -1.1, -0.9, 0.0, 0.9, 1.1]) * half[0]
    how = {"duration": 80e-9, "discard": 30e-9, "dt": 2e-12, "save_every": 8}
    tongue = experiments.injection_locking(CONE, CONE_DRIVE, f0 + detuning, b, field=(1.0, 0.0, 0.0), **how)
    assert tongue.free_frequency == pytest.approx(f0, rel=1e-5)  # RK4 at 0.16 rad a step
    assert tongue.locked[:, 0].tolist() == [False, False, False, False, True, True, True, False]
    assert tongue.locked[:, 1].tolist() == [False, False, True, True, True, True, True, True]
    assert np.all(tongue.beat[tongue.locked] == 0)
    assert tongue.lowest == pytest.approx(f0 + detuning[[4, 2]]) and tongue.highest == pytest.approx(
        f0 + detuning[[6, 7]]
    )
    expected = theory.beat_frequency(detuning[[0, 1]], half[0])
    np.testing.assert_allclose(tongue.beat[[0, 1], 0], expected, rtol=0.03)  # of first order in b: 2 % off at 1.5
    np.testing.assert_allclose(tongue.frequency - tongue.f_inj[:, None], tongue.beat, atol=1.0)


def test_a_polarisation_turns_as_it_says():
    """b Re[e exp(-i omega t)]: (1, i, 0) is (cos, sin, 0), counter-clockwise about +z."""
    f, t = 3e9, np.linspace(0, 1e-9, 7)
    field = _with_signal(CONE_DRIVE, np.array([[f]]), np.array([2e-3]), (1.0, 1j, 0.5)).B_ext
    at = np.stack([np.broadcast_to(part.at(t) if hasattr(part, "at") else part, (7, 1, 1)) for part in field])[
        ..., 0, 0
    ]
    w = 2 * np.pi * f * t
    expected = 2e-3 * np.stack([np.cos(w), np.sin(w), 0.5 * np.cos(w)]) + np.array([[0.0], [0.0], [0.1]])
    np.testing.assert_allclose(at, expected, atol=1e-15)


def test_a_current_locks_at_the_frequency_and_at_its_double():
    """The map of a batch is the maps of its members; a signal of amplitude 0 locks nothing but what has no beat."""
    oscillator, drive = shno.preset("w-cofeb-pma"), shno.operating_point("w-cofeb-pma")
    how = {"duration": 40e-9, "discard": 15e-9, "dt": 1.25e-12, "save_every": 8}
    f, amplitudes = np.array([12.3e9, 12.45e9]), np.array([0.0, 30e-6])
    tongue = experiments.injection_locking(oscillator, drive, f, amplitudes, **how)
    assert tongue.free_frequency == pytest.approx(12.4365e9, rel=1e-4)
    assert tongue.locked[:, 1].all() and not tongue.locked[0, 0]
    assert tongue.beat[0, 0] == pytest.approx(12.4365e9 - 12.3e9, rel=0.02)
    double = experiments.injection_locking(oscillator, drive, 2 * f, amplitudes, harmonic=2, **how)
    assert double.harmonic == 2 and double.free_frequency == tongue.free_frequency
    np.testing.assert_allclose(double.beat[:, 0], tongue.beat[:, 0], atol=1e5)
    one = experiments.injection_locking(oscillator, drive, f[:1], amplitudes[1:], **how)
    np.testing.assert_allclose(one.frequency[0, 0], tongue.frequency[0, 1], rtol=1e-9)


def rectified(oscillator, drive, f, I_rf, dR, j):
    """V of the linearised equation: <I dR/dm . dm>, dm = Re[chi_I (i I_rf) exp(-i w t)] for I = I_rf sin(w t)."""
    m = equilibrium(oscillator, drive, driven=True)
    values, step = parameters(oscillator, drive), 1e-30
    per_ampere = a_DL(oscillator, replace(drive, I=1.0))

    def rate(m, a):
        T = right_hand_side(tuple(m), *arguments(values | {"a_DL": a}))
        return np.array(T) * values["gamma"] / (1 + values["alpha"] ** 2)

    a = values["a_DL"]
    J = np.stack([rate(m + 1j * step * axis, a).imag / step for axis in np.eye(3)], axis=-1)
    F = rate(m, a + 1j * step).imag / step * per_ampere
    chi = np.linalg.solve(-2j * np.pi * np.asarray(f)[:, None, None] * np.eye(3) - J, F + 0j)
    return I_rf**2 / 2 * (2 * dR * (m @ j) * chi @ j).real


def test_the_rectified_voltage_is_that_of_the_linear_response():
    oscillator, drive, f, I_rf, j = DIODE, DIODE_DRIVE, DIODE_F, 2e-5, np.array([1.0, 0.0, 0.0])
    diode = experiments.spin_diode(
        *(oscillator, drive, f, np.array([I_rf, 2 * I_rf])),
        resistance=lambda m: readout.amr(m, R_perp=300.0, dR=1.0, j=j),
        **{"duration": 12e-9, "discard": 5e-9, "dt": 2e-12, "save_every": 5},
    )
    expected = rectified(oscillator, drive, f, I_rf, 1.0, j)
    np.testing.assert_allclose(diode.voltage[:, 0], expected, atol=2e-3 * np.abs(expected).max())  # exp(-pi width 5 ns)
    np.testing.assert_allclose(diode.voltage[:, 1] / diode.voltage[:, 0], 4, rtol=5e-3)  # amplitude^2
    line = experiments.fmr(oscillator, drive.B_ext, drive=drive)
    np.testing.assert_allclose(diode.line.centre, line.frequency, rtol=2e-3)  # (width / frequency)^2
    np.testing.assert_allclose(diode.line.width, line.linewidth, rtol=2e-2)
    parts = diode.line.symmetric[0], diode.line.antisymmetric[0]
    assert min(map(abs, parts)) > 0.1 * max(map(abs, parts))  # both torques leave their part


def test_a_lorentzian_is_found_again():
    rng, x = np.random.default_rng(2), np.linspace(-1, 3, 60)
    centre, width = rng.uniform(0, 2, 5), rng.uniform(0.2, 0.8, 5)
    exact = experiments.Lorentzian(centre, width, *rng.normal(size=(3, 5)))
    y = np.stack([exact.at(each) for each in x])
    found = experiments.fit_lorentzian(x, y)
    for name, value in exact._asdict().items():
        np.testing.assert_allclose(getattr(found, name), value, rtol=1e-6, atol=1e-6)
        assert getattr(experiments.fit_lorentzian(x, y[:, 3]), name) == pytest.approx(value[3], rel=1e-6)
    np.testing.assert_allclose(experiments.fit_lorentzian(1e9 * x, 1e-8 * y).width, 1e9 * width, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"drive": Drive(a_DL=shno.Sine(1e-3, 1e9))}, ValueError, "drive must be constant"),
        ({"f_inj": [0.0]}, ValueError, "f_inj"),
        ({"amplitudes": [-1.0]}, ValueError, "amplitudes"),
        ({"field": (1.0, 0.0)}, ValueError, "field"),
        ({"field": "x"}, TypeError, "field"),
        ({"field": (np.nan, 0, 0)}, ValueError, "field"),
        ({"harmonic": 0}, ValueError, "harmonic"),
        ({"harmonic": 1.5}, TypeError, "harmonic"),
    ],
)
def test_bad_injections_name_the_parameter(change, error, match):
    given = {"drive": CONE_DRIVE, "f_inj": [11e9], "amplitudes": [1e-4], "field": (1, 0, 0)} | change
    how = {"duration": 1e-9, "discard": 0.0, "dt": 2e-12}
    with pytest.raises(error, match=match):
        experiments.injection_locking(
            CONE, given.pop("drive"), given.pop("f_inj"), given.pop("amplitudes"), **given, **how
        )


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"drive": CONE_DRIVE}, ValueError, "drive must be one by I"),
        ({"frequencies": 9e9}, ValueError, "frequencies"),
        ({"I_rf": -1e-5}, ValueError, "I_rf"),
        ({"I_rf": None}, TypeError, "I_rf"),
        ({"resistance": 300.0}, TypeError, "resistance"),
        ({"resistance": lambda m: m[..., 0] * np.nan}, ValueError, "resistance"),
    ],
)
def test_bad_diodes_name_the_parameter(change, error, match):
    given = {"drive": DIODE_DRIVE, "frequencies": DIODE_F, "I_rf": np.array([1e-5, 2e-5])}
    given |= {"resistance": lambda m: m[..., 0]} | change
    how = {"duration": 1e-10, "discard": 0.0, "dt": 2e-12}
    with pytest.raises(error, match=match):
        experiments.spin_diode(DIODE, given.pop("drive"), given.pop("frequencies"), given.pop("I_rf"), **given, **how)
