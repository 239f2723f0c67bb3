"""From a device's shape and stack to the numbers of an `Oscillator`. Pure functions of numbers or arrays, in SI units.

Axes: the layers are stacked along z, a heavy metal below a magnetic layer has the normal n = +z; a current J > 0 flows
along +x. Arrays broadcast; x, y, z stand last. The factors of a body's shape do not depend on its size, so that its
lengths may be in any unit there; everywhere else a length is in metres and is held to 1 pm to 1 m.
"""

import numpy as np

from shno.checks import arrays_of_one_shape, as_array, check_finite, check_values, common_shape
from shno.constants import mu_0

RATIO = 1e-10  # smallest over largest length of a body: an atom to a metre
STEP = 1 / 8  # of ln s in the factors of a prism: an error exp(-2 pi (pi/4) / STEP) = 7e-18
LN_S = np.arange(-13, 37 - np.log(RATIO), STEP)  # the ends leave out exp(-3 13) below and exp(-37) above
PARALLEL = 1e-6  # rad, between n and j

# (rule, test, what to do)
POSITIVE = ("> 0 and finite", lambda x: (x > 0) & np.isfinite(x), "It is the size of a body.")
LENGTH = ("in [1e-12, 1] m", lambda x: (x >= 1e-12) & (x <= 1), "Lengths are in metres: 5 nm is 5e-9.")
LENGTH_OR_ZERO = ("0 or in [1e-12, 1] m", lambda x: (x == 0) | LENGTH[1](x), LENGTH[2])
POSITION = ("within +-1 m", lambda x: np.abs(x) <= 1, LENGTH[2])
RESISTIVITY = (
    "in [1e-12, 1e20] ohm m",
    lambda x: (x >= 1e-12) & (x <= 1e20),
    "Resistivity in ohm m: 20 uohm cm is 2e-7.",
)
VCMA = ("within +-1e-6 J/(V m)", lambda x: np.abs(x) <= 1e-6, "Coefficient in J/(V m): 60 fJ/(V m) is 60e-15.")
FINITE = ("finite", np.isfinite, "NaN and infinity are not physical values.")


def ellipsoid_demag(a, b, c):
    """Demagnetising factors of an ellipsoid, N_x = (abc/3) R_D(b^2, c^2, a^2) and cyclic; R_D is Carlson's integral.

    a, b, c : any one unit   semi-axes along x, y, z, in any order; the smallest at least 1e-10 of the largest
    Returns : (..., 3), trace 1
    Raises : TypeError, ValueError, naming the semi-axis
    Source : Osborn, Phys. Rev. 67, 351 (1945); Carlson, Numer. Algorithms 10, 13 (1995).  Exact.
    """
    from scipy.special import elliprd

    axes = _body(a=a, b=b, c=c)
    squared = axes**2
    return axes.prod(axis=-1)[..., None] / 3 * elliprd(squared[..., [1, 2, 0]], squared[..., [2, 0, 1]], squared)


def prism_demag(length, width, thickness):
    """Demagnetising factors of a rectangular prism, N_z = integral of P(Ls) P(Ws) dP(ts) over s in (0, inf) and cyclic.

    P(x) = erf(x) - [1 - exp(-x^2)] / (sqrt(pi) x) grows from 0 to 1, so that trace 1 is the rule of the product. It
    follows from the energy of the charged faces with 1/r = (2/sqrt(pi)) times the integral of exp(-r^2 s^2) ds. Aharoni
    gives the integral in closed form, whose terms cancel to (L/t)^2 roundings; here all are positive, and each factor
    is good to 1e-14 of itself at any aspect ratio.

    length, width, thickness : any one unit   full edges along x, y, z, in any order; the smallest at least 1e-10 of
                                              the largest
    Returns : (..., 3), trace 1; averages over the volume
    Raises : TypeError, ValueError, naming the edge
    Source : Aharoni, J. Appl. Phys. 83, 3432 (1998).  Exact for uniform magnetisation.
    """
    from scipy.special import erf

    edges = _body(length=length, width=width, thickness=thickness)
    total = 0.0
    for s in np.exp(LN_S):  # not as one more axis: a batch would not fit into memory
        x = edges * s  # (..., 3)
        slope = -np.expm1(-(x**2)) / (np.sqrt(np.pi) * x)  # dP / d ln s
        P = erf(x) - slope
        total = total + slope * P[..., [1, 2, 0]] * P[..., [2, 0, 1]]
    return STEP * total


def film_demag():
    """Demagnetising factors of an infinite film in the plane x, y: (0, 0, 1). Returns : (3,)."""
    return np.array([0.0, 0.0, 1.0])


def strip_oersted_field(J, width, thickness, y, z):
    """Oersted field of a strip, B = (mu_0 J / 2 pi) integral of (-v, u)/(u^2 + v^2) dy'dz', u = y - y', v = z - z'.

    In the corners' coordinates u = y +- w/2, v = z +- t/2 the integral is a sum of four terms
    G(u, v) = (u/2) ln(u^2 + v^2) + v arctan(u/v). It is taken here with its differences formed by hand, so that no
    digit is lost far away or on a thin strip, and with its limits on the sides and at the corners.

    J : A/m^2               uniform current density along +x
    width, thickness : m    of the strip, along y and z, centred at the origin; it is infinite along x
    y, z : m                where the field is wanted, inside or outside, within +-1 m
    Returns : B_y, B_z, T   above the strip (z > 0) B_y is negative for J > 0
    Raises : TypeError, ValueError, naming the parameter
    Source : Ampere's law of a straight wire, integrated.  Exact.
    """
    J, w, t, y, z = arrays_of_one_shape(
        J=(J, FINITE), width=(width, LENGTH), thickness=(thickness, LENGTH), y=(y, POSITION), z=(z, POSITION)
    )
    B = mu_0 / (2 * np.pi) * J
    B_y = -B * np.sign(z) * _integral_over_strip(np.abs(y), w, np.abs(z), t)
    B_z = B * np.sign(y) * _integral_over_strip(np.abs(z), t, np.abs(y), w)
    return B_y, B_z


def _integral_over_strip(y, w, z, t):
    """Integral of v/(u^2 + v^2) over the strip for y, z >= 0, m: G(u1,v1) - G(u2,v1) - G(u1,v2) + G(u2,v2)."""
    u1, u2, v1, v2 = y + w / 2, y - w / 2, z + t / 2, z - t / 2
    r11, r12, r21, r22 = u1**2 + v1**2, u1**2 + v2**2, u2**2 + v1**2, u2**2 + v2**2
    excess = -4 * y * w * z * t / (r12 * r21)  # of the cross ratio r11 r22 / (r12 r21) over 1
    near = excess < -0.5
    at_corner = r22 == 0  # there the logarithm has the factor u2 = 0
    ratio = np.where(near & ~at_corner, r11 * r22 / (r12 * r21), 1.0)
    ln_cross_ratio = np.where(near, np.log(ratio), np.log1p(np.where(near, 0.0, excess)))
    ln_side = np.log1p(2 * z * t / r12)  # ln(r11 / r12)
    q1, q2 = v1**2 + u1 * u2, v2**2 + u1 * u2
    angle = np.arctan2(w * v1, q1)  # that the far side subtends
    difference = np.arctan2(w * t * (u1 * u2 - v1 * v2), q1 * q2 + w**2 * v1 * v2)  # far side's less near side's
    difference = np.where((v2 < 0) & (difference < 0), difference + 2 * np.pi, difference)
    return u2 / 2 * ln_cross_ratio + w / 2 * ln_side + v2 * difference + t * angle


def oersted_per_current_density(width, t_HM, thickness):
    """Oersted field of a heavy-metal strip at the middle of the layer on it, over its J: strip_oersted_field(1, ...).

    For J along +x and n = +z it is along -y, antiparallel to p = n x j; times J it adds to B_ext. A current in the
    layer itself has no field at its own middle.

    width : m           of the strip
    t_HM : m            thickness of the strip
    thickness : m       of the magnetic layer that lies on it
    Returns : (..., 3), T per A/m^2
    Raises : TypeError, ValueError, naming the parameter
    Source : Ampere's law; -mu_0 t_HM / 2 for a wide strip.  Valid for the middle of the constriction.
    """
    width, t_HM, thickness = arrays_of_one_shape(
        width=(width, LENGTH), t_HM=(t_HM, LENGTH), thickness=(thickness, LENGTH)
    )
    B_y, B_z = strip_oersted_field(1.0, width, t_HM, 0.0, (t_HM + thickness) / 2)
    return np.stack([np.zeros_like(B_y), B_y, B_z], axis=-1)


def polarisation(n, j):
    """Spin polarisation at the magnetic layer, p = n x j / |n x j|.

    n : (..., 3)    normal from the heavy metal to the magnetic layer, of any length
    j : (..., 3)    direction of the current, of any length
    Returns : (..., 3), unit vectors; n = +z, j = +x give p = +y. The sign of theta_SH is not in it
    Raises : TypeError; ValueError for a zero vector, and where n and j are parallel (to 1e-6 rad)
    Source : Sinova et al., Rev. Mod. Phys. 87, 1213 (2015).
    """
    n, j = _direction("n", n), _direction("j", j)
    common_shape({"n": n.shape, "j": j.shape})
    p = np.cross(n, j)
    sine = np.linalg.norm(p, axis=-1)
    remedy = "The current flows in the plane of the layers, across their normal."
    check_values("|n x j| of the unit vectors", sine, f">= {PARALLEL:g}", lambda x: x >= PARALLEL, remedy)
    return p / sine[..., None]


def spin_diffusion_factor(t_HM, lambda_sf):
    """Share of the spin Hall effect that a heavy metal of finite thickness gives, 1 - sech(t_HM / lambda_sf).

    t_HM : m            thickness of the heavy metal
    lambda_sf : m       its spin diffusion length; 0 gives 1
    Returns : in (0, 1]
    Raises : TypeError, ValueError, naming the parameter
    Source : Liu et al., Phys. Rev. Lett. 106, 036601 (2011).  Valid for a perfect spin sink on top.
    """
    t_HM, lambda_sf = arrays_of_one_shape(t_HM=(t_HM, LENGTH), lambda_sf=(lambda_sf, LENGTH_OR_ZERO))
    x = t_HM / np.where(lambda_sf == 0, 1.0, lambda_sf)
    return np.where(lambda_sf == 0, 1.0, np.tanh(x) * np.tanh(x / 2))[()]  # = 1 - sech(x), good for small x as well


def shunt_share(t_HM, rho_HM, thickness, rho_F):
    """Share of the current that flows in the heavy metal, (t_HM/rho_HM) / (t_HM/rho_HM + thickness/rho_F).

    t_HM, rho_HM : m, ohm m       heavy metal
    thickness, rho_F : m, ohm m   magnetic layer
    Returns : in (0, 1]; the `shunt` of an `Oscillator`
    Raises : TypeError, ValueError, naming the parameter
    Source : two parallel conductors.  Valid for layers thicker than the mean free path of the electrons.
    """
    t_HM, rho_HM, thickness, rho_F = arrays_of_one_shape(
        t_HM=(t_HM, LENGTH), rho_HM=(rho_HM, RESISTIVITY), thickness=(thickness, LENGTH), rho_F=(rho_F, RESISTIVITY)
    )
    return 1 / (1 + thickness * rho_HM / (t_HM * rho_F))


def vcma_coefficient(xi, t_ox, thickness):
    """Voltage-controlled anisotropy, dKu/dV = -xi / (t_ox thickness).

    xi : J/(V m)        about 30e-15 to 100e-15; its sign is the stack's. A positive one loses anisotropy at V > 0
    t_ox : m            thickness of the oxide
    thickness : m       of the magnetic layer
    Returns : J/(m^3 V), what a volt on the gate adds to Ku; its field is 2 dKu V / Ms
    Raises : TypeError, ValueError, naming the parameter
    Source : Nozaki et al., Micromachines 10, 327 (2019).  Valid in the linear range.
    """
    xi, t_ox, thickness = arrays_of_one_shape(xi=(xi, VCMA), t_ox=(t_ox, LENGTH), thickness=(thickness, LENGTH))
    return -xi / (t_ox * thickness)


def _body(**lengths):
    """The three lengths of a body over the largest, (..., 3)."""
    values = np.stack(arrays_of_one_shape(**{name: (value, POSITIVE) for name, value in lengths.items()}), axis=-1)
    values = values / values.max(axis=-1, keepdims=True)
    remedy = "A thinner body is a film (film_demag), a longer one a cylinder."
    name = f"smallest over largest of {', '.join(lengths)}"
    check_values(name, values.min(axis=-1), f">= {RATIO:g}", lambda x: x >= RATIO, remedy)
    return values


def _direction(name, value):
    """Unit vectors (..., 3) along vectors of any length but zero."""
    value = as_array(name, value, vector=True)
    check_finite(name, value)
    largest = np.abs(value).max(axis=-1, keepdims=True)
    check_values(f"|{name}|", largest[..., 0], "> 0", lambda x: x > 0, f"{name} is a direction.")
    value = value / largest  # first: the square of a huge component is infinite
    return value / np.linalg.norm(value, axis=-1, keepdims=True)
