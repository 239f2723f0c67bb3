"""I7, I8, I11-I15: numbers that shape, stack, readout and heating give, against the formulas written out once more."""

from functools import partial

import numpy as np

import shno
from shno.anisotropy import vcma_field
from shno.constants import e, hbar, mu_0
from shno.fields import interlayer_field
from shno.geometry import ellipsoid_demag, prism_demag, spin_diffusion_factor, vcma_coefficient
from shno.llgs import damping_like
from shno.readout import tmr
from validation.claim import Claim
from validation.figure import LINE, POINTS, panels, save

ROWS = ("I7", "I8", "I11", "I12", "I13", "I14", "I15")
ROUNDING = 1e-14  # relative, of a few operations
AMBIENT, R_TH, TAU, CURRENT, R = 300.0, 8e3, 2e-9, 2e-3, 300.0  # K, K/W, s, A, ohm: 1.2 mW


def aharoni(length, width, thickness):
    """The factor N of a prism along its thickness, in closed form; its terms cancel to (length/thickness)^2 roundings.

    Source : Aharoni, J. Appl. Phys. 83, 3432 (1998), equation 1, with edges 2a, 2b, 2c.
    """
    a, b, c = length / 2, width / 2, thickness / 2
    r, ab, bc, ac = np.sqrt(a**2 + b**2 + c**2), np.hypot(a, b), np.hypot(b, c), np.hypot(a, c)
    logarithms = (
        (b**2 - c**2) / (2 * b * c) * np.log((r - a) / (r + a))
        + (a**2 - c**2) / (2 * a * c) * np.log((r - b) / (r + b))
        + b / (2 * c) * np.log((ab + a) / (ab - a))
        + a / (2 * c) * np.log((ab + b) / (ab - b))
        + c / (2 * a) * np.log((bc - b) / (bc + b))
        + c / (2 * b) * np.log((ac - a) / (ac + a))
    )
    cubes = (a**3 + b**3 - 2 * c**3 + (a**2 + b**2 - 2 * c**2) * r - ab**3 - bc**3 - ac**3) / (3 * a * b * c)
    return (logarithms + 2 * np.arctan(a * b / (c * r)) + cubes + c * (ac + bc) / (a * b)) / np.pi


def warmed(duration, **settings):
    """The run of a heated constriction."""
    oscillator = shno.Oscillator(
        Ms=6e5, alpha=0.02, thickness=5e-9, width=150e-9, t_HM=6e-9, theta_SH=0.08, R=R, R_th=R_TH, C_th=TAU / R_TH
    )
    drive = shno.Drive(I=CURRENT, B_ext=(0.1, 0.0, 0.0))
    seed = None if "solver" in settings else 1  # the reference draws no noise
    steps = {"duration": duration, "dt": 1e-12, "save_every": 500, "m0": (0.8, 0.6, 0.0)}
    return shno.simulate(oscillator, drive, temperature=AMBIENT, seed=seed, **steps, **settings)


def claims(figures):
    """Shape, stack, readout, heating."""
    if figures:
        draw(figures)
    return [*shapes(), *torques(), *fields(), *readout(), *heating()]


def shapes():
    """I7, I8: demagnetising factors."""
    edges = ((100, 50, 5), (100, 100, 5), (150, 150, 5), (1, 1, 2), (1, 1, 1))
    expected = [aharoni(*body) for body in edges] + [aharoni(50, 5, 100), aharoni(5, 100, 50)]
    measured = [prism_demag(*body)[2] for body in edges] + list(prism_demag(100, 50, 5)[:2])
    listed = "prisms 100x50x5, 100x100x5, 150x150x5, 1x1x2, cube: N_z; N_x, N_y of the first"
    prolate = (2 / np.sqrt(3) * np.arccosh(2) - 1) / 3
    oblate = 100 / 99 * (1 - np.arcsin(np.sqrt(99) / 10) / np.sqrt(99))
    ellipsoids = [ellipsoid_demag(1, 1, 1)[0], ellipsoid_demag(2, 1, 1)[0], ellipsoid_demag(10, 10, 1)[2]]
    long_and_flat = "ellipsoids: sphere, along 2:1:1, across 10:10:1"
    return [
        Claim("I7", listed, "Aharoni (1998)", expected, measured, 1e-10),
        Claim("I8", long_and_flat, "Osborn (1945)", [1 / 3, prolate, oblate], ellipsoids, 1e-12),
    ]


def torques():
    """I11, I12: amplitudes of the damping-like torque."""
    stacks = ((0.08, 1e12, 6e5, 5e-9), (0.41, 5e11, 9.5e5, 1.4e-9))  # theta_SH, J, Ms, thickness
    expected = 1e3 * np.array([hbar * theta * J / (2 * e * Ms * t) for theta, J, Ms, t in stacks])
    measured = 1e3 * np.array([amplitude(*stack) for stack in stacks])
    in_A_m = hbar * 0.08 * 1e12 / (2 * e * mu_0 * 6e5 * 5e-9)
    J, P, Ms, t, square, c = 1e11, 0.4, 8e5, 2e-9, 1.5**2, np.array([1.0, 0.0, -1.0])
    efficiency = P * square / (square + 1 + (square - 1) * c)
    m, p = (np.sqrt(1 - c**2), 0 * c, c), (0.0, 0.0, 1.0)
    transfer = 1e3 * damping_like(m, amplitude(P, J, Ms, t), p, 1.5)
    stack, formula = "a_DL of 0.08, 1e12 A/m^2, 6e5 A/m, 5 nm and 0.41, 5e11, 9.5e5, 1.4 nm", "hbar theta J/2 e Ms t"
    valve = "spin transfer, 1e11 A/m^2, P 0.4, Lambda 1.5, 8e5 A/m, 2 nm, m.p = 1, 0, -1"
    in_mT = 1e3 * hbar * J / (e * Ms * t) * efficiency
    return [
        Claim("I11a", stack, formula, expected, measured, 1e-10, unit="mT"),
        Claim("I11b", "the first over mu_0", formula, in_A_m, measured[0] / 1e3 / mu_0, 1e-10, unit="A/m"),
        Claim("I12", valve, "Slonczewski (2002)", in_mT, transfer, 1e-9, unit="mT"),
    ]


def amplitude(theta_SH, J, Ms, thickness):
    """a_DL as a run gets it, T."""
    oscillator = shno.Oscillator(Ms=Ms, alpha=0.02, theta_SH=theta_SH, thickness=thickness)
    return shno.parameters(oscillator, shno.Drive(J=J))["a_DL"]


def fields():
    """I13, I14: interlayer exchange, the field of a gate (m along the axis), spin diffusion."""
    exchange = 1e3 * np.array(interlayer_field(1e-5, 8e5, 5e-9, (0.0, 0.6, 0.8)))
    z = (0.0, 0.0, 1.0)
    gate = 1e3 * vcma_field(z, 1.0, vcma_coefficient(60e-15, 2e-9, 1.4e-9), 9.5e5, z)[2]
    layer = "interlayer exchange 10 uJ/m^2, 8e5 A/m, 5 nm, along (0, 0.6, 0.8)"
    oxide = "1 V on 2 nm of oxide, 60 fJ/(V m), 1.4 nm, 9.5e5 A/m"
    factor, share = spin_diffusion_factor(6e-9, 1.4e-9), 1 - 1 / np.cosh(6 / 1.4)
    return [
        Claim("I13a", layer, "J/(Ms t)", [0.0, 1.5, 2.0], exchange, ROUNDING, "absolute", "mT"),
        Claim("I13b", oxide, "-2 xi V/(Ms t_F t_ox)", -6000 / 133, gate, ROUNDING, unit="mT"),
        Claim("I14", "spin diffusion, 6 nm over 1.4 nm", "1 - sech(6/1.4)", share, factor, ROUNDING),
    ]


def readout():
    """I15: the resistance of a tunnel junction."""
    angles = np.radians([60.0, 90.0])
    m = np.stack([np.sin(angles), 0 * angles, np.cos(angles)], axis=-1)
    R_m, junction = tmr(m, 1000.0, 1.0, (0.0, 0.0, 1.0)), "tunnel junction, R_P 1 kohm, TMR 1, at 60 and 90 deg"
    return [Claim("I15a", junction, "conductance linear in m.p", [8000 / 7, 4000 / 3], R_m, ROUNDING, unit="ohm")]


def heating():
    """I15: the temperature of a constriction at 3 ns on every executor and by the reference, and after 60 ns."""
    at_3_ns, at_60_ns = closed_form(3e-9), closed_form(60e-9)
    ways = {"executor": "compiled"}, {"executor": "torch"}, {"solver": "reference", "rtol": 1e-12, "atol": 1e-12}
    soon = [warmed(3e-9, **way).T[-1] for way in ways]
    setting = "constriction at 300 K, 8 K/mW, 1.2 mW, 2 ns"
    in_K = partial(Claim, source="T0 + P R_th (1 - exp(-t/tau))", tolerance=1e-12, unit="K")
    after_3_ns = f"{setting}: T after 3 ns, compiled, torch, reference"
    return [
        in_K("I15b", after_3_ns, expected=[at_3_ns] * 3, measured=soon),
        in_K("I15c", f"{setting}: T after 60 ns", expected=at_60_ns, measured=warmed(60e-9).T[-1]),
    ]


def closed_form(t):
    """The temperature that `warmed` should reach, K."""
    return AMBIENT + CURRENT**2 * R * R_TH * (1 - np.exp(-t / TAU))


def draw(folder):
    """Factors of a square prism against its aspect ratio, and the temperature of a constriction after switching on."""
    ratio, line = np.geomspace(0.01, 10, 13), np.geomspace(0.008, 12, 200)
    run = warmed(12e-9)
    figure, (left, right) = panels(
        2, "left: prism 1 x 1 x t and spheroid; right: T0 = 300 K, 8 K/mW, 1.2 mW, tau = 2 ns; RK4, dt = 1 ps"
    )
    left.semilogx(line, aharoni(1, 1, line), label="Aharoni", **LINE)
    left.semilogx(ratio, prism_demag(1, 1, ratio)[:, 2], label="prism_demag", **POINTS)
    left.semilogx(line, ellipsoid_demag(1, 1, line)[:, 2], color="black", lw=0.8, ls="--", label="spheroid")
    left.set(xlabel="Thickness / width", ylabel="$N_z$", title="Demagnetising factor")
    right.plot(run.t * 1e9, closed_form(run.t), label="$T_0 + P R_{th} (1 - e^{-t/\\tau})$", **LINE)
    right.plot(run.t * 1e9, run.T, label="simulate", **POINTS)
    right.set(xlabel="Time (ns)", ylabel="Temperature (K)", title="Joule heating")
    save(figure, folder, "helpers_table")
