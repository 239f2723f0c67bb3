"""The command line `shno`: presets, simulate, resume, sweep, info, export, plot, validate. A unit is in a flag's name.

Exit codes: 0 done; 2 a bad call, with one line on standard error; 130 interrupted.
Only argparse is imported before the arguments are read, so that --help answers at once.
"""

import argparse
import contextlib
import os
import re
import shlex
import sys
import time

from shno import command, sweep_command

FOLLOW = 2.0  # s between two looks at a run that is being written
SAVED = "an HDF5 file that `shno simulate` or `shno sweep` wrote"
NO_LINE = "no line (at rest, settling or too short)"


def main(argv=None):
    """Run one command; argv is sys.argv[1:] by default. Returns the exit code."""
    return command.run("shno", _run, argv)


def _run(words):
    """Read the arguments and run their command; returns the exit code."""
    if words[:1] == ["validate"]:  # its words are the validation package's own
        return _validate(words[1:])
    arguments = _parser().parse_args(_glued(words))
    arguments.words = words
    return arguments.command(arguments)


def _parser():
    parser = command.Parser(prog="shno", description="Spin Hall nano-oscillators, simulated (macrospin LLGS).")
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")

    def add_command(name, function, summary):
        description = summary[0].upper() + summary[1:] + "."
        added = commands.add_parser(name, help=summary, description=description, allow_abbrev=False)
        added.set_defaults(command=function)
        return added

    add_command("presets", _presets, "list the published oscillators, their operating points and each number's source")
    _add_simulate(add_command("simulate", _simulate, "integrate one preset and write the trajectory to an HDF5 file"))
    resume = add_command("resume", _resume, "finish a run that was killed: the same bits as of one left alone")
    resume.add_argument("file", help="the HDF5 file that `shno simulate` was writing")
    sweep_command.add_arguments(add_command("sweep", _sweep, "simulate a grid of parameters; values to an HDF5 file"))
    info = add_command("info", _info, "show the settings and parameters of a saved run or sweep")
    info.add_argument("file", help=SAVED)
    export = add_command("export", _export, "write a saved run or sweep as .csv or .npz; a run as .wav, to be heard")
    export.add_argument("file", help=SAVED)
    export.add_argument("out", nargs="?", help="the file to write; its ending is the format")
    beside = export.add_mutually_exclusive_group()
    for ending in (".csv", ".npz", ".wav"):
        about = f"write it beside the file, with the ending {ending}"
        beside.add_argument(f"--{ending[1:]}", action="store_const", const=ending, dest="ending", help=about)
    plot = add_command("plot", _plot, "draw m(t), orbit and spectrum of a saved run, or the line or map of a sweep")
    plot.add_argument("file", help=SAVED)
    plot.add_argument("--out", required=True, metavar="FILE", help="the figure: .png, .pdf or .svg")
    plot.add_argument("--follow", action="store_true", help="draw it anew every two seconds while it is written")
    summary = "measure the claims of the validation package, as `python -m validation`"
    add_command("validate", _validate, summary)
    return parser


def _add_simulate(parser):
    add = parser.add_argument
    add("--preset", required=True, metavar="P", help="a name that `shno presets` lists")
    add("--B-mT", type=_vector, metavar="X,Y,Z", help="applied field; default the preset's operating point")
    add("--current-mA", type=float, metavar="I", help="total current; default the preset's operating point")
    add("--duration-ns", type=float, required=True, metavar="T", help="a multiple of the step")
    add("--dt-ps", type=float, required=True, metavar="D", help="step; 1 suits most fields")
    add(
        "--temperature-K",
        type=float,
        default=0.0,
        metavar="K",
        help="of the thermal noise; default 0; else give --seed",
    )
    add("--seed", type=int, metavar="S", help="of the thermal noise")
    add("--m0", type=_vector, metavar="X,Y,Z", help="initial unit vector; default 1 degree off the equilibrium")
    add(
        "--solver",
        choices=("rk4", "heun", "reference"),
        default="rk4",
        help="default rk4; reference is scipy's, adaptive",
    )
    add("--executor", choices=("auto", "compiled", "torch"), default="auto", help="default auto: compiled on the CPU")
    add("--save-every", type=int, default=1, metavar="N", help="steps between saved states; default 1")
    add("--out", required=True, metavar="FILE", help="the HDF5 file to write, while the run goes on")
    add("--compression", choices=("gzip", "lzf"), help="of the file; default none")
    add("--out-dtype", choices=("float64", "float32"), help="of the file; default that of the computation, float64")


def _vector(text):
    """Three numbers from "x,y,z"."""
    parts = text.split(",")
    try:
        x, y, z = (float(part) for part in parts)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be three numbers x,y,z, got {text!r}") from None
    return x, y, z


def _glued(words):
    """Join an option and a value that begins with a minus sign, as in `--B-mT -63,157,362`; argparse would not."""
    glued = []
    for word in words:
        if re.match(r"-[\d.]", word) and glued and re.fullmatch(r"--[\w-]+", glued[-1]):
            glued[-1] += f"={word}"
        else:
            glued.append(word)
    return glued


def _presets(arguments):
    from shno.info import drive_text
    from shno.presets import PRESETS

    for name, preset in PRESETS.items():
        print(name)
        print(f"    {preset.summary}")
        print(f"    operating point: {drive_text(preset.drive)}")
        for line in _sourced(preset):
            print(f"    {line}")


def _sourced(preset):
    """One line a source: the numbers that it gives, with units."""
    from shno import drive, oscillator
    from shno.info import value_text

    units, given = oscillator.UNITS | drive.UNITS, {}
    for name, source in preset.sources.items():
        value = getattr(preset.oscillator if name in oscillator.UNITS else preset.drive, name)
        unit = "" if units[name] == "1" else f" {units[name]}"
        given.setdefault(source, []).append(f"{name} = {value_text(value)}{unit}")
    return [f"{', '.join(numbers)}: {source}" for source, numbers in given.items()]


def _simulate(arguments):
    import shno

    oscillator, drive = shno.preset(arguments.preset), shno.operating_point(arguments.preset)
    current = dict([drive.current]) if arguments.current_mA is None else {"I": arguments.current_mA * 1e-3}
    B_ext = drive.B_ext if arguments.B_mT is None else tuple(B * 1e-3 for B in arguments.B_mT)
    drive = shno.Drive(**current, B_ext=B_ext)
    _check_writable(arguments.out)
    with _progress() as progress:
        run = shno.simulate(
            oscillator,
            drive,
            duration=arguments.duration_ns * 1e-9,
            dt=arguments.dt_ps * 1e-12,
            m0=arguments.m0,
            temperature=arguments.temperature_K,
            seed=arguments.seed,
            solver=arguments.solver,
            executor=arguments.executor,
            save_every=arguments.save_every,
            out=arguments.out,
            compression=arguments.compression,
            out_dtype=arguments.out_dtype,
            progress=progress,
        )
    _report(arguments.preset, run, arguments.out)


def _resume(arguments):
    import shno
    from shno.sweep_reading import is_sweep

    if is_sweep(arguments.file):
        raise ValueError(sweep_command.resume_advice(arguments.file))
    with _progress() as progress:
        run = shno.resume(arguments.file, progress=progress)
    _report(arguments.file, run, arguments.file)


def _report(name, run, path):
    """What a run gave, in four lines."""
    import numpy as np

    import shno
    from shno.info import drive_text

    f0 = shno.analysis.frequency(run)
    steps = (len(run.t) - 1) * run.save_every
    drive = f"{drive_text(run.drive)}, " if run.drive.is_constant and np.ndim(run.drive.current[1]) == 0 else ""
    print(f"{name}: {drive}temperature {run.temperature:g} K")
    print(f"{run.solver} ({run.executor}): {steps} steps of {run.dt * 1e12:g} ps, {len(run.t)} states saved")
    highest = 0.5 / (run.dt * run.save_every)  # Nyquist: a faster line would appear at a wrong frequency
    lines = np.ravel(f0)[np.ravel(f0) > 0] * 1e-9
    line = " to ".join(f"{f:.6f}" for f in sorted({lines.min(), lines.max()})) + " GHz" if len(lines) else NO_LINE
    print(f"frequency in the second half: {line}; the saved states resolve up to {highest * 1e-9:g} GHz")
    print(f"written: {path} ({os.path.getsize(path) / 1e6:.2f} MB)")


def _sweep(arguments):
    for line in sweep_command.run(arguments, shlex.join(["shno", *arguments.words])):
        print(line)


def _check_writable(path):
    """OSError unless a file can be made in the folder of `path`: found out before a long run, not after it."""
    import tempfile

    folder = os.path.dirname(os.path.realpath(path))
    remedy = "Use a folder that exists and that you may write to."
    if os.path.isdir(path):
        raise OSError(f"{path} cannot be written: it is a folder. Give a file name.")
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror}. {remedy}") from None


@contextlib.contextmanager
def _progress():
    """A callback for `simulate` that moves a bar on a terminal; None, and silence, in a pipe."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(unit=" steps", unit_scale=True) as bar:

        def progress(done, total):
            bar.total = total
            bar.update(done - bar.n)

        yield progress


def _info(arguments):
    from shno.info import info

    print(*info(arguments.file), sep="\n")


def _plot(arguments):
    from shno import lock, sweep_file
    from shno.sweep_reading import is_sweep

    module = sweep_file if is_sweep(arguments.file) else lock
    while arguments.follow and module.is_being_written(arguments.file):
        saved = _loaded(arguments.file)
        if hasattr(saved, "axes") or len(saved.t) > 1:
            _draw(saved, arguments.out)
        time.sleep(FOLLOW)
    _draw(_loaded(arguments.file), arguments.out)
    print(f"written: {arguments.out} ({os.path.getsize(arguments.out) / 1e3:.0f} kB)")


def _draw(saved, path):
    """The figure of a Trajectory or a Sweep."""
    from shno import plots, plots_sweep

    (plots_sweep.plot_sweep if hasattr(saved, "axes") else plots.plot)(saved, path)


def _loaded(path, lazy=False):
    """The Trajectory or the Sweep in a file."""
    from shno import sweep_result, trajectory
    from shno.sweep_reading import is_sweep

    return sweep_result.load_sweep(path) if is_sweep(path) else trajectory.load(path, lazy=lazy)


def _export(arguments):
    from shno import export

    if (arguments.out is None) == (arguments.ending is None):
        got = "neither" if arguments.out is None else "both"
        raise ValueError(f"out must be a file to write, or one of --csv, --npz, --wav, got {got}. Give one of them.")
    out = arguments.out or os.path.splitext(arguments.file)[0] + arguments.ending
    export.export(_loaded(arguments.file, lazy=True), out)
    print(f"written: {out} ({os.path.getsize(out) / 1e6:.2f} MB)")


def _validate(words):
    from importlib import import_module

    try:
        validation = import_module("validation.__main__")
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("validation"):
            raise
        raise OSError("validation is not installed: it stands beside the source. Use a checkout.") from None
    return validation.main(words)


if __name__ == "__main__":
    sys.exit(main())
