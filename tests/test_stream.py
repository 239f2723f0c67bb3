"""A run's file while it is written: equal to the run in memory, whole wherever the process dies, of one writer."""

import os
import threading
from contextlib import contextmanager
from resource import RLIMIT_FSIZE, getrlimit, setrlimit

import h5py
import numpy as np
import pytest
import xarray
from stream_helpers import DRIVE, KINDS, OSCILLATOR, RUN, SMALL, append, in_memory, run_of, same, unfinished

import shno
from shno import __main__ as command_line
from shno import hdf5, stream
from shno.stored import is_closed
from shno.stream import Stream


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(stream, "CHUNK", SMALL)


@pytest.mark.parametrize("kind", KINDS)
def test_a_streamed_run_is_the_run_in_memory(tmp_path, kind):
    run, streamed = in_memory(kind), run_of(kind, out=tmp_path / "run.h5")
    loaded = shno.load(tmp_path / "run.h5")
    assert same(run, streamed) and same(run, loaded) and os.listdir(tmp_path) == ["run.h5"]
    assert is_closed(tmp_path / "run.h5")
    if kind != "callable":  # it is stored as its table
        assert run == loaded


@pytest.mark.parametrize("kind", ["thermal", "heated", "rounded", "waveform"])
def test_a_killed_run_is_whole_as_far_as_it_came_and_finished_to_the_same_bits(tmp_path, kind):
    path, whole = tmp_path / "run.h5", in_memory(kind)
    unfinished(path, kind, 300)
    part = shno.load(path)
    n = len(part.t)
    assert 300 <= n < len(whole.t) and not is_closed(path)
    assert np.array_equal(part.m, whole.m[:n]) and np.array_equal(part.t, whole.t[:n])
    finished = shno.resume(path)
    assert same(finished, whole) and same(shno.load(path), whole) and is_closed(path)
    assert os.listdir(tmp_path) == ["run.h5"]
    assert same(shno.resume(path), whole)  # nothing is missing: nothing happens


def test_a_run_killed_before_its_first_chunk_starts_anew(tmp_path):
    unfinished(tmp_path / "run.h5", "thermal", 0)
    with h5py.File(tmp_path / "run.h5", "r", swmr=True) as file:
        assert len(file["m"]) == 64
    unfinished_start = shno.simulate(OSCILLATOR, DRIVE, **RUN)
    path = tmp_path / "empty.h5"
    run = shno.load(tmp_path / "run.h5")
    groups, attributes = run.content(1000)
    groups["run"]["m0"] = (unfinished_start.m[0], "1")
    Stream(path, states=1001, m=np.empty((0, 3)), groups=groups, attributes=attributes).close(complete=False)
    assert len(shno.load(path).t) == 0
    assert same(shno.resume(path), unfinished_start)


def test_a_run_that_misses_nothing_but_its_end_is_closed(tmp_path):
    unfinished(tmp_path / "run.h5", "thermal", 1001)
    assert not is_closed(tmp_path / "run.h5")
    assert same(shno.resume(tmp_path / "run.h5"), run_of("thermal")) and is_closed(tmp_path / "run.h5")


def test_a_saved_run_is_no_run_to_finish(tmp_path):
    run_of("thermal").save(tmp_path / "run.h5")
    with pytest.raises(ValueError, match=r"run\.h5 cannot be resumed: it was saved whole"):
        shno.resume(tmp_path / "run.h5")


def open_stream(path, states=200):
    groups = {"oscillator": {}, "drive": {}, "run": {}}
    return Stream(path, states=states, m=np.empty((0, 3)), groups=groups, attributes={})


@pytest.mark.parametrize("kind", ["thermal", "rounded"])
def test_a_streamed_run_opens_with_xarray_without_a_warning(tmp_path, kind):
    run = run_of(kind, out=tmp_path / "run.h5")
    with xarray.open_dataset(tmp_path / "run.h5", engine="h5netcdf") as data:
        assert data.m.dims[0] == "time" and data.m.dims[-1] == "component" and np.array_equal(data.m, run.m)
        assert data.wall_time == shno.load(tmp_path / "run.h5").wall_time == run.wall_time


def test_a_second_writer_is_refused_and_the_first_goes_on(tmp_path):
    first = open_stream(tmp_path / "run.h5")
    with pytest.raises(OSError, match=r"run\.h5 cannot be written: another run is writing it"):
        open_stream(tmp_path / "run.h5")
    with pytest.raises(OSError, match=r"run\.h5 cannot be written: another run is writing it. Wait for it"):
        run_of("thermal").save(tmp_path / "run.h5")
    append(first, np.arange(200.0), np.ones((200, 3)))
    first.close()
    assert len(hdf5.read(tmp_path / "run.h5")[0]) == 200 and os.listdir(tmp_path) == ["run.h5"]


def test_a_file_is_read_while_it_is_written(tmp_path):
    writer = open_stream(tmp_path / "run.h5", states=1000)
    seen = []
    for k in range(0, 1000, 100):
        append(writer, np.arange(k, k + 100.0), np.full((100, 3), float(k)))
        seen.append(len(hdf5.read(tmp_path / "run.h5")[0]))
    writer.close()
    assert seen == sorted(seen) and all(n % 64 == 0 for n in seen) and len(hdf5.read(tmp_path / "run.h5")[0]) == 1000


def test_a_run_waits_for_its_writer_when_enough_is_waiting(tmp_path, monkeypatch):
    """So that memory stays what it is, however slow the disk: of ten chunks three are taken, then none."""
    monkeypatch.setattr(stream, "AHEAD", 4 * 64 * 32)  # m and time
    disk, write = threading.Event(), Stream._write
    monkeypatch.setattr(Stream, "_write", lambda self, *chunk: disk.wait() and write(self, *chunk))
    writer, taken = open_stream(tmp_path / "run.h5", states=640), []

    def run():
        for k in range(0, 640, 64):
            append(writer, np.arange(k, k + 64.0), np.full((64, 3), float(k)))
            taken.append(k)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(0.5)
    assert thread.is_alive() and len(taken) <= 3
    disk.set()
    thread.join()
    writer.close()
    t, m, *_ = hdf5.read(tmp_path / "run.h5")
    assert np.array_equal(t, np.arange(640.0)) and np.array_equal(m[:, 2], t // 64 * 64)


def test_a_flipped_byte_is_found_when_it_is_read(tmp_path):
    """The checksums are ours, whoever reads asks for them: all at once, slice by slice, and in plain h5py."""
    path = tmp_path / "run.h5"
    run_of("rounded", out=path)
    with h5py.File(path) as file:
        chunks = [file[name].id.get_chunk_info(2) for name in ("m", "time", hdf5.SERIES)]
    sound = path.read_bytes()
    for name, chunk in zip(("m", "t", "T"), chunks, strict=True):
        damaged = bytearray(sound)
        damaged[chunk.byte_offset + chunk.size // 2] ^= 8
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"run\.h5 cannot be read: it is truncated or damaged") as caught:
            shno.load(path)
        assert "\n" not in str(caught.value)
        if name != "t":  # times are looked at when a file is opened
            with pytest.raises(OSError, match=r"read data"):
                getattr(shno.load(path, lazy=True), name)[()]
            assert len(getattr(shno.load(path, lazy=True), name)[:1]) == 1  # the other chunks are sound


def test_a_run_is_followed_until_it_is_whole(tmp_path, monkeypatch, capsys):
    """The figure is drawn while states come in, once more when there is no more, and at once of a killed run."""
    path, figure, looks = str(tmp_path / "run.h5"), str(tmp_path / "run.png"), []
    run = run_of("thermal")
    groups, attributes = run.content(1000)
    writer = Stream(path, states=1001, m=np.empty((0, 3)), groups=groups, attributes=attributes)

    def wait(_):
        part = np.array_split(np.arange(1001), 4)[len(looks)]
        looks.append(os.path.exists(figure))
        append(writer, run.t[part], run.m[part])
        while writer.error is None and writer.written < (part[-1] + 1) // writer.rows * writer.rows:
            threading.Event().wait(0.01)  # the writer is a thread
        if len(looks) == 4:
            writer.close()

    monkeypatch.setattr(command_line.time, "sleep", wait)
    assert command_line.main(["plot", path, "--out", figure, "--follow"]) == 0
    assert looks == [False, True, True, True] and "written: " in capsys.readouterr().out
    unfinished(path, "thermal", 300)
    assert command_line.main(["plot", path, "--out", figure, "--follow"]) == 0


@contextmanager
def full_disk(size):
    """No file may grow past so many bytes: a write fails in the middle, as on a full disk."""
    limits = getrlimit(RLIMIT_FSIZE)
    setrlimit(RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        setrlimit(RLIMIT_FSIZE, limits)


def test_a_full_disk_keeps_what_was_written_and_the_run_can_be_finished(tmp_path, monkeypatch):
    path, whole = tmp_path / "run.h5", run_of("thermal")
    with pytest.raises(OSError, match=r"run\.h5 cannot be written: File too large\. What .* is kept\.$"):
        with full_disk(stream.MARGIN + 40_000):
            run_of("thermal", out=path)
    part = shno.load(path)
    assert 64 <= len(part.t) < 1001 and np.array_equal(part.m, whole.m[: len(part.t)])
    assert os.path.getsize(path) < stream.MARGIN and os.listdir(tmp_path) == ["run.h5"]
    assert same(shno.resume(path), whole)


def test_a_solve_that_fails_leaves_no_file(tmp_path):
    hot = {"temperature": 300.0, "seed": 1, "duration": 1e-9, "dt": 1e-12}
    fast = shno.Oscillator(Ms=1.05e6, alpha=0.9, thickness=1e-10, width=1e-8, volume=1e-26)
    with pytest.raises((shno.IntegrationError, ValueError)):
        shno.simulate(fast, DRIVE, **hot, out=tmp_path / "run.h5")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("settings", "error", "name"),
    [
        ({"out": 3}, TypeError, "out"),
        ({"out": "x.h5", "compression": "zip"}, ValueError, "compression"),
        ({"compression": "gzip"}, ValueError, "compression must be None without out"),
        ({"out": "x.h5", "out_dtype": "float16"}, ValueError, "out_dtype must be .*float32"),
        ({"out_dtype": "float32"}, ValueError, "out_dtype must be None without out"),
        ({"out": "/none/of/this/x.h5"}, OSError, "cannot be written"),
    ],
)
def test_a_bad_call_is_refused_by_name(settings, error, name):
    with pytest.raises(error, match=name) as caught:
        shno.simulate(OSCILLATOR, DRIVE, **RUN, **settings)
    assert "\n" not in str(caught.value)
