"""Demagnetising factors: printed numbers, closed forms, the integral over the charged faces, and the laws."""

import numpy as np
import pytest
from scipy.integrate import quad

from shno.geometry import ellipsoid_demag, film_demag, prism_demag

IDENTITY = 1e-13  # relative: two derivations in float64 without cancellation; measured 3e-15
SHAPES = [ellipsoid_demag, prism_demag]
ANY_SHAPE = (3.1, 2.3, 0.7)  # no two lengths equal, none zero


@pytest.mark.parametrize(
    ("edges", "N"),
    [
        ((100, 50, 5), [0.052259392098, 0.107600017768, 0.840140590134]),
        ((100, 100, 5), [(1 - 0.881004045055) / 2, (1 - 0.881004045055) / 2, 0.881004045055]),
        ((150, 150, 5), [(1 - 0.912182807622) / 2, (1 - 0.912182807622) / 2, 0.912182807622]),
        ((2, 1, 1), [0.198316152789, (1 - 0.198316152789) / 2, (1 - 0.198316152789) / 2]),
        ((1, 1, 1), [1 / 3, 1 / 3, 1 / 3]),
    ],
)
def test_prism(edges, N):  # I7, twelve digits; the last one of 150 x 150 x 5 is the rounding of the closed form
    np.testing.assert_allclose(prism_demag(*edges), N, rtol=0, atol=1e-12)


def test_ellipsoid():  # I8, twelve digits
    np.testing.assert_allclose(ellipsoid_demag(1, 1, 1), 1 / 3, rtol=IDENTITY)
    assert ellipsoid_demag(2, 1, 1)[0] == pytest.approx(0.173563997534, abs=6e-13)
    assert ellipsoid_demag(10, 10, 1)[2] == pytest.approx(0.860804276528, abs=6e-13)


def aharoni(a, b, c):
    """The closed form for N along c, half edges a, b, c: J. Appl. Phys. 83, 3432 (1998)."""
    r, ab, bc, ac = np.sqrt(a * a + b * b + c * c), np.hypot(a, b), np.hypot(b, c), np.hypot(a, c)
    logarithms = (
        (b * b - c * c) / (2 * b * c) * np.log((r - a) / (r + a))
        + (a * a - c * c) / (2 * a * c) * np.log((r - b) / (r + b))
        + b / (2 * c) * np.log((ab + a) / (ab - a))
        + a / (2 * c) * np.log((ab + b) / (ab - b))
        + c / (2 * a) * np.log((bc - b) / (bc + b))
        + c / (2 * b) * np.log((ac - a) / (ac + a))
    )
    powers = a**3 + b**3 - 2 * c**3 + (a * a + b * b - 2 * c * c) * r - (ab**3 + bc**3 + ac**3)
    powers = powers / (3 * a * b * c) + c * (ac + bc) / (a * b)
    return (logarithms + 2 * np.arctan(a * b / (c * r)) + powers) / np.pi


@pytest.mark.parametrize(("a", "b", "c"), [ANY_SHAPE, (1.0, 1.0, 1.0), (1.0, 2.0, 9.0), (5.0, 3.0, 0.4)])
def test_prism_agrees_with_the_closed_form_of_aharoni(a, b, c):
    closed = [aharoni(b, c, a), aharoni(c, a, b), aharoni(a, b, c)]
    np.testing.assert_allclose(prism_demag(a, b, c), closed, rtol=1e-12)  # the closed form cancels a few hundredfold


def between_faces(A, B, d):
    """Double surface integral of 1/r over two A x B rectangles at a distance d, facing each other.

    Pairs of points (X, Y) apart have the weight 4 (A - X)(B - Y); in polar coordinates nothing is singular at d = 0.
    """
    x, w = np.polynomial.legendre.leggauss(60)
    x, w = (x + 1) / 2, w / 2
    total = 0.0
    for P, Q in ((A, B), (B, A)):  # the two triangles under and over the diagonal
        angle = np.arctan2(Q, P)
        phi = angle * x[:, None]
        reach = P / np.cos(phi)
        r = reach * x
        weight = angle * w[:, None] * reach * w
        total += np.sum(weight * 4 * (P - r * np.cos(phi)) * (Q - r * np.sin(phi)) * r / np.hypot(r, d))
    return total


@pytest.mark.parametrize("edges", [ANY_SHAPE, (1.0, 1.7, 1.2)])
def test_prism_agrees_with_the_energy_of_its_charged_faces(edges):
    # (mu_0 Ms^2 / 2) N V = (mu_0 Ms^2 / 8 pi) sum over pairs of faces of charge +-1 of the integral of 1/r
    for axis in range(3):
        A, B, C = np.roll(edges, -axis - 1)
        N = 2 * (between_faces(A, B, 0.0) - between_faces(A, B, C)) / (4 * np.pi * A * B * C)
        assert prism_demag(*edges)[axis] == pytest.approx(N, rel=1e-10)  # the quadrature; measured 1e-12 or better


def prolate(m):
    """Along the long axis, m = long / short: Osborn (1945)."""
    k = np.sqrt(m * m - 1)
    return (m / k * np.log(m + k) - 1) / (m * m - 1)


def oblate(m):
    """Along the short axis, m = long / short: Osborn (1945)."""
    k = np.sqrt(m * m - 1)
    return m * m / (m * m - 1) * (1 - np.arcsin(k / m) / k)


@pytest.mark.parametrize("m", [1.5, 4.0, 60.0])
def test_spheroids_agree_with_the_closed_forms_of_osborn(m):
    N, M = prolate(m), oblate(m)
    closed = {"rtol": 1e-12}  # the closed forms cancel near m = 1
    np.testing.assert_allclose(ellipsoid_demag(m, 1, 1), [N, (1 - N) / 2, (1 - N) / 2], **closed)
    np.testing.assert_allclose(ellipsoid_demag(m, m, 1), [(1 - M) / 2, (1 - M) / 2, M], **closed)


def test_a_general_ellipsoid_agrees_with_the_integral_of_its_potential():
    a, b, c = ANY_SHAPE
    for axis, N in zip(ANY_SHAPE, ellipsoid_demag(a, b, c), strict=True):
        # s = x^2: (abc/2) integral of ds / [(axis^2 + s) sqrt((a^2 + s)(b^2 + s)(c^2 + s))]
        integral, _ = quad(
            lambda x, axis=axis: x / (axis**2 + x**2) / np.sqrt((a**2 + x**2) * (b**2 + x**2) * (c**2 + x**2)),
            0,
            np.inf,
            epsabs=0,
            epsrel=1e-11,
        )
        assert pytest.approx(a * b * c * integral, rel=1e-10) == N


def test_a_thin_disc_approaches_the_film():
    t = 1e-4
    leading = [np.pi / 4 * t, np.pi / 4 * t, 1 - np.pi / 2 * t]  # thickness over diameter t; the next order is t^2
    np.testing.assert_allclose(ellipsoid_demag(1, 1, t), leading, rtol=3 * t)
    np.testing.assert_allclose(ellipsoid_demag(1, 1, 1e-10), film_demag(), atol=1e-9)


def test_a_thin_square_plate_approaches_the_film():
    t = 1e-4  # thickness over edge; N_x = (t/pi) [ln(2/t) + 1/2 - arsinh 1 + sqrt 2 - 1] + O(t^2), from the end faces
    N_x = t / np.pi * (np.log(2 / t) + 0.5 - np.arcsinh(1) + np.sqrt(2) - 1)
    np.testing.assert_allclose(prism_demag(1, 1, t), [N_x, N_x, 1 - 2 * N_x], rtol=t)
    np.testing.assert_allclose(prism_demag(1, 1, 1e-10), film_demag(), atol=2e-9)


@pytest.mark.parametrize("p", [0.5, 1.0, 1e-2, 1e-4])
def test_a_long_bar_approaches_the_infinite_one(p):
    # thickness p, width 1: Brown, Magnetostatic Principles in Ferromagnetism (1962); the closed form cancels 1/p fold
    N_z = ((1 - p * p) / (2 * p) * np.log1p(p * p) + p * np.log(p) + 2 * np.arctan(1 / p)) / np.pi
    length = 1e6
    N = prism_demag(length, 1, p)
    np.testing.assert_allclose(N[1:], [1 - N_z, N_z], rtol=10 / length)
    assert 0 < N[0] < 10 * p / length


def test_the_trace_is_1_at_any_aspect_ratio():
    rng = np.random.default_rng(7)
    lengths = 10 ** rng.uniform(-9.9, 0, (3, 300))
    for shape in SHAPES:
        np.testing.assert_allclose(shape(*lengths).sum(axis=-1), 1, rtol=IDENTITY)


@pytest.mark.parametrize("ratio", [1e4, 1e8])
def test_the_smallest_factor_of_a_prism_keeps_its_digits(ratio):
    """Halving a plate's thickness: N_x / t grows by ln 2 / pi, which a factor good to 1e-16 of the trace would lose."""
    grown = [prism_demag(1, 1, t)[0] / t for t in (1 / ratio, 0.5 / ratio)]
    assert grown[1] - grown[0] == pytest.approx(np.log(2) / np.pi, rel=10 / ratio + 1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_factors_follow_the_axes(shape):
    N = shape(*ANY_SHAPE)
    assert N[0] < N[1] < N[2]  # the longer, the smaller
    for order in ([1, 2, 0], [2, 0, 1], [0, 2, 1], [2, 1, 0]):
        np.testing.assert_allclose(shape(*np.array(ANY_SHAPE)[order]), N[order], rtol=IDENTITY)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_factors_do_not_depend_on_the_size(shape):
    for size in (1e-9, 1e9, 1e-300, 1e300):
        np.testing.assert_allclose(shape(*(size * np.array(ANY_SHAPE))), shape(*ANY_SHAPE), rtol=IDENTITY)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_batch_of_shapes_is_a_loop(shape):
    length, width, t = np.array([[3.0], [40.0]]), np.array([1.0, 2.0, 0.1]), 0.3
    batch = shape(length, width, t)
    assert batch.shape == (2, 3, 3)
    for i, j in np.ndindex(2, 3):
        one = shape(length[i, 0], width[j], t)
        assert one.shape == (3,)
        np.testing.assert_allclose(batch[i, j], one, rtol=IDENTITY)  # vector instructions may round otherwise


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.nan, np.inf, "1", None, [1.0, [2.0]], [1.0, -2.0], 1j])
@pytest.mark.parametrize(
    ("shape", "names"), [(ellipsoid_demag, ["a", "b", "c"]), (prism_demag, ["length", "width", "thickness"])]
)
def test_a_wrong_length_is_named(shape, names, wrong):
    for place, name in enumerate(names):
        lengths = [1.0, 2.0, 3.0]
        lengths[place] = wrong
        with pytest.raises((TypeError, ValueError), match=f"^{name} must be "):
            shape(*lengths)


@pytest.mark.parametrize("shape", SHAPES)
def test_impossible_bodies_are_refused(shape):
    with pytest.raises(ValueError, match=r"smallest over largest of .* must be >= 1e-10, got 1e-11"):
        shape(1, 1, 1e-11)
    with pytest.raises(ValueError, match="smallest over largest"):
        shape(1e300, 1, 1e-300)
    with pytest.raises(ValueError, match=r"must be arrays that broadcast to one shape, got .*\(2,\), .*\(3,\)"):
        shape([1, 2], [1, 2, 3], 1)
