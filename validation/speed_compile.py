"""How long the first call takes that compiles a kernel: each in a process of its own with an empty cache, the import of
the packages not counted. Every term is on and every number is each oscillator's own.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from functools import cache, partial
from itertools import product

import numpy as np
import torch

import shno
from shno import origin
from validation.magnets import every_term
from validation.speed_system import Row, seconds

N, DT = 100, 2e-14  # oscillators; s, short enough for Heun
HEAT = {"volume": 5e-24, "R": 300.0, "beta_R": 1e-3, "R_th": 8e5, "C_th": 1e-16, "curie_temperature": 900.0}
WATCH = {"component": 2, "threshold": 0.1, "rearm": -0.1}
NEURONS = {"rest": torch.tensor([0.0, 0.6, 0.8]), "reset_fraction": 0.4, "refractory": 1, "truncate": 3}
SIMULATE = tuple(product(("float32", "float64"), ("rk4", "heun"), ("held", "waves"), ("cold", "thermal", "heated")))
PASSAGE = tuple(product(("float32", "float64"), ("quiet", "noisy")))


def waving(drive):
    """The drive under every kind of waveform, sums and products."""
    table = np.random.default_rng(5).normal(size=(50, 3, N))
    fields = (
        shno.Ramp(0.05, 0.15, 1e-12, 2e-12) + shno.Pulse(0.03, 0.0, 1e-13, 3e-13, 4),
        shno.Step(-0.1, 0.1, 1e-13) * shno.Function(lambda t: np.cos(3e10 * t)),
        shno.Sampled([0.1, 0.2, 0.3], 1e-12) + shno.Chirp(2e-3, 5e9, 2e10, 1e-12, 0.0),
    )
    return replace(drive, I=drive.I * shno.Sine(0.4, 9e9), B_ext=fields, dKu=shno.Tabulated(3e3 * table, DT))


def simulated(dtype, solver, drive, bath):
    """Seconds of one call of `simulate`."""
    oscillator, held, m0 = every_term(N)
    oscillator = replace(oscillator, **(HEAT if bath == "heated" else {"volume": HEAT["volume"]}))
    settings = {} if bath == "cold" else {"temperature": 300.0, "seed": 1}
    settings |= {"duration": 10 * DT, "dt": DT, "m0": m0, "dtype": dtype, "solver": solver, "executor": "compiled"}
    return [seconds(shno.simulate, oscillator, waving(held) if drive == "waves" else held, **settings)]


def passed(dtype, noise):
    """Seconds of one call of `integrate_sequence`, and of its backward pass to every input."""
    oscillator, drive, m0 = every_term(N)
    real = getattr(torch, dtype)

    def leaf(value):
        if isinstance(value, tuple):
            return tuple(map(leaf, value))
        return value if value is None else torch.tensor(np.asarray(value), dtype=real).requires_grad_()

    off, settings = {"J": 1.0}, {"executor": "compiled", "dt": 1e-12, "n_steps": 5, **WATCH, **NEURONS}
    if noise == "noisy":
        off["Q_nl"], settings["deviation"], settings["seed"] = None, 1e-3, 1  # noise that follows m is in simulate
    values = {name: leaf(value) for name, value in shno.parameters(oscillator, drive).items()} | off
    a_DL, m = leaf(np.linspace(-5e-3, 5e-3, 4 * N).reshape(4, N)), leaf(m0)
    settings["rest"] = settings["rest"].to(real)
    found = []
    forward = seconds(lambda: found.append(shno.integrate_sequence(values, m, a_DL, **settings)))
    loss = found[0].m.sum() + found[0].m_peak.sum()
    return [forward, seconds(loss.backward)]


@cache
def first_calls(name, combinations):
    """{combination: seconds of each call} of a function above, each in a process and with a cache of its own."""
    found = {}
    for combination in combinations:
        code = f"from validation import speed_compile as s; print(s.{name}(*{combination!r}))"
        with tempfile.TemporaryDirectory() as folder:
            environment = os.environ | {"NUMBA_CACHE_DIR": folder}
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
        if done.returncode:
            raise RuntimeError(f"{' '.join(combination)} fails: {(done.stderr.splitlines() or ['?'])[-1]}")
        found[combination] = json.loads(done.stdout)
    return found


def slowest(name, combinations, call=0):
    """The seconds of the combination that takes longest, and which that is."""
    times = {combination: calls[call] for combination, calls in first_calls(name, combinations).items()}
    worst = max(times, key=times.get)
    return times[worst], f"{' '.join(worst)}; the fastest {min(times.values()):.3g} s; {origin.machine()}"


def rows():
    """The slowest combination of solver, precision, drive and bath."""
    what = "first call, every term on, empty cache, the slowest of"
    passage = f"{what} {len(PASSAGE)} combinations: integrate_sequence"
    return (
        Row("S14a", f"{what} {len(SIMULATE)} combinations: simulate", 5.0, partial(slowest, "simulated", SIMULATE),
            how="at most", unit="s"),
        Row("S14b", passage, 5.0, partial(slowest, "passed", PASSAGE), how="at most", unit="s"),
        Row("S14c", f"{passage}, its backward pass", 5.0, partial(slowest, "passed", PASSAGE, 1), how="at most",
            unit="s"),
    )  # fmt: skip
