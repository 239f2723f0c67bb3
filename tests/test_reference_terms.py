"""Each term of the witness alone against a hand calculation, and the laws of all of them together."""

import numpy as np
import pytest

from shno import reference, reference_physics
from shno.constants import e, hbar, mu_0
from shno.drive import Drive
from shno.oscillator import Oscillator

GAMMA = 1.76085963023e11
MS = 6e5


def unit(theta, phi=0.0):
    return np.array([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)])


M = unit(1.1, -0.6)
U, V, P, FIXED = unit(0.7, 0.4), unit(2.0, 1.9), unit(1.3, 1.2), unit(2.4, -2.0)
A1 = np.cross(U, V) / np.linalg.norm(np.cross(U, V))
A2 = np.cross(A1, unit(0.2, 0.9)) / np.linalg.norm(np.cross(A1, unit(0.2, 0.9)))
SIZES = {"thickness": 5e-9, "width": 150e-9, "t_HM": 6e-9}
RICH = Oscillator(  # every term acts, and none along an axis of another
    **{
        "Ms": MS,
        "alpha": 0.05,
        "gamma": 1.855e11,
        "demag": (0.05, 0.15, 0.8),
        "demag_off_diagonal": (0.03, -0.04, 0.05),
    },
    **{"Ku": 4e4, "Ku2": -1.5e4, "easy_axis": U, "further_axes": (V, P), "further_Ku": (2e4, -1e4)},
    **{"further_Ku2": (5e3, 7e3), "Kc": 2.5e4, "cubic_axes": (A1, A2), "B_bias": (0.01, 0.02, -0.03)},
    **{"J_iec": 1e-4, "m_fixed": FIXED, "oersted": (1e-15, -4e-15, 2e-15), "vcma": -2e4, "p": P, **SIZES},
    **{"theta_SH": -0.4, "T_int": 0.7, "lambda_sf": 2e-9, "shunt": 0.6, "field_like": 0.3},
    **{"Lambda": 1.7, "Q_nl": 2.5},
)
DRIVE = Drive(I=0.6e-3, B_ext=(0.06, -0.11, 0.3), V_gate=0.8, dKu=3e3)


def changed(oscillator, **changes):
    return Oscillator(**{name: getattr(oscillator, name) for name in Oscillator.__dataclass_fields__} | changes)


def at(oscillator, drive, *, B_noise=(0.0, 0.0, 0.0), T=None, T0=0.0):
    """The arguments of `rate` after m, of one oscillator under a constant drive."""
    one = reference_physics.member(oscillator, drive, (), (), T0=T0, noise=np.zeros((1, 3)))
    return reference_physics.conditions(one, drive.values(0.0), np.array(B_noise), T)


def field_of(oscillator, drive, m=M):
    return reference_physics.field(m, at(oscillator, drive)[0])


def field_added_by(drive=None, m=M, **fields):
    """What the given fields add to the effective field, in T."""
    bare = Oscillator(Ms=MS, alpha=0.05)
    return field_of(changed(bare, **fields), drive or Drive(I=0.0), m) - field_of(bare, Drive(I=0.0), m)


N_OFF = np.array([[0, 0.05, -0.04], [0.05, 0, 0.03], [-0.04, 0.03, 0]])
A3 = np.cross(A1, A2)
C = M @ A1, M @ A2, M @ A3
CUBIC = sum(c * (1 - c**2) * a for c, a in zip(C, (A1, A2, A3), strict=True))  # c2^2 + c3^2 = 1 - c1^2 on the sphere


@pytest.mark.parametrize(
    ("fields", "drive", "expected"),
    [
        ({}, {"B_ext": (0.1, -0.2, 0.3)}, [0.1, -0.2, 0.3]),
        ({"B_bias": (0.1, -0.2, 0.3)}, {}, [0.1, -0.2, 0.3]),
        ({"demag": (0.1, 0.2, 0.7)}, {}, -mu_0 * MS * M * [0.1, 0.2, -0.3]),  # beside the film
        ({"demag_off_diagonal": (0.03, -0.04, 0.05)}, {}, -mu_0 * MS * N_OFF @ M),
        ({"Ku": 4e4, "easy_axis": U}, {}, 2 * 4e4 / MS * (M @ U) * U),
        ({"Ku2": 4e4, "easy_axis": U}, {}, 4 * 4e4 / MS * (M @ U) ** 3 * U),
        ({"further_axes": [V, P], "further_Ku": [4e4, 1e4]}, {}, 2 / MS * (4e4 * (M @ V) * V + 1e4 * (M @ P) * P)),
        ({"further_axes": [V], "further_Ku2": [4e4]}, {}, 4 / MS * 4e4 * (M @ V) ** 3 * V),
        ({"Kc": 4e4, "cubic_axes": (A1, A2)}, {}, -2 * 4e4 / MS * CUBIC),
        ({"J_iec": 2e-4, "thickness": 4e-9, "m_fixed": FIXED}, {}, 2e-4 / (MS * 4e-9) * FIXED),
        ({"vcma": -3e4, "easy_axis": U}, {"V_gate": 0.5}, 2 * -1.5e4 / MS * (M @ U) * U),
        ({"easy_axis": U}, {"dKu": 2e3}, 2 * 2e3 / MS * (M @ U) * U),
        ({"oersted": (1e-15, -2e-15, 3e-15)}, {"J": 4e12}, [4e-3, -8e-3, 12e-3]),
    ],
)
def test_term_is_what_its_definition_says(fields, drive, expected):
    drive = Drive(**({} if "J" in drive else {"I": 0.0}) | drive)
    assert field_added_by(drive, **fields) == pytest.approx(np.array(expected), abs=1e-15)  # rounding beside 0.75 T


def test_fields_have_the_published_values():  # I13
    north = np.array([0.0, 0.0, 1.0])
    exchange = field_added_by(Ms=8e5, J_iec=1e-5, thickness=5e-9) - field_added_by(Ms=8e5)
    assert exchange[2] == pytest.approx(2.5e-3, rel=1e-12)  # exact; J_iec / (Ms t_F)
    gate = {"Ms": 9.5e5, "vcma": -60e-15 / (2e-9 * 1.4e-9)}  # a 2 nm barrier over a 1.4 nm layer, 60 fJ/(V m)
    change = field_added_by(Drive(I=0.0, V_gate=1.0), m=north, **gate) - field_added_by(m=north, Ms=9.5e5)
    assert change[2] == pytest.approx(-45.11278195e-3, rel=2e-10)  # the printed digits


def test_oersted_field_is_that_of_the_current_density_in_the_heavy_metal():
    conductor = {"oersted": (1e-15, -2e-15, 3e-15), "shunt": 0.6, **SIZES}
    J = 0.6 * 1e-3 / (150e-9 * 6e-9)
    expected = J * np.array(conductor["oersted"])
    assert field_added_by(Drive(I=1e-3), **conductor) == pytest.approx(expected, rel=1e-12)  # identity
    metal = changed(RICH, **conductor)
    terms, torques = at(metal, Drive(I=1e-3))
    back, _ = at(metal, Drive(a_DL=torques["a_DL"]))  # the current that makes this torque
    assert back.B == pytest.approx(terms.B, rel=1e-12)  # identity


def test_field_is_minus_the_gradient_of_the_energy():
    terms, _ = at(RICH, DRIVE, B_noise=(2e-3, -1e-3, 3e-3))
    h = 1e-3
    by_steps = [
        (8 * (energy(M + step) - energy(M - step)) - energy(M + 2 * step) + energy(M - 2 * step)) / (12 * h)
        for energy in [lambda m: reference_physics.energy(m, *terms)]
        for step in h * np.eye(3)
    ]  # exact for a polynomial of degree 4 but for rounding
    assert reference_physics.field(M, terms) * MS == pytest.approx(-np.array(by_steps), rel=1e-10)  # 1e-16/h
    assert np.all([np.any(value) for value in terms])  # no term is off


def test_every_term_acts_and_every_one_once():
    """The whole field is the sum of the parts that the first test holds."""
    terms, torques = at(RICH, DRIVE)
    J = 0.6 * 0.6e-3 / (150e-9 * 6e-9)
    expected = DRIVE.B_ext + RICH.B_bias + J * RICH.oersted + 1e-4 / (MS * 5e-9) * FIXED
    expected = expected - mu_0 * MS * (np.diag((0.05, 0.15, 0.8)) + N_OFF) @ M
    Ku = 4e4 + 3e3 - 2e4 * 0.8
    for axis, K1, K2 in ((U, Ku, -1.5e4), (V, 2e4, 5e3), (P, -1e4, 7e3)):
        expected = expected + 2 / MS * (K1 * (M @ axis) + 2 * K2 * (M @ axis) ** 3) * axis
    expected = expected - 2 * 2.5e4 / MS * CUBIC
    assert reference_physics.field(M, terms) == pytest.approx(expected, rel=1e-12)  # identity
    theta_DL = -0.4 * 0.7 * (1 - 1 / np.cosh(3))
    assert torques["a_DL"] == pytest.approx(hbar * theta_DL * J / (2 * e * MS * 5e-9), rel=1e-12)  # identity
    assert torques["a_FL"] == 0.3 * torques["a_DL"]


def amplitude(oscillator, drive):
    return at(oscillator, drive)[1]["a_DL"]


def test_current_becomes_the_published_torque():  # I11; its hbar was cut to ten digits
    cut = 1.054571817e-34 / hbar
    sphere = Oscillator(Ms=6e5, alpha=0.02, theta_SH=0.08, thickness=5e-9)
    assert amplitude(sphere, Drive(J=1e12)) * cut == pytest.approx(8.776159421e-3, rel=1e-10)  # the printed digits
    perpendicular = Oscillator(Ms=9.5e5, alpha=0.02, theta_SH=0.41, thickness=1.4e-9)
    assert amplitude(perpendicular, Drive(J=5e11)) * cut == pytest.approx(50.72686131e-3, rel=1e-10)


def test_current_is_shared_and_concentrated():
    oscillator = Oscillator(Ms=6e5, alpha=0.02, theta_SH=0.08, shunt=0.4, **SIZES)
    from_J = amplitude(oscillator, Drive(J=0.4 * 1e-3 / (150e-9 * 6e-9)))
    assert amplitude(oscillator, Drive(I=1e-3)) == pytest.approx(from_J, rel=1e-14)
    resistive = Oscillator(Ms=6e5, alpha=0.02, theta_SH=0.08, rho_HM=3e-7, rho_F=6e-7, **SIZES)
    share = (6e-9 / 3e-7) / (6e-9 / 3e-7 + 5e-9 / 6e-7)
    assert amplitude(resistive, Drive(I=1e-3)) == pytest.approx(from_J * share / 0.4, rel=1e-14)
    assert amplitude(Oscillator(Ms=6e5, alpha=0.02), Drive(I=0.0)) == 0.0


def test_spins_are_lost_at_the_interface_and_in_a_thin_metal():  # I14
    full = Oscillator(Ms=6e5, alpha=0.02, theta_SH=0.08, **SIZES)
    ratio = amplitude(changed(full, lambda_sf=1.4e-9), Drive(I=1e-3)) / amplitude(full, Drive(I=1e-3))
    assert ratio == pytest.approx(0.9724776404, abs=5e-11)  # the printed digits
    assert amplitude(changed(full, T_int=0.7), Drive(I=1e-3)) == pytest.approx(0.7 * amplitude(full, Drive(I=1e-3)))
    thin = amplitude(changed(full, lambda_sf=6e-5), Drive(I=1e-3)) / amplitude(full, Drive(I=1e-3))
    assert thin == pytest.approx(1e-8 / 2 - 5e-16 / 24, rel=1e-12)  # x^2/2 - 5 x^4/24 of x = 1e-4
    assert amplitude(changed(full, lambda_sf=1e-300), Drive(I=1e-3)) == amplitude(full, Drive(I=1e-3))  # no overflow


@pytest.mark.parametrize(("cosine", "mT"), [(1, 8.227649457), (0, 11.39213002), (-1, 18.51221128)])
def test_asymmetric_torque_has_the_published_values(cosine, mT):  # I12
    pillar = Oscillator(Ms=8e5, alpha=0.0, theta_SH=0.4, Lambda=1.5, thickness=2e-9, p=(0, 0, 1), demag=(1 / 3,) * 3)
    angle = {1: 1e-5, 0: np.pi / 2, -1: np.pi - 1e-5}[cosine]  # at 0 and pi there is an amplitude but no torque
    terms, torques = at(pillar, Drive(J=1e11))
    turning = np.linalg.norm(reference.rate(unit(angle, 0.3), terms, **torques)) / pillar.gamma
    assert turning / np.sin(angle) * 1e3 == pytest.approx(mT, rel=1e-9)  # 1e-10 from the angle, 5e-11 printed


def test_asymmetry_leaves_the_field_like_torque_alone():
    torqued = {"alpha": 0.0, "Ms": 8e5, "demag": (1 / 3,) * 3, "p": P, "field_like": 0.3}
    turning = [
        reference.rate(M, terms, **torques)
        for terms, torques in (at(Oscillator(**torqued, Lambda=x), Drive(a_DL=0.02)) for x in (1.0, 1.7))
    ]
    along_p = np.cross(M, P)
    assert turning[0] @ along_p == pytest.approx(turning[1] @ along_p, rel=1e-12)  # identity: -gamma a_FL |m x p|^2
    factor = 2 * 1.7**2 / ((1.7**2 + 1) + (1.7**2 - 1) * (M @ P))
    assert turning[1] @ P == pytest.approx(factor * (turning[0] @ P), rel=1e-12)  # identity


@pytest.mark.parametrize("Q_nl", [0.0, 1e-6, 2.5, 1e4])
def test_nonlinear_damping_satisfies_its_implicit_definition(Q_nl):
    terms, torques = at(changed(RICH, Q_nl=Q_nl), DRIVE)
    gamma, B = RICH.gamma, reference_physics.field(M, terms)
    a_DL = torques["a_DL"] * 2 * 1.7**2 / ((1.7**2 + 1) + (1.7**2 - 1) * (M @ P))
    G = -np.cross(M, B) + a_DL * np.cross(M, np.cross(P, M)) - torques["a_FL"] * np.cross(M, P)
    v = reference.rate(M, terms, **torques)
    alpha = 0.05 * (1 + Q_nl * (v @ v) / (gamma * mu_0 * MS) ** 2)
    assert v - alpha * np.cross(M, v) == pytest.approx(gamma * G, rel=1e-12)  # identity
    assert (1 + alpha**2) * (v @ v) == pytest.approx(gamma**2 * (G @ G), rel=1e-12)  # identity
    assert np.abs(M @ v) < 1e-14 * np.linalg.norm(v)


def test_energy_is_conserved_by_all_terms_without_damping_and_torque():
    free = changed(RICH, alpha=0.0, theta_SH=0.0)  # the current still makes an Oersted field
    t = np.linspace(0, 1e-9, 51)
    m = reference.solve(free, DRIVE, M, t, rtol=1e-12)
    energy = reference_physics.energy(m, *at(free, DRIVE)[0]) / MS
    assert np.ptp(energy) < 1e-10  # T; table D12
    assert np.ptp(m[:, 2]) > 0.1  # it moved


@pytest.mark.parametrize("Q_nl", [0.0, 2.5])
def test_energy_falls_at_the_rate_of_the_damping(Q_nl):
    """de/dt = -(alpha(m)/gamma) Ms |dm/dt|^2 without a torque, anywhere on the sphere."""
    terms, torques = at(changed(RICH, theta_SH=0.0, Q_nl=Q_nl), DRIVE)
    for m in np.random.default_rng(1).normal(size=(20, 3)):
        m = m / np.linalg.norm(m)
        v = reference.rate(m, terms, **torques)
        alpha = 0.05 * (1 + Q_nl * (v @ v) / (RICH.gamma * mu_0 * MS) ** 2)
        h = 1e-3 / np.linalg.norm(v)  # s; the energy is of degree 4 in m, hence in h: exact but for rounding
        above, below = ([reference_physics.energy(m + sign * k * h * v, *terms) for k in (1, 2)] for sign in (1, -1))
        slope = (8 * (above[0] - below[0]) - above[1] + below[1]) / (12 * h)
        lost = alpha / RICH.gamma * MS * (v @ v)
        assert slope == pytest.approx(-lost, abs=1e-11 * MS * np.linalg.norm(v))  # rounding: 1e-16 T / 1e-3
