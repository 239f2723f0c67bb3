"""`python -m validation [names ...]`: measure all claims or the named ones and print the table; exit code 1 when one is broken, 2 for a bad call."""

import argparse
import ast
import platform
import sys
from importlib import import_module
from pathlib import Path

NAMES = (
    "larmor", "mallinson", "kittel", "threshold", "cone", "executors", "witness", "order", "gradient", "neuron_table", "kernel_speed",
    "training_speed",
)
HEADER = ("id", "claim", "expected (source)", "measured", "error", "tolerance", "verdict")
RESULTS = Path(__file__).with_name("results.md")


def main(argv=None):
    """Run one command; argv is sys.argv[1:] by default. Returns the exit code."""
    try:
        return _run(argv)
    except (ValueError, OSError) as error:
        print(f"validation: {error}", file=sys.stderr)
        return 2


def _run(argv):
    try:
        chosen = _parser().parse_args(argv)
    except SystemExit as done:  # --help
        return done.code
    if chosen.list:
        print("\n".join(f"{name:15} {_first_line(name)}" for name in NAMES))
        return 0
    for name in chosen.names:
        if name not in NAMES:
            raise ValueError(f"name must be one of {', '.join(NAMES)}, got {name!r}. --list describes them.")
    if chosen.write and chosen.names:
        raise ValueError("--write must be given without names, because the file holds all claims. Leave the names out.")
    if chosen.figures:
        chosen.figures.mkdir(parents=True, exist_ok=True)
    claims = [claim for name in chosen.names or NAMES for claim in _measured(name, chosen.figures)]
    lines, summary = table(claims), f"{sum(claim.holds for claim in claims)} of {len(claims)} hold"
    print("\n".join(aligned(lines)), summary, sep="\n")
    if chosen.write:
        RESULTS.write_text(f"# Claims, measured\n\n{markdown(lines)}\n\n{summary}: `python -m validation --write`, {_versions()}.\n")
    return int(not all(claim.holds for claim in claims))


class _Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line."""

    def error(self, message):
        """Raise what argparse complains about."""
        raise ValueError(f"{message}. See `{self.prog} --help`.")


def _parser():
    parser = _Parser(prog="python -m validation", description="Measure the project's claims.", allow_abbrev=False)
    parser.add_argument("names", nargs="*", help="claims to run; all by default")
    parser.add_argument("--list", action="store_true", help="show the names and what each claims")
    parser.add_argument("--figures", type=Path, metavar="DIR", help="draw the claims' figures into this folder")
    parser.add_argument("--write", action="store_true", help=f"write the table to {RESULTS.parent.name}/{RESULTS.name} as well")
    return parser


def _first_line(name):
    """What a claim's module says first, read without importing it."""
    source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    return ast.get_docstring(ast.parse(source)).splitlines()[0]


def _measured(name, figures):
    """The claims of one module; one that cannot be measured is a broken claim. Says on a terminal which is running."""
    from validation.claim import Claim

    if sys.stderr.isatty():
        print(f"\r{name} ...\033[K", end="", file=sys.stderr, flush=True)
    try:
        return import_module(f"validation.{name}").claims(figures)
    except Exception as error:
        return [Claim(name, f"cannot be measured: {type(error).__name__}: {' '.join(str(error).split())}", "-", 0.0, float("nan"))]
    finally:
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def table(claims):
    """The table's rows of words, the header first."""
    return [HEADER, *(_row(claim) for claim in claims)]


def _row(claim):
    bound = {"at most": "<= ", "at least": ">= "}.get(claim.how, "")
    unit = f" {claim.unit}" if claim.unit else ""
    error = claim.unit if claim.how != "relative" and claim.unit else ""
    expected, measured = (f"{_text(value)}{unit}" for value in (claim.expected, claim.measured))
    errors = ("-", "-") if bound else tuple(f"{x:.2g} {error}".strip() for x in (claim.error, claim.tolerance))
    return (claim.id, claim.statement, f"{bound}{expected} ({claim.source})", measured, *errors, claim.verdict)


def _text(value):
    """A number to ten digits, or a few of them to seven."""
    try:
        return ", ".join(f"{x:.7g}" for x in value)
    except TypeError:
        return f"{value:.10g}"


def aligned(lines):
    """The rows with their columns padded to one width."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def markdown(lines):
    """The rows as a Markdown table."""
    header, *rows = (f"| {' | '.join(word.replace('|', chr(92) + '|') for word in line)} |" for line in lines)
    return "\n".join((header, "|" + "---|" * len(HEADER), *rows))


def _versions():
    import numpy
    import torch

    return f"Python {platform.python_version()}, numpy {numpy.__version__}, torch {torch.__version__}, {torch.get_num_threads()} threads"


if __name__ == "__main__":
    sys.exit(main())
