"""L1, L2, L5: an oscillator locks to an injected field within Adler's range, beats outside, and at 2f has two phases.

L1 and L2 inject a field b that rotates with the oscillator of T5 (phi decreases for a p_z > 0), whose constants are
exact: half range gamma b / (2 pi alpha sin theta). L5 modulates the field along m of an in-plane film at 2f.
"""

import numpy as np

import shno
from shno import theory
from shno.constants import mu_0
from validation import GAMMA
from validation.claim import Claim
from validation.figure import LINE, POINTS, panels, save
from validation.measure import azimuthal_frequency

ROWS = ("L1", "L2", "L5")
ALPHA, M, B, A, b = 0.05, 0.8, 0.1, 20e-3, 0.2e-3  # T where a unit is needed
COSINE = 0.625  # of the cone
F0 = GAMMA * A / (2 * np.pi * ALPHA)
HALF = theory.injection_half_range(b, COSINE, ALPHA, GAMMA)  # Hz
SLIPS = 0.01  # of the half range: a mean beat below it in 1 us is a phase that does not slip
EDGES = np.linspace(0.98, 1.02, 41)  # of the half range: the edge to 0.05 %
BEATS = np.array([1.05, 1.2, 1.5])
DT, SAMPLES = 0.5e-12, 40


def oscillator():
    """That of T5: perpendicular polariser, field and easy plane about z."""
    return shno.Oscillator(Ms=M / mu_0, alpha=ALPHA, gamma=GAMMA, p=(0, 0, 1))


def beat(detuning, *, duration=1e-6, settle=0.2e-6):
    """Mean frequency of the oscillator in the frame of the injected field, Hz: 0 where it is locked.

    detuning : (n,), Hz     of the injected frequency from the oscillator's own
    """
    f = F0 + np.asarray(detuning)
    rotating = (shno.Sine(b, f, np.pi / 2), shno.Sine(-b, f), B)
    m0 = (np.sqrt(1 - COSINE**2), 0.0, COSINE)
    drive = shno.Drive(a_DL=A, B_ext=rotating)
    run = shno.simulate(oscillator(), drive, duration=duration, dt=DT, m0=m0, save_every=SAMPLES)
    return azimuthal_frequency(run, discard=settle) + f


def edges():
    """The injected detunings at which locking is lost, above and below, Hz."""
    slips = np.abs(beat(HALF * np.concatenate([EDGES, -EDGES]))) > SLIPS * HALF
    lost = slips.reshape(2, -1).argmax(axis=1)
    return np.array([1, -1]) * HALF * (EDGES[lost] + EDGES[lost - 1]) / 2


def parametric_phases(n=24):
    """Phases of m_y at 2f injection from n starts, rad in (-pi, pi], and how far each moves in the last 50 ns."""
    Ms, alpha, f = 0.9 / mu_0, 0.02, 8.302388e9
    a = 1.05 * theory.collinear_threshold(0.1, 0.9, 0.0, alpha)
    drive = shno.Drive(a_DL=a, B_ext=(shno.Sine(4e-3, 2 * f) + 0.1, 0.0, 0.0))
    angle = 2 * np.pi * np.arange(n) / n + 0.1
    m0 = np.stack([np.full(n, np.cos(0.3)), np.sin(0.3) * np.cos(angle), np.sin(0.3) * np.sin(angle)], axis=-1)
    film = shno.Oscillator(Ms=Ms, alpha=alpha, gamma=GAMMA, p=(-1, 0, 0))
    run = shno.simulate(film, drive, duration=400e-9, dt=1e-12, m0=m0, save_every=5)
    signal = run.m[..., 1] * np.exp(-2j * np.pi * f * run.t)[:, None]
    part = 10_000  # states: 50 ns; a Hann window, as they are no whole number of periods
    late, later = (np.hanning(part) @ signal[-k * part :][:part] for k in (2, 1))
    return np.angle(later), np.abs(np.angle(later / late))


def claims(figures):
    """Half range, beats, and the two phases of parametric injection."""
    upper, lower = edges()
    detuned = np.abs(beat(HALF * np.concatenate([BEATS, -BEATS]))).reshape(2, -1).mean(axis=0)
    phases, drift = parametric_phases()
    on_first = np.cos(phases - phases[0]) > 0
    apart = np.angle(np.exp(2j * (phases - phases[0]))) / 2  # modulo pi
    if figures:
        draw(figures, phases)
    adler = "Adler (1946) with nu = 1/alpha"
    return [
        Claim("L1", "half locking range, cone of 51 deg, rotating field of 0.2 mT, alpha 0.05", adler,
              HALF / 1e6, (upper - lower) / 2e6, 0.01, unit="MHz"),
        Claim("L2", "beat over half range at detunings of 1.05, 1.2, 1.5, mean of both signs", "sqrt(x^2 - 1)",
              np.sqrt(BEATS**2 - 1), detuned / HALF, 0.1),
        Claim("L5a", "phases at 2f from 24 starts, apart modulo pi", "two phases, pi apart", 0.0,
              np.ptp(apart), 1e-3, "absolute", "rad"),
        Claim("L5b", "starts that end on the first of the two phases, of 24", "equal basins", 12, on_first.sum(), 0),
        Claim("L5c", "drift of a phase in 50 ns", "locked", 0.0, drift.max(), 1e-6, "absolute", "rad"),
    ]  # fmt: skip


def draw(folder, phases):
    """The beat against detuning, and the phases at 2f."""
    x = np.concatenate([np.linspace(-2, 2, 41), [-1.02, 1.02]])
    x.sort()
    measured = beat(HALF * x, duration=0.5e-6)
    caption = "left: $\\alpha$ = 0.05, a = 20 mT, b = 0.2 mT, 11.2 GHz; right: 4 mT along m at 2f, a = 1.05 $a_c$"
    figure, (left, right) = panels(2, caption)
    fine = np.linspace(-2, 2, 801)
    left.plot(fine * HALF / 1e6, np.sign(fine) * theory.beat_frequency(fine, 1.0) * HALF / 1e6, label="Adler", **LINE)
    left.plot(x * HALF / 1e6, measured / 1e6, label="simulated", **POINTS)
    left.set(xlabel="Detuning (MHz)", ylabel="Beat frequency (MHz)", title="Injection locking")
    starts = np.degrees(2 * np.pi * np.arange(len(phases)) / len(phases) + 0.1)
    right.plot(starts, np.degrees(phases), label="simulated", **POINTS)
    for k in (0, 1):
        line = np.degrees(np.angle(np.exp(1j * (phases[0] + k * np.pi))))
        right.axhline(line, **(LINE | ({"label": "$\\phi_0$, $\\phi_0 + \\pi$"} if k else {})))
    right.set(
        xlabel="Phase of the start (deg)", ylabel="Locked phase (deg)", title="Two phases at 2f", ylim=(-180, 180)
    )
    save(figure, folder, "locking")
