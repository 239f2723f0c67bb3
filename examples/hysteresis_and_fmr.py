"""A NiFe/Pt rectangle of 100 nm x 50 nm x 5 nm: hysteresis loops and ferromagnetic resonance. A few seconds."""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

import shno
from shno import experiments
from shno.experiment_plots import plot_fmr, plot_hysteresis

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("."), help="folder of the figures")
parser.add_argument("--quick", action="store_true", help="fewer fields")
options = parser.parse_args()
steps, points = (40, 20) if options.quick else (400, 200)

film = shno.preset("nife-pt-in-plane")
rectangle = replace(film, demag=shno.geometry.prism_demag(100e-9, 50e-9, 5e-9))  # easy along x
title = "NiFe 100 nm x 50 nm x 5 nm, macrospin"

angles = np.radians([1.0, 30.0, 60.0, 89.0])
along = np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=-1)
loops = experiments.hysteresis(rectangle, along, 0.06, steps=steps)
labels = [f"{angle:.0f} deg" for angle in np.degrees(angles)]
plot_hysteresis(loops, options.out / "hysteresis.png", title=title, labels=labels)

B = np.linspace(1e-3, 0.15, points)
fields = B[:, None, None] * np.eye(3)[:2]  # (points, 2, 3): along x, along y
lines = experiments.fmr(rectangle, fields)
plot_fmr(lines, options.out / "fmr.png", title=title, labels=["along the easy axis", "across it"])
print(f"coercivities {np.round(1e3 * loops.coercivity, 2)} mT; {lines.frequency[-1, 0] / 1e9:.3f} GHz at 150 mT")
