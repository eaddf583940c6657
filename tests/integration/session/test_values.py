"""Hostile values in every variable: they arrive byte for byte, and nothing of them is run."""

from __future__ import annotations

import configparser
import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.session.host import Host, environ
from tests.integration.session.values import CANARY, TEXT, WORD, hostile

# Every variable of the contract whose value the session gets as it is.
PASSED = (
    "VAULT_ADDR", "VAULT_TOKEN", "VAULT_MOUNT", "VAULT_TOP_DIR", "VAULT_RELATIVE_PATH",
    "VAULT_INJECTION_SA_ENABLED", "VAULT_INJECTION_SA_MODE", "VAULT_INJECTION_SA_AUTH_ROLE",
    "VAULT_INJECTION_SA_AUTH_PATH", "KUBERNETES_SERVICE_ACCOUNT", "KUBERNETES_NAMESPACE",
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION",
    "AWS_PATH_STYLE_ACCESS", "GIT_USER_NAME", "GIT_USER_MAIL", "GIT_BRANCH",
    "GIT_CREDENTIALS_CACHE_DURATION", "PATH_TO_CA_BUNDLE", "PIP_REPOSITORY", "CONDA_REPOSITORY",
    "R_REPOSITORY", "PACKAGE_MANAGER_URL", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy",
    "https_proxy", "no_proxy", "DARK_MODE", "REGION_INIT_SCRIPT", "PERSONAL_INIT_SCRIPT",
    "PERSONAL_INIT_ARGS", "PROJECT_USER", "PROJECT_GROUP", "IMAGE_NAME", "PASSWORD",
    "MLFLOW_TRACKING_URI", "METAFLOW_SERVICE_URL", "CHROMA_HOST", "PGPASSWORD",
)  # fmt: skip
GIVEN = {
    **{name: hostile(name) for name in PASSED},
    "GIT_REPOSITORY": f"a:{TEXT}",
    "AWS_S3_ENDPOINT": TEXT.replace("/", "|"),  # a path would be cut off
}
SECRETS = ("VAULT_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PASSWORD")


def test_the_values_are_hostile() -> None:
    """A shell that expands one leaves the canary, and one that quotes it badly stumbles."""
    assert not run(f"cat <<END\n{TEXT}\nEND").returncode
    assert CANARY.exists()
    CANARY.unlink()
    for quote in ("'", '"', ""):
        assert run(f"x={quote}{TEXT}{quote}").returncode
        CANARY.unlink(missing_ok=True)


def run(script: str) -> subprocess.CompletedProcess[bytes]:
    """What bash makes of it."""
    return subprocess.run(["bash", "-c", script], capture_output=True, check=False)


def test_every_value_arrives_byte_for_byte(machine: Host) -> None:
    token = hostile("GIT_PERSONAL_ACCESS_TOKEN")
    ended = machine.start(**GIVEN, GIT_PERSONAL_ACCESS_TOKEN=token)
    assert ended.status == 0
    assert {name: ended.environment[name] for name in GIVEN} == GIVEN
    assert ended.environment["GIT_PERSONAL_ACCESS_TOKEN"] == token
    # For R, and for what else does not descend from the service.
    kept = environ((machine.session / "environ").read_bytes())
    assert {name: kept[name] for name in GIVEN} == GIVEN
    assert "GIT_PERSONAL_ACCESS_TOKEN" not in kept
    for name in (*SECRETS, "GIT_PERSONAL_ACCESS_TOKEN"):
        assert f"{name}:a" not in ended.log


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_shells_read_every_value_byte_for_byte(machine: Host, shell: str) -> None:
    machine.start(**GIVEN)
    script = f'. "{machine.session}/env.sh"; env --null'
    read = machine.run([shell, "-c", script], {"PATH": os.defpath})
    assert not read.stderr
    found = environ(read.stdout)
    assert {name: found[name] for name in GIVEN} == GIVEN


def test_work_directories_are_named_as_they_please(machine: Host) -> None:
    name = WORD.replace("/", "|")
    ended = machine.start("pwd", ROOT_PROJECT_DIRECTORY=f"{machine.home}/{name}\nx")
    assert ended.out.decode() == f"{machine.home}/{name}\nx\n"
    assert ended.steps["work directory"] == "done"


def test_sessions_lie_where_they_please(machine: Host) -> None:
    place = f"{machine.folder}/{WORD.replace('/', '|')}"
    ended = machine.start(ONYXIA_SESSION_DIR=place, PASSWORD=TEXT, **dict(S3_AND_SPARK))
    assert ended.environment["ONYXIA_SESSION"] == place
    assert environ(Path(place, "environ").read_bytes())["PASSWORD"] == TEXT
    assert Path(place).stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in Path(place).glob("*.s*")} == {0o600}


def test_git_is_told_who_commits_and_nothing_more(machine: Host) -> None:
    given = {"GIT_USER_NAME": TEXT.strip(), "GIT_USER_MAIL": f"{WORD}@example.org"}
    machine.start(**given)
    read = ["git", "config", "--global", "--null", "--list"]
    found = machine.run(read, machine.environment({})).stdout.decode()
    assert found == f"user.name\n{TEXT.strip()}\0user.email\n{WORD}@example.org\0"


S3_AND_SPARK = {
    "AWS_ACCESS_KEY_ID": f"key{WORD}", "AWS_SECRET_ACCESS_KEY": TEXT, "AWS_SESSION_TOKEN": WORD,
    "AWS_DEFAULT_REGION": TEXT, "AWS_ENDPOINT_URL": f"http://127.0.0.1:1{WORD}",
    "AWS_PATH_STYLE_ACCESS": "false", "SPARK_HOME": "/nowhere",
}  # fmt: skip


def properties(text: str) -> dict[str, str]:
    """What Java reads of lines `key value`, as far as these are used here."""
    found = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        plain = value.replace("\\\\", "\0")
        for short, long in (("\\n", "\n"), ("\\r", "\r"), ("\\t", "\t"), ("\\ ", " ")):
            plain = plain.replace(short, long)
        assert "\\" not in plain
        found[key] = plain.replace("\0", "\\")
    return found


def test_spark_is_told_what_it_reads_from_no_variable(machine: Host) -> None:
    conf = machine.folder / "conf"
    conf.mkdir()
    (conf / "spark-defaults.conf").write_text("spark.hadoop.fs.s3a.endpoint mine\n")
    (conf / "log4j2.properties").write_text("rootLogger.level = warn\n")
    ended = machine.start(**S3_AND_SPARK, SPARK_CONF_DIR=str(conf))
    assert ended.environment["SPARK_CONF_DIR"] == f"{machine.session}/spark"
    text = (machine.session / "spark" / "spark-defaults.conf").read_text()
    ours, _, theirs = text.rpartition("spark.hadoop.fs.s3a.endpoint mine\n")
    assert not theirs  # the last line wins
    assert properties(ours) == {
        "spark.hadoop.fs.s3a.endpoint": S3_AND_SPARK["AWS_ENDPOINT_URL"],
        "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
        "spark.hadoop.fs.s3a.endpoint.region": TEXT,
        "spark.hadoop.fs.s3a.path.style.access": "false",
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
    }
    kept = machine.session / "spark" / "log4j2.properties"
    assert kept.read_text() == "rootLogger.level = warn\n"
    assert S3_AND_SPARK["AWS_SECRET_ACCESS_KEY"] not in text


def test_the_sql_of_duckdb_is_one_statement(machine: Host) -> None:
    machine.start(**S3_AND_SPARK)
    text = (machine.session / "duckdb.sql").read_bytes().decode()
    quoted = {name: value.replace("'", "''") for name, value in S3_AND_SPARK.items()}
    assert text == (
        "CREATE OR REPLACE PERSISTENT SECRET onyxia_s3 (TYPE s3"
        f", KEY_ID '{quoted['AWS_ACCESS_KEY_ID']}', SECRET '{quoted['AWS_SECRET_ACCESS_KEY']}'"
        f", SESSION_TOKEN '{quoted['AWS_SESSION_TOKEN']}'"
        f", REGION '{quoted['AWS_DEFAULT_REGION']}'"
        f", ENDPOINT '{quoted['AWS_ENDPOINT_URL'].removeprefix('http://')}'"
        ", URL_STYLE 'vhost', USE_SSL false);\n"
    )


def test_the_file_of_aws_holds_no_value(machine: Host) -> None:
    ended = machine.start(**S3_AND_SPARK)
    parser = configparser.RawConfigParser()
    parser.read(ended.environment["AWS_CONFIG_FILE"])
    assert {key: dict(parser[key]) for key in parser.sections()} == {
        "default": {"s3": "\naddressing_style = virtual"}
    }


def test_condas_file_is_one_channel(machine: Host) -> None:
    ended = machine.start(CONDA_REPOSITORY=TEXT)
    found = json.loads(Path(ended.environment["CONDARC"]).read_text())
    assert found == {"channels": [TEXT], "default_channels": [TEXT]}


@pytest.mark.parametrize(
    ("key", "secret", "token", "expected"),
    [
        ("k", "a/b+c=", "", "http://k:a/b+c=@h:9"),
        ("k", "s", "t:u", "http://k:s:t:u@h:9"),
        ("k@l", "'$(id)`", "", "http://k@l:'$(id)`@h:9"),
        ("k", "", "", None),
        ("k", "a:b", "", None),
        ("k", "a\nb", "", None),
    ],
)
def test_mc_is_told_what_it_can_be_told(
    machine: Host, key: str, secret: str, token: str, expected: str | None
) -> None:
    ended = machine.start(
        AWS_ACCESS_KEY_ID=key,
        AWS_SECRET_ACCESS_KEY=secret,
        AWS_SESSION_TOKEN=token,
        AWS_ENDPOINT_URL="http://h:9/",
    )
    assert ended.environment.get("MC_HOST_s3") == expected
    assert ("AWS_SESSION_TOKEN" in ended.environment) is bool(token)


def test_both_cases_of_proxies_and_neither_twice(machine: Host) -> None:
    found = machine.start(HTTP_PROXY="a", http_proxy="b", https_proxy="c", NO_PROXY="d").environment
    names = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")
    assert [found[name] for name in names] == ["a", "b", "c", "c", "d", "d"]


def test_mirrors_of_packages_are_told_to_pip_and_uv(machine: Host) -> None:
    found = machine.start(PIP_REPOSITORY=TEXT).environment
    assert found["PIP_INDEX_URL"] == found["UV_DEFAULT_INDEX"] == TEXT
