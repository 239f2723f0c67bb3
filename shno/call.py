"""What `simulate` is called with: every complaint about the call's own numbers and names."""

import numpy as np

from shno.checks import as_array, check_finite, check_unit_vectors, check_values, complaint
from shno.drive import Drive
from shno.oscillator import Oscillator
from shno.plan import ON_GRID

MULTIPLE = 1e-9  # how far a duration may lie off a multiple of its step, relative
MOST_STEPS = 1 << 40  # float64 still tells times apart far below a step


def check_call(oscillator, drive, duration, dt, t0, temperature, seed, noise_dt, solver, dtype, save_every):
    """Every complaint about the call's own numbers and names; returns the number of steps, and of draws a step."""
    for name, value, kind in (("oscillator", oscillator, Oscillator), ("drive", drive, Drive)):
        if not isinstance(value, kind):
            raise TypeError(complaint(name, f"a shno.{kind.__name__}", repr(value), "shno.preset(name) gives one."))
    noise_step = dt if noise_dt is None else noise_dt
    for name, value in zip(
        ("duration", "dt", "t0", "temperature", "noise_dt"), (duration, dt, t0, temperature, noise_step), strict=True
    ):
        if not isinstance(value, int | float | np.integer | np.floating) or isinstance(value, bool):
            raise TypeError(complaint(name, "a number", repr(value), "It is one for the whole batch."))
        check_finite(name, as_array(name, value))
    for name, value in (("dt", dt), ("noise_dt", noise_step)):
        check_values(name, value, "in [1e-20, 1e-3] s", lambda x: (x >= 1e-20) & (x <= 1e-3), "About 1e-12 s is usual.")
    check_values("duration", duration, "> 0", lambda x: x > 0, "Give it in seconds.")
    check_values("temperature", temperature, "in [0, 1e5] K", lambda x: (x >= 0) & (x <= 1e5), "In kelvin.")
    known = {"solver": ("rk4", "heun", "reference"), "dtype": ("float64", "float32")}
    for name, value in (("solver", solver), ("dtype", dtype)):
        if not isinstance(value, str) or value not in known[name]:
            rule = f"one of {', '.join(known[name])}"
            raise ValueError(complaint(name, rule, repr(value), "Choose one of these."))
    for name, value in (("duration", duration), ("t0", t0)):
        rule = f"at most {MOST_STEPS} dt in size"
        check_values(name, value, rule, lambda x: np.abs(x) <= MOST_STEPS * dt, "Give both in seconds.")
    n = _multiple("duration", duration, "dt", dt)
    draws = _check_noise(oscillator, temperature, seed, solver, dt, noise_step, t0)
    _check_save_every(save_every, n)
    return n, draws


def _check_noise(oscillator, temperature, seed, solver, dt, noise_dt, t0):
    """Complaints about the noise; returns the draws a step."""
    noisy = temperature > 0 or oscillator.R_th is not None
    if temperature > 0 and solver == "reference" and oscillator.R_th is None:
        remedy = "shno.reference.solve takes a given noise field."
        raise ValueError(complaint("temperature", "0 K for the reference", f"{temperature:.6g} K", remedy))
    if solver == "reference":
        return 1
    if not noisy and seed is not None:
        raise ValueError(complaint("seed", "None at T = 0", repr(seed), "Nothing is drawn in a deterministic run."))
    draws = _multiple("dt", dt, "noise_dt", noise_dt)
    if not noisy:
        return draws
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool):
        kind = "an integer where there is thermal noise"
        error = ValueError if seed is None else TypeError
        raise error(complaint("seed", kind, repr(seed), "The same seed repeats the run."))
    check_values("seed", seed, "in [0, 2^64)", lambda x: (x >= 0) & (x < 2**64), "Any such number.")
    if oscillator.volume is None:
        remedy = "Set volume, or width and thickness, in Oscillator."
        raise ValueError(complaint("volume", "given where there is thermal noise", None, remedy))
    place = round(t0 / noise_dt)
    if place < 0 or abs(place * noise_dt - t0) > ON_GRID * dt:
        rule = f"a multiple of noise_dt = {noise_dt:.6g} s, not negative, where there is noise"
        raise ValueError(complaint("t0", rule, f"{t0:.9g} s", "Draws are numbered from t = 0."))
    return draws


def _multiple(name, value, unit_name, unit):
    """How many times `unit` goes into `value`; ValueError unless a whole number of times."""
    n = round(value / unit)
    if n < 1 or abs(n * unit - value) > MULTIPLE * value:
        got = f"{value:.9g} s at {unit_name} = {unit:.9g} s"
        raise ValueError(complaint(name, f"a multiple of {unit_name}", got, f"Use {max(n, 1) * unit:.9g} s."))
    return n


def _check_save_every(save_every, n):
    if not isinstance(save_every, int | np.integer) or isinstance(save_every, bool) or save_every < 1 or n % save_every:
        rule = f"a whole number that divides the {n} steps"
        raise ValueError(complaint("save_every", rule, repr(save_every), "Use 1 to save all."))


def check_m0(m0):
    """m0 as an array of unit vectors; TypeError, ValueError where it is none."""
    m0 = np.asarray(as_array("m0", m0, vector=True))
    check_finite("m0", m0)
    check_unit_vectors("m0", m0)
    return m0


def realisations(realisation, batch):
    """The realisation of each oscillator, (n,) integers: as given, or its place in the batch."""
    n = int(np.prod(batch))
    if realisation is None:
        return np.arange(max(n, 1))
    given = np.asarray(realisation)
    if given.dtype.kind not in "iu":
        raise TypeError(complaint("realisation", "integers", repr(realisation), "One tells each oscillator's noise."))
    check_values("realisation", given, "in [0, 2^32)", lambda x: (x >= 0) & (x < 2**32), "Any such number.")
    return np.broadcast_to(given, batch).ravel()


def executor_of(solver, executor, device):
    """The executor that runs: "auto" is compiled on the CPU and torch elsewhere; ValueError for what cannot be."""
    known = ("auto", "compiled", "torch")
    if not isinstance(executor, str) or executor not in known:
        raise ValueError(complaint("executor", f"one of {', '.join(known)}", repr(executor), "Choose one of these."))
    on_cpu = str(device) == "cpu"
    if solver == "reference":
        if executor != "auto" or not on_cpu:
            got = f"executor {executor!r} on {device}"
            raise ValueError(complaint("executor", "'auto' on the CPU for the reference", got, "scipy solves it."))
        return "scipy"
    if executor == "compiled" and not on_cpu:
        got = f"compiled on {device}"
        raise ValueError(complaint("executor", "torch on a device other than the CPU", got, "Use executor='torch'."))
    if not on_cpu:
        _check_device(device)
    return executor if executor != "auto" else "compiled" if on_cpu else "torch"


def _check_device(device):
    """ValueError unless torch knows the device and can put a tensor there."""
    import torch

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(complaint("device", "one that torch has here", repr(device), reason)) from None
