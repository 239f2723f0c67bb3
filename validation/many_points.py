"""A sweep over a million points of parameters from one command: all of them, in little memory and no more disk."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import shno
from validation.claim import Claim

ROWS = ()
ALONE = True  # a minute or two on all cores
COMMAND = (
    *("sweep", "--preset", "w-cofeb-pma", "--duration-ns", "0.2", "--dt-ps", "1", "--save-every", "4"),
    *("--reducer", "amplitude", "--axis", "I_mA=0:0.4:1000", "--axis", "B_mT=100:800:1000"),
)
POINTS, MOST_MEMORY, BESIDE = 10**6, 1000.0, 0.1  # MB of the process; of the file beside the values
SCRIPT = """
import json, sys
from pathlib import Path
from shno.__main__ import main
code = main(sys.argv[1:])
status = Path("/proc/self/status").read_text().splitlines()
peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) * 1024e-6
print(json.dumps([code, peak]))
"""


def claims(figures):
    """Points that have a value, memory and disk."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "million.h5"
        figure = str(figures / "million_points.png") if figures else "none"
        words = [sys.executable, "-c", SCRIPT, *COMMAND, "--out", str(path), "--figure", figure]
        told = subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()
        (code, peak), size = json.loads(told[-1]), path.stat().st_size / 1e6
        found = int(np.isfinite(shno.load_sweep(path)["amplitude"]).sum()) if code == 0 else 0
    what = "1000 currents x 1000 fields, 200 steps each, by one command"
    values = 8e-6 * POINTS
    return [
        Claim("MP1", f"{what}: points that have a value", "all", POINTS, found, how="absolute"),
        Claim("MP2", f"{what}: memory, MB", "a block, not the sweep", MOST_MEMORY, peak, how="at most", unit="MB"),
        Claim("MP3", f"{what}: file, MB", "8 bytes a value", values + BESIDE, size, how="at most", unit="MB"),
    ]
