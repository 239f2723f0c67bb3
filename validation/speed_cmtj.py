"""The C++ simulator cmtj, with a process on each core: large batches, one oscillator with every step saved, noise.

cmtj takes one magnet at a time: each process runs its oscillators one after another; only `runSimulation` is timed,
between a barrier that all processes pass together and the end of each. It works in float64 and A/m (see `peer`).
"""

from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context

import numpy as np

import shno
from shno.constants import mu_0
from shno.parameters import parameters
from shno.theory import well_variance
from shno.threads import thread_count
from validation.peer import same_constants
from validation.speed_system import DT, Row, advanced, agree, interleaved, median, neurons, ratio, rms, seconds

WAIT = 60.0  # s, at most, for the other processes
TEMPERATURE, SUBCRITICAL = 300.0, 1e-3  # K; T, below the pinning field: m stays in its well, whose variance is known
N, STEPS = 100_000, 1000
N_THERMAL, THERMAL_STEPS = 10_000, 10_000
THEIR_STEPS = 200_000  # a round and process: 0.1 s
LONG = 1_000_000
BURN_IN, APART = 2000, 50  # steps until a start at rest is forgotten; between states of which an average is taken


def junction(cmtj, oscillator, drive, m0, temperature=0.0):
    """A cmtj.Junction of one oscillator under a drive of numbers."""
    values = parameters(oscillator, drive)
    area = float(oscillator.volume / oscillator.thickness)
    layer = cmtj.Layer(
        *("free", cmtj.CVector(*m0), cmtj.CVector(*oscillator.easy_axis), mu_0 * oscillator.Ms, oscillator.thickness),
        *(area, [cmtj.CVector(*row) for row in np.diag(oscillator.demag)], oscillator.alpha),
    )
    layer.setReferenceLayer(cmtj.CVector(*oscillator.p))
    one = cmtj.Junction([layer])
    one.setLayerExternalFieldDriver("free", cmtj.AxialDriver(*(float(B / mu_0) for B in drive.B_ext)))
    one.setLayerDampingLikeTorqueDriver("free", cmtj.constantDriver(float(values["a_DL"]) / mu_0))
    if temperature:
        one.setLayerTemperatureDriver("free", cmtj.constantDriver(temperature))
    return one


def ran(system, steps, *, temperature=0.0, save_every=None, solver="RK4"):
    """Its oscillators one after another in this process: (seconds in cmtj, end states (n, 3), log of the last one).

    system : oscillator, drive of n torques, m0 (n, 3)
    save_every : None     the log holds the first state only
    """
    oscillator, drive, m0 = system
    spent, ends = 0.0, []
    with same_constants(oscillator.gamma) as cmtj:
        for a_DL, start in zip(drive.a_DL, m0, strict=True):
            one = junction(cmtj, oscillator, shno.Drive(a_DL=a_DL, B_ext=drive.B_ext), start, temperature)
            times = (steps * DT, DT, (save_every or steps) * DT)
            spent += seconds(one.runSimulation, *times, solverMode=getattr(cmtj.SolverMode, solver))
            end = one.getLayerMagnetisation("free")
            ends.append((end.x, end.y, end.z))
        log = one.getLog()
    return spent, np.array(ends), np.stack([log[f"free_m{axis}"] for axis in "xyz"], axis=-1)


def _enter(barrier):
    """Start of a process: keep the barrier, load cmtj."""
    global BARRIER
    import cmtj  # noqa: F401

    BARRIER = barrier


def _at_once(system, steps, settings):
    """One process's part, begun when all are ready: (steps a second, the last log)."""
    BARRIER.wait(WAIT)
    spent, _, log = ran(system, steps, **settings)
    return len(system[2]) * steps / spent, log


class Processes:
    """cmtj on every core: a context that starts the processes once; `rate` is their common throughput."""

    def __init__(self, count=None):
        """count : of processes; None: one a core."""
        self.count = count or thread_count()

    def __enter__(self):
        """Start them."""
        context = get_context("spawn")
        self.barrier = context.Barrier(self.count)
        self.pool = ProcessPoolExecutor(self.count, context, initializer=_enter, initargs=(self.barrier,))
        return self

    def __exit__(self, *error):
        """End them, those too that wait for one that failed."""
        self.barrier.abort()
        self.pool.shutdown()

    def rate(self, system, steps, **settings):
        """Oscillator-steps a second over all processes at once, each with its share of the system's oscillators."""
        shares = np.array_split(np.arange(len(system[2])), self.count)
        futures = [self.pool.submit(_at_once, picked(system, share), steps, settings) for share in shares]
        rates, self.logs = zip(*(future.result() for future in futures), strict=True)
        return sum(rates)


def picked(system, k):
    """The oscillators k of a system."""
    oscillator, drive, m0 = system
    return oscillator, shno.Drive(a_DL=drive.a_DL[k], B_ext=drive.B_ext), m0[k]


def spread(system, count):
    """So many oscillators of a system, evenly chosen."""
    return picked(system, np.linspace(0, len(system[2]) - 1, count).astype(int))


def warm(n, most=SUBCRITICAL):
    """n neurons in their wells, each under its own torque below the critical one; they start in the plane."""
    oscillator, drive, m0 = neurons(n)
    return oscillator, shno.Drive(a_DL=np.linspace(0.0, most, n), B_ext=drive.B_ext), 0 * m0 + [0.0, 0.0, 1.0]


def against_rk4():
    """Throughput of our float32 RK4 over that of cmtj's RK4 on all cores."""
    system = neurons(N)
    few = spread(system, 4)
    _, ends, _ = ran(few, STEPS)
    error = agree("the end states", rms(advanced(few, STEPS), ends), 1e-4)  # float32 over 1000 steps: 1e-5
    advanced(system, STEPS)
    with Processes() as processes:
        some = spread(system, 2 * processes.count)
        processes.rate(some, STEPS)  # starts them
        times = interleaved({
            "cmtj": lambda: 1 / processes.rate(some, THEIR_STEPS // 2),
            "ours": lambda: seconds(advanced, system, STEPS) / (N * STEPS),
        })  # fmt: skip
    return ratio(times, "cmtj", "ours"), f"float32 - cmtj {error:.1e} rms after {STEPS} steps; {compared(times)}"


def against_long_run():
    """Time of cmtj for one oscillator with every step in its log over ours with every step saved, float64."""
    system = picked(neurons(3), [1])
    oscillator, drive, m0 = system

    def run():
        settings = {"duration": LONG * DT, "dt": DT, "m0": m0[0], "executor": "compiled"}
        return shno.simulate(oscillator, shno.Drive(a_DL=drive.a_DL[0], B_ext=drive.B_ext), **settings).m

    _, _, log = ran(system, LONG, save_every=1)
    m = run()
    error = agree("all states", float(np.abs(m[1:] - log[: len(m) - 1]).max()), 1e-6)  # rounding of 1e6 steps
    times = interleaved({"cmtj": lambda: ran(system, LONG, save_every=1)[0], "ours": lambda: seconds(run)})
    found = f"difference of any state at most {error:.1e}"
    return ratio(times, "cmtj", "ours"), f"{median(times['cmtj']):.2g} s and {median(times['ours']):.2g} s; {found}"


def warmed(system, dtype):
    """The end states of a thermal run of our Heun."""
    return advanced(system, THERMAL_STEPS, solver="heun", temperature=TEMPERATURE, seed=1, dtype=dtype)


@cache
def thermal(dtype):
    """Throughput of our thermal Heun over that of cmtj on all cores; both variances of m_x beside."""
    system = warm(N_THERMAL)
    oscillator, drive, _ = system
    settings = {"temperature": TEMPERATURE, "solver": "Heun"}
    variances = [float(warmed(system, dtype)[:, 0].var())]
    with Processes() as processes:
        some = spread(system, processes.count)
        processes.rate(some, 2 * THEIR_STEPS, save_every=APART, **settings)
        variances += [float(np.mean([log[BURN_IN // APART :, 0].var() for log in processes.logs]))]
        times = interleaved({
            "cmtj": lambda: 1 / processes.rate(some, THEIR_STEPS, **settings),
            "ours": lambda: seconds(warmed, system, dtype) / (N_THERMAL * THERMAL_STEPS),
        })  # fmt: skip
    stiffness = mu_0 * float(oscillator.Ms) + float(drive.B_ext[2])
    exact = well_variance(stiffness, TEMPERATURE, oscillator.Ms, oscillator.volume)
    worst = max(abs(x / exact - 1) for x in variances)
    agree("the variance of m_x, relative to its closed form,", worst, 0.2)  # cmtj's: some 2 x 500 independent states
    found = "variance of m_x over its closed form {:.3f}, cmtj {:.3f}".format(*(x / exact for x in variances))
    return ratio(times, "cmtj", "ours"), f"{found}; {compared(times)}"


def compared(times):
    """Both throughputs, in words."""
    return "cmtj {:.2g} steps/s, ours {:.2g}".format(*(1 / median(times[name]) for name in ("cmtj", "ours")))


def rows():
    """cmtj's rows of the table."""
    cores, needs = "with a process on each core", ("cmtj",)
    heun = f"thermal Heun, {N_THERMAL:.0e} oscillators, 300 K, against cmtj Heun {cores}"
    one = f"one oscillator, {LONG:.0e} RK4 steps, all saved, float64, against cmtj"
    return (
        Row("S2", f"RK4, {N:.0e} oscillators, float32, against cmtj RK4 {cores}", 100.0, against_rk4, needs),
        Row("S3", one, 5.0, against_long_run, needs),
        Row("S6a", f"{heun}, float32", 60.0, lambda: thermal("float32"), needs),
        Row("S6b", f"{heun}, float64", 40.0, lambda: thermal("float64"), needs),
    )
