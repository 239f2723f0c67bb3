"""An oscillator, a drive, batches of them and short runs for the tests of `simulate`."""

import numpy as np

from shno import Drive, Oscillator

AXIS, P = np.array([0.6, -0.48, 0.64]), np.array([0.36, 0.8, -0.48])
# Every term is on and no component is a constant that could be compiled in.
ALL_TERMS = Oscillator(
    Ms=8.1e5, alpha=0.03, gamma=1.9e11, demag=(0.1, 0.2, 0.7), Ku=1e5, easy_axis=AXIS, field_like=-0.3, p=P
)
DRIVE = Drive(a_DL=6e-3, B_ext=(0.05, -0.13, 0.21))
M0 = (0.48, 0.6, -0.64)
SHORT = {"duration": 0.3e-9, "dt": 1e-12, "m0": M0}


def batch(n, seed=3):
    """Oscillators and drives (n,), each parameter of its own."""
    rng = np.random.default_rng(seed)
    p, axis = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in rng.normal(size=(2, n, 3)))
    N = rng.uniform(0.1, 1, (n, 3))
    oscillator = Oscillator(
        Ms=rng.uniform(5e5, 1e6, n),
        alpha=rng.uniform(0.01, 0.1, n),
        gamma=rng.uniform(1.7e11, 1.9e11, n),
        demag=N / N.sum(axis=-1, keepdims=True),
        Ku=rng.uniform(-1e5, 2e5, n),
        easy_axis=axis,
        field_like=rng.uniform(-0.3, 0.3, n),
        p=p,
    )
    return oscillator, Drive(a_DL=rng.uniform(-8e-3, 8e-3, n), B_ext=rng.uniform(-0.2, 0.2, (n, 3)))


def member(record, k):
    """The k-th of a batch (n,), as a record of its own."""
    values = {name: getattr(record, name) for name in record.__dataclass_fields__}
    vectors = ("demag", "easy_axis", "p", "B_ext")
    return type(record)(**{n: v[k] if np.ndim(v) > (n in vectors) else v for n, v in values.items()})


def same(a, b):
    """Equal bit for bit, without a NaN."""
    return a.dtype == b.dtype and np.array_equal(a, b)
