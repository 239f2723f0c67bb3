"""How Brown's field follows the state: the temperature that Joule heating gives, and the damping that grows with m."""

from shno.fields import effective_field
from shno.heating import field_parameters_at, magnetisation_ratio, torque_parameters_at
from shno.llgs import damping_like, nonlinear_damping
from shno.vector import number


def relative_deviation(y, torque_parameters, field_parameters, heat_parameters):
    """Deviation of the thermal field at the state y over that at 1 K (with heating) or at linear damping.

    sigma ~ (alpha(m) T / Ms(T))^(1/2), so that it is (alpha(m)/alpha T Ms(T0)/Ms(T))^(1/2); without heating T and Ms
    drop out. It is taken at the start of a step and held. xi of the damping is that without the thermal field.

    y : (m_x, m_y, m_z[, T])
    torque_parameters, field_parameters, heat_parameters   of the right-hand side; heat_parameters may be None
    Returns : K^(1/2) with heating, else 1
    """
    square = number(1.0, y[0])
    if heat_parameters is not None:
        T0, curie_temperature, Ku_exponent = heat_parameters[5], heat_parameters[6], heat_parameters[7]
        s = magnetisation_ratio(y[3], T0, curie_temperature)
        square = y[3] / s
        if curie_temperature is not None:
            torque_parameters = torque_parameters_at(s, *torque_parameters)
            field_parameters = field_parameters_at(s, s**Ku_exponent, *field_parameters)
    alpha, a_DL, a_FL, p, Lambda, Q_nl, Ms = torque_parameters
    if Q_nl is not None:
        m = (y[0], y[1], y[2])
        B = effective_field(m, *field_parameters[:-1], None)  # without the thermal field
        square = square * nonlinear_damping(m, B, alpha, damping_like(m, a_DL, p, Lambda), a_FL, p, Q_nl, Ms) / alpha
    return square ** number(0.5, square)
