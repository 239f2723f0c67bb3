"""What a layer's forward costs in its devices: I^2 R t of the current that makes the torque."""

from dataclasses import fields, replace
from typing import NamedTuple

import numpy as np
import torch

import shno

SMALLEST = 1e-100  # T/A: one over it is still a number


class Energy(NamedTuple):
    """The energy of a layer's devices and its spikes.

    joules : (batch,), J          of each image: I^2 R t over all neurons and neural steps, bias included
    spikes : (batch,)             of each image: crossings, all that a neural step holds
    per_spike : J                 joules / spikes, over the batch; infinite where there is none
    at_rest : J                   what an image costs at zero input: the bias alone
    largest_current : A           in size, of a single oscillator
    """

    joules: torch.Tensor
    spikes: torch.Tensor
    per_spike: float
    at_rest: float
    largest_current: float


def energy(layer, x, state=None, *, oscillator=None):
    """Energy of a forward, the sum of I^2 R neural_step, where I, in A, makes the torque of the neural step.

    I = a_DL / (a_DL of an ampere): hbar theta_DL shunt / (2 e Ms t_F width t_HM) on the bottom. R is the oscillator's,
    or, where that is None, of a constriction as long as it is wide, shunt rho_HM / t_HM.

    layer : SHNOLayer
    x, state                as `forward` takes them
    oscillator              one that says how it is driven, where the layer's is driven by a_DL and says nothing;
                            what the layer learnt replaces its values
    Returns : Energy; gradients flow through `joules`, not through a weakened refractory drive
    Raises : TypeError; ValueError where thickness, width, t_HM, theta_SH, or both R and rho_HM are missing
    Valid for a resistance that m and Joule heating change little. Without leads, sources and read-out.
    """
    device = device_of(layer, oscillator)
    per_ampere, R = _torque_per_ampere(device), resistance(device)
    a_DL, state = layer._held(x, state)
    crossings = layer._integrate(a_DL, state)[0].crossings
    factor = weakening(crossings > 0, state.remaining, layer.refractory, layer.refractory_factor)
    scale = torch.as_tensor(np.asarray(R * layer.neural_step / per_ampere**2)).to(a_DL)
    joules = (scale * (factor * a_DL) ** 2).sum((0, 2))
    spikes = crossings.sum((0, 2))
    with torch.no_grad():
        rest = layer.drive(a_DL.new_zeros(layer.n))
        at_rest = len(a_DL) * float((scale * rest**2).sum())
        largest = float((a_DL / torch.as_tensor(np.asarray(per_ampere)).to(a_DL)).abs().max())
    per_spike = float(joules.detach().sum() / spikes.sum())
    return Energy(joules, spikes, per_spike, at_rest, largest)


def resistance(oscillator):
    """Resistance of the oscillator, ohm: R where it is given, or shunt rho_HM / t_HM, of one square of its layers.

    oscillator : shno.Oscillator
    Returns : number or array
    Raises : ValueError where neither R nor rho_HM with t_HM is given
    Source : Ohm's law of parallel conductors, of which the metal takes the share `shunt`.  Valid without the spreading
    resistance of the leads.
    """
    if oscillator.R is not None:
        return oscillator.R
    _need(oscillator, "rho_HM", "t_HM", remedy="Or give R, in ohm.")
    return oscillator.shunt * oscillator.rho_HM / oscillator.t_HM


def weakening(spiked, remaining, refractory, factor):
    """What the refractory drive multiplied each torque by: 1, or the factor in the neural steps after a spike.

    spiked : (steps, batch, n) bool;  remaining : (batch, n), weakened neural steps that were left at the start
    Returns : (steps, batch, n), or 1.0 where nothing is weakened
    """
    if refractory == 0 and not bool((remaining > 0).any()):
        return 1.0
    factors = []
    for step in spiked:
        factors.append(torch.where(remaining > 0, factor, 1.0))
        remaining = torch.where(step, refractory, (remaining - 1).clamp(min=0))
    return torch.stack(factors)


def device_of(layer, oscillator):
    """The oscillator that says how it is driven, the layer's own for None, with what the layer learnt; TypeError."""
    now = layer.design()[0]
    if oscillator is None:
        return now
    if not isinstance(oscillator, shno.Oscillator):
        got = type(oscillator).__name__
        raise TypeError(f"oscillator must be a shno.Oscillator, got a {got}. Or None for the layer's own.")
    names = (field.name for field in fields(now) if field.name in layer.learned)
    return replace(oscillator, **{name: getattr(now, name) for name in names})


def _torque_per_ampere(oscillator):
    """a_DL of one ampere, T/A, a number or an array; ValueError where there is none."""
    _need(oscillator, "thickness", "width", "t_HM", remedy="Give energy an oscillator that says how it is driven.")
    per_ampere = shno.parameters(oscillator, shno.Drive(I=1.0))["a_DL"]
    if not np.all(np.abs(per_ampere) > SMALLEST):
        got = f"{np.min(np.abs(oscillator.theta_SH)):g}"
        raise ValueError(
            f"theta_SH must be other than 0 where energy is asked for, got {got}. No current makes a torque."
        )
    return per_ampere


def _need(oscillator, *names, remedy):
    for name in names:
        if getattr(oscillator, name) is None:
            raise ValueError(f"{name} of the oscillator must be given where energy is asked for, got None. {remedy}")
