"""A file has digits of its own: what is computed in float64 may be stored in float32, and still goes on exactly."""

import h5py
import numpy as np
import pytest
from stream_helpers import DRIVE, OSCILLATOR, RUN, SMALL, in_memory, run_of, same, unfinished

import shno
from shno import stream
from shno.states import InFile, continuation

HOW = {"compression": None, "out_dtype": "float32", "device": "cpu"}


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(stream, "CHUNK", SMALL)


@pytest.fixture
def rounded(tmp_path):
    """The path of a run of float64 in a file of float32, killed after some chunks."""
    unfinished(tmp_path / "run.h5", "rounded", 300)
    return tmp_path / "run.h5"


def test_a_rounded_run_goes_on_from_what_it_was_not_from_what_is_stored(rounded):
    killed = continuation(rounded)
    n, whole = len(killed.run.t), run_of("rounded", out_dtype=None)
    assert np.array_equal(killed.last["m0"], whole.m[n - 1]) and np.array_equal(killed.last["T_start"], whole.T[n - 1])
    assert not np.array_equal(whole.m[n - 1], whole.m[n - 1].astype(np.float32))


def test_a_rounded_run_may_be_killed_while_it_goes_on(rounded):
    """Again after a chunk, and right after the copy, before any."""
    unfinished(rounded, "rounded", 3 * len(shno.load(rounded).t) // 2, goes_on=True)
    killed = continuation(rounded)
    states = InFile(killed, killed.run, 0, None, killed.last["m0"], killed.last["T_start"], **HOW)
    states.stream.close(complete=False)
    assert len(shno.load(rounded).t) == len(killed.run.t) < 1001
    assert same(shno.resume(rounded), in_memory("rounded"))


@pytest.mark.parametrize("is_needed", [True, False])
def test_of_the_exact_states_that_of_the_last_chunk_counts(rounded, is_needed):
    """A kill may fall into the writing of the other one."""
    with h5py.File(rounded, "r", swmr=True) as file:
        rows, data = file["m"].chunks[0], file["exact/m"].id
        last = (len(shno.load(rounded).t) // rows - 1) % 2
        place = data.get_chunk_info_by_coord((last if is_needed else 1 - last, 0, 0, 0)).byte_offset
    with open(rounded, "r+b") as file:
        file.seek(place + 3)
        byte = file.read(1)
        file.seek(place + 3)
        file.write(bytes([byte[0] ^ 1]))
    if is_needed:
        with pytest.raises(ValueError, match=r"run\.h5 cannot be read: it is truncated or damaged"):
            shno.resume(rounded)
    else:
        assert same(shno.resume(rounded), in_memory("rounded"))


def test_what_was_cut_off_a_rounded_run_cannot_be_resumed(rounded):
    """The exact states that are kept are then those of later chunks."""
    killed = continuation(rounded)
    assert len(killed.run.t) // killed.rows >= 3
    states = InFile(killed, killed.run, 0, None, killed.last["m0"], killed.last["T_start"], **HOW)
    states.stream.close(complete=False)
    with h5py.File(rounded, "r+", libver=("earliest", "latest")) as file:
        for name in ("m", "time", "parameters/run/T"):
            file[name].resize(killed.rows * (len(killed.run.t) // killed.rows - 2), axis=0)
    assert len(shno.load(rounded).t) == len(killed.run.t) - 2 * killed.rows
    with pytest.raises(ValueError, match=r"run\.h5 cannot be resumed: .* not as it was computed\. It was cut"):
        shno.resume(rounded)


def test_a_file_may_have_more_digits_than_the_run(tmp_path):
    run = shno.simulate(OSCILLATOR, DRIVE, **RUN, dtype="float32")
    streamed = shno.simulate(OSCILLATOR, DRIVE, **RUN, dtype="float32", out=tmp_path / "run.h5", out_dtype="float64")
    assert streamed.m.dtype == np.float64 and np.array_equal(streamed.m, run.m) and streamed.dtype == "float32"
