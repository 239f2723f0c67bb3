"""Images and their labels, in memory: the only reader of data. Every split is a function of its seed.

digits : the first 1,000 training and the first 400 test images of each digit of MNIST; in the package.
mnist, fashion-mnist : all 60,000 and 10,000 images, from their IDX files.
folder : an image folder of one's own, a folder for each class.
n-mnist : recordings of MNIST's digits by an event sensor, as frames of spikes.
Source : LeCun, Cortes, Burges, The MNIST database of handwritten digits; see data/README.md, `images` and `events`.
"""

import zipfile
import zlib
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import torch

from neuromorph import events, images
from neuromorph.names import check_name

DIGITS = "digits.npz"
HELD_OUT = 5000  # training images kept for selection, or a tenth of them where that is fewer
# What numpy and zipfile raise on a file that is not what it should be.
UNREADABLE = (EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their labels, in step.

    images : (n, 28, 28) float32           in [0, 1]; of a digit 0 is background, 1 is ink. Or uint8, 255 for 1
        or (n, steps, 28, 28) uint8        spikes, 0 or 1, of event data; `batches` makes them float32
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
    """What was loaded: its name, how many classes were kept, training and test images, the names of the classes."""

    name: str
    classes: int
    train: Split
    test: Split
    class_names: tuple = images.DIGITS


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


def load(name, *, data_dir=None, classes=None, steps=None):
    """A data set by its name: the images whose label is below `classes`, in their original order.

    name : one of READERS
    data_dir : an existing folder.  mnist, fashion-mnist: holds the four IDX files, in MNIST/raw or FashionMNIST/raw or
        by themselves, or is where to download them to.  folder: holds a folder of images for each class, or such in
        train/ and test/.  n-mnist: holds Train/0 ... and Test/0 ...  digits: holds digits.npz; None takes our own.
    classes : 2 or more, as many as there are at most; None takes all
    steps : 1 or more       frames of a recording of n-mnist, 15 for None; images that stand still have none
    Returns : Dataset
    Raises : TypeError, ValueError (wrong argument, damaged file), FileNotFoundError (no data)
    """
    _check_arguments(name, data_dir, classes, steps)
    folder = None if data_dir is None else Path(data_dir)
    (train, test), names = READERS[name](folder, classes or len(images.DIGITS), steps or events.STEPS)
    kept = len(names) if classes is None else classes
    if kept > len(names) or len(names) < 2:
        got = f"{kept} of {len(names)}"
        raise ValueError(
            f"classes must be in [2, {len(names)}], the classes of {name}, got {got}. Leave it out for all."
        )
    return Dataset(name, kept, *(_split(*part, kept, len(names)) for part in (train, test)), names[:kept])


def _check_arguments(name, data_dir, classes, steps):
    """What can be said of the arguments of `load` before anything is read."""
    check_name("dataset", name, tuple(READERS))
    for argument, value, remedy in (("classes", classes, "4 keeps the first four."), ("steps", steps, "15 is usual.")):
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise TypeError(f"{argument} must be an integer, got {value!r:.60}. {remedy}")
    most = float("inf") if name == "folder" else len(images.DIGITS)
    if classes is not None and not 2 <= classes <= most:
        rule = "2 or more" if name == "folder" else f"in [2, {most}]"
        raise ValueError(f"classes must be {rule}, got {classes}. 4 keeps the first four.")
    if steps is not None and steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}. 15 is usual.")
    if data_dir is None and name != "digits":
        raise ValueError(f"data_dir must be a folder for {name}, got None. The data are read there.")
    if data_dir is not None and not isinstance(data_dir, str | PathLike):
        raise TypeError(f"data_dir must be a folder, a string or a Path, got {data_dir!r:.60}. None: our own digits.")
    if data_dir is not None and not Path(data_dir).is_dir():
        raise FileNotFoundError(f"data_dir must be an existing folder, got '{data_dir}'. Create it.")


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
    Yields : (images, labels), (batch, 28, 28) or (batch, steps, 28, 28) float32 and (batch,) int64, on the device of
        `split`
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}. 64 or 128 are usual.")
    order = torch.arange(len(split)) if generator is None else torch.randperm(len(split), generator=generator)
    for index in order.to(split.labels.device).split(batch_size):
        images = split.images[index].float()
        yield images / 255 if split.images.dtype == torch.uint8 and images.ndim == 3 else images, split.labels[index]


def _split(pixels, labels, classes, known):
    """Split of the images with a label below `classes`, of `known` ones: uint8 (n, 28, 28) or (n, steps, 28, 28)."""
    if pixels.shape[:1] + pixels.shape[-2:] != (len(labels), 28, 28) or pixels.dtype != torch.uint8:
        rule = f"uint8 ({len(labels)}, 28, 28), one for each label"
        found = f"{pixels.dtype} {tuple(pixels.shape)}"
        raise ValueError(f"images must be {rule}, got {found}. Fetch them again.")
    if len(labels) and int(labels.max()) >= known:
        raise ValueError(f"labels must be in [0, {known - 1}], got {int(labels.max())}. Fetch the data again.")
    kept = labels < classes
    pixels = pixels[kept]
    return Split(pixels.float() / 255 if pixels.ndim == 3 else pixels, labels[kept].long())


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


# name -> reader(folder, classes, steps) -> [(images, labels) for training, the same for testing], names of the classes
READERS = {
    "digits": lambda folder, classes, steps: (_read_digits(folder), images.DIGITS),
    "mnist": lambda folder, classes, steps: (images.read_idx_data(folder, "MNIST"), images.DIGITS),
    "fashion-mnist": lambda folder, classes, steps: (images.read_idx_data(folder, "FashionMNIST"), images.GARMENTS),
    "folder": lambda folder, classes, steps: images.read_folder(folder),
    "n-mnist": lambda folder, classes, steps: (
        events.read_n_mnist(folder, classes=classes, steps=steps),
        events.DIGITS,
    ),
}
