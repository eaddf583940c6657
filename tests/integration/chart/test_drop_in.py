"""Ours in the place of an official chart: every value is taken, and acts where its meaning is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from builder.charts.helm import Helm
from builder.charts.manifests import documents
from builder.charts.semver import value_types
from builder.common.mappings import merged, nested

from .cluster import SERVICES, cluster
from .conftest import at, written

TABLE = YAML(typ="safe").load(Path(__file__).with_name("drop_in.yaml"))
# Kinds of values that hold names with dots themselves.
HOLDERS = ("spark.config.", "spark.userConfig.")
# The official ones are templates. Here a value never is: words of a closed list are replaced in it.
WORDS = {
    '{{ include "library-chart.fullname" . }}': "${fullname}",
    '{{ include "library-chart.sparkExtraJavaOptions" . }}': "${javaOptions}",
    "{{ .Release.Namespace }}": "${namespace}",
}


Render = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True)
class Released:
    """A chart. `render` says what is at each place of a release with some values."""

    folder: Path
    render: Render

    @property
    def name(self) -> str:
        return self.folder.name


def renderer(folder: Path, helm: Helm, cluster: str) -> Render:
    """What asks helm, on a cluster, and the same only once."""

    @cache
    def rendered(values: str) -> Mapping[str, Any]:
        given = json.loads(values)
        release = helm.dry_run(folder, release="r-1", values=given, cluster=cluster)
        found = {"NOTES": release.notes}
        for item in documents(release.manifests):
            name = item["metadata"]["name"].removeprefix(f"r-1-{folder.name}").lstrip("-")  # type: ignore[index]
            head = f"{item['kind']}/{name}".rstrip("/")
            found |= {f"{head} {path}".strip(): value for path, value in places(item)}
        return found

    return lambda values: rendered(json.dumps(values, sort_keys=True))


def places(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """What is at each path of an object, the whole of it at ""; items of lists by their name."""
    if not path:
        yield "", node
    if isinstance(node, Mapping) and node:
        for key, child in node.items():
            yield from places(child, f"{path}.{key}".lstrip("."))
    elif isinstance(node, list) and node:
        for number, child in enumerate(node):
            key = child.get("name", number) if isinstance(child, Mapping) else number
            key = number if path.endswith(".containers") else key
            yield from places(child, f"{path}.{key}")
    else:
        yield path, node


def keys(path: str) -> tuple[str, ...]:
    """A path key by key."""
    for holder in HOLDERS:
        if path.startswith(holder):
            return (*holder.rstrip(".").split("."), path.removeprefix(holder))
    return tuple(path.split("."))


@pytest.fixture(scope="module", params=sorted(TABLE["charts"]))
def released(
    request: pytest.FixtureRequest, helm: Helm, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Released]:
    """Each chart that stands in the place of another."""
    folder = written(request.param, tmp_path_factory.mktemp("drop-in"))
    with cluster(SERVICES) as url:
        yield Released(folder, renderer(folder, helm, url))


def rows(chart: str) -> dict[str, dict[str, Any]]:
    """What is known of each path that a chart takes."""
    special = TABLE["charts"][chart]
    found = {}
    for path, row in TABLE["paths"].items():
        if path not in special["without"]:
            found[path] = dict(row)
            if path in special.get("defaults", {}):
                found[path]["default"] = special["defaults"][path]
            if path in special.get("ours", {}):
                found[path]["ours"] = special["ours"][path]
    return found


def test_the_table_is_whole() -> None:
    assert {name: len(rows(name)) for name in TABLE["charts"]} == {
        "jupyter-python": 143, "vscode-python": 144, "rstudio": 134, "jupyter-pyspark": 167,
    }  # fmt: skip


def test_types_and_defaults_are_the_same(released: Released) -> None:
    files = {path.name: path.read_bytes() for path in released.folder.iterdir() if path.is_file()}
    values, types = YAML(typ="safe").load(files["values.yaml"]), value_types(files)
    for path, row in rows(released.name).items():
        if path.startswith("userPreferences.aiAssistant."):
            assert types[path] == row["type"], path  # a former path, which has no default here
            continue
        if "type" in row:
            assert types[path] == row["type"], path
        if "default" in row:
            expected = row.get("ours", row["default"])
            for theirs, ours in WORDS.items() if isinstance(expected, str) else ():
                expected = expected.replace(theirs, ours)
            assert at(values, keys(path)) == expected, path


def batches(every: Mapping[str, dict[str, Any]]) -> Iterator[list[str]]:
    """Paths that can be set at once: beside the same, each acting at a place of its own."""
    open_batches: dict[str, list[str]] = {}
    for path, row in every.items():
        # What comes and goes, or names objects, changes where others act.
        if isinstance(row["to"], bool) or "marker" in row["place"] or path.endswith("Override"):
            yield [path]
            continue
        batch = open_batches.setdefault(json.dumps(row.get("with")), [])
        if any(every[other]["place"] == row["place"] for other in batch):
            yield [path]
        else:
            batch.append(path)
    yield from open_batches.values()


def test_every_value_acts_where_it_means_to(released: Released) -> None:
    special = TABLE["charts"][released.name]
    shown = set(special.get("idle", ()))
    if "like" in special:  # of the same recipe: only what this chart has beside it
        shown |= rows(special["like"]).keys()
    every = {path: row for path, row in rows(released.name).items() if path not in shown}

    def acts(batch: list[str]) -> list[str]:
        beside = every[batch[0]].get("with", {})
        values = merged(beside, *(nested(keys(it), every[it]["to"]) for it in batch))
        before, after = released.render(beside), released.render(values)
        wrong = [text for path in batch if (text := fault(path, every[path], before, after))]
        # What is set beside may be in the way: alone, each must act.
        alone = len(batch) > 1 and wrong
        return [text for path in batch for text in acts([path])] if alone else wrong

    with ThreadPoolExecutor(2) as pool:
        wrong = [text for found in pool.map(acts, batches(every)) for text in found]
    assert not wrong, "\n".join(wrong)


def fault(
    path: str, row: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
) -> str:
    """What is wrong with what a value did; nothing where it acted."""
    place = row["place"]
    if before.get(place) == after.get(place):
        return f"{path} does nothing at {place}"
    text = "marker" if "marker" in json.dumps(row["to"]) else ""
    return "" if text in json.dumps(after.get(place, text)) else f"{path} is not in {place}"


def test_a_value_that_does_not_act_is_found() -> None:
    row = {"to": "marker", "place": "Service spec.type"}
    assert fault("a", row, {"Service spec.type": 1}, {"Service spec.type": 1}) == (
        "a does nothing at Service spec.type"
    )
    assert fault("a", row, {}, {"Service spec.type": "b"}) == "a is not in Service spec.type"
    assert fault("a", row, {}, {"Service spec.type": "marker"}) == ""


def test_former_paths_yield_to_the_new(released: Released) -> None:
    values = {
        "ai": {"enabled": True, "activeProvider": {"apiKey": "new"}},
        "userPreferences": {"aiAssistant": {"apiKey": "old", "apiBase": "https://old"}},
    }
    found = released.render(values)
    assert found["Secret/ai stringData.OPENAI_API_KEY"] == "new"
    assert found["Secret/ai stringData.OPENAI_BASE_URL"] == "https://old"
