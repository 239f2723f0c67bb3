"""Training through every term of the right-hand side: gradients, and the step's agreement with the front door."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from adjoint_helpers import assert_same, leaf, loss, tensor
from field_helpers import flat
from simulate_helpers import ALL_TERMS, DRIVE, M0, P, batch

from shno import Oscillator, Sine, integrate, parameters, simulate

DT, WATCH = 1e-12, {"component": 2, "threshold": 0.1, "rearm": -0.1}


def inputs_of(n, seed=11):
    """Every differentiable input of n oscillators with all terms on: some for each, some for all."""
    rng = np.random.default_rng(seed)
    inputs = {k: value for k, value in parameters(ALL_TERMS, DRIVE).items() if k != "J"}  # it follows a_DL
    inputs["B_thermal"] = np.array([0.004, -0.006, 0.003])  # a field that is held
    for name in ("alpha", "Ku", "Q_nl", "Lambda", "torque_per_J", "a_DL", "J_iec"):
        inputs[name] = inputs[name] * rng.uniform(0.8, 1.2, n)
    inputs["B_ext"] = inputs["B_ext"] * rng.uniform(0.8, 1.2, (n, 1))
    m = rng.normal(size=(n, 3))
    return {"m": m / np.linalg.norm(m, axis=-1, keepdims=True)} | inputs


def leaves_of(value):
    return tuple(map(leaves_of, value)) if isinstance(value, tuple) else leaf(value)


def run(leaves, executor, n_steps=60):
    values = {name: value for name, value in leaves.items() if name not in ("m", "a_DL")} | {"J": 1.0}
    return integrate(values, leaves["m"], leaves["a_DL"], dt=DT, n_steps=n_steps, **WATCH, executor=executor)


def test_values_and_gradients_of_every_input_are_those_of_autograd():
    leaves = {name: leaves_of(value) for name, value in inputs_of(5).items()}
    numbers = [(name, number) for name, tree in leaves.items() for number in flat(tree)]
    assert len(numbers) == len(leaves) + 5  # two further axes of three tensors each
    results, gradients = {}, {}
    for executor in ("compiled", "torch"):
        results[executor] = run(leaves, executor)
        gradients[executor] = torch.autograd.grad(loss(results[executor]), [number for _, number in numbers])
    assert_same(results["compiled"], results["torch"], 1e-12)
    assert results["compiled"].crossings.sum() > 0 and len(set(results["compiled"].crossings.tolist())) > 1
    for (name, number), compiled, eager in zip(numbers, *gradients.values(), strict=True):
        assert compiled.shape == number.shape, name
        assert torch.all((eager * number.detach()).abs() > 1e-6), name  # of a loss of order 1: every number matters
        largest = float(eager.abs().max())
        np.testing.assert_allclose(compiled, eager, rtol=1e-10, atol=1e-10 * largest, equal_nan=False, err_msg=name)


def test_a_step_with_every_term_on_ends_where_the_front_door_s_does():
    oscillator, drive = batch(6)
    values, a_DL = parameters(oscillator, replace(drive, a_DL=0.02)), tensor(drive.a_DL)  # another: it is replaced
    ends = [simulate(oscillator, drive, duration=60 * DT, dt=DT, m0=M0).m[-1]]
    for executor in ("compiled", "torch"):
        passage = integrate(values, tensor(M0), a_DL, dt=DT, n_steps=60, **WATCH, executor=executor)
        np.testing.assert_allclose(passage.m_end, ends[0], rtol=0, atol=1e-13, equal_nan=False)


@pytest.mark.parametrize("executor", ["compiled", "torch"])
def test_the_oersted_field_follows_the_torque_in_value_and_in_gradient(executor):
    """J = a_DL / torque_per_J, a number for each oscillator; the gradient is that of the front door by differences."""
    theta_SH = np.array([-0.2, 0.3, 0.5])
    oscillator = Oscillator(8.1e5, 0.03, thickness=1.6e-9, theta_SH=theta_SH, p=P, oersted=(3e-13, -5e-13, 8e-13))
    values, w = parameters(oscillator, DRIVE), np.array([0.3, -0.7, 0.5])

    def by_simulate(a_DL):
        return simulate(oscillator, replace(DRIVE, a_DL=a_DL), duration=40 * DT, dt=DT, m0=M0).m[-1] @ w

    a_DL, step = np.array([6e-3, -4e-3, 5e-3]), 1e-6
    given = leaf(a_DL)
    along = integrate(values, tensor(M0), given, dt=DT, n_steps=40, **WATCH, executor=executor).m_end @ tensor(w)
    (gradient,) = torch.autograd.grad(along.sum(), given)
    differences = (by_simulate(a_DL + step) - by_simulate(a_DL - step)) / (2 * step)
    np.testing.assert_allclose(along.detach(), by_simulate(a_DL), rtol=0, atol=1e-13, equal_nan=False)
    # third derivatives: (1e-6 T of some 0.05 T)^2; rounding: 1e-16 of 1 over 1e-6 T times 3 T
    np.testing.assert_allclose(gradient, differences, rtol=1e-7, equal_nan=False)
    without = values | {"oersted": None, "J": None}
    plain = integrate(without, tensor(M0), given, dt=DT, n_steps=40, **WATCH, executor="torch")
    (other,) = torch.autograd.grad((plain.m_end @ tensor(w)).sum(), given)
    assert torch.all((other - gradient).abs() > 1e-3 * gradient.abs())  # the field's share is seen


@pytest.mark.parametrize(
    "changing", [{"B_ext": (0.0, Sine(1e-3, 5e9), 0.1)}, {"V_gate": Sine(0.1, 5e9)}, {"dKu": 2 * Sine(1e3, 5e9)}]
)
def test_a_waveform_is_refused_since_the_drive_is_held(changing):
    values = parameters(ALL_TERMS, replace(DRIVE, **changing))
    message = r"^parameters must be held, got a (Sine|Sum)\. |^B_ext of parameters must be a number .*, got Sine"
    with pytest.raises((TypeError, ValueError), match=message):
        integrate(values, tensor(M0), tensor(1e-3), dt=DT, n_steps=5, **WATCH)


def test_the_torque_of_the_call_replaces_a_waveform_and_the_current_that_made_it():
    values = [parameters(ALL_TERMS, replace(DRIVE, a_DL=a_DL)) for a_DL in (Sine(1e-3, 5e9), 4e-3)]
    ends = [integrate(each, tensor(M0), tensor(1e-3), dt=DT, n_steps=30, **WATCH).m_end for each in values]
    assert torch.equal(*ends)
