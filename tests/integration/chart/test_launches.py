"""Launches as people make them: each value is taken, and acts or is named in the notes.

`LAUNCHES` names a file with more of them, as JSON: [{"chart": …, "patch": [[path, value], …]}, …].
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from builder.charts.helm import DryRun, Helm
from builder.charts.manifests import documents
from builder.charts.onyxia.chart_files import ChartFiles, read
from builder.charts.onyxia.context import SAMPLE
from builder.charts.onyxia.form import DELETED, form_errors, patched
from builder.charts.onyxia.launch import launch
from builder.common.mappings import mapping, merged

from .conftest import catalog, rendered, written

CASES = YAML(typ="safe").load(Path(__file__).with_name("launches.yaml"))
UNUSED = re.compile(r"^- `([^`]+)`", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Launched:
    """A chart, what a launch sends, and what helm makes of it."""

    chart: ChartFiles
    values: Mapping[str, Any]
    release: DryRun

    @property
    def unused(self) -> list[str]:
        """The paths that the notes name as not used."""
        head, _, rest = self.release.notes.partition("does not use them:")
        assert head
        return UNUSED.findall(rest)


def launched(
    chart: str, patch: list[list[Any]], helm: Helm, folder: Path, *, by_form: bool = True
) -> Launched:
    """Launch a chart by the form of a platform that fills all it can, or by helm alone."""
    files, broken = read(rendered(chart))
    assert not broken
    sent = launch(files.schema, files.values, SAMPLE) if by_form else {}
    changes = [(tuple(path), DELETED if value == "__DELETE__" else value) for path, value in patch]
    values = patched(sent, changes)
    if by_form:
        assert not form_errors(files.schema, values, SAMPLE)
    path = folder / chart if (folder / chart).is_dir() else written(chart, folder)
    return Launched(
        chart=files, values=values, release=helm.dry_run(path, release="r-1", values=values)
    )


def known(tree: Mapping[str, Any], whole: list[str], path: list[Any]) -> bool:
    """Whether a chart describes a value, or hands the block around it on as it is."""
    node: Any = tree
    for number, key in enumerate(path):
        if isinstance(node, list) or ".".join(map(str, path[:number])) in whole:
            return True
        if key not in node:
            return False
        node = node[key]
    return True


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["chart"])
def test_nothing_is_ignored_without_a_word(
    case: Mapping[str, Any], helm: Helm, tmp_path: Path
) -> None:
    by_form = not case.get("without_form")
    found = launched(case["chart"], case["patch"], helm, tmp_path, by_form=by_form)
    assert found.unused == case["unused"]
    text = json.dumps(documents(found.release.manifests))
    for path, value in case["patch"]:
        name = ".".join(map(str, path))
        if isinstance(value, str) and name not in case["unused"] and path[0] != "onyxia":
            assert json.dumps(value) in text or value in found.release.manifests, name


def test_older_spellings_protect_and_take_away(helm: Helm, tmp_path: Path) -> None:
    by_form, by_helm = (
        launched(
            case["chart"], case["patch"], helm, tmp_path, by_form=not case.get("without_form")
        ).release.manifests
        for case in CASES[3:5]
    )
    assert by_form.count('"nginx.ingress.kubernetes.io/whitelist-source-range": "192.0.2.0/24"') > 1
    assert "kind: NetworkPolicy" in by_form
    for absent in ("VAULT_TOKEN", "AWS_SECRET_ACCESS_KEY", 'name: "view"', "kind: NetworkPolicy"):
        assert (absent in by_form) == (absent == "kind: NetworkPolicy"), absent
    for present in ("8899", "failureThreshold: 77", 'name: "my-git"', "older.sh", '"/older"'):
        assert present in by_form, present
    assert "kind: NetworkPolicy" not in by_helm
    assert "GIT_" not in by_helm
    assert not re.search(r"^ +mem: ", by_helm, re.MULTILINE)


def test_of_a_patch_the_form_fails_on_what_is_not_in_a_list() -> None:
    files, _ = read(rendered("rstudio"))
    sent = launch(files.schema, files.values, SAMPLE)
    values = merged(sent, {"kubernetes": {"role": "owner"}})
    assert [str(error).splitlines()[0] for error in form_errors(files.schema, values, SAMPLE)] == [
        "the form fails at $.kubernetes.role: its value is not in the list"
    ]


def faults(case: Mapping[str, Any], helm: Helm, folder: Path) -> list[str]:
    """What is wrong with a launch."""
    try:
        found = launched(case["chart"], case["patch"], helm, folder)
    except AssertionError as error:
        return [f"the form fails: {error}"]
    return ignored(case, found)


def ignored(case: Mapping[str, Any], found: Launched) -> list[str]:
    """What a launch ignores without a word, and whether it starts nothing."""
    about = json.loads(rendered(case["chart"])["values.json"])
    problems = []
    for path, value in case["patch"]:
        name = ".".join(map(str, path))
        is_known = known(about["values"], about["whole"], path) or path[0] in about["apart"]
        if not is_known and name not in found.unused and value != "":
            problems.append(f"{name} is ignored without a word")
    kinds = [mapping(item).get("kind") for item in documents(found.release.manifests)]
    return problems if "StatefulSet" in kinds else [*problems, "it starts nothing"]


if "LAUNCHES" in os.environ:

    def test_launches_of_a_file(helm: Helm, tmp_path: Path) -> None:
        charts = catalog().matrix.charts
        total = failed = 0
        wrong: list[str] = []
        for case in json.loads(Path(os.environ["LAUNCHES"]).read_text()):
            if case["chart"] not in charts:
                continue
            total += case.get("count", 1)
            problems = faults(case, helm, tmp_path)
            failed += case.get("count", 1) if problems else 0
            wrong += [f"{case['chart']}: {problem}" for problem in problems]
        print(
            f"{total - failed} of {total} launches are accepted, and ignore nothing without a word"
        )
        assert not wrong, "\n".join(wrong)
