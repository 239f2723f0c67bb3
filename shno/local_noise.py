"""How Brown's field follows the state: the temperature that Joule heating gives, and the damping that grows with m.

Its deviation is taken at the start of a step and held. Where the damping depends on m, a drift joins it: without that
drift noise whose strength D depends on m gathers m where D is small, and equilibrium is not Boltzmann's.
"""

from shno.fields import effective_field, effective_field_vjp
from shno.heating import field_parameters_at, magnetisation_ratio, torque_parameters_at
from shno.llgs import damping_like, damping_like_vjp, nonlinear_damping, nonlinear_damping_vjp
from shno.vector import add, cross, number, scale


def thermal_field_at(y, B_thermal, energy, torque_parameters, field_parameters, heat_parameters):
    """Brown's field for the step that starts at the state y, sigma(y)/sigma_0 B_thermal + drift.

    sigma ~ (alpha(m) T / Ms(T))^(1/2), so that sigma/sigma_0 is (alpha(m)/alpha T Ms(T0)/Ms(T))^(1/2).

    y : (m_x, m_y, m_z[, T])
    B_thermal : (x, y, z), T    drawn with the deviation sigma_0 at linear damping; with heating, at 1 K and Ms(T0)
    energy : T                  k_B T / (Ms V), likewise
    torque_parameters, field_parameters, heat_parameters   of the right-hand side; heat_parameters may be None
    Returns : (x, y, z), T
    Source : Brown, Phys. Rev. 130, 1677 (1963); the drift as in Hutter and Oettinger, J. Chem. Soc. Faraday Trans. 94,
    1403 (1998).
    """
    square = number(1.0, y[0])
    if heat_parameters is not None:
        T0, curie_temperature, Ku_exponent = heat_parameters[5], heat_parameters[6], heat_parameters[7]
        s = magnetisation_ratio(y[3], T0, curie_temperature)
        square = y[3] / s
        if curie_temperature is not None:
            torque_parameters = torque_parameters_at(s, *torque_parameters)
            field_parameters = field_parameters_at(s, s**Ku_exponent, *field_parameters)
    if torque_parameters[5] is None:
        return scale(square ** number(0.5, square), B_thermal)
    m = (y[0], y[1], y[2])
    damping, gradient = damping_and_gradient(m, torque_parameters, field_parameters)
    drift = drift_field(m, energy * square, damping, gradient)
    tiny = number(1e-30, damping)  # without damping there is no noise to scale
    square = square * (damping + tiny) / (torque_parameters[0] + tiny)
    return add(scale(square ** number(0.5, square), B_thermal), drift)


def damping_and_gradient(m, torque_parameters, field_parameters):
    """alpha(m) without the thermal field, and its gradient with respect to m, 1."""
    alpha, a_DL, a_FL, p, Lambda, Q_nl, Ms = torque_parameters
    B, amplitude = effective_field(m, *field_parameters[:-1], None), damping_like(m, a_DL, p, Lambda)
    given = (B, alpha, amplitude, a_FL, p, Q_nl, Ms)
    direct, B_bar, bars = nonlinear_damping_vjp(m, number(1.0, alpha), *given)
    through_B = effective_field_vjp(m, B_bar, *field_parameters[:-1], None)[0]
    through_a_DL = damping_like_vjp(m, bars[1], a_DL, p, Lambda)[0]
    return nonlinear_damping(m, *given), add(add(direct, through_B), through_a_DL)


def drift_field(m, energy, alpha, gradient):
    """Field that moves m by the gradient of D(m) = gamma energy alpha(m) / (1 + alpha(m)^2), dm/dt = grad D:

    B = energy (1 - alpha^2) / (1 + alpha^2)^2 (alpha grad alpha + m x grad alpha)

    With it the flow of probability is -D (P grad U / (k_B T) + grad P), none for Boltzmann's P.

    m, gradient : (x, y, z)   unit magnetisation, gradient of alpha(m), of which the part across m counts
    energy : T                k_B T / (Ms V)
    alpha : 1                 alpha(m)
    Returns : (x, y, z), T
    """
    one, square = number(1.0, alpha), alpha * alpha
    size = energy * (one - square) / ((one + square) * (one + square))
    turned = cross(m, gradient)
    return scale(size, add(scale(alpha, cross(turned, m)), turned))
