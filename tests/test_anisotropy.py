"""Each anisotropy field against the gradient of its energy, and the symmetries that the energy has."""

import numpy as np
import pytest
from field_helpers import FIELD, FRAME, IDENTITY, M, W, assert_is_autograd, field_of, rotation, unit

from shno import anisotropy

MS, AXIS = FIELD["Ms"], FIELD["easy_axis"]
A1, A2 = FIELD["cubic_axes"]
TERMS = {  # the switch of the energy, and the arguments after m
    "uniaxial_field": ("Ku", (FIELD["Ku"], MS, AXIS)),
    "uniaxial_quartic_field": ("Ku2", (FIELD["Ku2"], MS, AXIS)),
    "vcma_field": ("vcma", (FIELD["V_gate"], FIELD["vcma"], MS, AXIS)),
    "further_field": ("further", (MS, FIELD["further"])),
    "cubic_field": ("Kc", (FIELD["Kc"], MS, A1, A2)),
}
UNIT_VECTORS = np.random.default_rng(3).normal(size=(10, 3))
UNIT_VECTORS /= np.linalg.norm(UNIT_VECTORS, axis=1, keepdims=True)


@pytest.mark.parametrize("name", TERMS)
def test_an_anisotropy_field_is_minus_the_gradient_of_its_energy(name):
    switch, arguments = TERMS[name]
    for m in UNIT_VECTORS:
        np.testing.assert_allclose(getattr(anisotropy, name)(m, *arguments), field_of(m, [switch]), **IDENTITY)


@pytest.mark.parametrize("name", TERMS)
def test_the_vjp_is_autograd_for_every_argument(name):
    _, arguments = TERMS[name]
    bars = getattr(anisotropy, f"{name}_vjp")(M, W, *arguments)
    assert_is_autograd(getattr(anisotropy, name), (M, *arguments), bars)


@pytest.mark.parametrize("name", TERMS)
def test_an_anisotropy_field_turns_over_with_m(name):
    _, arguments = TERMS[name]
    field = getattr(anisotropy, name)
    assert np.array_equal(field(-M, *arguments), np.negative(field(M, *arguments)))  # a sign is exact


@pytest.mark.parametrize("name", TERMS)
def test_an_anisotropy_field_is_over_ms(name):
    """The same energy on half the moment is twice the field."""
    _, arguments = TERMS[name]
    halved = tuple(x / 2 if x is MS else x for x in arguments)
    field = getattr(anisotropy, name)
    assert np.array_equal(field(M, *halved), 2 * np.array(field(M, *arguments)))  # a power of 2 is exact


def test_the_sine_form_of_the_uniaxial_energy_is_the_cosine_form():
    """K1 sin^2 + K2 sin^4 has the field of Ku = K1 + 2 K2, Ku2 = -K2."""
    K1, K2, step = 2.9e5, 0.7e5, 1e-30
    sine = [1 - ((M + 1j * step * axis) @ AXIS) ** 2 for axis in np.eye(3)]  # sin^2 continued off the sphere
    field = [-(K1 * s + K2 * s**2).imag / step / MS for s in sine]
    B = np.add(anisotropy.uniaxial_field(M, K1 + 2 * K2, MS, AXIS), anisotropy.uniaxial_quartic_field(M, -K2, MS, AXIS))
    np.testing.assert_allclose(B, field, **IDENTITY)


def test_a_gate_voltage_is_a_change_of_ku():
    Ku, V_gate, vcma = FIELD["Ku"], FIELD["V_gate"], FIELD["vcma"]
    both = np.add(anisotropy.uniaxial_field(M, Ku, MS, AXIS), anisotropy.vcma_field(M, V_gate, vcma, MS, AXIS))
    np.testing.assert_allclose(both, anisotropy.uniaxial_field(M, Ku + vcma * V_gate, MS, AXIS), **IDENTITY)


def test_the_gate_field_of_a_known_stack():
    """xi = 60 fJ/(V m), 1 V over 2 nm of oxide on 1.4 nm of 9.5e5 A/m: -45.11278195 mT along the normal."""
    z = np.array([0.0, 0.0, 1.0])
    B = anisotropy.vcma_field(z, 1.0, -60e-15 / (2e-9 * 1.4e-9), 9.5e5, z)
    np.testing.assert_allclose(B, -45.11278195e-3 * z, rtol=1e-9, equal_nan=False)  # printed to ten digits


def test_further_axes_are_a_sum_in_which_order_does_not_matter():
    further = FIELD["further"]
    B = anisotropy.further_field(M, MS, further)
    one_by_one = [anisotropy.further_field(M, MS, (term,)) for term in further]
    np.testing.assert_allclose(B, np.sum(one_by_one, axis=0), **IDENTITY)
    np.testing.assert_allclose(B, anisotropy.further_field(M, MS, further[::-1]), **IDENTITY)


def test_no_further_axes_are_no_field():
    assert np.array_equal(anisotropy.further_field(M, MS, None), np.zeros(3))
    m_bar, Ms_bar, further_bar = anisotropy.further_field_vjp(M, W, MS, None)
    assert (m_bar, Ms_bar, further_bar) == ((0.0, 0.0, 0.0), 0.0, ())


def test_two_further_axes_at_a_right_angle_make_the_third():
    """(m . u)^2 + (m . v)^2 = 1 - (m . n)^2: on the sphere two equal easy axes are one hard axis, torque for torque."""
    u, v, n = FRAME.T
    K = FIELD["Ku"]
    two = anisotropy.further_field(M, MS, ((K, 0.0, u), (K, 0.0, v)))
    one = anisotropy.uniaxial_field(M, -K, MS, n)
    np.testing.assert_allclose(np.cross(M, two), np.cross(M, one), **IDENTITY)


def test_the_cubic_field_is_its_definition_in_the_axes_of_the_crystal():
    """B_i = -(2 Kc/Ms) c_i (1 - c_i^2) for a unit vector of components c_i, turned into the frame."""
    Kc, c = FIELD["Kc"], FRAME.T @ M
    np.testing.assert_allclose(
        anisotropy.cubic_field(M, Kc, MS, A1, A2), FRAME @ (-2 * Kc / MS * c * (1 - c**2)), **IDENTITY
    )


def test_the_cubic_field_turns_with_the_crystal():
    R, Kc = rotation(8), FIELD["Kc"]
    turned = anisotropy.cubic_field(R @ M, Kc, MS, R @ A1, R @ A2)
    np.testing.assert_allclose(turned, R @ anisotropy.cubic_field(M, Kc, MS, A1, A2), **IDENTITY)


def test_any_two_edges_of_the_cube_name_the_same_crystal():
    a3, Kc = np.cross(A1, A2), FIELD["Kc"]
    B = anisotropy.cubic_field(M, Kc, MS, A1, A2)
    for pair in ((A2, A1), (A2, a3), (a3, A1), (-A1, A2), (a3, -A2)):
        np.testing.assert_allclose(anisotropy.cubic_field(M, Kc, MS, *pair), B, **IDENTITY)


def test_the_cubic_field_exerts_no_torque_along_edges_and_diagonals():
    a3, Kc = np.cross(A1, A2), FIELD["Kc"]
    for m in (A1, A2, a3, unit(A1 + A2), unit(A1 - a3), unit(A1 + A2 + a3), unit(A1 - A2 - a3)):
        np.testing.assert_allclose(np.cross(m, anisotropy.cubic_field(m, Kc, MS, A1, A2)), 0.0, atol=1e-15)


def test_edges_are_easy_for_a_positive_cubic_constant():
    """A small tilt towards a neighbouring edge is turned back, as by a field of 2 Kc/Ms along the edge."""
    Kc, tilt = FIELD["Kc"], 1e-5
    m = np.cos(tilt) * A1 + np.sin(tilt) * A2
    towards = np.cross(m, anisotropy.cubic_field(m, Kc, MS, A1, A2)) @ np.cross(A1, A2)
    np.testing.assert_allclose(towards, -2 * Kc / MS * tilt, rtol=1e-9, equal_nan=False)  # the next order is tilt^2
