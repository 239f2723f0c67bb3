import numpy as np
import pytest
import torch
from activity_helpers import Network, split

from neuromorph.datasets import Split
from neuromorph.plots.files import read_activity
from neuromorph.record import NEURONS, TRACED, record_activity


@pytest.fixture
def written(tmp_path):
    """(the model, what it says of the three images, the arrays of its file)"""
    model, images = Network(), split()
    record_activity(model, images, 3, tmp_path / "activity.npz")
    first = images[torch.tensor([2, 1, 0])]  # of the classes 0, 1, 2
    return model, model(first.images, record=True), read_activity(tmp_path / "activity.npz"), first


def test_the_file_holds_the_first_image_of_each_class_in_order(written):
    _, prediction, arrays, first = written
    assert arrays["labels"].tolist() == [0, 1, 2]
    np.testing.assert_array_equal(arrays["images"], (255 * first.images).round().byte().numpy())
    assert arrays["predictions"].tolist() == prediction.logits.argmax(1).tolist()
    np.testing.assert_array_equal(arrays["logits"], prediction.logits.detach().numpy())


def test_spikes_are_those_of_the_model_at_evenly_chosen_neurons(written):
    _, prediction, arrays, _ = written
    assert arrays["layers"].tolist() == ["hidden", "output"]
    assert arrays["shapes"].tolist() == ["4 x 9 x 9", "3"]
    for k, spikes in enumerate(prediction.spikes.values()):
        flat, kept = spikes.flatten(2).numpy(), arrays[f"kept_{k}"]
        np.testing.assert_array_equal(arrays[f"spikes_{k}"], flat[..., kept])
        np.testing.assert_allclose(arrays[f"rates_{k}"], flat.mean((0, 2)), rtol=1e-6)  # a float32 mean beside ours
    kept = arrays["kept_0"]  # of 324
    assert len(kept) == NEURONS and kept[0] == 0 and kept[-1] == 323 and set(np.diff(kept)) == {1, 2}
    assert arrays["kept_1"].tolist() == [0, 1, 2]
    assert arrays["spikes_0"].any() and not arrays["spikes_0"].all()


def test_membranes_go_with_their_spikes_from_the_busiest_to_the_most_silent(written):
    _, prediction, arrays, _ = written
    for k, name in enumerate(prediction.spikes):
        traced = arrays[f"traced_{k}"]
        membranes = prediction.membranes[name].detach().flatten(2).numpy()
        np.testing.assert_array_equal(arrays[f"membranes_{k}"], membranes[..., traced])
        above = arrays[f"membranes_{k}"] > arrays["thresholds"][k]
        np.testing.assert_array_equal(arrays[f"spikes_of_traced_{k}"], above)  # the threshold is the layer's own
        counts = arrays[f"spikes_of_traced_{k}"].sum((0, 1))
        whole = prediction.spikes[name].flatten(2).sum((0, 1))
        assert 2 <= len(counts) <= TRACED and (np.diff(counts.astype(int)) < 0).all()
        assert (counts[0], counts[-1]) == (whole.max(), whole.min())
    assert arrays["quantities"].tolist() == ["V", "V"]


def test_the_input_is_kept_where_the_encoding_makes_spikes(written, tmp_path):
    model, _, arrays, first = written
    assert str(arrays["encoding"]) == "rate"
    np.testing.assert_array_equal(arrays["encoded"], model.encoded(first.images).numpy())
    record_activity(Network("direct"), split(), 3, tmp_path / "direct.npz")
    assert "encoded" not in read_activity(tmp_path / "direct.npz")


def test_a_network_without_spikes_keeps_its_images_alone(tmp_path):
    class Plain(Network):
        def forward(self, images, numbers=None, record=False):
            prediction = super().forward(images, numbers)
            prediction.spikes = {}
            return prediction

    record_activity(Plain("direct"), split(), 3, tmp_path / "activity.npz")
    arrays = read_activity(tmp_path / "activity.npz")
    assert len(arrays["layers"]) == 0 and arrays["labels"].tolist() == [0, 1, 2]


def test_the_same_model_writes_the_same_arrays(tmp_path):
    for name in ("a", "b"):
        record_activity(Network(), split(), 3, tmp_path / name)
    one, two = (read_activity(tmp_path / name) for name in ("a", "b"))
    assert one.keys() == two.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, two[name])


def test_a_class_without_an_image_is_named(tmp_path):
    images = split()
    few = Split(images.images[:2], images.labels[:2])  # 2 and 1
    with pytest.raises(ValueError, match=r"split must hold an image of each class, got none of \[0\]"):
        record_activity(Network(), few, 3, tmp_path / "activity.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY"])
def test_a_damaged_file_is_one_line(tmp_path, content):
    path = tmp_path / "activity.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"activity\.npz must hold the activity of a run") as error:
        read_activity(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["spikes_0", "images", "membranes_1", "thresholds", "predictions"])
def test_parts_that_do_not_fit_are_named(tmp_path, written, name):
    arrays = written[2]
    wrong = tmp_path / "wrong.npz"
    np.savez(wrong, **arrays | {name: arrays[name][:-1]})
    with pytest.raises(ValueError, match=r"wrong\.npz: \w+_?\d? must be of shape"):
        read_activity(wrong)
    np.savez(wrong, **{other: array for other, array in arrays.items() if other != name})
    if name != "membranes_1":  # without it the layer has no traces
        with pytest.raises(ValueError, match=r"wrong\.npz must hold"):
            read_activity(wrong)
