"""Ids: composed and read in one place."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import builder
from builder.catalog.ids import BaseId, TargetId, ValueId, VariantId
from builder.plan.step_id import StepId

BUILDER = Path(builder.__file__).parent
IDS = {"catalog/ids.py", "plan/step_id.py"}
OWNERS = (
    "app", "build", "catalog", "ci", "cli", "diff", "export", "lock", "plan", "release", "report",
)  # fmt: skip
"""The packages that have ids in hand. Others read references, addresses and files of others."""
KINDS = ("base:", "build:", "cell:", "chart:", "test:", "verify:")
OTHER_TEXTS = {
    ("app/first_catalog.py", "/"): "the host of a registry",
    ("build/handed_over.py", "/"): "the path of a file",
    ("catalog/matrix.py", "/"): "the path of a URL",
    ("catalog/own_places.py", ":"): "the name of a file of another catalog",
    ("catalog/package_shape.py", ":"): "a digest",
    ("catalog/package_shape.py", "/"): "the path of a file",
    ("catalog/packages.py", ":"): "a digest",
    ("catalog/packages.py", "/"): "the path of a file",
    ("catalog/recipe.py", "/"): "a platform, the path of a URL",
    ("catalog/schema_check.py", "/"): "the name of a definition in a schema",
    ("catalog/selection.py", "="): "a term that somebody typed",
    ("catalog/shared_changes.py", "="): "a term of a selector",
    ("ci/github.py", "@"): "a reference with a digest",
    ("ci/gitlab.py", "@"): "a reference with a digest",
    ("ci/gitlab_schema.py", "="): "a key with a word",
    ("cli/init.py", "/"): "the host of a registry",
    ("cli/options.py", "="): "a name and a folder that somebody typed",
    ("diff/compare.py", "@"): "a package of npm",
    ("diff/used_names.py", "="): "a term of a selector",
    ("export/tree.py", "/"): "a platform",
    ("export/tree.py", "@"): "a reference with a digest",
    ("lock/fit.py", "="): "a package of apt with its version",
    ("lock/package_lists.py", "="): "a package of apt with its version",
    ("lock/package_lists.py", "/"): "a file of Julia",
    ("release/prune/search.py", ":"): "a reference with a tag",
    ("report/prune.py", "@"): "a reference with a digest",
    ("report/release.py", "/"): "the name of a repository",
}


def test_a_target_on_the_default_platform_and_on_another() -> None:
    variant = VariantId.of("desk", {"os": "2", "lang": "1.9"})
    assert variant == "desk/os=2,lang=1.9"
    assert (variant.image, variant.values) == ("desk", ("os=2", "lang=1.9"))
    plain, other = TargetId.of(variant), TargetId.of(variant, "linux/arm64")
    assert (plain, plain.variant, plain.platform) == (variant, variant, "")
    assert other == "desk/os=2,lang=1.9@linux/arm64"
    assert (other.variant, other.platform, other.image) == (variant, "linux/arm64", "desk")


def test_a_base_and_its_value() -> None:
    base = BaseId.of("os", "2", "linux/amd64")
    assert base == "os=2@linux/amd64"
    assert (base.value, base.value.axis, base.value.value) == ("os=2", "os", "2")
    assert (ValueId("os").axis, ValueId("os").value) == ("os", "")


def test_what_is_under_the_top_of_an_image() -> None:
    target = TargetId("desk/os=2@linux/arm64")
    under, trusting = target.under(), target.under("trust")
    assert (under, trusting) == ("desk/os=2@linux/arm64~", "desk/os=2@linux/arm64~trust")
    assert [item.is_under for item in (target, under, trusting)] == [False, True, True]
    assert [item.last_top for item in (target, under, trusting)] == ["", "", "trust"]
    assert {item.offered for item in (target, under, trusting)} == {target}
    assert {(item.variant, item.platform) for item in (target, under, trusting)} == {
        ("desk/os=2", "linux/arm64")
    }
    assert [item.on_any_platform for item in (target, under, trusting)] == [
        "desk/os=2", "desk/os=2~", "desk/os=2~trust",
    ]  # fmt: skip


def test_a_step() -> None:
    step = StepId.of("build", "desk/os=2@linux/arm64")
    assert step == "build:desk/os=2@linux/arm64"
    assert (step.kind, step.target) == ("build", "desk/os=2@linux/arm64")
    release = StepId.of("release")
    assert (release, release.kind, release.target) == ("release", "release", "")


def test_what_is_no_id_has_no_parts() -> None:
    assert VariantId("").values == ()
    assert TargetId("").image == ""


def test_an_id_is_a_text_where_it_is_written() -> None:
    assert json.dumps({TargetId("a/b=1"): StepId("release")}) == '{"a/b=1": "release"}'


def faults(path: str, tree: ast.AST) -> Iterator[str]:
    """Return what composes an id, or takes one apart."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="partition" | "rpartition" | "split" | "rsplit"),
                args=[ast.Constant(value="@" | "=" | ":" | "/" as sign), *_],
            ) if (path, sign) not in OTHER_TEXTS:
                yield f"{path}:{node.lineno}: taken apart at {sign!r}"
            case ast.JoinedStr(
                values=[
                    ast.FormattedValue(),
                    ast.Constant(value="=" | "@" as sign),
                    ast.FormattedValue(),
                ]
            ) if (path, sign) not in OTHER_TEXTS:
                yield f"{path}:{node.lineno}: composed"
            case ast.JoinedStr(values=[ast.Constant(value=kind), ast.FormattedValue(), *_]) if (
                kind in KINDS
            ):
                yield f"{path}:{node.lineno}: composed"


def test_nobody_else_composes_or_splits_an_id() -> None:
    found = []
    for package in OWNERS:
        for file in sorted((BUILDER / package).rglob("*.py")):
            path = file.relative_to(BUILDER).as_posix()
            if path not in IDS:
                found += faults(path, ast.parse(file.read_text(encoding="utf-8")))
    assert found == []


@pytest.mark.parametrize(
    "source",
    ['x.partition("@")', 'x.split("=", 1)', 'f"{a}={b}"', 'f"{a}@{b}"', 'f"build:{a}"'],
)
def test_it_is_found(source: str) -> None:
    assert list(faults("plan/x.py", ast.parse(source)))
