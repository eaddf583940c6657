"""MariaDB as its chart starts it: the chart's password opens it, and nothing else does."""

import shlex

import pytest

ADDRESSES = ["127.0.0.1", "$(hostname -i)"]


def query(host, text, *, at="127.0.0.1", user="mariadb", password='"$PASSWORD"'):
    """What the client makes of a query over TCP, on the chart's database."""
    return host.run(
        f"MYSQL_PWD={password} mariadb -N -B -h {at} -u {user} -e {shlex.quote(text)} defaultdb"
    )


@pytest.mark.parametrize("at", ADDRESSES)
def test_the_password_of_the_chart_opens_it(host, facts, at):
    assert host.check_output("printenv PASSWORD") == facts["password"]
    found = query(host, "select current_user(), database()", at=at)
    assert found.stdout == "mariadb@%\tdefaultdb\n", found.stderr


@pytest.mark.parametrize("at", ADDRESSES)
@pytest.mark.parametrize("user", ["mariadb", "root"])
@pytest.mark.parametrize("password", ["''", "changeme", '"$PASSWORD"x'])
def test_another_password_does_not(host, at, user, password):
    found = query(host, "select 1", at=at, user=user, password=password)
    assert found.rc == 1
    assert "denied" in found.stderr or "certificate" in found.stderr, found.stderr


def test_nothing_writes_outside_of_the_volumes(host):
    assert host.run("touch /usr/local/x").rc != 0
    assert host.run("touch /tmp/x /run/mysqld/x").rc == 0


def test_it_keeps_rows_on_the_volume(host):
    assert query(host, "create table kept as select 42 as answer").rc == 0
    assert query(host, "select answer from kept").stdout == "42\n"
    data = query(host, "select @@datadir").stdout.strip()
    assert host.check_output(f"findmnt -n -o TARGET -T {data}") == "/var/lib/mariadb/data"
