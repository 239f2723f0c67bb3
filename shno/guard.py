"""The guards on the time step: how far a step may turn m, kick it, or let the solver falsify the damping."""

import numpy as np

from shno.checks import check_values, complaint
from shno.stability import turning_field
from shno.thermal import field_deviation
from shno.waveform import Waveform, spread

LARGEST_TURN = 0.2  # rad a step: RK4's relative frequency error there is (0.2)^4 / 120 = 1.3e-5
LARGEST_HEUN_TURN = 0.16  # rad a step: Heun stretches m by (0.16)^4 / 8 = 0.8e-4 before projection, 1e-4 is refused
LARGEST_KICK = 0.06  # rad rms a component and step, by the thermal field: the bias of <m> stays below 1e-3
LARGEST_HEUN_KICK = 0.025  # Heun stretches m by theta^4/8; the largest theta of 1e9 steps is 6.4 rms, 1e-4 is refused
LARGEST_FALSE_DAMPING = 0.01  # of alpha: Heun's is -(omega dt)^3 / 8
PIECES, BETWEEN = 4096, 257  # of the waveforms, at whose ends they are looked at, and instants spread evenly; at most
LOOKED_AT, BLOCK = 2_000_000, 1 << 18  # numbers of each parameter in all, and at a time


def check_step(oscillator, values, m0, clock, steps, solver, temperature):
    """ValueError unless the step is short enough in every respect: `check_turn`, `check_kick`, `check_heating`."""
    check_turn(m0, values, clock, steps, solver)
    check_kick(oscillator, temperature, clock.dt, solver)
    check_heating(oscillator, clock.dt)


def check_turn(m0, values, clock, steps, solver):
    """ValueError unless gamma |B| dt <= 0.2 rad over the run's waveforms; |B| is the larger of that of the net field at
    m0 with the torque, and of the linear precession about m0, which in the plane of a film is sqrt(B (B + M)).

    With Heun's solver also (gamma |B| dt)^3 / 8 <= alpha / 100: on a rotation it is anti-damped by that much.
    """
    limit, why = LARGEST_TURN, ""
    if solver == "heun":
        remedy = "Heun's rule is anti-damped; use rk4."
        check_values("alpha", values["alpha"], "> 0 with solver='heun'", lambda x: x > 0, remedy)
        anti_damping = (8 * LARGEST_FALSE_DAMPING * np.asarray(values["alpha"])) ** (1 / 3)
        limit = np.minimum(LARGEST_HEUN_TURN, anti_damping)
        why = " Heun's anti-damping (turn)^3/8 must stay below alpha/100; rk4 allows more."
    n = np.size(m0) // 3
    times = instants(values, clock, steps, n)
    for t, inside in zip(*(np.array_split(x, -(-len(x) * n // BLOCK)) for x in times), strict=True):
        now = values_at(values, t, inside, m0.ndim)
        B = turning_field(m0[None], now)
        excess = B * (values["gamma"] * clock.dt / limit)
        if excess.max() > 1:
            k = int(excess.argmax())
            most, fields = (np.broadcast_to(x, excess.shape).ravel()[k] for x in (limit, B))
            turns = most * excess.ravel()[k]
            where = f" at index {k % n} of {n}" if n > 1 else ""
            raise ValueError(
                f"dt must turn m by at most {most:.3g} rad a step, got {turns:.3g} at |B| = {fields:.3g} T{where}. "
                f"Use dt <= {rounded_down(clock.dt / excess.ravel()[k]):.2g} s.{why}"
            )


def check_kick(oscillator, temperature, dt, solver):
    """ValueError unless the thermal field turns m by at most 0.06 rad rms a step (Heun: 0.025): gamma sigma_B dt."""
    if temperature == 0:
        return
    largest = LARGEST_HEUN_KICK if solver == "heun" else LARGEST_KICK
    sigma = field_deviation(temperature, oscillator.alpha, oscillator.gamma, oscillator.Ms, oscillator.volume, dt)
    kick = np.asarray(oscillator.gamma * sigma * dt)
    if kick.max() <= largest:
        return
    k = int(kick.argmax())
    where = f" at index {k} of {kick.size}" if kick.size > 1 else ""
    raise ValueError(
        f"dt must let the thermal field turn m by at most {largest} rad rms a step, "
        f"got gamma sigma_B dt = {kick.ravel()[k]:.3g}{where}. "
        f"Use dt <= {rounded_down(dt * (largest / kick.ravel()[k]) ** 2):.2g} s."
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
    """Times t and inside (k,) of a run at which its waveforms are looked at: ends of pieces, and evenly between."""
    waves, start, stop = waveforms_of(values), clock.at(0), clock.at(steps)
    if not waves:
        return np.array([start]), np.array([start])
    most = LOOKED_AT // n
    edges = np.unique(np.concatenate([[start, stop], *(wave.breakpoints(start, stop) for wave in waves)]))
    some = slice(None, None, -(-len(edges) // int(np.clip(most, 16, PIECES))))
    middles = ((edges[1:] + edges[:-1]) / 2)[some]
    between = np.linspace(start, stop, int(np.clip(most, 16, BETWEEN)))
    return np.concatenate([edges[:-1][some], edges[1:][some], between]), np.concatenate([middles, middles, between])


def waveforms_of(values):
    """The waveforms among the parameters of the right-hand side."""
    parts = (part for value in values.values() for part in (value if isinstance(value, tuple) else (value,)))
    return [part for part in parts if isinstance(part, Waveform)]


def values_at(values, t, inside, axes):
    """The parameters of the right-hand side at times (k,): waveforms become arrays (k, *batch) of so many axes."""

    def now(value):
        if isinstance(value, tuple) and any(isinstance(part, Waveform) for part in value):
            return np.stack(np.broadcast_arrays(*map(now, value)), axis=-1)
        return spread(value.at(t, inside), axes) if isinstance(value, Waveform) else value

    return {name: now(value) for name, value in values.items()}
