"""The compiled passes of a 3 x 3 convolution of spikes and the largest of each 2 x 2 of its values, as sums of rows.

Arrays are images x height x width x channels. What three rows of an image hold is one list, pixel by pixel, so that
what a value of the convolution sees, three neighbouring pixels, is one part of it: it is one sum of rows, and so is its
gradient by a pixel. What flows back enters the largest of each four values alone, a quarter of them.
"""

import numpy as np
from numba.extending import register_jitable

from neuromorph import intrinsics, sparse_kernels
from neuromorph.sparse_kernels import MARGIN, PARTS, add_64, fired, listed_64, transpose
from shno import kernel_cache

KERNEL = 3
OUT = 64  # channels of the convolution
SOURCES = __file__, sparse_kernels.__file__, intrinsics.__file__
add_96, add_192, listed_32 = intrinsics.adder(96), intrinsics.adder(192), intrinsics.lister(32)


@register_jitable
def pixel(words, x, channels):
    """The bits of a pixel's channels, 32 or 64, of a row's."""
    word = words[x * channels // 64]
    return word if channels == 64 else (word >> np.uint64(32 * (x % 2))) & np.uint64(0xFFFFFFFF)


@register_jitable
def neighbours(words, row, channels, index, ends):
    """List what rows row - 1 to row + 1 hold, by pixel, row and channel; ends (width + 1). words (height, ...)"""
    k, width = 0, len(ends) - 1
    for x in range(width):
        ends[x] = k
        for ky in range(max(0, 1 - row), min(KERNEL, len(words) + 1 - row)):
            word, offset = pixel(words[row + ky - 1], x, channels), (KERNEL * x + ky) * channels
            if channels == 64:
                k = listed_64(word, offset, k, index)
            else:
                k = listed_32(word, offset, k, index)
    ends[width] = k


@register_jitable
def largest(values, out, winner):
    """The largest of four rows of OUT values, and which one that is: the first of equals."""
    first, second, third, fourth = values[:OUT], values[OUT : 2 * OUT], values[2 * OUT : 3 * OUT], values[3 * OUT :]
    for c in range(OUT):
        upper = second[c] if second[c] > first[c] else first[c]
        lower = fourth[c] if fourth[c] > third[c] else third[c]
        out[c] = lower if lower > upper else upper
    for c in range(OUT):
        best = out[c]
        winner[c] = 0 if first[c] == best else 1 if second[c] == best else 2 if third[c] == best else 3


@kernel_cache.compiled(*SOURCES)
def forward(first, last, blocks, x, table, bias, y, winner, spikes):
    """y (images, height // 2, width // 2, 64) and which of four values it is, of x (images, height, width, channels).

    table (3, 3, channels, 64): weights by column, row and channel; spikes (images): whether x is of spikes alone. Where
    it is not, y is of no use.
    """
    _, height, width, channels = x.shape
    n, flat, given = width * channels, table.reshape(-1), x.reshape(-1)
    words, index = np.empty((height, (n + 63) // 64), np.uint64), np.empty(KERNEL * n + MARGIN, np.uint32)
    ends, values = np.empty(width + 1, np.int64), np.empty((width // 2, 4 * OUT), x.dtype)
    sums = values.reshape(-1)
    for image in range(first, last):
        spikes[image] = True
        for row in range(height):
            spikes[image] &= fired(given, (image * height + row) * n, n, words[row])
        for row in range(height // 2 * 2):
            neighbours(words, row, channels, index, ends)
            for column in range(width // 2 * 2):
                at, base = (column // 2 * 4 + row % 2 * 2 + column % 2) * OUT, (1 - column) * KERNEL * channels * OUT
                for c in range(OUT):
                    sums[at + c] = bias[c]
                add_64(sums, at, flat, base, OUT, index, None, ends[max(0, column - 1)], ends[min(width, column + 2)])
            if row % 2:
                for j in range(width // 2):
                    largest(values[j], y[image, row // 2, j], winner[image, row // 2, j])


@register_jitable
def spread(y_bar, winner, padded):
    """What flows back, to where it came from: y_bar (i, j, 64) into padded (height + 2, width + 2, 64)."""
    zero = y_bar.dtype.type(0)
    for i in range(y_bar.shape[0]):
        for j in range(y_bar.shape[1]):
            for q in range(4):
                to, given, which = padded[2 * i + q // 2 + 1, 2 * j + q % 2 + 1], y_bar[i, j], winner[i, j]
                for c in range(OUT):
                    to[c] = given[c] if which[c] == q else zero


@kernel_cache.compiled(*SOURCES)
def inputs(first, last, blocks, y_bar, winner, table, x_bar):
    """x_bar (images, height, width, channels) of y_bar (images, height // 2, width // 2, 64).

    table (3, 64, 3, channels): weights by row, channel of y, and column
    """
    _, height, width, channels = x_bar.shape
    padded = np.zeros((height + 2, width + 2, OUT), x_bar.dtype)
    found = np.empty((height + 2, width + 2, channels), x_bar.dtype)
    flat, out, source, row_of = table.reshape(-1), found.reshape(-1), padded.reshape(-1), KERNEL * channels
    words, ends = np.empty(width, np.uint64), np.empty(height * width + 1, np.int64)
    index, values = np.empty(height * width * OUT + MARGIN, np.uint32), np.empty(height * width * OUT, x_bar.dtype)
    for image in range(first, last):
        spread(y_bar[image], winner[image], padded)
        k = 0
        for row in range(height):
            start = ((row + 1) * (width + 2) + 1) * OUT
            fired(source, start, width * OUT, words)
            for column in range(width):
                begin, ends[row * width + column] = k, k
                k = listed_64(words[column], 0, k, index)
                for place in range(begin, k):
                    values[place] = source[start + column * OUT + index[place]]
        ends[height * width] = k
        found[:] = 0
        for ky in range(KERNEL):
            for row in range(height):
                for column in range(width):
                    at, k = ((row + ky) * (width + 2) + column) * channels, row * width + column
                    base, begin, end = ky * OUT * row_of, ends[k], ends[k + 1]
                    if channels == OUT:
                        add_192(out, at, flat, base, row_of, index, values, begin, end)
                    else:
                        add_96(out, at, flat, base, row_of, index, values, begin, end)
        x_bar[image] = found[1:-1, 1:-1]


@register_jitable
def channel_lists(x, words, square, index, ends):
    """List the places in a padded image where each channel of x (height, width, channels) spikes: ends (channels + 1).

    square (groups, 64)     room for the bits of all pixels
    """
    height, width, channels = x.shape
    n, k, given = width * channels, 0, x.reshape(-1)
    square[:] = 0
    for row in range(height):
        fired(given, row * n, n, words)
        for column in range(width):
            at = row * width + column
            square[at // 64, at % 64] = pixel(words, column, channels)
    for group in range(len(square)):
        transpose(square[group])
    for c in range(channels):
        ends[c] = k
        for group in range(len(square)):
            k = listed_64(square[group, c], 64 * group, k, index)
    ends[channels] = k
    for j in range(k):
        index[j] += 2 * (index[j] // width)  # a padded row is longer by two


@kernel_cache.compiled(*SOURCES)
def weights(first, last, blocks, x, y_bar, winner, table_bar):
    """table_bar (PARTS, 3, channels, 3, 64) += spikes x times y_bar, of parts of the images; by row, the last one
    first, and column likewise.
    """
    images, height, width, channels = x.shape
    padded = np.zeros((height + 2, width + 2, OUT), x.dtype)
    out, source, of_row = table_bar.reshape(-1), padded.reshape(-1), (width + 2) * OUT
    words = np.empty((width * channels + 63) // 64, np.uint64)
    square, ends = np.empty(((height * width + 63) // 64, 64), np.uint64), np.empty(channels + 1, np.int64)
    index = np.empty(height * width * channels + MARGIN, np.uint32)
    for part in range(first, last):
        for image in range(part * images // PARTS, (part + 1) * images // PARTS):
            spread(y_bar[image], winner[image], padded)
            channel_lists(x[image], words, square, index, ends)
            for row in range(KERNEL):
                for c in range(channels):
                    at = ((part * KERNEL + row) * channels + c) * KERNEL * OUT
                    add_192(out, at, source, row * of_row, OUT, index, None, ends[c], ends[c + 1])
