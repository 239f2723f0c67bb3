"""Closed forms of precession and resonance: their limits, and the equation of motion that they solve."""

import numpy as np
import pytest
from scipy.integrate import quad, simpson, solve_ivp

from shno import Drive, Oscillator, eigenvalues, equilibrium, theory
from shno.constants import mu_0

GAMMA = 1.76085963023e11
RNG = np.random.default_rng(4)


def gilbert(m, B, alpha, a=0.0):
    """dm/dt of dm/dt = -gamma m x B + alpha m x dm/dt + gamma a m x (z x m), solved as it stands, 1/s."""
    cross = np.array([[0, -m[2], m[1]], [m[2], 0, -m[0]], [-m[1], m[0], 0]])
    torque = a * np.cross(m, np.cross((0, 0, 1), m)) - np.cross(m, B)
    return np.linalg.solve(np.eye(3) - alpha * cross, GAMMA * torque)


def film(M, alpha=0.0, **more):
    return Oscillator(Ms=M / mu_0, alpha=alpha, gamma=GAMMA, **more)


def modes(oscillator, B_ext):
    """Eigenvalue with a positive imaginary part, 1/s."""
    values = eigenvalues(oscillator, Drive(a_DL=0.0, B_ext=B_ext))
    return np.take_along_axis(values, np.argmax(values.imag, axis=-1)[..., None], axis=-1)[..., 0]


def test_mallinson_solves_the_gilbert_equation():
    B, alpha, theta0, t = 0.5, 0.3, 2.9, 0.2e-9
    m0 = (np.sin(theta0), 0.0, np.cos(theta0))
    run = solve_ivp(lambda _, m: gilbert(m, (0, 0, B), alpha), (0, t), m0, "DOP853", rtol=1e-11, atol=1e-12)
    theta, phi = theory.mallinson(t, theta0, B, alpha, GAMMA)
    m = np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)
    assert run.y[:, -1] == pytest.approx(m, abs=1e-9)  # the solver's tolerance over 3 turns


def test_mallinson_from_where_it_has_come_to_goes_on():
    (theta, phi), (whole, turned) = (theory.mallinson(t, 2.8, 0.4, 0.05) for t in (0.3e-9, 0.8e-9))
    assert np.add(theory.mallinson(0.5e-9, theta, 0.4, 0.05), (0, phi)) == pytest.approx((whole, turned), rel=1e-13)


def test_mallinson_s_time_is_when_mallinson_arrives():
    theta1 = np.array([2.5, 1.5, 0.3])
    t = theory.mallinson_time(2.7, theta1, 0.4, 0.03)
    assert theory.mallinson(t, 2.7, 0.4, 0.03)[0] == pytest.approx(theta1, rel=1e-13)
    assert theory.mallinson_time(theta1, 2.7, 0.4, 0.03) == pytest.approx(-t, rel=1e-13)


def test_the_energy_falls_by_damping_alone():
    alpha, M, B, Ms, volume = 0.03, 0.9, np.array([0.05, 0.02, 0.1]), 0.9 / mu_0, 3e-23
    m = RNG.normal(size=(20, 3))
    m /= np.linalg.norm(m, axis=-1, keepdims=True)
    B_eff = B - M * m * (0, 0, 1)
    velocity = np.array([gilbert(*each, alpha) for each in zip(m, B_eff, strict=True)])
    rate = theory.energy_dissipation_rate(m, B_eff, alpha, Ms, volume, GAMMA)
    assert rate == pytest.approx(-Ms * volume * np.sum(B_eff * velocity, axis=-1), rel=1e-12)
    assert rate == pytest.approx(-alpha / GAMMA * Ms * volume * np.sum(velocity**2, axis=-1), rel=1e-12)
    assert (rate < 0).all()


def test_the_dissipated_energy_is_the_energy_lost():  # D12: 0.27430763133 T printed, from independent code
    alpha, M, B, m0 = 0.03, 0.9, np.array([0.05, 0.02, 0.1]), (0.2, 0.5, np.sqrt(0.71))
    t = np.linspace(0, 2e-9, 8001)
    film = (lambda _, m: gilbert(m, B - M * m * (0, 0, 1), alpha), (0, 2e-9), m0)
    m = solve_ivp(*film, "DOP853", t, rtol=1e-10, atol=1e-12).y.T
    m /= np.linalg.norm(m, axis=-1, keepdims=True)
    lost = -simpson(theory.energy_dissipation_rate(m, B - M * m * (0, 0, 1), alpha, 1.0, 1.0, GAMMA), t)
    assert lost == pytest.approx(0.27430763133, abs=3e-9)  # the solver's tolerance over 20 turns
    assert lost == pytest.approx((m[-1] - m[0]) @ B + M / 2 * (m[0, 2] ** 2 - m[-1, 2] ** 2), abs=3e-9)


def test_the_cone_s_frequency_is_kittel_s_at_the_pole_and_larmor_s_without_magnetisation():
    assert theory.cone_frequency(1.0, 1.5, 1.0) == theory.kittel_frequency_perpendicular(1.5, 1.0)
    assert theory.cone_frequency(0.3, 0.4, 0.0) == theory.larmor_frequency(0.4)
    m, f = np.array([0.8, 0.0, 0.6]), theory.cone_frequency(0.6, 0.1, 0.8, GAMMA)
    assert gilbert(m, (0, 0, 0.1 - 0.8 * 0.6), 0.0) == pytest.approx((0, 2 * np.pi * f * 0.8, 0), rel=1e-13)


def test_the_astroid_has_the_symmetry_of_its_axes():
    psi = np.linspace(-3.0, 3.0, 40)  # not 0: there cos(pi/2) = 6e-17 is 1e-11 of h
    h = theory.stoner_wohlfarth_switching_field(psi)
    for image in (-psi, np.pi - psi, np.pi / 2 - psi):
        assert theory.stoner_wohlfarth_switching_field(image) == pytest.approx(h, rel=1e-12)
    assert np.abs(h * np.cos(psi)) ** (2 / 3) + np.abs(h * np.sin(psi)) ** (2 / 3) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("psi", [0.2, 0.7, 1.3])
def test_two_minima_become_one_at_the_switching_field(psi):
    theta = np.linspace(0, 2 * np.pi, 200001)

    def extrema(h):
        slope = np.sin(2 * theta) / 2 + h * np.sin(theta - psi)
        return np.count_nonzero(np.diff(np.sign(slope[:-1])))

    h = theory.stoner_wohlfarth_switching_field(psi)
    assert [extrema(h * (1 + each)) for each in (-1e-6, 1e-6)] == [4, 2]


def test_the_coercivity_is_the_switching_field_up_to_45_degrees_only():
    psi = np.radians([0, 20, 44.9, 45.1, 70, 90])
    h_c, h_sw = theory.stoner_wohlfarth_coercivity(psi), theory.stoner_wohlfarth_switching_field(psi)
    assert h_c[:3] == pytest.approx(h_sw[:3], rel=1e-15)
    assert (h_c[3:] < h_sw[3:]).all()
    assert h_c[3] == pytest.approx(h_c[2], rel=1e-4)  # continuous: 0.2 deg apart about a minimum of h_sw
    assert theory.stoner_wohlfarth_coercivity(-psi) == pytest.approx(h_c, rel=1e-15)
    m, h = psi[4] - np.pi / 2, -h_c[4]  # m perpendicular to the reversed field is at rest
    assert np.sin(2 * m) / 2 + h * np.sin(m - psi[4]) == pytest.approx(0.0, abs=1e-15)


def test_kittel_without_magnetisation_is_larmor():
    assert theory.kittel_frequency(0.3, 0.0) == pytest.approx(theory.larmor_frequency(0.3), rel=1e-15)
    assert theory.kittel_frequency_perpendicular(0.3, 0.0) == pytest.approx(theory.larmor_frequency(0.3), rel=1e-15)


def test_frequencies_scale_with_gamma():
    for f in (theory.larmor_frequency, lambda B, gamma: theory.kittel_frequency(B, 0.9, 0.1, gamma)):
        assert f(0.2, 2 * GAMMA) == pytest.approx(2 * f(0.2, GAMMA), rel=1e-15)


def test_kittel_of_an_ellipsoid_is_that_of_a_film_and_of_a_sphere():
    B, Ms = np.array([0.05, 0.3]), 7e5
    in_plane = theory.kittel_frequency_ellipsoid(B, Ms, (0, 0, 1))
    assert in_plane == pytest.approx(theory.kittel_frequency(B, mu_0 * Ms), rel=1e-14)
    perpendicular = theory.kittel_frequency_ellipsoid(B + 1, Ms, (1, 0, 0))
    assert perpendicular == pytest.approx(theory.kittel_frequency_perpendicular(B + 1, mu_0 * Ms), rel=1e-14)
    sphere = theory.kittel_frequency_ellipsoid(B, Ms, (1 / 3, 1 / 3, 1 / 3))
    assert sphere == pytest.approx(theory.larmor_frequency(B), rel=1e-14)
    shape = (0.1, 0.3, 0.6)  # the other two axes may be exchanged
    exchanged = theory.kittel_frequency_ellipsoid(B, Ms, (0.1, 0.6, 0.3))
    assert theory.kittel_frequency_ellipsoid(B, Ms, shape) == pytest.approx(exchanged, rel=1e-15)


def test_kittel_of_an_ellipsoid_is_the_jacobian_s():
    demag, Ms = np.array([[0.05, 0.25, 0.7], [0.2, 0.35, 0.45]]), np.array([6e5, 9e5])
    f = modes(Oscillator(Ms=Ms, alpha=0.0, gamma=GAMMA, demag=demag), (0.07, 0, 0)).imag / (2 * np.pi)
    assert theory.kittel_frequency_ellipsoid(0.07, Ms, demag, GAMMA) == pytest.approx(f, rel=1e-9)


def test_an_oblique_field_in_the_plane_or_along_the_normal_gives_kittel_s_limits():
    B, M = np.array([0.4, 1.2]), 0.9
    assert theory.kittel_frequency_oblique(B, 0.0, M) == pytest.approx(theory.kittel_frequency(B, M), rel=1e-12)
    normal = theory.kittel_frequency_oblique(1.2, np.pi / 2, M)
    assert normal == pytest.approx(theory.kittel_frequency_perpendicular(1.2, M), rel=1e-12)
    assert np.sin(theory.oblique_equilibrium(0.4, np.pi / 2, M)) == pytest.approx(0.4 / 0.9, rel=1e-12)
    assert theory.oblique_equilibrium(B, 0.6, 0.0) == pytest.approx([0.6, 0.6], rel=1e-12)
    assert np.cos(theory.oblique_equilibrium(0.4, 0.0, -0.9)) == pytest.approx(0.4 / 0.9, rel=1e-12)  # easy normal


@pytest.mark.parametrize("M", [0.8, -0.3])
def test_the_oblique_ringdown_is_the_jacobian_s(M):
    B, elevation, alpha, Ms = np.array([0.05, 0.5, 1.1]), np.array([0.3, 1.2, 0.9]), 0.07, 5e5
    B_ext = B[:, None] * np.stack([np.cos(elevation), 0 * B, np.sin(elevation)], axis=-1)
    oscillator = Oscillator(Ms=Ms, alpha=alpha, gamma=GAMMA, Ku=(mu_0 * Ms - M) * Ms / 2)
    m = equilibrium(oscillator, Drive(a_DL=0.0, B_ext=B_ext))
    assert np.arcsin(m[:, 2]) == pytest.approx(theory.oblique_equilibrium(B, elevation, M), rel=1e-9)
    expected = theory.ringdown_eigenvalue(*theory.oblique_stiffness(B, elevation, M), alpha, GAMMA)
    assert modes(oscillator, B_ext) == pytest.approx(expected, rel=1e-8)


def test_an_overdamped_ringdown_is_the_slower_of_two_decays():
    B1, B2, alpha = 0.001, 1.0, 0.5
    values = np.sort(eigenvalues(film(B2 - B1, alpha), Drive(a_DL=0.0, B_ext=(B1, 0, 0))).real)
    slower = theory.ringdown_eigenvalue(B1, B2, alpha, GAMMA)
    assert slower.imag == 0
    assert slower.real == pytest.approx(values[1], rel=1e-9)


def width(x, S):
    """Full width at half maximum of a sampled line."""
    above = np.flatnonzero(S > S.max() / 2)
    i, j = above[0], above[-1]
    return np.interp(S.max() / 2, S[j : j + 2][::-1], x[j : j + 2][::-1]) - np.interp(
        S.max() / 2, S[i - 1 : i + 1], x[i - 1 : i + 1]
    )


def test_the_linewidths_are_those_of_the_susceptibility():
    """Both are of first order in the quality's inverse, 0.02: 1e-3 leaves room for its square."""
    B, M, alpha = 0.3, 0.8, 0.004
    f0 = theory.kittel_frequency(B, M)
    fields = np.linspace(B - 0.02, B + 0.02, 4001)
    absorbed = theory.susceptibility(f0, fields, fields + M, alpha).imag
    assert width(fields, absorbed) == pytest.approx(theory.field_linewidth(f0, alpha), rel=1e-3)
    f = np.linspace(0.9 * f0, 1.1 * f0, 4001)
    density = theory.thermal_spectrum(f, B, B + M, alpha, 300.0, 8e5, 1e-22)
    linewidth = theory.resonance_linewidth(B, B + M, alpha)
    assert width(f, density) == pytest.approx(linewidth, rel=1e-3)
    assert -theory.ringdown_eigenvalue(B, B + M, alpha).real == pytest.approx(np.pi * linewidth, rel=1e-14)


def orbit(u, B, M):
    """Angular frequency, action and mean (1 - m_x)/2 of the orbit through (sqrt(1 - u^2), u, 0) without damping."""

    def rates(_, y):
        velocity = gilbert(y[:3], np.array([B, 0, -M * y[2]]), 0.0)
        turning = (y[1] * velocity[2] - y[2] * velocity[1]) / (y[1] ** 2 + y[2] ** 2)  # of the azimuth about x
        return [*velocity, (1 - y[0]) * turning / (4 * np.pi), (1 - y[0]) / 2]

    def turned(t, y):
        return y[2] if t > 1e-11 else 1.0

    turned.terminal, turned.direction = True, 1
    start = [np.sqrt(1 - u**2), u, 0.0, 0.0, 0.0]
    run = solve_ivp(rates, (0, 1e-9), start, "DOP853", rtol=1e-12, atol=1e-15, events=turned)
    period = run.t_events[0][0]
    return 2 * np.pi / period, abs(run.y_events[0][0][3]), run.y_events[0][0][4] / period


def test_the_nonlinear_shifts_are_the_slope_of_the_frequency_in_either_power():
    """Two orbits, extrapolated to no amplitude: what is left is of order p^2, 1e-6."""
    B, M = 0.1, 0.9
    w0 = 2 * np.pi * theory.kittel_frequency(B, M, gamma=GAMMA)
    (w1, *p1), (w2, *p2) = orbit(0.04, B, M), orbit(0.08, B, M)
    for k, shift in enumerate((theory.nonlinear_shift_action, theory.nonlinear_shift_power)):
        slopes = (w1 - w0) / p1[k], (w2 - w0) / p2[k]
        slope = slopes[0] + (slopes[0] - slopes[1]) * p1[k] / (p2[k] - p1[k])
        assert slope == pytest.approx(shift(B, M, GAMMA), rel=1e-4)


def test_the_two_nonlinear_shifts_differ_by_what_their_powers_do():
    B, M = np.array([0.02, 0.1, 0.7]), np.array([0.4, 0.9, -0.3])
    ratio = theory.nonlinear_shift_action(B, M) / theory.nonlinear_shift_power(B, M)
    assert ratio == pytest.approx((B + M / 2) / np.sqrt(B * (B + M)), rel=1e-14)
    assert ratio[1] == pytest.approx(1.739, abs=5e-4)  # printed
    assert np.sign(theory.nonlinear_shift_action(B, M)).tolist() == [
        -1,
        -1,
        1,
    ]  # red in the plane, blue with easy normal


@pytest.mark.parametrize(("factor", "grows"), [(0.99, False), (1.01, True)])
def test_a_parallel_field_at_twice_the_resonance_pumps_it_above_its_threshold(factor, grows):
    B1, B2, alpha = 0.1, 1.0, 0.01
    w = theory.ringdown_eigenvalue(B1, B2, alpha, GAMMA).imag
    b, rate = factor * theory.parametric_threshold(B1, B2, alpha), theory.explicit_gamma(alpha, GAMMA)

    def rates(t, y):
        K1, K2 = (K + b * np.cos(2 * w * t) for K in (B1, B2))
        return rate * np.array([-alpha * K1 * y[0] - K2 * y[1], K1 * y[0] - alpha * K2 * y[1]])

    columns = [solve_ivp(rates, (0, np.pi / w), unit, "DOP853", rtol=1e-11).y[:, -1] for unit in np.eye(2)]
    assert (np.abs(np.linalg.eigvals(np.transpose(columns))).max() > 1) == grows


def test_the_susceptibility_at_rest_is_the_inverse_of_the_stiffness():
    assert theory.susceptibility(0.0, 0.3, 0.9, 0.05) == pytest.approx(1 / 0.3, rel=1e-14)


def test_the_spectrum_is_the_dissipation_and_its_integral_the_variance():
    magnet = {"temperature": 300.0, "Ms": 8e5, "volume": 5e-23}
    f = np.array([0.3e9, 5e9, 9e9, 40e9])
    S = theory.thermal_spectrum(f, 0.1, 1.0, 0.3, **magnet, gamma=GAMMA)
    u2 = theory.well_variance(1.0, **magnet)  # k_B T/(Ms V) in T
    loss = theory.susceptibility(f, 0.1, 1.0, 0.3, GAMMA).imag
    assert S == pytest.approx(4 * u2 * loss / (2 * np.pi * f), rel=1e-12)  # fluctuation-dissipation: an identity
    total = sum(
        quad(lambda x: 1e9 * theory.thermal_spectrum(1e9 * x, 0.1, 1.0, 0.3, **magnet), *edges, epsabs=0, limit=200)[0]
        for edges in ((0, 30), (30, np.inf))
    )
    assert total == pytest.approx(theory.well_variance(0.1, **magnet), rel=1e-7)  # the quadrature's
