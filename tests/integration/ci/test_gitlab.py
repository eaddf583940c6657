"""A week of a tiny catalog by GitLab's pipelines, run job by job: engines and registry are real."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.oci.reference import Reference
from builder.plan.registry_state import read_record, releases_reference
from builder.registry.release_record import CURRENT, Record
from tests.integration.ci.gitlab_runner import GitLab, Ran, git
from tests.integration.cli.conftest import BUILDER, Tiny, lay

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[3]
MAKEFILE = """\
setup:
	mkdir -p .venv/bin build
	ln -s {builder} .venv/bin/builder
	ln -s {tools} build/tools
"""
SECRETS = {
    "catalog": {"CATALOG_WRITE_MARK": "write"},
    "catalog-read": {"CATALOG_READ_MARK": "read"},
    "catalog-git": {"CATALOG_GIT_TOKEN": "git"},
}
STEPS = ("base:os=1@linux/amd64", "build:base/os=1", "build:tool/os=1", "build:app/os=1")


@pytest.fixture(scope="module")
def tiny(work: Path, address: str, parent: Reference) -> Iterator[Tiny]:
    """The catalog, with its pipelines and a lock, in a repository."""
    base = str(parent.with_tag("latest"))
    found = lay(work / "gitlab", registry=address, base=base, prefix="gitlab")
    tools = ROOT / "build" / "tools"
    (found.root / "Makefile").write_text(MAKEFILE.format(builder=BUILDER, tools=tools))
    (found.root / ".gitignore").write_text("build/\n.venv/\n")
    for command in (("lock",), ("workflows", "--system", "gitlab")):
        done = found.run(*command)
        assert done.returncode == 0, done.stderr
    git("init", "--quiet", "--initial-branch", "main", at=found.root)
    commit(found, "The catalog")
    yield found
    shutil.rmtree(found.root, ignore_errors=True)


@pytest.fixture(scope="module")
def gitlab(tiny: Tiny, work: Path) -> Iterator[GitLab]:
    """The project of that repository."""
    origin = work / "gitlab.git"
    git("clone", "--quiet", "--bare", str(tiny.root), str(origin))
    for key in ("receive.advertisePushOptions", "uploadpack.allowAnySHA1InWant"):
        git("config", key, "true", at=origin)
    git("remote", "add", "origin", str(origin), at=tiny.root)
    yield GitLab(
        origin=origin,
        work=work / "gitlab-runs",
        variables={"CATALOG_REGISTRY": tiny.registry, "BUILDER_ENGINE": "podman"},
        scoped=SECRETS,
    )
    shutil.rmtree(work / "gitlab-runs", ignore_errors=True)


def commit(tiny: Tiny, message: str) -> None:
    git("add", "--all", at=tiny.root)
    identity = ("-c", "user.name=Ann", "-c", "user.email=ann@org.example")
    git(*identity, "commit", "--quiet", "--message", message, at=tiny.root)


def record(tiny: Tiny) -> Record:
    """The newest release."""
    session = tiny.session()
    place = releases_reference(session.catalog).with_tag(CURRENT)
    found = read_record(session.adapters.store, place)
    assert found is not None
    return found


def ends(ran: dict[str, Ran]) -> dict[str, str]:
    """How jobs ended, without the hashes of their names."""
    return {name.rsplit("-", 1)[0] if ": " in name else name: it.status for name, it in ran.items()}


def test_weeks(gitlab: GitLab, tiny: Tiny) -> None:
    """Three weeks, each on what those before it left."""
    the_first_week_releases_all_and_each_job_has_what_it_needs(gitlab, tiny)
    what_fails_costs_what_stands_on_it(gitlab, tiny)
    a_week_without_anything_to_do_releases_all_the_same(gitlab, tiny)
    a_merge_request_is_checked_and_built(gitlab, tiny)


def the_first_week_releases_all_and_each_job_has_what_it_needs(gitlab: GitLab, tiny: Tiny) -> None:
    ran = gitlab.pipeline()
    failed = {name: it.log for name, it in ran.items() if it.status != "success"}
    assert failed == {}
    names = [name for name in ran if name.startswith("week: ")]
    assert len(names) == 2 * 5
    assert set(record(tiny).targets) == {f"{it}/os=1" for it in ("base", "tool", "app", "other")}
    for name, it in ran.items():
        marks = {"CATALOG_WRITE_MARK", "CATALOG_GIT_TOKEN"} & it.variables.keys()
        if "catalog-build" in it.tags:
            assert not marks, name
        for word in ("job-token", "write"):
            assert word not in it.log, name


def what_fails_costs_what_stands_on_it(gitlab: GitLab, tiny: Tiny) -> None:
    tiny.dockerfile("tool", "FROM {{ parent }}\nCOPY files/ /tool/\nRUN false\n")
    commit(tiny, "It fails")
    git("push", "--quiet", "origin", "main", at=tiny.root)
    ran = ends(gitlab.pipeline())
    tool, app = "build-tool-os-1", "build-app-os-1"
    assert ran == {
        "lock": "success", "plan": "success", f"week: build {tool}": "failed",
        f"week: publish {tool}": "skipped", f"week: build {app}": "skipped",
        f"week: publish {app}": "skipped", "week": "failed", "release": "success",
        "offer lock": "success", "verdict": "success",
    }  # fmt: skip
    assert set(record(tiny).targets) == {f"{it}/os=1" for it in ("base", "tool", "app", "other")}
    assert record(tiny).blocked.keys() >= {f"build:{it}/os=1" for it in ("tool", "app")}


def a_week_without_anything_to_do_releases_all_the_same(gitlab: GitLab, tiny: Tiny) -> None:
    git("revert", "--no-edit", "HEAD", at=tiny.root)
    git("push", "--quiet", "origin", "main", at=tiny.root)
    ran = gitlab.pipeline()
    assert ran["week: nothing"].log == "there is nothing to do\n"
    assert {it.status for it in ran.values()} == {"success"}


def a_merge_request_is_checked_and_built(gitlab: GitLab, tiny: Tiny) -> None:
    before = git("rev-parse", "main", at=tiny.root)
    (tiny.root / "images/other/files/other.txt").write_text("other\n")
    tiny.dockerfile("other", "FROM {{ parent }}\nCOPY files/ /other/\nRUN true\n")
    commit(tiny, "A change")
    git("push", "--quiet", "origin", "main", at=tiny.root)
    ran = gitlab.pipeline("merge_request_event", CI_MERGE_REQUEST_DIFF_BASE_SHA=before)
    assert {name: it.status for name, it in ran.items()} == {
        "check": "success", "build changed": "success",
    }, "\n".join(it.log for it in ran.values())  # fmt: skip
    assert "other/os=1" in ran["check"].log
    assert "tool/os=1" not in ran["check"].log
