"""The closed forms against the printed numbers of the validation table, and against each other in their limits."""

import numpy as np
import pytest

from shno import theory
from shno.constants import mu_0
from shno.llgs import damping_like_amplitude

GAMMA = 1.76085963023e11
PRINTED = 2e-9  # relative: the digits that the table prints


def test_larmor_frequency():  # D1
    assert theory.larmor_frequency(0.1, GAMMA) == pytest.approx(2.802495142e9, rel=PRINTED)


def test_mallinson():  # D2
    theta, phi = theory.mallinson(np.array([1e-9, 2e-9]), np.radians(170.0), 0.5, 0.02, GAMMA)
    assert np.degrees(theta) == pytest.approx([126.084086649, 37.3729086426], rel=PRINTED)
    assert phi == pytest.approx([88.00777840, 2 * 88.00777840], rel=PRINTED)
    assert np.cos(theta) == pytest.approx([-0.588971923352, 0.794701719295], rel=PRINTED)
    assert np.sin(theta) * np.cos(phi) == pytest.approx([0.807400064269, 0.604737604730], rel=PRINTED)


def test_mallinson_gives_the_switching_times():  # D3
    theta, _ = theory.mallinson(np.array([1.384108370e-9, 2.768216739e-9]), np.radians(170.0), 0.5, 0.02, GAMMA)
    assert np.degrees(theta) == pytest.approx([90.0, 10.0], rel=1e-8)  # times to 4e-10, theta 2.4 times as sensitive


def test_kittel_in_plane():  # D5
    assert theory.kittel_frequency(0.1, 1.0, gamma=GAMMA) == pytest.approx(9.294824864e9, rel=PRINTED)


def test_kittel_perpendicular():  # D6
    assert theory.kittel_frequency_perpendicular(1.5, 1.0, GAMMA) == pytest.approx(14.012475712e9, rel=PRINTED)


def test_kittel_with_anisotropy():  # D8
    B, Bk, M = 0.1, 0.02, 0.8
    assert theory.kittel_frequency(B, M, Bk, GAMMA) == pytest.approx(9.311709209e9, rel=PRINTED)
    hard_axis = theory.kittel_frequency(B - Bk, M + Bk, gamma=GAMMA)
    assert hard_axis == pytest.approx(7.519883574e9, rel=PRINTED)


def test_kittel_without_magnetisation_is_larmor():
    assert theory.kittel_frequency(0.3, 0.0) == pytest.approx(theory.larmor_frequency(0.3), rel=1e-15)
    assert theory.kittel_frequency_perpendicular(0.3, 0.0) == theory.larmor_frequency(0.3)  # the same arithmetic


def test_collinear_threshold():  # T1; Ms = 795774.7 A/m is M = 1 T
    a_c = theory.collinear_threshold(0.1, 1.0, 0.0, 0.02)
    assert a_c == pytest.approx(12e-3, rel=1e-12)
    assert theory.threshold_frequency(0.1, 1.0, 0.0, 0.02, GAMMA) == pytest.approx(9.299047136e9, rel=PRINTED)
    J_c = theory.critical_current_density(a_c, 0.08, 1.0 / mu_0, 5e-9)
    assert J_c == pytest.approx(1.813491933e12, rel=PRINTED)


def test_anisotropy_acts_on_the_threshold_as_field():
    for f in (theory.collinear_threshold, theory.threshold_frequency):
        assert f(0.1, 0.8, 0.02, 0.03) == pytest.approx(f(0.12, 0.8, 0.0, 0.03), rel=1e-14)


def test_threshold_frequency_is_kittel_without_damping():
    f = theory.kittel_frequency(0.1, 0.8, 0.02)
    assert theory.threshold_frequency(0.1, 0.8, 0.02, 0.0) == pytest.approx(f, rel=1e-14)


@pytest.mark.parametrize(
    ("theta_SH", "J", "Ms", "thickness", "a_DL"),
    [(0.08, 1e12, 6e5, 5e-9, 8.776159421e-3), (0.41, 5e11, 9.5e5, 1.4e-9, 50.72686131e-3)],
)
def test_critical_current_density_inverts_the_torque(theta_SH, J, Ms, thickness, a_DL):  # I11
    J_c = theory.critical_current_density(a_DL, theta_SH, Ms, thickness)
    assert J_c == pytest.approx(J, rel=PRINTED)
    assert damping_like_amplitude(J_c, theta_SH, Ms, thickness) == pytest.approx(a_DL, rel=1e-14)


def test_torque_in_field_units():  # I11: a/mu_0 in A/m
    assert 8.776159421e-3 / mu_0 == pytest.approx(6983.845766, rel=PRINTED)


def test_perpendicular_cone():  # T5
    c, f = theory.perpendicular_cone(np.array([4e-3, 8e-3, 12e-3]), 0.1, -0.8, 0.02, GAMMA)
    assert c == pytest.approx([0.375, 0.625, 0.875], rel=1e-12)
    assert f == pytest.approx([5.604990285e9, 11.209980570e9, 16.814970854e9], rel=PRINTED)


def test_reversing_torque_and_field_mirrors_the_cone():
    (c, f), (c_reversed, f_reversed) = (theory.perpendicular_cone(s * 8e-3, s * 0.1, -0.8, 0.02) for s in (1, -1))
    assert (c_reversed, f_reversed) == (-c, f)  # the same arithmetic


def test_no_cone_beyond_the_poles():
    c, _ = theory.perpendicular_cone(np.array([-19e-3, 13e-3, 15e-3]), 0.1, -0.8, 0.02)
    assert c[1] == pytest.approx(0.9375)
    assert np.isnan(c[[0, 2]]).all()


def test_frequencies_scale_with_gamma():
    for f in (theory.larmor_frequency, lambda B, gamma: theory.kittel_frequency(B, 0.9, 0.1, gamma)):
        assert f(0.2, 2 * GAMMA) == pytest.approx(2 * f(0.2, GAMMA), rel=1e-15)
