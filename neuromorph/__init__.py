"""neuromorph: neural networks trained through spin Hall nano-oscillators. Public names load when first used."""

from importlib import import_module

_HOME = {
    "SHNOLayer": "neuron",
    "Rate": "rate",
    "Hybrid": "models",
    "build": "models",
    "FastSigmoid": "surrogate",
    "Arctan": "surrogate",
    "Smooth": "surrogate",
    "as_surrogate": "surrogate",
    "SHNOLeaky": "adapters",
    "Leaky": "lif",
    "PoissonLIF": "lif",
    "encode": "encoding",
    "Traces": "traces",
    "RunningGain": "gain",
    "Bounded": "bounded",
    "ActivityWarning": "activity",
    "Energy": "energy",
    "MemoryReport": "memory",
    "Noise": "noise",
    "Variability": "chips",
    "evaluate_chips": "chips",
    "regime": "regimes",
    "input_range": "regimes",
}
_MODULES = (
    "activity",
    "adapters",
    "bounded",
    "chips",
    "comparison",
    "costs",
    "datasets",
    "encoding",
    "energy",
    "evaluation",
    "events",
    "gain",
    "images",
    "learnable",
    "lif",
    "memory",
    "metrics",
    "models",
    "neuron",
    "noise",
    "plots",
    "prediction",
    "recipes",
    "regimes",
    "report",
    "robustness",
    "runs",
    "stdp",
    "surrogate",
    "traces",
    "training",
)

__all__ = [*_HOME, *_MODULES]


def __getattr__(name):
    """Import the module of a public name on first use (PEP 562)."""
    if name in _HOME:
        value = getattr(import_module(f"neuromorph.{_HOME[name]}"), name)
    elif name in _MODULES:
        value = import_module(f"neuromorph.{name}")
    else:
        raise AttributeError(f"module 'neuromorph' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__():
    """The public names, for completion."""
    return sorted(__all__)
