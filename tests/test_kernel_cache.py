"""The disk cache of compiled kernels: it may be slow, stale or spoilt, and results stay the same."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest
from numba import njit

from shno import kernel_cache
from shno.kernel_cache import SOURCES, _Files, cached, source_stamp

ROOT = Path(__file__).parent.parent


def tripled(x):
    return 3 * x


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder where Numba's caches now lie."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def compiled():
    """A fresh dispatcher, as in a new process, after one call; with the number of loads from disk."""
    dispatcher = cached(njit(tripled))
    assert dispatcher(2.0) == 6.0
    return sum(dispatcher.stats.cache_hits.values())


def files(folder):
    return sorted(folder.rglob("*.nbc"))


def test_a_second_process_loads_what_the_first_compiled(folder):
    assert compiled() == 0
    assert len(files(folder)) == 1 and not list(folder.rglob("*.part"))
    assert compiled() == 1
    assert len(files(folder)) == 1


def test_each_specialisation_is_a_file(folder):
    dispatcher = cached(njit(tripled))
    assert (dispatcher(2.0), dispatcher(2)) == (6.0, 6)
    assert len(files(folder)) == 2 and type(cached(njit(tripled))(2)) is int


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: b"not a pickle at all",
        lambda data: b"\x80\x05N.",  # pickles of None,
        lambda data: b"\x80\x05K\x07.",  # 7,
        lambda data: b"\x80\x05K\x01K\x02\x86.",  # (1, 2),
        lambda data: b"cabsent_module\nabsent\n.",  # and of something that no longer exists
        lambda data: b"\x80\x05" + data[200:],
        lambda data: data[:40] + bytes(255 - byte for byte in data[40:400]) + data[400:],
    ],
)
def test_a_corrupted_file_is_compiled_anew(folder, spoil):
    compiled()
    (path,) = files(folder)
    path.write_bytes(spoil(path.read_bytes()))
    assert compiled() == 0
    assert compiled() == 1  # and the file was mended


def test_another_source_stamp_is_another_file_and_the_old_one_goes(folder, monkeypatch):
    compiled()
    before = files(folder)
    monkeypatch.setattr(kernel_cache, "source_stamp", lambda: "0123456789abcdef")
    assert compiled() == 0
    assert len(files(folder)) == 1 and files(folder) != before


@pytest.mark.parametrize("name", SOURCES)
def test_a_changed_source_gives_another_stamp(tmp_path, monkeypatch, name):
    for source in SOURCES:
        shutil.copy(ROOT / "shno" / f"{source}.py", tmp_path)
    monkeypatch.setattr(kernel_cache, "__file__", str(tmp_path / "kernel_cache.py"))
    stamp = source_stamp.__wrapped__()
    assert stamp == source_stamp.__wrapped__()
    with (tmp_path / f"{name}.py").open("a") as source:
        source.write("\n")
    assert source_stamp.__wrapped__() != stamp


def test_kernels_of_other_packages_are_stamped_with_their_own_sources_too(folder, tmp_path):
    source = tmp_path / "kernel.py"
    source.write_text("3 x")
    mine = source_stamp.__wrapped__(source)
    assert mine != source_stamp()
    assert cached(njit(tripled), source)(2.0) == 6.0
    assert mine in files(folder)[0].name
    source.write_text("4 x")
    assert source_stamp.__wrapped__(source) != mine


# What kernels import and never compile: doors, the classes of waveforms, threads, this cache, and names of parameters
# (the order of which is that of `torque`'s and `effective_field`'s signatures).
NOT_COMPILED = {"checks", "waveform", "sampled", "threads", "kernel_cache", "parameters"}


def imported(name):
    """The modules of shno that a module imports."""
    for node in ast.walk(ast.parse((ROOT / "shno" / f"{name}.py").read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "shno":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("shno."):
            yield node.module.removeprefix("shno.")


def test_the_stamp_covers_every_source_that_is_compiled():
    """Modules that compile a kernel, and whatever these import."""
    needed, reached = set(), {path.stem for path in (ROOT / "shno").glob("*.py") if "@cached" in path.read_text()}
    assert reached == {"kernel_passage", "kernel_trajectory"}
    while reached - needed:
        name = (reached - needed).pop()
        needed.add(name)
        reached |= set(imported(name)) - NOT_COMPILED
    assert needed == set(SOURCES)


def test_a_file_gives_back_what_was_saved_under_its_key_only(tmp_path, monkeypatch):
    store = _Files(tmp_path, "kernel")
    key = ("float64", ("x86_64", "features"), ("a", "b"))
    assert store.load(key) is None
    store.save(key, {"code": b"abc"})
    assert store.load(key) == {"code": b"abc"}
    assert store.load(("float32", *key[1:])) is None
    other = _Files(tmp_path, "another")
    assert other.load(key) is None
    other.save(key, 2)
    assert (store.load(key), other.load(key)) == ({"code": b"abc"}, 2)
    monkeypatch.setattr(store, "_path", lambda key: next(tmp_path.glob("kernel.*.nbc")))
    assert store.load("a key that only shares the file's name") is None
    store.flush()
    assert other.load(key) == 2 and not list(tmp_path.glob("kernel.*"))


def test_a_full_disk_costs_a_warning_and_leaves_nothing_half_written(folder, monkeypatch):
    write = Path.write_bytes

    def fill_up(path, data):
        write(path, data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill_up)
    with pytest.warns(UserWarning, match=r"compiled kernels are not kept: .* Set NUMBA_CACHE_DIR to a folder"):
        assert cached(njit(tripled))(2.0) == 6.0
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_without_any_folder_kernels_are_compiled_in_memory(monkeypatch):
    def refuse(function):
        raise RuntimeError("cannot cache function 'tripled': no locator available")

    monkeypatch.setattr(kernel_cache, "_SafeCache", refuse)
    kernel_cache._warn.cache_clear()
    with pytest.warns(UserWarning, match=r"^compiled kernels are not kept: no folder can be written\. Set NUMBA_CACHE"):
        dispatcher = cached(njit(tripled))
    assert dispatcher(2.0) == 6.0
    assert cached(njit(tripled))(2.0) == 6.0  # and no second warning


def test_a_run_is_the_same_where_the_cache_cannot_be_written(tmp_path):
    """Below a regular file no folder can be made, not even by root: a slower start, the same bits."""
    (tmp_path / "file").write_text("")
    script = """
import shno
oscillator = shno.Oscillator(Ms=8e5, alpha=0.02)
drive = shno.Drive(a_DL=1e-3, B_ext=(0.1, 0.02, 0.03))
print(shno.simulate(oscillator, drive, duration=1e-10, dt=1e-12, m0=(0.6, 0.0, 0.8)).m[-1].tobytes().hex())
"""
    printed = []
    for cache in (tmp_path / "file" / "below", tmp_path / "writable"):
        environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
        run = [sys.executable, "-W", "error", "-c", script]  # Numba's next folder is the one beside the source
        result = subprocess.run(run, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
        assert result.returncode == 0, result.stderr
        printed.append(result.stdout)
    assert printed[0] == printed[1] != ""
    assert files(tmp_path / "writable") and (tmp_path / "file").read_text() == ""
