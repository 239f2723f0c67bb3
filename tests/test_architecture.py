"""The import rules, held by reading the source. `breaches` takes {module: source}: a planted breach is seen caught."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import neuromorph
import shno

ROOT = Path(__file__).parent.parent
PACKAGES = ("shno", "neuromorph", "validation")

# Who imports whom inside shno: module -> the shno modules it may import. `checks` may be imported by every module.
FIRST = {"constants", "vector"}
PHYSICS = {"fields", "llgs"}
NOUNS = {"oscillator", "drive"}
ALLOWED = {
    "checks": set(),
    "constants": set(),
    "vector": set(),
    "hdf5": set(),
    "kernel_cache": set(),
    "command": set(),
    "solvers": {"vector"},
    "fields": FIRST,
    "llgs": FIRST | {"fields"},
    "theory": FIRST,
    "oscillator": {"constants"},
    "drive": {"constants"},
    "presets": NOUNS,
    "trajectory": NOUNS | {"hdf5"},
    "parameters": NOUNS | PHYSICS,
    "kernels": {"vector", "solvers", "kernel_cache"} | PHYSICS,
    "adjoint": {"vector", "solvers", "kernel_cache", "kernels", "parameters"} | PHYSICS,
    "integrate": {"vector", "solvers", "kernels", "adjoint", "parameters"} | PHYSICS,
    "stability": {"vector", "parameters"} | NOUNS | PHYSICS,
    "reference": {"constants", "trajectory"} | NOUNS,
    "simulate": {*FIRST, *NOUNS, *PHYSICS, "solvers", "kernels", "parameters", "stability", "reference", "trajectory"},
    "analysis": {"trajectory"},
    "plots": {"trajectory", "analysis"} | NOUNS,
    "__init__": set(),
}
FORBIDDEN_TO_THE_WITNESS = {"fields", "llgs", "solvers", "kernels", "parameters", "stability", "vector"}

# Who owns which third party: a module that is not listed may not import it, not even inside a function.
OWNERS = {
    "scipy.integrate": {"shno.reference"},
    "h5py": {"shno.hdf5"},
    "numba": {"shno.kernels", "shno.kernel_cache", "shno.adjoint"},
    "matplotlib": {"shno.plots", "neuromorph.plots", "validation"},
    "argparse": {"shno.command", "shno.__main__", "neuromorph.__main__", "validation"},
    "snntorch": {"neuromorph.adapters", "neuromorph.models", "neuromorph.encoding"},
}
TORCH_IN_SHNO = {"shno.adjoint", "shno.integrate"}
TORCH_INSIDE_FUNCTIONS = {"shno.simulate"}
INTEGRATORS = {"integrate", "simulate", "reference", "solvers", "llgs"}  # of m: only neuromorph.neuron takes these


class Import(NamedTuple):
    """One imported name: a.b for both `import a.b` (plain) and `from a import b`."""

    name: str
    plain: bool
    inside: bool  # a function


def imports(source, package):
    """Every Import of a source: statements and import_module("a")."""
    found = []

    def visit(node, inside):
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, True, inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(filter(None, [package if node.level else "", node.module or ""]))
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
        taken = imports(source, package)
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
        yield f"{taken.name}: torch in shno belongs to adjoint and integrate, and to simulate inside its functions"
    if within(taken.name, "tests"):
        yield f"{taken.name}: nothing imports the tests"
    if within(taken.name, "validation") and package != "validation" and not (name == "__main__" and taken.inside):
        yield f"{taken.name}: only a command line starts it, lazily"


def _inside_shno(module, name, taken):
    for each in taken:
        if within(each.name, "neuromorph"):
            yield f"{each.name}: shno never does"
        elif each.name == "shno" and name != "__main__":
            yield "shno: the package hides which module a name comes from"
        elif within(each.name, "shno") and name in ALLOWED:
            part = each.name.split(".")[1]
            if part not in {*ALLOWED[name], "checks", "__version__"}:
                yield f"{each.name}: allowed are {', '.join(sorted(ALLOWED[name])) or 'none of ours'}"
    if name not in ALLOWED and name != "__main__":
        yield "by no rule: give this module its line in ALLOWED"


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


def test_the_source_keeps_the_import_rules():
    modules = sources()
    assert {"shno.fields", "shno.reference", "neuromorph.neuron"} <= set(modules)  # the source was found
    assert breaches(modules) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("shno.reference", "from shno import llgs"),
        ("shno.reference", "from shno.llgs import torque"),
        ("shno.reference", "def f():\n    from shno.fields import effective_field"),
        ("shno.reference", "from . import solvers"),
        ("shno.reference", "import shno.vector"),
        ("shno.reference", "import shno"),
        ("shno.reference", "from importlib import import_module\nx = import_module('shno.kernels')"),
        ("shno.fields", "from shno.oscillator import Oscillator"),
        ("shno.vector", "from shno import constants"),
        ("shno.hdf5", "from shno.trajectory import Trajectory"),
        ("shno.kernels", "from shno.adjoint import integrate"),
        ("shno.constants", "from neuromorph import SHNOLayer"),
        ("shno.fields", "import numba"),
        ("shno.kernels", "def f():\n    import torch"),
        ("shno.simulate", "import torch"),
        ("shno.stability", "from scipy import integrate"),
        ("shno.stability", "from scipy.integrate import solve_ivp"),
        ("shno.simulate", "def f():\n    import h5py"),
        ("shno.simulate", "import argparse"),
        ("shno.trajectory", "import matplotlib.pyplot as plt"),
        ("shno.simulate", "import validation"),
        ("shno.__main__", "from validation import __main__"),
        ("shno.simulate", "from tests import test_vector"),
        ("shno.brand_new", "x = 1"),
        ("neuromorph.neuron", "from shno.llgs import torque"),
        ("neuromorph.neuron", "import shno.stability"),
        ("neuromorph.neuron", "from shno import kernels"),
        ("neuromorph.neuron", "import shno\nx = shno.parameters_of"),
        ("neuromorph.models", "import shno\nx = shno.simulate"),
        ("neuromorph.training", "from shno import integrate"),
        ("neuromorph.training", "import argparse"),
        ("neuromorph.models", "import numba"),
    ],
)
def test_a_planted_breach_is_caught(module, line):
    path = (ROOT / module.replace(".", "/")).with_suffix(".py")
    source = path.read_text(encoding="utf-8") if path.exists() else ""
    caught = breaches({module: f"{line}\n{source}"})
    assert caught
    assert all(each.startswith(f"{module} imports ") for each in caught)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("shno.simulate", "def f():\n    import torch"),
        ("shno.reference", "from shno.trajectory import Trajectory"),
        ("shno.__main__", "def f():\n    import validation"),
        ("neuromorph.neuron", "from shno import integrate"),
        ("neuromorph.training", "import shno\nx = shno.hdf5"),
        ("validation.rows", "import matplotlib\nfrom shno.reference import solve"),
    ],
)
def test_what_the_rules_allow_is_not_called_a_breach(module, line):
    assert breaches({module: line}) == []


def test_the_witness_is_kept_from_the_physics_it_witnesses():
    assert not ALLOWED["reference"] & FORBIDDEN_TO_THE_WITNESS


def test_the_rules_have_no_circle():
    def reach(module, seen=()):
        assert module not in seen, (*seen, module)
        for other in ALLOWED[module]:
            reach(other, (*seen, module))

    for module in ALLOWED:
        reach(module)


def test_files_are_short():
    for module, source in sources().items():
        assert source.count("\n") <= 300, module


def test_functions_are_short():
    """At most 40 lines below the docstring."""
    for module, source in sources().items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and not module.startswith("validation"):
                body = node.body[1 if ast.get_docstring(node) is not None else 0 :]
                assert not body or node.end_lineno - body[0].lineno < 40, f"{module}.{node.name}"


def test_only_command_lines_print():
    for module, source in sources().items():
        calls = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
        printing = any(isinstance(call, ast.Name) and call.id == "print" for call in calls)
        assert not printing or module.endswith(("__main__", ".command")), module


def output_of(script):
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_importing_the_packages_loads_nothing_heavy():
    loaded = set(output_of("import sys, shno, neuromorph; print(*sys.modules)").split())
    assert not {"torch", "numba", "scipy", "matplotlib", "h5py"} & loaded


def test_importing_a_module_of_a_function_s_name_leaves_the_function():
    script = "import sys, shno.parameters, shno.simulate; from types import FunctionType; from shno import simulate;"
    script += "print(isinstance(shno.simulate, FunctionType), isinstance(shno.parameters, FunctionType),"
    script += "simulate is shno.simulate is sys.modules['shno.simulate'].simulate)"
    assert output_of(script).split() == ["True"] * 3


def test_every_public_name_resolves_and_is_listed_once():
    for package in (shno, neuromorph):
        assert len(set(package.__all__)) == len(package.__all__)
        for name in package.__all__:
            assert getattr(package, name) is not None
        assert set(package.__all__) <= set(dir(package))


def test_a_name_that_is_not_public_is_an_attribute_error():
    for package in (shno, neuromorph):
        with pytest.raises(AttributeError, match="no attribute 'absent'"):
            _ = package.absent
