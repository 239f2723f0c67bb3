import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from neuron_helpers import A_C, drives

import shno
from neuromorph import Noise, SHNOLayer, Variability, evaluate_chips, regime
from neuromorph.chips import UNSEEN, fabricated

SHORT = {"n_steps": 3, "neural_step": 0.1e-9}
SPREAD = {"alpha": 0.1, "Ms": 0.05, "width": 0.05, "theta_SH": 0.04}
NOMINAL, BIAS = shno.preset("easy-plane-neuron"), shno.operating_point("easy-plane-neuron")


def chip_of(n=4, *, spread=SPREAD, noise=None, **settings):
    return SHNOLayer(n, **SHORT, noise=noise, variability=Variability(spread=spread, **settings))


def devices(layer):
    return np.array([np.broadcast_to(getattr(layer.oscillator, name), layer.n) for name in ("alpha", "Ms", "volume")])


class Network(torch.nn.Module):
    """Two layers of oscillators, one inside another module."""

    def __init__(self, **settings):
        super().__init__()
        self.first, self.inner = SHNOLayer(3, **SHORT, **settings), torch.nn.Sequential(SHNOLayer(2, **SHORT))


# ---- devices --------------------------------------------------------------------------------------------------------


def test_the_neurons_of_a_chip_are_sampled_devices_at_rest_at_their_own_bias():
    layer = chip_of(chip=5, first=10)
    drawn = shno.sample(NOMINAL, 4, SPREAD, 5, first=10)
    assert layer.oscillator == drawn and layer.nominal == NOMINAL
    own = shno.Drive(a_DL=layer.gain * BIAS.a_DL, B_ext=BIAS.B_ext)
    assert np.array_equal(layer.rest, shno.equilibrium(drawn, own, driven=True))
    assert np.ptp(layer.rest.numpy(), axis=0).min() > 0
    still = layer.eval()(torch.zeros(1, 4, dtype=torch.float64))[1].m
    assert torch.allclose(still[0], layer.rest, rtol=0, atol=1e-9)  # 0.3 ns at a fixed point


def test_a_device_is_the_same_however_many_there_are():
    few, many, one = chip_of(18, chip=3), chip_of(41, chip=3), chip_of(1, chip=3, first=17)
    assert np.array_equal(devices(few), devices(many)[:, :18]) and np.array_equal(
        devices(one)[:, 0], devices(few)[:, 17]
    )
    assert np.array_equal(few.gain, many.gain[:18]) and one.gain == few.gain[17]


def test_torque_an_ampere_follows_spin_hall_angle_magnetisation_and_size():
    spread = SPREAD | {"thickness": 0.03}
    layer = chip_of(50, spread=spread)
    each = shno.sample(replace(NOMINAL, theta_SH=0.2), 50, spread, 0)
    efficiency = each.theta_SH / (each.Ms * each.thickness * each.width)
    assert np.allclose(layer.gain, efficiency / (0.2 / (NOMINAL.Ms * NOMINAL.thickness * NOMINAL.width)), rtol=1e-12)
    x = drives(5, 50, dtype=torch.float64)
    nominal = SHNOLayer(50, **SHORT).drive(x)
    assert torch.allclose(layer.drive(x), torch.as_tensor(layer.gain) * nominal, rtol=1e-12, atol=0)


def test_a_bias_given_as_a_current_gives_each_device_the_torque_that_it_makes():
    settings = regime("burst")
    oscillator, bias = settings["oscillator"], settings["bias"]
    spread = {"Ms": 0.001, "width": 0.02, "theta_SH": 0.02, "thickness": 0.005}
    layer = SHNOLayer(6, **settings, variability=Variability(spread=spread, chip=2))
    drawn = shno.sample(oscillator, 6, spread, 2)
    assert np.array_equal(layer.parameters_of_device["a_DL"], shno.parameters(drawn, bias)["a_DL"])
    twice = replace(bias, I=1.5 * bias.I)  # half the bias more: 0.45 I_c
    a_DL = layer.drive(torch.full((1, 6), 0.45, dtype=torch.float64))[0]
    assert np.allclose(a_DL, shno.parameters(drawn, twice)["a_DL"], rtol=1e-12, atol=0)
    assert np.allclose(layer.rest, shno.equilibrium(drawn, bias, driven=True), rtol=0, atol=1e-12)


def test_a_chip_does_what_its_devices_do_one_by_one():
    x, limit = drives(5, 2, 4, high=12.0, dtype=torch.float64), {"clip": 10.0}  # a single layer checks its own step
    layer = SHNOLayer(4, **SHORT, **limit, variability=Variability(spread=SPREAD, chip=1))
    spikes, state = layer(x)
    for k in range(4):
        alpha, Ms, volume = devices(layer)[:, k]
        oscillator = replace(NOMINAL, alpha=alpha, Ms=Ms, thickness=None, width=None, volume=volume)
        gain = layer.gain[k]
        own = SHNOLayer(1, **SHORT, **limit, oscillator=oscillator, critical_torque=gain * A_C,
                        bias=shno.Drive(a_DL=gain * BIAS.a_DL, B_ext=BIAS.B_ext))  # fmt: skip
        alone, after = own(x[..., k : k + 1])
        assert torch.equal(alone[..., 0], spikes[..., k])
        assert torch.allclose(after.m[:, 0], state.m[:, k], rtol=0, atol=1e-9)  # rounding


def test_no_spread_is_the_nominal_layer():
    x = drives(3, 4)
    plain, chip = SHNOLayer(4, **SHORT), chip_of(spread=dict.fromkeys(SPREAD, 0.0))
    assert torch.equal(plain(x)[1].m, chip(x)[1].m) and (chip_of()(x)[1].m != plain(x)[1].m).all()


def test_a_device_whose_bias_exceeds_its_critical_torque_fires_by_itself_as_on_a_real_chip():
    spread = {"theta_SH": 0.25}
    layer = SHNOLayer(8, variability=Variability(spread=spread, chip=4))
    free = 0.8 * layer.gain > 1  # the depinning torque is the pinning field, whatever the device
    assert 0 < free.sum() < 8
    spikes = layer(torch.zeros(1, 8))[0][:, 0]
    assert np.array_equal(spikes.sum(dim=0) > 0, free)
    assert torch.equal(layer.rest[free], SHNOLayer(8).rest[free]) and layer.rest[~free].ne(layer.rest[free][0]).any()


# ---- resampling -----------------------------------------------------------------------------------------------------


def sequence(layer, epochs=3, batches=2):
    """The chip of each training batch, of two batches of evaluation after each epoch."""
    x, chips = drives(2, layer.n), []
    for _ in range(epochs):
        for training, n in ((True, batches), (False, 2)):
            layer.train(training)
            for _ in range(n):
                _, state = layer(x)
                layer(x, state)  # goes on: the same chip
                chips.append(int(layer.chip))
    return chips


@pytest.mark.parametrize(
    ("resample", "expected"),
    [
        ("never", [7] * 12),
        ("epoch", [8, 8, 8, 8, 9, 9, 9, 9, 10, 10, 10, 10]),
        ("batch", [8, 9, 9, 9, 10, 11, 11, 11, 12, 13, 13, 13]),
    ],
)
def test_chips_change_never_each_epoch_or_each_batch_of_training_alone(resample, expected):
    layer = chip_of(2, resample=resample, chip=7)
    assert sequence(layer) == expected
    assert np.array_equal(devices(layer), devices(chip_of(2, chip=expected[-1])))  # chip k is always the same


def test_a_resumed_training_and_a_loaded_network_have_the_chip_they_were_saved_with():
    layer = chip_of(2, resample="epoch")
    layer.train().train()
    other = torch.nn.Sequential(chip_of(2, resample="epoch"))
    other.load_state_dict({f"0.{name}": value for name, value in layer.state_dict().items()})
    x = drives(3, 2)
    assert other[0].chip == 2 and torch.equal(other(x)[1].m, layer(x)[1].m)
    other.train()
    assert other[0].chip == 3


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_copy_is_the_same_chip_and_its_own(twin):
    layer, x = chip_of(chip=3), drives(3, 4)
    other = twin(layer)
    assert torch.equal(layer(x)[1].m, other(x)[1].m)
    other.fabricate(4)
    assert layer.chip == 3 and not np.array_equal(devices(layer), devices(other))


def test_brownian_fields_follow_each_device():
    noise = Noise(temperature=300.0, seed=1)
    a, b = (chip_of(noise=noise, spread={"alpha": sd}) for sd in (0.0, 0.1))
    assert (a(torch.zeros(2, 4))[1].m != b(torch.zeros(2, 4))[1].m).all()


# ---- many chips -----------------------------------------------------------------------------------------------------


def test_statistics_of_chips_are_those_of_what_evaluate_gives():
    model = Network()
    result = evaluate_chips(model, lambda net: float(net.first.oscillator.alpha[0]), n=6, seed=3, spread=SPREAD)
    assert len(set(result.values)) == 6
    assert result.mean == pytest.approx(np.mean(result.values)) and result.worst == min(result.values)
    assert result.sd == pytest.approx(np.sqrt(np.sum((np.array(result.values) - result.mean) ** 2) / 5))
    again = evaluate_chips(model, lambda net: float(net.first.oscillator.alpha[0]), n=4, seed=3, spread=SPREAD)
    other = evaluate_chips(model, lambda net: float(net.first.oscillator.alpha[0]), n=4, seed=4, spread=SPREAD)
    assert again.values == result.values[:4] and not set(other.values) & set(result.values)


def test_the_layers_of_a_chip_are_different_devices_none_of_them_trained_on():
    seen = []

    def evaluate(net):
        seen.append((net.first.oscillator.alpha, net.inner[0].oscillator.alpha, int(net.first.chip)))
        return torch.tensor(0.5)

    evaluate_chips(Network(), evaluate, n=3, spread=SPREAD)
    for k, (first, inner, number) in enumerate(seen):
        whole = fabricated(NOMINAL, BIAS, 5, SPREAD, chip=UNSEEN + k).oscillator.alpha
        assert number == UNSEEN + k and np.array_equal([*first, *inner], whole)
    with pytest.raises(ValueError, match=r"chip must be in \[0, "):
        Variability(spread=SPREAD, chip=UNSEEN)


def failing(net):
    net.eval()
    net.first(drives(2, 3))
    if net.first.chip % 2:
        raise RuntimeError("interrupted")
    return 1.0


@pytest.mark.parametrize("spread", [None, {"alpha": 0.2}])
def test_the_model_is_as_before_also_after_an_exception(spread):
    model = torch.nn.ModuleDict({"first": chip_of(3, chip=6, resample="epoch", noise=Noise(offset=0.1, seed=1))})
    model.first = model["first"]
    model.eval()
    before, buffers = model.first.installed, {name: each.clone() for name, each in model.state_dict().items()}
    model.first.training = True
    with pytest.raises(RuntimeError, match="interrupted"):
        evaluate_chips(model, failing, n=2, spread=spread)
    assert not model.training and model.first.training
    after = model.first.installed
    assert all(x is y for x, y in zip(before, after, strict=True))
    assert all(torch.equal(value, buffers[name]) for name, value in model.state_dict().items())


# ---- complaints -----------------------------------------------------------------------------------------------------

WRONG = [
    ("spread", {"spread": 0.1}, TypeError),
    ("resample", {"resample": "always"}, ValueError),
    ("resample", {"resample": None}, ValueError),
    ("chip", {"chip": -1}, ValueError),
    ("chip", {"chip": 1.0}, TypeError),
    ("first", {"first": 2**31}, ValueError),
]


@pytest.mark.parametrize(("name", "settings", "kind"), WRONG, ids=[str(settings) for _, settings, _ in WRONG])
def test_a_wrong_variability_is_refused_with_one_clear_line(name, settings, kind):
    with pytest.raises(kind, match=rf"^{name} must be .*got ") as caught:
        Variability(**{"spread": SPREAD} | settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "settings", "kind"),
    [
        ("model", {"model": "net"}, TypeError),
        ("model", {"model": torch.nn.Linear(2, 2)}, ValueError),
        ("evaluate", {"evaluate": 0.9}, TypeError),
        ("evaluate", {"evaluate": lambda net: "good"}, TypeError),
        ("evaluate", {"evaluate": lambda net: torch.tensor(float("nan"))}, ValueError),
        ("n", {"n": 1}, ValueError),
        ("n", {"n": 2.0}, TypeError),
        ("seed", {"seed": 2**32}, ValueError),
        ("spread", {"spread": None}, ValueError),
        ("spread", {"spread": [0.1]}, TypeError),
        ("spread", {"spread": {"colour": 0.1}}, ValueError),
    ],
)
def test_evaluate_chips_names_what_is_wrong(name, settings, kind):
    with pytest.raises(kind, match=rf"\b{name} must .*got "):
        evaluate_chips(**{"model": Network(), "evaluate": lambda net: 1.0, "n": 2, "spread": SPREAD} | settings)


def test_a_layer_that_cannot_be_fabricated_says_so():
    with pytest.raises(TypeError, match=r"variability must be a neuromorph\.Variability or None, got dict"):
        SHNOLayer(3, variability=SPREAD)
    with pytest.raises(ValueError, match="spread must be given for a layer without variability"):
        SHNOLayer(3).fabricate(1)
    with pytest.raises(ValueError, match="oscillator must be a single one"):
        SHNOLayer(2, oscillator=replace(NOMINAL, alpha=[0.1, 0.2]), variability=Variability(spread=SPREAD))
