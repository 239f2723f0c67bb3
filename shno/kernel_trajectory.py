"""The compiled run: blocks of oscillators through time, waveforms and noise evaluated inside the kernel.

Each step has up to three lane loops: the waveforms at the step's three stages and the thermal field go to buffers that
stay in the L1 cache, then the solver's step reads them. What a layout does not have costs nothing.

Profile (RK4, float32, easy-plane neuron, 16 lanes a vector; AMD family 25 model 17, 3.7 GHz, one vector multiply-add a
cycle): deterministic: 122 instructions a step and vector, 83 arithmetic (72 multiply), 9 of spilled numbers; 82 cycles,
one for each arithmetic instruction: multipliers bound it, memory does not (family 26, twice the multipliers: latency).
thermal: 350 (Heun: 285, of 69 without noise), 215 cycles: step 145, Philox 111 (28 wide products), Box-Muller 84,
scaling 10.
"""

from functools import cache, partial

import numpy as np
from numba import njit
from numba.extending import overload

from shno import waveforms
from shno.heating import heated_right_hand_side
from shno.kernel_cache import cached
from shno.kernel_lanes import lanewise
from shno.kernel_philox import prepare_noise
from shno.kernel_prepared import Prepared, places_of
from shno.kernel_registers import FLAGS, interleaved
from shno.kernels import (
    INLINED,
    aligned,
    clear,
    copy_lanes,
    gather,
    gather_parameters,
    lanes,
    load_at,
    read,
    scatter,
    write,
)
from shno.llgs import right_hand_side
from shno.local_noise import thermal_field_at
from shno.parameters import Q_NL
from shno.solvers import heun, rk4
from shno.vector import project

SOLVERS = {"rk4": rk4, "heun": heun}


@lanewise
def evaluate(layout, waves, rows, tables, own_tables, starts, lengths, lane, n, i):
    """Put every waveform at the stages of step n into `waves`.

    tables, own_tables   those that all lanes share, (stages x tables), and those of each, (stages x tables x lanes)
    starts, lengths      of the clock, s; the block's first oscillator is `lane` of them
    """
    kinds, width = [kind for kind, *_ in layout.waves], layout.lanes
    start, length = starts[lane, i], lengths[lane, i]
    t = (start + length * n, start + length * (n + 0.5), start + length * (n + 1.0))

    def stages(kind, places):
        if kind == "shared":
            return [tables[stage * kinds.count(kind) + places[0], None] for stage in range(3)]
        if kind == "lane":
            return [own_tables[(stage * kinds.count(kind) + places[0]) * width, i] for stage in range(3)]
        parameters = [rows[place * width, i] for place in places]
        return [getattr(waveforms, kind)(t[stage], t[1], *parameters) for stage in range(3)]

    for k, (kind, *places) in enumerate(layout.waves):
        for stage, value in enumerate(stages(kind, places)):
            waves[(stage * len(kinds) + k) * width, i] = value


def stepped(layout, y, rows, waves, noise, i):
    """The state after one step of the layout's solver, and the norm's error before projection."""
    start, middle, end = (load_at(layout, rows, waves, noise, i, stage) for stage in range(3))
    f, count = (right_hand_side, 3) if len(layout.tree) == 3 else (heated_right_hand_side, 4)
    state = read(layout, y, i, count=count)
    return project(SOLVERS[layout.solver](f, state, start[0], start[1:], middle[1:], end[1:]))


def field_at(layout, y, rows, waves, noise, energy, i):
    """The thermal field that follows the state."""
    _, *given = load_at(layout, rows, waves, noise, i, 0)
    heat_parameters = given[2] if len(given) == 3 else None
    state, B_thermal = read(layout, y, i, count=len(layout.tree)), given[1][-1]
    return thermal_field_at(state, B_thermal, energy, *given[:2], heat_parameters)


def follows(layout):
    """Whether the thermal field follows the state."""
    return layout.draws and (len(layout.tree) == 4 or layout.tree[1][Q_NL] is not None)


@cache
def places(layout):
    """{key: row} of the parameters of a block, and of what is made of them alone."""

    def used(block, rows, i):
        stepped(layout, block, rows, block, block, i)
        if follows(layout):
            field_at(layout, block, rows, block, block, block[0, i], i)

    return places_of(layout, used)


@lanewise
def prepare(layout, rows, i):
    """Fill the rows that are made of a block's parameters alone."""
    prepared = Prepared(rows, layout, places(layout), i)
    for key, row in places(layout).items():
        if not isinstance(key, str):
            rows[row * layout.lanes, i] = prepared.make(key)


@lanewise
def advance(layout, y, rows, waves, noise, worst, i):
    """One step, the state in y; `worst` is the norm's largest error before projection."""
    state, error = stepped(layout, y, Prepared(rows, layout, places(layout), i), waves, noise, i)
    write(layout, y, i, vector=state)
    worst[0, i] = error.maximum(worst[0, i])  # one that is not a number is passed over


@lanewise
def follow(layout, noise, energy, lane, y, rows, waves, i):
    """Let the thermal field follow the state, if it does."""
    if follows(layout):
        rows = Prepared(rows, layout, places(layout), i)
        write(layout, noise, i, vector=field_at(layout, y, rows, waves, noise, energy[lane, i], i))


def row_count(layout):
    """How many rows a block's parameters and what is made of them take, inside a kernel."""


@overload(row_count, jit_options=INLINED)
def _row_count(layout):
    value = len(places(layout.layout))
    return lambda layout: value


def wave_count(layout):
    """How many waveforms the layout has, inside a kernel."""


@overload(wave_count, jit_options=INLINED)
def _wave_count(layout):
    value = len(layout.layout.waves)
    return lambda layout: value


@njit(inline="always")
def prepare_waves(layout, waves, parameters, own, time, step, lane):
    """Put the waveforms at a step's stages into `waves`, if the layout has any."""
    clock, first_step, _, _, tables, own_tables = time
    gather(layout, own_tables.shape[1], own, own_tables[step], lane)
    evaluate(layout, waves, parameters, tables[step], own, clock[0], clock[1], lane, float(first_step + step))


@partial(lanewise, registers=1)
def save_lanes(layout, y, m, T, lane, i):
    """Put the state of all lanes into rows of m (n, 3), and T (n,) where it has a temperature, from `lane` on."""
    for k, part in enumerate(interleaved(*read(layout, y, i))):
        m[k * m.lanes, *3 * (lane, i)] = part
    if len(layout.tree) == 4:
        T[lane, i] = y[3 * layout.lanes, i]


@njit(inline="always")
def save(layout, y, m, T, lane):
    """The same as far as there are rows: what is saved is not padded."""
    width, n = lanes(layout), len(m)
    if lane + width <= n:
        save_lanes(layout, y, m, T, lane)
    else:
        for i in range(n - lane):
            for k in range(3):
                m[lane + i, k] = y[k * width + i]
            for k in range(3, len(y) // width):
                T[lane + i] = y[k * width + i]


@cached
@njit(nogil=True, fastmath=FLAGS, error_model="numpy", no_cfunc_wrapper=True)
def trajectory_kernel(first, last, layout, state, parameters, time, noise_source, m, T, save_every, deviation):
    """Advance blocks first ... last: state (3 or 4, n) in place, every save_every-th one into m (n_saved, n, 3) and
    T (n_saved, n); (0, 0) without temperatures.

    parameters : (rows (k, n), shared numbers (j,))
    time : (clock (2, n) of start and step in s, number of the first step on that clock,
            rows and shared numbers of the waveforms, tables of all (steps, 3 k) and of each lane (steps, 3 k, n))
    noise_source : (seed, realisations (n,), deviation (n,) of a draw over the number of draws, the first draw,
                    k_B T/(Ms V) (n,))
    m and T hold the real oscillators, the others the padded ones; deviation is the norm's worst error.
    """
    width, n_state = lanes(layout), state.shape[0]
    rows, shared = parameters
    wave_rows, wave_shared = time[2], time[3]
    y, p = aligned(n_state * width, state.dtype), aligned(row_count(layout) * width, state.dtype)
    wave_p = aligned((wave_rows.shape[0] + wave_shared.shape[0]) * width, np.float64)
    waves, noise = aligned(3 * wave_count(layout) * width, state.dtype), aligned(3 * width, state.dtype)
    own = aligned(time[5].shape[1] * width, state.dtype)
    buffer, worst = (aligned(12 * width, state.dtype), aligned(12 * width, np.uint32)), aligned(width, state.dtype)
    for block in range(first, last):
        lane, group = block * width, -1
        gather_parameters(layout, p, rows, shared, lane)
        prepare(layout, p)
        gather_parameters(layout, wave_p, wave_rows, wave_shared, lane)
        gather(layout, n_state, y, state, lane)
        clear(layout, 1, worst)
        for k in range(m.shape[0]):
            for j in range(save_every):
                step = k * save_every + j
                prepare_waves(layout, waves, wave_p, own, time, step, lane)
                group = prepare_noise(layout, noise, buffer, group, noise_source, step, lane)
                follow(layout, noise, noise_source[4], lane, y, p, waves)
                advance(layout, y, p, waves, noise, worst)
            save(layout, y, m[k], T[k], lane)
        scatter(layout, n_state, y, state, lane)
        copy_lanes(layout, deviation, lane, worst, 0)
