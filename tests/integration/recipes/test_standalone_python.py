"""A standalone Python from a mirror, through the whole of production, in place of upstream's.

The mirror has this machine's Python, made relocatable as upstream's builds are; uv is told that
there is such a build. Upstream's own, which are not reached here, are not run.
"""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import json
import platform
import shutil
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.app.app import App
from builder.app.load import load
from builder.app.options import Options
from builder.network.upstreams import UPSTREAM
from builder.testing.pod_runner import free_port
from tests.integration.broken import check_rejected
from tests.integration.starter import GROUND, ROOT, TODAY, Catalog, scratch

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(3600)]

VERSION = platform.python_version()
LINE = VERSION.rpartition(".")[0]
BASE = Path(sys.base_prefix)
LIBRARY = BASE / f"lib/python{LINE}"
ARCHIVE = (
    f"20261110/cpython-{VERSION}+20261110-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz"
)
LEFT_OUT = {"test", "tests", "idlelib", "site-packages", "__pycache__"}

MATRIX = (
    """\
catalog:
  name: python
  repository: "{{registry}}/test-{{image}}"
  registries: [embedded]
  embedded: 127.0.0.1:{port}
network:
  mirrors: {{python: "http://127.0.0.1:{mirror}"}}
axes:
  debian:
    "13": {{sources: [{{bootstrap: trixie}}]}}
  python:
    "{line}": {{provider: uv, tag: "py{{version}}"}}
images:
"""
    + GROUND
    + """\
  python-minimal: {{from: base, axes: [python]}}
"""
)


def pack(target: Path) -> None:
    """This machine's Python in a folder `python`, which finds its own library wherever it lies."""
    absolute, relative = f"{BASE}/lib\0".encode(), b"$ORIGIN/../lib\0"

    def add(tar: tarfile.TarFile, path: Path, name: str) -> None:
        content = path.read_bytes().replace(absolute, relative.ljust(len(absolute), b"\0"))
        info = tarfile.TarInfo(f"python/{name}")
        info.size, info.mode = len(content), 0o755
        tar.addfile(info, io.BytesIO(content))

    def wanted(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
        is_out = LEFT_OUT.intersection(Path(info.name).parts) or "/config-" in info.name
        return None if is_out else info

    with tarfile.open(target, "w:gz", compresslevel=1) as tar:
        add(tar, BASE / f"bin/python{LINE}", f"bin/python{LINE}")
        link = tarfile.TarInfo("python/bin/python3")
        link.type, link.linkname = tarfile.SYMTYPE, f"python{LINE}"
        tar.addfile(link)
        for library in BASE.glob(f"lib/libpython{LINE}.so*"):
            add(tar, library, f"lib/{library.name}")
        tar.add(LIBRARY, f"python/lib/{LIBRARY.name}", filter=wanted)
        tar.add(BASE / "include", "python/include")


def listing() -> str:
    """What uv is told that there is."""
    major, minor, patch = map(int, VERSION.split("."))
    key = f"cpython-{VERSION}-linux-x86_64-gnu"
    entry = {
        "name": "cpython", "arch": {"family": "x86_64", "variant": None}, "os": "linux",
        "libc": "gnu", "major": major, "minor": minor, "patch": patch, "prerelease": "",
        "url": f"{UPSTREAM['python']}/{ARCHIVE.replace('+', '%2B')}", "sha256": None,
        "variant": None, "build": "20261110",
    }  # fmt: skip
    return json.dumps({key: entry})


@pytest.fixture(scope="module")
def mirror() -> Iterator[tuple[int, Path]]:
    """The port of the mirror, and the file for uv."""
    if not list(LIBRARY.glob("ensurepip/_bundled/*.whl")):
        pytest.skip(f"{BASE} has a Python without ensurepip, which is not like upstream's")
    folder = scratch("test-python-mirror-")
    try:
        archive = folder / ARCHIVE
        archive.parent.mkdir()
        pack(archive)
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        archive.with_name("SHA256SUMS").write_text(f"{digest}  {archive.name}\n")
        (folder / "downloads.json").write_text(listing())
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], folder / "downloads.json"
        server.shutdown()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def catalog(mirror: tuple[int, Path]) -> Iterator[Catalog]:
    """Locked, built and tested."""
    port, downloads = mirror
    root = scratch("test-python-")
    try:
        (root / "matrix.yaml").write_text(MATRIX.format(port=free_port(), mirror=port, line=LINE))
        shutil.copytree(ROOT / "images", root / "images")
        found = Catalog(root=root)
        found.borrow_tools()
        for command in (("lock",), ("build", "--engine", "podman")):
            done = found.run(*command, UV_PYTHON_DOWNLOADS_JSON_URL=str(downloads))
            assert done.returncode == 0, done.stderr + done.stdout
        yield found
    finally:
        shutil.rmtree(root, ignore_errors=True)


def test_the_version_is_that_of_the_release(catalog: Catalog) -> None:
    assert catalog.session().locked().versions[f"python={LINE}"] == VERSION


def test_the_image_passed_its_tests(catalog: Catalog) -> None:
    results = (catalog.state / "junit").glob("python-minimal-*.xml")
    assert "test_python_is_the_version_of_the_lock" in "".join(map(Path.read_text, results))


def test_a_broken_variant_is_rejected(catalog: Catalog, tmp_path: Path) -> None:
    app = App(load(catalog.root), Options(today=TODAY, engine="podman"))
    with app.registry():
        planned = app.plan(lock=app.locked(), to_run=False)
        plan = planned.plan
        target = next(key for key in plan.targets if key.startswith("python-minimal/"))
        work = app.context(planned, print)
        check_rejected(app, work, plan.targets[target], tmp_path)
