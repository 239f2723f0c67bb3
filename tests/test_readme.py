"""The README's Python blocks run, in order, and print what stands beside them after `# ->`."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)


def promised(block):
    """What a block says it prints."""
    return [line.split("# ->")[1].strip() for line in block.splitlines() if "# ->" in line]


def test_there_are_blocks_that_promise_something():
    assert BLOCKS and all(promised(block) for block in BLOCKS)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_block_prints_what_stands_beside_it(block, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(compile(block, str(README), "exec"), {})
    assert capsys.readouterr().out.splitlines() == promised(block)


def test_readme_fits_its_limits():
    lines = README.read_text().splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("| claimed"))
    assert len(lines) <= 160 and first <= 45


def test_figures_of_the_readme_exist_and_are_small():
    figures = re.findall(r"!\[.*?\]\((.*?)\)", README.read_text())
    assert figures
    for figure in figures:
        assert 0 < (README.parent / figure).stat().st_size < 200_000
