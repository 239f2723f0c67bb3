"""Every kind of waveform from its definition, its breakpoints and their sides, sums and products, and bad input."""

import pickle
from dataclasses import FrozenInstanceError, replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from shno import Chirp, Constant, Function, Pulse, Ramp, Sampled, Sine, Step, Sum
from shno.waveform import Waveform

NS = 1e-9
TIMES = np.linspace(-1.31, 7.69, 101) * NS  # on no edge
ROUNDING = {"rtol": 1e-12, "atol": 1e-12, "equal_nan": False}  # phases of up to 100 rad are known to 2e-14


def chirped(t):
    """The phase is 2 pi times the integral of the frequency, which is held before the start and after the stop."""
    turns = quad(lambda s: np.interp(s, [1.1, 4.1], [2.0, 5.0]), 1.1, t / NS, points=[1.1, 4.1], epsabs=1e-13)[0]
    return 0.7 * np.sin(2 * np.pi * turns + 0.4)


DEFINITIONS = {
    "constant": (Constant(-0.3), lambda t: -0.3),
    "step": (Step(0.2, -0.7, 2.1 * NS), lambda t: 0.2 if t < 2.1 * NS else -0.7),
    "ramp": (Ramp(0.2, -0.7, 1.1 * NS, 4.1 * NS), lambda t: np.interp(t, [1.1 * NS, 4.1 * NS], [0.2, -0.7])),
    "pulse": (Pulse(0.7, 1.1 * NS, 2.3 * NS), lambda t: 0.7 * (1.1 * NS <= t < 3.4 * NS)),
    "train": (
        Pulse(0.7, 1.1 * NS, 0.4 * NS, 1.3 * NS, 4),
        lambda t: 0.7 * any(0 <= t / NS - 1.1 - 1.3 * k < 0.4 for k in range(4)),
    ),
    "sine": (Sine(0.7, 2.3e9, 0.4), lambda t: 0.7 * np.sin(2 * np.pi * 2.3e9 * t + 0.4)),
    "chirp": (Chirp(0.7, 2e9, 5e9, 3 * NS, 1.1 * NS, 0.4), chirped),
}
TRAIN = Pulse(0.7, 0.1e-9, 0.07e-9, 0.23e-9, 9)  # its times are not sums that floats do exactly
KINKED = {name: DEFINITIONS[name][0] for name in ("step", "ramp", "pulse", "chirp")} | {"train": TRAIN}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_waveform_is_its_definition(name):
    wave, definition = DEFINITIONS[name]
    np.testing.assert_allclose(wave.at(TIMES), [definition(t) for t in TIMES], **ROUNDING)
    assert wave.at(TIMES[7]) == wave.at(TIMES)[7] and np.shape(wave.at(TIMES[7])) == ()
    assert np.array_equal(wave.at(TIMES[:100].reshape(5, 20)), wave.at(TIMES[:100]).reshape(5, 20))


@pytest.mark.parametrize("name", KINKED)
def test_a_breakpoint_belongs_to_the_piece_that_it_begins(name):
    wave = KINKED[name]
    times = wave.breakpoints(-10 * NS, 10 * NS)
    after = wave.at(times, times * (1 + 1e-9))
    assert np.array_equal(wave.at(times), after)
    assert np.array_equal(wave.at(times, times), after)


@pytest.mark.parametrize("name", KINKED)
def test_between_two_breakpoints_there_is_one_formula(name):
    """Whatever time of a piece `inside` is; and beside another piece it is another formula, there or nearby."""
    wave = KINKED[name]
    edges = np.concatenate([[-10 * NS], wave.breakpoints(-10 * NS, 10 * NS), [10 * NS]])
    values = [
        [wave.at(TIMES, low + share * (high - low)) for share in (0.0, 1e-6, 0.3, 1 - 1e-6)]
        for low, high in pairwise(edges)
    ]
    for piece in values:
        assert all(np.array_equal(piece[0], other) for other in piece)
    for piece, following in pairwise(values):
        assert np.abs(piece[0] - following[0]).max() > 1e-3


def test_the_side_of_a_jump_is_told_by_inside():
    t = 2.1 * NS
    step = Step(0.2, -0.7, t)
    assert (step.at(t), step.at(t, 2 * NS), step.at(t, 3 * NS)) == (-0.7, 0.2, -0.7)
    opens = 0.1 * NS + 4 * (0.23 * NS)
    assert (TRAIN.at(opens, opens - 1e-15), TRAIN.at(opens, opens + 1e-15)) == (0.0, 0.7)
    ramp = Ramp(0.0, 1.0, 0.0, 1.0)  # the line goes on beyond its ends for a step that has its middle on it
    assert (ramp.at(1.5, 0.9), ramp.at(1.5, 1.1), ramp.at(-0.5, 0.1), ramp.at(-0.5, -0.1)) == (1.5, 1.0, -0.5, 0.0)


@pytest.mark.parametrize(
    ("wave", "expected"),
    [
        (Constant(1.0), []),
        (Sine(1.0, 1e9), []),
        (Step(0.0, 1.0, 2.0), [2.0]),
        (Step(0.0, 1.0, [4.0, 2.0, 2.0]), [2.0, 4.0]),
        (Ramp(0.0, 1.0, 2.0, [3.0, 4.0]), [2.0, 3.0, 4.0]),
        (Chirp(1.0, 1.0, 2.0, 3.0, 1.5), [1.5, 4.5]),
        (Pulse(1.0, 2.0, 9.0), [2.0]),
        (Pulse(1.0, -8.0, 9.5), [1.5]),  # longer than its idle period of 1 s
        (Pulse(1.0, 0.25, 0.5, 1.0, 3), [0.75, 1.25, 1.75, 2.25, 2.75]),
        (Pulse(1.0, 0.25, 0.5, 1.0, [1, 2]), [0.75, 1.25, 1.75]),
        (Pulse(1.0, 0.25, [[0.5], [1.0]], 1.0, 2), [0.75, 1.25, 1.75, 2.25]),
        (Pulse(1.0, -1e9, 0.5, 1.0, 1e15), [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5]),
        (Step(0.0, 1.0, 2.0) + 3.0 * Ramp(0.0, 1.0, 1.0, 3.0) * Step(0.0, 1.0, 2.0), [1.0, 2.0, 3.0]),
    ],
)
def test_breakpoints_are_the_jumps_and_kinks_strictly_between(wave, expected):
    """Sorted, each once, over the whole batch; the window is open: the pulses of 0.25 to 4.75 keep clear of it."""
    assert wave.breakpoints(0.25 if isinstance(wave, Pulse) else 0.0, 4.75).tolist() == expected
    assert wave.breakpoints(5.0, 5.0).size == 0


def test_a_sine_is_as_exact_after_a_million_turns_as_its_argument():
    turns = np.array([1e6, 1e6 + 0.125, 1e6 + 0.5, 1e9 + 0.25])  # 2^30 Hz times these times is exact
    times, angle = turns / 2**30, 2 * np.pi * np.array([0, 0.125, 0.5, 0.25])
    np.testing.assert_allclose(Sine(1.0, 2.0**30).at(times), np.sin(angle), rtol=0, atol=2e-15)  # 2 roundings
    error = np.abs(Sine(1.0, 2.0**30, 0.3).at(times) - np.sin(angle + 0.3))
    assert (error <= 2 * np.pi * np.spacing(turns)).all()  # the phase is added to the turns, whose last digit rounds


def batches():
    column, row = np.array([[0.3], [-0.7]]), np.array([1.0, 2.0, 4.0])
    yield Constant(column * row)
    yield Step(column, row, 1.5 * NS * row)
    yield Ramp(row, column, 0.0, 2 * NS * row)
    yield Pulse(column, 0.3 * NS * row, 0.2 * NS, NS * row, np.array([1, 2, 5]))
    yield Sine(row, 1e9 * column, 0.4)
    yield Chirp(column, 1e9, 1e9 * row, 3 * NS, NS, 0.2)
    yield Sampled(np.arange(24.0).reshape(4, 2, 3), NS, interpolation="linear") * column - row
    yield Step(0.1, 0.5, NS * row) * Sine(column, 1e9) + np.ones((2, 1)) * Function(lambda t: t * 1e9)


def member(wave, index):
    """The waveform of one element of a batch (2, 3)."""
    if not isinstance(wave, Waveform):
        return np.broadcast_to(wave, (2, 3))[index]
    if isinstance(wave, Sampled):
        return replace(wave, values=wave.values[:, *index])
    if isinstance(wave, Function):
        return wave
    return type(wave)(*(member(getattr(wave, name), index) for name in wave.__dataclass_fields__))


@pytest.mark.parametrize("wave", list(batches()), ids=lambda wave: type(wave).__name__)
def test_a_batch_is_its_elements(wave):
    t = np.linspace(-1, 8, 30).reshape(5, 6) * NS
    assert wave.shape == (2, 3) and wave.at(NS).shape == (2, 3)
    values = wave.at(t, t + 0.1 * NS)
    assert values.shape == (5, 6, 2, 3)
    for index in np.ndindex(2, 3):
        assert np.array_equal(values[..., *index], member(wave, index).at(t, t + 0.1 * NS))  # the same arithmetic


@pytest.mark.parametrize("other", [2.5, -3, np.float64(0.5), [1.0, 2.0], np.array([[1.0], [4.0]]), Sine(0.3, 2e9)])
def test_sums_and_products_are_those_of_the_values(other):
    wave = Step(0.2, -0.7, np.array([2.1, 3.1]) * NS)
    of_other = other.at(TIMES)[:, None, None] if isinstance(other, Waveform) else np.asarray(other)
    of_wave = wave.at(TIMES)[:, None, :]
    for result, value in (
        (wave + other, of_wave + of_other),
        (other + wave, of_wave + of_other),
        (wave - other, of_wave - of_other),
        (other - wave, of_other - of_wave),
        (wave * other, of_wave * of_other),
        (other * wave, of_wave * of_other),
        (-wave, -of_wave),
        (1.5 * (wave - other) * wave + 0.25, 1.5 * (of_wave - of_other) * of_wave + 0.25),
    ):
        assert isinstance(result, Waveform)
        expected = np.broadcast_to(value, (len(TIMES), *(1,) * (2 - len(result.shape)), *result.shape))
        assert np.array_equal(result.at(TIMES), expected.reshape(len(TIMES), *result.shape))  # the same operations


def test_the_leaves_of_a_tree_are_its_waveforms():
    a, b = Step(0.0, 1.0, 2.0), Sine(1.0, 2.0)
    assert [id(leaf) for leaf in (2.0 * (a + b) * a - 1.0).leaves()] == [id(a), id(b), id(a)]


@pytest.mark.parametrize("operation", ["__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__"])
@pytest.mark.parametrize(
    ("other", "error", "message"),
    [
        ("1", TypeError, r"operand must be a number or an array of numbers, got '1'\. "),
        (None, TypeError, r"operand must be a number or an array of numbers, got None\. "),
        (True, TypeError, r"operand must be a number"),
        (1j, TypeError, r"operand must be a number"),
        ([[1.0], [2.0, 3.0]], TypeError, r"operand must be a number"),
        (np.nan, ValueError, r"operand must be finite, got nan\. "),
        ([1.0, -np.inf], ValueError, r"operand must be finite, got -?inf at index 1 of 2\. "),
        (1e200, ValueError, r"operand must be at most 1e\+60 in size, got -?1e\+200\. "),
        (np.ones(3), ValueError, r"^operands must be of shapes that broadcast, got shapes \(2,\) and \(3,\)\. "),
    ],
)
def test_an_operand_is_a_number_an_array_or_a_waveform(operation, other, error, message):
    with pytest.raises(error, match=message):
        getattr(Step(0.0, np.array([1.0, 2.0]), 0.0), operation)(other)


BASE = {
    Constant: {"value": 1.0},
    Step: {"before": 1.0, "after": 2.0, "time": 3.0},
    Ramp: {"before": 1.0, "after": 2.0, "start": 3.0, "stop": 4.0},
    Pulse: {"amplitude": 1.0, "start": 2.0, "width": 0.5, "period": 1.0, "count": 3},
    Sine: {"amplitude": 1.0, "frequency": 1e9, "phase": 0.1},
    Chirp: {"amplitude": 1.0, "f_start": 1e9, "f_stop": 2e9, "duration": 1e-9, "start": 0.0, "phase": 0.1},
}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, given in BASE.items() for name in given])
def test_every_parameter_is_checked(kind, name):
    for bad in ("1", None, {}, True, [[1.0], [2.0, 3.0]], Constant(1.0)):
        with pytest.raises(TypeError, match=rf"^{name} must be a number or an array of numbers, got "):
            kind(**BASE[kind] | {name: bad})
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match=rf"^{name} must be finite, got {bad} at index 1 of 2\. "):
            kind(**BASE[kind] | {name: [1.0, bad]})
    with pytest.raises(ValueError, match=rf"^{name} must be at most 1e\+60 in size, got 1e\+100\. "):
        kind(**BASE[kind] | {name: 1e100})


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        (Pulse, {"width": 0.0}, r"^width must be > 0, got 0\. "),
        (Pulse, {"width": [1.0, -1.0]}, r"^width must be > 0, got -1 at index 1 of 2\. "),
        (Pulse, {"period": -1.0}, r"^period must be > 0, got -1\. "),
        (Pulse, {"count": 0}, r"^count must be a whole number >= 1, got 0\. "),
        (Pulse, {"count": [1, 2.5]}, r"^count must be a whole number >= 1, got 2\.5 at index 1 of 2\. "),
        (Pulse, {"width": 1.5}, r"^period - width must be >= 0 in a train, got -0\.5\. Pulses do not overlap\."),
        (Chirp, {"duration": 0.0}, r"^duration must be > 0, got 0\. "),
        (Chirp, {"duration": 1e-100}, r"^duration must be at least 1e-60, got 1e-100\. "),
        (Ramp, {"stop": 3.0}, r"^stop - start must be > 0, got 0\. A ramp ends after it starts\."),
        (Ramp, {"stop": [5.0, 2.0]}, r"^stop - start must be > 0, got -1 at index 1 of 2\. "),
        (Step, {"after": [1.0, 2.0], "time": [1.0] * 3}, r"^Step must be parameters that broadcast to one shape, got"),
    ],
)
def test_what_no_waveform_can_be_is_refused(kind, given, message):
    with pytest.raises(ValueError, match=message):
        kind(**BASE[kind] | given)


def test_a_single_pulse_may_be_longer_than_a_period_it_does_not_have():
    assert Pulse(1.0, 0.0, 5.0).at([-0.1, 0.0, 3.0, 4.9, 5.0]).tolist() == [0.0, 1.0, 1.0, 1.0, 0.0]
    assert Pulse(1.0, 0.0, 1.0, 1.0, 3).at([0.5, 1.0, 2.9, 3.0]).tolist() == [1.0, 1.0, 1.0, 0.0]  # back to back


@pytest.mark.parametrize("wave", [wave for wave, _ in DEFINITIONS.values()], ids=DEFINITIONS)
def test_times_are_checked(wave):
    wave = wave + Step(0.0, 1.0, 0.0)
    for bad in ("now", None, [[1.0], [2.0, 3.0]]):
        for give in (wave.at, lambda t: wave.at(0.0, [t]), lambda t: wave.breakpoints(0.0, t)):
            with pytest.raises(TypeError, match=r"^(t|inside|stop) must be a number or an array of numbers, got "):
                give(bad)
    for bad, rule in ((np.nan, "finite"), (np.inf, "finite"), (1e100, "at most 1e\\+60 in size")):
        for name, give in (("t", wave.at), ("stop", lambda t: wave.breakpoints(0.0, t))):
            with pytest.raises(ValueError, match=rf"^{name} must be {rule}, got "):
                give(bad)
    with pytest.raises(ValueError, match=r"^inside must be one number or of the shape of t, got shape \(3,\) beside"):
        wave.at([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match=r"^start must be one number, got shape \(2,\)"):
        wave.breakpoints([0.0, 1.0], 2.0)
    assert np.array_equal(wave.at([1.0, 2.0], -1.0), [wave.at(1.0, -1.0), wave.at(2.0, -1.0)])


def test_the_largest_numbers_overflow_nowhere():
    """A warning would be an error."""
    big, tiny = 1e60, 2e-60
    waves = [Step(-big, big, big), Ramp(-big, big, 0.0, tiny), Sine(big, big, big), Chirp(big, -big, big, tiny, -big)]
    for wave in (*waves, Pulse(big, -big, tiny, tiny, big), Sampled([-big, big], tiny, -big, "linear")):
        for t in (-big, 0.0, tiny, big):
            assert np.isfinite((wave * big + big).at(t)) and np.isfinite(wave.at(t, -t))
        assert wave.breakpoints(0.0, 0.0).size == 0


def test_pulses_without_number_are_refused_rather_than_counted():
    with pytest.raises(
        ValueError, match=r"^pulses must be at most 10000000 in a run, got 5e\+20\. Lengthen the period"
    ):
        Pulse(1.0, 0.0, 1e-30, 2e-30, 1e50).breakpoints(0.0, NS)


def test_a_waveform_is_a_value():
    values = np.array([1.0, 2.0])
    for wave in (*batches(), Step(0.0, values, 1.0), 2.0 * Step(0.0, values, 1.0) + values):
        if any(isinstance(leaf, Function) for leaf in wave.leaves()):
            continue
        assert wave == pickle.loads(pickle.dumps(wave)) == replace(wave)
        assert wave != wave + 1.0 and wave != 2.0 * wave and Sum(wave, 1.0) != Sum(wave, 2.0)
        with pytest.raises(TypeError, match="unhashable"):
            hash(wave)
    step = Step(0.0, values, 1.0)
    values[0] = 7.0
    assert step.after.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        step.after[0] = 7.0
    with pytest.raises(FrozenInstanceError):
        step.time = 2.0


def test_a_summary_is_one_line_of_kinds_and_numbers():
    wave = 0.5 * Step(0.0, [1.0, 2.0], 1e-9) + Function(np.sin)
    assert wave.summary == "Sum(Product(Step(0, 1 to 2, 1e-09), 0.5), Function(sin, none))"
