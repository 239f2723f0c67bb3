"""Thresholds, frequency against current, spectral maps and phase diagrams, of published devices mostly."""

from dataclasses import replace

import numpy as np
import pytest

import shno
from shno import Drive, analysis, eigenvalues, experiments, geometry

COFEB, DRIVE = shno.preset("w-cofeb-pma"), shno.operating_point("w-cofeb-pma")
NIFE, NIFE_DRIVE = shno.preset("nife-pt-in-plane"), shno.operating_point("nife-pt-in-plane")
I_C = experiments.critical_current(COFEB, DRIVE)
HOW = {"dt": 2e-12, "save_every": 10}
NOISY = HOW | {"duration": 24e-9, "discard": 12e-9, "temperature": 300.0, "seed": 4, "realisations": 4}


def densities(oscillator, drive):
    return experiments.critical_current(oscillator, Drive(J=1.0, B_ext=drive.B_ext))


def test_thresholds_of_published_devices():
    """As an independent eigenvalue code gave them, to four digits."""
    assert densities(COFEB, DRIVE) == pytest.approx(1.622e11, rel=5e-4)
    assert densities(NIFE, NIFE_DRIVE) == pytest.approx(1.255e12, rel=5e-4)
    oblique = shno.operating_point("nife-pt-oblique")
    assert densities(shno.preset("nife-pt-oblique"), oblique) == pytest.approx(1.242e12, rel=5e-4)
    torque = experiments.critical_current(COFEB, Drive(a_DL=0.0, B_ext=DRIVE.B_ext))
    assert torque == pytest.approx(-17.940e-3, rel=5e-4)  # theta_SH < 0, I > 0 oscillates


def test_a_threshold_is_the_same_in_every_unit():
    half = replace(COFEB, shunt=0.5)
    I, J = experiments.critical_current(half, DRIVE), densities(half, DRIVE)
    assert 0.5 * I / (half.width * half.t_HM) == pytest.approx(J, rel=1e-12)
    assert pytest.approx(2 * I_C, rel=1e-12) == I


def test_with_an_oersted_field_the_growth_is_zero_at_the_threshold():
    oersted = geometry.oersted_per_current_density(NIFE.width, NIFE.t_HM, NIFE.thickness)
    oscillator = replace(NIFE, oersted=oersted)
    I = experiments.critical_current(oscillator, NIFE_DRIVE)
    plain = experiments.critical_current(NIFE, NIFE_DRIVE)
    assert abs(I / plain - 1) > 1e-3  # the field matters
    growth = [eigenvalues(oscillator, replace(NIFE_DRIVE, I=each)).real.max() for each in (I, plain)]
    assert abs(growth[0]) < 1e-5 * abs(growth[1])


def test_without_a_spin_hall_effect_there_is_no_threshold():
    assert np.isnan(experiments.critical_current(replace(NIFE, theta_SH=0.0), NIFE_DRIVE))


def test_frequencies_of_the_w_cofeb_device():
    """f(I/I_c) as an independent code gave them; 1 degree off the equilibrium, 80 ns are 12 or more times of growth."""
    sweep = experiments.frequency_against_current(COFEB, DRIVE, I_C * np.array([1.2, 1.5, 1.75]), duration=80e-9, **HOW)
    np.testing.assert_allclose(sweep.frequency, [10.715e9, 11.893e9, 12.823e9], rtol=1e-3)
    assert sweep.threshold == I_C and sweep.name == "I" and sweep.linewidth is None
    assert np.all((sweep.amplitude > 0.7) & (sweep.amplitude < 1))


def test_below_the_threshold_nothing_oscillates():
    sweep = experiments.frequency_against_current(COFEB, DRIVE, I_C * np.array([0, 0.5, 0.8]), duration=40e-9, **HOW)
    assert np.isnan(sweep.frequency).all()
    assert sweep.amplitude.max() < 1e-3


def test_a_sweep_of_a_batch_is_a_loop():
    """Also of currents, which stand in front of the batch."""
    alpha, I = np.array([0.02, 0.03]), I_C * np.array([0.9, 1.3, 1.6])
    many = experiments.frequency_against_current(replace(COFEB, alpha=alpha), DRIVE, I, duration=20e-9, **HOW)
    assert many.frequency.shape == (3, 2) and many.threshold.shape == (2,)
    for k in range(2):
        one = experiments.frequency_against_current(replace(COFEB, alpha=alpha[k]), DRIVE, I, duration=20e-9, **HOW)
        for name in ("frequency", "amplitude"):
            np.testing.assert_allclose(getattr(many, name)[:, k], getattr(one, name), rtol=1e-9)
        assert many.threshold[k] == pytest.approx(one.threshold, rel=1e-9)


def test_the_ensemble_is_what_the_analysis_is_given():
    currents = I_C * np.array([0.8, 1.5, 1.7])
    sweep = experiments.frequency_against_current(COFEB, DRIVE, currents, **NOISY)
    how = {name: value for name, value in NOISY.items() if name not in ("discard", "realisations")}
    realisation = np.arange(12).reshape(4, 3)
    run = shno.simulate(COFEB, replace(DRIVE, I=currents), realisation=realisation, **how)
    np.testing.assert_array_equal(sweep.frequency, analysis.frequency(run, discard=12e-9).mean(axis=0))
    width, error = analysis.linewidth(run, realisations=0, discard=12e-9)
    assert np.isnan(sweep.linewidth[0])  # below the threshold no phase diffuses
    np.testing.assert_array_equal(sweep.linewidth[1:], width[1:])
    np.testing.assert_array_equal(sweep.error[1:], error[1:])


def test_a_spectral_map_has_the_thermal_resonance_and_the_line():
    currents = I_C * np.array([0.3, 0.8, 1.5])
    result = experiments.spectral_map(COFEB, DRIVE, currents=currents, **NOISY)
    assert result.density.shape == (len(result.frequency), 3)
    np.testing.assert_allclose(result.resonance, 9.9605e9, rtol=1e-5)
    np.testing.assert_allclose(result.threshold, I_C)
    np.testing.assert_array_equal(result.current, currents)
    peak = result.frequency[np.argmax(result.density, axis=0)]
    np.testing.assert_allclose(peak[:2], 9.96e9, atol=0.4e9)  # a thermal line of 400 and 100 MHz, 83 MHz bins
    assert peak[2] == pytest.approx(11.893e9, abs=0.2e9)
    power = result.density.sum(axis=0) * result.frequency[1]
    assert power[0] < power[1] < 0.1 < power[2]


def test_a_spectral_map_over_fields_has_a_threshold_and_a_resonance_at_each():
    B, I = np.asarray(DRIVE.B_ext) * np.array([[0.8], [1.0], [1.2]]), np.array([0.16e-3, 0.2e-3])
    result = experiments.spectral_map(
        COFEB, replace(DRIVE, I=I), fields=B, duration=20e-9, discard=5e-9, dt=1.25e-12, save_every=10
    )
    assert result.density.shape[1:] == (3, 2) and result.swept == "B_ext"
    for k in range(3):
        one = replace(DRIVE, B_ext=B[k])
        np.testing.assert_allclose(result.threshold[k], experiments.critical_current(COFEB, one), rtol=1e-9)
        np.testing.assert_allclose(result.resonance[k], experiments.fmr(COFEB, B[k]).frequency, rtol=1e-9)
        np.testing.assert_array_equal(result.current[k], I)
    assert np.all(np.diff(result.threshold, axis=0) > 0)


def test_the_corners_of_a_phase_diagram():
    """Rest below the threshold and at reversed current, out of plane above, switched far above; 0.3 T is weaker."""
    B = np.asarray(DRIVE.B_ext) * np.array([[1.0], [0.75]])
    currents = I_C * np.array([-1.5, 0.5, 1.01, 1.5, 2.6])
    how = {"duration": 100e-9, "dt": 1.25e-12, "save_every": 16}
    diagram = experiments.phase_diagram(COFEB, DRIVE, currents, B, **how)
    kinds = np.array(experiments.STATES)[diagram.state]
    assert kinds[:, 0].tolist() == ["rest", "rest", "in-plane", "out-of-plane", "switched"]
    assert kinds[[0, 3], 1].tolist() == ["rest", "out-of-plane"]
    assert diagram.frequency[3, 0] == pytest.approx(11.893e9, rel=1e-3)
    assert np.isnan(diagram.frequency[[0, 1, 4], 0]).all()
    assert diagram.threshold == pytest.approx([I_C, experiments.critical_current(COFEB, replace(DRIVE, B_ext=B[1]))])
    for i, j in ((3, 1), (4, 0)):
        one = experiments.phase_diagram(COFEB, DRIVE, currents[i : i + 1], B[j : j + 1], **how)
        assert one.state.item() == diagram.state[i, j]
        np.testing.assert_allclose(one.frequency.item(), diagram.frequency[i, j], rtol=1e-9)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda **how: experiments.critical_current(COFEB, 0.2e-3), TypeError, "drive"),
        (lambda **how: experiments.frequency_against_current(COFEB, DRIVE, 1e-4, **how), ValueError, "currents"),
        (lambda **how: experiments.frequency_against_current(COFEB, DRIVE, ["a"], **how), TypeError, "currents"),
        (
            lambda **how: experiments.frequency_against_current(COFEB, DRIVE, [1e-4], realisations=0, **how),
            *(ValueError, "realisations"),
        ),
        (lambda **how: experiments.spectral_map(COFEB, DRIVE, discard=0, **how), TypeError, "currents, fields"),
        (lambda **how: experiments.spectral_map(COFEB, DRIVE, discard=0, fields=[1, 2], **how), ValueError, "fields"),
        (lambda **how: experiments.spectral_map(COFEB, DRIVE, discard=9, currents=[0], **how), ValueError, "discard"),
        (lambda **how: experiments.phase_diagram(COFEB, DRIVE, [0], [[1, 2]], **how), ValueError, "fields"),
        (
            lambda **how: experiments.phase_diagram(COFEB, DRIVE, [0], [[0, 0, 1]], temperature=1.0, seed=1, **how),
            *(ValueError, "temperature"),
        ),
        (
            lambda **how: experiments.phase_diagram(COFEB, DRIVE, [0], [[0, 0, 1]], normal=(0, 0, 2), **how),
            *(ValueError, "normal"),
        ),
    ],
)
def test_bad_calls_name_the_parameter(call, error, match):
    with pytest.raises(error, match=match):
        call(duration=1e-12, dt=1e-12)
