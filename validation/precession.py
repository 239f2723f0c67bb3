"""D3, D12, D15-D17: without torque - switching by a field, energy, cones, nonlinear shift, parametric pumping."""

from functools import partial

import numpy as np
from scipy.interpolate import CubicSpline, PPoly, make_interp_spline

import shno
from shno.theory import (
    cone_frequency,
    energy_dissipation_rate,
    mallinson_time,
    nonlinear_shift_action,
    nonlinear_shift_power,
    parametric_threshold,
    ringdown_eigenvalue,
)
from validation import GAMMA, mallinson
from validation.claim import Claim
from validation.figure import LINE, POINTS, panels, save
from validation.measure import azimuthal_frequency

ROWS = ("D3", "D12", "D15", "D16", "D17")
WITNESS = {"solver": "reference", "rtol": 1e-12, "atol": 1e-14}
ANGLES = np.radians((90, 10))  # D3: to the field, from 170 degrees
M, FIELD, START = 0.9, np.array([0.05, 0.02, 0.1]), (0.2, 0.5, np.sqrt(0.71))  # D12: T, T
CONES = np.array([-0.6, 0.05, 0.5, 0.9])  # D15: m_z; B - M m_z changes sign at 0.125
TILTS = np.radians(np.arange(1, 7))  # D16: amplitudes in the plane, action 2e-5 to 9e-4
PUMP_STEPS, KICK = 64, 1e-5  # D17: steps a period of the pump, each a turn of 0.05 rad; rad


def film(M, alpha):
    """A film without anisotropy, M = mu_0 Ms in T."""
    return shno.Oscillator(Ms=M / shno.constants.mu_0, alpha=alpha, gamma=GAMMA)


def in_field(B):
    """No current, a constant field B (T)."""
    return shno.Drive(a_DL=0.0, B_ext=B)


def switching_times(angles=ANGLES, **settings):
    """Time at which m of D2 has turned to each angle to its field, s: where a spline through m_z passes the cosine."""
    drive, start = in_field((0, 0, mallinson.B)), mallinson.exact(np.zeros(1))[0]
    magnet = shno.Oscillator(Ms=1e4, alpha=mallinson.ALPHA, gamma=GAMMA, demag=mallinson.SPHERE)
    run = shno.simulate(magnet, drive, duration=2.8e-9, m0=start, **settings)
    return np.array([CubicSpline(run.t, run.m[:, 2] - np.cos(a)).roots(extrapolate=False)[0] for a in angles])


def rk4_delay(dt):
    """The most that RK4 falsifies D3: its damping of a rotation by x a step is off by alpha x^4/24 and x^5/144."""
    x = GAMMA * mallinson.B * dt
    return x**4 / 24 + x**5 / (144 * mallinson.ALPHA)


def switching():
    """D3, each executor."""
    expected = mallinson_time(mallinson.THETA0, ANGLES, mallinson.B, mallinson.ALPHA, GAMMA)
    statement = "time from 170 to 90 and to 10 deg in 0.5 T, alpha 0.02,"
    in_ns = partial(Claim, source="Mallinson (2000)", expected=expected * 1e9, unit="ns")
    fixed = {"b": (1e-12, "compiled"), "c": (2e-12, "torch")}
    rows = [in_ns("D3a", f"{statement} reference", measured=switching_times(dt=1e-12, **WITNESS) * 1e9, tolerance=1e-8)]
    for part, (dt, executor) in fixed.items():
        measured = switching_times(dt=dt, executor=executor)
        rule = f"{statement} RK4 {dt * 1e12:g} ps, {executor}; tolerance: its false damping"
        rows.append(in_ns(f"D3{part}", rule, measured=measured * 1e9, tolerance=rk4_delay(dt)))
    return rows


def relaxation(alpha, duration=2e-9, **settings):
    """(t, energy over Ms V in T, power lost over Ms V in T/s) of D12 by the closed form at each state."""
    run = shno.simulate(film(M, alpha), in_field(FIELD), duration=duration, m0=START, **settings)
    energy = -run.m @ FIELD + M / 2 * run.m[:, 2] ** 2
    B_eff = FIELD - M * run.m * (0, 0, 1)
    return run.t, energy, -energy_dissipation_rate(run.m, B_eff, alpha, 1.0, 1.0, GAMMA)


def energy():
    """D12: the integral of the dissipation, its sign, and conservation without damping."""
    t, e, power = relaxation(0.03, dt=0.25e-12, **WITNESS)
    lost = make_interp_spline(t, power, k=7).integrate(t[0], t[-1])
    ways = {"compiled": 2e-9, "torch": 0.5e-9}  # torch takes milliseconds a step
    rising = [np.diff(relaxation(0.03, end, dt=1e-12, executor=name)[1]).max() for name, end in ways.items()]
    kept = [relaxation(0.0, **each)[1] for each in (dict(WITNESS, dt=1e-12), {"dt": 0.1e-12})]
    drift = [np.abs(each - each[0]).max() for each in kept]
    setting = "film, 0.9 T, oblique field, 2 ns"
    return [
        Claim("D12a", f"energy lost, {setting}, alpha 0.03, reference", "independent code", 0.27430763133,
              e[0] - e[-1], 1e-9, unit="T"),
        Claim("D12b", "integral of the dissipation, the same run", "e0 - e1", e[0] - e[-1], lost, 1e-9, unit="T"),
        Claim("D12c", "largest rise of the energy in a step, RK4 1 ps: compiled, torch (0.5 ns)", "alpha |dm/dt|^2 > 0",
              [0.0, 0.0], rising, how="at most", unit="T"),
        Claim("D12d", "change of the energy, alpha 0: reference, RK4 0.1 ps", "conserved", [0.0, 0.0], drift, 1e-10,
              "absolute", "T"),
    ]  # fmt: skip


def cone_turning(c, **settings):
    """Signed frequency of a film without damping on the cones m_z = c, D15."""
    m0 = np.stack([np.sqrt(1 - c**2), 0 * c, c], axis=-1)
    return azimuthal_frequency(shno.simulate(film(0.8, 0.0), in_field((0, 0, 0.1)), duration=6.4e-9, m0=m0, **settings))


def cones():
    """D15, the sense reversed above m_z = B/M."""
    in_GHz = partial(Claim, source="gamma (B - M m_z)/2 pi", tolerance=1e-9, unit="GHz")
    expected = cone_frequency(CONES, 0.1, 0.8, GAMMA) / 1e9
    reference = cone_turning(CONES, dt=16e-12, **WITNESS) / 1e9
    rk4 = cone_turning(CONES[1:3], dt=0.25e-12, save_every=64) / 1e9
    setting = "film, 0.1 T along its normal, mu_0 Ms 0.8 T, alpha 0"
    return [
        in_GHz("D15a", f"cone at m_z = -0.6, 0.05, 0.5, 0.9, {setting}", expected=expected, measured=reference),
        in_GHz("D15b", "m_z = 0.05, 0.5 by RK4 0.25 ps", expected=expected[1:3], measured=rk4),
    ]


def orbits(tilts, **settings):
    """(Angular frequency, action, mean of (1 - m_x)/2) of free orbits about x from each tilt in the plane, D16.

    The action is the solid angle over 4 pi, the integral of (m_y dm_z - m_z dm_y)/(1 + m_x); splines through a period.
    """
    m0 = np.stack([np.cos(tilts), np.sin(tilts), 0 * tilts], axis=-1)
    run = shno.simulate(film(M, 0.0), in_field((0.1, 0, 0)), duration=150e-12, m0=m0, **settings)
    spline = partial(make_interp_spline, run.t, k=7)
    found = []
    for m in np.moveaxis(run.m, 1, 0):
        turns = PPoly.from_spline(spline(m[:, 2])).roots(extrapolate=False)
        start, stop = turns[-3], turns[-1]
        rate = spline(m).derivative()(run.t)
        swept = (m[:, 1] * rate[:, 2] - m[:, 2] * rate[:, 1]) / (1 + m[:, 0])
        power = spline((1 - m[:, 0]) / 2).integrate(start, stop) / (stop - start)
        found.append((2 * np.pi / (stop - start), spline(swept).integrate(start, stop) / (4 * np.pi), power))
    return np.array(found).T


def slope_at_zero(p, omega):
    """d omega/dp at p = 0 of the quadratic through the orbits; the next order changes it by 1e-7 of itself."""
    return np.polyfit(p, omega, 2)[1]


def nonlinear_shift():
    """D16 by both measures of amplitude."""
    rows, names = [], ("action", "mean of (1 - m_x)/2")
    expected = [shift(0.1, 0.9, GAMMA) for shift in (nonlinear_shift_action, nonlinear_shift_power)]
    for part, (how, settings) in zip("ab", (("reference", WITNESS), ("RK4", {})), strict=True):
        omega, *powers = orbits(TILTS, dt=0.5e-12, **settings)
        measured = [slope_at_zero(p, omega) for p in powers]
        statement = f"d omega/dp of orbits of 1 to 6 deg, p -> 0: {', '.join(names)}; {how}"
        rows.append(
            Claim(f"D16{part}", statement, "Krivosik and Patton (2010)", expected, measured, 1e-3, unit="rad/s")
        )
    return rows


def multiplier(b, steps=PUMP_STEPS, **settings):
    """Largest Floquet multiplier over a period of b cos(2 w t) along m, for each b (T); w is the damped resonance."""
    f = 2 * ringdown_eigenvalue(0.1, 1.0, 0.01, GAMMA).imag / (2 * np.pi)
    drive = in_field((shno.Sine(np.asarray(b)[:, None], f, np.pi / 2) + 0.1, 0.0, 0.0))
    m0 = np.array([[np.cos(KICK), np.sin(KICK), 0], [np.cos(KICK), 0, np.sin(KICK)]])
    settings = {"duration": 1 / f, "dt": 1 / (steps * f), "m0": m0, "save_every": steps} | settings
    across = shno.simulate(film(M, 0.01), drive, **settings).m[-1, ..., 1:] / np.sin(KICK)  # (b, start, component)
    return np.abs(np.linalg.eigvals(across)).max(axis=-1)


def pump_threshold(expected, **settings):
    """The b at which the multiplier passes 1, by four divisions of 0.9 to 1.1 of what is expected into 16."""
    low, high = 0.9 * expected, 1.1 * expected
    for _ in range(4):
        b = np.linspace(low, high, 17)
        k = max(int(np.argmax(multiplier(b, **settings) > 1)), 1)
        low, high = b[k - 1], b[k]
    return (low + high) / 2


def pumping():
    """D17 by each executor."""
    expected = parametric_threshold(0.1, 1.0, 0.01)
    ways = [{}, {"executor": "torch"}, dict(WITNESS, steps=1)]
    measured = [pump_threshold(expected, **way) * 1e3 for way in ways]
    statement = "parametric threshold, B1 0.1 T, B2 1 T, alpha 0.01, Floquet: RK4 compiled, torch, reference"
    return [Claim("D17", statement, "Schloemann (1960)", [expected * 1e3] * 3, measured, 1e-3, unit="mT")]


def claims(figures):
    """All of the five rows."""
    if figures:
        draw(figures)
    return [*switching(), *energy(), *cones(), *nonlinear_shift(), *pumping()]


def draw(folder):
    """Energy, cones, nonlinear shift, pumping."""
    caption = (
        "film without torque; 1: $\\mu_0M_s$ = 0.9 T, $\\alpha$ = 0.03, B = (50, 20, 100) mT; 2: 0.8 T, $\\alpha$ = 0, "
        "100 mT along the normal; 3, 4: 0.9 T, 100 mT in the plane, $\\alpha$ = 0 and 0.01; RK4"
    )
    figure, axes = panels(4, caption)
    _draw_energy(axes[0])
    _draw_cones(axes[1])
    _draw_shift(axes[2])
    _draw_pumping(axes[3])
    save(figure, folder, "precession")


def _draw_energy(ax):
    t, e, power = relaxation(0.03, dt=1e-12)
    lost = make_interp_spline(t, power, k=7).antiderivative()
    ax.plot(t * 1e9, (e[0] - lost(t)) * 1e3, label="$e_0$ - integral of dissipation", **LINE)
    ax.plot(t[::80] * 1e9, e[::80] * 1e3, label="energy of m", **POINTS)
    ax.set(xlabel="Time (ns)", ylabel="Energy / $M_s V$ (mT)", title="1  Dissipation")


def _draw_cones(ax):
    c = np.linspace(-0.95, 0.95, 20)
    ax.axhline(0, color="black", lw=0.6)
    ax.plot(c, cone_frequency(c, 0.1, 0.8, GAMMA) / 1e9, label="$\\gamma(B - \\mu_0M_s m_z)/2\\pi$", **LINE)
    ax.plot(c, cone_turning(c, dt=0.25e-12, save_every=64) / 1e9, label="RK4", **POINTS)
    ax.set(xlabel="$m_z$ of the cone", ylabel="Frequency, signed (GHz)", title="2  Cone precession")


def _draw_shift(ax):
    omega, action, power = orbits(np.radians(np.linspace(1, 16, 11)), dt=0.5e-12)
    f0 = np.polyfit(action[:5], omega[:5], 2)[2]
    looks = ((action, nonlinear_shift_action, "-", "o", "action"), (power, nonlinear_shift_power, "--", "s", "power"))
    for p, shift, line, marker, name in looks:
        ax.plot(p * 1e3, shift(0.1, 0.9, GAMMA) * p / (2e6 * np.pi), label=f"Np, p = {name}", **LINE | {"ls": line})
        ax.plot(p * 1e3, (omega - f0) / (2e6 * np.pi), label=f"orbits, {name}", **POINTS | {"marker": marker})
    ax.set(xlabel="p ($10^{-3}$)", ylabel="Frequency shift (MHz)", title="3  Nonlinear shift")


def _draw_pumping(ax):
    b = parametric_threshold(0.1, 1.0, 0.01) * np.linspace(0, 1.6, 9)
    eigenvalue = ringdown_eigenvalue(0.1, 1.0, 0.01, GAMMA)
    growth = -eigenvalue.real * (b / parametric_threshold(0.1, 1.0, 0.01) - 1) * np.pi / eigenvalue.imag
    ax.axhline(0, color="black", lw=0.6)
    ax.plot(b * 1e3, growth * 100, label="$\\Gamma(b/b_c - 1)$, $b_c$ = 7.73 mT", **LINE)
    ax.plot(b * 1e3, np.log(multiplier(b)) * 100, label="Floquet multiplier", **POINTS)
    ax.set(xlabel="Pump amplitude (mT)", ylabel="Growth a pump period (%)", title="4  Parametric instability")
