"""Learnable numbers that stay within bounds."""

from math import inf, isfinite

import torch
from torch import nn


class Bounded(nn.Module):
    """Learnable numbers within bounds, low + (high - low) / (1 + exp(-raw)): `raw` is the parameter.

    Weight decay pulls them to the middle of the bounds.

    value : number or array     at the start, between the bounds, not on them
    low, high : numbers
    name                        for the error
    Raises : ValueError
    """

    def __init__(self, value, low, high, name="value"):
        """raw for this value."""
        super().__init__()
        self.low, self.high = low, high
        value = torch.as_tensor(value, dtype=torch.float64)
        if not bool(((value > low) & (value < high)).all()):
            got = f"[{low:.6g}, {high:.6g}] around {float(value.min()):.6g} to {float(value.max()):.6g}"
            raise ValueError(f"bounds of {name} must be on both sides of its value now, got {got}. Widen them.")
        self.raw = nn.Parameter(torch.logit((value - low) / (high - low)).to(torch.get_default_dtype()))

    def forward(self):
        """The numbers, in the precision of `raw` (float32 for half precision)."""
        raw = self.raw.float() if self.raw.dtype in (torch.float16, torch.bfloat16) else self.raw
        return (self.low + (self.high - self.low) * raw.sigmoid()).clamp(self.low, self.high)

    def extra_repr(self):
        """The bounds, for print(model)."""
        return f"{self.low:.6g}, {self.high:.6g}"


def checked_number(name, value, rule, allowed, remedy):
    """A finite number that is allowed, as a float; TypeError, ValueError."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise TypeError(f"{name} must be a number {rule}, got a {type(value).__name__}. {remedy}") from None
    if not isfinite(number) or not allowed(number):
        raise ValueError(f"{name} must be {rule}, got {number!r}. {remedy}")
    return number


def checked_bounds(name, bounds):
    """(low, high) as floats; TypeError, ValueError."""
    rule, remedy = "(low, high), finite, low < high", "Both in the unit of what they bound."
    try:
        low, high = map(float, bounds)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise TypeError(f"{name} must be {rule}, got a {type(bounds).__name__}. {remedy}") from None
    if not -inf < low < high < inf:
        raise ValueError(f"{name} must be {rule}, got ({low:g}, {high:g}). {remedy}")
    return low, high
