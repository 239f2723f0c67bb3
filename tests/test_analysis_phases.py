"""Phases and frequencies of known turns."""

import numpy as np
import pytest
from test_analysis import DT, cone, noisy_oscillation, orbit, rotation, trajectory

from shno.analysis import (
    analytic_phase,
    frequency,
    instantaneous_frequency,
    mean_frequency,
    phase,
    phase_frequency,
)

T = DT * np.arange(10001)  # 10 ns
AXIS = np.array([2.0, -1.0, 2.0]) / 3  # about which `rotation` turns by 0.7 rad


@pytest.mark.parametrize("axis", [(0, 0, 1.0), (1.0, 0, 0), (0, 1.0, 0), tuple(AXIS)])
def test_the_phase_about_an_axis_is_the_angle_turned(axis):
    phi = 0.4 + 2 * np.pi * 5.03e9 * T - 1e18 * T**2 / 2
    along, theta = np.array(axis), 0.6
    across = np.cross(along, [0.3, 0.5, 0.2])
    across /= np.linalg.norm(across)
    m = np.cos(theta) * along + np.sin(theta) * (
        np.multiply.outer(np.cos(phi), across) + np.multiply.outer(np.sin(phi), np.cross(along, across))
    )
    found = phase(trajectory(m), axis=axis)
    assert np.allclose(found - found[0], phi - phi[0], rtol=0, atol=1e-11)  # rounding of 50 turns


def test_the_phase_counts_from_the_next_axis():
    phi = 0.4 + 2 * np.pi * 5e9 * T
    z = cone(phi)
    for k, axis in enumerate(np.roll(np.eye(3), 1, axis=0)):  # z, x, y
        found = phase(trajectory(np.roll(z, k, axis=-1)), axis=axis)
        assert np.allclose(found, phi, rtol=0, atol=1e-11)
    assert np.allclose(phase(trajectory(z)), phi, rtol=0, atol=1e-9)  # the fitted orbit is the same circle


@pytest.mark.parametrize("ellipticity", [1.0, 0.3, 0.05])
def test_the_phase_of_an_ellipse_is_uniform(ellipticity):
    m = orbit(5.03e9, 10e-9, amplitude=0.3, ellipticity=ellipticity)
    expected = 0.3 + 2 * np.pi * 5.03e9 * T
    assert np.allclose(phase(trajectory(m)), expected, rtol=0, atol=1e-7)  # 50 turns: the window leaks below 1e-8
    turned = phase(trajectory(rotation(m)))
    assert np.allclose(np.diff(turned), 2 * np.pi * 5.03e9 * DT, rtol=1e-5)
    azimuth = phase(trajectory(m), axis=(0, 0, 1.0))
    assert np.ptp(azimuth - expected) > 0.5 * (ellipticity < 1)  # about a given axis it is not


@pytest.mark.parametrize("ellipticity", [1.0, 0.3, 0.05])
@pytest.mark.parametrize("amplitude", [1e-3, 0.5, 0.99])
def test_the_phase_frequency_of_a_pure_precession_is_right_to_1e_7_from_8_turns(amplitude, ellipticity):
    for turns in np.linspace(8.05, 60, 30):
        run = trajectory(orbit(turns * 1e9, 1e-9, amplitude=amplitude, ellipticity=ellipticity, phase=turns))
        assert phase_frequency(run, discard=0.0) == pytest.approx(turns * 1e9, rel=1e-7)


def test_the_phase_frequency_of_a_component_is_right_to_1e_6():
    for turns in np.linspace(15.05, 60, 20):
        run = trajectory(orbit(turns * 1e9, 1e-9, ellipticity=0.3, phase=turns))
        assert phase_frequency(run, discard=0.0, component="x") == pytest.approx(turns * 1e9, rel=1e-6)
    run = trajectory(orbit(40e9, 1e-9, ellipticity=0.3))  # m_z has the double frequency and its harmonics
    assert phase_frequency(run, discard=0.0, component="z") == pytest.approx(2 * 40e9, rel=1e-6)


def test_the_sign_tells_the_sense_of_the_turn():
    m = orbit(5e9, 10e-9, ellipticity=0.3)
    right = phase_frequency(trajectory(m))
    assert right == pytest.approx(5e9, rel=1e-9)
    mirrored = m * [1, -1, 1]
    assert phase_frequency(trajectory(mirrored)) == pytest.approx(-5e9, rel=1e-9)
    below = m * [1, 1, -1]  # m points down: the same turn is left-handed about it, not about +z
    assert phase_frequency(trajectory(below)) == pytest.approx(-5e9, rel=1e-9)
    assert phase_frequency(trajectory(below), axis=(0, 0, 1.0)) == pytest.approx(5e9, rel=1e-9)
    assert phase_frequency(trajectory(m[::-1])) == pytest.approx(-5e9, rel=1e-9)
    assert phase_frequency(trajectory(mirrored), component="y") == pytest.approx(5e9, rel=1e-6)  # has no sense


def test_bent_pulsed_and_great_circles_have_their_axis():
    turns = 2 * np.pi * 50.3 * np.linspace(0, 1, 10001)
    x, y = 0.85 * np.sin(turns), 0.25 * np.cos(turns)  # about -z; z swings by 0.47, more than y
    clam = np.stack([x, y, np.sqrt(1 - x**2 - y**2)], axis=-1)
    angle = turns - 0.9 * np.sin(turns)
    pulsed = np.stack([0 * angle, np.sin(angle), np.cos(angle)], axis=-1)  # <m> = 0.45 in the plane of the orbit
    great = np.stack([0 * turns, np.cos(turns), np.sin(turns)], axis=-1)  # <m> = 0
    for m, f in ((clam, -50.3 / 10e-9), (pulsed, -50.3 / 10e-9), (great, 50.3 / 10e-9)):
        for turned in (m, rotation(m)):
            assert abs(phase_frequency(trajectory(turned), discard=0.0)) == pytest.approx(abs(f), rel=1e-8)
    assert phase_frequency(trajectory(clam)) < 0
    assert phase_frequency(trajectory(great)) > 0  # no side of mean m: the largest component of the axis is positive
    assert phase_frequency(trajectory(pulsed)) < 0


def test_what_does_not_turn_has_no_phase():
    at_rest = np.tile([0.6, 0.0, 0.8], (5000, 1))
    swing = 0.5 * np.sin(2 * np.pi * 5e9 * T)
    to_and_fro = rotation(np.stack([swing, 0 * swing, np.sqrt(1 - swing**2)], axis=-1))
    for m in (at_rest, at_rest.astype(np.float32), orbit(5e9, 10e-9, amplitude=5e-7), to_and_fro):
        assert np.isnan(phase(trajectory(m))).all()
        assert np.isnan(instantaneous_frequency(trajectory(m))).all()
        assert np.isnan(phase_frequency(trajectory(m)))
    assert phase_frequency(trajectory(to_and_fro), component="x") == pytest.approx(5e9, rel=1e-6)
    assert np.isnan(phase_frequency(trajectory(orbit(5e9, 3e-9))))  # 7.5 turns in the second half


def test_the_instantaneous_frequency_of_a_chirp_is_right():
    phi = 0.4 + 2 * np.pi * (3e9 * T + 2e17 * T**2 / 2)  # 3 to 5 GHz: central differences are exact
    run = trajectory(cone(phi))
    found = instantaneous_frequency(run, axis=(0, 0, 1.0))
    assert found.shape == T.shape
    assert np.allclose(found, 3e9 + 2e17 * T, rtol=1e-9)
    later = instantaneous_frequency(run, axis=(0, 0, 1.0), discard=4e-9)
    assert np.allclose(later, found[4000:], rtol=1e-9)
    middle = phase_frequency(run, axis=(0, 0, 1.0), discard=0.0)
    assert middle == pytest.approx(4e9, rel=1e-9)  # even weights: the middle of the chirp


def test_start_time_precision_and_scale_do_not_matter():
    m = rotation(orbit(5e9, 20e-9, ellipticity=0.3))
    f = phase_frequency(trajectory(m))
    assert phase_frequency(trajectory(m, t0=1e-6)) == pytest.approx(f, rel=1e-12)
    assert phase_frequency(trajectory(m.astype(np.float32))) == pytest.approx(f, rel=1e-9)  # 6e-8 rad in 314, averaged
    assert phase_frequency(trajectory(m, dt=1e-3)) == pytest.approx(f * 1e-9, rel=1e-12)
    assert phase_frequency(trajectory(m)) == pytest.approx(frequency(trajectory(m)), rel=1e-9)


def test_batch_equals_loop(monkeypatch):
    cases = ((3.7e9, 0.1), (5e9, 0.5), (9e9, 0.9), (9e9, 0.0), (4e9, 0.2), (6e9, 0.3))  # f, amplitude; one at rest
    lines = [orbit(f, 5e-9, amplitude=amplitude, ellipticity=0.5) for f, amplitude in cases]
    batch = trajectory(np.stack(lines, axis=1).reshape(-1, 2, 3, 3))
    axes = np.array([[0.0, 0, 1], [0, 0.6, 0.8], [0.6, 0, 0.8]])
    for chunk in (2**21, 2 * len(batch.t)):
        monkeypatch.setattr("shno.analysis.door.CHUNK", chunk)
        for settings in ({}, {"component": "y"}, {"axis": axes}):
            found = phase(batch, **settings)
            assert found.shape == (len(batch.t), 2, 3)
            for k, m in enumerate(lines):
                alone = settings | ({"axis": axes[k % 3]} if "axis" in settings else {})
                expected = phase(trajectory(m), **alone)
                assert np.allclose(found[:, k // 3, k % 3], expected, rtol=0, atol=1e-9, equal_nan=True)
    found = phase_frequency(batch)
    expected = [phase_frequency(trajectory(m)) for m in lines]
    assert found.shape == (2, 3) and np.isnan(found).sum() == 1
    assert np.allclose(found.ravel(), expected, rtol=1e-12, atol=0, equal_nan=True)
    assert isinstance(expected[0], float)


def test_a_diffusing_phase_scatters_the_frequency_as_stated():
    rng, f, fwhm, n, k = np.random.default_rng(11), 5e9, 5e6, 2001, 400
    steps = 2 * np.pi * f * 5e-12 + rng.normal(size=(n, k)) * np.sqrt(2 * np.pi * fwhm * 5e-12)
    found = phase_frequency(trajectory(cone(np.cumsum(steps, axis=0)), dt=5e-12, temperature=300.0), discard=0.0)
    deviation = np.sqrt(35 / 18 * fwhm / (2 * np.pi * (n - 1) * 5e-12))
    assert abs(found.mean() - f) < 4 * deviation / np.sqrt(k)
    assert abs(found.std() / deviation - 1) < 4 / np.sqrt(2 * k)


def test_the_phase_of_a_noisy_oscillation_has_its_mean_frequency():
    f, quality, n = 10e9, 20, 50_000
    found = phase_frequency(trajectory(noisy_oscillation(f, quality, n), temperature=300.0), discard=0.0)
    deviation = np.sqrt(35 / 18 * f / quality / (2 * np.pi * n * DT))  # of the phase's diffusion, 56 MHz; seed 5
    assert abs(found - f) < 4 * deviation


def test_arrays_have_the_same_phase_and_frequency():
    f, t = 5.03e9, 3e-9 + T
    voltage = 1e-3 + 2e-5 * np.cos(2 * np.pi * f * T + 0.3)
    phi = analytic_phase(voltage)
    inner = slice(1000, -1000)  # five periods from the ends
    assert np.allclose(phi[inner], (2 * np.pi * f * T + 0.3)[inner], rtol=0, atol=0.1)
    assert mean_frequency(t, phi) == pytest.approx(f, rel=1e-8)
    both = np.stack([phi, -2 * phi], axis=-1)
    assert np.allclose(mean_frequency(t, both), [f, -2 * f], rtol=1e-8)
    run = trajectory(orbit(f, 10e-9))
    assert np.allclose(phase(run, component="x"), analytic_phase(run.m[:, 0]), rtol=0, atol=1e-12)
