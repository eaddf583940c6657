"""Two weeks for real: a newer package appears in a signed archive, and what follows from that."""

from __future__ import annotations

import difflib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from builder.common.process import Command, Runner
from builder.engines.interfaces import BuildRequest
from builder.engines.podman.engine import Podman
from tests.integration.conftest import EPOCH, PLATFORM
from tests.integration.providers.payloads import sha256
from tests.integration.weekly.archive import Archive, Deb, debian, serving
from tests.integration.weekly.weeks import FIRST, PACKAGES, SECOND, Weeks, lay

OLD = Deb(name="greeting", version="1.0-1", says="hello", depends="manners")
NEW = Deb(name="greeting", version="1.1-1", says="good day", depends="manners")
OTHERS = (
    Deb(name="manners", version="3", says="please"),
    Deb(name="weather", version="7.2-1", says="rain"),
)
WEEK_ONE, WEEK_TWO = "Mon, 16 Nov 2026 03:00:00 UTC", "Mon, 23 Nov 2026 03:00:00 UTC"
LATER = "Mon, 23 Nov 2026 04:00:00 UTC"


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
    """The catalog."""
    return lay(work / "weeks", base, archive)


@pytest.mark.heavy
def test_two_weeks(weeks: Weeks) -> None:
    """The phases of two weeks, each on what those before it left."""
    week_one(weeks)
    the_same_week_again_writes_nothing(weeks)
    what_is_in_no_image_builds_nothing(weeks)
    a_test_that_changed_is_run_on_what_is_there(weeks)
    week_two_builds_what_has_the_newer_package(weeks)
    what_changed_is_told(weeks)
    what_vanished_is_built_from_what_is_kept(weeks)
    an_older_index_moves_nothing_back(weeks)
    another_package_under_the_same_version_is_refused(weeks)


def week_one(weeks: Weeks) -> None:
    weeks.run("weekly")
    assert weeks.targets("status") == dict.fromkeys(PACKAGES, "done")
    file = weeks.archive.folder / OLD.file
    layer = json.loads(weeks.lock.read_text())["package_sets"]["leaf/debian=13"]
    assert layer["packages"]["apt"]["greeting"] == (f"1.0-1 sha256:{sha256(file)} tiny {OLD.file}")
    assert sorted(layer["packages"]["apt"]) == ["greeting", "manners"]


def the_same_week_again_writes_nothing(weeks: Weeks) -> None:
    lock, pushed = weeks.lock.read_bytes(), weeks.pushed()
    said = weeks.run("weekly")
    assert weeks.targets("status") == dict.fromkeys(PACKAGES, "reused")
    assert "building" not in said
    assert "matrix.lock is up to date" in said
    assert weeks.lock.read_bytes() == lock
    assert weeks.pushed() == pushed


def what_is_in_no_image_builds_nothing(weeks: Weeks) -> None:
    pushed = weeks.pushed()
    weeks.edit("images/leaf/README.md", "# leaf", "# Leaf")
    weeks.edit("images/leaf/recipe.yaml", "summary", "# It greets.\nsummary")
    said = weeks.run("weekly")
    assert weeks.targets("status") == dict.fromkeys(PACKAGES, "reused")
    assert "building" not in said
    assert weeks.pushed() == pushed


def a_test_that_changed_is_run_on_what_is_there(weeks: Weeks) -> None:
    digests = weeks.targets("digest")
    weeks.edit("images/leaf/tests/test_leaf.py", "def", "# Looks.\ndef")
    said = weeks.run("weekly")
    assert weeks.targets("action") == {
        "base": "reuse", "leaf": "test", "child": "test", "sibling": "reuse",
    }  # fmt: skip
    assert weeks.targets("digest") == digests
    assert "building" not in said


def week_two_builds_what_has_the_newer_package(weeks: Weeks) -> None:
    before, digests = weeks.lock.read_text().splitlines(), weeks.targets("digest")
    shutil.copy(weeks.lock, weeks.first)
    weeks.archive.offer(NEW, *OTHERS, date=WEEK_TWO)
    weeks.run("weekly", release=SECOND)
    assert weeks.targets("status") == {
        "base": "reused", "leaf": "done", "child": "done", "sibling": "reused",
    }  # fmt: skip
    for image, digest in weeks.targets("digest").items():
        assert (digest == digests[image]) is (image in {"base", "sibling"})
        assert weeks.tag(image, FIRST) == digests[image]
        assert weeks.tag(image, SECOND) == digest
    moved = _diff(before, weeks.lock.read_text().splitlines())
    assert [line[:21] for line in moved] == [
        '- "date": "2026-11-16', '- "inrelease_sha256":', '+ "date": "2026-11-23',
        '+ "inrelease_sha256":', '- "epoch": 1794787200', '+ "epoch": 1795392000',
        '- "greeting": "1.0-1 ', '+ "greeting": "1.1-1 ',
    ]  # fmt: skip


def what_changed_is_told(weeks: Weeks) -> None:
    row = "| apt | `greeting` | `1.0-1` | `1.1-1` | 2: leaf, child |"
    report = (weeks.catalog.state / "report.md").read_text()
    assert "2 targets changed, 2 did not. 1 change of packages." in report
    assert [line for line in report.splitlines() if line.startswith("| apt |")] == [row]
    said = weeks.run("diff", FIRST, SECOND, "--format", "markdown", release=SECOND)
    assert [line for line in said.splitlines() if line.startswith("| apt |")] == [row]
    assert weeks.run("why", "greeting", release=SECOND) == (
        "apt greeting 1.1-1\n"
        f"  since {SECOND}; 1.0-1 before\n"
        "  brought by leaf: recipe leaf names it\n"
        "  in 2 targets of 2 images: leaf, child\n"
    )


def what_vanished_is_built_from_what_is_kept(weeks: Weeks) -> None:
    digest = weeks.tag("leaf", FIRST)
    weeks.lock.rename(weeks.second)
    shutil.copy(weeks.first, weeks.lock)
    weeks.forget_images()
    assert not (weeks.archive.folder / OLD.file).exists()
    weeks.run("build", "-s", "leaf", release=SECOND)
    assert weeks.built("leaf") == [digest]
    weeks.kept(OLD).unlink()
    weeks.forget_images()
    assert (
        f"build:leaf/debian=13 failed: no archive has {OLD.file} any"
        " more, and there is no copy of it here\n  hint: run `builder lock --upgrade`\n"
    ) in weeks.fails("build", "-s", "leaf", code=5)
    assert weeks.built("leaf") == []


def an_older_index_moves_nothing_back(weeks: Weeks) -> None:
    for command in (("lock", "--upgrade"), ("lock", "--upgrade", "greeting")):
        upgrades_to_an_older_index(weeks, *command)


def upgrades_to_an_older_index(weeks: Weeks, *command: str) -> None:
    """An upgrade, of all or of a package, while the archive has the index of week one."""
    shutil.copy(weeks.second, weeks.lock)
    weeks.archive.offer(OLD, *OTHERS, date=WEEK_ONE)
    # What could not be asked for stays; the exit code says that it was asked.
    said = weeks.fails(*command, code=5)
    older = (
        "the archive has an older"
        " index of tiny (2026-11-16T03:00:00Z) than the lock (2026-11-23T03:00:00Z)\n"
    )
    others = " and 1 more" if len(command) == 2 else ""
    assert f"lock: leaf/debian=13{others}: packages as they were: {older}" in said
    if len(command) == 2:
        hint = "  hint: wait until it has caught up, or name another in `network.mirrors`\n"
        assert f"lock: debian=13@linux/amd64: stays as it is: {older}{hint}" in said
    assert "matrix.lock is up to date" in said
    assert weeks.lock.read_bytes() == weeks.second.read_bytes()


def another_package_under_the_same_version_is_refused(weeks: Weeks) -> None:
    shutil.copy(weeks.second, weeks.lock)
    expected = weeks.kept(NEW)
    expected.unlink()
    weeks.forget_images()
    weeks.archive.offer(replace(NEW, says="bad day"), *OTHERS, date=LATER)
    found = weeks.archive.folder / NEW.file
    assert (
        f"build:leaf/debian=13 failed: greeting_1.1-1_all.deb:"
        f" http://{weeks.archive.address}/{NEW.file} does not have the expected sha256\n"
        f"    expected {expected.name}\n"
        f"    found    {sha256(found)}\n"
    ) in weeks.fails("build", "-s", "leaf", code=5)
    assert weeks.built("leaf") == []
    assert not expected.exists()


def _diff(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """The lines that `git diff` would show in red and green."""
    lines = difflib.unified_diff(old, new, n=0, lineterm="")
    shown = [line for line in lines if not line.startswith(("+++", "---", "@@"))]
    return [f"{line[0]} {line[1:].strip()}" for line in shown]
