"""What `integrate` and `integrate_sequence` are given, checked at the door and made into tensors."""

import numpy as np
import torch

from shno.call import SEED, checked_realisation, realisations
from shno.checks import (
    IntegrationError,
    as_array,
    as_integers,
    as_number,
    as_whole,
    check_choice,
    check_values,
    common_shape,
    complaint,
    shown,
)
from shno.parameters import TRAILING_AXES, batch_shape, check_parameters
from shno.waveform import Waveform

LARGEST_NORM_ERROR = 2e-4  # of |m|^2 before projection: 1e-4 of |m|
MOST_STEPS = 1 << 24  # the kernels count in the precision of m
LAST_FIRST_STEP = 1 << 60  # of the noise: three normals a step are numbered with 63 bits
EXECUTORS = ("auto", "compiled", "torch")


def check_tensor(m):
    """TypeError unless m is a tensor, ValueError unless it is one of vectors in a precision that is integrated."""
    if not isinstance(m, torch.Tensor):
        raise TypeError(complaint("m", "a tensor", shown(m), "torch.as_tensor makes one of an array."))
    if m.shape[-1:] != (3,) or m.dtype not in (torch.float32, torch.float64) or m.numel() == 0 or m.is_meta:
        got = f"{m.dtype} {tuple(m.shape)}"
        raise ValueError(complaint("m", "float32 or float64 of shape (..., 3)", got, "xyz is the last axis."))


def checked_numbers(m, dt, n_steps, component, threshold, rearm, executor):
    """dt, n_steps, threshold and rearm as numbers; TypeError, ValueError for these, component and executor."""
    dt = as_number("dt", dt, "in [1e-20, 1e-3] s", lambda x: (x >= 1e-20) & (x <= 1e-3), "About 1e-12 s is usual.")
    n_steps = as_whole("n_steps", n_steps, 1, MOST_STEPS, "A longer passage is several calls, each from m_end.")
    as_whole("component", component, 0, 2, "It is x, y or z.")
    rule, remedy = "in [-2, 2]", "It is a component of a unit vector."
    threshold = as_number("threshold", threshold, rule, lambda x: np.abs(x) <= 2, remedy)
    rule = f"in [-2, threshold = {threshold:.6g}]"
    rearm = as_number("rearm", rearm, rule, lambda x: (x >= -2) & (x <= threshold), "m re-arms below the threshold.")
    check_choice("executor", executor, EXECUTORS)
    if executor == "compiled" and m.device.type != "cpu":
        raise ValueError(complaint("executor", "'torch' off the CPU", f"compiled on {m.device.type}", "Or 'auto'."))
    return dt, n_steps, threshold, rearm


def checked_draws(seed, realisation, first_step, noisy):
    """seed, realisation and first_step as they number the draws; TypeError, ValueError."""
    first_step = as_whole("first_step", first_step, 0, LAST_FIRST_STEP, "It is the number of the first draw.")
    if isinstance(realisation, torch.Tensor) and not realisation.is_meta:
        realisation = realisation.cpu()
    realisation = checked_realisation(realisation)
    if seed is not None:
        seed = int(as_integers("seed", seed, 64, "The same seed repeats the noise.", single=True))
    if noisy and seed is None:
        raise ValueError(complaint("seed", SEED, None, "The same seed repeats the noise."))
    if not noisy and seed is not None:
        raise ValueError(complaint("seed", "None without a deviation", seed, "Nothing is drawn without one."))
    return seed, realisation, first_step


def checked_deviation(deviation, values, m):
    """deviation as a tensor without a gradient, or None; TypeError, ValueError, also where no field can have it."""
    if deviation is None:
        return None
    deviation = as_tensor("deviation", deviation, m).detach()
    rule, remedy = "finite and >= 0", "It is that of a field in T."
    check_values("deviation", deviation.cpu().numpy(), rule, lambda x: np.isfinite(x) & (x >= 0), remedy)
    if values["Q_nl"] is not None:
        remedy = "Noise that follows alpha(m) is in simulate alone."
        raise ValueError(complaint("Q_nl of parameters", "None where a deviation is given", "a number", remedy))
    return deviation


def numbered_noise(seed, realisation, first_step, deviation, batch, device):
    """The noise as a passage takes it: (seed, realisations, deviation, first step) over the batch, or None."""
    if deviation is None:
        return None
    places = np.array(realisations(realisation, batch))  # a copy: a read-only array makes torch warn
    return seed, torch.as_tensor(places, device=device).reshape(batch), deviation.expand(batch), first_step


def checked_batch(values, m, armed):
    """The batch shape of the call; TypeError, ValueError where it has none."""
    if armed is not None and (not isinstance(armed, torch.Tensor) or armed.dtype != torch.bool):
        raise TypeError(complaint("armed", "a tensor of bool or None", shown(armed), "A Passage holds one."))
    batch = batch_shape(values | {"m": m})
    if 0 in batch:
        name = "batch of m, a_DL, parameters, deviation and realisation"
        raise ValueError(complaint(name, "not empty", f"shape {batch}", "Give numbers."))
    if armed is not None and common_shape({"armed": tuple(armed.shape), "m, a_DL and parameters": batch}) != batch:
        raise ValueError(complaint("armed", f"of the batch's shape {batch}", tuple(armed.shape), "One an oscillator."))
    return batch


def check_path(path, error, n_steps, dt):
    """IntegrationError where a state is not finite or the norm moved too far before projection."""
    if bool((error > LARGEST_NORM_ERROR).any()):  # first: what turns too far does not stay finite
        worst = f"| |m| - 1 | reached {float(error.max()) / 2:.2g} within {n_steps} steps of {dt:.3g} s"
        raise IntegrationError(f"{worst}: m turns too far in one. Use dt <= {dt / 2:.3g} s.")
    if not bool(path.sum().isfinite()):  # of unit vectors; NaN and infinity stay in a sum
        raise IntegrationError(
            f"m is not finite after {n_steps} steps. Look for NaN or infinity in m, a_DL and parameters."
        )


def as_values(parameters, a_DL, m):
    """The parameters at this torque, a tensor, and at the current that makes it where an Oersted field follows it."""
    check_parameters(parameters)
    values = {name: as_tensors(name, value, m) for name, value in parameters.items() if name not in ("a_DL", "J")}
    has_current = parameters.get("J") is not None
    return values | {"a_DL": a_DL, "J": a_DL / values["torque_per_J"] if has_current else None}


def as_tensors(name, value, like):
    """A parameter as a tensor, or as a tuple of them for its components or the further axes; None is kept."""
    if isinstance(value, Waveform):
        remedy = "Call it once for each held value."
        raise ValueError(complaint("parameters", "held", f"a {type(value).__name__}", remedy))
    if value is None:
        return None
    own, full_name = {1: (3,), 2: (2, 3)}.get(TRAILING_AXES.get(name), ()), f"{name} of parameters"
    if name == "further":
        if not isinstance(value, tuple) or any(not isinstance(axis, tuple) or len(axis) != 3 for axis in value):
            raise TypeError(complaint(full_name, "a tuple of (Ku, Ku2, axis)", shown(value), "See shno.parameters."))
        return tuple(tuple(map(as_tensors, ("Ku", "Ku2", "easy_axis"), axis, (like,) * 3)) for axis in value)
    if own == (3,) and isinstance(value, tuple) and len(value) == 3:
        return tuple(as_tensor(full_name, part, like) for part in value)
    tensor = as_tensor(full_name, value, like)
    if own and tensor.shape[-len(own) :] != own:
        rule = f"of shape {(..., *own)}".replace("Ellipsis", "...")
        raise ValueError(complaint(full_name, rule, f"shape {tuple(tensor.shape)}", "xyz is the last axis."))
    return tensor


def as_tensor(name, value, like):
    """Numbers or an array as a tensor on the device and in the precision of `like`; gradients are kept."""
    if not isinstance(value, torch.Tensor):
        value = np.array(as_array(name, value))  # a copy: a read-only array makes torch warn
    elif value.is_complex() or value.dtype == torch.bool or value.is_meta:
        raise TypeError(complaint(name, "real numbers", shown(value), "SI units are expected."))
    return torch.as_tensor(value, dtype=like.dtype, device=like.device)


def checked_sequence(a_DL, m):
    """The held torques (drives, ...) as a tensor; TypeError, ValueError."""
    a_DL = as_tensor("a_DL", a_DL, m)
    if a_DL.dim() == 0 or len(a_DL) == 0:
        rule = "of shape (drives, *batch), one drive or more"
        raise ValueError(complaint("a_DL", rule, f"shape {tuple(a_DL.shape)}", "integrate takes a single one."))
    return a_DL


def checked_reset(rest, reset_fraction, detach_reset, m):
    """rest as a tensor, or m itself where nothing is reset; the fraction; detach_reset; TypeError, ValueError."""
    if not isinstance(detach_reset, bool):
        raise TypeError(complaint("detach_reset", "True or False", shown(detach_reset), "False keeps the gradient."))
    rule, remedy = "in [0, 1]", "1 turns m all the way to rest, 0 not at all."
    fraction = as_number("reset_fraction", reset_fraction, rule, lambda x: (x >= 0) & (x <= 1), remedy)
    if rest is None and fraction:
        raise ValueError(complaint("rest", "given with a reset_fraction", None, "shno.equilibrium finds it."))
    if rest is None:
        return m.detach(), fraction, detach_reset
    rest = as_tensor("rest", rest, m)
    if rest.shape[-1:] != (3,) or not bool(((rest.detach().norm(dim=-1) - 1).abs() < 1e-3).all()):
        raise ValueError(complaint("rest", "unit vectors (..., 3)", shown(rest), "shno.equilibrium gives them."))
    return rest.detach(), fraction, detach_reset


def checked_refractory(refractory, refractory_factor, remaining, batch, m):
    """refractory, its factor, and the weakened drives that remain as a tensor; TypeError, ValueError."""
    refractory = as_whole("refractory", refractory, 0, MOST_STEPS, "It counts held drives.")
    rule, remedy = "in [-1, 1]", "0 switches the drive off, -1 reverses it."
    factor = as_number("refractory_factor", refractory_factor, rule, lambda x: np.abs(x) <= 1, remedy)
    if remaining is None:
        return refractory, factor, torch.zeros(batch, dtype=torch.int64, device=m.device)
    if not isinstance(remaining, torch.Tensor) or remaining.is_floating_point() or remaining.is_complex():
        raise TypeError(complaint("remaining", "a tensor of whole numbers", shown(remaining), "A Sequence holds one."))
    common_shape({"remaining": tuple(remaining.shape), "the batch": batch})
    return refractory, factor, remaining.expand(batch)
