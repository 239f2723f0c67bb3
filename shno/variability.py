"""Fabrication spreads: a batch of oscillators, one a device, drawn around a nominal one.

Each spread parameter is its nominal value times a factor of mean 1 that comes from a standard normal number z, cut at
CLIP standard deviations: exp(s z - s^2/2) with s^2 = ln(1 + sd^2) (lognormal; its mean and sd are those asked for, its
median is lower) or 1 + sd z (normal). The easy axis tilts by an angle of Fisher's law. Across an array

    z_i = (1 - w)^(1/2) white_i + w^(1/2) field(r_i),   <z_i z_j> = (1 - w) delta_ij + w exp(-|r_i - r_j|^2 / (2 l^2))

where the field is white noise on a lattice of pitch l/2, smoothed by a Gaussian. Its number at a place depends on the
place alone, as white_i depends on the number of the device alone, so that no device changes with the size, the order
or the division into chunks of the set it is drawn in. Nor does a parameter with what else is spread.

What has a common cause moves together: the width moves the volume, R ~ 1/width and (in a drive by I) the current
density; the thickness moves the volume, the torque ~ 1/thickness and, by `interface_anisotropy`, Ku and vcma ~
1/thickness. The factors of demagnetisation, the Oersted field, the bias field and R_th are given numbers and stay.
Source : [S] Capriata et al., arXiv 2012.07594 (2021), frequency spread of nominally equal nano-constrictions: about
270 MHz, 100 MHz of it from grains; [S] Gonzalez, doi 10.5281/zenodo.13886069, openings of 30 to 100 nm: relative sd of
an axis 6 to 9 %. Moving average: Higdon, Environ. Ecol. Stat. 5, 173 (1998) [K].
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from shno.checks import (
    as_array,
    as_number,
    as_whole,
    check_choice,
    check_finite,
    check_kind,
    check_values,
    complaint,
    shown,
)
from shno.oscillator import Oscillator
from shno.philox import SAMPLE, draw

CLIP = 4.0  # standard deviations
LAWS = ("lognormal", "normal", "fisher")
# The place of a parameter in the stream of a device and its law: never renumber, or old seeds draw other devices.
INDEX = {"width": 0, "thickness": 1, "Ku": 2, "Ms": 3, "alpha": 4, "theta_SH": 5, "R": 6, "easy_axis": 7}
INDEX |= {"t_HM": 9, "field_like": 10, "vcma": 11, "J_iec": 12, "Ku2": 13, "Kc": 14, "gamma": 15}  # 8: easy_axis too
LOGNORMAL = ("width", "alpha", "theta_SH", "R")
WHITE, FIELD = 0, 1  # which of the two streams of a parameter
PER_LENGTH = 2  # nodes of the lattice in a length: the covariance is exact to 4 exp(-pi^2 PER_LENGTH^2/2) = 1e-8
NODES = np.arange(-8, 10)  # around a place: the smoothing is cut at 4 lengths, where it is exp(-16)
REACH = 1 << 20  # nodes on either side of the origin
BLOCK = 1 << 20  # numbers of the lattice drawn at a time
LARGEST = 10_000_000  # devices a call


@dataclass(frozen=True)
class Spread:
    """How one parameter varies from device to device.

    sd : 1, in [0, 1]         relative standard deviation, below 1/4 for "normal" (the cut value stays positive); of
                              easy_axis: rad, of the tilt along each of two axes (Fisher's kappa = 1/sd^2)
    law : "lognormal" | "normal" | "fisher"   "fisher" is for easy_axis, and only that
    long_range : 1, in [0, 1] share of the variance that neighbours have in common, w
    length : m                over which they have it, l
    Raises : TypeError, ValueError
    """

    sd: float
    law: str = "lognormal"
    long_range: float = 0.0
    length: float = 1e-3

    def __post_init__(self):
        """Convert to float and check."""
        rules = {
            "sd": ("in [0, 1]", lambda x: (x >= 0) & (x <= 1), "Relative, so that 0.01 is 1 %."),
            "long_range": ("in [0, 1]", lambda x: (x >= 0) & (x <= 1), "A share of the variance."),
            "length": ("in [1e-12, 1e6] m", lambda x: (x >= 1e-12) & (x <= 1e6), "Grains 1e-8, a wafer 1e-3."),
        }
        for name, rule in rules.items():
            object.__setattr__(self, name, as_number(name, getattr(self, name), *rule))
        check_choice("law", self.law, LAWS)
        if self.law == "normal":
            remedy = "Take 'lognormal', which stays positive."
            check_values("sd", self.sd, f"below {1 / CLIP} for a normal law", lambda x: x * CLIP < 1, remedy)


TYPICAL = MappingProxyType({  # [K], but for the width's [S], which `typical` fits to the width
    "width": Spread(0.04),
    "thickness": Spread(0.01, "normal", long_range=1.0),
    "Ku": Spread(0.01, "normal", long_range=0.5),  # grains, each device's own, and the wafer's drift
    "Ms": Spread(0.003, "normal", long_range=1.0),
    "alpha": Spread(0.05),
    "theta_SH": Spread(0.03, long_range=1.0),
    "R": Spread(0.03, long_range=1.0),
    "easy_axis": Spread(np.pi / 180, "fisher"),
})  # fmt: skip


def width_deviation(width):
    """Relative sd of the width of a constriction, 0.04 (150 nm / width)^(1/2), at most 0.07.

    width : m                 4 % at 150 nm, 7 % below 50 nm
    Returns : 1, of the shape of width
    Raises : TypeError, ValueError
    Source : [S] the openings of the module's source at 30 to 100 nm; a power law through the two numbers
    """
    width = as_array("width", width)
    check_values("width", width, "in [1e-12, 1e6] m", lambda x: (x >= 1e-12) & (x <= 1e6), "Of the constriction.")
    return np.minimum(0.07, 0.04 * np.sqrt(150e-9 / width))[()]


def typical(oscillator):
    """The spreads of TYPICAL for those parameters that the oscillator has, the width's fitted to its width.

    oscillator : Oscillator   a single one
    Returns : dict            {parameter: Spread}, to be changed at will
    Raises : TypeError, ValueError
    """
    _check_single(oscillator)
    spread = {name: each for name, each in TYPICAL.items() if getattr(oscillator, name) is not None}
    if "width" in spread:
        spread["width"] = Spread(float(width_deviation(oscillator.width)))
    return spread


def sample(oscillator, n, spread, seed, *, positions=None, first=0, interface_anisotropy=True):
    """Draw n devices around a nominal one, as one Oscillator of arrays (n,): parameter = nominal x factor.

    oscillator : Oscillator   the nominal one, single
    n : integer               1 to 1e7; devices first ... first + n - 1
    spread : mapping          {parameter: Spread, or the sd of a white spread of its usual law}; `typical` gives one.
                              Parameters: those of INDEX
    seed : integer            in [0, 2^64): the wafer
    positions : (n, 2) or (n, 3), m    of these devices; by default all stand at (0, 0), so that they have the
                              long-range part in common (an array much smaller than its length)
    first : integer           number of the first device: chunks of a set are the set
    interface_anisotropy : bool        Ku and vcma stem from an interface, ~ 1/thickness
    Returns : Oscillator      of shape (n,); volume, given or derived, moves with width^2 thickness
    Raises : TypeError, ValueError
    """
    _check_single(oscillator)
    devices = _devices(n, first)
    if not isinstance(interface_anisotropy, bool):
        got = shown(interface_anisotropy)
        raise TypeError(complaint("interface_anisotropy", "True or False", got, "Is Ku an interface's?"))
    draw(seed, 0, 0, purpose=SAMPLE)  # checks the seed even where nothing is spread
    positions = _positions(positions, n)
    spread = {name: _checked_spread(oscillator, name, each) for name, each in _items(spread)}
    normal = {name: _normals(INDEX[name], each, seed, devices, positions) for name, each in spread.items()}
    factors = {name: _factor(each, normal[name]) for name, each in spread.items() if name != "easy_axis"}
    changes = {
        name: getattr(oscillator, name) * factor
        for name, factor in _linked(factors, interface_anisotropy).items()
        if getattr(oscillator, name) is not None
    }
    if oscillator.volume is not None and _is_product(oscillator):
        changes["volume"] = None  # derived anew from the new width and thickness
    if "easy_axis" in spread:
        second = _normals(INDEX["easy_axis"] + 1, spread["easy_axis"], seed, devices, positions)
        changes["easy_axis"] = _tilted(oscillator.easy_axis, spread["easy_axis"].sd, normal["easy_axis"], second)
    changes.setdefault("Ms", oscillator.Ms)
    return replace(oscillator, **(changes | {"Ms": np.broadcast_to(changes["Ms"], (n,))}))


def _linked(factors, interface_anisotropy):
    """The factors with those of a common cause multiplied in."""
    width, thickness = factors.get("width", 1.0), factors.get("thickness", 1.0)
    links = {"R": 1 / width, "volume": width**2 * thickness}
    if interface_anisotropy:
        links |= {"Ku": 1 / thickness, "vcma": 1 / thickness}
    return factors | {name: factors.get(name, 1.0) * link for name, link in links.items()}


def _is_product(oscillator):
    """Whether the volume is width^2 x thickness."""
    known = oscillator.width is not None and oscillator.thickness is not None
    return known and oscillator.volume == oscillator.width**2 * oscillator.thickness


def _factor(spread, z):
    """The factor of mean 1 that a standard normal number stands for."""
    if spread.law == "normal":
        return 1 + spread.sd * z
    variance = np.log1p(spread.sd**2)
    return np.exp(np.sqrt(variance) * z - variance / 2)


def _tilted(axis, sd, z1, z2):
    """The unit vector, tilted towards (z1, z2) in the plane across it, cosine of Fisher's law with kappa = 1/sd^2.

    exp(-r^2/2) of r^2 = z1^2 + z2^2 is uniform, and Fisher's cosine is 1 + ln(u + (1 - u) exp(-2 kappa))/kappa of one.
    """
    r = np.hypot(z1, z2)
    u = np.exp(-(np.minimum(r, CLIP) ** 2) / 2)
    opposite = np.exp(-2 / sd**2) if sd > 0.1 else 0.0  # below rounding, and 1/sd^2 may overflow
    lowered = -(sd**2) * np.log(u + (1 - u) * opposite)  # 1 - cosine
    along = np.sqrt(lowered * (2 - lowered)) / np.maximum(r, np.finfo(float).tiny)
    helper = np.eye(3)[np.argmin(np.abs(axis))]
    first = np.cross(axis, helper)
    first = first / np.linalg.norm(first)
    across = z1[:, None] * first + z2[:, None] * np.cross(axis, first)
    tilted = (1 - lowered)[:, None] * axis + along[:, None] * across
    return tilted / np.linalg.norm(tilted, axis=-1, keepdims=True)


def _normals(index, spread, seed, devices, positions):
    """Standard normal numbers (n,) of a parameter: a device's own and the field's at its place, cut at CLIP."""
    z = draw(seed, index, devices, oscillator=WHITE, purpose=SAMPLE)
    if spread.long_range > 0:
        field = _field(index, spread.length, seed, positions)
        z = np.sqrt(1 - spread.long_range) * z + np.sqrt(spread.long_range) * field
    return np.clip(z, -CLIP, CLIP)


def _field(index, length, seed, positions):
    """A normal random field of covariance exp(-|r|^2 / (2 length^2)) at positions (n, d): (n,)."""
    limit = (REACH - len(NODES)) / PER_LENGTH * length
    rule = f"at most {limit:.3g} m from the origin at a length of {length:.3g} m"
    check_values("positions", positions, rule, lambda x: np.abs(x) <= limit, "Move the origin to the array.")
    block = BLOCK // len(NODES) ** positions.shape[1]
    starts = range(0, len(positions), block)
    return np.concatenate([_smoothed(index, positions[k : k + block] / length, seed) for k in starts])


def _smoothed(index, places, seed):
    """White noise on the lattice, smoothed at places (n, d), in lengths; each step is the same for every place."""
    corner = np.floor(PER_LENGTH * places)
    distance = (PER_LENGTH * places - corner)[..., None] - NODES  # (n, d, nodes), in pitches
    weights = np.exp(-((distance / PER_LENGTH) ** 2)) / np.sqrt(PER_LENGTH * np.sqrt(np.pi / 2))
    corners, which = np.unique(corner.astype(np.int64), axis=0, return_inverse=True)
    q = np.zeros((len(corners), *(1,) * places.shape[1]), dtype=np.int64)
    for k, number in enumerate(np.moveaxis(corners, 1, 0)):  # one more axis of nodes each time
        nodes = number[:, None] + NODES + REACH
        q = q * (2 * REACH) + nodes.reshape(
            len(corners), *(len(NODES) if k == j else 1 for j in range(len(corners[0])))
        )
    values = draw(seed, q, index, oscillator=FIELD, purpose=SAMPLE)[np.ravel(which)]  # (n, nodes, ...)
    for weight in np.moveaxis(weights, 1, 0)[::-1]:  # from the last axis on; a fixed order of adding
        weight = weight.reshape(len(places), *(1,) * (values.ndim - 2), len(NODES))
        values = sum(values[..., k] * weight[..., k] for k in range(len(NODES)))
    return values


def _check_single(oscillator):
    """TypeError unless it is an Oscillator, ValueError unless it is a single one."""
    check_kind("oscillator", oscillator, Oscillator, "shno.preset(name) gives one.")
    if oscillator.shape:
        raise ValueError(complaint("oscillator", "a single one", f"shape {oscillator.shape}", "It is the nominal one."))


def _devices(n, first):
    """The numbers of the devices, (n,)."""
    remedy = "Draw a larger set in chunks, by first."
    n, first = as_whole("n", n, 1, LARGEST, remedy), as_whole("first", first, 0, 2**32 - LARGEST, remedy)
    return np.arange(first, first + n)


def _positions(positions, n):
    """Positions (n, 2 or 3); one place at the origin where none are given."""
    if positions is None:
        return np.zeros((1, 2))
    positions = np.asarray(as_array("positions", positions))
    if positions.ndim != 2 or positions.shape[0] != n or positions.shape[1] not in (2, 3):
        rule = f"of shape (n, 2) or (n, 3) with n = {n}"
        raise ValueError(complaint("positions", rule, f"shape {positions.shape}", "One row a device, in m."))
    check_finite("positions", positions)
    return positions


def _items(spread):
    """The items of a mapping; TypeError for another kind, ValueError for a name that cannot be spread."""
    if not isinstance(spread, Mapping):
        remedy = "shno.variability.typical(oscillator) gives one."
        raise TypeError(complaint("spread", "a mapping {parameter: Spread or number}", shown(spread), remedy))
    for name in spread:
        if name not in INDEX:
            raise ValueError(complaint("spread", f"of {', '.join(INDEX)}", shown(name), "Or vary it by hand."))
    return spread.items()


def _checked_spread(oscillator, name, spread):
    """The Spread of a parameter, from it or from an sd."""
    law = "fisher" if name == "easy_axis" else "lognormal" if name in LOGNORMAL else "normal"
    if not isinstance(spread, Spread):
        spread = Spread(spread, law)
    if (spread.law == "fisher") != (law == "fisher"):
        remedy = "'fisher' is for easy_axis, and only that."
        raise ValueError(complaint(f"law of {name}", "one that fits", shown(spread.law), remedy))
    if getattr(oscillator, name) is None:
        remedy = "Leave its spread out, or take shno.variability.typical(oscillator)."
        raise ValueError(complaint(name, "given in the oscillator where it is spread", None, remedy))
    return spread
