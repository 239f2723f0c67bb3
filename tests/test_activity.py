import copy
import warnings

import numpy as np
import pytest
import torch
from neuron_helpers import drives
from torch.profiler import ProfilerActivity, profile

from neuromorph import ActivityWarning, SHNOLayer
from neuromorph.activity import Activity

SHORT = {"n_steps": 3, "neural_step": 0.1e-9, "dt": 2e-12}


def counted(share, steps=1000):
    """Activity after a set in which each neuron had a spike in this share of its neural steps."""
    activity = Activity(len(share))
    spikes = torch.arange(steps)[:, None, None] < (torch.tensor(share) * steps).round()
    for part in spikes.split(steps // 4):
        activity.count(part.float() * 2)  # a count is a spike, too
    return activity


def test_the_report_keeps_to_its_definitions():
    seen = counted([0.0, 0.25, 0.95, 0.951, 1.0]).report()
    assert seen.spike_rate == pytest.approx((0.25 + 0.95 + 0.951 + 1) / 5, rel=1e-12)
    assert (seen.dead, seen.saturated, seen.looked) == (0.2, 0.4, 1000)  # more than 95 %
    assert all(np.isnan(value) for value in Activity(3).report()[:3])


def test_the_layer_counts_its_own_spikes_over_calls():
    layer = SHNOLayer(4, read_out="count", **SHORT)
    x = torch.tensor([-1.0, 4.0, 6.0, 12.0]) + 0 * drives(5, 4)
    shares = [(layer(x)[0] > 0).double().mean((0, 1)) for _ in range(2)]
    seen = layer.report()
    assert seen.looked == 2 * 3 * 5
    assert seen.spike_rate == pytest.approx(float(torch.stack(shares).mean()), rel=1e-12)
    assert seen.dead == float((shares[0] == 0).double().mean()) > 0
    layer.eval()
    assert layer.report().looked == 0


def test_the_end_of_an_epoch_warns_of_dead_and_saturated_neurons_once():
    activity = counted([0.0, 0.0, 0.3, 0.3, 0.3, 0.3, 0.3, 0.99])
    with pytest.warns(
        ActivityWarning, match=r"25\.0% of 8 neurons are dead .* 12\.5% saturated .* 1000 .* training"
    ) as all_:
        torch.nn.Sequential(torch.nn.Identity(), activity).eval()
    assert len(all_) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        activity.train()  # what was looked at begins anew


@pytest.mark.parametrize(
    "activity",
    [
        counted([0.0, 0.5], steps=996),  # too few to say
        counted([0.0, *[0.5] * 10]),  # too few of them
        counted([0.001, 0.94]),
    ],
)
def test_little_or_healthy_activity_does_not_warn(activity):
    assert activity.report().looked > 0
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        activity.eval()
    assert raised == [] and activity.report().looked == 0  # closed without a word


def test_a_dead_layer_warns_from_its_model_in_a_plain_loop():
    model = torch.nn.Sequential(torch.nn.Linear(2, 4), layer := SHNOLayer(4, **SHORT))
    with torch.no_grad():
        model[0].bias.fill_(-50.0)
        model(torch.zeros(400, 2))
    assert layer.report().dead == 1
    with pytest.warns(ActivityWarning, match=r"100\.0% of 4 neurons are dead"):
        model.eval()


def test_activity_is_not_saved_but_copied():
    layer = SHNOLayer(4, **SHORT)
    layer(drives(2, 4))
    assert list(layer.state_dict()) == ["inferences", "chip"]  # of the noise and of the devices
    assert copy.deepcopy(layer).report() == layer.report()
    assert layer.to(torch.bfloat16).report().looked == 6


def peak_and_left(layer, x):
    """Bytes that torch has taken at the most by the end of forward and backward, and between the two, from its log."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as log:
        with torch.profiler.record_function("forward"):
            output, state = layer(x)
        output.sum().backward()
    events = log.profiler.kineto_results.events()
    end = next(each.end_ns() for each in events if each.name() == "forward")
    memory = sorted((each.start_ns(), each.nbytes()) for each in events if each.name() == "[memory]")
    running = np.cumsum([size for _, size in memory])
    left = running[np.searchsorted([when for when, _ in memory], end) - 1]
    is_own = output.untyped_storage().nbytes() == output.nbytes  # or a view of what is kept
    return running.max(), left - is_own * output.nbytes, state


@pytest.mark.parametrize("settings", [{}, {"read_out": "envelope"}, {"learn": {"gain": (0.5, 2.0)}}])
def test_the_memory_report_is_what_torch_takes(settings):
    layer, batch = SHNOLayer(60, **(SHORT | {"n_steps": 12} | settings)), 32
    x = drives(12, batch, 60).requires_grad_()
    layer(x)[0].sum().backward()
    x.grad = None
    report = layer.memory_report(batch)
    peak, left, state = peak_and_left(layer, x)
    own = sum(part.nbytes for part in state)
    assert own == report.state
    # the state and the copy of rest that the kernels read are left as well: within 10 %
    assert report.kept <= left <= report.kept + 1.1 * own + 0.1 * report.kept
    total = report.kept + report.backward + 2 * x.nbytes  # output and its cotangent, or the input's
    assert total == pytest.approx(peak, rel=0.15)  # kernels' own scratch is not torch's; small tensors are not counted


def test_memory_does_not_grow_with_the_steps_inside_a_neural_step():
    short, long = (SHNOLayer(4, neural_step=length, **{"n_steps": 6}) for length in (0.02e-9, 0.2e-9))
    assert short.memory_report(8).kept == long.memory_report(8).kept
    # in proportion to neural steps and images, but for a part that belongs to none
    once, twice = long.memory_report(64), long.memory_report(128)
    assert twice.kept == pytest.approx(2 * once.kept, rel=0.02)
    doubled = SHNOLayer(4, neural_step=0.02e-9, n_steps=12).memory_report(64)
    assert doubled.kept == pytest.approx(2 * once.kept, rel=0.1)
    assert once.state == 64 * (4 * (3 * 4 + 1 + 8) + 2 * 8)
    double = long.memory_report(64, torch.float64)
    assert double.kept == pytest.approx(2 * once.kept, rel=0.05)  # a mask of bytes stays


@pytest.mark.parametrize(
    ("batch", "dtype"), [(0, torch.float32), (2.5, torch.float32), (True, torch.float32), (2, "f4")]
)
def test_a_memory_report_of_no_batch_is_refused(batch, dtype):
    with pytest.raises(ValueError, match=r"(batch|dtype) must be"):
        SHNOLayer(4, **SHORT).memory_report(batch, dtype)
