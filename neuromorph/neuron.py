"""The SHNO spiking layer: oscillators as neurons, real LLGS below, a surrogate gradient at the threshold only.

Each neuron is an easy-plane oscillator pinned by a field (`shno.preset("easy-plane-neuron")`), held at rest by a
bias of 0.8 of its depinning torque a_c. The input adds to the bias, in units of a_c; past a_c in all, m turns in its
plane, and each turn carries m_y upwards through the threshold once: a spike. Within a neural step the drive is held;
`shno.integrate` finds the crossings inside it. After a spike a soft reset *rotates* m towards rest. The default
torque a_DL = a_c (bias + x), clipped to [0, 16 a_c]: below 0 m would turn the other way and spike again, beyond 16
a_c it leaves the plane.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

import shno
from neuromorph.surrogate import FastSigmoid
from shno import vector

LARGEST_TURN = 0.2  # rad a step, shno's own limit
RESETS = ("soft", "hard", "none")
READ_OUTS = ("spike", "count")
HALF = (torch.float16, torch.bfloat16)


class State(NamedTuple):
    """The whole state of the layer.

    m : (batch, n, 3)           unit magnetisation
    armed : (batch, n), bool    whether the next upward crossing counts: m_y was below `rearm` since the last one
    """

    m: torch.Tensor
    armed: torch.Tensor


def rotate_towards(m, target, fraction):
    """m turned towards target by a fraction of the angle between them; the length stays 1.

    m, target : (..., 3) unit vectors;  fraction : in [0, 1]
    cos(f theta) m + sin(f theta) t, with t the unit vector perpendicular to m towards the target
    """
    m, target = m.unbind(-1), target.expand_as(m).unbind(-1)
    cosine = vector.dot(m, target)
    perpendicular = vector.add(target, vector.scale(-cosine, m))
    sine = (vector.dot(perpendicular, perpendicular) + 1e-12).sqrt()  # at theta = 0 the gradient stays finite
    angle = fraction * torch.atan2(sine, cosine)
    turned = vector.add(vector.scale(angle.cos(), m), vector.scale(angle.sin() / sine, perpendicular))
    return torch.stack(vector.normalise(turned), dim=-1)


def check_settings(layer):
    """Every complaint about a layer's settings, before anything is computed; ValueError."""
    for name, usual in (("n", 60), ("n_steps", 15)):
        value = getattr(layer, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a whole number >= 1, got {value!r}. {usual} is usual.")
    if layer.truncate is not None and (not isinstance(layer.truncate, int) or layer.truncate < 1):
        raise ValueError(f"truncate must be None or a whole number >= 1, got {layer.truncate!r}. 2 is usual.")
    for name, known in (("reset", RESETS), ("read_out", READ_OUTS)):
        if getattr(layer, name) not in known:
            raise ValueError(
                f"{name} must be one of {', '.join(known)}, got {getattr(layer, name)!r}. Choose one of these."
            )
    for name in ("dt", "neural_step", "clip", "critical_torque"):
        if not 0 < getattr(layer, name) < np.inf:
            raise ValueError(f"{name} must be positive and finite, got {getattr(layer, name)!r}. Correct it.")
    if not 0 <= layer.reset_fraction <= 1:
        raise ValueError(
            f"reset_fraction must be in [0, 1], got {layer.reset_fraction!r}. 1 turns m all the way to rest."
        )
    if not -1 < layer.rearm <= layer.threshold < 1:
        got = f"{layer.rearm!r} and {layer.threshold!r}"
        raise ValueError(f"rearm and threshold must be -1 < rearm <= threshold < 1, got {got}. 0.35 and 0.7 are usual.")
    if abs(round(layer.neural_step / layer.dt) * layer.dt - layer.neural_step) > 1e-9 * layer.neural_step:
        got = f"{layer.neural_step:.6g} s at dt = {layer.dt:.3g} s"
        raise ValueError(f"neural_step must be a multiple of dt, got {got}. 0.5e-9 and 2e-12 are usual.")
    shapes = shno.batch_shape(shno.parameters(layer.oscillator, layer.bias))
    if shapes not in ((), (1,), (layer.n,)):
        raise ValueError(f"oscillator and bias must have one value or one for each of {layer.n} neurons, got {shapes}.")
    # At full drive the hard-axis field balances the torque: alpha M m_x = a.
    B = layer.clip * layer.critical_torque / np.min(layer.oscillator.alpha)
    turn = np.max(layer.oscillator.gamma) * B * layer.dt
    if turn > LARGEST_TURN:
        got = f"{turn:.2g} at |B| = {B:.2g} T"
        limit = LARGEST_TURN / turn * layer.dt
        raise ValueError(f"dt must turn m by at most {LARGEST_TURN} rad a step, got {got}. Use dt <= {limit:.2g} s.")


class SHNOLayer(nn.Module):
    """Spin Hall nano-oscillators as spiking neurons: forward(x, state=None) -> (spikes, state).

    n : int                       neurons
    oscillator : shno.Oscillator  one for all, or arrays (n,) for one each; the easy-plane neuron by default
    bias : shno.Drive             rest current and field; the preset's operating point by default
    critical_torque : T           unit a_c of the input; the pinning field |B_ext| by default (its depinning torque)
    n_steps, neural_step : int, s  neural steps of a held input, and their length
    dt : s                        RK4 step
    threshold, rearm              a spike is an upward crossing of m_y = threshold, re-armed below `rearm`
    clip                          largest total drive, in a_c
    reset, reset_fraction         after a neural step with a spike: "soft" rotates m towards rest by the fraction,
                                  "hard" sets it there, "none"; 0.1 keeps the count nearly linear in x, from 0.5 on
                                  spikes lock to every other neural step
    read_out : "spike" | "count"  0/1 a neural step, or the number of crossings in it
    surrogate                     called as surrogate(m_peak - threshold, spiked)
    truncate : int | None         the gradient reaches back within blocks of so many neural steps, None: all. The phase
                                  of a turning m depends on its past with a sensitivity that grows with time and
                                  changes sign: the hybrid learns alike with 1 and 2, much more slowly from 3 on
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
        threshold=0.7,
        rearm=0.35,
        clip=16.0,
        reset="soft",
        reset_fraction=0.1,
        read_out="spike",
        surrogate=None,
        truncate=2,
    ):
        """Check the settings and find the rest state; nothing is random."""
        super().__init__()
        self.n, self.n_steps, self.dt, self.neural_step, self.truncate = n, n_steps, dt, neural_step, truncate
        self.threshold, self.rearm, self.clip, self.reset_fraction = threshold, rearm, clip, reset_fraction
        self.reset, self.read_out = reset, read_out
        self.surrogate = FastSigmoid() if surrogate is None else surrogate
        self.oscillator = shno.preset("easy-plane-neuron") if oscillator is None else oscillator
        self.bias = shno.operating_point("easy-plane-neuron") if bias is None else bias
        pinning = float(np.max(np.linalg.norm(self.bias.B_ext, axis=-1)))
        self.critical_torque = pinning if critical_torque is None else critical_torque
        check_settings(self)
        self.steps_each = round(neural_step / dt)
        self.parameters_of_device = shno.parameters(self.oscillator, self.bias)
        # Not a buffer: module.to(torch.bfloat16) must not round a unit vector.
        self.rest = torch.as_tensor(shno.equilibrium(self.oscillator, self.bias, driven=True)).expand(n, 3).clone()

    def initial_state(self, batch, like):
        """All neurons at rest and armed: the State on the device and in the precision of `like`."""
        m = self.rest.to(like).expand(batch, self.n, 3)
        return State(m, m[..., 1] < self.threshold)

    def drive(self, x):
        """Damping-like torque for an input x in units of a_c: a_c clip(bias + x, 0, clip), T."""
        bias = torch.as_tensor(self.parameters_of_device["a_DL"], dtype=x.dtype, device=x.device) / self.critical_torque
        return self.critical_torque * (bias + x).clamp(0.0, self.clip)

    def forward(self, x, state=None):
        """Neural steps under the input x.

        x : (batch, n) held for n_steps, or (steps, batch, n); units of a_c, positive drives towards a spike
        state : State or None (rest)
        Returns : spikes (steps, batch, n), in x's dtype (float32 for half precision), and the State after the last step
        Raises : ValueError for another shape or an empty batch
        """
        if x.ndim not in (2, 3) or x.shape[-1] != self.n or x.numel() == 0 or not x.is_floating_point():
            expected = f"(batch, {self.n}) or (steps, batch, {self.n}) and not empty, floating-point"
            got = f"{tuple(x.shape)}, {x.dtype}"
            raise ValueError(f"x must be {expected}, got {got}. Neurons are the last axis, time the first.")
        if not bool(x.isfinite().all()):
            raise ValueError("x must be finite, got NaN or infinity. Look at what feeds the layer.")
        x = x.float() if x.dtype in HALF else x  # m needs at least float32
        inputs = x.unbind(0) if x.ndim == 3 else (x,) * self.n_steps
        state = self.initial_state(x.shape[-2], x) if state is None else State(state.m.to(x), state.armed.to(x.device))
        if state.m.shape != (x.shape[-2], self.n, 3):
            expected = f"(batch, n, 3) = {(x.shape[-2], self.n, 3)}"
            raise ValueError(f"state.m must be {expected}, got {tuple(state.m.shape)}. A state belongs to its batch.")
        spikes = []
        for k, each in enumerate(inputs):
            if self.truncate is not None and k and k % self.truncate == 0:
                state = state._replace(m=state.m.detach())
            spike, state = self.step(each, state)
            spikes.append(spike)
        return torch.stack(spikes), state

    def step(self, x, state):
        """One neural step: x (batch, n), State -> spikes (batch, n), State."""
        passage = shno.integrate(
            self.parameters_of_device,
            state.m,
            self.drive(x),
            dt=self.dt,
            n_steps=self.steps_each,
            component=1,
            threshold=self.threshold,
            rearm=self.rearm,
            armed=state.armed,
        )
        spiked = passage.crossings > 0
        spike = self.surrogate(
            passage.m_peak - self.threshold, passage.crossings if self.read_out == "count" else spiked
        )
        return spike, State(self._after_spike(passage.m_end, spiked), passage.armed)

    def _after_spike(self, m, spiked):
        """The reset: m (batch, n, 3) of the neurons that spiked goes towards rest, by a rotation."""
        if self.reset == "none":
            return m
        rest = self.rest.to(m).expand_as(m)[spiked]
        target = rotate_towards(m[spiked], rest, self.reset_fraction) if self.reset == "soft" else rest
        return m.index_put((spiked,), target)

    def extra_repr(self):
        """Settings that decide the layer's dynamics, for print(model)."""
        times = f"neural_step={self.neural_step:.3g}, dt={self.dt:.3g}"
        return f"{self.n}, n_steps={self.n_steps}, {times}, reset={self.reset!r}"


@torch.no_grad()
def record(layer, x, *, save_every=5):
    """The magnetisation of a layer under an input, as a shno.Trajectory: every `save_every`-th RK4 step, resets
    included.

    layer : SHNOLayer
    x : (images, n) held, or (steps, images, n)   as `forward` takes it
    Returns : Trajectory with m (steps x steps_each / save_every + 1, images, n, 3), float32; its drive is the
    Sampled torque of each neural step.
        What is saved at the end of a neural step is the state before its reset, which shows as a jump after it.
    """
    x = x.expand(layer.n_steps, *x.shape) if x.ndim == 2 else x
    a = layer.drive(x.double()).cpu().numpy()
    state, pieces = layer.initial_state(x.shape[1], x), []
    for k in range(len(x)):
        drive = shno.Drive(a_DL=a[k], B_ext=layer.bias.B_ext)
        piece = shno.simulate(
            layer.oscillator,
            drive,
            duration=layer.neural_step,
            dt=layer.dt,
            m0=state.m.cpu().numpy(),
            save_every=save_every,
            dtype="float32",
        )
        pieces.append(piece.m[1:])
        _, state = layer.step(x[k], state)
    m = np.concatenate([layer.initial_state(x.shape[1], x).m.cpu().numpy()[None], *pieces])
    t = layer.dt * save_every * np.arange(len(m))
    whole = shno.Drive(a_DL=shno.Sampled(a, layer.neural_step), B_ext=layer.bias.B_ext)
    return replace(piece, t=t, m=m, drive=whole)
