"""Physical constants, SI, from `scipy.constants` (CODATA). Nothing here is typed by hand.

k_B   J/K          Boltzmann constant
hbar  J s          reduced Planck constant
e     C            elementary charge
mu_0  T m/A        vacuum permeability
gamma rad/(s T)    gyromagnetic ratio of the free electron, positive: dm/dt = -gamma m x B
"""

from typing import Final

from scipy import constants as _codata

k_B: Final[float] = _codata.k
hbar: Final[float] = _codata.hbar
e: Final[float] = _codata.e
mu_0: Final[float] = _codata.mu_0
gamma: Final[float] = _codata.physical_constants["electron gyromag. ratio"][0]
