"""The classifiers whose training is timed: what is compared is alike. Nothing is timed."""

import pytest
import torch

from validation import speed_classifiers as speed


@pytest.mark.parametrize("name", speed.CHECKED)
def test_both_sides_spike_and_learn_alike(name):
    assert speed.difference(name) <= speed.AGREEMENT  # NaN, where a layer is silent, is not


@pytest.mark.parametrize("name", speed.CHECKED)
def test_both_sides_are_shown_the_same_at_each_step(name):
    images = speed.data(4)[0]
    torch.manual_seed(0)
    plain, ours = speed.trains(name, images, 200), speed.build(name, True)
    ours.steps = 200
    shown = ours.encoded(images)
    if name == "csnn":  # the model normalises by itself
        shown = (shown - 0.1307) / 0.3081
    bound = 0.0 if name == "csnn" else 5 * (2 * 0.25 / 200) ** 0.5  # five standard errors, 3,136 pixels
    assert plain.shape == shown.shape and (plain.mean(0) - shown.mean(0)).abs().max() <= bound + 1e-5


def test_the_twins_of_the_hybrid_are_one_network():
    x = torch.randn(15, 3, 60, generator=torch.Generator().manual_seed(0))
    loop, fused = (speed.Twin(kind)(x) for kind in (False, True))
    assert all(torch.equal(a, b) for a, b in zip(loop, fused, strict=True)) and loop[0].any()


def test_the_precision_of_products_is_set_back():
    before = torch.get_float32_matmul_precision()
    with speed.medium():
        assert torch.get_float32_matmul_precision() == "medium"
    assert torch.get_float32_matmul_precision() == before
