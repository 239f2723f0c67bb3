"""The spiking layer by itself: what a long run of forward and backward takes, in memory and in seconds."""

import json
import subprocess
import sys
from functools import partial
from statistics import median

import torch

from neuromorph.neuron import SHNOLayer
from shno import origin
from validation.speed_scaling import STATUS, kilobytes
from validation.speed_system import NotRun, Row, interleaved, seconds

BATCH, NEURONS, NEURAL_STEPS, DT = 128, 60, 15, 2e-12
SHORT, LONG = 20, 1000  # RK4 steps of a neural step
RESET_PEAK = STATUS.with_name("clear_refs")


def passes(batch, rk4_steps):
    """A function that takes the layer forward and backward, by its input and by its final state."""
    layer = SHNOLayer(NEURONS, n_steps=NEURAL_STEPS, neural_step=rk4_steps * DT, dt=DT)
    x = torch.linspace(-0.5, 2.0, batch * NEURONS).reshape(batch, NEURONS).requires_grad_()

    def run():
        x.grad = None
        spikes, state = layer(x)
        torch.autograd.backward(spikes.sum() + state.m.sum(), inputs=[x])

    return run


def grown(rk4_steps):
    """Bytes by which this process's peak memory grows in forward and backward; a function of its own process."""
    passes(1, SHORT)()  # imported and compiled
    run = passes(BATCH, rk4_steps)
    RESET_PEAK.write_text("5")  # the peak starts anew from what is held now
    before = kilobytes("VmRSS")
    run()
    return 1024 * (kilobytes("VmHWM") - before)


def growth(rk4_steps):
    """`grown` in a fresh process."""
    code = f"from validation import speed_layer as s; print(s.grown({rk4_steps}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def memory():
    """Peak memory of the long run over that of the short one, both above what the process held before; medians of 3."""
    if not RESET_PEAK.exists():
        raise NotRun("the memory of a process is read from /proc")
    long, short = (median(growth(steps) for _ in range(3)) for steps in (LONG, SHORT))
    return long / short, f"{long / 2**20:.1f} MiB against {short / 2**20:.1f} MiB"


def time():
    """Seconds of forward and backward of the long run, the median of the rounds."""
    run = passes(BATCH, LONG)
    run()
    (spent,) = interleaved({"layer": partial(seconds, run)}).values()
    return median(spent), f"{origin.machine()}; {min(spent):.3g} to {max(spent):.3g} s"


def rows():
    """Memory and time at 15 x 1000 RK4 steps."""
    what = (
        f"the layer's forward and backward pass, batch {BATCH} x {NEURONS}, float32, {NEURAL_STEPS} x {LONG} RK4 steps"
    )
    return (
        Row("S11a", f"peak memory of {what}, over that of {NEURAL_STEPS} x {SHORT}", 1.2, memory, how="at most"),
        Row("S11b", f"time of {what}", 1.0, time, how="at most", unit="s"),
    )
