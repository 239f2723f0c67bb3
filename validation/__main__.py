"""`python -m validation [names ...]`: measure all claims or the named ones and print the table.

Exit codes: 0 all hold; 1 a claim is broken; 2 a bad call, with one line on standard error; 130 interrupted.
"""

import ast
import platform
import sys
from importlib import import_module
from pathlib import Path

from shno import command

NAMES = (
    "larmor",
    "mallinson",
    "kittel",
    "threshold",
    "cone",
    "order",
    "witness",
    "executors",
    "gradient",
    "neuron_table",
    "kernel_speed",
    "training_speed",
)
HEADER = ("id", "claim", "expected (source)", "measured", "error", "tolerance", "verdict")
RESULTS = Path(__file__).with_name("results.md")


def main(argv=None):
    """Run one command; argv is sys.argv[1:] by default. Returns the exit code, as `shno.command.run` defines it."""
    return command.run("validation", _run, argv)


def _run(words):
    """Measure what the words name and print the table; 1 where a claim is broken."""
    chosen = _parser().parse_args(words)
    if chosen.list:
        print("\n".join(f"{name:15} {_first_line(name)}" for name in NAMES))
        return 0
    _check(chosen)
    claims = [claim for name in chosen.names or NAMES for claim in _measured(name, chosen.figures)]
    lines, summary = table(claims), f"{sum(claim.holds for claim in claims)} of {len(claims)} hold"
    print(*aligned(lines), summary, sep="\n")
    if chosen.write:
        how = f"`python -m validation --write`, {_versions()}"
        RESULTS.write_text(f"# Claims, measured\n\n{markdown(lines)}\n\n{summary}. {how}.\n", encoding="utf-8")
    return int(not all(claim.holds for claim in claims))


def _check(chosen):
    """Every complaint about the call; the folder for figures is made here."""
    for name in chosen.names:
        if name not in NAMES:
            raise ValueError(f"name must be one of {', '.join(NAMES)}, got {name!r}. --list describes them.")
    if chosen.write and chosen.names:
        raise ValueError("--write must be given without names, got names. The file holds all claims.")
    if chosen.figures:
        chosen.figures.mkdir(parents=True, exist_ok=True)


def _parser():
    parser = command.Parser(
        prog="python -m validation", description="Measure the project's claims.", allow_abbrev=False
    )
    parser.add_argument("names", nargs="*", help="claims to measure; all by default")
    parser.add_argument("--list", action="store_true", help="show the names and what each claims")
    parser.add_argument("--figures", type=Path, metavar="DIR", help="draw the claims' figures into this folder")
    parser.add_argument("--write", action="store_true", help="write the table to validation/results.md as well")
    return parser


def _first_line(name):
    """What a claim's module says first, read without importing it."""
    source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    return ast.get_docstring(ast.parse(source)).splitlines()[0]


def _measured(name, figures):
    """The claims of one module; one that cannot be measured is a broken claim. On a terminal, says which is running."""
    from validation.claim import Claim

    on_terminal = sys.stderr.isatty()
    if on_terminal:
        print(f"\r{name} ...\033[K", end="", file=sys.stderr, flush=True)
    try:
        return import_module(f"validation.{name}").claims(figures)
    except Exception as error:  # whatever it is, the other claims are still measured
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        return [Claim(name, f"cannot be measured: {reason}", "-", 0.0, float("nan"))]
    finally:
        if on_terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def table(claims):
    """The rows of words of the table, the header first."""
    return [HEADER, *(_row(claim) for claim in claims)]


def _row(claim):
    bound = {"at most": "<= ", "at least": ">= "}.get(claim.how, "")
    unit = f" {claim.unit}" if claim.unit else ""
    expected, measured = (f"{text}{unit}" for text in _texts(claim))
    of_error = unit if claim.how == "absolute" else ""
    errors = ("-", "-") if bound else (f"{x:.2g}{of_error}" for x in (claim.error, claim.tolerance))
    return (claim.id, claim.statement, f"{bound}{expected} ({claim.source})", measured, *errors, claim.verdict)


def _texts(claim):
    """Expected and measured: a number to ten digits, several to six, a bound or a difference to three."""
    import numpy as np

    digits = 6 if np.ndim(claim.expected) else 10
    if claim.how in ("at most", "at least") or not np.any(claim.expected):
        digits = 3
    for value in (claim.expected, claim.measured):
        if np.ndim(value) > np.ndim(claim.expected):
            yield f"{np.min(value):.{digits}g} ... {np.max(value):.{digits}g}"
        else:
            yield ", ".join(f"{x:.{digits}g}" for x in np.ravel(value))


def aligned(lines):
    """The rows as lines, each column padded to one width."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def markdown(lines):
    """The rows as a Markdown table."""
    escaped = ([word.replace("|", "\\|") for word in line] for line in lines)
    header, *rows = (f"| {' | '.join(line)} |" for line in escaped)
    return "\n".join((header, "|" + "---|" * len(HEADER), *rows))


def _versions():
    import numpy
    import torch

    versions = f"Python {platform.python_version()}, numpy {numpy.__version__}, torch {torch.__version__}"
    return f"{versions}, {torch.get_num_threads()} threads"


if __name__ == "__main__":
    sys.exit(main())
