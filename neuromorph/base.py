"""What every model shares: its name, its encoding, and the shape of what it says."""

from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import nn

from neuromorph.encoding import ENCODINGS, encode
from neuromorph.names import check_name


class Prediction(NamedTuple):
    """What a model says of a batch.

    logits : (batch, classes)              of a hybrid: of the main head, which sees spikes only
    auxiliary : (batch, classes) | None    of a hybrid's auxiliary head, which sees the final m_y; kept apart
    spikes : dict                          {layer: (steps, batch, *shape)}, in order of depth; {} for ann and ReLU
    membranes : dict                       likewise, filled where `record=True` was asked; m_y of an SHNO layer at the
                                           end of each neural step
    """

    logits: torch.Tensor
    auxiliary: torch.Tensor | None
    spikes: dict
    membranes: dict


class Model(nn.Module):
    """A classifier of images (batch, 28, 28) in [0, 1], or of films (batch, steps, 28, 28) that need no encoding.

    name, recipe : str         set by `models.build`
    precision : str            of products of matrices, likewise: "float32", or "bfloat16", by torch.autocast
    classes, steps : int       steps of time
    encoding : str             of images, one of `encoding.ENCODINGS`
    seed : int                 of random encodings
    loss : str                 "cross-entropy" of the logits, or "rate" of the last layer's spikes
    Raises : ValueError
    """

    name, recipe, precision = "", "", "float32"

    def __init__(self, *, classes, steps, encoding, seed=0, loss="cross-entropy"):
        """Check; nothing is random."""
        super().__init__()
        check_name("encoding", encoding, ENCODINGS)
        for name, value, least in (("classes", classes, 2), ("steps", steps, 1)):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"{name} must be a whole number >= {least}, got {value!r:.60}. 10 is usual.")
        self.classes, self.steps, self.encoding, self.seed, self.loss = classes, steps, encoding, seed, loss

    def forward(self, images, numbers=None, record=False):
        """Images (batch, 28, 28) in [0, 1] -> Prediction; numbers as of `encoded`; membranes if it is to record."""
        with self.products(images):
            found = self.said(images, numbers, record)
        auxiliary = None if found.auxiliary is None else widened(found.auxiliary)
        return found._replace(logits=widened(found.logits), auxiliary=auxiliary)

    def products(self, images):
        """A context in which products are taken in the model's precision."""
        half = self.precision == "bfloat16"
        return torch.autocast(images.device.type, torch.bfloat16) if half else nullcontext()

    def said(self, images, numbers, record):
        """The Prediction, in whatever precision products have here."""
        raise NotImplementedError

    def encoded(self, images, numbers=None):
        """Images (batch, 28, 28) as the network sees them in time, (steps, batch, 28, 28); films, time first.

        numbers : (batch,) int64 or None    which presentation of which image; None: 0 ... batch - 1
        """
        if images.ndim == 4:
            return images.transpose(0, 1)
        if self.encoding == "direct":
            return images.expand(self.steps, *images.shape)
        return encode(images, encoding=self.encoding, steps=self.steps, seed=self.seed, numbers=numbers)


def widened(x):
    """x in float32 where it is in bfloat16, as products are that are taken so."""
    return x.float() if x.dtype == torch.bfloat16 else x


def over_time(layer, x):
    """A layer on every step of x (steps, batch, *shape), in one call; once where all steps are one and the same."""
    if x.stride(0) == 0 or len(x) == 1:
        y = layer(x[0])
        return y.expand(len(x), *y.shape)
    return layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])
