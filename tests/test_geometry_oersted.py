"""The Oersted field of a strip: Maxwell's equations, the limits, and the sides and corners."""

from itertools import pairwise

import numpy as np
import pytest

from shno.constants import mu_0
from shno.geometry import oersted_per_current_density, polarisation, strip_oersted_field

J, WIDTH, THICKNESS = 1.3e12, 150e-9, 60e-9
CURRENT = J * WIDTH * THICKNESS
SCALE = mu_0 * J * THICKNESS / 2  # of the field at the surface
# Inside, on either side, above and below, and far away; no coordinate is zero.
Y = np.array([31e-9, -60e-9, 110e-9, -83e-9, 12e-9, -900e-9, 5e-6])
Z = np.array([-13e-9, 22e-9, 14e-9, 45e-9, -37e-9, -300e-9, 2e-6])


def field(y, z, J=J, width=WIDTH, thickness=THICKNESS):
    return np.array(strip_oersted_field(J, width, thickness, y, z))  # (2, ...)


def line_integral(start, end):
    """Integral of B along a straight line (y, z), split where it crosses a side's line: there B has a kink."""
    start, end = np.array(start), np.array(end)
    along = end - start
    edges = np.array([[-WIDTH, WIDTH], [-THICKNESS, THICKNESS]]) / 2
    axis = np.argmax(np.abs(along))
    cuts = (edges[axis] - start[axis]) / along[axis]
    cuts = np.sort([0.0, *cuts[(cuts > 0) & (cuts < 1)], 1.0])
    x, w = np.polynomial.legendre.leggauss(80)
    total = 0.0
    for low, high in pairwise(cuts):
        y, z = start[:, None] + along[:, None] * (low + (high - low) * (x + 1) / 2)
        total += (high - low) / 2 * np.sum(w * (field(y, z) * along[:, None]).sum(axis=0))
    return total


@pytest.mark.parametrize(
    ("y", "z", "enclosed"),  # the loop's extent in nm; the area of the strip inside it, nm^2
    [
        ((-120, 95), (-51, 77), 150 * 60),
        ((-2000, 5000), (-900, 3000), 150 * 60),
        ((95, 260), (-51, 77), 0),
        ((-120, 95), (41, 77), 0),
        ((-40, 55), (-20, 10), 95 * 30),
        ((-120, 25), (-51, 5), 100 * 35),
    ],
)
def test_the_loop_integral_is_mu_0_times_the_enclosed_current(y, z, enclosed):
    corners = [(1e-9 * y[i], 1e-9 * z[k]) for i, k in ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))]  # x towards the reader
    loop = sum(line_integral(a, b) for a, b in pairwise(corners))
    expected = mu_0 * J * enclosed * 1e-18
    assert loop == pytest.approx(expected, abs=1e-7 * mu_0 * CURRENT)  # the quadrature next to a corner


def test_the_field_has_no_divergence_and_the_current_is_its_curl():
    h = 2e-12  # m: a central difference is good to (h / distance to a corner)^2 and to rounding, 1e-16 WIDTH / h
    by_y = (field(Y + h, Z) - field(Y - h, Z)) / (2 * h)
    by_z = (field(Y, Z + h) - field(Y, Z - h)) / (2 * h)
    inside = (np.abs(Y) < WIDTH / 2) & (np.abs(Z) < THICKNESS / 2)
    assert inside.any() and not inside.all()
    np.testing.assert_allclose(by_y[0] + by_z[1], 0, atol=1e-6 * mu_0 * J)
    np.testing.assert_allclose(by_y[1] - by_z[0], mu_0 * J * inside, atol=1e-6 * mu_0 * J)


def test_outside_it_is_the_sum_of_straight_wires():
    x, w = np.polynomial.legendre.leggauss(40)
    dy, dz = np.meshgrid(x * WIDTH / 2, x * THICKNESS / 2)
    for y, z in ((160e-9, 70e-9), (-20e-9, -110e-9)):
        u, v = y - dy, z - dz
        wire = mu_0 * J / (2 * np.pi) * np.outer(w, w) * WIDTH * THICKNESS / 4 / (u * u + v * v)
        np.testing.assert_allclose(field(y, z), [np.sum(-v * wire), np.sum(u * wire)], rtol=1e-12)  # measured 2e-15


def test_far_away_it_is_one_wire():
    angle = np.linspace(0.1, 6.2, 17)
    for r, deviation in ((3e-6, 1e-3), (1e-3, 1e-8), (0.9, 1e-13)):  # (WIDTH / r)^2 / 12, then rounding
        B = mu_0 * CURRENT / (2 * np.pi * r)
        wire = [-B * np.sin(angle), B * np.cos(angle)]
        np.testing.assert_allclose(field(r * np.cos(angle), r * np.sin(angle)), wire, rtol=0, atol=deviation * B)


def test_a_wide_strip_is_a_sheet():
    z = np.array([-70e-9, -31e-9, -30e-9, -11e-9, 0.0, 17e-9, 30e-9, 200e-9])
    B_y, B_z = field(3e-9, z, width=1.0)
    sheet = -mu_0 * J * np.clip(z, -THICKNESS / 2, THICKNESS / 2)
    np.testing.assert_allclose(B_y, sheet, rtol=0, atol=1e-6 * SCALE)  # z over width, 2e-7, times 2/pi
    np.testing.assert_allclose(B_z, 0, atol=1e-6 * SCALE)


def test_a_thin_strip_is_a_line_of_wires():
    t = 1e-12
    y, z = np.array([-200e-9, -40e-9, 75e-9, 130e-9]), np.array([50e-9, -20e-9, 35e-9, 90e-9])
    angles = np.arctan((WIDTH / 2 - y) / z) + np.arctan((WIDTH / 2 + y) / z)
    logarithm = np.log(((y + WIDTH / 2) ** 2 + z**2) / ((y - WIDTH / 2) ** 2 + z**2))
    thin = mu_0 * J * t / (2 * np.pi) * np.array([-angles, logarithm / 2])
    np.testing.assert_allclose(field(y, z, thickness=t), thin, rtol=1e-9)  # (t/z)^2 = 2.5e-9, over 12


def test_the_field_has_the_symmetry_of_the_strip():
    B_y, B_z = field(Y, Z)
    np.testing.assert_array_equal(field(-Y, Z), [B_y, -B_z])  # == : computed in one quadrant
    np.testing.assert_array_equal(field(Y, -Z), [-B_y, B_z])
    rotated = field(-Z, Y, width=THICKNESS, thickness=WIDTH)  # by 90 degrees about the current
    np.testing.assert_array_equal(rotated, [-B_z, B_y])
    np.testing.assert_array_equal(field(0.0, 0.0), 0)


def test_the_field_is_linear_in_the_current_and_in_the_size():
    B = field(Y, Z)
    np.testing.assert_allclose(field(Y, Z, J=-2.5 * J), -2.5 * B, rtol=1e-14)
    np.testing.assert_allclose(field(3 * Y, 3 * Z, width=3 * WIDTH, thickness=3 * THICKNESS), 3 * B, rtol=1e-12)


@pytest.mark.parametrize("thickness", [WIDTH, THICKNESS, 1e-12])
def test_on_the_sides_and_corners_the_field_is_its_limit_from_everywhere(thickness):
    half = np.array([WIDTH, thickness]) / 2
    sides = [(s, x) for s in (-1, 1) for x in (-0.6, 0.0, 0.3)]
    points = half * np.array(sides + [(x, s) for s, x in sides] + [(a, b) for a in (-1, 1) for b in (-1, 1)])
    for distance in (1e-9, 1e-15):
        for angle in np.linspace(0.1, 6.3, 9):
            y, z = (points + distance * half * [np.cos(angle), np.sin(angle)]).T
            change = field(y, z, thickness=thickness) - field(*points.T, thickness=thickness)
            # at d from a corner the gradient is (mu_0 J / 2 pi) ln(size / d), 46/(2 pi) mu_0 J at most, plus mu_0 J
            step = distance * half.max()
            assert np.abs(change).max() < 10 * mu_0 * J * step + 1e-14 * mu_0 * J * thickness


@pytest.mark.parametrize("thickness", [THICKNESS, 4e-12])
def test_a_strip_is_the_sum_of_its_parts(thickness):
    y, z = np.array([31e-9, -60e-9, 110e-9, 1e-6, 1e-3, 0.5]), np.array([0.4, 0.2, -1, 7, 1e4, 1e6]) * thickness
    lower = field(y, z + thickness / 8, thickness=3 / 4 * thickness)
    upper = field(y, z - 3 / 8 * thickness, thickness=thickness / 4)
    left = field(y + WIDTH / 8, z, width=3 / 4 * WIDTH, thickness=thickness)
    right = field(y - 3 / 8 * WIDTH, z, width=WIDTH / 4, thickness=thickness)
    whole = field(y, z, thickness=thickness)
    size = 1e-13 * np.linalg.norm(whole, axis=0)  # rounding: no digit is lost on a thin strip or far away
    assert np.all(np.abs(lower + upper - whole) < size)
    assert np.all(np.abs(left + right - whole) < size)


def test_the_layer_on_a_heavy_metal_feels_a_field_against_its_polarisation():
    B = oersted_per_current_density(150e-9, 5e-9, 1.4e-9)
    assert B.shape == (3,)
    along = B @ polarisation((0, 0, 1), (1, 0, 0))
    assert along < 0
    np.testing.assert_array_equal(B, along * np.array([0.0, 1.0, 0.0]))  # == : exactly in the middle
    thin = -mu_0 * 5e-9 / np.pi * np.arctan(75 / 3.2)  # a sheet of wires at 2.5 + 0.7 nm below
    assert along == pytest.approx(thin, rel=(5 / 75) ** 2)
    wide = oersted_per_current_density(1.0, 5e-9, 1.4e-9)
    assert wide[1] == pytest.approx(-mu_0 * 5e-9 / 2, rel=1e-7)
    np.testing.assert_array_equal(J * B, [0, *field(0.0, 3.2e-9, thickness=5e-9)] + 0 * B)


def test_a_batch_is_a_loop():
    width, t_HM = np.array([[100e-9], [300e-9]]), np.array([3e-9, 5e-9, 8e-9])
    batch = oersted_per_current_density(width, t_HM, 2e-9)
    assert batch.shape == (2, 3, 3)
    for i, k in np.ndindex(2, 3):
        one = oersted_per_current_density(width[i, 0], t_HM[k], 2e-9)
        np.testing.assert_allclose(batch[i, k], one, rtol=1e-14)  # vector instructions may round otherwise
    assert field(Y[:, None], Z).shape == (2, len(Y), len(Z))
    assert all(isinstance(B, float) for B in strip_oersted_field(J, WIDTH, THICKNESS, 1e-9, 2e-9))


GOOD = {"J": J, "width": WIDTH, "thickness": THICKNESS, "y": 1e-8, "z": 2e-8}
WRONG = {
    "J": [np.nan, np.inf, "1", None],
    "width": [0.0, -1e-9, 150.0, np.nan, np.inf, 1e300, 1e-300, "150 nm", None, [1e-9, -1e-9]],
    "thickness": [0.0, -1e-9, 5.0, np.nan, np.inf, 1e300, 1e-300, [1e-9, [2e-9]]],
    "y": [np.nan, np.inf, 2.0, -1e300, None, 1j],
    "z": [np.nan, np.inf, 2.0, -1e300, None, 1j],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_argument_is_named(name, value):
    with pytest.raises((TypeError, ValueError), match=f"^{name} must be "):
        strip_oersted_field(**GOOD | {name: value})


def test_shapes_that_do_not_broadcast_are_named():
    with pytest.raises(ValueError, match=r"one shape, got .* y \(2,\), z \(3,\)"):
        strip_oersted_field(J, WIDTH, THICKNESS, [0, 0], [0, 0, 0])


def test_an_extreme_current_is_no_overflow():
    assert np.isfinite(strip_oersted_field(-1.7e308, 1.0, 1.0, 0.5, -0.5)).all()
