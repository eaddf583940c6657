"""The index of a chart repository: merged, never torn, never losing a version. Pure."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import semver
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from builder.errors import BuilderError, ConfigError, ConflictError, Location, raise_all

INDEX = "index.yaml"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True, kw_only=True)
class IndexEntry:
    """One chart version to list. `metadata` is its Chart.yaml, `digest` the sha256 of the .tgz."""

    metadata: Mapping[str, object]
    digest: str  # 64 hex digits
    url: str  # relative to the index
    created: str  # RFC 3339, e.g. 2026-01-31T00:00:00Z

    @property
    def name(self) -> str:
        """The chart's name."""
        return str(self.metadata["name"])

    @property
    def version(self) -> str:
        """The chart's version."""
        return str(self.metadata["version"])


Entries = Mapping[str, Sequence[Mapping[str, object]]]
"""The versions that an index lists, by the name of their chart."""


def merge_index(
    old: bytes | None, new: Sequence[IndexEntry], *, generated: str, file: str = INDEX
) -> bytes:
    """`old` with `new` in it. What is listed stays listed, with the time it was first listed.

    Raises ConfigError where `old` is torn or malformed, and ConflictError where a version is
    listed with another digest. An index that would only get a new time is returned as it is.
    """
    before = read_index(old, file) if old is not None else {}
    after = with_entries(before, new, file)
    return old if old is not None and after == before else emit_index(after, generated)


def with_entries(
    entries: Entries, new: Sequence[IndexEntry], file: str = INDEX
) -> dict[str, list[Mapping[str, object]]]:
    """Entries with new ones among them. Raises ConflictError, as `merge_index` does."""
    merged = {name: list(versions) for name, versions in entries.items()}
    errors: list[BuilderError] = []
    for entry in new:
        versions = merged.setdefault(entry.name, [])
        held = next((item for item in versions if item["version"] == entry.version), None)
        if held is None:
            versions.append(_item(entry))
        elif held["digest"] != entry.digest:
            errors.append(
                ConflictError(
                    f"chart {entry.name} {entry.version} is published with another content",
                    hint=f"published {held['digest']}, now {entry.digest}",
                    location=Location(file=file),
                )
            )
    raise_all(errors)
    return merged


def without(text: bytes, gone: Mapping[str, Collection[str]], *, generated: str) -> bytes:
    """An index without these versions, by chart; as it is where it lists none of them."""
    before = read_index(text)
    after = {
        name: [item for item in versions if item["version"] not in gone.get(name, ())]
        for name, versions in before.items()
    }
    after = {name: versions for name, versions in after.items() if versions}
    return text if after == before else emit_index(after, generated)


def read_index(text: bytes, file: str = INDEX) -> dict[str, list[Mapping[str, object]]]:
    """The entries of an index. Raises ConfigError where it is torn or malformed."""
    where = Location(file=file)
    hint = "restore it, or move it away to list only what is published from now on"
    try:
        data = YAML(typ="safe").load(io.BytesIO(text))
    except (YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        if mark is not None:
            where = Location(file=file, line=mark.line + 1, column=mark.column + 1)
        raise ConfigError("the index is torn: not YAML", hint=hint, location=where) from error
    if not isinstance(data, dict) or data.get("apiVersion") != "v1":
        raise ConfigError("not an index of charts", hint=hint, location=where)
    # Every writer puts `generated` last, so that without it the end is lost.
    if not _MOMENT.match(_time(data.get("generated"))):
        raise ConfigError("the index is torn: its end is missing", hint=hint, location=where)
    if not isinstance(data.get("entries"), dict):
        raise ConfigError("the index has no entries", hint=hint, location=where)
    entries: dict[str, list[Mapping[str, object]]] = {}
    for name, versions in data["entries"].items():
        whole = isinstance(versions, list) and all(_is_whole(item) for item in versions)
        if not whole:
            raise ConfigError(
                f"the index is malformed at {name}",
                hint="every version needs name, version, digest and urls",
                location=where,
            )
        entries[str(name)] = [
            {
                **item,
                "created": _time(item.get("created")),
                "digest": str(item["digest"]).removeprefix("sha256:"),
            }
            for item in versions
        ]
    return entries


def newest(versions: Sequence[Mapping[str, object]]) -> Mapping[str, object] | None:
    """Of the versions of a chart in an index the one that is installed where none is named."""
    return max(versions, key=_rank, default=None)


def entry_of(item: Mapping[str, object]) -> IndexEntry:
    """What an index says of a version, to be listed in another."""
    said = {key: value for key, value in item.items() if key not in ("created", "digest", "urls")}
    urls = item["urls"]
    assert isinstance(urls, list)
    return IndexEntry(
        metadata=said, digest=str(item["digest"]), url=str(urls[0]), created=str(item["created"])
    )


def _is_whole(item: object) -> bool:
    return (
        isinstance(item, dict)
        and all(item.get(key) for key in ("name", "version", "digest"))
        and isinstance(item.get("urls"), list)
        and len(item["urls"]) > 0
    )


def _time(value: object) -> str:
    """YAML turns an unquoted time into a datetime."""
    moment = getattr(value, "isoformat", None)
    text = str(moment() if moment else value or "")
    return re.sub(r"\+00:00$", "Z", text)


def _item(entry: IndexEntry) -> dict[str, object]:
    return {
        **dict(sorted(entry.metadata.items())),
        "created": entry.created,
        "digest": entry.digest,
        "urls": [entry.url],
    }


def _rank(item: Mapping[str, object]) -> tuple[int, object]:
    try:
        return 1, semver.Version.parse(str(item["version"]))
    except ValueError:
        return 0, str(item["version"])


def emit_index(entries: Entries, generated: str) -> bytes:
    """The text of an index.

    Versions of a chart stand newest first, as helm writes them; `generated` ends the file.
    """
    ordered = {
        name: sorted(versions, key=_rank, reverse=True)
        for name, versions in sorted(entries.items())
    }
    lines = ["apiVersion: v1"]
    if ordered:
        lines.append("entries:")
        _block(ordered, "  ", lines)
    else:
        lines.append("entries: {}")
    lines.append(f"generated: {json.dumps(generated)}")
    return ("\n".join(lines) + "\n").encode()


def _block(node: object, indent: str, lines: list[str]) -> None:
    if isinstance(node, Mapping):
        for key, child in node.items():
            _entry(f"{indent}{_key(key)}:", child, indent, lines)
    elif isinstance(node, Sequence):
        for child in node:
            if not _nests(child):
                lines.append(f"{indent}- {_scalar(child)}")
                continue
            first = len(lines)
            _block(child, indent + "  ", lines)
            lines[first] = f"{indent}- {lines[first][len(indent) + 2 :]}"


def _entry(head: str, child: object, indent: str, lines: list[str]) -> None:
    if _nests(child):
        lines.append(head)
        _block(child, indent + "  ", lines)
    else:
        lines.append(f"{head} {_scalar(child)}")


def _nests(value: object) -> bool:
    return isinstance(value, (Mapping, list, tuple)) and len(value) > 0


def _key(key: object) -> str:
    return str(key) if _PLAIN.fullmatch(str(key)) else json.dumps(str(key), ensure_ascii=False)


def _scalar(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
