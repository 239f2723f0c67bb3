"""Training through the step with thermal noise: the draws, their independence, and the gradient at held noise."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from adjoint_helpers import A_C, AT_REST, DT, NEURON, WATCH, assert_same, leaf, loss, neuron, tensor
from field_helpers import flat
from simulate_helpers import DRIVE, M0, batch
from test_adjoint_terms import inputs_of, leaves_of

import shno
from shno import integrate, parameters, philox, simulate
from shno.thermal import field_deviation

EXECUTORS = ("compiled", "torch")
SIGMA, SEED = 4e-3, 2**63 + 5  # T: above the neuron's depinning torque; both words of the key count
NOISE = {"deviation": SIGMA, "seed": SEED}
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]


def values_and_gradients(passage, inputs):
    """m_end, m_peak and the gradients of a loss, detached."""
    return [passage.m_end.detach(), passage.m_peak.detach(), *torch.autograd.grad(loss(passage), inputs)]


def same_bits(one, two):
    return all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


# The draws.


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("first_step", [0, 6, 2**40 + 3])
def test_step_n_is_a_step_in_the_field_of_normals_3_first_step_n_and_on(executor, first_step):
    """One call of 7 steps is 7 calls without noise, each in the held field that the generator's numbers make."""
    values = parameters(NEURON, shno.operating_point("easy-plane-neuron"))
    sigma, realisation = np.array([1e-3, 3e-3, 5e-3]), np.array([0, 7, 2**32 - 1])
    a_DL, start = leaf([0.0, A_C, 3 * A_C]), leaf(np.tile(AT_REST, (3, 1)))
    call = {"dt": DT, **WATCH, "executor": executor}
    noise = {"deviation": tensor(sigma), "seed": SEED, "realisation": realisation, "first_step": first_step}
    passage = integrate(values, start, a_DL, n_steps=7, **call, **noise)
    m, peaks = start, []
    for step in range(first_step, first_step + 7):
        numbers = [philox.draw(SEED, 3 * step + c, realisation) for c in range(3)]
        B = tensor(sigma[:, None] * np.stack(numbers, axis=-1))
        one = integrate(values | {"B_thermal": B}, m, a_DL, n_steps=1, **call | {"executor": "torch"})
        m, peaks = one.m_end, [*peaks, one.m_peak]
    np.testing.assert_allclose(passage.m_end.detach(), m.detach(), rtol=0, atol=1e-13)
    np.testing.assert_allclose(passage.m_peak.detach(), torch.stack(peaks).amax(0).detach(), rtol=0, atol=1e-13)
    found, expected = (torch.autograd.grad(each[:, 1].sum(), [a_DL, start]) for each in (passage.m_end, m))
    for one, two in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_the_end_is_that_of_a_thermal_run_from_the_front_door(executor):
    oscillator, drive = batch(6)
    oscillator = replace(oscillator, Q_nl=0.0, volume=np.linspace(1, 3, 6) * 1e-24)
    dt, realisation = 1e-12, [4, 0, 9, 9, 2**31, 1]
    given = (300.0, oscillator.alpha, oscillator.gamma, oscillator.Ms, oscillator.volume, dt)
    noise = {"seed": 11, "realisation": realisation}
    run = simulate(oscillator, drive, duration=61 * dt, dt=dt, m0=M0, temperature=300.0, **noise, executor=executor)
    still = simulate(oscillator, drive, duration=61 * dt, dt=dt, m0=M0, executor="torch")
    assert np.abs(run.m[-1] - still.m[-1]).max() > 1e-2  # the noise matters
    call = {"dt": dt, **WATCH, "executor": executor, **noise, "deviation": field_deviation(*given)}
    values = parameters(oscillator, drive)
    whole = integrate(values, tensor(M0), drive.a_DL, n_steps=61, **call)
    np.testing.assert_allclose(whole.m_end, run.m[-1], rtol=0, atol=1e-13)
    later = integrate(values, tensor(run.m[22]), drive.a_DL, n_steps=39, **call, first_step=22)
    np.testing.assert_allclose(later.m_end, run.m[-1], rtol=0, atol=1e-13)


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("first", [1, 4, 50, 93])
def test_a_long_call_is_two_short_ones_bit_for_bit(executor, first):
    """Cut within a group of four steps, and between two."""
    a_DL, call = leaf(np.linspace(0.2, 6, 18)), {"executor": executor, **NOISE}
    whole = neuron(a_DL, 95, **call, first_step=3)
    one = neuron(a_DL, first, **call, first_step=3)
    two = neuron(a_DL, 95 - first, m=one.m_end, armed=one.armed, **call, first_step=3 + first)
    assert torch.equal(two.m_end, whole.m_end) and torch.equal(two.armed, whole.armed)
    assert torch.equal(torch.maximum(one.m_peak, two.m_peak), whole.m_peak)
    assert torch.equal(one.crossings + two.crossings, whole.crossings)
    (cut,), (uncut,) = (torch.autograd.grad(end[:, 1].sum(), a_DL) for end in (two.m_end, whole.m_end))
    np.testing.assert_allclose(cut, uncut, rtol=1e-12, atol=0)  # sums over the steps in another order
    again = neuron(a_DL, 95 - first, m=one.m_end, armed=one.armed, **call, first_step=2 + first)
    assert not torch.equal(again.m_end, whole.m_end)  # the number of the first step matters


# Independence: of the batch, of its place in it, of the threads.


def alone_and_among(n, realisation, dtype):
    """Values of one oscillator at the end of a batch of n, and its gradient where that is in float64."""
    a_DL, own = np.linspace(0.5, 6, n), np.arange(n)
    a_DL[-1], own[-1] = 3.0, realisation
    given = tensor(a_DL, dtype=dtype).requires_grad_()
    passage = neuron(given, 60, **NOISE, realisation=own)
    results = [passage.m_end, passage.m_peak, passage.crossings]
    if dtype == torch.float64:  # the adjoint in float32 is the same code: one more compilation
        results += torch.autograd.grad((passage.m_end[:, 1] + 2 * passage.m_peak).sum(), given)
    return [each[-1].detach() for each in results]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_realisation_is_the_same_bits_in_a_batch_of_1_7_and_1000(dtype):
    first, *others = (alone_and_among(n, 12345, dtype) for n in (7, 1, 1000))
    assert all(same_bits(first, other) for other in others)
    assert not same_bits(first, alone_and_among(7, 12346, dtype))


@pytest.mark.parametrize("executor", EXECUTORS)
def test_realisations_are_by_default_the_places_in_the_batch(executor):
    a_DL, call = leaf(np.full((2, 35), 2.0)), {"executor": executor, **NOISE}
    passage = neuron(a_DL, 40, **call)
    named = neuron(a_DL, 40, **call, realisation=torch.arange(70).reshape(2, 35))
    assert torch.equal(passage.m_end, named.m_end)
    assert len(torch.unique(passage.m_peak)) == 70  # each its own noise
    spread = neuron(leaf(2.0), 40, **call, realisation=np.arange(70).reshape(2, 35))  # realisations make a batch
    assert torch.equal(spread.m_end, passage.m_end)


def test_threads_do_not_change_a_bit(monkeypatch):
    a_DL, results = leaf(np.linspace(0.5, 6, 1000)), []
    for threads in (1, 2, 3):
        monkeypatch.setenv("OMP_NUM_THREADS", str(threads))
        results.append(values_and_gradients(neuron(a_DL, 30, **NOISE), [a_DL]))
    assert same_bits(results[0], results[1]) and same_bits(results[0], results[2])


# The gradient at held noise.


def noisy_run(leaves, executor, n_steps=60):
    values = {name: value for name, value in leaves.items() if name not in ("m", "a_DL")} | {"J": 1.0}
    watch, noise = {"component": 2, "threshold": 0.1, "rearm": -0.1}, NOISE | {"first_step": 2, "deviation": 0.01}
    values |= {"Q_nl": None, "B_thermal": None}
    return integrate(
        values, leaves["m"], leaves["a_DL"], dt=1e-12, n_steps=n_steps, **watch, **noise, executor=executor
    )


def on_cpu(passage):
    moved = type(passage)(*(each.cpu() for each in passage))
    moved.armed = passage.armed.cpu()
    return moved


@pytest.mark.parametrize("device", DEVICES)
def test_values_and_gradients_of_every_input_are_those_of_autograd(device):
    inputs = {name: value for name, value in inputs_of(5).items() if name not in ("Q_nl", "B_thermal")}
    leaves = {name: leaves_of(value) for name, value in inputs.items()}
    numbers = [(name, number) for name, tree in leaves.items() for number in flat(tree)]
    compiled = noisy_run(leaves, "compiled")
    gradients = torch.autograd.grad(loss(compiled), [number for _, number in numbers])
    eager = on_cpu(noisy_run(leaves | {"m": leaves["m"].to(device)}, "torch"))
    expected = torch.autograd.grad(loss(eager), [number for _, number in numbers])
    assert_same(compiled, eager, 1e-12)
    assert compiled.crossings.sum() > 0
    for (name, number), one, two in zip(numbers, gradients, expected, strict=True):
        assert torch.all((two * number.detach()).abs() > 1e-6), name  # of a loss of order 1: every number matters
        largest = float(two.abs().max())
        np.testing.assert_allclose(one, two, rtol=1e-10, atol=1e-10 * largest, err_msg=name)


@pytest.mark.parametrize("n", [3, 70])
def test_the_neuron_s_noisy_gradients_are_those_of_autograd(n):
    """150 steps end inside a group of four; crossings come from the noise."""
    a_DL, m, found = leaf(np.linspace(0.2, 5, n)), leaf(np.tile(AT_REST, (n, 1))), []
    sigma = leaf(np.linspace(1, 2, n) * SIGMA)
    for executor in EXECUTORS:
        passage = neuron(a_DL, 150, m=m, deviation=sigma, seed=1, first_step=3, executor=executor)
        found.append((passage, values_and_gradients(passage, [a_DL, m])))
        assert torch.autograd.grad(loss(passage), sigma, allow_unused=True) == (None,)  # it is held
    assert_same(found[0][0], found[1][0], 1e-11)  # noise of some 1e-2 a step grows the rounding
    for one, two in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-10, atol=1e-10 * float(two.abs().max()))


def test_gradients_are_those_of_differences_at_held_noise():
    a_DL, m = leaf([1.5, 4.0]), leaf([AT_REST, (0.48, 0.6, 0.64)])
    assert torch.autograd.gradcheck(
        lambda a, start: neuron(a, 13, m=start, **NOISE, first_step=1)[:2], (a_DL, m), eps=1e-6, atol=1e-8, rtol=1e-6
    )


def test_what_is_kept_for_the_gradient_does_not_grow_with_the_steps():
    sizes = []
    for n_steps in (2, 400):
        node = neuron(leaf(np.full(100, 3.0)), n_steps, **NOISE).m_peak.grad_fn
        while not hasattr(node, "fixed"):
            node = node.next_functions[0][0]
        kept = [*node.saved_tensors, *flat(node.fixed)]
        sizes.append(sum(np.asarray(x.detach() if torch.is_tensor(x) else x).nbytes for x in kept))
    assert sizes[0] == sizes[1] > 0


def test_without_noise_the_numbers_are_those_from_before_there_was_any():
    a_DL = leaf([1.0, 3.0, 8.0])
    passage = neuron(a_DL, 40, seed=None, realisation=5, first_step=9)
    m_end = [
        [-0.0044407377558663, -0.8174702839376029, 0.5759536567530055],
        [-0.04909136165536874, -0.9492734040054341, 0.3105962695506137],
        [-0.16213697009476793, -0.8979115542998359, -0.40922664085240246],
    ]
    gradient = [-0.06935894691203316, -0.18917882683607118, 0.016919947941843785]
    # the same bits on the processor that they were recorded on; elsewhere sums may be fused otherwise
    np.testing.assert_allclose(passage.m_end.detach(), m_end, rtol=0, atol=1e-14)
    weights = tensor(np.random.default_rng(0).normal(size=(3, 4)))
    number = (weights[:, :3] * passage.m_end).sum() + (weights[:, 3] * passage.m_peak).sum()
    np.testing.assert_allclose(torch.autograd.grad(number, a_DL)[0], gradient, rtol=0, atol=1e-13)


# What is refused.


@pytest.mark.parametrize(
    ("change", "error", "name"),
    [
        ({"seed": None}, ValueError, "seed"),
        ({"deviation": None}, ValueError, "seed"),
        ({"seed": 1.5}, TypeError, "seed"),
        ({"seed": True}, TypeError, "seed"),
        ({"seed": -1}, ValueError, "seed"),
        ({"seed": 2**64}, ValueError, "seed"),
        ({"deviation": -1e-3}, ValueError, "deviation"),
        ({"deviation": float("nan")}, ValueError, "deviation"),
        ({"deviation": tensor([1e-3, np.inf])}, ValueError, "deviation"),
        ({"deviation": "1e-3"}, TypeError, "deviation"),
        ({"deviation": np.full(3, 1e-3)}, ValueError, "deviation"),
        ({"deviation": []}, ValueError, "deviation"),
        ({"first_step": -1}, ValueError, "first_step"),
        ({"first_step": 2**61}, ValueError, "first_step"),
        ({"first_step": 1.0}, TypeError, "first_step"),
        ({"realisation": -1}, ValueError, "realisation"),
        ({"realisation": 2**32}, ValueError, "realisation"),
        ({"realisation": [0.5, 1.0]}, TypeError, "realisation"),
        ({"realisation": tensor([0.0, 1.0])}, TypeError, "realisation"),
        ({"realisation": [0, 1, 2]}, ValueError, "realisation"),
    ],
)
def test_bad_noise_is_refused(change, error, name):
    with pytest.raises(error, match=name):
        neuron(tensor([1.0, 2.0]), 5, **NOISE | change)


def test_nonlinear_damping_with_noise_is_refused():
    oscillator, drive = batch(2)
    values = parameters(oscillator, drive)
    with pytest.raises(ValueError, match="Q_nl of parameters must be None where a deviation is given"):
        integrate(values, tensor(M0), DRIVE.a_DL, dt=1e-12, n_steps=5, **WATCH, **NOISE)
