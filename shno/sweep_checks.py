"""Whether the parts of a sweep from a file fit together: nothing that reads them on need doubt it."""

import math

import numpy as np

MODES = ("grid", "points")


def check_sweep(sweep):
    """ValueError unless axes, dimensions, scales and settings of a Sweep are those that a sweep can have."""
    if sweep.mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}, got {sweep.mode!r}")
    for name, values in sweep.axes.items():
        if values.dtype.kind not in "fiu" or values.ndim < 1 or not values.size or not np.isfinite(values).all():
            raise ValueError(f"axis {name} must hold finite numbers, one or more")
    lengths = [len(values) for values in sweep.axes.values()]
    if not lengths or (sweep.mode == "points" and len(set(lengths)) > 1):
        raise ValueError(f"axes must be one or more, of one length in a list of points, got lengths {lengths}")
    leading = tuple(zip(sweep.axes, lengths, strict=True)) if sweep.mode == "grid" else (("point", lengths[0]),)
    leading += (("realisation", sweep.realisations),) if sweep.realisations > 1 else ()
    for name, values in sweep.values.items():
        _check_labels(name, values.shape, sweep.dimensions[name], leading, sweep.scales)
    _check_settings(sweep.settings)


def _check_labels(name, shape, dimensions, leading, scales):
    """ValueError unless an array is over its leading axes, (name, length) each, and scales of the lengths it has."""
    known = {each: len(values) for each, values in scales.items() if np.ndim(values) == 1} | {"component": 3}
    expected = [*leading, *((each, known.get(each)) for each in dimensions[len(leading) :])]
    if list(zip(dimensions, shape, strict=True)) != expected or len(set(dimensions)) < len(dimensions):
        got = " x ".join(f"{each} {n}" for each, n in zip(dimensions, shape, strict=True))
        raise ValueError(f"{name} must be over {', '.join(each for each, _ in leading)} and named scales, got {got}")


def _check_settings(settings):
    """ValueError unless they are a dict with the numbers that every sweep has."""
    if not isinstance(settings, dict):
        raise ValueError(f"settings must be a table, got a {type(settings).__name__}")
    for name in ("duration", "dt", "temperature"):
        value = settings.get(name)
        if not isinstance(value, float | int) or not 0 <= value <= 1e60 or not math.isfinite(value):
            raise ValueError(f"setting {name} must be a finite number, got {value!r:.60}")
