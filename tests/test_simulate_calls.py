"""What `simulate` refuses, and how."""

import math
from dataclasses import replace

import numpy as np
import pytest
from simulate_helpers import ALL_TERMS, AXIS, DRIVE, FEW_TERMS, M0, SHORT, P, batch

from shno import Drive, IntegrationError, Oscillator, Sampled, simulate
from shno.constants import k_B, mu_0

WITH_VOLUME = replace(ALL_TERMS, width=1e-7)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"duration": 1.0005e-9},
            ValueError,
            r"^duration must be a multiple of dt, got 1\.0005e-09 s at .* Use 1e-09 s\.",
        ),
        ({"duration": 0.4e-12}, ValueError, r"^duration must be a multiple of dt, .* Use 1e-12 s\."),
        ({"duration": 0.0}, ValueError, r"^duration must be > 0, got 0"),
        ({"duration": -1e-9}, ValueError, r"^duration must be > 0, got -1e-09"),
        ({"duration": math.nan}, ValueError, r"^duration must be finite, got nan"),
        ({"duration": math.inf}, ValueError, r"^duration must be finite, got inf"),
        ({"duration": "1 ns"}, TypeError, r"^duration must be a number, got '1 ns'"),
        ({"dt": 0.0}, ValueError, r"^dt must be in \[1e-20, 1e-3\] s, got 0\."),
        ({"dt": -1e-12}, ValueError, r"^dt must be in \[1e-20, 1e-3\] s, got -1e-12\."),
        ({"dt": math.nan}, ValueError, r"^dt must be finite, got nan"),
        ({"dt": [1e-12]}, TypeError, r"^dt must be a number, got \[1e-12\]"),
        ({"t0": math.nan}, ValueError, r"^t0 must be finite, got nan"),
        ({"temperature": 300.0}, ValueError, r"^seed must be an integer where there is thermal noise, got None\."),
        ({"temperature": -1.0, "seed": 1}, ValueError, r"^temperature must be in \[0, 1e5\] K, got -1\."),
        ({"temperature": math.nan, "seed": 1}, ValueError, r"^temperature must be finite, got nan"),
        ({"temperature": 300.0, "seed": 1.5}, TypeError, r"^seed must be an integer .*, got 1\.5\."),
        ({"temperature": 300.0, "seed": -1}, ValueError, r"^seed must be in \[0, 2\^64\), got -1\."),
        ({"temperature": 300.0, "seed": 1, "noise_dt": 3e-13}, ValueError, r"^dt must be a multiple of noise_dt, got"),
        ({"temperature": 300.0, "seed": 1, "t0": 3.5e-13}, ValueError, r"^t0 must be a multiple of noise_dt = 1e-12 s"),
        ({"temperature": 300.0, "seed": 1, "solver": "reference"}, ValueError, r"^temperature must be 0 K for the ref"),
        ({"noise_dt": 0.0}, ValueError, r"^noise_dt must be in \[1e-20, 1e-3\] s, got 0\."),
        ({"realisation": 0.5}, TypeError, r"^realisation must be integers, got 0\.5\."),
        ({"realisation": -1}, ValueError, r"^realisation must be in \[0, 2\^32\), got -1\."),
        ({"seed": 1}, ValueError, r"^seed must be None at T = 0, got 1\. Nothing is drawn"),
        ({"solver": "euler"}, ValueError, r"^solver must be one of rk4, heun, reference, got 'euler'\."),
        ({"executor": "numpy"}, ValueError, r"^executor must be one of auto, compiled, torch, got 'numpy'\."),
        ({"dtype": "float16"}, ValueError, r"^dtype must be one of float64, float32, got 'float16'\."),
        ({"device": "abacus"}, ValueError, r"^device must be "),
        ({"executor": "compiled", "device": "cuda"}, ValueError, r"^executor must be torch on a device other than"),
        ({"save_every": 7}, ValueError, r"^save_every must be a whole number that divides the 1000 steps, got 7\."),
        ({"save_every": 0}, ValueError, r"^save_every must be a whole number"),
        ({"save_every": -1}, ValueError, r"^save_every must be a whole number"),
        ({"save_every": 2.0}, ValueError, r"^save_every must be a whole number"),
        ({"save_every": 2000}, ValueError, r"^save_every must be a whole number"),
        ({"m0": (0.0, 0.0, 2.0)}, ValueError, r"^\|m0\| must be 1, got 2\. Normalise m0"),
        ({"m0": (0.0, 0.0, 0.0)}, ValueError, r"^\|m0\| must be 1, got 0\."),
        ({"m0": (0.0, math.nan, 1.0)}, ValueError, r"^m0 must be finite, got nan at index 1 of 3"),
        ({"m0": (0.0, 1.0)}, ValueError, r"^m0 must be a vector with x, y, z on its last axis, got shape \(2,\)"),
        ({"m0": "up"}, TypeError, r"^m0 must be three numbers"),
    ],
)
def test_a_bad_call_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        simulate(WITH_VOLUME, DRIVE, **{"duration": 1e-9, "dt": 1e-12, "m0": M0} | change)


def test_noise_needs_a_volume():
    with pytest.raises(ValueError, match=r"^volume must be given where there is thermal noise, got None\. Set volume"):
        simulate(ALL_TERMS, DRIVE, **SHORT, temperature=300.0, seed=1)


@pytest.mark.parametrize("given", [("w-cofeb-pma", DRIVE), (ALL_TERMS, 1e-3), (DRIVE, ALL_TERMS)])
def test_what_is_no_oscillator_or_no_drive_is_a_type_error(given):
    with pytest.raises(TypeError, match=r"^(oscillator|drive) must be "):
        simulate(*given, **SHORT)


def test_a_swallowed_keyword_is_an_error():
    with pytest.raises(TypeError, match="stepsize"):
        simulate(ALL_TERMS, DRIVE, **SHORT, stepsize=1e-12)


def test_what_does_not_broadcast_is_refused():
    with pytest.raises(ValueError, match=r"broadcast"):
        simulate(batch(2)[0], batch(3)[1], **SHORT)
    with pytest.raises(ValueError, match=r"broadcast"):
        simulate(*batch(2), duration=1e-12, dt=1e-12, m0=np.eye(3))


@pytest.mark.parametrize("B", [0.02, 0.0214, 0.0571, 0.0637, 0.093, 0.3, 1.7, 9.0, 200.0])
def test_a_step_too_large_is_refused_with_one_that_is_accepted(B):
    soft = replace(FEW_TERMS, Ms=8e3, Ku=1.0)  # a few mT beside B
    drive, dt = Drive(a_DL=1e-6, B_ext=B * AXIS), 1 / (1.9e11 * B)
    with pytest.raises(
        ValueError, match=r"^dt must turn m by at most 0\.2 rad a step, got .* Use dt <= .* s\.$"
    ) as caught:
        simulate(soft, drive, duration=2 * dt, dt=dt, m0=M0)
    usable = float(str(caught.value).split("Use dt <= ")[1].removesuffix(" s."))
    assert usable * 1.9e11 * (B + mu_0 * 8e3) > 0.18  # and not much smaller than need be
    assert simulate(soft, drive, duration=2 * usable, dt=usable, m0=M0).m.shape == (3, 3)


def test_the_step_guard_sees_the_precession_about_rest_and_not_only_the_net_field():
    """In the plane of a film omega is gamma (B (B + M))^(1/2), Kittel's: at M = 10 B, 3.3 times gamma B_eff."""
    B, M, gamma = 0.1, 1.0, 1.9e11
    film = Oscillator(Ms=M / mu_0, alpha=0.02, gamma=gamma)
    dt = 0.2 / (gamma * (B * (B + M)) ** 0.5)
    call = {"m0": (1.0, 0.0, 0.0)}
    assert simulate(film, Drive(a_DL=0.0, B_ext=(B, 0, 0)), duration=1.98 * dt, dt=0.99 * dt, **call).m.shape == (3, 3)
    with pytest.raises(ValueError, match=r"^dt must turn m by at most 0\.2 rad a step, got 0\.202 at \|B\| = 0\.332 T"):
        simulate(film, Drive(a_DL=0.0, B_ext=(B, 0, 0)), duration=2.02 * dt, dt=1.01 * dt, **call)


@pytest.mark.parametrize("alpha", [0.002, 0.03, 0.1, 0.5])
def test_heun_s_anti_damping_must_stay_below_a_hundredth_of_the_damping(alpha):
    """(turn)^3 / 8 <= alpha / 100; where the norm or 0.2 rad allow less, what is named is accepted still."""
    omega, limit = 1.9e11 * 0.1, (0.08 * alpha) ** (1 / 3)
    oscillator, drive = Oscillator(Ms=1.0, alpha=alpha, gamma=1.9e11), Drive(a_DL=0.0, B_ext=0.1 * AXIS)

    def run(turn, **settings):
        dt = turn / omega
        return simulate(oscillator, drive, duration=2 * dt, dt=dt, m0=(0.8, 0.36, -0.48), **settings).m.shape == (3, 3)

    with pytest.raises(ValueError, match=r"^dt must turn m by at most .* rk4 allows more\.$") as caught:
        run(1.01 * limit, solver="heun")
    usable = float(str(caught.value).split("Use dt <= ")[1].split(" s.")[0]) * omega
    assert usable <= min(limit, 0.2) and run(usable, solver="heun")
    if limit < 0.15:
        assert usable > 0.9 * limit and run(0.99 * limit, solver="heun") and run(1.01 * limit)


def test_the_thermal_field_may_turn_m_by_0_06_rad_a_step():
    """gamma sigma_B dt, which grows as the root of dt."""
    oscillator = replace(FEW_TERMS, volume=1e-26)
    sigma = (2 * 0.03 * k_B * 300 / (1.9e11 * 8.1e5 * 1e-26)) ** 0.5  # times dt^(1/2)
    dt = (0.06 / (1.9e11 * sigma)) ** 2
    noise = {"temperature": 300.0, "seed": 1, "m0": M0}
    assert simulate(oscillator, DRIVE, duration=1.96 * dt, dt=0.98 * dt, **noise).m.shape == (3, 3)
    with pytest.raises(ValueError, match=r"^dt must let the thermal field turn m by at most 0\.06 rad rms") as caught:
        simulate(oscillator, DRIVE, duration=2.04 * dt, dt=1.02 * dt, **noise)
    usable = float(str(caught.value).split("Use dt <= ")[1].removesuffix(" s."))
    assert 0.9 * dt < usable <= dt


def test_the_step_guard_finds_one_film_among_many_blocks_of_them():
    """One field of 20,001 is 20 times the others': (B (B + M))^(1/2) = (0.2 (0.2 + 1.065))^(1/2) T there."""
    B = np.full((3, 20_001, 3), [0.01, 0, 0])
    B[1, 16_500] = [0.2, 0, 0]
    film = Oscillator(Ms=np.linspace(0.9, 1.1, 20_001) / mu_0, alpha=0.02, gamma=1.9e11)
    with pytest.raises(ValueError, match=r"\|B\| = 0\.503 T at index 36501 of 60003\. Use dt <= "):
        simulate(film, Drive(a_DL=0.0, B_ext=B), duration=6e-12, dt=3e-12, m0=(1.0, 0.0, 0.0))


def test_the_offender_of_a_batch_is_named():
    drive = Drive(a_DL=0.0, B_ext=np.array([[0.0, 0, 0.1], [0, 0, 0.1], [0, 0, 5.0]]))
    with pytest.raises(ValueError, match=r"at \|B\| = .* T at index 2 of 3\. Use dt <= "):
        simulate(FEW_TERMS, drive, **SHORT)


def test_the_step_guard_sees_the_field_like_torque_as_the_field_that_it_is():
    by_torque = replace(FEW_TERMS, field_like=100.0), Drive(a_DL=0.02, B_ext=(0.05, -0.13, 0.21))
    by_field = replace(FEW_TERMS, field_like=0.0), Drive(a_DL=0.02, B_ext=np.array([0.05, -0.13, 0.21]) + 2 * P)
    for oscillator, drive in (by_torque, by_field):  # 2 T turn m by 0.38 rad a step
        with pytest.raises(ValueError, match=r"^dt must turn m by at most"):
            simulate(oscillator, drive, **SHORT)


def test_the_step_guard_sees_the_torque_at_m0_with_its_asymmetry():
    """At m . p = -0.8 and Lambda = 4 it is 2 Lambda^2 / (17 - 0.8 x 15) = 6.4 times as large."""
    m0 = -0.8 * P + 0.6 * np.cross(P, AXIS) / np.linalg.norm(np.cross(P, AXIS))
    keywords, drive = SHORT | {"m0": m0, "duration": 0.002e-9}, Drive(a_DL=0.3, B_ext=DRIVE.B_ext)
    assert simulate(replace(FEW_TERMS, field_like=0.0), drive, **keywords).m.shape == (3, 3)
    with pytest.raises(ValueError, match=r"^dt must turn m by at most"):  # 1.9 T turn m by 0.36 rad a step
        simulate(replace(FEW_TERMS, field_like=0.0, Lambda=4.0), drive, **keywords)


def test_the_step_guard_looks_at_the_whole_waveform_before_the_first_step():
    steps = []
    drive = Drive(a_DL=Sampled([1e-3, 1e-3, 5.0], 0.1e-9), B_ext=DRIVE.B_ext)
    with pytest.raises(ValueError, match=r"^dt must turn m by at most"):
        simulate(FEW_TERMS, drive, **SHORT, progress=lambda *done: steps.append(done))
    assert steps == []


@pytest.mark.parametrize("executor", ["compiled", "torch"])
@pytest.mark.parametrize("save_every", [1, 300])
def test_a_solve_that_fails_says_so_wherever_it_did(executor, save_every):
    """Across its easy axis m feels no field, and the guard sees none; on its way to the axis it turns too far."""
    oscillator = replace(FEW_TERMS, alpha=0.5, Ku=4.0 * FEW_TERMS.Ms / 2, demag=(1 / 3, 1 / 3, 1 / 3))
    drive, keywords = Drive(a_DL=1e-9, B_ext=0.1 * AXIS), {"m0": (0.8, 0.36, -0.48), "save_every": save_every}
    assert abs(np.dot(keywords["m0"], AXIS)) < 1e-15
    with pytest.raises(
        IntegrationError, match=r"reached .* before step \d+, .* s after the start: .* Use dt <= 1e-12 s\.$"
    ):
        simulate(oscillator, drive, duration=0.6e-9, dt=2e-12, **keywords, executor=executor)
    assert simulate(oscillator, drive, duration=0.6e-9, dt=0.5e-12, **keywords).m[-1] @ AXIS > 0.99
