"""How much memory a layer takes: its state, what is kept for the backward pass, and what that takes besides."""

from copy import deepcopy
from typing import NamedTuple

import torch
from torch.autograd.graph import saved_tensors_hooks

from neuromorph.read_out import read

LANES = 64  # oscillators that a thread of the kernels works on at once, at most
COTANGENTS = 6  # per neuron and neural step: of m (3), of its peak, of the crossing's time, of the torque


class MemoryReport(NamedTuple):
    """Bytes of a layer's forward and backward.

    state : B        a State of the batch
    kept : B         for the backward pass, until it is done: so much a neural step, however many RK4 steps it has
    backward : B     what the backward pass takes besides: cotangents of every neural step, and in each thread the path
                     of a block of oscillators within one
    """

    state: int
    kept: int
    backward: int


def memory_report(layer, batch, dtype=torch.float32):
    """What a forward of n_steps neural steps on a batch keeps, and what its backward takes, as a MemoryReport.

    `kept` is measured on one neural step and on two, and continued: every one after keeps as much. The input, the
    output and the parameters are not in it. On the CPU.
    layer : SHNOLayer
    batch : int             images
    dtype                   of the input, torch.float32 or torch.float64
    Raises : ValueError
    """
    if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
        raise ValueError(f"batch must be a whole number >= 1, got {batch!r}. 128 is usual.")
    if dtype not in (torch.float32, torch.float64):
        raise ValueError(
            f"dtype must be torch.float32 or torch.float64, got {dtype!r}. Half precision is made float32."
        )
    layer = deepcopy(layer)  # whose inferences count for nothing
    x = torch.zeros(2, batch, layer.n, dtype=dtype)
    state = layer.initial_state(batch, x)
    one, two = kept(layer, x[:1]), kept(layer, x)
    path = 3 * layer.steps_each * min(LANES, batch * layer.n) * torch.get_num_threads()
    backward = dtype.itemsize * (COTANGENTS * layer.n_steps * batch * layer.n + path)
    return MemoryReport(sum(part.nbytes for part in state), one + (two - one) * (layer.n_steps - 1), backward)


def kept(layer, x):
    """Bytes that a forward of x (steps, batch, n) keeps for its backward pass; nothing is counted as activity."""
    x, found = x.clone().requires_grad_(), {}

    def note(tensor):
        found[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.enable_grad(), saved_tensors_hooks(note, lambda tensor: tensor):
        passage, _ = layer._integrate(*layer._held(x, None))
        read(layer, passage)
    own = {part.untyped_storage().data_ptr() for part in (x, *layer.parameters(), *layer.buffers())}
    return sum(size for place, size in found.items() if place not in own)
