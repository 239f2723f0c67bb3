"""Spike times: when a component of m crosses a threshold."""

import numpy as np

from shno.analysis.door import COMPONENTS, check_run, choice, number


def spike_times(run, *, threshold, rearm, component="y"):
    """Times at which a component of m crosses a threshold upwards, interpolated linearly between saved states.

    After a spike, and after a start at or above `threshold`, a value below `rearm` must come before the next spike.

    run : Trajectory
    threshold, rearm : 1    rearm <= threshold; the default neuron has 0.7 and 0.35 of m_y
    component : "x" | "y" | "z"
    Returns : (spikes,), s, for a single oscillator; for a batch their list, oscillators in C order
    Raises : ValueError for an unknown component or rearm > threshold
    """
    check_run(run)
    choice("component", component, ("x", "y", "z"), "Spikes come from one component.")
    threshold = number("threshold", threshold, "a number", lambda x: x == x)
    rule = f"<= threshold = {threshold:.6g}"
    rearm = number("rearm", rearm, rule, lambda x: x <= threshold, "m re-arms below the level that it crosses.")
    m = run.m[..., COMPONENTS[component][0]].reshape(len(run.t), -1)  # (n, oscillators)
    times = [_upward_crossings(run.t, values, threshold, rearm) for values in m.T]
    return times if run.m.ndim > 2 else times[0]


def _upward_crossings(t, values, threshold, rearm):
    """Interpolated times of the armed upward crossings of one oscillator's values (n,)."""
    state = np.where(values >= threshold, 1, np.where(values < rearm, -1, 0))
    state[0] = 1 if values[0] >= threshold else -1
    last = np.maximum.accumulate(np.where(state != 0, np.arange(len(state)), 0))
    held = state[last]  # the state of a Schmitt trigger: 1 fired, -1 armed
    after = 1 + np.flatnonzero((held[1:] == 1) & (held[:-1] == -1))
    before = after - 1
    rise = (threshold - values[before]) / (values[after] - values[before])
    return t[before] + rise * (t[after] - t[before])
