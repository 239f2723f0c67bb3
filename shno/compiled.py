"""The compiled executor: a Plan laid out in rows, advanced by `trajectory_kernel` on all cores."""

from itertools import pairwise

import numpy as np

from shno.kernel_trajectory import trajectory_kernel
from shno.layout import NARROW, NOISE, SINGLE, place_leaves, spread_rows
from shno.parameters import Q_NL
from shno.sampled import Function, Sampled, Tabulated
from shno.threads import run_blocks

TABLE = 1 << 23  # numbers of a table for each oscillator, at most


class Compiled:
    """A run on the CPU. `advance` moves the state and saves it on its way; `divide` redoes a step in parts."""

    def __init__(self, plan):
        """Lay out the plan's arguments for its solver; nothing is compiled yet."""
        self.plan, tree = plan, plan.tree
        draws = 0
        if plan.noise is not None:
            draws = plan.noise.draws
            tree = (tree[0], tree[1], (*tree[2][:-1], NOISE), *tree[3:])  # B_thermal is the last field parameter
        if plan.splits:  # one layout for whole and divided steps
            tree = (np.broadcast_to(tree[0], plan.batch) * np.ones(plan.batch or (1,)), *tree[1:])
        has_powers = len(tree) == 4 or tree[1][Q_NL] is not None  # of Joule heating, of the noise that follows alpha(m)
        lanes = {"narrowest": NARROW if has_powers else SINGLE}
        self.layout, rows, shared, self.waves = place_leaves(tree, plan.n, solver=plan.solver, draws=draws, **lanes)
        self.width = -(-plan.n // self.layout.lanes) * self.layout.lanes
        self.rows = spread_rows(rows, plan.batch, self.width, plan.dtype)
        self.shared = np.array(shared, plan.dtype)
        self.state = np.empty((len(plan.start), self.width), plan.dtype)
        self.state[:, : plan.n] = plan.start
        self.state[:, plan.n :] = self.state[:, plan.n - 1 : plan.n]
        self.deviation = np.zeros(self.width, plan.dtype)
        self._lay_out_waves()
        clock = plan.clock
        self.clock = np.repeat([[clock.origin], [clock.dt]], self.width, axis=1)
        self._lay_out_noise()

    def _lay_out_waves(self):
        """The waveforms' formulas as rows in float64; tables are made for each call."""
        numbers, spelt, self.tables = [], [], ([], [])
        for wave in self.waves:
            if isinstance(wave, Sampled | Function | Tabulated):
                for_each = int(np.prod(wave.shape)) > 1
                spelt.append([("shared", "lane")[for_each], len(self.tables[for_each])])
                self.tables[for_each].append(wave)
            else:
                spelt.append([wave.formula.__name__, *wave.parameters])
                numbers += wave.parameters
        rows = [x for x in numbers if np.size(x) > 1]
        order = [*rows, *(x for x in numbers if np.size(x) == 1)]
        place = {id(x): k for k, x in enumerate(order)}
        self.wave_rows = spread_rows(rows, self.plan.batch, self.width, np.float64)
        self.wave_shared = np.array([np.asarray(x).item() for x in order[len(rows) :]], np.float64)
        waves = tuple(
            (kind, *given) if kind in ("shared", "lane") else (kind, *(place[id(x)] for x in given))
            for kind, *given in spelt
        )
        self.layout = type(self.layout)(**(vars(self.layout) | {"waves": waves}))

    def _lay_out_noise(self):
        noise = self.plan.noise
        self.realisation = np.zeros(self.width, np.uint32)
        self.sigma, self.energy = np.zeros((2, self.width), self.plan.dtype)
        if noise is not None:
            self.realisation[: self.plan.n] = noise.realisation
            self.sigma[: self.plan.n] = np.broadcast_to(noise.deviation, self.plan.batch).ravel() / noise.draws
            self.energy[: self.plan.n] = np.broadcast_to(noise.energy, self.plan.batch).ravel()

    @property
    def longest(self):
        """Steps that one call may take: the tables must fit."""
        each_step = 3 * (len(self.tables[0]) + len(self.tables[1]) * self.width)
        return max(1, TABLE // each_step) if each_step else 1 << 62

    def snapshot(self):
        """A copy of the state, for `divide`."""
        return self.state.copy()

    def current(self):
        """The state as it is saved: (3 or 4, n)."""
        return self.state[:, : self.plan.n]

    def advance(self, first, every, m, T):
        """Move on from step `first`, saving a state every `every` steps: m (saves, *batch, 3), T (saves, *batch) or
        None.
        """
        T = np.empty((0, 0), self.plan.dtype) if T is None else T.reshape(len(T), self.plan.n)
        saving = (m.reshape(len(m), self.plan.n, 3), T, every)
        tables = self._tables(lambda: self.plan.clock.stages(first, len(m) * every), slice(None))
        now = (self.clock, self.plan.clock.first + first)
        self._call(self.state, (self.rows, self.shared), now, tables, first, saving, slice(None))

    def divide(self, before, step, lanes, edges):
        """Redo one step for some oscillators from the state `before`, in the parts that the edges (j + 1, k) give."""
        if any(self.tables) and np.ptp(edges, axis=1).any():  # a table is made for one division of the step
            for lane, column in zip(lanes, edges.T, strict=True):
                self.divide(before, step, np.array([lane]), column[:, None])
            return
        missing = -len(lanes) % self.layout.lanes
        picked, edges = np.pad(lanes, (0, missing), mode="edge"), np.pad(edges, ((0, 0), (0, missing)), mode="edge")
        state, worst = before.take(picked, axis=1), self.deviation.max()
        m, T = (np.empty(shape, self.plan.dtype) for shape in ((1, len(lanes), 3), (len(state) - 3, len(lanes))))
        for start, stop in pairwise(edges):
            numbers = (self.rows.take(picked, axis=1), self.shared.copy())
            place, share = self.layout.tree[0], (stop - start) / self.plan.clock.dt
            if place < len(self.rows):
                numbers[0][place] *= share
            else:  # a single oscillator
                numbers[1][place - len(self.rows)] *= share[0]
            stages = np.array([[start[0], (start[0] + stop[0]) / 2, stop[0]]])
            tables = self._tables(lambda stages=stages: stages, picked)
            self._call(state, numbers, (np.stack([start, stop - start]), 0), tables, step, (m, T, 1), picked)
            worst = max(worst, self.deviation.max())
        self.deviation = np.array(worst)
        self.state[:, lanes] = state[:, : len(lanes)]

    def _call(self, state, numbers, now, tables, step, saving, picked):
        """One call of the kernel from a step of the run, for the oscillators that are picked."""
        noise = self.plan.noise
        seed, draw = (0, 0) if noise is None else (noise.seed, noise.first_draw + step * noise.draws)
        time = (*now, np.ascontiguousarray(self.wave_rows[:, picked]), self.wave_shared, *tables)
        source = (np.uint64(seed), self.realisation[picked], self.sigma[picked], draw, self.energy[picked])
        self.deviation = np.empty(state.shape[1], self.plan.dtype)
        given = (self.layout, state, numbers, time, source, *saving, self.deviation)
        run_blocks(trajectory_kernel, state.shape[1], *given, threads=self.plan.threads)

    def _tables(self, stages, picked):
        """The tables (steps, 3 k) that all share and (steps, 3 k, width) of each oscillator, in the run's precision.

        stages : called where there are tables; the times (steps, 3) of the steps' stages
        """
        if not any(self.tables):
            return np.empty((0, 0), self.plan.dtype), np.empty((0, 0, 0), self.plan.dtype)
        times = stages()
        middles, n, batch = np.repeat(times[:, 1:2], 3, axis=1), self.plan.n, self.plan.batch
        columns = np.minimum(np.arange(self.width), n - 1)[picked]
        common, own = (np.empty((*times.shape, len(waves)), self.plan.dtype) for waves in self.tables)
        own = np.empty((*own.shape, len(columns)), self.plan.dtype)
        for k, wave in enumerate(self.tables[0]):
            common[..., k] = np.reshape(wave.at(times, middles), times.shape)
        for k, wave in enumerate(self.tables[1]):
            values = np.broadcast_to(wave.at(times, middles), (*times.shape, *batch))
            own[:, :, k] = values.reshape(*times.shape, n)[..., columns]
        return common.reshape(len(times), common.shape[1] * common.shape[2]), own.reshape(len(times), -1, len(columns))
