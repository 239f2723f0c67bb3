import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from validation import __main__ as validation
from validation import catalogue
from validation.claim import Claim

PHYSICS = ("larmor", "mallinson", "kittel", "threshold", "cone", "helpers_table")
SPIKING = ("neuron_table", "transfer", "spike_steps", "gradient_modes")
FAST = (*PHYSICS, "integrators", "schemes", "witness", "executors", "gradient", *SPIKING)
TABLE = {  # rows of the table of closed forms and checks, without those on arrays and on the amplitude equation
    *(f"D{n}" for n in (1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17)),
    *(f"T{n}" for n in (1, 2, 3, 4, 5, 7, 10)),
    *(f"L{n}" for n in (1, 2, 5)),
    *(f"N{n}" for n in (1, 2, 4, 5, 6, 7, 10)),
    *(f"I{n}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16)),
}
HOLDS = Claim("X1", "one is one", "arithmetic", 1.0, 1.0)
BROKEN = Claim("X2", "two is one", "a plant", 1.0, 2.0, 0.5)
PRINTED = {  # the closed forms evaluated elsewhere, to ten digits, with the free electron's gamma of CODATA 2018
    "D1a": 2.802495142,
    "D2b": (0.807400064269, np.sin(np.radians(126.084086649)) * np.sin(88.00777840), -0.588971923352),
    "D2c": (0.604737604730, None, 0.794701719295),
    "D5a": 9.294824864,
    "T1a": 12.0,
    "T1c": 9.299047136,
    "T1d": 1.813491933e12,
    "T5a": (0.375, 0.625, 0.875),
    "T5b": (-5.604990285, -11.209980570, -16.814970854),
    "I7": (0.840140590134, 0.881004045055, 0.912182807622, 0.198316152789, 1 / 3, 0.052259392098, 0.107600017768),
    "I8": (1 / 3, 0.173563997534, 0.860804276528),
    "I11a": (8.776159421, 50.72686131),
    "I11b": 6983.845766,
    "I12": (8.227649457, 11.39213002, 18.51221128),
    "I13a": (0.0, 2.5 * 0.6, 2.5 * 0.8),
    "I13b": -45.11278195,
    "I14": 0.9724776404,
    "I15a": (1142.857143, 1333.333333),
    "I15b": 3 * (307.4579505,),
    "I15c": 309.6,
}


@pytest.fixture
def plant(monkeypatch):
    """A function that puts rows, or what raises, in the place of a module's claims."""

    def put(name, rows, part="claims"):
        def claims(figures):
            if isinstance(rows, Exception):
                raise rows
            return list(rows)

        monkeypatch.setattr(import_module(f"validation.{name}"), part, claims, raising=False)

    return put


@pytest.fixture(scope="module")
def measured():
    """A function that measures a module's claims once."""
    kept = {}

    def claims(name):
        if name not in kept:
            kept[name] = import_module(f"validation.{name}").claims(None)
        return kept[name]

    return claims


def complaint(capsys, *words):
    """The one line on standard error of a call that must end with exit code 2 and print nothing else."""
    assert validation.main(list(words)) == 2
    output = capsys.readouterr()
    assert output.out == "" and output.err.startswith("validation: ") and output.err.count("\n") == 1
    return output.err


@pytest.mark.parametrize("name", FAST)
def test_claims_hold(name, measured):
    claims = measured(name)
    assert claims and not [f"{claim.id}: {claim.measured}, not {claim.expected}" for claim in claims if not claim.holds]


def test_expected_numbers_are_the_closed_forms_evaluated_elsewhere(measured):
    claims = {claim.id: claim for name in PHYSICS for claim in measured(name)}
    for row, numbers in PRINTED.items():
        for number, expected in zip(np.ravel(numbers), np.ravel(claims[row].expected), strict=True):
            if number is not None:  # 2e-9: editions of CODATA; 5e-9: half a digit of the phase 88.00777840
                assert expected == pytest.approx(number, rel=2e-9, abs=5e-9 if row[:2] == "D2" else 0), row


def test_rows_have_ids_of_their_own(measured):
    ids = [claim.id for name in FAST for claim in measured(name)]
    assert len(set(ids)) == len(ids)


def test_a_module_claims_its_rows_of_the_table_and_no_others(measured):
    for name in FAST:
        claimed = {catalogue.row_of(claim.id) for claim in measured(name)} & TABLE
        assert claimed == set(validation.MODULES[name].rows), name


def test_a_closed_form_off_by_a_millionth_is_broken(monkeypatch):
    kittel = import_module("validation.kittel")
    exact = kittel.kittel_frequency
    monkeypatch.setattr(kittel, "kittel_frequency", lambda *args, **names: exact(*args, **names) * (1 + 2e-6))
    assert not any(claim.holds for claim in kittel.claims(None))


def test_errors_are_what_they_say():
    def error(how, expected, measured):
        return Claim("", "", "", expected, measured, how=how).error

    assert error("relative", -4.0, -5.0) == 0.25
    assert error("absolute", 4.0, 5.5) == 1.5
    assert (error("at most", 4.0, 5.5), error("at most", 4.0, 3.0)) == (1.5, 0.0)
    assert (error("at least", 4.0, 3.0), error("at least", 4.0, 5.5)) == (1.0, 0.0)
    assert error("relative", [1.0, 2.0], [1.5, 2.0]) == 0.5  # the worst element
    assert Claim("", "", "", 1.0, 1.5, 0.5).holds and not Claim("", "", "", 1.0, 1.5, 0.499).holds


@pytest.mark.parametrize("how", ("relative", "absolute", "at most", "at least"))
@pytest.mark.parametrize("bad", (np.nan, np.inf, -np.inf))
def test_what_is_not_a_finite_number_never_holds(how, bad):
    with np.errstate(invalid="ignore"):
        assert not Claim("", "", "", 1.0, bad, 1.0, how).holds
        assert not Claim("", "", "", bad, 1.0, 1.0, how).holds
        assert not Claim("", "", "", 1.0, 1.0, bad, how).holds
        assert not Claim("", "", "", [1.0, 1.0], [1.0, bad], 1.0, how).holds


def test_a_broken_claim_makes_the_command_exit_with_1(plant, capsys):
    plant("larmor", [HOLDS, BROKEN])
    assert validation.main(["larmor"]) == 1
    output = capsys.readouterr()
    title, header, first, second, gap, summary = output.out.splitlines()
    assert title == f"larmor: {validation.MODULES['larmor'].summary}" and gap == ""  # no time in a pipe
    assert header.split() == ["id", "claim", "expected", "(source)", "measured", "error", "tolerance", "verdict"]
    assert first.endswith("holds") and second.endswith("BROKEN") and summary == "1 of 2 hold"
    assert output.err == ""  # no progress in a pipe


def test_claims_that_all_hold_exit_with_0(plant, capsys):
    plant("larmor", [HOLDS])
    assert validation.main(["larmor"]) == 0
    assert capsys.readouterr().out.endswith("1 of 1 hold\n")


def test_a_claim_that_cannot_be_measured_is_broken_and_hides_no_other(plant, capsys):
    plant("larmor", RuntimeError("no\nmagnet"))
    plant("kittel", [HOLDS])
    assert validation.main(["larmor", "kittel"]) == 1
    output = capsys.readouterr().out
    assert "cannot be measured: RuntimeError: no magnet" in output and output.endswith("1 of 2 hold\n")


def test_a_bad_call_is_one_line_and_exit_code_2(capsys, tmp_path):
    assert "'nonsense'" in complaint(capsys, "larmor", "nonsense")
    assert "'D99'" in complaint(capsys, "D99")
    assert "--wrong" in complaint(capsys, "--wrong")
    assert "--write" in complaint(capsys, "--write", "--full", "larmor")
    assert "--full" in complaint(capsys, "--write")  # else the long claims would be lost from the file
    (tmp_path / "file").touch()
    assert "file" in complaint(capsys, "larmor", "--figures", str(tmp_path / "file"))


def test_a_row_measures_its_claims_only(plant, capsys):
    plant("cone", [Claim(name, "", "", 1.0, 1.0) for name in ("T5", "T5b", "T50", "T6")])
    plant("larmor", [Claim("D1a", "", "", 1.0, 1.0)])
    assert validation.main(["t5", "larmor"]) == 0
    rows = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.endswith("holds")]
    assert rows == ["D1a", "T5", "T5b"]  # in the order of the modules
    assert validation.main(["T5", "cone"]) == 0
    assert "4 of 4 hold" in capsys.readouterr().out  # the module, asked for by name, holds its row


def test_a_row_that_cannot_be_measured_is_broken(plant, capsys):
    plant("cone", RuntimeError("no magnet"))
    assert validation.main(["T5"]) == 1
    assert "no magnet" in capsys.readouterr().out


def test_long_claims_are_measured_with_full_only(plant, capsys, monkeypatch):
    plant("larmor", [])
    plant("larmor", [Claim("D1", "", "", 1.0, 1.0)], part="full_claims")
    planted = replace(validation.MODULES["larmor"], has_full=True)
    monkeypatch.setitem(validation.MODULES, "larmor", planted)
    for word in ("larmor", "D1"):
        assert "--full" in complaint(capsys, word)  # nothing measured must not pass for all holds
        assert validation.main([word, "--full"]) == 0
        assert capsys.readouterr().out.endswith("1 of 1 hold\n")
    plant("larmor", [HOLDS])
    assert validation.main(["larmor"]) == 0
    assert capsys.readouterr().out.endswith("1 of 1 hold\nlong claims not measured (--full): larmor\n")


def test_a_module_that_does_not_parse_hides_no_other(tmp_path, monkeypatch):
    (tmp_path / "good.py").write_text('"""One is one."""\n\nROWS = ("D2",)\n\n\ndef claims(figures):\n    return []\n')
    (tmp_path / "bad.py").write_text('"""Half"""\n\ndef claims(figures):\n    return [')
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    found = catalogue.modules()
    assert list(found) == ["good", "bad"] and found["good"] == catalogue.Module("good", ("D2",), "One is one.", False)
    assert "cannot be read" in found["bad"].summary


def test_the_list_shows_every_module_and_its_rows(capsys):
    modules = Path(validation.__file__).parent.glob("*.py")
    assert {path.stem for path in modules if "\ndef claims(" in path.read_text()} == set(validation.NAMES)
    assert validation.main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for line, module in zip(lines, validation.MODULES.values(), strict=True):
        words = [
            module.name,
            *module.rows,
            *(["full"] if module.has_full else []),
            *(["alone"] if module.alone else []),
        ]
        assert line.split()[: len(words)] == words and line.endswith(module.summary)


@pytest.mark.parametrize("module", validation.MODULES.values(), ids=validation.NAMES)
def test_a_module_says_which_rows_it_proves(module):
    imported = import_module(f"validation.{module.name}")
    assert imported.ROWS == module.rows and isinstance(imported.ROWS, tuple)
    assert module.has_full == hasattr(imported, "full_claims") and module.summary.endswith(".")


def test_each_row_of_the_table_is_proved_by_one_module():
    held = [row for module in validation.MODULES.values() for row in module.rows if not module.alone]
    assert sorted(held) == sorted(TABLE)


def test_the_table_is_written_as_markdown(plant, monkeypatch, tmp_path):
    plant("larmor", [HOLDS, Claim("X3", "a|b", "bound", 40.0, 83.0, how="at least")])
    monkeypatch.setattr(validation, "NAMES", ("larmor",))
    monkeypatch.setattr(validation, "RESULTS", tmp_path / "results.md")
    assert validation.main(["--write", "--full"]) == 0
    text = (tmp_path / "results.md").read_text()
    assert "\n## larmor\n" in text and "| X1 | one is one | 1 (arithmetic) | 1 | 0 | 0 | holds |" in text
    assert "| X3 | a\\|b | >= 40 (bound) | 83 | - | - | holds |" in text and "2 of 2 hold" in text


def test_a_figure_is_drawn_where_a_folder_is_given(tmp_path):
    assert validation.main(["larmor", "--figures", str(tmp_path / "new" / "figures")]) == 0
    (picture,) = (tmp_path / "new" / "figures").iterdir()
    assert picture.name == "larmor.png" and 5e3 < picture.stat().st_size < 200e3


def test_help_imports_nothing_heavy():
    code = "import sys; from validation.__main__ import main; main(['--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "usage" in done.stdout and not {"numpy", "torch", "numba", "matplotlib"} & set(done.stdout.split())
