"""Oscillators with every term on, drawn at random, and what a rotation and a reversal make of them."""

from dataclasses import replace
from functools import partial

import numpy as np

import shno

DIRECTIONS = ("easy_axis", "p", "m_fixed")  # unit vectors of an oscillator
PER_CURRENT_OR_FIELD = ("B_bias", "oersted")  # vectors of any length


def unit(v):
    """v / |v| over the last axis."""
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def units(rng, *shape):
    """Unit vectors (*shape, 3)."""
    return unit(rng.normal(size=(*shape, 3)))


def every_term(n, seed=6):
    """n oscillators with every term on and their drive, all numbers their own; and m0 (n, 3). At most 1.5 T turns m."""
    rng = np.random.default_rng(seed)
    within = partial(rng.uniform, size=n)

    def about(most, *shape):
        return rng.uniform(-most, most, (n, *shape))

    a, b = units(rng, 2, n)
    oscillator = shno.Oscillator(
        Ms=within(4e5, 8e5), alpha=within(0.01, 0.2), thickness=within(1e-9, 3e-9), width=within(5e-8, 2e-7),
        t_HM=within(4e-9, 8e-9), shunt=within(0.3, 1.0), demag=rng.dirichlet((1, 1, 1), n),
        demag_off_diagonal=about(0.1, 3), Ku=about(1e5), Ku2=about(2e4), easy_axis=units(rng, n),
        further_axes=units(rng, n, 2), further_Ku=about(2e4, 2), further_Ku2=about(1e4, 2), Kc=about(2e4),
        cubic_axes=np.stack([a, unit(np.cross(a, b))], axis=-2), B_bias=about(0.02, 3), J_iec=about(2e-5),
        m_fixed=units(rng, n), oersted=about(1e-14, 3), vcma=about(2e4), theta_SH=about(0.4), T_int=within(0.5, 1.0),
        lambda_sf=within(1e-9, 2e-9), field_like=about(0.5), p=units(rng, n), Lambda=within(1.0, 1.5),
        Q_nl=within(0.0, 1.0),
    )  # fmt: skip
    drive = shno.Drive(I=about(0.5e-3), B_ext=about(0.2, 3), V_gate=about(1.0), dKu=about(1e4))
    return oscillator, drive, units(rng, n)


def rotated(oscillator, drive, R):
    """The same with every vector and tensor turned by the matrix R (3, 3)."""
    tensor = R @ _tensor(oscillator) @ R.T
    changes = {name: getattr(oscillator, name) @ R.T for name in (*DIRECTIONS, *PER_CURRENT_OR_FIELD)}
    changes |= {name: getattr(oscillator, name) @ R.T for name in ("further_axes", "cubic_axes")}
    changes["demag"] = np.diagonal(tensor, axis1=-2, axis2=-1)
    changes["demag_off_diagonal"] = tensor[..., (1, 2, 0), (2, 0, 1)]
    return replace(oscillator, **changes), replace(drive, B_ext=drive.B_ext @ R.T)


def _tensor(oscillator):
    """The demagnetising tensor, (..., 3, 3)."""
    N_yz, N_zx, N_xy = np.moveaxis(oscillator.demag_off_diagonal, -1, 0)
    off_diagonal = np.stack([0 * N_yz, N_xy, N_zx, N_xy, 0 * N_yz, N_yz, N_zx, N_yz, 0 * N_yz], axis=-1)
    return off_diagonal.reshape(*N_yz.shape, 3, 3) + oscillator.demag[..., None] * np.eye(3)


def across(oscillator, drive, k):
    """The same with p and every field across axis k, a principal axis of every tensor; no angular dependence."""
    along, plane = np.eye(3)[k], 1 - np.eye(3)[k]
    changes = {name: unit(getattr(oscillator, name) * plane) for name in DIRECTIONS}
    changes |= {name: getattr(oscillator, name) * plane for name in PER_CURRENT_OR_FIELD}
    first = unit(oscillator.cubic_axes[..., 0, :] * plane)
    changes["cubic_axes"] = np.stack([first, np.cross(along, first)], axis=-2)
    changes["further_axes"] = along + 0 * oscillator.further_axes
    changes["demag_off_diagonal"] = oscillator.demag_off_diagonal * along  # N_yz for x, N_xy for z
    return replace(oscillator, Lambda=1.0, **changes), replace(drive, B_ext=drive.B_ext * plane)


def reversed_both(oscillator, drive):
    """(I, B) -> (-I, -B), and with B the fields that do not follow the current: bias and fixed layer."""
    fields = {name: -getattr(oscillator, name) for name in ("B_bias", "m_fixed")}
    return replace(oscillator, **fields), replace(drive, I=-drive.I, B_ext=-drive.B_ext)
