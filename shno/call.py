"""What `simulate` is called with: every complaint about the call's own numbers and names."""

import os
from math import prod

import numpy as np

from shno.checks import (
    as_array,
    as_integers,
    as_number,
    as_path,
    as_whole,
    check_choice,
    check_finite,
    check_unit_vectors,
    check_values,
    complaint,
    shown,
)
from shno.parameters import check_nouns
from shno.plan import ON_GRID

MULTIPLE = 1e-9  # how far a duration may lie off a multiple of its step, relative
MOST_STEPS = 10**11  # of a run: an hour for one oscillator; a longer one goes on from its last state and time
FARTHEST = 1 << 40  # steps from t = 0: float64 still tells times apart far below a step
MOST_THREADS = 1024
MOST_DRAWS = 10_000  # of the noise in a step
SEED = "an integer where there is thermal noise"

STEP = ("in [1e-20, 1e-3] s", lambda x: (x >= 1e-20) & (x <= 1e-3), "About 1e-12 s is usual.")
RULES = {
    "duration": ("> 0", lambda x: x > 0, "Give it in seconds."),
    "dt": STEP,
    "temperature": ("in [0, 1e5] K", lambda x: (x >= 0) & (x <= 1e5), "In kelvin."),
    "noise_dt": STEP,
    "rtol": ("in [1e-13, 0.1]", lambda x: (x >= 1e-13) & (x <= 0.1), "Rounding hides what is smaller."),
    "atol": ("in (0, 0.1]", lambda x: (x > 0) & (x <= 0.1), "It is the error in m allowed in a step."),
}


def checked_numbers(**numbers):
    """The call's numbers as floats, each of them checked; one that is None stays so."""
    for name, value in numbers.items():
        if value is not None or name != "noise_dt":
            numbers[name] = as_number(name, value)
            check_finite(name, numbers[name])
            if name in RULES:
                check_values(name, numbers[name], *RULES[name])
    return numbers.values()


def check_call(oscillator, drive, duration, dt, t0, temperature, seed, noise_dt, solver, dtype, save_every, progress):
    """Every complaint about the call's settings; returns the number of steps, and of draws a step."""
    check_nouns(oscillator, drive)
    check_choice("solver", solver, ("rk4", "heun", "reference"))
    check_choice("dtype", dtype, ("float64", "float32"))
    if progress is not None and not callable(progress):
        raise TypeError(complaint("progress", "callable", shown(progress), "It is told the steps done and in all."))
    for name, value, most in (("duration", duration, MOST_STEPS), ("t0", t0, FARTHEST)):
        rule = f"at most {most:g} dt in size"
        check_values(name, value, rule, lambda x, most=most: np.abs(x) <= most * dt, "A long run may go on from t0.")
    n = _multiple("duration", duration, "dt", dt)
    draws = _check_noise(oscillator, temperature, seed, solver, dt, dt if noise_dt is None else noise_dt, t0)
    _check_save_every(save_every, n)
    return n, draws


def _check_noise(oscillator, temperature, seed, solver, dt, noise_dt, t0):
    """Complaints about the noise; returns the draws a step."""
    noisy = temperature > 0 or oscillator.R_th is not None
    if seed is not None:
        if not isinstance(seed, int | np.integer) or isinstance(seed, bool):
            raise TypeError(complaint("seed", SEED, shown(seed), "The same seed repeats the run."))
        as_integers("seed", seed, 64, "Any such number.", single=True)
    if temperature > 0 and solver == "reference" and oscillator.R_th is None:
        remedy = "shno.reference.solve takes a given noise field."
        raise ValueError(complaint("temperature", "0 K for the reference", f"{temperature:.6g} K", remedy))
    if (not noisy or solver == "reference") and seed is not None:
        rule = "None for the reference" if noisy else "None at T = 0"
        raise ValueError(complaint("seed", rule, seed, "Nothing is drawn without a temperature or by the reference."))
    if solver == "reference":
        return 1
    draws = _multiple("dt", dt, "noise_dt", noise_dt)
    rule, remedy = f"at most {MOST_DRAWS} noise_dt", "A step takes the mean of so many draws."
    check_values("dt", draws, rule, lambda x: x <= MOST_DRAWS, remedy)
    if not noisy:
        return draws
    if seed is None:
        raise ValueError(complaint("seed", SEED, None, "The same seed repeats the run; temperature, R_th make noise."))
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
        raise ValueError(complaint("save_every", rule, shown(save_every), "Use 1 to save all."))


def check_m0(m0):
    """m0 as an array of unit vectors; TypeError, ValueError where it is none."""
    m0 = np.asarray(as_array("m0", m0, vector=True))
    check_finite("m0", m0)
    check_unit_vectors("m0", m0)
    return m0


def check_out(out, compression, out_dtype):
    """The path that states are streamed to, or None; TypeError, ValueError."""
    if compression is not None:
        check_choice("compression", compression, ("gzip", "lzf"), "None keeps the numbers as they are.")
    if out_dtype is not None:
        check_choice("out_dtype", out_dtype, ("float64", "float32"), "None is the precision of the computation.")
    for name, value in {"compression": compression, "out_dtype": out_dtype}.items():
        if out is None and value is not None:
            raise ValueError(complaint(name, "None without out", value, "It is that of the file."))
    return out if out is None or hasattr(out, "run") else as_path("out", out)


def check_threads(threads):
    """TypeError, ValueError unless it is None or a number of threads."""
    if threads is not None:
        as_whole("threads", threads, 1, MOST_THREADS, "None takes OMP_NUM_THREADS, or one a processor.")


def check_T_start(oscillator, T_start, temperature):
    """The temperature at the start, an array; None where nothing is heated. TypeError, ValueError for a wrong one."""
    if oscillator.R_th is None:
        if T_start is not None:
            remedy = "R_th and C_th make it heat itself."
            raise ValueError(complaint("T_start", "None for an oscillator that is not heated", shown(T_start), remedy))
        return None
    T_start = np.asarray(as_array("T_start", temperature if T_start is None else T_start))
    check_finite("T_start", T_start)
    check_values("T_start", T_start, *RULES["temperature"])
    if oscillator.curie_temperature is not None:
        left, remedy = np.subtract(oscillator.curie_temperature, T_start), "There is no magnet above it."
        check_values("curie_temperature - T_start", left, "> 0", lambda x: x > 0, remedy)
    return T_start


def check_memory(n, save_every, batch, dtype):
    """ValueError unless the saved states fit into the memory of this machine."""
    saved = n // save_every + 1
    size = saved * prod(batch) * 3 * np.dtype(dtype).itemsize
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if size > memory:
        rule = f"such that what is saved fits into memory, {memory / 1e9:.3g} GB"
        got = f"{save_every} for {saved} states of {prod(batch)} oscillators, {size / 1e9:.3g} GB"
        remedy = "Take a larger save_every, or a shorter duration."
        raise ValueError(complaint("save_every", rule, got, remedy))


def checked_realisation(realisation):
    """realisation as an array of integers in [0, 2^32), or None; TypeError, ValueError for anything else."""
    if realisation is None:
        return None
    return as_integers("realisation", realisation, 32, "It tells one oscillator's noise from another's.").astype(int)


def realisations(realisation, batch):
    """The realisation of each oscillator, (n,) integers: as given, or its place in the batch."""
    if realisation is None:
        return np.arange(max(prod(batch), 1))
    return np.broadcast_to(realisation, batch).ravel()


def executor_of(solver, executor, device):
    """The executor that runs: "auto" is compiled on the CPU and torch elsewhere; ValueError for what cannot be."""
    check_choice("executor", executor, ("auto", "compiled", "torch"))
    _check_kind_of_device(device)
    on_cpu = str(device) == "cpu"
    if solver == "reference":
        if executor != "auto" or not on_cpu:
            got = f"executor {executor!r} on {device}"
            raise ValueError(
                complaint("executor, device", "'auto' on the CPU for the reference", got, "scipy solves it.")
            )
        return "scipy"
    if executor == "compiled" and not on_cpu:
        got = f"compiled on {device}"
        raise ValueError(complaint("executor", "torch on a device other than the CPU", got, "Use executor='torch'."))
    if not on_cpu:
        _check_device(device)
    return executor if executor != "auto" else "compiled" if on_cpu else "torch"


def _check_kind_of_device(device):
    """TypeError unless it is what torch names its devices by."""
    if not isinstance(device, str):
        import torch

        if not isinstance(device, torch.device):
            remedy = "Usual are 'cpu' and 'cuda'."
            raise TypeError(complaint("device", "a torch device or its name", shown(device), remedy))


def _check_device(device):
    """ValueError unless torch knows the device and can read a tensor there."""
    import torch

    try:
        torch.empty(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(complaint("device", "one that torch has here", shown(device), reason)) from None
