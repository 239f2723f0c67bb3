"""Hysteresis of a particle of Stoner and Wohlfarth: an easy axis z of strength Bk (T), no other anisotropy."""

import numpy as np
import pytest

from shno import Oscillator, experiments, theory

Bk, MS = 0.2, 8e5
PARTICLE = {"Ms": MS, "alpha": 0.5, "Ku": Bk * MS / 2, "demag": (1 / 3, 1 / 3, 1 / 3)}


def along(degrees, x=0.6, y=0.8):
    """Unit vectors at angles to the easy axis."""
    psi = np.radians(degrees)
    return np.stack([x * np.sin(psi), y * np.sin(psi), np.cos(psi)], axis=-1)


def coercivity(degrees):
    """The exact one over Bk: the switching field up to 45 degrees; above, m . d passes 0 before."""
    return theory.stoner_wohlfarth_coercivity(np.radians(degrees))


def test_coercivities_are_those_of_stoner_and_wohlfarth():
    degrees = [0, 15, 30, 45, 60, 75]
    np.testing.assert_allclose(coercivity(degrees)[[1, 4]], [0.6146585095, 0.4330127019], rtol=1e-9)
    loop = experiments.hysteresis(Oscillator(**PARTICLE), along(degrees), 1.2 * Bk, steps=60)
    assert loop.m.shape == (121, 6, 3)
    np.testing.assert_allclose(loop.coercivity / Bk, coercivity(degrees), rtol=1e-7)  # bisection: 1e-9 of a step
    np.testing.assert_allclose(loop.bias, 0.0, atol=1e-7 * Bk)
    np.testing.assert_allclose(loop.remanence, np.cos(np.radians(degrees)), atol=1e-9)  # m lies along the easy axis


def test_the_length_of_the_steps_does_not_matter():
    short, long = (experiments.hysteresis(Oscillator(**PARTICLE), along(20), 0.25, steps=n) for n in (25, 140))
    assert short.coercivity == pytest.approx(long.coercivity, rel=1e-7)
    assert short.remanence == pytest.approx(long.remanence, rel=1e-9)


def test_every_point_is_an_energy_minimum():
    """m . (m x B) = 0 is Stoner and Wohlfarth's Bk/2 sin 2(phi) + B sin(phi - psi) = 0, of positive slope."""
    loop = experiments.hysteresis(Oscillator(**PARTICLE), along(30), 0.25, steps=40)
    phi = np.arctan2(loop.m @ np.array([0.6, 0.8, 0.0]), loop.m[:, 2])
    torque = Bk / 2 * np.sin(2 * phi) + loop.B * np.sin(phi - np.radians(30))
    np.testing.assert_allclose(torque, 0.0, atol=1e-10)
    assert np.all(Bk * np.cos(2 * phi) + loop.B * np.cos(phi - np.radians(30)) > 0)


def test_the_way_up_mirrors_the_way_down():
    seen = []
    loop = experiments.hysteresis(
        Oscillator(**PARTICLE), along([25, 65]), 0.3, steps=50, progress=lambda *of: seen.append(of)
    )
    assert seen[-1] == (101, 101) and len(seen) == 100
    np.testing.assert_allclose(loop.m_along[50:], -loop.m_along[:51], atol=1e-9)


def test_a_bias_field_shifts_the_loop():
    d = along(10)
    plain, biased = (
        experiments.hysteresis(Oscillator(**PARTICLE, B_bias=B), d, 0.3, steps=50) for B in (0 * d, 0.03 * d)
    )
    assert biased.bias == pytest.approx(-0.03, rel=1e-6)
    assert biased.coercivity == pytest.approx(plain.coercivity, rel=1e-6)


def test_a_field_that_is_too_weak_reverses_nothing():
    loop = experiments.hysteresis(Oscillator(**PARTICLE), along([0, 30]), 0.4 * Bk, steps=20)
    assert np.isnan(loop.coercivity).all() and np.isnan(loop.bias).all()


def test_a_batch_of_loops_is_a_loop():
    degrees, Ku = np.array([5, 40, 70]), np.array([1e4, 3e4, 7e4])
    many = experiments.hysteresis(Oscillator(**PARTICLE | {"Ku": Ku}), along(degrees), 0.25, steps=30)
    for k in range(3):
        one = experiments.hysteresis(Oscillator(**PARTICLE | {"Ku": Ku[k]}), along(degrees[k]), 0.25, steps=30)
        np.testing.assert_allclose(many.m[:, k], one.m, atol=1e-8)  # descents stop at 1e-12 of the field
        assert many.coercivity[k] == pytest.approx(one.coercivity, rel=1e-7)


def test_a_sweep_in_time_is_wider_and_nears_the_quasi_static_loop():
    """The delay past the point where the minimum vanishes goes as the rate to the power 2/3."""
    degrees = np.array([15.0, 30.0])
    sweeps = [
        experiments.swept_hysteresis(
            Oscillator(**PARTICLE), along(degrees, 1, 0), 1.2 * Bk, duration=T, dt=2.5e-12, save_every=8
        )
        for T in (200e-9, 1600e-9)
    ]
    fast, slow = (sweep.coercivity / Bk - coercivity(degrees) for sweep in sweeps)
    assert np.all(slow > 0)
    np.testing.assert_allclose(fast / slow, 8 ** (2 / 3), rtol=0.1)  # of the power's own corrections
    np.testing.assert_allclose(sweeps[1].remanence, np.cos(np.radians(degrees)), atol=1e-3)
    np.testing.assert_allclose(sweeps[1].bias, 0.0, atol=1e-6)


def test_the_field_of_a_sweep_goes_down_and_up():
    d = along([15.0, 30.0], 1, 0)
    sweep = experiments.swept_hysteresis(Oscillator(**PARTICLE), d, 0.24, duration=8e-9, dt=2.5e-12, save_every=8)
    np.testing.assert_allclose(sweep.B[[0, 100, 200, 300, 400]], [0.24, 0, -0.24, 0, 0.24], atol=1e-12)
    assert sweep.m.shape == (401, 2, 3)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda o: experiments.hysteresis(o, (1, 1, 0), 0.2, steps=10), ValueError, "directions"),
        (lambda o: experiments.hysteresis(o, along(3), -0.2, steps=10), ValueError, "B_max must be in"),
        (lambda o: experiments.hysteresis(o, along(3), [0.2], steps=10), ValueError, "B_max must be one number"),
        (lambda o: experiments.hysteresis(o, along(3), 0.2, steps=1), ValueError, "steps"),
        (lambda o: experiments.hysteresis(o, along(3), 0.2, steps=2.0), TypeError, "steps"),
        (lambda o: experiments.hysteresis(o, along(3), 0.2, steps=4, drive=3), TypeError, "drive"),
        (lambda o: experiments.hysteresis(o, along(3), 0.2, steps=4, progress=3), TypeError, "progress"),
        (lambda o: experiments.swept_hysteresis(o, along(3), 0.2, duration=0, dt=1e-12), ValueError, "duration"),
        (lambda o: experiments.swept_hysteresis(o, along(3), 0.2, duration=1e-9, dt="1"), TypeError, "dt"),
    ],
)
def test_bad_calls_name_the_parameter(call, error, match):
    with pytest.raises(error, match=match):
        call(Oscillator(**PARTICLE))
