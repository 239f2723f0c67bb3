"""Averaged spectra, power, amplitude, cone angle and envelope of known precessions."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from test_analysis import DT, cone, orbit, rotation, trajectory

from shno.analysis import amplitude, cone_angle, envelope, frequency, low_pass, power, spectrum, welch

T = DT * np.arange(10001)  # 10 ns


def test_welch_of_white_noise_is_flat_with_the_stated_scatter():
    m = np.random.default_rng(21).normal(size=(2**13, 40, 3))
    f, S = welch(trajectory(m), segment=256 * DT, component="y")
    assert f[-1] == pytest.approx(0.5 / DT) and S.shape == (129, 40)
    inner, segments = S[1:-1] / (2 * DT), 2 * 32 - 1  # unit variance over a bandwidth of 1/(2 dt)
    deviation = np.sqrt(19 / 18 / segments)
    assert np.all(np.abs(inner.mean(axis=1) - 1) < 5 * deviation / np.sqrt(40))  # 5 because there are 127 values
    scatter = inner.std(axis=1).mean()
    assert scatter == pytest.approx(deviation, rel=4 * np.sqrt(1 / (2 * 40 * 127) * 35 / 18) + 1 / 80)  # and of K


def test_one_segment_over_the_whole_time_is_the_spectrum():
    m = np.array([3.0, 0, 0]) + np.random.default_rng(22).normal(size=(1000, 2, 3))
    run = trajectory(m)
    for component in ("x", "all"):
        f, S = spectrum(run, component=component, discard=0.2e-9)
        f_welch, S_welch = welch(run, segment=800 * DT, component=component, discard=0.2e-9)
        assert np.allclose(f, f_welch) and np.allclose(S[1:], S_welch[1:], rtol=1e-9)


def test_welch_integrates_to_the_variance_and_adds_the_components():
    run = trajectory(rotation(orbit(5e9, 10e-9, ellipticity=0.3)))
    f, S = welch(run, segment=2e-9)
    variance = run.m.var(axis=0).sum()
    assert S.sum() * f[1] == pytest.approx(variance, rel=1e-3)  # the segments weigh the ends less
    total = sum(welch(run, segment=2e-9, component=component)[1] for component in "xyz")
    assert np.allclose(total, S, rtol=1e-12)


@pytest.mark.parametrize("ellipticity", [1.0, 0.3])
def test_the_power_of_a_line_is_half_its_squared_amplitude(ellipticity):
    run = trajectory(orbit(5e9, 10e-9, amplitude=0.4, ellipticity=ellipticity))
    assert power(run, component="x") == pytest.approx(0.4**2 / 2, rel=1e-8)  # 25 periods
    assert power(run, component="y") == pytest.approx((0.4 * ellipticity) ** 2 / 2, rel=1e-8)
    assert power(run) == pytest.approx(0.4**2 / 2 * (1 + ellipticity**2), rel=1e-8)  # m_z is a harmonic of it
    few = trajectory(orbit(14.3e9, 1e-9, amplitude=0.4, ellipticity=ellipticity))
    assert power(few, component="x", discard=0.0) == pytest.approx(0.4**2 / 2, rel=1e-5)


def test_power_without_a_line_is_nan_as_the_frequency_is():
    lines = [orbit(5e9, 10e-9, amplitude=amplitude) for amplitude in (0.3, 0.0, 0.1, 0.2)]
    run = trajectory(np.stack(lines, axis=1).reshape(-1, 2, 2, 3))
    assert np.array_equal(np.isnan(power(run)), np.isnan(frequency(run)))
    assert np.allclose(power(run).ravel(), [0.09, np.nan, 0.01, 0.04], rtol=1e-8, equal_nan=True)
    noise = np.random.default_rng(3).normal(size=(20000, 3))
    assert np.isnan(power(trajectory(noise, temperature=300.0)))


def test_white_noise_beside_a_line_does_not_count_to_its_power():
    rng, n = np.random.default_rng(23), 20001
    m = orbit(5e9, 20e-9, amplitude=0.1)[:, None] + 0.05 * rng.normal(size=(n, 50, 3))
    found = power(trajectory(m, temperature=300.0), component="x", discard=0.0)
    inside = 0.05**2 * 2 / 3 * 5e9 / (0.5 / DT)  # what falls into the band |f - f0| < f0/3
    deviation = found.std() / np.sqrt(50)
    assert abs(found.mean() - 0.1**2 / 2 - inside) < 4 * deviation < 0.05 * 0.05**2


@pytest.mark.parametrize("theta", [1e-3, 0.6, 1.2])
def test_a_circular_precession_has_its_cone_angle_and_amplitude(theta):
    m = rotation(cone(2 * np.pi * 5.03e9 * T, theta))
    for each in (m, m[::-1], -m):  # the axis lies on the side of mean m
        run = trajectory(each)
        assert cone_angle(run) == pytest.approx(theta, rel=1e-6)
        assert amplitude(run) == pytest.approx(np.sin(theta), rel=1e-6)
    outer = trajectory(cone(2 * np.pi * 5.03e9 * T, theta))
    assert cone_angle(outer, axis=(0, 0, -1.0)) == pytest.approx(np.pi - theta, rel=1e-12)
    assert cone_angle(outer, axis=(0, 0, 1.0)) == pytest.approx(theta, rel=1e-9)


def test_an_ellipse_has_the_rms_of_its_half_axes():
    a, b = 0.02, 0.006
    run = trajectory(rotation(orbit(5.03e9, 10e-9, amplitude=a, ellipticity=b / a)))
    rms = np.sqrt((a**2 + b**2) / 2)
    assert amplitude(run) == pytest.approx(rms, rel=1e-4)  # m_z, of the order of the angle squared
    assert cone_angle(run) == pytest.approx(rms, rel=1e-4)


def test_a_great_circle_has_a_right_angle_and_rest_none():
    turn = 2 * np.pi * 5.03e9 * T
    great = trajectory(np.stack([np.cos(turn), 0 * turn, np.sin(turn)], axis=-1))
    assert cone_angle(great) == pytest.approx(np.pi / 2, rel=1e-9) and amplitude(great) == pytest.approx(1, rel=1e-6)
    at_rest = np.tile([0.6, 0.0, 0.8], (1000, 1))
    for m in (at_rest, at_rest.astype(np.float32)):
        assert amplitude(trajectory(m)) < 1e-7 and cone_angle(trajectory(m)) < 1e-7
    swing = 0.3 * np.sin(turn)
    to_and_fro = trajectory(np.stack([swing, 0 * swing, np.sqrt(1 - swing**2)], axis=-1))
    assert cone_angle(to_and_fro) == pytest.approx(np.sqrt((np.arcsin(swing) ** 2).mean()), rel=1e-3)


def test_only_the_second_half_counts_unless_told():
    m = np.concatenate([cone(2 * np.pi * 5e9 * T, 0.9), cone(2 * np.pi * 5e9 * T, 0.2)])
    run = trajectory(m)
    assert cone_angle(run, discard=10.01e-9) == pytest.approx(0.2, rel=1e-6)
    assert cone_angle(run) == pytest.approx(0.2, rel=1e-3)  # one state of the first half is left
    assert amplitude(trajectory(m[: len(T)]), discard=1e-9) == pytest.approx(np.sin(0.9), rel=1e-6)


def test_the_envelope_of_a_growing_precession_follows_its_filter():
    rate, tau = 4e8, 0.3e-9
    theta = 0.01 * np.exp(rate * T)
    run = trajectory(cone(2 * np.pi * 5e9 * T, theta))
    found = envelope(run, tau, axis=(0, 0, 1.0))

    def filtered(t, s):
        return (np.sin(0.01 * np.exp(rate * t)) ** 2 - s) / tau

    expected = solve_ivp(filtered, (0, T[-1]), [np.sin(0.01) ** 2], t_eval=T, rtol=1e-10, atol=1e-14, method="LSODA").y
    assert np.allclose(found, expected[0], rtol=1e-5)  # |m_perp|^2 is not linear between states: (rate dt)^2
    assert np.allclose(envelope(trajectory(rotation(run.m)), tau, axis=rotation(np.array([0, 0, 1.0]))), found)


def test_the_envelope_of_a_steady_precession_is_its_power():
    run = trajectory(rotation(cone(2 * np.pi * 5.03e9 * T)))
    assert np.allclose(envelope(run, 0.2e-9), np.sin(0.6) ** 2, rtol=1e-6)
    batch = trajectory(np.stack([run.m, orbit(3e9, 10e-9), np.tile([0.6, 0, 0.8], (len(T), 1))], axis=1))
    found = envelope(batch, 0.2e-9, discard=2e-9)
    assert found.shape == (8001, 3)
    for k in range(3):
        assert np.allclose(found[:, k], envelope(trajectory(batch.m[:, k]), 0.2e-9, discard=2e-9), atol=1e-12)
    assert np.all(found[:, 2] < 1e-12)  # at rest


def test_the_filter_is_exact_for_ramps_at_any_step():
    t = np.linspace(1.0, 3.0, 21)
    for tau in (1e-3, 0.1, 0.7, 1e6):
        s = low_pass(t, np.stack([3 * t, 0 * t + 2], axis=-1), tau)
        expected = 3 * (t - tau + tau * np.exp(-(t - 1) / tau))  # x = 3 t from t = 1, where s = x
        assert np.allclose(s[:, 0], expected, rtol=1e-9) and np.allclose(s[:, 1], 2, rtol=1e-12)
    step = low_pass(t, np.where(t > 1, 1.0, 0.0), 0.5)
    assert step[-1] == pytest.approx(1 - np.exp(-2 / 0.5) * (np.exp(0.1 / 0.5) - 1) * 5, rel=1e-9)  # a ramp of 0.1
