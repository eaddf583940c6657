"""Packages of R from a mirror through the whole of production: locked, fetched, built, compared.

Package Manager is not reached here, so its binaries are not: what the mirror has is compiled.
"""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from builder.engines.interfaces import BuildRequest
from builder.network.build_env import build_secrets
from builder.oci.reference import parse
from builder.testing.pod_runner import free_port
from tests.integration.providers.payloads import sha256
from tests.integration.recipes.r_mirror import PACKAGES, SNAPSHOT, fill
from tests.integration.starter import ROOT, Catalog, scratch

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(3600)]

PROBE = "r-probe/debian=13,r=4.5"
MATRIX = """\
catalog:
  name: rpackages
  repository: "{{registry}}/test-{{image}}"
  registries: [embedded]
  embedded: 127.0.0.1:{port}
network:
  mirrors: {{packagemanager: "http://127.0.0.1:{mirror}"}}
axes:
  debian:
    "13": {{sources: [{{bootstrap: trixie}}]}}
  r:
    "4.5": {{provider: apt, tag: "r{{version}}"}}
images:
  r-minimal: {{from: debian, axes: [debian, r]}}
  r-probe: {{from: r-minimal}}
"""
RECIPE = "summary: Packages of R as recipes install them\npackages: {r: [praise, here, glue]}\n"
DOCKERFILE = "FROM {{ parent }}\n{{ install_r(packages) }}\nUSER 1000\n"
TEST = """\
def test_packages_load(host):
    code = "cat(glue::glue('a{1+1}'), is.function(here::here), is.character(praise::praise()))"
    assert host.check_output(f'Rscript -e "{code}"') == "a2 TRUE TRUE"
"""
# The tests of r-minimal want what `base` has, and this one stands on a plain Debian.
PLAIN = (
    "def test_r_computes(host):\n    assert host.check_output('Rscript -e \"cat(1+1)\"') == '2'\n"
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A catalog, and the mirror that its packages of R come from."""

    catalog: Catalog
    folder: Path
    address: str
    versions: dict[str, str]

    def file(self, name: str) -> Path:
        """A package at the mirror."""
        return self.folder / f"cran/{SNAPSHOT}/{self.path(name)}"

    def path(self, name: str) -> str:
        """Where a package lies in a snapshot."""
        return f"src/contrib/{name}_{self.versions[name]}.tar.gz"

    def locked(self) -> dict[str, str]:
        """What matrix.lock says of each package."""
        lock: dict[str, Any] = json.loads((self.catalog.root / "matrix.lock").read_text())
        found: dict[str, str] = lock["package_sets"][PROBE]["packages"]["r"]
        return found

    def kept(self, name: str) -> Path:
        """Where a package is kept on this machine."""
        return self.catalog.state / "files" / self.locked()[name].split()[1].partition(":")[2]

    def build(self, code: int = 0) -> str:
        """Build the image again, which its registry does not have any more; what is printed."""
        repositories = "registry/storage/docker/registry/v2/repositories"
        shutil.rmtree(self.catalog.state / repositories / "test-r-probe", ignore_errors=True)
        done = self.catalog.run("build", "-s", "r-probe", "--engine", "podman")
        assert done.returncode == code, done.stderr + done.stdout
        return done.stdout + done.stderr

    def digest(self) -> str | None:
        """The digest of what was built."""
        session = self.catalog.session()
        prints = session.fingerprints(session.locked())
        place = parse(session.catalog.matrix.repository_of("r-probe"))
        with session.registry():
            return session.adapters.store.digest(place.with_tag(prints[PROBE].tag))


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """The catalog, locked and built once."""
    root, folder = scratch("test-r-packages-"), scratch("test-r-mirror-")
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        versions = fill(folder)
        port = server.server_address[1]
        catalog = lay(root, port)
        found = Place(
            catalog=catalog, folder=folder, address=f"127.0.0.1:{port}", versions=versions
        )
        done = catalog.run("lock")
        assert done.returncode == 0, done.stderr + done.stdout
        found.build()
        yield found
    finally:
        server.shutdown()
        server.server_close()
        for path in (root, folder):
            shutil.rmtree(path, ignore_errors=True)


def lay(root: Path, mirror: int) -> Catalog:
    """Write the catalog."""
    (root / "matrix.yaml").write_text(MATRIX.format(port=free_port(), mirror=mirror))
    for name in ("_macros", "r-minimal"):
        shutil.copytree(ROOT / "images" / name, root / "images" / name)
    shutil.rmtree(root / "images/r-minimal/tests")
    for name, text in {
        "r-minimal/tests/test_plain.py": PLAIN,
        "r-probe/recipe.yaml": RECIPE,
        "r-probe/Dockerfile.j2": DOCKERFILE,
        "r-probe/README.md": "# r-probe\n",
        "r-probe/tests/test_r_probe.py": TEST,
    }.items():
        path = root / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    catalog = Catalog(root=root)
    catalog.borrow_tools()
    return catalog


def test_what_is_named_and_what_that_needs_is_locked(place: Place) -> None:
    assert sorted(place.locked()) == sorted(PACKAGES)
    for name, text in place.locked().items():
        digest = f"sha256:{sha256(place.file(name))}"
        assert text.split() == [place.versions[name], digest, SNAPSHOT, place.path(name)]


def test_a_list_alone_gets_the_same(place: Place, tmp_path: Path) -> None:
    """What `builder render` writes builds by hand, from the network."""
    out = place.catalog.root / "rendered"
    done = place.catalog.run("render", "--out", str(out), "--offline")
    assert done.returncode == 0, done.stderr
    session = place.catalog.session()
    prints, lock = session.fingerprints(session.locked()), session.locked()
    (context,) = (out / "images").glob("r-probe-*")
    assert [path.name for path in (context / "downloads/r").iterdir()] == ["packages.txt"]
    parent = parse(session.catalog.matrix.repository_of("r-minimal"))
    with session.registry():
        target = session.project.expansion.targets[PROBE]
        digest = session.adapters.store.digest(parent.with_tag(prints[target.parent].tag))
        assert digest
        request = BuildRequest(
            id="r-listed", context=context, contexts={"parent": parent.at(digest)},
            platform=target.platform, epoch=lock.package_sets[PROBE].epoch,
            layout=tmp_path / "layout",
            secrets=build_secrets(session.project.network, tmp_path),
        )  # fmt: skip
        assert session.adapters.engine.build(request).digest == place.digest()


def test_without_the_mirror_it_is_built_of_what_is_kept(place: Place) -> None:
    digest = place.digest()
    assert digest
    away = place.folder.with_suffix(".away")
    place.folder.rename(away)
    try:
        place.build()
    finally:
        away.rename(place.folder)
    assert place.digest() == digest


def test_another_file_under_the_same_name_is_refused(place: Place) -> None:
    expected = place.kept("praise").name
    place.kept("praise").unlink()
    file = place.file("praise")
    original = file.read_bytes()
    file.write_bytes(original + b"\0")
    said = place.build(code=5)
    assert (
        f"build:{PROBE} failed: {file.name}:"
        f" http://{place.address}/cran/{SNAPSHOT}/{place.path('praise')}"
        " does not have the expected sha256\n"
        f"    expected {expected}\n"
        f"    found    {sha256(file)}\n"
    ) in said
    assert place.digest() is None
    file.write_bytes(original)


def test_a_file_that_is_gone_is_told(place: Place) -> None:
    place.kept("rprojroot").unlink()
    place.file("rprojroot").unlink()
    assert (
        f"the snapshot {SNAPSHOT} does not have {place.path('rprojroot')} any"
        " more, and there is no copy of it here\n  hint: run `builder lock --upgrade`\n"
    ) in place.build(code=5)
