"""One equation, three executors: compiled kernels, torch and the witness tell the same story of every preset."""

import numpy as np
import pytest

import shno
from shno.presets import PRESETS

# Not along the field, the polariser or an axis, at 40 to 60 degrees from each; 0.5 ns is 1.5 to 5 periods.
M0 = np.array([0.48, 0.6, 0.64])
DURATION = 0.5e-9


def run(name, dt=1e-12, **settings):
    oscillator, drive = shno.preset(name), shno.operating_point(name)
    save_every = round(10e-12 / dt)
    return shno.simulate(oscillator, drive, duration=DURATION, dt=dt, m0=M0, save_every=save_every, **settings).m


@pytest.mark.parametrize("name", PRESETS)
def test_torch_and_the_compiled_kernel_agree_to_rounding(name):
    compiled, eager = run(name), run(name, executor="torch")
    assert np.ptp(compiled, axis=0).min() > 0.01  # every component moves
    np.testing.assert_allclose(eager, compiled, rtol=0, atol=1e-12, equal_nan=False)


@pytest.mark.parametrize("name", PRESETS)
def test_rk4_converges_to_the_witness(name):
    """The witness has the implicit Gilbert form, other field code and another method; what is left is rk4's error."""
    witness = run(name, 10e-12, solver="reference", rtol=1e-12, atol=1e-14)
    errors = [np.abs(run(name, dt) - witness).max() for dt in (1e-12, 0.25e-12, 0.125e-12)]
    assert errors[0] < 3e-4 and errors[2] < 1e-7  # (w dt)^4/120 a radian, amplified along a large orbit
    assert np.log2(errors[1] / errors[2]) == pytest.approx(4, abs=0.3)  # on a large orbit it comes from above


@pytest.mark.parametrize("name", PRESETS)
def test_the_paths_tell_a_current_from_its_reverse(name):
    """The agreement is not empty: reversing the current changes the path by far more than any tolerance here."""
    oscillator, drive = shno.preset(name), shno.operating_point(name)
    quantity, value = drive.current
    other = shno.Drive(**{quantity: -value}, B_ext=drive.B_ext)
    reversed_ = shno.simulate(oscillator, other, duration=DURATION, dt=1e-12, m0=M0, save_every=10).m
    assert np.abs(reversed_ - run(name)).max() > 1e-4
