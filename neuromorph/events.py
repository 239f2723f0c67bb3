"""Event files of N-MNIST: what a sensor of 34 x 34 pixels saw of an MNIST digit that moved in three saccades.

A file is a list of events of 5 bytes (40 bits): x, y, then a polarity (1: brighter) and 23 bits of time in
microseconds, most significant bit first. An event with y = 240 is no event: from it on, times are 2^13 us later.
Events become frames of what the networks take: 28 x 28 pixels around the centre, since every network has as many inputs
(the digits have the scale of MNIST; it is the saccades that need the 3 pixels around), and 1 where anything happened,
whatever the polarity: an edge is brighter or darker by the direction of the saccade, which tells nothing of the digit.
Source : Orchard, Jayawant, Cohen, Thakor, Front. Neurosci. 9, 437 (2015), garrickorchard.com/datasets/n-mnist; the
overflow as in their reader (github.com/gorchard/event-Python).
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

SENSOR, SIDE = 34, 28  # pixels
MARGIN = (SENSOR - SIDE) // 2
BYTES = 5  # an event
OVERFLOW, LATER = 240, 1 << 13  # y of what is no event; us
STEPS = 15  # neural steps of the hybrid
DIGITS = tuple("0123456789")
PARTS = ("Train", "Test")


class Events(NamedTuple):
    """Events in the order of the file, arrays (n,).

    x, y : pixel, 0 ... 33      y counts downwards
    brighter : bool             polarity
    t_us : int64, us            since the recording began
    """

    x: np.ndarray
    y: np.ndarray
    brighter: np.ndarray
    t_us: np.ndarray


def read_events(path):
    """The Events of an N-MNIST file.

    Raises : FileNotFoundError; ValueError for an empty or truncated file, or a pixel outside the sensor
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"event file must be a file, got '{path}'. Check its name.")
    content = np.frombuffer(path.read_bytes(), np.uint8)
    if len(content) % BYTES or not len(content):
        rule = f"whole events of {BYTES} bytes"
        raise ValueError(f"{path} must hold {rule}, got {len(content)} bytes. Fetch it again.")
    x, y, high, middle, low = content.reshape(-1, BYTES).T.astype(np.int64)
    overflow = y == OVERFLOW
    t_us = ((high & 127) << 16 | middle << 8 | low) + LATER * np.cumsum(overflow)
    x, y, high, t_us = (each[~overflow] for each in (x, y, high, t_us))
    outside = np.flatnonzero((x >= SENSOR) | (y >= SENSOR))
    if len(outside) or not len(x):
        got = f"({x[outside[0]]}, {y[outside[0]]}) at event {outside[0]}" if len(outside) else "no event"
        raise ValueError(f"{path} must hold events of {SENSOR} x {SENSOR} pixels, got {got}. Fetch it again.")
    return Events(x, y, high >= 128, t_us)


def frames(events, steps):
    """Events as spikes: in each of `steps` equal parts of the recording, 1 where a pixel of the middle had an event.

    events : Events
    steps : int, 1 or more
    Returns : (steps, 28, 28) uint8 tensor of 0 and 1; rows are y
    Raises : ValueError
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps must be a whole number >= 1, got {steps!r:.60}. 15 is usual.")
    t = events.t_us - events.t_us.min()
    step = t * steps // (t.max() + 1)
    x, y = events.x - MARGIN, events.y - MARGIN
    inside = (x >= 0) & (x < SIDE) & (y >= 0) & (y < SIDE)
    spikes = torch.zeros(steps, SIDE, SIDE, dtype=torch.uint8)
    spikes.numpy()[step[inside], y[inside], x[inside]] = 1
    return spikes


def read_n_mnist(folder, *, classes, steps):
    """The recordings of the digits below `classes`: `folder`/Train/0/any.bin ... and `folder`/Test/0/any.bin ...

    folder : pathlib.Path       or one that holds N-MNIST with these folders
    Returns : [(frames, labels) for training, the same for testing]: uint8 (n, steps, 28, 28) of 0 and 1; steps x 784
        bytes a recording, 0.7 GB for all at 15 steps
    Raises : FileNotFoundError, ValueError
    """
    folder = folder / "N-MNIST" if (folder / "N-MNIST").is_dir() else folder
    return [_read_part(folder / part, classes, steps) for part in PARTS]


def _read_part(folder, classes, steps):
    """(frames, labels) of the files in folder/0 ... folder/(classes - 1)."""
    if not folder.is_dir():
        rule = "Train/0 ... Train/9 and Test/0 ... Test/9"
        raise FileNotFoundError(f"data_dir must hold {rule} of N-MNIST, got '{folder.parent}'. Unpack the files there.")
    strange = sorted(each.name for each in folder.iterdir() if each.is_dir() and each.name not in DIGITS)
    if strange:
        raise ValueError(f"{folder} must hold folders 0 to 9, got '{strange[0]}'. A folder's name is its digit.")
    files = {label: sorted((folder / str(label)).glob("*.bin")) for label in range(classes)}
    for label, found in files.items():
        if not found:
            raise FileNotFoundError(f"{folder / str(label)} must hold event files *.bin, got none. Unpack them there.")
    labels = torch.tensor([label for label, found in files.items() for _ in found])
    spikes = torch.empty(len(labels), steps, SIDE, SIDE, dtype=torch.uint8)
    for k, path in enumerate(path for found in files.values() for path in found):
        spikes[k] = frames(read_events(path), steps)
    return spikes, labels
