"""Brown's field: its standard deviation, and normals with the moments, tails and independence of white noise."""

from math import erfc, pi, prod, sqrt

import numpy as np
import pytest
import torch
from numba import njit
from scipy import special, stats

from shno.constants import mu_0
from shno.kernel_philox import drawer, place_of_normal
from shno.kernel_registers import FLAGS
from shno.layout import Layout
from shno.philox import draw
from shno.thermal import field_deviation, thermal_block, thermal_normals

GAMMA = 1.76085963023e11  # rad/(s T), free electron, CODATA 2018, of which the numbers below were derived
SAMPLE = {"temperature": 300.0, "alpha": 0.1, "gamma": GAMMA, "Ms": 8e5, "volume": 1e-24, "dt": 1e-12}
SEED, WIDTH = 0x0123456789ABCDEF, 64


draw_lanes = drawer(WIDTH)


def layouts(width):
    """Of a block of lanes, and of all pairs of normals in it."""
    return tuple(Layout((), 0, rows * width) for rows in (1, 6))


@njit(fastmath=FLAGS, error_model="numpy")
def count_tails(block, pairs, buffer, seed, realisations, groups, edges, counts):
    """How many normals lie below -edge and above +edge."""
    words = np.empty(buffer.shape[0], np.uint32)
    for group in range(groups):
        draw_lanes(block, pairs, buffer, words, seed, realisations, group)
        for j in range(edges.shape[0]):
            low, high = 0, 0
            for i in range(buffer.shape[0]):
                low += buffer[i] < -edges[j]
                high += buffer[i] > edges[j]
            counts[0, j] += low
            counts[1, j] += high


def compiled_normals(steps, realisations, dtype, *, first=0, seed=SEED):
    """Compiled normals (steps, 3, n)."""
    width = len(realisations)
    out, words, draw_group = np.empty((steps // 4, 12 * width), dtype), np.empty(12 * width, np.uint32), drawer(width)
    for k in range(steps // 4):
        draw_group(*layouts(width), out[k], words, np.uint64(seed), realisations, first + k)
    places = place_of_normal(np.arange(12), width)[:, None] + np.arange(width)
    return out[:, places].reshape(steps, 3, width)


@pytest.fixture(scope="module", params=[np.float32, np.float64])
def noise(request):
    """Compiled normals (steps, 3, n), 1.2e7 of them."""
    return compiled_normals(62_800, np.arange(WIDTH, dtype=np.uint32), request.param)


def test_deviation_is_that_of_brown():
    """Nine digits, rounded: 1e-9. The last case is as large as a device."""
    B = field_deviation(*SAMPLE.values())
    np.testing.assert_allclose([B, B / mu_0], [76.6849087e-3, 6.10239114e4], rtol=1e-9)
    device = {**SAMPLE, "alpha": 0.02, "Ms": 6e5, "volume": 150e-9 * 150e-9 * 5e-9}
    B = field_deviation(*device.values())
    np.testing.assert_allclose([B, B / mu_0], [3.73351594e-3, 2971.03758], rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "power"),
    [("temperature", 1), ("alpha", 1), ("gamma", -1), ("Ms", -1), ("volume", -1), ("dt", -1)],
)
def test_variance_is_a_power_of_each_parameter(name, power):
    ratio = field_deviation(*{**SAMPLE, name: 3.7 * SAMPLE[name]}.values()) / field_deviation(*SAMPLE.values())
    np.testing.assert_allclose(ratio**2, 3.7**power, rtol=1e-14)  # a few roundings


def test_deviation_in_the_landau_lifshitz_gamma_is_the_same_number():
    """(2 [alpha / (1 + alpha^2)] k_B T / (gamma' Ms V dt))^(1/2) with gamma' = gamma / (1 + alpha^2)."""
    alpha = 0.5
    gilbert = field_deviation(*{**SAMPLE, "alpha": alpha}.values())
    primed = {**SAMPLE, "alpha": alpha / (1 + alpha**2), "gamma": GAMMA / (1 + alpha**2)}
    np.testing.assert_allclose(field_deviation(*primed.values()), gilbert, rtol=1e-14)


def test_deviation_takes_arrays_and_keeps_float32():
    temperature = np.array([0.0, 4.2, 300.0])
    values = field_deviation(temperature, *list(SAMPLE.values())[1:])
    assert values[0] == 0 and np.array_equal(values[2], field_deviation(*SAMPLE.values()))
    single = [torch.tensor(value, dtype=torch.float32) for value in SAMPLE.values()]
    assert field_deviation(*single).dtype == torch.float32
    np.testing.assert_allclose(field_deviation(*single), values[2], rtol=1e-6)  # float32: k_B T does not underflow


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-13), (torch.float32, 1e-6)])
def test_tensors_are_the_stream_at_three_numbers_a_step(dtype, tolerance):
    realisation = torch.tensor([[0, 1, 5], [2**31, 2**32 - 1, 77]])
    for step in (0, 1, 2, 3, 4, 5, 6, 7, 2**34 + 2, 2**40 + 1):
        numbers = thermal_normals(SEED, step, realisation, torch.empty(0, dtype=dtype), oscillator=9)
        for component, n in enumerate(numbers):
            assert n.dtype == dtype and n.shape == realisation.shape
            exact = draw(SEED, 3 * step + component, realisation.numpy(), oscillator=9)
            assert (np.abs(n.numpy() - exact) / np.maximum(1, np.abs(exact))).max() < tolerance
    assert len(numbers) == 3


def test_a_block_is_four_steps():
    realisation, oscillator, like = torch.arange(5), torch.arange(5) + 3, torch.empty(0, dtype=torch.float64)
    block = thermal_block(SEED, 6, realisation, oscillator, like)
    steps = [thermal_normals(SEED, step, realisation, like, oscillator=oscillator) for step in range(24, 28)]
    assert torch.equal(torch.stack(block), torch.stack([n for numbers in steps for n in numbers]))  # same arithmetic


def test_a_batch_of_tensors_is_its_elements():
    like = torch.empty(0, dtype=torch.float64)
    whole = torch.stack(thermal_normals(SEED, 3, torch.arange(37), like))
    parts = [torch.stack(thermal_normals(SEED, 3, torch.tensor([k]), like)) for k in range(37)]
    assert torch.equal(whole, torch.cat(parts, dim=1))  # same arithmetic


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-13), (np.float32, 1e-6)])
@pytest.mark.parametrize("first", [0, 2**31 + 3])
def test_compiled_normals_are_the_stream(dtype, tolerance, first):
    realisations = np.arange(WIDTH, dtype=np.uint32) + 2**31
    values = compiled_normals(8, realisations, dtype, first=first)
    exact = draw(SEED, 12 * first + np.arange(24).reshape(8, 3, 1), realisations)
    assert (np.abs(values - exact) / np.maximum(1, np.abs(exact))).max() < tolerance


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_compiled_normals_are_the_same_bits_in_any_block(dtype):
    """Lanes, chunks, integer types and order change no bit."""
    realisations = np.arange(WIDTH, dtype=np.uint32)
    whole = compiled_normals(16, realisations, dtype)
    for width in (1, 7, 16, 40):
        assert np.array_equal(compiled_normals(16, realisations[5 : 5 + width], dtype), whole[..., 5 : 5 + width])
    assert np.array_equal(compiled_normals(16, realisations.astype(np.int64), dtype), whole)
    assert np.array_equal(compiled_normals(8, realisations, dtype, first=2), whole[8:])
    assert np.array_equal(compiled_normals(16, realisations[::-1].copy(), dtype)[..., ::-1], whole)


def test_moments_are_those_of_the_normal_distribution(noise):
    x = noise.ravel().astype(np.float64)

    def moment(k):
        return 0 if k % 2 else prod(range(1, k, 2))  # (k - 1)!!

    power = np.ones_like(x)
    for k in range(1, 7):
        power *= x
        error = sqrt((moment(2 * k) - moment(k) ** 2) / x.size)
        assert abs(power.mean() - moment(k)) < 4 * error


def test_distribution_is_normal(noise):
    """Kolmogorov-Smirnov; 32 bits a uniform are 1e6 times finer than its distance for 1.2e7 numbers."""
    cumulative = special.ndtr(np.sort(noise, axis=None).astype(np.float64))
    distance = np.abs(cumulative - (np.arange(noise.size) + 0.5) / noise.size).max()
    assert special.kolmogorov(distance * sqrt(noise.size)) > 1e-5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tails_are_those_of_the_normal_distribution(dtype):
    """1.9e8 draws: 110 above 5 deviations are awaited on either side, within 4 binomial errors."""
    edges, groups = np.array([1.0, 3.0, 4.0, 5.0]), 250_000
    counts = np.zeros((2, 4), np.int64)
    buffer = np.empty(12 * WIDTH, dtype)
    count_tails(
        *layouts(WIDTH), buffer, np.uint64(SEED), np.arange(WIDTH, dtype=np.uint32), groups, edges.astype(dtype), counts
    )
    draws = 12 * WIDTH * groups
    p = np.array([erfc(edge / sqrt(2)) / 2 for edge in edges])
    assert (np.abs(counts - draws * p) < 4 * np.sqrt(draws * p * (1 - p))).all()


def test_components_steps_and_realisations_are_independent(noise):
    """Correlations of n and of n^2: the sum of products over N is within 4 N^(-1/2), each variance being 1."""
    x = noise.astype(np.float64)
    for y in (x, (x**2 - 1) / sqrt(2)):
        flat = y.reshape(-1, WIDTH)  # (3 step + component, realisation)
        pairs = [(flat[lag:], flat[:-lag]) for lag in range(1, 13)]  # all components, up to four steps
        pairs += [(flat[:, lag:], flat[:, :-lag]) for lag in (1, 2, 8, 32)]
        pairs += [(y[:, a], y[:, b]) for a, b in ((0, 1), (0, 2), (1, 2))]
        for a, b in pairs:
            assert abs(np.vdot(a, b)) < 4 * sqrt(a.size)


def test_the_pair_of_a_call_has_no_preferred_angle(noise):
    """The directions of Box-Muller pairs fill the turn evenly: 64 bins, chi-squared."""
    pairs = noise.reshape(-1, 2, WIDTH)[:40_000].astype(np.float64)
    bins = np.histogram(np.arctan2(pairs[:, 1], pairs[:, 0]), 64, range=(-pi, pi))[0]
    assert stats.chisquare(bins).pvalue > 1e-5
