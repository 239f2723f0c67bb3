"""The comparison with cmtj, where it is installed (extra `peers`); said in one line where it is not."""

import numpy as np
import pytest

import shno
from validation import peer


def test_rk4_takes_the_same_steps_as_cmtj_with_every_common_term_on():
    pytest.importorskip("cmtj")
    oscillator, drive, m0 = peer.every_term()
    ours = shno.simulate(oscillator, drive, duration=0.5e-9, dt=1e-12, m0=m0).m
    theirs = peer.peer(oscillator, drive, m0, 0.5e-9, 1e-12)
    assert np.abs(ours - theirs).max() < 1e-12  # rounding of 500 steps of one scheme, written twice


def test_its_constants_are_its_own_again_afterwards():
    constants = pytest.importorskip("cmtj").constants.PhysicalConstants
    before = constants.gyromagnetic_ratio(), constants.magnetic_permeability(), constants.TtoAm()
    with peer.same_constants(1.8e11):
        assert constants.gyromagnetic_ratio() != before[0]
    assert (constants.gyromagnetic_ratio(), constants.magnetic_permeability(), constants.TtoAm()) == before


def test_without_cmtj_nothing_is_claimed_and_it_is_said(monkeypatch, capsys):
    monkeypatch.setattr(peer, "find_spec", lambda name: None)
    assert peer.claims(None) == []
    assert capsys.readouterr().err.startswith("peer: not measured, cmtj is not installed. Use pip install ")
