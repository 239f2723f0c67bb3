"""Noise rebuilt from its definition and given to the witness; one noise path at several steps; equilibrium."""

from dataclasses import replace

import numpy as np
import pytest
from simulate_helpers import M0, P
from test_thermal_runs import DRIVE, OSCILLATOR

from shno import Drive, Oscillator, Step, philox, reference, reference_physics, simulate
from shno.constants import k_B, mu_0
from shno.thermal import field_deviation

TIGHT = {"rtol": 1e-12, "atol": 1e-14}
NOISE_DT = 0.05e-12
RUN = {"m0": M0, "temperature": 300.0, "seed": 11}


def normals(steps, realisation, seed=11):
    """Standard normal numbers (steps, n, 3) of Brown's field: number 3 step + component of a stream."""
    q = 3 * np.arange(steps)[:, None, None] + np.arange(3)
    return philox.draw(seed, q, np.asarray(realisation)[:, None])


def deviation(oscillator, temperature, dt):
    """(2 alpha k_B T / (gamma Ms V dt))^(1/2), T."""
    return np.sqrt(
        2 * oscillator.alpha * k_B * temperature / (oscillator.gamma * oscillator.Ms * oscillator.volume * dt)
    )


def rebuilt(steps, draws, realisation, scale=1.0):
    """The field of each step (steps, n, 3): the mean of its draws, each of the deviation for noise_dt."""
    b = scale * deviation(OSCILLATOR, 300.0, NOISE_DT) * normals(steps * draws, realisation)
    return b.reshape(steps, draws, *b.shape[1:]).mean(axis=1)


@pytest.mark.parametrize(("draws", "executor"), [(1, "compiled"), (3, "compiled"), (3, "torch")])
def test_the_noise_of_a_run_is_that_of_its_definition(draws, executor):
    """What is left is rk4's error, (w dt)^4/120 of a turn with w dt = 0.02; a deviation 1 % off is 1e5 times that."""
    dt, realisation, steps = draws * NOISE_DT, np.array([4, 0, 2**31]), 40
    run = simulate(
        OSCILLATOR, DRIVE, **RUN, duration=steps * dt, dt=dt, noise_dt=NOISE_DT, realisation=realisation,
        executor=executor,
    )  # fmt: skip
    m0 = np.tile(M0, (3, 1))
    errors = {}
    for scale in (1.0, 1.01):
        b = rebuilt(steps, draws, realisation, scale)
        path = reference.solve(OSCILLATOR, DRIVE, m0, run.t, B_noise=(b, dt), **TIGHT)
        errors[scale] = np.abs(path - run.m).max(axis=(0, 2))
    assert errors[1.0].max() < 1e-9 and errors[1.01].min() > 1e-5, errors
    assert field_deviation(300.0, 0.1, 1.9e11, 8e5, 5e-24, NOISE_DT) == pytest.approx(
        deviation(OSCILLATOR, 300.0, NOISE_DT), rel=1e-14
    )


def test_a_start_later_takes_the_draws_of_its_time():
    dt, realisation = 3 * NOISE_DT, np.array([4, 0, 2**31])
    run = simulate(
        OSCILLATOR, DRIVE, **RUN, duration=20 * dt, dt=dt, noise_dt=NOISE_DT, realisation=realisation, t0=7 * NOISE_DT
    )
    b = deviation(OSCILLATOR, 300.0, NOISE_DT) * normals(67, realisation)[7:].reshape(20, 3, 3, 3).mean(axis=1)
    path = reference.solve(OSCILLATOR, DRIVE, np.tile(M0, (3, 1)), run.t - run.t[0], B_noise=(b, dt), **TIGHT)
    assert np.abs(path - run.m).max() < 1e-9


def test_runs_of_one_noise_dt_follow_one_path():
    """Means of draws over 16, 4 and 2 of them: the fields of two steps differ by their bridges, and the paths with
    the root of the step or better; another seed leads elsewhere."""
    keywords = {**RUN, "duration": 24e-12, "noise_dt": 0.0625e-12, "realisation": np.arange(64), "executor": "torch"}

    def end(draws, **change):
        dt = draws * 0.0625e-12
        return simulate(OSCILLATOR, DRIVE, **keywords | change, dt=dt, save_every=round(24e-12 / dt)).m[-1]

    finest = end(2)
    errors = [np.sqrt(np.mean((end(draws) - finest) ** 2)) for draws in (16, 8, 4)]
    other = np.sqrt(np.mean((end(4, seed=12) - finest) ** 2))
    assert errors[0] > 1.4 * errors[1] > 1.4**2 * errors[2] and errors[2] < other / 50


# Noise that follows the state.

HOT = Oscillator(
    Ms=8e5, alpha=0.06, gamma=1.9e11, demag=(0.1, 0.2, 0.7), Ku=6e4, easy_axis=(0.6, -0.48, 0.64), p=P, volume=5e-24,
    theta_SH=0.3, thickness=2e-9, width=50e-9, t_HM=5e-9, field_like=0.3, Q_nl=9.0,
    R=900.0, beta_R=1e-3, R_th=4e5, C_th=2.5e-17, curie_temperature=800.0,
)  # fmt: skip
CURRENT = Drive(I=Step(6e-4, -9e-4, 1.0), B_ext=(0.25, -0.43, 0.51))  # no run lasts a second
STEPS, STEP = 60, 0.05e-12


def damping_over_linear(oscillator, m, T=None):
    """alpha(m)/alpha without noise, from the witness's rate of m."""
    one = reference_physics.member(oscillator, CURRENT, (), (), T0=300.0, noise=np.zeros((1, 3)))
    terms, torques = reference_physics.conditions(one, CURRENT.values(0.0), np.zeros(3), T)
    rate = reference_physics.rate(m, terms, **torques)
    return 1 + oscillator.Q_nl * np.sum((rate / (oscillator.gamma * mu_0 * terms.Ms)) ** 2)


def drift(oscillator, m, T):
    """The field under which m moves with the gradient of D = gamma k_B T/(Ms V) alpha(m)/(1 + alpha(m)^2): the LLG
    equation solved for it, the gradient by differences in the plane of m; at 300 K and Ms(300 K)."""
    energy, gamma = k_B * 300.0 / (oscillator.Ms * oscillator.volume), oscillator.gamma

    def D(m):
        alpha = oscillator.alpha * damping_over_linear(oscillator, m / np.linalg.norm(m), T)
        return gamma * energy * alpha / (1 + alpha**2)

    plane = np.linalg.svd(m[None])[2][1:]  # two directions perpendicular to m
    gradient = np.array([(D(m + 1e-5 * x) - D(m - 1e-5 * x)) / 2e-5 for x in plane])
    alpha = oscillator.alpha * damping_over_linear(oscillator, m, T)
    moves = [-gamma / (1 + alpha**2) * (np.cross(m, x) + alpha * np.cross(m, np.cross(m, x))) for x in plane]
    return np.linalg.solve(plane @ np.array(moves).T, gradient) @ plane


def expected_path(oscillator, run, *, follows):
    """The witness's path under noise that follows the states of a run: alpha(m), T and Ms(T) at each step's start."""
    b = deviation(oscillator, 300.0, STEP) * normals(STEPS, [0])[:, 0]
    for k, m in enumerate(run.m[:-1]):
        T = None if run.T is None else run.T[k]
        hotter = 1.0
        if T is not None and "heat" in follows:
            hotter = T / 300.0 * (1 - (300 / 800) ** 1.5) / (1 - (T / 800) ** 1.5)
        square = damping_over_linear(oscillator, m, T) if "damping" in follows else 1.0
        b[k] *= np.sqrt(square * hotter)
        if "drift" in follows:
            b[k] += hotter * drift(oscillator, m, T)
    return reference.solve(oscillator, CURRENT, np.array(M0), run.t, temperature=300.0, B_noise=(b, STEP), **TIGHT)


@pytest.mark.parametrize("executor", ["compiled", "torch"])
@pytest.mark.parametrize("heated", [True, False])
def test_noise_follows_the_damping_and_the_temperature(heated, executor):
    """sigma ~ (alpha(m) T / Ms(T))^(1/2); without either factor the path is another one."""
    oscillator = HOT if heated else replace(HOT, R_th=None)
    run = simulate(oscillator, CURRENT, **RUN, duration=STEPS * STEP, dt=STEP, executor=executor)
    path = expected_path(oscillator, run, follows=("damping", "heat", "drift"))
    error = np.abs(path[:, :3] - run.m).max()
    assert error < 1e-9  # rk4's
    for without in (("heat", "drift"), ("heat", "damping")):
        assert np.abs(expected_path(oscillator, run, follows=without)[:, :3] - run.m).max() > 1e4 * error
    if heated:
        assert run.T[0] == 300 and run.T[-1] > 320
        assert path[:, 3] == pytest.approx(run.T, abs=1e-8)
        assert np.abs(expected_path(oscillator, run, follows=("damping", "drift"))[:, :3] - run.m).max() > 1e4 * error


@pytest.mark.parametrize("jump", [1.0, 21.3 * STEP])
def test_executors_agree_on_noise_that_follows_the_state(jump):
    """Also where a jump divides a step, of which each part takes its own state."""
    keywords = {**RUN, "duration": STEPS * STEP, "dt": STEP}
    drive = replace(CURRENT, I=Step(6e-4, -9e-4, jump))
    compiled, eager = (simulate(HOT, drive, **keywords, executor=each) for each in ("compiled", "torch"))
    np.testing.assert_allclose(eager.m, compiled.m, rtol=0, atol=1e-12, equal_nan=False)  # two orders of rounding
    np.testing.assert_allclose(eager.T, compiled.T, rtol=1e-13, equal_nan=False)


# Equilibrium.


def boltzmann(x, u):
    """cos of the angle to the field, distributed as exp(x cos), from uniform numbers u."""
    return 1 + np.log(u + (1 - u) * np.exp(-2 * x)) / x


def in_equilibrium(n, x, axis, seed=1):
    """n unit vectors about an axis, distributed as `boltzmann`."""
    rng = np.random.default_rng(seed)
    c, phi = boltzmann(x, rng.uniform(size=n)), rng.uniform(0, 2 * np.pi, n)
    frame = np.linalg.qr(np.column_stack([axis, np.eye(3)[:, :2]]))[0]
    frame[:, 0] = axis
    s = np.sqrt(1 - c**2)
    return np.stack([c, s * np.cos(phi), s * np.sin(phi)], axis=-1) @ frame.T


def test_equilibrium_is_langevin_s_function():
    """<m . b> = coth x - 1/x = 0.5373147 at x = Ms V B / (k_B T) = 2, from a Boltzmann distribution on, over 5 tau_N.

    At alpha = 0.5 a deviation with gamma/(1 + alpha^2) for gamma would be that of 1.25 T, or 0.80 T, and <m . b> off
    by 0.08: the gammas are told apart. N = 3e4 paths, each averaged over the second half; 4 standard errors, and 1e-3
    of the scheme at 0.06 rad rms a step.
    """
    n, x, axis = 30_000, 2.0, np.array([0.6, -0.48, 0.64])
    ball = replace(OSCILLATOR, alpha=0.5, demag=(1 / 3,) * 3, Ku=1e-30, volume=1e-23, Ms=8e4)
    field = x * k_B * 300 / (8e4 * 1e-23)
    tau = 8e4 * 1e-23 * (1 + 0.5**2) / (2 * 0.5 * 1.9e11 * k_B * 300)
    dt = 0.06**2 / (2 * 0.5 * 1.9e11 * k_B * 300 / (8e4 * 1e-23)) * 0.999
    m0 = in_equilibrium(n, x, axis)
    steps = 20 * round(5 * tau / dt / 20)
    run = simulate(
        ball, Drive(a_DL=1e-30, B_ext=field * axis), m0=m0, duration=steps * dt, dt=dt, save_every=steps // 20,
        temperature=300.0, seed=3,
    )  # fmt: skip
    along = run.m @ axis
    assert abs(along[0].mean() - 0.537314721) < 4 * along[0].std() / np.sqrt(n)
    mean = along[10:].mean(axis=0)
    assert abs(mean.mean() - 0.537314721) < 4 * mean.std() / np.sqrt(n) + 1e-3


@pytest.mark.parametrize("draws", [1, 2])
def test_equilibrium_is_langevin_s_function_where_the_damping_grows_with_the_motion(draws):
    """alpha(m) = alpha (1 + 300 (B sin/(mu_0 Ms))^2 ...) up to four times alpha; Boltzmann's distribution does not know
    of it. Noise without the drift would give P ~ exp(x cos)/D(m), 0.107 above Langevin's; alpha(m) of a motion with the
    noise in it would depend on the step, which here is one draw or two. 4 standard errors and 2e-3 of the scheme.
    """
    n, x, axis, Ms, volume, alpha, gamma = 20_000, 2.0, np.array([0.6, -0.48, 0.64]), 8e4, 1e-23, 0.1, 1.9e11
    ball = replace(OSCILLATOR, alpha=alpha, demag=(1 / 3,) * 3, Ku=1e-30, volume=volume, Ms=Ms, Q_nl=300.0)
    energy = k_B * 300 / (Ms * volume)
    s2 = 1 - np.linspace(-1, 1, 20001) ** 2
    grown = alpha * (1 + 300 * (x * energy / (mu_0 * Ms)) ** 2 * s2)  # to first order in alpha^2
    weight = np.exp(x * np.linspace(-1, 1, 20001))
    biased = np.average(np.linspace(-1, 1, 20001), weights=weight / grown * (1 + grown**2))
    assert biased - 0.537314721 > 0.05
    noise_dt = 0.03**2 / (2 * alpha * gamma * energy) / 2
    dt, tau = draws * noise_dt, (1 + alpha**2) / (2 * alpha * gamma * energy)
    steps = 20 * round(2.5 * tau / dt / 20)
    run = simulate(
        ball, Drive(a_DL=1e-30, B_ext=x * energy * axis), m0=in_equilibrium(n, x, axis), duration=steps * dt, dt=dt,
        noise_dt=noise_dt, save_every=steps // 20, temperature=300.0, seed=3,
    )  # fmt: skip
    mean = (run.m[10:] @ axis).mean(axis=0)
    assert abs(mean.mean() - 0.537314721) < 4 * mean.std() / np.sqrt(n) + 2e-3
