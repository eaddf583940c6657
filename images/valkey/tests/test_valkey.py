"""Valkey: who may enter, what a restart keeps, and that any uid may run it."""

import shlex

import pytest

START = "dumb-init --single-child /opt/valkey/start 6380"
DATA = "/var/lib/valkey/data/valkey"
ADDRESSES = ["127.0.0.1", "$(hostname -i)"]


@pytest.fixture(scope="module", autouse=True)
def server(host, wait_for):
    """The server that the container runs."""
    wait_for("Valkey", lambda: command(host, "ping").stdout == "PONG\n")


def command(host, text, *, at="127.0.0.1", password='"$PASSWORD"'):
    """What the client says. `password` is read by the shell, so that none is here."""
    return host.run(f"REDISCLI_AUTH={password} valkey-cli -h {at} {text} 2>&1")


@pytest.fixture
def other(second_server):
    """A server by a uid that a cluster chose; it is not started yet."""
    return second_server(
        START,
        port=6380,
        ready='REDISCLI_AUTH="$PASSWORD" valkey-cli -p 6380 ping 2>&1 | grep -q PONG',
        environment={"VALKEY_DATA": "{folder}/data"},
    )


def ask(other, text, **more):
    """What the second server says."""
    return other.run(f'REDISCLI_AUTH="$PASSWORD" valkey-cli -p 6380 {text} 2>&1', **more).stdout


def test_valkey_is_the_version_of_the_lock(host, facts):
    version = facts["versions"]["valkey"]
    assert f"server_version:{version}" not in command(host, "info server").stdout
    assert f"valkey_version:{version}" in command(host, "info server").stdout
    assert version.startswith(f"{facts['axes']['valkey']}.")


def test_it_runs_as_the_user(host, checks):
    checks.runs_as_the_user(host, "valkey-server", DATA)


def test_packages_of_debian_are_installed_and_their_lists_are_gone(host, facts, checks):
    checks.packages_of_debian_leave_nothing_else(host, facts["packages"]["apt"])


@pytest.mark.parametrize("at", ADDRESSES)
def test_the_password_opens_it_everywhere(host, at):
    assert command(host, "set asked 42", at=at).stdout == "OK\n"
    assert command(host, "get asked", at=at).stdout == "42\n"


@pytest.mark.parametrize("at", ADDRESSES)
@pytest.mark.parametrize("password", ["wrong", "", '"$PASSWORD "'])
def test_a_wrong_password_is_refused(host, at, password):
    assert (
        "NOAUTH Authentication required"
        in command(host, "get asked", at=at, password=password).stdout
    )


def test_a_full_server_keeps_its_keys_and_leaves_room(host):
    """The limit is that of the container, or of the machine where it has none."""
    about = command(host, "info memory").stdout
    assert "maxmemory_policy:noeviction" in about
    (size,) = (line.split(":")[1] for line in about.splitlines() if line.startswith("maxmemory:"))
    limit = host.check_output(". /opt/onyxia/service.sh; memory_limit")
    assert abs(int(size) - int(limit) * 2**20 * 0.6) < 2**24


def test_any_uid_makes_data_and_finds_them_again(other):
    other.start()
    assert ask(other, "set kept 'as it is'") == "OK\n"
    other.stop()
    other.start()
    assert ask(other, "get kept") == "as it is\n"
    assert other.host.check_output(f"stat -c '%a %u' {other.folder}/data") == "700 12345"


def test_a_killed_container_is_followed_by_another(other):
    other.start()
    ask(other, "set kept 42")
    other.host.run("sleep 1.2")  # it writes once a second
    server = ask(other, "info server")
    (process,) = (it.split(":")[1] for it in server.splitlines() if it.startswith("process_id:"))
    other.host.check_output(f"kill -KILL {process}")
    other.wait_until_ended()
    other.start()
    assert ask(other, "get kept") == "42\n"


def test_a_changed_password_holds(other):
    new = 'it\'s "new"; \\ $(id) é\\n'
    other.start()
    other.stop()
    other.start(PASSWORD=new)
    assert "NOAUTH" in ask(other, "get kept")
    assert ask(other, "set kept 1", PASSWORD=new) == "OK\n"


def test_the_oldest_keys_go_where_it_is_told_so(other):
    other.start(VALKEY_EVICTION="allkeys-lru")
    assert "maxmemory_policy:allkeys-lru" in ask(other, "info memory")


def test_the_password_stands_on_no_command_line_and_in_no_file(other, facts, checks):
    other.start()
    checks.password_is_on_no_command_line(other.host, "valkey-server", facts["password"])
    held = other.host.run(f"grep -rl {shlex.quote(facts['password'])} {other.folder}")
    assert held.stdout == ""


def test_it_says_why_it_does_not_start(other):
    assert other.refuse(PASSWORD="") == "start: PASSWORD is unset, and nobody could enter\n"
    assert other.refuse(PASSWORD="two\nlines") == "start: PASSWORD has a line break in it\n"
    assert "cannot be written by uid 12345" in other.refuse(VALKEY_DATA="/usr/data")


def test_a_backup_is_restored_into_an_empty_server(host, other):
    """As the page of the chart says."""
    command(host, "set kept 42")
    host.check_output('REDISCLI_AUTH="$PASSWORD" valkey-cli --rdb /tmp/backup.rdb')
    host.check_output("chmod a+r /tmp/backup.rdb")
    other.host.check_output(f"mkdir {other.folder}/data && cp /tmp/backup.rdb {other.folder}/data")
    other.host.check_output(f"mv {other.folder}/data/backup.rdb {other.folder}/data/restore.rdb")
    other.start()
    assert ask(other, "get kept") == "42\n"
    ask(other, "set later 1")
    other.stop()
    other.start()
    assert ask(other, "mget kept later") == "42\n1\n"


@pytest.mark.last
def test_sigterm_ends_it_with_its_clients(host, wait_for):
    host.check_output(
        '{ REDISCLI_AUTH="$PASSWORD" nohup valkey-cli subscribe x > /dev/null 2>&1 & }'
    )
    host.run("kill -TERM 1")
    wait_for("the container has ended", lambda: host.run("true").rc != 0, seconds=20)
