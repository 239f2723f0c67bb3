"""Physics that needs no closed form."""

from dataclasses import replace

import numpy as np
import pytest
from simulate_helpers import ALL_TERMS, DRIVE, FEW_TERMS, M0, SHORT, batch, energy, same

import shno
from shno import simulate
from shno.constants import mu_0


def field(m, oscillator, drive):
    """B = -de/dm of the energy over Ms, T, by a complex step along each axis."""
    return np.stack([-energy(m + 1e-30j * axis, oscillator, drive).imag / 1e-30 for axis in np.eye(3)], axis=-1)


NONE = 1e-200  # as good as zero, but not compiled away: the kernel is that of the other tests


def test_without_a_current_energy_falls_at_every_step():
    still = replace(DRIVE, a_DL=NONE)
    e = energy(simulate(ALL_TERMS, still, duration=1.5e-9, dt=1e-12, m0=M0).m, ALL_TERMS, still)
    assert np.all(np.diff(e) < 0) and e[0] - e[-1] > 0.1


@pytest.mark.parametrize(("terms", "lowest"), [(FEW_TERMS, 4.85), (ALL_TERMS, 3.85)])
def test_without_damping_or_current_energy_is_conserved(terms, lowest):
    """What rk4 loses is of order 5; on a far from circular orbit an error of order 4 comes and goes beside it."""
    oscillator, still = replace(terms, alpha=NONE), replace(DRIVE, a_DL=NONE, V_gate=0.0, dKu=0.0)
    drifts = []
    for dt in (0.5e-12, 0.25e-12):
        e = energy(simulate(oscillator, still, duration=1e-9, dt=dt, m0=M0).m, oscillator, still)
        drifts.append(np.abs(e - e[0]).max())
    assert drifts[1] < 1e-8  # T, of 0.6: numerical damping (w dt)^5/144 at w dt = 0.03, over 100 rad
    assert lowest < np.log2(drifts[0] / drifts[1]) < 5.15


def test_energy_lost_is_the_damping_s_work():
    """The balance de/dt = -alpha(m) |dm/dt|^2 / gamma, e over Ms, integrated by Simpson's rule over the saved path.

    xi = |dm/dt|^2 / (gamma mu_0 Ms)^2 is the root of xi (1 + alpha^2 (1 + Q_nl xi)^2) = |m x B|^2 / (mu_0 Ms)^2.
    """
    still, dt, o = replace(DRIVE, a_DL=NONE), 0.25e-12, ALL_TERMS
    m = simulate(o, still, duration=1e-9, dt=dt, m0=M0).m
    M = mu_0 * o.Ms
    g2 = np.sum(np.cross(m, field(m, o, still)) ** 2, axis=-1) / M**2
    xi = g2
    for _ in range(60):  # contracts by alpha^2 Q_nl xi
        xi = g2 / (1 + o.alpha**2 * (1 + o.Q_nl * xi) ** 2)
    power = o.alpha * (1 + o.Q_nl * xi) * o.gamma * M**2 * xi
    work = dt / 3 * (power[0] + power[-1] + 4 * power[1:-1:2].sum() + 2 * power[2:-1:2].sum())
    e = energy(m, o, still)
    assert work == pytest.approx(e[0] - e[-1], rel=1e-6) and work > 0.1  # both of order 4 in w dt = 0.05
    assert np.ptp(xi) > 0.1  # the damping changes


def test_by_default_m_starts_a_degree_from_equilibrium():
    run = simulate(*batch(4), duration=1e-12, dt=1e-12)
    rest = shno.equilibrium(*batch(4))
    angle = np.degrees(np.arccos(np.sum(run.m[0] * rest, axis=-1)))
    assert angle == pytest.approx(1.0, rel=1e-6)
    assert np.all(np.any(run.m[1] != run.m[0], axis=-1))


def test_turning_everything_about_an_axis_of_the_body_turns_the_run():
    """About z, where N_xx = N_yy; the off-diagonal factors turn as a tensor."""
    c, s = np.cos(0.7), np.sin(0.7)
    R = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    film = replace(ALL_TERMS, demag=(0.15, 0.15, 0.7), demag_off_diagonal=(0.05, -0.03, 0.0))
    axes = ("easy_axis", "p", "m_fixed", "further_axes", "cubic_axes", "B_bias", "oersted")
    yz, zx, _ = film.demag_off_diagonal  # N_xy = 0 stays so: N_xx = N_yy
    turned = replace(
        film,
        demag_off_diagonal=(s * zx + c * yz, c * zx - s * yz, 0.0),
        **{name: getattr(film, name) @ R.T for name in axes},
    )
    one = simulate(film, DRIVE, **SHORT).m
    two = simulate(turned, replace(DRIVE, B_ext=R @ DRIVE.B_ext), duration=0.3e-9, dt=1e-12, m0=R @ M0).m
    np.testing.assert_allclose(one @ R.T, two, rtol=0, atol=1e-12, equal_nan=False)


def test_time_is_measured_in_gamma():
    """Twice the gyromagnetic ratio at half the step gives the same states: only gamma dt enters."""
    one = simulate(ALL_TERMS, DRIVE, **SHORT).m
    fast = replace(ALL_TERMS, gamma=2 * ALL_TERMS.gamma)
    assert same(one, simulate(fast, DRIVE, duration=0.15e-9, dt=0.5e-12, m0=M0).m)  # powers of 2 are exact


def test_without_a_current_the_spin_hall_angle_is_of_no_consequence():
    with_angle = replace(ALL_TERMS, theta_SH=0.4)
    still = replace(DRIVE, a_DL=None, J=0.0)
    assert same(simulate(with_angle, still, **SHORT).m, simulate(ALL_TERMS, replace(DRIVE, a_DL=0.0), **SHORT).m)
