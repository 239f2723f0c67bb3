import pytest
import torch
from neuron_helpers import at_rest, drives, rotate_towards, spikes_of, unit_vectors

from neuromorph import SHNOLayer
from neuromorph.record import record


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5, 1.0])
def test_rotation_turns_by_a_fraction_of_the_angle_in_the_plane_of_both(fraction):
    m, target = unit_vectors(100, 2), unit_vectors(100, 3)
    turned = rotate_towards(m, target, fraction)
    angle = torch.acos((m * target).sum(-1))
    assert torch.allclose(turned.norm(dim=-1), torch.ones(100).double(), rtol=0, atol=1e-14)  # rounding
    # 1e-12 under the root that keeps the gradient finite moves the angle by 1e-12 / sine: 1e-10 for these
    assert torch.allclose((turned * m).sum(-1), torch.cos(fraction * angle), rtol=0, atol=1e-10)
    assert torch.allclose((turned * target).sum(-1), torch.cos((1 - fraction) * angle), rtol=0, atol=1e-10)


def test_rotation_by_nothing_is_m_and_by_all_is_the_target():
    m, target = unit_vectors(100, 4), unit_vectors(100, 5)
    assert torch.allclose(rotate_towards(m, target, 0.0), m, rtol=0, atol=1e-15)  # rounding
    assert torch.allclose(rotate_towards(m, target, 1.0), target, rtol=0, atol=1e-10)  # as above


def test_rotation_at_and_opposite_to_the_target_keeps_length_and_gradient_finite():
    target = at_rest(1)[0]
    for m in (target.clone(), -target):
        m.requires_grad_()
        turned = rotate_towards(m, target, 0.1)
        turned.sum().backward()
        assert turned.norm().item() == pytest.approx(1, abs=1e-14) and m.grad.isfinite().all()


def spiking_step(reset, **settings):
    """A neural step in which each neuron spikes: the state after it with this reset, and without any."""
    x = drives(4, 3, low=4.0, high=12.0, dtype=torch.float64)
    spikes, state = SHNOLayer(3, n_steps=1, reset=reset, **settings)(x)
    assert spikes.min() == 1
    return state.m, SHNOLayer(3, n_steps=1, reset="none")(x)[1].m


def test_soft_reset_turns_m_towards_rest_and_keeps_its_length():
    m, before = spiking_step("soft", reset_fraction=0.1)
    rest = at_rest(1)[0]
    assert torch.allclose(m.norm(dim=-1), torch.ones(4, 3).double(), rtol=0, atol=1e-14)  # rounding
    assert torch.allclose(torch.acos(m @ rest), 0.9 * torch.acos(before @ rest), rtol=0, atol=1e-9)  # as above
    assert ((m - before).norm(dim=-1) > 1e-2).all()  # it is no rescaling


def test_soft_reset_by_nothing_is_no_reset_and_by_all_is_the_hard_one():
    nothing, before = spiking_step("soft", reset_fraction=0.0)
    whole, _ = spiking_step("soft", reset_fraction=1.0)
    assert torch.allclose(nothing, before, rtol=0, atol=1e-15)  # rounding
    assert torch.allclose(whole, spiking_step("hard")[0], rtol=0, atol=1e-9)  # as above


def test_hard_reset_is_rest():
    m, _ = spiking_step("hard")
    assert torch.equal(m, at_rest(1).expand(4, 3, 3))  # exact: it is set


@pytest.mark.parametrize("reset", ["soft", "hard"])
def test_a_neuron_that_did_not_spike_is_not_reset(reset):
    x = torch.tensor([[0.1, 6.0]])
    spikes, state = SHNOLayer(2, n_steps=1, reset=reset)(x)
    free = SHNOLayer(2, n_steps=1, reset="none")(x)[1]
    assert spikes[0, 0].tolist() == [0, 1]
    assert torch.equal(state.m[0, 0], free.m[0, 0]) and not torch.equal(state.m[0, 1], free.m[0, 1])


@pytest.mark.parametrize("reset", ["none", "soft"])
def test_a_turn_is_one_spike_though_it_spans_two_neural_steps(reset):
    # Each input puts the first crossing so close to the end of a neural step that a reset takes m back below the
    # threshold but not below the re-arming level.
    layer, x = SHNOLayer(8, reset=reset, read_out="count"), torch.linspace(1.255, 1.29, 8)
    spikes, _ = layer(x[None].expand(3, 1, 8))
    turns = spikes_of(record(layer, x.expand(3, 1, 8), save_every=1), layer, 3)
    assert spikes.sum(0)[0].tolist() == turns.sum(0)[0].tolist()
