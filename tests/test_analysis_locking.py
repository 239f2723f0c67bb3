"""Locking and slipping of phases that solve Adler's equation, dpsi/dt = delta - K sin psi."""

import numpy as np
import pytest
from test_analysis import cone, orbit, trajectory

from shno.analysis import beat_frequency, is_locked, locking_phase

F, DT = 8e9, 5e-12
T = DT * np.arange(20001)  # 100 ns
K = 2 * np.pi * 150e6  # half the locking range, rad/s


def adler(ratio, psi0=0.3):
    """Closed-form psi(t) for delta = ratio K from psi0, slipping (|ratio| > 1) or locking."""
    u0 = np.tan(psi0 / 2)  # u = tan(psi/2): du/dt = (delta (1 + u^2) - 2 K u) / 2
    if abs(ratio) > 1:
        omega = np.sqrt(ratio**2 - 1)
        angle = np.arctan((ratio * u0 - 1) / omega) + K * T * omega / 2 * np.sign(ratio) * np.sign(ratio)
        turns = np.round(angle / np.pi)
        u = (1 + omega * np.tan(angle)) / ratio
        return 2 * np.arctan(u) + 2 * np.pi * turns * np.sign(ratio)
    rate = np.sqrt(1 - ratio**2)
    high, low = (1 + rate) / ratio, (1 - rate) / ratio  # the unstable and the stable u
    decay = (u0 - low) / (u0 - high) * np.exp(-K * rate * T)
    return 2 * np.arctan((low - high * decay) / (1 - decay))


def test_the_closed_form_solves_adlers_equation():
    for ratio in (-0.8, 0.5, 0.9, 1.05, 2.0, -1.3):
        psi = np.unwrap(adler(ratio))
        assert psi[0] == pytest.approx(0.3, abs=1e-9)
        assert np.allclose(np.gradient(psi, DT)[1:-1], K * (ratio - np.sin(psi[1:-1])), rtol=0, atol=1e-4 * K)


@pytest.mark.parametrize("sense", [1, -1])
@pytest.mark.parametrize("ellipticity", [1.0, 0.3])
def test_the_locked_phase_is_found(sense, ellipticity):
    for ratio in (-0.8, 0.5, 0.9):
        phi = 2 * np.pi * F * T + np.unwrap(adler(ratio))
        x, y = 0.3 * np.cos(phi), sense * ellipticity * 0.3 * np.sin(phi)
        run = trajectory(np.stack([x, y, np.sqrt(1 - x**2 - y**2)], axis=-1), dt=DT)
        assert is_locked(run, F) is True
        assert locking_phase(run, F) == pytest.approx(np.arcsin(ratio), abs=1e-6)
        assert beat_frequency(run, F) == pytest.approx(0, abs=1e-9 * F)
        assert not is_locked(run, F + 30e6)  # it slips against another reference
        assert np.isnan(locking_phase(run, F + 30e6))
        assert beat_frequency(run, F + 30e6) == pytest.approx(-30e6, rel=1e-6)


@pytest.mark.parametrize("ratio", [1.05, 1.2, 1.5, -1.2, 4.0])
def test_out_of_lock_the_mean_beat_is_adlers(ratio):
    phi = 2 * np.pi * F * T + np.unwrap(adler(ratio))
    run = trajectory(cone(phi), dt=DT)
    beat = np.sign(ratio) * np.sqrt(ratio**2 - 1) * K / (2 * np.pi)  # 48 MHz and more: 4.8 slips in 100 ns
    assert is_locked(run, F) is False
    assert np.isnan(locking_phase(run, F))
    slips = abs(beat) * T[-1]
    assert beat_frequency(run, F, discard=0.0) == pytest.approx(beat, rel=max(1e-6, 3 / slips**5))
    assert not is_locked(run, F, discard=0.0, tolerance=0.5)


def test_the_time_of_the_drive_is_the_runs_own():
    phi = 2 * np.pi * F * (T + 3.3e-9) + 0.7
    run = trajectory(cone(phi), dt=DT, t0=3.3e-9)
    assert locking_phase(run, F) == pytest.approx(0.7, abs=1e-6)
    assert locking_phase(run, F, axis=(0, 0, 1.0), discard=7.77e-9) == pytest.approx(0.7, abs=1e-9)
    assert locking_phase(run, F, component="x") == pytest.approx(0.7, abs=1e-3)


def test_one_slip_breaks_the_lock_and_a_wander_does_not():
    slip = 2 * np.pi / (1 + np.exp(-(T - 75e-9) / 1e-9))
    wander = 2.5 * np.sin(2 * np.pi * T / 40e-9)
    noise = np.random.default_rng(41).normal(size=len(T)) * 0.3
    for psi, locked in ((slip, False), (wander, True), (slip / 2, True), (noise, True)):
        run = trajectory(cone(2 * np.pi * F * T + psi), dt=DT, temperature=300.0)
        assert is_locked(run, F, axis=(0, 0, 1.0)) is locked
        assert not is_locked(run, F, axis=(0, 0, 1.0), tolerance=0.05)
    noisy = trajectory(cone(2 * np.pi * F * T + noise), dt=DT, temperature=300.0)
    assert is_locked(noisy, F, tolerance=0.3)  # 25 states a period take the noise from 1.2 to 0.24 rad at most
    late = trajectory(cone(2 * np.pi * F * T + slip), dt=DT)
    assert is_locked(late, F, discard=90e-9)


def test_a_slow_drift_passes_until_the_tolerance_is_tight():
    run = trajectory(cone(2 * np.pi * (F + 10e6) * T), dt=DT)  # half a beat in the analysed 50 ns
    assert is_locked(run, F) and not is_locked(run, F, tolerance=np.pi / 4)


def test_pulses_lock_as_circles_do():
    turns = 2 * np.pi * 1e9 * T
    angle = turns - 0.95 * np.sin(turns)  # once a period a phase slip of nearly a turn
    run = trajectory(np.stack([0 * angle, np.sin(angle), np.cos(angle)], axis=-1), dt=DT)
    assert is_locked(run, 1e9) and is_locked(run, 1e9, tolerance=0.1)
    assert beat_frequency(run, 0.9e9) == pytest.approx(1e8, rel=1e-3)


def test_a_map_of_references_equals_its_loop():
    ratios = np.array([0.2, 0.95, 1.1, 3.0])
    lines = [cone(2 * np.pi * F * T + np.unwrap(adler(ratio))) for ratio in ratios]
    lines.append(np.tile([0.6, 0.0, 0.8], (len(T), 1)))
    lines.append(orbit(F, T[-1], dt=DT))
    run = trajectory(np.stack(lines, axis=1).reshape(-1, 2, 3, 3), dt=DT)
    f = np.array([[F], [F + 5e7]])
    locked, psi, beat = is_locked(run, f), locking_phase(run, f), beat_frequency(run, f)
    assert locked.shape == psi.shape == beat.shape == (2, 3) and locked.dtype == bool
    assert locked.ravel().tolist() == [True, True, False, False, False, False]
    for k, m in enumerate(lines):
        alone, reference = trajectory(m, dt=DT), float(f[k // 3, 0])
        assert is_locked(alone, reference) == locked[k // 3, k % 3]
        assert np.allclose(locking_phase(alone, reference), psi[k // 3, k % 3], atol=1e-9, equal_nan=True)
        assert np.allclose(beat_frequency(alone, reference), beat[k // 3, k % 3], rtol=1e-6, equal_nan=True)
    assert beat[1, 2] == pytest.approx(-5e7, rel=1e-6) and np.isnan(beat[1, 1])
