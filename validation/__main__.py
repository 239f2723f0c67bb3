"""`python -m validation [names or rows ...]`: measure all claims or the named ones and print the table.

Exit codes: 0 all hold; 1 a claim is broken; 2 a bad call, with one line on standard error; 3 none is broken, but some
could not be run (a peer is not installed); 130 interrupted.
"""

import platform
import sys
from importlib import import_module
from pathlib import Path
from time import perf_counter

from shno import command
from validation.catalogue import modules, row_of

MODULES = modules()
NAMES = tuple(MODULES)
HEADER = ("id", "claim", "expected (source)", "measured", "error", "tolerance", "verdict")
RESULTS = Path(__file__).with_name("results.md")


def main(argv=None):
    """Run one command; argv is sys.argv[1:] by default. Returns the exit code, as `shno.command.run` defines it."""
    return command.run("validation", _run, argv)


def _run(words):
    """Measure what the words name and print the table; returns the exit code."""
    chosen = _parser().parse_args(words)
    if chosen.list:
        print(*aligned([_line(module) for module in MODULES.values()]), sep="\n")
        return 0
    wanted = _wanted(chosen.names)
    _check(chosen)
    measured = {}
    for name, rows in wanted.items():
        start = perf_counter()
        measured[name] = claims = _kept(_measured(name, rows, chosen.full, chosen.figures), rows, chosen.full)
        wall = f"  [{perf_counter() - start:.1f} s]" if sys.stdout.isatty() else ""
        if claims:
            print(
                f"{name}: {MODULES[name].summary}{_machine(name)}{wall}",
                *aligned(table(claims)),
                "",
                sep="\n",
                flush=True,
            )
    if not any(measured.values()):
        raise ValueError(f"{' '.join(wanted)} must have a claim to measure, got none. They are long: add --full.")
    summary = _summary(measured)
    print(summary, *_hint(wanted, chosen.full), *_unnamed(wanted, chosen.names), sep="\n")
    if chosen.write:
        _write(measured, summary)
    return _exit_code([claim for claims in measured.values() for claim in claims])


def _exit_code(claims):
    """0 where all hold, 1 where one is broken, 3 where none is but some were not run."""
    if any(claim.broken for claim in claims):
        return 1
    return 0 if all(claim.holds for claim in claims) else 3


def _parser():
    parser = command.Parser(
        prog="python -m validation", description="Measure the project's claims.", allow_abbrev=False
    )
    parser.add_argument(
        "names", nargs="*", help="modules, or rows such as T5, to measure; all but those alone by default"
    )
    parser.add_argument("--full", action="store_true", help="measure the statistical and long claims as well")
    parser.add_argument("--list", action="store_true", help="show the modules, their rows and what each claims")
    parser.add_argument("--figures", type=Path, metavar="DIR", help="draw the claims' figures into this folder")
    parser.add_argument("--write", action="store_true", help="write the table to validation/results.md; with --full")
    return parser


def _line(module):
    part = "alone" if module.alone else "full" if module.has_full else ""
    return (module.name, " ".join(module.rows), part, module.summary)


def _machine(name):
    """What a module that is measured alone says of the machine, for its title."""
    if not MODULES[name].alone:
        return ""
    from shno import origin

    return f" On {origin.machine()}."


def _wanted(names):
    """{module: the rows asked for, or None for all of it}, in the order of the modules; without names, all but those
    that are measured alone.
    """
    wanted = {} if names else {name: None for name in NAMES if not MODULES[name].alone}
    for name in names:
        row, module = name.upper(), name.lower()
        holders = [other for other in NAMES if row in MODULES[other].rows]
        if module not in NAMES and not holders:
            raise ValueError(f"name must be a module or a row of the table, got {name!r}. --list shows them.")
        if module in NAMES:
            wanted[module] = None
        for holder in holders:
            rows = wanted.setdefault(holder, set())
            wanted[holder] = None if rows is None else rows | {row}
    return {name: wanted[name] for name in NAMES if name in wanted}


def _check(chosen):
    """Every other complaint about the call; the folder for figures is made here."""
    if chosen.write and (chosen.names or not chosen.full):
        raise ValueError("--write must be given with --full and without names. The file holds all claims.")
    if chosen.figures:
        chosen.figures.mkdir(parents=True, exist_ok=True)


def _measured(name, rows, full, figures):
    """The claims of one module; those that cannot be measured are one broken claim. On a terminal, says which runs."""
    from validation.claim import Claim

    on_terminal, claims, module = sys.stderr.isatty(), [], MODULES[name]
    settings = (figures, rows) if module.alone and module.rows else (figures,)
    if on_terminal:
        print(f"\r{name} ...\033[K", end="", file=sys.stderr, flush=True)
    for part in ("claims", "full_claims") if full and module.has_full else ("claims",):
        try:
            claims += getattr(import_module(f"validation.{name}"), part)(*settings)
        except Exception as error:  # whatever it is, the other claims are still measured
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            claims.append(Claim(name, f"cannot be measured: {reason}", "-", 0.0, float("nan")))
    if on_terminal:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    return claims


def _kept(claims, rows, full):
    """Those of the rows, or all for None, with what could not be measured; ValueError where a row has none."""
    if rows is None:
        return claims
    kept = [claim for claim in claims if row_of(claim.id) in rows or row_of(claim.id) is None]
    for row in sorted(rows):
        if not any(row_of(claim.id) in (row, None) for claim in kept):
            remedy = "The module's ROWS promise one." if full else "Its claims are long: add --full."
            raise ValueError(f"{row} must have a claim to measure, got none. {remedy}")
    return kept


def _summary(measured):
    claims = [claim for claims in measured.values() for claim in claims]
    not_run = sum(bool(claim.not_run) for claim in claims)
    return f"{sum(claim.holds for claim in claims)} of {len(claims)} hold" + (f", {not_run} not run" if not_run else "")


def _hint(wanted, full):
    """The line that says whose long claims were left out."""
    left = [] if full else [name for name in wanted if MODULES[name].has_full]
    return [f"long claims not measured (--full): {', '.join(left)}"] if left else []


def _unnamed(wanted, names):
    """The line that says which modules are measured only when they are named."""
    left = [] if names else [name for name in NAMES if name not in wanted]
    return [f"measured only when named: {', '.join(left)}"] if left else []


def table(claims):
    """The rows of words of the table, the header first."""
    return [HEADER, *(_row(claim) for claim in claims)]


def _row(claim):
    bound = {"at most": "<= ", "at least": ">= "}.get(claim.how, "")
    unit = f" {claim.unit}" if claim.unit else ""
    expected, measured = (f"{text}{unit}" for text in _texts(claim))
    measured = "-" if claim.not_run else measured
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


def _write(measured, summary):
    """The tables of all modules, one section each, into the file of the results."""
    sections = [f"## {name}\n\n{MODULES[name].summary}\n\n{markdown(table(measured[name]))}" for name in measured]
    how = f"{summary}. `python -m validation --full --write`, {_versions()}."
    RESULTS.write_text("\n\n".join(("# Claims, measured", how, *sections)) + "\n", encoding="utf-8")


def _versions():
    import numpy
    import torch

    versions = f"Python {platform.python_version()}, numpy {numpy.__version__}, torch {torch.__version__}"
    return f"{versions}, {torch.get_num_threads()} threads"


if __name__ == "__main__":
    sys.exit(main())
