import pickle
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest

from shno import Oscillator
from shno.constants import gamma
from shno.oscillator import UNITS, VECTORS

GOOD = {"Ms": 8e5, "alpha": 0.02, "thickness": 3e-9, "width": 1e-7, "t_HM": 5e-9}


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
    assert oscillator.shape == ()


def test_volume_is_width_squared_times_thickness_unless_given():
    assert Oscillator(**GOOD).volume == pytest.approx(3e-23, rel=1e-15)
    assert Oscillator(**GOOD, volume=1e-23).volume == 1e-23
    assert Oscillator(8e5, 0.02, width=1e-7).volume is None
    widths = np.array([5e-8, 1e-7])
    volumes = Oscillator(**GOOD | {"width": widths}).volume
    np.testing.assert_allclose(volumes, widths**2 * 3e-9, rtol=1e-15, equal_nan=False)


def test_every_field_has_a_unit():
    assert list(UNITS) == [field.name for field in fields(Oscillator)]
    assert all(getattr(Oscillator(8e5, 0.02), name).shape == (3,) for name in VECTORS)


@pytest.mark.parametrize("name", ["Ms", "gamma", "thickness", "width", "volume", "t_HM"])
@pytest.mark.parametrize("value", [0.0, -1.0])
def test_sizes_are_positive(name, value):
    with pytest.raises(ValueError, match=rf"^{name} must be > 0, got {value:g}\. "):
        Oscillator(**GOOD | {name: value})


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
    value = [0.0, bad, 1.0] if name in VECTORS else bad
    with pytest.raises(ValueError, match=rf"^{name} must be finite, got {bad}"):
        Oscillator(**GOOD | {name: value})


@pytest.mark.parametrize("name", [field.name for field in fields(Oscillator)])
def test_a_wrong_kind_is_refused_in_every_field(name):
    with pytest.raises(TypeError, match=rf"^{name} must be "):
        Oscillator(**GOOD | {name: {"a": 1}})


@pytest.mark.parametrize("name", ["p", "easy_axis"])
def test_directions_are_unit_vectors(name):
    with pytest.raises(ValueError, match=rf"^\|{name}\| must be 1, got 1\.41421 at index 1 of 2\. Normalise {name}"):
        Oscillator(8e5, 0.02, **{name: [[0, 0, 1], [0, 1, 1]]})


def test_demagnetising_factors_sum_to_1():
    with pytest.raises(ValueError, match=r"^trace of demag must be 1, got 1\.1\. A thin film has \(0, 0, 1\)"):
        Oscillator(8e5, 0.02, demag=(0.1, 0, 1))
    Oscillator(8e5, 0.02, demag=(-0.2, 0.3, 0.9))  # a net of shape and anisotropy may be negative


def test_the_batch_is_the_broadcast_of_all_fields():
    oscillator = Oscillator(np.full((5, 1), 8e5), np.full(4, 0.02), p=np.tile([0.0, 1.0, 0.0], (1, 4, 1)))
    assert oscillator.shape == (5, 4)
    assert Oscillator(8e5, 0.02, demag=np.tile([0.0, 0, 1], (7, 1))).shape == (7,)


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
