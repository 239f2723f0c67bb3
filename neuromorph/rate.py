"""The mean of a layer's output over time, so that a layer stands in an nn.Sequential."""

from torch import nn


class Rate(nn.Module):
    """Spikes a neural step: the mean over time of what a spiking layer returns.

    forward((output (steps, batch, n), state)) -> (batch, n); the state is left
    """

    def forward(self, made):
        """The pair (output, state) that `SHNOLayer` returns -> (batch, n)."""
        output, _ = made
        return output.mean(dim=0)
