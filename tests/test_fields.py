"""Each field against the gradient of its energy, written down here from the table of energies, B = -(1/Ms) de/dm."""

import numpy as np
import pytest
import torch

from shno import fields
from shno.constants import mu_0
from shno.vector import dot

STEP = 1e-30  # a complex step has no cancellation: the derivative of a polynomial is exact to rounding
IDENTITY = {"rtol": 1e-12, "atol": 1e-14, "equal_nan": False}  # two derivations in float64; fields are of order 1 T


def unit(x):
    return np.asarray(x) / np.linalg.norm(x)


# No component is zero and no two are equal: an axis taken for another shows.
M, W = unit([0.3, -0.5, 0.8]), np.array([0.7, 1.1, 0.4])
B_EXT, MS, DEMAG = np.array([0.05, -0.13, 0.21]), 8.1e5, np.array([0.11, 0.24, 0.65])
KU, AXIS = 3.7e5, unit([0.6, -0.2, 0.5])


def zeeman_energy(m):
    return -MS * (m @ B_EXT)


def uniaxial_energy(m):
    return -KU * (m @ AXIS) ** 2


def demagnetising_energy(m):
    return mu_0 * MS**2 / 2 * (m @ np.diag(DEMAG) @ m)


def total_energy(m):
    return zeeman_energy(m) + uniaxial_energy(m) + demagnetising_energy(m)


def field_of(energy):
    return np.array([-energy(M + 1j * STEP * axis).imag / STEP for axis in np.eye(3)]) / MS


@pytest.mark.parametrize(
    ("field", "energy"),
    [
        (fields.zeeman_field(B_EXT), zeeman_energy),
        (fields.uniaxial_field(M, KU, MS, AXIS), uniaxial_energy),
        (fields.demagnetising_field(M, MS, DEMAG), demagnetising_energy),
        (fields.effective_field(M, B_EXT, MS, DEMAG, KU, AXIS), total_energy),
        (fields.effective_field(M, B_EXT, MS, None, KU, AXIS), lambda m: zeeman_energy(m) + uniaxial_energy(m)),
        (fields.effective_field(M, B_EXT, MS, DEMAG, None, AXIS), lambda m: zeeman_energy(m) + demagnetising_energy(m)),
        (fields.effective_field(M, B_EXT, MS, None, None, AXIS), zeeman_energy),
    ],
)
def test_a_field_is_minus_the_gradient_of_its_energy(field, energy):
    np.testing.assert_allclose(field, field_of(energy), **IDENTITY)


def test_a_term_that_is_none_equals_the_term_at_zero():
    with_zero = fields.effective_field(M, B_EXT, MS, np.zeros(3), 0.0, AXIS)
    assert np.array_equal(with_zero, fields.effective_field(M, B_EXT, MS, None, None, AXIS))  # B + 0 is B


def test_internal_fields_turn_over_with_m():
    for field in (fields.uniaxial_field, fields.demagnetising_field):
        arguments = (KU, MS, AXIS) if field is fields.uniaxial_field else (MS, DEMAG)
        assert np.array_equal(field(-M, *arguments), np.negative(field(M, *arguments)))  # a sign is exact


def test_demagnetising_factors_of_a_sphere_turn_nothing():
    B = fields.demagnetising_field(M, MS, np.full(3, 1 / 3))
    np.testing.assert_allclose(np.cross(M, B), 0.0, atol=1e-15, equal_nan=False)
    np.testing.assert_allclose(np.linalg.norm(B), mu_0 * MS / 3, rtol=1e-12, equal_nan=False)


def test_perpendicular_anisotropy_cancels_the_film_at_ku_of_half_mu0_ms_squared():
    Ku, z = mu_0 * MS**2 / 2, np.array([0.0, 0.0, 1.0])
    np.testing.assert_allclose(fields.effective_field(M, np.zeros(3), MS, z, Ku, z), 0.0, atol=1e-15, equal_nan=False)


def test_batches_of_arrays_give_what_numbers_give():
    rng = np.random.default_rng(2)
    m, u, N = rng.normal(size=(3, 3, 7))
    Ms, Ku = rng.uniform(5e5, 1e6, 7), rng.uniform(1e5, 5e5, 7)
    B = fields.effective_field(tuple(m), tuple(B_EXT), Ms, tuple(N), Ku, tuple(u))
    for k in range(7):
        one = fields.effective_field(m[:, k], B_EXT, Ms[k], N[:, k], Ku[k], u[:, k])
        assert np.array_equal(np.stack(B)[:, k], one)  # the same operations in the same order


# Vector-Jacobian products: for every argument, against autograd of the term itself.

CASES = {
    "uniaxial_field": (KU, MS, AXIS),
    "demagnetising_field": (MS, DEMAG),
    "effective_field": (B_EXT, MS, DEMAG, KU, AXIS),
}


def leaf(value):
    return torch.tensor(np.asarray(value), dtype=torch.float64, requires_grad=True)


def as_components(value):
    return value.unbind(0) if value.ndim else value


@pytest.mark.parametrize("name", CASES)
def test_the_vjp_is_autograd_for_every_argument(name):
    m, *arguments = leaf(M), *map(leaf, CASES[name])
    B = getattr(fields, name)(as_components(m), *map(as_components, arguments))
    expected = torch.autograd.grad(torch.stack(B), [m, *arguments], torch.tensor(W))
    bars = getattr(fields, f"{name}_vjp")(M, W, *CASES[name])
    bars = bars if name != "effective_field" else (bars[0], *bars[1])
    assert len(bars) == len(expected)
    for bar, autograd, given in zip(bars, expected, (M, *CASES[name]), strict=True):
        size = np.abs(given).max()  # derivatives in T: that with respect to Ms is 1e-6 of it
        assert np.abs(size * autograd.numpy()).max() > 1e-2
        np.testing.assert_allclose(size * np.asarray(bar), size * autograd, **IDENTITY)


@pytest.mark.parametrize(("demag", "Ku"), [(None, KU), (DEMAG, None), (None, None)])
def test_the_vjp_of_a_term_that_is_off_is_zero_and_the_rest_is_autograd(demag, Ku):
    on = {"B_ext": B_EXT, "Ms": MS, "demag": demag, "Ku": Ku, "easy_axis": AXIS}
    leaves = {name: None if value is None else leaf(value) for name, value in on.items()}
    m = leaf(M)
    B = fields.effective_field(as_components(m), *(v if v is None else as_components(v) for v in leaves.values()))
    wanted = [m, *(v for v in leaves.values() if v is not None)]
    expected = torch.autograd.grad(torch.stack(B), wanted, torch.tensor(W), allow_unused=True)
    m_bar, bars = fields.effective_field_vjp(M, W, *on.values())
    given = [m_bar, *(bar for bar, v in zip(bars, on.values(), strict=True) if v is not None)]
    for bar, autograd in zip(given, expected, strict=True):
        np.testing.assert_allclose(bar, 0.0 if autograd is None else autograd, **IDENTITY)
    for bar, value in zip(bars, on.values(), strict=True):
        assert value is not None or not np.any(bar)


def test_the_field_s_jacobian_is_symmetric():
    """It is minus the Hessian of the energy: a . vjp(b) = b . vjp(a)."""
    a, b = np.array([0.2, -0.9, 0.4]), W
    through = [fields.effective_field_vjp(M, w, B_EXT, MS, DEMAG, KU, AXIS)[0] for w in (a, b)]
    np.testing.assert_allclose(dot(b, through[0]), dot(a, through[1]), **IDENTITY)
