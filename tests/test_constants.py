import math

import pytest
from scipy import constants as codata

from shno import constants


def test_the_exact_constants_of_the_si_are_exact():
    assert constants.k_B == 1.380649e-23
    assert constants.e == 1.602176634e-19
    assert constants.hbar == 6.62607015e-34 / (2 * math.pi)


def test_gamma_is_g_times_the_bohr_magneton_over_hbar():
    g, mu_B = abs(codata.value("electron g factor")), codata.value("Bohr magneton")
    assert constants.gamma > 0
    assert constants.gamma == pytest.approx(g * mu_B / constants.hbar, rel=1e-9)  # the tables print ten digits
    assert constants.gamma == pytest.approx(1.76085963e11, rel=3e-9)  # CODATA 2018 and 2022 agree to 1.4e-9


def test_mu_0_is_the_measured_one():
    assert constants.mu_0 == pytest.approx(4e-7 * math.pi, rel=1e-9)  # 1.3e-10 off since 2019
    assert constants.mu_0 == codata.mu_0


def test_constants_are_numbers():
    for name in ("k_B", "hbar", "e", "mu_0", "gamma"):
        assert type(getattr(constants, name)) is float
