"""The command line `neuromorph`: train, evaluate, predict, compare, stdp, plot."""

import argparse
import os
import sys

from neuromorph import comparison, configuration, evaluation, prediction, recipes, stdp
from neuromorph.names import check_name
from shno import command


def main(argv=None):
    """Run one command; argv is sys.argv[1:] by default. Returns the exit code, as `shno.command.run` defines it."""
    return command.run("neuromorph", _run, argv)


def _run(words):
    arguments = _parser().parse_args(words)
    return arguments.command(arguments)


def _parser():
    about = "Train neural networks through the physics of spin Hall nano-oscillators."
    parser = command.Parser(prog="neuromorph", description=about)
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_train(commands)
    evaluation.add_arguments(commands)
    prediction.add_arguments(commands)
    comparison.add_arguments(commands)
    stdp.add_arguments(commands)
    plot = commands.add_parser("plot", help="draw the figures of a folder of results")
    plot.add_argument("folder", nargs="+", help="a folder that train, compare or stdp wrote")
    plot.add_argument("--conditions", metavar="FILE", help="runs that were evaluated, beside each other in one figure")
    plot.set_defaults(command=_plot)
    return parser


CHOICES = {  # flags that are choices of the training: each overrides the file of --config
    "--dataset": (str, "digits (in the package, the default) or another that the README names, in --data-dir"),
    "--data-dir": (str, "folder of the data set; mnist is downloaded there when it can be"),
    "--classes": (int, "labels 0 to classes - 1; by default all that the data set has"),
    "--recipe": (str, "default, or original: as the published program was trained"),
    "--epochs": (int, "by default the recipe's"),
    "--batch-size": (int, "images a step; by default the recipe's"),
    "--encoding": (str, "of the images in time: direct, rate, bernoulli, latency, delta; by default the recipe's"),
    "--steps": (int, "of time; by default the recipe's"),
    "--patience": (int, "stop after so many epochs without a better one on held-out images; by default never"),
    "--seed": (int, "of weights, shuffling, encodings and the held-out split; 0 by default"),
    "--device": (str, "auto (the default: cuda, mps or cpu, whichever is there first), cpu, cuda, mps"),
    "--precision": (str, "of products of matrices: float32 (the default) or bfloat16"),
    "--temperature": (float, "of the oscillators, K; 0 by default"),
    "--spread": (float, "relative, of the oscillators' parameters, another chip each epoch; 0 by default"),
}


def _add_train(commands):
    """The words of `train`."""
    train = commands.add_parser(
        "train", help="train a model and write a run's folder", description=f"Models: {', '.join(recipes.NAMES)}."
    )
    train.add_argument("model", nargs="?", help="its name; may be left out where --config names it")
    for flag, (kind, about) in CHOICES.items():
        train.add_argument(flag, type=kind, default=argparse.SUPPRESS, help=about, metavar=flag[2:].upper())
    train.add_argument("--config", help="a .toml file, or a run's config.json: repeats it; flags override")
    train.add_argument("--out", help="folder of the run (default: runs/ and the model's name)")
    train.add_argument("--resume", action="store_true", help="go on with a run that was killed in --out")
    train.add_argument("--tensorboard", action="store_true", help="log into --out/tensorboard (extra: tensorboard)")
    train.add_argument("--no-twin", action="store_true", help="do not train the ReLU twin beside the hybrid")
    train.set_defaults(command=_train)


def _config(arguments):
    """All choices: the flags over the file of --config over the defaults; checked."""
    if arguments.model is not None:
        check_name("model", arguments.model, recipes.NAMES)
    names = [flag[2:].replace("-", "_") for flag in CHOICES]
    flags = {name: getattr(arguments, name) for name in names if hasattr(arguments, name)}
    file = None if arguments.config is None else configuration.read(arguments.config)
    return configuration.resolved(configuration.merged(arguments.model, flags, file))


def _train(arguments):
    """Train, draw the figures, and end with where the results are and the accuracy beside the twin's."""
    config = _config(arguments)
    from neuromorph import parallel, plots, runs, tensorboard
    from neuromorph.devices import device_of

    command.keep_memory()
    out = arguments.out or f"runs/{config['model']}"
    train = runs.run if arguments.no_twin else runs.run_with_twin
    log = tensorboard.writer(f"{out}/tensorboard") if arguments.tensorboard else None
    parallel.begin(device_of(config["device"]))
    try:
        with _Progress(sys.stderr, log) as progress:
            watching = {"on_batch": progress.batch, "on_epoch": progress.epoch} if parallel.is_first() else {}
            metrics = train(config, out, resume=arguments.resume, **watching)
        if parallel.is_first():
            plots.plot_run(out)
            _say(metrics, out)
    finally:
        parallel.end()


def _say(metrics, out):
    """The last lines: where the results are, how the neurons spike, and the accuracy, for last."""
    beside = "" if metrics["twin_test_accuracy"] is None else f"   (ReLU twin {metrics['twin_test_accuracy']:.2%})"
    print(f"results in {out}")
    if metrics["spike_rate"] is not None:
        print(
            f"spike rate {metrics['spike_rate']:.1%}, dead neurons {metrics['dead']:.1%}, "
            f"saturated {metrics['saturated']:.1%}"
        )
    print(f"test accuracy {metrics['test_accuracy']:.2%}{beside}")


def _plot(arguments):
    from neuromorph import plots

    drawn = [path for folder in arguments.folder for path in plots.plot(folder)]
    if arguments.conditions:
        drawn.append(plots.plot_conditions(arguments.folder, arguments.conditions))
    for path in drawn:
        print(path)


class _Progress:
    """A bar for each epoch on a terminal, one line for each epoch in a pipe; numbers for TensorBoard where asked."""

    def __init__(self, stream, log=None):
        from tqdm import tqdm

        shown = stream.isatty() and os.environ.get("RANK", "0") == "0"
        self.bar, self.log = tqdm(unit=" images", file=stream, disable=not shown, leave=False), log

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bar.close()
        if self.log is not None:
            self.log.close()

    def batch(self, done, total):
        self.bar.total = total
        self.bar.update(done - self.bar.n)

    def epoch(self, model, record, best):
        spiking = "" if record["spike_rate"] is None else f", spike rate {record['spike_rate']:.1%}"
        self.bar.reset()
        line = (
            f"{model} epoch {record['epoch']:2d} ({record['phase']}): loss {record['loss']:.4f}, held-out accuracy "
            f"{record['held_out_accuracy']:.2%}{spiking}, {record['seconds']:.1f} s{' *' if best else ''}"
        )
        self.bar.write(line, file=sys.stdout)
        sys.stdout.flush()
        if self.log is not None:
            self.log.epoch(model, record)


if __name__ == "__main__":
    sys.exit(main())
