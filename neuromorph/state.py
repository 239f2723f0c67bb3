"""The state of a spiking layer, which the caller carries."""

from typing import NamedTuple

import torch


class State(NamedTuple):
    """The whole state of the layer.

    m : (batch, n, 3)              unit magnetisation
    armed : (batch, n), bool       whether the next upward crossing counts: m_y was below `rearm` since the last one
    remaining : (batch, n), int    neural steps of the refractory drive that are left
    inference : (batch,), int      number of the inference, which tells its noise from another's
    done : (batch,), int           neural steps since its beginning
    """

    m: torch.Tensor
    armed: torch.Tensor
    remaining: torch.Tensor
    inference: torch.Tensor
    done: torch.Tensor

    def detach(self):
        """The same state, cut from its history of gradients."""
        return State(*(each.detach() for each in self))
