"""The noise of a spiking layer: Brown's field, an offset of each inference, and what neurons have in common.

Numbers without state: each is a function of (seed, number of the inference, neuron, neural step), of nothing else, by
`shno.philox`. So the same inputs in the same order meet the same noise whatever the batch size, the number of neurons
(but for rounding of the correlated part) or the division of the neural steps into calls. The layer counts its
inferences: those of training from 0 on, kept in its state_dict, those of evaluation from 2^39 on, anew at each
`eval()`, so that two evaluations of the same images give the same answer.

1/f noise below about 1 MHz does not move within an inference of some 10 ns: to it, it is a frozen offset. A feedback,
such as tanh of the last output, is no noise.
"""

from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral, Real

import numpy as np
import torch

import shno
from shno import philox

PARTS = ("temperature", "offset", "common", "correlated")
OFFSET, COMMON, CORRELATED = 32, 33, 34  # purposes of philox, beside those of shno
EVALUATION = 1 << 39  # number of the first inference in evaluation
SMALLEST_LENGTH = 1e-6
INFERENCES, NEURONS = 16, 16  # bits of a realisation of Brown's field: the low ones of the inference, the neuron
STEPS = 1 << 36  # RK4 steps of Brown's field an inference may have; its high bits go above them
MOST_CORRELATED = 4096  # neurons: the factor of their covariance is a matrix
OWN = 1e-8  # share of each neuron's own in the variance of the correlated part: a covariance that can be factored


@dataclass(frozen=True, kw_only=True)
class Noise:
    """What disturbs the neurons: input x + offset + common + correlated, and Brown's field on m. Off by default.

    temperature : K         Brown's field b, <b_i(t) b_j(t')> = 2 alpha k_B T/(gamma Ms V) delta_ij delta(t - t'), each
                            neuron's own; m starts at rest and takes some 0.3 ns to the thermal state
    offset : a_c            sd of an offset of the input, each inference's and neuron's own, frozen in the inference:
                            1/f noise, whose sd in a band is `shno.noise.flicker_rms`
    common : a_c            sd of a part that all neurons share, new in each neural step of each inference: the supply
    correlated : a_c        sd of a part with the covariance exp(-d^2/(2 length^2)) at a distance d of two neurons, new
                            in each neural step of each inference; for at most 4096 neurons
    length                  its correlation length, in neurons, or in the unit of the positions
    positions : (n, k)      of the neurons; None: one after the other in a line, 1 apart
    seed : integer          in [0, 2^64); required where anything is random. Each layer wants its own, and each process
                            of a distributed training: equal seeds are equal noise
    train, evaluate         when it acts: True, False, or the names of the parts that do, such as ("offset",)
    Raises : TypeError, ValueError
    Source : Brown, Phys. Rev. 130, 1677 (1963); 1/f noise of spin-torque oscillators: Keller et al., Phys. Rev. B 82,
    054416 (2010) [K]
    """

    temperature: float = 0.0
    offset: float = 0.0
    common: float = 0.0
    correlated: float = 0.0
    length: float = 1.0
    positions: tuple | None = None
    seed: int | None = None
    train: bool | tuple = True
    evaluate: bool | tuple = True

    def __post_init__(self):
        """Check every field; positions become a tuple of tuples, so that equal noises are equal."""
        for name, low, high in (*((part, 0, 1e5) for part in PARTS), ("length", SMALLEST_LENGTH, 1e6)):
            unit = {"temperature": " K", "length": ""}.get(name, " a_c")
            object.__setattr__(self, name, _number(name, getattr(self, name), low, high, unit))
        for name in ("train", "evaluate"):
            object.__setattr__(self, name, _switch(name, getattr(self, name)))
        if self.positions is not None:
            object.__setattr__(self, "positions", _positions(self.positions))
        if self.seed is None and any(getattr(self, part) for part in PARTS):
            raise ValueError("seed must be an integer where there is noise, got None. The same seed repeats the noise.")
        if self.seed is not None:
            if isinstance(self.seed, bool) or not isinstance(self.seed, Integral):
                raise TypeError(f"seed must be an integer, got {self.seed!r:.60}. The same seed repeats the noise.")
            if not 0 <= self.seed < 1 << 64:
                raise ValueError(f"seed must be in [0, 2^64), got {self.seed:.6g}. Any such number.")
            object.__setattr__(self, "seed", int(self.seed))

    def size(self, part, training):
        """The size of a part now: 0 where it is switched off."""
        switch = self.train if training else self.evaluate
        return getattr(self, part) if switch is True or (switch and part in switch) else 0.0

    def added(self, inference, done, steps, n, training):
        """What is added to the input in so many neural steps: (1 or steps, batch, n), or None for nothing.

        inference : (batch,), int64   numbers of the inferences
        done : (batch,), int64        neural steps that each has behind it
        Returns : float64, on the CPU, so that all devices see the same numbers; a_c
        """
        inference, done = inference.cpu(), done.cpu()
        step = done + torch.arange(steps, device=done.device)[:, None]
        parts = []
        if sd := self.size("offset", training):
            parts.append(sd * self._normals(OFFSET, inference, torch.zeros_like(inference), n)[None])
        if sd := self.size("common", training):
            parts.append(sd * self._normals(COMMON, inference, step, 1).expand(steps, len(inference), n))
        if sd := self.size("correlated", training):
            white = self._normals(CORRELATED, inference, step, n)
            # Both are multiples of powers of 2, and so few bits that the products' sum is exact: the same bits in any
            # order of adding, and so in any batch.
            parts.append(sd * (torch.round(white * 2**20) / 2**20 @ _factor(n, self.length, self.positions).T))
        return sum(parts[1:], parts[0]) if parts else None

    def _normals(self, purpose, inference, step, n):
        """Standard normal numbers (*, n) of inferences and steps (*): number 4 inference + j % 4 of the stream
        (seed, realisation step, oscillator j // 4, purpose) is neuron j's.
        """
        calls = torch.arange(-(-n // 4), device=inference.device)
        counter = philox.place(inference[..., None], step[..., None], calls, purpose)
        numbers = philox.normals(philox.philox(counter, philox.split(self.seed)), torch.empty(0, dtype=torch.float64))
        return torch.stack(numbers, dim=-1).flatten(-2)[..., :n]


def added(layer, state, steps, like):
    """The noise that is added to a layer's input, a_c: (1 or steps, batch, n) as `like`, or 0 for none."""
    if layer.noise is None:
        return 0.0
    found = layer.noise.added(state.inference, state.done, steps, layer.n, layer.training)
    return 0.0 if found is None else found.to(like.dtype).to(like.device)


def brown(layer, state, steps):
    """Brown's field in so many neural steps of a layer: what `shno.integrate_sequence` is to be told of it, and the
    groups of the batch, indices, for which it holds; where there are several, each is to be asked for by itself.

    A realisation has 32 bits: the neuron's and the low ones of the inference. Its high bits are steps of their own, so
    that nothing repeats in 2^39 inferences of 2^36 RK4 steps.
    Raises : ValueError where an inference is longer
    """
    temperature = 0.0 if layer.noise is None else layer.noise.size("temperature", layer.training)
    if not temperature:
        return {}, ()
    inference, done = state.inference.cpu(), state.done.cpu()
    last = (int(done.max()) + steps) * layer.steps_each
    if last > STEPS:
        raise ValueError(f"an inference must be at most 2^36 steps of dt long with noise, got {last}. Begin another.")
    first = (inference >> INFERENCES << 36) + done * layer.steps_each
    low, device = inference & ((1 << INFERENCES) - 1), layer.oscillator
    size = (device.alpha, temperature, device.Ms, device.volume, layer.dt, device.gamma)
    told = {
        "deviation": shno.theory.thermal_field(*size),
        "seed": layer.noise.seed,
        "realisation": (low << NEURONS)[:, None] + torch.arange(layer.n, device=low.device),
        "first_step": int(first[0]),
    }
    return told, [(first == each).nonzero()[:, 0].to(state.m.device) for each in first.unique()]


def begun(layer, batch):
    """Numbers of the inferences (batch,) that begin now; a noisy layer counts them."""
    first, place = 0, 0 if layer.training else 1
    if layer.noise is not None:
        before, whole = layer.shared(batch)
        done = int(layer.inferences[place])
        if done + whole > EVALUATION:
            raise ValueError(f"inferences must be at most 2^39, got {done + whole}. Take another seed.")
        layer.inferences[place] += whole
        first = done + before
    return first + EVALUATION * place + torch.arange(batch, device="cpu")


def check_noise(layer):
    """TypeError, ValueError where a layer cannot have its noise."""
    noise = layer.noise
    if noise is None:
        return
    if not isinstance(noise, Noise):
        raise TypeError(f"noise must be a neuromorph.Noise or None, got {type(noise).__name__}. None: without.")
    if noise.temperature and layer.oscillator.volume is None:
        raise ValueError("volume must be given where there is a temperature, got None. Set it in the Oscillator.")
    for part, most in (("temperature", 1 << NEURONS), ("correlated", MOST_CORRELATED)):
        if getattr(noise, part) and layer.n > most:
            raise ValueError(f"n must be at most {most} with noise of {part}, got {layer.n}. Take several layers.")
    if noise.positions is not None and len(noise.positions) != layer.n:
        raise ValueError(f"positions must be one for each of {layer.n} neurons, got {len(noise.positions)}. Or None.")


def joined(pieces, order):
    """Pieces of a batch (shno.Sequence, State) as one, its items in the order asked for."""
    passages, states = zip(*pieces, strict=True)
    passage = (torch.cat(parts, dim=1)[:, order] for parts in zip(*passages, strict=True))
    state = (torch.cat(parts)[order] for parts in zip(*states, strict=True))
    return type(passages[0])(*passage), type(states[0])(*state)


@lru_cache(maxsize=16)
def _factor(n, length, positions):
    """The triangular factor (n, n) of the covariance exp(-d^2/(2 length^2)), in multiples of 2^-22."""
    places = np.arange(n, dtype=float)[:, None] if positions is None else np.array(positions)
    square = sum((x[:, None] - x) ** 2 for x in (places / length).T)
    covariance = (1 - OWN) * np.exp(-square / 2) + OWN * np.eye(n)
    return torch.as_tensor(np.round(np.linalg.cholesky(covariance) * 2**22) / 2**22)


def _number(name, value, low, high, unit):
    """A number in [low, high] as a float; TypeError, ValueError."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r:.60}. 0 switches it off.")
    if not low <= value <= high:
        raise ValueError(f"{name} must be in [{low:g}, {high:g}]{unit}, got {value:.6g}. Correct it.")
    return float(value)


def _switch(name, value):
    """True, False, or a tuple of names of parts; TypeError, ValueError."""
    if isinstance(value, bool):
        return value
    if not isinstance(value, tuple | list):
        raise TypeError(f"{name} must be True, False or names of parts, got {value!r:.60}. ('offset',) is one.")
    for part in value:
        if part not in PARTS:
            raise ValueError(f"{name} must be of {', '.join(PARTS)}, got {part!r:.60}. Choose of these.")
    return tuple(value)


def _positions(value):
    """Positions (n, k) as a tuple of tuples; TypeError, ValueError."""
    try:
        places = np.array(value, dtype=float)
    except (TypeError, ValueError):
        raise TypeError(f"positions must be numbers (n, k), got {type(value).__name__}. One row a neuron.") from None
    if places.ndim != 2 or 0 in places.shape:
        raise ValueError(f"positions must be of shape (n, k), got {places.shape}. One row a neuron.")
    if not (np.abs(places) <= 1e60).all():
        raise ValueError("positions must be finite and at most 1e60, got others. In the unit of the length.")
    return tuple(map(tuple, places.tolist()))
