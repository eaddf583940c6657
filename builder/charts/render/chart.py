"""Renders a chart recipe, its features and a list of images as a complete, plain Helm chart.

Pure: mappings in, `{path: bytes}` out, the same bytes for the same input. The chart carries the
library that its templates use, so that its package alone is enough.
"""

from __future__ import annotations

import io
import json
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from builder.catalog.models import Chart, ChartFeature, ChartRecipe
from builder.catalog.services import CLIENTS, chosen
from builder.catalog.yaml_document import load_as_helm
from builder.charts.render import docs, given, partners, templates
from builder.charts.render import value_specs as specs
from builder.charts.render import values as describe
from builder.charts.render.moves import moved_part, still_read
from builder.charts.render.templates import Part
from builder.charts.render.values import Value
from builder.charts.semver import about as about_chart
from builder.charts.semver import chart_fingerprint, chart_version, next_version
from builder.common.errors import BuilderError, ConfigError, Location, raise_all
from builder.common.mappings import mapping, merged
from builder.common.text import did_you_mean
from builder.common.yaml_writer import emitter

__all__ = ["chart_fingerprint", "chart_version", "next_version", "render_chart"]

# A release is named after its chart with up to seven more characters, in 53.
NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
LONGEST = 46


def render_chart(
    *,
    chart: Chart,
    recipe: ChartRecipe,
    features: Mapping[str, ChartFeature],
    library: Mapping[str, bytes],
    images: Sequence[str],
    version: str,
    catalog: str,
    sudo: bool = False,
    axes: Sequence[str] = (),
) -> dict[str, bytes]:
    """Return the files of a chart, by path. `images` are references; the first is the default.

    Raises ConfigError, or Problems with every independent one. `sudo`: see `Settings`. `axes` are
    those of the images.
    """
    _check_head(chart, images)
    recipe_part, parts = _recipe_part(recipe), _parts(chart, recipe, features, axes)
    facts = _facts(chart, recipe, images) | {"sudo": sudo}
    values = specs.values_of(recipe_part, parts, facts, chart, features)
    everything = (recipe_part, *parts)
    core = templates.core_template(recipe.command, recipe.health, chart.name, recipe.custom_image)
    read = _check(chart, everything, features, values, library, core)
    filled = replace(recipe, description=_filled(recipe.description, facts))
    about, moved = _library_names(library), describe.moved(values)
    text = {
        ".helmignore": docs.HELMIGNORE,
        "Chart.yaml": docs.chart_yaml(chart, version, filled, images[0], about, moved),
        "README.md": docs.readme(chart.name, catalog, filled, images, parts, values),
        "values.yaml": describe.values_yaml(values, f"Values of the chart {chart.name}."),
        "values.schema.json": _pretty(describe.schema(values, recipe.title)),
        "templates/NOTES.txt": docs.notes(recipe.title, everything, chart.name),
        "templates/_command.tpl": core,
        "templates/_slots.tpl": templates.slots_template(everything, chart.name),
        **given.files(values, everything, read, about[0], chart.name),
        **_of_parts(everything, chart.name),
    }
    inner = {f"charts/{about[0]}/{path}": data for path, data in library.items()}
    return dict(sorted({**_in_order(text, chart.name), **inner}.items()))


def _recipe_part(recipe: ChartRecipe) -> Part:
    """Return a recipe as a part of its charts."""
    folder = f"charts/{recipe.name}"
    return Part(
        name=recipe.name,
        folder=folder,
        summary=recipe.title,
        values=recipe.values,
        files=recipe.files,
        ignored=recipe.ignored,
    )


def _check_head(chart: Chart, images: Sequence[str]) -> None:
    location = chart.at()
    errors: list[BuilderError] = []
    if not NAME.fullmatch(chart.name) or len(chart.name) > LONGEST:
        errors.append(
            ConfigError(
                f"not a chart name: {chart.name!r}",
                hint=f"at most {LONGEST} of a-z, 0-9 and -, as releases are named after it",
                location=location,
            )
        )
    if not images:
        errors.append(ConfigError(f"chart {chart.name}: it has no image", location=location))
    raise_all(errors)


def _parts(
    chart: Chart, recipe: ChartRecipe, features: Mapping[str, ChartFeature], axes: Sequence[str]
) -> tuple[Part, ...]:
    folder = f"charts/{recipe.name}"
    requested = [
        *(
            (name, locate_item(recipe, folder, name))
            for name in recipe.features
            if name not in chart.dropped
        ),
        *((name, chart.at("features", name)) for name in chart.features),
    ]
    errors: list[BuilderError] = []
    parts: dict[str, Part] = {}
    for name, location in requested:
        if name not in features:
            hint = did_you_mean(name, features)
            error = ConfigError(f"unknown feature {name!r}", hint=hint, location=location)
            errors.append(specs.of_chart(error, chart))
            continue
        for item in (name, *(chosen(features.values(), axes) if name == CLIENTS else ())):
            parts.setdefault(item, partners.as_part(item, features[item], location))
    raise_all(errors)
    return tuple(moved_part(part, chart) for part in parts.values())


def locate_item(recipe: ChartRecipe, folder: str, feature: str) -> Location:
    """Return the place of a feature in chart.yaml, `- item` or `features: […, item]`.

    Without the text of the file, return the file.
    """
    word = re.compile(rf"(?:^\s*- |^features:.*[\[\s,])({re.escape(feature)})(?=\s*(?:[,\]#]|$))")
    for number, line in enumerate(recipe.files.get("chart.yaml", "").splitlines(), 1):
        if match := word.search(line):
            column = match.start(1) + 1
            return Location(file=f"{folder}/chart.yaml", line=number, column=column, source=line)
    return Location(file=f"{folder}/chart.yaml")


def _facts(chart: Chart, recipe: ChartRecipe, images: Sequence[str]) -> dict[str, object]:
    return {
        "chart": chart.name,
        "image_name": chart.image,
        "default_image": images[0],
        "images": list(images),
        "port": recipe.port,
        "title": recipe.title,
    }


def _check(
    chart: Chart,
    parts: Sequence[Part],
    features: Mapping[str, ChartFeature],
    values: Sequence[Value],
    library: Mapping[str, bytes],
    core: str,
) -> set[str]:
    """Return the paths of values that templates read. Raises ConfigError, or Problems."""
    errors = templates.check_slots(parts) + partners.check_templates(parts, features)
    errors += given.check_ignored(parts, values)
    recipe_text = parts[0].files.get("chart.yaml", core)
    reads = templates.reads({"chart.yaml": recipe_text}, parts[0].folder)
    for part in parts:
        reads += templates.reads(part.texts(), part.folder)
        reads += [_named(part, source) for source in templates.SOURCES if _source(part, source)]
    shared = {path: data.decode() for path, data in library.items() if path.endswith(".tpl")}
    reads += templates.reads(shared, "charts/library")
    gone, reads = still_read(chart, reads)
    errors += gone
    lacks = partners.find_lacks(parts, features, values, reads)
    lacking = {lack.name for lack in lacks}
    paths = {read.path for read in reads}
    reads = [read for read in reads if read.path not in lacking]
    # What fills another value is read by the template that puts all in order.
    values = [value for value in values if value.path not in lacking and not value.fills]
    errors += partners.errors_of(lacks, chart.name)
    raise_all([*errors, *templates.check_reads(reads, values)])
    return paths


def _source(part: Part, source: str) -> str:
    return part.objects[source].name if source in part.objects else ""


def _named(part: Part, source: str) -> templates.Read:
    location = describe.locate(part.files, part.folder, "feature.yaml", source)
    return templates.Read(path=_source(part, source), location=location)


def _of_parts(parts: Sequence[Part], chart: str) -> dict[str, str]:
    """Return the templates and test values of parts; the first is the recipe itself."""
    files: dict[str, str] = {
        "ci/default-values.yaml": "# Every value at its default.\n{}\n",
        "ci/everything-values.yaml": with_every_feature(parts[1:]),
    }
    for part in parts:
        if part.slots or "helpers.tpl" in part.files:
            files[f"templates/_{part.name}.tpl"] = templates.part_template(part, chart)
        for path, text in part.files.items():
            if path.startswith("templates/"):
                files[path] = templates.scoped(text, chart)
            elif path.startswith("ci/"):
                files[path] = text
    return files


def _in_order(text: Mapping[str, str], chart: str) -> dict[str, bytes]:
    """Return the files, of which templates take the values in order."""
    return {
        path: (given.prepared(content, chart) if _is_rendered(path) else content).encode()
        for path, content in text.items()
    }


def _is_rendered(path: str) -> bool:
    return path.startswith("templates/") and not path.rpartition("/")[2].startswith("_")


def _library_names(library: Mapping[str, bytes]) -> tuple[str, str]:
    data = about_chart(library)
    if "name" not in data or "version" not in data:
        location = Location(file="charts/library/Chart.yaml")
        raise ConfigError("the library has no name and version", location=location)
    return str(data["name"]), str(data["version"])


def _filled(text: str, facts: Mapping[str, object]) -> str:
    return string.Template(text).safe_substitute({k: str(v) for k, v in facts.items()})


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


# Cases that do without something, and so are no part of one with everything.
_APART = re.compile(r"no-|former-|suspended|existing-|custom-image|custom-port")


@lru_cache(maxsize=1_000)
def _case(text: str, file: str) -> Mapping[str, Any]:
    """Return the values of a case of a feature, which many charts have."""
    return mapping(load_as_helm(text, file)[0].data)


def with_every_feature(parts: Sequence[Part]) -> str:
    """Return values with all features on: their own cases, one over the other."""
    cases = [
        _case(text, f"{part.folder}/{path}")
        for part in parts
        for path, text in part.files.items()
        if path.startswith("ci/") and not _APART.match(path.removeprefix("ci/"))
    ]
    stream = io.StringIO("# All features on.\n")
    stream.seek(0, io.SEEK_END)
    yaml = emitter()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump(merged(*cases), stream)
    return stream.getvalue()
