import inspect

import numpy as np
import pytest
import torch

import shno
from neuromorph import SHNOLayer
from neuromorph.regimes import REGIMES, input_range, regime
from shno.stability import thermal_state
from validation import envelope
from validation.spiking import held

ROOM = 300.0  # K


def rest(settings, x=0.0):
    """The equilibrium at an input of x on top of the bias, and the eigenvalues there."""
    a_DL = shno.parameters(settings["oscillator"], settings["bias"])["a_DL"] + x * settings["critical_torque"]
    drive = shno.Drive(a_DL=a_DL, B_ext=settings["bias"].B_ext)
    m = shno.equilibrium(settings["oscillator"], drive, driven=True)
    return m, shno.eigenvalues(settings["oscillator"], drive)


@pytest.mark.parametrize("name", REGIMES)
def test_at_the_bias_m_rests_armed_and_below_the_threshold(name):
    settings = regime(name)
    m, eigenvalues = rest(settings)
    assert (eigenvalues.real < 0).all()
    assert m[settings["component"]] < settings["rearm"] < settings["threshold"] < 1


@pytest.mark.parametrize("name", REGIMES)
def test_input_destabilises_the_rest_state_and_its_range_starts_where_it_is_lost(name):
    settings, (onset, end) = regime(name), input_range(name)
    slowest = [rest(settings, x)[1].real.max() for x in (-0.3, 0.0, 0.9 * onset)]
    assert slowest == sorted(slowest) and slowest[-1] < 0
    if name == "burst":  # m_eq stays and is left by growing precession; in the easy plane it is gone
        assert rest(settings, 1.1 * onset)[1].real.max() > 0
    else:
        with pytest.raises(shno.IntegrationError):
            rest(settings, 1.01 * onset)
    assert 0 < onset < end < settings["clip"]


@pytest.mark.parametrize("name", REGIMES)
def test_the_input_is_in_units_of_the_torque_at_which_rest_is_lost(name):
    settings = regime(name)
    if name == "burst":
        drive = shno.Drive(I=0.0, B_ext=settings["bias"].B_ext)
        assert settings["critical_torque"] == shno.critical_torque(settings["oscillator"], drive)
        assert settings["bias"].I > 0  # the current of the preset that oscillates
    else:
        pinning = np.linalg.norm(settings["bias"].B_ext)
        assert settings["critical_torque"] == shno.theory.depinning_torque(pinning, wells=1)


@pytest.mark.parametrize("name", REGIMES)
def test_settings_are_made_anew(name):
    settings = regime(name)
    settings["threshold"] = 0.0
    assert regime(name)["threshold"] != 0.0


@pytest.mark.parametrize("bad", ["Burst", "", "spiking"])
def test_an_unknown_regime_is_named(bad):
    for function in (regime, input_range):
        with pytest.raises(ValueError, match=rf"name must be one of phase-slip, burst, got '{bad}'\. "):
            function(bad)


@pytest.mark.parametrize("bad", [None, 3, b"burst", ["burst"], np.array(["burst"])])
def test_a_regime_that_is_no_string_is_refused(bad):
    with pytest.raises(TypeError, match="name must be a string, got "):
        regime(bad)


def test_the_layer_is_a_phase_slip_neuron_by_default():
    known = inspect.signature(SHNOLayer).parameters
    settings = {key: value for key, value in regime("phase-slip").items() if key in known}
    for key, value in settings.items():
        if known[key].default is not None:
            assert known[key].default == value, key
    x = torch.linspace(-1, 6, 12).reshape(4, 3)
    assert torch.equal(SHNOLayer(3)(x)[0], SHNOLayer(3, **settings)(x)[0])


def test_the_burst_neuron_is_watched_where_it_precesses_most_and_clear_of_its_noise():
    settings = regime("burst")
    runs = np.arange(4000)
    drawn = thermal_state(settings["oscillator"], settings["bias"], ROOM, 1, runs)  # of the well without current
    rms, k = drawn.std(axis=0), settings["component"]
    assert rms.argmax() == k
    # 4 standard errors, 1/sqrt(2 n) each
    assert rms[k] == pytest.approx(np.sqrt(envelope.thermal_variance(ROOM)), rel=4 / np.sqrt(2 * len(runs)))
    at_bias = rms[k] / np.sqrt(input_range("burst")[0])  # power_below_threshold: 1 / (1 - zeta)
    reach = settings["threshold"] - rest(settings)[0][k]
    assert 4 < reach / at_bias < 5


def test_a_burst_step_is_ten_periods_and_its_reset_takes_what_a_step_at_clip_adds():
    settings = regime("burst")
    _, eigenvalues = rest(settings)
    assert settings["neural_step"] * np.abs(eigenvalues.imag).max() / (2 * np.pi) == pytest.approx(10, abs=0.5)
    added = envelope.growth(settings["clip"]) * settings["neural_step"]
    assert -2 * np.log(1 - settings["reset_fraction"]) == pytest.approx(added, rel=0.03)  # 2.77 and 2.82


def test_closed_forms_of_the_burst_neuron_are_the_eigenvalues_and_the_kick():
    settings = regime("burst")
    at_no_current = rest(settings, -0.9)[1]
    assert pytest.approx(-at_no_current.real.max(), rel=1e-9) == envelope.GAMMA
    a, b = envelope.rest(0.9), envelope.rest(1.4)
    # the equilibrium moves along m_x nearly: the ellipse about the new one that passes the old is as wide as the move
    assert np.sqrt(envelope.power(a, 1.4)) == pytest.approx(np.abs(a - b)[settings["component"]], rel=0.01)


@pytest.mark.parametrize("name", REGIMES)
def test_below_the_onset_a_neuron_without_noise_is_silent_and_above_it_more_input_is_more_spikes(name):
    onset, end = input_range(name)
    silent, _, _ = held(name, np.array([-1.0, 0.0, 0.9 * onset]), steps=40)
    assert not silent.any()
    _, crossings, first = held(name, np.array([0.3, 0.6, 0.9]) * end)
    spiked = held(name, np.array([0.3, 0.6, 0.9]))[0]
    assert (np.diff(spiked[:, 0]) > 0).all() and (np.diff(first[:, 0]) < 0).all() and (crossings > 0).all()
