"""Electrical readout: m -> resistance (AMR, SMR, TMR) -> voltage and microwave power. Ohm, volt, watt.

m is (..., 3), a run's m (time, *batch, 3), and a resistance has its shape without the last axis; resistances and unit
vectors broadcast against it, the batch from the right. A resistance quadratic in m (AMR, SMR) doubles the frequency:
for m that swings symmetrically about an equilibrium at the in-plane angle phi to the current, the line at f goes as
sin(2 phi). At 0 and 90 degrees only the one at 2f is left.
"""

import numpy as np

from shno.checks import arrays_of_one_shape, as_array, check_unit_vectors, check_values, common_shape, complaint

LOBE = 3  # half width of the main lobe of the window in 1/T: a nearer line is not told from a constant

# (rule, test, what to do)
CURRENT = ("within +-1e6 A", lambda x: np.abs(x) <= 1e6, "Current in ampere: 0.2 mA is 2e-4.")
RESISTANCE = ("in [0, 1e15] ohm", lambda x: (x >= 0) & (x <= 1e15), "Resistance in ohm.")
LOAD = ("in [1e-6, 1e15] ohm", lambda x: (x >= 1e-6) & (x <= 1e15), "Resistance in ohm.")
CHANGE = ("within +-1e15 ohm", lambda x: np.abs(x) <= 1e15, "Resistance, or a change of it, in ohm.")
AMPLITUDE = ("within +-1e15 ohm or NaN", lambda x: ~(np.abs(x) > 1e15), "NaN is no line, see line_amplitude.")
SERIES = ("within +-1e15", lambda x: np.abs(x) <= 1e15, "A resistance in ohm, or any other series.")
TUNNELLING = ("in [0, 1e6]", lambda x: (x >= 0) & (x <= 1e6), "A ratio; for an inverse one turn p round: R_P is lower.")
COSINE = ("a unit vector", lambda x: np.abs(x) <= 1 + 1e-5, "Normalise it, for example with numpy.linalg.norm.")
TIME = ("within +-1e6 s", lambda x: np.abs(x) <= 1e6, "Time in s.")


def amr(m, R_perp, dR, j):
    """Anisotropic magnetoresistance, R = R_perp + dR (m . j)^2.

    m : (..., 3)            unit magnetisation
    R_perp, dR : ohm        resistance for m across the current; what m along it adds
    j : (..., 3)            unit vector of the current
    Returns : (...), ohm
    Raises : TypeError, ValueError, naming the parameter
    Source : McGuire and Potter, IEEE Trans. Magn. 11, 1018 (1975).
    """
    cosine, R_perp, dR = arrays_of_one_shape(
        m=(_cosine(m, "j", j), COSINE), R_perp=(R_perp, RESISTANCE), dR=(dR, CHANGE)
    )
    return R_perp + dR * cosine**2


def smr(m, R0, dR, t):
    """Spin Hall magnetoresistance, R = R0 - dR (m . t)^2.

    m : (..., 3)        unit magnetisation
    R0, dR : ohm        resistance for m across t; what m along t takes away
    t : (..., 3)        unit vector n x j: n the normal, j the current; the polarisation p of a spin Hall device
    Returns : (...), ohm
    Raises : TypeError, ValueError, naming the parameter
    Source : Nakayama et al., Phys. Rev. Lett. 110, 206601 (2013).
    """
    cosine, R0, dR = arrays_of_one_shape(m=(_cosine(m, "t", t), COSINE), R0=(R0, RESISTANCE), dR=(dR, CHANGE))
    return R0 - dR * cosine**2


def tmr(m, R_P, TMR, p):
    """Tunnelling magnetoresistance, R = 2 R_P (1 + TMR) / [2 + TMR (1 + m . p)]: the conductance is linear in m . p.

    m : (..., 3)        unit magnetisation of the free layer
    R_P : ohm           resistance for m along p
    TMR : 1             (R_AP - R_P) / R_P, >= 0
    p : (..., 3)        unit magnetisation of the reference layer
    Returns : (...), ohm
    Raises : TypeError, ValueError, naming the parameter
    Source : Slonczewski, Phys. Rev. B 39, 6995 (1989).  Valid at low bias.
    """
    cosine, R_P, TMR = arrays_of_one_shape(m=(_cosine(m, "p", p), COSINE), R_P=(R_P, RESISTANCE), TMR=(TMR, TUNNELLING))
    return 2 * R_P * (1 + TMR) / (2 + TMR * (1 + cosine))


def voltage(I, R):
    """Voltage across the device, V = I R.

    I : A               a number or an array; a waveform I(t) of a batch needs axes of length 1 after time
    R : ohm             resistance, or a change of it for the change of the voltage
    Returns : V
    Raises : TypeError, ValueError, naming the parameter
    Source : Ohm's law.
    """
    I, R = arrays_of_one_shape(I=(I, CURRENT), R=(R, CHANGE))
    return I * R


def rf_power(I, dR, R, R_L=50.0):
    """Microwave power in a load, P = (1/2) I^2 dR^2 R_L / (R + R_L)^2.

    I : A               direct current
    dR : ohm            amplitude (half of peak to peak) of R(t) at the frequency of interest; NaN gives NaN
    R, R_L : ohm        mean resistance of the device, load
    Returns : W
    Raises : TypeError, ValueError, naming the parameter
    Source : voltage divider of the source I dR, of inner resistance R.  Valid for dR << R, without reflections.
    """
    I, dR, R, R_L = arrays_of_one_shape(I=(I, CURRENT), dR=(dR, AMPLITUDE), R=(R, RESISTANCE), R_L=(R_L, LOAD))
    return (I * dR / (R + R_L)) ** 2 * R_L / 2


def line_amplitude(values, t, f):
    """Amplitude A of the line A cos(2 pi f t + phase) in a series: fit of constant, cosine and sine, weights sin^4.

    For a sine on a constant the fit is exact at any phase and any number of periods. The weights, a squared Hann window
    over the time T, keep other lines away: of one x/T off, 4 / (pi x^5) of its amplitude leaks in.

    values : (n, *batch)    time first
    t : (n,), s             evenly spaced
    f : (*batch), Hz        or a number; within [3/T, Nyquist frequency - 3/T], T = n spacings. NaN (as of
                            `analysis.frequency` where there is no line) gives NaN
    Returns : (*batch), in the unit of the values, >= 0
    Raises : TypeError, ValueError, naming the parameter
    Source : IEEE Std 1057, three-parameter sine fit; Harris, Proc. IEEE 66, 51 (1978), the cosine-power windows.
    """
    values, t, spacing = _series("values", values, t)
    n = len(t)
    lowest, highest = LOBE / (n * spacing), 0.5 / spacing - LOBE / (n * spacing)
    rule = f"in [{lowest:.6g}, {highest:.6g}] Hz or NaN"
    remedy = "Below, the run holds too few periods; above, too few samples a period."
    (f,) = arrays_of_one_shape(f=(f, (rule, lambda x: ~((x < lowest) | (x > highest)), remedy)))
    f = np.broadcast_to(f, common_shape({"values": values.shape[1:], "f": f.shape}))
    line = ~np.isnan(f)
    phase = 2 * np.pi * np.multiply.outer(t, np.where(line, f, lowest))  # (n, *batch)
    basis = np.stack([np.ones_like(phase), np.cos(phase), np.sin(phase)], axis=-1)  # (n, *batch, 3)
    weights = np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 4 / n
    gram = np.einsum("n,n...i,n...j->...ij", weights, basis, basis)
    projection = np.einsum("n,n...i,n...->...i", weights, basis, values)
    fit = np.linalg.solve(gram, projection[..., None])[..., 0]  # (*batch, 3)
    return np.where(line, np.hypot(fit[..., 1], fit[..., 2]), np.nan)[()]


def output_power(R, t, I, f, R_L=50.0):
    """Microwave power at a frequency from a series of resistances, `rf_power` of its `line_amplitude` and its mean.

    R : (n, *batch), ohm    time first, as `amr`, `smr` and `tmr` make it of a run's m
    t : (n,), s             evenly spaced
    I : A                   direct current, a number or (*batch)
    f : (*batch), Hz        or a number; NaN gives NaN
    R_L : ohm               load
    Returns : (*batch), W
    Raises : TypeError, ValueError, naming the parameter
    Source : as `rf_power`.
    """
    R, t, _ = _series("R", R, t)
    return rf_power(I, line_amplitude(R, t, f), R.mean(axis=0), R_L)


def _series(name, values, t):
    """values (n, *batch), t (n,) and its spacing, checked."""
    values, t = as_array(name, values), as_array("t", t)
    check_values(name, values, *SERIES)
    check_values("t", t, *TIME)
    if np.ndim(t) != 1 or len(t) < 4 * LOBE or np.shape(values)[:1] != t.shape:
        shapes = f"{np.shape(t)} with {name} {np.shape(values)}"
        remedy = f"Time is the first axis of {name}."
        raise ValueError(complaint("t", f"(n,), n >= {4 * LOBE}, with {name} (n, *batch)", shapes, remedy))
    spacing = (t[-1] - t[0]) / (len(t) - 1)
    even = ("even and above 1e-18 s", lambda x: (x > 1e-18) & (np.abs(x - spacing) < 1e-6 * spacing), "Resample it.")
    check_values("spacing of t", np.diff(t), *even)
    return values, t, spacing


def _cosine(m, name, axis):
    """m . axis of unit vectors (..., 3), after checking them: (...)."""
    vectors = {each: as_array(each, value, vector=True) for each, value in (("m", m), (name, axis))}
    for each, value in vectors.items():
        check_unit_vectors(each, value)
    common_shape({each: value.shape for each, value in vectors.items()})
    return np.einsum("...i,...i->...", *vectors.values())
