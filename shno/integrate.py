"""`integrate`: LLGS at a held drive, differentiable, crossings of a threshold found inside; torch in, torch out.

On the CPU the compiled kernels and their adjoint (`adjoint`), elsewhere plain torch with autograd.
"""

from collections import namedtuple
from itertools import count, repeat

import numpy as np
import torch

from shno.adjoint import compiled_passage
from shno.call import SEED, checked_realisation, realisations
from shno.checks import (
    IntegrationError,
    as_array,
    as_integers,
    as_number,
    as_whole,
    check_choice,
    check_values,
    common_shape,
    complaint,
    shown,
)
from shno.fused import fused_passage, passage_start, passage_step, with_noise
from shno.parameters import TRAILING_AXES, arguments, batch_shape, check_parameters, reduced_step
from shno.thermal import thermal_block
from shno.waveform import Waveform

LARGEST_NORM_ERROR = 2e-4  # of |m|^2 before projection: 1e-4 of |m|
MOST_STEPS = 1 << 24  # the kernels count in the precision of m
LAST_FIRST_STEP = 1 << 60  # of the noise: three normals a step are numbered with 63 bits
EXECUTORS = ("auto", "compiled", "torch")


class Passage(namedtuple("Passage", "m_end m_peak crossings crossing_time")):
    """What `integrate` returns: (m_end, m_peak, crossings, crossing_time), and as an attribute `armed`.

    m_end : (*batch, 3)            at the end of the last step; differentiable
    m_peak : (*batch,)             largest value of the watched component after any step; differentiable
    crossings : (*batch,), int64   upward crossings of the threshold, each after re-arming
    crossing_time : (*batch,), s   of the first one, interpolated, from the start of the call; NaN where there is none
    armed : (*batch,), bool        whether the next crossing counts: give it to the call that goes on from m_end
    """


def integrate(parameters, m, a_DL, *, dt, n_steps, component, threshold, rearm, armed=None, deviation=None, seed=None,
              realisation=None, first_step=0, executor="auto",
):  # fmt: skip
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
    deviation : T               standard deviation of each component of Brown's field, held over a step
                                (`thermal.field_deviation`), broadcast to the batch; no gradient flows to it. The field
                                replaces the B_thermal in `parameters`. None: no noise
    seed : integer              of the noise, in [0, 2^64); required with a deviation
    realisation : integers      in [0, 2^32) that tell the noise of one oscillator from another's; by default its place
                                in the batch
    first_step                  number of the first draw, and so of the first step: step n takes the one that `simulate`
                                takes in its step first_step + n; a call that goes on takes first_step + n_steps
    executor                    "auto" (compiled on the CPU, torch elsewhere), "compiled" or "torch"
    Returns : Passage(m_end, m_peak, crossings, crossing_time); gradients flow through m_end and m_peak
    Raises : TypeError, ValueError; IntegrationError where the result is not finite, or when | |m| - 1 | exceeds 1e-4
    before projection
    """
    _check_tensor(m)
    dt, n_steps, threshold, rearm = _checked_numbers(m, dt, n_steps, component, threshold, rearm, executor)
    values = _with_torque(parameters, a_DL, m)
    numbered = _checked_draws(seed, realisation, first_step, deviation is not None)
    deviation = _checked_deviation(deviation, values, m)
    batch = _batch(values | {"deviation": deviation, "realisation": numbered[1]}, m, armed)
    tree = (reduced_step(values, dt), *arguments(values))
    m = m.expand(*batch, 3)
    armed = m.detach()[..., component] < threshold if armed is None else armed.expand(batch)
    compiled = executor == "compiled" or (executor == "auto" and m.device.type == "cpu")
    on_cpu, noise = m.device.type == "cpu", _noise(*numbered, deviation, batch, m.device)
    passage = compiled_passage if compiled else _eager_passage if on_cpu else fused_passage
    end, peak, armed, crossings, time, error = passage(tree, m, armed, noise, n_steps, component, threshold, rearm)
    _check_passage(end.detach(), error, n_steps, dt)
    result = Passage(end, peak, crossings.long(), torch.where(time >= 0, time * dt, torch.nan))
    result.armed = armed > 0
    return result


def _check_tensor(m):
    """TypeError unless m is a tensor, ValueError unless it is one of vectors in a precision that is integrated."""
    if not isinstance(m, torch.Tensor):
        raise TypeError(complaint("m", "a tensor", shown(m), "torch.as_tensor makes one of an array."))
    if m.shape[-1:] != (3,) or m.dtype not in (torch.float32, torch.float64) or m.numel() == 0 or m.is_meta:
        got = f"{m.dtype} {tuple(m.shape)}"
        raise ValueError(complaint("m", "float32 or float64 of shape (..., 3)", got, "xyz is the last axis."))


def _checked_numbers(m, dt, n_steps, component, threshold, rearm, executor):
    """dt, n_steps, threshold and rearm as numbers; TypeError, ValueError for these, component and executor."""
    dt = as_number("dt", dt, "in [1e-20, 1e-3] s", lambda x: (x >= 1e-20) & (x <= 1e-3), "About 1e-12 s is usual.")
    n_steps = as_whole("n_steps", n_steps, 1, MOST_STEPS, "A longer passage is several calls, each from m_end.")
    as_whole("component", component, 0, 2, "It is x, y or z.")
    rule, remedy = "in [-2, 2]", "It is a component of a unit vector."
    threshold = as_number("threshold", threshold, rule, lambda x: np.abs(x) <= 2, remedy)
    rule = f"in [-2, threshold = {threshold:.6g}]"
    rearm = as_number("rearm", rearm, rule, lambda x: (x >= -2) & (x <= threshold), "m re-arms below the threshold.")
    check_choice("executor", executor, EXECUTORS)
    if executor == "compiled" and m.device.type != "cpu":
        raise ValueError(complaint("executor", "'torch' off the CPU", f"compiled on {m.device.type}", "Or 'auto'."))
    return dt, n_steps, threshold, rearm


def _checked_draws(seed, realisation, first_step, noisy):
    """seed, realisation and first_step as they number the draws; TypeError, ValueError."""
    first_step = as_whole("first_step", first_step, 0, LAST_FIRST_STEP, "It is the number of the first draw.")
    if isinstance(realisation, torch.Tensor) and not realisation.is_meta:
        realisation = realisation.cpu()
    realisation = checked_realisation(realisation)
    if seed is not None:
        seed = int(as_integers("seed", seed, 64, "The same seed repeats the noise.", single=True))
    if noisy and seed is None:
        raise ValueError(complaint("seed", SEED, None, "The same seed repeats the noise."))
    if not noisy and seed is not None:
        raise ValueError(complaint("seed", "None without a deviation", seed, "Nothing is drawn without one."))
    return seed, realisation, first_step


def _checked_deviation(deviation, values, m):
    """deviation as a tensor without a gradient, or None; TypeError, ValueError, also where no field can have it."""
    if deviation is None:
        return None
    deviation = _as_tensor("deviation", deviation, m).detach()
    rule, remedy = "finite and >= 0", "It is that of a field in T."
    check_values("deviation", deviation.cpu().numpy(), rule, lambda x: np.isfinite(x) & (x >= 0), remedy)
    if values["Q_nl"] is not None:
        remedy = "Noise that follows alpha(m) is in simulate alone."
        raise ValueError(complaint("Q_nl of parameters", "None where a deviation is given", "a number", remedy))
    return deviation


def _noise(seed, realisation, first_step, deviation, batch, device):
    """The noise as a passage takes it: (seed, realisations, deviation, first step) over the batch, or None."""
    if deviation is None:
        return None
    places = np.array(realisations(realisation, batch))  # a copy: a read-only array makes torch warn
    return seed, torch.as_tensor(places, device=device).reshape(batch), deviation.expand(batch), first_step


def _batch(values, m, armed):
    """The batch shape of the call; TypeError, ValueError where it has none."""
    if armed is not None and (not isinstance(armed, torch.Tensor) or armed.dtype != torch.bool):
        raise TypeError(complaint("armed", "a tensor of bool or None", shown(armed), "A Passage holds one."))
    batch = batch_shape(values | {"m": m})
    if 0 in batch:
        name = "batch of m, a_DL, parameters, deviation and realisation"
        raise ValueError(complaint(name, "not empty", f"shape {batch}", "Give numbers."))
    if armed is not None and common_shape({"armed": tuple(armed.shape), "m, a_DL and parameters": batch}) != batch:
        raise ValueError(complaint("armed", f"of the batch's shape {batch}", tuple(armed.shape), "One an oscillator."))
    return batch


def _check_passage(end, error, n_steps, dt):
    """IntegrationError where the result is not finite or the norm moved too far before projection."""
    if not bool(end.isfinite().all()):
        raise IntegrationError(
            f"m is not finite after {n_steps} steps. Look for NaN or infinity in m, a_DL and parameters."
        )
    if not bool((error <= LARGEST_NORM_ERROR).all()):
        worst = f"| |m| - 1 | reached {float(error.max()) / 2:.2g} within {n_steps} steps of {dt:.3g} s"
        raise IntegrationError(f"{worst}: m turns too far in one. Use dt <= {dt / 2:.3g} s.")


def _with_torque(parameters, a_DL, m):
    """The parameters at this torque, and at the current that makes it where an Oersted field follows it, as tensors."""
    check_parameters(parameters)
    values = {name: _as_tensors(name, value, m) for name, value in parameters.items() if name not in ("a_DL", "J")}
    values["a_DL"] = _as_tensor("a_DL", a_DL, m)
    has_current = parameters.get("J") is not None
    return values | {"J": values["a_DL"] / values["torque_per_J"] if has_current else None}


def _as_tensors(name, value, like):
    """A parameter as a tensor, or as a tuple of them for its components or the further axes; None is kept."""
    if isinstance(value, Waveform):
        remedy = "Call it once for each held value."
        raise ValueError(complaint("parameters", "held", f"a {type(value).__name__}", remedy))
    if value is None:
        return None
    own, full_name = {1: (3,), 2: (2, 3)}.get(TRAILING_AXES.get(name), ()), f"{name} of parameters"
    if name == "further":
        if not isinstance(value, tuple) or any(not isinstance(axis, tuple) or len(axis) != 3 for axis in value):
            raise TypeError(complaint(full_name, "a tuple of (Ku, Ku2, axis)", shown(value), "See shno.parameters."))
        return tuple(tuple(map(_as_tensors, ("Ku", "Ku2", "easy_axis"), axis, (like,) * 3)) for axis in value)
    if own == (3,) and isinstance(value, tuple) and len(value) == 3:
        return tuple(_as_tensor(full_name, part, like) for part in value)
    tensor = _as_tensor(full_name, value, like)
    if own and tensor.shape[-len(own) :] != own:
        rule = f"of shape {(..., *own)}".replace("Ellipsis", "...")
        raise ValueError(complaint(full_name, rule, f"shape {tuple(tensor.shape)}", "xyz is the last axis."))
    return tensor


def _as_tensor(name, value, like):
    """Numbers or an array as a tensor on the device and in the precision of `like`; gradients are kept."""
    if not isinstance(value, torch.Tensor):
        value = np.array(as_array(name, value))  # a copy: a read-only array makes torch warn
    elif value.is_complex() or value.dtype == torch.bool or value.is_meta:
        raise TypeError(complaint(name, "real numbers", shown(value), "SI units are expected."))
    return torch.as_tensor(value, dtype=like.dtype, device=like.device)


def _thermal_fields(seed, realisation, deviation, first_step, like):
    """Brown's field in one step after another, (x, y, z) of tensors."""
    for step in count(first_step):
        if step == first_step or step % 4 == 0:
            normals = thermal_block(seed, step // 4, realisation, 0, like)
        first = 3 * (step % 4)
        yield tuple(deviation * normal for normal in normals[first : first + 3])


def _eager_passage(tree, m, armed, noise, n_steps, component, threshold, rearm):
    """The passage by plain torch and autograd, one step after another, on any device."""
    carried = passage_start(m, armed)
    fields = repeat(None) if noise is None else _thermal_fields(*noise, carried[0])
    for step, B_thermal in zip(range(n_steps), fields, strict=False):
        carried = passage_step(carried, step, with_noise(tree, B_thermal), component, threshold, rearm)
    return torch.stack(carried[:3], dim=-1), *carried[3:]
