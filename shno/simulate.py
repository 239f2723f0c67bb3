"""The front door: check, assemble, choose an executor, loop, hand back a Trajectory."""

import platform
from functools import partial

import numpy as np

from shno import __version__
from shno.call import (
    check_call,
    check_m0,
    check_memory,
    check_T_start,
    check_threads,
    checked_numbers,
    checked_realisation,
    executor_of,
    realisations,
)
from shno.checks import IntegrationError, complaint
from shno.guard import check_heating, check_kick, check_turn
from shno.parameters import arguments, batch_shape, heat_parameters, parameters, reduced_step
from shno.plan import Noise, Plan, clock, splits
from shno.stability import equilibrium, thermal_state
from shno.thermal import field_deviation, thermal_energy
from shno.trajectory import Trajectory

LARGEST_NORM_ERROR = 1e-4  # of |m| before projection
CHUNK = 1 << 22  # numbers of m held in an executor's layout before they are copied out
CHUNK_STEPS = 1 << 27  # oscillator steps between two reports of progress


def simulate(oscillator, drive, *, duration, dt, m0=None, temperature=0.0, seed=None, realisation=None, t0=0.0,
             noise_dt=None, solver="rk4", executor="auto", dtype="float64", device="cpu", rtol=1e-10, atol=1e-12,
             save_every=1, progress=None, T_start=None, threads=None,
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
    progress                called as progress(steps done, steps in all)
    threads                 of the compiled kernels, at most; by default OMP_NUM_THREADS, or one a processor
    T_start : (...), K      of a heated oscillator at t0, run.T[-1] of the run that goes on; `temperature` by default
    Returns : Trajectory with t (n / save_every + 1,) in s and m (n / save_every + 1, *batch, 3)
    Raises : TypeError, ValueError for a bad call; IntegrationError when | |m| - 1 | exceeds 1e-4 before projection
    """
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
    check_memory(n, save_every, batch, dtype)
    if m0 is None:
        drawn = temperature if solver != "reference" else 0.0
        m0 = _start(oscillator, drive.at(t0), batch, drawn, seed, realisation_)
    t = time.at(save_every * np.arange(n // save_every + 1))
    m, T = _saved(len(t), batch, dtype, m0, T_start)
    if executor == "scipy":
        _witness(m, T, oscillator, drive, t, temperature, rtol, atol, progress)
    else:
        check_turn(m[0], values, time, n, solver)
        check_kick(oscillator, temperature, dt, solver)
        check_heating(oscillator, dt)
        noise = _noise(oscillator, temperature, seed, realisation_, noise_dt or dt, draws, t0, heat)
        plan = _plan(m, T, values, heat, time, n, solver, noise, dtype, device, threads)
        _run(_executor(executor, plan), plan, m, T, n, save_every, progress)
    settings = {"dt": dt, "t0": float(t[0]), "save_every": int(save_every), "executor": executor}
    seed = None if seed is None else int(seed)
    noisy = {"temperature": temperature, "seed": seed, "noise_dt": noise_dt, "realisation": realisation}
    return Trajectory(
        t, m, oscillator, drive, solver=solver, dtype=dtype, versions=_versions(), T=T, **settings, **noisy
    )


def _batch(values, m0, heat, realisation, T_start):
    """The batch shape of the run; ValueError where its parts do not broadcast or it is empty."""
    more = {} if heat is None else {f"heat {k}": part for k, part in enumerate(heat)}
    batch = batch_shape(values | more | {"m0": m0, "realisation": realisation, "T_start": T_start})
    if 0 in batch:
        name, remedy = "batch of oscillator, drive, m0 and realisation", "Give each array at least one element."
        raise ValueError(complaint(name, "not empty", f"shape {batch}", remedy))
    return batch


def _start(oscillator, drive, batch, temperature, seed, realisation):
    """The state to start from where none is given."""
    if temperature > 0:
        return thermal_state(oscillator, drive, temperature, seed, realisation.reshape(batch))
    return _tilted(equilibrium(oscillator, drive))


def _saved(n, batch, dtype, m0, T_start):
    """Arrays for n saved states, the first filled in: m (n, *batch, 3), and T (n, *batch), None without heating."""
    m = np.empty((n, *batch, 3), dtype)
    m[0] = m0
    if T_start is None:
        return m, None
    T = np.empty(m.shape[:-1], dtype)
    T[0] = T_start
    return m, T


def _tilted(m, degrees=1.0):
    """m turned by a degree: exactly at a fixed point nothing would ever move."""
    helper = np.where(np.abs(m[..., :1]) < 0.7, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    away = np.cross(m, helper)
    away /= np.linalg.norm(away, axis=-1, keepdims=True)
    return np.cos(np.radians(degrees)) * m + np.sin(np.radians(degrees)) * away


def _noise(oscillator, temperature, seed, realisation, noise_dt, draws, t0, heat):
    """Brown's field of the run; None without noise. With heating its deviation is that at 1 K."""
    if temperature == 0 and heat is None:
        return None
    T = temperature if heat is None else 1.0
    sigma = field_deviation(T, oscillator.alpha, oscillator.gamma, oscillator.Ms, oscillator.volume, noise_dt)
    energy = thermal_energy(T, oscillator.Ms, oscillator.volume)
    return Noise(seed, realisation, sigma, energy, draws, round(t0 / noise_dt))


def _plan(m, T, values, heat, time, n, solver, noise, dtype, device, threads):
    """The run as the fast executors need it."""
    batch = m.shape[1:-1]
    tree = (reduced_step(values, time.dt), *arguments(values), *(() if heat is None else (heat,)))
    start = m[0].reshape(-1, 3).T
    if T is not None:
        start = np.concatenate([start, T[0].reshape(1, -1)])
    return Plan(tree, start, batch, dtype, device, solver, time, noise, splits(tree, time, n, batch), threads)


def _executor(name, plan):
    """The fast executor of that name, ready to run."""
    if name == "torch":
        from shno.eager import Eager

        return Eager(plan)
    from shno.compiled import Compiled

    return Compiled(plan)


def _run(executor, plan, m, T, n, save_every, progress):
    """Fill m[1:] and T[1:]: whole steps up to each one that a breakpoint divides, that one, and on to the end."""
    advance = partial(_advance, executor, plan, m, T, save_every, n, progress)
    done, k = 0, 0
    while k < len(plan.splits):
        step = plan.splits[k][0]
        done = advance(done, step)
        before = executor.snapshot()
        executor.advance(step, 1, 1)
        while k < len(plan.splits) and plan.splits[k][0] == step:
            executor.divide(before, *plan.splits[k])
            k += 1
        done = step + 1
        if done % save_every == 0:
            _keep(m, T, done // save_every, executor.current()[None])
        _check_norm(executor.deviation, executor.current(), done, plan.clock.dt)
        if progress is not None:
            progress(done, n)
    advance(done, n)


def _advance(executor, plan, m, T, save_every, n, progress, done, until):
    """Whole steps from `done` up to `until`, in chunks of saved states; returns `until`."""
    chunk = max(1, min(CHUNK // (3 * plan.n), CHUNK_STEPS // (plan.n * save_every), executor.longest // save_every))
    while done < until:
        to_next = save_every - done % save_every
        if min(to_next, until - done, executor.longest) < save_every:  # up to a saved state, or less than to the next
            saves, every = 1, min(to_next, until - done, executor.longest)
        else:
            saves, every = min(chunk, (until - done) // save_every), save_every
        saved = executor.advance(done, saves, every)
        first, done = done, done + saves * every
        if done % save_every == 0:
            _keep(m, T, first // save_every + 1, saved)
        _check_norm(executor.deviation, saved[-1], done, plan.clock.dt)
        if progress is not None:
            progress(done, n)
    return until


def _keep(m, T, first, saved):
    """Put saved states (k, 3 or 4, n) into m and T from the index `first` on."""
    k, batch = len(saved), m.shape[1:-1]
    m[first : first + k] = np.moveaxis(saved[:, :3], 1, 2).reshape(k, *batch, 3)
    if T is not None:
        T[first : first + k] = saved[:, 3].reshape(k, *batch)


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


def _witness(m, T, oscillator, drive, t, temperature, rtol, atol, progress):
    """Fill m[1:] from m[0] by the witness: implicit Gilbert form, scipy."""
    from shno import reference

    tolerances = {"rtol": rtol, "atol": atol}
    start = {"temperature": temperature, "T_start": None if T is None else T[0].astype(np.float64)}
    y = reference.solve(oscillator, drive, m[0].astype(np.float64), t, **start, **tolerances)
    m[:] = y[..., :3]
    if T is not None:
        T[:] = y[..., 3]
    if progress is not None:
        progress(len(m) - 1, len(m) - 1)


def _versions():
    return f"shno {__version__}, numpy {np.__version__}, python {platform.python_version()}"
