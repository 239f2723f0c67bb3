"""The closed forms against printed numbers: a regression against values that independent code computed.

Each number holds to half a unit of its last digit and 2e-9 of itself, the digits of the constants that it was
computed with (mu_0 = 4 pi 1e-7, hbar to ten digits). D, T, L, N: precession, torque, locking and thermal rows.
"""

from decimal import Decimal

import numpy as np
import pytest

from shno import theory
from shno.constants import k_B, mu_0
from shno.llgs import damping_like_amplitude

GAMMA = 1.76085963023e11
deg = np.radians
CUBE = {"temperature": 300.0, "Ms": 8e5, "volume": 1e-24}  # 10 x 10 x 10 nm^3
MAGNET = CUBE | {"volume": 5e-23}
DEVICE = CUBE | {"Ms": 6e5, "volume": 150e-9 * 150e-9 * 5e-9}
COLD = MAGNET | {"temperature": 2.0}
OSBORN = (0.0291925651, 0.0805454292, 0.8902620057)  # semi-axes 50, 25, 2.5 nm
MODEL = {"zeta": 2.0, "Gamma": 1e8, "Q": 2.0}  # of the auto-oscillator
PRESET_A = {"Gamma": np.pi * 498e6, "Q": 3.0}  # W/CoFeB/MgO, linewidth 498 MHz
LANGEVIN = [(0.5, ".163953414"), (1, ".313035285"), (2, ".537314721"), (5, ".800090804"), (10, ".900000004")]
EIGENVALUES = [(2, ".8076818777"), (3, ".4714023556"), (5, ".1354063297"), (8, ".01472436814"), (10, ".002882166669")]
LATENCY = [(1.05, "28e-9"), (1.2, "9.2e-9"), (1.5, "4.2e-9"), (2, "2.3e-9"), (3, "1.2e-9")]
GROWTH = [(1.05, "1.6e8"), (1.2, "6.3e8"), (1.5, "1.6e9"), (2, "3.1e9"), (3, "6.3e9")]
ASTROID = [(0, "1"), (15, ".6146585095"), (30, ".5240164648"), (45, ".5"), (60, ".5240164648"), (75, ".6146585095")]


def printed(text):
    """A printed number, to half a unit of its last digit or 2e-9."""
    unit = 10.0 ** Decimal(text).as_tuple().exponent
    return pytest.approx(float(text), abs=0.5000001 * unit, rel=2e-9)


def mallinson(t):
    return theory.mallinson(t, deg(170), 0.5, 0.02, GAMMA)


def mallinson_m(t):
    theta, phi = mallinson(t)
    return np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)


def ringdown():
    return theory.ringdown_eigenvalue(0.1, 1.1, 0.02, GAMMA)


def cone(a):
    return theory.perpendicular_cone(a, 0.1, -0.8, 0.02, GAMMA)


def barrier(s):
    """Arguments of a magnet of barrier s k_B T: Bk (T), D_m (1/s)."""
    return 2 * s * k_B * 300 / (8e5 * 1e-24), theory.rotational_diffusion(0.1, **CUBE, gamma=GAMMA)


def spectrum():
    f0 = theory.resonance_frequency(0.1, 1.0, GAMMA)
    return theory.thermal_spectrum(f0, 0.1, 1.0, 0.02, **MAGNET, gamma=GAMMA)


NUMBERS = [
    ("D1 f", lambda: theory.larmor_frequency(0.1, GAMMA), "2.802495142e9"),
    ("D2 theta 1 ns", lambda: np.degrees(mallinson(1e-9)[0]), "126.084086649"),
    ("D2 phi 1 ns", lambda: mallinson(1e-9)[1], "88.00777840"),
    ("D2 m_z 1 ns", lambda: mallinson_m(1e-9)[2], "-0.588971923352"),
    ("D2 m_x 1 ns", lambda: mallinson_m(1e-9)[0], "0.807400064269"),
    ("D2 theta 2 ns", lambda: np.degrees(mallinson(2e-9)[0]), "37.3729086426"),
    ("D2 m_z 2 ns", lambda: mallinson_m(2e-9)[2], "0.794701719295"),
    ("D2 m_x 2 ns", lambda: mallinson_m(2e-9)[0], "0.604737604730"),
    ("D3 to 90 deg", lambda: theory.mallinson_time(deg(170), deg(90), 0.5, 0.02, GAMMA), "1.384108370e-9"),
    ("D3 to 10 deg", lambda: theory.mallinson_time(deg(170), deg(10), 0.5, 0.02, GAMMA), "2.768216739e-9"),
    ("D5", lambda: theory.kittel_frequency(0.1, 1.0, gamma=GAMMA), "9.294824864e9"),
    ("D6", lambda: theory.kittel_frequency_perpendicular(1.5, 1.0, GAMMA), "14.012475712e9"),
    ("D7", lambda: theory.kittel_frequency_ellipsoid(0.05, 8e5, OSBORN, GAMMA), "8.548875539e9"),
    ("D8 easy", lambda: theory.kittel_frequency(0.1, 0.8, 0.02, GAMMA), "9.311709209e9"),
    ("D8 hard", lambda: theory.kittel_frequency(0.1 - 0.02, 0.8 + 0.02, gamma=GAMMA), "7.519883574e9"),
    ("D9 theta", lambda: np.degrees(theory.oblique_equilibrium(0.7, deg(80), 0.72)), "49.46603644"),
    ("D9 f", lambda: theory.kittel_frequency_oblique(0.7, deg(80), 0.72, GAMMA), "8.493933443e9"),
    ("D10 decay", lambda: -ringdown().real, "2.112186682e9"),
    ("D10 f", lambda: ringdown().imag / (2 * np.pi), "9.286884229e9"),
    ("D10 FWHM", lambda: theory.resonance_linewidth(0.1, 1.1, 0.02, GAMMA), "672.3299e6"),
    (
        "D11",
        lambda: theory.field_linewidth(theory.kittel_frequency(0.1, 1.0), 0.02),
        "13.2664992e-3",
    ),  # 2 alpha sqrt(0.11) T
    *[(f"D13 h_sw {psi}", lambda psi=psi: theory.stoner_wohlfarth_switching_field(deg(psi)), h) for psi, h in ASTROID],
    ("D13 h_c 60", lambda: theory.stoner_wohlfarth_coercivity(deg(60)), ".4330127"),
    ("D13 h_c 75", lambda: theory.stoner_wohlfarth_coercivity(deg(75)), ".25"),
    ("D15", lambda: theory.cone_frequency(0.5, 0.1, 0.8, GAMMA), "-8.407485427e9"),
    ("D16 action", lambda: theory.nonlinear_shift_action(0.1, 0.9, GAMMA), "-5.150514e10"),
    ("D16 power", lambda: theory.nonlinear_shift_power(0.1, 0.9, GAMMA), "-2.961338e10"),
    ("D17", lambda: theory.parametric_threshold(0.1, 1.0, 0.01), "7.730012e-3"),
    ("T1 a_c", lambda: theory.collinear_threshold(0.1, 1.0, 0.0, 0.02), "12.000000e-3"),
    ("T1 f_c", lambda: theory.threshold_frequency(0.1, 1.0, 0.0, 0.02, GAMMA), "9.299047136e9"),
    ("T1 J_c", lambda: theory.critical_current_density(12e-3, 0.08, 1 / mu_0, 5e-9), "1.813491933e12"),
    ("T3", lambda: theory.perpendicular_threshold(0.1, 0.3, 0.02), "8.000000e-3"),
    *[
        (f"T4 b = {b}", lambda b=b: theory.perpendicular_switching_torque(0.4 * b, 0.4), a)
        for b, a in ((0, "0.2"), (0.05, "0.1859851140"), (0.1, "0.1722340607"), (0.2, "0.1455838776"))
    ],
    ("T5 c", lambda: cone(4e-3)[0], ".375"),
    ("T5 c", lambda: cone(8e-3)[0], ".625"),
    ("T5 c", lambda: cone(12e-3)[0], ".875"),
    ("T5 f", lambda: cone(4e-3)[1], "5.604990285e9"),
    ("T5 f", lambda: cone(8e-3)[1], "11.209980570e9"),
    ("T5 f", lambda: cone(12e-3)[1], "16.814970854e9"),
    ("T7", lambda: theory.cone_relaxation_rate(0.625, -0.8, 0.02, GAMMA), "1.716151679e9"),
    ("T10 a_c", lambda: theory.depinning_torque(20e-3, wells=2), "10.000e-3"),
    ("T10 a_r", lambda: theory.retrapping_torque(20e-3, 0.8, 0.02, wells=2), "1.610535e-3"),
    ("T10 a_c of a field", lambda: theory.depinning_torque(2.5e-3), "2.5e-3"),
    ("T10 a_r of a field", lambda: theory.retrapping_torque(2.5e-3, 0.8, 0.08), "4.56e-3"),
    ("T11 p0", lambda: theory.oscillation_power(2.0, 2.0), ".25"),
    ("T11", lambda: theory.growth_time(1e-3, 0.2, **MODEL), "34.51873629e-9"),
    ("L1", lambda: theory.injection_half_range(0.2e-3, 0.625, 0.05, GAMMA), "143.602679e6"),
    ("L2", lambda: theory.beat_frequency(1.05, 1.0), ".320156"),
    ("L2", lambda: theory.beat_frequency(1.2, 1.0), ".663325"),
    ("L2", lambda: theory.beat_frequency(1.5, 1.0), "1.118034"),
    ("L3 edge", lambda: theory.mutual_locking_edge(0.1e-3), "0.2e-3"),
    ("L3 psi", lambda: theory.mutual_locked_phase(0.1e-3, 0.1e-3), ".523599"),
    ("L3 psi", lambda: theory.mutual_locked_phase(0.18e-3, 0.1e-3), "1.119770"),
    ("L6 factor", lambda: theory.kuramoto_onset_gaussian(1.0), "1.5958"),
    ("L6 K_c", lambda: theory.kuramoto_onset_gaussian(2 * np.pi * 270e6), "2.70716e9"),
    ("L6 b_c", lambda: 2.70716e9 / theory.kuramoto_coupling(1.0, 4, 0.02, GAMMA), "76.9e-6"),
    ("N1", lambda: theory.thermal_field(0.1, **CUBE, dt=1e-12, gamma=GAMMA), "76.6849087e-3"),
    ("N1 A/m", lambda: theory.thermal_field(0.1, **CUBE, dt=1e-12, gamma=GAMMA) / mu_0, "6.10239114e4"),
    ("N1b", lambda: theory.thermal_field(0.02, **DEVICE, dt=1e-12, gamma=GAMMA), "3.73351594e-3"),
    ("N1b A/m", lambda: theory.thermal_field(0.02, **DEVICE, dt=1e-12, gamma=GAMMA) / mu_0, "2971.03758"),
    *[(f"N2 x = {x}", lambda x=x: theory.langevin(x), L) for x, L in LANGEVIN],
    ("k_B T/(Ms V)", lambda: theory.well_variance(1.0, **CUBE), "5.17743e-3"),
    ("N4", lambda: theory.well_variance(0.1, **MAGNET), "1.03548675e-3"),
    ("N5 f0", lambda: theory.resonance_frequency(0.1, 1.0, GAMMA), "8.862267782e9"),
    ("N5 two-sided", lambda: spectrum() / 2, "5.34599514e-13"),
    ("N5 one-sided", lambda: spectrum(), "1.069199e-12"),
    *[(f"N6 s = {s}", lambda s=s: theory.neel_brown_eigenvalue(s), x) for s, x in EIGENVALUES],
    ("N6 s", lambda: theory.anisotropy_barrier(31.0646e-3, **CUBE), "3.00000"),
    ("N6 D_m", lambda: barrier(3)[1], "9.02646938e7"),
    ("N6 s = 3", lambda: theory.neel_brown_eigenvalue(3) * barrier(3)[1], "4.255099e7"),
    ("N6 tau s = 3", lambda: 1 / (theory.neel_brown_eigenvalue(3) * barrier(3)[1]), "23.50122e-9"),
    ("N6 Brown s = 3", lambda: theory.brown_asymptote(3) * barrier(3)[1], "5.2699e7"),
    ("N6 Brown s = 3", lambda: theory.brown_asymptote(3) / theory.neel_brown_eigenvalue(3) - 1, ".24"),
    ("N6 s = 5", lambda: theory.neel_brown_eigenvalue(5) * barrier(5)[1], "1.222241e7"),
    ("N6 tau s = 5", lambda: 1 / (theory.neel_brown_eigenvalue(5) * barrier(5)[1]), "81.8169e-9"),
    ("N6 Brown s = 5", lambda: theory.brown_asymptote(5) / theory.neel_brown_eigenvalue(5) - 1, ".256"),
    ("N6 Brown s = 10", lambda: theory.brown_asymptote(10) / theory.neel_brown_eigenvalue(10) - 1, ".124"),
    ("N7 df", lambda: theory.cone_linewidth(0.625, 0.1, **COLD, gamma=GAMMA), "0.634955834e6"),
    ("N7 var c", lambda: theory.cone_variance(-0.8, **COLD), "8.62905625e-7"),
    ("N8 nu", lambda: theory.nonlinear_coupling(**MODEL, N=-4e9), "-10"),
    ("N8", lambda: theory.linewidth_above_threshold(**MODEL, N=-4e9, D_n=2e4), "1.28597e6"),  # 8.08e6/2 pi
    ("N8 rad/s", lambda: 2 * np.pi * theory.linewidth_above_threshold(**MODEL, N=-4e9, D_n=2e4), "8.08e6"),
    ("N9 rate", lambda: np.pi * theory.linewidth_below_threshold(0.5, 1e8), "5.0e7"),
    ("N9 <p>", lambda: theory.power_below_threshold(0.5, 1e8, 2e4), "4.0e-4"),
    ("N10, 3 components", lambda: theory.strong_order(3, 2), ".5"),
    ("N10, 2 components", lambda: theory.strong_order(2, 4), ".5"),
    ("N10, 1 component", lambda: theory.strong_order(1, 4), "1.0"),
    ("N10, none", lambda: theory.strong_order(0, 2), "2"),
    *[(f"latency, zeta = {z}", lambda z=z: theory.latency(1.5e-4, z, **PRESET_A), t) for z, t in LATENCY],
    *[(f"growth, zeta = {z}", lambda z=z: theory.power_growth_rate(z, PRESET_A["Gamma"]), r) for z, r in GROWTH],
    ("jitter times rate", lambda: theory.latency_jitter(2.0, 0.5), "1.28"),
    ("barrier at 5 mT", lambda: theory.anisotropy_barrier(5e-3, 300.0, 8e5, 3e-23), "14.5"),
    ("barrier at 0.5 mT", lambda: theory.anisotropy_barrier(0.5e-3, 300.0, 8e5, 3e-23), "1.4"),
]


@pytest.mark.parametrize(("value", "text"), [row[1:] for row in NUMBERS], ids=[row[0] for row in NUMBERS])
def test_the_closed_form_gives_the_printed_number(value, text):
    assert value() == printed(text)


@pytest.mark.parametrize(
    ("theta_SH", "J", "Ms", "thickness", "a_DL"),
    [(0.08, 1e12, 6e5, 5e-9, 8.776159421e-3), (0.41, 5e11, 9.5e5, 1.4e-9, 50.72686131e-3)],
)
def test_critical_current_density_inverts_the_torque(theta_SH, J, Ms, thickness, a_DL):  # I11
    J_c = theory.critical_current_density(a_DL, theta_SH, Ms, thickness)
    assert J_c == pytest.approx(J, rel=2e-9)
    assert damping_like_amplitude(J_c, theta_SH, Ms, thickness) == pytest.approx(a_DL, rel=1e-14)


def test_torque_in_field_units():  # I11: a/mu_0 in A/m
    assert 8.776159421e-3 / mu_0 == pytest.approx(6983.845766, rel=2e-9)
