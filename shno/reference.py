"""The witness: the macrospin LLGS equation derived a second way, in its implicit Gilbert form, and solved by scipy.

    (1 - alpha [m]x) dm/dt = gamma ( - m x B + a_DL m x (p x m) - a_FL m x p ),    B = - d(e/Ms)/dm

[m]x is the matrix of m x. The 3x3 system is solved at every evaluation, the field is the complex-step derivative
of the energy density e, and |m| = 1 is never restored but watched. No physics is shared with `fields` and `llgs`, so
that agreement proves something.
Source: Gilbert, IEEE Trans. Magn. 40, 3443 (2004); complex step: Squire and Trapp, SIAM Rev. 40, 110 (1998).
"""

import numpy as np
from scipy.integrate import solve_ivp

from shno.checks import IntegrationError, as_array, check_finite, check_unit_vectors, check_values, complaint
from shno.constants import e, hbar, mu_0

COMPLEX_STEP = 1e-30  # no subtraction, so no cancellation: its square only has to vanish beside 1
NORM_TOLERANCE = 1e-6  # on | |m| - 1 |: the drift of a solve at rtol = 1e-10 stays far below
RTOL_MIN = 1e-13  # scipy goes no lower than 100 machine epsilons


def solve(oscillator, drive, m0, t, *, rtol=1e-10, atol=1e-12):
    """m(t) of every oscillator of the batch, by an explicit Runge-Kutta pair of order 8 (DOP853) with dense output.

    oscillator, drive       batch = broadcast of every array in them and of m0
    m0 : (*batch, 3)        unit magnetisation at t[0]
    t : (n,), s             increasing
    rtol, atol : 1          local error asked for
    Returns : m (n, *batch, 3), float64
    Raises : ValueError, TypeError for wrong input; IntegrationError when the solve fails or | |m| - 1 | > 1e-6
    Source : Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I (1993), section II.
    """
    m0, t = as_array("m0", m0, vector=True), _check_times(t)
    check_finite("m0", m0)
    check_unit_vectors("m0", m0)
    check_values("rtol", rtol, f"at least {RTOL_MIN}", lambda x: x >= RTOL_MIN, "Rounding hides what is smaller.")
    check_values("atol", atol, "> 0", lambda x: x > 0, "The absolute error in m allowed in a step.")
    a_DL = damping_like_torque(oscillator, drive)
    batch = np.broadcast_shapes(oscillator.shape, np.shape(a_DL), drive.B_ext.shape[:-1], m0.shape[:-1])

    numbers = oscillator.alpha, oscillator.gamma, a_DL, oscillator.field_like * a_DL, oscillator.Ms, oscillator.Ku
    vectors = m0, oscillator.p, drive.B_ext, oscillator.demag, oscillator.easy_axis
    numbers = [np.broadcast_to(value, batch) for value in numbers]
    vectors = [np.broadcast_to(value, (*batch, 3)) for value in vectors]
    m = np.empty((len(t), *batch, 3))
    for index in np.ndindex(batch):
        alpha, gamma, a_DL, a_FL, Ms, Ku = (value[index] for value in numbers)
        start, p, B_ext, demag, easy_axis = (value[index] for value in vectors)
        parameters = alpha, gamma, a_DL, a_FL, p, (B_ext, Ms, demag, Ku, easy_axis)
        m[:, *index] = _solve_one(parameters, start, t, rtol, atol)
    return m


def _solve_one(parameters, m0, t, rtol, atol):
    """m (n, 3) of one oscillator."""

    def slope(time, m):
        """dm/dt; scipy would shrink its step for ever on a NaN."""
        value = rate(m, *parameters)
        if not np.isfinite(value).all():
            raise _failure(t, np.searchsorted(t, time), "dm/dt is not finite")
        return value

    solution = solve_ivp(slope, (t[0], t[-1]), m0, method="DOP853", t_eval=t, rtol=rtol, atol=atol)
    if not solution.success:
        raise _failure(t, len(solution.t), solution.message)
    m = solution.y.T
    off = np.abs(np.linalg.norm(m, axis=-1) - 1)
    if off.max() > NORM_TOLERANCE:
        step = np.argmax(off > NORM_TOLERANCE)
        raise _failure(t, step, f"| |m| - 1 | = {off[step]:.2g} > {NORM_TOLERANCE}")
    return m


def _failure(t, step, why):
    """The error of a solve that failed at an output step."""
    step = min(step, len(t) - 1)
    where = f"step {step} of {len(t)}, t = {t[step]:.6g} s"
    return IntegrationError(f"the solve failed at {where}: {why}. Use a smaller rtol and atol, or milder parameters.")


def rate(m, alpha, gamma, a_DL, a_FL, p, terms):
    """dm/dt from the implicit Gilbert form, (1 - alpha [m]x) dm/dt = gamma (-m x B + a_DL m x (p x m) - a_FL m x p).

    m, p : (3,)             unit vectors
    alpha, gamma : 1, rad/(s T)
    a_DL, a_FL : T
    terms                   the arguments of `energy` after m
    Returns : (3,), 1/s
    """
    mx = cross_matrix(m)
    torque = -mx @ field(m, *terms) + a_DL * mx @ cross_matrix(p) @ m - a_FL * mx @ p
    return np.linalg.solve(np.eye(3) - alpha * mx, gamma * torque)


def cross_matrix(a):
    """[a]x, the matrix (3, 3) for which [a]x b = a x b."""
    return np.array([[0.0, -a[2], a[1]], [a[2], 0.0, -a[0]], [-a[1], a[0], 0.0]])


def energy(m, B_ext, Ms, demag, Ku, easy_axis):
    """Energy density per Ms, e/Ms = -m . B_ext + (mu_0 Ms/2) m . N . m - (Ku/Ms) (m . u)^2.

    m : (..., 3)            unit magnetisation; may be complex
    B_ext, demag, easy_axis : (3,)   T, 1 (N, trace 1), unit vector u
    Ms, Ku : A/m, J/m^3
    Returns : (...), T; times Ms and the volume, J
    Source : Coey, Magnetism and Magnetic Materials (2010).
    """
    return -m @ B_ext + mu_0 * Ms / 2 * m**2 @ demag - Ku / Ms * (m @ easy_axis) ** 2


def field(m, *terms):
    """Effective field, B = -d(e/Ms)/dm, (3,) in T, by one complex step along each axis; exact to rounding."""
    return -energy(m + 1j * COMPLEX_STEP * np.eye(3), *terms).imag / COMPLEX_STEP


def damping_like_torque(oscillator, drive):
    """a_DL = hbar theta_SH J / (2 e Ms t_F), with J = shunt I / (width t_HM) for a drive with I; or as it was given.

    The spin current hbar theta_SH J / (2 e) per area is taken up by the moment per area Ms t_F. No current, no torque.
    Returns : T
    Raises : ValueError naming a thickness or width that is not known
    """
    name, value = drive.current
    if name == "a_DL" or not np.any(value):
        return value
    _check_given(oscillator, "thickness")
    J = value
    if name == "I":
        _check_given(oscillator, "width", "t_HM")
        J = oscillator.shunt * value / (oscillator.width * oscillator.t_HM)
    spin_current = hbar / (2 * e) * oscillator.theta_SH * J  # J/m^2
    return spin_current / (oscillator.Ms * oscillator.thickness)


def _check_given(oscillator, *names):
    """ValueError for a field of the oscillator that is None."""
    for name in names:
        if getattr(oscillator, name) is None:
            remedy = f"Set it in Oscillator({name}=...), or drive with a_DL."
            raise ValueError(complaint(name, "given where a current becomes a torque", None, remedy))


def _check_times(t):
    """t as an array; ValueError unless it is (n,), finite and increasing."""
    t = as_array("t", t)
    if np.ndim(t) != 1 or np.size(t) < 2:
        raise ValueError(complaint("t", "two times or more", f"shape {np.shape(t)}", "t[0] is the start."))
    check_finite("t", t)
    check_values("steps of t", np.diff(t), "> 0", lambda x: x > 0, "Sort the times; t[0] is the start.")
    return t
