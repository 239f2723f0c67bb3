"""The import rules and what holds a source to them: `breaches` takes {module: source} and returns a line for each."""

import ast
from pathlib import Path
from typing import NamedTuple

import shno

ROOT = Path(__file__).parent.parent
PACKAGES = ("shno", "neuromorph", "validation")

# Who imports whom inside shno: room (a module, or a package with all its modules) -> the rooms that it may import.
# Every room may import `checks`, and a module of a package the others of its package.
FIRST = {"constants", "vector"}
PHYSICS = {"anisotropy", "fields", "llgs", "heating"}
NOUNS = {"oscillator", "drive"}
ALLOWED = {
    **{room: set() for room in ("__init__", "checks", "command", "constants", "vector")},
    **{
        room: set()
        for room in ("hdf5_parts", "kernel_cache", "lock", "readout", "stored", "sweep_checks", "threads", "waveform")
    },
    "chunk": {"kernel_cache"},
    "origin": {"threads"},
    "hdf5": {"hdf5_parts", "stored"},
    "stream": {"chunk", "hdf5", "lock", "stored"},
    "states": {"stored", "stream", "trajectory"},
    **{room: {"vector"} for room in ("anisotropy", "philox", "solvers")},
    **{room: {"constants"} for room in ("geometry", "oscillator", "theory")},
    **{room: {"waveform"} for room in ("layout", "plan", "sampled")},
    **{room: {"waveform", "sampled"} for room in ("drive", "waveforms")},
    "fields": FIRST | {"anisotropy"},
    "llgs": FIRST | {"fields"},
    "heating": {"vector", "llgs"},
    "thermal": FIRST | {"philox"},
    "local_noise": {"vector", "fields", "llgs", "heating"},
    "noise": {"philox", "waveform", "sampled"},
    "variability": {"oscillator", "philox"},
    "presets": NOUNS,
    "waveform_numbers": {"waveform", "sampled", "waveforms"},
    "trajectory": NOUNS | {"hdf5", "lock", "plan", "sampled", "stored", "waveform_numbers"},
    "parameters": NOUNS | {"fields", "geometry", "heating", "llgs", "waveform"},
    "stability": {"constants", "fields", "llgs", "parameters", "philox", "vector"},
    "start": {"stability"},
    "guard": {"stability", "thermal", "waveform"},
    "call": {"parameters", "plan"},
    "kernel_registers": set(),
    "kernel_lanes": {"kernel_registers"},
    "kernels": {"kernel_lanes", "kernel_registers", "layout", "vector"},
    "kernel_philox": {"kernel_lanes", "kernel_registers", "kernels", "layout", "philox"},
    "kernel_prepared": {"kernel_lanes", "kernel_registers", "layout"},
    "kernel_trajectory": {"heating", "llgs", "local_noise", "parameters", "solvers", "vector", "waveforms"}
    | {"kernel_cache", "kernel_lanes", "kernel_philox", "kernel_prepared", "kernel_registers", "kernels"},
    "compiled": {"kernel_trajectory", "layout", "parameters", "sampled", "threads"},
    "eager": {"fused", "parameters", "philox", "plan", "thermal"},
    "fused": {"heating", "llgs", "local_noise", "philox", "plan", "solvers", "thermal", "vector", "waveform"},
    "kernel_drives": {"kernel_lanes", "kernels", "vector"},
    "kernel_passage": {"kernel_cache", "kernel_drives", "kernel_lanes", "kernel_philox", "kernel_registers", "kernels"}
    | {"llgs", "solvers", "vector"},
    "integrate_checks": {"call", "parameters", "waveform"},
    "adjoint": {"kernel_passage", "layout", "threads"},
    "integrate": {"adjoint", "fused", "integrate_checks", "layout", "parameters", "thermal", "vector"},
    "reference": NOUNS | {"reference_physics"},
    "reference_physics": NOUNS | {"constants"},
    "simulate": {"call", "compiled", "eager", "guard", "parameters", "plan", "reference", "start", "thermal"}
    | {"states", "trajectory"},
    "analysis": {"trajectory"},
    "export": {"analysis", "sweep_result", "trajectory"},
    "info": NOUNS | {"command", "hdf5", "sweep_reading", "sweep_result", "trajectory"},
    "experiments": NOUNS
    | {"analysis", "constants", "llgs", "parameters", "simulate", "stability", "trajectory", "waveforms"},
    "sweep_points": NOUNS | {"waveform_numbers"},
    "sweep_block": {"analysis", "experiments", "guard", "parameters", "plan", "simulate", "start", "sweep_points"},
    "sweep_reading": {"hdf5", "hdf5_parts"},
    "sweep_file": {"hdf5", "sweep_reading"},
    "sweep_result": NOUNS | {"sweep_checks", "sweep_file", "sweep_points", "sweep_reading", "waveform_numbers"},
    "sweep_schedule": {"threads"},
    "sweep": {"call", "simulate", "sweep_block", "sweep_file", "sweep_points", "sweep_reading", "sweep_result"}
    | {"sweep_schedule"},
    "sweep_estimate": {"sweep", "sweep_block"},
    "plots_sweep": {"experiments", "plots", "sweep_points", "sweep_result"},
    "sweep_config": {"presets", "sweep_points"},
    "sweep_command": {
        "command",
        "info",
        "plots",
        "plots_sweep",
        "sweep",
        "sweep_config",
        "sweep_estimate",
        "sweep_result",
    },
    "plots": NOUNS | {"analysis", "sampled", "waveform"},
    "experiment_plots": {"experiments", "plots"},
}
WITNESS = ("reference", "reference_physics")
FORBIDDEN_TO_THE_WITNESS = {
    *("vector", "solvers", "parameters", "stability", "geometry", "philox", "thermal", "local_noise", "theory"),
    *("kernels", "kernel_lanes", "kernel_philox", "kernel_prepared", "kernel_registers", "kernel_trajectory", "layout"),
    *("compiled", "eager", "fused", "plan", "guard", "call"),
    *("adjoint", "kernel_drives", "kernel_passage", "integrate", "integrate_checks", "simulate", "start"),
} | PHYSICS

KERNELS = ("drives", "lanes", "passage", "philox", "registers", "trajectory")

# Who owns which third party: a module that is not listed may not import it, not even inside a function.
OWNERS = {
    "scipy.integrate": {"shno.reference"},
    "dask": {"shno.sweep_schedule"},
    "distributed": {"shno.sweep_schedule"},
    "h5py": {
        f"shno.{name}"
        for name in ("hdf5", "hdf5_parts", "stored", "stream", "sweep_file", "sweep_reading", "sweep_result")
    }
    | {"validation.speed_files"},
    "numba": {f"shno.{name}" for name in ("chunk", "kernels", "kernel_cache", *(f"kernel_{x}" for x in KERNELS))}
    | {"validation.speed_peak", "neuromorph.lif_kernels", "neuromorph.encoding", "neuromorph.intrinsics"}
    | {"neuromorph.sparse_kernels", "neuromorph.sparse_convolution_kernels"},
    "llvmlite": {"neuromorph.intrinsics", *(f"shno.kernel_{x}" for x in ("lanes", "philox", "prepared", "registers"))},
    "matplotlib": {
        *("shno.plots", "shno.plots_sweep", "shno.experiment_plots"),
        *("neuromorph.plots", "neuromorph.prediction_plots", "validation"),
    },
    "argparse": {"shno.command", "shno.__main__", "neuromorph.__main__", "validation"},
    "snntorch": {"neuromorph.adapters", "neuromorph.models", "neuromorph.encoding", "validation.speed_classifiers"},
}
TORCH_IN_SHNO = {"shno.adjoint", "shno.integrate", "shno.integrate_checks", "shno.eager", "shno.fused"}
TORCH_INSIDE_FUNCTIONS = {"shno.call"}  # it asks torch whether a device is there
INTEGRATORS = {
    "integrate",
    "integrate_sequence",
    "simulate",
    "reference",
    "solvers",
    "llgs",
}  # of m: only neuromorph.neuron takes these


class Import(NamedTuple):
    """One imported name: a.b for both `import a.b` (plain) and `from a import b`."""

    name: str
    plain: bool
    inside: bool  # a function


def imports(source, module):
    """Every Import of the source of a module: statements and import_module("a")."""
    found = []

    def visit(node, inside):
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, True, inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = module.rsplit(".", node.level)[0] if node.level else ""
            base = ".".join(filter(None, [above, node.module or ""]))
            found.extend(Import(f"{base}.{alias.name}", False, inside) for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module":
            found.extend(Import(part.value, True, inside) for part in node.args[:1] if isinstance(part, ast.Constant))
        inside = inside or isinstance(node, ast.FunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(ast.parse(source), False)
    return found


def attributes_of_shno(source):
    """The names in `shno.name`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "shno":
            yield node.attr


def within(name, owner):
    """Whether a dotted name is the owner or lies in it."""
    return name == owner or name.startswith(f"{owner}.")


def breaches(modules):
    """Every breach of the rules in {"shno.fields": source, ...}, one line each."""
    found = []
    for module, source in modules.items():
        package, _, name = module.partition(".")
        taken = imports(source, module)
        found += [f"{module} imports {why}" for each in taken for why in _third_parties_and_proof(module, each)]
        if package == "shno":
            found += [f"{module} imports {why}" for why in _inside_shno(module, name, taken)]
        if package == "neuromorph":
            found += [f"{module} imports {why}" for why in _from_outside(name, source, taken)]
    return found


def _third_parties_and_proof(module, taken):
    package, _, name = module.partition(".")
    for library, owners in OWNERS.items():
        if within(taken.name, library) and not any(within(module, owner) for owner in owners):
            yield f"{taken.name}: {library} belongs to {', '.join(sorted(owners))}"
    lazily = module in TORCH_INSIDE_FUNCTIONS and taken.inside
    if within(taken.name, "torch") and package == "shno" and module not in TORCH_IN_SHNO and not lazily:
        owners = "adjoint, integrate, eager and fused, and to call inside its functions"
        yield f"{taken.name}: torch in shno belongs to {owners}"
    if within(taken.name, "tests"):
        yield f"{taken.name}: nothing imports the tests"
    if within(taken.name, "validation") and package != "validation" and not (name == "__main__" and taken.inside):
        yield f"{taken.name}: only a command line starts it, lazily"


def _inside_shno(module, name, taken):
    room = name.split(".")[0]
    for each in taken:
        if within(each.name, "neuromorph"):
            yield f"{each.name}: shno never does"
        elif each.name == "shno" and name != "__main__":
            yield "shno: the package hides which module a name comes from"
        elif within(each.name, "shno") and room in ALLOWED:
            part = each.name.split(".")[1]
            if part not in {*ALLOWED[room], "checks", "__version__"} | ({room} if "." in name else set()):
                yield f"{each.name}: allowed are {', '.join(sorted(ALLOWED[room])) or 'none of ours'}"
    if room not in ALLOWED and name != "__main__":
        yield "by no rule: give this room its line in ALLOWED"


def _from_outside(name, source, taken):
    ours = [each for each in taken if within(each.name, "shno") and each.name != "shno"]
    for each in ours:
        if each.plain or each.name.count(".") > 1:
            yield f"{each.name}: shno is seen through its public names, `from shno import X`"
    for used in {*(each.name.split(".")[1] for each in ours), *attributes_of_shno(source)}:
        if used not in shno.__all__:
            yield f"shno.{used}: not a public name of shno"
        elif used in INTEGRATORS and name != "neuron":
            yield f"shno.{used}: only neuron integrates magnetisation"


def sources():
    """{dotted name: source} of every module of the packages."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text(encoding="utf-8")
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    }
