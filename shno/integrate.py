"""`integrate`: LLGS at a held drive, differentiable, crossings of a threshold found inside; torch in, torch out.

On the CPU the compiled kernels and their adjoint (`adjoint`), elsewhere plain torch with autograd.
"""

from collections import namedtuple

import numpy as np
import torch

from shno.adjoint import compiled_passage
from shno.checks import IntegrationError, complaint
from shno.llgs import right_hand_side
from shno.parameters import arguments, batch_shape, reduced_step
from shno.solvers import rk4
from shno.vector import dot, normalise
from shno.waveform import Waveform

LARGEST_NORM_ERROR = 2e-4  # of |m|^2 before projection: 1e-4 of |m|
EXECUTORS = ("auto", "compiled", "torch")


class Passage(namedtuple("Passage", "m_end m_peak crossings crossing_time")):
    """What `integrate` returns: (m_end, m_peak, crossings, crossing_time), and as an attribute `armed`.

    m_end : (*batch, 3)            at the end of the last step; differentiable
    m_peak : (*batch,)             largest value of the watched component after any step; differentiable
    crossings : (*batch,), int64   upward crossings of the threshold, each after re-arming
    crossing_time : (*batch,), s   of the first one, interpolated, from the start of the call; NaN where there is none
    armed : (*batch,), bool        whether the next crossing counts: give it to the call that goes on from m_end
    """


def integrate(parameters, m, a_DL, *, dt, n_steps, component, threshold, rearm, armed=None, executor="auto"):
    """Integrate n_steps of LLGS at a held drive and find the upward crossings of `threshold` by one component of m.

    parameters : dict           as `shno.parameters` gives them: numbers, arrays or tensors; those that require a
                                gradient get one
    m : (*batch, 3) tensor      unit magnetisation at the start
    a_DL : T, tensor            damping-like torque, broadcast to the batch; replaces the one in `parameters`
    dt : s; n_steps             RK4's step; gamma |B| dt <= 0.2
    component : 0, 1 or 2       the one that is watched
    threshold, rearm            a crossing counts when the component was below `rearm` since the last one
    armed : (*batch,) bool      whether the first crossing counts, as the call before returned it; None: where the
                                component is below `threshold` now
    executor                    "auto" (compiled on the CPU, torch elsewhere), "compiled" or "torch"
    Returns : Passage(m_end, m_peak, crossings, crossing_time); gradients flow through m_end and m_peak
    Raises : ValueError, IntegrationError when | |m| - 1 | exceeds 1e-4 before projection
    """
    _check(m, dt, n_steps, component, threshold, rearm, executor)
    values = {name: _as_tensor(value, m) for name, value in _with_torque(parameters, a_DL).items()}
    batch = batch_shape(values | {"m": m})
    tree = (reduced_step(values, dt), *arguments(values))
    m = m.expand(*batch, 3)
    armed = m.detach()[..., component] < threshold if armed is None else armed.expand(batch)
    compiled = executor == "compiled" or (executor == "auto" and m.device.type == "cpu")
    passage = compiled_passage if compiled else _eager_passage
    end, peak, armed, count, time, deviation = passage(tree, m, armed, n_steps, component, threshold, rearm)
    _check_passage(end.detach(), deviation, n_steps, dt)
    result = Passage(end, peak, count.long(), torch.where(time >= 0, time * dt, torch.nan))
    result.armed = armed > 0
    return result


def _check(m, dt, n_steps, component, threshold, rearm, executor):
    """Every complaint about the call's shapes and names."""
    if m.shape[-1:] != (3,) or not m.is_floating_point():
        got = f"{m.dtype} {tuple(m.shape)}"
        raise ValueError(complaint("m", "a floating-point tensor (..., 3)", got, "xyz is the last axis."))
    if not 0 < dt < np.inf or n_steps != int(n_steps):
        got = f"{dt!r} and {n_steps!r}"
        raise ValueError(complaint("dt, n_steps", "> 0 and finite, a whole number", got, "2e-12 and 250 are usual."))
    if component not in (0, 1, 2) or not rearm <= threshold or n_steps < 1:
        got = f"component {component}, rearm {rearm}, threshold {threshold}, n_steps {n_steps}"
        rule = "0, 1 or 2, at most threshold, at least 1"
        raise ValueError(complaint("component, rearm, n_steps", rule, got, "Correct the call."))
    if executor not in EXECUTORS or (executor == "compiled" and m.device.type != "cpu"):
        got = f"{executor!r} on {m.device.type}"
        raise ValueError(complaint("executor", f"one of {', '.join(EXECUTORS)}", got, "Compiled needs the CPU."))


def _check_passage(end, deviation, n_steps, dt):
    """IntegrationError where the result is not finite or the norm moved too far before projection."""
    if not bool(end.isfinite().all()):
        raise IntegrationError(
            f"m is not finite after {n_steps} steps. Look for NaN or infinity in a_DL and parameters."
        )
    if not bool((deviation <= LARGEST_NORM_ERROR).all()):
        worst = f"| |m| - 1 | reached {float(deviation.max()) / 2:.2g} within {n_steps} steps of {dt:.3g} s"
        raise IntegrationError(f"{worst}: m turns too far in one. Use dt <= {dt / 2:.3g} s.")


def _with_torque(parameters, a_DL):
    """The parameters at this torque, and at the current that makes it where an Oersted field follows it."""
    parameters = parameters | {"a_DL": a_DL}
    if parameters.get("J") is not None:
        parameters["J"] = a_DL / parameters["torque_per_J"]
    return parameters


def _as_tensor(value, like):
    """Numbers and arrays as tensors on the device and in the precision of `like`; None and gradients are kept."""
    if isinstance(value, Waveform):
        remedy = "Call it once for each held value."
        raise ValueError(complaint("parameters", "held", f"a {type(value).__name__}", remedy))
    if value is None or isinstance(value, tuple):
        return value if value is None else tuple(_as_tensor(part, like) for part in value)
    value = np.array(value) if isinstance(value, np.ndarray) else value  # a copy: a read-only array makes torch warn
    return torch.as_tensor(value, dtype=like.dtype, device=like.device)


def _eager_passage(tree, m, armed, n_steps, component, threshold, rearm):
    """The passage by plain torch and autograd, on any device: the same definition, written out."""
    state, (h, *held) = m.unbind(-1), tree
    peak, worst = torch.full_like(state[0], -2), torch.zeros_like(state[0])
    count, time = torch.zeros_like(peak), torch.full_like(peak, -1)
    for step in range(n_steps):
        before, y = state[component], rk4(right_hand_side, state, h, held, held, held)
        worst = torch.maximum(worst, (dot(y, y).detach() - 1).abs())
        state = normalise(y)
        after = state[component]
        crossed = armed & (after >= threshold)
        is_first = crossed & (count == 0)
        time = torch.where(is_first, step + (threshold - before.detach()) / (after - before).detach(), time)
        count = count + crossed
        armed = (armed & ~crossed) | (after < rearm)
        peak = torch.where(after > peak, after, peak)
    return torch.stack(state, dim=-1), peak, armed, count, time, worst
