"""The script on this machine, with real servers."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.integration.session.conftest import GIT_TOKEN, Authority
from tests.integration.session.host import PATH, SCRIPT, Host, environ
from tests.integration.session.servers import Answer, Serving, serve, vault, watched
from tests.integration.session.values import TEXT, WORD, hostile

TOKEN = "hvs.'t\"o\\ken"
JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
ROLE = f"role{WORD}"
PLACE = "ann/a b/c'd%41\"é"
KEYS = {
    ".onyxia": {"keysOrdering": ["ZULU", "ALPHA", "absent", 7]},
    "ALPHA": hostile("ALPHA"),
    "NUMBER": 7,
    "NESTED": {"a": [1, None]},
    "REFERENCE": "$ZULU ${ZULU}",
    "ZULU": hostile("ZULU"),
    "name": "like a local variable of the script",
    "_underscore": "",
}
LEFT_OUT = {
    "LD_PRELOAD": "/nowhere.so", "PATH": "/nowhere", "UID": "0",
    "a[$(touch /tmp/onyxia-canary)]": "x",
    "BINARY": "a\0b", "with space": "x", "two\nlines": "x", "1ST": "x", "_onyxia_why": "x", "": "x",
}  # fmt: skip


@pytest.fixture(scope="module")
def kv() -> Iterator[Serving]:
    """Vault with a secret at PLACE; whoever asks has no secret on a command line."""
    application = vault(
        token=TOKEN,
        secrets={PLACE: {**KEYS, **LEFT_OUT}, "ann/plain": {"PASSWORD": "of vault"}, "text": "a"},
        role=ROLE,
        jwt=JWT,
    )
    with serve(watched(application, secrets=(TOKEN, JWT))) as serving:
        yield serving


def at(kv: Serving, path: str = PLACE, **more: str) -> dict[str, str]:
    """What a session is told of a secret."""
    top, _, rest = path.rpartition("/") if "/" not in path else path.partition("/")
    return {
        "VAULT_ADDR": f"{kv.url}/", "VAULT_MOUNT": "kv", "VAULT_TOP_DIR": top,
        "VAULT_RELATIVE_PATH": f"/{rest}", "VAULT_TOKEN": TOKEN, **more,
    }  # fmt: skip


def test_a_vault_secret_arrives_byte_for_byte(machine: Host, kv: Serving) -> None:
    ended = machine.start(**at(kv))
    left = "1ST BINARY LD_PRELOAD PATH UID _onyxia_why a[$(touch /tmp/onyxia-canary)]"
    assert ended.steps["vault"] == (
        f"done (7 keys; left out, not names of variables:  {left} two lines with space)"
    )
    expected = {name: value for name, value in KEYS.items() if isinstance(value, str)}
    expected |= {"NUMBER": "7", "NESTED": '{"a":[1,null]}'}
    for found in (ended.environment, environ((machine.session / "environ").read_bytes())):
        assert {name: found[name] for name in expected} == expected
        assert found["PATH"] == PATH
        assert not {"LD_PRELOAD", "BINARY", "1ST", "absent"} & set(found)
    assert "ALPHA:" not in ended.log
    assert TOKEN not in ended.log


def test_keys_come_in_their_order_and_then_the_rest(machine: Host) -> None:
    script = f". {SCRIPT.parent}/onyxia/vault.sh; vault_pairs"
    found = subprocess.run(
        ["bash", "-c", script], input=json.dumps({"data": {"data": KEYS}}).encode(),
        capture_output=True, check=True, timeout=30,
    )  # fmt: skip
    names = found.stdout.decode().split("\0")[::3]
    rest = ["NESTED", "NUMBER", "REFERENCE", "_underscore", "name"]
    assert names == ["ZULU", "ALPHA", *rest, ""]


def test_a_vault_secret_comes_before_what_reads_it(machine: Host, kv: Serving) -> None:
    ended = machine.start(**at(kv, "ann/plain", PASSWORD="of the chart"))
    assert ended.steps["vault"] == "done (1 keys)"
    assert ended.environment["PASSWORD"] == "of vault"


def test_a_service_account_logs_in(machine: Host, kv: Serving) -> None:
    folder = machine.folder / "account"
    folder.mkdir()
    (folder / "token").write_text(f"{JWT}\n")
    given = {
        "VAULT_INJECTION_SA_ENABLED": "true", "VAULT_INJECTION_SA_MODE": "jwt",
        "VAULT_INJECTION_SA_AUTH_PATH": "k8s", "VAULT_INJECTION_SA_AUTH_ROLE": ROLE,
    }  # fmt: skip
    ended = machine.start(**at(kv, "ann/plain", VAULT_TOKEN="an old one", **given))
    assert ended.steps["vault"] == "done (1 keys)"
    assert ended.environment["VAULT_TOKEN"] == TOKEN
    refused = machine.start(**at(kv, "ann/plain", **given | {"VAULT_INJECTION_SA_AUTH_ROLE": "x"}))
    assert refused.steps["vault"] == (
        "failed (login: curl: (22) The requested URL returned error: 400)"
    )
    for secret in (JWT, TOKEN):
        assert secret not in ended.log + refused.log


@pytest.mark.parametrize(
    ("path", "token", "reason"),
    [
        ("ann/plain", "wrong", "curl: (22) The requested URL returned error: 403"),
        ("ann/absent", TOKEN, "curl: (22) The requested URL returned error: 404"),
        ("text", TOKEN, "the answer is not a KV v2 secret"),
    ],
)
def test_a_vault_that_refuses(
    machine: Host, kv: Serving, path: str, token: str, reason: str
) -> None:
    ended = machine.start(**at(kv, path, VAULT_TOKEN=token))
    assert ended.status == 0
    assert ended.steps["vault"] == f"failed ({reason})"


def test_a_page_instead_of_vault(machine: Host) -> None:
    with serve(lambda _: Answer(body=b"<html>")) as page:
        ended = machine.start(**at(page))
    assert ended.steps["vault"] == "failed (the answer is not a KV v2 secret)"


def test_the_service_account_names_itself(machine: Host) -> None:
    folder = machine.folder / "account"
    folder.mkdir()
    claims = {"kubernetes.io": {"serviceaccount": {"name": "ann-é?>"}}, "sub": "x"}
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    (folder / "token").write_text(f"e30.{middle}.c2ln")
    (folder / "namespace").write_text("user-ann")
    ended = machine.start()
    assert ended.steps["kubernetes"] == "done (user-ann/ann-é?>)"
    assert ended.environment["KUBERNETES_SERVICE_ACCOUNT"] == "ann-é?>"
    assert ended.environment["KUBERNETES_NAMESPACE"] == "user-ann"
    (folder / "token").write_text("no token")
    assert machine.start().steps["kubernetes"] == (
        "failed (the service account's token does not name it)"
    )


# --- git -----------------------------------------------------------------------------------------

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
        HOST=git_server.host,
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


# --- scripts -------------------------------------------------------------------------------------


def arguments(machine: Host) -> list[str]:
    """What the script of `site` was started with."""
    return (machine.home / "arguments").read_bytes().decode().split("\0")[:-1]


def test_scripts_are_run_with_their_arguments(machine: Host, web: Serving) -> None:
    url = f"{web.url}/script.sh?token=s3cret"
    words = 'one "two  three" \'four "\' fi\\ ve $(touch /tmp/onyxia-canary) * `id` -x --'
    ended = machine.start(PERSONAL_INIT_SCRIPT=url, PERSONAL_INIT_ARGS=words)
    assert ended.steps["personal script"] == "done"
    assert arguments(machine) == [
        "one", "two  three", 'four "', "fi ve", "$(touch", "/tmp/onyxia-canary)", "*", "`id`",
        "-x", "--",
    ]  # fmt: skip
    assert "s3cret" not in ended.log
    ended = machine.start(REGION_INIT_SCRIPT=url)
    assert ended.steps["region script"] == "done"
    assert arguments(machine) == [""]  # printf of nothing
    assert not list(machine.session.glob("script*"))


def test_a_url_with_a_secret_stands_on_no_command_line(machine: Host) -> None:
    application = watched(lambda _: Answer(body=b"true\n"), secrets=("s3cret-in-url",))
    with serve(application) as server:
        ended = machine.start(
            PERSONAL_INIT_SCRIPT=f"{server.url}/a?token=s3cret-in-url{quote(WORD)}"
        )
    assert ended.steps["personal script"] == "done"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/failing.sh", "it ended with exit code 3"),
        ("/absent.sh", "curl: (22) The requested URL returned error: 404"),
        ("/page/", "the server answered with a page, not with a script"),
    ],
)
def test_scripts_that_fail_stop_nothing(
    machine: Host, web: Serving, path: str, reason: str
) -> None:
    url = f"{web.url}{path}"
    ended = machine.start("echo", "on", REGION_INIT_SCRIPT=url, PERSONAL_INIT_SCRIPT=url)
    assert ended.out == b"on\n"
    for step in ("region script", "personal script"):
        assert ended.steps[step] == f"failed ({reason})"


def test_scripts_come_over_verified_tls(
    machine: Host, secure_web: Serving, authority: Authority
) -> None:
    url = f"{secure_web.url}/script.sh"
    machine.home.mkdir()
    (machine.home / ".curlrc").write_text("insecure\n")
    ended = machine.start(PERSONAL_INIT_SCRIPT=url, REGION_INIT_SCRIPT=url)
    for step in ("region script", "personal script"):
        assert ended.steps[step].startswith("failed (curl: (60) SSL certificate problem")
    assert not (machine.home / "arguments").exists()
    trusted = {"PATH_TO_CA_BUNDLE": str(authority.bundle)}
    ended = machine.start(PERSONAL_INIT_SCRIPT=url, REGION_INIT_SCRIPT=url, **trusted)
    assert ended.steps["region script"] == ended.steps["personal script"] == "done"


def test_a_redirection_does_not_leave_tls(machine: Host, web: Serving) -> None:
    away = Answer(status=302, headers={"Location": f"{web.url}/script.sh"})
    with serve(lambda _: away) as server:
        ended = machine.start(PERSONAL_INIT_SCRIPT=f"{server.url}/a")
    assert ended.steps["personal script"].startswith("failed (curl: (1) Protocol")
    assert not web.requests


# --- S3 and packages -----------------------------------------------------------------------------

S3_PYTHON = """
import boto3
client = boto3.client("s3")
client.create_bucket(Bucket="a-bucket")
client.put_object(Bucket="a-bucket", Key="key", Body=b"value")
print(client.get_object(Bucket="a-bucket", Key="key")["Body"].read().decode())
"""
S3_ADDRESS = """
import boto3
parameters = {"Bucket": "a-bucket", "Key": "key"}
print(boto3.client("s3").generate_presigned_url("get_object", Params=parameters).split("?")[0])
"""
S3_KEYS = {
    "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": TEXT.strip(), "AWS_SESSION_TOKEN": "",
}  # fmt: skip


@pytest.mark.parametrize("style", ["true", ""])
def test_boto3_works_out_of_the_box(machine: Host, s3: str, style: str) -> None:
    given = {**S3_KEYS, "AWS_ENDPOINT_URL": f"{s3}/", "AWS_PATH_STYLE_ACCESS": style}
    ended = machine.start(sys.executable, "-c", S3_PYTHON, **given)
    assert ended.out == b"value\n", ended.log


@pytest.mark.parametrize(
    ("style", "address"),
    [("true", "http://h:9/a-bucket/key"), ("false", "http://a-bucket.h:9/key")],
)
def test_false_is_false(machine: Host, style: str, address: str) -> None:
    given = {**S3_KEYS, "AWS_ENDPOINT_URL": "http://h:9", "AWS_PATH_STYLE_ACCESS": style}
    ended = machine.start(sys.executable, "-c", S3_ADDRESS, **given)
    assert ended.out.decode() == f"{address}\n"
    kept = environ((machine.session / "environ").read_bytes())
    assert kept["AWS_VIRTUAL_HOSTED_STYLE_REQUEST"] == {"true": "false", "false": "true"}[style]


def test_pip_takes_packages_of_the_mirror(
    machine: Host, secure_web: Serving, authority: Authority
) -> None:
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-cache-dir")
    ended = machine.start(
        *pip, "download", "--quiet", "--no-deps", "probe_of_the_mirror",
        PIP_REPOSITORY=f"{secure_web.url}/simple/", PATH_TO_CA_BUNDLE=str(authority.bundle),
    )  # fmt: skip
    assert ended.status == 0, ended.log
    assert [path.name for path in machine.work.iterdir()] == [
        "probe_of_the_mirror-1-py3-none-any.whl"
    ]
