"""Fills a registry in memory with the code of a checkout of 70c7114, and writes what it holds.

Run in the root of such a checkout, which must come first on the module path:

    PYTHONPATH=. python TREE/tests/catalogs/fill.py TREE/tests/catalogs/70c7114

It is not a test, and nothing imports it: its imports are modules of that commit. Two releases are
made of the catalog: 2026.11.16 with another version of one Python package, 2026.11.23 with the
lock as it is. A second registry gets one release of the small catalog of the fakes, on two
platforms.
"""

import gzip
import json
import lzma
import sys
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from builder.actions import BuildActions
from builder.packages import Package
from builder.workspace import Workspace

from tests.fakes.catalog import BOTH, Folder, Week
from tests.fakes.engine import FakeEngine
from tests.fakes.store import FakeStore
from tests.fakes.testers import FakeSmoke

CHANGED = ("python-datascience/debian=13,cuda=none,python=3.13", "pip")


class CatalogFolder:
    """The catalog's folder, with its derived files elsewhere."""

    def __init__(self, root, state):
        self.root = state
        self.project = Workspace(root, state).load()

    def load(self):
        """Return what was read."""
        return self.project


class Downloads:
    """Gives the same empty file for every locked package."""

    def __init__(self, folder):
        self.file = folder / "empty"

    def fetch(self, request, packages):
        """Return the file by the name of each package."""
        self.file.touch()
        return dict.fromkeys(packages, self.file)


class FullWeek(Week):
    """The run loop of the old fakes, with packages that can be fetched."""

    def builds(self, plan):
        """Return the steps that build."""
        actions = super().builds(plan)
        ecosystems = {name for layer in self.lock.layers.values() for name in layer.packages}
        packages = dict.fromkeys(ecosystems, Downloads(self.folder.root))
        return BuildActions(work=self.work(plan), ports=replace(actions._ports, packages=packages))


class LockedPackages(FakeSmoke):
    """Says of every image that it has the packages of the lock, those of its ancestors too."""

    def __init__(self, project, lock):
        super().__init__()
        self.project, self.lock = project, lock

    def test(self, request):
        """Pass, with the packages of the target."""
        self.installed = self.packages(request)
        return super().test(request)

    def packages(self, request):
        """Return the packages of the target."""
        expansion = self.project.expansion
        found = {}
        for target in expansion.lineage(expansion.targets[request.target]):
            layer = self.lock.layers.get(target.id)
            for ecosystem, items in (layer.packages if layer else {}).items():
                for name, item in items.items():
                    found.setdefault(ecosystem, {})[name] = Package(version=item.version, size=1000)
        return found


def earlier(lock):
    """Return the lock with another version of one package of one package set."""
    target, ecosystem = CHANGED
    layer = lock.layers[target]
    name, package = next(iter(layer.packages[ecosystem].items()))
    items = {
        **layer.packages[ecosystem],
        name: replace(package, version="0.0.1", digest="sha256:" + "0" * 64),
    }
    changed = replace(layer, packages={**layer.packages, ecosystem: items})
    return replace(lock, layers={**lock.layers, target: changed})


def text_of(data):
    """Return bytes as text that JSON can hold: one character for each byte."""
    return data.decode("latin-1")


def file_of(path, data):
    """Return the data of a file; a chart's package unpacked to its tar, which compresses better."""
    if path.endswith(".tgz"):
        return {"gzip": text_of(gzip.decompress(data))}
    return {"data": text_of(data)}


def contents(store):
    """Return what a fake store holds, as JSON."""
    artifacts = {
        name: artifact
        and {
            "kind": artifact.kind,
            "config": text_of(artifact.config),
            "files": {
                path: {"kind": blob.kind, **file_of(path, blob.data)}
                for path, blob in artifact.files.items()
            },
            "annotations": dict(artifact.annotations),
        }
        for name, artifact in store.artifacts.items()
    }
    layers = {key: [asdict(layer) for layer in found] for key, found in store.known_layers.items()}
    return {
        "named": store.named,
        "artifacts": artifacts,
        "layers": layers,
        "configs": store._configs,
        "members": store._members,
    }


def write(store, file):
    """Write what a store holds."""
    data = json.dumps(contents(store), indent=0, sort_keys=True).encode()
    file.write_bytes(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))
    print(file, len(data), file.stat().st_size)


def fill(catalog, state):
    """Return the registry after two releases of the catalog."""
    folder = CatalogFolder(catalog, state)
    project = folder.load()
    store = FakeStore()
    for today, lock in (("2026-11-16", earlier(project.lock)), ("2026-11-23", project.lock)):
        smoke, engine = LockedPackages(project, lock), FakeEngine(salt=today)
        week = FullWeek(folder=folder, store=store, lock=lock, smoke=smoke, engine=engine)
        ended = week.go_by(today=today)
        print(
            today,
            sorted({(it.status) for it in ended.values()}),
            len(ended),
            len(week.engine.requests),
        )
        for it in ended.values():
            if it.status == "failed":
                print(it)
    return store


def main():
    """Write both registries."""
    place = Path(sys.argv[1])
    with TemporaryDirectory() as state:
        write(fill(place, Path(state)), place / "registry.json.xz")
    with TemporaryDirectory() as state:
        folder = Folder(Path(state))
        folder.for_platforms("linux/amd64", "linux/arm64")
        week = Week(folder=folder, lock=BOTH)
        week.go_by()
        write(week.store, place.parent / "two-platforms.json.xz")


main()
