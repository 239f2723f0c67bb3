"""THE right-hand side: the Landau-Lifshitz-Gilbert-Slonczewski (LLGS) equation of a macrospin. Sign conventions are
stated once, here.

Gilbert form (the definition; gamma > 0, m a unit vector, every field and torque amplitude a flux density in tesla):

    dm/dt = - gamma m x B_eff + alpha m x dm/dt + gamma a_DL m x (p x m) - gamma a_FL m x p

a_DL > 0 drives m TOWARDS +p; a_FL p adds to B_eff. Auto-oscillation needs a_DL p . m_eq < 0. The explicit form that
is integrated:

    dm/dt = gamma/(1 + alpha^2) T,   T = - m x (D + m x C),
    D = B_eff + (a_FL - alpha a_DL) p,   C = alpha B_eff + (a_DL + alpha a_FL) p

`torque` returns T in tesla; the solver's step is then h = gamma dt/(1 + alpha^2) in 1/T, so that no 1e11 enters
float32. Two options, each off where its parameter is None: a_DL may depend on the angle between m and p
(`damping_like`), and alpha on the rate of m (`nonlinear_damping`) without white noise, under which m has no rate; the
step h keeps the linear alpha.
Source: Slavin and Tiberkevich, IEEE Trans. Magn. 45, 1875 (2009); the explicit form follows by solving for dm/dt.
"""

from shno.constants import e, hbar, mu_0
from shno.fields import effective_field, effective_field_vjp
from shno.vector import accumulate, add, add_cross, cross, dot, number, reciprocal_sqrt, scale


def linear_torque(m, B, alpha, a_DL, a_FL, p):
    """LLGS torque of a constant damping, T = -m x (D + m x C), with D and C as in the module's docstring.

    m : (x, y, z)        unit magnetisation
    B : (x, y, z), T     effective field
    alpha : 1            Gilbert damping
    a_DL, a_FL : T       damping-like and field-like amplitude; a_FL may be None (off)
    p : (x, y, z)        spin polarisation, unit vector
    Returns : (x, y, z), T; dm/dt = gamma/(1 + alpha^2) T
    """
    in_D, in_C = -alpha * a_DL, a_DL
    if a_FL is not None:
        in_D, in_C = a_FL + in_D, in_C + alpha * a_FL
    D = add(B, scale(in_D, p))
    C = add(scale(alpha, B), scale(in_C, p))
    return cross(add_cross(D, m, C), m)


def linear_torque_vjp(m, w, B, alpha, a_DL, a_FL, p):
    """Cotangents (m, B, (alpha, a_DL, a_FL, p)) for the cotangent w of `linear_torque`."""
    in_D, in_C = -alpha * a_DL, a_DL
    if a_FL is not None:
        in_D, in_C = a_FL + in_D, in_C + alpha * a_FL
    C = add(scale(alpha, B), scale(in_C, p))
    E = add_cross(add(B, scale(in_D, p)), m, C)
    D_bar = cross(m, w)
    C_bar = cross(D_bar, m)
    m_bar = add(cross(w, E), cross(C, D_bar))
    B_bar = add(D_bar, scale(alpha, C_bar))
    in_D_bar, in_C_bar = dot(D_bar, p), dot(C_bar, p)
    p_bar = add(scale(in_D, D_bar), scale(in_C, C_bar))
    alpha_bar = dot(C_bar, B) - a_DL * in_D_bar
    a_DL_bar = in_C_bar - alpha * in_D_bar
    a_FL_bar = number(0.0, alpha) * alpha
    if a_FL is not None:
        alpha_bar = alpha_bar + a_FL * in_C_bar
        a_FL_bar = in_D_bar + alpha * in_C_bar
    return m_bar, B_bar, (alpha_bar, a_DL_bar, a_FL_bar, p_bar)


def slonczewski_factor(m, p, Lambda):
    """Angular dependence of a spin-transfer torque, 2 Lambda^2 / ((Lambda^2 + 1) + (Lambda^2 - 1) m . p).

    m, p : (x, y, z)     unit magnetisation, unit polarisation
    Lambda : 1           asymmetry, >= 1; 1 for none
    Returns : 1          from 1 (m along p) to Lambda^2 (against it)
    Source : Slonczewski, J. Magn. Magn. Mater. 247, 324 (2002).  Valid for a metallic spin valve of equal layers.
    """
    one, square, along = number(1.0, Lambda), Lambda * Lambda, dot(m, p)
    return number(2.0, Lambda) * square / (square * (one + along) + (one - along))


def slonczewski_factor_vjp(m, w, p, Lambda):
    """Cotangents (m, p, Lambda) for the cotangent w of `slonczewski_factor`, a number."""
    one, two, square, along = number(1.0, Lambda), number(2.0, Lambda), Lambda * Lambda, dot(m, p)
    scaled = w * two / (square * (one + along) + (one - along))
    scaled_again = scaled / (square * (one + along) + (one - along))
    along_bar = -square * (square - one) * scaled_again
    return scale(along_bar, p), scale(along_bar, m), two * Lambda * (one - along) * scaled_again


def damping_like(m, a_DL, p, Lambda):
    """Damping-like amplitude at m, a_DL times `slonczewski_factor`; a_DL itself where Lambda is None.

    m, p : (x, y, z)     unit magnetisation, unit polarisation
    a_DL : T             amplitude without asymmetry
    Lambda : 1           asymmetry, or None (off)
    Returns : T
    """
    return a_DL if Lambda is None else a_DL * slonczewski_factor(m, p, Lambda)


def damping_like_vjp(m, w, a_DL, p, Lambda):
    """Cotangents (m, a_DL, p, Lambda) for the cotangent w of `damping_like`, a number."""
    zero = number(0.0, a_DL) * a_DL
    m_bar, a_DL_bar, p_bar, Lambda_bar = (zero, zero, zero), w, (zero, zero, zero), zero
    if Lambda is not None:
        m_bar, p_bar, Lambda_bar = slonczewski_factor_vjp(m, a_DL * w, p, Lambda)
        a_DL_bar = w * slonczewski_factor(m, p, Lambda)
    return m_bar, a_DL_bar, p_bar, Lambda_bar


def nonlinear_damping(m, B, alpha, a_DL, a_FL, p, Q_nl, Ms):
    """Damping that grows with the rate of m, alpha(m) = alpha (1 + Q_nl xi), xi = |dm/dt|^2 / (gamma mu_0 Ms)^2.

    dm/dt is that of the Gilbert equation with alpha(m) itself: (1 + alpha(m)^2) |dm/dt|^2 = gamma^2 |G|^2 with G the
    torque without damping, so that xi (1 + alpha^2 (1 + Q_nl xi)^2) = |G|^2 / (mu_0 Ms)^2.

    m, p : (x, y, z)     unit magnetisation, unit polarisation
    B : (x, y, z), T     effective field
    alpha, Q_nl : 1      linear damping and its growth; Q_nl may be None (off)
    a_DL, a_FL : T       amplitudes at this m (`damping_like`); a_FL may be None (off)
    Ms : A/m
    Returns : 1
    Source : Tiberkevich and Slavin, Phys. Rev. B 75, 014440 (2007).  Valid for alpha(m) well below 1.
    """
    if Q_nl is None:
        return alpha
    g2 = _reduced_square(linear_torque(m, B, number(0.0, alpha), a_DL, a_FL, p), Ms)
    return alpha * (number(1.0, alpha) + Q_nl * _reduced_rate(g2, alpha, Q_nl))


def nonlinear_damping_vjp(m, w, B, alpha, a_DL, a_FL, p, Q_nl, Ms):
    """Cotangents (m, B, (alpha, a_DL, a_FL, p, Q_nl, Ms)) for the cotangent w of `nonlinear_damping`, a number.

    The equation of xi is differentiated, not the steps that solve it.
    """
    zero, one, two = number(0.0, alpha), number(1.0, alpha), number(2.0, alpha)
    none, a_FL_bar = scale(zero * Ms, p), zero * alpha
    if Q_nl is None:
        return none, none, (w, zero * a_DL, a_FL_bar, none, zero * Ms, zero * Ms)
    G = linear_torque(m, B, zero, a_DL, a_FL, p)
    g2 = _reduced_square(G, Ms)
    xi = _reduced_rate(g2, alpha, Q_nl)
    growth = one + Q_nl * xi
    xi_bar = w * alpha * Q_nl
    g2_bar = xi_bar / _slope(xi, alpha, Q_nl)
    alpha_bar = w * growth - g2_bar * two * alpha * xi * growth * growth
    Q_nl_bar = w * alpha * xi - g2_bar * two * alpha * alpha * xi * xi * growth
    M = number(mu_0, Ms) * Ms
    m_bar, B_bar, (_, a_DL_bar, a_FL_bar, p_bar) = linear_torque_vjp(
        m, scale(two * g2_bar / (M * M), G), B, zero * alpha, a_DL, a_FL, p
    )
    return m_bar, B_bar, (alpha_bar, a_DL_bar, a_FL_bar, p_bar, Q_nl_bar, -two * g2 / Ms * g2_bar)


def _reduced_square(G, Ms):
    """|G|^2 / (mu_0 Ms)^2."""
    M = number(mu_0, Ms) * Ms
    return dot(G, G) / (M * M)


def _reduced_rate(g2, alpha, Q_nl):
    """The root xi of xi (1 + alpha^2 (1 + Q_nl xi)^2) = g2, by a fixed number of Newton steps.

    They start at the root without the cubic term, which lies above xi, by at most a factor 1.56 for Q_nl xi <= 3
    whatever alpha. From above, each step at least squares the relative error, as xi f'' / (2 f') < 1 for this cubic f:
    six steps leave less than 0.56^64 = 1e-16. (At Q_nl xi = 10: 1e-12; at 100 and alpha = 1: 2 %.)
    """
    two, square = number(2.0, alpha), alpha * alpha
    linear = number(1.0, alpha) + square
    discriminant = linear * linear + number(8.0, alpha) * square * Q_nl * g2
    xi = two * g2 / (linear + discriminant * reciprocal_sqrt(discriminant))
    for _ in range(6):
        along = Q_nl * xi
        curved = two * square * along * (number(1.0, alpha) + along) * xi  # xi times the slope, minus the function
        xi = (g2 + curved) / _slope(xi, alpha, Q_nl)
    return xi


def _slope(xi, alpha, Q_nl):
    """The derivative of xi (1 + alpha^2 (1 + Q_nl xi)^2) with respect to xi."""
    one, along = number(1.0, alpha), Q_nl * xi
    return one + alpha * alpha * (one + along) * (one + along + along + along)


def torque(m, B, alpha, a_DL, a_FL, p, Lambda, Q_nl, Ms, B_thermal=None):
    """LLGS torque T with its options: dm/dt = gamma/(1 + alpha^2) T, alpha the linear damping.

    Where the damping is nonlinear, T = (1 + alpha^2)/(1 + alpha(m)^2) `linear_torque` at alpha(m).

    m : (x, y, z)        unit magnetisation
    B : (x, y, z), T     effective field
    alpha : 1            linear Gilbert damping
    a_DL, a_FL : T       damping-like and field-like amplitude; a_FL may be None (off)
    p : (x, y, z)        spin polarisation, unit vector
    Lambda : 1           asymmetry of a_DL (`slonczewski_factor`); may be None (off)
    Q_nl, Ms : 1, A/m    `nonlinear_damping`; Q_nl may be None (off)
    B_thermal : (x, y, z), T   the part of B that is white noise and has no say in alpha(m); may be None
    Returns : (x, y, z), T
    """
    return _damped_torque(m, B, alpha, damping_like(m, a_DL, p, Lambda), a_FL, p, Q_nl, Ms, B_thermal)


def torque_vjp(m, w, B, alpha, a_DL, a_FL, p, Lambda, Q_nl, Ms, B_thermal=None):
    """Cotangents (m, B, (alpha, a_DL, a_FL, p, Lambda, Q_nl, Ms, B_thermal)) for the cotangent w of `torque`; zero
    where off.
    """
    amplitude = damping_like(m, a_DL, p, Lambda)
    m_bar, B_bar, bars = _damped_torque_vjp(m, w, B, alpha, amplitude, a_FL, p, Q_nl, Ms, B_thermal)
    alpha_bar, amplitude_bar, a_FL_bar, p_bar, Q_nl_bar, Ms_bar, thermal_bar = bars
    m_factor, a_DL_bar, p_factor, Lambda_bar = damping_like_vjp(m, amplitude_bar, a_DL, p, Lambda)
    bars = (alpha_bar, a_DL_bar, a_FL_bar, add(p_bar, p_factor), Lambda_bar, Q_nl_bar, Ms_bar, thermal_bar)
    return add(m_bar, m_factor), B_bar, bars


def _without(B, B_thermal):
    return B if B_thermal is None else add(B, scale(number(-1.0, B[0]), B_thermal))


def _damped_torque(m, B, alpha, a_DL, a_FL, p, Q_nl, Ms, B_thermal):
    if Q_nl is None:
        return linear_torque(m, B, alpha, a_DL, a_FL, p)
    damping = nonlinear_damping(m, _without(B, B_thermal), alpha, a_DL, a_FL, p, Q_nl, Ms)
    one = number(1.0, alpha)
    ratio = (one + alpha * alpha) / (one + damping * damping)
    return scale(ratio, linear_torque(m, B, damping, a_DL, a_FL, p))


def _damped_torque_vjp(m, w, B, alpha, a_DL, a_FL, p, Q_nl, Ms, B_thermal):
    """Cotangents (m, B, (alpha, a_DL, a_FL, p, Q_nl, Ms, B_thermal))."""
    one, two, zero = number(1.0, alpha), number(2.0, alpha), number(0.0, Ms) * Ms
    thermal_bar = scale(zero, p)
    if Q_nl is None:
        m_bar, B_bar, bars = linear_torque_vjp(m, w, B, alpha, a_DL, a_FL, p)
        return m_bar, B_bar, (*bars, zero, zero, thermal_bar)
    still = _without(B, B_thermal)
    damping = nonlinear_damping(m, still, alpha, a_DL, a_FL, p, Q_nl, Ms)
    below = one + damping * damping
    ratio = (one + alpha * alpha) / below
    m_bar, B_bar, bars = linear_torque_vjp(m, scale(ratio, w), B, damping, a_DL, a_FL, p)
    ratio_bar = dot(w, linear_torque(m, B, damping, a_DL, a_FL, p))
    damping_bar = bars[0] - two * damping * ratio / below * ratio_bar
    direct = (m_bar, B_bar, (two * alpha / below * ratio_bar, bars[1], bars[2], bars[3], zero, zero))
    through = nonlinear_damping_vjp(m, damping_bar, still, alpha, a_DL, a_FL, p, Q_nl, Ms)
    m_bar, B_bar, bars = accumulate(direct, through)
    if B_thermal is not None:
        thermal_bar = scale(-one, through[1])
    return m_bar, B_bar, (*bars, thermal_bar)


def right_hand_side(m, torque_parameters, field_parameters):
    """T(m), tesla, for the parameters of `torque` (after B) and of `effective_field` (after m), in their order."""
    B, B_thermal = effective_field(m, *field_parameters), field_parameters[-1]
    return torque(m, B, *torque_parameters, B_thermal)


def right_hand_side_vjp(m, w, torque_parameters, field_parameters):
    """Cotangents (m, (torque_parameters, field_parameters)) for the cotangent w of `right_hand_side`."""
    B, B_thermal = effective_field(m, *field_parameters), field_parameters[-1]
    m_bar, B_bar, torque_bar = torque_vjp(m, w, B, *torque_parameters, B_thermal)
    m_field, field_bar = effective_field_vjp(m, B_bar, *field_parameters)
    field_bar = (*field_bar[:-1], add(field_bar[-1], torque_bar[-1]))
    return accumulate(m_bar, m_field), (torque_bar[:-1], field_bar)


def damping_like_amplitude(J, theta_SH, Ms, thickness):
    """Damping-like spin-orbit torque, a_DL = hbar theta_SH J / (2 e Ms t_F).

    J : A/m^2           charge current density in the heavy metal, signed
    theta_SH : 1        damping-like efficiency, signed
    Ms, thickness : A/m, m   of the magnetic layer
    Returns : T
    Source : Liu et al., Phys. Rev. Lett. 106, 036601 (2011), from the spin-transfer torque of Slonczewski (1996).
    """
    return hbar * theta_SH * J / (2 * e * Ms * thickness)
