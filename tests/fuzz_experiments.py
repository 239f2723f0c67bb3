"""A valid call of every experiment and its figure, and of every analysis of a run that is given by its fields."""

import inspect
from dataclasses import replace

import numpy as np
from fuzz_calls import ANALYSIS, M0, NOUNS, PLAIN, RUN, fields
from fuzz_helpers import Call, call, calls

import shno
from shno import experiment_plots, experiments

# fmt: off
HARD = replace(PLAIN, R=100.0, Ku=2e4, easy_axis=(1.0, 0.0, 0.0))
STEADY = shno.Drive(I=1e-4, B_ext=(0.1, 0.2, 0.3))
X = np.arange(6.0)


def few_fields(done, total):
    """Progress of a loop that is given up after 20 fields, however many they are."""
    if done > 20:
        raise shno.IntegrationError("enough")


VALUES = dict(
    oscillator=HARD, drive=STEADY, duration=4e-11, dt=2e-12, discard=0.0, frequencies=[9e9, 1e10], I_rf=1e-5, steps=2,
    directions=[M0], B_max=0.1, resistance=lambda m: 100.0 + m[..., 0], f=1e10, f_inj=[4.5e11, 5e11],
    amplitudes=[1e-6, 2e-6], currents=[1e-4, 2e-4], fields=[(0.1, 0.0, 0.2)], along=(0.0, 0.0, 1.0), x=X, angle=0.05,
    B=[(0.1, 0.0, 0.2)], rf_along=(1.0, 0.0, 0.0), y=1 / (1 + (X - 2) ** 2), progress=few_fields)
NAMES = [name for name in experiments.__all__ if inspect.isfunction(getattr(experiments, name))]
TORCH = {"executor": "torch"}  # for which nothing is compiled
NOISY = TORCH | dict(temperature=1.0, seed=1, realisations=2)
SPECIAL = dict.fromkeys(("phase_diagram", "ringdown", "spin_diode", "swept_hysteresis"), TORCH) | dict(
    absorption=dict(B=[0.1, 0.2, 0.3, 0.4]), spectral_map=dict(fields=None) | NOISY, frequency_against_current=NOISY,
    injection_locking=dict(field=(1.0, 1j, 0.0), harmonic=2) | TORCH)
RUNS = [each._replace(also=("dt",)) for each in calls(experiments, NAMES, VALUES, **SPECIAL)]
EXPERIMENTS = [
    *RUNS,
    call("spectral_map of fields", experiments.spectral_map, also=("dt",), **TORCH, **{
        name: VALUES[name] for name in ("oscillator", "drive", "duration", "dt", "discard", "fields")}),
    call("resistance of a diode", lambda R: experiments.spin_diode(
        HARD, STEADY, [9e9], 1e-5, resistance=lambda m: R, duration=1e-11, discard=0.0, dt=1e-12, **TORCH),
        R=np.ones((11, 1)), also=("resistance",)),
    call("Lorentzian.at", experiments.Lorentzian(2.0, 1.0, 1.0, 0.5, 0.1).at, x=1.0),
]
I, F, B = np.array([1e-4, 2e-4]), np.array([9e9, 10e9, 11e9]), np.array([(0.1, 0.0, 0.2), (0.2, 0.0, 0.4)])
ONES = np.ones((2, 2))
RESULTS = dict(
    plot_spectral_map=experiments.SpectralMap(F, "I", I, np.ones((3, 2)), I, I - 5e-5, 1e10 * I),
    plot_frequency_against_current=experiments.CurrentSweep(I, "I", 1.5e-4, 1e10 * I, 1e3 * I, 1e7 * I, I),
    plot_locking_map=experiments.LockingMap(F[:2], I, "J", 1, 1e10, 1e10 * ONES, ONES, ONES > 2, F[:2], F[:2]),
    plot_hysteresis=experiments.Hysteresis(np.array([1, -1, 1.0]), ONES, np.ones((3, 2)), I, I, I),
    plot_fmr=experiments.Resonance(B, B, F[:2], F[:2]),
    plot_phase_diagram=experiments.PhaseDiagram(I, "a_DL", B, np.ones((2, 2), int), F[0] * ONES, I),
    plot_spin_diode=experiments.SpinDiode(F, np.ones((3, 1)), experiments.Lorentzian(*np.full((5, 1), 1e9))),
)
FIGURES = [
    call(f"experiment_plots.{name}", getattr(experiment_plots, name), result=result, path="no such folder/result.png")
    for name, result in RESULTS.items()
]


def of_any_run(analysed):
    """The analysis of a run as one of the run's fields."""
    def of_fields(**run):
        return analysed.function(**analysed.keywords | {"run": shno.Trajectory(**run)})
    return Call(f"{analysed.name} of any run", of_fields, fields(RUN), also=("run", *analysed.keywords))


def of_any_states(analysed):
    """The analysis of a run as one of its m, with times in equal steps."""
    def of_states(m):
        n = len(m) if isinstance(m, np.ndarray) and m.ndim else 1
        run = replace(RUN, t=1e-12 * np.arange(n), m=m)
        return analysed.function(**analysed.keywords | {"run": run})
    return Call(f"{analysed.name} of any states", of_states, {"m": RUN.m}, also=("run", *analysed.keywords))


OF_A_RUN = [each for each in (*ANALYSIS, *NOUNS) if "run" in each.keywords]
ODD_RUNS = [kind(each) for each in OF_A_RUN for kind in (of_any_run, of_any_states)]


def on_a_device(experiment):
    """The experiment as one of all the fields of its oscillator and its drive."""
    def of_fields(**given):
        drive = shno.Drive(**{name: given.pop(name) for name in fields(STEADY)})
        return experiment.function(**experiment.keywords | {"oscillator": shno.Oscillator(**given), "drive": drive})
    return of_fields


OF_A_DEVICE = [
    Call(f"{each.name} of a device", on_a_device(each), fields(HARD) | fields(STEADY), also=("drive", "dt", "seed"))
    for each in EXPERIMENTS if "oscillator" in each.keywords
]
