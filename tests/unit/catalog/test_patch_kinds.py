"""Patches of images, recipes and features, and what patches of charts change beside values."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from builder.catalog.evaluation import Evaluated, evaluated
from builder.charts.next_version import check_charts
from builder.common.errors import BuilderError
from builder.lock.accepted import accepted_patches, changes_of_patches
from builder.lock.lockfile import Lock
from builder.lock.pinned import AcceptedPatch
from tests.fakes.small_catalog import MATRIX, catalog_of, folders, rendered, with_patches


def cells(found: Evaluated, image: str) -> list[str]:
    """The values of each variant of an image."""
    return [",".join(item.values.values()) for item in found.expansion.variants[image]]


@pytest.mark.parametrize(
    ("kind", "selector", "names"),
    [
        ("images", "'*'", "base speech desk tray"),
        ("images", "lang=1.9", "speech desk"),
        ("images", "'has:lang, not desk'", "speech"),
        ("images", "charted", "desk tray"),
        ("images", "'offered, not charted'", "base speech"),
        ("images", "recipe=tray", "tray"),
        ("images", "from-catalog=shop\n    except: [base, has:lang]", "tray"),
        ("recipes", "[base, d*]", "base desk"),
        ("recipes", "feature=more", "desk tray"),
        ("features", "value=most", "more"),
        ("features", "from-catalog=shop", "core more plain broken"),
    ],
)
def test_what_a_selector_of_each_kind_picks(kind: str, selector: str, names: str) -> None:
    found = with_patches(f"  p:\n    {kind}: {selector}\n    why: w")
    assert " ".join(found.matrix.matched["p"]) == names


LINE = "tray: {recipe: big, image: tray"


def test_the_line_of_a_chart_describes_a_value_after_all_patches() -> None:
    said = "size.limit: {default: 5Gi, title: Line, text: null}, size.is: false"
    matrix = MATRIX.replace(LINE, f"{LINE}, values: {{{said}}}")
    patch = (
        "  p: {charts: '*', why: w, values: {size.limit: {default: 3Gi, title: P, pattern: Gi}}}"
    )
    found = with_patches(patch, matrix)
    values = rendered(found, "tray")["values.yaml"].decode()
    assert 'limit: "5Gi"' in values
    assert "is: false" in values
    size = json.loads(rendered(found, "tray")["values.schema.json"])["properties"]["size"]
    limit = size["properties"]["limit"]
    assert (limit["title"], limit["pattern"], "description" in limit) == ("Line", "Gi", False)
    assert 'limit: "3Gi"' in rendered(found, "new")["values.yaml"].decode()


def test_the_line_of_a_chart_moves_a_value() -> None:
    matrix = MATRIX.replace(LINE, f"{LINE}, values: {{most: {{path: disk.most}}}}")
    files = rendered(evaluated(folders(matrix), []), "tray")
    assert b"disk:" in files["values.yaml"]


def test_what_the_line_of_a_chart_cannot_say_of_a_value() -> None:
    matrix = MATRIX.replace(LINE, f"{LINE}, values: {{size.limit: {{defualt: 5Gi}}}}")
    with pytest.raises(BuilderError) as caught:
        evaluated(folders(matrix), [])
    assert str(caught.value) == (
        "matrix.yaml:13:58: unknown key 'defualt'\n"
        "      tray: {recipe: big, image: tray, values: {size.limit: {defualt: 5Gi}}}\n"
        "                                                             ^\n"
        "  hint: did you mean default?"
    )


def test_an_image_keeps_fewer_variants() -> None:
    found = with_patches(
        "  p: {images: has:lang, why: w, only: {lang: ['>= 1.9']}}\n"
        "  q: {images: '*', why: w, only: {lang: [first]}, exclude+: [{os: '1', lang: first}]}"
    )
    assert cells(found, "desk") == ["2,1.10"]
    assert cells(found, "tray") == ["2", "1"]
    assert [item.values["lang"] for item in found.expansion.charts["new"]] == ["1.10"]


def test_first_is_the_first_that_the_image_has() -> None:
    text = MATRIX.replace(
        "desk: {from: speech}", "desk: {from: speech, only: {lang: ['1.9', '1.8']}}"
    )
    text = text.replace(", only: {lang: [first]}", "")
    found = with_patches("  p: {images: desk, why: w, only: {lang: [first]}}", text)
    assert cells(found, "desk") == ["2,1.9", "1,1.9"]
    assert len(cells(found, "speech")) == 6


def test_the_line_of_an_image_is_changed() -> None:
    found = with_patches(
        "  o: {images: '*', why: w, only: {lang: [first]}}\n"
        "  p: {images: 'not desk, not tray', why: w, publish: false, untagged+: [lang], lock: own,"
        " platforms: [linux/amd64], hold: {reason: r, until: 2030-01-01, apt: {tar: '< 2'}}}"
    )
    image = found.matrix.images["speech"]
    assert (image.publish, image.untagged, image.lock, image.platforms) == (
        False, ("lang",), "own", ("linux/amd64",),
    )  # fmt: skip
    assert image.pin is not None
    assert image.pin.packages == {"apt": {"tar": "< 2"}}
    assert found.matrix.images["desk"].publish


def test_a_recipe_is_changed() -> None:
    found = with_patches(
        "  p:\n    recipes: [desk, tray]\n    why: w\n"
        "    packages+: {apt: [tar, lamp], npm: [pen]}\n    packages-: {apt: [desk]}\n"
        "    when:\n      os=1: {packages+: {apt: [shelf]}, budget: 2 MB}\n"
        "      lang: {packages: {apt: [ink]}}\n"
        "    budget: 5 MB\n    ports: [9000]\n    command: [desk, --wide]\n    needs: [os]\n"
        "    unreproducible: {/var/log: null, /tmp: it is for a moment}\n"
        "    env: {LAMP: null, INK: blue}"
    )
    desk = found.recipes["desk"]
    assert desk.packages == {"apt": ("tar", "lamp"), "npm": ("pen",)}
    assert [(item.condition, dict(item.packages), item.budget) for item in desk.when] == [
        ("os=1", {"apt": ("legs", "shelf")}, 2_000_000), ("lang", {"apt": ("ink",)}, 0),
    ]  # fmt: skip
    assert (desk.budget, desk.ports, desk.command, desk.needs) == (
        5_000_000, (9000,), ("desk", "--wide"), ("os",),
    )  # fmt: skip
    assert desk.unreproducible == {"/tmp": "it is for a moment"}
    assert desk.env == {"INK": "blue"}
    assert found.recipes["tray"].packages["apt"] == ("tar", "lamp")
    assert found.recipes["base"].packages == {"apt": ("tar", "grep")}


def test_a_condition_of_a_recipe_is_taken_away() -> None:
    found = with_patches("  p: {recipes: desk, why: w, when: {os=1: null}}")
    assert found.recipes["desk"].when == ()


def test_a_feature_is_changed_for_all_charts_that_have_it() -> None:
    found = with_patches(
        "  p:\n    features: more\n    why: w\n    summary: Much more\n"
        "    values: {most: {default: 5Gi, title: L}}"
    )
    values = rendered(found, "tray")["values.yaml"].decode()
    assert 'limit: "5Gi"' in values
    assert "Much more" in rendered(found, "new")["README.md"].decode()


def test_a_chart_offers_fewer_variants_and_says_other_things_of_itself() -> None:
    found = with_patches(
        "  p: {charts: '*', why: w, only: {os: ['2']}, head: {title: Bord, home: https://a.org,"
        " keywords+: [bord], sources: [https://b.org], description: Et bord}}\n"
        "  q: {charts: new, why: w, override: true, head: {title: Nytt}}",
        MATRIX.replace("desk: {image: desk}", "desk: {image: desk, head: {description: Mine}}"),
    )
    assert [item.values["os"] for item in found.expansion.charts["tray"]] == ["2"]
    assert len(cells(found, "tray")) == 2
    about = rendered(found, "desk")["Chart.yaml"].decode()
    assert 'description: "Mine"\nicon: "https://example.org/pictures/desk.svg"\n' in about
    assert 'home: "https://a.org"\nsources:\n  - "https://b.org"\n' in about
    assert 'keywords:\n  - "wood"\n  - "bord"\n' in about
    assert json.loads(rendered(found, "new")["values.schema.json"])["title"] == "Nytt"


def test_a_value_is_taken_away_where_no_template_reads_it() -> None:
    found = with_patches("  p: {features: more, why: w, values: {size.limit: null}}")
    with pytest.raises(BuilderError) as caught:
        rendered(found, "new")
    assert str(caught.value) == (
        "matrix.yaml:15:40: value size.limit cannot be removed:"
        " charts/features/more/templates/more.yaml:2 reads it [E-VALUE-READ]\n"
        "      p: {features: more, why: w, values: {size.limit: null}}\n"
        "                                           ^\n"
        "  hint: hide it: `onyxia+: {hidden: true}`"
    )
    assert rendered(found, "desk")


def test_a_value_moves_with_the_templates_that_read_it() -> None:
    found = with_patches(
        "  p: {charts: '*', why: w, values: {size.limit: {path: storage.most, default: 3Gi}}}\n"
        "  q: {charts: '*', why: w, values: {size.limit: {text: All of it}}}"
    )
    files = rendered(found, "new")
    assert ".Values.storage.most | quote" in files["templates/more.yaml"].decode()
    assert 'most: "3Gi"' in files["values.yaml"].decode()
    moved = json.loads(files["values.json"])["former"]
    assert [(item["from"], item["to"]) for item in moved] == [
        (["most"], ["storage", "most"]), (["size", "limit"], ["storage", "most"]),
    ]  # fmt: skip
    assert "All of it" in files["values.schema.json"].decode()


def test_an_error_of_a_chart_names_the_patches_that_change_it() -> None:
    found = with_patches("  p: {charts: new, why: w, features+: [broken]}")
    errors = check_charts(catalog_of(found), ["desk", "new"])
    assert [str(error) for error in errors] == [
        "charts/features/broken/templates/broken.yaml:1:16: the template reads .Values.lamp.on,"
        " which no feature declares\n"
        "    on: {{ .Values.lamp.on }}\n"
        "                   ^\n"
        "  hint: known: image.version, size.limit, size.is; what changes new: patch 'p'"
    ]


def test_what_is_mirrored_is_narrowed_and_never_built_into() -> None:
    text = MATRIX.replace(
        "images:\n",
        "  db:\n    '2': {sources: [{image: example.org/db}]}\n"
        "    '1': {sources: [{image: example.org/db}]}\n"
        "images:\n  store: {upstream: db, axes: [db], recipe: tray}\n",
    )
    narrowed = "  p: {images: store, why: w, only: {db: [first]}, untagged+: [db], pin: null}\n"
    found = with_patches(narrowed + "  q: {recipes: tray, why: w, ports: [27017]}", text)
    assert cells(found, "store") == ["2"]
    assert found.recipes["tray"].ports == (27017,)
    with pytest.raises(BuilderError) as caught:
        with_patches("  p: {recipes: tray, why: w, packages+: {apt: [joe]}}", text)
    assert str(caught.value) == (
        "matrix.yaml:19:7: patch 'p' changes what is built into images that are mirrored as they"
        " are [E-PATCH-VALUE]\n"
        "      p: {recipes: tray, why: w, packages+: {apt: [joe]}}\n"
        "          ^"
    )


PATCHES = (
    "  a: {images: '*', why: w, only: {lang: [first, '1.9']}}\n",
    "  b: {images: desk, why: w, only: {os: [first]}}\n",
    "  c: {recipes: '*', why: w, packages+: {apt: [lamp]}}\n",
    "  d: {charts: '*', why: w, values: {size.limit: {path: storage.most}}}\n",
    "  e: {features: more, why: w, values: {size.limit: {default: 7Gi}}}\n",
    "  f: {charts: new, why: w, features+: [plain], values: {size.limit: {title: Limit}}}\n",
)


def test_the_order_of_patches_that_change_different_things_does_not_matter() -> None:
    def outcome(patches: tuple[str, ...]) -> object:
        found = with_patches("".join(patches))
        return (
            found.expansion.variants,
            found.recipes,
            {name: rendered(found, name) for name in ("desk", "new", "tray")},
        )

    first = outcome(PATCHES)
    for order in itertools.islice(itertools.permutations(PATCHES), 0, None, 61):
        assert outcome(order) == first


@pytest.mark.parametrize(
    ("patches", "message"),
    [
        (
            "  p: {images: dsk, why: w}",
            "matrix.yaml:15:7: patch 'p' selects no image [E-PATCH-NOTHING]\n"
            "      p: {images: dsk, why: w}\n"
            "          ^\n"
            "  hint: did you mean desk?",
        ),
        (
            "  p: {recipes: '*', why: w, expect: '3'}",
            "matrix.yaml:15:29: patch 'p' selects 4 recipes, and expects 3 [E-PATCH-EXPECT]\n"
            "      p: {recipes: '*', why: w, expect: '3'}\n"
            "                                ^\n"
            "  hint: it selects base, speech, desk and tray",
        ),
        (
            "  p: {images: '*', why: w, values: {size.limit: {default: 1}}}",
            "matrix.yaml:15:28: patch 'p': 'values' is for charts, and it selects images"
            " [E-PATCH-SCOPE]\n"
            "      p: {images: '*', why: w, values: {size.limit: {default: 1}}}\n"
            "                               ^\n"
            "  hint: a patch of images has top+, top-, only, exclude+, publish, pin, platforms,"
            " untagged+, lock",
        ),
        (
            "  p: {images: '*', charts: '*', why: w}",
            "matrix.yaml:15:7: patch 'p' selects both charts and images [E-PATCH-SCOPE]\n"
            "      p: {images: '*', charts: '*', why: w}\n"
            "          ^\n"
            "  hint: a patch selects one kind of objects: write one for each kind",
        ),
        (
            "  p: {why: w}",
            "matrix.yaml:15:3: patch 'p' selects none of charts, images, recipes and features"
            " [E-PATCH-SCOPE]\n"
            "      p: {why: w}\n"
            "      ^\n"
            "  hint: a patch selects one kind of objects: write one for each kind",
        ),
        (
            "  p: {recipes: lang=1.9, why: w}",
            "matrix.yaml:15:7: patch 'p': 'lang=1.9' selects by nothing known [E-PATCH-SELECTOR]\n"
            "      p: {recipes: lang=1.9, why: w}\n"
            "          ^\n"
            "  hint: known: feature, from-catalog",
        ),
        (
            "  p: {images: [base, tray], why: w, only: {lang: [first]}}",
            "matrix.yaml:15:44: patch 'p': none of its 2 images has axis lang [E-PATCH-VALUE]\n"
            "      p: {images: [base, tray], why: w, only: {lang: [first]}}\n"
            "                                               ^\n"
            "  hint: there is os",
        ),
        (
            "  p: {images: '*', why: w, only: {lang: [fist]}}",
            "matrix.yaml:15:42: patch 'p': axis lang has no value 'fist' [E-NAME-UNKNOWN]\n"
            "      p: {images: '*', why: w, only: {lang: [fist]}}\n"
            "                                             ^\n"
            "  hint: did you mean first?",
        ),
        (
            "  p: {images: desk, why: w, only: {lang: ['1.9', '>= 3']}}",
            "matrix.yaml:15:50: patch 'p': this matches no target of what it selects"
            " [E-PATCH-VALUE]\n"
            "      p: {images: desk, why: w, only: {lang: ['1.9', '>= 3']}}\n"
            "                                                     ^\n"
            "  hint: take it out of this list",
        ),
        (
            "  p: {images: desk, why: w, publish: false}",
            "matrix.yaml:15:29: patch 'p': charts offer desk, which must be published"
            " [E-PATCH-VALUE]\n"
            "      p: {images: desk, why: w, publish: false}\n"
            "                                ^\n"
            "  hint: desk and new would name what is not there",
        ),
        (
            "  p: {recipes: base, why: w, packages+: {apt: [tar]}}",
            "matrix.yaml:15:48: patch 'p': each of its 1 recipe has 'tar' of apt already"
            " [E-PATCH-PACKAGE]\n"
            "      p: {recipes: base, why: w, packages+: {apt: [tar]}}\n"
            "                                                   ^",
        ),
        (
            "  p: {recipes: base, why: w, packages-: {apt: [tarr]}}",
            "matrix.yaml:15:48: patch 'p': none of its 1 recipe has 'tarr' of apt"
            " [E-PATCH-PACKAGE]\n"
            "      p: {recipes: base, why: w, packages-: {apt: [tarr]}}\n"
            "                                                   ^\n"
            "  hint: did you mean tar?",
        ),
        (
            "  p: {recipes: base, why: w, needs: [lang]}",
            "matrix.yaml:15:38: patch 'p': recipe base is that of image base, without lang"
            " [E-PATCH-VALUE]\n"
            "      p: {recipes: base, why: w, needs: [lang]}\n"
            "                                         ^\n"
            "  hint: select only recipes of images that have lang",
        ),
        (
            "  p: {recipes: '*', why: w, budget: 5 MB}\n  q: {recipes: desk, why: w, budget: 6 MB}",
            "matrix.yaml:16:30: patches 'p' and 'q' say otherwise of desk: budget"
            " [E-PATCH-AMBIGUOUS]\n"
            "      q: {recipes: desk, why: w, budget: 6 MB}\n"
            "                                 ^\n"
            "  hint: `override: true` in q, if it is to count; the other one is at"
            " matrix.yaml:15:3",
        ),
        (
            "  p: {features: more, why: w, values: {size.limt: {default: 1}}}",
            "matrix.yaml:15:40: patch 'p': none of its 1 feature has a value size.limt"
            " [E-PATCH-VALUE]\n"
            "      p: {features: more, why: w, values: {size.limt: {default: 1}}}\n"
            "                                           ^\n"
            "  hint: did you mean size.limit or size.is or size?",
        ),
        (
            "  p: {charts: new, why: w, values: {size.limit: {path: size.is}}}",
            "matrix.yaml:15:50: patch 'p': new has a value size.is already [E-PATCH-VALUE]\n"
            "      p: {charts: new, why: w, values: {size.limit: {path: size.is}}}\n"
            "                                                     ^",
        ),
    ],
)
def test_a_patch_that_does_nothing_or_the_wrong_thing(patches: str, message: str) -> None:
    with pytest.raises(BuilderError) as caught:
        with_patches(patches)
    assert caught.value.exit_code == 2
    assert str(caught.value) == message


def since(accepted: str, patch: str) -> Evaluated:
    """The catalog with patch `p`, which selected these names when the catalog was locked."""
    read = folders(f"{MATRIX}patches:\n{patch}\n")
    return evaluated(replace(read, accepted={"p": accepted.split()}), [])


def test_a_patch_that_selects_more_than_when_it_was_locked_is_noted() -> None:
    patch = "  p: {charts: '*', why: w, features+: [plain]}"
    assert since("desk new tray gone", patch).notes == ()
    assert since("desk", patch).notes == (
        "note: matrix.yaml:15:3: patch 'p' selects 2 charts more than when it was locked:"
        " new and tray; `builder lock` accepts that",
    )


@pytest.mark.parametrize(
    ("patch", "end"),
    [
        (
            "  p: {charts: '*', why: w, expect: '2'}",
            "  hint: tray came and old went since it was locked; it selects desk, new and tray",
        ),
        (
            "  p: {charts: from-catalog=old, why: w}",
            "  hint: desk, new and old went since it was locked; `expect: 0+` allows that",
        ),
    ],
)
def test_what_came_or_went_since_the_lock_is_named(patch: str, end: str) -> None:
    with pytest.raises(BuilderError) as caught:
        since("desk new old", patch)
    assert str(caught.value).endswith(end)


def test_what_a_patch_did_is_told_by_names_and_a_hash() -> None:
    def did(text: str) -> Mapping[str, AcceptedPatch]:
        return accepted_patches(with_patches(text).matrix)

    first = did("  p: {charts: [new, desk], why: w, values: {size.limit: {default: 5Gi}}}")
    assert (first["p"].matched, first["p"].names) == (2, ("desk", "new"))
    same = "  p: {charts: '*', why: other, values: {size.limit: {default: 5Gi}}}"
    assert did(same)["p"].hash == first["p"].hash
    other = with_patches("  p: {charts: [new, tray], why: w, values: {size.limit: {default: 6Gi}}}")
    assert changes_of_patches(Lock(patches=first), other.matrix) == [
        "patch p selects tray, too, and selects desk no more, and does something else: accepted"
    ]
    assert changes_of_patches(Lock(patches=accepted_patches(other.matrix)), other.matrix) == []
