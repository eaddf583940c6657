"""Compares the files of GitLab CI with the schema of a version. Pure.

The schema is the `app/assets/javascripts/editor/schema/ci.json` of its source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_REFERENCE = "#/definitions/"
_CHOICES = ("allOf", "anyOf", "oneOf")
Schema = Mapping[str, Any]


def missing_fields(document: Any, schema: Schema) -> tuple[str, ...]:
    """Return the keys and the words that a schema lacks, each once, as `job.key` or `job.key=word`.

    Raises KeyError, TypeError or AttributeError where it is no schema of GitLab CI.
    """
    if "job_template" not in schema["definitions"]:
        raise KeyError("job_template")
    return tuple(dict.fromkeys(_missing(document, [schema], schema["definitions"], "")))


def _missing(
    value: Any, schemas: Iterable[Schema], definitions: Schema, path: str
) -> Iterator[str]:
    known = [found for schema in schemas for found in _all(schema, definitions)]
    if isinstance(value, dict):
        for key, item in value.items():
            below = list(_of_key(key, known))
            at = f"{path}.{key}" if path else str(key)
            if below:
                yield from _missing(item, below, definitions, at)
            elif not any(_is_open(schema) for schema in known):
                yield at
    elif isinstance(value, list):
        items = [schema["items"] for schema in known if isinstance(schema.get("items"), Mapping)]
        for item in value:
            yield from _missing(item, items, definitions, path)
    else:
        words = [schema["enum"] for schema in known if "enum" in schema]
        words += [[schema["const"]] for schema in known if "const" in schema]
        others = [
            it for it in known if it.get("type") == "string" and not {"enum", "const"} & it.keys()
        ]
        if words and not others and not any(value in choice for choice in words):
            yield f"{path}={value}"


def _all(schema: Schema, definitions: Schema) -> Iterator[Schema]:
    """Yield a schema, and all to which it refers or among which it lets one choose."""
    yield schema
    if "$ref" in schema:
        yield from _all(definitions[schema["$ref"].removeprefix(_REFERENCE)], definitions)
    for choice in _CHOICES:
        for item in schema.get(choice, ()):
            yield from _all(item, definitions)


def _of_key(key: str, schemas: Iterable[Schema]) -> Iterator[Schema]:
    """Yield what schemas say of a key: by its name, else of all further ones."""
    for schema in schemas:
        more = schema.get("additionalProperties")
        if key in schema.get("properties", ()):
            yield schema["properties"][key]
        elif isinstance(more, Mapping):
            yield more


def _is_open(schema: Schema) -> bool:
    """Whether an object may have keys of which a schema says nothing."""
    return (
        schema.get("type") == "object"
        and not schema.get("properties")
        and (schema.get("additionalProperties") is not False)
    )
