"""Training through the step: compiled kernels against plain torch with autograd, and against trajectories."""

import numpy as np
import pytest
import torch
from adjoint_helpers import A_C, AT_REST, DT, NEURON, WATCH, assert_same, leaf, loss, neuron, record, tensor

import shno
from shno import IntegrationError, integrate, parameters

# Compiled = autograd.


def test_the_neuron_s_gradients_are_those_of_autograd():
    a_DL, m = leaf(np.linspace(0.4, 12, 20).reshape(4, 5)), leaf(np.tile(AT_REST, (4, 5, 1)))
    results, gradients = {}, {}
    for executor in ("compiled", "torch"):
        results[executor] = neuron(a_DL, 100, m=m, executor=executor)
        gradients[executor] = torch.autograd.grad(loss(results[executor]), [a_DL, m])
    assert_same(results["compiled"], results["torch"], 1e-12)
    assert 0 < (results["compiled"].crossings > 0).sum() < 20
    for compiled, eager in zip(gradients["compiled"], gradients["torch"], strict=True):
        np.testing.assert_allclose(compiled, eager, rtol=1e-10, atol=1e-10, equal_nan=False)


def test_gradients_are_those_of_differences():
    a_DL, m = leaf([1.5, 4.0]), leaf([AT_REST, (0.48, 0.6, 0.64)])
    assert torch.autograd.gradcheck(
        lambda a, start: neuron(a, 12, m=start)[:2], (a_DL, m), eps=1e-6, atol=1e-8, rtol=1e-6
    )  # m leaves the sphere by 1e-6 and is projected; the peak is the end here, or the first step


def test_the_cotangent_of_the_peak_enters_at_the_step_of_the_peak():
    """A run cut at its peak has the same m_peak and the same gradient."""
    a_DL = leaf([6.0])
    m_y = record(6.0, 250).m[1:, 1]
    steps = int(np.argmax(m_y)) + 1
    assert 50 < steps < 240  # inside
    whole, cut = neuron(a_DL, 250), neuron(a_DL, steps)
    assert torch.equal(whole.m_peak, cut.m_peak) and torch.equal(cut.m_end[..., 1], cut.m_peak)
    gradients = [torch.autograd.grad(passage.m_peak.sum(), a_DL)[0] for passage in (whole, cut)]
    assert torch.equal(*gradients) and gradients[0].abs() > 1e-4
    through_end = torch.autograd.grad(neuron(a_DL, steps).m_end[..., 1].sum(), a_DL)[0]
    assert torch.allclose(gradients[0], through_end, rtol=1e-13, atol=0)


def test_only_what_asks_for_a_gradient_gets_one():
    plain = tensor([1.0, 3.0])
    for passage in (neuron(plain, 20), neuron(plain, 20, executor="torch")):
        assert not any(each.requires_grad for each in passage) and passage.m_end.grad_fn is None
    with torch.no_grad():
        assert not neuron(leaf([1.0, 3.0]), 20).m_end.requires_grad
    for executor in ("compiled", "torch"):
        passage = neuron(leaf([1.0, 3.0]), 20, executor=executor)
        assert passage.m_end.requires_grad and passage.m_peak.requires_grad and passage.crossing_time.requires_grad
        assert not passage.crossings.requires_grad


def test_a_shared_parameter_gets_the_sum_of_its_shares():
    values, n = parameters(NEURON, shno.operating_point("easy-plane-neuron")), 5
    a_DL, m = leaf(A_C * np.linspace(1, 6, n)), tensor(AT_REST).expand(n, 3)
    gradients = []
    for alpha in (leaf(0.08), leaf(np.full(n, 0.08))):
        passage = integrate(values | {"alpha": alpha}, m, a_DL, dt=DT, n_steps=50, **WATCH)
        gradients.append(torch.autograd.grad(loss(passage), alpha)[0])
    assert gradients[1].shape == (n,) and len(set(gradients[1].tolist())) == n
    assert float(gradients[0]) == pytest.approx(float(gradients[1].sum()), rel=1e-12)


def test_padding_gets_no_gradient():
    """Copies of the last oscillator fill the block: its gradient is its own alone."""
    a_DL = np.linspace(1, 6, 5)
    together, alone = leaf(a_DL), leaf(a_DL[-1:])
    gradients = [torch.autograd.grad(neuron(a, 50).m_end[..., 1].sum(), a)[0] for a in (together, alone)]
    assert torch.equal(gradients[0][-1:], gradients[1])


# One definition: calls compose, shapes broadcast, trajectories agree.


def test_one_call_of_500_steps_is_two_of_250():
    a_DL = leaf([0.5, 1.2, 2.0, 4.0, 8.0, 12.0])
    whole = neuron(a_DL, 500)
    first = neuron(a_DL, 250)
    second = neuron(a_DL, 250, m=first.m_end, armed=first.armed)
    np.testing.assert_allclose(second.m_end.detach(), whole.m_end.detach(), rtol=0, atol=1e-13, equal_nan=False)
    assert torch.equal(first.crossings + second.crossings, whole.crossings) and whole.crossings.max() > 2
    assert torch.equal(torch.maximum(first.m_peak, second.m_peak), whole.m_peak)
    assert torch.equal(second.armed, whole.armed)
    one, two = (torch.autograd.grad(end.m_end[..., 1].sum(), a_DL, retain_graph=True)[0] for end in (whole, second))
    np.testing.assert_allclose(two, one, rtol=1e-10, atol=1e-10, equal_nan=False)


@pytest.mark.parametrize("executor", ["compiled", "torch"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (1,), (2, 1, 3)])
def test_a_batch_keeps_its_shape_and_equals_its_loop(shape, executor):
    a_DL = np.linspace(1.2, 6, int(np.prod(shape))).reshape(shape)
    given = leaf(a_DL)
    passage = neuron(given, 40, executor=executor)
    assert passage.m_end.shape == (*shape, 3)
    assert all(each.shape == shape for each in passage[1:])
    (gradient,) = torch.autograd.grad(loss(passage), given)
    assert gradient.shape == shape
    for index in np.ndindex(shape):
        alone = neuron(leaf(a_DL[index]), 40, executor=executor)
        for one, many in zip(alone, passage, strict=True):
            np.testing.assert_allclose(many[index].detach(), one.detach(), rtol=0, atol=1e-14)


def test_a_batch_is_the_same_bits_in_wide_and_in_narrow_blocks():
    a_DL, m = np.linspace(0.5, 14, 70), np.tile(AT_REST, (70, 1))
    outputs = []
    for part in (slice(0, 70), slice(50, 66)):
        a, start = leaf(a_DL[part]), leaf(m[part])
        passage = neuron(a, 100, m=start)
        gradients = torch.autograd.grad((passage.m_end[..., 1] + 2 * passage.m_peak).sum(), [a, start])
        outputs.append((*passage, *gradients))
    for many, few in zip(*outputs, strict=True):
        assert np.array_equal(many[50:66].detach().numpy(), few.detach().numpy(), equal_nan=True)


def test_the_torque_m_and_parameters_broadcast():
    alpha = leaf([[0.06], [0.08]])  # (2, 1)
    values = parameters(NEURON, shno.operating_point("easy-plane-neuron")) | {"alpha": alpha}
    a_DL = leaf(A_C * np.array([1.0, 2.0, 4.0]))  # (3,)
    m = tensor([AT_REST, (0.0, 0.6, 0.8)]).reshape(2, 1, 1, 3)
    passages = [integrate(values, m, a_DL, dt=DT, n_steps=30, **WATCH, executor=each) for each in ("compiled", "torch")]
    assert passages[0].m_end.shape == (2, 2, 3, 3)
    assert_same(*passages, 1e-12)
    gradients = [torch.autograd.grad(loss(each), [alpha, a_DL]) for each in passages]
    for compiled, eager in zip(*gradients, strict=True):
        np.testing.assert_allclose(compiled, eager, rtol=1e-10, equal_nan=False)


@pytest.mark.parametrize("executor", ["compiled", "torch"])
def test_float32_stays_float32_and_near_float64(executor):
    a_DL = np.array([1.0, 3.0, 6.0])
    single, double = (tensor(a_DL, dtype=dtype).requires_grad_() for dtype in (torch.float32, torch.float64))
    passages = [neuron(a, 200, executor=executor) for a in (single, double)]
    gradients = [
        torch.autograd.grad(p.m_end[..., 1].sum(), a)[0] for p, a in zip(passages, (single, double), strict=True)
    ]
    assert passages[0].m_end.dtype == passages[0].m_peak.dtype == passages[0].crossing_time.dtype == torch.float32
    assert gradients[0].dtype == torch.float32
    assert torch.equal(passages[0].crossings, passages[1].crossings)
    np.testing.assert_allclose(
        passages[0].m_end.detach(), passages[1].m_end.detach(), rtol=0, atol=1e-4, equal_nan=False
    )
    np.testing.assert_allclose(gradients[0], gradients[1], rtol=1e-3, equal_nan=False)  # 200 steps of 6e-8, amplified


def test_the_input_is_not_changed():
    m, a_DL = tensor([AT_REST, AT_REST]), tensor([2.0, 3.0])
    before = m.clone()
    neuron(a_DL, 30, m=m)
    assert torch.equal(m, before)


# What is refused.


@pytest.mark.parametrize(
    "change",
    [
        {"component": 3},
        {"component": -1},
        {"component": "y"},
        {"rearm": 0.8},
        {"rearm": float("nan")},
        {"threshold": float("nan")},
        {"n_steps": 0},
        {"n_steps": -5},
        {"n_steps": 2.5},
        {"dt": 0.0},
        {"dt": -1e-12},
        {"dt": float("nan")},
        {"executor": "numpy"},
        {"m": torch.zeros(2)},
        {"m": torch.zeros(4, 2)},
        {"m": torch.tensor([0, 0, 1])},
        {"m": torch.tensor([[0.0, 0.0, 1.0]] * 2), "a_DL": torch.zeros(3)},
    ],
)
def test_a_bad_call_is_refused(change):
    values = parameters(NEURON, shno.operating_point("easy-plane-neuron"))
    call = {"m": tensor(AT_REST), "a_DL": tensor(A_C), "dt": DT, "n_steps": 5, **WATCH} | change
    with pytest.raises((TypeError, ValueError), match=r" must "):
        integrate(values, call.pop("m"), call.pop("a_DL"), **call)


@pytest.mark.parametrize("executor", ["compiled", "torch"])
def test_an_absurd_step_is_an_integration_error(executor):
    with pytest.raises(IntegrationError, match=r"reached .* within 20 steps of 1e-10 s: .* Use dt <= 5e-11 s\.$"):
        neuron(tensor([4.0, 8.0]), 20, dt=1e-10, executor=executor)


@pytest.mark.parametrize("executor", ["compiled", "torch"])
@pytest.mark.parametrize("where", ["m", "a_DL", "alpha"])
def test_nan_is_an_integration_error_and_never_a_result(executor, where):
    values = parameters(NEURON, shno.operating_point("easy-plane-neuron"))
    m, a_DL, nan = tensor([AT_REST, AT_REST]), tensor([A_C, A_C]), float("nan")
    if where == "m":
        m[1, 0] = nan
    elif where == "a_DL":
        a_DL[1] = nan
    else:
        values["alpha"] = tensor([0.08, nan])
    with pytest.raises(IntegrationError, match=r"^m is not finite after 20 steps\. Look for NaN"):
        integrate(values, m, a_DL, dt=DT, n_steps=20, **WATCH, executor=executor)
