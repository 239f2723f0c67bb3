from dataclasses import replace

import pytest
import torch

import shno
from neuromorph import costs
from neuromorph.costs import (
    against_bound,
    assumptions_of,
    energy_of,
    limits_of,
    memory_for,
    oscillator_energy,
    stack_of,
)
from neuromorph.metrics import Firing, SynapticOperations, Workload
from neuromorph.models import build


def work_of(macs=0.0, acs=0.0, dense=0.0, updates=0.0):
    return Workload(1, 1.0, None, None, {}, None, None, SynapticOperations(macs, acs, dense), updates)


def test_digital_energy_is_operations_times_horowitzs_figures():
    """A multiply-accumulate 4.6 pJ, an accumulate 0.9 pJ; a leaky neuron's step 4.6 pJ."""
    energy = energy_of(work_of(1000, 2000, 8000, 500), 1000)
    assert energy.digital == pytest.approx((4600 + 1800 + 2300) * 1e-12)
    assert energy.dense == pytest.approx((8000 * 4.6 + 2300) * 1e-12)
    assert energy.memory == pytest.approx((1000 + 2000 + 2 * 500) * 5e-12)  # in 8 KiB
    assert energy.oscillators is None and energy_of(work_of(), 0, 1e-12).oscillators == 1e-12


@pytest.mark.parametrize(
    ("size", "joules"),
    [(8192, 5e-12), (8193, 10e-12), (32768, 10e-12), (1 << 20, 50e-12), ((1 << 20) + 1, 650e-12)],
)
def test_words_cost_as_much_as_the_smallest_memory_that_holds_the_network(size, joules):
    assert memory_for(size).value == joules
    assert energy_of(work_of(macs=10), size).memory == pytest.approx(10 * joules)


def test_the_oscillators_energy_is_that_of_their_layer_with_the_stack_that_was_assumed():
    torch.manual_seed(0)
    model, images = build("hybrid", classes=2).eval(), torch.rand(5, 28, 28)
    joules, made = oscillator_energy(model, images)
    layer = model.neurons.layer
    stack = replace(shno.preset("easy-plane-neuron"), theta_SH=-0.3, t_HM=5e-9, R=400.0)
    with torch.no_grad():
        expected = layer.energy(model.drive(images), oscillator=stack).joules.mean().item()
    assert joules == pytest.approx(expected, rel=1e-6)  # float32
    assert joules > 5e-14  # at rest: 60 neurons x 15 steps x (0.8 a_c as a current)^2 x 400 ohm x 0.5 ns
    assert [each.name for each in made] == [
        "spin Hall angle",
        "thickness of the heavy metal",
        "resistivity of the heavy metal",
    ]
    assert oscillator_energy(build("hybrid-relu", classes=2), images) == (None, [])


def test_nothing_is_assumed_of_a_device_that_says_all():
    whole = replace(shno.preset("easy-plane-neuron"), theta_SH=0.1, t_HM=4e-9, R=700.0)
    assert stack_of(whole) == (whole, [])
    metal, made = stack_of(replace(whole, R=None))
    assert metal.R == pytest.approx(2e-6 / 4e-9) and [each.unit for each in made] == ["ohm m"]
    resistive = replace(whole, R=None, rho_HM=1e-6, shunt=1.0)
    assert stack_of(resistive) == (resistive, [])


def test_what_a_result_rests_on_is_listed_and_no_more():
    def names(*work):
        return [each.name.split(",")[0] for each in assumptions_of(*work)]

    assert names(work_of(macs=1), 100, [costs.ANGLE])[:2] == ["spin Hall angle", "multiplication"]
    assert "multiplication" not in names(work_of(acs=1), 100)
    assert names(work_of(acs=1, updates=1), 2 << 20) == ["multiplication", "addition", "32 bits from or to DRAM"]
    assert all(each.value and each.unit and each.source for each in assumptions_of(work_of(macs=1), 100))
    lengths = [len(limits_of(work_of(updates=updates), joules)) for updates in (0, 1) for joules in (None, 1e-12)]
    assert lengths == [3, 4, 4, 5]


def test_a_spike_rate_is_held_against_the_bound():
    low, high = (against_bound(Firing(rate, 0.0, 0.0, 10, 8)) for rate in (0.05, 0.2))
    assert low.startswith("spike rate 5.00%: below the 6.4%") and high.startswith("spike rate 20.00%: above the 6.4%")
    assert "not made for" not in low and "not made for 1 step)" in against_bound(Firing(0.1, 0.0, 0.0, 10, 1))
    assert "not made for 100 steps" in against_bound(Firing(0.1, 0.0, 0.0, 10, 100))
    assert against_bound(None) is None
