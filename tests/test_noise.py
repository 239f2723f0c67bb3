"""Noise that is not Brown's: laws, spectra, and that a sample is itself in any batch and any duration."""

import numpy as np
import pytest
from scipy import stats

from shno import Sampled, Sine, noise, philox

KINDS = {
    "flicker": lambda **more: noise.flicker(1.5, f_low=1e6, f_high=1e9, **more),
    "ornstein_uhlenbeck": lambda **more: noise.ornstein_uhlenbeck(1.5, rate=3e8, **more),
    "telegraph": lambda **more: noise.telegraph(1.5, dwell_up=4e-9, dwell_down=7e-9, **more),
}
SHORT = {"duration": 40e-9, "interval": 1e-9, "seed": 5}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def density(x, interval):
    """One-sided power density of x (n, realisations) about zero in a Hann window, averaged: f (k,), S (k,)."""
    window = np.hanning(len(x) + 1)[:-1]
    S = 2 * interval * np.mean(np.abs(np.fft.rfft(window[:, None] * x, axis=0)) ** 2, axis=1) / np.sum(window**2)
    return np.fft.rfftfreq(len(x), interval), S


def relaxator(f, variance, rate, interval):
    """One-sided power density of samples of an Ornstein-Uhlenbeck process: the sum over its correlations a^|k|."""
    a = np.exp(-rate * interval)
    return 2 * interval * variance * (1 - a**2) / (1 - 2 * a * np.cos(2 * np.pi * f * interval) + a**2)


def lorentzian(f, variance, rate):
    return 4 * variance * rate / (rate**2 + (2 * np.pi * f) ** 2)


def rates(f_low, f_high):
    """The rates of flicker noise as documented, log-uniform in equal cells of ratio <= 3, each in its cell's middle."""
    cells = int(np.ceil(np.log(f_high / f_low) / np.log(3)))
    edges = np.geomspace(f_low, f_high, cells + 1)
    return 2 * np.pi * np.sqrt(edges[1:] * edges[:-1])


@every_kind
def test_a_batch_is_its_members(kind):
    ids = np.array([[7, 0, 9], [3, 2**32 - 1, 5]])
    batch = kind(realisation=ids, **SHORT)
    assert batch.shape == (2, 3)
    for place, i in np.ndenumerate(ids):
        assert np.array_equal(kind(realisation=int(i), **SHORT).values, batch.values[:, *place])


@every_kind
def test_a_longer_noise_continues_a_shorter_one(kind):
    ids = np.arange(5)
    long = kind(realisation=ids, duration=100e-9, interval=1e-9, seed=5).values
    for n in (1, 2, 3, 37):
        assert np.array_equal(kind(realisation=ids, duration=n * 1e-9, interval=1e-9, seed=5).values, long[: n + 1])


@every_kind
def test_blocks_of_drawing_change_nothing(kind, monkeypatch):
    whole = kind(realisation=np.arange(3), **SHORT)
    monkeypatch.setattr(noise, "BLOCK", 24)
    assert np.array_equal(kind(realisation=np.arange(3), **SHORT).values, whole.values)


@every_kind
def test_seeds_realisations_and_shared_noise_are_independent(kind):
    n = 4000
    common = {"duration": 2e-9, "interval": 1e-9}
    a = kind(realisation=np.arange(n), seed=1, **common).values
    others = [kind(realisation=np.arange(n), seed=1, shared=True, **common).values[0]]
    others += [kind(realisation=np.arange(n), seed=2, **common).values[0], np.roll(a[0], 1)]
    for other in others:
        assert abs(np.corrcoef(a[0], other)[0, 1]) < 4 / np.sqrt(n)


@every_kind
def test_the_samples_cover_the_duration(kind):
    wave = kind(duration=10e-9, interval=3e-9, seed=1, start=2e-9)
    assert isinstance(wave, Sampled)
    assert (len(wave.values), wave.interval, wave.start) == (5, 3e-9, 2e-9)
    assert len(kind(duration=300 * 0.1e-9, interval=0.1e-9, seed=1).values) == 301  # 300.00000000000006 intervals


def test_kinds_of_one_seed_are_independent():
    n, more = 4000, {"realisation": np.arange(4000), "seed": 1}
    rows = [kind(duration=1e-9, interval=1e-9, **more).values[0] for kind in KINDS.values()]
    rows.append(noise.offset(1.0, **more))
    assert np.abs(np.corrcoef(rows)[~np.eye(4, dtype=bool)]).max() < 4 / np.sqrt(n)


@pytest.mark.parametrize("turns", [1e-3, 0.2, 1.0, 40.0])
def test_an_ornstein_uhlenbeck_process_is_exact_at_any_interval(turns):
    n, rate = 20_000, 2e8
    more = {"interval": turns / rate, "duration": 6 * turns / rate, "seed": 3, "realisation": np.arange(n)}
    x = noise.ornstein_uhlenbeck(2.5, rate=rate, **more).values / 2.5
    for k in (0, 6):  # stationary from the first sample to the last
        assert stats.kstest(x[k], "norm").pvalue > 1e-5
    for k in (1, 2, 5):
        expected = np.exp(-k * turns)
        z = (np.mean(x[0] * x[k]) - expected) * np.sqrt(n / (1 + expected**2))
        assert abs(z) < 4
        step = np.mean((x[6 - k] - x[6]) ** 2) / (-2 * np.expm1(-k * turns))  # its variance, of which 2/n is known
        assert abs(step - 1) < 4 * np.sqrt(2 / n)


def test_flicker_noise_is_the_sum_of_processes_that_it_is_said_to_be():
    wave = noise.flicker(1.5, f_low=1e6, f_high=1e9, **SHORT)
    total = 0.0
    every = rates(1e6, 1e9)
    for term, rate in enumerate(every):
        n = philox.draw(5, ((noise.FLICKER_TERM + term) << noise.TERM_SHIFT) + np.arange(41), 0, purpose=philox.FLICKER)
        x = [n[0]]
        for k in range(1, 41):
            x.append(x[-1] * np.exp(-rate * 1e-9) + np.sqrt(1 - np.exp(-2 * rate * 1e-9)) * n[k])
        total = total + np.array(x)
    assert wave.values == pytest.approx(1.5 / np.sqrt(len(every)) * total, rel=1e-12, abs=1e-13)


def test_flicker_noise_has_its_variance_from_start_to_end():
    n = 4000
    more = {"duration": 50e-9, "interval": 1e-9, "seed": 2, "realisation": np.arange(n)}
    x = noise.flicker(0.3, f_low=1e5, f_high=1e9, **more).values / 0.3
    for k in (0, 25, 50):
        assert stats.kstest(x[k], "norm").pvalue > 1e-5
        assert abs(np.mean(x[k] ** 2) - 1) < 4 * np.sqrt(2 / n)


@pytest.mark.parametrize("decades", [0.1, 0.5, 1, 3, 8])
def test_the_sum_of_relaxators_is_one_over_f(decades):
    """f S/h = (2/pi) (atan(f_high/f) - atan(f_low/f)): within 1 % of 1 from 64 f_low to f_high/64.

    The sum is a midpoint rule over ln(rate) of sech(ln(rate/2 pi f))/pi: it ripples by 4 exp(-pi^2/ln r), and both ends
    add (ln r)^2/24 of the difference of their slopes, at most 1/pi.
    """
    f_low, f_high = 1e2, 10 ** (2 + decades)
    every = rates(f_low, f_high)
    f = np.geomspace(f_low / 10, 10 * f_high, 500)
    S = sum(lorentzian(f, 1 / len(every), rate) for rate in every)
    h = 1 / np.log(f_high / f_low)
    rounded = 2 / np.pi * (np.arctan(f_high / f) - np.arctan(f_low / f))
    assert f * S / h == pytest.approx(rounded, abs=0.02)  # (ln 3)^2/(24 pi) and, of a sixth of it, the next order
    middle = (f > 64 * f_low) & (f < f_high / 64)
    assert f[middle] * S[middle] / h == pytest.approx(rounded[middle], abs=0.001)
    assert f[middle] * S[middle] / h == pytest.approx(np.ones(middle.sum()), abs=0.011)  # 2/(64 pi) and 0.001


def test_flicker_noise_has_the_measured_spectrum_h_over_f():
    n, realisations, interval, rms = 2**13, 160, 1e-9, 0.02
    f_low, f_high = 1e2, 5e9  # far below 1/duration, and far above 1/(2 interval): the latter folds
    more = {"duration": (n - 1) * interval, "interval": interval, "seed": 4, "realisation": np.arange(realisations)}
    x = noise.flicker(rms, f_low=f_low, f_high=f_high, **more).values
    f, S = density(x, interval)
    every = rates(f_low, f_high)
    exact = sum(relaxator(f, rms**2 / len(every), rate, interval) for rate in every)
    h = rms**2 / np.log(f_high / f_low)
    for low, high in ((1e6, 3e6), (3e6, 1e7), (1e7, 1e8), (1e8, 4e8)):
        band = (f >= low) & (f < high)
        error = np.sqrt(1.94 / (band.sum() * realisations))  # neighbouring bins of a Hann window go together
        assert abs(np.mean(S[band] / exact[band]) - 1) < 4 * error
    decade = (f >= 1e6) & (f < 1e7)
    assert np.mean(f[decade] * S[decade]) / h == pytest.approx(1, abs=0.05)


def test_noise_slower_than_a_run_is_an_offset_in_it():
    more = {"duration": 1e-6, "interval": 1e-8, "seed": 4, "realisation": np.arange(200)}
    x = noise.flicker(1.0, f_low=1e-3, f_high=1.0, **more).values
    assert np.ptp(x, axis=0).max() < 0.02  # (rate duration)^(1/2) = 0.002 rms
    assert np.std(x[0]) > 0.8
    assert noise.flicker_rms(3.0, f_low=1e-3, f_high=1.0) == pytest.approx(np.sqrt(3 * np.log(1e3)))


def test_telegraph_noise_dwells_for_exponential_times():
    n, interval, up, down = 200_000, 1e-9, 40e-9, 15e-9
    wave = noise.telegraph(0.7, dwell_up=up, dwell_down=down, duration=n * interval, interval=interval, seed=6)
    assert set(np.unique(wave.values)) == {-0.7, 0.7}
    ends = np.flatnonzero(np.diff(wave.values))
    dwells, state = np.diff(ends), wave.values[ends[1:]]
    share, memory = up / (up + down), np.exp(-interval * (1 / up + 1 / down))
    for level, hop in ((0.7, (1 - share) * (1 - memory)), (-0.7, share * (1 - memory))):
        k = dwells[state == level]
        z = (k.mean() - 1 / hop) / (np.sqrt(1 - hop) / hop / np.sqrt(k.size))  # a geometric law
        assert abs(z) < 4
        bins = np.unique(stats.geom.ppf(np.linspace(0, 1, 11)[1:-1], hop))
        counts = np.histogram(k, [0.5, *(bins + 0.5), np.inf])[0]
        shares = np.diff([0, *stats.geom.cdf(bins, hop), 1])
        assert stats.chisquare(counts, shares * k.size).pvalue > 1e-5
    assert 1 / hop * interval == pytest.approx(down, rel=0.05)  # the process's own, at a short interval


@pytest.mark.parametrize("interval", [1e-9, 60e-9])
def test_telegraph_noise_is_stationary_and_its_correlation_decays_with_both_rates(interval):
    n, up, down = 20_000, 40e-9, 15e-9
    more = {"duration": 3 * interval, "interval": interval, "seed": 8, "realisation": np.arange(n)}
    x = noise.telegraph(1.0, dwell_up=up, dwell_down=down, **more).values
    mean, variance = (up - down) / (up + down), 4 * up * down / (up + down) ** 2
    for k in range(4):
        assert abs(x[k].mean() - mean) < 4 * np.sqrt(variance / n)
        product = (x[0] - mean) * (x[k] - mean)
        expected = variance * np.exp(-k * interval * (1 / up + 1 / down))
        assert abs(product.mean() - expected) < 4 * product.std() / np.sqrt(n)


def test_telegraph_noise_has_a_lorentzian_spectrum():
    n, realisations, interval, up, down = 2**12, 150, 1e-9, 40e-9, 15e-9
    more = {"duration": (n - 1) * interval, "interval": interval, "seed": 7, "realisation": np.arange(realisations)}
    x = noise.telegraph(1.0, dwell_up=up, dwell_down=down, **more).values - (up - down) / (up + down)
    f, S = density(x, interval)
    variance, rate = 4 * up * down / (up + down) ** 2, 1 / up + 1 / down
    for low, high in ((1e6, 5e6), (5e6, 2e7), (2e7, 5e7)):
        band = (f >= low) & (f < high)
        error = np.sqrt(1.94 / (band.sum() * realisations))
        assert abs(np.mean(S[band] / relaxator(f[band], variance, rate, interval)) - 1) < 4 * error
    assert np.mean(S[1:5] / lorentzian(f[1:5], variance, rate)) == pytest.approx(1, abs=4 / np.sqrt(2 * 150))


def test_dwell_times_and_amplitudes_broadcast():
    up, amplitude = np.array([[10e-9], [30e-9]]), np.array([1.0, 2.0, 3.0])
    more = {"dwell_down": 20e-9, "duration": 50e-9, "interval": 1e-9, "seed": 2}
    batch = noise.telegraph(amplitude, dwell_up=up, realisation=np.arange(3), **more)
    one = noise.telegraph(2.0, dwell_up=30e-9, realisation=1, **more)
    assert batch.shape == (2, 3)
    assert np.array_equal(batch.values[:, 1, 1], one.values)
    scaled = noise.ornstein_uhlenbeck(amplitude, rate=1e8, **SHORT)  # one noise, three strengths
    assert scaled.values / scaled.values[:, :1] == pytest.approx(np.broadcast_to(amplitude, (41, 3)), rel=1e-15)


def test_a_common_mode_correlates_by_rho():
    n, rho = 20_000, 0.6
    more = {"rate": 1e8, "duration": 1e-9, "interval": 1e-9, "seed": 1}
    a, b = (noise.ornstein_uhlenbeck(2.0, realisation=np.arange(n) + k * n, **more) for k in (0, 1))
    common = noise.ornstein_uhlenbeck(2.0, realisation=np.arange(n), shared=True, **more)
    x, y = (noise.common_mode(private, common, rho).at(0.0) / 2 for private in (a, b))
    assert abs(np.mean(x * y) - rho) < 4 * np.sqrt((1 + rho**2) / n)
    assert abs(np.mean(x**2) - 1) < 4 * np.sqrt(2 / n)
    assert np.array_equal(noise.common_mode(a, common, 1.0).at(0.0), common.at(0.0))
    assert np.array_equal(noise.common_mode(a, common, 0.0).at(0.0), a.at(0.0))


def test_a_common_mode_takes_waveforms_numbers_and_arrays():
    assert noise.common_mode(np.array([3.0, 5.0]), 2.0, 0.36) == pytest.approx([3.6, 5.2])
    wave = noise.common_mode(np.array([3.0, 5.0]), Sine(1.0, 1e9), np.array([0.36, 0.64]))
    assert wave.at(0.25e-9) == pytest.approx([0.6 + 0.8 * 3, 0.8 + 0.6 * 5])


def test_an_offset_is_a_number_of_its_stream():
    x = noise.offset(0.5, seed=9, realisation=np.arange(4000))
    assert stats.kstest(x / 0.5, "norm").pvalue > 1e-5
    assert noise.offset([0.5, 1.0], seed=9, realisation=17) == pytest.approx([x[17], 2 * x[17]], rel=1e-15)
    assert x[17] != noise.offset(0.5, seed=9, realisation=17, shared=True)
