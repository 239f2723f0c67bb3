import gzip
import hashlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch

from neuromorph.datasets import Split, batches, data_folder, held_out_split, load

ROOT = Path(__file__).resolve().parent.parent
MNIST = ROOT.parent / "shared" / "data"  # full MNIST where somebody has put it beside the checkout
needs_mnist = pytest.mark.skipif(not (MNIST / "MNIST" / "raw").is_dir(), reason="no full MNIST here")


def split_of(n):
    """Split of n images, each filled with its number and labelled with it."""
    number = torch.arange(n)
    return Split(number.float()[:, None, None].expand(n, 28, 28), number)


def write_idx(folder, images, labels):
    """The four MNIST files, training and test alike, in folder/MNIST/raw."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        sizes = np.array(images.shape, ">u4").tobytes()
        (raw / f"{part}-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03" + sizes + images.tobytes())
        sizes = np.array(labels.shape, ">u4").tobytes()
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01" + sizes + labels.tobytes())
    return raw


@pytest.fixture
def no_network(monkeypatch):
    def fail(*args, **kwargs):
        print("Failed to download (trying next):")
        raise URLError("no network")

    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", fail)


def test_digits_holds_the_first_1000_and_400_of_each_digit():
    digits = load("digits")
    assert torch.bincount(digits.train.labels).tolist() == [1000] * 10
    assert torch.bincount(digits.test.labels).tolist() == [400] * 10


def test_digits_of_4_classes_are_the_original_hybrids_4000_and_1600_images():
    digits = load("digits", classes=4)
    assert (len(digits.train), len(digits.test)) == (4000, 1600)
    assert digits.train.labels.unique().tolist() == digits.test.labels.unique().tolist() == [0, 1, 2, 3]


def test_images_are_float32_from_0_to_1_and_labels_int64():
    train = load("digits").train
    assert train.images.shape == (10000, 28, 28)
    assert (train.images.dtype, train.labels.dtype) == (torch.float32, torch.int64)
    assert (train.images.min(), train.images.max()) == (0, 1)  # exact: 0/255 and 255/255
    assert torch.equal(train.images * 255, (train.images * 255).round())


def test_digits_stand_in_mnists_order():
    assert load("digits").train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]  # as MNIST begins
    assert load("digits").test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def test_readme_states_the_sha256_of_the_digits():
    stated = re.search(r"sha256\*\*: `([0-9a-f]{64})`", (ROOT / "data" / "README.md").read_text())[1]
    assert hashlib.sha256((data_folder() / "digits.npz").read_bytes()).hexdigest() == stated


@pytest.mark.parametrize(("n", "held"), [(60000, 5000), (4000, 400), (9, 0)])
def test_held_out_images_are_5000_or_a_tenth_and_never_trained_on(n, held):
    train, held_out = held_out_split(split_of(n), seed=1)
    assert len(held_out) == held
    assert torch.equal(torch.cat([train.labels, held_out.labels]).sort().values, torch.arange(n))
    assert torch.equal(held_out.images[:, 0, 0], held_out.labels.float())


def test_held_out_images_are_a_function_of_the_seed_alone():
    first = held_out_split(split_of(4000), seed=7)[1]
    torch.manual_seed(123)
    assert torch.equal(first.labels, held_out_split(split_of(4000), seed=7)[1].labels)
    assert not torch.equal(first.labels, held_out_split(split_of(4000), seed=8)[1].labels)


def test_batches_hold_every_image_once_with_its_label():
    generator = torch.Generator().manual_seed(0)
    images, labels = zip(*batches(split_of(10), 4, generator=generator), strict=True)
    assert [len(part) for part in labels] == [4, 4, 2]
    assert torch.equal(torch.cat(images)[:, 5, 5], torch.cat(labels).float())
    assert torch.equal(torch.cat(labels).sort().values, torch.arange(10))


def test_batches_shuffle_by_their_generator_only():
    def order(generator):
        return torch.cat([labels for _, labels in batches(split_of(100), 32, generator=generator)])

    generator = torch.Generator().manual_seed(3)
    first, second = order(generator), order(generator)
    assert torch.equal(first, order(torch.Generator().manual_seed(3)))
    assert not torch.equal(first, second)
    assert torch.equal(order(None), torch.arange(100))


def test_mnist_is_read_from_idx_files_without_a_word(tmp_path, capfd):
    images = np.arange(3 * 28 * 28).astype(np.uint8).reshape(3, 28, 28)
    write_idx(tmp_path, images, np.array([1, 7, 0], np.uint8))
    mnist = load("mnist", data_dir=tmp_path, classes=4)
    assert mnist.test.labels.tolist() == [1, 0]
    assert torch.equal(mnist.train.images, torch.from_numpy(images[[0, 2]]) / 255)
    assert capfd.readouterr() == ("", "")


@needs_mnist
def test_digits_are_images_of_mnist():
    digits, mnist = load("digits", classes=2), load("mnist", data_dir=MNIST, classes=2)
    for few, all_ in ((digits.train, mnist.train), (digits.test, mnist.test)):
        first = torch.cat([torch.where(all_.labels == k)[0][: len(few) // 2] for k in (0, 1)]).sort().values
        assert torch.equal(few.images, all_.images[first])
        assert torch.equal(few.labels, all_.labels[first])


def packed(path):
    """The members of an archive: name, date, bytes; the rest is as the version of Python packs them."""
    with zipfile.ZipFile(path) as archive:
        return [(each.filename, each.date_time, archive.read(each)) for each in archive.infolist()]


@needs_mnist
def test_prepare_makes_the_same_bytes_again(tmp_path):
    prepare(MNIST / "MNIST" / "raw", "--out", tmp_path / "digits.npz")
    assert packed(tmp_path / "digits.npz") == packed(ROOT / "data" / "digits.npz")


@pytest.mark.parametrize(("arguments", "error", "message"), [
    ({"name": "letters"}, ValueError, "one of digits, mnist, .*got 'letters'. Choose one of these"),
    ({"name": "nmnist"}, ValueError, r"got 'nmnist'\. Did you mean 'n-mnist'\?"),
    ({"name": "fasion-mnist"}, ValueError, r"Did you mean 'fashion-mnist'\?"),
    ({"name": 7}, ValueError, "dataset must be one of"),
    ({"name": "digits", "classes": 1}, ValueError, r"classes must be in \[2, 10\], got 1"),
    ({"name": "digits", "steps": 0}, ValueError, "steps must be at least 1, got 0"),
    ({"name": "digits", "steps": True}, TypeError, "steps must be an integer, got True"),
    ({"name": "mnist", "data_dir": 3}, TypeError, "data_dir must be a folder, a string or a Path, got 3"),
    ({"name": "folder"}, ValueError, "data_dir must be a folder for folder, got None"),
    ({"name": "digits", "classes": 11}, ValueError, r"classes must be in \[2, 10\], got 11"),
    ({"name": "digits", "classes": 4.0}, TypeError, "classes must be an integer, got 4.0"),
    ({"name": "digits", "data_dir": "nowhere"}, FileNotFoundError, "an existing folder, got 'nowhere'"),
    ({"name": "mnist", "data_dir": "nowhere"}, FileNotFoundError, "an existing folder, got 'nowhere'"),
    ({"name": "mnist"}, ValueError, "data_dir must be a folder for mnist, got None"),
])  # fmt: skip
def test_wrong_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message) as caught:
        load(**arguments)
    assert "\n" not in str(caught.value)


def test_folder_without_digits_is_an_error_not_the_default(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"data_dir must hold digits\.npz"):
        load("digits", data_dir=tmp_path)


@pytest.mark.parametrize("keep", [0, 1000, 2_000_000])
def test_damaged_digits_are_one_clear_line(tmp_path, keep):
    whole = (data_folder() / "digits.npz").read_bytes()
    (tmp_path / "digits.npz").write_bytes(whole[:keep])
    with pytest.raises(ValueError, match=r"digits\.npz must hold the four arrays"):
        load("digits", data_dir=tmp_path)


def test_mnist_without_files_and_network_says_what_to_do(tmp_path, no_network, capfd):
    with pytest.raises(FileNotFoundError, match="Put them there or connect to a network") as caught:
        load("mnist", data_dir=tmp_path)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []  # nothing half-made stays behind


@pytest.mark.parametrize("keep", [0, 10, 500])
def test_damaged_mnist_is_one_clear_line(tmp_path, keep):
    raw = write_idx(tmp_path, np.zeros((3, 28, 28), np.uint8), np.zeros(3, np.uint8))
    damaged = raw / "t10k-images-idx3-ubyte"
    damaged.write_bytes(damaged.read_bytes()[:keep])
    with pytest.raises(
        ValueError, match=r"t10k-images-idx3-ubyte must be a whole idx file of bytes, got a damaged one"
    ):
        load("mnist", data_dir=tmp_path)


def test_fashion_mnist_is_read_from_its_own_folder_or_from_where_the_files_lie(tmp_path):
    pixels = np.arange(3 * 28 * 28).astype(np.uint8).reshape(3, 28, 28)
    raw = write_idx(tmp_path, pixels, np.array([9, 7, 0], np.uint8))
    raw.parent.rename(tmp_path / "FashionMNIST")
    fashion = load("fashion-mnist", data_dir=tmp_path)
    assert fashion.class_names[9] == "ankle boot" and fashion.classes == len(fashion.class_names) == 10
    assert torch.equal(fashion.test.images, torch.from_numpy(pixels) / 255)
    (tmp_path / "FashionMNIST" / "raw").rename(tmp_path / "plain")
    for file in (tmp_path / "plain").iterdir():  # as they are downloaded by hand
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    plain = load("fashion-mnist", data_dir=tmp_path / "plain", classes=8)
    assert plain.test.labels.tolist() == [7, 0] and plain.class_names[-1] == "sneaker"
    assert torch.equal(plain.test.images, fashion.test.images[1:])


def test_idx_images_of_another_size_and_labels_out_of_range_are_refused(tmp_path):
    write_idx(tmp_path / "a", np.zeros((3, 32, 32), np.uint8), np.zeros(3, np.uint8))
    with pytest.raises(ValueError, match=r"images must be uint8 \(3, 28, 28\), .* got torch.uint8 \(3, 32, 32\)"):
        load("mnist", data_dir=tmp_path / "a")
    write_idx(tmp_path / "b", np.zeros((3, 28, 28), np.uint8), np.array([1, 10, 2], np.uint8))
    with pytest.raises(ValueError, match=r"labels must be in \[0, 9\], got 10"):
        load("mnist", data_dir=tmp_path / "b")


def test_images_and_labels_of_unequal_number_are_refused(tmp_path):
    write_idx(tmp_path, np.zeros((3, 28, 28), np.uint8), np.zeros(2, np.uint8))
    with pytest.raises(ValueError, match=r"images must be uint8 \(2, 28, 28\)"):
        load("mnist", data_dir=tmp_path)


def prepare(*arguments):
    """data/prepare.py run with these arguments."""
    command = [sys.executable, ROOT / "data" / "prepare.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("corrupt", [False, True])
def test_prepare_refuses_missing_and_corrupt_files_in_one_line(tmp_path, corrupt):
    if corrupt:
        (tmp_path / "train-images-idx3-ubyte").write_bytes(b"\0" * 100)
    result = prepare(tmp_path, "--out", tmp_path / "digits.npz")
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert ("must have md5" if corrupt else "folder must hold train-images-idx3-ubyte") in result.stderr
    assert not (tmp_path / "digits.npz").exists()
