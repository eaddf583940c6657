"""Named changes of all charts that a selector picks."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.app.value_origins import value_origins
from builder.catalog.models import Matrix
from builder.charts.next_version import files_of
from builder.common.errors import BuilderError
from builder.common.safe_yaml import SafeYaml
from builder.lock.package_locker import overdue_pins
from builder.project import Project, Workspace
from builder.resolvers.ecosystems import ECOSYSTEMS
from tests.fakes.catalog import Folder

SIZE = "size.limit: {type: string, default: 1Gi, text: How much, from: user.size, formerly: [most]}"
CHART = "title: T\ndescription: D\ncommand: [desk]\nport: 8000\nfeatures: [core, more]\n"


@pytest.fixture
def shop(folder: Folder) -> Folder:
    """A catalog of three charts, of which two can limit a size."""
    folder.edit(
        "matrix.yaml",
        "  desk: {image: desk}\n",
        "  desk: {image: desk}\n  new: {recipe: big, image: desk, only: {lang: [first]}}\n"
        "  old: {recipe: big, image: desk, only: {lang: ['1.9']}}\n",
    )
    folder.write("charts/big/chart.yaml", CHART)
    folder.write(
        "charts/features/more/feature.yaml",
        f"summary: More\nvalues:\n  size: {{type: object, title: Size, text: Size}}\n  {SIZE}\n",
    )
    folder.write(
        "charts/features/more/templates/more.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n"
        "data: {limit: {{ .Values.size.limit | quote }}}\n",
    )
    folder.write("charts/features/plain/feature.yaml", "summary: Plain\n")
    return folder


def load(folder: Folder) -> Project:
    return Workspace(folder.root).load(ecosystems=ECOSYSTEMS)


def patched(folder: Folder, patches: str) -> Project:
    folder.edit("matrix.yaml", "\ncharts:\n", f"\npatches:\n{patches}\ncharts:\n")
    return load(folder)


def refused(folder: Folder, patches: str) -> str:
    with pytest.raises(BuilderError) as caught:
        patched(folder, patches)
    assert caught.value.exit_code == 2
    return str(caught.value)


def limits(project: Project) -> dict[str, str]:
    """The default limit of each chart that has one, as its package says."""
    found = {}
    for name in project.catalog.matrix.charts:
        files = files_of(project.catalog, name, ["example.org/desk:1"], "1.0.0")
        values = SafeYaml().load(files["values.yaml"].decode())
        if "size" in values:
            found[name] = values["size"]["limit"]
    return found


def test_a_patch_changes_a_value_of_all_that_have_it(shop: Folder) -> None:
    project = patched(
        shop,
        "  sizes:\n    charts: '*'\n    why: small nodes\n"
        "    values: {size.limit: {default: 5Gi, from: null, 'onyxia+': {hidden: true}}}\n",
    )
    assert limits(project) == {"new": "5Gi", "old": "5Gi"}
    schema = files_of(project.catalog, "new", ["example.org/desk:1"], "1.0.0")["values.schema.json"]
    assert b'"hidden": true' in schema
    assert b"user.size" not in schema
    found = value_origins(
        Workspace(shop.root).files, project.catalog, "charts.new.values.size.limit.default"
    )
    assert found.value == "5Gi"
    assert [(item.value, item.rule) for item in found.origins] == [
        ("1Gi", "set"), ("5Gi", "patch sizes: small nodes"),
    ]  # fmt: skip


def test_the_chart_s_own_line_is_the_strongest(shop: Folder) -> None:
    shop.edit(
        "matrix.yaml", "only: {lang: ['1.9']}", "only: {lang: ['1.9']}, values: {size.limit: 9Gi}"
    )
    project = patched(shop, "  all: {charts: '*', why: w, values: {size.limit: {default: 5Gi}}}\n")
    assert limits(project) == {"new": "5Gi", "old": "9Gi"}


def test_a_former_path_is_followed(shop: Folder) -> None:
    project = patched(shop, "  all: {charts: '*', why: w, values: {most: {default: 5Gi}}}\n")
    assert limits(project) == {"new": "5Gi", "old": "5Gi"}


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("'*'", "desk new old"),
        ("[new, d*]", "desk new"),
        ("recipe=big", "new old"),
        ("feature=more", "new old"),
        ("value=size.limit", "new old"),
        ("value=most", "new old"),
        ("image=desk", "desk new old"),
        ("lang=1.9", "desk old"),
        ("'has:lang, not recipe=big'", "desk"),
        ("'not lang=1.9'", "new"),
        ("from-catalog=shop", "desk new old"),
        ("'*'\n    except: [old, lang=1.10]", ""),
    ],
)
def test_what_a_selector_picks(shop: Folder, selector: str, names: str) -> None:
    text = f"  p:\n    charts: {selector}\n    why: w\n    expect: 0+\n    features+: [plain]\n"
    charts = patched(shop, text).catalog.matrix.charts
    assert " ".join(name for name, chart in charts.items() if "plain" in chart.features) == names


def test_features_come_and_go(shop: Folder) -> None:
    project = patched(
        shop,
        "  p: {charts: '*', why: w, features+: [plain]}\n"
        "  q: {charts: new, why: w, features-: [more]}\n",
    )
    assert limits(project) == {"old": "1Gi"}
    assert b"plain: Plain" in files_of(project.catalog, "desk", ["a.org/b:1"], "1.0.0")["README.md"]


def test_a_later_patch_may_say_that_it_counts(shop: Folder) -> None:
    project = patched(
        shop,
        "  all: {charts: '*', why: w, values: {size.limit: {default: 5Gi}}}\n"
        "  old: {charts: old, why: w, override: true, values: {size.limit: {default: 6Gi}}}\n",
    )
    assert limits(project) == {"new": "5Gi", "old": "6Gi"}


def test_a_catalog_changes_and_drops_the_patches_of_the_one_that_it_stands_on(
    shop: Folder, tmp_path: Path
) -> None:
    patched(
        shop,
        "  sizes: {charts: '*', why: w, values: {size.limit: {default: 5Gi}}}\n"
        "  plain: {charts: '*', why: w, features+: [plain]}\n"
        "  fewer: {charts: desk, why: w, features-: [core]}\n",
    )
    top = Folder(
        tmp_path / "top",
        {
            "matrix.yaml": f"extends: {{path: {shop.root}, name: below}}\ncatalog: {{name: top}}\n"
            "patches:\n  plain: null\n  fewer: {charts: new, features-: [more]}\n"
            "  sizes: {except+: [old]}\n"
            "  more: {charts: from-catalog=below, why: w, values: {size.limit: {default: 7Gi}}}\n"
        },
    )
    project = load(top)
    assert limits(project) == {"old": "7Gi"}
    assert not any("plain" in chart.features for chart in project.catalog.matrix.charts.values())


def test_a_patch_is_looked_at_again(shop: Folder) -> None:
    matrix: Matrix = patched(
        shop, "  p: {charts: '*', why: small nodes, until: 2026-11-01, features+: [plain]}\n"
    ).catalog.matrix
    assert overdue_pins(matrix, "2026-11-01") == []
    assert overdue_pins(matrix, "2026-11-02") == [
        "patch p is to be looked at again since 2026-11-01: small nodes"
    ]


@pytest.mark.parametrize(
    ("patches", "message"),
    [
        (
            "  p: {charts: dsk, why: w}",
            "matrix.yaml:22:7: patch 'p' selects no chart [E-PATCH-NOTHING]\n"
            "      p: {charts: dsk, why: w}\n"
            "          ^\n"
            "  hint: did you mean desk?",
        ),
        (
            "  p: {charts: recipe=none, why: w}",
            "matrix.yaml:22:7: patch 'p' selects no chart [E-PATCH-NOTHING]\n"
            "      p: {charts: recipe=none, why: w}\n"
            "          ^\n"
            "  hint: `expect: 0+` allows that",
        ),
        (
            "  p: {charts: '*', expect: 4-9, why: w}",
            "matrix.yaml:22:20: patch 'p' selects 3 charts, and expects 4-9 [E-PATCH-EXPECT]\n"
            "      p: {charts: '*', expect: 4-9, why: w}\n"
            "                       ^\n"
            "  hint: it selects desk, new and old",
        ),
        (
            "  p: {charts: '*', why: w, values: {size.limt: {default: 1}}}",
            "matrix.yaml:22:37: patch 'p': none of its 3 charts has a value size.limt"
            " [E-PATCH-VALUE]\n"
            "      p: {charts: '*', why: w, values: {size.limt: {default: 1}}}\n"
            "                                        ^\n"
            "  hint: did you mean size.limit or size?",
        ),
        (
            "  p: {charts: '*', why: w, values: {size.limit: {defualt: 1}}}",
            "matrix.yaml:22:50: unknown key 'defualt'\n"
            "      p: {charts: '*', why: w, values: {size.limit: {defualt: 1}}}\n"
            "                                                     ^\n"
            "  hint: did you mean default?",
        ),
        (
            "  p: {charts: '*', why: w, features+: [plan]}",
            "matrix.yaml:22:40: patch 'p': unknown feature 'plan' [E-NAME-UNKNOWN]\n"
            "      p: {charts: '*', why: w, features+: [plan]}\n"
            "                                           ^\n"
            "  hint: did you mean plain?",
        ),
        (
            "  p: {charts: '*', why: w, features+: [core]}",
            "matrix.yaml:22:40: patch 'p': each of its 3 charts has feature 'core' already"
            " [E-PATCH-FEATURE]\n"
            "      p: {charts: '*', why: w, features+: [core]}\n"
            "                                           ^",
        ),
        (
            "  p: {charts: '*', why: w, features-: [plain]}",
            "matrix.yaml:22:40: patch 'p': each of its 3 charts lacks feature 'plain'"
            " [E-PATCH-FEATURE]\n"
            "      p: {charts: '*', why: w, features-: [plain]}\n"
            "                                           ^\n"
            "  hint: known: core, more",
        ),
        (
            "  p: {charts: recpe=big, why: w}",
            "matrix.yaml:22:7: patch 'p': 'recpe=big' selects by nothing known [E-PATCH-SELECTOR]\n"
            "      p: {charts: recpe=big, why: w}\n"
            "          ^\n"
            "  hint: did you mean recipe?",
        ),
        (
            "  p: {charts: '*'}",
            "matrix.yaml:22:3: patches.p lacks 'why'\n      p: {charts: '*'}\n      ^",
        ),
        (
            "  p: {charts: '*', why: w, values: {size.limit: {default: 1Gi}}}\n"
            "  q: {charts: old, why: w, values: {size.limit: {default: 2Gi}}}",
            "matrix.yaml:23:37: patches 'p' and 'q' say otherwise of old: size.limit.default"
            " [E-PATCH-AMBIGUOUS]\n"
            "      q: {charts: old, why: w, values: {size.limit: {default: 2Gi}}}\n"
            "                                        ^\n"
            "  hint: `override: true` in q, if it is to count; the other one is at"
            " matrix.yaml:22:3",
        ),
    ],
)
def test_a_patch_that_does_nothing_or_too_much(shop: Folder, patches: str, message: str) -> None:
    assert refused(shop, f"{patches}\n") == message
