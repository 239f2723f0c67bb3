"""The SHNO spiking layer: oscillators as neurons, real LLGS below, a surrogate gradient at the threshold only.

Each neuron is an easy-plane oscillator pinned by a field (`shno.preset("easy-plane-neuron")`), held at rest by a
bias of 0.8 of its depinning torque a_c. The input adds to the bias, in units of a_c; past a_c in all, m turns in its
plane, and each turn carries m_y upwards through the threshold once: a spike. Within a neural step the drive is held;
`shno.integrate_sequence` finds the crossings inside it. After a spike a soft reset *rotates* m towards rest. The
default torque a_DL = a_c (bias + x), clipped to [0, 16 a_c]: below 0 m would turn the other way and spike again,
beyond 16 a_c it leaves the plane.
"""

import numpy as np
import torch
from torch import nn

import shno
from neuromorph import chips, learnable, opaque
from neuromorph.activity import Activity
from neuromorph.energy import energy
from neuromorph.memory import memory_report
from neuromorph.noise import added, begun, brown, check_noise, joined
from neuromorph.read_out import read
from neuromorph.settings import check_settings
from neuromorph.state import State
from neuromorph.surrogate import FastSigmoid, as_surrogate

HALF = (torch.float16, torch.bfloat16)


class SHNOLayer(nn.Module):
    """Spin Hall nano-oscillators as spiking neurons: forward(x, state=None) -> (spikes, state).

    Under torch.compile it is one operation, which the graph holds unbroken (`opaque`).
    n : int                       neurons
    oscillator : shno.Oscillator  one for all, or arrays (n,) for one each; the easy-plane neuron by default
    bias : shno.Drive             rest current and field; the preset's operating point by default
    critical_torque : T           unit a_c of the input; the pinning field |B_ext| by default (its depinning torque)
    n_steps, neural_step : int, s  neural steps of a held input, and their length
    dt : s                        RK4 step
    component : 0, 1 or 2         of m, that is watched: m_y by default
    threshold, rearm              a spike is an upward crossing of the threshold, re-armed below `rearm`
    clip                          largest total drive, in a_c
    reset, reset_fraction         after a neural step with a spike: "soft" rotates m towards rest by the fraction,
                                  "hard" sets it there, "none"; 0.1 keeps the count nearly linear in x, from 0.5 on
                                  spikes lock to every other neural step
    detach_reset                  no gradient flows through a reset: a neuron that spiked starts anew
    refractory, refractory_factor  so many neural steps after one with a spike have their drive, bias and all,
                                  multiplied by the factor in [-1, 1]: 0 switches it off
    read_out                      what forward returns for each neural step: "spike" 0/1, "count" of crossings,
                                  "envelope" the largest value of the component, "m" its value at the end, after the
                                  reset; "latency": the time to the first spike in neural steps, (batch, n), n_steps
                                  where there is none
    surrogate                     called as surrogate(m_peak - threshold, spiked)
    truncate : int | None         the gradient reaches back within blocks of so many neural steps, None: all. Through
                                  soft resets it grows by 1.7 a step (without, by 1.1) and changes sign: the net learns
                                  alike with 1 and 2, much more slowly from 3 on (`python -m validation gradient_modes`)
    noise : Noise                 None: none. A forward without a state begins inferences, each with its own, as does
                                  `initial_state`: what is computed twice (torch.utils.checkpoint) wants its state
    variability : Variability     each neuron a device of its own; None: all are the oscillator
    learn                         {name: (low, high)}: bias (a_c), threshold, gain (of the input) and device constants
                                  that are learnt, within bounds (`learnable.learnables`)
    input_gain                    a `RunningGain` of the input, or None
    `activity` counts spikes and warns of dead and saturated neurons; `report()` tells.
    Raises : ValueError, TypeError
    """

    def __init__(
        self,
        n,
        *,
        oscillator=None,
        bias=None,
        critical_torque=None,
        n_steps=15,
        neural_step=0.5e-9,
        dt=2e-12,
        component=1,
        threshold=0.7,
        rearm=0.35,
        clip=16.0,
        reset="soft",
        reset_fraction=0.1,
        detach_reset=False,
        refractory=0,
        refractory_factor=0.0,
        read_out="spike",
        surrogate=None,
        truncate=2,
        noise=None,
        variability=None,
        learn=None,
        input_gain=None,
    ):
        """Check the settings and find the rest state; nothing is random but what has a seed."""
        super().__init__()
        self.learned, self.input_gain = nn.ModuleDict(), input_gain
        self.n, self.n_steps, self.dt, self.neural_step, self.truncate = n, n_steps, dt, neural_step, truncate
        self.component, self.fixed_threshold, self.rearm = component, threshold, rearm
        self.clip, self.reset_mode, self.reset_fraction, self.read_out = clip, reset, reset_fraction, read_out
        self.detach_reset, self.refractory, self.refractory_factor = detach_reset, refractory, refractory_factor
        self.surrogate = FastSigmoid() if surrogate is None else as_surrogate(surrogate)
        self.noise, self.variability = noise, variability
        self.oscillator = self.nominal = shno.preset("easy-plane-neuron") if oscillator is None else oscillator
        self.bias = shno.operating_point("easy-plane-neuron") if bias is None else bias
        pinning = float(np.max(np.linalg.norm(self.bias.B_ext, axis=-1)))
        self.critical_torque = pinning if critical_torque is None else critical_torque
        for check in (check_settings, check_noise, chips.check_variability):
            check(self)
        self.steps_each = round(neural_step / dt)
        self.register_buffer("inferences", torch.zeros(2, dtype=torch.int64))  # begun in training, in evaluation
        self.register_buffer("chip", torch.zeros((), dtype=torch.int64))
        self.register_load_state_dict_post_hook(chips.refabricate)
        self.install(chips.nominal(self.oscillator, self.bias, n))
        if variability is not None:
            self.fabricate(variability.chip)
        self.learned, self.activity = learnable.learnables(self, learn), Activity(n)
        self.number = opaque.enlist(self)

    def __setstate__(self, state):
        """Take over a copy's or a pickle's parts, under a number of its own."""
        super().__setstate__(state)
        self.number = opaque.enlist(self)

    @property
    def threshold(self):
        """The threshold now, a number."""
        now = self.threshold_now()
        return now.item() if isinstance(now, torch.Tensor) else now

    def threshold_now(self):
        """The threshold now, a number or, where it is learnt, a tensor."""
        return self.learned["threshold"]() if "threshold" in self.learned else self.fixed_threshold

    @property
    def installed(self):
        """What is integrated: a `chips.Device`."""
        return chips.Device(self.oscillator, self.parameters_of_device, self.rest, self.gain)

    def install(self, device):
        """Integrate this `chips.Device` from now on."""
        # Not buffers: module.to(torch.bfloat16) must not round a unit vector.
        self.oscillator, self.parameters_of_device, self.rest, self.gain = device
        self.rest_is_of = None  # the learnt values that the rest state was found for

    def fabricate(self, chip, *, spread=None, first=None):
        """Make the neurons the devices of a chip, `chips.fabricate`."""
        chips.fabricate(self, chip, spread=spread, first=first)

    def train(self, mode=True):
        """As of torch.nn.Module; evaluation counts its inferences anew, training takes its next chip if it is to."""
        super().train(mode)
        self.inferences[1] *= mode
        chips.next_chip(self, "epoch")
        return self

    def at_rest(self, batch, like):
        """m of all neurons at rest, (batch, n, 3), on the device and in the precision of `like`."""
        return learnable.at_rest(self).to(like).expand(batch, self.n, 3)

    def initial_state(self, batch, like):
        """All neurons at rest and armed, where inferences begin: the State, on the device and in the precision of
        `like`. It counts them: each call has noise of its own.
        """
        chips.next_chip(self, "batch")
        m, inference = self.at_rest(batch, like), begun(self, batch).to(like.device)
        armed = m[..., self.component] < self.threshold
        return State(m, armed, torch.zeros_like(armed, dtype=torch.int64), inference, torch.zeros_like(inference))

    def shared(self, batch):
        """How many inferences other processes begin before those of this one's batch, and how many begin in all."""
        return 0, batch

    def blank_state(self, batch, like):
        """A State of the shapes and types of `initial_state` and of no values, for what needs only these."""
        m, whole = like.new_empty(batch, self.n, 3), {"dtype": torch.int64}
        rows = (m.new_empty(batch, self.n, dtype=torch.bool), m.new_empty(batch, self.n, **whole))
        return State(m, *rows, *(m.new_empty(batch, **whole) for _ in range(2)))

    def reset(self):
        """Nothing: the state is the caller's, none is kept here. For tools that call it on every module."""

    def detach(self):
        """Nothing, as `reset`; `State.detach` cuts a state from its history of gradients."""

    def drive(self, x, noise=0.0):
        """Damping-like torque of each device for an input x in its a_c: a_c clip(bias + gain x + noise, 0, clip), T."""
        learnt = {name: self.learned[name]().to(x) for name in ("bias", "gain") if name in self.learned}
        x = x if self.input_gain is None else self.input_gain(x)
        unit = torch.as_tensor(self.critical_torque * self.gain, dtype=x.dtype, device=x.device)
        bias = learnt.get("bias", torch.as_tensor(self.fixed_bias, dtype=x.dtype, device=x.device))
        return unit * (bias + x * learnt.get("gain", 1.0) + noise).clamp(0.0, self.clip)

    @property
    def fixed_bias(self):
        """The rest drive that the layer was given, in a_c, a number or (n,)."""
        return self.parameters_of_device["a_DL"] / (self.critical_torque * self.gain)

    def report(self):
        """Spike rate, dead and saturated fractions since the last train() or eval(): an `activity.Report`."""
        return self.activity.report()

    energy, memory_report, design = energy, memory_report, learnable.design

    def forward(self, x, state=None):
        """Neural steps under the input x.

        x : (batch, n) held for n_steps, or (steps, batch, n); units of a_c, positive drives towards a spike
        state : State or None (rest)
        Returns : spikes (steps, batch, n), in x's dtype (float32 for half precision), and the State after the last step
        Raises : ValueError for another shape or an empty batch
        """
        if torch.compiler.is_compiling() or x.is_meta:
            return opaque.forward(self, x, state)
        if self.input_gain is not None and state is None:
            self.input_gain.move()
        passage, state = self._integrate(*self._held(x, state))
        for counter in filter(None, (self.activity, self.input_gain)):
            counter.count(passage.crossings)
        return read(self, passage), state

    def _held(self, x, state):
        """Torques (steps, batch, n) of an input, and the state from which they act, rest for None; ValueError."""
        self.check_input(x)
        x = x.float() if x.dtype in HALF else x  # m needs at least float32
        state, steps = self._checked(state, x), self.n_steps if x.ndim == 2 else len(x)
        return self.drive(x, added(self, state, steps, x)).expand(steps, *x.shape[-2:]), state

    def check_input(self, x):
        """ValueError unless x is a finite input of this layer."""
        if x.ndim not in (2, 3) or x.shape[-1] != self.n or x.numel() == 0 or not x.is_floating_point():
            expected = f"(batch, {self.n}) or (steps, batch, {self.n}) and not empty, floating-point"
            got = f"{tuple(x.shape)}, {x.dtype}"
            raise ValueError(f"x must be {expected}, got {got}. Neurons are the last axis, time the first.")
        if not (bool(x.sum().isfinite()) or bool(x.isfinite().all())):  # a sum of large numbers may overflow
            raise ValueError("x must be finite, got NaN or infinity. Look at what feeds the layer.")

    def step(self, x, state):
        """One neural step: x (batch, n), State -> output (batch, n), State."""
        output, state = self(x[None], state)
        return (output if self.read_out == "latency" else output[0]), state

    def _checked(self, state, x):
        """The state, or rest for None, on x's device and in its precision; ValueError for that of another batch."""
        if state is None:
            return self.initial_state(x.shape[-2], x)
        expected = (x.shape[-2], self.n, 3)
        if state.m.shape != expected:
            got = f"{tuple(state.m.shape)}. A state belongs to its batch."
            raise ValueError(f"state.m must be (batch, n, 3) = {expected}, got {got}")
        return State(state.m.to(x), *(each.to(x.device) for each in state[1:]))

    def _integrate(self, a_DL, state):
        """The physics: torques a_DL (steps, batch, n) from a state on -> shno.Sequence, State."""
        learnable.follow(self)
        noise, apart = brown(self, state, len(a_DL))
        if len(apart) > 1:
            pieces = [self._integrate(a_DL[:, each], State(*(part[each] for part in state))) for each in apart]
            return joined(pieces, torch.cat(apart).argsort())
        fraction = {"none": 0.0, "hard": 1.0, "soft": self.reset_fraction}[self.reset_mode]
        passage = shno.integrate_sequence(
            learnable.constants(self),
            state.m,
            a_DL,
            dt=self.dt,
            n_steps=self.steps_each,
            component=self.component,
            threshold=self.threshold,
            rearm=self.rearm,
            armed=state.armed,
            rest=self.rest,
            reset_fraction=fraction,
            detach_reset=self.detach_reset,
            refractory=self.refractory,
            refractory_factor=self.refractory_factor,
            remaining=state.remaining,
            truncate=self.truncate,
            **noise,
        )
        carried = (passage.armed, passage.remaining, state.inference, state.done + len(a_DL))
        return passage, State(passage.m_end, *carried)

    def step_at_rest(self, m):
        """m (..., n, 3) after one RK4 step under the bias alone, without noise."""
        watch = {"component": self.component, "threshold": self.threshold, "rearm": self.rearm}
        a_DL = self.drive(torch.zeros_like(m[..., 0]))
        return shno.integrate(learnable.constants(self), m, a_DL, dt=self.dt, n_steps=1, **watch).m_end

    def extra_repr(self):
        """Settings that decide the layer's dynamics, for print(model)."""
        times = f"neural_step={self.neural_step:.3g}, dt={self.dt:.3g}"
        return f"{self.n}, n_steps={self.n_steps}, {times}, reset={self.reset_mode!r}"
