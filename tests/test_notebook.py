"""The notebook runs at reduced size, and what is stored in it is of one whole run."""

import ast
import json
import re
from pathlib import Path

import pytest
from notebook_helpers import code_cells, outputs_of, run_cell, run_notebook

NOTEBOOK = Path(__file__).parent.parent / "examples" / "hybrid.ipynb"


@pytest.fixture(scope="module")
def cells():
    return [cell for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


def stored(cells):
    """All text that the stored cells printed."""
    streams = (output for cell in cells for output in cell["outputs"] if output["output_type"] == "stream")
    return "".join("".join(output["text"]) for output in streams)


def test_the_notebook_runs_from_top_to_bottom(few, monkeypatch):
    from neuromorph import datasets

    monkeypatch.setenv("QUICK", "1")
    monkeypatch.setattr(datasets, "load", lambda name, *, classes: few)
    results = run_notebook(NOTEBOOK)
    text = "".join(printed for printed, _ in results)
    assert "200 training and 80 test images of 2 digits" in text
    assert "first spikes at a drive of" in text and "finite: True" in text
    accuracies = [float(number) for number in re.findall(r"([\d.]+)%", text.split("test accuracy: ")[1])][:2]
    assert min(accuracies) > 80  # of two digits, after four epochs of 180 images
    pictures = [value for _, value in results if hasattr(value, "_repr_png_")]
    assert len(pictures) == 5
    assert all(picture._repr_png_().startswith(b"\x89PNG\r\n") for picture in pictures)


def test_every_cell_was_executed_in_order_without_an_error(cells):
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    kinds = {output["output_type"] for cell in cells for output in cell["outputs"]}
    assert kinds == {"stream", "execute_result"}
    assert len(json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]) > len(cells)


def test_the_notebook_is_small_and_shows_five_pictures(cells):
    assert NOTEBOOK.stat().st_size < 1e6
    data = [output["data"] for cell in cells for output in cell["outputs"] if output["output_type"] == "execute_result"]
    assert sum("image/png" in each for each in data) == 5


def test_what_is_stored_is_the_whole_run_and_tells_what_it_claims(cells):
    text = stored(cells)
    assert "4000 training and 1600 test images of 4 digits" in text
    hybrid, twin = (float(number) for number in re.search(r"hybrid ([\d.]+)%, ReLU twin ([\d.]+)%", text).groups())
    assert hybrid > 98 and abs(hybrid - twin) < 1  # points
    whole, mixed = re.search(r"test accuracy ([\d.]+)%; with the spikes of other images ([\d.]+)%", text).groups()
    assert float(whole) == hybrid
    assert abs(float(mixed) - 25) < 5  # 1,600 images: chance has a standard deviation of 1.1 points


def test_no_path_of_a_machine_is_stored(cells):
    assert not re.search(r"/(tmp|home|root|work|Users)/", json.dumps(cells))


def test_the_notebook_imports_what_it_shows_and_no_notebook():
    roots = set()
    for node in ast.walk(ast.parse("\n".join(code_cells(NOTEBOOK)))):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            roots.add(node.module.split(".")[0])
    assert roots <= {"io", "os", "pathlib", "tempfile", "matplotlib", "torch", "shno", "neuromorph"}


def test_a_cell_gives_what_it_prints_and_its_last_value():
    namespace = {}
    assert run_cell("x = 2\nprint('two')\nx + 1", namespace) == ("two\n", 3)
    assert run_cell("y = x", namespace) == ("", None)
    assert outputs_of("", None, 1) == []
    stream, result = outputs_of("a\nb\n", 3, 7)
    assert stream["text"] == ["a\n", "b\n"]
    assert (result["execution_count"], result["data"]["text/plain"]) == (7, ["3"])
    with pytest.raises(ZeroDivisionError):
        run_cell("1 / 0", namespace)
