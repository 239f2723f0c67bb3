"""The spike, a step, and surrogates for its gradient: each states its formula in u = m_peak - threshold, in (-2, 2).

A surrogate is called as surrogate(u, spikes): forward the spikes that the physics found (by default u >= 0), backward
gradient(u). They are plain frozen records, so that a layer that holds one can be copied, pickled and compared.
`as_surrogate` takes a name of snnTorch's, one of these records, or a callable of another library.

Two of snnTorch's are offered as its callables only. `SSO` draws its gradient below the threshold, so that no formula
states it and a recomputation differs; in the mean it is LeakySpikeOperator(mean * variance). `heaviside` has none
there. Its `triangular` is the slope of a triangle, negative above the threshold; here it is the triangle.
"""

import inspect
import pickle
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, fields
from difflib import get_close_matches
from math import isfinite, pi
from numbers import Real

import torch

LARGEST = 1e6  # of a setting: beyond, float32 knows no difference from a step


class _Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx, u, spikes, gradient):
        ctx.save_for_backward(u)
        ctx.gradient = gradient
        return spikes.to(u.dtype)

    @staticmethod
    def backward(ctx, spikes_bar):
        (u,) = ctx.saved_tensors
        return spikes_bar * ctx.gradient(u), None, None


class Surrogate:
    """What the surrogates share: the step forward, gradient(u) backward; settings are numbers, all but B positive."""

    def __post_init__(self):
        """TypeError or ValueError for a setting that no gradient can be made with."""
        for name in (field.name for field in fields(self)):
            value, low = getattr(self, name), -LARGEST if name == "B" else 0
            rule = f"a number in {'[' if low else '('}{low:g}, {LARGEST:g}]"
            if not isinstance(value, Real) or isinstance(value, bool):
                raise TypeError(f"{name} must be {rule}, got {value!r}. 1 to 25 is usual.")
            if not isfinite(value) or not low <= value <= LARGEST or (name != "B" and value == 0):
                raise ValueError(f"{name} must be {rule}, got {value!r}. 1 to 25 is usual.")
            object.__setattr__(self, name, float(value))

    def __call__(self, u, spikes=None):
        """0/1 spikes in the dtype of u, with this gradient; u (...), spikes (...) bool or count or None for u >= 0."""
        if not isinstance(u, torch.Tensor) or not u.is_floating_point():
            raise TypeError(f"u must be a floating-point tensor, got a {type(u).__name__}. It is m_peak - threshold.")
        if spikes is not None and getattr(spikes, "shape", None) != u.shape:
            raise ValueError(
                f"spikes must be a tensor of the shape of u, got a {type(spikes).__name__}. One for each u."
            )
        return _Step.apply(u, u >= 0 if spikes is None else spikes, self.gradient)


@dataclass(frozen=True)
class FastSigmoid(Surrogate):
    """Gradient 1 / (1 + slope |u|)^2. Source: Zenke and Ganguli, Neural Comput. 30, 1514 (2018).

    slope : 1   the larger, the narrower the surrogate
    """

    slope: float = 5.0

    def gradient(self, u):
        """1 / (1 + slope |u|)^2."""
        return (1 + self.slope * u.abs()) ** -2


@dataclass(frozen=True)
class SparseFastSigmoid(Surrogate):
    """Gradient 1 / (1 + slope |u|)^2 where u > B, else 0. Source: Perez-Nieves and Goodman, NeurIPS (2021).

    slope : 1   the larger, the narrower the surrogate
    B : 1       below the threshold by more than -B a neuron takes no part in the backward pass. snnTorch's default of
                1 would leave no gradient at all here, for u <= 1 - threshold
    """

    slope: float = 25.0
    B: float = -0.5

    def gradient(self, u):
        """1 / (1 + slope |u|)^2 where u > B, else 0."""
        return (1 + self.slope * u.abs()) ** -2 * (u > self.B)


@dataclass(frozen=True)
class Arctan(Surrogate):
    """Gradient (slope / 2) / (1 + (pi slope u / 2)^2), the derivative of arctan(pi slope u / 2) / pi.

    slope : 1   the larger, the narrower; snnTorch's alpha. Source: Fang et al., ICCV (2021).
    """

    slope: float = 2.0

    def gradient(self, u):
        """(slope / 2) / (1 + (pi slope u / 2)^2)."""
        return self.slope / 2 / (1 + (pi / 2 * self.slope * u) ** 2)


@dataclass(frozen=True)
class Sigmoid(Surrogate):
    """Gradient slope s (1 - s), s = 1 / (1 + exp(-slope u)). Source: Zenke and Ganguli, Neural Comput. 30, 1514 (2018).

    slope : 1   the larger, the narrower the surrogate
    """

    slope: float = 25.0

    def gradient(self, u):
        """slope s (1 - s), s = 1 / (1 + exp(-slope u))."""
        return self.slope * torch.sigmoid(self.slope * u) * torch.sigmoid(-self.slope * u)


@dataclass(frozen=True)
class Smooth(Sigmoid):
    """The sigmoid itself, forward as well: 1 / (1 + exp(-slope u)), whatever the physics found.

    With it a layer's output is a smooth function of its input, to check the whole chain of gradients by finite
    differences (torch.autograd.gradcheck); it is no spike, and not for training.
    slope : 1   the larger, the narrower the surrogate
    """

    slope: float = 5.0

    def __call__(self, u, spikes=None):
        """1 / (1 + exp(-slope u)); u (...), spikes ignored."""
        return torch.sigmoid(self.slope * u)


@dataclass(frozen=True)
class Triangular(Surrogate):
    """Gradient max(0, 1 - |u| / width) / width. Source: Esser et al., PNAS 113, 11441 (2016); Bellec et al., NeurIPS
    (2018).

    width : 1   beyond it there is no gradient
    """

    width: float = 1.0

    def gradient(self, u):
        """max(0, 1 - |u| / width) / width."""
        return (1 - u.abs() / self.width).clamp(min=0) / self.width


@dataclass(frozen=True)
class StraightThrough(Surrogate):
    """Gradient 1. Source: Bengio, Leonard and Courville, arXiv 1308.3432 (2013)."""

    def gradient(self, u):
        """1."""
        return torch.ones_like(u)


@dataclass(frozen=True)
class SpikeRateEscape(Surrogate):
    """Gradient slope exp(-beta |u - 1|). Source: Gerstner and Kistler, Spiking Neuron Models (2002), escape noise.

    beta : 1    inverse width
    slope : 1   height, at u = 1; m_y <= 1 stays below: the gradient of a layer rises up to its strongest spike
    """

    beta: float = 1.0
    slope: float = 25.0

    def gradient(self, u):
        """slope exp(-beta |u - 1|)."""
        return self.slope * torch.exp(-self.beta * (u - 1).abs())


@dataclass(frozen=True)
class LeakySpikeOperator(Surrogate):
    """Gradient 1 where u >= 0, slope below. Source: Eshraghian et al., Proc. IEEE 111, 1016 (2023).

    slope : 1   what a silent neuron learns with
    """

    slope: float = 0.1

    def gradient(self, u):
        """1 where u >= 0, slope below."""
        return torch.where(u >= 0, torch.ones_like(u), self.slope)


@dataclass(frozen=True)
class Borrowed(Surrogate):
    """The gradient of another library's callable u -> spikes, elementwise, with our forward.

    function : callable   differentiable by torch. Pickled by its name, or, if snnTorch made it, as the function that
        did and its settings; a closure of another's making is not
    Source : the callable's own.
    """

    function: Callable

    def __post_init__(self):
        """TypeError unless torch can differentiate the function elementwise; draws no number of the caller's."""
        u = torch.tensor([[-0.6], [0.25]])
        try:
            with torch.random.fork_rng(devices=[]):
                found = self.gradient(u)
            able = found.shape == u.shape and bool(found.isfinite().all())
        except Exception as error:  # whatever a stranger's function raises
            raise TypeError(f"{self._rule()} That raised {type(error).__name__}: {error}") from error
        if not able:
            raise TypeError(f"{self._rule()} Its gradient is not finite, or of another shape.")

    def _rule(self):
        return f"surrogate must be a callable u -> spikes with a gradient for each u, got {self.function!r}."

    def gradient(self, u):
        """Its own: the derivative of function(u), in the dtype of u."""
        with torch.enable_grad():
            v = u.detach().requires_grad_()
            spikes = self.function(v)
            return torch.autograd.grad(spikes, v, torch.ones_like(v, dtype=spikes.dtype))[0]

    def __deepcopy__(self, memo):
        """A Borrowed of the copied function: a closure, which no pickle can hold, copies as itself."""
        return Borrowed(deepcopy(self.function, memo))

    def __reduce__(self):
        """How to pickle it; pickle.PicklingError where nothing says how the function was made."""
        return _recipe(self.function)


def _made(make, settings):
    return Borrowed(make(**settings))


def _recipe(function):
    """What pickle calls for a Borrowed like that of the function, and with what."""
    maker, is_inner, _ = getattr(function, "__qualname__", "").partition(".<locals>.")
    if not is_inner:
        return Borrowed, (function,)
    if function.__module__ != "snntorch.surrogate":  # to call another's maker could do anything
        remedy = "Use a surrogate by name, or a function at the top level of a module."
        raise pickle.PicklingError(f"surrogate must be known by name to be pickled, got {function!r}. {remedy}")
    make = function.__globals__[maker]
    held = [cell.cell_contents for cell in function.__closure__ or ()]
    names = function.__code__.co_freevars if len(held) > 1 else inspect.signature(make).parameters
    return _made, (make, dict(zip(names, held, strict=True)))


NAMES = {
    "fast_sigmoid": FastSigmoid,
    "SFS": SparseFastSigmoid,
    "atan": Arctan,
    "sigmoid": Sigmoid,
    "triangular": Triangular,
    "straight_through_estimator": StraightThrough,
    "spike_rate_escape": SpikeRateEscape,
    "LSO": LeakySpikeOperator,
    "smooth": Smooth,
}


def as_surrogate(which, **settings):
    """A surrogate from a name, a surrogate, or another library's callable: called as surrogate(u, spikes=None).

    which : str         a name of snnTorch's (the keys of NAMES); its settings default to those of the record here
            Surrogate   itself
            callable    u -> spikes, such as snntorch.surrogate.atan(alpha=2.0): its gradient, our forward
    settings            of a name only, as slope=10.0
    Returns : Surrogate, picklable where Borrowed says so
    Raises : TypeError, ValueError
    """
    if isinstance(which, str):
        return _named(which, settings)
    if settings:
        raise TypeError(f"settings must go with a name, got {', '.join(settings)}. Give them to the surrogate itself.")
    if isinstance(which, Surrogate):
        return which
    if not callable(which) or isinstance(which, type):
        raise TypeError(f"surrogate must be a name, a surrogate or a callable, got {which!r}. 'atan' is one.")
    return Borrowed(which)


def _named(name, settings):
    """The record of that name with its settings."""
    if name not in NAMES:
        lower = {each.lower(): each for each in NAMES}
        near = [lower[each] for each in get_close_matches(name.lower(), lower, n=1, cutoff=0.5)]
        remedy = f"Did you mean {near[0]!r}?" if near else "Choose one of these."
        raise ValueError(f"surrogate must be one of {', '.join(NAMES)}, got {name!r}. {remedy}")
    known = [field.name for field in fields(NAMES[name])]
    for each in settings:
        if each not in known:
            listed = ", ".join(known) or "none"
            raise TypeError(f"settings of {name!r} must be {listed}, got {each!r}. Rename or drop it.")
    return NAMES[name](**settings)
