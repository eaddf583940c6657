"""The decisions of a real copied catalog, said on top of the original: each is in the charts."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from builder.app.load import load
from builder.charts.next_version import files_of
from builder.common.safe_yaml import SafeYaml
from builder.project import Project
from tests.fakes.archive import CATALOGS, OLD_CATALOG

pytestmark = pytest.mark.slow
FOLDER = CATALOGS / "platform"
REGISTRY = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
OWN = ("trade-tool", "spark-connect")


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the table: how many decisions it is, and the value that it is about."""

    number: int
    path: str
    attribute: str
    value: str
    by: str

    @property
    def is_carried(self) -> bool:
        """Whether a line of the matrix says it."""
        return not self.by.startswith("not carried: ")


def rows(heading: str) -> list[Row]:
    """The rows of one table of the page."""
    page = (FOLDER / "decisions.md").read_text()
    section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = []
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0].isdecimal():
            path, *rest = cells[1:]
            attribute = rest.pop(0).strip("`") if len(rest) == 3 else "default"
            row = Row(number=int(cells[0]), path=path.strip("`"), attribute=attribute,
                      value=rest[0].strip("`"), by=rest[1])  # fmt: skip
            found.append(row)
    return found


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The replayed catalog."""
    root = tmp_path_factory.mktemp("replayed") / "platform"
    shutil.copytree(FOLDER, root)
    text = (FOLDER / "replayed.yaml").read_text()
    (root / "matrix.yaml").write_text(text.replace("../70c7114", str(OLD_CATALOG)))
    return load(root)


@pytest.fixture(scope="module")
def schemas(project: Project) -> dict[str, Any]:
    """The schema of the values of each chart of the original that is kept."""
    found = {}
    for name in project.expansion.charts:
        if name not in OWN:
            chart = project.catalog.matrix.charts[name]
            images = [
                f"{project.catalog.matrix.repository_of(chart.image)}:{'-'.join(item.values.values())}"
                for item in project.expansion.charts[name]
            ]
            files = files_of(project.catalog, name, images, "1.0.0")
            found[name] = json.loads(files["values.schema.json"])
    return found


def at(schema: Any, path: str) -> Any:
    """The description of a value in a schema."""
    for key in path.split("."):
        schema = schema["properties"][key]
    return schema


def names_in(text: str) -> Iterator[str]:
    """The keys of matrix.yaml that a cell names."""
    yield from re.findall(r"`([a-z.-]+)`", text)


def test_the_matrix_is_short_and_the_page_counts_what_the_evidence_does() -> None:
    lines = (FOLDER / "replayed.yaml").read_text().splitlines()
    assert len([line for line in lines if line.strip()]) == 38
    added, changed = rows("Added values"), rows("Changed values")
    assert (sum(row.number for row in added), sum(row.number for row in changed)) == (37, 44)
    carried = sum(row.number for row in (*added, *changed) if row.is_carried)
    assert carried == 78
    assert len({(row.path, row.attribute) for row in (*added, *changed)}) == len(added + changed)


def test_the_lines_that_carry_a_decision_are_there() -> None:
    data = SafeYaml().load((FOLDER / "replayed.yaml").read_text())
    for row in (*rows("Added values"), *rows("Changed values")):
        for name in names_in(row.by) if row.is_carried else ():
            found = data
            for key in name.split("."):
                found = found[key]


def test_each_value_that_was_added_is_in_all_charts(schemas: dict[str, Any]) -> None:
    assert len(schemas) == 17
    for row in rows("Added values"):
        for name, schema in schemas.items() if row.is_carried else ():
            value = at(schema, row.path)
            if row.value == "a group":
                assert "properties" in value, (name, row.path)
            else:
                assert value["default"] == json.loads(row.value), (name, row.path)


def test_each_value_that_was_changed_is_so_in_all_charts(schemas: dict[str, Any]) -> None:
    for row in rows("Changed values"):
        for name, schema in schemas.items() if row.is_carried else ():
            found = at(schema, row.path)[row.attribute]
            if row.path.startswith("service.image"):
                images = found if isinstance(found, list) else [found]
                assert images
                assert all(image.startswith(f"{REGISTRY}/onyxia-") for image in images), name
                assert not [image for image in images if "3.11" in image], name
            else:
                assert found == json.loads(row.value), (name, row.path)


def test_what_is_no_value(project: Project, schemas: dict[str, Any]) -> None:
    hidden = [
        name for name, schema in schemas.items()
        if at(schema, "resources").get("x-onyxia", {}).get("hidden")
    ]  # fmt: skip
    assert len(hidden) == 10
    assert [name for name in project.expansion.charts if name not in schemas] == list(OWN)
    files = files_of(project.catalog, "rstudio", [f"{REGISTRY}/onyxia-rstudio:1"], "1.0.0")
    assert b"ApisixRoute" in files["templates/apisix.yaml"]
    assert b'(ne .Values.ingress.ingressClassName "apisix")' in files["templates/ingress.yaml"]
    assert "deux semaines" in files["templates/NOTES.txt"].decode()
