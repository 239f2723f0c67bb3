"""Noise in a run moves the frequency as constant changes do; and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

import shno
from shno import Drive, noise

FROZEN = {"f_low": 1e-2, "f_high": 1.0, "duration": 40e-9, "interval": 10e-9, "seed": 3}
NOMINAL, B_EXT = shno.preset("w-cofeb-pma"), shno.operating_point("w-cofeb-pma").B_ext
I_C = 0.12163e-3  # A, of that preset


def test_flicker_noise_of_the_anisotropy_moves_the_frequency_by_its_sensitivity():
    """190.7 MHz at +1 % of Ku; nearly without damping, so that the line is sharp."""
    oscillator = replace(NOMINAL, alpha=1e-5)
    x = noise.flicker(0.005, realisation=np.arange(12), **FROZEN)
    m0 = shno.equilibrium(oscillator, Drive(I=0.0, B_ext=B_EXT, dKu=oscillator.Ku * x.at(0.0)))
    m0 = m0 + 2e-3 * np.array([0.0, 1.0, 0.0])
    m0 /= np.linalg.norm(m0, axis=-1, keepdims=True)
    run = shno.simulate(oscillator, Drive(I=0.0, B_ext=B_EXT, dKu=oscillator.Ku * x), duration=8e-9, dt=1e-12, m0=m0)
    fit = np.poly1d(np.polyfit(100 * x.at(0.0), shno.analysis.frequency(run), 3))
    damped, width = 9.9605e9, 498e6  # f0 and FWHM at alpha = 0.025
    undamped = np.sqrt((1 + 0.025**2) * (damped**2 + (width / 2) ** 2))
    assert fit(0) == pytest.approx(undamped, rel=1e-5)  # half of the last digit is 5e-6
    assert fit(1) - fit(0) == pytest.approx(190.7e6, rel=2e-3)  # RK4's phase error is far less; the amplitude's 1e-6


def test_flicker_noise_of_the_current_moves_the_frequency_as_constant_currents_do():
    x = noise.flicker(0.01, realisation=np.arange(6), **FROZEN)
    runs = [
        shno.simulate(
            NOMINAL, Drive(I=1.2 * I_C * (1 + change), B_ext=B_EXT), duration=40e-9, dt=1e-12
        )  # 20 ns of transient
        for change in (x, x.at(0.0))
    ]
    noisy, constant = (shno.analysis.frequency(run) for run in runs)
    assert noisy == pytest.approx(constant, rel=5e-6)  # in 40 ns the slow noise moves I by some 4e-6
    slope, f = np.polyfit(x.at(0.0), noisy, 1)
    published = 1.2 * (11.893e9 - 10.106e9) / (1.5 - 1.05)  # of f(I/I_c) about 1.2
    assert slope == pytest.approx(published, rel=0.05)  # the table's curve bends
    assert f == pytest.approx(10.715e9, rel=2e-3)


def test_telegraph_noise_of_the_current_makes_the_frequency_hop():
    """Between 1.2 and 1.5 I_c; the oscillator forgets the state it hopped from."""
    hops = noise.telegraph(1 / 9, dwell_up=30e-9, dwell_down=30e-9, duration=20e-9, interval=20e-9, seed=1,
                           realisation=np.arange(12))  # fmt: skip
    before, after = hops.values > 0
    assert {(True, True), (True, False), (False, True), (False, False)} == set(zip(before, after, strict=True))
    run = shno.simulate(NOMINAL, Drive(I=1.35 * I_C * (1 + hops), B_ext=B_EXT), duration=40e-9, dt=1e-12)
    f = shno.analysis.frequency(run, discard=30e-9)
    assert f == pytest.approx(np.where(after, 11.893e9, 10.715e9), rel=1e-3)  # the cycle is still closing in: 1e-4


TIMES = {"duration": 1e-8, "interval": 1e-9, "seed": 1}
BAND = {"f_low": 1e6, "f_high": 1e9}


def flicker(rms=1.0, **more):
    return noise.flicker(rms, **(BAND | TIMES | more))


def telegraph(amplitude=1.0, **more):
    return noise.telegraph(amplitude, **({"dwell_up": 1e-8, "dwell_down": 1e-8} | TIMES | more))


@pytest.mark.parametrize(
    ("error", "words", "call"),
    [
        (ValueError, "rms must be", lambda: flicker(-1.0)),
        (ValueError, "rms must be", lambda: flicker(np.inf)),
        (ValueError, "rms must be", lambda: flicker(1e300)),
        (TypeError, "rms must be", lambda: flicker("loud")),
        (ValueError, "f_low must be", lambda: flicker(f_low=0.0)),
        (TypeError, "f_low must be", lambda: flicker(f_low=[1e3, 1e4])),
        (ValueError, "f_high must be above f_low", lambda: flicker(f_high=1e6)),
        (ValueError, "f_high must be", lambda: flicker(f_high=np.nan)),
        (ValueError, "f_high must be", lambda: flicker(f_high=10**400)),
        (TypeError, "f_high must be", lambda: flicker(f_high=1e9 + 1j)),
        (ValueError, "f_high must be", lambda: flicker(f_high=10**50)),
        (ValueError, "duration must be", lambda: flicker(duration=0.0)),
        (TypeError, "duration must be", lambda: flicker(duration=None)),
        (ValueError, "interval must be", lambda: flicker(interval=-1e-9)),
        (TypeError, "interval must be", lambda: flicker(interval=True)),
        (ValueError, "duration/interval", lambda: flicker(duration=1.0, interval=1e-12)),
        (ValueError, "duration/interval", lambda: flicker(realisation=np.empty(0, int))),
        (TypeError, "seed must be", lambda: flicker(seed=None)),
        (ValueError, "seed must be", lambda: flicker(seed=2**64)),
        (TypeError, "realisation must be", lambda: flicker(realisation=0.5)),
        (ValueError, "realisation must be", lambda: flicker(realisation=[0, -1])),
        (ValueError, "rms and realisation must be", lambda: flicker([1.0, 2.0], realisation=np.arange(3))),
        (TypeError, "shared must be", lambda: flicker(shared=1)),
        (ValueError, "start must be", lambda: flicker(start=np.nan)),
        (ValueError, "interpolation must be", lambda: flicker(interpolation="cubic")),
        (ValueError, "rate must be", lambda: noise.ornstein_uhlenbeck(1.0, rate=0.0, **TIMES)),
        (TypeError, "rate must be", lambda: noise.ornstein_uhlenbeck(1.0, rate=np.ones(2), **TIMES)),
        (ValueError, "rms must be", lambda: noise.ornstein_uhlenbeck([1.0, np.nan], rate=1e8, **TIMES)),
        (ValueError, "amplitude must be", lambda: telegraph(-0.1)),
        (ValueError, "dwell_up must be", lambda: telegraph(dwell_up=0.0)),
        (ValueError, "dwell_down must be", lambda: telegraph(dwell_down=[1e-9, np.inf])),
        (TypeError, "dwell_down must be", lambda: telegraph(dwell_down=None)),
        (ValueError, "dwell_up and", lambda: telegraph(dwell_up=np.ones(2), realisation=np.arange(3))),
        (ValueError, "sd must be", lambda: noise.offset(-1.0, seed=1)),
        (TypeError, "seed must be", lambda: noise.offset(1.0, seed="one")),
        (ValueError, "sd and realisation", lambda: noise.offset(np.ones(2), seed=1, realisation=np.arange(3))),
        (ValueError, "rho must be", lambda: noise.common_mode(1.0, 2.0, 1.1)),
        (TypeError, "rho must be", lambda: noise.common_mode(1.0, 2.0, None)),
        (TypeError, "private must be", lambda: noise.common_mode("a", 2.0, 0.5)),
        (ValueError, "common must be", lambda: noise.common_mode(1.0, np.nan, 0.5)),
        (ValueError, "rho and private", lambda: noise.common_mode(np.ones(2), np.ones(3), 0.5)),
        (ValueError, "h must be", lambda: noise.flicker_rms(-1.0, **BAND)),
        (ValueError, "f_high must be", lambda: noise.flicker_rms(1.0, f_low=2.0, f_high=1.0)),
    ],
)
def test_what_is_no_noise_is_refused_by_name(error, words, call):
    with pytest.raises(error, match=words):
        call()


def test_extreme_but_allowed_numbers_overflow_nothing():
    for rate, interval in ((1e60, 1e29), (1e-60, 1e-30)):
        x = noise.ornstein_uhlenbeck(1e59, rate=rate, duration=3 * interval, interval=interval, seed=1).values
        assert np.isfinite(x).all()
    for dwell in (1e-30, 1e30):
        telegraph(1e59, dwell_up=dwell, dwell_down=1e-30, duration=1e30, interval=1e29)
    for f_low, f_high in ((1e-30, 1e30), (1e29, np.nextafter(1e29, 1e30))):
        assert np.isfinite(flicker(f_low=f_low, f_high=f_high).values).all()
