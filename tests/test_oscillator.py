import copy
import pickle
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest

from shno import Oscillator
from shno.constants import gamma
from shno.oscillator import TRAILING, UNITS, VECTORS

GOOD = {"Ms": 8e5, "alpha": 0.02, "thickness": 3e-9, "width": 1e-7, "t_HM": 5e-9}
AXES = {"further_axes": [[0.0, 0.6, 0.8], [1.0, 0.0, 0.0]], "further_Ku": [1e4, 2e4], "further_Ku2": [3e3, 4e3]}
SHAPES = {"further_axes": (2, 3), "further_Ku": (2,), "further_Ku2": (2,), "cubic_axes": (2, 3)}
SHAPES |= {name: (3,) for name in TRAILING if name not in SHAPES}
POSITIVE = ("Ms", "gamma", "thickness", "width", "volume", "t_HM", "rho_HM", "rho_F", "R", "R_th", "C_th")


def given(name, value):
    """A value for a field: the number itself, or an array of the field's own shape with it in the middle."""
    if name not in SHAPES:
        return value
    array = np.zeros(SHAPES[name])
    array[..., 1] = value
    return array


def test_defaults_switch_terms_off_and_describe_a_film():
    oscillator = Oscillator(8e5, 0.02)
    assert oscillator.gamma == gamma
    assert (oscillator.Ku, oscillator.theta_SH, oscillator.field_like, oscillator.shunt) == (0.0, 0.0, 0.0, 1.0)
    assert oscillator.demag.tolist() == oscillator.easy_axis.tolist() == [0, 0, 1] and oscillator.p.tolist() == [
        0,
        1,
        0,
    ]
    assert oscillator.thickness is oscillator.width is oscillator.volume is oscillator.t_HM is None
    off = ("Ku2", "Kc", "J_iec", "vcma", "lambda_sf", "Q_nl", "beta_R")
    assert all(getattr(oscillator, name) == 0 for name in off) and oscillator.T_int == oscillator.Lambda == 1
    assert not np.any([oscillator.B_bias, oscillator.oersted, oscillator.demag_off_diagonal])
    assert oscillator.further_axes is oscillator.R_th is oscillator.curie_temperature is None
    assert oscillator.shape == ()


def test_volume_is_width_squared_times_thickness_unless_given():
    assert Oscillator(**GOOD).volume == pytest.approx(3e-23, rel=1e-15)
    assert Oscillator(**GOOD, volume=1e-23).volume == 1e-23
    assert Oscillator(8e5, 0.02, width=1e-7).volume is None
    widths = np.array([5e-8, 1e-7])
    volumes = Oscillator(**GOOD | {"width": widths}).volume
    np.testing.assert_allclose(volumes, widths**2 * 3e-9, rtol=1e-15, equal_nan=False)


def test_the_shunt_is_that_of_parallel_conductors_unless_given():
    """Of two layers, each a conductance thickness over resistivity."""
    resistive = GOOD | {"rho_HM": 2e-6, "rho_F": 8e-7}
    assert Oscillator(**resistive).shunt == pytest.approx((5 / 20) / (5 / 20 + 3 / 8), rel=1e-14)
    assert Oscillator(**resistive, shunt=0.4).shunt == 0.4
    rho = np.array([[1e-6], [2e-6]])
    shunt = Oscillator(**resistive | {"rho_HM": rho, "t_HM": np.array([4e-9, 5e-9, 6e-9])}).shunt
    assert shunt.shape == (2, 3) and shunt[1, 1] == Oscillator(**resistive).shunt
    for missing in ("rho_HM", "rho_F", "t_HM", "thickness"):
        with pytest.raises(ValueError, match=rf"^{missing} must be given where shunt follows from resistivities"):
            Oscillator(**resistive | {missing: None})


@pytest.mark.parametrize("widths", [1e-7, np.array([5e-8, 1e-7])])
@pytest.mark.parametrize(
    "through",
    [lambda x: x, lambda x: pickle.loads(pickle.dumps(x)), copy.copy, copy.deepcopy, lambda x: replace(x, Ku=1.0)],
)
def test_what_was_derived_follows_a_replaced_field_and_what_was_given_stays(widths, through):
    resistive = GOOD | {"width": widths, "rho_HM": 2e-6 * (1 + 0 * widths), "rho_F": 8e-7}
    derived = replace(through(Oscillator(**resistive)), width=2 * widths, t_HM=1e-8)
    fresh = Oscillator(**resistive | {"width": 2 * widths, "t_HM": 1e-8})
    np.testing.assert_array_equal(derived.volume, fresh.volume)
    np.testing.assert_array_equal(derived.shunt, fresh.shunt)
    kept = replace(through(Oscillator(**resistive, volume=1e-23, shunt=0.4)), width=2 * widths, t_HM=1e-8)
    assert (kept.volume, kept.shunt) == (1e-23, 0.4)


def test_every_field_has_a_unit_and_vectors_their_own_axes():
    assert list(UNITS) == [field.name for field in fields(Oscillator)]
    oscillator = Oscillator(**GOOD, **AXES)
    assert {name: getattr(oscillator, name).shape for name in TRAILING} == SHAPES
    assert {name: len(shape) for name, shape in SHAPES.items()} == TRAILING
    assert set(VECTORS) == set(TRAILING) - {"further_Ku", "further_Ku2"} and oscillator.shape == ()


@pytest.mark.parametrize("name", [*POSITIVE, "curie_temperature"])
@pytest.mark.parametrize("value", [0.0, -1.0])
def test_sizes_are_positive(name, value):
    with pytest.raises(ValueError, match=rf"^{name} must be > 0, got {value:g}\. "):
        Oscillator(**GOOD | {name: value})


@pytest.mark.parametrize(
    ("name", "rule", "outside", "inside"),
    [
        ("T_int", r"in \(0, 1\]", (0.0, 1.1, -0.5), (0.3, 1.0)),
        ("lambda_sf", ">= 0", (-1e-9,), (0.0, 1e-9)),
        ("Lambda", ">= 1", (0.99, -1.0), (1.0, 3.0)),
        ("Q_nl", ">= 0", (-0.1,), (0.0, 2.0)),
        ("Ku_exponent", ">= 0", (-0.1,), (0.0, 2.2)),
    ],
)
def test_a_number_out_of_its_range_is_refused(name, rule, outside, inside):
    for value in outside:
        with pytest.raises(ValueError, match=rf"^{name} must be {rule}, got {value:g} at index 1 of 2\. "):
            Oscillator(**GOOD | {name: [inside[0], value]})
    assert getattr(Oscillator(**GOOD | {name: inside}), name).tolist() == list(inside)


@pytest.mark.parametrize("name", [field.name for field in fields(Oscillator)])
@pytest.mark.parametrize("huge", [1e61, -1e61, 1e300])
def test_numbers_too_large_for_a_product_are_refused_in_every_field(name, huge):
    with pytest.raises(ValueError, match=rf"^{name} must be at most 1e\+60 in size, got "):
        Oscillator(**GOOD | AXES | {name: given(name, huge)})


@pytest.mark.parametrize("alpha", [-0.01, 1.0, 2.0])
def test_damping_lies_in_0_to_1(alpha):
    message = rf"^alpha must be in \[0, 1\), got {alpha:g} at index 3 of 64\. Gilbert damping is dimensionless\.$"
    with pytest.raises(ValueError, match=message):
        Oscillator(8e5, np.where(np.arange(64) == 3, alpha, 0.02))


@pytest.mark.parametrize("shunt", [0.0, 1.01, -0.5])
def test_the_share_of_current_lies_in_0_to_1(shunt):
    with pytest.raises(ValueError, match=r"^shunt must be in \(0, 1\]"):
        Oscillator(**GOOD, shunt=shunt)
    assert Oscillator(**GOOD, shunt=1.0).shunt == 1.0


@pytest.mark.parametrize("name", [field.name for field in fields(Oscillator)])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_are_refused_in_every_field(name, bad):
    with pytest.raises(ValueError, match=rf"^{name} must be finite, got {bad}"):
        Oscillator(**GOOD | AXES | {name: given(name, bad)})


@pytest.mark.parametrize("name", [field.name for field in fields(Oscillator)])
def test_a_wrong_kind_is_refused_in_every_field(name):
    with pytest.raises(TypeError, match=rf"^{name} must be "):
        Oscillator(**GOOD | {name: {"a": 1}})


@pytest.mark.parametrize("name", ["p", "easy_axis", "m_fixed"])
def test_directions_are_unit_vectors(name):
    with pytest.raises(ValueError, match=rf"^\|{name}\| must be 1, got 1\.41421 at index 1 of 2\. Normalise {name}"):
        Oscillator(8e5, 0.02, **{name: [[0, 0, 1], [0, 1, 1]]})


def test_demagnetising_factors_sum_to_1():
    with pytest.raises(ValueError, match=r"^trace of demag must be 1, got 1\.1\. A thin film has \(0, 0, 1\)"):
        Oscillator(8e5, 0.02, demag=(0.1, 0, 1))
    Oscillator(8e5, 0.02, demag=(-0.2, 0.3, 0.9))  # a net of shape and anisotropy may be negative


def test_axes_are_unit_vectors_and_those_of_a_cube_perpendicular():
    with pytest.raises(ValueError, match=r"^\|further_axes\| must be 1, got 2 at index 1 of 2\."):
        Oscillator(**GOOD, **AXES | {"further_axes": [[0, 0.6, 0.8], [0, 0, 2]]})
    with pytest.raises(ValueError, match=r"^product of cubic_axes must be 0, got 0\.6\. The axes are perpendicular"):
        Oscillator(**GOOD, cubic_axes=[[1, 0, 0], [0.6, 0.8, 0]])
    with pytest.raises(ValueError, match=r"^cubic_axes must be of shape \(\.\.\., 2, 3\), got shape \(3, 3\)"):
        Oscillator(**GOOD, cubic_axes=np.eye(3))


@pytest.mark.parametrize(
    "change",
    [
        {"further_axes": None},
        {"further_Ku": [1e4]},
        {"further_Ku2": [1e4] * 3},
        {"further_Ku": None, "further_Ku2": None},
    ],
)
def test_further_axes_have_a_constant_each(change):
    with pytest.raises(ValueError, match=r"^further_Ku, further_Ku2 must be one number a further axis, got \d further"):
        Oscillator(**GOOD, **AXES | change)


@pytest.mark.parametrize("name", ["further_Ku", "further_Ku2"])
def test_one_kind_of_constant_is_enough_for_further_axes(name):
    oscillator = Oscillator(**GOOD, **AXES | {name: None})
    assert getattr(oscillator, name) is None and oscillator.further_axes.shape == (2, 3)


def test_the_batch_is_the_broadcast_of_all_fields():
    oscillator = Oscillator(np.full((5, 1), 8e5), np.full(4, 0.02), p=np.tile([0.0, 1.0, 0.0], (1, 4, 1)))
    assert oscillator.shape == (5, 4)
    assert Oscillator(8e5, 0.02, demag=np.tile([0.0, 0, 1], (7, 1))).shape == (7,)
    many = {"further_axes": np.tile(AXES["further_axes"], (7, 1, 1)), "further_Ku": np.ones((4, 7, 2))}
    assert Oscillator(8e5, 0.02, **many).shape == (4, 7)


def test_fields_that_do_not_broadcast_are_listed():
    with pytest.raises(ValueError, match=r"must broadcast to one batch shape, got Ms \(2,\), p \(3,\)\. "):
        Oscillator(np.full(2, 8e5), 0.02, p=np.tile([0.0, 1.0, 0.0], (3, 1)))


def test_an_oscillator_does_not_change():
    Ms = np.array([8e5, 9e5])
    oscillator = Oscillator(Ms, 0.02)
    Ms[0] = -1
    assert oscillator.Ms[0] == 8e5
    with pytest.raises(FrozenInstanceError):
        oscillator.alpha = 0.5
    with pytest.raises(ValueError, match="read-only"):
        oscillator.Ms[0] = 1.0
    with pytest.raises(TypeError, match="unhashable"):
        hash(oscillator)


def test_oscillators_are_equal_by_value():
    a = Oscillator(np.array([8e5, 9e5]), 0.02, Ku=1e5)
    assert a == Oscillator(np.array([8e5, 9e5]), 0.02, Ku=1e5) == pickle.loads(pickle.dumps(a))
    assert a != replace(a, Ku=2e5) and a != replace(a, Ms=8e5) and a != "an oscillator"
    assert replace(a, Ku=2e5).Ku == 2e5
    with pytest.raises(ValueError, match="alpha must be"):
        replace(a, alpha=-1.0)


def test_unknown_fields_are_refused():
    with pytest.raises(TypeError, match="damping"):
        Oscillator(8e5, 0.02, damping=0.1)
