"""Damaged copies of good files: refused in one line or read as they were; no crash, no hang, little memory."""

import numpy as np
import pytest

from validation import damage

COUNT = 100  # thousands are a claim


@pytest.mark.parametrize("kind", damage.KINDS)
def test_a_damaged_file_is_refused_in_one_line_or_read_as_it_was(kind, tmp_path):
    found = damage.measured(kind, COUNT, 1, tmp_path)
    assert found["wrong"] == [] and found["same"] + found["refused"] == COUNT
    assert min(found["same"], found["refused"]) > 0


def test_what_ends_the_reading_process_is_counted_and_the_rest_is_read(tmp_path, monkeypatch):
    """A reader that crashes, one that says nothing of use and one that reads something else are told apart."""
    told = "print('\"same\"', '\"read as something else\"', sep='\\n', flush=True)"
    script = f"import os, sys\nif sys.argv[2] == '0': {told}\nos.abort()"
    monkeypatch.setattr(damage, "READING", ("-c", script))
    found = damage.measured("a-sweep", 4, 1, tmp_path)
    assert (found["same"], found["refused"]) == (1, 0)
    assert found["wrong"][0] == "1: read as something else"
    assert [each[:27] for each in found["wrong"][1:]] == ["2: the process ended with -", "3: the process ended with -"]


def test_each_way_of_damaging_is_taken():
    content, rng = bytes(range(1, 256)) * 8, np.random.default_rng(2)
    copies = [damage.damaged(content, np.arange(len(content)), rng) for _ in range(200)]
    changed = [sum(a != b for a, b in zip(each, content, strict=True)) for each in copies if len(each) == len(content)]
    assert 1 in changed and max(changed) > 10 and len(changed) < 190
