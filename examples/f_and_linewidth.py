"""Frequency, amplitude and linewidth of a W/CoFeB/MgO nano-constriction against current, at 300 K: its threshold, the
thermal resonance below it, the blue shift of the auto-oscillation above. About half a minute."""

import argparse
from pathlib import Path

import numpy as np

import shno
from shno import experiments
from shno.experiment_plots import plot_frequency_against_current

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("."), help="folder of the figure")
parser.add_argument("--quick", action="store_true", help="fewer and shorter runs")
options = parser.parse_args()
points, realisations, duration = (4, 4, 12e-9) if options.quick else (23, 60, 120e-9)

oscillator = shno.preset("w-cofeb-pma")
drive = shno.operating_point("w-cofeb-pma")
I_c = experiments.critical_current(oscillator, drive)
sweep = experiments.frequency_against_current(
    oscillator,
    drive,
    currents=np.linspace(0.8, 1.9, points) * I_c,
    temperature=300.0,
    seed=1,
    realisations=realisations,
    duration=duration,
    discard=duration / 2,
    dt=2e-12,
    save_every=15,
)
for I, f, width in zip(sweep.current, sweep.frequency, sweep.linewidth, strict=True):
    print(f"{I * 1e3:.3f} mA  {f / 1e9:7.3f} GHz  {width / 1e6:6.1f} MHz")
title = f"W/CoFeB/MgO, 150 nm, 0.4 T at 65 deg, 300 K: threshold {I_c * 1e3:.3f} mA"
plot_frequency_against_current(sweep, options.out / "f_and_linewidth.png", title=title)
