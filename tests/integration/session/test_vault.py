"""A KV v2 API gives a session its secret, and Kubernetes its name."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.integration.session.host import PATH, SCRIPT, Host, environ
from tests.integration.session.servers import Answer, Serving, serve, vault, watched
from tests.integration.session.values import CANARY, WORD, hostile

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
    f"a[$(touch {CANARY})]": "x",
    "BINARY": "a\0b", "with space": "x", "two\nlines": "x", "1ST": "x", "_onyxia_why": "x", "": "x",
}  # fmt: skip

KEYS_OF_S3 = {"AWS_ACCESS_KEY_ID": "of-vault", "AWS_SECRET_ACCESS_KEY": "s3cret-of-vault"}
EVIL = dict.fromkeys(
    ("PERSONAL_INIT_SCRIPT", "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0",
     "NODE_OPTIONS", "PYTHONSTARTUP", "JAVA_TOOL_OPTIONS", "GCONV_PATH", "GIT_SSL_NO_VERIFY",
     "TMPDIR", "POSIXLY_CORRECT", "PASSWORD", "FUNCNEST", "AWS_ENDPOINT_URL", "https_proxy"), "1",
)  # fmt: skip


@pytest.fixture(scope="module")
def kv() -> Iterator[Serving]:
    """Vault with a secret at PLACE; whoever asks has no secret on a command line."""
    application = vault(
        token=TOKEN,
        secrets={
            PLACE: {**KEYS, **LEFT_OUT},
            "ann/plain": {"A_KEY": "of vault"},
            "text": "a",
            "ann/large": {"LARGE": "x" * 131_065, "LARGER": "é" * 65_533},
            "ann/keys": KEYS_OF_S3 | {"A_KEY": "x"},
            "ann/evil": {**EVIL, "MY_KEY": "x"},
        },
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
    assert ended.steps["vault"] == (
        "done (7 keys; left out, set already: PATH; "
        "left out, names that programs or this session act upon: LD_PRELOAD UID _onyxia_why; "
        f"left out, not variables: 1ST BINARY a[$(touch {CANARY})] two lines with space)"
    )
    expected = {name: value for name, value in KEYS.items() if isinstance(value, str)}
    expected |= {"NUMBER": "7", "NESTED": '{"a":[1,null]}'}
    for found in (ended.environment, environ((machine.session / "environ").read_bytes())):
        assert {name: found[name] for name in expected} == expected
        assert found["PATH"] == f"{PATH}:{machine.home}/.local/bin"
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


def test_what_is_set_already_stays(machine: Host, kv: Serving) -> None:
    given = {"A_KEY": "of the chart", "AWS_ACCESS_KEY_ID": "mine"}
    ended = machine.start(**at(kv, "ann/keys", **given))
    assert ended.steps["vault"] == (
        "done (0 keys; left out, set already: AWS_ACCESS_KEY_ID A_KEY; "
        "left out, names that programs or this session act upon: AWS_SECRET_ACCESS_KEY)"
    )
    assert {name: ended.environment.get(name) for name in given} == given
    assert "AWS_SECRET_ACCESS_KEY" not in ended.environment


def test_keys_of_s3_come_before_what_reads_them(machine: Host, kv: Serving) -> None:
    ended = machine.start(**at(kv, "ann/keys", AWS_ENDPOINT_URL="http://127.0.0.1:1"))
    assert ended.steps["vault"] == "done (3 keys)"
    assert ended.environment["MC_HOST_s3"] == "http://of-vault:s3cret-of-vault@127.0.0.1:1"
    assert "s3cret-of-vault" not in ended.log


def test_a_secret_does_not_say_what_runs(machine: Host, kv: Serving) -> None:
    """Nor where its own token goes, who may enter, or whether the session starts."""
    ended = machine.start(**at(kv, "ann/evil"))
    assert ended.steps["vault"] == (
        "done (1 keys; left out, names that programs or this session act upon: "
        + " ".join(sorted(EVIL)) + ")"
    )  # fmt: skip
    assert not set(EVIL) & (set(ended.environment) - {"TMPDIR"})
    assert ended.environment["MY_KEY"] == "x"
    assert ended.steps["personal script"] == "skipped (PERSONAL_INIT_SCRIPT is unset)"


def test_a_session_starts_whatever_the_size_of_a_secret(machine: Host, kv: Serving) -> None:
    """Linux would start no program with a larger variable."""
    ended = machine.start("sh", "-c", "echo started ${#LARGE}", **at(kv, "ann/large"))
    assert ended.out == b"started 131065\n"
    assert ended.steps["vault"] == "done (1 keys; left out, too large: LARGER)"


def test_a_token_is_not_sent_where_it_can_be_read(machine: Host) -> None:
    """Not by plain HTTP, and so neither by a proxy that would see it."""
    with serve(lambda _: Answer(body=b"{}")) as proxy:
        given = {"VAULT_MOUNT": "kv", "VAULT_RELATIVE_PATH": "a", "VAULT_TOKEN": TOKEN}
        for address in ("http://vault.example:8200", "http://127.0.0.1@vault.example",
                        "http://vault.svc.example.org", "http://134744072"):  # fmt: skip
            ended = machine.start(**given, VAULT_ADDR=address, HTTP_PROXY=proxy.url)
            assert ended.steps["vault"] == (
                f"failed (the token is not sent to {address.replace('127.0.0.1@', '***@')}: "
                "by plain http it could be read on its way)"
            )
        # A service of the cluster is asked, and by no proxy.
        ended = machine.start(**given, VAULT_ADDR="http://vault.a.svc:8200", HTTP_PROXY=proxy.url)
        assert ended.steps["vault"].startswith("failed (curl: (6) Could not resolve host")
        assert not proxy.requests


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
