"""What programs that move images are told of credentials, and what their faults mean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builder.common.errors import StepError, TransientError
from builder.common.process import Command, Runner
from builder.engines.interfaces import StartRequest
from builder.engines.podman.engine import Podman
from builder.oci.reference import parse
from builder.registry.credentials import CredentialFiles
from builder.registry.transfers import transfer

PLACE = parse("registry.example/image:tag")


class Skopeo:
    """A program that prints what it is told to, and fails; `seen` is what it was started with."""

    def __init__(self, folder: Path) -> None:
        self.seen = folder / "seen"
        self.program = folder / "skopeo"
        self.files = CredentialFiles(
            runner=Runner(), environment={"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
        )

    def write(self, script: str) -> None:
        self.program.write_text(f'#!/bin/sh\necho "$@" > {self.seen}\n{script}\n')
        self.program.chmod(0o755)

    def run(self, script: str, *places: str) -> str:
        self.write(script)
        argv = (str(self.program), "--override-os=linux", "copy", "--quiet", "a", "b")
        output = transfer(
            Command(argv=argv),
            [parse(place) for place in places] or [PLACE],
            self.files,
            Runner(),
            lambda command: command,
        )
        return output.stdout

    @property
    def asked(self) -> str:
        return self.seen.read_text().strip()


@pytest.fixture
def skopeo(tmp_path: Path) -> Skopeo:
    return Skopeo(tmp_path)


def test_who_never_logged_in_gives_it_nothing(skopeo: Skopeo) -> None:
    assert skopeo.run("echo done") == "done\n"
    assert skopeo.asked == "--override-os=linux copy --quiet a b"


def test_it_gets_the_credentials_of_each_place_and_no_password_in_its_arguments(
    skopeo: Skopeo, tmp_path: Path
) -> None:
    auths = {"registry.example": {"auth": "YW5uOnJpZ2h0"}, "b.example": {"auth": "Ym9iOngK"}}
    (tmp_path / "containers").mkdir()
    (tmp_path / "containers" / "auth.json").write_text(json.dumps({"auths": auths}))
    said = skopeo.run('cat "$4"', "registry.example/a:1", "b.example/b:1", "c.example/c:1")
    assert json.loads(said)["auths"] == {
        "registry.example/a": {"auth": "YW5uOnJpZ2h0"}, "b.example/b": {"auth": "Ym9iOngK"},
    }  # fmt: skip
    assert skopeo.asked.startswith("--override-os=linux copy --authfile ")
    assert "YW5uOnJpZ2h0" not in skopeo.asked


def test_podman_gets_them_too(skopeo: Skopeo, tmp_path: Path) -> None:
    (tmp_path / ".docker").mkdir()
    auths = {"registry.example": {"auth": "YW5uOnJpZ2h0"}}
    (tmp_path / ".docker" / "config.json").write_text(json.dumps({"auths": auths}))
    engine = Podman(
        runner=Runner(), state=tmp_path / "podman", program=str(skopeo.program), isolated=False,
        credentials=skopeo.files,
    )  # fmt: skip
    skopeo.write('[ "$1" = pull ] && cat "$3" && exit 1')
    with pytest.raises(StepError) as caught:
        engine.start(StartRequest(image=str(PLACE)))
    assert '{"auths": {"registry.example/image": {"auth": "YW5uOnJpZ2h0"}}}' in caught.value.message


@pytest.mark.parametrize(
    "line",
    [
        "writing blob: uploading layer chunked: toomanyrequests",
        "initiating layer upload: received unexpected HTTP status: 503 Service Unavailable",
        "uploading manifest: error parsing HTTP 429 response body: invalid character '<'",
        "uploading manifest fp-1 to r/image: StatusCode: 429, ",
        "reading manifest 1: invalid status code from registry 503 (Service Unavailable)",
        "reading manifest: unavailable: service unavailable",
        "writing blob: uploading layer chunked: unknown: unknown error",
        'Patch "https://r/v2/x": write tcp 1->2: write: broken pipe',
        'Get "https://r/v2/": EOF',
        'Patch "https://r/v2/x": readfrom tcp 1->2: use of closed network connection',
        'Put "https://r/v2/x": http: server closed idle connection',
        'Get "https://r/v2/x": http2: client connection lost',
    ],
)  # fmt: skip
def test_a_busy_registry_may_be_asked_again(skopeo: Skopeo, line: str) -> None:
    line = line.replace("'", "")
    with pytest.raises(TransientError) as caught:
        skopeo.run(f"""echo 'time="x" level=fatal msg="{line}"' >&2; exit 1""")
    assert caught.value.message == f"skopeo: {line}"


def test_a_fault_of_the_network_is_told_in_one_line(skopeo: Skopeo) -> None:
    with pytest.raises(TransientError) as caught:
        skopeo.run("echo one; echo 'dial tcp: connection refused'; exit 1")
    assert caught.value.message == "skopeo: dial tcp: connection refused"


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        (
            "pinging container registry r: x509: certificate signed by unknown authority",
            "name the file of its CA: `network.ca` in matrix.yaml, or BUILDER_CA",
        ),
        (
            "trying to reuse blob: checking whether a blob exists in registry.example/image:"
            " authentication required",
            "log in: `podman login registry.example`, `skopeo login registry.example`"
            " or `docker login registry.example`",
        ),
        (
            "reading manifest tag: manifest unknown",
            "the registry has no such image: is its name right?",
        ),
        (
            "reading manifest tag: name unknown: repository not known",
            "the registry has no such image: is its name right?",
        ),
    ],
)
def test_what_helps_against_its_faults(skopeo: Skopeo, line: str, hint: str) -> None:
    with pytest.raises(StepError) as caught:
        skopeo.run(f"echo '{line}' >&2; exit 1")
    assert not isinstance(caught.value, TransientError)
    assert caught.value.message == f"skopeo failed with exit code 1\n    {line}"
    assert caught.value.hint == hint
