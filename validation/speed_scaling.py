"""How the cost grows: with noise, with the number of oscillators and steps, with what is saved; and small batches."""

import json
import subprocess
import sys
from functools import cache, partial
from pathlib import Path

import numpy as np

import shno
from shno.layout import NARROW
from shno.threads import thread_count
from validation.speed_system import (
    DT,
    NotRun,
    Row,
    advanced,
    agree,
    interleaved,
    kernel_call,
    median,
    neurons,
    ratio,
    seconds,
)

N, STEPS, TEMPERATURE = 100_000, 1000, 300.0
MANY = 15  # rounds, where the bound is near and a round is short
SMALL = (1, 2, 31, 33, 64, 100, 1000)  # oscillators
WORK_EACH = 5e7  # oscillator-steps of the padded batch a timing: about 50 ms
WORK = 10.0 ** np.array([4, 5, 6, 7, 8, 8.5, 9])  # steps x oscillators
LARGE = 8  # decades from which the slope is taken
OSCILLATORS, LONG = 1000, 10_000  # oscillators whose steps grow; steps whose oscillators grow
SAVED = (1000, 16_000)  # oscillators, saved states: 384 MB in float64
STATUS = Path("/proc/self/status")


def thermal(solver):
    """Steps a second with noise over those without, by the same scheme."""
    system = neurons(N)
    noisy = {"temperature": TEMPERATURE, "seed": 1}
    sides = {"still": {"solver": solver}, "noisy": {"solver": solver, **noisy}}
    ends = [advanced(system, STEPS, **settings) for settings in sides.values()]  # compiles
    moved = float(np.abs(ends[0] - ends[1]).mean())
    agree("no noise at all, 1/rms,", 1 / max(moved, 1e-12), 1e3)
    times = interleaved({name: partial(seconds, advanced, system, STEPS, **sides[name]) for name in sides}, MANY)
    rates = (N * STEPS / median(times[name]) for name in times)
    return ratio(times, "still", "noisy"), "{:.3g} and {:.3g} steps/s".format(*rates)


def slope(sizes):
    """d log(time) / d log(work) at the large end, for systems of (oscillators, steps) by WORK."""
    systems = {work: (neurons(n), steps) for work, (n, steps) in sizes.items()}
    for system, _ in systems.values():
        advanced(system, 10)  # compiles
    times = interleaved({work: partial(seconds, advanced, *each) for work, each in systems.items()}, MANY)
    large = np.array([work for work in sizes if work >= 10**LARGE])
    fit = np.polyfit(np.log(large), np.log([median(times[work]) for work in large]), 1)
    spent = ", ".join(f"{median(times[work]):.2g}" for work in sizes)
    return float(fit[0]), f"{spent} s at 1e{np.log10(WORK[0]):g} ... 1e{np.log10(WORK[-1]):g}"


def of_steps():
    """The slope where the steps grow."""
    return slope({work: (OSCILLATORS, round(work / OSCILLATORS)) for work in WORK})


def of_oscillators():
    """The slope where the oscillators grow."""
    return slope({work: (round(work / LONG), LONG) for work in WORK})


def saved_run(n, saves):
    """n oscillators whose every state is saved, float64; a function of its own process."""
    oscillator, drive, m0 = neurons(n)
    settings = {"duration": saves * DT, "dt": DT, "m0": m0, "executor": "compiled"}
    return shno.simulate(oscillator, drive, **settings).m


def kilobytes(name):
    """VmRSS (now) or VmHWM (the most so far) of this process."""
    return int(next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:")).split()[1])


def grown(n, saves):
    """(bytes by which this process's peak memory grows in a saved run, bytes of the run)."""
    saved_run(n, 3)  # compiled and imported
    before = kilobytes("VmRSS")
    size = saved_run(n, saves).nbytes
    return 1024 * (kilobytes("VmHWM") - before), size


def grown_afresh(n, saves):
    """`grown` of a process that has freed nothing yet."""
    code = f"import json; from validation import speed_scaling as s; print(json.dumps(s.grown({n}, {saves})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def memory():
    """Growth of a fresh process's peak memory in a saved run over the run's own size."""
    if not STATUS.exists():
        raise NotRun("the memory of a process is read from /proc")
    growth, size = grown_afresh(*SAVED)
    return growth / size, f"{growth / 2**20:.0f} MiB for {size / 2**20:.0f} MiB"


@cache
def batch(n):
    """(system, steps, slots, cores) of a small batch: the lanes of its blocks on the cores that they are put on.

    A block of fewer lanes than a vector fills a vector's slots. A batch of fewer blocks than cores leaves cores idle,
    whose lanes are not counted; one of more blocks is padded to a whole number for each core.
    """
    system = neurons(max(n, 2))
    if n == 1:
        system = (system[0], shno.Drive(a_DL=system[1].a_DL[1:], B_ext=system[1].B_ext), system[2][1:])
    _, (_, blocks, layout, *_) = kernel_call(partial(advanced, system, 10))
    cores = min(thread_count(), blocks)
    slots = -(-blocks // cores) * cores * max(layout.lanes, NARROW)
    return system, max(1, round(WORK_EACH / slots)), slots, cores


@cache
def rates():
    """{n: (seconds a step and slot of one core) of each round} for SMALL and N."""
    sizes = (*SMALL, N)
    times = interleaved({n: partial(seconds, advanced, *batch(n)[:2]) for n in sizes}, MANY)
    return {n: [spent * batch(n)[3] / batch(n)[1] / batch(n)[2] for spent in times[n]] for n in sizes}


def small_batches():
    """The lowest rate of a slot in a small batch over that in the large one, for the cores that are used."""
    found = rates()
    shares = {n: ratio(found, N, n) for n in SMALL}
    words = ", ".join(f"{share:.2f} of {batch(n)[2]} slots on {batch(n)[3]}" for n, share in shares.items())
    return min(shares.values()), words


def rows():
    """Noise, growth and small batches."""
    steep = {"how": "absolute", "tolerance": 0.03}
    cost = f"log-log slope of time against steps x oscillators, 1e{LARGE} to 1e9"
    few = ", ".join(map(str, SMALL))
    heated = f"thermal over deterministic steps a second, float32, {N:.0e} oscillators, 300 K"
    return (
        Row("S5a", f"{heated}, RK4", 0.4, partial(thermal, "rk4")),
        Row("S5b", f"{heated}, Heun", 0.25, partial(thermal, "heun")),
        Row("S9a", f"{cost}, {OSCILLATORS} oscillators", 1.0, of_steps, **steep),
        Row("S9b", f"{cost}, {LONG} steps", 1.0, of_oscillators, **steep),
        Row("S9c", "memory of a saved run over its own size", 1.2, memory, how="at most"),
        Row("S10", f"rate of a slot and core at {few} oscillators over that at {N:.0e}", 0.5, small_batches),
    )
