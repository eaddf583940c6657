"""Trino: who may enter, what it counts, and the catalogs that it makes of its environment."""

import json

import pytest

READY = "curl --silent --fail --noproxy '*' http://127.0.0.1:{}/v1/info"
START = "/opt/onyxia-init.sh /opt/trino/start 8180 8543"
OTHER = "https://127.0.0.1:8543"
CATALOGS = ["hive", "memory", "mine", "postgresql", "system", "tpch"]
# More than an address would be options of a driver, or settings of their own.
ODD = [
    ("PGHOST", "a\nb"),
    ("PGPORT", "1/x?socketFactory=y"),
    ("MARIADB_HOST", "a/b"),
    ("AWS_S3_ENDPOINT", "a?b"),
    ("AWS_S3_ENDPOINT", "http\nplugin.dir=/tmp\n://a"),
]
COUNT = "select count(*) from tpch.sf1.orders"

CURL = (
    "curl --silent --insecure --noproxy '*' --write-out '\\n%%{http_code}' --user %s --data-raw %s "
)


@pytest.fixture(scope="module", autouse=True)
def server(host, wait_for):
    """The server that the container runs."""
    started = f"{READY.format(8080)} | grep '\"starting\":false'"
    wait_for("Trino", lambda: host.run(started).succeeded, seconds=300)


@pytest.fixture
def query(host, facts):
    """Asks a query to its end as clients do: the rows, or the status or the error that ended it."""

    def ask(text, password=facts["password"], *, user="trino", at="https://127.0.0.1:8443"):
        page, rows, login = f"{at}/v1/statement", [], f"{user}:{password}"
        while page:
            method = "--request GET" if "/statement/" in page else ""
            said = host.check_output(f"{CURL} {method} %s", login, text, page)
            body, _, status = said.rpartition("\n")
            if status != "200":
                return int(status)
            answer = json.loads(body)
            if "error" in answer:
                return answer["error"]["message"]
            rows += answer.get("data", [])
            page = answer.get("nextUri")
        return rows

    return ask


@pytest.fixture
def other(second_server):
    """A server by a uid that a cluster chose; it is not started yet."""
    started = f"{READY.format(8180)} | grep '\"starting\":false'"
    environment = {"TRINO_ETC": "{folder}/etc", "JAVA_OPTIONS": "-Xmx1g"}
    return second_server(START, port=8180, ready=started, environment=environment)


def test_trino_is_the_version_of_the_lock(host, facts):
    version = facts["versions"]["trino"]
    assert host.check_output(READY.format(8080)).startswith(
        f'{{"nodeVersion":{{"version":"{version}"'
    )
    assert version == facts["axes"]["trino"]


def test_it_counts(query):
    assert query(COUNT) == [[1500000]]


@pytest.mark.parametrize(("password", "user"), [("", "trino"), ("wrong", "trino"), ("", "admin")])
def test_nobody_enters_without_the_password(query, password, user):
    assert query(COUNT, password, user=user) == 401


def test_without_tls_nobody_enters(query):
    assert query(COUNT, at="http://127.0.0.1:8080") == 403


def test_a_proxy_that_ended_tls_is_taken_for_it(host, facts):
    login = f"trino:{facts['password']}"
    words = f"{CURL} --header 'X-Forwarded-Proto: https' http://127.0.0.1:8080/v1/statement"
    assert '"nextUri":"https://' in host.check_output(words, login, "select 1")


def test_any_uid_makes_catalogs_of_what_it_is_told(other, query):
    odd = 'it\'s "odd"; \\ $(id) ${ENV:HOME} é'
    other.host.check_output(f"mkdir {other.folder}/more")
    other.host.check_output(f"echo connector.name=tpcds > {other.folder}/more/mine.properties")
    where = {
        "PGHOST": "127.0.0.1",
        "PGUSER": "ann",
        "PGPASSWORD": odd,
        "PGDATABASE": "a b/c?",
    }
    hive = {"HIVE_METASTORE_URI": "thrift://127.0.0.1:9083"}
    other.start(PASSWORD=odd, TRINO_CATALOGS=f"{other.folder}/more", **where, **hive)
    found = query("show catalogs", odd, at=OTHER)
    assert [name for (name,) in found] == CATALOGS
    assert query("select 1", "wrong", at=OTHER) == 401
    assert other.run(f'grep -rlF "it\'s" {other.folder}/etc').stdout == ""


def test_the_password_stands_on_no_command_line_and_in_no_file(host, facts, checks):
    checks.password_is_on_no_command_line(host, "io.trino.server.TrinoServer", facts["password"])
    assert host.run("grep -rlF %s /tmp/trino", facts["password"]).stdout == ""


def test_it_says_why_it_does_not_start(other):
    assert "start: PASSWORD is unset, and nobody could enter\n" in other.refuse(PASSWORD="")
    assert "TRINO_USER has more in it" in other.refuse(TRINO_USER="a:b")
    assert "PASSWORD has more than 72 bytes" in other.refuse(PASSWORD="x" * 73)


@pytest.mark.parametrize(("name", "odd"), ODD)
def test_more_than_an_address_is_no_setting(other, name, odd):
    assert f"{name} is no address, port or region" in other.refuse(**{name: odd})


def test_java_has_three_quarters_of_the_memory(host):
    """The limit is that of the container, or of the machine where it has none."""
    limit = int(host.check_output(". /opt/onyxia/service.sh; memory_limit"))
    words = host.check_output("cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'")
    assert f"-Xmx{limit * 3 // 4}m" in words.split()
