"""The command line `neuromorph`: train, plot."""

import argparse
import sys

from shno import command

MODELS = ("hybrid", "hybrid-relu")


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
    train = commands.add_parser(
        "train", help="train a model and write a run's folder", formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    train.add_argument("model", choices=MODELS, help="the hybrid, or its twin with ReLU in place of the oscillators")
    train.add_argument("--dataset", default="digits", help="digits (in the package) or mnist (in --data-dir)")
    train.add_argument("--data-dir", help="folder of the data set; mnist is downloaded there when it can be")
    train.add_argument("--classes", type=_at_least(2), default=10, help="digits 0 to classes - 1")
    train.add_argument("--epochs", type=_at_least(1), default=20, help="in three phases: warm-up, main, fine-tuning")
    train.add_argument("--batch-size", type=_at_least(2), default=64, help="images a step")
    train.add_argument("--seed", type=int, default=0, help="of weights, shuffling and the held-out split")
    train.add_argument("--no-twin", action="store_true", help="do not train the ReLU twin beside the hybrid")
    train.add_argument("--resume", action="store_true", help="go on with a run that was killed in --out")
    train.add_argument("--out", help="folder of the run (default: runs/ and the model's name)")
    train.set_defaults(command=_train)
    plot = commands.add_parser("plot", help="draw the figures of a run's folder")
    plot.add_argument("folder", help="a folder that train wrote")
    plot.set_defaults(command=_plot)
    return parser


def _at_least(least):
    def whole_number(text):
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, got {text}")
        return int(text)

    return whole_number


def _train(arguments):
    """Train, draw the figures, and end with where the results are and the accuracy beside the twin's."""
    from neuromorph import plots, runs

    names = ("model", "dataset", "data_dir", "classes", "epochs", "batch_size", "seed")
    config, out = {name: getattr(arguments, name) for name in names}, arguments.out or f"runs/{arguments.model}"
    train = runs.run if arguments.no_twin else runs.run_with_twin
    with _Progress(sys.stderr) as progress:
        metrics = train(config, out, resume=arguments.resume, on_batch=progress.batch, on_epoch=progress.epoch)
    plots.plot_run(out)
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

    for path in plots.plot_run(arguments.folder):
        print(path)


class _Progress:
    """A bar for each epoch on a terminal, one line for each epoch in a pipe."""

    def __init__(self, stream):
        from tqdm import tqdm

        self.bar = tqdm(unit=" images", file=stream, disable=not stream.isatty(), leave=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bar.close()

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


if __name__ == "__main__":
    sys.exit(main())
