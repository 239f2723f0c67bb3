"""A run as the tests of its file write it."""

import numpy as np

from shno import hdf5

T = np.arange(40) * 1e-12
GROUPS = {
    "oscillator": {"Ms": (8e5, "A/m"), "alpha": (np.array([0.1, 0.2]), "1"), "p": (np.array([0.0, 1.0, 0.0]), "1")},
    "drive": {"I.Step.before": (1e-3, "A"), "B_ext": (np.array([[0.1, 0.0, 0.3]]), "T")},
    "run": {"realisation": (np.arange(2.0), "1")},
}
SETTINGS = {"dt": 1e-12, "save_every": 1, "solver": "rk4", "temperature": 300.0, "seed": 2**63, "versions": "µ"}


def magnetisation(*batch, dtype=np.float64):
    return np.random.default_rng(1).normal(size=(len(T), *batch, 3)).astype(dtype)


def with_temperatures(*batch):
    """GROUPS with a series of temperatures of a batch."""
    series = np.linspace(300.0, 310.0, len(T) * int(np.prod(batch))).reshape(len(T), *batch)
    return GROUPS | {"run": GROUPS["run"] | {"T": (series, "K")}}


def written(path):
    """The path of a file with a run of two oscillators."""
    hdf5.write(path, t=T, m=magnetisation(2), groups=with_temperatures(2), attributes=SETTINGS)
    return path
