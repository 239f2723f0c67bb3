"""A valid call of every public function: what the fuzz test starts from."""

import inspect
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from fuzz_helpers import Call, call, calls

import shno
from shno import analysis, geometry, noise, philox, plots, readout, reference, stability, theory, variability

# fmt: off
T = 1e-12 * np.arange(400)
TURNS = 2e11 * np.pi * T[:, None] + np.array([0.0, 1.0])  # 100 GHz: 20 periods in a half
RUN = shno.Trajectory(T, np.stack([0.6 * np.cos(TURNS), 0.6 * np.sin(TURNS), 0.8 + 0 * TURNS], axis=-1),
                      shno.Oscillator(Ms=8e5, alpha=0.02), shno.Drive(a_DL=0.01), dt=1e-12)
FULL = shno.Oscillator(
    Ms=8e5, alpha=0.02, thickness=2e-9, width=1e-7, t_HM=5e-9, Ku=1e5, Ku2=1e4, theta_SH=0.2, shunt=0.9, rho_HM=2e-7,
    rho_F=5e-7, further_axes=[[0.6, 0.0, 0.8]], further_Ku=[1e4], further_Ku2=[1e3], Kc=1e3, R=200.0, R_th=8e3,
    C_th=1e-12, curie_temperature=900.0, B_bias=(1e-3, 2e-3, 3e-3), J_iec=1e-6, oersted=(0.0, -1e-15, 0.0), vcma=1e3)
PLAIN = shno.Oscillator(Ms=8e5, alpha=0.02, thickness=2e-9, width=1e-7, t_HM=5e-9, theta_SH=0.2, volume=1e-18)
PAIR = shno.Oscillator(Ms=[8e5, 9e5], alpha=0.02, volume=1e-18)
DRIVE = shno.Drive(I=1e-4, B_ext=(0.1, 0.2, 0.3), V_gate=0.1, dKu=10.0)
TORQUE = shno.Drive(a_DL=1e-3, B_ext=(0.1, 0.2, 0.3))
HELD, SINE = shno.Sampled([1.0, 2.0, 3.0], 1e-9), shno.Sine(1.0, 1e9)
M0 = (0.6, 0.0, 0.8)


def fields(record):
    """The fields of a dataclass instance by name."""
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


DEVICE = fields(FULL) | fields(DRIVE)


def on_a_device(function):
    """The function of an Oscillator and a Drive as one of all their fields."""
    def of_fields(**given):
        drive = {name: given.pop(name) for name in fields(DRIVE)}
        return function(shno.Oscillator(**given), shno.Drive(**drive))
    return of_fields


OPERATORS = {
    "+": lambda operand: SINE + operand, "right +": lambda operand: operand + SINE, "-": lambda operand: SINE - operand,
    "right -": lambda operand: operand - SINE, "*": lambda operand: SINE * operand,
    "right *": lambda operand: operand * SINE,
}
WAVEFORMS = [
    call("Constant", shno.Constant, value=1.0),
    call("Step", shno.Step, before=0.0, after=1.0, time=1e-9),
    call("Ramp", shno.Ramp, before=0.0, after=1.0, start=1e-9, stop=2e-9),
    call("Pulse", shno.Pulse, amplitude=1.0, start=1e-9, width=1e-10, period=1e-9, count=3),
    call("Sine", shno.Sine, amplitude=1.0, frequency=1e9, phase=0.1),
    call("Chirp", shno.Chirp, amplitude=1.0, f_start=1e9, f_stop=2e9, duration=1e-9),
    call("Sampled", shno.Sampled, values=[1.0, 2.0], interval=1e-9),
    call("Tabulated", shno.Tabulated, values=np.ones((4, 3)), interval=1e-9, times=[1.5e-9]),
    call("Function", shno.Function, function=np.cos, times=[1e-9]),
    call("Function of a value", lambda value: shno.Function(lambda t: value), value=1.0),
    call("Sum", shno.Sum, a=SINE, b=1.0, also=("operand", "operands")),
    call("Product", shno.Product, a=SINE, b=1.0, also=("operand", "operands")),
    *(call(f"operator {each}", operator, operand=1.0, also=("operands",)) for each, operator in OPERATORS.items()),
    call("Sampled.from_csv", shno.Sampled.from_csv, path="no such file.csv"),
    *(call(f"{type(wave).__name__}.at", wave.at, t=1e-9, finite=True) for wave in (SINE, HELD, SINE + HELD)),
    *(call(f"{type(wave).__name__}.breakpoints", wave.breakpoints, start=0.0, stop=1e-8, finite=True)
      for wave in (HELD, HELD * SINE, shno.Pulse(1.0, 0.0, 1e-10, 1e-9, 1e9))),
]
NOUNS = [
    call("Oscillator", shno.Oscillator, **fields(FULL)),
    call("Drive by I", shno.Drive, I=1e-4, B_ext=(0.1, 0.2, 0.3), V_gate=0.1, dKu=1.0),
    call("Drive by J", shno.Drive, J=1e11),
    call("Drive by a_DL", shno.Drive, a_DL=1e-3),
    call("Drive by a component", lambda B_ext: shno.Drive(I=1e-4, B_ext=(SINE, 0.0, B_ext)), B_ext=0.1),
    call("Drive.at", shno.Drive(I=SINE).at, t=0.0),
    call("Drive.breakpoints", shno.Drive(I=HELD).breakpoints, start=0.0, stop=1e-8),
    call("preset", shno.preset, name="nife-w"),
    call("operating_point", shno.operating_point, name="nife-w"),
    call("load", shno.load, path="no such file.h5"),
    call("resume", shno.resume, path="no such file.h5"),
    call("Trajectory.save", RUN.save, path="no such folder/run.h5"),
    call("plots.plot", plots.plot, run=RUN, path="no such folder/run.png"),
    Call("save a run", lambda **given: shno.Trajectory(**given).save("no such folder/run.h5"), fields(RUN)),
    call("plots.figure_path", plots.figure_path, path="run.png"),
    call("plots.drawable", partial(plots.drawable, "text"), text="one\n$x^2$"),
    call("plots.save_figure", plots.save_figure, figure=plots.Figure(), path="no such folder/run.png"),
]
RUNS = {"duration": 2e-12, "dt": 1e-12, "m0": M0}
SOLVES = [
    call("parameters", shno.parameters, oscillator=FULL, drive=DRIVE),
    Call("parameters of a device", on_a_device(shno.parameters), DEVICE, also=("drive",)),
    call("batch_shape", shno.batch_shape, values=shno.parameters(FULL, DRIVE)),
    call("equilibrium", shno.equilibrium, oscillator=FULL, drive=DRIVE, driven=True, finite=True),
    Call("equilibrium of a device", on_a_device(partial(shno.equilibrium, driven=True)), DEVICE, also=("drive",)),
    call("eigenvalues", shno.eigenvalues, oscillator=FULL, drive=DRIVE, finite=True),
    Call("eigenvalues of a device", on_a_device(shno.eigenvalues), DEVICE, also=("drive",)),
    call("critical_torque", shno.critical_torque, oscillator=FULL, drive=DRIVE),
    Call("critical_torque of a device", on_a_device(shno.critical_torque), DEVICE, also=("drive",)),
    call("stability.thermal_state", stability.thermal_state, oscillator=PAIR, drive=TORQUE, temperature=300.0, seed=1,
         realisation=[0, 1], finite=True),
    call("reference.solve", reference.solve, oscillator=PLAIN, drive=TORQUE, m0=M0, t=[0.0, 1e-12, 2e-12],
         B_noise=(np.zeros((2, 3)), 1e-12), finite=True),
    call("reference.solve with noise", lambda values, interval: reference.solve(
        PLAIN, TORQUE, M0, [0.0, 1e-12, 2e-12], B_noise=(values, interval)), values=np.zeros((2, 3)), interval=1e-12,
        also=("B_noise",)),
    call("simulate", shno.simulate, oscillator=PAIR, drive=TORQUE, **RUNS, temperature=1.0, seed=1, realisation=[3, 4],
         noise_dt=1e-12, executor="torch", finite=True),
    call("simulate compiled", partial(shno.simulate, PAIR, TORQUE, temperature=1.0, seed=1), **RUNS, finite=True),
    call("simulate by the witness", partial(shno.simulate, PLAIN, TORQUE, solver="reference"), **RUNS, finite=True),
    Call("simulate a device", on_a_device(partial(
        shno.simulate, **RUNS, temperature=1.0, seed=1, executor="torch")), DEVICE, also=("dt",)),
    call("integrate", shno.integrate, parameters=shno.parameters(PLAIN, TORQUE), m=torch.tensor([M0]),
         a_DL=torch.tensor([1e-3]), dt=1e-12, n_steps=2, component=2, threshold=0.9, rearm=0.8,
         armed=torch.tensor([True]), deviation=1e-3, seed=1, realisation=[0], first_step=0, executor="torch"),
    call("integrate_sequence", shno.integrate_sequence, parameters=shno.parameters(PLAIN, TORQUE),
         m=torch.tensor([M0]), a_DL=torch.tensor([[1e-3], [2e-3]]), dt=1e-12, n_steps=2, component=2, threshold=0.9,
         rearm=0.8, armed=torch.tensor([True]), rest=torch.tensor([M0]), reset_fraction=0.1, refractory=1,
         refractory_factor=0.5, remaining=torch.tensor([0]), truncate=1, deviation=1e-3, seed=1, realisation=[0],
         first_step=0, executor="torch"),
    Call("integrate with parameters", lambda **given: shno.integrate(
        given, torch.tensor([M0]), 1e-3, dt=1e-12, n_steps=2, component=2, threshold=0.9, rearm=0.8, executor="torch"),
        shno.parameters(FULL, shno.Drive(a_DL=1e-3, B_ext=(0.1, 0.2, 0.3))), also=("parameters",)),
]
OF_A_RUN = [name for name in analysis.__all__ if "run" in inspect.signature(getattr(analysis, name)).parameters]
ANALYSIS = [
    *calls(analysis, OF_A_RUN, dict(run=RUN, f=1e11, tau=1e-11, segment=5e-11, threshold=0.3, rearm=0.1),
           steady=dict(discard=1e-10)),
    *calls(analysis, sorted({*analysis.__all__} - {*OF_A_RUN}),
           dict(t=T, values=TURNS, phase=TURNS, segment=5e-11, tau=1e-11, S_phi=1e-9)),
]
GEOMETRY = calls(
    geometry, ("ellipsoid_demag", "prism_demag", "strip_oersted_field", "oersted_per_current_density", "polarisation",
               "spin_diffusion_factor", "shunt_share", "vcma_coefficient", "film_demag"),
    dict(a=1.0, b=2.0, c=3.0, length=1e-7, width=1e-7, thickness=2e-9, J=1e11, y=1e-8, z=1e-8, t_HM=5e-9,
         lambda_sf=2e-9, n=(0.0, 0.0, 1.0), j=(1.0, 0.0, 0.0), rho_HM=2e-7, rho_F=5e-7, xi=3e-14, t_ox=1e-9),
    finite=True)
READOUT = calls(
    readout, ("amr", "smr", "tmr", "voltage", "rf_power", "line_amplitude", "output_power"),
    dict(m=M0, R_perp=100.0, dR=1.0, j=(1.0, 0.0, 0.0), R0=100.0, t=(0.0, 1.0, 0.0), R_P=100.0, TMR=1.0,
         p=(0.0, 0.0, 1.0), I=1e-3, R=100.0, R_L=50.0, values=TURNS, f=1e11),
    line_amplitude=dict(t=T), output_power=dict(t=T, R=TURNS))
NOISE = calls(
    noise, ("flicker_rms", "flicker", "ornstein_uhlenbeck", "telegraph", "offset", "common_mode"),
    dict(h=1.0, f_low=1e6, f_high=1e9, rms=0.1, duration=1e-8, interval=1e-9, seed=1, rate=1e8, amplitude=1.0,
         dwell_up=1e-9, dwell_down=2e-9, sd=0.1, private=SINE, common=HELD, rho=0.5))
DRAWS = [
    *calls(philox, ("draw", "uniforms"), dict(seed=1, q=2, realisation=3), finite=True),
    *calls(variability, ("width_deviation", "typical", "sample"), dict(
        oscillator=replace(FULL, volume=None), n=3, seed=1, width=1e-7, positions=np.zeros((3, 2)),
        spread={"width": 0.1, "easy_axis": variability.Spread(0.1, "fisher", 0.5)})),
    call("variability.Spread", variability.Spread, sd=0.1),
    call("sample with a spread", lambda spread: shno.sample(FULL, 3, {"Ms": spread}, 1), spread=0.1, also=("sd", "Ms")),
]
THEORY = calls(
    theory, theory.__all__,
    dict(Bk=0.2, temperature=300.0, Ms=8e5, volume=1e-23, linewidth=1e6, n=3, density=1e-3, detuning=1.0,
         half_range=2.0, s=3.0, B=0.1, M=0.5, alpha=0.02, c=0.3, a_c=0.01, theta_SH=0.1, thickness=1e-9,
         m=(0.0, 0.6, 0.8), B_eff=(0.1, 0.2, 0.3), f=1e9,
         p_i=1e-3, p_th=0.05, zeta=1.5, Gamma=1e8, Q=1.0, b=1e-3, demag=(0.1, 0.2, 0.7),
         elevation=0.5, b_c=1e-3, sigma=1e8, half_width=1e8, K=3e8, x=0.5, N=-1e9, D_n=1e5, t=1e-9, theta0=0.5,
         theta1=1.0, da=1e-3, B1=0.1, B2=0.5, p_dot_m=0.5, theta=0.5, order=4, a=1e-3, psi=0.5, components=3, dt=1e-12),
    kittel_frequency_perpendicular=dict(B=1.0), linewidth_below_threshold=dict(zeta=0.5),
    power_below_threshold=dict(zeta=0.5), cone_variance=dict(Bk=-0.3))
TABLE = [*WAVEFORMS, *NOUNS, *SOLVES, *ANALYSIS, *GEOMETRY, *READOUT, *NOISE, *DRAWS, *THEORY]
