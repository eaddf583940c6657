"""Kafka: who may enter, what a restart keeps, and that any uid may run it."""

import shlex

import pytest

START = "dumb-init --single-child /opt/kafka/start 9192"
READY = "timeout 20 kafka-topics --list"
DATA = "/var/lib/kafka/data/kafka"
ADDRESSES = ["127.0.0.1:9092", "$(hostname):9092", "127.0.0.1:19092"]
REFUSED = "Authentication failed: "


@pytest.fixture(scope="module", autouse=True)
def server(host, wait_for):
    """The server that the container runs."""
    wait_for("Kafka", lambda: host.run(READY).rc == 0, seconds=120)


@pytest.fixture
def other(second_server):
    """A server by a uid that a cluster chose; it is not started yet."""
    return second_server(
        START,
        port=9192,
        ready=READY,
        environment={"KAFKA_DATA": "{folder}/data", "KAFKA_LOCAL_PORT": "29092"},
    )


def put(topic, text, at="127.0.0.1:9092"):
    """The command that writes a line to a topic."""
    words = shlex.quote(text)
    return f"echo {words} | kafka-console-producer --bootstrap-server {at} --topic {topic}"


def get(topic, count=1, at="127.0.0.1:9092"):
    """The command that reads the first lines of a topic."""
    return (
        f"kafka-console-consumer --bootstrap-server {at} --topic {topic} --from-beginning"
        f" --max-messages {count} --timeout-ms 30000"
    )


def test_kafka_is_the_version_of_the_lock(host, facts):
    version = facts["versions"]["kafka"]
    found = host.check_output("ls /opt/kafka/jars")
    assert f"kafka_2.13-{version}.jar" in found.split()
    assert version.startswith(f"{facts['axes']['kafka']}.")


def test_every_package_of_maven_is_there_once(host, facts):
    found = host.check_output("ls /opt/kafka/jars").split()
    for package in facts["packages"]["maven"]:
        _, name, version = package.split(":")
        assert found.count(f"{name}-{version}.jar") == 1, name


def test_it_runs_as_the_user(host, checks):
    checks.runs_as_the_user(host, "java", DATA)


def test_packages_of_debian_are_installed_and_their_lists_are_gone(host, facts, checks):
    checks.packages_of_debian_leave_nothing_else(host, facts["packages"]["apt"])


@pytest.mark.parametrize("at", ADDRESSES)
def test_what_is_produced_is_consumed(host, at):
    topic = f"asked-{ADDRESSES.index(at)}"
    host.check_output(put(topic, "ß€ 42", at))
    assert host.check_output(get(topic, at=at)) == "ß€ 42"


@pytest.mark.parametrize(
    ("at", "who"),
    [
        *((at, "PASSWORD=wrong") for at in [*ADDRESSES, "127.0.0.1:19093"]),
        (ADDRESSES[0], "PASSWORD="),
        (ADDRESSES[0], "KAFKA_USER=admin"),
    ],
)
def test_a_wrong_password_is_refused(host, at, who):
    controller = at.endswith(":19093")
    where = f"--bootstrap-controller {at}" if controller else f"--bootstrap-server {at}"
    found = host.run(f"env {who} timeout 60 kafka-features {where} describe")
    assert found.rc != 0
    assert REFUSED in found.stdout + found.stderr


@pytest.mark.parametrize("at", ["127.0.0.1:9092", "127.0.0.1:19092"])
def test_who_gives_no_password_is_refused(host, at):
    host.run("echo security.protocol=PLAINTEXT > /tmp/plain.properties")
    found = host.run(
        f"timeout 20 kafka-topics --bootstrap-server {at} --command-config /tmp/plain.properties"
        " --list"
    )
    assert found.rc != 0
    assert "asked" not in found.stdout


def test_java_has_half_of_the_memory(host):
    """The limit is that of the container, or of the machine where it has none."""
    limit = int(host.check_output(". /opt/onyxia/service.sh; memory_limit"))
    words = host.check_output(
        "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -x -e '-Xmx[0-9]*m'"
    )
    assert f"-Xmx{min(limit // 2, 6144)}m" in words.split()


def test_any_uid_makes_data_and_finds_them_again(other):
    other.start()
    assert other.run(put("kept", "as it is", "127.0.0.1:29092")).rc == 0
    other.stop()
    assert other.host.check_output(f"stat -c '%a %u' {other.folder}/data") == "700 12345"
    new = 'it\'s "new"; \\ $(id) ${env:HOME} é\\n'
    other.start(PASSWORD=new)
    found = other.run(READY)
    assert REFUSED in found.stdout + found.stderr
    assert other.run(get("kept", at="127.0.0.1:29092"), PASSWORD=new).stdout == "as it is\n"
    held = other.run(f'grep -rlF "it\'s" {other.folder}')
    assert held.stdout == ""


def test_a_killed_container_is_followed_by_another(other):
    """Also where the first start was killed while it made the data."""
    other.host.check_output(f"mkdir -p {other.folder}/data.new/lost")
    other.start()
    assert other.run(put("kept", "42", "127.0.0.1:29092")).rc == 0
    server = other.host.check_output(f"cat /proc/$(cat {other.folder}/pid)/task/*/children")
    other.host.check_output(f"kill -KILL {server}")
    other.wait_until_ended()
    other.start()
    assert other.run(get("kept", at="127.0.0.1:29092")).stdout == "42\n"


def test_two_stand_side_by_side(host, other):
    other.start()
    host.check_output(put("of-the-first", "1"))
    assert "of-the-first" not in other.run(READY).stdout
    assert "of-the-first" in host.check_output(READY)


def test_the_password_stands_on_no_command_line_and_in_no_file(host, facts, checks):
    checks.password_is_on_no_command_line(host, "java", facts["password"])
    held = host.run(f"grep -rl {shlex.quote(facts['password'])} /var/lib/kafka /tmp")
    assert held.stdout == ""


def test_it_says_why_it_does_not_start(other):
    assert other.refuse(PASSWORD="") == "start: PASSWORD is unset, and nobody could enter\n"
    assert other.refuse(PASSWORD="two\nlines") == "start: PASSWORD has a line break in it\n"
    assert other.refuse(KAFKA_USER='a"b') == (
        "start: KAFKA_USER has more in it than letters, digits, _ and -\n"
    )
    assert other.refuse(KAFKA_LOCAL_PORT="9191") == (
        "start: port 9192 is the broker's own: choose another\n"
    )
    assert "cannot be written by uid 12345" in other.refuse(KAFKA_DATA="/usr/data")


@pytest.mark.last
def test_sigterm_ends_it_with_its_clients(host, wait_for):
    host.check_output(f"{{ nohup {get('asked-0', 1000)} > /dev/null 2>&1 & }}")
    host.run("kill -TERM 1")
    wait_for("the container has ended", lambda: host.run("true").rc != 0, seconds=60)
