import math
from dataclasses import dataclass

import numpy as np
import pytest

from shno.checks import as_array, check_finite, check_unit_vectors, check_values, complaint, equal, equal_fields


def test_a_complaint_names_rule_value_place_and_remedy():
    assert (
        complaint("alpha", "in [0, 1)", -0.01, "Damp.", 3, 64)
        == "alpha must be in [0, 1), got -0.01 at index 3 of 64. Damp."
    )
    assert complaint("dt", "> 0", 0, "Wait.") == "dt must be > 0, got 0. Wait."


def test_a_number_becomes_a_float_and_a_sequence_a_read_only_copy():
    assert type(as_array("x", np.float32(2))) is float
    given = np.array([1.0, 2.0])
    array = as_array("x", given)
    given[0] = 7
    assert array.dtype == np.float64 and array.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 7


@pytest.mark.parametrize("value", ["8e5", b"8e5", ["8e5"], {}, object(), [[1.0], [1.0, 2.0]], 1j, np.array([1j]), len])
def test_another_kind_is_a_type_error(value):
    with pytest.raises(TypeError, match=r"^Ms must be a number or an array of numbers, got "):
        as_array("Ms", value)


@pytest.mark.parametrize("value", [1.0, [1.0, 2.0], np.ones((3, 2))])
def test_a_vector_has_three_components_on_its_last_axis(value):
    with pytest.raises(ValueError, match=r"^p must be a vector with x, y, z on its last axis, got shape "):
        as_array("p", value, vector=True)
    assert as_array("p", np.ones((2, 3)), vector=True).shape == (2, 3)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_named_by_its_place(bad):
    with pytest.raises(ValueError, match=rf"^B must be finite, got {bad} at index 4 of 6\. NaN"):
        check_finite("B", np.array([[1.0, 2.0, 3.0], [4.0, bad, bad]]))
    with pytest.raises(ValueError, match=rf"^B must be finite, got {bad}\. "):
        check_finite("B", bad)
    check_finite("B", [0.0, -1e300])


def test_nan_breaks_every_rule():
    with pytest.raises(ValueError, match="got nan at index 1 of 2"):
        check_values("x", np.array([1.0, math.nan]), "> 0", lambda x: x > 0, "")


def test_unit_vectors_are_unit_to_1e_6():
    good = np.array([[1.0, 0, 0], [0, 0.6, 0.8]])
    check_unit_vectors("p", good)
    check_unit_vectors("p", good * (1 + 9e-7))
    for factor in (1 + 2e-6, 1 - 2e-6, 0.0, math.nan):
        with pytest.raises(ValueError, match=r"^\|p\| must be 1, got .* at index 1 of 2\. Normalise p"):
            check_unit_vectors("p", good * np.array([[1.0], [factor]]))


def test_equal_compares_bits_kinds_and_shapes():
    nan = np.array([1.0, math.nan])
    assert equal(nan, nan.copy()) and equal(math.nan, math.nan) and equal(None, None) and equal("a", "a")
    assert not equal(nan, np.array([math.nan, 1.0]))
    assert not equal(np.ones(2), np.ones((1, 2)))
    assert not equal(np.ones(2, np.float32), np.ones(2))
    assert not equal(None, 1.0) and not equal("a", None) and not equal("1", 1) and not equal("a", "b")


def test_fields_are_equal_when_every_field_is():
    @dataclass(frozen=True, eq=False)
    class Record:
        a: object
        b: object
        __eq__ = equal_fields
        __hash__ = None

    assert equal_fields(Record(np.ones(2), Record(1.0, None)), Record(np.ones(2), Record(1.0, None)))
    assert not equal_fields(Record(np.ones(2), Record(1.0, None)), Record(np.ones(2), Record(1.0, 0.0)))
    assert not equal_fields(Record(1.0, 2.0), (1.0, 2.0))
