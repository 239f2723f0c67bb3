"""Every choice of a training, by name: defaults, a file, and flags on top. No torch, so that a mistake is told at once.

A file is TOML, or the config.json of a run's folder, which repeats the run:

    model = "hybrid"
    dataset = "mnist"
    data_dir = "data"
    epochs = 10
    [layer]                      # settings of the SHNO layer, any of those that config.json lists
    reset_fraction = 0.2
"""

import json
import tomllib
from pathlib import Path

from neuromorph.names import check_name
from neuromorph.recipes import PRECISIONS, recipe_of

DEFAULTS = {
    "dataset": "digits",
    "data_dir": None,
    "classes": None,  # None: all that the data set has
    "recipe": "default",
    "epochs": None,  # None: the recipe's
    "batch_size": None,
    "encoding": None,
    "steps": None,
    "patience": None,
    "seed": 0,
    "device": "auto",
    "precision": "float32",
    "temperature": 0.0,
    "spread": 0.0,
}
TEXT = ("model", "dataset", "data_dir", "recipe", "encoding", "device", "precision")
LEAST = {"classes": 2, "epochs": 1, "batch_size": 2, "steps": 1, "patience": 1, "seed": 0}
MOST = {"seed": 2**32 - 1}
OPTIONAL = ("data_dir", "classes", "epochs", "batch_size", "encoding", "steps", "patience")


def read(path):
    """The choices in a .toml or .json file, a dict; FileNotFoundError or ValueError with one line."""
    path = Path(path)
    if path.is_dir():
        path = path / "config.json"
    if not path.is_file():
        raise FileNotFoundError(f"config must be a .toml file or a run's config.json, got '{path}'. There is none.")
    try:
        text = path.read_text(encoding="utf-8")
        found = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except ValueError as error:
        raise ValueError(f"config must be TOML or JSON, got '{path}', a damaged one ({error}).") from None
    if not isinstance(found, dict):
        raise ValueError(f"config must hold names and values, got a {type(found).__name__} in '{path}'.")
    return {name.replace("-", "_"): value for name, value in found.items()}


def merged(model, flags, file=None):
    """Flags over a file; ValueError where the file is of another model.

    model : str or None      of the command line
    """
    file = {} if file is None else dict(file)
    if model is not None and file.get("model", model) != model:
        raise ValueError(f"config must be of the model {model}, got one of {file['model']!r:.60}. Name the same model.")
    chosen = file | flags | ({} if model is None else {"model": model})
    if "model" not in chosen:
        raise ValueError(
            "model must be given, or a config with one, got neither. `neuromorph train hybrid` is a start."
        )
    return chosen


def resolved(config):
    """All choices of a training, checked as far as no data and no device are needed; what is open, by the recipe.

    config : dict            with "model" at least
    Returns : dict, in a fixed order; "layer", settings of the SHNO layer, is {} where nothing is given
    Raises : ValueError, TypeError
    """
    for name in config:
        check_name("choice", name, ("model", *DEFAULTS, "layer"))
    chosen = {"model": config["model"]} | DEFAULTS | {name: x for name, x in config.items() if name != "layer"}
    recipe = recipe_of(chosen["model"], chosen["recipe"])
    for name in ("epochs", "batch_size", "encoding", "steps"):
        chosen[name] = getattr(recipe, name) if chosen[name] is None else chosen[name]
    for name, value in chosen.items():
        _check(name, value)
    check_name("precision", chosen["precision"], PRECISIONS)
    layer = config.get("layer") or {}
    if not isinstance(layer, dict):
        raise TypeError(f"layer must be a table of settings, got {layer!r:.60}. Or leave it out.")
    return chosen | {"layer": layer}


def _check(name, value):
    """TypeError, ValueError unless a choice is of its kind and in its range."""
    if value is None and name in OPTIONAL:
        return
    if name in TEXT:
        if not isinstance(value, str):
            raise TypeError(f"{name} must be text, got {value!r:.60}. Put it in quotes.")
    elif name in LEAST:
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{name} must be a whole number, got {value!r:.60}. Correct it.")
        if not LEAST[name] <= value <= MOST.get(name, 2**31):
            raise ValueError(f"{name} must be in [{LEAST[name]}, {MOST.get(name, 2**31)}], got {value}. Correct it.")
    else:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{name} must be a number, got {value!r:.60}. Correct it.")
        if not 0 <= value <= {"temperature": 2000, "spread": 0.5}[name]:
            limit = {"temperature": "[0, 2000] K", "spread": "[0, 0.5]"}[name]
            raise ValueError(f"{name} must be in {limit}, got {value}. 300 K and 0.1 are usual.")
