"""Mistakes that are easy to make in this field, each shown to be one. Those of a spiking layer are in test_neuron."""

import numpy as np
import pytest

import shno
from shno import theory
from shno.constants import mu_0
from shno.llgs import right_hand_side
from shno.parameters import arguments, parameters, reduced_step
from shno.solvers import heun, rk4
from shno.vector import normalise


def test_two_definitions_of_the_nonlinear_shift_are_two_numbers():
    """Action and power of one orbit differ by (w_H + w_M/2)/w_0, 1.74 here; the shift N p is one frequency."""
    B, M = 0.1, 0.9
    ratio = (B + M / 2) / np.sqrt(B * (B + M))
    assert ratio > 1.7
    assert theory.nonlinear_shift_action(B, M) == pytest.approx(ratio * theory.nonlinear_shift_power(B, M), rel=1e-12)


def test_heun_makes_a_low_damping_oscillate_without_a_current_and_is_refused():
    """(w dt)^3/8 = 3.6e-3 against alpha = 1e-4: a tilt of a degree grows in 10 ns, with rk4 with rk4 it falls."""
    oscillator, drive = (
        shno.Oscillator(Ms=8e5, alpha=1e-4, demag=(1 / 3,) * 3),
        shno.Drive(a_DL=0.0, B_ext=(0, 0, 0.35)),
    )
    tilt, dt, ends = np.radians(1.0), 5e-12, {}
    values = parameters(oscillator, drive)
    h, held = reduced_step(values, dt), arguments(values)
    for step in (heun, rk4):
        m = (np.sin(tilt), 0.0, np.cos(tilt))
        for _ in range(2000):
            m = normalise(step(right_hand_side, m, h, held, held, held))
        ends[step] = np.hypot(m[0], m[1])
    assert ends[heun] > 5 * np.sin(tilt) > 5 * ends[rk4]
    with pytest.raises(ValueError, match=r"Heun's anti-damping .* rk4 allows more"):
        shno.simulate(oscillator, drive, duration=1e-9, dt=dt, solver="heun")


def test_a_linearly_polarised_signal_locks_half_the_range_of_a_turning_one():
    """At 0.4 of the half range of a turning field both lock, at 0.6 it alone; a cone at 11.2 GHz, 0.2 mT."""
    alpha, M, B, a, b, c = 0.05, 0.8, 0.1, 20e-3, 0.2e-3, 0.625
    oscillator = shno.Oscillator(Ms=M / mu_0, alpha=alpha, p=(0, 0, 1), demag=(0, 0, 1))
    half = theory.injection_half_range(b, c, alpha, oscillator.gamma)
    f = oscillator.gamma * a / (2 * np.pi * alpha) + half * np.array([0.4, 0.6])
    slips = {}
    for name, along_y in (("turning", shno.Sine(-b, f)), ("linear", 0.0)):
        drive = shno.Drive(a_DL=a, B_ext=(shno.Sine(b, f, np.pi / 2), along_y, B))
        run = shno.simulate(oscillator, drive, duration=0.4e-6, dt=0.5e-12, m0=(np.sqrt(1 - c**2), 0, c), save_every=40)
        late = run.t >= 0.2e-6
        angle = np.unwrap(np.arctan2(run.m[late, :, 1], run.m[late, :, 0]), axis=0)
        turns = (angle[-1] - angle[0]) / (2 * np.pi) + f * np.ptp(run.t[late])  # m turns clockwise, as the signal
        slips[name] = np.abs(turns)
    assert (slips["turning"] < 0.1).all()
    assert slips["linear"][0] < 0.1 and slips["linear"][1] > 2


def test_at_an_exact_equilibrium_nothing_ever_moves_so_a_run_starts_tilted():
    """In the plane of a film, p against m, at 1.5 of the threshold: m = x has no torque at all."""
    oscillator = shno.Oscillator(Ms=8e5, alpha=0.02, p=(-1, 0, 0), demag=(0, 0, 1))
    drive = shno.Drive(a_DL=1.5 * theory.collinear_threshold(0.1, mu_0 * 8e5, 0.0, 0.02), B_ext=(0.1, 0, 0))
    run = shno.simulate(oscillator, drive, duration=20e-9, dt=1e-12, m0=(1, 0, 0), save_every=100)
    assert np.array_equal(run.m, np.tile([1.0, 0.0, 0.0], (len(run.t), 1)))
    assert np.ptp(shno.simulate(oscillator, drive, duration=20e-9, dt=1e-12, save_every=100).m[100:, 0]) > 0.1
