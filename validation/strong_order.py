"""N10: with thermal noise Heun and RK4 converge path by path at order 1/2, with one component of it at order 1."""

from functools import partial

import numpy as np

import shno
from shno.parameters import arguments, parameters, reduced_step
from shno.theory import strong_order
from shno.thermal import field_deviation
from validation import GAMMA
from validation.claim import Claim
from validation.figure import panels, save, ticks
from validation.measure import SPHERE
from validation.steps import SCHEMES, order

ROWS = ("N10",)
KELVIN, MS, VOLUME, ALPHA, B = 75.0, 1e4, 8e-23, 0.1, 10e-3  # the moment of 10 nm x 10 nm x 10 nm; B (T) along z
START = (0.6, 0.48, 0.64)
MULTIPLES = np.array([256, 128, 64, 32])  # of the finest step, at which the reference is
ALL, ONE = 1e-12 / 64, 1e-12 / 16  # s, the finest step with three components of the noise and with one
PATHS = 2000
TOLERANCE = 0.08  # of a slope: 4 standard errors, and 0.02 as the reference is not at dt = 0 and dt is not
WEAK = 1e-4  # of the noise: there Heun's own order shows


def magnet():
    """The oscillator and its drive."""
    oscillator = shno.Oscillator(Ms=MS, alpha=ALPHA, gamma=GAMMA, demag=SPHERE, volume=VOLUME)
    return oscillator, shno.Drive(a_DL=0.0, B_ext=(0, 0, B))


def three_components(end=1e-9):
    """{solver: RMS distance of m at the end to that of the finest step}, by `simulate` on the path of one noise_dt."""

    def final(solver, k):
        steps = {"duration": end, "dt": k * ALL, "save_every": round(end / ALL / k), "solver": solver}
        noise = {"noise_dt": ALL, "temperature": KELVIN, "seed": 1}
        return shno.simulate(*magnet(), m0=np.broadcast_to(START, (PATHS, 3)), **steps, **noise).m[-1]

    finest = final("rk4", 1)
    return {
        name: np.array([distance(final(name.lower(), k), finest) for k in MULTIPLES.tolist()])
        for name in ("Heun", "RK4")
    }


def by_steps(names, components, *, scale=1.0, end=2e-9):
    """{scheme: the same} with noise along the first so many axes, `scale` times as strong, by bare steps in one pass.

    A step of k fine ones takes the mean of their fields: the sum of the increments of one Brownian path.
    """
    values = parameters(*magnet())
    h, (torque, field) = reduced_step(values, ONE), arguments(values)
    sigma = scale * field_deviation(KELVIN, ALPHA, GAMMA, MS, VOLUME, ONE) * (np.arange(3) < components)[:, None]
    rng = np.random.default_rng(7)
    runs = [("RK4", 1), *((name, k) for name in names for k in MULTIPLES)]
    m = {run: tuple(np.full(PATHS, x) for x in START) for run in runs}
    path, begun = np.zeros((3, PATHS)), {k: np.zeros((3, PATHS)) for _, k in runs}
    for i in range(1, round(end / ONE) + 1):
        path = path + sigma * rng.standard_normal((3, PATHS))
        for name, k in runs:
            if i % k == 0:
                mean = tuple((path - begun[k]) / k)
                m[name, k] = SCHEMES[name](m[name, k], k * h, (torque, (*field[:-1], mean)))
        begun |= {k: path for k in begun if i % k == 0}
    states = {run: np.stack(state, axis=-1) for run, state in m.items()}
    return {name: np.array([distance(states[name, k], states["RK4", 1]) for k in MULTIPLES]) for name in names}


def distance(a, b):
    """Root of the mean square of |a - b| over the paths."""
    return np.sqrt(((a - b) ** 2).sum(axis=-1).mean())


def claims(figures):
    """None: all are long."""
    return []


def full_claims(figures):
    """Slopes of log(RMS distance) against log(dt)."""
    three, one = three_components(), by_steps(("Heun", "RK4"), 1)
    weak = by_steps(("Heun",), 3, scale=WEAK)["Heun"]
    if figures:
        draw(figures, three, one, weak)
    slope = partial(Claim, source="Ruemelin (1982)", tolerance=TOLERANCE, how="absolute")
    order_of = {"Heun": 2, "RK4": 4}
    rows = [
        slope(
            f"N10{part}",
            f"order along a path, {name}, noise along {axes}, {PATHS} paths",
            expected=strong_order(components, order_of[name]),
            measured=order(MULTIPLES, errors[name]),
        )
        for part, name, axes, components, errors in (
            ("a", "Heun", "x, y, z, 4 to 0.5 ps, by simulate", 3, three),
            ("b", "RK4", "x, y, z, 4 to 0.5 ps, by simulate", 3, three),
            ("c", "Heun", "x, 16 to 2 ps", 1, one),
            ("d", "RK4", "x, 16 to 2 ps", 1, one),
        )
    ]
    statement = f"the same, Heun, noise along x, y, z, {WEAK:g} as strong, 16 to 2 ps"
    return [*rows, slope("N10e", statement, expected=strong_order(0, 2), measured=order(MULTIPLES, weak))]


def draw(folder, three, one, weak):
    """Distance against step, with lines of the expected slopes through the finest."""
    setting = f"B = 10 mT, $\\alpha$ = 0.1, {KELVIN:g} K, $M_s V$ = {MS * VOLUME:.1g} A m$^2$, {PATHS} paths"
    figure, (left, right) = panels(2, setting)
    heun, rk4 = ("#E69F00", "s"), ("#D55E00", "o")  # Okabe and Ito (2008)
    of_three = [("Heun, slope 1/2", three["Heun"], 0.5, *heun), ("RK4, slope 1/2", three["RK4"], 0.5, *rk4)]
    of_one = [
        ("Heun, slope 1", one["Heun"], 1, *heun),
        ("RK4, slope 1", one["RK4"], 1, *rk4),
        ("Heun, three components of weak noise, slope 2", weak, 2, "#0072B2", "^"),
    ]
    for ax, curves, fine in ((left, of_three, ALL), (right, of_one, ONE)):
        dt_ps = MULTIPLES * fine * 1e12
        for label, errors, p, colour, marker in curves:
            ax.loglog(dt_ps, errors[-1] * (dt_ps / dt_ps[-1]) ** p, color=colour, lw=0.8)
            ax.loglog(dt_ps, errors, color=colour, marker=marker, mfc="none", ms=4.5, lw=0, label=label)
        ax.set(xlabel="Time step (ps)", ylabel="RMS distance to the finest step")
        ticks(ax, dt_ps)
    left.set(title="Three components, 1 ns", ylim=(1e-4, 1e-2))
    right.set(title="One component, 2 ns", ylim=(1e-6, 1e-2))
    save(figure, folder, "strong_order")
