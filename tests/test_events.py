import numpy as np
import pytest
import torch

from neuromorph.datasets import Split, batches, load
from neuromorph.events import OVERFLOW, frames, read_events


def packed(events):
    """Events (x, y, polarity, time) as the bytes of a file: 40 bits each, by arithmetic on one whole number."""
    return b"".join((x << 32 | y << 24 | p << 23 | t).to_bytes(5, "big") for x, y, p, t in events)


def write(path, events):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(packed(events))
    return path


def random_events(seed, n=400):
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(0, 300_000, n))
    return [(int(x), int(y), int(p), int(t)) for x, y, p, t in zip(*rng.integers(0, 34, (2, n)), t % 2, t, strict=True)]


def write_n_mnist(folder, digits=10, each=2):
    for part in ("Train", "Test"):
        for digit in range(digits):
            for k in range(each):
                seed = 100 * (part == "Test") + 10 * k + digit
                write(folder / part / str(digit) / f"{k:05}.bin", random_events(seed))
    return folder


def test_events_are_read_back_as_written_to_the_last_bit(tmp_path):
    written = [(0, 33, 1, 0), (33, 0, 0, 1), (17, 9, 1, (1 << 23) - 1), (5, 6, 0, 0x123456), (5, 6, 1, 0x7F00FF)]
    events = read_events(write(tmp_path / "a.bin", written))
    assert list(zip(*(each.tolist() for each in events), strict=True)) == [(x, y, bool(p), t) for x, y, p, t in written]


def test_the_bytes_of_a_known_event():
    """x = 3, y = 4, brighter, 0x012345 us, as the data set's page lays out the 40 bits."""
    assert packed([(3, 4, 1, 0x012345)]) == bytes([3, 4, 0x81, 0x23, 0x45])


def test_times_go_on_after_an_overflow(tmp_path):
    written = [(1, 2, 0, 8000), (0, OVERFLOW, 0, 0), (3, 4, 1, 10), (0, OVERFLOW, 0, 0), (5, 6, 0, 20)]
    events = read_events(write(tmp_path / "a.bin", written))
    assert events.t_us.tolist() == [8000, 10 + 8192, 20 + 2 * 8192]
    assert events.x.tolist() == [1, 3, 5]


def test_frames_are_equal_parts_of_the_recording_around_the_centre(tmp_path):
    written = [
        (3, 3, 0, 1000),  # the first pixel of the frame, darker
        (30, 30, 1, 1099),  # the last one
        (10, 20, 1, 1100),
        (10, 20, 0, 1150),  # the same pixel in the same frame: still 1
        (2, 20, 1, 1150),
        (31, 20, 1, 1150),
        (20, 2, 1, 1150),
        (20, 31, 1, 1150),  # four outside
        (10, 20, 1, 1299),
    ]
    spikes = frames(read_events(write(tmp_path / "a.bin", written)), 3)
    assert (spikes.shape, spikes.dtype) == ((3, 28, 28), torch.uint8)
    assert spikes.nonzero().tolist() == [[0, 0, 0], [0, 27, 27], [1, 17, 7], [2, 17, 7]]  # step, y, x
    assert spikes.max() == 1


def test_more_frames_hold_the_same_pixels(tmp_path):
    events = read_events(write(tmp_path / "a.bin", random_events(1)))
    assert torch.equal(frames(events, 60).reshape(15, 4, 28, 28).amax(1), frames(events, 15))  # parts of parts
    one = read_events(write(tmp_path / "b.bin", [(10, 10, 1, 77)]))
    assert frames(one, 15)[0].sum() == 1 and frames(one, 15).sum() == 1
    for steps in (0, 2.0, True):
        with pytest.raises(ValueError, match=r"steps must be a whole number >= 1"):
            frames(one, steps)


def test_n_mnist_is_what_its_files_say(tmp_path):
    data = load("n-mnist", data_dir=write_n_mnist(tmp_path, each=2), steps=5)
    assert data.class_names == tuple("0123456789") and data.classes == 10
    for split, part in ((data.train, "Train"), (data.test, "Test")):
        assert split.images.shape == (20, 5, 28, 28) and split.labels.tolist() == [k // 2 for k in range(20)]
        files = [tmp_path / part / str(k // 2) / f"{k % 2:05}.bin" for k in range(20)]
        for spikes, file in zip(split.images, files, strict=True):
            assert torch.equal(spikes, frames(read_events(file), 5))
    assert load("n-mnist", data_dir=tmp_path, classes=2).train.images.shape == (4, 15, 28, 28)


def test_only_the_digits_asked_for_are_read_also_one_folder_further_down(tmp_path):
    write_n_mnist(tmp_path / "N-MNIST", digits=3, each=1)
    data = load("n-mnist", data_dir=tmp_path, classes=3)
    assert data.class_names == ("0", "1", "2") and data.test.labels.tolist() == [0, 1, 2]
    with pytest.raises(FileNotFoundError, match=r"Train/3 must hold event files \*\.bin, got none"):
        load("n-mnist", data_dir=tmp_path)


def test_batches_of_events_are_float32_with_time_after_the_batch():
    split = Split(torch.ones(3, 5, 28, 28, dtype=torch.uint8), torch.arange(3))
    images, _ = next(batches(split, 2))
    assert (images.shape, images.dtype) == ((2, 5, 28, 28), torch.float32) and (images == 1).all()
    still = Split(torch.full((3, 28, 28), 255, dtype=torch.uint8), torch.arange(3))
    assert (next(batches(still, 2))[0] == 1).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "whole events of 5 bytes, got 0 bytes"),
        (packed([(1, 2, 1, 3)])[:-1], "whole events of 5 bytes, got 4 bytes"),
        (packed([(1, 2, 1, 3), (34, 2, 1, 4)]), r"events of 34 x 34 pixels, got \(34, 2\) at event 1"),
        (packed([(1, 99, 1, 3)]), r"got \(1, 99\) at event 0"),
        (packed([(1, OVERFLOW, 1, 3)]), "got no event"),
    ],
)
def test_a_damaged_event_file_is_one_line(tmp_path, content, message):
    write_n_mnist(tmp_path, digits=2, each=1)
    (tmp_path / "Test" / "1" / "00000.bin").write_bytes(content)
    with pytest.raises(ValueError, match=rf"00000\.bin must hold {message}|{message}") as caught:
        load("n-mnist", data_dir=tmp_path, classes=2)
    assert "00000.bin" in str(caught.value) and "\n" not in str(caught.value)


def test_a_folder_without_recordings_is_one_line(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"data_dir must hold Train/0 \.\.\. Train/9 and Test/0 \.\.\. Test/9"):
        load("n-mnist", data_dir=tmp_path)
    with pytest.raises(FileNotFoundError, match="event file must be a file"):
        read_events(tmp_path / "none.bin")
    write_n_mnist(tmp_path, digits=2, each=1)
    (tmp_path / "Train" / "10").mkdir()
    with pytest.raises(ValueError, match="Train must hold folders 0 to 9, got '10'"):
        load("n-mnist", data_dir=tmp_path, classes=2)
