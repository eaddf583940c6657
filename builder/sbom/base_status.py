"""Reads the package status of a base from its archives. Nothing in the base is run."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from builder.common.archives import content, members, opened
from builder.common.limits import ARCHIVE_TEXT

_STATUS = "var/lib/dpkg/status"
_PART = re.compile(r"var/lib/dpkg/status\.d/(?!.*\.md5sums$)[^/]+")


def read_status(archives: Iterable[Path]) -> str:
    """Return the package status in tar archives, lowest layer first; "" where there is none.

    Parts in `status.d` are added to it. Raises StepError for an archive that is damaged.
    """
    status, parts = b"", dict[str, bytes]()
    for archive in archives:
        with opened(archive, f"the base's archive {archive.name}") as tar:
            for member in members(tar):
                path = member.name.removeprefix("./").lstrip("/")
                if member.isreg() and path == _STATUS:
                    status = content(tar, member, ARCHIVE_TEXT)
                elif member.isreg() and _PART.fullmatch(path):
                    parts[path] = content(tar, member, ARCHIVE_TEXT)
    texts = [status, *(parts[path] for path in sorted(parts))]
    return "\n\n".join(text.decode(errors="replace").strip() for text in texts if text)
