"""A layer's forward pass as one operation of torch: torch.compile takes it as it stands and does not look inside.

Inside are checks of values and kernels compiled by themselves, which no trace can follow. The operation is given the
layer by a number, and every tensor that may want a gradient; on the way back it is computed again. A compiled model
then has the values and gradients of the same model uncompiled, at any size of the batch.
"""

from itertools import count
from weakref import WeakValueDictionary

import torch
from torch import nn
from torch.func import functional_call

# What draws noise or counts what it sees is never computed once for two calls, nor twice for one.
_TAGS = (torch.Tag.pt2_compliant_tag, torch.Tag.nondeterministic_seeded)
_layers, _numbers = WeakValueDictionary(), count()


def enlist(layer):
    """A number for the layer, of its own in this process, by which `forward` finds it as long as it lives."""
    number = next(_numbers)
    _layers[number] = layer
    return number


def forward(layer, x, state):
    """`layer.forward` for a compiler: the same values, gradients and errors, these when it is run and not when traced.

    layer : SHNOLayer       with the `number` that `enlist` gave
    x, state                as layer.forward takes them
    Returns : output, State
    """
    given = []
    if state is not None:
        given = [state.m.to(x.device, _precision(x)), *(each.to(x.device) for each in state[1:])]
    output, *found = torch.ops.neuromorph.passage(layer.number, x, given, list(layer.parameters()))
    blank = layer.blank_state(0, x)
    return output, blank._make(found[: len(blank)])


def _precision(x):
    return torch.promote_types(x.dtype, torch.float32)


class _Bare(nn.Module):
    """A layer without its hooks, which are called outside."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, *inputs):
        return self.layer.forward(*inputs)


def _run(layer, x, state, tensors):
    """Output and State of the layer's forward pass, with these tensors in place of its parameters and buffers."""
    names = (f"layer.{name}" for name, _ in (*layer.named_parameters(), *layer.named_buffers()))
    return functional_call(_Bare(layer), dict(zip(names, tensors, strict=False)), (x, state))


def _own(tensors):
    """Copies in memory of their own, as an operation must return them."""
    return [each.detach().clone(memory_format=torch.contiguous_format) for each in tensors]


torch.library.define(
    "neuromorph::passage", "(int number, Tensor x, Tensor[] state, Tensor[] parameters) -> Tensor[]", tags=_TAGS
)
torch.library.define(
    "neuromorph::passage_vjp",
    "(int number, Tensor x, Tensor[] state, Tensor[] parameters, Tensor?[] bars, bool[] needed) -> Tensor[]",
    tags=_TAGS,
)


@torch.library.impl("neuromorph::passage", "default")
@torch.compiler.disable
def _passage(number, x, state, parameters):
    """[output, *state after, *state before]: the last where none was given."""
    layer = _layers[number]
    blank, before = layer.blank_state(0, x), ()
    if not state:
        layer.check_input(x)
        before = layer.initial_state(x.shape[-2], x.new_empty(0, dtype=_precision(x)))
    output, after = _run(layer, x, blank._make(state or before), parameters)
    return _own((output, *after, *before))


@torch.library.register_fake("neuromorph::passage")
def _shapes(number, x, state, parameters):
    layer = _layers[number]
    shape = x.shape if x.ndim == 3 else (layer.n_steps, *x.shape)
    like = x.new_empty(shape[1:] if layer.read_out == "latency" else shape, dtype=_precision(x))
    after = state or layer.blank_state(shape[-2], like)
    return [like, *(each.new_empty(each.shape) for each in (*after, *(() if state else after)))]


def _keep(ctx, inputs, output):
    ctx.number, x, state, parameters = inputs
    ctx.given, ctx.length = bool(state), len(state) or len(output) // 2
    ctx.save_for_backward(x, *(state or output[1 + ctx.length :]), *parameters)


def _backward(ctx, bars):
    _, of_x, of_state, of_parameters = ctx.needs_input_grad
    needed = [of_x, *(of_state or [False] * ctx.length), *of_parameters]
    x, *others = ctx.saved_tensors
    state, parameters = others[: ctx.length], others[ctx.length :]
    bars = bars[: 1 + ctx.length]
    found = iter(torch.ops.neuromorph.passage_vjp(ctx.number, x, state, parameters, bars, needed))
    of_x, *others = [next(found) if need else None for need in needed]
    return None, of_x, others[: ctx.length] if ctx.given else [], others[ctx.length :]


torch.library.register_autograd("neuromorph::passage", _backward, setup_context=_keep)


@torch.library.impl("neuromorph::passage_vjp", "default")
@torch.compiler.disable
def _passage_vjp(number, x, state, parameters, bars, needed):
    """Cotangents of those inputs that need one; what the layer counts, it counts in copies."""
    layer, length = _layers[number], len(state)
    with torch.inference_mode(False):  # autograd is off within an operation: this turns it on
        tensors = [
            each.detach().requires_grad_(need) for each, need in zip((x, *state, *parameters), needed, strict=True)
        ]
        buffers = [each.clone() for each in layer.buffers()]
        state = layer.blank_state(0, x)._make(tensors[1 : 1 + length])
        output, after = _run(layer, tensors[0], state, (*tensors[1 + length :], *buffers))
        pairs = [(y, bar) for y, bar in zip((output, *after), bars, strict=True) if y.requires_grad]
        inputs = [each for each in tensors if each.requires_grad]
        if not pairs:  # what wants a gradient takes no part
            return [torch.zeros_like(each) for each in inputs]
        results, bars = zip(*pairs, strict=True)
        return _own(torch.autograd.grad(results, inputs, bars, allow_unused=True, materialize_grads=True))


@torch.library.register_fake("neuromorph::passage_vjp")
def _vjp_shapes(number, x, state, parameters, bars, needed):
    tensors = zip((x, *state, *parameters), needed, strict=True)
    return [each.new_empty(each.shape) for each, need in tensors if need]
