"""The bytecode of all that python-datascience has from PyPI, compiled in several ways."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.app.load import load
from builder.catalog.models import Network
from builder.common.files import place_file
from builder.common.process import Runner
from builder.lock.package_lists import file_path
from builder.lock.requests import PackageRequests
from builder.resolvers.python.packages import PipResolver
from tests.fakes.bytecode import make_normal
from tests.integration.starter import ROOT, scratch

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(3600)]

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """An environment with the locked packages of this Python's line, not compiled."""
    found = scratch("test-bytecode-")
    try:
        subprocess.run([sys.executable, "-m", "venv", found / "python"], check=True, timeout=300)
        wheels = fetch(found)
        pip = [found / "python/bin/pip", "install", "--quiet", "--no-index", "--no-deps"]
        subprocess.run([*pip, "--no-compile", *wheels], check=True, timeout=1500)
        yield found / "python"
    finally:
        shutil.rmtree(found)


def fetch(folder: Path) -> list[Path]:
    """Return the wheels of the lock, which the builder fetched."""
    project = load(ROOT)
    catalog, lock = project.catalog, project.lock
    targets = [
        target
        for target in project.expansion.targets.values()
        if target.recipe == "python-datascience" and target.variant.values["python"] == PYTHON
    ]
    if not targets or lock is None:
        pytest.skip(f"the catalog has no Python {PYTHON}")
    own = lock.package_sets[targets[0].id].packages
    requests = PackageRequests(catalog=catalog, expansion=project.expansion, lock=lock)
    request = requests.request(targets[0], "pip", lock.package_sets, own=own)
    resolver = PipResolver(runner=Runner(), network=Network(), folder=folder / "files")
    wheels = []
    for name, file in resolver.fetch(request, own["pip"]).items():
        path = file_path("pip", own["pip"][name], catalog.ecosystems)
        place_file(file, folder, path, name)
        wheels.append(folder / path)
    return wheels


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.pyc")
    }


def test_bytecode_is_the_same_whoever_compiles_in_whichever_order(folder: Path) -> None:
    """Sorted and by two processes, backwards and by one, and shuffled by three."""
    python = folder / "bin/python"
    sources = sorted(str(path) for path in folder.rglob("*.py"))
    assert len(sources) > 5000
    orders = {
        2: sources,
        1: sources[::-1],
        3: sorted(sources, key=lambda path: hashlib.sha256(path.encode()).digest()),
    }
    found = []
    for processes, order in orders.items():
        (folder / "order").write_text("\n".join(order))
        # Some packages have files that are no Python, for tests of their own.
        compiler = f"{python} -W ignore -m compileall -qq -f -j {processes} -i {folder / 'order'}"
        make_normal(folder, compiler=f"{compiler} || true", python=str(python))
        found.append(digests(folder))
    first, *others = found
    for other in others:
        assert [path for path in first if first[path] != other[path]] == []
    assert [other.keys() for other in others] == [first.keys()] * len(others)
