"""The guards on the time step: how far a step may turn m, kick it, or let the solver falsify the damping."""

import numpy as np

from shno.checks import complaint
from shno.stability import effective_rotation
from shno.thermal import field_deviation
from shno.waveform import Waveform

LARGEST_TURN = 0.2  # rad a step: RK4's relative frequency error there is (0.2)^4 / 120 = 1.3e-5
LARGEST_KICK = 0.06  # rad rms a component and step, by the thermal field: the bias of <m> stays below 1e-3
LARGEST_FALSE_DAMPING = 0.01  # of alpha: Heun's is -(omega dt)^3 / 8
INSTANTS = 257  # at most, at which the waveforms are looked at
LOOKED_AT = 2_000_000  # numbers, at most


def check_turn(m0, values, clock, steps, solver):
    """ValueError unless gamma |B| dt <= 0.2 rad, B the net field at m0 with the torque, over the run's waveforms.

    With Heun's solver also (gamma |B| dt)^3 / 8 <= alpha / 100: on a rotation it is anti-damped by that much.
    """
    limit, why = LARGEST_TURN, ""
    if solver == "heun":
        anti_damping = (8 * LARGEST_FALSE_DAMPING * np.asarray(values["alpha"])) ** (1 / 3)
        limit = np.minimum(LARGEST_TURN, anti_damping)
        why = " Heun's anti-damping (turn)^3/8 must stay below alpha/100; rk4 allows more."
    for t in instants(values, clock, steps, np.size(m0) // 3):
        now = values_at(values, t)
        B = np.asarray(effective_rotation(m0, now))
        turn = values["gamma"] * B * clock.dt
        excess = np.asarray(turn / np.maximum(limit, np.finfo(float).tiny))
        if excess.max() > 1:
            k = int(excess.argmax())
            most, turns, fields = (np.ravel(np.broadcast_to(x, excess.shape))[k] for x in (limit, turn, B))
            most, where = f"{most:.3g}", f" at index {k} of {excess.size}" if excess.size > 1 else ""
            raise ValueError(
                f"dt must turn m by at most {most} rad a step, got {turns:.3g} at |B| = {fields:.3g} T{where}. "
                f"Use dt <= {rounded_down(clock.dt / excess.ravel()[k]):.2g} s.{why}"
            )


def check_kick(oscillator, temperature, dt):
    """ValueError unless the thermal field turns m by at most 0.06 rad rms a step: gamma sigma_B dt <= 0.06."""
    if temperature == 0:
        return
    sigma = field_deviation(temperature, oscillator.alpha, oscillator.gamma, oscillator.Ms, oscillator.volume, dt)
    kick = np.asarray(oscillator.gamma * sigma * dt)
    if kick.max() <= LARGEST_KICK:
        return
    k = int(kick.argmax())
    where = f" at index {k} of {kick.size}" if kick.size > 1 else ""
    raise ValueError(
        f"dt must let the thermal field turn m by at most {LARGEST_KICK} rad rms a step, "
        f"got gamma sigma_B dt = {kick.ravel()[k]:.3g}{where}. "
        f"Use dt <= {rounded_down(dt * (LARGEST_KICK / kick.ravel()[k]) ** 2):.2g} s."
    )


def check_heating(oscillator, dt):
    """ValueError unless a step is at most a fifth of the thermal time constant R_th C_th; nothing without heating."""
    if oscillator.R_th is None:
        return
    constant = np.min(oscillator.R_th * np.asarray(oscillator.C_th))
    if dt > constant / 5:
        remedy = f"Use dt <= {rounded_down(constant / 5):.2g} s, or give a larger C_th."
        rule = f"at most a fifth of R_th C_th = {constant:.3g} s"
        raise ValueError(complaint("dt", rule, f"{dt:.3g} s", remedy))


def rounded_down(dt):
    """dt to two digits, never above it: what is named must be accepted."""
    digit = 10.0 ** (np.floor(np.log10(dt)) - 1)
    return np.floor(dt / digit * (1 - 1e-9)) * digit


def instants(values, clock, steps, n):
    """(t, inside) pairs over a run, at which its waveforms are looked at: each piece's ends, and evenly between."""
    waves = waveforms_of(values)
    if not waves:
        return [(clock.at(0), clock.at(0))]
    start, stop = float(clock.at(0)), float(clock.at(steps))
    most = int(np.clip(LOOKED_AT // n, 16, INSTANTS))
    edges = np.unique(np.concatenate([[start, stop], *(wave.breakpoints(start, stop) for wave in waves)]))
    edges = edges[:: max(1, len(edges) // most)]
    middles = (edges[1:] + edges[:-1]) / 2
    pairs = [*zip(edges[:-1], middles, strict=True), *zip(edges[1:], middles, strict=True)]
    return pairs + [(t, t) for t in np.linspace(start, stop, most)]


def waveforms_of(values):
    """The waveforms among the parameters of the right-hand side."""
    parts = (part for value in values.values() for part in (value if isinstance(value, tuple) else (value,)))
    return [part for part in parts if isinstance(part, Waveform)]


def values_at(values, t):
    """The parameters of the right-hand side at one time (t, inside): waveforms become numbers or arrays."""

    def now(value):
        if isinstance(value, tuple) and any(isinstance(part, Waveform) for part in value):
            return np.stack(np.broadcast_arrays(*map(now, value)), axis=-1)
        return value.at(*t) if isinstance(value, Waveform) else value

    return {name: now(value) for name, value in values.items()}
