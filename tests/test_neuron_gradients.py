import pytest
import torch
from neuron_helpers import at_rest, drives, passage

from neuromorph import SHNOLayer


def reach(truncate, steps=4):
    """Matrix (j, k): the size of the gradient of the spikes in step j with respect to the input of step k."""
    layer = SHNOLayer(3, truncate=truncate)
    sizes = torch.zeros(steps, steps)
    for j in range(steps):
        x = drives(steps, 2, 3, low=0.3).requires_grad_()
        spikes, _ = layer(x)
        spikes[j].sum().backward()
        sizes[j] = x.grad.abs().sum((1, 2))
    return sizes


def test_gradient_reaches_the_input_through_the_same_step():
    for truncate in (1, None):
        assert (reach(truncate).diagonal() > 0).all()


def test_without_truncation_the_gradient_reaches_all_earlier_steps_and_none_later():
    sizes = reach(None)
    assert (sizes.tril() > 0).equal(torch.ones(4, 4).tril().bool())
    assert sizes.triu(1).count_nonzero() == 0


def test_truncation_cuts_the_gradient_after_so_many_steps():
    assert torch.equal(reach(1) > 0, torch.eye(4).bool())
    assert torch.equal(reach(2) > 0, torch.block_diag(*[torch.ones(2, 2).tril()] * 2).bool())


def test_by_default_credit_reaches_an_earlier_step():
    x = drives(2, 2, 3, low=0.3).requires_grad_()
    SHNOLayer(3)(x)[0][1].sum().backward()
    assert (x.grad[0] != 0).any()


def test_truncation_does_not_change_the_spikes():
    x = drives(8, 2, 3)
    assert torch.equal(SHNOLayer(3, truncate=1)(x)[0], SHNOLayer(3, truncate=None)(x)[0])


@pytest.mark.parametrize("reset", ["none", "soft"])
def test_gradient_of_the_final_state_equals_finite_differences(reset):
    layer = SHNOLayer(2, truncate=None, reset=reset)
    x = drives(3, 2, 2, low=0.2, dtype=torch.float64).requires_grad_()
    weights = drives(2, 2, 3, seed=7, dtype=torch.float64)
    spikes, state = layer(x)
    (weights * state.m).sum().backward()
    assert 0 < spikes.mean() < 1
    differences, eps = torch.zeros(x.numel(), dtype=torch.float64), 1e-6
    for k, unit in enumerate(torch.eye(x.numel(), dtype=torch.float64)):
        values = []
        for sign in (1, -1):
            moved, end = layer(x.detach() + sign * eps * unit.view_as(x))
            assert torch.equal(moved, spikes)  # smooth between: no spike comes or goes
            values.append((weights * end.m).sum())
        differences[k] = (values[0] - values[1]) / (2 * eps)
    # central differences: rounding 1e-16 / 1e-6 times the growth of errors, and eps^2 times the third derivative
    assert torch.allclose(x.grad.flatten(), differences, rtol=1e-6, atol=1e-6 * x.grad.abs().max().item())


def test_gradient_of_a_spike_is_the_surrogates_at_the_peak_times_the_peaks():
    layer, x = SHNOLayer(3, n_steps=1), drives(2, 3, low=0.3, dtype=torch.float64).requires_grad_()
    layer(x)[0].sum().backward()
    y = x.detach().requires_grad_()
    peak = passage(at_rest(1).expand(2, 3, 3), y, 0.5e-9, 2e-12).m_peak
    (layer.surrogate.gradient(peak.detach() - 0.7) * peak).sum().backward()
    assert torch.allclose(x.grad, y.grad, rtol=1e-12, atol=0)  # identity, float64


def test_a_clipped_drive_has_no_gradient():
    x = torch.tensor([[-5.0, 1.0, 50.0]]).requires_grad_()
    SHNOLayer(3, n_steps=1)(x)[0].sum().backward()
    assert (x.grad != 0).tolist() == [[False, True, False]]
