"""Joule heating against the closed forms of its balance, and the heated torque against that of a magnet of that Ms."""

import numpy as np
import pytest
from field_helpers import FIELD, IDENTITY, TORQUE, M, mapped, off
from scipy.integrate import solve_ivp

from shno import heating
from shno.llgs import damping_like_amplitude, right_hand_side
from shno.solvers import rk4

TORQUE_VALUES, FIELD_VALUES = tuple(TORQUE.values()), tuple(FIELD.values())
HEAT = {
    "I": 1.3e-3,
    "R": 470.0,
    "beta_R": 1.1e-3,
    "R_th": 2.1e4,
    "C_th": 7e-14,
    "T0": 290.0,
    "curie_temperature": 870.0,
    "Ku_exponent": 2.6,
    "rate": 1.6e11,
}
BALANCE = tuple(HEAT[name] for name in ("I", "R", "beta_R", "R_th", "C_th", "T0"))
T_HOT = 341.0
ANISOTROPIES = ("Ku", "Ku2", "vcma", "Kc")


def heated(T, *, field=FIELD_VALUES, torque=TORQUE_VALUES, **changes):
    return heating.heated_right_hand_side((*M, T), torque, field, tuple((HEAT | changes).values()))


def test_the_order_of_the_heat_parameters_is_the_one_that_is_named():
    assert heating.HEAT == tuple(HEAT)


def test_a_known_constriction_warms_as_its_closed_form():
    """300 K, 8 K/mW, 1.2 mW and 2 ns: 307.4579505 K after 3 ns, 309.6 K in the end."""
    R, R_th = 500.0, 8e3
    balance = (np.sqrt(1.2e-3 / R), R, 0.0, R_th, 2e-9 / R_th, 300.0)
    solved = solve_ivp(lambda _, T: heating.joule_heating(T, *balance), (0, 3e-9), [300.0], rtol=1e-12, atol=1e-12)
    assert solved.y[0, -1] == pytest.approx(307.4579505, abs=1e-7)  # printed to ten digits
    assert heating.joule_heating(309.6, *balance) == pytest.approx(0.0, abs=1e-3)  # of 1e9 K/s: rounding of 309.6


def test_the_temperature_relaxes_to_the_balance_at_its_own_rate():
    """dT/dt = (T_end - T)/tau, T_end - T0 = P R_th/(1 - b), tau = R_th C_th/(1 - b), b = beta_R P R_th."""
    I, R, beta_R, R_th, C_th, T0 = BALANCE
    feedback = beta_R * I**2 * R * R_th
    T_end, tau = T0 + I**2 * R * R_th / (1 - feedback), R_th * C_th / (1 - feedback)
    assert feedback > 0.01
    for T in (250.0, T0, 320.0, 400.0):
        assert heating.joule_heating(T, *BALANCE) == pytest.approx((T_end - T) / tau, rel=1e-11)  # T_end - T cancels


def test_a_current_of_either_sign_heats_alike():
    assert heating.joule_heating(T_HOT, *BALANCE) == heating.joule_heating(T_HOT, -BALANCE[0], *BALANCE[1:])


def test_the_magnetisation_follows_bloch_and_vanishes_at_the_curie_point():
    T0, Tc = HEAT["T0"], HEAT["curie_temperature"]
    ratio = heating.magnetisation_ratio
    assert ratio(T0, T0, Tc) == 1
    assert ratio(Tc, T0, Tc) == 0
    assert ratio(0.0, T0, Tc) == pytest.approx(1 / (1 - (T0 / Tc) ** 1.5), rel=1e-15)
    assert ratio(T_HOT, 0.0, Tc) == pytest.approx(1 - (T_HOT / Tc) ** 1.5, rel=1e-15)
    lost = 1 - ratio(np.array([1.0, 4.0]), 0.0, Tc)
    assert lost[1] / lost[0] == pytest.approx(8, rel=1e-9)  # T^(3/2); the loss at 1 K is 4e-5, less 1


def test_ratios_from_one_temperature_to_the_next_multiply():
    Tc, T1, T2, T3 = HEAT["curie_temperature"], 77.0, 290.0, 350.0
    ratio = heating.magnetisation_ratio
    assert ratio(T3, T1, Tc) == pytest.approx(ratio(T3, T2, Tc) * ratio(T2, T1, Tc), rel=1e-14)


def test_without_a_curie_temperature_the_magnetisation_stays():
    assert heating.magnetisation_ratio(T_HOT, HEAT["T0"], None) == 1
    assert heated(T_HOT, curie_temperature=None)[:3] == right_hand_side(M, TORQUE_VALUES, FIELD_VALUES)


def test_at_the_ambient_temperature_the_heated_torque_is_the_unheated_one():
    """Whatever the other parameters, bit for bit: the ratio is 1."""
    for curie_temperature in (HEAT["curie_temperature"], None):
        T = heated(HEAT["T0"], curie_temperature=curie_temperature)[:3]
        assert T == right_hand_side(M, TORQUE_VALUES, FIELD_VALUES)


def test_the_last_component_is_the_warming_in_the_solver_s_variable():
    for T in (HEAT["T0"], T_HOT):
        assert heated(T)[3] * HEAT["rate"] == pytest.approx(heating.joule_heating(T, *BALANCE), rel=1e-14)


def at_temperature(T):
    """Parameters of the magnet at T from those at T0, each by its own law."""
    Tc, T0 = HEAT["curie_temperature"], HEAT["T0"]
    s = (1 - (T / Tc) ** 1.5) / (1 - (T0 / Tc) ** 1.5)
    k = s ** HEAT["Ku_exponent"]
    amplitudes = {name: TORQUE[name] / s for name in ("a_DL", "a_FL")}
    torque = TORQUE | amplitudes | {"Ms": s * TORQUE["Ms"]}
    field = FIELD | {name: k * FIELD[name] for name in ANISOTROPIES} | {"Ms": s * FIELD["Ms"]}
    field["further"] = tuple((k * Ku, k * Ku2, axis) for Ku, Ku2, axis in FIELD["further"])
    return tuple(torque.values()), tuple(field.values())


def test_the_heated_torque_is_that_of_the_magnet_at_its_temperature():
    for T in (200.0, T_HOT, 700.0):
        np.testing.assert_allclose(heated(T)[:3], right_hand_side(M, *at_temperature(T)), **IDENTITY)
        assert np.max(np.abs(np.subtract(heated(T)[:3], right_hand_side(M, TORQUE_VALUES, FIELD_VALUES)))) > 0.01


@pytest.mark.parametrize("absent", ["a_FL", "Lambda", "Q_nl", *ANISOTROPIES, "further", "demag", "J_iec", "oersted"])
def test_a_term_that_is_off_stays_off_when_heated(absent):
    torque, field = at_temperature(T_HOT)
    named = dict(zip(TORQUE, torque, strict=True)), dict(zip(FIELD, field, strict=True))
    torque, field = (tuple((x | off([absent] if absent in x else [])).values()) for x in named)
    cold = [tuple((x | off([absent] if absent in x else [])).values()) for x in (TORQUE, FIELD)]
    T = heated(T_HOT, torque=cold[0], field=cold[1])[:3]
    np.testing.assert_allclose(T, right_hand_side(M, torque, field), **IDENTITY)


def test_the_amplitude_of_a_hot_magnet_is_that_of_its_smaller_moment():
    s = heating.magnetisation_ratio(T_HOT, HEAT["T0"], HEAT["curie_temperature"])
    cold = damping_like_amplitude(1e12, 0.3, 8e5, 2e-9)
    only_torque = tuple((FIELD | off(set(FIELD) - {"B_ext", "Ms"}) | {"B_ext": np.zeros(3)}).values())
    torque = (0.0, cold, None, TORQUE["p"], None, None, 8e5)
    T = heated(T_HOT, torque=torque, field=only_torque)[:3]
    hot = damping_like_amplitude(1e12, 0.3, 8e5 * s, 2e-9)
    along = T @ TORQUE["p"] / (1 - (M @ TORQUE["p"]) ** 2)
    assert along == pytest.approx(hot, rel=1e-12)


def test_the_interlayer_and_oersted_fields_keep_their_own_laws():
    """The interlayer field grows as 1/Ms; the Oersted, bias and applied fields do not know the temperature."""
    s = heating.magnetisation_ratio(T_HOT, HEAT["T0"], HEAT["curie_temperature"])
    on = {"B_ext", "Ms", "J_iec", "thickness", "m_fixed", "J", "oersted", "B_bias"}
    field = FIELD | off(set(FIELD) - on)
    torque = (0.0, 0.0, None, TORQUE["p"], None, None, FIELD["Ms"])
    grown = field | {"J_iec": FIELD["J_iec"] / s}
    T = heated(T_HOT, torque=torque, field=tuple(field.values()))[:3]
    np.testing.assert_allclose(T, right_hand_side(M, torque, tuple(grown.values())), **IDENTITY)


def test_a_step_takes_the_state_of_four_components():
    """One RK4 step with m at rest along its field: T follows its closed form to the order of the step."""
    z = np.array([0.0, 0.0, 1.0])
    field = tuple((FIELD | off(set(FIELD) - {"B_ext", "Ms"}) | {"B_ext": z}).values())
    torque = (0.01, 0.0, None, z, None, None, 8e5)
    changes = HEAT | {"beta_R": 0.0, "curie_temperature": None}
    tau, rise = HEAT["R_th"] * HEAT["C_th"], HEAT["I"] ** 2 * HEAT["R"] * HEAT["R_th"]
    stage = (torque, field, tuple(changes.values()))
    y = rk4(heating.heated_right_hand_side, (*z, HEAT["T0"]), 0.01 * tau * HEAT["rate"], stage, stage, stage)
    assert y[:3] == (0.0, 0.0, 1.0)
    assert y[3] - HEAT["T0"] == pytest.approx(rise * (1 - np.exp(-0.01)), rel=1e-8)  # error (h/tau)^4/120


def test_batches_of_arrays_give_what_numbers_give():
    rng = np.random.default_rng(11)
    given = mapped(
        lambda x: x * rng.uniform(0.95, 1.05, 5), ((*M, T_HOT), TORQUE_VALUES, FIELD_VALUES, (*HEAT.values(),))
    )
    together = np.stack(heating.heated_right_hand_side(*given))
    for k in range(5):
        alone = heating.heated_right_hand_side(*mapped(lambda x: x[k], given))  # noqa: B023
        np.testing.assert_allclose(together[:, k], alone, rtol=1e-13)  # a vector's power may round otherwise
