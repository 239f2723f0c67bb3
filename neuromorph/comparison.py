"""Models beside each other: train each with several seeds, or take what is there, and write what was found.

out/comparison.json         the choices that all runs share
out/MODEL/seed-K/           a run's folder, as `neuromorph train` writes it
out/results.json            every run, and the mean and deviation of a model's runs: what figures and report read
out/results.csv             a line a run
out/report.md               the table, and what the numbers say, by `neuromorph.report`
out/figures/                `neuromorph.plots.plot_comparison`
"""

import csv
import json
import shlex
from io import StringIO
from pathlib import Path
from statistics import fmean, stdev

from neuromorph.names import check_name
from shno import command

# Test accuracies that were published with the programs whose networks these are: the best test epoch of one run.
ORIGINALS = {
    "hybrid": (0.988, "digits", 4),  # with dynamics that no spin Hall oscillator has
    "ann": (0.980, "mnist", 10),
    "single-step-snn": (0.97, "mnist", 10),
    "temporal-snn": (0.97, "mnist", 10),
    "csnn": (0.9741, "mnist", 10),
}
TESTED = ("test_accuracy", "test_auxiliary_accuracy", "spike_rate", "dead", "saturated")
TRAINED = ("train_accuracy", "held_out_accuracy")  # at the selected epoch
DERIVED = ("first_held_out_accuracy", "first_loss", "last_loss", "selected_epoch", "epochs", "seconds_per_epoch")
COLUMNS = (*TESTED, *TRAINED, *DERIVED, "energy")
SETTINGS = {"dataset": "digits", "data_dir": None, "classes": 10, "recipe": None, "epochs": None, "batch_size": None}


def compare(
    out, models, seeds, *, resume=False, command_line=None, on_run=None, on_epoch=None, evaluate=None, **settings
):
    """Train or load every model with every seed; write results, report and figures into a folder.

    out                     a new folder, or one with runs of the same settings: the finished ones are taken as they are
    models : names          as of `neuromorph.models.NAMES`
    seeds : whole numbers
    resume : bool           go on with runs that were killed; without it they are a complaint
    command_line : str      that repeats this; for the report
    on_run(model, seed, metrics, whether it was there), on_epoch(model, epoch's record, whether best) : for progress
    evaluate(folder)        called for a run without evaluation.json, writes one; its energy is taken over
    settings                of SETTINGS; None: what `neuromorph.runs.run` makes of it
    Returns : the content of results.json
    Raises : ValueError, OSError
    """
    from neuromorph import plots

    out, settings = Path(out), SETTINGS | settings
    _check(models, seeds)
    _prepare(out, settings)
    for model in models:
        for seed in seeds:
            folder = run_folder(out, model, seed)
            metrics = finished(folder, _config(model, seed, settings))
            if metrics is None:
                trained = _train(folder, _config(model, seed, settings), resume, on_epoch)
            if evaluate is not None and not (folder / "evaluation.json").exists():
                evaluate(folder)
            if not (folder / "figures").exists():
                plots.plot_run(folder)
            if on_run is not None:
                on_run(model, seed, metrics or trained, metrics is not None)
    return write(out, models, seeds, settings, command_line)


def run_folder(out, model, seed):
    """Where the run of a model with a seed lies."""
    return Path(out) / model / f"seed-{seed}"


def finished(folder, config):
    """The metrics of a finished run of this config, None where there is none.

    Raises : ValueError where the folder holds another run
    """
    if not (folder / "metrics.json").exists():
        return None
    found = json.loads((folder / "config.json").read_text())
    other = [name for name, value in config.items() if name != "data_dir" and found.get(name) != value]
    if other:
        got = f"{other[0]} {found.get(other[0])!r} instead of {config[other[0]]!r}"
        raise ValueError(f"out must hold runs of these settings, got '{folder}' with {got}. Choose another.")
    return json.loads((folder / "metrics.json").read_text())


def _check(models, seeds):
    from neuromorph.models import NAMES

    for model in models:
        check_name("models", model, NAMES)
    if not models or len(set(models)) < len(models):
        raise ValueError(f"models must be different ones of {', '.join(NAMES)}, got {list(models)}. Name each once.")
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must be different whole numbers, got {list(seeds)}. 0, 1, 2 are usual.")


def _config(model, seed, settings):
    """The config of a run: what was chosen, and nothing of what was not."""
    return {"model": model, "seed": seed} | {name: value for name, value in settings.items() if value is not None}


def _prepare(out, settings):
    """Make the folder and write comparison.json; ValueError where it holds another comparison."""
    from neuromorph.runs import as_json, write_json

    path, shared = out / "comparison.json", {name: value for name, value in settings.items() if name != "data_dir"}
    if path.exists() and path.read_text() != as_json(shared):
        raise ValueError(f"out must be a new folder or one of the same settings, got '{out}'. Choose another.")
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_json(path, shared)
    except OSError as error:
        raise OSError(f"out must be a folder that can be written to, got '{out}' ({error.strerror}).") from None


def _train(folder, config, resume, on_epoch):
    """Train a run from its beginning or, with `resume`, from where it was killed."""
    from neuromorph import runs

    begun = (folder / "last.pt").exists()
    if begun and not resume:
        raise ValueError(f"out must hold no unfinished run, got '{folder}'. Go on with --resume, or delete it.")
    return runs.run({"data_dir": None} | config, folder, resume=begun, on_epoch=on_epoch)


def write(out, models, seeds, settings, command_line=None):
    """Collect the finished runs; write results.json, results.csv, report.md and the figures. Returns the results."""
    from neuromorph import plots, report
    from neuromorph.runs import write_beside, write_json

    out = Path(out)
    results = {name: settings[name] for name in ("dataset", "classes")} | {
        "seeds": list(seeds),
        "command": command_line,
    }
    results["settings"] = {name: settings[name] for name in ("recipe", "epochs", "batch_size")}
    results["models"] = {model: model_of(out, model, seeds, settings) for model in models}
    assumed = [run.pop("assumptions") for model in results["models"].values() for run in model["runs"]]
    results["energy_assumptions"] = next((text for text in assumed if text), None)
    write_json(out / "results.json", results)
    write_beside(out / "results.csv", lambda path: path.write_text(as_csv(results)))
    figures = plots.plot_comparison(out)
    text = report.report(results, [path.relative_to(out) for path in figures])
    write_beside(out / "report.md", lambda path: path.write_text(text, encoding="utf-8"))
    return results


def model_of(out, model, seeds, settings):
    """What results.json says of a model: its runs, and of each column the mean and deviation over them."""
    runs = [run_of(run_folder(out, model, seed), seed, out) for seed in seeds]
    accuracy, *images = ORIGINALS.get(model, (None,))
    comparable = images == [settings["dataset"], settings["classes"]]
    original = None if accuracy is None else {"accuracy": accuracy, "comparable": comparable, "images": images}
    return {"runs": runs, "original": original} | {name: summary(run[name] for run in runs) for name in COLUMNS}


def run_of(folder, seed, out):
    """A run in numbers; accuracies and rates are fractions, seconds are of an epoch, energy is J an image."""
    metrics = json.loads((folder / "metrics.json").read_text())
    epochs = metrics["epochs"]
    selected = next(epoch for epoch in epochs if epoch["epoch"] == metrics["selected_epoch"])
    run = {"seed": seed, "folder": str(folder.relative_to(out))} | {name: metrics.get(name) for name in TESTED}
    run |= {name: selected.get(name) for name in TRAINED}
    run |= {"first_held_out_accuracy": epochs[0]["held_out_accuracy"], "first_loss": epochs[0]["loss"]}
    run |= {"last_loss": epochs[-1]["loss"], "selected_epoch": metrics["selected_epoch"], "epochs": len(epochs)}
    seconds = [epoch["seconds"] for epoch in epochs]
    run |= {"seconds_per_epoch": fmean(seconds), "seconds": sum(seconds)}
    run |= {name: metrics.get(name) for name in ("commit", "machine")}
    return run | energy_of(folder / "evaluation.json")


def energy_of(path):
    """{"energy": J an image, "assumptions": text} of an evaluation: oscillators and digital layers, memory apart."""
    found = json.loads(path.read_text()) if path.exists() else {}
    joules = found.get("energy_J") or {}
    if joules.get("digital") is None:
        return {"energy": None, "assumptions": None}
    assumed = [f"{each['name']} {each['value']:.3g} {each['unit']}" for each in found.get("assumptions", ())]
    text = f"Oscillators (I^2 R t) and operations, memory traffic left out; constants: {', '.join(assumed)}."
    return {"energy": joules["digital"] + (joules.get("oscillators") or 0.0), "assumptions": text}


def summary(values):
    """{"mean", "sd", "values"} of the values that are there; sd is the sample's, None for one; None for none."""
    values = [float(value) for value in values if value is not None]
    if not values:
        return None
    return {"mean": fmean(values), "sd": stdev(values) if len(values) > 1 else None, "values": values}


def as_csv(results):
    """A line a run, under a line of names."""
    text = StringIO()
    writer = csv.DictWriter(text, ("model", "seed", *COLUMNS), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for model, content in results["models"].items():
        writer.writerows({"model": model, **run} for run in content["runs"])
    return text.getvalue()


def add_arguments(commands):
    """Add `neuromorph compare` to the subparsers."""
    about = "train or load models with several seeds; write a table, a report and the figures"
    parser = commands.add_parser("compare", help=about, description=about)
    parser.add_argument("--models", nargs="+", metavar="MODEL", help="names as of `train` (default: all)")
    parser.add_argument("--dataset", default="digits", help="as of `train` (default: %(default)s)")
    parser.add_argument("--data-dir", help="folder of the data set")
    parser.add_argument("--classes", type=int, default=10, help="digits 0 to classes - 1 (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0 on (default: %(default)s)")
    parser.add_argument("--recipe", help="as of `train`")
    parser.add_argument("--epochs", type=int, help="of every model (default: its recipe's)")
    parser.add_argument("--batch-size", type=int, help="of every model (default: its recipe's)")
    parser.add_argument("--resume", action="store_true", help="go on with runs that were killed")
    parser.add_argument("--out", default="runs/compare", help="folder of all (default: %(default)s)")
    parser.set_defaults(command=run)


def run(arguments, say=command.say):
    """The command `neuromorph compare`: a line an epoch and a run, at the end the table."""
    from neuromorph import report
    from neuromorph.models import NAMES

    if arguments.seeds < 1:
        raise ValueError(f"seeds must be at least 1, got {arguments.seeds}. 3 show a spread.")

    def on_epoch(model, record, best):
        say(f"{model} epoch {record['epoch']}: held-out accuracy {record['held_out_accuracy']:.2%}{' *' * best}")

    def on_run(model, seed, metrics, there):
        say(f"{model} seed {seed}: test accuracy {metrics['test_accuracy']:.2%}{' (was there)' * there}")

    def evaluate(folder):
        from neuromorph.evaluation import evaluate_run

        evaluate_run(folder, data_dir=arguments.data_dir, out=folder / "evaluation.json")

    settings = {name: getattr(arguments, name) for name in SETTINGS}
    progress = {"on_run": on_run, "on_epoch": on_epoch, "evaluate": evaluate, "command_line": command_of(arguments)}
    models = arguments.models or NAMES
    results = compare(
        arguments.out, models, list(range(arguments.seeds)), resume=arguments.resume, **progress, **settings
    )
    say(report.table(results))
    say(f"results in {arguments.out}")


def command_of(arguments):
    """The command line that repeats a comparison."""
    names = ("models", "dataset", "data_dir", "classes", "seeds", "recipe", "epochs", "batch_size", "out")
    words = ["neuromorph", "compare"]
    for name in names:
        value = getattr(arguments, name)
        if value is not None:
            words += [f"--{name.replace('_', '-')}", *map(str, value if name == "models" else [value])]
    return shlex.join(words)
