"""What the claims can see: mistakes planted one at a time in a copy of the source, each of which must break its rows.

`python -m validation.mutations [names]` prints the table of mistakes, rows and verdicts. A copy has kernels of its own,
compiled into a cache of its own. Exit codes: 0 each mistake breaks each of its rows, and the copy without a mistake
none; 1 one survives; 2 a bad call, with one line on standard error; 130 interrupted.

What Ito for Stratonovich would do, no claim can see in Euler's step with projection: by symmetry the drift by which the
two differ, -2 D_m m, is along m, and the projection takes it out. Without the projection |m| grows at that rate, and
the guard on |m| refuses the run (`ito`). What does falsify equilibrium is a field that changes within a step, as one
drawn anew for each stage would (`redrawn`): the step's mean then has half of its variance, or in `half` 25/36.
"""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from shno import command
from validation.__main__ import aligned
from validation.catalogue import modules, row_of

ROOT = Path(__file__).parent.parent
AT_ONCE = 2  # copies that are measured at the same time
RUN = """
import sys, shno, validation.__main__ as validation
assert all(part.__file__.startswith(sys.argv[1]) for part in (shno, validation)), "the copy is not what runs"
sys.exit(validation.main(sys.argv[2:]))
"""


@dataclass(frozen=True)
class Mutation:
    """A mistake: edits (file, text that stands there once, what replaces it), and the rows that it must break.

    refused     the error that a run raises instead of giving a wrong number, where that is how the mistake is seen
    """

    mistake: str
    rows: tuple
    edits: tuple = ()
    refused: str = ""


PROJECTED = "(*add(y[:3], scale(c, y[:3])), *y[3:])"
SIGMA = "(number(2.0, alpha) * alpha * thermal_energy(temperature, Ms, volume) / (gamma * dt)) ** 0.5"
THERMAL = ("N1", "N2", "N4", "N5", "N6", "N7")
MUTATIONS = {
    "sigma": Mutation(
        "thermal field 5 % too large",
        THERMAL,
        (("shno/thermal.py", SIGMA, SIGMA.replace("2.0", "2.205")),),
    ),
    "gamma": Mutation(
        "thermal field with gamma/(1 + alpha^2) for gamma",
        ("N1", "N2", "N4"),
        (("shno/thermal.py", SIGMA, SIGMA.replace("(gamma", "(gamma / (1 + alpha * alpha)")),),
    ),
    "redrawn": Mutation(
        "thermal field of another component in each stage of a step",
        ("N5", "N7"),
        (
            ("shno/kernels.py", '"N": (noise, 0)', '"N": (noise, stage)'),
            ("shno/kernels.py", "(first + int(name[1:]))", "((first + int(name[1:])) % (3 if name[0] == 'N' else 99))"),
        ),
    ),
    "half": Mutation(
        "no thermal field in the last stage of a step",
        ("N5", "N7"),
        (("shno/kernels.py", "(C=float)", "(C=float, **dict.fromkeys(('N0', 'N1', 'N2')[: 3 * (stage == 2)], 0.0))"),),
    ),
    "common": Mutation(
        "the same thermal field in every oscillator",
        ("N2",),
        (("shno/compiled.py", "self.realisation[: self.plan.n] = noise.realisation", "self.realisation[:] = 0"),),
    ),
    "ito": Mutation(
        "Ito for Stratonovich: Euler-Maruyama without projection",
        ("N2",),
        (
            ("shno/solvers.py", "return add(y, scale(number(1 / 6, h) * h, slope))", "return add(y, scale(h, k1))"),
            ("shno/vector.py", PROJECTED, "y"),
        ),
        "IntegrationError",
    ),
    "two": Mutation(
        "uniaxial field without its factor 2",
        ("N6",),
        (("shno/anisotropy.py", "Bk = number(2.0, Ms) * Ku / Ms", "Bk = Ku / Ms"),),
    ),
    "mu_0": Mutation(
        "demagnetising field without mu_0",
        ("D5",),
        (("shno/fields.py", "M = number(mu_0, Ms) * Ms\n    return (-M", "M = Ms\n    return (-M"),),
        "ValueError: dt must turn m",
    ),
    "cross": Mutation(
        "sign of alpha a_DL, the cross term of damping and torque",
        ("T1",),
        (("shno/llgs.py", '    """\n    in_D, in_C = -alpha * a_DL', '    """\n    in_D, in_C = alpha * a_DL'),),
    ),
    "sense": Mutation(
        "precession in the other sense",
        ("D1", "D2"),
        (("shno/llgs.py", "return cross(add_cross(D, m, C), m)", "return cross(add_cross(scale(-1, D), m, C), m)"),),
    ),
    "time": Mutation(
        "gamma for gamma/(1 + alpha^2) in the step",
        ("D2",),
        (("shno/parameters.py", '* dt / (1 + values["alpha"] ** 2)', "* dt"),),
    ),
    "weights": Mutation(
        "weights 2, 1, 1, 2 for 1, 2, 2, 1 in RK4",
        ("D2", "I1"),
        (
            (
                "shno/solvers.py",
                "slope = add(add(k1, k4), scale(number(2.0, h), add(k2, k3)))\n    return add(",
                "slope = add(scale(number(2.0, h), add(k1, k4)), add(k2, k3))\n    return add(",
            ),
        ),
    ),
    "projection": Mutation(
        "no projection on |m| = 1",
        ("I6",),
        (("shno/vector.py", PROJECTED, "y"),),
    ),
    "torque": Mutation(
        "current to torque without its factor 1/2",
        ("T1", "I11"),
        (("shno/llgs.py", "/ (2 * e * Ms * thickness)", "/ (e * Ms * thickness)"),),
    ),
}


def main(argv=None):
    """Run the command; argv is sys.argv[1:] by default. Returns the exit code, as `shno.command.run` defines it."""
    return command.run("validation.mutations", _run, argv)


def _run(words):
    parser = command.Parser(prog="python -m validation.mutations", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"mistakes: {', '.join(MUTATIONS)}; all by default")
    names = parser.parse_args(words).names or list(MUTATIONS)
    for name in names:
        if name not in MUTATIONS:
            raise ValueError(f"name must be one of {', '.join(MUTATIONS)}, got {name!r}. Give none for all.")
    chosen = [MUTATIONS[name] for name in names]
    rows = sorted({row for mutation in chosen for row in mutation.rows})
    verdicts = measure([Mutation("none", tuple(rows)), *chosen])
    survivors = [line for line in verdicts if line[-1].startswith("SURVIVES")]
    lines = aligned([("mistake", "row", "verdict"), *verdicts])
    sys.stdout.write("\n".join([*lines, f"{len(verdicts) - len(survivors)} of {len(verdicts)} as they must be"]) + "\n")
    return int(bool(survivors))


def measure(mutations):
    """A line (mistake, row, verdict) for each row of each mutation; a bad verdict starts with SURVIVES."""
    with TemporaryDirectory(prefix="mutations-") as folder:
        source, copies = Path(folder) / "source", [Path(folder) / str(k) for k in range(len(mutations))]
        plant(ROOT, (), source)  # once: the checkout may change while they run
        with ThreadPoolExecutor(AT_ONCE) as pool:
            outputs = list(pool.map(lambda mutation, copy: _output(mutation, source, copy), mutations, copies))
    of = {row: module.name for module in modules().values() for row in module.rows}
    return [line for found in zip(mutations, outputs, strict=True) for line in _verdicts(*found, of)]


def _output(mutation, source, copy):
    """What the rows of a mutation print, measured in a copy of the source. Runs in threads: no `ast` here, which
    Python 3.11 shares between them.
    """
    plant(source, mutation.edits, copy)
    return _measured(mutation.rows, str(copy))


def _verdicts(mutation, output, of):
    """The lines of one mutation from what its rows printed; `of` gives the module of a row."""
    broken = [line.split() for line in output.splitlines() if line.endswith("BROKEN")]
    refused = {words[0]: " ".join(words[4:-1]) for words in broken if words[1:4] == ["cannot", "be", "measured:"]}
    return [(mutation.mistake, row, _verdict(mutation, row, of[row], broken, refused)) for row in mutation.rows]


def _verdict(mutation, row, module, broken, refused):
    ids = [words[0] for words in broken if row_of(words[0]) == row]
    if not mutation.edits:
        return "SURVIVES, without a mistake: " + " ".join(ids) if ids or module in refused else "holds"
    if module in refused:
        foreseen = mutation.refused and refused[module].startswith(mutation.refused)
        return ("refused: " if foreseen else "SURVIVES, not measured: ") + refused[module][:60]
    return f"BROKEN: {' '.join(ids)}" if ids else "SURVIVES"


def plant(source, edits, folder):
    """Copy the source to a folder and make the edits; ValueError unless each text stands in its file exactly once."""
    for package in ("shno", "validation"):
        shutil.copytree(source / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "*.nbc"))
    for file, old, new in edits:
        text = (folder / file).read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise ValueError(
                f"{file} must hold {old!r} once, got {text.count(old)} times. Bring the mutation up to date."
            )
        (folder / file).write_text(text.replace(old, new), encoding="utf-8")


def _measured(rows, folder):
    """What the rows' command prints in the copy; RuntimeError where it does not come to a verdict."""
    environment = os.environ | {"PYTHONPATH": folder, "NUMBA_CACHE_DIR": str(Path(folder) / "kernels")}
    words = [sys.executable, "-c", RUN, folder, *rows]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode not in (0, 1) or "hold" not in done.stdout:
        raise RuntimeError(f"no verdict on {' '.join(rows)}: {done.stderr.strip()[-500:] or done.stdout[-500:]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
