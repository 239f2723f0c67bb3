"""What happens inside a model: the magnetisation within the neural steps, and the spikes of every layer, for files."""

from copy import copy
from pathlib import Path

import numpy as np
import torch

import shno
from neuromorph.noise import added

NEURONS = 256  # of a layer at most whose spikes are kept, evenly over it
TRACED = 6  # of a layer at most whose membranes are kept, from the busiest to the most silent


@torch.no_grad()
def record_activity(model, split, classes, path):
    """Write what a model does with the first image of each class as `activity.npz`, compressed.

    model                   forward(images, numbers=, record=True) -> Prediction; encoding, a name; encoded(images,
                            numbers) -> (steps, n, 28, 28), where that is not "direct"
    split : Split           of images in [0, 1], or of films, whose spikes are the input
    classes : integer
    path                    of the file
    The file's arrays, of n = `classes` images and, k counting the layers by depth, L spiking layers:
        images (n, 28, 28) uint8;  labels, predictions (n,) int64;  logits (n, classes) float32
        encoding, a name;  encoded (steps, n, 28, 28) uint8: the input spikes, of an encoding that makes some
        layers (L,) names;  shapes (L,) text;  thresholds (L,) float64, NaN where there is no single one
        quantities (L,) "m_y" or "V": what `membranes` is
        spikes_k (steps, n, kept) uint8;  rates_k (n,) float64: spikes per neuron and step, of the whole layer
        kept_k (kept,) int64: which neurons of the flattened layer, evenly over it
        membranes_k (steps, n, traced) float32, spikes_of_traced_k alike uint8;  traced_k (traced,) int64
    Returns : {"labels", "predictions"}, lists
    Raises : ValueError where a class has no image
    """
    chosen = [(split.labels == label).nonzero().flatten()[:1] for label in range(classes)]
    if not all(len(each) for each in chosen):
        missing = [label for label, each in enumerate(chosen) if not len(each)]
        raise ValueError(f"split must hold an image of each class, got none of {missing}. Keep fewer classes.")
    images, labels = split[torch.cat(chosen)].images, split.labels[torch.cat(chosen)]
    model.eval()
    prediction = model(images, numbers=torch.arange(classes), record=True)
    predicted = prediction.logits.argmax(1)
    content = {"images": _pictures(images), "labels": labels, "predictions": predicted}
    content |= {"logits": prediction.logits.float()} | _encoded(model, images) | _layers(model, prediction)
    arrays = {name: x.cpu().numpy() if torch.is_tensor(x) else np.array(x) for name, x in content.items()}
    with Path(path).open("wb") as file:  # to a name, numpy would append its ending
        np.savez_compressed(file, **arrays)
    return {"labels": labels.tolist(), "predictions": predicted.tolist()}


def _pictures(images):
    """Grey images (n, 28, 28) uint8; of films (n, steps, 28, 28) how much there was over time, the most as black."""
    if images.ndim == 4:
        images = images.abs().mean(1)
        images = images / images.amax((1, 2), keepdim=True).clamp(min=1e-9)
    return (255 * images).round().byte()


def _encoded(model, images):
    """The encoding's name and, where it makes spikes, those of the images; a delta's negative ones as spikes too."""
    encoding = "events" if images.ndim == 4 else getattr(model, "encoding", None) or "direct"
    if encoding == "direct":
        return {"encoding": encoding}
    spikes = model.encoded(images, torch.arange(len(images)))
    return {"encoding": encoding, "encoded": spikes.abs().byte()}


def _layers(model, prediction):
    """Spikes and membranes of each layer, and what is known of it."""
    spiking = [module for module in model.modules() if getattr(module, "threshold", None) is not None]
    spiking = spiking if len(spiking) == len(prediction.spikes) else [None] * len(prediction.spikes)
    content = {"layers": list(prediction.spikes), "thresholds": [_threshold(module) for module in spiking]}
    content["quantities"] = ["m_y" if hasattr(module, "neural_step") else "V" for module in spiking]
    content["shapes"] = [" x ".join(map(str, spikes.shape[2:])) for spikes in prediction.spikes.values()]
    for k, (name, spikes) in enumerate(prediction.spikes.items()):
        spikes = spikes.flatten(2)  # (steps, n, neurons)
        kept = torch.linspace(0, spikes.shape[2] - 1, min(NEURONS, spikes.shape[2])).round().long()
        content |= {f"spikes_{k}": spikes[..., kept].byte(), f"kept_{k}": kept}
        content[f"rates_{k}"] = spikes.double().mean((0, 2))
        if name in prediction.membranes:
            traced = _from_busy_to_silent(spikes.sum((0, 1)))
            membranes = prediction.membranes[name].flatten(2)[..., traced]
            content |= {f"membranes_{k}": membranes.float(), f"traced_{k}": traced}
            content[f"spikes_of_traced_{k}"] = spikes[..., traced].byte()
    return content


def _from_busy_to_silent(counts):
    """Indices of up to TRACED neurons whose spike counts (neurons,) are nearest to even steps from most to least."""
    even = torch.linspace(counts.max(), counts.min(), TRACED).to(counts)
    nearest = (counts[:, None] - even).abs().argmin(dim=0).tolist()
    return torch.tensor(list(dict.fromkeys(nearest)))


def _threshold(module):
    value = torch.as_tensor(getattr(module, "threshold", torch.nan), dtype=torch.float64)
    return value.item() if value.numel() == 1 else torch.nan


@torch.no_grad()
def record(layer, x, *, save_every=5):
    """The magnetisation of a layer under an input, as a shno.Trajectory: every `save_every`-th RK4 step, resets
    included.

    layer : SHNOLayer
    x : (images, n) held, or (steps, images, n)   as `forward` takes it
    save_every : integer          divides the RK4 steps of a neural step
    Returns : Trajectory with m (steps x steps_each / save_every + 1, images, n, 3), float32; its drive is the
    Sampled torque of each neural step, with what noise and refraction make of it. It is the path of the layer itself,
    bit for bit, of the inferences that begin with this call.
        What is saved at the end of a neural step is the state before its reset, which shows as a jump after it.
    Raises : ValueError
    """
    if (
        isinstance(save_every, bool)
        or not isinstance(save_every, int)
        or save_every < 1
        or layer.steps_each % save_every
    ):
        rule = f"a whole number that divides the {layer.steps_each} steps"
        raise ValueError(f"save_every must be {rule}, got {save_every!r:.60}. Use 1 to save all.")
    x = (x.expand(layer.n_steps, *x.shape) if x.ndim == 2 else x).float()
    parts = layer.steps_each // save_every
    close = copy(layer)  # a neural step of which is a part of the layer's
    close.steps_each, close.reset_mode, close.refractory = save_every, "none", 0
    state = layer.initial_state(x.shape[1], x)
    m, torques = [state.m[None]], []
    for each in x:
        torque = layer.drive(each[None], added(layer, state, 1, each))
        torque = torque * torch.where(state.remaining > 0, layer.refractory_factor, 1.0).to(torque)
        within = state._replace(remaining=torch.zeros_like(state.remaining), done=parts * state.done)
        m.append(close._integrate(torque.expand(parts, *torque.shape[1:]), within)[0].m)
        torques.append(torque)
        _, state = layer.step(each, state)
    m, torques = (torch.cat(pieces).cpu().numpy() for pieces in (m, torques))
    noise = layer.noise
    temperature = 0.0 if noise is None else noise.size("temperature", layer.training)
    return shno.Trajectory(
        layer.dt * save_every * np.arange(len(m)),
        m,
        layer.oscillator,
        shno.Drive(a_DL=shno.Sampled(torques.astype(float), layer.neural_step), B_ext=layer.bias.B_ext),
        dt=layer.dt,
        save_every=save_every,
        executor="compiled" if x.device.type == "cpu" else "torch",
        dtype="float32",
        temperature=temperature,
        seed=noise.seed if temperature else None,
        versions=f"shno {shno.__version__}, torch {torch.__version__}",
    )
