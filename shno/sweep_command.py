"""The command `shno sweep`: its arguments, what it does, and what it says. Nothing heavy is imported before they are
read.
"""

import os
import sys
from contextlib import contextmanager

from shno.command import printable
from shno.sweep_config import FLAGS, as_toml, float_of, read_toml, sweep_arguments


def add_arguments(parser):
    """Give a parser the arguments of `shno sweep`."""
    parser.add_argument("file", nargs="?", help="a TOML file of what the flags say, without their dashes")
    summary = (
        "I_mA=0:0.4:100, alpha=0.01,0.02, B_mT=100:800:80 (magnitude), B_mT.x=..., temperature_K=...; again for more"
    )
    parser.add_argument("--axis", action="append", metavar="NAME=VALUES", default=[], help=summary)
    parser.add_argument(
        "--B-mT", metavar="X,Y,Z", help="applied field where it is no axis; default the operating point"
    )
    for name, (kind, metavar, text) in FLAGS.items():
        parser.add_argument(f"--{name}", type=kind, metavar=metavar, help=text)
    parser.add_argument("--resume", action="store_true", help="go on with the file of the same sweep, or begin it")
    parser.add_argument("--dry-run", action="store_true", help="say points, steps, memory, disk and time, and stop")


def run(arguments, command_line=""):
    """Do what the arguments say; yields lines to be shown.

    Raises : as `shno.sweep`
    """
    told = _told(arguments)
    oscillator, drive, axes, keywords = sweep_arguments(told)
    if arguments.dry_run:
        from shno.sweep_estimate import estimate

        yield from estimate(oscillator, drive, axes, **keywords, scheduler=told.get("scheduler"))
        return
    from shno.plots import figure_path
    from shno.plots_sweep import can_draw, plot_sweep
    from shno.sweep import sweep
    from shno.sweep_result import check_folder

    if "out" not in told:
        raise ValueError("--out must be given. Name the HDF5 file to write, or take --dry-run.")
    figure = told.get("figure", f"{os.path.splitext(told['out'])[0]}.png")
    for path in (told["out"], *([figure_path(figure)] if figure != "none" else [])):
        check_folder(path)
    texts = {"config": as_toml(told), "command_line": command_line}
    with _progress() as progress:
        result = sweep(oscillator, drive, axes, **keywords, **texts, out=told["out"], resume=arguments.resume,
                            scheduler=told.get("scheduler"), progress=progress)  # fmt: skip
    yield from _summary(told, result)
    if figure != "none" and can_draw(result):
        plot_sweep(result, figure)
        yield f"written: {figure} ({os.path.getsize(figure) / 1e3:.0f} kB)"
    elif "figure" not in told:
        yield "no figure: it takes one or two axes and a number a point"


def resume_advice(path):
    """How to go on with the sweep in a file, one line."""
    from shno.sweep_result import load_sweep

    sweep = load_sweep(path)
    if sweep.finished == 1:
        return f"{path} is a sweep that is finished. `shno info` tells what is in it."
    words = [word for word in printable(sweep.command_line).split() if word != "--resume"]
    command = f"{' '.join(words)} --resume`" if words else "shno.sweep` with resume=True"
    return f"{path} is a sweep, {100 * sweep.finished:.3g} % finished. To go on with it: `{command}."


def _told(arguments):
    """What the TOML file says and, before it, the flags."""
    told = {} if arguments.file is None else read_toml(arguments.file)
    flags = {name: getattr(arguments, name.replace("-", "_")) for name in FLAGS}
    flags["B-mT"] = None if arguments.B_mT is None else [float_of("--B-mT", x) for x in arguments.B_mT.split(",")]
    told |= {name: value for name, value in flags.items() if value is not None}
    for text in arguments.axis:
        name, equals, values = text.partition("=")
        if not equals or not values:
            raise ValueError(f"--axis must be NAME=VALUES, got {text!r}. For example I_mA=0:0.4:100.")
        told["axes"] = told.get("axes", {}) | {name: values}
    return told


def _summary(told, result):
    """Lines that say what came out."""
    from shno.info import known, shape_text

    yield f"{told['preset']}: {shape_text(result)} points, {result.runs} runs; axes {', '.join(result.axes)}"
    for name, values in result.values.items():
        count, low, high = known(values)
        unit = result.units[name]
        unit = "" if unit in (None, "1") else f" {unit}"
        ends = f"{low:.6g} to {high:.6g}{unit}, " if count else ""
        yield f"{name}: {ends}{values.size - count} of {values.size} are NaN"
    yield f"written: {told['out']} ({os.path.getsize(told['out']) / 1e6:.3f} MB)"


@contextmanager
def _progress():
    """A callback that moves a bar with the time left on a terminal; None, and silence, in a pipe."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(unit=" runs", unit_scale=True) as bar:

        def progress(done, total):
            if bar.total is None:  # what was there before a resumed sweep is no measure of its speed
                bar.total, bar.initial, bar.n = total, done, done
            bar.update(done - bar.n)

        yield progress
