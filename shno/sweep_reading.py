"""Reading the file of a sweep (`sweep_file` describes it), whoever made it: nothing of it is believed before it is
checked, no link is followed, no code is run.
"""

import json
import os
import zlib
from contextlib import contextmanager

import h5py
import numpy as np

from shno import hdf5
from shno import hdf5_parts as parts

FORMAT, LAYOUT_VERSION = "shno sweep", 1
UNFINISHED = 2**64 - 1
PIECE = 2**24  # bytes read at a time
LARGE = 2**28  # bytes of an array that is not read as a whole
TEXTS = ("mode", "reducer", "reducer_settings", "settings", "config", "command_line", "versions", "definition")
BESIDE = ("parameters", "blocks", "component")  # the values and coordinates in the root
NUMBERS = ("runs", "block", "realisations")


@contextmanager
def opened(path):
    """The HDF5 file, open for reading whether or not somebody writes its blocks.

    Raises : FileNotFoundError, PermissionError; ValueError with one line for what goes wrong inside
    """
    path = os.fspath(path)
    with parts.readable(path, "a sweep", "sweep"), h5py.File(path, "r", locking=False) as file:
        yield file


def is_sweep(path):
    """Whether a file says that it is that of a sweep; False where it cannot be read."""
    try:
        with opened(path) as file:
            return parts.attribute(file, "format") == FORMAT
    except (OSError, ValueError, TypeError):
        return False


def read(path):
    """Everything in the file of a sweep; NaN in blocks that are not finished.

    Returns : attributes {name: number or text}, scales and data {name: (dimensions, array, unit or None)}, parameters
              {group: {name: number or array}}, wall time (s), share of the blocks that are finished
    Raises : as `opened`
    """
    with opened(path) as file:
        size = os.path.getsize(path)
        attributes, names = head(file)
        labelled = {name: _labelled(file, name, size) for name in file if name not in BESIDE}
        parts.check_size("/", sum(each.nbytes for _, each in labelled.values()), size)  # links to one dataset
        found = {name: (dimensions, _array(each), _unit(each)) for name, (dimensions, each) in labelled.items()}
        if not set(names) <= set(found):
            raise ValueError(f"{' '.join(sorted(set(names) - set(found)))} is missing, so the file is incomplete")
        data = {name: found.pop(name) for name in names}
        done = _finished(file, names, attributes, size)
        for _, array, _ in data.values():
            rows = array.reshape(attributes["runs"], -1)
            for k in np.flatnonzero(~done):
                rows[k * attributes["block"] : (k + 1) * attributes["block"]] = np.nan
        groups = parts.group_of(file, "parameters")
        parameters = {name: _numbers(parts.group_of(groups, name), size) for name in ("oscillator", "drive")}
        if attributes.pop("checksum", None) != seal(attributes, found, parameters):
            raise ValueError("its parameters or coordinates are damaged")
        wall_time = float(parts.dataset(parts.group_of(file, "blocks"), "wall_time", size)[()])
    return attributes, found, data, parameters, wall_time, float(done.mean())


def seal(attributes, scales, parameters):
    """CRC-32 of all that is in the file beside the data.

    attributes : {name: number or text}; scales : {name: (dimensions, array, unit)}
    parameters : {group: {name: number or array}}
    """
    texts = {name: value for name, value in attributes.items() if name not in ("checksum", "format", "variables")}
    texts.pop("layout_version", None)
    named = {f"{group} {name}": value for group, members in parameters.items() for name, value in members.items()}
    named |= {name: array for name, (_, array, _) in scales.items() if name != "component"}
    labels = {name: (" ".join(dimensions), unit) for name, (dimensions, _, unit) in scales.items() if name in named}
    total = zlib.crc32(json.dumps([texts, labels], sort_keys=True).encode())
    for name in sorted(named):
        array = np.ascontiguousarray(named[name], dtype=np.float64)
        total = zlib.crc32(f"{name} {array.shape}".encode() + array.tobytes(), total)
    return total


def progress(path):
    """The attributes of a sweep's file, and which of its blocks are finished, (blocks,) bool; damaged ones are not.

    Raises : as `opened`
    """
    with opened(path) as file:
        attributes, names = head(file)
        return attributes, _finished(file, names, attributes, os.path.getsize(path), repair=True)


def head(file):
    """The attributes of the file and the names of its data; ValueError where it is not one of this layout."""
    attributes = {name: parts.attribute(file, name) for name in file.attrs}
    if attributes.get("format") != FORMAT:
        remedy = "shno.load reads it" if attributes.get("format") == hdf5.FORMAT else "Use a file that a sweep wrote"
        raise ValueError(f"it is an HDF5 file, but not a {FORMAT}. {remedy}")
    if attributes.get("layout_version") != LAYOUT_VERSION:
        got = attributes.get("layout_version")
        raise ValueError(f"layout_version must be {LAYOUT_VERSION}, got {got}. Use the release that wrote the file")
    for names, kind, word in (((*TEXTS, "variables"), str, "a text"), (NUMBERS, int, "a whole number above 0")):
        for name in names:
            value = attributes.get(name)
            if not isinstance(value, kind) or (kind is int and value < 1):
                raise ValueError(f"attribute {name} must be {word}, so the file is damaged")
    return attributes, attributes["variables"].split()


def _finished(file, names, attributes, size, *, repair=False):
    """Which blocks are finished, (blocks,) bool; ValueError for a damaged one unless they are to be repaired."""
    runs, block = attributes["runs"], attributes["block"]
    checksums = parts.dataset(parts.group_of(file, "blocks"), "checksum", size, "u")[()]
    if checksums.shape != (-(-runs // block),):
        raise ValueError(f"blocks/checksum must have {-(-runs // block)} numbers, so the file is damaged")
    sets = [parts.dataset(file, name, size) for name in names]
    done = np.zeros(len(checksums), bool)
    for k in np.flatnonzero(checksums != UNFINISHED):
        total = 0
        for dataset in sets:
            total = _checksum(file, dataset, (k * block, min(runs, (k + 1) * block)), runs, total)
        done[k] = total == checksums[k]
        if not done[k] and not repair:
            raise ValueError(f"block {k} is damaged; to resume the sweep computes it again")
    return done


def _checksum(file, dataset, rows, runs, total):
    """CRC-32, going on from a total, of some rows of a dataset that lies in one piece."""
    row, place = dataset.nbytes // runs, dataset.id.get_offset()
    if place is None or not dataset.nbytes or dataset.nbytes % runs:
        raise ValueError(f"{dataset.name} does not lie in one piece of {runs} rows, so the file is damaged")
    with open(file.filename, "rb") as raw:
        raw.seek(place + rows[0] * row)
        left = (rows[1] - rows[0]) * row
        while left:
            piece = raw.read(min(left, PIECE))
            if not piece:
                raise ValueError("it is truncated")
            total, left = zlib.crc32(piece, total), left - len(piece)
    return total


def _labelled(file, name, size):
    """The dimensions of a dataset of the root, and the dataset, not yet read."""
    dataset = parts.dataset(file, name, size, "fiu")
    dimensions = parts.attribute(dataset, "dimensions")
    if not isinstance(dimensions, str) or len(dimensions.split()) != dataset.ndim:
        raise ValueError(f"{dataset.name} must name its {dataset.ndim} dimensions, so the file is damaged")
    return tuple(dimensions.split()), dataset


def _array(dataset):
    """The values of a dataset; large ones that lie in one piece stay in the file, to be read where they are looked at.

    What is written to such an array stays in memory.
    """
    place = dataset.id.get_offset()
    if dataset.nbytes < LARGE or place is None:
        return dataset[()]
    return np.memmap(dataset.file.filename, dataset.dtype, "c", place, dataset.shape)


def _unit(dataset):
    unit = parts.attribute(dataset, "units")
    return unit if isinstance(unit, str) else None


def _numbers(group, size):
    """All datasets of a group, as floats and float64 arrays."""
    values = {name: each[()].astype(np.float64) for name, each in parts.datasets(group, size).items()}
    return {name: value if value.ndim else float(value) for name, value in values.items()}
