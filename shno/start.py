"""The state that a run starts from where none is given."""

import numpy as np

from shno.stability import equilibrium, thermal_state

TILT = np.radians(1.0)  # off the equilibrium: exactly at a fixed point nothing would ever move


def starting_state(oscillator, drive, temperature, seed, realisation):
    """The zero-current equilibrium nearest to B_ext, tilted by a degree; with noise a draw from its thermal well.

    drive : Drive           constant, as it is at the start
    temperature : K; seed; realisation : (*batch) integers     of the noise; without noise only the first, 0, counts
    Returns : (*batch, 3), unit vectors
    Raises : TypeError, ValueError; IntegrationError where no equilibrium is found
    """
    if temperature > 0:
        return thermal_state(oscillator, drive, temperature, seed, realisation)
    return _tilted(equilibrium(oscillator, drive))


def _tilted(m):
    """m turned by TILT."""
    helper = np.where(np.abs(m[..., :1]) < 0.7, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    away = np.cross(m, helper)
    away /= np.linalg.norm(away, axis=-1, keepdims=True)
    return np.cos(TILT) * m + np.sin(TILT) * away
