"""Makes what a chart does with values as they were given: null, at a former path, or unknown.

`values.json` of a chart lists its values; the template of this module reads it before all others.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from builder.charts.render.templates import Part, scoped
from builder.charts.render.values import Value, split_path, tree
from builder.common.errors import BuilderError, ConfigError, Location
from builder.common.patterns import matches

FILE = "values.json"
TEMPLATE = "templates/_given.tpl"
PLATFORM = "platform"

_TEXT = """\
{{/*
Values as they were given, put in order once for all templates. A block that is null or left empty
is as it is described; a value that stands where it was before is put in its place; what is not used
is kept for the notes.
*/}}
{{- define "chart.given" -}}
{{- if not (hasKey . "unusedValues") -}}
{{- $known := .Files.Get "values.json" | fromJson -}}
{{- $values := get . "Values" -}}
{{- $unused := dict -}}
{{- $_ := set . "unusedValues" $unused -}}
{{- include "chart.given.filled" (dict
    "values" $values "known" $known.values "whole" $known.whole "path" "" "isNew" false) -}}
{{- range $known.former -}}
{{- include "chart.given.moved" (dict "values" $values "move" . "unused" $unused) -}}
{{- end -}}
{{- $others := dict -}}
{{- range $key, $value := $values -}}
{{- if not (has $key $known.apart) -}}
{{- $_ := set $others $key $value -}}
{{- end -}}
{{- end -}}
{{- include "chart.given.unknown" (dict
    "values" $others "known" $known.values "path" "" "reason" ""
    "about" $known "unused" $unused) -}}
{{- end -}}
{{- end -}}

{{/* Fills what is null. In: values, known, whole, path, isNew (the block itself was null). */}}
{{- define "chart.given.filled" -}}
{{- $here := . -}}
{{- range $key, $about := .known -}}
{{- $path := list $here.path $key | compact | join "." -}}
{{- $isNull := or (not (hasKey $here.values $key)) (kindIs "invalid" (get $here.values $key)) -}}
{{- if kindIs "slice" $about -}}
{{- if $isNull -}}
{{- $_ := set $here.values $key (ternary (first $about) (last $about) $here.isNew) -}}
{{- end -}}
{{- else -}}
{{- if $isNull -}}
{{- $_ := set $here.values $key (dict) -}}
{{- end -}}
{{- if and (kindIs "map" (get $here.values $key)) (not (has $path $here.whole)) -}}
{{- include "chart.given.filled" (dict
    "values" (get $here.values $key) "known" $about "whole" $here.whole "path" $path
    "isNew" (or $here.isNew $isNull)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Puts a value where it is now. In: values, unused, move (from, to, default, isFill). */}}
{{- define "chart.given.moved" -}}
{{- $old := .values -}}
{{- range initial .move.from -}}
{{- $below := get $old . -}}
{{- $old = dict -}}
{{- if kindIs "map" $below -}}
{{- $old = $below -}}
{{- end -}}
{{- end -}}
{{- $new := .values -}}
{{- range initial .move.to -}}
{{- $new = get $new . -}}
{{- end -}}
{{- $name := last .move.from -}}
{{- $given := get $old $name -}}
{{- $_ := unset $old $name -}}
{{- if and (not (kindIs "invalid" $given)) (ne (toString $given) "") (kindIs "map" $new) -}}
{{- $present := get $new (last .move.to) -}}
{{- if eq (toJson $present) (toJson .move.default) -}}
{{- $_ := set $new (last .move.to) $given -}}
{{- else if and (not .move.isFill) (ne (toJson $present) (toJson $given)) -}}
{{- $_ := set .unused (join "." .move.from) (printf "`%s` is set" (join "." .move.to)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Finds what is not read. In: values, known, path, reason, about (values.json), unused. */}}
{{- define "chart.given.unknown" -}}
{{- $here := . -}}
{{- range $key, $value := .values -}}
{{- $path := list $here.path $key | compact | join "." -}}
{{- $about := get $here.known $key -}}
{{- if hasKey $here.known $key -}}
{{- if and (kindIs "map" $about) (kindIs "map" $value) (not (has $path $here.about.whole)) -}}
{{- include "chart.given.unknown" (dict
    "values" $value "known" $about "path" $path "reason" ""
    "about" $here.about "unused" $here.unused) -}}
{{- end -}}
{{- else -}}
{{- $reason := get $here.about.ignored $path | default $here.reason -}}
{{- if kindIs "map" $value -}}
{{- include "chart.given.unknown" (dict
    "values" $value "known" (dict) "path" $path "reason" $reason
    "about" $here.about "unused" $here.unused) -}}
{{- else if or $value (and (not $reason) (has (kindOf $value) (list "bool" "float64" "int64"))) -}}
{{- $_ := set $here.unused (regexReplaceAll "[^A-Za-z0-9_.%-]" $path "?" | trunc 200) $reason -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
"""

NOTES = """\
{{- with .unusedValues }}

These values were given, and this chart does not use them:

{{- range $path, $reason := . }}
- `{{ $path }}`{{ with $reason }}: {{ . }}{{ end }}
{{- end }}
{{- end }}
"""


def files(
    values: Sequence[Value], parts: Sequence[Part], read: Collection[str], library: str, chart: str
) -> dict[str, str]:
    """Return what a chart knows of its values, and the template that puts them in order.

    `read` are the paths that templates read. A block that they hand on as a whole is not filled.
    """
    return {FILE: _values_json(values, parts, read, library), TEMPLATE: scoped(_TEXT, chart)}


def prepared(text: str, chart: str) -> str:
    """Return a template that takes the values in order."""
    return f'{{{{- include "{chart}.given" . -}}}}\n{text}'


def with_refilled(values: Sequence[Value]) -> tuple[Value, ...]:
    """Return values with one more for each that is refilled, outside the form that is replaced."""
    more = [
        replace(
            value,
            path=f"{PLATFORM}.{value.path}",
            text=f"What the platform fills {value.path} with, where its own form lacks that",
            title="",
            hidden=None,
            onyxia={"hidden": True},
            formerly=(),
            fills=value.path,
        )
        for value in values
        if value.is_refilled
    ]
    return (*values, *more)


def _values_json(
    values: Sequence[Value], parts: Sequence[Part], read: Collection[str], library: str
) -> str:
    """Return each value with what it is where it is null, and where it was before, as JSON."""
    groups = {value.path for value in values if value.is_group}
    groups |= {path for value in values for path in _around(value.path)}
    by_path = {value.path: value for value in values}
    former = [
        {"from": split_path(old), "to": value.keys, "default": value.default, "isFill": False}
        for value in values
        for old in value.formerly
    ]
    former += [
        {
            "from": value.keys,
            "to": split_path(value.fills),
            "default": by_path[value.fills].default,
            "isFill": True,
        }
        for value in values
        if value.fills
    ]
    about = {
        "values": _known(tree(values)),
        "whole": sorted(group for group in groups if _is_whole(group, groups, read)),
        "former": former,
        "ignored": {path: why for part in parts for path, why in part.ignored.items()},
        # What is for the platform, for charts beside this one, and for the library.
        "apart": ["global", "onyxia", library],
    }
    return json.dumps(about, indent=1, ensure_ascii=False) + "\n"


def _around(path: str) -> list[str]:
    keys = path.replace("\\.", "\0").split(".")
    return [".".join(keys[:end]).replace("\0", "\\.") for end in range(1, len(keys))]


def _is_whole(group: str, groups: Collection[str], read: Collection[str]) -> bool:
    """Whether templates read a group, and nothing in it by a name of its own."""
    below = f"{group}."
    return group in read and not any(path.startswith(below) for path in read)


def _known(node: Mapping[str, object]) -> dict[str, Any]:
    """Return a tree of values: of each its default and, where it is another, what null makes it."""
    known: dict[str, Any] = {}
    for key, child in node.items():
        if isinstance(child, Value):
            default, empty = child.default, _empty(child)
            known[key] = [default] if empty == default else [default, empty]
        else:
            assert isinstance(child, Mapping)
            known[key] = _known(child)
    return known


def _empty(value: Value) -> object:
    """Return what a value is that is null: nothing, where its schema takes that."""
    if value.type in ("array", "object"):
        return [] if value.type == "array" else {}
    if value.type == "boolean":
        return False
    pattern = value.schema.get("pattern")
    takes_none = pattern is not None and matches(str(pattern), "")
    return "" if value.type == "string" and takes_none else value.default


def check_ignored(parts: Sequence[Part], values: Sequence[Value]) -> list[BuilderError]:
    """Return an error for each path that is said to be ignored, and is a value of the chart."""
    paths = {value.path for value in values}
    return [
        ConfigError(
            f"{path} is ignored, and a value of the chart",
            hint="take it out of `ignored`",
            location=Location(file=f"{part.folder}/{_file(part)}"),
        )
        for part in parts
        for path in part.ignored
        if path in paths or any(other.startswith(f"{path}.") for other in paths)
    ]


def _file(part: Part) -> str:
    return "feature.yaml" if part.requested_at else "chart.yaml"
