"""The faults of a published "physics-accurate" spiking layer, each shown not to be one of ours, and to be a fault."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from neuron_helpers import A_C, WATCH, at_rest, drives, rotate_towards, unit_vectors

import shno
from neuromorph import SHNOLayer
from shno import theory
from validation.spike_steps import matched


def held(layer, m, drive, **settings):
    """`shno.integrate_sequence` of a layer's oscillators under torques (steps, ...) in a_c, in all."""
    every = {"dt": layer.dt, "n_steps": layer.steps_each, **WATCH, **settings}
    return shno.integrate_sequence(layer.parameters_of_device, m, A_C * drive, **every)


def field(layer, m):
    """B_ext - M m_x along the hard axis x, T."""
    hard = shno.constants.mu_0 * layer.oscillator.Ms * torch.tensor([1.0, 0.0, 0.0], dtype=m.dtype)
    return torch.tensor(layer.bias.B_ext, dtype=m.dtype) - hard * m


def test_fault_1_a_damping_that_is_not_gilberts():
    """Without torque the energy falls at alpha gamma' |m x B|^2, and the torque has no component along m."""
    layer = SHNOLayer(200, neural_step=2e-15, dt=1e-15)  # two steps about the middle: errors of (w dt)^2 < 1e-7
    m = unit_vectors(200, 1)
    ends = held(layer, m, torch.zeros(1, 200).double()).m[0]
    middle = torch.nn.functional.normalize(m + ends, dim=-1)
    slope = (ends - m) / layer.neural_step
    B, device = field(layer, middle), layer.oscillator
    loss = device.alpha * device.gamma / (1 + device.alpha**2) * torch.linalg.cross(middle, B).square().sum(-1)
    assert torch.allclose((slope * B).sum(-1), loss, rtol=1e-5, atol=1e-5 * loss.max().item())
    assert ((slope * middle).sum(-1).abs() < 1e-9 * slope.norm(dim=-1).max()).all()


def test_fault_2_spikes_that_only_a_coarse_euler_step_makes():
    """With alpha = 0.005 Euler's 0.1 ns is an anti-damping that spikes at rest, where RK4's 1 ps falls back; the layer
    refuses that step, and spikes alike at dt / 4.
    """
    device, n, m = replace(SHNOLayer(1).oscillator, alpha=0.005), 200, at_rest(1)
    tilted = m = torch.nn.functional.normalize(m + torch.tensor([[0.002, 0.0, 0.0]]), dim=-1)
    layer, highest, torque = SHNOLayer(1, oscillator=device, neural_step=20e-9, dt=1e-12, n_steps=1), -1.0, 0.8 * A_C
    for _ in range(n):
        p = torch.tensor(device.p).double()
        D, C = field(layer, m) - device.alpha * torque * p, device.alpha * field(layer, m) + torque * p
        slope = torch.linalg.cross(m, D + torch.linalg.cross(m, C))
        m = torch.nn.functional.normalize(m - 1e-10 * device.gamma / (1 + device.alpha**2) * slope, dim=-1)
        highest = max(highest, m[0, 1].item())
    truth = held(layer, tilted, torch.tensor([[0.8]]).double())
    assert highest > layer.threshold and truth.m_peak.item() < -0.7
    with pytest.raises(ValueError, match=r"dt must turn m by at most 0\.2 rad a step"):
        SHNOLayer(1, neural_step=0.5e-9, dt=1e-10)
    x = drives(4, 5, 40)
    coarse, fine = SHNOLayer(40)(x)[0], SHNOLayer(40, dt=0.5e-12)(x)[0]
    assert 0.1 < coarse.mean() < 0.9 and matched(coarse, fine) >= 0.99
    assert coarse.sum().item() == pytest.approx(fine.sum().item(), rel=0.01)


def test_fault_3_a_drive_that_pushes_away_from_the_threshold():
    """More input never means fewer spikes; with the opposite sign of the torque m would go down from the start."""
    x = torch.linspace(0.3, 4.0, 12)[None]
    counts = SHNOLayer(12, read_out="count", n_steps=5)(x)[0].sum(0)[0]
    assert (counts.diff() >= 0).all() and counts[-1] > counts[0] > 0
    layer = SHNOLayer(2, neural_step=0.1e-9)
    turned = held(layer, at_rest(2), torch.tensor([[1.8, -1.8]]).double()).m[0]
    on_the_way = torch.linalg.cross(layer.rest, turned)[:, 0] * torch.tensor([-1.0, 1.0])
    assert (on_the_way[0] * on_the_way[1] > 0) and (turned[0] - turned[1]).norm() > 0.1  # the sign decides the way


def test_fault_4_a_reset_of_the_length_which_the_next_step_undoes():
    """Scaling m and normalising it is nothing; the layer's soft reset takes a tenth of the angle to rest away."""
    layer, x = SHNOLayer(3, n_steps=1), drives(4, 3, low=4.0, high=12.0, dtype=torch.float64)
    spikes, state = layer(x)
    free = SHNOLayer(3, n_steps=1, reset="none")(x)[1].m
    assert spikes.min() == 1
    assert torch.allclose(torch.nn.functional.normalize(0.8 * free, dim=-1), free, rtol=0, atol=1e-15)
    assert torch.allclose(state.m, rotate_towards(free, layer.rest, 0.1), rtol=0, atol=1e-12)
    assert ((state.m - free).norm(dim=-1) > 1e-2).all()


def test_fault_5_a_detached_state_without_credit_for_earlier_steps():
    """By default, in the sequence and by state handed over, the input of a step has a gradient by the next's spikes."""
    for stepwise in (False, True):
        layer, x = SHNOLayer(3), drives(2, 2, 3, low=0.3).requires_grad_()
        if stepwise:
            spikes, _ = layer.step(x[1], layer.step(x[0], layer.initial_state(2, x))[1])
        else:
            spikes = layer(x)[0][1]
        spikes.sum().backward()
        assert (x.grad[0] != 0).all()


def test_fault_6_a_noise_that_is_a_function_of_the_state():
    """Neurons in one state under one drive part by the seeded field, which is Brown's: zero mean, its own variance."""
    layer, n, steps = SHNOLayer(4000, neural_step=2e-15, dt=2e-15), 4000, 20
    device = layer.oscillator
    sd = theory.thermal_field(device.alpha, 300.0, device.Ms, device.volume, layer.dt, device.gamma)
    start, drive = at_rest(1).expand(n, 3), torch.full((steps, n), 0.8, dtype=torch.float64)
    runs = [held(layer, start, drive, deviation=sd, seed=seed).m for seed in (1, 1, 2)]
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])
    kicks = runs[0].diff(dim=0)[..., 0] - held(layer, start, drive).m.diff(dim=0)[..., 0]
    expected = device.gamma * layer.dt * sd / np.sqrt(1 + device.alpha**2)  # of m_x by a field across rest
    assert kicks.std().item() == pytest.approx(expected, rel=0.02)  # 76,000 draws: 0.3 %
    assert abs(kicks.mean().item()) < 5 * expected / kicks.numel() ** 0.5
    pairs = [(kicks[:-1] * kicks[1:]).mean(), (kicks[:, :-1] * kicks[:, 1:]).mean()]  # in time, between neurons
    assert all(abs(pair.item()) < 5 * expected**2 / kicks.numel() ** 0.5 for pair in pairs)


def test_fault_7_no_demagnetising_field_no_applied_field_no_temperature():
    """Each of the three decides what a neuron does: without the plane no turn, without the field no threshold."""
    x = torch.tensor([[0.0, 4.0]]).double()
    usual, _ = SHNOLayer(2, reset="none")(x)
    assert (usual.sum(0)[0] > 0).tolist() == [False, True]
    sphere = shno.Oscillator(Ms=636620.0, alpha=0.08, demag=(1 / 3, 1 / 3, 1 / 3), p=(-1.0, 0.0, 0.0))
    values = shno.parameters(sphere, shno.operating_point("easy-plane-neuron"))
    settings = {"dt": 2e-12, "n_steps": 3750, **WATCH}
    assert shno.integrate(values, at_rest(1), torch.tensor(4.8 * A_C).double(), **settings).crossings.item() == 0
    free = shno.parameters(shno.preset("easy-plane-neuron"), shno.Drive(a_DL=0.0, B_ext=(0.0, 0.0, 1e-6)))
    assert shno.integrate(free, at_rest(1), torch.tensor(0.8 * A_C).double(), **settings).crossings.item() > 0
    device = SHNOLayer(1).oscillator
    sd = theory.thermal_field(device.alpha, 300.0, device.Ms, device.volume, 2e-12, device.gamma)
    values = SHNOLayer(1).parameters_of_device
    warm = shno.integrate(values, at_rest(1).expand(50, 3), torch.tensor(2.0 * A_C).double(), deviation=sd, seed=1,
                          **settings | {"n_steps": 400})  # fmt: skip
    times = warm.crossing_time[warm.crossings > 0]
    assert len(times) > 40 and times.std().item() > 5e-12  # the latency jitters
