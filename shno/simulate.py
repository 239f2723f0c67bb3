"""The front door: check, assemble, choose an executor, loop, hand back a Trajectory."""

import platform
from functools import partial

import numpy as np

from shno import __version__
from shno.checks import IntegrationError, as_array, check_finite, check_unit_vectors, check_values, complaint
from shno.drive import Drive
from shno.llgs import right_hand_side
from shno.oscillator import Oscillator
from shno.parameters import arguments, batch_shape, parameters, reduced_step
from shno.solvers import rk4
from shno.stability import effective_rotation, equilibrium
from shno.trajectory import Trajectory
from shno.vector import dot, normalise

LARGEST_TURN = 0.2  # rad a step: RK4's relative frequency error there is (0.2)^4 / 120 = 1.3e-5
LARGEST_NORM_ERROR = 1e-4  # of |m| before projection
CHUNK = 1 << 22  # numbers of m held in the kernel's layout before they are copied out
CHUNK_STEPS = 1 << 27  # oscillator steps between two reports of progress


def simulate(oscillator, drive, *, duration, dt, m0=None, temperature=0.0, seed=None, t0=0.0, solver="rk4",
             executor="auto", dtype="float64", device="cpu", rtol=1e-10, atol=1e-12, save_every=1, progress=None,
):  # fmt: skip
    """Integrate the LLGS equation dm/dt = gamma/(1 + alpha^2) T(m) of `llgs`; what or how often one saves never
    changes the solution.

    oscillator, drive : Oscillator, Drive   their arrays broadcast to the batch
    duration, dt : s        n = round(duration / dt) steps; the state at t0 is saved first
    m0 : (..., 3)           unit vectors; by default the zero-current equilibrium nearest to B_ext, tilted by 1 degree
    temperature : K; seed   only T = 0 is available: thermal noise is refused, never ignored
    solver : "rk4" | "reference"   fixed steps, or scipy's DOP853 on the implicit form (dt is then the output grid)
                                   to rtol, atol
    executor : "auto" | "compiled" | "torch"   compiled kernels on the CPU, torch on any device
    dtype, device           "float64" | "float32"; a torch device
    save_every              steps between saved states; must divide n
    progress                called as progress(steps done, steps in all)
    Returns : Trajectory with t (n / save_every + 1,) in s and m (n / save_every + 1, *batch, 3)
    Raises : TypeError, ValueError for a bad call; IntegrationError when | |m| - 1 | exceeds 1e-4 before projection
    """
    n = _check_call(oscillator, drive, duration, dt, t0, temperature, seed, solver, executor, dtype, save_every)
    pieces = _pieces(drive, n, dt, save_every)
    m0 = _tilted(equilibrium(oscillator, pieces[0][0])) if m0 is None else _checked_m0(m0)
    batch = _batch(oscillator, pieces[0][0], m0)
    t = t0 + dt * (save_every * np.arange(n // save_every + 1))
    m = np.empty((len(t), *batch, 3), dtype)
    m[0] = m0
    executor = _executor(solver, executor, device)
    settings = {"dt": float(dt), "t0": float(t0), "save_every": int(save_every), "executor": executor, "solver": solver}
    tolerances = {"rtol": rtol, "atol": atol} if executor == "scipy" else {}
    run = partial(RUNS[executor], dt=dt, save_every=save_every, device=device, **tolerances)
    _run_pieces(run, m, oscillator, pieces, dt, save_every, executor, progress)
    return Trajectory(t, m, oscillator, drive, **settings, dtype=dtype, versions=_versions())


def _batch(oscillator, drive, m0):
    """The batch shape of the run; ValueError where its parts do not broadcast or it is empty."""
    batch = batch_shape(parameters(oscillator, drive) | {"m": m0})
    if 0 in batch:
        raise ValueError(complaint("batch", "not empty", f"shape {batch}", "Give each array at least one element."))
    return batch


def _run_pieces(run, m, oscillator, pieces, dt, save_every, executor, progress):
    """Fill m[1:] piece by piece of constant current; the guard on dt looks at m0 under every one of them first."""
    first, n = 0, (len(m) - 1) * save_every
    pieces = [(drive, parameters(oscillator, drive), steps) for drive, steps in pieces]
    for _, values, _ in pieces if executor != "scipy" else ():
        _check_step(m[0], values, dt)
    for drive, values, steps in pieces:
        last, before = first + steps // save_every, first * save_every
        report = progress and partial(_report, progress, before, n)
        run(m[first : last + 1], oscillator, drive, values, before=before, progress=report)
        first = last


def _report(progress, before, n, done):
    """Progress of one piece as progress of the run."""
    progress(before + done, n)


def _pieces(drive, n, dt, save_every):
    """[(Drive of constant current, steps)] that fill n steps; each change of current falls on a saved time."""
    pieces, left = [], n
    for piece, length in drive.pieces():
        steps = min(left, round(length / dt) if np.isfinite(length) else left)
        if np.isfinite(length) and (steps % save_every or abs(round(length / dt) * dt - length) > 1e-9 * length):
            rule = f"a multiple of save_every dt = {save_every * dt:.6g} s"
            raise ValueError(
                complaint("interval of the Sampled current", rule, f"{length:.9g} s", "Change dt or save_every.")
            )
        if steps:
            pieces.append((piece, steps))
        left -= steps
    return pieces


def _check_call(oscillator, drive, duration, dt, t0, temperature, seed, solver, executor, dtype, save_every):
    """Every complaint about the call's own numbers and names; returns the number of steps."""
    for name, value, kind in (("oscillator", oscillator, Oscillator), ("drive", drive, Drive)):
        if not isinstance(value, kind):
            raise TypeError(complaint(name, f"a shno.{kind.__name__}", repr(value), "shno.preset(name) gives one."))
    for name, value in (("duration", duration), ("dt", dt), ("t0", t0), ("temperature", temperature)):
        if not isinstance(value, int | float | np.number):
            raise TypeError(complaint(name, "a number", repr(value), "It is one for the whole batch."))
        check_finite(name, value)
    check_values("dt", dt, "> 0", lambda x: x > 0, "RK4 wants about 1e-12 s.")
    check_values("duration", duration, "> 0", lambda x: x > 0, "Give it in seconds.")
    if temperature != 0:
        raise ValueError(complaint("temperature", "0 K", f"{temperature:.6g} K", "This version has no thermal noise."))
    if seed is not None:
        raise ValueError(complaint("seed", "None at T = 0", repr(seed), "Nothing is drawn in a deterministic run."))
    for name, value, known in (
        ("solver", solver, ("rk4", "reference")),
        ("executor", executor, ("auto", "compiled", "torch")),
        ("dtype", dtype, ("float64", "float32")),
    ):
        if value not in known:
            raise ValueError(complaint(name, f"one of {', '.join(known)}", repr(value), "Choose one of these."))
    n = round(duration / dt)
    if n < 1 or abs(n * dt - duration) > 1e-9 * duration:
        nearest = max(n, 1) * dt
        raise ValueError(
            complaint("duration", "a multiple of dt", f"{duration:.9g} s at dt = {dt:.9g} s", f"Use {nearest:.9g} s.")
        )
    if not isinstance(save_every, int | np.integer) or save_every < 1 or n % save_every:
        raise ValueError(
            complaint(
                "save_every", f"a whole number that divides the {n} steps", repr(save_every), "Use 1 to save all."
            )
        )
    return n


def _executor(solver, executor, device):
    """The executor that runs: "auto" is compiled on the CPU and torch elsewhere; ValueError for what cannot be."""
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
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(complaint("device", "one that torch has here", repr(device), reason)) from None


def _checked_m0(m0):
    m0 = np.asarray(as_array("m0", m0, vector=True))
    check_finite("m0", m0)
    check_unit_vectors("m0", m0)
    return m0


def _tilted(m, degrees=1.0):
    """m turned by a degree: exactly at a fixed point nothing would ever move."""
    helper = np.where(np.abs(m[..., :1]) < 0.7, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    away = np.cross(m, helper)
    away /= np.linalg.norm(away, axis=-1, keepdims=True)
    return np.cos(np.radians(degrees)) * m + np.sin(np.radians(degrees)) * away


def _check_step(m0, values, dt):
    """The guard on dt: gamma |B| dt <= 0.2 rad, B the net field at m0 with the torque's amplitude."""
    B = effective_rotation(m0, values)
    turn = np.asarray(values["gamma"] * B * dt)
    if turn.max() <= LARGEST_TURN:
        return
    k = int(turn.argmax())
    limit = LARGEST_TURN / turn.ravel()[k] * dt
    digit = 10.0 ** (np.floor(np.log10(limit)) - 1)  # rounded down to two digits: what is named must be accepted
    raise ValueError(
        f"dt must turn m by at most {LARGEST_TURN} rad a step, "
        f"got {turn.ravel()[k]:.3g} at |B| = {np.ravel(B)[k]:.3g} T"
        f"{f' at index {k} of {turn.size}' if turn.size > 1 else ''}. "
        f"Use dt <= {np.floor(limit / digit) * digit:.2g} s."
    )


def _check_norm(deviation, m, step, dt):
    """IntegrationError when the norm moved too far ( | |m|^2 - 1 | = 2 | |m| - 1 | ) or m is not finite."""
    worst = float(np.max(deviation)) / 2
    if worst <= LARGEST_NORM_ERROR and np.isfinite(m).all():
        return
    raise IntegrationError(
        f"| |m| - 1 | reached {worst:.2g} before step {step}, {step * dt:.6g} s after the start: "
        f"m turns too far in one step. Use dt <= {dt / 2:.3g} s."
    )


def _run_reference(m, oscillator, drive, values, *, dt, save_every, device, before, progress, rtol, atol):
    """Fill m[1:] from m[0] by the witness: implicit Gilbert form, scipy."""
    from shno import reference

    m[:] = reference.solve(
        oscillator, drive, m[0].astype(np.float64), dt * save_every * np.arange(len(m)), rtol=rtol, atol=atol
    )
    if progress is not None:
        progress((len(m) - 1) * save_every)


def _run_compiled(m, oscillator, drive, values, *, dt, save_every, device, before, progress):
    """Fill m[1:] from m[0] by the compiled kernel, in chunks of saved states; the state is carried in m's precision."""
    from shno import kernels

    n_saved, batch = m.shape[0] - 1, m.shape[1:-1]
    n = max(int(np.prod(batch)), 1)
    layout, rows, shared = kernels.lay_out((reduced_step(values, dt), *arguments(values)), batch, m.dtype)
    width = rows.shape[1]
    state = np.empty((3, width), m.dtype)
    state[:, :n] = m[0].reshape(n, 3).T
    state[:, n:] = state[:, n - 1 : n]
    deviation = np.empty(width, m.dtype)
    chunk = max(1, min(CHUNK // (3 * n), CHUNK_STEPS // (width * save_every)))
    saved = np.empty((min(chunk, n_saved), 3, n), m.dtype)
    for first in range(0, n_saved, chunk):
        part = saved[: min(chunk, n_saved - first)]
        kernels.run_blocks(kernels.trajectory_kernel, width, layout, state, rows, shared, part, save_every, deviation)
        done = first + len(part)
        m[first + 1 : done + 1] = np.moveaxis(part, 1, 2).reshape(len(part), *batch, 3)
        _check_norm(deviation, state, before + done * save_every, dt)
        if progress is not None:
            progress(done * save_every)


def _run_torch(m, oscillator, drive, values, *, dt, save_every, device, before, progress):
    """Fill m[1:] from m[0] by eager torch, on any device."""
    import torch

    dtype = getattr(torch, str(m.dtype))

    def tensor(value):
        return None if value is None else torch.as_tensor(np.array(value), dtype=dtype, device=device)

    values = {name: tensor(value) for name, value in values.items()}
    h, parameters_ = reduced_step(values, dt), arguments(values)
    state = tuple(torch.as_tensor(m[0][..., k].copy(), device=device) for k in range(3))
    steps, deviation = (len(m) - 1) * save_every, torch.zeros_like(state[0])
    for step in range(1, steps + 1):
        state = rk4(right_hand_side, state, h, *parameters_)
        deviation = torch.maximum(deviation, (dot(state, state) - 1).abs())
        state = normalise(state)
        if step % save_every == 0:
            m[step // save_every] = torch.stack(state, dim=-1).cpu().numpy()
            _check_norm(deviation.cpu().numpy(), m[step // save_every], before + step, dt)
            if progress is not None:
                progress(step)


RUNS = {"compiled": _run_compiled, "torch": _run_torch, "scipy": _run_reference}


def _versions():
    return f"shno {__version__}, numpy {np.__version__}, python {platform.python_version()}"
