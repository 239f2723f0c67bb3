"""The numbers of a stack: polarisation, spin diffusion, shunting, voltage-controlled anisotropy."""

import numpy as np
import pytest

from shno.geometry import film_demag, polarisation, shunt_share, spin_diffusion_factor, vcma_coefficient

PRINTED = 2e-10  # relative: the ten digits that the validation table prints


def test_the_polarisation_is_right_handed():
    np.testing.assert_array_equal(polarisation((0, 0, 1), (1, 0, 0)), [0, 1, 0])
    np.testing.assert_array_equal(polarisation((0, 0, 1), (0, 1, 0)), [-1, 0, 0])
    np.testing.assert_array_equal(polarisation((0, 0, -2e-300), (3e300, 0, 0)), [0, -1, 0])  # heavy metal on top


def test_the_polarisation_is_a_unit_vector_across_both():
    n, j = np.random.default_rng(3).normal(size=(2, 4, 5, 3)) * 10.0 ** np.array([200, -200])[:, None, None, None]
    p = polarisation(n, j[0])
    assert p.shape == (4, 5, 3)
    np.testing.assert_allclose(np.linalg.norm(p, axis=-1), 1, rtol=1e-15)
    np.testing.assert_allclose(np.sum(p * (n * 1e-200), axis=-1), 0, atol=1e-13)  # as near parallel as 1/100
    np.testing.assert_allclose(np.sum(p * (j[0] * 1e200), axis=-1), 0, atol=1e-13)
    np.testing.assert_array_equal(polarisation(j[0], n), -p)  # == : only signs change
    np.testing.assert_array_equal(polarisation(n[2, 3], j[0, 3]), p[2, 3])


@pytest.mark.parametrize(
    ("n", "j", "match"),
    [
        ((0, 0, 0), (1, 0, 0), r"^\|n\| must be > 0, got 0"),
        ((0, 0, 1), [(1, 0, 0), (0, 0, 0)], r"^\|j\| must be > 0, got 0 at index 1 of 2"),
        ((0, 0, 1), (0, 0, -3), r"^\|n x j\| of the unit vectors must be >= 1e-06, got 0"),
        ((0, 0, 1), (1e-7, 0, 1), r"^\|n x j\|"),
        ((0, 0, np.nan), (1, 0, 0), "^n must be finite"),
        ((0, 0, 1), (np.inf, 0, 0), "^j must be finite"),
        ((0, 1), (1, 0, 0), "^n must be a vector"),
        ("z", (1, 0, 0), "^n must be three numbers"),
        (np.ones((2, 3)), np.ones((4, 3)), r"^n, j must be arrays that broadcast"),
    ],
)
def test_directions_without_a_polarisation_are_refused(n, j, match):
    with pytest.raises((TypeError, ValueError), match=match):
        polarisation(n, j)


def test_spin_diffusion():  # I14
    assert spin_diffusion_factor(6e-9, 1.4e-9) == pytest.approx(0.9724776404, rel=PRINTED)
    t, length = np.array([1e-9, 5e-9, 20e-9]), np.array([[1e-9], [3e-9]])
    np.testing.assert_allclose(spin_diffusion_factor(t, length), 1 - 1 / np.cosh(t / length), rtol=1e-14)


def test_spin_diffusion_in_its_limits():
    assert spin_diffusion_factor(1e-12, 1.0) == pytest.approx(0.5e-24, rel=1e-14)  # x^2/2: 1 - sech x would give 0
    assert spin_diffusion_factor(1.0, 1e-12) == 1.0
    np.testing.assert_array_equal(spin_diffusion_factor(5e-9, [0.0, 1e-12]), 1.0)  # 0: the bulk value


def test_shunting_is_the_current_of_parallel_conductors():
    t_HM, rho_HM, t_F, rho_F = 5e-9, 25e-8, 3e-9, 80e-8
    G_HM, G_F = t_HM / rho_HM, t_F / rho_F  # of a square
    assert shunt_share(t_HM, rho_HM, t_F, rho_F) == pytest.approx(G_HM / (G_HM + G_F), rel=1e-15)
    swapped = shunt_share(t_F, rho_F, t_HM, rho_HM)
    assert shunt_share(t_HM, rho_HM, t_F, rho_F) + swapped == pytest.approx(1, rel=1e-15)
    assert shunt_share(t_HM, rho_HM, t_F, 1e20) == 1.0  # an insulator, such as YIG
    assert shunt_share(t_HM, 3e-7, t_F, 3e-7) == pytest.approx(5 / 8, rel=1e-15)


def test_vcma():  # I13: its field is 2 dKu / Ms
    dKu = vcma_coefficient(60e-15, 2e-9, 1.4e-9) * 1.0
    assert 2 * dKu / 9.5e5 == pytest.approx(-45.11278195e-3, rel=PRINTED)
    assert vcma_coefficient(-60e-15, 1e-9, 1.4e-9) == pytest.approx(-2 * dKu, rel=1e-15)


def test_a_film_has_all_of_its_factor_across():
    np.testing.assert_array_equal(film_demag(), [0, 0, 1])
    film_demag()[0] = 7  # an own array each time
    np.testing.assert_array_equal(film_demag(), [0, 0, 1])


GOOD = {
    spin_diffusion_factor: {"t_HM": 6e-9, "lambda_sf": 1.4e-9},
    shunt_share: {"t_HM": 6e-9, "rho_HM": 2e-7, "thickness": 5e-9, "rho_F": 8e-7},
    vcma_coefficient: {"xi": 60e-15, "t_ox": 2e-9, "thickness": 1.4e-9},
}


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -1e300, 1e300, -0.5e-6, "6 nm", None, 1j, [1e-9, np.nan]])
@pytest.mark.parametrize(("function", "name"), [(f, name) for f, arguments in GOOD.items() for name in arguments])
def test_a_wrong_argument_is_named(function, name, wrong):
    if (name, wrong) == ("xi", -0.5e-6):  # the only one that has both signs
        wrong = -2e-6
    with pytest.raises((TypeError, ValueError), match=f"^{name} must be "):
        function(**GOOD[function] | {name: wrong})


@pytest.mark.parametrize("function", GOOD)
def test_a_batch_is_a_loop(function):
    factors = np.array([1.0, 2.0, 0.7])
    arguments = {name: value * np.roll(factors, k) for k, (name, value) in enumerate(GOOD[function].items())}
    loop = [function(**{name: value[i] for name, value in arguments.items()}) for i in range(3)]
    np.testing.assert_allclose(function(**arguments), loop, rtol=1e-15)
    assert isinstance(function(**GOOD[function]), float)
    with pytest.raises(ValueError, match="broadcast to one shape"):
        function(**{name: np.full(k + 2, value) for k, (name, value) in enumerate(GOOD[function].items())})
