"""Catalogs of three organisations on top of an older catalog of this repository: what is counted.

Each is loaded once. What is `counted` are ids of targets, and names of charts.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import pytest

from builder.app.load import load
from builder.app.planning import fingerprints_of
from builder.app.value_origins import value_origins
from builder.catalog.ids import TargetId
from builder.charts.next_version import check_charts
from builder.lock.lockfile import Lock
from builder.project import Project, Workspace
from tests.fakes.archive import CATALOGS

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Read:
    """A catalog of these, and what is asked of it."""

    name: str

    @cached_property
    def project(self) -> Project:
        """All of it."""
        return load(CATALOGS / self.name)

    @property
    def lines(self) -> int:
        """The lines of its matrix.yaml that are not blank."""
        text = (CATALOGS / self.name / "matrix.yaml").read_text()
        return len([line for line in text.splitlines() if line.strip()])

    @cached_property
    def charts(self) -> tuple[str, ...]:
        """The charts that it offers."""
        return tuple(self.project.expansion.charts)

    @cached_property
    def prints(self) -> dict[str, str]:
        """The fingerprints of its targets."""
        found = fingerprints_of(self.project, self.project.lock or Lock())
        return {key: item.digest for key, item in found.items()}

    def changed(self, *attributes: str) -> dict[str, set[str]]:
        """The charts of which a patch changes one of these values, by value."""
        charts = self.project.catalog.matrix.charts
        return {
            path: {
                name for name in self.charts for item in charts[name].changes if item.path == path
            }
            for path in attributes
        }

    def named_by(self, charts: Collection[str]) -> set[str]:
        """The targets that these charts name."""
        members = self.project.expansion.members
        return {
            target
            for name in charts
            for variant in self.project.expansion.charts[name]
            for target in members[variant.id].values()
        }

    def below(self, targets: Collection[str]) -> set[str]:
        """The targets that these stand on and copy from, without themselves."""
        needs, found = self.project.expansion.needs, set[str]()
        waiting = list(targets)
        while waiting:
            for key in needs.get(waiting.pop(), ()):
                if key in self.project.expansion.targets and key not in found:
                    found.add(key)
                    waiting.append(key)
        return found - set(targets)


BELOW, OFFICE, PLATFORM, SCHOOL = map(Read, ("70c7114", "office", "platform", "school"))
OWN = {"office": {"metadata-editor", "seasonal"}, "platform": {"trade-tool", "spark-connect"}}


def test_the_office_is_short_and_renders() -> None:
    assert OFFICE.lines == 37
    assert len(BELOW.charts) == 27
    assert len(OFFICE.charts) == 24
    assert set(OFFICE.charts) - set(BELOW.charts) == OWN["office"]
    catalog = OFFICE.project.catalog
    assert check_charts(catalog, OFFICE.charts) == []
    assert catalog.matrix.repository_of("rstudio") == (
        "registry.statlab.example/images/statlab-rstudio"
    )


def test_the_values_of_the_office_reach_the_charts_that_have_them() -> None:
    found = OFFICE.changed(
        "ingress.ingressClassName", "ingress.useCertManager", "kubernetes.enabled",
        "persistence.size", "resources.limits.memory", "security.networkPolicy.enabled",
    )  # fmt: skip
    number = {path: len(charts - OWN["office"]) for path, charts in found.items()}
    assert number == {
        "ingress.ingressClassName": 21, "ingress.useCertManager": 21, "kubernetes.enabled": 20,
        "persistence.size": 22, "resources.limits.memory": 22,
        "security.networkPolicy.enabled": 22,
    }  # fmt: skip
    assert "postgresql" not in found["ingress.ingressClassName"]
    assert not {"postgresql", "mlflow"} & found["kubernetes.enabled"]


def test_nothing_of_the_catalog_below_is_built_for_the_office() -> None:
    """What charts name is the certificate, on what is below; that is as it was, to the byte."""
    targets = OFFICE.project.expansion.targets
    named = OFFICE.named_by(set(OFFICE.charts) - OWN["office"])
    assert len(named) == 47
    python = {key for key in named if targets[key].recipe == "statlab-python"}
    assert len(python) == 32
    assert {targets[key].recipe for key in named - python} == {"trust"}
    assert {targets[targets[key].parent].recipe for key in python} == {"trust"}
    below = {key for key in OFFICE.below(named) if targets[key].recipe != "trust"}
    assert len(below) == 47 + 51
    known = set(BELOW.prints.values())
    assert {OFFICE.prints[key] in known for key in below} == {True}
    built = {key for key in targets if OFFICE.prints[key] not in known}
    assert {targets[key].recipe for key in built} == {"trust", "statlab-python", *OWN["office"]}
    assert len(targets) - len(built) == len(BELOW.prints) == 154


def test_the_platform_is_short_and_its_patches_select_what_they_say() -> None:
    assert PLATFORM.lines == 29
    matrix = PLATFORM.project.catalog.matrix
    theirs = set(PLATFORM.charts) - OWN["platform"]
    features = {name: matrix.charts[name].features for name in theirs}
    assert len([name for name in theirs if "spark-connect" in features[name]]) == 14
    assert len([name for name in theirs if "apisix" in features[name]]) == 26
    found = PLATFORM.changed("resources.limits.cpu", "resources")
    assert len(found["resources.limits.cpu"] & theirs) == 27
    assert len(found["resources"]) == 7
    assert check_charts(PLATFORM.project.catalog, PLATFORM.charts) == []


def test_one_python_narrows_all_that_stands_on_it() -> None:
    def with_python(read: Read) -> set[str]:
        targets = read.project.expansion.targets.values()
        lineages = {item.id: read.project.expansion.lineage(item) for item in targets}
        return {
            key for key, lineage in lineages.items()
            if any(item.recipe == "python-minimal" for item in lineage)
        }  # fmt: skip

    assert len(with_python(BELOW)) == 62
    kept = with_python(PLATFORM)
    assert {TargetId(key).image for key in kept} >= {"jupyter-python", "vscode-python", "mlflow"}
    assert not [key for key in kept if "python=3.11" in key]
    assert not [key for key in kept if "debian=12" in key]  # it has no other Python


def test_the_school_offers_four_charts_and_builds_nothing() -> None:
    assert SCHOOL.lines == 33
    assert set(SCHOOL.charts) == {"notebook", "statistics-course", "rstudio", "postgresql"}
    assert check_charts(SCHOOL.project.catalog, SCHOOL.charts) == []
    targets = SCHOOL.project.expansion.targets
    named = SCHOOL.named_by(SCHOOL.charts)
    assert {targets[key].recipe for key in named} == {"trust"}
    below = {key for key in SCHOOL.below(named) if targets[key].recipe != "trust"}
    assert (len(named), len(below)) == (8, 28)
    theirs = set(OFFICE.prints.values())
    assert [key for key in targets if SCHOOL.prints[key] not in theirs] == []


def test_a_value_of_the_school_names_who_set_it() -> None:
    """The office's patch is off here, so the office has no part in it."""
    workspace = Workspace(SCHOOL.project.root)
    path = "charts.notebook.values.persistence.size.default"
    found = value_origins(workspace.files, SCHOOL.project.catalog, path)
    assert found.value == "5Gi"
    assert [item.catalog for item in found.origins] == ["upstream", "school"]
