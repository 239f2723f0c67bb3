"""Large batches: RK4 of 1e5 oscillators against eager torch, JAX and diffrax, each at its best, with the errors beside.

JAX and diffrax integrate the neuron's equation written out by hand, with all that is zero for this oscillator left out.
It is derived from the Gilbert form, not taken from `shno.llgs`: with B = (-M m_x, 0, B_z) and p = (-1, 0, 0),
    T = (D + m x C) x m,   D = (alpha a - M m_x, 0, B_z),   C = (-a - alpha M m_x, 0, alpha B_z).
Eager torch computes what it is told to: it runs the one source that serves any oscillator, `shno.llgs`, with the zeros
in it; what leaving them out by hand would gain stands beside.

Against JAX 5 x is out of reach, 2.9 x measured (S1b): AMD's family 25 makes one vector multiply-add a cycle and core,
and 5 x would leave a step of 16 oscillators 53 of them. Its 61 sums and 77 products are 83 instructions, in 82 cycles.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

import numpy as np

from shno.constants import mu_0
from shno.llgs import right_hand_side
from shno.parameters import arguments, parameters, reduced_step
from shno.solvers import rk4
from shno.threads import thread_count
from shno.vector import normalise
from validation.speed_system import (
    DT,
    ROUNDS,
    Row,
    advanced,
    agree,
    best,
    interleaved,
    neurons,
    ratio,
    reference,
    rms,
    seconds,
)

N, EAGER_STEPS = 100_000, 100
STEPS = 4000  # 4 ns: as in any run that is worth a batch, what is checked before it is a small part of its time
CALIBRATED_ON = 2000  # oscillators
RTOLS = (1e-5, 5e-6, 2e-6, 1e-6, 5e-7, 2e-7, 1e-7)
STRIDES = (5.0, 4.0, 3.125, 2.5, 2.0, 1.6, 1.25, 1.0)  # fixed steps, in steps of RK4: they divide STEPS
TSIT5_STAGES = 6  # evaluations a step: the last is the next step's first
EQUAL = 1.5  # a rival's error may be so many times ours


def constants(system):
    """(M, B_z, alpha, h) of the neurons as plain numbers: T, T, 1, 1/T; h is the reduced step of DT."""
    oscillator, drive, _ = system
    values = parameters(oscillator, drive)
    is_neuron = np.array_equal(oscillator.demag, (1, 0, 0)) and np.array_equal(oscillator.p, (-1, 0, 0))
    if not is_neuron or np.any(drive.B_ext[..., :2]):
        raise ValueError("the equation written out here is that of the easy-plane neuron in a field along z")
    return mu_0 * float(oscillator.Ms), float(drive.B_ext[2]), float(oscillator.alpha), float(reduced_step(values, DT))


def torque(m, a, M, B_z, alpha):
    """T(m), tesla, by any arrays: m a tuple, a the damping-like torque."""
    x, y, z = m
    C_x, C_z = -a - (alpha * M) * x, alpha * B_z
    E = (alpha * a - M * x + C_z * y, C_x * z - C_z * x, B_z - C_x * y)
    return (E[1] * z - E[2] * y, E[2] * x - E[0] * z, E[0] * y - E[1] * x)


def rk4_step(f, m, h, root):
    """Classical Runge-Kutta and the projection to |m| = 1, by any arrays.

    root : the square root of such arrays; XLA makes a slow and inaccurate one of x ** 0.5, and of x ** -0.5
    """

    def moved(s, k):
        return tuple(u + s * v for u, v in zip(m, k, strict=True))

    k1 = f(m)
    k2 = f(moved(h / 2, k1))
    k3 = f(moved(h / 2, k2))
    k4 = f(moved(h, k3))
    x, y, z = moved(h / 6, tuple(p + 2 * (q + r) + s for p, q, r, s in zip(k1, k2, k3, k4, strict=True)))
    length = root(x * x + y * y + z * z)
    return (x / length, y / length, z / length)


def as_tensors(leaf, kind):
    """Arguments for eager torch: what all share is a plain number, an array becomes a tensor; tensors are kept."""
    import torch

    if isinstance(leaf, tuple):
        return tuple(as_tensors(part, kind) for part in leaf)
    if leaf is None or isinstance(leaf, torch.Tensor):
        return leaf
    return float(np.asarray(leaf).item()) if np.size(leaf) == 1 else torch.as_tensor(np.array(leaf), dtype=kind)


def general_step(values, h, kind):
    """m -> m after a step of any oscillator, by the one source on tensors; values as `parameters` gives them."""
    held = as_tensors(arguments(values), kind)
    return lambda m: normalise(rk4(right_hand_side, m, h, held, held, held))


class Eager:
    """The rival in eager torch: no autograd, no checks; the general equation, or the neuron's by hand."""

    def __init__(self, system, dtype="float32", by_hand=False):
        """Bring the numbers into tensors, once."""
        import torch

        self.torch, (*numbers, h) = torch, constants(system)
        kind, values = getattr(torch, dtype), parameters(*system[:2])
        self.m0, a = as_tensors((tuple(system[2].T), values["a_DL"]), kind)
        written_out = partial(rk4_step, lambda m: torque(m, a, *numbers), h=h, root=torch.sqrt)
        self.step = written_out if by_hand else general_step(values, h, kind)

    def __call__(self, steps):
        """The state (n, 3) after so many steps."""
        m = self.m0
        with self.torch.inference_mode():
            for _ in range(steps):
                m = self.step(m)
        return self.torch.stack(m, dim=-1).numpy()


class Jax:
    """The rival in JAX: fori_loop under jit, in float32; the batch in one call, or in a part for each thread."""

    def __init__(self, system, parts=1):
        """Put the numbers on the CPU; the loop is compiled at the first call."""
        import jax
        import jax.numpy as jnp

        *numbers, h = constants(system)
        cpu = jax.devices("cpu")[0]

        @jax.jit
        def run(m, a, steps):
            def step(_, m):
                return rk4_step(lambda m: torque(m, a, *numbers), m, h, jnp.sqrt)

            return jax.lax.fori_loop(0, steps, step, m)

        def placed(x):
            return [jax.device_put(part.astype(np.float32), cpu) for part in np.array_split(x, parts)]

        self.run, self.jax, self.stack = run, jax, partial(jnp.stack, axis=-1)
        self.a, self.m0 = placed(system[1].a_DL), list(zip(*(placed(system[2][:, k]) for k in range(3)), strict=True))

    def __call__(self, steps):
        """The state (n, 3) after so many steps."""

        def one(m0, a):
            return self.jax.block_until_ready(self.run(m0, a, steps))

        if len(self.a) == 1:
            return np.asarray(self.stack(one(self.m0[0], self.a[0])))
        with ThreadPoolExecutor(len(self.a)) as pool:
            return np.concatenate([np.stack(m, axis=-1) for m in pool.map(one, self.m0, self.a)])


class Diffrax:
    """The rival by diffrax: Tsit5 in float32, all oscillators one state; adaptive to rtol, or with a fixed step."""

    def __init__(self, system, stepping):
        """stepping : ("rtol", value) | ("stride", steps of DT)."""
        import diffrax
        import jax

        *numbers, h = constants(system)
        kind, self.value = stepping
        term = diffrax.ODETerm(lambda s, m, a: torque(m, a, *numbers))
        adaptive = kind == "rtol"

        @jax.jit
        def run(m, a, steps, value):
            controller = diffrax.PIDController(rtol=value, atol=value) if adaptive else diffrax.ConstantStepSize()
            solution = diffrax.diffeqsolve(
                *(term, diffrax.Tsit5(), 0.0, steps * h, None if adaptive else value * h, m, a),
                saveat=diffrax.SaveAt(t1=True), stepsize_controller=controller, adjoint=diffrax.DirectAdjoint(),
                max_steps=None, throw=False,
            )  # fmt: skip
            return tuple(x[-1] for x in solution.ys), solution.stats["num_steps"]

        cpu = jax.devices("cpu")[0]
        self.run, self.jax = run, jax
        self.a = jax.device_put(np.asarray(system[1].a_DL, np.float32), cpu)
        self.m0 = tuple(jax.device_put(system[2][:, k].astype(np.float32), cpu) for k in range(3))

    def __call__(self, steps):
        """The state (n, 3) after the time of so many steps of DT."""
        m, self.taken = self.jax.block_until_ready(self.run(self.m0, self.a, float(steps), self.value))
        return np.stack(m, axis=-1)


def equal_error(rival, steps, ladder, allowed, exact):
    """The coarsest setting of a ladder with which a rival's end state is within the allowed error; None: there is none.

    rival : Diffrax, whose `value` is set
    """
    for rival.value in ladder:
        if rms(rival(steps), exact) <= allowed:
            return rival.value
    return None


@cache
def setting():
    """(system, exact end state, our end state) of the large batch; the kernel is compiled by it."""
    system = neurons(N)
    return system, reference(system, STEPS * DT), advanced(system, STEPS)


def against_eager():
    """Seconds a step of eager torch, in a process of its own, over ours."""
    system, *_ = setting()
    exact = reference(system, EAGER_STEPS * DT)
    error = rms(advanced(system, EAGER_STEPS), exact)
    errors = [rms(Eager(system, by_hand=by_hand)(EAGER_STEPS), exact) for by_hand in (False, True)]
    agree("the end states", max(error, *errors), 1e-5)  # float32 over 100 steps
    times = interleaved({"eager": eager_apart, "ours": partial(seconds, advanced, system, STEPS)})
    median_of_ours = float(np.median(times["ours"]))
    by_hand, kept = (eager_apart(*which) / median_of_ours for which in ((True, False), (False, True)))
    words = f"in processes of its own, its rms error {errors[0]:.1e}, ours {error:.1e}, {rate(times)}"
    without = f"where the C library keeps freed memory {kept:.3g}, without the zeros, by hand, {by_hand:.3g}"
    return ratio(times, "eager", "ours"), f"{words}; {without}"


def eager_alone(by_hand):
    """Seconds a step of eager torch, the median of some, by one thread or by all, whichever is faster."""
    import torch

    rival = Eager(neurons(N), by_hand=by_hand)

    def timed(threads):
        torch.set_num_threads(threads)
        return float(np.median([seconds(rival, 10) / 10 for _ in range(2 * ROUNDS)]))

    return min(map(timed, {1, thread_count()}))


def eager_apart(by_hand=False, keeping=False):
    """Seconds of STEPS by `eager_alone` in a process of its own, as its user has it. Whether the C library keeps what
    is freed decides how fast it is: for each result it touches fresh pages or old ones; in a process that measures
    other things that would depend on what these freed.
    """
    keep = "from shno import command; command.keep_memory(); " if keeping else ""
    code = f"{keep}from validation import speed_rivals as s; print(s.eager_alone({by_hand}))"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    return STEPS * float(made.stdout)


def against_jax():
    """Time of the JAX loop over ours; in one call or with a thread for each core, whichever is faster."""
    system, exact, end = setting()
    rivals = {parts: Jax(system, parts) for parts in {1, thread_count()}}
    parts = best({parts: partial(seconds, rival, STEPS) for parts, rival in rivals.items()})
    errors = rms(end, exact), rms(rivals[parts](STEPS), exact)
    agree("its error and the allowed one", errors[1], 3 * errors[0])
    sides = {"rival": partial(seconds, rivals[parts], STEPS), "ours": partial(seconds, advanced, system, STEPS)}
    times = interleaved(sides)
    found = "its rms error {1:.1e}, ours {0:.1e}".format(*errors)
    return ratio(times, "rival", "ours"), f"{parts} calls at once, {found}, {rate(times)}"


def against_diffrax():
    """Time of Tsit5 over ours at about equal errors; adaptive or with a fixed step, whichever is faster."""
    system, exact, end = setting()
    some = neurons(CALIBRATED_ON)
    exact_some = reference(some, STEPS * DT)
    allowed, rivals = EQUAL * rms(advanced(some, STEPS), exact_some), {}
    for kind, ladder in (("rtol", RTOLS), ("stride", STRIDES)):
        value = equal_error(Diffrax(some, (kind, ladder[0])), STEPS, ladder, allowed, exact_some)
        if value is not None:
            rivals[kind, value] = Diffrax(system, (kind, value))
    chosen = best({stepping: partial(seconds, rival, STEPS) for stepping, rival in rivals.items()})
    rival = rivals[chosen]
    errors = rms(end, exact), rms(rival(STEPS), exact)
    agree("its error and the allowed one", errors[1], 3 * errors[0])
    times = interleaved({"rival": partial(seconds, rival, STEPS), "ours": partial(seconds, advanced, system, STEPS)})
    found = f"its rms error {errors[1]:.1e}, ours {errors[0]:.1e}"
    evaluations, gain = int(rival.taken) * TSIT5_STAGES, ratio(times, "rival", "ours")
    stepped = f"{chosen[0]} {chosen[1]:g}, {int(rival.taken)} steps for our {STEPS}"
    each = f"an evaluation of the torque, {evaluations} for our {4 * STEPS}: {gain * 4 * STEPS / evaluations:.3g}"
    return gain, f"{stepped}, {found}, {rate(times)}; {each}"


def rate(times):
    """Our steps a second, in words."""
    return f"ours {N * STEPS / float(np.median(times['ours'])):.2g} steps/s"


def rows():
    """The large batch against each rival."""
    what = f"RK4, {N:.0e} oscillators, float32, against"
    return (
        Row("S1a", f"{what} eager torch", 75.0, against_eager),
        Row("S1b", f"{what} a JAX fori_loop", 5.0, against_jax, ("jax",)),
        Row("S1c", f"{what} diffrax Tsit5 at equal error", 10.0, against_diffrax, ("jax", "diffrax")),
    )
