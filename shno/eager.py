"""The torch executor: a Plan advanced by torch operations, on any device.

On the CPU each operation by itself. On other devices several steps are one compiled function (`fused`), because there
the start of an operation takes longer than its work.
"""

from functools import partial
from itertools import pairwise
from math import gcd

import numpy as np
import torch

from shno.fused import LENGTH, MOST_DRAWS, Layout, by_compiler, one_step, several_steps, spelt, with_noise
from shno.parameters import Q_NL
from shno.philox import split
from shno.plan import at_stage, waveforms_in
from shno.thermal import thermal_calls

TABLE = 1 << 22  # numbers of waveforms made at a time
BACKENDS = {"cpu": None}  # of torch.compile, by the type of the device, elsewhere "inductor"; None: no compiler
FEW = 1024  # oscillators whose normals cost their operations, not their numbers: four blocks are drawn at a time
CACHED = 1 << 13  # oscillators whose normals are drawn at a time on the CPU: what they go through stays in its cache


class Eager:
    """A run by torch. `advance` moves the state and saves it on its way; `divide` redoes a step in parts."""

    def __init__(self, plan):
        """Bring the plan's arguments to its device and precision."""
        self.plan, self.dtype = plan, getattr(torch, plan.dtype)
        self.waves = waveforms_in(plan.tree)
        self.numbers, given, tables = {}, {}, {}
        self.spelt = (spelt(plan.tree, given, tables), given.values(), tables)
        self.state = tuple(self._tensor(row.reshape(plan.batch)) for row in plan.start)
        self.deviation = np.zeros(())
        self.follows = plan.noise is not None and (len(plan.tree) == 4 or plan.tree[1][Q_NL] is not None)
        self.block, self.energy = (None, ()), None
        if plan.noise is not None:
            self._lay_out_noise(plan.noise)
        self.backend = BACKENDS.get(self.state[0].device.type, "inductor")

    def _lay_out_noise(self, noise):
        """The stream's names on the device, and where its blocks lie in the steps."""
        whole = {"dtype": torch.int64, "device": self.plan.device}
        self.realisation = torch.as_tensor(noise.realisation.reshape(self.plan.batch).astype(np.int64), **whole)
        self.key = tuple(torch.tensor(word, **whole) for word in split(int(noise.seed)))
        self.sigma, self.energy = (self._tensor(x) for x in (noise.deviation / noise.draws, noise.energy))
        self.phase = noise.first_draw % gcd(noise.draws, 4)
        most = max(MOST_DRAWS // 4 + 1, 4)
        self.calls = torch.arange(3 * most, **whole).reshape(-1, *(1,) * len(self.plan.batch))

    @property
    def longest(self):
        """Steps whose waveforms are made at a time."""
        size = sum(max(int(np.prod(wave.shape)), 1) for wave in self.waves)
        return max(1, TABLE // (3 * size)) if self.waves else 1 << 62

    def snapshot(self):
        """The state, for `divide`."""
        return self.state

    def current(self):
        """The state as it is saved: (3 or 4, n)."""
        return torch.stack(self.state).reshape(len(self.state), -1).cpu().numpy()

    @torch.no_grad()
    def advance(self, first, every, m, T):
        """Move on from step `first`, saving a state every `every` steps: m (saves, *batch, 3), T (saves, *batch) or
        None.
        """
        steps, step = len(m) * every, 0
        saved = self.state[0].new_empty(len(m), len(self.state), *self.plan.batch)
        stages = self._stages(self.plan.clock.stages(first, steps))
        worst = torch.zeros_like(self.state[0])
        while step < steps:
            now = {key: table[step:] for key, table in stages.items()}
            count, path, error = self._launch(first + step, steps - step, now, range(-(step + 1) % every, steps, every))
            worst = torch.fmax(worst, error)
            for k in range(-(step + 1) % every, count, every):
                saved[(step + k) // every] = torch.stack(self.state) if path is None else path[k]
            step += count
        self.deviation = worst.cpu().numpy()
        saved = saved.cpu().numpy()
        m[:] = np.moveaxis(saved[:, :3], 1, -1)
        if T is not None:
            T[:] = saved[:, 3]

    def _launch(self, step, left, stages, kept):
        """Move on by LENGTH steps where so many are left and may be taken together, else by one: their number, the path
        where any of the states `kept` lies inside it, the largest deviation.
        """
        if self.backend and LENGTH <= left and self._in_whole_blocks(step):
            tables = {key: table[:LENGTH] for key, table in stages.items()}
            result = self._compiled(step, tables, kept.start < LENGTH - 1)
            if result is not None:
                rows = len(self.state)
                self.state, (error, *path) = tuple(result[:rows]), result[rows:]
                return LENGTH, path[0] if path else None, error
        trees = self._trees(stages, 0, self._noise(step))
        self.state, error = self._step(self.state, 1.0, trees)
        return 1, None, error

    def _in_whole_blocks(self, step):
        """Whether the noise of the next steps lies in its blocks of draws as that of any other launch does."""
        noise = self.plan.noise
        if noise is None:
            return True
        return LENGTH * noise.draws <= MOST_DRAWS and (noise.first_draw + step * noise.draws) % 4 == self.phase

    def _compiled(self, step, tables, keeps_path):
        """The results of `several_steps`; None where torch.compile fails."""
        plan, (tree, numbers, waves) = self.plan, self.spelt
        draws, phase, noise = 0, 0, ()
        if plan.noise is not None:
            draws, phase = plan.noise.draws, self.phase
            group, energy = (plan.noise.first_draw + step * draws - phase) // 4, (self.energy,) * self.follows
        layout = Layout(tree, len(self.state), plan.solver, draws, phase, LENGTH, keeps_path)
        if plan.noise is not None:
            noise = (*energy, self.sigma, self.calls[: layout.calls] + 3 * group, *self.key, self.realisation)
        given = (*self.state, *map(self._number, numbers), *(tables[key] for key in waves), *noise)
        steps = partial(several_steps, layout, plan.tree, self.follows)
        return by_compiler((layout, self.follows), steps, given, self.backend)

    @torch.no_grad()
    def divide(self, before, step, lanes, edges):
        """Redo one step for some oscillators from the state `before`, in the parts that the edges (j + 1, k) give."""
        noise, worst = self._noise(step), self.deviation.max()
        columns, which = np.unique(edges, axis=1, return_inverse=True)
        for k, column in enumerate(columns.T):
            state, lanes_k = before, torch.as_tensor(lanes[which.ravel() == k], device=self.plan.device)
            for start, stop in pairwise(column):
                stages = self._stages(np.array([[start, (start + stop) / 2, stop]]))
                share = (stop - start) / self.plan.clock.dt
                state, error = self._step(state, share, self._trees(stages, 0, noise))
                worst = max(worst, float(error.reshape(-1)[lanes_k].max()))
            self.state = tuple(
                x.reshape(-1).index_copy(0, lanes_k, y.reshape(-1)[lanes_k]).reshape(x.shape)
                for x, y in zip(self.state, state, strict=True)
            )
        self.deviation = np.array(worst)

    def _step(self, state, share, trees):
        return one_step(self.plan.solver, state, share, trees, self.energy if self.follows else None)

    def _trees(self, stages, step, noise):
        """The arguments at the three stages of a step."""
        trees = []
        for stage in range(3):
            values = {key: table[step, stage] for key, table in stages.items()}
            trees.append(with_noise(at_stage(self.plan.tree, values, self._number), noise))
        return trees

    def _stages(self, times):
        """The value of every waveform at times (steps, 3): {id: (steps, 3, *its batch)}."""
        middles = np.repeat(times[:, 1:2], 3, axis=1)
        return {id(wave): self._tensor(wave.at(times, middles)) for wave in self.waves}

    def _noise(self, step):
        """The thermal field of a step of the run, a vector, or None."""
        noise = self.plan.noise
        if noise is None:
            return None
        first = noise.first_draw + step * noise.draws
        draws = [self._normals(first + k) for k in range(noise.draws)]
        return tuple(self.sigma * sum(draw[c] for draw in draws) for c in range(3))

    def _normals(self, draw):
        """The three normals of a draw; four draws are made together, for few oscillators sixteen."""
        blocks, n = 4 if self.plan.n <= FEW else 1, self.plan.n
        group = draw // (4 * blocks)
        if self.block[0] != group:
            calls = self.calls[: 3 * blocks].reshape(-1, 1) + 3 * blocks * group
            parts = self.realisation.reshape(-1).split(CACHED if self.realisation.device.type == "cpu" else n)
            numbers = [torch.stack(thermal_calls(self.key, calls, part, self.state[0])) for part in parts]
            self.block = group, torch.cat(numbers, dim=-1).reshape(4, -1, *self.plan.batch)
        first = 3 * (draw % (4 * blocks))
        return [self.block[1][q % 4, q // 4] for q in range(first, first + 3)]

    def _number(self, value):
        """A parameter as a tensor, made once."""
        if id(value) not in self.numbers:
            self.numbers[id(value)] = self._tensor(value)
        return self.numbers[id(value)]

    def _tensor(self, value):
        return torch.as_tensor(np.array(value), dtype=self.dtype, device=self.plan.device)
