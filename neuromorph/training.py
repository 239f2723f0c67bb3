"""Training and evaluation: functions of a model and batches. No argument parsing, no printing.

Selection uses held-out training images only; the test images are looked at once, by the selected checkpoint.
"""

import time
from dataclasses import dataclass

import torch
from torch.nn.functional import affine_grid, cross_entropy, grid_sample

from neuromorph.activity import SATURATED
from neuromorph.datasets import batches

GRADIENT_NORM = 1.0  # clipped to
SHIFT, TURN, ZOOM = 2 / 14, 0.17, 0.1  # augmentation: up to 2 of 28 pixels, 10 degrees, a tenth in size


@dataclass(frozen=True)
class Phase:
    """A part of the training. share of the epochs, learning rate, weight of the auxiliary loss."""

    name: str
    share: float
    rate: float
    auxiliary: float


PHASES = (Phase("warm-up", 0.25, 2e-3, 0.8), Phase("main", 0.5, 1e-3, 0.4), Phase("fine-tuning", 0.25, 2e-4, 0.1))


def phase_of(epoch, epochs):
    """The Phase of an epoch, counted from 1, of so many."""
    done = (epoch - 0.5) / epochs
    for phase in PHASES[:-1]:
        done -= phase.share
        if done < 0:
            return phase
    return PHASES[-1]


def augment(images, generator):
    """Each image shifted, turned and scaled a little at random; (batch, 28, 28) in [0, 1], the same shape out."""
    turn, zoom, *shift = (2 * torch.rand(4, len(images), generator=generator) - 1).to(images)
    turn, zoom = TURN * turn, 1 + ZOOM * zoom
    rows = [
        torch.stack([zoom * turn.cos(), -zoom * turn.sin(), SHIFT * shift[0]], 1),
        torch.stack([zoom * turn.sin(), zoom * turn.cos(), SHIFT * shift[1]], 1),
    ]
    grid = affine_grid(torch.stack(rows, 1), [len(images), 1, 28, 28], align_corners=False)
    return grid_sample(images[:, None], grid, align_corners=False)[:, 0]


def train_epoch(model, split, optimiser, *, batch_size, auxiliary, generator, progress=None):
    """One pass over the shuffled split; loss = main + auxiliary x auxiliary head's, both cross-entropies.

    progress : called as progress(images done, images in all)
    Returns : {"loss", "auxiliary_loss", "train_accuracy"}, means over the images
    """
    model.train()
    totals, seen = torch.zeros(3, dtype=torch.float64), 0
    for images, labels in batches(split, batch_size, generator=generator):
        if len(labels) < 2:  # batch normalisation has no variance over one image
            continue
        prediction = model(augment(images, generator))
        losses = [cross_entropy(logits, labels) for logits in (prediction.logits, prediction.auxiliary)]
        optimiser.zero_grad(set_to_none=True)
        (losses[0] + auxiliary * losses[1]).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_NORM)
        optimiser.step()
        right = (prediction.logits.argmax(1) == labels).sum()
        totals += (
            torch.stack([losses[0].detach() * len(labels), losses[1].detach() * len(labels), right]).double().cpu()
        )
        seen += len(labels)
        if progress is not None:
            progress(seen, len(split))
    return dict(zip(("loss", "auxiliary_loss", "train_accuracy"), (totals / seen).tolist(), strict=True))


@torch.no_grad()
def evaluate(model, split, *, batch_size=256):
    """Loss, accuracies and spiking of a model on a split.

    Returns : {"loss", "accuracy", "auxiliary_accuracy", "spike_rate", "dead", "saturated"}
        spike_rate   spikes / (neurons x neural steps x images);  dead: fraction of neurons without a spike on the
                     whole split
        saturated    fraction with a spike in more than 95 % of their neural steps;  all three None for a model that
                     does not spike
    """
    model.eval()
    loss, right, right_auxiliary, active = 0.0, 0, 0, 0
    for images, labels in batches(split, batch_size):
        prediction = model(images)
        loss += cross_entropy(prediction.logits, labels, reduction="sum").item()
        right += (prediction.logits.argmax(1) == labels).sum().item()
        right_auxiliary += (prediction.auxiliary.argmax(1) == labels).sum().item()
        active = active + (prediction.spikes > 0).sum(dim=(0, 1))
    n, steps = len(split), prediction.spikes.shape[0]
    share = active.double() / (n * steps)
    result = {"loss": loss / n, "accuracy": right / n, "auxiliary_accuracy": right_auxiliary / n}
    spiking = {
        "spike_rate": share.mean().item(),
        "dead": (share == 0).double().mean().item(),
        "saturated": (share > SATURATED).double().mean().item(),
    }
    return result | (spiking if is_spiking(model) else dict.fromkeys(spiking))


def is_spiking(model):
    """Whether the model holds spiking neurons (a module with a threshold)."""
    return any(hasattr(module, "threshold") for module in model.modules())


def fit(model, training, held_out, *, epochs, batch_size, seed, state=None, progress=None, on_epoch=None):
    """Train through the three phases; the model ends as the epoch with the best held-out accuracy, then lowest loss.

    state : what on_epoch got after an earlier epoch; the training goes on from there, to the same bits
    on_epoch(record, is_best, state) : after each epoch; state is tensors, numbers and lists, for torch.save
    Returns : (records of all epochs, selected epoch)
    """
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=PHASES[0].rate, weight_decay=1e-4, fused=True)
    history = {"records": [], "score": None, "selected": None, "best": None}
    if state is not None:
        history = dict(state["history"])
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        generator.set_state(state["generator"])
        torch.set_rng_state(state["torch"])
    for epoch in range(len(history["records"]) + 1, epochs + 1):
        record = _one_epoch(
            model, training, held_out, optimiser, phase_of(epoch, epochs), batch_size, generator, progress
        )
        history["records"] = [*history["records"], {"epoch": epoch, **record}]
        score = [record["held_out_accuracy"], -record["held_out_loss"]]
        if history["score"] is None or score > history["score"]:
            best = {name: value.clone() for name, value in model.state_dict().items()}
            history |= {"score": score, "selected": epoch, "best": best}
        if on_epoch is not None:
            state = {"history": dict(history), "model": model.state_dict(), "optimiser": optimiser.state_dict()}
            state |= {"generator": generator.get_state(), "torch": torch.get_rng_state()}
            on_epoch(history["records"][-1], history["selected"] == epoch, state)
    model.load_state_dict(history["best"])
    return history["records"], history["selected"]


def _one_epoch(model, training, held_out, optimiser, phase, batch_size, generator, progress):
    """Train for an epoch at the phase's settings and look at the held-out images; the epoch's record."""
    began = time.perf_counter()
    for group in optimiser.param_groups:
        group["lr"] = phase.rate
    settings = {"batch_size": batch_size, "auxiliary": phase.auxiliary, "generator": generator, "progress": progress}
    trained = train_epoch(model, training, optimiser, **settings)
    held = evaluate(model, held_out)
    record = {"phase": phase.name, **trained}
    record |= {f"held_out_{name}": held[name] for name in ("loss", "accuracy", "auxiliary_accuracy")}
    record |= {name: held[name] for name in ("spike_rate", "dead", "saturated")}
    return record | {"seconds": time.perf_counter() - began}
