"""An input that is optional: as long as it is not locked, the image is built without it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builder.common.errors import BuilderError, StepError, UnreachableError
from builder.lock.lockfile import Lock, dump
from builder.lock.optional import done_without, forgiven
from builder.lock.problems import Problem
from builder.plan import image_metadata
from tests.fakes.catalog import LOCK, Folder, Week, lines, prints, with_package_sets

COPIES = '{% if "press" in inputs %}\nCOPY --from=press /press /press\n{% endif %}\n'
DESK = "desk/os=2,lang=1.10"
WITHOUT = "without press: paper=4 is not locked"
PRESSED = replace(LOCK, release_lines={**LOCK.release_lines, **lines({"paper=4": "4.2"})})


@pytest.fixture
def optional(folder: Folder) -> Folder:
    """The catalog, whose desk takes a press that nobody has locked."""
    folder.edit("matrix.yaml", "axes:\n", 'axes:\n  paper:\n    "4": {provider: apt}\n')
    folder.edit(
        "matrix.yaml", "  desk: {from: speech, inputs: [tool]}",
        "  press: {from: base, axes: [paper], publish: false}\n"
        "  desk: {from: speech, inputs: [tool, {image: press, optional: true}]}",
    )  # fmt: skip
    provides = "provides:\n  paper: {apt: {package: paper}}\n"
    folder.write("images/press/recipe.yaml", f"summary: A press\n{provides}")
    folder.write("images/press/Dockerfile.j2", "FROM {{ parent }}\n")
    folder.edit("images/desk/Dockerfile.j2", "COPY files/", COPIES + "COPY files/")
    return folder


def with_lock(folder: Folder, lock: Lock) -> Folder:
    folder.write("matrix.lock", dump(with_package_sets(folder.load(), lock)))
    return folder


def test_it_is_left_out_of_plan_and_build_until_it_is_locked(optional: Folder, week: Week) -> None:
    with_lock(optional, LOCK)
    planned = week.app().plan()
    assert (planned.targets[DESK].action, planned.targets[DESK].target.inputs) == (
        "build", (("tool", "tool/os=2"),),
    )  # fmt: skip
    assert planned.targets[DESK].reason.endswith(WITHOUT)
    assert planned.steps[f"build:{DESK}"].reason.endswith(WITHOUT)
    assert "press" not in planned.targets[DESK].dockerfile.text
    assert planned.targets["press/os=2,paper=4"].action == "block"

    with_lock(optional, PRESSED)
    planned = week.app().plan()
    assert "build:press/os=2,paper=4" in planned.steps[f"build:{DESK}"].needs
    assert "without" not in planned.targets[DESK].reason
    assert "COPY --from=press" in planned.targets[DESK].dockerfile.text


def test_the_fingerprint_changes_when_it_comes(optional: Folder) -> None:
    before = prints(with_lock(optional, LOCK).load(), LOCK)
    after = prints(with_lock(optional, PRESSED).load(), PRESSED)
    moved = {key for key in before if before[key].digest != after[key].digest}
    assert moved == {
        "press/os=2,paper=4", "press/os=1,paper=4", DESK, "desk/os=1,lang=1.9",
    }  # fmt: skip
    assert after[DESK].document["inputs"].keys() == {"tool", "press"}


def test_an_image_that_waits_for_one_is_the_same_as_without_the_declaration(
    optional: Folder,
) -> None:
    declared = prints(with_lock(optional, LOCK).load(), LOCK)
    optional.edit("matrix.yaml", "[tool, {image: press, optional: true}]", "[tool]")
    plain = prints(with_lock(optional, LOCK).load(), LOCK)
    assert declared[DESK].digest == plain[DESK].digest


def test_what_it_is_built_from_counts(optional: Folder) -> None:
    optional.edit(
        "matrix.yaml", "  desk: {from", "  paint: {recipe: press, from: press}\n  desk: {from"
    )
    optional.edit("matrix.yaml", "image: press, optional", "image: paint, optional")
    desk = with_lock(optional, LOCK).load().expansion.targets[DESK]
    assert desk.without == (("paint", "paper=4 is not locked"),)


def test_one_that_a_platform_lacks_is_left_out_there(optional: Folder) -> None:
    optional.edit(
        "matrix.yaml", "  registries:", "  platforms: [linux/amd64, linux/arm64]\n  registries:"
    )
    optional.edit("matrix.yaml", '"4": {', '"4": {platforms: [linux/amd64], ')
    targets = with_lock(optional, PRESSED).load().declared.targets
    there, elsewhere = targets[DESK], targets[f"{DESK}@linux/arm64"]
    assert [image for image, _ in there.inputs] == ["tool", "press"]
    assert [image for image, _ in elsewhere.inputs] == ["tool"]
    assert elsewhere.without == (("press", "press has none for linux/arm64"),)


def test_an_input_that_is_not_optional_blocks(optional: Folder, week: Week) -> None:
    optional.edit("matrix.yaml", "{image: press, optional: true}", "{image: press}")
    with_lock(optional, LOCK)
    desk = week.app().plan().targets[DESK]
    assert desk.action == "block"
    assert desk.reason.startswith("paper=4 is not locked")


def test_a_mistake_in_an_input_is_named(optional: Folder) -> None:
    optional.edit("matrix.yaml", "image: press, optional", "image: pres, optional")
    with pytest.raises(BuilderError, match="unknown input 'pres'"):
        optional.load()
    optional.edit("matrix.yaml", "image: pres, optional: true", "image: press, optional: maybe")
    with pytest.raises(BuilderError, match="optional"):
        optional.load()


def test_a_source_that_does_not_answer_is_no_failure_where_only_an_optional_input_has_it(
    optional: Folder,
) -> None:
    expansion = with_lock(optional, LOCK).load().declared
    dead = [
        Problem(subject=subject, error=UnreachableError("nobody answers"), keeps=False)
        for subject in ("paper=4", "press/os=2,paper=4", "lang=1.10", "os=2", "base/os=2")
    ]
    wrong = Problem(subject="paper=4", error=StepError("no such version"), keeps=False)
    everything = sorted(expansion.targets)
    counted = [it.subject for it in forgiven([*dead, wrong], expansion, everything) if it.counts]
    assert counted == ["lang=1.10", "os=2", "base/os=2", "paper=4"]
    # Whoever asks for it alone is told.
    alone = forgiven(dead[:1], expansion, ["base/os=2", "press/os=2,paper=4"])
    assert [it.counts for it in alone] == [True]


def test_a_run_without_an_optional_input_ends_well(optional: Folder, week: Week) -> None:
    with_lock(optional, LOCK)
    app = week.app()
    assert app.run(app.plan()).exit_code == 0
    declared, everything = app.project.declared, list(app.plan().targets)
    spared = {key for key in everything if key.startswith("press/")}
    assert done_without(declared, everything) == spared
    # For whoever asks for it alone it is no optional input.
    assert done_without(declared, sorted(spared)) == frozenset()


def test_an_input_is_spared_by_target_and_not_by_name(optional: Folder, week: Week) -> None:
    """One Debian's desk is built without its press; on the other nobody has such a desk."""
    with_lock(optional, LOCK)
    declared = week.app().project.declared
    chosen = [DESK, "press/os=2,paper=4", "press/os=1,paper=4"]
    assert done_without(declared, chosen) == {"press/os=2,paper=4"}
    app = week.app(select=("press/os=1,paper=4", DESK))
    assert app.run(app.plan()).exit_code == 5


def test_the_package_list_of_an_image_names_what_is_missing_in_it(
    optional: Folder, week: Week
) -> None:
    optional.edit(
        "matrix.yaml", "  desk: {from", "  lamp: {recipe: tool, from: desk}\n  desk: {from"
    )
    for lock, missing in ((LOCK, {"press": "paper=4 is not locked"}), (PRESSED, {})):
        with_lock(optional, lock)
        app = week.app(select=("desk", "lamp"))
        planned = app.plan()
        assert app.run(planned).exit_code == 0
        for target in ("desk/os=2,lang=1.10", "lamp/os=2,lang=1.10"):
            stored = image_metadata.read(week.store, planned.targets[target].reference).packages
            assert stored is not None
            found = {name: it.version for name, it in stored.get("without", {}).items()}
            assert found == missing, target
