"""Long-range spreads, the table of typical ones, and what is refused."""

import numpy as np
import pytest
from scipy import stats
from test_variability import FULL

import shno
from shno import Oscillator, philox, sample, variability
from shno.variability import TYPICAL, Spread

LENGTH = 3e-7
SOME = {"Ms": 0.01, "alpha": 0.1}


def field_of(r, seed=1, length=LENGTH):
    """Standard normal numbers of a purely long-range Ms at positions r."""
    drawn = sample(FULL, len(r), {"Ms": Spread(0.01, "normal", 1.0, length)}, seed, positions=r)
    return (drawn.Ms / FULL.Ms - 1) / 0.01


def covariance(r, length=LENGTH):
    """exp(-|r_i - r_j|^2 / (2 l^2))"""
    square = np.sum((r[:, None] - r) ** 2, axis=-1)
    return np.exp(-square / (2 * length**2))


@pytest.mark.parametrize("origin", [0.0, 1.23e-3])
def test_the_covariance_is_gaussian_at_any_place(monkeypatch, origin):
    """The field is linear in the numbers of the lattice: with one of them 1, the others 0, it is one of its weights."""
    r = origin + LENGTH * np.array([[0.0, 0.0], [0.13, 0.37], [-0.4, 0.9], [1.7, -0.6], [2.2, 1.8]])
    asked = []
    monkeypatch.setattr(variability, "draw", lambda seed, q, *a, **k: asked.append(np.asarray(q)) or np.zeros(q.shape))
    variability._field(3, LENGTH, 1, r)
    nodes = np.unique(asked[0])
    weights = []
    for node in nodes:
        monkeypatch.setattr(variability, "draw", lambda seed, q, *a, node=node, **k: (q == node).astype(float))
        weights.append(variability._field(3, LENGTH, 1, r))
    assert np.transpose(weights) @ weights == pytest.approx(covariance(r), abs=3e-7)  # cut at 4 lengths: exp(-16) each


def test_the_measured_correlation_is_that_of_sigma():
    r = LENGTH * np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.5], [-2.0, 1.0], [0.2, 0.0]])
    w, n = 0.7, 800
    spread = {"Ms": Spread(0.01, "normal", w, LENGTH)}
    z = np.array([sample(FULL, 5, spread, seed, positions=r).Ms / FULL.Ms - 1 for seed in range(n)]) / 0.01
    sigma = (1 - w) * np.eye(5) + w * covariance(r)
    error = np.sqrt((1 + sigma**2) / n)  # of <x y> for normal numbers of variance 1
    assert np.abs((z.T @ z / n - sigma) / error).max() < 4
    assert stats.kstest(z[:, 3], "norm").pvalue > 1e-5


def test_the_field_is_correlated_in_three_dimensions_as_well():
    r = LENGTH * np.array([[0.0, 0.0, 0.0], [0.4, -0.3, 0.9]])
    z = np.array([field_of(r, seed) for seed in range(200)])
    expected = covariance(r)[0, 1]
    assert abs(np.mean(z[:, 0] * z[:, 1]) - expected) < 4 * np.sqrt((1 + expected**2) / 200)
    assert np.abs(np.mean(z**2, axis=0) - 1).max() < 4 * np.sqrt(2 / 200)


def test_the_field_at_a_place_depends_on_the_place_alone():
    r = np.random.default_rng(1).uniform(-3e-6, 3e-6, (5000, 2))  # of more than one block
    z = field_of(r)
    assert np.array_equal(field_of(r[::-1])[::-1], z)
    assert np.array_equal(field_of(r[4100:4103]), z[4100:4103])
    assert len(r) > variability.BLOCK / len(variability.NODES) ** 2


def test_neighbours_on_a_large_grid_are_alike_and_distant_ones_are_not():
    x, y = np.meshgrid(np.arange(120), np.arange(100), indexing="ij")
    z = field_of(LENGTH * np.stack([x, y], axis=-1).reshape(-1, 2)).reshape(120, 100)
    for k, expected in ((1, np.exp(-0.5)), (2, np.exp(-2.0)), (6, 0.0)):
        for pairs in (z[k:] * z[:-k], z[:, k:] * z[:, :-k]):
            # an independent number a cell of area pi length^2 or so
            assert abs(pairs.mean() - expected) < 4 * np.sqrt(2 * np.pi / pairs.size)


def test_an_array_much_smaller_than_the_length_has_one_value_and_a_gradient():
    x = 1e-6 * np.linspace(-1, 1, 21)
    z = field_of(np.stack([x, 0 * x], axis=-1), length=1e-3)
    line = np.polyval(np.polyfit(x, z, 1), x)
    assert np.abs(z - line).max() < 3e-6  # curvature (x/l)^2, the cut of the smoothing exp(-16)
    assert 1e-5 < np.ptp(line) < 1e-2


def test_without_positions_the_set_stands_at_one_place():
    spread = {"Ms": Spread(0.01, "normal", 1.0), "Ku": Spread(0.01, "normal", 0.5)}
    drawn = sample(FULL, 6, spread, 3)
    assert np.ptp(drawn.Ms) == 0
    assert drawn.Ms[0] != FULL.Ms
    assert np.ptp(drawn.Ku) > 0
    at_origin = sample(FULL, 6, spread, 3, positions=np.zeros((6, 2)))
    assert np.array_equal(drawn.Ku, at_origin.Ku)


def test_fields_of_parameters_and_seeds_are_independent():
    r = 10 * LENGTH * np.arange(1000)[:, None] * [1.0, 0.0]
    spread = {"Ms": Spread(0.01, "normal", 1.0, LENGTH), "Ku": Spread(0.01, "normal", 1.0, LENGTH)}
    rows = [getattr(sample(FULL, 1000, spread, seed, positions=r), name) for seed in (1, 2) for name in spread]
    assert np.abs(np.corrcoef(rows)[~np.eye(4, dtype=bool)]).max() < 4 / np.sqrt(1000)


def test_the_typical_spreads_are_those_of_the_table():
    sd = {name: each.sd for name, each in TYPICAL.items()}
    assert sd.pop("easy_axis") == pytest.approx(np.radians(1))
    assert sd == {
        "width": 0.04, "thickness": 0.01, "Ku": 0.01, "Ms": 0.003, "alpha": 0.05, "theta_SH": 0.03, "R": 0.03,
    }  # fmt: skip
    assert [name for name, each in TYPICAL.items() if each.law == "lognormal"] == ["width", "alpha", "theta_SH", "R"]
    assert [name for name, each in TYPICAL.items() if each.long_range == 0] == ["width", "alpha", "easy_axis"]


def test_a_narrow_constriction_varies_more():
    assert variability.width_deviation(150e-9) == pytest.approx(0.04)
    assert variability.width_deviation([20e-9, 45e-9]).tolist() == [0.07, 0.07]
    assert variability.width_deviation(50e-9) == pytest.approx(0.07, rel=0.02)
    narrow = Oscillator(Ms=1e6, alpha=0.02, width=20e-9, thickness=1e-9, R=900.0)
    assert variability.typical(narrow) == {**TYPICAL, "width": Spread(0.07)}
    assert set(variability.typical(shno.preset("w-cofeb-pma"))) == set(TYPICAL) - {"R"}
    assert set(variability.typical(Oscillator(Ms=1e6, alpha=0.02))) == {"Ku", "Ms", "alpha", "theta_SH", "easy_axis"}


def test_the_numbers_of_a_device_are_those_of_its_stream():
    drawn = sample(FULL, 3, {"Ms": 0.01}, 11, first=40)
    z = philox.draw(11, variability.INDEX["Ms"], np.arange(40, 43), purpose=philox.SAMPLE)
    assert np.array_equal(drawn.Ms, FULL.Ms * (1 + 0.01 * z))


@pytest.mark.parametrize(
    ("error", "words", "call"),
    [
        (TypeError, "oscillator must be", lambda: sample(3, 5, SOME, 1)),
        (ValueError, "oscillator must be a single one", lambda: sample(sample(FULL, 2, {}, 1), 5, SOME, 1)),
        (TypeError, "n must be", lambda: sample(FULL, 5.0, SOME, 1)),
        (TypeError, "n must be", lambda: sample(FULL, True, SOME, 1)),
        (ValueError, "n must be", lambda: sample(FULL, 0, SOME, 1)),
        (ValueError, "n must be", lambda: sample(FULL, 10**30, SOME, 1)),
        (ValueError, "first must be", lambda: sample(FULL, 5, SOME, 1, first=-1)),
        (ValueError, "first must be", lambda: sample(FULL, 5, SOME, 1, first=2**32)),
        (TypeError, "seed must be", lambda: sample(FULL, 5, {}, 1.5)),
        (ValueError, "seed must be", lambda: sample(FULL, 5, SOME, -1)),
        (TypeError, "spread must be", lambda: sample(FULL, 5, 0.01, 1)),
        (ValueError, "spread must be", lambda: sample(FULL, 5, {"demag": 0.01}, 1)),
        (TypeError, "sd must be", lambda: sample(FULL, 5, {"Ms": "wide"}, 1)),
        (TypeError, "sd must be", lambda: sample(FULL, 5, {"Ms": [0.1, 0.2]}, 1)),
        (ValueError, "sd must be", lambda: sample(FULL, 5, {"Ms": np.nan}, 1)),
        (ValueError, "sd must be below 0.25", lambda: sample(FULL, 5, {"Ms": 0.3}, 1)),
        (ValueError, "sd must be", lambda: Spread(-0.1)),
        (ValueError, "long_range must be", lambda: Spread(0.1, long_range=1.1)),
        (ValueError, "length must be", lambda: Spread(0.1, length=0.0)),
        (ValueError, "law must be one of", lambda: Spread(0.1, "uniform")),
        (ValueError, "law must be one of", lambda: Spread(0.1, law=None)),
        (ValueError, "law of Ms must be", lambda: sample(FULL, 5, {"Ms": Spread(0.1, "fisher")}, 1)),
        (ValueError, "law of easy_axis", lambda: sample(FULL, 5, {"easy_axis": Spread(0.1)}, 1)),
        (ValueError, "R must be given", lambda: sample(Oscillator(Ms=1e6, alpha=0.1), 5, {"R": 0.1}, 1)),
        (TypeError, "positions must be", lambda: sample(FULL, 2, SOME, 1, positions="here")),
        (ValueError, "positions must be of shape", lambda: sample(FULL, 2, SOME, 1, positions=np.zeros((3, 2)))),
        (ValueError, "positions must be of shape", lambda: sample(FULL, 2, SOME, 1, positions=0.0)),
        (ValueError, "positions must be finite", lambda: sample(FULL, 1, SOME, 1, positions=[[np.nan, 0.0]])),
        (ValueError, "positions must be at most", lambda: sample(FULL, 1, TYPICAL, 1, positions=[[1e300, 0.0]])),
        (TypeError, "interface_anisotropy", lambda: sample(FULL, 5, SOME, 1, interface_anisotropy=None)),
        (ValueError, "width must be", lambda: variability.width_deviation(-1e-9)),
        (TypeError, "oscillator must be", lambda: variability.typical(None)),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(error, words, call):
    with pytest.raises(error, match=words):
        call()
