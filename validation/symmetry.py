"""I16: what leaves dm/dt as it is leaves the runs of every executor as they are; where (I, B) -> (-I, -B) does not.

m, B and p enter by cross products alone, so a rotation of all of them (of the demagnetising tensor and every axis too)
rotates m(t). The torque is odd in I and in p. Hence (I, B) -> (-I, -B) with p kept is a symmetry where a half turn
reverses B and p and keeps shape and anisotropies: where an axis across both B and p is one of their principal axes.
For a film with p in its plane: a field in the plane, or one in the plane of p and the normal (or along p). At any
other field reversing both is the same as reversing the component of B along the normal alone, which is another field.
An angular dependence of the torque (Lambda) or a field that does not reverse with B (bias, fixed layer) breaks it too.
"""

from dataclasses import replace
from functools import partial

import numpy as np

import shno
from shno.constants import mu_0
from shno.theory import oblique_equilibrium
from validation import GAMMA
from validation.claim import Claim
from validation.figure import LINE, POINTS, panels, save
from validation.magnets import across, every_term, reversed_both, rotated, units

ROWS = ("I16",)
N, DURATION, DT = 4, 0.05e-9, 0.5e-12
RTOL, ATOL = 1e-12, 1e-14  # asked of the reference
EVERY = f"every term on, {N} magnets, 0.05 ns"
EXECUTORS = "compiled, torch, reference"
HALF_TURNS = np.array([[1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]])  # about x, y, z
M, B_FREE = 0.9, np.array([0.05, 0.02, 0.1])  # T, a film and its field


def ends(oscillator, drive, m0, duration=DURATION):
    """m at the end of a run, compiled, torch, reference: (3, *batch, 3)."""
    run = partial(shno.simulate, oscillator, drive, duration=duration, m0=m0)
    steps = {"dt": DT, "save_every": round(duration / DT)}
    found = [run(executor=executor, **steps).m[-1] for executor in ("compiled", "torch")]
    return np.array([*found, run(dt=duration, solver="reference", rtol=RTOL, atol=ATOL).m[-1]])


def differences(a, b):
    """Largest difference of a component of m, one number an executor."""
    return np.abs(a - b).reshape(len(a), -1).max(axis=-1)


def claims(figures):
    """Reversal, rotation, conservation, relaxation and what must not matter."""
    if figures:
        draw(figures)
    return [*reversal(), *oblique_reversal(), *rotation(), *conservation(), *relaxation(), *indifference()]


def reversal():
    """I16a, b: (I, B) -> (-I, -B) where it is a symmetry."""
    rows = []
    for part, k, where in (("a", 2, "as in the plane of a film"), ("b", 0, "as in the plane of p and the normal")):
        *system, m0 = every_term(N)
        system = across(*system, k)
        before, after = ends(*system, m0), ends(*reversed_both(*system), HALF_TURNS[k] * m0)
        turned = f"a half turn about {'xyz'[k]}"
        statement = f"(I, B) -> (-I, -B), all fields {where}: m less its image by {turned}, {EVERY}, {EXECUTORS}"
        away = differences(before, HALF_TURNS[k] * after)
        rows.append(Claim(f"I16{part}", statement, "signs alone", 0.0, away, 0.0, "absolute"))
    return rows


def oblique_reversal():
    """I16c, d: a published film in its oblique field."""
    oscillator, drive = shno.preset("w-cofeb-pma"), shno.operating_point("w-cofeb-pma")
    m0, half_turn = np.array([0.0, -0.6, 0.8]), HALF_TURNS[2]
    after = half_turn * ends(*reversed_both(oscillator, drive), half_turn * m0)
    other = ends(oscillator, replace(drive, B_ext=drive.B_ext * (1, 1, -1)), m0)
    same = f"W/CoFeB, oblique B: (-I, -B) turned half about z, less (I, B with B_z reversed), 0.05 ns, {EXECUTORS}"
    f, f_reversed = frequencies(drive.B_ext)
    differs = "W/CoFeB, oblique B: |f(-I, -B)/f(I, B) - 1|"
    return [
        Claim("I16c", same, "signs alone", 0.0, differences(after, other), 0.0, "absolute"),
        Claim("I16d", differs, "no principal axis across B and p", 1e-4, abs(f_reversed / f - 1), how="at least"),
    ]


def frequencies(B):
    """(f(I, B), f(-I, -B)) of that film in the fields B (..., 3), Hz: (2, ...)."""
    sign = np.reshape([1.0, -1.0], (2, *(1,) * (np.ndim(B) - 1)))
    drive = shno.Drive(I=sign * shno.operating_point("w-cofeb-pma").I, B_ext=sign[..., None] * B)
    run = shno.simulate(shno.preset("w-cofeb-pma"), drive, duration=50e-9, dt=1e-12, save_every=4)
    return shno.analysis.frequency(run)


def rotation():
    """I16e, f: all vectors turned, by 0.7 rad about z and by a general rotation."""
    *system, m0 = every_term(N)
    cos, sin = np.cos(0.7), np.sin(0.7)
    about_z = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    general = about_z @ np.roll(about_z, (1, 1), (0, 1))  # about x, then about z
    before = ends(*system, m0)
    away = [differences(before @ R.T, ends(*rotated(*system, R), m0 @ R.T)) for R in (about_z, general)]
    statement = f"all turned about z, about x and z: m less its image, {EVERY}"
    equal = partial(Claim, source="cross products", expected=0.0, how="absolute")
    fast, reference = np.ravel(away)[[0, 1, 3, 4]], np.ravel(away)[[2, 5]]
    return [
        equal("I16e", f"{statement}, compiled and torch", measured=fast, tolerance=1e-12),
        equal("I16f", f"{statement}, reference; ten of its tolerances", measured=reference, tolerance=10 * RTOL),
    ]


def conservation():
    """I16g to i: without damping and torque energy, and m_z about an axis, are kept as far as a scheme can."""
    film = shno.Oscillator(Ms=M / mu_0, alpha=0.0, gamma=GAMMA)
    start, steps, largest = units(np.random.default_rng(8), 8), round(DURATION / DT), np.linalg.norm(B_FREE) + M
    free = ends(film, shno.Drive(a_DL=0.0, B_ext=B_FREE), start)
    axial = ends(film, shno.Drive(a_DL=0.0, B_ext=(0, 0, B_FREE[2])), start)[..., 2] - start[:, 2]
    energy = -(free @ B_FREE) + M / 2 * free[..., 2] ** 2 + start @ B_FREE - M / 2 * start[:, 2] ** 2  # gained
    gained, c = np.abs(energy).max(axis=-1), start[:, 2]
    x, most = GAMMA * (B_FREE[2] - M * c) * DT, GAMMA * largest * DT  # rad a step
    drift = steps * c * (1 - c**2) * x**6 / 144
    bound = largest * (steps * most**6 / 288 + most**4 / 120)  # m_perp shrunk at 45 deg, and the orbit's own error
    off = np.abs(axial[:2] - drift).max(axis=-1) / np.abs(drift).max()
    setting = "free orbits of a film from 8 points, 0.05 ns"
    kept = [gained[2], np.abs(axial[2]).max()]
    by_rk4 = "RK4 0.5 ps, compiled, torch"
    shrinking = f"{setting}, axial: m_z gained less N c sin^2 x^6/144, over the largest, {by_rk4}"
    return [
        Claim("I16g", f"{setting}: energy/Ms V (T), m_z gained, reference", "conserved", 0.0, kept, 1e-12, "absolute"),
        Claim(
            "I16h", f"{setting}: energy/Ms V gained, {by_rk4}", "its error", bound, gained[:2], how="at most", unit="T"
        ),
        Claim("I16i", shrinking, "|R| of RK4", 0.0, off, 0.01, "absolute"),  # the next order is x^2/8 of it
    ]


def relaxation():
    """I16j: with damping m ends in the minimum of the energy, from anywhere."""
    film = shno.Oscillator(Ms=M / mu_0, alpha=0.5, gamma=GAMMA)
    B, psi = 0.7, np.radians(80.0)
    drive = shno.Drive(a_DL=0.0, B_ext=(B * np.cos(psi), 0.0, B * np.sin(psi)))
    theta = oblique_equilibrium(B, psi, M)
    end = ends(film, drive, units(np.random.default_rng(9), 8), duration=1.5e-9)
    away = differences(end, np.broadcast_to((np.cos(theta), 0.0, np.sin(theta)), end.shape))
    statement = f"film, oblique field, alpha 0.5, 1.5 ns from 8 points: m less the minimum of the energy, {EXECUTORS}"
    return [Claim("I16j", statement, "torque balance", 0.0, away, 1e-11, "absolute")]


def indifference():
    """I16k, l: a field-like torque is a field; the efficiency does not matter without a current."""
    oscillator, drive, m0 = every_term(N)
    half = oscillator.field_like / 2
    a_FL = half * shno.parameters(oscillator, drive)["a_DL"]
    as_field = replace(drive, B_ext=drive.B_ext + a_FL[:, None] * oscillator.p)
    away = differences(ends(oscillator, drive, m0), ends(replace(oscillator, field_like=half), as_field, m0))
    metals = replace(oscillator, theta_SH=np.linspace(-0.4, 0.4, 5)[:, None])
    idle = ends(metals, replace(drive, I=0 * drive.I), m0)
    spread = differences(idle, np.broadcast_to(idle[:, :1], idle.shape))
    torque = f"half of a_FL p as a torque less the same as a field: m, {EVERY}, {EXECUTORS}"
    metal = f"no current, theta_SH from -0.4 to 0.4: largest difference of m, {EVERY}, {EXECUTORS}"
    return [
        Claim("I16k", torque, "a_FL p adds to B", 0.0, away, 1e-12, "absolute"),
        Claim("I16l", metal, "no torque", 0.0, spread, 0.0, "absolute"),
    ]


def draw(folder):
    """Frequency of a published film under (I, B) and (-I, -B), against the azimuth of B."""
    size, elevation = np.linalg.norm(shno.operating_point("w-cofeb-pma").B_ext), np.radians(65.0)
    azimuth = np.linspace(60, 120, 25)
    phi = np.radians(azimuth)
    in_plane = [np.cos(elevation) * np.cos(phi), np.cos(elevation) * np.sin(phi)]
    f, f_reversed = frequencies(size * np.stack([*in_plane, np.sin(elevation) + 0 * phi], axis=-1))
    caption = "w-cofeb-pma, p along 90 deg, I = 0.2 mA, |B| of its operating point; RK4, dt = 1 ps, 50 ns"
    figure, (left, right) = panels(2, caption)
    left.plot(azimuth, f / 1e9, label="(I, B)", **LINE)
    left.plot(azimuth, f_reversed / 1e9, label="(-I, -B)", **POINTS)
    left.set(ylabel="Frequency (GHz)", title="B at 65 deg to the plane of the film")
    right.plot(azimuth, (f_reversed - f) / 1e6, **POINTS)
    right.set(ylabel="Difference (MHz)", title="(-I, -B) less (I, B): a symmetry at 90 deg")
    for ax in (left, right):
        ax.set_xlabel("Azimuth of B from the current (deg)")
    save(figure, folder, "symmetry")
