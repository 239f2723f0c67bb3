"""Where a result was made: the processor, its threads, and the commit of this source."""

import os
import platform
import subprocess
from pathlib import Path

from shno.threads import thread_count


def machine():
    """The processor by its own name, and the threads that the kernels use."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = [f"model name : {platform.processor() or platform.machine()}"]
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    family = [line.split(":", 1)[1].strip() for line in lines if line.startswith(("cpu family", "model\t"))][:2]
    known = f" (family {family[0]}, model {family[1]})" if len(family) == 2 else ""
    return f"{next(iter(named), 'an unnamed processor')}{known}, {os.cpu_count()} cores, {thread_count()} threads"


def commit():
    """The commit of this source, with "-dirty" behind it where the files are others; None outside of its repository."""

    def git(*words):
        folder = Path(__file__).parent
        return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", Path(__file__).name)  # not the repository that an installation lies in
        return git("describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
    except (OSError, subprocess.CalledProcessError):
        return None
