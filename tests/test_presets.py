"""Each preset against the macrospin numbers published for it with the presets, and against closed forms."""

import re
from dataclasses import fields, replace

import numpy as np
import pytest

import shno
from shno import Drive
from shno.constants import mu_0
from shno.llgs import damping_like_amplitude
from shno.parameters import a_DL
from shno.presets import PRESETS

IN_PLANE = ("nife-pt-in-plane", "nife-w", "yig-pt-disc")
OBLIQUE = ("w-cofeb-pma", "nife-pt-oblique")
OSCILLATING = OBLIQUE + IN_PLANE
GAMMA_OF_THE_TABLE = 2 * np.pi * 29.53e9  # of NiFe there; its oscillators have 1.855e11 = 2 pi 29.5233e9


def known(name):
    return shno.preset(name), shno.operating_point(name)


def critical_density(oscillator, drive):
    return abs(shno.critical_torque(oscillator, drive) / a_DL(oscillator, Drive(J=1.0)))


def resonance(oscillator, drive):
    """Frequency and full width of the mode at zero current, Hz: (angular frequency, 2 x decay) / 2 pi."""
    mode = shno.eigenvalues(oscillator, Drive(a_DL=0.0, B_ext=drive.B_ext))
    return abs(mode.imag).max() / (2 * np.pi), -mode.real.max() / np.pi


def damped_mode(B1, B2, alpha, gamma):
    """The same by g' [-alpha (B1 + B2)/2 +- i sqrt((1 + alpha^2) B1 B2 - alpha^2 (B1 + B2)^2/4)]."""
    rate = gamma / (1 + alpha**2) / (2 * np.pi)
    return rate * np.sqrt((1 + alpha**2) * B1 * B2 - alpha**2 * (B1 + B2) ** 2 / 4), rate * alpha * (B1 + B2)


def test_every_preset_has_an_operating_point_a_summary_and_a_source_for_every_number():
    derived = ("volume", "shunt")  # of width and thickness; 1
    for name, preset in PRESETS.items():
        assert known(name) == (preset.oscillator, preset.drive)
        assert preset.summary and preset.oscillator.shape == ()
        for record in known(name):
            given = {
                field.name: getattr(record, field.name)
                for field in fields(record)
                if not np.array_equal(getattr(record, field.name), field.default) and field.name not in derived
            }
            assert set(given) <= set(preset.sources), name
        for number, source in preset.sources.items():
            assert hasattr(preset.oscillator, number) or hasattr(preset.drive, number)
            assert re.search(r"\[[SKD]( \d+)?\]", source), (name, number)


def test_an_unknown_preset_is_refused_and_the_known_ones_named():
    for look_up in (shno.preset, shno.operating_point):
        with pytest.raises(
            ValueError, match=r"^preset must be one of w-cofeb-pma, .*easy-plane-neuron, got 'w-cofeb'\. "
        ):
            look_up("w-cofeb")


@pytest.mark.parametrize("name", IN_PLANE)
def test_an_in_plane_preset_resonates_by_kittel(name):
    oscillator, drive = known(name)
    B, M = np.linalg.norm(drive.B_ext), mu_0 * oscillator.Ms
    expected = damped_mode(B, B + M, oscillator.alpha, oscillator.gamma)
    assert resonance(oscillator, drive) == pytest.approx(expected, rel=1e-9)  # an eigenvalue of two roundings


@pytest.mark.parametrize("name", OBLIQUE)
def test_an_oblique_preset_resonates_by_its_stiffness_fields(name):
    """B sin(psi - th) = (M/2) sin 2 th; B1 = B cos(psi - th) - M sin^2 th, B2 = B cos(psi - th) + M cos 2 th."""
    oscillator, drive = known(name)
    B, M = np.linalg.norm(drive.B_ext), mu_0 * oscillator.Ms - 2 * oscillator.Ku / oscillator.Ms
    psi, m = np.arcsin(drive.B_ext[2] / B), shno.equilibrium(oscillator, drive)
    th = np.arcsin(m[2])
    assert B * np.sin(psi - th) == pytest.approx(M / 2 * np.sin(2 * th), rel=1e-9)  # arcsin near 60 degrees
    B1, B2 = B * np.cos(psi - th) - M * np.sin(th) ** 2, B * np.cos(psi - th) + M * np.cos(2 * th)
    expected = damped_mode(B1, B2, oscillator.alpha, oscillator.gamma)
    assert resonance(oscillator, drive) == pytest.approx(expected, rel=1e-8)
    assert np.arctan2(m[1], m[0]) == pytest.approx(np.arctan2(drive.B_ext[1], drive.B_ext[0]), rel=1e-9)


@pytest.mark.parametrize(
    ("name", "f0", "digit", "gamma"),
    [
        ("w-cofeb-pma", 9.9605e9, 1e5, None),
        ("nife-pt-oblique", 9.0636e9, 1e5, GAMMA_OF_THE_TABLE),
        ("nife-pt-in-plane", 8.623e9, 1e6, GAMMA_OF_THE_TABLE),
    ],
)
def test_small_amplitude_frequencies_are_those_of_the_table(name, f0, digit, gamma):
    oscillator, drive = known(name)
    oscillator = oscillator if gamma is None else replace(oscillator, gamma=gamma)
    assert resonance(oscillator, drive)[0] == pytest.approx(f0, abs=0.6 * digit)  # half of the last digit printed


def test_linewidths_are_those_of_the_table():
    assert resonance(*known("w-cofeb-pma"))[1] == pytest.approx(498e6, abs=0.5e6)
    assert resonance(*known("yig-pt-disc"))[1] == pytest.approx(17e6, abs=0.5e6)


def test_the_equilibrium_of_the_perpendicular_device_is_that_of_the_table():
    assert np.degrees(np.arcsin(shno.equilibrium(*known("w-cofeb-pma"))[2])) == pytest.approx(59.27, abs=0.005)


@pytest.mark.parametrize(
    ("name", "B_ext", "J_c", "digit"),
    [
        ("w-cofeb-pma", None, 1.622e11, 1e8),
        ("nife-pt-oblique", None, 1.242e12, 1e9),
        ("nife-pt-oblique", (-0.04554, -0.11270, 0.68937), 1.330e12, 1e9),  # the mirror azimuth
        ("nife-pt-in-plane", None, 1.255e12, 1e9),
        ("nife-pt-in-plane", (0.02, -0.03464, 0.0), 1.096e12, 1e9),
        ("nife-w", None, 1.956e11, 1e8),
        ("nife-w", (0.02, 0.03464, 0.0), 1.709e11, 1e8),
        ("yig-pt-disc", None, 6.4e10, 1e9),
    ],
)
def test_critical_current_densities_are_those_of_the_table(name, B_ext, J_c, digit):
    oscillator, drive = known(name)
    drive = drive if B_ext is None else replace(drive, B_ext=B_ext)
    assert critical_density(oscillator, drive) == pytest.approx(J_c, abs=0.6 * digit)  # half of the last digit printed


@pytest.mark.parametrize(("azimuth", "a_c"), [(1, 17.940e-3), (-1, 18.183e-3)])
def test_mirroring_the_azimuth_changes_the_threshold(azimuth, a_c):
    oscillator, drive = known("w-cofeb-pma")
    drive = replace(drive, B_ext=drive.B_ext * [azimuth, 1, 1])
    assert abs(shno.critical_torque(oscillator, drive)) == pytest.approx(a_c, abs=0.6e-6)  # half of the last digit


@pytest.mark.parametrize(
    ("name", "I_c", "digit"), [("w-cofeb-pma", 0.122e-3, 1e-6), ("nife-pt-oblique", 1.12e-3, 1e-5)]
)
def test_critical_currents_are_those_of_the_table(name, I_c, digit):
    oscillator, drive = known(name)
    I = critical_density(oscillator, drive) * oscillator.width * oscillator.t_HM
    assert pytest.approx(I_c, abs=0.6 * digit) == I


def test_the_collinear_threshold_of_the_disc_is_exact():
    oscillator, drive = known("yig-pt-disc")
    a_c = oscillator.alpha * (0.048 + mu_0 * oscillator.Ms / 2)
    assert shno.critical_torque(oscillator, drive) == pytest.approx(a_c, rel=1e-9)


@pytest.mark.parametrize("name", OSCILLATING)
def test_the_operating_point_lies_above_threshold_and_in_the_usable_window(name):
    oscillator, drive = known(name)
    ratio = a_DL(oscillator, drive) / shno.critical_torque(
        oscillator, drive
    )  # of equal sign: a positive current oscillates
    assert 1.1 < ratio < 1.9
    assert drive.current[0] == "I" and drive.I > 0
    growth = shno.eigenvalues(oscillator, drive).real
    assert np.all(growth > 0)
    assert np.all(shno.eigenvalues(oscillator, replace(drive, I=drive.I * 0.99 / ratio)).real < 0)


@pytest.mark.parametrize("name", OSCILLATING)
def test_thresholds_lie_in_the_published_range(name):
    low, high = {"w-cofeb-pma": (0.8e11, 5e11), "nife-w": (0.8e11, 5e11)}.get(name, (0.8e12, 2.5e12))
    if name != "yig-pt-disc":
        assert low < critical_density(*known(name)) < high


@pytest.mark.parametrize("name", OSCILLATING[:4])
def test_a_preset_oscillates_at_its_operating_point(name):
    run = shno.simulate(*known(name), duration=60e-9, dt=1e-12, save_every=5)
    f = shno.analysis.frequency(run)
    assert 2e9 < f < 28e9  # where such devices have been seen
    assert np.ptp(run.m[-2000:], axis=0).max() > 0.5  # a large orbit, not a line in the noise


def test_the_disc_oscillates_near_its_resonance_when_the_orbit_is_still_small():
    oscillator, drive = known("yig-pt-disc")
    run = shno.simulate(oscillator, drive, duration=200e-9, dt=2e-12, save_every=10)
    # The mode grows at 1.1e7 /s here; the red shift is of the order of the orbit's size squared, a few per cent.
    assert shno.analysis.frequency(run) == pytest.approx(resonance(oscillator, drive)[0], rel=0.02)


@pytest.mark.parametrize(
    ("name", "over", "f_GHz"),
    [
        ("w-cofeb-pma", (1.2, 1.5, 1.75), (10.715, 11.893, 12.823)),  # blue shift
        ("nife-pt-oblique", (1.2, 1.35, 1.5, 2.0), (7.913, 7.695, 7.761, 8.960)),  # red, then blue
        ("nife-pt-in-plane", (1.2, 1.5), (6.694, 5.255)),  # red shift
    ],
)
def test_frequency_against_current_is_that_of_the_table(name, over, f_GHz):
    oscillator, drive = known(name)
    if name != "w-cofeb-pma":
        oscillator = replace(oscillator, gamma=GAMMA_OF_THE_TABLE)
    a = shno.critical_torque(oscillator, drive) * np.array(over)
    run = shno.simulate(oscillator, Drive(a_DL=a, B_ext=drive.B_ext), duration=60e-9, dt=1e-12, save_every=5)
    f = shno.analysis.frequency(run) / 1e9
    assert f == pytest.approx(f_GHz, abs=2e-3)  # printed to 0.001; the slowest transient still moves the line by 0.001


def test_the_neuron_rests_at_four_fifths_of_its_depinning_torque():
    """In the plane a + B m_y = 0, so m_y = -a/B = -0.8 and m_x = 0, below threshold: it stays there."""
    oscillator, drive = known("easy-plane-neuron")
    assert a_DL(oscillator, drive) / np.linalg.norm(drive.B_ext) == pytest.approx(0.8, rel=1e-15)
    rest = shno.equilibrium(oscillator, drive, driven=True)
    np.testing.assert_allclose(rest, [0.0, -0.8, 0.6], atol=1e-12, equal_nan=False)
    assert np.all(shno.eigenvalues(oscillator, drive).real < 0)
    run = shno.simulate(oscillator, drive, duration=30e-9, dt=2e-12, save_every=10)  # from m along the field
    np.testing.assert_allclose(run.m[-1], [0.0, -0.8, 0.6], atol=1e-6, equal_nan=False)  # e^-33 of the way is left
    assert np.isnan(shno.analysis.frequency(run))


def test_the_neuron_depins_at_its_field_and_turns_towards_positive_m_y_first():
    oscillator, drive = known("easy-plane-neuron")
    for share, turns in ((0.99, False), (1.01, True)):
        run = shno.simulate(
            oscillator, replace(drive, a_DL=share * 2.5e-3), duration=60e-9, dt=2e-12, save_every=10, m0=[0, -0.8, 0.6]
        )
        assert (run.m[:, 1].max() > 0.9) == turns


@pytest.mark.parametrize("name", OSCILLATING)
def test_the_damping_like_torque_of_a_preset_is_that_of_its_current(name):
    oscillator, drive = known(name)
    J = drive.I / (oscillator.width * oscillator.t_HM)
    expected = damping_like_amplitude(J, oscillator.theta_SH, oscillator.Ms, oscillator.thickness)
    assert a_DL(oscillator, drive) == pytest.approx(expected, rel=1e-14)
