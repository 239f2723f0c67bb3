"""The README keeps its word: its Python blocks print what stands beside them, its claims are those that hold."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from validation.__main__ import NAMES, RESULTS, table

README = Path(__file__).parents[1] / "README.md"
TEXT = README.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
CLAIMS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line.endswith("` |")]


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


@pytest.mark.parametrize("row", CLAIMS, ids=lambda row: row[0][:40])
def test_claim_is_measured_again_and_holds(row):
    """Statement, expectation and tolerance to the letter; what was measured moves by rounding, so only its verdict."""
    statement, expected, _, tolerance, command = row
    name = command.strip("`").removeprefix("python -m validation ")
    assert name in NAMES
    claims = import_module(f"validation.{name}").claims(None)
    found = {words[1]: (claim, words) for claim, words in zip(claims, table(claims)[1:], strict=True)}
    claim, words = found[statement]
    assert claim.holds and (words[2], words[5]) == (expected, tolerance)


def test_the_written_table_has_every_claim_and_all_hold():
    lines = RESULTS.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| id ")]
    assert len(CLAIMS) >= 8 and len(rows) > len(CLAIMS)
    assert all(row.endswith("| holds |") for row in rows)
    written = {tuple(cell.strip() for cell in row.strip("|").split("|"))[1:4] for row in rows}
    assert all(tuple(row[:3]) in written for row in CLAIMS)  # the README's numbers are those of the table


def test_the_readme_fits_its_limits():
    lines = TEXT.splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("| claimed"))
    assert len(lines) <= 160 and first <= 45


def test_the_figures_exist_and_are_small():
    figures = re.findall(r"!\[.*?\]\((.*?)\)", TEXT)
    assert len(figures) >= 2
    for figure in figures:
        assert 0 < (README.parent / figure).stat().st_size < 200_000
