"""Read, merge and write the index of a chart repository; no version is ever lost. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from builder.catalog.yaml_document import Document, load_as_helm
from builder.charts import helm_versions
from builder.charts.package import is_name, is_version
from builder.common import limits
from builder.common.errors import BuilderError, ConfigError, ConflictError, Location, raise_all
from builder.common.yaml_writer import block

INDEX = "index.yaml"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


@dataclass(frozen=True, kw_only=True)
class IndexEntry:
    """A version of a chart in an index. `metadata` is its Chart.yaml.

    An entry that another tool wrote may lack its digest, URL and time; they are empty then.
    """

    metadata: Mapping[str, object]
    digest: str  # the sha256 of the .tgz: 64 hex digits, perhaps after `sha256:`
    url: str  # relative to the index
    created: str  # RFC 3339, e.g. 2026-01-31T00:00:00Z
    mirrors: tuple[str, ...] = ()  # its other URLs

    @property
    def name(self) -> str:
        """Return the name of the chart."""
        return str(self.metadata["name"])

    @property
    def version(self) -> str:
        """Return the version of the chart."""
        return str(self.metadata["version"])

    @property
    def sha256(self) -> str:
        """Return its digest in hex, or ""."""
        return self.digest.removeprefix("sha256:")


Entries = Mapping[str, Sequence[Mapping[str, object]]]
"""The versions that an index lists, by the name of their chart."""


@dataclass(frozen=True, kw_only=True)
class Index:
    """An index: its entries, and the keys that other tools add beside them."""

    entries: dict[str, list[Mapping[str, object]]] = field(default_factory=dict)
    more: Mapping[str, object] = field(default_factory=dict)


def merge_index(
    old: bytes | None, new: Sequence[IndexEntry], *, generated: str, file: str = INDEX
) -> bytes:
    """Return the index `old` with the entries `new` added.

    What is listed stays listed, with the time when it was first listed. An index without a new
    version is returned unchanged. Raises ConfigError if `old` is torn or malformed, ConflictError
    if a version is listed with another digest.
    """
    before = parse_index(old, file) if old is not None else Index()
    after = with_entries(before.entries, new, file)
    is_same = old is not None and after == before.entries
    return old if old is not None and is_same else emit_index(after, generated, before.more)


def with_entries(
    entries: Entries, new: Sequence[IndexEntry], file: str = INDEX
) -> dict[str, list[Mapping[str, object]]]:
    """Return entries with new ones added. Raises ConflictError, as `merge_index` does."""
    merged = {name: list(versions) for name, versions in entries.items()}
    errors: list[BuilderError] = []
    for entry in new:
        versions = merged.setdefault(entry.name, [])
        listed = next(
            (version for version in versions if version["version"] == entry.version), None
        )
        if listed is None:
            versions.append(_item(entry))
        elif _differ(published := entry_of(listed), entry):
            errors.append(
                ConflictError(
                    f"chart {entry.name} {entry.version} is already published with other content",
                    hint=f"published {published.sha256}, now {entry.sha256}",
                    location=Location(file=file),
                )
            )
    raise_all(errors)
    return merged


def _differ(first: IndexEntry, second: IndexEntry) -> bool:
    """Whether both have a digest, and they differ."""
    return bool(first.sha256 and second.sha256) and first.sha256 != second.sha256


def without(text: bytes, gone: Mapping[str, Collection[str]], *, generated: str) -> bytes:
    """Return an index without these versions, by chart; unchanged if it lists none of them."""
    before = parse_index(text)
    after = {
        name: [version for version in versions if version["version"] not in gone.get(name, ())]
        for name, versions in before.entries.items()
    }
    after = {name: versions for name, versions in after.items() if versions or name not in gone}
    return text if after == before.entries else emit_index(after, generated, before.more)


def read_index(text: bytes, file: str = INDEX) -> dict[str, list[Mapping[str, object]]]:
    """Return the entries of an index. Raises ConfigError if it is torn or malformed."""
    return parse_index(text, file).entries


def parse_index(text: bytes, file: str = INDEX) -> Index:
    """Read an index as Helm does. Raises as `read_index` does."""
    location = Location(file=file)
    if len(text) > limits.CHART_INDEX:
        most = limits.binary(limits.CHART_INDEX)
        raise ConfigError(f"the index is larger than {most}", location=location)
    hint = "restore it, or move it away to list only what is published from now on"
    try:
        document, errors = load_as_helm(text.decode(errors="replace"), file)
    except ConfigError as error:
        message = "the index is damaged: not YAML"
        error_location = replace(error.location or location, source="")
        raise ConfigError(message, hint=hint, location=error_location) from error
    raise_all(errors)
    data = document.data
    if not isinstance(data, dict) or data.get("apiVersion") != "v1":
        raise ConfigError("not a chart index", hint=hint, location=location)
    # Every writer ends with `generated`, so that without it the end is lost.
    if not _MOMENT.match(str(data.get("generated", ""))):
        raise ConfigError("the index is damaged: its end is missing", hint=hint, location=location)
    if not isinstance(data.get("entries"), dict):
        raise ConfigError("the index has no entries", hint=hint, location=location)
    own_keys = ("apiVersion", "entries", "generated")
    return Index(
        entries={name: _versions(document, name) for name in data["entries"]},
        more={key: value for key, value in data.items() if key not in own_keys},
    )


def _versions(document: Document, name: str) -> list[Mapping[str, object]]:
    """Return the versions of a chart in an index. Raises ConfigError if Helm would read none."""
    listed = document.data["entries"][name]
    for number, version_entry in enumerate(listed if isinstance(listed, list) else ()):
        version = version_entry.get("version") if isinstance(version_entry, dict) else None
        if isinstance(version, int | float):
            path = ("entries", name, number, "version")
            raise ConfigError(
                f"version {document.raw[path]} of chart {name} is a number, and must be a string",
                hint=f'quote it: "{document.raw[path]}"; Helm reads nothing of such an index',
                location=document.at(path),
            )
    if listed is None:
        return []
    if not isinstance(listed, list) or not all(
        version_entry is None or _is_whole(version_entry) for version_entry in listed
    ):
        raise ConfigError(
            f"the index is malformed at {name}",
            hint="every entry needs a name and a version, and its urls must be a list",
            location=document.at_key(("entries", name)),
        )
    for number, version_entry in enumerate(listed):
        for key, is_valid in (("name", is_name), ("version", is_version)):
            if version_entry is not None and not is_valid(version_entry[key]):
                raise ConfigError(
                    f"the index lists a chart with the {key} {version_entry[key]!r}",
                    hint="Helm installs no such chart; take it out of the index",
                    location=document.at(("entries", name, number, key)),
                )
    return [version_entry for version_entry in listed if version_entry is not None]


def newest(versions: Sequence[Mapping[str, object]]) -> Mapping[str, object] | None:
    """Return the version of a chart that Helm installs if no version is named."""
    return helm_versions.newest(versions, _version)


def entry_of(listed: Mapping[str, object]) -> IndexEntry:
    """Return a version of an index, to be listed in another."""
    metadata = {
        key: value for key, value in listed.items() if key not in ("created", "digest", "urls")
    }
    urls = listed.get("urls") or [""]
    assert isinstance(urls, list)
    return IndexEntry(
        metadata=metadata,
        digest=str(listed.get("digest") or ""),
        url=str(urls[0]),
        mirrors=tuple(str(url) for url in urls[1:]),
        created=str(listed.get("created") or ""),
    )


def _is_whole(listed: object) -> bool:
    return (
        isinstance(listed, dict)
        and isinstance(listed.get("name"), str)
        and isinstance(listed.get("version"), str)
        and isinstance(listed.get("urls") or [], list)
    )


def _version(listed: Mapping[str, object]) -> str:
    return str(listed["version"])


def _item(entry: IndexEntry) -> dict[str, object]:
    listed: dict[str, object] = dict(sorted(entry.metadata.items()))
    if entry.created:
        listed["created"] = entry.created
    if entry.digest:
        listed["digest"] = entry.digest
    if entry.url:
        listed["urls"] = [entry.url, *entry.mirrors]
    return listed


def emit_index(entries: Entries, generated: str, more: Mapping[str, object] | None = None) -> bytes:
    """Return the text of an index. `more` are the keys that other tools add beside its entries.

    Versions of a chart are sorted newest first, as helm writes them; `generated` ends the file.
    """
    ordered = {
        name: sorted(versions, key=lambda entry: helm_versions.rank(_version(entry)), reverse=True)
        for name, versions in sorted(entries.items())
    }
    content = {"entries": ordered, **(more or {}), "generated": generated}
    return "".join(f"{line}\n" for line in ("apiVersion: v1", *block(content))).encode()
