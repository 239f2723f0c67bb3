"""The independent simulator cmtj (C++): trajectories and f(I) of one macrospin, with gamma and mu_0 made the same.

It is compared on what both can express: RK4, applied field, demagnetising factors, one uniaxial anisotropy, and the
damping-like and field-like spin-orbit torque. cmtj works in A/m (torques too), takes Ms in tesla, and has gamma mu_0
and mu_0 as module-wide constants, which are set here and restored. Left out, because it would compare unlike things:
- its log gives each state the time at the start of the step that made it: one step early. Undone here;
- its spin-transfer branch has no alpha terms in the explicit form (its spin-orbit branch has them);
- a temperature silently replaces its RK4 by a stochastic Heun step.
cmtj comes with the extra `peers`: pip install 'shno-neuromorph[peers]'.
"""

import sys
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec

import numpy as np

import shno
from shno.constants import mu_0
from shno.parameters import parameters
from validation.claim import Claim
from validation.figure import LINE, POINTS, panels, save

ROWS = ()
SOURCE = "cmtj, RK4"
CURRENTS = np.array([1.05, 1.2, 1.5, 1.75])  # of the critical one of preset A, 0.122 mA
I_C = 0.122e-3
AXIS = (0.6, 0.0, 0.8)


@contextmanager
def same_constants(gamma):
    """cmtj with our gamma and mu_0, afterwards with its own again."""
    import cmtj

    constants = cmtj.constants.PhysicalConstants
    constants.set_gyromagnetic_ratio(mu_0 * gamma)
    constants.set_magnetic_permeability(mu_0)
    constants.set_TtoAm(1 / mu_0)
    try:
        yield cmtj
    finally:
        constants.resetToDefaults()


def peer(oscillator, drive, m0, duration, dt):
    """m (n + 1, 3) of one oscillator by cmtj's RK4; a drive of numbers."""
    values = parameters(oscillator, drive)
    a_DL, field_like = float(values["a_DL"]), values["field_like"] or 0.0
    demag = np.diag(oscillator.demag)
    with same_constants(oscillator.gamma) as cmtj:
        layer = cmtj.Layer(
            *("free", cmtj.CVector(*m0), cmtj.CVector(*oscillator.easy_axis), mu_0 * oscillator.Ms),
            *(oscillator.thickness, 1e-14, [cmtj.CVector(*row) for row in demag], oscillator.alpha),
        )
        layer.setReferenceLayer(cmtj.CVector(*oscillator.p))
        junction = cmtj.Junction([layer])
        constant = cmtj.constantDriver
        junction.setLayerExternalFieldDriver("free", cmtj.AxialDriver(*(float(B / mu_0) for B in drive.B_ext)))
        junction.setLayerAnisotropyDriver("free", constant(oscillator.Ku))
        junction.setLayerDampingLikeTorqueDriver("free", constant(a_DL / mu_0))
        junction.setLayerFieldLikeTorqueDriver("free", constant(field_like * a_DL / mu_0))
        junction.runSimulation(duration, dt, dt, solverMode=cmtj.SolverMode.RK4)
        log = junction.getLog()
    m = np.stack([log[f"free_m{axis}"] for axis in "xyz"], axis=-1)
    n = round(duration / dt)
    return np.concatenate([[m0], m])[: n + 1]


def every_term():
    """One oscillator with everything that both know, no component zero; its drive and start."""
    oscillator = shno.Oscillator(
        Ms=6e5, alpha=0.05, gamma=1.8e11, thickness=3e-9, demag=(0.05, 0.15, 0.8), Ku=4e4, easy_axis=AXIS,
        theta_SH=0.2, field_like=0.3, p=(0.48, 0.8, -0.36),
    )  # fmt: skip
    return oscillator, shno.Drive(J=4e11, B_ext=(0.07, -0.11, 0.19)), np.array([0.48, 0.6, -0.64])


def claims(figures):
    """The same steps to rounding, and the same f(I); none where cmtj is not installed, which is said."""
    if find_spec("cmtj") is None:
        sys.stderr.write("peer: not measured, cmtj is not installed. Use pip install 'shno-neuromorph[peers]'.\n")
        return []
    oscillator, drive, m0 = every_term()
    ours = shno.simulate(oscillator, drive, duration=2e-9, dt=1e-12, m0=m0).m
    difference = np.abs(ours - peer(oscillator, drive, m0, 2e-9, 1e-12)).max()
    f_ours, f_peer = frequencies()
    if figures:
        draw(figures, f_ours, f_peer)
    return [
        Claim("peer-a", "m: RK4 1 ps, 2000 steps, all terms - cmtj", SOURCE, 0.0, difference, 1e-11, "absolute"),
        Claim(
            "peer-b", "preset A, f at 1.05, 1.2, 1.5, 1.75 of I_c", SOURCE, f_peer / 1e9, f_ours / 1e9, 1e-9, unit="GHz"
        ),
    ]


def frequencies():
    """f of preset A at CURRENTS by both codes from the same start, Hz."""
    oscillator, drive = shno.preset("w-cofeb-pma"), shno.operating_point("w-cofeb-pma")
    m0, times = np.array([0.0, 0.6, 0.8]), {"duration": 20e-9, "dt": 1e-12}
    run = shno.simulate(oscillator, replace(drive, I=CURRENTS * I_C), m0=m0, **times)
    theirs = [peer(oscillator, replace(drive, I=I), m0, *times.values()) for I in CURRENTS * I_C]
    theirs = replace(run, m=np.stack(theirs, axis=1))
    return shno.analysis.frequency(run), shno.analysis.frequency(theirs)


def draw(folder, f_ours, f_peer):
    """f(I) by both."""
    figure, (ax,) = panels(1, "W/CoFeB/MgO preset, RK4 1 ps, 20 ns, the same start, gamma and mu_0")
    ax.plot(CURRENTS, f_peer / 1e9, label="cmtj", **LINE)
    ax.plot(CURRENTS, f_ours / 1e9, label="shno", **POINTS)
    ax.set(xlabel="Current (critical current)", ylabel="Frequency (GHz)", title="An independent simulator")
    save(figure, folder, "peer")
