"""Images of an upstream that are mirrored as they are: which tag is the newest, and what it names.

The newest tag of a release line is looked up by `builder lock` alone. Everything else names the
digest that is locked, so a tag that upstream moves changes nothing until somebody upgrades.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from builder.catalog.models import Base, Source
from builder.common.errors import (
    BuilderError,
    DamagedError,
    StepError,
    TransientError,
    UnreachableError,
)
from builder.lock.lockfile import BaseLock, is_of_line
from builder.network.upstreams import image_reference
from builder.oci.reference import Reference
from builder.registry.interfaces import Registry

_VERSION = re.compile(r"v?(\d+(?:\.\d+)*)")


@dataclass(frozen=True, kw_only=True)
class UpstreamImages:
    """Looks images up in their registries, or in the mirrors of these."""

    registry: Registry
    mirrors: Mapping[str, str]

    def lock(self, base: Base, sources: Sequence[Source]) -> BaseLock:
        """Return the newest image of a release line, of the first source that has one.

        Raises UnreachableError where no source answers, StepError where none has one.
        """
        reasons: list[str] = []
        is_down = True
        for source in sources:
            try:
                return self._newest(base, source)
            except BuilderError as error:
                is_down &= _is_silence(error)
                reasons.append(f"{source}: {error.message}")
        kind = UnreachableError if is_down else StepError
        raise kind(
            f"no source of {base.id} works:\n    " + "\n    ".join(reasons),
            hint="check `sources` and `network.mirrors` in matrix.yaml",
        )

    def newer(self, base: Base, lock: BaseLock) -> tuple[str, ...]:
        """Return what upstream has in the place of a locked image; nothing if it is that still."""
        now = self._newest(base, lock.source)
        name = f"{lock.source.value}:{lock.version}"
        if now.version != lock.version:
            return (f"{name} → {now.version}",)
        if now.content != lock.content:
            return (f"{name} {lock.content[:19]} → {now.content[:19]}",)
        return ()

    def differing(self, lock: BaseLock) -> str:
        """Return what upstream says of a locked image that it does not have any more, or ""."""
        reference = image_reference(lock.source.value, self.mirrors).at(lock.content)
        is_there = self.registry.digest(reference) is not None
        return "" if is_there else f"{lock.source.value} has no {lock.content}"

    def _newest(self, base: Base, source: Source) -> BaseLock:
        repository = image_reference(source.value, self.mirrors)
        line = base.line or base.value
        tag = _newest_tag(self.registry.tags(repository.name), line)
        if not tag:
            raise StepError(
                f"{repository.name} has no tag of {line}",
                hint=f"`release_line` of {base.value_id} says how its tags begin",
            )
        image = repository.with_tag(tag)
        content = self.registry.digest(image)
        if content is None:
            raise StepError(f"{image} is listed and not there")
        manifest = self._manifest(image.at(content), base.platform)
        return BaseLock(source=source, content=content, epoch=0, version=tag, manifest=manifest)

    def _manifest(self, image: Reference, platform: str) -> str:
        """Return the digest of the image for a platform. Raises StepError."""
        configs = self.registry.configs(image)
        if image.digest not in configs:
            self._check_whole(image)
        found = {_platform(config): key for key, config in configs.items()}
        if platform not in found:
            raise StepError(f"{image} is for {', '.join(sorted(found))}, not for {platform}")
        return found[platform]

    def _check_whole(self, index: Reference) -> None:
        """Raise DamagedError where an index lists a manifest that is not there."""
        for listed in self.registry.blobs(index):
            if self.registry.digest(index.at(listed)) is None:
                raise DamagedError(
                    f"{index}: its index lists {listed}, which is not there",
                    hint="upstream's push is not whole: lock it later, or take another source",
                )


def _is_silence(error: BuilderError) -> bool:
    """Whether an error says that a registry did not answer, or not now."""
    return any(
        isinstance(item, TransientError | UnreachableError) for item in (error, error.__cause__)
    )


def _newest_tag(tags: Sequence[str], line: str) -> str:
    """Return the newest version of a line among tags, or "". Tags with other signs are none."""
    versions: dict[tuple[int, ...], str] = {}
    for tag in tags:
        match = _VERSION.fullmatch(tag)
        if match and is_of_line(tag, line):
            versions[tuple(map(int, match[1].split(".")))] = tag
    return versions[max(versions)] if versions else ""


def _platform(config: Mapping[str, object]) -> str:
    parts = (config.get("os"), config.get("architecture"), config.get("variant"))
    family = "/".join(str(part) for part in parts if part)
    return "linux/arm64" if family == "linux/arm64/v8" else family
