"""Figures from saved results and never from a live model; each PNG written beside first, then renamed."""

from pathlib import Path

import shno
from neuromorph.plots import activity, evaluation, fields, files, layer, models, training


def plot(folder):
    """Draw the figures of a folder by what it holds: a comparison (results.json), STDP (stdp.json), or a run.

    Returns : list of pathlib.Path, PNG files
    Raises : FileNotFoundError, ValueError or OSError, with one line
    """
    kinds = {"results.json": plot_comparison, "stdp.json": plot_stdp}
    found = (draw for name, draw in kinds.items() if (Path(folder) / name).exists())
    return next(found, plot_run)(folder)


def plot_run(folder):
    """Draw a run into folder/figures: accuracy.png and what the other files of the folder hold.

    folder          holds config.json and metrics.json; raster.png and traces.png are of trajectories.h5, a must where
                    the configuration has an SHNO layer; iterations.png of a run that kept its accuracy every few
                    iterations; those of `plots.activity` and `plots.evaluation` of activity.npz and evaluation.json
    Returns : list of pathlib.Path, PNG files
    Raises : FileNotFoundError, ValueError (missing, damaged) or OSError (not writable), with one line
    """
    folder = Path(folder)
    config, metrics = files.read_run(folder)
    figures = {"accuracy": training.accuracy_figure(config, metrics)}
    if config.get("layer") is not None:
        run = files.read_trajectory(folder, config, metrics)
        spikes = layer.spikes_of(run, config["layer"])
        figures["raster"] = layer.raster_figure(config, metrics, run, spikes)
        figures["traces"] = layer.traces_figure(config, metrics, run, spikes)
    if metrics.get("iterations"):
        figures["iterations"] = training.iterations_figure(config, metrics)
    if (folder / "activity.npz").exists():
        figures |= activity.figures(config, metrics, files.read_activity(folder / "activity.npz"))
    if (folder / "evaluation.json").exists():
        figures |= evaluation.evaluation_figures(config, files.read_evaluation(folder / "evaluation.json"))
    return save(figures, folder / "figures")


def plot_conditions(folders, path):
    """Draw the accuracy of several runs under temperature and spread beside each other, such as of one trained without
    variability and one trained with it.

    folders         runs with an evaluation.json that holds conditions
    path            of the figure, ending in .png, .pdf or .svg
    Returns : pathlib.Path
    Raises : FileNotFoundError, ValueError or OSError, with one line
    """
    path, runs, names = shno.plots.figure_path(path), {}, []
    for folder in map(Path, folders):
        config, result = files.read_run(folder)[0], files.read_evaluation(folder / "evaluation.json")
        runs[evaluation.trained(config)] = result["conditions"]
        names.append(f"{config['model']} on {config['dataset']}, seed {config['seed']}")
    panels = evaluation.panels_of(runs)
    if len(runs) < len(names) or not panels:
        rule = "differently trained runs that were evaluated at several temperatures or spreads"
        raise ValueError(f"folders must be {rule}, got {', '.join(map(str, folders))}. Evaluate them with --chips.")
    figure = evaluation.conditions_figure(panels, f"{'; '.join(dict.fromkeys(names))}. ")
    shno.plots.save_figure(figure, path)
    return path


def plot_comparison(folder):
    """Draw a comparison into folder/figures: accuracies.png, training.png and, where there is what they show,
    iterations.png and energy.png.

    folder          holds results.json and the runs' folders that it names
    Returns : list of pathlib.Path, PNG files
    Raises : FileNotFoundError, ValueError or OSError, with one line
    """
    folder = Path(folder)
    results = files.read_results(folder / "results.json")
    courses = {
        name: [files.read_run(folder / run["folder"])[1] for run in model["runs"]]
        for name, model in results["models"].items()
    }
    return save(models.comparison_figures(results, courses), folder / "figures")


def plot_stdp(folder):
    """Draw folder/figures/receptive_fields.png from what `neuromorph.stdp.demonstrate` wrote there."""
    folder = Path(folder)
    result, arrays = files.read_stdp(folder)
    return save({"receptive_fields": fields.fields_figure(result, arrays)}, folder / "figures")


def save(figures, folder):
    """Write {name: figure} as folder/name.png; returns the paths. The folder is made where it is missing."""
    paths = {folder / f"{name}.png": figure for name, figure in figures.items()}
    folder.mkdir(parents=True, exist_ok=True)
    for path, figure in paths.items():
        shno.plots.save_figure(figure, path)
    return list(paths)
