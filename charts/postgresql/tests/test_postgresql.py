"""PostgreSQL as its chart starts it: the chart's password opens it, and nothing else does."""

import shlex

import pytest


def query(host, text, *, at="127.0.0.1", password='"$PASSWORD"'):
    """What psql makes of a query over TCP, as the chart's user and on its database."""
    return host.run(f"PGPASSWORD={password} psql -XAtq -h {at} -c {shlex.quote(text)}")


@pytest.mark.parametrize("at", ["127.0.0.1", "$(hostname -i)"])
def test_the_password_of_the_chart_opens_it(host, facts, at):
    assert host.check_output("printenv PASSWORD") == facts["password"]
    found = query(host, "select current_user, current_database()", at=at)
    assert found.stdout == "postgres|defaultdb\n", found.stderr


@pytest.mark.parametrize("at", ["127.0.0.1", "$(hostname -i)"])
@pytest.mark.parametrize("password", ["", "changeme", '"$PASSWORD"x'])
def test_another_password_does_not(host, at, password):
    found = query(host, "select 1", at=at, password=password)
    assert found.rc == 2
    assert "password" in found.stderr


def test_it_offers_tls(host):
    found = query(host, "select ssl from pg_stat_ssl where pid = pg_backend_pid()")
    assert found.stdout == "t\n", found.stderr


def test_nothing_writes_outside_of_the_volumes(host):
    assert host.run("touch /usr/local/x").rc != 0
    assert host.run("touch /tmp/x /run/postgresql/x").rc == 0


def test_it_keeps_rows_on_the_volume(host):
    assert query(host, "create table kept as select 42 as answer").rc == 0
    assert query(host, "select answer from kept").stdout == "42\n"
    data = query(host, "show data_directory").stdout.strip()
    assert host.check_output(f"findmnt -n -o TARGET -T {data}") == "/var/lib/postgresql/data"


def test_workers_share_memory(host):
    """Several processes build one table of hashes, for which 64 MB are too few."""
    settings = (
        "max_parallel_workers_per_gather = 2", "parallel_setup_cost = 0", "work_mem = '256MB'",
        "parallel_tuple_cost = 0", "min_parallel_table_scan_size = 0", "enable_mergejoin = off",
    )  # fmt: skip
    join = "select count(*) from big a join big b using (i, filler)"
    found = query(
        host,
        "".join(f"set {it}; " for it in settings)
        + "create table big as select i, repeat('x', 60) as filler "
        f"from generate_series(1, 1000000) i; analyze big; explain {join}; {join}",
    )
    assert "Parallel Hash Join" in found.stdout
    assert found.stdout.splitlines()[-1] == "1000000", found.stderr
