"""The kernels against what else could be used, and against what the cores can do; both sides in one run.

Each row's measurements are interleaved; a ratio is the median over the rounds. A row that cannot be measured is broken,
one whose peer is not installed (extra `peers`) or whose machine is another is "not run".
"""

import re
import sys
from importlib import import_module
from importlib.util import find_spec

import numpy as np

from shno import origin
from validation.claim import Claim
from validation.figure import BLUE, POINTS, VERMILION, panels, save
from validation.speed_system import NotRun, Row

ROWS = ("S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9", "S10", "S11", "S12", "S13", "S14")
ALONE = True
THEMES = (
    *("speed_rivals", "speed_cmtj", "speed_peak", "speed_scaling", "speed_training", "speed_layer"),
    *("speed_classifiers", "speed_bfloat16", "speed_compile", "speed_files"),
)


def claims(figures, rows=None):
    """Every row of every theme, by id, or those of some ROWS; a bar on a terminal."""
    from tqdm import tqdm

    all_rows = sorted((row for theme in THEMES for row in rows_of(theme)), key=lambda row: (number(row.id), row.id))
    chosen = [row for row in all_rows if rows is None or f"S{number(row.id)}" in {*rows, "S0"}]
    with tqdm(chosen, unit=" rows", file=sys.stderr, disable=not sys.stderr.isatty(), leave=False) as bar:
        found = [measured(row) for row in bar]
    if figures:
        draw(figures, found)
    return found


def measured(row):
    """A row's Claim: its number, broken by whatever was raised, or not run."""
    bound = {"how": row.how, "tolerance": row.tolerance, "unit": row.unit}
    absent = [name for name in row.needs if find_spec(name) is None]
    try:
        if absent:
            raise NotRun(f"{', '.join(absent)} is not installed: pip install 'shno-neuromorph[peers]'")
        value, found = row.measure()
    except NotRun as reason:
        return Claim(row.id, row.statement, "target", row.bound, float("nan"), **bound, not_run=str(reason))
    except Exception as error:  # whatever it is, the other rows are still measured
        value, found = float("nan"), f"cannot be measured: {type(error).__name__}: {' '.join(str(error).split())}"
    return Claim(row.id, f"{row.statement} ({found})", "target", row.bound, value, **bound)


def rows_of(theme):
    """The rows of a theme; a row that raises in the place of one that cannot be imported."""
    try:
        return import_module(f"validation.{theme}").rows()
    except Exception as error:

        def fail(error=error):
            raise error

        return (Row("S0", theme, float("nan"), fail),)


def number(row_id):
    """The number in a row's id: 7 for S7a."""
    return int(re.search(r"\d+", row_id)[0])


def draw(folder, found):
    """Each ratio over its bound as a bar, and the rate of a slot against the size of the batch."""
    ratios = [claim for claim in found if claim.how in ("at least", "at most") and np.isfinite(claim.measured)]
    rates = import_module("validation.speed_scaling").rates() if any(claim.id == "S10" for claim in ratios) else {}
    about = f"{origin.machine()}; medians of interleaved rounds; at most: bound over measured"
    figure, axes = panels(1 + bool(rates), about)
    excess = [c.measured / c.expected if c.how == "at least" else c.expected / c.measured for c in ratios]
    axes[0].bar([claim.id for claim in ratios], excess, color=BLUE)
    axes[0].axhline(1.0, color=VERMILION, lw=1.2, label="claimed bound")
    axes[0].set(yscale="log", ylabel="Measured over claimed bound", title="Ratios")
    axes[0].tick_params(axis="x", rotation=90, labelsize=7)
    if rates:
        axes[1].plot(list(rates), [1 / np.median(spent) / 1e9 for spent in rates.values()], **POINTS)
        axes[1].set(xscale="log", xlabel="Oscillators", ylabel="Steps/s a core, slots counted (1e9)", ylim=(0, None))
        axes[1].set_title("RK4, float32")
    save(figure, folder, "speed")
