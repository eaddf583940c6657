"""Two weeks for real: a newer package appears in a signed archive, and what follows from that."""

from __future__ import annotations

import difflib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from builder.engines.podman import Podman
from builder.kube_play import free_port
from builder.ports import BuildRequest
from builder.process import Command, Runner
from builder.reference import parse
from tests.integration.conftest import EPOCH, PLATFORM, ROOT
from tests.integration.providers.payloads import sha256
from tests.integration.starter import Catalog
from tests.integration.weekly.archive import Archive, Deb, debian, serving

FIRST, SECOND = "2026.11.16", "2026.11.23"
OLD = Deb(name="greeting", version="1.0-1", says="hello", depends="manners")
NEW = Deb(name="greeting", version="1.1-1", says="good day", depends="manners")
OTHERS = (
    Deb(name="manners", version="3", says="please"),
    Deb(name="weather", version="7.2-1", says="rain"),
)
WEEK_ONE, WEEK_TWO = "Mon, 16 Nov 2026 03:00:00 UTC", "Mon, 23 Nov 2026 03:00:00 UTC"
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
        items = self.catalog.report()["targets"]
        return {item["id"].partition("/")[0]: item[key] for item in items}

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

    def tag(self, image: str, release: str) -> str | None:
        """The digest of what a release offers of an image."""
        session = self.catalog.session()
        place = parse(session.catalog.matrix.repository_of(image))
        with session.registry():
            return session.store.digest(place.with_tag(f"latest-{release}"))

    def kept(self, deb: Deb) -> Path:
        """Where a package is kept on this machine, by its hash."""
        packages = json.loads(self.lock.read_text())["layers"]["leaf/debian=13"]["packages"]["apt"]
        version, digest, *_ = packages[deb.name].split()
        assert version == deb.version
        return self.catalog.state / "files" / digest.removeprefix("sha256:")


@pytest.fixture(scope="module")
def base(work: Path, runner: Runner, podman: Podman, address: str, archive: Archive) -> str:
    """A Debian that knows the archive alone, in a registry that stays."""
    request = BuildRequest(
        id="weeks-debian", context=debian(work / "weeks-debian", archive), contexts={},
        platform=PLATFORM, epoch=EPOCH, layout=work / "weeks-layout",
    )  # fmt: skip
    built = podman.build(request)
    place = f"{address}/debian:tiny"
    argv = ("skopeo", "copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false")
    runner.run(Command(argv=(*argv, f"oci:{built.layout}", f"docker://{place}")))
    return place


@pytest.fixture(scope="module")
def archive(work: Path) -> Iterator[Archive]:
    """The archive, as it is in the first week."""
    with serving(work / "weeks-archive") as found:
        found.offer(OLD, *OTHERS, date=WEEK_ONE)
        yield found


@pytest.fixture(scope="module")
def weeks(work: Path, base: str, archive: Archive) -> Weeks:
    """The catalog, of which nothing is locked or built."""
    root = work / "weeks"
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


def test_week_one(weeks: Weeks) -> None:
    weeks.run("weekly")
    assert weeks.targets("status") == dict.fromkeys(PACKAGES, "done")
    file = weeks.archive.folder / OLD.file
    layer = json.loads(weeks.lock.read_text())["layers"]["leaf/debian=13"]
    assert layer["packages"]["apt"]["greeting"] == (
        f"1.0-1 sha256:{sha256(file)} tiny {OLD.file}"
    )
    assert sorted(layer["packages"]["apt"]) == ["greeting", "manners"]


def test_the_same_week_again_writes_nothing(weeks: Weeks) -> None:
    lock, pushed = weeks.lock.read_bytes(), weeks.pushed()
    said = weeks.run("weekly")
    assert weeks.targets("status") == dict.fromkeys(PACKAGES, "reused")
    assert "building" not in said
    assert "matrix.lock is up to date" in said
    assert weeks.lock.read_bytes() == lock
    assert weeks.pushed() == pushed


def test_what_is_in_no_image_builds_nothing(weeks: Weeks) -> None:
    pushed = weeks.pushed()
    weeks.edit("images/leaf/README.md", "# leaf", "# Leaf")
    weeks.edit("images/base/tests/test_base.py", "def", "# Looks.\ndef")
    weeks.edit("images/leaf/recipe.yaml", "summary", "# It greets.\nsummary")
    said = weeks.run("weekly")
    assert weeks.targets("status") == dict.fromkeys(PACKAGES, "reused")
    assert "building" not in said
    assert weeks.pushed() == pushed


def test_week_two_builds_what_has_the_newer_package(weeks: Weeks) -> None:
    before, digests = weeks.lock.read_text().splitlines(), weeks.targets("digest")
    (weeks.catalog.root / "first.lock").write_bytes(weeks.lock.read_bytes())
    weeks.archive.offer(NEW, *OTHERS, date=WEEK_TWO)
    weeks.run("weekly", release=SECOND)
    assert weeks.targets("status") == {
        "base": "reused", "leaf": "done", "child": "done", "sibling": "reused",
    }  # fmt: skip
    for image, digest in weeks.targets("digest").items():
        assert (digest == digests[image]) is (image in {"base", "sibling"})
        assert weeks.tag(image, FIRST) == digests[image]
        assert weeks.tag(image, SECOND) == digest
    after = weeks.lock.read_text().splitlines()
    changed = [line for line in difflib.ndiff(before, after) if line.startswith("+ ")]
    print(changed)


def test_what_changed_is_told(weeks: Weeks) -> None:
    report = (weeks.catalog.state / "report.md").read_text()
    print(report)
    print(weeks.run("diff", FIRST, SECOND, release=SECOND))
    print(weeks.run("why", "greeting", release=SECOND))
