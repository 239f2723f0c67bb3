"""One training iteration of the hybrid, batch 128 through 15 x 250 RK4 steps of 60 oscillators, takes under 0.3 s."""

from itertools import pairwise
from statistics import median
from time import perf_counter

import torch
from torch.nn.functional import cross_entropy

from neuromorph import models
from validation.claim import Claim

ROWS = ()
BATCH, CLASSES, ROUNDS, WARM_UP = 128, 4, 7, 2


def iteration(model, optimiser, images, labels):
    """Seconds of (forward with loss, backward, optimiser's step)."""
    marks = [perf_counter()]
    prediction = model(images)
    loss = cross_entropy(prediction.logits, labels) + 0.4 * cross_entropy(prediction.auxiliary, labels)
    marks.append(perf_counter())
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    marks.append(perf_counter())
    optimiser.step()
    marks.append(perf_counter())
    return [b - a for a, b in pairwise(marks)]


def claims(figures):
    """Median over iterations on random images; what the pixels show does not change the work."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = models.build("hybrid", classes=CLASSES).train()
        images, labels = torch.rand(BATCH, 28, 28), torch.randint(CLASSES, (BATCH,))
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
        times = [iteration(model, optimiser, images, labels) for _ in range(WARM_UP + ROUNDS)][WARM_UP:]
    ratio = median(backward / forward for forward, backward, _ in times)
    setup = f"batch {BATCH}, {torch.get_num_threads()} threads (backward / forward {ratio:.2g})"
    statement, measured = f"training iteration of the hybrid, {setup}", median(map(sum, times))
    return [Claim("S3", statement, "target", 0.3, measured, how="at most", unit="s")]
