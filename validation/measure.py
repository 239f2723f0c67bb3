"""What several claims measure in the same way, and the oscillators that several share."""

import numpy as np

import shno

SPHERE = (1 / 3, 1 / 3, 1 / 3)  # its demagnetising field is along -m and exerts no torque: a field alone, whatever Ms


def azimuthal_frequency(run, *, discard=0.0):
    """Turns of the azimuth about z a second, signed: positive where phi increases; (*batch,), Hz.

    The phase is followed over the whole time, so there must be more than two saved states a turn.
    """
    kept = run.t >= run.t[0] + discard
    t, m = run.t[kept], run.m[kept]
    phi = np.unwrap(np.arctan2(m[..., 1], m[..., 0]), axis=0)
    return (phi[-1] - phi[0]) / (2 * np.pi * (t[-1] - t[0]))


def every_term_on(n, seed=1):
    """n oscillators, their drive and m0 (n, 3): every parameter its own, none zero, no vector along an axis.

    At most 1.8 T turns m, 0.2 rad in 0.5 ps.
    """
    rng = np.random.default_rng(seed)

    def units():
        v = rng.normal(size=(n, 3))
        return v / np.linalg.norm(v, axis=-1, keepdims=True)

    oscillator = shno.Oscillator(
        Ms=rng.uniform(4e5, 8e5, n),
        alpha=rng.uniform(0.01, 0.3, n),
        gamma=rng.uniform(1.6e11, 2.0e11, n),
        thickness=rng.uniform(1e-9, 5e-9, n),
        width=rng.uniform(50e-9, 200e-9, n),
        demag=rng.dirichlet((1, 1, 1), n),
        Ku=rng.uniform(-1e5, 1e5, n),
        easy_axis=units(),
        theta_SH=rng.uniform(0.1, 0.4, n) * rng.choice((-1, 1), n),
        field_like=rng.uniform(-0.5, 0.5, n),
        p=units(),
        t_HM=rng.uniform(4e-9, 8e-9, n),
        shunt=rng.uniform(0.3, 1.0, n),
    )
    drive = shno.Drive(I=rng.uniform(0.1e-3, 0.5e-3, n), B_ext=rng.uniform(-0.25, 0.25, (n, 3)))
    return oscillator, drive, units()
