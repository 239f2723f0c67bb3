"""Runs with noise: the same bits however they are batched, cut, threaded and continued; and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from simulate_helpers import M0, P, same

from shno import Drive, IntegrationError, Oscillator, equilibrium, load, simulate, threads
from shno.constants import k_B, mu_0

OSCILLATOR = Oscillator(
    Ms=8e5, alpha=0.1, gamma=1.9e11, demag=(0.1, 0.2, 0.7), p=P, volume=5e-24, Ku=3e4, easy_axis=(0.6, -0.48, 0.64)
)
DRIVE = Drive(a_DL=4e-3, B_ext=(0.05, -0.13, 0.21))
DT = 0.25e-12
RUN = {"duration": 24 * DT, "dt": DT, "m0": M0, "temperature": 300.0, "seed": 5}
WAYS = [  # what is compiled takes seconds each: of its four ways of rounding and stepping, three
    *(("compiled", dtype, solver) for dtype, solver in (("float64", "rk4"), ("float32", "rk4"), ("float64", "heun"))),
    *(("torch", dtype, solver) for dtype in ("float64", "float32") for solver in ("rk4", "heun")),
]


def run(oscillator=OSCILLATOR, drive=DRIVE, **settings):
    return simulate(oscillator, drive, **RUN | settings)


@pytest.fixture(scope="module", params=WAYS, ids="-".join)
def way(request):
    return dict(zip(("executor", "dtype", "solver"), request.param, strict=True))


# Bits.


def test_noise_is_the_same_bits_in_a_batch_of_any_size(way):
    """The realisation names the stream; nothing else of the batch enters."""
    sizes = (1, 7) if way == {"executor": "compiled", "dtype": "float64", "solver": "heun"} else (1, 7, 1000)
    whole = run(**way, realisation=np.arange(sizes[-1])).m
    assert np.abs(whole[:, 0] - whole[:, 1]).max() > 1e-3  # and the streams are different ones
    for n in sizes[:-1]:
        assert same(run(**way, realisation=np.arange(n)).m, whole[:, :n])
    for picked in (5, [6], [[3, 0], [1, 1]]):
        assert same(run(**way, realisation=np.array(picked)).m, whole[:, picked])


def test_a_run_goes_on_from_a_saved_state_with_the_noise_that_follows(way):
    """Wherever it is cut: draws come in groups of four."""
    whole = run(**way, realisation=np.arange(7))
    for first in (1, 6, 8, 13):
        keywords = {"m0": whole.m[first], "t0": whole.t[first], "duration": (24 - first) * DT}
        rest = run(**way, realisation=np.arange(7), **keywords)
        assert same(rest.m, whole.m[first:]) and same(rest.t, whole.t[first:])


@pytest.mark.parametrize("executor", ["compiled", "torch"])
def test_a_heated_run_goes_on_from_a_saved_temperature(executor):
    sizes = {"thickness": 2e-9, "width": 50e-9, "t_HM": 5e-9, "theta_SH": 0.3}
    heating = {"R": 900.0, "beta_R": 1e-3, "R_th": 4e5, "C_th": 2.5e-17, "curie_temperature": 800.0}
    heated = replace(OSCILLATOR, **sizes, **heating)
    drive = Drive(I=np.array([6e-4, 8e-4]), B_ext=(0.05, -0.13, 0.21))
    whole = run(heated, drive, executor=executor)
    going_on = {"m0": whole.m[9], "t0": whole.t[9], "duration": 15 * DT, "executor": executor}
    rest = run(heated, drive, **going_on, T_start=whole.T[9])
    assert same(rest.m, whole.m[9:]) and same(rest.T, whole.T[9:])
    assert np.ptp(whole.T[9]) > 1 and not same(run(heated, drive, **going_on).m, whole.m[9:])
    with pytest.raises(ValueError, match=r"^T_start must be None for an oscillator that is not heated, got 300\."):
        run(T_start=300.0)
    with pytest.raises(ValueError, match=r"^curie_temperature - T_start must be > 0, got -1"):
        run(heated, drive, T_start=801.0)


@pytest.mark.parametrize("steps", [3, 5, 11])
def test_noise_does_not_know_how_a_run_is_cut_into_chunks_or_saved(way, steps, monkeypatch):
    whole = run(**way, realisation=np.arange(7)).m
    monkeypatch.setitem(simulate.__globals__, "CHUNK", 3 * 7 * steps)
    for save_every in (1, 3, 24):
        assert same(run(**way, realisation=np.arange(7), save_every=save_every).m, whole[::save_every])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_noise_does_not_know_the_thread_count(dtype, monkeypatch):
    runs = []
    for count in ("1", "2", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", count)
        assert threads.thread_count() == int(count)
        runs.append(run(dtype=dtype, realisation=np.arange(1000)).m)
    runs += [run(dtype=dtype, realisation=np.arange(1000), threads=count).m for count in (1, 2)]
    assert all(same(runs[0], other) for other in runs[1:])
    with pytest.raises(ValueError, match=r"^threads must be a whole number in \[1, 1024\], got 0\. "):
        run(threads=0)


def test_executors_follow_one_noise_path(way):
    """24 steps of rounding and of normals that agree to 1e-13 (float64) or 1e-6 (float32) times a kick of 0.03."""
    if way["executor"] == "compiled":
        eager, compiled = (
            run(**way | {"executor": each}, realisation=np.arange(7)).m for each in ("torch", "compiled")
        )
        tolerance = {"float64": 1e-12, "float32": 1e-5}[way["dtype"]]
        np.testing.assert_allclose(compiled, eager, rtol=0, atol=tolerance, equal_nan=False)


def test_by_default_an_oscillator_s_noise_is_that_of_its_place_in_the_batch(way):
    m0 = np.broadcast_to(M0, (2, 3, 3))
    assert same(run(**way, m0=m0).m, run(**way, m0=m0, realisation=np.arange(6).reshape(2, 3)).m)
    assert same(run(**way).m, run(**way, realisation=0).m)


@pytest.mark.parametrize("executor", ["compiled", "torch"])
def test_a_batch_of_unlike_oscillators_is_its_members(executor):
    alpha, a_DL = np.linspace(0.05, 0.2, 7), np.linspace(-4e-3, 5e-3, 7)
    keywords = {"executor": executor}
    together = run(replace(OSCILLATOR, alpha=alpha), replace(DRIVE, a_DL=a_DL), **keywords).m
    for k in (0, 3, 6):
        one = run(replace(OSCILLATOR, alpha=alpha[k]), replace(DRIVE, a_DL=a_DL[k]), **keywords, realisation=k)
        assert same(together[:, k], one.m)


def test_every_seed_and_realisation_is_another_path():
    paths = [run(seed=seed, realisation=r).m[-1] for seed in (5, 6, 5 + 2**32, 2**64 - 1) for r in (0, 1, 2**32 - 1)]
    assert np.linalg.norm(np.diff(np.unique(paths, axis=0), axis=0), axis=-1).min() > 1e-4 and len(paths) == 12
    quiet = run(executor="torch", temperature=0.0, seed=None).m[-1]
    assert np.linalg.norm(paths - quiet, axis=-1).min() > 1e-4


def test_a_stored_run_is_repeated_with_its_noise(folder):
    whole = run(realisation=[[3], [1]], noise_dt=DT / 3, t0=DT, executor="torch")
    whole.save("run.h5")
    stored = load("run.h5")
    assert stored == replace(whole, realisation=np.array([[3], [1]]))
    names = ("dt", "t0", "temperature", "seed", "noise_dt", "realisation", "executor", "solver", "dtype")
    again = run(stored.oscillator, stored.drive, **{name: getattr(stored, name) for name in names})
    assert same(again.m, whole.m)


# The thermal well.

WELL = Oscillator(Ms=8e5, alpha=0.1, gamma=1.9e11, volume=5e-23, p=P)
B_WELL = 0.1
STEPS = {"duration": DT, "dt": DT, "temperature": 300.0, "seed": 9, "executor": "torch"}


def test_a_thermal_start_has_the_variances_of_equipartition():
    """<u^2> = k_B T / (Ms V B1), in the film's plane, and <v^2> = k_B T / (Ms V B2) out of it; N = 4e4, 4 sigma.

    A displacement d across the axis c makes m = (c + d)/|c + d|, so that d = m/(m . c) - c, whatever its size.
    """
    n, along = 40_000, np.array([0.6, 0.8, 0.0])
    m = simulate(WELL, Drive(I=0.0, B_ext=B_WELL * along), **STEPS, realisation=np.arange(n)).m[0]
    axes = np.array([[-0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])
    u = m @ axes.T / (m @ along)[:, None]
    variance = k_B * 300 / (8e5 * 5e-23 * np.array([B_WELL, B_WELL + mu_0 * 8e5]))
    assert variance[0] == pytest.approx(1.03548675e-3, rel=1e-8)
    assert np.abs(np.mean(u**2, axis=0) / variance - 1).max() < 4 * np.sqrt(2 / n)
    assert np.abs(np.mean(u, axis=0) / np.sqrt(variance)).max() < 4 / np.sqrt(n)
    assert abs(np.mean(u[:, 0] * u[:, 1])) < 4 * np.sqrt(np.prod(variance) / n)
    assert np.abs(np.mean(u**4, axis=0) / variance**2 - 3).max() < 4 * np.sqrt(96 / n)  # normal
    assert np.linalg.norm(m, axis=-1) == pytest.approx(1, abs=1e-15)


def test_a_thermal_start_depends_on_seed_and_realisation_alone():
    drive = Drive(I=0.0, B_ext=(0.06, 0.08, 0.02))
    m = simulate(WELL, drive, **STEPS, realisation=np.arange(1000)).m[0]
    assert same(simulate(WELL, drive, **STEPS, realisation=[[7, 0], [999, 7]]).m[0], m[[[7, 0], [999, 7]]])
    assert same(simulate(WELL, drive, **STEPS).m[0], m[0])
    assert same(simulate(WELL, drive, **STEPS, t0=3 * DT, realisation=2).m[0], m[2])
    assert not same(simulate(WELL, drive, **STEPS | {"seed": 10}, realisation=2).m[0], m[2])
    cold, centre = (
        simulate(WELL, drive, **STEPS | {"temperature": 3.0}, realisation=range(1000)),
        equilibrium(WELL, drive),
    )
    warm, cool = (x / (x @ centre)[:, None] - centre for x in (m, cold.m[0]))
    np.testing.assert_allclose(warm, 10 * cool, rtol=0, atol=1e-11)  # the root of T, of a root found to 1e-12
    unlike = replace(WELL, alpha=np.linspace(0.1, 0.2, 5), Ku=np.array([0.0, 1e4, -2e4, 3e4, 5e4]))
    together = simulate(unlike, drive, **STEPS).m[0]
    for k in range(5):
        one = replace(unlike, alpha=unlike.alpha[k], Ku=unlike.Ku[k])
        alone = simulate(one, drive, **STEPS, realisation=k).m[0]
        assert np.abs(together[k] - alone).max() < 1e-13  # the equilibrium is a root, found to rounding


# Guards.


@pytest.mark.parametrize(("solver", "largest"), [("rk4", 0.06), ("heun", 0.025)])
def test_a_kick_too_large_is_refused_with_a_step_that_is_accepted(solver, largest):
    """gamma sigma_B dt = (2 alpha gamma k_B T dt / (Ms V))^(1/2) <= 0.06, named for the worst of the batch."""
    oscillator = replace(OSCILLATOR, volume=np.array([5e-25, 2e-26, 1e-25]))
    limit = largest**2 * 8e5 * 2e-26 / (2 * 0.1 * 1.9e11 * k_B * 300)
    with pytest.raises(
        ValueError, match=f"^dt must let the thermal field turn m by at most {largest} rad rms"
    ) as caught:
        run(oscillator, duration=2 * limit, dt=2 * limit, solver=solver)
    assert f"got gamma sigma_B dt = {2**0.5 * largest:.3g} at index 1 of 3. Use dt <= " in str(caught.value)
    usable = float(str(caught.value).split("Use dt <= ")[1].removesuffix(" s."))
    assert 0.9 * limit < usable <= limit
    run(oscillator, duration=2 * usable, dt=usable, executor="torch", solver=solver)
    with pytest.raises(ValueError, match=r"got gamma sigma_B dt = .*\. Use dt <= "):  # of the step, not of noise_dt
        run(oscillator, duration=1.2 * limit, dt=1.2 * limit, noise_dt=0.1 * limit, solver=solver)


def test_heun_is_kept_from_its_anti_damping():
    limited = replace(OSCILLATOR, alpha=1e-4)
    with pytest.raises(ValueError, match=r"^dt must turn m by at most 0\.02 rad .* Heun's anti-damping \(turn\)\^3/8"):
        run(limited, solver="heun", executor="torch", dt=4 * DT)
    run(limited, executor="torch", dt=4 * DT)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"seed": None}, ValueError, r"^seed must be an integer where there is thermal noise, got None\. "),
        ({"seed": 1.0}, TypeError, r"^seed must be an integer"),
        ({"seed": True}, TypeError, r"^seed must be an integer"),
        ({"seed": -1}, ValueError, r"^seed must be in \[0, 2\^64\), got -1"),
        ({"seed": 2**64}, ValueError, r"^seed must be in \[0, 2\^64\), got "),
        ({"temperature": 0.0}, ValueError, r"^seed must be None at T = 0, got 5\. "),
        ({"temperature": -1.0}, ValueError, r"^temperature must be in \[0, 1e5\] K, got -1\. "),
        ({"solver": "reference"}, ValueError, r"^temperature must be 0 K for the reference, got 300 K\. "),
        (
            {"t0": 0.4 * DT},
            ValueError,
            r"^t0 must be a multiple of noise_dt = 2\.5e-13 s, not negative, .* got 1e-13 s\.",
        ),
        ({"t0": -4 * DT}, ValueError, r"^t0 must be a multiple of noise_dt = .* got -1e-12 s\. Draws are numbered"),
        ({"t0": 0.4 * DT, "noise_dt": DT / 4}, ValueError, r"^t0 must be a multiple of noise_dt = 6\.25e-14 s"),
        (
            {"noise_dt": 0.3 * DT},
            ValueError,
            r"^dt must be a multiple of noise_dt, got 2\.5e-13 s at noise_dt = 7\.5e-14",
        ),
        ({"noise_dt": 2 * DT}, ValueError, r"^dt must be a multiple of noise_dt, .* Use 5e-13 s\."),
        ({"noise_dt": 0.0}, ValueError, r"^noise_dt must be in "),
        ({"realisation": 0.5}, TypeError, r"^realisation must be integers?, got 0\.5\. "),
        ({"realisation": [0, -1]}, ValueError, r"^realisation must be in \[0, 2\^32\), got -1 at index 1 of 2\. "),
        ({"realisation": 2**32}, ValueError, r"^realisation must be in \[0, 2\^32\), got 4\.29497e\+09\. "),
        (
            {"realisation": [0, 1, 2], "m0": [M0, M0]},
            ValueError,
            r"broadcast to one batch shape, got m\w* \(2,\), real",
        ),
    ],
)
def test_a_bad_call_with_noise_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        run(**change)


def test_noise_needs_a_volume():
    with pytest.raises(
        ValueError, match=r"^volume must be given where there is thermal noise, got None\. Set volume, or"
    ):
        run(replace(OSCILLATOR, volume=None))
    assert replace(OSCILLATOR, volume=None, width=50e-9, thickness=2e-9).volume == pytest.approx(5e-24)


def test_a_start_on_the_noise_grid_inside_a_step_is_one():
    """The draws of a step are those from its start on."""
    fine = run(noise_dt=DT / 4, t0=0.75 * DT, executor="torch")
    assert fine.t[0] == pytest.approx(0.75 * DT, rel=1e-12)
    rest = run(noise_dt=DT / 4, t0=fine.t[5], m0=fine.m[5], duration=19 * DT, executor="torch")
    assert same(rest.m, fine.m[5:])


def test_a_failed_run_with_noise_says_so():
    """Across its easy axis m feels no field, and the guards see none."""
    stiff = replace(OSCILLATOR, Ku=8e6, demag=(1 / 3,) * 3, alpha=0.5, volume=1e-22)
    with pytest.raises(IntegrationError, match=r"reached .* before step \d+, .* Use dt <= "):
        run(stiff, Drive(a_DL=1e-9), m0=(0.8, 0.36, -0.48), dt=1e-12, duration=50e-12, executor="torch")
