"""The compiled passes of a dense layer of spikes: sums of table rows over the inputs that spike.

Spikes are listed some rows at a time, and tables are taken in parts, so that both stay in the first cache. Sums run in
an order that depends on nothing but the shapes: neither the number of threads nor other rows change a bit.
"""

import numpy as np
from numba.extending import register_jitable

from neuromorph import intrinsics
from shno import kernel_cache

WIDTH = 64  # outputs that are summed at once
CHUNK = 128  # rows whose spikes are listed together, and rows of a table used together: 32 kB in float32
MARGIN = intrinsics.LANES  # places that a list has more than it needs
PARTS = 8  # of many rows, whose gradients are summed apart, whatever the number of threads
FEW = 8192  # rows, from which on they are many
add_64, listed_64 = intrinsics.adder(WIDTH), intrinsics.lister(64)
not_zero, not_one = intrinsics.comparer(0.0), intrinsics.comparer(1.0)


@register_jitable
def fired(x, start, n, words):
    """Bit k of word j: x[start + 64 j + k] is not zero, of n elements of a flat x; whether all are 0 or 1."""
    neither = np.uint64(0)
    for j in range(n // 64):
        words[j] = not_zero(x, start + 64 * j)
        neither |= words[j] & not_one(x, start + 64 * j)
    if n % 64:
        j, words[n // 64] = n // 64, np.uint64(0)
        for k in range(n % 64):
            value = x[start + 64 * j + k]
            words[j] |= np.uint64(value != 0) << np.uint64(k)
            neither |= np.uint64(value != 0 and value != 1)
    return neither == 0


@register_jitable
def transpose(words):
    """64 words of 64 bits, columns for rows (Warren, Hacker's Delight (2012), 7-3)."""
    shift, mask = np.uint64(32), np.uint64(0x00000000FFFFFFFF)
    while shift:
        half = np.int64(shift)
        for start in range(0, 64, 2 * half):
            for k in range(start, start + half):
                swap = ((words[k] >> shift) ^ words[k + half]) & mask
                words[k + half] ^= swap
                words[k] ^= swap << shift
        shift >>= np.uint64(1)
        mask ^= mask << shift


@kernel_cache.compiled(__file__, intrinsics.__file__)
def linear(first, last, blocks, x, table, y, spikes):
    """y (rows, tiles, 64) += spikes x (rows, n) times table (tiles, n, 64), of chunks of rows; spikes (chunks): whether
    its x is of spikes alone. Where it is not, its y is of no use.
    """
    rows, n = x.shape
    parts, of_part = (n + CHUNK - 1) // CHUNK, CHUNK // 64
    index, words = np.empty(CHUNK * n + MARGIN, np.uint32), np.empty(n // 64 + 1, np.uint64)
    ends = np.empty((CHUNK, parts + 1), np.int64)
    given, flat, out, tiles = x.reshape(-1), table.reshape(-1), y.reshape(-1), len(table)
    for chunk in range(first, last):
        a, b, k = chunk * CHUNK, min(rows, (chunk + 1) * CHUNK), 0
        spikes[chunk] = True
        for r in range(b - a):
            spikes[chunk] &= fired(given, (a + r) * n, n, words)
            for j in range((n + 63) // 64):
                if j % of_part == 0:
                    ends[r, j // of_part] = k
                k = listed_64(words[j], 64 * (j % of_part), k, index)
            ends[r, parts] = k
        for tile in range(tiles):
            for part in range(parts):
                base = (tile * n + part * CHUNK) * WIDTH
                for r in range(b - a):
                    at = ((a + r) * tiles + tile) * WIDTH
                    add_64(out, at, flat, base, WIDTH, index, None, ends[r, part], ends[r, part + 1])


@register_jitable
def columns(x, words, square, index, ends):
    """List the rows that spike, at most CHUNK, of each column of x (rows, n): ends (n + 1)."""
    (rows, n), given, k = x.shape, x.reshape(-1), 0
    words[rows:] = 0
    for r in range(rows):
        fired(given, r * n, n, words[r])
    for j in range((n + 63) // 64):
        for half in range(len(square)):
            square[half] = words[64 * half : 64 * half + 64, j]
            transpose(square[half])
        for i in range(64 * j, min(n, 64 * j + 64)):
            ends[i] = k
            for half in range(len(square)):
                k = listed_64(square[half, i - 64 * j], 64 * half, k, index)
    ends[n] = k


@kernel_cache.compiled(__file__, intrinsics.__file__)
def linear_weights(first, last, blocks, x, y_bar, table_bar):
    """table_bar (parts, tiles, n, 64) += spikes x (rows, n) transposed times y_bar (rows, tiles, 64), of parts of
    the rows.
    """
    rows, n = x.shape
    parts, tiles, _, width = table_bar.shape
    words, index = np.empty((CHUNK, (n + 63) // 64), np.uint64), np.empty(CHUNK * n + MARGIN, np.uint32)
    square, ends = np.empty((CHUNK // 64, 64), np.uint64), np.empty(n + 1, np.int64)
    piece, out = np.empty((CHUNK, width), x.dtype), table_bar.reshape(-1)
    flat = piece.reshape(-1)
    for part in range(first, last):
        begin, end = part * rows // parts, (part + 1) * rows // parts
        for a in range(begin, end, CHUNK):
            b = min(end, a + CHUNK)
            columns(x[a:b], words, square, index, ends)
            for tile in range(tiles):
                piece[: b - a] = y_bar[a:b, tile]
                for i in range(n):
                    at = ((part * tiles + tile) * n + i) * width
                    add_64(out, at, flat, 0, WIDTH, index, None, ends[i], ends[i + 1])
