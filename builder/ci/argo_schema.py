"""Compares manifests with the schema of an Argo version. Pure.

The schema is the `api/jsonschema/schema.json` of its source. It says which fields there are, and
not that others are refused; the API server drops those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_KINDS = "io.argoproj.workflow.v1alpha1."
_REFERENCE = "#/definitions/"


def missing_fields(documents: Sequence[Any], schema: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fields of Argo's objects that a schema lacks, each once, as `Kind.path.field`.

    Raises KeyError, TypeError or AttributeError where it is no schema of Argo.
    """
    definitions = schema["definitions"]
    found: dict[str, None] = {}
    for document in documents:
        if not str(document.get("apiVersion")).startswith("argoproj.io/"):
            continue
        kind = str(document["kind"])
        if _KINDS + kind not in definitions:
            found[kind] = None
            continue
        reference = {"$ref": f"{_REFERENCE}{_KINDS}{kind}"}
        found |= dict.fromkeys(_missing(document, reference, definitions, kind))
    return tuple(found)


def _missing(
    value: Any, schema: Mapping[str, Any], definitions: Mapping[str, Any], path: str
) -> Iterator[str]:
    if reference := schema.get("$ref"):
        schema = definitions[reference.removeprefix(_REFERENCE)]
    if isinstance(value, list):
        for item in value:
            yield from _missing(item, schema.get("items", {}), definitions, path)
    elif isinstance(value, dict) and "properties" in schema:
        for key, item in value.items():
            if key not in schema["properties"]:
                yield f"{path}.{key}"
            else:
                yield from _missing(item, schema["properties"][key], definitions, f"{path}.{key}")
