"""A git server over HTTP lets a session in by its token, which is kept nowhere."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.integration.session.conftest import GIT_TOKEN
from tests.integration.session.host import Host
from tests.integration.session.servers import Answer, Request, Serving, git, serve

ASKS = (
    "printf 'protocol=http\\nhost=%s\\n\\n' \"$HOST\" | GIT_TERMINAL_PROMPT=0 git credential fill"
)


def git_configuration(machine: Host) -> str:
    """All that git keeps of the clone and of its user."""
    files = [machine.work / "project" / ".git" / "config", machine.home / ".gitconfig"]
    return "".join(file.read_text() for file in files)


def test_a_clone_with_a_token(machine: Host, git_server: Serving) -> None:
    ended = machine.start(
        "sh", "-c", f"pwd; cat project/file; git -C project pull --quiet && {ASKS}; env --null",
        GIT_REPOSITORY=f"{git_server.url}/project.git", GIT_BRANCH="other'branch",
        GIT_PERSONAL_ACCESS_TOKEN=GIT_TOKEN, GIT_CREDENTIALS_CACHE_DURATION="120",
        GIT_TOKEN_HOSTS="git.example, 127.0.0.1", HOST=git_server.host,
    )  # fmt: skip
    assert ended.steps["git token"] == "done (kept for 120 s)"
    assert ended.steps["git clone"] == f"done ({machine.work}/project)"
    out = ended.out.decode()
    assert out.startswith(f"{machine.work}\nother\n")
    assert f"\nusername=oauth2\npassword={GIT_TOKEN}\n" in out
    assert f"\0ONYXIA_PROJECT_DIRECTORY={machine.work}/project\0" in out
    assert f"url = {git_server.url}/project.git\n" in git_configuration(machine)
    assert nowhere(machine, GIT_TOKEN)
    assert GIT_TOKEN not in ended.log
    stop_cache(machine)


def nowhere(machine: Host, secret: str) -> bool:
    """No file of home or session holds it."""
    found = subprocess.run(
        ["grep", "--recursive", "--fixed-strings", "--devices=skip", "-e", secret,
         str(machine.home), str(machine.session)],
        capture_output=True, check=False, timeout=30,
    )  # fmt: skip
    return found.returncode == 1


def stop_cache(machine: Host) -> None:
    """End the daemon."""
    socket = f"--socket={machine.session}/git/socket"
    machine.run(["git", "credential-cache", socket, "exit"], machine.environment({}))


@pytest.mark.parametrize("userinfo", ["ann:{}", "{}"])
def test_a_token_in_the_url_is_taken_out_of_it(
    machine: Host, git_server: Serving, userinfo: str
) -> None:
    token = quote(GIT_TOKEN, safe="")
    address = f"http://{userinfo.format(token)}@{git_server.host}/project.git"
    ended = machine.start(GIT_REPOSITORY=address)
    assert ended.steps["git clone"] == f"done ({machine.work}/project)"
    assert f"url = {git_server.url}/project.git\n" in git_configuration(machine)
    for form in (token, GIT_TOKEN):
        assert nowhere(machine, form)
        assert form not in ended.log
    stop_cache(machine)


def test_a_wrong_token_fails_the_clone_alone(machine: Host, git_server: Serving) -> None:
    ended = machine.start(
        "sh", "-c", "echo started",
        GIT_REPOSITORY=f"{git_server.url}/project.git", GIT_PERSONAL_ACCESS_TOKEN="wr0ng-one",
        GIT_TOKEN_HOSTS=git_server.host,
    )  # fmt: skip
    assert ended.out == b"started\n"
    assert ended.steps["git clone"].startswith("failed (")
    assert "wr0ng-one" not in ended.log
    assert not (machine.work / "project").exists()
    stop_cache(machine)


def test_a_clone_that_is_there_stays(machine: Host, repositories: Path) -> None:
    given = {"GIT_REPOSITORY": f"{repositories}/project.git"}
    machine.start(**given)
    mine = machine.work / "project" / "mine"
    mine.write_text("mine")
    ended = machine.start(**given)
    assert ended.steps["git clone"] == f"skipped ({machine.work}/project is already there)"
    assert ended.environment["ONYXIA_PROJECT_DIRECTORY"] == f"{machine.work}/project"
    assert mine.read_text() == "mine"


def test_other_credential_helpers_stay(machine: Host) -> None:
    machine.home.mkdir()
    config = machine.home / ".gitconfig"
    config.write_text("[credential]\n\thelper = store\n\thelper = cache --timeout=5\n")
    for seconds in ("60", "70"):
        machine.start(GIT_CREDENTIALS_CACHE_DURATION=seconds)
    helpers = [line for line in config.read_text().splitlines() if "helper" in line]
    socket = f"cache --timeout=70 --socket='{machine.session}/git/socket'"
    assert helpers == ["\thelper = store", f"\thelper = {socket}"]


def authorizations(server: Serving) -> list[str]:
    """What a server was told of who asks."""
    told = (request.headers.get("Authorization") for request in server.requests)
    return [base64.b64decode(one.split()[-1]).decode() for one in told if one]


def asks_who(_: Request) -> Answer:
    """A server that wants to know who asks."""
    return Answer(status=401, headers={"WWW-Authenticate": 'Basic realm="git"'})


@pytest.mark.parametrize("hosts", ["", "git.example", "127.0.0.2", "127.0.0.1:1", "127.0.0.10"])
def test_a_token_is_for_its_own_server(machine: Host, hosts: str) -> None:
    """A link may name any repository."""
    with serve(asks_who) as stranger:
        ended = machine.start(
            "cat", str(machine.home / ".gitconfig"),
            GIT_REPOSITORY=f"{stranger.url}/x.git", GIT_PERSONAL_ACCESS_TOKEN=GIT_TOKEN,
            GIT_TOKEN_HOSTS=hosts,
        )  # fmt: skip
    assert ended.steps["git token"] == (
        "skipped (not given to 127.0.0.1: it is not the server of the token)"
    )
    assert ended.steps["git clone"].startswith("failed (fatal: could not read Username")
    assert stranger.requests
    assert not authorizations(stranger)
    # What the user types is kept, all the same.
    assert b"helper = cache" in ended.out


def test_a_public_project_is_cloned_without_the_token(machine: Host, repositories: Path) -> None:
    with serve(git(repositories)) as stranger:
        ended = machine.start(
            GIT_REPOSITORY=f"{stranger.url}/project.git", GIT_PERSONAL_ACCESS_TOKEN=GIT_TOKEN
        )
    assert ended.steps["git clone"] == f"done ({machine.work}/project)"
    assert not authorizations(stranger)


@pytest.mark.parametrize("times", [0, 1])
def test_a_token_does_not_follow_a_redirection(machine: Host, times: int) -> None:
    """Neither where the known server asks for it first."""
    with serve(asks_who) as stranger:

        def away(request: Request) -> Answer:
            if times and "Authorization" not in request.headers:
                return asks_who(request)
            return Answer(status=302, headers={"Location": f"{stranger.url}{request.path}"})

        with serve(away) as known:
            ended = machine.start(
                GIT_REPOSITORY=f"{known.url}/x.git", GIT_PERSONAL_ACCESS_TOKEN=GIT_TOKEN,
                GIT_TOKEN_HOSTS=known.host,
            )  # fmt: skip
    assert ended.steps["git token"] == "done (kept for 3600 s)"
    assert ended.steps["git clone"].startswith("failed (")
    assert len(authorizations(known)) == times
    assert stranger.requests
    assert not authorizations(stranger)
    stop_cache(machine)
