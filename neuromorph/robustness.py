"""Accuracy of a network with oscillators where they are warm, and where no two of them are alike."""

import warnings
from contextlib import contextmanager
from itertools import product
from typing import NamedTuple

from neuromorph import chips
from neuromorph.activity import ActivityWarning
from neuromorph.chips import Chips, evaluate_chips
from neuromorph.hybrid import VARIED
from neuromorph.neuron import SHNOLayer
from neuromorph.noise import Noise, check_noise
from neuromorph.training import evaluate
from shno import variability


class Condition(NamedTuple):
    """Accuracy under a condition.

    temperature : K      Brown's field; 0 is none
    spread : 1           relative standard deviation of each of `hybrid.VARIED`, each device's own; 0: nominal devices
    chips : int          fabricated; 1 where there is no spread: the accuracy is that of the nominal devices
    mean, sd, worst : 1  over the chips; sd None for one
    values : tuple       of each chip
    """

    temperature: float
    spread: float
    chips: int
    mean: float
    sd: float | None
    worst: float
    values: tuple


def layers_of(model):
    """The SHNO layers of a model."""
    return [module for module in model.modules() if isinstance(module, SHNOLayer)]


def conditions(model, split, *, temperatures=(), spreads=(), n=20, seed=0, batch_size=128, progress=None):
    """Accuracy at each temperature with each spread, those without one or both included: a list of `Condition`.

    model : with one SHNO layer or more, which are as before afterwards
    split : datasets.Split
    temperatures : numbers, K;  spreads : numbers, relative standard deviations below 1/4
    n : int              chips for each spread, none of which a training with this project's seeds has seen
    seed : int           of the noise and of the chips: the same ones at each temperature
    progress : callable  progress(conditions done, conditions in all)
    Returns : the nominal devices at 0 K first; the temperature moves slowest
    Raises : ValueError for a model without oscillators; of `Noise` and `shno.sample` for wrong numbers
    """
    if not layers_of(model):
        raise ValueError("model must have oscillators to be warm or to differ, got one without. Leave that out.")
    for temperature in temperatures:
        Noise(temperature=temperature, seed=seed)
    for spread in spreads:
        variability.Spread(spread, "normal")
    if spreads and n < 2:
        raise ValueError(f"chips must be at least 2, got {n}. 20 are usual.")
    grid = list(product(dict.fromkeys((0.0, *temperatures)), dict.fromkeys((0.0, *spreads))))

    def accuracy(network):
        return evaluate(network, split, batch_size=batch_size)["accuracy"]

    found = []
    for temperature, spread in grid:
        with _nominal(model, temperature, seed), warnings.catch_warnings():
            warnings.simplefilter("ignore", ActivityWarning)  # the accuracy tells
            if spread:
                result = evaluate_chips(model, accuracy, n=n, seed=seed, spread=dict.fromkeys(VARIED, spread))
            else:
                value = accuracy(model)
                result = Chips(value, None, value, (value,))
        found.append(Condition(temperature, spread, len(result.values), *result))
        if progress is not None:
            progress(len(found), len(grid))
    return found


@contextmanager
def _nominal(model, temperature, seed):
    """The model's oscillators as designed, at a temperature, without other noise; as before afterwards."""
    layers = layers_of(model)
    before = [(layer, layer.noise, layer.installed, layer.chip.clone()) for layer in layers]
    try:
        for k, layer in enumerate(layers):
            layer.noise = Noise(temperature=temperature, seed=seed + k) if temperature else None
            check_noise(layer)
            layer.install(chips.nominal(layer.nominal, layer.bias, layer.n))
        yield
    finally:
        for layer, noise, device, chip in before:
            layer.noise = noise
            layer.install(device)
            layer.chip.copy_(chip)
