"""What the command lines do to the process that they run in."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FAULTS = """
import resource, sys, numpy as np
from shno import command
if "keep" in sys.argv:
    command.keep_memory()
def touched():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.full(6 << 20, 1.0)  # 48 MB, which is freed at once
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
touched()
print(max(touched() for _ in range(3)))
"""


def faults(*arguments):
    done = subprocess.run([sys.executable, "-c", FAULTS, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator is set")
def test_kept_memory_serves_the_next_array_without_new_pages():
    assert faults("keep") == 0 < faults()
