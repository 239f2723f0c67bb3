"""Several steps as one function for torch.compile, which fuses their hundreds of operations into a few launches.

A function is written out once by tracing it with symbols in place of tensors: `rk4`, `right_hand_side` and `philox` run
as they stand, so that the equation keeps its one source, and torch.compile is given a flat list of operations instead
of Python. Each such list is compiled for itself: a batch of another shape makes it compile once more, with the sizes
left open, and a third one no more. Where torch.compile fails (no Triton, no compiler), the caller goes on step by step.
"""

import warnings
from functools import partial
from typing import NamedTuple

import torch
from torch.autograd.function import once_differentiable

from shno.heating import heated_right_hand_side
from shno.llgs import right_hand_side
from shno.local_noise import thermal_field_at
from shno.philox import split
from shno.plan import at_stage
from shno.solvers import heun, rk4
from shno.thermal import thermal_calls
from shno.vector import project
from shno.waveform import Product, Sum, Waveform

SOLVERS = {"rk4": rk4, "heun": heun}
LENGTH = 8  # steps of a launch, a multiple of the 4 draws that come from one block
MOST_DRAWS = 64  # of a launch

compiled, unable = {}, set()  # {(key, backend): function}, {(backend, device type)} that failed


class Layout(NamedTuple):
    """What the operations of a launch depend on, besides the values of its tensors.

    tree : nested tuple      the arguments: N0, N1 ... numbers, W0, W1 ... waveforms, their sums and products, None
    rows : int               of the state, 3 or 4
    solver : str             "rk4" or "heun"
    draws : int              of the thermal field a step; 0: none
    phase : int              draws of the first block that belong to the steps before
    count : int              steps
    keeps_path : bool        whether the state after every step is returned
    """

    tree: tuple
    rows: int
    solver: str
    draws: int
    phase: int
    count: int
    keeps_path: bool

    @property
    def calls(self):
        """Calls of the generator: three for each block of four draws."""
        return 3 * -(-(self.phase + self.count * self.draws) // 4)


def spelt(leaf, numbers, waves):
    """A tree of arguments as names in place of values; what is met is added to {id: value} of numbers and waveforms."""
    if leaf is None:
        return None
    if isinstance(leaf, tuple):
        return tuple(spelt(part, numbers, waves) for part in leaf)
    if isinstance(leaf, Sum | Product):
        return type(leaf).__name__, spelt(leaf.a, numbers, waves), spelt(leaf.b, numbers, waves)
    met, letter = (waves, "W") if isinstance(leaf, Waveform) else (numbers, "N")
    met.setdefault(id(leaf), leaf)
    return f"{letter}{list(met).index(id(leaf))}"


def one_step(solver, state, share, trees, energy):
    """One step from the arguments at its stages, or a share of one: the state, and | |m|^2 - 1 | before projection.

    energy : T      k_B T / (Ms V) where Brown's field follows the state (`local_noise`), else None
    """
    if energy is not None:
        _, torque_parameters, field_parameters, *heat = trees[0]
        given = (torque_parameters, field_parameters, heat[0] if heat else None)
        B = thermal_field_at(state, field_parameters[-1], energy, *given)
        trees = [with_noise(tree, B) for tree in trees]
    function = right_hand_side if len(state) == 3 else heated_right_hand_side
    y = SOLVERS[solver](function, state, share * trees[0][0], *(tree[1:] for tree in trees))
    return project(y)


def with_noise(tree, noise):
    """The arguments with this thermal field, the last of the field parameters; as they are where it is None."""
    return tree if noise is None else (tree[0], tree[1], (*tree[2][:-1], noise), *tree[3:])


def thermal_fields(layout, sigma, calls, low, high, realisation, like):
    """Brown's field of each step of a launch, a list of vectors, from the normals of its calls.

    sigma : T              standard deviation of a draw over the number of draws
    calls : int64          (layout.calls, 1 ... 1), consecutive, from the first one of a block on
    low, high : int64      words of the seed
    """
    normals = thermal_calls((low, high), calls, realisation, like)

    def component(step, c):
        places = (3 * (layout.phase + step * layout.draws + k) + c for k in range(layout.draws))
        return sigma * sum(normals[q % 4][q // 4] for q in places)

    return [tuple(component(step, c) for c in range(3)) for step in range(layout.count)]


def several_steps(layout, tree, follows, tensors):
    """The steps of a launch, as a function of tensors: (state ..., largest deviation[, path (count, rows, *batch)]).

    tree : as in a Plan      its values are looked up among the tensors, its waveforms in tables (count, 3, ...)
    follows : bool           whether Brown's field follows the state
    tensors : (state ..., numbers ..., tables ...[, energy of `one_step`][, those of `thermal_fields`])
    """
    numbers, waves = {}, {}
    spelt(tree, numbers, waves)
    tensors = iter(tensors)
    state = tuple(next(tensors) for _ in range(layout.rows))
    numbers, tables = {key: next(tensors) for key in numbers}, {key: next(tensors) for key in waves}
    energy = next(tensors) if follows else None
    drawn = tuple(tensors)
    fields = thermal_fields(layout, *drawn, state[0]) if drawn else [None] * layout.count
    path, worst = [], None
    for k, field in enumerate(fields):
        stages = ({key: table[k, stage] for key, table in tables.items()} for stage in range(3))
        trees = [with_noise(at_stage(tree, values, lambda x: numbers[id(x)]), field) for values in stages]
        state, error = one_step(layout.solver, state, 1.0, trees, energy)
        worst = error if worst is None else torch.fmax(worst, error)
        path.append(state)
    whole = (torch.stack([torch.stack(rows) for rows in path]),) if layout.keeps_path else ()
    return (*state, worst, *whole)


def traced(function, count):
    """A function of `count` tensors, written out as the graph of its operations."""
    graph = torch.fx.Graph()
    tracer = torch.fx.proxy.GraphAppendingTracer(graph)
    inputs = [torch.fx.Proxy(graph.placeholder(f"x{k}"), tracer) for k in range(count)]
    graph.output(tuple(result.node for result in function(inputs)))
    return torch.fx.GraphModule({}, graph)


def by_compiler(key, function, tensors, backend):
    """function(tensors) through torch.compile, or None where that fails, which is warned of once.

    key : hashable      equal only for functions that do the same operations
    """
    device = tensors[0].device.type
    if (backend, device) in unable:
        return None
    kinds = ((x.dtype, x.requires_grad, *(size == 1 for size in x.shape)) for x in tensors)  # 1: it is broadcast
    key = (key, backend, device, torch.is_grad_enabled(), *kinds)
    try:
        if key in compiled:
            return compiled[key](*tensors)
        with warnings.catch_warnings():  # what a compiler has to say of itself
            warnings.simplefilter("ignore")
            compiled[key] = torch.compile(traced(function, len(tensors)), backend=backend, fullgraph=True)
            return compiled[key](*tensors)
    except Exception as error:  # whatever a compiler's failure looks like; the steps one by one need none
        unable.add((backend, device))
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        warnings.warn(f"torch.compile fails on {device}: {reason} Steps are taken one by one.", stacklevel=2)
        return None


def fused_passage(tree, m, armed, noise, n_steps, component, threshold, rearm, *, backend="inductor"):
    """The passage of `integrate` by torch and autograd, LENGTH steps a launch, forward and backward.

    For the way back only the states between launches are kept; the rest, with its noise, is computed again, so that
    memory grows by one state every LENGTH steps.
    tree, m, armed, n_steps, component, threshold, rearm   as of `integrate`: h and held parameters; m (*batch, 3)
    noise : (seed, realisation, deviation, first step) over the batch, or None
    backend : str       of torch.compile
    Returns : m_end (*batch, 3), then (*batch,) each: peak, time in steps (-1: none), armed, count, norm error
    """
    numbers, carried = {}, passage_start(m, armed)
    names = spelt(tree, numbers, {})
    limits = (m.new_tensor(threshold), m.new_tensor(rearm))
    for first in range(0, n_steps, LENGTH):
        start = 0 if noise is None else noise[3] + first
        draws, count = int(noise is not None), min(LENGTH, n_steps - first)
        layout = Layout(names, 3, "rk4", draws, start % 4 * draws, count, False)
        drawn = () if noise is None else _drawn(noise, layout, start)
        launch = partial(_passage_launch, layout, tree, tuple(numbers), component, backend)
        inputs = (*carried, m.new_tensor(first), *limits, *numbers.values(), *drawn)
        carried = _Launch.apply(launch, *inputs)
    return torch.stack(carried[:3], dim=-1), *carried[3:]


def _drawn(noise, layout, start):
    """The tensors of `thermal_fields` for the steps from number `start` on."""
    seed, realisation, deviation, _ = noise
    whole = {"dtype": torch.int64, "device": realisation.device}
    calls = (torch.arange(layout.calls, **whole) + 3 * (start // 4)).reshape(-1, *(1,) * realisation.dim())
    return (deviation, calls, *(torch.tensor(word, **whole) for word in split(seed)), realisation)


class _Launch(torch.autograd.Function):
    """`passage_steps` on tensors, of which no more than these is kept for the way back, where it is computed again."""

    @staticmethod
    def forward(ctx, function, *tensors):
        ctx.function = function
        ctx.save_for_backward(*tensors)
        results = tuple(function(*(x.detach() for x in tensors)))
        ctx.mark_non_differentiable(*results[5:])
        return results

    @staticmethod
    @once_differentiable
    def backward(ctx, *cotangents):
        needed = ctx.needs_input_grad[1:]
        free = [
            k < 5 or need for k, need in enumerate(needed)
        ]  # of m, peak and time always: one graph for all launches
        with torch.enable_grad():
            tensors = [x.detach().requires_grad_(is_free) for x, is_free in zip(ctx.saved_tensors, free, strict=True)]
            results = ctx.function(*tensors)[:5]
        inputs = [x for x in tensors if x.requires_grad]
        bars = iter(torch.autograd.grad(results, inputs, cotangents[:5], allow_unused=True))
        bars = [next(bars) if is_free else None for is_free in free]
        return None, *(bar if need else None for bar, need in zip(bars, needed, strict=True))


def _passage_launch(layout, tree, numbers, component, backend, *tensors):
    """`passage_steps`, compiled where that works."""
    steps = partial(passage_steps, layout, tree, numbers, component)
    results = by_compiler(("passage", layout, component), steps, tensors, backend)
    return steps(tensors) if results is None else results


def passage_steps(layout, tree, numbers, component, tensors):
    """Some steps of a passage as a function of tensors, which returns the first eight of them moved on.

    numbers : (id of each)   of the values in the tree
    tensors : (m_x, m_y, m_z, peak, time, armed, count, norm error, first step, threshold, rearm, numbers ...[, those of
              `thermal_fields`])
    """
    carried, (first, threshold, rearm) = tuple(tensors[:8]), tensors[8:11]
    values, drawn = dict(zip(numbers, tensors[11:], strict=False)), tensors[11 + len(numbers) :]
    tree = at_stage(tree, {}, lambda x: values[id(x)])
    fields = thermal_fields(layout, *drawn, carried[0]) if drawn else [None] * layout.count
    for step, field in enumerate(fields):
        carried = passage_step(carried, first + step, with_noise(tree, field), component, threshold, rearm)
    return carried


def passage_start(m, armed):
    """What a passage carries from step to step: (m_x, m_y, m_z, peak, time, armed, count, norm error)."""
    zero = torch.zeros_like(m[..., 0])
    return (*m.unbind(-1), zero - 2, zero - 1, armed, zero, zero)


def passage_step(carried, step, tree, component, threshold, rearm):
    """What a passage carries after one step more; step is its number, tree (h, torque and field parameters)."""
    *state, peak, time, armed, crossings, worst = carried
    h, *held = tree
    before, y = state[component], rk4(right_hand_side, tuple(state), h, held, held, held)
    state, error = project(y)
    worst, after = torch.fmax(worst, error.detach()), state[component]
    crossed = armed & (after >= threshold)
    is_first = crossed & (crossings == 0)
    rise = torch.where(is_first, after - before, 1.0)  # elsewhere a quotient by zero would spoil the gradient
    time = torch.where(is_first, step + (threshold - before) / rise, time)
    armed, crossings = (armed & ~crossed) | (after < rearm), crossings + crossed
    return (*state, torch.where(after > peak, after, peak), time, armed, crossings, worst)
