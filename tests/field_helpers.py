"""A macrospin with every term on: its parameters, its energies from their definitions, and derivatives by autograd."""

import numpy as np
import torch

from shno.constants import mu_0

STEP = 1e-30  # a complex step has no cancellation: the derivative of a polynomial is exact to rounding
IDENTITY = {"rtol": 1e-12, "atol": 1e-14, "equal_nan": False}  # two derivations in float64; fields are of order 1 T


def unit(*x):
    """The unit vector along a vector, or along three components."""
    return np.ravel(x) / np.linalg.norm(x)


def rotation(seed):
    Q = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    return Q * np.sign(np.linalg.det(Q))


# No component is zero and no two are equal: an axis taken for another, or a factor left out, shows.
M, W = unit(0.3, -0.5, 0.8), np.array([0.7, 1.1, 0.4])
FRAME = rotation(1)
FIELD = {
    "B_ext": np.array([0.05, -0.13, 0.21]),
    "Ms": 8.1e5,
    "demag": np.array([0.11, 0.24, 0.65]),
    "demag_off_diagonal": np.array([0.07, -0.05, 0.12]),
    "Ku": 3.7e5,
    "Ku2": 0.9e5,
    "easy_axis": unit(0.6, -0.2, 0.5),
    "V_gate": 0.7,
    "vcma": 2.1e5,
    "further": ((1.3e5, 0.6e5, unit(-0.2, 0.9, 0.3)), (-0.8e5, 1.7e5, unit(0.5, 0.4, -0.7))),
    "Kc": 1.1e5,
    "cubic_axes": (FRAME[:, 0], FRAME[:, 1]),
    "B_bias": np.array([-0.08, 0.03, 0.06]),
    "J_iec": 2.3e-4,
    "thickness": 1.4e-9,
    "m_fixed": unit(-0.4, 0.3, 0.6),
    "J": 4.1e11,
    "oersted": np.array([-1.3e-13, 2.9e-13, 0.8e-13]),
    "B_thermal": np.array([0.02, 0.05, -0.03]),
}
OF_M = ("demag", "demag_off_diagonal", "Ku", "Ku2", "vcma", "further", "Kc")  # terms that depend on m
SWITCHES = (*OF_M, "B_bias", "J_iec", "oersted", "B_thermal")
# What a term needs besides its switch and Ms; without it these may be None too.
COMPANIONS = {
    "Ku": ("easy_axis",),
    "Ku2": ("easy_axis",),
    "vcma": ("V_gate", "easy_axis"),
    "Kc": ("cubic_axes",),
    "J_iec": ("thickness", "m_fixed"),
    "oersted": ("J",),
}
AMPLITUDES = {"alpha": 0.35, "a_DL": 0.61, "a_FL": -0.43}
# Another Ms than FIELD's: a derivative with respect to the one taken for that to the other shows.
TORQUE = AMPLITUDES | {"p": unit(-0.4, 0.7, 0.2), "Lambda": 1.6, "Q_nl": 0.9, "Ms": 7.3e5}
NOISE = {"B_thermal": np.array([0.11, -0.23, 0.17])}  # of `torque`: a part of its B


def off(names):
    """Values of None for these names."""
    return dict.fromkeys(names)


def idle(absent):
    """The parameters of FIELD that enter no term while these switches are off."""
    on = set(SWITCHES) - set(absent)
    needed = {"B_ext", *SWITCHES, *(name for switch in on for name in COMPANIONS.get(switch, ()))}
    needed |= {"Ms"} if on & {*OF_M, "J_iec"} else set()
    return [value for name, value in FIELD.items() if name not in needed]


def energy(m, given):
    """Energy density of m, J/m^3, the sum of the table of energies over the terms of FIELD whose switch is given."""
    g = FIELD
    a1, a2 = g["cubic_axes"]
    c = np.stack([m @ a1, m @ a2, m @ np.cross(a1, a2)])
    yz, zx, xy = g["demag_off_diagonal"]
    N = np.array([[0, xy, zx], [xy, 0, yz], [zx, yz, 0]])
    along = m @ g["easy_axis"]
    terms = {
        "B_ext": lambda: -g["Ms"] * (m @ g["B_ext"]),
        "demag": lambda: mu_0 * g["Ms"] ** 2 / 2 * (m @ np.diag(g["demag"]) @ m),
        "demag_off_diagonal": lambda: mu_0 * g["Ms"] ** 2 / 2 * (m @ N @ m),
        "Ku": lambda: -g["Ku"] * along**2,
        "Ku2": lambda: -g["Ku2"] * along**4,
        "vcma": lambda: -g["vcma"] * g["V_gate"] * along**2,
        "further": lambda: -sum(K * (m @ u) ** 2 + K2 * (m @ u) ** 4 for K, K2, u in g["further"]),
        "Kc": lambda: g["Kc"] * (c[0] ** 2 * c[1] ** 2 + c[1] ** 2 * c[2] ** 2 + c[2] ** 2 * c[0] ** 2),
        "B_bias": lambda: -g["Ms"] * (m @ g["B_bias"]),
        "J_iec": lambda: -g["J_iec"] / g["thickness"] * (m @ g["m_fixed"]),
        "oersted": lambda: -g["Ms"] * g["J"] * (m @ g["oersted"]),
        "B_thermal": lambda: -g["Ms"] * (m @ g["B_thermal"]),
    }
    return sum(terms[name]() for name in given)


def field_of(m, given):
    """Field of the energy, B = -(1/Ms) de/dm."""
    return np.array([-energy(m + 1j * STEP * axis, given).imag / STEP for axis in np.eye(3)]) / FIELD["Ms"]


def flat(tree):
    """The numbers, arrays or tensors of a tree of tuples; a None has none."""
    if isinstance(tree, tuple):
        return [leaf for part in tree for leaf in flat(part)]
    return [] if tree is None else [tree]


def mapped(function, tree):
    """The tree with function(leaf) for every leaf; a vector (3,) becomes the tuple of its components, None stays."""
    if isinstance(tree, tuple) or np.shape(tree) == (3,):
        return tuple(mapped(function, part) for part in tree)
    return None if tree is None else function(tree)


def assert_is_autograd(function, given, bars, w=W, unused=()):
    """The cotangents `bars` of function(*given), for the cotangent w of its value, are those of autograd.

    bars : tree as given    where given is None, anything that is zero
    unused : parameters     numbers of given that do not enter, by value; every other derivative is not zero
    """
    inputs = mapped(lambda x: torch.tensor(float(x), dtype=torch.float64, requires_grad=True), tuple(given))
    value = torch.stack(flat(function(*inputs)))
    numbers = flat(inputs)
    w = torch.tensor(np.atleast_1d(w), dtype=torch.float64)
    expected = torch.autograd.grad(value, numbers, w, allow_unused=True)
    for tree, bar in zip(given, bars, strict=True):
        assert tree is not None or not np.any(flat(bar))
    computed = flat(mapped(float, tuple(bar for tree, bar in zip(given, bars, strict=True) if tree is not None)))
    for bar, autograd, number in zip(computed, expected, numbers, strict=True):
        size = abs(number.item())  # derivatives in T: that with respect to Ms is 1e-6 of it
        autograd = 0.0 if autograd is None else autograd.item()
        assert abs(size * autograd) > 1e-4 or number.item() in flat(mapped(float, tuple(unused)))
        np.testing.assert_allclose(size * bar, size * autograd, **IDENTITY)
