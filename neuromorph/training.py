"""Training and evaluation: functions of a model and batches. No argument parsing, no printing.

Selection uses held-out training images only; the test images are looked at once, by the selected checkpoint, and, for
a model whose recipe says so, a fixed 1,000 of them are looked at now and then, which decides nothing.
"""

import time

import torch
from torch.nn.functional import affine_grid, cross_entropy, grid_sample

from neuromorph import parallel
from neuromorph.activity import SATURATED
from neuromorph.devices import random_state, set_random_state
from neuromorph.recipes import factor, phase_of

GRADIENT_NORM = 1.0  # the hybrid's gradient is clipped to
SHIFT, TURN, ZOOM = 2 / 14, 0.17, 0.1  # augmentation: up to 2 of 28 pixels, 10 degrees, a tenth in size


def augment(images, generator):
    """Each image shifted, turned and scaled a little at random; (batch, 28, 28) in [0, 1], the same shape out.

    A film (batch, steps, 28, 28) moves as a whole.
    """
    turn, zoom, *shift = (2 * torch.rand(4, len(images), generator=generator) - 1).to(images)
    turn, zoom = TURN * turn, 1 + ZOOM * zoom
    rows = [
        torch.stack([zoom * turn.cos(), -zoom * turn.sin(), SHIFT * shift[0]], 1),
        torch.stack([zoom * turn.sin(), zoom * turn.cos(), SHIFT * shift[1]], 1),
    ]
    film = images if images.ndim == 4 else images[:, None]
    grid = affine_grid(torch.stack(rows, 1), [len(images), 1, 28, 28], align_corners=False)
    return grid_sample(film, grid, align_corners=False).view(images.shape).clamp(0, 1)  # weights may sum to 1 + 1e-7


def shown(split, index):
    """The images at an index as the models take them, float: bytes of still images over 255, of films as they are."""
    images = split.images[index]
    if images.is_floating_point():
        return images
    return images.float() if images.ndim == 4 else images.float() / 255


def main_loss(model, prediction, labels):
    """The loss that a model asks for, mean over the images: cross-entropy of its logits or, for "rate", of the last
    layer's spikes of each time step, as snnTorch's `ce_rate_loss`.
    """
    if getattr(model, "loss", "cross-entropy") == "rate":
        spikes = list(prediction.spikes.values())[-1]  # (steps, batch, classes)
        return cross_entropy(spikes.flatten(0, 1), labels.repeat(len(spikes)))
    return cross_entropy(prediction.logits, labels)


def train_epoch(
    model,
    split,
    optimiser,
    *,
    batch_size,
    generator,
    auxiliary=0.0,
    augmented=True,
    clip=GRADIENT_NORM,
    first=0,
    rate=None,
    each=None,
    progress=None,
):
    """One pass over the shuffled split; loss = main + auxiliary x auxiliary head's.

    batch_size : int             over all processes
    generator : torch.Generator  of the order and the augmentation
    augmented, clip              whether images move; largest norm of the gradient, or None
    first : int                  the presentation of image k is number first + k, for random encodings
    rate : callable              rate(share of the epoch done) -> learning rate; None: the optimiser's
    each : callable              each(iterations done, sum of the main loss over this process's rows, batch), after each
    progress : callable          progress(images done, images in all)
    Returns : {"loss", "auxiliary_loss", "train_accuracy"}, means over the images; auxiliary_loss None without that head
    """
    model.train()
    totals, seen, device = torch.zeros(3, dtype=torch.float64), 0, split.labels.device
    parts = torch.randperm(len(split), generator=generator).split(batch_size)
    for k, whole in enumerate(parts):
        if len(whole) < max(2, parallel.world()):  # batch normalisation has no variance over one image
            continue
        if rate is not None:
            for group in optimiser.param_groups:
                group["lr"] = rate(k / len(parts))
        images, labels = shown(split, whole.to(device)), split.labels[whole.to(device)]
        mine = parallel.share(len(whole))
        images = (augment(images, generator) if augmented else images)[mine]
        sums = _step(
            model, optimiser, images, labels[mine], whole[mine].to(device) + first, auxiliary, clip, len(whole)
        )
        totals += sums.cpu().double()  # mps has no float64
        seen += len(whole)
        if each is not None:
            each(k + 1, sums[0], len(whole))
        if progress is not None:
            progress(seen, len(split))
    means = (parallel.total(totals) / seen).tolist()
    return dict(zip(("loss", "auxiliary_loss", "train_accuracy"), (m if m >= 0 else None for m in means), strict=True))


def _step(model, optimiser, images, labels, numbers, auxiliary, clip, whole):
    """One step of the optimiser on this process's rows of a batch of `whole` images.

    Returns : (3,) sums over the rows: main loss, auxiliary loss (-1 each without that head), images read rightly
    """
    prediction = model(images, numbers)
    loss = main_loss(model, prediction, labels)
    other = None if prediction.auxiliary is None else cross_entropy(prediction.auxiliary, labels)
    optimiser.zero_grad(set_to_none=True)
    both = loss if other is None else loss + auxiliary * other
    (both if len(labels) == whole else both * (len(labels) / whole)).backward()
    parallel.sum_gradients(model)
    if clip is not None:
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimiser.step()
    right = (prediction.logits.argmax(1) == labels).sum()
    other = loss.new_tensor(-1.0) if other is None else other.detach()
    return torch.stack([loss.detach() * len(labels), other * len(labels), right.to(loss)])


@torch.no_grad()
def evaluate(model, split, *, batch_size=200):
    """Loss, accuracies and spiking of a model on a split; image k is its presentation number k.

    Returns : {"loss", "accuracy", "auxiliary_accuracy", "spike_rate", "dead", "saturated", "spike_rates"}
        auxiliary_accuracy   None without that head
        spike_rate   spikes / (neurons x steps x images), over all layers;  dead: fraction of neurons without a spike
                     on the whole split
        saturated    fraction with a spike in more than 95 % of their steps;  all three None for a model that does not
                     spike
        spike_rates  {layer: its spike rate}, in order of depth
    """
    model.eval()
    loss, right, right_auxiliary, active = 0.0, 0, 0, {}
    for numbers in torch.arange(len(split), device=split.labels.device).split(batch_size):
        labels = split.labels[numbers]
        prediction = model(shown(split, numbers), numbers)
        loss += main_loss(model, prediction, labels).item() * len(labels)
        right += (prediction.logits.argmax(1) == labels).sum().item()
        if prediction.auxiliary is not None:
            right_auxiliary += (prediction.auxiliary.argmax(1) == labels).sum().item()
        for name, spikes in prediction.spikes.items():
            active[name] = active.get(name, 0) + (spikes > 0).sum(dim=(0, 1)).flatten()
    n, steps = len(split), {name: len(spikes) for name, spikes in prediction.spikes.items()}
    shares = {name: counts.cpu().double() / (n * steps[name]) for name, counts in active.items()}
    other = None if prediction.auxiliary is None else right_auxiliary / n
    return {"loss": loss / n, "accuracy": right / n, "auxiliary_accuracy": other} | _spiking(shares)


def _spiking(shares):
    """Spike rate, dead and saturated fractions of the shares of steps with a spike, {layer: (neurons,)}."""
    names = ("spike_rate", "dead", "saturated")
    if not shares:
        return dict.fromkeys(names) | {"spike_rates": {}}
    share = torch.cat(list(shares.values()))
    means = (each.double().mean().item() for each in (share, share == 0, share > SATURATED))
    rates = {name: each.mean().item() for name, each in shares.items()}
    return dict(zip(names, means, strict=True)) | {"spike_rates": rates}


def is_spiking(model):
    """Whether the model holds spiking neurons (a module with a threshold)."""
    return any(hasattr(module, "threshold") for module in model.modules())


def fit(
    model,
    training,
    held_out,
    *,
    recipe,
    epochs,
    batch_size,
    seed,
    patience=None,
    watched=None,
    state=None,
    progress=None,
    on_epoch=None,
):
    """Train by a recipe; the model ends as the epoch with the best held-out accuracy, then lowest loss.

    patience : int or None       stop after so many epochs without a better one
    watched : Split or None      images that are looked at every `recipe.watch` iterations; they decide nothing
    state : what on_epoch got after an earlier epoch; the training goes on from there, to the same bits
    on_epoch(record, is_best, state) : after each epoch; state is tensors, numbers and lists, for torch.save
    Returns : history, {"records" of all epochs, "selected" epoch, "iterations" that were looked at}
    """
    device = training.labels.device
    generator = torch.Generator().manual_seed(seed)
    optimiser = optimiser_of(recipe, model)
    history = {"records": [], "iterations": [], "score": None, "selected": 0, "best": None}
    if state is not None:
        history = _restore(state, model, optimiser, generator, device)
    while (epoch := len(history["records"]) + 1) <= epochs:
        if patience is not None and epoch - 1 - history["selected"] >= patience:
            break
        settings = {"epoch": epoch, "epochs": epochs, "batch_size": batch_size, "progress": progress}
        record, looks = _one_epoch(
            model, training, held_out, optimiser, recipe, generator=generator, watched=watched, **settings
        )
        history |= {"records": [*history["records"], record], "iterations": [*history["iterations"], *looks]}
        score = [record["held_out_accuracy"], -record["held_out_loss"]]
        if history["score"] is None or score > history["score"]:
            best = {name: value.clone() for name, value in model.state_dict().items()}
            history |= {"score": score, "selected": epoch, "best": best}
        if on_epoch is not None:
            state = {"history": dict(history), "model": model.state_dict(), "optimiser": optimiser.state_dict()}
            state |= {"generator": generator.get_state(), "random": random_state(device)}
            on_epoch(record, history["selected"] == epoch, state)
    model.load_state_dict(history["best"])
    return {name: history[name] for name in ("records", "selected", "iterations")}


def optimiser_of(recipe, model):
    """The optimiser of a recipe for the model's parameters."""
    made = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[recipe.optimiser]
    return made(model.parameters(), lr=recipe.phases[0].rate, weight_decay=recipe.weight_decay, fused=True)


def _restore(state, model, optimiser, generator, device):
    """Put a state back where it was taken; its history. ValueError for a state of something else."""
    try:
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        generator.set_state(state["generator"])
        set_random_state(state["random"], device)
        return dict(state["history"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        text = " ".join(str(error).split())
        rule = "last.pt must be the state of a training of this model"
        raise ValueError(f"{rule}, got another's ({text:.100} ...). Train anew into another folder.") from None


def _one_epoch(
    model, training, held_out, optimiser, recipe, *, epoch, epochs, batch_size, generator, watched, progress
):
    """Train for an epoch and look at the held-out images; the epoch's record, and what was seen on the way."""
    began, looks = time.perf_counter(), []
    phase, iterations = phase_of(recipe, epoch, epochs), -(-len(training) // batch_size)

    def rate(done):
        return phase.rate * factor(recipe.schedule, (epoch - 1 + done) / epochs)

    def look(k, loss, images):
        at = (epoch - 1) * iterations + k
        if at % recipe.watch == 0:
            seen = evaluate(model, watched)
            look = {"iteration": at, "epoch": epoch, "loss": parallel.total(loss).item() / images}
            looks.append(look | {"test_loss": seen["loss"], "test_accuracy": seen["accuracy"]})
            model.train()

    trained = train_epoch(
        model,
        training,
        optimiser,
        batch_size=batch_size,
        generator=generator,
        auxiliary=phase.auxiliary,
        augmented=recipe.augment,
        clip=recipe.clip,
        first=epoch * len(training),
        rate=rate,
        each=look if recipe.watch and watched is not None else None,
        progress=progress,
    )
    held = evaluate(model, held_out)
    record = {"epoch": epoch, "phase": phase.name, **trained}
    record |= {f"held_out_{name}": held[name] for name in ("loss", "accuracy", "auxiliary_accuracy")}
    record |= {name: held[name] for name in ("spike_rate", "dead", "saturated")}
    return record | {"seconds": time.perf_counter() - began}, looks
