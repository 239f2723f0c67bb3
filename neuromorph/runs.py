"""A run's folder: config.json, metrics.json, metrics.csv, checkpoint.pt, last.pt, activity.npz, trajectories.h5,
figures/. Every file is written beside and renamed.

config.json        every choice; enough to repeat the run
metrics.json       the figures of the selected checkpoint on the test images, evaluated once, and a record of each
                   epoch
metrics.csv        the same records, a line an epoch, from the first epoch on
checkpoint.pt      config, names of the classes, weights of the selected epoch; loads with weights_only=True
last.pt            the state after the last epoch, from which a killed run is resumed
activity.npz       spikes, membranes and input of every layer for one test image of each class, for the figures
trajectories.h5    m(t) of the SHNO layer for one test image of each class, a shno Trajectory
"""

import csv
import json
import os
from io import BytesIO, StringIO
from pathlib import Path

import torch

import shno
from neuromorph import configuration, parallel
from neuromorph.datasets import held_out_split, load
from neuromorph.devices import device_of
from neuromorph.models import TWINS, build, layer_of, layer_settings
from neuromorph.recipes import recipe_of
from neuromorph.record import record, record_activity
from neuromorph.training import evaluate, fit, shown
from shno import origin

WATCHED = 1000  # test images that are looked at during the training of a model whose recipe says so


def run(config, folder, *, resume=False, on_batch=None, on_epoch=None):
    """Train the model that `config` names, test the selected checkpoint once, write the folder.

    config : dict      as `configuration.resolved` takes it: {"model": ...} and whatever is not left to its default
    resume : go on with a run that was killed in this folder; it ends with the same weights, bit for bit
    on_batch(images done, in all), on_epoch(model's name, epoch's record, whether it is the best) : for progress
    Returns : metrics, as written to metrics.json
    Raises : ValueError, FileNotFoundError, OSError, before anything is written where possible
    """
    folder, config = Path(folder), configuration.resolved(config)
    device = device_of(config["device"])
    data = loaded_data(config)
    config["classes"] = data.classes
    training, held_out = held_out_split(data.train, seed=config["seed"])
    if not len(held_out):
        raise ValueError(
            f"the data set must have at least 10 training images, got {len(data.train)}. Keep more classes."
        )
    test = data.test
    if device.type != "cpu":
        training, held_out, test = (split.to(device) for split in (training, held_out, test))
    model = parallel.joined(built(config).to(device))
    config |= {"layer": layer_settings(model)}
    state = prepare(folder, config, resume)
    history = fit(
        model,
        training,
        held_out,
        recipe=recipe_of(config["model"], config["recipe"]),
        **{name: config[name] for name in ("epochs", "batch_size", "seed", "patience")},
        watched=watched(test),
        state=state,
        progress=on_batch,
        on_epoch=writer(folder, config["model"], on_epoch) if parallel.is_first() else None,
    )
    metrics = {"model": config["model"], **tested(model, test), **history_of(history)}
    if parallel.is_first():
        names = list(data.class_names[: data.classes])
        content = {"config": config, "class_names": names, "model": on_cpu(model.state_dict())}
        save(folder / "checkpoint.pt", content)
        write_beside(folder / "activity.npz", lambda path: record_activity(model, test, config["classes"], path))
        if layer_of(model) is not None:
            metrics["recorded"] = record_images(model, test, config["classes"], folder / "trajectories.h5")
        write_json(folder / "metrics.json", metrics)
    return metrics


def run_with_twin(config, folder, **progress):
    """`run`, then its ReLU twin in the folder's `twin/`; the twin's test accuracy joins the metrics."""
    metrics = run(config, folder, **progress)
    if config["model"] in TWINS:
        choices = {name: value for name, value in config.items() if name not in ("layer", "temperature", "spread")}
        below = Path(folder) / "twin"
        progress["resume"] = progress.get("resume", False) and (below / "config.json").exists()
        twin = run(choices | {"model": TWINS[config["model"]][0]}, below, **progress)
        metrics["twin_test_accuracy"] = twin["test_accuracy"]
        if parallel.is_first():
            write_json(Path(folder) / "metrics.json", metrics)
    return metrics


def loaded_data(config):
    """The Dataset of a config; films have as many frames as the model has steps."""
    choices = {} if config["classes"] is None else {"classes": config["classes"]}
    choices |= {"steps": config["steps"]} if config["dataset"] == "n-mnist" else {}
    return load(config["dataset"], data_dir=config["data_dir"], **choices)


def built(config):
    """The model of a config, its weights from the config's seed."""
    torch.manual_seed(config["seed"])
    names = ("classes", "recipe", "encoding", "steps", "seed", "precision", "temperature", "spread")
    return build(config["model"], **{name: config[name] for name in names}, **(config["layer"] or {}))


def load_run(path):
    """The model of a run in evaluation mode, and its config.

    path : a run's folder, or its checkpoint.pt
    Returns : (nn.Module, with attribute class_names, dict)
    Raises : FileNotFoundError, ValueError with one line for a foreign or damaged file; no code in it is run
    """
    path = Path(path) / "checkpoint.pt" if Path(path).is_dir() else Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"checkpoint must be a run's folder or its checkpoint.pt, got '{path}'. Train first.")
    stored = loaded(path, "a checkpoint", "Train again.")
    rule = f"checkpoint must be one that `neuromorph train` wrote, got '{path}'"
    if not isinstance(stored, dict) or not all(isinstance(stored.get(name), dict) for name in ("config", "model")):
        raise ValueError(f"{rule}, which holds something else. Train again.")
    try:
        config = configuration.resolved(stored["config"])
        model = built(config)
        model.load_state_dict(stored["model"])
        model.class_names = _names(stored.get("class_names"), config["classes"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        text = " ".join(str(error).split())
        raise ValueError(f"{rule}, of another model or version ({text:.200}). Train again.") from None
    return model.eval(), config


def _names(names, classes):
    """The names of the classes, numbers where a checkpoint has none; TypeError for what are no names."""
    if names is None:
        return [str(k) for k in range(classes)]
    if not (isinstance(names, list) and len(names) == classes and all(isinstance(name, str) for name in names)):
        raise TypeError(f"class_names must be {classes} texts, got {names!r:.60}")
    return names


def tested(model, test):
    """What metrics.json says of the selected checkpoint on the test images."""
    found = evaluate(model, test)
    names = ("spike_rate", "dead", "saturated", "spike_rates")
    figures = {"test_accuracy": found["accuracy"], "test_loss": found["loss"]}
    figures |= {"test_auxiliary_accuracy": found["auxiliary_accuracy"], "twin_test_accuracy": None}
    return figures | {name: found[name] for name in names}


def history_of(history):
    """What metrics.json says of the training, and of what it ran on."""
    figures = {"selected_epoch": history["selected"], "recorded": None, "epochs": history["records"]}
    versions = {"shno": shno.__version__, "torch": torch.__version__}
    figures |= {"iterations": history["iterations"], "processes": parallel.world(), "versions": versions}
    return figures | {"commit": origin.commit(), "machine": origin.machine()}


def watched(test):
    """A fixed thousand of the test images, whatever the run's seed; all where there are fewer."""
    order = torch.randperm(len(test), generator=torch.Generator().manual_seed(0))
    return test[order[:WATCHED].sort().values.to(test.labels.device)]


def writer(folder, name, on_epoch):
    """What `fit` calls after each epoch: writes last.pt and metrics.csv, then reports."""

    def after_epoch(record, is_best, state):
        save(folder / "last.pt", state)
        write_beside(folder / "metrics.csv", lambda path: path.write_text(as_csv(state["history"]["records"])))
        if on_epoch is not None:
            on_epoch(name, record, is_best)

    return after_epoch


def prepare(folder, config, resume):
    """Make the folder, write config.json into it, and read the state from which to go on: None at the beginning.

    Raises : OSError with one line where that cannot be done; ValueError where the folder holds another run, which is
    kept; FileNotFoundError where there is no run to resume
    """
    path = folder / "config.json"
    if resume and not path.exists():
        raise FileNotFoundError(f"out must hold a run to resume, got '{folder}' without config.json. Drop --resume.")
    if path.exists() and _choices(path) != as_json(config):
        raise ValueError(
            f"out must be a new folder or one of the same run, got '{folder}' of another run. Choose another."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if parallel.is_first():
            for part in folder.glob(".*.part"):  # of a run that was killed while it wrote
                part.unlink()
            write_json(path, config)
    except OSError as error:
        raise OSError(f"out must be a folder that can be written to, got '{folder}' ({error.strerror}).") from None
    last = folder / "last.pt"
    return loaded(last, "the state of a run", "Train without --resume.") if resume and last.exists() else None


def _choices(path):
    """The choices in a config.json as this version would write them: what it does not know is at its default."""
    try:
        stored = json.loads(path.read_text())
        return as_json(configuration.resolved(stored) | {"layer": stored["layer"]})
    except (OSError, KeyError, TypeError, ValueError):
        return None  # no run's


def loaded(path, what, remedy):
    """What torch.save wrote, on the CPU; ValueError with one line for a damaged file, of which no code is run."""
    try:
        return torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # whatever a damaged file makes torch raise
        raise ValueError(f"{path} must be {what}, got {type(error).__name__}. {remedy}") from None


def save(path, content):
    """torch.save, to the same bytes for the same content: torch would write the name of a file into it."""
    buffer = BytesIO()
    torch.save(content, buffer)
    write_beside(path, lambda beside: beside.write_bytes(buffer.getbuffer()))


def on_cpu(weights):
    """The tensors of a state_dict, copied to the CPU."""
    return {name: value.detach().cpu().clone() for name, value in weights.items()}


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


def as_csv(records):
    """Records of one kind as CSV text, None as an empty cell."""
    text = StringIO()
    table = csv.DictWriter(text, records[0].keys(), lineterminator="\n")
    table.writeheader()
    table.writerows(records)
    return text.getvalue()


@torch.no_grad()
def record_images(model, split, classes, path):
    """Save m(t) of the layer for the first test image of each class; returns their {"labels", "predictions"}."""
    first = torch.tensor([int((split.labels == label).nonzero()[0]) for label in range(classes)])
    first = first.to(split.labels.device)
    images, labels = shown(split, first), split.labels[first]
    model.eval()
    with model.products(images):
        record(layer_of(model), model.drive(images, first)).save(path)
    return {"labels": labels.tolist(), "predictions": model(images, first).logits.argmax(1).tolist()}
