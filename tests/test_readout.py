"""Resistance, voltage and microwave power: printed numbers, symmetry, limits."""

import numpy as np
import pytest
from scipy.special import jv

from shno.readout import amr, line_amplitude, output_power, rf_power, smr, tmr, voltage

X, Y, Z = np.eye(3)
J = np.array([0.6, -0.8, 0.0])
ROUNDING = 1e-12


def unit_vectors(*shape, seed=5):
    m = np.random.default_rng(seed).normal(size=(*shape, 3))
    return m / np.linalg.norm(m, axis=-1, keepdims=True)


def swinging(phi, A, C, t, f):
    """m that swings by A in the plane about the angle phi, by C out of it, a quarter of a period later: (n, 3)."""
    angle, out = phi + A * np.cos(2 * np.pi * f * t), C * np.sin(2 * np.pi * f * t)
    return np.stack([np.cos(out) * np.cos(angle), np.cos(out) * np.sin(angle), np.sin(out)], axis=-1)


def test_tmr_at_60_and_90_degrees():  # I15, ten digits
    m = np.array([[0.5, 0.0, np.sqrt(0.75)], [0.0, 1.0, 0.0]])
    np.testing.assert_allclose(tmr(m, 1000.0, 1.0, X), [1142.857143, 1333.333333], rtol=1e-9)


def test_the_worked_example_of_rf_power():
    I, R = 2e-3, 300.0
    assert rf_power(I, 0.003 * R / 2, R) == pytest.approx(165e-12, rel=3e-3)  # three printed digits; dR is half p-p


def test_rf_power_is_that_of_a_voltage_divider():
    I, dR, R, R_L = 3e-3, 2.0, 400.0, 75.0
    of_load = I * dR * R_L / (R + R_L)
    assert rf_power(I, dR, R, R_L) == pytest.approx(of_load**2 / (2 * R_L), rel=1e-14)
    matched = rf_power(I, dR, R, R)
    assert matched == pytest.approx((I * dR) ** 2 / (8 * R), rel=1e-14)  # the most that a source can give
    assert np.all(rf_power(I, dR, R, R * np.array([0.5, 0.9, 1.1, 3.0])) < matched)
    assert np.isnan(rf_power(I, np.nan, R))


def test_amr_is_largest_along_the_current_and_even_in_m():
    assert amr(J, 300.0, 2.0, J) == pytest.approx(302.0, rel=1e-15)
    assert amr(-J, 300.0, 2.0, J) == amr(J, 300.0, 2.0, -J) == amr(J, 300.0, 2.0, J)
    np.testing.assert_allclose(amr([[0.8, 0.6, 0], Z], 300.0, 2.0, J), 300.0, rtol=1e-15)  # across
    assert amr([np.cos(1.1), 0, np.sin(1.1)], 300.0, 2.0, X) == pytest.approx(300 + 2 * np.cos(1.1) ** 2, rel=1e-15)


def test_smr_is_smallest_along_t():
    assert smr(Y, 300.0, 2.0, Y) == 298.0
    assert smr(X, 300.0, 2.0, Y) == smr(Z, 300.0, 2.0, Y) == 300.0


def test_in_the_plane_smr_and_amr_are_the_same():
    angle = np.linspace(0, 6, 50)
    m = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=-1)
    t = np.cross(Z, J)
    np.testing.assert_allclose(amr(m, 300.0, 2.0, J), smr(m, 302.0, 2.0, t), rtol=1e-15)
    # out of it they differ: for m in the plane of the normal and the current only AMR changes
    m = np.cos(angle)[:, None] * J + np.sin(angle)[:, None] * Z
    assert np.ptp(amr(m, 300.0, 2.0, J)) > 1.9 and np.ptp(smr(m, 302.0, 2.0, t)) < ROUNDING


def test_tmr_has_the_limits_of_the_parallel_and_the_antiparallel_state():
    p = unit_vectors()
    assert tmr(p, 850.0, 1.7, p) == pytest.approx(850.0, rel=1e-14)
    assert tmr(-p, 850.0, 1.7, p) == pytest.approx(850.0 * 2.7, rel=1e-14)
    m = unit_vectors(20)
    assert np.all(tmr(m, 850.0, 0.0, p) == 850.0)


def test_the_conductance_of_a_junction_is_linear_in_the_cosine():
    m, p = unit_vectors(20), unit_vectors(seed=6)
    c, G_P, G_AP = m @ p, 1 / 850.0, 1 / (850.0 * 2.7)
    np.testing.assert_allclose(1 / tmr(m, 850.0, 1.7, p), G_P * (1 + c) / 2 + G_AP * (1 - c) / 2, rtol=1e-14)


def test_a_batch_is_a_loop():
    m, axis = unit_vectors(7, 4), unit_vectors(4, seed=8)  # time, batch
    R, dR = np.array([300.0, 400.0, 10.0, 5.0]), np.array([1.0, 2.0, 3.0, -4.0])
    for resistance, second in ((amr, dR), (smr, dR), (tmr, np.abs(dR))):
        batch = resistance(m, R, second, axis)
        assert batch.shape == (7, 4)
        for time, lane in np.ndindex(7, 4):
            one = resistance(m[time, lane], R[lane], second[lane], axis[lane])
            assert isinstance(one, float)
            assert batch[time, lane] == pytest.approx(one, rel=1e-15)


def test_voltage_is_current_times_resistance():
    R = amr(unit_vectors(6, 2), 300.0, 2.0, J)
    I = np.linspace(-1e-3, 2e-3, 6)[:, None]  # a waveform of a batch
    np.testing.assert_array_equal(voltage(I, R), I * R)
    assert voltage(2e-3, 300.0) == 0.6


@pytest.mark.parametrize("periods", [10.0, 10.31, 47.77])
@pytest.mark.parametrize("phase", [0.0, 1.0, np.pi / 2, 4.4])
def test_the_amplitude_of_a_sine_on_a_constant_is_exact(periods, phase):
    n = 500
    t = 3e-9 + 2e-12 * np.arange(n)
    f = periods / (n * 2e-12)
    values = 1000.0 + 0.37 * np.cos(2 * np.pi * f * t + phase)
    assert line_amplitude(values, t, f) == pytest.approx(0.37, rel=1e-10)  # 1e-16 of the constant, 3000 times as large


def test_other_lines_leak_into_the_amplitude_as_the_window_says():
    n, f = 4000, 60.0
    t = np.arange(n) / n  # T = 1
    for distance in (7.5, 20.5, 60.0):
        leak = line_amplitude(np.cos(2 * np.pi * (f + distance) * t + 0.3), t, f)
        assert leak < 1.2 * 4 / (np.pi * distance**5)  # the window's Fourier transform, to leading order
    harmonic = np.sin(2 * np.pi * 9.7 * t) + 0.5 * np.cos(4 * np.pi * 9.7 * t)
    assert line_amplitude(harmonic, t, [9.7, 19.4]) == pytest.approx([1.0, 0.5], rel=1e-4)


def test_each_oscillator_of_a_batch_has_its_own_frequency():
    t = np.arange(600) * 1e-11
    f, A = np.array([[2.1e9, 4.03e9, 1e10], [3e9, 5e9, 7e9]]), np.array([[1.0, 0.2, 3.0], [0.1, 0.0, 5.0]])
    values = 10 + A * np.cos(2 * np.pi * f * t[:, None, None] + f / 1e9)
    batch = line_amplitude(values, t, f)
    np.testing.assert_allclose(batch, A, atol=1e-12)
    for lane in np.ndindex(2, 3):
        assert batch[lane] == pytest.approx(line_amplitude(values[:, *lane], t, f[lane]), abs=1e-14)
    f[1, 1] = np.nan  # no line
    without = line_amplitude(values, t, f)
    assert np.isnan(without[1, 1])
    np.testing.assert_array_equal(without[f > 0], batch[f > 0])


@pytest.mark.parametrize("degrees", [0.0, 17.0, 45.0, 90.0])
def test_the_lines_of_amr_at_an_angle_to_the_current(degrees):
    """Jacobi and Anger: cos^2(phi + A cos wt) has |sin 2phi| J_1(2A) at f and |cos 2phi| J_2(2A) at 2f."""
    phi, A, f, dR = np.radians(degrees), 0.3, 3.3e9, 2.0
    t = np.arange(3000) * 5e-12
    R = amr(swinging(phi, A, 0.0, t, f), 300.0, dR, X)
    lines = line_amplitude(R, t, [f, 2 * f])
    expected = dR * np.abs([np.sin(2 * phi) * jv(1, 2 * A), np.cos(2 * phi) * jv(2, 2 * A)])
    np.testing.assert_allclose(
        lines, expected, atol=3e-9
    )  # the other line, up to 0.57, 49.5/T off: 4/(pi 49.5^5) of it


def test_along_and_across_the_current_only_the_second_harmonic_is_left():
    f, dR = 3.3e9, 2.0
    t = np.arange(3000) / 3000 * 40 / f  # 40 periods: nothing leaks
    for resistance, axis in ((amr, X), (smr, Y)):
        for phi in (0.0, np.pi / 2):
            R = resistance(swinging(phi, 0.3, 0.1, t, f), 300.0, dR, axis)
            first, second = line_amplitude(R, t, [f, 2 * f])
            assert first < ROUNDING * 300
            assert second > 0.01 * dR
        first, _ = line_amplitude(resistance(swinging(0.6, 0.3, 0.1, t, f), 300.0, dR, axis), t, [f, 2 * f])
        assert first > 0.1 * dR


def test_output_power_is_that_of_the_line():
    t, f, I = np.arange(900) * 1e-11, np.array([2.1e9, 3.3e9, np.nan]), np.array([1e-3, 2e-3, 3e-3])
    R = 300 + np.array([1.0, 0.45, 1.0]) * np.cos(2 * np.pi * np.nan_to_num(f) * t[:, None])
    P = output_power(R, t, I, f)
    assert P[1] == pytest.approx(rf_power(2e-3, 0.45, 300.0), rel=1e-4)  # the mean over a fraction of a period
    assert P[0] == pytest.approx(rf_power(1e-3, 1.0, 300.0), rel=1e-4)
    assert np.isnan(P[2])
    assert output_power(R[:, 0], t, 1e-3, 2.1e9, 75.0) == pytest.approx(rf_power(1e-3, 1.0, 300.0, 75.0), rel=1e-4)


T = np.arange(100) * 1e-11
GOOD = {
    amr: {"m": X, "R_perp": 300.0, "dR": 2.0, "j": J},
    smr: {"m": X, "R0": 300.0, "dR": 2.0, "t": J},
    tmr: {"m": X, "R_P": 300.0, "TMR": 2.0, "p": J},
    voltage: {"I": 1e-3, "R": 300.0},
    rf_power: {"I": 1e-3, "dR": 1.0, "R": 300.0, "R_L": 50.0},
    line_amplitude: {"values": np.cos(T), "t": T, "f": 2e10},
    output_power: {"R": 300 + np.cos(T), "t": T, "I": 1e-3, "f": 2e10, "R_L": 50.0},
}
NAN_IS_NO_LINE = {(rf_power, "dR"), (line_amplitude, "f"), (output_power, "f")}


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -1e300, [1e300, 0.0, 0.0], "1", None, 1j, [[1.0], 2.0]])
@pytest.mark.parametrize(("function", "name"), [(f, name) for f, arguments in GOOD.items() for name in arguments])
def test_a_wrong_argument_is_named(function, name, wrong):
    function(**GOOD[function])
    if wrong is np.nan and (function, name) in NAN_IS_NO_LINE:
        assert np.isnan(function(**GOOD[function] | {name: wrong}))
        return
    with pytest.raises((TypeError, ValueError), match=rf"(^|\W){name}\|? must be "):
        function(**GOOD[function] | {name: wrong})


@pytest.mark.parametrize(
    ("function", "wrong", "match"),
    [
        (amr, {"m": [0.9, 0, 0]}, r"^\|m\| must be 1, got 0.9"),
        (amr, {"m": np.ones((5, 2))}, "^m must be a vector"),
        (amr, {"m": unit_vectors(5), "j": unit_vectors(4)}, "^m, j must be arrays that broadcast"),
        (amr, {"m": unit_vectors(5), "dR": np.ones(4)}, "^m, R_perp, dR must be arrays that broadcast"),
        (tmr, {"TMR": -0.1}, r"^TMR must be in \[0, 1e6\], got -0.1"),
        (rf_power, {"R": -1.0}, "^R must be in"),
        (rf_power, {"R_L": 0.0}, "^R_L must be in"),
        (line_amplitude, {"f": 2e9}, r"^f must be in \[3e\+09, 4.7e\+10\] Hz or NaN, got 2e\+09"),
        (line_amplitude, {"f": [2e10, 4.8e10]}, "^f must be in .* at index 1 of 2"),
        (line_amplitude, {"t": T**2}, "^spacing of t must be even"),
        (line_amplitude, {"t": T[::-1]}, "^spacing of t must be even"),
        (line_amplitude, {"t": T[:50]}, r"^t must be \(n,\), n >= 12, with values \(n, \*batch\), got \(50,\)"),
        (line_amplitude, {"values": T[:9], "t": T[:9]}, "^t must be"),
        (line_amplitude, {"values": np.ones((100, 2)), "f": [1e10] * 3}, "^values, f must be arrays that broadcast"),
    ],
)
def test_a_wrong_value_is_told_what_to_do(function, wrong, match):
    with pytest.raises(ValueError, match=match):
        function(**GOOD[function] | wrong)
