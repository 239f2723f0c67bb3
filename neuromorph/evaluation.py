"""`neuromorph evaluate`: everything that can be said of a trained network, in lines and in a JSON file.

What is heavy is imported where it is used: the command line shows its help at once.
"""

from shno import command

DEVICES = ("auto", "cpu", "cuda", "mps")
UNITS = ((1.0, "J"), (1e-3, "mJ"), (1e-6, "uJ"), (1e-9, "nJ"), (1e-12, "pJ"), (1e-15, "fJ"))
SPREAD = 0.1  # where only --chips is asked for
ENERGY_IMAGES = 256  # of which the oscillators' energy is the mean


def add_arguments(commands):
    """Add `evaluate` to the commands of an argparse parser."""
    about = "accuracy, confusion matrix, spikes, operations and energy of a trained model; with temperature and spread"
    parser = commands.add_parser("evaluate", help=about, description=f"Tell {about}.")
    add_checkpoint(parser)
    parser.add_argument("--dataset", help="whose test images (default: of the data set that it was trained on)")
    parser.add_argument("--data-dir", help="folder of the data set (default: where it was at the training)")
    parser.add_argument("--batch-size", type=int, default=128, help="images at a time (default: 128)")
    parser.add_argument("--temperature-K", type=float, nargs="+", default=[], metavar="T", help="of the oscillators")
    spread = "relative standard deviation of the oscillators' constants, such as 0.1"
    parser.add_argument("--spread", type=float, nargs="+", default=[], metavar="S", help=spread)
    parser.add_argument("--chips", type=int, help=f"fabricated for each spread (default: 20; alone: spread {SPREAD})")
    parser.add_argument("--seed", type=int, default=0, help="of the noise and of the chips (default: 0)")
    parser.add_argument("--out", metavar="FILE.json", help="write all of it there too")
    parser.set_defaults(command=run)


def add_checkpoint(parser):
    """Add what names a trained model: CHECKPOINT and --device."""
    parser.add_argument("checkpoint", help="a run's folder, or the checkpoint.pt in it")
    parser.add_argument("--device", default="auto", help=f"one of {', '.join(DEVICES)} (default: auto)")


def run(arguments):
    """The command: print the lines, write the file."""
    spreads = arguments.spread or ([SPREAD] if arguments.chips is not None else [])
    result = evaluate_run(
        arguments.checkpoint,
        dataset=arguments.dataset,
        data_dir=arguments.data_dir,
        batch_size=arguments.batch_size,
        device=arguments.device,
        temperatures=arguments.temperature_K,
        spreads=spreads,
        chips=20 if arguments.chips is None else arguments.chips,
        seed=arguments.seed,
        out=arguments.out,
    )
    command.say(*lines(result))


def evaluate_run(
    checkpoint,
    *,
    dataset=None,
    data_dir=None,
    batch_size=128,
    device="auto",
    temperatures=(),
    spreads=(),
    chips=20,
    seed=0,
    out=None,
):
    """Everything that `neuromorph evaluate` tells of a checkpoint on test images, as numbers, texts, lists and dicts.

    checkpoint : a run's folder, or the checkpoint.pt in it
    dataset, data_dir      None: those of the training
    device : "auto", "cpu", "cuda" or "mps"
    temperatures, spreads, chips, seed    as `robustness.conditions` takes them; "conditions" is [] where both are empty
    out : path or None     of a JSON file of the result, written beside and renamed
    Returns : dict
    Raises : ValueError, FileNotFoundError, OSError with one line
    """
    from neuromorph import datasets, runs
    from neuromorph.devices import device_of

    path, where = _checked_out(out), device_of(device)
    model, config = runs.load_run(checkpoint)
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}. 128 is usual.")
    name = config["dataset"] if dataset is None else dataset
    folder = config.get("data_dir") if data_dir is None and dataset in (None, config["dataset"]) else data_dir
    data = datasets.load(name, data_dir=folder, classes=config["classes"], steps=config.get("steps"))
    result = {"checkpoint": str(checkpoint), "model": config["model"], "recipe": config.get("recipe")}
    result |= {"dataset": name, "classes": data.classes, "class_names": list(data.class_names)}
    model, test = model.to(where), data.test.to(where)
    result |= _measured(model, test, batch_size)
    result |= {"seed": seed, "conditions": []}
    if temperatures or spreads:
        result["conditions"] = _conditions(model, test, temperatures, spreads, chips, seed, batch_size)
    if path is not None:
        runs.write_json(path, result)
    return result


def _checked_out(out):
    """The file's Path, None for None; ValueError, FileNotFoundError before anything is computed."""
    from pathlib import Path

    if out is None:
        return None
    if not Path(out).absolute().parent.is_dir() or Path(out).is_dir():
        raise FileNotFoundError(f"out must be a file in a folder that exists, got '{out}'. Make the folder.")
    return Path(out)


def _measured(model, test, batch_size):
    """What one pass over the test images tells, and the energies."""
    import warnings

    from neuromorph import costs, metrics
    from neuromorph.activity import ActivityWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ActivityWarning)  # the fractions are told
        work = metrics.workload(model, test, batch_size=batch_size)
        images, _ = next(metrics.batches(test[:ENERGY_IMAGES], ENERGY_IMAGES))
        joules, made = costs.oscillator_energy(model, images)
        model.eval()  # ends the count of the last pass
    size = metrics.footprint(model)
    firing = None if work.total is None else work.total._asdict()
    return {
        "images": work.images,
        "accuracy": work.accuracy,
        "auxiliary_accuracy": work.auxiliary_accuracy,
        "confusion": work.confusion.tolist(),
        "firing": firing,
        "layers": {layer: each._asdict() for layer, each in work.firing.items()},
        "activation_sparsity": work.activation_sparsity,
        "synaptic_operations": work.synaptic_operations._asdict(),
        "membrane_updates": work.membrane_updates,
        "footprint_bytes": size,
        "energy_J": costs.energy_of(work, size, joules)._asdict(),
        "bound": costs.against_bound(work.total),
        "assumptions": [each._asdict() for each in costs.assumptions_of(work, size, made)],
        "limits": costs.limits_of(work, joules),
    }


def _conditions(model, test, temperatures, spreads, chips, seed, batch_size):
    """The accuracy under each condition, with a bar where standard error is a terminal."""
    import sys

    from tqdm import tqdm

    from neuromorph.robustness import conditions

    asked = {"temperatures": temperatures, "spreads": spreads, "n": chips, "seed": seed, "batch_size": batch_size}
    with tqdm(unit=" conditions", file=sys.stderr, disable=not sys.stderr.isatty(), leave=False) as bar:

        def progress(done, total):
            bar.total = total
            bar.update(done - bar.n)

        return [each._asdict() for each in conditions(model, test, **asked, progress=progress)]


def lines(result):
    """What `evaluate_run` found, as lines of text."""
    auxiliary = result["auxiliary_accuracy"]
    beside = "" if auxiliary is None else f"   (auxiliary head {auxiliary:.2%})"
    said = [f"{result['model']} on {result['dataset']}: {result['images']} test images of {result['classes']} classes"]
    said += ["confusion matrix (a row a class, a column an answer)", *confusion_lines(result)]
    said += _firing_lines(result)
    operations, sparsity = result["synaptic_operations"], result["activation_sparsity"]
    if sparsity is not None:
        said.append(f"activation sparsity {sparsity:.2%}")
    said.append(
        f"synaptic operations an image: {operations['Effective_MACs']:.4g} multiply-accumulates and "
        f"{operations['Effective_ACs']:.4g} accumulates, of {operations['Dense']:.4g} with the zeros"
    )
    said.append(f"membrane updates an image: {result['membrane_updates']:.4g}")
    said.append(f"footprint: {result['footprint_bytes']} bytes")
    said += _energy_lines(result)
    said += [_condition_line(each) for each in result["conditions"]]
    return [*said, f"test accuracy {result['accuracy']:.2%}{beside}"]


def confusion_lines(result):
    """The confusion matrix as lines, names of the classes before the rows."""
    counts, names = result["confusion"], result["class_names"]
    wide = max(len(str(number)) for row in counts for number in row)
    left = max(map(len, names))
    return [
        f"  {name:>{left}} {' '.join(f'{number or chr(46):>{wide}}' for number in row)}"
        for name, row in zip(names, counts, strict=True)
    ]


def _firing_lines(result):
    """How the neurons fire: a line a layer, and one for all where there are several."""
    layers = result["layers"] if len(result["layers"]) < 2 else result["layers"] | {"all": result["firing"]}
    said = [
        f"spikes of {name} ({each['neurons']} neurons, {each['steps']} steps): rate {each['spike_rate']:.2%}, "
        f"dead {each['dead']:.1%}, saturated {each['saturated']:.1%}"
        for name, each in layers.items()
    ]
    return said + ([] if result["bound"] is None else [result["bound"]])


def _energy_lines(result):
    """The energies of an image, then what they rest on."""
    joules, said = result["energy_J"], []
    if joules["oscillators"] is not None:
        said.append(f"energy an image: oscillators {energy_text(joules['oscillators'])} (I^2 R t)")
    said.append(
        f"energy an image: digital layers {energy_text(joules['digital'])} ({energy_text(joules['dense'])} if no zero "
        f"were skipped); memory traffic apart, at most {energy_text(joules['memory'])}"
    )
    each = [f"  assumed: {a['name']} {a['value']:.3g} {a['unit']} ({a['source']})" for a in result["assumptions"]]
    return [*said, *each, *(f"  assumed: {limit}" for limit in result["limits"])]


def _condition_line(each):
    """One condition's accuracy."""
    where = f"accuracy at {each['temperature']:g} K, spread {each['spread']:.0%}"
    if each["sd"] is None:
        return f"{where}: {each['mean']:.2%}"
    return f"{where}: {each['mean']:.2%} +- {each['sd']:.2%}, worst {each['worst']:.2%} of {each['chips']} chips"


def energy_text(joules):
    """An energy with a prefix: 2.3e-7 -> "230 nJ"."""
    size, unit = next(((size, unit) for size, unit in UNITS if joules >= size), UNITS[-1])
    return f"{joules / size:.3g} {unit}"
