"""A resonance line with a symmetric and an antisymmetric part, fitted to a curve."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares

from shno.checks import as_array, check_finite, check_values, complaint

MEASURED = ("within +-1e60", lambda z: np.abs(z) <= 1e60, "A line that is measured.")
CENTRES, WIDTHS = 41, 25  # tried before the fit: it must start near the line


class Lorentzian(NamedTuple):
    """y = offset + [symmetric (w/2)^2 + antisymmetric (w/2)(x - centre)] / [(x - centre)^2 + (w/2)^2].

    centre, width : (*batch)    in the unit of x; the width is the full one at half maximum of the symmetric part
    symmetric, antisymmetric, offset : (*batch)     in the unit of y
    """

    centre: np.ndarray
    width: np.ndarray
    symmetric: np.ndarray
    antisymmetric: np.ndarray
    offset: np.ndarray

    def at(self, x):
        """The line's value at x, a number or, for a single line, an array.

        Raises : TypeError, ValueError for what is not finite or above 1e60 in size
        """
        x = as_array("x", x)
        check_values("x", x, *MEASURED)
        half, away = self.width / 2, x - self.centre
        return self.offset + (self.symmetric * half**2 + self.antisymmetric * half * away) / (away**2 + half**2)


def fit_lorentzian(x, y):
    """Least-squares fit of a `Lorentzian` to curves.

    x : (n,)            increasing, n >= 6
    y : (n, *batch)
    Returns : Lorentzian
    Raises : TypeError, ValueError, naming the parameter
    Source : Mellnik et al., Nature 511, 449 (2014), for the line of spin-torque resonance.
    """
    x, y = np.asarray(as_array("x", x)), np.asarray(as_array("y", y))
    if x.ndim != 1 or len(x) < 6 or y.shape[:1] != x.shape:
        raise ValueError(complaint("x, y", "of shapes (n,) and (n, ...), n >= 6", f"{x.shape}, {y.shape}", "A curve."))
    for name, value in (("x", x), ("y", y)):
        check_finite(name, value)
        check_values(name, value, *MEASURED)
    check_values("step of x", np.diff(x), "> 0", lambda z: z > 0, "Give the points in increasing order.")
    fits = np.array([_fit(x, curve) for curve in y.reshape(len(x), -1).T])
    return Lorentzian(*(part[()] for part in fits.T.reshape(5, *y.shape[1:])))


def _fit(x, y):
    """The five numbers of one curve."""
    span = x[-1] - x[0]
    scaled = (x - x[0]) / span
    starts = [(c, w) for c in np.linspace(0, 1, CENTRES) for w in np.geomspace(1.5 / len(x), 2, WIDTHS)]
    start = min(starts, key=lambda guess: np.sum(_residual(guess, scaled, y)[0] ** 2))
    size = np.abs(y).max() or 1.0
    centre, width = least_squares(
        lambda guess: _residual(guess, scaled, y / size)[0], start, xtol=1e-14, ftol=1e-14, gtol=1e-14
    ).x
    parts = _residual((centre, width), scaled, y)[1]
    return x[0] + centre * span, abs(width) * span, parts[0], parts[1] * np.sign(width), parts[2]


def _residual(guess, x, y):
    """What a line of that centre and width leaves of y, and its three amplitudes, which are the best for them."""
    centre, half = guess[0], guess[1] / 2
    square = (x - centre) ** 2 + half**2 + np.finfo(float).tiny
    basis = np.stack([half**2 / square, half * (x - centre) / square, np.ones_like(x)], axis=-1)
    parts = np.linalg.lstsq(basis, y, rcond=None)[0]
    return y - basis @ parts, parts
