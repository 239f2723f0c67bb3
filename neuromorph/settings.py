"""What a spiking layer is asked for, checked before anything is computed."""

import numpy as np

import shno
from neuromorph.gain import RunningGain

LARGEST_TURN = 0.2  # rad a step, shno's own limit
RESETS = ("soft", "hard", "none")
READ_OUTS = ("spike", "count", "envelope", "m", "latency")


def check_settings(layer):
    """Every complaint about a layer's settings, before anything is computed; ValueError."""
    for name, least, usual in (("n", 1, 60), ("n_steps", 1, 15), ("refractory", 0, 0)):
        _check_whole(name, getattr(layer, name), least, f"{usual} is usual.")
    if not isinstance(layer.detach_reset, bool):
        raise TypeError(f"detach_reset must be True or False, got {layer.detach_reset!r}. False keeps the gradient.")
    if layer.truncate is not None:
        _check_whole("truncate", layer.truncate, 1, "2 is usual, None reaches all the way back.")
    if layer.component not in (0, 1, 2):
        raise ValueError(f"component must be 0, 1 or 2, got {layer.component!r}. It is the x, y or z of m.")
    for name, value, known in (("reset", layer.reset_mode, RESETS), ("read_out", layer.read_out, READ_OUTS)):
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}. Choose one of these.")
    if layer.critical_torque == 0 or not np.isfinite(layer.critical_torque):
        got = f"got {layer.critical_torque!r}. Its sign is that of the torque that leads towards a spike."
        raise ValueError(f"critical_torque must be finite and not 0, {got}")
    for name in ("dt", "neural_step", "clip"):
        if not 0 < getattr(layer, name) < np.inf:
            raise ValueError(f"{name} must be positive and finite, got {getattr(layer, name)!r}. Correct it.")
    for name, low, why in (
        ("reset_fraction", 0, "1 turns m all the way to rest."),
        ("refractory_factor", -1, "0: off."),
    ):
        if not low <= getattr(layer, name) <= 1:
            raise ValueError(f"{name} must be in [{low}, 1], got {getattr(layer, name)!r}. {why}")
    if not -1 < layer.rearm <= layer.threshold < 1:
        got = f"{layer.rearm!r} and {layer.threshold!r}"
        raise ValueError(f"rearm and threshold must be -1 < rearm <= threshold < 1, got {got}. 0.35 and 0.7 are usual.")
    _check_gain(layer.input_gain, layer.n)
    _check_times(layer)


def _check_gain(gain, n):
    if gain is None:
        return
    if not isinstance(gain, RunningGain):
        got = type(gain).__name__
        raise TypeError(f"input_gain must be a RunningGain or None, got a {got}. RunningGain(n) makes one.")
    if gain.n != n:
        raise ValueError(
            f"input_gain must be a RunningGain({n}), one gain a neuron, got {gain.n}. Give it the layer's n."
        )


def _check_whole(name, value, least, remedy):
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a whole number >= {least}, got {value!r}. {remedy}")


def _check_times(layer):
    """ValueError unless the neural step is whole steps, none turns m too far, and the shapes fit."""
    if abs(round(layer.neural_step / layer.dt) * layer.dt - layer.neural_step) > 1e-9 * layer.neural_step:
        got = f"{layer.neural_step:.6g} s at dt = {layer.dt:.3g} s"
        raise ValueError(f"neural_step must be a multiple of dt, got {got}. 0.5e-9 and 2e-12 are usual.")
    shapes = shno.batch_shape(shno.parameters(layer.oscillator, layer.bias))
    if shapes not in ((), (1,), (layer.n,)):
        raise ValueError(f"oscillator and bias must have one value or one for each of {layer.n} neurons, got {shapes}.")
    check_turn(layer, layer.oscillator)


def check_turn(layer, oscillator):
    """ValueError where a step turns m of such an oscillator too far at the layer's largest drive."""
    B = _largest_field(layer, oscillator)
    turn = float(np.max(oscillator.gamma * B)) * layer.dt
    if turn > LARGEST_TURN:
        got = f"{turn:.2g} at |B| = {np.max(B):.2g} T"
        limit = LARGEST_TURN / turn * layer.dt
        raise ValueError(f"dt must turn m by at most {LARGEST_TURN} rad a step, got {got}. Use dt <= {limit:.2g} s.")


def _largest_field(layer, oscillator):
    """The field that turns m at full drive, T: |B_ext| + a, and the hard-axis field that balances the torque,
    a / alpha, but no more than the anisotropy gives: the spread of the eigenvalues of mu_0 Ms N - (2 Ku / Ms) n n.
    """
    a = layer.clip * abs(layer.critical_torque)
    Ms, Ku = np.asarray(oscillator.Ms)[..., None, None], np.asarray(oscillator.Ku)[..., None, None]
    n, demag = np.asarray(oscillator.easy_axis), np.asarray(oscillator.demag)
    tensor = shno.constants.mu_0 * Ms * demag[..., None] * np.eye(3) - 2 * Ku / Ms * n[..., None] * n[..., None, :]
    spread = np.ptp(np.linalg.eigvalsh(tensor), axis=-1)
    return np.linalg.norm(layer.bias.B_ext, axis=-1) + a + np.minimum(a / oscillator.alpha, spread)
