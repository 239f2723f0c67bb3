"""The encodings: their statistics, what they depend on, and that compiled trains are those of torch's operations."""

import numpy as np
import pytest
import snntorch.spikegen as spikegen
import torch

from neuromorph import encoding
from neuromorph.encoding import ENCODINGS, encode
from shno import philox

RANDOM = ("rate", "bernoulli")
SEED = 2**63 + 11


def images(batch=6, pixels=40, seed=0):
    """Uniform in [0, 1], black and white among them."""
    found = torch.rand(batch, pixels, generator=torch.Generator().manual_seed(seed))
    found[:, 0], found[:, 1] = 0.0, 1.0
    return found


def trains(shown, steps=70, which="bernoulli", seed=SEED, **settings):
    return encode(shown, encoding=which, steps=steps, seed=seed, **settings)


@pytest.mark.parametrize("which", RANDOM)
def test_the_mean_of_each_pixel_is_its_intensity(which):
    """|z| < 4 for each of 480 pixels over 4,000 steps, and their z have unit variance; black and white are exact."""
    shown, steps = images(12), 4000
    spikes = trains(shown, steps, which)
    assert set(spikes.unique().tolist()) == {0.0, 1.0} and spikes.dtype == torch.float32
    mean = spikes.mean(0)
    assert torch.equal(mean[:, :2], shown[:, :2])
    p = shown[:, 2:].double()
    z = (mean[:, 2:] - p) / (p * (1 - p) / steps).sqrt()
    assert z.abs().max() < 4
    assert abs(z.square().mean() - 1) < 4 * (2 / z.numel()) ** 0.5


@pytest.mark.parametrize("probability", (1 / 2**16, 0.3, 1 - 1 / 2**16, 3 / 255))
def test_every_bit_of_a_probability_counts(probability):
    """A million draws at one intensity, |z| < 4, the smallest one in 2^16 included."""
    spikes = trains(torch.full((4, 2500), probability), 100)
    error = (probability * (1 - probability) / spikes.numel()) ** 0.5
    assert abs(spikes.double().mean() - probability) < 4 * error


def test_intensities_are_rounded_to_the_nearest_65536th():
    low, high = 0.4999 / 2**16, 1 - 0.4999 / 2**16
    assert not trains(torch.full((2, 500), low), 100).any() and trains(torch.full((2, 500), high), 100).all()


@pytest.mark.parametrize("which", RANDOM)
def test_steps_pixels_and_presentations_are_independent(which):
    """Correlations at lags 1, 31, 32 and 64 steps (32 are drawn together), between neighbours, images and numbers."""
    shown, steps = torch.full((8, 50), 0.3), 640
    x = (trains(shown, steps, which).double() - 0.3) / (0.3 * 0.7) ** 0.5
    pairs = [x[lag:] * x[:-lag] for lag in (1, 2, 4, 8, 31, 32, 64)]
    pairs += [x[:, :, 1:] * x[:, :, :-1], x[:, :, 4:] * x[:, :, :-4], x[:, 1:] * x[:, :-1]]
    pairs += [x * (trains(shown, steps, which, seed=SEED + 1).double() - 0.3) / (0.3 * 0.7) ** 0.5]
    for product in pairs:
        assert abs(product.mean()) * product.numel() ** 0.5 < 4


def test_the_spikes_of_a_pixel_are_distributed_as_spikegen_s():
    """Counts of 50 steps over 4,000 pixels at p = 0.2 have the binomial's mean and variance, 4 standard errors."""
    for spikes in (trains(torch.full((4, 1000), 0.2), 50), spikegen.rate(torch.full((4, 1000), 0.2), num_steps=50)):
        counts = spikes.double().sum(0)
        assert abs(counts.mean() - 10) < 4 * (8 / 4000) ** 0.5
        assert abs(counts.var() / 8 - 1) < 4 * (2 / 4000) ** 0.5


@pytest.mark.parametrize("which", RANDOM)
def test_a_train_depends_on_seed_number_and_pixel_alone(monkeypatch, which):
    """Not on the batch, its order, the steps asked for ("bernoulli"), the threads, or torch's generator."""
    shown, numbers = images(6), torch.tensor([7, 2**32 - 1, 0, 123456, 8, 9])
    whole = trains(shown, which=which, numbers=numbers)
    order = torch.tensor([4, 0, 5, 2, 1, 3])
    assert torch.equal(trains(shown[order], which=which, numbers=numbers[order]), whole[:, order])
    torch.manual_seed(99)
    before = torch.get_rng_state()
    for k in (0, 1, 5):
        assert torch.equal(trains(shown[k : k + 1], which=which, numbers=numbers[k : k + 1])[:, 0], whole[:, k])
    assert torch.equal(torch.get_rng_state(), before)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert torch.equal(trains(shown, which=which, numbers=numbers), whole)
    for other in (trains(shown, which=which, numbers=numbers, seed=SEED - 1), trains(shown, which=which)):
        assert not torch.equal(other, whole)
    if which == "bernoulli":
        assert torch.equal(trains(shown, 33, numbers=numbers), whole[:33])


def test_numbers_count_the_images_by_default_and_shapes_are_kept():
    shown = images(6, 784).view(6, 28, 28)
    for which in ENCODINGS:
        found = trains(shown, 5, which)
        assert found.shape == (5, 6, 28, 28) and found.dtype == torch.float32
        assert torch.equal(found, trains(shown, 5, which, numbers=torch.arange(6)))


def test_compiled_trains_are_those_of_torch_s_operations():
    shown, numbers = images(3, 50), torch.tensor([2**32 - 1, 5, 2**31])
    found = trains(shown, 77, numbers=numbers)
    assert torch.equal(found, encoding.bernoulli(shown, 77, SEED, numbers))


def test_a_train_is_the_comparison_of_the_generator_s_bits():
    """Number by number: step t of pixel j spikes where the 16 bits t % 32 of its words, the lowest first, are < p."""
    shown, number = torch.rand(1, 3, generator=torch.Generator().manual_seed(2)), 17
    found = trains(shown, 64, numbers=[number])
    for j, p in enumerate((shown[0] * 2**16).round().int().tolist()):
        for k in range(2):
            words = []
            for call in range(4 * k, 4 * k + 4):
                key = philox.split(SEED)
                counter = philox.place(call, number, j, encoding.PURPOSE)
                words += [int(word) for word in philox.philox(counter, key)]
            for t in range(32):
                uniform = sum((word >> t & 1) << i for i, word in enumerate(words))
                complement = 2**16 - 1 - uniform  # a one among the words raises r
                assert found[32 * k + t, 0, j].item() == float(complement < p)


def test_direct_is_the_image_itself_at_every_step():
    shown = images()
    found = trains(shown, 9, "direct")
    assert all(torch.equal(each, shown) for each in found) and found.data_ptr() == shown.data_ptr()


def test_latency_is_one_spike_the_earlier_the_brighter():
    """At round((1 - p) (steps - 1)), none below 0.01, whatever else the batch shows."""
    p = torch.tensor([[0.0, 0.009, 0.02, 0.25, 0.5, 0.9, 1.0]])
    found = trains(p, 11, "latency")
    assert found.sum(0).tolist() == [[0, 0, 1, 1, 1, 1, 1]]
    assert found.argmax(0)[0, 2:].tolist() == [10, 8, 5, 1, 0]
    both = trains(torch.cat([p, torch.full_like(p, 0.7)]), 11, "latency")
    assert torch.equal(both[:, :1], found) and trains(p, 1, "latency").sum() == 5


def test_delta_counts_tenths_of_brightness_spread_evenly():
    p = torch.tensor([[0.0, 0.09, 0.1, 0.35, 0.7, 1.0]])
    found = trains(p, 100, "delta")
    assert found.sum(0).tolist() == [[0, 0, 1, 3, 7, 10]]
    assert found[:, 0, 5].nonzero().ravel().tolist() == list(range(9, 100, 10))
    assert found[:, 0, 3].nonzero().ravel().tolist() == [28, 57, 85]  # the first step with 0.35 (t + 1) / 100 >= 0.1 k
    assert trains(p, 5, "delta").sum(0).tolist() == [[0, 0, 1, 3, 5, 5]]  # one a step at most


BAD = (
    ({"which": "poisson"}, ValueError, "encoding must be one of direct, rate, bernoulli, latency, delta"),
    ({"steps": 0}, ValueError, "steps must be a whole number"),
    ({"steps": 2.5}, ValueError, "steps must be a whole number"),
    ({"seed": -1}, ValueError, "seed must be"),
    ({"seed": 2**64}, ValueError, "seed must be"),
    ({"seed": None}, ValueError, "seed must be"),
    ({"numbers": torch.arange(5)}, ValueError, "numbers must be"),
    ({"numbers": torch.arange(6) - 1}, ValueError, "numbers must be"),
    ({"numbers": torch.arange(6) + 2**32}, ValueError, "numbers must be"),
    ({"numbers": torch.arange(6.0)}, TypeError, "numbers must be"),
    ({"shown": images() + 0.5}, ValueError, "images must be in"),
    ({"shown": images() * torch.nan}, ValueError, "images must be in"),
    ({"shown": images()[:0]}, ValueError, "images must hold"),
    ({"shown": images().byte()}, TypeError, "images must be a floating-point tensor"),
    ({"shown": np.zeros((2, 3))}, TypeError, "images must be a floating-point tensor"),
)


@pytest.mark.parametrize("given, kind, words", BAD)
def test_a_bad_argument_is_refused_by_name(given, kind, words):
    settings = {"shown": images(), **given}
    with pytest.raises(kind, match=words):
        trains(**settings)
