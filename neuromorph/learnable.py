"""What a layer learns of its own: bias, threshold, gain and the constants of its devices, always within bounds.

A device constant enters the torque as a tensor, and so gets the exact gradient of the integrated path. The rest state
follows bias and constants: it is the fixed point m* of one RK4 step P under the bias, m* = P(m*), found by Newton's
method from where it was, and differentiable by the implicit function theorem, dm* = (1 - dP/dm)^-1 dP.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

import numpy as np
import torch
from torch import nn

import shno
from neuromorph.bounded import Bounded, checked_bounds
from neuromorph.settings import check_turn

OF_THE_INPUT = ("bias", "threshold", "gain")
UNMOVED = ("threshold", "gain", "alpha", "gamma", "Q_nl")  # what a fixed point of the torque does not depend on
DEVICE = ("Ms", "alpha", "gamma", "Ku", "Ku2", "Kc", "J_iec", "field_like", "Lambda", "Q_nl")
ITERATIONS = 8  # of Newton's method; three are usual after a step of an optimiser
LONGEST_TURN = 0.2  # rad an iteration: beyond, another fixed point may be nearer
SETTLED = 1e-10  # rad


def learnables(layer, learn):
    """An nn.ModuleDict of Bounded for a layer's `learn`, {name: (low, high)}, started at the layer's values now.

    bias : a_c           rest drive of each neuron       gain : 1    of the input of each neuron, 1 at the start
    threshold            of the whole layer, >= `rearm`; its gradient flows through m_peak - threshold, not through the
                         time of a crossing
    a name in DEVICE     constant of each oscillator, SI. The torque is given in tesla: Ms acts on the fields only
    Raises : TypeError; ValueError for another name, bounds that the physics forbids, that do not hold the value now,
    or at which an oscillator does not rest
    """
    if learn is not None and not isinstance(learn, Mapping):
        raise TypeError(
            f"learn must be a dict {{name: (low, high)}}, got a {type(learn).__name__}. None learns nothing."
        )
    fabricated = {*(learn or {})} & {"bias", *DEVICE} if layer.variability is not None else ()
    if fabricated:
        got = ", ".join(sorted(fabricated))
        raise ValueError(f"learn must name no constant of a device that is fabricated, got {got}. Drop variability.")
    parts, bounds = nn.ModuleDict(), {}
    for name, pair in (learn or {}).items():
        if name not in (*OF_THE_INPUT, *DEVICE):
            known = ", ".join((*OF_THE_INPUT, *DEVICE))
            raise ValueError(f"learn must name some of {known}, got {name!r}. Other constants are fixed.")
        bounds[name] = checked_bounds(f"bounds of {name}", pair)
        start = layer.threshold if name == "threshold" else np.broadcast_to(_value_now(layer, name), layer.n)
        parts[name] = Bounded(np.array(start), *bounds[name], name)
    least = {"bias": 0.0, "gain": 0.0, "threshold": layer.rearm}
    for name in bounds.keys() & least.keys():
        if bounds[name][0] < least[name]:
            got = f"{bounds[name][0]:g}"
            raise ValueError(f"lower bound of {name} must be >= {least[name]:g}, got {got}. Below, it acts otherwise.")
    if bounds.get("threshold", (0, 0))[1] >= 1:
        raise ValueError(
            f"upper bound of threshold must be < 1, got {bounds['threshold'][1]:g}. It is of a unit vector."
        )
    _check_corners(layer, {name: pair for name, pair in bounds.items() if name not in ("threshold", "gain")})
    return parts


def _value_now(layer, name):
    if name == "gain":
        return 1.0
    return layer.fixed_bias if name == "bias" else getattr(layer.oscillator, name)


def _check_corners(layer, bounds):
    """ValueError unless at all corners of the bounds the oscillators are possible, rest, and dt turns m little."""
    if not bounds:
        return
    corners = dict(zip(bounds, np.array(list(product(*bounds.values()))).T[..., None], strict=True))
    oscillator, bias = _made_with(layer, corners)
    check_turn(layer, oscillator)
    try:
        shno.equilibrium(oscillator, bias, driven=True)
    except shno.IntegrationError as error:
        listed = ", ".join(f"{name} ({low:g}, {high:g})" for name, (low, high) in bounds.items())
        raise ValueError(f"learn must be bounds at which m rests, got {listed}. Narrow them: {error}") from error


def _made_with(layer, values):
    """(Oscillator, Drive at rest) of a layer with values {name: array} of bias and constants."""
    constants = {name: value for name, value in values.items() if name in DEVICE}
    a_DL = layer.critical_torque * np.asarray(values.get("bias", layer.fixed_bias))
    return replace(layer.oscillator, **constants), replace(layer.bias, I=None, J=None, a_DL=a_DL)


def design(layer):
    """(Oscillator, Drive): the layer's devices and rest drive as they are now, learnt values included, arrays (n,).

    What to fabricate, or to give to `shno.simulate`; of a layer that learns none of them, its own.
    """
    values = {name: part().detach().double().cpu().numpy() for name, part in layer.learned.items()}
    if not values.keys() - {"threshold", "gain"}:
        return layer.oscillator, layer.bias
    return _made_with(layer, values)


def constants(layer):
    """The parameters of the layer's devices, as `shno.parameters` gives them, learnt ones as tensors (n,)."""
    values = layer.parameters_of_device
    learnt = {name: part() for name, part in layer.learned.items() if name in DEVICE}
    if "Ms" in learnt and values["torque_per_J"] is not None:  # of the current density that the Oersted field follows
        per_J = torch.as_tensor(np.asarray(values["torque_per_J"] * layer.oscillator.Ms)).to(learnt["Ms"])
        learnt["torque_per_J"] = per_J / learnt["Ms"]
    return values | learnt


def follow(layer):
    """Bring `layer.rest` to the bias and constants as they are now, where they moved."""
    moving = [part.raw.detach() for name, part in layer.learned.items() if name not in UNMOVED]
    if not moving:
        return
    now = torch.cat([raw.cpu().double() for raw in moving])
    if layer.rest_is_of is None or not torch.equal(now, layer.rest_is_of):
        with torch.inference_mode(False):
            layer.rest, layer.rest_is_of = _equilibrium(layer), now.clone()


def at_rest(layer):
    """The rest state (n, 3), float64 on the CPU, differentiable with respect to bias and constants."""
    follow(layer)
    if not torch.is_grad_enabled() or not any(name not in UNMOVED for name in layer.learned):
        return layer.rest
    slope, left = _linearised(layer, layer.rest)
    turn = _solved(slope, left)
    return layer.rest + turn - turn.detach()


def _equilibrium(layer):
    """The fixed point nearest to where it was, or, where that is far, the one that shno.equilibrium finds."""
    m = layer.rest
    for _ in range(ITERATIONS):
        slope, left = _linearised(layer, m)
        turn = _solved(slope, left).detach()
        size = float(turn.norm(dim=-1).max())
        if not size <= LONGEST_TURN:
            break
        m = nn.functional.normalize(m + turn, dim=-1)
        if size <= SETTLED:
            return m
    return torch.as_tensor(shno.equilibrium(*design(layer), driven=True)).expand(layer.n, 3).clone()


def _linearised(layer, m):
    """1 - dP/dm (n, 3, 3), detached, and P(m) - m (n, 3), for one RK4 step P at rest."""
    with torch.inference_mode(False), torch.enable_grad():
        start = m.detach().clone().expand(3, -1, -1).clone().requires_grad_()
        moved = layer.step_at_rest(start)
        units = torch.eye(3, dtype=m.dtype)[:, None].expand_as(moved)
        (rows,) = torch.autograd.grad(moved, start, units, retain_graph=True)
        return torch.eye(3, dtype=m.dtype) - rows.movedim(0, 1), moved[0] - m


def _solved(slope, left):
    """The turn that undoes what is left; none along a direction without slope, a ring of fixed points."""
    return (torch.linalg.pinv(slope, rtol=1e-9) @ left[..., None])[..., 0]
