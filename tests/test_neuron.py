import copy
import gc
import io
import pickle
import weakref

import numpy as np
import pytest
import torch

import shno
from neuromorph import SHNOLayer, datasets, models
from neuromorph.neuron import record, rotate_towards

NAME = "easy-plane-neuron"
A_C = 2.5e-3  # T, the depinning torque: the pinning field
WATCH = {"component": 1, "threshold": 0.7, "rearm": 0.35}

# By the drive on top of the rest bias, in a_c: spikes and latency of a 0.5 ns pulse, spikes when held for 7.5 ns.
PULSED = {0.5: 0, 1: 1, 2: 1, 3: 2, 4: 2, 6: 3, 8: 4, 12: 6}
LATENCY_NS = {1: 0.63, 2: 0.35, 3: 0.26, 4: 0.22, 6: 0.17, 8: 0.14, 12: 0.11}
HELD = {0.1: 0, 0.2: 0, 0.3: 3, 0.5: 6, 1: 10, 2: 18, 4: 31, 8: 57, 12: 83, 15: 102, 18: 6}


def drives(*shape, low=-1.0, high=3.0, seed=0, dtype=torch.float32):
    """Seeded inputs in units of a_c, some below and most above what makes a neuron spike."""
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(*shape, generator=generator, dtype=dtype)


def unit_vectors(n, seed):
    m = torch.randn(n, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(m, dim=-1)


def passage(m, drive, duration, dt):
    """`shno.integrate` of the neuron from m under a drive in a_c on top of its bias."""
    oscillator, bias = shno.preset(NAME), shno.operating_point(NAME)
    values, n_steps = shno.parameters(oscillator, bias), round(duration / dt)
    return shno.integrate(values, m, bias.a_DL + A_C * drive, dt=dt, n_steps=n_steps, **WATCH)


def at_rest(n):
    rest = shno.equilibrium(shno.preset(NAME), shno.operating_point(NAME), driven=True)
    return torch.as_tensor(rest).expand(n, 3)


def matched(a, b):
    """F1 of two spike trains (steps, ...) of 0 and 1, matched one to one and in order within one neural step."""
    a, b = (np.asarray(x, bool).reshape(len(x), -1).T for x in (a, b))
    pairs = 0
    for left, right in zip(a, b, strict=True):
        waiting = list(np.flatnonzero(right))
        for step in np.flatnonzero(left):
            waiting = [each for each in waiting if each >= step - 1]
            if waiting and waiting[0] <= step + 1:
                waiting.pop(0)
                pairs += 1
    return 2 * pairs / (a.sum() + b.sum())


def spikes_of(run, layer, steps):
    """Spikes per neural step in a Trajectory (n, images, neurons, 3), by the analysis: (steps, images, neurons)."""
    times = shno.analysis.spike_times(run, threshold=layer.threshold, rearm=layer.rearm)
    edges = layer.neural_step * np.arange(steps + 1)
    counts = [np.histogram(each, edges)[0] for each in times]
    return np.stack(counts, axis=1).reshape(steps, *run.m.shape[1:3])


# ---- the neuron -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dt", [2e-12, 0.5e-12])
def test_a_pulse_gives_the_tabulated_spikes_and_latencies(dt):
    drive = torch.tensor(list(PULSED), dtype=torch.float64)
    pulse = passage(at_rest(len(drive)), drive, 0.5e-9, dt)
    after = passage(pulse.m_end, torch.zeros_like(drive), 7e-9, dt)
    assert (pulse.crossings + after.crossings).tolist() == list(PULSED.values())
    first = torch.where(pulse.crossings > 0, pulse.crossing_time, 0.5e-9 + after.crossing_time)
    latency = dict(zip(PULSED, (1e9 * first).tolist(), strict=True))
    assert np.isnan(latency.pop(0.5))
    assert {drive: round(ns, 2) for drive, ns in latency.items()} == LATENCY_NS  # tabulated to 0.01 ns


@pytest.mark.parametrize("dt", [2e-12, 0.5e-12])
def test_a_held_drive_gives_the_tabulated_spikes(dt):
    drive = torch.tensor(list(HELD), dtype=torch.float64)
    assert passage(at_rest(len(drive)), drive, 7.5e-9, dt).crossings.tolist() == list(HELD.values())


def test_a_layer_without_reset_counts_as_the_table():
    drive = torch.tensor([[each for each in HELD if each <= 15]], dtype=torch.float64)
    spikes, _ = SHNOLayer(drive.shape[1], reset="none", read_out="count")(drive)
    assert spikes.sum(0)[0].tolist() == [HELD[each] for each in drive[0].tolist()]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_spikes_have_converged_on_images_of_digits(dtype):
    torch.manual_seed(0)
    model = models.build("hybrid", classes=4).eval()
    images = datasets.load("digits", classes=4).test.images[::40]  # 40 images
    normalisation = model.encoder[-1].train()
    normalisation.momentum = 1.0  # the statistics of this batch, so that drives spread by about one a_c
    with torch.no_grad():
        model.encoder(images)
        model.eval()
        x = model.drive(images).to(dtype)
        coarse, _ = SHNOLayer(60, dt=2e-12)(x)
        fine, _ = SHNOLayer(60, dt=0.5e-12)(x)
    assert 0.02 < coarse.mean() < 0.60  # neither silence nor noise
    assert matched(coarse, fine) >= 0.99 and matched(fine, coarse) >= 0.99
    assert coarse.sum().item() == pytest.approx(fine.sum().item(), rel=0.01)


def test_more_input_means_more_spikes():
    for read_out, inputs in (("spike", (0.1, 0.3, 0.5, 1, 2)), ("count", (0.1, 0.3, 0.5, 1, 2, 4, 8, 12, 15))):
        counts, _ = SHNOLayer(len(inputs), read_out=read_out)(torch.tensor([inputs]))
        assert (counts.sum(0)[0].diff() > 0).all()


def test_a_negative_input_gives_no_spike():
    spikes, _ = SHNOLayer(5)(torch.tensor([[-0.1, -0.8, -1.0, -5.0, -100.0]]))  # never turned the other way
    assert spikes.sum() == 0


def test_the_drive_turns_m_in_its_plane_towards_the_threshold():
    inputs = torch.tensor([[0.05, 0.1, 0.2, 0.4, 0.6, 0.8]], dtype=torch.float64)
    layer = SHNOLayer(inputs.shape[1], n_steps=1)
    spikes, state = layer(inputs)
    assert spikes.sum() == 0  # on the way, not past it
    rest, m = layer.rest, state.m[0]
    turned = torch.atan2(rest[:, 1] * m[:, 2] - rest[:, 2] * m[:, 1], rest[:, 1] * m[:, 1] + rest[:, 2] * m[:, 2])
    threshold = torch.tensor([0.7, -((1 - 0.7**2) ** 0.5)]).double()  # (m_y, m_z), m_y rising over m_z < 0
    ahead = torch.atan2(rest[0, 1] * threshold[1] - rest[0, 2] * threshold[0], rest[0, 1:] @ threshold)
    assert (turned.diff().abs() > 0).all() and (turned[0] * ahead > 0)
    assert (turned / ahead).diff().gt(0).all() and (turned / ahead).max() < 1


def test_the_rest_state_balances_bias_and_pinning_field():
    for share in (0.3, 0.8):  # in its plane m turns by asin(a / B) from the field along z
        bias = shno.Drive(a_DL=share * A_C, B_ext=(0.0, 0.0, A_C))
        rest = SHNOLayer(2, bias=bias).rest
        expected = torch.tensor([0.0, -share, (1 - share**2) ** 0.5], dtype=torch.float64)
        assert torch.allclose(rest, expected.expand(2, 3), rtol=0, atol=1e-12)  # identity, float64


def test_the_drive_is_clipped_where_m_would_leave_its_plane():
    layer = SHNOLayer(1, read_out="count")
    highest = torch.tensor([[15.2]], dtype=torch.float64)  # 0.8 + 15.2 = 16
    assert layer.drive(torch.tensor([[1e3]])).item() == pytest.approx(16 * A_C, rel=1e-6)  # float32
    assert torch.equal(layer(highest)[0], layer(highest + 10)[0])


# ---- what faults must not come back ---------------------------------------------------------------------------------


def test_no_spike_without_drive_at_any_length():
    layer = SHNOLayer(2)
    spikes, state = layer(torch.zeros(400, 1, 2))  # 200 ns
    assert spikes.sum() == 0
    assert torch.allclose(state.m[0], layer.rest.float(), rtol=0, atol=1e-6)  # float32 stays at a fixed point


def test_without_drive_m_falls_back_to_rest_from_anywhere():
    layer, x = SHNOLayer(50), torch.zeros(60, 1, 50, dtype=torch.float64)
    _, state = layer(x, layer.initial_state(1, x)._replace(m=unit_vectors(50, 1)[None]))
    assert torch.allclose(state.m[0], layer.rest, rtol=0, atol=1e-6)  # 30 ns; the damping is real


@pytest.mark.parametrize("dt", [2.5e-12, 1e-11, 1e-10])
def test_a_coarse_step_is_refused(dt):
    with pytest.raises(ValueError, match=r"dt must turn m by at most 0\.2 rad a step, .* Use dt <= ") as caught:
        SHNOLayer(1, dt=dt)
    assert "\n" not in str(caught.value)


def test_a_demagnetising_and_an_applied_field_exist():
    values = SHNOLayer(1).parameters_of_device
    assert np.trace(np.diag(values["demag"])) == 1 and np.ptp(values["demag"]) > 0
    assert np.linalg.norm(values["B_ext"]) > 0


def test_spikes_need_the_easy_plane():
    sphere = shno.Oscillator(Ms=636620.0, alpha=0.08, demag=(1 / 3, 1 / 3, 1 / 3), p=(-1.0, 0.0, 0.0))
    m, drive = at_rest(1), torch.tensor(A_C * 4.8)
    turns = {}
    for name, oscillator in (("plane", shno.preset(NAME)), ("sphere", sphere)):
        values = shno.parameters(oscillator, shno.operating_point(NAME))
        turns[name] = shno.integrate(values, m, drive, dt=2e-12, n_steps=3750, **WATCH).crossings.item()
    assert turns == {"plane": HELD[4], "sphere": 0}  # a sphere's m goes to p and stays there


def test_a_reset_of_the_length_would_change_nothing_while_a_rotation_does():
    m, rest = torch.tensor([0.05, 0.9, -0.4], dtype=torch.float64), at_rest(1)[0]
    m = m / m.norm()
    assert torch.allclose(0.8 * m / (0.8 * m).norm(), m, rtol=0, atol=1e-15)  # what it was mistaken for
    assert torch.rad2deg(torch.acos(rotate_towards(m, rest, 0.1) @ m)) > 10


# ---- the reset ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5, 1.0])
def test_rotation_turns_by_a_fraction_of_the_angle_in_the_plane_of_both(fraction):
    m, target = unit_vectors(100, 2), unit_vectors(100, 3)
    turned = rotate_towards(m, target, fraction)
    angle = torch.acos((m * target).sum(-1))
    assert torch.allclose(turned.norm(dim=-1), torch.ones(100).double(), rtol=0, atol=1e-14)  # rounding
    # 1e-12 under the root that keeps the gradient finite moves the angle by 1e-12 / sine: 1e-10 for these
    assert torch.allclose((turned * m).sum(-1), torch.cos(fraction * angle), rtol=0, atol=1e-10)
    assert torch.allclose((turned * target).sum(-1), torch.cos((1 - fraction) * angle), rtol=0, atol=1e-10)


def test_rotation_by_nothing_is_m_and_by_all_is_the_target():
    m, target = unit_vectors(100, 4), unit_vectors(100, 5)
    assert torch.allclose(rotate_towards(m, target, 0.0), m, rtol=0, atol=1e-15)  # rounding
    assert torch.allclose(rotate_towards(m, target, 1.0), target, rtol=0, atol=1e-10)  # as above


def test_rotation_at_and_opposite_to_the_target_keeps_length_and_gradient_finite():
    target = at_rest(1)[0]
    for m in (target.clone(), -target):
        m.requires_grad_()
        turned = rotate_towards(m, target, 0.1)
        turned.sum().backward()
        assert turned.norm().item() == pytest.approx(1, abs=1e-14) and m.grad.isfinite().all()


def spiking_step(reset, **settings):
    """A neural step in which each neuron spikes: the state after it with this reset, and without any."""
    x = drives(4, 3, low=4.0, high=12.0, dtype=torch.float64)
    spikes, state = SHNOLayer(3, n_steps=1, reset=reset, **settings)(x)
    assert spikes.min() == 1
    return state.m, SHNOLayer(3, n_steps=1, reset="none")(x)[1].m


def test_soft_reset_turns_m_towards_rest_and_keeps_its_length():
    m, before = spiking_step("soft", reset_fraction=0.1)
    rest = at_rest(1)[0]
    assert torch.allclose(m.norm(dim=-1), torch.ones(4, 3).double(), rtol=0, atol=1e-14)  # rounding
    assert torch.allclose(torch.acos(m @ rest), 0.9 * torch.acos(before @ rest), rtol=0, atol=1e-9)  # as above
    assert ((m - before).norm(dim=-1) > 1e-2).all()  # it is no rescaling


def test_soft_reset_by_nothing_is_no_reset_and_by_all_is_the_hard_one():
    nothing, before = spiking_step("soft", reset_fraction=0.0)
    whole, _ = spiking_step("soft", reset_fraction=1.0)
    assert torch.allclose(nothing, before, rtol=0, atol=1e-15)  # rounding
    assert torch.allclose(whole, spiking_step("hard")[0], rtol=0, atol=1e-9)  # as above


def test_hard_reset_is_rest():
    m, _ = spiking_step("hard")
    assert torch.equal(m, at_rest(1).expand(4, 3, 3))  # exact: it is set


@pytest.mark.parametrize("reset", ["soft", "hard"])
def test_a_neuron_that_did_not_spike_is_not_reset(reset):
    x = torch.tensor([[0.1, 6.0]])
    spikes, state = SHNOLayer(2, n_steps=1, reset=reset)(x)
    free = SHNOLayer(2, n_steps=1, reset="none")(x)[1]
    assert spikes[0, 0].tolist() == [0, 1]
    assert torch.equal(state.m[0, 0], free.m[0, 0]) and not torch.equal(state.m[0, 1], free.m[0, 1])


@pytest.mark.parametrize("reset", ["none", "soft"])
def test_a_turn_is_one_spike_though_it_spans_two_neural_steps(reset):
    # Each input puts the first crossing so close to the end of a neural step that a reset takes m back below the
    # threshold but not below the re-arming level.
    layer, x = SHNOLayer(8, reset=reset, read_out="count"), torch.linspace(1.255, 1.29, 8)
    spikes, _ = layer(x[None].expand(3, 1, 8))
    turns = spikes_of(record(layer, x.expand(3, 1, 8), save_every=1), layer, 3)
    assert spikes.sum(0)[0].tolist() == turns.sum(0)[0].tolist()


# ---- shapes, state, precision ---------------------------------------------------------------------------------------


def test_a_held_input_is_the_same_input_at_each_step():
    layer, x = SHNOLayer(4, n_steps=6), drives(5, 4)
    spikes, state = layer(x)
    again, after = layer(x.expand(6, 5, 4))
    assert spikes.shape == (6, 5, 4) and state.m.shape == (5, 4, 3)
    assert torch.equal(spikes, again) and torch.equal(state.m, after.m)  # same arithmetic


@pytest.mark.parametrize("reset", ["soft", "hard", "none"])
def test_two_calls_with_the_state_handed_over_are_one(reset):
    layer, x = SHNOLayer(4, reset=reset, truncate=None), drives(9, 5, 4)
    whole, end = layer(x)
    first, state = layer(x[:4])
    second, state = layer(x[4:], state)
    assert torch.equal(torch.cat([first, second]), whole) and torch.equal(state.m, end.m)  # same arithmetic


def test_gradients_pass_from_call_to_call_with_the_state():
    layer, weights = SHNOLayer(4, truncate=None), drives(5, 4, 3, seed=9)
    x = drives(4, 5, 4, low=-0.7, dtype=torch.float64)  # below -0.8 the drive is clipped
    gradients = []
    for cut in (None, 2):
        each = x.clone().requires_grad_()
        state = None
        for part in (each,) if cut is None else (each[:cut], each[cut:]):
            _, state = layer(part, state)
        (weights * state.m).sum().backward()
        gradients.append(each.grad)
    assert gradients[0].abs().min() > 0
    assert torch.allclose(*gradients, rtol=1e-12, atol=0)  # identity, float64


def test_batch_equals_loop():
    layer, x = SHNOLayer(4), drives(6, 70, 4)  # 280 oscillators: several blocks and a padded one
    spikes, state = layer(x)
    for k in (0, 33, 69):
        alone, after = layer(x[:, k : k + 1])
        assert torch.equal(alone[:, 0], spikes[:, k]) and torch.equal(after.m[0], state.m[k])  # each lane is its own


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_precision_of_the_input_is_kept(dtype):
    x = drives(2, 3).to(dtype).requires_grad_()
    spikes, state = SHNOLayer(3, n_steps=2)(x)
    spikes.sum().backward()
    assert spikes.dtype == state.m.dtype == x.grad.dtype == dtype


def test_single_precision_gives_the_spikes_of_double():
    layer, x = SHNOLayer(8), drives(15, 20, 8)
    assert matched(layer(x)[0], layer(x.double())[0]) >= 0.99


def test_autocast_leaves_the_magnetisation_in_single_precision():
    linear, layer = torch.nn.Linear(5, 3), SHNOLayer(3, n_steps=2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        spikes, state = layer(linear(torch.ones(2, 5)))
    spikes.float().sum().backward()
    assert state.m.dtype == torch.float32 and linear.weight.grad.isfinite().all()


def test_each_neuron_may_be_its_own_oscillator():
    alpha = np.array([0.08, 0.09, 0.1])
    device = {"Ms": 636620.0, "demag": (1.0, 0.0, 0.0), "p": (-1.0, 0.0, 0.0)}
    x = drives(5, 2, 3, low=1.0, dtype=torch.float64)
    spikes, state = SHNOLayer(3, oscillator=shno.Oscillator(alpha=alpha, **device))(x)
    for k in range(3):
        alone, after = SHNOLayer(1, oscillator=shno.Oscillator(alpha=alpha[k], **device))(x[..., k : k + 1])
        assert torch.equal(alone[..., 0], spikes[..., k])
        assert torch.allclose(after.m[:, 0], state.m[:, k], rtol=0, atol=1e-9)  # rounding, grown over 2.5 ns


def test_the_layer_holds_nothing_between_calls():
    layer, x = SHNOLayer(3), drives(5, 2, 3)
    before = {name: value.clone() for name, value in layer.named_buffers()}
    first, second = layer(x)[0], layer(x)[0]
    assert torch.equal(first, second)
    assert all(torch.equal(value, before[name]) for name, value in layer.named_buffers())


# ---- PyTorch's conventions ------------------------------------------------------------------------------------------


@pytest.fixture
def used():
    """A layer after a forward and backward pass, its input and its spikes."""
    layer, x = SHNOLayer(3, n_steps=4, reset_fraction=0.3), drives(2, 3).requires_grad_()
    spikes, _ = layer(x)
    spikes.sum().backward()
    return layer, x, spikes


def stored_and_read(layer):
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


def pickled(layer):
    return pickle.loads(pickle.dumps(layer))


@pytest.mark.parametrize("twin", [copy.deepcopy, pickled, stored_and_read])
def test_a_copy_spikes_alike_and_is_its_own(used, twin):
    layer, x, spikes = used
    other = twin(layer)
    assert torch.equal(other(x)[0], spikes) and repr(other) == repr(layer)
    other.rest.zero_()
    assert torch.equal(layer(x)[0], spikes)


def test_state_dict_round_trip():
    torch.manual_seed(0)
    model, other = models.build("hybrid", classes=3), models.build("hybrid", classes=3)
    other.load_state_dict(model.state_dict())
    x = torch.rand(2, 28, 28)
    assert torch.equal(other.eval()(x).logits, model.eval()(x).logits)
    layer = SHNOLayer(3)
    assert layer.load_state_dict(SHNOLayer(3).state_dict()).missing_keys == []


def test_two_layers_share_nothing():
    one, other = SHNOLayer(3), SHNOLayer(3)
    x = drives(2, 3)
    spikes = other(x)[0]
    one.rest.zero_()
    one.parameters_of_device.clear()
    assert torch.equal(other(x)[0], spikes)


def test_a_layer_is_collected_after_use():
    layer, x = SHNOLayer(3, n_steps=4), drives(2, 3).requires_grad_()
    alive = weakref.ref(layer)
    spikes, _ = layer(x)
    del layer
    gc.collect()
    assert alive() is None  # though its spikes live on
    spikes.sum().backward()
    assert x.grad.isfinite().all()


# ---- gradients ------------------------------------------------------------------------------------------------------


def reach(truncate, steps=4):
    """Matrix (j, k): the size of the gradient of the spikes in step j with respect to the input of step k."""
    layer = SHNOLayer(3, truncate=truncate)
    sizes = torch.zeros(steps, steps)
    for j in range(steps):
        x = drives(steps, 2, 3, low=0.3).requires_grad_()
        spikes, _ = layer(x)
        spikes[j].sum().backward()
        sizes[j] = x.grad.abs().sum((1, 2))
    return sizes


def test_gradient_reaches_the_input_through_the_same_step():
    for truncate in (1, None):
        assert (reach(truncate).diagonal() > 0).all()


def test_without_truncation_the_gradient_reaches_all_earlier_steps_and_none_later():
    sizes = reach(None)
    assert (sizes.tril() > 0).equal(torch.ones(4, 4).tril().bool())
    assert sizes.triu(1).count_nonzero() == 0


def test_truncation_cuts_the_gradient_after_so_many_steps():
    assert torch.equal(reach(1) > 0, torch.eye(4).bool())
    assert torch.equal(reach(2) > 0, torch.block_diag(*[torch.ones(2, 2).tril()] * 2).bool())


def test_truncation_does_not_change_the_spikes():
    x = drives(8, 2, 3)
    assert torch.equal(SHNOLayer(3, truncate=1)(x)[0], SHNOLayer(3, truncate=None)(x)[0])


@pytest.mark.parametrize("reset", ["none", "soft"])
def test_gradient_of_the_final_state_equals_finite_differences(reset):
    layer = SHNOLayer(2, truncate=None, reset=reset)
    x = drives(3, 2, 2, low=0.2, dtype=torch.float64).requires_grad_()
    weights = drives(2, 2, 3, seed=7, dtype=torch.float64)
    spikes, state = layer(x)
    (weights * state.m).sum().backward()
    assert 0 < spikes.mean() < 1
    differences, eps = torch.zeros(x.numel(), dtype=torch.float64), 1e-6
    for k, unit in enumerate(torch.eye(x.numel(), dtype=torch.float64)):
        values = []
        for sign in (1, -1):
            moved, end = layer(x.detach() + sign * eps * unit.view_as(x))
            assert torch.equal(moved, spikes)  # smooth between: no spike comes or goes
            values.append((weights * end.m).sum())
        differences[k] = (values[0] - values[1]) / (2 * eps)
    # central differences: rounding 1e-16 / 1e-6 times the growth of errors, and eps^2 times the third derivative
    assert torch.allclose(x.grad.flatten(), differences, rtol=1e-6, atol=1e-6 * x.grad.abs().max().item())


def test_gradient_of_a_spike_is_the_surrogates_at_the_peak_times_the_peaks():
    layer, x = SHNOLayer(3, n_steps=1), drives(2, 3, low=0.3, dtype=torch.float64).requires_grad_()
    layer(x)[0].sum().backward()
    y = x.detach().requires_grad_()
    peak = passage(at_rest(1).expand(2, 3, 3), y, 0.5e-9, 2e-12).m_peak
    (layer.surrogate.gradient(peak.detach() - 0.7) * peak).sum().backward()
    assert torch.allclose(x.grad, y.grad, rtol=1e-12, atol=0)  # identity, float64


def test_a_clipped_drive_has_no_gradient():
    x = torch.tensor([[-5.0, 1.0, 50.0]]).requires_grad_()
    SHNOLayer(3, n_steps=1)(x)[0].sum().backward()
    assert (x.grad != 0).tolist() == [[False, True, False]]


# ---- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3,), (2, 4), (5, 2, 4), (5, 2, 2, 3), (0, 3), (5, 0, 3), (0, 2, 3)])
def test_a_wrong_shape_or_an_empty_batch_is_named(shape):
    with pytest.raises(ValueError, match=r"x must be \(batch, 3\) or \(steps, batch, 3\) and not empty") as caught:
        SHNOLayer(3)(torch.ones(shape))
    assert "\n" not in str(caught.value) and str(shape) in str(caught.value)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_an_input_that_is_not_finite_is_no_silence(bad):
    x = torch.zeros(2, 3)
    x[1, 2] = bad
    with pytest.raises((ValueError, shno.IntegrationError)):
        SHNOLayer(3)(x)


WRONG = [
    ("n", {"n": 0}),
    ("n", {"n": -3}),
    ("n", {"n": 2.0}),
    ("n_steps", {"n_steps": 0}),
    ("n_steps", {"n_steps": 1.5}),
    ("neural_step", {"dt": 3e-12}),  # does not divide 0.5 ns
    ("dt", {"dt": 0.0}),
    ("dt", {"dt": -2e-12}),
    ("dt", {"dt": float("nan")}),
    ("neural_step", {"neural_step": 0.0}),
    ("reset", {"reset": "gentle"}),
    ("read_out", {"read_out": "voltage"}),
    ("reset_fraction", {"reset_fraction": 1.5}),
    ("reset_fraction", {"reset_fraction": -0.1}),
    ("rearm", {"rearm": 0.8}),  # above the threshold
    ("clip", {"clip": float("nan")}),
    ("critical_torque", {"critical_torque": 0.0}),
    ("truncate", {"truncate": 0}),
]


@pytest.mark.parametrize(("name", "settings"), WRONG, ids=[str(settings) for _, settings in WRONG])
def test_a_wrong_setting_is_refused_at_once_with_one_clear_line(name, settings):
    with pytest.raises((ValueError, TypeError), match=rf"(?=.*\b{name}\b).* must be .*got ") as caught:
        SHNOLayer(**{"n": 2} | settings)
    assert "\n" not in str(caught.value)


# ---- the record -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded():
    """A layer, its input (6, 3, 5), spikes and state after each neural step, and the record of all RK4 steps."""
    layer, x = SHNOLayer(5), drives(6, 3, 5)
    state, states, spikes = None, [], []
    for each in x:
        spike, state = layer(each[None], state)
        states.append(state.m)
        spikes.append(spike[0])
    return layer, x, torch.stack(spikes), torch.stack(states), record(layer, x, save_every=1)


def test_record_holds_the_layers_states_at_the_ends_of_neural_steps_before_their_reset(recorded):
    layer, _, spikes, states, run = recorded
    assert run.m.shape == (6 * 250 + 1, 3, 5, 3) and run.m.dtype == np.float32 and 0 < spikes.mean() < 1
    assert np.array_equal(run.m[0], layer.rest.float().expand(3, 5, 3))
    ends = torch.from_numpy(run.m[250::250])
    after = torch.where(spikes[..., None] > 0, rotate_towards(ends, layer.rest.float(), layer.reset_fraction), ends)
    assert torch.allclose(after, states, rtol=0, atol=1e-5)  # 250 float32 steps by another kernel
    assert np.allclose(run.t, 2e-12 * np.arange(1501), rtol=1e-12, atol=0)


def test_record_holds_the_layers_path_inside_a_neural_step(recorded):
    _, x, _, states, run = recorded
    inside = passage(states[2], x[3], 100 * 2e-12, 2e-12).m_end
    assert np.allclose(run.m[3 * 250 + 100], inside, rtol=0, atol=1e-5)  # 100 float32 steps by another kernel


def test_record_saves_any_share_of_the_same_path(recorded):
    layer, x, _, _, run = recorded
    few = record(layer, x, save_every=25)
    assert np.array_equal(few.m, run.m[::25]) and np.allclose(few.t, run.t[::25], rtol=1e-12, atol=0)


@pytest.mark.parametrize("save_every", [1, 5])
@pytest.mark.parametrize("reset", ["soft", "hard", "none"])
def test_spike_times_of_a_record_are_the_layers_spikes_step_by_step(reset, save_every):
    layer, x = SHNOLayer(20, reset=reset, read_out="count"), drives(10, 10, 20)
    spikes, _ = layer(x)
    assert spikes.sum() > 500
    assert np.array_equal(spikes_of(record(layer, x, save_every=save_every), layer, 10), spikes)


def test_record_saves_and_loads_equal(recorded, tmp_path):
    run = recorded[-1]
    run.save(tmp_path / "run.h5")
    assert shno.load(tmp_path / "run.h5") == run


def test_record_names_the_torque_of_each_neural_step(recorded):
    layer, x, _, _, run = recorded
    torque = run.drive.a_DL
    assert torque.interval == layer.neural_step and torque.values.shape == (6, 3, 5)
    assert np.allclose(torque.values, A_C * np.clip(0.8 + x.numpy(), 0, 16), rtol=1e-6, atol=1e-9)  # x is float32
    assert run.oscillator == layer.oscillator and run.drive.B_ext == pytest.approx(layer.bias.B_ext, abs=0)
