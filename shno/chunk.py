"""A chunk of an HDF5 dataset as it lies in the file: its numbers, and behind them Fletcher's checksum, which HDF5 asks
for when it reads. The checksum is computed here: HDF5's own loop is slower than a disk.

Over the n words w_0, w_1, ... of 16 bits, high byte first, it is made of a = sum_i w_i and b = sum_i (n - i) w_i modulo
65535, with 65535 in place of 0 unless all words are 0.
"""

import sys
from functools import cache

import numpy as np

MODULUS, BLOCK = 65535, 256  # words: their sums of products fit into 32 bits, 16 of which a processor takes at once
TURNED = 256 if sys.byteorder == "little" else 1  # two bytes the other way round are a factor of 256, modulo 65535
SEAL = 4  # bytes of a checksum


class Chunk:
    """Room for rows of a dataset.

    values : array   of the shape and dtype given, to be filled
    """

    def __init__(self, shape, dtype):
        """Nothing is in it yet."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        self.bytes = np.empty(size + SEAL, np.uint8)
        self.values = self.bytes[:size].view(dtype).reshape(shape)

    def sealed(self):
        """The bytes of the file: the values, and their checksum."""
        self.bytes[-SEAL:] = np.frombuffer(fletcher32(self.values).to_bytes(SEAL, "little"), np.uint8)
        return self.bytes


def fletcher32(data):
    """HDF5's Fletcher-32 of a contiguous array of numbers of 2 bytes or more: an integer in [0, 2^32).

    Source : J. G. Fletcher, IEEE Trans. Commun. 30, 247 (1982); HDF5 file format specification, filter 3
    """
    a, b = (int(x) * TURNED for x in _compiled()(data.reshape(-1).view(np.uint16)))
    return ((b - 1) % MODULUS + 1) << 16 | (a - 1) % MODULUS + 1 if a else 0


def _sums(words):
    """(sum_i w_i, sum_i (n - i) w_i modulo 65535)."""
    n, a, b = len(words), np.uint64(0), np.uint64(0)
    for first in range(0, n, BLOCK):
        part = words[first : first + BLOCK]
        total = moment = np.uint32(0)
        for k in range(len(part)):
            total = np.uint32(total + part[k])
            moment = np.uint32(moment + np.uint32(k) * part[k])
        a += np.uint64(total)
        b = (b + np.uint64(n - first) * np.uint64(total) - np.uint64(moment)) % np.uint64(MODULUS)
    return a, b


@cache
def _compiled():
    """`_sums` compiled; here, since a file that is only read needs no compiler."""
    from shno import kernel_cache

    return kernel_cache.compiled(__file__)(_sums)
