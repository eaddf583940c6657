"""Bases and lines that come from a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from builder.catalog.models import Base, RemoteFile, Source
from builder.catalog.packages import Suite
from builder.common.errors import StepError, UnreachableError
from builder.lock.interfaces import ExactVersion, ReleaseLineRequest
from builder.lock.lockfile import BaseLock, Lock
from tests.fakes.calls import Calls
from tests.fakes.layout import write_layout


class FakeBases(Calls):
    """The first source that is not in `broken`; its content is named after it, or `moved`.

    What moved is locked anew, whatever is previous.
    """

    def __init__(self, folder: Path, *, broken: Sequence[str] = (), moved: str = "") -> None:
        super().__init__()
        self._moved = moved
        self._folder = folder
        self._broken = set(broken)

    def lock(
        self, base: Base, sources: Sequence[Source], previous: BaseLock | None, today: str
    ) -> BaseLock:
        """The previous lock while its source is listed, else the first source that works."""
        self._call("lock", base.id)
        if previous is not None and previous.source in sources and not self._moved:
            return previous
        for source in sources:
            if source.value not in self._broken:
                content = f"sha256:{(self._moved or source.value).encode().hex():0<64.64}"
                suites = {"main": Suite(date=f"{today}T00:00:00Z", sha256="f" * 64)}
                return BaseLock(source=source, content=content, epoch=0, suites=suites)
        raise StepError(f"no source of base {base.id} works")

    def layout(self, base: Base, lock: BaseLock) -> Path:
        """A layout of what is locked."""
        self._call("layout", base.id)
        folder = self._folder / base.slug
        write_layout(folder, lock.content.encode())
        return folder


class FakeLines(Calls):
    """`versions` maps `package on base` to what it resolves to, or to `unreachable`."""

    def __init__(self, versions: Mapping[str, str], files: tuple[RemoteFile, ...] = ()) -> None:
        super().__init__()
        self._versions = versions
        self._files = files

    def lines(self, request: ReleaseLineRequest) -> tuple[str, ...]:
        """The one that the table has."""
        return (self.resolve(request).version,)

    def resolve(self, request: ReleaseLineRequest) -> ExactVersion:
        """What the table says, for the package on the base."""
        base = request.base
        key = f"{request.options['package']} on {base.axis}={base.value}"
        self._call("resolve", key)
        if key not in self._versions:
            raise StepError(f"there is no {key}")
        version = self._versions[key]
        if version == "unreachable":
            raise UnreachableError("example.org cannot be reached")
        return ExactVersion(version=version, files=self._files)


class FakeFiles(Calls):
    """Files whose content is their name."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def file(self, file: RemoteFile) -> Path:
        """A file with that content."""
        self._call("file", file.name)
        place = self._folder / file.sha256
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(file.name)
        return place


class FakeIndexes(Calls):
    """What `versions` says is newer, by the axis value of a base image."""

    def __init__(self) -> None:
        super().__init__()
        self.versions: dict[str, tuple[str, ...]] = {}

    def refresh(self, base: Base, lock: BaseLock) -> None:
        """Fetch nothing."""
        self._call("refresh", base.value)

    def newer(self, base: Base, lock: BaseLock) -> tuple[str, ...]:
        """Return what the table says."""
        self._call("newer", base.value)
        return self.versions.get(base.value, ())

    def has_bases(self, lock: Lock) -> bool:
        """Have them, so that no registry is asked."""
        return True
