"""An oscillator, a drive, batches of them and short runs for the tests of `simulate`."""

from dataclasses import replace

import numpy as np

from shno import Chirp, Drive, Function, Oscillator, Pulse, Ramp, Sampled, Sine, Step, Tabulated, Waveform
from shno.constants import mu_0
from shno.oscillator import TRAILING

AXIS, P = np.array([0.6, -0.48, 0.64]), np.array([0.36, 0.8, -0.48])
FRAME = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
# Every term but heating is on and no component is a constant that could be compiled in.
ALL_TERMS = Oscillator(
    Ms=8.1e5, alpha=0.03, gamma=1.9e11, thickness=1.6e-9, demag=(0.1, 0.2, 0.7), demag_off_diagonal=(0.05, -0.03, 0.07),
    Ku=1e5, Ku2=-2e4, easy_axis=AXIS, further_axes=((0.6, 0.64, 0.48), (-0.48, 0.8, 0.36)), further_Ku=(3e4, -2e4),
    further_Ku2=(1e4, 1.5e4), Kc=-2e4, cubic_axes=FRAME[:2], B_bias=(0.02, -0.03, 0.01), J_iec=3e-5,
    m_fixed=(-0.48, 0.36, 0.8), oersted=(3e-14, -5e-14, 8e-14), vcma=2e4, theta_SH=-0.2, field_like=-0.3, p=P,
    Lambda=1.3, Q_nl=0.8,
)  # fmt: skip
FEW_TERMS = Oscillator(
    Ms=8.1e5, alpha=0.03, gamma=1.9e11, demag=(0.1, 0.2, 0.7), Ku=1e5, easy_axis=AXIS, field_like=-0.3, p=P
)
DRIVE = Drive(a_DL=6e-3, B_ext=(0.05, -0.13, 0.21), V_gate=0.7, dKu=3e3)
M0 = (0.48, 0.6, -0.64)
SHORT = {"duration": 0.3e-9, "dt": 1e-12, "m0": M0}


def batch(n, seed=3):
    """Oscillators and drives (n,), each parameter of its own."""
    rng = np.random.default_rng(seed)
    p, axis, m_fixed, *further = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in rng.normal(size=(5, n, 3)))
    N, frame = rng.uniform(0.1, 1, (n, 3)), np.linalg.qr(rng.normal(size=(n, 3, 3)))[0]

    def about(size):
        return rng.uniform(-size, size, n)

    oscillator = Oscillator(
        Ms=rng.uniform(5e5, 1e6, n), alpha=rng.uniform(0.01, 0.1, n), gamma=rng.uniform(1.7e11, 1.9e11, n),
        thickness=rng.uniform(1e-9, 2e-9, n), demag=N / N.sum(axis=-1, keepdims=True),
        demag_off_diagonal=rng.uniform(-0.1, 0.1, (n, 3)), Ku=rng.uniform(-1e5, 2e5, n), Ku2=about(2e4), easy_axis=axis,
        further_axes=np.stack(further, axis=1), further_Ku=rng.uniform(-2e4, 2e4, (n, 2)),
        further_Ku2=rng.uniform(-1e4, 1e4, (n, 2)), Kc=about(2e4), cubic_axes=frame[:, :2],
        B_bias=rng.uniform(-0.03, 0.03, (n, 3)), J_iec=about(3e-5), m_fixed=m_fixed,
        oersted=rng.uniform(-5e-14, 5e-14, (n, 3)), vcma=about(2e4), theta_SH=rng.uniform(0.1, 0.3, n),
        field_like=about(0.3), p=p, Lambda=rng.uniform(1.1, 1.6, n), Q_nl=rng.uniform(0.2, 1.5, n),
    )  # fmt: skip
    B_ext = rng.uniform(-0.2, 0.2, (n, 3))
    return oscillator, Drive(a_DL=about(8e-3), B_ext=B_ext, V_gate=about(1.0), dKu=about(5e3))


def waving(n, *, off=0.0, seed=3):
    """A batch under every kind of waveform, sums and products, for 200 steps of 1 ps from 0.3 ns.

    off : breakpoints lie this share of a step off the grid
    """
    oscillator, drive = batch(n, seed)
    dt, start, lanes = 1e-12, 0.3e-9, np.linspace(0.5, 1.5, n)
    times = start + (np.linspace(30, 80, n).round() + off) * dt
    table = 3e3 * np.random.default_rng(5).normal(size=(200, 3, n))
    drive = replace(
        drive,
        a_DL=drive.a_DL * (1.0 + Sine(0.4, 9e9 * lanes, 0.3))
        + Chirp(2e-3, 5e9, 2e10, 60 * dt, start + (20 + off) * dt, lanes),
        B_ext=(
            Ramp(0.05, 0.15 * lanes, times, times + 70 * dt) + Pulse(0.03, start + (11 + off) * dt, 7 * dt, 20 * dt, 4),
            Step(-0.1, 0.1 * lanes, times) * Function(lambda t: np.cos(3e10 * t)),
            Sampled(np.linspace(0.1, 0.3, 3 * n).reshape(3, n), 50 * dt, start + (25 + off) * dt, "linear") - 0.02,
        ),
        V_gate=Sampled([0.5, -0.7, 0.9], 60 * dt, start + off * dt),
        dKu=Tabulated(table, dt, start) + 1e3 * Function(lambda t: lanes * np.sin(2e10 * t)),
    )
    return oscillator, drive


def member(record, k):
    """The k-th of a batch (n,), as a record of its own."""
    own = TRAILING | {"B_ext": 1}
    values = {name: getattr(record, name) for name in record.__dataclass_fields__}
    return type(record)(**{name: lane(value, k, own.get(name, 0)) for name, value in values.items()})


def lane(value, k, own=0):
    """The k-th lane of a number, array, waveform or tuple of components; `own` axes are not the batch's."""
    if isinstance(value, tuple):
        return tuple(lane(part, k) for part in value)
    if isinstance(value, Function):
        return Function(lambda t: np.ravel(value.function(t))[k if value.shape else 0], value.times)
    if isinstance(value, Sampled | Tabulated):
        return replace(value, values=value.values[..., k]) if value.shape else value
    if isinstance(value, Waveform):
        return type(value)(**{name: lane(getattr(value, name), k) for name in value.__dataclass_fields__})
    return value[k] if np.ndim(value) > own else value


def same(a, b):
    """Equal bit for bit, without a NaN."""
    return a.dtype == b.dtype and np.array_equal(a, b)


def energy(m, oscillator, drive):
    """Energy density over Ms, T, of every term that has one, from the definitions; no current flows. m (..., 3)."""
    o, Ku = oscillator, oscillator.Ku + drive.dKu + oscillator.vcma * drive.V_gate

    def along(axis):
        return np.sum(m * axis, axis=-1)

    (yz, zx, xy), (a1, a2) = np.moveaxis(o.demag_off_diagonal, -1, 0), np.moveaxis(o.cubic_axes, -2, 0)
    x, y, z = along(a1) ** 2, along(a2) ** 2, along(np.cross(a1, a2)) ** 2
    off_diagonal = yz * m[..., 1] * m[..., 2] + zx * m[..., 2] * m[..., 0] + xy * m[..., 0] * m[..., 1]
    e = -Ku * along(o.easy_axis) ** 2 - o.Ku2 * along(o.easy_axis) ** 4 + o.Kc * (x * y + y * z + z * x)
    if o.further_axes is not None:
        c = np.sum(o.further_axes * m[..., None, :], axis=-1)
        e = e - np.sum(o.further_Ku * c**2 + o.further_Ku2 * c**4, axis=-1)
    if np.any(o.J_iec):
        e = e - o.J_iec / o.thickness * along(o.m_fixed)
    return e / o.Ms + mu_0 * o.Ms * (along(o.demag * m) / 2 + off_diagonal) - along(drive.B_ext + o.B_bias)
