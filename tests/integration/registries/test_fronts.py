"""The fronts themselves, as skopeo sees them, which knows the real registries."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.fakes.layout import write_layout
from tests.integration.registries.conftest import Client

pytestmark = pytest.mark.heavy


def skopeo(client: Client, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run skopeo, in plain HTTP where the registry is on loopback by its address."""
    is_plain = client.front.behaviour.registry.startswith("127.")
    command, *rest = arguments
    flags = []
    if is_plain:
        sides = ["--src-tls-verify=false", "--dest-tls-verify=false"]
        flags = sides if command == "copy" else ["--tls-verify=false"]
    argv = ["skopeo", command, *flags, *rest]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


def test_skopeo_does_all_that_the_registry_does(client: Client, tmp_path: Path) -> None:
    write_layout(tmp_path / "one", b"one")
    place = client.place("image")
    for tag in ("a", "b", "c"):
        done = skopeo(client, "copy", f"oci:{tmp_path / 'one'}", f"docker://{place}:{tag}")
        assert done.returncode == 0, done.stderr
    done = skopeo(client, "list-tags", f"docker://{place}")
    assert sorted(json.loads(done.stdout)["Tags"]) == ["a", "b", "c"]
    done = skopeo(client, "copy", f"docker://{place}:b", f"dir:{tmp_path / 'out'}")
    assert done.returncode == 0, done.stderr
    asked = client.asked(by_builder=False)
    assert {item.kind for item in asked} >= {"base", "manifest", "blob", "upload", "tags"}
    assert not [item for item in asked if item.kind == "storage" and item.code != 200]


def test_skopeo_deletes_where_that_can_be(client: Client, tmp_path: Path) -> None:
    if "HEAD" in client.front.behaviour.hides_digest:
        pytest.skip("skopeo deletes no manifests where the registry does not tell the digest")
    write_layout(tmp_path / "one", b"one")
    place = client.place("image:a")
    skopeo(client, "copy", f"oci:{tmp_path / 'one'}", f"docker://{place}")
    done = skopeo(client, "delete", f"docker://{place}")
    if client.front.behaviour.deletes:
        assert done.returncode == 0, done.stderr
    else:
        assert "405 Method Not Allowed" in done.stderr


def test_who_is_not_logged_in_is_not_let_in(client: Client, tmp_path: Path) -> None:
    if not client.front.behaviour.user:
        pytest.skip("this registry is open to all")
    write_layout(tmp_path / "one", b"one")
    place = client.place("image:a")
    flags = ("--dest-no-creds", f"oci:{tmp_path / 'one'}", f"docker://{place}")
    done = skopeo(client, "copy", *flags)
    assert done.returncode != 0
    asked = client.asked("upload", by_builder=False)
    assert not [item for item in asked if item.code < 400]
