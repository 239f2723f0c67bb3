"""The two ways in which an oscillator spikes, as settings of `SHNOLayer` inside their usable windows.

phase-slip   easy plane, p along its normal, pinned by a field: past a_c every turn of m is a spike. Markovic et al.,
             Phys. Rev. B 105, 014411 (2022) [S]
burst        auto-oscillator read by its envelope: below its threshold zeta = 1 the power of the precession leaks,
             above it grows, both at 2 Gamma (zeta - 1); where its peak within a neural step reaches `threshold`, the
             neuron has spiked and is quenched. Leaky integrate-and-fire in the logarithm of the power: Slavin and
             Tiberkevich, IEEE Trans. Magn. 45, 1875 (2009) [K], give its growth, [D] its reset

What is called measured is measured by `python -m validation transfer`, which draws both transfer curves.
"""

import numpy as np

import shno

REGIMES = ("phase-slip", "burst")


def regime(name):
    """Settings of SHNOLayer under which its neurons spike in this way, a dict of keyword arguments.

    name : "phase-slip" | "burst"
    Returns : dict, made anew. oscillator, bias; critical_torque (T), signed: the unit a_c of the input, that which
        destabilises rest; n_steps, neural_step (s), dt (s); component, threshold, rearm: a spike is an upward crossing
        of this component of m; clip, the largest total drive in a_c; reset, reset_fraction, read_out, truncate
    Raises : TypeError, ValueError for another name
    Source : as the module; the numbers [D], each with its measured reason at `phase_slip` and `burst`
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, got {type(name).__name__}. 'phase-slip' and 'burst' are known.")
    if name not in REGIMES:
        raise ValueError(f"name must be one of {', '.join(REGIMES)}, got {name!r}. Choose one of these.")
    return phase_slip() if name == "phase-slip" else burst()


def input_range(name):
    """Inputs on top of the bias between which a neuron is graded, (1 - bias, clip - bias), in units of a_c.

    name : as of `regime`
    Returns : (onset, end), floats. Below the onset a neuron without noise is silent however long the input is held, at
        the end the drive is clipped
    Raises : TypeError, ValueError for another name
    """
    settings = regime(name)
    a_DL = shno.parameters(settings["oscillator"], settings["bias"])["a_DL"]
    bias = float(a_DL / settings["critical_torque"])
    return 1 - bias, settings["clip"] - bias


def phase_slip():
    """Settings of the easy-plane neuron, at rest at 0.8 a_c, graded from 0.2 to 15.2 a_c on top of it.

    critical_torque    the pinning field: one well a turn, depinning at a_c = B exactly
    bias               0.8 a_c: at zero input silent at 0 K; at 300 K a spike in 40 neural steps
    threshold, rearm   m_y rests at -0.8 and passes 0.7 once a turn; armed again at half of it, noise does not count a
                       turn twice: at 300 K the counts from 1 to 12 a_c are those at 0 K within 1 in 20
    neural_step        one spike a step carries an input of up to 1.5 a_c, the count of crossings more
    dt                 at clip m turns 0.18 rad a step; spikes at dt / 4 are the same at 0 K, F1 = 0.998 at 300 K
    clip               beyond 16 a_c in all m leaves the plane, m_x = a / (alpha M), and the count collapses
    reset_fraction     0.1 keeps the count nearly linear in the input; from 0.5 on spikes lock to every other step
    truncate           through soft resets the gradient grows by 1.7 a step: a network learns slowly from 3 on
    """
    bias = shno.operating_point("easy-plane-neuron")
    return {
        "oscillator": shno.preset("easy-plane-neuron"),
        "bias": bias,
        "critical_torque": float(np.linalg.norm(bias.B_ext)),
        "n_steps": 15,
        "neural_step": 0.5e-9,
        "dt": 2e-12,
        "component": 1,
        "threshold": 0.7,
        "rearm": 0.35,
        "clip": 16.0,
        "reset": "soft",
        "reset_fraction": 0.1,
        "read_out": "spike",
        "truncate": 2,
    }


def burst():
    """Settings of the envelope neuron, W/CoFeB/MgO held at 0.9 I_c, graded from 0.1 to 1 I_c on top of it.

    critical_torque    of the eigenvalue; negative: theta_SH < 0 and m rests on the side of +p
    bias               0.9 I_c: at zero input the power leaks in 3.2 ns, three neural steps; thermal rms of m_x 0.055.
                       No seed is needed at 0 K: the equilibrium moves by 0.047 an I_c, and so a step of the input
                       leaves m on a precession of that size
    component          x, in which the precession is largest of the three: m rests at m_x = -0.15
    threshold          0.25 above rest, 4.6 thermal rms: a false spike in 2e4 neural steps at 300 K and zero input. The
                       precession at 1.02 I_c just reaches it; from 1.05 to 1.9 I_c its steady peak is 0.5 to 1.1
    rearm              half of that: each period passes it, and so a step has a spike where the envelope was above the
                       threshold in it. With the envelope held from one step to the next instead (one spike a burst)
                       the count is 1 whatever the input
    neural_step        10 periods: its peak is an envelope. A low-pass of |m_perp|^2 over 0.2 ns finds the same bursts
                       under drives that change every 6 ns with F1 = 0.99, every 3 ns 0.96
    reset_fraction     0.75 takes 2 ln 4 = 2.8 off the logarithm of the power, and at clip a step adds 2.8: the rate
                       Gamma (zeta - 1) / ln 4 rises along a line to one spike a step at the clip. With 0.5 it
                       saturates at 0.6 I_c, with 0.9 it reaches half a spike at 0.9 I_c and jumps to one at the clip. A
                       refractory step halves the largest rate and gains nothing: the quench is the refraction
    clip               1.9 I_c in all: beyond 2 the precession shrinks and, without reset, m settles opposite to rest
    dt                 spikes at dt / 4 on the same noise: F1 = 0.994 at 300 K, 1 at 0 K; at 2 ps 0.988 to 0.993
    n_steps            15 ns: at 300 K a spike from 0.15 I_c on, without noise from 0.25 (latency 13 ns)
    truncate           none: an envelope has no phase. Through 15 steps the gradient of a spike by the input keeps its
                       size within a factor of 2.3, and 95 % of its elements are positive
    """
    oscillator, B_ext = shno.preset("w-cofeb-pma"), shno.operating_point("w-cofeb-pma").B_ext
    a_c = float(shno.critical_torque(oscillator, shno.Drive(I=0.0, B_ext=B_ext)))
    I_c = a_c / float(shno.parameters(oscillator, shno.Drive(I=1.0, B_ext=B_ext))["a_DL"])
    return {
        "oscillator": oscillator,
        "bias": shno.Drive(I=0.9 * I_c, B_ext=B_ext),
        "critical_torque": a_c,
        "n_steps": 15,
        "neural_step": 1e-9,
        "dt": 1e-12,
        "component": 0,
        "threshold": 0.1,
        "rearm": -0.025,
        "clip": 1.9,
        "reset": "soft",
        "reset_fraction": 0.75,
        "read_out": "spike",
        "truncate": None,
    }
