"""Peaks, crossings and re-arming of the step, against trajectories and closed forms."""

import numpy as np
import pytest
import torch
from adjoint_helpers import DT, REARM, THRESHOLD, leaf, neuron, record, tensor

from shno import Drive, Oscillator, integrate, parameters
from shno.analysis import spike_times


@pytest.mark.parametrize("executor", ["compiled", "torch"])
def test_the_peak_and_the_crossings_are_those_of_the_trajectory(executor):
    a_DL = np.array([0.5, 1.1, 2.0, 4.0, 8.0, 12.0])
    run = record(a_DL, 500)
    passage = neuron(leaf(a_DL), 500, executor=executor)
    times = spike_times(run, threshold=THRESHOLD, rearm=REARM, component="y")
    np.testing.assert_allclose(passage.m_end.detach(), run.m[-1], rtol=0, atol=1e-12, equal_nan=False)
    np.testing.assert_allclose(
        passage.m_peak.detach(), run.m[1:, :, 1].max(axis=0), rtol=0, atol=1e-12, equal_nan=False
    )
    assert passage.crossings.dtype == torch.int64
    assert passage.crossings.tolist() == [len(each) for each in times]
    assert passage.crossings.tolist()[:2] == [0, 0] and passage.crossings.max() >= 5
    for crossing_time, each in zip(passage.crossing_time.detach(), times, strict=True):
        if len(each):
            assert float(crossing_time) == pytest.approx(each[0], abs=1e-9 * DT)
        else:
            assert torch.isnan(crossing_time)


@pytest.mark.parametrize("executor", ["compiled", "torch"])
def test_a_start_above_threshold_must_re_arm_before_it_counts(executor):
    """Driven on, m turns; from m_y = 0.9 it first has to come down through 0.35."""
    start, a_DL = (0.0, 0.9, np.sqrt(0.19)), [4.0, 6.0]
    passage = neuron(leaf(a_DL), 500, m=start, executor=executor)
    expected = spike_times(record(a_DL, 500, m0=start), threshold=THRESHOLD, rearm=REARM, component="y")
    assert passage.crossings.tolist() == [len(each) for each in expected] and passage.crossings.min() >= 1
    for crossing_time, each in zip(passage.crossing_time.detach(), expected, strict=True):
        assert float(crossing_time) == pytest.approx(each[0], abs=1e-9 * DT)


# A free turn about z at gamma B, m_x = r cos(phi + gamma B t), |m_x| <= 0.877, in 357 steps of 1 ps; 0.6 and 0.7 are
# crossed upwards 0.7 turns from the start and then once a turn.
FREE = parameters(Oscillator(Ms=1.0, alpha=0.0), Drive(a_DL=0.0, B_ext=(0.0, 0.0, 0.1)))
R, TURN = np.hypot(0.36, 0.8), 357


@pytest.mark.parametrize("executor", ["compiled", "torch"])
@pytest.mark.parametrize(("rearm", "count"), [(0.5, 3), (-0.87, 3), (-0.88, 1)])
def test_a_crossing_counts_again_only_after_a_value_below_rearm(executor, rearm, count):
    settings = {"component": 0, "threshold": 0.7, "rearm": rearm, "executor": executor}
    m = tensor((0.36, 0.8, 0.48))
    passage = integrate(FREE, m, tensor(0.0), dt=1e-12, n_steps=int(2.9 * TURN), **settings)
    assert passage.crossings == count
    assert float(passage.m_peak) == pytest.approx(R, rel=1e-4)  # a step of 0.018 rad falls short of it by 4e-5


@pytest.mark.parametrize("executor", ["compiled", "torch"])
@pytest.mark.parametrize("steps", [1, 23, 90])
def test_however_the_calls_are_cut_a_crossing_counts_once(executor, steps):
    """Cut between threshold and `rearm`, a call that is not told would start armed; what it is told is `armed`."""
    settings = {"component": 0, "threshold": 0.7, "rearm": -0.88, "executor": executor, "dt": 1e-12, "n_steps": steps}
    m, armed, told, untold = tensor((0.36, 0.8, 0.48)), None, 0, 0
    for _ in range(int(2.9 * TURN) // steps if steps > 1 else 300):
        untold += int(integrate(FREE, m, tensor(0.0), **settings).crossings)
        passage = integrate(FREE, m, tensor(0.0), **settings, armed=armed)
        m, armed, told = passage.m_end, passage.armed, told + int(passage.crossings)
        assert armed.shape == () and armed.dtype == torch.bool
    assert told == 1 and not armed
    assert untold == (3 if steps > 1 else 1)


@pytest.mark.parametrize("executor", ["compiled", "torch"])
def test_armed_says_whether_the_first_crossing_counts(executor):
    """From m_x = 0.36, between the two, up through 0.6."""
    settings = {"component": 0, "threshold": 0.6, "rearm": 0.3, "executor": executor, "dt": 1e-12, "n_steps": 60}
    m, armed = tensor((0.36, -0.8, 0.48)).expand(2, 3, 3), torch.tensor([[True, False, True], [False, False, False]])
    passage = integrate(FREE, m, tensor(0.0), **settings, armed=armed)
    assert torch.equal(passage.crossings > 0, armed) and torch.equal(torch.isnan(passage.crossing_time), ~armed)
    assert not passage.armed.any() and passage.armed.shape == (2, 3)
    for one_for_all in (True, False):
        passage = integrate(FREE, m, tensor(0.0), **settings, armed=torch.tensor(one_for_all))
        assert torch.equal(passage.crossings > 0, torch.full((2, 3), one_for_all))


@pytest.mark.parametrize("executor", ["compiled", "torch"])
def test_crossings_are_interpolated_between_steps(executor):
    settings = {"component": 0, "threshold": 0.6, "rearm": 0.5, "executor": executor}
    phi, omega, dt = np.arctan2(-0.8, 0.36), FREE["gamma"] * 0.1, 1e-12
    passage = integrate(FREE, tensor((0.36, -0.8, 0.48)), tensor(0.0), dt=dt, n_steps=60, **settings)
    exact = (-np.arccos(0.6 / R) - phi) / omega
    late = float(passage.crossing_time) - exact
    assert 0 <= late <= omega * dt**2 / 8 * 0.6 / np.sqrt(R**2 - 0.6**2) * 1.02  # the chord lies below the arc
