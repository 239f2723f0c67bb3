"""What the analysis refuses, and that every complaint names its parameter."""

from dataclasses import replace

import numpy as np
import pytest
from test_analysis import orbit, trajectory

from shno import analysis

RUN = trajectory(np.stack([orbit(5e9, 10e-9), orbit(6e9, 10e-9)], axis=1))
T = np.asarray(RUN.t)
# every function of a run, with what it needs
OF_A_RUN = {
    "amplitude": {},
    "beat_frequency": {"f": 5e9},
    "cone_angle": {},
    "envelope": {"tau": 1e-10},
    "frequency": {},
    "instantaneous_frequency": {},
    "is_locked": {"f": 5e9},
    "linewidth": {},
    "locking_phase": {"f": 5e9},
    "lorentzian": {},
    "phase": {},
    "phase_diffusion": {},
    "phase_frequency": {},
    "phase_noise": {"segment": 1e-9},
    "power": {},
    "ringdown": {},
    "spectrum": {},
    "spike_times": {"threshold": 0.3, "rearm": 0.1},
    "steady": {},
    "transient": {},
    "welch": {"segment": 1e-9},
}
OF_ARRAYS = {
    "analytic_phase": {"values": np.cos(T * 3e10)},
    "diffusion": {"t": T, "phase": T * 3e10},
    "low_pass": {"t": T, "values": T * 3e10, "tau": 1e-10},
    "mean_frequency": {"t": T, "phase": T * 3e10},
    "phase_density": {"t": T, "phase": T * 3e10, "segment": 1e-9},
    "single_sideband": {"S_phi": 1e-6},
}
WRONG = ("five", None, [1.0, 2.0, 3.0], np.ones((2, 2, 2, 3)), {}, np.nan, np.inf, -1.0, 0, 1e300, -1e300, 10**400, 1j)


def keywords():
    """(function, parameter) of everything that has a keyword."""
    for name in OF_A_RUN:
        for parameter in [*OF_A_RUN[name], *(getattr(analysis, name).__kwdefaults__ or {})]:
            yield name, parameter


def test_every_public_name_is_here():
    assert sorted([*OF_A_RUN, *OF_ARRAYS]) == sorted(analysis.__all__)


@pytest.mark.parametrize("name", OF_A_RUN)
def test_what_is_no_run_is_named(name):
    function, settings = getattr(analysis, name), OF_A_RUN[name]
    for wrong in (None, 3.0, RUN.m, "run.h5"):
        with pytest.raises(TypeError, match="run must be a Trajectory, got"):
            function(wrong, **settings)
    bad = RUN.m.copy()
    for value in (np.nan, np.inf, 1e300):
        bad[1000, 1, 2] = value
        with pytest.raises(ValueError, match=r"run\.m must be finite"):
            function(replace(RUN, m=bad), **settings)
    for m in (RUN.m[:, 0, 0], RUN.m[:-1], RUN.m[..., :2], RUN.m[:, :0], RUN.m.astype(int), RUN.m.astype(str)):
        with pytest.raises(ValueError, match="run must be m"):
            function(replace(RUN, m=m), **settings)
    for dt in (0.0, -1e-12, np.nan, np.inf):
        with pytest.raises(ValueError, match=r"dt must be in \(0, 1e60\] s"):
            function(replace(RUN, dt=dt), **settings)


@pytest.mark.parametrize(("name", "parameter"), list(keywords()))
def test_a_wrong_parameter_is_named(name, parameter):
    accepted = 0
    for wrong in WRONG:
        try:
            getattr(analysis, name)(RUN, **OF_A_RUN[name] | {parameter: wrong})
        except (TypeError, ValueError) as error:
            about = {"threshold": "rearm"}.get(parameter, parameter)
            assert str(error).startswith((parameter, f"|{parameter}|", about)) and " must " in str(error), str(error)
        else:
            accepted += 1
    assert accepted <= 4  # None, zero, a huge tolerance of a threshold


@pytest.mark.parametrize("name", OF_ARRAYS)
def test_wrong_arrays_are_named(name):
    for parameter in OF_ARRAYS[name]:
        for wrong in (*WRONG, np.full(len(T), np.nan), np.append(T[:-1], np.inf), T[::-1].astype(str), [[1.0], [2, 3]]):
            try:
                getattr(analysis, name)(**OF_ARRAYS[name] | {parameter: wrong})
            except (TypeError, ValueError) as error:
                assert str(error).startswith(tuple(OF_ARRAYS[name])) and " must " in str(error), str(error)
            else:
                assert parameter in ("values", "S_phi", "phase") or wrong is None


@pytest.mark.parametrize("name", OF_A_RUN)
def test_a_run_of_one_state_gives_an_answer_or_a_complaint(name):
    for n in (1, 2, 3, 4, 5, 8, 17):
        short = replace(RUN, t=RUN.t[:n], m=RUN.m[:n])
        try:
            getattr(analysis, name)(short, **OF_A_RUN[name])
        except ValueError as error:
            assert " must " in str(error)


def test_unequal_times_are_named():
    t = np.append(T[:-1], T[-1] + 1e-13)
    with pytest.raises(ValueError, match=r"t must be increasing in equal steps, got .* at index 10000 of 10001"):
        analysis.mean_frequency(t, t)
    with pytest.raises(ValueError, match="t must be increasing in equal steps"):
        analysis.mean_frequency(T[::-1], T)
    with pytest.raises(ValueError, match=r"t must be \(n,\) where phase is \(n, ...\)"):
        analysis.mean_frequency(T[1:], T)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("phase", {"axis": (0, 0, 1.0), "component": "x"}, "axis must be None with a component"),
        ("phase", {"axis": (0, 0, 2.0)}, r"\|axis\| must be 1, got 2"),
        ("phase", {"axis": np.eye(3)}, r"axis must be \(3,\) or fit the batch, \(2, 3\), got shape \(3, 3\)"),
        ("phase", {"component": "all"}, "component must be one of x, y, z, got 'all'"),
        ("phase", {"discard": 10e-9}, "run.m must be at least 3 states long, got 1. Of 10001"),
        ("welch", {"segment": 11e-9}, r"segment must be in \[2e-12, 1.0001e-08\] s, got 1.1e-08"),
        ("linewidth", {"method": "fit"}, "method must be one of phase-diffusion, lorentzian, got 'fit'"),
        ("linewidth", {"lag": 2e-9}, r"lag must be in \[1e-12, 1.25e-09\] s, got 2e-09"),
        ("linewidth", {"method": "lorentzian", "segment": 2e-9}, r"segment must be in \[4e-12, 1.25e-09\] s"),
        ("linewidth", {"realisations": 1}, r"realisations must be an axis of the batch \(2,\) with 2 members"),
        ("is_locked", {"f": [5e9, 6e9, 7e9]}, r"f must be one number or an array that fits the batch \(2,\)"),
        ("is_locked", {"f": [5e9, 6e12]}, r"f must be in \[1.6e\+09, 5e\+11\] Hz, got 6e\+12 at index 1 of 2"),
        ("is_locked", {"f": 5e9, "tolerance": 4.0}, r"tolerance must be in \(0, pi\], got 4"),
        ("envelope", {"tau": -1e-9}, "tau must be positive and finite, got -1e-09"),
    ],
)
def test_the_complaint_says_what_is_allowed(name, settings, message):
    with pytest.raises(ValueError, match=message):
        getattr(analysis, name)(RUN, **settings)


def test_a_setting_of_the_other_method_is_not_swallowed():
    with pytest.raises(TypeError, match="lag"):
        analysis.linewidth(RUN, method="lorentzian", lag=1e-9)
    with pytest.raises(TypeError, match=r"realisations must be an axis of the batch, got 0\.5"):
        analysis.linewidth(RUN, realisations=0.5)
    single = replace(RUN, m=RUN.m[:, 0])
    with pytest.raises(ValueError, match=r"realisations must be an axis of the batch \(\) with 2 members or more"):
        analysis.linewidth(single, realisations=0)
