"""The front door: check, assemble, choose an executor, loop, hand back a Trajectory."""

import platform
import sys
from functools import partial

import numpy as np

from shno import __version__
from shno.call import (
    check_call,
    check_m0,
    check_memory,
    check_out,
    check_T_start,
    check_threads,
    checked_numbers,
    checked_realisation,
    executor_of,
    realisations,
)
from shno.checks import IntegrationError, complaint
from shno.guard import check_step
from shno.parameters import arguments, batch_shape, heat_parameters, parameters, reduced_step
from shno.plan import Noise, Plan, clock, splits
from shno.start import starting_state
from shno.states import InFile, InMemory, continuation, put, tidied
from shno.thermal import field_deviation, thermal_energy
from shno.trajectory import Trajectory

LARGEST_NORM_ERROR = 1e-4  # of |m| before projection
CHUNK, LEAST = 1 << 20, 13  # numbers of m that are computed in one call: within a cache; states, in 4 CHUNK
CHUNK_STEPS = 1 << 24  # oscillator steps between two reports of progress


def simulate(oscillator, drive, *, duration, dt, m0=None, temperature=0.0, seed=None, realisation=None, t0=0.0,
             noise_dt=None, solver="rk4", executor="auto", dtype="float64", device="cpu", rtol=1e-10, atol=1e-12,
             save_every=1, out=None, compression=None, out_dtype=None, progress=None, T_start=None, threads=None,
):  # fmt: skip
    """Integrate the LLGS equation dm/dt = gamma/(1 + alpha^2) T(m) of `llgs`; what or how often one saves never
    changes the solution.

    oscillator, drive : Oscillator, Drive   their arrays broadcast to the batch
    duration, dt : s        n = round(duration / dt) steps; the state at t0 is saved first
    m0 : (..., 3)           unit vectors; by default the zero-current equilibrium nearest to B_ext, tilted by 1 degree
                            at T = 0 and drawn from its thermal well at T > 0
    temperature : K         of the surroundings; above 0 Brown's thermal field acts (Stratonovich)
    seed : integer          of the noise, in [0, 2^64); required where there is noise
    realisation : integers  (broadcast to the batch) that tell the noise of one oscillator from another's; by default
                            its place in the batch
    t0 : s                  time at the start; a run that goes on from a saved state at its time gives the same bits
    noise_dt : s            time for which a draw of the noise holds, dt = k noise_dt; a step takes the mean of its k
                            draws, so that runs of one noise_dt follow one noise path. dt by default
    solver : "rk4" | "heun" | "reference"   fixed steps, or scipy's DOP853 on the implicit form (dt is then the output
                                            grid) to rtol, atol, without noise (a temperature only heats)
    executor : "auto" | "compiled" | "torch"   compiled kernels on the CPU, torch on any device
    dtype, device           "float64" | "float32"; a torch device
    save_every              steps between saved states; must divide n
    out                     HDF5 file that the states are written to while the run goes on, in constant memory; the
                            Trajectory then reads them from there. A killed run can be looked at (`load`) and finished
                            (`resume`)
    compression, out_dtype  of that file: None, "gzip" (smaller, slower) or "lzf"; "float64" or "float32", by default
                            dtype: m and T are rounded to it, and nothing else, a resumed run goes on from what it was
    progress                called as progress(steps done, steps in all)
    threads                 of the compiled kernels, at most; by default OMP_NUM_THREADS, or one a processor
    T_start : (...), K      of a heated oscillator at t0, run.T[-1] of the run that goes on; `temperature` by default
    Returns : Trajectory with t (n / save_every + 1,) in s and m (n / save_every + 1, *batch, 3)
    Raises : TypeError, ValueError for a bad call; IntegrationError when | |m| - 1 | exceeds 1e-4 before projection;
    OSError with one line when `out` cannot be written, what was written before is kept
    """
    out = check_out(out, compression, out_dtype)
    duration, dt, t0, temperature, noise_dt, rtol, atol = checked_numbers(
        duration=duration, dt=dt, t0=t0, temperature=temperature, noise_dt=noise_dt, rtol=rtol, atol=atol
    )
    timing = (duration, dt, t0, temperature, seed, noise_dt)
    n, draws = check_call(oscillator, drive, *timing, solver, dtype, save_every, progress)
    check_threads(threads)
    executor, realisation = executor_of(solver, executor, device), checked_realisation(realisation)
    m0, T_start = None if m0 is None else check_m0(m0), check_T_start(oscillator, T_start, temperature)
    time, values, heat = clock(t0, dt), parameters(oscillator, drive), heat_parameters(oscillator, drive, temperature)
    batch = _batch(values | {"oscillator": np.broadcast_to(0.0, oscillator.shape)}, m0, heat, realisation, T_start)
    realisation_ = realisations(realisation, batch)
    if out is None:
        check_memory(n, save_every, batch, dtype)
    if m0 is None:
        drawn = temperature if solver != "reference" else 0.0
        m0 = starting_state(oscillator, drive.at(t0), drawn, seed, realisation_.reshape(batch))
    m0, T_start = _spread(m0, (*batch, 3), dtype), _spread(T_start, batch, dtype)
    noisy = {"temperature": temperature, "seed": seed, "noise_dt": noise_dt, "realisation": realisation}
    settings = {"dt": dt, "t0": time.at(0), "save_every": save_every, "solver": solver, "executor": executor, **noisy}
    about = {"dtype": dtype, "versions": _versions(), "command_line": " ".join(sys.argv)}
    run = Trajectory(np.empty(0), np.empty((0, *batch, 3), dtype), oscillator, drive, **settings, **about)
    if executor != "scipy":
        check_step(oscillator, values, m0, time, n, solver, temperature)
        noise = _noise(oscillator, temperature, seed, realisation_, noise_dt or dt, draws, t0, heat)
        plan = _plan(m0, T_start, values, heat, time, n, solver, noise, dtype, device, threads)
    how = {"compression": compression, "out_dtype": out_dtype, "device": device}
    with _states(out, run, n // save_every + 1, time, m0, T_start, how) as states:
        if executor == "scipy":
            _witness(states, n, time, m0, T_start, rtol, atol, progress)
        else:
            _run(_executor(executor, plan), plan, states, n, save_every, progress)
    return states.trajectory()


def resume(path, *, progress=None, threads=None):
    """Finish a run that was streamed to a file, `simulate(..., out=path)`, and was killed: the result is that of the
    run left alone, bit for bit, thermal runs too.

    What is in the file is copied into a new one, which takes its place and grows on.
    progress, threads     as of `simulate`
    Returns : Trajectory; where nothing is missing, the one that is there
    Raises : FileNotFoundError, ValueError for a file that `load` does not read or that no stream wrote; OSError
    """
    killed = continuation(path)
    run, missing = killed.run, killed.states - len(killed.run.t)
    if not missing:
        return tidied(killed)
    begun = len(run.t) > 0
    names = ("dt", "solver", "executor", "dtype", "temperature", "seed", "noise_dt", "realisation", "save_every")
    settings = {name: getattr(run, name) for name in names} | killed.last | {"progress": progress, "threads": threads}
    settings |= {"out": killed if begun else path, "compression": killed.compression, "device": killed.device}
    settings |= {"out_dtype": run.m.dtype.name}
    duration = (missing - (not begun)) * run.save_every * run.dt
    return simulate(run.oscillator, run.drive, duration=duration, **settings)


def _spread(x, shape, dtype):
    """x over a shape, an array of its own; None is kept."""
    return None if x is None else np.broadcast_to(x, shape).astype(dtype)


def _states(out, run, n, clock, m0, T0, how):
    """Where the n states of the run go; how : the settings of a file."""
    return InMemory(run, n, clock, m0, T0) if out is None else InFile(out, run, n, clock, m0, T0, **how)


def _batch(values, m0, heat, realisation, T_start):
    """The batch shape of the run; ValueError where its parts do not broadcast or it is empty."""
    more = {} if heat is None else {f"heat {k}": part for k, part in enumerate(heat)}
    batch = batch_shape(values | more | {"m0": m0, "realisation": realisation, "T_start": T_start})
    if 0 in batch:
        name, remedy = "batch of oscillator, drive, m0 and realisation", "Give each array at least one element."
        raise ValueError(complaint(name, "not empty", f"shape {batch}", remedy))
    return batch


def _noise(oscillator, temperature, seed, realisation, noise_dt, draws, t0, heat):
    """Brown's field of the run; None without noise. With heating its deviation is that at 1 K."""
    if temperature == 0 and heat is None:
        return None
    T = temperature if heat is None else 1.0
    sigma = field_deviation(T, oscillator.alpha, oscillator.gamma, oscillator.Ms, oscillator.volume, noise_dt)
    energy = thermal_energy(T, oscillator.Ms, oscillator.volume)
    return Noise(seed, realisation, sigma, energy, draws, round(t0 / noise_dt))


def _plan(m0, T0, values, heat, time, n, solver, noise, dtype, device, threads):
    """The run as the fast executors need it."""
    batch = m0.shape[:-1]
    tree = (reduced_step(values, time.dt), *arguments(values), *(() if heat is None else (heat,)))
    start = m0.reshape(-1, 3).T
    if T0 is not None:
        start = np.concatenate([start, T0.reshape(1, -1)])
    return Plan(tree, start, batch, dtype, device, solver, time, noise, splits(tree, time, n, batch), threads)


def _executor(name, plan):
    """The fast executor of that name, ready to run."""
    if name == "torch":
        from shno.eager import Eager

        return Eager(plan)
    from shno.compiled import Compiled

    return Compiled(plan)


def _run(executor, plan, states, n, save_every, progress):
    """Keep all states: whole steps up to each one that a breakpoint divides, that one, and on to the end."""
    advance = partial(_advance, executor, plan, states, save_every, n, progress)
    done, k = 0, 0
    while k < len(plan.splits):
        step = plan.splits[k][0]
        done = advance(done, step)
        before = executor.snapshot()
        executor.advance(step, 1, *_as_saved(executor.current(), plan.batch))
        while k < len(plan.splits) and plan.splits[k][0] == step:
            executor.divide(before, *plan.splits[k])
            k += 1
        done = step + 1
        if done % save_every == 0:
            put(states, done // save_every, *_as_saved(executor.current(), plan.batch))
        _check_norm(executor.deviation, executor.current(), done, plan.clock.dt)
        if progress is not None:
            progress(done, n)
    advance(done, n)


def _advance(executor, plan, states, save_every, n, progress, done, until):
    """Whole steps from `done` up to `until`, in chunks of saved states; returns `until`."""
    held = max(CHUNK // (3 * plan.n), min(LEAST, 4 * CHUNK // (3 * plan.n)))
    chunk = max(1, min(held, CHUNK_STEPS // (plan.n * save_every), executor.longest // save_every))
    unsaved = _as_saved(executor.current(), plan.batch)
    while done < until:
        to_next, number = save_every - done % save_every, done // save_every + 1
        if min(to_next, until - done, executor.longest) < save_every:  # up to a saved state, or less than to the next
            saves, every = 1, min(to_next, until - done, executor.longest)
        else:
            saves, every = min(chunk, (until - done) // save_every), save_every
        m, T = states.room(number, saves) if (done + every) % save_every == 0 else unsaved
        executor.advance(done, every, m, T)
        done += len(m) * every
        _check_norm(executor.deviation, executor.current(), done, plan.clock.dt)
        if done % save_every == 0:
            states.filled(number, len(m))
        if progress is not None:
            progress(done, n)
    return until


def _as_saved(state, batch):
    """A state (3 or 4, n) as a series of one: m (1, *batch, 3), T (1, *batch) or None."""
    T = state[3].copy().reshape(1, *batch) if len(state) == 4 else None
    return state[:3].T.copy().reshape(1, *batch, 3), T


def _check_norm(deviation, state, step, dt):
    """IntegrationError when the norm moved too far ( | |m|^2 - 1 | = 2 | |m| - 1 | ) or the state is not finite."""
    worst = float(np.max(deviation)) / 2
    if len(state) == 4 and not np.isfinite(state[3]).all():
        raise IntegrationError(
            f"the temperature left the range below the Curie temperature before step {step}, {step * dt:.6g} s after "
            "the start. Use a smaller current, R or R_th."
        )
    if worst <= LARGEST_NORM_ERROR and np.isfinite(state).all():
        return
    raise IntegrationError(
        f"| |m| - 1 | reached {worst:.2g} before step {step}, {step * dt:.6g} s after the start: "
        f"m turns too far in one step. Use dt <= {dt / 2:.3g} s."
    )


def _witness(states, n, clock, m0, T0, rtol, atol, progress):
    """Keep all states from m0 on by the witness: implicit Gilbert form, scipy."""
    from shno import reference

    run, t = states.run, clock.at(states.run.save_every * np.arange(n // states.run.save_every + 1))
    start = {"temperature": run.temperature, "T_start": None if T0 is None else T0.astype(np.float64)}
    y = reference.solve(run.oscillator, run.drive, m0.astype(np.float64), t, **start, rtol=rtol, atol=atol)
    put(states, 1, y[1:, ..., :3], None if T0 is None else y[1:, ..., 3])
    if progress is not None:
        progress(n, n)


def _versions():
    return f"shno {__version__}, numpy {np.__version__}, python {platform.python_version()}"
