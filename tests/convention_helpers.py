"""The neurons that the conventions are tried on, driven alike, and how to mark those that break one."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
import snntorch as snn
import torch
from neuron_helpers import drives
from snntorch import utils

from neuromorph import SHNOLayer, adapters

SMALL = {"neural_step": 0.3e-9, "reset_fraction": 0.3}
STEPS, BATCH, N = 5, 3, 4


class Neuron(NamedTuple):
    """A kind of neuron: how to make one, and what its library offers to reset a network of them."""

    make: Callable
    reset: Callable


NEURONS = {
    "snn.Leaky": Neuron(lambda: snn.Leaky(beta=0.9, init_hidden=True), utils.reset),
    "SHNOLeaky": Neuron(lambda: adapters.SHNOLeaky(init_hidden=True, **SMALL), adapters.reset),
    "SHNONode": Neuron(lambda: adapters.SHNONode(N, **SMALL), adapters.reset),
    "SHNOLayer": Neuron(lambda: SHNOLayer(N, **SMALL), adapters.reset),
}


def each_neuron(**defects):
    """The test runs on each neuron; snn_Leaky=(reason, error) must fail it, for that reason and with that error."""
    marks = {
        name.replace("_", "."): pytest.mark.xfail(strict=True, reason=reason, raises=error)
        for name, (reason, error) in defects.items()
    }
    return pytest.mark.parametrize("name", [pytest.param(name, marks=marks.get(name, ())) for name in NEURONS])


def make(name):
    return NEURONS[name].make()


def inputs(steps=STEPS, batch=BATCH, dtype=torch.float32):
    """Inputs that make both kinds spike, and not always: in units of a_c, or of the threshold of snn.Leaky."""
    return drives(steps, batch, N, low=0.0, high=6.0, dtype=dtype) / 2


def spikes_of(neuron, x):
    """Spikes (steps, batch, n) under x (steps, batch, n): a call for a sequence, or one for each step."""
    if isinstance(neuron, SHNOLayer):
        return neuron(x)[0]
    return torch.stack([neuron(each) for each in x])


def network(neuron):
    """A seeded dense layer before the neuron."""
    torch.manual_seed(5)
    linear = torch.nn.Linear(6, N)
    torch.nn.init.uniform_(linear.weight, 0.2, 1.2)
    return torch.nn.Sequential(linear, neuron)
