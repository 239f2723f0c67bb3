"""The steps and the magnets that claims share: they are of the equation that the product integrates."""

import numpy as np
import pytest

import shno
from shno.llgs import right_hand_side
from shno.parameters import arguments, parameters
from shno.vector import cross, dot
from validation import steps
from validation.magnets import across, every_term, reversed_both, rotated

FIELD = (0.02, -0.05, 0.08)  # T
TURNING = tuple(steps.TURNING)


def torque_at(oscillator, drive, m):
    """T(m) of the product, (n, 3)."""
    components = tuple(m[..., k] for k in range(3))
    return np.stack(right_hand_side(components, *arguments(parameters(oscillator, drive))), axis=-1)


def precession(alpha=0.0):
    oscillator = shno.Oscillator(Ms=1e-9, alpha=alpha)  # no field of its own
    return oscillator, shno.Drive(a_DL=0.0, B_ext=FIELD)


@pytest.fixture(scope="module")
def magnets():
    return every_term(12)


@pytest.fixture(scope="module")
def film():
    """A film with damping, both torques and an anisotropy, its drive, and m."""
    oscillator = shno.Oscillator(
        Ms=7e5, alpha=0.15, Ku=9e4, easy_axis=(0.6, 0.0, 0.8), field_like=-0.4, p=(0.0, 0.8, 0.6)
    )
    return oscillator, shno.Drive(a_DL=0.03, B_ext=(0.1, -0.2, 0.3)), np.array([0.48, -0.6, 0.64])


def test_the_rotation_makes_the_torque_of_the_product(film):
    oscillator, drive, m = film
    omega = steps.rotation(tuple(m), *arguments(parameters(oscillator, drive)))
    np.testing.assert_allclose(cross(omega, tuple(m)), torque_at(oscillator, drive, m), rtol=1e-13)


@pytest.mark.parametrize("name", steps.SCHEMES)
def test_every_scheme_is_consistent_with_the_equation(name, film):
    """One step of 1e-6 / T: (m' - m)/h is the torque to O(h B), B of about a tesla."""
    oscillator, drive, m = film
    h, tree = 1e-6, arguments(parameters(oscillator, drive))
    after = np.array(steps.SCHEMES[name](tuple(m), h, tree))
    np.testing.assert_allclose((after - m) / h, torque_at(oscillator, drive, m), atol=3e-6)


@pytest.mark.parametrize("name", TURNING)
def test_steps_that_turn_keep_the_length_without_projection(name, film):
    oscillator, drive, m = film
    after = steps.advanced(name, oscillator, drive, m, dt=1e-12, n=200)
    assert np.linalg.norm(after) == pytest.approx(1.0, abs=1e-13)  # a rounding a step
    assert np.abs(after - m).max() > 0.1


def test_depondt_mertens_is_exact_in_a_constant_field():
    """m after 100 steps of 0.3 rad is m turned about the field by 30 rad (Rodrigues' formula by matrix)."""
    oscillator, drive = precession()
    size, m = np.linalg.norm(FIELD), np.array([0.6, 0.0, 0.8])
    axis, angle = np.array(FIELD) / size, 30.0
    turned = m * np.cos(angle) + np.cross(axis, m) * np.sin(angle) + axis * (axis @ m) * (1 - np.cos(angle))
    after = steps.advanced("Depondt-Mertens", oscillator, drive, m, dt=0.3 / (oscillator.gamma * size), n=100)
    np.testing.assert_allclose(after, turned, atol=1e-13)


def test_the_cayley_turn_is_by_twice_the_arctangent():
    m, v = (1.0, 0.0, 0.0), (0.0, 0.0, 0.7)
    angle = 2 * np.arctan(0.7)
    np.testing.assert_allclose(steps.cayley(m, v), (np.cos(angle), np.sin(angle), 0.0), atol=1e-15)


def test_a_turn_about_no_axis_is_none():
    assert steps.turned((0.6, 0.0, 0.8), (0.0, 0.0, 0.0)) == (0.6, 0.0, 0.8)


def test_the_implicit_midpoint_solves_its_equation(film):
    oscillator, drive, m = film
    h, tree = 0.1, arguments(parameters(oscillator, drive))
    after = steps.SCHEMES["implicit midpoint"](tuple(m), h, tree)
    middle = steps.middle(tuple(m), after)
    np.testing.assert_allclose(
        np.array(after) - m, h * np.array(cross(steps.rotation(middle, *tree), middle)), atol=1e-15
    )


def test_a_slope_is_the_order():
    dts = np.array([0.4, 0.2, 0.1])
    assert steps.order(dts, 3.0 * dts**2.5) == pytest.approx(2.5)


def test_magnets_have_every_term_on(magnets):
    values = parameters(*magnets[:2])
    assert [name for name, value in values.items() if value is None] == ["B_thermal"]


def test_the_torque_turns_with_all_vectors_and_tensors(magnets):
    oscillator, drive, m = magnets
    R, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    R = R * np.linalg.det(R)  # a proper rotation
    after = torque_at(*rotated(oscillator, drive, R), m @ R.T)
    np.testing.assert_allclose(after, torque_at(oscillator, drive, m) @ R.T, atol=1e-14)


@pytest.mark.parametrize("k", (0, 2))
def test_reversing_current_and_field_turns_the_torque_by_half_about_an_axis_across_both(magnets, k):
    *system, m = magnets
    half_turn = 2 * np.eye(3)[k] - 1
    system = across(*system, k)
    assert np.array_equal(torque_at(*reversed_both(*system), half_turn * m), half_turn * torque_at(*system, m))
    assert not np.allclose(torque_at(*reversed_both(*magnets[:2]), half_turn * m), half_turn * torque_at(*magnets))


def test_vectors_across_an_axis_are_unit_vectors_without_a_component_along_it(magnets):
    oscillator, drive = across(*magnets[:2], 0)
    for v in (oscillator.p, oscillator.easy_axis, oscillator.m_fixed):
        assert np.all(v[:, 0] == 0) and np.linalg.norm(v, axis=-1) == pytest.approx(1.0)
    assert np.all(drive.B_ext[:, 0] == 0) and dot(np.moveaxis(drive.B_ext, -1, 0), (0, 1, 1)).any()
