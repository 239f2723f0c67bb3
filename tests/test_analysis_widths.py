"""Line widths and phase noise of phases that diffuse at a known rate."""

import numpy as np
import pytest
from scipy import integrate
from test_analysis import cone, orbit, trajectory

from shno.analysis import (
    diffusion,
    linewidth,
    lorentzian,
    phase_density,
    phase_diffusion,
    phase_noise,
    single_sideband,
)
from shno.analysis.lorentz import broadened

F, FWHM, DT = 5e9, 20e6, 2e-11


def walk(n, k, *, seed, fwhm=FWHM, dt=DT):
    """Phases (n, k) at F that diffuse, <dphi^2> = 2 pi fwhm t: a Lorentzian line of this FWHM."""
    kicks = np.random.default_rng(seed).normal(size=(n, k)) * np.sqrt(2 * np.pi * fwhm * dt)
    return np.cumsum(2 * np.pi * F * dt + kicks, axis=0)


def relaxing(n, k, *, rate, seed, dt=DT):
    """Noise (n, k) of unit variance whose correlation decays at `rate`, and s in <x^2> = s t of its integral x."""
    kicks, q = np.random.default_rng(seed).normal(size=(n, k)), np.exp(-rate * dt)
    x = np.empty((n, k))
    x[0] = kicks[0]
    for i in range(1, n):
        x[i] = q * x[i - 1] + np.sqrt(1 - q**2) * kicks[i]
    return x, dt * (1 + q) / (1 - q)


def test_a_random_walk_has_its_width_within_the_stated_error():
    t, phi = DT * np.arange(20001), walk(20001, 200, seed=1)
    found, error = diffusion(t, phi)
    z = (found - FWHM) / error
    assert abs(z.mean()) < 4 / np.sqrt(200)
    assert abs(z.std() - 1) < 4 / np.sqrt(400) + 0.05  # the error is estimated from the same 400 steps, 4 % of scatter
    assert np.allclose(error / found, np.sqrt(2 / 400 + 4 / 399), rtol=0.5)
    one, error = diffusion(t, phi[:, 0], lag=20 * DT)
    assert isinstance(one, float) and abs(one - FWHM) < 4 * error
    assert error == pytest.approx(FWHM * np.sqrt(6 / 1000), rel=0.2)


def test_realisations_share_one_width():
    phi = walk(2001, 240, seed=2).reshape(2001, 4, 60)
    phi[:, 1] *= 2  # the second of four oscillators has four times the width
    t = DT * np.arange(2001)
    for axis in (1, -1):
        found, error = diffusion(t, phi, realisations=axis)
        assert found.shape == error.shape == (4,)
        assert np.all(np.abs(found - FWHM * np.array([1, 4, 1, 1])) < 4 * error)
        assert np.allclose(error / found, np.sqrt(2 / 420 + 4 / 360), rtol=0.6)
    moved, _ = diffusion(t, np.moveaxis(phi, 2, 1), realisations=0)
    assert np.array_equal(moved, found)
    drift = 1e12 * t[:, None, None] ** 1.5  # of the frequency, common to all: a settling amplitude
    assert np.allclose(diffusion(t, phi + drift, realisations=-1)[0], found, rtol=1e-6)


def test_few_steps_leave_no_bias():
    t, phi = DT * np.arange(1001), walk(1001, 4000, seed=3)
    found = diffusion(t, phi, lag=100 * DT)[0]  # ten steps each, the mean of which is taken off
    assert abs(found.mean() / FWHM - 1) < 4 * found.std() / FWHM / np.sqrt(4000)
    found = diffusion(t, phi.reshape(-1, 1000, 4), lag=250 * DT, realisations=-1)[0]
    assert abs(found.mean() / FWHM - 1) < 4 * found.std() / FWHM / np.sqrt(1000)


def test_a_relaxing_frequency_and_a_noisy_reading_leave_no_offset():
    rate, n, k = 1e9, 20001, 60
    x, s = relaxing(n, k, rate=rate, seed=4)
    relaxed = np.cumsum(np.sqrt(2 * np.pi * FWHM / s) * x * DT, axis=0)
    noisy = walk(n, k, seed=6) + np.random.default_rng(5).normal(size=(n, k)) * 0.3
    for phi, offset in ((relaxed, -0.2), (noisy, 0.29)):  # 1/(rate lag), and 2 (0.3 rad)^2 / (2 pi FWHM lag)
        found, error = diffusion(DT * np.arange(n), phi, lag=5 / rate, realisations=0)
        assert abs(found - FWHM) < 4 * error and error < 0.045 * FWHM
        naive = np.var(np.diff(phi[::250], axis=0)) / (2 * np.pi * 5 / rate)  # <dphi^2>(lag)/lag
        assert naive / FWHM - 1 == pytest.approx(offset, abs=4 * np.sqrt(2 / (80 * k)) * (1 + offset))


def test_phase_diffusion_is_that_of_the_runs_phase():
    phi = walk(4001, 20, seed=6)
    run = trajectory(cone(phi), dt=DT, temperature=300.0)
    expected = diffusion(DT * np.arange(4001), phi)
    for settings in ({}, {"axis": (0, 0, 1.0)}):
        found = phase_diffusion(run, discard=0.0, **settings)
        assert np.allclose(found, expected, rtol=1e-2)  # the orbit's centre scatters
    assert np.array_equal(linewidth(run, discard=0.0), phase_diffusion(run, discard=0.0))
    fwhm, error = phase_diffusion(run, realisations=0)  # the second half
    assert abs(fwhm - FWHM) < 4 * error
    single = trajectory(cone(phi[:, 3]).astype(np.float32), dt=DT, temperature=300.0)
    found = phase_diffusion(single, discard=0.0)
    assert isinstance(found[0], float) and np.allclose(found, np.array(expected)[:, 3], rtol=1e-2)


def test_without_noise_the_width_is_zero_and_at_rest_there_is_none():
    assert abs(linewidth(trajectory(orbit(F, 20e-9)))[0]) < 1e-6 * F
    assert np.isnan(linewidth(trajectory(np.tile([0.6, 0, 0.8], (1000, 1))))).all()
    assert np.isnan(linewidth(trajectory(orbit(F, 20e-9)), method="lorentzian")).all()  # not resolved
    assert np.isnan(linewidth(trajectory(np.tile([0.6, 0, 0.8], (1000, 1))), method="lorentzian")).all()


def test_a_lorentzian_has_its_width_within_the_stated_error():
    run = trajectory(cone(walk(20001, 24, seed=7)), dt=DT, temperature=300.0)  # 8/FWHM
    for segment in (0.75, 2.0):  # over 1/FWHM: the window broadens by 90 % and by 30 %
        found, error = linewidth(run, method="lorentzian", discard=0.0, segment=segment / FWHM)
        z = (found - FWHM) / error
        assert abs(z.mean()) < 4 / np.sqrt(24)
        assert 0.5 < z.std() < 1.4
        found, error = lorentzian(run, discard=0.0, segment=segment / FWHM, realisations=0)
        assert abs(found - FWHM) < 4 * error and error < 0.08 * FWHM
    found, error = lorentzian(run, component="y", segment=1 / FWHM, realisations=0)
    assert abs(found - FWHM) < 4 * error


def test_the_default_segment_resolves_a_line_in_a_long_run():
    run = trajectory(cone(walk(100_001, 1, seed=8))[:, 0], dt=DT, temperature=300.0)  # 40/FWHM
    found, error = lorentzian(run, discard=0.0)
    assert isinstance(found, float) and abs(found - FWHM) < 4 * error and error < 0.2 * FWHM


def test_an_oscillation_under_noise_has_the_width_of_its_damping():
    rate, n, k = np.pi * 100e6, 20001, 30  # a damped linear oscillator: FWHM = rate/pi, amplitude and phase scatter
    x, y = (relaxing(n, k, rate=rate, seed=seed)[0] for seed in (9, 10))
    z = 0.02 * (x + 1j * y) * np.exp(2j * np.pi * F * DT * np.arange(n))[:, None]
    m = np.stack([z.real, z.imag, np.sqrt(1 - abs(z) ** 2)], axis=-1)
    found, error = lorentzian(trajectory(m, dt=DT, temperature=300.0), discard=0.0, segment=30e-9, realisations=0)
    assert abs(found - 100e6) < 4 * error and error < 4e6


def test_a_gaussian_line_is_no_lorentzian():
    sigma, rate, n, k = 20e6, 5e5, 10001, 30  # the frequency is all but frozen in the run
    x, _ = relaxing(n, k, rate=rate, seed=11)
    wander = np.cumsum(2 * np.pi * sigma * x * DT, axis=0)
    for white in (0.0, 1e6):  # alone, and on top of a narrow Lorentzian, which shows in the wings
        phi = walk(n, k, seed=3, fwhm=white) + wander
        run = trajectory(cone(phi), dt=DT, temperature=300.0)
        assert np.isnan(lorentzian(run, discard=0.0, segment=50e-9, realisations=0)).all()


def test_the_window_broadens_as_its_integral_says():
    s = np.array([0.3 + 0.2j, 1 + 6j, 2 + 40j, 30 - 1j])

    def r(x):
        window = integrate.quad(lambda y: np.sin(np.pi * y) ** 2 * np.sin(np.pi * (y + x)) ** 2, 0, 1 - x)
        return window[0] / (3 / 8)

    x, w = np.polynomial.legendre.leggauss(60)
    x, w = (x + 1) / 2, w / 2
    values = np.array([r(each) for each in x])
    expected = [(w * values * np.exp(-each * x)).sum() for each in s]
    assert np.allclose(broadened(s), expected, rtol=1e-8)


def test_a_random_walk_has_the_phase_noise_of_white_frequency_noise():
    phi = walk(16385, 60, seed=12)
    f, S = phase_density(DT * np.arange(16385), phi, segment=1024 * DT)
    h0 = FWHM / np.pi  # S_phi = h0/f^2; sampled, h0 (pi dt)^2 / sin^2(pi f dt)
    expected = h0 * (np.pi * DT) ** 2 / np.sin(np.pi * f * DT) ** 2
    mean, segments = (S / expected[:, None]).mean(axis=1), 60 * (2 * 16 - 1)
    assert f[0] > 0 and len(f) == 512 and S.shape == (512, 60)
    assert np.all(np.abs(mean[:-1] - 1) < 5 * np.sqrt(19 / 18 / segments))  # 5 because there are 511 values
    low = f < 0.05 / DT
    assert np.allclose(expected[low], h0 / f[low] ** 2, rtol=0.01)
    run = trajectory(cone(phi), dt=DT, temperature=300.0)
    _, found = phase_noise(run, segment=1024 * DT, discard=0.0)
    inner = f < 0.5 * F
    assert np.allclose(found[inner].mean(axis=1), S[inner].mean(axis=1), rtol=0.05)


def test_a_tone_has_its_phase_noise_and_its_sidebands():
    n, beta, f_m = 2**14, 0.02, 64 / 2**12 / DT  # a whole number of periods in a segment
    t = DT * np.arange(n)
    phi = 2 * np.pi * F * t + beta * np.sin(2 * np.pi * f_m * t)
    f, S = phase_density(t, phi, segment=2**12 * DT)
    assert f[S.argmax()] == pytest.approx(f_m, rel=1e-9)
    near = np.abs(f - f_m) < 5 * f[0]
    power = S[near].sum() * f[0]
    assert power == pytest.approx(beta**2 / 2, rel=1e-3)  # the mean square of the phase
    assert single_sideband(power) == pytest.approx(20 * np.log10(beta / 2), abs=0.01)  # J_1(beta)^2 = (beta/2)^2
    assert np.allclose(single_sideband(np.array([2.0, 0.2])), [0.0, -10.0])
    assert np.isnan(single_sideband(np.nan))


def test_phase_noise_of_a_batch_equals_its_loop():
    phi = walk(2001, 4, seed=13)
    run = trajectory(cone(phi).reshape(2001, 2, 2, 3), dt=DT, temperature=300.0)
    f, S = phase_noise(run, segment=4e-9)
    for k in range(4):
        alone = phase_noise(trajectory(cone(phi[:, k]), dt=DT, temperature=300.0), segment=4e-9)
        assert np.array_equal(alone[0], f) and np.allclose(alone[1], S[:, k // 2, k % 2], rtol=1e-9)
    widths = np.array(linewidth(run, method="lorentzian", discard=0.0, segment=10e-9))
    for k in range(4):
        alone = trajectory(cone(phi[:, k]), dt=DT, temperature=300.0)
        expected = linewidth(alone, method="lorentzian", discard=0.0, segment=10e-9)
        assert np.allclose(widths[:, k // 2, k % 2], expected, rtol=1e-6, equal_nan=True)
