"""What a trajectory says: spectra, lines and their widths, phases, amplitudes, transients, locking and spikes.

Every function takes a `Trajectory` of one oscillator or a batch, m (n_saved, *batch, 3), and analyses each oscillator
on its own. `discard` seconds at the start are left out; None leaves out the first half, and is the default where the
answer is a steady one. What cannot be told, as the frequency of m at rest, is NaN.

spectra     spectrum, welch
line        frequency, power
phases      phase, instantaneous_frequency, phase_frequency; of arrays analytic_phase, mean_frequency
amplitudes  amplitude, cone_angle, envelope; of arrays low_pass
width       linewidth, phase_diffusion, lorentzian; of arrays diffusion
noise       phase_noise; of arrays phase_density, single_sideband
transient   transient, steady, ringdown
locking     is_locked, locking_phase, beat_frequency
spikes      spike_times
"""

from shno.analysis.amplitudes import amplitude, cone_angle, envelope, low_pass
from shno.analysis.line import frequency, power
from shno.analysis.linewidths import diffusion, linewidth, phase_diffusion
from shno.analysis.locking import beat_frequency, is_locked, locking_phase
from shno.analysis.lorentz import lorentzian
from shno.analysis.noise import phase_density, phase_noise, single_sideband
from shno.analysis.phases import analytic_phase, instantaneous_frequency, mean_frequency, phase, phase_frequency
from shno.analysis.ringdowns import ringdown
from shno.analysis.spectra import spectrum, welch
from shno.analysis.spikes import spike_times
from shno.analysis.transients import steady, transient

__all__ = [
    "amplitude",
    "analytic_phase",
    "beat_frequency",
    "cone_angle",
    "diffusion",
    "envelope",
    "frequency",
    "instantaneous_frequency",
    "is_locked",
    "linewidth",
    "locking_phase",
    "lorentzian",
    "low_pass",
    "mean_frequency",
    "phase",
    "phase_density",
    "phase_diffusion",
    "phase_frequency",
    "phase_noise",
    "power",
    "ringdown",
    "single_sideband",
    "spectrum",
    "spike_times",
    "steady",
    "transient",
    "welch",
]
