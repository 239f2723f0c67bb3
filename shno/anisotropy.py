"""Crystalline anisotropy fields: uniaxial of second and fourth order, cubic, and what a gate voltage adds.

Each is a pure function of m in tesla, B = -(1/Ms) de/dm; directly under it stands its vector-Jacobian product, which
takes the cotangent w of its value and returns the cotangents of m and of every parameter, in the order of the
arguments. The energies are in the cosine form: for e = K1 sin^2 + K2 sin^4 take Ku = K1 + 2 K2 and Ku2 = -K2.
"""

from shno.vector import add, cross, dot, each, number, scale, total


def uniaxial_field(m, Ku, Ms, axis):
    """Uniaxial anisotropy field, B = (2 Ku / Ms) (m . u) u; e = -Ku (m . u)^2.

    m : (x, y, z)       unit magnetisation
    Ku : J/m^3          positive: `axis` is easy
    Ms : A/m
    axis : (x, y, z)    unit vector u
    Returns : (x, y, z), T
    Raises : nothing; its inputs were checked at the door
    Source : Coey, Magnetism and Magnetic Materials (2010), section 5.5.2.  Valid for a macrospin.
    """
    Bk = number(2.0, Ms) * Ku / Ms
    return scale(Bk * dot(m, axis), axis)


def uniaxial_field_vjp(m, w, Ku, Ms, axis):
    """Cotangents (m, Ku, Ms, axis) for the cotangent w of `uniaxial_field`."""
    two_over_Ms = number(2.0, Ms) / Ms
    Bk = two_over_Ms * Ku
    along_m, along_w = dot(m, axis), dot(w, axis)
    Bk_bar = along_m * along_w
    axis_bar = scale(Bk, add(scale(along_m, w), scale(along_w, m)))
    return scale(Bk * along_w, axis), two_over_Ms * Bk_bar, -Bk / Ms * Bk_bar, axis_bar


def uniaxial_quartic_field(m, Ku2, Ms, axis):
    """Uniaxial anisotropy field of fourth order, B = (4 Ku2 / Ms) (m . u)^3 u; e = -Ku2 (m . u)^4.

    m : (x, y, z)       unit magnetisation
    Ku2 : J/m^3
    Ms : A/m
    axis : (x, y, z)    unit vector u
    Returns : (x, y, z), T
    Source : Coey, Magnetism and Magnetic Materials (2010), section 5.5.2.  Valid for a macrospin.
    """
    along = dot(m, axis)
    return scale(number(4.0, Ms) * Ku2 / Ms * along * along * along, axis)


def uniaxial_quartic_field_vjp(m, w, Ku2, Ms, axis):
    """Cotangents (m, Ku2, Ms, axis) for the cotangent w of `uniaxial_quartic_field`."""
    four_over_Ms = number(4.0, Ms) / Ms
    Bk = four_over_Ms * Ku2
    along_m, along_w = dot(m, axis), dot(w, axis)
    cube = along_m * along_m * along_m
    along_m_bar = number(3.0, Ms) * Bk * along_m * along_m * along_w
    axis_bar = add(scale(along_m_bar, m), scale(Bk * cube, w))
    Bk_bar = cube * along_w
    return scale(along_m_bar, axis), four_over_Ms * Bk_bar, -Bk / Ms * Bk_bar, axis_bar


def vcma_field(m, V_gate, vcma, Ms, axis):
    """Voltage-controlled anisotropy field, B = (2 vcma V_gate / Ms) (m . u) u; e = -vcma V_gate (m . u)^2.

    m : (x, y, z)         unit magnetisation
    V_gate : V            gate voltage
    vcma : J/(m^3 V)      dKu/dV; -xi/(t_ox t_F) for the coefficient xi in J/(V m) of an oxide of thickness t_ox
    Ms : A/m
    axis : (x, y, z)      unit vector u
    Returns : (x, y, z), T
    Source : Amiri and Wang, SPIN 2, 1240002 (2012).  Valid where the anisotropy is linear in the voltage.
    """
    return uniaxial_field(m, vcma * V_gate, Ms, axis)


def vcma_field_vjp(m, w, V_gate, vcma, Ms, axis):
    """Cotangents (m, V_gate, vcma, Ms, axis) for the cotangent w of `vcma_field`."""
    m_bar, Ku_bar, Ms_bar, axis_bar = uniaxial_field_vjp(m, w, vcma * V_gate, Ms, axis)
    return m_bar, vcma * Ku_bar, V_gate * Ku_bar, Ms_bar, axis_bar


def further_field(m, Ms, further):
    """Uniaxial anisotropies about further axes, the sum of their fields; e = -sum_k [Ku_k (m . u_k)^2 + Ku2_k
    (m . u_k)^4].

    m : (x, y, z)       unit magnetisation
    Ms : A/m
    further : tuple     one (Ku, Ku2, axis) an axis, as in `uniaxial_field` and `uniaxial_quartic_field`; or None
    Returns : (x, y, z), T
    """
    zero = number(0.0, Ms) * Ms
    return total(((zero, zero, zero), *each(_one_axis_field, further, m, Ms)))


def further_field_vjp(m, w, Ms, further):
    """Cotangents (m, Ms, further) for the cotangent w of `further_field`."""
    zero = number(0.0, Ms) * Ms
    bars = each(_one_axis_field_vjp, further, m, w, Ms)
    m_bar, Ms_bar = total((((zero, zero, zero), zero), *each(_first, bars)))
    return m_bar, Ms_bar, each(_second, bars)


def _one_axis_field(term, m, Ms):
    Ku, Ku2, axis = term
    return add(uniaxial_field(m, Ku, Ms, axis), uniaxial_quartic_field(m, Ku2, Ms, axis))


def _one_axis_field_vjp(term, m, w, Ms):
    """Cotangents ((m, Ms), term)."""
    Ku, Ku2, axis = term
    m_bar, Ku_bar, Ms_bar, axis_bar = uniaxial_field_vjp(m, w, Ku, Ms, axis)
    m_quartic, Ku2_bar, Ms_quartic, axis_quartic = uniaxial_quartic_field_vjp(m, w, Ku2, Ms, axis)
    term_bar = (Ku_bar, Ku2_bar, add(axis_bar, axis_quartic))
    return (add(m_bar, m_quartic), Ms_bar + Ms_quartic), term_bar


def _first(pair):
    return pair[0]


def _second(pair):
    return pair[1]


def cubic_field(m, Kc, Ms, a1, a2):
    """Cubic anisotropy field, B = -(2 Kc / Ms) sum_i c_i (c^2 - c_i^2) a_i with c_i = m . a_i, a_3 = a_1 x a_2;
    e = Kc (c_1^2 c_2^2 + c_2^2 c_3^2 + c_3^2 c_1^2).

    m : (x, y, z)        unit magnetisation
    Kc : J/m^3           positive: the axes are easy; negative: the diagonals are
    Ms : A/m
    a1, a2 : (x, y, z)   unit vectors along two cube edges, at a right angle
    Returns : (x, y, z), T
    Source : Coey, Magnetism and Magnetic Materials (2010), section 5.5.2.  Valid for a macrospin; without K2.
    """
    a3 = cross(a1, a2)
    q = _cubic_gradient((dot(m, a1), dot(m, a2), dot(m, a3)))
    return scale(number(-2.0, Ms) * Kc / Ms, _combined(q, a1, a2, a3))


def cubic_field_vjp(m, w, Kc, Ms, a1, a2):
    """Cotangents (m, Kc, Ms, a1, a2) for the cotangent w of `cubic_field`."""
    a3 = cross(a1, a2)
    c = (dot(m, a1), dot(m, a2), dot(m, a3))
    d = (dot(w, a1), dot(w, a2), dot(w, a3))
    slope = number(-2.0, Ms) / Ms
    Bk = slope * Kc
    d_bar = scale(Bk, _cubic_gradient(c))
    c_bar = scale(Bk, _cubic_hessian(c, d))
    Bk_bar = dot(_cubic_gradient(c), d)
    a1_bar = add(scale(c_bar[0], m), scale(d_bar[0], w))
    a2_bar = add(scale(c_bar[1], m), scale(d_bar[1], w))
    a3_bar = add(scale(c_bar[2], m), scale(d_bar[2], w))
    a1_bar = add(a1_bar, cross(a2, a3_bar))
    a2_bar = add(a2_bar, cross(a3_bar, a1))
    return _combined(c_bar, a1, a2, a3), slope * Bk_bar, -Bk / Ms * Bk_bar, a1_bar, a2_bar


def _combined(c, a1, a2, a3):
    """c_1 a_1 + c_2 a_2 + c_3 a_3."""
    return add(add(scale(c[0], a1), scale(c[1], a2)), scale(c[2], a3))


def _cubic_gradient(c):
    """Half the gradient of c_1^2 c_2^2 + c_2^2 c_3^2 + c_3^2 c_1^2."""
    square = dot(c, c)
    return (c[0] * (square - c[0] * c[0]), c[1] * (square - c[1] * c[1]), c[2] * (square - c[2] * c[2]))


def _cubic_hessian(c, d):
    """The derivative of `_cubic_gradient` along d; it is symmetric."""
    three = number(-3.0, c[0])
    own = (three * c[0] * c[0] * d[0], three * c[1] * c[1] * d[1], three * c[2] * c[2] * d[2])
    return add(add(scale(dot(c, c), d), scale(number(2.0, c[0]) * dot(c, d), c)), own)
