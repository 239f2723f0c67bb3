import numpy as np
import pytest
import torch
from neuron_helpers import A_C, NAME, WATCH, at_rest, passage, rotate_towards, unit_vectors

import shno
from neuromorph import SHNOLayer, datasets, models
from validation.spike_steps import matched

# By the drive on top of the rest bias, in a_c: spikes and latency of a 0.5 ns pulse, spikes when held for 7.5 ns.
PULSED = {0.5: 0, 1: 1, 2: 1, 3: 2, 4: 2, 6: 3, 8: 4, 12: 6}
LATENCY_NS = {1: 0.63, 2: 0.35, 3: 0.26, 4: 0.22, 6: 0.17, 8: 0.14, 12: 0.11}
HELD = {0.1: 0, 0.2: 0, 0.3: 3, 0.5: 6, 1: 10, 2: 18, 4: 31, 8: 57, 12: 83, 15: 102, 18: 6}


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
