"""One claim: what is expected and from where, what was measured, and whether it holds."""

from dataclasses import dataclass

import numpy as np

ERRORS = {  # how: error, an array; the largest element counts
    "relative": lambda measured, expected: np.abs(measured - expected) / np.abs(expected),
    "absolute": lambda measured, expected: np.abs(measured - expected),
    "at most": lambda measured, expected: np.maximum(measured - expected, 0),
    "at least": lambda measured, expected: np.maximum(expected - measured, 0),
}


@dataclass(frozen=True, eq=False)
class Claim:
    """A row of the table; numbers in `unit`.

    id, statement          what is claimed, with the numbers that repeat it
    source                 where `expected` is from
    expected, measured     a number or an array (its worst element decides)
    how                    the error: "relative", "absolute" (in `unit`), or what misses a bound: "at most", "at least"
    tolerance              the largest error that holds
    not_run                why it was not measured: such a claim neither holds nor is broken
    """

    id: str
    statement: str
    source: str
    expected: float | np.ndarray
    measured: float | np.ndarray
    tolerance: float = 0.0
    how: str = "relative"
    unit: str = ""
    not_run: str = ""

    @property
    def error(self):
        """The largest error over all elements; NaN where anything is NaN."""
        return float(np.max(ERRORS[self.how](np.asarray(self.measured, float), np.asarray(self.expected, float))))

    @property
    def holds(self):
        """Whether the error is within the tolerance; never where a number is NaN or infinite."""
        finite = all(np.isfinite(x).all() for x in (self.expected, self.measured, self.tolerance))
        return bool(finite and not self.not_run and self.error <= self.tolerance)

    @property
    def broken(self):
        """Whether it was measured and does not hold."""
        return not self.holds and not self.not_run

    @property
    def verdict(self):
        """The word in the table."""
        if self.not_run:
            return f"not run: {self.not_run}"
        return "holds" if self.holds else "BROKEN"
