"""Whatever it is given, a public function returns, or raises a short error that names one of its parameters.

The values are wrong kinds, NaN, infinities, the largest and the smallest numbers, and arrays of odd shapes.
"""

import inspect
import resource
import sys
from contextlib import contextmanager

import pytest
from fuzz_calls import TABLE
from fuzz_experiments import EXPERIMENTS, FIGURES, ODD_RUNS, OF_A_DEVICE
from fuzz_helpers import replacements
from fuzz_sweeps import SWEEPS
from hypothesis import HealthCheck, given, settings

import shno

CALLS = {each.name: each for each in (*TABLE, *EXPERIMENTS, *FIGURES, *ODD_RUNS, *OF_A_DEVICE, *SWEEPS)}
SLOW = {each.name for each in (*EXPERIMENTS, *FIGURES, *OF_A_DEVICE, *SWEEPS)}  # 0.02 to 0.2 s a call
SLOWEST = {"plots.plot", "plots.plot of any run", "plots.plot of any states", "simulate compiled"}  # 0.5 s, or compiled
MEMORY = 2 << 30  # bytes: more than a call of a few numbers needs
EQUATIONS = "equations of the right-hand side or of its noise, which are inlined into kernels and check nothing"
EXEMPT_MODULES = {
    **dict.fromkeys(("fields", "heating", "llgs", "solvers", "thermal", "vector"), EQUATIONS),
    "command": "the command line",
    **dict.fromkeys(("kernel_cache", "kernel_philox", "threads"), "what compiled kernels are made with"),
    "origin": "takes nothing: the names of this machine and of this source",
    "hdf5": "the files of Trajectory.save and load, which check what they hand over",
}
WORDS = ("as_real", "box_muller", "cos_sin", "normals", "philox", "place", "radius", "split")
EXEMPT = {
    **dict.fromkeys((f"philox.{name}" for name in WORDS), EQUATIONS),
    **dict.fromkeys(
        ("stability.descend", "stability.turning_field"),
        "parts of equilibrium and simulate",
    ),
    "IntegrationError": "raised, not called",
    "Sweep": "what a sweep gives back: called as 'Sweep.save' and in the figures",
    "Trajectory": "called as 'save a run' and in every analysis 'of any run'",
    "Waveform": "what the waveforms have in common, not called",
}


def examples(name):
    """How many examples of a call are tried."""
    return 3 if name in SLOWEST else 10 if name in SLOW else 25


def public(module, prefix):
    """Names of the functions and classes that a module lists or, without a list, defines; results are not called."""
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
    values = {name: getattr(module, name) for name in getattr(module, "__all__", own) if not name.startswith("_")}
    results = {name for name, value in values.items() if isinstance(value, type) and issubclass(value, tuple)}
    return {f"{prefix}{name}" for name, value in values.items() if callable(value) and name not in results}


@contextmanager
def little_memory():
    """MemoryError for whoever takes gigabytes here, on Linux."""
    if sys.platform != "linux":
        yield
        return
    with open("/proc/self/statm", encoding="ascii") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def test_every_public_function_is_called_or_exempt():
    modules = {name: getattr(shno, name) for name in shno.__all__ if inspect.ismodule(getattr(shno, name))}
    names = public(shno, "").union(*(public(modules[name], f"{name}.") for name in modules.keys() - EXEMPT_MODULES))
    called = {name.partition(" ")[0] for name in CALLS}
    missing = {name for name in names if not {name, name.rpartition(".")[2]} & called}
    assert len(names) > 150
    assert missing == set(EXEMPT)


@pytest.mark.parametrize("name", CALLS)
def test_a_valid_call_works(name, folder):
    CALLS[name].check({})


@pytest.mark.parametrize("name", [name for name, each in CALLS.items() if each.keywords])
def test_a_hostile_value_serves_or_is_refused_by_name(name, folder):
    call = CALLS[name]

    @settings(max_examples=examples(name), derandomize=True, database=None, deadline=None,
              suppress_health_check=[HealthCheck.too_slow])  # fmt: skip
    @given(replacements(call.keywords))
    def holds(replaced):
        with little_memory():
            call.check(replaced)

    holds()
