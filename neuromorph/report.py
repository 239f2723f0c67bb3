"""The report of a comparison, in Markdown: every sentence is made from the numbers, and stands only where they carry
it.

Differences are of runs with the same seed, which share their split; s is the standard error of their mean. Two models
are told apart where the mean exceeds Student's t of s at 95 % (4.3 s for three seeds), which one seed never shows.
"""

from math import sqrt
from statistics import fmean, stdev

# A spiking model, and what its accuracy is held against.
REFERENCES = {
    "hybrid": ("hybrid-relu", "hybrid-lif", "ann"),
    "hybrid-lif": ("hybrid-relu",),
    "hybrid-csnn": ("csnn",),
    "single-step-snn": ("ann",),
    "temporal-snn": ("ann",),
    "poisson-snn": ("ann",),
}
SURE = 0.95  # probability, two-sided, of Student's t
NOTABLE = 0.05  # fraction of dead or saturated neurons that is worth a sentence
POINT = 0.001  # of accuracy: smaller differences of means are not spoken of


def report(results, figures=()):
    """The report as Markdown text.

    results : dict              the content of results.json
    figures : paths             relative to the report, shown at its end
    """
    lines = [f"# {len(results['models'])} models on {results['dataset']}, {results['classes']} classes", ""]
    if results.get("command"):
        lines += ["```text", results["command"], "```", ""]
    lines += [table(results), ""]
    seeds = len(results["seeds"])
    lines += [f"Means over {seeds} seeds, ± their standard deviation." if seeds > 1 else "One seed: no spread.", ""]
    parts = {
        "Beside the originals": originals(results),
        "How the models train": training(results),
        "Where the spiking models lose or win": differences(results),
        "What they cost": costs(results),
        "Where they were trained": origins(results),
    }
    for title, sentences in parts.items():
        if sentences:
            lines += [f"## {title}", "", *(f"- {sentence}" for sentence in sentences), ""]
    if figures:
        lines += ["## Figures", ""] + [line for path in figures for line in (f"![{path.stem}]({path.as_posix()})", "")]
    return "\n".join(lines).rstrip() + "\n"


def table(results):
    """The table of the models, Markdown."""
    head = ("model", "test accuracy (%)", "held out (%)", "spikes (%)", "dead (%)", "saturated (%)", "s/epoch")
    rows = [head, ("---", *["---:"] * (len(head) - 1))]
    for name, model in results["models"].items():
        columns = ("test_accuracy", "held_out_accuracy", "spike_rate", "dead", "saturated")
        numbers = [_percent(model[column], 2 if "accuracy" in column else 1) for column in columns]
        rows.append((f"`{name}`", *numbers, _number(model["seconds_per_epoch"], "{:.1f}")))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def origins(results):
    """Machines and commits of the runs, as far as these say, and their hours in all."""
    runs = [run for model in results["models"].values() for run in model["runs"]]
    machines, commits = (sorted({run.get(name) or "unknown" for run in runs}) for name in ("machine", "commit"))
    if machines == ["unknown"]:
        return []
    spent = f"{len(runs)} runs, {sum(run['seconds'] for run in runs) / 3600:.2g} hours of training in all"
    return [f"{'; '.join(machines)}: {spent}; commit {', '.join(commits)}."]


def originals(results):
    """Ours beside the published figures, where there are any of these images; the remark on how they were picked."""
    sentences = []
    for name, model in results["models"].items():
        original = model.get("original")
        if original and original["comparable"]:
            gain = 100 * (model["test_accuracy"]["mean"] - original["accuracy"])
            ours, theirs = _percent(model["test_accuracy"], 2), f"{100 * original['accuracy']:.4g} %"
            sentences.append(f"`{name}`: {ours} % here, {theirs} in the original ({gain:+.2f} points).")
        elif original:
            dataset, classes = original["images"]
            figure = f"{100 * original['accuracy']:.4g} %"
            sentences.append(f"`{name}`: the original's {figure} is of {classes} classes of {dataset}: not comparable.")
    remark = "The originals picked the best test epoch of a run. Here the epoch is selected on held-out training images"
    return [*sentences, f"{remark}, and the test images are looked at once."] if sentences else []


def training(results):
    """A sentence or two for each model: from where to where, whether it was still improving, whether it overfits."""
    sentences = []
    for name, model in results["models"].items():
        first, held = model["first_held_out_accuracy"]["mean"], model["held_out_accuracy"]["mean"]
        losses = f"{model['first_loss']['mean']:.3g} to {model['last_loss']['mean']:.3g}"
        epochs = model["epochs"]["mean"]
        text = f"`{name}`: held-out accuracy {100 * first:.2f} % after the first epoch, {100 * held:.2f} % at the "
        text += f"selected one (epoch {model['selected_epoch']['mean']:.3g} of {epochs:.3g}); training loss {losses}."
        last = sum(run["selected_epoch"] == run["epochs"] for run in model["runs"])
        if 2 * last > len(model["runs"]) and epochs > 1:
            text += f" The last epoch was the best in {last} of {len(model['runs'])} runs."
        sentences.append(text + _gap(model))
    return sentences


def _gap(model):
    """What the difference between training and held-out accuracy says, where it is a point or more."""
    if model["train_accuracy"] is None:
        return ""
    gap = 100 * (model["train_accuracy"]["mean"] - model["held_out_accuracy"]["mean"])
    if gap >= 1:
        return f" Over that epoch it read its training images {gap:.1f} points better than held-out ones: it overfits."
    if gap <= -1:
        return f" Over that epoch it read its training images {-gap:.1f} points worse than held-out ones afterwards."
    return ""


def differences(results):
    """For each spiking model and each model that it is held against: the difference, and what may be behind a loss."""
    models, sentences = results["models"], []
    for name, references in REFERENCES.items():
        for reference in references:
            if name in models and reference in models:
                sentences.append(_difference(name, reference, models[name], models[reference]))
    return sentences


def paired(model, reference, column="test_accuracy"):
    """(mean difference, its standard error or None) of a column over the seeds that both have."""
    others = {run["seed"]: run[column] for run in reference["runs"]}
    pairs = [(run[column], others.get(run["seed"])) for run in model["runs"]]
    values = [mine - other for mine, other in pairs if mine is not None and other is not None]
    if not values:
        return None, None
    return fmean(values), stdev(values) / sqrt(len(values)) if len(values) > 1 else None


def _difference(name, reference, model, other):
    mean, error = paired(model, other)
    spread = "one seed" if error is None else f"s = {100 * error:.2f}"
    text = f"`{name}` against `{reference}`: {100 * mean:+.2f} points ({spread})"
    if error is None:
        return f"{text}; one seed tells nothing of the spread."
    if abs(mean) <= likely(error, len(model["runs"])) or abs(mean) < POINT:
        return f"{text}: not told apart."
    twins = name.startswith("hybrid") and reference.startswith("hybrid")
    return f"{text}: it wins." if mean > 0 else f"{text}: it loses. " + " ".join(_reasons(mean, model, other, twins))


def likely(error, n):
    """How far from zero a mean of n differences of zero mean is in 95 % of cases, from its standard error."""
    from scipy.special import stdtrit

    return float(stdtrit(n - 1, (1 + SURE) / 2)) * error


def _reasons(mean, model, other, twins):
    """What the numbers show beside a loss of accuracy, `mean` < 0; a sentence each.

    twins : bool        they train alike: accuracies on training images, moved at random or not, can be compared
    """
    found = []
    fits, _ = paired(model, other, "train_accuracy") if twins else (None, None)
    if fits is not None:
        worse = f"{abs(100 * fits):.2f} points {'worse' if fits < 0 else 'better'}"
        where = "the loss is there in training already" if fits <= mean / 2 else "the loss arises on new images"
        found.append(f"In training it reads its images {worse}: {where}.")
    for column, text in (("dead", "never spike"), ("saturated", "spike in more than 95 % of their steps")):
        if model[column] and model[column]["mean"] > NOTABLE:
            found.append(f"{100 * model[column]['mean']:.0f} % of its neurons {text}.")
    auxiliary, _ = paired_columns(model, "test_auxiliary_accuracy", "test_accuracy")
    if auxiliary is not None and auxiliary > POINT:
        more = f"{100 * auxiliary:.2f} points more"
        found.append(f"Its auxiliary head reads {more} from the state than the main head from the spikes.")
    last = sum(run["selected_epoch"] == run["epochs"] > 1 for run in model["runs"])
    if 2 * last > len(model["runs"]):
        found.append("Its last epoch was the best: the training may have ended early.")
    return found


def paired_columns(model, column, other):
    """(mean difference, standard error or None) of two columns of a model's own runs."""
    values = [run[column] - run[other] for run in model["runs"] if None not in (run.get(column), run.get(other))]
    if not values:
        return None, None
    return fmean(values), stdev(values) / sqrt(len(values)) if len(values) > 1 else None


def costs(results):
    """Time of an epoch over the fastest model's, and energy where it was evaluated."""
    models, sentences = results["models"], []
    times = {name: model["seconds_per_epoch"]["mean"] for name, model in models.items() if model["seconds_per_epoch"]}
    if len(times) > 1:
        fastest = min(times, key=times.get)
        others = [f"`{name}` {time / times[fastest]:.1f}" for name, time in times.items() if name != fastest]
        sentences = [f"An epoch of `{fastest}` took {times[fastest]:.2g} s; times that: {', '.join(others)}."]
    energies = [f"`{name}` {1e9 * model['energy']['mean']:.3g} nJ" for name, model in models.items() if model["energy"]]
    if energies:
        sentences.append(
            f"Energy of one image: {', '.join(energies)}. {results.get('energy_assumptions') or ''}".strip()
        )
    return sentences


def _percent(column, digits):
    """A summary in percent with its deviation; a dash for none."""
    if column is None:
        return "-"
    spread = "" if column["sd"] is None else f" ± {100 * column['sd']:.{digits}f}"
    return f"{100 * column['mean']:.{digits}f}{spread}"


def _number(column, text):
    return "-" if column is None else text.format(column["mean"])
