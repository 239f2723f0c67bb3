"""The witness: the macrospin LLGS equation derived a second way, in its implicit Gilbert form, and solved by scipy.

The physics is in `reference_physics`; here an adaptive Runge-Kutta pair solves it, one oscillator of the batch after
another, from one jump or kink of the drive to the next. |m| = 1 is never restored but watched. A noise field is a given
function of time, constant in cells: white noise has no adaptive solution, its held averages have one (Wong and Zakai,
Ann. Math. Stat. 36, 1560 (1965)).
"""

from itertools import pairwise

import numpy as np
from scipy.integrate import solve_ivp

from shno.checks import IntegrationError, as_array, check_finite, check_unit_vectors, check_values, complaint
from shno.drive import Drive
from shno.oscillator import Oscillator
from shno.reference_physics import conditions, field, heating_rate, member, of_batch, rate

NORM_TOLERANCE = 1e-6  # on | |m| - 1 |: the drift of a solve at rtol = 1e-10 stays far below
RTOL_MIN = 1e-13  # scipy goes no lower than 100 machine epsilons
LARGEST_ANGLE = 1e7  # rad in a piece: some hours of computing
SAME_TIME = 8  # spacings of float64: times that differ by rounding only
COVERED = 1 - 1e-9  # of the duration, by the noise: it may end before it by rounding


def solve(oscillator, drive, m0, t, *, rtol=1e-10, atol=1e-12, temperature=0.0, B_noise=None, T_start=None):
    """m(t) of every oscillator of the batch, by an explicit Runge-Kutta pair of order 8 (DOP853) with dense output.

    oscillator, drive       batch = broadcast of every array in them, of m0, the temperature and the noise
    m0 : (*batch, 3)        unit magnetisation at t[0]
    t : (n,), s             increasing
    rtol, atol : 1          local error asked for
    temperature : K         ambient temperature, at which a heated oscillator starts; it makes no noise here
    T_start : K             of a heated oscillator at t[0]; `temperature` by default
    B_noise                 None, or (values (n_cells, *batch, 3) in T, interval in s): cell k from t[0] + k interval
    Returns : m (n, *batch, 3), float64; where R_th is given (n, *batch, 4), the fourth its temperature in K
    Raises : ValueError, TypeError for wrong input; IntegrationError when the solve fails, | |m| - 1 | > 1e-6, m would
    turn by more than 1e7 rad from one breakpoint to the next, or an oscillator reaches its Curie temperature
    Source : Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I (1993), section II.
    """
    for name, value, kind in (("oscillator", oscillator, Oscillator), ("drive", drive, Drive)):
        if not isinstance(value, kind):
            raise TypeError(complaint(name, f"of type {kind.__name__}", type(value).__name__, "See its docstring."))
    m0, t = as_array("m0", m0, vector=True), _check_times(t)
    check_finite("m0", m0)
    check_unit_vectors("m0", m0)
    tolerances = {"rtol": _number("rtol", rtol), "atol": _number("atol", atol)}
    check_values("rtol", rtol, f"at least {RTOL_MIN}", lambda x: x >= RTOL_MIN, "Rounding hides what is smaller.")
    check_values("atol", atol, "> 0", lambda x: x > 0, "The absolute error in m allowed in a step.")
    _check_given(oscillator, drive)
    T0 = _check_temperature(oscillator, temperature)
    noise, interval = _check_noise(B_noise, t[-1] - t[0])
    T_start = T0 if T_start is None else _check_temperature(oscillator, T_start, "T_start")
    batch = _batch(oscillator, drive.values(t[0]), m0, T0 + 0 * T_start, noise)
    pieces = _pieces(t, drive.breakpoints(t[0], t[-1]), interval, noise.shape[-2])
    y = np.empty((len(t), *batch, 3 if oscillator.R_th is None else 4))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # what is not finite is an error of its own
        for index in np.ndindex(batch):
            one = member(oscillator, drive, batch, index, T0=T0, noise=noise)
            start = of_batch(m0, batch, index, 1), of_batch(T_start, batch, index)
            y[:, *index] = _solve_one(one, *start, t, pieces, tolerances)
    return y


def _solve_one(one, m0, T_start, t, pieces, tolerances):
    """y (n, 3), m of one oscillator; (n, 4) with its temperature where it is heated."""
    state = np.append(m0, T_start) if one.heated else m0
    y = np.empty((len(t), len(state)))
    y[0] = state
    for start, stop, cell in pieces:
        middle, B_noise = (start + stop) / 2, one.noise[cell]
        first, last = np.searchsorted(t, (start, stop), side="right")
        _check_angle(one, state, middle, B_noise, stop - start, t, first)
        times = t[first:last] if first < last and t[last - 1] == stop else np.append(t[first:last], stop)
        slope = _slope(one, middle, B_noise, t)
        solution = solve_ivp(slope, (start, stop), state, method="DOP853", t_eval=times, **tolerances)
        if not solution.success:
            raise _failure(t, first + len(solution.t), solution.message)
        y[first:last] = solution.y.T[: last - first]
        state = solution.y[:, -1]
    off = np.abs(np.linalg.norm(y[:, :3], axis=-1) - 1)
    if off.max() > NORM_TOLERANCE:
        step = np.argmax(off > NORM_TOLERANCE)
        raise _failure(t, step, f"| |m| - 1 | = {off[step]:.2g} > {NORM_TOLERANCE}")
    return y


def _slope(one, middle, B_noise, t):
    """dy/dt as a function of time and y, in the piece around a time; what does not change is worked out once."""
    held = one.applied(middle, middle) if one.constant else None
    settled = conditions(one, held, B_noise) if one.constant and not one.heated else None

    def slope(time, y):
        values = held or one.applied(time, middle)
        T = y[3] if one.heated else None
        if T is not None and one.curie_temperature is not None and not 0 <= T < one.curie_temperature:
            raise _failure(t, np.searchsorted(t, time), f"T = {T:.6g} K is not in [0, {one.curie_temperature:.6g}) K")
        terms, torques = settled or conditions(one, values, B_noise, T)
        try:
            value = rate(y[:3], terms, **torques)
        except np.linalg.LinAlgError:  # a damping of 1e16 leaves no trace of the 1 beside it
            raise _failure(t, np.searchsorted(t, time), "its 3x3 system is singular") from None
        if one.heated:
            value = np.append(value, heating_rate(one, values["I"], T))
        if not np.isfinite(value).all():  # scipy would shrink its step for ever on a NaN
            raise _failure(t, np.searchsorted(t, time), "dm/dt is not finite")
        return value

    return slope


def _check_angle(one, y, middle, B_noise, duration, t, step):
    """IntegrationError where a piece would take for ever: m turns, or T settles, too fast for its length."""
    terms, torques = conditions(one, one.applied(middle, middle), B_noise, y[3] if one.heated else None)
    B = np.linalg.norm(field(y[:3], terms) + B_noise) + abs(torques["a_DL"]) + abs(torques["a_FL"])
    angle = duration * (one.gamma * B + (1 / (one.R_th * one.C_th) if one.heated else 0.0))
    if not angle <= LARGEST_ANGLE:
        raise _failure(t, step, f"m would turn by {angle:.2g} rad, more than {LARGEST_ANGLE:g}")


def _failure(t, step, why):
    """The error of a solve that failed at an output step."""
    step = min(step, len(t) - 1)
    where = f"step {step} of {len(t)}, t = {t[step]:.6g} s"
    return IntegrationError(f"the solve failed at {where}: {why}. Use a smaller rtol and atol, or milder parameters.")


def _pieces(t, breakpoints, interval, n_cells):
    """[(start, stop, noise cell)] of the pieces in which drive and noise are smooth, in their order."""
    inner = np.sort(np.append(breakpoints, t[0] + interval * np.arange(1, n_cells)))
    near = SAME_TIME * np.spacing(np.abs(t).max())
    inner = inner[(inner > t[0] + near) & (inner < t[-1] - near)]
    edges = [t[0], *inner[np.diff(inner, prepend=-np.inf) > near], t[-1]]
    middles = [(start + stop) / 2 - t[0] for start, stop in pairwise(edges)]
    return [(*ends, min(int(x // interval), n_cells - 1)) for ends, x in zip(pairwise(edges), middles, strict=True)]


def _batch(oscillator, values, m0, T0, noise):
    """Broadcast shape of all that was given; ValueError where they do not broadcast."""
    shapes = {name: np.shape(value)[: -1 if name == "B_ext" else None] for name, value in values.items()}
    shapes |= {"oscillator": oscillator.shape, "m0": m0.shape[:-1], "temperature": np.shape(T0)}
    shapes["B_noise"] = noise.shape[:-2]
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        got = ", ".join(f"{name} {shape}" for name, shape in shapes.items() if shape)
        raise ValueError(complaint("all that is given", "of one batch shape", got, "Add axes of length 1.")) from None


def _check_given(oscillator, drive):
    """ValueError for a field of the oscillator that is None where the physics asks for it."""
    name, value = drive.current
    flows = not isinstance(value, float | np.ndarray) or np.any(value)  # a waveform flows
    torque, oersted = flows and np.any(oscillator.theta_SH), flows and np.any(oscillator.oersted)
    becomes = "given where a current becomes a torque", "Set it in Oscillator({}=...), or drive with a_DL."
    needed = {}
    if np.any(oscillator.J_iec):
        needed["thickness"] = "given with J_iec", "Set it in Oscillator({}=...)."
    if (torque and name != "a_DL") or (oersted and name == "a_DL"):
        needed |= dict.fromkeys(("thickness", "t_HM") if np.any(oscillator.lambda_sf) else ("thickness",), becomes)
    if (torque or oersted) and name == "I":
        needed |= dict.fromkeys(("width", "t_HM"), becomes)
    if oscillator.R_th is not None:
        needed |= dict.fromkeys(("R", "C_th"), ("given with R_th", "Set it in Oscillator({}=...)."))
        if name != "I":
            raise ValueError(complaint("drive", "a current I where R_th is given", name, "Joule heat is I^2 R."))
    for each, (rule, remedy) in needed.items():
        if getattr(oscillator, each) is None:
            raise ValueError(complaint(each, rule, None, remedy.format(each)))
    if oersted and name == "a_DL":
        efficiency = np.where(np.any(oscillator.oersted, axis=-1), oscillator.theta_SH, 1.0)
        rule = "nonzero where oersted is, for a drive with a_DL"
        check_values("theta_SH", efficiency, rule, lambda x: x != 0, "It tells the current that makes a_DL.")


def _check_temperature(oscillator, temperature, name="temperature"):
    """A temperature as a float or an array; ValueError unless it is below the Curie temperature."""
    T0 = as_array(name, temperature)
    check_finite(name, T0)
    check_values(name, T0, ">= 0", lambda x: x >= 0, "It is in kelvin.")
    if oscillator.R_th is not None and oscillator.curie_temperature is not None:
        left = np.subtract(oscillator.curie_temperature, T0)
        check_values(f"curie_temperature - {name}", left, "> 0", lambda x: x > 0, "There is no magnet above it.")
    return T0


def _check_noise(B_noise, duration):
    """Noise (*batch, n_cells, 3) and its interval, s; one cell of zeros for None."""
    if B_noise is None:
        return np.zeros((1, 3)), duration
    if not isinstance(B_noise, tuple | list) or len(B_noise) != 2:
        raise TypeError(complaint("B_noise", "None or (values, interval)", type(B_noise).__name__, "T and s."))
    values, interval = as_array("values of B_noise", B_noise[0], vector=True), _number("interval", B_noise[1])
    check_finite("values of B_noise", values)
    if values.ndim < 2:
        raise ValueError(complaint("values of B_noise", "(n_cells, ..., 3)", f"shape {values.shape}", "Cells first."))
    check_values("interval", interval, "> 0", lambda x: x > 0, "The time of a cell, s.")
    remedy = f"There are {len(values)} cells of {interval:.6g} s for t[-1] - t[0]."
    covered, rule = len(values) * interval, f"at least the duration {duration:.6g} s"
    check_values("time with B_noise", covered, rule, lambda x: x >= COVERED * duration, remedy)
    return np.moveaxis(values, 0, -2), interval


def _number(name, value):
    """One finite number as a float."""
    value = as_array(name, value)
    if np.ndim(value):
        raise TypeError(complaint(name, "one number", f"shape {np.shape(value)}", "It is the same for the batch."))
    check_finite(name, value)
    return value


def _check_times(t):
    """t as an array; ValueError unless it is (n,), finite and increasing."""
    t = as_array("t", t)
    if np.ndim(t) != 1 or np.size(t) < 2:
        raise ValueError(complaint("t", "two times or more", f"shape {np.shape(t)}", "t[0] is the start."))
    check_finite("t", t)
    check_values("steps of t", np.diff(t), "> 0", lambda x: x > 0, "Sort the times; t[0] is the start.")
    return t
