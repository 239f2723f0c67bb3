"""The regimes of the spiking layer, neural step by neural step, by `shno.integrate` and a reset alone."""

from functools import cache

import numpy as np
import torch

import shno
from neuromorph.regimes import REGIMES, input_range, regime
from shno import theory, vector

SETTINGS = {name: regime(name) for name in REGIMES}
BIAS = {name: 1 - input_range(name)[0] for name in REGIMES}  # a_c
QUIET = {"phase-slip": 8, "burst": 16}  # neural steps at zero input before a thermal run: the power forgets its start


@cache
def rest(name):
    """The driven equilibrium at the bias, a tensor (3,)."""
    s = SETTINGS[name]
    return torch.as_tensor(shno.equilibrium(s["oscillator"], s["bias"], driven=True))


def torque(name, x):
    """Damping-like torque of the inputs x (in a_c) on top of the bias, clipped as the layer does, T."""
    s = SETTINGS[name]
    return s["critical_torque"] * np.clip(BIAS[name] + np.asarray(x, float), 0, s["clip"])


def after_spike(name, m, spiked):
    """The soft reset: m of those that spiked turned towards rest by the regime's fraction."""
    target, fraction = rest(name).expand_as(m)[spiked], SETTINGS[name]["reset_fraction"]
    turned = vector.rotate_towards(m[spiked].unbind(-1), target.unbind(-1), fraction)
    return m.index_put((spiked,), torch.stack(turned, dim=-1))


def spikes(name, x, *, temperature=0.0, reset=True, seed=1):
    """Crossings (steps, n) under the inputs x (steps, n), one a neural step, and the time of the first (n,), s."""
    s, quiet = SETTINGS[name], QUIET[name] if temperature else 0
    device, n = s["oscillator"], round(s["neural_step"] / s["dt"])
    values = shno.parameters(device, s["bias"])
    settings = {key: s[key] for key in ("dt", "component", "threshold", "rearm")} | {"n_steps": n}
    if temperature:
        well = (device.alpha, temperature, device.Ms, device.volume, s["dt"], device.gamma)
        settings |= {"deviation": theory.thermal_field(*well), "seed": seed}
    m, armed, crossings, times = rest(name).expand(x.shape[1], 3), None, [], []
    for k, a in enumerate(torque(name, np.concatenate([np.zeros((quiet, x.shape[1])), x]))):
        passage = shno.integrate(values, m, torch.as_tensor(a), armed=armed, first_step=k * n, **settings)
        m, armed, spiked = passage.m_end, passage.armed, passage.crossings > 0
        m = after_spike(name, m, spiked) if reset else m
        crossings.append(passage.crossings)
        times.append(passage.crossing_time + (k - quiet) * s["neural_step"])
    first = torch.stack(times[quiet:]).nan_to_num(np.inf).amin(0)
    return torch.stack(crossings[quiet:]).numpy(), first.numpy()


def held(name, x, runs=1, *, steps=None, **settings):
    """Of inputs x (n,) held for the layer's neural steps: spikes 0/1 a step and crossings, summed, and the time of the
    first, each (n, runs).
    """
    steps = SETTINGS[name]["n_steps"] if steps is None else steps
    crossings, first = spikes(name, np.tile(np.repeat(x, runs), (steps, 1)), **settings)
    return [part.reshape(len(x), runs) for part in ((crossings > 0).sum(0), crossings.sum(0), first)]
