import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The project's wheel, freshly built."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", ROOT, "--no-deps", "--no-build-isolation", "-w", folder]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    (file,) = folder.glob("*.whl")
    return file


def test_wheel_holds_every_module_and_nothing_else_at_top_level(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"shno", "neuromorph"}
    for package in ("shno", "neuromorph"):
        modules = {str(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*.py")}
        assert modules | {f"{package}/py.typed"} <= names


def test_wheel_holds_the_data_and_where_it_comes_from(wheel):
    with zipfile.ZipFile(wheel) as archive:
        for path in (ROOT / "data").glob("[!.]*.*"):
            if path.suffix != ".py":  # what the data are made with stays in the repository
                assert archive.read(f"neuromorph/data/{path.name}") == path.read_bytes()


def test_wheel_finds_its_data_when_installed_elsewhere(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    script = "from neuromorph import datasets as d; print(d.data_folder(), len(d.load('digits').train))"
    command = [sys.executable, "-c", script]
    environment = {"PYTHONPATH": str(tmp_path / "installed"), "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert result.stdout.strip() == f"{tmp_path / 'installed' / 'neuromorph' / 'data'} 10000", result.stderr


def test_commands_are_the_packages_main_functions():
    assert PROJECT["scripts"] == {name: f"{name}.__main__:main" for name in ("shno", "neuromorph")}


def test_citation_and_changelog_state_the_version():
    version = PROJECT["version"]
    assert re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.M)[1] == version
    assert re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M)[1] == version


def installed_for(requirements):
    """The names of all packages that these requirements bring to this machine, themselves included."""
    todo, seen = [Requirement(text) for text in requirements], set()
    while todo:
        requirement = todo.pop()
        if (requirement.name, *requirement.extras) in seen:
            continue
        seen.add((requirement.name, *requirement.extras))
        for needed in map(Requirement, requires(requirement.name) or ()):
            extras = requirement.extras or {""}
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                todo.append(needed)
    return {canonicalize_name(name) for name, *_ in seen}


def test_every_package_that_gets_installed_is_pinned():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {canonicalize_name(line.split("==")[0]) for line in lines if "==" in line}
    extras = PROJECT["optional-dependencies"]
    ours = [*PROJECT["dependencies"], *extras["distributed"], *extras["xarray"], *extras["test"]]
    assert installed_for(text for text in ours if "[" not in text) <= pinned
