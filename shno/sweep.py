"""Parameter sweeps: a grid or a list of points, on one machine or many, to a file that survives a kill.

    points -> runs (point x realisations + realisation) -> blocks of runs -> reducer -> values over the axes

A run is the same bits whatever block it is in, whoever computes it and whenever the sweep was interrupted: its noise
stream has its number, and what could round otherwise in another company is done in company that does not change
(`sweep_block`). The file is described in `sweep_file`, clusters (Dask, SLURM) in `sweep_schedule`.
"""

import os
from dataclasses import replace
from inspect import signature

import numpy as np

from shno import sweep_file, sweep_reading
from shno.call import check_call, check_m0, checked_numbers
from shno.checks import as_number, as_path, as_whole, check_choice, complaint, shown
from shno.simulate import simulate
from shno.sweep_block import GRAIN, GRAIN_BYTES, OWN, UNITS, Sweeping, check_reducer, identity_of, name_of
from shno.sweep_points import points_of
from shno.sweep_result import (
    Sweep,
    check_folder,
    check_memory,
    check_names,
    check_replaceable,
    definition_of,
    load_sweep,
    prepare,
    versions,
)
from shno.sweep_schedule import blocks, check_scheduler, workers_of

BLOCK_BYTES = 2**29  # of saved states, at most; and not more than a share of the memory
MEMORY_SHARE = 8
BLOCK_STEPS = 2**32  # oscillator steps of a block, at most: some ten seconds, which a kill costs
PARTS = 16  # blocks of a sweep, at least, where they are of
EFFICIENT = 512  # runs or more
_PLAIN = (int, float, str, type(None))
MOST_REALISATIONS = 10**7
_CHECKED = tuple(signature(check_call).parameters)[2:]
_DEFAULTS = {name: signature(simulate).parameters[name].default for name in _CHECKED if name != "progress"}
SETTINGS = (
    *("t0", "noise_dt", "solver", "executor", "dtype", "device"),
    *("rtol", "atol", "save_every", "threads", "m0", "T_start"),
)


def sweep(oscillator, drive, axes, *, duration, dt, reducer, out=None, realisations=1, mode="grid", temperature=0.0,
          seed=None, block=None, scheduler=None, resume=False, progress=None, reducer_settings=None, config="",
          command_line="", **settings):  # fmt: skip
    """Simulate every point of a grid (or list) of parameters and reduce each run to numbers.

    oscillator, drive : Oscillator, Drive   single ones, around which it sweeps
    axes : {name: values}   SI; fields of both, "B_ext.z", "B_ext.magnitude", "temperature" ... (`sweep_points`); values
                            (n,), of whole vectors (n, 3); in a grid the last one varies fastest
    duration, dt : s        of each run, of a step
    reducer                 "frequency", "amplitude", "power", "linewidth" (with its error), "threshold" (nothing is
                            integrated), "final_state", "spike_count", "trajectory", or a function of a Trajectory of a
                            batch (k,) that returns (k, ...) numbers, or a dict of them by name
    out : path              the HDF5 file, written block by block, in place of an older one unless that is of a sweep
                            which is not finished; None keeps the values in memory only
    realisations            runs a point, each with a noise of its own
    mode : "grid" | "points"    all combinations of the values, or the values taken together
    temperature, seed       as in `simulate`
    block                   runs simulated together, about; None sizes it to memory
    scheduler               None computes here, "local" or "local:2" on Dask workers here, "tcp://..." (or a
                            distributed.Client) on a cluster (`sweep_schedule`)
    resume                  go on with the file `out` of the same sweep; begins one where there is none
    progress                called as progress(runs done, runs in all)
    reducer_settings        keywords of the reducer: discard, threshold and rearm ...
    config, command_line    texts that the file keeps
    settings                further arguments of `simulate`: save_every, solver, m0 (3,), threads ...
    Returns : Sweep
    Raises : TypeError, ValueError, naming the parameter; IntegrationError; OSError for what cannot be written. What
        was finished before stays in the file
    """
    plan = planned(oscillator, drive, axes, duration=duration, dt=dt, reducer=reducer, realisations=realisations,
                   mode=mode, temperature=temperature, seed=seed, block=block, scheduler=scheduler,
                   reducer_settings=reducer_settings, **settings)  # fmt: skip
    if progress is not None and not callable(progress):
        raise TypeError(complaint("progress", "callable", shown(progress), "It is told the runs done and in all."))
    for name, value in (("config", config), ("command_line", command_line)):
        if not isinstance(value, str):
            raise TypeError(complaint(name, "a text", shown(value), "The file keeps it."))
    if not isinstance(resume, bool) or (resume and out is None):
        raise ValueError(complaint("resume", "True or False, and False without out", shown(resume), "Name the file."))
    work, block, empty = plan
    empty = replace(empty, config=config, command_line=command_line)
    if out is None:
        return _in_memory(work, block, empty, scheduler, progress)
    return _in_file(work, block, empty, as_path("out", out), resume, scheduler, progress)


def planned(oscillator, drive, axes, *, duration, dt, reducer, realisations=1, mode="grid", temperature=0.0, seed=None,
            block=None, scheduler=None, reducer_settings=None, **settings):  # fmt: skip
    """What `sweep` would do, all of it checked: the work, the runs of a block, and the Sweep without values.

    The arguments are those of `sweep`.
    Returns : sweep_block.Sweeping, int, Sweep
    Raises : TypeError, ValueError, naming the parameter
    """
    check_choice("mode", mode, ("grid", "points"))
    realisations = as_whole("realisations", realisations, 1, MOST_REALISATIONS, "Runs a point.")
    points = points_of(oscillator, drive, axes, is_grid=mode == "grid", realisations=realisations)
    reducer_settings = {} if reducer_settings is None else reducer_settings
    check_reducer(reducer, reducer_settings)
    check_scheduler(scheduler)
    settings = _settings(duration=duration, dt=dt, temperature=temperature, seed=seed, **settings)
    work = Sweeping(points, reducer, reducer_settings, settings, 1)
    for run in {0, points.runs - 1}:
        numbers = work.call(points.groups(np.array([run]))[0][0])
        given = _DEFAULTS | {name: value for name, value in numbers.items() if name in _CHECKED}
        names = ("duration", "dt", "t0", "temperature", "noise_dt")
        given |= zip(names, checked_numbers(**{name: given[name] for name in names}), strict=True)
        check_call(oscillator, drive, **given, progress=None)
    states, steps = longest(work)
    work.check_corners()
    work = replace(work, grain=int(np.clip(GRAIN_BYTES // (states * 24), 1, GRAIN)))
    block = _block(work, block, states, steps, scheduler)
    units = {axis.name: axis.unit for axis in points.axes}
    scales = {"realisation": np.arange(realisations)} if realisations > 1 else {}
    told = {name: value for name, value in settings.items() if name != "threads"}
    told = {name: value if isinstance(value, _PLAIN) else _plain(value) for name, value in told.items()}
    empty = Sweep({axis.name: axis.values for axis in points.axes}, {}, units, {}, scales, mode, realisations,
                  name_of(reducer), told, oscillator, drive, 0.0, versions=versions())  # fmt: skip
    return work, block, empty


def _plain(value):
    """A setting as JSON has it: an array or a numpy number as lists and numbers, anything else (a device) as text."""
    return np.asarray(value).tolist() if isinstance(value, np.ndarray | np.generic) else str(value)


def _settings(**settings):
    """The settings of `simulate`, which checks them when it is called; ValueError for one that is not the sweep's."""
    for name in settings:
        if name not in (*SETTINGS, "duration", "dt", "temperature", "seed"):
            remedy = f"There are {', '.join(SETTINGS)}."
            raise TypeError(complaint("settings", "arguments of simulate that hold for all runs", name, remedy))
    if settings.get("m0") is not None:
        settings["m0"] = check_m0(settings["m0"])
        if settings["m0"].ndim > 1:
            raise ValueError(
                complaint("m0", "one for all runs", f"shape {settings['m0'].shape}", "Or make it an axis.")
            )
    if settings.get("T_start") is not None:
        settings["T_start"] = as_number("T_start", settings["T_start"])
    for name in ("duration", "dt"):
        settings[name] = as_number(name, settings[name], "> 0", lambda x: (x > 0) & np.isfinite(x), "In seconds.")
    settings["temperature"] = as_number("temperature", settings["temperature"])
    if settings.get("save_every") is not None:
        settings["save_every"] = as_whole("save_every", settings["save_every"], 1, 1 << 40, "Steps.")
    return {name: np.asarray(value) if name == "m0" else value for name, value in settings.items() if value is not None
            or name == "seed"}  # fmt: skip


def longest(work):
    """Saved states, and steps, of the longest run."""
    values = {axis.name: axis.values for axis in work.points.axes}
    duration, dt = (values.get(name, np.array([work.settings[name]])) for name in ("duration", "dt"))
    if len(duration) > 1 or len(dt) > 1:
        for name in ("trajectory",):
            if work.reducer == name:
                raise ValueError(complaint("reducer", f"other than {name} where duration or dt is an axis", name,
                                           "Runs of one length fill one array."))  # fmt: skip
    if work.reducer == "threshold":
        return 1, 0
    if not (np.all(dt > 0) and np.all(duration > 0)):
        raise ValueError(complaint("axes duration, dt", "> 0", "0 or less", "In seconds."))
    steps = max(1, round(duration.max() / dt.min()))
    every = work.call({"duration": float(duration.max()), "dt": float(dt.min())}).get("save_every", 1)
    return steps // every + 1, steps


def _block(work, block, states, steps, scheduler):
    """Runs of a block: whole grains."""
    runs = work.points.runs
    if block is None:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MEMORY_SHARE
        block = min(min(BLOCK_BYTES, memory) // (states * 24), BLOCK_STEPS // max(steps, 1))
        block = min(block, max(EFFICIENT, -(-runs // max(PARTS, 4 * workers_of(scheduler)))))
    else:
        block = as_whole("block", block, 1, 2**32, "Runs.")
    return max(1, min(block, runs) // work.grain) * work.grain


def _in_memory(work, block, empty, scheduler, progress):
    """The Sweep, kept in memory."""
    runs, arrays, done, sweep = work.points.runs, {}, 0, None
    progress = progress or _silent
    progress(0, runs)
    for first, values in blocks(work, _spans(runs, block), scheduler):
        if not arrays:
            check_memory(runs, values)
        for name, value in values.items():
            array = arrays.setdefault(name, np.full((runs, *value.shape[1:]), np.nan, value.dtype))
            array[first : first + len(value)] = value
        done += len(next(iter(values.values())))
        sweep = sweep or _laid_out(work, empty, values)
        progress(done, runs)
    shapes = _shapes(work, sweep, arrays)
    return replace(sweep, values={name: array.reshape(shapes[name][1]) for name, array in arrays.items()}, finished=1.0)


def _in_file(work, block, empty, out, resume, scheduler, progress):
    """The Sweep, written to the file block by block."""
    check_folder(out)
    sweep_file.check_free(out)
    definition, runs, done = definition_of(empty, identity_of(work.reducer), work.given), work.points.runs, 0
    exists, spans = resume and os.path.exists(out), _spans(runs, block)
    if not resume:
        check_replaceable(out)
    if exists:
        attributes, finished = sweep_reading.progress(out)
        if attributes["definition"] != definition:
            remedy = "Use the arguments that it was begun with, or another file."
            raise ValueError(
                complaint("out", "the file of this sweep where it is resumed", f"{out} of another", remedy)
            )
        spans = [span for span, is_done in zip(_spans(runs, attributes["block"]), finished, strict=True) if not is_done]
        done = runs - sum(last - first for first, last in spans)
    progress = progress or _silent
    progress(done, runs)
    writer = sweep_file.Writer(out) if exists else None
    try:
        for first, values in blocks(work, spans, scheduler) if spans else ():
            if writer is None:
                sweep = _laid_out(work, empty, values)
                prepare(out, sweep, _shapes(work, sweep, values), block, definition)
                writer = sweep_file.Writer(out)
            writer.write(first, values)
            done += len(next(iter(values.values())))
            progress(done, runs)
    finally:
        if writer is not None:
            writer.close()
    return load_sweep(out)


def _silent(done, runs):
    """Progress that nobody looks at."""


def _spans(runs, block):
    """(first, last) of each block."""
    return [(first, min(first + block, runs)) for first in range(0, runs, block)]


def _laid_out(work, empty, values):
    """The Sweep with the names, units and dimensions of the values that the first block has."""
    check_names(empty.axes, values)
    first = tuple(empty.axes) if empty.mode == "grid" else ("point",)
    first += ("realisation",) if empty.realisations > 1 else ()
    dimensions = {name: first + _own(name, value, work) for name, value in values.items()}
    scales = dict(empty.scales)
    for name, value in values.items():
        own = dimensions[name][len(first) :]
        scales |= {
            each: np.arange(n)
            for each, n in zip(own, value.shape[1:], strict=True)
            if each not in ("time", "component")
        }
    if any("time" in names for names in dimensions.values()):
        every, t0 = work.settings.get("save_every", 1), work.settings.get("t0", 0.0)
        scales["time"] = t0 + work.settings["dt"] * every * np.arange(values["m"].shape[1])
    unit = {"I": "A", "J": "A/m^2", "a_DL": "T"}[_current(work)] if work.reducer == "threshold" else None
    known = {name: "1" for name in ("amplitude", "power", "final_state", "m", "spike_count")} | UNITS
    units = {name: (unit or known.get(name)) if isinstance(work.reducer, str) else None for name in values}
    return replace(empty, dimensions=dimensions, scales=scales, units=empty.units | units)


def _own(name, value, work):
    """The names of the axes that a reducer adds."""
    if isinstance(work.reducer, str) and name in OWN:
        return OWN[name]
    return tuple(f"{name}_{k}" for k in range(value.ndim - 1))


def _current(work):
    """The drive's current, or that which an axis puts in its place."""
    swept = [axis.field for axis in work.points.axes if axis.field in ("I", "J", "a_DL")]
    return swept[0] if swept else work.points.drive.current[0]


def _shapes(work, sweep, values):
    """{name: (dimensions, shape, dtype, unit)} of the whole arrays."""
    first = work.points.shape + ((sweep.realisations,) if sweep.realisations > 1 else ())
    return {
        name: (sweep.dimensions[name], (*first, *value.shape[1:]), value.dtype, sweep.units[name])
        for name, value in values.items()
    }
