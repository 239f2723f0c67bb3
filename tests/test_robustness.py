import pytest
import torch

from neuromorph import Noise, SHNOLayer, Variability, robustness
from neuromorph.datasets import Split
from neuromorph.models import build
from neuromorph.robustness import conditions

SPLIT = Split(torch.rand(6, 28, 28, generator=torch.Generator().manual_seed(2)), torch.arange(6) % 2)
SHORT = {"n_steps": 2, "neural_step": 0.1e-9}


class Net(torch.nn.Module):
    """Two layers of oscillators; its accuracy, as `seen` measures it, is what they are."""

    def __init__(self, **settings):
        super().__init__()
        self.a, self.b = SHNOLayer(3, **SHORT, **settings), SHNOLayer(2, **SHORT)


def states(net):
    """What the layers are: noise, whether each is nominal, alpha of the first neurons."""
    return tuple((layer.noise, layer.oscillator is layer.nominal, layer.chip.item()) for layer in (net.a, net.b))


@pytest.fixture
def seen(monkeypatch):
    """The states in which the accuracy was asked for, in order; the k-th accuracy is k / 100."""
    found = []

    def evaluate(net, split, *, batch_size):
        found.append(states(net))
        return {"accuracy": len(found) / 100}

    monkeypatch.setattr(robustness, "evaluate", evaluate)
    return found


def test_every_temperature_meets_every_spread_and_none(seen):
    found = conditions(Net(), SPLIT, temperatures=(77.0, 300.0), spreads=(0.02,), n=3)
    grid = [(each.temperature, each.spread, each.chips) for each in found]
    assert grid == [(T, s, n) for T in (0.0, 77.0, 300.0) for s, n in ((0.0, 1), (0.02, 3))]
    assert found[0].values == (0.01,) and (found[0].mean, found[0].sd, found[0].worst) == (0.01, None, 0.01)
    chips = found[1]
    assert chips.values == (0.02, 0.03, 0.04) and chips.worst == 0.02
    assert (chips.mean, chips.sd) == pytest.approx((0.03, 0.01))


def test_nothing_asked_is_the_nominal_network_alone(seen):
    assert [each[:3] for each in conditions(Net(), SPLIT)] == [(0.0, 0.0, 1)]


def test_each_condition_is_what_it_says_and_chips_are_the_same_at_each_temperature(seen):
    conditions(Net(), SPLIT, temperatures=(300.0,), spreads=(0.02,), n=2, seed=4)
    cold, *fabricated, warm = [states[0] for states in seen[:4]]
    assert cold == (None, True, 0) and warm[0] == Noise(temperature=300.0, seed=4) and warm[1]
    assert seen[3][1][0].seed == 5  # each layer's own noise
    assert all(noise is None and not nominal for noise, nominal, _ in fabricated)
    assert [state[0][2] for state in seen[4:]] == [state[2] for state in fabricated]
    assert all(state[0][0].temperature == 300.0 and not state[0][1] for state in seen[4:])


def test_a_network_trained_warm_and_spread_is_measured_as_designed_and_left_as_it_was(seen):
    own = {"noise": Noise(temperature=200.0, offset=0.1, seed=9), "variability": Variability(spread={"alpha": 0.2})}
    net = Net(**own)
    before, devices = states(net), [layer.installed for layer in (net.a, net.b)]
    conditions(net, SPLIT, spreads=(0.05,), n=2)
    assert seen[0][0][:2] == (None, True)  # nominal, cold
    assert states(net) == before
    assert all(layer.installed == device for layer, device in zip((net.a, net.b), devices, strict=True))


def test_a_network_is_left_as_it_was_after_an_exception(monkeypatch):
    def fail(net, split, *, batch_size):
        raise RuntimeError("stopped")

    monkeypatch.setattr(robustness, "evaluate", fail)
    net = Net(noise=Noise(temperature=200.0, seed=9))
    before = states(net)
    with pytest.raises(RuntimeError, match="stopped"):
        conditions(net, SPLIT, temperatures=(77.0,))
    assert states(net) == before


def test_the_hybrid_s_accuracy_is_that_of_its_evaluation_and_repeats():
    torch.manual_seed(1)
    model = build("hybrid", classes=2)
    one, two = (conditions(model, SPLIT, temperatures=(300.0,), spreads=(0.02,), n=2, seed=3) for _ in range(2))
    assert one == two
    assert one[0].mean == robustness.evaluate(model, SPLIT)["accuracy"]


def test_what_cannot_be_is_one_line_before_anything_is_computed(seen):
    with pytest.raises(ValueError, match="model must have oscillators"):
        conditions(build("hybrid-relu", classes=2), SPLIT, temperatures=(300.0,))
    for wrong, message in (
        ({"temperatures": (-1.0,)}, "temperature must be in"),
        ({"spreads": (0.3,)}, "sd must be below 0.25"),
        ({"spreads": (-0.1,)}, r"sd must be in \[0, 1\]"),
        ({"spreads": (0.1,), "n": 1}, "chips must be at least 2, got 1"),
    ):
        with pytest.raises(ValueError, match=message):
            conditions(Net(), SPLIT, **wrong)
    assert seen == []
