"""Arrays and attributes <-> HDF5 file. Knows dicts, not `Trajectory`.

    /                           attributes: format = "shno trajectory", layout_version = 3, and the settings of the run:
                                dt (dt_units = "s"), t0 (s), temperature (K), save_every, solver, executor, dtype, seed,
                                versions, command_line; one that is None is absent; of a streamed run also states, how
                                many it is to have in all (there are fewer until it is complete), device and threads
    /time        (n,)           s; dimension scale
    /m           (n, *batch, 3) unit magnetisation; its axes carry the scales time, the batch's, component
    /oscillator  (batch,)       index along a one-dimensional batch; otherwise /batch_0, /batch_1, ..., one an axis
    /component   (3,)           "x", "y", "z"
    /parameters/oscillator/Ms   one dataset a parameter, the number or array that was given, with an attribute `units`;
    /parameters/drive/I ...     the names are those of `Oscillator` and `Drive`; one that is None is absent; a waveform
                                is a path such as I.Sum.a.Sine.amplitude (`waveform_numbers`)
    /parameters/run/T ...       temperature of each oscillator (n, *batch) (with Joule heating), realisation (where it
                                was given); m0 and T_start, which a streamed run began with
    /wall_time   ()             of a streamed run, s, as far as it has come; (1,) in files of before
    /exact/m, T, time           (2, *batch, 3), (2, *batch), (2,): of a run streamed in another precision than it is
                                computed in, the last state of each chunk in turns as it was: resume goes on from it

m and T are float64 or float32, times float64, all in chunks along time; the attribute dtype is the precision of the
computation. Numbers are stored bit for bit. Metadata and arrays carry checksums, so that damage is found. Readable by
HDF5 1.10 and later, by plain h5py, and by xarray.open_dataset(path, engine="h5netcdf"). A run is streamed in HDF5's
single-writer mode: until it is complete, and after a kill, h5py opens it with swmr=True, others after `shno resume`, or
a copy after `h5clear -s --increment=0`. Layout 2 called time `t`; it is still read.
"""

import contextlib
import io
import os
import secrets

import h5py
import numpy as np

from shno.hdf5_parts import attribute, dataset, datasets, group_of, readable
from shno.stored import Stored, opened

FORMAT = "shno trajectory"
LAYOUT_VERSION = 3
TIME = {2: "t", 3: "time"}  # its name in each layout that is read
SERIES, EXACT = "/parameters/run/T", "exact"
EXACT_NAMES = {2: {"m": "1", "time": "s"}, 3: {"m": "1", "T": "K", "time": "s"}}  # units, without and with temperatures
SETTING_UNITS = {"dt": "s", "t0": "s", "noise_dt": "s", "temperature": "K"}
CHUNK = 2**20  # bytes: small beside memory, large beside the 30 or so that HDF5 adds to each
LIBRARY = ("v110", "v110")  # the first HDF5 format whose metadata all carry checksums


def write(path, *, t, m, groups, attributes):
    """Write one run to `path`: to a temporary file beside it, then renamed, so that `path` is whole or untouched.

    t : (n,), s
    m : (n, *batch, 3)      float64 or float32
    groups : {"oscillator": {name: (value, unit)}, "drive": {...}}
    attributes : {name: number or string}
    Raises : OSError with one line when it cannot be written; nothing is left behind
    """
    t, m, path = np.asarray(t), np.asarray(m), os.path.realpath(path)
    _check_shapes(t, m)
    image = io.BytesIO()  # in memory: HDF5 brings the process down at exit when the disk has failed under it
    with h5py.File(image, "w", libver=LIBRARY) as file:
        fill(file, t, m, groups, attributes)

    partial = f"{path}.{secrets.token_hex(4)}.partial"
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            raise OSError("it exists and is not a file")
        with open(partial, "xb") as file:
            file.write(image.getbuffer())
        os.replace(partial, path)
    except OSError as error:
        remedy = f"Use a folder that exists, that you may write to and that has {m.nbytes // 10**6 + 1} MB free."
        raise OSError(f"{path} cannot be written: {error.strerror or error}. {remedy}") from None
    finally:
        with contextlib.suppress(OSError):
            os.remove(partial)


def read(path, *, lazy=False):
    """Read what `write` or a `Stream` wrote, up to the last state that is whole.

    lazy : whether t, m and the temperatures stay in the file: `Stored` instead of arrays
    Returns : t (n,), m (n, *batch, 3), groups {"oscillator": {name: float or array}, "drive": {...}}, attributes
    Raises : FileNotFoundError, PermissionError; ValueError with one line when it is not ours, of another layout,
             truncated or damaged
    """
    path = os.fspath(path)
    with readable(path, "Trajectory.save", "simulation"):
        size = os.path.getsize(path)
        with opened(path) as file:
            return _read(file, size, lazy)


def _read(file, size, lazy):
    """What `read` returns, of an open file of so many bytes."""
    attributes = _settings(file)
    series = [dataset(file, name, size) for name in (TIME[attributes.pop("layout_version")], "m")]
    parameters = group_of(file, "parameters")
    groups = {name: _values(group_of(parameters, name), size) for name in ("oscillator", "drive", "run")}
    if "T" in groups["run"]:
        series.append(groups["run"]["T"])
    if "states" in attributes:  # until it is complete one series may be ahead of another
        n, rows = _whole(series, size), (series[0].chunks or [1])[0]
        if not isinstance(attributes["states"], int) or attributes["states"] < max(n, 1):
            raise ValueError(f"attribute states must be a whole number, at least {max(n, 1)}, so the file is damaged")
        attributes |= {"rows": rows, "exact": _exact(file, series, n, rows, size)}
        series = [Stored(file.filename, each.name, (n, *each.shape[1:]), each.dtype) for each in series]
    _check_shapes(*series)
    series = [Stored(file.filename, x.name, x.shape, x.dtype) if lazy else x[()] for x in series]
    if len(series) == 3:
        groups["run"]["T"] = series.pop()
    if "wall_time" in file:
        attributes["wall_time"] = float(np.ravel(dataset(file, "wall_time", size)[()])[:1].sum())
    return *series, groups, attributes


def _whole(series, size):
    """How many states are in a file of so many bytes: all series have them, and their times, written last, are numbers.

    A file that was cut after a kill has chunks beyond its end, which HDF5 would read as zeros.
    """
    if any(each.ndim == 0 for each in series) or series[0].ndim > 1:
        return 0
    n = min(len(each) for each in series)
    for each in series:
        while n and not _is_within(each, n - 1, size):
            n = (n - 1) // each.chunks[0] * each.chunks[0]
    while n:
        first = max(0, n - CHUNK)
        known = np.flatnonzero(~np.isnan(series[0][first:n]))
        if len(known):
            return first + int(known[-1]) + 1
        n = first
    return 0


def _is_within(data, row, size):
    """Whether a row of a dataset is within a file of so many bytes."""
    if data.chunks is None:
        return True
    place = [row // data.chunks[0] * data.chunks[0]] + [0] * (data.ndim - 1)
    chunk = data.id.get_chunk_info_by_coord(tuple(place))
    return chunk.byte_offset is not None and chunk.byte_offset + chunk.size <= size


def _exact(file, series, n, rows, size):
    """{"m", "T"}: the n-th state as it was computed; None where it is not kept besides. rows : states of a chunk"""
    if EXACT not in file or n == 0 or n % rows:
        return None
    series, kept = [*series[1:], series[0]], group_of(file, EXACT)
    found = {name: dataset(kept, name, size) for name in EXACT_NAMES[len(series)]}
    for each, given in zip(found.values(), series, strict=True):
        if each.shape != (2, *given.shape[1:]):
            raise ValueError(f"{each.name} must have shape {(2, *given.shape[1:])}, got {each.shape}")
    state = {name: each[(n // rows - 1) % 2] for name, each in found.items()}
    return state if state["time"] == series[-1][n - 1] else None


def fill(file, t, m, groups, attributes, rows=None, compression=None, exact=None):
    """Put everything into the open file, in the layout of the module's docstring.

    rows : int     t, m and the temperatures are series that will grow, in chunks of so many states
    exact          arrays m, T where there are temperatures, and time, such as are to be kept besides
    """
    series = {"rows": rows, "compression": compression}
    units = {f"{name}_units": unit for name, unit in SETTING_UNITS.items() if name in attributes}
    describe(file, format=FORMAT, layout_version=LAYOUT_VERSION, **attributes, **units)

    batch = m.shape[1:-1]
    names = batch_names(batch)
    describe(_create(file, "m", m, **series), units="1", long_name="unit magnetisation")
    describe(_create(file, "time", t, **series), units="s", long_name="time")
    for name, n in zip(names, batch, strict=True):
        file[name] = np.arange(n)
    file["component"] = ["x", "y", "z"]
    for axis, name in enumerate(("time", *names, "component")):
        file[name].make_scale(name)
        file["m"].dims[axis].attach_scale(file[name])
        file["m"].dims[axis].label = name

    for group, parameters in groups.items():
        members = file.create_group(f"parameters/{group}")
        for name, (value, unit) in parameters.items():
            is_series = members.name + "/" + name == SERIES
            grows, dtype = (series, None) if is_series else ({}, np.float64)
            describe(_create(members, name, np.asarray(value, dtype), **grows), units=unit)
    for (name, unit), x in zip(EXACT_NAMES[len(exact)].items() if exact else (), exact or (), strict=True):
        kind = {"dtype": x.dtype, "chunks": (1, *x.shape), "fletcher32": True}
        describe(file.create_dataset(f"{EXACT}/{name}", (2, *x.shape), **kind), units=unit)


def batch_names(batch):
    """The names of a batch's axes."""
    return ["oscillator"] if len(batch) == 1 else [f"batch_{axis}" for axis in range(len(batch))]


def _create(group, name, values, rows=None, compression=None):
    """A dataset whose damage is found: a number within the metadata, an array in checksummed chunks of about CHUNK, or
    of so many rows each and without an end. A time that is not yet written is NaN.
    """
    if rows is not None:
        kind = {"dtype": values.dtype, "chunks": (rows, *values.shape[1:]), "maxshape": (None, *values.shape[1:])}
        return group.create_dataset(
            name, values.shape, fletcher32=True, compression=compression, fillvalue=np.nan, **kind
        )
    if values.ndim == 0:
        compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        compact.set_layout(h5py.h5d.COMPACT)
        kind, space = h5py.h5t.py_create(values.dtype), h5py.h5s.create(h5py.h5s.SCALAR)
        dataset = h5py.Dataset(h5py.h5d.create(group.id, name.encode(), kind, space, compact))
        dataset[()] = values
        return dataset
    if values.size == 0:
        return group.create_dataset(name, data=values)
    n = len(values)
    rows = -(-n // -(-values.nbytes // CHUNK))  # n / (number of chunks), both rounded up: the last one is nearly full
    return group.create_dataset(name, data=values, chunks=(rows, *values.shape[1:]), fletcher32=True)


def describe(node, **attributes):
    """Attach attributes; strings with a fixed length, since HDF5 keeps the other kind in a heap without checksums."""
    for name, value in attributes.items():
        if isinstance(value, str):
            value = value.encode()
            node.attrs.create(name, value, dtype=h5py.string_dtype("utf-8", max(1, len(value))))
        else:
            node.attrs[name] = value


def _check_shapes(t, m, T=None):
    """ValueError unless t is (n,) float64 and m is (n, *batch, 3) float64 or float32; arrays or datasets."""
    if t.dtype != np.float64 or m.dtype not in (np.float64, np.float32):
        raise ValueError(f"time t must be float64 and m float64 or float32, got {t.dtype} and {m.dtype}")
    if len(t.shape) != 1 or len(m.shape) < 2 or m.shape[0] != t.shape[0] or m.shape[-1] != 3:
        raise ValueError(f"time t must have shape (n,) and m (n, ..., 3), got {t.shape} and {m.shape}")
    if T is not None and T.shape != m.shape[:-1]:
        raise ValueError(f"T must have m's shape without its last axis, got {T.shape} and {m.shape}")


def _settings(file):
    """The root attributes that are settings of the run, and layout_version; ValueError for an unknown layout."""
    attributes = {name: attribute(file, name) for name in file.attrs}
    if (said := attributes.pop("format", None)) != FORMAT:
        remedy = "shno.load_sweep reads it" if said == "shno sweep" else "Use a file that Trajectory.save wrote"
        raise ValueError(f"it is an HDF5 file, but not a {FORMAT}. {remedy}")
    version = attributes.get("layout_version")
    if version not in TIME:
        raise ValueError(f"layout_version must be {LAYOUT_VERSION}, got {version}. Use the release that wrote the file")
    for name, value in attributes.items():
        if value is None:
            raise ValueError(f"attribute {name} must be a number or a string of fixed length")
    return {name: value for name, value in attributes.items() if not name.endswith("_units")}


def _values(group, size):
    """All datasets of a group, as floats and float64 arrays; the series of temperatures as it is."""
    found = datasets(group, size, but=(SERIES,))
    values = {name: each[()].astype(np.float64) for name, each in found.items() if each.name != SERIES}
    return found | {name: value if value.ndim else float(value) for name, value in values.items()}
