"""The generator: its published answers, the same words in every world, and normals of full accuracy."""

import numpy as np
import pytest
import torch
from numba import njit
from scipy import stats

from shno import kernel_philox, philox
from shno.kernel_lanes import lanewise
from shno.kernel_registers import FLAGS
from shno.layout import Layout
from shno.philox import COMMON, FLICKER, SAMPLE, TELEGRAPH, THERMAL, WELL, draw, normals, uniforms

LANES = 64
FULL = 2**32 - 1
KNOWN = [  # Random123, tests/kat_vectors: counter, key, words
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((FULL,) * 4, (FULL,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),  # the digits of pi
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]
PURPOSES = (THERMAL, WELL, FLICKER, TELEGRAPH, COMMON, SAMPLE)


@njit(fastmath=FLAGS, error_model="numpy")
def compiled_words(c, k, out):
    for i in range(c.shape[1]):
        words = philox.philox((c[0, i], c[1, i], c[2, i], c[3, i]), (k[0, i], k[1, i]))
        for j in range(4):
            out[j, i] = words[j]


@lanewise
def of_lanes(layout, w0, w1, normals, primitives, i):
    """Rows: radius, cosine and sine of the words w0; the pair of w0 and w1."""
    width, real = layout.lanes, primitives.element
    (x, y), pair = kernel_philox.cos_sin(w0[0, i], real), kernel_philox.box_muller(w0[0, i], w1[0, i], real)
    for k, value in enumerate((kernel_philox.radius(w0[0, i], real), x, y)):
        primitives[k * width, i] = value
    for k, value in enumerate(pair):
        normals[k * width, i] = value


@njit(fastmath=FLAGS, error_model="numpy")
def in_lanes(layout, w0, w1, normals, primitives):
    of_lanes(layout, w0, w1, normals, primitives)


def in_numpy(function, words, dtype):
    return np.stack(function(tuple(words), np.empty(0, dtype)))


def in_torch(function, words, dtype):
    tensors = tuple(torch.from_numpy(word.astype(np.int64)) for word in words)
    return torch.stack(function(tensors, torch.empty(0, dtype=getattr(torch, np.dtype(dtype).name)))).numpy()


def compiled(function, words, dtype):
    """Normals and primitives by the kernels, a block of lanes at a time."""
    n = words.shape[-1]
    words = np.pad(words.astype(np.uint32), ((0, 0), (0, -n % LANES)))
    rows = {primitives: 3, normals: 4}[function]
    out, last = np.empty((rows, words.shape[-1]), dtype), len(words) - 1
    for start in range(0, words.shape[-1], LANES):
        w, found, pairs = words[:, start : start + LANES], np.empty(3 * LANES, dtype), np.empty((2, 2 * LANES), dtype)
        for k, pair in enumerate(pairs):
            in_lanes(Layout((), 0, LANES), w[min(2 * k, last)], w[min(2 * k + 1, last)], pair, found)
            if function is primitives:
                break
        block = found if function is primitives else pairs
        out[:, start : start + LANES] = block.reshape(rows, LANES)
    return out[:, :n]


def primitives(words, like):
    return philox.radius(words[0], like), *philox.cos_sin(words[0], like)


WORLDS = [in_numpy, in_torch, compiled]


def random_words(n, rows=4, seed=1):
    return np.random.default_rng(seed).integers(0, 2**32, (rows, n), dtype=np.uint64)


def telling_words():
    """Words of every magnitude, their complements, and the neighbours of every eighth of a turn."""
    rng = np.random.default_rng(2)
    near = np.arange(-500, 501)
    small = np.concatenate([np.arange(500), 2 ** np.arange(32), np.floor(2 ** rng.uniform(0, 32, 100_000))])
    eighths = np.concatenate([near + k * 2**29 for k in range(1, 8)])
    words = np.concatenate([small, FULL - small, eighths, [2**31, FULL], rng.integers(0, 2**32, 100_000)])
    return words.astype(np.uint64)


def exact_primitives(words):
    """Radius, cosine and sine in extended precision."""
    one, w = np.longdouble(1), words.astype(np.longdouble)
    u, rest = (w + one / 2) / 2**32, (2**32 - w - one / 2) / 2**32
    r = np.sqrt(-2 * np.where(u < 0.5, np.log(u), np.log1p(-rest)))
    quarter = (words + 2**29) >> 30
    angle = (w - (quarter << 30).astype(np.longdouble)) / 2**31 * (4 * np.arctan(one))  # |angle| <= pi/4
    c, s = np.cos(angle), np.sin(angle)
    which = (quarter % 4).astype(int)
    return np.stack([r, np.choose(which, (c, -s, -c, s)), np.choose(which, (s, c, -s, -c))])


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_published_answers_in_every_world(counter, key, words):
    assert philox.philox(counter, key) == words  # Python's integers
    arrays = philox.philox(*(tuple(np.array([x], np.uint64) for x in part) for part in (counter, key)))
    assert [int(word[0]) for word in arrays] == list(words)
    tensors = philox.philox(*(tuple(torch.tensor([x]) for x in part) for part in (counter, key)))
    assert [int(word[0]) for word in tensors] == list(words)
    out = np.empty((4, 1), np.uint64)
    compiled_words(np.array([counter], np.uint64).T, np.array([key], np.uint64).T, out)
    assert out[:, 0].tolist() == list(words)


def test_words_are_the_same_bits_in_every_world():
    inputs = random_words(10_000, rows=6)
    c, k = inputs[:4], inputs[4:]
    expected = np.stack(philox.philox(tuple(c), tuple(k)))
    assert expected.dtype == np.uint64 and expected.max() <= FULL
    signed = [tuple(torch.from_numpy(row.astype(np.int64)) for row in part) for part in (c, k)]
    assert np.array_equal(torch.stack(philox.philox(*signed)).numpy(), expected)
    out = np.empty_like(expected)
    compiled_words(c, k, out)
    assert np.array_equal(out, expected)


def test_every_bit_of_counter_and_key_changes_half_of_the_words_bits():
    inputs = random_words(2000, rows=6)
    before = np.stack(philox.philox(tuple(inputs[:4]), tuple(inputs[4:])))
    for row in range(6):
        for bit in (0, 17, 31):
            other = inputs.copy()
            other[row] ^= np.uint64(1 << bit)
            after = np.stack(philox.philox(tuple(other[:4]), tuple(other[4:])))
            flipped = np.bitwise_count(before ^ after).sum(0)  # of 128: binomial, deviation 8 / 2
            assert abs(flipped.mean() - 64) < 4 * np.sqrt(32 / 2000)


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_primitives_have_the_accuracy_of_their_type(world, dtype):
    """Relative, also where u rounds to 1 and at the zeros of cosine and sine, which are exact."""
    words = telling_words()
    values, exact = world(primitives, words[None], dtype), exact_primitives(words)
    assert values.dtype == dtype and (values[exact == 0] == 0).all()
    values, exact = values.astype(np.longdouble), exact.copy()
    values[0], exact[0] = values[0] ** 2, exact[0] ** 2  # the logarithm
    error = np.abs(values - exact)[exact != 0] / np.abs(exact[exact != 0])
    assert error.max() < {np.float64: 1e-15, np.float32: 4 * np.finfo(np.float32).eps}[dtype]  # 4 last places


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-13), (np.float32, 1e-6)])
def test_normals_agree_between_worlds(dtype, tolerance):
    words = np.concatenate([random_words(100_000), np.resize(telling_words(), (4, 50_000))], axis=1)
    values = [world(normals, words, dtype) for world in WORLDS]
    scale = np.maximum(1, np.abs(values[0]))
    for other in values[1:]:
        assert other.dtype == dtype
        assert (np.abs(other - values[0]) / scale).max() < tolerance


def test_normals_are_the_box_muller_pairs():
    words = (0x12345678, 0x9ABCDEF0, 0xFEDCBA98, 0x76543210)
    arrays = tuple(np.array([word], np.uint64) for word in words)
    u, v = (np.array(words[0::2]) + 0.5) / 2**32, np.array(words[1::2]) / 2**32
    pairs = np.sqrt(-2 * np.log(u)) * np.array([np.cos(2 * np.pi * v), np.sin(2 * np.pi * v)])
    np.testing.assert_allclose(np.concatenate(normals(arrays, np.empty(0))), pairs.T.ravel(), rtol=1e-14)  # roundings


def test_the_largest_normal_is_that_of_33_halvings():
    largest = philox.radius(np.array([0], np.uint64), np.empty(0))
    np.testing.assert_allclose(largest, np.sqrt(66 * np.log(2)), rtol=1e-15)
    smallest = philox.radius(np.array([FULL], np.uint64), np.empty(0))
    np.testing.assert_allclose(smallest, 2.0**-16, rtol=1e-9)  # ln(1 - x) = -x (1 + x/2)


def test_a_number_is_word_q_mod_4_of_call_q_div_4():
    seed, realisation, oscillator = 0xFEDCBA9876543210, 0xFFFFFFF0, 0xABCDEF
    for q in (0, 1, 2, 3, 6, 2**34 + 5, 2**63 - 1):
        for purpose in PURPOSES:
            counter = ((q // 4) & FULL, (q // 4) >> 32, realisation, oscillator | purpose << 24)
            words = philox.philox(counter, (seed & FULL, seed >> 32))
            u = uniforms(seed, q, realisation, oscillator=oscillator, purpose=purpose)
            assert u == (words[q % 4] + 0.5) / 2**32  # 33 bits are exact in float64
            numbers = normals(tuple(np.array([word], np.uint64) for word in words), np.empty(0))
            assert draw(seed, q, realisation, oscillator=oscillator, purpose=purpose) == numbers[q % 4][0]


def test_purposes_are_distinct():
    assert len(set(PURPOSES)) == len(PURPOSES) and all(0 <= purpose < 2**8 for purpose in PURPOSES)


@pytest.mark.parametrize("function", [draw, uniforms])
def test_a_batch_is_its_elements(function):
    q, realisation, oscillator = np.arange(7)[:, None, None], np.array([3, 2**32 - 1])[:, None], np.arange(3)
    whole = function(5, q, realisation, oscillator=oscillator, purpose=FLICKER)
    assert whole.shape == (7, 2, 3) and len(np.unique(whole)) == whole.size
    for (i, j, k), value in np.ndenumerate(whole):
        one = function(5, int(q[i, 0, 0]), int(realisation[j, 0]), oscillator=k, purpose=FLICKER)
        assert one == value and isinstance(one, float)  # the same arithmetic, element by element


def test_streams_that_differ_in_anything_are_independent():
    """Correlations of n and of n^2 between streams, n = 2^17 each: mean of products times n^(1/2), below 4."""
    n = 2**17
    q = np.arange(n)
    streams = [
        draw(1, q, 0),
        draw(2, q, 0),
        draw(1 + 2**32, q, 0),
        draw(1, q + n, 0),
        draw(1, q, 1),
        draw(1, q, 2**31),
        draw(1, q, 0, oscillator=1),
        *(draw(1, q, 0, purpose=purpose) for purpose in PURPOSES[1:]),
    ]
    for values in (np.stack(streams), (np.stack(streams) ** 2 - 1) / np.sqrt(2)):  # each of mean 0 and variance 1
        z = values @ values.T / np.sqrt(n)
        assert np.abs(z[~np.eye(len(z), dtype=bool)]).max() < 4
        assert np.abs(values.sum(1) / np.sqrt(n)).max() < 4


def test_realisations_and_oscillators_are_independent_at_one_number():
    many = np.arange(2**17)
    for x in (draw(3, 0, many), draw(3, 0, 0, oscillator=many)):
        assert stats.kstest(x, "norm").pvalue > 1e-5
        for lag in (1, 2, 3, 4, 16):
            for y in (x, (x**2 - 1) / np.sqrt(2)):
                assert abs((y[lag:] * y[:-lag]).sum() / np.sqrt(many.size - lag)) < 4


def test_uniforms_are_uniform_and_never_0_or_1():
    u = uniforms(11, np.arange(2**18), 4, purpose=TELEGRAPH)
    assert u.min() > 0 and u.max() < 1
    assert stats.kstest(u, "uniform").pvalue > 1e-5
    bits = (u * 2**32).astype(np.uint64)
    ones = np.array([(bits >> np.uint64(k) & np.uint64(1)).sum() for k in range(32)])
    assert (np.abs(ones - u.size / 2) < 4 * np.sqrt(u.size / 4)).all()  # binomial


@pytest.mark.parametrize("function", [draw, uniforms])
@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("seed", -1, ValueError),
        ("seed", 2**64, ValueError),
        ("seed", 10**400, ValueError),
        ("seed", 1.0, TypeError),
        ("seed", None, TypeError),
        ("seed", [1, 2], TypeError),
        ("q", -1, ValueError),
        ("q", 2**63, ValueError),
        ("q", [0, -3], ValueError),
        ("q", True, TypeError),
        ("q", np.array([0.5]), TypeError),
        ("q", [1, [2, 3]], TypeError),
        ("realisation", 2**32, ValueError),
        ("realisation", float("nan"), TypeError),
        ("realisation", "a", TypeError),
        ("realisation", np.zeros(3, int), ValueError),
        ("oscillator", 2**24, ValueError),
        ("oscillator", 1j, TypeError),
        ("purpose", 256, ValueError),
        ("purpose", [1], TypeError),
    ],
)
def test_what_names_no_stream_is_refused_by_name(function, name, value, error):
    arguments = {"seed": 1, "q": np.arange(2), "realisation": 0, "oscillator": 0, "purpose": THERMAL, name: value}
    with pytest.raises(error, match=rf"\b{name}\b.* must be "):
        function(arguments.pop("seed"), arguments.pop("q"), arguments.pop("realisation"), **arguments)
