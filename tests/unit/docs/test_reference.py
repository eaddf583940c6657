"""The reference pages of docs/ say what the code does: some are generated, others compared."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from builder.bump.outcome import PROPOSED
from builder.catalog.parser import (
    parse_chart,
    parse_feature,
    parse_matrix,
    parse_recipe,
    parse_upstream,
)
from builder.catalog.recipe import URL
from builder.charts.onyxia.check import ALL_RULES
from builder.ci.systems import CI_SYSTEMS
from builder.common import errors
from builder.common.version import VERSION
from builder.engines.table import ENGINES
from builder.lock import lockfile
from builder.network.build_env import mirror_names
from builder.plan import fingerprint_document, image_metadata
from builder.plan import models as plan
from builder.registry import release_record
from builder.report import diff, document, stacks
from builder.resolvers.ecosystems import ECOSYSTEMS
from builder.resolvers.providers import PROVIDERS
from tests.fakes.ecosystems import BUILT_IN
from tests.unit.docs import markdown, reference

DOCS = markdown.ROOT / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", reference.pages())
def test_the_committed_page_is_that_of_the_code(name: str) -> None:
    generated = reference.pages()[name]
    if os.environ.get("UPDATE_GOLDEN"):
        (DOCS / name).write_text(generated, encoding="utf-8")
    assert page(name) == generated, "run UPDATE_GOLDEN=1 pytest tests/unit/docs"


def test_a_page_does_not_depend_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("BUILDER_JOBS", "77")
    assert reference.commands_page() == page("commands.md")
    assert "Default: the number of processors." in page("commands.md")


def test_every_command_has_a_section_with_an_example() -> None:
    text = page("commands.md")
    for name, _ in list(reference.commands())[1:]:
        section = re.search(rf"^## {name}\n(.*?)(?=^## )", text, re.MULTILINE | re.DOTALL)
        assert section is not None, name
        assert section[1].count("```") == 4, f"{name} shows no example"


def test_the_examples_are_valid() -> None:
    matrix, problems = parse_matrix(reference.MATRIX_EXAMPLE, "matrix.yaml")
    assert matrix is not None
    assert problems == []
    axes = {name: tuple(axis.values()) for name, axis in _axes(matrix.matrix)}
    recipe, problems = parse_recipe(reference.RECIPE_EXAMPLE, "recipe.yaml", axes)
    assert recipe is not None
    assert problems == []
    chart, problems = parse_chart(reference.CHART_EXAMPLE, "chart.yaml")
    assert chart is not None
    assert problems == []
    upstream, problems = parse_upstream(reference.UPSTREAM_EXAMPLE, "upstream.yaml")
    assert upstream is not None
    assert problems == []
    feature, problems = parse_feature(reference.FEATURE_EXAMPLE, "feature.yaml")
    assert feature is not None
    assert problems == []


def _axes(matrix: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, values in matrix.axes.items():
        yield name, {value.name: value for value in values}


def test_every_exit_code_is_explained() -> None:
    def codes(kind: type[errors.BuilderError]) -> set[int]:
        return {kind.exit_code}.union(*(codes(below) for below in kind.__subclasses__()))

    rows = markdown.first_column(page("exit-codes.md"))
    explained = {int(row) for row in rows if row.isdecimal()}
    assert explained == {0, *codes(errors.BuilderError), PROPOSED, 130}


def test_the_table_of_providers_is_that_of_the_code() -> None:
    rows = (f"| `{name}` | {PROVIDERS.get(name).summary} |\n" for name in PROVIDERS.built_in)
    head, _, rest = page("providers.md").partition("|---|---|\n")
    generated = f"{head}|---|---|\n{''.join(rows)}\n{rest.partition(chr(10) * 2)[2]}"
    if os.environ.get("UPDATE_GOLDEN"):
        (DOCS / "providers.md").write_text(generated, encoding="utf-8")
    assert page("providers.md") == generated, "run UPDATE_GOLDEN=1 pytest tests/unit/docs"


def test_the_table_of_rules_is_that_of_the_code() -> None:
    rows = (
        f"| `{rule.id}` | {rule.severity} | {(rule.check.__doc__ or '').split(chr(10))[0]} |\n"
        for rule in ALL_RULES
    )
    head, _, rest = page("check-charts.md").partition("|---|---|---|\n")
    generated = f"{head}|---|---|---|\n{''.join(rows)}\n{rest.partition(chr(10) * 2)[2]}"
    if os.environ.get("UPDATE_GOLDEN"):
        (DOCS / "check-charts.md").write_text(generated, encoding="utf-8")
    assert page("check-charts.md") == generated, "run UPDATE_GOLDEN=1 pytest tests/unit/docs"


def test_every_ecosystem_is_listed() -> None:
    rows = markdown.first_column(page("ecosystems.md"))
    assert set(rows) - {"ecosystem", "---"} == {*ECOSYSTEMS.built_in, URL}


def test_the_page_on_pins_has_an_example_of_each_ecosystem_that_takes_them() -> None:
    text = page("pin-packages.md")
    taken = {name: rules.pins for name, rules in BUILT_IN.items() if rules.pins}
    assert markdown.first_column(text)[2:] == list(taken)
    for pins in taken.values():
        assert f"`{pins.example}`" in text


def test_every_source_that_may_have_a_mirror_is_listed() -> None:
    rows = markdown.first_column(page("network.md"))
    listed = {name for row in rows for name in row.split(", ")}
    assert listed - {"source"} == {*mirror_names(BUILT_IN)} | {"---"}


def test_every_dependency_is_listed() -> None:
    project = tomllib.loads((markdown.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = [*project["project"]["dependencies"]]
    for extra in project["project"]["optional-dependencies"].values():
        needed.extend(extra)
    listed = {
        name for row in markdown.first_column(page("dependencies.md")) for name in row.split(", ")
    }
    names = {match[0] for text in needed if (match := re.match(r"[\w.-]+", text))}
    assert names - listed == set()
    gone = {name for name in listed - names if re.fullmatch(r"[a-z][\w.-]*", name)}
    assert gone <= {"package"} | _programs(), "listed, and no longer needed"


def _programs() -> set[str]:
    """Return the first variants of the table of programs, which pip does not install."""
    _, _, rest = page("dependencies.md").partition("\n## Programs\n")
    return {name for row in markdown.first_column(rest) for name in row.split(", ")}


def test_the_page_on_engines_has_the_table_of_engines() -> None:
    section = page("platforms-and-engines.md").partition("## Engines")[2]
    assert markdown.first_column(section)[2:] == list(ENGINES.built_in)


def test_the_page_on_extensions_has_every_group_of_entry_points() -> None:
    section = page("extend.md").partition("## Add an engine")[0]
    tables = (ENGINES, ECOSYSTEMS, PROVIDERS, CI_SYSTEMS)
    assert {table.group for table in tables} <= set(markdown.first_column(section))


FORMATS = {
    "matrix.lock": lockfile.FORMAT,
    "release record": release_record.FORMAT,
    "image metadata": image_metadata.FORMAT,
    "fingerprint document": fingerprint_document.FORMAT,
    "plan": plan.FORMAT,
    "report.json": document.FORMAT,
    "difference": diff.FORMAT,
    "upstream difference": stacks.FORMAT,
}


def test_the_page_of_formats_has_the_numbers_of_the_code() -> None:
    text = page("formats.md")
    rows = re.findall(r"^\| \[(.+?)\]\(#\S+\) \| (\d+) \|", text, re.MULTILINE)
    assert {name: int(number) for name, number in rows} == FORMATS
    for name, number in FORMATS.items():
        _, _, section = text.partition(f"\n## {name if '.' in name else name.capitalize()}\n")
        history = re.findall(r"\*\*(\d+)\*\*:", section.partition("\n## ")[0])
        assert history == [str(one) for one in range(1, number + 1)], name
    assert f"this builder's {lockfile.FORMAT}\n  hint: this is builder {VERSION}:" in text


def test_the_changelog_begins_with_this_version() -> None:
    assert re.findall(r"^## (.*)$", page("changelog.md"), re.MULTILINE)[0] == VERSION
