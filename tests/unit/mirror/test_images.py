"""Images of an upstream: locked by digest, copied as they are, tested, released, kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from builder.app.locking import upgrade_of
from builder.app.week import KINDS
from builder.catalog.models import Base, Source
from builder.common.errors import (
    BuilderError,
    StepError,
    TransientError,
    UnreachableError,
)
from builder.lock.locker import LockResult, lock_catalog
from builder.lock.lockfile import BaseLock, Lock, dump, parse
from builder.lock.pinned import PinnedCatalog
from builder.oci.reference import parse as parse_reference
from builder.resolvers.base_images.upstream import UpstreamImages
from tests.fakes.catalog import (
    FILES,
    LOCK,
    MATRIX,
    TODAY,
    Folder,
    Week,
    nowhere,
    with_package_sets,
)
from tests.fakes.store import FakeStore
from tests.fakes.upstream import AMD, ARM, publish

HUB = "hub.example.org/library/door"
OWN = "127.0.0.1:5999/shop-door"
DOOR = "door/door=8"
VALUES = f"""\
  door:
    "8": {{release_line: "8.0", sources: [{{image: {HUB}}}], tag: "door{{version}}"}}
"""
IMAGES = "  door: {upstream: door, axes: [door]}\n"
BASE = Base(id=f"door=8@{AMD}", axis="door", value="8", platform=AMD, line="8.0")
SOURCE = Source(image=HUB)


def with_door(text: str = MATRIX) -> str:
    return text.replace("\nimages:\n", f"{VALUES}\nimages:\n{IMAGES}")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    files = {
        **FILES,
        "matrix.yaml": with_door(),
        "images/door/recipe.yaml": "summary: A door\nports: [80]\ncommand: [door, --open]\n",
        "images/door/tests/test_door.py": "def test_door(host): ...\n",
        "matrix.lock": dump(LOCK),
    }
    return Folder(tmp_path / "catalog", files)


def upstream(store: FakeStore, **mirrors: str) -> UpstreamImages:
    return UpstreamImages(registry=store, mirrors={f"oci://{k}": v for k, v in mirrors.items()})


class Sources:
    """Locks nothing but mirrored images."""

    def __init__(self, images: UpstreamImages) -> None:
        self.images = images

    def lock(
        self, base: Base, sources: tuple[Source, ...], previous: BaseLock | None, today: str
    ) -> BaseLock:
        return self.images.lock(base, sources)


def locked(week: Week, *upgrade: str, previous: Lock | None = None) -> LockResult:
    project = week.folder.load()
    return lock_catalog(
        catalog=project.catalog,
        expansion=project.expansion,
        previous=previous or week.lock,
        bases=Sources(upstream(week.store)),  # type: ignore[arg-type]
        providers={},
        today=TODAY,
        note=lambda _text: None,
        locate=lambda _name, _package: nowhere(()),
        targets=[DOOR],
        upgrade=upgrade_of(upgrade),
    )


@pytest.fixture
def week(folder: Folder, tmp_path: Path) -> Week:
    made = Week(folder=folder)
    publish(made.store, tmp_path, f"{HUB}:8.0.2", "two")
    made.lock = locked(made).lock
    folder.write("matrix.lock", dump(made.lock))
    return made


def test_the_newest_tag_of_a_line_is_locked_with_all_that_it_names(tmp_path: Path) -> None:
    store = FakeStore()
    tags = ("8", "8.0", "8.0.2", "8.0.10", "8.0.11-rc1", "8.00", "8.1.0", "80.0", "latest")
    digests = {tag: publish(store, tmp_path, f"{HUB}:{tag}", f"of-{tag}") for tag in tags}
    found = upstream(store).lock(BASE, [SOURCE])
    assert (found.version, found.content) == ("8.0.10", digests["8.0.10"])
    assert found.manifest in store.configs(parse_reference(f"{HUB}:8.0.10"))
    assert found.manifest != found.content


def test_a_tag_may_begin_with_v(tmp_path: Path) -> None:
    store = FakeStore()
    publish(store, tmp_path, f"{HUB}:v8.0.3", "three")
    assert upstream(store).lock(BASE, [SOURCE]).version == "v8.0.3"


def test_a_mirror_of_the_registry_is_asked_in_its_place(tmp_path: Path) -> None:
    store = FakeStore()
    publish(store, tmp_path, "near.example.org/hub/library/door:8.0.2", "two")
    mirrored = upstream(store, **{"hub.example.org": "oci://near.example.org/hub"})
    assert mirrored.lock(BASE, [SOURCE]).source == SOURCE


def test_what_upstream_lacks_is_said(tmp_path: Path) -> None:
    store = FakeStore()
    publish(store, tmp_path, f"{HUB}:7.1", "seven", (ARM,))
    with pytest.raises(StepError, match=r"hub.example.org/library/door has no tag of 8.0") as error:
        upstream(store).lock(BASE, [SOURCE])
    assert not isinstance(error.value, UnreachableError)
    publish(store, tmp_path, f"{HUB}:8.0.1", "arm", (ARM,))
    with pytest.raises(StepError, match=r"is for linux/arm64, not for linux/amd64"):
        upstream(store).lock(BASE, [SOURCE])


def test_an_index_that_lists_what_is_not_there_is_not_locked(tmp_path: Path) -> None:
    store = FakeStore()
    digest = publish(store, tmp_path, f"{HUB}:8.0.2", "two")
    image = parse_reference(HUB)
    listed = next(item for item in store.blobs(image.at(digest)) if item != digest)
    store.delete(image.at(listed))
    with pytest.raises(StepError, match=f"its index lists {listed}, which is not there"):
        upstream(store).lock(BASE, [SOURCE])


class Busy(FakeStore):
    """A registry that answers 429."""

    def tags(self, repository: str) -> tuple[str, ...]:
        """Return nothing."""
        raise TransientError(f"{repository}: 429 Too Many Requests", after=7.0)


def test_a_registry_that_is_busy_leaves_the_image_unlocked_and_is_no_failure() -> None:
    with pytest.raises(UnreachableError, match="429 Too Many Requests"):
        upstream(Busy()).lock(BASE, [SOURCE])


def test_the_lock_is_written_and_read(week: Week) -> None:
    assert parse(dump(week.lock)) == week.lock
    entry = week.lock.bases[BASE.id]
    assert (entry.source, entry.version) == (SOURCE, "8.0.2")
    assert week.lock.versions["door=8"] == "8.0.2"


def test_locking_twice_gives_the_same_lock(week: Week) -> None:
    assert dump(locked(week).lock) == dump(week.lock)


def test_a_tag_that_upstream_moves_changes_nothing_until_it_is_upgraded(
    week: Week, tmp_path: Path
) -> None:
    moved = publish(week.store, tmp_path, f"{HUB}:8.0.2", "other")
    assert locked(week).lock == week.lock
    newer = upstream(week.store).newer(BASE, week.lock.bases[BASE.id])
    assert newer == (f"{HUB}:8.0.2 {week.lock.bases[BASE.id].content[:19]} → {moved[:19]}",)
    assert locked(week, "door=8").lock.bases[BASE.id].content == moved
    publish(week.store, tmp_path, f"{HUB}:8.0.3", "three")
    assert upstream(week.store).newer(BASE, week.lock.bases[BASE.id]) == (f"{HUB}:8.0.2 → 8.0.3",)


def test_what_is_not_locked_is_blocked_with_the_command_that_locks_it(week: Week) -> None:
    week.lock = LOCK
    step = week.plan().steps[f"build:{DOOR}"]
    assert (step.action, step.reason) == (
        "block",
        f"door=8@linux/amd64 is not locked: run `builder lock -s door`, which asks {HUB}",
    )


def test_platforms_with_other_content_are_blocked(week: Week) -> None:
    other = replace(week.lock.bases[BASE.id], content=f"sha256:{'e' * 64}")
    bases = {**week.lock.bases, f"door=8@{ARM}": other}
    week.lock = replace(week.lock, bases=bases)
    reason = week.plan(DOOR).steps[f"build:{DOOR}"].reason
    assert reason == (
        "door=8 is locked to other content for another platform: run"
        " `builder lock -s door --upgrade door=8`"
    )


def test_it_is_copied_by_its_digest_tested_and_tagged(week: Week) -> None:
    content = week.lock.bases[BASE.id].content
    week.store.calls.clear()
    results = week.go_by(DOOR)
    assert results[f"build:{DOOR}"].status == "done", results
    copies = [subject for method, subject in week.store.calls if method == "copy"]
    assert copies[0] == f"{HUB}@{content} {OWN}:fp-{content[7:39]}"
    assert not [copy for copy in copies if copy.startswith(f"{HUB}:")]
    (request,) = week.smoke.requests
    assert request.image == f"{OWN}@{week.lock.bases[BASE.id].manifest}"
    assert (request.command, request.packages) == (("door", "--open"), None)
    for tag in ("door8.0.2", "door8", "latest", f"door8.0.2-{week.plan().release[:10]}"):
        assert week.store.digest(parse_reference(f"{OWN}:{tag}")) == content, tag
    assert week.engine.calls == []


def test_a_catalog_above_inherits_it_adopts_it_and_patches_it(week: Week, tmp_path: Path) -> None:
    lock = with_package_sets(week.folder.load(), week.lock)
    week.folder.write("matrix.lock", dump(lock))
    app = week.app()
    assert app.run(app.plan(), KINDS).exit_code == 0
    pin = PinnedCatalog(
        source={"path": "../catalog"},
        content="sha256:" + "0" * 64,
        release=TODAY.replace("-", "."),
        record=week.store.named["127.0.0.1:5999/shop-releases:current"],
    )
    patch = "{recipes: door, why: w, ports: [8080], command: [door, --shut]}"
    files = {
        "matrix.yaml": "extends: {path: ../catalog, name: shop}\n"
        "catalog: {name: mine, registries: ['127.0.0.1:5888']}\n"
        f"patches: {{p: {patch}}}\n",
        "matrix.lock": dump(Lock(upstreams={"shop": pin})),
    }
    mine = Week(folder=Folder(tmp_path / "mine", files), store=week.store)
    app = mine.app()
    recipe = app.catalog.recipes["door"]
    assert (recipe.ports, recipe.command) == ((8080,), ("door", "--shut"))
    planned = app.plan(to_run=False)
    assert {planned.targets[DOOR].action, planned.steps[f"base:{BASE.id}"].action} == {"adopt"}
    run = app.run(app.plan(), KINDS)
    assert run.results[f"build:{DOOR}"].status == "done"
    own = parse_reference("127.0.0.1:5888/shop-door:door8.0.2")
    assert mine.store.digest(own) == mine.store.digest(parse_reference(f"{OWN}:door8.0.2"))
    built = "{images: door, why: w, top+: [trust]}"
    mine.folder.write("matrix.yaml", files["matrix.yaml"].replace(patch, built))
    mine.folder.write("images/trust/recipe.yaml", "summary: Trust\n")
    mine.folder.write("images/trust/Dockerfile.j2", "FROM {{ parent }}\n")
    with pytest.raises(BuilderError, match="E-TOP-MIRRORED"):
        mine.folder.load()


def test_the_second_run_has_nothing_to_do(week: Week) -> None:
    week.go_by(DOOR)
    step = week.plan(DOOR).steps[f"build:{DOOR}"]
    assert step.action == "reuse", step.reason


def test_signatures_come_with_it(week: Week, tmp_path: Path) -> None:
    content = week.lock.bases[BASE.id].content
    signature = f"{content.replace(':', '-')}.sig"
    publish(week.store, tmp_path, f"{HUB}:{signature}", "signature", (AMD,))
    week.go_by(DOOR)
    assert week.store.digest(parse_reference(f"{OWN}:{signature}"))


@pytest.mark.parametrize("tag", ["base", "target"])
def test_other_content_in_our_registry_stays_and_fails(
    week: Week, tmp_path: Path, tag: str
) -> None:
    content = week.lock.bases[BASE.id].content
    fingerprint = week.plan(DOOR).targets[DOOR].reference
    taken = str(fingerprint) if tag == "target" else f"{OWN}:fp-{content[7:39]}"
    planted = publish(week.store, tmp_path, taken, "planted")
    results = week.go_by(DOOR)
    failed = [it for it in results.values() if it.status == "failed"]
    (reason, _) = (it.reason for it in failed)
    assert f"exists with another digest: {planted}, and {content} is locked" in reason
    assert week.store.digest(parse_reference(taken)) == planted


def test_a_failed_test_tags_nothing(week: Week) -> None:
    week.smoke.rejects.add(DOOR)
    assert week.go_by(DOOR)[f"build:{DOOR}"].status == "failed"
    assert week.store.digest(week.plan(DOOR).targets[DOOR].reference) is None


def test_an_image_that_upstream_withdrew_fails_and_names_it(week: Week) -> None:
    content = week.lock.bases[BASE.id].content
    assert upstream(week.store).differing(week.lock.bases[BASE.id]) == ""
    week.store.delete(parse_reference(HUB).at(content))
    assert upstream(week.store).differing(week.lock.bases[BASE.id]) == f"{HUB} has no {content}"
    assert f"{HUB}@{content}" in week.go_by(DOOR)[f"base:{BASE.id}"].reason


def test_of_several_platforms_the_tags_name_the_index_of_upstream(
    folder: Folder, tmp_path: Path
) -> None:
    folder.for_platforms(AMD, ARM)
    week = Week(folder=folder)
    digest = publish(week.store, tmp_path, f"{HUB}:8.0.2", "two")
    project = folder.load()
    bases = {
        base.id: upstream(week.store).lock(base, [SOURCE])
        for base in project.expansion.bases.values()
        if base.axis == "door"
    }
    week.lock = replace(LOCK, bases={**LOCK.bases, **bases})
    results = week.go_by(DOOR, f"{DOOR}@{ARM}")
    assert {it.status for it in results.values()} == {"done"}, results
    assert week.store.digest(parse_reference(f"{OWN}:door8.0.2")) == digest
    assert len({request.image for request in week.smoke.requests}) == 2
    assert not [call for call in week.store.calls[-40:] if call[0] == "put_index"]


def test_another_line_is_looked_up_again(week: Week, tmp_path: Path) -> None:
    publish(week.store, tmp_path, f"{HUB}:8.2.1", "later")
    week.folder.edit("matrix.yaml", 'release_line: "8.0"', 'release_line: "8.2"')
    assert locked(week).lock.versions["door=8"] == "8.2.1"


MISTAKES: dict[str, tuple[Callable[[Folder], None], str]] = {
    "neither": (
        lambda folder: folder.edit(
            "matrix.yaml", "{upstream: door, axes: [door]}", "{axes: [door]}"
        ),
        "image door has neither `from` nor `upstream`",
    ),
    "both": (
        lambda folder: folder.edit("matrix.yaml", "{upstream: door,", "{upstream: door, from: os,"),
        "image door has both `from` and `upstream`",
    ),
    "no axis": (
        lambda folder: folder.edit("matrix.yaml", "{upstream: door,", "{upstream: dor,"),
        "unknown axis 'dor'",
    ),
    "more axes": (
        lambda folder: folder.edit("matrix.yaml", "door, axes: [door]", "door, axes: [door, os]"),
        "image door is mirrored, so its axes are [door]",
    ),
    "an input": (
        lambda folder: folder.edit("matrix.yaml", "axes: [door]}", "axes: [door], inputs: [tool]}"),
        "image door is mirrored as it is, and has no inputs",
    ),
    "a child": (
        lambda folder: folder.edit("matrix.yaml", "inputs: [tool]", "inputs: [tool, door]"),
        "image door is mirrored as it is, and nothing is built with it",
    ),
    "a bootstrap": (
        lambda folder: folder.edit("matrix.yaml", f"image: {HUB}", "bootstrap: two"),
        "axis value door=8 has other sources than `image`, and image door is mirrored",
    ),
    "a tag": (
        lambda folder: folder.edit("matrix.yaml", f"image: {HUB}", f'image: "{HUB}:8.0"'),
        f"'{HUB}:8.0' is no repository: it has a tag or a digest",
    ),
    "two kinds": (
        lambda folder: folder.edit("matrix.yaml", f"image: {HUB}", f"bootstrap: one, image: {HUB}"),
        "a source is one of registry, bootstrap and image",
    ),
    "a Dockerfile": (
        lambda folder: folder.write("images/door/Dockerfile.j2", "FROM {{ parent }}\n"),
        "image door is mirrored as it is, and its recipe says what to build",
    ),
    "a variable": (
        lambda folder: folder.edit("images/door/recipe.yaml", "summary:", "env: {A: b}\nsummary:"),
        "image door is mirrored as it is, and its recipe says what to build",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_cannot_be_mirrored_is_refused(folder: Folder, name: str) -> None:
    edit, message = MISTAKES[name]
    edit(folder)
    with pytest.raises(BuilderError) as error:
        folder.load()
    assert message in str(error.value)


def test_a_lock_that_others_wrote_is_not_believed(week: Week) -> None:
    entry = week.lock.bases[BASE.id]
    for change, problem in (
        ({"version": ""}, "only a mirrored image has a version"),
        ({"version": "8/../9"}, "'8/../9' is not a tag"),
        ({"manifest": "sha256:1"}, "its manifest 'sha256:1' is not a sha256"),
        ({"source": Source(image="evil.example.org/door")}, "matrix.yaml does not name its source"),
    ):
        bases = {**week.lock.bases, BASE.id: replace(entry, **change)}
        week.folder.write("matrix.lock", dump(replace(week.lock, bases=bases)))
        with pytest.raises(BuilderError, match=problem.replace("(", r"\(")):
            week.app().plan()
