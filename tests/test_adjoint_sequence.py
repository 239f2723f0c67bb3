"""Held drives one after another are passages in a loop, with what follows a crossing between them."""

import numpy as np
import pytest
import torch
from adjoint_helpers import A_C, AT_REST, DT, NEURON, WATCH, leaf, tensor

import shno
from shno import integrate, integrate_sequence, parameters
from shno.kernel_passage import PART
from shno.vector import rotate_towards

STEPS, DRIVES, N = 60, 6, 20
REST = tensor(AT_REST)
VALUES = parameters(NEURON, shno.operating_point("easy-plane-neuron"))
AFTER = {
    "nothing": {},
    "soft reset": {"rest": REST, "reset_fraction": 0.3},
    "hard reset": {"rest": REST, "reset_fraction": 1.0},
    "detached reset": {"rest": REST, "reset_fraction": 0.3, "detach_reset": True},
    "truncated": {"rest": REST, "reset_fraction": 0.3, "truncate": 2},
    "reversed": {"rest": REST, "reset_fraction": 0.1, "refractory": 1, "refractory_factor": -0.5},
    "off for two": {"refractory": 2},
    "noise": {"rest": REST, "reset_fraction": 0.3, "deviation": 2e-4, "seed": 3, "first_step": 7},
}


def inputs():
    """Leaves: torques of each drive (drives, n), the start (n, 3), and a damping for each."""
    a_DL = A_C * np.random.default_rng(0).uniform(0, 9, (DRIVES, N))
    return leaf(a_DL), leaf(np.tile(AT_REST, (N, 1))), leaf(np.linspace(0.06, 0.1, N))


def sequence(a_DL, m, alpha, executor="compiled", **after):
    return integrate_sequence(
        VALUES | {"alpha": alpha}, m, a_DL, dt=DT, n_steps=STEPS, executor=executor, **WATCH, **after
    )


def in_a_loop(a_DL, m, alpha, *, rest=REST, reset_fraction=0.0, detach_reset=False, refractory=0,
              refractory_factor=0.0, truncate=None, first_step=0, **noise):  # fmt: skip
    """(m, peak, crossings, crossing time), each (drives, ...), by plain autograd and the definition alone."""
    armed, remaining, found = None, [0] * N, []
    for k, a in enumerate(a_DL):
        if truncate and k and k % truncate == 0:
            m = m.detach()
        factor = tensor([refractory_factor if left else 1.0 for left in remaining])
        more = {"armed": armed, **noise, "first_step": first_step + k * STEPS}
        passage = integrate(
            VALUES | {"alpha": alpha}, m, factor * a, dt=DT, n_steps=STEPS, executor="torch", **WATCH, **more
        )
        armed, rows = passage.armed, []
        for i, crossings in enumerate(passage.crossings.tolist()):
            end = passage.m_end[i]
            turned = torch.stack(rotate_towards(end, rest, reset_fraction))
            rows.append((turned.detach() if detach_reset else turned) if crossings else end)
            remaining[i] = refractory if crossings else max(remaining[i] - 1, 0)
        m = torch.stack(rows)
        found.append((m, *passage[1:]))
    return tuple(map(torch.stack, zip(*found, strict=True)))


def loss(found):
    """A number that weighs every element differently."""
    weights = tensor(np.random.default_rng(1).normal(size=(DRIVES, N, 5)))
    m, peak, _, time = found
    terms = torch.cat([m, peak[..., None], 1e9 * time.nan_to_num()[..., None]], dim=-1)
    return (weights * terms).sum()


@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("executor", ["compiled", "torch"])
def test_values_and_gradients_are_those_of_passages_in_a_loop(executor, after):
    """A rotation by arctan and cos in two libraries adds rounding, which the turns of m amplify: 1e-11."""
    leaves = inputs()
    found, expected = sequence(*leaves, executor, **AFTER[after]), in_a_loop(*leaves, **AFTER[after])
    assert 10 < (expected[2] > 0).sum() < DRIVES * N - 10 and torch.equal(found.crossings, expected[2])
    for one, two in zip(found[:2], expected[:2], strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-11)
    torch.testing.assert_close(found.crossing_time, expected[3], rtol=0, atol=1e-11 * STEPS * DT, equal_nan=True)
    gradients = [torch.autograd.grad(loss(each), leaves) for each in (found, expected)]
    for one, two in zip(*gradients, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-10, atol=1e-10 * float(two.abs().max()))


def test_the_crossing_s_time_has_the_gradient_of_differences():
    a_DL = leaf(A_C * np.array([[3.0, 5.0, 8.0]]))
    start = tensor([AT_REST] * 3)
    call = {"dt": DT, "n_steps": 250, **WATCH}
    time = integrate_sequence(VALUES, start, a_DL, **call).crossing_time
    assert not time.isnan().any()
    (slope,) = torch.autograd.grad(time.sum(), a_DL)
    step = 1e-6 * a_DL.detach()
    ends = [integrate_sequence(VALUES, start, a_DL.detach() + sign * step, **call).crossing_time for sign in (1, -1)]
    torch.testing.assert_close(slope, (ends[0] - ends[1]) / (2 * step), rtol=1e-7, atol=0)
    assert (slope < 0).all()  # a stronger drive crosses earlier


@pytest.mark.parametrize("executor", ["compiled", "torch"])
@pytest.mark.parametrize("after", ["nothing", "reversed", "off for two", "noise"])
def test_a_long_sequence_is_two_short_ones_bit_for_bit(after, executor):
    a_DL, m, alpha = (x.detach() for x in inputs())
    settings = AFTER[after]
    whole = sequence(a_DL, m, alpha, executor, **settings)
    for cut in (1, 4):
        first = sequence(a_DL[:cut], m, alpha, executor, **settings)
        moved = {"first_step": settings["first_step"] + cut * STEPS} if "first_step" in settings else {}
        carried = {"armed": first.armed, "remaining": first.remaining}
        second = sequence(a_DL[cut:], first.m[-1], alpha, executor, **settings | moved | carried)
        for one, parts in zip(whole, zip(first, second, strict=True), strict=True):
            torch.testing.assert_close(one, torch.cat(parts), rtol=0, atol=0, equal_nan=True)
        assert torch.equal(whole.armed, second.armed) and torch.equal(whole.remaining, second.remaining)


def test_a_sequence_of_one_is_a_passage():
    a_DL, m, alpha = (x.detach() for x in inputs())
    one = integrate(VALUES | {"alpha": alpha}, m, a_DL[0], dt=DT, n_steps=STEPS, **WATCH)
    for whole, part in zip(sequence(a_DL[:1], m, alpha), one, strict=True):
        torch.testing.assert_close(whole[0], part, rtol=0, atol=0, equal_nan=True)


def test_torques_broadcast_to_the_batch():
    a_DL, m = tensor(A_C * np.linspace(1, 9, 4)[:, None, None]), tensor(np.tile(AT_REST, (2, 3, 1)))
    found = integrate_sequence(VALUES, m, a_DL, dt=DT, n_steps=STEPS, **WATCH)
    assert found.m.shape == (4, 2, 3, 3) and found.m_peak.shape == found.crossings.shape == (4, 2, 3)
    assert torch.equal(found.m[:, 0, 0], found.m[:, 1, 2])


BAD = [
    ({"a_DL": tensor(1e-3)}, ValueError, "a_DL"),
    ({"a_DL": torch.empty(0, 2)}, ValueError, "a_DL"),
    ({"reset_fraction": 0.5}, ValueError, "rest"),
    ({"detach_reset": 1, "rest": REST}, TypeError, "detach_reset"),
    ({"reset_fraction": 1.5, "rest": REST}, ValueError, "reset_fraction"),
    ({"reset_fraction": float("nan"), "rest": REST}, ValueError, "reset_fraction"),
    ({"rest": 2 * REST}, ValueError, "rest"),
    ({"rest": tensor([1.0])}, ValueError, "rest"),
    ({"refractory": -1}, ValueError, "refractory"),
    ({"refractory": 1.0}, TypeError, "refractory"),
    ({"refractory_factor": 2.0}, ValueError, "refractory_factor"),
    ({"remaining": tensor([1.0, 0.0])}, TypeError, "remaining"),
    ({"remaining": torch.zeros(3, dtype=torch.int64)}, ValueError, "remaining"),
    ({"truncate": 0}, ValueError, "truncate"),
    ({"truncate": 1.5}, TypeError, "truncate"),
]


@pytest.mark.parametrize(("change", "error", "name"), BAD, ids=[str(change)[:40] for change, *_ in BAD])
def test_a_bad_call_is_refused_by_name(change, error, name):
    call = {"a_DL": tensor([[1e-3, 2e-3]]), "dt": DT, "n_steps": 2, **WATCH} | change
    with pytest.raises(error, match=rf"\b{name}\b.* must be ") as caught:
        integrate_sequence(VALUES, tensor([AT_REST] * 2), **call)
    assert "\n" not in str(caught.value)


def test_a_drive_of_more_steps_than_are_kept_at_a_time_has_the_gradient_of_its_parts():
    """1100 steps in one call, in two and in three are computed again in parts of other lengths."""
    (a_DL, m, alpha), values = inputs(), VALUES
    assert 2 * PART < 1100 and PART < 300
    a_DL = leaf(a_DL[0].detach().numpy())
    gradients = []
    for lengths in ((1100,), (550, 550), (300, 450, 350)):
        end, armed, peaks = m, None, []
        for n_steps in lengths:
            found = integrate(values | {"alpha": alpha}, end, a_DL, dt=DT, n_steps=n_steps, armed=armed, **WATCH)
            end, armed = found.m_end, found.armed
            peaks.append(found.m_peak)
        number = (end * tensor([1.0, 2.0, 3.0])).sum() + torch.stack(peaks).amax(dim=0).sum()
        gradients.append(torch.autograd.grad(number, [a_DL, m, alpha]))
    for other in gradients[1:]:
        for one, two in zip(gradients[0], other, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-10, atol=1e-10 * float(two.abs().max()))
