"""A training iteration of the hybrid against eager autograd and torchdiffeq's adjoint, and its backward pass.

The rivals take the place of `shno.integrate_sequence` under the same network: with the same peaks and crossings.
- eager: RK4 and autograd on the one source that serves any oscillator; where 15 neural steps would not fit in half of
  the memory, each is checkpointed (computed again in the backward pass). What leaving the neuron's zeros out by hand
  (`speed_rivals.torque`) would gain stands beside.
- torchdiffeq: odeint_adjoint, method "rk4", at the same steps, with m at each of them, which the peak needs, on the
  equation by hand. Its rk4 is the 3/8 rule, and its adjoint is that of the continuous equation: gradients differ by
  the error of the steps.
Slow rivals run some of the 15 neural steps; the time of a full iteration is that of the network without oscillators
(the ReLU twin) plus that of a neural step times 15.
"""

import os
from contextlib import nullcontext
from functools import cache, partial
from statistics import median
from time import perf_counter
from unittest.mock import patch

import torch
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

import shno
from neuromorph import models
from shno.integrate import Passage, Sequence
from shno.parameters import reduced_step
from shno.vector import rotate_towards
from validation.speed_rivals import constants, general_step, rk4_step, torque
from validation.speed_system import Row, agree, interleaved, ratio, seconds

BATCH, CLASSES, DT = 128, 4, 2e-12
RK4_STEPS = (20, 250)  # of a neural step
RUN = {20: 3, 250: 1}  # neural steps that a rival runs
CHECKED = (16, 2, 100)  # batch, neural steps and RK4 steps of the float64 check of the gradients
SHARE_OF_MEMORY = 0.5
GRADIENTS = {  # relative, float64: rounding; the error of the continuous adjoint
    **dict.fromkeys(("eager", "checkpointed", "by hand"), 1e-8),
    "torchdiffeq": 1e-4,
}


def neuron_constants():
    """(M, B_z, alpha, h) of the layer's neuron, h the reduced step of its DT."""
    oscillator, drive = shno.preset("easy-plane-neuron"), shno.operating_point("easy-plane-neuron")
    h = float(reduced_step(shno.parameters(oscillator, drive), DT))
    return (*constants((oscillator, drive, None))[:3], h)


def watch(path, component, threshold, rearm, armed):
    """The peak, crossings and final arming of a component of m along a path of states after each step, (steps, ...)."""
    watched = torch.stack([m[component] for m in path])
    count = torch.zeros_like(armed, dtype=torch.int64)
    for after in watched.detach():
        crossed = armed & (after >= threshold)
        count = count + crossed
        armed = (armed & ~crossed) | (after < rearm)
    return watched.amax(dim=0), count, armed


def passage(end, peak, count, armed):
    """A Passage without the time of the first crossing, which no loss uses."""
    found = Passage(torch.stack(end, dim=-1), peak, count, None)
    found.armed = armed
    return found


def stepped(step, m, n_steps, component, threshold, rearm, armed):
    """The Passage of so many steps m -> m, by autograd."""
    state, path = m.unbind(-1), []
    for _ in range(n_steps):
        state = step(state)
        path.append(state)
    return passage(state, *watch(path, component, threshold, rearm, armed))


def eager(parameters, m, a_DL, *, dt, n_steps, **watched):
    """`shno.integrate` in eager torch with autograd."""
    values = parameters | {"a_DL": a_DL}
    step = general_step(values, neuron_constants()[-1], m.dtype)
    return stepped(step, m, n_steps, **watched)


def by_hand(parameters, m, a_DL, *, dt, n_steps, **watched):
    """`eager` by the neuron's equation with what is zero left out."""
    *numbers, h = neuron_constants()
    step = partial(rk4_step, lambda m: torque(m, a_DL, *numbers), h=h, root=torch.sqrt)
    return stepped(step, m, n_steps, **watched)


def checkpointed(parameters, m, a_DL, **settings):
    """`eager` that keeps nothing of a neural step but its start."""

    def run(m, a_DL):
        found = eager(parameters, m, a_DL, **settings)
        return *found, found.armed

    *found, armed = checkpoint(run, m, a_DL, use_reentrant=False)
    found = Passage(*found)
    found.armed = armed
    return found


def adjoint(parameters, m, a_DL, *, dt, n_steps, component, threshold, rearm, armed):
    """`shno.integrate` by torchdiffeq's odeint_adjoint."""
    from torchdiffeq import odeint_adjoint

    *numbers, h = neuron_constants()
    times = torch.arange(n_steps + 1, dtype=m.dtype) * h
    start = torch.stack(m.unbind(-1))

    def slope(t, m):
        return torch.stack(torque(m.unbind(0), a_DL, *numbers))

    path = odeint_adjoint(slope, start, times, method="rk4", adjoint_params=(a_DL,))[1:].unbind(0)
    return passage(path[-1].unbind(0), *watch(path, component, threshold, rearm, armed))


def one_after_another(rival):
    """`shno.integrate_sequence` by a rival's passages: held drives in a loop, the reset by torch."""

    def sequence(parameters, m, a_DL, *, armed, rest, reset_fraction, truncate, remaining, refractory, **watched):
        del watched["refractory_factor"], watched["detach_reset"]
        states, peaks, counts = [], [], []
        for k, a in enumerate(a_DL):
            m = m.detach() if truncate and k and k % truncate == 0 else m
            found = rival(parameters, m, a, armed=armed, **watched)
            turned = torch.stack(rotate_towards(found.m_end.unbind(-1), rest.to(m).unbind(-1), reset_fraction), dim=-1)
            m, armed = torch.where((found.crossings > 0)[..., None], turned, found.m_end), found.armed
            states.append(m), peaks.append(found.m_peak), counts.append(found.crossings)
        made = Sequence(torch.stack(states), torch.stack(peaks), torch.stack(counts), None)
        made.m_end, made.armed, made.remaining = m, armed, remaining
        return made

    return sequence


RIVALS = {"eager": eager, "checkpointed": checkpointed, "by hand": by_hand, "torchdiffeq": adjoint}


def integrating(rival):
    """A context in which the layer integrates by this rival, or by the kernels for None."""
    return (
        nullcontext() if rival is None else patch.object(shno, "integrate_sequence", one_after_another(RIVALS[rival]))
    )


def hybrid(neural_steps, rk4_steps, kind="hybrid"):
    """The hybrid of so many neural steps with the weights of seed 0; its ReLU twin for "hybrid-relu"."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if kind == "hybrid-relu":
            return models.Hybrid(models.ReLUNeurons(), CLASSES, steps=neural_steps).train()
        neurons = models.SHNONeurons(steps=neural_steps, neural_step=rk4_steps * DT, dt=DT)
        return models.Hybrid(neurons, CLASSES, steps=neural_steps).train()


@cache
def data(batch=BATCH):
    """Random images and labels; what the pixels show does not change the work."""
    generator = torch.Generator().manual_seed(1)
    return torch.rand(batch, 28, 28, generator=generator), torch.randint(CLASSES, (batch,), generator=generator)


def loss_of(model, images, labels):
    """The loss that the hybrid is trained with."""
    prediction = model(images)
    return cross_entropy(prediction.logits, labels) + 0.4 * cross_entropy(prediction.auxiliary, labels)


class Training:
    """Training iterations of a model: calling it takes one and returns its seconds."""

    def __init__(self, model, rival=None):
        """The model with an optimiser of its own."""
        self.model, self.rival = model, rival
        self.optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)

    def __call__(self):
        """Forward, loss, backward, optimiser's step."""
        with integrating(self.rival), torch.random.fork_rng(devices=[]):
            start = perf_counter()
            loss = loss_of(self.model, *data())
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()
            return perf_counter() - start


def gradient(rival, batch, neural_steps, rk4_steps):
    """The gradient of the loss by the weights below the oscillators, float64, dropout off, as one vector."""
    model = hybrid(neural_steps, rk4_steps).double()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    images, labels = data(batch)
    with integrating(rival):
        slopes = torch.autograd.grad(loss_of(model, images.double(), labels), list(model.encoder.parameters()))
    return torch.cat([slope.flatten() for slope in slopes])


def gradient_error(rival):
    """Largest difference of the rival's gradient from ours over the largest element."""
    theirs, ours = gradient(rival, *CHECKED), gradient(None, *CHECKED)
    return agree("the gradients", float((theirs - ours).abs().max() / ours.abs().max()), GRADIENTS[rival])


def kept_by_autograd(rk4_steps):
    """Bytes that eager autograd keeps for 15 neural steps of so many RK4 steps, by what it keeps for 1 x 2."""
    kept = {}

    def note(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    layer = hybrid(1, 2).neurons.layer
    x = torch.full((BATCH, layer.n), 0.5, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor), integrating("eager"):
        made = layer(x)
        size = sum(kept.values()) / 2 * rk4_steps * models.N_STEPS
    del made  # until here the graph holds what was counted, so that no memory is counted twice or reused
    return size


def kind_of_eager(rk4_steps):
    """ "eager" where 15 neural steps of it fit in memory, else "checkpointed"; and what it would keep, in words."""
    kept = kept_by_autograd(rk4_steps)
    fits = kept < SHARE_OF_MEMORY * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    rival = "eager" if fits else "checkpointed"
    return rival, f"{rival}, autograd would keep {kept / 1e9:.2g} GB; "


def against(rival, rk4_steps):
    """Time of a full training iteration with a rival's oscillators over ours."""
    rival, words = kind_of_eager(rk4_steps) if rival == "eager" else (rival, "")
    rivals = (rival,) if rival == "torchdiffeq" else (rival, "by hand")
    errors = [gradient_error(name) for name in rivals]
    steps, full = RUN[rk4_steps], models.N_STEPS
    rest = Training(hybrid(steps, rk4_steps, "hybrid-relu"))
    sides = {name: Training(hybrid(steps, rk4_steps), name) for name in rivals}
    sides |= {"rest": rest, "ours": Training(hybrid(full, rk4_steps))}
    for side in sides.values():
        side()
    times = interleaved(sides)
    for name in rivals:
        pairs = zip(times[name], times["rest"], strict=True)
        times[name] = [rest + max(spent - rest, 0) * full / steps for spent, rest in pairs]
    found = f"{median(times[rival]):.3g} s from {steps} of {full} neural steps, ours {median(times['ours']):.3g} s"
    words += f"gradients differ by {max(errors):.1e}; {found}"
    if len(rivals) > 1:
        words += f"; without the zeros, by hand: {ratio(times, 'by hand', 'ours'):.3g}"
    return ratio(times, rival, "ours"), words


def backward(rk4_steps):
    """Time of the layer's backward pass over its forward pass."""
    layer = hybrid(models.N_STEPS, rk4_steps).neurons.layer
    x = torch.linspace(-0.5, 2.0, BATCH * layer.n).reshape(BATCH, layer.n).requires_grad_()
    made = []

    def forward():
        made[:] = layer(x)
        return None

    def back():
        spikes, state = made
        torch.autograd.backward(spikes.sum() + state.m.sum(), inputs=[x])

    for _ in range(2):
        forward(), back()
    times = interleaved({"forward": partial(seconds, forward), "backward": partial(seconds, back)}, rounds=9)
    found = "{:.2g} s and {:.2g} s".format(*(median(times[name]) for name in ("backward", "forward")))
    return ratio(times, "backward", "forward"), found


def rows():
    """Training against each rival, and backward against forward."""
    what = f"hybrid training iteration, batch {BATCH}, {models.NEURONS} oscillators, float32,"
    layer = f"the layer's backward pass over its forward pass, batch {BATCH}"
    table = []
    for k, steps in zip("ab", RK4_STEPS, strict=True):
        size = f"{models.N_STEPS} x {steps} RK4 steps"
        table += [
            Row(f"S7{k}", f"{what} {size}, against eager autograd", 40.0, partial(against, "eager", steps)),
            Row(
                *(f"S7{chr(ord(k) + 2)}", f"{what} {size}, against torchdiffeq's odeint_adjoint (rk4: 3/8 rule)", 20.0),
                *(partial(against, "torchdiffeq", steps), ("torchdiffeq",)),
            ),
            Row(f"S8{k}", f"{layer}, {size}", 5.0, partial(backward, steps), how="at most"),
        ]
    return tuple(sorted(table, key=lambda row: row.id))
