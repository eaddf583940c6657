"""A scheduler of Dask with its workers, as a client uses them."""

import pytest

COMPUTE = """
import sys
import dask.array as da
import dask.dataframe as dd
import pandas as pd
from distributed import Client
with Client(sys.argv[1]) as client:
    client.wait_for_workers(int(sys.argv[2]), timeout=120)
    total = da.arange(1_000_000, chunks=100_000).sum().compute()
    frame = dd.from_pandas(pd.DataFrame({"k": [1, 2, 1], "v": [1, 2, 3]}), npartitions=2)
    print(total, frame.groupby("k").v.sum().compute().to_dict(), len(client.nthreads()))
"""
CONNECT = 'import socket; socket.create_connection(("127.0.0.1", 8786))'
PROCESSES = """
import os, sys
from distributed import Client
print(*Client(sys.argv[1]).run(os.getpid).values())
"""
SCHEDULER = "tcp://127.0.0.1:8786"


@pytest.fixture(scope="session")
def dask(host, wait_for):
    """`dask(workers)`: what a computation gives, once that many workers are there."""

    def computed(workers):
        return host.check_output("python -c %s %s %s", COMPUTE, SCHEDULER, str(workers))

    def is_there():
        return host.run(
            "python -c 'import socket; socket.create_connection((\"127.0.0.1\", 8786))'"
        )

    wait_for("the scheduler answers", lambda: is_there().succeeded, seconds=180)
    return computed


def test_dask_is_the_version_of_the_lock(host, facts):
    version = host.check_output("python -c 'import dask; print(dask.__version__)'")
    assert version == facts["versions"]["dask"]


def test_workers_compute(dask):
    assert dask(2) == "499999500000 {1: 4, 2: 2} 2"


def test_a_worker_that_is_killed_is_followed_by_another(host, dask):
    before = host.check_output("python -c %s %s", PROCESSES, SCHEDULER).split()
    host.check_output(f"kill -KILL {before[0]}")
    assert dask(2) == "499999500000 {1: 4, 2: 2} 2"


def test_the_page_shows_how_it_is(host, dask):
    assert host.check_output("curl --silent --noproxy '*' http://127.0.0.1:8787/health") == "ok"


def test_workers_share_the_memory_and_spill_to_the_work_directory(host, dask):
    found = host.check_output("ls /home/onyxia/work")
    assert "dask-worker-space" in found


@pytest.mark.last
def test_sigterm_ends_it(host, wait_for):
    host.run("kill -TERM 1")
    wait_for("the container has ended", lambda: host.run("true").rc != 0, seconds=60)
