"""The door of the closed forms: what they refuse, how they broadcast, what they say about themselves."""

from inspect import getdoc, signature

import numpy as np
import pytest

from shno import theory

VECTORS = {"m": (0.6, 0.0, 0.8), "B_eff": (0.05, 0.02, 0.1), "demag": (0.1, 0.2, 0.7)}
VALID = VECTORS | {  # a value that every function with this argument accepts, unless SPECIAL has another
    **{"B": 0.2, "M": 0.8, "Bk": 0.3, "B1": 0.1, "B2": 0.9, "b": 1e-3, "b_c": 1e-4, "a": 6e-3, "a_c": 6e-3, "da": 1e-4},
    **{"alpha": 0.05, "gamma": 1.8e11, "Ms": 8e5, "thickness": 2e-9, "volume": 5e-23, "temperature": 300.0},
    **{"t": 1e-9, "dt": 1e-12, "f": 5e9, "theta0": 2.0, "theta1": 0.5, "theta": 1.0, "psi": 0.7, "elevation": 0.6},
    **{"c": 0.4, "zeta": 1.5, "Q": 2.0, "Gamma": 1e9, "N": -4e9, "D_n": 2e4, "p_i": 1e-3, "p_th": 0.1},
    **{"theta_SH": -0.3, "p_dot_m": -0.5, "detuning": 0.5e8, "half_range": 1e8, "density": 1e-9, "sigma": 1e9},
    **{"half_width": 1e9, "K": 3e9, "n": 5, "linewidth": 1e6, "s": 4.0, "x": 0.5, "order": 4, "components": 2},
    **{"wells": 2},
}
BELOW_THRESHOLD = {"zeta": 0.5}
SPECIAL = {
    "kittel_frequency_perpendicular": {"B": 1.0},
    "cone_variance": {"Bk": -0.8},
    "perpendicular_cone": {"Bk": -0.8, "B": 0.1},
    "linewidth_below_threshold": BELOW_THRESHOLD,
    "power_below_threshold": BELOW_THRESHOLD,
}
WRONG_KINDS = (None, "0.1", 1j, True, [1.0, [2.0]], object())
NOT_FINITE = (np.nan, np.inf, -np.inf, [0.1, np.nan])
EXTREME = (0.0, 1e-320, 1e-300, -1e-300, 1e150, -1e150, 1.7e308, -1.7e308, 10**400)


def arguments(name):
    return {each: (VALID | SPECIAL.get(name, {}))[each] for each in signature(getattr(theory, name)).parameters}


def parts(result):
    return result if isinstance(result, tuple) else (result,)


EVERY_ARGUMENT = [(name, each) for name in theory.__all__ for each in arguments(name)]
every_function = pytest.mark.parametrize("name", theory.__all__)
every_argument = pytest.mark.parametrize(("name", "argument"), EVERY_ARGUMENT)


@every_function
def test_a_closed_form_states_its_unit_its_source_and_where_it_holds(name):
    text = getdoc(getattr(theory, name))
    assert all(each in text for each in ("Returns : ", "Source : "))
    assert any(each in text for each in ("Valid", "Exact"))


@every_function
def test_what_is_valid_gives_finite_float64(name):
    for part in parts(getattr(theory, name)(**arguments(name))):
        assert np.shape(part) == ()
        assert np.isfinite(part)
        assert isinstance(part, np.float64 | np.complex128)


@every_argument
def test_a_wrong_kind_is_a_type_error_that_names_the_argument(name, argument):
    for wrong in WRONG_KINDS:
        with pytest.raises(TypeError, match=rf"^{argument} must be "):
            getattr(theory, name)(**arguments(name) | {argument: wrong})


@every_argument
def test_nan_and_infinity_are_refused_by_name(name, argument):
    for value in NOT_FINITE:
        if argument in VECTORS:
            value = (0.1, 0.2, np.max(value))
        with pytest.raises(ValueError, match=rf"^{argument} must be finite, got "):
            getattr(theory, name)(**arguments(name) | {argument: value})


@every_argument
def test_extreme_values_give_a_number_or_an_error_that_names_the_argument(name, argument):
    """Never a warning, never an infinity; NaN only where it is documented: no such state."""
    may_be_absent = name in ("perpendicular_cone", "locked_phase", "parametric_locked_phases", "mutual_locked_phase")
    for value in EXTREME:
        if argument in VECTORS and not isinstance(value, int):
            value = (value, 0.1, -value)
        try:
            result = getattr(theory, name)(**arguments(name) | {argument: value})
        except (TypeError, ValueError) as error:
            assert argument in str(error)
        else:
            assert all(np.isfinite(part) or (may_be_absent and np.isnan(part)) for part in parts(result))


@every_argument
def test_a_batch_is_its_members_one_by_one(name, argument):
    valid = arguments(name)
    factors = np.array([1.0, 0.97, 0.9])
    whole = argument in ("n", "order", "components", "wells")
    values = np.array([2, 1, 2]) if whole else np.multiply.outer(factors, valid[argument])
    if argument == "demag":
        values = np.array([valid[argument], (0.3, 0.3, 0.4), (0.0, 0.0, 1.0)])
    if argument == "m":
        values = np.array([valid[argument], (0.0, 0.6, 0.8), (0.28, 0.96, 0.0)])
    batch = parts(getattr(theory, name)(**valid | {argument: values}))
    single = [parts(getattr(theory, name)(**valid | {argument: each})) for each in values]
    for k, part in enumerate(batch):
        one_by_one = np.array([each[k] for each in single])
        np.testing.assert_allclose(np.broadcast_to(part, 3), one_by_one, rtol=1e-13, equal_nan=False)  # vector loops


def test_arguments_broadcast():
    B, M = np.linspace(0.1, 0.3, 4)[:, None], np.linspace(0.5, 1.0, 3)
    f = theory.kittel_frequency(B, M)
    assert f.shape == (4, 3)
    assert f[2, 1] == pytest.approx(theory.kittel_frequency(B[2, 0], M[1]), rel=1e-15)


def test_shapes_that_do_not_broadcast_are_named():
    with pytest.raises(ValueError, match=r"^B, M, Bk, gamma must broadcast to one shape, got B \(3,\), M \(2,\)\. "):
        theory.kittel_frequency([0.1, 0.2, 0.3], [1.0, 2.0])


def test_arguments_are_not_changed():
    B = np.array([0.1, 0.2])
    theory.kittel_frequency_oblique(B, 0.3, 0.8)
    assert B.tolist() == [0.1, 0.2]


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: theory.kittel_frequency([0.1, -0.2, 0.1], 1.0), r"^B \+ Bk must be >= 0, got -0.2 at index 1 of 3\. "),
        (lambda: theory.kittel_frequency(0.1, -0.5), r"^B \+ Bk \+ M must be >= 0, got -0.4\. "),
        (lambda: theory.kittel_frequency_perpendicular(0.5, 1.0), "^B - M must be >= 0, got -0.5"),
        (lambda: theory.kittel_frequency_ellipsoid(0.1, 8e5, (0, 0, 0.9)), "^trace of demag must be 1, got 0.9"),
        (lambda: theory.kittel_frequency_ellipsoid(0.1, 8e5, (1, 0, 0)), r"^B \+ \(Ny - Nx\) mu_0 Ms of demag must be"),
        (lambda: theory.kittel_frequency_oblique(0.0, 0.3, 0.8), "^B must be > 0, got 0"),
        (lambda: theory.kittel_frequency_oblique(0.1, 1.6, 0.8), r"^elevation must be in \[0, pi/2\], got 1.6"),
        (lambda: theory.larmor_frequency(0.1, -1.0), "^gamma must be > 0, got -1"),
        (
            lambda: theory.larmor_frequency([1.0, 1e300]),
            r"^larmor_frequency\(B, gamma\) must be finite, got inf at inde",
        ),
        (lambda: theory.mallinson(1e-9, 3.2, 0.5, 0.02), r"^theta0 must be in \[0, pi\], got 3.2"),
        (lambda: theory.mallinson_time(3.0, 0.0, 0.5, 0.02), r"^theta1 must be in \(0, pi\), got 0"),
        (lambda: theory.mallinson_time(3.0, 1.0, 0.5, 0.0), r"^mallinson_time\(.*alpha.*\) must be finite, got inf"),
        (lambda: theory.energy_dissipation_rate((1, 1, 0), (0, 0, 1), 0.1, 8e5, 1e-24), r"^\|m\| must be 1, got 1.41"),
        (lambda: theory.parametric_threshold(0.1, 0.1, 0.01), r"^parametric_threshold\(B1, B2, alpha\) must be finite"),
        (lambda: theory.noncollinear_threshold(0.1, 1.0, 0.01, 0.0), r"^p_dot_m must be in \[-1, 1\] and not 0, got 0"),
        (lambda: theory.collinear_threshold(0.1, -0.2, 0.0, 0.02), r"^B \+ Bk \+ M must be >= 0, got -0.1"),
        (lambda: theory.critical_current_density(1e-3, 0.0, 8e5, 1e-9), "^theta_SH must be other than 0, got 0"),
        (lambda: theory.perpendicular_switching_torque(0.5, 0.4), "^B / Bk must be <= 1, got 1.25"),
        (lambda: theory.perpendicular_cone(1e-3, 0.1, -0.8, 0.0), r"^alpha must be in \(0, 1\), got 0"),
        (lambda: theory.depinning_torque(1e-3, wells=3), "^wells must be 1 or 2, got 3"),
        (lambda: theory.growth_time(0.2, 0.1, 2.0, 1e8, 2.0), "^p_i / p_th must be <= 1, got 2"),
        (lambda: theory.growth_time(0.1, 0.25, 2.0, 1e8, 2.0), "^p_th / p0 must be < 1, got 1"),
        (lambda: theory.latency(0.1, 1.0, 1e8, 2.0), "^zeta must be > 1, got 1"),
        (lambda: theory.linewidth_below_threshold(1.0, 1e8), "^zeta must be < 1, got 1"),
        (lambda: theory.injection_half_range(1e-3, -1.0, 0.05), r"^c must be in \(-1, 1\), got -1"),
        (lambda: theory.array_linewidth(1e6, 2.5), "^n must be >= 1 and whole, got 2.5"),
        (lambda: theory.neel_brown_eigenvalue(101.0), r"^s must be in \[0, 100\], got 101"),
        (lambda: theory.cone_variance(0.1, 300.0, 8e5, 1e-24), "^Bk must be < 0, got 0.1"),
        (lambda: theory.step_growth(3.1, 4), r"^x must be in \(0, 3\], got 3.1"),
        (lambda: theory.step_growth(0.1, 3), "^order must be 1, 2 or 4, got 3"),
        (lambda: theory.strong_order(4, 4), "^components must be 0, 1, 2 or 3, got 4"),
    ],
)
def test_what_is_outside_the_range_of_validity_is_refused_with_reason(call, complaint):
    with pytest.raises(ValueError, match=complaint):
        call()
