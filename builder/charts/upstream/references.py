"""Finds the images that rendered manifests name, in fields and in texts alike. Pure.

A program that starts pods is told their image in an argument, a variable or a file of settings, so
every text is looked at, word by word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from builder.charts.manifests import documents
from builder.oci.reference import Reference, parse

_SOURCE = re.compile(r"^# Source: (.+)$", re.MULTILINE)
_WORD = re.compile(r"[^\s'\"`,;=(){}\[\]<>|]+")
_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:\d+)?|localhost(:\d+)?|[A-Za-z0-9.-]+:\d+")
_PATH = r"[a-z0-9._-]+(?:/[a-z0-9._-]+)*"
_NAMED = re.compile(
    rf"{_PATH}(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]*))?(?P<digest>@sha256:[0-9a-f]+)?"
)
_HUB = "docker.io"


@dataclass(frozen=True, kw_only=True)
class FoundImage:
    """An image that a manifest names: the text, and where it stands."""

    text: str
    template: str  # the file below the chart's folder
    path: str  # `Deployment/name spec.….args[3]`

    @property
    def reference(self) -> Reference:
        """The whole reference; one without a registry is of Docker Hub. Raises ConfigError."""
        first, slash, _ = self.text.partition("/")
        if slash and _HOST.fullmatch(first):
            return parse(self.text)
        return parse(f"{_HUB}/{self.text}" if slash else f"{_HUB}/library/{self.text}")

    def __str__(self) -> str:
        return f"{self.text} in {self.template}, {self.path}"


def rendered(manifests: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield each object that Helm rendered, those of lists too, with its template.

    Raises StepError.
    """
    for part in re.split(r"^---\s*$", manifests, flags=re.MULTILINE):
        match = _SOURCE.search(part)
        template = match[1].partition("/")[2] if match else ""
        for document in documents(part):
            yield from ((template, item) for item in _objects(document))


def _objects(document: dict[str, object]) -> Iterator[dict[str, object]]:
    items = document.get("items")
    if not str(document.get("kind", "")).endswith("List") or not isinstance(items, list):
        yield document
        return
    for item in items:
        if isinstance(item, dict):
            yield from _objects(item)


def images_in(manifests: str) -> list[FoundImage]:
    """Return every image that manifests name, each with the first place. Raises StepError."""
    found: dict[str, FoundImage] = {}
    for template, document in rendered(manifests):
        metadata = document.get("metadata")
        name = metadata.get("name", "") if isinstance(metadata, Mapping) else ""
        for path, text, is_image in _texts(document, ""):
            for word in [text] if is_image else _WORD.findall(text):
                if word and (is_image or _is_image(word)):
                    at = f"{document.get('kind')}/{name} {path}"
                    found.setdefault(word, FoundImage(text=word, template=template, path=at))
    return list(found.values())


def _texts(node: object, path: str) -> Iterator[tuple[str, str, bool]]:
    """Yield the path and the text of each scalar, and whether it is the image of a container."""
    if isinstance(node, Mapping):
        for key, child in node.items():
            if key == "image" and isinstance(child, str) and "name" in node:
                yield f"{path}.image".lstrip("."), child, True
            else:
                yield from _texts(child, f"{path}.{key}".lstrip("."))
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from _texts(child, f"{path}[{index}]")
    elif isinstance(node, str):
        yield path, node, False


def _is_image(word: str) -> bool:
    """Whether a word of a text names an image: below a folder, with a tag or a digest."""
    first, slash, rest = word.partition("/")
    has_host = _HOST.fullmatch(first) is not None
    match = _NAMED.fullmatch(rest if has_host else word) if slash else None
    if match is None or not (match["tag"] or match["digest"]):
        return False
    is_port = match["tag"] is not None and match["tag"].isdigit() and len(match["tag"]) > 3
    return has_host or not is_port
