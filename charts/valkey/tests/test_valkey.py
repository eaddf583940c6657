"""Valkey as its chart starts it: the chart's password opens it, and nothing else does."""

import pytest


def command(host, text, *, at="127.0.0.1", password='"$PASSWORD"'):
    """What the client says."""
    return host.run(f"REDISCLI_AUTH={password} valkey-cli -h {at} {text} 2>&1").stdout


@pytest.mark.parametrize("at", ["127.0.0.1", "$(hostname -i)"])
def test_the_password_of_the_chart_opens_it(host, facts, at):
    assert host.check_output("printenv PASSWORD") == facts["password"]
    assert command(host, "set asked 42", at=at) == "OK\n"
    assert command(host, "get asked", at=at) == "42\n"


@pytest.mark.parametrize("at", ["127.0.0.1", "$(hostname -i)"])
@pytest.mark.parametrize("password", ["''", "changeme", '"$PASSWORD"x'])
def test_another_password_does_not(host, at, password):
    assert "NOAUTH" in command(host, "get asked", at=at, password=password)


def test_nothing_writes_outside_of_the_volumes(host):
    assert host.run("touch /usr/local/x").rc != 0
    assert host.run("touch /tmp/x").rc == 0


def test_it_keeps_keys_on_the_volume(host):
    folder = command(host, "config get dir").split()[-1]
    assert host.check_output(f"findmnt -n -o TARGET -T {folder}") == "/var/lib/valkey/data"
    assert host.file(f"{folder}/appendonlydir").is_directory
