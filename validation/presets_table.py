"""The presets have the frequencies, thresholds and sensitivities listed for them, and lie where real devices do."""

from dataclasses import replace
from functools import partial

import numpy as np

import shno
from shno.theory import critical_current_density, depinning_torque, ringdown_eigenvalue
from validation.claim import Claim
from validation.figure import BLUE, POINTS, VERMILION, panels, save
from validation.measure import azimuthal_frequency

ROWS = ()
NAMES = dict(zip("ABCDE", ("w-cofeb-pma", "nife-pt-oblique", "nife-pt-in-plane", "nife-w", "yig-pt-disc"), strict=True))
NEURON = "easy-plane-neuron"
LISTED = {  # preset: currents over the threshold, frequencies (GHz)
    "A": ((1.05, 1.2, 1.5, 1.75), (10.106, 10.715, 11.893, 12.823)),
    "B": ((1.05, 1.2, 1.35, 1.5, 2.0), (8.556, 7.913, 7.695, 7.761, 8.960)),
    "C": ((1.05, 1.2, 1.5), (7.963, 6.694, 5.255)),
}
GAMMA_LISTED = 2 * np.pi * 29.53e9  # rad/(s T), with which NiFe's numbers are listed; its source has 1.855e11
SOURCE, WITHIN = "independent code", 1e-3
LITERATURE = "published devices"
ROOM, VOLUMES = 300.0, "ABCD"  # K; the nano-constrictions
SHARES = (1.2, 1.5, 1.75)  # currents of the linewidths, in thresholds
RESISTANCE = {"A": (1000.0, 3.0), "B": (300.0, 1.2), "C": (300.0, 1.2), "D": (300.0, 1.2)}  # ohm: R, AMR 0.3, 0.4 %
MIRRORED = np.array([-1.0, 1.0, 1.0])


def device(letter, *, share=1.0, mirrored=False, listed_gamma=False):
    """(Oscillator, B_ext) of a preset; its field times share, or with the other azimuth; NiFe with the listed gamma."""
    oscillator, B = shno.preset(NAMES[letter]), np.asarray(shno.operating_point(NAMES[letter]).B_ext)
    if listed_gamma:
        oscillator = replace(oscillator, gamma=GAMMA_LISTED)
    return oscillator, share * (MIRRORED * B if mirrored else B)


def resonance(oscillator, B):
    """(Frequency, full width) without current, Hz."""
    found = shno.experiments.fmr(oscillator, B)
    return found.frequency, found.linewidth


def threshold(oscillator, B):
    """(a_c in T, J_c in A/m^2, I_c in A), magnitudes."""
    a_c = abs(shno.critical_torque(oscillator, shno.Drive(a_DL=0.0, B_ext=B)))
    J_c = critical_current_density(a_c, abs(oscillator.theta_SH), oscillator.Ms, oscillator.thickness)
    return a_c, J_c, abs(shno.experiments.critical_current(oscillator, shno.Drive(I=0.0, B_ext=B)))


def run(oscillator, B, shares, duration=150e-9, **settings):
    """The Trajectory at each current, in thresholds."""
    a_c = shno.critical_torque(oscillator, shno.Drive(a_DL=0.0, B_ext=B))
    drive = shno.Drive(a_DL=a_c * np.asarray(shares), B_ext=B)
    return shno.simulate(oscillator, drive, duration=duration, **{"dt": 1e-12, "save_every": 5} | settings)


def printed(claim_id, statement, texts, measured, unit, scale=1.0):
    """A Claim that the measured numbers are the printed ones, in `scale` units, to half of their last digit."""
    digits = min(len(text.partition(".")[2]) for text in texts.split(", "))
    expected, half = scale * np.array(texts.split(", "), float), 0.501 * scale * 10**-digits
    return Claim(claim_id, statement, SOURCE, expected, np.ravel(measured), half, "absolute", unit)


def tungsten():
    """PA: W/CoFeB/MgO."""
    oscillator, B = device("A")
    f, width = resonance(oscillator, B)
    a_c, J_c, I_c = threshold(oscillator, B)
    other = threshold(*device("A", mirrored=True))[0]
    m = shno.equilibrium(oscillator, shno.Drive(a_DL=0.0, B_ext=B))
    return [
        printed("PA1", "W/CoFeB/MgO: resonance", "9.9605", f / 1e9, "GHz"),
        printed("PA2", "elevation of m", "59.27", np.degrees(np.arcsin(m[2])), "deg"),
        printed("PA3", "full width of the resonance", "498", width / 1e6, "MHz"),
        printed("PA4", "critical torque, and with the field's azimuth mirrored", "17.940, 18.183",
                np.array([a_c, other]) * 1e3, "mT"),
        printed("PA5", "critical current density", "1.622", J_c, "A/m^2", 1e11),
        printed("PA6", "critical current in the heavy metal", "0.122", I_c * 1e3, "mA"),
        *sensitivities(oscillator, B, f, J_c),
        *above_threshold(oscillator, B),
    ]  # fmt: skip


def above_threshold(oscillator, B):
    """PA9 to PA12: f(I), and where the oscillation ends."""
    shares, listed = LISTED["A"]
    found = shno.analysis.frequency(run(oscillator, B, shares, 200e-9)) / 1e9
    ending = run(oscillator, B, (2.0, 2.3), 50e-9)
    f, S = shno.analysis.spectrum(ending, discard=25e-9)
    band = np.abs(f - 13.6e9) < 1e9
    ringing = np.sum(f[band] * S[band, 0]) / np.sum(S[band, 0])
    left = np.ptp(ending.m[-1000:, 1], axis=0).max()
    slow = "at 1.05 I_c, settled in 200 ns (10.095 in the first 60)"
    return [
        printed("PA9", "frequency at 1.2, 1.5, 1.75 I_c, RK4", "10.715, 11.893, 12.823", found[1:], "GHz"),
        Claim("PA10", slow, SOURCE, listed[0], found[0], WITHIN, unit="GHz"),
        Claim("PA11", "centre of the line at 2.0 I_c, 25 to 50 ns, as it dies away", SOURCE, 13.63, ringing / 1e9,
              WITHIN, unit="GHz"),
        Claim("PA12", "swing of a component of m at 2.3 I_c after 45 ns: at rest", SOURCE, 1e-5, left, how="at most"),
    ]  # fmt: skip


def sensitivities(oscillator, B, f, J_c):
    """PA7, PA8: what a change of each parameter does to resonance and critical current density."""
    raised = rotated(B, np.radians(1))
    gated = replace(oscillator, Ku=oscillator.Ku - 2.5e3)
    factors = {"Ku": 1.01, "Ms": 1.01, "alpha": 1.1, "thickness": 1.05}
    changed = [(replace(oscillator, **{name: getattr(oscillator, name) * x}), B) for name, x in factors.items()]
    changed += [(oscillator, 1.01 * B), (oscillator, raised), (gated, B)]
    shifts = [(resonance(*system)[0] - f) / 1e6 for system in changed]
    rises = [(threshold(*system)[1] / J_c - 1) * 100 for system in changed]
    what = "Ku +1 %, Ms +1 %, alpha +10 %, thickness +5 %, B +1 %, elevation +1 deg, Ku -2.5 kJ/m^3"
    return [
        printed("PA7", f"change of the resonance for {what}", "190.7, -352.4, -1.3, 0.0, 113.3, -64.5, -70.5", shifts,
                "MHz"),
        printed("PA8", "of the critical current density", "4.6, -7.6, 9.9, 5.0, 1.3, 2.7, -1.7", rises, "%"),
    ]  # fmt: skip


def rotated(B, angle):
    """A field raised towards z by an angle, at the same azimuth."""
    along, elevation = np.hypot(B[0], B[1]), np.arctan2(B[2], np.hypot(B[0], B[1])) + angle
    return np.linalg.norm(B) * np.append(B[:2] / along * np.cos(elevation), np.sin(elevation))


def permalloy():
    """PB, PC, PD: NiFe; frequencies with the listed gamma, of which current densities do not depend."""
    oblique, in_plane, weak = device("B"), device("C"), device("C", share=0.4)
    listed = {letter: device(letter, listed_gamma=True) for letter in "BC"}
    resonances = [resonance(*system)[0] / 1e9 for system in (listed["C"], device("C", share=0.4, listed_gamma=True))]
    found = {letter: shno.analysis.frequency(run(*listed[letter], LISTED[letter][0])) / 1e9 for letter in "BC"}
    f_of_I = partial(Claim, source=SOURCE, tolerance=WITHIN, unit="GHz")
    densities = [np.array([threshold(*each)[1] for each in systems]) for systems in (
        (oblique, device("B", mirrored=True)), (in_plane, weak), (device("D", share=0.4), device("D")))]  # fmt: skip
    gamma = "gamma/2 pi 29.53 GHz/T (1.855e11 rad/(s T) is 29.523)"
    return [
        printed("PB1", f"NiFe/Pt at 80 deg: resonance, {gamma}", "9.0636", resonance(*listed["B"])[0] / 1e9, "GHz"),
        printed("PB2", "critical current density, and with the azimuth mirrored", "1.242, 1.330", densities[0],
                "A/m^2", 1e12),
        printed("PB3", "critical current in the heavy metal", "1.12", threshold(*oblique)[2] * 1e3, "mA"),
        f_of_I("PB4", "frequency at 1.05, 1.2, 1.35, 1.5, 2 I_c, RK4, as PB1", expected=LISTED["B"][1],
               measured=found["B"]),
        printed("PC1", "NiFe/Pt in the plane: resonance at 0.1, 0.04 T, as PB1", "8.623, 5.256", resonances, "GHz"),
        printed("PC2", "critical current density there", "1.255, 1.096", densities[1], "A/m^2", 1e12),
        f_of_I("PC3", "frequency at 0.1 T, 1.05, 1.2, 1.5 I_c, RK4", expected=LISTED["C"][1], measured=found["C"]),
        printed("PD1", "NiFe/W: critical current density at 0.04, 0.1 T", "1.709, 1.956", densities[2],
                "A/m^2", 1e11),
        printed("PD2", "critical current at 0.04 T", "0.128", threshold(*device("D", share=0.4))[2] * 1e3, "mA"),
    ]  # fmt: skip


def garnet():
    """PE: YIG/Pt."""
    oscillator, B = device("E")
    f, width = resonance(oscillator, B)
    field = np.linalg.norm(B)
    exact = ringdown_eigenvalue(field, field + shno.constants.mu_0 * oscillator.Ms, oscillator.alpha, oscillator.gamma)
    statement = "YIG/Pt: resonance at 48 mT, mu_0 Ms 213.6 mT (3.13 is listed; that takes 47.7 mT)"
    return [
        Claim("PE1", statement, "Jacobian", exact.imag / (2e9 * np.pi), f / 1e9, 1e-9, unit="GHz"),
        printed("PE2", "full width of the resonance", "17", width / 1e6, "MHz"),
        printed("PE3", "critical current density", "6.4", threshold(oscillator, B)[1], "A/m^2", 1e10),
    ]


def neuron():
    """PF: the easy-plane neuron, which never turns freely below its depinning torque."""
    oscillator, drive = shno.preset(NEURON), shno.operating_point(NEURON)
    m = shno.equilibrium(oscillator, drive, driven=True)
    shares = np.arange(0.9525, 1.05, 0.005)
    driven = replace(drive, a_DL=shares * depinning_torque(drive.B_ext[2]))
    turns = []
    for m0 in (m, (-0.3, 0.0, np.sqrt(0.91))):  # at rest, and turning in the sense of the torque
        m0 = np.broadcast_to(m0, (len(shares), 3))
        moved = shno.simulate(oscillator, driven, duration=60e-9, dt=1e-12, m0=m0, save_every=10)
        turns.append(np.abs(azimuthal_frequency(replace(moved, m=moved.m[..., [1, 2, 0]]), discard=40e-9)) > 2e7)
    onsets = [shares[k.argmax()] - 0.0025 if k[-1] and not k[0] else np.nan for k in turns]
    statement = "torque from which it turns, from rest and from turning, alpha 0.08, RK4"
    return [
        printed("PF1", "easy-plane neuron: m_y at rest at 0.8 a_c", "-0.8", m[1], ""),
        Claim("PF2", statement, "a_c = B = 2.5 mT", [2.5, 2.5], np.array(onsets) * 2.5, 0.01, unit="mT"),
    ]


def within(claim_id, statement, low, high, measured, unit):
    """Two Claims: at least low, at most high."""
    rule = partial(Claim, source=LITERATURE, measured=measured, unit=unit)
    return [
        rule(f"{claim_id}a", statement, expected=low, how="at least"),
        rule(f"{claim_id}b", statement, expected=high, how="at most"),
    ]


def plausible():
    """PG1 to PG4: wide gates about what was measured on such devices."""
    f, power = np.array([operating(letter) for letter in VOLUMES]).T
    slopes = {
        letter: np.diff(shno.analysis.frequency(run(*device(letter), shares)))
        for letter, shares in {
            "A": (1.2, 1.5, 1.75),
            "C": (1.2, 1.35, 1.5),
            "D": (1.2, 1.35, 1.5),
            "B": (1.05, 1.2, 1.5, 2),
        }.items()
    }
    signs = np.sign(np.concatenate([slopes[letter] for letter in "ACDB"]))
    expected = [1, 1, -1, -1, -1, -1, -1, -1, 1]
    J_c = {letter: threshold(*device(letter))[1] for letter in VOLUMES}
    which = "W/CoFeB, NiFe/Pt 80 deg, NiFe/Pt in plane, NiFe/W"
    return [
        *within("PG1", f"frequency at the operating points: {which}", 2.0, 28.0, f / 1e9, "GHz"),
        *within("PG2", "critical current density: NiFe/Pt", 0.8e12, 2.5e12, np.array([J_c["B"], J_c["C"]]), "A/m^2"),
        *within("PG3", "critical current density: on W", 0.8e11, 5e11, np.array([J_c["A"], J_c["D"]]), "A/m^2"),
        Claim("PG4", "sign of df/dI: perpendicular +, +; in plane -, -; -, -; oblique -, -, +", LITERATURE, expected,
              signs, 0.0, "absolute"),
        *within("PG5", f"AMR power into 50 ohm at f and 2f: {which}; 1 kohm, 0.3 %; 300 ohm, 0.4 %", 0.1, 200.0, power,
                "pW"),
    ]  # fmt: skip


def operating(letter):
    """(Frequency in Hz, AMR power at it and at twice it in pW) at the operating point."""
    drive, (R, dR) = shno.operating_point(NAMES[letter]), RESISTANCE[letter]
    moved = shno.simulate(shno.preset(NAMES[letter]), drive, duration=100e-9, dt=1e-12, save_every=5)
    last = moved.t > 50e-9
    f, series = shno.analysis.frequency(moved), shno.readout.amr(moved.m[last], R, dR, (1.0, 0.0, 0.0))
    power = [shno.readout.output_power(series, moved.t[last], drive.I, k * f) for k in (1, 2)]
    return f, sum(power) * 1e12


def linewidths(letter, realisations=48, segment=100e-9):
    """Full width (Hz) of the mean spectrum of m at 300 K at each of SHARES: a Lorentzian about its peak."""
    oscillator, B = device(letter)
    noisy = {"temperature": ROOM, "seed": 1, "save_every": 20}
    moved = run(oscillator, B, np.repeat(SHARES, realisations), 500e-9, **noisy)
    f, S = shno.analysis.welch(moved, segment=segment, discard=60e-9)
    widths = []
    for mean in S.reshape(len(f), len(SHARES), realisations).mean(axis=-1).T:
        near = np.abs(f - f[np.argmax(np.where(f > 1e9, mean, 0))]) < 0.4e9
        widths.append(shno.experiments.fit_lorentzian(f[near], mean[near]).width)
    return np.array(widths)


def full_claims(figures):
    """PG6, PG7: the line at room temperature; the volume is width^2 times thickness."""
    found = {letter: linewidths(letter) / 1e6 for letter in VOLUMES}
    narrowest = np.array([found[letter].min() for letter in "ABC"])
    ratio, expected = np.mean(found["D"] / found["C"]), device("C")[0].alpha / device("D")[0].alpha
    statement = "narrowest line at 300 K of 1.2, 1.5, 1.75 I_c: W/CoFeB, NiFe/Pt 80 deg, NiFe/Pt in plane"
    above = f"linewidth of NiFe/W, {found['D'].min():.0f} MHz or more, over NiFe/Pt's: nu^2 alpha goes as 1/alpha"
    return [
        *within("PG6", statement, 0.5, 100.0, narrowest, "MHz"),
        Claim("PG7", above, "Slavin and Tiberkevich (2009)", expected, ratio, 0.15),
    ]


def claims(figures):
    """Every listed number of the presets, and the gates but those of noise."""
    if figures:
        draw(figures)
    return [*tungsten(), *permalloy(), *garnet(), *neuron(), *plausible()]


def draw(folder):
    """Frequency against current of the presets that oscillate: simulated lines, listed points."""
    caption = (
        "lines: RK4, 1 ps (YIG 2 ps), settled; dashed: small precession, eigenvalue; dotted: threshold; "
        "current in the heavy metal"
    )
    figure, axes = panels(4, caption)
    looks = (("A", "W/CoFeB/MgO, 0.4 T at 65 deg", 1.95), ("B", "NiFe/Pt, 0.7 T at 80 deg", 2.1),
             ("C", "NiFe on Pt and on W, 0.1 T in plane", 1.75), ("E", "YIG/Pt, 48 mT in plane", 1.75))  # fmt: skip
    for ax, (letter, title, stop) in zip(axes, looks, strict=True):
        _draw_preset(ax, letter, title, stop)
    _draw_preset(axes[2], "D", None, 1.75, color=VERMILION)
    save(figure, folder, "presets_table")


def _draw_preset(ax, letter, title, stop, color=BLUE):
    """One preset; with the listed gamma where a number is listed with it."""
    oscillator, B = device(letter, listed_gamma=letter in "BC")
    I_c = threshold(oscillator, B)[2] * 1e3
    sign = np.sign(shno.operating_point(NAMES[letter]).I)
    shares, below = np.linspace(1.05, stop, 29), np.linspace(0.05, 1.0, 20)
    how = {"duration": 3e-6, "dt": 2e-12, "save_every": 20} if letter == "E" else {"duration": 250e-9}
    f = shno.analysis.frequency(run(oscillator, B, shares, **how)) / 1e9
    small = shno.experiments.fmr(oscillator, B, drive=shno.Drive(I=sign * below * I_c * 1e-3)).frequency
    ax.plot(below * I_c, small / 1e9, color=color, lw=1.2, ls="--")
    ax.plot(shares * I_c, f, color=color, lw=1.4, label=NAMES[letter])
    ax.axvline(I_c, color=color, lw=0.9, ls=":")
    listed = LISTED.get(letter)
    if listed:
        ax.plot(np.array(listed[0]) * I_c, listed[1], label="listed", **POINTS)
    if title:
        ax.set(xlabel="Current (mA)", ylabel="Frequency (GHz)", title=title)
