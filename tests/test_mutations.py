import os
from dataclasses import replace

import pytest

from validation import catalogue, mutations
from validation.mutations import MUTATIONS, ROOT, Mutation

HOLDS = "langevin: N2: ...\nid  claim\nN1a  a field  1  holds\nN2a  a mean  1  holds\n\n2 of 2 hold\n"
N2_BROKEN = HOLDS.replace("N2a  a mean  1  holds", "N2a  a mean  1  BROKEN")
REFUSED = "langevin: N2: ...\nlangevin  cannot be measured: ImportError: no magnet  -  nan  BROKEN\n\n0 of 1 hold\n"


@pytest.fixture
def printing(monkeypatch):
    """A function that puts a text in the place of what every copy prints: (with the mistakes, without one)."""

    def put(mistaken, pristine=HOLDS):
        def measured(rows, folder):
            return pristine if folder.endswith("/0") else mistaken  # the first copy is that without a mistake

        monkeypatch.setattr(mutations, "_measured", measured)

    return put


def test_a_mistake_in_the_noise_and_one_in_the_torque_are_seen():
    """A statistical and a deterministic row; the others, and the copy without a mistake, take minutes."""
    rows = {"sigma": "N5", "cross": "T1"}
    lines = mutations.measure([replace(MUTATIONS[name], rows=(row,)) for name, row in rows.items()])
    assert [line[1] for line in lines] == list(rows.values())
    assert all(line[-1].startswith("BROKEN: ") for line in lines), lines


@pytest.mark.parametrize("name", MUTATIONS)
def test_each_mistake_still_fits_the_source(name, tmp_path):
    mutation = MUTATIONS[name]
    assert mutation.edits and mutation.rows
    assert set(mutation.rows) <= {row for module in catalogue.modules().values() for row in module.rows}
    mutations.plant(ROOT, mutation.edits, tmp_path)
    for file in {file for file, _, _ in mutation.edits}:
        source = (tmp_path / file).read_text()
        assert source != (ROOT / file).read_text()
        compile(source, file, "exec")


@pytest.mark.parametrize("text", ["no such text", "def "])
def test_an_edit_that_does_not_fit_once_is_refused(text, tmp_path):
    with pytest.raises(ValueError, match=r"must hold .* once"):
        mutations.plant(ROOT, (("shno/llgs.py", text, ""),), tmp_path)


def test_a_mistake_that_is_seen_exits_with_0_and_one_that_is_not_with_1(printing, capsys):
    printing(N2_BROKEN)
    assert mutations.main(["common"]) == 0
    *_, none, seen, summary = capsys.readouterr().out.splitlines()
    assert none.endswith("N2   holds") and seen.endswith("BROKEN: N2a") and summary == "2 of 2 as they must be"
    printing(HOLDS)
    assert mutations.main(["common"]) == 1
    assert "SURVIVES" in capsys.readouterr().out


def test_each_row_of_a_mistake_must_break(printing, capsys):
    printing(N2_BROKEN)
    assert mutations.main(["gamma"]) == 1
    verdicts = [line.split()[-1] for line in capsys.readouterr().out.splitlines()[4:-1]]
    assert verdicts == ["SURVIVES", "N2a", "SURVIVES"]  # N1, N2, N4


def test_a_copy_without_a_mistake_must_hold(printing, capsys):
    printing(N2_BROKEN, N2_BROKEN)
    assert mutations.main(["common"]) == 1
    assert "SURVIVES, without a mistake: N2a" in capsys.readouterr().out


def test_a_run_that_fails_for_another_reason_has_not_seen_the_mistake(printing, capsys):
    printing(REFUSED)
    assert mutations.main(["common"]) == 1
    assert "SURVIVES, not measured: ImportError" in capsys.readouterr().out
    assert mutations.main(["ito"]) == 1  # another error than the one foreseen
    printing(REFUSED.replace("ImportError", "IntegrationError"))
    assert mutations.main(["ito"]) == 0
    assert "refused: IntegrationError: no magnet" in capsys.readouterr().out


def test_a_copy_runs_itself_and_keeps_its_kernels(monkeypatch, tmp_path):
    calls = []

    class Done:
        returncode, stdout, stderr = 0, HOLDS, ""

    monkeypatch.setattr(mutations.subprocess, "run", lambda words, **settings: calls.append((words, settings)) or Done)
    assert mutations._measured(("N2",), str(tmp_path)) == HOLDS
    ((words, settings),) = calls
    assert settings["cwd"] == settings["env"]["PYTHONPATH"] == words[3] == str(tmp_path)
    assert settings["env"]["NUMBA_CACHE_DIR"].startswith(str(tmp_path) + os.sep)
    Done.returncode, Done.stderr = 2, "no such row"
    with pytest.raises(RuntimeError, match="no such row"):
        mutations._measured(("N2",), str(tmp_path))


def test_a_bad_name_is_one_line_and_exit_code_2(capsys):
    assert mutations.main(["nonsense"]) == 2
    output = capsys.readouterr()
    assert output.out == "" and output.err.startswith("validation.mutations: ") and "'nonsense'" in output.err


def test_no_two_mistakes_are_the_same():
    edits = [mutation.edits for mutation in MUTATIONS.values()]
    assert len(set(edits)) == len(edits) >= 10 and all(isinstance(each, Mutation) for each in MUTATIONS.values())
