"""Arnold tongue: where a microwave current locks a W/CoFeB/MgO oscillator, and how fast it beats elsewhere. About ten
seconds."""

import argparse
from pathlib import Path

import numpy as np

import shno
from shno import experiments
from shno.experiment_plots import plot_locking_map

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("."), help="folder of the figure")
parser.add_argument("--quick", action="store_true", help="fewer and shorter runs")
options = parser.parse_args()
frequencies, amplitudes, duration = (5, 3, 30e-9) if options.quick else (81, 31, 80e-9)

oscillator = shno.preset("w-cofeb-pma")
drive = shno.operating_point("w-cofeb-pma")  # 0.2 mA: it oscillates at 12.435 GHz
tongue = experiments.injection_locking(
    oscillator,
    drive,
    f_inj=np.linspace(11.9e9, 12.97e9, frequencies),
    amplitudes=np.linspace(0.0, 40e-6, amplitudes),
    duration=duration,
    discard=duration / 4,
    dt=1.25e-12,
    save_every=8,
)
width = tongue.highest[-1] - tongue.lowest[-1]
print(f"free-running {tongue.free_frequency / 1e9:.3f} GHz; 40 uA lock it over {width / 1e6:.0f} MHz")
plot_locking_map(tongue, options.out / "injection_locking.png", title="W/CoFeB/MgO at 0.2 mA and 0.4 T, rf current")
