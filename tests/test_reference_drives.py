"""The witness under drives that change with time, and under a given noise field: closed forms and laws."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from shno import reference
from shno.constants import e, hbar, mu_0
from shno.drive import Drive
from shno.oscillator import Oscillator
from shno.waveforms import Pulse, Ramp, Sampled, Sine, Step

GAMMA = 1.76085963023e11
MS = 8e5
SPHERE = {"Ms": MS, "alpha": 0.0, "gamma": GAMMA, "demag": (1 / 3,) * 3}
T = np.linspace(0.2e-9, 1.2e-9, 41)
P = np.array([0.48, 0.6, 0.64])
B_RICH = np.array([0.06, -0.11, 0.3])


def unit(theta, phi=0.0):
    return np.stack(np.broadcast_arrays(np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)), -1)


M0 = unit(1.1, -0.6)


def azimuth(m):
    return np.unwrap(np.arctan2(m[..., 1], m[..., 0]), axis=0)


def rich(**changes):
    values = {"Ms": 6e5, "alpha": 0.05, "gamma": 1.855e11, "demag": (0.05, 0.15, 0.8), "Ku": 4e4, "field_like": 0.3}
    values |= {"easy_axis": unit(0.7, 0.4), "p": P, "Lambda": 1.6, "Q_nl": 1.5, "Kc": 1e4, "Ku2": 5e3}
    return Oscillator(**values | changes)


LINEAR = Sampled(np.array([0.0, 0.3, -0.1, 0.2, 0.25]), interval=0.23e-9, start=0.1e-9, interpolation="linear")
WAVEFORMS = [  # each with a jump or kink off the output times, in units of the drive
    Sine(0.3, 3.3e9, 0.7),
    Step(0.1, -0.3, 0.6123e-9),
    Ramp(0.1, 0.4, 0.33e-9, 0.77e-9),
    Pulse(0.5, 0.3111e-9, 0.05e-9, 0.2e-9, 4),
    LINEAR,
    Sampled(np.array([0.0, 0.3, -0.1, 0.2, 0.25]), interval=0.23e-9, start=0.1e-9),
    Sine(0.3, 3.3e9) * Step(0.0, 1.0, 0.6123e-9) + 0.1,
]


def integral(waveform):
    """Of the waveform from T[0] to each of T, over each smooth piece by itself."""
    edges = np.unique(np.concatenate([T, waveform.breakpoints(T[0], T[-1])]))
    pieces = [
        quad(lambda t, middle=(a + b) / 2: waveform.at(t, middle), a, b, epsabs=0, epsrel=1e-11)[0]
        for a, b in pairwise(edges)
    ]
    return np.insert(np.cumsum(pieces), 0, 0.0)[np.searchsorted(edges, T)]


@pytest.mark.parametrize("waveform", WAVEFORMS)
def test_precession_angle_is_the_integral_of_the_field(waveform):
    drive = Drive(I=0.0, B_ext=(0.0, 0.0, waveform))
    phi = azimuth(reference.solve(Oscillator(**SPHERE), drive, M0, T))
    assert phi - phi[0] == pytest.approx(GAMMA * integral(waveform), abs=1e-8)  # 100 x the tolerance asked for


@pytest.mark.parametrize("waveform", WAVEFORMS)
@pytest.mark.parametrize("name", ["a_DL", "J"])
def test_torque_along_p_adds_up(name, waveform):
    """d(atanh m_z)/dt = gamma a_DL for p along z and nothing else."""
    sphere = Oscillator(**SPHERE, p=(0, 0, 1), theta_SH=-0.3, thickness=5e-9)
    per_unit = {"a_DL": 0.02, "J": 0.02 * 2 * e * MS * 5e-9 / (hbar * -0.3)}[name]
    m = reference.solve(sphere, Drive(**{name: per_unit * waveform}), M0, T)
    expected = np.arctanh(M0[2]) + 0.02 * GAMMA * integral(waveform)
    assert np.arctanh(m[:, 2]) == pytest.approx(expected, abs=1e-7)  # m_z to 1e-9 over 1 - m_z^2 >= 0.1


@pytest.mark.parametrize("name", ["dKu", "V_gate"])
def test_anisotropy_follows_the_gate(name):
    """phi turns at gamma 2 dKu m_z / Ms about the easy axis."""
    sphere = Oscillator(**SPHERE, vcma=-4e4)
    waveform = Sine(0.6, 3.3e9, 0.7) + Step(0.2, -0.4, 0.6123e-9)
    dKu = -4e4 * waveform
    drive = Drive(I=0.0, **{name: dKu if name == "dKu" else waveform})
    phi = azimuth(reference.solve(sphere, drive, M0, T))
    assert phi - phi[0] == pytest.approx(GAMMA * 2 / MS * M0[2] * integral(dKu), abs=1e-8)  # as above


def test_jump_splits_the_solve_in_two():
    jump, first, second = T[17], Drive(a_DL=0.03, B_ext=B_RICH), Drive(a_DL=-0.02, B_ext=B_RICH)
    m = reference.solve(rich(), Drive(a_DL=Step(0.03, -0.02, jump), B_ext=B_RICH), M0, T)
    before = reference.solve(rich(), first, M0, T[:18])
    after = reference.solve(rich(), second, before[-1], T[17:])
    assert np.array_equal(m, np.concatenate([before, after[1:]]))  # the same two solves


def test_jump_between_output_times_loses_no_accuracy():
    drive = Drive(a_DL=Step(0.03, -0.02, 0.61234e-9) + Pulse(0.02, 0.8e-9, 1e-13), B_ext=B_RICH)
    coarse = reference.solve(rich(), drive, M0, T)
    finer = reference.solve(rich(), drive, M0, T, rtol=1e-12, atol=1e-14)
    assert coarse == pytest.approx(finer, abs=1e-8)  # 100 x the tolerance asked for
    without = reference.solve(rich(), Drive(a_DL=Step(0.03, -0.02, 0.61234e-9), B_ext=B_RICH), M0, T)
    assert np.abs(coarse - without).max() > 1e-4  # gamma a_DL 0.1 ps = 4e-4: the short pulse is seen


def test_constant_waveform_is_its_number():
    steady = reference.solve(rich(), Drive(a_DL=0.03, B_ext=B_RICH, dKu=2e3), M0, T)
    waves = Drive(a_DL=Sine(0.03, 0.0, np.pi / 2), B_ext=(0.06, -0.11, Sine(0.3, 0.0, np.pi / 2)), dKu=2e3)
    assert reference.solve(rich(), waves, M0, T) == pytest.approx(steady, abs=1e-10)  # the same but for rounding


def test_noise_that_is_everywhere_the_same_is_a_field():
    """Where the damping is linear: alpha(m) is that of the motion without noise."""
    b = np.array([0.02, 0.03, -0.01])
    m = reference.solve(rich(Q_nl=0.0), Drive(a_DL=0.02, B_ext=B_RICH), M0, T, B_noise=(np.tile(b, (40, 1)), 25e-12))
    expected = reference.solve(rich(Q_nl=0.0), Drive(a_DL=0.02, B_ext=B_RICH + b), M0, T)
    assert m == pytest.approx(expected, abs=1e-8)  # 100 x the tolerance asked for
    assert np.abs(m - reference.solve(rich(Q_nl=0.0), Drive(a_DL=0.02, B_ext=B_RICH), M0, T)).max() > 0.1


def test_noise_cells_start_with_the_solve_and_follow_each_other():
    b = np.random.default_rng(2).normal(size=25) * 0.2
    noise = np.stack([0 * b, 0 * b, b], axis=-1), 40e-12  # one cell more than ends at T[-1] exactly
    phi = azimuth(reference.solve(Oscillator(**SPHERE), Drive(I=0.0), M0, T, B_noise=noise))
    angle = GAMMA * np.interp(T - T[0], 40e-12 * np.arange(26), np.insert(np.cumsum(b), 0, 0.0) * 40e-12)
    assert phi - phi[0] == pytest.approx(angle, abs=1e-8)  # as above


def test_noise_is_a_sampled_field():
    b = np.random.default_rng(3).normal(size=(10, 3)) * 0.05
    sampled = [B + Sampled(column, interval=0.11e-9, start=T[0]) for B, column in zip(B_RICH, b.T, strict=True)]
    expected = reference.solve(rich(Q_nl=0.0), Drive(a_DL=Sine(0.02, 4e9), B_ext=sampled), M0, T)
    m = reference.solve(rich(Q_nl=0.0), Drive(a_DL=Sine(0.02, 4e9), B_ext=B_RICH), M0, T, B_noise=(b, 0.11e-9))
    assert m == pytest.approx(expected, abs=1e-10)  # the same pieces, the same sums but for rounding


def test_breakpoint_at_the_end_of_a_cell_is_one_point():
    """Their times differ by rounding: the piece between them would be no piece."""
    cells = np.random.default_rng(4).normal(size=(10, 3)) * 0.02, 0.1e-9
    at_edge, apart = (Drive(a_DL=Step(0.03, -0.02, time), B_ext=B_RICH) for time in (0.7e-9, 0.7e-9 + 1e-16))
    assert T[0] + 5 * 0.1e-9 != 0.7e-9
    m = reference.solve(rich(), at_edge, M0, T, B_noise=cells)
    assert m == pytest.approx(reference.solve(rich(), apart, M0, T, B_noise=cells), abs=1e-6)  # 2 gamma a 1e-16 s


def test_batch_equals_loop_under_waveforms_and_noise():
    b = np.random.default_rng(5).normal(size=(10, 3, 3)) * 0.02  # cells, batch, xyz
    alpha, after = np.array([[0.02], [0.1]]), np.array([0.01, -0.02, 0.03])
    further = {"further_axes": unit(np.array([[0.3, 1.0], [0.8, 2.0], [2.5, 0.1]]), 0.4), "further_Ku": (1e4, -2e4)}
    times = np.array([0.5e-9, 0.6e-9, 0.6e-9])
    drive = Drive(a_DL=Step(0.03, after, times), B_ext=B_RICH)
    m = reference.solve(rich(alpha=alpha, **further), drive, M0, T[:21], B_noise=(b, 0.1e-9))
    assert m.shape == (21, 2, 3, 3)
    one = rich(alpha=0.1, further_axes=further["further_axes"][2], further_Ku=(1e4, -2e4))
    drive = Drive(a_DL=Step(0.03, 0.03, 0.6e-9) + Step(0.0, 0.0, 0.5e-9), B_ext=B_RICH)  # the same pieces
    assert np.array_equal(
        m[:, 1, 2], reference.solve(one, drive, M0, T[:21], B_noise=(b[:, 2], 0.1e-9))
    )  # the same solve


def test_asymmetric_torque_takes_its_time():
    """gamma 2 Lambda^2 a t = (Lambda^2 + 1) atanh c - (Lambda^2 - 1)/2 ln(1 - c^2), from its value at the start."""
    pillar = Oscillator(**SPHERE, p=(0, 0, 1), Lambda=1.8)
    c = reference.solve(pillar, Drive(a_DL=-0.004), M0, T)[:, 2]
    area = (1.8**2 + 1) * np.arctanh(c) - (1.8**2 - 1) / 2 * np.log1p(-(c**2))
    expected = -GAMMA * 2 * 1.8**2 * 0.004 * (T - T[0])
    assert area - area[0] == pytest.approx(expected, abs=1e-7)  # c to 1e-9 over 1 - c^2 >= 0.1


def test_nonlinear_damping_takes_its_time():
    """dtheta/dt = -gamma B sin(theta) alpha'/(1 + alpha'^2), with alpha' the real root of a cubic."""
    alpha, Q_nl, B = 0.05, 40.0, 0.4
    sphere = Oscillator(**SPHERE | {"alpha": alpha}, Q_nl=Q_nl)
    m = reference.solve(sphere, Drive(I=0.0, B_ext=(0, 0, B)), unit(2.0), T)

    def time_per_angle(theta):
        xi = (B * np.sin(theta) / (mu_0 * MS)) ** 2
        cubic = [1, -alpha, 1, -alpha * (1 + Q_nl * xi)]  # (alpha' - alpha) (1 + alpha'^2) = alpha Q_nl xi
        roots = np.roots(cubic)
        grown = roots[np.argmin(np.abs(roots.imag))].real
        return (1 + grown**2) / (grown * GAMMA * B * np.sin(theta))

    for k in (10, 40):
        took = quad(time_per_angle, np.arccos(m[k, 2]), 2.0, epsabs=0, epsrel=1e-11)[0]
        assert took == pytest.approx(T[k] - T[0], rel=1e-8)  # 100 x the tolerance asked for
    mild = reference.solve(Oscillator(**SPHERE | {"alpha": alpha}), Drive(I=0.0, B_ext=(0, 0, B)), unit(2.0), T)
    assert m[10, 2] - mild[10, 2] > 0.3  # the damping did grow
