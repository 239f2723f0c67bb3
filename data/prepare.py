"""Makes digits.npz, the images that the project ships: python data/prepare.py MNIST/raw

From the four MNIST files, in MNIST's order: the first 1,000 training and 400 test images of each digit.
The same input gives the same arrays, to the byte, with the same names and dates: numpy writes no time stamp into the
archive. Only how they are packed is left to Python's zipfile, whose versions differ by a byte.
"""

import argparse
import hashlib
import os
import sys
from pathlib import Path

import numpy as np

MD5 = {  # of the uncompressed files, as published
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def read_idx(path):
    """The array in an idx file: magic (0, 0, 8 = uint8, rank), big-endian sizes, then the bytes.

    Returns : uint8, (n,) or (n, 28, 28)
    Raises : FileNotFoundError, ValueError when its md5 is not MNIST's
    """
    if not path.is_file():
        raise FileNotFoundError(f"folder must hold {path.name}, got {path.parent}. Give the one that does.")
    content = path.read_bytes()
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if md5 != MD5[path.name]:
        raise ValueError(f"{path} must have md5 {MD5[path.name]}, got {md5}. Fetch and unpack it again.")
    start = 4 + 4 * content[3]
    shape = np.frombuffer(content[4:start], ">u4")
    return np.frombuffer(content[start:], np.uint8).reshape(shape)


def first_of_each(images, labels, count):
    """The first `count` images of each digit and their labels, in the order in which they stand."""
    index = np.sort(np.concatenate([np.flatnonzero(labels == digit)[:count] for digit in range(10)]))
    return images[index], labels[index]


def prepare(folder, out):
    """Write the subset of the MNIST files in `folder` to `out`: beside it first, then renamed."""
    arrays = {}
    for name, file, count in (("train", "train", 1000), ("test", "t10k", 400)):
        images = read_idx(folder / f"{file}-images-idx3-ubyte")
        labels = read_idx(folder / f"{file}-labels-idx1-ubyte")
        arrays[f"{name}_images"], arrays[f"{name}_labels"] = first_of_each(images, labels, count)
    part = out.with_name(out.name + ".part")
    try:
        with part.open("wb") as file:
            np.savez_compressed(file, **arrays)
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)


def main():
    """The command line. Returns the exit code: 2 after one line on standard error when something is wrong."""
    parser = argparse.ArgumentParser(description="Make digits.npz from the four MNIST files, uncompressed.")
    parser.add_argument("folder", type=Path, help="holds train-images-idx3-ubyte and the other three")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("digits.npz"))
    arguments = parser.parse_args()
    try:
        prepare(arguments.folder, arguments.out)
    except (OSError, ValueError) as error:
        print(f"prepare.py: {error}", file=sys.stderr)
        return 2
    content = arguments.out.read_bytes()
    print(f"{arguments.out}: {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
