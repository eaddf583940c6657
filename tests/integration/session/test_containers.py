"""The start of a session in real images, restricted as a cluster restricts them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.integration.session.box import Box, Running, is_proxy, podman
from tests.integration.session.conftest import GIT_TOKEN
from tests.integration.session.host import environ, steps
from tests.integration.session.servers import Serving, serve, vault
from tests.integration.session.test_values import GIVEN
from tests.integration.session.values import CANARY, WORD, hostile

HOME = "/home/onyxia"
USERS = ("1000:100", "123456:0", "54321:100")
KEYS = {"OF_VAULT": hostile("OF_VAULT"), "ALSO_OF_VAULT": WORD}

# A user works: files, a repository, a shell of their own.
WORKS = """
touch "$HOME/mine" "$PWD/mine"
git config --global user.name && git -C project commit --quiet --allow-empty --message=Mine
git -C project log -1 --format=%an
mkdir -p "$HOME/.config/a" && echo "$(id -u):$(id -g) $USER $HOME $PWD"
env -i HOME="$HOME" bash -lc 'echo "$ONYXIA_SESSION $OF_VAULT"'
"""


@pytest.fixture(scope="module")
def kv() -> Iterator[Serving]:
    """Vault with one secret."""
    application = vault(token="t0ken", secrets={"ann/a": KEYS}, role="", jwt="")
    with serve(application) as serving:
        yield serving


def vault_of(kv: Serving) -> dict[str, str]:
    """What a session is told of it."""
    return {
        "VAULT_ADDR": kv.url, "VAULT_MOUNT": "kv", "VAULT_TOP_DIR": "ann",
        "VAULT_RELATIVE_PATH": "a", "VAULT_TOKEN": "t0ken",
    }  # fmt: skip


def volume(folder: Path, user: str) -> Path:
    """A folder as a cluster gives it: of root, and of the session's group."""
    folder.mkdir()
    os.chown(folder, 0, int(user.partition(":")[2]))
    folder.chmod(0o2775)
    return folder


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("place", ["nothing", "home", "work"])
def test_any_user_works(
    boxes: Mapping[str, Box],
    git_server: Serving,
    kv: Serving,
    tmp_path: Path,
    user: str,
    place: str,
) -> None:
    """With a volume over the home directory the root file system is read-only too."""
    options = ["--user", user]
    if place != "nothing":
        folder = volume(tmp_path / "volume", user)
        options += ["--volume", f"{folder}:{HOME}{'/work' if place == 'work' else ''}"]
    if place == "home":
        options += ["--read-only"]
    ended = boxes["base"].run(
        "bash", "-euc", WORKS, options=options, GIT_USER_NAME="Ann", GIT_USER_MAIL="a@example.org",
        GIT_REPOSITORY=f"{git_server.url}/project.git", GIT_PERSONAL_ACCESS_TOKEN=GIT_TOKEN,
        GIT_TOKEN_HOSTS="127.0.0.1", **vault_of(kv),
    )  # fmt: skip
    assert ended.status == 0, ended.log
    assert ended.out.decode() == (
        f"Ann\nAnn\n{user} onyxia {HOME} {HOME}/work\n/tmp/onyxia-session {KEYS['OF_VAULT']}\n"
    )
    assert not [name for name, text in ended.steps.items() if text.startswith("failed")]
    for step in ("vault", "git identity", "git token", "git clone", "session environment"):
        assert ended.steps[step].startswith("done"), step


def test_a_home_that_is_not_writable_is_replaced(boxes: Mapping[str, Box]) -> None:
    script = "touch $HOME/mine mine; echo $HOME $PWD $WORKSPACE_DIR"
    ended = boxes["base"].run("bash", "-euc", script, options=("--read-only", "--user=5:0"))
    home = "/tmp/onyxia-session/home"
    assert ended.out.decode() == f"{home} {home}/work {home}/work\n", ended.log
    assert ended.steps["home"] == f"done ({HOME} is not writable, {home} is used)"
    assert ended.steps["work directory"] == (
        f"done ({HOME}/work is not writable; {home}/work is used)"
    )


SENT = {name: value for name, value in GIVEN.items() if not is_proxy(name)}
EXPECTED = {
    name: value for name, value in {**SENT, **KEYS}.items() if not name.startswith("VAULT_")
}


@pytest.fixture(scope="module")
def session(boxes: Mapping[str, Box], kv: Serving) -> Iterator[Running]:
    """A session with R and a hostile value in every variable, but for the way to Vault."""
    given = {**SENT, **vault_of(kv)}
    with boxes["r-minimal"].running(options=("--read-only", f"--tmpfs={HOME}"), **given) as running:
        yield running


@pytest.mark.parametrize("shell", [("bash", "-l"), ("bash", "-i"), ("sh", "-l")])
def test_shells_have_every_value(session: Running, shell: tuple[str, ...]) -> None:
    found = environ(session.do(*shell, "-c", "env --null"))
    assert {name: found.get(name) for name in EXPECTED} == EXPECTED
    assert session.do("sh", "-c", f"test ! -e {CANARY} && echo nothing") == b"nothing\n"


R_GETENV = """
out <- pipe("cat", "wb")
for (name in commandArgs(TRUE)) {
  value <- Sys.getenv(name)
  writeBin(c(charToRaw(name), charToRaw("="), charToRaw(value), as.raw(0)), out)
}
close(out)
"""


def test_r_has_every_value(session: Running) -> None:
    path = "PATH=/usr/bin:/bin"
    found = environ(session.do("env", path, "Rscript", "-e", R_GETENV, *EXPECTED))
    assert found == EXPECTED
    child = session.do("bash", "-lc", 'exec Rscript -e "$0" "$@"', R_GETENV, *EXPECTED)
    assert environ(child) == EXPECTED


def test_the_environment_of_whoever_has_one_stays(session: Running) -> None:
    """What a user changes in a terminal is not set back by the next shell."""
    script = 'export PASSWORD=mine; bash -lc "echo \\$PASSWORD"; bash -ic "echo \\$PASSWORD"'
    assert session.do("bash", "-lc", script) == b"mine\nmine\n"


def test_nothing_is_said_of_hostile_values(session: Running) -> None:
    log = session.log()
    assert len(steps(log)) == 21
    assert steps(log)["vault"] == "done (2 keys)"
    for name in ("PASSWORD", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "OF_VAULT"):
        assert f"{name}:a" not in log
    assert "t0ken" not in log


def test_only_the_user_reads_what_a_session_keeps(session: Running) -> None:
    modes = session.do("find", "/tmp/onyxia-session", "-printf", "%m %y\\n").decode().split("\n")
    assert {tuple(line.split()) for line in modes if line} <= {("700", "d"), ("600", "f")}


def test_process_1_reaps_and_forwards(boxes: Mapping[str, Box]) -> None:
    service = (
        'trap "exit 5" TERM; (sleep 0.1 & sleep 0.1 &); touch /tmp/on; while :; do sleep 0.1; done'
    )
    with boxes["base"].running("bash", "-c", service) as running:
        running.do("sh", "-c", "until [ -e /tmp/on ]; do sleep 0.05; done; sleep 0.5")
        # The orphans are init's; what has just ended of the service is the service's own.
        found = running.do("ps", "-eo", "ppid=,stat=").decode().splitlines()
        assert not [line for line in found if line.split()[0] == "1" and "Z" in line]
        assert running.do("ps", "-p", "1", "-o", "comm=") == b"tini\n"
        podman(running.podman, "kill", "--signal=TERM", running.name)
        ended = podman(running.podman, "wait", running.name)
        assert ended.stdout.strip() == b"5"


# --- S3 with the programs of the image -----------------------------------------------------------

S3_PROGRAMS = """
printf 'a,b\\n1,2\\n' > /tmp/table.csv
aws s3 mb s3://a-bucket >/dev/null
aws s3 cp --quiet /tmp/table.csv s3://a-bucket/table.csv
duckdb -csv -noheader -c "SELECT a + b FROM 's3://a-bucket/table.csv'"
env -i HOME="$HOME" bash -lc 'aws s3 ls s3://a-bucket' | cut -d' ' -f4-
readlink "$HOME"/.duckdb/extensions/*/*/httpfs.duckdb_extension | cut -d/ -f1-4
"""


def test_s3_works_from_the_programs_of_base(boxes: Mapping[str, Box], s3: str) -> None:
    ended = boxes["base"].run(
        "bash", "-euc", S3_PROGRAMS, options=("--read-only", f"--tmpfs={HOME}"),
        AWS_ACCESS_KEY_ID="key", AWS_SECRET_ACCESS_KEY=f"secret{WORD}", AWS_SESSION_TOKEN="",
        AWS_DEFAULT_REGION="us-east-1", AWS_S3_ENDPOINT=s3.removeprefix("http://"),
        AWS_ENDPOINT_URL=f"{s3}/", AWS_PATH_STYLE_ACCESS="true",
    )  # fmt: skip
    assert ended.steps["DuckDB"] == "done", ended.log
    assert ended.out.decode().split() == [*("3", "8", "table.csv", "/opt/duckdb/extensions")], (
        ended.log
    )


def test_duckdb_has_every_value(boxes: Mapping[str, Box]) -> None:
    given = {
        "AWS_ACCESS_KEY_ID": hostile("KEY"), "AWS_SECRET_ACCESS_KEY": hostile("SECRET"),
        "AWS_SESSION_TOKEN": hostile("TOKEN"), "AWS_DEFAULT_REGION": WORD,
        "AWS_ENDPOINT_URL": f"http://h:9{WORD}", "AWS_PATH_STYLE_ACCESS": "false",
    }  # fmt: skip
    sql = "SELECT hex(secret_string) FROM duckdb_secrets(redact = false) WHERE name = 'onyxia_s3'"
    ended = boxes["base"].run("duckdb", "-unredacted", "-csv", "-noheader", "-c", sql, **given)
    assert ended.steps["DuckDB"] == "done"
    found = bytes.fromhex(ended.out.decode().strip()).decode()
    for part in (
        *(f"key_id={given['AWS_ACCESS_KEY_ID']};", f"secret={given['AWS_SECRET_ACCESS_KEY']};"),
        *(f"session_token={given['AWS_SESSION_TOKEN']};", f"region={WORD};"),
        *(f"endpoint=h:9{WORD};", "url_style=vhost;", "use_ssl=false"),
    ):
        assert part in found
