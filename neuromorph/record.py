"""The magnetisation inside the neural steps of a layer, as a shno.Trajectory."""

from copy import copy

import numpy as np
import torch

import shno
from neuromorph.noise import added


@torch.no_grad()
def record(layer, x, *, save_every=5):
    """The magnetisation of a layer under an input, as a shno.Trajectory: every `save_every`-th RK4 step, resets
    included.

    layer : SHNOLayer
    x : (images, n) held, or (steps, images, n)   as `forward` takes it
    save_every : integer          divides the RK4 steps of a neural step
    Returns : Trajectory with m (steps x steps_each / save_every + 1, images, n, 3), float32; its drive is the
    Sampled torque of each neural step, with what noise and refraction make of it. It is the path of the layer itself,
    bit for bit, of the inferences that begin with this call.
        What is saved at the end of a neural step is the state before its reset, which shows as a jump after it.
    Raises : ValueError
    """
    if (
        isinstance(save_every, bool)
        or not isinstance(save_every, int)
        or save_every < 1
        or layer.steps_each % save_every
    ):
        rule = f"a whole number that divides the {layer.steps_each} steps"
        raise ValueError(f"save_every must be {rule}, got {save_every!r:.60}. Use 1 to save all.")
    x = (x.expand(layer.n_steps, *x.shape) if x.ndim == 2 else x).float()
    parts = layer.steps_each // save_every
    close = copy(layer)  # a neural step of which is a part of the layer's
    close.steps_each, close.reset_mode, close.refractory = save_every, "none", 0
    state = layer.initial_state(x.shape[1], x)
    m, torques = [state.m[None]], []
    for each in x:
        torque = layer.drive(each[None], added(layer, state, 1, each))
        torque = torque * torch.where(state.remaining > 0, layer.refractory_factor, 1.0).to(torque)
        within = state._replace(remaining=torch.zeros_like(state.remaining), done=parts * state.done)
        m.append(close._integrate(torque.expand(parts, *torque.shape[1:]), within)[0].m)
        torques.append(torque)
        _, state = layer.step(each, state)
    m, torques = (torch.cat(pieces).cpu().numpy() for pieces in (m, torques))
    noise = layer.noise
    temperature = 0.0 if noise is None else noise.size("temperature", layer.training)
    return shno.Trajectory(
        layer.dt * save_every * np.arange(len(m)),
        m,
        layer.oscillator,
        shno.Drive(a_DL=shno.Sampled(torques.astype(float), layer.neural_step), B_ext=layer.bias.B_ext),
        dt=layer.dt,
        save_every=save_every,
        executor="compiled" if x.device.type == "cpu" else "torch",
        dtype="float32",
        temperature=temperature,
        seed=noise.seed if temperature else None,
        versions=f"shno {shno.__version__}, torch {torch.__version__}",
    )
