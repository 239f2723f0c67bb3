"""The witness against closed forms and laws: it must be right on its own, before anything is held against it."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from shno import reference, reference_physics, theory
from shno.checks import IntegrationError
from shno.constants import mu_0
from shno.drive import Drive
from shno.oscillator import Oscillator

GAMMA = 1.76085963023e11
SPHERE = (1 / 3, 1 / 3, 1 / 3)
MS = 8e5


def unit(theta, phi=0.0):
    theta, phi = np.broadcast_arrays(theta, phi)
    return np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=-1)


def azimuth(m):
    return np.unwrap(np.arctan2(m[..., 1], m[..., 0]), axis=0)


def at(oscillator, drive):
    """The arguments of `rate` after m, of one oscillator under a constant drive."""
    one = reference_physics.member(oscillator, drive, (), (), T0=0.0, noise=np.zeros((1, 3)))
    return reference_physics.conditions(one, drive.values(0.0), np.zeros(3))


def rich(**changes):
    """An oscillator in which every term acts, and none along an axis of another."""
    values = {"Ms": 6e5, "alpha": 0.05, "gamma": 1.855e11, "demag": (0.05, 0.15, 0.8), "Ku": 4e4, "field_like": 0.3}
    values |= {"easy_axis": unit(0.7, 0.4), "p": unit(1.3, 1.2)}
    return Oscillator(**(values | changes))


B_RICH = np.array([0.06, -0.11, 0.3])
M0_RICH = unit(1.1, -0.6)
T = np.linspace(0, 1e-9, 51)


def test_precession_is_at_the_larmor_frequency_at_any_angle():  # D1
    sphere = Oscillator(Ms=MS, alpha=0.0, gamma=GAMMA, demag=SPHERE)
    f = theory.larmor_frequency(0.1, GAMMA)
    t = np.linspace(0, 20 / f, 161)
    m = reference.solve(sphere, Drive(I=0.0, B_ext=(0, 0, 0.1)), unit(np.radians([30.0, 90.0, 150.0])), t, rtol=1e-12)
    turns = (azimuth(m)[-1] - azimuth(m)[0]) / (2 * np.pi)
    assert turns == pytest.approx(np.full(3, 20.0), rel=1e-10)  # table D1; positive: phi increases for B along +z


def test_switching_in_a_field_follows_mallinson():  # D2; the printed digits are those of the table
    sphere = Oscillator(Ms=MS, alpha=0.02, gamma=GAMMA, demag=SPHERE)
    t = np.linspace(0, 3e-9, 301)
    m = reference.solve(sphere, Drive(I=0.0, B_ext=(0, 0, 0.5)), unit(np.radians(170.0)), t)
    assert m == pytest.approx(unit(*theory.mallinson(t, np.radians(170.0), 0.5, 0.02, GAMMA)), abs=1e-8)  # table D2
    assert m[100, [0, 2]] == pytest.approx([0.807400064269, -0.588971923352], abs=1e-8)
    assert m[200, [0, 2]] == pytest.approx([0.604737604730, 0.794701719295], abs=1e-8)


def test_switching_time():  # D3
    sphere = Oscillator(Ms=MS, alpha=0.02, gamma=GAMMA, demag=SPHERE)
    t = np.array([0, 1.384108370e-9, 2.768216739e-9])
    m = reference.solve(sphere, Drive(I=0.0, B_ext=(0, 0, 0.5)), unit(np.radians(170.0)), t)
    assert np.degrees(np.arccos(m[1:, 2])) == pytest.approx([90.0, 10.0], abs=1e-6)  # 1e-9 of t turns theta by 1e-6 deg


def test_energy_falls_by_what_damping_takes():  # D12
    M, alpha, B = 0.9, 0.03, np.array([0.05, 0.02, 0.1])
    film = Oscillator(Ms=M / mu_0, alpha=alpha, gamma=GAMMA)
    t = np.linspace(0, 2e-9, 4001)
    m = reference.solve(film, Drive(I=0.0, B_ext=B), (0.2, 0.5, np.sqrt(0.71)), t)
    terms, torques = at(film, Drive(I=0.0, B_ext=B))
    energy = reference_physics.energy(m, *terms) / film.Ms
    assert energy[0] - energy[-1] == pytest.approx(0.27430763133, rel=1e-9)  # table D12
    assert np.all(np.diff(energy) < 0)
    rates = np.array([reference.rate(x, terms, **torques) for x in m])
    power = alpha / GAMMA * np.sum(rates**2, axis=-1)  # of dE/dt = -(alpha/gamma) |dm/dt|^2, per Ms V
    trapezoids = np.sum((power[1:] + power[:-1]) / 2 * np.diff(t))
    assert trapezoids == pytest.approx(energy[0] - energy[-1], rel=1e-4)  # (2 omega dt)^2/12 with omega dt = 0.016


def test_perpendicular_polariser_holds_the_exact_cone():  # T5
    film = Oscillator(Ms=0.8 / mu_0, alpha=0.02, gamma=GAMMA, p=(0, 0, 1))
    a = np.array([4e-3, 8e-3, 12e-3])
    c, f = theory.perpendicular_cone(a, 0.1, -0.8, 0.02, GAMMA)
    t = np.linspace(0, 1e-9, 201)
    m = reference.solve(film, Drive(a_DL=a, B_ext=(0, 0, 0.1)), unit(np.arccos(c)), t)
    assert m[..., 2] == pytest.approx(np.broadcast_to(c, (201, 3)), rel=1e-9)  # table T5
    assert (azimuth(m)[0] - azimuth(m)[-1]) / (2 * np.pi * 1e-9) == pytest.approx(f, rel=1e-9)  # phi decreases


@pytest.mark.parametrize("sign", [1, -1])
def test_positive_torque_drives_m_to_p(sign):
    sphere = Oscillator(Ms=MS, alpha=0.02, demag=SPHERE, p=unit(0.8, 0.5))
    m = reference.solve(sphere, Drive(a_DL=sign * 0.05), unit(1.9, 2.0), np.linspace(0, 4e-9, 5))
    assert m[-1] @ sphere.p == pytest.approx(sign, abs=1e-9)  # tan(theta/2) falls by exp(-gamma a t) = 1e-15


def test_field_like_torque_is_a_field_along_p():
    a_DL = 0.02
    with_torque, without = rich(), rich(field_like=0.0)
    with_field = Drive(a_DL=a_DL, B_ext=B_RICH + 0.3 * a_DL * without.p)
    expected = reference.solve(without, with_field, M0_RICH, T, rtol=1e-12)
    m = reference.solve(with_torque, Drive(a_DL=a_DL, B_ext=B_RICH), M0_RICH, T, rtol=1e-12)
    assert m == pytest.approx(expected, abs=1e-11)  # identity, up to the rounding of about 1e3 evaluations


def test_turning_everything_turns_the_solution():
    turn = Rotation.from_euler("zxz", [0.3, 1.1, -0.7]).as_matrix()
    sphere = rich(demag=SPHERE)
    turned = rich(demag=SPHERE, easy_axis=turn @ sphere.easy_axis, p=turn @ sphere.p)
    m = reference.solve(sphere, Drive(a_DL=0.02, B_ext=B_RICH), M0_RICH, T)
    m_turned = reference.solve(turned, Drive(a_DL=0.02, B_ext=turn @ B_RICH), turn @ M0_RICH, T)
    assert m_turned == pytest.approx(m @ turn.T, abs=1e-8)  # 100 x the tolerance asked for, over 1e2 rad


def test_naming_the_axes_anew_changes_nothing():
    names = {name: np.roll(getattr(rich(), name), 1) for name in ("demag", "easy_axis", "p")}
    m = reference.solve(rich(), Drive(a_DL=0.02, B_ext=B_RICH), M0_RICH, T)
    renamed = reference.solve(rich(**names), Drive(a_DL=0.02, B_ext=np.roll(B_RICH, 1)), np.roll(M0_RICH, 1), T)
    assert renamed == pytest.approx(np.roll(m, 1, axis=-1), abs=1e-8)  # as above


@pytest.mark.parametrize(("B", "half_turn"), [((0.05, -0.08, 0.0), (-1, -1, 1)), ((0.0, -0.1127, 0.689), (1, -1, -1))])
def test_reversing_current_and_field_is_a_half_turn(B, half_turn):
    """Exact for a field in the film plane (about z) and for one in the plane of p and z (about x)."""
    film = Oscillator(Ms=6e5, alpha=0.02, gamma=1.855e11, field_like=0.2, p=(0, 1, 0))
    m = reference.solve(film, Drive(a_DL=8e-3, B_ext=B), M0_RICH, T)
    reversed_m = reference.solve(film, Drive(a_DL=-8e-3, B_ext=np.negative(B)), M0_RICH * half_turn, T)
    assert reversed_m == pytest.approx(m * half_turn, abs=1e-8)  # as above


def test_batch_equals_loop():
    alpha, field = np.array([[0.02], [0.1]]), np.stack([B_RICH, -B_RICH, 2 * B_RICH])
    m = reference.solve(rich(alpha=alpha), Drive(a_DL=0.02, B_ext=field), M0_RICH, T)
    assert m.shape == (51, 2, 3, 3)
    one = reference.solve(rich(alpha=0.1), Drive(a_DL=0.02, B_ext=2 * B_RICH), M0_RICH, T)
    assert np.array_equal(m[:, 1, 2], one)  # the same solve


def test_tighter_tolerance_converges():
    drive = Drive(a_DL=0.02, B_ext=B_RICH)
    best, coarse, fine = (
        reference.solve(rich(), drive, M0_RICH, T, rtol=rtol, atol=rtol / 100) for rtol in (1e-13, 1e-8, 1e-11)
    )
    assert np.abs(fine - best).max() < np.abs(coarse - best).max() / 100  # of the 1000 that was asked for


SIZES = {"thickness": 5e-9, "width": 150e-9, "t_HM": 6e-9}
HALL = {"Ms": 6e5, "alpha": 0.02, "theta_SH": 0.1}


@pytest.mark.parametrize(
    ("fields", "drive", "message"),
    [
        *(
            (HALL | SIZES | {name: None}, {"I": 1e-3}, f"{name} must be given where a current becomes")
            for name in SIZES
        ),
        (HALL, {"J": 1e11}, "thickness must be given where a current becomes a torque, got None"),
        (HALL | {"thickness": 5e-9, "lambda_sf": 1e-9}, {"J": 1e11}, "t_HM must be given where a current becomes"),
        (HALL | {"oersted": (0, 1e-15, 0)}, {"a_DL": 0.01}, "thickness must be given where a current becomes"),
        (HALL | {"J_iec": 1e-5}, {"I": 0.0}, "thickness must be given with J_iec, got None"),
        (
            HALL | SIZES | {"oersted": (0, 1e-15, 0), "theta_SH": np.array([0.1, 0.0])},
            {"a_DL": 0.01},
            "theta_SH must be nonzero where oersted is, for a drive with a_DL, got 0 at index 1 of 2",
        ),
    ],
)
def test_missing_quantity_is_named(fields, drive, message):
    with pytest.raises(ValueError, match=message):
        reference.solve(Oscillator(**fields), Drive(**drive), (1, 0, 0), T)


def test_sizes_are_not_asked_for_without_need():
    """No current, no spin Hall effect, a torque given as such: each needs no size."""
    film = Oscillator(Ms=6e5, alpha=0.02, lambda_sf=1e-9, theta_SH=0.1)
    still = reference.solve(film, Drive(I=0.0, B_ext=B_RICH), M0_RICH, T[:3])
    no_effect = Oscillator(Ms=6e5, alpha=0.02)
    assert np.array_equal(reference.solve(no_effect, Drive(I=1e-3, B_ext=B_RICH), M0_RICH, T[:3]), still)
    assert np.abs(reference.solve(film, Drive(a_DL=0.1, B_ext=B_RICH), M0_RICH, T[:3]) - still).max() > 0.01


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"oscillator": None}, TypeError, "oscillator must be of type Oscillator, got NoneType"),
        ({"drive": 1e-3}, TypeError, "drive must be of type Drive, got float"),
        (
            {"drive": Drive(a_DL=[0.1, 0.2]), "m0": [(1, 0, 0)] * 3},
            ValueError,
            r"of one batch shape, got a_DL \(2,\), m0",
        ),
        ({"m0": (1, 1, 0)}, ValueError, r"\|m0\| must be 1"),
        ({"m0": (np.nan, 0, 1)}, ValueError, "m0 must be finite"),
        ({"m0": (1, 0)}, ValueError, "m0 must be a vector"),
        ({"t": [0, 2e-9, 1e-9]}, ValueError, "steps of t must be > 0, got -1e-09 at index 1 of 2"),
        ({"t": [[0, 1e-9]]}, ValueError, "t must be two times or more"),
        ({"t": [3e-9]}, ValueError, "t must be two times or more"),
        ({"rtol": 0}, ValueError, "rtol must be at least 1e-13"),
        ({"rtol": "small"}, TypeError, "rtol must be a number"),
        ({"atol": -1.0}, ValueError, "atol must be > 0"),
        ({"atol": [1e-9, 1e-9]}, TypeError, "atol must be one number"),
        ({"temperature": -1.0}, ValueError, "temperature must be >= 0, got -1"),
        ({"B_noise": 0.1}, TypeError, r"B_noise must be None or \(values, interval\), got float"),
        (
            {"B_noise": ([(0, 0, 1e-3)] * 9, 0.1e-9)},
            ValueError,
            "time with B_noise must be at least the duration 1e-09 s",
        ),
        ({"B_noise": ((0, 0, 1e-3), 0.1e-9)}, ValueError, r"values of B_noise must be \(n_cells, ..., 3\)"),
        ({"B_noise": ([(0, 0, np.inf)], 1e-9)}, ValueError, "values of B_noise must be finite"),
        ({"B_noise": ([(0, 0, 1e-3)], 0.0)}, ValueError, "interval must be > 0"),
    ],
)
def test_wrong_input_is_named(change, error, message):
    arguments = {"oscillator": rich(), "drive": Drive(I=0.0), "m0": (1, 0, 0), "t": T} | change
    positional = [arguments.pop(name) for name in ("oscillator", "drive", "m0", "t")]
    with pytest.raises(error, match=message):
        reference.solve(*positional, **arguments)


@pytest.mark.parametrize(
    ("fields", "drive", "stop"),
    [
        ({}, {"I": 0.0, "B_ext": (0, 0, 1e60)}, 1e-9),
        ({}, {"a_DL": 1e60}, 1e-9),
        ({"Q_nl": 1e60}, {"I": 0.0, "B_ext": B_RICH}, 1e-9),
        ({}, {"I": 0.0, "B_ext": B_RICH}, 1e60),
        ({"Ms": 1e60, "Ku": 1e60, "J_iec": 1e60, "thickness": 1e-60}, {"I": 0.0}, 1e-9),
        (SIZES | {"R": 1e60, "R_th": 1e60, "C_th": 1e-60, "curie_temperature": 1e60}, {"I": 1e60}, 1e-9),
        (SIZES | {"R": 1.0, "R_th": 1e-30, "C_th": 1e-30}, {"I": 1.0}, 1e-9),
    ],
)
def test_what_cannot_be_solved_is_an_error(fields, drive, stop):
    """Without a warning on the way."""
    with pytest.raises(IntegrationError, match="the solve failed at step"):
        reference.solve(rich(**fields), Drive(**drive), M0_RICH, [0, stop])


def test_drift_of_the_norm_is_an_error():
    with pytest.raises(IntegrationError, match=r"at step \d+ of 51, t = .* s: \| \|m\| - 1 \| = .*Use a smaller rtol"):
        reference.solve(rich(), Drive(I=0.0, B_ext=10 * B_RICH), M0_RICH, T, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "rate", [lambda m, *terms, **torques: m * np.nan, lambda m, *terms, **torques: m @ m / 1e-10 * m]
)
def test_failed_solve_is_an_error(monkeypatch, rate):
    """A rate that is NaN, and one that runs into a pole."""
    monkeypatch.setattr(reference, "rate", rate)
    with pytest.raises(IntegrationError, match="the solve failed at step"):
        reference.solve(rich(), Drive(I=0.0), M0_RICH, T)
