"""A sweep that is killed ten times at random moments and resumed has the values of one that was not, byte for byte."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import shno
from validation.claim import Claim

ROWS = ()
ALONE = True  # it starts processes and kills them, for half a minute
KILLS, RUNS, BLOCK, SEED = 10, 9216, 256, 11
AXES = {"I": np.linspace(0.0, 4e-4, 16), "B_ext.magnitude": np.linspace(0.1, 0.8, 12), "temperature": [200.0, 300.0]}
SETTINGS = {"duration": 1e-9, "dt": 1e-12, "seed": 3, "reducer": "amplitude", "realisations": 24, "save_every": 5}
PAUSE = 0.15  # s after a block: a kill falls into a computation, a write, or between them
SCRIPT = """
import sys, time
from validation.kills_sweep import PAUSE, swept
def progress(done, total):
    print(done, flush=True)
    time.sleep(PAUSE * done / total)
swept(out=sys.argv[1], resume=True, progress=progress)
"""


def swept(**how):
    """The thermal sweep around preset A."""
    records = shno.preset("w-cofeb-pma"), shno.operating_point("w-cofeb-pma")
    return shno.sweep(*records, AXES, **SETTINGS, block=BLOCK, **how)


def killed(path, rng):
    """Start or resume the sweep and kill it; returns the runs that were finished before, and that it had told of.

    The kill falls up to 0.5 s after the second report: at the earliest when the first new block is written.
    """
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(path)], stdout=subprocess.PIPE, text=True)
    told = [int(process.stdout.readline()) for _ in range(2)]
    time.sleep(rng.uniform(0, 0.5))
    process.send_signal(signal.SIGKILL)
    process.wait()
    told += [int(line) for line in process.stdout.read().split()]
    process.stdout.close()
    return told


def claims(figures):
    """Differing bytes after ten kills; finished runs that a kill lost, or that were computed again."""
    whole, rng, lost, again, kills, before = swept()["amplitude"], np.random.default_rng(SEED), 0, 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sweep.h5"
        for _ in range(KILLS):
            told = killed(path, rng)
            finished = int(np.isfinite(shno.load_sweep(path)["amplitude"]).sum())
            lost, again = max(lost, told[-1] - finished), max(again, before - told[0])
            kills, before = kills + (finished < RUNS), finished
        result = swept(out=os.fspath(path), resume=True)["amplitude"]
    same = np.count_nonzero(result.view(np.uint64) != whole.view(np.uint64))
    what, how = f"a sweep of {RUNS} thermal runs", "the same arithmetic"
    return [
        Claim("KS1", f"{what}, unfinished at each of {KILLS} SIGKILLs", "its size", KILLS, kills, how="at least"),
        Claim("KS2", f"{what}: values that differ after {KILLS} SIGKILLs and resumes", how, 0, same, how="at most"),
        Claim("KS3", f"{what}: finished runs that a SIGKILL lost", "flushed by block", 0, lost, how="at most"),
        Claim("KS4", f"{what}: finished runs computed again", "flushed by block", 0, again, how="at most"),
    ]
