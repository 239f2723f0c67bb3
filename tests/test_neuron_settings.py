import pytest
import torch

import shno
from neuromorph import SHNOLayer


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
    ("detach_reset", {"detach_reset": "yes"}),
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
