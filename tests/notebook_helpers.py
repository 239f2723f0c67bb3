"""Running a notebook without Jupyter: its code cells in order in one namespace, with what they print and show.

`python tests/notebook_helpers.py examples/hybrid.ipynb` runs it and writes the outputs into it.
"""

import ast
import base64
import io
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path


def code_cells(path):
    """The source of each code cell."""
    cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def run_cell(source, namespace):
    """(what the cell prints, the value of its last line where that is an expression, else None)."""
    tree, printed, value = ast.parse(source), io.StringIO(), None
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    with redirect_stdout(printed):
        exec(compile(tree, "<cell>", "exec"), namespace)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), namespace)
    return printed.getvalue(), value


def run_notebook(path):
    """[(printed, value), ...] of the code cells."""
    namespace = {"__name__": "__main__"}
    return [run_cell(source, namespace) for source in code_cells(path)]


def outputs_of(printed, value, count):
    """The outputs of a cell in the notebook's format (version 4)."""
    outputs = []
    if printed:
        outputs.append({"output_type": "stream", "name": "stdout", "text": printed.splitlines(keepends=True)})
    if value is not None:
        data = {"text/plain": [repr(value)]}
        if hasattr(value, "_repr_png_"):
            data["image/png"] = base64.b64encode(value._repr_png_()).decode()
        result = {"output_type": "execute_result", "execution_count": count, "metadata": {}, "data": data}
        outputs.append(result)
    return outputs


def execute(path):
    """Run a notebook and write its outputs into it."""
    path = Path(path)
    notebook, results = json.loads(path.read_text(encoding="utf-8")), run_notebook(path)
    cells = (cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    for count, (cell, (printed, value)) in enumerate(zip(cells, results, strict=True), start=1):
        cell |= {"execution_count": count, "outputs": outputs_of(printed, value, count)}
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    execute(sys.argv[1])
