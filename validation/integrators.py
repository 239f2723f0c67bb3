"""I1-I6: the steps converge at their orders, and what they do to a rotation is what their closed forms say."""

from functools import partial

import numpy as np

import shno
from shno.constants import k_B
from shno.llgs import right_hand_side
from shno.parameters import arguments, parameters, reduced_step
from shno.theory import langevin, numerical_damping, step_growth, step_phase_error
from shno.thermal import field_deviation
from validation import GAMMA, mallinson
from validation.claim import Claim
from validation.figure import panels, save, ticks
from validation.measure import SPHERE, every_term_on
from validation.steps import EXPLICIT, SCHEMES, advanced, order

ROWS = ("I1", "I2", "I3", "I4", "I5", "I6")
TURNS, ANGLE = np.array([0.1, 0.2, 0.3]), np.radians(45)  # rad a step, about the field; of m to it
HALVINGS = 1e-12 * np.array([4, 2, 1, 0.5, 0.25])  # s; 4 ps turns m by 0.35 rad
CODE = "independent code"
PRINTED = 0.04  # of a number printed with two digits, 1.3 at the least: half of its last one
X, ALPHA, MS, VOLUME, KELVIN, EULER_DT, SPINS = 2.0, 0.1, 8e5, 1e-24, 300.0, 16e-12, 40_000  # X = Ms V B / k T
KICK_BIAS = 1e-3  # of <m_z> by thermal kicks of 0.06 rad rms a step, of any scheme; here they are 0.054
LOOKS = {  # scheme: colour of Okabe and Ito (2008) and marker
    "Euler": ("#000000", "v"),
    "Heun": ("#E69F00", "s"),
    "RK4": ("#D55E00", "o"),
    "Depondt-Mertens": ("#0072B2", "^"),
    "semi-implicit": ("#009E73", "D"),
    "implicit midpoint": ("#CC79A7", "x"),
}
ORDERS = dict.fromkeys(LOOKS, 2) | {"Euler": 1, "RK4": 4}


def in_field(B, alpha):
    """A magnet without a field of its own (4e-10 T along -m), and a field B along z."""
    return shno.Oscillator(Ms=1e-3, alpha=alpha, gamma=GAMMA, demag=SPHERE), shno.Drive(a_DL=0.0, B_ext=(0, 0, B))


def errors_on_precession(name, dts, end):
    """Largest error of a component of m after `end` of the damped precession D2, for each dt."""
    system = in_field(mallinson.B, mallinson.ALPHA)
    start, exact = mallinson.exact(np.array([0.0, end]))
    found = [advanced(name, *system, start, dt=dt, n=round(end / dt)) for dt in dts]
    return np.abs(np.array(found) - exact).max(axis=-1)


def turned_once(name, x):
    """(|m_perp| over what it was - 1, phase, false damping) after a step that turns m by x rad about the field.

    The first two are those of the step without projection; projection keeps the angle to the field.
    """
    tree = arguments(parameters(*in_field(1.0, 0.0)))  # 1 T: the step h in 1/T is the turn in rad
    sine = np.sin(ANGLE)
    m_x, m_y, m_z = EXPLICIT[name](right_hand_side, (sine, 0.0, np.cos(ANGLE)), x, tree, tree, tree)
    across = np.hypot(m_x, m_y)
    return across / sine - 1, np.arctan2(m_y, m_x), (ANGLE - np.arctan2(across, m_z)) / (x * sine)


def claims(figures):
    """Orders on D2, one step of a rotation, |m| after a step."""
    if figures:
        draw(figures)
    return [*orders(), *rotations(), *lengths()]


def orders():
    """I1, I2: errors on D2 and their slopes."""
    setting, finer = "on D2 at 2 ns", HALVINGS[-3:] / 2
    by_rk4, by_heun = errors_on_precession("RK4", HALVINGS, 2e-9), errors_on_precession("Heun", finer, 2e-9)
    slope = partial(Claim, tolerance=0.15, how="absolute")
    return [
        slope(
            "I1a",
            f"order of RK4 {setting}, dt = 2, 1, 0.5, 0.25 ps, float64",
            "classical RK4",
            4.0,
            order(HALVINGS[1:], by_rk4[1:]),
        ),
        Claim(
            "I1b",
            f"error of RK4 {setting}, dt = 4, 2, 1, 0.5, 0.25 ps",
            CODE,
            [1.3e-2, 8.3e-4, 5.2e-5, 3.3e-6, 2.1e-7],
            by_rk4,
            PRINTED,
        ),
        slope("I2", f"order of Heun {setting}, dt = 0.5, 0.25, 0.125 ps", "Heun", 2.0, order(finer, by_heun)),
    ]


def rotations():
    """I3-I5: a step that turns m about the field by x = w dt; the exact |R| and arg R, and leading orders."""
    (rk4_growth, rk4_phase, rk4_damping), (heun_growth, _, heun_damping), (_, _, euler_damping) = (
        turned_once(name, TURNS) for name in ("RK4", "Heun", "Euler")
    )
    x, c, listed = TURNS, np.cos(ANGLE), "x = w dt = 0.1, 0.2, 0.3"
    series = partial(Claim, source="R = sum of (ix)^k/k!", tolerance=1e-6)  # rounding is 1e-8 of the smallest
    damping = f"false damping of %s at 45 deg, {listed}; tolerance: the next order at 0.3"
    grows, phase = f"growth of |m_perp| a step of %s, {listed}", f"phase that a step of RK4 gains, {listed}"
    return [
        series("I3a", grows % "RK4: -x^6/144", expected=step_growth(x, 4), measured=rk4_growth),
        series("I3b", f"{phase}: -x^5/120", expected=step_phase_error(x, 4), measured=rk4_phase - x),
        Claim("I3c", damping % "RK4", "x^5 cos/144", x**5 * c / 144, rk4_damping, 0.13 * x[-1] ** 2),
        series("I4a", grows % "Heun: x^4/8", expected=step_growth(x, 2), measured=heun_growth),
        Claim("I4b", damping % "Heun", "-x^3 cos/8", -(x**3) * c / 8, heun_damping, 0.13 * x[-1] ** 4),
        Claim("I5a", damping % "Euler", "-x cos/2", -x * c / 2, euler_damping, 0.51 * x[-1] ** 2),
    ]


def lengths():
    """I6: |m| at saved states, on both executors in both precisions."""
    oscillator, drive, m0 = every_term_on(100)
    run = partial(shno.simulate, oscillator, drive, duration=0.5e-9, dt=0.5e-12, m0=m0, save_every=50)
    roundings = 4.5 * 2.0**-24  # |m|^2 3 of them, halved by the root; root, division and product one each
    rows = []
    for part, dtype, bound, source in (("a", "float64", 3e-16, CODE), ("b", "float32", roundings, "4.5 roundings")):
        saved = [run(dtype=dtype, executor=executor).m[1:].astype(np.longdouble) for executor in ("compiled", "torch")]
        excess = max(float(np.abs(np.sqrt((m**2).sum(axis=-1)) - 1).max()) for m in saved)
        statement = f"| |m| - 1 | after a step, {dtype}, every term on, both executors, 100 oscillators, 20 times"
        rows.append(Claim(f"I6{part}", statement, source, bound, excess, how="at most"))
    return rows


def full_claims(figures):
    """I5: what the false damping of Euler's step does to the Boltzmann distribution of a magnet in a field."""
    bias, error = euler_bias()
    statement = f"bias of <m_z> by Euler, alpha {ALPHA}, 16 ps, Ms V B/k T = 2; tolerance: 4 errors, and 1e-3 by kicks"
    source = "Boltzmann with that damping"
    return [Claim("I5b", statement, source, euler_bias_expected(), bias, 4 * error + KICK_BIAS, "absolute")]


def euler_bias():
    """(<m_z> - its Langevin value, standard error), from 45 ns of each spin after 15 ns, seeded."""
    values = parameters(*in_field(X * k_B * KELVIN / (MS * VOLUME), ALPHA))
    h, (torque, field) = reduced_step(values, EULER_DT), arguments(values)
    sigma = field_deviation(KELVIN, ALPHA, GAMMA, MS, VOLUME, EULER_DT)
    rng = np.random.default_rng(5)
    m = _boltzmann(rng)
    total, kept = np.zeros(SPINS), 0
    for k in range(round(60e-9 / EULER_DT)):
        m = SCHEMES["Euler"](m, h, (torque, (*field[:-1], tuple(sigma * rng.standard_normal((3, SPINS))))))
        if k * EULER_DT >= 15e-9:
            total, kept = total + m[2], kept + 1
    mean = total / kept  # of each spin
    return mean.mean() - langevin(X), mean.std() / np.sqrt(SPINS)


def _boltzmann(rng):
    """Unit vectors (x, y, z) of the density exp(X m_z)."""
    u, phi = rng.random((2, SPINS))
    c = 1 + np.log(u + (1 - u) * np.exp(-2 * X)) / X
    return np.sqrt(1 - c**2) * np.cos(2 * np.pi * phi), np.sqrt(1 - c**2) * np.sin(2 * np.pi * phi), c


def euler_bias_expected():
    """That of the density exp(X c - X y c^2 / 4 alpha): damping alpha - y c/2 with y = gamma B dt, noise as it is."""
    y = GAMMA * X * k_B * KELVIN / (MS * VOLUME) * EULER_DT
    c, weights = np.polynomial.legendre.leggauss(60)
    density = weights * np.exp(X * c - X * y * c**2 / (4 * ALPHA))
    return (c * density).sum() / density.sum() - langevin(X)


def draw(folder):
    """Error on D2 against the step, with lines of slope 1, 2 and 4; false damping against the turn a step."""
    dts, x = 1e-12 * np.array([8, 4, 2, 1, 0.5, 0.25, 0.125]), np.array([0.03, 0.06, 0.1, 0.2, 0.3])
    left_caption = "left: D2 (B = 0.5 T, $\\alpha$ = 0.02, from 170 deg), m after 1 ns"
    figure, (left, right) = panels(2, f"{left_caption}; right: one step, m at 45 deg to the field; float64")
    for name, (colour, marker) in LOOKS.items():
        look = {"color": colour, "marker": marker, "mfc": "none", "ms": 4.5, "lw": 0, "label": name}
        errors = errors_on_precession(name, dts, 1e-9)
        left.loglog(dts * 1e12, errors, **look)
        left.loglog(dts * 1e12, errors[-1] * (dts / dts[-1]) ** ORDERS[name], color=colour, lw=0.7)
        if name in EXPLICIT:
            sign = "" if name == "RK4" else ", negative"
            right.loglog(x, np.abs(turned_once(name, x)[2]), **look | {"label": name + sign})
            right.loglog(x, np.abs(numerical_damping(x, ANGLE, ORDERS[name])), color=colour, lw=0.7)
    error = "Largest error of a component of m"
    left.set(xlabel="Time step (ps)", ylabel=error, title="Order of convergence", ylim=(1e-9, 4))
    right.set(xlabel="Turn a step (rad)", ylabel="|False damping|", title="Damping that a step adds")
    ticks(left, dts * 1e12)
    ticks(right, x)
    save(figure, folder, "integrators")
