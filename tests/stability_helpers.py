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
    """Oscillators and drives (n,) with every field different and no term zero, none near a bifurcation."""
    rng = np.random.default_rng(seed)
    axis, aside, B_ext = map(unit, rng.normal(size=(3, n, 3)))
    p = unit(rng.choice([-1, 1], (n, 1)) * B_ext + 0.6 * aside)  # far from perpendicular to m: a threshold exists
    N = rng.uniform(0.1, 1, (n, 3))
    oscillator = Oscillator(
        Ms=rng.uniform(4e5, 1.2e6, n),
        alpha=rng.uniform(0.01, 0.2, n),
        gamma=rng.uniform(1.7e11, 1.9e11, n),
        demag=N / N.sum(axis=-1, keepdims=True),
        Ku=rng.uniform(-1e5, 2e5, n),
        easy_axis=axis,
        p=p,
        field_like=rng.uniform(-0.3, 0.3, n),
    )
    return oscillator, Drive(a_DL=rng.uniform(-2e-3, 2e-3, n), B_ext=B_ext * rng.uniform(0.5, 1.0, (n, 1)))


def member(record, k, **more):
    """The k-th of a batch (n,), as a record of its own."""
    values = {name: getattr(record, name) for name in record.__dataclass_fields__}
    vectors = ("demag", "easy_axis", "p", "B_ext")
    one = {n: v[k] if np.ndim(v) > (n in vectors) else v for n, v in values.items()}
    return type(record)(**one | more)
