"""A training that is killed at random moments and resumed ends with the bytes of one that was left alone.

`python -m validation.kills N SEED FOLDER CONFIG` trains in a process of its own: once to its end, then N times with
SIGKILL at a moment that SEED draws from the whole of its course, and on with resume; it prints how each went.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from validation.claim import Claim

ROWS = ()
KILLS, SEED = 10, 5
CONFIG = {  # oscillators, dropout, batch normalisation, augmentation, random spike trains
    "model": "hybrid",
    "classes": 2,
    "epochs": 4,
    "encoding": "bernoulli",
    "steps": 4,
    "seed": 2,
    "device": "cpu",
    "layer": {"neural_step": 0.1e-9},
}


def claims(figures):
    """One row: all of the kills."""
    with tempfile.TemporaryDirectory() as folder:
        outcomes = measured(KILLS, SEED, folder, CONFIG)
    at = ", ".join(f"{each['epochs_done']}" for each in outcomes)
    what = (
        f"trainings of the hybrid of {CONFIG['epochs']} epochs killed at a random moment, that end with the same bytes"
    )
    right = sum(each["killed"] and each["same"] for each in outcomes)
    return [Claim("K1", f"{what} (whole epochs done by then: {at})", "left alone", KILLS, right, how="absolute")]


def measured(kills, seed, folder, config):
    """What became of each kill: [{"killed", "epochs_done", "same"}]; in one process of its own, which forks."""
    words = [sys.executable, "-m", "validation.kills", str(kills), str(seed), str(folder), json.dumps(config)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), environment.get("PYTHONPATH", "")])
    made = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=1200)
    if made.returncode:
        raise RuntimeError(f"the trainings failed: {made.stderr[-2000:]}")
    return json.loads(made.stdout.splitlines()[-1])


def forked(config, folder, resume):
    """The id of a child process that trains into the folder; it has no thread but its own to begin with."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        from neuromorph import runs

        runs.run(config, folder, resume=resume)
        code = 0
    finally:
        os._exit(code)


def course(child, folder):
    """Seconds from the moment when a training has written its config until it ends; RuntimeError where it fails."""
    wait_for(folder / "config.json", child)
    began = time.perf_counter()
    if os.waitpid(child, 0)[1]:
        raise RuntimeError(f"a training into {folder.name} failed")
    return time.perf_counter() - began


def wait_for(path, child):
    """Return when a child process has written a file; RuntimeError where it ends before."""
    while not path.exists():
        if os.waitpid(child, os.WNOHANG)[0]:
            raise RuntimeError(f"a training into {path.parent.name} failed before it began")
        time.sleep(0.001)


def killed(config, folder, delay):
    """Train, kill after so many seconds; whether it was still at work, and the epochs that it had behind it."""
    child = forked(config, folder, False)
    wait_for(folder / "config.json", child)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    caught = os.waitpid(child, 0)[1] == signal.SIGKILL
    table = folder / "metrics.csv"
    return {"killed": caught, "epochs_done": table.read_text().count("\n") - 1 if table.exists() else 0}


def main(words):
    """The process that forks: it computes nothing itself."""
    import neuromorph.runs  # what every child would import

    assert neuromorph.runs
    kills, random, folder, config = int(words[0]), Random(int(words[1])), Path(words[2]), json.loads(words[3])
    whole = course(forked(config, folder / "whole", False), folder / "whole")
    expected, outcomes = (folder / "whole" / "checkpoint.pt").read_bytes(), []
    for _ in range(kills):
        outcome = {"killed": False}
        while not outcome["killed"]:  # the training was faster than the first one, and over: another moment of another
            place = Path(tempfile.mkdtemp(dir=folder))
            outcome = killed(config, place, whole * random.random())
        course(forked(config, place, True), place)
        outcomes.append(outcome | {"same": (place / "checkpoint.pt").read_bytes() == expected})
    sys.stdout.write(json.dumps(outcomes) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
