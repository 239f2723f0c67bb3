import numpy as np
import pytest
import torch

from shno.simulate import LARGEST_NORM_ERROR
from shno.vector import (
    accumulate,
    add,
    add_cross,
    arctangent,
    cosine_sine,
    cross,
    dot,
    each,
    normalise,
    normalise_vjp,
    number,
    project,
    project_vjp,
    reciprocal_sqrt,
    rotate_towards,
    rotate_towards_vjp,
    scale,
    total,
)

A, B, C = (0.3, -1.7, 0.9), (2.1, 0.4, -0.6), (-0.8, 1.3, 0.5)
IDENTITY = {"rtol": 1e-12, "atol": 1e-14, "equal_nan": False}  # two derivations in float64; the numbers are of order 1


def batch(dtype=np.float64):
    """Three vectors of arrays (5,), no component zero."""
    return np.random.default_rng(1).normal(size=(3, 3, 5)).astype(dtype)


def test_products_are_those_of_numpy():
    for a, b, _ in (np.moveaxis(batch(), 2, 0)[k] for k in range(5)):
        np.testing.assert_allclose(cross(a, b), np.cross(a, b), **IDENTITY)
        np.testing.assert_allclose(dot(a, b), a @ b, **IDENTITY)
        np.testing.assert_allclose(add(a, scale(1.7, b)), a + 1.7 * b, **IDENTITY)
        np.testing.assert_allclose(add_cross(C, a, b), C + np.cross(a, b), **IDENTITY)


def test_cross_is_right_handed():
    x, y, z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
    assert (cross(x, y), cross(y, z), cross(z, x)) == (z, x, y)  # products of 0 and 1 are exact


def test_cross_is_antisymmetric_and_perpendicular():
    assert np.array_equal(cross(A, B), scale(-1.0, cross(B, A)))  # the same products, subtracted the other way
    np.testing.assert_allclose(dot(A, cross(A, B)), 0.0, **IDENTITY)


def test_triple_products_obey_lagrange():
    np.testing.assert_allclose(cross(A, cross(B, C)), add(scale(dot(A, C), B), scale(-dot(A, B), C)), **IDENTITY)
    np.testing.assert_allclose(dot(cross(A, B), C), dot(cross(B, C), A), **IDENTITY)


def test_normalise_gives_length_one_and_keeps_the_direction():
    for size in (1e-12, 1.0, 1e12):
        n = normalise(scale(size, A))
        np.testing.assert_allclose(dot(n, n), 1.0, rtol=4e-16, equal_nan=False)  # a few roundings
        np.testing.assert_allclose(cross(n, A), 0.0, atol=1e-15, equal_nan=False)
        assert dot(n, A) > 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_project_gives_length_one_to_rounding_for_every_step_that_is_not_refused(dtype):
    eps = np.finfo(dtype).eps
    n = np.array(normalise(A))
    for excess in 2 * LARGEST_NORM_ERROR * np.linspace(-1, 1, 41):  # of |m|^2
        y = (*(np.sqrt(1 + excess) * n).astype(dtype), dtype(300.0))
        (*m, T), error = project(y)
        assert T == 300.0 and {x.dtype for x in (*m, error)} == {np.dtype(dtype)}
        np.testing.assert_allclose(np.linalg.norm(np.float64(m)), 1.0, rtol=2 * eps, equal_nan=False)  # a few roundings
        np.testing.assert_allclose(m, n, rtol=0, atol=3 * eps, equal_nan=False)
        np.testing.assert_allclose(error, abs(excess), rtol=0, atol=3 * eps, equal_nan=False)


def test_project_vjp_is_autograd_through_the_length():
    for length in (1 - LARGEST_NORM_ERROR, 1.0, 1 + LARGEST_NORM_ERROR):
        y = (length * torch.nn.functional.normalize(torch.tensor(A, dtype=torch.float64), dim=0)).requires_grad_()
        (expected,) = torch.autograd.grad(torch.stack(normalise(y)), y, torch.tensor(B, dtype=torch.float64))
        np.testing.assert_allclose(project_vjp(y.detach().numpy(), B), expected, **IDENTITY)


def test_reciprocal_sqrt_squared_times_x_is_one():
    x = np.array([1e-12, 0.7, 3.0, 1e20])
    np.testing.assert_allclose(reciprocal_sqrt(x) ** 2 * x, 1.0, rtol=1e-15, equal_nan=False)


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_and_tensors_give_what_numbers_give_in_their_own_precision(kind, dtype):
    arrays = batch(dtype)
    a, b, c = (tuple(kind(part) for part in each) for each in arrays)
    s = number(0.5, a[0]) * dot(a, b)
    values = (*cross(a, add(b, c)), *scale(s, c), *normalise(b))
    for value in values:
        assert value.dtype == a[0].dtype  # a constant does not widen float32
    values = np.stack([np.asarray(value) for value in values])
    for k in range(5):
        a, b, c = (tuple(map(float, each)) for each in arrays[..., k])
        one = (*cross(a, add(b, c)), *scale(0.5 * dot(a, b), c), *normalise(b))
        rounding = 30 * np.finfo(dtype).eps  # some ten operations
        np.testing.assert_allclose(values[:, k], one, rtol=0, atol=rounding, equal_nan=False)


def test_normalise_vjp_is_autograd():
    a = torch.tensor(batch()[0], requires_grad=True)
    w = torch.tensor(batch()[1])
    (expected,) = torch.autograd.grad(torch.stack(normalise(a.unbind(0))), a, w)
    np.testing.assert_allclose(np.stack(normalise_vjp(a.detach().unbind(0), w.unbind(0))), expected, **IDENTITY)


def test_normalise_vjp_has_nothing_along_a():
    np.testing.assert_allclose(dot(normalise_vjp(A, B), A), 0.0, **IDENTITY)
    np.testing.assert_allclose(normalise_vjp(A, A), 0.0, **IDENTITY)


def test_accumulate_adds_leaf_by_leaf():
    assert accumulate((1.0, (2.0, (3.0,))), (10.0, (20.0, (30.0,)))) == (11.0, (22.0, (33.0,)))


def test_accumulate_refuses_unequal_trees():
    with pytest.raises(ValueError):
        accumulate((1.0, 2.0), (1.0, 2.0, 3.0))


def test_add_and_scale_take_vectors_of_any_equal_length():
    a, b = (1.0, -2.0, 3.0, 300.0), (0.5, 4.0, -1.0, 0.25)
    assert add(a, b) == (1.5, 2.0, 2.0, 300.25)  # sums of powers of 2 are exact
    assert scale(2.0, a) == (2.0, -4.0, 6.0, 600.0)
    with pytest.raises(ValueError):
        add(a, A)


def test_total_adds_leaf_by_leaf_over_any_number_of_trees():
    trees = ((1.0, (2.0, 3.0)), (10.0, (20.0, 30.0)), (100.0, (200.0, 300.0)))
    assert total(trees) == (111.0, (222.0, 333.0))
    assert total(trees[:1]) == trees[0]
    assert total((A, B, C)) == add(add(A, B), C)


def test_each_keeps_order_and_passes_the_arguments_on():
    terms = ((1.0, "a"), (2.0, "b"))
    assert each(lambda term, s, name: (s * term[0], term[1] + name), terms, 3.0, "!") == ((3.0, "a!"), (6.0, "b!"))
    assert each(abs, None) == each(abs, ()) == ()


def test_complex_steps_pass_through_products():
    step = 1e-30
    derivative = dot(cross(tuple(a + 1j * step * c for a, c in zip(A, C, strict=True)), B), A).imag / step
    np.testing.assert_allclose(derivative, dot(cross(C, B), A), **IDENTITY)  # d/ds of ((A + s C) x B) . A


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_a_rotation_towards_turns_by_the_fraction_and_its_vjp_is_autograd_s(fraction):
    for m, target, w in (np.moveaxis(batch(), 2, 0)[k] for k in range(5)):
        m, target = m / np.linalg.norm(m), target / np.linalg.norm(target)
        leaf = torch.tensor(m, requires_grad=True)
        turned = torch.stack(rotate_towards(leaf.unbind(), tuple(torch.tensor(target)), fraction))
        between = [np.arctan2(np.linalg.norm(np.cross(m, x)), m @ x) for x in (target, turned.detach().numpy())]
        assert between[1] == pytest.approx(fraction * between[0], abs=1e-12)
        (expected,) = torch.autograd.grad(turned, leaf, torch.tensor(w))
        np.testing.assert_allclose(rotate_towards_vjp(m, w, target, fraction), expected, **IDENTITY)


def test_a_rotation_to_where_m_is_has_a_finite_gradient():
    np.testing.assert_allclose(rotate_towards((0.6, 0.0, 0.8), (0.6, 0.0, 0.8), 0.3), (0.6, 0.0, 0.8), **IDENTITY)
    assert np.isfinite(rotate_towards_vjp((0.6, 0.0, 0.8), A, (0.6, 0.0, 0.8), 0.3)).all()


def test_angles_are_numpy_s_for_numbers_arrays_and_tensors():
    x, y = np.linspace(-3, 3, 7), np.linspace(2, -2, 7)
    for kind in (lambda a: a, torch.tensor):
        np.testing.assert_allclose(np.stack(cosine_sine(kind(x))), [np.cos(x), np.sin(x)], **IDENTITY)
        np.testing.assert_allclose(arctangent(kind(y), kind(x)), np.arctan2(y, x), **IDENTITY)
    assert arctangent(1.0, -1.0) == np.arctan2(1.0, -1.0) and cosine_sine(0.5) == (np.cos(0.5), np.sin(0.5))
