"""The figure that every SHNO paper shows: spectrum against current, W/CoFeB/MgO at 300 K. About ten seconds."""

import argparse
from pathlib import Path

import numpy as np

import shno
from shno import experiments
from shno.experiment_plots import plot_spectral_map

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("."), help="folder of the figure")
parser.add_argument("--quick", action="store_true", help="fewer and shorter runs")
options = parser.parse_args()
points, realisations, duration = (4, 2, 8e-9) if options.quick else (121, 10, 30e-9)

result = experiments.spectral_map(
    shno.preset("w-cofeb-pma"),
    shno.operating_point("w-cofeb-pma"),
    currents=np.linspace(0.02e-3, 0.26e-3, points),
    temperature=300.0,
    seed=1,
    realisations=realisations,
    duration=duration,
    discard=duration / 5,
    dt=2e-12,
    save_every=5,
)
title = "W/CoFeB/MgO, 150 nm constriction, 0.4 T at 65 deg, 300 K"
plot_spectral_map(result, options.out / "spectral_map.png", title=title, f_range=(8e9, 15e9))
