"""Training through the step: the kernels of `kernel_passage` as one differentiable operation of torch, on the CPU.

m is stored once a held drive and computed again inside, so that memory does not grow with the steps. Elsewhere than on
the CPU: plain torch with autograd.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from shno.kernel_passage import adjoint_kernel, passage_kernel
from shno.layout import NOISE, place_leaves
from shno.threads import run_blocks


class Settings(NamedTuple):
    """What `integrate_sequence` is asked for, besides tensors; its docstring explains each."""

    n_steps: int
    component: int
    threshold: float
    rearm: float
    reset_fraction: float
    detach_reset: bool
    refractory: int
    refractory_factor: float
    truncate: int | None


class _Sequence(torch.autograd.Function):
    """m (3, n), held (drives, h, n), rows (k, n) -> path, its end, peak, time, then crossings; n whole blocks.

    The end is the path's last state again: most losses look at no other, and then no cotangent of all states is made.
    """

    @staticmethod
    def forward(ctx, m, held, rows, fixed, carried, layout, settings):
        real, (shared, rest, source) = fixed[0].dtype.type, fixed
        limits = tuple(map(real, (settings.threshold, settings.rearm)))
        after = tuple(map(real, (settings.reset_fraction, settings.refractory, settings.refractory_factor)))
        count, _, n = held.shape
        path, found, factors = m.new_empty(count, 3, n), m.new_empty(count, 4, n), m.new_empty(count, n)
        inputs = (*(x.numpy() for x in (m, held, rows)), shared, rest.numpy(), source, settings.n_steps, limits, after)
        run_blocks(passage_kernel, n, layout, *inputs, *(x.numpy() for x in (path, found, factors, carried)))
        ctx.save_for_backward(m, held, rows, path, found, factors)
        ctx.layout, ctx.fixed, ctx.settings = layout, fixed, settings
        peak, crossings, _, time = found.unbind(1)
        ctx.mark_non_differentiable(crossings)
        ctx.set_materialize_grads(False)
        return path, path[-1].clone(), peak, time, crossings

    @staticmethod
    @once_differentiable
    def backward(ctx, path_bar, end_bar, *found_bar):
        m, held, rows, path, found, factors = ctx.saved_tensors
        (shared, rest, source), settings, layout = ctx.fixed, ctx.settings, ctx.layout
        real = shared.dtype.type
        m_bar, held_bar, rows_bar = torch.empty_like(m), torch.empty_like(held), torch.zeros_like(rows)
        inputs = (*(x.numpy() for x in (m, held, rows)), shared, rest.numpy(), source, settings.n_steps)
        fraction = 1.0 if settings.detach_reset else settings.reset_fraction  # after a whole turn nothing is left of m
        numbers = (real(settings.threshold), real(fraction), settings.truncate or len(held))
        path_bar = torch.zeros_like(path) if path_bar is None else path_bar.clone(memory_format=torch.contiguous_format)
        path_bar[-1] += 0.0 if end_bar is None else end_bar
        found_bar = (torch.zeros_like(factors) if bar is None else bar.contiguous() for bar in found_bar[:2])
        bars = (path_bar, *found_bar, m_bar, held_bar, rows_bar[: layout.n_free - held.shape[1]])
        outputs = (x.numpy() for x in (path, found, factors, *bars))
        run_blocks(adjoint_kernel, m.shape[1], layout, *inputs, *numbers, *outputs)
        return m_bar, held_bar, rows_bar, None, None, None, None


def compiled_sequence(tree, m, armed, remaining, rest, noise, settings):
    """`integrate_sequence` on the CPU: rows are packed, padded to whole blocks and given to the kernels.

    tree                     (h, torque parameters, field parameters): tensors; those of the held drives have an axis
                             more than m (*batch, 3) has besides xyz
    armed, remaining         (*batch,) bool, whole numbers;  rest (*batch, 3)
    noise                    None, or (seed, realisations (*batch,), deviation (*batch,), number of the first step)
    settings : Settings
    Returns : path (drives, *batch, 3), its end (*batch, 3), then (drives, *batch): peak, time in steps (-1: none),
    crossings, then (*batch,): armed, remaining, norm error
    """
    batch, draws = m.shape[:-1], int(noise is not None)
    n = batch.numel()
    if draws:
        tree = (*tree[:2], (*tree[2][:-1], NOISE))  # B_thermal is the last field parameter

    def is_held(leaf):
        return leaf.dim() > len(batch)

    layout, leaves, shared, _ = place_leaves(
        tree, n, lambda leaf: leaf.requires_grad or is_held(leaf), is_held, component=settings.component, draws=draws
    )
    missing = -n % layout.lanes
    held = torch.stack([leaf.expand(-1, *batch).reshape(-1, n) for leaf in leaves if is_held(leaf)], dim=1)
    rows = [leaf.expand(batch).reshape(n) for leaf in leaves if not is_held(leaf)]
    rows = torch.stack(rows) if rows else m.new_empty(0, n)
    columns = (m.reshape(n, 3).T, held, rows, rest.expand(*batch, 3).reshape(n, 3).T)
    m, held, rows, rest = (padded(x, missing).contiguous() for x in columns)
    carried = torch.stack([armed.reshape(n).to(m), remaining.reshape(n).to(m), m.new_zeros(n)])
    carried = padded(carried, missing).contiguous()
    shared = np.array(shared, str(m.dtype).removeprefix("torch."))
    fixed = (shared, rest, _source(noise, missing, shared.dtype))
    results = _Sequence.apply(m, held, rows, fixed, carried, layout, settings)
    path, end, *found = (x[..., :n] for x in results) if missing else results
    peak, time, crossings = (x.reshape(-1, *batch) for x in found)
    carried = (x.reshape(batch) for x in carried[:, :n])
    path, end = (x.reshape(*x.shape[:-1], *batch).movedim(x.dim() - 2, -1) for x in (path, end))
    return path, end, peak, time, crossings, *carried


def padded(x, missing):
    """x with so many copies of its last column."""
    return torch.cat([x, x[..., -1:].expand(*x.shape[:-1], missing)], dim=-1) if missing else x


def _source(noise, missing, dtype):
    """The noise as the kernels take it, without noise in padded oscillators; no numbers where there is none."""
    seed, realisations, deviation, first = (0, (), (), 0) if noise is None else noise
    numbers = (np.asarray(realisations, np.uint32).ravel(), np.asarray(deviation, dtype).ravel())
    return np.uint64(seed), *(np.pad(x, (0, missing)) for x in numbers), first
