"""Each example runs, at reduced size, writes its figures where it is told to, and reads like one."""

import ast
import runpy
import sys
from pathlib import Path

import pytest
from matplotlib.image import imread

EXAMPLES = Path(__file__).parent.parent / "examples"
FIGURES = {
    "f_and_linewidth": ["f_and_linewidth.png"],
    "hysteresis_and_fmr": ["fmr.png", "hysteresis.png"],
    "injection_locking": ["injection_locking.png"],
    "spectral_map": ["spectral_map.png"],
}
PRINTED = {  # of the numbers that do not depend on the size
    "f_and_linewidth": "0.231 mA",  # 1.9 times the threshold
    "hysteresis_and_fmr": "11.145 GHz at 150 mT",
    "injection_locking": "free-running 12.43",
    "spectral_map": "",
}


def test_every_example_is_tested():
    assert sorted(path.stem for path in EXAMPLES.glob("*.py")) == sorted(FIGURES)


@pytest.mark.parametrize("name", FIGURES)
def test_example_runs_and_draws(name, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--quick", "--out", str(tmp_path)])
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    assert sorted(path.name for path in tmp_path.iterdir()) == FIGURES[name]
    for figure in FIGURES[name]:
        assert (tmp_path / figure).stat().st_size < 200_000
        assert imread(tmp_path / figure)[..., :3].std() > 0.02
    assert PRINTED[name] in capsys.readouterr().out


@pytest.mark.parametrize("name", FIGURES)
def test_example_is_short_and_imports_only_what_it_shows(name):
    source = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    assert source.count("\n") <= 40
    roots = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            roots.add(node.module.split(".")[0])
    assert roots <= {"argparse", "dataclasses", "pathlib", "numpy", "shno"}
