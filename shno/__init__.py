"""shno: spin Hall nano-oscillators, simulated. Public names load when first used: `import shno` is instant."""

import sys
from importlib import import_module
from types import ModuleType

__version__ = "0.1.0"

_HOME = {
    "Oscillator": "oscillator",
    "Drive": "drive",
    **dict.fromkeys(("Chirp", "Constant", "Function", "Product", "Pulse", "Ramp", "Sampled"), "waveforms"),
    **dict.fromkeys(("Sine", "Step", "Sum", "Tabulated"), "waveforms"),
    "Waveform": "waveform",
    "Trajectory": "trajectory",
    "load": "trajectory",
    "simulate": "simulate",
    "resume": "simulate",
    "sweep": "sweep",
    "load_sweep": "sweep_result",
    "Sweep": "sweep_result",
    "integrate": "integrate",
    "integrate_sequence": "integrate",
    "parameters": "parameters",
    "batch_shape": "parameters",
    "preset": "presets",
    "operating_point": "presets",
    "equilibrium": "stability",
    "eigenvalues": "stability",
    "critical_torque": "stability",
    "sample": "variability",
    "IntegrationError": "checks",
}
_MODULES = (
    "analysis",
    "command",
    "constants",
    "experiment_plots",
    "experiments",
    "fields",
    "geometry",
    "hdf5",
    "heating",
    "kernel_cache",
    "kernel_philox",
    "llgs",
    "noise",
    "origin",
    "philox",
    "plots",
    "plots_sweep",
    "readout",
    "reference",
    "solvers",
    "stability",
    "theory",
    "thermal",
    "threads",
    "variability",
    "vector",
    "waveforms",
)

__all__ = [*_HOME, *_MODULES, "__version__"]


def __getattr__(name):
    """Import the module of a public name on first use (PEP 562)."""
    if name in _HOME:
        value = getattr(import_module(f"shno.{_HOME[name]}"), name)
    elif name in _MODULES:
        value = import_module(f"shno.{name}")
    else:
        raise AttributeError(f"module 'shno' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__():
    """The public names, for completion."""
    return sorted(__all__)


class _Package(ModuleType):
    """Keeps a public function's name (`shno.simulate`) when the import system binds the submodule of the same name."""

    def __setattr__(self, name, value):
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
