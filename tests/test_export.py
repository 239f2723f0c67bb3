"""Runs in other programs' formats: the numbers come back, and a line is heard where it should be."""

import os
import wave

import numpy as np
import pytest

import shno
from shno import export

OSCILLATOR, DRIVE = shno.preset("w-cofeb-pma"), shno.operating_point("w-cofeb-pma")


@pytest.fixture(scope="module")
def run():
    """Two oscillators above threshold, 20 ns."""
    drive = shno.Drive(I=np.array([1.6e-4, 2.0e-4]), B_ext=DRIVE.B_ext)
    return shno.simulate(OSCILLATOR, drive, duration=20e-9, dt=1e-12)


def test_csv_reads_back_to_the_same_numbers(run, tmp_path):
    export.export(run, tmp_path / "run.csv")
    names = (tmp_path / "run.csv").read_text().splitlines()[0].split(",")
    table = np.loadtxt(tmp_path / "run.csv", delimiter=",", skiprows=1)
    assert names == ["t_s", "m_x_0", "m_y_0", "m_z_0", "m_x_1", "m_y_1", "m_z_1"]
    assert np.array_equal(table[:, 0], run.t) and np.array_equal(table[:, 1:].reshape(run.m.shape), run.m)


def test_npz_reads_back_to_the_same_arrays(run, tmp_path):
    export.export(run, tmp_path / "run.npz")
    with np.load(tmp_path / "run.npz") as found:
        assert set(found) == {"t", "m"} and np.array_equal(found["m"], run.m) and np.array_equal(found["t"], run.t)


@pytest.mark.parametrize("oscillator", [0, 1])
def test_the_line_is_heard_at_440_hz(run, tmp_path, oscillator):
    """A steady precession is a tone at the pitch; the second half is 2.5 s, which resolves 0.4 Hz."""
    export.export(run, tmp_path / "run.wav", component="y", oscillator=oscillator)
    with wave.open(str(tmp_path / "run.wav")) as audio:
        assert (audio.getframerate(), audio.getnchannels(), audio.getsampwidth()) == (44_100, 1, 2)
        sound = np.frombuffer(audio.readframes(audio.getnframes()), "<i2").astype(float)
    half = sound[len(sound) // 2 :]
    spectrum = np.abs(np.fft.rfft(half * np.hanning(len(half))))
    assert len(sound) == 5 * 44_100 and abs(spectrum.argmax() * 44_100 / len(half) - 440) < 1


def test_a_sound_needs_a_line(tmp_path):
    still = shno.simulate(OSCILLATOR, shno.Drive(I=0.0, B_ext=DRIVE.B_ext), duration=2e-9, dt=1e-12)
    with pytest.raises(ValueError, match="run must have a line to be heard, got none in m_x"):
        export.export(still, tmp_path / "run.wav")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "settings", "match"),
    [
        ("run.txt", {}, "path must be a name that ends in .csv, .npz, .wav"),
        ("run.wav", {"component": "all"}, "component must be x, y or z"),
        ("run.wav", {"oscillator": 2}, r"oscillator must be in \[0, 2\)"),
        ("none/run.csv", {}, "cannot be written: No such file"),
    ],
)
def test_a_bad_call_is_refused_by_name(run, tmp_path, name, settings, match):
    with pytest.raises((ValueError, OSError), match=match) as caught:
        export.export(run, tmp_path / name, **settings)
    assert "\n" not in str(caught.value) and os.listdir(tmp_path) == []


def test_a_run_is_a_labelled_dataset(run):
    data = run.to_xarray()
    assert data.m.dims == ("time", "oscillator", "component") and data.m.shape == run.m.shape
    assert data.time.attrs["units"] == "s" and data.attrs["solver"] == "rk4" and data.attrs["dt"] == 1e-12
    assert float(data.m.sel(component="z").isel(time=-1, oscillator=1)) == run.m[-1, 1, 2]
