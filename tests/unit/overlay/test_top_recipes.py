"""Top recipes: what they add stands on the offered images alone, and rebuilds nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from builder.app.flattened import flattened
from builder.app.inheritance import inheritance
from builder.catalog.selection import find, select
from builder.common.errors import BuilderError, Location
from builder.diff.why import lineage
from builder.lock.locker import lock_catalog
from builder.lock.lockfile import PackageSet, dump
from builder.lock.package_locker import NOTHING
from builder.project import Project, Workspace
from builder.report.plan import as_table
from builder.resolvers.ecosystems import ECOSYSTEMS
from tests.fakes.bases import FakeBases
from tests.fakes.catalog import ARM, LOCK, Folder, Week, plan_of, prints, with_package_sets

SPEECH, DESK = "speech/os=1,lang=1.9", "desk/os=1,lang=1.9"
TRUST = {
    "images/trust/recipe.yaml": "summary: What we trust\n",
    "images/trust/Dockerfile.j2": "FROM {{ parent }}\nRUN trust\n",
    "images/trust/tests/test_trust.py": "def test_trust(host): ...\n",
    "images/extra/recipe.yaml": (
        "summary: More\npackages: {apt: [lamp]}\nwhen:\n  os=1: {packages: {apt: [oil]}}\n"
    ),
    "images/extra/Dockerfile.j2": "FROM {{ parent }}\n{{ install(packages) }}",
}


@pytest.fixture
def shop(tmp_path: Path) -> Folder:
    """A catalog with two recipes that no image has yet."""
    folder = Folder(tmp_path / "shop")
    for path, text in TRUST.items():
        folder.write(path, text)
    return folder


def topped(shop: Folder, speech: str = "[trust, extra]", desk: str = "") -> Project:
    """The catalog, with top recipes on two of its images, one of which stands on the other."""
    shop.edit("matrix.yaml", "axes: [lang]}", f"axes: [lang], top: {speech}}}")
    if desk:
        shop.edit("matrix.yaml", "inputs: [tool]}", f"inputs: [tool], top: {desk}}}")
    return shop.load()


def refused(shop: Folder) -> str:
    with pytest.raises(BuilderError) as caught:
        Workspace(shop.root).load(ecosystems=ECOSYSTEMS)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_the_last_top_recipe_has_the_name_of_the_image(shop: Folder) -> None:
    targets = topped(shop).expansion.targets
    chain = [targets[key] for key in (f"{SPEECH}~", f"{SPEECH}~trust", SPEECH)]
    assert [(target.recipe, target.parent, target.publish) for target in chain] == [
        ("speech", "base/os=1", False),
        ("trust", f"{SPEECH}~", False),
        ("extra", f"{SPEECH}~trust", True),
    ]
    assert {target.variant.id for target in chain} == {SPEECH}
    assert [target.slug for target in chain] == [
        "speech-os1-lang1_9-_under", "speech-os1-lang1_9-_under-trust", "speech-os1-lang1_9",
    ]  # fmt: skip


def test_what_is_under_them_is_the_image_without_them(shop: Folder) -> None:
    before = prints(shop.load())
    project = topped(shop, desk="[trust]")
    after = prints(project)
    for key in (SPEECH, DESK):
        assert after[f"{key}~"].digest == before[key].digest
        assert after[key].digest != before[key].digest
    shared = ("base/os=1", "tool/os=1")
    assert [after[key].digest for key in shared] == [before[key].digest for key in shared]


def test_what_stands_on_the_image_or_copies_from_it_has_none_of_them(shop: Folder) -> None:
    shop.edit("matrix.yaml", "tool: {from: base, publish: false}", "tool: {from: base}")
    before = prints(shop.load())
    shop.edit("matrix.yaml", "tool: {from: base}", "tool: {from: base, top: [trust]}")
    project = topped(shop)
    desk = project.expansion.targets[DESK]
    assert (desk.parent, desk.inputs) == (f"{SPEECH}~", (("tool", "tool/os=1~"),))
    assert prints(project)[DESK].digest == before[DESK].digest


def test_the_lock_keeps_the_entry_of_the_image(shop: Folder) -> None:
    locked = with_package_sets(shop.load(), LOCK)
    project = topped(shop)
    again = with_package_sets(project, LOCK).package_sets
    assert {key: again[key] for key in locked.package_sets} == locked.package_sets
    assert again.keys() - locked.package_sets.keys() == {
        "speech/os=1,lang=1.9~extra", "speech/os=2,lang=1.10~extra",
    }  # fmt: skip


def test_their_packages_come_with_their_own_entries(shop: Folder) -> None:
    sets = {
        f"{SPEECH}~extra": PackageSet(epoch=9, request="", packages={}),
        SPEECH: PackageSet(epoch=7, request="", packages={}),
    }
    after = prints(topped(shop), replace(LOCK, package_sets=sets))
    assert [after[key].document["lock"].get("epoch") for key in (f"{SPEECH}~", SPEECH)] == [7, 9]
    plain = prints(shop.load(), LOCK)
    assert plain[SPEECH].document["lock"]["declared"] == {"apt": ("lamp", "oil")}


def test_names_and_values_select_what_is_offered(shop: Folder) -> None:
    expansion = topped(shop).expansion
    ids = {key for key in expansion.targets if "~" in key}
    for picked in ("speech", "sp*", "lang=1.9", "speech,os=1"):
        assert not ids.intersection(select(expansion, [picked]))
    assert select(expansion, [f"{SPEECH}~"]) == (f"{SPEECH}~",)
    assert f"{SPEECH}~trust" in select(expansion, ["+speech"])
    assert SPEECH in select(expansion, [f"{SPEECH}~+"])
    assert DESK in select(expansion, ["speech+"])
    assert not find(expansion, "speech").parent.endswith("~")
    assert find(expansion, f"{SPEECH}~").recipe == "speech"


def test_tags_and_charts_name_what_is_offered(shop: Folder) -> None:
    without = plan_of(shop.load())
    plan = plan_of(topped(shop, desk="[trust]"))
    assert plan.charts["desk"].images == without.charts["desk"].images
    assert plan.charts["desk"].variants == without.charts["desk"].variants
    offered, under = plan.targets[DESK], plan.targets[f"{DESK}~"]
    assert offered.rolling == without.targets[DESK].rolling
    assert (under.rolling, under.immutable) == ((), (under.fingerprint.tag,))
    assert under.repository == offered.repository
    assert under.tests_hash == without.targets[DESK].tests_hash != offered.tests_hash


@pytest.mark.slow
def test_a_registry_that_has_the_image_is_asked_for_nothing_but_the_tops(shop: Folder) -> None:
    week = Week(folder=shop)
    week.go_by()
    topped(shop, speech="[trust]")
    plan = week.plan()
    built = {key for key, item in plan.targets.items() if item.is_made}
    assert built == {SPEECH, "speech/os=2,lang=1.10"}
    assert plan.targets[f"{SPEECH}~"].action == "reuse"
    week.carry_out(plan)
    again = week.plan(today="2026-11-24")
    assert {item.action for item in again.targets.values()} == {"reuse"}
    record = week.observed().record
    assert record is not None
    assert not record.targets[f"{SPEECH}~"].publish
    assert (
        record.targets[f"{SPEECH}~"].fingerprint == again.targets[f"{SPEECH}~"].fingerprint.digest
    )
    shares = [share.target for share in record.targets[SPEECH].shares]
    assert shares[-2:] == [SPEECH, f"{SPEECH}~trust"]


def test_a_catalog_above_puts_them_on_what_it_stands_on(shop: Folder) -> None:
    shop.write("matrix.lock", dump(with_package_sets(shop.load(), LOCK)))
    below = prints(shop.load(), LOCK)
    text = (
        "extends: {path: ../shop, name: shop}\ncatalog: {name: mine}\n"
        "patches: {p: {images: charted, top+: [trust], why: w}}\n"
    )
    mine = Folder(shop.root.parent / "mine", {"matrix.yaml": text, "images/trust/files/a": "a\n"})
    workspace = Workspace(mine.root)
    project = workspace.load(ecosystems=ECOSYSTEMS)
    inherits = inheritance(project)
    assert inherits is not None
    assert inherits.held_targets(project) >= {f"{DESK}~", SPEECH}
    assert prints(project, LOCK)[f"{DESK}~"].digest == below[DESK].digest
    alone = Folder(shop.root.parent / "alone", {})
    for file in flattened(project, workspace.files):
        alone.write(file.path, file.data.decode())
    flat = prints(alone.load(), LOCK)
    assert {key: item.digest for key, item in flat.items()} == {
        key: item.digest for key, item in prints(project, LOCK).items()
    }


def test_the_plan_shows_no_tag_of_what_is_under_them(shop: Folder) -> None:
    rows = as_table(plan_of(topped(shop, speech="[trust]"), pick=[f"+{SPEECH}"])).splitlines()
    shown = {row.split()[0]: row.split()[2] for row in rows if "speech" in row}
    assert shown == {f"build:{SPEECH}~": "new:", f"build:{SPEECH}": "lang1.9.7"}


def test_an_image_that_is_not_offered_has_none(shop: Folder) -> None:
    shop.edit("matrix.yaml", "publish: false}", "publish: false, top: [trust]}")
    assert refused(shop) == (
        "matrix.yaml:17:38: image 'tool' is not offered, so nothing gets its top 'trust'"
        " [E-TOP-UNUSED]\n"
        "      tool: {from: base, publish: false, top: [trust]}\n"
        "                                         ^\n"
        "  hint: a patch of `recipes` reaches what stands on it; `charted` selects what charts"
        " offer"
    )


def test_a_mirrored_image_has_none(shop: Folder) -> None:
    shop.edit(
        "matrix.yaml", "images:\n", "images:\n  far: {upstream: far, axes: [far], top: [trust]}\n"
    )
    shop.edit(
        "matrix.yaml", "  lang:\n", "  far: {'1': {sources: [{image: example.org/far}]}}\n  lang:\n"
    )
    shop.write("images/far/recipe.yaml", "summary: From far\n")
    assert refused(shop).startswith(
        "matrix.yaml:17:37: image 'far' is mirrored as it is, and gets no top 'trust'"
        " [E-TOP-MIRRORED]\n"
    )


def test_each_platform_has_them(shop: Folder) -> None:
    shop.for_platforms("linux/amd64", ARM)
    expansion = topped(shop, speech="[trust]").expansion
    assert expansion.members[SPEECH] == {"linux/amd64": SPEECH, ARM: f"{SPEECH}@{ARM}"}
    assert expansion.members[f"{SPEECH}~"] == {
        "linux/amd64": f"{SPEECH}~", ARM: f"{SPEECH}@{ARM}~",
    }  # fmt: skip
    assert expansion.targets[f"{SPEECH}@{ARM}"].parent == f"{SPEECH}@{ARM}~"
    assert expansion.targets[f"{SPEECH}@{ARM}"].made_id == f"{SPEECH}@{ARM}~trust"


def test_an_entry_of_a_recipe_that_is_no_top_any_more_is_dropped(shop: Folder) -> None:
    project = topped(shop, speech="[extra]")
    sets = with_package_sets(project, LOCK).package_sets
    gone = {f"{SPEECH}~trust": sets[SPEECH]}
    result = lock_catalog(
        catalog=project.catalog, expansion=project.expansion, bases=FakeBases(shop.root / "build"),
        previous=replace(LOCK, package_sets={**sets, **gone}), providers={}, today="2026-11-23",
        upgrade=NOTHING, targets=[], note=lambda _: None, locate=lambda *_: Location(file=""),
    )  # fmt: skip
    assert result.lock.package_sets.keys() == sets.keys()


@pytest.mark.slow
def test_why_an_image_has_a_package_names_the_recipe_that_has_it(shop: Folder) -> None:
    week = Week(folder=shop)
    week.go_by()
    topped(shop, speech="[trust]", desk="[extra]")
    week.go_by(today="2026-11-24")
    record = week.observed().record
    assert record is not None
    assert lineage(record, DESK)[-3:] == [f"{SPEECH}~", f"{DESK}~", DESK]


@pytest.mark.parametrize(
    ("top", "message"),
    [
        ("[trust, trust]", "18:51: image speech has top 'trust' twice\n"),
        ("[trsut]", "18:44: recipe 'trsut' has no images/trsut/recipe.yaml\n"),
    ],
)
def test_a_wrong_name_is_an_error(shop: Folder, top: str, message: str) -> None:
    shop.edit("matrix.yaml", "axes: [lang]}", f"axes: [lang], top: {top}}}")
    assert refused(shop).startswith(f"matrix.yaml:{message}")


def test_it_needs_the_axes_that_its_recipe_says(shop: Folder) -> None:
    shop.edit(
        "matrix.yaml", "base: {from: os, axes: [os]}", "base: {from: os, axes: [os], top: [t]}"
    )
    shop.write("images/t/recipe.yaml", "summary: T\nneeds: [lang]\n")
    shop.write("images/t/Dockerfile.j2", "FROM {{ parent }}\n")
    assert refused(shop) == (
        "matrix.yaml:16:32: recipe t needs lang, and image base has no axis lang\n"
        "      base: {from: os, axes: [os], top: [t]}\n"
        "                                   ^\n"
        "  hint: it has os; put it on an image that has lang"
    )


def test_it_brings_no_release_line(shop: Folder) -> None:
    shop.write("images/t/recipe.yaml", "summary: T\nprovides:\n  lang: {apt: {package: lang}}\n")
    shop.write("images/t/Dockerfile.j2", "FROM {{ parent }}\n")
    shop.edit("matrix.yaml", "axes: [lang]}", "axes: [lang], top: [t]}")
    assert refused(shop) == (
        "matrix.yaml:18:38: recipe t provides lang, and a top recipe brings no release line to"
        " image speech [E-TOP-PROVIDES]\n"
        "      speech: {from: base, axes: [lang], top: [t]}\n"
        "                                         ^\n"
        "  hint: build an image with it: `from: speech`"
    )
