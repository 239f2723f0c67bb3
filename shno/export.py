"""A saved run, or a sweep, in other programs' formats: CSV, NPZ, and WAV, since people like to listen.

.csv   one line a state: time in s, then m_x, m_y, m_z of each oscillator; temperatures in K; a header names them. Of
       a sweep one line a run: its axes, its realisation and its values, with units in the header
.npz   t, m, and T where there is one, as numpy.load reads them; of a sweep its axes, values and scales
.wav   of a run: one component of one oscillator, mixed down from its line to 440 Hz and slowed down: with z the
       analytic signal of the component and f its line in the second half,
       s(u) = Re z(t) exp(-2 pi i f t + 2 pi i 440 u), u the time of hearing. A jitter of the phase stays one, a
       linewidth is as many times smaller as time is slower
"""

import os
import secrets
import wave
import zipfile

import numpy as np

from shno.analysis import frequency
from shno.checks import as_path, check_kind, complaint
from shno.sweep_result import Sweep
from shno.trajectory import Trajectory

RATE, PITCH, SECONDS = 44_100, 440.0, 5.0  # Hz, Hz, s
COMPONENTS = "xyz"
ROWS = 100_000  # states written at a time
MOST_COLUMNS = 1000


def export(run, path, *, component="x", oscillator=0):
    """Write a run to path.csv, .npz or .wav, by its ending, or a sweep to one of the first two; beside first, then
    renamed.

    run : Trajectory or Sweep
    component, oscillator     of the sound: "x", "y" or "z"; the place in the batch, counted through
    Raises : TypeError, ValueError for another ending, where a sound has no line, or a sweep has more columns than 1000;
        OSError with one line
    """
    is_sweep = isinstance(run, Sweep)
    if not is_sweep:
        check_kind("run", run, Trajectory, "shno.load gives one.")
    path, writers = as_path("path", path), SWEEP_WRITERS if is_sweep else WRITERS
    ending, remedy = os.path.splitext(path)[1].lower(), "By its ending the format is chosen."
    if ending not in writers:
        remedy += " Only a run can be heard." if ending in WRITERS else ""
        raise ValueError(complaint("path", f"a name that ends in {', '.join(writers)}", repr(path), remedy))
    given = _sound(run, component, oscillator) if ending == ".wav" else run
    given = _columns(run) if is_sweep and ending == ".csv" else given
    partial = f"{path}.{secrets.token_hex(4)}.partial"
    try:
        with open(partial, "xb") as file:
            writers[ending](file, given)
        os.replace(partial, path)
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror}. Use a folder that you may write to.") from None
    finally:
        if os.path.exists(partial):
            os.remove(partial)


def _csv(file, run):
    """Lines of numbers that read back to the same float64."""
    n = int(np.prod(run.m.shape[1:-1]))
    tails = [""] if run.m.ndim == 2 else [f"_{k}" for k in range(n)]
    names = ["t_s", *(f"m_{c}{tail}" for tail in tails for c in COMPONENTS)]
    names += [] if run.T is None else [f"T{tail}_K" for tail in tails]
    file.write((",".join(names) + "\n").encode())
    for first in range(0, len(run.t), ROWS):
        part = slice(first, first + ROWS)
        columns = [x[part].reshape(len(run.t[part]), -1) for x in (run.t, run.m, run.T) if x is not None]
        np.savetxt(file, np.concatenate(columns, axis=1), fmt="%.17g", delimiter=",")


def _npz(file, run):
    """Arrays by their names."""
    np.savez(file, t=run.t, m=run.m, **({} if run.T is None else {"T": run.T}))


def _columns(sweep):
    """{name: (runs,)} of a sweep: axes, realisation, values; a reducer's own axes are spread over columns."""
    number = np.arange(sweep.runs) // sweep.realisations
    places = np.unravel_index(number, [len(x) for x in sweep.axes.values()]) if sweep.mode == "grid" else None
    columns = {}
    for k, (name, values) in enumerate(sweep.axes.items()):
        rows = values[number if places is None else places[k]]
        columns |= _spread(name, rows, sweep.units[name], ("component",) if rows.shape[1:] == (3,) else ())
    if sweep.realisations > 1:
        columns["realisation"] = np.arange(sweep.runs) % sweep.realisations
    leading = (len(sweep.axes) if sweep.mode == "grid" else 1) + (sweep.realisations > 1)
    for name, values in sweep.values.items():
        rows, own = values.reshape(sweep.runs, *values.shape[leading:]), sweep.dimensions[name][leading:]
        columns |= _spread(name, rows, sweep.units[name], own)
    return columns


def _spread(name, rows, unit, own):
    """{name with unit: column} of an array (n, ...) whose axes beyond the first have these names."""
    count = int(np.prod(rows.shape[1:]))
    if count > MOST_COLUMNS:
        rule, remedy = f"at most {MOST_COLUMNS} numbers a run in .csv", "Write .npz."
        raise ValueError(complaint(name, rule, f"{count}", remedy))
    unit = "" if unit in (None, "1") else f"_{unit}"
    if rows.ndim == 1:
        return {name + unit: rows}
    parts = COMPONENTS if own == ("component",) else range(count)
    return {f"{name}_{part}{unit}": rows.reshape(len(rows), -1)[:, k] for k, part in enumerate(parts)}


def _sweep_csv(file, columns):
    """Lines of numbers that read back to the same float64."""
    file.write((",".join(columns) + "\n").encode())
    columns = list(columns.values())
    for first in range(0, len(columns[0]), ROWS):
        part = [column[first : first + ROWS] for column in columns]
        np.savetxt(file, np.stack(part, axis=1), fmt="%.17g", delimiter=",")


def _sweep_npz(file, sweep):
    """Arrays by their names."""
    with zipfile.ZipFile(file, "w") as archive:  # numpy.savez takes some names for its own
        for name, array in (sweep.axes | sweep.scales | sweep.values).items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.ascontiguousarray(array), allow_pickle=False)


def _wav(file, sound):
    """16-bit samples."""
    with wave.open(file, "wb") as audio:
        audio.setnchannels(1), audio.setsampwidth(2), audio.setframerate(RATE)
        audio.writeframes(np.round(32_000 * sound / np.abs(sound).max()).astype("<i2").tobytes())


def _sound(run, component, oscillator):
    """The samples of SECONDS of sound."""
    n = int(np.prod(run.m.shape[1:-1]))
    if component not in tuple(COMPONENTS):
        raise ValueError(complaint("component", "x, y or z", repr(component), "It is the one that is heard."))
    if isinstance(oscillator, bool) or not isinstance(oscillator, int) or not 0 <= oscillator < n:
        raise ValueError(complaint("oscillator", f"in [0, {n})", repr(oscillator), "It is a place in the batch."))
    f = float(np.ravel(frequency(run, component=component))[oscillator])
    if not f > 0:
        raise ValueError(f"run must have a line to be heard, got none in m_{component}. Take a longer or driven run.")
    x = run.m[:].reshape(len(run.t), n, 3)[:, oscillator, COMPONENTS.index(component)].astype(np.float64)
    spectrum = np.fft.fft(x - x.mean())
    spectrum[len(x) // 2 + 1 :] = 0  # the analytic signal has no negative frequencies
    base = 2 * np.fft.ifft(spectrum) * np.exp(-2j * np.pi * f * (run.t[:] - run.t[0]))
    u = np.arange(int(SECONDS * RATE)) / RATE
    place, states = u / SECONDS * (len(x) - 1), np.arange(len(x))
    heard = np.interp(place, states, base.real) + 1j * np.interp(place, states, base.imag)
    return (heard * np.exp(2j * np.pi * PITCH * u)).real


WRITERS = {".csv": _csv, ".npz": _npz, ".wav": _wav}
SWEEP_WRITERS = {".csv": _sweep_csv, ".npz": _sweep_npz}
