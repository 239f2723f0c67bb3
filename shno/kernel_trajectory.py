"""The compiled run: blocks of oscillators through time, waveforms and noise evaluated inside the kernel.

Each step has up to three lane loops: the waveforms at the step's three stages and the thermal field go to buffers that
stay in the L1 cache, then the solver's step reads them. What a layout does not have costs nothing.

Profile (RK4, float32, easy-plane neuron, 16 lanes a vector; AMD family 26, 3.5 GHz, 1.97 vector multiply-adds a cycle):
deterministic: 112 instructions a step and vector, 90 of them arithmetic (78 multiply), 13 loads and stores, no spill;
1.2 ns a lane and core at best, 67 cycles a vector: 0.68 of the multiply-add rate. Multipliers bound it, not memory.
thermal: 325 (Heun: 271, of 70 without noise): step 139, scaling 9, Philox 99 (27 wide products), Box-Muller 78.
"""

import numpy as np
from numba import njit, types
from numba.extending import overload, register_jitable

from shno import local_noise, waveforms
from shno.heating import heated_right_hand_side
from shno.kernel_cache import cached
from shno.kernel_philox import COSINE_64, SINE_64, polynomial, prepare_noise
from shno.kernels import FLAGS, INLINED, _written, aligned, gather, gather_parameters, lanes, load_at, project, scatter
from shno.llgs import right_hand_side
from shno.parameters import Q_NL
from shno.solvers import heun, rk4

SOLVERS = {"rk4": rk4, "heun": heun}


@overload(waveforms.choose, jit_options=INLINED)
def _choose(condition, a, b):
    return lambda condition, a, b: a if condition else b


@overload(waveforms.floor, jit_options=INLINED)
def _floor(x):
    return lambda x: np.floor(x)


@overload(waveforms.sine, jit_options=INLINED)
def _sine(turns):
    sine, cosine, int64 = (*(polynomial(types.float64, c) for c in (SINE_64, COSINE_64)), types.int64)

    def code(turns):
        nearest = np.floor(4 * turns + 0.5)
        a, quarter = 4 * turns - nearest, int64(nearest)  # quarter turns in [-1/2, 1/2]
        size = cosine(a * a) if quarter & 1 else a * sine(a * a)
        return -size if quarter & 2 else size

    return code


for _name in ("constant", "step", "ramp", "pulse", "sine", "chirp"):
    register_jitable(**INLINED)(getattr(waveforms, f"{_name}_value"))
for _name in ("damping_and_gradient", "drift_field", "thermal_field_at"):
    register_jitable(**INLINED)(getattr(local_noise, _name))
thermal_field_at = local_noise.thermal_field_at


def evaluate(layout, waves, rows, shared, lane, step, t, i, first):
    """Put every waveform at a step's three stages into `waves`, for lane i of the block at `first`; in a kernel."""


def advance(layout, start, middle, end, state):
    """One step of the layout's solver from the arguments at its three stages, inside a kernel."""


def read(layout, y, i):
    """The state of lane i: 3 or 4 components, inside a kernel."""


def write(layout, y, i, state):
    """Store the state of lane i, inside a kernel."""


def wave_count(layout):
    """How many waveforms the layout has, inside a kernel."""


@overload(wave_count, jit_options=INLINED)
def _wave_count(layout):
    value = len(layout.layout.waves)
    return lambda layout: value


@overload(evaluate, jit_options=INLINED)
def _evaluate(layout, waves, rows, shared, lane, step, t, i, first):
    lines, names = [], {}
    count, width = len(layout.layout.waves), layout.layout.lanes
    for k, (kind, *places) in enumerate(layout.layout.waves):
        for stage in range(3):
            if kind == "shared":
                value = f"shared[{places[0]}, step, {stage}]"
            elif kind == "lane":
                value = f"lane[{places[0]}, step, {stage}, first + i]"
            else:
                names[kind] = getattr(waveforms, kind)
                given = "".join(f", rows[{row * width} + i]" for row in places)
                value = f"{kind}(t[{stage}], t[1]{given})"
            lines.append(f"    waves[{(stage * count + k) * width} + i] = {value}\n")
    head = "def evaluate(layout, waves, rows, shared, lane, step, t, i, first):\n"
    exec(head + "".join(lines) + "    return\n", names)
    return names["evaluate"]


@overload(advance, jit_options=INLINED)
def _advance(layout, start, middle, end, state):
    solver = SOLVERS[layout.layout.solver]
    if len(layout.layout.tree) == 4:
        return lambda layout, start, middle, end, state: solver(
            heated_right_hand_side, state, start[0], start[1:], middle[1:], end[1:]
        )
    return lambda layout, start, middle, end, state: solver(
        right_hand_side, state, start[0], start[1:], middle[1:], end[1:]
    )


@overload(read, jit_options=INLINED)
def _read(layout, y, i):
    n = len(layout.layout.tree)
    parts = "".join(f"y[{k * layout.layout.lanes} + i], " for k in range(max(n, 3)))
    return _written(f"lambda layout, y, i: ({parts})")


@overload(write, jit_options=INLINED)
def _write(layout, y, i, state):
    parts = "".join(f"    y[{k * layout.layout.lanes} + i] = state[{k}]\n" for k in range(len(state)))
    names = {}
    exec(f"def write(layout, y, i, state):\n{parts}    return\n", names)
    return names["write"]


def prepare_waves(layout, waves, parameters, time, step, lane):
    """Put the waveforms at a step's stages into `waves`, if the layout has any; inside a kernel."""


def follow_state(layout, noise, energy, y, parameters, waves):
    """Let the thermal field follow the state, if it does; inside a kernel."""


@overload(prepare_waves, jit_options=INLINED)
def _prepare_waves(layout, waves, parameters, time, step, lane):
    if not layout.layout.waves:
        return lambda layout, waves, parameters, time, step, lane: None
    width = layout.layout.lanes

    def code(layout, waves, parameters, time, step, lane):
        clock, first_step, _, _, shared_tables, lane_tables = time
        for i in range(width):
            start, length, n = clock[0, lane + i], clock[1, lane + i], first_step + step
            t = (start + length * n, start + length * (n + 0.5), start + length * (n + 1))
            evaluate(layout, waves, parameters, shared_tables, lane_tables, step, t, i, lane)

    return code


@overload(follow_state, jit_options=INLINED)
def _follow_state(layout, noise, energy, y, parameters, waves):
    layout = layout.layout
    if not layout.draws or (len(layout.tree) == 3 and layout.tree[1][Q_NL] is None):
        return lambda layout, noise, energy, y, parameters, waves: None
    width, heat = layout.lanes, len(layout.tree) == 4

    def code(layout, noise, energy, y, parameters, waves):
        for i in range(width):
            given = load_at(layout, parameters, waves, noise, i, 0)
            heat_parameters = given[3] if heat else None
            B = thermal_field_at(read(layout, y, i), given[2][-1], energy[i], given[1], given[2], heat_parameters)
            noise[i], noise[width + i], noise[2 * width + i] = B[0], B[1], B[2]

    return code


@cached
@njit(nogil=True, fastmath=FLAGS, error_model="numpy", no_cfunc_wrapper=True)
def trajectory_kernel(first, last, layout, state, parameters, time, noise_source, saved, save_every, deviation):
    """Advance blocks first ... last: state (3 or 4, n) in place, every save_every-th one into saved (n_saved, .., n).

    parameters : (rows (k, n), shared numbers (j,))
    time : (clock (2, n) of start and step in s, number of the first step on that clock,
            rows and shared numbers of the waveforms, tables of all (k, steps, 3) and of each lane (k, steps, 3, n))
    noise_source : (seed, realisations (n,), deviation (n,) of a draw over the number of draws, the first draw,
                    k_B T/(Ms V) (n,))
    saved holds the real oscillators, the others the padded ones; deviation is the norm's worst error.
    """
    width, n_state = lanes(layout), state.shape[0]
    rows, shared = parameters
    wave_rows, wave_shared = time[2], time[3]
    y, p = aligned(n_state * width, state.dtype), aligned((rows.shape[0] + shared.shape[0]) * width, state.dtype)
    wave_p = np.empty((wave_rows.shape[0] + wave_shared.shape[0]) * width)
    waves, noise = aligned(3 * wave_count(layout) * width, state.dtype), aligned(3 * width, state.dtype)
    buffer, worst = (aligned(12 * width, state.dtype), aligned(12 * width, np.uint32)), aligned(width, state.dtype)
    for block in range(first, last):
        lane, group = block * width, -1
        gather_parameters(p, rows, shared, lane, width)
        gather_parameters(wave_p, wave_rows, wave_shared, lane, width)
        gather(y, state, lane, width)
        sigma, energy = noise_source[2][lane : lane + width], noise_source[4][lane : lane + width]
        worst[:] = 0
        for k in range(saved.shape[0]):
            for j in range(save_every):
                step = k * save_every + j
                prepare_waves(layout, waves, wave_p, time, step, lane)
                group = prepare_noise(layout, noise, buffer, group, noise_source, sigma, step, lane)
                follow_state(layout, noise, energy, y, p, waves)
                for i in range(width):
                    start = load_at(layout, p, waves, noise, i, 0)
                    middle, end = load_at(layout, p, waves, noise, i, 1), load_at(layout, p, waves, noise, i, 2)
                    moved, error = project(advance(layout, start, middle, end, read(layout, y, i)))
                    write(layout, y, i, moved)
                    worst[i] = max(worst[i], error)
            scatter(y, saved[k], lane, width)
        scatter(y, state, lane, width)
        for i in range(width):  # an array assigned to a slice compiles 2 s of text for the error that it might raise
            deviation[lane + i] = worst[i]
