"""The effective field: each term a pure function of m, in tesla; `effective_field` is their visible sum.

B_eff = -(1/Ms) de/dm for the energy density e(m) in J/m^3. m is a unit vector, a tuple of components (see `vector`).
Directly under each term stands its vector-Jacobian product: `term_vjp(m, w, ...)` takes the cotangent w of the
term's value and returns the cotangents of m and of every parameter, in the order of the arguments.
A new term is added here, to `effective_field` (its parameters to the signature: an `Oscillator` or `Drive` field of
that name is looked up, and None means that the term is off), and to `Oscillator`.
"""

from shno.constants import mu_0
from shno.vector import add, dot, number, scale


def zeeman_field(B_ext):
    """Zeeman field of the applied flux density, B = B_ext; e = -Ms m . B_ext.

    B_ext : (x, y, z), T
    Returns : (x, y, z), T
    """
    return B_ext


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


def effective_field(m, B_ext, Ms, demag, Ku, easy_axis):
    """Sum of all field terms, B_eff = B_ext + B_demag + B_uniaxial; a term whose parameter is None is off.

    m : (x, y, z)           unit magnetisation
    B_ext : (x, y, z), T    applied field
    Ms : A/m
    demag : (x, y, z)       or None
    Ku : J/m^3              or None
    easy_axis : (x, y, z)   unit vector
    Returns : (x, y, z), T
    """
    B = zeeman_field(B_ext)
    if demag is not None:
        B = add(B, demagnetising_field(m, Ms, demag))
    if Ku is not None:
        B = add(B, uniaxial_field(m, Ku, Ms, easy_axis))
    return B


def effective_field_vjp(m, w, B_ext, Ms, demag, Ku, easy_axis):
    """Cotangents (m, (B_ext, Ms, demag, Ku, easy_axis)) for the cotangent w of `effective_field`; zero where off."""
    zero = number(0.0, Ms) * Ms
    none = (zero, zero, zero)
    m_bar, Ms_bar, demag_bar, Ku_bar, axis_bar = none, zero, none, zero, none
    if demag is not None:
        m_term, Ms_term, demag_bar = demagnetising_field_vjp(m, w, Ms, demag)
        m_bar, Ms_bar = add(m_bar, m_term), Ms_bar + Ms_term
    if Ku is not None:
        m_term, Ku_bar, Ms_term, axis_bar = uniaxial_field_vjp(m, w, Ku, Ms, easy_axis)
        m_bar, Ms_bar = add(m_bar, m_term), Ms_bar + Ms_term
    return m_bar, (w, Ms_bar, demag_bar, Ku_bar, axis_bar)
