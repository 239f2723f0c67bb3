"""Blocks of oscillators over threads."""

import threading

import pytest

from shno.layout import place_leaves
from shno.threads import run_blocks, thread_count


@pytest.mark.parametrize("threads", ["1", "2", "5"])
@pytest.mark.parametrize("blocks", [1, 2, 3, 7])
def test_every_block_is_run_once_whatever_the_threads(monkeypatch, threads, blocks):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    layout, done, lock = place_leaves((0.5,), 1)[0], [], threading.Lock()

    def kernel(first, last, given, *arguments):
        assert given is layout and arguments == ("a", "b") and first < last
        with lock:
            done.extend(range(first, last))

    run_blocks(kernel, blocks * layout.lanes, layout, "a", "b")
    assert sorted(done) == list(range(blocks))


def test_no_more_threads_run_than_are_asked_for(monkeypatch):
    """The keyword goes before the environment."""
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    layout, calls = place_leaves((0.5,), 1)[0], []
    for asked, expected in ((1, 1), (2, 2), (3, 3), (None, 5)):
        calls.clear()
        run_blocks(lambda first, last, *arguments: calls.append(first), 7 * layout.lanes, layout, threads=asked)
        assert len(calls) == expected


def test_an_error_in_a_thread_is_raised(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")

    def kernel(first, last, *arguments):
        if first > 0:
            raise ArithmeticError(f"block {first}")

    layout = place_leaves((0.5,), 1)[0]
    with pytest.raises(ArithmeticError, match="block 1"):
        run_blocks(kernel, 2 * layout.lanes, layout)


def test_numba_s_variable_counts_where_omp_s_does_not(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "")
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    assert thread_count() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert thread_count() == 2


@pytest.mark.parametrize(("wanted", "expected"), [("1", 1), ("7", 7), ("0", None), ("many", None), ("", None)])
def test_the_thread_count_is_read_at_every_call(monkeypatch, wanted, expected):
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    default = thread_count()
    assert default >= 1
    monkeypatch.setenv("OMP_NUM_THREADS", wanted)
    assert thread_count() == (expected or default)
