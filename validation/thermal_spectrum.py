"""N5: the spectrum of thermal precession in a well is the dissipation of its resonance: Callen and Welton."""

import numpy as np

import shno
from shno import theory
from shno.constants import k_B
from validation import GAMMA
from validation.claim import Claim
from validation.figure import BLUE, LINE, POINTS, VERMILION, panels, save
from validation.langevin import B1, B2, MS, SIGMAS, VOLUME, axial

ROWS = ("N5",)
ALPHA, T = 0.02, 300.0
MAGNET = {"Ms": MS, "volume": VOLUME}
F0 = theory.resonance_frequency(B1, B2, GAMMA) if False else np.sqrt(B1 * B2) * GAMMA / (2 * np.pi)
