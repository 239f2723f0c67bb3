"""Transients and ringdowns of known rates."""

from dataclasses import replace

import numpy as np
import pytest
from test_analysis import DT, cone, orbit, rotation, trajectory

from shno import Trajectory
from shno.analysis import cone_angle, phase_frequency, ringdown, steady, transient

T = DT * np.arange(50001)  # 50 ns
PHI = 2 * np.pi * 5.03e9 * T


@pytest.mark.parametrize("rate", [3e8, 1e9])
@pytest.mark.parametrize("start", [0.3, -0.3, 0.01])
def test_an_exponential_approach_ends_after_five_time_constants(rate, start):
    run = trajectory(rotation(cone(PHI, 0.8 + start * np.exp(-rate * T))))
    assert transient(run) == pytest.approx(5 / rate, abs=5 / 5.03e9 + 0.1 / rate)  # a block is five periods
    left = steady(run)
    assert left.t[0] == left.t0 == pytest.approx(transient(run), abs=DT)
    assert len(left.t) == len(left.m)
    assert cone_angle(left, discard=0.0) == pytest.approx(0.8, abs=1.2 * np.exp(-5) * abs(start))


def test_a_steady_run_has_no_transient():
    for m in (cone(PHI), orbit(5.03e9, 50e-9, ellipticity=0.2), np.tile([0.6, 0, 0.8], (1000, 1))):
        for each in (m, m.astype(np.float32)):
            assert transient(trajectory(each)) == 0.0
            assert np.array_equal(steady(trajectory(each)).m, each)


@pytest.mark.parametrize("exponent", [1, 5, 20, 30])
def test_a_growth_does_not_settle(exponent):
    growing = orbit(5.03e9, 50e-9, amplitude=0.5 * np.exp(-exponent), decay=-exponent / 50e-9)
    assert np.isnan(transient(trajectory(growing)))
    with pytest.raises(ValueError, match="run must be steady from its middle on, got nan"):
        steady(trajectory(growing))


def test_what_is_slow_against_the_run_does_not_settle():
    for theta in (0.8 - 0.3 * T / T[-1], 0.8 + 0.3 * np.exp(-T / 20e-9)):
        assert np.isnan(transient(trajectory(cone(PHI, theta))))
    assert np.isnan(transient(trajectory(cone(PHI[:5000]))))  # 25 periods: five blocks


def test_a_rest_that_is_reached_without_precession_settles():
    theta = 0.8 + 0.3 * np.exp(-2e9 * T)
    assert transient(trajectory(cone(0.3, theta))) == pytest.approx(2.5e-9, abs=0.6e-9)  # a block is 0.5 ns


def test_noise_hides_what_is_smaller_and_is_no_transient_itself():
    rng, rate, n, k, dt = np.random.default_rng(31), 1e9, 20001, 100, 5e-12
    kicks, x, q = rng.normal(size=(n, k)), np.empty((n, k)), np.exp(-rate * dt)
    x[0] = kicks[0]
    for i in range(1, n):
        x[i] = q * x[i - 1] + np.sqrt(1 - q**2) * kicks[i]
    t = dt * np.arange(n)[:, None]
    phi = 2 * np.pi * 5.03e9 * t
    still = transient(trajectory(cone(phi, 0.8 + 0.02 * x), dt=dt, temperature=300.0))
    assert not np.isnan(still).any() and np.median(still) == 0 and np.mean(still < 0.2 * t[-1]) > 0.9
    moving = transient(trajectory(cone(phi, 0.8 + 0.02 * x + 0.3 * np.exp(-rate * t)), dt=dt, temperature=300.0))
    assert np.median(moving) * rate == pytest.approx(np.log(0.3 / 0.02), abs=1.0)  # 2.7; a block is 1


def test_a_batch_is_cut_at_its_latest_end():
    rates = np.array([[5e8, 1e9], [2e9, 4e9]])
    run = trajectory(np.stack([cone(PHI, 0.8 + 0.2 * np.exp(-r * T)) for r in rates.ravel()], axis=1))
    run = replace(run, m=run.m.reshape(-1, 2, 2, 3))
    ends = transient(run)
    alone = [transient(trajectory(run.m[:, i, j])) for i in range(2) for j in range(2)]
    assert np.array_equal(ends.ravel(), alone)  # the same arithmetic
    assert steady(run).t0 == pytest.approx(ends.max(), abs=DT)
    later = steady(run, discard=20e-9)
    assert later.t0 == pytest.approx(20e-9, abs=DT) and later.m.shape[1:] == (2, 2, 3)
    heated = replace(run, T=300 + run.m[..., 0], realisation=np.arange(4).reshape(2, 2))
    assert np.array_equal(steady(heated, discard=20e-9).T, 300 + later.m[..., 0])
    assert np.array_equal(steady(heated, discard=20e-9).realisation, heated.realisation)
    assert isinstance(later, Trajectory) and later.dt == run.dt
    assert np.allclose(phase_frequency(later, discard=0.0), 5.03e9, rtol=1e-9)


@pytest.mark.parametrize("ellipticity", [1.0, 0.3, 0.1])
@pytest.mark.parametrize("decay", [2.1e9, 1e8, 1e6, -2e8, 6e9])
def test_a_ringdown_has_its_frequency_and_rate(ellipticity, decay):
    f, duration = 9.28e9, 10e-9
    amplitude = 1e-3 * min(1, np.exp(decay * duration))
    run = trajectory(rotation(orbit(f, duration, amplitude=amplitude, ellipticity=ellipticity, decay=decay)))
    found = ringdown(run)
    assert found[0] == pytest.approx(f, rel=1e-6)
    assert found[1] == pytest.approx(decay, rel=1e-5, abs=1e3)  # m_z, of the order of the angle squared


def test_a_large_ringdown_is_right_to_its_angle_squared():
    f, decay = ringdown(trajectory(orbit(9.28e9, 10e-9, amplitude=0.1, ellipticity=0.3, decay=2.1e9)))
    assert f == pytest.approx(9.28e9, rel=1e-3) and decay == pytest.approx(2.1e9, rel=1e-3)


def test_a_ringdown_in_float32_or_white_noise_is_found():
    m = orbit(9.28e9, 2e-9, amplitude=1e-2, ellipticity=0.3, decay=2.1e9)
    found = ringdown(trajectory(m.astype(np.float32)))
    assert np.allclose(found, (9.28e9, 2.1e9), rtol=1e-5)
    # the bound of Cramer and Rao: var(rate) = var(omega) = 16 rate^3 sigma^2 dt / (a^2 + b^2)
    sigma, k = 3e-4, 60
    noisy = m[:, None] + sigma * np.random.default_rng(32).normal(size=(len(m), k, 3))
    f, rate = ringdown(trajectory(noisy))
    deviation = np.sqrt(16 * 2.1e9**3 * sigma**2 * DT / (1e-2**2 * (1 + 0.3**2)))
    assert abs(rate.mean() - 2.1e9) < 4 * deviation / np.sqrt(k)
    assert abs(f.mean() - 9.28e9) < 4 * deviation / (2 * np.pi) / np.sqrt(k)
    scatter = np.array([rate.std(), 2 * np.pi * f.std()]) / deviation
    assert np.all(np.abs(scatter - 1) < 4 / np.sqrt(2 * k) + 0.05)  # time is cut off at exp(-4)


def test_an_equilibrium_far_from_the_axes_and_a_late_start_do_not_matter():
    m = rotation(orbit(9.28e9, 5e-9, amplitude=1e-3, ellipticity=0.3, decay=1e9))
    whole = ringdown(trajectory(m))
    assert np.allclose(ringdown(trajectory(m, t0=1e-6), discard=1e-9), whole, rtol=1e-5)
    assert np.allclose(ringdown(trajectory(m[::-1])), (whole[0], -whole[1]), rtol=1e-5)  # run backwards, it grows


def test_what_does_not_ring_has_no_ringdown():
    rng, t = np.random.default_rng(33), T[:20001]
    cases = [np.tile([0.6, 0.0, 0.8], (100, 1)), orbit(5e9, 5e-9, amplitude=5e-7), rng.normal(size=(5000, 3))]
    for z in (np.tanh((t - 15e-9) / 1e-10), 0.9 * np.exp(-t / 5e-9), 0.9 * t / t[-1]):
        cases.append(np.stack([np.sqrt(1 - z**2), 0 * z, z], axis=-1))
    cases.append(orbit(1e9, 5e-9, amplitude=1e-2, decay=3e10))  # gone within a radian
    for m in cases:
        assert np.isnan(ringdown(trajectory(m))).all()


def test_ringdowns_of_a_batch_equal_their_loop():
    cases = [(9.28e9, 2.1e9), (4e9, 1e8), (5e9, 0.0), (6e9, -1e8)]
    lines = [orbit(f, 5e-9, amplitude=1e-3, decay=decay) for f, decay in cases]
    lines[2] = np.tile([0.6, 0.0, 0.8], (len(lines[0]), 1))
    f, rate = ringdown(trajectory(np.stack(lines, axis=1).reshape(-1, 2, 2, 3)))
    alone = np.array([ringdown(trajectory(m)) for m in lines])
    assert f.shape == (2, 2) and np.isnan(f).sum() == 1
    assert np.allclose(np.stack([f.ravel(), rate.ravel()], axis=-1), alone, rtol=1e-9, equal_nan=True)
