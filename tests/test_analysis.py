import numpy as np
import pytest

from shno import Drive, Oscillator, Trajectory
from shno.analysis import frequency, spectrum, spike_times

DT = 1e-12
OSCILLATOR, DRIVE = Oscillator(Ms=8e5, alpha=0.02), Drive(I=0.0)


def trajectory(m, *, dt=DT, t0=0.0, temperature=0.0):
    """A Trajectory of m (n, *batch, 3), as a run would have given it."""
    m = np.asarray(m)
    seed = 1 if temperature else None
    t = t0 + dt * np.arange(len(m))
    return Trajectory(t, m, OSCILLATOR, DRIVE, dt=dt, t0=t0, temperature=temperature, seed=seed)


def orbit(f, duration, *, amplitude=0.5, ellipticity=1.0, phase=0.3, decay=0.0, dt=DT):
    """m (n, 3) turning about z at f, in the plane an ellipse that shrinks at the rate `decay`."""
    t = dt * np.arange(round(duration / dt) + 1)
    x = amplitude * np.exp(-decay * t) * np.cos(2 * np.pi * f * t + phase)
    y = ellipticity * amplitude * np.exp(-decay * t) * np.sin(2 * np.pi * f * t + phase)
    return np.stack([x, y, np.sqrt(1 - x**2 - y**2)], axis=-1)


def cone(phi, theta=0.6):
    """Unit vectors at the angle theta to z and the azimuth phi: (..., 3)."""
    phi, theta = np.broadcast_arrays(phi, theta)
    return np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=-1)


def rotation(m):
    """M turned about an axis along no other axis."""
    axis, angle = np.array([2.0, -1.0, 2.0]) / 3, 0.7
    along = np.multiply.outer(m @ axis, axis)
    return along + np.cos(angle) * (m - along) + np.sin(angle) * np.cross(axis, m)


def noisy_oscillation(f, quality, n, *, dt=DT):
    """m (n, 3) near z with a Lorentzian line: a damped oscillation under white noise, from its stationary state."""
    rng = np.random.default_rng(5)
    kicks = rng.normal(size=(n, 2)) @ [1, 1j]
    step = np.exp((2j * np.pi * f - np.pi * f / quality) * dt)
    z = np.empty(n, complex)
    z[0] = kicks[0] / np.sqrt(1 - abs(step) ** 2)
    for i in range(1, n):
        z[i] = step * z[i - 1] + kicks[i]
    z *= 0.02 / z.std()
    return np.stack([z.real, z.imag, np.sqrt(1 - abs(z) ** 2)], axis=-1)


@pytest.mark.parametrize("f", [2.802e9, 9.96e9])
@pytest.mark.parametrize("amplitude", [1e-3, 0.5, 0.99])
@pytest.mark.parametrize("ellipticity", [1.0, 0.3])
def test_frequency_of_a_pure_precession_is_right(f, amplitude, ellipticity):
    run = trajectory(orbit(f, 20e-9, amplitude=amplitude, ellipticity=ellipticity))
    assert frequency(run) == pytest.approx(f, rel=1e-10)  # 28 periods or more: the window leaks below 1e-11


def test_frequency_of_few_periods_is_right_to_2e_5():
    for periods in np.linspace(8.05, 14, 40):
        run = trajectory(orbit(periods * 1e9, 1e-9, ellipticity=0.3, phase=periods))
        assert frequency(run, discard=0.0) == pytest.approx(periods * 1e9, rel=2e-5)


def test_frequency_does_not_depend_on_the_axes_the_start_time_or_the_precision():
    m = orbit(5e9, 20e-9, ellipticity=0.3)
    f = frequency(trajectory(m))
    assert frequency(trajectory(rotation(m))) == pytest.approx(f, rel=1e-12)
    assert frequency(trajectory(m, t0=1e-6)) == pytest.approx(f, rel=1e-12)
    assert frequency(trajectory(m.astype(np.float32))) == pytest.approx(f, rel=1e-7)  # rounding of m, 6e-8


def test_a_component_along_the_axis_has_twice_the_frequency():
    run = trajectory(orbit(5e9, 20e-9, ellipticity=0.3))
    assert frequency(run, component="z") == pytest.approx(2 * 5e9, rel=1e-10)
    assert frequency(run, component="x") == frequency(run, component="y") == pytest.approx(5e9, rel=1e-10)


def test_the_first_half_is_left_out_by_default():
    m = np.concatenate([orbit(3e9, 10e-9), orbit(7e9, 10e-9)])
    assert frequency(trajectory(m)) == pytest.approx(7e9, rel=1e-4)  # one state of the first half is left
    assert frequency(trajectory(m[:10000]), discard=2e-9) == pytest.approx(3e9, rel=1e-6)


def test_a_pulse_train_has_its_repetition_frequency():
    turns = 2 * np.pi * 12.3 * np.linspace(0, 1, 20001)
    angle = turns - 0.9 * np.sin(turns)  # slow near 0, fast near pi: a phase slip a period
    run = trajectory(np.stack([0 * angle, np.sin(angle), np.cos(angle)], axis=-1))
    assert frequency(run, discard=0.0) == pytest.approx(12.3 / 20e-9, rel=1e-7)  # 12 periods


def test_a_growing_oscillation_has_a_line_and_a_decaying_one_has_none():
    assert np.isnan(frequency(trajectory(orbit(5e9, 20e-9, decay=1e8))))
    assert np.isnan(frequency(trajectory(orbit(5e9, 20e-9, decay=1e10))))
    growing = orbit(5e9, 20e-9, amplitude=0.01, decay=-1e8)
    assert frequency(trajectory(growing)) == pytest.approx(5e9, rel=1e-3)
    assert frequency(trajectory(orbit(5e9, 20e-9, decay=1e6))) == pytest.approx(5e9, rel=1e-6)  # 0.5 % in 5 ns


def test_there_is_no_line_at_rest():
    at_rest = np.tile([0.6, 0.0, 0.8], (5000, 1))
    assert np.isnan(frequency(trajectory(at_rest)))
    assert np.isnan(frequency(trajectory(at_rest.astype(np.float32))))
    assert np.isnan(frequency(trajectory(orbit(5e9, 20e-9, amplitude=5e-7))))
    assert np.isnan(frequency(trajectory(at_rest[:1]))) and np.isnan(frequency(trajectory(at_rest[:2])))


def test_there_is_no_line_in_a_switching_a_relaxation_or_a_short_run():
    t = DT * np.arange(20001)
    for z in (np.tanh((t - 15e-9) / 1e-10), 0.9 * np.exp(-t / 5e-9), 0.9 * t / t[-1]):
        assert np.isnan(frequency(trajectory(np.stack([np.sqrt(1 - z**2), 0 * z, z], axis=-1))))
    assert np.isnan(frequency(trajectory(orbit(5e9, 3e-9))))  # 7.5 periods in the second half


def test_there_is_no_line_in_white_noise():
    m = np.random.default_rng(3).normal(size=(20000, 3))
    m /= np.linalg.norm(m, axis=1, keepdims=True)
    assert np.isnan(frequency(trajectory(m, temperature=300.0)))


def test_a_line_kept_up_by_noise_has_its_mean_frequency():
    f, quality, n = 10e9, 20, 100_000
    found = frequency(trajectory(noisy_oscillation(f, quality, n), temperature=300.0), discard=0.0)
    deviation = np.sqrt(f / quality / (2 * np.pi * n * DT))  # phase diffusion, 28 MHz, seed 5
    assert abs(found - f) < 4 * deviation
    assert np.isnan(frequency(trajectory(noisy_oscillation(f, 2, n), temperature=300.0)))


def test_batch_equals_loop():
    cases = ((3e9, 0.1), (5e9, 0.5), (9e9, 0.9), (9e9, 0.0), (4e9, 0.2), (6e9, 0.3))  # f, amplitude; one at rest
    lines = [orbit(f, 10e-9, amplitude=amplitude) for f, amplitude in cases]
    batch = trajectory(np.stack(lines, axis=1).reshape(-1, 2, 3, 3))
    found = frequency(batch)
    assert found.shape == (2, 3) and np.isnan(found).sum() == 1
    assert np.allclose(found.ravel(), [frequency(trajectory(m)) for m in lines], rtol=1e-12, atol=0, equal_nan=True)
    _, density = spectrum(batch)
    assert np.allclose(density[:, 1, 2], spectrum(trajectory(lines[5]))[1], rtol=1e-10, atol=1e-30)
    spikes = spike_times(batch, component="x", threshold=0.05, rearm=0.0)
    for mine, m in zip(spikes, lines, strict=True):
        alone = spike_times(trajectory(m), component="x", threshold=0.05, rearm=0.0)
        assert np.array_equal(mine, alone)  # same arithmetic


def test_large_batches_are_cut_without_changing_the_result(monkeypatch):
    run = trajectory(np.stack([orbit(f, 5e-9) for f in np.linspace(4e9, 9e9, 7)], axis=1))
    whole = frequency(run)
    monkeypatch.setattr("shno.analysis.door.CHUNK", 3 * len(run.t))
    assert np.allclose(frequency(run), whole, rtol=1e-12, atol=0)


def test_spectrum_integrates_to_the_variance():
    n, realisations = 4096, 200
    m = np.random.default_rng(7).normal(size=(n, realisations, 3)) * [0.1, 0.2, 0.3]
    run = trajectory(m)
    for component, variance in (("x", 0.01), ("y", 0.04), ("z", 0.09)):
        f, density = spectrum(run, component=component)
        power = np.trapezoid(density, f, axis=0)
        error = variance * np.sqrt(2 * 1.94 / n / realisations)  # a Hann window keeps 1/1.94 of the samples' weight
        assert abs(power.mean() - variance) < 4 * error
    total = sum(spectrum(run, component=component)[1] for component in "xyz")
    assert np.allclose(spectrum(run)[1], total, rtol=1e-14)


def test_white_noise_has_a_flat_one_sided_density():
    m = np.random.default_rng(8).normal(size=(1024, 500, 3))
    f, density = spectrum(trajectory(m), component="y")
    assert f[0] == 0 and f[-1] == pytest.approx(0.5 / DT) and density.shape == (513, 500)
    inner = density[2:-1].mean(axis=1) / (2 * DT)  # unit variance over a bandwidth of 1/(2 dt)
    assert np.all(np.abs(inner - 1) < 5 / np.sqrt(500))  # one sd is 1/sqrt(500); 5 because there are 510 values


def test_spectrum_peaks_at_the_frequency_and_leaves_out_what_is_discarded():
    run = trajectory(np.concatenate([orbit(3e9, 10e-9), orbit(7.04e9, 10e-9)]))  # between two bins of 0.1 GHz
    f, density = spectrum(run, component="x", discard=10.002e-9)
    assert f[density.argmax()] == pytest.approx(7.04e9, abs=f[1])
    assert density[np.abs(f - 3e9).argmin()] < 1e-7 * density.max()  # Hann, 40 bins off: 1e-9; no window: 6e-5


def test_spikes_are_interpolated_upward_crossings():
    f, phase = 1e9, 0.3
    run = trajectory(orbit(f, 5e-9, amplitude=0.9, phase=phase), t0=2e-9)
    crossing = (-np.arccos(0.7 / 0.9) - phase) / (2 * np.pi * f)  # x = 0.9 cos(...) rises through 0.7
    expected = run.t[0] + crossing + np.arange(1, 6) / f
    found = spike_times(run, component="x", threshold=0.7, rearm=0.35)
    assert np.allclose(found, expected, rtol=0, atol=1e-15)  # curvature: (2 pi f dt)^2 / (8 slope) periods


def test_a_spike_must_be_armed_again():
    y = np.array([0.5, 0.8, 0.5, 0.8, 0.3, 0.8, 0.9, 0.2, 0.6])
    m = np.stack([np.sqrt(1 - y**2), y, 0 * y], axis=-1)
    found = spike_times(trajectory(m, dt=1.0), threshold=0.7, rearm=0.35)
    assert np.allclose(found, [2 / 3, 4.8], rtol=1e-12)  # not at 2.67: 0.5 does not arm; a start below 0.7 is armed
    found = spike_times(trajectory(m[1:], dt=1.0), threshold=0.7, rearm=0.35)
    assert np.allclose(found, [3.8], rtol=1e-12)  # a start above 0.7 is not
    found = spike_times(trajectory(m, dt=1.0), threshold=0.7, rearm=0.7)
    assert np.allclose(found, [2 / 3, 2 + 2 / 3, 4.8], rtol=1e-12)
    assert len(spike_times(trajectory(m), threshold=0.95, rearm=0.5)) == 0


@pytest.mark.parametrize("analyse", [spectrum, frequency])
def test_bad_arguments_are_named(analyse):
    run = trajectory(orbit(5e9, 2e-9))
    with pytest.raises(ValueError, match="component must be one of x, y, z, all, got 'w'"):
        analyse(run, component="w")
    for discard in (-1e-9, 3e-9, np.nan):
        with pytest.raises(ValueError, match=r"discard must be in \[0, 2e-09\] s, got"):
            analyse(run, discard=discard)


def test_bad_thresholds_are_named():
    run = trajectory(orbit(5e9, 2e-9))
    with pytest.raises(ValueError, match=r"rearm must be <= threshold = 0\.3, got 0\.5"):
        spike_times(run, threshold=0.3, rearm=0.5)
    with pytest.raises(ValueError, match="component must be one of x, y, z, got 'all'"):
        spike_times(run, component="all", threshold=0.3, rearm=0.1)
