"""What every analysis shares: checks at the door, the analysed part of a run, smooth weights, batches in slices.

The weights are a Hann window squared, w(x) = sin^4(pi x) for x in (0, 1): their side lobes fall as 1/f^5, so that a
mean over a time that holds no whole number of periods is still that of the orbit.
Source : Harris, Proc. IEEE 66, 51 (1978), the cosine-power family.
"""

import numpy as np

from shno.checks import as_array, as_number, check_choice, check_values, complaint, shown
from shno.trajectory import Trajectory

COMPONENTS = {"x": [0], "y": [1], "z": [2], "all": [0, 1, 2]}
FLOOR = 1e-6  # rms of m; ten times what rounding to float32 leaves on a magnetisation at rest
PERIODS = 8  # fewer in the analysed time, and the window's main lobe (3/T to each side) fills the band of a line
CHUNK = 2**18  # numbers of a component analysed at a time: 2 MB
HUGE = 1e100  # squares and their sums stay finite below


def check_run(run):
    """TypeError or ValueError unless `run` is a Trajectory of m (n_saved, *batch, 3) in equal steps of time."""
    if not isinstance(run, Trajectory):
        raise TypeError(complaint("run", "a Trajectory", type(run).__name__, "shno.simulate and shno.load give one."))
    m, t = run.m, run.t
    if m.dtype.kind != "f" or m.ndim < 2 or m.shape[-1] != 3 or m.size == 0 or t.shape != m.shape[:1]:
        shapes = f"shapes {m.shape} of {m.dtype} and {t.shape}"
        raise ValueError(
            complaint("run", "m (n_saved, *batch, 3) and t (n_saved,)", shapes, "m is an array of floats.")
        )
    if not (-HUGE < float(m.min()) and float(m.max()) < HUGE):
        raise ValueError(complaint("run.m", "finite", "NaN, infinity or worse", "It is a unit vector."))
    rule, remedy = "positive and finite, in [1e-30, 1e30] s", "It is the time between saved states."
    check_values("run.dt * run.save_every", interval(run), rule, lambda x: (x >= 1e-30) & (x <= 1e30), remedy)
    if t.dtype.kind != "f" or not np.all(np.diff(t) > 0) or not (abs(t[0]) < HUGE and abs(t[-1]) < HUGE):
        raise ValueError(complaint("run.t", "increasing and finite, s", f"{t.dtype} from {t[0]} to {t[-1]}", "Times."))
    if np.abs(np.diff(t) - interval(run)).max(initial=0.0) > 1e-3 * interval(run):
        rule, got = (
            "in steps of run.dt * run.save_every",
            f"steps of {np.diff(t).min():.6g} to {np.diff(t).max():.6g} s",
        )
        raise ValueError(complaint("run.t", rule, got, f"These are {interval(run):.6g} s."))


def interval(run):
    """Time between saved states, s."""
    return run.dt * run.save_every


def number(name, value, rule, allowed, remedy="It is one number."):
    """`value` as a float; TypeError for any other kind, ValueError unless allowed(value)."""
    return as_number(name, value, rule, allowed, remedy)


def positive(name, value, remedy="It is a time in seconds."):
    """`value` as a positive, finite float."""
    return number(name, value, "positive and finite", lambda x: (x > 0) & (x < HUGE), remedy)


def choice(name, value, allowed, remedy):
    """`value`, one of the strings `allowed`."""
    return check_choice(name, value, allowed, remedy)


def part(run, component, discard, least=1):
    """m of the run without its first `discard` seconds, (n, *batch, 3), after checking all three.

    discard : s         None is half of the run's time
    least : states that must be left
    """
    check_run(run)
    choice("component", component, COMPONENTS, '"all" is the sum of the three.')
    duration = run.t[-1] - run.t[0]
    discard = duration / 2 if discard is None else discard
    remedy = "It is the time in seconds that is left out at the start."
    discard = number("discard", discard, f"in [0, {duration:.6g}] s", lambda x: (0 <= x) & (x <= duration), remedy)
    m = run.m[np.searchsorted(run.t, run.t[0] + discard) :]
    if len(m) < least:
        remedy = f"Of {len(run.t)} saved states {len(m)} are left after discard: save more often or discard less."
        raise ValueError(complaint("run.m", f"at least {least} states long", len(m), remedy))
    return m


def samples(name, values, least):
    """`values` as an array (n, ...) of finite numbers with n >= least and no axis empty."""
    values = np.asarray(as_array(name, values))
    if values.ndim == 0 or len(values) < least or values.size == 0:
        rule = f"an array (n, ...) with n >= {least}"
        raise ValueError(complaint(name, rule, f"shape {values.shape}", "Time or frequency is the first axis."))
    check_values(name, values, "finite", lambda x: np.abs(x) < HUGE, "Leave out what is not.")
    return values


def times(t, name, values, least):
    """Step between the equally spaced times t (n,), s, and the values (n, ...) that belong to them, both checked."""
    t, values = samples("t", t, least), samples(name, values, least)
    if t.shape != values.shape[:1]:
        shapes = f"shapes {t.shape} and {values.shape}"
        raise ValueError(complaint("t", f"(n,) where {name} is (n, ...)", shapes, "Time is the first axis."))
    step = (t[-1] - t[0]) / (len(t) - 1)
    rule, off = "increasing in equal steps", np.abs(np.diff(t, prepend=t[0] - step) - step)
    check_values("t", t, rule, lambda x: (step > 0) & (off <= 1e-3 * step), "Resample first.")
    return step, values


def ensemble_axis(axis, batch):
    """An axis of the batch with two members or more, counted from its front."""
    if not isinstance(axis, int | np.integer) or isinstance(axis, bool):
        raise TypeError(complaint("realisations", "an axis of the batch", shown(axis), "It is an integer or None."))
    if not -len(batch) <= axis < len(batch) or batch[axis] < 2:
        rule = f"an axis of the batch {tuple(batch)} with 2 members or more"
        raise ValueError(complaint("realisations", rule, shown(axis), "It counts the realisations of one oscillator."))
    return int(axis % len(batch))


def weights(n):
    """Hann window squared over n samples, sum 1: (n,)."""
    w = np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 4
    return w / w.sum()


def by_lanes(function, m, *others):
    """function(m (n, k, 3) in float64, *others (k, ...)) over slices of the batch; last axis of its values the batch.

    m : (n, *batch, 3)
    others : (oscillators, ...)     cut along with the oscillators
    Returns : (..., *batch) for values (..., k)
    """
    n, *batch, _ = m.shape
    m = m.reshape(n, -1, 3)  # (n, oscillators, 3)
    width = max(1, CHUNK // n)
    lanes = [slice(start, start + width) for start in range(0, m.shape[1], width)]
    values = [function(_by_components(m[:, each]), *(other[each] for other in others)) for each in lanes]
    values = np.concatenate(values, axis=-1)
    return values.reshape((*values.shape[:-1], *batch))


def _by_components(m):
    """m (n, k, 3) in float64, in memory one component after the other: sums over the last axis are fast."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(m, -1, 0), np.float64), 0, -1)


def plain(values):
    """Values of shape (*batch,), a float or a bool for a single oscillator."""
    return values if np.ndim(values) else np.asarray(values).item()
