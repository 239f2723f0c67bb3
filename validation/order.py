"""I1: RK4 converges at order 4 on damped precession (D2)."""

import numpy as np

from validation.claim import Claim
from validation.figure import LINE, POINTS, panels, save, ticks
from validation.mallinson import exact, simulate

ROWS = ("I1",)
STEPS = 1e-12 * np.array([2, 1, 0.5, 0.25])  # s; 2 ps turns m by 0.18 rad


def claims(figures):
    """The slope of log(error) against log(dt), least squares over four halvings."""
    runs = [simulate(dt, save_every=round(0.5e-9 / dt)) for dt in STEPS]
    errors = np.array([np.abs(run.m[-1] - exact(run.t)[-1]).max() for run in runs])
    order = np.polyfit(np.log(STEPS), np.log(errors), 1)[0]
    if figures:
        draw(figures, errors)
    statement = "order of RK4 on D2 at 2 ns, dt = 2, 1, 0.5, 0.25 ps, float64"
    return [Claim("I1", statement, "classical RK4", 4.0, order, 0.15, "absolute")]


def draw(folder, errors):
    """Error against step, and a line of slope 4 through the last point."""
    figure, (ax,) = panels(1, "B = 0.5 T, $\\alpha$ = 0.02, from 170 deg, m after 2 ns; float64")
    ax.loglog(STEPS * 1e12, errors[-1] * (STEPS / STEPS[-1]) ** 4, label="slope 4", **LINE)
    ax.loglog(STEPS * 1e12, errors, label="RK4", **POINTS)
    ax.set(xlabel="Time step (ps)", ylabel="Largest error of a component of m", title="Order of convergence")
    ticks(ax, STEPS * 1e12)
    save(figure, folder, "order")
