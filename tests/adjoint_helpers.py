"""The neuron through the step and from the front door, and a loss, for the tests of training through the step."""

from dataclasses import replace

import numpy as np
import torch

import shno
from shno import integrate, parameters, simulate

COMPONENT, THRESHOLD, REARM = 1, 0.7, 0.35  # of the neuron
WATCH = {"component": COMPONENT, "threshold": THRESHOLD, "rearm": REARM}
NEURON, AT_REST = shno.preset("easy-plane-neuron"), (0.0, -0.8, 0.6)
A_C = 2.5e-3  # T, its depinning torque
DT = 2e-12


def tensor(value, dtype=torch.float64):
    return torch.tensor(np.array(value), dtype=dtype)


def leaf(value):
    return tensor(value).requires_grad_()


def neuron(a_DL, n_steps, *, m=AT_REST, dt=DT, **more):
    """Integrate the neuron at a torque in units of a_c; a_DL a tensor (...,)."""
    values = parameters(NEURON, shno.operating_point("easy-plane-neuron"))
    m = torch.as_tensor(m, dtype=a_DL.dtype)
    return integrate(values, m, A_C * a_DL, dt=dt, n_steps=n_steps, **WATCH, **more)


def record(a_DL, n_steps, *, m0=AT_REST):
    """The same from the front door, every step saved; a_DL (...,) in units of a_c."""
    drive = replace(shno.operating_point("easy-plane-neuron"), a_DL=A_C * np.asarray(a_DL))
    return simulate(NEURON, drive, duration=n_steps * DT, dt=DT, m0=m0)


def loss(passage, seed=0):
    """A number that weighs m_end, m_peak and the crossing's time, where there is one, each differently."""
    weights = tensor(np.random.default_rng(seed).normal(size=(*passage.m_peak.shape, 5)))
    time_ns = 1e9 * passage.crossing_time.nan_to_num()
    terms = torch.cat([passage.m_end, passage.m_peak[..., None], time_ns[..., None]], dim=-1)
    return (weights * terms).sum()


def assert_same(compiled, eager, tolerance):
    assert torch.equal(compiled.armed, eager.armed)
    for one, two in zip(compiled, eager, strict=True):
        assert one.dtype == two.dtype and one.shape == two.shape
        # crossing_time is NaN in both where there is none; elsewhere NaN is an error
        nan = torch.isnan(one) if one is compiled.crossing_time else torch.zeros_like(one, dtype=torch.bool)
        assert torch.equal(nan, torch.isnan(two))
        scale = 1e-9 if one is compiled.crossing_time else 1.0
        np.testing.assert_allclose(one[~nan].detach(), two[~nan].detach(), rtol=0, atol=tolerance * scale)
