"""Waveforms as named numbers and back: every kind, every nesting; callables become tables."""

from itertools import pairwise

import numpy as np
import pytest

from shno import Chirp, Constant, Drive, Function, Pulse, Ramp, Sampled, Sine, Step, Tabulated
from shno.plan import clock
from shno.waveform import Product, Sum
from shno.waveform_numbers import tabulated, waveform_numbers, waveforms_of_numbers

NS = 1e-9
KINDS = [
    Constant(0.3),
    Step(0.1, [0.2, 0.3], NS),
    Ramp(0.1, 0.2, NS, [[2 * NS], [3 * NS]]),
    Pulse(0.1, NS, 0.2 * NS, 2 * NS, 5),
    Sine(0.1, 1e9, 0.3),
    Chirp(0.1, 1e9, 2e9, NS, 0.5 * NS, 0.3),
    Sampled(np.arange(6.0).reshape(3, 2), NS, 0.5 * NS, "hold"),
    Sampled(np.arange(3.0), NS, 0.5 * NS, "linear"),
    Tabulated(np.arange(18.0).reshape(3, 3, 2), NS, 0.5 * NS, [0.7 * NS]),
]
NESTED = [
    2.0 * KINDS[1] - 0.5,
    (KINDS[1] + KINDS[6]) * (KINDS[4] + [1.0, 2.0]) * KINDS[0],
    Sum(Product(Sum(KINDS[2], 1.0), -1.0), Product(KINDS[7], KINDS[8])),
]


@pytest.mark.parametrize("wave", [*KINDS, *NESTED], ids=lambda wave: type(wave).__name__)
def test_a_waveform_is_its_numbers(wave):
    numbers = waveform_numbers("I", wave, "A")
    assert all(isinstance(value, float | np.ndarray) for value, _ in numbers.values())
    assert all(path.startswith(f"I.{type(wave).__name__}.") for path in numbers)
    back = waveforms_of_numbers({path: value for path, (value, _) in numbers.items()} | {"V_gate": 0.3})
    assert back == {"I": wave, "V_gate": 0.3}


def test_a_path_names_the_kind_and_the_parameter_and_has_its_unit():
    numbers = waveform_numbers("I", 2.0 * Step(1e-3, 2e-3, NS) + Sine(3e-3, 1e9, 0.3) * Sine(4.0, 2e9), "A")
    assert numbers == {
        "I.Sum.a.Product.a.Step.before": (1e-3, "A"),
        "I.Sum.a.Product.a.Step.after": (2e-3, "A"),
        "I.Sum.a.Product.a.Step.time": (NS, "s"),
        "I.Sum.a.Product.b": (2.0, "1"),
        "I.Sum.b.Product.a.Sine.amplitude": (3e-3, "A"),
        "I.Sum.b.Product.a.Sine.frequency": (1e9, "Hz"),
        "I.Sum.b.Product.a.Sine.phase": (0.3, "rad"),
        "I.Sum.b.Product.b.Sine.amplitude": (4.0, "1"),
        "I.Sum.b.Product.b.Sine.frequency": (2e9, "Hz"),
        "I.Sum.b.Product.b.Sine.phase": (0.0, "rad"),
    }
    assert waveform_numbers("I", None, "A") == {} and waveform_numbers("I", 2.0, "A") == {"I": (2.0, "A")}
    units = {
        path.rpartition(".")[2]: unit for wave in KINDS for path, (_, unit) in waveform_numbers("", wave, "T").items()
    }
    assert units == {
        **dict.fromkeys(("value", "values", "before", "after", "amplitude"), "T"),
        **dict.fromkeys(("time", "times", "start", "stop", "width", "period", "interval", "duration"), "s"),
        **dict.fromkeys(("frequency", "f_start", "f_stop"), "Hz"),
        **{"phase": "rad", "count": "1", "interpolation": "1"},
    }


def test_components_of_a_field_have_their_index():
    field = (0.1, 2.0 * Step(0.1, [0.2, 0.3], NS), np.array([0.3, 0.4]))
    numbers = {}
    for k, part in enumerate(field):
        numbers |= {path: value for path, (value, _) in waveform_numbers(f"B_ext.{k}", part, "T").items()}
    back = waveforms_of_numbers(numbers)["B_ext"]
    assert back[:2] == field[:2] and np.array_equal(back[2], field[2])


@pytest.mark.parametrize(
    "numbers",
    [
        {"I.Triangle.amplitude": 1.0},
        {"I.Function.times": 1.0},
        {"I.Formula.value": 1.0},
        {"I.Constant.value": 1.0, "I.Sine.amplitude": 1.0},
        {"I.0": 1.0, "I.1": 1.0},
        {"I.Step.before": 1.0},
        {"I.Constant.value": 1.0, "I.Constant.other": 1.0},
        {"I.Constant.value": np.nan},
        {"I.Sum.a": 1.0},
        {"I.Sampled.values": np.ones(2), "I.Sampled.interval": 1.0, "I.Sampled.interpolation": 2.0},
        {"I.Sampled.values": np.ones(2), "I.Sampled.interval": 1.0, "I.Sampled.interpolation": -1.0},
        {"I.Sampled.values": np.ones(2), "I.Sampled.interval": 1.0, "I.Sampled.interpolation": np.ones(2)},
    ],
)
def test_numbers_that_make_no_waveform_are_refused(numbers):
    with pytest.raises((ValueError, TypeError, KeyError)):
        waveforms_of_numbers(numbers)


def wiggle(t):
    return np.array([np.sin(3e10 * t), np.cos(2e10 * t)])


@pytest.mark.parametrize("t0", [0.0, 3e-9, 0.3e-12])
def test_a_callable_becomes_the_table_of_a_run_s_stages(t0):
    """Wherever it stands in the drive; the other waveforms stay, and so does what a table does not change."""
    step = Step(0.1, [0.2, 0.3], 1.0)
    drive = Drive(I=2.0 * Function(wiggle) + step, B_ext=(0.1, wiggle, step), V_gate=wiggle, dKu=step)
    ticks = clock(t0, 1e-12)
    stored = tabulated(drive, ticks, 20)
    assert (stored.dKu, stored.B_ext[0], stored.B_ext[2], stored.I.b) == (step, 0.1, step, step)
    for table in (stored.I.a.a, stored.B_ext[1], stored.V_gate):
        assert isinstance(table, Tabulated) and table.values.shape == (20, 3, 2)
        stages = ticks.stages(0, 20)
        assert np.array_equal(table.at(stages, stages[:, 1:2] * np.ones(3)), Function(wiggle).at(stages))


def test_a_table_has_the_parts_of_the_steps_that_all_oscillators_divide():
    """Two in one step make three; breakpoints on the grid, of one oscillator or outside the run make no parts."""
    jump = Function(lambda t: wiggle(t) * (1.0 if t < 4.3e-12 else -1.0), times=[4.3e-12, 30e-12])
    shared, own = Pulse(1.0, 4.7e-12, 3.3e-12, 1e-12, 1), Step(0.0, 1.0, [6.5e-12, 9.1e-12])
    stored = tabulated(Drive(I=jump, V_gate=shared, dKu=own), clock(0.0, 1e-12), 12).I
    np.testing.assert_allclose(stored.times, [4.3e-12, 4.7e-12, 8e-12], rtol=1e-12)  # 4.7 + 3.3 by floats
    assert stored.values.shape == (15, 3, 2)
    edges = np.array([4.0, 4.3, 4.7, 5.0]) * 1e-12
    for low, high in pairwise(edges):
        middle = (low + high) / 2
        assert np.array_equal(stored.at([low, middle, high], middle), jump.at([low, middle, high], middle))
    stages = clock(0.0, 1e-12).stages(0, 12)[[0, 3, 5, 6, 7, 8, 9, 11]]
    middles = stages[:, 1:2] * np.ones(3)
    assert np.array_equal(stored.at(stages, middles), jump.at(stages, middles))
