"""Each field against the gradient of its energy, written down from the table of energies, B = -(1/Ms) de/dm."""

import numpy as np
import pytest
import torch
from field_helpers import (
    COMPANIONS,
    FIELD,
    FRAME,
    IDENTITY,
    OF_M,
    SWITCHES,
    M,
    W,
    assert_is_autograd,
    field_of,
    flat,
    idle,
    mapped,
    off,
    rotation,
    unit,
)

from shno import fields
from shno.constants import mu_0
from shno.vector import dot

MS, DEMAG, OFF_DIAGONAL = FIELD["Ms"], FIELD["demag"], FIELD["demag_off_diagonal"]
INTERLAYER = tuple(FIELD[name] for name in ("J_iec", "Ms", "thickness", "m_fixed"))
UNIT_VECTORS = np.random.default_rng(0).normal(size=(10, 3))
UNIT_VECTORS /= np.linalg.norm(UNIT_VECTORS, axis=1, keepdims=True)


def only(*switches):
    """Parameters of `effective_field` with these terms on; all that only other terms need is None."""
    needed = {"B_ext", "Ms", *switches, *(name for switch in switches for name in COMPANIONS.get(switch, ()))}
    return FIELD | off(set(FIELD) - needed)


@pytest.mark.parametrize("switch", SWITCHES)
def test_every_term_alone_is_minus_the_gradient_of_its_energy(switch):
    for m in UNIT_VECTORS:
        B = fields.effective_field(m, **only(switch))
        np.testing.assert_allclose(B, field_of(m, ["B_ext", switch]), **IDENTITY)
    assert np.linalg.norm(field_of(M, [switch])) > 1e-3  # T; the term is there


def test_the_effective_field_is_minus_the_gradient_of_the_sum_of_all_energies():
    for m in UNIT_VECTORS:
        np.testing.assert_allclose(fields.effective_field(m, **FIELD), field_of(m, ["B_ext", *SWITCHES]), **IDENTITY)


@pytest.mark.parametrize("switch", SWITCHES)
def test_every_term_can_be_left_out_alone(switch):
    on = [name for name in SWITCHES if name != switch]
    for m in UNIT_VECTORS:
        B = fields.effective_field(m, **FIELD | off([switch]))
        np.testing.assert_allclose(B, field_of(m, ["B_ext", *on]), **IDENTITY)


def test_with_all_terms_off_the_field_is_the_applied_one():
    assert fields.effective_field(M, **only()) is FIELD["B_ext"]


@pytest.mark.parametrize("switch", [name for name in SWITCHES if name != "further"])
def test_a_term_that_is_none_equals_the_term_at_zero(switch):
    at_zero = fields.effective_field(M, **FIELD | {switch: np.zeros(np.shape(FIELD[switch]))})
    np.testing.assert_array_equal(at_zero, fields.effective_field(M, **FIELD | off([switch])))  # B + 0 is B


def test_the_field_of_a_body_that_is_turned_turns_with_it():
    """Every vector and the demagnetising tensor in another frame."""
    R = rotation(7)
    yz, zx, xy = OFF_DIAGONAL
    N = R @ (np.diag(DEMAG) + np.array([[0, xy, zx], [xy, 0, yz], [zx, yz, 0]])) @ R.T
    turned = {name: R @ FIELD[name] for name in ("B_ext", "easy_axis", "B_bias", "m_fixed", "oersted", "B_thermal")}
    turned["further"] = tuple((Ku, Ku2, R @ u) for Ku, Ku2, u in FIELD["further"])
    turned["cubic_axes"] = tuple(R @ axis for axis in FIELD["cubic_axes"])
    turned |= {"demag": np.diag(N), "demag_off_diagonal": np.array([N[1, 2], N[2, 0], N[0, 1]])}
    B = fields.effective_field(R @ M, **FIELD | turned)
    np.testing.assert_allclose(B, R @ fields.effective_field(M, **FIELD), **IDENTITY)


def test_the_internal_fields_of_three_perpendicular_states_sum_to_the_trace():
    """Of -mu_0 Ms N m over m = x, y, z along themselves: -mu_0 Ms times the trace, off the diagonal nothing."""
    axes = FRAME.T
    shape = sum(dot(m, fields.demagnetising_field(m, MS, DEMAG)) for m in axes)
    shape += sum(dot(m, fields.off_diagonal_demagnetising_field(m, MS, OFF_DIAGONAL)) for m in axes)
    np.testing.assert_allclose(shape, -mu_0 * MS, rtol=1e-12, equal_nan=False)


def test_a_turned_body_s_tensor_gives_the_field_in_its_own_axes():
    """A film whose normal is n has N = n n: the field is -mu_0 Ms (m . n) n."""
    n = unit(0.2, -0.6, 0.5)
    N = np.outer(n, n)
    B = np.add(
        fields.demagnetising_field(M, MS, np.diag(N)),
        fields.off_diagonal_demagnetising_field(M, MS, (N[1, 2], N[2, 0], N[0, 1])),
    )
    np.testing.assert_allclose(B, -mu_0 * MS * (M @ n) * n, **IDENTITY)


def test_shape_fields_turn_over_with_m():
    for field, N in (
        (fields.demagnetising_field, DEMAG),
        (fields.off_diagonal_demagnetising_field, OFF_DIAGONAL),
    ):
        assert np.array_equal(field(-M, MS, N), np.negative(field(M, MS, N)))  # a sign is exact


def test_demagnetising_factors_of_a_sphere_turn_nothing():
    B = fields.demagnetising_field(M, MS, np.full(3, 1 / 3))
    np.testing.assert_allclose(np.cross(M, B), 0.0, atol=1e-15, equal_nan=False)
    np.testing.assert_allclose(np.linalg.norm(B), mu_0 * MS / 3, rtol=1e-12, equal_nan=False)


def test_perpendicular_anisotropy_cancels_the_film_at_ku_of_half_mu0_ms_squared():
    Ku, z = mu_0 * MS**2 / 2, np.array([0.0, 0.0, 1.0])
    B = fields.effective_field(M, **only("demag", "Ku") | {"B_ext": np.zeros(3), "demag": z, "Ku": Ku, "easy_axis": z})
    np.testing.assert_allclose(B, 0.0, atol=1e-15, equal_nan=False)


def test_interlayer_exchange_of_a_known_stack():
    """1e-5 J/m^2 on 5 nm of 8e5 A/m: 2.5 mT along the fixed layer."""
    z = np.array([0.0, 0.0, 1.0])
    np.testing.assert_allclose(fields.interlayer_field(1e-5, 8e5, 5e-9, z), 2.5e-3 * z, rtol=1e-15, equal_nan=False)
    assert dot(FIELD["m_fixed"], fields.interlayer_field(*INTERLAYER)) > 0  # J_iec > 0 aligns


def test_the_oersted_field_reverses_with_the_current():
    J, oersted = FIELD["J"], FIELD["oersted"]
    assert np.array_equal(fields.oersted_field(-J, oersted), np.negative(fields.oersted_field(J, oersted)))


def test_batches_of_arrays_give_what_numbers_give():
    rng = np.random.default_rng(2)
    m, *given = mapped(lambda x: x * rng.uniform(0.5, 1.5, 7), (M, *FIELD.values()))
    B = np.stack(fields.effective_field(m, *given))
    for k in range(7):
        alone = fields.effective_field(*mapped(lambda x: x[k], (m, *given)))  # noqa: B023
        assert np.array_equal(B[:, k], alone)  # the same operations in the same order


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
def test_float32_stays_float32(kind):
    """Values and cotangents: a constant does not widen an array or a tensor."""
    m, w, *given = mapped(lambda x: kind(np.full(1, x, np.float32)), (M, W, *FIELD.values()))
    values = fields.effective_field(m, *given), fields.effective_field_vjp(m, w, *given)
    assert {x.dtype for x in flat(values)} == {m[0].dtype}


# Vector-Jacobian products: for every argument, against autograd of the term itself.

SHAPE = {"demagnetising_field": (MS, DEMAG), "off_diagonal_demagnetising_field": (MS, OFF_DIAGONAL)}
CONSTANT = {"interlayer_field": INTERLAYER, "oersted_field": (FIELD["J"], FIELD["oersted"])}


@pytest.mark.parametrize("name", SHAPE)
def test_the_vjp_of_a_term_is_autograd_for_every_argument(name):
    bars = getattr(fields, f"{name}_vjp")(M, W, *SHAPE[name])
    assert_is_autograd(getattr(fields, name), (M, *SHAPE[name]), bars)


@pytest.mark.parametrize("name", CONSTANT)
def test_the_vjp_of_a_term_without_m_is_autograd_for_every_argument(name):
    assert_is_autograd(getattr(fields, name), CONSTANT[name], getattr(fields, f"{name}_vjp")(W, *CONSTANT[name]))


def test_the_vjp_of_the_effective_field_is_autograd_for_every_parameter():
    m_bar, bars = fields.effective_field_vjp(M, W, **FIELD)
    assert_is_autograd(fields.effective_field, (M, *FIELD.values()), (m_bar, *bars))


@pytest.mark.parametrize("switch", SWITCHES)
def test_the_vjp_of_a_term_alone_is_autograd_and_zero_for_all_that_is_off(switch):
    given = only(switch)
    m_bar, bars = fields.effective_field_vjp(M, W, **given)
    unused = () if switch in OF_M else M
    unused = (*unused, *idle(set(SWITCHES) - {switch}))
    assert_is_autograd(fields.effective_field, (M, *given.values()), (m_bar, *bars), unused=unused)


@pytest.mark.parametrize("switch", SWITCHES)
def test_the_vjp_without_a_term_is_autograd_and_zero_for_it(switch):
    given = FIELD | off([switch])
    m_bar, bars = fields.effective_field_vjp(M, W, **given)
    assert_is_autograd(fields.effective_field, (M, *given.values()), (m_bar, *bars), unused=idle([switch]))


def test_the_field_s_jacobian_is_symmetric():
    """It is minus the Hessian of the energy: a . vjp(b) = b . vjp(a)."""
    a, b = np.array([0.2, -0.9, 0.4]), W
    through = [fields.effective_field_vjp(M, w, **FIELD)[0] for w in (a, b)]
    np.testing.assert_allclose(dot(b, through[0]), dot(a, through[1]), **IDENTITY)
