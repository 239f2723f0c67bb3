"""Sums over spikes against torch's products, forward and backward, and when they step aside."""

import copy

import pytest
import torch
from torch import nn

from neuromorph import sparse
from neuromorph.sparse import SpikeConvPool, SpikeLinear
from shno import threads

SHAPES = ((1, 64, 64), (127, 100, 128), (129, 65, 64), (300, 784, 256))  # rows, inputs, outputs
IMAGES = ((1, 32, 14, 14), (9, 32, 7, 9), (3, 64, 2, 2), (5, 64, 6, 13))  # images, channels, height, width
ROUNDING = 1e-13  # of sums of up to 10^4 terms of order 1 in float64, over the largest


def spikes(*shape, share=0.15, dtype=torch.float64, seed=0):
    """Independent spikes."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(shape, generator=generator) < share).to(dtype)


def seeded(build, *arguments, **settings):
    """A layer with the parameters of seed 1, float64."""
    torch.manual_seed(1)
    return build(*arguments, **settings).double()


def plain(layer):
    """The same layer of torch's own."""
    if isinstance(layer, SpikeConvPool):
        return nn.Sequential(*copy.deepcopy(layer))
    twin = nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None)
    twin.to(layer.weight.dtype).load_state_dict(layer.state_dict())
    return twin


def found(layer, x):
    """Values, and the gradients of a loss by the input and by the parameters."""
    x = x.clone().requires_grad_()
    y = layer(x)
    weights = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape)
    return y, *torch.autograd.grad((y * weights).sum(), (x, *layer.parameters()))


def assert_alike(ours, theirs, tolerance=ROUNDING):
    """Each of some tensors, over its largest element."""
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        assert float((a - b).detach().abs().max()) <= tolerance * float(b.detach().abs().max())


@pytest.fixture
def no_products(monkeypatch):
    """Torch's own product is a failure."""
    monkeypatch.setattr(nn.Linear, "forward", lambda self, x: pytest.fail("torch's product ran"))
    monkeypatch.setattr(nn.Sequential, "forward", lambda self, x: pytest.fail("torch's convolution ran"))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_layer_of_spikes_and_its_gradients_are_torch_s(shape, bias, request):
    rows, inputs, outputs = shape
    layer, x = seeded(SpikeLinear, inputs, outputs, bias=bias), spikes(rows, inputs)
    theirs = found(plain(layer), x)
    request.getfixturevalue("no_products")
    assert_alike(found(layer, x), theirs)


@pytest.mark.parametrize("shape", IMAGES, ids=str)
def test_a_convolution_of_spikes_with_pooling_and_its_gradients_are_torch_s(shape, request):
    layer, x = seeded(SpikeConvPool, shape[1]), spikes(*shape)
    theirs = found(plain(layer), x)
    request.getfixturevalue("no_products")
    assert_alike(found(layer, x), theirs)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_silence_and_a_spike_everywhere_are_like_the_rest(share, monkeypatch):
    monkeypatch.setattr(sparse, "DENSE", 1.0)
    for layer, shape in ((seeded(SpikeLinear, 200, 64), (130, 200)), (seeded(SpikeConvPool, 32), (2, 32, 4, 6))):
        x = spikes(*shape, share=share)
        ours, theirs = found(layer, x), found(plain(layer), x)
        assert_alike([a for a in ours if a.abs().max() > 0], [b for b in theirs if b.abs().max() > 0])


def test_of_equal_values_the_first_passes_its_gradient_on_as_in_torch():
    layer = seeded(SpikeConvPool, 32)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_((40 * parameter).round())  # small whole numbers: many ties, exact sums
    x = spikes(6, 32, 8, 8, share=0.02)
    assert_alike(found(layer, x), found(plain(layer), x))


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 2e-6), (torch.float64, ROUNDING)])
def test_precision_is_kept(dtype, tolerance):
    layer, x = seeded(SpikeLinear, 784, 128).to(dtype), spikes(200, 784, dtype=dtype)
    assert_alike(found(layer, x), found(plain(layer), x), tolerance)


@pytest.mark.parametrize("kind", ["linear", "convolution"])
def test_the_number_of_threads_changes_no_bit(kind, monkeypatch):
    if kind == "linear":
        layer, x = seeded(SpikeLinear, 100, 128), spikes(1000, 100)
    else:
        layer, x = seeded(SpikeConvPool, 32), spikes(20, 32, 6, 6)
    results = []
    for count in (1, 2, 3):
        monkeypatch.setattr(threads, "thread_count", lambda count=count: count)
        results.append(found(layer, x))
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_a_row_has_the_same_bits_in_every_batch():
    layer, x = seeded(SpikeLinear, 300, 64), spikes(260, 300)
    assert torch.equal(layer(x)[131:135], layer(x[131:135]))


@pytest.mark.parametrize("value", [0.5, -1.0, 2.0, float("nan")])
def test_one_input_that_is_no_spike_is_noticed(value):
    x, images = spikes(1000, 130), spikes(200, 32, 4, 4)
    x[3, 129], images[3, 31, 3, 3] = value, value  # not among those that are looked at first
    for layer, given in ((seeded(SpikeLinear, 130, 64), x), (seeded(SpikeConvPool, 32), images)):
        assert torch.equal(layer(given).nan_to_num(), plain(layer)(given).nan_to_num())


def test_dense_trains_autocast_and_odd_widths_are_torch_s_own():
    for layer, x in (
        (seeded(SpikeLinear, 100, 64), spikes(50, 100, share=0.6)),
        (seeded(SpikeLinear, 100, 10), spikes(50, 100)),
        (seeded(SpikeConvPool, 32), spikes(4, 32, 6, 6, share=0.6)),
        (seeded(SpikeConvPool, 16), spikes(4, 16, 6, 6)),
    ):
        assert torch.equal(layer(x), plain(layer)(x))
    layer, x = seeded(SpikeLinear, 100, 64).float(), spikes(50, 100, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x).dtype == torch.bfloat16


def test_parameters_have_the_names_and_first_values_of_torch_s_layers():
    torch.manual_seed(3)
    ours = nn.ModuleList([SpikeLinear(100, 64), SpikeConvPool(32)])
    torch.manual_seed(3)
    theirs = nn.ModuleList([nn.Linear(100, 64), nn.Sequential(nn.Conv2d(32, 64, 3, padding=1), nn.MaxPool2d(2))])
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    assert all(torch.equal(a, b) for a, b in zip(ours.state_dict().values(), state.values(), strict=True))
