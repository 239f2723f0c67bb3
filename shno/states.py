"""Where the states of a run go: into arrays, or into a file while the run goes on; and how a killed run goes on."""

import os
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from shno.checks import IntegrationError
from shno.stored import is_closed
from shno.stream import Stream
from shno.trajectory import Trajectory, read_with

PIECE = 1 << 14  # states whose times are computed at once, within a processor's cache


class InMemory:
    """Arrays for n saved states. m0 (*batch, 3) and T0 (*batch), None without heating, are the first of them."""

    def __init__(self, run, n, clock, m0, T0):
        """run : Trajectory without states; clock : of its steps"""
        self.run, self.began = run, perf_counter()
        self.t = clock.at(run.save_every * np.arange(n))
        self.m, self.T = _empty(n, m0), _empty(n, T0)
        put(self, 0, *_one(m0, T0))

    def room(self, first, most):
        """Where saved states from number `first` on are to be put, `most` of them or fewer: m (k, *batch, 3) and
        T (k, *batch) or None, in the precision of the run.
        """
        part = slice(first, first + most)
        return self.m[part], None if self.T is None else self.T[part]

    def filled(self, first, count):
        """So many of them are there."""

    def __enter__(self):
        """Nothing to open."""
        return self

    def __exit__(self, *_):
        """Nothing to close."""

    def trajectory(self):
        """The run with its states."""
        return replace(self.run, t=self.t, m=self.m, T=self.T, wall_time=perf_counter() - self.began)


class InFile:
    """The same by a `Stream`; out is a path, or the `Continuation` of a run whose file has its first states."""

    def __init__(self, out, run, n, clock, m0, T0, *, compression, out_dtype, device):
        """compression : None, "gzip" or "lzf"; out_dtype : of the file, None for that of the run
        device : noted in the file, for a run that goes on
        """
        self.run, self.clock = run, clock
        self.goes_on = goes_on = isinstance(out, Continuation)
        self.path, whole, n = (out.path, out.run, out.states) if goes_on else (out, run, n)
        self.whole = whole
        groups, attributes = whole.content((n - 1) * run.save_every)
        groups["run"] |= out.start if goes_on else {"m0": (m0, "1")} | ({} if T0 is None else {"T_start": (T0, "K")})
        noted = {"device": str(device)} | ({} if compression is None else {"compression": compression})
        given = {"groups": groups, "attributes": attributes | noted, "compression": compression}
        given |= {"steps": run.save_every * max(1, m0.size // 3), "m": _empty(0, m0, out_dtype)}
        if given["m"].dtype != m0.dtype:
            last = np.asarray(whole.t[-1] if goes_on else run.t0)
            given["exact"] = [x for x in (m0, T0, last) if x is not None]
        if goes_on:
            copied = [x for x in (whole.m, whole.T, whole.t) if x is not None]
            given |= {"copied": copied, "rows": out.rows}
        self.stream = Stream(self.path, states=n, T=_empty(0, T0, out_dtype), **given)
        if not goes_on:
            put(self, 0, *_one(m0, T0))

    def room(self, _, most):
        """As of `InMemory`."""
        m, *T = self.stream.room(most)
        return m, T[0] if T else None

    def filled(self, first, count):
        """As of `InMemory`."""
        for start in range(first, first + count, PIECE):
            stop = min(start + PIECE, first + count)
            self.stream.fill(self.clock.at(self.run.save_every * np.arange(start, stop)))

    def __enter__(self):
        """The stream is open."""
        return self

    def __exit__(self, kind, *_):
        """Close it. What was written stays, unless the solve failed: then no run is left to finish."""
        self.stream.close(complete=kind is None)
        if kind is IntegrationError and not self.goes_on:
            os.remove(self.path)

    def trajectory(self):
        """The run, whose states stay in the file."""
        m, *T, t = self.stream.stored
        return replace(self.whole, t=t, m=m, T=T[0] if T else None, wall_time=self.stream.elapsed)


def put(states, first, m, T):
    """Copy states (k, *batch, 3), (k, *batch) or None to where those from number `first` on belong."""
    done = 0
    while done < len(m):
        room_m, room_T = states.room(first + done, len(m) - done)
        part = slice(done, done + len(room_m))
        room_m[:] = m[part]
        if T is not None:
            room_T[:] = T[part]
        states.filled(first + done, len(room_m))
        done += len(room_m)


@dataclass(frozen=True)
class Continuation:
    """A killed run: its file, what is in it, how many states it is to have, and how it was computed.

    start : {"m0": (value, unit), "T_start": ...}   which it began with
    rows                                            states of a chunk of its file
    exact : {"m", "T", "time"} or None              its last state, where the file has another precision than the run
    """

    path: str
    run: Trajectory
    states: int
    start: dict
    rows: int
    exact: dict | None = None
    device: str = "cpu"
    compression: str | None = None

    @property
    def last(self):
        """{"m0", "T_start", "t0"} of the last state that is whole."""
        run = self.run
        if len(run.t):
            state = self.exact or {"m": run.m[-1], "T": None if run.T is None else run.T[-1]}
            return {"m0": state["m"], "t0": float(run.t[-1]), "T_start": state.get("T")}
        return {"T_start": None, "t0": run.t0} | {name: value for name, (value, _) in self.start.items()}


def continuation(path):
    """The Continuation of the run in a file. Raises : as of `load`; ValueError where no stream wrote it"""
    run, about = read_with(path, lazy=True)
    if "states" not in about:
        raise ValueError(f"{path} cannot be resumed: it was saved whole. A file of simulate(..., out=path) can be.")
    start = {name: (about[name], unit) for name, unit in (("m0", "1"), ("T_start", "K")) if name in about}
    more = {name: about[name] for name in ("device", "compression", "rows", "exact") if name in about}
    if 0 < len(run.t) < int(about["states"]) and run.m.dtype != run.dtype and about["exact"] is None:
        rule = "the state that it goes on from is in it as it was stored only, not as it was computed"
        raise ValueError(f"{path} cannot be resumed: {rule}. It was cut: run it again.")
    return Continuation(path, run, int(about["states"]), start, **more)


def tidied(killed):
    """The run of a Continuation that misses no state, in a file that was closed."""
    if is_closed(killed.path):
        return killed.run
    last = killed.last
    more = {"compression": killed.compression, "device": killed.device, "out_dtype": None}
    with InFile(killed, killed.run, 0, None, last["m0"], last["T_start"], **more) as states:
        pass
    return states.trajectory()


def _empty(n, first, dtype=None):
    """An empty array for n states like the first, or of another dtype."""
    return None if first is None else np.empty((n, *first.shape), dtype or first.dtype)


def _one(m0, T0):
    """A single state as a series of them."""
    return m0[None], None if T0 is None else T0[None]
