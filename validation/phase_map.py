"""A phase diagram of 100 currents x 80 fields from one command: its time, its threshold, the same on a cluster."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import shno
from shno.experiments import critical_current
from validation.claim import Claim

ROWS = ()
ALONE = True
CURRENTS, FIELDS = np.linspace(0.0, 4e-4, 100), np.linspace(0.1, 0.8, 80)
COMMAND = (
    *("sweep", "--preset", "w-cofeb-pma", "--duration-ns", "20", "--dt-ps", "1", "--temperature-K", "300"),
    *("--seed", "1", "--save-every", "10", "--reducer", "amplitude"),
    *("--axis", "I_mA=0:0.4:100", "--axis", "B_mT=100:800:80"),
)
MOST = 30.0  # s
OFF = 0.6  # steps: theory lies within the step before the first growing one, and the precession is not infinitely small


def command(folder, name, *more):
    """Run the command; returns the Sweep and the seconds from start to exit."""
    begun = time.perf_counter()
    words = [sys.executable, "-m", "shno", *COMMAND, "--out", str(folder / name), *more]
    subprocess.run(words, check=True, capture_output=True)
    return shno.load_sweep(folder / name), time.perf_counter() - begun


def growth(run):
    """ln of the rms of m about its mean in the third quarter over that in the second; > 0 where a precession grows."""
    second, third = (run.m[k * len(run.t) // 4 : (k + 1) * len(run.t) // 4] for k in (1, 2))
    return np.log(np.sqrt(third.var(axis=0).sum(axis=-1)) / np.sqrt(second.var(axis=0).sum(axis=-1)))


def steps_off():
    """Distance of the current where precession begins to grow, at temperature 0, from theory: steps, for each field."""
    records = shno.preset("w-cofeb-pma"), shno.operating_point("w-cofeb-pma")
    settings = {"duration": 20e-9, "dt": 1e-12, "save_every": 10, "reducer": growth}
    axes = {"I": CURRENTS, "B_ext.magnitude": FIELDS}
    grows = shno.sweep(*records, axes, **settings)["growth"] > 0
    direction = records[1].B_ext / np.linalg.norm(records[1].B_ext)
    theory = critical_current(records[0], shno.Drive(I=0.0, B_ext=FIELDS[:, None] * direction))
    first = np.argmax(grows, axis=0)  # the first current that grows: theory lies in the step before it
    return np.abs(first - 0.5 - theory / (CURRENTS[1] - CURRENTS[0]))


def claims(figures):
    """Time after compiling, agreement of one machine and a cluster, the threshold; on the same grid."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command(folder, "compiled.h5")
        one, seconds = command(folder, "one.h5", *(("--figure", str(figures / "phase_map.png")) if figures else ()))
        two, _ = command(folder, "two.h5", "--scheduler", "local:2")
    differ = np.count_nonzero(one["amplitude"].view(np.uint64) != two["amplitude"].view(np.uint64))
    what = "100 currents x 80 fields, preset A, 20 ns at 1 ps, 300 K"
    return [
        Claim("PM1", f"{what}: one command, s", "target", MOST, seconds, how="at most", unit="s"),
        Claim("PM2", f"{what}: values that differ on 2 Dask workers", "the same arithmetic", 0, differ, how="at most"),
        Claim(
            "PM3",
            f"{what} but 0 K: threshold, steps of the current off",
            "eigenvalues",
            0,
            steps_off(),
            0.6,
            "absolute",
        ),
    ]
