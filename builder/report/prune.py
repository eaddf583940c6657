"""Shows the result of a search for garbage as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from builder.common.text import count, megabytes
from builder.release.prune.classify import Removal
from builder.release.prune.search import Garbage


def lines(garbage: Garbage, local: Mapping[str, int]) -> Iterator[str]:
    """Yield a line for all that is removed, with size and reason, then counts of what stays.

    `local` maps the images that the engine drops to their bytes.
    """
    for name in garbage.records:
        yield f"release {name}: past retention"
    for name, versions in garbage.retired.items():
        yield f"chart {name}: {', '.join(versions)} leaves the index; no kept release has it"
    if garbage.new_release:
        yield f"release {garbage.new_release}: new, as {garbage.current.release} without these"
    for removal in garbage.removals:
        yield _line(removal)
    for name, size in local.items():
        yield f"{name[:-52]}, in the engine, {megabytes(size)}: nothing names it that stays"
    yield f"{count(len(garbage.removals), 'manifest')} to go, {megabytes(garbage.freed)}"
    yield from _stays(garbage)


def _line(removal: Removal) -> str:
    """Return `…@sha256:0123456789ab (tag and 2 more), 1.2 MB: why`."""
    tags = [tag for tag in removal.tags if not tag.startswith("fp-")] or list(removal.tags)
    shown = tags[0] if tags else "no tag"
    more = f" and {len(removal.tags) - 1} more" if len(removal.tags) > 1 else ""
    manifest = f"{removal.reference.name}@{removal.reference.digest[:19]}"
    return f"{manifest} ({shown}{more}), {megabytes(removal.size)}: {removal.reason}"


def _stays(garbage: Garbage) -> Iterator[str]:
    yield f"{count(sum(garbage.stays.values()), 'manifest')} to stay"
    for reason, number in sorted(garbage.stays.items(), key=lambda item: (-item[1], item[0])):
        yield f"  {number}: {reason}"
    if garbage.stale_tags:
        tags = count(len(garbage.stale_tags), "tag")
        yield f"  {tags} of releases that go name some of them, and go where a registry can"
    yield f"{count(len(garbage.kept), 'release')} to stay"
    yield from (f"  {name}: {reason}" for name, reason in garbage.kept.items())
