"""Noisy layers, and what their noise adds, for the tests of the noise of a layer."""

import torch

from neuromorph import Noise, SHNOLayer

SHORT = {"n_steps": 3, "neural_step": 0.1e-9}
ALL = {"temperature": 300.0, "offset": 0.3, "common": 0.4, "correlated": 0.5, "length": 2.0, "seed": 7}


def added(noise, inferences, steps, n, *, done=0, training=True):
    """What the noise adds to the input of inferences 0 ... - 1, as numpy."""
    return noise.added(torch.arange(inferences), torch.full((inferences,), done), steps, n, training).numpy()


def layer_of(n=4, **settings):
    return SHNOLayer(n, **SHORT, noise=Noise(**{**ALL, **settings}))


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
