"""The files of a run's folder as the figures read them: every part checked, one line for what does not fit.

config.json        model, dataset, classes, seed, epochs; layer: threshold, rearm, neural_step
metrics.json       accuracies as fractions, losses, phases; labels and predictions of the recorded images
trajectories.h5    shno.Trajectory, m (n, images, neurons, 3) of those images
activity.npz       spikes, membranes and input of one image of each class, as `record_activity` writes it
"""

import json
import zipfile
import zlib

import numpy as np

import shno

ACCURACIES = {
    "train_accuracy": "training",
    "held_out_accuracy": "held out",
    "held_out_auxiliary_accuracy": "held out, auxiliary head",
}
LOSSES = {"loss": "training", "held_out_loss": "held out", "auxiliary_loss": "training, auxiliary head"}

LIST, INTEGER, NUMBER, OPTIONAL = (list,), (int,), (int, float), (int, float, type(None))
CONFIG = {"model": (str,), "dataset": (str,), "classes": INTEGER, "seed": INTEGER, "epochs": INTEGER}
LAYER = {"threshold": NUMBER, "rearm": NUMBER, "neural_step": NUMBER}
METRICS = dict.fromkeys(("spike_rate", "dead", "saturated", "twin_test_accuracy"), OPTIONAL)
METRICS |= {"test_accuracy": NUMBER, "selected_epoch": INTEGER, "epochs": LIST}
EPOCH = {"epoch": INTEGER, "phase": (str, type(None))} | dict.fromkeys((*ACCURACIES, *LOSSES), OPTIONAL)
ITERATION = {"iteration": INTEGER, "loss": OPTIONAL, "test_accuracy": NUMBER}
RECORDED = {"labels": LIST, "predictions": LIST}
RESULTS = {"dataset": (str,), "classes": INTEGER, "seeds": LIST, "models": (dict,)}
MODEL = {"runs": LIST, "test_accuracy": (dict,)}
STDP = dict.fromkeys(("neurons", "steps", "epochs", "seed", "images", "labelled", "tested", "classes"), INTEGER)
STDP |= {"dataset": (str,)} | dict.fromkeys(("test_accuracy", "untrained", "untrained_at_rest"), NUMBER)
EVALUATION = {"model": (str,), "dataset": (str,), "confusion": LIST, "class_names": LIST, "conditions": LIST}
CONDITION = {"temperature": NUMBER, "spread": NUMBER, "chips": INTEGER, "mean": NUMBER, "sd": OPTIONAL, "worst": NUMBER}
UNREADABLE = (EOFError, KeyError, OSError, ValueError, zipfile.BadZipFile, zlib.error)


def read_run(folder):
    """(config, metrics) of a run's folder.

    Raises : FileNotFoundError, ValueError (missing, damaged), with one line
    """
    config, metrics = read(folder / "config.json", CONFIG), read(folder / "metrics.json", METRICS)
    if config.get("layer") is not None:
        checked(folder / "config.json", config["layer"], LAYER)
    path = folder / "metrics.json"
    numbers = [checked(path, epoch, EPOCH)["epoch"] for epoch in metrics["epochs"]]
    if metrics["selected_epoch"] not in numbers:
        rule = f"selected_epoch must be one of the {len(numbers)} epochs, got {metrics['selected_epoch']}"
        raise ValueError(f"{path}: {rule}. Train again.")
    for each in metrics.get("iterations") or []:
        checked(path, each, ITERATION)
    return config, metrics


def read(path, kinds):
    """The object in a JSON file, checked."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} must be a file that training wrote, got none. Check the folder.")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} must be a JSON file, got a damaged one ({error}). Train again.") from None
    return checked(path, record, kinds)


def checked(path, record, kinds):
    """`record`, a dict with every name in `kinds`, of one of its types; ValueError otherwise."""
    for name, types in kinds.items():
        value = record.get(name) if isinstance(record, dict) else None
        if not isinstance(value, types):
            rule = " or ".join(kind.__name__ for kind in types)
            raise ValueError(f"{path}: {name} must be {rule}, got {value!r:.40}. Train again.")
    return record


def read_trajectory(folder, config, metrics):
    """The Trajectory, m (n, images, neurons, 3); ValueError unless the other two files agree with it."""
    step = config["layer"]["neural_step"]
    recorded = checked(folder / "metrics.json", metrics.get("recorded"), RECORDED)
    path, labels, predictions = folder / "trajectories.h5", len(recorded["labels"]), len(recorded["predictions"])
    run = shno.load(path)
    if run.m.ndim != 4 or 0 in run.m.shape or not run.m.shape[1] == labels == predictions:
        rule = f"(n, images, neurons, 3) for {labels} labels and {predictions} predictions"
        raise ValueError(f"{path}: m must be {rule}, got {run.m.shape}. Train again.")
    duration = run.t[-1] - run.t[0]
    if not 0 < step <= 1.001 * duration:
        raise ValueError(f"{path}: neural_step must be in (0, {duration:.3g}] s, got {step:.3g} s. Train again.")
    return run


def read_activity(path):
    """{name: array} of activity.npz; ValueError with one line for a damaged file or one whose parts do not fit."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = dict(archive.items())
        n, layers = len(arrays["labels"]), range(len(arrays["layers"]))
        steps = arrays["spikes_0"].shape[0] if layers else 0
        shapes = {"images": (n, 28, 28), "predictions": (n,), "logits": (n, arrays["logits"].shape[1])}
        shapes |= {name: (len(layers),) for name in ("thresholds", "quantities", "shapes")}
        shapes |= {f"spikes_{k}": (steps, n, len(arrays[f"kept_{k}"])) for k in layers}
        shapes |= {f"rates_{k}": (n,) for k in layers}
        for name in ("membranes", "spikes_of_traced"):
            traced = (k for k in layers if f"membranes_{k}" in arrays)
            shapes |= {f"{name}_{k}": (steps, n, len(arrays[f"traced_{k}"])) for k in traced}
        wrong = next((name for name, shape in shapes.items() if arrays[name].shape != shape), None)
    except UNREADABLE as error:
        raise ValueError(f"{path} must hold the activity of a run, got {type(error).__name__}. Train again.") from None
    if wrong is not None:
        found = arrays[wrong].shape
        raise ValueError(f"{path}: {wrong} must be of shape {shapes[wrong]}, got {found}. Train again.")
    return arrays


def read_results(path):
    """The content of a comparison's results.json, checked."""
    results = read(path, RESULTS)
    for model in results["models"].values():
        checked(path, model, MODEL)
        checked(path, model["test_accuracy"], {"mean": NUMBER, "sd": OPTIONAL, "values": LIST})
        for run in model["runs"]:
            checked(path, run, {"folder": (str,)})
    if not results["models"]:
        raise ValueError(f"{path} must hold a model or more, got none. Compare again.")
    return results


def read_stdp(folder):
    """(stdp.json, arrays of stdp.npz) of a folder, checked."""
    result, path = read(folder / "stdp.json", STDP), folder / "stdp.npz"
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = dict(archive.items())
        fits = all(arrays[name].shape == (784, result["neurons"]) for name in ("weights", "untrained_weights"))
        fits = fits and all(arrays[name].shape == (result["neurons"],) for name in ("assigned", "theta"))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} must be a file that stdp wrote, got none. Check the folder.") from None
    except UNREADABLE as error:
        raise ValueError(f"{path} must hold the weights of a layer, got {type(error).__name__}. Learn again.") from None
    if not fits:
        raise ValueError(f"{path} must hold the {result['neurons']} neurons of stdp.json, got others. Learn again.")
    return result, arrays


def read_evaluation(path):
    """The content of evaluation.json, checked."""
    result = read(path, EVALUATION)
    counts, classes = result["confusion"], len(result["class_names"])
    if np.shape(counts) != (classes, classes) or not all(isinstance(n, int) and n >= 0 for row in counts for n in row):
        raise ValueError(f"{path}: confusion must be counts, a row for each of {classes} classes. Evaluate again.")
    for condition in result["conditions"]:
        checked(path, condition, CONDITION)
    return result
