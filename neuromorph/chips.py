"""Fabricated chips: a layer whose neurons are devices with spread, and the accuracy of a network on many chips.

The input of a neuron is a current. Its unit, and the bias, are those of the nominal device, since nobody trims a
neuron by itself: a device with more torque an ampere (theta_SH, or a smaller width, thickness or Ms) gets more of both,
and one whose bias exceeds its own critical torque fires without input, as it does on a real chip.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
import torch

import shno
from neuromorph.learnable import DEVICE

RESAMPLE = ("never", "epoch", "batch")
UNSEEN = 1 << 62  # chips of `evaluate_chips` begin here: none of them is trained on
MOST_CHIPS = 1 << 30  # of one seed
LAST_DEVICE = 1 << 31
STAND_INS = {"theta_SH": 1.0, "thickness": 1e-9, "width": 1e-7, "t_HM": 5e-9}  # for torque per ampere, as a ratio


@dataclass(frozen=True, kw_only=True)
class Variability:
    """Each neuron its own device: neuron k is device first + k of the wafer `chip`, `shno.sample` with this spread.

    spread : mapping        {parameter: shno.variability.Spread, or relative sd}; `shno.variability.typical` gives one
    resample                in training. "never"; "epoch": the next chip at each call of train(), as a training calls
                            it before each epoch; "batch": the next chip at each forward without a state.
                            Evaluation takes the chip that is set
    chip : integer          the first one, in [0, 2^62). Layers of one network want chips far apart, or `first`
    first : integer         number of the device of neuron 0, in [0, 2^31)
    Raises : TypeError, ValueError; of the spread when the layer is made
    """

    spread: dict
    resample: str = "never"
    chip: int = 0
    first: int = 0

    def __post_init__(self):
        """Check the fields."""
        _check_spread(self.spread)
        if not isinstance(self.resample, str) or self.resample not in RESAMPLE:
            raise ValueError(f"resample must be one of {', '.join(RESAMPLE)}, got {self.resample!r:.60}. Choose one.")
        _check_whole("chip", self.chip, 0, UNSEEN - 1)
        _check_whole("first", self.first, 0, LAST_DEVICE - 1)


class Chips(NamedTuple):
    """What a network does on chips: mean, sample standard deviation and the smallest of `values`, one a chip."""

    mean: float
    sd: float
    worst: float
    values: tuple


class Device(NamedTuple):
    """What a layer integrates.

    oscillator : shno.Oscillator   of shape () or (n,)
    parameters : dict              of shno.parameters at the bias
    rest : (n, 3), float64         unit vectors
    gain : 1, number or (n,)       torque an ampere over that of the nominal device
    """

    oscillator: shno.Oscillator
    parameters: dict
    rest: torch.Tensor
    gain: float | np.ndarray


def nominal(oscillator, bias, n):
    """The Device of a layer as designed: n neurons of the oscillator itself."""
    rest = torch.as_tensor(shno.equilibrium(oscillator, bias, driven=True)).expand(n, 3).clone()
    return Device(oscillator, _parameters(oscillator, bias), rest, 1.0)


def fabricated(oscillator, bias, n, spread, *, chip, first=0):
    """The Device of a layer whose neuron k is device first + k of a wafer, `chip`.

    oscillator, bias : the nominal ones, single
    Returns : Device. A device whose bias exceeds its critical torque has no equilibrium there: its reset turns m
        towards the nominal rest
    Raises : TypeError, ValueError of shno.sample
    """

    device = shno.sample(oscillator, n, spread, chip, first=first)
    gain = _gain(oscillator, bias, n, spread, chip, first)
    own = _own_bias(bias, gain)

    def rest(device, start, end):
        """The equilibria of neurons start ... end - 1; halved where some have none, to find which."""
        try:
            return np.broadcast_to(
                shno.equilibrium(device, _own_bias(bias, gain[start:end]), driven=True), (end - start, 3)
            )
        except shno.IntegrationError:
            if end - start == 1:
                return shno.equilibrium(oscillator, bias, driven=True).reshape(1, 3)
        parts = ((start, (start + end) // 2), ((start + end) // 2, end))
        drawn = [shno.sample(oscillator, b - a, spread, chip, first=first + a) for a, b in parts]
        return np.concatenate([rest(each, *part) for each, part in zip(drawn, parts, strict=True)])

    return Device(device, _parameters(device, own), torch.tensor(rest(device, 0, n)), gain)


def _own_bias(bias, gain):
    """The bias of each device: a torque is that of the nominal device, a current makes its own."""
    return replace(bias, a_DL=bias.a_DL * gain) if bias.current[0] == "a_DL" else bias


def _parameters(oscillator, drive):
    """shno.parameters, the torque as a copy: of a read-only array torch makes no tensor without a warning."""
    values = shno.parameters(oscillator, drive)
    return values | {"a_DL": np.array(values["a_DL"])[()]}


def _gain(oscillator, bias, n, spread, chip, first):
    """a_DL of each device over the nominal one at the same current (for a bias by J: at the same current density):
    ~ theta_SH / (Ms thickness width). What the oscillator leaves open stands in: the ratio does not depend on it.
    """
    whole = replace(oscillator, **{name: x for name, x in STAND_INS.items() if not getattr(oscillator, name)})
    unit = shno.Drive(**{"J" if bias.current[0] == "J" else "I": 1.0}, B_ext=bias.B_ext)
    devices = shno.sample(whole, n, spread, chip, first=first)
    return np.broadcast_to(shno.parameters(devices, unit)["a_DL"] / shno.parameters(whole, unit)["a_DL"], (n,)).copy()


def fabricate(layer, chip, *, spread=None, first=None):
    """Make the neurons of a layer the devices of a chip, from the next forward on. The same chip is always the same.

    layer : SHNOLayer
    chip : integer          in [0, 2^63); the layer's buffer `chip` keeps it
    spread, first           as of `Variability`; None: those of the layer
    Raises : TypeError, ValueError
    """
    own = layer.variability
    if own is None and spread is None:
        raise ValueError("spread must be given for a layer without variability, got None. shno.variability.typical.")
    _check_whole("chip", chip, 0, 2 * UNSEEN - 1)
    if first is None:
        first = 0 if own is None else own.first
    _check_whole("first", first, 0, LAST_DEVICE - 1)
    spread = own.spread if spread is None else _check_spread(spread)
    learnt = layer.learned.keys() & {"bias", *DEVICE}
    if learnt:
        got = ", ".join(sorted(learnt))
        raise ValueError(f"learn must name no constant of a device that is fabricated, got {got}. See design().")
    layer.install(fabricated(layer.nominal, layer.bias, layer.n, spread, chip=chip, first=first))
    layer.chip.fill_(chip)


def next_chip(layer, moment):
    """Fabricate the next chip of a layer in training that resamples at this moment, "epoch" or "batch"."""
    if layer.training and layer.variability is not None and layer.variability.resample == moment:
        fabricate(layer, (int(layer.chip) + 1) % UNSEEN)


def refabricate(layer, _):
    """After load_state_dict: the devices of the chip that was loaded."""
    if layer.variability is not None:
        fabricate(layer, int(layer.chip))


def check_variability(layer):
    """TypeError, ValueError where a layer cannot have its variability."""
    if layer.variability is None:
        return
    if not isinstance(layer.variability, Variability):
        got = type(layer.variability).__name__
        raise TypeError(f"variability must be a neuromorph.Variability or None, got {got}. None: one device for all.")


def evaluate_chips(model, evaluate, *, n=20, seed=0, spread=None):
    """What a network does on n fabricated chips: each of its SHNO layers gets the devices of one chip after the other.

    model : nn.Module       with one SHNOLayer or more, at any depth; its layers' devices are numbered on through it
    evaluate : callable     evaluate(model) -> a number, such as the accuracy; called once a chip
    n : integer             of chips, 2 or more
    seed : integer          in [0, 2^32), of the chips; none of them is one that `Variability` trains on
    spread : mapping        of all layers; None: each layer's own
    Returns : Chips(mean, sd, worst, values). The layers and all modules' modes are as before afterwards, also after an
        exception in evaluate
    Raises : TypeError, ValueError
    """
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {type(model).__name__}. Pass the network.")
    if not callable(evaluate):
        raise TypeError(f"evaluate must be callable, got {type(evaluate).__name__}. It takes the model.")
    _check_whole("n", n, 2, MOST_CHIPS)
    _check_whole("seed", seed, 0, (1 << 32) - 1)
    layers = [module for module in model.modules() if hasattr(module, "fabricate")]
    if not layers:
        raise ValueError("model must hold an SHNOLayer, got none. Nothing else is fabricated here.")
    modes = [(module, module.training) for module in model.modules()]
    before = [(layer, layer.installed, [each.clone() for each in layer.buffers()]) for layer in layers]
    values = []
    try:
        for k in range(n):
            first = 0
            for layer in layers:
                layer.fabricate(UNSEEN + seed * MOST_CHIPS + k, spread=spread, first=first)
                first += layer.n
            values.append(_result(evaluate(model)))
    finally:
        for layer, device, buffers in before:
            layer.install(device)
            for buffer, value in zip(layer.buffers(), buffers, strict=True):
                buffer.copy_(value)
        for module, mode in modes:
            module.training = mode
    return Chips(float(np.mean(values)), float(np.std(values, ddof=1)), min(values), tuple(values))


def _result(value):
    """What evaluate gave, as a float; TypeError, ValueError."""
    if isinstance(value, torch.Tensor | np.ndarray | np.generic) and np.prod(value.shape) == 1:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"evaluate must return a number, got {type(value).__name__}. The accuracy, say.")
    if not isfinite(value):
        raise ValueError(f"evaluate must return a finite number, got {value}. The accuracy, say.")
    return float(value)


def _check_whole(name, value, low, high):
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be a whole number, got {value!r:.60}. Correct it.")
    if not low <= value <= high:
        raise ValueError(f"{name} must be in [{low}, {high}], got {value}. Correct it.")


def _check_spread(spread):
    if not isinstance(spread, Mapping):
        got = type(spread).__name__
        raise TypeError(f"spread must be a mapping {{parameter: Spread or sd}}, got {got}. shno.variability.typical.")
    return spread
