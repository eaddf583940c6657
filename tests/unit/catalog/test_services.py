"""services.yaml: its rows, the features that they are, and who takes them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from builder.catalog.models import Catalog
from builder.catalog.parser import parse_services
from builder.catalog.services import ServiceTable, chosen
from builder.charts.onyxia.rules_manifests import DISCOVERED
from tests.fakes.this_catalog import this_catalog

ROOT = Path(__file__).parents[3]
FILE = "charts/features/discovery/services.yaml"
ROW = "services:\n  clock:\n    title: Clock\n    needs: [clock-host]\n"
HOLE = re.compile(r"\{([^{}:>]+)[^{}]*\}")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """This catalog."""
    return this_catalog().catalog


@pytest.fixture(scope="module")
def table() -> ServiceTable:
    """Its table."""
    parsed, errors = parse_services((ROOT / FILE).read_text(), FILE)
    assert errors == ()
    assert parsed is not None
    return parsed


def wrong(text: str) -> str:
    parsed, errors = parse_services(text, FILE)
    assert parsed is None
    return "\n".join(map(str, errors))


def test_a_row_says_what_is_needed() -> None:
    assert wrong("services: {clock: {title: Clock}}\n").startswith(
        f"{FILE}:1:12: services.clock lacks 'needs'\n"
    )


def test_a_key_that_no_row_has() -> None:
    assert wrong(ROW + "    publish: {}\n") == (
        f"{FILE}:5:5: unknown key 'publish'\n        publish: {{}}\n        ^\n"
        "  hint: did you mean publishes?"
    )


def test_a_value_is_what_a_template_can_read() -> None:
    assert "value" in wrong(ROW + "    value: label-studio\n")


def test_a_row_whose_name_no_template_can_read_needs_another() -> None:
    _, errors = parse_services(ROW.replace("clock:", "wall-clock:"), FILE)
    assert "\n".join(map(str, errors)) == (
        f"{FILE}:2:3: a template cannot read discovery.wall-clock\n      wall-clock:\n      ^\n"
        "  hint: give the row a `value` of letters and digits, e.g. labelStudio"
    )


def test_a_text_with_two_braces_is_none() -> None:
    _, errors = parse_services(ROW + '    variables: {CLOCK: "{{host}}"}\n', FILE)
    assert "\n".join(map(str, errors)) == (
        f"{FILE}:2:3: a text of clock has {{{{\n      clock:\n      ^\n"
        "  hint: a hole has one brace: {key}"
    )


def test_each_row_reads_what_the_same_row_publishes(table: ServiceTable) -> None:
    """But for what charts of others publish beside that."""
    of_others = {
        "CHROMA_AUTH_SECRET", "mongodb-rootPassword", "opensearch-schema", "elastic-schema",
    }  # fmt: skip
    for service in table.services:
        entries = service.file.entries if service.file else {}
        texts = [text for several in (*service.variables.values(), *entries.values())
                 for text in several]  # fmt: skip
        read = {key for text in texts for key in HOLE.findall(text) if not key.startswith("@")}
        assert read - of_others <= set(service.publishes), service.name
        assert set(service.needs) <= read, service.name
        assert set(service.raw) <= set(service.publishes), service.name


def test_a_check_of_charts_knows_each_service(table: ServiceTable) -> None:
    assert {service.name for service in table.services} == set(DISCOVERED)


def test_an_image_takes_the_services_of_its_languages(catalog: Catalog) -> None:
    def takes(image: str) -> set[str]:
        names = chosen(catalog.features.values(), catalog.matrix.axes_of(image))
        return {name.removesuffix("-client") for name in names}

    everyone = {"postgresql", "mariadb", "mongodb", "trino", "hive", "valkey", "argoWorkflows"}
    with_r = everyone | {"mlflow", "opensearch", "elastic", "sparkThriftServer", "neo4j"}
    assert takes("julia-minimal") == everyone
    assert takes("rstudio") == with_r
    assert takes("rstudio-sparkr") == with_r | {"kafka"}
    assert takes("jupyter-python") == takes("rstudio-r-python-julia")
    assert takes("jupyter-python") == {
        name.removesuffix("-client") for name in catalog.features if name.endswith("-client")
    }
