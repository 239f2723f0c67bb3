"""Which gradient the spiking layer learns with: truncations and resets on a task, and how gradients grow with time.

The reset turns those that spiked towards rest. Which of them did carries no gradient in the layer (as in snnTorch), the
rotation itself does, unless the layer is told detach_reset: then what spiked starts anew. A third way is made here, by
a loop of passages:
    selection   the surrogate's gradient flows through who spiked as well: m + s (turned - m)
"""

import numpy as np
import torch

from neuromorph.models import SHNONeurons
from neuromorph.neuron import SHNOLayer
from neuromorph.read_out import read
from neuromorph.regimes import REGIMES
from shno import vector
from validation.claim import Claim
from validation.figure import BLUE, VERMILION, panels, save
from validation.spiking import BIAS, SETTINGS
from validation.trained import RECIPE, accuracy, digits, real_drives, settings_of, train
from validation.transfer_figures import GREEN

ROWS = ()
TRUNCATIONS = (1, 2, 3, 5, None)
SEEDS = {"phase-slip": range(5), "burst": range(3)}  # of the trainings: their means to 0.3 points
DT = 2e-12  # s, the burst neuron's too, for time
TURNING, HELD = np.array([8.0, 10, 12]), (5, 10, 15)  # a_c in all, far above depinning; neural steps


class LoopedNeurons(SHNONeurons):
    """The hybrid's oscillators, one neural step at a time, with the soft reset in torch: by selection or not."""

    def __init__(self, selection, **settings):
        """Whether a gradient flows through who spiked, and settings of the layer."""
        super().__init__(**settings | {"reset": "none"})
        self.selection = selection

    def forward(self, x):
        """Spikes (steps, batch, n) and the watched m_y at the end, as `SHNONeurons`."""
        layer, rest, spikes = self.layer, self.layer.rest.to(x), []
        state = layer.initial_state(x.shape[1], x)
        for k, a_DL in enumerate(layer.drive(x)):
            if layer.truncate and k % layer.truncate == 0:
                state = state._replace(m=state.m.detach())
            passage, state = layer._integrate(a_DL[None], state)
            spikes.append(read(layer, passage)[0])
            m = state.m
            turned = vector.rotate_towards(m.unbind(-1), rest.expand_as(m).unbind(-1), layer.reset_fraction)
            state = state._replace(m=self.after(m, torch.stack(turned, dim=-1), spikes[-1][..., None]))
        return torch.stack(spikes), state.m[..., 1]

    def after(self, m, turned, spiked):
        """m, turned where it spiked."""
        return m + spiked * (turned - m) if self.selection else torch.where(spiked > 0, turned, m)


def scores(name, seeds, **changes):
    """{mode: accuracies, one a seed} of the hybrid trained with each truncation and, where the default truncates, with
    the other ways through the reset.
    """
    settings = settings_of(name, **changes)
    made = {mode: lambda mode=mode: SHNONeurons(**settings | {"truncate": mode}) for mode in TRUNCATIONS}
    if settings["truncate"]:
        made["selection"] = lambda: LoopedNeurons(True, **settings)
        made["detached"] = lambda: SHNONeurons(**settings | {"detach_reset": True})
        made["detached, None"] = lambda: SHNONeurons(**settings | {"detach_reset": True, "truncate": None})
    return {mode: np.array([accuracy(train(neurons(), seed)) for seed in seeds]) for mode, neurons in made.items()}


def gradient_norms(name, reset="soft", images=40):
    """Norm over the neurons of d(sum of the last step's spikes)/d(drive at step k), (steps, images), no truncation."""
    x = real_drives(name, images).requires_grad_()
    layer = SHNOLayer(x.shape[-1], **SETTINGS[name] | {"truncate": None, "reset": reset})
    spikes, _ = layer(x)
    spikes[-1].sum().backward()
    return x.grad.norm(dim=-1).numpy()


def growth(norms):
    """By how much the norm's mean over the images grows with each neural step further back, over all of them."""
    mean = norms.mean(1)
    return float((mean[0] / mean[-1]) ** (1 / (len(mean) - 1)))


def phase_sensitivity(n):
    """d(angle of m in its plane)/d(drive held for n neural steps), rad an a_c, by the adjoint; no reset."""
    s = SETTINGS["phase-slip"]
    layer = SHNOLayer(len(TURNING), **s | {"truncate": None, "reset": "none", "n_steps": n})
    x = torch.tensor(TURNING - BIAS["phase-slip"])[None].requires_grad_()
    m = layer(x)[1].m[0]
    angle = torch.atan2(m[:, 1], m[:, 2])
    angle.sum().backward()
    return x.grad[0].abs().numpy()


def difference():
    """Largest difference of the layer's gradient from that of `rotation` in the loop, over its largest element."""
    settings = settings_of("phase-slip", truncate=None)
    x = torch.as_tensor(np.random.default_rng(3).uniform(-0.5, 3, (6, 4, 60))).requires_grad_()
    slopes = []
    for neurons in (SHNONeurons(**settings), LoopedNeurons(False, **settings)):
        spikes, m_y = neurons(x)
        slopes += torch.autograd.grad(spikes.sum() + m_y.sum(), x)
    return float((slopes[0] - slopes[1]).abs().max() / slopes[0].abs().max())


def claims(figures):
    """How the phase's sensitivity grows, in closed form."""
    s, bound = SETTINGS["phase-slip"], "the phase's sensitivity to a held drive, over 5, 10, 15 neural steps of it"
    each = s["oscillator"].gamma * s["critical_torque"] * s["neural_step"] / s["oscillator"].alpha
    measured = np.array([phase_sensitivity(n) for n in HELD])
    expected = np.tile(each * np.array(HELD)[:, None], len(TURNING))
    what = f"{bound}, 8, 10, 12 a_c, no reset, adjoint; tolerance a_c/a: the speed within a turn"
    same = "gradient of spikes and m_y by the drives: the layer's - the loop's without selection, relative"
    return [
        Claim("G1", what, "gamma t/alpha", expected, measured, 1 / TURNING.min(), unit="rad/a_c"),
        Claim("G5", same, "the same rule", 0.0, difference(), 1e-9, "absolute"),
    ]


def full_claims(figures):
    """The default against the other modes, and the growth of the gradient's norm."""
    rows = []
    for id, name in zip(("G2", "G3"), REGIMES, strict=True):
        found = scores(name, SEEDS[name], dt=DT)
        mean = {mode: values.mean() for mode, values in found.items()}
        default = SETTINGS[name]["truncate"]
        listed = ", ".join(f"{mode}: {value:.4f}" for mode, value in mean.items())
        what = (
            f"accuracy with truncate = {default}, {name}, {RECIPE}, {len(SEEDS[name])} seed(s), {len(digits()[1])} test"
        )
        best = max(mean[mode] for mode in TRUNCATIONS) - 0.01
        rows.append(
            Claim(id, f"{what} images ({listed})", "the best truncation - 1 point", best, mean[default], how="at least")
        )
    norms = {(name, reset): gradient_norms(name, reset) for name in REGIMES for reset in ("soft", "none")}
    what = "growth a neural step of |d last step's spikes / d drive|, 40 test images,"
    for id, key, bound, how, why in (
        ("G4a", ("phase-slip", "soft"), 1.4, "at least", "why it is truncated"),
        ("G4b", ("phase-slip", "none"), 1.2, "at most", "it is the reset's rotation that grows"),
        ("G4c", ("burst", "soft"), 1.2, "at most", "why it is not truncated"),
    ):
        rows.append(Claim(id, f"{what} {key[0]}, reset {key[1]}", why, bound, growth(norms[key]), how=how))
    if figures:
        draw(figures, norms)
    return rows


def draw(folder, norms):
    """The norm against how far the step lies in the past: mean, and 10 to 90 % of the images."""
    caption = "No truncation; line: mean over 40 test images, band: their 10 to 90 %. Trained hybrid, seed 0, 0 K: "
    figure, axes = panels(len(REGIMES), f"{caption}\n{RECIPE}")
    looks = {"soft": (VERMILION, "-", "soft reset"), "none": (BLUE, "--", "no reset")}
    for ax, name in zip(axes, REGIMES, strict=True):
        for reset, (color, style, label) in looks.items():
            values = norms[name, reset][::-1]
            back = np.arange(len(values))
            low, high = np.quantile(values, (0.1, 0.9), axis=1)
            ax.fill_between(back, low, high, color=color, alpha=0.2, lw=0)
            factor = f"{label}, x {growth(norms[name, reset]):.2f} a step"
            ax.plot(back, values.mean(1), color=color, ls=style, marker="o", ms=3.5, label=factor)
        cut = SETTINGS[name]["truncate"]
        if cut:
            ax.axvline(cut - 0.5, color=GREEN, lw=1.2, ls=":", label=f"truncate = {cut} keeps what is to the left")
        ax.set(
            yscale="log", xlabel="Neural steps before the last", ylabel="|d spikes of last step / d drive| ($1/a_c$)"
        )
        ax.set_title(f"{name} neuron", fontsize=10)
    axes[1].set_ylabel("|d spikes of last step / d drive| ($1/I_c$)")
    save(figure, folder, "gradient_norm")
