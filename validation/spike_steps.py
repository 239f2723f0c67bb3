"""Both regimes of the spiking layer spike alike at their step and a quarter of it, on one noise path."""

import numpy as np
import torch

import shno
from validation.claim import Claim
from validation.spiking import SETTINGS, after_spike, rest, torque

ROWS = ()
INPUTS = {"phase-slip": (-1.0, 6.0), "burst": (-0.5, 1.0)}  # a_c on top of the bias, drawn anew every three steps


def claims(figures):
    """Without noise."""
    return step_claims(("P7", "B10"), 60, 0.0)


def full_claims(figures):
    """At room temperature."""
    return step_claims(("P8", "B11"), 400, 300.0)


def matched(a, b):
    """F1 of two spike trains (steps, ...) of 0 and 1, matched one to one and in order within one neural step."""
    a, b = (np.asarray(x, bool).reshape(len(x), -1).T for x in (a, b))
    pairs = 0
    for left, right in zip(a, b, strict=True):
        waiting = list(np.flatnonzero(right))
        for step in np.flatnonzero(left):
            waiting = [each for each in waiting if each >= step - 1]
            if waiting and waiting[0] <= step + 1:
                waiting.pop(0)
                pairs += 1
    return 2 * pairs / (a.sum() + b.sum())


def on_one_path(name, x, dt, temperature):
    """Spikes (steps, n) by steps of dt on the noise of steps of a quarter of the regime's."""
    s = SETTINGS[name]
    noise = {"temperature": temperature, "seed": 5, "noise_dt": s["dt"] / 4} if temperature else {}
    m, trains = rest(name).expand(x.shape[1], 3), []
    armed = (m[:, s["component"]] < s["threshold"]).numpy()
    for k, a in enumerate(torque(name, x)):
        drive = shno.Drive(a_DL=a, B_ext=s["bias"].B_ext)
        times = {"t0": k * s["neural_step"], "duration": s["neural_step"], "dt": dt}
        run = shno.simulate(s["oscillator"], drive, m0=m.numpy(), **times, **noise)
        spiked = np.zeros(x.shape[1], bool)
        for value in run.m[1:, :, s["component"]]:
            crossed = armed & (value >= s["threshold"])
            spiked |= crossed
            armed = (armed & ~crossed) | (value < s["rearm"])
        m = after_spike(name, torch.as_tensor(run.m[-1]), torch.as_tensor(spiked))
        trains.append(spiked)
    return np.array(trains)


def step_claims(ids, n, temperature):
    """Both regimes at dt and dt / 4 on one noise path, inputs drawn anew every three of 15 neural steps."""
    rows = []
    for id, (name, between) in zip(ids, INPUTS.items(), strict=True):
        x = np.repeat(np.random.default_rng(7).uniform(*between, (5, n)), 3, axis=0)
        rows += converged(id, name, x, temperature, f"{name}, {n} neurons")
    return rows


def converged(id, name, x, temperature, what):
    """F1 and count of the spikes under inputs x (steps, n) by the regime's step and a quarter of it."""
    dt = SETTINGS[name]["dt"]
    coarse, fine = (on_one_path(name, x, step, temperature) for step in (dt, dt / 4))
    what = f"{what}, {fine.sum()} spikes, {temperature:g} K, RK4 {dt * 1e12:g} ps and a quarter"
    count = abs(coarse.sum() / fine.sum() - 1)
    return [
        Claim(f"{id}a", f"F1 of spikes: {what}", "one noise path", 0.99, matched(coarse, fine), how="at least"),
        Claim(f"{id}b", "their counts, relative difference", "one noise path", 0.01, count, how="at most"),
    ]
