import numpy as np
import pytest
import torch
from layer_noise_helpers import SHORT, added
from neuron_helpers import drives

import shno
from neuromorph import Noise, SHNOLayer
from neuromorph.noise import CORRELATED


def test_offsets_are_independent_normal_numbers_of_the_sd_frozen_in_an_inference():
    x = added(Noise(offset=0.3, seed=1), 2500, 1, 4)
    assert x.shape == (1, 2500, 4)  # one for all neural steps
    x, n = x[0] / 0.3, 10_000
    assert abs(x.mean()) < 4 / np.sqrt(n) and abs(x.var() - 1) < 4 * np.sqrt(2 / n)  # 4 standard errors
    assert abs((x**4).mean() - 3) < 4 * np.sqrt(96 / n)
    between = [np.mean(x[:, 0] * x[:, 1]), np.mean(x[:, 0] * x[:, 3]), np.mean(x[1:, 2] * x[:-1, 2])]
    assert np.abs(between).max() < 4 / np.sqrt(2499)


def test_the_common_part_is_the_same_for_all_neurons_and_new_in_each_step_and_inference():
    x = added(Noise(common=0.4, seed=1), 500, 20, 3) / 0.4
    assert (x == x[..., :1]).all()
    x, n = x[..., 0], 10_000
    assert abs(x.mean()) < 4 / np.sqrt(n) and abs(x.var() - 1) < 4 * np.sqrt(2 / n)
    assert abs((x[1:] * x[:-1]).mean()) < 4 / np.sqrt(9500) and abs((x[:, 1:] * x[:, :-1]).mean()) < 4 / np.sqrt(9980)


PLACES = ((0.0, 0.0), (3.0, 0.0), (3.0, 4.0), (-20.0, 0.0), (0.5, 0.5))


@pytest.mark.parametrize(("positions", "length"), [(None, 1.5), (None, 0.01), (PLACES, 4.0)])
def test_the_correlated_part_has_a_gaussian_covariance_over_distance(positions, length):
    x = added(Noise(correlated=0.5, length=length, positions=positions, seed=2), 1000, 10, 5).reshape(-1, 5) / 0.5
    places = np.arange(5.0)[:, None] if positions is None else np.array(positions)
    distance = np.linalg.norm(places[:, None] - places, axis=-1)
    expected = np.exp(-(distance**2) / (2 * length**2))
    error = np.sqrt((1 + expected**2) / len(x))  # of a product of two normal numbers so correlated
    assert (np.abs(x.T @ x / len(x) - expected) < 4 * error).all()
    steps = x.reshape(10, 1000, 5)
    assert abs((steps[1:] * steps[:-1]).mean(axis=(0, 1))).max() < 4 / np.sqrt(9000)  # new in each step


def test_the_correlated_part_is_the_same_bits_in_any_batch():
    noise = Noise(correlated=1.0, length=30.0, seed=2)
    whole = added(noise, 40, 6, 300)
    for done in (0, 4):
        one = noise.added(torch.tensor([23]), torch.tensor([done]), 2, 300, True).numpy()
        assert np.array_equal(one[:, 0], whole[done : done + 2, 23])


def test_the_parts_are_independent_and_add():
    sizes = {"offset": 0.3, "common": 0.4, "correlated": 0.5}
    each = {name: added(Noise(**{name: size}, seed=3), 500, 20, 4) for name, size in sizes.items()}
    assert np.allclose(added(Noise(**sizes, seed=3), 500, 20, 4), sum(each.values()), rtol=0, atol=1e-15)
    a, b, c = (x[..., 0] / sizes[name] for name, x in each.items())
    for product in (a * b, a * c, b * c):
        # an offset is the same 20 times, but its partner is not: the mean of 10^4 products
        assert abs(product.mean()) < 4 / 100


def test_the_numbers_are_those_of_philox_by_inference_step_and_neuron():
    x = added(Noise(correlated=1.0, length=1e-6, seed=2**64 - 1), 3, 2, 6, done=5)  # its factor is the unit matrix
    neuron, inference, step = np.arange(6), np.arange(3)[:, None], 5 + np.arange(2)[:, None, None]
    expected = shno.philox.draw(2**64 - 1, 4 * inference + neuron % 4, step, oscillator=neuron // 4, purpose=CORRELATED)
    assert np.allclose(x, expected, rtol=0, atol=1e-6)  # both sides of the product are rounded, to 2^-20


def test_browns_field_is_that_of_integrate_with_the_theorems_deviation():
    layer, x = SHNOLayer(3, **SHORT, noise=Noise(temperature=300.0, seed=9)), drives(2, 3, dtype=torch.float64)
    device = layer.oscillator
    deviation = shno.theory.thermal_field(device.alpha, 300.0, device.Ms, device.volume, layer.dt, device.gamma)
    watch = {"component": 1, "threshold": 0.7, "rearm": 0.35, "dt": layer.dt, "n_steps": 50}
    noise = {"deviation": deviation, "seed": 9, "realisation": np.array([[0, 1, 2], [65536, 65537, 65538]])}
    state = layer.initial_state(2, x)
    for k in range(2):
        assert torch.equal(layer.step(x, state)[1].m[0], layer.step(x[:1], first_of(state))[1].m[0])
        alone = shno.integrate(
            layer.parameters_of_device, state.m, layer.drive(x), **watch, **noise, first_step=50 * k, armed=state.armed
        )
        spikes, state = layer.step(x, state)
        assert not spikes.any() and torch.equal(state.m, alone.m_end)  # no reset in between


def first_of(state):
    return type(state)(*(each[:1] for each in state))


def test_at_300_K_and_zero_input_a_neuron_slips_about_once_in_40_neural_steps():
    layer = SHNOLayer(20, n_steps=25, noise=Noise(temperature=300.0, seed=0))
    x = torch.zeros(20, 20)
    spikes = layer(x)[0][5:]  # from rest to the thermal state
    assert 1 / 50 < spikes.mean() < 1 / 32  # 200 of 8000: 4 standard errors are 28 %
    layer = SHNOLayer(20, n_steps=25)
    assert layer(x)[0].sum() == 0


# ---- complaints -----------------------------------------------------------------------------------------------------

WRONG = [
    ("temperature", {"temperature": -1.0, "seed": 0}, ValueError),
    ("temperature", {"temperature": float("nan"), "seed": 0}, ValueError),
    ("offset", {"offset": "0.1", "seed": 0}, TypeError),
    ("common", {"common": float("inf"), "seed": 0}, ValueError),
    ("correlated", {"correlated": True, "seed": 0}, TypeError),
    ("length", {"length": 0.0}, ValueError),
    ("seed", {"offset": 0.1}, ValueError),
    ("seed", {"offset": 0.1, "seed": 0.5}, TypeError),
    ("seed", {"seed": -1}, ValueError),
    ("seed", {"seed": 2**64}, ValueError),
    ("train", {"train": 1}, TypeError),
    ("evaluate", {"evaluate": ("offsets",)}, ValueError),
    ("positions", {"positions": "here"}, TypeError),
    ("positions", {"positions": (1.0, 2.0)}, ValueError),
    ("positions", {"positions": ((1.0, float("nan")),)}, ValueError),
]


@pytest.mark.parametrize(("name", "settings", "kind"), WRONG, ids=[str(settings) for _, settings, _ in WRONG])
def test_a_wrong_noise_is_refused_with_one_clear_line(name, settings, kind):
    with pytest.raises(kind, match=rf"^{name} must be .*got ") as caught:
        Noise(**settings)
    assert "\n" not in str(caught.value)


def test_a_layer_that_cannot_have_its_noise_says_so():
    with pytest.raises(TypeError, match=r"noise must be a neuromorph\.Noise or None, got dict"):
        SHNOLayer(3, noise={"temperature": 300.0})
    with pytest.raises(ValueError, match="positions must be one for each of 3 neurons, got 2"):
        SHNOLayer(3, noise=Noise(correlated=1.0, positions=np.eye(2), seed=0))
    with pytest.raises(ValueError, match="n must be at most 4096 with noise of correlated, got 5000"):
        SHNOLayer(5000, noise=Noise(correlated=1.0, seed=0))
    film = shno.Oscillator(Ms=636620.0, alpha=0.08, demag=(1.0, 0.0, 0.0), p=(-1.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="volume must be given where there is a temperature"):
        SHNOLayer(3, oscillator=film, noise=Noise(temperature=300.0, seed=0))
