"""Inputs, states and spike counts for the tests of a layer of neurons."""

import io
import pickle

import numpy as np
import torch

import shno
from shno import vector

NAME = "easy-plane-neuron"
A_C = 2.5e-3  # T, the depinning torque: the pinning field
WATCH = {"component": 1, "threshold": 0.7, "rearm": 0.35}


def drives(*shape, low=-1.0, high=3.0, seed=0, dtype=torch.float32):
    """Seeded inputs in units of a_c, some below and most above what makes a neuron spike."""
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(*shape, generator=generator, dtype=dtype)


def unit_vectors(n, seed):
    m = torch.randn(n, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(m, dim=-1)


def passage(m, drive, duration, dt):
    """`shno.integrate` of the neuron from m under a drive in a_c on top of its bias."""
    oscillator, bias = shno.preset(NAME), shno.operating_point(NAME)
    values, n_steps = shno.parameters(oscillator, bias), round(duration / dt)
    return shno.integrate(values, m, bias.a_DL + A_C * drive, dt=dt, n_steps=n_steps, **WATCH)


def rotate_towards(m, target, fraction):
    """`vector.rotate_towards` of tensors (..., 3)."""
    return torch.stack(vector.rotate_towards(m.unbind(-1), target.expand_as(m).unbind(-1), fraction), dim=-1)


def saved_and_loaded(module):
    """A module from torch.save and torch.load."""
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


def pickled(module):
    """A module from its pickle."""
    return pickle.loads(pickle.dumps(module))


def at_rest(n):
    rest = shno.equilibrium(shno.preset(NAME), shno.operating_point(NAME), driven=True)
    return torch.as_tensor(rest).expand(n, 3)


def spikes_of(run, layer, steps):
    """Spikes per neural step in a Trajectory (n, images, neurons, 3), by the analysis: (steps, images, neurons)."""
    times = shno.analysis.spike_times(run, threshold=layer.threshold, rearm=layer.rearm)
    edges = layer.neural_step * np.arange(steps + 1)
    counts = [np.histogram(each, edges)[0] for each in times]
    return np.stack(counts, axis=1).reshape(steps, *run.m.shape[1:3])
