"""Data-parallel training, the same as one process at the same global batch, up to rounding.

    torchrun --nproc_per_node=2 -m neuromorph train ...                                    one machine
    torchrun --nnodes=4 --nproc_per_node=2 --rdzv-endpoint=HOST:29500 -m neuromorph ...    four, on each the same line

Every process holds the whole data set, draws the same order, augmentation and dropout from the same seed, and takes its
rows of each batch; gradients are summed over processes. Batch normalisation takes mean and variance of the whole
batch, dropout its rows of the whole batch's mask, warm oscillators the noise of its rows of the whole batch. Without
torchrun all of this does nothing.
"""

import os

import torch
from torch import distributed, nn

from neuromorph.neuron import SHNOLayer


def begin(device):
    """Join the other processes of torchrun, by nccl on GPUs and gloo elsewhere; nothing without torchrun."""
    if "TORCHELASTIC_RUN_ID" in os.environ and not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")


def end():
    """Leave the other processes."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def world():
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def is_first():
    """Whether this process is the one that writes and prints."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


def share(n):
    """The rows of a batch of n that are this process's, a slice."""
    if world() == 1:
        return slice(0, n)
    rank = distributed.get_rank()
    return slice(rank * n // world(), (rank + 1) * n // world())


def total(tensor):
    """The sum of a tensor over the processes, the same tensor."""
    if world() > 1:
        distributed.all_reduce(tensor)
    return tensor


def sum_gradients(model):
    """Sum the gradients over the processes, in one message."""
    if world() == 1:
        return
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = total(torch.cat([gradient.flatten() for gradient in gradients]))
    for gradient, summed in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(summed.view_as(gradient))


def joined(model):
    """The model with its batch normalisation, dropout and noise over the whole batch; the same parameters, the same
    object.
    """
    if world() > 1:
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.__class__ = type(f"Joined{type(module).__name__}", (_BatchNorm, type(module)), {})
            elif isinstance(module, nn.Dropout):
                module.__class__ = _Dropout
            elif isinstance(module, SHNOLayer):
                module.__class__ = _SHNOLayer
    return model


def _place(n, device):
    """The rows that processes before this one have, and that all have, of a batch of which this one has n."""
    sizes = torch.zeros(world(), dtype=torch.int64, device=device)
    sizes[distributed.get_rank()] = n
    ends = total(sizes).cumsum(0).tolist()
    return ends[distributed.get_rank()] - n, ends[-1]


class _Total(torch.autograd.Function):
    """The sum of a tensor over the processes; its gradient is that of all their losses."""

    @staticmethod
    def forward(ctx, x):
        return total(x.clone())

    @staticmethod
    def backward(ctx, grad):
        return total(grad.clone())


class _BatchNorm:
    """Batch normalisation by the mean and variance over all processes; running values as of torch's."""

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        others = [axis for axis in range(x.ndim) if axis != 1]
        n = total(torch.tensor(x.numel() / x.shape[1], dtype=x.dtype, device=x.device))
        mean = _Total.apply(x.sum(others)) / n
        shape = [-1 if axis == 1 else 1 for axis in range(x.ndim)]
        centred = x - mean.view(shape)
        variance = _Total.apply(centred.square().sum(others)) / n
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * n / (n - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        return centred * scale.view(shape) + self.bias.view(shape)


class _Dropout(nn.Dropout):
    """Dropout by this process's rows of the mask that one process would draw for the whole batch."""

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        first, whole = _place(len(x), x.device)
        kept = x.new_empty(whole, *x.shape[1:]).bernoulli_(1 - self.p)
        return x * kept[first : first + len(x)] / (1 - self.p)


class _SHNOLayer(SHNOLayer):
    """Oscillators whose inferences are numbered over the processes; in evaluation each process has all."""

    def shared(self, batch):
        return _place(batch, self.inferences.device) if self.training else (0, batch)
