"""Images and their labels, in memory: the only reader of data. Every split is a function of its seed.

digits : the first 1,000 training and the first 400 test images of each digit of MNIST; in the package.
mnist : all 60,000 and 10,000 images, as torchvision reads them.
Source : LeCun, Cortes, Burges, The MNIST database of handwritten digits; see data/README.md.
"""

import zipfile
import zlib
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
import torch

DIGITS = "digits.npz"
HELD_OUT = 5000  # training images kept for selection, or a tenth of them where that is fewer
# What numpy, zipfile and torchvision raise on a file that is not what it should be.
UNREADABLE = (AssertionError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their labels, in step.

    images : (n, 28, 28) float32    0 is background, 1 is ink
    labels : (n,) int64
    """

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self):
        """How many images."""
        return len(self.labels)

    def __getitem__(self, index):
        """The images and labels at `index`, a slice or an index tensor, as a Split."""
        return Split(self.images[index], self.labels[index])

    def to(self, device):
        """The same on another device."""
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True, eq=False)
class Dataset:
    """What was loaded: its name, how many classes were kept, and its training and test images."""

    name: str
    classes: int
    train: Split
    test: Split


def data_folder():
    """The folder of the data that the project ships: neuromorph/data in a wheel, data/ in a checkout.

    Returns : pathlib.Path
    Raises : FileNotFoundError when neither holds digits.npz
    """
    package = Path(__file__).resolve().parent
    folders = (package / "data", package.parent / "data")
    for folder in folders:
        if (folder / DIGITS).is_file():
            return folder
    where = " or ".join(map(str, folders))
    raise FileNotFoundError(f"{DIGITS} must be in {where}, got neither. Install the package again.")


def load(name, *, data_dir=None, classes=10):
    """A data set by its name: the images whose label is below `classes`, in their original order.

    name : "digits" or "mnist"
    data_dir : an existing folder.  mnist: holds MNIST/raw, or is where to download it to.
        digits: holds digits.npz; None takes the one in the package.
    classes : 2 to 10
    Returns : Dataset
    Raises : TypeError, ValueError (wrong argument, damaged file), FileNotFoundError (no data)
    """
    if name not in READERS:
        raise ValueError(f"dataset must be one of {', '.join(READERS)}, got {name!r}. Correct its name.")
    if not isinstance(classes, int):
        raise TypeError(f"classes must be an integer, got {classes!r}. 4 keeps the digits 0 to 3.")
    if not 2 <= classes <= 10:
        raise ValueError(f"classes must be in [2, 10], got {classes}. 4 keeps the digits 0 to 3.")
    if data_dir is not None and not Path(data_dir).is_dir():
        raise FileNotFoundError(f"data_dir must be an existing folder, got '{data_dir}'. Create it.")
    train, test = READERS[name](None if data_dir is None else Path(data_dir))
    return Dataset(name, classes, _split(*train, classes), _split(*test, classes))


def held_out_split(split, *, seed):
    """Training images set apart for selection and early stopping: 5,000, or a tenth where that is fewer.

    split : Split
    seed : int    the split depends on it and on len(split) alone, never on a global generator
    Returns : (training, held out), two Splits that share no image; each in the order of `split`
    """
    order = torch.randperm(len(split), generator=torch.Generator().manual_seed(seed))
    count = min(HELD_OUT, len(split) // 10)
    return split[order[count:].sort().values], split[order[:count].sort().values]


def batches(split, batch_size, *, generator=None):
    """All of `split`, once, in batches; the last one may be smaller.

    generator : torch.Generator on the CPU    shuffles, anew on each call; None keeps the order
    Yields : (images, labels), (batch, 28, 28) float32 and (batch,) int64, on the device of `split`
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}. 64 or 128 are usual.")
    order = torch.arange(len(split)) if generator is None else torch.randperm(len(split), generator=generator)
    for index in order.to(split.labels.device).split(batch_size):
        yield split.images[index], split.labels[index]


def _split(images, labels, classes):
    """Split of the images with a label below `classes`, from uint8 tensors (n, 28, 28) and (n,)."""
    if images.shape != (len(labels), 28, 28) or images.dtype != torch.uint8:
        rule = f"uint8 ({len(labels)}, 28, 28), one for each label"
        found = f"{images.dtype} {tuple(images.shape)}"
        raise ValueError(f"images must be {rule}, got {found}. Fetch them again.")
    kept = labels < classes
    return Split(images[kept].float() / 255, labels[kept].long())


def _read_digits(folder):
    """((images, labels) for training, the same for testing) from digits.npz, uint8."""
    path = (folder or data_folder()) / DIGITS
    if not path.is_file():
        raise FileNotFoundError(f"data_dir must hold {DIGITS}, got '{folder}'. None takes our own.")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: torch.from_numpy(array) for name, array in archive.items()}
        return [(arrays[f"{part}_images"], arrays[f"{part}_labels"]) for part in ("train", "test")]
    except UNREADABLE as error:
        remedy = "Make it again with data/prepare.py."
        raise ValueError(f"{path} must hold the four arrays, got a damaged file. {remedy}") from error


def _read_mnist(folder):
    """((images, labels) for training, the same for testing) of MNIST, uint8; downloaded when missing."""
    if folder is None:
        raise ValueError("data_dir must be a folder for mnist, got None. It is read or downloaded there.")
    from torchvision.datasets import MNIST

    quiet = StringIO()
    try:
        with redirect_stdout(quiet), redirect_stderr(quiet):
            parts = [MNIST(folder, train=train, download=True) for train in (True, False)]
    except (*UNREADABLE, OSError, RuntimeError) as error:
        raise _mnist_error(folder) from error
    return [(part.data, part.targets) for part in parts]


def _mnist_error(folder):
    """What to say when MNIST could not be read; a folder that the download left empty is removed."""
    raw = folder / "MNIST" / "raw"
    if len(list(raw.glob("*-ubyte"))) == 4:
        return ValueError(f"{raw} must hold whole idx files, got a damaged one. Delete it and try again.")
    for created in (raw, raw.parent):
        with suppress(OSError):  # not empty, or never made
            created.rmdir()
    return FileNotFoundError(
        f"data_dir must hold the four unpacked files of MNIST in MNIST/raw, got '{folder}', and the download "
        "failed. Put them there or connect to a network; the dataset digits needs neither."
    )


READERS = {"digits": _read_digits, "mnist": _read_mnist}
