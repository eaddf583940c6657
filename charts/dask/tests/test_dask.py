"""Dask as its chart starts it: a session computes on its workers."""

COMPUTE = """
import dask.array as da
from distributed import Client
with Client("tcp://127.0.0.1:8786") as client:
    client.wait_for_workers(2, timeout=120)
    print(da.arange(1_000_000, chunks=100_000).sum().compute())
"""


def test_workers_compute(host):
    assert host.check_output("python -c %s", COMPUTE) == "499999500000"


def test_nothing_writes_outside_of_the_volumes(host):
    assert host.run("touch /opt/python/x").rc != 0
    assert host.run("touch /tmp/x /home/onyxia/x").rc == 0
