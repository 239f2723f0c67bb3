"""The fused LIF neurons against snnTorch's in a loop and against their own equation."""

import pytest
import snntorch as snn
import torch
from snntorch import surrogate as their

from neuromorph import lif
from neuromorph.surrogate import NAMES, as_surrogate

STEPS, BATCH, NEURONS = 23, 4, 7


def inputs(precision=torch.float64, shape=(NEURONS,), seed=0):
    """x, beta and threshold of each neuron (beta from below 0 to above 1), the membrane before; all want gradients."""
    generator = torch.Generator().manual_seed(seed)
    x = 0.6 * torch.randn(STEPS, BATCH, *shape, generator=generator, dtype=torch.float64) + 0.1
    beta = torch.linspace(-0.1, 1.1, NEURONS, dtype=torch.float64)
    threshold = torch.linspace(0.4, 1.3, NEURONS, dtype=torch.float64)
    mem = torch.randn(BATCH, *shape, generator=generator, dtype=torch.float64)
    return [each.to(precision).requires_grad_() for each in (x, beta, threshold, mem)]


def theirs(x, beta, threshold, mem, reset, surrogate):
    """snn.Leaky in a loop over time, and the parameters that it holds."""
    cell = snn.Leaky(beta.detach().clone(), threshold=threshold.detach().clone(), spike_grad=surrogate,
                     learn_beta=True, learn_threshold=True, reset_mechanism=reset)  # fmt: skip
    found = []
    for given in x:
        spike, mem = cell(given, mem)
        found.append((spike, mem))
    return *(torch.stack(each) for each in zip(*found, strict=True)), (cell.beta, cell.threshold)


def gradients(spikes, membranes, wanted, seed=1):
    """Of a random weighting of every spike and membrane."""
    generator = torch.Generator().manual_seed(seed)
    weights = [torch.randn(spikes.shape, generator=generator, dtype=torch.float64).to(membranes) for _ in range(2)]
    return torch.autograd.grad((spikes * weights[0]).sum() + (membranes * weights[1]).sum(), wanted)


def assert_close(found, expected, bound=1e-10):
    """Each tensor to `bound` of its largest element; 1e-10: rounding, amplified over the steps."""
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape and (a - b).abs().max() <= bound * b.abs().max() and b.abs().max() > 0


@pytest.mark.parametrize("reset", lif.RESETS)
@pytest.mark.parametrize("name", NAMES)
def test_leaky_is_that_of_snntorch_in_a_loop(reset, name):
    """Spikes and membranes to the last bit, whatever the surrogate; gradients to x, beta, threshold and mem."""
    surrogate = as_surrogate(name)
    x, beta, threshold, mem = inputs()
    spikes, membranes = lif.leaky(x, beta=beta, threshold=threshold, reset=reset, surrogate=surrogate, mem=mem)
    their_spikes, their_membranes, learnt = theirs(x, beta, threshold, mem, reset, surrogate)
    assert torch.equal(spikes, their_spikes) and torch.equal(membranes, their_membranes)
    assert 0.05 < spikes.mean() < 0.6
    expected = gradients(their_spikes, their_membranes, [x, *learnt, mem])
    assert_close(gradients(spikes, membranes, [x, beta, threshold, mem]), expected)


@pytest.mark.parametrize("reset", lif.RESETS)
def test_in_float32_spikes_and_membranes_are_snntorch_s_to_the_last_bit(reset):
    x, beta, threshold, mem = inputs(torch.float32)
    found = lif.leaky(x, beta=beta, threshold=threshold, reset=reset, mem=mem)
    expected = theirs(x, beta, threshold, mem, reset, their.atan())[:2]
    assert all(torch.equal(a, b) and a.dtype == torch.float32 for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("make", (their.atan, their.fast_sigmoid, their.spike_rate_escape))
def test_a_surrogate_of_snntorch_s_own_gives_its_gradients(make):
    """To 1e-5: it computes them in float32."""
    x, beta, threshold, mem = inputs()
    spikes, membranes = lif.leaky(x, beta=beta, threshold=threshold, surrogate=make(), mem=mem)
    their_spikes, their_membranes, learnt = theirs(x, beta, threshold, mem, "subtract", make())
    expected = gradients(their_spikes, their_membranes, [x, *learnt, mem])
    assert_close(gradients(spikes, membranes, [x, beta, threshold, mem]), expected, 1e-5)


def test_numbers_are_those_that_snntorch_makes_of_them():
    """snn.Leaky(0.9).double() has beta = float32(0.9)."""
    (x, *_), cell = inputs(), snn.Leaky(0.9, threshold=0.7, spike_grad=as_surrogate("atan")).double()
    mem, expected = torch.zeros_like(x[0]), []
    for given in x:
        mem = cell(given, mem)[1]
        expected.append(mem)
    assert torch.equal(lif.leaky(x, beta=0.9, threshold=0.7)[1], torch.stack(expected))


def by_definition(x, tau, threshold, surrogate):
    """V <- V + (I - V) / tau; a spike at V >= threshold; then V = 0, and no gradient through that."""
    V, spikes, membranes = torch.zeros_like(x[0]), [], []
    for current in x:
        V = V + (current - V) / tau
        spike = surrogate(V - threshold, V >= threshold)
        spikes.append(spike), membranes.append(V)
        V = torch.where(spike.detach() > 0, torch.zeros_like(V), V)
    return torch.stack(spikes), torch.stack(membranes)


@pytest.mark.parametrize("name", ("fast_sigmoid", "atan", "straight_through_estimator"))
@pytest.mark.parametrize("tau", (1, 2.0, 7.3))
def test_poisson_lif_is_its_equation(name, tau):
    x, _, threshold, _ = inputs(seed=3)
    x, surrogate = (2 * x).detach().requires_grad_(), as_surrogate(name)
    found = lif.poisson_lif(x, tau=tau, threshold=threshold, surrogate=surrogate)
    expected = by_definition(x, tau, threshold, surrogate)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True)) and 0.01 < found[0].mean() < 0.9
    wanted = [x, threshold]
    assert_close(gradients(*found, wanted), gradients(*expected, wanted))


def test_a_constant_current_charges_the_membrane_exponentially_and_its_reset_starts_anew():
    """V_n = I (1 - (1 - 1/tau)^n): spikes every n steps, n the first with V_n >= 1."""
    tau, current = 5.0, 1.5
    x = torch.full((60, 1, 1), current, dtype=torch.float64)
    quiet = lif.poisson_lif(x, tau=tau, threshold=2.0)[1].ravel()
    n = torch.arange(1, 61, dtype=torch.float64)
    torch.testing.assert_close(quiet, current * (1 - (1 - 1 / tau) ** n), rtol=1e-12, atol=0)
    spikes = lif.poisson_lif(x, tau=tau)[0].ravel()
    period = int((quiet >= 1).nonzero()[0]) + 1
    assert spikes.nonzero().ravel().tolist() == list(range(period - 1, 60, period))


def test_at_the_threshold_leaky_is_silent_and_poisson_lif_spikes():
    x = torch.full((1, 1, 1), 0.5)
    assert lif.leaky(x, beta=0.5, threshold=0.5)[0].item() == 0
    assert lif.poisson_lif(x, tau=1, threshold=0.5)[0].item() == 1


def test_a_held_input_is_one_repeated():
    x, beta, threshold, mem = inputs()
    held = x[0].detach().requires_grad_()
    settings = {"beta": beta, "threshold": threshold, "mem": mem}
    found = lif.leaky(held, **settings, steps=STEPS)
    expected = lif.leaky(held.expand(STEPS, *held.shape), **settings)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    wanted = [held, beta, threshold, mem]
    assert_close(gradients(*found, wanted), gradients(*expected, wanted))


def test_two_halves_are_the_whole():
    x, beta, threshold, mem = inputs()
    settings, cut = {"beta": beta, "threshold": threshold, "reset": "zero"}, 9
    whole = lif.leaky(x, **settings, mem=mem)
    first = lif.leaky(x[:cut], **settings, mem=mem)
    second = lif.leaky(x[cut:], **settings, mem=first[1][-1])
    halves = [torch.cat(each) for each in zip(first, second, strict=True)]
    assert all(torch.equal(a, b) for a, b in zip(halves, whole, strict=True))
    wanted = [x, beta, threshold, mem]
    assert_close(gradients(*halves, wanted), gradients(*whole, wanted))


@pytest.mark.parametrize("lanes, piece", ((8, 20), (1, 1), (5, 1000)))
def test_blocks_pieces_and_threads_change_no_bit(monkeypatch, lanes, piece):
    x, beta, threshold, mem = inputs(torch.float32)

    def run():
        found = lif.leaky(x, beta=beta, threshold=threshold, mem=mem)
        return *found, *gradients(*found, [x, beta, threshold, mem])

    expected = run()
    monkeypatch.setattr(lif, "LANES", lanes), monkeypatch.setattr(lif, "PIECE", piece)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert all(torch.equal(a, b) for a, b in zip(run(), expected, strict=True))


@pytest.mark.parametrize("layout", (torch.contiguous_format, torch.channels_last))
def test_images_of_either_memory_format_keep_it(layout):
    x, beta, threshold, mem = inputs(shape=(2, 3, NEURONS))
    laid = x.detach().flatten(0, 1).contiguous(memory_format=layout).unflatten(0, x.shape[:2]).requires_grad_()
    settings = {"beta": beta, "threshold": threshold, "mem": mem}
    spikes, membranes = lif.leaky(laid, **settings)
    assert spikes.stride() == laid.stride()
    expected = theirs(x, beta, threshold, mem, "subtract", as_surrogate("atan"))
    assert torch.equal(spikes, expected[0]) and torch.equal(membranes, expected[1])
    found, wanted = gradients(spikes, membranes, [laid, beta, mem]), [x, expected[2][0], mem]
    assert_close(found, gradients(*expected[:2], wanted))
