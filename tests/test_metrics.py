import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d

from neuromorph import metrics
from neuromorph.datasets import Split
from neuromorph.metrics import Firing, confusion_matrix, firing_of, footprint, operations, together, workload
from neuromorph.models import Prediction, build

GENERATOR = torch.Generator().manual_seed(5)


def sparse(*shape, share=0.4):
    """Numbers, some of them 0."""
    values = torch.randn(shape, generator=GENERATOR)
    return values * (torch.rand(shape, generator=GENERATOR) < share)


def split_of(n, classes=3):
    return Split(torch.rand(n, 28, 28, generator=GENERATOR), torch.arange(n) % classes)


class Net(nn.Module):
    """Linear, spikes of two steps, Linear: the spikes of image k are those given, whatever the image."""

    def __init__(self, spikes, logits):
        super().__init__()
        self.first, self.relu, self.last = nn.Linear(784, 6, bias=False), nn.ReLU(), nn.Linear(4, 3)
        self.spikes, self.logits = spikes, logits

    def forward(self, images, numbers=None, record=False):
        self.relu(self.first(images.flatten(1)))
        spikes = self.spikes[:, numbers]
        self.last(spikes)
        return Prediction(self.logits[numbers], None, {"a": spikes, "b": spikes[..., :1]}, {})


def net_of(n):
    spikes = (torch.rand(2, n, 4, generator=GENERATOR) < 0.5).float()
    logits = torch.eye(3)[torch.arange(n) % 3]
    logits[0] = torch.tensor([0.0, 9.0, 0.0])  # image 0 is taken for class 1
    return Net(spikes, logits).requires_grad_(False)


# ---- operations -----------------------------------------------------------------------------------------------------


def test_operations_of_a_dense_layer_are_its_products_without_a_zero():
    layer, x = nn.Linear(5, 4), sparse(7, 5)
    layer.weight.data = sparse(4, 5, share=0.7)
    products = (x[:, None, :] * layer.weight) != 0  # (7, 4, 5)
    assert operations(layer, x) == (products.sum(), 7 * 4 * 5)
    assert operations(layer, x[None].expand(3, 7, 5)) == (3 * products.sum(), 3 * 7 * 4 * 5)
    assert operations(layer, x[0]) == (products[0].sum(), 4 * 5)


@pytest.mark.parametrize("more", [{}, {"padding": 1}, {"stride": 2, "padding": "valid"}, {"groups": 2, "dilation": 2}])
def test_operations_of_a_convolution_are_its_products_without_a_zero(more):
    layer, x = nn.Conv2d(2, 4, 3, **more), sparse(3, 2, 9, 9)
    layer.weight.data = sparse(*layer.weight.shape, share=0.7)
    rest = {name: getattr(layer, name) for name in ("stride", "padding", "dilation", "groups")}
    expected = conv2d((x != 0).double(), (layer.weight != 0).double(), **rest).sum()
    whole = conv2d(torch.ones(3, 2, 9, 9), torch.ones_like(layer.weight), **rest).sum()
    assert operations(layer, x) == (expected, whole)


def test_a_convolution_of_one_pixel_is_a_dense_layer():
    dense, x = nn.Linear(5, 4), sparse(7, 5)
    pixel = nn.Conv2d(5, 4, 1)
    pixel.weight.data = dense.weight.data[..., None, None]
    assert operations(pixel, x[..., None, None]) == operations(dense, x)


def test_a_layer_of_spikes_accumulates_and_a_layer_of_numbers_multiplies():
    n = 10
    net, split = net_of(n), split_of(n)
    found = workload(net, split, batch_size=4).synaptic_operations
    assert found.Effective_MACs == pytest.approx((split.images != 0).sum().item() * 6 / n)
    assert found.Effective_ACs == pytest.approx(net.spikes.sum().item() * 3 / n)
    assert found.Dense == 784 * 6 + 2 * 4 * 3  # an image: the last layer works in both steps
    net.spikes[1, n - 1, 2] = 0.5  # a single number in the last batch: no layer of spikes any more
    again = workload(net, split, batch_size=4).synaptic_operations
    assert again.Effective_ACs == 0 and again.Effective_MACs > found.Effective_MACs


def test_counts_do_not_depend_on_the_batch_size():
    net, split = net_of(11), split_of(11)
    one, other = (workload(net, split, batch_size=size) for size in (3, 11))
    assert one._replace(confusion=0) == other._replace(confusion=0) and torch.equal(one.confusion, other.confusion)


def test_no_hook_stays_behind_even_after_an_exception():
    net, split = net_of(4), split_of(4)
    workload(net, split)
    net.logits = None
    with pytest.raises(TypeError):
        workload(net, split)
    assert not any(module._forward_hooks for module in net.modules())


# ---- spikes ---------------------------------------------------------------------------------------------------------


def test_firing_is_as_it_is_defined():
    counts = torch.tensor([[0, 50], [96, 100]])
    assert firing_of(counts, 100, 5) == Firing((0.5 + 0.96 + 1) / 4, 0.25, 0.5, 4, 5)
    assert firing_of(torch.tensor([95]), 100, 5).saturated == 0  # more than 95 %


def test_layers_together_weigh_as_their_neurons_and_steps():
    a, b = Firing(0.1, 0.5, 0.0, 4, 10), Firing(0.4, 0.0, 0.5, 2, 5)
    whole = together({"a": a, "b": b})
    assert whole.spike_rate == pytest.approx((0.1 * 40 + 0.4 * 10) / 50)
    assert (whole.dead, whole.saturated, whole.neurons, whole.steps) == pytest.approx((2 / 6, 1 / 6, 6, 10))
    assert together({}) is None


def test_a_workload_counts_spikes_zeros_and_updates_of_each_layer():
    n = 10
    net, split = net_of(n), split_of(n)
    found = workload(net, split)
    assert list(found.firing) == ["a", "b"] and found.firing["a"].neurons == 4
    assert found.firing["a"].spike_rate == pytest.approx(net.spikes.mean().item())
    assert found.membrane_updates == 2 * (4 + 1)
    rectified = net.first(split.images.flatten(1)).relu()
    values = torch.cat([each.flatten() for each in (rectified, net.spikes, net.spikes[..., :1])])
    assert found.activation_sparsity == pytest.approx((values == 0).double().mean().item())
    assert found.images == n and found.auxiliary_accuracy is None


def test_oscillators_and_their_twin_are_counted_for_what_they_are():
    torch.manual_seed(0)
    split = split_of(4, classes=2)
    hybrid, twin = (workload(build(name, classes=2), split) for name in ("hybrid", "hybrid-relu"))
    assert hybrid.membrane_updates == twin.membrane_updates == 0  # nobody computes them
    (layer,) = hybrid.firing.values()
    assert (layer.neurons, layer.steps) == (60, 15) and hybrid.total == layer
    assert twin.firing == {} and twin.total is None and 0 < twin.activation_sparsity < 1
    dense = 784 * 256 + 256 * 128 + 128 * 60 + 60 * 60 + 60 * 2 + 60 * 2  # two heads
    assert hybrid.synaptic_operations.Dense == twin.synaptic_operations.Dense == dense
    assert hybrid.auxiliary_accuracy is not None


# ---- the rest -------------------------------------------------------------------------------------------------------


def test_rows_of_a_confusion_matrix_are_true_classes():
    labels, answers = torch.tensor([0, 0, 1, 2, 2, 2]), torch.tensor([0, 1, 1, 0, 2, 2])
    assert confusion_matrix(labels, answers, 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 2]]
    found = workload(net_of(10), split_of(10))
    assert found.confusion[0, 1] == 1 and found.confusion.sum() == 10
    assert found.accuracy == found.confusion.trace() / 10 == 0.9


def test_wrong_classes_are_refused():
    with pytest.raises(ValueError, match=r"answers must be in \[0, 1\], got 0 to 2"):
        confusion_matrix(torch.tensor([0, 1]), torch.tensor([0, 2]), 2)
    with pytest.raises(ValueError, match=r"labels must be in \[0, 1\], got -1 to 0"):
        confusion_matrix(torch.tensor([0, -1]), torch.tensor([0, 1]), 2)
    with pytest.raises(ValueError, match="one for each label, got 1 for 2 labels"):
        confusion_matrix(torch.tensor([0, 1]), torch.tensor([0]), 2)
    with pytest.raises(ValueError, match="split must hold an image, got none"):
        workload(net_of(3), split_of(0))


def test_a_footprint_is_bytes_of_parameters_and_buffers():
    norm = nn.BatchNorm1d(6)  # 2 x 6 parameters, 2 x 6 + 1 buffers, the last an int64
    assert footprint(nn.Sequential(nn.Linear(3, 5), norm.double())) == 4 * 20 + 8 * 24 + 8


def test_progress_is_told_images_done():
    seen = []
    workload(net_of(5), split_of(5), batch_size=2, progress=lambda *done: seen.append(done))
    assert seen == [(2, 5), (4, 5), (5, 5)] and metrics.batches is not None
