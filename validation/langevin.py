"""N1, N2, N4: Brown's field brings m to Boltzmann's distribution: Langevin's mean, and the widths of a well."""

import numpy as np

import shno
from shno import theory
from shno.constants import k_B, mu_0
from shno.thermal import field_deviation
from validation import GAMMA
from validation.claim import Claim
from validation.figure import BLUE, LINE, POINTS, VERMILION, panels, save, ticks
from validation.measure import SPHERE

ROWS = ("N1", "N2", "N4")
SIGMAS = 4
T, ALPHA = 300.0, 0.5  # K; a damping at which gamma and gamma/(1 + alpha^2) differ by a quarter
SMALL = {"temperature": T, "Ms": 8e5, "volume": 1e-24}
DEVICE = {"temperature": T, "Ms": 6e5, "volume": 150e-9 * 150e-9 * 5e-9}
SPIN = {"temperature": T, "Ms": 8e4, "volume": 1e-23}  # the moment of SMALL; its shape's field, along m, is weaker
UNIT = k_B * T / (SPIN["Ms"] * SPIN["volume"])  # T, the field at x = Ms V B/(k_B T) = 1
X = np.array([0.5, 1, 2, 5, 10])
STEP = {"rk4": 2.6e-12, "heun": 0.5e-12}  # s; kicks of 0.049, 0.021: at 0.027 rare ones move |m| by 1e-4 in Heun's
MS, VOLUME, B1, B2 = 8e5, 5e-23, 0.1, 1.0  # of the well, T: stiffness along u = m_y and v = m_z; m along x
WELL_STEP = 0.5e-12  # s; at 1 ps <v^2> would be 0.06 % too small, as (relaxation rate)^2 dt^2/12
SHARES = 40


def axial(M):
    """Demagnetising factors of a body round about z, Ms = MS, whose shape anisotropy is that of a film of M (T)."""
    across = (1 - M / (mu_0 * MS)) / 3
    return across, across, 1 - 2 * across


def share_below(m_z, x):
    """Share of Boltzmann's distribution exp(x m_z) on the sphere that lies below m_z."""
    return (np.exp(x * (m_z - 1)) - np.exp(-2 * x)) / (1 - np.exp(-2 * x))


def drawn(x, n, rng):
    """n unit vectors from that distribution for each x of an array: (len(x), n, 3)."""
    share, phi = rng.random((len(x), n)), 2 * np.pi * rng.random((len(x), n))
    x = np.asarray(x, float)[:, None]
    m_z = 1 + np.log(share + (1 - share) * np.exp(-2 * x)) / x
    across = np.sqrt(np.maximum(1 - m_z**2, 0))
    return np.stack([across * np.cos(phi), across * np.sin(phi), m_z], axis=-1)


def after(steps, dt, x, m0, **settings):
    """m (len(x), n, 3) of spins in the fields x UNIT along z, `steps` steps after m0."""
    spins = shno.Oscillator(Ms=SPIN["Ms"], volume=SPIN["volume"], alpha=ALPHA, gamma=GAMMA, demag=SPHERE)
    drive = shno.Drive(a_DL=0.0, B_ext=UNIT * np.asarray(x, float)[:, None, None] * (0, 0, 1))
    settings |= {"m0": m0, "temperature": T, "dtype": "float32"}
    run = shno.simulate(spins, drive, duration=steps * dt, dt=dt, save_every=steps, **settings)
    return run.m[-1].astype(float)


def settled(x, n, *, solver, seed, relaxations=5, **settings):
    """m (len(x), n, 3) in equilibrium: `relaxations` free relaxation times after a draw of Boltzmann's distribution."""
    tau = 1 / (2 * theory.rotational_diffusion(ALPHA, **SPIN, gamma=GAMMA))
    steps = int(np.ceil(relaxations * tau / STEP[solver]))
    m0 = drawn(x, n, np.random.default_rng(seed))
    return after(steps, STEP[solver], x, m0, solver=solver, seed=seed, **settings)


def mean_claims(ids, m, x, how):
    """<m_z> at each x of the independent m (len(x), n, 3), within 4 standard errors."""
    n, expected = m.shape[1], theory.langevin(x)
    errors = np.sqrt((1 - 2 * expected / x - expected**2) / n)
    return [
        Claim(
            row,
            f"<m_z> at x = {at:g}, alpha 0.5, {how}, float32, {n} spins; tolerance: 4 sigma",
            "coth x - 1/x",
            value,
            mean,
            SIGMAS * error,
            "absolute",
        )
        for row, at, value, mean, error in zip(ids, x, expected, m[..., 2].mean(axis=1), errors, strict=True)
    ]


def chi_square(m, x):
    """Chi-square, one degree less than SHARES, of the share of Boltzmann's distribution below each m_z, all x."""
    counts, _ = np.histogram(share_below(m[..., 2], x[:, None]), SHARES, (0, 1))
    return np.sum((counts - m[..., 2].size / SHARES) ** 2) / (m[..., 2].size / SHARES)


def distribution_claim(row, m, x):
    """The whole distribution of m_z: chi-square within 4 of its standard deviations."""
    degrees = SHARES - 1
    return Claim(
        row,
        f"chi^2 of these m_z in {SHARES} equal shares of Boltzmann's distribution; tolerance: 4 sigma",
        "exp(x m_z)",
        degrees,
        chi_square(m, x),
        SIGMAS * np.sqrt(2 * degrees),
        "absolute",
    )


def field_claims():
    """Brown's field: its deviation over a step, and the deviation that a run's first step shows."""
    n, dt = 200_000, 1e-13  # s; at 1 ps <sin^2> would differ from <angle^2> by 0.1 %
    of_device = 2 * 0.02 * k_B * T / (theory.explicit_gamma(0.02, GAMMA) * DEVICE["Ms"] * DEVICE["volume"] * 1e-12)
    m = after(1, dt, [0, 0], np.broadcast_to([0.0, 0.0, 1.0], (2, n, 3)), solver="rk4", seed=1)
    turn = np.sqrt(np.mean(m[..., :2] ** 2))  # of a component: sqrt(1 + alpha^2) g' b dt
    field = "sqrt(2 alpha k_B T/(gamma Ms V dt))"
    return [
        Claim(
            "N1a",
            "Brown's field, alpha 0.1, 8e5 A/m, (10 nm)^3, 300 K, 1 ps",
            field,
            theory.thermal_field(0.1, **SMALL, dt=1e-12, gamma=GAMMA) * 1e3,
            field_deviation(alpha=0.1, **SMALL, dt=1e-12, gamma=GAMMA) * 1e3,
            1e-12,
            unit="mT",
        ),
        Claim(
            "N1b",
            "the same, alpha 0.02, 6e5 A/m, 150 x 150 x 5 nm; expected by gamma/(1 + alpha^2)",
            "Scholz (2003)",
            np.sqrt(of_device / (1 + 0.02**2)) / mu_0,
            field_deviation(alpha=0.02, **DEVICE, dt=1e-12, gamma=GAMMA) / mu_0,
            1e-12,
            unit="A/m",
        ),
        Claim(
            "N1c",
            f"field that turns {2 * n} spins in a step of 0.1 ps, rms, alpha 0.5; tolerance: 4 sigma",
            field,
            theory.thermal_field(ALPHA, **SPIN, dt=dt, gamma=GAMMA) * 1e3,
            turn * np.sqrt(1 + ALPHA**2) / (GAMMA * dt) * 1e3,
            SIGMAS / np.sqrt(8 * n),
            unit="mT",
        ),
    ]


def well(temperature, n, saves, *, seed, volume=VOLUME):
    """<u^2>, <v^2> of the well from n (saves) independent draws: 0.1 ns apart, 4 relaxation times, alpha = 0.5."""
    magnet = shno.Oscillator(Ms=MS, alpha=ALPHA, gamma=GAMMA, volume=volume, demag=axial(B2 - B1))
    run = shno.simulate(
        magnet,
        shno.Drive(a_DL=0.0, B_ext=(B1, 0, 0)),
        temperature=temperature,
        seed=seed,
        realisation=np.arange(n),
        duration=saves * 1e-10,
        dt=WELL_STEP,
        save_every=round(1e-10 / WELL_STEP),
        dtype="float32",
    )
    return [np.mean(np.square(run.m[1:, :, axis], dtype=float)) for axis in (1, 2)]


def boltzmann_well(temperature, volume=VOLUME):
    """<u^2>, <v^2> of the well, exactly: the integral of exp(-E/(k_B T)) over the sphere, in m_z and azimuth."""
    unit = k_B * temperature / (MS * volume)
    widest = [min(end, 12 * np.sqrt(unit / B)) for end, B in ((np.pi, B1), (1, B2))]
    phi, v = (np.linspace(-end, end, 801) for end in widest)
    across = np.sqrt(1 - v[:, None] ** 2)
    weight = np.exp(-(B1 * (1 - across * np.cos(phi)) + (B2 - B1) / 2 * v[:, None] ** 2) / unit)
    return [np.sum(weight * square) / weight.sum() for square in ((across * np.sin(phi)) ** 2, v[:, None] ** 2)]


def well_claims(n, saves):
    """The variances against equipartition, to 1 % as anharmonic terms are left out, and against the exact integral."""
    measured, exact = well(T, n, saves, seed=4), boltzmann_well(T)
    claims = []
    for k, (name, B) in enumerate((("u", B1), ("v", B2))):
        statement = f"<{name}^2> x 1e3, stiffness {B:g} T, alpha 0.5, RK4 0.5 ps, {n * saves} draws, float32"
        harmonic = theory.well_variance(B, T, MS, VOLUME) * 1e3
        equipartition = "k_B T/(Ms V B)"
        claims += [
            Claim(f"N4{'ac'[k]}", f"{statement}; 1 %: anharmonic", equipartition, harmonic, measured[k] * 1e3, 0.01),
            Claim(
                f"N4{'bd'[k]}",
                f"the same <{name}^2>; tolerance: 4 sigma",
                "Boltzmann's integral",
                exact[k] * 1e3,
                measured[k] * 1e3,
                SIGMAS * np.sqrt(2 / (n * saves)),
            ),
        ]
    return claims


def hot_claims(n, saves):
    """The variances of a well so hot that equipartition is 3 % off."""
    measured, exact = well(T, n, saves, seed=14, volume=SMALL["volume"]), boltzmann_well(T, SMALL["volume"])
    return [
        Claim(
            f"N4{'ef'[k]}",
            f"<{'uv'[k]}^2> x 1e3 in (10 nm)^3, {n * saves} draws; tolerance: 4 sigma",
            "Boltzmann's integral",
            exact[k] * 1e3,
            measured[k] * 1e3,
            SIGMAS * np.sqrt(2 / (n * saves)),
        )
        for k in range(2)
    ]


def torch_claim():
    """Torch draws the same noise and takes the same steps as the kernel."""
    steps, m0 = 40, drawn(X, 8, np.random.default_rng(6))
    settings = {"solver": "rk4", "seed": 6}
    kernel, torch = (after(steps, STEP["rk4"], X, m0, executor=name, **settings) for name in ("compiled", "torch"))
    return Claim(
        "N2l",
        f"m: torch - kernel on one noise, {steps} steps, 40 spins, float32; tolerance: the rounding unit a step",
        "the same arithmetic",
        0.0,
        np.abs(torch - kernel).max(),
        steps * float(np.finfo("float32").eps),
        "absolute",
    )


def claims(figures):
    """Brown's field, Langevin's mean with both solvers, the distribution, and the well, in a minute's ensembles."""
    if figures:
        draw(figures)
    by_rk4, by_heun = settled(X, 30_000, solver="rk4", seed=2), settled(X, 6000, solver="heun", seed=3)
    return [
        *field_claims(),
        *mean_claims(("N2a", "N2b", "N2c", "N2d", "N2e"), by_rk4, X, "RK4 2.6 ps"),
        distribution_claim("N2f", by_rk4, X),
        *mean_claims(("N2g", "N2h", "N2i", "N2j", "N2k"), by_heun, X, "Heun 0.5 ps"),
        torch_claim(),
        *well_claims(20_000, 100),
    ]


def full_claims(figures):
    """Langevin's mean and the distribution with errors a quarter as large, and a well that is no parabola."""
    by_rk4, by_heun = settled(X, 480_000, solver="rk4", seed=12), settled(X, 96_000, solver="heun", seed=13)
    return [
        *mean_claims(("N2m", "N2n", "N2o", "N2p", "N2q"), by_rk4, X, "RK4 2.6 ps"),
        distribution_claim("N2r", by_rk4, X),
        *mean_claims(("N2s", "N2t", "N2u", "N2v", "N2w"), by_heun, X, "Heun 0.5 ps"),
        *hot_claims(20_000, 250),
    ]


def draw(folder):
    """Langevin's curve, Boltzmann's histograms, and the well's widths over those of equipartition."""
    caption = (
        "$\\alpha$ = 0.5, RK4; left and middle: 40000 spins at each x, 2.6 ps, after 5 relaxation times; "
        "right: $M_s$ = 0.8 MA/m, (10 nm)$^3$, 0.5 ps, lines: exact integral, points: a million draws each"
    )
    figure, axes = panels(3, caption)
    draw_means(axes[0])
    draw_histograms(axes[1])
    draw_wells(axes[2])
    save(figure, folder, "langevin")


def draw_means(ax):
    """Langevin's function and <m_z> by both solvers."""
    x, line = np.array([0.25, 0.5, 1, 2, 3.5, 5, 7, 10]), np.linspace(0, 10.5, 300)
    ax.plot(line, theory.langevin(line), label="coth x - 1/x", **LINE)
    ax.plot(x, settled(x, 40_000, solver="rk4", seed=7)[..., 2].mean(axis=1), label="simulated", **POINTS)
    ax.set(xlabel="$x = M_s V B / k_B T$", ylabel="$\\langle m_z \\rangle$", title="Langevin's function")


def draw_histograms(ax):
    """Boltzmann's density of m_z and histograms at three fields, each bar one standard deviation."""
    x, line, bins = np.array([0.5, 2, 5]), np.linspace(-1, 1, 200), np.linspace(-1, 1, 21)
    m_z = settled(x, 40_000, solver="rk4", seed=8)[..., 2]
    for k, at in enumerate(x):
        counts, _ = np.histogram(m_z[k], bins)
        middles, unit, first = (bins[1:] + bins[:-1]) / 2, m_z[k].size * (bins[1] - bins[0]), k == 0
        ax.plot(line, at * np.exp(at * line) / (2 * np.sinh(at)), label="$\\exp(x\\,m_z)$" if first else None, **LINE)
        bars = {"yerr": np.sqrt(counts) / unit, "lw": 1, "label": "simulated" if first else None}
        ax.errorbar(middles, counts / unit, **bars, **POINTS)
        place = (-0.98, at * np.exp(-0.98 * at) / (2 * np.sinh(at)))
        ax.annotate(f"x = {at:g}", place, (0, -14), textcoords="offset points", size=9)
    ticks(ax, [-1, -0.5, 0, 0.5, 1])
    ax.set(xlabel="$m_z$", ylabel="Density", yscale="log", ylim=(2e-5, 20), title="Boltzmann's distribution")


def draw_wells(ax):
    """<u^2> and <v^2> over equipartition's, where the well is no longer a parabola."""
    temperatures, line, n, saves = np.array([30, 100, 200, 300.0]), np.linspace(1, 320, 60), 10_000, 100
    stiffness, volume = np.array([B1, B2]), SMALL["volume"]
    curves = np.array([boltzmann_well(at, volume) for at in line])
    points = np.array([well(at, n, saves, seed=20 + k, volume=volume) for k, at in enumerate(temperatures)])
    for k, (color, marker) in enumerate(((VERMILION, "o"), (BLUE, "s"))):
        units = [theory.well_variance(stiffness[k], at, MS, volume) for at in (line, temperatures)]
        ax.plot(line, curves[:, k] / units[0], color=color, lw=1.4, label=f"${'uv'[k]}$, {stiffness[k]:g} T")
        means = points[:, k] / units[1]
        bars = {"yerr": means * np.sqrt(2 / (n * saves)), "lw": 1}
        ax.errorbar(temperatures, means, **bars, **POINTS | {"color": color, "marker": marker})
    ax.axhline(1, color="black", lw=0.8, ls=":", label="equipartition")
    ax.set(xlabel="Temperature (K)", ylabel="Variance / $(k_B T / M_s V B)$", title="Widths of a well")
