"""Energy of an image: I^2 R t of the oscillators' heavy metal, operations of the digital layers, memory traffic apart.

    digital  = MACs (multiply + add) + ACs add + membrane updates (multiply + add)
    memory   = reads and writes of 32 bits, (MACs + ACs + 2 membrane updates), in the smallest memory that holds the
               network: what it costs at most, as no weight is read once for two operations
The assumptions are data, to be printed beside each result: `assumptions_of`, `limits_of`.
"""

from dataclasses import replace
from typing import NamedTuple

import torch

from neuromorph.neuron import SHNOLayer

HOROWITZ = "Horowitz, ISSCC 2014, 45 nm at 0.9 V"
PAI = "[K] beta-tungsten, Pai et al., Appl. Phys. Lett. 101, 122404 (2012)"
BOUND = 0.064  # spikes a neuron and step


class Assumption(NamedTuple):
    """A number that a result rests on."""

    name: str
    value: float
    unit: str
    source: str


MULTIPLY = Assumption("multiplication, 32-bit float", 3.7e-12, "J", HOROWITZ)
ADD = Assumption("addition, 32-bit float", 0.9e-12, "J", HOROWITZ)
MEMORIES = {  # bytes that fit -> a word; half of what 64 bits cost
    8 << 10: Assumption("32 bits from or to 8 KiB of SRAM", 5e-12, "J", HOROWITZ),
    32 << 10: Assumption("32 bits from or to 32 KiB of SRAM", 10e-12, "J", HOROWITZ),
    1 << 20: Assumption("32 bits from or to 1 MiB of SRAM", 50e-12, "J", HOROWITZ),
    float("inf"): Assumption("32 bits from or to DRAM", 650e-12, "J", f"{HOROWITZ}: 1.3 to 2.6 nJ for 64 bits"),
}
# Of an oscillator that is driven by a torque and does not say what makes it.
ANGLE = Assumption("spin Hall angle", -0.3, "1", PAI)
THICKNESS = Assumption("thickness of the heavy metal", 5e-9, "m", PAI)
RESISTIVITY = Assumption("resistivity of the heavy metal", 2e-6, "ohm m", PAI)
LIMITS = (
    "synaptic operations with a zero are skipped at no cost; 32-bit floats throughout",
    "input encoding, pooling and the weights over time are not counted",
    "memory traffic is an upper bound: each weight is read anew for each operation",
)
LIMIT_OF_NEURONS = (
    "a leaky neuron's update is a multiplication and an addition; its comparison and reset are not counted"
)
LIMIT_OF_OSCILLATORS = "nominal oscillators, one square of heavy metal each, without leads, sources and read-out"
BOUND_SOURCE = (
    "Yan, Bai, Wong, arXiv 2409.08290 v2 and v3 (2025), with memory traffic, for 5 to 10 steps (v4: 5.7 % at 5 steps)"
)


class Energy(NamedTuple):
    """Energy of an image, J.

    oscillators : J | None     I^2 R t of all SHNO layers; None without one
    digital : J                synaptic operations and membrane updates
    dense : J                  what the digital layers cost if no zero were skipped
    memory : J                 traffic, at most
    """

    oscillators: float | None
    digital: float
    dense: float
    memory: float


def energy_of(work, bytes_of_model, oscillators=None):
    """The Energy of an image.

    work : metrics.Workload
    bytes_of_model : int      decides which memory holds it
    oscillators : J | None    as `oscillator_energy` gives
    """
    operations, updates, mac = work.synaptic_operations, work.membrane_updates, MULTIPLY.value + ADD.value
    neurons = updates * mac
    words = operations.Effective_MACs + operations.Effective_ACs + 2 * updates
    digital = operations.Effective_MACs * mac + operations.Effective_ACs * ADD.value + neurons
    return Energy(oscillators, digital, operations.Dense * mac + neurons, words * memory_for(bytes_of_model).value)


def memory_for(bytes_of_model):
    """The Assumption of the smallest memory that holds so many bytes."""
    return next(each for most, each in MEMORIES.items() if bytes_of_model <= most)


def stack_of(oscillator):
    """(the oscillator with what it leaves open about its heavy metal, the Assumptions that were made for it)."""
    made, values = [], {}
    for name, each in (("theta_SH", ANGLE), ("t_HM", THICKNESS)):
        if not getattr(oscillator, name):
            made.append(each)
            values[name] = each.value
    if oscillator.R is None and oscillator.rho_HM is None:
        made.append(RESISTIVITY)
        values["R"] = RESISTIVITY.value / values.get("t_HM", oscillator.t_HM)
    return replace(oscillator, **values), made


@torch.no_grad()
def oscillator_energy(model, images):
    """Energy of the oscillators for each of some images, on the average, and the Assumptions made: (J, list).

    model : with one SHNO layer or more; without one: (None, [])
    images : (batch, 28, 28), or (batch, steps, 28, 28), as the model takes them
    """
    layers, inputs = [each for each in model.modules() if isinstance(each, SHNOLayer)], {}
    if not layers:
        return None, []
    hooks = [each.register_forward_pre_hook(lambda layer, given: inputs.setdefault(layer, given[0])) for each in layers]
    try:
        model.eval()(images)
    finally:
        for hook in hooks:
            hook.remove()
    joules, assumptions = 0.0, {}
    for layer, x in inputs.items():
        device, made = stack_of(layer.nominal)
        joules += layer.energy(x, oscillator=device).joules.mean().item()
        assumptions |= dict.fromkeys(made)
    return joules, list(assumptions)


def assumptions_of(work, bytes_of_model, made=()):
    """Every Assumption behind an `energy_of`, in the order in which they enter."""
    operations = work.synaptic_operations
    used = [MULTIPLY] if operations.Effective_MACs or work.membrane_updates else []
    return [*made, *used, ADD, memory_for(bytes_of_model)]


def limits_of(work, oscillators=None):
    """What an `energy_of` leaves out or simplifies: texts."""
    of_neurons = (LIMIT_OF_NEURONS,) if work.membrane_updates else ()
    return [*LIMITS, *of_neurons, *(() if oscillators is None else (LIMIT_OF_OSCILLATORS,))]


def against_bound(firing):
    """Where a network's spike rate lies beside the one below which it beats a dense network: a sentence, or None."""
    if firing is None:
        return None
    rate = firing.spike_rate
    side = "below" if rate < BOUND else "above"
    window = "" if 5 <= firing.steps <= 10 else f"; not made for {firing.steps} step{'s' * (firing.steps != 1)}"
    return f"spike rate {rate:.2%}: {side} the {BOUND:.1%} under which spikes save energy ({BOUND_SOURCE}{window})"
