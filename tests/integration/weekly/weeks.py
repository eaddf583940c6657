"""Four small images on a base that knows one archive, and how the builder is run on them."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.oci.reference import parse
from builder.testing.pod_runner import free_port
from tests.integration.starter import ROOT, Catalog
from tests.integration.weekly.archive import Archive, Deb

FIRST, SECOND = "2026.11.16", "2026.11.23"
MATRIX = """\
catalog:
  name: weeks
  repository: "{{registry}}/w-{{image}}"
  registries: [embedded]
  embedded: 127.0.0.1:{port}
axes:
  debian:
    "13": {{sources: [{{registry: "{base}"}}]}}
images:
  base: {{from: debian, axes: [debian]}}
  leaf: {{from: base}}
  child: {{from: leaf}}
  sibling: {{from: base}}
"""
PACKAGES = {"base": (), "leaf": ("greeting",), "child": (), "sibling": ("weather",)}
TEST = """\
def test_{name}(host):
    assert host.file('/opt/{name}.txt').content_string == '{name}\\n'
"""


@dataclass(frozen=True, kw_only=True)
class Weeks:
    """A catalog, and the archive that its base knows."""

    catalog: Catalog
    archive: Archive

    def run(self, *arguments: str, release: str = FIRST) -> str:
        """Run the builder, which goes well; all that it prints."""
        return self._run(0, arguments, release)

    def fails(self, *arguments: str, code: int) -> str:
        """Run the builder, which does not go well; all that it prints."""
        return self._run(code, arguments, SECOND)

    def _run(self, code: int, arguments: tuple[str, ...], release: str) -> str:
        today = release.replace(".", "-")
        done = self.catalog.run(*arguments, BUILDER_TODAY=today, BUILDER_ENGINE="podman")
        assert done.returncode == code, done.stderr + done.stdout
        return done.stdout + done.stderr

    @property
    def lock(self) -> Path:
        """matrix.lock."""
        return self.catalog.root / "matrix.lock"

    def targets(self, key: str) -> dict[str, Any]:
        """What the last report says of each image."""
        rows = ({**row, **(row["image"] or {})} for row in self.catalog.report()["targets"])
        return {row["id"].partition("/")[0]: row[key] for row in rows}

    def edit(self, path: str, old: str, new: str) -> None:
        """Change a file of the catalog."""
        file = self.catalog.root / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def pushed(self) -> dict[str, int]:
        """Every file of the registry, and when it was written."""
        storage = self.catalog.state / "registry/storage"
        return {
            str(path.relative_to(storage)): path.stat().st_mtime_ns
            for path in storage.rglob("*")
            if path.is_file()
        }

    @property
    def first(self) -> Path:
        """matrix.lock of the first week."""
        return self.catalog.root / "first.lock"

    @property
    def second(self) -> Path:
        """matrix.lock of the second week."""
        return self.catalog.root / "second.lock"

    def forget_images(self) -> None:
        """Empty the registry."""
        shutil.rmtree(self.catalog.state / "registry/storage")

    def built(self, image: str) -> list[str | None]:
        """The digests that the registry has of an image, by fingerprint."""
        session = self.catalog.session()
        place = parse(session.catalog.matrix.repository_of(image))
        with session.registry():
            tags = session.adapters.store.tags(place.name)
            found = [tag for tag in tags if re.fullmatch("fp-[0-9a-f]{32}", tag)]
            return [session.adapters.store.digest(place.with_tag(tag)) for tag in found]

    def tag(self, image: str, release: str) -> str | None:
        """The digest of what a release offers of an image."""
        session = self.catalog.session()
        place = parse(session.catalog.matrix.repository_of(image))
        with session.registry():
            return session.adapters.store.digest(place.with_tag(f"latest-{release}"))

    def kept(self, deb: Deb) -> Path:
        """Where a package is kept on this machine, by its hash."""
        package_set = json.loads(self.lock.read_text())["package_sets"]["leaf/debian=13"]
        packages = package_set["packages"]["apt"]
        version, digest, *_ = packages[deb.name].split()
        assert version == deb.version
        return self.catalog.state / "files" / digest.removeprefix("sha256:")


def lay(root: Path, base: str, archive: Archive) -> Weeks:
    """Write the catalog to `root`; nothing is locked or built. `base` is a reference."""
    root.mkdir()
    (root / "matrix.yaml").write_text(MATRIX.format(port=free_port(), base=base))
    shutil.copytree(ROOT / "images/_macros", root / "images/_macros")
    for image, packages in PACKAGES.items():
        folder = root / "images" / image
        (folder / "tests").mkdir(parents=True)
        named = f"packages: {{apt: [{', '.join(packages)}]}}\n" if packages else ""
        (folder / "recipe.yaml").write_text(f"summary: The image {image}\n{named}")
        (folder / "Dockerfile.j2").write_text(
            f"FROM {{{{ parent }}}}\n{{{{ install(packages) }}}}\n"
            f"USER 0\nRUN echo {image} > /opt/{image}.txt\n"
        )
        (folder / "README.md").write_text(f"# {image}\n")
        (folder / f"tests/test_{image}.py").write_text(TEST.format(name=image))
    catalog = Catalog(root=root)
    catalog.borrow_tools()
    return Weeks(catalog=catalog, archive=archive)
