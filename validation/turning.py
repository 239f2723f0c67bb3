"""The easy-plane neuron in closed form, and the pendulum that it is: rate of its turns, latency of the first."""

import numpy as np

import shno
from validation.spiking import BIAS, SETTINGS, rest, torque


def turning_rate(a):
    """Turns a second of the freely turning easy-plane oscillator at each total drive a (in a_c), without reset."""
    s = SETTINGS["phase-slip"]
    drive = shno.Drive(a_DL=s["critical_torque"] * a, B_ext=s["bias"].B_ext)
    run = shno.simulate(s["oscillator"], drive, duration=10e-9, dt=s["dt"], m0=rest("phase-slip").numpy())
    times = shno.analysis.spike_times(run, threshold=s["threshold"], rearm=s["rearm"], component="y")
    return np.array([(len(each) - 1) / (each[-1] - each[0]) for each in times])


def strong_rate(a):
    """gamma a / (2 pi alpha), turns a second far above a_c; a in a_c."""
    s = SETTINGS["phase-slip"]
    return s["oscillator"].gamma * s["critical_torque"] * a / (2 * np.pi * s["oscillator"].alpha)


def pendulum(x, dt=1e-13, duration=2.5e-9):
    """Latency of the pendulum phi''/(gamma M) + alpha phi' = gamma (a - B sin phi), m_y = -sin phi, from rest, s."""
    s = SETTINGS["phase-slip"]
    device, a = s["oscillator"], torque("phase-slip", x)
    M, B, end = shno.constants.mu_0 * device.Ms, s["critical_torque"], np.pi + np.arcsin(s["threshold"])
    phi, speed, first = np.full(len(a), np.arcsin(BIAS["phase-slip"])), np.zeros(len(a)), np.full(len(a), np.inf)
    for k in range(1, round(duration / dt) + 1):
        speed += dt * device.gamma * M * (device.gamma * (a - B * np.sin(phi)) - device.alpha * speed)
        phi += dt * speed
        first = np.where((phi >= end) & np.isinf(first), k * dt - (phi - end) / speed, first)
    return first


def overdamped_rate(x):
    """Turns a second of the pendulum without inertia, gamma sqrt(a^2 - a_c^2)/(2 pi alpha); x on top of the bias."""
    a = BIAS["phase-slip"] + x
    return strong_rate(np.sqrt(np.maximum(a**2 - 1, 0)))
