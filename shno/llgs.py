"""THE right-hand side: the Landau-Lifshitz-Gilbert-Slonczewski (LLGS) equation of a macrospin. Sign conventions are
stated once, here.

Gilbert form (the definition; gamma > 0, m a unit vector, every field and torque amplitude a flux density in tesla):

    dm/dt = - gamma m x B_eff + alpha m x dm/dt + gamma a_DL m x (p x m) - gamma a_FL m x p

a_DL > 0 drives m TOWARDS +p; a_FL p adds to B_eff. Auto-oscillation needs a_DL p . m_eq < 0. The explicit form that
is integrated:

    dm/dt = gamma/(1 + alpha^2) T,   T = - m x (D + m x C),
    D = B_eff + (a_FL - alpha a_DL) p,   C = alpha B_eff + (a_DL + alpha a_FL) p

`torque` returns T in tesla; the solver's step is then h = gamma dt/(1 + alpha^2) in 1/T, so that no 1e11 enters
float32. Source: Slavin and Tiberkevich, IEEE Trans. Magn. 45, 1875 (2009); the explicit form follows by solving for
dm/dt.
"""

from shno.constants import e, hbar
from shno.fields import effective_field, effective_field_vjp
from shno.vector import accumulate, add, cross, dot, number, scale


def torque(m, B, alpha, a_DL, a_FL, p):
    """LLGS torque, T = -m x (D + m x C), with D and C as in the module's docstring.

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
    return cross(add(D, cross(m, C)), m)


def torque_vjp(m, w, B, alpha, a_DL, a_FL, p):
    """Cotangents (m, B, (alpha, a_DL, a_FL, p)) for the cotangent w of `torque`."""
    in_D, in_C = -alpha * a_DL, a_DL
    if a_FL is not None:
        in_D, in_C = a_FL + in_D, in_C + alpha * a_FL
    C = add(scale(alpha, B), scale(in_C, p))
    E = add(add(B, scale(in_D, p)), cross(m, C))
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


def right_hand_side(m, torque_parameters, field_parameters):
    """T(m), tesla, for the parameters of `torque` (after B) and of `effective_field` (after m), in their order."""
    return torque(m, effective_field(m, *field_parameters), *torque_parameters)


def right_hand_side_vjp(m, w, torque_parameters, field_parameters):
    """Cotangents (m, (torque_parameters, field_parameters)) for the cotangent w of `right_hand_side`."""
    B = effective_field(m, *field_parameters)
    m_bar, B_bar, torque_bar = torque_vjp(m, w, B, *torque_parameters)
    m_field, field_bar = effective_field_vjp(m, B_bar, *field_parameters)
    return accumulate(m_bar, m_field), (torque_bar, field_bar)


def damping_like_amplitude(J, theta_SH, Ms, thickness):
    """Damping-like spin-orbit torque, a_DL = hbar theta_SH J / (2 e Ms t_F).

    J : A/m^2           charge current density in the heavy metal, signed
    theta_SH : 1        damping-like efficiency, signed
    Ms, thickness : A/m, m   of the magnetic layer
    Returns : T
    Source : Liu et al., Phys. Rev. Lett. 106, 036601 (2011), from the spin-transfer torque of Slonczewski (1996).
    """
    return hbar * theta_SH * J / (2 * e * Ms * thickness)
