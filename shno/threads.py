"""Blocks of oscillators shared over threads: kernels release the interpreter's lock."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise

import numpy as np


@cache
def _pool(process, workers):
    return ThreadPoolExecutor(workers, thread_name_prefix="shno")


def thread_count():
    """Threads for the kernels: OMP_NUM_THREADS, or else NUMBA_NUM_THREADS, where set; else the processors that this
    process may use.
    """
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
        wanted = os.environ.get(name, "")
        if wanted.isdigit() and int(wanted) > 0:
            return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_blocks(kernel, n, layout, *arguments, threads=None):
    """Call kernel(first, last, layout, *arguments) over all blocks of n padded oscillators, shared over threads.

    threads : whole number   at most so many; `thread_count` by default
    """
    blocks = n // layout.lanes
    threads = min(threads or thread_count(), blocks)
    if threads <= 1:
        kernel(0, blocks, layout, *arguments)
        return
    edges = np.linspace(0, blocks, threads + 1).astype(int).tolist()
    pool = _pool(os.getpid(), threads - 1)  # a forked process makes its own threads
    futures = [pool.submit(kernel, a, b, layout, *arguments) for a, b in pairwise(edges[1:])]
    kernel(edges[0], edges[1], layout, *arguments)
    for future in futures:
        future.result()
