"""Films and batches for the tests of equilibria, modes and thresholds; M and Bk are flux densities in tesla."""

import numpy as np

from shno import Drive, Oscillator, eigenvalues
from shno.constants import mu_0

GAMMA = 1.76085963023e11  # rad/(s T), of the printed values
IDENTITY = {"rel": 1e-9}  # a quadratic's roots from exact derivatives; the equilibrium is known to 1e-11


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def film(M, alpha=0.0, Bk=0.0, **more):
    """A film of magnetisation M (T), its normal z, with an easy axis of strength Bk (T) along x unless given."""
    Ms = M / mu_0
    return Oscillator(Ms=Ms, alpha=alpha, gamma=GAMMA, **{"Ku": Bk * Ms / 2, "easy_axis": (1.0, 0.0, 0.0)} | more)


def frequency(oscillator, B_ext, a_DL=0.0):
    """Frequency in Hz of the mode at the driven equilibrium."""
    modes = eigenvalues(oscillator, Drive(a_DL=a_DL, B_ext=B_ext))
    return np.abs(modes.imag).max(axis=-1) / (2 * np.pi)


def spread_batch(n, seed=9):
    """Oscillators and drives (n,) with every field different and no term zero, none near a bifurcation; no Oersted
    field, which a torque would bring with it.
    """
    rng = np.random.default_rng(seed)
    axis, aside, B_ext, m_fixed, *further = map(unit, rng.normal(size=(6, n, 3)))
    p = unit(rng.choice([-1, 1], (n, 1)) * B_ext + 0.6 * aside)  # far from perpendicular to m: a threshold exists
    N, frame = rng.uniform(0.1, 1, (n, 3)), np.linalg.qr(rng.normal(size=(n, 3, 3)))[0]

    def about(size, *more):
        return rng.uniform(-size, size, (n, *more))

    oscillator = Oscillator(
        Ms=rng.uniform(4e5, 1.2e6, n), alpha=rng.uniform(0.01, 0.2, n), gamma=rng.uniform(1.7e11, 1.9e11, n),
        thickness=rng.uniform(1e-9, 2e-9, n), demag=N / N.sum(axis=-1, keepdims=True),
        demag_off_diagonal=about(0.05, 3), Ku=rng.uniform(-1e5, 2e5, n), Ku2=about(1e4), easy_axis=axis,
        further_axes=np.stack(further, axis=1),
        further_Ku=about(1e4, 2), further_Ku2=about(1e4, 2), Kc=about(1e4), cubic_axes=frame[:, :2],
        B_bias=about(0.02, 3), J_iec=about(2e-5), m_fixed=m_fixed, vcma=about(2e4), p=p, field_like=about(0.3),
        Lambda=rng.uniform(1.1, 1.5, n), Q_nl=rng.uniform(0.5, 2.0, n),
    )  # fmt: skip
    drive = Drive(a_DL=about(2e-3), B_ext=B_ext * rng.uniform(0.5, 1.0, (n, 1)), V_gate=about(0.5), dKu=about(5e3))
    return oscillator, drive
