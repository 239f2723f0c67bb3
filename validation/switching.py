"""D13, T4: a field switches at the astroid of Stoner and Wohlfarth, a torque in the plane where the minimum ends."""

from functools import partial

import numpy as np

import shno
from shno.theory import perpendicular_switching_torque, stoner_wohlfarth_coercivity, stoner_wohlfarth_switching_field
from validation import GAMMA
from validation.claim import Claim
from validation.figure import LINE, POINTS, panels, save
from validation.measure import SPHERE

ROWS = ("D13", "T4")
ANGLES = np.radians((0, 15, 30, 45, 60, 75))  # D13: field to easy axis
STEP, STEPS_AROUND = 1e-4, 5  # of the field, in Bk; steps simulated on either side of what is expected
PARTICLE = shno.Oscillator(Ms=1e6, alpha=0.9, gamma=GAMMA, demag=SPHERE, Ku=5e5)  # Bk = 2 Ku/Ms = 1 T
DT, RATE = 1e-12, 0.9 * GAMMA / (1 + 0.9**2)  # s; 1/s, at which it falls into its minimum, alpha g' Bk
TURN = 2e-3  # rad off the minimum: less than the way to the saddle one step away; a symmetric one is left that way
DWELL = 3e3 / RATE  # s at a field: at a step from where the minimum vanishes, m takes pi/sqrt(STEP) = 300/RATE or so
SYMMETRIC_DWELL = 1.5e5 / RATE  # at 0 deg it leaves a maximum, growing as exp(RATE (h - 1) t) from TURN
BK, M, RATIOS = 0.4, 1.0, np.array([0.0, 0.05, 0.1, 0.2])  # T4: T, T, B/Bk
NEAR = 1 - np.geomspace(1e-4, 1e-2, 8)  # torques over the one at which the minimum vanishes


def settled(h, psi, m0, duration):
    """m after so long in the field -h Bk at the angle psi to the easy axis z: (*batch, 3)."""
    against = -np.stack(np.broadcast_arrays(np.sin(psi), 0.0, np.cos(psi)), axis=-1)
    drive = shno.Drive(a_DL=0.0, B_ext=np.multiply(h[..., None], against))
    steps = round(duration / DT)
    return shno.simulate(PARTICLE, drive, duration=steps * DT, dt=DT, m0=m0, save_every=steps).m[-1]


def reversal_field(psi, expected, dwell, component):
    """Half-way between two fields STEP apart, in Bk: in the lower m stays, in the upper its component reverses.

    From its minimum near +z each m goes to the fields around what is expected and dwells there. component(m, psi) > 0
    at first.
    """
    grid = STEP * (np.round(expected / STEP) + np.arange(-STEPS_AROUND, STEPS_AROUND + 1)[:, None])
    m = np.broadcast_to((0.0, 0.0, 1.0), (len(psi), 3))
    for share in (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0):
        m = settled(share * grid[0], psi, m, 1e3 / RATE)
    m = np.cos(TURN) * m + np.sin(TURN) * np.array([0.0, 1.0, 0.0])  # across the plane of field and axis
    m = settled(grid, psi, np.broadcast_to(m, (*grid.shape, 3)), dwell)
    reversed_ = component(m, psi) < 0
    first = np.maximum(reversed_.argmax(axis=0), 1)
    field = (np.take_along_axis(grid, first[None], 0) + np.take_along_axis(grid, first[None] - 1, 0))[0] / 2
    between = ~reversed_[0] & reversed_[-1]
    return np.where(between, field, np.nan)


def along_axis(m, psi):
    """m . z: it reverses when m switches."""
    return m[..., 2]


def against_field(m, psi):
    """m along the opposite of the field: it reverses at the coercivity."""
    return np.sin(psi) * m[..., 0] + np.cos(psi) * m[..., 2]


def switching_fields(psi):
    """Of D13, by simulation, in Bk."""
    expected = stoner_wohlfarth_switching_field(psi)
    found = reversal_field(psi, expected, DWELL, along_axis)
    symmetric = psi == 0
    if symmetric.any():
        found[symmetric] = reversal_field(psi[symmetric], expected[symmetric], SYMMETRIC_DWELL, along_axis)
    return found


def astroid():
    """D13: by simulation, and by the descent of `experiments.hysteresis`."""
    listed = "at 0, 15, 30, 45, 60, 75 deg, in Bk"
    rule = partial(Claim, source="Stoner and Wohlfarth (1948)", tolerance=1e-4, how="absolute")
    coercivity, oblique = stoner_wohlfarth_coercivity(ANGLES), ANGLES[4:]
    d = np.stack([np.sin(ANGLES), 0 * ANGLES, np.cos(ANGLES)], axis=-1)
    loop = shno.experiments.hysteresis(PARTICLE, d, 1.2, steps=60)
    return [
        rule("D13a", f"switching field {listed}: RK4, alpha 0.9, field steps 1e-4",
             expected=stoner_wohlfarth_switching_field(ANGLES), measured=switching_fields(ANGLES)),
        rule("D13b", "coercivity at 60, 75 deg, in Bk: the same", expected=coercivity[4:],
             measured=reversal_field(oblique, coercivity[4:], DWELL, against_field)),
        rule("D13c", f"coercivity {listed}: descent of the energy", expected=coercivity, measured=loop.coercivity),
    ]  # fmt: skip


def perpendicular(alpha):
    """A film with the easy axis along its normal, anisotropy field BK beyond its demagnetising field M; p = -y."""
    Ms = M / shno.constants.mu_0
    return shno.Oscillator(Ms=Ms, alpha=alpha, gamma=GAMMA, Ku=(BK + M) * Ms / 2, p=(0, -1, 0))


def driven(a, ratios):
    """The torque a (T) in a field of so many BK along x."""
    return shno.Drive(a_DL=a, B_ext=np.multiply.outer(ratios * BK, (1.0, 0.0, 0.0)))


def saddle_torque(ratios):
    """The torque at which the Jacobian's determinant vanishes, T.

    Near there a is a polynomial in the determinant, which goes as the square root of what is left to that torque; of
    degree 7 it leaves 1e-9.
    """
    a = NEAR[:, None] * perpendicular_switching_torque(ratios * BK, BK)
    determinant = np.prod(shno.eigenvalues(perpendicular(0.1), driven(a, ratios)), axis=-1).real
    determinant = determinant / determinant[0]
    return np.array([np.polyfit(x, y, len(NEAR) - 1)[-1] for x, y in zip(determinant.T, a.T, strict=True)])


def switching_torque(ratios, alpha):
    """The torque at which m, settled at 0.97 of what is expected, leaves in 20 ns, T; in steps of 0.2 %."""
    expected = perpendicular_switching_torque(ratios * BK, BK)
    share = np.arange(0.979, 1.022, 0.002)
    start = shno.equilibrium(perpendicular(alpha), driven(0.97 * expected, ratios), driven=True)
    drive = driven(share[:, None] * expected, ratios)
    m0 = np.broadcast_to(start, (len(share), *start.shape))
    m = shno.simulate(perpendicular(alpha), drive, duration=20e-9, dt=DT, m0=m0, save_every=20_000).m[-1]
    gone = m[..., 2] < start[:, 2] / 2
    first = np.maximum(gone.argmax(axis=0), 1)
    return np.where(~gone[0] & gone[-1], (share[first] + share[first - 1]) / 2, np.nan) * expected


def by_torque():
    """T4: where the minimum vanishes, and by simulation."""
    expected = perpendicular_switching_torque(RATIOS * BK, BK) * 1e3
    in_mT = partial(Claim, source="Lee et al. (2013)", expected=expected, unit="mT")
    rows = [
        in_mT("T4a", "torque in the plane at which the minimum vanishes, Bk 0.4 T, B/Bk = 0, 0.05, 0.1, 0.2",
              measured=saddle_torque(RATIOS) * 1e3, tolerance=1e-6),
    ]  # fmt: skip
    for part, alpha in (("b", 0.1), ("c", 0.5)):
        measured = switching_torque(RATIOS, alpha) * 1e3
        rows.append(in_mT(f"T4{part}", f"at which m leaves, RK4, alpha {alpha:g}", measured=measured, tolerance=0.01))
    return rows


def claims(figures):
    """Both rows."""
    if figures:
        draw(figures)
    return [*astroid(), *by_torque()]


def draw(folder):
    """The astroid, loops, and the torque against the field."""
    caption = (
        "left, middle: uniaxial particle, Bk = 1 T, $\\alpha$ = 0.9, field steps of 1e-4 Bk and loops by descent; "
        "right: perpendicular film, Bk = 0.4 T, $\\alpha$ = 0.1; RK4, dt = 1 ps"
    )
    figure, axes = panels(3, caption)
    _draw_astroid(axes[0])
    _draw_loops(axes[1])
    _draw_torque(axes[2])
    save(figure, folder, "switching")


def _draw_astroid(ax):
    line, psi = np.linspace(0, 2 * np.pi, 721), np.arctan(np.tan(np.radians(np.arange(0, 86, 8.5))) ** 3)
    h, found = stoner_wohlfarth_switching_field(line), switching_fields(psi)
    ax.plot(h * np.cos(line), h * np.sin(line), label="closed form", **LINE)
    ax.plot(found * np.cos(psi), found * np.sin(psi), label="RK4", **POINTS)
    ax.set(xlabel="Field along the easy axis ($B_k$)", ylabel="Field across it ($B_k$)", title="Astroid")
    ax.set_aspect("equal")


def _draw_loops(ax):
    psi = np.radians((10, 45, 75))
    d = np.stack([np.sin(psi), 0 * psi, np.cos(psi)], axis=-1)
    loop = shno.experiments.hysteresis(PARTICLE, d, 1.2, steps=48)
    for measured, angle, style, marker in zip(loop.m_along.T, psi, ("-", "--", "-."), "os^", strict=True):
        phi = np.linspace(-np.arctan(np.cbrt(np.tan(angle))), angle, 2000)[:-1]  # of m, from where it switches
        h, along = np.sin(2 * phi) / (2 * np.sin(angle - phi)), np.cos(angle - phi)
        h, along = h[h < 1.25], along[h < 1.25]
        gap = [np.nan]
        ax.plot([*h, *gap, *-h], [*along, *gap, *-along], **LINE | {"ls": style})
        ax.plot(loop.B, measured, label=f"descent, {np.degrees(angle):.0f} deg", **POINTS | {"marker": marker, "ms": 3})
    ax.set(xlabel="Field ($B_k$); lines: closed form", ylabel="m along the field", title="Loops", ylim=(-1.1, 1.9))


def _draw_torque(ax):
    line, ratios = np.linspace(0, 1, 200), np.linspace(0, 0.9, 10)
    ax.plot(line, perpendicular_switching_torque(line * BK, BK) * 1e3, label="saddle meets minimum", **LINE)
    ax.plot(
        line, (BK / 2 - line * BK / np.sqrt(2)) * 1e3, color="black", lw=0.8, ls="--", label="$B_k/2 - B/\\sqrt{2}$"
    )
    ax.plot(ratios, switching_torque(ratios, 0.1) * 1e3, label="RK4", **POINTS)
    ax.set(xlabel="Field in the plane ($B_k$)", ylabel="Torque (mT)", title="Switching by a torque", ylim=(0, None))
