import gzip

import numpy as np
import pytest
import torch
from PIL import Image

from neuromorph.datasets import load
from neuromorph.images import bright_background, read_idx, read_image

RNG = np.random.default_rng(3)


def noise(*shape):
    return RNG.integers(0, 256, shape).astype(np.uint8)


def write_images(folder, **classes):
    """folder/name/0.png ... with so many images of a class, each image one grey value: 10 x class + its number."""
    for k, (name, count) in enumerate(classes.items()):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            Image.fromarray(np.full((28, 28), 10 * k + i, np.uint8)).save(folder / name / f"{i}.png")
    return folder


def values(split):
    """The grey value of each image of such a folder."""
    return (split.images[:, 0, 0] * 255).round().int().tolist()


# ---- single images --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".gif", ".pgm", ".tif"])
def test_an_image_of_28_x_28_grey_bytes_is_read_back_as_written(tmp_path, suffix):
    pixels = noise(28, 28)
    Image.fromarray(pixels).save(tmp_path / f"image{suffix}")
    assert np.array_equal(read_image(tmp_path / f"image{suffix}"), pixels)


@pytest.mark.parametrize("shape", [(280, 140), (5, 7), (1, 1), (28, 28, 3), (64, 64, 4)])
def test_an_image_of_any_size_and_colour_becomes_28_x_28_grey(tmp_path, shape):
    pixels = np.full(shape, 90, np.uint8)
    if len(shape) == 3:
        pixels[..., 3:] = 255  # opaque
    Image.fromarray(pixels).save(tmp_path / "image.png")
    image = read_image(tmp_path / "image.png")
    assert (image.shape, image.dtype) == ((28, 28), torch.uint8) and (image == 90).all()


def test_halves_stay_halves_when_an_image_is_made_smaller(tmp_path):
    pixels = np.zeros((280, 280), np.uint8)
    pixels[:, 140:] = 200
    Image.fromarray(pixels).save(tmp_path / "image.png")
    image = read_image(tmp_path / "image.png")
    assert (image[:, :11] == 0).all() and (image[:, 17:] == 200).all()  # Lanczos reaches three pixels


def test_sixteen_bits_become_eight_and_what_is_transparent_is_white(tmp_path):
    deep = np.linspace(0, 65535, 784).astype(np.uint16).reshape(28, 28)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert np.abs(read_image(tmp_path / "deep.png").numpy() - deep / 257).max() <= 0.5
    clear = np.zeros((28, 28, 4), np.uint8)
    clear[10:20, 10:20, 3] = 255  # black ink on nothing
    Image.fromarray(clear).save(tmp_path / "clear.png")
    image = read_image(tmp_path / "clear.png")
    assert (image[10:20, 10:20] == 0).all() and image.int().sum() == 255 * (784 - 100)


def test_a_background_is_bright_by_its_edge_whatever_the_ink():
    paper = torch.full((28, 28), 230, dtype=torch.uint8)
    paper[5:23, 5:23] = 10
    assert bright_background(paper) and not bright_background(255 - paper)


def test_missing_and_corrupt_images_are_one_line(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"image must be a file, got '.*none\.png'"):
        read_image(tmp_path / "none.png")
    Image.fromarray(noise(50, 50)).save(tmp_path / "whole.png")
    whole = (tmp_path / "whole.png").read_bytes()
    for k, content in enumerate((b"", b"not an image", whole[:300], whole[:60] + bytes(200), whole[:20])):
        path = tmp_path / f"{k}.png"
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"{k}\.png must be a whole image of .*\.png") as caught:
            read_image(path)
        assert "\n" not in str(caught.value)


def test_an_image_too_large_to_be_one_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    Image.fromarray(noise(40, 40)).save(tmp_path / "bomb.png")
    with pytest.raises(ValueError, match="DecompressionBomb"):
        read_image(tmp_path / "bomb.png")


# ---- folders --------------------------------------------------------------------------------------------------------


def test_a_folder_of_classes_is_split_alike_in_any_order_and_keeps_the_names(tmp_path, monkeypatch):
    write_images(tmp_path, cat=10, ant=4, dog=2)
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    (tmp_path / "cat" / ".hidden.png").write_text("no image")
    (tmp_path / ".thumbnails").mkdir()
    data = load("folder", data_dir=tmp_path)
    assert data.class_names == ("ant", "cat", "dog") and data.classes == 3
    train, test = values(data.train), values(data.test)
    assert sorted(train + test) == [*range(10), *range(10, 14), 20, 21]  # each image once
    assert torch.bincount(data.test.labels).tolist() == [1, 2, 1]  # a fifth, at least one
    for split in (data.train, data.test):
        assert split.labels.tolist() == [{1: 0, 0: 1, 2: 2}[value // 10] for value in values(split)]
    listed = type(tmp_path).iterdir
    monkeypatch.setattr(type(tmp_path), "iterdir", lambda folder: reversed(list(listed(folder))))
    again = load("folder", data_dir=tmp_path)
    assert torch.equal(again.train.images, data.train.images) and torch.equal(again.test.images, data.test.images)
    few = load("folder", data_dir=tmp_path, classes=2)
    assert few.class_names == ("ant", "cat") and len(few.train) + len(few.test) == 14


def test_one_more_image_leaves_most_of_the_split_as_it_was(tmp_path):
    tested = set(values(load("folder", data_dir=write_images(tmp_path / "a", cat=9, dog=9)).test))
    more = set(values(load("folder", data_dir=write_images(tmp_path / "b", cat=9, dog=10)).test))
    assert tested <= more and len(more) == len(tested) + 1


def test_a_folder_may_say_what_is_for_testing(tmp_path):
    write_images(tmp_path / "train", cat=2, dog=1)
    write_images(tmp_path / "test", cat=1, dog=3)
    data = load("folder", data_dir=tmp_path)
    assert (values(data.train), data.train.labels.tolist()) == ([0, 1, 10], [0, 0, 1])
    assert (values(data.test), data.test.labels.tolist()) == ([0, 10, 11, 12], [0, 1, 1, 1])
    (tmp_path / "test").rename(tmp_path / "kept")
    with pytest.raises(ValueError, match="dog must hold at least 2 images, got 1"):
        load("folder", data_dir=tmp_path)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda f: None, FileNotFoundError, "data_dir must hold a folder of images for each class"),
        (lambda f: (f / "cat").mkdir(), FileNotFoundError, "a folder of images for each class"),
        (lambda f: write_images(f, cat=3), ValueError, "classes must be in .* the classes of folder, got 1 of 1"),
        (lambda f: write_images(f, cat=3, dog=0), ValueError, "dog must hold images, got none"),
        (lambda f: write_images(f, cat=3, dog=1), ValueError, "dog must hold at least 2 images, got 1"),
        (lambda f: (write_images(f, cat=3, dog=3) / "dog" / "1.png").write_text("x"), ValueError, "1.png must be a"),
        (
            lambda f: (write_images(f / "train", cat=1, dog=1), write_images(f / "test", cat=1, emu=1)),
            ValueError,
            "the same classes in train and test, got 'dog' in one",
        ),
    ],
)
def test_a_folder_that_is_no_data_set_is_one_line(tmp_path, make, error, message):
    make(tmp_path)
    with pytest.raises(error, match=message) as caught:
        load("folder", data_dir=tmp_path)
    assert "\n" not in str(caught.value)


def test_more_classes_than_folders_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"classes must be in \[2, 2\], the classes of folder, got 3 of 2"):
        load("folder", data_dir=write_images(tmp_path, cat=2, dog=2), classes=3)


# ---- idx files ------------------------------------------------------------------------------------------------------


def test_an_idx_file_is_read_back_packed_or_not(tmp_path):
    pixels = noise(2, 3, 5)
    content = b"\0\0\x08\x03" + np.array(pixels.shape, ">u4").tobytes() + pixels.tobytes()
    (tmp_path / "plain").write_bytes(content)
    (tmp_path / "packed.gz").write_bytes(gzip.compress(content))
    assert np.array_equal(read_idx(tmp_path / "plain"), pixels) and np.array_equal(
        read_idx(tmp_path / "packed"), pixels
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\x08",
        b"\0\0\x08\x00",
        b"\0\0\x08\x01\0\0\0\x05abcd",
        b"\0\0\x08\x01\0\0\0\x03abcd",
        b"\0\0\x0d\x01\0\0\0\x01abcd",
        b"PK\x03\x04",
        b"\0\0\x08\xff" + bytes(40),
    ],
)
def test_a_damaged_idx_file_is_one_line(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    (tmp_path / "packed.gz").write_bytes(gzip.compress(b"\0\0\x08\x01\0\0\0\x05abcde")[:-9] + content)
    for name in ("file", "packed"):
        with pytest.raises(ValueError, match=f"{name} must be a whole idx file of bytes, got a damaged one"):
            read_idx(tmp_path / name)
