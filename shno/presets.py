"""Published oscillators, each with its operating point: mirroring the azimuth of the field changes thresholds, so
the two belong together.

Marks in the sources: [S n] read in a public source; [K] known but not re-read; [D] derived here. The macrospin's
thresholds and small- amplitude frequencies come out right to tens of per cent; amplitudes above about 1.1 of the
critical current are overestimated.
"""

from dataclasses import dataclass
from math import pi

from shno.checks import check_choice
from shno.drive import Drive
from shno.oscillator import Oscillator

NIFE = {  # NiFe 5 nm on Pt 6 nm, a 150 nm constriction
    "Ms": 6e5,
    "alpha": 0.02,
    "gamma": 1.855e11,
    "thickness": 5e-9,
    "width": 150e-9,
    "theta_SH": 0.08,
    "p": (0.0, 1.0, 0.0),
    "t_HM": 6e-9,
}
DVORNIK = "[S] public mumax3 script citing Dvornik et al., Phys. Rev. Applied 9, 014017 (2018)"
KUMAR = "[S] mumax3 scripts of Kumar et al., Nat. Phys. (2025), s41567-024-02728-1"
MAZRAATI = "[K] Mazraati et al., Appl. Phys. Lett. 109, 242402 (2016)"
COLLET = "[S] Collet et al., Nat. Commun. 7, 10377 (2016)"
MARKOVIC = "[S] concept of Markovic et al., Phys. Rev. B 105, 014411 (2022), and Montoya et al., arXiv 2301.09228"
GEOMETRY = "[D] n x j of the stack"
NIFE_SOURCES = {
    **dict.fromkeys(("Ms", "alpha", "gamma", "thickness", "B_ext"), DVORNIK),
    "theta_SH": "[S] a second public mumax3 script of such a device",
    **dict.fromkeys(("width", "t_HM"), "[K] usual for these devices"),
    "p": GEOMETRY,
    "I": "[D] 1.2 I_c",
}


@dataclass(frozen=True)
class Preset:
    """An oscillator, its operating point (inside the usable window), what it is, and where each number is from."""

    oscillator: Oscillator
    drive: Drive
    summary: str
    sources: dict


PRESETS = {
    "w-cofeb-pma": Preset(
        Oscillator(
            Ms=1.05e6,
            alpha=0.025,
            gamma=2 * pi * 29.1e9,
            thickness=1.7e-9,
            width=150e-9,
            Ku=0.645e6,
            theta_SH=-0.6,
            p=(0.0, 1.0, 0.0),
            t_HM=5e-9,
        ),
        Drive(I=0.2e-3, B_ext=(-0.06333, 0.15674, 0.36252)),
        "W/CoFeB/MgO with perpendicular anisotropy, 150 nm constriction, 0.4 T at 65 deg elevation: blue shift",
        {
            **dict.fromkeys(("Ms", "alpha", "gamma", "thickness", "Ku", "theta_SH", "p", "B_ext"), KUMAR),
            **dict.fromkeys(("t_HM", "width"), "[K] usual for these devices"),
            "I": "[D] 1.64 I_c",
        },
    ),
    "nife-pt-oblique": Preset(
        Oscillator(**NIFE),
        Drive(I=1.34e-3, B_ext=(0.04554, -0.11270, 0.68937)),
        "NiFe/Pt, 150 nm constriction, 0.7 T at 80 deg elevation: non-monotonic f(I)",
        NIFE_SOURCES,
    ),
    "nife-pt-in-plane": Preset(
        Oscillator(**NIFE),
        Drive(I=1.35e-3, B_ext=(0.05, -0.08660, 0.0)),
        "NiFe/Pt, 150 nm constriction, 0.1 T in the plane: red shift",
        NIFE_SOURCES | {"B_ext": "[D] 0.1 T in the plane, 30 deg from the axis of p"},
    ),
    "nife-w": Preset(
        Oscillator(**(NIFE | {"alpha": 0.015, "theta_SH": -0.385, "t_HM": 5e-9})),
        Drive(I=0.176e-3, B_ext=(0.05, 0.08660, 0.0)),
        "NiFe/W, 150 nm constriction, 0.1 T in the plane: a threshold several times below that on Pt",
        NIFE_SOURCES
        | dict.fromkeys(("theta_SH", "alpha", "t_HM"), MAZRAATI)
        | {"B_ext": "[D] 0.1 T in the plane, 30 deg from the axis of p, for theta_SH < 0"},
    ),
    "yig-pt-disc": Preset(
        Oscillator(
            Ms=1.7e5,
            alpha=2e-3,
            thickness=20e-9,
            width=3e-6,
            volume=pi / 4 * (3e-6) ** 2 * 20e-9,
            theta_SH=0.05,
            p=(0.0, 1.0, 0.0),
            t_HM=8e-9,
        ),
        Drive(I=1.85e-3, B_ext=(0.0, -0.048, 0.0)),
        "YIG/Pt micro-disc, 3 um across, 48 mT in the plane: low damping, collinear threshold",
        {
            **dict.fromkeys(("Ms", "alpha", "thickness", "width", "volume"), COLLET),
            **dict.fromkeys(("t_HM", "theta_SH", "B_ext"), "[K] usual for these devices"),
            "p": GEOMETRY,
            "I": "[D] 1.2 I_c",
        },
    ),
    "easy-plane-neuron": Preset(
        Oscillator(Ms=636620.0, alpha=0.08, thickness=3e-9, width=100e-9, demag=(1.0, 0.0, 0.0), p=(-1.0, 0.0, 0.0)),
        Drive(a_DL=2e-3, B_ext=(0.0, 0.0, 2.5e-3)),
        "easy-plane phase-slip neuron, pinned by a 2.5 mT field: a spike a full turn; at rest at 0.8 a_c",
        {
            **dict.fromkeys(("Ms", "demag", "p"), MARKOVIC + "; the number [D]: 0.8 T, hard axis x"),
            **dict.fromkeys(("alpha", "B_ext"), MARKOVIC + "; the number [D]: never free-runs below a_c"),
            **dict.fromkeys(("thickness", "width"), "[D] a thermal barrier of several k_B T"),
            "a_DL": "[D] 0.8 a_c, at rest",
        },
    ),
}


def _find(name):
    return PRESETS[check_choice("preset", name, PRESETS, "`shno presets` describes each name.")]


def preset(name):
    """The Oscillator of a published device. Raises ValueError, naming the known presets, for an unknown name."""
    return _find(name).oscillator


def operating_point(name):
    """The Drive at which a preset is meant to run. Raises ValueError, naming the known presets, for an unknown name."""
    return _find(name).drive
