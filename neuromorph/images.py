"""Still images, grey, 28 x 28: IDX files, folders of image files of one's own, single image files.

IDX: two zero bytes, 8 for bytes, the number of axes, each length as a big-endian uint32, the values in C order.
Source : LeCun, Cortes, Burges, The MNIST database of handwritten digits; Xiao, Rasul, Vollgraf, arXiv 1708.07747 (2017)
for Fashion-MNIST.
"""

import gzip
import hashlib
import warnings
import zlib
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from math import prod
from pathlib import Path

import numpy as np
import torch

SIDE = 28  # pixels
IDX_FILES = [[f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"] for part in ("train", "t10k")]
SUFFIXES = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"))
DIGITS = tuple("0123456789")
GARMENTS = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
TESTED = 5  # one image of so many of a class is for testing, where a folder does not say which


def read_idx(path):
    """The values of an IDX file of bytes, or of the same file with .gz behind its name.

    Returns : uint8 tensor
    Raises : FileNotFoundError; ValueError for a damaged file or one of another type
    """
    path = Path(path)
    packed = path.with_name(f"{path.name}.gz")
    try:
        content = path.read_bytes() if path.is_file() else gzip.decompress(packed.read_bytes())
    except (gzip.BadGzipFile, EOFError, zlib.error):
        content = b""
    axes = content[3] if len(content) > 3 and content[:3] == b"\0\0\x08" else 0
    start = 4 + 4 * axes
    shape = np.frombuffer(content[4:start], ">u4").tolist() if len(content) >= start else []
    if not axes or len(shape) != axes or len(content) - start != prod(shape):
        rule = "a whole idx file of bytes"
        raise ValueError(f"{path} must be {rule}, got a damaged one of {len(content)} bytes. Delete it and try again.")
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=start).copy().reshape(shape))


def read_idx_data(folder, name):
    """The four IDX files of a data set, from `folder`/`name`/raw or `folder` itself; else they are downloaded.

    name : "MNIST" or "FashionMNIST", as torchvision calls the data set and its folder
    Returns : [(images, labels) for training, the same for testing], uint8
    Raises : ValueError (damaged), FileNotFoundError (none, and no download)
    """
    raw = next((each for each in (folder / name / "raw", folder) if _has_all(each)), None)
    if raw is None:
        raw = folder / name / "raw"
        _download(folder, name)
    return [tuple(read_idx(raw / file) for file in pair) for pair in IDX_FILES]


def _has_all(raw):
    return all((raw / file).is_file() or (raw / f"{file}.gz").is_file() for pair in IDX_FILES for file in pair)


def _download(folder, name):
    """Have torchvision put the files into folder/name/raw; a folder that it left empty is removed."""
    from torchvision import datasets

    quiet = StringIO()
    try:
        with redirect_stdout(quiet), redirect_stderr(quiet):
            getattr(datasets, name)(folder, download=True)
    except Exception as error:  # whatever a download, a gzip or a damaged file raises there
        raw = folder / name / "raw"
        for created in (raw, raw.parent):
            with suppress(OSError):  # not empty, or never made
                created.rmdir()
        raise FileNotFoundError(
            f"data_dir must hold the four files of {name} in {name}/raw, got '{folder}', and the download "
            "failed. Put them there or connect to a network; the dataset digits needs neither."
        ) from error


def read_image(path):
    """An image file as the networks take it: grey, 28 x 28, resized whatever its size; 28 x 28 bytes stay as they are.

    path            of a file that Pillow reads. What is transparent is white; 16 bits become 8
    Returns : (28, 28) uint8 tensor, 0 is black
    Raises : FileNotFoundError; ValueError with one line for a file that holds no image, or a damaged one
    """
    from PIL import Image, ImageOps

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"image must be a file, got '{path}'. Check its name.")
    try:
        with warnings.catch_warnings(), Image.open(path) as image:
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            grey = _grey(ImageOps.exif_transpose(image))
            return torch.from_numpy(np.array(grey.resize((SIDE, SIDE), Image.Resampling.LANCZOS)))
    except Exception as error:  # Pillow raises errors of a dozen kinds on a damaged file
        got = f"{type(error).__name__}: {error}" if isinstance(error, Image.DecompressionBombWarning) else "none"
        rule = f"a whole image of {', '.join(sorted(SUFFIXES))}"
        raise ValueError(f"{path} must be {rule}, got {got}. Save it again or take it away.") from error


def _grey(image):
    """A Pillow image of any mode as one of 8 bits grey."""
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bits: convert would cut them at 255
        return Image.fromarray((np.asarray(image, np.float64) / 257).clip(0, 255).round().astype(np.uint8))
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return image.convert("L")


def bright_background(image):
    """Whether the outermost pixels of an image (28, 28) are brighter than half on the average: dark ink on paper."""
    edge = torch.cat([image[0], image[-1], image[1:-1, 0], image[1:-1, -1]])
    return edge.double().mean().item() > 127.5


def read_folder(folder):
    """A folder of images of one's own: `folder`/class name/any.png, or such folders in train/ and test/ below it.

    Without test/, a fifth of each class (at least one image) is for testing: those whose names have the smallest
    sha256, so that the choice depends on neither the order of the files, nor a seed, nor the machine.
    Returns : [(images, labels) for training, the same for testing], uint8 (n, 28, 28), and the names of the classes,
        in alphabetical order. Images keep their brightness: none is inverted
    Raises : FileNotFoundError where there is no image; ValueError for a damaged image, an empty class or classes of
        training and test that differ
    """
    train = _training(folder)
    test = folder / "test" if train != folder and (folder / "test").is_dir() else None
    found = _classes(train)
    parts = (found, _classes(test)) if test is not None else _divided(train, found)
    if set(parts[1]) != set(found):
        other = min(set(parts[1]) ^ set(found))
        raise ValueError(f"{folder} must hold the same classes in train and test, got '{other}' in one. Add images.")
    return [_read_all(part, list(found)) for part in parts], tuple(found)


def class_folders(folder):
    """The names of the classes of such a folder, in their order; FileNotFoundError, ValueError as `read_folder`."""
    return tuple(_classes(_training(folder)))


def _training(folder):
    """Where the classes' folders are."""
    return folder / "train" if (folder / "train").is_dir() else folder


def _classes(folder):
    """{class name: its image files}, both sorted; FileNotFoundError, ValueError."""
    names = sorted(each.name for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    found = {name: _images(folder / name) for name in names}
    if not any(found.values()):
        rule = "a folder of images for each class"
        raise FileNotFoundError(f"data_dir must hold {rule}, got '{folder}' without one. Example: {folder}/cat/1.png.")
    for name, files in found.items():
        if not files:
            raise ValueError(f"{folder / name} must hold images, got none. Add some or take the folder away.")
    return found


def _images(folder):
    """The image files in a folder, sorted by name; hidden and other files are left out."""
    kinds = (each for each in folder.iterdir() if each.suffix.lower() in SUFFIXES and not each.name.startswith("."))
    return sorted(each for each in kinds if each.is_file())


def _divided(folder, found):
    """({class: training files}, {class: test files}) of the files of each class."""
    parts = {}, {}
    for name, files in found.items():
        if len(files) < 2:
            raise ValueError(f"{folder / name} must hold at least 2 images, got 1: one is for testing. Add some.")
        count = max(1, len(files) // TESTED)
        tested = set(sorted(files, key=lambda file: hashlib.sha256(file.name.encode()).digest())[:count])
        parts[0][name] = [file for file in files if file not in tested]
        parts[1][name] = sorted(tested)
    return parts


def _read_all(part, names):
    """(images, labels) of {class name: files}."""
    labels = [names.index(name) for name, files in part.items() for _ in files]
    images = torch.stack([read_image(file) for files in part.values() for file in files])
    return images, torch.tensor(labels)
