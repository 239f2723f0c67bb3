"""The torch executor: a Plan advanced by eager torch operations, on any device."""

from itertools import pairwise

import numpy as np
import torch

from shno.heating import heated_right_hand_side
from shno.llgs import right_hand_side
from shno.local_noise import thermal_field_at
from shno.parameters import Q_NL
from shno.plan import at_stage, waveforms_in
from shno.solvers import heun, rk4
from shno.thermal import thermal_block
from shno.vector import dot, reciprocal_sqrt, scale

SOLVERS = {"rk4": rk4, "heun": heun}
TABLE = 1 << 22  # numbers of waveforms made at a time


class Eager:
    """A run by torch. `advance` moves the state and returns what was saved; `divide` redoes a step in parts."""

    def __init__(self, plan):
        """Bring the plan's arguments to its device and precision."""
        self.plan, self.dtype = plan, getattr(torch, plan.dtype)
        self.waves = waveforms_in(plan.tree)
        self.numbers = {}
        self.state = tuple(self._tensor(row.reshape(plan.batch)) for row in plan.start)
        self.deviation = np.zeros(())
        self.heated = len(plan.tree) == 4
        self.local = self.heated or plan.tree[1][Q_NL] is not None
        self.block = (None, ())
        if plan.noise is not None:
            realisation = plan.noise.realisation.reshape(plan.batch).astype(np.int64)
            self.realisation = torch.as_tensor(realisation, device=plan.device)
            self.sigma = self._tensor(plan.noise.deviation / plan.noise.draws)
            self.energy = self._tensor(plan.noise.energy)

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
        return torch.stack([x.reshape(-1) for x in self.state]).cpu().numpy()

    def advance(self, first, saves, every):
        """Move on from step `first`, saving `saves` states, one every `every` steps: (saves, 3 or 4, n)."""
        saved = np.empty((saves, len(self.state), self.plan.n), self.plan.dtype)
        stages = self._stages(self.plan.clock.stages(first, saves * every))
        worst = torch.zeros_like(self.state[0])
        for step in range(saves * every):
            self.state, error = self._step(self.state, 1.0, self._trees(stages, step, self._noise(first + step)))
            worst = torch.maximum(worst, error)
            if (step + 1) % every == 0:
                saved[step // every] = self.current()
        self.deviation = worst.cpu().numpy()
        return saved

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
        """One step from the arguments at its stages, or a share of one, and | |m|^2 - 1 | before projection."""
        if self.local and self.plan.noise is not None:
            trees = self._following(state, trees)
        function = heated_right_hand_side if self.heated else right_hand_side
        y = SOLVERS[self.plan.solver](function, state, share * trees[0][0], *(tree[1:] for tree in trees))
        square = dot(y, y)
        return (*scale(reciprocal_sqrt(square), y[:3]), *y[3:]), (square - 1).abs()

    def _trees(self, stages, step, noise):
        """The arguments at the three stages of a step."""
        trees = []
        for stage in range(3):
            values = {key: table[step, stage] for key, table in stages.items()}
            tree = at_stage(self.plan.tree, values, self._number)
            trees.append(tree if noise is None else _with_noise(tree, noise))
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
        """The three normals of a draw; four draws are made together."""
        group = draw >> 2
        if self.block[0] != group:
            self.block = group, thermal_block(self.plan.noise.seed, group, self.realisation, 0, self.state[0])
        first = 3 * (draw & 3)
        return self.block[1][first : first + 3]

    def _following(self, state, trees):
        """The arguments with the thermal field that follows the state at the start."""
        _, torque_parameters, field_parameters, *heat = trees[0]
        given = (torque_parameters, field_parameters, heat[0] if heat else None)
        B = thermal_field_at(state, field_parameters[-1], self.energy, *given)
        return [_with_noise(tree, B) for tree in trees]

    def _number(self, value):
        """A parameter as a tensor, made once."""
        if id(value) not in self.numbers:
            self.numbers[id(value)] = self._tensor(value)
        return self.numbers[id(value)]

    def _tensor(self, value):
        return torch.as_tensor(np.array(value), dtype=self.dtype, device=self.plan.device)


def _with_noise(tree, noise):
    """The arguments with this thermal field, the last of the field parameters."""
    return (tree[0], tree[1], (*tree[2][:-1], noise), *tree[3:])
