"""Kafka as its chart starts it: the chart's password opens it, and nothing else does."""

import shlex

import pytest


@pytest.fixture(scope="module")
def tool(host):
    """Runs a tool of Kafka in the pod, at the address that other pods use."""
    name = host.check_output("printenv KAFKA_HOST")
    host.check_output(f"echo 127.0.0.1 {name} > /tmp/hosts")

    def run(words, variables=""):
        return host.run(
            f"env JAVA_OPTIONS=-Djdk.net.hosts.file=/tmp/hosts {variables}"
            f" KAFKA_BOOTSTRAP_SERVERS={name}:9092 timeout 90 sh -c {shlex.quote(words)}"
        )

    return run


def test_the_password_of_the_chart_opens_it(host, facts, tool):
    assert host.check_output("printenv PASSWORD") == facts["password"]
    done = tool("seq 100 | kafka-console-producer --topic numbers")
    assert done.rc == 0, done.stderr
    read = "kafka-console-consumer --topic numbers --from-beginning --max-messages 100"
    assert [int(line) for line in tool(read).stdout.split()] == list(range(1, 101))


@pytest.mark.parametrize("who", ["PASSWORD=", 'PASSWORD="$PASSWORD"x', "KAFKA_USER=admin"])
def test_nobody_else_enters(tool, who):
    found = tool("kafka-topics --list", who)
    assert found.rc != 0
    assert "Authentication failed" in found.stdout + found.stderr


def test_nothing_writes_outside_of_the_volumes(host):
    assert host.run("touch /usr/local/x").rc != 0
    assert host.run("touch /tmp/x").rc == 0


def test_it_keeps_messages_on_the_volume(host, tool):
    assert tool("echo 42 | kafka-console-producer --topic kept").rc == 0
    data = host.check_output("printenv KAFKA_DATA")
    assert host.check_output(f"findmnt -n -o TARGET -T {data}") == "/var/lib/kafka/data"
    assert host.file(f"{data}/kept-0").is_directory
