"""Which modules of claims there are, read without importing them: every file beside this one that defines `claims`.

A module defines
    ROWS                  ids of the table of closed forms that it proves, ("D1", "D15"); () for a claim of another kind
    claims(figures)       its claims, those that a minute's run of all modules measures; draws into the folder `figures`
                          unless that is None
    full_claims(figures)  optional: its statistical and long claims, measured with --full
    ALONE                 optional: True for claims that need the machine for themselves, measured when named only;
                          with ROWS, it has claims(figures, rows), which measures these alone, or all for None
The id of a claim is its row with or without a letter: T5, T5a.
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
ORDER = "DTLNIS"  # of the rows' letters; modules without rows come last, by name
CLAIM = re.compile(r"([A-Z]+\d+)[a-z]?")


@dataclass(frozen=True)
class Module:
    """A module of claims: its name, the rows it proves, the first line of its docstring, whether it has long claims,
    and whether it is measured only when it is named.
    """

    name: str
    rows: tuple
    summary: str
    has_full: bool
    alone: bool = False

    @property
    def place(self):
        """What it is sorted by: its first row, then its name."""
        row = next(iter(self.rows), None)
        return (ORDER.find(row[0]), int(row[1:]), self.name) if row else (len(ORDER), 0, self.name)


def modules():
    """All modules by name, {name: Module}, in the order of their first rows."""
    found = [_read(path) for path in FOLDER.glob("*.py") if "\ndef claims(" in path.read_text(encoding="utf-8")]
    return {module.name: module for module in sorted(found, key=lambda module: module.place)}


def row_of(claim_id):
    """The row that the claim of this id belongs to, "T5" for "T5" and "T5a"; None for an id of another form."""
    match = CLAIM.fullmatch(claim_id)
    return match and match[1]


def _read(path):
    """The Module in a file; one that does not parse has no rows, and is found broken when it is measured."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        return Module(path.stem, (), f"cannot be read: {error}", False)
    values = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    rows = ast.literal_eval(values["ROWS"]) if "ROWS" in values else ()
    has_full = any(isinstance(node, ast.FunctionDef) and node.name == "full_claims" for node in tree.body)
    alone = "ALONE" in values and bool(ast.literal_eval(values["ALONE"]))
    return Module(path.stem, rows, ast.get_docstring(tree).splitlines()[0], has_full, alone)
