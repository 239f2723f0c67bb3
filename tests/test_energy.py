from dataclasses import replace

import numpy as np
import pytest
import torch
from neuron_helpers import A_C, NAME, drives

import shno
from neuromorph import SHNOLayer
from neuromorph.energy import device_of, resistance, weakening
from shno.constants import e, hbar

SHORT = {"n_steps": 3, "neural_step": 0.1e-9, "dt": 2e-12}
STACK = {"theta_SH": -0.3, "t_HM": 5e-9, "R": 800.0}


def driven(**more):
    return replace(shno.preset(NAME), **(STACK | more))


def layer_of(oscillator=None, **more):
    return SHNOLayer(4, oscillator=driven() if oscillator is None else oscillator, **(SHORT | more))


def current(a_DL, oscillator):
    """A, from the torque: the equation turned round by hand."""
    J = a_DL * 2 * e * oscillator.Ms * oscillator.thickness / (hbar * oscillator.theta_SH)
    return J * oscillator.width * oscillator.t_HM / oscillator.shunt


def inputs(batch=5, **more):
    return drives(batch, 4, dtype=torch.float64, **more)


def test_the_energy_is_that_of_the_current_that_makes_the_torque():
    oscillator, x = driven(shunt=0.7), inputs()
    layer = layer_of(oscillator)
    result = layer.energy(x)
    a_DL = A_C * (0.8 + x.numpy()).clip(0, 16)
    I = current(a_DL, oscillator)
    expected = 3 * (I**2 * 800.0 * 0.1e-9).sum(axis=1)
    assert np.allclose(result.joules, expected, rtol=1e-12)
    assert result.largest_current == pytest.approx(np.abs(I).max(), rel=1e-12)
    assert result.at_rest == pytest.approx(3 * 4 * current(0.8 * A_C, oscillator) ** 2 * 800.0 * 0.1e-9, rel=1e-12)
    spikes, _ = SHNOLayer(4, oscillator=oscillator, read_out="count", **SHORT)(x)
    assert spikes.sum() > 0
    assert torch.equal(result.spikes.double(), spikes.sum((0, 2)))
    assert result.per_spike == pytest.approx(float(result.joules.sum() / spikes.sum()), rel=1e-12)


def test_a_neural_step_of_a_quarter_milliampere_costs_an_eighth_of_a_picojoule():
    """(0.25 mA)^2 x 1 kohm x 2 ns = 0.125 pJ."""
    oscillator, I = driven(R=1000.0), 0.25e-3
    layer = SHNOLayer(1, oscillator=oscillator, n_steps=1, neural_step=2e-9, clip=1e3, dt=2e-13)
    x = torch.full((1, 1), abs(I / current(A_C, oscillator)) - 0.8, dtype=torch.float64)
    assert layer.energy(x).joules.item() == pytest.approx(0.125e-12, rel=1e-9)


def test_energy_scales_as_the_laws_say():
    x = inputs()
    joules = layer_of().energy(x).joules
    assert torch.allclose(layer_of(driven(R=1600.0)).energy(x).joules, 2 * joules)
    assert torch.allclose(layer_of(driven(theta_SH=0.15)).energy(x).joules, 4 * joules)
    longer = layer_of(neural_step=0.3e-9).energy(x).joules
    assert torch.allclose(longer, 3 * joules)
    twice = layer_of().energy(torch.cat([x, x], dim=0))
    assert torch.equal(twice.joules, joules.repeat(2))


def test_a_heavy_metal_conducts_beside_the_magnetic_layer():
    metal = driven(R=None, rho_HM=2e-6, shunt=1.0)
    assert resistance(metal) == pytest.approx(2e-6 / 5e-9)  # 400 ohm a square
    both = replace(metal, rho_F=1e-6, shunt=None)
    assert resistance(both) == pytest.approx(1 / (5e-9 / 2e-6 + 3e-9 / 1e-6))
    # the current grows by 1 / shunt: the same power in the metal, and what the magnet takes on top
    x = inputs()
    ratio = layer_of(both).energy(x).joules / layer_of(metal).energy(x).joules
    assert np.allclose(ratio, 1 / both.shunt, rtol=1e-12)


def test_a_weakened_drive_takes_less():
    x = torch.full((1, 4), 12.0, dtype=torch.float64)
    settings = {"n_steps": 5, "refractory": 2, "reset": "none"}
    plain, weak = layer_of(**(settings | {"refractory": 0})), layer_of(**settings, refractory_factor=0.5)
    counts, _ = SHNOLayer(4, oscillator=driven(), read_out="count", refractory_factor=0.5, **(SHORT | settings))(x)
    step = plain.energy(x).joules.item() / 5
    left, factors = 0, []
    for spiked in (counts[:, 0, 0] > 0).tolist():
        factors.append(0.25 if left > 0 else 1.0)
        left = 2 if spiked else max(left - 1, 0)
    assert 0.25 in factors and factors[0] == 1.0
    assert weak.energy(x).joules.item() == pytest.approx(step * sum(factors), rel=1e-12)


def test_weakening_counts_what_was_left_at_the_start():
    spiked = torch.zeros(4, 1, 2, dtype=torch.bool)
    spiked[1, 0, 1] = True
    factors = weakening(spiked, torch.tensor([[2, 0]]), 1, -0.5)
    assert factors[:, 0].T.tolist() == [[-0.5, -0.5, 1.0, 1.0], [1.0, 1.0, -0.5, 1.0]]


def test_the_gradient_of_the_energy_is_that_of_the_square():
    x = inputs(low=0.5).requires_grad_()
    layer = layer_of()
    layer.energy(x).joules.sum().backward()
    unit = current(A_C, layer.oscillator) ** 2 * 800.0 * 0.1e-9
    assert torch.allclose(x.grad, 3 * 2 * unit * (0.8 + x.detach()), rtol=1e-12)


def test_what_a_layer_learnt_of_its_devices_enters_its_energy():
    layer = layer_of(clip=8.0, learn={"Ms": (5e5, 7e5), "alpha": (0.075, 0.2)})
    with torch.no_grad():
        layer.learned["Ms"].raw += 1.0
    learnt = layer.learned["Ms"]().detach().numpy()
    assert (learnt > 1.02 * driven().Ms).all()
    for oscillator in (None, driven(R=1.0)):
        device = device_of(layer, oscillator)
        assert np.allclose(device.Ms, learnt, rtol=1e-7)  # float32
        assert (device.alpha.shape, device.R) == ((4,), 800.0 if oscillator is None else 1.0)


def test_a_layer_driven_by_torque_takes_the_stack_from_another_oscillator():
    x = inputs()
    plain = SHNOLayer(4, **SHORT)
    assert torch.allclose(plain.energy(x, oscillator=driven()).joules, layer_of().energy(x).joules, rtol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"theta_SH": 0.0}, "theta_SH must be other than 0"),
        ({"t_HM": None}, "t_HM of the oscillator must be given"),
        ({"width": None, "volume": 1e-23}, "width of the oscillator must be given"),
        ({"thickness": None, "volume": 1e-23}, "thickness of the oscillator must be given"),
        ({"R": None}, "rho_HM of the oscillator must be given"),
    ],
)
def test_an_oscillator_that_does_not_say_how_it_is_driven_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        layer_of(driven(**changes)).energy(inputs())


def test_an_oscillator_of_another_kind_is_refused():
    with pytest.raises(TypeError, match=r"oscillator must be a shno\.Oscillator"):
        layer_of().energy(inputs(), oscillator=3)


def test_silence_costs_energy_and_has_infinite_energy_per_spike():
    result = layer_of().energy(torch.zeros(2, 4))
    assert result.per_spike == float("inf")
    assert result.joules.sum().item() == pytest.approx(2 * result.at_rest, rel=1e-6)  # float32
