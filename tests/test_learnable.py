import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from neuron_helpers import drives

import shno
from neuromorph import Bounded, SHNOLayer, learnable

SHORT = {"n_steps": 3, "neural_step": 0.1e-9, "dt": 2e-12, "truncate": None}
BOUNDS = {"Ms": (5e5, 7e5), "alpha": (0.075, 0.2), "gamma": (1.7e11, 1.8e11), "Ku": (20.0, 70.0)}
FURTHER = {"Ku2": (20.0, 70.0), "Kc": (20.0, 90.0), "J_iec": (5e-8, 2e-7), "field_like": (-0.2, 0.3)}
FURTHER |= {"Lambda": (1.0, 1.1), "Q_nl": (0.0, 0.5)}
OF_THE_INPUT = {"bias": (0.2, 0.6), "gain": (0.2, 3.0), "threshold": (0.4, 0.9)}
BIAS = shno.Drive(a_DL=1e-3, B_ext=(0.0, 0.0, 2.5e-3))  # 0.4 a_c
ALL = BOUNDS | FURTHER | OF_THE_INPUT
AXES = {"easy_axis": (0.0, 0.6, 0.8), "cubic_axes": ((0.8, 0.6, 0.0), (-0.6, 0.8, 0.0)), "m_fixed": (0.6, 0.0, 0.8)}


def device(**more):
    """The easy-plane neuron with every term that can be learnt, none of them zero."""
    terms = {"Ku": 40.0, "Ku2": 50.0, "Kc": 60.0, "J_iec": 1e-7, "field_like": 0.1, "Lambda": 1.05, "Q_nl": 0.2}
    return replace(shno.preset("easy-plane-neuron"), **(terms | AXES | more))


def learning(oscillator=None, **more):
    """A layer that learns all there is: one set of kernels serves most tests here."""
    oscillator = device() if oscillator is None else oscillator
    settings = SHORT | {"oscillator": oscillator, "bias": BIAS, "clip": 6.0, "learn": ALL} | more
    return SHNOLayer(2, **settings).double()


def shifted(layer, by=0.3):
    """The layer with each learnt number moved, differently for each neuron."""
    with torch.no_grad():
        for k, raw in enumerate(layer.learned.parameters()):
            raw += by * torch.cos(k + torch.arange(raw.numel(), dtype=raw.dtype)).reshape(raw.shape)
    return layer


def differences(function, raw, eps):
    """Central differences of a number with respect to each element of a parameter."""
    found = []
    for unit in torch.eye(raw.numel(), dtype=raw.dtype).reshape(-1, *raw.shape):
        values = []
        for move in (eps, -2 * eps):
            with torch.no_grad():
                raw += move * unit
            values.append(function().item())
        with torch.no_grad():
            raw += eps * unit
        found.append((values[0] - values[1]) / (2 * eps))
    return torch.tensor(found, dtype=raw.dtype).reshape(raw.shape)


def test_the_gradient_of_the_path_equals_finite_differences():
    """From rest, which moves with the parameters, to the states after three neural steps."""
    layer = learning(reset="none", read_out="m")
    x = drives(3, 2, 2, low=0.5, dtype=torch.float64)
    weights = drives(3, 2, 2, seed=5, dtype=torch.float64)

    def total():
        return (weights * layer(x)[0]).sum()

    total().backward()
    for name in (*BOUNDS, *FURTHER, "bias", "gain"):
        raw = layer.learned[name].raw
        expected = differences(total, raw, 1e-5)
        assert (expected != 0).all(), name
        # central differences: eps^2 times the third derivative, and rounding 1e-15 / eps
        assert torch.allclose(raw.grad, expected, rtol=1e-6, atol=1e-8 * float(expected.abs().max()) + 1e-10), name


def test_the_gradient_of_the_latency_equals_finite_differences():
    layer = learning(read_out="latency", n_steps=8)
    x = torch.tensor([[4.0, 5.0]], dtype=torch.float64)
    latency = layer(x)[0]
    assert ((latency > 1) & (latency < 7.5)).all()  # spiked, not in the first step
    latency.sum().backward()
    for name in (*BOUNDS, *FURTHER, "bias", "gain"):
        raw = layer.learned[name].raw
        expected = differences(lambda: layer(x)[0].sum(), raw, 1e-6)
        # rounding 1e-15 / eps of a latency of about 3; the gradients are 1e-4 to 1
        assert torch.allclose(raw.grad, expected, rtol=1e-5, atol=1e-8), name


def test_the_gradient_of_the_threshold_is_that_of_the_surrogate():
    layer, envelope = learning(reset="none"), learning(reset="none", read_out="envelope")
    x = drives(3, 2, 2, dtype=torch.float64)
    part = layer.learned["threshold"]
    (gradient,) = torch.autograd.grad(layer(x)[0].sum(), part.raw)
    share, u = part.raw.detach().sigmoid(), envelope(x)[0].detach() - layer.threshold
    expected = -layer.surrogate.gradient(u).sum() * (part.high - part.low) * share * (1 - share)
    assert torch.allclose(gradient, expected, rtol=1e-10, atol=0)  # float64


def made(layer, **more):
    """A layer of oscillators made as the other's are now, which learns the same from there."""
    oscillator, bias = layer.design()
    return learning(oscillator, bias=bias, **more)


def test_learnt_constants_act_as_those_of_oscillators_made_with_them():
    layer = shifted(learning())
    assert all(np.ptp(getattr(layer.design()[0], name)) > 0 for name in BOUNDS | FURTHER)
    other = made(layer)
    with torch.no_grad():
        for name in ("gain", "threshold"):
            other.learned[name].raw.copy_(layer.learned[name].raw)
    x = drives(3, 2, 2, low=1.0, high=5.0, dtype=torch.float64)
    # the parameters of the other started in float32: 1e-7 of their bounds' width
    assert torch.allclose(layer(x)[1].m, other(x)[1].m, rtol=0, atol=1e-4)
    assert torch.allclose(layer.rest, other.rest, rtol=0, atol=1e-5)


def test_the_oersted_field_follows_a_learnt_magnetisation():
    """J is what makes the torque: at a given torque it grows with Ms."""
    stack = {"theta_SH": 0.2, "t_HM": 5e-9, "oersted": (0.0, -1e-15, 2e-15)}
    layer = learning(device(**stack))
    with torch.no_grad():
        layer.learned["Ms"].raw += 1.0
    values = shno.parameters(*layer.design())
    for name, value in learnable.constants(layer).items():
        if name in ("Ms", "torque_per_J", "alpha"):
            assert np.allclose(value.detach().numpy(), values[name], rtol=1e-6, atol=0), name


def test_at_the_start_the_layer_is_the_one_that_learns_nothing():
    layer = learning()
    plain = SHNOLayer(2, oscillator=device(), bias=BIAS, clip=6.0, **SHORT)
    x = drives(3, 2, 2, low=1.0, high=5.0, dtype=torch.float64)
    # the parameters start in float32: 1e-7 of their bounds' width
    assert torch.allclose(layer(x)[1].m, plain(x)[1].m, rtol=0, atol=1e-4)
    assert list(plain.parameters()) == []
    sizes = {name.split(".")[1]: value.shape for name, value in layer.named_parameters()}
    assert sizes == dict.fromkeys(BOUNDS | FURTHER | OF_THE_INPUT, (2,)) | {"threshold": ()}


@pytest.mark.parametrize("raw", [-1e4, -30.0, 0.3, 30.0, 1e4, np.inf, -np.inf])
def test_values_stay_within_their_bounds_whatever_the_parameter(raw):
    for low, high in [*BOUNDS.values(), *FURTHER.values()]:
        part = Bounded(0.3 * low + 0.7 * high, low, high)
        with torch.no_grad():
            part.raw.fill_(raw)
        assert np.float32(low) <= part().item() <= np.float32(high)


def test_the_rest_state_follows_the_constants_and_the_bias():
    layer = shifted(learning(), 1.0)
    before = layer.rest
    m = layer.initial_state(2, torch.empty(0, dtype=torch.float64)).m
    expected = torch.as_tensor(shno.equilibrium(*layer.design(), driven=True))
    assert torch.allclose(m.detach(), expected.expand(2, 2, 3), rtol=0, atol=1e-12)
    assert (m - before).abs().max() > 0.05
    assert torch.equal(layer.rest, m[0].detach())  # that a reset turns to


def test_a_loaded_layer_rests_where_the_saved_one_does():
    layer = shifted(learning(), 2.0)
    other = learning()
    other.load_state_dict(layer.state_dict())
    x = drives(3, 2, 2, low=1.0, high=5.0, dtype=torch.float64)
    for each in (other, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.allclose(layer(x)[1].m, each(x)[1].m, rtol=0, atol=1e-10)


def test_rest_found_in_inference_mode_serves_training():
    layer = shifted(learning())
    x = drives(2, 2, low=1.0, dtype=torch.float64)
    with torch.inference_mode():
        layer(x)
    layer(x)[0].sum().backward()
    assert layer.learned["Ku"].raw.grad is not None


@pytest.mark.parametrize(("name", "wanted"), [("Ku", 0.26), ("alpha", 0.3), ("Ms", 0.26)])
def test_design_by_gradient_reaches_a_wanted_latency(name, wanted):
    """Checked by another integrator and the analysis of its spikes. wanted: ns, after the drive sets in."""
    low, high = {"Ku": (-300.0, 600.0), "alpha": (0.07, 0.3), "Ms": (4e5, 7e5)}[name]
    layer = learning(read_out="latency", n_steps=8, clip=5.0, learn=ALL | {name: (low, high)})
    x = torch.tensor([[4.0, 4.1]], dtype=torch.float64)
    raw, goal = layer.learned[name].raw, wanted / 0.1
    start = layer(x)[0].detach()
    for _ in range(12):  # Newton's method: each latency depends on its own neuron's number
        latency = layer(x)[0]
        (slope,) = torch.autograd.grad(latency.sum(), raw)
        with torch.no_grad():
            raw -= ((latency[0] - goal) / slope).clamp(-1, 1)
    assert torch.allclose(latency, torch.full_like(latency, goal), rtol=0, atol=1e-9)
    assert (start - goal).abs().min() > 0.05  # it had to move
    oscillator, bias = layer.design()
    value = getattr(oscillator, name)
    assert (low < value).all() and (value < high).all()
    drive = replace(bias, a_DL=bias.a_DL + x[0].numpy() * layer.critical_torque)
    run = shno.simulate(oscillator, drive, duration=0.5e-9, dt=1e-12, m0=layer.rest.numpy(), solver="reference")
    for times in shno.analysis.spike_times(run, threshold=layer.threshold, rearm=layer.rearm):
        assert times[0] == pytest.approx(wanted * 1e-9, rel=1e-4)  # lines between steps of 2 ps and of 1 ps


@pytest.mark.parametrize(
    ("learn", "message"),
    [
        ({"colour": (0, 1)}, "learn must name some of"),
        ({"alpha": (0.1, 0.2)}, "bounds of alpha must be on both sides"),
        ({"alpha": (0.05, 1.2)}, "alpha must be in"),
        ({"Ms": (-1.0, 7e5)}, "Ms must be > 0"),
        ({"alpha": (0.2, 0.05)}, "low < high"),
        ({"Ku": (-np.inf, 1.0)}, "finite"),
        ({"bias": (0.5, 1.2)}, "bounds at which m rests"),
        ({"Ku": (-900.0, 300.0)}, "bounds at which m rests"),
        ({"bias": (-0.5, 0.9)}, "lower bound of bias"),
        ({"threshold": (0.1, 0.9)}, "lower bound of threshold"),
        ({"threshold": (0.4, 1.1)}, "upper bound of threshold"),
        ({"alpha": (0.001, 0.2)}, "dt must turn m by at most"),
    ],
)
def test_bounds_that_the_physics_forbids_are_refused(learn, message):
    with pytest.raises(ValueError, match=message):
        SHNOLayer(2, learn=learn, **SHORT)


@pytest.mark.parametrize("learn", [3, ["alpha"], {"alpha": 0.1}, {"alpha": ("a", "b")}, {"alpha": None}])
def test_learn_of_another_kind_is_refused(learn):
    with pytest.raises(TypeError, match=r"(learn|bounds of alpha) must be"):
        SHNOLayer(2, learn=learn, **SHORT)
