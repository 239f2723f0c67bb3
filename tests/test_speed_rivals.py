"""The rivals of the speed family compute the same physics as the kernels. Nothing is timed."""

import numpy as np
import pytest
import torch

import shno
from shno.llgs import right_hand_side
from shno.parameters import arguments, parameters
from validation import speed_cmtj, speed_rivals, speed_training
from validation.speed_system import DT, advanced, neurons, reference, rms

STEPS, DURATION = 200, 200 * DT


@pytest.fixture(scope="module")
def batch():
    """A small batch of the neurons and its exact end state."""
    system = neurons(40)
    return system, reference(system, DURATION)


def test_the_equation_written_by_hand_is_that_of_the_product():
    system = neurons(40)
    oscillator, drive, m0 = system
    m, (*numbers, _) = tuple(m0.T), speed_rivals.constants(system)
    expected = right_hand_side(m, *arguments(parameters(oscillator, drive)))
    # Rounding of fields of 0.8 T.
    np.testing.assert_allclose(speed_rivals.torque(m, drive.a_DL, *numbers), expected, atol=1e-15)


def test_the_equation_written_by_hand_refuses_another_oscillator():
    oscillator, drive, m0 = neurons(3)
    with pytest.raises(ValueError, match="easy-plane neuron"):
        speed_rivals.constants((shno.preset("nife-w"), drive, m0))
    with pytest.raises(ValueError, match="field along z"):
        speed_rivals.constants((oscillator, shno.Drive(a_DL=0.0, B_ext=(1e-3, 0, 2e-3)), m0))


@pytest.mark.parametrize("by_hand", (False, True))
def test_eager_torch_takes_the_same_steps(batch, by_hand):
    system, _ = batch
    theirs, ours = speed_rivals.Eager(system, "float64", by_hand)(STEPS), advanced(system, STEPS, dtype="float64")
    assert rms(theirs, ours) < 1e-13  # rounding of 200 steps


@pytest.mark.parametrize("parts", (1, 2))
def test_the_jax_loop_takes_the_same_steps(batch, parts):
    pytest.importorskip("jax")
    system, exact = batch
    theirs = speed_rivals.Jax(system, parts)(STEPS)
    assert theirs.dtype == np.float32 and theirs.shape == (40, 3)
    assert rms(theirs, exact) < 2e-5  # the rounding unit of float32 a step; RK4's own error is 1e-6


@pytest.mark.parametrize("stepping", (("rtol", 1e-6), ("stride", 2.0)))
def test_diffrax_reaches_the_same_end_state(batch, stepping):
    pytest.importorskip("diffrax")
    system, exact = batch
    rival = speed_rivals.Diffrax(system, stepping)
    assert rms(rival(STEPS), exact) < 2e-5
    assert int(rival.taken) == 100 if stepping[0] == "stride" else int(rival.taken) < STEPS


def test_equal_error_is_the_coarsest_setting_within_it(batch):
    pytest.importorskip("diffrax")
    system, exact = batch
    rival, strides, errors = speed_rivals.Diffrax(system, ("stride", 1.0)), (20.0, 10.0, 2.0), []
    for rival.value in strides:
        errors.append(rms(rival(STEPS), exact))
    assert errors[0] > 2 * errors[1] > 4 * errors[2]
    for allowed, expected in zip((2 * errors[0], 1.5 * errors[1], 1e-12), (20.0, 10.0, None), strict=True):
        assert speed_rivals.equal_error(rival, STEPS, strides, allowed, exact) == expected


def test_cmtj_takes_the_same_steps(batch):
    pytest.importorskip("cmtj")
    some = speed_cmtj.spread(batch[0], 3)
    _, ends, log = speed_cmtj.ran(some, STEPS, save_every=1)
    assert rms(ends, advanced(some, STEPS, dtype="float64")) < 1e-13  # rounding of one scheme, written twice
    assert np.array_equal(log[STEPS - 1], ends[-1])


def test_the_warm_magnet_of_cmtj_has_the_variance_of_the_well():
    pytest.importorskip("cmtj")
    oscillator, drive, _ = system = speed_cmtj.warm(2)
    assert np.all(drive.a_DL < np.linalg.norm(drive.B_ext))  # no turns
    _, _, log = speed_cmtj.ran(system, 100_000, temperature=300.0, save_every=50, solver="Heun")
    field = shno.constants.mu_0 * oscillator.Ms + drive.B_ext[2]
    expected = shno.theory.well_variance(field, 300.0, oscillator.Ms, oscillator.volume)
    # It forgets in 2/(alpha gamma B) = 0.18 ns: 500 independent states, of which a variance is known to 6 %; 4 sigma.
    assert log[40:, 0].var() == pytest.approx(expected, rel=0.25)


def test_every_process_of_cmtj_has_its_share():
    pytest.importorskip("cmtj")
    with speed_cmtj.Processes(1) as processes:
        assert processes.rate(neurons(2), 100, save_every=1) > 0
    (log,) = processes.logs
    _, _, expected = speed_cmtj.ran(neurons(2), 100, save_every=1)
    assert np.array_equal(log, expected)


@pytest.mark.parametrize("rival", speed_training.RIVALS)
def test_gradients_of_the_rivals_are_ours(rival):
    if rival == "torchdiffeq":
        pytest.importorskip(rival)
    theirs, ours = (speed_training.gradient(name, 8, 2, 30) for name in (rival, None))
    error = float((theirs - ours).abs().max() / ours.abs().max())
    assert float(ours.abs().max()) > 1e-6
    # autograd: the rounding of 60 steps. torchdiffeq: the error of a continuous adjoint, and another RK4.
    assert error < (1e-5 if rival == "torchdiffeq" else 1e-10)


@pytest.mark.parametrize("rival", ("eager", "by hand", "torchdiffeq"))
def test_the_passage_of_the_rivals_is_that_of_the_layer(rival):
    """Peak, crossings and arming of neurons that turn: 0.5 to 8 a_c over 1 ns, two calls."""
    system = shno.parameters(shno.preset("easy-plane-neuron"), shno.operating_point("easy-plane-neuron"))
    a_DL = torch.linspace(1e-3, 20e-3, 12, dtype=torch.float64)
    m = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64).expand(12, 3)
    if rival == "torchdiffeq":
        pytest.importorskip(rival)
    passage, error = speed_training.RIVALS[rival], 1e-5 if rival == "torchdiffeq" else 1e-12  # 3/8 rule; rounding
    watched = {"dt": speed_training.DT, "n_steps": 250, "component": 1, "threshold": 0.7, "rearm": 0.35}
    for armed in (torch.ones(12, dtype=torch.bool), torch.arange(12) % 2 == 0):
        ours, theirs = (f(system, m, a_DL, **watched, armed=armed) for f in (shno.integrate, passage))
        assert torch.equal(ours.crossings, theirs.crossings) and torch.equal(ours.armed, theirs.armed)
        torch.testing.assert_close(theirs.m_end, ours.m_end, rtol=0, atol=error)
        torch.testing.assert_close(theirs.m_peak, ours.m_peak, rtol=0, atol=error)
        m = ours.m_end
    assert ours.crossings.sum() > 0 and not ours.armed.all()


def test_the_rival_is_gone_after_training_with_it():
    before = shno.integrate_sequence
    with speed_training.integrating("eager"):
        assert shno.integrate_sequence is not before
    assert shno.integrate_sequence is before
