"""Layers whose input is spikes: y = W x + b as sums of the weights of those inputs that spike, no products.

Of 0/1 inputs of which a share r spikes, a share r of a dense or convolutional layer's additions is left, forward and in
the gradient of its weights: what event-driven hardware saves, a processor saves too. The layers are torch's, with its
parameters and values to rounding (sums run in another order); the compiled passes are in `sparse_kernels`. Where they
do not fit, torch's own products run: other devices and precisions, autocast, dense trains (r > DENSE), inputs that
are no spikes, and shapes that do not divide by the kernels' widths.
"""

import numpy as np
import torch
from torch import nn
from torch.autograd.function import once_differentiable

from neuromorph import sparse_convolution_kernels, sparse_kernels
from neuromorph.lif_kernels import Blocks
from neuromorph.sparse_kernels import PARTS
from shno import threads

DENSE = 0.3  # spikes an input, from where on products are faster
LOOKED_AT = 64  # rows from which that share is estimated


class SpikeLinear(nn.Linear):
    """`nn.Linear` of (rows, in_features) that are mostly spikes."""

    def forward(self, x):
        """x (rows, in_features) -> (rows, out_features)."""
        if self.out_features % sparse_kernels.WIDTH == 0 and x.ndim == 2 and _few_spikes(x, self.weight):
            y, spikes = _Linear.apply(x, self.weight, self.bias)
            if spikes:
                return y
        return super().forward(x)


class SpikeConvPool(nn.Sequential):
    """A 3 x 3 convolution to 64 channels, padding 1, of images of 32 or 64 channels that are mostly spikes, and the
    largest of each 2 x 2 of its values: `nn.Sequential(nn.Conv2d, nn.MaxPool2d)`.
    """

    def __init__(self, channels):
        """Parameters from torch's global generator."""
        out, kernel = sparse_convolution_kernels.OUT, sparse_convolution_kernels.KERNEL
        super().__init__(nn.Conv2d(channels, out, kernel, padding=1), nn.MaxPool2d(2))

    def forward(self, x):
        """x (images, channels, height, width) -> (images, 64, height // 2, width // 2)."""
        if x.shape[1] in (32, 64) and _few_spikes(x, self[0].weight):
            y, spikes = _ConvPool.apply(x, self[0].weight, self[0].bias)
            if spikes:
                return y
        return super().forward(x)


def _few_spikes(x, weight):
    """Whether the kernels can take x, as far as a look at some of it tells."""
    on_cpu = x.device.type == "cpu" and x.dtype == weight.dtype and x.dtype in (torch.float32, torch.float64)
    if not on_cpu or x.numel() == 0 or torch.is_autocast_enabled("cpu"):
        return False
    some = x.detach()[:: -(-len(x) // LOOKED_AT)]
    count = int((some == 1).count_nonzero())
    return count == int(some.count_nonzero()) and count <= DENSE * some.numel()


class _Linear(torch.autograd.Function):
    """(x (rows, n), weight (m, n), bias (m)) -> (y (rows, m), whether x is spikes alone)."""

    @staticmethod
    def forward(ctx, x, weight, bias):
        rows, (m, n) = len(x), weight.shape
        ctx.save_for_backward(x, weight)
        y = (weight.new_zeros(m) if bias is None else bias).expand(rows, m).contiguous()
        table = _array(weight.view(-1, sparse_kernels.WIDTH, n).transpose(1, 2))
        chunks = -(-rows // sparse_kernels.CHUNK)
        spikes = np.empty(chunks, bool)
        arguments = (_array(x), table, _tiles(y), spikes)
        threads.run_blocks(sparse_kernels.linear, chunks, Blocks(1), *arguments)
        return y, bool(spikes.all())

    @staticmethod
    @once_differentiable
    def backward(ctx, y_bar, _):
        x, weight = ctx.saved_tensors
        found = [None, None, y_bar.sum(0) if ctx.needs_input_grad[2] else None]
        if ctx.needs_input_grad[0]:
            found[0] = y_bar @ weight
        if ctx.needs_input_grad[1]:
            (m, n), width = weight.shape, sparse_kernels.WIDTH
            parts = PARTS if len(x) >= sparse_kernels.FEW else 2
            sums = np.zeros((parts, m // width, n, width), x.detach().numpy().dtype)
            threads.run_blocks(sparse_kernels.linear_weights, parts, Blocks(1), _array(x), _tiles(y_bar), sums)
            found[1] = torch.from_numpy(sums).sum(0).transpose(1, 2).reshape(m, n)
        return tuple(found)


class _ConvPool(torch.autograd.Function):
    """(x (images, channels, height, width), weight, bias) -> (y, whether x is spikes alone)."""

    @staticmethod
    def forward(ctx, x, weight, bias):
        images, _, height, width = x.shape
        y = np.empty((images, height // 2, width // 2, len(weight)), x.detach().numpy().dtype)
        winner, spikes = np.empty(y.shape, np.uint8), np.empty(images, bool)
        arguments = (_array(_last(x)), _array(weight.permute(3, 2, 1, 0)), _array(bias), y, winner, spikes)
        threads.run_blocks(sparse_convolution_kernels.forward, images, Blocks(1), *arguments)
        ctx.save_for_backward(x, weight)
        ctx.winner = winner
        return torch.from_numpy(y).permute(0, 3, 1, 2), bool(spikes.all())

    @staticmethod
    @once_differentiable
    def backward(ctx, y_bar, _):
        x, weight = ctx.saved_tensors
        kernels, given, found = sparse_convolution_kernels, _array(_last(y_bar)), [None, None, None]
        if ctx.needs_input_grad[0]:
            x_bar = np.empty(_last(x).shape, given.dtype)
            table = _array(weight.permute(2, 0, 3, 1))
            threads.run_blocks(kernels.inputs, len(x), Blocks(1), given, ctx.winner, table, x_bar)
            found[0] = torch.from_numpy(x_bar).permute(0, 3, 1, 2)
        if ctx.needs_input_grad[1]:
            out, channels, *_ = weight.shape
            sums = np.zeros((PARTS, kernels.KERNEL, channels, kernels.KERNEL, out), given.dtype)
            threads.run_blocks(kernels.weights, PARTS, Blocks(1), _array(_last(x)), given, ctx.winner, sums)
            found[1] = torch.from_numpy(sums).sum(0).permute(3, 1, 0, 2).flip(2, 3)
        if ctx.needs_input_grad[2]:
            found[2] = y_bar.sum((0, 2, 3))
        return tuple(found)


def _last(x):
    """Images with their channels as the last axis: a view."""
    return x.permute(0, 2, 3, 1)


def _array(x):
    """A tensor as numpy's contiguous array; copied where it is not."""
    return x.detach().contiguous().numpy()


def _tiles(y):
    """(rows, m) as (rows, m / WIDTH, WIDTH)."""
    return _array(y).reshape(len(y), -1, sparse_kernels.WIDTH)
