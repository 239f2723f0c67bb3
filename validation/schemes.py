"""Six schemes compared: the product's Heun and RK4 beside three that keep |m| by themselves, where they are exact."""

from functools import partial

import numpy as np

import shno
from shno.theory import numerical_damping, perpendicular_cone, step_phase_error
from validation import GAMMA
from validation.claim import Claim
from validation.figure import panels, save, ticks
from validation.integrators import CODE, HALVINGS, LOOKS, ORDERS, PRINTED, errors_on_precession
from validation.steps import TURNING, advanced, order

ROWS = ()
NAMES = ("RK4", "Heun", *TURNING)
CONE = {"a": 40e-3, "B": 0.1, "Bk": -0.8, "alpha": 0.1, "gamma": GAMMA}  # T5, with a damping that settles it soon
TURN = 2 * np.pi * perpendicular_cone(**CONE)[1] * 1e-12  # rad in 1 ps
B, M = 0.1, 0.8  # T, of the free orbit


def energy_gained(name, dt):
    """(E - E0)/|E0| after 1 ns of a film's free orbit, from 60 degrees off a field in its plane."""
    film = shno.Oscillator(Ms=M / shno.constants.mu_0, alpha=0.0, gamma=GAMMA)
    start = (np.cos(np.pi / 3), np.sin(np.pi / 3), 0.0)
    end = advanced(name, film, shno.Drive(a_DL=0.0, B_ext=(B, 0, 0)), start, dt=dt, n=round(1e-9 / dt))
    before, after = (-B * m[0] + M / 2 * m[2] ** 2 for m in (start, end))
    return (after - before) / abs(before)


def frequency_error(name, dt):
    """Relative error of the frequency on the steady cone T5, from one step after 4 ns, 30 relaxation times."""
    film = shno.Oscillator(Ms=M / shno.constants.mu_0, alpha=CONE["alpha"], gamma=GAMMA, p=(0, 0, 1))
    run = partial(advanced, name, film, shno.Drive(a_DL=CONE["a"], B_ext=(0, 0, CONE["B"])), dt=dt)
    c, f = perpendicular_cone(**CONE)
    settled = run((np.sqrt(1 - c**2), 0.0, c), n=round(4e-9 / dt))
    before, after = (complex(*m[:2]) for m in (settled, run(settled, n=1)))
    return np.angle(before / after) / (2 * np.pi * f * dt) - 1  # phi decreases


def expected_frequency_error(name, x):
    """The same to leading order for a turn x a step: false damping moves the cone, the phase lags or leads.

    Two schemes turn m about the axis by 2 arctan(x/2); Depondt's and Mertens' by x.
    """
    if name in ("semi-implicit", "implicit midpoint"):
        return 2 * np.arctan(x / 2) / x - 1
    if name == "Depondt-Mertens":
        return 0.0 * x
    theta = np.arccos(perpendicular_cone(**CONE)[0])
    return numerical_damping(x, theta, ORDERS[name]) / CONE["alpha"] + step_phase_error(x, ORDERS[name]) / x


def claims(figures):
    """Errors on D2, in the frequency on the cone T5, and in the energy of a free orbit."""
    if figures:
        draw(figures)
    return [*on_precession(), *on_the_cone(), on_a_free_orbit()]


def on_precession():
    """C1 to C3: D2 after 1 ns."""
    listed, coarse = [3.5e-5, 9.2e-2, 1.5e-3, 4.6e-2, 4.6e-2], ("RK4", "Depondt-Mertens", "implicit midpoint")
    d2 = "on D2 at 1 ns"
    fine, rough = (
        [errors_on_precession(name, [dt], 1e-9)[0] for name in names] for names, dt in ((NAMES, 1e-12), (coarse, 4e-12))
    )
    slopes = [order(HALVINGS[2:], errors_on_precession(name, HALVINGS[2:], 1e-9)) for name in TURNING]
    return [
        Claim("C1", f"error {d2}, 1 ps: {', '.join(NAMES)}", CODE, listed, fine, PRINTED),
        Claim("C2", f"error {d2}, 4 ps: {', '.join(coarse)}", CODE, [8.5e-3, 2.3e-2, 0.62], rough, PRINTED),
        Claim(
            "C3",
            f"order {d2}, 1, 0.5, 0.25 ps: {', '.join(TURNING)}",
            "midpoint rules",
            [2.0] * 3,
            slopes,
            0.15,
            "absolute",
        ),
    ]


def on_the_cone():
    """C4 to C6: T5."""
    setting = "relative frequency error on the cone T5, alpha 0.1, 11.2 GHz, 1 ps"
    measured = {name: frequency_error(name, 1e-12) for name in NAMES}
    rows = (
        ("C4", ("RK4", "Heun"), "false damping/alpha + lead", 0.01, "relative"),  # leading order: x^2 = 0.5 % more
        ("C5", ("semi-implicit", "implicit midpoint"), "2 arctan(x/2)/x - 1", 1e-9, "relative"),
        ("C6", ("Depondt-Mertens",), "exact by symmetry", 1e-12, "absolute"),
    )
    return [
        Claim(
            row,
            f"{setting}: {', '.join(names)}",
            source,
            [expected_frequency_error(name, TURN) for name in names],
            [measured[name] for name in names],
            tolerance,
            how,
        )
        for row, names, source, tolerance, how in rows
    ]


def on_a_free_orbit():
    """C7: the implicit midpoint rule keeps a quadratic energy."""
    gained = energy_gained("implicit midpoint", 1e-12)
    statement = "energy gained by a free orbit in 1 ns, 1 ps, implicit midpoint; tolerance: a rounding a step"
    return Claim("C7", statement, "a quadratic invariant", 0.0, gained, 2e-13, "absolute")


def draw(folder):
    """Frequency error on the cone and energy change of a free orbit, against the step."""
    dts = 1e-12 * np.array([4, 2, 1, 0.5, 0.25])
    cone, orbit = "T5, $\\alpha$ = 0.1, B = 0.1 T, a = 40 mT", "$\\alpha$ = 0, 60 deg off 0.1 T in its plane, 1 ns"
    figure, (left, right) = panels(2, f"film, M = 0.8 T; left: {cone}; right: {orbit}; float64")
    line = np.geomspace(0.2e-12, 5e-12, 100)
    for name, (colour, marker) in LOOKS.items():
        look = {"color": colour, "marker": marker, "mfc": "none", "ms": 4.5, "lw": 0}
        right.loglog(dts * 1e12, [abs(energy_gained(name, dt)) for dt in dts], label=name, **look)
        if name != "Euler":  # has no such cone
            left.loglog(dts * 1e12, [abs(frequency_error(name, dt)) for dt in dts], **look)
            expected = np.abs(expected_frequency_error(name, TURN * line / 1e-12))
            left.loglog(line * 1e12, np.where(expected > 0, expected, np.nan), color=colour, lw=0.7)
    left.set(xlabel="Time step (ps)", ylabel="|Relative frequency error|", title="Steady cone, lines: closed forms")
    right.set(xlabel="Time step (ps)", ylabel="|Energy change| / |energy|", title="Energy of a free orbit")
    right.set_xlim(0.2, 40)  # room for the legend
    for ax in (left, right):
        ticks(ax, dts * 1e12)
    save(figure, folder, "schemes")
