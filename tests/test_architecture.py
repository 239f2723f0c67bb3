"""The import rules, held by reading the source (`architecture_rules`); planted breaches are seen caught."""

import ast
import subprocess
import sys

import pytest
from architecture_rules import ALLOWED, FORBIDDEN_TO_THE_WITNESS, ROOT, WITNESS, breaches, imports, sources

import neuromorph
import shno


def test_the_source_keeps_the_import_rules():
    modules = sources()
    found = {"shno.fields", "shno.reference", "shno.theory.torque", "neuromorph.neuron", "validation.larmor"}
    assert found <= set(modules)  # the source was found, packages inside packages too
    assert breaches(modules) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("shno.reference", "from shno import llgs"),
        ("shno.reference", "from shno.llgs import torque"),
        ("shno.reference", "def f():\n    from shno.fields import effective_field"),
        ("shno.reference", "from . import solvers"),
        ("shno.reference", "import shno.vector"),
        ("shno.reference_physics", "from shno.anisotropy import cubic_field"),
        ("shno.reference_physics", "from shno.heating import magnetisation_ratio"),
        ("shno.reference_physics", "def f():\n    from shno import thermal"),
        ("shno.theory.thermal", "from shno.thermal import field_deviation"),
        ("shno.theory.thermal", "from .. import fields"),
        ("shno.theory", "from shno.llgs import torque"),
        ("shno.analysis.spectra", "from shno.simulate import simulate"),
        ("shno.analysis.brand_new", "from shno import experiments"),
        ("shno.experiments.maps", "from shno.kernels import lanes"),
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
        ("shno.simulate", "def f():\n    import torch"),
        ("shno.call", "import torch"),
        ("shno.stability", "import llvmlite.ir"),
        ("shno.stability", "from scipy import integrate"),
        ("shno.stability", "from scipy.integrate import solve_ivp"),
        ("shno.simulate", "def f():\n    import h5py"),
        ("shno.simulate", "import argparse"),
        ("shno.trajectory", "import matplotlib.pyplot as plt"),
        ("shno.simulate", "import validation"),
        ("shno.__main__", "from validation import __main__"),
        ("shno.simulate", "from tests import test_vector"),
        ("shno.brand_new", "x = 1"),
        ("shno.brand_new.module", "x = 1"),
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
        ("shno.call", "def f():\n    import torch"),
        ("shno.eager", "import torch"),
        ("shno.reference", "from shno.drive import Drive"),
        ("shno.theory.thermal", "from . import _domain"),
        ("shno.theory.thermal", "from shno.theory.precession import larmor_frequency"),
        ("shno.experiments.maps", "from shno.simulate import simulate"),
        ("shno.__main__", "def f():\n    import validation"),
        ("neuromorph.neuron", "from shno import integrate"),
        ("neuromorph.training", "import shno\nx = shno.hdf5"),
        ("validation.rows", "import matplotlib\nfrom shno.reference import solve"),
    ],
)
def test_what_the_rules_allow_is_not_called_a_breach(module, line):
    assert breaches({module: line}) == []


def reached(module, seen=()):
    """Every room that a room imports, directly or through others."""
    assert module not in seen, (*seen, module)
    return ALLOWED[module].union(*(reached(other, (*seen, module)) for other in ALLOWED[module]))


def test_the_witness_is_kept_from_the_physics_it_witnesses():
    """Also from what it would reach through others."""
    assert FORBIDDEN_TO_THE_WITNESS < set(ALLOWED)
    for module in WITNESS:
        assert not reached(module) & FORBIDDEN_TO_THE_WITNESS


def test_the_rules_have_no_circle():
    for module in ALLOWED:
        assert module not in reached(module)


def test_every_rule_is_used():
    """A room that is gone, or a leave that nobody takes, goes from the rules too."""
    taken = {room: set() for room in ALLOWED}
    for module, source in sources().items():
        package, _, name = module.partition(".")
        if package == "shno" and name != "__main__":
            parts = {each.name.split(".")[1] for each in imports(source, module) if each.name.startswith("shno.")}
            taken[name.split(".")[0]] |= parts
    rooms = {path.stem for path in (ROOT / "shno").glob("*.py")} | {
        path.parent.name for path in (ROOT / "shno").glob("*/*.py")
    }
    assert set(ALLOWED) == rooms - {"__main__"}
    assert {room: sorted(allowed - taken[room]) for room, allowed in ALLOWED.items() if allowed - taken[room]} == {}


def test_no_module_of_a_package_imports_itself_in_a_circle():
    modules = sources()
    graph = {
        module: {each.name.rpartition(".")[0] for each in imports(source, module)} & set(modules)
        for module, source in modules.items()
    }

    def walk(module, seen):
        assert module not in seen, (*seen, module)
        for other in graph[module]:
            walk(other, (*seen, module))

    for module in graph:
        if module.count(".") == 2:
            walk(module, ())


def test_files_are_short():
    for path in [*ROOT.glob("tests/*.py"), *ROOT.glob("examples/*.py")]:
        assert path.read_text(encoding="utf-8").count("\n") <= 300, path.name
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
