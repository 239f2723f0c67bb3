"""Training iterations of the spiking classifiers with products in bfloat16 on both sides, and the accuracy they cost.

Under torch.autocast. Ours multiplies as torch does then (sums over spikes are float32's), and its membranes stay in
float32; the plain loop keeps those of `snn.Leaky` in bfloat16, as they come out of autocast.
"""

import tempfile
from functools import partial
from statistics import median

import torch

from neuromorph import runs
from validation.speed_classifiers import BATCH, STEPS, Training, timed
from validation.speed_system import Row, ratio


class Bfloat16(Training):
    """Training iterations whose products are in bfloat16."""

    def __call__(self):
        """An iteration, but for the optimiser all of it under autocast."""
        with torch.autocast("cpu", torch.bfloat16):
            return super().__call__()


def accuracy(name, precision):
    """Of the test digits, after an epoch of the default recipe."""
    with tempfile.TemporaryDirectory() as folder:
        config = {"model": name, "epochs": 1, "precision": precision, "device": "cpu"}
        return runs.run(config, folder)["test_accuracy"]


def against(name):
    """Time of the plain iteration over ours, both in bfloat16."""
    sides = {"plain": Bfloat16(name, False), "ours": Bfloat16(name, True), "float32": Training(name, True)}
    times = timed(sides)
    spent = ", ".join(f"{side} {median(each):.3g} s" for side, each in times.items())
    single, half = (accuracy(name, precision) for precision in ("float32", "bfloat16"))
    return ratio(times, "plain", "ours"), f"{spent}; after an epoch of the digits {half:.2%}, in float32 {single:.2%}"


def rows():
    """The three classifiers."""
    what = f"training iteration, batch {BATCH}, {STEPS} steps, bfloat16 products on both sides, against the plain loop"
    names = zip("fgh", ("temporal-snn", "poisson-snn", "csnn"), strict=True)
    return tuple(Row(f"S12{k}", f"{name} {what}", 1.0, partial(against, name)) for k, name in names)
