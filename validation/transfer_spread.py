"""What temperature and a fabrication spread of 10 % do to the transfer curve of either regime.

Every relative standard deviation of `shno.variability.typical` is multiplied by one factor, which is solved for such
that the threshold current's, over devices, is 10 %. All are white: each neuron is its own device. Every device gets
the current of the nominal one, bias and input, and is reset towards the nominal rest.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import torch

import shno
from neuromorph.regimes import REGIMES
from shno import theory
from shno.variability import sample, typical
from validation.claim import Claim
from validation.figure import BLUE, VERMILION, panels, save
from validation.spiking import BIAS, QUIET, SETTINGS, rest, torque
from validation.transfer_figures import ROOM, mark

ROWS = ()
SPREAD, WAFER, MANY = 0.1, 7, 2000  # of the threshold; seed; devices from which the factor is solved for
DEVICES, SEED = 200, 11  # devices, and realisations of the noise, of a band; seed of the noise
HEAVY_METAL = {"theta_SH": 0.1, "t_HM": 5e-9}  # of the neuron that is driven by a torque: only their spread enters
CLEAR = 0.05  # of the threshold: devices closer to it need longer than the run to spike


def nominal(name):
    """The regime's oscillator, with a heavy metal that makes a torque of a current."""
    oscillator = SETTINGS[name]["oscillator"]
    return oscillator if oscillator.theta_SH else replace(oscillator, **HEAVY_METAL)


def devices(name, n, factor, first=0):
    """n devices, and the torque that a current makes in each over what it makes in the nominal one."""
    spread = {key: factor * each.sd for key, each in typical(nominal(name)).items()}
    drawn = sample(nominal(name), n, spread, WAFER, first=first)
    unit = shno.Drive(I=1e-3, B_ext=SETTINGS[name]["bias"].B_ext)
    each, usual = (shno.parameters(oscillator, unit)["a_DL"] for oscillator in (drawn, nominal(name)))
    return drawn, np.broadcast_to(each / usual, (n,))


def thresholds(name, n, factor, first=0):
    """Threshold current of each device over the nominal one's."""
    drawn, torques = devices(name, n, factor, first)
    if name == "phase-slip":  # a_c is the pinning field, which is no device's own
        return 1 / torques
    at_rest = shno.Drive(I=0.0, B_ext=SETTINGS[name]["bias"].B_ext)
    return shno.critical_torque(drawn, at_rest) / SETTINGS[name]["critical_torque"] / torques


@cache
def factor_of(name):
    """The factor on the typical spreads that spreads the threshold current by SPREAD."""
    factor = 1.0
    for _ in range(5):  # the spread is nearly proportional to the factor
        factor *= SPREAD / spread_of(thresholds(name, MANY, factor))
    return factor


def crossings(name, x, runs, *, spread=False, temperature=0.0, steps=None):
    """Crossings a neural step of inputs x (n,) held after a few steps at zero, (steps, n, runs)."""
    s, steps = SETTINGS[name], steps or SETTINGS[name]["n_steps"]
    device, torques = devices(name, runs, factor_of(name)) if spread else (s["oscillator"], np.ones(runs))
    held = np.concatenate([np.zeros((QUIET[name], len(x))), np.tile(x, (steps, 1))])
    a_DL = torch.as_tensor(torque(name, held)[..., None] * torques)
    settings = {key: s[key] for key in ("dt", "component", "threshold", "rearm", "reset_fraction")}
    settings |= {"n_steps": round(s["neural_step"] / s["dt"]), "rest": rest(name)}
    if temperature:
        well = (device.alpha, temperature, device.Ms, device.volume, s["dt"], device.gamma)
        settings |= {"deviation": theory.thermal_field(*well), "seed": SEED}
    values = shno.parameters(device, shno.Drive(a_DL=0.0, B_ext=s["bias"].B_ext))
    start = rest(name).expand(len(x), runs, 3)
    return shno.integrate_sequence(values, start, a_DL, **settings).crossings[QUIET[name] :].numpy()


def claims(figures):
    """None are quick: a threshold is an eigenvalue's for each of thousands of devices."""
    return []


def full_claims(figures):
    """The spread is what it is said to be, and each device starts to spike at its own threshold."""
    rows = []
    for id, name in zip(("P11", "B14"), REGIMES, strict=True):
        fresh = thresholds(name, MANY, factor_of(name), first=MANY)
        what = f"sd of the threshold current, {name}, {MANY} other devices, typical spreads x {factor_of(name):.3f}"
        error = 4 * SPREAD / np.sqrt(MANY)  # sd / (2 n)^(1/2), twice: the factor is from as many
        found = (SPREAD, spread_of(fresh), error, "absolute")
        rows.append(Claim(f"{id}a", f"{what}; tol.: 4 standard errors", "asked for", *found))
    if figures:
        draw(figures)
    return [*rows, onset("P11b")]


def spread_of(currents):
    """Relative standard deviation."""
    return currents.std() / currents.mean()


def onset(id):
    """Phase-slip devices that spike though their threshold current is above the held one, or do not though it is
    below. A burst neuron's onset is that of its amplitude, and no closed form.
    """
    name = "phase-slip"
    own = thresholds(name, DEVICES, factor_of(name))
    x = np.array([0.95, 1.05, 1.15]) - BIAS[name]
    spiked = (crossings(name, x, DEVICES, spread=True, steps=60) > 0).sum(0) > 0
    over = (BIAS[name] + x)[:, None] / own
    wrong = (spiked != (over > 1)) & (np.abs(over - 1) > CLEAR)
    what = f"of {DEVICES} devices at 0.95, 1.05, 1.15 of the nominal threshold, 60 neural steps, {name}: spike below"
    return Claim(id, f"{what} 0.95 or silent above 1.05 of their own", "a_c = B", 0, wrong.sum(1), 0, "absolute")


def draw(folder):
    """Mean and standard deviation of the spikes of a held input, at 0 K, at 300 K, and over fabricated devices."""
    factors = ", ".join(f"{factor_of(name):.2f} ({name})" for name in REGIMES)
    caption = (
        f"Soft reset; bands: one standard deviation over {DEVICES} runs (seed {SEED}) or devices (seed {WAFER}); "
        "dashed: threshold and clip\n"
        f"spread: all of shno.variability.typical x {factors}, so that the threshold's is 10 %"
    )
    figure, axes = panels(3, caption)
    slip, burst = np.arange(-0.8, 3.01, 0.1), np.arange(-0.5, 1.16, 0.05)
    for ax, name, x, counted, title in (
        (axes[0], "phase-slip", slip, False, "Phase-slip neuron, read as 0/1"),
        (axes[1], "phase-slip", np.arange(-0.8, 12.1, 0.4), True, "Phase-slip neuron, read as count"),
        (axes[2], "burst", burst, False, "Burst neuron, read as 0/1"),
    ):
        curves(ax, name, x, counted)
        unit, of = ("a_c", 0.8) if name == "phase-slip" else ("I_c", 0.9)
        ax.set(xlabel=f"Input on top of {of} ${unit}$ (${unit}$)", ylabel="Spikes in 15 neural steps")
        ax.set_title(title, fontsize=10)
        mark(ax, name, x)
    save(figure, folder, "transfer_spread")


def curves(ax, name, x, counted):
    """The three curves of a panel."""
    for label, color, style, settings in (
        ("300 K", VERMILION, "--", {"temperature": ROOM}),
        ("0 K, 10 % spread", BLUE, "-.", {"spread": True}),
    ):
        found = crossings(name, x, DEVICES, **settings)
        found = (found if counted else found > 0).sum(0)
        mean, sd = found.mean(1), found.std(1)
        ax.fill_between(x, mean - sd, mean + sd, color=color, alpha=0.22, lw=0)
        ax.plot(x, mean, color=color, ls=style, lw=1.5, label=label)
    cold = crossings(name, x, 1)[..., 0]
    ax.plot(x, (cold if counted else cold > 0).sum(0), color="black", lw=1.0, label="0 K")
