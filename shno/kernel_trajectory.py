"""The compiled run: blocks of oscillators through time, waveforms and noise evaluated inside the kernel.

Each step has up to three lane loops: the waveforms at the step's three stages and the thermal field go to buffers that
stay in the L1 cache, then the solver's step reads them. What a layout does not have costs nothing.

Profile (RK4, float32, easy-plane neuron, 16 lanes a vector; AMD family 26, 3.5 GHz, 1.97 vector multiply-adds a cycle):
deterministic: 112 instructions a step and vector, 90 of them arithmetic (78 multiply), 13 loads and stores, no spill;
1.2 ns a lane and core at best, 67 cycles a vector: 0.68 of the multiply-add rate. Multipliers bound it, not memory.
thermal: 325 (Heun: 271, of 70 without noise): step 139, scaling 9, Philox 99 (27 wide products), Box-Muller 78.
"""

import numpy as np
from numba import njit
from numba.extending import overload

from shno import waveforms
from shno.heating import heated_right_hand_side
from shno.kernel_cache import cached
from shno.kernel_philox import prepare_noise
from shno.kernel_registers import in_kernel
from shno.kernels import (
    FLAGS,
    INLINED,
    aligned,
    gather,
    gather_parameters,
    lanes,
    load_at,
    project,
    read,
    scatter,
    write,
)
from shno.llgs import right_hand_side
from shno.local_noise import thermal_field_at
from shno.parameters import Q_NL
from shno.solvers import heun, rk4

SOLVERS = {"rk4": rk4, "heun": heun}


@in_kernel
def evaluate(layout, waves, rows, tables, own_tables, t, i):
    """Put every waveform at a step's stages, at the times t, into `waves`, for lane i.

    tables, own_tables   those that all lanes share, (stages x tables), and those of each, (stages x tables x lanes)
    """
    kinds, width = [kind for kind, *_ in layout.waves], layout.lanes

    def stages(kind, places):
        if kind == "shared":
            return [tables[stage * kinds.count(kind) + places[0], 0] for stage in range(3)]
        if kind == "lane":
            return [own_tables[(stage * kinds.count(kind) + places[0]) * width, i] for stage in range(3)]
        parameters = [rows[place * width, i] for place in places]
        return [getattr(waveforms, kind)(t[stage], t[1], *parameters) for stage in range(3)]

    values = [stages(kind, places) for kind, *places in layout.waves]  # all before the first is stored, for LLVM's sake
    for k, of_wave in enumerate(values):
        for stage, value in enumerate(of_wave):
            waves[(stage * len(values) + k) * width, i] = value


@in_kernel
def advance(layout, y, rows, waves, noise, i):
    """One step of the layout's solver for lane i, the state in y; returns the norm's error before projection."""
    start, middle, end = (load_at(layout, rows, waves, noise, i, stage) for stage in range(3))
    f, count = (right_hand_side, 3) if len(layout.tree) == 3 else (heated_right_hand_side, 4)
    state = read(layout, y, i, count)
    state, error = project(SOLVERS[layout.solver](f, state, start[0], start[1:], middle[1:], end[1:]))
    write(layout, y, i, state)
    return error


@in_kernel
def follow(layout, noise, energy, y, rows, waves, i):
    """Let the thermal field of lane i follow its state, if it does."""
    if not layout.draws or (len(layout.tree) == 3 and layout.tree[1][Q_NL] is None):
        return
    _, *given = load_at(layout, rows, waves, noise, i, 0)
    heat_parameters = given[2] if len(given) == 3 else None
    state, B_thermal = read(layout, y, i, len(layout.tree)), given[1][-1]
    write(layout, noise, i, thermal_field_at(state, B_thermal, energy[0, i], *given[:2], heat_parameters))


def wave_count(layout):
    """How many waveforms the layout has, inside a kernel."""


@overload(wave_count, jit_options=INLINED)
def _wave_count(layout):
    value = len(layout.layout.waves)
    return lambda layout: value


@njit(inline="always")
def prepare_waves(layout, waves, parameters, own, time, step, lane):
    """Put the waveforms at a step's stages into `waves`, if the layout has any."""
    width, (clock, first_step, _, _, tables, own_tables) = lanes(layout), time
    gather(own, own_tables[step], lane, width)
    for i in range(width):
        start, length, n = clock[0, lane + i], clock[1, lane + i], first_step + step
        t = (start + length * n, start + length * (n + 0.5), start + length * (n + 1))
        evaluate(layout, waves, parameters, tables[step], own, t, i)


@cached
@njit(nogil=True, fastmath=FLAGS, error_model="numpy", no_cfunc_wrapper=True)
def trajectory_kernel(first, last, layout, state, parameters, time, noise_source, saved, save_every, deviation):
    """Advance blocks first ... last: state (3 or 4, n) in place, every save_every-th one into saved (n_saved, .., n).

    parameters : (rows (k, n), shared numbers (j,))
    time : (clock (2, n) of start and step in s, number of the first step on that clock,
            rows and shared numbers of the waveforms, tables of all (steps, 3 k) and of each lane (steps, 3 k, n))
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
    own = aligned(time[5].shape[1] * width, state.dtype)
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
                prepare_waves(layout, waves, wave_p, own, time, step, lane)
                group = prepare_noise(layout, noise, buffer, group, noise_source, sigma, step, lane)
                for i in range(width):
                    follow(layout, noise, energy, y, p, waves, i)
                for i in range(width):
                    worst[i] = max(worst[i], advance(layout, y, p, waves, noise, i))
            scatter(y, saved[k], lane, width)
        scatter(y, state, lane, width)
        for i in range(width):  # an array assigned to a slice compiles 2 s of text for the error that it might raise
            deviation[lane + i] = worst[i]
