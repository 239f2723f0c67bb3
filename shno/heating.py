"""Joule heating of an oscillator: the balance of its temperature, and the LLGS equation at that temperature.

The state is (m_x, m_y, m_z, T): the temperature T in K obeys C_th dT/dt = I^2 R(T) - (T - T0)/R_th, starts at the
ambient T0, and takes the saturation magnetisation with it (Bloch's law), the anisotropies and what carries 1/Ms.
"""

from shno.llgs import right_hand_side
from shno.vector import each, number

HEAT = ("I", "R", "beta_R", "R_th", "C_th", "T0", "curie_temperature", "Ku_exponent", "rate")  # heat parameters' order


def joule_heating(T, I, R, beta_R, R_th, C_th, T0):
    """Rate of the temperature, dT/dt = (I^2 R (1 + beta_R (T - T0)) - (T - T0)/R_th) / C_th.

    T, T0 : K            temperature, ambient temperature
    I : A                current through the constriction
    R, beta_R : ohm, 1/K   resistance at T0, and its temperature coefficient
    R_th, C_th : K/W, J/K   thermal resistance and heat capacity; at beta_R = 0 the time constant is R_th C_th
    Returns : K/s
    Source : energy balance of one body.  Valid while beta_R I^2 R R_th < 1 (else it runs away).
    """
    rise = T - T0
    return (I * I * R * (number(1.0, T) + beta_R * rise) - rise / R_th) / C_th


def magnetisation_ratio(T, T0, curie_temperature):
    """Saturation magnetisation over that at T0, Ms(T)/Ms(T0) = (1 - (T/Tc)^(3/2)) / (1 - (T0/Tc)^(3/2)).

    T, T0 : K               temperature, ambient temperature; below the Curie temperature
    curie_temperature : K   Tc, or None for a ratio of 1
    Returns : 1
    Source : Bloch, Z. Phys. 61, 206 (1930), scaled to vanish at Tc.  Valid well below Tc.
    """
    one, exponent = number(1.0, T), number(1.5, T)
    if curie_temperature is None:
        return one
    return (one - (T / curie_temperature) ** exponent) / (one - (T0 / curie_temperature) ** exponent)


def heated_right_hand_side(y, torque_parameters, field_parameters, heat_parameters):
    """Right-hand side of the heated oscillator in the solver's variable s = gamma t/(1 + alpha^2): (T_x, T_y, T_z,
    dT/ds), the torque of `llgs.right_hand_side` with the parameters that Ms(T) gives, and dT/ds = (dT/dt)/rate.

    y : (m_x, m_y, m_z, T)   unit magnetisation, and temperature in K
    torque_parameters        those of `llgs.torque` after B, at the ambient temperature
    field_parameters         those of `fields.effective_field` after m, at the ambient temperature
    heat_parameters          in the order of HEAT: those of `joule_heating` and `magnetisation_ratio`
                             (curie_temperature may be None), the n in K ~ Ms^n, and gamma/(1 + alpha^2) in rad/(s T)
    Returns : (T, T, T, K T)
    """
    I, R, beta_R, R_th, C_th, T0, curie_temperature, Ku_exponent, rate = heat_parameters
    m, T = (y[0], y[1], y[2]), y[3]
    slope = joule_heating(T, I, R, beta_R, R_th, C_th, T0) / rate
    if curie_temperature is not None:
        s = magnetisation_ratio(T, T0, curie_temperature)
        torque_parameters = torque_parameters_at(s, *torque_parameters)
        field_parameters = field_parameters_at(s, s**Ku_exponent, *field_parameters)
    return (*right_hand_side(m, torque_parameters, field_parameters), slope)


def torque_parameters_at(s, alpha, a_DL, a_FL, p, Lambda, Q_nl, Ms):
    """The parameters of `torque` where Ms is s times that at T0: the amplitudes carry 1/Ms."""
    inverse = number(1.0, s) / s
    return alpha, inverse * a_DL, _times(inverse, a_FL), p, Lambda, Q_nl, s * Ms


def field_parameters_at(
    s, k, B_ext, Ms, demag, demag_off_diagonal, Ku, Ku2, easy_axis, V_gate, vcma, further, Kc, *rest
):
    """The parameters of `effective_field` where Ms is s times that at T0, and every anisotropy k times."""
    shape = (B_ext, s * Ms, demag, demag_off_diagonal)
    anisotropies = (_times(k, Ku), _times(k, Ku2), easy_axis, V_gate, _times(k, vcma), _further_at(k, further))
    return shape + anisotropies + (_times(k, Kc), *rest)


def _further_at(k, further):
    return further if further is None else each(_axis_at, further, k)


def _axis_at(term, k):
    return k * term[0], k * term[1], term[2]


def _times(k, x):
    """k x; None where x is (a term that is off)."""
    return x if x is None else k * x  # `None if` would make an optional of every number in a compiled kernel
