"""Where the blocks of a sweep are computed: here, one after another, or as tasks of a Dask cluster.

On a cluster with SLURM, dask-jobqueue starts the workers and `scheduler` takes its address:

    from dask_jobqueue import SLURMCluster
    cluster = SLURMCluster(cores=16, processes=4, memory="32GB", walltime="02:00:00")
    cluster.scale(jobs=20)
    shno.sweep(..., out="map.h5", resume=True, scheduler=cluster.scheduler_address)

or, from a shell, `shno sweep map.toml --resume --scheduler tcp://host:8786`. Only the process that calls writes the
file. A worker that ends, by a kill or by its wall time, has its block computed by another; where all have ended the
sweep waits for new ones. Each block is a pure function of the sweep: its bits do not depend on who computes it.
"""

from contextlib import closing, contextmanager, suppress

from shno.checks import complaint, shown

DEATHS = 10  # of workers under one block: then it is the block that kills
EACH = 2  # blocks a thread of the workers that are under way: the next one is there when one ends
PATIENCE = "30s"  # for a scheduler to answer


def blocks(work, spans, scheduler):
    """(first run, values) of each span (first, last) of runs, in any order.

    work : sweep_block.Sweeping
    scheduler : None, "local", "local:2" (so many workers here), "tcp://host:port", or a distributed.Client
    Raises : TypeError, ValueError, OSError, IntegrationError
    """
    if scheduler is None:
        for first, last in spans:
            yield first, work.block(first, last)
        return
    with _client(scheduler) as client, closing(_on(client, work, spans)) as found:
        yield from found


def check_scheduler(scheduler):
    """TypeError, ValueError for what is no scheduler; OSError where Dask is not installed."""
    if scheduler is None:
        return
    if not isinstance(scheduler, str) and not hasattr(scheduler, "submit"):
        rule = '"local", an address or a distributed.Client'
        raise TypeError(complaint("scheduler", rule, shown(scheduler), "None computes here."))
    if isinstance(scheduler, str) and "://" not in scheduler:
        kind, _, count = scheduler.partition(":")
        if kind != "local" or (count and not _count(count)):
            rule = '"local", "local:2" or an address'
            raise ValueError(complaint("scheduler", rule, shown(scheduler), "Such as tcp://host:8786."))
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise OSError("Dask is not installed. Install shno-neuromorph[distributed], or leave scheduler out.") from None


def workers_of(scheduler):
    """How many workers "local" and "local:2" start; 0 for any other."""
    if not isinstance(scheduler, str) or not scheduler.startswith("local"):
        return 0
    from shno.threads import thread_count

    return _count(scheduler.partition(":")[2]) or thread_count()


def _count(text):
    """A whole number in [1, 1024], 0 for anything else."""
    return int(text) if text.isdecimal() and len(text) < 5 and 1 <= int(text) <= 1024 else 0


@contextmanager
def _client(scheduler):
    """A client of the scheduler; what is started here is ended here."""
    from dask import config
    from distributed import Client, LocalCluster

    if not isinstance(scheduler, str):
        yield scheduler
        return
    if not scheduler.startswith("local"):
        try:
            client = Client(scheduler, timeout=PATIENCE)
        except (OSError, ValueError, TypeError) as error:  # TimeoutError is an OSError
            reason = " ".join(str(error).split()) or type(error).__name__
            raise OSError(f"scheduler {scheduler} does not answer: {reason}. Check its address.") from None
        with client:
            yield client
        return
    settings = {"n_workers": workers_of(scheduler), "threads_per_worker": 1, "dashboard_address": None}
    with config.set({"distributed.scheduler.allowed-failures": DEATHS}):
        with LocalCluster(**settings, silence_logs=50) as cluster, Client(cluster) as client:
            yield client


def _on(client, work, spans):
    """The blocks from a cluster, as they come; few are under way, so that results do not pile up."""
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    under_way, found, waiting = {}, as_completed(), iter(spans)

    def submit():
        for span in waiting:
            future = client.submit(_block, work, *span, pure=False)
            under_way[future.key] = (future, span[0])
            found.add(future)
            return

    try:
        for _ in range(EACH * max(1, sum(client.nthreads().values()))):
            submit()
        for future in found:
            _, first = under_way.pop(future.key)
            submit()
            yield first, future.result()
            future.release()
    except KilledWorker:
        raise OSError("a block ended several workers. Give them more memory, or take smaller blocks.") from None
    finally:
        with suppress(Exception):  # the cluster may be gone
            client.cancel([future for future, _ in under_way.values()])


def _block(work, first, last):
    """One block on a worker, on as many threads as it has."""
    from dataclasses import replace

    from distributed import get_worker

    threads = work.settings.get("threads") or get_worker().state.nthreads
    return replace(work, settings=work.settings | {"threads": threads}).block(first, last)
