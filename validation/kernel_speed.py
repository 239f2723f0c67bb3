"""The compiled kernel advances 10,000 oscillators at least 40 times faster per step than eager torch."""

from statistics import median
from time import perf_counter

import numpy as np
import torch

import shno
from shno.llgs import right_hand_side
from shno.parameters import arguments, parameters, reduced_step
from shno.solvers import rk4
from shno.vector import normalise
from validation.claim import Claim

ROWS = ()
N, ROUNDS, DT = 10_000, 7, 1e-12
STEPS, COMPILED_STEPS = 100, 4000  # of each side a round: about 0.1 s


def neurons():
    """Easy-plane neurons (field, easy plane, damping-like torque), each under its own torque, and m0 (N, 3)."""
    a_DL = np.linspace(0.0, 40e-3, N)
    phi = np.linspace(0.0, 2 * np.pi, N)
    m0 = np.stack([0.1 + 0 * phi, np.sqrt(0.99) * np.cos(phi), np.sqrt(0.99) * np.sin(phi)], axis=-1)
    return shno.preset("easy-plane-neuron"), shno.Drive(a_DL=a_DL, B_ext=(0, 0, 2.5e-3)), m0


def by_kernel(oscillator, drive, m0, dtype, steps):
    """The state (N, 3) after so many steps, through the front door."""
    settings = {"duration": steps * DT, "dt": DT, "save_every": steps, "executor": "compiled"}
    return shno.simulate(oscillator, drive, m0=m0, dtype=dtype, **settings).m[-1]


def by_torch(oscillator, drive, m0, dtype, steps):
    """The same by eager torch at its best: no autograd, no checks, what all oscillators share kept as plain numbers."""
    kind = getattr(torch, dtype)

    def prepared(leaf):
        if isinstance(leaf, tuple):
            return tuple(prepared(part) for part in leaf)
        return None if leaf is None else float(leaf) if np.ndim(leaf) == 0 else torch.as_tensor(leaf.copy(), dtype=kind)

    values = parameters(oscillator, drive)
    h, tree = float(reduced_step(values, DT)), prepared(arguments(values))
    state = tuple(torch.as_tensor(m0[:, k].copy(), dtype=kind) for k in range(3))
    with torch.inference_mode():
        for _ in range(steps):
            state = normalise(rk4(right_hand_side, state, h, tree, tree, tree))
    return torch.stack(state, dim=-1).numpy()


def seconds_a_step(advance, steps, setting):
    """Wall time of one step of all oscillators."""
    start = perf_counter()
    advance(*setting, steps)
    return (perf_counter() - start) / steps


def timings(setting):
    """(torch, kernel) seconds a step, once a round: in turns; torch's is the better of one thread and all."""
    rounds, threads = [], torch.get_num_threads()
    for _ in range(ROUNDS):
        eager = []
        for count in (1, threads):
            torch.set_num_threads(count)
            eager.append(seconds_a_step(by_torch, STEPS, setting))
        rounds.append((min(eager), seconds_a_step(by_kernel, COMPILED_STEPS, setting)))
    return rounds


def claims(figures):
    """For each precision: the median ratio of interleaved timings, and the difference of the two results."""
    rows = []
    for k, dtype in enumerate(("float32", "float64"), start=1):
        setting = (*neurons(), dtype)
        difference = np.abs(by_kernel(*setting, STEPS).astype(float) - by_torch(*setting, STEPS)).max()  # compiles, too
        measured = timings(setting)
        ratio = median(eager / compiled for eager, compiled in measured)
        rate = N / median(compiled for _, compiled in measured)
        setup = f"{N} neurons, {dtype}, {torch.get_num_threads()} threads"
        rounding = STEPS * float(np.finfo(dtype).eps)
        speed = f"speed of the kernel over eager torch, {setup} ({rate:.2g} steps/s)"
        error = f"m: kernel - eager torch, {STEPS} steps, {dtype}; tolerance: the rounding unit a step"
        rows += [
            Claim(f"S{k}a", speed, "target", 40.0, ratio, how="at least"),
            Claim(f"S{k}b", error, "the same arithmetic", 0.0, difference, rounding, "absolute"),
        ]
    return rows
