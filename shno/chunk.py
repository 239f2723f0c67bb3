"""A chunk of an HDF5 dataset as it lies in the file: its numbers, and behind them Fletcher's checksum, which HDF5 asks
for when it reads. The checksum is computed here, by numpy: HDF5's own loop is slower than a disk.

Over the n words w_0, w_1, ... of 16 bits, high byte first, it is made of a = sum_i w_i and b = sum_i (n - i) w_i modulo
65535, with 65535 in place of 0 unless all words are 0. Both are linear: words that lie as a table are first summed over
rows and over columns, two words in each 64-bit number.
"""

import sys

import numpy as np

MODULUS = 65535
WIDTH, TABLE, ROWS = 512, 1 << 12, 128  # 64-bit numbers in a row; rows of a table (16 MB), and rows at a time (cached)
SECOND, SIXTEEN = np.uint64(0x0000FFFF0000FFFF), np.uint64(16)  # every second word of such a number; bits of a word
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
    words, a, b = data.reshape(-1).view(np.uint16), 0, 0
    for first in range(0, len(words), 4 * WIDTH * TABLE):
        total, moment = _sums(words[first : first + 4 * WIDTH * TABLE])
        a, b = a + total, b + (len(words) - first) * total - moment
    return ((b * TURNED - 1) % MODULUS + 1) << 16 | (a * TURNED - 1) % MODULUS + 1 if a else 0


def _sums(words):
    """(sum_i w_i, sum_i i w_i) of a table of words at most."""
    whole = len(words) - len(words) % (4 * WIDTH)
    rest, table = words[whole:].astype(np.int64), words[:whole].view(np.uint64).reshape(-1, WIDTH)
    rows, columns = np.zeros(len(table), np.uint64), np.zeros((2, WIDTH), np.uint64)
    halves = np.empty((2, ROWS, WIDTH), np.uint64)
    for first in range(0, len(table), ROWS):
        part = table[first : first + ROWS]
        low, high = halves[:, : len(part)]
        np.bitwise_and(part, SECOND, out=low)
        np.bitwise_and(np.right_shift(part, SIXTEEN, out=high), SECOND, out=high)
        columns += low.sum(axis=0), high.sum(axis=0)
        np.add(low, high, out=low).sum(axis=1, out=rows[first : first + ROWS])
    turn = 1 if sys.byteorder == "little" else -1  # the order of a number's words
    columns = columns.view(np.uint32).reshape(2, WIDTH, 2)[::turn].transpose(1, 2, 0).astype(np.int64).ravel()
    rows = rows.view(np.uint32).reshape(-1, 2).sum(axis=1, dtype=np.int64)
    moment = columns @ np.arange(4 * WIDTH) + 4 * WIDTH * (rows @ np.arange(len(rows)))
    return int(rows.sum() + rest.sum()), int(moment + rest @ np.arange(whole, len(words)))
