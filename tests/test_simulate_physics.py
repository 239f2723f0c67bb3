"""Physics that needs no closed form."""

from dataclasses import replace

import numpy as np
import pytest
from simulate_helpers import ALL_TERMS, AXIS, DRIVE, M0, SHORT, P, batch, same

import shno
from shno import simulate
from shno.constants import mu_0


def energy(m, oscillator, drive):
    """Energy density over Ms, T: -m . B - (Ku/Ms) (m . u)^2 + (mu_0 Ms/2) m . N . m."""
    anisotropy = oscillator.Ku / oscillator.Ms * (m @ oscillator.easy_axis) ** 2
    return mu_0 * oscillator.Ms / 2 * m**2 @ oscillator.demag - anisotropy - m @ drive.B_ext


NONE = 1e-200  # as good as zero, but not compiled away: the kernel is that of the other tests


def test_without_a_current_energy_falls_at_every_step():
    still = replace(DRIVE, a_DL=NONE)
    e = energy(simulate(ALL_TERMS, still, duration=1.5e-9, dt=1e-12, m0=M0).m, ALL_TERMS, still)
    assert np.all(np.diff(e) < 0) and e[0] - e[-1] > 0.1


def test_without_damping_or_current_energy_is_conserved():
    oscillator, still = replace(ALL_TERMS, alpha=NONE), replace(DRIVE, a_DL=NONE)
    drifts = []
    for dt in (0.5e-12, 0.25e-12):
        e = energy(simulate(oscillator, still, duration=1e-9, dt=dt, m0=M0).m, oscillator, still)
        drifts.append(np.abs(e - e[0]).max())
    assert drifts[1] < 1e-8  # T, of 0.6: numerical damping (w dt)^5/144 at w dt = 0.03, over 100 rad
    assert np.log2(drifts[0] / drifts[1]) == pytest.approx(5, abs=0.15)


def test_energy_lost_is_the_damping_s_work():
    """The balance de/dt = -alpha g' |m x B_eff|^2, e over Ms, integrated by Simpson's rule over the saved path."""
    still, dt = replace(DRIVE, a_DL=NONE), 0.25e-12
    m = simulate(ALL_TERMS, still, duration=1e-9, dt=dt, m0=M0).m
    Ms, axis = ALL_TERMS.Ms, ALL_TERMS.easy_axis
    B = still.B_ext - mu_0 * Ms * ALL_TERMS.demag * m + 2 * ALL_TERMS.Ku / Ms * np.outer(m @ axis, axis)
    power = ALL_TERMS.alpha * ALL_TERMS.gamma / (1 + ALL_TERMS.alpha**2) * np.sum(np.cross(m, B) ** 2, axis=-1)
    work = dt / 3 * (power[0] + power[-1] + 4 * power[1:-1:2].sum() + 2 * power[2:-1:2].sum())
    e = energy(m, ALL_TERMS, still)
    assert work == pytest.approx(e[0] - e[-1], rel=1e-7) and work > 0.1  # both of order 4 in w dt = 0.03


def test_by_default_m_starts_a_degree_from_equilibrium():
    run = simulate(*batch(4), duration=1e-12, dt=1e-12)
    rest = shno.equilibrium(*batch(4))
    angle = np.degrees(np.arccos(np.sum(run.m[0] * rest, axis=-1)))
    assert angle == pytest.approx(1.0, rel=1e-6)
    assert np.all(np.any(run.m[1] != run.m[0], axis=-1))


def test_turning_everything_about_the_film_s_normal_turns_the_run():
    c, s = np.cos(0.7), np.sin(0.7)
    R = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    film = replace(ALL_TERMS, demag=(0.15, 0.15, 0.7))
    turned = replace(film, easy_axis=R @ AXIS, p=R @ P)
    one = simulate(film, DRIVE, **SHORT).m
    two = simulate(turned, replace(DRIVE, B_ext=R @ DRIVE.B_ext), duration=0.3e-9, dt=1e-12, m0=R @ M0).m
    np.testing.assert_allclose(one @ R.T, two, rtol=0, atol=1e-12, equal_nan=False)


def test_time_is_measured_in_gamma():
    """Twice the gyromagnetic ratio at half the step gives the same states: only gamma dt enters."""
    one = simulate(ALL_TERMS, DRIVE, **SHORT).m
    fast = replace(ALL_TERMS, gamma=2 * ALL_TERMS.gamma)
    assert same(one, simulate(fast, DRIVE, duration=0.15e-9, dt=0.5e-12, m0=M0).m)  # powers of 2 are exact


def test_without_a_current_the_spin_hall_angle_is_of_no_consequence():
    with_angle = replace(ALL_TERMS, theta_SH=0.4, thickness=2e-9)
    still = replace(DRIVE, a_DL=None, J=0.0)
    assert same(simulate(with_angle, still, **SHORT).m, simulate(ALL_TERMS, replace(DRIVE, a_DL=0.0), **SHORT).m)
