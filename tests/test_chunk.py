"""The checksum behind a chunk is HDF5's own, for every size and kind of number: a chunk is what HDF5 would write."""

import io

import h5py
import numpy as np
import pytest

from shno import chunk
from shno.chunk import Chunk, fletcher32

RNG = np.random.default_rng(1)
ROW = 2 * chunk.BLOCK  # bytes
ARRAYS = {
    "float64": RNG.normal(size=(1000, 3)),
    "float32": RNG.normal(size=(7, 2, 3)).astype(np.float32),
    "one number": RNG.normal(size=1),
    "an odd number of words": RNG.normal(size=3 * 1001).astype(np.float32),
    "zeros": np.zeros((50, 3)),
    "one bit": np.eye(1, 5000, 4321, dtype=np.uint64),
    "all bits": np.full(3 * ROW // 8 + 5, 2**64 - 1, np.uint64),
    "not numbers": np.full((100, 3), np.nan),
    **{f"{n} bytes": RNG.integers(0, 2**32, n // 4, dtype=np.uint32) for n in (ROW - 4, ROW, ROW + 4, 300 * ROW + 12)},
}


@pytest.mark.parametrize("name", ARRAYS)
def test_the_bytes_are_those_that_hdf5_writes(name):
    x = ARRAYS[name]
    with h5py.File(io.BytesIO(), "w") as file:
        data = file.create_dataset("x", data=x, chunks=x.shape, fletcher32=True)
        _, expected = data.id.read_direct_chunk((0,) * x.ndim)
    made = Chunk(x.shape, x.dtype)
    made.values[...] = x
    assert made.sealed().tobytes() == expected


def test_every_flipped_bit_changes_it():
    words = ARRAYS["float64"][:40].copy()
    flat, sound = words.reshape(-1).view(np.uint8), fletcher32(words)
    for place in range(len(flat)):
        for bit in range(8):
            flat[place] ^= 1 << bit
            assert fletcher32(words) != sound
            flat[place] ^= 1 << bit
