"""1e6 oscillators on a GPU, 1e4 RK4 steps: steps a second against the kernels on all cores of the same machine."""

from statistics import median

import numpy as np
import torch

from validation.claim import Claim
from validation.speed_system import ROUNDS, advanced, interleaved, neurons, seconds

ROWS = ()
ALONE = True
N, STEPS = 1_000_000, 10_000
KERNEL_STEPS, AGREEMENT_STEPS = 100, 100
KINDS = [
    (f"{dtype}, {how}", {"dtype": dtype} | noise)
    for dtype in ("float32", "float64")
    for how, noise in (("deterministic", {}), ("thermal", {"temperature": 300.0, "seed": 1}))
]
LEAST = 1.0  # a GPU that is no faster than the cores beside it is of no use


def claims(figures):
    """Speed and agreement for each precision, with noise and without; not run where torch finds no CUDA device."""
    reason = "" if torch.cuda.is_available() else "torch finds no CUDA device"
    system, rows = None if reason else neurons(N), []
    for k, (name, settings) in enumerate(KINDS, start=1):
        agreement = float("nan") if reason else difference(system, settings)
        rate, times = (float("nan"), "") if reason else speed(system, settings)
        device = "a GPU" if reason else torch.cuda.get_device_name()
        statement = f"RK4 on {device} over the kernels, {N:.0e} oscillators x {STEPS:.0e} steps, {name}{times}"
        rounding = AGREEMENT_STEPS * float(np.finfo(settings["dtype"]).eps)
        alike = f"m: {device} - kernel, {AGREEMENT_STEPS} steps, {name}; tolerance: the rounding unit a step"
        rows += [
            Claim(f"G{k}a", statement, "target", LEAST, rate, how="at least", not_run=reason),
            Claim(f"G{k}b", alike, "the same arithmetic", 0.0, agreement, rounding, "absolute", not_run=reason),
        ]
    return rows


def on_gpu(system, steps, settings):
    """The state (n, 3) after so many steps on the GPU; it lies on the host, so that all work is done."""
    return advanced(system, steps, executor="torch", device="cuda", **settings)


def difference(system, settings):
    """The largest difference of a component of m between GPU and kernels; compiles both."""
    kernel = advanced(system, AGREEMENT_STEPS, **settings)
    return np.abs(on_gpu(system, AGREEMENT_STEPS, settings).astype(float) - kernel).max()


def speed(system, settings):
    """The ratio of the steps a second, and both in words: the median over rounds in turns."""
    times = interleaved(
        {
            "GPU": lambda: seconds(on_gpu, system, STEPS, settings) / STEPS,
            "kernels": lambda: seconds(advanced, system, KERNEL_STEPS, **settings) / KERNEL_STEPS,
        },
        ROUNDS,
    )
    ratio = median(kernel / gpu for gpu, kernel in zip(times["GPU"], times["kernels"], strict=True))
    rates = (f"{side} {N / median(each):.3g}/s" for side, each in times.items())
    return ratio, f" ({', '.join(rates)})"
