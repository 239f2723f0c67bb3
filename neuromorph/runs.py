"""A run's folder: config.json, metrics.json, checkpoint.pt, trajectories.h5, figures/. Every file is written beside
and renamed.

config.json        every choice; enough to repeat the run
metrics.json       the figures of the selected checkpoint on the test images, evaluated once, and a record of each
                   epoch
checkpoint.pt      config and weights of the selected epoch; loads with weights_only=True
last.pt            the state after the last epoch, from which a killed run is resumed
trajectories.h5    m(t) of the layer for one test image of each class, a shno Trajectory
"""

import json
import os
from pathlib import Path

import torch

from neuromorph.datasets import batches, held_out_split, load
from neuromorph.models import TWINS, Hybrid, build
from neuromorph.record import record
from neuromorph.training import evaluate, fit


def run(config, folder, *, resume=False, on_batch=None, on_epoch=None):
    """Train the model that `config` names, test the selected checkpoint once, write the folder.

    config : {"model", "dataset", "data_dir", "classes", "epochs", "batch_size", "seed"}
    resume : go on with a run that was killed in this folder; it ends with the same weights, bit for bit
    on_batch(images done, in all), on_epoch(model's name, epoch's record, whether it is the best) : for progress
    Returns : metrics, as written to metrics.json
    Raises : ValueError, FileNotFoundError, OSError, before anything is written where possible
    """
    folder = Path(folder)
    data = load(config["dataset"], data_dir=config["data_dir"], classes=config["classes"])
    training, held_out = held_out_split(data.train, seed=config["seed"])
    if not len(held_out):
        raise ValueError(
            f"the data set must have at least 10 training images, got {len(data.train)}. Keep more classes."
        )
    torch.manual_seed(config["seed"])
    model = build(config["model"], classes=config["classes"])
    prepare(folder, config | {"layer": layer_settings(model)})

    state = read_state(folder / "last.pt") if resume else None

    def after_epoch(record, is_best, state):
        write_beside(folder / "last.pt", lambda path: torch.save(state, path))
        if on_epoch is not None:
            on_epoch(config["model"], record, is_best)

    settings = {name: config[name] for name in ("epochs", "batch_size", "seed")}
    epochs, selected = fit(model, training, held_out, **settings, state=state, progress=on_batch, on_epoch=after_epoch)
    tested = evaluate(model, data.test)
    metrics = {"model": config["model"], "test_accuracy": tested["accuracy"]}
    metrics |= {"test_auxiliary_accuracy": tested["auxiliary_accuracy"], "twin_test_accuracy": None}
    metrics |= {name: tested[name] for name in ("spike_rate", "dead", "saturated")}
    metrics |= {"selected_epoch": selected, "recorded": None, "epochs": epochs}
    content = {"config": config, "model": model.state_dict()}
    write_beside(folder / "checkpoint.pt", lambda path: torch.save(content, path))
    if layer_settings(model) is not None:
        metrics["recorded"] = record_images(model, data.test, config["classes"], folder / "trajectories.h5")
    write_json(folder / "metrics.json", metrics)
    return metrics


def run_with_twin(config, folder, **progress):
    """`run`, then its twin in the folder's `twin/`; the twin's test accuracy joins the metrics."""
    metrics = run(config, folder, **progress)
    if config["model"] in TWINS:
        twin = run(config | {"model": TWINS[config["model"]]}, Path(folder) / "twin", **progress)
        metrics["twin_test_accuracy"] = twin["test_accuracy"]
        write_json(Path(folder) / "metrics.json", metrics)
    return metrics


def prepare(folder, config):
    """Make the folder and write config.json into it.

    Raises : OSError with one line where that cannot be done; ValueError where the folder holds another run: it is kept
    """
    path = folder / "config.json"
    if path.exists() and path.read_text() != as_json(config):
        raise ValueError(
            f"out must be a new folder or one of the same run, got '{folder}' of another run. Choose another."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(path, config)
    except OSError as error:
        raise OSError(f"out must be a folder that can be written to, got '{folder}' ({error.strerror}).") from None


def read_state(path):
    """The state that a killed run left, None where it left none; ValueError with one line for a damaged file."""
    if not path.exists():
        return None
    try:
        return torch.load(path, weights_only=True)
    except Exception as error:  # whatever a damaged file makes torch raise; no code in it is run
        raise ValueError(
            f"{path} must be the state of a run, got {type(error).__name__}. Train without --resume."
        ) from None


def write_beside(path, write):
    """write(path beside), then rename: a reader never sees half a file."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_json(path, content):
    """Write content as indented JSON."""
    write_beside(path, lambda beside: beside.write_text(as_json(content)))


def as_json(content):
    """Content as indented JSON text."""
    return json.dumps(content, indent=1) + "\n"


def layer_settings(model):
    """What decides the dynamics of the model's SHNO layer, for config.json and the figures; None without one."""
    layer = getattr(model.neurons, "layer", None) if isinstance(model, Hybrid) else None
    if layer is None:
        return None
    names = (
        "threshold",
        "rearm",
        "neural_step",
        "n_steps",
        "dt",
        "clip",
        "reset",
        "reset_fraction",
        "detach_reset",
        "truncate",
        "critical_torque",
    )
    attributes = {"reset": "reset_mode"}  # `reset` is a method
    return {name: getattr(layer, attributes.get(name, name)) for name in names} | {
        "surrogate": repr(layer.surrogate),
        "oscillator": "easy-plane-neuron",
    }


@torch.no_grad()
def record_images(model, split, classes, path):
    """Save m(t) of the layer for the first test image of each class; returns their {"labels", "predictions"}."""
    first = [int((split.labels == label).nonzero()[0]) for label in range(classes)]
    images, labels = next(batches(split[torch.tensor(first)], classes))
    model.eval()
    record(model.neurons.layer, model.drive(images)).save(path)
    return {"labels": labels.tolist(), "predictions": model(images).logits.argmax(1).tolist()}
