"""Equilibria and eigenmodes against closed forms; B, M and Bk are flux densities in tesla."""

from dataclasses import replace

import numpy as np
import pytest
from simulate_helpers import energy, member
from stability_helpers import GAMMA, IDENTITY, film, frequency, spread_batch

from shno import Drive, IntegrationError, Oscillator, Sine, critical_torque, eigenvalues, equilibrium, parameters
from shno.constants import gamma, mu_0
from shno.fields import effective_field
from shno.llgs import right_hand_side
from shno.parameters import arguments, torque_per_current_density

# Closed forms of resonance: (printed frequency to its digits, and the formula).


def test_kittel_in_plane():
    B, M = 0.1, 1.0
    f = frequency(film(M), (0.0, B, 0.0))
    assert f == pytest.approx(GAMMA / (2 * np.pi) * np.sqrt(B * (B + M)), **IDENTITY)
    assert f == pytest.approx(9.294824864e9, abs=6)  # half of the last digit printed


def test_kittel_perpendicular():
    assert frequency(film(1.0), (0.0, 0.0, 1.5)) == pytest.approx(GAMMA / (2 * np.pi) * 0.5, **IDENTITY)
    assert frequency(film(1.0), (0.0, 0.0, 1.5)) == pytest.approx(14.012475712e9, abs=6)


def test_kittel_of_an_ellipsoid():
    N, Ms, B = (0.0291925651, 0.0805454292, 0.8902620057), 8e5, 0.05
    f = frequency(Oscillator(Ms=Ms, alpha=0.0, gamma=GAMMA, demag=N), (B, 0.0, 0.0))
    M = mu_0 * Ms
    assert f == pytest.approx(
        GAMMA / (2 * np.pi) * np.sqrt((B + (N[1] - N[0]) * M) * (B + (N[2] - N[0]) * M)), **IDENTITY
    )
    assert f == pytest.approx(8.548875539e9, rel=3e-9)  # mu_0 and the ten digits of N


def test_an_easy_axis_along_the_field_stiffens_and_across_it_softens():
    B, Bk, M = 0.1, 0.02, 0.8
    easy, hard = frequency(film(M, Bk=Bk), (B, 0.0, 0.0)), frequency(film(M, Bk=Bk), (0.0, B, 0.0))
    assert easy == pytest.approx(GAMMA / (2 * np.pi) * np.sqrt((B + Bk) * (B + Bk + M)), **IDENTITY)
    assert hard == pytest.approx(GAMMA / (2 * np.pi) * np.sqrt((B - Bk) * (B + M)), **IDENTITY)
    assert (easy, hard) == (pytest.approx(9.311709209e9, abs=6), pytest.approx(7.519883574e9, abs=6))


def test_an_oblique_field_tilts_m_and_tunes_the_frequency():
    B, M, psi = 0.7, 0.72, np.radians(80)
    B_ext = B * np.array([np.cos(psi), 0.0, np.sin(psi)])
    m = equilibrium(film(M), Drive(a_DL=0.0, B_ext=B_ext))
    assert np.degrees(np.arcsin(m[2])) == pytest.approx(49.46603644, abs=6e-9)  # half of the last digit printed
    assert frequency(film(M), B_ext) == pytest.approx(8.493933443e9, abs=60)  # from an angle of ten digits


def test_ringdown_has_the_rate_and_the_frequency_of_the_damped_mode():
    B, M, alpha = 0.1, 1.0, 0.02
    B1, B2, rate = B, B + M, GAMMA / (1 + alpha**2)
    modes = eigenvalues(film(M, alpha), Drive(a_DL=0.0, B_ext=(B, 0.0, 0.0)))
    omega = rate * np.sqrt((1 + alpha**2) * B1 * B2 - alpha**2 * (B1 + B2) ** 2 / 4)
    assert sorted(modes.imag) == pytest.approx([-omega, omega], **IDENTITY)
    assert modes.real == pytest.approx(-rate * alpha * (B1 + B2) / 2, **IDENTITY)
    assert modes.real == pytest.approx(-2.112186682e9, abs=6)


# Laws of the equilibrium.


def test_the_equilibrium_is_stationary_and_a_minimum_of_the_energy():
    oscillator, drive = spread_batch(40)
    m = equilibrium(oscillator, drive)
    np.testing.assert_allclose(np.linalg.norm(m, axis=-1), 1, rtol=1e-15, equal_nan=False)
    _, field = arguments(parameters(oscillator, drive))
    B = np.stack(effective_field(tuple(m.T), *field), axis=-1)
    assert np.linalg.norm(np.cross(m, B), axis=-1).max() <= 1e-11  # T; fields are of order 1 T
    rng = np.random.default_rng(10)
    for _ in range(50):
        kick = rng.normal(size=m.shape)
        near = m + 1e-3 * (kick - np.sum(kick * m, axis=-1, keepdims=True) * m)
        near /= np.linalg.norm(near, axis=-1, keepdims=True)
        assert np.all(energy(near, oscillator, drive) > energy(m, oscillator, drive))


def test_the_equilibrium_in_a_strong_field_lies_along_it():
    B_ext = np.array([3.0, -4.0, 12.0]) * 1e3
    m = equilibrium(film(1.0, Bk=0.1), Drive(a_DL=0.0, B_ext=B_ext))
    np.testing.assert_allclose(m, B_ext / np.linalg.norm(B_ext), atol=1e-4, equal_nan=False)  # M/B


def test_without_a_field_m_lies_along_its_easy_axis():
    axis = np.array([0.6, 0.0, 0.8])
    sphere = Oscillator(Ms=8e5, alpha=0.02, demag=(1 / 3, 1 / 3, 1 / 3), Ku=1e5, easy_axis=axis)
    m = equilibrium(sphere, Drive(a_DL=0.0))
    np.testing.assert_allclose(m, axis, atol=1e-9, equal_nan=False)


@pytest.mark.parametrize("Bk", [0.2, 0.02, 5e-3, 1e-3])
def test_a_hard_axis_does_not_hold_m(Bk):
    """Along the field lies a saddle where the field is below the hard axis' own; soft films have a few mT."""
    oscillator = film(0.8, Bk=Bk, easy_axis=(0.0, 1.0, 0.0))
    m = equilibrium(oscillator, Drive(a_DL=0.0, B_ext=(Bk / 4, 0.0, 0.0)))
    assert m[0] == pytest.approx(1 / 4, rel=1e-9)  # B = Bk cos(angle to the hard axis)
    assert m[2] == pytest.approx(0.0, abs=1e-9)


def test_a_stiff_member_of_a_batch_does_not_hold_a_soft_one():
    oscillator = film(0.8, Bk=0.02, easy_axis=(0.0, 1.0, 0.0))
    m = equilibrium(oscillator, Drive(a_DL=0.0, B_ext=np.array([[5e-3, 0.0, 0.0], [50.0, 0.0, 0.0]])))
    assert m[0, 0] == pytest.approx(1 / 4, rel=1e-9) and m[1, 0] == pytest.approx(1.0, rel=1e-9)


def test_without_a_current_every_mode_decays():
    oscillator, drive = spread_batch(40)
    assert np.all(eigenvalues(oscillator, replace(drive, a_DL=0.0)).real < 0)


def test_the_driven_equilibrium_is_a_zero_of_the_torque():
    oscillator, drive = spread_batch(40)
    m = equilibrium(oscillator, drive, driven=True)
    T = np.stack(right_hand_side(tuple(m.T), *arguments(parameters(oscillator, drive))), axis=-1)
    assert np.linalg.norm(T, axis=-1).max() <= 1e-11
    assert np.all(np.linalg.norm(m - equilibrium(oscillator, drive), axis=-1) > 1e-8)  # and it has moved


def test_no_current_leaves_the_equilibrium():
    oscillator, drive = film(1.0, 0.02), Drive(a_DL=0.0, B_ext=(0.1, 0.02, 0.3))
    driven, still = (equilibrium(oscillator, drive, driven=each) for each in (True, False))
    np.testing.assert_allclose(driven, still, atol=1e-12, equal_nan=False)


def test_where_the_current_leaves_no_equilibrium_it_says_so():
    neuron = Oscillator(Ms=0.8 / mu_0, alpha=0.08, demag=(1, 0, 0), p=(-1, 0, 0))
    for share in (0.9, 0.999):
        m = equilibrium(neuron, Drive(a_DL=share * 2.5e-3, B_ext=(0, 0, 2.5e-3)), driven=True)
        assert m[1] == pytest.approx(-share, rel=1e-9)
    for share in (1.01, 1.5):
        with pytest.raises(IntegrationError, match=r"^no equilibrium found: .* the oscillator may have none"):
            equilibrium(neuron, Drive(a_DL=share * 2.5e-3, B_ext=(0, 0, 2.5e-3)), driven=True)


# Laws of the modes.


def test_turning_everything_about_the_film_s_normal_changes_no_mode():
    c, s = np.cos(0.7), np.sin(0.7)
    R = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    p, axis, B_ext = np.array([0.0, 0.8, 0.6]), np.array([0.6, 0.0, 0.8]), np.array([0.3, 0.1, 0.4])
    one = film(1.0, 0.02, 0.05, p=p, easy_axis=axis), Drive(a_DL=5e-3, B_ext=B_ext)
    two = film(1.0, 0.02, 0.05, p=R @ p, easy_axis=R @ axis), Drive(a_DL=5e-3, B_ext=R @ B_ext)
    np.testing.assert_allclose(np.sort(eigenvalues(*one)), np.sort(eigenvalues(*two)), rtol=1e-9, equal_nan=False)
    np.testing.assert_allclose(critical_torque(*one), critical_torque(*two), rtol=1e-9, equal_nan=False)
    np.testing.assert_allclose(R @ equilibrium(*one), equilibrium(*two), atol=1e-11, equal_nan=False)


def test_reversing_field_and_current_in_the_plane_changes_no_mode():
    """Half a turn about the film's normal."""
    one = film(1.0, 0.02, p=(0.0, 1.0, 0.0)), Drive(a_DL=5e-3, B_ext=(0.05, -0.08, 0.0))
    two = film(1.0, 0.02, p=(0.0, 1.0, 0.0)), Drive(a_DL=-5e-3, B_ext=(-0.05, 0.08, 0.0))
    np.testing.assert_allclose(np.sort(eigenvalues(*one)), np.sort(eigenvalues(*two)), rtol=1e-9, equal_nan=False)
    assert critical_torque(*one) == pytest.approx(-critical_torque(*two), rel=1e-9)


def test_modes_are_the_growth_of_small_deviations():
    """The eigenvalues' sum and product against central differences of dm/dt in the tangent plane, written here."""
    oscillator, drive = member(spread_batch(3)[0], 1), member(spread_batch(3)[1], 1)
    m = equilibrium(oscillator, drive, driven=True)
    u = np.cross(m, [0.0, 0.0, 1.0])
    u /= np.linalg.norm(u)
    plane, step = np.array([u, np.cross(m, u)]), 1e-5

    def rate(m):
        T = np.array(right_hand_side(tuple(m), *arguments(parameters(oscillator, drive))))
        return oscillator.gamma / (1 + oscillator.alpha**2) * T

    jacobian = np.array([[v @ (rate(m + step * w) - rate(m - step * w)) / (2 * step) for w in plane] for v in plane])
    modes = eigenvalues(oscillator, drive)
    assert modes.sum() == pytest.approx(np.trace(jacobian), rel=1e-7)  # differences of a cubic: 1e-10 + 1e-16/1e-5
    assert np.prod(modes) == pytest.approx(np.linalg.det(jacobian), rel=1e-7)


def test_a_batch_is_the_loop_over_its_members():
    oscillator, drive = spread_batch(8)
    m, driven = equilibrium(oscillator, drive), equilibrium(oscillator, drive, driven=True)
    modes, a_c = eigenvalues(oscillator, drive), critical_torque(oscillator, drive)
    assert m.shape == driven.shape == (8, 3) and modes.shape == (8, 2) and a_c.shape == (8,)
    for k in range(8):
        one = member(oscillator, k), member(drive, k)
        np.testing.assert_allclose(equilibrium(*one), m[k], atol=1e-11, equal_nan=False)  # the residual asked for
        np.testing.assert_allclose(equilibrium(*one, driven=True), driven[k], atol=1e-11, equal_nan=False)
        np.testing.assert_allclose(np.sort(eigenvalues(*one)), np.sort(modes[k]), rtol=1e-9, equal_nan=False)
        np.testing.assert_allclose(critical_torque(*one), a_c[k], rtol=1e-9, equal_nan=False)


def test_shapes_broadcast():
    oscillator = Oscillator(Ms=np.full((4, 1), 8e5), alpha=0.02, gamma=gamma)
    drive = Drive(a_DL=np.zeros(3), B_ext=(0.1, -0.1, 0.3))
    assert equilibrium(oscillator, drive).shape == (4, 3, 3)
    assert eigenvalues(oscillator, drive).shape == (4, 3, 2)
    assert critical_torque(oscillator, drive).shape == (4, 3)


# Laws of single terms.


def test_growing_damping_moves_no_equilibrium_and_no_mode():
    """|dm/dt|^2 is of second order about a fixed point."""
    oscillator, drive = spread_batch(8)
    linear = replace(oscillator, Q_nl=0.0)
    m = equilibrium(oscillator, drive, driven=True)
    np.testing.assert_allclose(m, equilibrium(linear, drive, driven=True), atol=1e-11, equal_nan=False)
    np.testing.assert_allclose(eigenvalues(oscillator, drive), eigenvalues(linear, drive), rtol=1e-9, equal_nan=False)
    np.testing.assert_allclose(
        critical_torque(oscillator, drive), critical_torque(linear, drive), rtol=1e-9, equal_nan=False
    )


def test_fields_by_other_names_give_the_same_modes():
    """Exchange bias and interlayer exchange are applied fields; a gate voltage and dKu are a change of Ku."""
    one = film(0.8, 0.02, 0.05), Drive(a_DL=2e-3, B_ext=(0.3, 0.1, 0.4))
    Ms, Ku = one[0].Ms, one[0].Ku
    others = [
        (replace(one[0], B_bias=(0.1, -0.2, 0.1)), replace(one[1], B_ext=(0.2, 0.3, 0.3))),
        (replace(one[0], J_iec=0.1 * Ms * 2e-9, thickness=2e-9), replace(one[1], B_ext=(0.3, 0.1, 0.3))),
        (replace(one[0], Ku=0.5 * Ku, vcma=Ku), replace(one[1], V_gate=0.5)),
        (replace(one[0], Ku=0.25 * Ku), replace(one[1], dKu=0.75 * Ku)),
        (replace(one[0], Ku=0.0, further_axes=[one[0].easy_axis], further_Ku=[Ku]), one[1]),
    ]
    for other in others:
        for function in (equilibrium, eigenvalues, critical_torque):
            np.testing.assert_allclose(function(*other), function(*one), rtol=1e-9, atol=1e-11, equal_nan=False)


def test_the_oersted_field_belongs_to_the_current():
    """Without it at rest, with it where the current acts: there it is an applied field."""
    oscillator = replace(spread_batch(6)[0], theta_SH=0.2, oersted=(3e-14, -5e-14, 8e-14))
    plain, drive = replace(oscillator, oersted=(0.0, 0.0, 0.0)), spread_batch(6)[1]
    m = equilibrium(oscillator, drive)
    np.testing.assert_allclose(m, equilibrium(plain, drive), atol=1e-11, equal_nan=False)
    J = drive.a_DL / torque_per_current_density(oscillator)
    applied = replace(drive, B_ext=drive.B_ext + J[:, None] * oscillator.oersted)
    driven = equilibrium(oscillator, drive, driven=True)
    np.testing.assert_allclose(driven, equilibrium(plain, applied, driven=True), atol=1e-11, equal_nan=False)
    assert np.linalg.norm(driven - equilibrium(plain, drive, driven=True), axis=-1).min() > 1e-5
    modes = np.sort(eigenvalues(oscillator, drive))
    np.testing.assert_allclose(modes, np.sort(eigenvalues(plain, applied)), rtol=1e-9, equal_nan=False)


@pytest.mark.parametrize("changing", [{"a_DL": Sine(1e-3, 5e9)}, {"B_ext": (0.1, Sine(0.1, 5e9), 0.0)}])
@pytest.mark.parametrize("function", [equilibrium, eigenvalues, critical_torque])
def test_a_drive_that_changes_with_time_has_no_equilibrium(function, changing):
    drive = replace(Drive(a_DL=1e-3, B_ext=(0.1, 0.0, 0.0)), **changing)
    with pytest.raises((TypeError, ValueError), match=r"^drive must be "):
        function(film(0.8, 0.02), drive)
