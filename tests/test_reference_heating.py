"""The witness of a heated oscillator: closed forms of its temperature, and what the temperature changes."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad

from shno import reference, reference_physics
from shno.checks import IntegrationError
from shno.constants import mu_0
from shno.drive import Drive
from shno.oscillator import Oscillator
from shno.waveforms import Step

GAMMA = 1.76085963023e11
MS = 6e5
M0 = np.array([0.6, -0.48, 0.64])
T = np.linspace(0, 3e-9, 31)
SIZES = {"thickness": 5e-9, "width": 150e-9, "t_HM": 6e-9}
JOULE = {"R": 300.0, "R_th": 8e3, "C_th": 2e-9 / 8e3}  # 8 K/mW, 2 ns
DRIVE = Drive(I=2e-3, B_ext=(0.05, 0.02, 0.1))  # 1.2 mW
FILM = Oscillator(Ms=MS, alpha=0.03, gamma=GAMMA, theta_SH=0.08, **SIZES, **JOULE)


def heat(oscillator=FILM, drive=DRIVE, t=T, m0=M0, temperature=300.0, **settings):
    return reference.solve(oscillator, drive, m0, t, temperature=temperature, **settings)


def at(oscillator, drive, T, T0):
    """The arguments of `rate` after m, of one oscillator at temperature T."""
    one = reference_physics.member(oscillator, drive, (), (), T0=T0, noise=np.zeros((1, 3)))
    return reference_physics.conditions(one, drive.values(0.0), np.zeros(3), T)


def bloch(T, curie_temperature):
    return 1 - (T / curie_temperature) ** 1.5


def test_temperature_has_the_published_value():  # I15
    y = heat()
    assert y.shape == (31, 4)
    assert y[-1, 3] == pytest.approx(307.4579505, abs=5e-8)  # the printed digits
    assert y[:, 3] == pytest.approx(300 + 9.6 * (1 - np.exp(-T / 2e-9)), abs=1e-6)  # 1e-10 of 300 K, a few times
    assert heat(t=np.array([0, 60e-9]), m0=(0, 0, 1.0), drive=Drive(I=2e-3))[-1, 3] == pytest.approx(309.6, abs=1e-6)


def test_resistance_that_grows_speeds_the_heating_up():
    """C dT/dt = P + (P beta_R - 1/R_th) (T - T0) is an exponential again."""
    loss = 1 / 8e3 - 1.2e-3 * 2e-3
    expected = 300 + 1.2e-3 / loss * (1 - np.exp(-loss / JOULE["C_th"] * T))
    assert heat(replace(FILM, beta_R=2e-3))[:, 3] == pytest.approx(expected, abs=1e-6)  # as above


def test_a_solve_goes_on_from_a_temperature():
    rest = heat(t=T[10:], m0=heat()[10, :3], T_start=heat()[10, 3])
    assert rest == pytest.approx(heat()[10:], rel=1e-8)  # 100 x the tolerance asked for


def test_oscillator_cools_when_the_current_goes():
    T_C = heat(drive=Drive(I=Step(2e-3, 0.0, 1.234e-9)))[:, 3]
    risen = 9.6 * (1 - np.exp(-np.minimum(T, 1.234e-9) / 2e-9))
    assert T_C == pytest.approx(300 + risen * np.exp(-np.maximum(T - 1.234e-9, 0) / 2e-9), abs=1e-6)  # as above


def test_temperature_alone_does_not_touch_m():
    cold = Oscillator(Ms=MS, alpha=0.03, gamma=GAMMA, theta_SH=0.08, **SIZES)
    t = T[:11]
    assert heat(t=t)[:, :3] == pytest.approx(reference.solve(cold, DRIVE, M0, t), abs=1e-8)  # 100 x the tolerance
    far = replace(FILM, curie_temperature=1e9)  # Ms falls by 2e-9
    assert heat(far, t=t)[:, :3] == pytest.approx(heat(t=t)[:, :3], abs=1e-6)  # omega t 2e-9 = 4e-7


def test_precession_follows_the_magnetisation_down():
    """phi turns at -gamma mu_0 Ms(T) m_z in a film without a field, with T the known exponential."""
    film = Oscillator(Ms=MS, alpha=0.0, gamma=GAMMA, curie_temperature=700.0, **(JOULE | {"R": 9e3}))

    def angular_frequency(t):
        hot = 300 + 288 * (1 - np.exp(-t / 2e-9))
        return -GAMMA * mu_0 * MS * M0[2] * bloch(hot, 700.0) / bloch(300.0, 700.0)

    y = heat(film, drive=Drive(I=2e-3))
    phi = np.arctan2(y[:, 1], y[:, 0])
    turned = [quad(angular_frequency, 0, t, epsrel=1e-12)[0] for t in T]
    assert y[:, 3] == pytest.approx(300 + 288 * (1 - np.exp(-T / 2e-9)), abs=1e-6)  # as above
    assert np.exp(1j * (phi - phi[0])) == pytest.approx(np.exp(1j * np.array(turned)), abs=1e-7)  # 3e2 rad x 1e-10


def test_everything_magnetic_scales_with_the_temperature():
    n, Tc = 2.5, 900.0
    terms = {"Ku": 4e4, "Ku2": 1e4, "further_axes": [(1, 0, 0)], "further_Ku": [2e4], "further_Ku2": [3e3], "Kc": 5e3}
    terms |= {"vcma": -2e4, "J_iec": 1e-4, "oersted": (1e-15, 2e-15, 3e-15), "B_bias": (0.01, 0.02, 0.03)}
    magnet = replace(FILM, **terms, field_like=0.3, curie_temperature=Tc, Ku_exponent=n)
    drive = replace(DRIVE, V_gate=0.5, dKu=3e3)
    (cold, pushed), (hot, pushed_hot) = (at(magnet, drive, T, 300.0) for T in (300.0, 450.0))
    s = bloch(450.0, Tc) / bloch(300.0, Tc)
    assert 0.75 < s < 0.85
    assert cold.Ms == MS and cold.Ku == pytest.approx([4e4 + 3e3 - 1e4, 2e4])
    assert hot.Ms == pytest.approx(MS * s, rel=1e-14)
    for name in ("Ku", "Ku2", "Kc"):
        assert getattr(hot, name) == pytest.approx(s**n * np.array(getattr(cold, name)), rel=1e-14), name
    assert np.array_equal(hot.exchange, cold.exchange)  # J/m^3: its field grows as 1/s
    assert np.array_equal(hot.B, cold.B)
    for name in ("a_DL", "a_FL"):
        assert pushed_hot[name] == pytest.approx(pushed[name] / s, rel=1e-14), name
    assert {name: pushed[name] for name in ("alpha", "gamma")} == {"alpha": 0.03, "gamma": GAMMA}


def test_nothing_scales_before_it_is_heated():
    magnet = replace(FILM, Ku=4e4, curie_temperature=900.0)
    hot, cold = at(magnet, DRIVE, 300.0, 300.0)[0], at(replace(magnet, R_th=None), DRIVE, None, 300.0)[0]
    assert hot.Ms == cold.Ms == MS and np.array_equal(hot.Ku, cold.Ku)


def test_batch_equals_loop_while_heated():
    film = replace(FILM, curie_temperature=np.array([[800.0], [900.0]]), R_th=np.array([8e3, 4e3, 2e3]), beta_R=1e-3)
    t, b = T[:4], np.random.default_rng(1).normal(size=(3, 3, 3)) * 0.01
    y = heat(film, t=t, temperature=np.array([300.0, 310.0, 320.0]), B_noise=(b, 1e-10))
    assert y.shape == (4, 2, 3, 4)
    one = replace(FILM, curie_temperature=900.0, R_th=2e3, beta_R=1e-3)
    assert np.array_equal(y[:, 1, 2], heat(one, t=t, temperature=320.0, B_noise=(b[:, 2], 1e-10)))  # the same solve


def test_curie_temperature_is_an_error():
    film = replace(FILM, curie_temperature=303.0)
    with pytest.raises(IntegrationError, match=r"step \d+ of 31, t = .*: T = 303.* K is not in \[0, 303\) K"):
        heat(film)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"oscillator": replace(FILM, R=None)}, "R must be given with R_th, got None. Set it in Oscillator"),
        ({"oscillator": replace(FILM, C_th=None)}, "C_th must be given with R_th"),
        ({"drive": Drive(J=1e11)}, "drive must be a current I where R_th is given, got J"),
        ({"drive": Drive(a_DL=0.01)}, "drive must be a current I where R_th is given, got a_DL"),
        ({"temperature": -1.0}, "temperature must be >= 0, got -1"),
        ({"temperature": np.nan}, "temperature must be finite"),
        (
            {"oscillator": replace(FILM, curie_temperature=300.0)},
            "curie_temperature - temperature must be > 0, got 0. There is no magnet above it",
        ),
    ],
)
def test_wrong_input_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        heat(**change)
