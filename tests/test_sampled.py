"""Samples, CSV files, callables and tables as waveforms, and the drives made of them."""

from dataclasses import replace

import numpy as np
import pytest

from shno import Drive, Function, Pulse, Sampled, Sine, Step, Tabulated

NS = 1e-9
VALUES = np.array([0.3, -0.2, 0.7, 0.1, 0.5])
GRID = {"interval": 0.23 * NS, "start": 0.1 * NS}  # its times are not sums that floats do exactly
EDGES = GRID["start"] + GRID["interval"] * np.arange(5)
TIMES = np.linspace(-0.31, 1.69, 101) * NS  # on no edge

# Samples.


def test_a_sample_is_held_until_the_next():
    held = Sampled(VALUES, **GRID)
    assert held.at(TIMES).tolist() == [VALUES[max(sum(t >= EDGES) - 1, 0)] for t in TIMES]
    assert held.at(EDGES).tolist() == VALUES.tolist()  # each from its own time on
    assert held.at(EDGES, EDGES - 1e-15).tolist() == [0.3, *VALUES[:-1]]
    assert held.at(EDGES, EDGES + 1e-15).tolist() == VALUES.tolist()


def test_samples_are_joined_by_lines():
    linear = Sampled(VALUES, **GRID, interpolation="linear")
    expected = np.interp(TIMES, EDGES, VALUES)
    np.testing.assert_allclose(linear.at(TIMES), expected, rtol=0, atol=1e-14, equal_nan=False)  # a few roundings
    np.testing.assert_allclose(linear.at(EDGES), VALUES, rtol=0, atol=1e-14, equal_nan=False)
    beyond, middle = EDGES[2] + 0.5 * GRID["interval"], EDGES[1] + 0.5 * GRID["interval"]
    assert linear.at(beyond, middle) == pytest.approx(-0.2 + 1.5 * 0.9, abs=1e-14)  # the line of the piece goes on
    assert (linear.at(2.0, 3.0), linear.at(-2.0, -3.0)) == (0.5, 0.3)


@pytest.mark.parametrize("interpolation", ["hold", "linear"])
def test_every_sample_is_a_breakpoint(interpolation):
    wave = Sampled(VALUES, **GRID, interpolation=interpolation)
    assert wave.breakpoints(-1.0, 1.0).tolist() == EDGES.tolist()
    assert wave.breakpoints(EDGES[1], EDGES[3]).tolist() == [EDGES[2]]
    assert wave.breakpoints(EDGES[1] + 1e-13, EDGES[2] - 1e-13).size == wave.breakpoints(1.0, 2.0).size == 0
    assert Sampled(np.ones((5, 2, 3)), **GRID).breakpoints(-1.0, 1.0).tolist() == EDGES.tolist()


@pytest.mark.parametrize("interpolation", ["hold", "linear"])
def test_a_batch_of_samples_is_its_columns(interpolation):
    values = np.random.default_rng(1).normal(size=(5, 2, 3))
    wave = Sampled(values, **GRID, interpolation=interpolation)
    assert wave.shape == (2, 3) and wave.at(TIMES).shape == (101, 2, 3) and wave.at(0.0).shape == (2, 3)
    for i, j in np.ndindex(2, 3):
        assert np.array_equal(wave.at(TIMES)[:, i, j], replace(wave, values=values[:, i, j]).at(TIMES))


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"values": "up"}, TypeError, r"^values must be a number or an array of numbers, got 'up'"),
        ({"values": 1.0}, ValueError, r"^number of samples must be >= 1, got 0\. Time is the first axis\."),
        ({"values": []}, ValueError, r"^number of samples must be >= 1, got 0\. "),
        ({"values": [1.0, np.nan]}, ValueError, r"^values must be finite, got nan at index 1 of 2\. "),
        ({"values": [1e90]}, ValueError, r"^values must be at most 1e\+60 in size, got 1e\+90 at index 0 of 1\. "),
        ({"interval": 0.0}, ValueError, r"^interval must be > 0, got 0\. "),
        ({"interval": -1e-9}, ValueError, r"^interval must be > 0, got -1e-09\. "),
        ({"interval": np.nan}, ValueError, r"^interval must be finite, got nan\. "),
        ({"interval": [1e-9, 2e-9]}, TypeError, r"^interval must be one number, got shape \(2,\)\. "),
        ({"interval": None}, TypeError, r"^interval must be a number"),
        ({"start": np.inf}, ValueError, r"^start must be finite, got inf\. "),
        ({"start": "now"}, TypeError, r"^start must be a number"),
        ({"interpolation": "cubic"}, ValueError, r"^interpolation must be one of hold, linear, got 'cubic'\. "),
        ({"interpolation": []}, ValueError, r"^interpolation must be one of hold, linear, got \[\]\. "),
    ],
)
def test_what_are_no_samples_is_refused(given, error, message):
    with pytest.raises(error, match=message):
        Sampled(**{"values": VALUES, **GRID} | given)


# Files.

TABLE = "time (s), I (A)\n# measured\n\n1e-9, 0.5\n 2e-9,-0.25\n3.0000000001e-9,0.125\n"


def test_a_file_of_two_columns_is_a_waveform(folder):
    (folder / "a.csv").write_text(TABLE)
    for path in ("a.csv", folder / "a.csv"):
        wave = Sampled.from_csv(path)
        assert (wave.values.tolist(), wave.start, wave.interpolation) == ([0.5, -0.25, 0.125], 1e-9, "linear")
        assert wave.shape == () and wave.interval == pytest.approx(1e-9, rel=1e-10)
    assert Sampled.from_csv("a.csv", interpolation="hold").interpolation == "hold"


def test_each_further_column_is_one_of_the_batch(folder):
    (folder / "a.csv").write_text("-1,1,2,3\n0,4,5,6\n")
    assert Sampled.from_csv("a.csv") == Sampled([[1, 2, 3], [4, 5, 6]], 1.0, -1.0, "linear")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"^a\.csv must hold two columns and two lines or more, got shape \(0,\)\. "),
        ("1,2\n", r"^a\.csv must hold two columns and two lines or more, got shape \(1, 2\)\. "),
        ("1\n2\n3\n", r"^a\.csv must hold two columns .*, got shape \(3, 1\)\. "),
        ("t,x\n1,2\n2,three\n", r"^line 3 of a\.csv must hold numbers, got '2,three'\. Commas part them\."),
        ("t;x\n1;2\n", r"^line 2 of a\.csv must hold numbers, got '1;2'\. "),
        ("1,2\n2,3,4\n", r"^a\.csv must hold as many columns in every line, got several numbers\. "),
        (
            "1,2\n2,3\n4,5\n",
            r"^time off an even grid in a\.csv must be at most 1\.5e-06 s, got 0\.5 at index 1 of 3\. ",
        ),
        ("1,2\n2,nan\n", r"^every number in a\.csv must be finite, got nan at index 3 of 4\. "),
        ("1,2\ninf,3\n", r"^every number in a\.csv must be finite, got inf at index 2 of 4\. "),
        ("2,2\n1,3\n", r"^interval must be > 0, got -1\. "),
        ("1,2\n1,3\n", r"^interval must be > 0, got 0\. "),
    ],
)
def test_a_file_that_is_no_table_is_refused(folder, text, message):
    (folder / "a.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        Sampled.from_csv("a.csv")


def test_what_is_no_file_is_refused(folder):
    with pytest.raises(FileNotFoundError, match=r"absent\.csv"):
        Sampled.from_csv("absent.csv")
    for path in (0, None, ["a.csv"]):
        with pytest.raises(TypeError, match=r"^path must be a string or a Path, got "):
            Sampled.from_csv(path)
    (folder / "a.csv").write_bytes(b"\xff\xfe1,2\n\x80,1\n")
    with pytest.raises(ValueError, match=r"^line 2 of a\.csv must hold numbers"):
        Sampled.from_csv("a.csv")
    (folder / "a.csv").write_text(TABLE)
    with pytest.raises(ValueError, match=r"^interpolation must be one of hold, linear, got 'cubic'"):
        Sampled.from_csv("a.csv", interpolation="cubic")


# Callables.


def test_a_callable_is_a_waveform_of_its_values():
    wave = Function(lambda t: np.array([[np.sin(3e9 * t)], [t / NS]]) * np.ones(3))
    assert wave.shape == (2, 3) and wave.at(TIMES).shape == (101, 2, 3)
    assert np.array_equal(wave.at(TIMES)[:, 0, 2], [np.sin(3e9 * t) for t in TIMES])
    assert np.array_equal(wave.at(TIMES.reshape(-1, 1))[:, 0], wave.at(TIMES))
    assert wave.breakpoints(-1.0, 1.0).size == 0 and wave.at([]).shape == (0, 2, 3)


@pytest.mark.parametrize("jump", [0.5 * NS, 0.7e-9, 1e-5, 3.3e-3])
def test_a_callable_is_taken_from_the_side_of_a_declared_jump(jump):
    """However it computes the time in nanoseconds, and wherever rounding has put the end of the step."""
    wave = Function(lambda t: 1.0 if t * 1e9 < jump * 1e9 else 2.0, times=[2 * jump, jump])
    dt = 1e-12
    for t in (jump, np.nextafter(jump, 0), np.nextafter(jump, 1), jump - 1e-7 * dt, jump + 1e-7 * dt):
        assert wave.at(t, jump - dt / 2) == 1.0
        assert wave.at(t, jump + dt / 2) == 2.0
    assert wave.at(jump) == 2.0
    assert wave.breakpoints(0.0, 1.0).tolist() == [jump, 2 * jump] == wave.times.tolist()


def test_a_callable_without_declared_jumps_is_called_at_the_very_times():
    calls = []
    wave = Function(lambda t: calls.append(t) or 1.0)
    wave.at([0.1, 0.2, 0.3], [0.15, 0.15, 0.25])
    assert calls[1:] == [0.1, 0.2, 0.3]  # the first call told the shape
    assert all(type(t) is float for t in calls)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Function(1.0), TypeError, r"^function must be callable, got 1\.0\. It is called with the time in s\."),
        (lambda: Function(lambda t: "x"), TypeError, r"^value of <lambda> at t = 0 s must be a number or an array"),
        (lambda: Function(lambda t: None), TypeError, r"^value of <lambda> at t = 0 s must be a number or an array"),
        (lambda: Function(lambda t: np.nan), ValueError, r"^value of <lambda> at t = 0 s must be finite, got nan\. "),
        (lambda: Function(np.cos, "x"), TypeError, r"^times must be a number or an array of numbers, got 'x'"),
        (lambda: Function(np.cos, [0.0, np.inf]), ValueError, r"^times must be finite, got inf at index 1 of 2\. "),
        (lambda: Function(np.cos, [[1.0, 2.0]]), ValueError, r"^times must be of shape \(n,\), got shape \(1, 2\)\. "),
        (lambda: Function(lambda t: np.ones(2 + (t > 1))).at([0.5, 2.0]), ValueError,
         r"^value of <lambda> at t = 2 s must be of shape \(2,\), as at t = 0, got shape \(3,\)\. "),
        (lambda: Function(lambda t: np.inf if t else 0).at(2.0), ValueError, r"at t = 2 s must be finite, got inf\. "),
    ],
)  # fmt: skip
def test_a_callable_that_gives_no_numbers_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


# Tables.


def parabola(t):
    return 0.3 + 0.5 * t - 2.0 * t**2


STAGES = np.arange(4)[:, None] + np.array([0.0, 0.5, 1.0])


@pytest.mark.parametrize("times", [(), (1.3,), (0.25, 1.3, 1.8, 2.0)])
def test_a_table_is_exact_at_its_points_and_for_a_parabola(times):
    """Also where a step is divided: 2.0 lies on the grid, and its piece has no length."""
    edges = np.sort([*np.arange(5.0), *times])
    stages = np.stack([edges[:-1], (edges[:-1] + edges[1:]) / 2, edges[1:]], axis=1)
    middles, x = np.repeat(stages[:, 1:2], 3, axis=1), np.linspace(0.0, 4.0, 333)
    smooth = Tabulated(parabola(stages / 4), 1.0, times=times)
    np.testing.assert_allclose(smooth.at(x), parabola(x / 4), rtol=0, atol=2e-15, equal_nan=False)  # a few roundings
    noise = np.random.default_rng(2).normal(size=(len(stages), 3, 2))
    table, length = Tabulated(noise, 1e-12, 3e-9, 3e-9 + 1e-12 * np.array(times)), np.diff(edges) > 0
    assert np.array_equal(table.at(3e-9 + 1e-12 * stages, 3e-9 + 1e-12 * middles)[length], noise[length])
    assert table.breakpoints(3e-9, 3.004e-9) == pytest.approx([3e-9 + 1e-12 * t for t in times])
    assert np.array_equal(table.at([0.0, 1.0]), noise[[0, -1], [0, 2]])  # held before and after


def test_a_table_jumps_between_its_steps_and_tells_the_side():
    table = Tabulated([[1.0, 2.0, 3.0], [5.0, 5.0, 5.0]], 1.0)
    assert (table.at(1.0, 0.5), table.at(1.0, 1.5), table.at(1.0)) == (3.0, 5.0, 5.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"values": np.ones((4, 2))}, r"^values must be of shape \(n_steps, 3, \.\.\.\), .* got shape \(4, 2\)\. "),
        ({"values": np.ones(3)}, r"^values must be of shape \(n_steps, 3, \.\.\.\), .* got shape \(3,\)\. "),
        ({"values": np.ones((0, 3))}, r"^values must be of shape \(n_steps, 3, \.\.\.\), .* got shape \(0, 3\)\. "),
        ({"values": np.ones((1, 3)), "times": [0.5]}, r"one piece more for each of the times, got shape \(1, 3\)\. "),
        ({"times": [0.5, 4.5]}, r"^times must be in the table, from 0 s to 2 s, got 4\.5 at index 1 of 2\. "),
        ({"values": np.full((4, 3), np.nan)}, r"^values must be finite, got nan at index 0 of 12\. "),
        ({"interval": -1.0}, r"^interval must be > 0, got -1\. "),
        ({"start": np.nan}, r"^start must be finite, got nan\. "),
    ],
)
def test_what_is_no_table_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Tabulated(**{"values": np.ones((4, 3)), "interval": 1.0} | given)
    for name in ("values", "interval", "start", "times"):
        with pytest.raises(TypeError, match=rf"^{name} must be a number or an array of numbers, got 'x'"):
            Tabulated(**{"values": np.ones((4, 3)), "interval": 1.0} | {name: "x"})


# Drives.


def test_a_field_of_samples_or_of_a_callable_is_three_components():
    vectors = np.random.default_rng(3).normal(size=(5, 2, 3))
    for B in (Sampled(vectors, **GRID), lambda t: vectors[0] * t, Function(lambda t: vectors[1] * t, [0.2 * NS])):
        drive = Drive(I=0.0, B_ext=B)
        wave = B if not callable(B) else Function(B)
        assert len(drive.B_ext) == 3 and all(part.shape == (2,) for part in drive.B_ext)
        assert np.array_equal(drive.values(0.6 * NS)["B_ext"], wave.at(0.6 * NS))
    assert drive.breakpoints(0.0, 1.0).tolist() == [0.2 * NS]
    for B in (Sine(1.0, 1e9), Sampled(np.ones((5, 2)), **GRID), Step(np.zeros(3), 1.0, 0.0), lambda t: 1.0):
        with pytest.raises(ValueError, match=r"^B_ext must be three components, or a Sampled or callable of vectors"):
            Drive(I=0.0, B_ext=B)


def test_a_drive_at_a_time_is_the_constant_drive_of_its_values():
    drive = Drive(
        J=Step(1e11, [2e11, 3e11], NS),
        B_ext=(0.1, Pulse(0.2, NS, NS), [0.3, 0.4]),
        V_gate=lambda t: t / NS,
        dKu=1e3 * Sine(2.0, 1e9),
    )
    assert not drive.is_constant and drive.current[0] == "J" and len(drive.waveforms) == 4
    assert drive.at(1.25 * NS) == Drive(
        J=[2e11, 3e11], B_ext=[[0.1, 0.2, 0.3], [0.1, 0.2, 0.4]], V_gate=1.25, dKu=1e3 * Sine(2.0, 1e9).at(1.25 * NS)
    )
    assert drive.at(NS, 0.9 * NS).J.tolist() == [1e11, 1e11] and drive.at(NS).J.tolist() == [2e11, 3e11]
    assert drive.breakpoints(0.0, 3 * NS).tolist() == [NS, 2 * NS]
    assert Drive(I=1.0).is_constant and Drive(I=1.0).at(3.0) == Drive(I=1.0)
    for drive_ in (drive, Drive(I=1.0)):
        for bad, error in (("now", TypeError), ([0.0, 1.0], TypeError), (np.nan, ValueError), (None, TypeError)):
            for give in (drive_.at, lambda t, d=drive_: d.breakpoints(0.0, t)):
                with pytest.raises(error, match=r"^(t|stop) must be "):
                    give(bad)


def test_drives_of_waveforms_are_equal_by_value():
    """Also where numbers, arrays and waveforms stand side by side in B_ext."""
    make = lambda b: Drive(I=Step(0.0, [1.0, 2.0], NS), B_ext=(Sine(b, 1e9), np.array([1.0, 2.0]), 0.1))  # noqa: E731
    assert make(1.0) == make(1.0)
    assert make(1.0) != make(2.0)
