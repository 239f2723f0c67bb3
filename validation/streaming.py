"""Runs that stream to a file: killed at random moments and resumed, and in flat memory.

`python -m validation.streaming kills N SEED FOLDER` streams a thermal run once to its end, then N times with SIGKILL
at a moment that SEED draws from the whole of its course, and on with `shno.resume`; every second one is stored in
float32. `... memory FOLDER` limits the address space of its process, all that it maps, and streams a short and a long
run, which in memory is refused. Each prints what came of it.
"""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np

import shno
from validation.claim import Claim

ROWS = ()
KILLS, SEED = 10, 3
OSCILLATORS, STEPS = 8, 1_000_000  # of the run that is killed: 200 MB
LIMIT, LONG = 800e6, 130_000_000  # bytes of the process; steps of one oscillator, 4.2 GB
STATE = 4 * 8  # bytes of a state and its time
MEGABYTE, STATUS = 1e6, Path("/proc/self/status")


def run(path, steps, oscillators=1, temperature=300.0, out_dtype=None):
    """Stream a run of so many steps of 1 ps, each saved, to a file of this precision."""
    point = shno.operating_point("w-cofeb-pma")
    drive = shno.Drive(I=np.linspace(1e-4, 2e-4, oscillators) if oscillators > 1 else 2e-4, B_ext=point.B_ext)
    noise = {"temperature": temperature, "seed": 1} if temperature else {}
    settings = {"duration": steps * 1e-12, "dt": 1e-12, **noise, "threads": 1}
    return shno.simulate(shno.preset("w-cofeb-pma"), drive, out=path, out_dtype=out_dtype, **settings)


def claims(figures):
    """The kills."""
    with tempfile.TemporaryDirectory() as folder:
        outcomes = apart("kills", KILLS, SEED, folder)
    what = (
        f"streamed thermal runs of {OSCILLATORS} oscillators, {STEPS} steps, every second one stored in float32, "
        "killed at a random moment and resumed"
    )
    at = ", ".join(f"{each['states'] / (STEPS + 1):.2f}" for each in outcomes)
    right = sum(each["killed"] and each["same"] for each in outcomes)
    return [
        Claim("K2", f"{what}, equal to the bit (part that was whole: {at})", "left alone", KILLS, right, how="absolute")
    ]


def full_claims(figures):
    """Memory, of a run several times as large as its process may be."""
    what = f"a streamed run of {LONG:.3g} states in a process of at most {LIMIT / MEGABYTE:.0f} MB (RLIMIT_AS)"
    found, why = {"file": np.nan, "short": np.nan, "long": np.nan}, ""
    with tempfile.TemporaryDirectory() as folder:
        room, free = 1.25 * STATE * LONG, shutil.disk_usage(folder).free
        if free < room:
            why = f"{room / 1e9:.2g} GB must be free where files are made, {free / 1e9:.2g} GB are"
        else:
            found = apart("memory", folder)
    peaks = f"peak of its resident memory, {found['long'] / MEGABYTE:.0f} MB, over that of a run a twentieth as long"
    large, flat = ({"how": how, "not_run": why} for how in ("at least", "at most"))
    return [
        Claim("K3a", f"{what}: size of its file over the limit", "wanted", 5, found["file"] / LIMIT, **large),
        Claim("K3b", f"{what}: {peaks}", "flat", 1.05, found["long"] / found["short"], **flat),
    ]


def apart(*words):
    """What `main` prints of these words, in a process of its own."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), environment.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "validation.streaming", *map(str, words)]
    made = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1200)
    if made.returncode:
        raise RuntimeError(f"the runs failed: {made.stderr[-2000:]}")
    return json.loads(made.stdout.splitlines()[-1])


def forked(work, *arguments):
    """The id of a child process that does this work; it has no thread but its own to begin with."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work(*arguments)
        code = 0
    finally:
        os._exit(code)


def ended(child):
    """Wait for a child; RuntimeError where it fails."""
    if os.waitpid(child, 0)[1]:
        raise RuntimeError("a run failed")


def kills(count, seed, folder):
    """What became of each kill: [{"killed", "states", "same"}]; states are those that were whole."""
    run(f"{folder}/warm.h5", 2000, OSCILLATORS)  # compiled here, for all children
    began = time.perf_counter()
    ended(forked(run, f"{folder}/whole.h5", STEPS, OSCILLATORS))
    course, random, given, outcomes = time.perf_counter() - began, Random(seed), shno.load(f"{folder}/whole.h5"), []
    wholes = given, replace(given, m=given.m.astype(np.float32))
    while len(outcomes) < count:
        rounded, path = len(outcomes) % 2, f"{folder}/killed{len(outcomes)}.h5"
        whole = wholes[rounded]
        child = forked(run, path, STEPS, OSCILLATORS, 300.0, "float32" if rounded else None)
        time.sleep(course * random.random())
        os.kill(child, signal.SIGKILL)
        if os.waitpid(child, 0)[1] != signal.SIGKILL or not os.path.exists(path):
            continue  # it was over, or had not begun: another moment
        part = shno.load(path)
        n = len(part.t)
        same = np.array_equal(part.m, whole.m[:n]) and np.array_equal(part.t, whole.t[:n])
        ended(forked(shno.resume, path))
        outcomes.append({"killed": True, "states": n, "same": same and shno.load(path) == whole})
        os.remove(path)
    return outcomes


def memory(folder):
    """Peaks of memory, bytes, of a short and of a long streamed run under the limit; and the long one's file."""
    resource.setrlimit(resource.RLIMIT_AS, (int(LIMIT), resource.RLIM_INFINITY))
    found = {}
    for name, steps in (("first", LONG // 20), ("short", LONG // 20), ("long", LONG)):  # what a second run needs, too
        run(f"{folder}/{name}.h5", steps, temperature=0.0)
        found[name] = peak()
    try:
        run(None, LONG, temperature=0.0)
    except MemoryError:
        return found | {"file": os.path.getsize(f"{folder}/long.h5")}
    raise RuntimeError("the limit limits nothing: the long run was kept in memory")


def peak():
    """Largest resident memory of this process so far, bytes; not getrusage's, which begins with that of the parent."""
    return 1024 * int(next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:")).split()[1])


def main(words):
    """One of the measurements, printed as JSON."""
    name, *given = words
    found = kills(int(given[0]), int(given[1]), given[2]) if name == "kills" else memory(given[0])
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
