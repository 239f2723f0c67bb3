"""The effective field: each term a pure function of m, in tesla; `effective_field` is their visible sum.

B_eff = -(1/Ms) de/dm for the energy density e(m) in J/m^3. m is a unit vector, a tuple of components (see `vector`).
Directly under each term stands its vector-Jacobian product: `term_vjp(m, w, ...)` takes the cotangent w of the
term's value and returns the cotangents of m and of every parameter, in the order of the arguments (a term that does
not depend on m: of its parameters alone). Crystalline anisotropies stand in `anisotropy`.
A new term is added here, to `effective_field` (its parameters to the signature: an `Oscillator` or `Drive` field of
that name is looked up, and None means that the term is off), and to `Oscillator`.
"""

from shno.anisotropy import (
    cubic_field,
    cubic_field_vjp,
    further_field,
    further_field_vjp,
    uniaxial_field,
    uniaxial_field_vjp,
    uniaxial_quartic_field,
    uniaxial_quartic_field_vjp,
    vcma_field,
    vcma_field_vjp,
)
from shno.constants import mu_0
from shno.vector import add, dot, number, scale


def zeeman_field(B_ext):
    """Zeeman field of the applied flux density, B = B_ext; e = -Ms m . B_ext.

    B_ext : (x, y, z), T
    Returns : (x, y, z), T
    """
    return B_ext


def demagnetising_field(m, Ms, demag):
    """Demagnetising field of a uniform body, B_i = -mu_0 Ms N_i m_i; e = (mu_0 Ms^2 / 2) m . N . m.

    m : (x, y, z)       unit magnetisation
    Ms : A/m
    demag : (x, y, z)   demagnetising factors N along the axes, trace 1; a thin film has (0, 0, 1)
    Returns : (x, y, z), T
    Source : Osborn, Phys. Rev. 67, 351 (1945).  Valid for a macrospin along the principal axes.
    """
    M = number(mu_0, Ms) * Ms
    return (-M * demag[0] * m[0], -M * demag[1] * m[1], -M * demag[2] * m[2])


def demagnetising_field_vjp(m, w, Ms, demag):
    """Cotangents (m, Ms, demag) for the cotangent w of `demagnetising_field`."""
    mu = number(mu_0, Ms)
    product = (m[0] * w[0], m[1] * w[1], m[2] * w[2])
    return demagnetising_field(w, Ms, demag), -mu * dot(demag, product), scale(-mu * Ms, product)


def off_diagonal_demagnetising_field(m, Ms, demag_off_diagonal):
    """Demagnetising field of a body that does not stand along the axes, its part B_i = -mu_0 Ms N_ij m_j with i != j;
    e = mu_0 Ms^2 (N_yz m_y m_z + N_zx m_z m_x + N_xy m_x m_y).

    m : (x, y, z)                unit magnetisation
    Ms : A/m
    demag_off_diagonal : tuple   N_yz, N_zx, N_xy of the symmetric demagnetising tensor
    Returns : (x, y, z), T
    Source : Newell, Williams and Dunlop, J. Geophys. Res. 98, 9551 (1993).  Valid for a macrospin.
    """
    M = number(-mu_0, Ms) * Ms
    yz, zx, xy = demag_off_diagonal
    return scale(M, (zx * m[2] + xy * m[1], xy * m[0] + yz * m[2], yz * m[1] + zx * m[0]))


def off_diagonal_demagnetising_field_vjp(m, w, Ms, demag_off_diagonal):
    """Cotangents (m, Ms, demag_off_diagonal) for the cotangent w of `off_diagonal_demagnetising_field`."""
    mu = number(-mu_0, Ms)
    product = (m[1] * w[2] + m[2] * w[1], m[2] * w[0] + m[0] * w[2], m[0] * w[1] + m[1] * w[0])
    m_bar = off_diagonal_demagnetising_field(w, Ms, demag_off_diagonal)
    return m_bar, mu * dot(demag_off_diagonal, product), scale(mu * Ms, product)


def exchange_bias_field(B_bias):
    """Exchange bias of a pinned antiferromagnet, B = B_bias; e = -Ms m . B_bias.

    B_bias : (x, y, z), T
    Returns : (x, y, z), T
    Source : Nogues and Schuller, J. Magn. Magn. Mater. 192, 203 (1999).  Valid for an antiferromagnet at rest.
    """
    return B_bias


def interlayer_field(J_iec, Ms, thickness, m_fixed):
    """Interlayer exchange with a fixed layer, B = J_iec / (Ms t_F) m_fixed; e = -(J_iec / t_F) m . m_fixed.

    J_iec : J/m^2           bilinear coupling; positive aligns
    Ms, thickness : A/m, m  of the free layer
    m_fixed : (x, y, z)     unit magnetisation of the fixed layer
    Returns : (x, y, z), T
    Source : Bruno, Phys. Rev. B 52, 411 (1995).  Valid for a fixed layer that does not respond.
    """
    return scale(J_iec / (Ms * thickness), m_fixed)


def interlayer_field_vjp(w, J_iec, Ms, thickness, m_fixed):
    """Cotangents (J_iec, Ms, thickness, m_fixed) for the cotangent w of `interlayer_field`."""
    moment = Ms * thickness
    B = J_iec / moment
    B_bar = dot(w, m_fixed)
    return B_bar / moment, -B / Ms * B_bar, -B / thickness * B_bar, scale(B, w)


def oersted_field(J, oersted):
    """Oersted field of the current in the heavy metal, B = J oersted; e = -Ms m . B.

    J : A/m^2                       charge current density in the heavy metal, signed
    oersted : (x, y, z), T m^2/A    field over current density, of the strip's geometry
    Returns : (x, y, z), T
    Source : Biot and Savart.  Valid where the field is nearly uniform over the oscillator.
    """
    return scale(J, oersted)


def oersted_field_vjp(w, J, oersted):
    """Cotangents (J, oersted) for the cotangent w of `oersted_field`."""
    return dot(w, oersted), scale(J, w)


def thermal_field(B_thermal):
    """Thermal field, B = B_thermal: a random field of the bath, held over a step.

    B_thermal : (x, y, z), T
    Returns : (x, y, z), T
    Source : Brown, Phys. Rev. 130, 1677 (1963), which gives its variance.
    """
    return B_thermal


def effective_field(
    m, B_ext, Ms, demag, demag_off_diagonal, Ku, Ku2, easy_axis, V_gate, vcma, further, Kc, cubic_axes, B_bias,
    J_iec, thickness, m_fixed, J, oersted, B_thermal,
):  # fmt: skip
    """Sum of all field terms; a term is off where its parameter is None, and its other parameters may be None too.

    m : (x, y, z)                     unit magnetisation
    B_ext : (x, y, z), T              applied field; always given
    Ms : A/m                          always given
    demag, demag_off_diagonal : 1     N_xx, N_yy, N_zz, and N_yz, N_zx, N_xy
    Ku, Ku2, easy_axis : J/m^3, J/m^3, unit vector   Ku with whatever a drive adds to it
    V_gate, vcma : V, J/(m^3 V)       vcma switches; it acts along easy_axis
    further : tuple of (Ku, Ku2, axis)   one or more, numbers
    Kc, cubic_axes : J/m^3, (a_1, a_2)   unit vectors
    B_bias : (x, y, z), T
    J_iec, thickness, m_fixed : J/m^2, m, unit vector
    J, oersted : A/m^2, (x, y, z) in T m^2/A   oersted switches
    B_thermal : (x, y, z), T
    Returns : (x, y, z), T
    """
    B = zeeman_field(B_ext)
    if demag is not None:
        B = add(B, demagnetising_field(m, Ms, demag))
    if demag_off_diagonal is not None:
        B = add(B, off_diagonal_demagnetising_field(m, Ms, demag_off_diagonal))
    if Ku is not None:
        B = add(B, uniaxial_field(m, Ku, Ms, easy_axis))
    if Ku2 is not None:
        B = add(B, uniaxial_quartic_field(m, Ku2, Ms, easy_axis))
    if vcma is not None:
        B = add(B, vcma_field(m, V_gate, vcma, Ms, easy_axis))
    if further is not None:
        B = add(B, further_field(m, Ms, further))
    if Kc is not None:
        B = add(B, cubic_field(m, Kc, Ms, *cubic_axes))
    if B_bias is not None:
        B = add(B, exchange_bias_field(B_bias))
    if J_iec is not None:
        B = add(B, interlayer_field(J_iec, Ms, thickness, m_fixed))
    if oersted is not None:
        B = add(B, oersted_field(J, oersted))
    if B_thermal is not None:
        B = add(B, thermal_field(B_thermal))
    return B


def effective_field_vjp(
    m, w, B_ext, Ms, demag, demag_off_diagonal, Ku, Ku2, easy_axis, V_gate, vcma, further, Kc, cubic_axes, B_bias,
    J_iec, thickness, m_fixed, J, oersted, B_thermal,
):  # fmt: skip
    """Cotangents (m, (B_ext, ... B_thermal)) for the cotangent w of `effective_field`; zero (further: ()) where off."""
    zero = number(0.0, Ms) * Ms
    none = (zero, zero, zero)
    m_bar, Ms_bar, further_bar = further_field_vjp(m, w, Ms, further)
    demag_bar = off_diagonal_bar = axis_bar = a1_bar = a2_bar = m_fixed_bar = oersted_bar = none
    Ku_bar = Ku2_bar = V_bar = vcma_bar = Kc_bar = J_iec_bar = thickness_bar = J_bar = zero
    if demag is not None:
        m_term, Ms_term, demag_bar = demagnetising_field_vjp(m, w, Ms, demag)
        m_bar, Ms_bar = add(m_bar, m_term), Ms_bar + Ms_term
    if demag_off_diagonal is not None:
        m_term, Ms_term, off_diagonal_bar = off_diagonal_demagnetising_field_vjp(m, w, Ms, demag_off_diagonal)
        m_bar, Ms_bar = add(m_bar, m_term), Ms_bar + Ms_term
    if Ku is not None:
        m_term, Ku_bar, Ms_term, axis_bar = uniaxial_field_vjp(m, w, Ku, Ms, easy_axis)
        m_bar, Ms_bar = add(m_bar, m_term), Ms_bar + Ms_term
    if Ku2 is not None:
        m_term, Ku2_bar, Ms_term, axis_term = uniaxial_quartic_field_vjp(m, w, Ku2, Ms, easy_axis)
        m_bar, Ms_bar, axis_bar = add(m_bar, m_term), Ms_bar + Ms_term, add(axis_bar, axis_term)
    if vcma is not None:
        m_term, V_bar, vcma_bar, Ms_term, axis_term = vcma_field_vjp(m, w, V_gate, vcma, Ms, easy_axis)
        m_bar, Ms_bar, axis_bar = add(m_bar, m_term), Ms_bar + Ms_term, add(axis_bar, axis_term)
    if Kc is not None:
        m_term, Kc_bar, Ms_term, a1_bar, a2_bar = cubic_field_vjp(m, w, Kc, Ms, *cubic_axes)
        m_bar, Ms_bar = add(m_bar, m_term), Ms_bar + Ms_term
    if J_iec is not None:
        J_iec_bar, Ms_term, thickness_bar, m_fixed_bar = interlayer_field_vjp(w, J_iec, Ms, thickness, m_fixed)
        Ms_bar = Ms_bar + Ms_term
    if oersted is not None:
        J_bar, oersted_bar = oersted_field_vjp(w, J, oersted)
    bias_bar, thermal_bar = none if B_bias is None else w, none if B_thermal is None else w
    first = (w, Ms_bar, demag_bar, off_diagonal_bar, Ku_bar, Ku2_bar, axis_bar, V_bar, vcma_bar, further_bar)
    rest = (Kc_bar, (a1_bar, a2_bar), bias_bar, J_iec_bar, thickness_bar, m_fixed_bar, J_bar, oersted_bar, thermal_bar)
    return m_bar, first + rest
