"""`integrate` and `integrate_sequence`: LLGS at held drives, differentiable, with the crossings of a threshold found
inside; torch in, torch out.

On the CPU the compiled kernels and their adjoint (`adjoint`), elsewhere plain torch with autograd.
"""

from collections import namedtuple
from itertools import count, repeat

import torch

from shno.adjoint import Settings, compiled_sequence
from shno.checks import as_whole
from shno.fused import fused_passage, passage_start, passage_step, with_noise
from shno.integrate_checks import (
    MOST_STEPS,
    as_tensor,
    as_values,
    check_path,
    check_tensor,
    checked_batch,
    checked_deviation,
    checked_draws,
    checked_numbers,
    checked_refractory,
    checked_reset,
    checked_sequence,
    numbered_noise,
)
from shno.layout import leaves
from shno.parameters import arguments, reduced_step, with_torque
from shno.thermal import thermal_block
from shno.vector import rotate_towards


class Passage(namedtuple("Passage", "m_end m_peak crossings crossing_time")):
    """What `integrate` returns: (m_end, m_peak, crossings, crossing_time), and as an attribute `armed`.

    m_end : (*batch, 3)            at the end of the last step; differentiable
    m_peak : (*batch,)             largest value of the watched component after any step; differentiable
    crossings : (*batch,), int64   upward crossings of the threshold, each after re-arming
    crossing_time : (*batch,), s   of the first one, interpolated between two steps, from the start of the call; NaN
                                   where there is none; differentiable
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
    Returns : Passage(m_end, m_peak, crossings, crossing_time); gradients flow through m_end, m_peak and crossing_time
    Raises : TypeError, ValueError; IntegrationError where the result is not finite, or when | |m| - 1 | exceeds 1e-4
    before projection
    """
    check_tensor(m)
    a_DL = as_tensor("a_DL", a_DL, m)[None]
    watch = (dt, n_steps, component, threshold, rearm, executor)
    noise = (deviation, seed, realisation, first_step)
    _, end, peak, crossings, time, armed, _ = _run(parameters, m, a_DL, watch, noise, armed)
    result = Passage(end, peak[0], crossings[0], time[0])
    result.armed = armed
    return result


class Sequence(namedtuple("Sequence", "m m_peak crossings crossing_time")):
    """What `integrate_sequence` returns, and as attributes `m_end`, `armed` and `remaining`.

    m : (drives, *batch, 3)               after each held drive and the reset that followed it; differentiable
    m_peak : (drives, *batch)             largest value of the watched component after any step; differentiable
    crossings : (drives, *batch), int64   upward crossings of the threshold, each after re-arming
    crossing_time : (drives, *batch), s   of the first one, from the drive's start; NaN: none; differentiable
    m_end : (*batch, 3)                   m[-1]; its gradient makes none for the other states
    armed : (*batch,), bool               whether the next crossing counts
    remaining : (*batch,), int64          held drives that are still weakened
    """


def integrate_sequence(parameters, m, a_DL, *, dt, n_steps, component, threshold, rearm, armed=None,
                       rest=None, reset_fraction=0.0, detach_reset=False, refractory=0, refractory_factor=0.0,
                       remaining=None, truncate=None, deviation=None, seed=None, realisation=None, first_step=0,
                       executor="auto",
):  # fmt: skip
    """`integrate` at drives held one after another, n_steps each, with what follows a crossing: reset, weaker drive.

    a_DL : T, tensor (drives, *batch)   damping-like torque of each held drive
    rest : (*batch, 3)                  unit vectors that m is turned towards after a held drive with a crossing
    reset_fraction : in [0, 1]          of the angle by which it is (`vector.rotate_towards`); 1 sets it there
    detach_reset                        no gradient flows through a reset: what crossed starts anew
    refractory, refractory_factor       so many held drives after one with a crossing have their torque multiplied by
                                        the factor, in [-1, 1]
    remaining : (*batch,) integers      of them at the start, as the call before returned them; None: none
    truncate : int | None               gradients reach back within blocks of so many held drives; None: through all
    first_step                          number of the first draw; a call that goes on takes first_step + drives n_steps
    The others are those of `integrate`.
    Returns : Sequence(m, m_peak, crossings, crossing_time); gradients flow through all but crossings, none to `rest`
    Raises : TypeError, ValueError; IntegrationError as `integrate`
    """
    check_tensor(m)
    a_DL = checked_sequence(a_DL, m)
    if truncate is not None:
        truncate = as_whole("truncate", truncate, 1, MOST_STEPS, "None keeps the gradient whole.")
    watch = (dt, n_steps, component, threshold, rearm, executor)
    noise = (deviation, seed, realisation, first_step)
    after = (rest, reset_fraction, detach_reset, refractory, refractory_factor, remaining)
    path, end, peak, crossings, time, armed, remaining = _run(parameters, m, a_DL, watch, noise, armed, after, truncate)
    result = Sequence(path, peak, crossings, time)
    result.m_end, result.armed, result.remaining = end, armed, remaining
    return result


def _run(parameters, m, a_DL, watch, noise, armed, after=(None, 0.0, False, 0, 0.0, None), truncate=None):
    """The held drives a_DL (drives, ...) from m on: path, end, peak, crossings, time in s, armed, remaining."""
    (dt, n_steps, component, threshold, rearm, executor), (deviation, seed, realisation, first_step) = watch, noise
    dt, n_steps, threshold, rearm = checked_numbers(m, dt, n_steps, component, threshold, rearm, executor)
    values = as_values(parameters, a_DL[0], m)
    numbered = checked_draws(seed, realisation, first_step, deviation is not None)
    deviation = checked_deviation(deviation, values, m)
    rest, *reset = checked_reset(*after[:3], m)
    batch = checked_batch(values | {"deviation": deviation, "realisation": numbered[1], "rest": rest[..., 0]}, m, armed)
    refractory, factor, remaining = checked_refractory(*after[3:], batch, m)
    values = with_torque(values, a_DL.reshape(len(a_DL), *(1,) * (len(batch) + 1 - a_DL.dim()), *a_DL.shape[1:]))
    tree = (reduced_step(values, dt), *arguments(values))
    m = m.expand(*batch, 3)
    armed = m.detach()[..., component] < threshold if armed is None else armed.expand(batch)
    settings = Settings(n_steps, component, threshold, rearm, *reset, refractory, factor, truncate)
    compiled = executor == "compiled" or (executor == "auto" and m.device.type == "cpu")
    passages = compiled_sequence if compiled else _sequence_by_torch
    noise = numbered_noise(*numbered, deviation, batch, m.device)
    path, end, *found, armed, remaining, error = passages(tree, m, armed, remaining, rest, noise, settings)
    check_path(path.detach(), error, n_steps * len(a_DL), dt)
    peak, time, crossings = found
    return path, end, peak, crossings.long(), torch.where(time >= 0, time * dt, torch.nan), armed > 0, remaining.long()


def _sequence_by_torch(tree, m, armed, remaining, rest, noise, settings):
    """`compiled_sequence` by plain torch and autograd, one held drive after another, on any device."""
    passage = _eager_passage if m.device.type == "cpu" else fused_passage
    batch = m.shape[:-1]
    drives = next(len(leaf) for leaf in leaves(tree) if leaf is not None and leaf.dim() > len(batch))
    results, worst = [], 0.0
    for k in range(drives):
        if settings.truncate and k and k % settings.truncate == 0:
            m = m.detach()
        factor = torch.where(remaining > 0, settings.refractory_factor, 1.0).to(m)
        drawn = noise and (*noise[:3], noise[3] + k * settings.n_steps)
        watch = (settings.n_steps, settings.component, settings.threshold, settings.rearm)
        end, peak, time, armed, crossings, error = passage(_held(tree, k, factor), m, armed, drawn, *watch)
        crossed = crossings > 0
        remaining = torch.where(crossed, settings.refractory, (remaining - 1).clamp(min=0))
        m = _reset(end, rest, settings, crossed)
        worst = torch.maximum(error, torch.as_tensor(worst, device=m.device))
        results.append((m, peak, time, crossings))
    path, *found = map(torch.stack, zip(*results, strict=True))
    return path, m, *found, armed, remaining, worst


def _held(tree, k, factor):
    """The arguments at held drive k: what has an axis more than the factor (*batch,) is its part k times it."""
    if isinstance(tree, tuple):
        return tuple(_held(part, k, factor) for part in tree)
    return tree if tree is None or tree.dim() <= factor.dim() else factor * tree[k]


def _reset(m, rest, settings, crossed):
    """m, of those that crossed turned towards rest by a fraction of the angle."""
    fraction, rest = settings.reset_fraction, rest.expand_as(m)
    if fraction == 0:
        return m
    turned = rest if fraction == 1 else torch.stack(rotate_towards(m.unbind(-1), rest.unbind(-1), fraction), dim=-1)
    turned = turned.detach() if settings.detach_reset else turned
    return torch.where(crossed[..., None], turned, m)


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
