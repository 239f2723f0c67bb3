"""The transient at the start of a run, and the run without it.

The transient ends where the standard error of what remains would be smallest, as if its blocks were independent:

    d = argmin [s^2(d) + epsilon^2] / (n - d),      d <= n/2

s^2(d) is the variance of the blocks d .. n of what changes slowly: the mean and the rms of m_x, m_y and m_z over each
block. A block is 1/100 of the run, or 5 periods where those are longer. epsilon is exp(-5) of the largest distance of a
block from the mean of the last half, at least 1e-6. So a deviation that decays exponentially ends when it has fallen to
epsilon, after five time constants, or to the scatter of the blocks where that is larger.

The run does not settle where the minimum lies at n/2, or where its last tenth lies more than 1.5 standard deviations
from the mean of what remains, as in a growth that has not saturated.
Source : White, Simulation 69, 323 (1997), the marginal standard error rule; epsilon is added here, for noise-free runs.
"""

from dataclasses import fields, replace

import numpy as np

from shno.analysis.door import FLOOR, by_lanes, check_run, interval, part, plain, weights
from shno.checks import check_values

BLOCKS = 100
TURNS = 5  # of the precession in a block: the weights leave 3e-4 of it in the block's mean
FEWEST = 8  # blocks: in fewer nothing settles
SETTLED = np.exp(-5)  # of the largest distance
LAST = 1.5  # standard deviations; a growth by exp(1) to exp(40) has 1.6 to 2.7, stationary noise less


def transient(run):
    """End of the transient, the time after the start of the run from which its slow changes are as at the end.

    Only the amplitude and the mean of m are looked at, not the frequency. Pass it as `discard`, or use `steady`.

    run : Trajectory
    Returns : (*batch,), s, in [0, half of the run's time); NaN for an oscillator that does not settle by then; a float
        for a single oscillator
    Raises : TypeError, ValueError for what is no run of 8 saved states or more
    Source : see the module
    """
    m = part(run, "all", 0.0, least=8)
    ends = by_lanes(lambda lanes: np.array([_end(m) for m in lanes.swapaxes(0, 1)]), m)
    return plain(ends * interval(run))


def steady(run, *, discard=None):
    """The run without its transient: a Trajectory that starts `discard` seconds later.

    run : Trajectory
    discard : s         None takes the latest `transient` of the batch
    Returns : Trajectory, with t0 the time of its first state; it repeats no run, since its first state is not m0
    Raises : TypeError, ValueError for a discard outside the run, or a run that does not settle in its first half
    """
    check_run(run)
    if discard is None:
        ends = transient(run)
        remedy = "Its transient has no end in its first half: simulate longer or give discard."
        check_values("run", ends, "steady from its middle on", np.isfinite, remedy)
        discard = float(np.max(ends))
    kept = len(part(run, "all", discard))
    batch_in_time = run.m.shape[:-1]
    series = {
        field.name: value[-kept:]
        for field in fields(run)
        if isinstance(value := getattr(run, field.name), np.ndarray)
        and (field.name == "t" or value.shape[: len(batch_in_time)] == batch_in_time)
    }
    return replace(run, **series, t0=float(series["t"][0]))


def _end(m):
    """Saved states of m (n, 3) until its transient ends, NaN where it does not."""
    length = _block_length(m)
    y = _blocks(m, length)
    n = len(y)
    if n < FEWEST:
        return np.nan
    y = y - y[n // 2 :].mean(axis=0)
    epsilon = max(SETTLED * np.linalg.norm(y, axis=-1).max(), FLOOR)
    left = np.arange(n, 0, -1)[:, None]  # blocks from each one on
    mean, square = (x[::-1].cumsum(axis=0)[::-1] / left for x in (y, y * y))
    variance = np.maximum(square - mean**2, 0).sum(axis=-1)  # (n,)
    first = ((variance + epsilon**2) / left[:, 0])[: n // 2 + 1].argmin()
    distance = np.linalg.norm(mean[n - max(1, n // 10)] - mean[first])
    settled = first < n // 2 and distance <= LAST * np.sqrt(variance[first]) + epsilon
    return float(first * length) if settled else np.nan


def _block_length(m):
    """Saved states in a block of m (n, 3): omega^2 = <|dm/dt|^2> / <|m - <m>|^2> of the last half tells the period."""
    n, m = len(m), m[len(m) // 2 :]
    square = ((m - m.mean(axis=0)) ** 2).mean(axis=0).sum()
    turn = np.sqrt((np.diff(m, axis=0) ** 2).mean(axis=0).sum())  # omega dt times the rms
    period = 2 * np.pi * np.sqrt(square) / turn if square > FLOOR**2 else 0
    return max(1, n // BLOCKS, round(TURNS * period))


def _blocks(m, length):
    """Mean and rms of m (n, 3) over blocks of so many states, under smooth weights: (blocks, 6)."""
    m = m[: len(m) // length * length].reshape(-1, length, 3)
    w = weights(length)[:, None]
    mean = (w * m).sum(axis=1)
    rms = np.sqrt((w * (m - mean[:, None]) ** 2).sum(axis=1))
    return np.concatenate([mean, rms], axis=-1)
