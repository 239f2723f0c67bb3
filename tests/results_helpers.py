"""The results of a comparison, made up: what figures and report read."""

from neuromorph.comparison import COLUMNS, summary

FRACTIONS = {
    "hybrid": (0.970, 0.972, 0.971),
    "hybrid-relu": (0.980, 0.981, 0.983),
    "ann": (0.979, 0.981, 0.9805),
    "csnn": (0.990, 0.991, 0.9905),
}
COMPARABLE = {"accuracy": 0.98, "comparable": True, "images": ["mnist", 10]}
OTHER = {"accuracy": 0.988, "comparable": False, "images": ["digits", 4]}
ORIGINALS = {"ann": COMPARABLE, "hybrid": OTHER}


def run(seed, accuracy, spiking=True, **changes):
    """A run in numbers, as `neuromorph.comparison.run_of` gives it."""
    values = dict.fromkeys(COLUMNS) | {"test_accuracy": accuracy, "held_out_accuracy": accuracy - 0.002}
    values |= {"train_accuracy": accuracy + 0.001, "first_held_out_accuracy": 0.9, "first_loss": 0.8, "last_loss": 0.02}
    values |= {"selected_epoch": 4, "epochs": 5, "seconds_per_epoch": 3.0 if spiking else 1.0}
    values |= {"spike_rate": 0.2, "dead": 0.01, "saturated": 0.0} if spiking else {}
    return {"seed": seed, "folder": f"model/seed-{seed}"} | values | changes


def model(runs, original=None):
    """A model of results.json."""
    return {"runs": runs, "original": original} | {name: summary(run[name] for run in runs) for name in COLUMNS}


def results(seeds=3, **changes):
    """Four models; `changes` are {model with _: changes of its runs}."""
    models = {}
    for name, fractions in FRACTIONS.items():
        own = changes.get(name.replace("-", "_"), {})
        spiking = name in ("hybrid", "csnn")
        runs = [run(seed, fractions[seed], spiking, **own) for seed in range(seeds)]
        models[name] = model(runs, ORIGINALS.get(name))
    settings = {"recipe": None, "epochs": 5, "batch_size": None}
    content = {"dataset": "mnist", "classes": 10, "seeds": list(range(seeds)), "settings": settings}
    return content | {"command": "neuromorph compare --seeds 3", "models": models, "energy_assumptions": None}


def courses(of):
    """{model: metrics of its runs}, falling losses and rising accuracies; csnn looks every 50 iterations."""
    found = {}
    for name, content in of["models"].items():
        found[name] = []
        for each in content["runs"]:
            last = each["held_out_accuracy"]
            epochs = [{"loss": 1 / k + 0.1 * each["seed"], "held_out_accuracy": last - 0.05 / k} for k in range(1, 6)]
            looks = [{"iteration": 50 * k, "test_accuracy": last - 0.2 / k} for k in range(1, 6)]
            found[name].append({"epochs": epochs, "iterations": looks if name == "csnn" else None})
    return found
