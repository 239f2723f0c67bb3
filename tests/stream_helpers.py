"""Streamed runs, whole and killed, as the tests of their files make them."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np

import shno

SMALL = 64 * 24  # bytes of a chunk: 64 states of one oscillator
OSCILLATOR, DRIVE = shno.preset("w-cofeb-pma"), shno.operating_point("w-cofeb-pma")
RUN = {"duration": 1e-9, "dt": 1e-12, "temperature": 300.0, "seed": 1}
HEATED = shno.Oscillator(
    Ms=1.05e6, alpha=0.025, thickness=1.7e-9, width=150e-9, theta_SH=0.2, t_HM=5e-9, R=300.0, R_th=8e3, C_th=1e-14
)
KINDS = {
    "thermal": (OSCILLATOR, {}),
    "batch, float32": (OSCILLATOR, {"m0": np.eye(3), "dtype": "float32", "save_every": 5}),
    "heated": (HEATED, {"realisation": [[4], [7]]}),
    "compressed": (OSCILLATOR, {"compression": "gzip"}),
    "witness": (OSCILLATOR, {"solver": "reference", "temperature": 0.0, "seed": None, "duration": 0.1e-9}),
    "rounded": (HEATED, {"realisation": [[4], [7]], "out_dtype": "float32"}),
    "waveform": (OSCILLATOR, {"drive": shno.Drive(I=shno.Pulse(2e-4, 0.2005e-9, 0.3e-9), B_ext=DRIVE.B_ext)}),
    "callable": (OSCILLATOR, {"drive": shno.Drive(I=shno.Function(lambda t: 1e-4 + 1e5 * t), B_ext=DRIVE.B_ext)}),
}


def run_of(kind, **more):
    """The run of a kind; where it is streamed, in chunks of 64 states at most."""
    oscillator, settings = KINDS[kind]
    settings = RUN | settings | more
    return shno.simulate(oscillator, settings.pop("drive", DRIVE), **settings)


def append(stream, t, m):
    """Put states of these times into a stream."""
    while len(t):
        (room,) = stream.room(len(t))
        n = len(room)
        room[:], done, t, m = m[:n], t[:n], t[n:], m[n:]
        stream.fill(done)


def same(a, b):
    """Whether two runs have the same states, bit for bit."""
    series = ("t", "m", *(() if a.T is None else ("T",)))
    return all(np.asarray(getattr(a, x)).tobytes() == np.asarray(getattr(b, x)).tobytes() for x in series)


def in_memory(kind):
    """The run of a kind, in the precision of its file."""
    run = run_of(kind, compression=None, out_dtype=None)
    if kind == "rounded":
        return replace(run, m=run.m.astype(np.float32), T=run.T.astype(np.float32))
    return run


def unfinished(path, kind, states, goes_on=False):
    """A file such as a kill leaves it: so many states, not closed by its writer."""
    run = "t.shno.resume(sys.argv[1])" if goes_on else f"t.run_of({kind!r}, out=sys.argv[1])"
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[3]); import stream_helpers as t; from shno import stream\n"
        "stream.CHUNK, keep = t.SMALL, stream.Stream._write\n"
        "def write(self, *chunk):\n"
        "    keep(self, *chunk)\n"
        "    if self.written >= int(sys.argv[2]): os.kill(os.getpid(), 9)\n"
        f"stream.Stream._write = write; {run}"
    )
    words = [sys.executable, "-c", code, str(path), str(states), os.path.dirname(__file__)]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
